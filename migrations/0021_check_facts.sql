-- The journal of an account, and what the facts of one stream say of those of another: fees against
-- the tier, funding against rate and position, orders and positions against trades, closed positions
-- against their trades, prices against the quotes of their time.
--
-- Creates views and functions; locks no table.
--
-- Views whose name ends in _by_zone have the months of every time zone. A filter by account, month,
-- or time reaches the index over (account_id, time) of the table that is read.

CREATE VIEW onetrading.instrument_markets AS
SELECT assets.instrument_code, base_code, quote_code, known_from, known_to,
    kind, is_futures
FROM onetrading.instrument_assets AS assets
JOIN onetrading.instrument_kinds AS kinds USING (instrument_code);
COMMENT ON VIEW onetrading.instrument_markets IS 'onetrading.instrument_assets with the kind of market, which never changes.';
COMMENT ON COLUMN onetrading.instrument_markets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.known_from IS 'As in onetrading.instrument_assets.';
COMMENT ON COLUMN onetrading.instrument_markets.known_to IS 'As in onetrading.instrument_assets.';
COMMENT ON COLUMN onetrading.instrument_markets.kind IS 'As in onetrading.instruments, of its newest version.';
COMMENT ON COLUMN onetrading.instrument_markets.is_futures IS 'Whether positions in it are margined and settled in cash.';

-- A common table expression keeps a subquery from being merged into the query around it, while filters
-- still get into it. Merged, the planner would take the range of a month for a ninth of the table and
-- read all of it; as a subquery it is a range of the index, for each month that is asked for.
CREATE VIEW onetrading.trades_of_months AS
SELECT months.account_id, months.account, months.zone, months.month,
    trade_id, order_id, trades.instrument_code, base_code, quote_code,
    -- Futures of the exchange have codes that end so: of an instrument that is not known (yet).
    coalesce(is_futures, trades.instrument_code LIKE '%\_P') AS is_futures,
    side, price, amount, quote_amount, fee_amount, fee_currency, liquidity, order_source,
    sequence, traded_at, traded_at_nanos,
    CASE WHEN fee_amount = 0 THEN 0 WHEN fee_currency = quote_code THEN fee_amount
        WHEN fee_currency = base_code THEN fee_amount * price END AS fee_in_quote
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    WITH apart AS (SELECT)
    SELECT * FROM onetrading.trades
    WHERE trades.account_id = months.account_id
        AND traded_at >= months.starts_at AND traded_at < months.ends_at
) AS trades
LEFT JOIN onetrading.instrument_markets AS markets
    ON markets.instrument_code = trades.instrument_code
    AND known_from <= traded_at AND traded_at < known_to;
COMMENT ON VIEW onetrading.trades_of_months IS 'Trades with the month in each time zone, and with the assets of their instrument. Filter by zone always.';
COMMENT ON COLUMN onetrading.trades_of_months.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.trades_of_months.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.trades_of_months.month IS 'First day of the calendar month of traded_at.';
COMMENT ON COLUMN onetrading.trades_of_months.trade_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.order_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.base_code IS 'At the time of the trade; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.trades_of_months.quote_code IS 'At the time of the trade; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.trades_of_months.is_futures IS 'As in onetrading.instrument_markets; of an unknown instrument whether its code ends in _P.';
COMMENT ON COLUMN onetrading.trades_of_months.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.price IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.amount IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.quote_amount IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.fee_amount IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.liquidity IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.order_source IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.sequence IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.traded_at IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.traded_at_nanos IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.trades_of_months.fee_in_quote IS 'The fee in quote_code, of a fee in the base asset at the price of the trade; null when it is not known or in a third currency.';

-- Of a trade up to six legs; a spot trade moves the account's balances, a futures trade what it is
-- entitled to and owes, and only its fee moves cash.
CREATE VIEW reporting.ledger_by_zone AS
SELECT account, account_id, zone, month, leg.entry_kind || ':' || trade_id AS entry_id, leg.entry_kind,
    traded_at AS booked_at, leg.ledger_account, leg.asset, leg.amount, leg.counter,
    trades.trade_id, trades.order_id::text AS reference, trades.instrument_code
FROM onetrading.trades_of_months AS trades
CROSS JOIN LATERAL (
    SELECT CASE WHEN side = 'BUY' THEN amount ELSE -amount END AS base,
        CASE WHEN side = 'BUY' THEN -quote_amount ELSE quote_amount END AS quote,
        CASE WHEN is_futures THEN 'position' ELSE 'account' END AS own,
        CASE WHEN is_futures THEN 'position' ELSE 'trading' END AS counter
) AS moved
CROSS JOIN LATERAL (VALUES
    ('trade', own, base_code, base, counter),
    ('trade', 'trading', base_code, -base, counter),
    ('trade', own, quote_code, quote, counter),
    ('trade', 'trading', quote_code, -quote, counter),
    ('fee', 'account', fee_currency, -fee_amount, 'fees'),
    ('fee', 'fees', fee_currency, fee_amount, 'fees')
) AS leg (entry_kind, ledger_account, asset, amount, counter)
WHERE leg.amount <> 0
UNION ALL
SELECT account, months.account_id, zone, month,
    'funding:' || payments.instrument_code || ':'
        || to_char(payments.funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'funding', booked_at, leg.ledger_account, quote_code, leg.amount, 'funding',
    NULL, to_char(payments.funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    payments.instrument_code
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    WITH apart AS (SELECT)
    SELECT * FROM onetrading.funding_payments AS payments
    WHERE payments.account_id = months.account_id
        AND booked_at >= months.starts_at AND booked_at < months.ends_at
) AS payments
LEFT JOIN onetrading.instrument_markets AS markets
    ON markets.instrument_code = payments.instrument_code
    AND known_from <= payments.funding_time AND payments.funding_time < known_to
CROSS JOIN LATERAL (VALUES ('account', payments.amount), ('funding', -payments.amount))
    AS leg (ledger_account, amount)
WHERE leg.amount <> 0
UNION ALL
SELECT account, months.account_id, zone, month, 'movement:' || movements.reference,
    'movement', moved_at, leg.ledger_account, currency_code, leg.amount,
    CASE kind WHEN 'fee' THEN 'fees' ELSE 'external' END,
    NULL, movements.reference, NULL
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    WITH apart AS (SELECT)
    SELECT * FROM onetrading.external_movements AS movements
    WHERE movements.account_id = months.account_id
        AND moved_at >= months.starts_at AND moved_at < months.ends_at
) AS movements
CROSS JOIN LATERAL (VALUES
    ('account', movements.amount),
    (CASE kind WHEN 'fee' THEN 'fees' ELSE 'external' END, -movements.amount)
) AS leg (ledger_account, amount);
COMMENT ON VIEW reporting.ledger_by_zone IS 'reporting.ledger with the months of every time zone: always filter by zone, or call reporting.ledger(zone).

Example:
SELECT asset, sum(amount) AS change FROM reporting.ledger_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01''
    AND ledger_account = ''account''
GROUP BY asset ORDER BY asset;';
COMMENT ON COLUMN reporting.ledger_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.ledger_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.ledger_by_zone.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.ledger_by_zone.month IS 'First day of the calendar month of booked_at.';
COMMENT ON COLUMN reporting.ledger_by_zone.entry_id IS 'Identity of the entry within the account: trade:TRADE_ID, fee:TRADE_ID, funding:INSTRUMENT:FUNDING_TIME or movement:REFERENCE.';
COMMENT ON COLUMN reporting.ledger_by_zone.entry_kind IS 'trade, fee, funding or movement. Settlements of futures are in no record of the exchange and not in here: reporting.balance_rollforward infers them.';
COMMENT ON COLUMN reporting.ledger_by_zone.booked_at IS 'traded_at of trades and fees, booked_at of funding, moved_at of movements.';
COMMENT ON COLUMN reporting.ledger_by_zone.ledger_account IS 'Where the leg is booked: account (a balance of the account), position (a futures position: its size in the base asset, and less what was given for it in the quote currency), trading, fees, funding or external.';
COMMENT ON COLUMN reporting.ledger_by_zone.asset IS 'Currency or asset of amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.ledger_by_zone.amount IS 'In units of asset: positive when it comes in to ledger_account. An entry sums to 0 per asset. Funding as sent, which is positive when received (reporting.funding_sign says whether that holds).';
COMMENT ON COLUMN reporting.ledger_by_zone.counter IS 'Against what the entry is booked, on all its legs: trading (spot trades), position (futures trades, which move no balance), fees (also fees that were imported as movements), funding or external.';
COMMENT ON COLUMN reporting.ledger_by_zone.trade_id IS 'The trade of a trade or fee; null otherwise.';
COMMENT ON COLUMN reporting.ledger_by_zone.reference IS 'order_id of trades and fees, the funding time of funding, the reference of movements.';
COMMENT ON COLUMN reporting.ledger_by_zone.instrument_code IS 'The market of trades, fees and funding; null of movements.';

CREATE VIEW reporting.ledger AS
SELECT * FROM reporting.ledger_by_zone WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.ledger IS 'The journal: one row per leg of trades, fees, funding and movements (deposits and withdrawals that were imported), in double entry, so that each entry sums to 0 per asset. The legs with ledger_account = ''account'' add up to the change of the balance, of futures accounts but for what the settlements of each minute moved in the quote currency. Filter by account and by booked_at or month.

Example:
SELECT booked_at, entry_id, asset, amount, counter
FROM reporting.ledger
WHERE account = ''main'' AND booked_at >= ''2026-03-01 00:00Z'' AND booked_at < ''2026-04-01 00:00Z''
    AND ledger_account = ''account''
ORDER BY booked_at, entry_id, asset;';

CREATE FUNCTION reporting.ledger(zone text) RETURNS SETOF reporting.ledger
LANGUAGE sql STABLE
AS $$ SELECT * FROM reporting.ledger_by_zone AS ledger WHERE ledger.zone = reporting.known_zone($1) $$;
COMMENT ON FUNCTION reporting.ledger(text) IS 'The view of this name in any time zone.

Example:
SELECT asset, sum(amount) AS change FROM reporting.ledger(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' AND ledger_account = ''account''
GROUP BY asset ORDER BY asset;';

-- Fees -------------------------------------------------------------------------------------------

CREATE VIEW onetrading.api_fee_ratios AS
SELECT max(ratio) FILTER (WHERE name = 'api_maker_ratio_spot') AS maker_spot,
    max(ratio) FILTER (WHERE name = 'api_taker_ratio_spot') AS taker_spot,
    max(ratio) FILTER (WHERE name = 'api_maker_ratio_futures') AS maker_futures,
    max(ratio) FILTER (WHERE name = 'api_taker_ratio_futures') AS taker_futures
FROM (
    SELECT name, CASE WHEN value ~ '^-?[0-9]+([.][0-9]+)?$' THEN value::numeric END AS ratio
    FROM onetrading_sync.settings
) AS settings;
COMMENT ON VIEW onetrading.api_fee_ratios IS 'One row: the fees of API trading as they are configured, as fractions of the value; null where they are not. No endpoint tells them.';
COMMENT ON COLUMN onetrading.api_fee_ratios.maker_spot IS 'Of a maker on spot markets; negative: a rebate.';
COMMENT ON COLUMN onetrading.api_fee_ratios.taker_spot IS 'Of a taker on spot markets.';
COMMENT ON COLUMN onetrading.api_fee_ratios.maker_futures IS 'Of a maker on futures markets; negative: a rebate.';
COMMENT ON COLUMN onetrading.api_fee_ratios.taker_futures IS 'Of a taker on futures markets.';

-- A fee that is cut to the currency's decimals, or to those that it came with, may differ by one unit
-- of the last of them.
CREATE VIEW reporting.fee_check_by_zone AS
SELECT account, account_id, zone, month, trade_id, order_id, traded_at, instrument_code,
    base_code, quote_code, side, liquidity, order_source, fee_group,
    tier_min_volume, tier_maker_ratio, tier_taker_ratio, schedule, ratio,
    expected_fee, charged_fee, fee_currency, charged_fee - expected_fee AS difference,
    CASE
        WHEN expected_fee IS NULL THEN 'unknown'
        WHEN abs(charged_fee - expected_fee)
            <= power(10::numeric, -greatest(min_scale(charged_fee), coalesce(precision, 0))) THEN 'ok'
        ELSE 'different'
    END AS state
FROM (
    SELECT trades.*, fee_amount AS charged_fee, tiers.*, scheduled.schedule, scheduled.ratio,
        CASE fee_currency WHEN quote_code THEN quote_amount * scheduled.ratio
            WHEN base_code THEN amount * scheduled.ratio END AS expected_fee
    FROM (
        SELECT *, CASE WHEN is_futures THEN 'FUTURES' ELSE 'SPOT' END AS fee_group
        FROM onetrading.trades_of_months WHERE fee_amount IS NOT NULL
    ) AS trades
    LEFT JOIN (
        SELECT account_id AS tier_account_id, fee_group AS tier_group, min_volume AS tier_min_volume,
            maker_ratio AS tier_maker_ratio, taker_ratio AS tier_taker_ratio, valid_from, valid_to
        FROM onetrading.account_fee_tiers
    ) AS tiers
        ON tier_account_id = account_id AND tier_group = fee_group
        AND valid_from <= traded_at AND (traded_at < valid_to OR valid_to IS NULL)
    CROSS JOIN onetrading.api_fee_ratios AS api
    CROSS JOIN LATERAL (
        SELECT CASE WHEN order_source = 'API' THEN
                CASE fee_group || liquidity WHEN 'SPOTMAKER' THEN maker_spot
                    WHEN 'SPOTTAKER' THEN taker_spot WHEN 'FUTURESMAKER' THEN maker_futures
                    WHEN 'FUTURESTAKER' THEN taker_futures END END AS api_ratio,
            CASE liquidity WHEN 'MAKER' THEN tier_maker_ratio
                WHEN 'TAKER' THEN tier_taker_ratio END AS tier_ratio
    ) AS ratios
    CROSS JOIN LATERAL (
        SELECT coalesce(api_ratio, tier_ratio) AS ratio,
            CASE WHEN api_ratio IS NOT NULL THEN 'api'
                WHEN tier_ratio IS NOT NULL THEN 'tier' END AS schedule
    ) AS scheduled
) AS checked
LEFT JOIN (
    SELECT DISTINCT ON (currency_code) currency_code, precision::integer AS precision
    FROM onetrading.currencies ORDER BY currency_code, valid_from DESC
) AS currencies ON currency_code = fee_currency;
COMMENT ON VIEW reporting.fee_check_by_zone IS 'reporting.fee_check with the months of every time zone: always filter by zone, or call reporting.fee_check(zone).

Example:
SELECT traded_at, trade_id, charged_fee, expected_fee, difference FROM reporting.fee_check_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01'' AND state = ''different''
ORDER BY traded_at;';
COMMENT ON COLUMN reporting.fee_check_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.fee_check_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.fee_check_by_zone.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.fee_check_by_zone.month IS 'First day of the calendar month of traded_at.';
COMMENT ON COLUMN reporting.fee_check_by_zone.trade_id IS 'Identity of the trade (trade.trade_id).';
COMMENT ON COLUMN reporting.fee_check_by_zone.order_id IS 'Order that it filled (trade.order_id); null when not sent.';
COMMENT ON COLUMN reporting.fee_check_by_zone.traded_at IS 'When it happened.';
COMMENT ON COLUMN reporting.fee_check_by_zone.instrument_code IS 'Market (trade.instrument_code).';
COMMENT ON COLUMN reporting.fee_check_by_zone.base_code IS 'Asset that is traded; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.fee_check_by_zone.quote_code IS 'Currency of the price; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.fee_check_by_zone.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.fee_check_by_zone.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.fee_check_by_zone.order_source IS 'Where the order came from, for example API.';
COMMENT ON COLUMN reporting.fee_check_by_zone.fee_group IS 'SPOT or FUTURES: the group of markets whose tier applies.';
COMMENT ON COLUMN reporting.fee_check_by_zone.tier_min_volume IS 'Where the tier begins that was in force as far as was observed (reporting.account_fee_tiers); null before it was first observed.';
COMMENT ON COLUMN reporting.fee_check_by_zone.tier_maker_ratio IS 'That tier''s fee of a maker, as a fraction of the value; negative: a rebate.';
COMMENT ON COLUMN reporting.fee_check_by_zone.tier_taker_ratio IS 'That tier''s fee of a taker, as a fraction of the value.';
COMMENT ON COLUMN reporting.fee_check_by_zone.schedule IS 'What the fee is compared with: api (the trade came by the API, and the fee of API trading is configured) or tier; null when neither is known.';
COMMENT ON COLUMN reporting.fee_check_by_zone.ratio IS 'That fee as a fraction of the value; null when not known.';
COMMENT ON COLUMN reporting.fee_check_by_zone.expected_fee IS 'In fee_currency, exact: ratio times quote_amount, or times amount of a fee in the base asset. Null when not known, or when the fee is in a third currency.';
COMMENT ON COLUMN reporting.fee_check_by_zone.charged_fee IS 'In fee_currency: positive when paid, negative when received as a rebate (fee.fee_amount).';
COMMENT ON COLUMN reporting.fee_check_by_zone.fee_currency IS 'Currency of both fees.';
COMMENT ON COLUMN reporting.fee_check_by_zone.difference IS 'In fee_currency, exact: charged_fee less expected_fee.';
COMMENT ON COLUMN reporting.fee_check_by_zone.state IS 'ok (the difference is at most one unit of the last decimal, of the currency or of the fee as sent, whichever is finer), different, or unknown (nothing to compare with).';

CREATE VIEW reporting.fee_check AS
SELECT * FROM reporting.fee_check_by_zone WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.fee_check IS 'One row per trade with a fee: what was charged against what the account''s fee tier, or the configured fee of API trading, makes of it. Filter by account and by traded_at or month.

Example:
SELECT schedule, state, count(*) AS trades, fee_currency, sum(difference) AS difference
FROM reporting.fee_check
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
GROUP BY schedule, state, fee_currency ORDER BY schedule, state, fee_currency;';

CREATE FUNCTION reporting.fee_check(zone text) RETURNS SETOF reporting.fee_check
LANGUAGE sql STABLE
AS $$ SELECT * FROM reporting.fee_check_by_zone AS fees WHERE fees.zone = reporting.known_zone($1) $$;
COMMENT ON FUNCTION reporting.fee_check(text) IS 'The view of this name in any time zone.

Example:
SELECT state, count(*) AS trades FROM reporting.fee_check(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' GROUP BY state;';

-- Orders -----------------------------------------------------------------------------------------

CREATE VIEW reporting.order_fill_check_by_zone AS
SELECT account, months.account_id, zone, month, orders.order_id, orders.instrument_code,
    base_code, quote_code, orders.side, orders.status, created_at, orders.amount AS ordered,
    orders.filled_amount AS filled_as_told, fills.trades, fills.amount AS filled_by_trades,
    fills.amount - orders.filled_amount AS difference,
    CASE
        WHEN fills.amount = orders.filled_amount THEN 'ok'
        WHEN fills.amount > orders.amount THEN 'different'
        WHEN is_open THEN 'open'
        WHEN is_open IS NULL THEN 'unknown'
        WHEN created_at < (
            SELECT min(required_from) FROM onetrading_sync.progress
            WHERE progress.account_id = months.account_id AND stream = 'trades') THEN 'unknown'
        ELSE 'different'
    END AS state
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    WITH apart AS (SELECT)
    SELECT * FROM onetrading.orders
    WHERE orders.account_id = months.account_id
        AND created_at >= months.starts_at AND created_at < months.ends_at
) AS orders
LEFT JOIN onetrading.instrument_markets AS markets
    ON markets.instrument_code = orders.instrument_code
    AND known_from <= created_at AND created_at < known_to
CROSS JOIN LATERAL (
    SELECT count(*) AS trades, coalesce(sum(trades.amount), 0) AS amount
    FROM onetrading.trades
    WHERE trades.order_id = orders.order_id AND trades.account_id = orders.account_id
        AND trades.instrument_code = orders.instrument_code AND trades.side = orders.side
) AS fills;
COMMENT ON VIEW reporting.order_fill_check_by_zone IS 'reporting.order_fill_check with the months of every time zone: always filter by zone, or call reporting.order_fill_check(zone).

Example:
SELECT created_at, order_id, filled_as_told, filled_by_trades, difference
FROM reporting.order_fill_check_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01'' AND state = ''different''
ORDER BY created_at;';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.month IS 'First day of the calendar month of created_at.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.order_id IS 'Identity of the order.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.base_code IS 'Asset of all amounts; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.quote_code IS 'Currency of the price; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.status IS 'The status as the exchange told it last.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.created_at IS 'When the order was created.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.ordered IS 'In base_code: what was to be traded (order.amount).';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.filled_as_told IS 'In base_code: what was traded as the order says (order.filled_amount).';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.trades IS 'How many trades of the order are stored. A taker''s trade may stand for several fills.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.filled_by_trades IS 'In base_code: the amounts of these trades, of the order''s instrument and side.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.difference IS 'In base_code: filled_by_trades less filled_as_told; negative when a trade is missing.';
COMMENT ON COLUMN reporting.order_fill_check_by_zone.state IS 'ok (no difference), different, open (the order is open: orders and trades are read some seconds apart), or unknown (the exchange does not tell of the order any more, or it was created before the time from which trades are read). More traded than ordered is always different.';

CREATE VIEW reporting.order_fill_check AS
SELECT * FROM reporting.order_fill_check_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.order_fill_check IS 'One row per order: what it says was traded against its trades. Filter by account and by created_at or month.

Example:
SELECT created_at, order_id, instrument_code, filled_as_told, filled_by_trades, difference
FROM reporting.order_fill_check
WHERE account = ''main'' AND created_at >= ''2026-03-01 00:00Z'' AND created_at < ''2026-04-01 00:00Z''
    AND state = ''different''
ORDER BY created_at, order_id;';

CREATE FUNCTION reporting.order_fill_check(zone text) RETURNS SETOF reporting.order_fill_check
LANGUAGE sql STABLE
AS $$
    SELECT * FROM reporting.order_fill_check_by_zone AS orders
    WHERE orders.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.order_fill_check(text) IS 'The view of this name in any time zone.

Example:
SELECT state, count(*) AS orders FROM reporting.order_fill_check(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' GROUP BY state;';

-- Prices -----------------------------------------------------------------------------------------

-- Half of the sum is a product, because a division rounds. At most twenty observations are looked
-- at: a side is rarely empty, and an instrument without any quote would make a trade read them all.
CREATE VIEW reporting.trade_slippage_by_zone AS
SELECT account, account_id, zone, month, trade_id, order_id, traded_at, traded_at_nanos, sequence,
    trades.instrument_code, base_code, quote_code, side, liquidity, price, amount,
    bid_price, ask_price, mid_price, quoted_at, traded_at - quoted_at AS quote_age,
    amount * CASE side WHEN 'BUY' THEN price - mid_price ELSE mid_price - price END AS slippage_quote,
    round(10000 * CASE side WHEN 'BUY' THEN price - mid_price ELSE mid_price - price END
        / mid_price, 4) AS slippage_bps
FROM onetrading.trades_of_months AS trades
LEFT JOIN LATERAL (
    SELECT bid_price, ask_price, (bid_price + ask_price) * 0.5 AS mid_price, quoted_at
    FROM (
        SELECT snapshot_id, first_observed_at, least(last_observed_at, traded_at) AS quoted_at
        FROM onetrading.snapshots
        WHERE snapshots.account_id = '00000000-0000-0000-0000-000000000000' AND stream = 'tickers'
            AND first_observed_at <= traded_at
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 20
    ) AS observed
    JOIN onetrading.tickers
        ON tickers.snapshot_id = observed.snapshot_id
        AND tickers.instrument_code = trades.instrument_code
    WHERE quoted_at >= traded_at - interval '5 minutes' AND bid_price > 0 AND ask_price > 0
    ORDER BY first_observed_at DESC, observed.snapshot_id DESC LIMIT 1
) AS quotes ON true;
COMMENT ON VIEW reporting.trade_slippage_by_zone IS 'reporting.trade_slippage with the months of every time zone: always filter by zone, or call reporting.trade_slippage(zone).

Example:
SELECT instrument_code, quote_code, sum(slippage_quote) AS slippage
FROM reporting.trade_slippage_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01''
GROUP BY instrument_code, quote_code ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.month IS 'First day of the calendar month of traded_at.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.trade_id IS 'Identity of the trade.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.order_id IS 'Order that it filled; null when not sent.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.traded_at IS 'When it happened.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970-01-01 UTC.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.sequence IS 'The exchange''s own count; null when not sent.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.base_code IS 'Asset of amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.quote_code IS 'Currency of prices and of slippage_quote; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.price IS 'Price of the trade, in quote_code.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.amount IS 'In base_code; no sign.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.bid_price IS 'Highest bid, in quote_code, of the last ticker that was observed at or before the trade and has both sides (GET market-ticker: highest_bid); null when none was observed within five minutes.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.ask_price IS 'Lowest ask of the same ticker, in quote_code (lowest_ask).';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.mid_price IS 'Half of the sum of both, exact.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.quoted_at IS 'When that ticker was observed: the last time before the trade.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.quote_age IS 'traded_at less quoted_at, never negative: the market moved meanwhile.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.slippage_quote IS 'In quote_code, of the whole amount: positive when the price was worse for the account than mid_price, negative when better. Without fees.';
COMMENT ON COLUMN reporting.trade_slippage_by_zone.slippage_bps IS 'The same in basis points of mid_price, rounded to 4 decimals.';

CREATE VIEW reporting.trade_slippage AS
SELECT * FROM reporting.trade_slippage_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.trade_slippage IS 'One row per trade: its price against the middle of the quotes that were observed last before it. Filter by account and by traded_at or month.

Example:
SELECT instrument_code, liquidity, quote_code, count(slippage_quote) AS quoted, count(*) AS trades,
    sum(slippage_quote) AS slippage
FROM reporting.trade_slippage
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
GROUP BY instrument_code, liquidity, quote_code ORDER BY instrument_code, liquidity;';

CREATE FUNCTION reporting.trade_slippage(zone text) RETURNS SETOF reporting.trade_slippage
LANGUAGE sql STABLE
AS $$
    SELECT * FROM reporting.trade_slippage_by_zone AS trades
    WHERE trades.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.trade_slippage(text) IS 'The view of this name in any time zone.

Example:
SELECT traded_at, trade_id, slippage_bps FROM reporting.trade_slippage(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' ORDER BY traded_at;';

-- Assets -----------------------------------------------------------------------------------------

CREATE VIEW reporting.dac8_totals_by_zone AS
SELECT account, account_id, zone, year, asset, quote_code,
    coalesce(sum(quantity) FILTER (WHERE acquires), 0) AS acquired,
    coalesce(sum(quantity) FILTER (WHERE NOT acquires), 0) AS disposed,
    count(*) AS trades,
    count(*) FILTER (WHERE acquires) AS acquisitions,
    count(*) FILTER (WHERE NOT acquires) AS disposals,
    coalesce(sum(gross) FILTER (WHERE acquires), 0) AS acquired_gross,
    coalesce(sum(gross) FILTER (WHERE NOT acquires), 0) AS disposed_gross
FROM (
    SELECT account, account_id, zone, extract(year FROM month)::integer AS year,
        moved.asset, moved.quote_code, moved.quantity, moved.gross, moved.acquires
    FROM onetrading.trades_of_months AS trades
    CROSS JOIN LATERAL (VALUES
        (true, base_code, quote_code, amount, quote_amount, side = 'BUY'),
        (false, quote_code, base_code, quote_amount, amount, side <> 'BUY')
    ) AS moved (is_base, asset, quote_code, quantity, gross, acquires)
    WHERE NOT is_futures AND (is_base
        OR moved.asset IN (SELECT base_code FROM onetrading.instruments WHERE kind = 'SPOT'))
) AS moves
GROUP BY account, account_id, zone, year, asset, quote_code;
COMMENT ON VIEW reporting.dac8_totals_by_zone IS 'reporting.dac8_totals with the calendar years of every time zone: always filter by zone, or call reporting.dac8_totals(zone).

Example:
SELECT asset, quote_code, acquired, disposed, trades FROM reporting.dac8_totals_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND year = 2026 ORDER BY asset, quote_code;';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.zone IS 'Time zone in which the year begins and ends.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.year IS 'Calendar year of traded_at.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.asset IS 'What was acquired and disposed of: the base asset of spot markets. One that another spot market trades, such as USDC, counts as well where it is the quote: an exchange of one asset for another stands under both. Null when the instrument is unknown.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.quote_code IS 'What it was exchanged for: the unit of both gross amounts.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.acquired IS 'In units of asset, without fees.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.disposed IS 'In units of asset, without fees.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.trades IS 'Number of trades: acquisitions and disposals.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.acquisitions IS 'Number of trades by which the asset was acquired.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.disposals IS 'Number of trades by which it was disposed of.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.acquired_gross IS 'In quote_code: what was given for what was acquired, without fees.';
COMMENT ON COLUMN reporting.dac8_totals_by_zone.disposed_gross IS 'In quote_code: what was received for what was disposed of, without fees.';

CREATE VIEW reporting.dac8_totals AS
SELECT * FROM reporting.dac8_totals_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.dac8_totals IS 'What an exchange reports of an account under DAC8, from the account''s own trades on spot markets, per calendar year, asset and what it was exchanged for. Not in here: futures, and transfers in and out.

Example:
SELECT year, asset, quote_code, acquired, acquired_gross, disposed, disposed_gross, trades
FROM reporting.dac8_totals WHERE account = ''main'' AND year = 2026 ORDER BY asset, quote_code;';

CREATE FUNCTION reporting.dac8_totals(zone text) RETURNS SETOF reporting.dac8_totals
LANGUAGE sql STABLE
AS $$
    SELECT * FROM reporting.dac8_totals_by_zone AS totals
    WHERE totals.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.dac8_totals(text) IS 'The view of this name in any time zone.

Example:
SELECT asset, acquired, disposed FROM reporting.dac8_totals(''Europe/Vienna'')
WHERE account = ''main'' AND year = 2026;';


-- Closed positions -------------------------------------------------------------------------------

-- Of a position's own trades where they were read, else of the account's trades while it was open. A
-- trade that closes one position and opens the next is whole in both lists: volumes that do not
-- balance are no result.
CREATE VIEW reporting.realised_pnl_futures_by_zone AS
SELECT account, account_id, zone, month, position_id, instrument_code, base_code, quote_code,
    direction, opened_at, closed_at, quantity, trades, basis,
    gain_gross, fees, funding, gain_gross - fees + funding AS gain_net,
    exchange_closing_pnl, exchange_realised_pnl,
    gain_gross - exchange_closing_pnl AS difference_gross,
    gain_gross - fees + funding - exchange_realised_pnl AS difference,
    CASE
        WHEN gain_gross - fees + funding - exchange_realised_pnl IS NULL THEN 'unknown'
        WHEN abs(gain_gross - fees + funding - exchange_realised_pnl)
            <= power(10::numeric, -greatest(min_scale(exchange_realised_pnl), 2))
                + 0.00005 * rounded_payments THEN 'ok'
        ELSE 'different'
    END AS state,
    CASE
        WHEN basis IS NULL THEN 'no trade of the position is stored'
        WHEN gain_gross IS NULL THEN 'its trades do not add up to a closed position'
        WHEN fees IS NULL THEN 'a fee is not told, or in a third currency'
        WHEN funding IS NULL THEN 'its funding is not known'
    END AS unknown_because
FROM (
    SELECT months.account, months.account_id, months.zone, months.month, position_id,
        positions.instrument_code, base_code, quote_code, direction, opened_at, closed_at,
        fills.trades, fills.basis,
        CASE WHEN bought = sold THEN sold END AS quantity,
        CASE WHEN bought = sold THEN sold_quote - bought_quote END AS gain_gross,
        CASE WHEN bought = sold AND fees_told = fills.trades THEN fills.fees END AS fees,
        coalesce(paid.funding, total_funding_payments, CASE WHEN EXISTS (
            SELECT FROM onetrading_sync.position_details AS details
            WHERE details.account_id = positions.account_id AND stream = 'position_funding'
                AND details.position_id = positions.position_id AND read_at IS NOT NULL)
            THEN 0 END) AS funding, rounded_payments,
        closing_pnl AS exchange_closing_pnl, realised_pnl AS exchange_realised_pnl
    FROM onetrading.account_months AS months
    CROSS JOIN LATERAL (
        WITH apart AS (SELECT)
        SELECT * FROM onetrading.closed_positions AS positions
        WHERE positions.account_id = months.account_id
            AND closed_at >= months.starts_at AND closed_at < months.ends_at
    ) AS positions
    LEFT JOIN onetrading.instrument_markets AS markets
        ON markets.instrument_code = positions.instrument_code
        AND known_from <= closed_at AND closed_at < known_to
    CROSS JOIN LATERAL (
        SELECT max(basis) AS basis, count(*) AS trades,
            sum(amount) FILTER (WHERE side = 'BUY') AS bought,
            sum(amount) FILTER (WHERE side <> 'BUY') AS sold,
            sum(quote_amount) FILTER (WHERE side = 'BUY') AS bought_quote,
            sum(quote_amount) FILTER (WHERE side <> 'BUY') AS sold_quote,
            sum(fee) AS fees, count(fee) AS fees_told
        FROM (
            SELECT basis, side, amount, quote_amount,
                CASE WHEN fee_amount = 0 THEN 0 WHEN fee_currency = quote_code THEN fee_amount
                    WHEN fee_currency = base_code THEN fee_amount * price END AS fee
            FROM (
                SELECT 'position_trades' AS basis, side, price, amount, quote_amount, fee_amount,
                    fee_currency
                FROM onetrading.position_trades AS own
                WHERE own.position_id = positions.position_id
                UNION ALL
                SELECT 'trades', side, price, amount, quote_amount, fee_amount, fee_currency
                FROM onetrading.trades
                WHERE trades.account_id = positions.account_id
                    AND traded_at >= opened_at AND traded_at <= closed_at
                    AND trades.instrument_code = positions.instrument_code
                    AND NOT EXISTS (
                        SELECT FROM onetrading.position_trades AS own
                        WHERE own.position_id = positions.position_id)
            ) AS listed
        ) AS priced
    ) AS fills
    -- The list of a position rounds to 4 decimals; what was booked is exact.
    CROSS JOIN LATERAL (
        SELECT sum(coalesce(booked.amount, own.amount)) AS funding,
            count(*) FILTER (WHERE booked.amount IS NULL) AS rounded_payments
        FROM onetrading.position_funding_payments AS own
        LEFT JOIN onetrading.funding_payments AS booked
            ON booked.account_id = own.account_id AND booked.instrument_code = own.instrument_code
            AND booked.funding_time = own.funding_time
            AND abs(booked.amount - own.amount) <= 0.00005
        WHERE own.position_id = positions.position_id
    ) AS paid
) AS computed;
COMMENT ON VIEW reporting.realised_pnl_futures_by_zone IS 'reporting.realised_pnl_futures with the months of every time zone: always filter by zone, or call reporting.realised_pnl_futures(zone).

Example:
SELECT instrument_code, quote_code, sum(gain_gross) AS gross, sum(fees) AS fees,
    sum(funding) AS funding, sum(gain_net) AS net
FROM reporting.realised_pnl_futures_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01''
GROUP BY instrument_code, quote_code ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.month IS 'First day of the calendar month of closed_at. A position whose closing time is not known yet is not in here but in reporting.closed_positions.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.position_id IS 'Identity of the position.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.instrument_code IS 'Market; null while not known.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.base_code IS 'Asset of quantity; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.quote_code IS 'Currency of all gains, fees and funding; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.direction IS 'LONG or SHORT.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.opened_at IS 'When it was opened.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.closed_at IS 'When it was closed.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.quantity IS 'In base_code: all that was bought in it, which is all that was sold; null when its trades do not balance.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.trades IS 'How many trades were found of it.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.basis IS 'Where they were found: position_trades (the list of the position itself) or trades (those of the account and instrument from opened_at to closed_at); null when there are none.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.gain_gross IS 'In quote_code, ours: what was sold less what was bought, over its trades, without fees and funding. Null when unknown_because says why.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.fees IS 'In quote_code: fees of its trades, positive when paid; a fee in the base asset at the price of the trade.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.funding IS 'In quote_code: funding of the position, positive when received: as booked where the payment is known, else as the position''s own list has it (4 decimals), else the exchange''s total.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.gain_net IS 'In quote_code: gain_gross less fees plus funding.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.exchange_closing_pnl IS 'In quote_code: the exchange''s result without fees and funding (closing_pnl).';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.exchange_realised_pnl IS 'In quote_code: the exchange''s result with fees and funding (realised_pnl).';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.difference_gross IS 'In quote_code: gain_gross less exchange_closing_pnl.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.difference IS 'In quote_code: gain_net less exchange_realised_pnl.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.state IS 'ok (the difference is at most one unit of the last decimal of exchange_realised_pnl, plus half a unit of the fourth decimal for each payment that is known rounded only), different, or unknown.';
COMMENT ON COLUMN reporting.realised_pnl_futures_by_zone.unknown_because IS 'Why gain_net is null; null when it is not.';

CREATE VIEW reporting.realised_pnl_futures AS
SELECT * FROM reporting.realised_pnl_futures_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.realised_pnl_futures IS 'One row per closed futures position: its result from its own trades, beside what the exchange says. Filter by account and by closed_at or month. Cash of futures moves by the settlement of each minute, so the result of a position that was open over a month''s end was paid in both months; here it belongs to the month of its closing.

Example:
SELECT closed_at, instrument_code, direction, quantity, gain_gross, fees, funding, gain_net,
    difference, quote_code
FROM reporting.realised_pnl_futures
WHERE account = ''main'' AND closed_at >= ''2026-03-01 00:00Z'' AND closed_at < ''2026-04-01 00:00Z''
ORDER BY closed_at, position_id;';

CREATE FUNCTION reporting.realised_pnl_futures(zone text)
RETURNS SETOF reporting.realised_pnl_futures
LANGUAGE sql STABLE
AS $$
    SELECT * FROM reporting.realised_pnl_futures_by_zone AS positions
    WHERE positions.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.realised_pnl_futures(text) IS 'The view of this name in any time zone.

Example:
SELECT position_id, gain_gross, gain_net FROM reporting.realised_pnl_futures(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' ORDER BY position_id;';

CREATE VIEW onetrading.futures_pnl_months AS
SELECT account_id, account, zone, month, instrument_code, quote_code,
    gain_gross, fees, funding, gain_gross - fees + funding AS gain_net, disposals, missing_cost
FROM (
    SELECT account_id, account, zone, month, instrument_code, quote_code,
        CASE WHEN sum(disposals) = 0 OR sum(disposals) > sum(missing_cost)
            THEN coalesce(sum(gain_gross), 0) END AS gain_gross,
        CASE WHEN sum(fees_unknown) = 0 THEN coalesce(sum(fees), 0) END AS fees,
        coalesce(sum(funding), 0) AS funding,
        sum(disposals) AS disposals, sum(missing_cost) AS missing_cost
    FROM (
        SELECT account_id, account, zone, month, instrument_code, quote_code, gain_gross,
            NULL::numeric AS fees, 0 AS fees_unknown, NULL::numeric AS funding,
            1 AS disposals, CASE WHEN gain_gross IS NULL THEN 1 ELSE 0 END AS missing_cost
        FROM reporting.realised_pnl_futures_by_zone
        UNION ALL
        SELECT account_id, account, zone, month, instrument_code, quote_code, NULL,
            fee_in_quote, CASE WHEN fee_in_quote IS NULL THEN 1 ELSE 0 END, NULL, 0, 0
        FROM onetrading.trades_of_months WHERE is_futures AND fee_amount IS NOT NULL
        UNION ALL
        SELECT months.account_id, account, zone, month, payments.instrument_code, quote_code, NULL,
            NULL, 0, amount, 0, 0
        FROM onetrading.account_months AS months
        CROSS JOIN LATERAL (
            WITH apart AS (SELECT)
            SELECT * FROM onetrading.funding_payments AS payments
            WHERE payments.account_id = months.account_id
                AND booked_at >= months.starts_at AND booked_at < months.ends_at
        ) AS payments
        LEFT JOIN onetrading.instrument_markets AS markets
            ON markets.instrument_code = payments.instrument_code
            AND known_from <= payments.funding_time AND payments.funding_time < known_to
    ) AS booked
    GROUP BY account_id, account, zone, month, instrument_code, quote_code
) AS sums;
COMMENT ON VIEW onetrading.futures_pnl_months IS 'What futures earned per month, by cash: the result of the positions that were closed in it, and the fees and funding that were booked in it, also of positions that stayed open. Filter by zone always.';
COMMENT ON COLUMN onetrading.futures_pnl_months.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.futures_pnl_months.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.futures_pnl_months.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.futures_pnl_months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.futures_pnl_months.instrument_code IS 'Market.';
COMMENT ON COLUMN onetrading.futures_pnl_months.quote_code IS 'Currency of all amounts; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.futures_pnl_months.gain_gross IS 'Of the positions that were closed in the month and are not counted by missing_cost; null when none of them is known.';
COMMENT ON COLUMN onetrading.futures_pnl_months.fees IS 'Fees of the month''s trades, positive when paid; null when one is in a third currency.';
COMMENT ON COLUMN onetrading.futures_pnl_months.funding IS 'Funding booked in the month, as sent: positive when received.';
COMMENT ON COLUMN onetrading.futures_pnl_months.gain_net IS 'gain_gross less fees plus funding.';
COMMENT ON COLUMN onetrading.futures_pnl_months.disposals IS 'How many positions were closed in the month.';
COMMENT ON COLUMN onetrading.futures_pnl_months.missing_cost IS 'Of how many of them the result is not known.';

-- Positions --------------------------------------------------------------------------------------

CREATE VIEW onetrading.futures_trades AS
SELECT account_id, instrument_code, traded_at, traded_at_nanos, sequence, trade_id,
    CASE side WHEN 'BUY' THEN amount ELSE -amount END AS signed
FROM onetrading.trades
WHERE instrument_code IN (SELECT instrument_code FROM onetrading.instruments WHERE kind <> 'SPOT')
    OR instrument_code LIKE '%\_P';
COMMENT ON VIEW onetrading.futures_trades IS 'Trades of futures with the change of the position.';
COMMENT ON COLUMN onetrading.futures_trades.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.traded_at IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.traded_at_nanos IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.sequence IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.trade_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.signed IS 'In units of the base asset: positive when bought.';

CREATE VIEW onetrading.net_positions AS
SELECT snapshot_id, account_id, instrument_code,
    -- Of an unknown direction nothing is known.
    CASE WHEN bool_and(direction IN ('LONG', 'SHORT'))
        THEN sum(CASE direction WHEN 'LONG' THEN open_volume ELSE -open_volume END) END AS net
FROM onetrading.positions
GROUP BY snapshot_id, account_id, instrument_code;
COMMENT ON VIEW onetrading.net_positions IS 'Observed positions with a sign. An instrument without a row in a snapshot was flat.';
COMMENT ON COLUMN onetrading.net_positions.snapshot_id IS 'As in onetrading.positions.';
COMMENT ON COLUMN onetrading.net_positions.account_id IS 'As in onetrading.positions.';
COMMENT ON COLUMN onetrading.net_positions.instrument_code IS 'As in onetrading.positions.';
COMMENT ON COLUMN onetrading.net_positions.net IS 'In units of the base asset: negative when short; null when a direction is unknown.';

-- The first observation, and the last one up to which trades are known: positions are asked for more
-- often than trades. A trade within seconds of an observation may be in it or not.
-- OFFSET 0 keeps the planner from copying an expression to every place where it is used.
CREATE VIEW reporting.position_check AS
SELECT account, account_id, instrument_code, base_code, quote_code,
    opening + total AS net_by_trades, observed + total - until_last AS net_observed,
    last_at AS observed_at, difference, since, basis, opening,
    CASE WHEN difference IS NULL THEN 'unknown' WHEN difference = 0 THEN 'ok' ELSE 'different' END
        AS state
FROM (
    SELECT compared.*, off.difference
    FROM (
        SELECT spans.account, spans.account_id, spans.first_at, spans.last_at,
            spans.last_id, held.instrument_code, total, until_last, observed,
            -- A position that was open before the first stored trade shows in the first
            -- observation, unless a position that the exchange tells of was opened since.
            CASE WHEN is_flat_start OR first_observed IS NULL OR fits_first
                THEN 'from_start' ELSE 'from_observation' END AS basis,
            CASE WHEN is_flat_start OR first_observed IS NULL OR fits_first THEN 0
                ELSE first_observed - until_first END AS opening
        FROM (
            SELECT accounts.account_id, accounts.name AS account, required_from,
                first_at, first_id, last_id,
                CASE WHEN last_start <= known_to THEN least(last_end, known_to) ELSE last_end END
                    AS last_at
            FROM onetrading.accounts
            CROSS JOIN LATERAL (
                SELECT (SELECT max(upper(range)) FROM onetrading_sync.coverage
                        WHERE coverage.account_id = accounts.account_id AND stream = 'trades')
                        AS known_to,
                    (SELECT min(required_from) FROM onetrading_sync.progress
                        WHERE progress.account_id = accounts.account_id AND stream = 'trades')
                        AS required_from
            ) AS known
            LEFT JOIN LATERAL (
                SELECT snapshot_id AS first_id, first_observed_at AS first_at
                FROM onetrading.snapshots
                WHERE snapshots.account_id = accounts.account_id AND stream = 'positions'
                ORDER BY first_observed_at, snapshot_id LIMIT 1
            ) AS first_seen ON true
            LEFT JOIN LATERAL (
                SELECT snapshot_id AS last_id, first_observed_at AS last_start,
                    last_observed_at AS last_end
                FROM onetrading.snapshots
                WHERE snapshots.account_id = accounts.account_id AND stream = 'positions'
                    AND first_observed_at <= greatest(coalesce(known_to, 'infinity'), first_at)
                ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
            ) AS last_seen ON true
        ) AS spans
        CROSS JOIN LATERAL (
            SELECT instrument_code, sum(total) AS total, sum(until_last) AS until_last,
                sum(until_first) AS until_first, min(first_traded_at) AS first_traded_at
            FROM (
                SELECT instrument_code, sum(signed) AS total,
                    coalesce(sum(signed) FILTER (WHERE traded_at <= last_at), 0) AS until_last,
                    coalesce(sum(signed) FILTER (WHERE traded_at <= first_at), 0) AS until_first,
                    min(traded_at) AS first_traded_at
                FROM onetrading.futures_trades AS trades
                WHERE trades.account_id = spans.account_id
                GROUP BY instrument_code
                UNION ALL
                SELECT instrument_code, 0, 0, 0, NULL FROM onetrading.net_positions
                WHERE snapshot_id IN (first_id, last_id)
            ) AS known
            GROUP BY instrument_code
            OFFSET 0
        ) AS held
        CROSS JOIN LATERAL (
            SELECT CASE WHEN last_id IS NULL THEN NULL WHEN EXISTS (
                    SELECT FROM onetrading.net_positions AS seen
                    WHERE seen.snapshot_id = last_id
                        AND seen.instrument_code = held.instrument_code)
                THEN (SELECT net FROM onetrading.net_positions AS seen
                    WHERE seen.snapshot_id = last_id
                        AND seen.instrument_code = held.instrument_code) ELSE 0 END AS observed,
                CASE WHEN first_id IS NULL THEN NULL WHEN EXISTS (
                    SELECT FROM onetrading.net_positions AS seen
                    WHERE seen.snapshot_id = first_id
                        AND seen.instrument_code = held.instrument_code)
                THEN (SELECT net FROM onetrading.net_positions AS seen
                    WHERE seen.snapshot_id = first_id
                        AND seen.instrument_code = held.instrument_code) ELSE 0 END AS first_observed,
                EXISTS (
                    SELECT FROM onetrading.closed_positions AS positions
                    WHERE positions.account_id = spans.account_id
                        AND positions.instrument_code = held.instrument_code
                        AND opened_at <= first_traded_at
                        AND opened_at >= coalesce(required_from, '-infinity'))
                -- What was observed before the first trade counts more.
                AND coalesce(first_at >= first_traded_at
                    OR first_at < coalesce(required_from, '-infinity'), true) AS is_flat_start
        ) AS seen
        CROSS JOIN LATERAL (
            SELECT until_first = first_observed OR EXISTS (
                SELECT FROM (
                    SELECT until_first - sum(CASE WHEN traded_at <= first_at THEN signed
                            ELSE 0 END) OVER () AS before,
                        sum(signed) OVER (ORDER BY traded_at_nanos, sequence, trade_id) AS moved
                    FROM onetrading.futures_trades AS near
                    WHERE until_first <> first_observed AND near.account_id = spans.account_id
                        AND near.instrument_code = held.instrument_code
                        AND traded_at >= first_at - interval '5 seconds'
                        AND traded_at <= first_at + interval '5 seconds'
                ) AS near
                WHERE first_observed IN (before, before + moved)) AS fits_first
            OFFSET 0
        ) AS fitted
    ) AS compared
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN opening + until_last <> observed AND EXISTS (
                    SELECT FROM (
                        SELECT opening + until_last - sum(CASE WHEN traded_at <= last_at THEN signed
                                ELSE 0 END) OVER () AS before,
                            sum(signed) OVER (ORDER BY traded_at_nanos, sequence, trade_id) AS moved
                        FROM onetrading.futures_trades AS near
                        WHERE near.account_id = compared.account_id
                            AND near.instrument_code = compared.instrument_code
                            AND traded_at >= last_at - interval '5 seconds'
                            AND traded_at <= last_at + interval '5 seconds'
                    ) AS near
                    WHERE observed IN (before, before + moved))
                THEN 0 ELSE opening + until_last - observed END AS difference
        OFFSET 0
    ) AS off
) AS judged
LEFT JOIN onetrading.instrument_markets AS markets
    USING (instrument_code)
-- Each observation is compared only where there is a difference.
LEFT JOIN LATERAL (
    SELECT min(at) FILTER (WHERE at > coalesce(matched_at, '-infinity')) AS since
    FROM (
        SELECT at, max(at) FILTER (WHERE matches) OVER () AS matched_at
        FROM (
            SELECT at, is_observation, net = opening + coalesce(sum(signed) OVER (
                    ORDER BY at, is_observation, traded_at_nanos, sequence, trade_id), 0) AS matches
            FROM (
                SELECT traded_at AS at, false AS is_observation, signed, NULL::numeric AS net,
                    traded_at_nanos, sequence, trade_id
                FROM onetrading.futures_trades AS trades
                WHERE difference <> 0 AND trades.account_id = judged.account_id
                    AND trades.instrument_code = judged.instrument_code
                UNION ALL
                SELECT first_observed_at, true, 0,
                    CASE WHEN seen.snapshot_id IS NULL THEN 0 ELSE net END, NULL, NULL, NULL
                FROM onetrading.snapshots
                LEFT JOIN onetrading.net_positions AS seen
                    ON seen.snapshot_id = snapshots.snapshot_id
                    AND seen.instrument_code = judged.instrument_code
                WHERE difference <> 0 AND snapshots.account_id = judged.account_id
                    AND stream = 'positions' AND first_observed_at <= last_at
            ) AS events
        ) AS observations
        WHERE is_observation
    ) AS observations
) AS differing ON true
WHERE known_to IS NULL OR known_to = 'infinity';
COMMENT ON VIEW reporting.position_check IS 'One row per account and futures instrument that was ever traded or observed: the position that its trades add up to against the one that was observed last. Reads all trades of the account: filter by account where there are many.

Example:
SELECT instrument_code, net_by_trades, net_observed, difference, since, basis
FROM reporting.position_check WHERE account = ''main'' AND state = ''different'' ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.position_check.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.position_check.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.position_check.instrument_code IS 'Futures market.';
COMMENT ON COLUMN reporting.position_check.base_code IS 'Asset of all sizes; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.position_check.quote_code IS 'Currency in which it settles; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.position_check.net_by_trades IS 'In base_code, negative when short: opening and all stored trades.';
COMMENT ON COLUMN reporting.position_check.net_observed IS 'In base_code, negative when short: as observed at observed_at, moved by the trades after it; an instrument that a complete answer does not list was flat. Null when positions were never observed.';
COMMENT ON COLUMN reporting.position_check.observed_at IS 'The observation that is compared: the last one before the end of what is proven of trades, else the last one of all.';
COMMENT ON COLUMN reporting.position_check.difference IS 'In base_code: net_by_trades less net_observed; 0 also when trades within 5 seconds of the observation explain it. Null when positions were never observed.';
COMMENT ON COLUMN reporting.position_check.since IS 'The first observation from which on every one differed; null when there is no difference.';
COMMENT ON COLUMN reporting.position_check.basis IS 'from_start (the position was flat before the first stored trade) or from_observation (it was not, or that cannot be told: opening is what makes the trades fit the first observation).';
COMMENT ON COLUMN reporting.position_check.opening IS 'In base_code: the position before the first stored trade; 0 with from_start.';
COMMENT ON COLUMN reporting.position_check.state IS 'ok, different, or unknown (never observed).';

-- Funding ----------------------------------------------------------------------------------------

CREATE VIEW onetrading.accounts_paid_positive AS
SELECT account_id FROM (
    SELECT DISTINCT ON (account_id) account_id, convention
    FROM onetrading.funding_sign_conventions ORDER BY account_id, known_at DESC
) AS newest WHERE convention = 'paid_positive';
COMMENT ON VIEW onetrading.accounts_paid_positive IS 'Accounts whose funding payments are positive when paid, as onetrading.funding_sign_conventions has it.';
COMMENT ON COLUMN onetrading.accounts_paid_positive.account_id IS 'As in onetrading.funding_payments.';

-- The position at each funding time of a month. It follows by trades from the last anchor: an instant
-- at which the position is known, because it was observed, or because the exchange says that one was
-- closed then or opened. Whether no trade is missing is told by the next anchor, so that one that is
-- missing makes the slots between two anchors unknown and no others. Before the first anchor of all it
-- follows backwards, and is known if the history began flat. Observations within seconds of a trade are no anchors: the trade may be in them
-- or not; so the last three before each slot are looked at. Nor are openings and closings with
-- several trades of one instant: which of them it was is not known here.
CREATE VIEW onetrading.funding_positions AS
SELECT months.account_id, months.account, months.zone, months.month, slots.*
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    WITH payments AS (
        SELECT instrument_code, funding_time, booked_at, amount
        FROM onetrading.funding_payments AS payments
        WHERE payments.account_id = months.account_id
            AND booked_at >= months.starts_at AND booked_at < months.ends_at
    ), fills AS (
        SELECT instrument_code, traded_at, traded_at_nanos, sequence, trade_id, signed
        FROM onetrading.futures_trades AS trades
        WHERE trades.account_id = months.account_id
            AND traded_at >= months.starts_at AND traded_at < months.ends_at
    ), first_seen AS (
        SELECT snapshot_id, least(last_observed_at, months.starts_at) AS at
        FROM onetrading.snapshots
        WHERE snapshots.account_id = months.account_id AND stream = 'positions'
            AND first_observed_at <= months.starts_at
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
    ), closings AS (
        SELECT instrument_code, max(closed_at) AS closed_at
        FROM onetrading.closed_positions AS positions
        WHERE positions.account_id = months.account_id AND closed_at < months.starts_at
            AND NOT EXISTS (SELECT FROM first_seen)
        GROUP BY instrument_code
    ), openings AS (
        SELECT instrument_code, sum(net) AS net FROM (
            SELECT instrument_code, net FROM onetrading.net_positions
            WHERE snapshot_id = (SELECT snapshot_id FROM first_seen)
            UNION ALL
            SELECT trades.instrument_code, signed
            FROM onetrading.futures_trades AS trades
            LEFT JOIN closings ON closings.instrument_code = trades.instrument_code
            WHERE trades.account_id = months.account_id AND traded_at < months.starts_at
                AND traded_at > coalesce((SELECT at FROM first_seen), '-infinity')
                AND traded_at > coalesce(closed_at, '-infinity')
        ) AS before GROUP BY instrument_code
    ), settled AS (
        SELECT instrument_code, funding_time FROM onetrading.funding_rates
        WHERE funding_time >= months.starts_at AND funding_time < months.ends_at
    ), seen AS (
        SELECT DISTINCT observed.snapshot_id, observed.at
        FROM (
            SELECT DISTINCT funding_time AS before FROM settled
            UNION ALL SELECT months.ends_at
        ) AS instants
        CROSS JOIN LATERAL (
            SELECT snapshot_id, least(last_observed_at, before) AS at
            FROM onetrading.snapshots
            WHERE snapshots.account_id = months.account_id AND stream = 'positions'
                AND first_observed_at <= before
            ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 3
        ) AS observed
        WHERE observed.at > months.starts_at
    ), held AS (
        SELECT instrument_code FROM openings
        UNION SELECT instrument_code FROM fills
        UNION SELECT instrument_code FROM payments
        UNION SELECT instrument_code FROM onetrading.net_positions
            WHERE snapshot_id IN (SELECT snapshot_id FROM seen)
    ), slots AS (
        SELECT instrument_code, funding_time FROM settled
        WHERE instrument_code IN (SELECT instrument_code FROM held)
        UNION SELECT instrument_code, funding_time FROM payments
    ), events AS (
        SELECT instrument_code, months.starts_at AS at, 0 AS rank, 'opening' AS what,
            CASE WHEN closed_at IS NOT NULL OR EXISTS (SELECT FROM first_seen)
                THEN coalesce(openings.net, 0) END AS anchor,
            coalesce(openings.net, 0) AS guess, NULL::numeric AS signed,
            NULL::timestamptz AS funding_time,
            NULL::bigint AS traded_at_nanos, NULL::bigint AS sequence, NULL::uuid AS trade_id
        FROM held
        LEFT JOIN openings USING (instrument_code)
        LEFT JOIN closings USING (instrument_code)
        UNION ALL
        SELECT instrument_code, opened_at, 1, 'start', 0, NULL, NULL, NULL, NULL, NULL, NULL
        FROM onetrading.closed_positions AS positions
        WHERE positions.account_id = months.account_id AND instrument_code IS NOT NULL
            AND opened_at > months.starts_at AND closed_at > months.starts_at
            AND opened_at < months.ends_at
        UNION ALL
        SELECT instrument_code, traded_at, 2, 'trade', NULL, NULL, signed, NULL,
            traded_at_nanos, sequence, trade_id
        FROM fills
        UNION ALL
        SELECT instrument_code, closed_at, 3, 'closing', 0, NULL, NULL, NULL, NULL, NULL, NULL
        FROM onetrading.closed_positions AS positions
        WHERE positions.account_id = months.account_id AND instrument_code IS NOT NULL
            AND closed_at > months.starts_at AND closed_at < months.ends_at
        UNION ALL
        SELECT held.instrument_code, seen.at, 4, 'observation',
            CASE WHEN positions.snapshot_id IS NULL THEN 0 ELSE net END,
            NULL, NULL, NULL, NULL, NULL, NULL
        FROM seen CROSS JOIN held
        LEFT JOIN onetrading.net_positions AS positions
            ON positions.snapshot_id = seen.snapshot_id
            AND positions.instrument_code = held.instrument_code
        UNION ALL
        SELECT instrument_code, funding_time, 5, 'slot', NULL, NULL, NULL, funding_time,
            NULL, NULL, NULL
        FROM slots
        UNION ALL
        SELECT instrument_code, booked_at, 5, 'booking', NULL, NULL, NULL, funding_time,
            NULL, NULL, NULL
        FROM payments
    ), near AS (
        SELECT *,
            max(at) FILTER (WHERE what = 'trade') OVER (
                PARTITION BY instrument_code ORDER BY at, rank) AS trade_before,
            min(at) FILTER (WHERE what = 'trade') OVER (
                PARTITION BY instrument_code ORDER BY at DESC, rank DESC) AS trade_after,
            count(*) FILTER (WHERE what = 'trade') OVER (
                PARTITION BY instrument_code, at) AS trades_then,
            count(*) FILTER (WHERE what = 'closing') OVER (
                PARTITION BY instrument_code, at) AS closings_then
        FROM events
    ), anchored AS (
        SELECT *, count(valid_anchor) OVER (
                PARTITION BY instrument_code
                ORDER BY at, rank, traded_at_nanos, sequence, trade_id) AS span
        FROM (
            SELECT *, CASE
                    WHEN what IN ('start', 'closing') AND trades_then > 1 THEN NULL
                    WHEN what = 'start' AND closings_then > 0 THEN NULL
                    WHEN what = 'observation' AND (trade_before >= at - interval '5 seconds'
                        OR trade_after <= at + interval '5 seconds') THEN NULL
                    ELSE anchor
                END AS valid_anchor
            FROM near
        ) AS judged
    ), spans AS (
        SELECT instrument_code, span, coalesce(anchor, next_anchor - moved, guess) AS anchor,
            coalesce(coalesce(anchor, guess) + moved = next_anchor, anchor IS NOT NULL) AS is_proven
        FROM (
            SELECT instrument_code, span, max(valid_anchor) AS anchor, max(guess) AS guess,
                coalesce(sum(signed), 0) AS moved,
                lead(max(valid_anchor)) OVER (PARTITION BY instrument_code ORDER BY span)
                    AS next_anchor
            FROM anchored GROUP BY instrument_code, span
        ) AS sums
    ), nets AS (
        SELECT instrument_code, what, funding_time, span, coalesce(sum(signed) OVER (
                PARTITION BY instrument_code, span
                ORDER BY at, rank, traded_at_nanos, sequence, trade_id), 0) AS moved
        FROM anchored
    ), positions AS (
        SELECT instrument_code, funding_time,
            max(anchor + moved) FILTER (WHERE what = 'slot') AS net_at_slot,
            max(anchor + moved) FILTER (WHERE what = 'booking') AS net_at_booking,
            bool_and(is_proven) AS is_known
        FROM nets JOIN spans USING (instrument_code, span)
        WHERE funding_time IS NOT NULL
        GROUP BY instrument_code, funding_time
    )
    SELECT instrument_code, funding_time, booked_at, amount AS booked,
        net_at_slot, net_at_booking, is_known,
        -- As fine as the payments of the month are; 4 decimals are the least that are sent.
        greatest(4, max(min_scale(amount)) OVER (PARTITION BY instrument_code)) AS decimals
    FROM positions LEFT JOIN payments USING (instrument_code, funding_time)
) AS slots;
COMMENT ON VIEW onetrading.funding_positions IS 'The position at each funding time of a month, of instruments that the account had anything to do with in it, and what was booked. Filter by zone always.';
COMMENT ON COLUMN onetrading.funding_positions.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.funding_positions.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.funding_positions.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.funding_positions.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.funding_positions.instrument_code IS 'Futures market.';
COMMENT ON COLUMN onetrading.funding_positions.funding_time IS 'As in onetrading.funding_rates and onetrading.funding_payments.';
COMMENT ON COLUMN onetrading.funding_positions.booked_at IS 'As in onetrading.funding_payments; null when nothing was booked.';
COMMENT ON COLUMN onetrading.funding_positions.booked IS 'amount as in onetrading.funding_payments; null when nothing was booked.';
COMMENT ON COLUMN onetrading.funding_positions.net_at_slot IS 'The position at funding_time, in units of the base asset: negative when short.';
COMMENT ON COLUMN onetrading.funding_positions.net_at_booking IS 'The position at booked_at; null when nothing was booked.';
COMMENT ON COLUMN onetrading.funding_positions.is_known IS 'False where the trades do not lead from the last known position to the next one.';
COMMENT ON COLUMN onetrading.funding_positions.decimals IS 'Decimals of the payments of the instrument and month.';

CREATE VIEW reporting.funding_check_by_zone AS
SELECT account, account_id, zone, month, instrument_code, quote_code, funding_time, booked_at,
    funding_rate, mark_price, position, is_known AS position_is_known,
    CASE WHEN is_negated THEN -expected ELSE expected END AS expected, booked,
    coalesce(booked, 0) - CASE WHEN is_negated THEN -expected ELSE expected END AS difference,
    CASE
        WHEN abs(coalesce(booked, 0) - CASE WHEN is_negated THEN -expected ELSE expected END)
            <= unit THEN 'ok'
        WHEN NOT is_known THEN 'unknown_position'
        WHEN position = 0 THEN CASE WHEN abs(booked) <= unit THEN 'ok' ELSE 'unexpected' END
        -- Nothing was settled then: rates are proven complete, and have none.
        WHEN funding_rate IS NULL AND booked IS NOT NULL AND EXISTS (
            SELECT FROM onetrading_sync.coverage
            WHERE account_id = '00000000-0000-0000-0000-000000000000'
                AND stream = 'funding_history' AND scope = judged.instrument_code
                AND range @> judged.funding_time + interval '10 minutes') THEN 'unexpected'
        WHEN expected IS NULL THEN 'unknown_rate'
        WHEN booked IS NULL THEN CASE WHEN is_read THEN 'missing' ELSE 'open' END
        ELSE 'different'
    END AS state
FROM (
    SELECT priced.*,
        -- A hashed list, which is made only once a payment has the opposite sign.
        CASE WHEN abs(booked + expected) <= unit AND abs(booked) > unit
            THEN account_id IN (SELECT account_id FROM onetrading.accounts_paid_positive)
            ELSE false END AS is_negated,
        booked IS NOT NULL OR NOT EXISTS (
            SELECT FROM onetrading_sync.progress
            WHERE progress.account_id = priced.account_id AND stream = 'funding_payments')
        OR EXISTS (
            SELECT FROM onetrading_sync.coverage
            WHERE coverage.account_id = priced.account_id AND stream = 'funding_payments'
                AND range @> funding_time + interval '10 minutes') AS is_read
    FROM (
        SELECT slots.account, slots.account_id, slots.zone, slots.month, slots.instrument_code,
            quote_code, slots.funding_time, slots.booked_at, funding_rate, mark_price,
            booked, is_known, unit, position, -funding_rate * mark_price * position AS expected
        FROM (
            SELECT *, power(10::numeric, -decimals) AS unit FROM onetrading.funding_positions
        ) AS slots
        LEFT JOIN onetrading.funding_rates AS rates
            ON rates.instrument_code = slots.instrument_code
            AND rates.funding_time = slots.funding_time
        LEFT JOIN onetrading.instrument_markets AS markets
            ON markets.instrument_code = slots.instrument_code
            AND known_from <= slots.funding_time AND slots.funding_time < known_to
        CROSS JOIN LATERAL (
            -- Between the funding time and the booking either may be the one that was paid for.
            SELECT CASE
                    WHEN abs(booked + funding_rate * mark_price * net_at_booking) <= unit
                        THEN net_at_booking
                    WHEN abs(booked + funding_rate * mark_price * net_at_slot) <= unit
                        OR abs(booked - funding_rate * mark_price * net_at_slot) <= unit
                        THEN net_at_slot
                    ELSE coalesce(net_at_booking, net_at_slot)
                END AS position
        ) AS paid_for
        WHERE booked IS NOT NULL OR net_at_slot <> 0 OR NOT is_known
    ) AS priced
) AS judged;
COMMENT ON VIEW reporting.funding_check_by_zone IS 'reporting.funding_check with the months of every time zone: always filter by zone, or call reporting.funding_check(zone).

Example:
SELECT funding_time, instrument_code, position, expected, booked, difference, state
FROM reporting.funding_check_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01'' AND state <> ''ok''
ORDER BY funding_time, instrument_code;';
COMMENT ON COLUMN reporting.funding_check_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.funding_check_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.funding_check_by_zone.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.funding_check_by_zone.month IS 'First day of the calendar month of booked_at, else of funding_time.';
COMMENT ON COLUMN reporting.funding_check_by_zone.instrument_code IS 'Futures market.';
COMMENT ON COLUMN reporting.funding_check_by_zone.quote_code IS 'Currency of all amounts and prices; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.funding_check_by_zone.funding_time IS 'The slot: when funding was settled.';
COMMENT ON COLUMN reporting.funding_check_by_zone.booked_at IS 'When the payment was booked; null when none was.';
COMMENT ON COLUMN reporting.funding_check_by_zone.funding_rate IS 'Settled rate, a fraction per funding period; positive: longs pay shorts. Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_check_by_zone.mark_price IS 'In quote_code: mark price at settlement. Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_check_by_zone.position IS 'In units of the base asset, negative when short: the position then. Where trades lie between the funding time and the booking, the one that fits the payment.';
COMMENT ON COLUMN reporting.funding_check_by_zone.position_is_known IS 'False where the trades around do not lead from one known position (observed, or closed) to the next: one is missing.';
COMMENT ON COLUMN reporting.funding_check_by_zone.expected IS 'In quote_code, exact: minus rate times mark price times position, so positive when received; negated where reporting.funding_sign says paid_positive and the payment fits. Null when the rate is not known.';
COMMENT ON COLUMN reporting.funding_check_by_zone.booked IS 'In quote_code, as sent; null when nothing was booked.';
COMMENT ON COLUMN reporting.funding_check_by_zone.difference IS 'In quote_code: booked (0 when nothing was) less expected.';
COMMENT ON COLUMN reporting.funding_check_by_zone.state IS 'ok (the difference is at most one unit of the last decimal of the month''s payments of the instrument), missing (nothing was booked), unexpected (booked without a position, or at a time of which no rate was settled), different, unknown_position (the position is not known for sure), unknown_rate (the settled rate is not read) or open (payments are not read so far yet).';

CREATE VIEW reporting.funding_check AS
SELECT * FROM reporting.funding_check_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.funding_check IS 'One row per account, futures instrument and funding time at which there was a position or a payment: what the settled rate makes of the position, against what was booked. Filter by account and month.

Example:
SELECT month, instrument_code, state, count(*) AS slots, sum(difference) AS difference
FROM reporting.funding_check WHERE account = ''main'' AND month = ''2026-03-01''
GROUP BY month, instrument_code, state ORDER BY instrument_code, state;';

CREATE FUNCTION reporting.funding_check(zone text) RETURNS SETOF reporting.funding_check
LANGUAGE sql STABLE
AS $$
    SELECT * FROM reporting.funding_check_by_zone AS slots
    WHERE slots.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.funding_check(text) IS 'The view of this name in any time zone.

Example:
SELECT state, count(*) AS slots FROM reporting.funding_check(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' GROUP BY state;';

-- The views in the business zone have the columns of those of every zone, and so their comments.
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN
        SELECT format('COMMENT ON COLUMN reporting.%I.%I IS %L',
            left(relname, -length('_by_zone')), attname, col_description(attrelid, attnum))
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'reporting'::regnamespace AND attnum > 0 AND relname IN (
            'ledger_by_zone', 'fee_check_by_zone', 'order_fill_check_by_zone',
            'trade_slippage_by_zone', 'dac8_totals_by_zone', 'realised_pnl_futures_by_zone',
            'funding_check_by_zone')
    LOOP
        EXECUTE line;
    END LOOP;
END
$$;
