CREATE SCHEMA onetrading;
COMMENT ON SCHEMA onetrading IS 'Facts as the exchange told them, keyed by its own identities.';
CREATE SCHEMA onetrading_sync;
COMMENT ON SCHEMA onetrading_sync IS 'How the sync stands: coverage, runs, quarantined records, drift, issues.';
CREATE SCHEMA reporting;
COMMENT ON SCHEMA reporting IS 'Views for people who write SQL and close a month with it. Columns only get added.';
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA onetrading_sync;
COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';
CREATE FUNCTION onetrading.average(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) RETURNS TABLE(base_code text, quote_code text, instrument_code text, disposal_trade_id uuid, disposed_at timestamp with time zone, lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric, fee_in_quote numeric, pool_quantity_after numeric, pool_cost_after numeric, pool_fee_after numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1e+06 ROWS 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET work_mem TO '64MB'
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
COMMENT ON FUNCTION onetrading.average(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) IS 'What the SELLs of an account in [starts, ends_at) disposed of, by the moving average; from the newest state that is carried by then. Columns as in reporting.realised_pnl_average. A row with the lot_source left is no disposal: it is what a pool holds at ends_at.';
CREATE FUNCTION onetrading.carried_before(of_account uuid, at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$
SELECT coalesce(
    (SELECT max(carried.at) FROM onetrading_sync.carried
        WHERE account_id = of_account AND carried.at <= carried_before.at),
    '-infinity')
$$;
COMMENT ON FUNCTION onetrading.carried_before(of_account uuid, at timestamp with time zone) IS 'The newest instant up to this one at which the state of the account is carried; -infinity without any.';
CREATE FUNCTION onetrading.carry(of_account uuid, until timestamp with time zone) RETURNS boolean
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
COMMENT ON FUNCTION onetrading.carry(of_account uuid, until timestamp with time zone) IS 'Store the open lots and pools of an account as they are after all trades and imported lots before an instant, from the newest state before it. Whether it was not stored already. Writers of the account''s trades wait until the transaction ends.';
CREATE FUNCTION onetrading.fifo(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) RETURNS TABLE(base_code text, quote_code text, instrument_code text, disposal_trade_id uuid, disposed_at timestamp with time zone, lot_trade_id uuid, reference text, acquired_at timestamp with time zone, lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric, lot_fee_in_base numeric, fee_in_quote numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1e+06 ROWS 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET work_mem TO '64MB'
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
COMMENT ON FUNCTION onetrading.fifo(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) IS 'The pieces of lots that the SELLs of an account in [starts, ends_at) disposed of, by FIFO; from the newest state that is carried by then. Columns as in reporting.realised_pnl_fifo.';
CREATE FUNCTION onetrading.inventory(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) RETURNS TABLE(base_code text, quote_code text, method text, opening_quantity numeric, opening_cost numeric, acquired_quantity numeric, acquired_cost numeric, disposed_quantity numeric, disposed_cost numeric, closing_quantity numeric, closing_cost numeric, difference numeric, cost_difference numeric, missing_quantity numeric, unknown_because text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 2e+06 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET jit TO 'off'
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
COMMENT ON FUNCTION onetrading.inventory(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) IS 'How the lots and pools of an account changed in [starts, ends_at). Columns as in reporting.inventory_rollforward.';
CREATE FUNCTION onetrading.lots_at(of_account uuid, until timestamp with time zone) RETURNS TABLE(base_code text, quote_code text, "position" bigint, lot_source text, lot_trade_id uuid, reference text, instrument_code text, acquired_at timestamp with time zone, quantity numeric, quantity_used numeric, cost numeric, fee_in_base numeric, fee_in_quote numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET work_mem TO '64MB'
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
COMMENT ON FUNCTION onetrading.lots_at(of_account uuid, until timestamp with time zone) IS 'The lots of an account that were not used up, by FIFO, after all trades and imported lots before an instant; from the newest state that is carried by then. Columns as in onetrading_sync.carried_lots.';
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
COMMENT ON FUNCTION onetrading.share(total numeric, part numeric, whole numeric) IS 'round(total * part / whole, 18), exactly: half away from zero. All of total where part is whole, so that the differences between growing parts add up to it. whole is positive, part is from 0 to whole.';
CREATE FUNCTION onetrading.spot_events(of_account uuid, from_at timestamp with time zone, to_at timestamp with time zone, method text) RETURNS TABLE(pool bigint, at timestamp with time zone, nanos bigint, sequence bigint, trade_id uuid, reference text, instrument_code text, lot_source text, is_lot boolean, happened_at timestamp with time zone, quantity numeric, used numeric, amount_in_quote numeric, fee_in_base numeric, fee_in_quote numeric)
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
COMMENT ON FUNCTION onetrading.spot_events(of_account uuid, from_at timestamp with time zone, to_at timestamp with time zone, method text) IS 'What fills and empties the pools of an account, in the order of (pool, at, nanos, sequence, trade_id, reference): what is carried at from_at (open lots for the method fifo, pools for average), imported lots and trades of [from_at, to_at). quantity: what a lot still has, or what a SELL disposes of; used: what the lot had beside; amount_in_quote and the fees: of all of the lot or SELL.';
CREATE FUNCTION onetrading.spot_pools(of_account uuid, from_at timestamp with time zone) RETURNS TABLE(pool bigint, base_code text, quote_code text)
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
COMMENT ON FUNCTION onetrading.spot_pools(of_account uuid, from_at timestamp with time zone) IS 'Every pair of base and quote that an account may have a pool of, numbered: by spot markets, imported lots, and what is carried at from_at.';
CREATE FUNCTION onetrading.spot_ranges(of_account uuid, from_at timestamp with time zone, to_at timestamp with time zone) RETURNS TABLE(pool bigint, at timestamp with time zone, trade_id uuid, reference text, instrument_code text, lot_source text, is_lot boolean, happened_at timestamp with time zone, whole numeric, used numeric, amount_in_quote numeric, fee_in_base numeric, fee_in_quote numeric, number bigint, begins numeric, ends numeric, missing numeric)
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
COMMENT ON FUNCTION onetrading.spot_ranges(of_account uuid, from_at timestamp with time zone, to_at timestamp with time zone) IS 'onetrading.spot_events for FIFO, with the range of the cumulative quantity of its pool that each lot offers and each SELL takes. number: from 1 on, of lots and of SELLs. whole: the quantity that amount_in_quote and the fees are for; it lies from begins on. ends: where the range ends; that of a SELL is shorter than whole by missing, which no lot was there for.';
CREATE FUNCTION onetrading.spot_sequence(of_account uuid, from_at timestamp with time zone, to_at timestamp with time zone, method text) RETURNS TABLE(pool bigint, at timestamp with time zone, nanos bigint, sequence bigint, trade_id uuid, reference text, instrument_code text, is_lot boolean, quantity numeric, amount_in_quote numeric, fee_in_base numeric, fee_in_quote numeric)
    LANGUAGE sql STABLE
    AS $$
SELECT pool, at, nanos, sequence, trade_id, reference, instrument_code, is_lot, quantity,
    amount_in_quote, fee_in_base, fee_in_quote
FROM onetrading.spot_events(of_account, from_at, to_at, method)
UNION ALL
SELECT pool, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM onetrading.spot_pools(of_account, from_at)
$$;
COMMENT ON FUNCTION onetrading.spot_sequence(of_account uuid, from_at timestamp with time zone, to_at timestamp with time zone, method text) IS 'onetrading.spot_events, with a row behind the last of each pool: its is_lot is null.';
CREATE FUNCTION onetrading_sync.drop_carried(of_account uuid, since timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
DELETE FROM onetrading_sync.carried AS stale
WHERE account_id = of_account AND at > since AND locked_by IS NULL
    AND NOT EXISTS (
        SELECT FROM onetrading_sync.carried AS locked
        WHERE locked.account_id = of_account AND locked.at > since AND locked.at <= stale.at
            AND locked.locked_by IS NOT NULL)
$$;
COMMENT ON FUNCTION onetrading_sync.drop_carried(of_account uuid, since timestamp with time zone) IS 'Delete the carried state of an account that a change at an instant makes stale: what is later, but for locked states and what follows from them.';
CREATE FUNCTION onetrading_sync.on_all_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM onetrading_sync.drop_carried(account_id, '-infinity')
    FROM (SELECT DISTINCT account_id FROM onetrading_sync.carried) AS accounts;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_all_changed() IS 'Deletes all carried state but for locked ones, and what follows from them.';
CREATE FUNCTION onetrading_sync.on_instruments_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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
CREATE FUNCTION onetrading_sync.on_lots_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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
CREATE TABLE onetrading.accounts (
    account_id uuid NOT NULL,
    name text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    left_at timestamp with time zone
);
COMMENT ON TABLE onetrading.accounts IS 'Accounts by the name configured here; "public" stands for what is read without a token.';
COMMENT ON COLUMN onetrading.accounts.account_id IS 'The identity that the exchange echoes in its answers; all zeros for public.';
COMMENT ON COLUMN onetrading.accounts.name IS 'The configured name: the label "account" of every metric.';
COMMENT ON COLUMN onetrading.accounts.first_seen_at IS 'When it was first stored here.';
COMMENT ON COLUMN onetrading.accounts.left_at IS 'When it was found that no process has the account configured any more; null while one has it.';
CREATE TABLE onetrading.external_movements (
    account_id uuid NOT NULL,
    reference text NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    currency_code text NOT NULL,
    amount numeric NOT NULL,
    kind text NOT NULL,
    note text,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT external_movements_amounts CHECK (((amount > '-Infinity'::numeric) AND (amount < 'Infinity'::numeric) AND (amount <> (0)::numeric))),
    CONSTRAINT external_movements_currency_code_check CHECK ((currency_code <> ''::text)),
    CONSTRAINT external_movements_kind_check CHECK ((kind = ANY (ARRAY['deposit'::text, 'withdrawal'::text, 'transfer'::text, 'fee'::text, 'other'::text]))),
    CONSTRAINT external_movements_reference_check CHECK ((reference <> ''::text))
);
COMMENT ON TABLE onetrading.external_movements IS 'Deposits, withdrawals, transfers and fees that the exchange''s API does not tell, as imported from a file (import movements).';
COMMENT ON COLUMN onetrading.external_movements.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.external_movements.reference IS 'Identity of the movement within the account, chosen by whoever wrote the file.';
COMMENT ON COLUMN onetrading.external_movements.moved_at IS 'When the balance changed.';
COMMENT ON COLUMN onetrading.external_movements.currency_code IS 'What moved.';
COMMENT ON COLUMN onetrading.external_movements.amount IS 'In units of currency_code: positive when it came in, negative when it went out.';
COMMENT ON COLUMN onetrading.external_movements.kind IS 'deposit, withdrawal, transfer (between own accounts), fee or other.';
COMMENT ON COLUMN onetrading.external_movements.note IS 'What the file said beside; null when nothing.';
COMMENT ON COLUMN onetrading.external_movements.first_seen_at IS 'When it was first imported; never changed afterwards.';
CREATE TABLE onetrading.funding_payments (
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    amount numeric NOT NULL,
    cash_balance numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT funding_payments_amounts CHECK (((amount > '-Infinity'::numeric) AND (amount < 'Infinity'::numeric) AND (cash_balance > '-Infinity'::numeric) AND (cash_balance < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.funding_payments IS 'Funding booked on an account (GET account/futures/funding-payments).';
COMMENT ON COLUMN onetrading.funding_payments.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.funding_payments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_payments.booked_at IS 'When it was booked, as first read: seconds after the funding time.';
COMMENT ON COLUMN onetrading.funding_payments.funding_time IS 'The funding time it belongs to, derived: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN onetrading.funding_payments.amount IS 'As sent, in the quote currency: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.funding_payments.cash_balance IS 'Cash after the booking, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_payments.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_payments.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.funding_payments.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE TABLE onetrading.snapshots (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    first_observed_at timestamp with time zone NOT NULL,
    last_observed_at timestamp with time zone NOT NULL,
    row_count integer NOT NULL,
    content_hash bigint NOT NULL,
    header jsonb NOT NULL,
    CONSTRAINT snapshots_check CHECK ((last_observed_at >= first_observed_at))
);
COMMENT ON TABLE onetrading.snapshots IS 'One row per complete answer of a snapshot stream; an answer that changed nothing extends it.';
COMMENT ON COLUMN onetrading.snapshots.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.snapshots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.snapshots.stream IS 'The stream that was asked.';
COMMENT ON COLUMN onetrading.snapshots.first_observed_at IS 'When this state was first observed.';
COMMENT ON COLUMN onetrading.snapshots.last_observed_at IS 'When it was last observed unchanged; between both it was asked for without a break.';
COMMENT ON COLUMN onetrading.snapshots.row_count IS 'How many rows the answer had; 0 means empty, not unknown.';
COMMENT ON COLUMN onetrading.snapshots.content_hash IS 'Hash of the whole answer, to tell that nothing changed.';
COMMENT ON COLUMN onetrading.snapshots.header IS 'What the answer said beside its rows, as sent (account_equity of balances).';
CREATE TABLE onetrading.trades (
    trade_id uuid NOT NULL,
    order_id uuid,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    price numeric NOT NULL,
    amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fee_amount numeric,
    fee_currency text,
    liquidity text,
    order_source text,
    sequence bigint,
    traded_at timestamp with time zone NOT NULL,
    traded_at_nanos bigint NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT trades_amounts CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric) AND (amount > (0)::numeric) AND (amount < 'Infinity'::numeric) AND (quote_amount > (0)::numeric) AND (quote_amount < 'Infinity'::numeric) AND (fee_amount > '-Infinity'::numeric) AND (fee_amount < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.trades IS 'Fills (GET account/trades). A taker''s row may stand for several fills at their average price.';
COMMENT ON COLUMN onetrading.trades.trade_id IS 'The exchange''s identity of the fill.';
COMMENT ON COLUMN onetrading.trades.order_id IS 'The order that was filled.';
COMMENT ON COLUMN onetrading.trades.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.trades.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.trades.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.trades.price IS 'In the quote currency per unit of the base asset.';
COMMENT ON COLUMN onetrading.trades.amount IS 'In units of the base asset, never negative.';
COMMENT ON COLUMN onetrading.trades.quote_amount IS 'price times amount, exactly, in the quote currency.';
COMMENT ON COLUMN onetrading.trades.fee_amount IS 'In units of fee_currency: positive when paid, negative when received as a rebate.';
COMMENT ON COLUMN onetrading.trades.fee_currency IS 'What the fee was paid in.';
COMMENT ON COLUMN onetrading.trades.liquidity IS 'MAKER or TAKER (matched_as).';
COMMENT ON COLUMN onetrading.trades.order_source IS 'Where the order came from, for example API (order_type).';
COMMENT ON COLUMN onetrading.trades.sequence IS 'The matching engine''s counter.';
COMMENT ON COLUMN onetrading.trades.traded_at IS 'When it happened, cut to the microsecond.';
COMMENT ON COLUMN onetrading.trades.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970.';
COMMENT ON COLUMN onetrading.trades.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.trades.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.trades.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE VIEW onetrading.account_spans AS
 SELECT accounts.account_id,
    accounts.name AS account,
    facts.first_at,
    accounts.left_at
   FROM (onetrading.accounts
     CROSS JOIN LATERAL ( SELECT LEAST(( SELECT min(trades.traded_at) AS min
                   FROM onetrading.trades
                  WHERE (trades.account_id = accounts.account_id)), ( SELECT min(payments.booked_at) AS min
                   FROM onetrading.funding_payments payments
                  WHERE (payments.account_id = accounts.account_id)), ( SELECT min(movements.moved_at) AS min
                   FROM onetrading.external_movements movements
                  WHERE (movements.account_id = accounts.account_id)), ( SELECT min(snapshots.first_observed_at) AS min
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = accounts.account_id) AND (snapshots.stream = 'balances'::text)))) AS first_at) facts)
  WHERE (facts.first_at IS NOT NULL);
COMMENT ON VIEW onetrading.account_spans IS 'From when on something is known of each account that has facts.';
COMMENT ON COLUMN onetrading.account_spans.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_spans.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_spans.first_at IS 'The earliest trade, funding payment, movement or observed balance.';
COMMENT ON COLUMN onetrading.account_spans.left_at IS 'As in onetrading.accounts.';
CREATE TABLE onetrading.zones (
    zone text NOT NULL
);
COMMENT ON TABLE onetrading.zones IS 'The time zones that days and months can be asked for in.';
COMMENT ON COLUMN onetrading.zones.zone IS 'Its IANA name, such as Europe/Vienna.';
CREATE VIEW onetrading.account_months AS
 SELECT account_spans.account_id,
    account_spans.account,
    zones.zone,
    (series.starts)::date AS month,
    (series.starts AT TIME ZONE zones.zone) AS starts_at,
    ((series.starts + '1 mon'::interval) AT TIME ZONE zones.zone) AS ends_at
   FROM ((onetrading.account_spans
     CROSS JOIN onetrading.zones)
     CROSS JOIN LATERAL generate_series(date_trunc('month'::text, (account_spans.first_at AT TIME ZONE zones.zone)), date_trunc('month'::text, (GREATEST(account_spans.first_at, COALESCE(account_spans.left_at, now())) AT TIME ZONE zones.zone)), '1 mon'::interval) series(starts));
COMMENT ON VIEW onetrading.account_months IS 'The months of each account in each time zone: what reports by month are joined to, so that a filter on account, zone and month is applied before anything is computed. Filter by zone always.';
COMMENT ON COLUMN onetrading.account_months.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_months.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_months.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.account_months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.account_months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN onetrading.account_months.ends_at IS 'End of the month (exclusive).';
CREATE TABLE onetrading_sync.settings (
    name text NOT NULL,
    value text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE onetrading_sync.settings IS 'Settings of the exporter that views depend on, as the process that started last has them.';
COMMENT ON COLUMN onetrading_sync.settings.name IS 'business_zone: ONETRADING_BUSINESS_ZONE.';
COMMENT ON COLUMN onetrading_sync.settings.value IS 'Its value.';
COMMENT ON COLUMN onetrading_sync.settings.changed_at IS 'When it last changed.';
CREATE VIEW onetrading.business_zone AS
 SELECT COALESCE(( SELECT settings.value
           FROM onetrading_sync.settings
          WHERE (settings.name = 'business_zone'::text)), 'UTC'::text) AS zone;
COMMENT ON VIEW onetrading.business_zone IS 'One row: the time zone of days and months where none is asked for.';
COMMENT ON COLUMN onetrading.business_zone.zone IS 'As in onetrading.zones.';
CREATE VIEW reporting.inventory_rollforward_by_zone AS
 SELECT months.account,
    months.account_id,
    months.month,
    months.zone,
    inventory.base_code,
    inventory.quote_code,
    inventory.method,
    inventory.opening_quantity,
    inventory.opening_cost,
    inventory.acquired_quantity,
    inventory.acquired_cost,
    inventory.disposed_quantity,
    inventory.disposed_cost,
    inventory.closing_quantity,
    inventory.closing_cost,
    inventory.difference,
    inventory.cost_difference,
    inventory.missing_quantity,
    inventory.unknown_because
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL onetrading.inventory(months.account_id, months.starts_at, months.ends_at) inventory(base_code, quote_code, method, opening_quantity, opening_cost, acquired_quantity, acquired_cost, disposed_quantity, disposed_cost, closing_quantity, closing_cost, difference, cost_difference, missing_quantity, unknown_because));
COMMENT ON VIEW reporting.inventory_rollforward_by_zone IS 'What spot trading held at the beginning of each month, acquired, disposed of, and held at its end, by quantity and cost; one row per account, month, asset, quote currency and method. Deposits and withdrawals move none of it. In every time zone: always filter by zone, or call reporting.inventory_rollforward(zone).
Example:
SELECT base_code, opening_quantity, acquired_quantity, disposed_quantity, closing_quantity, closing_cost
FROM reporting.inventory_rollforward_by_zone
WHERE account = ''main'' AND month = ''2026-10-01'' AND method = ''fifo''
    AND zone = ''Europe/Vienna''
ORDER BY base_code, quote_code;';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.base_code IS 'The asset.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.quote_code IS 'The currency of costs.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.method IS 'fifo or average.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.opening_quantity IS 'Held when the month began, in units of base_code: what was bought or imported, and not sold.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.opening_cost IS 'Its total cost, in quote_code; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.acquired_quantity IS 'BUYs, less fees in base_code, and imported lots that were acquired in the month.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.acquired_cost IS 'Their total cost, in quote_code, without fees; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.disposed_quantity IS 'SELLs, without what was sold beyond what was held.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.disposed_cost IS 'Its cost, in quote_code; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.closing_quantity IS 'opening_quantity + acquired_quantity - disposed_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.closing_cost IS 'opening_cost + acquired_cost - disposed_cost, in quote_code; where one of them is null, the cost of the open lots or of the pool, which is null when an imported lot without a cost is in it.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.difference IS 'closing_quantity less the quantity of the open lots, or of the pool: 0, or the software is wrong.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.cost_difference IS 'The same of the cost: 0; null where a cost is not known.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.missing_quantity IS 'What was sold beyond what was held, in units of base_code: in neither disposed_quantity nor closing_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward_by_zone.unknown_because IS 'Why a cost is null; null when none is.';
CREATE VIEW reporting.inventory_rollforward AS
 SELECT account,
    account_id,
    month,
    zone,
    base_code,
    quote_code,
    method,
    opening_quantity,
    opening_cost,
    acquired_quantity,
    acquired_cost,
    disposed_quantity,
    disposed_cost,
    closing_quantity,
    closing_cost,
    difference,
    cost_difference,
    missing_quantity,
    unknown_because
   FROM reporting.inventory_rollforward_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.inventory_rollforward IS 'What spot trading held at the beginning of each month, acquired, disposed of, and held at its end, by quantity and cost; one row per account, month, asset, quote currency and method. Deposits and withdrawals move none of it. In the business zone (ONETRADING_BUSINESS_ZONE).
Example:
SELECT base_code, opening_quantity, acquired_quantity, disposed_quantity, closing_quantity, closing_cost
FROM reporting.inventory_rollforward
WHERE account = ''main'' AND month = ''2026-10-01'' AND method = ''fifo''
ORDER BY base_code, quote_code;';
COMMENT ON COLUMN reporting.inventory_rollforward.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.inventory_rollforward.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.inventory_rollforward.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN reporting.inventory_rollforward.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.inventory_rollforward.base_code IS 'The asset.';
COMMENT ON COLUMN reporting.inventory_rollforward.quote_code IS 'The currency of costs.';
COMMENT ON COLUMN reporting.inventory_rollforward.method IS 'fifo or average.';
COMMENT ON COLUMN reporting.inventory_rollforward.opening_quantity IS 'Held when the month began, in units of base_code: what was bought or imported, and not sold.';
COMMENT ON COLUMN reporting.inventory_rollforward.opening_cost IS 'Its total cost, in quote_code; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward.acquired_quantity IS 'BUYs, less fees in base_code, and imported lots that were acquired in the month.';
COMMENT ON COLUMN reporting.inventory_rollforward.acquired_cost IS 'Their total cost, in quote_code, without fees; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward.disposed_quantity IS 'SELLs, without what was sold beyond what was held.';
COMMENT ON COLUMN reporting.inventory_rollforward.disposed_cost IS 'Its cost, in quote_code; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN reporting.inventory_rollforward.closing_quantity IS 'opening_quantity + acquired_quantity - disposed_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward.closing_cost IS 'opening_cost + acquired_cost - disposed_cost, in quote_code; where one of them is null, the cost of the open lots or of the pool, which is null when an imported lot without a cost is in it.';
COMMENT ON COLUMN reporting.inventory_rollforward.difference IS 'closing_quantity less the quantity of the open lots, or of the pool: 0, or the software is wrong.';
COMMENT ON COLUMN reporting.inventory_rollforward.cost_difference IS 'The same of the cost: 0; null where a cost is not known.';
COMMENT ON COLUMN reporting.inventory_rollforward.missing_quantity IS 'What was sold beyond what was held, in units of base_code: in neither disposed_quantity nor closing_quantity.';
COMMENT ON COLUMN reporting.inventory_rollforward.unknown_because IS 'Why a cost is null; null when none is.';
CREATE FUNCTION reporting.inventory_rollforward(zone text) RETURNS SETOF reporting.inventory_rollforward
    LANGUAGE sql STABLE
    AS $_$
SELECT * FROM reporting.inventory_rollforward_by_zone AS inventory WHERE inventory.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.inventory_rollforward(zone text) IS 'The view of this name in any time zone.
Example:
SELECT base_code, opening_quantity, acquired_quantity, disposed_quantity, closing_quantity, closing_cost
FROM reporting.inventory_rollforward(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01'' AND method = ''fifo''
ORDER BY base_code, quote_code;';
CREATE FUNCTION reporting.known_zone(asked text) RETURNS text
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found text;
BEGIN
    SELECT zone INTO found FROM onetrading.zones WHERE lower(zone) = lower(asked);
    IF found IS NULL THEN
        RAISE EXCEPTION 'unknown time zone "%"', asked
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Name it as the IANA does, such as Europe/Vienna or UTC.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION reporting.known_zone(asked text) IS 'The time zone as it is written in the reports. Fails for an unknown one, so that a mistyped zone is no empty report.';
CREATE VIEW reporting.months_by_zone AS
 SELECT (series.starts)::date AS month,
    zones.zone,
    (series.starts AT TIME ZONE zones.zone) AS starts_at,
    ((series.starts + '1 mon'::interval) AT TIME ZONE zones.zone) AS ends_at,
    (((series.starts + '1 mon'::interval) AT TIME ZONE zones.zone) <= now()) AS is_over
   FROM ((( SELECT min(account_spans.first_at) AS first_at,
            max(GREATEST(account_spans.first_at, COALESCE(account_spans.left_at, now()))) AS last_at
           FROM onetrading.account_spans) spans
     CROSS JOIN onetrading.zones)
     CROSS JOIN LATERAL generate_series(date_trunc('month'::text, (spans.first_at AT TIME ZONE zones.zone)), date_trunc('month'::text, (spans.last_at AT TIME ZONE zones.zone)), '1 mon'::interval) series(starts));
COMMENT ON VIEW reporting.months_by_zone IS 'Months that have data, in every time zone: always filter by zone, or call reporting.months(zone).
Example:
SELECT month, starts_at, ends_at FROM reporting.months_by_zone
WHERE zone = ''Europe/Vienna'' AND is_over ORDER BY month;';
COMMENT ON COLUMN reporting.months_by_zone.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.months_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.months_by_zone.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.months_by_zone.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN reporting.months_by_zone.is_over IS 'Whether the month has ended.';
CREATE VIEW reporting.months AS
 SELECT month,
    zone,
    starts_at,
    ends_at,
    is_over
   FROM reporting.months_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.months IS 'Months that have data, in the business zone (ONETRADING_BUSINESS_ZONE).
Example:
SELECT month, zone, starts_at, ends_at FROM reporting.months WHERE is_over ORDER BY month;';
COMMENT ON COLUMN reporting.months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.months.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.months.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN reporting.months.is_over IS 'Whether the month has ended.';
CREATE FUNCTION reporting.months(zone text) RETURNS SETOF reporting.months
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.months_by_zone AS months WHERE months.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.months(zone text) IS 'The view of this name in any time zone.
Example:
SELECT month, starts_at, ends_at FROM reporting.months(''Europe/Vienna'') WHERE is_over;';
CREATE VIEW reporting.realised_pnl_average_by_zone AS
 SELECT months.account,
    months.account_id,
    months.month,
    months.zone,
    disposals.base_code,
    disposals.quote_code,
    disposals.instrument_code,
    disposals.disposal_trade_id,
    disposals.disposed_at,
    disposals.lot_source,
    disposals.quantity,
    disposals.proceeds,
    disposals.cost,
    disposals.fee_in_base,
    disposals.fee_in_quote,
    (disposals.proceeds - disposals.cost) AS gain_gross,
    ((disposals.proceeds - disposals.cost) - disposals.fee_in_quote) AS gain_net,
    disposals.pool_quantity_after,
    disposals.pool_cost_after,
    'average'::text AS method
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL onetrading.average(months.account_id, months.starts_at, months.ends_at) disposals(base_code, quote_code, instrument_code, disposal_trade_id, disposed_at, lot_source, quantity, proceeds, cost, fee_in_base, fee_in_quote, pool_quantity_after, pool_cost_after, pool_fee_after))
  WHERE (disposals.lot_source <> 'left'::text);
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
 SELECT account,
    account_id,
    month,
    zone,
    base_code,
    quote_code,
    instrument_code,
    disposal_trade_id,
    disposed_at,
    lot_source,
    quantity,
    proceeds,
    cost,
    fee_in_base,
    fee_in_quote,
    gain_gross,
    gain_net,
    pool_quantity_after,
    pool_cost_after,
    method
   FROM reporting.realised_pnl_average_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
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
    AS $_$
SELECT * FROM reporting.realised_pnl_average_by_zone AS disposals WHERE disposals.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.realised_pnl_average(zone text) IS 'The view of this name in any time zone.
Example:
SELECT disposed_at, base_code, quantity, proceeds, cost, gain_gross, pool_quantity_after
FROM reporting.realised_pnl_average(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY disposed_at, disposal_trade_id;';
CREATE VIEW reporting.realised_pnl_fifo_by_zone AS
 SELECT months.account,
    months.account_id,
    months.month,
    months.zone,
    pieces.base_code,
    pieces.quote_code,
    pieces.instrument_code,
    pieces.disposal_trade_id,
    pieces.disposed_at,
    pieces.lot_trade_id,
    pieces.reference,
    pieces.acquired_at,
    pieces.lot_source,
    pieces.quantity,
    pieces.proceeds,
    pieces.cost,
    pieces.fee_in_base,
    pieces.lot_fee_in_base,
    pieces.fee_in_quote,
    (pieces.proceeds - pieces.cost) AS gain_gross,
    ((pieces.proceeds - pieces.cost) - pieces.fee_in_quote) AS gain_net,
        CASE
            WHEN isfinite(pieces.acquired_at) THEN (EXTRACT(day FROM (pieces.disposed_at - pieces.acquired_at)))::integer
            ELSE NULL::integer
        END AS held_days,
    'fifo'::text AS method
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL onetrading.fifo(months.account_id, months.starts_at, months.ends_at) pieces(base_code, quote_code, instrument_code, disposal_trade_id, disposed_at, lot_trade_id, reference, acquired_at, lot_source, quantity, proceeds, cost, fee_in_base, lot_fee_in_base, fee_in_quote));
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
 SELECT account,
    account_id,
    month,
    zone,
    base_code,
    quote_code,
    instrument_code,
    disposal_trade_id,
    disposed_at,
    lot_trade_id,
    reference,
    acquired_at,
    lot_source,
    quantity,
    proceeds,
    cost,
    fee_in_base,
    lot_fee_in_base,
    fee_in_quote,
    gain_gross,
    gain_net,
    held_days,
    method
   FROM reporting.realised_pnl_fifo_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
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
    AS $_$
SELECT * FROM reporting.realised_pnl_fifo_by_zone AS pieces WHERE pieces.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.realised_pnl_fifo(zone text) IS 'The view of this name in any time zone.
Example:
SELECT disposed_at, acquired_at, base_code, quantity, proceeds, cost, gain_gross, gain_net, held_days
FROM reporting.realised_pnl_fifo(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY disposed_at, disposal_trade_id, acquired_at;';
CREATE VIEW onetrading.spot_pnl_months AS
 SELECT months.account,
    months.account_id,
    months.month,
    months.zone,
    sums.base_code AS asset,
    NULL::text AS instrument_code,
    sums.quote_code AS currency,
    sums.method,
    sums.gain_gross,
    sums.fees,
    (0)::numeric AS funding,
    sums.gain_net,
    sums.disposals,
    sums.missing_cost,
    sums.missing_proceeds,
    sums.unknown_fees
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( SELECT fifo.base_code,
            fifo.quote_code,
            'fifo'::text AS method,
            sum((fifo.proceeds - fifo.cost)) AS gain_gross,
            sum(fifo.fee_in_quote) FILTER (WHERE (fifo.cost IS NOT NULL)) AS fees,
            sum(((fifo.proceeds - fifo.cost) - fifo.fee_in_quote)) AS gain_net,
            count(DISTINCT fifo.disposal_trade_id) AS disposals,
            count(*) FILTER (WHERE (fifo.cost IS NULL)) AS missing_cost,
            COALESCE(sum(fifo.proceeds) FILTER (WHERE (fifo.cost IS NULL)), (0)::numeric) AS missing_proceeds,
            count(*) FILTER (WHERE ((fifo.cost IS NOT NULL) AND (fifo.fee_in_quote IS NULL))) AS unknown_fees
           FROM onetrading.fifo(months.account_id, months.starts_at, months.ends_at) fifo(base_code, quote_code, instrument_code, disposal_trade_id, disposed_at, lot_trade_id, reference, acquired_at, lot_source, quantity, proceeds, cost, fee_in_base, lot_fee_in_base, fee_in_quote)
          GROUP BY fifo.base_code, fifo.quote_code
        UNION ALL
         SELECT average.base_code,
            average.quote_code,
            'average'::text AS method,
            sum((average.proceeds - average.cost)) AS gain_gross,
            sum(average.fee_in_quote) FILTER (WHERE (average.cost IS NOT NULL)) AS fees,
            sum(((average.proceeds - average.cost) - average.fee_in_quote)) AS gain_net,
            count(DISTINCT average.disposal_trade_id) AS disposals,
            count(*) FILTER (WHERE (average.cost IS NULL)) AS missing_cost,
            COALESCE(sum(average.proceeds) FILTER (WHERE (average.cost IS NULL)), (0)::numeric) AS missing_proceeds,
            count(*) FILTER (WHERE ((average.cost IS NOT NULL) AND (average.fee_in_quote IS NULL))) AS unknown_fees
           FROM onetrading.average(months.account_id, months.starts_at, months.ends_at) average(base_code, quote_code, instrument_code, disposal_trade_id, disposed_at, lot_source, quantity, proceeds, cost, fee_in_base, fee_in_quote, pool_quantity_after, pool_cost_after, pool_fee_after)
          WHERE (average.lot_source <> 'left'::text)
          GROUP BY average.base_code, average.quote_code) sums);
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
CREATE VIEW reporting.realised_pnl_monthly_by_zone AS
 SELECT account,
    account_id,
    month,
    zone,
    asset,
    instrument_code,
    currency,
    method,
    gain_gross,
    fees,
    funding,
    gain_net,
    disposals,
    missing_cost,
    missing_proceeds,
    unknown_fees
   FROM onetrading.spot_pnl_months;
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
 SELECT account,
    account_id,
    month,
    zone,
    asset,
    instrument_code,
    currency,
    method,
    gain_gross,
    fees,
    funding,
    gain_net,
    disposals,
    missing_cost,
    missing_proceeds,
    unknown_fees
   FROM reporting.realised_pnl_monthly_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
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
    AS $_$
SELECT * FROM reporting.realised_pnl_monthly_by_zone AS months WHERE months.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.realised_pnl_monthly(zone text) IS 'The view of this name in any time zone.
Example:
SELECT asset, currency, method, gain_gross, fees, funding, gain_net, missing_cost
FROM reporting.realised_pnl_monthly(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY asset, instrument_code, currency, method;';
CREATE TABLE onetrading.account_fee_tiers (
    account_id uuid NOT NULL,
    fee_group text NOT NULL,
    min_volume numeric NOT NULL,
    maker_ratio numeric NOT NULL,
    taker_ratio numeric NOT NULL,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_fee_tiers_amounts CHECK (((min_volume > '-Infinity'::numeric) AND (min_volume < 'Infinity'::numeric) AND (maker_ratio > '-Infinity'::numeric) AND (maker_ratio < 'Infinity'::numeric) AND (taker_ratio > '-Infinity'::numeric) AND (taker_ratio < 'Infinity'::numeric))),
    CONSTRAINT account_fee_tiers_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.account_fee_tiers IS 'The fee tier in force for an account over time (GET account/fees: active_fee_tiers); rows with valid_to null are in force. The running volume changes with every trade and is a metric only.';
COMMENT ON COLUMN onetrading.account_fee_tiers.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.account_fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN onetrading.account_fee_tiers.min_volume IS 'Where the tier begins: volume of 30 days, in the currency of fee_tiers.';
COMMENT ON COLUMN onetrading.account_fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN onetrading.account_fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN onetrading.account_fee_tiers.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.account_fee_tiers.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.account_fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.account_fee_tiers.first_seen_at IS 'When this version was first stored here; never changed afterwards.';
CREATE TABLE onetrading.instruments (
    instrument_code text NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    amount_precision bigint,
    market_precision bigint,
    min_size numeric,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    min_price numeric,
    max_price numeric,
    price_collar_percentage numeric,
    contract_expiry_date text,
    contract_duration text,
    funding_schedule jsonb,
    funding_period_minutes bigint,
    market_offset bigint,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT instruments_amounts CHECK (((min_price > '-Infinity'::numeric) AND (min_price < 'Infinity'::numeric) AND (max_price > '-Infinity'::numeric) AND (max_price < 'Infinity'::numeric) AND (price_collar_percentage > '-Infinity'::numeric) AND (price_collar_percentage < 'Infinity'::numeric))),
    CONSTRAINT instruments_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.instruments IS 'Markets and their rules over time (GET instruments); the row with valid_to null is in force.';
COMMENT ON COLUMN onetrading.instruments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.instruments.base_code IS 'The asset that is traded.';
COMMENT ON COLUMN onetrading.instruments.quote_code IS 'The asset that prices are in.';
COMMENT ON COLUMN onetrading.instruments.kind IS 'SPOT, PERP, DATED_FUTURE or EQUITY_FUTURE; all but SPOT are futures.';
COMMENT ON COLUMN onetrading.instruments.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN onetrading.instruments.amount_precision IS 'Decimals of amounts.';
COMMENT ON COLUMN onetrading.instruments.market_precision IS 'Decimals of prices.';
COMMENT ON COLUMN onetrading.instruments.min_size IS 'Least value of an order, in the quote currency.';
COMMENT ON COLUMN onetrading.instruments.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.instruments.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.instruments.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.instruments.min_price IS 'Lowest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.max_price IS 'Highest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.price_collar_percentage IS 'How far the price of an order may lie from the market, in percent; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.contract_expiry_date IS 'When a dated future expires, as sent (YYYY-MM-DD); null for others.';
COMMENT ON COLUMN onetrading.instruments.contract_duration IS 'Term of a dated future, as sent (5Y); null for others.';
COMMENT ON COLUMN onetrading.instruments.funding_schedule IS 'When funding is settled, as sent; null for spot markets.';
COMMENT ON COLUMN onetrading.instruments.funding_period_minutes IS 'Minutes of a funding period; null for spot markets.';
COMMENT ON COLUMN onetrading.instruments.market_offset IS 'Seconds after the minute at which the market is computed and settled; it changes over time. Null when not sent.';
COMMENT ON COLUMN onetrading.instruments.first_seen_at IS 'When this version was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE VIEW onetrading.instrument_assets AS
 WITH changes AS (
         SELECT instruments.instrument_code,
            instruments.base_code,
            instruments.quote_code,
            instruments.valid_from,
            lag(instruments.valid_from) OVER versions AS before,
            (NOT ((lag(instruments.base_code) OVER versions IS DISTINCT FROM instruments.base_code) OR (lag(instruments.quote_code) OVER versions IS DISTINCT FROM instruments.quote_code))) AS same
           FROM onetrading.instruments
          WINDOW versions AS (PARTITION BY instruments.instrument_code ORDER BY instruments.valid_from)
        )
 SELECT instrument_code,
    base_code,
    quote_code,
        CASE
            WHEN (before IS NULL) THEN '-infinity'::timestamp with time zone
            ELSE valid_from
        END AS known_from,
    lead(valid_from, 1, 'infinity'::timestamp with time zone) OVER (PARTITION BY instrument_code ORDER BY valid_from) AS known_to
   FROM changes
  WHERE ((before IS NULL) OR (NOT same));
COMMENT ON VIEW onetrading.instrument_assets IS 'Base and quote of each instrument at any time: of an instrument''s rows exactly one holds at an instant, so that joining by code and time never multiplies rows.';
COMMENT ON COLUMN onetrading.instrument_assets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.known_from IS 'valid_from of the version; the first one counts for all time before it.';
COMMENT ON COLUMN onetrading.instrument_assets.known_to IS 'known_from of the next row, exclusive; the last one counts for all time after it.';
CREATE VIEW onetrading.asset_changes AS
 SELECT DISTINCT instrument_code,
    (date_trunc('month'::text, (known_from AT TIME ZONE 'UTC'::text)))::date AS month
   FROM onetrading.instrument_assets
  WHERE (known_from > '-infinity'::timestamp with time zone);
COMMENT ON VIEW onetrading.asset_changes IS 'The UTC months in which an instrument began to stand for other assets: normally none.';
COMMENT ON COLUMN onetrading.asset_changes.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.asset_changes.month IS 'First day of the UTC month of the change.';
CREATE TABLE onetrading.balances (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    currency_code text NOT NULL,
    available numeric NOT NULL,
    locked numeric NOT NULL,
    changed_at timestamp with time zone,
    CONSTRAINT balances_amounts CHECK (((available > '-Infinity'::numeric) AND (available < 'Infinity'::numeric) AND (locked > '-Infinity'::numeric) AND (locked < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.balances IS 'Balances per snapshot (GET account/balances). A currency without a row in a snapshot was not listed: its balance was 0.';
COMMENT ON COLUMN onetrading.balances.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.balances.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balances.currency_code IS 'The asset''s code.';
COMMENT ON COLUMN onetrading.balances.available IS 'Free, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.locked IS 'Held by open orders, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.changed_at IS 'When this balance last changed, as the exchange says.';
CREATE TABLE onetrading.candlesticks (
    instrument_code text NOT NULL,
    granularity text NOT NULL,
    start_time timestamp with time zone NOT NULL,
    end_time timestamp with time zone NOT NULL,
    open_price numeric NOT NULL,
    high_price numeric NOT NULL,
    low_price numeric NOT NULL,
    close_price numeric NOT NULL,
    volume numeric,
    last_sequence bigint,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT candlesticks_amounts CHECK (((open_price > (0)::numeric) AND (open_price < 'Infinity'::numeric) AND (high_price > (0)::numeric) AND (high_price < 'Infinity'::numeric) AND (low_price > (0)::numeric) AND (low_price < 'Infinity'::numeric) AND (close_price > (0)::numeric) AND (close_price < 'Infinity'::numeric) AND (volume > '-Infinity'::numeric) AND (volume < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.candlesticks IS 'Prices and volume by minutes, hours or days, of the instruments that ONETRADING_CANDLESTICKS names (GET candlesticks). A span without a trade has no row. Only candles that are over are kept.';
COMMENT ON COLUMN onetrading.candlesticks.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.candlesticks.granularity IS 'Length of the candle: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w or 1M (a month).';
COMMENT ON COLUMN onetrading.candlesticks.start_time IS 'When the candle begins.';
COMMENT ON COLUMN onetrading.candlesticks.end_time IS 'The last millisecond of the candle, as sent.';
COMMENT ON COLUMN onetrading.candlesticks.open_price IS 'Price of the first trade, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.high_price IS 'Highest price, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.low_price IS 'Lowest price, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.close_price IS 'Price of the last trade, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.volume IS 'As sent: by the exchange''s examples in the quote currency, which is not documented; null when not sent.';
COMMENT ON COLUMN onetrading.candlesticks.last_sequence IS 'The exchange''s counter of the last trade; null when not sent.';
COMMENT ON COLUMN onetrading.candlesticks.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.candlesticks.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.candlesticks.first_seen_at IS 'When it was first stored here; never changed afterwards.';
CREATE TABLE onetrading.closed_positions (
    position_id text NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text,
    direction text,
    opened_at timestamp with time zone,
    closed_at timestamp with time zone,
    closing_pnl numeric,
    realised_pnl numeric,
    total_funding_payments numeric,
    total_trade_fees numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT closed_positions_amounts CHECK (((closing_pnl > '-Infinity'::numeric) AND (closing_pnl < 'Infinity'::numeric) AND (realised_pnl > '-Infinity'::numeric) AND (realised_pnl < 'Infinity'::numeric) AND (total_funding_payments > '-Infinity'::numeric) AND (total_funding_payments < 'Infinity'::numeric) AND (total_trade_fees > '-Infinity'::numeric) AND (total_trade_fees < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.closed_positions IS 'Closed futures positions (GET account/futures/positions-history). What the exchange does not send is taken from the position''s own trades, else null.';
COMMENT ON COLUMN onetrading.closed_positions.position_id IS 'The exchange''s identity of the position: digits.';
COMMENT ON COLUMN onetrading.closed_positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.closed_positions.instrument_code IS 'The market''s code, as sent or of its own trades; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.direction IS 'LONG or SHORT, as sent or by the side of its first trade; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.opened_at IS 'As sent, or when its first trade happened; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.closed_at IS 'As sent, or when its last trade happened; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.closing_pnl IS 'Result of its trades in the quote currency, before fees and funding.';
COMMENT ON COLUMN onetrading.closed_positions.realised_pnl IS 'In the quote currency: closing_pnl plus total_funding_payments minus total_trade_fees, as the exchange says. One that is not is an issue of kind unbalanced.';
COMMENT ON COLUMN onetrading.closed_positions.total_funding_payments IS 'In the quote currency, as sent: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.closed_positions.total_trade_fees IS 'In the quote currency, as sent: positive when paid, negative for a net rebate.';
COMMENT ON COLUMN onetrading.closed_positions.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.closed_positions.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.closed_positions.first_seen_at IS 'When it was first stored here; never changed afterwards.';
CREATE TABLE onetrading.currencies (
    currency_code text NOT NULL,
    name text,
    "precision" bigint,
    collateral_percentage numeric,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT currencies_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.currencies IS 'Assets over time (GET currencies); the row with valid_to null is in force.';
COMMENT ON COLUMN onetrading.currencies.currency_code IS 'The asset''s code.';
COMMENT ON COLUMN onetrading.currencies.name IS 'Name for display.';
COMMENT ON COLUMN onetrading.currencies."precision" IS 'Decimals of amounts.';
COMMENT ON COLUMN onetrading.currencies.collateral_percentage IS 'Share of its value that counts as futures collateral, 0 to 100.';
COMMENT ON COLUMN onetrading.currencies.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.currencies.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.currencies.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.currencies.first_seen_at IS 'When this version was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE TABLE onetrading.exchange_rates (
    day date NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    source text NOT NULL,
    rate numeric NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT exchange_rates_amounts CHECK (((rate > (0)::numeric) AND (rate < 'Infinity'::numeric))),
    CONSTRAINT exchange_rates_base_code_check CHECK ((base_code <> ''::text)),
    CONSTRAINT exchange_rates_check CHECK (((quote_code <> ''::text) AND (quote_code <> base_code))),
    CONSTRAINT exchange_rates_source_check CHECK ((source <> ''::text))
);
COMMENT ON TABLE onetrading.exchange_rates IS 'Exchange rates as imported from a file (import rates): the exchange has no market for EUR against USD.';
COMMENT ON COLUMN onetrading.exchange_rates.day IS 'The day that the source dates the rate with.';
COMMENT ON COLUMN onetrading.exchange_rates.base_code IS 'One unit of this ...';
COMMENT ON COLUMN onetrading.exchange_rates.quote_code IS '... is worth rate units of this.';
COMMENT ON COLUMN onetrading.exchange_rates.source IS 'Who published it, such as ECB.';
COMMENT ON COLUMN onetrading.exchange_rates.rate IS 'Units of quote_code for one unit of base_code.';
COMMENT ON COLUMN onetrading.exchange_rates.first_seen_at IS 'When it was first imported; never changed afterwards.';
CREATE TABLE onetrading.external_lots (
    account_id uuid NOT NULL,
    reference text NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    acquired_at timestamp with time zone NOT NULL,
    quantity numeric NOT NULL,
    cost numeric,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT external_lots_amounts CHECK (((quantity > (0)::numeric) AND (quantity < 'Infinity'::numeric) AND (cost >= (0)::numeric) AND (cost < 'Infinity'::numeric))),
    CONSTRAINT external_lots_base_code_check CHECK ((base_code <> ''::text)),
    CONSTRAINT external_lots_quote_code_check CHECK ((quote_code <> ''::text)),
    CONSTRAINT external_lots_reference_check CHECK ((reference <> ''::text))
);
COMMENT ON TABLE onetrading.external_lots IS 'Lots that were acquired outside of the history, as imported from a file (import lots): what can be sold beyond what was bought by trades.';
COMMENT ON COLUMN onetrading.external_lots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.external_lots.reference IS 'Identity of the lot within the account, chosen by whoever wrote the file.';
COMMENT ON COLUMN onetrading.external_lots.base_code IS 'The asset.';
COMMENT ON COLUMN onetrading.external_lots.quote_code IS 'Currency of cost: the lot serves sales for this currency.';
COMMENT ON COLUMN onetrading.external_lots.acquired_at IS 'When it was acquired.';
COMMENT ON COLUMN onetrading.external_lots.quantity IS 'In units of base_code.';
COMMENT ON COLUMN onetrading.external_lots.cost IS 'Total cost in quote_code; null when it is not known.';
COMMENT ON COLUMN onetrading.external_lots.first_seen_at IS 'When it was first imported; never changed afterwards.';
CREATE TABLE onetrading.fee_tiers (
    fee_group text NOT NULL,
    min_volume numeric NOT NULL,
    volume_currency text,
    maker_ratio numeric NOT NULL,
    taker_ratio numeric NOT NULL,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT fee_tiers_amounts CHECK (((min_volume > '-Infinity'::numeric) AND (min_volume < 'Infinity'::numeric) AND (maker_ratio > '-Infinity'::numeric) AND (maker_ratio < 'Infinity'::numeric) AND (taker_ratio > '-Infinity'::numeric) AND (taker_ratio < 'Infinity'::numeric))),
    CONSTRAINT fee_tiers_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.fee_tiers IS 'The fee schedule over time (GET fees); rows with valid_to null are in force. Prices of API trading are not listed by the exchange.';
COMMENT ON COLUMN onetrading.fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN onetrading.fee_tiers.min_volume IS 'The tier applies from this volume of 30 days on, in volume_currency.';
COMMENT ON COLUMN onetrading.fee_tiers.volume_currency IS 'Currency of the volume (EUR); null when not sent.';
COMMENT ON COLUMN onetrading.fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN onetrading.fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN onetrading.fee_tiers.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.fee_tiers.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.fee_tiers.first_seen_at IS 'When this version was first stored here; never changed afterwards.';
CREATE TABLE onetrading.funding_rate_samples (
    snapshot_id bigint NOT NULL,
    instrument_code text NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    computed_at timestamp with time zone,
    raw jsonb NOT NULL
);
COMMENT ON TABLE onetrading.funding_rate_samples IS 'Funding rates while they form (GET funding-rate); settled ones are in funding_rates.';
COMMENT ON COLUMN onetrading.funding_rate_samples.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.funding_rate_samples.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rate_samples.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.funding_rate_samples.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rate_samples.computed_at IS 'When the exchange computed it.';
COMMENT ON COLUMN onetrading.funding_rate_samples.raw IS 'The record as sent.';
CREATE TABLE onetrading.funding_rates (
    instrument_code text NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT funding_rates_amounts CHECK (((funding_rate > '-Infinity'::numeric) AND (funding_rate < 'Infinity'::numeric) AND (mark_price > (0)::numeric) AND (mark_price < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.funding_rates IS 'Settled funding rates (GET funding-rate/history).';
COMMENT ON COLUMN onetrading.funding_rates.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rates.funding_time IS 'End of the funding period.';
COMMENT ON COLUMN onetrading.funding_rates.funding_rate IS 'Fraction per funding period; positive: longs paid shorts.';
COMMENT ON COLUMN onetrading.funding_rates.mark_price IS 'Mark price at settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rates.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_rates.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.funding_rates.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE TABLE onetrading.funding_settings (
    instrument_code text NOT NULL,
    state text,
    market_offset bigint,
    clamp_threshold numeric,
    annual_interest_rate numeric,
    cap numeric,
    period_minutes bigint,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT funding_settings_amounts CHECK (((clamp_threshold > '-Infinity'::numeric) AND (clamp_threshold < 'Infinity'::numeric) AND (annual_interest_rate > '-Infinity'::numeric) AND (annual_interest_rate < 'Infinity'::numeric) AND (cap > '-Infinity'::numeric) AND (cap < 'Infinity'::numeric))),
    CONSTRAINT funding_settings_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.funding_settings IS 'By what the funding rate of a futures instrument is computed, over time (GET funding-rate/settings); rows with valid_to null are in force.';
COMMENT ON COLUMN onetrading.funding_settings.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_settings.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.market_offset IS 'Seconds after the minute at which the market is computed and settled; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.clamp_threshold IS 'Largest difference between interest and premium that is evened out, as a fraction; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.annual_interest_rate IS 'Interest rate, as a fraction per year; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.cap IS 'Largest absolute funding rate of one period, as a fraction; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.period_minutes IS 'Minutes of a funding period; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_settings.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.funding_settings.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.funding_settings.first_seen_at IS 'When this version was first stored here; never changed afterwards.';
CREATE VIEW onetrading.funding_sign_votes AS
 WITH payments AS NOT MATERIALIZED (
         SELECT funding_payments.account_id,
            funding_payments.funding_time,
            funding_payments.instrument_code,
            funding_payments.booked_at,
            funding_payments.amount,
            funding_payments.cash_balance,
            max(funding_payments.booked_at) OVER (PARTITION BY funding_payments.account_id, funding_payments.funding_time ORDER BY funding_payments.booked_at RANGE BETWEEN UNBOUNDED PRECEDING AND '00:00:00.000001'::interval PRECEDING) AS before_at
           FROM onetrading.funding_payments
          WHERE (funding_payments.cash_balance IS NOT NULL)
        ), compared AS (
         SELECT payment.account_id,
            payment.booked_at,
            payment.instrument_code,
            bool_or((abs(((payment.cash_balance - before.cash_balance) - payment.amount)) <= (abs(payment.amount) / (100)::numeric))) AS as_sent,
            bool_or((abs(((payment.cash_balance - before.cash_balance) + payment.amount)) <= (abs(payment.amount) / (100)::numeric))) AS negated
           FROM (payments payment
             JOIN payments before ON (((before.account_id = payment.account_id) AND (before.funding_time = payment.funding_time) AND (before.instrument_code <> payment.instrument_code) AND ((before.booked_at = payment.booked_at) OR ((before.booked_at = payment.before_at) AND ((payment.booked_at - payment.before_at) <= '00:01:00'::interval))))))
          WHERE (payment.amount <> (0)::numeric)
          GROUP BY payment.account_id, payment.booked_at, payment.instrument_code
        )
 SELECT account_id,
    booked_at,
    instrument_code,
    as_sent AS received_positive
   FROM compared
  WHERE (as_sent <> negated);
COMMENT ON VIEW onetrading.funding_sign_votes IS 'What the cash balance after a funding payment, compared with that after the payment just before it, says of the sign of amount. Payments that say nothing are left out.';
COMMENT ON COLUMN onetrading.funding_sign_votes.account_id IS 'As in onetrading.funding_payments.';
COMMENT ON COLUMN onetrading.funding_sign_votes.booked_at IS 'When the payment was booked.';
COMMENT ON COLUMN onetrading.funding_sign_votes.instrument_code IS 'The payment''s instrument.';
COMMENT ON COLUMN onetrading.funding_sign_votes.received_positive IS 'Whether cash moved by amount as sent (received payments are positive), or by its opposite (paid ones are).';
CREATE VIEW onetrading.funding_sign_conventions AS
 WITH judged AS (
         SELECT funding_sign_votes.account_id,
            funding_sign_votes.booked_at,
            funding_sign_votes.instrument_code,
                CASE
                    WHEN (count(*) OVER lately < 3) THEN NULL::text
                    WHEN ((10 * count(*) FILTER (WHERE funding_sign_votes.received_positive) OVER lately) >= (9 * count(*) OVER lately)) THEN 'received_positive'::text
                    WHEN ((10 * count(*) FILTER (WHERE (NOT funding_sign_votes.received_positive)) OVER lately) >= (9 * count(*) OVER lately)) THEN 'paid_positive'::text
                    ELSE NULL::text
                END AS convention,
            min(funding_sign_votes.booked_at) FILTER (WHERE funding_sign_votes.received_positive) OVER lately AS received_since,
            min(funding_sign_votes.booked_at) FILTER (WHERE (NOT funding_sign_votes.received_positive)) OVER lately AS paid_since
           FROM onetrading.funding_sign_votes
          WINDOW lately AS (PARTITION BY funding_sign_votes.account_id ORDER BY funding_sign_votes.booked_at, funding_sign_votes.instrument_code ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
        ), known AS (
         SELECT judged.account_id,
            judged.booked_at,
            judged.instrument_code,
            judged.convention,
            judged.received_since,
            judged.paid_since,
            lag(judged.convention) OVER (PARTITION BY judged.account_id ORDER BY judged.booked_at, judged.instrument_code) AS previous
           FROM judged
          WHERE (judged.convention IS NOT NULL)
        )
 SELECT account_id,
    convention,
    previous,
        CASE convention
            WHEN 'received_positive'::text THEN received_since
            ELSE paid_since
        END AS since,
    booked_at AS known_at
   FROM known
  WHERE (convention IS DISTINCT FROM previous);
COMMENT ON VIEW onetrading.funding_sign_conventions IS 'The conventions of the sign of funding payments that have held, one row per account and change.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.account_id IS 'As in onetrading.funding_payments.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.convention IS 'received_positive or paid_positive.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.previous IS 'The convention before; null for the first one.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.since IS 'The first payment that speaks for it, of those that decided.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.known_at IS 'The payment with which it was decided.';
CREATE VIEW onetrading.latest_snapshots AS
 WITH RECURSIVE latest AS (
        ( SELECT snapshots.snapshot_id,
            snapshots.account_id,
            snapshots.stream,
            snapshots.first_observed_at,
            snapshots.last_observed_at,
            snapshots.row_count,
            snapshots.content_hash,
            snapshots.header
           FROM onetrading.snapshots
          ORDER BY snapshots.account_id DESC, snapshots.stream DESC, snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
         LIMIT 1)
        UNION ALL
         SELECT next_group.snapshot_id,
            next_group.account_id,
            next_group.stream,
            next_group.first_observed_at,
            next_group.last_observed_at,
            next_group.row_count,
            next_group.content_hash,
            next_group.header
           FROM (latest latest_1
             CROSS JOIN LATERAL ( SELECT snapshots.snapshot_id,
                    snapshots.account_id,
                    snapshots.stream,
                    snapshots.first_observed_at,
                    snapshots.last_observed_at,
                    snapshots.row_count,
                    snapshots.content_hash,
                    snapshots.header
                   FROM onetrading.snapshots
                  WHERE (ROW(snapshots.account_id, snapshots.stream) < ROW(latest_1.account_id, latest_1.stream))
                  ORDER BY snapshots.account_id DESC, snapshots.stream DESC, snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1) next_group)
        )
 SELECT account_id,
    stream,
    snapshot_id,
    first_observed_at,
    last_observed_at,
    row_count,
    header
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
        ( SELECT balances.account_id,
            balances.currency_code,
            balances.snapshot_id
           FROM onetrading.balances
          ORDER BY balances.account_id, balances.currency_code, balances.snapshot_id
         LIMIT 1)
        UNION ALL
         SELECT next_group.account_id,
            next_group.currency_code,
            next_group.snapshot_id
           FROM (listed listed_1
             CROSS JOIN LATERAL ( SELECT balances.account_id,
                    balances.currency_code,
                    balances.snapshot_id
                   FROM onetrading.balances
                  WHERE (ROW(balances.account_id, balances.currency_code) > ROW(listed_1.account_id, listed_1.currency_code))
                  ORDER BY balances.account_id, balances.currency_code, balances.snapshot_id
                 LIMIT 1) next_group)
        )
 SELECT listed.account_id,
    listed.currency_code,
    snapshots.first_observed_at
   FROM (listed
     JOIN onetrading.snapshots USING (snapshot_id));
COMMENT ON VIEW onetrading.listed_currencies IS 'Every currency that an account was ever seen to hold, zero balances included.';
COMMENT ON COLUMN onetrading.listed_currencies.account_id IS 'As in onetrading.balances.';
COMMENT ON COLUMN onetrading.listed_currencies.currency_code IS 'As in onetrading.balances.';
COMMENT ON COLUMN onetrading.listed_currencies.first_observed_at IS 'When it was first listed: the start of the first snapshot that has it (the least snapshot_id).';
CREATE VIEW onetrading.monthly_trades AS
 SELECT sums.account_id,
    sums.month,
    sums.instrument_code,
    assets.base_code,
    assets.quote_code,
    sums.side,
    sums.liquidity,
    sums.fee_currency,
    sums.trades,
    sums.base_amount,
    sums.quote_amount,
    sums.fees_paid,
    sums.fees_received,
    sums.fees_told,
    sums.fees_at_price
   FROM (( SELECT trades.account_id,
            (date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date AS month,
            trades.instrument_code,
            trades.side,
            trades.liquidity,
            trades.fee_currency,
            count(*) AS trades,
            sum(trades.amount) AS base_amount,
            sum(trades.quote_amount) AS quote_amount,
            sum(trades.fee_amount) FILTER (WHERE (trades.fee_amount > (0)::numeric)) AS fees_paid,
            sum((- trades.fee_amount)) FILTER (WHERE (trades.fee_amount < (0)::numeric)) AS fees_received,
            count(trades.fee_amount) AS fees_told,
            sum((trades.fee_amount * trades.price)) AS fees_at_price
           FROM onetrading.trades
          GROUP BY trades.account_id, ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date), trades.instrument_code, trades.side, trades.liquidity, trades.fee_currency) sums
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = sums.instrument_code) AND (assets.known_from <= ((sums.month)::timestamp without time zone AT TIME ZONE 'UTC'::text)) AND (((sums.month)::timestamp without time zone AT TIME ZONE 'UTC'::text) < assets.known_to))))
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.asset_changes changes
          WHERE ((changes.instrument_code = sums.instrument_code) AND (changes.month = sums.month)))))
UNION ALL
 SELECT trades.account_id,
    (date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date AS month,
    trades.instrument_code,
    assets.base_code,
    assets.quote_code,
    trades.side,
    trades.liquidity,
    trades.fee_currency,
    count(*) AS trades,
    sum(trades.amount) AS base_amount,
    sum(trades.quote_amount) AS quote_amount,
    sum(trades.fee_amount) FILTER (WHERE (trades.fee_amount > (0)::numeric)) AS fees_paid,
    sum((- trades.fee_amount)) FILTER (WHERE (trades.fee_amount < (0)::numeric)) AS fees_received,
    count(trades.fee_amount) AS fees_told,
    sum((trades.fee_amount * trades.price)) AS fees_at_price
   FROM ((onetrading.asset_changes changes
     JOIN onetrading.trades ON (((trades.instrument_code = changes.instrument_code) AND ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date = changes.month))))
     JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))))
  GROUP BY trades.account_id, ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date), trades.instrument_code, assets.base_code, assets.quote_code, trades.side, trades.liquidity, trades.fee_currency;
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
CREATE TABLE onetrading.order_events (
    order_id uuid NOT NULL,
    status text NOT NULL,
    filled_amount numeric NOT NULL,
    account_id uuid NOT NULL,
    sequence bigint,
    updated_at timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT order_events_amounts CHECK (((filled_amount >= (0)::numeric) AND (filled_amount < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.order_events IS 'Each state of an order that was seen, as first seen. States that came and went between two polls are not in it.';
COMMENT ON COLUMN onetrading.order_events.order_id IS 'The order, as in onetrading.orders.';
COMMENT ON COLUMN onetrading.order_events.status IS 'The status as sent.';
COMMENT ON COLUMN onetrading.order_events.filled_amount IS 'What was traded by then, in units of the base asset.';
COMMENT ON COLUMN onetrading.order_events.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.order_events.sequence IS 'The exchange''s counter; null when not sent.';
COMMENT ON COLUMN onetrading.order_events.updated_at IS 'When the exchange says that the order changed to this state; null when not sent.';
COMMENT ON COLUMN onetrading.order_events.first_seen_at IS 'When the state was first stored here; never changed afterwards.';
CREATE TABLE onetrading.orders (
    order_id uuid NOT NULL,
    client_id text,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    order_type text,
    time_in_force text,
    price numeric,
    amount numeric NOT NULL,
    filled_amount numeric NOT NULL,
    average_price numeric,
    fee_amount numeric,
    fee_currency text,
    status text NOT NULL,
    is_open boolean,
    sequence bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone,
    trades_checked boolean NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT orders_amounts CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric) AND (amount > (0)::numeric) AND (amount < 'Infinity'::numeric) AND (filled_amount >= (0)::numeric) AND (filled_amount < 'Infinity'::numeric) AND (average_price > (0)::numeric) AND (average_price < 'Infinity'::numeric) AND (fee_amount > '-Infinity'::numeric) AND (fee_amount < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.orders IS 'Orders in the newest state that was seen (GET account/orders). An older state never overwrites a newer one.';
COMMENT ON COLUMN onetrading.orders.order_id IS 'The exchange''s identity of the order.';
COMMENT ON COLUMN onetrading.orders.client_id IS 'Chosen by the client, else made by the exchange; null when not sent.';
COMMENT ON COLUMN onetrading.orders.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.orders.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.orders.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.orders.order_type IS 'LIMIT, MARKET, ... (type); null when not sent.';
COMMENT ON COLUMN onetrading.orders.time_in_force IS 'How long it is valid; null when not sent.';
COMMENT ON COLUMN onetrading.orders.price IS 'In the quote currency per unit of the base asset; null of a market order.';
COMMENT ON COLUMN onetrading.orders.amount IS 'What is to be traded, in units of the base asset, never negative.';
COMMENT ON COLUMN onetrading.orders.filled_amount IS 'What of it was traded, in units of the base asset; 0 when not sent.';
COMMENT ON COLUMN onetrading.orders.average_price IS 'Of what was traded, in the quote currency; null when nothing was, or when not sent.';
COMMENT ON COLUMN onetrading.orders.fee_amount IS 'In units of fee_currency: positive when paid, negative when received as a rebate (total_fee); null when not sent.';
COMMENT ON COLUMN onetrading.orders.fee_currency IS 'What the fee was paid in.';
COMMENT ON COLUMN onetrading.orders.status IS 'The status as the exchange told it last; is_open says what we make of it.';
COMMENT ON COLUMN onetrading.orders.is_open IS 'Whether it is open: by its status, and by the list of open orders. Null: unknown, because it left that list and the exchange does not tell of it any more; status is then what was told last.';
COMMENT ON COLUMN onetrading.orders.sequence IS 'The exchange''s counter, which tells the newer of two states; null when not sent.';
COMMENT ON COLUMN onetrading.orders.created_at IS 'When it was created, cut to the microsecond (time).';
COMMENT ON COLUMN onetrading.orders.updated_at IS 'When it changed last (time_last_updated); null when not sent.';
COMMENT ON COLUMN onetrading.orders.trades_checked IS 'Whether the trades inside of the record were compared with onetrading.trades: once these are complete for the life of the order.';
COMMENT ON COLUMN onetrading.orders.raw IS 'The record as sent when it last changed.';
COMMENT ON COLUMN onetrading.orders.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.orders.first_seen_at IS 'When it was first stored here; never changed afterwards.';
CREATE TABLE onetrading.portfolios (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    equity numeric,
    margin_used numeric,
    margin_available numeric,
    account_ratio numeric,
    maintenance_margin numeric,
    raw jsonb NOT NULL,
    CONSTRAINT portfolios_amounts CHECK (((equity > '-Infinity'::numeric) AND (equity < 'Infinity'::numeric) AND (margin_used > '-Infinity'::numeric) AND (margin_used < 'Infinity'::numeric) AND (margin_available > '-Infinity'::numeric) AND (margin_available < 'Infinity'::numeric) AND (maintenance_margin > '-Infinity'::numeric) AND (maintenance_margin < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.portfolios IS 'The futures account as a whole per snapshot (GET account/futures/summary).';
COMMENT ON COLUMN onetrading.portfolios.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.portfolios.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.portfolios.equity IS 'In the account''s currency, which the exchange does not name.';
COMMENT ON COLUMN onetrading.portfolios.margin_used IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.margin_available IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.account_ratio IS 'As the exchange computes it; null when not a number (flat).';
COMMENT ON COLUMN onetrading.portfolios.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.raw IS 'The record as sent.';
CREATE TABLE onetrading.position_funding_payments (
    position_id text NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    booked_at_nanos bigint NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    amount numeric NOT NULL,
    funding_rate numeric,
    mark_price numeric,
    cash_balance numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT position_funding_payments_amounts CHECK (((amount > '-Infinity'::numeric) AND (amount < 'Infinity'::numeric) AND (funding_rate > '-Infinity'::numeric) AND (funding_rate < 'Infinity'::numeric) AND (mark_price > '-Infinity'::numeric) AND (mark_price < 'Infinity'::numeric) AND (cash_balance > '-Infinity'::numeric) AND (cash_balance < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.position_funding_payments IS 'Funding of closed positions (GET account/futures/positions/{position_id}/funding-payments): the payments of funding_payments once more, each with its position, rate and mark price.';
COMMENT ON COLUMN onetrading.position_funding_payments.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading.position_funding_payments.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.position_funding_payments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.position_funding_payments.booked_at IS 'When it was booked, floored to the microsecond.';
COMMENT ON COLUMN onetrading.position_funding_payments.booked_at_nanos IS 'The same instant in full, in nanoseconds since 1970.';
COMMENT ON COLUMN onetrading.position_funding_payments.funding_time IS 'The funding time it belongs to, derived: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN onetrading.position_funding_payments.amount IS 'As sent, in the quote currency, rounded to 4 decimals: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.position_funding_payments.funding_rate IS 'Fraction per funding period; positive: longs paid shorts.';
COMMENT ON COLUMN onetrading.position_funding_payments.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.position_funding_payments.cash_balance IS 'Cash after the booking, in the quote currency.';
COMMENT ON COLUMN onetrading.position_funding_payments.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.position_funding_payments.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.position_funding_payments.first_seen_at IS 'When it was first stored here; never changed afterwards.';
CREATE TABLE onetrading.position_trades (
    position_id text NOT NULL,
    trade_id uuid NOT NULL,
    order_id uuid,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    price numeric NOT NULL,
    amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fee_amount numeric,
    fee_currency text,
    liquidity text,
    order_source text,
    sequence bigint,
    traded_at timestamp with time zone NOT NULL,
    traded_at_nanos bigint NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT position_trades_amounts CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric) AND (amount > (0)::numeric) AND (amount < 'Infinity'::numeric) AND (quote_amount > (0)::numeric) AND (quote_amount < 'Infinity'::numeric) AND (fee_amount > '-Infinity'::numeric) AND (fee_amount < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.position_trades IS 'Trades of closed positions (GET account/futures/positions/{position_id}/trades): those of trades once more, each with its position.';
COMMENT ON COLUMN onetrading.position_trades.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading.position_trades.trade_id IS 'The exchange''s identity of the fill.';
COMMENT ON COLUMN onetrading.position_trades.order_id IS 'The order that was filled.';
COMMENT ON COLUMN onetrading.position_trades.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.position_trades.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.position_trades.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.position_trades.price IS 'Quote currency per unit of the base asset.';
COMMENT ON COLUMN onetrading.position_trades.amount IS 'In units of the base asset; no sign, side carries it.';
COMMENT ON COLUMN onetrading.position_trades.quote_amount IS 'price times amount, exact, in the quote currency.';
COMMENT ON COLUMN onetrading.position_trades.fee_amount IS 'In units of fee_currency: positive when paid, negative when received; null when not sent.';
COMMENT ON COLUMN onetrading.position_trades.fee_currency IS 'What the fee was paid in.';
COMMENT ON COLUMN onetrading.position_trades.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN onetrading.position_trades.order_source IS 'Where the order came from (order_type): API for example.';
COMMENT ON COLUMN onetrading.position_trades.sequence IS 'The matching engine''s counter.';
COMMENT ON COLUMN onetrading.position_trades.traded_at IS 'When it happened, floored to the microsecond.';
COMMENT ON COLUMN onetrading.position_trades.traded_at_nanos IS 'The same instant in full, in nanoseconds since 1970.';
COMMENT ON COLUMN onetrading.position_trades.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.position_trades.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.position_trades.first_seen_at IS 'When it was first stored here; never changed afterwards.';
CREATE TABLE onetrading.positions (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    direction text NOT NULL,
    open_volume numeric NOT NULL,
    open_notional numeric,
    maintenance_margin numeric,
    last_settlement numeric,
    mark_price numeric,
    raw jsonb NOT NULL,
    CONSTRAINT positions_amounts CHECK (((open_volume > '-Infinity'::numeric) AND (open_volume < 'Infinity'::numeric) AND (open_notional > '-Infinity'::numeric) AND (open_notional < 'Infinity'::numeric) AND (maintenance_margin > '-Infinity'::numeric) AND (maintenance_margin < 'Infinity'::numeric) AND (last_settlement > '-Infinity'::numeric) AND (last_settlement < 'Infinity'::numeric) AND (mark_price > '-Infinity'::numeric) AND (mark_price < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.positions IS 'Open futures positions per snapshot (GET account/futures/positions).';
COMMENT ON COLUMN onetrading.positions.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.positions.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.positions.direction IS 'LONG or SHORT; sizes have no sign.';
COMMENT ON COLUMN onetrading.positions.open_volume IS 'Size in units of the base asset.';
COMMENT ON COLUMN onetrading.positions.open_notional IS 'Size at the mark price, in the quote currency; not the cost of entry.';
COMMENT ON COLUMN onetrading.positions.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.positions.last_settlement IS 'Cash result of the last minute''s settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.positions.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.positions.raw IS 'The record as sent.';
ALTER TABLE onetrading.snapshots ALTER COLUMN snapshot_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading.snapshots_snapshot_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE VIEW onetrading.spot_markets AS
 WITH changes AS (
         SELECT instruments.instrument_code,
            instruments.base_code,
            instruments.quote_code,
            instruments.kind,
            instruments.valid_from,
            lag(instruments.valid_from) OVER versions AS before,
            (NOT (((lag(instruments.base_code) OVER versions IS DISTINCT FROM instruments.base_code) OR (lag(instruments.quote_code) OVER versions IS DISTINCT FROM instruments.quote_code)) OR (lag(instruments.kind) OVER versions IS DISTINCT FROM instruments.kind))) AS same
           FROM onetrading.instruments
          WINDOW versions AS (PARTITION BY instruments.instrument_code ORDER BY instruments.valid_from)
        ), ranges AS (
         SELECT changes.instrument_code,
            changes.base_code,
            changes.quote_code,
            changes.kind,
                CASE
                    WHEN (changes.before IS NULL) THEN '-infinity'::timestamp with time zone
                    ELSE changes.valid_from
                END AS known_from,
            lead(changes.valid_from, 1, 'infinity'::timestamp with time zone) OVER (PARTITION BY changes.instrument_code ORDER BY changes.valid_from) AS known_to
           FROM changes
          WHERE ((changes.before IS NULL) OR (NOT changes.same))
        )
 SELECT instrument_code,
    base_code,
    quote_code,
    known_from,
    known_to
   FROM ranges
  WHERE (kind = 'SPOT'::text);
COMMENT ON VIEW onetrading.spot_markets IS 'Base and quote of each spot instrument at any time, as onetrading.instrument_assets; nothing for a time at which a code stood for futures.';
COMMENT ON COLUMN onetrading.spot_markets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.spot_markets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.spot_markets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.spot_markets.known_from IS 'valid_from of the version; the first one counts for all time before it.';
COMMENT ON COLUMN onetrading.spot_markets.known_to IS 'Until when, exclusive; the last one counts for all time after it.';
CREATE TABLE onetrading.tickers (
    snapshot_id bigint NOT NULL,
    instrument_code text NOT NULL,
    state text,
    last_price numeric,
    bid_price numeric,
    ask_price numeric,
    base_volume numeric,
    quote_volume numeric,
    mark_price numeric,
    funding_rate numeric,
    next_funding_at timestamp with time zone,
    raw jsonb NOT NULL
);
COMMENT ON TABLE onetrading.tickers IS 'Tickers per snapshot (GET market-ticker).';
COMMENT ON COLUMN onetrading.tickers.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.tickers.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.tickers.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN onetrading.tickers.last_price IS 'Price of the last trade in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.bid_price IS 'Highest bid; null when nobody bids.';
COMMENT ON COLUMN onetrading.tickers.ask_price IS 'Lowest ask; null when nobody offers.';
COMMENT ON COLUMN onetrading.tickers.base_volume IS 'Volume of 24 hours in units of the base asset.';
COMMENT ON COLUMN onetrading.tickers.quote_volume IS 'Volume of 24 hours in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.tickers.next_funding_at IS 'When funding is next settled.';
COMMENT ON COLUMN onetrading.tickers.raw IS 'The record as sent.';
CREATE TABLE onetrading_sync.carried (
    account_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    locked_by bigint,
    unknown_codes text[] DEFAULT '{}'::text[] NOT NULL,
    carried_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT carried_at_check CHECK (isfinite(at))
);
COMMENT ON TABLE onetrading_sync.carried IS 'Instants at which the open lots and pools of an account are stored: reports of what follows begin there, and not at the first trade.';
COMMENT ON COLUMN onetrading_sync.carried.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.carried.at IS 'The state after all trades and imported lots before this instant.';
COMMENT ON COLUMN onetrading_sync.carried.locked_by IS 'The lock of the month that ends here; null without one. While it is set, late trades do not delete this state, nor what follows from it.';
COMMENT ON COLUMN onetrading_sync.carried.unknown_codes IS 'Instruments of trades before this instant that were unknown, and so were in no pool.';
COMMENT ON COLUMN onetrading_sync.carried.carried_at IS 'When it was stored.';
CREATE TABLE onetrading_sync.carried_lots (
    account_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    "position" bigint NOT NULL,
    lot_source text NOT NULL,
    lot_trade_id uuid,
    reference text,
    instrument_code text,
    acquired_at timestamp with time zone NOT NULL,
    quantity numeric NOT NULL,
    quantity_used numeric NOT NULL,
    cost numeric,
    fee_in_base numeric,
    fee_in_quote numeric,
    CONSTRAINT carried_lots_check CHECK (((quantity_used >= (0)::numeric) AND (quantity_used < quantity))),
    CONSTRAINT carried_lots_lot_source_check CHECK ((lot_source = ANY (ARRAY['trade'::text, 'external'::text])))
);
COMMENT ON TABLE onetrading_sync.carried_lots IS 'The lots that were not used up at an instant of onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_lots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.carried_lots.at IS 'As in onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_lots.base_code IS 'The asset.';
COMMENT ON COLUMN onetrading_sync.carried_lots.quote_code IS 'Currency of cost.';
COMMENT ON COLUMN onetrading_sync.carried_lots."position" IS 'Order in which the lots of a pool are used, from 1 on.';
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
    at timestamp with time zone NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    quantity numeric NOT NULL,
    cost numeric,
    fee_in_quote numeric,
    CONSTRAINT carried_pools_quantity_check CHECK ((quantity > (0)::numeric))
);
COMMENT ON TABLE onetrading_sync.carried_pools IS 'The pools of the moving average that were not empty at an instant of onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_pools.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.carried_pools.at IS 'As in onetrading_sync.carried.';
COMMENT ON COLUMN onetrading_sync.carried_pools.base_code IS 'The asset.';
COMMENT ON COLUMN onetrading_sync.carried_pools.quote_code IS 'Currency of cost.';
COMMENT ON COLUMN onetrading_sync.carried_pools.quantity IS 'In units of base_code.';
COMMENT ON COLUMN onetrading_sync.carried_pools.cost IS 'Total cost in quote_code, without fees; null when that of an imported lot in it is not known.';
COMMENT ON COLUMN onetrading_sync.carried_pools.fee_in_quote IS 'Fees of the BUYs in it that are in quote_code; null when one was not told, or is in a third currency.';
CREATE TABLE onetrading_sync.closings (
    account_id uuid NOT NULL,
    closed_to timestamp with time zone NOT NULL,
    open_read_at timestamp with time zone NOT NULL,
    all_read_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.closings IS 'As of when closed positions are complete. A proven range of them says: of what was opened in it, all that had been closed before closed_to is stored.';
COMMENT ON COLUMN onetrading_sync.closings.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.closings.closed_to IS 'Whatever was closed before this instant, and opened in a proven range, is stored. It commits with the rows of the walk that makes it true.';
COMMENT ON COLUMN onetrading_sync.closings.open_read_at IS 'When everything from the oldest position on that was open by then was last read again.';
COMMENT ON COLUMN onetrading_sync.closings.all_read_at IS 'When everything was last read again.';
CREATE TABLE onetrading_sync.counted_positions (
    position_id text NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    realised_pnl numeric
);
COMMENT ON TABLE onetrading_sync.counted_positions IS 'What each closed position added to the counters, so that none is counted twice when its instrument becomes known later.';
COMMENT ON COLUMN onetrading_sync.counted_positions.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading_sync.counted_positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.counted_positions.instrument_code IS 'The label that it was counted under; empty when its instrument could not be found out.';
COMMENT ON COLUMN onetrading_sync.counted_positions.realised_pnl IS 'The result that was counted; null when none was sent.';
CREATE TABLE onetrading_sync.counting (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    since timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.counting IS 'From which instant on rows count in totals. It never moves: history filled in before it never makes a counter jump.';
CREATE TABLE onetrading_sync.coverage (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    range tstzrange NOT NULL,
    CONSTRAINT coverage_range_check CHECK (((NOT isempty(range)) AND lower_inc(range) AND (NOT upper_inc(range)))),
    CONSTRAINT coverage_range_check1 CHECK (((NOT lower_inf(range)) AND (NOT upper_inf(range))))
);
COMMENT ON TABLE onetrading_sync.coverage IS 'Ranges of time for which history is proven complete. Nothing else proves anything.';
COMMENT ON COLUMN onetrading_sync.coverage.scope IS 'An instrument code where the stream is asked per instrument; of candlesticks instrument and granularity (BTC_EUR:1h); else empty.';
CREATE TABLE onetrading_sync.drift (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    sample text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    hours_seen bigint DEFAULT 1 NOT NULL
);
COMMENT ON TABLE onetrading_sync.drift IS 'Fields, values and page shapes that the exchange''s documentation does not know.';
COMMENT ON COLUMN onetrading_sync.drift.first_seen_at IS 'When it was met first.';
COMMENT ON COLUMN onetrading_sync.drift.last_seen_at IS 'When it was met last, to the hour; of what was met before this column existed, when it was met first.';
COMMENT ON COLUMN onetrading_sync.drift.hours_seen IS 'In how many hours it was met: it is counted once an hour, so that what every response holds does not cost a write each time.';
CREATE TABLE onetrading_sync.issues (
    issue_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    key jsonb NOT NULL,
    old_record jsonb,
    new_record jsonb,
    noticed_at timestamp with time zone DEFAULT now() NOT NULL,
    happened_at timestamp with time zone,
    resolved_at timestamp with time zone,
    found_by text,
    CONSTRAINT issues_found_by_check CHECK ((found_by = 'verify'::text))
);
COMMENT ON TABLE onetrading_sync.issues IS 'Settled facts that came back different, or that were sent in two ways at once: what is stored or was, and what was read. What was read replaced it where the kind says so.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs) or raw_changed (only the record as sent differs): new_record replaced old_record. older (the exchange sent a version before the stored one), twin (two different records of one key came together) or duplicate_slot (a second, different payment of a funding time): old_record is stored, new_record was left out, and is noted once. late: new_record came in as proven history was read again. vanished: the exchange no longer shows old_record, which stays stored. order_reopened or order_shrank: a newer state of an order contradicts the one before, and replaced it. order_unknown: an order left the list of open ones and cannot be found; new_record is null. missed: a trade inside of an order that the list of trades had not sent, although it had been read; it was loaded. order_differs: a trade inside of an order says something else than the stored one, which stayed. unbalanced: the sums of a closed position do not fit together. incomplete: the details of a closed position do not add up to its totals. missing: a detail that the proven list of trades or funding payments does not have. different: a detail that says something else than that list. unlisted: a trade or payment of that list that the details lack. funding_sign_changed: the convention of the sign of funding, as reporting.funding_sign has it, before and after. future_coverage, future_snapshot or future_version: a wrong clock had dated it into the future; the instants as they were, and as they are now.';
COMMENT ON COLUMN onetrading_sync.issues.happened_at IS 'When the fact happened, as the stored record says; null when that is not known.';
COMMENT ON COLUMN onetrading_sync.issues.resolved_at IS 'When a fact that had vanished was sent again; null for every other kind, and while it is gone.';
COMMENT ON COLUMN onetrading_sync.issues.found_by IS 'verify: found as proven history was read again to compare it; null: as it was read otherwise.';
ALTER TABLE onetrading_sync.issues ALTER COLUMN issue_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading_sync.issues_issue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading_sync.known_since (
    what text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE onetrading_sync.known_since IS 'From when on this database records something that earlier versions did not.';
COMMENT ON COLUMN onetrading_sync.known_since.what IS 'first_seen_at: a fact with this time or an earlier one in it came in at an unknown time before it.';
COMMENT ON COLUMN onetrading_sync.known_since.since IS 'When the version that records it was installed.';
CREATE TABLE onetrading_sync.leases (
    account_id uuid NOT NULL,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamp with time zone,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.leases IS 'The service that writes an account. Each of its transactions checks the epoch.';
CREATE TABLE onetrading_sync.position_details (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    position_id text NOT NULL,
    record_hash bigint NOT NULL,
    read_at timestamp with time zone,
    compared_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    last_error text,
    next_try_at timestamp with time zone
);
COMMENT ON TABLE onetrading_sync.position_details IS 'Which details of closed positions were read, in which version of the position. One without a row, or with another record_hash than the position''s, is to be read.';
COMMENT ON COLUMN onetrading_sync.position_details.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.position_details.stream IS 'position_funding or position_trades.';
COMMENT ON COLUMN onetrading_sync.position_details.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading_sync.position_details.record_hash IS 'row_hash of the closed position when its details were requested.';
COMMENT ON COLUMN onetrading_sync.position_details.read_at IS 'When they were read to their end; null when the exchange refused them.';
COMMENT ON COLUMN onetrading_sync.position_details.compared_at IS 'When they were compared with funding_payments or trades; null until those are proven complete for the time of the position.';
COMMENT ON COLUMN onetrading_sync.position_details.failures IS 'How often in a row they could not be read.';
COMMENT ON COLUMN onetrading_sync.position_details.last_error IS 'Why they could not be read; null when they were.';
COMMENT ON COLUMN onetrading_sync.position_details.next_try_at IS 'When they are requested again; null: not before the position changes.';
CREATE TABLE onetrading_sync.progress (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    required_from timestamp with time zone,
    settle interval DEFAULT '00:00:00'::interval NOT NULL,
    last_attempt_at timestamp with time zone,
    last_success_at timestamp with time zone,
    next_due_at timestamp with time zone,
    last_error text,
    retired_because text,
    asked_from timestamp with time zone,
    served_from timestamp with time zone,
    served_asked_at timestamp with time zone
);
COMMENT ON TABLE onetrading_sync.progress IS 'How each stream stands; one row per account, stream and scope.';
COMMENT ON COLUMN onetrading_sync.progress.required_from IS 'History must be complete from here; null for streams without history.';
COMMENT ON COLUMN onetrading_sync.progress.settle IS 'How long after an instant its rows may still appear: coverage ends this far before now.';
COMMENT ON COLUMN onetrading_sync.progress.retired_because IS 'Why nothing is expected of this scope, and its gaps do not count: its instrument is closed, no longer listed or refused by the exchange, the account has no futures, or the stream is not configured. Null: it must be complete.';
COMMENT ON COLUMN onetrading_sync.progress.asked_from IS 'From when on history is asked for, by ONETRADING_HISTORY_START or its default.';
COMMENT ON COLUMN onetrading_sync.progress.served_from IS 'From when on the exchange serves the history; null where it was not found to end. required_from is the later one of this and asked_from.';
COMMENT ON COLUMN onetrading_sync.progress.served_asked_at IS 'When the exchange was asked for that last.';
CREATE TABLE onetrading_sync.proven_days (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    day date NOT NULL,
    proven_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.proven_days IS 'When each UTC day was first proven complete. A fact of a day that first came in after that contradicts the proof.';
COMMENT ON COLUMN onetrading_sync.proven_days.scope IS 'As in onetrading_sync.coverage.';
COMMENT ON COLUMN onetrading_sync.proven_days.proven_at IS 'When coverage held the whole day for the first time; of days that were proven before this table existed, the time of the upgrade.';
CREATE TABLE onetrading_sync.rejects (
    reject_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    record text NOT NULL,
    record_hash bigint NOT NULL,
    reason text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    key jsonb,
    happened_at timestamp with time zone,
    possible_times tstzmultirange
);
COMMENT ON TABLE onetrading_sync.rejects IS 'Records that could not be read, as sent. Nothing is thrown away.';
COMMENT ON COLUMN onetrading_sync.rejects.key IS 'The key columns of the table that the record belongs to, as text; null where they cannot be read.';
COMMENT ON COLUMN onetrading_sync.rejects.happened_at IS 'When it happened, as the record says; null where that cannot be read.';
COMMENT ON COLUMN onetrading_sync.rejects.possible_times IS 'Where in time the record can lie: at happened_at, else in the window in which it was met, less what complete walks have read since without meeting it again. Nothing is left: it is resolved. Null for what is not history.';
ALTER TABLE onetrading_sync.rejects ALTER COLUMN reject_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading_sync.rejects_reject_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading_sync.runs (
    run_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    lane text NOT NULL,
    wanted tstzrange,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    pages integer DEFAULT 0 NOT NULL,
    rows_inserted bigint DEFAULT 0 NOT NULL,
    rows_updated bigint DEFAULT 0 NOT NULL,
    rows_rejected bigint DEFAULT 0 NOT NULL,
    complete boolean DEFAULT false NOT NULL
);
COMMENT ON TABLE onetrading_sync.runs IS 'One row per walk through a window of history, written with the rows it brought.';
COMMENT ON COLUMN onetrading_sync.runs.lane IS 'tail (the newest part), backfill (what is missing), verify (what is proven, again) or retry (rejected records that this version can read).';
COMMENT ON COLUMN onetrading_sync.runs.complete IS 'The walk reached its explicit end.';
ALTER TABLE onetrading_sync.runs ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading_sync.runs_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading_sync.schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    app_version text NOT NULL
);
COMMENT ON TABLE onetrading_sync.schema_migrations IS 'The migrations applied here, with the checksum of each file.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.number IS 'First part of the file name; the order.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.name IS 'The file name without its ending.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.sha256 IS 'SHA-256 of the file, in hexadecimal; it must not change.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.applied_at IS 'When the transaction of the file began.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.app_version IS 'The version of onetrading-exporter that applied it.';
CREATE TABLE onetrading_sync.totals (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    metric text NOT NULL,
    labels text[] NOT NULL,
    value numeric NOT NULL
);
COMMENT ON TABLE onetrading_sync.totals IS 'What the counters on /metrics show, kept in the transaction that writes the rows.';
CREATE TABLE onetrading_sync.verified (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    range tstzrange NOT NULL,
    verified_at timestamp with time zone NOT NULL,
    facts bigint NOT NULL,
    not_served bigint DEFAULT 0 NOT NULL,
    CONSTRAINT verified_check CHECK (((facts >= 0) AND ((not_served >= 0) AND (not_served <= facts)))),
    CONSTRAINT verified_range_check CHECK (((NOT isempty(range)) AND lower_inc(range) AND (NOT upper_inc(range)))),
    CONSTRAINT verified_range_check1 CHECK (((NOT lower_inf(range)) AND (NOT upper_inf(range))))
);
COMMENT ON TABLE onetrading_sync.verified IS 'When proven history was last read again and compared with what is stored. What is not in here was not, since it was proven.';
COMMENT ON COLUMN onetrading_sync.verified.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN onetrading_sync.verified.stream IS 'The stream that was read.';
COMMENT ON COLUMN onetrading_sync.verified.scope IS 'As in onetrading_sync.coverage.';
COMMENT ON COLUMN onetrading_sync.verified.range IS 'The time that a walk read to its explicit end.';
COMMENT ON COLUMN onetrading_sync.verified.verified_at IS 'When that was, by the exchange''s time.';
COMMENT ON COLUMN onetrading_sync.verified.facts IS 'How many facts were stored of the window that was read, which later ranges may have cut.';
COMMENT ON COLUMN onetrading_sync.verified.not_served IS 'How many of them the exchange did not show, nor anything as old: it no longer serves that time, which says nothing about the facts.';
CREATE VIEW reporting.account_fee_tiers AS
 SELECT COALESCE(accounts.name, (tiers.account_id)::text) AS account,
    tiers.account_id,
    tiers.fee_group,
    tiers.min_volume,
    tiers.maker_ratio,
    tiers.taker_ratio,
    tiers.valid_from,
    tiers.valid_to
   FROM (onetrading.account_fee_tiers tiers
     LEFT JOIN onetrading.accounts USING (account_id));
COMMENT ON VIEW reporting.account_fee_tiers IS 'The fee tier in force for each account over time, one row per group of markets and version (GET account/fees). What was charged is in monthly_fees and trades.
Example:
SELECT account, fee_group, min_volume, maker_ratio, taker_ratio, valid_from
FROM reporting.account_fee_tiers WHERE valid_to IS NULL ORDER BY account, fee_group;';
COMMENT ON COLUMN reporting.account_fee_tiers.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.account_fee_tiers.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.account_fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN reporting.account_fee_tiers.min_volume IS 'Where the tier begins: volume of 30 days, in the currency of fee_tiers.';
COMMENT ON COLUMN reporting.account_fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN reporting.account_fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN reporting.account_fee_tiers.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.account_fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.candlesticks AS
 SELECT candlesticks.instrument_code,
    candlesticks.granularity,
    candlesticks.start_time,
    candlesticks.end_time,
    candlesticks.open_price,
    candlesticks.high_price,
    candlesticks.low_price,
    candlesticks.close_price,
    candlesticks.volume,
    market.base_code,
    market.quote_code
   FROM (onetrading.candlesticks
     LEFT JOIN ( SELECT DISTINCT ON (instruments.instrument_code) instruments.instrument_code,
            instruments.base_code,
            instruments.quote_code
           FROM onetrading.instruments
          ORDER BY instruments.instrument_code, instruments.valid_from DESC) market USING (instrument_code));
COMMENT ON VIEW reporting.candlesticks IS 'Candles of the instruments that ONETRADING_CANDLESTICKS names, once they are over (GET candlesticks). A span without a trade has no row; whether a time was read at all is told by coverage_gaps (stream candlesticks, scope BTC_EUR:1h).
Example:
SELECT start_time, open_price, high_price, low_price, close_price, volume
FROM reporting.candlesticks
WHERE instrument_code = ''BTC_EUR'' AND granularity = ''1h'' AND start_time >= ''2026-03-01''
ORDER BY start_time;';
COMMENT ON COLUMN reporting.candlesticks.instrument_code IS 'Code of the market.';
COMMENT ON COLUMN reporting.candlesticks.granularity IS 'Length of the candle: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w or 1M (a month).';
COMMENT ON COLUMN reporting.candlesticks.start_time IS 'When the candle begins.';
COMMENT ON COLUMN reporting.candlesticks.end_time IS 'The last millisecond of the candle, as sent.';
COMMENT ON COLUMN reporting.candlesticks.open_price IS 'Price of the first trade, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.high_price IS 'Highest price, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.low_price IS 'Lowest price, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.close_price IS 'Price of the last trade, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.volume IS 'As sent: by the exchange''s examples in quote_code, which is not documented; null when not sent.';
COMMENT ON COLUMN reporting.candlesticks.base_code IS 'The asset that is traded; null when the market is not known.';
COMMENT ON COLUMN reporting.candlesticks.quote_code IS 'The asset that prices are in; null when the market is not known.';
CREATE VIEW reporting.closed_positions AS
 SELECT positions.position_id,
    COALESCE(accounts.name, (positions.account_id)::text) AS account,
    positions.account_id,
    positions.instrument_code,
    assets.base_code,
    assets.quote_code,
    positions.direction,
    positions.opened_at,
    positions.closed_at,
    positions.closing_pnl AS gross,
    positions.total_trade_fees AS fees,
    positions.total_funding_payments AS funding,
    positions.realised_pnl AS net,
    (positions.realised_pnl - ((positions.closing_pnl + positions.total_funding_payments) - positions.total_trade_fees)) AS difference,
    ((positions.closed_at AT TIME ZONE 'UTC'::text))::date AS closed_on,
    positions.first_seen_at
   FROM ((onetrading.closed_positions positions
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = positions.instrument_code) AND (assets.known_from <= COALESCE(positions.closed_at, positions.opened_at, positions.first_seen_at)) AND (COALESCE(positions.closed_at, positions.opened_at, positions.first_seen_at) < assets.known_to))));
COMMENT ON VIEW reporting.closed_positions IS 'One row per closed futures position (GET account/futures/positions-history). Coverage of it counts by opening: of what was opened in a proven range, everything is here that was closed before the end of the newest range. So a month is complete for what was closed in it once month_close is ok for it and for the months before it in which such positions were opened.
Example:
SELECT instrument_code, count(*) AS positions, sum(gross) AS gross, sum(fees) AS fees,
    sum(funding) AS funding, sum(net) AS net, quote_code
FROM reporting.closed_positions
WHERE account = ''main'' AND closed_at >= ''2026-03-01 00:00Z'' AND closed_at < ''2026-04-01 00:00Z''
GROUP BY instrument_code, quote_code ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.closed_positions.position_id IS 'Identity of the position at the exchange (positions[].position_id).';
COMMENT ON COLUMN reporting.closed_positions.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.closed_positions.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.closed_positions.instrument_code IS 'Futures market, as sent or of its own trades; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.base_code IS 'Asset that was traded, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.closed_positions.quote_code IS 'Currency of all money of the row, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.closed_positions.direction IS 'LONG or SHORT, as sent or by the side of its first trade; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.opened_at IS 'When it was opened, as sent or when its first trade happened; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.closed_at IS 'When it was closed, as sent or when its last trade happened; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.gross IS 'Result of its trades in quote_code, before fees and funding (positions[].closing_pnl): positive for a gain.';
COMMENT ON COLUMN reporting.closed_positions.fees IS 'Fees of its trades in quote_code (positions[].total_trade_fees): positive when paid, negative for a net rebate.';
COMMENT ON COLUMN reporting.closed_positions.funding IS 'Funding in quote_code (positions[].total_funding_payments): positive when received, negative when paid.';
COMMENT ON COLUMN reporting.closed_positions.net IS 'Result in quote_code as the exchange says (positions[].realised_pnl): gross minus fees plus funding.';
COMMENT ON COLUMN reporting.closed_positions.difference IS 'net minus (gross plus funding minus fees), in quote_code: 0, or what rounding leaves; null when one of them was not sent.';
COMMENT ON COLUMN reporting.closed_positions.closed_on IS 'UTC date of closed_at.';
COMMENT ON COLUMN reporting.closed_positions.first_seen_at IS 'When it was first stored here.';
CREATE VIEW reporting.coverage_gaps AS
 SELECT COALESCE(accounts.name, (scopes.account_id)::text) AS account,
    scopes.account_id,
    scopes.stream,
    scopes.scope,
    lower(gaps.open) AS gap_start,
    upper(gaps.open) AS gap_end,
    (upper(gaps.open) - lower(gaps.open)) AS gap,
    (upper(gaps.open) = scopes.settled_to) AS is_tail
   FROM (((( SELECT progress.account_id,
            progress.stream,
            progress.scope,
            (now() - progress.settle) AS settled_to,
            tstzrange(LEAST(progress.required_from, (now() - progress.settle)), (now() - progress.settle)) AS required
           FROM onetrading_sync.progress
          WHERE ((progress.required_from IS NOT NULL) AND (progress.retired_because IS NULL))) scopes
     CROSS JOIN LATERAL ( SELECT COALESCE(range_agg(coverage.range), '{}'::tstzmultirange) AS ranges
           FROM onetrading_sync.coverage
          WHERE ((coverage.account_id = scopes.account_id) AND (coverage.stream = scopes.stream) AND (coverage.scope = scopes.scope))) proven)
     CROSS JOIN LATERAL unnest((tstzmultirange(scopes.required) - proven.ranges)) gaps(open))
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = scopes.account_id)));
COMMENT ON VIEW reporting.coverage_gaps IS 'Ranges of time whose history is not proven complete, per account, stream and scope: from the required start to now less the settle time, minus what is proven. Time before the required start is not listed here: freshness.required_from tells it. Whether a month is complete is answered by month_close.
Example:
SELECT account, stream, scope, gap_start, gap_end, gap
FROM reporting.coverage_gaps WHERE NOT is_tail ORDER BY account, stream, gap_start;';
COMMENT ON COLUMN reporting.coverage_gaps.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.coverage_gaps.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.coverage_gaps.stream IS 'What is read, for example trades.';
COMMENT ON COLUMN reporting.coverage_gaps.scope IS 'Instrument code where the stream is asked per instrument, else empty.';
COMMENT ON COLUMN reporting.coverage_gaps.gap_start IS 'First instant that is not proven (inclusive), from onetrading_sync.progress and coverage.';
COMMENT ON COLUMN reporting.coverage_gaps.gap_end IS 'End of the gap (exclusive).';
COMMENT ON COLUMN reporting.coverage_gaps.gap IS 'gap_end minus gap_start.';
COMMENT ON COLUMN reporting.coverage_gaps.is_tail IS 'The gap reaches to now less the settle time. The time since the last pass is always open, so a tail of a poll interval is normal; a longer one means that the sync is behind.';
CREATE VIEW reporting.current_balances AS
 SELECT COALESCE(accounts.name, (latest.account_id)::text) AS account,
    latest.account_id,
    listed.currency_code,
    COALESCE(balances.available, (0)::numeric) AS available,
    COALESCE(balances.locked, (0)::numeric) AS locked,
    COALESCE((balances.available + balances.locked), (0)::numeric) AS total,
    (balances.snapshot_id IS NOT NULL) AS is_listed,
    balances.changed_at,
    latest.last_observed_at AS observed_at,
    (now() - latest.last_observed_at) AS age
   FROM (((onetrading.latest_snapshots latest
     JOIN onetrading.listed_currencies listed USING (account_id))
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.balances ON (((balances.snapshot_id = latest.snapshot_id) AND (balances.currency_code = listed.currency_code))))
  WHERE (latest.stream = 'balances'::text);
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
CREATE VIEW reporting.orders AS
 SELECT orders.order_id,
    orders.client_id,
    COALESCE(accounts.name, (orders.account_id)::text) AS account,
    orders.account_id,
    orders.instrument_code,
    assets.base_code,
    assets.quote_code,
    orders.side,
    orders.order_type,
    orders.time_in_force,
    orders.price,
    orders.amount,
    orders.filled_amount,
    (orders.amount - orders.filled_amount) AS unfilled_amount,
    orders.average_price,
    orders.fee_amount,
    orders.fee_currency,
    orders.status,
    orders.is_open,
        CASE
            WHEN orders.is_open THEN 'open'::text
            WHEN (orders.is_open IS NULL) THEN 'unknown'::text
            ELSE 'closed'::text
        END AS state,
    orders.sequence,
    orders.created_at,
    orders.updated_at,
    orders.first_seen_at
   FROM ((onetrading.orders
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = orders.instrument_code) AND (assets.known_from <= orders.created_at) AND (orders.created_at < assets.known_to))));
COMMENT ON VIEW reporting.orders IS 'One row per order of an account, in the newest state that was seen (GET account/orders).
Example:
SELECT created_at, instrument_code, side, price, amount, filled_amount, status
FROM reporting.orders
WHERE account = ''main'' AND created_at >= ''2026-03-01 00:00Z'' AND created_at < ''2026-04-01 00:00Z''
ORDER BY created_at, order_id;';
COMMENT ON COLUMN reporting.orders.order_id IS 'Identity of the order (order.order_id).';
COMMENT ON COLUMN reporting.orders.client_id IS 'Chosen by the client, else made by the exchange (order.client_id); null when not sent.';
COMMENT ON COLUMN reporting.orders.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.orders.account_id IS 'Identity of the account at the exchange (order.account_id).';
COMMENT ON COLUMN reporting.orders.instrument_code IS 'Market (order.instrument_code).';
COMMENT ON COLUMN reporting.orders.base_code IS 'Asset that amount counts, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.orders.quote_code IS 'Currency of price, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.orders.side IS 'BUY or SELL, of the account (order.side).';
COMMENT ON COLUMN reporting.orders.order_type IS 'LIMIT, MARKET, ... (order.type); null when not sent.';
COMMENT ON COLUMN reporting.orders.time_in_force IS 'How long it is valid (order.time_in_force); null when not sent.';
COMMENT ON COLUMN reporting.orders.price IS 'In quote_code per unit of base_code (order.price); null of a market order.';
COMMENT ON COLUMN reporting.orders.amount IS 'What is to be traded, in base_code; no sign, side carries it (order.amount).';
COMMENT ON COLUMN reporting.orders.filled_amount IS 'What of it was traded, in base_code (order.filled_amount); 0 when not sent.';
COMMENT ON COLUMN reporting.orders.unfilled_amount IS 'amount less filled_amount, in base_code; of an order that is not open, what was never traded.';
COMMENT ON COLUMN reporting.orders.average_price IS 'Of what was traded, in quote_code (order.average_price); null when nothing was, or when not sent.';
COMMENT ON COLUMN reporting.orders.fee_amount IS 'In fee_currency: positive when paid, negative when received as a rebate (order.total_fee); null when not sent. The fees of its trades are what counts.';
COMMENT ON COLUMN reporting.orders.fee_currency IS 'Currency of fee_amount (order.fee_currency).';
COMMENT ON COLUMN reporting.orders.status IS 'The status as the exchange told it last (order.status).';
COMMENT ON COLUMN reporting.orders.is_open IS 'Whether it is open: by its status, and by the list of open orders; null: unknown.';
COMMENT ON COLUMN reporting.orders.state IS 'is_open in words: open, closed, or unknown (it left the list of open orders, and the exchange does not tell of it any more).';
COMMENT ON COLUMN reporting.orders.sequence IS 'The exchange''s own count (order.sequence); null when not sent.';
COMMENT ON COLUMN reporting.orders.created_at IS 'When it was created (order.time).';
COMMENT ON COLUMN reporting.orders.updated_at IS 'When it changed last (order.time_last_updated); null when not sent.';
COMMENT ON COLUMN reporting.orders.first_seen_at IS 'When it was first stored here.';
CREATE VIEW reporting.current_orders AS
 SELECT account,
    account_id,
    order_id,
    client_id,
    instrument_code,
    base_code,
    quote_code,
    side,
    order_type,
    time_in_force,
    price,
    amount,
    filled_amount,
    unfilled_amount,
    average_price,
    status,
    state,
    created_at,
    updated_at,
    (now() - created_at) AS age
   FROM reporting.orders
  WHERE (is_open IS NOT FALSE);
COMMENT ON VIEW reporting.current_orders IS 'Orders that are open as of the last poll, and those of which that is unknown. How old the poll is: reporting.freshness.
Example:
SELECT account, instrument_code, side, price, unfilled_amount, age
FROM reporting.current_orders WHERE state = ''open'' ORDER BY age DESC;';
COMMENT ON COLUMN reporting.current_orders.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.current_orders.account_id IS 'Identity of the account at the exchange (order.account_id).';
COMMENT ON COLUMN reporting.current_orders.order_id IS 'Identity of the order (order.order_id).';
COMMENT ON COLUMN reporting.current_orders.client_id IS 'Chosen by the client, else made by the exchange (order.client_id); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.instrument_code IS 'Market (order.instrument_code).';
COMMENT ON COLUMN reporting.current_orders.base_code IS 'Asset that amount counts, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_orders.quote_code IS 'Currency of price, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_orders.side IS 'BUY or SELL, of the account (order.side).';
COMMENT ON COLUMN reporting.current_orders.order_type IS 'LIMIT, MARKET, ... (order.type); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.time_in_force IS 'How long it is valid (order.time_in_force); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.price IS 'In quote_code per unit of base_code (order.price); null of a market order.';
COMMENT ON COLUMN reporting.current_orders.amount IS 'What is to be traded, in base_code; no sign, side carries it (order.amount).';
COMMENT ON COLUMN reporting.current_orders.filled_amount IS 'What of it was traded, in base_code (order.filled_amount); 0 when not sent.';
COMMENT ON COLUMN reporting.current_orders.unfilled_amount IS 'amount less filled_amount, in base_code: what can still be traded.';
COMMENT ON COLUMN reporting.current_orders.average_price IS 'Of what was traded, in quote_code (order.average_price); null when nothing was, or when not sent.';
COMMENT ON COLUMN reporting.current_orders.status IS 'The status as the exchange told it last (order.status).';
COMMENT ON COLUMN reporting.current_orders.state IS 'open or unknown (it left the list of open orders, and the exchange does not tell of it any more).';
COMMENT ON COLUMN reporting.current_orders.created_at IS 'When it was created (order.time).';
COMMENT ON COLUMN reporting.current_orders.updated_at IS 'When it changed last (order.time_last_updated); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.age IS 'Time since created_at.';
CREATE VIEW reporting.current_positions AS
 SELECT COALESCE(accounts.name, (latest.account_id)::text) AS account,
    latest.account_id,
    positions.instrument_code,
    assets.base_code,
    assets.quote_code,
    positions.direction,
    positions.open_volume,
        CASE positions.direction
            WHEN 'LONG'::text THEN positions.open_volume
            WHEN 'SHORT'::text THEN (- positions.open_volume)
            ELSE NULL::numeric
        END AS net_volume,
    positions.open_notional,
    positions.maintenance_margin,
    positions.last_settlement,
    positions.mark_price,
    latest.last_observed_at AS observed_at,
    (now() - latest.last_observed_at) AS age
   FROM (((onetrading.latest_snapshots latest
     JOIN onetrading.positions USING (snapshot_id))
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = latest.account_id)))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = positions.instrument_code) AND (assets.known_from <= latest.last_observed_at) AND (latest.last_observed_at < assets.known_to))))
  WHERE (latest.stream = 'positions'::text);
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
         SELECT listed_currencies.account_id,
            listed_currencies.currency_code,
            listed_currencies.first_observed_at
           FROM onetrading.listed_currencies
        ), spans AS (
         SELECT started.account_id,
            accounts.name,
            started.first_day,
            ((
                CASE
                    WHEN (accounts.left_at IS NULL) THEN now()
                    ELSE COALESCE(latest.last_observed_at, accounts.left_at)
                END AT TIME ZONE 'UTC'::text))::date AS last_day
           FROM ((( SELECT listed_1.account_id,
                    ((min(listed_1.first_observed_at) AT TIME ZONE 'UTC'::text))::date AS first_day
                   FROM listed listed_1
                  GROUP BY listed_1.account_id) started
             LEFT JOIN onetrading.accounts USING (account_id))
             LEFT JOIN ( SELECT latest_snapshots.account_id,
                    latest_snapshots.last_observed_at
                   FROM onetrading.latest_snapshots
                  WHERE (latest_snapshots.stream = 'balances'::text)) latest USING (account_id))
        )
 SELECT COALESCE(days.name, (days.account_id)::text) AS account,
    days.account_id,
    days.day,
    listed.currency_code,
    COALESCE(balances.available, (0)::numeric) AS available,
    COALESCE(balances.locked, (0)::numeric) AS locked,
    COALESCE((balances.available + balances.locked), (0)::numeric) AS total,
    (balances.snapshot_id IS NOT NULL) AS is_listed,
    LEAST(closing.last_observed_at, days.day_end) AS observed_at,
    (LEAST(days.day_end, now()) - LEAST(closing.last_observed_at, days.day_end)) AS age,
    (days.day_end <= now()) AS is_final,
    ((LEAST(days.day_end, now()) - LEAST(closing.last_observed_at, days.day_end)) > '00:10:00'::interval) AS estimated
   FROM (((( SELECT spans.account_id,
            spans.name,
            (spans.first_day + steps.step) AS day,
            ((((spans.first_day + steps.step) + 1))::timestamp without time zone AT TIME ZONE 'UTC'::text) AS day_end
           FROM (spans
             CROSS JOIN LATERAL generate_series(0, (spans.last_day - spans.first_day)) steps(step))) days
     CROSS JOIN LATERAL ( SELECT snapshots.snapshot_id,
            snapshots.last_observed_at
           FROM onetrading.snapshots
          WHERE ((snapshots.account_id = days.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at < days.day_end))
          ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
         LIMIT 1) closing)
     JOIN listed ON (((listed.account_id = days.account_id) AND (listed.first_observed_at < days.day_end))))
     LEFT JOIN onetrading.balances ON (((balances.snapshot_id = closing.snapshot_id) AND (balances.currency_code = listed.currency_code))));
COMMENT ON VIEW reporting.daily_closing_balances IS 'Balances at the end of each UTC day: the last complete answer of GET account/balances that was received before midnight. One row per account, day and currency, from the day on which the currency was first listed until today; of an account that is no longer configured, until the day on which it was last observed. A day without any answer repeats the state before it: then estimated is true, and age says how old the state is.
Example:
SELECT currency_code, total, observed_at, age, estimated
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
COMMENT ON COLUMN reporting.daily_closing_balances.estimated IS 'Whether the closing state was last seen more than 10 minutes before the day''s end (now, for the day still running): what happened in between is not in it.';
CREATE VIEW reporting.fee_tiers AS
 SELECT fee_group,
    min_volume,
    volume_currency,
    maker_ratio,
    taker_ratio,
    valid_from,
    valid_to
   FROM onetrading.fee_tiers;
COMMENT ON VIEW reporting.fee_tiers IS 'The exchange''s fee schedule over time, one row per tier and version (GET fees). The prices of API trading are not listed by the exchange.
Example:
SELECT fee_group, min_volume, volume_currency, maker_ratio, taker_ratio
FROM reporting.fee_tiers WHERE valid_from <= ''2026-03-31'' AND (valid_to > ''2026-03-31'' OR valid_to IS NULL)
ORDER BY fee_group, min_volume;';
COMMENT ON COLUMN reporting.fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN reporting.fee_tiers.min_volume IS 'The tier applies from this volume of 30 days on, in volume_currency.';
COMMENT ON COLUMN reporting.fee_tiers.volume_currency IS 'Currency of min_volume; null when not sent.';
COMMENT ON COLUMN reporting.fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN reporting.fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN reporting.fee_tiers.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.freshness AS
 SELECT COALESCE(accounts.name, (streams.account_id)::text) AS account,
    streams.account_id,
    streams.stream,
    streams.kind,
    streams.scopes,
    streams.failing_scopes,
    streams.last_success_at,
    (now() - streams.last_success_at) AS age,
    streams.last_attempt_at,
    streams.last_error,
    streams.required_from,
    streams.covered_to,
    (now() - streams.covered_to) AS lag
   FROM (( SELECT progress.account_id,
            progress.stream,
                CASE
                    WHEN bool_or((progress.required_from IS NOT NULL)) THEN 'history'::text
                    ELSE 'snapshot'::text
                END AS kind,
            count(*) AS scopes,
            count(progress.last_error) AS failing_scopes,
                CASE
                    WHEN bool_and((progress.last_success_at IS NOT NULL)) THEN min(progress.last_success_at)
                    ELSE NULL::timestamp with time zone
                END AS last_success_at,
                CASE
                    WHEN bool_and((progress.last_attempt_at IS NOT NULL)) THEN min(progress.last_attempt_at)
                    ELSE NULL::timestamp with time zone
                END AS last_attempt_at,
            (array_agg(progress.last_error ORDER BY progress.last_attempt_at DESC NULLS LAST, progress.scope) FILTER (WHERE (progress.last_error IS NOT NULL)))[1] AS last_error,
            max(progress.required_from) AS required_from,
                CASE
                    WHEN bool_and((newest.covered_to IS NOT NULL)) THEN min(newest.covered_to)
                    ELSE NULL::timestamp with time zone
                END AS covered_to
           FROM (onetrading_sync.progress
             CROSS JOIN LATERAL ( SELECT max(upper(coverage.range)) AS covered_to
                   FROM onetrading_sync.coverage
                  WHERE ((coverage.account_id = progress.account_id) AND (coverage.stream = progress.stream) AND (coverage.scope = progress.scope))) newest)
          WHERE (progress.retired_because IS NULL)
          GROUP BY progress.account_id, progress.stream) streams
     LEFT JOIN onetrading.accounts USING (account_id));
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
COMMENT ON COLUMN reporting.freshness.age IS 'now() minus last_success_at.';
COMMENT ON COLUMN reporting.freshness.last_attempt_at IS 'End of the last pass, good or bad; null when there was none (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.last_error IS 'Why the last pass failed, of the scope tried last; null when all succeeded (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.required_from IS 'History must be complete from here, for every scope; null for snapshots (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.covered_to IS 'Newest instant up to which history is proven (exclusive), of the scope that is furthest behind; null for snapshots and when nothing is proven. Older gaps are possible: see coverage_gaps.';
COMMENT ON COLUMN reporting.freshness.lag IS 'now() minus covered_to; the settle time and one poll interval are normal.';
CREATE VIEW reporting.funding_payments AS
 SELECT COALESCE(accounts.name, (payments.account_id)::text) AS account,
    payments.account_id,
    payments.instrument_code,
    assets.quote_code,
    payments.funding_time,
    payments.booked_at,
    payments.amount,
    GREATEST((- payments.amount), (0)::numeric) AS paid,
    GREATEST(payments.amount, (0)::numeric) AS received,
    payments.cash_balance,
    rates.funding_rate,
    rates.mark_price,
    payments.first_seen_at
   FROM (((onetrading.funding_payments payments
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.funding_rates rates USING (instrument_code, funding_time))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.funding_time) AND (payments.funding_time < assets.known_to))));
COMMENT ON VIEW reporting.funding_payments IS 'One row per funding booked on an account (GET account/futures/funding-payments), with the settled rate of its funding time: one per account, instrument and funding time. A second, different payment of a funding time is not in here but in late_facts.
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
COMMENT ON COLUMN reporting.funding_payments.booked_at IS 'When it was booked, seconds after the funding time (timestamp), to the precision in which it first came.';
COMMENT ON COLUMN reporting.funding_payments.amount IS 'In quote_code, as sent: positive when received, negative when paid (funding_payment).';
COMMENT ON COLUMN reporting.funding_payments.paid IS 'In quote_code, never negative: -amount when amount is negative, else 0.';
COMMENT ON COLUMN reporting.funding_payments.received IS 'In quote_code, never negative: amount when it is positive, else 0.';
COMMENT ON COLUMN reporting.funding_payments.cash_balance IS 'In quote_code: cash after the booking (cash_balance).';
COMMENT ON COLUMN reporting.funding_payments.funding_rate IS 'Settled rate, a fraction per funding period; positive: longs paid shorts (GET funding-rate/history: funding_rate). Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_payments.mark_price IS 'In quote_code: mark price at settlement (GET funding-rate/history: mark_price). Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_payments.first_seen_at IS 'When it was first stored here; rows from before an upgrade to a version with this column have the time of that upgrade.';
CREATE VIEW reporting.funding_settings AS
 SELECT instrument_code,
    state,
    market_offset,
    clamp_threshold,
    annual_interest_rate,
    cap,
    period_minutes,
    valid_from,
    valid_to
   FROM onetrading.funding_settings;
COMMENT ON VIEW reporting.funding_settings IS 'By what funding rates are computed, over time, one row per futures instrument and version (GET funding-rate/settings).
Example:
SELECT instrument_code, market_offset, clamp_threshold, annual_interest_rate, cap, period_minutes
FROM reporting.funding_settings WHERE valid_to IS NULL ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.funding_settings.instrument_code IS 'Code of the market.';
COMMENT ON COLUMN reporting.funding_settings.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED; null when not sent.';
COMMENT ON COLUMN reporting.funding_settings.market_offset IS 'Seconds after the minute at which the market is computed and settled.';
COMMENT ON COLUMN reporting.funding_settings.clamp_threshold IS 'Largest difference between interest and premium that is evened out, as a fraction.';
COMMENT ON COLUMN reporting.funding_settings.annual_interest_rate IS 'Interest rate, as a fraction per year.';
COMMENT ON COLUMN reporting.funding_settings.cap IS 'Largest absolute funding rate of one period, as a fraction.';
COMMENT ON COLUMN reporting.funding_settings.period_minutes IS 'Minutes of a funding period.';
COMMENT ON COLUMN reporting.funding_settings.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.funding_settings.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.funding_sign AS
 SELECT COALESCE(accounts.name, (judged.account_id)::text) AS account,
    judged.account_id,
    judged.convention,
    count(vote.booked_at) FILTER (WHERE (vote.received_positive = (judged.convention <> 'paid_positive'::text))) AS votes_for,
    count(vote.booked_at) FILTER (WHERE (vote.received_positive <> (judged.convention <> 'paid_positive'::text))) AS votes_against,
    judged.since,
    max(vote.booked_at) AS last_vote_at
   FROM ((( SELECT paying.account_id,
                CASE
                    WHEN (((10 * GREATEST(lately.received, lately.paid)) >= (9 * (lately.received + lately.paid))) AND ((lately.received + lately.paid) >= 3)) THEN held.convention
                    ELSE 'unknown'::text
                END AS convention,
                CASE
                    WHEN (((10 * GREATEST(lately.received, lately.paid)) >= (9 * (lately.received + lately.paid))) AND ((lately.received + lately.paid) >= 3)) THEN held.since
                    ELSE NULL::timestamp with time zone
                END AS since
           FROM ((( SELECT DISTINCT funding_payments.account_id
                   FROM onetrading.funding_payments) paying
             CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE newest.received_positive) AS received,
                    count(*) FILTER (WHERE (NOT newest.received_positive)) AS paid
                   FROM ( SELECT votes.received_positive
                           FROM onetrading.funding_sign_votes votes
                          WHERE (votes.account_id = paying.account_id)
                          ORDER BY votes.booked_at DESC, votes.instrument_code DESC
                         LIMIT 20) newest) lately)
             LEFT JOIN LATERAL ( SELECT conventions.convention,
                    conventions.since
                   FROM onetrading.funding_sign_conventions conventions
                  WHERE (conventions.account_id = paying.account_id)
                  ORDER BY conventions.known_at DESC
                 LIMIT 1) held ON (true))) judged
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = judged.account_id)))
     LEFT JOIN onetrading.funding_sign_votes vote ON (((vote.account_id = judged.account_id) AND (vote.booked_at >= COALESCE(judged.since, '-infinity'::timestamp with time zone)))))
  GROUP BY COALESCE(accounts.name, (judged.account_id)::text), judged.account_id, judged.convention, judged.since;
COMMENT ON VIEW reporting.funding_sign IS 'Which sign funding payments have, which the exchange does not document for sure: judged from cash_balance. Where several instruments are paid at one funding time, the cash after a payment less the cash after the one before it is that payment, as sent or negated, unless a trade or a settlement moved cash in between. Each payment of that kind is a vote; a convention holds when at least three of the last twenty votes and nine tenths of them are for it. A change is noted in onetrading_sync.issues as funding_sign_changed. reporting.funding_payments and the monthly views read amount as received_positive whatever is found here: amount stays as sent.
Example:
SELECT account, convention, votes_for, votes_against, since FROM reporting.funding_sign ORDER BY account;';
COMMENT ON COLUMN reporting.funding_sign.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.funding_sign.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.funding_sign.convention IS 'received_positive (a positive amount came in), paid_positive (a positive amount was paid) or unknown (too few votes, or they do not agree).';
COMMENT ON COLUMN reporting.funding_sign.votes_for IS 'Payments since then that speak for the convention; while it is unknown, all that speak for received_positive.';
COMMENT ON COLUMN reporting.funding_sign.votes_against IS 'Payments since then that speak against it; while it is unknown, all that speak for paid_positive.';
COMMENT ON COLUMN reporting.funding_sign.since IS 'booked_at of the first payment that speaks for the convention that holds now, of those that decided; null while it is unknown.';
COMMENT ON COLUMN reporting.funding_sign.last_vote_at IS 'booked_at of the newest payment that is counted; null without any.';
CREATE VIEW reporting.instruments AS
 SELECT instrument_code,
    base_code,
    quote_code,
    kind,
    state,
    amount_precision,
    market_precision,
    min_size,
    min_price,
    max_price,
    price_collar_percentage,
    contract_expiry_date,
    contract_duration,
    funding_period_minutes,
    market_offset,
    valid_from,
    valid_to
   FROM onetrading.instruments;
COMMENT ON VIEW reporting.instruments IS 'Markets and their rules over time, one row per market and version (GET instruments).
Example:
SELECT instrument_code, state, market_precision, min_size, market_offset, valid_from, valid_to
FROM reporting.instruments ORDER BY instrument_code, valid_from;';
COMMENT ON COLUMN reporting.instruments.instrument_code IS 'Code of the market.';
COMMENT ON COLUMN reporting.instruments.base_code IS 'The asset that is traded.';
COMMENT ON COLUMN reporting.instruments.quote_code IS 'The asset that prices are in.';
COMMENT ON COLUMN reporting.instruments.kind IS 'SPOT, PERP, DATED_FUTURE or EQUITY_FUTURE; all but SPOT are futures.';
COMMENT ON COLUMN reporting.instruments.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN reporting.instruments.amount_precision IS 'Decimals of amounts.';
COMMENT ON COLUMN reporting.instruments.market_precision IS 'Decimals of prices: the tick size is 10 to the power of minus this.';
COMMENT ON COLUMN reporting.instruments.min_size IS 'Least value of an order, in the quote currency.';
COMMENT ON COLUMN reporting.instruments.min_price IS 'Lowest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN reporting.instruments.max_price IS 'Highest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN reporting.instruments.price_collar_percentage IS 'How far the price of an order may lie from the market, in percent; null when not sent.';
COMMENT ON COLUMN reporting.instruments.contract_expiry_date IS 'When a dated future expires, as sent; null for others.';
COMMENT ON COLUMN reporting.instruments.contract_duration IS 'Term of a dated future, as sent; null for others.';
COMMENT ON COLUMN reporting.instruments.funding_period_minutes IS 'Minutes of a funding period; null for spot markets.';
COMMENT ON COLUMN reporting.instruments.market_offset IS 'Seconds after the minute at which the market is computed and settled; null when not sent.';
COMMENT ON COLUMN reporting.instruments.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.instruments.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.late_facts AS
 WITH known AS (
         SELECT known_since.since
           FROM onetrading_sync.known_since
          WHERE (known_since.what = 'first_seen_at'::text)
        ), came_late AS (
         SELECT trades.account_id,
            'trades'::text AS stream,
            ''::text AS scope,
            jsonb_build_object('trade_id', trades.trade_id) AS key,
            trades.traded_at AS happened_at,
            trades.first_seen_at,
            trades.raw
           FROM onetrading.trades
          WHERE ((trades.first_seen_at > ( SELECT known.since
                   FROM known)) AND (trades.first_seen_at >= ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
        UNION ALL
         SELECT funding_payments.account_id,
            'funding_payments'::text,
            ''::text,
            jsonb_build_object('account_id', funding_payments.account_id, 'instrument_code', funding_payments.instrument_code, 'funding_time', ((to_char((funding_payments.funding_time AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS'::text) ||
                CASE
                    WHEN ((EXTRACT(microseconds FROM funding_payments.funding_time) % (1000000)::numeric) <> (0)::numeric) THEN to_char((funding_payments.funding_time AT TIME ZONE 'UTC'::text), '.US'::text)
                    ELSE ''::text
                END) || '+00:00'::text)) AS jsonb_build_object,
            funding_payments.booked_at,
            funding_payments.first_seen_at,
            funding_payments.raw
           FROM onetrading.funding_payments
          WHERE ((funding_payments.first_seen_at > ( SELECT known.since
                   FROM known)) AND (funding_payments.first_seen_at >= ((date_trunc('month'::text, (funding_payments.booked_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid,
            'funding_history'::text,
            funding_rates.instrument_code,
            jsonb_build_object('instrument_code', funding_rates.instrument_code, 'funding_time', ((to_char((funding_rates.funding_time AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS'::text) ||
                CASE
                    WHEN ((EXTRACT(microseconds FROM funding_rates.funding_time) % (1000000)::numeric) <> (0)::numeric) THEN to_char((funding_rates.funding_time AT TIME ZONE 'UTC'::text), '.US'::text)
                    ELSE ''::text
                END) || '+00:00'::text)) AS jsonb_build_object,
            funding_rates.funding_time,
            funding_rates.first_seen_at,
            funding_rates.raw
           FROM onetrading.funding_rates
          WHERE ((funding_rates.first_seen_at > ( SELECT known.since
                   FROM known)) AND (funding_rates.first_seen_at >= ((date_trunc('month'::text, (funding_rates.funding_time AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
        UNION ALL
         SELECT closed_positions.account_id,
            'closed_positions'::text,
            ''::text,
            jsonb_build_object('position_id', closed_positions.position_id) AS jsonb_build_object,
            closed_positions.closed_at,
            closed_positions.first_seen_at,
            closed_positions.raw
           FROM onetrading.closed_positions
          WHERE (closed_positions.first_seen_at >= ((date_trunc('month'::text, (closed_positions.closed_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text))
        ), found AS (
         SELECT came_late.account_id,
            came_late.stream,
            came_late.scope,
            came_late.key,
            came_late.happened_at,
            came_late.first_seen_at,
            'late'::text AS kind,
            NULL::jsonb AS old_record,
            came_late.raw AS new_record,
            came_late.first_seen_at AS noticed_at,
            NULL::timestamp with time zone AS resolved_at
           FROM came_late
        UNION ALL
         SELECT issue.account_id,
            issue.stream,
                CASE
                    WHEN (issue.stream = 'funding_history'::text) THEN (issue.key ->> 'instrument_code'::text)
                    ELSE ''::text
                END AS "case",
            issue.key,
            COALESCE("position".closed_at, issue.happened_at) AS "coalesce",
            COALESCE(trade.first_seen_at, payment.first_seen_at, rate.first_seen_at, "position".first_seen_at, issue.noticed_at) AS "coalesce",
            issue.kind,
            issue.old_record,
            issue.new_record,
            issue.noticed_at,
            issue.resolved_at
           FROM ((((onetrading_sync.issues issue
             LEFT JOIN onetrading.trades trade ON ((trade.trade_id =
                CASE
                    WHEN (issue.stream = 'trades'::text) THEN ((issue.key ->> 'trade_id'::text))::uuid
                    ELSE NULL::uuid
                END)))
             LEFT JOIN onetrading.funding_payments payment ON (((issue.stream = 'funding_payments'::text) AND (payment.account_id = issue.account_id) AND (payment.instrument_code = (issue.key ->> 'instrument_code'::text)) AND (payment.funding_time =
                CASE
                    WHEN (issue.stream = 'funding_payments'::text) THEN ((issue.key ->> 'funding_time'::text))::timestamp with time zone
                    ELSE NULL::timestamp with time zone
                END))))
             LEFT JOIN onetrading.funding_rates rate ON (((issue.stream = 'funding_history'::text) AND (rate.instrument_code = (issue.key ->> 'instrument_code'::text)) AND (rate.funding_time =
                CASE
                    WHEN (issue.stream = 'funding_history'::text) THEN ((issue.key ->> 'funding_time'::text))::timestamp with time zone
                    ELSE NULL::timestamp with time zone
                END))))
             LEFT JOIN onetrading.closed_positions "position" ON (("position".position_id =
                CASE
                    WHEN (issue.stream = 'closed_positions'::text) THEN (issue.key ->> 'position_id'::text)
                    ELSE NULL::text
                END)))
          WHERE ((issue.kind = ANY (ARRAY['changed'::text, 'vanished'::text, 'duplicate_slot'::text, 'twin'::text])) OR ((issue.kind = 'late'::text) AND (issue.noticed_at < ((date_trunc('month'::text, (issue.happened_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))
        )
 SELECT COALESCE(accounts.name, (found.account_id)::text) AS account,
    found.account_id,
    found.stream,
    found.key,
    found.happened_at,
    (date_trunc('month'::text, (found.happened_at AT TIME ZONE 'UTC'::text)))::date AS month,
    found.first_seen_at,
    found.kind,
    found.old_record,
    found.new_record,
    found.noticed_at,
    (found.noticed_at >= ((date_trunc('month'::text, (found.happened_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) AS after_month,
    proven.proven_at,
    found.resolved_at
   FROM ((found
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading_sync.proven_days proven ON (((proven.account_id = found.account_id) AND (proven.stream = found.stream) AND (proven.stream <> 'closed_positions'::text) AND (proven.scope = found.scope) AND (proven.day = ((found.happened_at AT TIME ZONE 'UTC'::text))::date) AND (proven.proven_at < found.noticed_at))));
COMMENT ON VIEW reporting.late_facts IS 'What a closed month has to know: facts that became known after their month was over, facts that were missing when their time had been proven complete, facts that came back different and facts that the exchange no longer shows, whenever that was noticed. History that is read in for the first time long after it happened is late as well; proven_at tells it from a fact that came after its day had been proven complete.
Example:
SELECT account, stream, kind, happened_at, noticed_at, old_record, new_record
FROM reporting.late_facts
WHERE month = ''2026-03-01'' AND noticed_at >= ''2026-04-03 00:00Z'' ORDER BY noticed_at;';
COMMENT ON COLUMN reporting.late_facts.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.late_facts.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.late_facts.stream IS 'What the fact was read with: trades, funding_payments, funding_history or closed_positions; where kind is not late, any stream of history.';
COMMENT ON COLUMN reporting.late_facts.key IS 'What identifies the fact, by column.';
COMMENT ON COLUMN reporting.late_facts.happened_at IS 'When it happened: traded_at, booked_at, funding_time, or closed_at of a position; of other streams the instant that orders their history. Null in the rare case that it is not known of an issue from an earlier version.';
COMMENT ON COLUMN reporting.late_facts.month IS 'First day of the UTC calendar month of happened_at.';
COMMENT ON COLUMN reporting.late_facts.first_seen_at IS 'When the fact was first stored here. What was stored before an upgrade to a version with this column has the time of that upgrade, and is not listed as late.';
COMMENT ON COLUMN reporting.late_facts.kind IS 'late (first seen after its month was over, or as proven history was read again), changed (came back different; new_record replaced old_record), vanished (no longer sent by the exchange; it stays in every table and view), duplicate_slot (a second, different payment of a funding time: old_record counts everywhere, new_record nowhere) or twin (two different records of one fact came together: likewise).';
COMMENT ON COLUMN reporting.late_facts.old_record IS 'The record as sent before; null for late.';
COMMENT ON COLUMN reporting.late_facts.new_record IS 'The record as sent now; null for vanished.';
COMMENT ON COLUMN reporting.late_facts.noticed_at IS 'When this became known: first_seen_at of a late fact, else when the difference was noticed.';
COMMENT ON COLUMN reporting.late_facts.after_month IS 'Whether the month was over when this became known.';
COMMENT ON COLUMN reporting.late_facts.proven_at IS 'When the UTC day of happened_at had been proven complete, if that was before this became known: a report made since then lacks it. Null when the day was not proven by then (history read in for the first time), and of closed positions, which are proven by their opening.';
COMMENT ON COLUMN reporting.late_facts.resolved_at IS 'When a fact that had vanished was sent again; null while it is gone, and for every other kind.';
CREATE VIEW reporting.open_rejects AS
 SELECT rejects.reject_id,
    COALESCE(accounts.name, (rejects.account_id)::text) AS account,
    rejects.account_id,
    rejects.stream,
    rejects.scope,
    rejects.reason,
    rejects.record,
    rejects.first_seen_at,
    (now() - rejects.first_seen_at) AS age,
    rejects.key,
    rejects.happened_at,
        CASE
            WHEN (date_trunc('month'::text, (possible.earliest AT TIME ZONE 'UTC'::text)) = date_trunc('month'::text, (possible.latest AT TIME ZONE 'UTC'::text))) THEN (date_trunc('month'::text, (possible.earliest AT TIME ZONE 'UTC'::text)))::date
            ELSE NULL::date
        END AS month,
    possible.earliest AS possible_from,
    possible.latest AS possible_to
   FROM ((onetrading_sync.rejects
     LEFT JOIN onetrading.accounts USING (account_id))
     CROSS JOIN LATERAL ( SELECT lower(rejects.possible_times) AS earliest,
                CASE
                    WHEN upper_inc(rejects.possible_times) THEN upper(rejects.possible_times)
                    ELSE (upper(rejects.possible_times) - '00:00:00.000001'::interval)
                END AS latest) possible)
  WHERE (rejects.resolved_at IS NULL);
COMMENT ON VIEW reporting.open_rejects IS 'Records of the exchange that could not be read and are missing in every other view until they are. Close no month while it has rows of it. One is resolved when a record of its key loads, or when its time is read again and it is no longer there.
Example:
SELECT account, stream, month, reason, count(*) FROM reporting.open_rejects
GROUP BY account, stream, month, reason ORDER BY count(*) DESC;';
COMMENT ON COLUMN reporting.open_rejects.reject_id IS 'Number of the record here.';
COMMENT ON COLUMN reporting.open_rejects.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.open_rejects.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.open_rejects.stream IS 'What was read, for example trades.';
COMMENT ON COLUMN reporting.open_rejects.scope IS 'Instrument code where the stream is asked per instrument, else empty.';
COMMENT ON COLUMN reporting.open_rejects.reason IS 'Why the record could not be read.';
COMMENT ON COLUMN reporting.open_rejects.record IS 'The record as sent.';
COMMENT ON COLUMN reporting.open_rejects.first_seen_at IS 'When it first came.';
COMMENT ON COLUMN reporting.open_rejects.age IS 'now() minus first_seen_at.';
COMMENT ON COLUMN reporting.open_rejects.key IS 'What identifies it at the exchange, column to text; null where that cannot be read.';
COMMENT ON COLUMN reporting.open_rejects.happened_at IS 'When it happened, as the record says, even where that cannot be (a trade of the year 9999); null where it cannot be read.';
COMMENT ON COLUMN reporting.open_rejects.month IS 'First day of the month (UTC) in which it happened; null where it can be of several months, and for what is not history (a balance, an instrument).';
COMMENT ON COLUMN reporting.open_rejects.possible_from IS 'Earliest instant at which it can have happened; null for what is not history, and where nothing is known.';
COMMENT ON COLUMN reporting.open_rejects.possible_to IS 'Latest instant at which it can have happened; null as possible_from.';
CREATE VIEW reporting.month_close AS
 WITH possible AS (
         SELECT rejects_1.account_id,
            rejects_1.stream,
            rejects_1.first_seen_at,
            COALESCE(rejects_1.possible_from,
                CASE
                    WHEN ((rejects_1.possible_to IS NOT NULL) OR (EXISTS ( SELECT
                       FROM onetrading_sync.progress history
                      WHERE ((history.account_id = rejects_1.account_id) AND (history.stream = rejects_1.stream) AND (history.required_from IS NOT NULL))))) THEN '-infinity'::timestamp with time zone
                    ELSE rejects_1.first_seen_at
                END) AS possible_from,
            COALESCE(rejects_1.possible_to, rejects_1.first_seen_at) AS possible_to
           FROM reporting.open_rejects rejects_1
        ), scopes AS (
         SELECT progress.account_id,
            progress.stream,
            progress.scope,
            progress.settle,
            progress.required_from,
            proven.ranges,
            progress.stream_from,
            COALESCE((progress.asked_from < progress.served_from), false) AS unserved,
                CASE
                    WHEN ((accounts.left_at IS NOT NULL) OR (((now() - progress.settle) - upper(proven.ranges)) <= GREATEST(((5)::double precision * (progress.next_due_at - progress.last_attempt_at)), '00:15:00'::interval))) THEN LEAST(upper(proven.ranges), (now() - progress.settle))
                    ELSE (now() - progress.settle)
                END AS due_to
           FROM ((( SELECT progress_1.account_id,
                    progress_1.stream,
                    progress_1.scope,
                    progress_1.required_from,
                    progress_1.settle,
                    progress_1.last_attempt_at,
                    progress_1.last_success_at,
                    progress_1.next_due_at,
                    progress_1.last_error,
                    progress_1.retired_because,
                    progress_1.asked_from,
                    progress_1.served_from,
                    progress_1.served_asked_at,
                    min(progress_1.required_from) OVER (PARTITION BY progress_1.account_id, progress_1.stream) AS stream_from
                   FROM onetrading_sync.progress progress_1) progress
             CROSS JOIN LATERAL ( SELECT COALESCE(range_agg(coverage_1.range), '{}'::tstzmultirange) AS ranges
                   FROM onetrading_sync.coverage coverage_1
                  WHERE ((coverage_1.account_id = progress.account_id) AND (coverage_1.stream = progress.stream) AND (coverage_1.scope = progress.scope))) proven)
             LEFT JOIN onetrading.accounts USING (account_id))
          WHERE ((progress.required_from IS NOT NULL) AND (progress.retired_because IS NULL))
        ), spans AS (
         SELECT known.account_id,
            accounts.name,
            accounts.first_seen_at,
            required.required_from,
            date_trunc('month'::text, (LEAST(required.required_from, facts.first_fact) AT TIME ZONE 'UTC'::text)) AS first_month,
            date_trunc('month'::text, (LEAST(now(), accounts.left_at) AT TIME ZONE 'UTC'::text)) AS last_month
           FROM (((( SELECT accounts_1.account_id
                   FROM onetrading.accounts accounts_1
                UNION
                 SELECT progress.account_id
                   FROM onetrading_sync.progress) known
             LEFT JOIN onetrading.accounts USING (account_id))
             LEFT JOIN ( SELECT scopes.account_id,
                    min(scopes.required_from) AS required_from
                   FROM scopes
                  GROUP BY scopes.account_id) required USING (account_id))
             CROSS JOIN LATERAL ( SELECT LEAST(( SELECT min(trades.traded_at) AS min
                           FROM onetrading.trades
                          WHERE (trades.account_id = known.account_id)), ( SELECT min(payments.booked_at) AS min
                           FROM onetrading.funding_payments payments
                          WHERE (payments.account_id = known.account_id)), ( SELECT min(funding_rates.funding_time) AS min
                           FROM onetrading.funding_rates
                          WHERE (known.account_id = '00000000-0000-0000-0000-000000000000'::uuid)), ( SELECT min(possible.possible_from) AS min
                           FROM possible
                          WHERE ((possible.account_id = known.account_id) AND (possible.possible_from > '-infinity'::timestamp with time zone)))) AS first_fact) facts)
        ), months AS (
         SELECT spans.account_id,
            COALESCE(spans.name, (spans.account_id)::text) AS account,
            spans.first_seen_at,
            (series.starts)::date AS month,
            (series.starts AT TIME ZONE 'UTC'::text) AS starts_at,
            ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text) AS ends_at
           FROM (spans
             CROSS JOIN LATERAL generate_series(spans.first_month, spans.last_month, '1 mon'::interval) series(starts))
          WHERE ((((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text) > spans.required_from) OR (EXISTS ( SELECT
                   FROM onetrading.trades
                  WHERE ((trades.account_id = spans.account_id) AND (trades.traded_at >= (series.starts AT TIME ZONE 'UTC'::text)) AND (trades.traded_at < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))) OR (EXISTS ( SELECT
                   FROM onetrading.funding_payments payments
                  WHERE ((payments.account_id = spans.account_id) AND (payments.booked_at >= (series.starts AT TIME ZONE 'UTC'::text)) AND (payments.booked_at < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))) OR (EXISTS ( SELECT
                   FROM onetrading.funding_rates
                  WHERE ((spans.account_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (funding_rates.funding_time >= (series.starts AT TIME ZONE 'UTC'::text)) AND (funding_rates.funding_time < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))) OR (EXISTS ( SELECT
                   FROM possible
                  WHERE ((possible.account_id = spans.account_id) AND (possible.possible_from > '-infinity'::timestamp with time zone) AND (possible.possible_from < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) AND (possible.possible_to >= (series.starts AT TIME ZONE 'UTC'::text))))))
        ), missing AS (
         SELECT months_1.account_id,
            months_1.month,
            scopes.stream,
            min(scopes.due_to) AS due_to,
            (min(scopes.stream_from) > months_1.starts_at) AS begins_late,
            bool_or(scopes.unserved) AS unserved,
            sum(EXTRACT(epoch FROM (upper(gaps.gap) - lower(gaps.gap)))) AS seconds,
            min(lower(gaps.gap)) AS gap_from,
            max(upper(gaps.gap)) AS gap_to,
            min((lower(gaps.gap) + scopes.settle)) AS since
           FROM (((months months_1
             JOIN scopes USING (account_id))
             CROSS JOIN LATERAL ( SELECT
                        CASE
                            WHEN (scopes.required_from > (scopes.stream_from + '1 day'::interval)) THEN GREATEST(months_1.starts_at, scopes.required_from)
                            ELSE months_1.starts_at
                        END AS wanted_from,
                    LEAST(months_1.ends_at, scopes.due_to) AS wanted_to) wanted)
             LEFT JOIN LATERAL unnest((tstzmultirange(tstzrange(LEAST(wanted.wanted_from, wanted.wanted_to), wanted.wanted_to)) - scopes.ranges)) gaps(gap) ON (true))
          GROUP BY months_1.account_id, months_1.month, months_1.starts_at, scopes.stream
        ), coverage AS (
         SELECT missing.account_id,
            missing.month,
            sum(missing.seconds) AS seconds,
            min(missing.due_to) AS due_to,
            min(missing.since) AS since,
            bool_or((missing.begins_late AND (missing.seconds > (0)::numeric))) AS begins_late,
            string_agg(missing.stream, ', '::text ORDER BY missing.stream) AS streams,
            string_agg((format('%s: not proven complete from %s to %s'::text, missing.stream, to_char((missing.gap_from AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((missing.gap_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)) ||
                CASE
                    WHEN (missing.begins_late AND missing.unserved) THEN ', because the exchange does not serve what is that old'::text
                    WHEN missing.begins_late THEN ', because its history is required from later on (ONETRADING_HISTORY_START)'::text
                    ELSE ''::text
                END), '; '::text ORDER BY missing.stream) FILTER (WHERE (missing.seconds > (0)::numeric)) AS gaps
           FROM missing
          GROUP BY missing.account_id, missing.month
        ), rejects AS (
         SELECT months_1.account_id,
            months_1.month,
            count(*) AS records,
            min(rejects_1.first_seen_at) AS since,
            string_agg(DISTINCT rejects_1.stream, ', '::text ORDER BY rejects_1.stream) AS streams
           FROM (months months_1
             JOIN possible rejects_1 ON (((rejects_1.account_id = months_1.account_id) AND (rejects_1.possible_from < months_1.ends_at) AND (rejects_1.possible_to >= months_1.starts_at))))
          GROUP BY months_1.account_id, months_1.month
        )
 SELECT months.account,
    months.account_id,
    months.month,
    'UTC'::text AS zone,
    checks.check_name,
    checks.state,
    checks.difference,
    NULL::text AS currency,
        CASE
            WHEN (checks.state = 'failing'::text) THEN checks.failing_since
            ELSE NULL::timestamp with time zone
        END AS failing_since,
    checks.detail,
    checks.rows_to_look_at
   FROM (((months
     LEFT JOIN coverage USING (account_id, month))
     LEFT JOIN rejects USING (account_id, month))
     CROSS JOIN LATERAL ( SELECT 'coverage'::text AS check_name,
                CASE
                    WHEN (coverage.streams IS NULL) THEN 'not_applicable'::text
                    WHEN (coverage.seconds > (0)::numeric) THEN 'failing'::text
                    WHEN (coverage.due_to < months.ends_at) THEN 'open'::text
                    ELSE 'ok'::text
                END AS state,
                CASE
                    WHEN (coverage.streams IS NOT NULL) THEN COALESCE(coverage.seconds, (0)::numeric)
                    ELSE NULL::numeric
                END AS difference,
            GREATEST(coverage.since, months.first_seen_at) AS failing_since,
                CASE
                    WHEN (coverage.streams IS NULL) THEN 'no history is read of this account'::text
                    WHEN (coverage.seconds > (0)::numeric) THEN coverage.gaps
                    WHEN (coverage.due_to < months.ends_at) THEN format('proven complete until %s: %s'::text, to_char((coverage.due_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), coverage.streams)
                    ELSE format('proven complete: %s'::text, coverage.streams)
                END AS detail,
                CASE
                    WHEN coverage.begins_late THEN format('SELECT account, stream, required_from, covered_to FROM reporting.freshness WHERE account_id = %L AND kind = ''history'' ORDER BY stream'::text, months.account_id)
                    ELSE format('SELECT stream, scope, gap_start, gap_end, gap FROM reporting.coverage_gaps WHERE account_id = %L AND gap_start < %L AND gap_end > %L ORDER BY gap_start, stream, scope'::text, months.account_id, to_char((months.ends_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((months.starts_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text))
                END AS rows_to_look_at
        UNION ALL
         SELECT 'rejects'::text,
                CASE
                    WHEN (rejects.records > 0) THEN 'failing'::text
                    WHEN (months.ends_at > now()) THEN 'open'::text
                    ELSE 'ok'::text
                END AS "case",
            COALESCE(rejects.records, (0)::bigint) AS "coalesce",
            rejects.since,
                CASE
                    WHEN (rejects.records > 0) THEN format('%s records could not be read: %s'::text, rejects.records, rejects.streams)
                    ELSE 'every record that was sent could be read'::text
                END AS "case",
            format('SELECT reject_id, stream, reason, record, happened_at, first_seen_at FROM reporting.open_rejects WHERE account_id = %1$L AND coalesce(possible_to, first_seen_at) >= %2$L AND coalesce(possible_from, CASE WHEN possible_to IS NULL AND stream NOT IN (SELECT stream FROM reporting.freshness WHERE account_id = %1$L AND kind = ''history'') THEN first_seen_at ELSE ''-infinity'' END) < %3$L ORDER BY reject_id'::text, months.account_id, to_char((months.starts_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((months.ends_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)) AS format) checks);
COMMENT ON VIEW reporting.month_close IS 'Whether a month is complete, per account and check: the only place that judges it. A month is complete when none of its rows is failing or open. Streams that the account cannot have (futures of a spot account) and instruments that are no longer asked are not counted; what is read without a token is judged as account "public".
Example:
SELECT account, check_name, state, difference, detail, rows_to_look_at
FROM reporting.month_close WHERE month = ''2026-03-01'' ORDER BY account, check_name;';
COMMENT ON COLUMN reporting.month_close.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.month_close.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.month_close.month IS 'First day of the calendar month: every month that has facts or must be complete, until the current one; of an account that is no longer configured, until the month in which it left.';
COMMENT ON COLUMN reporting.month_close.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.month_close.check_name IS 'coverage (all history of the month is proven complete) or rejects (no record of it is left that could not be read).';
COMMENT ON COLUMN reporting.month_close.state IS 'ok; open (the month is not over, or its end is not proven yet, and nothing is wrong so far); failing; not_applicable (the account has nothing that could be checked).';
COMMENT ON COLUMN reporting.month_close.difference IS 'How much is wrong: of coverage the seconds that should be proven and are not, summed over streams and scopes; of rejects the number of records. 0 when nothing is; null where the check is not applicable.';
COMMENT ON COLUMN reporting.month_close.currency IS 'Currency of difference; null where it is not an amount of money.';
COMMENT ON COLUMN reporting.month_close.failing_since IS 'Since when the check fails: when the first missing instant should have been proven, or the first record was rejected; null when it does not fail.';
COMMENT ON COLUMN reporting.month_close.detail IS 'The state in words: which streams, from when to when.';
COMMENT ON COLUMN reporting.month_close.rows_to_look_at IS 'A query that shows what is behind the state, as text; onetrading_reader may run it.';
CREATE VIEW reporting.monthly_fees AS
 SELECT account,
    account_id,
    month,
    instrument_code,
    quote_code,
    currency,
    liquidity,
    fees_paid,
    rebates_received,
    net_fees,
    trade_count,
    trades_without_fee,
    quote_volume,
        CASE
            WHEN (quote_volume > (0)::numeric) THEN round((((10000)::numeric * fee_in_quote) / quote_volume), 4)
            ELSE NULL::numeric
        END AS effective_bps,
    fee_in_quote
   FROM ( SELECT COALESCE(accounts.name, (sums.account_id)::text) AS account,
            sums.account_id,
            sums.month,
            sums.instrument_code,
            sums.quote_code,
            sums.fee_currency AS currency,
            sums.liquidity,
                CASE
                    WHEN (sum(sums.fees_told) > (0)::numeric) THEN COALESCE(sum(sums.fees_paid), (0)::numeric)
                    ELSE NULL::numeric
                END AS fees_paid,
                CASE
                    WHEN (sum(sums.fees_told) > (0)::numeric) THEN COALESCE(sum(sums.fees_received), (0)::numeric)
                    ELSE NULL::numeric
                END AS rebates_received,
                CASE
                    WHEN (sum(sums.fees_told) > (0)::numeric) THEN (COALESCE(sum(sums.fees_paid), (0)::numeric) - COALESCE(sum(sums.fees_received), (0)::numeric))
                    ELSE NULL::numeric
                END AS net_fees,
            (sum(sums.trades))::bigint AS trade_count,
            (sum((sums.trades - sums.fees_told)))::bigint AS trades_without_fee,
            sum(sums.quote_amount) AS quote_volume,
                CASE
                    WHEN (sum((sums.trades - sums.fees_told)) > (0)::numeric) THEN NULL::numeric
                    WHEN (sums.fee_currency = sums.quote_code) THEN (COALESCE(sum(sums.fees_paid), (0)::numeric) - COALESCE(sum(sums.fees_received), (0)::numeric))
                    WHEN bool_and((sums.fee_currency = sums.base_code)) THEN sum(sums.fees_at_price)
                    ELSE NULL::numeric
                END AS fee_in_quote
           FROM (onetrading.monthly_trades sums
             LEFT JOIN onetrading.accounts USING (account_id))
          GROUP BY COALESCE(accounts.name, (sums.account_id)::text), sums.account_id, sums.month, sums.instrument_code, sums.quote_code, sums.fee_currency, sums.liquidity) fees;
COMMENT ON VIEW reporting.monthly_fees IS 'Trading fees per UTC month of traded_at, market, fee currency and liquidity, from onetrading.trades. Paid and received are never netted, except in net_fees and fee_in_quote.
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
COMMENT ON COLUMN reporting.monthly_fees.effective_bps IS 'fee_in_quote per quote_volume in basis points (0.01 %), rounded to 4 decimals, negative for a net rebate; null where fee_in_quote is null.';
COMMENT ON COLUMN reporting.monthly_fees.fee_in_quote IS 'net_fees in quote_code: itself, or the sum of fee times price, exactly, where the fees were in the base asset (spot buys). Null when a fee was not told or is in another currency, or the instrument is unknown.';
CREATE VIEW reporting.monthly_funding AS
 SELECT account,
    account_id,
    (date_trunc('month'::text, (funding_time AT TIME ZONE 'UTC'::text)))::date AS month,
    instrument_code,
    quote_code,
    count(*) AS payments,
    sum(paid) AS paid,
    sum(received) AS received,
    sum(amount) AS net
   FROM reporting.funding_payments
  GROUP BY account, account_id, ((date_trunc('month'::text, (funding_time AT TIME ZONE 'UTC'::text)))::date), instrument_code, quote_code;
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
CREATE VIEW reporting.monthly_turnover AS
 SELECT COALESCE(accounts.name, (sums.account_id)::text) AS account,
    sums.account_id,
    sums.month,
    sums.instrument_code,
    sums.base_code,
    sums.quote_code,
    sums.side,
    sums.liquidity,
    (sum(sums.trades))::bigint AS trades,
    sum(sums.base_amount) AS base_amount,
    sum(sums.quote_amount) AS quote_amount
   FROM (onetrading.monthly_trades sums
     LEFT JOIN onetrading.accounts USING (account_id))
  GROUP BY COALESCE(accounts.name, (sums.account_id)::text), sums.account_id, sums.month, sums.instrument_code, sums.base_code, sums.quote_code, sums.side, sums.liquidity;
COMMENT ON VIEW reporting.monthly_turnover IS 'Traded amounts per UTC month of traded_at, market, side and liquidity, from onetrading.trades.
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
CREATE VIEW reporting.open_lots AS
 SELECT accounts.name AS account,
    accounts.account_id,
    lots.base_code,
    lots.quote_code,
    lots.lot_source,
    lots.lot_trade_id,
    lots.reference,
    lots.instrument_code,
    lots.acquired_at,
    (lots.quantity - lots.quantity_used) AS quantity_left,
    (lots.cost - onetrading.share(lots.cost, lots.quantity_used, lots.quantity)) AS cost_left,
    lots.quantity,
    lots.cost
   FROM (onetrading.accounts
     CROSS JOIN LATERAL onetrading.lots_at(accounts.account_id, 'infinity'::timestamp with time zone) lots(base_code, quote_code, "position", lot_source, lot_trade_id, reference, instrument_code, acquired_at, quantity, quantity_used, cost, fee_in_base, fee_in_quote));
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
CREATE VIEW reporting.trades AS
 SELECT trades.trade_id,
    trades.order_id,
    COALESCE(accounts.name, (trades.account_id)::text) AS account,
    trades.account_id,
    trades.instrument_code,
    assets.base_code,
    assets.quote_code,
    trades.side,
    trades.price,
    trades.amount,
    trades.quote_amount,
    trades.fee_amount,
    trades.fee_currency,
    trades.liquidity,
    trades.order_source,
    trades.sequence,
    trades.traded_at,
    trades.traded_at_nanos,
    ((trades.traded_at AT TIME ZONE 'UTC'::text))::date AS traded_on,
        CASE trades.fee_currency
            WHEN assets.quote_code THEN trades.fee_amount
            WHEN assets.base_code THEN (trades.fee_amount * trades.price)
            ELSE NULL::numeric
        END AS fee_in_quote,
    trades.first_seen_at
   FROM ((onetrading.trades
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))));
COMMENT ON VIEW reporting.trades IS 'One row per trade of an account (GET account/trades). A taker''s row may stand for several fills at their average price. Several trades of one instant are common: order by traded_at_nanos, sequence, trade_id.
Example:
SELECT traded_at, instrument_code, side, price, amount, fee_amount, fee_currency
FROM reporting.trades
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
ORDER BY traded_at_nanos, sequence, trade_id;';
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
COMMENT ON COLUMN reporting.trades.sequence IS 'The exchange''s own count (trade.sequence), which orders the trades of one instant; null when not sent.';
COMMENT ON COLUMN reporting.trades.traded_at IS 'When it happened, cut (never rounded up) to the microsecond (trade.time_nanos, else trade.time).';
COMMENT ON COLUMN reporting.trades.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970-01-01 UTC.';
COMMENT ON COLUMN reporting.trades.traded_on IS 'UTC day of traded_at.';
COMMENT ON COLUMN reporting.trades.fee_in_quote IS 'fee_amount in quote_code: itself, or times price, exactly, where it was in base_code; positive when paid, negative when received. Null when the fee was not sent or is in another currency.';
COMMENT ON COLUMN reporting.trades.first_seen_at IS 'When it was first stored here; rows from before an upgrade to a version with this column have the time of that upgrade.';
ALTER TABLE ONLY onetrading.account_fee_tiers
    ADD CONSTRAINT account_fee_tiers_pkey PRIMARY KEY (account_id, fee_group, valid_from);
ALTER TABLE ONLY onetrading.accounts
    ADD CONSTRAINT accounts_name_key UNIQUE (name);
ALTER TABLE ONLY onetrading.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading.balances
    ADD CONSTRAINT balances_pkey PRIMARY KEY (snapshot_id, currency_code);
ALTER TABLE ONLY onetrading.candlesticks
    ADD CONSTRAINT candlesticks_pkey PRIMARY KEY (instrument_code, granularity, start_time);
ALTER TABLE ONLY onetrading.closed_positions
    ADD CONSTRAINT closed_positions_pkey PRIMARY KEY (position_id);
ALTER TABLE ONLY onetrading.currencies
    ADD CONSTRAINT currencies_pkey PRIMARY KEY (currency_code, valid_from);
ALTER TABLE ONLY onetrading.exchange_rates
    ADD CONSTRAINT exchange_rates_pkey PRIMARY KEY (base_code, quote_code, day, source);
ALTER TABLE ONLY onetrading.external_lots
    ADD CONSTRAINT external_lots_pkey PRIMARY KEY (account_id, reference);
ALTER TABLE ONLY onetrading.external_movements
    ADD CONSTRAINT external_movements_pkey PRIMARY KEY (account_id, reference);
ALTER TABLE ONLY onetrading.fee_tiers
    ADD CONSTRAINT fee_tiers_pkey PRIMARY KEY (fee_group, min_volume, valid_from);
ALTER TABLE ONLY onetrading.funding_payments
    ADD CONSTRAINT funding_payments_pkey PRIMARY KEY (account_id, instrument_code, funding_time);
ALTER TABLE ONLY onetrading.funding_rate_samples
    ADD CONSTRAINT funding_rate_samples_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.funding_rates
    ADD CONSTRAINT funding_rates_pkey PRIMARY KEY (instrument_code, funding_time);
ALTER TABLE ONLY onetrading.funding_settings
    ADD CONSTRAINT funding_settings_pkey PRIMARY KEY (instrument_code, valid_from);
ALTER TABLE ONLY onetrading.instruments
    ADD CONSTRAINT instruments_pkey PRIMARY KEY (instrument_code, valid_from);
ALTER TABLE ONLY onetrading.order_events
    ADD CONSTRAINT order_events_pkey PRIMARY KEY (order_id, status, filled_amount);
ALTER TABLE ONLY onetrading.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (order_id);
ALTER TABLE ONLY onetrading.portfolios
    ADD CONSTRAINT portfolios_pkey PRIMARY KEY (snapshot_id, account_id);
ALTER TABLE ONLY onetrading.position_funding_payments
    ADD CONSTRAINT position_funding_payments_pkey PRIMARY KEY (position_id, booked_at);
ALTER TABLE ONLY onetrading.position_trades
    ADD CONSTRAINT position_trades_pkey PRIMARY KEY (position_id, trade_id);
ALTER TABLE ONLY onetrading.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (snapshot_id, instrument_code, direction);
ALTER TABLE ONLY onetrading.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (snapshot_id);
ALTER TABLE ONLY onetrading.tickers
    ADD CONSTRAINT tickers_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (trade_id);
ALTER TABLE ONLY onetrading.zones
    ADD CONSTRAINT zones_pkey PRIMARY KEY (zone);
ALTER TABLE ONLY onetrading_sync.carried_lots
    ADD CONSTRAINT carried_lots_pkey PRIMARY KEY (account_id, at, base_code, quote_code, "position");
ALTER TABLE ONLY onetrading_sync.carried
    ADD CONSTRAINT carried_pkey PRIMARY KEY (account_id, at);
ALTER TABLE ONLY onetrading_sync.carried_pools
    ADD CONSTRAINT carried_pools_pkey PRIMARY KEY (account_id, at, base_code, quote_code);
ALTER TABLE ONLY onetrading_sync.closings
    ADD CONSTRAINT closings_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading_sync.counted_positions
    ADD CONSTRAINT counted_positions_pkey PRIMARY KEY (position_id);
ALTER TABLE ONLY onetrading_sync.counting
    ADD CONSTRAINT counting_pkey PRIMARY KEY (account_id, stream);
ALTER TABLE ONLY onetrading_sync.coverage
    ADD CONSTRAINT coverage_account_id_stream_scope_range_excl EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&);
ALTER TABLE ONLY onetrading_sync.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (account_id, stream, kind, path, sample);
ALTER TABLE ONLY onetrading_sync.issues
    ADD CONSTRAINT issues_pkey PRIMARY KEY (issue_id);
ALTER TABLE ONLY onetrading_sync.known_since
    ADD CONSTRAINT known_since_pkey PRIMARY KEY (what);
ALTER TABLE ONLY onetrading_sync.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading_sync.position_details
    ADD CONSTRAINT position_details_pkey PRIMARY KEY (account_id, stream, position_id);
ALTER TABLE ONLY onetrading_sync.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (account_id, stream, scope);
ALTER TABLE ONLY onetrading_sync.proven_days
    ADD CONSTRAINT proven_days_pkey PRIMARY KEY (account_id, stream, scope, day);
ALTER TABLE ONLY onetrading_sync.rejects
    ADD CONSTRAINT rejects_account_id_stream_record_hash_key UNIQUE (account_id, stream, record_hash);
ALTER TABLE ONLY onetrading_sync.rejects
    ADD CONSTRAINT rejects_pkey PRIMARY KEY (reject_id);
ALTER TABLE ONLY onetrading_sync.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY onetrading_sync.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY onetrading_sync.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY onetrading_sync.totals
    ADD CONSTRAINT totals_pkey PRIMARY KEY (account_id, stream, metric, labels);
ALTER TABLE ONLY onetrading_sync.verified
    ADD CONSTRAINT verified_account_id_stream_scope_range_excl EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&);
CREATE UNIQUE INDEX account_fee_tiers_current ON onetrading.account_fee_tiers USING btree (account_id, fee_group) WHERE (valid_to IS NULL);
CREATE INDEX balances_by_currency ON onetrading.balances USING btree (account_id, currency_code, snapshot_id);
CREATE INDEX candlesticks_by_end ON onetrading.candlesticks USING btree (instrument_code, granularity, end_time);
CREATE INDEX closed_positions_by_closing ON onetrading.closed_positions USING btree (account_id, closed_at);
CREATE UNIQUE INDEX currencies_current ON onetrading.currencies USING btree (currency_code) WHERE (valid_to IS NULL);
CREATE INDEX external_lots_by_time ON onetrading.external_lots USING btree (account_id, acquired_at);
CREATE INDEX external_movements_by_time ON onetrading.external_movements USING btree (account_id, moved_at);
CREATE UNIQUE INDEX fee_tiers_current ON onetrading.fee_tiers USING btree (fee_group, min_volume) WHERE (valid_to IS NULL);
CREATE INDEX funding_payments_by_time ON onetrading.funding_payments USING btree (account_id, booked_at);
CREATE INDEX funding_rates_by_time ON onetrading.funding_rates USING btree (funding_time);
CREATE UNIQUE INDEX funding_settings_current ON onetrading.funding_settings USING btree (instrument_code) WHERE (valid_to IS NULL);
CREATE UNIQUE INDEX instruments_current ON onetrading.instruments USING btree (instrument_code) WHERE (valid_to IS NULL);
CREATE INDEX order_events_by_account ON onetrading.order_events USING btree (account_id, first_seen_at);
CREATE INDEX orders_by_account ON onetrading.orders USING btree (account_id, created_at);
CREATE INDEX orders_open ON onetrading.orders USING btree (account_id) WHERE is_open;
CREATE INDEX orders_unchecked ON onetrading.orders USING btree (account_id, created_at) WHERE (NOT trades_checked);
CREATE INDEX orders_unknown ON onetrading.orders USING btree (account_id) WHERE (is_open IS NULL);
CREATE INDEX position_funding_payments_by_slot ON onetrading.position_funding_payments USING btree (account_id, instrument_code, funding_time);
CREATE INDEX position_trades_by_trade ON onetrading.position_trades USING btree (trade_id);
CREATE INDEX snapshots_by_start ON onetrading.snapshots USING btree (account_id, stream, first_observed_at, snapshot_id);
CREATE INDEX trades_by_account ON onetrading.trades USING btree (account_id, traded_at);
CREATE INDEX trades_by_first_seen ON onetrading.trades USING brin (first_seen_at);
CREATE INDEX trades_by_month ON onetrading.trades USING btree (((date_trunc('month'::text, (traded_at AT TIME ZONE 'UTC'::text)))::date));
CREATE INDEX trades_by_order ON onetrading.trades USING btree (order_id);
CREATE INDEX trades_by_time ON onetrading.trades USING btree (traded_at);
CREATE UNIQUE INDEX zones_by_lower_name ON onetrading.zones USING btree (lower(zone));
CREATE INDEX issues_by_key ON onetrading_sync.issues USING btree (account_id, stream, md5((key)::text));
CREATE INDEX issues_by_stream ON onetrading_sync.issues USING btree (account_id, stream, noticed_at);
CREATE INDEX issues_vanished ON onetrading_sync.issues USING btree (account_id, stream) WHERE ((kind = 'vanished'::text) AND (resolved_at IS NULL));
CREATE INDEX position_details_uncompared ON onetrading_sync.position_details USING btree (account_id, stream) WHERE ((read_at IS NOT NULL) AND (compared_at IS NULL));
CREATE INDEX rejects_open ON onetrading_sync.rejects USING btree (account_id, stream) WHERE (resolved_at IS NULL);
CREATE INDEX runs_by_stream ON onetrading_sync.runs USING btree (account_id, stream, started_at);
CREATE INDEX runs_by_time ON onetrading_sync.runs USING btree (started_at);
CREATE TRIGGER carried_after_delete AFTER DELETE ON onetrading.external_lots REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_lots_changed('acquired_at');
CREATE TRIGGER carried_after_delete AFTER DELETE ON onetrading.instruments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_instruments_changed();
CREATE TRIGGER carried_after_delete AFTER DELETE ON onetrading.trades REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_lots_changed('traded_at');
CREATE TRIGGER carried_after_insert AFTER INSERT ON onetrading.external_lots REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_lots_changed('acquired_at');
CREATE TRIGGER carried_after_insert AFTER INSERT ON onetrading.instruments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_instruments_changed();
CREATE TRIGGER carried_after_insert AFTER INSERT ON onetrading.trades REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_lots_changed('traded_at');
CREATE TRIGGER carried_after_truncate AFTER TRUNCATE ON onetrading.external_lots FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_all_changed();
CREATE TRIGGER carried_after_truncate AFTER TRUNCATE ON onetrading.instruments FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_all_changed();
CREATE TRIGGER carried_after_truncate AFTER TRUNCATE ON onetrading.trades FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_all_changed();
CREATE TRIGGER carried_after_update AFTER UPDATE ON onetrading.external_lots REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_lots_changed('acquired_at');
CREATE TRIGGER carried_after_update AFTER UPDATE ON onetrading.instruments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_instruments_changed();
CREATE TRIGGER carried_after_update AFTER UPDATE ON onetrading.trades REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_lots_changed('traded_at');
ALTER TABLE ONLY onetrading.balances
    ADD CONSTRAINT balances_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.funding_rate_samples
    ADD CONSTRAINT funding_rate_samples_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.portfolios
    ADD CONSTRAINT portfolios_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.positions
    ADD CONSTRAINT positions_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.tickers
    ADD CONSTRAINT tickers_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading_sync.carried_lots
    ADD CONSTRAINT carried_lots_account_id_at_fkey FOREIGN KEY (account_id, at) REFERENCES onetrading_sync.carried(account_id, at) ON DELETE CASCADE;
ALTER TABLE ONLY onetrading_sync.carried_pools
    ADD CONSTRAINT carried_pools_account_id_at_fkey FOREIGN KEY (account_id, at) REFERENCES onetrading_sync.carried(account_id, at) ON DELETE CASCADE;
GRANT USAGE ON SCHEMA reporting TO onetrading_reader;
GRANT SELECT ON TABLE reporting.inventory_rollforward_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.inventory_rollforward TO onetrading_reader;
GRANT SELECT ON TABLE reporting.months_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.months TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_average_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_average TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_fifo_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_fifo TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_monthly_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_monthly TO onetrading_reader;
GRANT SELECT ON TABLE reporting.account_fee_tiers TO onetrading_reader;
GRANT SELECT ON TABLE reporting.candlesticks TO onetrading_reader;
GRANT SELECT ON TABLE reporting.closed_positions TO onetrading_reader;
GRANT SELECT ON TABLE reporting.coverage_gaps TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_balances TO onetrading_reader;
GRANT SELECT ON TABLE reporting.orders TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_orders TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_positions TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_closing_balances TO onetrading_reader;
GRANT SELECT ON TABLE reporting.fee_tiers TO onetrading_reader;
GRANT SELECT ON TABLE reporting.freshness TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_payments TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_settings TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_sign TO onetrading_reader;
GRANT SELECT ON TABLE reporting.instruments TO onetrading_reader;
GRANT SELECT ON TABLE reporting.late_facts TO onetrading_reader;
GRANT SELECT ON TABLE reporting.open_rejects TO onetrading_reader;
GRANT SELECT ON TABLE reporting.month_close TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_fees TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_funding TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_turnover TO onetrading_reader;
GRANT SELECT ON TABLE reporting.open_lots TO onetrading_reader;
GRANT SELECT ON TABLE reporting.trades TO onetrading_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE onetrading IN SCHEMA reporting GRANT SELECT ON TABLES TO onetrading_reader;
