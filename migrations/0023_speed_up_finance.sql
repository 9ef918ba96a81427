-- Faster reports of spot trading, of balances and of funding; every figure is as before.
--
-- Creates tables, and creates and replaces functions and views: onetrading.trades is not locked. The
-- sums of the days that are proven complete are stored by the service, a month at a time.

-- The sums of trades by hours, of whole days in UTC. They make reports fast and are nothing but that:
-- all of it can be computed again, and whatever changes a trade before it deletes those of its day in
-- the same transaction.

CREATE TABLE onetrading_sync.summed_days (
    account_id uuid NOT NULL,
    day date NOT NULL,
    summed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, day)
);
COMMENT ON TABLE onetrading_sync.summed_days IS 'Days of which the trades of an account are summed in onetrading_sync.hourly_sums: reports add these up, and read the trades of other days.';
COMMENT ON COLUMN onetrading_sync.summed_days.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.summed_days.day IS 'From midnight to midnight in UTC.';
COMMENT ON COLUMN onetrading_sync.summed_days.summed_at IS 'When it was stored.';

-- By hours, because the days of most time zones begin with one; by codes as sent, because what a code
-- stands for may become known later.
CREATE TABLE onetrading_sync.hourly_sums (
    account_id uuid NOT NULL,
    day date NOT NULL,
    hour timestamptz NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    fee_currency text,
    first_at timestamptz NOT NULL,
    trades bigint NOT NULL,
    amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fees_paid numeric,
    fees_received numeric,
    FOREIGN KEY (account_id, day) REFERENCES onetrading_sync.summed_days ON DELETE CASCADE
);
CREATE INDEX hourly_sums_by_day ON onetrading_sync.hourly_sums (account_id, day);
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
    )
    SELECT count(*) INTO summed FROM added;
    RETURN summed;
END
$$;
COMMENT ON FUNCTION onetrading.sum_days(uuid, date, date) IS 'Store the sums of the trades of an account by hours, of the days from first_day to last_day (both included, in UTC) that are not summed yet; how many these are. Writers of the account''s trades wait until the transaction ends.';

-- Instants split the time into spans, of each of which the trades are summed: whole hours of summed
-- days as they are stored, everything else from the trades themselves. A statement for each such
-- piece of time, because only with the instants at hand the planner knows what to read, and whether
-- several processes are worth it.
CREATE FUNCTION onetrading.trade_sums(of_account uuid, instants timestamptz[])
RETURNS TABLE (
    instrument_code text, side text, fee_currency text, at timestamptz, amount numeric,
    quote_amount numeric, fees_paid numeric, fees_received numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 10000 ROWS 1000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    from_at timestamptz := (SELECT min(instant) FROM unnest(instants) AS instant);
    to_at timestamptz := (SELECT max(instant) FROM unnest(instants) AS instant);
    spans timestamptz[] := ARRAY(SELECT DISTINCT instant FROM unnest(instants) AS instant ORDER BY 1);
    split_hours timestamptz[] := ARRAY(
        SELECT DISTINCT date_trunc('hour', instant, 'UTC') FROM unnest(instants) AS instant
        WHERE date_trunc('hour', instant, 'UTC') < instant);
    piece record;
BEGIN
    RETURN QUERY
    SELECT instrument_code, side, fee_currency, min(first_at), sum(amount), sum(quote_amount),
        sum(fees_paid), sum(fees_received)
    FROM onetrading_sync.hourly_sums
    WHERE account_id = of_account AND day >= (from_at AT TIME ZONE 'UTC')::date
        AND day <= (to_at AT TIME ZONE 'UTC')::date
        AND hour >= from_at AND hour < to_at AND hour <> ALL (split_hours)
    GROUP BY instrument_code, side, fee_currency, width_bucket(hour, spans);
    FOR piece IN
        WITH unsummed AS (
            SELECT min(day)::timestamp AT TIME ZONE 'UTC' AS starts,
                (max(day) + 1)::timestamp AT TIME ZONE 'UTC' AS ends
            FROM (
                SELECT day, day - row_number() OVER (ORDER BY day)::integer AS run
                FROM (
                    SELECT (from_at AT TIME ZONE 'UTC')::date + step AS day
                    FROM generate_series(0, (to_at AT TIME ZONE 'UTC')::date
                        - (from_at AT TIME ZONE 'UTC')::date) AS step
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
COMMENT ON FUNCTION onetrading.trade_sums(uuid, timestamptz[]) IS 'Sums of the trades of an account from the first to the last of these instants (exclusive), in rows of trades between which none of the instants is. at: when one of them was. fees_paid and fees_received, both positive, are null without any.';

-- As before; its plan is kept from one statement to the next.
CREATE OR REPLACE FUNCTION onetrading_sync.drop_carried(of_account uuid, since timestamptz)
RETURNS void
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

-- Of all days from the first to the last one, since a statement writes trades of one time.
CREATE FUNCTION onetrading_sync.drop_stale(
    of_account uuid, since timestamptz, until timestamptz, of_trades boolean)
RETURNS void
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
COMMENT ON FUNCTION onetrading_sync.drop_stale(uuid, timestamptz, timestamptz, boolean) IS 'Delete what a change of lots or trades from one instant to another makes stale: the carried state of an account and, of trades, the sums of their days.';

CREATE OR REPLACE FUNCTION onetrading_sync.on_lots_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;
COMMENT ON FUNCTION onetrading_sync.on_lots_changed() IS 'Deletes the carried state, and the sums of days, that a statement made stale; the argument is the column with the instant.';

CREATE OR REPLACE FUNCTION onetrading_sync.on_all_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

-- The views that read the trades of a long time: as before, but for onetrading.trade_sums.

CREATE OR REPLACE VIEW reporting.daily_closing_balances_by_zone AS
WITH listed AS (
    SELECT account_id, currency_code, first_observed_at FROM onetrading.listed_currencies
), spans AS (
    SELECT account_id, accounts.name, started.first_at,
        CASE WHEN accounts.left_at IS NULL THEN now()
            ELSE coalesce(last_observed_at, accounts.left_at) END AS last_at
    FROM (
        SELECT account_id, min(first_observed_at) AS first_at FROM listed GROUP BY account_id
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
        AS estimated,
    days.zone, 'observed' AS source
FROM (
    SELECT account_id, name, zone, first_day + step AS day,
        (first_day + step + 1)::timestamp AT TIME ZONE zone AS day_end
    FROM (
        SELECT account_id, name, zone, (first_at AT TIME ZONE zone)::date AS first_day,
            (last_at AT TIME ZONE zone)::date AS last_day
        FROM spans CROSS JOIN onetrading.zones
    ) AS zoned
    CROSS JOIN LATERAL generate_series(0, last_day - first_day) AS steps (step)
) AS days
CROSS JOIN LATERAL (
    SELECT snapshot_id, last_observed_at FROM onetrading.snapshots
    WHERE account_id = days.account_id AND stream = 'balances' AND first_observed_at < day_end
    ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
) AS closing
JOIN listed ON listed.account_id = days.account_id AND listed.first_observed_at < day_end
LEFT JOIN onetrading.balances
    ON balances.snapshot_id = closing.snapshot_id AND balances.currency_code = listed.currency_code
UNION ALL
SELECT coalesce(accounts.name, firsts.account_id::text), firsts.account_id, derived.day,
    derived.currency, NULL, NULL, derived.total, NULL, derived.observed_at,
    derived.day_end - derived.observed_at, true, derived.estimated, zones.zone, derived.source
FROM onetrading.first_balances AS firsts
CROSS JOIN onetrading.zones
LEFT JOIN onetrading.accounts ON accounts.account_id = firsts.account_id
CROSS JOIN LATERAL (
    -- Each day's changes are summed once, and added up from the observation backwards.
    WITH spans AS (
        SELECT array_agg(instant) AS instants
        FROM (
            SELECT (first_day + step)::timestamp AT TIME ZONE zones.zone AS instant
            FROM (SELECT (firsts.first_at AT TIME ZONE zones.zone)::date AS first_day,
                    (firsts.at AT TIME ZONE zones.zone)::date AS last_day) AS ends
            CROSS JOIN LATERAL generate_series(0, last_day - first_day) AS steps (step)
            UNION ALL SELECT firsts.at + interval '1 microsecond'
            UNION ALL SELECT known_from FROM onetrading.instrument_assets
            WHERE known_from > firsts.first_at AND known_from <= firsts.at
        ) AS instants
    ), changes AS (
        SELECT (changed_at AT TIME ZONE zones.zone)::date AS day, currency,
            sum(amount) AS amount, bool_or(is_gain) AS futures
        FROM (
            SELECT sums.at AS changed_at, leg.currency, leg.amount, leg.is_gain
            FROM spans
            CROSS JOIN LATERAL onetrading.trade_sums(firsts.account_id, spans.instants) AS sums
            LEFT JOIN onetrading.instrument_assets AS assets
                ON assets.instrument_code = sums.instrument_code
                AND known_from <= sums.at AND sums.at < known_to
            LEFT JOIN onetrading.instrument_kinds AS kinds
                ON kinds.instrument_code = sums.instrument_code
            CROSS JOIN LATERAL (
                SELECT coalesce(is_futures, sums.instrument_code LIKE '%\_P') AS is_futures,
                    coalesce(base_code, split_part(sums.instrument_code, '_', 1)) AS base,
                    coalesce(quote_code, split_part(sums.instrument_code, '_', 2)) AS quote
            ) AS known
            CROSS JOIN LATERAL (VALUES
                (CASE WHEN NOT known.is_futures THEN base END,
                    CASE side WHEN 'BUY' THEN sums.amount ELSE -sums.amount END, false),
                (quote, CASE WHEN known.is_futures THEN 0 WHEN side = 'BUY' THEN -quote_amount
                    ELSE quote_amount END, known.is_futures AND quote_amount <> 0),
                (CASE WHEN fees_paid IS NOT NULL OR fees_received IS NOT NULL THEN fee_currency END,
                    coalesce(fees_received, 0) - coalesce(fees_paid, 0), false)
            ) AS leg (currency, amount, is_gain)
            WHERE leg.currency IS NOT NULL
            UNION ALL
            SELECT booked_at, coalesce(quote_code, split_part(payments.instrument_code, '_', 2)),
                amount, false
            FROM onetrading.funding_payments AS payments
            LEFT JOIN onetrading.instrument_assets AS assets
                ON assets.instrument_code = payments.instrument_code
                AND known_from <= booked_at AND booked_at < known_to
            WHERE payments.account_id = firsts.account_id AND booked_at <= firsts.at
            UNION ALL
            SELECT moved_at, currency_code, amount, false
            FROM onetrading.external_movements AS movements
            WHERE movements.account_id = firsts.account_id AND moved_at <= firsts.at
        ) AS moves
        GROUP BY 1, 2
    ), held AS (
        SELECT currency_code AS currency, available + locked AS total
        FROM onetrading.balances WHERE balances.snapshot_id = firsts.snapshot_id
        UNION ALL
        SELECT DISTINCT changes.currency, 0::numeric
        FROM changes
        WHERE NOT EXISTS (
            SELECT FROM onetrading.balances
            WHERE balances.snapshot_id = firsts.snapshot_id AND currency_code = changes.currency)
    ), cash_currencies AS (
        SELECT DISTINCT coalesce(quote_code, split_part(paid.instrument_code, '_', 2)) AS currency
        FROM (
            SELECT DISTINCT instrument_code FROM onetrading.funding_payments AS payments
            WHERE payments.account_id = firsts.account_id AND cash_balance IS NOT NULL
        ) AS paid
        LEFT JOIN onetrading.instrument_assets AS assets
            ON assets.instrument_code = paid.instrument_code
    ), days AS (
        SELECT first_day + step AS day,
            (first_day + step + 1)::timestamp AT TIME ZONE zones.zone AS day_end
        FROM (SELECT (firsts.first_at AT TIME ZONE zones.zone)::date AS first_day,
                (firsts.first_observed_at AT TIME ZONE zones.zone)::date AS last_day) AS ends
        CROSS JOIN LATERAL generate_series(0, last_day - first_day - 1) AS steps (step)
    ), summed AS MATERIALIZED (
        SELECT currency, day, max(day_end) AS day_end,
            sum(sum(amount)) OVER later AS amount, bool_or(bool_or(futures)) OVER later AS futures
        FROM (
            SELECT currency, day, NULL AS day_end, amount, futures FROM changes
            UNION ALL
            SELECT currency, day, day_end, 0, false FROM held CROSS JOIN days
        ) AS grid
        GROUP BY currency, day
        WINDOW later AS (PARTITION BY currency ORDER BY day DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT days.day, days.day_end, summed.currency,
        coalesce(anchored.total, summed.total - coalesce(summed.amount, 0)) AS total,
        coalesce(anchored.at, firsts.at) AS observed_at,
        coalesce(anchored.estimated, summed.futures, false) AS estimated,
        CASE WHEN anchored.at IS NULL THEN 'derived' ELSE 'cash_anchor' END AS source
    FROM days
    -- After the days, so that nothing is summed for a report of days that were observed.
    CROSS JOIN LATERAL (
        SELECT summed.*, held.total FROM summed JOIN held USING (currency)
        WHERE summed.day = days.day OFFSET 0
    ) AS summed
    LEFT JOIN cash_currencies AS cash_currency ON cash_currency.currency = summed.currency
    LEFT JOIN LATERAL (
        SELECT cash.at, cash.total + moved.amount AS total,
            moved.futures AND cash.distance > interval '4 hours 10 minutes' AS estimated
        FROM (
            SELECT near.at, near.cash_balance AS total,
                greatest(near.at - days.day_end, days.day_end - near.at) AS distance
            FROM (
                -- Of payments of one instant, which came last is not known.
                SELECT *, count(*) OVER (PARTITION BY at) AS together
                FROM (
                    (SELECT booked_at AS at, instrument_code, cash_balance
                    FROM onetrading.funding_payments AS payments
                    WHERE payments.account_id = firsts.account_id AND booked_at < days.day_end
                        AND cash_balance IS NOT NULL AND cash_currency IS NOT NULL
                    ORDER BY booked_at DESC LIMIT 20)
                    UNION ALL
                    (SELECT booked_at, instrument_code, cash_balance
                    FROM onetrading.funding_payments AS payments
                    WHERE payments.account_id = firsts.account_id
                        AND booked_at >= days.day_end AND booked_at <= firsts.at
                        AND cash_balance IS NOT NULL AND cash_currency IS NOT NULL
                    ORDER BY booked_at LIMIT 20)
                ) AS payments
            ) AS near
            LEFT JOIN onetrading.instrument_assets AS assets
                ON assets.instrument_code = near.instrument_code
                AND known_from <= near.at AND near.at < known_to
            WHERE together = 1
                AND coalesce(quote_code, split_part(near.instrument_code, '_', 2))
                    = summed.currency
                AND greatest(near.at - days.day_end, days.day_end - near.at)
                    <= firsts.at - days.day_end
                -- Without a futures trade until balances were observed, these tell more than cash of
                -- long before.
                AND (summed.futures OR greatest(near.at - days.day_end, days.day_end - near.at)
                    <= interval '4 hours 10 minutes')
            ORDER BY distance, near.at LIMIT 1
        ) AS cash
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN cash.at < days.day_end THEN amount ELSE -amount END), 0)
                    AS amount,
                coalesce(bool_or(gain <> 0), false) AS futures
            FROM onetrading.balance_changes
            WHERE balance_changes.account_id = firsts.account_id AND currency = summed.currency
                AND (changed_at > cash.at AND changed_at < days.day_end
                    OR changed_at >= days.day_end AND changed_at <= cash.at)
                AND changed_at >= least(cash.at, days.day_end)
                AND changed_at <= greatest(cash.at, days.day_end)
        ) AS moved
    ) AS anchored ON true
    WHERE summed.day_end IS NOT NULL
) AS derived
WHERE (firsts.first_at AT TIME ZONE zones.zone)::date
    < (firsts.first_observed_at AT TIME ZONE zones.zone)::date;

CREATE OR REPLACE VIEW onetrading.live_balance_rollforward AS
SELECT m.account, m.account_id, m.month, m.zone, rolled.currency,
    CASE WHEN edges.open_at = edges.close_at THEN 'derived' ELSE 'observed' END AS basis,
    rolled.opening, rolled.bought, rolled.sold, rolled.fees_paid, rolled.rebates_received,
    rolled.funding_received, rolled.funding_paid, rolled.settlements_inferred,
    rolled.external_in, rolled.external_out,
    rolled.actual - rolled.difference AS expected, rolled.actual, rolled.actual_observed_at,
    rolled.difference, unexplained.first_unexplained_from, unexplained.first_unexplained_to
FROM onetrading.account_months AS m
-- The observations that tell the balances of the month's ends: of the nearest ones, one that nothing
-- moved close to, since balances may lag what moves them.
CROSS JOIN LATERAL (
    SELECT max(snapshot_id) FILTER (WHERE edge = 'opening') AS open_snapshot,
        max(at) FILTER (WHERE edge = 'opening') AS open_at,
        max(snapshot_id) FILTER (WHERE edge = 'actual') AS close_snapshot,
        max(at) FILTER (WHERE edge = 'actual') AS close_at,
        max(edge_at) FILTER (WHERE edge = 'actual') AS ends_at
    FROM (VALUES ('opening', m.starts_at), ('actual', least(m.ends_at, now())))
        AS ends (edge, edge_at)
    CROSS JOIN LATERAL (
        SELECT snapshot_id, at
        FROM (
            (SELECT snapshot_id, first_observed_at, last_observed_at FROM onetrading.snapshots
            WHERE account_id = m.account_id AND stream = 'balances' AND first_observed_at < edge_at
            ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 20)
            UNION ALL
            (SELECT snapshot_id, first_observed_at, last_observed_at FROM onetrading.snapshots
            WHERE account_id = m.account_id AND stream = 'balances' AND first_observed_at >= edge_at
            ORDER BY first_observed_at, snapshot_id LIMIT 20)
        ) AS near
        CROSS JOIN LATERAL (VALUES (first_observed_at), (last_observed_at),
            (CASE WHEN first_observed_at < edge_at AND last_observed_at >= edge_at
                THEN edge_at - interval '1 microsecond' END)) AS points (at)
        WHERE at IS NOT NULL
        ORDER BY EXISTS (
                SELECT FROM onetrading.trades
                WHERE trades.account_id = m.account_id
                    AND traded_at BETWEEN at - interval '5 seconds' AND at + interval '5 seconds')
            OR EXISTS (
                SELECT FROM onetrading.funding_payments AS payments
                WHERE payments.account_id = m.account_id
                    AND booked_at BETWEEN at - interval '5 seconds' AND at + interval '5 seconds')
            OR EXISTS (
                SELECT FROM onetrading.external_movements AS movements
                WHERE movements.account_id = m.account_id
                    AND moved_at BETWEEN at - interval '5 seconds' AND at + interval '5 seconds'),
            greatest(at - edge_at, edge_at - at), at, snapshot_id
        LIMIT 1
    ) AS picked
    HAVING count(*) = 2
) AS edges
-- The first and the last observed balance in between while no futures position was open: whatever
-- was settled between them is the gain of the trades between them. Before the first such balance,
-- and after the last one, settlements can only be inferred.
CROSS JOIN LATERAL (
    SELECT min(at) AS from_at, (array_agg(snapshot_id ORDER BY at, snapshot_id))[1] AS from_snapshot,
        max(at) AS to_at,
        (array_agg(snapshot_id ORDER BY at DESC, snapshot_id DESC))[1] AS to_snapshot
    FROM (
        SELECT greatest(first_observed_at + interval '2 minutes', edges.open_at) AS from_at,
            least(last_observed_at, edges.close_at) AS to_at
        FROM onetrading.snapshots
        WHERE account_id = m.account_id AND stream = 'positions' AND row_count = 0
            AND first_observed_at >= coalesce((
                SELECT max(first_observed_at) FROM onetrading.snapshots
                WHERE account_id = m.account_id AND stream = 'positions'
                    AND first_observed_at <= edges.open_at), '-infinity')
            AND first_observed_at <= edges.close_at
    ) AS flat
    CROSS JOIN LATERAL (
        (SELECT snapshot_id, greatest(first_observed_at, from_at) AS at FROM onetrading.snapshots
        WHERE account_id = m.account_id AND stream = 'balances' AND first_observed_at <= from_at
            AND last_observed_at >= from_at
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1)
        UNION ALL
        (SELECT snapshot_id, first_observed_at FROM onetrading.snapshots
        WHERE account_id = m.account_id AND stream = 'balances'
            AND first_observed_at > from_at AND first_observed_at <= to_at
        ORDER BY first_observed_at, snapshot_id LIMIT 3)
        UNION ALL
        (SELECT snapshot_id, least(last_observed_at, to_at) FROM onetrading.snapshots
        WHERE account_id = m.account_id AND stream = 'balances'
            AND first_observed_at > from_at AND first_observed_at <= to_at
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 3)
        UNION ALL
        (SELECT snapshot_id, least(last_observed_at, to_at) FROM onetrading.snapshots
        WHERE account_id = m.account_id AND stream = 'balances' AND first_observed_at <= from_at
            AND last_observed_at >= from_at
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1)
    ) AS points
    WHERE from_at < to_at
        AND NOT EXISTS (
            SELECT FROM onetrading.balance_changes AS changes
            WHERE changes.account_id = m.account_id
                AND changed_at > at - interval '2 minutes' AND changed_at <= at + interval '5 seconds'
                AND (gain <> 0 OR changed_at > at - interval '5 seconds'))
) AS flat
CROSS JOIN LATERAL (
    WITH cash AS (
        -- Before balances were observed: the nearest cash that a funding payment tells.
        SELECT edge, currency, at, total
        FROM (VALUES ('opening', m.starts_at, edges.open_at), ('actual', edges.ends_at, edges.close_at))
            AS ends (edge, edge_at, observed_at)
        CROSS JOIN LATERAL (
            SELECT DISTINCT ON (1)
                coalesce(quote_code, split_part(near.instrument_code, '_', 2)) AS currency,
                at, cash_balance AS total
            FROM (
                SELECT *, count(*) OVER (PARTITION BY at) AS together
                FROM (
                    (SELECT booked_at AS at, instrument_code, cash_balance
                    FROM onetrading.funding_payments
                    WHERE account_id = m.account_id AND booked_at < edge_at
                        AND cash_balance IS NOT NULL
                    ORDER BY booked_at DESC LIMIT 20)
                    UNION ALL
                    (SELECT booked_at, instrument_code, cash_balance
                    FROM onetrading.funding_payments
                    WHERE account_id = m.account_id AND booked_at >= edge_at
                        AND booked_at <= observed_at AND cash_balance IS NOT NULL
                    ORDER BY booked_at LIMIT 20)
                ) AS payments
            ) AS near
            LEFT JOIN onetrading.instrument_assets AS assets
                ON assets.instrument_code = near.instrument_code
                AND known_from <= at AND at < known_to
            WHERE together = 1
                AND greatest(at - edge_at, edge_at - at) <= observed_at - edge_at
                -- Without a futures trade until balances were observed, these tell more than cash of
                -- long before.
                AND (greatest(at - edge_at, edge_at - at) <= interval '4 hours 10 minutes'
                    OR EXISTS (
                        SELECT FROM onetrading.balance_changes AS changes
                        WHERE changes.account_id = m.account_id AND gain <> 0
                            AND changed_at >= edge_at AND changed_at <= observed_at))
            ORDER BY 1, greatest(at - edge_at, edge_at - at), at
        ) AS nearest
        WHERE edge_at <= (
            SELECT min(first_observed_at) FROM onetrading.snapshots
            WHERE account_id = m.account_id AND stream = 'balances')
    ), cuts AS (
        -- Trades are summed between the instants at which anything below begins or ends.
        SELECT array_agg(cut ORDER BY cut) AS cuts, min(cut) AS from_at, max(cut) AS to_at
        FROM (
            SELECT m.starts_at AS cut UNION SELECT edges.ends_at
            UNION SELECT at + interval '1 microsecond'
            FROM (VALUES (edges.open_at), (edges.close_at), (flat.from_at), (flat.to_at))
                AS points (at)
            UNION SELECT at + interval '1 microsecond' FROM cash
            UNION SELECT known_from FROM onetrading.instrument_assets
            WHERE known_from > least(m.starts_at, edges.open_at)
                AND known_from < greatest(edges.ends_at, edges.close_at)
        ) AS instants
        WHERE cut IS NOT NULL
    ), sums AS (
        SELECT sums.*
        FROM cuts CROSS JOIN LATERAL onetrading.trade_sums(m.account_id, cuts.cuts) AS sums
    ), legs AS (
        SELECT leg.currency, sums.at, leg.kind, leg.amount
        FROM sums
        LEFT JOIN onetrading.instrument_assets AS assets
            ON assets.instrument_code = sums.instrument_code
            AND known_from <= sums.at AND sums.at < known_to
        LEFT JOIN onetrading.instrument_kinds AS kinds ON kinds.instrument_code = sums.instrument_code
        CROSS JOIN LATERAL (
            SELECT coalesce(is_futures, sums.instrument_code LIKE '%\_P') AS is_futures,
                coalesce(base_code, split_part(sums.instrument_code, '_', 1)) AS base,
                coalesce(quote_code, split_part(sums.instrument_code, '_', 2)) AS quote
        ) AS known
        CROSS JOIN LATERAL (VALUES
            (CASE WHEN NOT known.is_futures THEN base END,
                CASE side WHEN 'BUY' THEN 'bought' ELSE 'sold' END, sums.amount),
            (CASE WHEN NOT known.is_futures THEN quote END,
                CASE side WHEN 'BUY' THEN 'sold' ELSE 'bought' END, quote_amount),
            (CASE WHEN known.is_futures THEN quote END, 'gain',
                CASE side WHEN 'BUY' THEN -quote_amount ELSE quote_amount END),
            (CASE WHEN fees_paid IS NOT NULL THEN fee_currency END, 'fee', fees_paid),
            (CASE WHEN fees_received IS NOT NULL THEN fee_currency END, 'rebate', fees_received)
        ) AS leg (currency, kind, amount)
        WHERE leg.currency IS NOT NULL
        UNION ALL
        SELECT coalesce(quote_code, split_part(payments.instrument_code, '_', 2)), booked_at,
            CASE WHEN amount < 0 THEN 'paid' ELSE 'received' END, abs(amount)
        FROM cuts
        CROSS JOIN onetrading.funding_payments AS payments
        LEFT JOIN onetrading.instrument_assets AS assets
            ON assets.instrument_code = payments.instrument_code
            AND known_from <= booked_at AND booked_at < known_to
        WHERE account_id = m.account_id AND booked_at >= from_at AND booked_at < to_at
        UNION ALL
        SELECT currency_code, moved_at, CASE WHEN amount < 0 THEN 'out' ELSE 'in' END, abs(amount)
        FROM cuts CROSS JOIN onetrading.external_movements
        WHERE account_id = m.account_id AND moved_at >= from_at AND moved_at < to_at
    ), held AS (
        SELECT currency, sum(opening) AS opening, sum(actual) AS actual,
            sum(flat_from) AS flat_from, sum(flat_to) AS flat_to
        FROM (
            SELECT currency_code AS currency,
                CASE WHEN snapshot_id = edges.open_snapshot THEN available + locked ELSE 0 END
                    AS opening,
                CASE WHEN snapshot_id = edges.close_snapshot THEN available + locked ELSE 0 END
                    AS actual,
                CASE WHEN snapshot_id = flat.from_snapshot THEN available + locked ELSE 0 END
                    AS flat_from,
                CASE WHEN snapshot_id = flat.to_snapshot THEN available + locked ELSE 0 END
                    AS flat_to
            FROM onetrading.balances
            WHERE snapshot_id = ANY (ARRAY[edges.open_snapshot, edges.close_snapshot,
                flat.from_snapshot, flat.to_snapshot])
            UNION ALL
            SELECT DISTINCT currency, 0::numeric, 0::numeric, 0::numeric, 0::numeric FROM legs
        ) AS parts
        GROUP BY currency
    ), anchored AS (
        SELECT held.currency, coalesce(cash_open.total, held.opening) AS opening,
            coalesce(cash_open.at, edges.open_at) AS open_at,
            coalesce(cash_close.total, held.actual) AS actual,
            coalesce(cash_close.at, edges.close_at) AS close_at,
            held.flat_from, held.flat_to
        FROM held
        LEFT JOIN cash AS cash_open ON cash_open.edge = 'opening'
            AND cash_open.currency = held.currency
        LEFT JOIN cash AS cash_close ON cash_close.edge = 'actual'
            AND cash_close.currency = held.currency
    ), summed AS (
        SELECT anchored.currency, anchored.close_at,
            anchored.opening + coalesce(sum(signed) FILTER (
                WHERE at > anchored.open_at AND at < m.starts_at), 0)
            - coalesce(sum(signed) FILTER (
                WHERE at >= m.starts_at AND at <= anchored.open_at), 0) AS opening,
            anchored.actual + coalesce(sum(signed) FILTER (
                WHERE at > anchored.close_at AND at < edges.ends_at), 0)
            - coalesce(sum(signed) FILTER (
                WHERE at >= edges.ends_at AND at <= anchored.close_at), 0) AS actual,
            coalesce(sum(signed) FILTER (WHERE in_month), 0) AS flow,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'bought'), 0) AS bought,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'sold'), 0) AS sold,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'fee'), 0) AS fees_paid,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'rebate'), 0) AS rebates_received,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'received'), 0)
                AS funding_received,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'paid'), 0) AS funding_paid,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'in'), 0) AS external_in,
            coalesce(sum(amount) FILTER (WHERE in_month AND kind = 'out'), 0) AS external_out,
            -- What the time between two balances without a position proves.
            CASE WHEN flat.from_at < flat.to_at THEN
                anchored.flat_to - anchored.flat_from - coalesce(sum(
                    CASE WHEN kind = 'gain' THEN amount ELSE signed END) FILTER (
                    WHERE at > flat.from_at AND at <= flat.to_at), 0)
                ELSE 0 END AS proven,
            coalesce(bool_or(kind IN ('gain', 'paid', 'received')) FILTER (
                WHERE at > least(anchored.open_at, m.starts_at)
                    AND at <= greatest(anchored.close_at, edges.ends_at)), false) AS is_settled
        FROM anchored
        LEFT JOIN (
            SELECT *, at >= m.starts_at AND at < edges.ends_at AS in_month,
                CASE WHEN kind IN ('bought', 'rebate', 'received', 'in') THEN amount
                    WHEN kind <> 'gain' THEN -amount ELSE 0 END AS signed
            FROM legs
        ) AS legs ON legs.currency = anchored.currency
        GROUP BY anchored.currency, anchored.opening, anchored.open_at, anchored.actual,
            anchored.close_at, anchored.flat_from, anchored.flat_to
    )
    SELECT summed.currency, summed.opening, bought, sold, fees_paid, rebates_received,
        funding_received, funding_paid,
        CASE WHEN settled THEN summed.actual - summed.opening - flow - proven ELSE 0 END
            AS settlements_inferred,
        external_in, external_out, summed.actual, summed.close_at AS actual_observed_at,
        CASE WHEN settled THEN proven ELSE summed.actual - summed.opening - flow END AS difference,
        settled
    FROM summed
    CROSS JOIN LATERAL (
        -- A position that was open all the time, without a trade or a payment.
        SELECT is_settled OR EXISTS (
            SELECT FROM onetrading.instrument_assets AS assets
            JOIN onetrading.instrument_kinds AS kinds USING (instrument_code)
            WHERE is_futures AND assets.quote_code = summed.currency
        ) AND EXISTS (
            SELECT FROM onetrading.snapshots
            JOIN onetrading.positions USING (snapshot_id)
            LEFT JOIN onetrading.instrument_assets AS assets
                ON assets.instrument_code = positions.instrument_code
                AND known_from <= first_observed_at AND first_observed_at < known_to
            WHERE snapshots.account_id = m.account_id AND stream = 'positions' AND row_count > 0
                AND first_observed_at >= coalesce((
                    SELECT max(first_observed_at) FROM onetrading.snapshots
                    WHERE account_id = m.account_id AND stream = 'positions'
                        AND first_observed_at <= edges.open_at), edges.open_at)
                AND first_observed_at <= edges.close_at
                AND coalesce(quote_code, split_part(positions.instrument_code, '_', 2))
                    = summed.currency) AS settled
    ) AS judged
    WHERE EXISTS (
            SELECT FROM onetrading.balances
            WHERE snapshot_id IN (edges.open_snapshot, edges.close_snapshot)
                AND currency_code = summed.currency)
        OR summed.opening <> 0 OR summed.actual <> 0
        OR bought + sold + fees_paid + rebates_received + funding_received + funding_paid
            + external_in + external_out <> 0
) AS rolled
LEFT JOIN LATERAL (
    SELECT before_at AS first_unexplained_from, at AS first_unexplained_to
    FROM (
        SELECT at, unexplained, lag(at) OVER observed AS before_at,
            first_value(unexplained) OVER observed AS at_first
        FROM (
            SELECT at, is_point, unexplained, last_at, next_at, last_gain_at,
                min(at) FILTER (WHERE is_point) OVER () AS first_point,
                max(at) FILTER (WHERE is_point) OVER () AS last_point
            FROM (
                SELECT at, is_point,
                    CASE WHEN is_point THEN total END - sum(amount) OVER forwards AS unexplained,
                    max(at) FILTER (WHERE NOT is_point) OVER forwards AS last_at,
                    min(at) FILTER (WHERE NOT is_point) OVER (
                        ORDER BY at DESC, is_point DESC ROWS UNBOUNDED PRECEDING) AS next_at,
                    max(at) FILTER (WHERE is_gain) OVER forwards AS last_gain_at
                FROM (
                    SELECT at, true AS is_point, coalesce(available + locked, 0) AS total,
                        0::numeric AS amount, false AS is_gain
                    FROM onetrading.snapshots
                    CROSS JOIN LATERAL (
                        SELECT greatest(first_observed_at, edges.open_at) AS at
                        UNION SELECT least(last_observed_at, edges.close_at)
                        UNION SELECT least(first_observed_at + interval '2 minutes',
                            last_observed_at, edges.close_at)
                    ) AS points
                    LEFT JOIN onetrading.balances
                        ON balances.snapshot_id = snapshots.snapshot_id
                        AND currency_code = rolled.currency
                    WHERE snapshots.account_id = m.account_id AND stream = 'balances'
                        AND first_observed_at >= (
                            SELECT first_observed_at FROM onetrading.snapshots
                            WHERE snapshot_id = edges.open_snapshot)
                        AND first_observed_at <= edges.close_at
                        AND at >= edges.open_at AND at <= edges.close_at
                        AND (NOT rolled.settled OR (
                            SELECT row_count = 0 AND last_observed_at >= at
                            FROM onetrading.snapshots AS flat
                            WHERE flat.account_id = m.account_id AND stream = 'positions'
                                AND first_observed_at <= at - interval '2 minutes'
                            ORDER BY first_observed_at DESC LIMIT 1))
                    UNION ALL
                    SELECT changed_at, false, NULL,
                        amount + CASE WHEN rolled.settled THEN gain ELSE 0 END, gain <> 0
                    FROM onetrading.balance_changes AS changes
                    WHERE changes.account_id = m.account_id AND currency = rolled.currency
                        AND changed_at > edges.open_at AND changed_at <= edges.close_at
                ) AS events
                WINDOW forwards AS (ORDER BY at, is_point ROWS UNBOUNDED PRECEDING)
            ) AS timeline
        ) AS bounded
        WHERE is_point AND (
            at IN (first_point, last_point)
            OR (last_at IS NULL OR last_at < at - interval '5 seconds')
                AND (next_at IS NULL OR next_at > at + interval '5 seconds')
                AND (last_gain_at IS NULL OR last_gain_at < at - interval '2 minutes'))
        WINDOW observed AS (ORDER BY at ROWS UNBOUNDED PRECEDING)
    ) AS points
    WHERE rolled.difference <> 0 AND unexplained <> at_first
    ORDER BY at LIMIT 1
) AS unexplained ON true;

CREATE OR REPLACE VIEW onetrading.funding_positions AS
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
    ), bounds AS (
        SELECT array_agg(instant) AS instants
        FROM (
            SELECT coalesce((SELECT at + interval '1 microsecond' FROM first_seen),
                -- An equality would let the planner walk the index by time alone, for an account
                -- without trades to its end.
                (SELECT traded_at FROM onetrading.trades
                WHERE trades.account_id >= months.account_id
                    AND trades.account_id <= months.account_id
                ORDER BY trades.account_id, traded_at LIMIT 1)) AS instant
            UNION ALL SELECT closed_at + interval '1 microsecond' FROM closings
            UNION ALL SELECT months.starts_at
        ) AS instants
        WHERE instant <= months.starts_at
    ), openings AS (
        SELECT instrument_code, sum(net) AS net FROM (
            SELECT instrument_code, net FROM onetrading.net_positions
            WHERE snapshot_id = (SELECT snapshot_id FROM first_seen)
            UNION ALL
            SELECT sums.instrument_code, CASE side WHEN 'BUY' THEN amount ELSE -amount END
            FROM bounds
            CROSS JOIN LATERAL onetrading.trade_sums(months.account_id, bounds.instants) AS sums
            LEFT JOIN closings ON closings.instrument_code = sums.instrument_code
            WHERE sums.at > coalesce(closed_at, '-infinity')
                AND (sums.instrument_code IN (
                        SELECT instrument_code FROM onetrading.instruments WHERE kind <> 'SPOT')
                    OR sums.instrument_code LIKE '%\_P')
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

-- Matching of lots ------------------------------------------------------------------------------
--
-- Pools have nothing to do with each other: two processes match one half of them each. The costs of
-- setting that up are set aside, because the planner does not know how much a function does.

-- As before, with a short way for nothing: most trades have a fee in one of two currencies.
CREATE OR REPLACE FUNCTION onetrading.share(total numeric, part numeric, whole numeric) RETURNS numeric
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

CREATE TYPE onetrading.spot_event AS (
    pool bigint, at timestamptz, trade_id uuid, reference text, instrument_code text,
    lot_source text, is_lot boolean, happened_at timestamptz, quantity numeric, used numeric,
    amount_in_quote numeric, fee_in_base numeric, fee_in_quote numeric);
COMMENT ON TYPE onetrading.spot_event IS 'A row of onetrading.spot_events, without what only its order needs.';

-- One row after the other, with the lots that are not used up in a queue. What a lot or a SELL has
-- given so far is kept, so that no share is computed twice. The first sort key tells most rows apart
-- by one comparison of integers.
CREATE FUNCTION onetrading.fifo_of_pools(
    of_account uuid, from_at timestamptz, starts timestamptz, ends_at timestamptz, part integer,
    parts integer)
RETURNS TABLE (
    base_code text, quote_code text, instrument_code text, disposal_trade_id uuid,
    disposed_at timestamptz, lot_trade_id uuid, reference text, acquired_at timestamptz,
    lot_source text, quantity numeric, proceeds numeric, cost numeric, fee_in_base numeric,
    lot_fee_in_base numeric, fee_in_quote numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000000 ROWS 100000
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
COMMENT ON FUNCTION onetrading.fifo_of_pools(uuid, timestamptz, timestamptz, timestamptz, integer, integer) IS 'onetrading.fifo, from the state that is carried at from_at, of every pool whose number has the remainder part when divided by parts.';

CREATE OR REPLACE FUNCTION onetrading.fifo(of_account uuid, starts timestamptz, ends_at timestamptz)
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
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
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

-- As onetrading.average was, for some of the pools.
CREATE FUNCTION onetrading.average_of_pools(
    of_account uuid, from_at timestamptz, starts timestamptz, ends_at timestamptz, part integer,
    parts integer)
RETURNS TABLE (
    base_code text, quote_code text, instrument_code text, disposal_trade_id uuid,
    disposed_at timestamptz, lot_source text, quantity numeric, proceeds numeric, cost numeric,
    fee_in_base numeric, fee_in_quote numeric, pool_quantity_after numeric,
    pool_cost_after numeric, pool_fee_after numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000000 ROWS 100000
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
COMMENT ON FUNCTION onetrading.average_of_pools(uuid, timestamptz, timestamptz, timestamptz, integer, integer) IS 'onetrading.average, from the state that is carried at from_at, of every pool whose number has the remainder part when divided by parts.';

CREATE OR REPLACE FUNCTION onetrading.average(of_account uuid, starts timestamptz, ends_at timestamptz)
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
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
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
