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
    kinds.kind, kinds.kind <> 'SPOT' AS is_futures
FROM onetrading.instrument_assets AS assets
JOIN (
    SELECT DISTINCT ON (instrument_code) instrument_code, kind
    FROM onetrading.instruments ORDER BY instrument_code, valid_from DESC
) AS kinds USING (instrument_code);
COMMENT ON VIEW onetrading.instrument_markets IS 'onetrading.instrument_assets with the kind of market, which never changes.';
COMMENT ON COLUMN onetrading.instrument_markets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.known_from IS 'As in onetrading.instrument_assets.';
COMMENT ON COLUMN onetrading.instrument_markets.known_to IS 'As in onetrading.instrument_assets.';
COMMENT ON COLUMN onetrading.instrument_markets.kind IS 'As in onetrading.instruments, of its newest version.';
COMMENT ON COLUMN onetrading.instrument_markets.is_futures IS 'Whether positions in it are margined and settled in cash.';

-- Names are joined by the month, assets by a hash: what is left per trade is one step of the index.
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
JOIN onetrading.trades
    ON trades.account_id = months.account_id
    AND traded_at >= months.starts_at AND traded_at < months.ends_at
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
JOIN onetrading.funding_payments AS payments
    ON payments.account_id = months.account_id
    AND booked_at >= months.starts_at AND booked_at < months.ends_at
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
JOIN onetrading.external_movements AS movements
    ON movements.account_id = months.account_id
    AND moved_at >= months.starts_at AND moved_at < months.ends_at
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
JOIN onetrading.orders
    ON orders.account_id = months.account_id
    AND created_at >= months.starts_at AND created_at < months.ends_at
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
        (base_code, quote_code, amount, quote_amount, side = 'BUY'),
        (quote_code, base_code, quote_amount, amount, side <> 'BUY')
    ) AS moved (asset, quote_code, quantity, gross, acquires)
    WHERE NOT is_futures AND (moved.asset IS NOT DISTINCT FROM trades.base_code
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
            'trade_slippage_by_zone', 'dac8_totals_by_zone')
    LOOP
        EXECUTE line;
    END LOOP;
END
$$;
