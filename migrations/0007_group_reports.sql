-- Reports: months are filtered and summed by identities before names are joined, fees are given in
-- the quote currency wherever they can be, and closing balances end with their account.
--
-- Only replaces views: no table is locked for longer than an instant.

CREATE VIEW onetrading.asset_changes AS
SELECT DISTINCT instrument_code, date_trunc('month', known_from AT TIME ZONE 'UTC')::date AS month
FROM onetrading.instrument_assets
WHERE known_from > '-infinity';
COMMENT ON VIEW onetrading.asset_changes IS 'The UTC months in which an instrument began to stand for other assets: normally none.';
COMMENT ON COLUMN onetrading.asset_changes.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.asset_changes.month IS 'First day of the UTC month of the change.';

-- A join for each trade would cost more than the sums. Within a month an instrument's assets are
-- the same, unless they change in it: only those months are joined trade by trade. Months are
-- grouped by the expression of the index trades_by_month, so that a filter on month uses it.
CREATE VIEW onetrading.monthly_trades AS
SELECT account_id, sums.month, sums.instrument_code, base_code, quote_code, side, liquidity,
    fee_currency, trades, base_amount, quote_amount, fees_paid, fees_received, fees_told,
    fees_at_price
FROM (
    SELECT account_id, date_trunc('month', traded_at AT TIME ZONE 'UTC')::date AS month,
        instrument_code, side, liquidity, fee_currency,
        count(*) AS trades, sum(amount) AS base_amount, sum(quote_amount) AS quote_amount,
        sum(fee_amount) FILTER (WHERE fee_amount > 0) AS fees_paid,
        sum(-fee_amount) FILTER (WHERE fee_amount < 0) AS fees_received,
        count(fee_amount) AS fees_told, sum(fee_amount * price) AS fees_at_price
    FROM onetrading.trades
    GROUP BY 1, 2, 3, 4, 5, 6
) AS sums
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = sums.instrument_code
    AND known_from <= sums.month::timestamp AT TIME ZONE 'UTC'
    AND sums.month::timestamp AT TIME ZONE 'UTC' < known_to
WHERE NOT EXISTS (
    SELECT FROM onetrading.asset_changes AS changes
    WHERE changes.instrument_code = sums.instrument_code AND changes.month = sums.month)
UNION ALL
SELECT account_id, date_trunc('month', traded_at AT TIME ZONE 'UTC')::date,
    trades.instrument_code, base_code, quote_code, side, liquidity, fee_currency,
    count(*), sum(amount), sum(quote_amount),
    sum(fee_amount) FILTER (WHERE fee_amount > 0),
    sum(-fee_amount) FILTER (WHERE fee_amount < 0),
    count(fee_amount), sum(fee_amount * price)
FROM onetrading.asset_changes AS changes
JOIN onetrading.trades
    ON trades.instrument_code = changes.instrument_code
    AND date_trunc('month', traded_at AT TIME ZONE 'UTC')::date = changes.month
JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = trades.instrument_code
    AND known_from <= traded_at AND traded_at < known_to
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
COMMENT ON VIEW onetrading.monthly_trades IS 'Sums of trades per account, UTC month, instrument with its assets, side, liquidity and fee currency: what the monthly reports of trades are made of.';
COMMENT ON COLUMN onetrading.monthly_trades.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.month IS 'First day of the UTC month of traded_at.';
COMMENT ON COLUMN onetrading.monthly_trades.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.base_code IS 'As in onetrading.instrument_assets, at the time of the trades; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.monthly_trades.quote_code IS 'As in onetrading.instrument_assets, at the time of the trades; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.monthly_trades.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.liquidity IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.trades IS 'Number of trades.';
COMMENT ON COLUMN onetrading.monthly_trades.base_amount IS 'Sum of amount, in base_code.';
COMMENT ON COLUMN onetrading.monthly_trades.quote_amount IS 'Sum of quote_amount, in quote_code.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_paid IS 'Sum of positive fee_amount, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_received IS 'Sum of negative fee_amount without its sign, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_told IS 'Number of trades that told their fee.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_at_price IS 'Sum of fee_amount times price: the fees in quote_code where they were in base_code.';

CREATE OR REPLACE VIEW reporting.trades AS
SELECT trade_id, order_id,
    coalesce(accounts.name, trades.account_id::text) AS account, trades.account_id,
    trades.instrument_code, base_code, quote_code,
    side, price, amount, quote_amount, fee_amount, fee_currency, liquidity, order_source, sequence,
    traded_at, traded_at_nanos, (traded_at AT TIME ZONE 'UTC')::date AS traded_on,
    CASE fee_currency WHEN quote_code THEN fee_amount WHEN base_code THEN fee_amount * price END
        AS fee_in_quote,
    trades.first_seen_at
FROM onetrading.trades
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = trades.instrument_code
    AND known_from <= traded_at AND traded_at < known_to;
COMMENT ON VIEW reporting.trades IS 'One row per trade of an account (GET account/trades). A taker''s row may stand for several fills at their average price. Several trades of one instant are common: order by traded_at_nanos, sequence, trade_id.

Example:
SELECT traded_at, instrument_code, side, price, amount, fee_amount, fee_currency
FROM reporting.trades
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
ORDER BY traded_at_nanos, sequence, trade_id;';
COMMENT ON COLUMN reporting.trades.sequence IS 'The exchange''s own count (trade.sequence), which orders the trades of one instant; null when not sent.';
COMMENT ON COLUMN reporting.trades.fee_in_quote IS 'fee_amount in quote_code: itself, or times price, exactly, where it was in base_code; positive when paid, negative when received. Null when the fee was not sent or is in another currency.';
COMMENT ON COLUMN reporting.trades.first_seen_at IS 'When it was first stored here; rows from before an upgrade to a version with this column have the time of that upgrade.';

CREATE OR REPLACE VIEW reporting.funding_payments AS
SELECT coalesce(accounts.name, payments.account_id::text) AS account, payments.account_id,
    payments.instrument_code, quote_code, payments.funding_time, booked_at, amount,
    greatest(-amount, 0) AS paid, greatest(amount, 0) AS received,
    cash_balance, funding_rate, mark_price, payments.first_seen_at
FROM onetrading.funding_payments AS payments
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading.funding_rates AS rates USING (instrument_code, funding_time)
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = payments.instrument_code
    AND known_from <= payments.funding_time AND payments.funding_time < known_to;
COMMENT ON VIEW reporting.funding_payments IS 'One row per funding booked on an account (GET account/futures/funding-payments), with the settled rate of its funding time: one per account, instrument and funding time. A second, different payment of a funding time is not in here but in late_facts.

Example:
SELECT funding_time, instrument_code, paid, received, funding_rate, mark_price
FROM reporting.funding_payments
WHERE account = ''main'' AND funding_time >= ''2026-03-01 00:00Z'' AND funding_time < ''2026-04-01 00:00Z''
ORDER BY funding_time, instrument_code;';
COMMENT ON COLUMN reporting.funding_payments.booked_at IS 'When it was booked, seconds after the funding time (timestamp), to the precision in which it first came.';
COMMENT ON COLUMN reporting.funding_payments.first_seen_at IS 'When it was first stored here; rows from before an upgrade to a version with this column have the time of that upgrade.';

CREATE OR REPLACE VIEW reporting.monthly_fees AS
SELECT account, account_id, month, instrument_code, quote_code, currency, liquidity,
    fees_paid, rebates_received, net_fees, trade_count, trades_without_fee, quote_volume,
    CASE WHEN quote_volume > 0 THEN round(10000 * fee_in_quote / quote_volume, 4) END
        AS effective_bps,
    fee_in_quote
FROM (
    SELECT coalesce(accounts.name, sums.account_id::text) AS account, sums.account_id,
        month, instrument_code, quote_code, fee_currency AS currency, liquidity,
        CASE WHEN sum(fees_told) > 0 THEN coalesce(sum(fees_paid), 0) END AS fees_paid,
        CASE WHEN sum(fees_told) > 0 THEN coalesce(sum(fees_received), 0) END AS rebates_received,
        CASE WHEN sum(fees_told) > 0
            THEN coalesce(sum(fees_paid), 0) - coalesce(sum(fees_received), 0) END AS net_fees,
        sum(trades)::bigint AS trade_count,
        sum(trades - fees_told)::bigint AS trades_without_fee,
        sum(quote_amount) AS quote_volume,
        CASE
            WHEN sum(trades - fees_told) > 0 THEN NULL
            WHEN fee_currency = quote_code
                THEN coalesce(sum(fees_paid), 0) - coalesce(sum(fees_received), 0)
            -- An instrument may have changed its base in the month.
            WHEN bool_and(fee_currency = base_code) THEN sum(fees_at_price)
        END AS fee_in_quote
    FROM onetrading.monthly_trades AS sums
    LEFT JOIN onetrading.accounts USING (account_id)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
) AS fees;
COMMENT ON VIEW reporting.monthly_fees IS 'Trading fees per UTC month of traded_at, market, fee currency and liquidity, from onetrading.trades. Paid and received are never netted, except in net_fees and fee_in_quote.

Example:
SELECT month, currency, sum(fees_paid) AS fees_paid, sum(rebates_received) AS rebates_received
FROM reporting.monthly_fees WHERE account = ''main''
GROUP BY month, currency ORDER BY month, currency;';
COMMENT ON COLUMN reporting.monthly_fees.effective_bps IS 'fee_in_quote per quote_volume in basis points (0.01 %), rounded to 4 decimals, negative for a net rebate; null where fee_in_quote is null.';
COMMENT ON COLUMN reporting.monthly_fees.fee_in_quote IS 'net_fees in quote_code: itself, or the sum of fee times price, exactly, where the fees were in the base asset (spot buys). Null when a fee was not told or is in another currency, or the instrument is unknown.';

CREATE OR REPLACE VIEW reporting.monthly_turnover AS
SELECT coalesce(accounts.name, sums.account_id::text) AS account, sums.account_id,
    month, instrument_code, base_code, quote_code, side, liquidity,
    sum(trades)::bigint AS trades, sum(base_amount) AS base_amount, sum(quote_amount) AS quote_amount
FROM onetrading.monthly_trades AS sums
LEFT JOIN onetrading.accounts USING (account_id)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
COMMENT ON VIEW reporting.monthly_turnover IS 'Traded amounts per UTC month of traded_at, market, side and liquidity, from onetrading.trades.

Example:
SELECT month, quote_code, sum(trades) AS trades, sum(quote_amount) AS turnover
FROM reporting.monthly_turnover WHERE account = ''main''
GROUP BY month, quote_code ORDER BY month, quote_code;';

CREATE OR REPLACE VIEW reporting.daily_closing_balances AS
WITH listed AS (
    SELECT account_id, currency_code, first_observed_at FROM onetrading.listed_currencies
), spans AS (
    SELECT account_id, accounts.name, started.first_day,
        (CASE WHEN accounts.left_at IS NULL THEN now()
            ELSE coalesce(last_observed_at, accounts.left_at) END AT TIME ZONE 'UTC')::date
            AS last_day
    FROM (
        SELECT account_id, (min(first_observed_at) AT TIME ZONE 'UTC')::date AS first_day
        FROM listed GROUP BY account_id
    ) AS started
    LEFT JOIN onetrading.accounts USING (account_id)
    LEFT JOIN (
        SELECT account_id, last_observed_at FROM onetrading.latest_snapshots
        WHERE stream = 'balances'
    ) AS latest USING (account_id)
)
SELECT coalesce(days.name, days.account_id::text) AS account, days.account_id, days.day,
    listed.currency_code,
    coalesce(available, 0) AS available, coalesce(locked, 0) AS locked,
    coalesce(available + locked, 0) AS total,
    balances.snapshot_id IS NOT NULL AS is_listed,
    least(closing.last_observed_at, day_end) AS observed_at,
    least(day_end, now()) - least(closing.last_observed_at, day_end) AS age,
    day_end <= now() AS is_final,
    least(day_end, now()) - least(closing.last_observed_at, day_end) > interval '10 minutes'
        AS estimated
FROM (
    SELECT account_id, name, first_day + step AS day,
        (first_day + step + 1)::timestamp AT TIME ZONE 'UTC' AS day_end
    FROM spans
    CROSS JOIN generate_series(0, last_day - first_day) AS steps (step)
) AS days
CROSS JOIN LATERAL (
    SELECT snapshot_id, last_observed_at FROM onetrading.snapshots
    WHERE account_id = days.account_id AND stream = 'balances' AND first_observed_at < day_end
    ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
) AS closing
JOIN listed ON listed.account_id = days.account_id AND listed.first_observed_at < day_end
LEFT JOIN onetrading.balances
    ON balances.snapshot_id = closing.snapshot_id AND balances.currency_code = listed.currency_code;
COMMENT ON VIEW reporting.daily_closing_balances IS 'Balances at the end of each UTC day: the last complete answer of GET account/balances that was received before midnight. One row per account, day and currency, from the day on which the currency was first listed until today; of an account that is no longer configured, until the day on which it was last observed. A day without any answer repeats the state before it: then estimated is true, and age says how old the state is.

Example:
SELECT currency_code, total, observed_at, age, estimated
FROM reporting.daily_closing_balances
WHERE account = ''main'' AND day = ''2026-03-31'' AND is_final ORDER BY currency_code;';
COMMENT ON COLUMN reporting.daily_closing_balances.estimated IS 'Whether the closing state was last seen more than 10 minutes before the day''s end (now, for the day still running): what happened in between is not in it.';
