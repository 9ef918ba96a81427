-- Balances of any day and month: derived where nobody had looked yet, rolled forward from month to
-- month, and the equity of each day.
--
-- Only creates and replaces views and functions: no table is locked for longer than an instant.

CREATE VIEW onetrading.instrument_kinds AS
SELECT DISTINCT ON (instrument_code) instrument_code, kind, kind <> 'SPOT' AS is_futures
FROM onetrading.instruments ORDER BY instrument_code, valid_from DESC;
COMMENT ON VIEW onetrading.instrument_kinds IS 'Whether each known instrument is a futures instrument, by its newest version.';
COMMENT ON COLUMN onetrading.instrument_kinds.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_kinds.kind IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_kinds.is_futures IS 'Whether its kind is any but SPOT. Of an instrument without a row, the suffix _P tells.';

-- For ranges of a few trades, or for whole histories of which no filter is asked. The instants of a
-- report's filter must come from the query around a LATERAL subquery with an aggregate, so that they
-- reach the indexes of the tables.
CREATE VIEW onetrading.balance_changes AS
SELECT account_id, traded_at AS changed_at, leg.currency, leg.amount, leg.gain
FROM onetrading.trades
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = trades.instrument_code
    AND known_from <= traded_at AND traded_at < known_to
LEFT JOIN onetrading.instrument_kinds AS kinds ON kinds.instrument_code = trades.instrument_code
CROSS JOIN LATERAL (VALUES
    (CASE WHEN NOT coalesce(is_futures, trades.instrument_code LIKE '%\_P')
        THEN coalesce(base_code, split_part(trades.instrument_code, '_', 1)) END,
        CASE side WHEN 'BUY' THEN amount ELSE -amount END, 0::numeric),
    (CASE WHEN NOT coalesce(is_futures, trades.instrument_code LIKE '%\_P')
        THEN coalesce(quote_code, split_part(trades.instrument_code, '_', 2)) END,
        CASE side WHEN 'BUY' THEN -quote_amount ELSE quote_amount END, 0),
    (CASE WHEN coalesce(is_futures, trades.instrument_code LIKE '%\_P')
        THEN coalesce(quote_code, split_part(trades.instrument_code, '_', 2)) END,
        0, CASE side WHEN 'BUY' THEN -quote_amount ELSE quote_amount END),
    (CASE WHEN fee_amount <> 0 THEN fee_currency END, -fee_amount, 0)
) AS leg (currency, amount, gain)
WHERE leg.currency IS NOT NULL
UNION ALL
SELECT account_id, booked_at, coalesce(quote_code, split_part(payments.instrument_code, '_', 2)),
    amount, 0
FROM onetrading.funding_payments AS payments
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = payments.instrument_code
    AND known_from <= booked_at AND booked_at < known_to
UNION ALL
SELECT account_id, moved_at, currency_code, amount, 0 FROM onetrading.external_movements;
COMMENT ON VIEW onetrading.balance_changes IS 'What moves balances, as far as the exchange or a file tells it: legs of spot trades, fees, funding payments and movements. The settlements of futures, each minute, are told nowhere; over a time without an open position at its ends they are the sum of gain.';
COMMENT ON COLUMN onetrading.balance_changes.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balance_changes.changed_at IS 'traded_at, booked_at or moved_at.';
COMMENT ON COLUMN onetrading.balance_changes.currency IS 'The asset that moves. Of an instrument that is not known, as its code says.';
COMMENT ON COLUMN onetrading.balance_changes.amount IS 'In units of currency: positive when it came in. Funding counts as sent: positive when received.';
COMMENT ON COLUMN onetrading.balance_changes.gain IS 'Of a futures trade: its value at its price, negative when bought; else 0.';

CREATE VIEW onetrading.first_balances AS
SELECT latest.account_id, first_observed_at, snapshot_id, at, first_at
FROM (SELECT account_id FROM onetrading.latest_snapshots WHERE stream = 'balances') AS latest
CROSS JOIN LATERAL (
    SELECT min(first_observed_at) AS first_observed_at FROM onetrading.snapshots
    WHERE snapshots.account_id = latest.account_id AND stream = 'balances'
) AS started
CROSS JOIN LATERAL (
    SELECT least(
        -- An equality would let the planner walk the index by time alone, for an account without
        -- trades to its end.
        (SELECT traded_at FROM onetrading.trades
            WHERE trades.account_id >= latest.account_id AND trades.account_id <= latest.account_id
            ORDER BY trades.account_id, traded_at LIMIT 1),
        (SELECT min(booked_at) FROM onetrading.funding_payments AS payments
            WHERE payments.account_id = latest.account_id),
        (SELECT min(moved_at) FROM onetrading.external_movements AS movements
            WHERE movements.account_id = latest.account_id)) AS first_at
) AS facts
CROSS JOIN LATERAL (
    SELECT snapshot_id, at
    FROM (
        SELECT snapshot_id, first_observed_at, last_observed_at FROM onetrading.snapshots
        WHERE snapshots.account_id = latest.account_id AND stream = 'balances'
        ORDER BY first_observed_at, snapshot_id LIMIT 20
    ) AS near
    CROSS JOIN LATERAL (VALUES (first_observed_at), (last_observed_at)) AS points (at)
    ORDER BY EXISTS (
            SELECT FROM onetrading.trades
            WHERE trades.account_id = latest.account_id
                AND traded_at BETWEEN at - interval '5 seconds' AND at + interval '5 seconds')
        OR EXISTS (
            SELECT FROM onetrading.funding_payments AS payments
            WHERE payments.account_id = latest.account_id
                AND booked_at BETWEEN at - interval '5 seconds' AND at + interval '5 seconds')
        OR EXISTS (
            SELECT FROM onetrading.external_movements AS movements
            WHERE movements.account_id = latest.account_id
                AND moved_at BETWEEN at - interval '5 seconds' AND at + interval '5 seconds'),
        at, snapshot_id
    LIMIT 1
) AS picked;
COMMENT ON VIEW onetrading.first_balances IS 'The observation that earlier balances are derived from: of the first ones the earliest that no trade, payment or movement is close to, since balances may lag what moves them.';
COMMENT ON COLUMN onetrading.first_balances.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.first_balances.first_observed_at IS 'When balances were first observed.';
COMMENT ON COLUMN onetrading.first_balances.snapshot_id IS 'The chosen observation.';
COMMENT ON COLUMN onetrading.first_balances.at IS 'When it was observed: what happened until then, that instant included, is in it.';
COMMENT ON COLUMN onetrading.first_balances.first_at IS 'The earliest trade, funding payment or movement; null when there is none.';

CREATE VIEW reporting.daily_closing_balances_by_zone AS
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
    WITH changes AS (
        SELECT (changed_at AT TIME ZONE zones.zone)::date AS day, currency,
            sum(amount) AS amount, bool_or(gain <> 0) AS futures
        FROM onetrading.balance_changes
        WHERE balance_changes.account_id = firsts.account_id AND changed_at <= firsts.at
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

CREATE OR REPLACE VIEW reporting.daily_closing_balances AS
SELECT * FROM reporting.daily_closing_balances_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.daily_closing_balances IS 'Balances at the end of each day of the business zone (ONETRADING_BUSINESS_ZONE): the last complete answer of GET account/balances that was received before the day''s end. One row per account, day and currency, from the day on which the currency was first listed until today; of an account that is no longer configured, until the day on which it was last observed. A day without any answer repeats the state before it: then estimated is true, and age says how old the state is. Days from the first trade, funding payment or movement until the first answer are derived from that answer, backwards, by trades, fees, funding as sent, and movements: to the last digit, as far as these are complete (coverage_gaps) and movements were imported. What was free and what was locked is not known then. The cash of futures is settled each minute, which nothing tells: before the first answer it is taken from the nearest funding payment (cash_balance).

Example:
SELECT currency_code, total, observed_at, age, source, estimated
FROM reporting.daily_closing_balances
WHERE account = ''main'' AND day = ''2026-03-31'' AND is_final ORDER BY currency_code;';
COMMENT ON COLUMN reporting.daily_closing_balances.day IS 'Day of the zone that closes, from its first instant (inclusive) to that of the next day (exclusive).';
COMMENT ON COLUMN reporting.daily_closing_balances.currency_code IS 'Every currency listed on that day or earlier (balances[].currency_code); while derived, every currency that the first answer lists or that moved before it.';
COMMENT ON COLUMN reporting.daily_closing_balances.available IS 'Free, in units of currency_code (balances[].available); 0 when the closing answer does not list it; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.locked IS 'Held by open orders, in units of currency_code (balances[].locked); 0 when the closing answer does not list it; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.total IS 'available plus locked, in units of currency_code; derived where source says so.';
COMMENT ON COLUMN reporting.daily_closing_balances.is_listed IS 'Whether the closing answer lists the currency; false: the amounts are 0 because it does not; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.observed_at IS 'When this state was last seen at or before the day''s end; the day''s end itself when it was still seen afterwards. When derived: when what it is derived from was seen, which is after the day''s end, or for cash_anchor before or after it.';
COMMENT ON COLUMN reporting.daily_closing_balances.age IS 'Day''s end (now, for the day still running) minus observed_at: how stale the closing state is. Normally seconds; days without any answer show here. Negative when derived from what was seen later.';
COMMENT ON COLUMN reporting.daily_closing_balances.estimated IS 'Whether the closing state was last seen more than 10 minutes before the day''s end (now, for the day still running): what happened in between is not in it. When derived: whether there were futures trades between the day''s end and a first answer or a cash_balance that is more than 4 hours 10 minutes away, whose settlements are not known.';
COMMENT ON COLUMN reporting.daily_closing_balances.zone IS 'Time zone in which the day ends: the business zone.';
COMMENT ON COLUMN reporting.daily_closing_balances.source IS 'observed (an answer of the exchange), derived (backwards from the first answer) or cash_anchor (from the cash_balance of the nearest funding payment, by trades'' fees, funding and movements in between; what was settled between that payment and the day''s end is not in it).';

CREATE FUNCTION reporting.daily_closing_balances(zone text)
RETURNS SETOF reporting.daily_closing_balances
LANGUAGE sql STABLE
AS $$ SELECT * FROM reporting.daily_closing_balances_by_zone AS balances
    WHERE balances.zone = reporting.known_zone($1) $$;
COMMENT ON FUNCTION reporting.daily_closing_balances(text) IS 'The view of this name in any time zone.

Example:
SELECT day, currency_code, total, source FROM reporting.daily_closing_balances(''Europe/Vienna'')
WHERE account = ''main'' AND day = ''2026-03-31'';';

CREATE VIEW reporting.balance_rollforward_by_zone AS
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
        SELECT instrument_code, side, fee_currency, min(traded_at) AS at,
            sum(amount) AS amount, sum(quote_amount) AS quote_amount,
            sum(fee_amount) FILTER (WHERE fee_amount > 0) AS paid,
            sum(-fee_amount) FILTER (WHERE fee_amount < 0) AS received
        FROM cuts CROSS JOIN onetrading.trades
        WHERE account_id = m.account_id AND traded_at >= from_at AND traded_at < to_at
        GROUP BY instrument_code, side, fee_currency, width_bucket(traded_at, cuts)
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
            (CASE WHEN paid IS NOT NULL THEN fee_currency END, 'fee', paid),
            (CASE WHEN received IS NOT NULL THEN fee_currency END, 'rebate', received)
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
SELECT * FROM reporting.balance_rollforward_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
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
AS $$ SELECT * FROM reporting.balance_rollforward_by_zone AS rolled
    WHERE rolled.zone = reporting.known_zone($1) $$;
COMMENT ON FUNCTION reporting.balance_rollforward(text) IS 'The view of this name in any time zone.

Example:
SELECT month, currency, difference FROM reporting.balance_rollforward(''Europe/Vienna'')
WHERE account = ''main'' AND difference <> 0;';

CREATE VIEW reporting.daily_equity_by_zone AS
SELECT coalesce(days.name, days.account_id::text) AS account, days.account_id, days.day, days.zone,
    closing.equity, closing.source, closing.observed_at,
    least(day_end, now()) - closing.observed_at AS age, day_end <= now() AS is_final,
    least(day_end, now()) - closing.observed_at > interval '10 minutes' AS estimated
FROM (
    SELECT account_id, name, zone, first_day + step AS day,
        (first_day + step + 1)::timestamp AT TIME ZONE zone AS day_end
    FROM (
        SELECT started.account_id, name, zone, (first_at AT TIME ZONE zone)::date AS first_day,
            (CASE WHEN left_at IS NULL THEN now() ELSE last_at END AT TIME ZONE zone)::date
                AS last_day
        FROM (
            SELECT account_id, max(last_observed_at) AS last_at, min(first.at) AS first_at
            FROM onetrading.latest_snapshots AS latest
            CROSS JOIN LATERAL (
                SELECT min(first_observed_at) AS at FROM onetrading.snapshots
                WHERE snapshots.account_id = latest.account_id AND snapshots.stream = latest.stream
            ) AS first
            WHERE stream IN ('portfolio', 'balances')
            GROUP BY account_id
        ) AS started
        LEFT JOIN onetrading.accounts USING (account_id)
        CROSS JOIN onetrading.zones
    ) AS zoned
    CROSS JOIN LATERAL generate_series(0, last_day - first_day) AS steps (step)
) AS days
CROSS JOIN LATERAL (
    SELECT equity, source, observed_at
    FROM (
        (SELECT equity, 'portfolio' AS source, least(last_observed_at, day_end) AS observed_at
        FROM onetrading.snapshots
        LEFT JOIN onetrading.portfolios USING (snapshot_id)
        WHERE snapshots.account_id = days.account_id AND stream = 'portfolio'
            AND first_observed_at < day_end
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1)
        UNION ALL
        (SELECT CASE WHEN header ->> 'account_equity'
                    ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$'
                THEN (header ->> 'account_equity')::numeric END,
            'balances', least(last_observed_at, day_end)
        FROM onetrading.snapshots
        WHERE snapshots.account_id = days.account_id AND stream = 'balances'
            AND first_observed_at < day_end
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1)
    ) AS told
    WHERE equity IS NOT NULL
    ORDER BY least(day_end, now()) - observed_at > interval '10 minutes', source DESC LIMIT 1
) AS closing;
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
SELECT * FROM reporting.daily_equity_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
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
AS $$ SELECT * FROM reporting.daily_equity_by_zone AS equities
    WHERE equities.zone = reporting.known_zone($1) $$;
COMMENT ON FUNCTION reporting.daily_equity(text) IS 'The view of this name in any time zone.

Example:
SELECT day, equity FROM reporting.daily_equity(''Europe/Vienna'') WHERE account = ''main'';';

CREATE VIEW reporting.drawdown_by_zone AS
SELECT account, account_id, day, zone, equity, peak, peak - equity AS drawdown,
    CASE WHEN peak > 0 THEN round((peak - equity) / peak, 18) END AS drawdown_ratio,
    source, is_final, estimated
FROM (
    SELECT *, max(equity) OVER (
        PARTITION BY account, account_id, zone ORDER BY day ROWS UNBOUNDED PRECEDING) AS peak
    FROM reporting.daily_equity_by_zone
) AS equities;
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
SELECT * FROM reporting.drawdown_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);
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
AS $$ SELECT * FROM reporting.drawdown_by_zone AS drawdowns
    WHERE drawdowns.zone = reporting.known_zone($1) $$;
COMMENT ON FUNCTION reporting.drawdown(text) IS 'The view of this name in any time zone.

Example:
SELECT day, drawdown, drawdown_ratio FROM reporting.drawdown(''Europe/Vienna'') WHERE account = ''main'';';
