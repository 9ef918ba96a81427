-- Reporting: the views that analysts use, and the role that may read them and nothing else.
-- Columns only get added. Needs Postgres 14 or newer (multiranges).
--
-- Views read with their owner's rights: a reader needs no right on the tables behind them.
-- Whatever is cut by time is cut in UTC, whichever TimeZone the reader's session has.
-- A comment may end with "Example:" and a query; the tests run it and the data dictionary shows it.

-- Roles belong to the whole cluster: another database may be creating this one right now, or a
-- managed server may reserve that right to its administrator. Neither may stop a migration.
DO $$
BEGIN
    IF to_regrole('onetrading_reader') IS NULL THEN
        CREATE ROLE onetrading_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING 'role onetrading_reader does not exist and % may not create it',
            quote_ident(current_user)
            USING HINT = format(
                'Ask an administrator to run in this database:'
                ' CREATE ROLE onetrading_reader NOLOGIN;'
                ' GRANT USAGE ON SCHEMA reporting TO onetrading_reader;'
                ' GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO onetrading_reader;'
                ' ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA reporting'
                ' GRANT SELECT ON TABLES TO onetrading_reader;', current_user);
END
$$;

CREATE SCHEMA IF NOT EXISTS reporting;
COMMENT ON SCHEMA reporting IS 'Views for people who write SQL and close a month with it. Columns only get added.';

DO $$
BEGIN
    IF to_regrole('onetrading_reader') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA reporting TO onetrading_reader;
        -- Holds for every view that is created from here on, by this migration and later ones.
        ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO onetrading_reader;
    END IF;
END
$$;

-- "The state at an instant" is the last snapshot that began before it: snapshots_by_start finds it.
CREATE INDEX balances_by_currency ON onetrading.balances (account_id, currency_code, snapshot_id);
-- Small, because a month repeats (7 bytes a trade); its statistics also tell the planner how few months there are.
CREATE INDEX trades_by_month ON onetrading.trades ((date_trunc('month', traded_at AT TIME ZONE 'UTC')::date));

-- What several views share. DISTINCT would read every snapshot; these step from one group to the
-- next along an index, so that their cost depends on the number of groups alone.

CREATE VIEW onetrading.latest_snapshots AS
WITH RECURSIVE latest AS (
    (SELECT * FROM onetrading.snapshots
     ORDER BY account_id DESC, stream DESC, first_observed_at DESC, snapshot_id DESC LIMIT 1)
    UNION ALL
    SELECT next_group.*
    FROM latest CROSS JOIN LATERAL (
        SELECT * FROM onetrading.snapshots
        WHERE (account_id, stream) < (latest.account_id, latest.stream)
        ORDER BY account_id DESC, stream DESC, first_observed_at DESC, snapshot_id DESC LIMIT 1
    ) AS next_group
)
SELECT account_id, stream, snapshot_id, first_observed_at, last_observed_at, row_count, header
FROM latest;
COMMENT ON VIEW onetrading.latest_snapshots IS 'The newest snapshot of each account and stream.';
COMMENT ON COLUMN onetrading.latest_snapshots.account_id IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.stream IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.snapshot_id IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.first_observed_at IS 'As in onetrading.snapshots; the newest of its account and stream.';
COMMENT ON COLUMN onetrading.latest_snapshots.last_observed_at IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.row_count IS 'As in onetrading.snapshots; 0 means empty.';
COMMENT ON COLUMN onetrading.latest_snapshots.header IS 'As in onetrading.snapshots.';

CREATE VIEW onetrading.listed_currencies AS
WITH RECURSIVE listed AS (
    (SELECT account_id, currency_code, snapshot_id FROM onetrading.balances
     ORDER BY account_id, currency_code, snapshot_id LIMIT 1)
    UNION ALL
    SELECT next_group.*
    FROM listed CROSS JOIN LATERAL (
        SELECT account_id, currency_code, snapshot_id FROM onetrading.balances
        WHERE (account_id, currency_code) > (listed.account_id, listed.currency_code)
        ORDER BY account_id, currency_code, snapshot_id LIMIT 1
    ) AS next_group
)
SELECT listed.account_id, listed.currency_code, first_observed_at
FROM listed JOIN onetrading.snapshots USING (snapshot_id);
COMMENT ON VIEW onetrading.listed_currencies IS 'Every currency that an account was ever seen to hold, zero balances included.';
COMMENT ON COLUMN onetrading.listed_currencies.account_id IS 'As in onetrading.balances.';
COMMENT ON COLUMN onetrading.listed_currencies.currency_code IS 'As in onetrading.balances.';
COMMENT ON COLUMN onetrading.listed_currencies.first_observed_at IS 'When it was first listed: the start of the first snapshot that has it (the least snapshot_id).';

CREATE VIEW onetrading.instrument_assets AS
WITH changes AS (
    SELECT instrument_code, base_code, quote_code, valid_from,
        lag(valid_from) OVER versions AS before,
        (lag(base_code) OVER versions, lag(quote_code) OVER versions)
            IS NOT DISTINCT FROM (base_code, quote_code) AS same
    FROM onetrading.instruments
    WINDOW versions AS (PARTITION BY instrument_code ORDER BY valid_from)
)
SELECT instrument_code, base_code, quote_code,
    CASE WHEN before IS NULL THEN '-infinity' ELSE valid_from END AS known_from,
    lead(valid_from, 1, 'infinity') OVER (PARTITION BY instrument_code ORDER BY valid_from) AS known_to
FROM changes WHERE before IS NULL OR NOT same;
COMMENT ON VIEW onetrading.instrument_assets IS 'Base and quote of each instrument at any time: of an instrument''s rows exactly one holds at an instant, so that joining by code and time never multiplies rows.';
COMMENT ON COLUMN onetrading.instrument_assets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.known_from IS 'valid_from of the version; the first one counts for all time before it.';
COMMENT ON COLUMN onetrading.instrument_assets.known_to IS 'known_from of the next row, exclusive; the last one counts for all time after it.';

CREATE VIEW reporting.trades AS
SELECT trade_id, order_id,
    coalesce(accounts.name, trades.account_id::text) AS account, trades.account_id,
    trades.instrument_code, base_code, quote_code,
    side, price, amount, quote_amount, fee_amount, fee_currency, liquidity, order_source, sequence,
    traded_at, traded_at_nanos, (traded_at AT TIME ZONE 'UTC')::date AS traded_on
FROM onetrading.trades
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = trades.instrument_code
    AND known_from <= traded_at AND traded_at < known_to;
COMMENT ON VIEW reporting.trades IS 'One row per trade of an account (GET account/trades). A taker''s row may stand for several fills at their average price.

Example:
SELECT traded_at, instrument_code, side, price, amount, fee_amount, fee_currency
FROM reporting.trades
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
ORDER BY traded_at_nanos, trade_id;';
COMMENT ON COLUMN reporting.trades.trade_id IS 'Identity of the trade (trade.trade_id).';
COMMENT ON COLUMN reporting.trades.order_id IS 'Order that it filled (trade.order_id); null when not sent.';
COMMENT ON COLUMN reporting.trades.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.trades.account_id IS 'Identity of the account at the exchange (trade.account_id).';
COMMENT ON COLUMN reporting.trades.instrument_code IS 'Market (trade.instrument_code).';
COMMENT ON COLUMN reporting.trades.base_code IS 'Asset that amount counts, from onetrading.instruments at the time of the trade; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trades.quote_code IS 'Currency of price and quote_amount, from onetrading.instruments at the time of the trade; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trades.side IS 'BUY or SELL, of the account (trade.side).';
COMMENT ON COLUMN reporting.trades.price IS 'In quote_code per unit of base_code (trade.price).';
COMMENT ON COLUMN reporting.trades.amount IS 'In base_code; no sign, side carries it (trade.amount).';
COMMENT ON COLUMN reporting.trades.quote_amount IS 'In quote_code, without fee; no sign. Exactly price times amount.';
COMMENT ON COLUMN reporting.trades.fee_amount IS 'In fee_currency: positive when paid, negative when received as a rebate (fee.fee_amount); null when not sent.';
COMMENT ON COLUMN reporting.trades.fee_currency IS 'Currency of fee_amount (fee.fee_currency).';
COMMENT ON COLUMN reporting.trades.liquidity IS 'MAKER or TAKER (trade.matched_as); null when not sent.';
COMMENT ON COLUMN reporting.trades.order_source IS 'Where the order came from, for example API (trade.order_type).';
COMMENT ON COLUMN reporting.trades.sequence IS 'The exchange''s own count (trade.sequence); null when not sent.';
COMMENT ON COLUMN reporting.trades.traded_at IS 'When it happened, cut (never rounded up) to the microsecond (trade.time_nanos, else trade.time).';
COMMENT ON COLUMN reporting.trades.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970-01-01 UTC.';
COMMENT ON COLUMN reporting.trades.traded_on IS 'UTC day of traded_at.';

CREATE VIEW reporting.funding_payments AS
SELECT coalesce(accounts.name, payments.account_id::text) AS account, payments.account_id,
    payments.instrument_code, quote_code, payments.funding_time, booked_at, amount,
    greatest(-amount, 0) AS paid, greatest(amount, 0) AS received,
    cash_balance, funding_rate, mark_price
FROM onetrading.funding_payments AS payments
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading.funding_rates AS rates USING (instrument_code, funding_time)
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = payments.instrument_code
    AND known_from <= payments.funding_time AND payments.funding_time < known_to;
COMMENT ON VIEW reporting.funding_payments IS 'One row per funding booked on an account (GET account/futures/funding-payments), with the settled rate of its funding time.

Example:
SELECT funding_time, instrument_code, paid, received, funding_rate, mark_price
FROM reporting.funding_payments
WHERE account = ''main'' AND funding_time >= ''2026-03-01 00:00Z'' AND funding_time < ''2026-04-01 00:00Z''
ORDER BY funding_time, instrument_code;';
COMMENT ON COLUMN reporting.funding_payments.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.funding_payments.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.funding_payments.instrument_code IS 'Futures market (the key of the list that held the payment).';
COMMENT ON COLUMN reporting.funding_payments.quote_code IS 'Currency of all amounts and prices of the row, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.funding_payments.funding_time IS 'Funding time that it belongs to, derived from booked_at: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN reporting.funding_payments.booked_at IS 'When it was booked, seconds after the funding time (timestamp).';
COMMENT ON COLUMN reporting.funding_payments.amount IS 'In quote_code, as sent: positive when received, negative when paid (funding_payment).';
COMMENT ON COLUMN reporting.funding_payments.paid IS 'In quote_code, never negative: -amount when amount is negative, else 0.';
COMMENT ON COLUMN reporting.funding_payments.received IS 'In quote_code, never negative: amount when it is positive, else 0.';
COMMENT ON COLUMN reporting.funding_payments.cash_balance IS 'In quote_code: cash after the booking (cash_balance).';
COMMENT ON COLUMN reporting.funding_payments.funding_rate IS 'Settled rate, a fraction per funding period; positive: longs paid shorts (GET funding-rate/history: funding_rate). Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_payments.mark_price IS 'In quote_code: mark price at settlement (GET funding-rate/history: mark_price). Null when not (yet) read.';

CREATE VIEW reporting.current_balances AS
SELECT coalesce(accounts.name, latest.account_id::text) AS account, latest.account_id,
    listed.currency_code,
    coalesce(available, 0) AS available, coalesce(locked, 0) AS locked,
    coalesce(available + locked, 0) AS total,
    balances.snapshot_id IS NOT NULL AS is_listed, changed_at,
    last_observed_at AS observed_at, now() - last_observed_at AS age
FROM onetrading.latest_snapshots AS latest
JOIN onetrading.listed_currencies AS listed USING (account_id)
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading.balances
    ON balances.snapshot_id = latest.snapshot_id AND balances.currency_code = listed.currency_code
WHERE latest.stream = 'balances';
COMMENT ON VIEW reporting.current_balances IS 'What each account holds in each currency, from the newest complete answer of GET account/balances. Look at age before you trust it.

Example:
SELECT currency_code, available, locked, total, age
FROM reporting.current_balances WHERE account = ''main'' AND total <> 0 ORDER BY currency_code;';
COMMENT ON COLUMN reporting.current_balances.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.current_balances.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.current_balances.currency_code IS 'Every currency that the account was ever seen to hold (balances[].currency_code).';
COMMENT ON COLUMN reporting.current_balances.available IS 'Free, in units of currency_code (balances[].available); 0 when no longer listed.';
COMMENT ON COLUMN reporting.current_balances.locked IS 'Held by open orders, in units of currency_code (balances[].locked); 0 when no longer listed.';
COMMENT ON COLUMN reporting.current_balances.total IS 'available plus locked, in units of currency_code.';
COMMENT ON COLUMN reporting.current_balances.is_listed IS 'Whether the newest answer lists the currency; false: the amounts are 0 because it does not.';
COMMENT ON COLUMN reporting.current_balances.changed_at IS 'When this balance last changed, as the exchange says (balances[].time); null when not listed.';
COMMENT ON COLUMN reporting.current_balances.observed_at IS 'When the answer was last received.';
COMMENT ON COLUMN reporting.current_balances.age IS 'now() minus observed_at.';

CREATE VIEW reporting.current_positions AS
SELECT coalesce(accounts.name, latest.account_id::text) AS account, latest.account_id,
    positions.instrument_code, base_code, quote_code, direction, open_volume,
    CASE direction WHEN 'LONG' THEN open_volume WHEN 'SHORT' THEN -open_volume END AS net_volume,
    open_notional, maintenance_margin, last_settlement, mark_price,
    last_observed_at AS observed_at, now() - last_observed_at AS age
FROM onetrading.latest_snapshots AS latest
JOIN onetrading.positions USING (snapshot_id)
LEFT JOIN onetrading.accounts ON accounts.account_id = latest.account_id
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = positions.instrument_code
    AND known_from <= last_observed_at AND last_observed_at < known_to
WHERE latest.stream = 'positions';
COMMENT ON VIEW reporting.current_positions IS 'Open futures positions, from the newest complete answer of GET account/futures/positions. No row: flat, or never asked; freshness tells which.

Example:
SELECT instrument_code, net_volume, open_notional, quote_code, age
FROM reporting.current_positions WHERE account = ''main'' ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.current_positions.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.current_positions.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.current_positions.instrument_code IS 'Futures market (positions[].instrument_code).';
COMMENT ON COLUMN reporting.current_positions.base_code IS 'Asset that volumes count, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_positions.quote_code IS 'Currency of all money of the row, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_positions.direction IS 'LONG or SHORT (positions[].direction).';
COMMENT ON COLUMN reporting.current_positions.open_volume IS 'Size in base_code; no sign, direction carries it (positions[].open_volume).';
COMMENT ON COLUMN reporting.current_positions.net_volume IS 'Size in base_code: positive when long, negative when short; null for any other direction.';
COMMENT ON COLUMN reporting.current_positions.open_notional IS 'Size at the mark price, in quote_code; no sign; not the cost of entry (positions[].open_position).';
COMMENT ON COLUMN reporting.current_positions.maintenance_margin IS 'In quote_code (positions[].maintenance_margin).';
COMMENT ON COLUMN reporting.current_positions.last_settlement IS 'Cash result of the last minute''s settlement in quote_code; positive when received (positions[].last_settlement).';
COMMENT ON COLUMN reporting.current_positions.mark_price IS 'Mark price of the last settlement, in quote_code per unit of base_code (positions[].mark_price).';
COMMENT ON COLUMN reporting.current_positions.observed_at IS 'When the answer was last received.';
COMMENT ON COLUMN reporting.current_positions.age IS 'now() minus observed_at.';

CREATE VIEW reporting.daily_closing_balances AS
WITH listed AS (
    SELECT account_id, currency_code, first_observed_at FROM onetrading.listed_currencies
), started AS (
    SELECT account_id, (min(first_observed_at) AT TIME ZONE 'UTC')::date AS first_day
    FROM listed GROUP BY account_id
)
SELECT coalesce(accounts.name, days.account_id::text) AS account, days.account_id, days.day,
    listed.currency_code,
    coalesce(available, 0) AS available, coalesce(locked, 0) AS locked,
    coalesce(available + locked, 0) AS total,
    balances.snapshot_id IS NOT NULL AS is_listed,
    least(closing.last_observed_at, day_end) AS observed_at,
    least(day_end, now()) - least(closing.last_observed_at, day_end) AS age,
    day_end <= now() AS is_final
FROM (
    SELECT account_id, first_day + step AS day,
        (first_day + step + 1)::timestamp AT TIME ZONE 'UTC' AS day_end
    FROM started
    CROSS JOIN generate_series(0, (now() AT TIME ZONE 'UTC')::date - first_day) AS steps (step)
) AS days
CROSS JOIN LATERAL (
    SELECT snapshot_id, last_observed_at FROM onetrading.snapshots
    WHERE account_id = days.account_id AND stream = 'balances' AND first_observed_at < day_end
    ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
) AS closing
JOIN listed ON listed.account_id = days.account_id AND listed.first_observed_at < day_end
LEFT JOIN onetrading.accounts ON accounts.account_id = days.account_id
LEFT JOIN onetrading.balances
    ON balances.snapshot_id = closing.snapshot_id AND balances.currency_code = listed.currency_code;
COMMENT ON VIEW reporting.daily_closing_balances IS 'Balances at the end of each UTC day: the last complete answer of GET account/balances that was received before midnight. One row per account, day and currency, from the day on which the currency was first listed until today. A day without any answer repeats the state before it, and its age says so.

Example:
SELECT currency_code, total, observed_at, age
FROM reporting.daily_closing_balances
WHERE account = ''main'' AND day = ''2026-03-31'' AND is_final ORDER BY currency_code;';
COMMENT ON COLUMN reporting.daily_closing_balances.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_closing_balances.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_closing_balances.day IS 'UTC day that closes: [day 00:00Z, day + 1 00:00Z).';
COMMENT ON COLUMN reporting.daily_closing_balances.currency_code IS 'Every currency listed on that day or earlier (balances[].currency_code).';
COMMENT ON COLUMN reporting.daily_closing_balances.available IS 'Free, in units of currency_code (balances[].available); 0 when the closing answer does not list it.';
COMMENT ON COLUMN reporting.daily_closing_balances.locked IS 'Held by open orders, in units of currency_code (balances[].locked); 0 when the closing answer does not list it.';
COMMENT ON COLUMN reporting.daily_closing_balances.total IS 'available plus locked, in units of currency_code.';
COMMENT ON COLUMN reporting.daily_closing_balances.is_listed IS 'Whether the closing answer lists the currency; false: the amounts are 0 because it does not.';
COMMENT ON COLUMN reporting.daily_closing_balances.observed_at IS 'When this state was last seen at or before the day''s end; the day''s end itself when it was still seen afterwards.';
COMMENT ON COLUMN reporting.daily_closing_balances.age IS 'Day''s end (now, for the day still running) minus observed_at: how stale the closing state is. Normally seconds; days without any answer show here.';
COMMENT ON COLUMN reporting.daily_closing_balances.is_final IS 'Whether the day is over; false for the day still running.';

CREATE VIEW reporting.monthly_fees AS
SELECT account, account_id, month, instrument_code, quote_code, currency, liquidity,
    fees_paid, rebates_received, net_fees, trade_count, trades_without_fee, quote_volume,
    CASE WHEN currency = quote_code AND quote_volume > 0 AND trades_without_fee = 0
        THEN round(10000 * net_fees / quote_volume, 4) END AS effective_bps
FROM (
    SELECT account, account_id,
        date_trunc('month', traded_at AT TIME ZONE 'UTC')::date AS month,
        instrument_code, quote_code, fee_currency AS currency, liquidity,
        sum(greatest(fee_amount, 0)) FILTER (WHERE fee_amount IS NOT NULL) AS fees_paid,
        sum(greatest(-fee_amount, 0)) FILTER (WHERE fee_amount IS NOT NULL) AS rebates_received,
        sum(fee_amount) AS net_fees,
        count(*) AS trade_count,
        count(*) - count(fee_amount) AS trades_without_fee,
        sum(quote_amount) AS quote_volume
    FROM reporting.trades
    GROUP BY 1, 2, 3, 4, 5, 6, 7
) AS sums;
COMMENT ON VIEW reporting.monthly_fees IS 'Trading fees per UTC month of traded_at, market, fee currency and liquidity, from reporting.trades. Paid and received are never netted, except in net_fees.

Example:
SELECT month, currency, sum(fees_paid) AS fees_paid, sum(rebates_received) AS rebates_received
FROM reporting.monthly_fees WHERE account = ''main''
GROUP BY month, currency ORDER BY month, currency;';
COMMENT ON COLUMN reporting.monthly_fees.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.monthly_fees.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.monthly_fees.month IS 'First day of the UTC calendar month in which the trades happened.';
COMMENT ON COLUMN reporting.monthly_fees.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.monthly_fees.quote_code IS 'Currency of quote_volume; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_fees.currency IS 'Currency of the fees (fee.fee_currency); null when not sent.';
COMMENT ON COLUMN reporting.monthly_fees.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.monthly_fees.fees_paid IS 'Gross, in units of currency, never negative: the sum of positive fee_amount; null when no trade of the row told its fee.';
COMMENT ON COLUMN reporting.monthly_fees.rebates_received IS 'Gross, in units of currency, never negative: the sum of negative fee_amount without its sign; null when no trade of the row told its fee.';
COMMENT ON COLUMN reporting.monthly_fees.net_fees IS 'fees_paid minus rebates_received: positive when more was paid than received.';
COMMENT ON COLUMN reporting.monthly_fees.trade_count IS 'Number of trades.';
COMMENT ON COLUMN reporting.monthly_fees.trades_without_fee IS 'How many of them told no fee; 0 is normal.';
COMMENT ON COLUMN reporting.monthly_fees.quote_volume IS 'Sum of quote_amount, in quote_code, without fees.';
COMMENT ON COLUMN reporting.monthly_fees.effective_bps IS 'net_fees per quote_volume in basis points (0.01 %), rounded to 4 decimals, negative for a net rebate; null when the fee currency is not the quote currency or a fee was not told.';

CREATE VIEW reporting.monthly_turnover AS
SELECT account, account_id,
    date_trunc('month', traded_at AT TIME ZONE 'UTC')::date AS month,
    instrument_code, base_code, quote_code, side, liquidity,
    count(*) AS trades, sum(amount) AS base_amount, sum(quote_amount) AS quote_amount
FROM reporting.trades
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
COMMENT ON VIEW reporting.monthly_turnover IS 'Traded amounts per UTC month of traded_at, market, side and liquidity, from reporting.trades.

Example:
SELECT month, quote_code, sum(trades) AS trades, sum(quote_amount) AS turnover
FROM reporting.monthly_turnover WHERE account = ''main''
GROUP BY month, quote_code ORDER BY month, quote_code;';
COMMENT ON COLUMN reporting.monthly_turnover.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.monthly_turnover.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.monthly_turnover.month IS 'First day of the UTC calendar month in which the trades happened.';
COMMENT ON COLUMN reporting.monthly_turnover.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.monthly_turnover.base_code IS 'Asset of base_amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_turnover.quote_code IS 'Currency of quote_amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_turnover.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.monthly_turnover.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.monthly_turnover.trades IS 'Number of trades.';
COMMENT ON COLUMN reporting.monthly_turnover.base_amount IS 'Sum of amount, in base_code; no sign, side carries it.';
COMMENT ON COLUMN reporting.monthly_turnover.quote_amount IS 'Sum of quote_amount, in quote_code, without fees; no sign, side carries it.';

CREATE VIEW reporting.monthly_funding AS
SELECT account, account_id,
    date_trunc('month', funding_time AT TIME ZONE 'UTC')::date AS month,
    instrument_code, quote_code, count(*) AS payments,
    sum(paid) AS paid, sum(received) AS received, sum(amount) AS net
FROM reporting.funding_payments
GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW reporting.monthly_funding IS 'Funding per UTC month of funding_time and market, from reporting.funding_payments. Paid and received are never netted, except in net.

Example:
SELECT month, instrument_code, payments, paid, received, net, quote_code
FROM reporting.monthly_funding WHERE account = ''main'' ORDER BY month, instrument_code;';
COMMENT ON COLUMN reporting.monthly_funding.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.monthly_funding.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.monthly_funding.month IS 'First day of the UTC calendar month of funding_time. The payment of midnight on the first counts for the month that begins, though it settles the hours before.';
COMMENT ON COLUMN reporting.monthly_funding.instrument_code IS 'Futures market.';
COMMENT ON COLUMN reporting.monthly_funding.quote_code IS 'Currency of paid, received and net; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_funding.payments IS 'Number of payments, paid and received together.';
COMMENT ON COLUMN reporting.monthly_funding.paid IS 'Gross, in quote_code, never negative.';
COMMENT ON COLUMN reporting.monthly_funding.received IS 'Gross, in quote_code, never negative.';
COMMENT ON COLUMN reporting.monthly_funding.net IS 'received minus paid, in quote_code: positive when more was received than paid.';

CREATE VIEW reporting.coverage_gaps AS
SELECT coalesce(accounts.name, scopes.account_id::text) AS account, scopes.account_id, stream, scope,
    lower(open) AS gap_start, upper(open) AS gap_end, upper(open) - lower(open) AS gap,
    upper(open) = settled_to AS is_tail
FROM (
    -- A start that lies ahead makes an empty range, and no gap.
    SELECT account_id, stream, scope, now() - settle AS settled_to,
        tstzrange(least(required_from, now() - settle), now() - settle) AS required
    FROM onetrading_sync.progress
    WHERE required_from IS NOT NULL AND retired_because IS NULL
) AS scopes
CROSS JOIN LATERAL (
    SELECT coalesce(range_agg(range), '{}') AS ranges FROM onetrading_sync.coverage
    WHERE coverage.account_id = scopes.account_id AND coverage.stream = scopes.stream
      AND coverage.scope = scopes.scope
) AS proven
CROSS JOIN LATERAL unnest(tstzmultirange(required) - ranges) AS gaps (open)
LEFT JOIN onetrading.accounts ON accounts.account_id = scopes.account_id;
COMMENT ON VIEW reporting.coverage_gaps IS 'Ranges of time whose history is not proven complete, per account, stream and scope: from the required start to now less the settle time, minus what is proven. Time before the required start is not listed here: freshness.required_from tells it, and the example asks for both. A closed month is complete when complete is true for every stream listed.

Example:
SELECT account, stream,
    coalesce(required_from <= ''2026-03-01 00:00Z'' AND covered_to >= ''2026-04-01 00:00Z'', false)
    AND NOT EXISTS (
        SELECT FROM reporting.coverage_gaps AS gaps
        WHERE gaps.account_id = freshness.account_id AND gaps.stream = freshness.stream
          AND gap_start < ''2026-04-01 00:00Z'' AND gap_end > ''2026-03-01 00:00Z'') AS complete
FROM reporting.freshness WHERE kind = ''history'' ORDER BY account, stream;';
COMMENT ON COLUMN reporting.coverage_gaps.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.coverage_gaps.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.coverage_gaps.stream IS 'What is read, for example trades.';
COMMENT ON COLUMN reporting.coverage_gaps.scope IS 'Instrument code where the stream is asked per instrument, else empty.';
COMMENT ON COLUMN reporting.coverage_gaps.gap_start IS 'First instant that is not proven (inclusive), from onetrading_sync.progress and coverage.';
COMMENT ON COLUMN reporting.coverage_gaps.gap_end IS 'End of the gap (exclusive).';
COMMENT ON COLUMN reporting.coverage_gaps.gap IS 'gap_end minus gap_start.';
COMMENT ON COLUMN reporting.coverage_gaps.is_tail IS 'The gap reaches to now less the settle time. The time since the last pass is always open, so a tail of a poll interval is normal; a longer one means that the sync is behind. Do not filter by it when you ask for a closed month.';

CREATE VIEW reporting.freshness AS
SELECT coalesce(accounts.name, streams.account_id::text) AS account, streams.account_id,
    stream, kind, scopes, failing_scopes,
    last_success_at, now() - last_success_at AS age, last_attempt_at, last_error,
    required_from, covered_to, now() - covered_to AS lag
FROM (
    SELECT account_id, stream,
        CASE WHEN bool_or(required_from IS NOT NULL) THEN 'history' ELSE 'snapshot' END AS kind,
        count(*) AS scopes, count(last_error) AS failing_scopes,
        -- Of several scopes the worst counts, and one that never succeeded is the worst.
        CASE WHEN bool_and(last_success_at IS NOT NULL) THEN min(last_success_at) END AS last_success_at,
        CASE WHEN bool_and(last_attempt_at IS NOT NULL) THEN min(last_attempt_at) END AS last_attempt_at,
        (array_agg(last_error ORDER BY last_attempt_at DESC NULLS LAST, scope)
            FILTER (WHERE last_error IS NOT NULL))[1] AS last_error,
        max(required_from) AS required_from,
        CASE WHEN bool_and(covered_to IS NOT NULL) THEN min(covered_to) END AS covered_to
    FROM onetrading_sync.progress
    CROSS JOIN LATERAL (
        SELECT max(upper(range)) AS covered_to FROM onetrading_sync.coverage
        WHERE coverage.account_id = progress.account_id AND coverage.stream = progress.stream
          AND coverage.scope = progress.scope
    ) AS newest
    WHERE retired_because IS NULL
    GROUP BY account_id, stream
) AS streams
LEFT JOIN onetrading.accounts USING (account_id);
COMMENT ON VIEW reporting.freshness IS 'How current each account''s streams are. Where a stream is asked per instrument, the worst one counts; instruments that are no longer asked do not.

Example:
SELECT account, stream, age, lag, last_error
FROM reporting.freshness WHERE last_error IS NOT NULL OR age > interval ''10 minutes''
ORDER BY age DESC;';
COMMENT ON COLUMN reporting.freshness.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.freshness.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.freshness.stream IS 'What is read, for example trades.';
COMMENT ON COLUMN reporting.freshness.kind IS 'history (read by ranges of time, with coverage) or snapshot (the present state or list).';
COMMENT ON COLUMN reporting.freshness.scopes IS 'How many scopes the row stands for: instruments where it is asked per instrument, else 1.';
COMMENT ON COLUMN reporting.freshness.failing_scopes IS 'How many of them failed in their last pass.';
COMMENT ON COLUMN reporting.freshness.last_success_at IS 'End of the last pass that succeeded; null when one never did (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.last_attempt_at IS 'End of the last pass, good or bad; null when there was none (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.last_error IS 'Why the last pass failed, of the scope tried last; null when all succeeded (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.required_from IS 'History must be complete from here, for every scope; null for snapshots (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.covered_to IS 'Newest instant up to which history is proven (exclusive), of the scope that is furthest behind; null for snapshots and when nothing is proven. Older gaps are possible: see coverage_gaps.';
COMMENT ON COLUMN reporting.freshness.age IS 'now() minus last_success_at.';
COMMENT ON COLUMN reporting.freshness.lag IS 'now() minus covered_to; the settle time and one poll interval are normal.';

CREATE VIEW reporting.open_rejects AS
SELECT reject_id, coalesce(accounts.name, rejects.account_id::text) AS account, rejects.account_id,
    stream, scope, reason, record, rejects.first_seen_at, now() - rejects.first_seen_at AS age
FROM onetrading_sync.rejects
LEFT JOIN onetrading.accounts USING (account_id)
WHERE resolved_at IS NULL;
COMMENT ON VIEW reporting.open_rejects IS 'Records of the exchange that could not be read and are missing in every other view until they are. Close no month while it has rows.

Example:
SELECT account, stream, reason, count(*) FROM reporting.open_rejects
GROUP BY account, stream, reason ORDER BY count(*) DESC;';
COMMENT ON COLUMN reporting.open_rejects.reject_id IS 'Number of the record here.';
COMMENT ON COLUMN reporting.open_rejects.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.open_rejects.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.open_rejects.stream IS 'What was read, for example trades.';
COMMENT ON COLUMN reporting.open_rejects.scope IS 'Instrument code where the stream is asked per instrument, else empty.';
COMMENT ON COLUMN reporting.open_rejects.reason IS 'Why the record could not be read.';
COMMENT ON COLUMN reporting.open_rejects.record IS 'The record as sent.';
COMMENT ON COLUMN reporting.open_rejects.first_seen_at IS 'When it first came.';
COMMENT ON COLUMN reporting.open_rejects.age IS 'now() minus first_seen_at.';
