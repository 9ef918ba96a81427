CREATE SCHEMA onetrading;
COMMENT ON SCHEMA onetrading IS 'Facts as the exchange told them, keyed by its own identities.';
CREATE SCHEMA onetrading_sync;
COMMENT ON SCHEMA onetrading_sync IS 'How the sync stands: coverage, runs, quarantined records, drift, issues.';
CREATE SCHEMA reporting;
COMMENT ON SCHEMA reporting IS 'Views for people who write SQL and close a month with it. Columns only get added.';
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA onetrading_sync;
COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';
CREATE TYPE onetrading.spot_event AS (
	pool bigint,
	at timestamp with time zone,
	trade_id uuid,
	reference text,
	instrument_code text,
	lot_source text,
	is_lot boolean,
	happened_at timestamp with time zone,
	quantity numeric,
	used numeric,
	amount_in_quote numeric,
	fee_in_base numeric,
	fee_in_quote numeric
);
COMMENT ON TYPE onetrading.spot_event IS 'A row of onetrading.spot_events, without what only its order needs.';
CREATE FUNCTION onetrading.average(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) RETURNS TABLE(base_code text, quote_code text, instrument_code text, disposal_trade_id uuid, disposed_at timestamp with time zone, lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric, fee_in_quote numeric, pool_quantity_after numeric, pool_cost_after numeric, pool_fee_after numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1e+06 ROWS 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET work_mem TO '64MB'
    SET parallel_setup_cost TO '0'
    SET parallel_tuple_cost TO '0'
    AS $$
#variable_conflict use_column
DECLARE
    from_at timestamptz := onetrading.carried_before(of_account, starts);
BEGIN
    RETURN QUERY
    SELECT * FROM onetrading.average_of_pools(of_account, from_at, starts, ends_at, 0, 2)
    UNION ALL
    SELECT * FROM onetrading.average_of_pools(of_account, from_at, starts, ends_at, 1, 2);
END
$$;
COMMENT ON FUNCTION onetrading.average(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) IS 'What the SELLs of an account in [starts, ends_at) disposed of, by the moving average; from the newest state that is carried by then. Columns as in reporting.realised_pnl_average. A row with the lot_source left is no disposal: it is what a pool holds at ends_at.';
CREATE FUNCTION onetrading.average_of_pools(of_account uuid, from_at timestamp with time zone, starts timestamp with time zone, ends_at timestamp with time zone, part integer, parts integer) RETURNS TABLE(base_code text, quote_code text, instrument_code text, disposal_trade_id uuid, disposed_at timestamp with time zone, lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric, fee_in_quote numeric, pool_quantity_after numeric, pool_cost_after numeric, pool_fee_after numeric)
    LANGUAGE plpgsql STABLE COST 1e+06 ROWS 100000 PARALLEL SAFE
    AS $$
DECLARE
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
        WHERE events.pool % parts = part
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
COMMENT ON FUNCTION onetrading.average_of_pools(of_account uuid, from_at timestamp with time zone, starts timestamp with time zone, ends_at timestamp with time zone, part integer, parts integer) IS 'onetrading.average, from the state that is carried at from_at, of every pool whose number has the remainder part when divided by parts.';
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
CREATE FUNCTION onetrading.facts_since(since timestamp with time zone) RETURNS TABLE(identity jsonb, account_id uuid, stream text, kind text, key jsonb, happened_at timestamp with time zone, noticed_at timestamp with time zone, moves_lots boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT jsonb_build_object('stream', facts.stream, 'account_id', facts.account_id, 'key', facts.key),
        facts.account_id, facts.stream, 'late', facts.key, facts.happened_at, facts.first_seen_at,
        facts.stream IN ('trades', 'lots')
    FROM (
        SELECT account_id, 'trades' AS stream, jsonb_build_object('trade_id', trade_id) AS key,
            traded_at AS happened_at, first_seen_at
        FROM onetrading.trades WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'funding_payments',
            jsonb_build_object(
                'account_id', account_id, 'instrument_code', instrument_code, 'funding_time',
                to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                    || CASE WHEN extract(microseconds FROM funding_time) % 1000000 <> 0
                            THEN to_char(funding_time AT TIME ZONE 'UTC', '.US') ELSE '' END
                    || '+00:00'),
            booked_at, first_seen_at
        FROM onetrading.funding_payments WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'closed_positions', jsonb_build_object('position_id', position_id),
            closed_at, first_seen_at
        FROM onetrading.closed_positions WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'movements', jsonb_build_object('reference', reference),
            moved_at, first_seen_at
        FROM onetrading.external_movements WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'lots', jsonb_build_object('reference', reference),
            acquired_at, first_seen_at
        FROM onetrading.external_lots WHERE first_seen_at >= since
    ) AS facts
    UNION ALL
    SELECT jsonb_build_object('issue_id', issue_id), issues.account_id, issues.stream, issues.kind,
        issues.key, coalesce(positions.closed_at, issues.happened_at), issues.noticed_at,
        issues.stream IN ('trades', 'lots')
    FROM onetrading_sync.issues AS issues
    LEFT JOIN onetrading.closed_positions AS positions
        ON positions.position_id = CASE WHEN issues.stream = 'closed_positions'
            THEN issues.key ->> 'position_id' END
    WHERE issues.noticed_at >= since AND resolved_at IS NULL
        AND issues.kind IN ('changed', 'vanished', 'duplicate_slot', 'twin')
        AND issues.account_id <> '00000000-0000-0000-0000-000000000000'
$$;
COMMENT ON FUNCTION onetrading.facts_since(since timestamp with time zone) IS 'The facts of accounts that were first seen since an instant (kind late), and what was noticed of others since then.';
CREATE FUNCTION onetrading.fifo(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) RETURNS TABLE(base_code text, quote_code text, instrument_code text, disposal_trade_id uuid, disposed_at timestamp with time zone, lot_trade_id uuid, reference text, acquired_at timestamp with time zone, lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric, lot_fee_in_base numeric, fee_in_quote numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1e+06 ROWS 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET work_mem TO '64MB'
    SET parallel_setup_cost TO '0'
    SET parallel_tuple_cost TO '0'
    AS $$
#variable_conflict use_column
DECLARE
    from_at timestamptz := onetrading.carried_before(of_account, starts);
BEGIN
    RETURN QUERY
    SELECT * FROM onetrading.fifo_of_pools(of_account, from_at, starts, ends_at, 0, 2)
    UNION ALL
    SELECT * FROM onetrading.fifo_of_pools(of_account, from_at, starts, ends_at, 1, 2);
END
$$;
COMMENT ON FUNCTION onetrading.fifo(of_account uuid, starts timestamp with time zone, ends_at timestamp with time zone) IS 'The pieces of lots that the SELLs of an account in [starts, ends_at) disposed of, by FIFO; from the newest state that is carried by then. Columns as in reporting.realised_pnl_fifo.';
CREATE FUNCTION onetrading.fifo_of_pools(of_account uuid, from_at timestamp with time zone, starts timestamp with time zone, ends_at timestamp with time zone, part integer, parts integer) RETURNS TABLE(base_code text, quote_code text, instrument_code text, disposal_trade_id uuid, disposed_at timestamp with time zone, lot_trade_id uuid, reference text, acquired_at timestamp with time zone, lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric, lot_fee_in_base numeric, fee_in_quote numeric)
    LANGUAGE plpgsql STABLE COST 1e+06 ROWS 100000 PARALLEL SAFE
    AS $$
DECLARE
    bases text[];
    quotes text[];
    in_pool bigint := 0;
    event onetrading.spot_event;
    lots onetrading.spot_event[];
    next_lot integer := 1;
    lot_count integer := 0;
    lot onetrading.spot_event;
    lot_left numeric := 0;
    lot_whole numeric;
    lot_used numeric;
    lot_cost numeric;
    lot_base_fee numeric;
    lot_quote_fee numeric;
    sale_left numeric;
    sale_given numeric;
    sale_proceeds numeric;
    sale_base_fee numeric;
    sale_quote_fee numeric;
    given numeric;
    is_asked boolean := false;  -- from starts on
BEGIN
    SELECT array_agg(pools.base_code ORDER BY pool), array_agg(pools.quote_code ORDER BY pool)
    INTO bases, quotes FROM onetrading.spot_pools(of_account, from_at) AS pools;
    FOR event IN
        SELECT events.pool, events.at, events.trade_id, events.reference, events.instrument_code,
            events.lot_source, events.is_lot, events.happened_at, events.quantity, events.used,
            events.amount_in_quote, events.fee_in_base, events.fee_in_quote
        FROM onetrading.spot_events(of_account, from_at, ends_at, 'fifo') AS events
        WHERE events.pool % parts = part
        ORDER BY (events.pool << 44) + CASE WHEN isfinite(events.at)
                THEN date_part('epoch', events.at)::bigint ELSE -500000000000 END,
            events.at, events.nanos, events.sequence, events.trade_id, events.reference
    LOOP
        IF event.pool <> in_pool THEN
            in_pool := event.pool;
            base_code := bases[in_pool];
            quote_code := quotes[in_pool];
            lots := '{}';
            next_lot := 1;
            lot_count := 0;
            lot_left := 0;
            is_asked := false;
        END IF;
        IF event.is_lot THEN
            lot_count := lot_count + 1;
            lots[lot_count] := event;
            CONTINUE;
        END IF;
        instrument_code := event.instrument_code;
        disposal_trade_id := event.trade_id;
        disposed_at := event.at;
        sale_left := event.quantity;
        sale_proceeds := 0;
        sale_base_fee := 0;
        sale_quote_fee := 0;
        IF NOT is_asked AND event.at >= starts THEN
            is_asked := true;
            IF lot_left > 0 THEN  -- its shares were not kept
                lot_used := lot_whole - lot_left;
                lot_cost := onetrading.share(lot.amount_in_quote, lot_used, lot_whole);
                lot_base_fee := onetrading.share(lot.fee_in_base, lot_used, lot_whole);
                lot_quote_fee := onetrading.share(lot.fee_in_quote, lot_used, lot_whole);
            END IF;
        END IF;
        LOOP
            IF lot_left = 0 THEN
                EXIT WHEN next_lot > lot_count;
                lot := lots[next_lot];
                next_lot := next_lot + 1;
                lot_left := lot.quantity;
                lot_whole := lot_left + lot.used;
                lot_cost := onetrading.share(lot.amount_in_quote, lot.used, lot_whole);
                lot_base_fee := onetrading.share(lot.fee_in_base, lot.used, lot_whole);
                lot_quote_fee := onetrading.share(lot.fee_in_quote, lot.used, lot_whole);
                lot_trade_id := lot.trade_id;
                reference := lot.reference;
                acquired_at := lot.happened_at;
                lot_source := lot.lot_source;
                IF next_lot > 10000 AND next_lot > lot_count / 2 THEN  -- forget what is used up
                    lots := lots[next_lot:lot_count];
                    lot_count := lot_count - next_lot + 1;
                    next_lot := 1;
                END IF;
            END IF;
            IF sale_left > lot_left THEN
                quantity := lot_left;
                sale_left := sale_left - lot_left;
                lot_left := 0;
                CONTINUE WHEN NOT is_asked;
                sale_given := event.quantity - sale_left;
                given := onetrading.share(event.amount_in_quote, sale_given, event.quantity);
                proceeds := given - sale_proceeds;
                sale_proceeds := given;
                given := onetrading.share(event.fee_in_base, sale_given, event.quantity);
                fee_in_base := given - sale_base_fee;
                sale_base_fee := given;
                given := onetrading.share(event.fee_in_quote, sale_given, event.quantity);
                fee_in_quote := given - sale_quote_fee + lot.fee_in_quote - lot_quote_fee;
                sale_quote_fee := given;
                cost := lot.amount_in_quote - lot_cost;
                lot_fee_in_base := lot.fee_in_base - lot_base_fee;
                RETURN NEXT;
                CONTINUE;
            END IF;
            quantity := sale_left;
            lot_left := lot_left - sale_left;
            sale_left := 0;
            EXIT WHEN NOT is_asked;
            proceeds := event.amount_in_quote - sale_proceeds;
            fee_in_base := event.fee_in_base - sale_base_fee;
            IF lot_left = 0 THEN
                cost := lot.amount_in_quote - lot_cost;
                lot_fee_in_base := lot.fee_in_base - lot_base_fee;
                fee_in_quote := event.fee_in_quote - sale_quote_fee
                    + lot.fee_in_quote - lot_quote_fee;
            ELSE
                lot_used := lot_whole - lot_left;
                given := onetrading.share(lot.amount_in_quote, lot_used, lot_whole);
                cost := given - lot_cost;
                lot_cost := given;
                given := onetrading.share(lot.fee_in_base, lot_used, lot_whole);
                lot_fee_in_base := given - lot_base_fee;
                lot_base_fee := given;
                given := onetrading.share(lot.fee_in_quote, lot_used, lot_whole);
                fee_in_quote := event.fee_in_quote - sale_quote_fee + given - lot_quote_fee;
                lot_quote_fee := given;
            END IF;
            RETURN NEXT;
            EXIT;
        END LOOP;
        IF sale_left > 0 AND is_asked THEN
            lot_trade_id := NULL;
            reference := NULL;
            acquired_at := NULL;
            lot_source := 'missing';
            quantity := sale_left;
            proceeds := event.amount_in_quote - sale_proceeds;
            cost := NULL;
            fee_in_base := event.fee_in_base - sale_base_fee;
            lot_fee_in_base := 0;
            fee_in_quote := event.fee_in_quote - sale_quote_fee;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION onetrading.fifo_of_pools(of_account uuid, from_at timestamp with time zone, starts timestamp with time zone, ends_at timestamp with time zone, part integer, parts integer) IS 'onetrading.fifo, from the state that is carried at from_at, of every pool whose number has the remainder part when divided by parts.';
CREATE FUNCTION onetrading.instant_text(at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
        || CASE WHEN extract(microseconds FROM at) % 1000000 <> 0
                THEN to_char(at AT TIME ZONE 'UTC', '.US') ELSE '' END
        || '+00:00'
$$;
COMMENT ON FUNCTION onetrading.instant_text(at timestamp with time zone) IS 'An instant as the keys of issues and rejects write it, in UTC.';
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
CREATE FUNCTION onetrading.make_partitions(from_at timestamp with time zone, months_ahead integer) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    starts timestamp;
    first_id bigint;
    end_id bigint;
    relation text;
    partition text;
BEGIN
    FOR step IN 0..months_ahead LOOP
        starts := date_trunc('month', from_at AT TIME ZONE 'UTC') + make_interval(months => step);
        first_id := extract(epoch FROM starts)::bigint * 1024000000;
        end_id := extract(epoch FROM starts + interval '1 month')::bigint * 1024000000;
        CONTINUE WHEN end_id <= 1836534988800000000;  -- in the first partition
        FOR relation IN
            SELECT relname FROM pg_partitioned_table
            JOIN pg_class ON pg_class.oid = partrelid
            JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
            WHERE relnamespace = 'onetrading'::regnamespace AND attname = 'snapshot_id'
            ORDER BY relname
        LOOP
            partition := relation || to_char(starts, '_YYYY_MM');
            CONTINUE WHEN EXISTS (SELECT FROM pg_class
                WHERE relnamespace = 'onetrading'::regnamespace AND relname = partition);
            -- Two that make the same table at once would fail.
            PERFORM pg_advisory_xact_lock(6078931154620418);
            CONTINUE WHEN EXISTS (SELECT FROM pg_class
                WHERE relnamespace = 'onetrading'::regnamespace AND relname = partition);
            -- Attached, since PARTITION OF would wait for every reader of the table. The rule tells
            -- of a copy, too, that it fits, so that attaching that reads nothing.
            EXECUTE format('CREATE TABLE onetrading.%I (LIKE onetrading.%I INCLUDING ALL,'
                ' CONSTRAINT in_partition CHECK (snapshot_id >= %s AND snapshot_id < %s))',
                partition, relation, first_id, end_id);
            EXECUTE format('ALTER TABLE onetrading.%I ATTACH PARTITION onetrading.%I'
                ' FOR VALUES FROM (%s) TO (%s)', relation, partition, first_id, end_id);
            EXECUTE format('COMMENT ON TABLE onetrading.%I IS %L', partition, format(
                'Partition of onetrading.%s: %s.', relation, to_char(starts, 'YYYY-MM')));
            RETURN NEXT partition;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION onetrading.make_partitions(from_at timestamp with time zone, months_ahead integer) IS 'Makes the partitions of the tables of snapshots for the UTC month of an instant, and for so many months after it, as far as they are missing; returns the names of those that it made.';
CREATE FUNCTION onetrading.number_of(told text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT CASE WHEN told ~ '^-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][-+]?[0-9]{1,2})?$' THEN told::numeric END $_$;
COMMENT ON FUNCTION onetrading.number_of(told text) IS 'The number that a record as sent has in a member; null when it is none.';
CREATE FUNCTION onetrading.record_text(raw jsonb, page bigint, ordinal integer) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN page IS NULL THEN raw::text ELSE (
        SELECT split_part(records, chr(30), ordinal)
        FROM onetrading.record_pages WHERE page_id = page) END
$$;
COMMENT ON FUNCTION onetrading.record_text(raw jsonb, page bigint, ordinal integer) IS 'The record as sent of a fact with these columns, but for trades, whose function takes more of them; of one that an earlier version stored, as jsonb writes it.';
CREATE FUNCTION onetrading.record_text(raw jsonb, page bigint, ordinal integer, trade_id uuid, order_id uuid, sequence bigint, traded_at timestamp with time zone, nanos bigint) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT onetrading.whole_record(
        onetrading.record_text(raw, page, ordinal), trade_id, order_id, sequence, traded_at, nanos)
$$;
COMMENT ON FUNCTION onetrading.record_text(raw jsonb, page bigint, ordinal integer, trade_id uuid, order_id uuid, sequence bigint, traded_at timestamp with time zone, nanos bigint) IS 'The record as sent of a row of onetrading.trades with these columns.';
CREATE FUNCTION onetrading.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'closes' THEN
        IF OLD.reopened_at IS NULL AND NEW.reopened_at IS NOT NULL
            AND to_jsonb(OLD) - '{reopened_at,reopened_because}'::text[]
                = to_jsonb(NEW) - '{reopened_at,reopened_because}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what was locked with a month is never changed: onetrading.%', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
            HINT = 'Take the lock off with the command reopen, and close the month again.';
END
$$;
COMMENT ON FUNCTION onetrading.refuse_change() IS 'Keeps what was locked with a month as it was.';
CREATE FUNCTION onetrading.share(total numeric, part numeric, whole numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
SELECT CASE
    WHEN part = whole THEN total
    WHEN part = 0 THEN 0
    WHEN total = 0 THEN 0.000000000000000000
    WHEN total > 0 THEN 0.000000000000000001
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
CREATE FUNCTION onetrading.sum_days(of_account uuid, first_day date, last_day date) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    summed bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'days can only be summed in a transaction that is READ COMMITTED'
            USING HINT = 'Another one may not see the trades that were committed meanwhile.';
    END IF;
    -- As in onetrading.carry: what a writer wrote before is seen from here on, or it will see, and
    -- delete, what is stored here.
    PERFORM pg_advisory_xact_lock(
        hashtextextended('onetrading_sync.carried/' || of_account, 0));
    WITH added AS (
        INSERT INTO onetrading_sync.summed_days (account_id, day)
        SELECT of_account, first_day + step FROM generate_series(0, last_day - first_day) AS step
        ON CONFLICT DO NOTHING
        RETURNING day
    ), sums AS (
        INSERT INTO onetrading_sync.hourly_sums
            (account_id, day, hour, instrument_code, side, fee_currency, first_at, trades, amount,
             quote_amount, fees_paid, fees_received)
        SELECT of_account, (hour AT TIME ZONE 'UTC')::date, hour, instrument_code, side,
            fee_currency, min(traded_at), count(*), sum(amount), sum(quote_amount),
            sum(fee_amount) FILTER (WHERE fee_amount > 0),
            sum(-fee_amount) FILTER (WHERE fee_amount < 0)
        FROM (
            SELECT *, date_trunc('hour', traded_at, 'UTC') AS hour FROM onetrading.trades
            WHERE account_id = of_account
                AND traded_at >= first_day::timestamp AT TIME ZONE 'UTC'
                AND traded_at < (last_day + 1)::timestamp AT TIME ZONE 'UTC'
        ) AS trades
        WHERE (hour AT TIME ZONE 'UTC')::date IN (SELECT day FROM added)
        GROUP BY hour, instrument_code, side, fee_currency
        ORDER BY hour
        RETURNING *
    ), daily AS (
        INSERT INTO onetrading_sync.daily_sums
            (account_id, day, instrument_code, side, fee_currency, first_at, trades, amount,
             quote_amount, fees_paid, fees_received)
        SELECT account_id, day, instrument_code, side, fee_currency, min(first_at), sum(trades),
            sum(amount), sum(quote_amount), sum(fees_paid), sum(fees_received)
        FROM sums GROUP BY account_id, day, instrument_code, side, fee_currency
        ORDER BY day
    )
    SELECT count(*) INTO summed FROM added;
    RETURN summed;
END
$$;
COMMENT ON FUNCTION onetrading.sum_days(of_account uuid, first_day date, last_day date) IS 'Store the sums of the trades of an account by hours and by days, of the days from first_day to last_day (both included, in UTC) that are not summed yet; how many these are. Writers of the account''s trades wait until the transaction ends.';
CREATE FUNCTION onetrading.trade_sums(of_account uuid, instants timestamp with time zone[]) RETURNS TABLE(instrument_code text, side text, fee_currency text, at timestamp with time zone, amount numeric, quote_amount numeric, fees_paid numeric, fees_received numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 10000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET jit TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    from_at timestamptz := (SELECT min(instant) FROM unnest(instants) AS instant);
    to_at timestamptz := (SELECT max(instant) FROM unnest(instants) AS instant);
    spans timestamptz[] := ARRAY(SELECT DISTINCT instant FROM unnest(instants) AS instant ORDER BY 1);
    split_hours timestamptz[] := ARRAY(
        SELECT DISTINCT date_trunc('hour', instant, 'UTC') FROM unnest(instants) AS instant
        WHERE date_trunc('hour', instant, 'UTC') < instant);
    whole_months date[] := ARRAY(
        SELECT month FROM onetrading_sync.rolled_months
        CROSS JOIN LATERAL (
            SELECT month::timestamp AT TIME ZONE 'UTC' AS starts_at,
                (month + interval '1 month') AT TIME ZONE 'UTC' AS ends_at
        ) AS bounds
        WHERE account_id = of_account AND starts_at >= from_at AND ends_at <= to_at
            AND NOT EXISTS (
                SELECT FROM unnest(spans) AS instant WHERE instant > starts_at AND instant < ends_at));
    -- Of the other months; all of them, summed or not, in the order of time.
    days date[] := ARRAY(
        SELECT day FROM (
            SELECT (from_at AT TIME ZONE 'UTC')::date + step AS day
            FROM generate_series(0, (to_at AT TIME ZONE 'UTC')::date
                - (from_at AT TIME ZONE 'UTC')::date) AS step
        ) AS days
        WHERE date_trunc('month', day::timestamp)::date <> ALL (whole_months)
        ORDER BY 1);
    split_days date[] := ARRAY(
        SELECT DISTINCT (instant AT TIME ZONE 'UTC')::date FROM unnest(spans) AS instant
        WHERE date_trunc('day', instant, 'UTC') < instant);
    whole_days date[] := ARRAY(SELECT unnest(days) EXCEPT SELECT unnest(split_days) ORDER BY 1);
    piece record;
BEGIN
    RETURN QUERY
    SELECT instrument_code, side, fee_currency, min(first_at), sum(base_amount), sum(quote_amount),
        sum(fees_paid), sum(fees_received)
    FROM onetrading_sync.rolled_trades
    WHERE account_id = of_account AND month = ANY (whole_months)
    GROUP BY instrument_code, side, fee_currency,
        width_bucket(month::timestamp AT TIME ZONE 'UTC', spans);
    RETURN QUERY
    SELECT instrument_code, side, fee_currency, min(first_at), sum(amount), sum(quote_amount),
        sum(fees_paid), sum(fees_received)
    FROM onetrading_sync.daily_sums
    WHERE account_id = of_account AND day = ANY (whole_days)
        AND day::timestamp AT TIME ZONE 'UTC' < to_at
    GROUP BY instrument_code, side, fee_currency,
        width_bucket(day::timestamp AT TIME ZONE 'UTC', spans);
    RETURN QUERY
    SELECT instrument_code, side, fee_currency, min(first_at), sum(amount), sum(quote_amount),
        sum(fees_paid), sum(fees_received)
    FROM onetrading_sync.hourly_sums
    WHERE account_id = of_account AND day = ANY (split_days)
        AND hour >= from_at AND hour < to_at AND hour <> ALL (split_hours)
    GROUP BY instrument_code, side, fee_currency, width_bucket(hour, spans);
    FOR piece IN
        WITH unsummed AS (
            SELECT min(day)::timestamp AT TIME ZONE 'UTC' AS starts,
                (max(day) + 1)::timestamp AT TIME ZONE 'UTC' AS ends
            FROM (
                SELECT day, day - row_number() OVER (ORDER BY day)::integer AS run
                FROM (
                    SELECT unnest(days) AS day
                    EXCEPT
                    SELECT day FROM onetrading_sync.summed_days WHERE account_id = of_account
                ) AS days
            ) AS runs
            GROUP BY run
        ), points AS (
            SELECT unnest(spans) AS at
            UNION SELECT starts FROM unsummed
            UNION SELECT ends FROM unsummed
            UNION SELECT unnest(split_hours)
            UNION SELECT unnest(split_hours) + interval '1 hour'
        )
        SELECT starts, ends
        FROM (
            SELECT at AS starts, lead(at) OVER (ORDER BY at) AS ends
            FROM points WHERE at >= from_at AND at <= to_at
        ) AS pieces
        WHERE ends IS NOT NULL AND (
            date_trunc('hour', starts, 'UTC') = ANY (split_hours)
            OR EXISTS (
                SELECT FROM unsummed
                WHERE unsummed.starts <= pieces.starts AND pieces.starts < unsummed.ends))
    LOOP
        RETURN QUERY
        SELECT instrument_code, side, fee_currency, min(traded_at), sum(amount), sum(quote_amount),
            sum(fee_amount) FILTER (WHERE fee_amount > 0),
            sum(-fee_amount) FILTER (WHERE fee_amount < 0)
        FROM onetrading.trades
        WHERE account_id = of_account AND traded_at >= piece.starts AND traded_at < piece.ends
        GROUP BY instrument_code, side, fee_currency;
    END LOOP;
END
$$;
COMMENT ON FUNCTION onetrading.trade_sums(of_account uuid, instants timestamp with time zone[]) IS 'Sums of the trades of an account from the first to the last of these instants (exclusive), in rows of trades between which none of the instants is. at: when one of them was. fees_paid and fees_received, both positive, are null without any.';
CREATE FUNCTION onetrading.whole_record(record text, trade_id uuid, order_id uuid, sequence bigint, traded_at timestamp with time zone, nanos bigint) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT replace(replace(replace(replace(replace(record,
        chr(29), coalesce(trade_id::text, '')),
        chr(28), coalesce(order_id::text, '')),
        chr(31), coalesce(sequence::text, '')),
        chr(2), to_char(traded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
            || lpad((nanos % 1000)::text, 3, '0') || 'Z'),
        chr(3), to_char(traded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
$$;
COMMENT ON FUNCTION onetrading.whole_record(record text, trade_id uuid, order_id uuid, sequence bigint, traded_at timestamp with time zone, nanos bigint) IS 'The record as sent of a trade from what a page of onetrading.record_pages keeps of it. Instead of what columns of the trade say there are control characters, which no JSON holds: GS (U+001D) for trade_id, FS (U+001C) for order_id, US (U+001F) for sequence, STX (U+0002) for the instant with nanoseconds, ETX (U+0003) for it with milliseconds.';
CREATE FUNCTION onetrading_sync.drop_carried(of_account uuid, since timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM onetrading_sync.carried AS stale
    WHERE account_id = of_account AND at > since AND locked_by IS NULL
        AND NOT EXISTS (
            SELECT FROM onetrading_sync.carried AS locked
            WHERE locked.account_id = of_account AND locked.at > since AND locked.at <= stale.at
                AND locked.locked_by IS NOT NULL);
END
$$;
COMMENT ON FUNCTION onetrading_sync.drop_carried(of_account uuid, since timestamp with time zone) IS 'Delete the carried state of an account that a change at an instant makes stale: what is later, but for locked states and what follows from them.';
CREATE FUNCTION onetrading_sync.drop_stale(of_account uuid, since timestamp with time zone, until timestamp with time zone, of_trades boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        hashtextextended('onetrading_sync.carried/' || of_account, 0));
    PERFORM onetrading_sync.drop_carried(of_account, since);
    IF of_trades THEN
        DELETE FROM onetrading_sync.summed_days
        WHERE account_id = of_account AND day >= (since AT TIME ZONE 'UTC')::date
            AND day <= (until AT TIME ZONE 'UTC')::date;
    END IF;
END
$$;
COMMENT ON FUNCTION onetrading_sync.drop_stale(of_account uuid, since timestamp with time zone, until timestamp with time zone, of_trades boolean) IS 'Delete what a change of lots or trades from one instant to another makes stale: the carried state of an account and, of trades, the sums of their days.';
CREATE FUNCTION onetrading_sync.on_all_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM onetrading_sync.drop_carried(account_id, '-infinity')
    FROM (SELECT DISTINCT account_id FROM onetrading_sync.carried) AS accounts;
    IF TG_TABLE_NAME = 'trades' THEN
        DELETE FROM onetrading_sync.summed_days;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_all_changed() IS 'Deletes all carried state but for locked ones, and what follows from them; and all sums of days.';
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
    AS $_$
DECLARE
    touched record;
BEGIN
    IF TG_TABLE_NAME = 'trades' AND TG_OP = 'INSERT' THEN  -- often, so not planned each time
        PERFORM onetrading_sync.drop_stale(account_id, min(traded_at), max(traded_at), true)
        FROM new_rows GROUP BY account_id ORDER BY account_id;
        RETURN NULL;
    END IF;
    FOR touched IN EXECUTE format(
        'SELECT account_id, min(%1$I) AS first_at, max(%1$I) AS last_at FROM (%2$s) AS touched'
        ' GROUP BY account_id ORDER BY 1',
        TG_ARGV[0], CASE TG_OP
            WHEN 'INSERT' THEN 'TABLE new_rows'
            WHEN 'DELETE' THEN 'TABLE old_rows'
            ELSE 'TABLE old_rows UNION ALL TABLE new_rows' END)
    LOOP
        PERFORM onetrading_sync.drop_stale(
            touched.account_id, touched.first_at, touched.last_at, TG_TABLE_NAME = 'trades');
    END LOOP;
    RETURN NULL;
END
$_$;
COMMENT ON FUNCTION onetrading_sync.on_lots_changed() IS 'Deletes the carried state, and the sums of days, that a statement made stale; the argument is the column with the instant.';
CREATE FUNCTION onetrading_sync.on_trades_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    touched record;
BEGIN
    FOR touched IN EXECUTE format(
        'SELECT account_id, array_agg(DISTINCT
             date_trunc(''month'', traded_at AT TIME ZONE ''UTC'')::date) AS months
         FROM (%s) AS touched GROUP BY account_id ORDER BY 1',
        CASE TG_OP
            WHEN 'INSERT' THEN 'TABLE new_rows'
            WHEN 'DELETE' THEN 'TABLE old_rows'
            ELSE 'TABLE old_rows UNION ALL TABLE new_rows' END)
    LOOP
        -- Whoever sums a month waits for those who write, and they for him.
        PERFORM pg_advisory_xact_lock_shared(
            hashtextextended('onetrading_sync.rolled/' || touched.account_id, 0));
        DELETE FROM onetrading_sync.rolled_months AS rolled
        WHERE rolled.account_id = touched.account_id AND rolled.month = ANY (touched.months);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_trades_changed() IS 'Deletes the sums of the months to which the changed trades belong.';
CREATE FUNCTION onetrading_sync.on_trades_emptied() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM onetrading_sync.rolled_months;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_trades_emptied() IS 'Deletes all sums of months.';
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
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
    CONSTRAINT funding_payments_amounts CHECK (((amount > '-Infinity'::numeric) AND (amount < 'Infinity'::numeric) AND (cash_balance > '-Infinity'::numeric) AND (cash_balance < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.funding_payments IS 'Funding booked on an account (GET account/futures/funding-payments).';
COMMENT ON COLUMN onetrading.funding_payments.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.funding_payments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_payments.booked_at IS 'When it was booked, as first read: seconds after the funding time.';
COMMENT ON COLUMN onetrading.funding_payments.funding_time IS 'The funding time it belongs to, derived: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN onetrading.funding_payments.amount IS 'As sent, in the quote currency: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.funding_payments.cash_balance IS 'Cash after the booking, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_payments.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.funding_payments.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.funding_payments.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
COMMENT ON COLUMN onetrading.funding_payments.record_page IS 'The row of onetrading.record_pages that holds the record as sent; null while it is in raw.';
COMMENT ON COLUMN onetrading.funding_payments.record_ordinal IS 'Which record of that page it is, from 1 on.';
CREATE TABLE onetrading.snapshots (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    first_observed_at timestamp with time zone NOT NULL,
    last_observed_at timestamp with time zone NOT NULL,
    row_count integer NOT NULL,
    content_hash bigint NOT NULL,
    header jsonb NOT NULL,
    resolution interval,
    CONSTRAINT snapshots_check CHECK ((last_observed_at >= first_observed_at))
)
PARTITION BY RANGE (snapshot_id);
COMMENT ON TABLE onetrading.snapshots IS 'One row per complete answer of a snapshot stream; an answer that changed nothing extends it.';
COMMENT ON COLUMN onetrading.snapshots.snapshot_id IS 'Number of the answer, in the order in which the answers of an account and stream were observed first. It tells when that was: microseconds since 1970-01-01 UTC times 1024, and up to 1023 more to keep numbers apart. Smaller ones than 1836534988800000000 may be a mere count, of earlier versions.';
COMMENT ON COLUMN onetrading.snapshots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.snapshots.stream IS 'The stream that was asked.';
COMMENT ON COLUMN onetrading.snapshots.first_observed_at IS 'When this state was first observed.';
COMMENT ON COLUMN onetrading.snapshots.last_observed_at IS 'When it was last observed unchanged; between both it was asked for without a break.';
COMMENT ON COLUMN onetrading.snapshots.row_count IS 'How many rows the answer had; 0 means empty, not unknown. Of an answer that was thinned and is kept for the quotes next to own trades alone, only the rows of the traded instruments are left.';
COMMENT ON COLUMN onetrading.snapshots.content_hash IS 'Hash of the whole answer, to tell that nothing changed.';
COMMENT ON COLUMN onetrading.snapshots.header IS 'What the answer said beside its rows, as sent (account_equity of balances).';
COMMENT ON COLUMN onetrading.snapshots.resolution IS 'Null: every change is kept around it, so that nothing is known to have changed between last_observed_at and the first_observed_at of the next snapshot. Otherwise it was thinned (ONETRADING_RETENTION): of each minute, hour or day, as this says, the last state is kept, so that a state that lasted from last_observed_at to the next snapshot for less than that may be missing.';
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
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
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
COMMENT ON COLUMN onetrading.trades.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.trades.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.trades.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
COMMENT ON COLUMN onetrading.trades.record_page IS 'The row of onetrading.record_pages that holds the record as sent; null while it is in raw.';
COMMENT ON COLUMN onetrading.trades.record_ordinal IS 'Which record of that page it is, from 1 on.';
CREATE VIEW onetrading.account_spans AS
 SELECT accounts.account_id,
    accounts.name AS account,
    facts.first_at,
    accounts.left_at
   FROM (onetrading.accounts
     CROSS JOIN LATERAL ( SELECT LEAST(( SELECT trades.traded_at
                   FROM onetrading.trades
                  WHERE ((trades.account_id >= accounts.account_id) AND (trades.account_id <= accounts.account_id))
                  ORDER BY trades.account_id, trades.traded_at
                 LIMIT 1), ( SELECT min(payments.booked_at) AS min
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
CREATE VIEW onetrading.instrument_kinds AS
 SELECT DISTINCT ON (instrument_code) instrument_code,
    kind,
    (kind <> 'SPOT'::text) AS is_futures
   FROM onetrading.instruments
  ORDER BY instrument_code, valid_from DESC;
COMMENT ON VIEW onetrading.instrument_kinds IS 'Whether each known instrument is a futures instrument, by its newest version.';
COMMENT ON COLUMN onetrading.instrument_kinds.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_kinds.kind IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_kinds.is_futures IS 'Whether its kind is any but SPOT. Of an instrument without a row, the suffix _P tells.';
CREATE VIEW onetrading.balance_changes AS
 SELECT trades.account_id,
    trades.traded_at AS changed_at,
    leg.currency,
    leg.amount,
    leg.gain
   FROM (((onetrading.trades
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))))
     LEFT JOIN onetrading.instrument_kinds kinds ON ((kinds.instrument_code = trades.instrument_code)))
     CROSS JOIN LATERAL ( VALUES (
                CASE
                    WHEN (NOT COALESCE(kinds.is_futures, (trades.instrument_code ~~ '%\_P'::text))) THEN COALESCE(assets.base_code, split_part(trades.instrument_code, '_'::text, 1))
                    ELSE NULL::text
                END,
                CASE trades.side
                    WHEN 'BUY'::text THEN trades.amount
                    ELSE (- trades.amount)
                END,(0)::numeric), (
                CASE
                    WHEN (NOT COALESCE(kinds.is_futures, (trades.instrument_code ~~ '%\_P'::text))) THEN COALESCE(assets.quote_code, split_part(trades.instrument_code, '_'::text, 2))
                    ELSE NULL::text
                END,
                CASE trades.side
                    WHEN 'BUY'::text THEN (- trades.quote_amount)
                    ELSE trades.quote_amount
                END,0), (
                CASE
                    WHEN COALESCE(kinds.is_futures, (trades.instrument_code ~~ '%\_P'::text)) THEN COALESCE(assets.quote_code, split_part(trades.instrument_code, '_'::text, 2))
                    ELSE NULL::text
                END,0,
                CASE trades.side
                    WHEN 'BUY'::text THEN (- trades.quote_amount)
                    ELSE trades.quote_amount
                END), (
                CASE
                    WHEN (trades.fee_amount <> (0)::numeric) THEN trades.fee_currency
                    ELSE NULL::text
                END,(- trades.fee_amount),0)) leg(currency, amount, gain))
  WHERE (leg.currency IS NOT NULL)
UNION ALL
 SELECT payments.account_id,
    payments.booked_at AS changed_at,
    COALESCE(assets.quote_code, split_part(payments.instrument_code, '_'::text, 2)) AS currency,
    payments.amount,
    0 AS gain
   FROM (onetrading.funding_payments payments
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.booked_at) AND (payments.booked_at < assets.known_to))))
UNION ALL
 SELECT external_movements.account_id,
    external_movements.moved_at AS changed_at,
    external_movements.currency_code AS currency,
    external_movements.amount,
    0 AS gain
   FROM onetrading.external_movements;
COMMENT ON VIEW onetrading.balance_changes IS 'What moves balances, as far as the exchange or a file tells it: legs of spot trades, fees, funding payments and movements. The settlements of futures, each minute, are told nowhere; over a time without an open position at its ends they are the sum of gain.';
COMMENT ON COLUMN onetrading.balance_changes.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balance_changes.changed_at IS 'traded_at, booked_at or moved_at.';
COMMENT ON COLUMN onetrading.balance_changes.currency IS 'The asset that moves. Of an instrument that is not known, as its code says.';
COMMENT ON COLUMN onetrading.balance_changes.amount IS 'In units of currency: positive when it came in. Funding counts as sent: positive when received.';
COMMENT ON COLUMN onetrading.balance_changes.gain IS 'Of a futures trade: its value at its price, negative when bought; else 0.';
CREATE TABLE onetrading.balances (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    currency_code text NOT NULL,
    available numeric NOT NULL,
    locked numeric NOT NULL,
    changed_at timestamp with time zone,
    CONSTRAINT balances_amounts CHECK (((available > '-Infinity'::numeric) AND (available < 'Infinity'::numeric) AND (locked > '-Infinity'::numeric) AND (locked < 'Infinity'::numeric)))
)
PARTITION BY RANGE (snapshot_id);
COMMENT ON TABLE onetrading.balances IS 'Balances per snapshot (GET account/balances). A currency without a row in a snapshot was not listed: its balance was 0.';
COMMENT ON COLUMN onetrading.balances.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.balances.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balances.currency_code IS 'The asset''s code.';
COMMENT ON COLUMN onetrading.balances.available IS 'Free, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.locked IS 'Held by open orders, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.changed_at IS 'When this balance last changed, as the exchange says.';
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
CREATE TABLE onetrading.closed_rows (
    close_id bigint NOT NULL,
    report text NOT NULL,
    number bigint NOT NULL,
    "row" jsonb NOT NULL
);
COMMENT ON TABLE onetrading.closed_rows IS 'The rows of every monthly report as they were when a month was locked.';
COMMENT ON COLUMN onetrading.closed_rows.close_id IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.closed_rows.report IS 'Name of the view; open_lots and pools: the carried state; known: facts that were first seen since unseen_from and are in the figures.';
COMMENT ON COLUMN onetrading.closed_rows.number IS 'Number of the row within the report, from 1.';
COMMENT ON COLUMN onetrading.closed_rows."row" IS 'The row, by column; amounts with all their digits.';
CREATE TABLE onetrading.closes (
    close_id bigint NOT NULL,
    month date NOT NULL,
    zone text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    unseen_from timestamp with time zone NOT NULL,
    version text NOT NULL,
    settings jsonb NOT NULL,
    acknowledged jsonb NOT NULL,
    row_count bigint NOT NULL,
    checksum text NOT NULL,
    reopened_at timestamp with time zone,
    reopened_because text,
    CONSTRAINT closes_check CHECK ((ends_at > starts_at)),
    CONSTRAINT closes_check1 CHECK ((unseen_from <= closed_at)),
    CONSTRAINT closes_check2 CHECK (((reopened_at IS NULL) = (reopened_because IS NULL))),
    CONSTRAINT closes_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric))
);
COMMENT ON TABLE onetrading.closes IS 'Months whose figures are locked (close MONTH), and those that were and are not any more (reopen). Rows are only added, and marked once as reopened.';
COMMENT ON COLUMN onetrading.closes.close_id IS 'Number of the lock.';
COMMENT ON COLUMN onetrading.closes.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.closes.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN onetrading.closes.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN onetrading.closes.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN onetrading.closes.closed_at IS 'When it was locked: what became known later is in reporting.late_facts alone.';
COMMENT ON COLUMN onetrading.closes.unseen_from IS 'What was first seen from here on is not in the figures, but for what the rows of the report known list: transactions that had begun by then were not over.';
COMMENT ON COLUMN onetrading.closes.version IS 'Version of the exporter that locked it.';
COMMENT ON COLUMN onetrading.closes.settings IS 'The settings that reports depend on, as they were in force.';
COMMENT ON COLUMN onetrading.closes.acknowledged IS 'Checks that differed when it was locked (of all accounts, or main/positions: of one), with the reason why that was accepted.';
COMMENT ON COLUMN onetrading.closes.row_count IS 'How many rows were stored.';
COMMENT ON COLUMN onetrading.closes.checksum IS 'SHA-256 of the stored rows, in the order of view and number, as hexadecimal digits.';
COMMENT ON COLUMN onetrading.closes.reopened_at IS 'When the lock was taken off; null while it is in force.';
COMMENT ON COLUMN onetrading.closes.reopened_because IS 'Why the lock was taken off.';
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
)
PARTITION BY RANGE (snapshot_id);
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
CREATE VIEW onetrading.live_balance_rollforward AS
 SELECT m.account,
    m.account_id,
    m.month,
    m.zone,
    rolled.currency,
        CASE
            WHEN (edges.open_at = edges.close_at) THEN 'derived'::text
            ELSE 'observed'::text
        END AS basis,
    rolled.opening,
    rolled.bought,
    rolled.sold,
    rolled.fees_paid,
    rolled.rebates_received,
    rolled.funding_received,
    rolled.funding_paid,
    rolled.settlements_inferred,
    rolled.external_in,
    rolled.external_out,
    (rolled.actual - rolled.difference) AS expected,
    rolled.actual,
    rolled.actual_observed_at,
    rolled.difference,
    unexplained.first_unexplained_from,
    unexplained.first_unexplained_to
   FROM ((((onetrading.account_months m
     CROSS JOIN LATERAL ( SELECT max(picked.snapshot_id) FILTER (WHERE (ends.edge = 'opening'::text)) AS open_snapshot,
            max(picked.at) FILTER (WHERE (ends.edge = 'opening'::text)) AS open_at,
            max(picked.snapshot_id) FILTER (WHERE (ends.edge = 'actual'::text)) AS close_snapshot,
            max(picked.at) FILTER (WHERE (ends.edge = 'actual'::text)) AS close_at,
            max(ends.edge_at) FILTER (WHERE (ends.edge = 'actual'::text)) AS ends_at
           FROM (( VALUES ('opening'::text,m.starts_at), ('actual'::text,LEAST(m.ends_at, now()))) ends(edge, edge_at)
             CROSS JOIN LATERAL ( SELECT near.snapshot_id,
                    points.at
                   FROM ((( SELECT snapshots.snapshot_id,
                            snapshots.first_observed_at,
                            snapshots.last_observed_at
                           FROM onetrading.snapshots
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at < ends.edge_at))
                          ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                         LIMIT 20)
                        UNION ALL
                        ( SELECT snapshots.snapshot_id,
                            snapshots.first_observed_at,
                            snapshots.last_observed_at
                           FROM onetrading.snapshots
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at >= ends.edge_at))
                          ORDER BY snapshots.first_observed_at, snapshots.snapshot_id
                         LIMIT 20)) near
                     CROSS JOIN LATERAL ( VALUES (near.first_observed_at), (near.last_observed_at), (
                                CASE
                                    WHEN ((near.first_observed_at < ends.edge_at) AND (near.last_observed_at >= ends.edge_at)) THEN (ends.edge_at - '00:00:00.000001'::interval)
                                    ELSE NULL::timestamp with time zone
                                END)) points(at))
                  WHERE (points.at IS NOT NULL)
                  ORDER BY ((EXISTS ( SELECT
                           FROM onetrading.trades
                          WHERE ((trades.account_id = m.account_id) AND ((trades.traded_at >= (points.at - '00:00:05'::interval)) AND (trades.traded_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                           FROM onetrading.funding_payments payments
                          WHERE ((payments.account_id = m.account_id) AND ((payments.booked_at >= (points.at - '00:00:05'::interval)) AND (payments.booked_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                           FROM onetrading.external_movements movements
                          WHERE ((movements.account_id = m.account_id) AND ((movements.moved_at >= (points.at - '00:00:05'::interval)) AND (movements.moved_at <= (points.at + '00:00:05'::interval))))))), GREATEST((points.at - ends.edge_at), (ends.edge_at - points.at)), points.at, near.snapshot_id
                 LIMIT 1) picked)
         HAVING (count(*) = 2)) edges)
     CROSS JOIN LATERAL ( SELECT min(points.at) AS from_at,
            (array_agg(points.snapshot_id ORDER BY points.at, points.snapshot_id))[1] AS from_snapshot,
            max(points.at) AS to_at,
            (array_agg(points.snapshot_id ORDER BY points.at DESC, points.snapshot_id DESC))[1] AS to_snapshot
           FROM (( SELECT GREATEST((snapshots.first_observed_at + '00:02:00'::interval), edges.open_at) AS from_at,
                    LEAST(snapshots.last_observed_at, edges.close_at) AS to_at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.row_count = 0) AND (snapshots.first_observed_at >= COALESCE(( SELECT max(snapshots_1.first_observed_at) AS max
                           FROM onetrading.snapshots snapshots_1
                          WHERE ((snapshots_1.account_id = m.account_id) AND (snapshots_1.stream = 'positions'::text) AND (snapshots_1.first_observed_at <= edges.open_at))), '-infinity'::timestamp with time zone)) AND (snapshots.first_observed_at <= edges.close_at))) flat_1
             CROSS JOIN LATERAL (( SELECT snapshots.snapshot_id,
                    GREATEST(snapshots.first_observed_at, flat_1.from_at) AS at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at <= flat_1.from_at) AND (snapshots.last_observed_at >= flat_1.from_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)
                UNION ALL
                ( SELECT snapshots.snapshot_id,
                    snapshots.first_observed_at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at > flat_1.from_at) AND (snapshots.first_observed_at <= flat_1.to_at))
                  ORDER BY snapshots.first_observed_at, snapshots.snapshot_id
                 LIMIT 3)
                UNION ALL
                ( SELECT snapshots.snapshot_id,
                    LEAST(snapshots.last_observed_at, flat_1.to_at) AS "least"
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at > flat_1.from_at) AND (snapshots.first_observed_at <= flat_1.to_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 3)
                UNION ALL
                ( SELECT snapshots.snapshot_id,
                    LEAST(snapshots.last_observed_at, flat_1.to_at) AS "least"
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at <= flat_1.from_at) AND (snapshots.last_observed_at >= flat_1.from_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)) points)
          WHERE ((flat_1.from_at < flat_1.to_at) AND (NOT (EXISTS ( SELECT
                   FROM onetrading.balance_changes changes
                  WHERE ((changes.account_id = m.account_id) AND (changes.changed_at > (points.at - '00:02:00'::interval)) AND (changes.changed_at <= (points.at + '00:00:05'::interval)) AND ((changes.gain <> (0)::numeric) OR (changes.changed_at > (points.at - '00:00:05'::interval))))))))) flat)
     CROSS JOIN LATERAL ( WITH cash AS (
                 SELECT ends.edge,
                    nearest.currency,
                    nearest.at,
                    nearest.total
                   FROM (( VALUES ('opening'::text,m.starts_at,edges.open_at), ('actual'::text,edges.ends_at,edges.close_at)) ends(edge, edge_at, observed_at)
                     CROSS JOIN LATERAL ( SELECT DISTINCT ON (COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2))) COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2)) AS currency,
                            near.at,
                            near.cash_balance AS total
                           FROM (( SELECT payments.at,
                                    payments.instrument_code,
                                    payments.cash_balance,
                                    count(*) OVER (PARTITION BY payments.at) AS together
                                   FROM (( SELECT funding_payments.booked_at AS at,
    funding_payments.instrument_code,
    funding_payments.cash_balance
   FROM onetrading.funding_payments
  WHERE ((funding_payments.account_id = m.account_id) AND (funding_payments.booked_at < ends.edge_at) AND (funding_payments.cash_balance IS NOT NULL))
  ORDER BY funding_payments.booked_at DESC
 LIMIT 20)
UNION ALL
( SELECT funding_payments.booked_at,
    funding_payments.instrument_code,
    funding_payments.cash_balance
   FROM onetrading.funding_payments
  WHERE ((funding_payments.account_id = m.account_id) AND (funding_payments.booked_at >= ends.edge_at) AND (funding_payments.booked_at <= ends.observed_at) AND (funding_payments.cash_balance IS NOT NULL))
  ORDER BY funding_payments.booked_at
 LIMIT 20)) payments) near
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = near.instrument_code) AND (assets.known_from <= near.at) AND (near.at < assets.known_to))))
                          WHERE ((near.together = 1) AND (GREATEST((near.at - ends.edge_at), (ends.edge_at - near.at)) <= (ends.observed_at - ends.edge_at)) AND ((GREATEST((near.at - ends.edge_at), (ends.edge_at - near.at)) <= '04:10:00'::interval) OR (EXISTS ( SELECT
                                   FROM onetrading.balance_changes changes
                                  WHERE ((changes.account_id = m.account_id) AND (changes.gain <> (0)::numeric) AND (changes.changed_at >= ends.edge_at) AND (changes.changed_at <= ends.observed_at))))))
                          ORDER BY COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2)), GREATEST((near.at - ends.edge_at), (ends.edge_at - near.at)), near.at) nearest)
                  WHERE (ends.edge_at <= ( SELECT min(snapshots.first_observed_at) AS min
                           FROM onetrading.snapshots
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text))))
                ), cuts AS (
                 SELECT array_agg(instants.cut ORDER BY instants.cut) AS cuts,
                    min(instants.cut) AS from_at,
                    max(instants.cut) AS to_at
                   FROM ( SELECT m.starts_at AS cut
                        UNION
                         SELECT edges.ends_at
                        UNION
                         SELECT (points.at + '00:00:00.000001'::interval)
                           FROM ( VALUES (edges.open_at), (edges.close_at), (flat.from_at), (flat.to_at)) points(at)
                        UNION
                         SELECT (cash.at + '00:00:00.000001'::interval)
                           FROM cash
                        UNION
                         SELECT instrument_assets.known_from
                           FROM onetrading.instrument_assets
                          WHERE ((instrument_assets.known_from > LEAST(m.starts_at, edges.open_at)) AND (instrument_assets.known_from < GREATEST(edges.ends_at, edges.close_at)))) instants
                  WHERE (instants.cut IS NOT NULL)
                ), sums AS (
                 SELECT sums.instrument_code,
                    sums.side,
                    sums.fee_currency,
                    sums.at,
                    sums.amount,
                    sums.quote_amount,
                    sums.fees_paid,
                    sums.fees_received
                   FROM (cuts
                     CROSS JOIN LATERAL onetrading.trade_sums(m.account_id, cuts.cuts) sums(instrument_code, side, fee_currency, at, amount, quote_amount, fees_paid, fees_received))
                ), legs AS (
                 SELECT leg.currency,
                    sums.at,
                    leg.kind,
                    leg.amount
                   FROM ((((sums
                     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = sums.instrument_code) AND (assets.known_from <= sums.at) AND (sums.at < assets.known_to))))
                     LEFT JOIN onetrading.instrument_kinds kinds ON ((kinds.instrument_code = sums.instrument_code)))
                     CROSS JOIN LATERAL ( SELECT COALESCE(kinds.is_futures, (sums.instrument_code ~~ '%\_P'::text)) AS is_futures,
                            COALESCE(assets.base_code, split_part(sums.instrument_code, '_'::text, 1)) AS base,
                            COALESCE(assets.quote_code, split_part(sums.instrument_code, '_'::text, 2)) AS quote) known)
                     CROSS JOIN LATERAL ( VALUES (
                                CASE
                                    WHEN (NOT known.is_futures) THEN known.base
                                    ELSE NULL::text
                                END,
                                CASE sums.side
                                    WHEN 'BUY'::text THEN 'bought'::text
                                    ELSE 'sold'::text
                                END,sums.amount), (
                                CASE
                                    WHEN (NOT known.is_futures) THEN known.quote
                                    ELSE NULL::text
                                END,
                                CASE sums.side
                                    WHEN 'BUY'::text THEN 'sold'::text
                                    ELSE 'bought'::text
                                END,sums.quote_amount), (
                                CASE
                                    WHEN known.is_futures THEN known.quote
                                    ELSE NULL::text
                                END,'gain'::text,
                                CASE sums.side
                                    WHEN 'BUY'::text THEN (- sums.quote_amount)
                                    ELSE sums.quote_amount
                                END), (
                                CASE
                                    WHEN (sums.fees_paid IS NOT NULL) THEN sums.fee_currency
                                    ELSE NULL::text
                                END,'fee'::text,sums.fees_paid), (
                                CASE
                                    WHEN (sums.fees_received IS NOT NULL) THEN sums.fee_currency
                                    ELSE NULL::text
                                END,'rebate'::text,sums.fees_received)) leg(currency, kind, amount))
                  WHERE (leg.currency IS NOT NULL)
                UNION ALL
                 SELECT COALESCE(assets.quote_code, split_part(payments.instrument_code, '_'::text, 2)) AS "coalesce",
                    payments.booked_at,
                        CASE
                            WHEN (payments.amount < (0)::numeric) THEN 'paid'::text
                            ELSE 'received'::text
                        END AS "case",
                    abs(payments.amount) AS abs
                   FROM ((cuts
                     CROSS JOIN onetrading.funding_payments payments)
                     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.booked_at) AND (payments.booked_at < assets.known_to))))
                  WHERE ((payments.account_id = m.account_id) AND (payments.booked_at >= cuts.from_at) AND (payments.booked_at < cuts.to_at))
                UNION ALL
                 SELECT external_movements.currency_code,
                    external_movements.moved_at,
                        CASE
                            WHEN (external_movements.amount < (0)::numeric) THEN 'out'::text
                            ELSE 'in'::text
                        END AS "case",
                    abs(external_movements.amount) AS abs
                   FROM (cuts
                     CROSS JOIN onetrading.external_movements)
                  WHERE ((external_movements.account_id = m.account_id) AND (external_movements.moved_at >= cuts.from_at) AND (external_movements.moved_at < cuts.to_at))
                ), held AS (
                 SELECT parts.currency,
                    sum(parts.opening) AS opening,
                    sum(parts.actual) AS actual,
                    sum(parts.flat_from) AS flat_from,
                    sum(parts.flat_to) AS flat_to
                   FROM ( SELECT balances.currency_code AS currency,
                                CASE
                                    WHEN (balances.snapshot_id = edges.open_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS opening,
                                CASE
                                    WHEN (balances.snapshot_id = edges.close_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS actual,
                                CASE
                                    WHEN (balances.snapshot_id = flat.from_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS flat_from,
                                CASE
                                    WHEN (balances.snapshot_id = flat.to_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS flat_to
                           FROM onetrading.balances
                          WHERE (balances.snapshot_id = ANY (ARRAY[edges.open_snapshot, edges.close_snapshot, flat.from_snapshot, flat.to_snapshot]))
                        UNION ALL
                         SELECT DISTINCT legs.currency,
                            (0)::numeric AS "numeric",
                            (0)::numeric AS "numeric",
                            (0)::numeric AS "numeric",
                            (0)::numeric AS "numeric"
                           FROM legs) parts
                  GROUP BY parts.currency
                ), anchored AS (
                 SELECT held.currency,
                    COALESCE(cash_open.total, held.opening) AS opening,
                    COALESCE(cash_open.at, edges.open_at) AS open_at,
                    COALESCE(cash_close.total, held.actual) AS actual,
                    COALESCE(cash_close.at, edges.close_at) AS close_at,
                    held.flat_from,
                    held.flat_to
                   FROM ((held
                     LEFT JOIN cash cash_open ON (((cash_open.edge = 'opening'::text) AND (cash_open.currency = held.currency))))
                     LEFT JOIN cash cash_close ON (((cash_close.edge = 'actual'::text) AND (cash_close.currency = held.currency))))
                ), summed AS (
                 SELECT anchored.currency,
                    anchored.close_at,
                    ((anchored.opening + COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at > anchored.open_at) AND (legs.at < m.starts_at))), (0)::numeric)) - COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at >= m.starts_at) AND (legs.at <= anchored.open_at))), (0)::numeric)) AS opening,
                    ((anchored.actual + COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at > anchored.close_at) AND (legs.at < edges.ends_at))), (0)::numeric)) - COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at >= edges.ends_at) AND (legs.at <= anchored.close_at))), (0)::numeric)) AS actual,
                    COALESCE(sum(legs.signed) FILTER (WHERE legs.in_month), (0)::numeric) AS flow,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'bought'::text))), (0)::numeric) AS bought,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'sold'::text))), (0)::numeric) AS sold,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'fee'::text))), (0)::numeric) AS fees_paid,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'rebate'::text))), (0)::numeric) AS rebates_received,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'received'::text))), (0)::numeric) AS funding_received,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'paid'::text))), (0)::numeric) AS funding_paid,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'in'::text))), (0)::numeric) AS external_in,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'out'::text))), (0)::numeric) AS external_out,
                        CASE
                            WHEN (flat.from_at < flat.to_at) THEN ((anchored.flat_to - anchored.flat_from) - COALESCE(sum(
                            CASE
                                WHEN (legs.kind = 'gain'::text) THEN legs.amount
                                ELSE legs.signed
                            END) FILTER (WHERE ((legs.at > flat.from_at) AND (legs.at <= flat.to_at))), (0)::numeric))
                            ELSE (0)::numeric
                        END AS proven,
                    COALESCE(bool_or((legs.kind = ANY (ARRAY['gain'::text, 'paid'::text, 'received'::text]))) FILTER (WHERE ((legs.at > LEAST(anchored.open_at, m.starts_at)) AND (legs.at <= GREATEST(anchored.close_at, edges.ends_at)))), false) AS is_settled
                   FROM (anchored
                     LEFT JOIN ( SELECT legs_1.currency,
                            legs_1.at,
                            legs_1.kind,
                            legs_1.amount,
                            ((legs_1.at >= m.starts_at) AND (legs_1.at < edges.ends_at)) AS in_month,
                                CASE
                                    WHEN (legs_1.kind = ANY (ARRAY['bought'::text, 'rebate'::text, 'received'::text, 'in'::text])) THEN legs_1.amount
                                    WHEN (legs_1.kind <> 'gain'::text) THEN (- legs_1.amount)
                                    ELSE (0)::numeric
                                END AS signed
                           FROM legs legs_1) legs ON ((legs.currency = anchored.currency)))
                  GROUP BY anchored.currency, anchored.opening, anchored.open_at, anchored.actual, anchored.close_at, anchored.flat_from, anchored.flat_to
                )
         SELECT summed.currency,
            summed.opening,
            summed.bought,
            summed.sold,
            summed.fees_paid,
            summed.rebates_received,
            summed.funding_received,
            summed.funding_paid,
                CASE
                    WHEN judged.settled THEN (((summed.actual - summed.opening) - summed.flow) - summed.proven)
                    ELSE (0)::numeric
                END AS settlements_inferred,
            summed.external_in,
            summed.external_out,
            summed.actual,
            summed.close_at AS actual_observed_at,
                CASE
                    WHEN judged.settled THEN summed.proven
                    ELSE ((summed.actual - summed.opening) - summed.flow)
                END AS difference,
            judged.settled
           FROM (summed
             CROSS JOIN LATERAL ( SELECT (summed.is_settled OR ((EXISTS ( SELECT
                           FROM (onetrading.instrument_assets assets
                             JOIN onetrading.instrument_kinds kinds USING (instrument_code))
                          WHERE (kinds.is_futures AND (assets.quote_code = summed.currency)))) AND (EXISTS ( SELECT
                           FROM ((onetrading.snapshots
                             JOIN onetrading.positions USING (snapshot_id))
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = positions.instrument_code) AND (assets.known_from <= snapshots.first_observed_at) AND (snapshots.first_observed_at < assets.known_to))))
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.row_count > 0) AND (snapshots.first_observed_at >= COALESCE(( SELECT max(snapshots_1.first_observed_at) AS max
                                   FROM onetrading.snapshots snapshots_1
                                  WHERE ((snapshots_1.account_id = m.account_id) AND (snapshots_1.stream = 'positions'::text) AND (snapshots_1.first_observed_at <= edges.open_at))), edges.open_at)) AND (snapshots.first_observed_at <= edges.close_at) AND (COALESCE(assets.quote_code, split_part(positions.instrument_code, '_'::text, 2)) = summed.currency)))))) AS settled) judged)
          WHERE ((EXISTS ( SELECT
                   FROM onetrading.balances
                  WHERE ((balances.snapshot_id = ANY (ARRAY[edges.open_snapshot, edges.close_snapshot])) AND (balances.currency_code = summed.currency)))) OR (summed.opening <> (0)::numeric) OR (summed.actual <> (0)::numeric) OR ((((((((summed.bought + summed.sold) + summed.fees_paid) + summed.rebates_received) + summed.funding_received) + summed.funding_paid) + summed.external_in) + summed.external_out) <> (0)::numeric))) rolled)
     LEFT JOIN LATERAL ( SELECT points.before_at AS first_unexplained_from,
            points.at AS first_unexplained_to
           FROM ( SELECT bounded.at,
                    bounded.unexplained,
                    lag(bounded.at) OVER observed AS before_at,
                    first_value(bounded.unexplained) OVER observed AS at_first
                   FROM ( SELECT timeline.at,
                            timeline.is_point,
                            timeline.unexplained,
                            timeline.last_at,
                            timeline.next_at,
                            timeline.last_gain_at,
                            min(timeline.at) FILTER (WHERE timeline.is_point) OVER () AS first_point,
                            max(timeline.at) FILTER (WHERE timeline.is_point) OVER () AS last_point
                           FROM ( SELECT events.at,
                                    events.is_point,
                                    (
CASE
 WHEN events.is_point THEN events.total
 ELSE NULL::numeric
END - sum(events.amount) OVER forwards) AS unexplained,
                                    max(events.at) FILTER (WHERE (NOT events.is_point)) OVER forwards AS last_at,
                                    min(events.at) FILTER (WHERE (NOT events.is_point)) OVER (ORDER BY events.at DESC, events.is_point DESC ROWS UNBOUNDED PRECEDING) AS next_at,
                                    max(events.at) FILTER (WHERE events.is_gain) OVER forwards AS last_gain_at
                                   FROM ( SELECT points_1.at,
    true AS is_point,
    COALESCE((balances.available + balances.locked), (0)::numeric) AS total,
    (0)::numeric AS amount,
    false AS is_gain
   FROM ((onetrading.snapshots
     CROSS JOIN LATERAL ( SELECT GREATEST(snapshots.first_observed_at, edges.open_at) AS at
  UNION
   SELECT LEAST(snapshots.last_observed_at, edges.close_at) AS "least"
  UNION
   SELECT LEAST((snapshots.first_observed_at + '00:02:00'::interval), snapshots.last_observed_at, edges.close_at) AS "least") points_1)
     LEFT JOIN onetrading.balances ON (((balances.snapshot_id = snapshots.snapshot_id) AND (balances.currency_code = rolled.currency))))
  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at >= ( SELECT snapshots_1.first_observed_at
     FROM onetrading.snapshots snapshots_1
    WHERE (snapshots_1.snapshot_id = edges.open_snapshot))) AND (snapshots.first_observed_at <= edges.close_at) AND (points_1.at >= edges.open_at) AND (points_1.at <= edges.close_at) AND ((NOT rolled.settled) OR ( SELECT ((flat_1.row_count = 0) AND (flat_1.last_observed_at >= points_1.at))
     FROM onetrading.snapshots flat_1
    WHERE ((flat_1.account_id = m.account_id) AND (flat_1.stream = 'positions'::text) AND (flat_1.first_observed_at <= (points_1.at - '00:02:00'::interval)))
    ORDER BY flat_1.first_observed_at DESC
   LIMIT 1)))
UNION ALL
 SELECT changes.changed_at,
    false,
    NULL::numeric AS "numeric",
    (changes.amount +
  CASE
   WHEN rolled.settled THEN changes.gain
   ELSE (0)::numeric
  END),
    (changes.gain <> (0)::numeric)
   FROM onetrading.balance_changes changes
  WHERE ((changes.account_id = m.account_id) AND (changes.currency = rolled.currency) AND (changes.changed_at > edges.open_at) AND (changes.changed_at <= edges.close_at))) events
                                  WINDOW forwards AS (ORDER BY events.at, events.is_point ROWS UNBOUNDED PRECEDING)) timeline) bounded
                  WHERE (bounded.is_point AND ((bounded.at = bounded.first_point) OR (bounded.at = bounded.last_point) OR (((bounded.last_at IS NULL) OR (bounded.last_at < (bounded.at - '00:00:05'::interval))) AND ((bounded.next_at IS NULL) OR (bounded.next_at > (bounded.at + '00:00:05'::interval))) AND ((bounded.last_gain_at IS NULL) OR (bounded.last_gain_at < (bounded.at - '00:02:00'::interval))))))
                  WINDOW observed AS (ORDER BY bounded.at ROWS UNBOUNDED PRECEDING)) points
          WHERE ((rolled.difference <> (0)::numeric) AND (points.unexplained <> points.at_first))
          ORDER BY points.at
         LIMIT 1) unexplained ON (true));
COMMENT ON VIEW onetrading.live_balance_rollforward IS 'reporting.balance_rollforward_by_zone as computed from the facts, whether a month is locked or not.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.account IS 'Configured name of the account.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.month IS 'First day of the calendar month of the zone.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.currency IS 'The asset that all amounts of the row are in.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.basis IS 'observed, or derived: both ends follow from one and the same observed balance (the month is from before the first one, or nothing was observed since the month before), so that the month proves nothing about itself and difference is 0.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.opening IS 'Balance (available plus locked) at the month''s first instant: the observed balance nearest to it that nothing moved within 5 seconds of (else the nearest), moved to that instant by what happened in between. Before balances were observed: derived backwards from the first one, and the cash of futures from the nearest cash_balance of a funding payment.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.bought IS 'What spot trades brought in: amount of bought base, quote_amount of sold base; without fees; not negative.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.sold IS 'What spot trades took out: amount of sold base, quote_amount of bought base; without fees; not negative. Futures trades move nothing but their fee.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.fees_paid IS 'Sum of positive fee_amount of spot and futures trades in this currency; not negative.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.rebates_received IS 'Sum of negative fee_amount without its sign; not negative.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.funding_received IS 'Sum of positive funding payments; not negative. amount is read as sent, received positive, whatever reporting.funding_sign finds.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.funding_paid IS 'Sum of negative funding payments without their sign; not negative.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.settlements_inferred IS 'Signed, positive when received: the settlements of futures each minute, which nothing tells; 0 for a currency that no open position, futures trade or funding payment of the time was in. Between the first and the last balance that was observed while positions were observed to be none (for 2 minutes at least), exactly the gain of the futures trades in between; from the month''s beginning to the former, and from the latter to the month''s end, what is left of the change of cash; where a position was open all the time, all of it, and difference then proves nothing.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.external_in IS 'Imported movements that came in (import movements); not negative.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.external_out IS 'Imported movements that went out, without their sign; not negative.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.expected IS 'opening + bought - sold - fees_paid + rebates_received + funding_received - funding_paid + settlements_inferred + external_in - external_out.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.actual IS 'Balance at the month''s end (now, for the running month), found as opening is: the actual of a month is the opening of the next one.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.actual_observed_at IS 'When the balance was observed that actual was moved from.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.difference IS 'actual minus expected, signed, nothing rounded: positive when there is more than the records explain.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.first_unexplained_from IS 'The last observation up to which everything was explained, as far as no trade, payment or movement was close to it; null when difference is 0.';
COMMENT ON COLUMN onetrading.live_balance_rollforward.first_unexplained_to IS 'The next such observation: something between both is missing, doubled or wrong. Null when difference is 0.';
CREATE VIEW onetrading.locked_rows AS
 SELECT closes.zone,
    closes.month,
    closed_rows.report,
    closed_rows."row",
    (NOT (EXISTS ( SELECT
           FROM onetrading.closes earlier
          WHERE ((earlier.month = closes.month) AND (earlier.reopened_at IS NULL) AND (earlier.close_id < closes.close_id))))) AS is_first
   FROM (onetrading.closes
     JOIN onetrading.closed_rows USING (close_id))
  WHERE (closes.reopened_at IS NULL);
COMMENT ON VIEW onetrading.locked_rows IS 'The stored rows of the months that are locked now.';
COMMENT ON COLUMN onetrading.locked_rows.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.locked_rows.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.locked_rows.report IS 'As in onetrading.closed_rows.';
COMMENT ON COLUMN onetrading.locked_rows."row" IS 'As in onetrading.closed_rows.';
COMMENT ON COLUMN onetrading.locked_rows.is_first IS 'Whether no lock of the month, in another zone, is older.';
CREATE VIEW reporting.balance_rollforward_by_zone AS
 SELECT live.account,
    live.account_id,
    live.month,
    live.zone,
    live.currency,
    live.basis,
    live.opening,
    live.bought,
    live.sold,
    live.fees_paid,
    live.rebates_received,
    live.funding_received,
    live.funding_paid,
    live.settlements_inferred,
    live.external_in,
    live.external_out,
    live.expected,
    live.actual,
    live.actual_observed_at,
    live.difference,
    live.first_unexplained_from,
    live.first_unexplained_to
   FROM onetrading.live_balance_rollforward live
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closes
          WHERE ((closes.month = live.month) AND (closes.reopened_at IS NULL) AND (closes.zone = live.zone)))))
UNION ALL
 SELECT stored.account,
    stored.account_id,
    stored.month,
    stored.zone,
    stored.currency,
    stored.basis,
    stored.opening,
    stored.bought,
    stored.sold,
    stored.fees_paid,
    stored.rebates_received,
    stored.funding_received,
    stored.funding_paid,
    stored.settlements_inferred,
    stored.external_in,
    stored.external_out,
    stored.expected,
    stored.actual,
    stored.actual_observed_at,
    stored.difference,
    stored.first_unexplained_from,
    stored.first_unexplained_to
   FROM (onetrading.locked_rows locked
     CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_balance_rollforward, locked."row") stored(account, account_id, month, zone, currency, basis, opening, bought, sold, fees_paid, rebates_received, funding_received, funding_paid, settlements_inferred, external_in, external_out, expected, actual, actual_observed_at, difference, first_unexplained_from, first_unexplained_to))
  WHERE ((locked.report = 'balance_rollforward'::text) AND (stored.month = locked.month) AND (stored.zone = locked.zone));
COMMENT ON VIEW reporting.balance_rollforward_by_zone IS 'reporting.balance_rollforward in every time zone: always filter by zone, or call reporting.balance_rollforward(zone).
Example:
SELECT month, currency, opening, expected, actual, difference
FROM reporting.balance_rollforward_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01'' ORDER BY currency;';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.month IS 'First day of the calendar month of the zone.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.currency IS 'The asset that all amounts of the row are in.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.basis IS 'observed, or derived: both ends follow from one and the same observed balance (the month is from before the first one, or nothing was observed since the month before), so that the month proves nothing about itself and difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.opening IS 'Balance (available plus locked) at the month''s first instant: the observed balance nearest to it that nothing moved within 5 seconds of (else the nearest), moved to that instant by what happened in between. Before balances were observed: derived backwards from the first one, and the cash of futures from the nearest cash_balance of a funding payment.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.bought IS 'What spot trades brought in: amount of bought base, quote_amount of sold base; without fees; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.sold IS 'What spot trades took out: amount of sold base, quote_amount of bought base; without fees; not negative. Futures trades move nothing but their fee.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.fees_paid IS 'Sum of positive fee_amount of spot and futures trades in this currency; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.rebates_received IS 'Sum of negative fee_amount without its sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.funding_received IS 'Sum of positive funding payments; not negative. amount is read as sent, received positive, whatever reporting.funding_sign finds.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.funding_paid IS 'Sum of negative funding payments without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.settlements_inferred IS 'Signed, positive when received: the settlements of futures each minute, which nothing tells; 0 for a currency that no open position, futures trade or funding payment of the time was in. Between the first and the last balance that was observed while positions were observed to be none (for 2 minutes at least), exactly the gain of the futures trades in between; from the month''s beginning to the former, and from the latter to the month''s end, what is left of the change of cash; where a position was open all the time, all of it, and difference then proves nothing.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.external_in IS 'Imported movements that came in (import movements); not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.external_out IS 'Imported movements that went out, without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.expected IS 'opening + bought - sold - fees_paid + rebates_received + funding_received - funding_paid + settlements_inferred + external_in - external_out.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.actual IS 'Balance at the month''s end (now, for the running month), found as opening is: the actual of a month is the opening of the next one.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.actual_observed_at IS 'When the balance was observed that actual was moved from.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.difference IS 'actual minus expected, signed, nothing rounded: positive when there is more than the records explain.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.first_unexplained_from IS 'The last observation up to which everything was explained, as far as no trade, payment or movement was close to it; null when difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.first_unexplained_to IS 'The next such observation: something between both is missing, doubled or wrong. Null when difference is 0.';
CREATE VIEW reporting.balance_rollforward AS
 SELECT account,
    account_id,
    month,
    zone,
    currency,
    basis,
    opening,
    bought,
    sold,
    fees_paid,
    rebates_received,
    funding_received,
    funding_paid,
    settlements_inferred,
    external_in,
    external_out,
    expected,
    actual,
    actual_observed_at,
    difference,
    first_unexplained_from,
    first_unexplained_to
   FROM reporting.balance_rollforward_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.balance_rollforward IS 'Each balance from month to month of the business zone (ONETRADING_BUSINESS_ZONE): opening, everything that is known to have moved it, what should be there then, and what was observed. Half-open months: what happened at the first instant of a month belongs to it. A difference is a missing or a wrong record, a movement that was not imported, or a fee that is in no record (liquidation, custody). Counts what is stored: whether that is complete, coverage_gaps tells.
Example:
SELECT month, currency, opening, expected, actual, difference, first_unexplained_from
FROM reporting.balance_rollforward
WHERE account = ''main'' AND month = ''2026-03-01'' AND difference <> 0 ORDER BY currency;';
COMMENT ON COLUMN reporting.balance_rollforward.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.balance_rollforward.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.balance_rollforward.month IS 'First day of the calendar month of the zone.';
COMMENT ON COLUMN reporting.balance_rollforward.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.balance_rollforward.currency IS 'The asset that all amounts of the row are in.';
COMMENT ON COLUMN reporting.balance_rollforward.basis IS 'observed, or derived: both ends follow from one and the same observed balance (the month is from before the first one, or nothing was observed since the month before), so that the month proves nothing about itself and difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward.opening IS 'Balance (available plus locked) at the month''s first instant: the observed balance nearest to it that nothing moved within 5 seconds of (else the nearest), moved to that instant by what happened in between. Before balances were observed: derived backwards from the first one, and the cash of futures from the nearest cash_balance of a funding payment.';
COMMENT ON COLUMN reporting.balance_rollforward.bought IS 'What spot trades brought in: amount of bought base, quote_amount of sold base; without fees; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.sold IS 'What spot trades took out: amount of sold base, quote_amount of bought base; without fees; not negative. Futures trades move nothing but their fee.';
COMMENT ON COLUMN reporting.balance_rollforward.fees_paid IS 'Sum of positive fee_amount of spot and futures trades in this currency; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.rebates_received IS 'Sum of negative fee_amount without its sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.funding_received IS 'Sum of positive funding payments; not negative. amount is read as sent, received positive, whatever reporting.funding_sign finds.';
COMMENT ON COLUMN reporting.balance_rollforward.funding_paid IS 'Sum of negative funding payments without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.settlements_inferred IS 'Signed, positive when received: the settlements of futures each minute, which nothing tells; 0 for a currency that no open position, futures trade or funding payment of the time was in. Between the first and the last balance that was observed while positions were observed to be none (for 2 minutes at least), exactly the gain of the futures trades in between; from the month''s beginning to the former, and from the latter to the month''s end, what is left of the change of cash; where a position was open all the time, all of it, and difference then proves nothing.';
COMMENT ON COLUMN reporting.balance_rollforward.external_in IS 'Imported movements that came in (import movements); not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.external_out IS 'Imported movements that went out, without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.expected IS 'opening + bought - sold - fees_paid + rebates_received + funding_received - funding_paid + settlements_inferred + external_in - external_out.';
COMMENT ON COLUMN reporting.balance_rollforward.actual IS 'Balance at the month''s end (now, for the running month), found as opening is: the actual of a month is the opening of the next one.';
COMMENT ON COLUMN reporting.balance_rollforward.actual_observed_at IS 'When the balance was observed that actual was moved from.';
COMMENT ON COLUMN reporting.balance_rollforward.difference IS 'actual minus expected, signed, nothing rounded: positive when there is more than the records explain.';
COMMENT ON COLUMN reporting.balance_rollforward.first_unexplained_from IS 'The last observation up to which everything was explained, as far as no trade, payment or movement was close to it; null when difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward.first_unexplained_to IS 'The next such observation: something between both is missing, doubled or wrong. Null when difference is 0.';
CREATE FUNCTION reporting.balance_rollforward(zone text) RETURNS SETOF reporting.balance_rollforward
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.balance_rollforward_by_zone AS rolled
    WHERE rolled.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.balance_rollforward(zone text) IS 'The view of this name in any time zone.
Example:
SELECT month, currency, difference FROM reporting.balance_rollforward(''Europe/Vienna'')
WHERE account = ''main'' AND difference <> 0;';
CREATE VIEW onetrading.instrument_markets AS
 SELECT assets.instrument_code,
    assets.base_code,
    assets.quote_code,
    assets.known_from,
    assets.known_to,
    kinds.kind,
    kinds.is_futures
   FROM (onetrading.instrument_assets assets
     JOIN onetrading.instrument_kinds kinds USING (instrument_code));
COMMENT ON VIEW onetrading.instrument_markets IS 'onetrading.instrument_assets with the kind of market, which never changes.';
COMMENT ON COLUMN onetrading.instrument_markets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_markets.known_from IS 'As in onetrading.instrument_assets.';
COMMENT ON COLUMN onetrading.instrument_markets.known_to IS 'As in onetrading.instrument_assets.';
COMMENT ON COLUMN onetrading.instrument_markets.kind IS 'As in onetrading.instruments, of its newest version.';
COMMENT ON COLUMN onetrading.instrument_markets.is_futures IS 'Whether positions in it are margined and settled in cash.';
CREATE VIEW onetrading.trades_of_months AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    trades.trade_id,
    trades.order_id,
    trades.instrument_code,
    markets.base_code,
    markets.quote_code,
    COALESCE(markets.is_futures, (trades.instrument_code ~~ '%\_P'::text)) AS is_futures,
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
        CASE
            WHEN (trades.fee_amount = (0)::numeric) THEN (0)::numeric
            WHEN (trades.fee_currency = markets.quote_code) THEN trades.fee_amount
            WHEN (trades.fee_currency = markets.base_code) THEN (trades.fee_amount * trades.price)
            ELSE NULL::numeric
        END AS fee_in_quote
   FROM ((onetrading.account_months months
     CROSS JOIN LATERAL ( WITH apart AS (
                 SELECT
                )
         SELECT trades_1.trade_id,
            trades_1.order_id,
            trades_1.account_id,
            trades_1.instrument_code,
            trades_1.side,
            trades_1.price,
            trades_1.amount,
            trades_1.quote_amount,
            trades_1.fee_amount,
            trades_1.fee_currency,
            trades_1.liquidity,
            trades_1.order_source,
            trades_1.sequence,
            trades_1.traded_at,
            trades_1.traded_at_nanos,
            trades_1.raw,
            trades_1.row_hash,
            trades_1.first_seen_at
           FROM onetrading.trades trades_1
          WHERE ((trades_1.account_id = months.account_id) AND (trades_1.traded_at >= months.starts_at) AND (trades_1.traded_at < months.ends_at))) trades)
     LEFT JOIN onetrading.instrument_markets markets ON (((markets.instrument_code = trades.instrument_code) AND (markets.known_from <= trades.traded_at) AND (trades.traded_at < markets.known_to))));
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
CREATE VIEW reporting.dac8_totals_by_zone AS
 SELECT account,
    account_id,
    zone,
    year,
    asset,
    quote_code,
    COALESCE(sum(quantity) FILTER (WHERE acquires), (0)::numeric) AS acquired,
    COALESCE(sum(quantity) FILTER (WHERE (NOT acquires)), (0)::numeric) AS disposed,
    count(*) AS trades,
    count(*) FILTER (WHERE acquires) AS acquisitions,
    count(*) FILTER (WHERE (NOT acquires)) AS disposals,
    COALESCE(sum(gross) FILTER (WHERE acquires), (0)::numeric) AS acquired_gross,
    COALESCE(sum(gross) FILTER (WHERE (NOT acquires)), (0)::numeric) AS disposed_gross
   FROM ( SELECT trades.account,
            trades.account_id,
            trades.zone,
            (EXTRACT(year FROM trades.month))::integer AS year,
            moved.asset,
            moved.quote_code,
            moved.quantity,
            moved.gross,
            moved.acquires
           FROM (onetrading.trades_of_months trades
             CROSS JOIN LATERAL ( VALUES (true,trades.base_code,trades.quote_code,trades.amount,trades.quote_amount,(trades.side = 'BUY'::text)), (false,trades.quote_code,trades.base_code,trades.quote_amount,trades.amount,(trades.side <> 'BUY'::text))) moved(is_base, asset, quote_code, quantity, gross, acquires))
          WHERE ((NOT trades.is_futures) AND (moved.is_base OR (moved.asset IN ( SELECT instruments.base_code
                   FROM onetrading.instruments
                  WHERE (instruments.kind = 'SPOT'::text)))))) moves
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
 SELECT account,
    account_id,
    zone,
    year,
    asset,
    quote_code,
    acquired,
    disposed,
    trades,
    acquisitions,
    disposals,
    acquired_gross,
    disposed_gross
   FROM reporting.dac8_totals_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.dac8_totals IS 'What an exchange reports of an account under DAC8, from the account''s own trades on spot markets, per calendar year, asset and what it was exchanged for. Not in here: futures, and transfers in and out.
Example:
SELECT year, asset, quote_code, acquired, acquired_gross, disposed, disposed_gross, trades
FROM reporting.dac8_totals WHERE account = ''main'' AND year = 2026 ORDER BY asset, quote_code;';
COMMENT ON COLUMN reporting.dac8_totals.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.dac8_totals.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.dac8_totals.zone IS 'Time zone in which the year begins and ends.';
COMMENT ON COLUMN reporting.dac8_totals.year IS 'Calendar year of traded_at.';
COMMENT ON COLUMN reporting.dac8_totals.asset IS 'What was acquired and disposed of: the base asset of spot markets. One that another spot market trades, such as USDC, counts as well where it is the quote: an exchange of one asset for another stands under both. Null when the instrument is unknown.';
COMMENT ON COLUMN reporting.dac8_totals.quote_code IS 'What it was exchanged for: the unit of both gross amounts.';
COMMENT ON COLUMN reporting.dac8_totals.acquired IS 'In units of asset, without fees.';
COMMENT ON COLUMN reporting.dac8_totals.disposed IS 'In units of asset, without fees.';
COMMENT ON COLUMN reporting.dac8_totals.trades IS 'Number of trades: acquisitions and disposals.';
COMMENT ON COLUMN reporting.dac8_totals.acquisitions IS 'Number of trades by which the asset was acquired.';
COMMENT ON COLUMN reporting.dac8_totals.disposals IS 'Number of trades by which it was disposed of.';
COMMENT ON COLUMN reporting.dac8_totals.acquired_gross IS 'In quote_code: what was given for what was acquired, without fees.';
COMMENT ON COLUMN reporting.dac8_totals.disposed_gross IS 'In quote_code: what was received for what was disposed of, without fees.';
CREATE FUNCTION reporting.dac8_totals(zone text) RETURNS SETOF reporting.dac8_totals
    LANGUAGE sql STABLE
    AS $_$
    SELECT * FROM reporting.dac8_totals_by_zone AS totals
    WHERE totals.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.dac8_totals(zone text) IS 'The view of this name in any time zone.
Example:
SELECT asset, acquired, disposed FROM reporting.dac8_totals(''Europe/Vienna'')
WHERE account = ''main'' AND year = 2026;';
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
CREATE VIEW onetrading.first_balances AS
 SELECT latest.account_id,
    started.first_observed_at,
    picked.snapshot_id,
    picked.at,
    facts.first_at
   FROM (((( SELECT latest_snapshots.account_id
           FROM onetrading.latest_snapshots
          WHERE (latest_snapshots.stream = 'balances'::text)) latest
     CROSS JOIN LATERAL ( SELECT min(snapshots.first_observed_at) AS first_observed_at
           FROM onetrading.snapshots
          WHERE ((snapshots.account_id = latest.account_id) AND (snapshots.stream = 'balances'::text))) started)
     CROSS JOIN LATERAL ( SELECT LEAST(( SELECT trades.traded_at
                   FROM onetrading.trades
                  WHERE ((trades.account_id >= latest.account_id) AND (trades.account_id <= latest.account_id))
                  ORDER BY trades.account_id, trades.traded_at
                 LIMIT 1), ( SELECT min(payments.booked_at) AS min
                   FROM onetrading.funding_payments payments
                  WHERE (payments.account_id = latest.account_id)), ( SELECT min(movements.moved_at) AS min
                   FROM onetrading.external_movements movements
                  WHERE (movements.account_id = latest.account_id))) AS first_at) facts)
     CROSS JOIN LATERAL ( SELECT near.snapshot_id,
            points.at
           FROM (( SELECT snapshots.snapshot_id,
                    snapshots.first_observed_at,
                    snapshots.last_observed_at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = latest.account_id) AND (snapshots.stream = 'balances'::text))
                  ORDER BY snapshots.first_observed_at, snapshots.snapshot_id
                 LIMIT 20) near
             CROSS JOIN LATERAL ( VALUES (near.first_observed_at), (near.last_observed_at)) points(at))
          ORDER BY ((EXISTS ( SELECT
                   FROM onetrading.trades
                  WHERE ((trades.account_id = latest.account_id) AND ((trades.traded_at >= (points.at - '00:00:05'::interval)) AND (trades.traded_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                   FROM onetrading.funding_payments payments
                  WHERE ((payments.account_id = latest.account_id) AND ((payments.booked_at >= (points.at - '00:00:05'::interval)) AND (payments.booked_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                   FROM onetrading.external_movements movements
                  WHERE ((movements.account_id = latest.account_id) AND ((movements.moved_at >= (points.at - '00:00:05'::interval)) AND (movements.moved_at <= (points.at + '00:00:05'::interval))))))), points.at, near.snapshot_id
         LIMIT 1) picked);
COMMENT ON VIEW onetrading.first_balances IS 'The observation that earlier balances are derived from: of the first ones the earliest that no trade, payment or movement is close to, since balances may lag what moves them.';
COMMENT ON COLUMN onetrading.first_balances.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.first_balances.first_observed_at IS 'When balances were first observed.';
COMMENT ON COLUMN onetrading.first_balances.snapshot_id IS 'The chosen observation.';
COMMENT ON COLUMN onetrading.first_balances.at IS 'When it was observed: what happened until then, that instant included, is in it.';
COMMENT ON COLUMN onetrading.first_balances.first_at IS 'The earliest trade, funding payment or movement; null when there is none.';
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
CREATE VIEW reporting.daily_closing_balances_by_zone AS
 WITH listed AS (
         SELECT listed_currencies.account_id,
            listed_currencies.currency_code,
            listed_currencies.first_observed_at
           FROM onetrading.listed_currencies
        ), spans AS (
         SELECT started.account_id,
            accounts.name,
            started.first_at,
                CASE
                    WHEN (accounts.left_at IS NULL) THEN now()
                    ELSE COALESCE(latest.last_observed_at, accounts.left_at)
                END AS last_at
           FROM ((( SELECT listed.account_id,
                    min(listed.first_observed_at) AS first_at
                   FROM listed
                  GROUP BY listed.account_id) started
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
    ((LEAST(days.day_end, now()) - LEAST(closing.last_observed_at, days.day_end)) > '00:10:00'::interval) AS estimated,
    days.zone,
    'observed'::text AS source
   FROM (((( SELECT zoned.account_id,
            zoned.name,
            zoned.zone,
            (zoned.first_day + steps.step) AS day,
            ((((zoned.first_day + steps.step) + 1))::timestamp without time zone AT TIME ZONE zoned.zone) AS day_end
           FROM (( SELECT spans.account_id,
                    spans.name,
                    zones.zone,
                    ((spans.first_at AT TIME ZONE zones.zone))::date AS first_day,
                    ((spans.last_at AT TIME ZONE zones.zone))::date AS last_day
                   FROM (spans
                     CROSS JOIN onetrading.zones)) zoned
             CROSS JOIN LATERAL generate_series(0, (zoned.last_day - zoned.first_day)) steps(step))) days
     CROSS JOIN LATERAL ( SELECT snapshots.snapshot_id,
            snapshots.last_observed_at
           FROM onetrading.snapshots
          WHERE ((snapshots.account_id = days.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at < days.day_end))
          ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
         LIMIT 1) closing)
     JOIN listed ON (((listed.account_id = days.account_id) AND (listed.first_observed_at < days.day_end))))
     LEFT JOIN onetrading.balances ON (((balances.snapshot_id = closing.snapshot_id) AND (balances.currency_code = listed.currency_code))))
UNION ALL
 SELECT COALESCE(accounts.name, (firsts.account_id)::text) AS account,
    firsts.account_id,
    derived.day,
    derived.currency AS currency_code,
    NULL::numeric AS available,
    NULL::numeric AS locked,
    derived.total,
    NULL::boolean AS is_listed,
    derived.observed_at,
    (derived.day_end - derived.observed_at) AS age,
    true AS is_final,
    derived.estimated,
    zones.zone,
    derived.source
   FROM (((onetrading.first_balances firsts
     CROSS JOIN onetrading.zones)
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = firsts.account_id)))
     CROSS JOIN LATERAL ( WITH spans AS (
                 SELECT array_agg(instants.instant) AS instants
                   FROM ( SELECT (((ends.first_day + steps.step))::timestamp without time zone AT TIME ZONE zones.zone) AS instant
                           FROM (( SELECT ((firsts.first_at AT TIME ZONE zones.zone))::date AS first_day,
                                    ((firsts.at AT TIME ZONE zones.zone))::date AS last_day) ends
                             CROSS JOIN LATERAL generate_series(0, (ends.last_day - ends.first_day)) steps(step))
                        UNION ALL
                         SELECT (firsts.at + '00:00:00.000001'::interval)
                        UNION ALL
                         SELECT instrument_assets.known_from
                           FROM onetrading.instrument_assets
                          WHERE ((instrument_assets.known_from > firsts.first_at) AND (instrument_assets.known_from <= firsts.at))) instants
                ), changes AS (
                 SELECT ((moves.changed_at AT TIME ZONE zones.zone))::date AS day,
                    moves.currency,
                    sum(moves.amount) AS amount,
                    bool_or(moves.is_gain) AS futures
                   FROM ( SELECT sums.at AS changed_at,
                            leg.currency,
                            leg.amount,
                            leg.is_gain
                           FROM (((((spans
                             CROSS JOIN LATERAL onetrading.trade_sums(firsts.account_id, spans.instants) sums(instrument_code, side, fee_currency, at, amount, quote_amount, fees_paid, fees_received))
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = sums.instrument_code) AND (assets.known_from <= sums.at) AND (sums.at < assets.known_to))))
                             LEFT JOIN onetrading.instrument_kinds kinds ON ((kinds.instrument_code = sums.instrument_code)))
                             CROSS JOIN LATERAL ( SELECT COALESCE(kinds.is_futures, (sums.instrument_code ~~ '%\_P'::text)) AS is_futures,
                                    COALESCE(assets.base_code, split_part(sums.instrument_code, '_'::text, 1)) AS base,
                                    COALESCE(assets.quote_code, split_part(sums.instrument_code, '_'::text, 2)) AS quote) known)
                             CROSS JOIN LATERAL ( VALUES (
CASE
 WHEN (NOT known.is_futures) THEN known.base
 ELSE NULL::text
END,
CASE sums.side
 WHEN 'BUY'::text THEN sums.amount
 ELSE (- sums.amount)
END,false), (known.quote,
CASE
 WHEN known.is_futures THEN (0)::numeric
 WHEN (sums.side = 'BUY'::text) THEN (- sums.quote_amount)
 ELSE sums.quote_amount
END,(known.is_futures AND (sums.quote_amount <> (0)::numeric))), (
CASE
 WHEN ((sums.fees_paid IS NOT NULL) OR (sums.fees_received IS NOT NULL)) THEN sums.fee_currency
 ELSE NULL::text
END,(COALESCE(sums.fees_received, (0)::numeric) - COALESCE(sums.fees_paid, (0)::numeric)),false)) leg(currency, amount, is_gain))
                          WHERE (leg.currency IS NOT NULL)
                        UNION ALL
                         SELECT payments.booked_at,
                            COALESCE(assets.quote_code, split_part(payments.instrument_code, '_'::text, 2)) AS "coalesce",
                            payments.amount,
                            false
                           FROM (onetrading.funding_payments payments
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.booked_at) AND (payments.booked_at < assets.known_to))))
                          WHERE ((payments.account_id = firsts.account_id) AND (payments.booked_at <= firsts.at))
                        UNION ALL
                         SELECT movements.moved_at,
                            movements.currency_code,
                            movements.amount,
                            false
                           FROM onetrading.external_movements movements
                          WHERE ((movements.account_id = firsts.account_id) AND (movements.moved_at <= firsts.at))) moves
                  GROUP BY (((moves.changed_at AT TIME ZONE zones.zone))::date), moves.currency
                ), held AS (
                 SELECT balances.currency_code AS currency,
                    (balances.available + balances.locked) AS total
                   FROM onetrading.balances
                  WHERE (balances.snapshot_id = firsts.snapshot_id)
                UNION ALL
                 SELECT DISTINCT changes.currency,
                    (0)::numeric AS "numeric"
                   FROM changes
                  WHERE (NOT (EXISTS ( SELECT
                           FROM onetrading.balances
                          WHERE ((balances.snapshot_id = firsts.snapshot_id) AND (balances.currency_code = changes.currency)))))
                ), cash_currencies AS (
                 SELECT DISTINCT COALESCE(assets.quote_code, split_part(paid.instrument_code, '_'::text, 2)) AS currency
                   FROM (( SELECT DISTINCT payments.instrument_code
                           FROM onetrading.funding_payments payments
                          WHERE ((payments.account_id = firsts.account_id) AND (payments.cash_balance IS NOT NULL))) paid
                     LEFT JOIN onetrading.instrument_assets assets ON ((assets.instrument_code = paid.instrument_code)))
                ), days AS (
                 SELECT (ends.first_day + steps.step) AS day,
                    ((((ends.first_day + steps.step) + 1))::timestamp without time zone AT TIME ZONE zones.zone) AS day_end
                   FROM (( SELECT ((firsts.first_at AT TIME ZONE zones.zone))::date AS first_day,
                            ((firsts.first_observed_at AT TIME ZONE zones.zone))::date AS last_day) ends
                     CROSS JOIN LATERAL generate_series(0, ((ends.last_day - ends.first_day) - 1)) steps(step))
                ), summed AS MATERIALIZED (
                 SELECT grid.currency,
                    grid.day,
                    max(grid.day_end) AS day_end,
                    sum(sum(grid.amount)) OVER later AS amount,
                    bool_or(bool_or(grid.futures)) OVER later AS futures
                   FROM ( SELECT changes.currency,
                            changes.day,
                            NULL::timestamp with time zone AS day_end,
                            changes.amount,
                            changes.futures
                           FROM changes
                        UNION ALL
                         SELECT held.currency,
                            days_1.day,
                            days_1.day_end,
                            0,
                            false
                           FROM (held
                             CROSS JOIN days days_1)) grid
                  GROUP BY grid.currency, grid.day
                  WINDOW later AS (PARTITION BY grid.currency ORDER BY grid.day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                )
         SELECT days.day,
            days.day_end,
            summed.currency,
            COALESCE(anchored.total, (summed.total - COALESCE(summed.amount, (0)::numeric))) AS total,
            COALESCE(anchored.at, firsts.at) AS observed_at,
            COALESCE(anchored.estimated, summed.futures, false) AS estimated,
                CASE
                    WHEN (anchored.at IS NULL) THEN 'derived'::text
                    ELSE 'cash_anchor'::text
                END AS source
           FROM (((days
             CROSS JOIN LATERAL ( SELECT summed_1.currency,
                    summed_1.day,
                    summed_1.day_end,
                    summed_1.amount,
                    summed_1.futures,
                    held.total
                   FROM (summed summed_1
                     JOIN held USING (currency))
                  WHERE (summed_1.day = days.day)
                 OFFSET 0) summed)
             LEFT JOIN cash_currencies cash_currency ON ((cash_currency.currency = summed.currency)))
             LEFT JOIN LATERAL ( SELECT cash.at,
                    (cash.total + moved.amount) AS total,
                    (moved.futures AND (cash.distance > '04:10:00'::interval)) AS estimated
                   FROM (( SELECT near.at,
                            near.cash_balance AS total,
                            GREATEST((near.at - days.day_end), (days.day_end - near.at)) AS distance
                           FROM (( SELECT payments.at,
                                    payments.instrument_code,
                                    payments.cash_balance,
                                    count(*) OVER (PARTITION BY payments.at) AS together
                                   FROM (( SELECT payments_1.booked_at AS at,
    payments_1.instrument_code,
    payments_1.cash_balance
   FROM onetrading.funding_payments payments_1
  WHERE ((payments_1.account_id = firsts.account_id) AND (payments_1.booked_at < days.day_end) AND (payments_1.cash_balance IS NOT NULL) AND (cash_currency.* IS NOT NULL))
  ORDER BY payments_1.booked_at DESC
 LIMIT 20)
UNION ALL
( SELECT payments_1.booked_at,
    payments_1.instrument_code,
    payments_1.cash_balance
   FROM onetrading.funding_payments payments_1
  WHERE ((payments_1.account_id = firsts.account_id) AND (payments_1.booked_at >= days.day_end) AND (payments_1.booked_at <= firsts.at) AND (payments_1.cash_balance IS NOT NULL) AND (cash_currency.* IS NOT NULL))
  ORDER BY payments_1.booked_at
 LIMIT 20)) payments) near
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = near.instrument_code) AND (assets.known_from <= near.at) AND (near.at < assets.known_to))))
                          WHERE ((near.together = 1) AND (COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2)) = summed.currency) AND (GREATEST((near.at - days.day_end), (days.day_end - near.at)) <= (firsts.at - days.day_end)) AND (summed.futures OR (GREATEST((near.at - days.day_end), (days.day_end - near.at)) <= '04:10:00'::interval)))
                          ORDER BY GREATEST((near.at - days.day_end), (days.day_end - near.at)), near.at
                         LIMIT 1) cash
                     CROSS JOIN LATERAL ( SELECT COALESCE(sum(
                                CASE
                                    WHEN (cash.at < days.day_end) THEN balance_changes.amount
                                    ELSE (- balance_changes.amount)
                                END), (0)::numeric) AS amount,
                            COALESCE(bool_or((balance_changes.gain <> (0)::numeric)), false) AS futures
                           FROM onetrading.balance_changes
                          WHERE ((balance_changes.account_id = firsts.account_id) AND (balance_changes.currency = summed.currency) AND (((balance_changes.changed_at > cash.at) AND (balance_changes.changed_at < days.day_end)) OR ((balance_changes.changed_at >= days.day_end) AND (balance_changes.changed_at <= cash.at))) AND (balance_changes.changed_at >= LEAST(cash.at, days.day_end)) AND (balance_changes.changed_at <= GREATEST(cash.at, days.day_end)))) moved)) anchored ON (true))
          WHERE (summed.day_end IS NOT NULL)) derived)
  WHERE (((firsts.first_at AT TIME ZONE zones.zone))::date < ((firsts.first_observed_at AT TIME ZONE zones.zone))::date);
COMMENT ON VIEW reporting.daily_closing_balances_by_zone IS 'reporting.daily_closing_balances in every time zone: always filter by zone, or call reporting.daily_closing_balances(zone).
Example:
SELECT day, currency_code, total, source, estimated
FROM reporting.daily_closing_balances_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND day = ''2026-03-31'' ORDER BY currency_code;';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.day IS 'Day that closes, in the time zone: a day of a clock change has 23 or 25 hours.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.currency_code IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.available IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.locked IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.total IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.is_listed IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.observed_at IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.age IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.is_final IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.estimated IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.source IS 'As in reporting.daily_closing_balances.';
CREATE VIEW reporting.daily_closing_balances AS
 SELECT account,
    account_id,
    day,
    currency_code,
    available,
    locked,
    total,
    is_listed,
    observed_at,
    age,
    is_final,
    estimated,
    zone,
    source
   FROM reporting.daily_closing_balances_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.daily_closing_balances IS 'Balances at the end of each day of the business zone (ONETRADING_BUSINESS_ZONE): the last complete answer of GET account/balances that was received before the day''s end. One row per account, day and currency, from the day on which the currency was first listed until today; of an account that is no longer configured, until the day on which it was last observed. A day without any answer repeats the state before it: then estimated is true, and age says how old the state is. Days from the first trade, funding payment or movement until the first answer are derived from that answer, backwards, by trades, fees, funding as sent, and movements: to the last digit, as far as these are complete (coverage_gaps) and movements were imported. What was free and what was locked is not known then. The cash of futures is settled each minute, which nothing tells: before the first answer it is taken from the nearest funding payment (cash_balance).
Example:
SELECT currency_code, total, observed_at, age, source, estimated
FROM reporting.daily_closing_balances
WHERE account = ''main'' AND day = ''2026-03-31'' AND is_final ORDER BY currency_code;';
COMMENT ON COLUMN reporting.daily_closing_balances.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_closing_balances.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_closing_balances.day IS 'Day of the zone that closes, from its first instant (inclusive) to that of the next day (exclusive).';
COMMENT ON COLUMN reporting.daily_closing_balances.currency_code IS 'Every currency listed on that day or earlier (balances[].currency_code); while derived, every currency that the first answer lists or that moved before it.';
COMMENT ON COLUMN reporting.daily_closing_balances.available IS 'Free, in units of currency_code (balances[].available); 0 when the closing answer does not list it; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.locked IS 'Held by open orders, in units of currency_code (balances[].locked); 0 when the closing answer does not list it; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.total IS 'available plus locked, in units of currency_code; derived where source says so.';
COMMENT ON COLUMN reporting.daily_closing_balances.is_listed IS 'Whether the closing answer lists the currency; false: the amounts are 0 because it does not; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.observed_at IS 'When this state was last seen at or before the day''s end; the day''s end itself when it was still seen afterwards. When derived: when what it is derived from was seen, which is after the day''s end, or for cash_anchor before or after it.';
COMMENT ON COLUMN reporting.daily_closing_balances.age IS 'Day''s end (now, for the day still running) minus observed_at: how stale the closing state is. Normally seconds; days without any answer show here. Negative when derived from what was seen later.';
COMMENT ON COLUMN reporting.daily_closing_balances.is_final IS 'Whether the day is over; false for the day still running.';
COMMENT ON COLUMN reporting.daily_closing_balances.estimated IS 'Whether the closing state was last seen more than 10 minutes before the day''s end (now, for the day still running): what happened in between is not in it. When derived: whether there were futures trades between the day''s end and a first answer or a cash_balance that is more than 4 hours 10 minutes away, whose settlements are not known.';
COMMENT ON COLUMN reporting.daily_closing_balances.zone IS 'Time zone in which the day ends: the business zone.';
COMMENT ON COLUMN reporting.daily_closing_balances.source IS 'observed (an answer of the exchange), derived (backwards from the first answer) or cash_anchor (from the cash_balance of the nearest funding payment, by trades'' fees, funding and movements in between; what was settled between that payment and the day''s end is not in it).';
CREATE FUNCTION reporting.daily_closing_balances(zone text) RETURNS SETOF reporting.daily_closing_balances
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.daily_closing_balances_by_zone AS balances
    WHERE balances.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.daily_closing_balances(zone text) IS 'The view of this name in any time zone.
Example:
SELECT day, currency_code, total, source FROM reporting.daily_closing_balances(''Europe/Vienna'')
WHERE account = ''main'' AND day = ''2026-03-31'';';
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
)
PARTITION BY RANGE (snapshot_id);
COMMENT ON TABLE onetrading.portfolios IS 'The futures account as a whole per snapshot (GET account/futures/summary).';
COMMENT ON COLUMN onetrading.portfolios.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.portfolios.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.portfolios.equity IS 'In the account''s currency, which the exchange does not name.';
COMMENT ON COLUMN onetrading.portfolios.margin_used IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.margin_available IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.account_ratio IS 'As the exchange computes it; null when not a number (flat).';
COMMENT ON COLUMN onetrading.portfolios.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.raw IS 'The record as sent.';
CREATE VIEW reporting.daily_equity_by_zone AS
 SELECT COALESCE(days.name, (days.account_id)::text) AS account,
    days.account_id,
    days.day,
    days.zone,
    closing.equity,
    closing.source,
    closing.observed_at,
    (LEAST(days.day_end, now()) - closing.observed_at) AS age,
    (days.day_end <= now()) AS is_final,
    ((LEAST(days.day_end, now()) - closing.observed_at) > '00:10:00'::interval) AS estimated
   FROM (( SELECT zoned.account_id,
            zoned.name,
            zoned.zone,
            (zoned.first_day + steps.step) AS day,
            ((((zoned.first_day + steps.step) + 1))::timestamp without time zone AT TIME ZONE zoned.zone) AS day_end
           FROM (( SELECT started.account_id,
                    accounts.name,
                    zones.zone,
                    ((started.first_at AT TIME ZONE zones.zone))::date AS first_day,
                    ((
                        CASE
                            WHEN (accounts.left_at IS NULL) THEN now()
                            ELSE started.last_at
                        END AT TIME ZONE zones.zone))::date AS last_day
                   FROM ((( SELECT latest.account_id,
                            max(latest.last_observed_at) AS last_at,
                            min(first.at) AS first_at
                           FROM (onetrading.latest_snapshots latest
                             CROSS JOIN LATERAL ( SELECT min(snapshots.first_observed_at) AS at
                                   FROM onetrading.snapshots
                                  WHERE ((snapshots.account_id = latest.account_id) AND (snapshots.stream = latest.stream))) first)
                          WHERE (latest.stream = ANY (ARRAY['portfolio'::text, 'balances'::text]))
                          GROUP BY latest.account_id) started
                     LEFT JOIN onetrading.accounts USING (account_id))
                     CROSS JOIN onetrading.zones)) zoned
             CROSS JOIN LATERAL generate_series(0, (zoned.last_day - zoned.first_day)) steps(step))) days
     CROSS JOIN LATERAL ( SELECT told.equity,
            told.source,
            told.observed_at
           FROM (( SELECT portfolios.equity,
                    'portfolio'::text AS source,
                    LEAST(snapshots.last_observed_at, days.day_end) AS observed_at
                   FROM (onetrading.snapshots
                     LEFT JOIN onetrading.portfolios USING (snapshot_id))
                  WHERE ((snapshots.account_id = days.account_id) AND (snapshots.stream = 'portfolio'::text) AND (snapshots.first_observed_at < days.day_end))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)
                UNION ALL
                ( SELECT
                        CASE
                            WHEN ((snapshots.header ->> 'account_equity'::text) ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$'::text) THEN ((snapshots.header ->> 'account_equity'::text))::numeric
                            ELSE NULL::numeric
                        END AS "case",
                    'balances'::text AS text,
                    LEAST(snapshots.last_observed_at, days.day_end) AS "least"
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = days.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at < days.day_end))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)) told
          WHERE (told.equity IS NOT NULL)
          ORDER BY ((LEAST(days.day_end, now()) - told.observed_at) > '00:10:00'::interval), told.source DESC
         LIMIT 1) closing);
COMMENT ON VIEW reporting.daily_equity_by_zone IS 'reporting.daily_equity in every time zone: always filter by zone, or call reporting.daily_equity(zone).
Example:
SELECT day, equity, source FROM reporting.daily_equity_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND day >= ''2026-03-01'' ORDER BY day;';
COMMENT ON COLUMN reporting.daily_equity_by_zone.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.equity IS 'As the exchange told it, in the account''s currency, which the exchange does not name; may be negative.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.source IS 'portfolio (GET account/futures/summary: equity) or balances (GET account/balances: account_equity); the latter where the former was not seen within 10 minutes of the day''s end and it was.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.observed_at IS 'When this state was last seen at or before the day''s end.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.age IS 'Day''s end (now, for the day still running) minus observed_at.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.is_final IS 'Whether the day is over.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.estimated IS 'Whether it was last seen more than 10 minutes before the day''s end: equity moves each minute while a position is open.';
CREATE VIEW reporting.daily_equity AS
 SELECT account,
    account_id,
    day,
    zone,
    equity,
    source,
    observed_at,
    age,
    is_final,
    estimated
   FROM reporting.daily_equity_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.daily_equity IS 'Equity of each account at the end of each day of the business zone (ONETRADING_BUSINESS_ZONE), as last told by the exchange before the day''s end. Only what was observed: balances are not valued here, since the exchange names neither the currency of its equity nor a rate of it. A day without any answer repeats the state before it: then estimated is true. Days before the first answer have no row, nor have accounts whose equity the exchange does not send.
Example:
SELECT day, equity, source, estimated FROM reporting.daily_equity
WHERE account = ''main'' AND day >= ''2026-03-01'' AND day < ''2026-04-01'' ORDER BY day;';
COMMENT ON COLUMN reporting.daily_equity.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_equity.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_equity.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.daily_equity.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.daily_equity.equity IS 'As the exchange told it, in the account''s currency, which the exchange does not name; may be negative.';
COMMENT ON COLUMN reporting.daily_equity.source IS 'portfolio (GET account/futures/summary: equity) or balances (GET account/balances: account_equity); the latter where the former was not seen within 10 minutes of the day''s end and it was.';
COMMENT ON COLUMN reporting.daily_equity.observed_at IS 'When this state was last seen at or before the day''s end.';
COMMENT ON COLUMN reporting.daily_equity.age IS 'Day''s end (now, for the day still running) minus observed_at.';
COMMENT ON COLUMN reporting.daily_equity.is_final IS 'Whether the day is over.';
COMMENT ON COLUMN reporting.daily_equity.estimated IS 'Whether it was last seen more than 10 minutes before the day''s end: equity moves each minute while a position is open.';
CREATE FUNCTION reporting.daily_equity(zone text) RETURNS SETOF reporting.daily_equity
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.daily_equity_by_zone AS equities
    WHERE equities.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.daily_equity(zone text) IS 'The view of this name in any time zone.
Example:
SELECT day, equity FROM reporting.daily_equity(''Europe/Vienna'') WHERE account = ''main'';';
CREATE VIEW reporting.drawdown_by_zone AS
 SELECT account,
    account_id,
    day,
    zone,
    equity,
    peak,
    (peak - equity) AS drawdown,
        CASE
            WHEN (peak > (0)::numeric) THEN round(((peak - equity) / peak), 18)
            ELSE NULL::numeric
        END AS drawdown_ratio,
    source,
    is_final,
    estimated
   FROM ( SELECT daily_equity_by_zone.account,
            daily_equity_by_zone.account_id,
            daily_equity_by_zone.day,
            daily_equity_by_zone.zone,
            daily_equity_by_zone.equity,
            daily_equity_by_zone.source,
            daily_equity_by_zone.observed_at,
            daily_equity_by_zone.age,
            daily_equity_by_zone.is_final,
            daily_equity_by_zone.estimated,
            max(daily_equity_by_zone.equity) OVER (PARTITION BY daily_equity_by_zone.account, daily_equity_by_zone.account_id, daily_equity_by_zone.zone ORDER BY daily_equity_by_zone.day ROWS UNBOUNDED PRECEDING) AS peak
           FROM reporting.daily_equity_by_zone) equities;
COMMENT ON VIEW reporting.drawdown_by_zone IS 'reporting.drawdown in every time zone: always filter by zone, or call reporting.drawdown(zone).
Example:
SELECT day, equity, peak, drawdown FROM reporting.drawdown_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' ORDER BY day;';
COMMENT ON COLUMN reporting.drawdown_by_zone.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.drawdown_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.drawdown_by_zone.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.drawdown_by_zone.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.drawdown_by_zone.equity IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown_by_zone.peak IS 'The highest equity of any day until this one, this one included.';
COMMENT ON COLUMN reporting.drawdown_by_zone.drawdown IS 'peak minus equity, never negative, in the account''s currency.';
COMMENT ON COLUMN reporting.drawdown_by_zone.drawdown_ratio IS 'drawdown as a fraction of peak, rounded to 18 decimals; null while peak is not positive.';
COMMENT ON COLUMN reporting.drawdown_by_zone.source IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown_by_zone.is_final IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown_by_zone.estimated IS 'As in reporting.daily_equity.';
CREATE VIEW reporting.drawdown AS
 SELECT account,
    account_id,
    day,
    zone,
    equity,
    peak,
    drawdown,
    drawdown_ratio,
    source,
    is_final,
    estimated
   FROM reporting.drawdown_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.drawdown IS 'How far the equity at each day''s end lies below its highest so far, from reporting.daily_equity. Deposits and withdrawals are not taken out: a withdrawal looks like a loss here; balance_rollforward tells them.
Example:
SELECT day, equity, peak, drawdown, drawdown_ratio FROM reporting.drawdown
WHERE account = ''main'' ORDER BY drawdown_ratio DESC NULLS LAST LIMIT 1;';
COMMENT ON COLUMN reporting.drawdown.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.drawdown.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.drawdown.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.drawdown.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.drawdown.equity IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown.peak IS 'The highest equity of any day until this one, this one included.';
COMMENT ON COLUMN reporting.drawdown.drawdown IS 'peak minus equity, never negative, in the account''s currency.';
COMMENT ON COLUMN reporting.drawdown.drawdown_ratio IS 'drawdown as a fraction of peak, rounded to 18 decimals; null while peak is not positive.';
COMMENT ON COLUMN reporting.drawdown.source IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown.is_final IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown.estimated IS 'As in reporting.daily_equity.';
CREATE FUNCTION reporting.drawdown(zone text) RETURNS SETOF reporting.drawdown
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.drawdown_by_zone AS drawdowns
    WHERE drawdowns.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.drawdown(zone text) IS 'The view of this name in any time zone.
Example:
SELECT day, drawdown, drawdown_ratio FROM reporting.drawdown(''Europe/Vienna'') WHERE account = ''main'';';
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
CREATE VIEW onetrading.api_fee_ratios AS
 SELECT max(ratio) FILTER (WHERE (name = 'api_maker_ratio_spot'::text)) AS maker_spot,
    max(ratio) FILTER (WHERE (name = 'api_taker_ratio_spot'::text)) AS taker_spot,
    max(ratio) FILTER (WHERE (name = 'api_maker_ratio_futures'::text)) AS maker_futures,
    max(ratio) FILTER (WHERE (name = 'api_taker_ratio_futures'::text)) AS taker_futures
   FROM ( SELECT settings_1.name,
                CASE
                    WHEN (settings_1.value ~ '^-?[0-9]+([.][0-9]+)?$'::text) THEN (settings_1.value)::numeric
                    ELSE NULL::numeric
                END AS ratio
           FROM onetrading_sync.settings settings_1) settings;
COMMENT ON VIEW onetrading.api_fee_ratios IS 'One row: the fees of API trading as they are configured, as fractions of the value; null where they are not. No endpoint tells them.';
COMMENT ON COLUMN onetrading.api_fee_ratios.maker_spot IS 'Of a maker on spot markets; negative: a rebate.';
COMMENT ON COLUMN onetrading.api_fee_ratios.taker_spot IS 'Of a taker on spot markets.';
COMMENT ON COLUMN onetrading.api_fee_ratios.maker_futures IS 'Of a maker on futures markets; negative: a rebate.';
COMMENT ON COLUMN onetrading.api_fee_ratios.taker_futures IS 'Of a taker on futures markets.';
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
CREATE VIEW reporting.fee_check_by_zone AS
 SELECT checked.account,
    checked.account_id,
    checked.zone,
    checked.month,
    checked.trade_id,
    checked.order_id,
    checked.traded_at,
    checked.instrument_code,
    checked.base_code,
    checked.quote_code,
    checked.side,
    checked.liquidity,
    checked.order_source,
    checked.fee_group,
    checked.tier_min_volume,
    checked.tier_maker_ratio,
    checked.tier_taker_ratio,
    checked.schedule,
    checked.ratio,
    checked.expected_fee,
    checked.charged_fee,
    checked.fee_currency,
    (checked.charged_fee - checked.expected_fee) AS difference,
        CASE
            WHEN (checked.expected_fee IS NULL) THEN 'unknown'::text
            WHEN (abs((checked.charged_fee - checked.expected_fee)) <= power((10)::numeric, ((- GREATEST(min_scale(checked.charged_fee), COALESCE(currencies."precision", 0))))::numeric)) THEN 'ok'::text
            ELSE 'different'::text
        END AS state
   FROM (( SELECT trades.account_id,
            trades.account,
            trades.zone,
            trades.month,
            trades.trade_id,
            trades.order_id,
            trades.instrument_code,
            trades.base_code,
            trades.quote_code,
            trades.is_futures,
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
            trades.fee_in_quote,
            trades.fee_group,
            trades.fee_amount AS charged_fee,
            tiers.tier_account_id,
            tiers.tier_group,
            tiers.tier_min_volume,
            tiers.tier_maker_ratio,
            tiers.tier_taker_ratio,
            tiers.valid_from,
            tiers.valid_to,
            scheduled.schedule,
            scheduled.ratio,
                CASE trades.fee_currency
                    WHEN trades.quote_code THEN (trades.quote_amount * scheduled.ratio)
                    WHEN trades.base_code THEN (trades.amount * scheduled.ratio)
                    ELSE NULL::numeric
                END AS expected_fee
           FROM ((((( SELECT trades_of_months.account_id,
                    trades_of_months.account,
                    trades_of_months.zone,
                    trades_of_months.month,
                    trades_of_months.trade_id,
                    trades_of_months.order_id,
                    trades_of_months.instrument_code,
                    trades_of_months.base_code,
                    trades_of_months.quote_code,
                    trades_of_months.is_futures,
                    trades_of_months.side,
                    trades_of_months.price,
                    trades_of_months.amount,
                    trades_of_months.quote_amount,
                    trades_of_months.fee_amount,
                    trades_of_months.fee_currency,
                    trades_of_months.liquidity,
                    trades_of_months.order_source,
                    trades_of_months.sequence,
                    trades_of_months.traded_at,
                    trades_of_months.traded_at_nanos,
                    trades_of_months.fee_in_quote,
                        CASE
                            WHEN trades_of_months.is_futures THEN 'FUTURES'::text
                            ELSE 'SPOT'::text
                        END AS fee_group
                   FROM onetrading.trades_of_months
                  WHERE (trades_of_months.fee_amount IS NOT NULL)) trades
             LEFT JOIN ( SELECT account_fee_tiers.account_id AS tier_account_id,
                    account_fee_tiers.fee_group AS tier_group,
                    account_fee_tiers.min_volume AS tier_min_volume,
                    account_fee_tiers.maker_ratio AS tier_maker_ratio,
                    account_fee_tiers.taker_ratio AS tier_taker_ratio,
                    account_fee_tiers.valid_from,
                    account_fee_tiers.valid_to
                   FROM onetrading.account_fee_tiers) tiers ON (((tiers.tier_account_id = trades.account_id) AND (tiers.tier_group = trades.fee_group) AND (tiers.valid_from <= trades.traded_at) AND ((trades.traded_at < tiers.valid_to) OR (tiers.valid_to IS NULL)))))
             CROSS JOIN onetrading.api_fee_ratios api)
             CROSS JOIN LATERAL ( SELECT
                        CASE
                            WHEN (trades.order_source = 'API'::text) THEN
                            CASE (trades.fee_group || trades.liquidity)
                                WHEN 'SPOTMAKER'::text THEN api.maker_spot
                                WHEN 'SPOTTAKER'::text THEN api.taker_spot
                                WHEN 'FUTURESMAKER'::text THEN api.maker_futures
                                WHEN 'FUTURESTAKER'::text THEN api.taker_futures
                                ELSE NULL::numeric
                            END
                            ELSE NULL::numeric
                        END AS api_ratio,
                        CASE trades.liquidity
                            WHEN 'MAKER'::text THEN tiers.tier_maker_ratio
                            WHEN 'TAKER'::text THEN tiers.tier_taker_ratio
                            ELSE NULL::numeric
                        END AS tier_ratio) ratios)
             CROSS JOIN LATERAL ( SELECT COALESCE(ratios.api_ratio, ratios.tier_ratio) AS ratio,
                        CASE
                            WHEN (ratios.api_ratio IS NOT NULL) THEN 'api'::text
                            WHEN (ratios.tier_ratio IS NOT NULL) THEN 'tier'::text
                            ELSE NULL::text
                        END AS schedule) scheduled)) checked
     LEFT JOIN ( SELECT DISTINCT ON (currencies_1.currency_code) currencies_1.currency_code,
            (currencies_1."precision")::integer AS "precision"
           FROM onetrading.currencies currencies_1
          ORDER BY currencies_1.currency_code, currencies_1.valid_from DESC) currencies ON ((currencies.currency_code = checked.fee_currency)));
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
 SELECT account,
    account_id,
    zone,
    month,
    trade_id,
    order_id,
    traded_at,
    instrument_code,
    base_code,
    quote_code,
    side,
    liquidity,
    order_source,
    fee_group,
    tier_min_volume,
    tier_maker_ratio,
    tier_taker_ratio,
    schedule,
    ratio,
    expected_fee,
    charged_fee,
    fee_currency,
    difference,
    state
   FROM reporting.fee_check_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.fee_check IS 'One row per trade with a fee: what was charged against what the account''s fee tier, or the configured fee of API trading, makes of it. Filter by account and by traded_at or month.
Example:
SELECT schedule, state, count(*) AS trades, fee_currency, sum(difference) AS difference
FROM reporting.fee_check
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
GROUP BY schedule, state, fee_currency ORDER BY schedule, state, fee_currency;';
COMMENT ON COLUMN reporting.fee_check.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.fee_check.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.fee_check.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.fee_check.month IS 'First day of the calendar month of traded_at.';
COMMENT ON COLUMN reporting.fee_check.trade_id IS 'Identity of the trade (trade.trade_id).';
COMMENT ON COLUMN reporting.fee_check.order_id IS 'Order that it filled (trade.order_id); null when not sent.';
COMMENT ON COLUMN reporting.fee_check.traded_at IS 'When it happened.';
COMMENT ON COLUMN reporting.fee_check.instrument_code IS 'Market (trade.instrument_code).';
COMMENT ON COLUMN reporting.fee_check.base_code IS 'Asset that is traded; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.fee_check.quote_code IS 'Currency of the price; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.fee_check.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.fee_check.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.fee_check.order_source IS 'Where the order came from, for example API.';
COMMENT ON COLUMN reporting.fee_check.fee_group IS 'SPOT or FUTURES: the group of markets whose tier applies.';
COMMENT ON COLUMN reporting.fee_check.tier_min_volume IS 'Where the tier begins that was in force as far as was observed (reporting.account_fee_tiers); null before it was first observed.';
COMMENT ON COLUMN reporting.fee_check.tier_maker_ratio IS 'That tier''s fee of a maker, as a fraction of the value; negative: a rebate.';
COMMENT ON COLUMN reporting.fee_check.tier_taker_ratio IS 'That tier''s fee of a taker, as a fraction of the value.';
COMMENT ON COLUMN reporting.fee_check.schedule IS 'What the fee is compared with: api (the trade came by the API, and the fee of API trading is configured) or tier; null when neither is known.';
COMMENT ON COLUMN reporting.fee_check.ratio IS 'That fee as a fraction of the value; null when not known.';
COMMENT ON COLUMN reporting.fee_check.expected_fee IS 'In fee_currency, exact: ratio times quote_amount, or times amount of a fee in the base asset. Null when not known, or when the fee is in a third currency.';
COMMENT ON COLUMN reporting.fee_check.charged_fee IS 'In fee_currency: positive when paid, negative when received as a rebate (fee.fee_amount).';
COMMENT ON COLUMN reporting.fee_check.fee_currency IS 'Currency of both fees.';
COMMENT ON COLUMN reporting.fee_check.difference IS 'In fee_currency, exact: charged_fee less expected_fee.';
COMMENT ON COLUMN reporting.fee_check.state IS 'ok (the difference is at most one unit of the last decimal, of the currency or of the fee as sent, whichever is finer), different, or unknown (nothing to compare with).';
CREATE FUNCTION reporting.fee_check(zone text) RETURNS SETOF reporting.fee_check
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.fee_check_by_zone AS fees WHERE fees.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.fee_check(zone text) IS 'The view of this name in any time zone.
Example:
SELECT state, count(*) AS trades FROM reporting.fee_check(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' GROUP BY state;';
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
CREATE VIEW onetrading.accounts_paid_positive AS
 SELECT account_id
   FROM ( SELECT DISTINCT ON (funding_sign_conventions.account_id) funding_sign_conventions.account_id,
            funding_sign_conventions.convention
           FROM onetrading.funding_sign_conventions
          ORDER BY funding_sign_conventions.account_id, funding_sign_conventions.known_at DESC) newest
  WHERE (convention = 'paid_positive'::text);
COMMENT ON VIEW onetrading.accounts_paid_positive IS 'Accounts whose funding payments are positive when paid, as onetrading.funding_sign_conventions has it.';
COMMENT ON COLUMN onetrading.accounts_paid_positive.account_id IS 'As in onetrading.funding_payments.';
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
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
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
COMMENT ON COLUMN onetrading.closed_positions.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.closed_positions.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.closed_positions.first_seen_at IS 'When it was first stored here; never changed afterwards.';
COMMENT ON COLUMN onetrading.closed_positions.record_page IS 'The row of onetrading.record_pages that holds the record as sent; null while it is in raw.';
COMMENT ON COLUMN onetrading.closed_positions.record_ordinal IS 'Which record of that page it is, from 1 on.';
CREATE TABLE onetrading.funding_rates (
    instrument_code text NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
    CONSTRAINT funding_rates_amounts CHECK (((funding_rate > '-Infinity'::numeric) AND (funding_rate < 'Infinity'::numeric) AND (mark_price > (0)::numeric) AND (mark_price < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.funding_rates IS 'Settled funding rates (GET funding-rate/history).';
COMMENT ON COLUMN onetrading.funding_rates.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rates.funding_time IS 'End of the funding period.';
COMMENT ON COLUMN onetrading.funding_rates.funding_rate IS 'Fraction per funding period; positive: longs paid shorts.';
COMMENT ON COLUMN onetrading.funding_rates.mark_price IS 'Mark price at settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rates.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.funding_rates.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.funding_rates.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
COMMENT ON COLUMN onetrading.funding_rates.record_page IS 'The row of onetrading.record_pages that holds the record as sent; null while it is in raw.';
COMMENT ON COLUMN onetrading.funding_rates.record_ordinal IS 'Which record of that page it is, from 1 on.';
CREATE VIEW onetrading.futures_trades AS
 SELECT account_id,
    instrument_code,
    traded_at,
    traded_at_nanos,
    sequence,
    trade_id,
        CASE side
            WHEN 'BUY'::text THEN amount
            ELSE (- amount)
        END AS signed
   FROM onetrading.trades
  WHERE ((instrument_code IN ( SELECT instruments.instrument_code
           FROM onetrading.instruments
          WHERE (instruments.kind <> 'SPOT'::text))) OR (instrument_code ~~ '%\_P'::text));
COMMENT ON VIEW onetrading.futures_trades IS 'Trades of futures with the change of the position.';
COMMENT ON COLUMN onetrading.futures_trades.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.traded_at IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.traded_at_nanos IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.sequence IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.trade_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.futures_trades.signed IS 'In units of the base asset: positive when bought.';
CREATE VIEW onetrading.net_positions AS
 SELECT snapshot_id,
    account_id,
    instrument_code,
        CASE
            WHEN bool_and((direction = ANY (ARRAY['LONG'::text, 'SHORT'::text]))) THEN sum(
            CASE direction
                WHEN 'LONG'::text THEN open_volume
                ELSE (- open_volume)
            END)
            ELSE NULL::numeric
        END AS net
   FROM onetrading.positions
  GROUP BY snapshot_id, account_id, instrument_code;
COMMENT ON VIEW onetrading.net_positions IS 'Observed positions with a sign. An instrument without a row in a snapshot was flat.';
COMMENT ON COLUMN onetrading.net_positions.snapshot_id IS 'As in onetrading.positions.';
COMMENT ON COLUMN onetrading.net_positions.account_id IS 'As in onetrading.positions.';
COMMENT ON COLUMN onetrading.net_positions.instrument_code IS 'As in onetrading.positions.';
COMMENT ON COLUMN onetrading.net_positions.net IS 'In units of the base asset: negative when short; null when a direction is unknown.';
CREATE VIEW onetrading.funding_positions AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    slots.instrument_code,
    slots.funding_time,
    slots.booked_at,
    slots.booked,
    slots.net_at_slot,
    slots.net_at_booking,
    slots.is_known,
    slots.decimals
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( WITH payments AS (
                 SELECT payments_1.instrument_code,
                    payments_1.funding_time,
                    payments_1.booked_at,
                    payments_1.amount
                   FROM onetrading.funding_payments payments_1
                  WHERE ((payments_1.account_id = months.account_id) AND (payments_1.booked_at >= months.starts_at) AND (payments_1.booked_at < months.ends_at))
                ), fills AS (
                 SELECT trades.instrument_code,
                    trades.traded_at,
                    trades.traded_at_nanos,
                    trades.sequence,
                    trades.trade_id,
                    trades.signed
                   FROM onetrading.futures_trades trades
                  WHERE ((trades.account_id = months.account_id) AND (trades.traded_at >= months.starts_at) AND (trades.traded_at < months.ends_at))
                ), first_seen AS (
                 SELECT snapshots.snapshot_id,
                    LEAST(snapshots.last_observed_at, months.starts_at) AS at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = months.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.first_observed_at <= months.starts_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1
                ), closings AS (
                 SELECT positions_1.instrument_code,
                    max(positions_1.closed_at) AS closed_at
                   FROM onetrading.closed_positions positions_1
                  WHERE ((positions_1.account_id = months.account_id) AND (positions_1.closed_at < months.starts_at) AND (NOT (EXISTS ( SELECT
                           FROM first_seen))))
                  GROUP BY positions_1.instrument_code
                ), bounds AS (
                 SELECT array_agg(instants.instant) AS instants
                   FROM ( SELECT COALESCE(( SELECT (first_seen.at + '00:00:00.000001'::interval)
                                   FROM first_seen), ( SELECT trades.traded_at
                                   FROM onetrading.trades
                                  WHERE ((trades.account_id >= months.account_id) AND (trades.account_id <= months.account_id))
                                  ORDER BY trades.account_id, trades.traded_at
                                 LIMIT 1)) AS instant
                        UNION ALL
                         SELECT (closings.closed_at + '00:00:00.000001'::interval)
                           FROM closings
                        UNION ALL
                         SELECT months.starts_at) instants
                  WHERE (instants.instant <= months.starts_at)
                ), openings AS (
                 SELECT before.instrument_code,
                    sum(before.net) AS net
                   FROM ( SELECT net_positions.instrument_code,
                            net_positions.net
                           FROM onetrading.net_positions
                          WHERE (net_positions.snapshot_id = ( SELECT first_seen.snapshot_id
                                   FROM first_seen))
                        UNION ALL
                         SELECT sums.instrument_code,
                                CASE sums.side
                                    WHEN 'BUY'::text THEN sums.amount
                                    ELSE (- sums.amount)
                                END AS "case"
                           FROM ((bounds
                             CROSS JOIN LATERAL onetrading.trade_sums(months.account_id, bounds.instants) sums(instrument_code, side, fee_currency, at, amount, quote_amount, fees_paid, fees_received))
                             LEFT JOIN closings ON ((closings.instrument_code = sums.instrument_code)))
                          WHERE ((sums.at > COALESCE(closings.closed_at, '-infinity'::timestamp with time zone)) AND ((sums.instrument_code IN ( SELECT instruments.instrument_code
                                   FROM onetrading.instruments
                                  WHERE (instruments.kind <> 'SPOT'::text))) OR (sums.instrument_code ~~ '%\_P'::text)))) before
                  GROUP BY before.instrument_code
                ), settled AS (
                 SELECT funding_rates.instrument_code,
                    funding_rates.funding_time
                   FROM onetrading.funding_rates
                  WHERE ((funding_rates.funding_time >= months.starts_at) AND (funding_rates.funding_time < months.ends_at))
                ), seen AS (
                 SELECT DISTINCT observed.snapshot_id,
                    observed.at
                   FROM (( SELECT DISTINCT settled.funding_time AS before
                           FROM settled
                        UNION ALL
                         SELECT months.ends_at) instants
                     CROSS JOIN LATERAL ( SELECT snapshots.snapshot_id,
                            LEAST(snapshots.last_observed_at, instants.before) AS at
                           FROM onetrading.snapshots
                          WHERE ((snapshots.account_id = months.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.first_observed_at <= instants.before))
                          ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                         LIMIT 3) observed)
                  WHERE (observed.at > months.starts_at)
                ), held AS (
                 SELECT openings.instrument_code
                   FROM openings
                UNION
                 SELECT fills.instrument_code
                   FROM fills
                UNION
                 SELECT payments_1.instrument_code
                   FROM payments payments_1
                UNION
                 SELECT net_positions.instrument_code
                   FROM onetrading.net_positions
                  WHERE (net_positions.snapshot_id IN ( SELECT seen.snapshot_id
                           FROM seen))
                ), slots AS (
                 SELECT settled.instrument_code,
                    settled.funding_time
                   FROM settled
                  WHERE (settled.instrument_code IN ( SELECT held.instrument_code
                           FROM held))
                UNION
                 SELECT payments_1.instrument_code,
                    payments_1.funding_time
                   FROM payments payments_1
                ), events AS (
                 SELECT held.instrument_code,
                    months.starts_at AS at,
                    0 AS rank,
                    'opening'::text AS what,
                        CASE
                            WHEN ((closings.closed_at IS NOT NULL) OR (EXISTS ( SELECT
                               FROM first_seen))) THEN COALESCE(openings.net, (0)::numeric)
                            ELSE NULL::numeric
                        END AS anchor,
                    COALESCE(openings.net, (0)::numeric) AS guess,
                    NULL::numeric AS signed,
                    NULL::timestamp with time zone AS funding_time,
                    NULL::bigint AS traded_at_nanos,
                    NULL::bigint AS sequence,
                    NULL::uuid AS trade_id
                   FROM ((held
                     LEFT JOIN openings USING (instrument_code))
                     LEFT JOIN closings USING (instrument_code))
                UNION ALL
                 SELECT positions_1.instrument_code,
                    positions_1.opened_at,
                    1,
                    'start'::text AS text,
                    0,
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    NULL::timestamp with time zone AS timestamptz,
                    NULL::bigint AS int8,
                    NULL::bigint AS int8,
                    NULL::uuid AS uuid
                   FROM onetrading.closed_positions positions_1
                  WHERE ((positions_1.account_id = months.account_id) AND (positions_1.instrument_code IS NOT NULL) AND (positions_1.opened_at > months.starts_at) AND (positions_1.closed_at > months.starts_at) AND (positions_1.opened_at < months.ends_at))
                UNION ALL
                 SELECT fills.instrument_code,
                    fills.traded_at,
                    2,
                    'trade'::text AS text,
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    fills.signed,
                    NULL::timestamp with time zone AS timestamptz,
                    fills.traded_at_nanos,
                    fills.sequence,
                    fills.trade_id
                   FROM fills
                UNION ALL
                 SELECT positions_1.instrument_code,
                    positions_1.closed_at,
                    3,
                    'closing'::text AS text,
                    0,
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    NULL::timestamp with time zone AS timestamptz,
                    NULL::bigint AS int8,
                    NULL::bigint AS int8,
                    NULL::uuid AS uuid
                   FROM onetrading.closed_positions positions_1
                  WHERE ((positions_1.account_id = months.account_id) AND (positions_1.instrument_code IS NOT NULL) AND (positions_1.closed_at > months.starts_at) AND (positions_1.closed_at < months.ends_at))
                UNION ALL
                 SELECT held.instrument_code,
                    seen.at,
                    4,
                    'observation'::text AS text,
                        CASE
                            WHEN (positions_1.snapshot_id IS NULL) THEN (0)::numeric
                            ELSE positions_1.net
                        END AS net,
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    NULL::timestamp with time zone AS timestamptz,
                    NULL::bigint AS int8,
                    NULL::bigint AS int8,
                    NULL::uuid AS uuid
                   FROM ((seen
                     CROSS JOIN held)
                     LEFT JOIN onetrading.net_positions positions_1 ON (((positions_1.snapshot_id = seen.snapshot_id) AND (positions_1.instrument_code = held.instrument_code))))
                UNION ALL
                 SELECT slots_1.instrument_code,
                    slots_1.funding_time,
                    5,
                    'slot'::text AS text,
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    slots_1.funding_time,
                    NULL::bigint AS int8,
                    NULL::bigint AS int8,
                    NULL::uuid AS uuid
                   FROM slots slots_1
                UNION ALL
                 SELECT payments_1.instrument_code,
                    payments_1.booked_at,
                    5,
                    'booking'::text AS text,
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    NULL::numeric AS "numeric",
                    payments_1.funding_time,
                    NULL::bigint AS int8,
                    NULL::bigint AS int8,
                    NULL::uuid AS uuid
                   FROM payments payments_1
                ), near AS (
                 SELECT events.instrument_code,
                    events.at,
                    events.rank,
                    events.what,
                    events.anchor,
                    events.guess,
                    events.signed,
                    events.funding_time,
                    events.traded_at_nanos,
                    events.sequence,
                    events.trade_id,
                    max(events.at) FILTER (WHERE (events.what = 'trade'::text)) OVER (PARTITION BY events.instrument_code ORDER BY events.at, events.rank) AS trade_before,
                    min(events.at) FILTER (WHERE (events.what = 'trade'::text)) OVER (PARTITION BY events.instrument_code ORDER BY events.at DESC, events.rank DESC) AS trade_after,
                    count(*) FILTER (WHERE (events.what = 'trade'::text)) OVER (PARTITION BY events.instrument_code, events.at) AS trades_then,
                    count(*) FILTER (WHERE (events.what = 'closing'::text)) OVER (PARTITION BY events.instrument_code, events.at) AS closings_then
                   FROM events
                ), anchored AS (
                 SELECT judged.instrument_code,
                    judged.at,
                    judged.rank,
                    judged.what,
                    judged.anchor,
                    judged.guess,
                    judged.signed,
                    judged.funding_time,
                    judged.traded_at_nanos,
                    judged.sequence,
                    judged.trade_id,
                    judged.trade_before,
                    judged.trade_after,
                    judged.trades_then,
                    judged.closings_then,
                    judged.valid_anchor,
                    count(judged.valid_anchor) OVER (PARTITION BY judged.instrument_code ORDER BY judged.at, judged.rank, judged.traded_at_nanos, judged.sequence, judged.trade_id) AS span
                   FROM ( SELECT near.instrument_code,
                            near.at,
                            near.rank,
                            near.what,
                            near.anchor,
                            near.guess,
                            near.signed,
                            near.funding_time,
                            near.traded_at_nanos,
                            near.sequence,
                            near.trade_id,
                            near.trade_before,
                            near.trade_after,
                            near.trades_then,
                            near.closings_then,
                                CASE
                                    WHEN ((near.what = ANY (ARRAY['start'::text, 'closing'::text])) AND (near.trades_then > 1)) THEN NULL::numeric
                                    WHEN ((near.what = 'start'::text) AND (near.closings_then > 0)) THEN NULL::numeric
                                    WHEN ((near.what = 'observation'::text) AND ((near.trade_before >= (near.at - '00:00:05'::interval)) OR (near.trade_after <= (near.at + '00:00:05'::interval)))) THEN NULL::numeric
                                    ELSE near.anchor
                                END AS valid_anchor
                           FROM near) judged
                ), spans AS (
                 SELECT sums.instrument_code,
                    sums.span,
                    COALESCE(sums.anchor, (sums.next_anchor - sums.moved), sums.guess) AS anchor,
                    COALESCE(((COALESCE(sums.anchor, sums.guess) + sums.moved) = sums.next_anchor), (sums.anchor IS NOT NULL)) AS is_proven
                   FROM ( SELECT anchored.instrument_code,
                            anchored.span,
                            max(anchored.valid_anchor) AS anchor,
                            max(anchored.guess) AS guess,
                            COALESCE(sum(anchored.signed), (0)::numeric) AS moved,
                            lead(max(anchored.valid_anchor)) OVER (PARTITION BY anchored.instrument_code ORDER BY anchored.span) AS next_anchor
                           FROM anchored
                          GROUP BY anchored.instrument_code, anchored.span) sums
                ), nets AS (
                 SELECT anchored.instrument_code,
                    anchored.what,
                    anchored.funding_time,
                    anchored.span,
                    COALESCE(sum(anchored.signed) OVER (PARTITION BY anchored.instrument_code, anchored.span ORDER BY anchored.at, anchored.rank, anchored.traded_at_nanos, anchored.sequence, anchored.trade_id), (0)::numeric) AS moved
                   FROM anchored
                ), positions AS (
                 SELECT nets.instrument_code,
                    nets.funding_time,
                    max((spans.anchor + nets.moved)) FILTER (WHERE (nets.what = 'slot'::text)) AS net_at_slot,
                    max((spans.anchor + nets.moved)) FILTER (WHERE (nets.what = 'booking'::text)) AS net_at_booking,
                    bool_and(spans.is_proven) AS is_known
                   FROM (nets
                     JOIN spans USING (instrument_code, span))
                  WHERE (nets.funding_time IS NOT NULL)
                  GROUP BY nets.instrument_code, nets.funding_time
                )
         SELECT positions.instrument_code,
            positions.funding_time,
            payments.booked_at,
            payments.amount AS booked,
            positions.net_at_slot,
            positions.net_at_booking,
            positions.is_known,
            GREATEST(4, max(min_scale(payments.amount)) OVER (PARTITION BY positions.instrument_code)) AS decimals
           FROM (positions
             LEFT JOIN payments USING (instrument_code, funding_time))) slots);
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
CREATE VIEW reporting.funding_check_by_zone AS
 SELECT account,
    account_id,
    zone,
    month,
    instrument_code,
    quote_code,
    funding_time,
    booked_at,
    funding_rate,
    mark_price,
    "position",
    is_known AS position_is_known,
        CASE
            WHEN is_negated THEN (- expected)
            ELSE expected
        END AS expected,
    booked,
    (COALESCE(booked, (0)::numeric) -
        CASE
            WHEN is_negated THEN (- expected)
            ELSE expected
        END) AS difference,
        CASE
            WHEN (abs((COALESCE(booked, (0)::numeric) -
            CASE
                WHEN is_negated THEN (- expected)
                ELSE expected
            END)) <= unit) THEN 'ok'::text
            WHEN (NOT is_known) THEN 'unknown_position'::text
            WHEN ("position" = (0)::numeric) THEN
            CASE
                WHEN (abs(booked) <= unit) THEN 'ok'::text
                ELSE 'unexpected'::text
            END
            WHEN ((funding_rate IS NULL) AND (booked IS NOT NULL) AND (EXISTS ( SELECT
               FROM onetrading_sync.coverage
              WHERE ((coverage.account_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (coverage.stream = 'funding_history'::text) AND (coverage.scope = judged.instrument_code) AND (coverage.range @> (judged.funding_time + '00:10:00'::interval)))))) THEN 'unexpected'::text
            WHEN (expected IS NULL) THEN 'unknown_rate'::text
            WHEN (booked IS NULL) THEN
            CASE
                WHEN is_read THEN 'missing'::text
                ELSE 'open'::text
            END
            ELSE 'different'::text
        END AS state
   FROM ( SELECT priced.account,
            priced.account_id,
            priced.zone,
            priced.month,
            priced.instrument_code,
            priced.quote_code,
            priced.funding_time,
            priced.booked_at,
            priced.funding_rate,
            priced.mark_price,
            priced.booked,
            priced.is_known,
            priced.unit,
            priced."position",
            priced.expected,
                CASE
                    WHEN ((abs((priced.booked + priced.expected)) <= priced.unit) AND (abs(priced.booked) > priced.unit)) THEN (priced.account_id IN ( SELECT accounts_paid_positive.account_id
                       FROM onetrading.accounts_paid_positive))
                    ELSE false
                END AS is_negated,
            ((priced.booked IS NOT NULL) OR (NOT (EXISTS ( SELECT
                   FROM onetrading_sync.progress
                  WHERE ((progress.account_id = priced.account_id) AND (progress.stream = 'funding_payments'::text))))) OR (EXISTS ( SELECT
                   FROM onetrading_sync.coverage
                  WHERE ((coverage.account_id = priced.account_id) AND (coverage.stream = 'funding_payments'::text) AND (coverage.range @> (priced.funding_time + '00:10:00'::interval)))))) AS is_read
           FROM ( SELECT slots.account,
                    slots.account_id,
                    slots.zone,
                    slots.month,
                    slots.instrument_code,
                    markets.quote_code,
                    slots.funding_time,
                    slots.booked_at,
                    rates.funding_rate,
                    rates.mark_price,
                    slots.booked,
                    slots.is_known,
                    slots.unit,
                    paid_for."position",
                    (((- rates.funding_rate) * rates.mark_price) * paid_for."position") AS expected
                   FROM (((( SELECT funding_positions.account_id,
                            funding_positions.account,
                            funding_positions.zone,
                            funding_positions.month,
                            funding_positions.instrument_code,
                            funding_positions.funding_time,
                            funding_positions.booked_at,
                            funding_positions.booked,
                            funding_positions.net_at_slot,
                            funding_positions.net_at_booking,
                            funding_positions.is_known,
                            funding_positions.decimals,
                            power((10)::numeric, ((- funding_positions.decimals))::numeric) AS unit
                           FROM onetrading.funding_positions) slots
                     LEFT JOIN onetrading.funding_rates rates ON (((rates.instrument_code = slots.instrument_code) AND (rates.funding_time = slots.funding_time))))
                     LEFT JOIN onetrading.instrument_markets markets ON (((markets.instrument_code = slots.instrument_code) AND (markets.known_from <= slots.funding_time) AND (slots.funding_time < markets.known_to))))
                     CROSS JOIN LATERAL ( SELECT
                                CASE
                                    WHEN (abs((slots.booked + ((rates.funding_rate * rates.mark_price) * slots.net_at_booking))) <= slots.unit) THEN slots.net_at_booking
                                    WHEN ((abs((slots.booked + ((rates.funding_rate * rates.mark_price) * slots.net_at_slot))) <= slots.unit) OR (abs((slots.booked - ((rates.funding_rate * rates.mark_price) * slots.net_at_slot))) <= slots.unit)) THEN slots.net_at_slot
                                    ELSE COALESCE(slots.net_at_booking, slots.net_at_slot)
                                END AS "position") paid_for)
                  WHERE ((slots.booked IS NOT NULL) OR (slots.net_at_slot <> (0)::numeric) OR (NOT slots.is_known))) priced) judged;
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
COMMENT ON COLUMN reporting.funding_check_by_zone."position" IS 'In units of the base asset, negative when short: the position then. Where trades lie between the funding time and the booking, the one that fits the payment.';
COMMENT ON COLUMN reporting.funding_check_by_zone.position_is_known IS 'False where the trades around do not lead from one known position (observed, or closed) to the next: one is missing.';
COMMENT ON COLUMN reporting.funding_check_by_zone.expected IS 'In quote_code, exact: minus rate times mark price times position, so positive when received; negated where reporting.funding_sign says paid_positive and the payment fits. Null when the rate is not known.';
COMMENT ON COLUMN reporting.funding_check_by_zone.booked IS 'In quote_code, as sent; null when nothing was booked.';
COMMENT ON COLUMN reporting.funding_check_by_zone.difference IS 'In quote_code: booked (0 when nothing was) less expected.';
COMMENT ON COLUMN reporting.funding_check_by_zone.state IS 'ok (the difference is at most one unit of the last decimal of the month''s payments of the instrument), missing (nothing was booked), unexpected (booked without a position, or at a time of which no rate was settled), different, unknown_position (the position is not known for sure), unknown_rate (the settled rate is not read) or open (payments are not read so far yet).';
CREATE VIEW reporting.funding_check AS
 SELECT account,
    account_id,
    zone,
    month,
    instrument_code,
    quote_code,
    funding_time,
    booked_at,
    funding_rate,
    mark_price,
    "position",
    position_is_known,
    expected,
    booked,
    difference,
    state
   FROM reporting.funding_check_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.funding_check IS 'One row per account, futures instrument and funding time at which there was a position or a payment: what the settled rate makes of the position, against what was booked. Filter by account and month.
Example:
SELECT month, instrument_code, state, count(*) AS slots, sum(difference) AS difference
FROM reporting.funding_check WHERE account = ''main'' AND month = ''2026-03-01''
GROUP BY month, instrument_code, state ORDER BY instrument_code, state;';
COMMENT ON COLUMN reporting.funding_check.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.funding_check.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.funding_check.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.funding_check.month IS 'First day of the calendar month of booked_at, else of funding_time.';
COMMENT ON COLUMN reporting.funding_check.instrument_code IS 'Futures market.';
COMMENT ON COLUMN reporting.funding_check.quote_code IS 'Currency of all amounts and prices; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.funding_check.funding_time IS 'The slot: when funding was settled.';
COMMENT ON COLUMN reporting.funding_check.booked_at IS 'When the payment was booked; null when none was.';
COMMENT ON COLUMN reporting.funding_check.funding_rate IS 'Settled rate, a fraction per funding period; positive: longs pay shorts. Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_check.mark_price IS 'In quote_code: mark price at settlement. Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_check."position" IS 'In units of the base asset, negative when short: the position then. Where trades lie between the funding time and the booking, the one that fits the payment.';
COMMENT ON COLUMN reporting.funding_check.position_is_known IS 'False where the trades around do not lead from one known position (observed, or closed) to the next: one is missing.';
COMMENT ON COLUMN reporting.funding_check.expected IS 'In quote_code, exact: minus rate times mark price times position, so positive when received; negated where reporting.funding_sign says paid_positive and the payment fits. Null when the rate is not known.';
COMMENT ON COLUMN reporting.funding_check.booked IS 'In quote_code, as sent; null when nothing was booked.';
COMMENT ON COLUMN reporting.funding_check.difference IS 'In quote_code: booked (0 when nothing was) less expected.';
COMMENT ON COLUMN reporting.funding_check.state IS 'ok (the difference is at most one unit of the last decimal of the month''s payments of the instrument), missing (nothing was booked), unexpected (booked without a position, or at a time of which no rate was settled), different, unknown_position (the position is not known for sure), unknown_rate (the settled rate is not read) or open (payments are not read so far yet).';
CREATE FUNCTION reporting.funding_check(zone text) RETURNS SETOF reporting.funding_check
    LANGUAGE sql STABLE
    AS $_$
    SELECT * FROM reporting.funding_check_by_zone AS slots
    WHERE slots.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.funding_check(zone text) IS 'The view of this name in any time zone.
Example:
SELECT state, count(*) AS slots FROM reporting.funding_check(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' GROUP BY state;';
CREATE VIEW onetrading.live_inventory_rollforward AS
 SELECT months.account,
    months.account_id,
    months.month,
    months.zone,
    inventory.base_code AS asset,
    inventory.quote_code AS quote,
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
COMMENT ON VIEW onetrading.live_inventory_rollforward IS 'reporting.inventory_rollforward_by_zone as computed from the facts, whether a month is locked or not.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.account IS 'Configured name of the account.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.asset IS 'The asset.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.quote IS 'The currency of costs.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.method IS 'fifo or average.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.opening_quantity IS 'Held when the month began, in units of asset: what was bought or imported, and not sold.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.opening_cost IS 'Its total cost, in quote; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.acquired_quantity IS 'BUYs, less fees in asset, and imported lots that were acquired in the month.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.acquired_cost IS 'Their total cost, in quote, without fees; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.disposed_quantity IS 'SELLs, without what was sold beyond what was held.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.disposed_cost IS 'Its cost, in quote; null when an imported lot without a cost is among it, which would make it too low.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.closing_quantity IS 'opening_quantity + acquired_quantity - disposed_quantity.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.closing_cost IS 'opening_cost + acquired_cost - disposed_cost, in quote; where one of them is null, the cost of the open lots or of the pool, which is null when an imported lot without a cost is in it.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.difference IS 'closing_quantity less the quantity of the open lots, or of the pool: 0, or the software is wrong.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.cost_difference IS 'The same of the cost: 0; null where a cost is not known.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.missing_quantity IS 'What was sold beyond what was held, in units of asset: in neither disposed_quantity nor closing_quantity.';
COMMENT ON COLUMN onetrading.live_inventory_rollforward.unknown_because IS 'Why a cost is null; null when none is.';
CREATE VIEW reporting.inventory_rollforward_by_zone AS
 SELECT live.account,
    live.account_id,
    live.month,
    live.zone,
    live.asset,
    live.quote,
    live.method,
    live.opening_quantity,
    live.opening_cost,
    live.acquired_quantity,
    live.acquired_cost,
    live.disposed_quantity,
    live.disposed_cost,
    live.closing_quantity,
    live.closing_cost,
    live.difference,
    live.cost_difference,
    live.missing_quantity,
    live.unknown_because
   FROM onetrading.live_inventory_rollforward live
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closes
          WHERE ((closes.month = live.month) AND (closes.reopened_at IS NULL) AND (closes.zone = live.zone)))))
UNION ALL
 SELECT stored.account,
    stored.account_id,
    stored.month,
    stored.zone,
    stored.asset,
    stored.quote,
    stored.method,
    stored.opening_quantity,
    stored.opening_cost,
    stored.acquired_quantity,
    stored.acquired_cost,
    stored.disposed_quantity,
    stored.disposed_cost,
    stored.closing_quantity,
    stored.closing_cost,
    stored.difference,
    stored.cost_difference,
    stored.missing_quantity,
    stored.unknown_because
   FROM (onetrading.locked_rows locked
     CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_inventory_rollforward, locked."row") stored(account, account_id, month, zone, asset, quote, method, opening_quantity, opening_cost, acquired_quantity, acquired_cost, disposed_quantity, disposed_cost, closing_quantity, closing_cost, difference, cost_difference, missing_quantity, unknown_because))
  WHERE ((locked.report = 'inventory_rollforward'::text) AND (stored.month = locked.month) AND (stored.zone = locked.zone));
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
 SELECT account,
    account_id,
    month,
    zone,
    asset,
    quote,
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
    AS $_$
SELECT * FROM reporting.inventory_rollforward_by_zone AS inventory WHERE inventory.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.inventory_rollforward(zone text) IS 'The view of this name in any time zone.
Example:
SELECT asset, opening_quantity, acquired_quantity, disposed_quantity, closing_quantity, closing_cost
FROM reporting.inventory_rollforward(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-10-01'' AND method = ''fifo''
ORDER BY asset, quote;';
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
CREATE VIEW reporting.ledger_by_zone AS
 SELECT trades.account,
    trades.account_id,
    trades.zone,
    trades.month,
    ((leg.entry_kind || ':'::text) || trades.trade_id) AS entry_id,
    leg.entry_kind,
    trades.traded_at AS booked_at,
    leg.ledger_account,
    leg.asset,
    leg.amount,
    leg.counter,
    trades.trade_id,
    (trades.order_id)::text AS reference,
    trades.instrument_code
   FROM ((onetrading.trades_of_months trades
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (trades.side = 'BUY'::text) THEN trades.amount
                    ELSE (- trades.amount)
                END AS base,
                CASE
                    WHEN (trades.side = 'BUY'::text) THEN (- trades.quote_amount)
                    ELSE trades.quote_amount
                END AS quote,
                CASE
                    WHEN trades.is_futures THEN 'position'::text
                    ELSE 'account'::text
                END AS own,
                CASE
                    WHEN trades.is_futures THEN 'position'::text
                    ELSE 'trading'::text
                END AS counter) moved)
     CROSS JOIN LATERAL ( VALUES ('trade'::text,moved.own,trades.base_code,moved.base,moved.counter), ('trade'::text,'trading'::text,trades.base_code,(- moved.base),moved.counter), ('trade'::text,moved.own,trades.quote_code,moved.quote,moved.counter), ('trade'::text,'trading'::text,trades.quote_code,(- moved.quote),moved.counter), ('fee'::text,'account'::text,trades.fee_currency,(- trades.fee_amount),'fees'::text), ('fee'::text,'fees'::text,trades.fee_currency,trades.fee_amount,'fees'::text)) leg(entry_kind, ledger_account, asset, amount, counter))
  WHERE (leg.amount <> (0)::numeric)
UNION ALL
 SELECT months.account,
    months.account_id,
    months.zone,
    months.month,
    ((('funding:'::text || payments.instrument_code) || ':'::text) || to_char((payments.funding_time AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'::text)) AS entry_id,
    'funding'::text AS entry_kind,
    payments.booked_at,
    leg.ledger_account,
    markets.quote_code AS asset,
    leg.amount,
    'funding'::text AS counter,
    NULL::uuid AS trade_id,
    to_char((payments.funding_time AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'::text) AS reference,
    payments.instrument_code
   FROM (((onetrading.account_months months
     CROSS JOIN LATERAL ( WITH apart AS (
                 SELECT
                )
         SELECT payments_1.account_id,
            payments_1.instrument_code,
            payments_1.booked_at,
            payments_1.funding_time,
            payments_1.amount,
            payments_1.cash_balance,
            payments_1.raw,
            payments_1.row_hash,
            payments_1.first_seen_at
           FROM onetrading.funding_payments payments_1
          WHERE ((payments_1.account_id = months.account_id) AND (payments_1.booked_at >= months.starts_at) AND (payments_1.booked_at < months.ends_at))) payments)
     LEFT JOIN onetrading.instrument_markets markets ON (((markets.instrument_code = payments.instrument_code) AND (markets.known_from <= payments.funding_time) AND (payments.funding_time < markets.known_to))))
     CROSS JOIN LATERAL ( VALUES ('account'::text,payments.amount), ('funding'::text,(- payments.amount))) leg(ledger_account, amount))
  WHERE (leg.amount <> (0)::numeric)
UNION ALL
 SELECT months.account,
    months.account_id,
    months.zone,
    months.month,
    ('movement:'::text || movements.reference) AS entry_id,
    'movement'::text AS entry_kind,
    movements.moved_at AS booked_at,
    leg.ledger_account,
    movements.currency_code AS asset,
    leg.amount,
        CASE movements.kind
            WHEN 'fee'::text THEN 'fees'::text
            ELSE 'external'::text
        END AS counter,
    NULL::uuid AS trade_id,
    movements.reference,
    NULL::text AS instrument_code
   FROM ((onetrading.account_months months
     CROSS JOIN LATERAL ( WITH apart AS (
                 SELECT
                )
         SELECT movements_1.account_id,
            movements_1.reference,
            movements_1.moved_at,
            movements_1.currency_code,
            movements_1.amount,
            movements_1.kind,
            movements_1.note,
            movements_1.first_seen_at
           FROM onetrading.external_movements movements_1
          WHERE ((movements_1.account_id = months.account_id) AND (movements_1.moved_at >= months.starts_at) AND (movements_1.moved_at < months.ends_at))) movements)
     CROSS JOIN LATERAL ( VALUES ('account'::text,movements.amount), (
                CASE movements.kind
                    WHEN 'fee'::text THEN 'fees'::text
                    ELSE 'external'::text
                END,(- movements.amount))) leg(ledger_account, amount));
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
 SELECT account,
    account_id,
    zone,
    month,
    entry_id,
    entry_kind,
    booked_at,
    ledger_account,
    asset,
    amount,
    counter,
    trade_id,
    reference,
    instrument_code
   FROM reporting.ledger_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.ledger IS 'The journal: one row per leg of trades, fees, funding and movements (deposits and withdrawals that were imported), in double entry, so that each entry sums to 0 per asset. The legs with ledger_account = ''account'' add up to the change of the balance, of futures accounts but for what the settlements of each minute moved in the quote currency. Filter by account and by booked_at or month.
Example:
SELECT booked_at, entry_id, asset, amount, counter
FROM reporting.ledger
WHERE account = ''main'' AND booked_at >= ''2026-03-01 00:00Z'' AND booked_at < ''2026-04-01 00:00Z''
    AND ledger_account = ''account''
ORDER BY booked_at, entry_id, asset;';
COMMENT ON COLUMN reporting.ledger.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.ledger.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.ledger.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.ledger.month IS 'First day of the calendar month of booked_at.';
COMMENT ON COLUMN reporting.ledger.entry_id IS 'Identity of the entry within the account: trade:TRADE_ID, fee:TRADE_ID, funding:INSTRUMENT:FUNDING_TIME or movement:REFERENCE.';
COMMENT ON COLUMN reporting.ledger.entry_kind IS 'trade, fee, funding or movement. Settlements of futures are in no record of the exchange and not in here: reporting.balance_rollforward infers them.';
COMMENT ON COLUMN reporting.ledger.booked_at IS 'traded_at of trades and fees, booked_at of funding, moved_at of movements.';
COMMENT ON COLUMN reporting.ledger.ledger_account IS 'Where the leg is booked: account (a balance of the account), position (a futures position: its size in the base asset, and less what was given for it in the quote currency), trading, fees, funding or external.';
COMMENT ON COLUMN reporting.ledger.asset IS 'Currency or asset of amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.ledger.amount IS 'In units of asset: positive when it comes in to ledger_account. An entry sums to 0 per asset. Funding as sent, which is positive when received (reporting.funding_sign says whether that holds).';
COMMENT ON COLUMN reporting.ledger.counter IS 'Against what the entry is booked, on all its legs: trading (spot trades), position (futures trades, which move no balance), fees (also fees that were imported as movements), funding or external.';
COMMENT ON COLUMN reporting.ledger.trade_id IS 'The trade of a trade or fee; null otherwise.';
COMMENT ON COLUMN reporting.ledger.reference IS 'order_id of trades and fees, the funding time of funding, the reference of movements.';
COMMENT ON COLUMN reporting.ledger.instrument_code IS 'The market of trades, fees and funding; null of movements.';
CREATE FUNCTION reporting.ledger(zone text) RETURNS SETOF reporting.ledger
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.ledger_by_zone AS ledger WHERE ledger.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.ledger(zone text) IS 'The view of this name in any time zone.
Example:
SELECT asset, sum(amount) AS change FROM reporting.ledger(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' AND ledger_account = ''account''
GROUP BY asset ORDER BY asset;';
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
CREATE VIEW onetrading.possible_rejects AS
 SELECT account_id,
    stream,
    first_seen_at,
    COALESCE(possible_from,
        CASE
            WHEN ((possible_to IS NOT NULL) OR (EXISTS ( SELECT
               FROM onetrading_sync.progress history
              WHERE ((history.account_id = rejects.account_id) AND (history.stream = rejects.stream) AND (history.required_from IS NOT NULL))))) THEN '-infinity'::timestamp with time zone
            ELSE first_seen_at
        END) AS possible_from,
    COALESCE(possible_to, first_seen_at) AS possible_to
   FROM reporting.open_rejects rejects;
COMMENT ON VIEW onetrading.possible_rejects IS 'When each record that could not be read can have happened. One of no history (a balance, an instrument) is missing in the state of the time at which it came.';
COMMENT ON COLUMN onetrading.possible_rejects.account_id IS 'As in reporting.open_rejects.';
COMMENT ON COLUMN onetrading.possible_rejects.stream IS 'As in reporting.open_rejects.';
COMMENT ON COLUMN onetrading.possible_rejects.first_seen_at IS 'As in reporting.open_rejects.';
COMMENT ON COLUMN onetrading.possible_rejects.possible_from IS 'Earliest instant; -infinity when nothing is known.';
COMMENT ON COLUMN onetrading.possible_rejects.possible_to IS 'Latest instant.';
CREATE VIEW onetrading.required_scopes AS
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
     CROSS JOIN LATERAL ( SELECT COALESCE(range_agg(coverage.range), '{}'::tstzmultirange) AS ranges
           FROM onetrading_sync.coverage
          WHERE ((coverage.account_id = progress.account_id) AND (coverage.stream = progress.stream) AND (coverage.scope = progress.scope))) proven)
     LEFT JOIN onetrading.accounts USING (account_id))
  WHERE ((progress.required_from IS NOT NULL) AND (progress.retired_because IS NULL));
COMMENT ON VIEW onetrading.required_scopes IS 'What must be proven. A scope that is no longer asked or is refused proves and lacks nothing.';
COMMENT ON COLUMN onetrading.required_scopes.account_id IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.stream IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.scope IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.settle IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.required_from IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.ranges IS 'What is proven.';
COMMENT ON COLUMN onetrading.required_scopes.stream_from IS 'The earliest required_from of the stream.';
COMMENT ON COLUMN onetrading.required_scopes.unserved IS 'Whether the exchange does not serve all that was asked for.';
COMMENT ON COLUMN onetrading.required_scopes.due_to IS 'Up to where it should be proven by now.';
CREATE VIEW onetrading.calendar_months AS
 SELECT known.account_id,
    COALESCE(accounts.name, (known.account_id)::text) AS account,
    accounts.first_seen_at,
    required.required_from,
    zones.zone,
    (series.starts)::date AS month,
    (series.starts AT TIME ZONE zones.zone) AS starts_at,
    ((series.starts + '1 mon'::interval) AT TIME ZONE zones.zone) AS ends_at
   FROM ((((((( SELECT accounts_1.account_id
           FROM onetrading.accounts accounts_1
        UNION
         SELECT progress.account_id
           FROM onetrading_sync.progress) known
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN ( SELECT required_scopes.account_id,
            min(required_scopes.required_from) AS required_from
           FROM onetrading.required_scopes
          GROUP BY required_scopes.account_id) required USING (account_id))
     LEFT JOIN LATERAL ( SELECT account_spans.first_at
           FROM onetrading.account_spans
          WHERE (account_spans.account_id = known.account_id)) spans ON (true))
     CROSS JOIN LATERAL ( SELECT LEAST(required.required_from, spans.first_at, ( SELECT min(funding_rates.funding_time) AS min
                   FROM onetrading.funding_rates
                  WHERE (known.account_id = '00000000-0000-0000-0000-000000000000'::uuid)), ( SELECT min(possible.possible_from) AS min
                   FROM onetrading.possible_rejects possible
                  WHERE ((possible.account_id = known.account_id) AND (possible.possible_from > '-infinity'::timestamp with time zone)))) AS first_at) first)
     CROSS JOIN onetrading.zones)
     CROSS JOIN LATERAL generate_series(date_trunc('month'::text, (first.first_at AT TIME ZONE zones.zone)), date_trunc('month'::text, (LEAST(now(), accounts.left_at) AT TIME ZONE zones.zone)), '1 mon'::interval) series(starts));
COMMENT ON VIEW onetrading.calendar_months IS 'Calendar months of each account, public included, from the first that has facts or must be complete until the current one, or the one in which the account left. Filter by zone always.';
COMMENT ON COLUMN onetrading.calendar_months.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.calendar_months.account IS 'Name; the account_id as text when it has none.';
COMMENT ON COLUMN onetrading.calendar_months.first_seen_at IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.calendar_months.required_from IS 'From when on any history of it must be complete.';
COMMENT ON COLUMN onetrading.calendar_months.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.calendar_months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.calendar_months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN onetrading.calendar_months.ends_at IS 'End of the month (exclusive).';
CREATE VIEW onetrading.judged_months AS
 SELECT account_id,
    account,
    first_seen_at,
    required_from,
    zone,
    month,
    starts_at,
    ends_at
   FROM onetrading.calendar_months months
  WHERE ((ends_at > required_from) OR (EXISTS ( SELECT
           FROM onetrading.trades
          WHERE ((trades.account_id = months.account_id) AND (trades.traded_at >= months.starts_at) AND (trades.traded_at < months.ends_at)))) OR (EXISTS ( SELECT
           FROM onetrading.funding_payments payments
          WHERE ((payments.account_id = months.account_id) AND (payments.booked_at >= months.starts_at) AND (payments.booked_at < months.ends_at)))) OR (EXISTS ( SELECT
           FROM onetrading.external_movements movements
          WHERE ((movements.account_id = months.account_id) AND (movements.moved_at >= months.starts_at) AND (movements.moved_at < months.ends_at)))) OR (EXISTS ( SELECT
           FROM onetrading.funding_rates
          WHERE ((months.account_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (funding_rates.funding_time >= months.starts_at) AND (funding_rates.funding_time < months.ends_at)))) OR (EXISTS ( SELECT
           FROM onetrading.possible_rejects possible
          WHERE ((possible.account_id = months.account_id) AND (possible.possible_from > '-infinity'::timestamp with time zone) AND (possible.possible_from < months.ends_at) AND (possible.possible_to >= months.starts_at)))));
COMMENT ON VIEW onetrading.judged_months IS 'The months of onetrading.calendar_months that have facts or must be complete.';
COMMENT ON COLUMN onetrading.judged_months.account_id IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.account IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.first_seen_at IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.required_from IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.zone IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.month IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.starts_at IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.ends_at IS 'As in onetrading.calendar_months.';
CREATE VIEW onetrading.months_missing AS
 SELECT account_id,
    zone,
    month,
    sum(seconds) AS seconds,
    min(due_to) AS due_to,
    min(since) AS since,
    bool_or((begins_late AND (seconds > (0)::numeric))) AS begins_late,
    string_agg(stream, ', '::text ORDER BY stream) AS streams,
    string_agg((format('%s: not proven complete from %s to %s'::text, stream, to_char((gap_from AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((gap_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)) ||
        CASE
            WHEN (begins_late AND unserved) THEN ', because the exchange does not serve what is that old'::text
            WHEN begins_late THEN ', because its history is required from later on (ONETRADING_HISTORY_START)'::text
            ELSE ''::text
        END), '; '::text ORDER BY stream) FILTER (WHERE (seconds > (0)::numeric)) AS gaps
   FROM ( SELECT months.account_id,
            months.zone,
            months.month,
            scopes.stream,
            min(scopes.due_to) AS due_to,
            (min(scopes.stream_from) > months.starts_at) AS begins_late,
            bool_or(scopes.unserved) AS unserved,
            sum(EXTRACT(epoch FROM (upper(gaps.gap) - lower(gaps.gap)))) AS seconds,
            min(lower(gaps.gap)) AS gap_from,
            max(upper(gaps.gap)) AS gap_to,
            min((lower(gaps.gap) + scopes.settle)) AS since
           FROM (((onetrading.calendar_months months
             JOIN onetrading.required_scopes scopes USING (account_id))
             CROSS JOIN LATERAL ( SELECT
                        CASE
                            WHEN (scopes.required_from > (scopes.stream_from + '1 day'::interval)) THEN GREATEST(months.starts_at, scopes.required_from)
                            ELSE months.starts_at
                        END AS wanted_from,
                    LEAST(months.ends_at, scopes.due_to) AS wanted_to) wanted)
             LEFT JOIN LATERAL unnest((tstzmultirange(tstzrange(LEAST(wanted.wanted_from, wanted.wanted_to), wanted.wanted_to)) - scopes.ranges)) gaps(gap) ON (true))
          GROUP BY months.account_id, months.zone, months.month, months.starts_at, scopes.stream) missing
  GROUP BY account_id, zone, month;
COMMENT ON VIEW onetrading.months_missing IS 'What of each month should be proven by now and is not. Filter by zone always.';
COMMENT ON COLUMN onetrading.months_missing.account_id IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.months_missing.zone IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.months_missing.month IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.months_missing.seconds IS 'How much is missing, over all streams; null when nothing is.';
COMMENT ON COLUMN onetrading.months_missing.due_to IS 'Up to where all streams should be proven by now.';
COMMENT ON COLUMN onetrading.months_missing.since IS 'When the first missing instant should have been proven.';
COMMENT ON COLUMN onetrading.months_missing.begins_late IS 'Whether something is missing because history is required from later on.';
COMMENT ON COLUMN onetrading.months_missing.streams IS 'The streams that must be complete.';
COMMENT ON COLUMN onetrading.months_missing.gaps IS 'What is missing, in words.';
CREATE VIEW onetrading.coverage_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    checks.check_name,
    checks.state,
    checks.difference,
        CASE
            WHEN (checks.state = 'failing'::text) THEN checks.failing_since
            ELSE NULL::timestamp with time zone
        END AS failing_since,
    checks.detail,
    checks.rows_to_look_at
   FROM (((onetrading.judged_months months
     LEFT JOIN onetrading.months_missing coverage USING (account_id, zone, month))
     LEFT JOIN LATERAL ( SELECT count(*) AS records,
            min(possible.first_seen_at) AS since,
            string_agg(DISTINCT possible.stream, ', '::text ORDER BY possible.stream) AS streams
           FROM onetrading.possible_rejects possible
          WHERE ((possible.account_id = months.account_id) AND (possible.possible_from < months.ends_at) AND (possible.possible_to >= months.starts_at))) rejects ON (true))
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
            rejects.records,
            rejects.since,
                CASE
                    WHEN (rejects.records > 0) THEN format('%s records could not be read: %s'::text, rejects.records, rejects.streams)
                    ELSE 'every record that was sent could be read'::text
                END AS "case",
            format('SELECT reject_id, stream, reason, record, happened_at, first_seen_at FROM reporting.open_rejects WHERE account_id = %1$L AND coalesce(possible_to, first_seen_at) >= %2$L AND coalesce(possible_from, CASE WHEN possible_to IS NULL AND stream NOT IN (SELECT stream FROM reporting.freshness WHERE account_id = %1$L AND kind = ''history'') THEN first_seen_at ELSE ''-infinity'' END) < %3$L ORDER BY reject_id'::text, months.account_id, to_char((months.starts_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((months.ends_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)) AS format) checks);
COMMENT ON VIEW onetrading.coverage_checks IS 'The checks coverage and rejects of reporting.month_close, which cost little.';
COMMENT ON COLUMN onetrading.coverage_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.failing_since IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.coverage_checks.rows_to_look_at IS 'As in reporting.month_close.';
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
CREATE VIEW onetrading.lock_ranges AS
 SELECT close_id,
    zone,
    month,
    closed_at,
    unseen_from,
    from_at,
    to_at,
        CASE
            WHEN (month = min(month) OVER (PARTITION BY zone)) THEN '-infinity'::timestamp with time zone
            ELSE from_at
        END AS lots_from
   FROM ( SELECT closes.close_id,
            closes.month,
            closes.zone,
            closes.starts_at,
            closes.ends_at,
            closes.closed_at,
            closes.unseen_from,
            closes.version,
            closes.settings,
            closes.acknowledged,
            closes.row_count,
            closes.checksum,
            closes.reopened_at,
            closes.reopened_because,
            LEAST(closes.starts_at, ((closes.month)::timestamp without time zone AT TIME ZONE 'UTC'::text)) AS from_at,
            GREATEST(closes.ends_at, ((closes.month + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) AS to_at
           FROM onetrading.closes
          WHERE (closes.reopened_at IS NULL)) locks;
COMMENT ON VIEW onetrading.lock_ranges IS 'Of which time facts are in the figures of each lock that is in force.';
COMMENT ON COLUMN onetrading.lock_ranges.close_id IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.closed_at IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.unseen_from IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.from_at IS 'Beginning of the month, in its zone or in UTC, whichever is earlier.';
COMMENT ON COLUMN onetrading.lock_ranges.to_at IS 'End of the month, in its zone or in UTC, whichever is later; exclusive.';
COMMENT ON COLUMN onetrading.lock_ranges.lots_from IS 'The same as from_at for trades and lots: -infinity for the oldest lock of a zone.';
CREATE VIEW onetrading.facts_since_lock AS
 SELECT ranges.zone,
    ranges.month,
    ranges.closed_at,
    facts.account_id,
    facts.stream,
    facts.kind,
    facts.key,
    facts.noticed_at
   FROM (onetrading.facts_since(( SELECT min(lock_ranges.unseen_from) AS min
           FROM onetrading.lock_ranges)) facts(identity, account_id, stream, kind, key, happened_at, noticed_at, moves_lots)
     JOIN onetrading.lock_ranges ranges ON (((facts.noticed_at >= ranges.unseen_from) AND (facts.happened_at < ranges.to_at) AND (facts.happened_at >=
        CASE
            WHEN facts.moves_lots THEN ranges.lots_from
            ELSE ranges.from_at
        END))))
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closed_rows known
          WHERE ((known.close_id = ranges.close_id) AND (known.report = 'known'::text) AND (known."row" = facts.identity)))));
COMMENT ON VIEW onetrading.facts_since_lock IS 'Facts that are not in the figures of a lock although they are of its time: they became known, changed or vanished later.';
COMMENT ON COLUMN onetrading.facts_since_lock.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.facts_since_lock.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.facts_since_lock.closed_at IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.facts_since_lock.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.facts_since_lock.stream IS 'As in reporting.late_facts.';
COMMENT ON COLUMN onetrading.facts_since_lock.kind IS 'As in reporting.late_facts.';
COMMENT ON COLUMN onetrading.facts_since_lock.key IS 'As in reporting.late_facts.';
COMMENT ON COLUMN onetrading.facts_since_lock.noticed_at IS 'As in reporting.late_facts.';
CREATE VIEW onetrading.funding_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'funding'::text AS check_name,
        CASE
            WHEN (report.slots = 0) THEN 'not_applicable'::text
            WHEN (report.wrong > 0) THEN 'failing'::text
            WHEN ((months.ends_at > now()) OR (report.open > 0)) THEN 'open'::text
            ELSE 'ok'::text
        END AS state,
    (report.wrong)::numeric AS difference,
    NULL::text AS currency,
        CASE
            WHEN (report.slots = 0) THEN 'no position was open at a funding time'::text
            WHEN (report.wrong > 0) THEN format('%s of %s payments: %s missing, %s unexpected, %s of another amount'::text, report.wrong, report.slots, report.missing, report.unexpected, report.different)
            ELSE (format('%s payments are the settled rate times the position'::text, ((report.slots - report.unknown) - report.open)) ||
            CASE
                WHEN (report.unknown > 0) THEN format('; of %s the position or the rate is not known'::text, report.unknown)
                ELSE ''::text
            END)
        END AS detail,
    format('SELECT funding_time, instrument_code, state, expected, booked, difference FROM reporting.funding_check(%L) WHERE account_id = %L AND month = %L AND state IN (''missing'', ''unexpected'', ''different'') ORDER BY funding_time, instrument_code'::text, months.zone, months.account_id, months.month) AS rows_to_look_at
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( SELECT count(*) AS slots,
            count(*) FILTER (WHERE (report_1.state = ANY (ARRAY['missing'::text, 'unexpected'::text, 'different'::text]))) AS wrong,
            count(*) FILTER (WHERE (report_1.state = 'missing'::text)) AS missing,
            count(*) FILTER (WHERE (report_1.state = 'unexpected'::text)) AS unexpected,
            count(*) FILTER (WHERE (report_1.state = 'different'::text)) AS different,
            count(*) FILTER (WHERE (report_1.state ~~ 'unknown\_%'::text)) AS unknown,
            count(*) FILTER (WHERE (report_1.state = 'open'::text)) AS open
           FROM ( SELECT report_2.account,
                    report_2.account_id,
                    report_2.zone,
                    report_2.month,
                    report_2.instrument_code,
                    report_2.quote_code,
                    report_2.funding_time,
                    report_2.booked_at,
                    report_2.funding_rate,
                    report_2.mark_price,
                    report_2."position",
                    report_2.position_is_known,
                    report_2.expected,
                    report_2.booked,
                    report_2.difference,
                    report_2.state
                   FROM reporting.funding_check_by_zone report_2
                  WHERE ((report_2.account_id = months.account_id) AND (report_2.zone = months.zone) AND (report_2.month = months.month))
                 OFFSET 0) report_1) report);
COMMENT ON VIEW onetrading.funding_checks IS 'The check funding of reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.funding_checks.rows_to_look_at IS 'As in reporting.month_close.';
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
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
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
COMMENT ON COLUMN onetrading.position_funding_payments.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.position_funding_payments.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.position_funding_payments.first_seen_at IS 'When it was first stored here; never changed afterwards.';
COMMENT ON COLUMN onetrading.position_funding_payments.record_page IS 'The row of onetrading.record_pages that holds the record as sent; null while it is in raw.';
COMMENT ON COLUMN onetrading.position_funding_payments.record_ordinal IS 'Which record of that page it is, from 1 on.';
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
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
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
COMMENT ON COLUMN onetrading.position_trades.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.position_trades.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.position_trades.first_seen_at IS 'When it was first stored here; never changed afterwards.';
COMMENT ON COLUMN onetrading.position_trades.record_page IS 'The row of onetrading.record_pages that holds the record as sent; null while it is in raw.';
COMMENT ON COLUMN onetrading.position_trades.record_ordinal IS 'Which record of that page it is, from 1 on.';
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
CREATE VIEW reporting.realised_pnl_futures_by_zone AS
 SELECT account,
    account_id,
    zone,
    month,
    position_id,
    instrument_code,
    base_code,
    quote_code,
    direction,
    opened_at,
    closed_at,
    quantity,
    trades,
    basis,
    gain_gross,
    fees,
    funding,
    ((gain_gross - fees) + funding) AS gain_net,
    exchange_closing_pnl,
    exchange_realised_pnl,
    (gain_gross - exchange_closing_pnl) AS difference_gross,
    (((gain_gross - fees) + funding) - exchange_realised_pnl) AS difference,
        CASE
            WHEN ((((gain_gross - fees) + funding) - exchange_realised_pnl) IS NULL) THEN 'unknown'::text
            WHEN (abs((((gain_gross - fees) + funding) - exchange_realised_pnl)) <= (power((10)::numeric, ((- GREATEST(min_scale(exchange_realised_pnl), 2)))::numeric) + (0.00005 * (rounded_payments)::numeric))) THEN 'ok'::text
            ELSE 'different'::text
        END AS state,
        CASE
            WHEN (basis IS NULL) THEN 'no trade of the position is stored'::text
            WHEN (gain_gross IS NULL) THEN 'its trades do not add up to a closed position'::text
            WHEN (fees IS NULL) THEN 'a fee is not told, or in a third currency'::text
            WHEN (funding IS NULL) THEN 'its funding is not known'::text
            ELSE NULL::text
        END AS unknown_because
   FROM ( SELECT months.account,
            months.account_id,
            months.zone,
            months.month,
            positions.position_id,
            positions.instrument_code,
            markets.base_code,
            markets.quote_code,
            positions.direction,
            positions.opened_at,
            positions.closed_at,
            fills.trades,
            fills.basis,
                CASE
                    WHEN (fills.bought = fills.sold) THEN fills.sold
                    ELSE NULL::numeric
                END AS quantity,
                CASE
                    WHEN (fills.bought = fills.sold) THEN (fills.sold_quote - fills.bought_quote)
                    ELSE NULL::numeric
                END AS gain_gross,
                CASE
                    WHEN ((fills.bought = fills.sold) AND (fills.fees_told = fills.trades)) THEN fills.fees
                    ELSE NULL::numeric
                END AS fees,
            COALESCE(paid.funding, positions.total_funding_payments, (
                CASE
                    WHEN (EXISTS ( SELECT
                       FROM onetrading_sync.position_details details
                      WHERE ((details.account_id = positions.account_id) AND (details.stream = 'position_funding'::text) AND (details.position_id = positions.position_id) AND (details.read_at IS NOT NULL)))) THEN 0
                    ELSE NULL::integer
                END)::numeric) AS funding,
            paid.rounded_payments,
            positions.closing_pnl AS exchange_closing_pnl,
            positions.realised_pnl AS exchange_realised_pnl
           FROM ((((onetrading.account_months months
             CROSS JOIN LATERAL ( WITH apart AS (
                         SELECT
                        )
                 SELECT positions_1.position_id,
                    positions_1.account_id,
                    positions_1.instrument_code,
                    positions_1.direction,
                    positions_1.opened_at,
                    positions_1.closed_at,
                    positions_1.closing_pnl,
                    positions_1.realised_pnl,
                    positions_1.total_funding_payments,
                    positions_1.total_trade_fees,
                    positions_1.raw,
                    positions_1.row_hash,
                    positions_1.first_seen_at
                   FROM onetrading.closed_positions positions_1
                  WHERE ((positions_1.account_id = months.account_id) AND (positions_1.closed_at >= months.starts_at) AND (positions_1.closed_at < months.ends_at))) positions)
             LEFT JOIN onetrading.instrument_markets markets ON (((markets.instrument_code = positions.instrument_code) AND (markets.known_from <= positions.closed_at) AND (positions.closed_at < markets.known_to))))
             CROSS JOIN LATERAL ( SELECT max(priced.basis) AS basis,
                    count(*) AS trades,
                    sum(priced.amount) FILTER (WHERE (priced.side = 'BUY'::text)) AS bought,
                    sum(priced.amount) FILTER (WHERE (priced.side <> 'BUY'::text)) AS sold,
                    sum(priced.quote_amount) FILTER (WHERE (priced.side = 'BUY'::text)) AS bought_quote,
                    sum(priced.quote_amount) FILTER (WHERE (priced.side <> 'BUY'::text)) AS sold_quote,
                    sum(priced.fee) AS fees,
                    count(priced.fee) AS fees_told
                   FROM ( SELECT listed.basis,
                            listed.side,
                            listed.amount,
                            listed.quote_amount,
                                CASE
                                    WHEN (listed.fee_amount = (0)::numeric) THEN (0)::numeric
                                    WHEN (listed.fee_currency = markets.quote_code) THEN listed.fee_amount
                                    WHEN (listed.fee_currency = markets.base_code) THEN (listed.fee_amount * listed.price)
                                    ELSE NULL::numeric
                                END AS fee
                           FROM ( SELECT 'position_trades'::text AS basis,
                                    own.side,
                                    own.price,
                                    own.amount,
                                    own.quote_amount,
                                    own.fee_amount,
                                    own.fee_currency
                                   FROM onetrading.position_trades own
                                  WHERE (own.position_id = positions.position_id)
                                UNION ALL
                                 SELECT 'trades'::text,
                                    trades.side,
                                    trades.price,
                                    trades.amount,
                                    trades.quote_amount,
                                    trades.fee_amount,
                                    trades.fee_currency
                                   FROM onetrading.trades
                                  WHERE ((trades.account_id = positions.account_id) AND (trades.traded_at >= positions.opened_at) AND (trades.traded_at <= positions.closed_at) AND (trades.instrument_code = positions.instrument_code) AND (NOT (EXISTS ( SELECT
   FROM onetrading.position_trades own
  WHERE (own.position_id = positions.position_id)))))) listed) priced) fills)
             CROSS JOIN LATERAL ( SELECT sum(COALESCE(booked.amount, own.amount)) AS funding,
                    count(*) FILTER (WHERE (booked.amount IS NULL)) AS rounded_payments
                   FROM (onetrading.position_funding_payments own
                     LEFT JOIN onetrading.funding_payments booked ON (((booked.account_id = own.account_id) AND (booked.instrument_code = own.instrument_code) AND (booked.funding_time = own.funding_time) AND (abs((booked.amount - own.amount)) <= 0.00005))))
                  WHERE (own.position_id = positions.position_id)) paid)) computed;
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
CREATE VIEW onetrading.futures_pnl_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'futures_pnl'::text AS check_name,
        CASE
            WHEN (report.different > 0) THEN 'failing'::text
            WHEN (report.positions = report.unknown) THEN 'not_applicable'::text
            WHEN (months.ends_at > now()) THEN 'open'::text
            ELSE 'ok'::text
        END AS state,
    report.difference,
    NULL::text AS currency,
        CASE
            WHEN (report.positions = 0) THEN 'no position was closed in the month'::text
            WHEN (report.different > 0) THEN format('%s of %s closed positions: the exchange tells another result than their trades'::text, report.different, report.positions)
            ELSE (format('the results of %s closed positions are those of their trades'::text, (report.positions - report.unknown)) ||
            CASE
                WHEN (report.unknown > 0) THEN format('; of %s the result cannot be compared'::text, report.unknown)
                ELSE ''::text
            END)
        END AS detail,
    format('SELECT position_id, instrument_code, closed_at, gain_gross, exchange_closing_pnl, difference FROM reporting.realised_pnl_futures(%L) WHERE account_id = %L AND month = %L AND state = ''different'' ORDER BY closed_at, position_id'::text, months.zone, months.account_id, months.month) AS rows_to_look_at
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( SELECT count(*) AS positions,
            count(*) FILTER (WHERE (report_1.state = 'different'::text)) AS different,
            count(*) FILTER (WHERE (report_1.state = 'unknown'::text)) AS unknown,
            COALESCE(sum(abs(report_1.difference)) FILTER (WHERE (report_1.state = 'different'::text)), (0)::numeric) AS difference
           FROM ( SELECT report_2.account,
                    report_2.account_id,
                    report_2.zone,
                    report_2.month,
                    report_2.position_id,
                    report_2.instrument_code,
                    report_2.base_code,
                    report_2.quote_code,
                    report_2.direction,
                    report_2.opened_at,
                    report_2.closed_at,
                    report_2.quantity,
                    report_2.trades,
                    report_2.basis,
                    report_2.gain_gross,
                    report_2.fees,
                    report_2.funding,
                    report_2.gain_net,
                    report_2.exchange_closing_pnl,
                    report_2.exchange_realised_pnl,
                    report_2.difference_gross,
                    report_2.difference,
                    report_2.state,
                    report_2.unknown_because
                   FROM reporting.realised_pnl_futures_by_zone report_2
                  WHERE ((report_2.account_id = months.account_id) AND (report_2.zone = months.zone) AND (report_2.month = months.month))
                 OFFSET 0) report_1) report);
COMMENT ON VIEW onetrading.futures_pnl_checks IS 'The check futures_pnl of reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.futures_pnl_checks.rows_to_look_at IS 'As in reporting.month_close.';
CREATE VIEW onetrading.instrument_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'instruments'::text AS check_name,
        CASE
            WHEN (report.trades > (0)::numeric) THEN 'failing'::text
            WHEN (months.ends_at > now()) THEN 'open'::text
            ELSE 'ok'::text
        END AS state,
    COALESCE(report.trades, (0)::numeric) AS difference,
    NULL::text AS currency,
        CASE
            WHEN (report.trades > (0)::numeric) THEN format('%s trades are of instruments that are not known, and in no result: %s'::text, report.trades, report.codes)
            ELSE 'the instrument of every trade is known'::text
        END AS detail,
    format('SELECT traded_at, trade_id, instrument_code, side, price, amount FROM reporting.trades WHERE account_id = %L AND traded_at >= %L AND traded_at < %L AND base_code IS NULL ORDER BY traded_at_nanos, sequence, trade_id'::text, months.account_id, to_char((months.starts_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((months.ends_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)) AS rows_to_look_at
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( WITH apart AS (
                 SELECT
                )
         SELECT sum(traded.trades) AS trades,
            string_agg(traded.instrument_code, ', '::text ORDER BY traded.instrument_code) AS codes
           FROM ( SELECT trades.instrument_code,
                    count(*) AS trades
                   FROM onetrading.trades
                  WHERE ((trades.account_id = months.account_id) AND (trades.traded_at >= months.starts_at) AND (trades.traded_at < months.ends_at))
                  GROUP BY trades.instrument_code) traded
          WHERE (NOT (EXISTS ( SELECT
                   FROM onetrading.instruments known
                  WHERE (known.instrument_code = traded.instrument_code))))) report);
COMMENT ON VIEW onetrading.instrument_checks IS 'The check instruments of reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.instrument_checks.rows_to_look_at IS 'As in reporting.month_close.';
CREATE VIEW onetrading.late_since_lock AS
 SELECT zone,
    month,
    account_id,
    count(*) AS facts
   FROM onetrading.facts_since_lock
  GROUP BY zone, month, account_id;
COMMENT ON VIEW onetrading.late_since_lock IS 'How many facts are not in the figures of each lock although they are of its time.';
COMMENT ON COLUMN onetrading.late_since_lock.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.late_since_lock.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.late_since_lock.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.late_since_lock.facts IS 'How many.';
CREATE VIEW onetrading.late_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'late_facts'::text AS check_name,
        CASE
            WHEN (locks.close_id IS NULL) THEN 'not_applicable'::text
            WHEN (late.facts > 0) THEN 'failing'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN (locks.close_id IS NOT NULL) THEN (COALESCE(late.facts, (0)::bigint))::numeric
            ELSE NULL::numeric
        END AS difference,
    NULL::text AS currency,
        CASE
            WHEN (locks.close_id IS NULL) THEN 'the month is not locked'::text
            WHEN (late.facts > 0) THEN format('%s facts became known, changed or vanished since the lock'::text, late.facts)
            ELSE 'nothing became known since the lock'::text
        END AS detail,
    format('SELECT stream, kind, happened_at, noticed_at, fee_delta, quote_delta, funding_delta, key FROM reporting.late_facts WHERE account_id = %L AND happened_at >= %L AND happened_at < %L AND locked_at IS NOT NULL AND resolved_at IS NULL ORDER BY noticed_at'::text, months.account_id, (locks.lots_from)::text, (locks.to_at)::text) AS rows_to_look_at
   FROM ((onetrading.account_months months
     LEFT JOIN onetrading.lock_ranges locks ON (((locks.zone = months.zone) AND (locks.month = months.month))))
     LEFT JOIN onetrading.late_since_lock late ON (((late.zone = months.zone) AND (late.month = months.month) AND (late.account_id = months.account_id))));
COMMENT ON VIEW onetrading.late_checks IS 'The check late_facts of reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.late_checks.rows_to_look_at IS 'As in reporting.month_close.';
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
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
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
COMMENT ON COLUMN onetrading.orders.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.orders.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.orders.first_seen_at IS 'When it was first stored here; never changed afterwards.';
COMMENT ON COLUMN onetrading.orders.record_page IS 'The row of onetrading.record_pages that holds the record as sent, as of its last change; null while it is in raw.';
COMMENT ON COLUMN onetrading.orders.record_ordinal IS 'Which record of that page it is, from 1 on.';
CREATE VIEW reporting.order_fill_check_by_zone AS
 SELECT months.account,
    months.account_id,
    months.zone,
    months.month,
    orders.order_id,
    orders.instrument_code,
    markets.base_code,
    markets.quote_code,
    orders.side,
    orders.status,
    orders.created_at,
    orders.amount AS ordered,
    orders.filled_amount AS filled_as_told,
    fills.trades,
    fills.amount AS filled_by_trades,
    (fills.amount - orders.filled_amount) AS difference,
        CASE
            WHEN (fills.amount = orders.filled_amount) THEN 'ok'::text
            WHEN (fills.amount > orders.amount) THEN 'different'::text
            WHEN orders.is_open THEN 'open'::text
            WHEN (orders.is_open IS NULL) THEN 'unknown'::text
            WHEN (orders.created_at < ( SELECT min(progress.required_from) AS min
               FROM onetrading_sync.progress
              WHERE ((progress.account_id = months.account_id) AND (progress.stream = 'trades'::text)))) THEN 'unknown'::text
            ELSE 'different'::text
        END AS state
   FROM (((onetrading.account_months months
     CROSS JOIN LATERAL ( WITH apart AS (
                 SELECT
                )
         SELECT orders_1.order_id,
            orders_1.client_id,
            orders_1.account_id,
            orders_1.instrument_code,
            orders_1.side,
            orders_1.order_type,
            orders_1.time_in_force,
            orders_1.price,
            orders_1.amount,
            orders_1.filled_amount,
            orders_1.average_price,
            orders_1.fee_amount,
            orders_1.fee_currency,
            orders_1.status,
            orders_1.is_open,
            orders_1.sequence,
            orders_1.created_at,
            orders_1.updated_at,
            orders_1.trades_checked,
            orders_1.raw,
            orders_1.row_hash,
            orders_1.first_seen_at
           FROM onetrading.orders orders_1
          WHERE ((orders_1.account_id = months.account_id) AND (orders_1.created_at >= months.starts_at) AND (orders_1.created_at < months.ends_at))) orders)
     LEFT JOIN onetrading.instrument_markets markets ON (((markets.instrument_code = orders.instrument_code) AND (markets.known_from <= orders.created_at) AND (orders.created_at < markets.known_to))))
     CROSS JOIN LATERAL ( SELECT count(*) AS trades,
            COALESCE(sum(trades.amount), (0)::numeric) AS amount
           FROM onetrading.trades
          WHERE ((trades.order_id = orders.order_id) AND (trades.account_id = orders.account_id) AND (trades.instrument_code = orders.instrument_code) AND (trades.side = orders.side))) fills);
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
CREATE VIEW onetrading.order_fill_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'order_fills'::text AS check_name,
        CASE
            WHEN (report.orders = 0) THEN 'not_applicable'::text
            WHEN (report.different > 0) THEN 'failing'::text
            WHEN (months.ends_at > now()) THEN 'open'::text
            ELSE 'ok'::text
        END AS state,
    (report.different)::numeric AS difference,
    NULL::text AS currency,
        CASE
            WHEN (report.orders = 0) THEN 'no order was created in the month'::text
            WHEN (report.different > 0) THEN format('%s of %s orders were filled otherwise than their trades say'::text, report.different, report.orders)
            ELSE ((format('the trades of %s orders are what they were filled with'::text, ((report.orders - report.unknown) - report.open)) ||
            CASE
                WHEN (report.unknown > 0) THEN format('; of %s that is not known'::text, report.unknown)
                ELSE ''::text
            END) ||
            CASE
                WHEN (report.open > 0) THEN format('; %s are open'::text, report.open)
                ELSE ''::text
            END)
        END AS detail,
    format('SELECT order_id, created_at, instrument_code, status, filled_as_told, filled_by_trades, difference FROM reporting.order_fill_check(%L) WHERE account_id = %L AND month = %L AND state = ''different'' ORDER BY created_at, order_id'::text, months.zone, months.account_id, months.month) AS rows_to_look_at
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( SELECT count(*) AS orders,
            count(*) FILTER (WHERE (report_1.state = 'different'::text)) AS different,
            count(*) FILTER (WHERE (report_1.state = 'unknown'::text)) AS unknown,
            count(*) FILTER (WHERE (report_1.state = 'open'::text)) AS open
           FROM ( SELECT report_2.account,
                    report_2.account_id,
                    report_2.zone,
                    report_2.month,
                    report_2.order_id,
                    report_2.instrument_code,
                    report_2.base_code,
                    report_2.quote_code,
                    report_2.side,
                    report_2.status,
                    report_2.created_at,
                    report_2.ordered,
                    report_2.filled_as_told,
                    report_2.trades,
                    report_2.filled_by_trades,
                    report_2.difference,
                    report_2.state
                   FROM reporting.order_fill_check_by_zone report_2
                  WHERE ((report_2.account_id = months.account_id) AND (report_2.zone = months.zone) AND (report_2.month = months.month))
                 OFFSET 0) report_1) report);
COMMENT ON VIEW onetrading.order_fill_checks IS 'The check order_fills of reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.order_fill_checks.rows_to_look_at IS 'As in reporting.month_close.';
CREATE VIEW reporting.position_check AS
 SELECT judged.account,
    judged.account_id,
    judged.instrument_code,
    markets.base_code,
    markets.quote_code,
    (judged.opening + judged.total) AS net_by_trades,
    ((judged.observed + judged.total) - judged.until_last) AS net_observed,
    judged.last_at AS observed_at,
    judged.difference,
    differing.since,
    judged.basis,
    judged.opening,
        CASE
            WHEN (judged.difference IS NULL) THEN 'unknown'::text
            WHEN (judged.difference = (0)::numeric) THEN 'ok'::text
            ELSE 'different'::text
        END AS state
   FROM ((( SELECT compared.account,
            compared.account_id,
            compared.first_at,
            compared.last_at,
            compared.last_id,
            compared.instrument_code,
            compared.total,
            compared.until_last,
            compared.observed,
            compared.basis,
            compared.opening,
            off.difference
           FROM (( SELECT spans.account,
                    spans.account_id,
                    spans.first_at,
                    spans.last_at,
                    spans.last_id,
                    held.instrument_code,
                    held.total,
                    held.until_last,
                    seen.observed,
                        CASE
                            WHEN (seen.is_flat_start OR (seen.first_observed IS NULL) OR fitted.fits_first) THEN 'from_start'::text
                            ELSE 'from_observation'::text
                        END AS basis,
                        CASE
                            WHEN (seen.is_flat_start OR (seen.first_observed IS NULL) OR fitted.fits_first) THEN (0)::numeric
                            ELSE (seen.first_observed - held.until_first)
                        END AS opening
                   FROM (((( SELECT accounts.account_id,
                            accounts.name AS account,
                            known.required_from,
                            first_seen.first_at,
                            first_seen.first_id,
                            last_seen.last_id,
                                CASE
                                    WHEN (last_seen.last_start <= known.known_to) THEN LEAST(last_seen.last_end, known.known_to)
                                    ELSE last_seen.last_end
                                END AS last_at
                           FROM (((onetrading.accounts
                             CROSS JOIN LATERAL ( SELECT ( SELECT max(upper(coverage.range)) AS max
   FROM onetrading_sync.coverage
  WHERE ((coverage.account_id = accounts.account_id) AND (coverage.stream = 'trades'::text))) AS known_to,
                                    ( SELECT min(progress.required_from) AS min
   FROM onetrading_sync.progress
  WHERE ((progress.account_id = accounts.account_id) AND (progress.stream = 'trades'::text))) AS required_from) known)
                             LEFT JOIN LATERAL ( SELECT snapshots.snapshot_id AS first_id,
                                    snapshots.first_observed_at AS first_at
                                   FROM onetrading.snapshots
                                  WHERE ((snapshots.account_id = accounts.account_id) AND (snapshots.stream = 'positions'::text))
                                  ORDER BY snapshots.first_observed_at, snapshots.snapshot_id
                                 LIMIT 1) first_seen ON (true))
                             LEFT JOIN LATERAL ( SELECT snapshots.snapshot_id AS last_id,
                                    snapshots.first_observed_at AS last_start,
                                    snapshots.last_observed_at AS last_end
                                   FROM onetrading.snapshots
                                  WHERE ((snapshots.account_id = accounts.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.first_observed_at <= GREATEST(COALESCE(known.known_to, 'infinity'::timestamp with time zone), first_seen.first_at)))
                                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                                 LIMIT 1) last_seen ON (true))) spans
                     CROSS JOIN LATERAL ( SELECT known.instrument_code,
                            sum(known.total) AS total,
                            sum(known.until_last) AS until_last,
                            sum(known.until_first) AS until_first,
                            min(known.first_traded_at) AS first_traded_at
                           FROM ( SELECT trades.instrument_code,
                                    sum(trades.signed) AS total,
                                    COALESCE(sum(trades.signed) FILTER (WHERE (trades.traded_at <= spans.last_at)), (0)::numeric) AS until_last,
                                    COALESCE(sum(trades.signed) FILTER (WHERE (trades.traded_at <= spans.first_at)), (0)::numeric) AS until_first,
                                    min(trades.traded_at) AS first_traded_at
                                   FROM onetrading.futures_trades trades
                                  WHERE (trades.account_id = spans.account_id)
                                  GROUP BY trades.instrument_code
                                UNION ALL
                                 SELECT net_positions.instrument_code,
                                    0,
                                    0,
                                    0,
                                    NULL::timestamp with time zone AS timestamptz
                                   FROM onetrading.net_positions
                                  WHERE (net_positions.snapshot_id = ANY (ARRAY[spans.first_id, spans.last_id]))) known
                          GROUP BY known.instrument_code
                         OFFSET 0) held)
                     CROSS JOIN LATERAL ( SELECT
                                CASE
                                    WHEN (spans.last_id IS NULL) THEN NULL::numeric
                                    WHEN (EXISTS ( SELECT
                                       FROM onetrading.net_positions seen_1
                                      WHERE ((seen_1.snapshot_id = spans.last_id) AND (seen_1.instrument_code = held.instrument_code)))) THEN ( SELECT seen_1.net
                                       FROM onetrading.net_positions seen_1
                                      WHERE ((seen_1.snapshot_id = spans.last_id) AND (seen_1.instrument_code = held.instrument_code)))
                                    ELSE (0)::numeric
                                END AS observed,
                                CASE
                                    WHEN (spans.first_id IS NULL) THEN NULL::numeric
                                    WHEN (EXISTS ( SELECT
                                       FROM onetrading.net_positions seen_1
                                      WHERE ((seen_1.snapshot_id = spans.first_id) AND (seen_1.instrument_code = held.instrument_code)))) THEN ( SELECT seen_1.net
                                       FROM onetrading.net_positions seen_1
                                      WHERE ((seen_1.snapshot_id = spans.first_id) AND (seen_1.instrument_code = held.instrument_code)))
                                    ELSE (0)::numeric
                                END AS first_observed,
                            ((EXISTS ( SELECT
                                   FROM onetrading.closed_positions positions
                                  WHERE ((positions.account_id = spans.account_id) AND (positions.instrument_code = held.instrument_code) AND (positions.opened_at <= held.first_traded_at) AND (positions.opened_at >= COALESCE(spans.required_from, '-infinity'::timestamp with time zone))))) AND COALESCE(((spans.first_at >= held.first_traded_at) OR (spans.first_at < COALESCE(spans.required_from, '-infinity'::timestamp with time zone))), true)) AS is_flat_start) seen)
                     CROSS JOIN LATERAL ( SELECT ((held.until_first = seen.first_observed) OR (EXISTS ( SELECT
                                   FROM ( SELECT (held.until_first - sum(
  CASE
   WHEN (near_1.traded_at <= spans.first_at) THEN near_1.signed
   ELSE (0)::numeric
  END) OVER ()) AS before,
    sum(near_1.signed) OVER (ORDER BY near_1.traded_at_nanos, near_1.sequence, near_1.trade_id) AS moved
   FROM onetrading.futures_trades near_1
  WHERE ((held.until_first <> seen.first_observed) AND (near_1.account_id = spans.account_id) AND (near_1.instrument_code = held.instrument_code) AND (near_1.traded_at >= (spans.first_at - '00:00:05'::interval)) AND (near_1.traded_at <= (spans.first_at + '00:00:05'::interval)))) near
                                  WHERE ((seen.first_observed = near.before) OR (seen.first_observed = (near.before + near.moved)))))) AS fits_first
                         OFFSET 0) fitted)) compared
             CROSS JOIN LATERAL ( SELECT
                        CASE
                            WHEN (((compared.opening + compared.until_last) <> compared.observed) AND (EXISTS ( SELECT
                               FROM ( SELECT ((compared.opening + compared.until_last) - sum(
 CASE
  WHEN (near_1.traded_at <= compared.last_at) THEN near_1.signed
  ELSE (0)::numeric
 END) OVER ()) AS before,
                                        sum(near_1.signed) OVER (ORDER BY near_1.traded_at_nanos, near_1.sequence, near_1.trade_id) AS moved
                                       FROM onetrading.futures_trades near_1
                                      WHERE ((near_1.account_id = compared.account_id) AND (near_1.instrument_code = compared.instrument_code) AND (near_1.traded_at >= (compared.last_at - '00:00:05'::interval)) AND (near_1.traded_at <= (compared.last_at + '00:00:05'::interval)))) near
                              WHERE ((compared.observed = near.before) OR (compared.observed = (near.before + near.moved)))))) THEN (0)::numeric
                            ELSE ((compared.opening + compared.until_last) - compared.observed)
                        END AS difference
                 OFFSET 0) off)) judged
     LEFT JOIN onetrading.instrument_markets markets USING (instrument_code))
     LEFT JOIN LATERAL ( SELECT min(observations.at) FILTER (WHERE (observations.at > COALESCE(observations.matched_at, '-infinity'::timestamp with time zone))) AS since
           FROM ( SELECT observations_1.at,
                    max(observations_1.at) FILTER (WHERE observations_1.matches) OVER () AS matched_at
                   FROM ( SELECT events.at,
                            events.is_observation,
                            (events.net = (judged.opening + COALESCE(sum(events.signed) OVER (ORDER BY events.at, events.is_observation, events.traded_at_nanos, events.sequence, events.trade_id), (0)::numeric))) AS matches
                           FROM ( SELECT trades.traded_at AS at,
                                    false AS is_observation,
                                    trades.signed,
                                    NULL::numeric AS net,
                                    trades.traded_at_nanos,
                                    trades.sequence,
                                    trades.trade_id
                                   FROM onetrading.futures_trades trades
                                  WHERE ((judged.difference <> (0)::numeric) AND (trades.account_id = judged.account_id) AND (trades.instrument_code = judged.instrument_code))
                                UNION ALL
                                 SELECT snapshots.first_observed_at,
                                    true,
                                    0,
CASE
 WHEN (seen.snapshot_id IS NULL) THEN (0)::numeric
 ELSE seen.net
END AS net,
                                    NULL::bigint AS int8,
                                    NULL::bigint AS int8,
                                    NULL::uuid AS uuid
                                   FROM (onetrading.snapshots
                                     LEFT JOIN onetrading.net_positions seen ON (((seen.snapshot_id = snapshots.snapshot_id) AND (seen.instrument_code = judged.instrument_code))))
                                  WHERE ((judged.difference <> (0)::numeric) AND (snapshots.account_id = judged.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.first_observed_at <= judged.last_at))) events) observations_1
                  WHERE observations_1.is_observation) observations) differing ON (true))
  WHERE ((markets.known_to IS NULL) OR (markets.known_to = 'infinity'::timestamp with time zone));
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
CREATE VIEW onetrading.position_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'positions'::text AS check_name,
        CASE
            WHEN (report.different > 0) THEN 'failing'::text
            WHEN (report.instruments = report.unknown) THEN 'not_applicable'::text
            WHEN (months.ends_at > now()) THEN 'open'::text
            ELSE 'ok'::text
        END AS state,
    (report.different)::numeric AS difference,
    NULL::text AS currency,
        CASE
            WHEN (report.instruments = 0) THEN 'no futures were traded'::text
            WHEN (report.different > 0) THEN format('trades and observed positions differ: %s'::text, report.names)
            ELSE (format('positions of %s instruments are what their trades add up to'::text, (report.instruments - report.unknown)) ||
            CASE
                WHEN (report.unknown > 0) THEN format('; of %s no position was observed'::text, report.unknown)
                ELSE ''::text
            END)
        END AS detail,
    format('SELECT instrument_code, net_by_trades, net_observed, difference, since FROM reporting.position_check WHERE account_id = %L AND difference <> 0 ORDER BY instrument_code'::text, months.account_id) AS rows_to_look_at
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( SELECT count(*) AS instruments,
            count(*) FILTER (WHERE (report_1.difference <> (0)::numeric)) AS different,
            count(*) FILTER (WHERE (report_1.difference IS NULL)) AS unknown,
            string_agg((report_1.instrument_code || COALESCE((' since '::text || to_char((report_1.since AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)), ''::text)), ', '::text ORDER BY report_1.instrument_code) FILTER (WHERE (report_1.difference <> (0)::numeric)) AS names
           FROM ( SELECT report_2.account,
                    report_2.account_id,
                    report_2.instrument_code,
                    report_2.base_code,
                    report_2.quote_code,
                    report_2.net_by_trades,
                    report_2.net_observed,
                    report_2.observed_at,
                    report_2.difference,
                    report_2.since,
                    report_2.basis,
                    report_2.opening,
                    report_2.state
                   FROM reporting.position_check report_2
                  WHERE ((report_2.account_id = months.account_id) AND ((NOT (report_2.difference IS DISTINCT FROM (0)::numeric)) OR (COALESCE(report_2.since, '-infinity'::timestamp with time zone) < months.ends_at)))
                 OFFSET 0) report_1) report);
COMMENT ON VIEW onetrading.position_checks IS 'The check positions of reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.position_checks.rows_to_look_at IS 'As in reporting.month_close.';
CREATE VIEW onetrading.rate_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'rates'::text AS check_name,
        CASE
            WHEN (report.days IS NULL) THEN 'not_applicable'::text
            WHEN (report.missing > 0) THEN 'failing'::text
            WHEN (months.ends_at > now()) THEN 'open'::text
            ELSE 'ok'::text
        END AS state,
    (report.missing)::numeric AS difference,
    NULL::text AS currency,
        CASE
            WHEN (report.days IS NULL) THEN 'no exchange rate was ever imported, or none is needed'::text
            WHEN (report.missing > 0) THEN format('no rate for %s days with movements, the first is %s (%s)'::text, report.missing, report.first_day, report.codes)
            ELSE format('rates are known for all %s days with movements'::text, report.days)
        END AS detail,
    format('SELECT DISTINCT (booked_at AT TIME ZONE ''UTC'')::date AS day, asset FROM reporting.ledger(%L) WHERE account_id = %L AND month = %L AND asset IN (SELECT quote_code FROM reporting.exchange_rates) ORDER BY day, asset'::text, months.zone, months.account_id, months.month) AS rows_to_look_at
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( SELECT NULLIF(count(*), 0) AS days,
            count(*) FILTER (WHERE (NOT needed.has_rate)) AS missing,
            min(needed.day) FILTER (WHERE (NOT needed.has_rate)) AS first_day,
            string_agg(DISTINCT needed.code, ', '::text) FILTER (WHERE (NOT needed.has_rate)) AS codes
           FROM ( SELECT moved.day,
                    moved.code,
                    (EXISTS ( SELECT
                           FROM onetrading.exchange_rates rates
                          WHERE ((rates.quote_code = moved.code) AND ((rates.day >= (moved.day - 7)) AND (rates.day <= moved.day))))) AS has_rate
                   FROM ( SELECT DISTINCT ((trades.traded_at AT TIME ZONE 'UTC'::text))::date AS day,
                            assets.quote_code AS code
                           FROM (onetrading.trades
                             JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))))
                          WHERE ((trades.account_id = months.account_id) AND (trades.traded_at >= months.starts_at) AND (trades.traded_at < months.ends_at))
                        UNION
                         SELECT ((payments.booked_at AT TIME ZONE 'UTC'::text))::date AS timezone,
                            assets.quote_code
                           FROM (onetrading.funding_payments payments
                             JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.booked_at) AND (payments.booked_at < assets.known_to))))
                          WHERE ((payments.account_id = months.account_id) AND (payments.booked_at >= months.starts_at) AND (payments.booked_at < months.ends_at))) moved
                  WHERE (moved.code IN ( SELECT exchange_rates.quote_code
                           FROM onetrading.exchange_rates))) needed) report);
COMMENT ON VIEW onetrading.rate_checks IS 'The check rates of reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.rate_checks.rows_to_look_at IS 'As in reporting.month_close.';
CREATE VIEW onetrading.settled_by_marks AS
 SELECT months.account_id,
    months.zone,
    months.month,
    judged.currency,
    judged.intervals,
    judged.agreeing,
    judged.difference,
    judged.first_from,
    judged.first_to
   FROM (onetrading.account_months months
     CROSS JOIN LATERAL ( WITH held AS (
                 SELECT checked.quote_code,
                    checked.instrument_code,
                    checked.funding_time,
                    checked."position",
                    checked.mark_price,
                    (checked.position_is_known AND (checked.mark_price IS NOT NULL)) AS is_known
                   FROM reporting.funding_check_by_zone checked
                  WHERE ((checked.account_id = months.account_id) AND (checked.zone = months.zone) AND (checked.month = months.month))
                 OFFSET 0
                ), last_slots AS (
                 SELECT ends.quote_code,
                    ends.last_time,
                    ( SELECT min(payments.funding_time) AS min
                           FROM onetrading.funding_payments payments
                          WHERE ((payments.account_id = months.account_id) AND (payments.booked_at > ends.last_time) AND (payments.funding_time > ends.last_time) AND (payments.booked_at < (ends.last_time + '1 day'::interval)))) AS next_time
                   FROM ( SELECT held.quote_code,
                            max(held.funding_time) AS last_time
                           FROM held
                          GROUP BY held.quote_code) ends
                ), next_held AS (
                 SELECT moved.quote_code,
                    moved.instrument_code,
                    moved.next_time,
                    sum(moved."position") AS "position",
                    bool_and(moved.is_known) AS is_known
                   FROM ( SELECT last_slots.quote_code,
                            held.instrument_code,
                            last_slots.next_time,
                            held."position",
                            held.is_known
                           FROM (last_slots
                             JOIN held USING (quote_code))
                          WHERE (held.funding_time = last_slots.last_time)
                        UNION ALL
                         SELECT last_slots.quote_code,
                            trades.instrument_code,
                            last_slots.next_time,
                            trades.signed,
                            true
                           FROM (last_slots
                             JOIN onetrading.futures_trades trades ON (((trades.account_id = months.account_id) AND (trades.traded_at > last_slots.last_time) AND (trades.traded_at <= last_slots.next_time))))) moved
                  WHERE (moved.next_time IS NOT NULL)
                  GROUP BY moved.quote_code, moved.instrument_code, moved.next_time
                ), slots AS (
                 SELECT positions.quote_code,
                    positions.funding_time,
                    sum((positions."position" * positions.mark_price)) AS value
                   FROM ( SELECT held.quote_code,
                            held.funding_time,
                            held."position",
                            held.mark_price,
                            held.is_known
                           FROM held
                        UNION ALL
                         SELECT next_held.quote_code,
                            next_held.next_time,
                            next_held."position",
                            rates.mark_price,
                            (next_held.is_known AND ((next_held."position" = (0)::numeric) OR (rates.mark_price IS NOT NULL)))
                           FROM (next_held
                             LEFT JOIN onetrading.funding_rates rates ON (((rates.instrument_code = next_held.instrument_code) AND (rates.funding_time = next_held.next_time))))) positions
                  GROUP BY positions.quote_code, positions.funding_time
                 HAVING bool_and(positions.is_known)
                ), anchors AS (
                 SELECT slots.quote_code,
                    slots.funding_time,
                    slots.value,
                    last_payment.booked_at,
                    last_payment.cash_balance
                   FROM (slots
                     CROSS JOIN LATERAL ( SELECT payments.booked_at,
                            payments.cash_balance
                           FROM onetrading.funding_payments payments
                          WHERE ((payments.account_id = months.account_id) AND (payments.booked_at >= slots.funding_time) AND (payments.booked_at < (slots.funding_time + '00:10:00'::interval)) AND (payments.funding_time = slots.funding_time))
                          ORDER BY payments.booked_at DESC
                         LIMIT 1) last_payment)
                  WHERE ((last_payment.cash_balance IS NOT NULL) AND (NOT (EXISTS ( SELECT
                           FROM onetrading.futures_trades trades
                          WHERE ((trades.account_id = months.account_id) AND (trades.traded_at >= slots.funding_time) AND (trades.traded_at <= last_payment.booked_at))))))
                ), intervals AS (
                 SELECT anchors.quote_code,
                    anchors.funding_time,
                    anchors.value,
                    anchors.booked_at,
                    anchors.cash_balance,
                    lead(anchors.booked_at) OVER next AS next_at,
                    lead(anchors.value) OVER next AS next_value,
                    lead(anchors.cash_balance) OVER next AS next_cash
                   FROM anchors
                  WINDOW next AS (PARTITION BY anchors.quote_code ORDER BY anchors.funding_time)
                ), compared AS (
                 SELECT intervals.quote_code,
                    intervals.booked_at,
                    intervals.next_at,
                    (((intervals.next_cash - intervals.cash_balance) - (intervals.next_value - intervals.value)) - ( SELECT COALESCE(sum((changes.amount + changes.gain)), (0)::numeric) AS "coalesce"
                           FROM onetrading.balance_changes changes
                          WHERE ((changes.account_id = months.account_id) AND (changes.currency = intervals.quote_code) AND (changes.changed_at > intervals.booked_at) AND (changes.changed_at <= intervals.next_at)))) AS difference
                   FROM intervals
                  WHERE (intervals.next_at IS NOT NULL)
                )
         SELECT compared.quote_code AS currency,
            count(*) AS intervals,
            count(*) FILTER (WHERE (abs(compared.difference) < 0.01)) AS agreeing,
            sum(compared.difference) FILTER (WHERE (abs(compared.difference) >= 0.01)) AS difference,
            min(compared.booked_at) FILTER (WHERE (abs(compared.difference) >= 0.01)) AS first_from,
            min(compared.next_at) FILTER (WHERE (abs(compared.difference) >= 0.01)) AS first_to
           FROM compared
          GROUP BY compared.quote_code) judged);
COMMENT ON VIEW onetrading.settled_by_marks IS 'Whether cash moved between funding times by what is known and by the change of the value of positions at their marks. Filter by account, zone and month.';
COMMENT ON COLUMN onetrading.settled_by_marks.account_id IS 'As in onetrading.account_months.';
COMMENT ON COLUMN onetrading.settled_by_marks.zone IS 'As in onetrading.account_months.';
COMMENT ON COLUMN onetrading.settled_by_marks.month IS 'As in onetrading.account_months.';
COMMENT ON COLUMN onetrading.settled_by_marks.currency IS 'In which the futures are settled.';
COMMENT ON COLUMN onetrading.settled_by_marks.intervals IS 'Pairs of funding times with known cash, positions and marks.';
COMMENT ON COLUMN onetrading.settled_by_marks.agreeing IS 'Intervals that differ by less than 0.01 units of currency.';
COMMENT ON COLUMN onetrading.settled_by_marks.difference IS 'What moved cash in the others and is not known; null when there are none.';
COMMENT ON COLUMN onetrading.settled_by_marks.first_from IS 'Beginning of the first interval that differs.';
COMMENT ON COLUMN onetrading.settled_by_marks.first_to IS 'Its end.';
CREATE VIEW onetrading.roll_forward_checks AS
 SELECT months.account_id,
    months.account,
    months.zone,
    months.month,
    'roll_forward'::text AS check_name,
        CASE
            WHEN (report.difference IS NULL) THEN 'open'::text
            WHEN ((abs(report.difference) > report.tolerance) OR (marks.difference <> (0)::numeric)) THEN 'failing'::text
            WHEN (report.basis = 'derived'::text) THEN 'not_applicable'::text
            WHEN (months.ends_at > now()) THEN 'open'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN ((abs(report.difference) <= report.tolerance) AND (marks.difference <> (0)::numeric)) THEN marks.difference
            ELSE report.difference
        END AS difference,
    report.currency,
        CASE
            WHEN (report.difference IS NULL) THEN 'no balance is known at an end of the month'::text
            WHEN (abs(report.difference) > report.tolerance) THEN format('observed %s, expected %s; the first difference came between %s and %s'::text, report.actual, report.expected, COALESCE(to_char((report.first_unexplained_from AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), '?'::text), COALESCE(to_char((report.first_unexplained_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), '?'::text))
            WHEN (marks.difference <> (0)::numeric) THEN format('cash moved by %s that is neither known nor settled at the marks; first between %s and %s'::text, marks.difference, to_char((marks.first_from AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((marks.first_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text))
            WHEN (report.basis = 'derived'::text) THEN 'both ends of the month are derived: they prove nothing'::text
            ELSE (format('opening balance and movements give what was observed: %s'::text, report.actual) ||
            CASE
                WHEN (report.difference <> (0)::numeric) THEN format(', but for %s of rounded settlements'::text, report.difference)
                ELSE ''::text
            END)
        END AS detail,
    format('SELECT booked_at, entry_kind, asset, amount, counter, reference FROM reporting.ledger(%L) WHERE account_id = %L AND month = %L AND asset = %L AND ledger_account = ''account'' AND booked_at >= %L AND booked_at <= %L ORDER BY booked_at, entry_id'::text, months.zone, months.account_id, months.month, report.currency, to_char((COALESCE(report.first_unexplained_from, marks.first_from, months.starts_at) AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS.US"Z"'::text), to_char((COALESCE(report.first_unexplained_to, marks.first_to, months.ends_at) AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS.US"Z"'::text)) AS rows_to_look_at
   FROM ((onetrading.account_months months
     JOIN LATERAL ( SELECT report_1.account,
            report_1.account_id,
            report_1.month,
            report_1.zone,
            report_1.currency,
            report_1.basis,
            report_1.opening,
            report_1.bought,
            report_1.sold,
            report_1.fees_paid,
            report_1.rebates_received,
            report_1.funding_received,
            report_1.funding_paid,
            report_1.settlements_inferred,
            report_1.external_in,
            report_1.external_out,
            report_1.expected,
            report_1.actual,
            report_1.actual_observed_at,
            report_1.difference,
            report_1.first_unexplained_from,
            report_1.first_unexplained_to,
                CASE
                    WHEN (report_1.settlements_inferred <> (0)::numeric) THEN 0.01
                    ELSE (0)::numeric
                END AS tolerance
           FROM onetrading.live_balance_rollforward report_1
          WHERE ((report_1.account_id = months.account_id) AND (report_1.zone = months.zone) AND (report_1.month = months.month))
         OFFSET 0) report ON (true))
     LEFT JOIN LATERAL ( SELECT settled.difference,
            settled.first_from,
            settled.first_to
           FROM onetrading.settled_by_marks settled
          WHERE ((report.settlements_inferred <> (0)::numeric) AND (settled.account_id = months.account_id) AND (settled.zone = months.zone) AND (settled.month = months.month) AND (settled.currency = report.currency) AND (settled.intervals >= 20) AND ((settled.agreeing)::numeric >= (0.9 * (settled.intervals)::numeric)))
         OFFSET 0) marks ON (true));
COMMENT ON VIEW onetrading.roll_forward_checks IS 'The check roll_forward of reporting.month_close, a row for each currency.';
COMMENT ON COLUMN onetrading.roll_forward_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.roll_forward_checks.rows_to_look_at IS 'As in reporting.month_close.';
CREATE TABLE onetrading_sync.judgements (
    account_id uuid NOT NULL,
    zone text NOT NULL,
    month date NOT NULL,
    check_name text NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    difference numeric,
    detail text NOT NULL,
    failing_since timestamp with time zone,
    judged_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.judgements IS 'What each check of reporting.month_close said when it was last asked: hourly of the newest months, daily of older ones.';
COMMENT ON COLUMN onetrading_sync.judgements.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading_sync.judgements.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.currency IS 'As in reporting.month_close; empty where it has none.';
COMMENT ON COLUMN onetrading_sync.judgements.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.failing_since IS 'When it was first found failing; null while it is not.';
COMMENT ON COLUMN onetrading_sync.judgements.judged_at IS 'When it was last asked.';
CREATE VIEW onetrading.live_checks AS
 SELECT coverage_checks.account_id,
    coverage_checks.account,
    coverage_checks.zone,
    coverage_checks.month,
    coverage_checks.check_name,
    coverage_checks.state,
    coverage_checks.difference,
    NULL::text AS currency,
    coverage_checks.failing_since,
    coverage_checks.detail,
    coverage_checks.rows_to_look_at
   FROM onetrading.coverage_checks
UNION ALL
 SELECT checks.account_id,
    checks.account,
    checks.zone,
    checks.month,
    checks.check_name,
    checks.state,
    checks.difference,
    checks.currency,
        CASE
            WHEN (checks.state = 'failing'::text) THEN COALESCE(( SELECT judged.failing_since
               FROM onetrading_sync.judgements judged
              WHERE ((judged.account_id = checks.account_id) AND (judged.zone = checks.zone) AND (judged.month = checks.month) AND (judged.check_name = checks.check_name) AND (judged.currency = COALESCE(checks.currency, ''::text)))), now())
            ELSE NULL::timestamp with time zone
        END AS failing_since,
    checks.detail,
    checks.rows_to_look_at
   FROM ( SELECT roll_forward_checks.account_id,
            roll_forward_checks.account,
            roll_forward_checks.zone,
            roll_forward_checks.month,
            roll_forward_checks.check_name,
            roll_forward_checks.state,
            roll_forward_checks.difference,
            roll_forward_checks.currency,
            roll_forward_checks.detail,
            roll_forward_checks.rows_to_look_at
           FROM onetrading.roll_forward_checks
        UNION ALL
         SELECT order_fill_checks.account_id,
            order_fill_checks.account,
            order_fill_checks.zone,
            order_fill_checks.month,
            order_fill_checks.check_name,
            order_fill_checks.state,
            order_fill_checks.difference,
            order_fill_checks.currency,
            order_fill_checks.detail,
            order_fill_checks.rows_to_look_at
           FROM onetrading.order_fill_checks
        UNION ALL
         SELECT position_checks.account_id,
            position_checks.account,
            position_checks.zone,
            position_checks.month,
            position_checks.check_name,
            position_checks.state,
            position_checks.difference,
            position_checks.currency,
            position_checks.detail,
            position_checks.rows_to_look_at
           FROM onetrading.position_checks
        UNION ALL
         SELECT funding_checks.account_id,
            funding_checks.account,
            funding_checks.zone,
            funding_checks.month,
            funding_checks.check_name,
            funding_checks.state,
            funding_checks.difference,
            funding_checks.currency,
            funding_checks.detail,
            funding_checks.rows_to_look_at
           FROM onetrading.funding_checks
        UNION ALL
         SELECT futures_pnl_checks.account_id,
            futures_pnl_checks.account,
            futures_pnl_checks.zone,
            futures_pnl_checks.month,
            futures_pnl_checks.check_name,
            futures_pnl_checks.state,
            futures_pnl_checks.difference,
            futures_pnl_checks.currency,
            futures_pnl_checks.detail,
            futures_pnl_checks.rows_to_look_at
           FROM onetrading.futures_pnl_checks
        UNION ALL
         SELECT rate_checks.account_id,
            rate_checks.account,
            rate_checks.zone,
            rate_checks.month,
            rate_checks.check_name,
            rate_checks.state,
            rate_checks.difference,
            rate_checks.currency,
            rate_checks.detail,
            rate_checks.rows_to_look_at
           FROM onetrading.rate_checks
        UNION ALL
         SELECT instrument_checks.account_id,
            instrument_checks.account,
            instrument_checks.zone,
            instrument_checks.month,
            instrument_checks.check_name,
            instrument_checks.state,
            instrument_checks.difference,
            instrument_checks.currency,
            instrument_checks.detail,
            instrument_checks.rows_to_look_at
           FROM onetrading.instrument_checks
        UNION ALL
         SELECT late_checks.account_id,
            late_checks.account,
            late_checks.zone,
            late_checks.month,
            late_checks.check_name,
            late_checks.state,
            late_checks.difference,
            late_checks.currency,
            late_checks.detail,
            late_checks.rows_to_look_at
           FROM onetrading.late_checks) checks;
COMMENT ON VIEW onetrading.live_checks IS 'Every check of every month, judged from the facts, whether the month is locked or not. Filter by zone always.';
COMMENT ON COLUMN onetrading.live_checks.account_id IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.account IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.currency IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.failing_since IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading.live_checks.rows_to_look_at IS 'As in reporting.month_close.';
CREATE VIEW reporting.month_close_by_zone AS
 SELECT live.account,
    live.account_id,
    live.month,
    live.zone,
    live.check_name,
    live.state,
    live.difference,
    live.currency,
    live.failing_since,
    live.detail,
    live.rows_to_look_at
   FROM onetrading.live_checks live
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closes
          WHERE ((closes.zone = live.zone) AND (closes.month = live.month) AND (closes.reopened_at IS NULL)))))
UNION ALL
 SELECT stored.account,
    stored.account_id,
    closes.month,
    closes.zone,
    stored.check_name,
        CASE
            WHEN (accepted.reason IS NOT NULL) THEN 'acknowledged'::text
            ELSE stored.state
        END AS state,
    stored.difference,
    stored.currency,
        CASE
            WHEN (accepted.reason IS NULL) THEN stored.failing_since
            ELSE NULL::timestamp with time zone
        END AS failing_since,
        CASE
            WHEN (accepted.reason IS NOT NULL) THEN ((stored.detail || '; acknowledged: '::text) || accepted.reason)
            ELSE stored.detail
        END AS detail,
    stored.rows_to_look_at
   FROM (((onetrading.closes
     JOIN onetrading.closed_rows USING (close_id))
     CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_checks, closed_rows."row") stored(account_id, account, zone, month, check_name, state, difference, currency, failing_since, detail, rows_to_look_at))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (stored.state = ANY (ARRAY['failing'::text, 'open'::text])) THEN COALESCE((closes.acknowledged ->> ((stored.account || '/'::text) || stored.check_name)), (closes.acknowledged ->> stored.check_name))
                    ELSE NULL::text
                END AS reason) accepted)
  WHERE ((closes.reopened_at IS NULL) AND (closed_rows.report = 'month_close'::text) AND (stored.check_name <> 'late_facts'::text))
UNION ALL
 SELECT late.account,
    late.account_id,
    late.month,
    late.zone,
    late.check_name,
    late.state,
    late.difference,
    late.currency,
        CASE
            WHEN (late.state = 'failing'::text) THEN COALESCE(( SELECT judged.failing_since
               FROM onetrading_sync.judgements judged
              WHERE ((judged.account_id = late.account_id) AND (judged.zone = late.zone) AND (judged.month = late.month) AND (judged.check_name = late.check_name))), now())
            ELSE NULL::timestamp with time zone
        END AS failing_since,
    late.detail,
    late.rows_to_look_at
   FROM onetrading.late_checks late
  WHERE (late.state <> 'not_applicable'::text);
COMMENT ON VIEW reporting.month_close_by_zone IS 'reporting.month_close in every time zone: always filter by zone, or call reporting.month_close(zone).
Example:
SELECT account, check_name, state, difference, currency, detail FROM reporting.month_close_by_zone
WHERE zone = ''Europe/Vienna'' AND month = ''2026-03-01'' ORDER BY account, check_name;';
COMMENT ON COLUMN reporting.month_close_by_zone.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.month_close_by_zone.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.month_close_by_zone.month IS 'First day of the calendar month: every month that has facts or must be complete, until the current one; of an account that is no longer configured, until the month in which it left.';
COMMENT ON COLUMN reporting.month_close_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.month_close_by_zone.check_name IS 'coverage (all history of the month is proven complete), rejects (no record of it is left that could not be read), roll_forward (opening balance and movements give the closing one; of futures, also cash from one funding time to the next, by the marks, where the exchange settles at them), order_fills (orders were filled as their trades say), positions (futures positions are what trades add up to), funding (payments are rate times position), futures_pnl (closed positions earned what their trades say), instruments (the instrument of every trade is known), late_facts (nothing became known since the lock) or rates (exchange rates are there, if any are imported).';
COMMENT ON COLUMN reporting.month_close_by_zone.state IS 'ok; open: the month or what it needs is not over; failing; not_applicable: the account has nothing of the kind; acknowledged: it failed when the month was locked, and somebody said why that is accepted.';
COMMENT ON COLUMN reporting.month_close_by_zone.difference IS 'How far it is off: seconds of history (coverage), an amount in currency (roll_forward), the sum of the differences (futures_pnl), days (rates), else a number of records; null where nothing can be compared.';
COMMENT ON COLUMN reporting.month_close_by_zone.currency IS 'The asset that difference is in; null where it is in none.';
COMMENT ON COLUMN reporting.month_close_by_zone.failing_since IS 'Since when it fails, as far as known: months are judged hourly (older ones daily); null when it does not.';
COMMENT ON COLUMN reporting.month_close_by_zone.detail IS 'What was found, in words.';
COMMENT ON COLUMN reporting.month_close_by_zone.rows_to_look_at IS 'A query that shows the rows.';
CREATE VIEW reporting.month_close AS
 SELECT account,
    account_id,
    month,
    zone,
    check_name,
    state,
    difference,
    currency,
    failing_since,
    detail,
    rows_to_look_at
   FROM reporting.month_close_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.month_close IS 'Whether a month is complete and fits together, per account and check, in the business zone: the only place that judges it. A month can be closed when none of its rows is failing or open. Streams that the account cannot have (futures of a spot account) and instruments that are no longer asked are not counted; what is read without a token is judged as account "public". Of a locked month it says what was said when it was locked, and whether anything became known since.
Example:
SELECT account, check_name, state, difference, currency, detail, rows_to_look_at
FROM reporting.month_close WHERE month = ''2026-03-01'' ORDER BY account, check_name;';
COMMENT ON COLUMN reporting.month_close.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.month_close.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.month_close.month IS 'First day of the calendar month: every month that has facts or must be complete, until the current one; of an account that is no longer configured, until the month in which it left.';
COMMENT ON COLUMN reporting.month_close.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.month_close.check_name IS 'coverage (all history of the month is proven complete), rejects (no record of it is left that could not be read), roll_forward (opening balance and movements give the closing one; of futures, also cash from one funding time to the next, by the marks, where the exchange settles at them), order_fills (orders were filled as their trades say), positions (futures positions are what trades add up to), funding (payments are rate times position), futures_pnl (closed positions earned what their trades say), instruments (the instrument of every trade is known), late_facts (nothing became known since the lock) or rates (exchange rates are there, if any are imported).';
COMMENT ON COLUMN reporting.month_close.state IS 'ok; open: the month or what it needs is not over; failing; not_applicable: the account has nothing of the kind; acknowledged: it failed when the month was locked, and somebody said why that is accepted.';
COMMENT ON COLUMN reporting.month_close.difference IS 'How far it is off: seconds of history (coverage), an amount in currency (roll_forward), the sum of the differences (futures_pnl), days (rates), else a number of records; null where nothing can be compared.';
COMMENT ON COLUMN reporting.month_close.currency IS 'The asset that difference is in; null where it is in none.';
COMMENT ON COLUMN reporting.month_close.failing_since IS 'Since when it fails, as far as known: months are judged hourly (older ones daily); null when it does not.';
COMMENT ON COLUMN reporting.month_close.detail IS 'What was found, in words.';
COMMENT ON COLUMN reporting.month_close.rows_to_look_at IS 'A query that shows the rows.';
CREATE FUNCTION reporting.month_close(zone text) RETURNS SETOF reporting.month_close
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.month_close_by_zone AS checks WHERE checks.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.month_close(zone text) IS 'The view of this name in any time zone.
Example:
SELECT account, check_name, state FROM reporting.month_close(''Europe/Vienna'')
WHERE month = ''2026-03-01'' AND state <> ''ok'';';
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
CREATE VIEW reporting.order_fill_check AS
 SELECT account,
    account_id,
    zone,
    month,
    order_id,
    instrument_code,
    base_code,
    quote_code,
    side,
    status,
    created_at,
    ordered,
    filled_as_told,
    trades,
    filled_by_trades,
    difference,
    state
   FROM reporting.order_fill_check_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.order_fill_check IS 'One row per order: what it says was traded against its trades. Filter by account and by created_at or month.
Example:
SELECT created_at, order_id, instrument_code, filled_as_told, filled_by_trades, difference
FROM reporting.order_fill_check
WHERE account = ''main'' AND created_at >= ''2026-03-01 00:00Z'' AND created_at < ''2026-04-01 00:00Z''
    AND state = ''different''
ORDER BY created_at, order_id;';
COMMENT ON COLUMN reporting.order_fill_check.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.order_fill_check.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.order_fill_check.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.order_fill_check.month IS 'First day of the calendar month of created_at.';
COMMENT ON COLUMN reporting.order_fill_check.order_id IS 'Identity of the order.';
COMMENT ON COLUMN reporting.order_fill_check.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.order_fill_check.base_code IS 'Asset of all amounts; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.order_fill_check.quote_code IS 'Currency of the price; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.order_fill_check.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.order_fill_check.status IS 'The status as the exchange told it last.';
COMMENT ON COLUMN reporting.order_fill_check.created_at IS 'When the order was created.';
COMMENT ON COLUMN reporting.order_fill_check.ordered IS 'In base_code: what was to be traded (order.amount).';
COMMENT ON COLUMN reporting.order_fill_check.filled_as_told IS 'In base_code: what was traded as the order says (order.filled_amount).';
COMMENT ON COLUMN reporting.order_fill_check.trades IS 'How many trades of the order are stored. A taker''s trade may stand for several fills.';
COMMENT ON COLUMN reporting.order_fill_check.filled_by_trades IS 'In base_code: the amounts of these trades, of the order''s instrument and side.';
COMMENT ON COLUMN reporting.order_fill_check.difference IS 'In base_code: filled_by_trades less filled_as_told; negative when a trade is missing.';
COMMENT ON COLUMN reporting.order_fill_check.state IS 'ok (no difference), different, open (the order is open: orders and trades are read some seconds apart), or unknown (the exchange does not tell of the order any more, or it was created before the time from which trades are read). More traded than ordered is always different.';
CREATE FUNCTION reporting.order_fill_check(zone text) RETURNS SETOF reporting.order_fill_check
    LANGUAGE sql STABLE
    AS $_$
    SELECT * FROM reporting.order_fill_check_by_zone AS orders
    WHERE orders.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.order_fill_check(zone text) IS 'The view of this name in any time zone.
Example:
SELECT state, count(*) AS orders FROM reporting.order_fill_check(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' GROUP BY state;';
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
CREATE VIEW reporting.realised_pnl_futures AS
 SELECT account,
    account_id,
    zone,
    month,
    position_id,
    instrument_code,
    base_code,
    quote_code,
    direction,
    opened_at,
    closed_at,
    quantity,
    trades,
    basis,
    gain_gross,
    fees,
    funding,
    gain_net,
    exchange_closing_pnl,
    exchange_realised_pnl,
    difference_gross,
    difference,
    state,
    unknown_because
   FROM reporting.realised_pnl_futures_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.realised_pnl_futures IS 'One row per closed futures position: its result from its own trades, beside what the exchange says. Filter by account and by closed_at or month. Cash of futures moves by the settlement of each minute, so the result of a position that was open over a month''s end was paid in both months; here it belongs to the month of its closing.
Example:
SELECT closed_at, instrument_code, direction, quantity, gain_gross, fees, funding, gain_net,
    difference, quote_code
FROM reporting.realised_pnl_futures
WHERE account = ''main'' AND closed_at >= ''2026-03-01 00:00Z'' AND closed_at < ''2026-04-01 00:00Z''
ORDER BY closed_at, position_id;';
COMMENT ON COLUMN reporting.realised_pnl_futures.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.realised_pnl_futures.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.realised_pnl_futures.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.realised_pnl_futures.month IS 'First day of the calendar month of closed_at. A position whose closing time is not known yet is not in here but in reporting.closed_positions.';
COMMENT ON COLUMN reporting.realised_pnl_futures.position_id IS 'Identity of the position.';
COMMENT ON COLUMN reporting.realised_pnl_futures.instrument_code IS 'Market; null while not known.';
COMMENT ON COLUMN reporting.realised_pnl_futures.base_code IS 'Asset of quantity; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.realised_pnl_futures.quote_code IS 'Currency of all gains, fees and funding; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.realised_pnl_futures.direction IS 'LONG or SHORT.';
COMMENT ON COLUMN reporting.realised_pnl_futures.opened_at IS 'When it was opened.';
COMMENT ON COLUMN reporting.realised_pnl_futures.closed_at IS 'When it was closed.';
COMMENT ON COLUMN reporting.realised_pnl_futures.quantity IS 'In base_code: all that was bought in it, which is all that was sold; null when its trades do not balance.';
COMMENT ON COLUMN reporting.realised_pnl_futures.trades IS 'How many trades were found of it.';
COMMENT ON COLUMN reporting.realised_pnl_futures.basis IS 'Where they were found: position_trades (the list of the position itself) or trades (those of the account and instrument from opened_at to closed_at); null when there are none.';
COMMENT ON COLUMN reporting.realised_pnl_futures.gain_gross IS 'In quote_code, ours: what was sold less what was bought, over its trades, without fees and funding. Null when unknown_because says why.';
COMMENT ON COLUMN reporting.realised_pnl_futures.fees IS 'In quote_code: fees of its trades, positive when paid; a fee in the base asset at the price of the trade.';
COMMENT ON COLUMN reporting.realised_pnl_futures.funding IS 'In quote_code: funding of the position, positive when received: as booked where the payment is known, else as the position''s own list has it (4 decimals), else the exchange''s total.';
COMMENT ON COLUMN reporting.realised_pnl_futures.gain_net IS 'In quote_code: gain_gross less fees plus funding.';
COMMENT ON COLUMN reporting.realised_pnl_futures.exchange_closing_pnl IS 'In quote_code: the exchange''s result without fees and funding (closing_pnl).';
COMMENT ON COLUMN reporting.realised_pnl_futures.exchange_realised_pnl IS 'In quote_code: the exchange''s result with fees and funding (realised_pnl).';
COMMENT ON COLUMN reporting.realised_pnl_futures.difference_gross IS 'In quote_code: gain_gross less exchange_closing_pnl.';
COMMENT ON COLUMN reporting.realised_pnl_futures.difference IS 'In quote_code: gain_net less exchange_realised_pnl.';
COMMENT ON COLUMN reporting.realised_pnl_futures.state IS 'ok (the difference is at most one unit of the last decimal of exchange_realised_pnl, plus half a unit of the fourth decimal for each payment that is known rounded only), different, or unknown.';
COMMENT ON COLUMN reporting.realised_pnl_futures.unknown_because IS 'Why gain_net is null; null when it is not.';
CREATE FUNCTION reporting.realised_pnl_futures(zone text) RETURNS SETOF reporting.realised_pnl_futures
    LANGUAGE sql STABLE
    AS $_$
    SELECT * FROM reporting.realised_pnl_futures_by_zone AS positions
    WHERE positions.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.realised_pnl_futures(zone text) IS 'The view of this name in any time zone.
Example:
SELECT position_id, gain_gross, gain_net FROM reporting.realised_pnl_futures(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' ORDER BY position_id;';
CREATE VIEW onetrading.futures_pnl_months AS
 SELECT account_id,
    account,
    zone,
    month,
    instrument_code,
    quote_code,
    gain_gross,
    fees,
    funding,
    ((gain_gross - fees) + funding) AS gain_net,
    disposals,
    missing_cost
   FROM ( SELECT booked.account_id,
            booked.account,
            booked.zone,
            booked.month,
            booked.instrument_code,
            booked.quote_code,
                CASE
                    WHEN ((sum(booked.disposals) = 0) OR (sum(booked.disposals) > sum(booked.missing_cost))) THEN COALESCE(sum(booked.gain_gross), (0)::numeric)
                    ELSE NULL::numeric
                END AS gain_gross,
                CASE
                    WHEN (sum(booked.fees_unknown) = 0) THEN COALESCE(sum(booked.fees), (0)::numeric)
                    ELSE NULL::numeric
                END AS fees,
            COALESCE(sum(booked.funding), (0)::numeric) AS funding,
            sum(booked.disposals) AS disposals,
            sum(booked.missing_cost) AS missing_cost
           FROM ( SELECT realised_pnl_futures_by_zone.account_id,
                    realised_pnl_futures_by_zone.account,
                    realised_pnl_futures_by_zone.zone,
                    realised_pnl_futures_by_zone.month,
                    realised_pnl_futures_by_zone.instrument_code,
                    realised_pnl_futures_by_zone.quote_code,
                    realised_pnl_futures_by_zone.gain_gross,
                    NULL::numeric AS fees,
                    0 AS fees_unknown,
                    NULL::numeric AS funding,
                    1 AS disposals,
                        CASE
                            WHEN (realised_pnl_futures_by_zone.gain_gross IS NULL) THEN 1
                            ELSE 0
                        END AS missing_cost
                   FROM reporting.realised_pnl_futures_by_zone
                UNION ALL
                 SELECT trades_of_months.account_id,
                    trades_of_months.account,
                    trades_of_months.zone,
                    trades_of_months.month,
                    trades_of_months.instrument_code,
                    trades_of_months.quote_code,
                    NULL::numeric,
                    trades_of_months.fee_in_quote,
                        CASE
                            WHEN (trades_of_months.fee_in_quote IS NULL) THEN 1
                            ELSE 0
                        END AS "case",
                    NULL::numeric,
                    0,
                    0
                   FROM onetrading.trades_of_months
                  WHERE (trades_of_months.is_futures AND (trades_of_months.fee_amount IS NOT NULL))
                UNION ALL
                 SELECT months.account_id,
                    months.account,
                    months.zone,
                    months.month,
                    payments.instrument_code,
                    markets.quote_code,
                    NULL::numeric,
                    NULL::numeric,
                    0,
                    payments.amount,
                    0,
                    0
                   FROM ((onetrading.account_months months
                     CROSS JOIN LATERAL ( WITH apart AS (
                                 SELECT
                                )
                         SELECT payments_1.account_id,
                            payments_1.instrument_code,
                            payments_1.booked_at,
                            payments_1.funding_time,
                            payments_1.amount,
                            payments_1.cash_balance,
                            payments_1.raw,
                            payments_1.row_hash,
                            payments_1.first_seen_at
                           FROM onetrading.funding_payments payments_1
                          WHERE ((payments_1.account_id = months.account_id) AND (payments_1.booked_at >= months.starts_at) AND (payments_1.booked_at < months.ends_at))) payments)
                     LEFT JOIN onetrading.instrument_markets markets ON (((markets.instrument_code = payments.instrument_code) AND (markets.known_from <= payments.funding_time) AND (payments.funding_time < markets.known_to))))) booked
          GROUP BY booked.account_id, booked.account, booked.zone, booked.month, booked.instrument_code, booked.quote_code) sums;
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
CREATE VIEW onetrading.live_realised_pnl_monthly AS
 SELECT spot_pnl_months.account,
    spot_pnl_months.account_id,
    spot_pnl_months.month,
    spot_pnl_months.zone,
    spot_pnl_months.asset,
    spot_pnl_months.instrument_code,
    spot_pnl_months.currency,
    spot_pnl_months.method,
    spot_pnl_months.gain_gross,
    spot_pnl_months.fees,
    spot_pnl_months.funding,
    spot_pnl_months.gain_net,
    spot_pnl_months.disposals,
    spot_pnl_months.missing_cost,
    spot_pnl_months.missing_proceeds,
    spot_pnl_months.unknown_fees
   FROM onetrading.spot_pnl_months
UNION ALL
 SELECT futures_pnl_months.account,
    futures_pnl_months.account_id,
    futures_pnl_months.month,
    futures_pnl_months.zone,
    NULL::text AS asset,
    futures_pnl_months.instrument_code,
    futures_pnl_months.quote_code AS currency,
    'position'::text AS method,
    futures_pnl_months.gain_gross,
    futures_pnl_months.fees,
    futures_pnl_months.funding,
    futures_pnl_months.gain_net,
    futures_pnl_months.disposals,
    futures_pnl_months.missing_cost,
    NULL::numeric AS missing_proceeds,
    NULL::bigint AS unknown_fees
   FROM onetrading.futures_pnl_months;
COMMENT ON VIEW onetrading.live_realised_pnl_monthly IS 'reporting.realised_pnl_monthly_by_zone as computed from the facts, whether a month is locked or not.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.account IS 'Configured name of the account.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.month IS 'First day of the calendar month in which it happened.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.asset IS 'The asset of spot trading; null for futures.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.instrument_code IS 'The market of futures; null for spot trading.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.currency IS 'The currency of the sums.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.method IS 'fifo or average: two answers to one question of spot trading, never to be added up; position: futures.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.gain_gross IS 'Sum of the gains without fees, of what has a known cost; null when nothing has.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.fees IS 'Sum of the fees that gain_net takes off, of what has a known cost; a fee that is not known in currency counts in unknown_fees alone. Null when none is known.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.funding IS 'Funding, positive when received; 0 for spot trading, which has none.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.gain_net IS 'gain_gross - fees + funding, of what has a known cost and known fees; null when nothing has.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.disposals IS 'How many SELLs of spot trading, or closed positions of futures, the sums are of, including those without a known cost.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.missing_cost IS 'How many pieces (of the average: SELLs; of futures: positions) have no known cost or result, and are in no gain.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.missing_proceeds IS 'What these were sold for, in currency; null for futures.';
COMMENT ON COLUMN onetrading.live_realised_pnl_monthly.unknown_fees IS 'How many pieces have a known cost, but a fee that was not told or is in a third currency: in gain_gross, not in gain_net. Null for futures.';
CREATE VIEW reporting.realised_pnl_monthly_by_zone AS
 SELECT live.account,
    live.account_id,
    live.month,
    live.zone,
    live.asset,
    live.instrument_code,
    live.currency,
    live.method,
    live.gain_gross,
    live.fees,
    live.funding,
    live.gain_net,
    live.disposals,
    live.missing_cost,
    live.missing_proceeds,
    live.unknown_fees
   FROM onetrading.live_realised_pnl_monthly live
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closes
          WHERE ((closes.month = live.month) AND (closes.reopened_at IS NULL) AND (closes.zone = live.zone)))))
UNION ALL
 SELECT stored.account,
    stored.account_id,
    stored.month,
    stored.zone,
    stored.asset,
    stored.instrument_code,
    stored.currency,
    stored.method,
    stored.gain_gross,
    stored.fees,
    stored.funding,
    stored.gain_net,
    stored.disposals,
    stored.missing_cost,
    stored.missing_proceeds,
    stored.unknown_fees
   FROM (onetrading.locked_rows locked
     CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_realised_pnl_monthly, locked."row") stored(account, account_id, month, zone, asset, instrument_code, currency, method, gain_gross, fees, funding, gain_net, disposals, missing_cost, missing_proceeds, unknown_fees))
  WHERE ((locked.report = 'realised_pnl_monthly'::text) AND (stored.month = locked.month) AND (stored.zone = locked.zone));
COMMENT ON VIEW reporting.realised_pnl_monthly_by_zone IS 'Realised profit and loss by month: of spot trading from reporting.realised_pnl_fifo and reporting.realised_pnl_average, of futures the positions that were closed in the month, with the fees and funding that were booked in it. In every time zone: always filter by zone, or call reporting.realised_pnl_monthly(zone).
Example:
SELECT asset, instrument_code, currency, method, gain_gross, fees, funding, gain_net, missing_cost
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
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.method IS 'fifo or average: two answers to one question of spot trading, never to be added up; position: futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.gain_gross IS 'Sum of the gains without fees, of what has a known cost; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.fees IS 'Sum of the fees that gain_net takes off, of what has a known cost; a fee that is not known in currency counts in unknown_fees alone. Null when none is known.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.funding IS 'Funding, positive when received; 0 for spot trading, which has none.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.gain_net IS 'gain_gross - fees + funding, of what has a known cost and known fees; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.disposals IS 'How many SELLs of spot trading, or closed positions of futures, the sums are of, including those without a known cost.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.missing_cost IS 'How many pieces (of the average: SELLs; of futures: positions) have no known cost or result, and are in no gain.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.missing_proceeds IS 'What these were sold for, in currency; null for futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.unknown_fees IS 'How many pieces have a known cost, but a fee that was not told or is in a third currency: in gain_gross, not in gain_net. Null for futures.';
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
COMMENT ON VIEW reporting.realised_pnl_monthly IS 'Realised profit and loss by month: of spot trading from reporting.realised_pnl_fifo and reporting.realised_pnl_average, of futures the positions that were closed in the month, with the fees and funding that were booked in it. In the business zone (ONETRADING_BUSINESS_ZONE).
Example:
SELECT asset, instrument_code, currency, method, gain_gross, fees, funding, gain_net, missing_cost
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
COMMENT ON COLUMN reporting.realised_pnl_monthly.method IS 'fifo or average: two answers to one question of spot trading, never to be added up; position: futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.gain_gross IS 'Sum of the gains without fees, of what has a known cost; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.fees IS 'Sum of the fees that gain_net takes off, of what has a known cost; a fee that is not known in currency counts in unknown_fees alone. Null when none is known.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.funding IS 'Funding, positive when received; 0 for spot trading, which has none.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.gain_net IS 'gain_gross - fees + funding, of what has a known cost and known fees; null when nothing has.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.disposals IS 'How many SELLs of spot trading, or closed positions of futures, the sums are of, including those without a known cost.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.missing_cost IS 'How many pieces (of the average: SELLs; of futures: positions) have no known cost or result, and are in no gain.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.missing_proceeds IS 'What these were sold for, in currency; null for futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.unknown_fees IS 'How many pieces have a known cost, but a fee that was not told or is in a third currency: in gain_gross, not in gain_net. Null for futures.';
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
)
PARTITION BY RANGE (snapshot_id);
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
CREATE VIEW reporting.trade_slippage_by_zone AS
 SELECT trades.account,
    trades.account_id,
    trades.zone,
    trades.month,
    trades.trade_id,
    trades.order_id,
    trades.traded_at,
    trades.traded_at_nanos,
    trades.sequence,
    trades.instrument_code,
    trades.base_code,
    trades.quote_code,
    trades.side,
    trades.liquidity,
    trades.price,
    trades.amount,
    quotes.bid_price,
    quotes.ask_price,
    quotes.mid_price,
    quotes.quoted_at,
    (trades.traded_at - quotes.quoted_at) AS quote_age,
    (trades.amount *
        CASE trades.side
            WHEN 'BUY'::text THEN (trades.price - quotes.mid_price)
            ELSE (quotes.mid_price - trades.price)
        END) AS slippage_quote,
    round((((10000)::numeric *
        CASE trades.side
            WHEN 'BUY'::text THEN (trades.price - quotes.mid_price)
            ELSE (quotes.mid_price - trades.price)
        END) / quotes.mid_price), 4) AS slippage_bps
   FROM (onetrading.trades_of_months trades
     LEFT JOIN LATERAL ( SELECT tickers.bid_price,
            tickers.ask_price,
            ((tickers.bid_price + tickers.ask_price) * 0.5) AS mid_price,
            observed.quoted_at
           FROM (( SELECT snapshots.snapshot_id,
                    snapshots.first_observed_at,
                    LEAST(snapshots.last_observed_at, trades.traded_at) AS quoted_at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (snapshots.stream = 'tickers'::text) AND (snapshots.first_observed_at <= trades.traded_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 20) observed
             JOIN onetrading.tickers ON (((tickers.snapshot_id = observed.snapshot_id) AND (tickers.instrument_code = trades.instrument_code))))
          WHERE ((observed.quoted_at >= (trades.traded_at - '00:05:00'::interval)) AND (tickers.bid_price > (0)::numeric) AND (tickers.ask_price > (0)::numeric))
          ORDER BY observed.first_observed_at DESC, observed.snapshot_id DESC
         LIMIT 1) quotes ON (true));
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
 SELECT account,
    account_id,
    zone,
    month,
    trade_id,
    order_id,
    traded_at,
    traded_at_nanos,
    sequence,
    instrument_code,
    base_code,
    quote_code,
    side,
    liquidity,
    price,
    amount,
    bid_price,
    ask_price,
    mid_price,
    quoted_at,
    quote_age,
    slippage_quote,
    slippage_bps
   FROM reporting.trade_slippage_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.trade_slippage IS 'One row per trade: its price against the middle of the quotes that were observed last before it. Filter by account and by traded_at or month.
Example:
SELECT instrument_code, liquidity, quote_code, count(slippage_quote) AS quoted, count(*) AS trades,
    sum(slippage_quote) AS slippage
FROM reporting.trade_slippage
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
GROUP BY instrument_code, liquidity, quote_code ORDER BY instrument_code, liquidity;';
COMMENT ON COLUMN reporting.trade_slippage.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.trade_slippage.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.trade_slippage.zone IS 'Time zone of month.';
COMMENT ON COLUMN reporting.trade_slippage.month IS 'First day of the calendar month of traded_at.';
COMMENT ON COLUMN reporting.trade_slippage.trade_id IS 'Identity of the trade.';
COMMENT ON COLUMN reporting.trade_slippage.order_id IS 'Order that it filled; null when not sent.';
COMMENT ON COLUMN reporting.trade_slippage.traded_at IS 'When it happened.';
COMMENT ON COLUMN reporting.trade_slippage.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970-01-01 UTC.';
COMMENT ON COLUMN reporting.trade_slippage.sequence IS 'The exchange''s own count; null when not sent.';
COMMENT ON COLUMN reporting.trade_slippage.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.trade_slippage.base_code IS 'Asset of amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trade_slippage.quote_code IS 'Currency of prices and of slippage_quote; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trade_slippage.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.trade_slippage.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.trade_slippage.price IS 'Price of the trade, in quote_code.';
COMMENT ON COLUMN reporting.trade_slippage.amount IS 'In base_code; no sign.';
COMMENT ON COLUMN reporting.trade_slippage.bid_price IS 'Highest bid, in quote_code, of the last ticker that was observed at or before the trade and has both sides (GET market-ticker: highest_bid); null when none was observed within five minutes.';
COMMENT ON COLUMN reporting.trade_slippage.ask_price IS 'Lowest ask of the same ticker, in quote_code (lowest_ask).';
COMMENT ON COLUMN reporting.trade_slippage.mid_price IS 'Half of the sum of both, exact.';
COMMENT ON COLUMN reporting.trade_slippage.quoted_at IS 'When that ticker was observed: the last time before the trade.';
COMMENT ON COLUMN reporting.trade_slippage.quote_age IS 'traded_at less quoted_at, never negative: the market moved meanwhile.';
COMMENT ON COLUMN reporting.trade_slippage.slippage_quote IS 'In quote_code, of the whole amount: positive when the price was worse for the account than mid_price, negative when better. Without fees.';
COMMENT ON COLUMN reporting.trade_slippage.slippage_bps IS 'The same in basis points of mid_price, rounded to 4 decimals.';
CREATE FUNCTION reporting.trade_slippage(zone text) RETURNS SETOF reporting.trade_slippage
    LANGUAGE sql STABLE
    AS $_$
    SELECT * FROM reporting.trade_slippage_by_zone AS trades
    WHERE trades.zone = reporting.known_zone($1)
$_$;
COMMENT ON FUNCTION reporting.trade_slippage(zone text) IS 'The view of this name in any time zone.
Example:
SELECT traded_at, trade_id, slippage_bps FROM reporting.trade_slippage(''Europe/Vienna'')
WHERE account = ''main'' AND month = ''2026-03-01'' ORDER BY traded_at;';
CREATE VIEW onetrading.asset_changes AS
 SELECT DISTINCT instrument_code,
    (date_trunc('month'::text, (known_from AT TIME ZONE 'UTC'::text)))::date AS month
   FROM onetrading.instrument_assets
  WHERE (known_from > '-infinity'::timestamp with time zone);
COMMENT ON VIEW onetrading.asset_changes IS 'The UTC months in which an instrument began to stand for other assets: normally none.';
COMMENT ON COLUMN onetrading.asset_changes.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.asset_changes.month IS 'First day of the UTC month of the change.';
CREATE TABLE onetrading.balances_earlier (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    currency_code text NOT NULL,
    available numeric NOT NULL,
    locked numeric NOT NULL,
    changed_at timestamp with time zone,
    CONSTRAINT balances_amounts CHECK (((available > '-Infinity'::numeric) AND (available < 'Infinity'::numeric) AND (locked > '-Infinity'::numeric) AND (locked < 'Infinity'::numeric))),
    CONSTRAINT in_partition CHECK ((snapshot_id < '1836534988800000000'::bigint))
);
COMMENT ON TABLE onetrading.balances_earlier IS 'Partition of onetrading.balances: what was stored before the numbers of snapshots told the time.';
COMMENT ON COLUMN onetrading.balances_earlier.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.balances_earlier.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balances_earlier.currency_code IS 'The asset''s code.';
COMMENT ON COLUMN onetrading.balances_earlier.available IS 'Free, in units of the currency.';
COMMENT ON COLUMN onetrading.balances_earlier.locked IS 'Held by open orders, in units of the currency.';
COMMENT ON COLUMN onetrading.balances_earlier.changed_at IS 'When this balance last changed, as the exchange says.';
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
    raw jsonb,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    record_page bigint,
    record_ordinal smallint,
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
COMMENT ON COLUMN onetrading.candlesticks.raw IS 'The record as sent, where an earlier version stored it and it was not moved yet; else null: see record_page.';
COMMENT ON COLUMN onetrading.candlesticks.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.candlesticks.first_seen_at IS 'When it was first stored here; never changed afterwards.';
COMMENT ON COLUMN onetrading.candlesticks.record_page IS 'The row of onetrading.record_pages that holds the record as sent; null while it is in raw.';
COMMENT ON COLUMN onetrading.candlesticks.record_ordinal IS 'Which record of that page it is, from 1 on.';
CREATE VIEW onetrading.checksums AS
 SELECT close_id,
    count(*) AS rows,
    encode(sha256(convert_to(string_agg(((((report || '	'::text) || number) || '	'::text) || ("row")::text), '
'::text ORDER BY report, number), 'UTF8'::name)), 'hex'::text) AS checksum
   FROM onetrading.closed_rows
  GROUP BY close_id;
COMMENT ON VIEW onetrading.checksums IS 'SHA-256 of what is stored of each lock: equal to onetrading.closes.checksum, unless somebody changed it.';
COMMENT ON COLUMN onetrading.checksums.close_id IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.checksums.rows IS 'How many rows are stored.';
COMMENT ON COLUMN onetrading.checksums.checksum IS 'Lines of report, number and row, separated by tabs, in the order of report and number; as hexadecimal digits.';
ALTER TABLE onetrading.closes ALTER COLUMN close_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading.closes_close_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
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
)
PARTITION BY RANGE (snapshot_id);
COMMENT ON TABLE onetrading.funding_rate_samples IS 'Funding rates while they form (GET funding-rate); settled ones are in funding_rates.';
COMMENT ON COLUMN onetrading.funding_rate_samples.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.funding_rate_samples.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rate_samples.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.funding_rate_samples.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rate_samples.computed_at IS 'When the exchange computed it.';
COMMENT ON COLUMN onetrading.funding_rate_samples.raw IS 'The record as sent.';
CREATE TABLE onetrading.funding_rate_samples_earlier (
    snapshot_id bigint NOT NULL,
    instrument_code text NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    computed_at timestamp with time zone,
    raw jsonb NOT NULL,
    CONSTRAINT in_partition CHECK ((snapshot_id < '1836534988800000000'::bigint))
);
COMMENT ON TABLE onetrading.funding_rate_samples_earlier IS 'Partition of onetrading.funding_rate_samples: what was stored before the numbers of snapshots told the time.';
COMMENT ON COLUMN onetrading.funding_rate_samples_earlier.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.funding_rate_samples_earlier.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rate_samples_earlier.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.funding_rate_samples_earlier.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rate_samples_earlier.computed_at IS 'When the exchange computed it.';
COMMENT ON COLUMN onetrading.funding_rate_samples_earlier.raw IS 'The record as sent.';
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
CREATE TABLE onetrading_sync.rolled_months (
    account_id uuid NOT NULL,
    month date NOT NULL
);
COMMENT ON TABLE onetrading_sync.rolled_months IS 'Months whose trades are summed in rolled_trades. A write to a trade of the month deletes its row.';
COMMENT ON COLUMN onetrading_sync.rolled_months.month IS 'First day of the UTC month of traded_at.';
CREATE VIEW onetrading.unrolled_months AS
 WITH RECURSIVE traded AS (
        ( SELECT trades.account_id
           FROM onetrading.trades
          ORDER BY trades.account_id
         LIMIT 1)
        UNION ALL
         SELECT ( SELECT trades.account_id
                   FROM onetrading.trades
                  WHERE (trades.account_id > traded_1.account_id)
                  ORDER BY trades.account_id
                 LIMIT 1) AS account_id
           FROM traded traded_1
          WHERE (traded_1.account_id IS NOT NULL)
        )
 SELECT traded.account_id,
    months.month,
    ((months.month)::timestamp without time zone AT TIME ZONE 'UTC'::text) AS starts_at,
    ((months.month + '1 mon'::interval) AT TIME ZONE 'UTC'::text) AS ends_at
   FROM ((traded
     CROSS JOIN LATERAL ( SELECT (min(trades.traded_at) AT TIME ZONE 'UTC'::text) AS first_at,
            (max(trades.traded_at) AT TIME ZONE 'UTC'::text) AS last_at
           FROM onetrading.trades
          WHERE (trades.account_id = traded.account_id)) life)
     CROSS JOIN LATERAL ( SELECT (months_1.at)::date AS month
           FROM generate_series(date_trunc('month'::text, life.first_at), life.last_at, '1 mon'::interval) months_1(at)) months)
  WHERE ((traded.account_id IS NOT NULL) AND (NOT (EXISTS ( SELECT
           FROM onetrading_sync.rolled_months rolled
          WHERE ((rolled.account_id = traded.account_id) AND (rolled.month = months.month))))));
COMMENT ON VIEW onetrading.unrolled_months IS 'The UTC months from the first trade of an account to its last whose trades are not summed in onetrading_sync.rolled_trades.';
COMMENT ON COLUMN onetrading.unrolled_months.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.unrolled_months.month IS 'First day of the month.';
COMMENT ON COLUMN onetrading.unrolled_months.starts_at IS 'Its first instant.';
COMMENT ON COLUMN onetrading.unrolled_months.ends_at IS 'The first instant after it.';
CREATE TABLE onetrading_sync.rolled_trades (
    account_id uuid NOT NULL,
    month date NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    liquidity text,
    fee_currency text,
    trades bigint NOT NULL,
    base_amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fees_paid numeric,
    fees_received numeric,
    fees_told bigint NOT NULL,
    fees_at_price numeric,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.rolled_trades IS 'Sums of the trades of rolled_months, as onetrading.monthly_trades shows them.';
COMMENT ON COLUMN onetrading_sync.rolled_trades.first_at IS 'When the first of these trades was.';
COMMENT ON COLUMN onetrading_sync.rolled_trades.last_at IS 'When the last of these trades was.';
CREATE VIEW onetrading.summed_trades AS
 SELECT rolled_trades.account_id,
    rolled_trades.month,
    rolled_trades.instrument_code,
    rolled_trades.side,
    rolled_trades.liquidity,
    rolled_trades.fee_currency,
    rolled_trades.trades,
    rolled_trades.base_amount,
    rolled_trades.quote_amount,
    rolled_trades.fees_paid,
    rolled_trades.fees_received,
    rolled_trades.fees_told,
    rolled_trades.fees_at_price,
    rolled_trades.first_at,
    rolled_trades.last_at
   FROM onetrading_sync.rolled_trades
UNION ALL
 SELECT months.account_id,
    months.month,
    sums.instrument_code,
    sums.side,
    sums.liquidity,
    sums.fee_currency,
    sums.trades,
    sums.base_amount,
    sums.quote_amount,
    sums.fees_paid,
    sums.fees_received,
    sums.fees_told,
    sums.fees_at_price,
    sums.first_at,
    sums.last_at
   FROM (onetrading.unrolled_months months
     CROSS JOIN LATERAL ( SELECT trades.instrument_code,
            trades.side,
            trades.liquidity,
            trades.fee_currency,
            count(*) AS trades,
            sum(trades.amount) AS base_amount,
            sum(trades.quote_amount) AS quote_amount,
            sum(trades.fee_amount) FILTER (WHERE (trades.fee_amount > (0)::numeric)) AS fees_paid,
            sum((- trades.fee_amount)) FILTER (WHERE (trades.fee_amount < (0)::numeric)) AS fees_received,
            count(trades.fee_amount) AS fees_told,
            sum((trades.fee_amount * trades.price)) AS fees_at_price,
            min(trades.traded_at) AS first_at,
            max(trades.traded_at) AS last_at
           FROM onetrading.trades
          WHERE ((trades.account_id = months.account_id) AND (trades.traded_at >= months.starts_at) AND (trades.traded_at < months.ends_at))
          GROUP BY trades.instrument_code, trades.side, trades.liquidity, trades.fee_currency) sums);
COMMENT ON VIEW onetrading.summed_trades IS 'Sums of trades per account, UTC month, instrument, side, liquidity and fee currency: rolled up, or of the trades themselves.';
COMMENT ON COLUMN onetrading.summed_trades.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.month IS 'First day of the UTC month of traded_at.';
COMMENT ON COLUMN onetrading.summed_trades.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.liquidity IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.trades IS 'Number of trades.';
COMMENT ON COLUMN onetrading.summed_trades.base_amount IS 'Sum of amount.';
COMMENT ON COLUMN onetrading.summed_trades.quote_amount IS 'Sum of quote_amount.';
COMMENT ON COLUMN onetrading.summed_trades.fees_paid IS 'Sum of positive fee_amount, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.summed_trades.fees_received IS 'Sum of negative fee_amount without its sign, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.summed_trades.fees_told IS 'Number of trades that told their fee.';
COMMENT ON COLUMN onetrading.summed_trades.fees_at_price IS 'Sum of fee_amount times price.';
COMMENT ON COLUMN onetrading.summed_trades.first_at IS 'When the first of these trades was.';
COMMENT ON COLUMN onetrading.summed_trades.last_at IS 'When the last of these trades was.';
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
   FROM (onetrading.summed_trades sums
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = sums.instrument_code) AND (assets.known_from <= ((sums.month)::timestamp without time zone AT TIME ZONE 'UTC'::text)) AND (((sums.month)::timestamp without time zone AT TIME ZONE 'UTC'::text) < assets.known_to))))
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.asset_changes changes
          WHERE ((changes.instrument_code = sums.instrument_code) AND (changes.month = sums.month)))))
UNION ALL
 SELECT trades.account_id,
    changes.month,
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
     JOIN onetrading.trades ON (((trades.instrument_code = changes.instrument_code) AND (trades.traded_at >= ((changes.month)::timestamp without time zone AT TIME ZONE 'UTC'::text)) AND (trades.traded_at < ((changes.month + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))))
     JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))))
  GROUP BY trades.account_id, changes.month, trades.instrument_code, assets.base_code, assets.quote_code, trades.side, trades.liquidity, trades.fee_currency;
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
CREATE VIEW onetrading.live_monthly_fees AS
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
COMMENT ON VIEW onetrading.live_monthly_fees IS 'reporting.monthly_fees as computed from the facts, whether a month is locked or not.';
COMMENT ON COLUMN onetrading.live_monthly_fees.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN onetrading.live_monthly_fees.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN onetrading.live_monthly_fees.month IS 'First day of the UTC calendar month in which the trades happened.';
COMMENT ON COLUMN onetrading.live_monthly_fees.instrument_code IS 'Market.';
COMMENT ON COLUMN onetrading.live_monthly_fees.quote_code IS 'Currency of quote_volume; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.live_monthly_fees.currency IS 'Currency of the fees (fee.fee_currency); null when not sent.';
COMMENT ON COLUMN onetrading.live_monthly_fees.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN onetrading.live_monthly_fees.fees_paid IS 'Gross, in units of currency, never negative: the sum of positive fee_amount; null when no trade of the row told its fee.';
COMMENT ON COLUMN onetrading.live_monthly_fees.rebates_received IS 'Gross, in units of currency, never negative: the sum of negative fee_amount without its sign; null when no trade of the row told its fee.';
COMMENT ON COLUMN onetrading.live_monthly_fees.net_fees IS 'fees_paid minus rebates_received: positive when more was paid than received.';
COMMENT ON COLUMN onetrading.live_monthly_fees.trade_count IS 'Number of trades.';
COMMENT ON COLUMN onetrading.live_monthly_fees.trades_without_fee IS 'How many of them told no fee; 0 is normal.';
COMMENT ON COLUMN onetrading.live_monthly_fees.quote_volume IS 'Sum of quote_amount, in quote_code, without fees.';
COMMENT ON COLUMN onetrading.live_monthly_fees.effective_bps IS 'fee_in_quote per quote_volume in basis points (0.01 %), rounded to 4 decimals, negative for a net rebate; null where fee_in_quote is null.';
COMMENT ON COLUMN onetrading.live_monthly_fees.fee_in_quote IS 'net_fees in quote_code: itself, or the sum of fee times price, exactly, where the fees were in the base asset (spot buys). Null when a fee was not told or is in another currency, or the instrument is unknown.';
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
CREATE VIEW onetrading.live_monthly_funding AS
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
COMMENT ON VIEW onetrading.live_monthly_funding IS 'reporting.monthly_funding as computed from the facts, whether a month is locked or not.';
COMMENT ON COLUMN onetrading.live_monthly_funding.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN onetrading.live_monthly_funding.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN onetrading.live_monthly_funding.month IS 'First day of the UTC calendar month of funding_time. The payment of midnight on the first counts for the month that begins, though it settles the hours before.';
COMMENT ON COLUMN onetrading.live_monthly_funding.instrument_code IS 'Futures market.';
COMMENT ON COLUMN onetrading.live_monthly_funding.quote_code IS 'Currency of paid, received and net; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.live_monthly_funding.payments IS 'Number of payments, paid and received together.';
COMMENT ON COLUMN onetrading.live_monthly_funding.paid IS 'Gross, in quote_code, never negative.';
COMMENT ON COLUMN onetrading.live_monthly_funding.received IS 'Gross, in quote_code, never negative.';
COMMENT ON COLUMN onetrading.live_monthly_funding.net IS 'received minus paid, in quote_code: positive when more was received than paid.';
CREATE VIEW onetrading.live_monthly_turnover AS
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
COMMENT ON VIEW onetrading.live_monthly_turnover IS 'reporting.monthly_turnover as computed from the facts, whether a month is locked or not.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.month IS 'First day of the UTC calendar month in which the trades happened.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.instrument_code IS 'Market.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.base_code IS 'Asset of base_amount; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.quote_code IS 'Currency of quote_amount; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.trades IS 'Number of trades.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.base_amount IS 'Sum of amount, in base_code; no sign, side carries it.';
COMMENT ON COLUMN onetrading.live_monthly_turnover.quote_amount IS 'Sum of quote_amount, in quote_code, without fees; no sign, side carries it.';
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
CREATE TABLE onetrading.portfolios_earlier (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    equity numeric,
    margin_used numeric,
    margin_available numeric,
    account_ratio numeric,
    maintenance_margin numeric,
    raw jsonb NOT NULL,
    CONSTRAINT in_partition CHECK ((snapshot_id < '1836534988800000000'::bigint)),
    CONSTRAINT portfolios_amounts CHECK (((equity > '-Infinity'::numeric) AND (equity < 'Infinity'::numeric) AND (margin_used > '-Infinity'::numeric) AND (margin_used < 'Infinity'::numeric) AND (margin_available > '-Infinity'::numeric) AND (margin_available < 'Infinity'::numeric) AND (maintenance_margin > '-Infinity'::numeric) AND (maintenance_margin < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.portfolios_earlier IS 'Partition of onetrading.portfolios: what was stored before the numbers of snapshots told the time.';
COMMENT ON COLUMN onetrading.portfolios_earlier.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.portfolios_earlier.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.portfolios_earlier.equity IS 'In the account''s currency, which the exchange does not name.';
COMMENT ON COLUMN onetrading.portfolios_earlier.margin_used IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios_earlier.margin_available IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios_earlier.account_ratio IS 'As the exchange computes it; null when not a number (flat).';
COMMENT ON COLUMN onetrading.portfolios_earlier.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios_earlier.raw IS 'The record as sent.';
CREATE TABLE onetrading.positions_earlier (
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
    CONSTRAINT in_partition CHECK ((snapshot_id < '1836534988800000000'::bigint)),
    CONSTRAINT positions_amounts CHECK (((open_volume > '-Infinity'::numeric) AND (open_volume < 'Infinity'::numeric) AND (open_notional > '-Infinity'::numeric) AND (open_notional < 'Infinity'::numeric) AND (maintenance_margin > '-Infinity'::numeric) AND (maintenance_margin < 'Infinity'::numeric) AND (last_settlement > '-Infinity'::numeric) AND (last_settlement < 'Infinity'::numeric) AND (mark_price > '-Infinity'::numeric) AND (mark_price < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.positions_earlier IS 'Partition of onetrading.positions: what was stored before the numbers of snapshots told the time.';
COMMENT ON COLUMN onetrading.positions_earlier.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.positions_earlier.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.positions_earlier.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.positions_earlier.direction IS 'LONG or SHORT; sizes have no sign.';
COMMENT ON COLUMN onetrading.positions_earlier.open_volume IS 'Size in units of the base asset.';
COMMENT ON COLUMN onetrading.positions_earlier.open_notional IS 'Size at the mark price, in the quote currency; not the cost of entry.';
COMMENT ON COLUMN onetrading.positions_earlier.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.positions_earlier.last_settlement IS 'Cash result of the last minute''s settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.positions_earlier.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.positions_earlier.raw IS 'The record as sent.';
CREATE TABLE onetrading.record_pages (
    page_id bigint NOT NULL,
    records text NOT NULL
);
ALTER TABLE ONLY onetrading.record_pages ALTER COLUMN records SET COMPRESSION lz4;
COMMENT ON TABLE onetrading.record_pages IS 'Records as sent, many to a row: together they compress to a fourth. A page is never changed.';
COMMENT ON COLUMN onetrading.record_pages.page_id IS 'What record_page of the tables of facts names.';
COMMENT ON COLUMN onetrading.record_pages.records IS 'The records, separated by the character RS (U+001E), which no JSON holds (RFC 7464); byte for byte, but for what columns of trades say, see onetrading.whole_record. A record that was replaced since stays in its page.';
ALTER TABLE onetrading.record_pages ALTER COLUMN page_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME onetrading.record_pages_page_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading.snapshots_earlier (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    first_observed_at timestamp with time zone NOT NULL,
    last_observed_at timestamp with time zone NOT NULL,
    row_count integer NOT NULL,
    content_hash bigint NOT NULL,
    header jsonb NOT NULL,
    resolution interval,
    CONSTRAINT in_partition CHECK ((snapshot_id < '1836534988800000000'::bigint)),
    CONSTRAINT snapshots_check CHECK ((last_observed_at >= first_observed_at))
);
COMMENT ON TABLE onetrading.snapshots_earlier IS 'Partition of onetrading.snapshots: what was stored before the numbers of snapshots told the time.';
COMMENT ON COLUMN onetrading.snapshots_earlier.snapshot_id IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.snapshots_earlier.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.snapshots_earlier.stream IS 'The stream that was asked.';
COMMENT ON COLUMN onetrading.snapshots_earlier.first_observed_at IS 'When this state was first observed.';
COMMENT ON COLUMN onetrading.snapshots_earlier.last_observed_at IS 'When it was last observed unchanged; between both it was asked for without a break.';
COMMENT ON COLUMN onetrading.snapshots_earlier.row_count IS 'How many rows the answer had; 0 means empty, not unknown.';
COMMENT ON COLUMN onetrading.snapshots_earlier.content_hash IS 'Hash of the whole answer, to tell that nothing changed.';
COMMENT ON COLUMN onetrading.snapshots_earlier.header IS 'What the answer said beside its rows, as sent (account_equity of balances).';
COMMENT ON COLUMN onetrading.snapshots_earlier.resolution IS 'As in onetrading.snapshots.';
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
CREATE TABLE onetrading.tickers_earlier (
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
    raw jsonb NOT NULL,
    CONSTRAINT in_partition CHECK ((snapshot_id < '1836534988800000000'::bigint))
);
COMMENT ON TABLE onetrading.tickers_earlier IS 'Partition of onetrading.tickers: what was stored before the numbers of snapshots told the time.';
COMMENT ON COLUMN onetrading.tickers_earlier.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.tickers_earlier.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.tickers_earlier.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN onetrading.tickers_earlier.last_price IS 'Price of the last trade in the quote currency.';
COMMENT ON COLUMN onetrading.tickers_earlier.bid_price IS 'Highest bid; null when nobody bids.';
COMMENT ON COLUMN onetrading.tickers_earlier.ask_price IS 'Lowest ask; null when nobody offers.';
COMMENT ON COLUMN onetrading.tickers_earlier.base_volume IS 'Volume of 24 hours in units of the base asset.';
COMMENT ON COLUMN onetrading.tickers_earlier.quote_volume IS 'Volume of 24 hours in the quote currency.';
COMMENT ON COLUMN onetrading.tickers_earlier.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.tickers_earlier.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.tickers_earlier.next_funding_at IS 'When funding is next settled.';
COMMENT ON COLUMN onetrading.tickers_earlier.raw IS 'The record as sent.';
CREATE TABLE onetrading_sync.budgets (
    account text NOT NULL,
    full_at timestamp with time zone,
    shared_until timestamp with time zone,
    acknowledged_by text
);
COMMENT ON TABLE onetrading_sync.budgets IS 'What the token of an account has spent of its request budget, as far as one process tells another.';
COMMENT ON COLUMN onetrading_sync.budgets.account IS 'The configured name.';
COMMENT ON COLUMN onetrading_sync.budgets.full_at IS 'When all of a burst may be sent again. Null while the holder of the lease keeps it by itself: once that has crashed, all of the burst counts as spent.';
COMMENT ON COLUMN onetrading_sync.budgets.shared_until IS 'Until when a command sends requests, too: meanwhile each request is taken from full_at.';
COMMENT ON COLUMN onetrading_sync.budgets.acknowledged_by IS 'The process that holds the lease and takes its requests here, too; the command waits for that.';
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
CREATE TABLE onetrading_sync.counting_opening (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    since timestamp with time zone NOT NULL,
    counted_to timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.counting_opening IS 'Streams whose stored facts are being summed, part by part, before their counters are shown for the first time.';
COMMENT ON COLUMN onetrading_sync.counting_opening.since IS 'From which instant on facts count, as in counting later.';
COMMENT ON COLUMN onetrading_sync.counting_opening.counted_to IS 'Facts from since up to here are in counting_sums, those that are written from now on included. What follows is summed later.';
CREATE TABLE onetrading_sync.counting_sums (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    metric text NOT NULL,
    labels text[] NOT NULL,
    value numeric NOT NULL
);
COMMENT ON TABLE onetrading_sync.counting_sums IS 'The sums of counting_opening, which become totals once all is summed.';
CREATE TABLE onetrading_sync.daily_sums (
    account_id uuid NOT NULL,
    day date NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    fee_currency text,
    first_at timestamp with time zone NOT NULL,
    trades bigint NOT NULL,
    amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fees_paid numeric,
    fees_received numeric
);
COMMENT ON TABLE onetrading_sync.daily_sums IS 'Sums of onetrading_sync.hourly_sums over the hours of a day of onetrading_sync.summed_days. No row: no trade.';
COMMENT ON COLUMN onetrading_sync.daily_sums.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.daily_sums.day IS 'As in onetrading_sync.summed_days.';
COMMENT ON COLUMN onetrading_sync.daily_sums.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.daily_sums.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.daily_sums.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.daily_sums.first_at IS 'When the first of these trades was.';
COMMENT ON COLUMN onetrading_sync.daily_sums.trades IS 'How many there are.';
COMMENT ON COLUMN onetrading_sync.daily_sums.amount IS 'Sum of amount, in the base currency.';
COMMENT ON COLUMN onetrading_sync.daily_sums.quote_amount IS 'Sum of quote_amount, in the quote currency.';
COMMENT ON COLUMN onetrading_sync.daily_sums.fees_paid IS 'Sum of the fees above 0, in fee_currency; null without any.';
COMMENT ON COLUMN onetrading_sync.daily_sums.fees_received IS 'Sum of the rebates, positive, in fee_currency; null without any.';
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
CREATE TABLE onetrading_sync.fact_counts (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    rows bigint NOT NULL
);
COMMENT ON TABLE onetrading_sync.fact_counts IS 'How many facts of a history, or snapshots of a present state, are stored. Kept in the transaction that inserts them, compared with the tables once a day.';
COMMENT ON COLUMN onetrading_sync.fact_counts.rows IS 'A number of rows; no row of this table means none.';
CREATE TABLE onetrading_sync.hourly_sums (
    account_id uuid NOT NULL,
    day date NOT NULL,
    hour timestamp with time zone NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    fee_currency text,
    first_at timestamp with time zone NOT NULL,
    trades bigint NOT NULL,
    amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fees_paid numeric,
    fees_received numeric
);
COMMENT ON TABLE onetrading_sync.hourly_sums IS 'Sums of the trades of an account in an hour of a day of onetrading_sync.summed_days. No row: no trade.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.day IS 'As in onetrading_sync.summed_days.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.hour IS 'When the hour begins.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.first_at IS 'When the first of these trades was.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.trades IS 'How many there are.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.amount IS 'Sum of amount, in the base currency.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.quote_amount IS 'Sum of quote_amount, in the quote currency.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.fees_paid IS 'Sum of the fees above 0, in fee_currency; null without any.';
COMMENT ON COLUMN onetrading_sync.hourly_sums.fees_received IS 'Sum of the rebates, positive, in fee_currency; null without any.';
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
CREATE TABLE onetrading_sync.lease_requests (
    account_id uuid NOT NULL,
    holder text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.lease_requests IS 'Accounts that a process with fewer of them has asked their holder for.';
COMMENT ON COLUMN onetrading_sync.lease_requests.account_id IS 'Whose lease is asked for.';
COMMENT ON COLUMN onetrading_sync.lease_requests.holder IS 'The process that asks, as in leases.holder.';
COMMENT ON COLUMN onetrading_sync.lease_requests.expires_at IS 'Until when it counts, unless it is asked again: a process that ended gets nothing.';
CREATE TABLE onetrading_sync.leases (
    account_id uuid NOT NULL,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamp with time zone,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.leases IS 'The service that writes an account. Each of its transactions checks the epoch.';
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
CREATE TABLE onetrading_sync.record_moves (
    table_name text NOT NULL,
    next_block bigint DEFAULT 0 NOT NULL,
    moved bigint DEFAULT 0 NOT NULL,
    finished_at timestamp with time zone
);
COMMENT ON TABLE onetrading_sync.record_moves IS 'How far the service has moved records into full pages: those that earlier versions kept in the rows of facts, and those that came one by one. Each table is gone through once a day.';
COMMENT ON COLUMN onetrading_sync.record_moves.table_name IS 'A table of schema onetrading.';
COMMENT ON COLUMN onetrading_sync.record_moves.next_block IS 'The block of the table to go on with; 0 when it was gone through.';
COMMENT ON COLUMN onetrading_sync.record_moves.moved IS 'How many records were moved.';
COMMENT ON COLUMN onetrading_sync.record_moves.finished_at IS 'When it was gone through last; from then on raw is empty. Null while that is on its way.';
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
CREATE TABLE onetrading_sync.summed_days (
    account_id uuid NOT NULL,
    day date NOT NULL,
    summed_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE onetrading_sync.summed_days IS 'Days of which the trades of an account are summed in onetrading_sync.hourly_sums: reports add these up, and read the trades of other days.';
COMMENT ON COLUMN onetrading_sync.summed_days.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.summed_days.day IS 'From midnight to midnight in UTC.';
COMMENT ON COLUMN onetrading_sync.summed_days.summed_at IS 'When it was stored.';
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
CREATE VIEW reporting.closes AS
 SELECT month,
    zone,
    closed_at,
    version,
    settings,
    acknowledged,
    row_count,
    checksum,
    reopened_at,
    reopened_because,
    (reopened_at IS NULL) AS in_force,
    starts_at,
    ends_at
   FROM onetrading.closes;
COMMENT ON VIEW reporting.closes IS 'Months whose figures were locked (close MONTH). While a lock is in force, the monthly views answer from the rows that were stored with it, and what became known later is in late_facts alone.
Example:
SELECT month, zone, closed_at, checksum FROM reporting.closes WHERE in_force ORDER BY month;';
COMMENT ON COLUMN reporting.closes.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.closes.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.closes.closed_at IS 'When it was locked.';
COMMENT ON COLUMN reporting.closes.version IS 'Version of the exporter that locked it.';
COMMENT ON COLUMN reporting.closes.settings IS 'The settings that reports depend on, as they were in force.';
COMMENT ON COLUMN reporting.closes.acknowledged IS 'Checks that differed when it was locked (of all accounts, or main/positions: of one), with the reason why that was accepted.';
COMMENT ON COLUMN reporting.closes.row_count IS 'How many rows were stored.';
COMMENT ON COLUMN reporting.closes.checksum IS 'SHA-256 of the stored rows, as hexadecimal digits.';
COMMENT ON COLUMN reporting.closes.reopened_at IS 'When the lock was taken off; null while it is in force.';
COMMENT ON COLUMN reporting.closes.reopened_because IS 'Why the lock was taken off.';
COMMENT ON COLUMN reporting.closes.in_force IS 'Whether the figures are locked now.';
COMMENT ON COLUMN reporting.closes.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.closes.ends_at IS 'End of the month (exclusive).';
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
CREATE VIEW reporting.exchange_rates AS
 SELECT day,
    base_code,
    quote_code,
    source,
    rate,
    first_seen_at
   FROM onetrading.exchange_rates;
COMMENT ON VIEW reporting.exchange_rates IS 'Exchange rates as imported (import rates). Weekends and holidays have none: take the newest one before.
Example:
SELECT day, rate, source FROM reporting.exchange_rates
WHERE base_code = ''EUR'' AND quote_code = ''USD'' ORDER BY day DESC LIMIT 5;';
COMMENT ON COLUMN reporting.exchange_rates.day IS 'The day that the source dates the rate with.';
COMMENT ON COLUMN reporting.exchange_rates.base_code IS 'One unit of this ...';
COMMENT ON COLUMN reporting.exchange_rates.quote_code IS '... is worth rate units of this.';
COMMENT ON COLUMN reporting.exchange_rates.source IS 'Who published it, such as ECB.';
COMMENT ON COLUMN reporting.exchange_rates.rate IS 'Units of quote_code for one unit of base_code.';
COMMENT ON COLUMN reporting.exchange_rates.first_seen_at IS 'When it was first imported.';
CREATE VIEW reporting.external_movements AS
 SELECT accounts.name AS account,
    movements.account_id,
    movements.reference,
    movements.moved_at,
    movements.currency_code,
    movements.amount,
    movements.kind,
    movements.note,
    movements.first_seen_at
   FROM (onetrading.external_movements movements
     JOIN onetrading.accounts USING (account_id));
COMMENT ON VIEW reporting.external_movements IS 'Deposits, withdrawals, transfers and fees that the exchange''s API does not tell, as imported (import movements).
Example:
SELECT moved_at, currency_code, amount, kind, reference FROM reporting.external_movements
WHERE account = ''main'' AND moved_at >= ''2026-03-01 00:00Z'' AND moved_at < ''2026-04-01 00:00Z''
ORDER BY moved_at;';
COMMENT ON COLUMN reporting.external_movements.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.external_movements.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.external_movements.reference IS 'Identity of the movement within the account, as in the file.';
COMMENT ON COLUMN reporting.external_movements.moved_at IS 'When the balance changed.';
COMMENT ON COLUMN reporting.external_movements.currency_code IS 'What moved.';
COMMENT ON COLUMN reporting.external_movements.amount IS 'In units of currency_code: positive when it came in, negative when it went out.';
COMMENT ON COLUMN reporting.external_movements.kind IS 'deposit, withdrawal, transfer (between own accounts), fee or other.';
COMMENT ON COLUMN reporting.external_movements.note IS 'What the file said beside; null when nothing.';
COMMENT ON COLUMN reporting.external_movements.first_seen_at IS 'When it was first imported.';
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
CREATE VIEW reporting.last_trades AS
 SELECT COALESCE(accounts.name, (sums.account_id)::text) AS account,
    sums.account_id,
    sums.instrument_code,
    sums.first_trade,
    sums.last_trade,
    sums.trades
   FROM (( SELECT summed_trades.account_id,
            summed_trades.instrument_code,
            min(summed_trades.first_at) AS first_trade,
            max(summed_trades.last_at) AS last_trade,
            (sum(summed_trades.trades))::bigint AS trades
           FROM onetrading.summed_trades
          GROUP BY summed_trades.account_id, summed_trades.instrument_code) sums
     LEFT JOIN onetrading.accounts USING (account_id));
COMMENT ON VIEW reporting.last_trades IS 'One row per account and market that it ever traded: when it did first and last. Fast however many trades there are, since months that are over are summed. Bounds the search for the last trades of a market, as in the example.
Example:
SELECT traded_at, account, side, price, amount FROM reporting.trades
WHERE instrument_code = ''BTC_USD'' AND traded_at <= (
    SELECT max(last_trade) FROM reporting.last_trades WHERE instrument_code = ''BTC_USD'')
ORDER BY traded_at DESC LIMIT 50;';
COMMENT ON COLUMN reporting.last_trades.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.last_trades.account_id IS 'Identity of the account at the exchange (trade.account_id).';
COMMENT ON COLUMN reporting.last_trades.instrument_code IS 'Market (trade.instrument_code).';
COMMENT ON COLUMN reporting.last_trades.first_trade IS 'The traded_at of the first trade that is stored.';
COMMENT ON COLUMN reporting.last_trades.last_trade IS 'The traded_at of the last trade that is stored.';
COMMENT ON COLUMN reporting.last_trades.trades IS 'Number of trades that are stored.';
CREATE VIEW reporting.late_facts AS
 WITH known AS (
         SELECT known_since.since
           FROM onetrading_sync.known_since
          WHERE (known_since.what = 'first_seen_at'::text)
        ), since_lock AS MATERIALIZED (
         SELECT facts_since_lock.account_id,
            facts_since_lock.stream,
            facts_since_lock.kind,
            facts_since_lock.key,
            facts_since_lock.noticed_at,
            min(facts_since_lock.closed_at) AS locked_at
           FROM onetrading.facts_since_lock
          GROUP BY facts_since_lock.account_id, facts_since_lock.stream, facts_since_lock.kind, facts_since_lock.key, facts_since_lock.noticed_at
        ), came_late AS (
         SELECT trades.account_id,
            'trades'::text AS stream,
            ''::text AS scope,
            jsonb_build_object('trade_id', trades.trade_id) AS key,
            trades.traded_at AS happened_at,
            trades.first_seen_at,
            COALESCE(trades.raw, (onetrading.whole_record(split_part(record_pages.records, chr(30), (trades.record_ordinal)::integer), trades.trade_id, trades.order_id, trades.sequence, trades.traded_at, trades.traded_at_nanos))::jsonb) AS record
           FROM (onetrading.trades
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = trades.record_page)))
          WHERE ((trades.first_seen_at > ( SELECT known.since
                   FROM known)) AND ((trades.first_seen_at >= ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) OR (trades.trade_id IN ( SELECT ((since_lock_1.key ->> 'trade_id'::text))::uuid AS uuid
                   FROM since_lock since_lock_1
                  WHERE ((since_lock_1.stream = 'trades'::text) AND (since_lock_1.kind = 'late'::text))))))
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
            COALESCE(funding_payments.raw, (split_part(record_pages.records, chr(30), (funding_payments.record_ordinal)::integer))::jsonb) AS record
           FROM (onetrading.funding_payments
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = funding_payments.record_page)))
          WHERE ((funding_payments.first_seen_at > ( SELECT known.since
                   FROM known)) AND ((funding_payments.first_seen_at >= ((date_trunc('month'::text, (funding_payments.booked_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) OR ((funding_payments.account_id, funding_payments.instrument_code, funding_payments.funding_time) IN ( SELECT since_lock_1.account_id,
                    (since_lock_1.key ->> 'instrument_code'::text),
                    ((since_lock_1.key ->> 'funding_time'::text))::timestamp with time zone AS timestamptz
                   FROM since_lock since_lock_1
                  WHERE ((since_lock_1.stream = 'funding_payments'::text) AND (since_lock_1.kind = 'late'::text))))))
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
            COALESCE(funding_rates.raw, (split_part(record_pages.records, chr(30), (funding_rates.record_ordinal)::integer))::jsonb) AS record
           FROM (onetrading.funding_rates
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = funding_rates.record_page)))
          WHERE ((funding_rates.first_seen_at > ( SELECT known.since
                   FROM known)) AND (funding_rates.first_seen_at >= ((date_trunc('month'::text, (funding_rates.funding_time AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
        UNION ALL
         SELECT positions.account_id,
            'closed_positions'::text,
            ''::text,
            jsonb_build_object('position_id', positions.position_id) AS jsonb_build_object,
            positions.closed_at,
            positions.first_seen_at,
            COALESCE(positions.raw, (split_part(record_pages.records, chr(30), (positions.record_ordinal)::integer))::jsonb) AS record
           FROM (onetrading.closed_positions positions
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = positions.record_page)))
          WHERE ((positions.first_seen_at >= ((date_trunc('month'::text, (positions.closed_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) OR (positions.position_id IN ( SELECT (since_lock_1.key ->> 'position_id'::text)
                   FROM since_lock since_lock_1
                  WHERE ((since_lock_1.stream = 'closed_positions'::text) AND (since_lock_1.kind = 'late'::text)))))
        UNION ALL
         SELECT movements.account_id,
            'movements'::text,
            ''::text,
            since_lock_1.key,
            movements.moved_at,
            movements.first_seen_at,
            to_jsonb(movements.*) AS to_jsonb
           FROM (since_lock since_lock_1
             JOIN onetrading.external_movements movements ON (((movements.account_id = since_lock_1.account_id) AND (movements.reference = (since_lock_1.key ->> 'reference'::text)))))
          WHERE ((since_lock_1.stream = 'movements'::text) AND (since_lock_1.kind = 'late'::text))
        UNION ALL
         SELECT lots.account_id,
            'lots'::text,
            ''::text,
            since_lock_1.key,
            lots.acquired_at,
            lots.first_seen_at,
            to_jsonb(lots.*) AS to_jsonb
           FROM (since_lock since_lock_1
             JOIN onetrading.external_lots lots ON (((lots.account_id = since_lock_1.account_id) AND (lots.reference = (since_lock_1.key ->> 'reference'::text)))))
          WHERE ((since_lock_1.stream = 'lots'::text) AND (since_lock_1.kind = 'late'::text))
        ), found AS (
         SELECT came_late.account_id,
            came_late.stream,
            came_late.scope,
            came_late.key,
            came_late.happened_at,
            came_late.first_seen_at,
            'late'::text AS kind,
            NULL::jsonb AS old_record,
            came_late.record AS new_record,
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
    found.resolved_at,
        CASE found.kind
            WHEN 'late'::text THEN traded.new_fee
            WHEN 'vanished'::text THEN (- traded.old_fee)
            ELSE (traded.new_fee - traded.old_fee)
        END AS fee_delta,
        CASE found.kind
            WHEN 'late'::text THEN traded.new_quote
            WHEN 'vanished'::text THEN (- traded.old_quote)
            ELSE (traded.new_quote - traded.old_quote)
        END AS quote_delta,
        CASE
            WHEN (found.kind = ANY (ARRAY['late'::text, 'duplicate_slot'::text])) THEN paid.new_funding
            WHEN (found.kind = 'vanished'::text) THEN (- paid.old_funding)
            ELSE (paid.new_funding - paid.old_funding)
        END AS funding_delta,
    since_lock.locked_at
   FROM (((((found
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading_sync.proven_days proven ON (((proven.account_id = found.account_id) AND (proven.stream = found.stream) AND (proven.stream <> 'closed_positions'::text) AND (proven.scope = found.scope) AND (proven.day = ((found.happened_at AT TIME ZONE 'UTC'::text))::date) AND (proven.proven_at < found.noticed_at))))
     LEFT JOIN LATERAL ( SELECT onetrading.number_of((found.old_record #>> '{fee,fee_amount}'::text[])) AS old_fee,
            onetrading.number_of((found.new_record #>> '{fee,fee_amount}'::text[])) AS new_fee,
            (onetrading.number_of((found.old_record #>> '{trade,price}'::text[])) * onetrading.number_of((found.old_record #>> '{trade,amount}'::text[]))) AS old_quote,
            (onetrading.number_of((found.new_record #>> '{trade,price}'::text[])) * onetrading.number_of((found.new_record #>> '{trade,amount}'::text[]))) AS new_quote) traded ON ((found.stream = 'trades'::text)))
     LEFT JOIN LATERAL ( SELECT onetrading.number_of((found.old_record ->> 'funding_payment'::text)) AS old_funding,
            onetrading.number_of((found.new_record ->> 'funding_payment'::text)) AS new_funding) paid ON ((found.stream = 'funding_payments'::text)))
     LEFT JOIN since_lock ON (((since_lock.account_id = found.account_id) AND (since_lock.stream = found.stream) AND (since_lock.kind = found.kind) AND (since_lock.key = found.key) AND (since_lock.noticed_at = found.noticed_at))));
COMMENT ON VIEW reporting.late_facts IS 'What a closed month has to know: facts that became known after their month was over, facts that were missing when their time had been proven complete, facts that came back different and facts that the exchange no longer shows, whenever that was noticed. History that is read in for the first time long after it happened is late as well; proven_at tells it from a fact that came after its day had been proven complete.
Example:
SELECT account, stream, kind, happened_at, noticed_at, old_record, new_record
FROM reporting.late_facts
WHERE month = ''2026-03-01'' AND noticed_at >= ''2026-04-03 00:00Z'' ORDER BY noticed_at;';
COMMENT ON COLUMN reporting.late_facts.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.late_facts.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.late_facts.stream IS 'What the fact was read with: trades, funding_payments, funding_history, closed_positions, or movements or lots (imported after a month was locked without it); where kind is not late, any stream of history.';
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
COMMENT ON COLUMN reporting.late_facts.fee_delta IS 'What the exchange shows now less what it showed before: the fee of a trade, in its own currency. Null where it is of something else.';
COMMENT ON COLUMN reporting.late_facts.quote_delta IS 'What the exchange shows now less what it showed before: price times amount of a trade, in the quote currency. Null where it is of something else.';
COMMENT ON COLUMN reporting.late_facts.funding_delta IS 'What the exchange shows now less what it showed before: the amount of a funding payment, as sent. Null where it is of something else.';
COMMENT ON COLUMN reporting.late_facts.locked_at IS 'When the month was locked, if that was before this became known: the locked figures lack it. Null when no lock in force is older than it.';
CREATE VIEW reporting.monthly_fees AS
 SELECT live.account,
    live.account_id,
    live.month,
    live.instrument_code,
    live.quote_code,
    live.currency,
    live.liquidity,
    live.fees_paid,
    live.rebates_received,
    live.net_fees,
    live.trade_count,
    live.trades_without_fee,
    live.quote_volume,
    live.effective_bps,
    live.fee_in_quote
   FROM onetrading.live_monthly_fees live
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closes
          WHERE ((closes.month = live.month) AND (closes.reopened_at IS NULL)))))
UNION ALL
 SELECT stored.account,
    stored.account_id,
    stored.month,
    stored.instrument_code,
    stored.quote_code,
    stored.currency,
    stored.liquidity,
    stored.fees_paid,
    stored.rebates_received,
    stored.net_fees,
    stored.trade_count,
    stored.trades_without_fee,
    stored.quote_volume,
    stored.effective_bps,
    stored.fee_in_quote
   FROM (onetrading.locked_rows locked
     CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_monthly_fees, locked."row") stored(account, account_id, month, instrument_code, quote_code, currency, liquidity, fees_paid, rebates_received, net_fees, trade_count, trades_without_fee, quote_volume, effective_bps, fee_in_quote))
  WHERE ((locked.report = 'monthly_fees'::text) AND (stored.month = locked.month) AND locked.is_first);
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
 SELECT live.account,
    live.account_id,
    live.month,
    live.instrument_code,
    live.quote_code,
    live.payments,
    live.paid,
    live.received,
    live.net
   FROM onetrading.live_monthly_funding live
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closes
          WHERE ((closes.month = live.month) AND (closes.reopened_at IS NULL)))))
UNION ALL
 SELECT stored.account,
    stored.account_id,
    stored.month,
    stored.instrument_code,
    stored.quote_code,
    stored.payments,
    stored.paid,
    stored.received,
    stored.net
   FROM (onetrading.locked_rows locked
     CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_monthly_funding, locked."row") stored(account, account_id, month, instrument_code, quote_code, payments, paid, received, net))
  WHERE ((locked.report = 'monthly_funding'::text) AND (stored.month = locked.month) AND locked.is_first);
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
 SELECT live.account,
    live.account_id,
    live.month,
    live.instrument_code,
    live.base_code,
    live.quote_code,
    live.side,
    live.liquidity,
    live.trades,
    live.base_amount,
    live.quote_amount
   FROM onetrading.live_monthly_turnover live
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.closes
          WHERE ((closes.month = live.month) AND (closes.reopened_at IS NULL)))))
UNION ALL
 SELECT stored.account,
    stored.account_id,
    stored.month,
    stored.instrument_code,
    stored.base_code,
    stored.quote_code,
    stored.side,
    stored.liquidity,
    stored.trades,
    stored.base_amount,
    stored.quote_amount
   FROM (onetrading.locked_rows locked
     CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_monthly_turnover, locked."row") stored(account, account_id, month, instrument_code, base_code, quote_code, side, liquidity, trades, base_amount, quote_amount))
  WHERE ((locked.report = 'monthly_turnover'::text) AND (stored.month = locked.month) AND locked.is_first);
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
CREATE VIEW reporting.records AS
 SELECT COALESCE(accounts.name, (kept.account_id)::text) AS account,
    kept.stream,
    kept.key,
    COALESCE(kept.raw, (split_part(kept.records, chr(30), (kept.record_ordinal)::integer))::jsonb) AS record,
    kept.first_seen_at,
    kept.account_id,
    COALESCE((kept.raw)::text, split_part(kept.records, chr(30), (kept.record_ordinal)::integer)) AS as_sent
   FROM (( SELECT trades.account_id,
            'trades'::text AS stream,
            jsonb_build_object('trade_id', trades.trade_id) AS key,
            trades.first_seen_at,
            trades.raw,
            onetrading.whole_record(split_part(record_pages.records, chr(30), (trades.record_ordinal)::integer), trades.trade_id, trades.order_id, trades.sequence, trades.traded_at, trades.traded_at_nanos) AS records,
            (1)::smallint AS record_ordinal
           FROM (onetrading.trades
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = trades.record_page)))
        UNION ALL
         SELECT orders.account_id,
            'orders'::text,
            jsonb_build_object('order_id', orders.order_id) AS jsonb_build_object,
            orders.first_seen_at,
            orders.raw,
            record_pages.records,
            orders.record_ordinal
           FROM (onetrading.orders
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = orders.record_page)))
        UNION ALL
         SELECT funding_payments.account_id,
            'funding_payments'::text,
            jsonb_build_object('account_id', funding_payments.account_id, 'instrument_code', funding_payments.instrument_code, 'funding_time', onetrading.instant_text(funding_payments.funding_time)) AS jsonb_build_object,
            funding_payments.first_seen_at,
            funding_payments.raw,
            record_pages.records,
            funding_payments.record_ordinal
           FROM (onetrading.funding_payments
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = funding_payments.record_page)))
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid AS uuid,
            'funding_history'::text,
            jsonb_build_object('instrument_code', funding_rates.instrument_code, 'funding_time', onetrading.instant_text(funding_rates.funding_time)) AS jsonb_build_object,
            funding_rates.first_seen_at,
            funding_rates.raw,
            record_pages.records,
            funding_rates.record_ordinal
           FROM (onetrading.funding_rates
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = funding_rates.record_page)))
        UNION ALL
         SELECT closed_positions.account_id,
            'closed_positions'::text,
            jsonb_build_object('position_id', closed_positions.position_id) AS jsonb_build_object,
            closed_positions.first_seen_at,
            closed_positions.raw,
            record_pages.records,
            closed_positions.record_ordinal
           FROM (onetrading.closed_positions
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = closed_positions.record_page)))
        UNION ALL
         SELECT position_funding_payments.account_id,
            'position_funding'::text,
            jsonb_build_object('position_id', position_funding_payments.position_id, 'booked_at', onetrading.instant_text(position_funding_payments.booked_at)) AS jsonb_build_object,
            position_funding_payments.first_seen_at,
            position_funding_payments.raw,
            record_pages.records,
            position_funding_payments.record_ordinal
           FROM (onetrading.position_funding_payments
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = position_funding_payments.record_page)))
        UNION ALL
         SELECT position_trades.account_id,
            'position_trades'::text,
            jsonb_build_object('position_id', position_trades.position_id, 'trade_id', position_trades.trade_id) AS jsonb_build_object,
            position_trades.first_seen_at,
            position_trades.raw,
            record_pages.records,
            position_trades.record_ordinal
           FROM (onetrading.position_trades
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = position_trades.record_page)))
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid AS uuid,
            'candlesticks'::text,
            jsonb_build_object('instrument_code', candlesticks.instrument_code, 'granularity', candlesticks.granularity, 'start_time', onetrading.instant_text(candlesticks.start_time)) AS jsonb_build_object,
            candlesticks.first_seen_at,
            candlesticks.raw,
            record_pages.records,
            candlesticks.record_ordinal
           FROM (onetrading.candlesticks
             LEFT JOIN onetrading.record_pages ON ((record_pages.page_id = candlesticks.record_page)))
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid,
            'instruments'::text,
            jsonb_build_object('instrument_code', instruments.instrument_code, 'valid_from', onetrading.instant_text(instruments.valid_from)) AS jsonb_build_object,
            instruments.first_seen_at,
            instruments.raw,
            NULL::text,
            NULL::smallint
           FROM onetrading.instruments
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid,
            'currencies'::text,
            jsonb_build_object('currency_code', currencies.currency_code, 'valid_from', onetrading.instant_text(currencies.valid_from)) AS jsonb_build_object,
            currencies.first_seen_at,
            currencies.raw,
            NULL::text,
            NULL::smallint
           FROM onetrading.currencies
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid,
            'fees'::text,
            jsonb_build_object('fee_group', fee_tiers.fee_group, 'min_volume', (trim_scale(fee_tiers.min_volume))::text, 'valid_from', onetrading.instant_text(fee_tiers.valid_from)) AS jsonb_build_object,
            fee_tiers.first_seen_at,
            fee_tiers.raw,
            NULL::text,
            NULL::smallint
           FROM onetrading.fee_tiers
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid,
            'funding_settings'::text,
            jsonb_build_object('instrument_code', funding_settings.instrument_code, 'valid_from', onetrading.instant_text(funding_settings.valid_from)) AS jsonb_build_object,
            funding_settings.first_seen_at,
            funding_settings.raw,
            NULL::text,
            NULL::smallint
           FROM onetrading.funding_settings
        UNION ALL
         SELECT account_fee_tiers.account_id,
            'account_fees'::text,
            jsonb_build_object('account_id', account_fee_tiers.account_id, 'fee_group', account_fee_tiers.fee_group, 'valid_from', onetrading.instant_text(account_fee_tiers.valid_from)) AS jsonb_build_object,
            account_fee_tiers.first_seen_at,
            account_fee_tiers.raw,
            NULL::text,
            NULL::smallint
           FROM onetrading.account_fee_tiers) kept
     LEFT JOIN onetrading.accounts USING (account_id));
COMMENT ON VIEW reporting.records IS 'Each fact''s record as the exchange sent it: the evidence behind the other views. Only the role onetrading_auditor may read it, and the owner. Filter by stream, and by key or first_seen_at where there are many.
Example:
SELECT key ->> ''trade_id'' AS trade_id, as_sent FROM reporting.records
WHERE account = ''main'' AND stream = ''trades'' ORDER BY first_seen_at DESC LIMIT 10;';
COMMENT ON COLUMN reporting.records.account IS 'Configured name of the account; its account_id as text when it has none; public where it is no account''s.';
COMMENT ON COLUMN reporting.records.stream IS 'What the fact was read with.';
COMMENT ON COLUMN reporting.records.key IS 'The key of the fact, column to text, as in reporting.late_facts; versions of instruments, currencies and fees have valid_from in it.';
COMMENT ON COLUMN reporting.records.record IS 'The record, for queries; jsonb keeps neither the order of members nor the notation of numbers.';
COMMENT ON COLUMN reporting.records.first_seen_at IS 'When the fact was first stored, by the clock of Postgres.';
COMMENT ON COLUMN reporting.records.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.records.as_sent IS 'The record, byte for byte; of what a version before this migration stored, as jsonb writes it.';
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
COMMENT ON VIEW reporting.trades IS 'One row per trade of an account (GET account/trades). A taker''s row may stand for several fills at their average price. Several trades of one instant are common: order by traded_at_nanos, sequence, trade_id. For the last trades of one market bound traded_at by its last_trade in reporting.last_trades: of a market that is traded no more, all later trades of others would be read otherwise.
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
ALTER TABLE ONLY onetrading.balances ATTACH PARTITION onetrading.balances_earlier FOR VALUES FROM (MINVALUE) TO ('1836534988800000000');
ALTER TABLE ONLY onetrading.funding_rate_samples ATTACH PARTITION onetrading.funding_rate_samples_earlier FOR VALUES FROM (MINVALUE) TO ('1836534988800000000');
ALTER TABLE ONLY onetrading.portfolios ATTACH PARTITION onetrading.portfolios_earlier FOR VALUES FROM (MINVALUE) TO ('1836534988800000000');
ALTER TABLE ONLY onetrading.positions ATTACH PARTITION onetrading.positions_earlier FOR VALUES FROM (MINVALUE) TO ('1836534988800000000');
ALTER TABLE ONLY onetrading.snapshots ATTACH PARTITION onetrading.snapshots_earlier FOR VALUES FROM (MINVALUE) TO ('1836534988800000000');
ALTER TABLE ONLY onetrading.tickers ATTACH PARTITION onetrading.tickers_earlier FOR VALUES FROM (MINVALUE) TO ('1836534988800000000');
ALTER TABLE ONLY onetrading.account_fee_tiers
    ADD CONSTRAINT account_fee_tiers_pkey PRIMARY KEY (account_id, fee_group, valid_from);
ALTER TABLE ONLY onetrading.accounts
    ADD CONSTRAINT accounts_name_key UNIQUE (name);
ALTER TABLE ONLY onetrading.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading.balances
    ADD CONSTRAINT balances_pkey PRIMARY KEY (snapshot_id, currency_code);
ALTER TABLE ONLY onetrading.balances_earlier
    ADD CONSTRAINT balances_earlier_pkey PRIMARY KEY (snapshot_id, currency_code);
ALTER TABLE ONLY onetrading.candlesticks
    ADD CONSTRAINT candlesticks_pkey PRIMARY KEY (instrument_code, granularity, start_time);
ALTER TABLE onetrading.candlesticks
    ADD CONSTRAINT candlesticks_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.closed_positions
    ADD CONSTRAINT closed_positions_pkey PRIMARY KEY (position_id);
ALTER TABLE onetrading.closed_positions
    ADD CONSTRAINT closed_positions_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.closed_rows
    ADD CONSTRAINT closed_rows_pkey PRIMARY KEY (close_id, report, number);
ALTER TABLE ONLY onetrading.closes
    ADD CONSTRAINT closes_pkey PRIMARY KEY (close_id);
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
ALTER TABLE onetrading.funding_payments
    ADD CONSTRAINT funding_payments_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.funding_rate_samples
    ADD CONSTRAINT funding_rate_samples_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.funding_rate_samples_earlier
    ADD CONSTRAINT funding_rate_samples_earlier_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.funding_rates
    ADD CONSTRAINT funding_rates_pkey PRIMARY KEY (instrument_code, funding_time);
ALTER TABLE onetrading.funding_rates
    ADD CONSTRAINT funding_rates_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.funding_settings
    ADD CONSTRAINT funding_settings_pkey PRIMARY KEY (instrument_code, valid_from);
ALTER TABLE ONLY onetrading.instruments
    ADD CONSTRAINT instruments_pkey PRIMARY KEY (instrument_code, valid_from);
ALTER TABLE ONLY onetrading.order_events
    ADD CONSTRAINT order_events_pkey PRIMARY KEY (order_id, status, filled_amount);
ALTER TABLE ONLY onetrading.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (order_id);
ALTER TABLE onetrading.orders
    ADD CONSTRAINT orders_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.portfolios
    ADD CONSTRAINT portfolios_pkey PRIMARY KEY (snapshot_id, account_id);
ALTER TABLE ONLY onetrading.portfolios_earlier
    ADD CONSTRAINT portfolios_earlier_pkey PRIMARY KEY (snapshot_id, account_id);
ALTER TABLE ONLY onetrading.position_funding_payments
    ADD CONSTRAINT position_funding_payments_pkey PRIMARY KEY (position_id, booked_at);
ALTER TABLE onetrading.position_funding_payments
    ADD CONSTRAINT position_funding_payments_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.position_trades
    ADD CONSTRAINT position_trades_pkey PRIMARY KEY (position_id, trade_id);
ALTER TABLE onetrading.position_trades
    ADD CONSTRAINT position_trades_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (snapshot_id, instrument_code, direction);
ALTER TABLE ONLY onetrading.positions_earlier
    ADD CONSTRAINT positions_earlier_pkey PRIMARY KEY (snapshot_id, instrument_code, direction);
ALTER TABLE ONLY onetrading.record_pages
    ADD CONSTRAINT record_pages_pkey PRIMARY KEY (page_id);
ALTER TABLE ONLY onetrading.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (snapshot_id);
ALTER TABLE ONLY onetrading.snapshots_earlier
    ADD CONSTRAINT snapshots_earlier_pkey PRIMARY KEY (snapshot_id);
ALTER TABLE ONLY onetrading.tickers
    ADD CONSTRAINT tickers_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.tickers_earlier
    ADD CONSTRAINT tickers_earlier_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (trade_id);
ALTER TABLE onetrading.trades
    ADD CONSTRAINT trades_record CHECK ((num_nonnulls(raw, record_page) = 1)) NOT VALID;
ALTER TABLE ONLY onetrading.zones
    ADD CONSTRAINT zones_pkey PRIMARY KEY (zone);
ALTER TABLE ONLY onetrading_sync.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (account);
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
ALTER TABLE ONLY onetrading_sync.counting_opening
    ADD CONSTRAINT counting_opening_pkey PRIMARY KEY (account_id, stream);
ALTER TABLE ONLY onetrading_sync.counting
    ADD CONSTRAINT counting_pkey PRIMARY KEY (account_id, stream);
ALTER TABLE ONLY onetrading_sync.counting_sums
    ADD CONSTRAINT counting_sums_pkey PRIMARY KEY (account_id, stream, metric, labels);
ALTER TABLE ONLY onetrading_sync.coverage
    ADD CONSTRAINT coverage_account_id_stream_scope_range_excl EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&);
ALTER TABLE ONLY onetrading_sync.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (account_id, stream, kind, path, sample);
ALTER TABLE ONLY onetrading_sync.fact_counts
    ADD CONSTRAINT fact_counts_pkey PRIMARY KEY (account_id, stream);
ALTER TABLE ONLY onetrading_sync.issues
    ADD CONSTRAINT issues_pkey PRIMARY KEY (issue_id);
ALTER TABLE ONLY onetrading_sync.judgements
    ADD CONSTRAINT judgements_pkey PRIMARY KEY (account_id, zone, month, check_name, currency);
ALTER TABLE ONLY onetrading_sync.known_since
    ADD CONSTRAINT known_since_pkey PRIMARY KEY (what);
ALTER TABLE ONLY onetrading_sync.lease_requests
    ADD CONSTRAINT lease_requests_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading_sync.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading_sync.position_details
    ADD CONSTRAINT position_details_pkey PRIMARY KEY (account_id, stream, position_id);
ALTER TABLE ONLY onetrading_sync.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (account_id, stream, scope);
ALTER TABLE ONLY onetrading_sync.proven_days
    ADD CONSTRAINT proven_days_pkey PRIMARY KEY (account_id, stream, scope, day);
ALTER TABLE ONLY onetrading_sync.record_moves
    ADD CONSTRAINT record_moves_pkey PRIMARY KEY (table_name);
ALTER TABLE ONLY onetrading_sync.rejects
    ADD CONSTRAINT rejects_account_id_stream_record_hash_key UNIQUE (account_id, stream, record_hash);
ALTER TABLE ONLY onetrading_sync.rejects
    ADD CONSTRAINT rejects_pkey PRIMARY KEY (reject_id);
ALTER TABLE ONLY onetrading_sync.rolled_months
    ADD CONSTRAINT rolled_months_pkey PRIMARY KEY (account_id, month);
ALTER TABLE ONLY onetrading_sync.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY onetrading_sync.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY onetrading_sync.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY onetrading_sync.summed_days
    ADD CONSTRAINT summed_days_pkey PRIMARY KEY (account_id, day);
ALTER TABLE ONLY onetrading_sync.totals
    ADD CONSTRAINT totals_pkey PRIMARY KEY (account_id, stream, metric, labels);
ALTER TABLE ONLY onetrading_sync.verified
    ADD CONSTRAINT verified_account_id_stream_scope_range_excl EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&);
CREATE UNIQUE INDEX account_fee_tiers_current ON onetrading.account_fee_tiers USING btree (account_id, fee_group) WHERE (valid_to IS NULL);
CREATE INDEX balances_by_currency ON ONLY onetrading.balances USING btree (account_id, currency_code, snapshot_id);
CREATE INDEX balances_earlier_by_currency ON onetrading.balances_earlier USING btree (account_id, currency_code, snapshot_id);
CREATE INDEX candlesticks_by_end ON onetrading.candlesticks USING btree (instrument_code, granularity, end_time);
CREATE INDEX closed_positions_by_closing ON onetrading.closed_positions USING btree (account_id, closed_at);
CREATE UNIQUE INDEX closes_in_force ON onetrading.closes USING btree (zone, month) WHERE (reopened_at IS NULL);
CREATE UNIQUE INDEX currencies_current ON onetrading.currencies USING btree (currency_code) WHERE (valid_to IS NULL);
CREATE INDEX external_lots_by_time ON onetrading.external_lots USING btree (account_id, acquired_at);
CREATE INDEX external_movements_by_time ON onetrading.external_movements USING btree (account_id, moved_at);
CREATE UNIQUE INDEX fee_tiers_current ON onetrading.fee_tiers USING btree (fee_group, min_volume) WHERE (valid_to IS NULL);
CREATE INDEX funding_payments_by_time ON onetrading.funding_payments USING btree (account_id, booked_at) INCLUDE (row_hash);
CREATE INDEX funding_rates_by_time ON onetrading.funding_rates USING btree (funding_time);
CREATE UNIQUE INDEX funding_settings_current ON onetrading.funding_settings USING btree (instrument_code) WHERE (valid_to IS NULL);
CREATE UNIQUE INDEX instruments_current ON onetrading.instruments USING btree (instrument_code) WHERE (valid_to IS NULL);
CREATE INDEX order_events_by_account ON onetrading.order_events USING btree (account_id, first_seen_at);
CREATE INDEX orders_by_account ON onetrading.orders USING btree (account_id, created_at) INCLUDE (row_hash);
CREATE INDEX orders_open ON onetrading.orders USING btree (account_id) WHERE is_open;
CREATE INDEX orders_unchecked ON onetrading.orders USING btree (account_id, created_at) WHERE (NOT trades_checked);
CREATE INDEX orders_unknown ON onetrading.orders USING btree (account_id) WHERE (is_open IS NULL);
CREATE INDEX position_funding_payments_by_slot ON onetrading.position_funding_payments USING btree (account_id, instrument_code, funding_time);
CREATE INDEX position_trades_by_trade ON onetrading.position_trades USING btree (trade_id);
CREATE INDEX snapshots_by_start ON ONLY onetrading.snapshots USING btree (account_id, stream, first_observed_at, snapshot_id);
CREATE INDEX snapshots_earlier_by_start ON onetrading.snapshots_earlier USING btree (account_id, stream, first_observed_at, snapshot_id);
CREATE INDEX trades_by_account ON onetrading.trades USING btree (account_id, traded_at) INCLUDE (row_hash);
CREATE INDEX trades_by_day ON onetrading.trades USING brin ((((traded_at AT TIME ZONE 'UTC'::text))::date) date_minmax_multi_ops) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX trades_by_first_seen ON onetrading.trades USING brin (first_seen_at);
CREATE INDEX trades_by_order ON onetrading.trades USING btree (order_id);
CREATE INDEX trades_by_time ON onetrading.trades USING btree (traded_at, instrument_code);
CREATE UNIQUE INDEX zones_by_lower_name ON onetrading.zones USING btree (lower(zone));
CREATE INDEX daily_sums_by_day ON onetrading_sync.daily_sums USING btree (account_id, day);
CREATE INDEX hourly_sums_by_day ON onetrading_sync.hourly_sums USING btree (account_id, day);
CREATE INDEX issues_by_key ON onetrading_sync.issues USING btree (account_id, stream, md5((key)::text));
CREATE INDEX issues_by_stream ON onetrading_sync.issues USING btree (account_id, stream, noticed_at);
CREATE INDEX issues_vanished ON onetrading_sync.issues USING btree (account_id, stream) WHERE ((kind = 'vanished'::text) AND (resolved_at IS NULL));
CREATE INDEX position_details_uncompared ON onetrading_sync.position_details USING btree (account_id, stream) WHERE ((read_at IS NOT NULL) AND (compared_at IS NULL));
CREATE INDEX rejects_open ON onetrading_sync.rejects USING btree (account_id, stream) WHERE (resolved_at IS NULL);
CREATE INDEX rolled_trades_by_month ON onetrading_sync.rolled_trades USING btree (account_id, month);
CREATE INDEX runs_by_stream ON onetrading_sync.runs USING btree (account_id, stream, started_at);
CREATE INDEX runs_by_time ON onetrading_sync.runs USING btree (started_at);
ALTER INDEX onetrading.balances_by_currency ATTACH PARTITION onetrading.balances_earlier_by_currency;
ALTER INDEX onetrading.balances_pkey ATTACH PARTITION onetrading.balances_earlier_pkey;
ALTER INDEX onetrading.funding_rate_samples_pkey ATTACH PARTITION onetrading.funding_rate_samples_earlier_pkey;
ALTER INDEX onetrading.portfolios_pkey ATTACH PARTITION onetrading.portfolios_earlier_pkey;
ALTER INDEX onetrading.positions_pkey ATTACH PARTITION onetrading.positions_earlier_pkey;
ALTER INDEX onetrading.snapshots_by_start ATTACH PARTITION onetrading.snapshots_earlier_by_start;
ALTER INDEX onetrading.snapshots_pkey ATTACH PARTITION onetrading.snapshots_earlier_pkey;
ALTER INDEX onetrading.tickers_pkey ATTACH PARTITION onetrading.tickers_earlier_pkey;
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON onetrading.closed_rows FOR EACH ROW EXECUTE FUNCTION onetrading.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON onetrading.closes FOR EACH ROW EXECUTE FUNCTION onetrading.refuse_change();
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
CREATE TRIGGER carried_after_update AFTER UPDATE ON onetrading.trades REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((COALESCE(current_setting('onetrading.moving_records'::text, true), ''::text) <> 'on'::text)) EXECUTE FUNCTION onetrading_sync.on_lots_changed('traded_at');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON onetrading.closed_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON onetrading.closes FOR EACH STATEMENT EXECUTE FUNCTION onetrading.refuse_change();
CREATE TRIGGER rolled_after_delete AFTER DELETE ON onetrading.trades REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_trades_changed();
CREATE TRIGGER rolled_after_insert AFTER INSERT ON onetrading.trades REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_trades_changed();
CREATE TRIGGER rolled_after_truncate AFTER TRUNCATE ON onetrading.trades FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_trades_emptied();
CREATE TRIGGER rolled_after_update AFTER UPDATE ON onetrading.trades REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((COALESCE(current_setting('onetrading.moving_records'::text, true), ''::text) <> 'on'::text)) EXECUTE FUNCTION onetrading_sync.on_trades_changed();
ALTER TABLE ONLY onetrading.closed_rows
    ADD CONSTRAINT closed_rows_close_id_fkey FOREIGN KEY (close_id) REFERENCES onetrading.closes(close_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY onetrading.closes
    ADD CONSTRAINT closes_zone_fkey FOREIGN KEY (zone) REFERENCES onetrading.zones(zone);
ALTER TABLE ONLY onetrading_sync.carried_lots
    ADD CONSTRAINT carried_lots_account_id_at_fkey FOREIGN KEY (account_id, at) REFERENCES onetrading_sync.carried(account_id, at) ON DELETE CASCADE;
ALTER TABLE ONLY onetrading_sync.carried_pools
    ADD CONSTRAINT carried_pools_account_id_at_fkey FOREIGN KEY (account_id, at) REFERENCES onetrading_sync.carried(account_id, at) ON DELETE CASCADE;
ALTER TABLE ONLY onetrading_sync.counting_sums
    ADD CONSTRAINT counting_sums_account_id_stream_fkey FOREIGN KEY (account_id, stream) REFERENCES onetrading_sync.counting_opening(account_id, stream) ON DELETE CASCADE;
ALTER TABLE ONLY onetrading_sync.daily_sums
    ADD CONSTRAINT daily_sums_account_id_day_fkey FOREIGN KEY (account_id, day) REFERENCES onetrading_sync.summed_days(account_id, day) ON DELETE CASCADE;
ALTER TABLE ONLY onetrading_sync.hourly_sums
    ADD CONSTRAINT hourly_sums_account_id_day_fkey FOREIGN KEY (account_id, day) REFERENCES onetrading_sync.summed_days(account_id, day) ON DELETE CASCADE;
ALTER TABLE ONLY onetrading_sync.rolled_trades
    ADD CONSTRAINT rolled_trades_account_id_month_fkey FOREIGN KEY (account_id, month) REFERENCES onetrading_sync.rolled_months(account_id, month) ON DELETE CASCADE;
GRANT USAGE ON SCHEMA reporting TO onetrading_reader;
GRANT USAGE ON SCHEMA reporting TO onetrading_auditor;
GRANT SELECT ON TABLE onetrading.live_balance_rollforward TO onetrading_reader;
GRANT SELECT ON TABLE reporting.balance_rollforward_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.balance_rollforward_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.balance_rollforward TO onetrading_reader;
GRANT SELECT ON TABLE reporting.balance_rollforward TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.dac8_totals_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.dac8_totals_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.dac8_totals TO onetrading_reader;
GRANT SELECT ON TABLE reporting.dac8_totals TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.daily_closing_balances_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_closing_balances_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.daily_closing_balances TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_closing_balances TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.daily_equity_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_equity_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.daily_equity TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_equity TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.drawdown_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.drawdown_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.drawdown TO onetrading_reader;
GRANT SELECT ON TABLE reporting.drawdown TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.fee_check_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.fee_check_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.fee_check TO onetrading_reader;
GRANT SELECT ON TABLE reporting.fee_check TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.funding_check_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_check_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.funding_check TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_check TO onetrading_auditor;
GRANT SELECT ON TABLE onetrading.live_inventory_rollforward TO onetrading_reader;
GRANT SELECT ON TABLE reporting.inventory_rollforward_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.inventory_rollforward_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.inventory_rollforward TO onetrading_reader;
GRANT SELECT ON TABLE reporting.inventory_rollforward TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.ledger_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.ledger_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.ledger TO onetrading_reader;
GRANT SELECT ON TABLE reporting.ledger TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.open_rejects TO onetrading_reader;
GRANT SELECT ON TABLE reporting.open_rejects TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.realised_pnl_futures_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_futures_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.order_fill_check_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.order_fill_check_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.position_check TO onetrading_reader;
GRANT SELECT ON TABLE reporting.position_check TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.month_close_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.month_close_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.month_close TO onetrading_reader;
GRANT SELECT ON TABLE reporting.month_close TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.months_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.months_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.months TO onetrading_reader;
GRANT SELECT ON TABLE reporting.months TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.order_fill_check TO onetrading_reader;
GRANT SELECT ON TABLE reporting.order_fill_check TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.realised_pnl_average_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_average_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.realised_pnl_average TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_average TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.realised_pnl_fifo_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_fifo_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.realised_pnl_fifo TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_fifo TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.realised_pnl_futures TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_futures TO onetrading_auditor;
GRANT SELECT ON TABLE onetrading.live_realised_pnl_monthly TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_monthly_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_monthly_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.realised_pnl_monthly TO onetrading_reader;
GRANT SELECT ON TABLE reporting.realised_pnl_monthly TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.trade_slippage_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.trade_slippage_by_zone TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.trade_slippage TO onetrading_reader;
GRANT SELECT ON TABLE reporting.trade_slippage TO onetrading_auditor;
GRANT SELECT ON TABLE onetrading.live_monthly_fees TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_payments TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_payments TO onetrading_auditor;
GRANT SELECT ON TABLE onetrading.live_monthly_funding TO onetrading_reader;
GRANT SELECT ON TABLE onetrading.live_monthly_turnover TO onetrading_reader;
GRANT SELECT ON TABLE reporting.account_fee_tiers TO onetrading_reader;
GRANT SELECT ON TABLE reporting.account_fee_tiers TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.candlesticks TO onetrading_reader;
GRANT SELECT ON TABLE reporting.candlesticks TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.closed_positions TO onetrading_reader;
GRANT SELECT ON TABLE reporting.closed_positions TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.closes TO onetrading_reader;
GRANT SELECT ON TABLE reporting.closes TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.coverage_gaps TO onetrading_reader;
GRANT SELECT ON TABLE reporting.coverage_gaps TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.current_balances TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_balances TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.orders TO onetrading_reader;
GRANT SELECT ON TABLE reporting.orders TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.current_orders TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_orders TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.current_positions TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_positions TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.exchange_rates TO onetrading_reader;
GRANT SELECT ON TABLE reporting.exchange_rates TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.external_movements TO onetrading_reader;
GRANT SELECT ON TABLE reporting.external_movements TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.fee_tiers TO onetrading_reader;
GRANT SELECT ON TABLE reporting.fee_tiers TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.freshness TO onetrading_reader;
GRANT SELECT ON TABLE reporting.freshness TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.funding_settings TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_settings TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.funding_sign TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_sign TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.instruments TO onetrading_reader;
GRANT SELECT ON TABLE reporting.instruments TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.last_trades TO onetrading_reader;
GRANT SELECT ON TABLE reporting.last_trades TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.late_facts TO onetrading_reader;
GRANT SELECT ON TABLE reporting.late_facts TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.monthly_fees TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_fees TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.monthly_funding TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_funding TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.monthly_turnover TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_turnover TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.open_lots TO onetrading_reader;
GRANT SELECT ON TABLE reporting.open_lots TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.records TO onetrading_auditor;
GRANT SELECT ON TABLE reporting.trades TO onetrading_reader;
GRANT SELECT ON TABLE reporting.trades TO onetrading_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE onetrading IN SCHEMA reporting GRANT SELECT ON TABLES TO onetrading_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE onetrading IN SCHEMA reporting GRANT SELECT ON TABLES TO onetrading_auditor;
