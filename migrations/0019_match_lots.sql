-- Profit and loss of spot trading: what is sold is matched with what was bought, by FIFO and by the
-- moving average.
--
-- Creates tables, functions, views and triggers. The triggers lock onetrading.trades,
-- onetrading.external_lots and onetrading.instruments for an instant.

-- The state that is carried: open lots and pools at the ends of months. It makes reports fast and is
-- nothing but that: all of it can be computed again, and whatever changes a trade before it deletes
-- it in the same transaction.

CREATE TABLE onetrading_sync.carried (
    account_id uuid NOT NULL,
    at timestamptz NOT NULL CHECK (isfinite(at)),
    locked_by bigint,
    unknown_codes text[] NOT NULL DEFAULT '{}',
    carried_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, at)
);
COMMENT ON TABLE onetrading_sync.carried IS 'Instants at which the open lots and pools of an account are stored: reports of what follows begin there, and not at the first trade.';
COMMENT ON COLUMN onetrading_sync.carried.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.carried.at IS 'The state after all trades and imported lots before this instant.';
COMMENT ON COLUMN onetrading_sync.carried.locked_by IS 'The lock of the month that ends here; null without one. While it is set, late trades do not delete this state, nor what follows from it.';
COMMENT ON COLUMN onetrading_sync.carried.unknown_codes IS 'Instruments of trades before this instant that were unknown, and so were in no pool.';
COMMENT ON COLUMN onetrading_sync.carried.carried_at IS 'When it was stored.';

CREATE TABLE onetrading_sync.carried_lots (
    account_id uuid NOT NULL,
    at timestamptz NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    position bigint NOT NULL,
    lot_source text NOT NULL CHECK (lot_source IN ('trade', 'external')),
    lot_trade_id uuid,
    reference text,
    instrument_code text,
    acquired_at timestamptz NOT NULL,
    quantity numeric NOT NULL,
    quantity_used numeric NOT NULL,
    cost numeric,
    fee_in_base numeric,
    fee_in_quote numeric,
    PRIMARY KEY (account_id, at, base_code, quote_code, position),
    FOREIGN KEY (account_id, at) REFERENCES onetrading_sync.carried ON DELETE CASCADE,
    CHECK (quantity_used >= 0 AND quantity_used < quantity)
);
COMMENT ON TABLE onetrading_sync.carried_lots IS 'The lots that were not used up at an instant of onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_lots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.carried_lots.at IS 'As in onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_lots.base_code IS 'The asset.';
COMMENT ON COLUMN onetrading_sync.carried_lots.quote_code IS 'Currency of cost.';
COMMENT ON COLUMN onetrading_sync.carried_lots.position IS 'Order in which the lots of a pool are used, from 1 on.';
COMMENT ON COLUMN onetrading_sync.carried_lots.lot_source IS 'trade or external (imported).';
COMMENT ON COLUMN onetrading_sync.carried_lots.lot_trade_id IS 'The BUY that it came from; null when it was imported.';
COMMENT ON COLUMN onetrading_sync.carried_lots.reference IS 'As in onetrading.external_lots; null when it came from a trade.';
COMMENT ON COLUMN onetrading_sync.carried_lots.instrument_code IS 'Market of the BUY; null when it was imported.';
COMMENT ON COLUMN onetrading_sync.carried_lots.acquired_at IS 'When it was acquired.';
COMMENT ON COLUMN onetrading_sync.carried_lots.quantity IS 'All that was acquired, in units of base_code.';
COMMENT ON COLUMN onetrading_sync.carried_lots.quantity_used IS 'How much of it was disposed of before the instant.';
COMMENT ON COLUMN onetrading_sync.carried_lots.cost IS 'Total cost of quantity in quote_code, without fees; null when it is not known.';
COMMENT ON COLUMN onetrading_sync.carried_lots.fee_in_base IS 'The part of the BUY''s fee that is in base_code, already taken off quantity; null when the fee was not told.';
COMMENT ON COLUMN onetrading_sync.carried_lots.fee_in_quote IS 'The part of the BUY''s fee that is in quote_code; null when the fee was not told, or is in a third currency.';

CREATE TABLE onetrading_sync.carried_pools (
    account_id uuid NOT NULL,
    at timestamptz NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity > 0),
    cost numeric,
    fee_in_quote numeric,
    PRIMARY KEY (account_id, at, base_code, quote_code),
    FOREIGN KEY (account_id, at) REFERENCES onetrading_sync.carried ON DELETE CASCADE
);
COMMENT ON TABLE onetrading_sync.carried_pools IS 'The pools of the moving average that were not empty at an instant of onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_pools.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.carried_pools.at IS 'As in onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_pools.base_code IS 'The asset.';
COMMENT ON COLUMN onetrading_sync.carried_pools.quote_code IS 'Currency of cost.';
COMMENT ON COLUMN onetrading_sync.carried_pools.quantity IS 'In units of base_code.';
COMMENT ON COLUMN onetrading_sync.carried_pools.cost IS 'Total cost in quote_code, without fees; null when that of an imported lot in it is not known.';
COMMENT ON COLUMN onetrading_sync.carried_pools.fee_in_quote IS 'Fees of the BUYs in it that are in quote_code; null when one was not told, or is in a third currency.';

-- Arithmetic. Plain SQL without a SET clause, which the planner puts into the query around it.

-- The integer quotient is exact at any number of digits; numeric division keeps about 16 of them.
CREATE FUNCTION onetrading.share(total numeric, part numeric, whole numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT CASE
    WHEN part = whole THEN total
    WHEN part = 0 THEN 0
    WHEN total >= 0 THEN 0.000000000000000001
        * div(2000000000000000000 * total * part + whole, whole + whole)
    ELSE -0.000000000000000001
        * div(whole - 2000000000000000000 * total * part, whole + whole)
END
$$;
COMMENT ON FUNCTION onetrading.share(numeric, numeric, numeric) IS 'round(total * part / whole, 18), exactly: half away from zero. All of total where part is whole, so that the differences between growing parts add up to it. whole is positive, part is from 0 to whole.';

CREATE VIEW onetrading.spot_markets AS
WITH changes AS (
    SELECT instrument_code, base_code, quote_code, kind, valid_from,
        lag(valid_from) OVER versions AS before,
        (lag(base_code) OVER versions, lag(quote_code) OVER versions, lag(kind) OVER versions)
            IS NOT DISTINCT FROM (base_code, quote_code, kind) AS same
    FROM onetrading.instruments
    WINDOW versions AS (PARTITION BY instrument_code ORDER BY valid_from)
), ranges AS (
    SELECT instrument_code, base_code, quote_code, kind,
        CASE WHEN before IS NULL THEN '-infinity' ELSE valid_from END AS known_from,
        lead(valid_from, 1, 'infinity') OVER (PARTITION BY instrument_code ORDER BY valid_from)
            AS known_to
    FROM changes WHERE before IS NULL OR NOT same
)
SELECT instrument_code, base_code, quote_code, known_from, known_to
FROM ranges WHERE kind = 'SPOT';
COMMENT ON VIEW onetrading.spot_markets IS 'Base and quote of each spot instrument at any time, as onetrading.instrument_assets; nothing for a time at which a code stood for futures.';
COMMENT ON COLUMN onetrading.spot_markets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.spot_markets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.spot_markets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.spot_markets.known_from IS 'valid_from of the version; the first one counts for all time before it.';
COMMENT ON COLUMN onetrading.spot_markets.known_to IS 'Until when, exclusive; the last one counts for all time after it.';

CREATE FUNCTION onetrading.carried_before(of_account uuid, at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE
AS $$
SELECT coalesce(
    (SELECT max(carried.at) FROM onetrading_sync.carried
        WHERE account_id = of_account AND carried.at <= carried_before.at),
    '-infinity')
$$;
COMMENT ON FUNCTION onetrading.carried_before(uuid, timestamptz) IS 'The newest instant up to this one at which the state of the account is carried; -infinity without any.';

-- Numbers instead of codes, because millions of rows are sorted by them.
CREATE FUNCTION onetrading.spot_pools(of_account uuid, from_at timestamptz)
RETURNS TABLE (pool bigint, base_code text, quote_code text)
LANGUAGE sql STABLE
AS $$
SELECT row_number() OVER (ORDER BY base_code, quote_code), base_code, quote_code
FROM (
    SELECT base_code, quote_code FROM onetrading.spot_markets
    UNION
    SELECT base_code, quote_code FROM onetrading.external_lots WHERE account_id = of_account
    UNION
    SELECT base_code, quote_code FROM onetrading_sync.carried_pools
    WHERE account_id = of_account AND at = from_at
) AS pairs
$$;
COMMENT ON FUNCTION onetrading.spot_pools(uuid, timestamptz) IS 'Every pair of base and quote that an account may have a pool of, numbered: by spot markets, imported lots, and what is carried at from_at.';

-- What is carried comes before everything, then by time; an imported lot comes before the trades of
-- its instant.
CREATE FUNCTION onetrading.spot_events(
    of_account uuid, from_at timestamptz, to_at timestamptz, method text)
RETURNS TABLE (
    pool bigint, at timestamptz, nanos bigint, sequence bigint, trade_id uuid, reference text,
    instrument_code text, lot_source text, is_lot boolean, happened_at timestamptz,
    quantity numeric, used numeric, amount_in_quote numeric, fee_in_base numeric,
    fee_in_quote numeric)
LANGUAGE sql STABLE
AS $$
WITH pools AS MATERIALIZED (
    SELECT * FROM onetrading.spot_pools(of_account, from_at)
), markets AS MATERIALIZED (
    SELECT * FROM onetrading.spot_markets JOIN pools USING (base_code, quote_code)
)
SELECT pool, traded_at AS at, traded_at_nanos, sequence, trade_id, NULL::text,
    trades.instrument_code, 'trade', side = 'BUY', traded_at,
    CASE WHEN side = 'BUY' AND fee_currency = base_code
        THEN amount - coalesce(fee_amount, 0) ELSE amount END,
    0::numeric, quote_amount,
    CASE WHEN fee_amount = 0 THEN 0
        WHEN fee_currency = base_code THEN fee_amount
        WHEN fee_currency IS NOT NULL AND fee_amount IS NOT NULL THEN 0 END,
    CASE WHEN fee_amount = 0 THEN 0
        WHEN fee_currency = quote_code THEN fee_amount
        WHEN fee_currency = base_code AND side = 'BUY' AND fee_amount IS NOT NULL THEN 0
        WHEN fee_currency = base_code THEN fee_amount * price END
FROM onetrading.trades
JOIN markets ON markets.instrument_code = trades.instrument_code
    AND known_from <= traded_at AND traded_at < known_to
WHERE account_id = of_account AND traded_at >= from_at AND traded_at < to_at
    AND (side = 'SELL' OR side = 'BUY'
        AND NOT coalesce(fee_currency = base_code AND fee_amount >= amount, false))
UNION ALL
SELECT pool, acquired_at, -9223372036854775808, NULL, NULL, reference, NULL, 'external', true,
    acquired_at, quantity, 0, cost, 0, 0
FROM onetrading.external_lots JOIN pools USING (base_code, quote_code)
WHERE account_id = of_account AND acquired_at >= from_at AND acquired_at < to_at
UNION ALL
SELECT pool, '-infinity', position, NULL, lot_trade_id, reference, instrument_code, lot_source, true,
    acquired_at, quantity - quantity_used, quantity_used, cost, fee_in_base, fee_in_quote
FROM onetrading_sync.carried_lots JOIN pools USING (base_code, quote_code)
WHERE method = 'fifo' AND account_id = of_account AND carried_lots.at = from_at
UNION ALL
SELECT pool, '-infinity', 0, NULL, NULL, NULL, NULL, 'pool', true, NULL, quantity, 0, cost, NULL,
    fee_in_quote
FROM onetrading_sync.carried_pools JOIN pools USING (base_code, quote_code)
WHERE method = 'average' AND account_id = of_account AND carried_pools.at = from_at
$$;
COMMENT ON FUNCTION onetrading.spot_events(uuid, timestamptz, timestamptz, text) IS 'What fills and empties the pools of an account, in the order of (pool, at, nanos, sequence, trade_id, reference): what is carried at from_at (open lots for the method fifo, pools for average), imported lots and trades of [from_at, to_at). quantity: what a lot still has, or what a SELL disposes of; used: what the lot had beside; amount_in_quote and the fees: of all of the lot or SELL.';

CREATE FUNCTION onetrading.spot_sequence(
    of_account uuid, from_at timestamptz, to_at timestamptz, method text)
RETURNS TABLE (
    pool bigint, at timestamptz, nanos bigint, sequence bigint, trade_id uuid, reference text,
    instrument_code text, is_lot boolean, quantity numeric, amount_in_quote numeric,
    fee_in_base numeric, fee_in_quote numeric)
LANGUAGE sql STABLE
AS $$
SELECT pool, at, nanos, sequence, trade_id, reference, instrument_code, is_lot, quantity,
    amount_in_quote, fee_in_base, fee_in_quote
FROM onetrading.spot_events(of_account, from_at, to_at, method)
UNION ALL
SELECT pool, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM onetrading.spot_pools(of_account, from_at)
$$;
COMMENT ON FUNCTION onetrading.spot_sequence(uuid, timestamptz, timestamptz, text) IS 'onetrading.spot_events, with a row behind the last of each pool: its is_lot is null.';

-- Cumulative quantities make matching a merge: a lot is used by the disposals whose range of the
-- cumulative quantity overlaps its own. What is sold beyond the pool is no part of that range, so
-- that it uses no later lot: it is what the sum of sales was ahead of the sum of lots at most.
CREATE FUNCTION onetrading.spot_ranges(of_account uuid, from_at timestamptz, to_at timestamptz)
RETURNS TABLE (
    pool bigint, at timestamptz, trade_id uuid, reference text, instrument_code text,
    lot_source text, is_lot boolean, happened_at timestamptz, whole numeric,
    used numeric, amount_in_quote numeric, fee_in_base numeric, fee_in_quote numeric, number bigint,
    begins numeric, ends numeric, missing numeric)
LANGUAGE sql STABLE
AS $$
SELECT pool, at, trade_id, reference, instrument_code, lot_source, is_lot, happened_at,
    quantity + used, used, amount_in_quote, fee_in_base, fee_in_quote,
    CASE WHEN is_lot THEN lots ELSE place - lots END,
    CASE WHEN is_lot THEN acquired - quantity - used ELSE sold - quantity - short_before END,
    CASE WHEN is_lot THEN acquired ELSE sold - greatest(short_before, sold - acquired) END,
    CASE WHEN is_lot THEN 0 ELSE greatest(short_before, sold - acquired) - short_before END
FROM (
    SELECT *, greatest(0, max(sold - acquired) OVER (
            ordered ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS short_before
    FROM (
        SELECT *,
            sum(CASE WHEN is_lot THEN quantity ELSE 0 END) OVER ordered AS acquired,
            sum(CASE WHEN is_lot THEN 0 ELSE quantity END) OVER ordered AS sold,
            count(*) FILTER (WHERE is_lot) OVER ordered AS lots,
            row_number() OVER ordered AS place
        FROM onetrading.spot_events(of_account, from_at, to_at, 'fifo')
        WINDOW ordered AS (
            PARTITION BY pool ORDER BY at, nanos, sequence, trade_id, reference
            ROWS UNBOUNDED PRECEDING)
    ) AS sums
    WINDOW ordered AS (PARTITION BY pool ORDER BY at, nanos, sequence, trade_id, reference)
) AS shortages
$$;
COMMENT ON FUNCTION onetrading.spot_ranges(uuid, timestamptz, timestamptz) IS 'onetrading.spot_events for FIFO, with the range of the cumulative quantity of its pool that each lot offers and each SELL takes. number: from 1 on, of lots and of SELLs. whole: the quantity that amount_in_quote and the fees are for; it lies from begins on. ends: where the range ends; that of a SELL is shorter than whole by missing, which no lot was there for.';

-- Functions that read tables with the rights of their owner: a view calls them with the rights of
-- who asks. With the range of time at hand the planner need not guess it, and the settings make the
-- plan the same on any server.

-- A piece ends where a lot or a SELL does, and belongs to the first of each that does not end before
-- it: as many as end before are counted on the way.
CREATE FUNCTION onetrading.fifo(of_account uuid, starts timestamptz, ends_at timestamptz)
RETURNS TABLE (
    base_code text, quote_code text, instrument_code text, disposal_trade_id uuid,
    disposed_at timestamptz, lot_trade_id uuid, reference text, acquired_at timestamptz,
    lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric,
    lot_fee_in_base numeric, fee_in_quote numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1000000 ROWS 100000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET work_mem = '64MB'
AS $$
#variable_conflict use_column
DECLARE
    from_at timestamptz := onetrading.carried_before(of_account, starts);
BEGIN
    RETURN QUERY
    WITH ranges AS MATERIALIZED (
        SELECT * FROM onetrading.spot_ranges(of_account, from_at, ends_at)
    ), breaks AS (
        SELECT pool, ends AS piece_ends, lag(ends, 1, 0::numeric) OVER breaks AS piece_begins,
            lots - is_lot::integer + 1 AS lot_number, place - lots + is_lot::integer AS sale_number
        FROM (
            SELECT pool, ends, is_lot, row_number() OVER breaks AS place,
                count(*) FILTER (WHERE is_lot) OVER breaks AS lots
            FROM ranges
            WINDOW breaks AS (PARTITION BY pool ORDER BY ends ROWS UNBOUNDED PRECEDING)
        ) AS counted
        WINDOW breaks AS (PARTITION BY pool ORDER BY ends ROWS UNBOUNDED PRECEDING)
    ), pieces AS (
        SELECT pool, sale.instrument_code, sale.trade_id AS disposal_trade_id,
            sale.at AS disposed_at, lot.trade_id AS lot_trade_id, lot.reference,
            lot.happened_at AS acquired_at, lot.lot_source,
            piece_ends - piece_begins AS quantity,
            piece_begins - lot.begins AS lot_before, piece_ends - lot.begins AS lot_after,
            lot.whole AS lot_whole,
            piece_begins - sale.begins AS sale_before, piece_ends - sale.begins AS sale_after,
            sale.whole AS sale_whole, sale.amount_in_quote AS proceeds,
            lot.amount_in_quote AS cost, sale.fee_in_base, lot.fee_in_base AS lot_fee_in_base,
            sale.fee_in_quote, lot.fee_in_quote AS lot_fee_in_quote
        FROM breaks
        JOIN ranges AS lot USING (pool)
        JOIN ranges AS sale USING (pool)
        WHERE piece_ends > piece_begins AND lot.is_lot AND lot.number = lot_number
            AND NOT sale.is_lot AND sale.number = sale_number AND sale.at >= starts
        UNION ALL
        SELECT pool, instrument_code, trade_id, at, NULL, NULL, NULL, 'missing', missing, 0, 1, 1,
            whole - missing, whole, whole, amount_in_quote, NULL, fee_in_base, 0, fee_in_quote, 0
        FROM ranges WHERE NOT is_lot AND missing > 0 AND at >= starts
    )
    SELECT base_code, quote_code, instrument_code, disposal_trade_id, disposed_at, lot_trade_id,
        reference, acquired_at, lot_source, quantity,
        onetrading.share(proceeds, sale_after, sale_whole)
            - onetrading.share(proceeds, sale_before, sale_whole),
        onetrading.share(cost, lot_after, lot_whole)
            - onetrading.share(cost, lot_before, lot_whole),
        onetrading.share(fee_in_base, sale_after, sale_whole)
            - onetrading.share(fee_in_base, sale_before, sale_whole),
        onetrading.share(lot_fee_in_base, lot_after, lot_whole)
            - onetrading.share(lot_fee_in_base, lot_before, lot_whole),
        onetrading.share(fee_in_quote, sale_after, sale_whole)
            - onetrading.share(fee_in_quote, sale_before, sale_whole)
            + onetrading.share(lot_fee_in_quote, lot_after, lot_whole)
            - onetrading.share(lot_fee_in_quote, lot_before, lot_whole)
    FROM pieces
    JOIN onetrading.spot_pools(of_account, from_at) USING (pool);
END
$$;
COMMENT ON FUNCTION onetrading.fifo(uuid, timestamptz, timestamptz) IS 'The pieces of lots that the SELLs of an account in [starts, ends_at) disposed of, by FIFO; from the newest state that is carried by then. Columns as in reporting.realised_pnl_fifo.';

CREATE FUNCTION onetrading.lots_at(of_account uuid, until timestamptz)
RETURNS TABLE (
    base_code text, quote_code text, "position" bigint, lot_source text, lot_trade_id uuid,
    reference text, instrument_code text, acquired_at timestamptz, quantity numeric,
    quantity_used numeric, cost numeric, fee_in_base numeric, fee_in_quote numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 100000 ROWS 1000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET work_mem = '64MB'
AS $$
#variable_conflict use_column
DECLARE
    from_at timestamptz := onetrading.carried_before(of_account, until);
BEGIN
    RETURN QUERY
    SELECT base_code, quote_code, row_number() OVER (PARTITION BY pool ORDER BY ends), lot_source,
        trade_id, reference, instrument_code, happened_at, whole,
        greatest(used, matched - begins), amount_in_quote, fee_in_base, fee_in_quote
    FROM (
        SELECT *, coalesce(max(ends) FILTER (WHERE NOT is_lot) OVER (PARTITION BY pool), 0)
                AS matched
        FROM onetrading.spot_ranges(of_account, from_at, until)
    ) AS ranges
    JOIN onetrading.spot_pools(of_account, from_at) USING (pool)
    WHERE is_lot AND ends > matched;
END
$$;
COMMENT ON FUNCTION onetrading.lots_at(uuid, timestamptz) IS 'The lots of an account that were not used up, by FIFO, after all trades and imported lots before an instant; from the newest state that is carried by then. Columns as in onetrading_sync.carried_lots.';

-- One row after the other: a disposal's cost is rounded, so that it depends on all before it.
CREATE FUNCTION onetrading.average(of_account uuid, starts timestamptz, ends_at timestamptz)
RETURNS TABLE (
    base_code text, quote_code text, instrument_code text, disposal_trade_id uuid,
    disposed_at timestamptz, lot_source text, quantity numeric, proceeds numeric, cost numeric,
    fee_in_base numeric, fee_in_quote numeric, pool_quantity_after numeric,
    pool_cost_after numeric, pool_fee_after numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1000000 ROWS 100000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET work_mem = '64MB'
AS $$
DECLARE
    from_at timestamptz := onetrading.carried_before(of_account, starts);
    event record;
    known numeric;
    fee_of_pool numeric;
BEGIN
    pool_quantity_after := 0;
    pool_cost_after := 0;
    pool_fee_after := 0;
    FOR event IN
        SELECT pools.base_code, pools.quote_code, events.is_lot, events.at, events.instrument_code,
            events.trade_id, events.quantity, events.amount_in_quote, events.fee_in_base,
            events.fee_in_quote
        FROM onetrading.spot_sequence(of_account, from_at, ends_at, 'average') AS events
        JOIN onetrading.spot_pools(of_account, from_at) AS pools ON pools.pool = events.pool
        ORDER BY events.pool, events.at, events.nanos, events.sequence, events.trade_id,
            events.reference
    LOOP
        IF event.is_lot THEN
            pool_quantity_after := pool_quantity_after + event.quantity;
            pool_cost_after := pool_cost_after + event.amount_in_quote;
            pool_fee_after := pool_fee_after + event.fee_in_quote;
            CONTINUE;
        END IF;
        base_code := event.base_code;
        quote_code := event.quote_code;
        instrument_code := event.instrument_code;
        disposal_trade_id := event.trade_id;
        disposed_at := event.at;
        IF event.is_lot IS NULL THEN
            lot_source := 'left';
            IF pool_quantity_after > 0 THEN
                RETURN NEXT;
            END IF;
            pool_quantity_after := 0;
            pool_cost_after := 0;
            pool_fee_after := 0;
            CONTINUE;
        END IF;
        known := least(event.quantity, pool_quantity_after);
        IF known > 0 THEN
            cost := onetrading.share(pool_cost_after, known, pool_quantity_after);
            fee_of_pool := onetrading.share(pool_fee_after, known, pool_quantity_after);
            pool_quantity_after := pool_quantity_after - known;
            IF pool_quantity_after = 0 THEN  -- a cost that is not known leaves with the pool
                pool_cost_after := 0;
                pool_fee_after := 0;
            ELSE
                pool_cost_after := pool_cost_after - cost;
                pool_fee_after := pool_fee_after - fee_of_pool;
            END IF;
        END IF;
        CONTINUE WHEN event.at < starts;
        IF known > 0 THEN
            lot_source := 'pool';
            quantity := known;
            proceeds := onetrading.share(event.amount_in_quote, known, event.quantity);
            fee_in_base := onetrading.share(event.fee_in_base, known, event.quantity);
            fee_in_quote := onetrading.share(event.fee_in_quote, known, event.quantity)
                + fee_of_pool;
            RETURN NEXT;
        END IF;
        IF known < event.quantity THEN
            lot_source := 'missing';
            quantity := event.quantity - known;
            proceeds := event.amount_in_quote
                - onetrading.share(event.amount_in_quote, known, event.quantity);
            cost := NULL;
            fee_in_base := event.fee_in_base
                - onetrading.share(event.fee_in_base, known, event.quantity);
            fee_in_quote := event.fee_in_quote
                - onetrading.share(event.fee_in_quote, known, event.quantity);
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION onetrading.average(uuid, timestamptz, timestamptz) IS 'What the SELLs of an account in [starts, ends_at) disposed of, by the moving average; from the newest state that is carried by then. Columns as in reporting.realised_pnl_average. A row with the lot_source left is no disposal: it is what a pool holds at ends_at.';

-- Keeping the carried state true.

CREATE FUNCTION onetrading.carry(of_account uuid, until timestamptz) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'open lots can only be carried in a transaction that is READ COMMITTED'
            USING HINT = 'Another one may not see the trades that were committed meanwhile.';
    END IF;
    -- A writer has these locks, shared and exclusive, from its trigger to its commit. So what it
    -- wrote is seen from here on, or it will see what is carried here.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('onetrading_sync.carried', 0));
    PERFORM pg_advisory_xact_lock(
        hashtextextended('onetrading_sync.carried/' || of_account, 0));
    IF EXISTS (SELECT FROM onetrading_sync.carried WHERE account_id = of_account AND at = until)
    THEN
        RETURN false;
    END IF;
    -- One statement: the functions see the state before it.
    WITH header AS (
        INSERT INTO onetrading_sync.carried (account_id, at, unknown_codes)
        SELECT of_account, until, ARRAY(
            SELECT unnest(unknown_codes) FROM onetrading_sync.carried
            WHERE account_id = of_account AND at = onetrading.carried_before(of_account, until)
            UNION
            SELECT instrument_code FROM onetrading.trades
            WHERE account_id = of_account AND traded_at < until
                AND traded_at >= onetrading.carried_before(of_account, until)
                AND instrument_code NOT IN (SELECT instrument_code FROM onetrading.instruments)
            ORDER BY 1)
    ), lots AS (
        INSERT INTO onetrading_sync.carried_lots
            (account_id, at, base_code, quote_code, position, lot_source, lot_trade_id, reference,
             instrument_code, acquired_at, quantity, quantity_used, cost, fee_in_base, fee_in_quote)
        SELECT of_account, until, base_code, quote_code, position, lot_source, lot_trade_id,
            reference, instrument_code, acquired_at, quantity, quantity_used, cost, fee_in_base,
            fee_in_quote
        FROM onetrading.lots_at(of_account, until)
    )
    INSERT INTO onetrading_sync.carried_pools
        (account_id, at, base_code, quote_code, quantity, cost, fee_in_quote)
    SELECT of_account, until, base_code, quote_code, pool_quantity_after, pool_cost_after,
        pool_fee_after
    FROM onetrading.average(of_account, until, until) WHERE lot_source = 'left';
    RETURN true;
END
$$;
COMMENT ON FUNCTION onetrading.carry(uuid, timestamptz) IS 'Store the open lots and pools of an account as they are after all trades and imported lots before an instant, from the newest state before it. Whether it was not stored already. Writers of the account''s trades wait until the transaction ends.';

CREATE FUNCTION onetrading_sync.drop_carried(of_account uuid, since timestamptz) RETURNS void
LANGUAGE sql
AS $$
DELETE FROM onetrading_sync.carried AS stale
WHERE account_id = of_account AND at > since AND locked_by IS NULL
    AND NOT EXISTS (
        SELECT FROM onetrading_sync.carried AS locked
        WHERE locked.account_id = of_account AND locked.at > since AND locked.at <= stale.at
            AND locked.locked_by IS NOT NULL)
$$;
COMMENT ON FUNCTION onetrading_sync.drop_carried(uuid, timestamptz) IS 'Delete the carried state of an account that a change at an instant makes stale: what is later, but for locked states and what follows from them.';

-- With the rights of the owner: who may write trades need not know what is carried.
CREATE FUNCTION onetrading_sync.on_lots_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    touched record;
BEGIN
    FOR touched IN EXECUTE format(
        'SELECT account_id, min(%I) AS at FROM (%s) AS touched GROUP BY account_id ORDER BY 1',
        TG_ARGV[0], CASE TG_OP
            WHEN 'INSERT' THEN 'TABLE new_rows'
            WHEN 'DELETE' THEN 'TABLE old_rows'
            ELSE 'TABLE old_rows UNION ALL TABLE new_rows' END)
    LOOP
        PERFORM pg_advisory_xact_lock_shared(
            hashtextextended('onetrading_sync.carried/' || touched.account_id, 0));
        PERFORM onetrading_sync.drop_carried(touched.account_id, touched.at);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_lots_changed() IS 'Deletes the carried state that a statement made stale; the argument is the column with the instant.';

CREATE FUNCTION onetrading_sync.on_all_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM onetrading_sync.drop_carried(account_id, '-infinity')
    FROM (SELECT DISTINCT account_id FROM onetrading_sync.carried) AS accounts;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_all_changed() IS 'Deletes all carried state but for locked ones, and what follows from them.';

-- Rules of a market change often, what it trades hardly ever. A code that becomes known brings trades
-- into pools that were left out before.
CREATE FUNCTION onetrading_sync.on_instruments_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    since timestamptz;
    new_codes text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT instrument_code) INTO new_codes FROM new_rows
        WHERE NOT EXISTS (
            SELECT FROM onetrading.instruments AS known
            WHERE known.instrument_code = new_rows.instrument_code AND NOT EXISTS (
                SELECT FROM new_rows AS other
                WHERE other.instrument_code = known.instrument_code
                    AND other.valid_from = known.valid_from));
        SELECT min(CASE WHEN before.valid_from IS NULL THEN '-infinity' ELSE added.valid_from END)
        INTO since
        FROM new_rows AS added
        LEFT JOIN LATERAL (
            SELECT * FROM onetrading.instruments AS version
            WHERE version.instrument_code = added.instrument_code
                AND version.valid_from < added.valid_from
            ORDER BY valid_from DESC LIMIT 1
        ) AS before ON true
        LEFT JOIN LATERAL (
            SELECT * FROM onetrading.instruments AS version
            WHERE version.instrument_code = added.instrument_code
                AND version.valid_from > added.valid_from
            ORDER BY valid_from LIMIT 1
        ) AS after ON before.valid_from IS NULL
        WHERE added.instrument_code <> ALL(coalesce(new_codes, '{}'))
            AND (added.base_code, added.quote_code, added.kind) IS DISTINCT FROM (
                coalesce(before.base_code, after.base_code),
                coalesce(before.quote_code, after.quote_code),
                coalesce(before.kind, after.kind));
    ELSIF TG_OP = 'DELETE' THEN
        since := CASE WHEN EXISTS (SELECT FROM old_rows) THEN '-infinity'::timestamptz END;
    ELSIF EXISTS (
        SELECT instrument_code, valid_from, base_code, quote_code, kind FROM old_rows
        EXCEPT SELECT instrument_code, valid_from, base_code, quote_code, kind FROM new_rows)
    THEN
        since := '-infinity';
    END IF;
    IF since IS NOT NULL OR new_codes IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('onetrading_sync.carried', 0));
        PERFORM onetrading_sync.drop_carried(account_id, min(stale_from))
        FROM (
            SELECT account_id, since AS stale_from FROM onetrading_sync.carried
            WHERE at > since
            UNION ALL
            SELECT account_id, at - interval '1 microsecond' FROM onetrading_sync.carried
            WHERE unknown_codes && new_codes
        ) AS stale
        GROUP BY account_id ORDER BY account_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_instruments_changed() IS 'Deletes the carried state that another base, quote or kind of a known instrument makes stale, or an instrument that becomes known after its trades.';

CREATE TRIGGER carried_after_insert AFTER INSERT ON onetrading.trades
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_lots_changed('traded_at');
CREATE TRIGGER carried_after_update AFTER UPDATE ON onetrading.trades
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_lots_changed('traded_at');
CREATE TRIGGER carried_after_delete AFTER DELETE ON onetrading.trades
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_lots_changed('traded_at');
CREATE TRIGGER carried_after_truncate AFTER TRUNCATE ON onetrading.trades
FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_all_changed();

CREATE TRIGGER carried_after_insert AFTER INSERT ON onetrading.external_lots
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_lots_changed('acquired_at');
CREATE TRIGGER carried_after_update AFTER UPDATE ON onetrading.external_lots
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_lots_changed('acquired_at');
CREATE TRIGGER carried_after_delete AFTER DELETE ON onetrading.external_lots
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_lots_changed('acquired_at');
CREATE TRIGGER carried_after_truncate AFTER TRUNCATE ON onetrading.external_lots
FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_all_changed();

CREATE TRIGGER carried_after_insert AFTER INSERT ON onetrading.instruments
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_instruments_changed();
CREATE TRIGGER carried_after_update AFTER UPDATE ON onetrading.instruments
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_instruments_changed();
CREATE TRIGGER carried_after_delete AFTER DELETE ON onetrading.instruments
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_instruments_changed();
CREATE TRIGGER carried_after_truncate AFTER TRUNCATE ON onetrading.instruments
FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_all_changed();

CREATE FUNCTION onetrading.inventory(of_account uuid, starts timestamptz, ends_at timestamptz)
RETURNS TABLE (
    base_code text, quote_code text, method text, opening_quantity numeric, opening_cost numeric,
    acquired_quantity numeric, acquired_cost numeric, disposed_quantity numeric,
    disposed_cost numeric, closing_quantity numeric, closing_cost numeric, difference numeric,
    cost_difference numeric, missing_quantity numeric, unknown_because text)
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 2000000 ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH entries AS (
        SELECT 'opening' AS entry, 'fifo' AS method, base_code, quote_code,
            quantity - quantity_used AS quantity,
            cost - onetrading.share(cost, quantity_used, quantity) AS cost
        FROM onetrading.lots_at(of_account, starts)
        UNION ALL
        SELECT 'held', 'fifo', base_code, quote_code, quantity - quantity_used,
            cost - onetrading.share(cost, quantity_used, quantity)
        FROM onetrading.lots_at(of_account, ends_at)
        UNION ALL
        SELECT CASE lot_source WHEN 'missing' THEN 'missing' ELSE 'disposed' END, 'fifo', base_code,
            quote_code, quantity, cost
        FROM onetrading.fifo(of_account, starts, ends_at)
        UNION ALL
        SELECT 'opening', 'average', base_code, quote_code, pool_quantity_after, pool_cost_after
        FROM onetrading.average(of_account, starts, starts) WHERE lot_source = 'left'
        UNION ALL
        SELECT 'held', 'average', base_code, quote_code, pool_quantity_after, pool_cost_after
        FROM onetrading.average(of_account, ends_at, ends_at) WHERE lot_source = 'left'
        UNION ALL
        SELECT CASE lot_source WHEN 'missing' THEN 'missing' ELSE 'disposed' END, 'average',
            base_code, quote_code, quantity, cost
        FROM onetrading.average(of_account, starts, ends_at) WHERE lot_source <> 'left'
        UNION ALL
        SELECT 'acquired', methods.method, base_code, quote_code, quantity, amount_in_quote
        FROM onetrading.spot_events(of_account, starts, ends_at, 'none')
        JOIN onetrading.spot_pools(of_account, starts) USING (pool)
        CROSS JOIN (VALUES ('fifo'), ('average')) AS methods (method)
        WHERE is_lot
    ), sums AS (
        SELECT base_code, quote_code, method,
            sum(quantity) FILTER (WHERE entry = 'opening') AS opening,
            sum(quantity) FILTER (WHERE entry = 'acquired') AS acquired,
            sum(quantity) FILTER (WHERE entry = 'disposed') AS disposed,
            sum(quantity) FILTER (WHERE entry = 'held') AS held,
            sum(quantity) FILTER (WHERE entry = 'missing') AS missing,
            coalesce(sum(cost) FILTER (WHERE entry = 'opening'), 0) AS opening_cost,
            coalesce(sum(cost) FILTER (WHERE entry = 'acquired'), 0) AS acquired_cost,
            coalesce(sum(cost) FILTER (WHERE entry = 'disposed'), 0) AS disposed_cost,
            coalesce(sum(cost) FILTER (WHERE entry = 'held'), 0) AS held_cost,
            count(*) FILTER (WHERE entry = 'opening' AND cost IS NULL) = 0 AS opening_known,
            count(*) FILTER (WHERE entry = 'acquired' AND cost IS NULL) = 0 AS acquired_known,
            count(*) FILTER (WHERE entry = 'disposed' AND cost IS NULL) = 0 AS disposed_known,
            count(*) FILTER (WHERE entry = 'held' AND cost IS NULL) = 0 AS held_known
        FROM entries GROUP BY base_code, quote_code, method
    )
    SELECT base_code, quote_code, method, coalesce(opening, 0),
        CASE WHEN opening_known THEN opening_cost END, coalesce(acquired, 0),
        CASE WHEN acquired_known THEN acquired_cost END, coalesce(disposed, 0),
        CASE WHEN disposed_known THEN disposed_cost END,
        coalesce(opening, 0) + coalesce(acquired, 0) - coalesce(disposed, 0),
        CASE WHEN opening_known AND acquired_known AND disposed_known
            THEN opening_cost + acquired_cost - disposed_cost
            WHEN held_known THEN held_cost END,
        coalesce(opening, 0) + coalesce(acquired, 0) - coalesce(disposed, 0) - coalesce(held, 0),
        CASE WHEN opening_known AND acquired_known AND disposed_known AND held_known
            THEN opening_cost + acquired_cost - disposed_cost - held_cost END,
        coalesce(missing, 0),
        CASE WHEN NOT (opening_known AND acquired_known AND disposed_known AND held_known)
            THEN 'an imported lot has no cost' END
    FROM sums;
END
$$;
COMMENT ON FUNCTION onetrading.inventory(uuid, timestamptz, timestamptz) IS 'How the lots and pools of an account changed in [starts, ends_at). Columns as in reporting.inventory_rollforward.';

CREATE VIEW reporting.realised_pnl_fifo_by_zone AS
SELECT account, account_id, month, zone, base_code, quote_code, instrument_code, disposal_trade_id,
    disposed_at, lot_trade_id, reference, acquired_at, lot_source, quantity, proceeds, cost,
    fee_in_base, lot_fee_in_base, fee_in_quote, proceeds - cost AS gain_gross,
    proceeds - cost - fee_in_quote AS gain_net,
    CASE WHEN isfinite(acquired_at) THEN extract(day FROM disposed_at - acquired_at)::integer END
        AS held_days,
    'fifo' AS method
FROM onetrading.account_months AS months
CROSS JOIN LATERAL onetrading.fifo(months.account_id, starts_at, ends_at) AS pieces;
COMMENT ON VIEW reporting.realised_pnl_fifo_by_zone IS 'Realised profit and loss of spot trading by first in, first out: one row per piece of a lot that a SELL disposed of. One pool per account, asset and quote currency, fed by trades and imported lots alone. In every time zone: always filter by zone, or call reporting.realised_pnl_fifo(zone).

Example:
SELECT disposed_at, acquired_at, base_code, quantity, proceeds, cost, gain_gross, gain_net, held_days
FROM reporting.realised_pnl_fifo_by_zone
WHERE account = ''main'' AND month = ''2026-10-01''
    AND zone = ''Europe/Vienna''
ORDER BY disposed_at, disposal_trade_id, acquired_at;';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.base_code IS 'The asset that was sold.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.quote_code IS 'The currency of proceeds, cost, fee_in_quote and gains.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.instrument_code IS 'Market of the SELL.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.disposal_trade_id IS 'The SELL.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.disposed_at IS 'When it happened.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.lot_trade_id IS 'The BUY that the lot came from; null when lot_source is not trade.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.reference IS 'As in the file that the lot was imported from; null when lot_source is not external.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.acquired_at IS 'When the lot was acquired; null when lot_source is missing.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.lot_source IS 'trade, external (an imported lot) or missing: sold beyond what trades and imported lots had brought by then, so that its cost is not known.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.quantity IS 'In units of base_code. The pieces of a SELL add up to its amount.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.proceeds IS 'The part of the SELL''s quote_amount, in quote_code, without fees. The pieces of a SELL add up to it exactly.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.cost IS 'The part of the lot''s total cost, in quote_code, without fees: round(cost * cum_after / quantity, 18) - round(cost * cum_before / quantity, 18). The pieces of a lot add up to its cost exactly. Null when lot_source is missing, or an imported lot has no cost: never 0.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.fee_in_base IS 'The part of the SELL''s fee that was charged in base_code, in units of it; 0 when it was charged in another currency, negative for a rebate, null when the fee was not told.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.lot_fee_in_base IS 'The part of the BUY''s fee that was charged in base_code: already taken off the lot''s quantity, and in no gain. 0 when there is none, null when the fee was not told.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.fee_in_quote IS 'What gain_net takes off, in quote_code: the part of the SELL''s fee (fee_in_base times the price where it was charged in base_code) and of the BUY''s fee that was charged in quote_code. Negative for a rebate; null when a fee was not told, or charged in a third currency.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.gain_gross IS 'proceeds - cost, in quote_code; null when cost is.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.gain_net IS 'gain_gross - fee_in_quote, in quote_code; null when either is.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.held_days IS 'Whole days of 24 hours between acquired_at and disposed_at; null when lot_source is missing.';
COMMENT ON COLUMN reporting.realised_pnl_fifo_by_zone.method IS 'fifo.';

CREATE VIEW reporting.realised_pnl_fifo AS
SELECT * FROM reporting.realised_pnl_fifo_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.realised_pnl_fifo IS 'Realised profit and loss of spot trading by first in, first out: one row per piece of a lot that a SELL disposed of. One pool per account, asset and quote currency, fed by trades and imported lots alone. In the business zone (ONETRADING_BUSINESS_ZONE).

Example:
SELECT disposed_at, acquired_at, base_code, quantity, proceeds, cost, gain_gross, gain_net, held_days
FROM reporting.realised_pnl_fifo
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY disposed_at, disposal_trade_id, acquired_at;';
COMMENT ON COLUMN reporting.realised_pnl_fifo.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.base_code IS 'The asset that was sold.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.quote_code IS 'The currency of proceeds, cost, fee_in_quote and gains.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.instrument_code IS 'Market of the SELL.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.disposal_trade_id IS 'The SELL.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.disposed_at IS 'When it happened.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.lot_trade_id IS 'The BUY that the lot came from; null when lot_source is not trade.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.reference IS 'As in the file that the lot was imported from; null when lot_source is not external.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.acquired_at IS 'When the lot was acquired; null when lot_source is missing.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.lot_source IS 'trade, external (an imported lot) or missing: sold beyond what trades and imported lots had brought by then, so that its cost is not known.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.quantity IS 'In units of base_code. The pieces of a SELL add up to its amount.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.proceeds IS 'The part of the SELL''s quote_amount, in quote_code, without fees. The pieces of a SELL add up to it exactly.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.cost IS 'The part of the lot''s total cost, in quote_code, without fees: round(cost * cum_after / quantity, 18) - round(cost * cum_before / quantity, 18). The pieces of a lot add up to its cost exactly. Null when lot_source is missing, or an imported lot has no cost: never 0.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.fee_in_base IS 'The part of the SELL''s fee that was charged in base_code, in units of it; 0 when it was charged in another currency, negative for a rebate, null when the fee was not told.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.lot_fee_in_base IS 'The part of the BUY''s fee that was charged in base_code: already taken off the lot''s quantity, and in no gain. 0 when there is none, null when the fee was not told.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.fee_in_quote IS 'What gain_net takes off, in quote_code: the part of the SELL''s fee (fee_in_base times the price where it was charged in base_code) and of the BUY''s fee that was charged in quote_code. Negative for a rebate; null when a fee was not told, or charged in a third currency.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.gain_gross IS 'proceeds - cost, in quote_code; null when cost is.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.gain_net IS 'gain_gross - fee_in_quote, in quote_code; null when either is.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.held_days IS 'Whole days of 24 hours between acquired_at and disposed_at; null when lot_source is missing.';
COMMENT ON COLUMN reporting.realised_pnl_fifo.method IS 'fifo.';

CREATE FUNCTION reporting.realised_pnl_fifo(zone text) RETURNS SETOF reporting.realised_pnl_fifo
LANGUAGE sql STABLE
AS $$
SELECT * FROM reporting.realised_pnl_fifo_by_zone AS pieces WHERE pieces.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.realised_pnl_fifo(text) IS 'The view of this name in any time zone.

Example:
SELECT disposed_at, acquired_at, base_code, quantity, proceeds, cost, gain_gross, gain_net, held_days
FROM reporting.realised_pnl_fifo(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY disposed_at, disposal_trade_id, acquired_at;';

CREATE VIEW reporting.realised_pnl_average_by_zone AS
SELECT account, account_id, month, zone, base_code, quote_code, instrument_code, disposal_trade_id,
    disposed_at, lot_source, quantity, proceeds, cost, fee_in_base, fee_in_quote,
    proceeds - cost AS gain_gross, proceeds - cost - fee_in_quote AS gain_net,
    pool_quantity_after, pool_cost_after, 'average' AS method
FROM onetrading.account_months AS months
CROSS JOIN LATERAL onetrading.average(months.account_id, starts_at, ends_at) AS disposals
WHERE lot_source <> 'left';
COMMENT ON VIEW reporting.realised_pnl_average_by_zone IS 'Realised profit and loss of spot trading by the moving average: one row per SELL, and a second one for what was sold beyond the pool. One pool per account, asset and quote currency, fed by trades and imported lots alone. In every time zone: always filter by zone, or call reporting.realised_pnl_average(zone).

Example:
SELECT disposed_at, base_code, quantity, proceeds, cost, gain_gross, pool_quantity_after
FROM reporting.realised_pnl_average_by_zone
WHERE account = ''main'' AND month = ''2026-10-01''
    AND zone = ''Europe/Vienna''
ORDER BY disposed_at, disposal_trade_id;';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.base_code IS 'The asset that was sold.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.quote_code IS 'The currency of proceeds, cost, fee_in_quote and gains.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.instrument_code IS 'Market of the SELL.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.disposal_trade_id IS 'The SELL.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.disposed_at IS 'When it happened.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.lot_source IS 'pool (of trades and imported lots) or missing: sold beyond what the pool held, so that its cost is not known.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.quantity IS 'In units of base_code. The rows of a SELL add up to its amount.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.proceeds IS 'The part of the SELL''s quote_amount, in quote_code, without fees. The rows of a SELL add up to it exactly.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.cost IS 'round(cost of the pool * quantity / quantity of the pool, 18), in quote_code, without fees; all of the pool''s cost when nothing is left in it. Null when lot_source is missing, or an imported lot without a cost is in the pool: never 0.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.fee_in_base IS 'As in reporting.realised_pnl_fifo.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.fee_in_quote IS 'What gain_net takes off, in quote_code: the part of the SELL''s fee (fee_in_base times the price where it was charged in base_code), and of the fees of the pool''s BUYs that were charged in quote_code. Negative for a rebate; null when a fee was not told, or charged in a third currency.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.gain_gross IS 'proceeds - cost, in quote_code; null when cost is.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.gain_net IS 'gain_gross - fee_in_quote, in quote_code; null when either is.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.pool_quantity_after IS 'What is left in the pool, in units of base_code.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.pool_cost_after IS 'Its total cost in quote_code; null while an imported lot without a cost is in it.';
COMMENT ON COLUMN reporting.realised_pnl_average_by_zone.method IS 'average.';

CREATE VIEW reporting.realised_pnl_average AS
SELECT * FROM reporting.realised_pnl_average_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.realised_pnl_average IS 'Realised profit and loss of spot trading by the moving average: one row per SELL, and a second one for what was sold beyond the pool. One pool per account, asset and quote currency, fed by trades and imported lots alone. In the business zone (ONETRADING_BUSINESS_ZONE).

Example:
SELECT disposed_at, base_code, quantity, proceeds, cost, gain_gross, pool_quantity_after
FROM reporting.realised_pnl_average
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY disposed_at, disposal_trade_id;';
COMMENT ON COLUMN reporting.realised_pnl_average.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_average.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_average.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.realised_pnl_average.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.realised_pnl_average.base_code IS 'The asset that was sold.';
COMMENT ON COLUMN reporting.realised_pnl_average.quote_code IS 'The currency of proceeds, cost, fee_in_quote and gains.';
COMMENT ON COLUMN reporting.realised_pnl_average.instrument_code IS 'Market of the SELL.';
COMMENT ON COLUMN reporting.realised_pnl_average.disposal_trade_id IS 'The SELL.';
COMMENT ON COLUMN reporting.realised_pnl_average.disposed_at IS 'When it happened.';
COMMENT ON COLUMN reporting.realised_pnl_average.lot_source IS 'pool (of trades and imported lots) or missing: sold beyond what the pool held, so that its cost is not known.';
COMMENT ON COLUMN reporting.realised_pnl_average.quantity IS 'In units of base_code. The rows of a SELL add up to its amount.';
COMMENT ON COLUMN reporting.realised_pnl_average.proceeds IS 'The part of the SELL''s quote_amount, in quote_code, without fees. The rows of a SELL add up to it exactly.';
COMMENT ON COLUMN reporting.realised_pnl_average.cost IS 'round(cost of the pool * quantity / quantity of the pool, 18), in quote_code, without fees; all of the pool''s cost when nothing is left in it. Null when lot_source is missing, or an imported lot without a cost is in the pool: never 0.';
COMMENT ON COLUMN reporting.realised_pnl_average.fee_in_base IS 'As in reporting.realised_pnl_fifo.';
COMMENT ON COLUMN reporting.realised_pnl_average.fee_in_quote IS 'What gain_net takes off, in quote_code: the part of the SELL''s fee (fee_in_base times the price where it was charged in base_code), and of the fees of the pool''s BUYs that were charged in quote_code. Negative for a rebate; null when a fee was not told, or charged in a third currency.';
COMMENT ON COLUMN reporting.realised_pnl_average.gain_gross IS 'proceeds - cost, in quote_code; null when cost is.';
COMMENT ON COLUMN reporting.realised_pnl_average.gain_net IS 'gain_gross - fee_in_quote, in quote_code; null when either is.';
COMMENT ON COLUMN reporting.realised_pnl_average.pool_quantity_after IS 'What is left in the pool, in units of base_code.';
COMMENT ON COLUMN reporting.realised_pnl_average.pool_cost_after IS 'Its total cost in quote_code; null while an imported lot without a cost is in it.';
COMMENT ON COLUMN reporting.realised_pnl_average.method IS 'average.';

CREATE FUNCTION reporting.realised_pnl_average(zone text) RETURNS SETOF reporting.realised_pnl_average
LANGUAGE sql STABLE
AS $$
SELECT * FROM reporting.realised_pnl_average_by_zone AS disposals WHERE disposals.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.realised_pnl_average(text) IS 'The view of this name in any time zone.

Example:
SELECT disposed_at, base_code, quantity, proceeds, cost, gain_gross, pool_quantity_after
FROM reporting.realised_pnl_average(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY disposed_at, disposal_trade_id;';

CREATE VIEW reporting.inventory_rollforward_by_zone AS
SELECT account, account_id, month, zone, base_code AS asset, quote_code AS quote, method, opening_quantity,
    opening_cost, acquired_quantity, acquired_cost, disposed_quantity, disposed_cost,
    closing_quantity, closing_cost, difference, cost_difference, missing_quantity, unknown_because
FROM onetrading.account_months AS months
CROSS JOIN LATERAL onetrading.inventory(months.account_id, starts_at, ends_at) AS inventory;
COMMENT ON VIEW reporting.inventory_rollforward_by_zone IS 'What spot trading held at the beginning of each month, acquired, disposed of, and held at its end, by quantity and cost; one row per account, month, asset, quote currency and method. Deposits and withdrawals move none of it. In every time zone: always filter by zone, or call reporting.inventory_rollforward(zone).

Example:
SELECT asset, opening_quantity, acquired_quantity, disposed_quantity, closing_quantity, closing_cost
FROM reporting.inventory_rollforward_by_zone
WHERE account = ''main'' AND month = ''2026-10-01'' AND method = ''fifo''
    AND zone = ''Europe/Vienna''
ORDER BY asset, quote;';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.asset IS 'The asset.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.quote IS 'The currency of costs.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.method IS 'fifo or average.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.opening_quantity IS 'Held when the month began, in units of asset: what was bought or imported, and not sold.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.opening_cost IS 'Its total cost, in quote; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.acquired_quantity IS 'BUYs, less fees in asset, and imported lots that were acquired in the month.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.acquired_cost IS 'Their total cost, in quote, without fees; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.disposed_quantity IS 'SELLs, without what was sold beyond what was held.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.disposed_cost IS 'Its cost, in quote; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.closing_quantity IS 'opening_quantity + acquired_quantity - disposed_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.closing_cost IS 'opening_cost + acquired_cost - disposed_cost, in quote; where one of them is null, the cost of the open lots or of the pool, which is null when an imported lot without a cost is in it.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.difference IS 'closing_quantity less the quantity of the open lots, or of the pool: 0, or the software is wrong.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.cost_difference IS 'The same of the cost: 0; null where a cost is not known.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.missing_quantity IS 'What was sold beyond what was held, in units of asset: in neither disposed_quantity nor closing_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.unknown_because IS 'Why a cost is null; null when none is.';

CREATE VIEW reporting.inventory_rollforward AS
SELECT * FROM reporting.inventory_rollforward_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.inventory_rollforward IS 'What spot trading held at the beginning of each month, acquired, disposed of, and held at its end, by quantity and cost; one row per account, month, asset, quote currency and method. Deposits and withdrawals move none of it. In the business zone (ONETRADING_BUSINESS_ZONE).

Example:
SELECT asset, opening_quantity, acquired_quantity, disposed_quantity, closing_quantity, closing_cost
FROM reporting.inventory_rollforward
WHERE account = ''main'' AND month = ''2026-10-01'' AND method = ''fifo''
ORDER BY asset, quote;';
COMMENT ON COLUMN reporting.inventory_rollforward.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.inventory_rollforward.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.inventory_rollforward.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.inventory_rollforward.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.inventory_rollforward.asset IS 'The asset.';
COMMENT ON COLUMN reporting.inventory_rollforward.quote IS 'The currency of costs.';
COMMENT ON COLUMN reporting.inventory_rollforward.method IS 'fifo or average.';
COMMENT ON COLUMN reporting.inventory_rollforward.opening_quantity IS 'Held when the month began, in units of asset: what was bought or imported, and not sold.';
COMMENT ON COLUMN reporting.inventory_rollforward.opening_cost IS 'Its total cost, in quote; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward.acquired_quantity IS 'BUYs, less fees in asset, and imported lots that were acquired in the month.';
COMMENT ON COLUMN reporting.inventory_rollforward.acquired_cost IS 'Their total cost, in quote, without fees; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward.disposed_quantity IS 'SELLs, without what was sold beyond what was held.';
COMMENT ON COLUMN reporting.inventory_rollforward.disposed_cost IS 'Its cost, in quote; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward.closing_quantity IS 'opening_quantity + acquired_quantity - disposed_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward.closing_cost IS 'opening_cost + acquired_cost - disposed_cost, in quote; where one of them is null, the cost of the open lots or of the pool, which is null when an imported lot without a cost is in it.';
COMMENT ON COLUMN reporting.inventory_rollforward.difference IS 'closing_quantity less the quantity of the open lots, or of the pool: 0, or the software is wrong.';
COMMENT ON COLUMN reporting.inventory_rollforward.cost_difference IS 'The same of the cost: 0; null where a cost is not known.';
COMMENT ON COLUMN reporting.inventory_rollforward.missing_quantity IS 'What was sold beyond what was held, in units of asset: in neither disposed_quantity nor closing_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward.unknown_because IS 'Why a cost is null; null when none is.';

CREATE FUNCTION reporting.inventory_rollforward(zone text) RETURNS SETOF reporting.inventory_rollforward
LANGUAGE sql STABLE
AS $$
SELECT * FROM reporting.inventory_rollforward_by_zone AS inventory WHERE inventory.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.inventory_rollforward(text) IS 'The view of this name in any time zone.

Example:
SELECT asset, opening_quantity, acquired_quantity, disposed_quantity, closing_quantity, closing_cost
FROM reporting.inventory_rollforward(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01'' AND method = ''fifo''
ORDER BY asset, quote;';

CREATE VIEW onetrading.spot_pnl_months AS
SELECT account, account_id, month, zone, base_code AS asset, NULL::text AS instrument_code,
    quote_code AS currency, method, gain_gross, fees, 0::numeric AS funding, gain_net, disposals,
    missing_cost, missing_proceeds, unknown_fees
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    SELECT base_code, quote_code, 'fifo' AS method, sum(proceeds - cost) AS gain_gross,
        sum(fee_in_quote) FILTER (WHERE cost IS NOT NULL) AS fees,
        sum(proceeds - cost - fee_in_quote) AS gain_net,
        count(DISTINCT disposal_trade_id) AS disposals,
        count(*) FILTER (WHERE cost IS NULL) AS missing_cost,
        coalesce(sum(proceeds) FILTER (WHERE cost IS NULL), 0) AS missing_proceeds,
        count(*) FILTER (WHERE cost IS NOT NULL AND fee_in_quote IS NULL) AS unknown_fees
    FROM onetrading.fifo(months.account_id, starts_at, ends_at)
    GROUP BY base_code, quote_code
    UNION ALL
    SELECT base_code, quote_code, 'average' AS method, sum(proceeds - cost) AS gain_gross,
        sum(fee_in_quote) FILTER (WHERE cost IS NOT NULL) AS fees,
        sum(proceeds - cost - fee_in_quote) AS gain_net,
        count(DISTINCT disposal_trade_id) AS disposals,
        count(*) FILTER (WHERE cost IS NULL) AS missing_cost,
        coalesce(sum(proceeds) FILTER (WHERE cost IS NULL), 0) AS missing_proceeds,
        count(*) FILTER (WHERE cost IS NOT NULL AND fee_in_quote IS NULL) AS unknown_fees
    FROM onetrading.average(months.account_id, starts_at, ends_at)
    WHERE lot_source <> 'left'
    GROUP BY base_code, quote_code
) AS sums;
COMMENT ON VIEW onetrading.spot_pnl_months IS 'The part of reporting.realised_pnl_monthly that is of spot trading.';
COMMENT ON COLUMN onetrading.spot_pnl_months.account IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.account_id IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.month IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.zone IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.asset IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.instrument_code IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.currency IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.method IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.gain_gross IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.fees IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.funding IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.gain_net IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.disposals IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.missing_cost IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.missing_proceeds IS 'As in reporting.realised_pnl_monthly.';
COMMENT ON COLUMN onetrading.spot_pnl_months.unknown_fees IS 'As in reporting.realised_pnl_monthly.';

-- Another source of gains is a UNION ALL here.
CREATE VIEW reporting.realised_pnl_monthly_by_zone AS
SELECT * FROM onetrading.spot_pnl_months;
COMMENT ON VIEW reporting.realised_pnl_monthly_by_zone IS 'Realised profit and loss by month, from reporting.realised_pnl_fifo and reporting.realised_pnl_average. In every time zone: always filter by zone, or call reporting.realised_pnl_monthly(zone).

Example:
SELECT asset, currency, method, gain_gross, fees, funding, gain_net, missing_cost
FROM reporting.realised_pnl_monthly_by_zone
WHERE account = ''main'' AND month = ''2026-10-01''
    AND zone = ''Europe/Vienna''
ORDER BY asset, instrument_code, currency, method;';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.asset IS 'The asset of spot trading; null for futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.instrument_code IS 'The market of futures; null for spot trading.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.currency IS 'The currency of the sums.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.method IS 'fifo or average: two answers to one question, never to be added up.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.gain_gross IS 'Sum of the gains without fees, of what has a known cost; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.fees IS 'Sum of the fees that gain_net takes off, of what has a known cost; a fee that is not known in currency counts in unknown_fees alone. Null when none is known.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.funding IS 'Funding, positive when received; 0 for spot trading, which has none.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.gain_net IS 'gain_gross - fees + funding, of what has a known cost and known fees; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.disposals IS 'How many SELLs the sums are of, including those without a known cost.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.missing_cost IS 'How many pieces (of the average: SELLs) have no known cost, and are in no gain.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.missing_proceeds IS 'What these were sold for, in currency.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.unknown_fees IS 'How many pieces have a known cost, but a fee that was not told or is in a third currency: in gain_gross, not in gain_net.';

CREATE VIEW reporting.realised_pnl_monthly AS
SELECT * FROM reporting.realised_pnl_monthly_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.realised_pnl_monthly IS 'Realised profit and loss by month, from reporting.realised_pnl_fifo and reporting.realised_pnl_average. In the business zone (ONETRADING_BUSINESS_ZONE).

Example:
SELECT asset, currency, method, gain_gross, fees, funding, gain_net, missing_cost
FROM reporting.realised_pnl_monthly
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY asset, instrument_code, currency, method;';
COMMENT ON COLUMN reporting.realised_pnl_monthly.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.asset IS 'The asset of spot trading; null for futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.instrument_code IS 'The market of futures; null for spot trading.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.currency IS 'The currency of the sums.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.method IS 'fifo or average: two answers to one question, never to be added up.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.gain_gross IS 'Sum of the gains without fees, of what has a known cost; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.fees IS 'Sum of the fees that gain_net takes off, of what has a known cost; a fee that is not known in currency counts in unknown_fees alone. Null when none is known.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.funding IS 'Funding, positive when received; 0 for spot trading, which has none.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.gain_net IS 'gain_gross - fees + funding, of what has a known cost and known fees; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.disposals IS 'How many SELLs the sums are of, including those without a known cost.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.missing_cost IS 'How many pieces (of the average: SELLs) have no known cost, and are in no gain.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.missing_proceeds IS 'What these were sold for, in currency.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.unknown_fees IS 'How many pieces have a known cost, but a fee that was not told or is in a third currency: in gain_gross, not in gain_net.';

CREATE FUNCTION reporting.realised_pnl_monthly(zone text) RETURNS SETOF reporting.realised_pnl_monthly
LANGUAGE sql STABLE
AS $$
SELECT * FROM reporting.realised_pnl_monthly_by_zone AS months WHERE months.zone = reporting.known_zone($1)
$$;
COMMENT ON FUNCTION reporting.realised_pnl_monthly(text) IS 'The view of this name in any time zone.

Example:
SELECT asset, currency, method, gain_gross, fees, funding, gain_net, missing_cost
FROM reporting.realised_pnl_monthly(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY asset, instrument_code, currency, method;';

CREATE VIEW reporting.open_lots AS
SELECT name AS account, accounts.account_id, base_code, quote_code, lot_source, lot_trade_id,
    reference, instrument_code, acquired_at, quantity - quantity_used AS quantity_left,
    cost - onetrading.share(cost, quantity_used, quantity) AS cost_left, quantity, cost
FROM onetrading.accounts
CROSS JOIN LATERAL onetrading.lots_at(accounts.account_id, 'infinity') AS lots;
COMMENT ON VIEW reporting.open_lots IS 'Lots of spot trading that are not used up now, by first in, first out. What was withdrawn is still in here: deposits and withdrawals use no lots.

Example:
SELECT base_code, sum(quantity_left) AS quantity, sum(cost_left) AS cost, min(acquired_at) AS oldest
FROM reporting.open_lots WHERE account = ''main'' GROUP BY base_code ORDER BY base_code;';
COMMENT ON COLUMN reporting.open_lots.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.open_lots.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.open_lots.base_code IS 'The asset.';
COMMENT ON COLUMN reporting.open_lots.quote_code IS 'The currency of its cost.';
COMMENT ON COLUMN reporting.open_lots.lot_source IS 'trade or external (imported).';
COMMENT ON COLUMN reporting.open_lots.lot_trade_id IS 'The BUY that it came from; null when it was imported.';
COMMENT ON COLUMN reporting.open_lots.reference IS 'As in the file that it was imported from; null when it came from a trade.';
COMMENT ON COLUMN reporting.open_lots.instrument_code IS 'Market of the BUY; null when it was imported.';
COMMENT ON COLUMN reporting.open_lots.acquired_at IS 'When it was acquired.';
COMMENT ON COLUMN reporting.open_lots.quantity_left IS 'What was not sold yet, in units of base_code.';
COMMENT ON COLUMN reporting.open_lots.cost_left IS 'The part of its total cost that no SELL has taken, in quote_code, without fees; null when it is not known.';
COMMENT ON COLUMN reporting.open_lots.quantity IS 'All that was acquired, in units of base_code: amount less a fee in base_code.';
COMMENT ON COLUMN reporting.open_lots.cost IS 'Total cost of quantity, in quote_code, without fees; null when it is not known.';
