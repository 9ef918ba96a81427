-- Late facts with what verification finds and with closed positions, and months of which the exchange
-- does not serve the history.
--
-- Replaces two views and comments; locks nothing.

CREATE OR REPLACE VIEW reporting.late_facts AS
WITH known AS (
    -- Facts that were there before first_seen_at was recorded have that time in it.
    SELECT since FROM onetrading_sync.known_since WHERE what = 'first_seen_at'
), came_late AS (
    SELECT account_id, 'trades' AS stream, '' AS scope,
        jsonb_build_object('trade_id', trade_id) AS key,
        traded_at AS happened_at, first_seen_at, raw
    FROM onetrading.trades
    WHERE first_seen_at > (SELECT since FROM known)
        AND first_seen_at >= (date_trunc('month', traded_at AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
    UNION ALL
    SELECT account_id, 'funding_payments', '',
        jsonb_build_object(
            'account_id', account_id, 'instrument_code', instrument_code, 'funding_time',
            to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                || CASE WHEN extract(microseconds FROM funding_time) % 1000000 <> 0
                        THEN to_char(funding_time AT TIME ZONE 'UTC', '.US') ELSE '' END
                || '+00:00'),
        booked_at, first_seen_at, raw
    FROM onetrading.funding_payments
    WHERE first_seen_at > (SELECT since FROM known)
        AND first_seen_at >= (date_trunc('month', booked_at AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
    UNION ALL
    SELECT '00000000-0000-0000-0000-000000000000', 'funding_history', instrument_code,
        jsonb_build_object(
            'instrument_code', instrument_code, 'funding_time',
            to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                || CASE WHEN extract(microseconds FROM funding_time) % 1000000 <> 0
                        THEN to_char(funding_time AT TIME ZONE 'UTC', '.US') ELSE '' END
                || '+00:00'),
        funding_time, first_seen_at, raw
    FROM onetrading.funding_rates
    WHERE first_seen_at > (SELECT since FROM known)
        AND first_seen_at >= (date_trunc('month', funding_time AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
    UNION ALL
    SELECT account_id, 'closed_positions', '',
        jsonb_build_object('position_id', position_id), closed_at, first_seen_at, raw
    FROM onetrading.closed_positions
    WHERE first_seen_at >= (date_trunc('month', closed_at AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
), found AS (
    SELECT account_id, stream, scope, key, happened_at, first_seen_at, 'late' AS kind,
        NULL::jsonb AS old_record, raw AS new_record, first_seen_at AS noticed_at,
        NULL::timestamptz AS resolved_at
    FROM came_late
    UNION ALL
    SELECT issue.account_id, stream,
        CASE WHEN stream = 'funding_history' THEN key ->> 'instrument_code' ELSE '' END,
        key, coalesce(position.closed_at, happened_at),
        coalesce(
            trade.first_seen_at, payment.first_seen_at, rate.first_seen_at,
            position.first_seen_at, issue.noticed_at),
        kind, old_record, new_record, noticed_at, resolved_at
    FROM onetrading_sync.issues AS issue
    LEFT JOIN onetrading.trades AS trade
        ON trade.trade_id = CASE WHEN stream = 'trades' THEN (key ->> 'trade_id')::uuid END
    LEFT JOIN onetrading.funding_payments AS payment
        ON stream = 'funding_payments' AND payment.account_id = issue.account_id
        AND payment.instrument_code = key ->> 'instrument_code'
        AND payment.funding_time = CASE WHEN stream = 'funding_payments'
            THEN (key ->> 'funding_time')::timestamptz END
    LEFT JOIN onetrading.funding_rates AS rate
        ON stream = 'funding_history' AND rate.instrument_code = key ->> 'instrument_code'
        AND rate.funding_time = CASE WHEN stream = 'funding_history'
            THEN (key ->> 'funding_time')::timestamptz END
    LEFT JOIN onetrading.closed_positions AS position
        ON position.position_id = CASE WHEN stream = 'closed_positions'
            THEN key ->> 'position_id' END
    WHERE kind IN ('changed', 'vanished', 'duplicate_slot', 'twin')
        -- What came in after its month is listed above, by whatever it was found.
        OR kind = 'late' AND noticed_at < (date_trunc('month', happened_at AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
)
SELECT coalesce(accounts.name, found.account_id::text) AS account, found.account_id,
    found.stream, key, happened_at,
    date_trunc('month', happened_at AT TIME ZONE 'UTC')::date AS month,
    found.first_seen_at, kind, old_record, new_record, noticed_at,
    noticed_at >= (date_trunc('month', happened_at AT TIME ZONE 'UTC') + interval '1 month')
        AT TIME ZONE 'UTC' AS after_month,
    proven_at, resolved_at
FROM found
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading_sync.proven_days AS proven
    ON proven.account_id = found.account_id AND proven.stream = found.stream
    -- Of closed positions, days are proven by their opening, and as of a time.
    AND proven.stream <> 'closed_positions'
    AND proven.scope = found.scope AND day = (happened_at AT TIME ZONE 'UTC')::date
    AND proven_at < noticed_at;

CREATE OR REPLACE VIEW reporting.month_close AS
WITH possible AS (
    -- When each record that could not be read can have happened. One of no history (a balance, an
    -- instrument) is missing in the state of the time at which it came.
    SELECT account_id, stream, first_seen_at,
        coalesce(possible_from, CASE WHEN possible_to IS NOT NULL OR EXISTS (
                SELECT FROM onetrading_sync.progress AS history
                WHERE history.account_id = rejects.account_id
                    AND history.stream = rejects.stream AND required_from IS NOT NULL)
            THEN '-infinity' ELSE first_seen_at END) AS possible_from,
        coalesce(possible_to, first_seen_at) AS possible_to
    FROM reporting.open_rejects AS rejects
), scopes AS (
    -- What must be proven. A scope that is no longer asked or is refused proves and lacks nothing.
    SELECT account_id, stream, scope, settle, required_from, ranges, stream_from,
        coalesce(asked_from < served_from, false) AS unserved,
        -- The time since the last pass is always open; that is a fault once passes are overdue.
        CASE WHEN left_at IS NOT NULL OR now() - settle - upper(ranges)
                <= greatest(5 * (next_due_at - last_attempt_at), interval '15 minutes')
            THEN least(upper(ranges), now() - settle) ELSE now() - settle END AS due_to
    FROM (
        SELECT *, min(required_from) OVER (PARTITION BY account_id, stream) AS stream_from
        FROM onetrading_sync.progress
    ) AS progress
    CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(range), '{}') AS ranges FROM onetrading_sync.coverage
        WHERE coverage.account_id = progress.account_id AND coverage.stream = progress.stream
          AND coverage.scope = progress.scope
    ) AS proven
    LEFT JOIN onetrading.accounts USING (account_id)
    WHERE required_from IS NOT NULL AND retired_because IS NULL
), spans AS (
    SELECT account_id, name, first_seen_at, required_from,
        date_trunc('month', least(required_from, first_fact) AT TIME ZONE 'UTC') AS first_month,
        date_trunc('month', least(now(), left_at) AT TIME ZONE 'UTC') AS last_month
    FROM (
        SELECT account_id FROM onetrading.accounts
        UNION SELECT account_id FROM onetrading_sync.progress
    ) AS known
    LEFT JOIN onetrading.accounts USING (account_id)
    LEFT JOIN (
        SELECT account_id, min(required_from) AS required_from FROM scopes GROUP BY account_id
    ) AS required USING (account_id)
    CROSS JOIN LATERAL (
        SELECT least(
            (SELECT min(traded_at) FROM onetrading.trades
                WHERE trades.account_id = known.account_id),
            (SELECT min(booked_at) FROM onetrading.funding_payments AS payments
                WHERE payments.account_id = known.account_id),
            (SELECT min(funding_time) FROM onetrading.funding_rates
                WHERE known.account_id = '00000000-0000-0000-0000-000000000000'),
            (SELECT min(possible_from) FROM possible
                WHERE possible.account_id = known.account_id
                    AND possible_from > '-infinity')) AS first_fact
    ) AS facts
), months AS (
    SELECT account_id, coalesce(name, account_id::text) AS account, first_seen_at,
        starts::date AS month,
        starts AT TIME ZONE 'UTC' AS starts_at,
        (starts + interval '1 month') AT TIME ZONE 'UTC' AS ends_at
    FROM spans
    CROSS JOIN LATERAL generate_series(first_month, last_month, interval '1 month')
        AS series (starts)
    WHERE (starts + interval '1 month') AT TIME ZONE 'UTC' > required_from
        OR EXISTS (
            SELECT FROM onetrading.trades
            WHERE trades.account_id = spans.account_id AND traded_at >= starts AT TIME ZONE 'UTC'
                AND traded_at < (starts + interval '1 month') AT TIME ZONE 'UTC')
        OR EXISTS (
            SELECT FROM onetrading.funding_payments AS payments
            WHERE payments.account_id = spans.account_id
                AND booked_at >= starts AT TIME ZONE 'UTC'
                AND booked_at < (starts + interval '1 month') AT TIME ZONE 'UTC')
        OR EXISTS (
            SELECT FROM onetrading.funding_rates
            WHERE spans.account_id = '00000000-0000-0000-0000-000000000000'
                AND funding_time >= starts AT TIME ZONE 'UTC'
                AND funding_time < (starts + interval '1 month') AT TIME ZONE 'UTC')
        OR EXISTS (
            SELECT FROM possible
            WHERE possible.account_id = spans.account_id AND possible_from > '-infinity'
                AND possible_from < (starts + interval '1 month') AT TIME ZONE 'UTC'
                AND possible_to >= starts AT TIME ZONE 'UTC')
), missing AS (
    -- Per month and stream: what should be proven by now and is not. The stream's first scopes must
    -- prove the whole month, a scope that came later (a new instrument) only from its own start.
    SELECT account_id, month, stream, min(due_to) AS due_to,
        min(stream_from) > starts_at AS begins_late, bool_or(unserved) AS unserved,
        sum(extract(epoch FROM upper(gap) - lower(gap))) AS seconds,
        min(lower(gap)) AS gap_from, max(upper(gap)) AS gap_to, min(lower(gap) + settle) AS since
    FROM months
    JOIN scopes USING (account_id)
    CROSS JOIN LATERAL (
        -- Scopes that a service finds at its start are not later, though some seconds apart.
        SELECT CASE WHEN required_from > stream_from + interval '1 day'
            THEN greatest(starts_at, required_from)
            ELSE starts_at END AS wanted_from, least(ends_at, due_to) AS wanted_to
    ) AS wanted
    LEFT JOIN LATERAL unnest(
        tstzmultirange(tstzrange(least(wanted_from, wanted_to), wanted_to)) - ranges
    ) AS gaps (gap) ON true
    GROUP BY account_id, month, starts_at, stream
), coverage AS (
    SELECT account_id, month, sum(seconds) AS seconds, min(due_to) AS due_to, min(since) AS since,
        bool_or(begins_late AND seconds > 0) AS begins_late,
        string_agg(stream, ', ' ORDER BY stream) AS streams,
        string_agg(
            format('%s: not proven complete from %s to %s', stream,
                to_char(gap_from AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
                to_char(gap_to AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'))
            || CASE
                WHEN begins_late AND unserved
                THEN ', because the exchange does not serve what is that old'
                WHEN begins_late
                THEN ', because its history is required from later on (ONETRADING_HISTORY_START)'
                ELSE '' END,
            '; ' ORDER BY stream) FILTER (WHERE seconds > 0) AS gaps
    FROM missing GROUP BY account_id, month
), rejects AS (
    SELECT months.account_id, months.month, count(*) AS records,
        min(rejects.first_seen_at) AS since,
        string_agg(DISTINCT rejects.stream, ', ' ORDER BY rejects.stream) AS streams
    FROM months
    JOIN possible AS rejects ON rejects.account_id = months.account_id
        AND possible_from < ends_at AND possible_to >= starts_at
    GROUP BY months.account_id, months.month
)
SELECT account, months.account_id, months.month, 'UTC' AS zone, check_name, state,
    difference, NULL::text AS currency,
    CASE WHEN state = 'failing' THEN failing_since END AS failing_since, detail, rows_to_look_at
FROM months
LEFT JOIN coverage USING (account_id, month)
LEFT JOIN rejects USING (account_id, month)
CROSS JOIN LATERAL (
    SELECT 'coverage' AS check_name,
        CASE
            WHEN coverage.streams IS NULL THEN 'not_applicable'
            WHEN coverage.seconds > 0 THEN 'failing'
            WHEN coverage.due_to < ends_at THEN 'open'
            ELSE 'ok'
        END AS state,
        CASE WHEN coverage.streams IS NOT NULL THEN coalesce(coverage.seconds, 0) END AS difference,
        greatest(coverage.since, months.first_seen_at) AS failing_since,
        CASE
            WHEN coverage.streams IS NULL THEN 'no history is read of this account'
            WHEN coverage.seconds > 0 THEN coverage.gaps
            WHEN coverage.due_to < ends_at THEN format('proven complete until %s: %s',
                to_char(coverage.due_to AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
                coverage.streams)
            ELSE format('proven complete: %s', coverage.streams)
        END AS detail,
        CASE WHEN coverage.begins_late
            THEN format(
                'SELECT account, stream, required_from, covered_to FROM reporting.freshness'
                ' WHERE account_id = %L AND kind = ''history'' ORDER BY stream',
                months.account_id)
            ELSE format(
                'SELECT stream, scope, gap_start, gap_end, gap FROM reporting.coverage_gaps'
                ' WHERE account_id = %L AND gap_start < %L AND gap_end > %L'
                ' ORDER BY gap_start, stream, scope',
                months.account_id,
                to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
                to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'))
        END AS rows_to_look_at
    UNION ALL
    SELECT 'rejects',
        CASE
            WHEN rejects.records > 0 THEN 'failing'
            WHEN ends_at > now() THEN 'open'
            ELSE 'ok'
        END,
        coalesce(rejects.records, 0), rejects.since,
        CASE
            WHEN rejects.records > 0
                THEN format('%s records could not be read: %s', rejects.records, rejects.streams)
            ELSE 'every record that was sent could be read'
        END,
        format(
            'SELECT reject_id, stream, reason, record, happened_at, first_seen_at'
            ' FROM reporting.open_rejects'
            ' WHERE account_id = %1$L AND coalesce(possible_to, first_seen_at) >= %2$L'
            ' AND coalesce(possible_from, CASE WHEN possible_to IS NULL AND stream NOT IN'
            ' (SELECT stream FROM reporting.freshness WHERE account_id = %1$L AND kind = ''history'')'
            ' THEN first_seen_at ELSE ''-infinity'' END) < %3$L ORDER BY reject_id',
            months.account_id,
            to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
            to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'))
) AS checks;

COMMENT ON VIEW reporting.late_facts IS 'What a closed month has to know: facts that became known after their month was over, facts that were missing when their time had been proven complete, facts that came back different and facts that the exchange no longer shows, whenever that was noticed. History that is read in for the first time long after it happened is late as well; proven_at tells it from a fact that came after its day had been proven complete.

Example:
SELECT account, stream, kind, happened_at, noticed_at, old_record, new_record
FROM reporting.late_facts
WHERE month = ''2026-03-01'' AND noticed_at >= ''2026-04-03 00:00Z'' ORDER BY noticed_at;';
COMMENT ON COLUMN reporting.late_facts.kind IS 'late (first seen after its month was over, or as proven history was read again), changed (came back different; new_record replaced old_record), vanished (no longer sent by the exchange; it stays in every table and view), duplicate_slot (a second, different payment of a funding time: old_record counts everywhere, new_record nowhere) or twin (two different records of one fact came together: likewise).';
COMMENT ON COLUMN reporting.late_facts.after_month IS 'Whether the month was over when this became known.';
COMMENT ON COLUMN reporting.late_facts.resolved_at IS 'When a fact that had vanished was sent again; null while it is gone, and for every other kind.';
COMMENT ON COLUMN reporting.late_facts.stream IS 'What the fact was read with: trades, funding_payments, funding_history or closed_positions; where kind is not late, any stream of history.';
COMMENT ON COLUMN reporting.late_facts.happened_at IS 'When it happened: traded_at, booked_at, funding_time, or closed_at of a position; of other streams the instant that orders their history. Null in the rare case that it is not known of an issue from an earlier version.';
COMMENT ON COLUMN reporting.late_facts.proven_at IS 'When the UTC day of happened_at had been proven complete, if that was before this became known: a report made since then lacks it. Null when the day was not proven by then (history read in for the first time), and of closed positions, which are proven by their opening.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs) or raw_changed (only the record as sent differs): new_record replaced old_record. older (the exchange sent a version before the stored one), twin (two different records of one key came together) or duplicate_slot (a second, different payment of a funding time): old_record is stored, new_record was left out, and is noted once. late: new_record came in as proven history was read again. vanished: the exchange no longer shows old_record, which stays stored. order_reopened or order_shrank: a newer state of an order contradicts the one before, and replaced it. order_unknown: an order left the list of open ones and cannot be found; new_record is null. missed: a trade inside of an order that the list of trades had not sent, although it had been read; it was loaded. order_differs: a trade inside of an order says something else than the stored one, which stayed. unbalanced: the sums of a closed position do not fit together. incomplete: the details of a closed position do not add up to its totals. missing: a detail that the proven list of trades or funding payments does not have. different: a detail that says something else than that list. unlisted: a trade or payment of that list that the details lack. funding_sign_changed: the convention of the sign of funding, as reporting.funding_sign has it, before and after. future_coverage, future_snapshot or future_version: a wrong clock had dated it into the future; the instants as they were, and as they are now.';
