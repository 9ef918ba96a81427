-- Queries of verification, reset, drift and the sign of funding: further QUERIES of exporter.store.queries.

-- name: server_time
-- The time of Postgres, which first_seen_at has.
SELECT clock_timestamp();

-- name: due_to_verify
-- The proven parts of a window that are to be read again: all that was not read since `again`, once
-- some of what ends before `settled` was not read since `due`; oldest first.
WITH wanted AS (
    SELECT coalesce(range_agg(range), '{}') * tstzmultirange(tstzrange(%(start)s, %(end)s)) AS ranges
    FROM onetrading_sync.coverage
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
      AND range && tstzrange(%(start)s, %(end)s)
), known AS (
    SELECT range, verified_at AS at, true AS verified FROM onetrading_sync.verified
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
      AND range && tstzrange(%(start)s, %(end)s)
    UNION ALL
    SELECT tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'),
        proven_at, false
    FROM onetrading_sync.proven_days
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
      AND day BETWEEN (%(start)s::timestamptz AT TIME ZONE 'UTC')::date
                  AND (%(end)s::timestamptz AT TIME ZONE 'UTC')::date
), since AS (
    -- When a day was proven tells when it was read last only where it was not verified: a part of it
    -- may have been proven, and verified, long before the rest.
    SELECT coalesce(range_agg(range) FILTER (WHERE verified AND at > %(due)s), '{}')
            + (coalesce(range_agg(range) FILTER (WHERE NOT verified AND at > %(due)s), '{}')
               - coalesce(range_agg(range) FILTER (WHERE verified), '{}')) AS due,
        coalesce(range_agg(range) FILTER (WHERE verified AND at > %(again)s), '{}')
            + (coalesce(range_agg(range) FILTER (WHERE NOT verified AND at > %(again)s), '{}')
               - coalesce(range_agg(range) FILTER (WHERE verified), '{}')) AS again
    FROM known WHERE at <= %(latest)s
)
SELECT lower(part), upper(part)
FROM wanted CROSS JOIN since
CROSS JOIN LATERAL unnest(CASE
    WHEN isempty(ranges * tstzmultirange(tstzrange(%(start)s, %(settled)s)) - due) THEN '{}'
    ELSE ranges - again END) AS parts (part)
ORDER BY part;

-- name: note_verified
-- A window was read to its end and compared; what was known of parts of it before gives way.
WITH before AS (
    DELETE FROM onetrading_sync.verified
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
      AND range && tstzrange(%(start)s, %(end)s)
    RETURNING range, verified_at, facts, not_served
)
INSERT INTO onetrading_sync.verified
    (account_id, stream, scope, range, verified_at, facts, not_served)
SELECT %(account_id)s, %(stream)s, %(scope)s, part, verified_at, facts, not_served
FROM before CROSS JOIN LATERAL unnest(
    tstzmultirange(range) - tstzmultirange(tstzrange(%(start)s, %(end)s))) AS parts (part)
UNION ALL
SELECT %(account_id)s, %(stream)s, %(scope)s, tstzrange(%(start)s, %(end)s), %(verified_at)s,
    %(facts)s, %(not_served)s;

-- name: note_late
-- A fact that was missing in proven history.
INSERT INTO onetrading_sync.issues
    (account_id, stream, kind, key, new_record, happened_at, found_by)
VALUES (%(account_id)s, %(stream)s, 'late', %(key)s, %(new)s, %(happened_at)s, 'verify');

-- name: note_vanished
-- A fact that the exchange no longer shows, once until it is shown again; whether it is new.
INSERT INTO onetrading_sync.issues
    (account_id, stream, kind, key, old_record, happened_at, found_by)
SELECT %(account_id)s::uuid, %(stream)s, 'vanished', %(key)s::jsonb, %(old)s::jsonb,
    %(happened_at)s, 'verify'
WHERE NOT EXISTS (
    SELECT FROM onetrading_sync.issues
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND kind = 'vanished'
      AND resolved_at IS NULL AND key = %(key)s::jsonb)
RETURNING issue_id;

-- name: vanished
-- The facts of a stream that have vanished and did not come back.
SELECT issue_id, key FROM onetrading_sync.issues
WHERE account_id = %(account_id)s AND stream = %(stream)s AND kind = 'vanished'
  AND resolved_at IS NULL;

-- name: resolve_vanished
-- They were shown again.
UPDATE onetrading_sync.issues SET resolved_at = now() WHERE issue_id = ANY(%(ids)s::bigint[]);

-- name: found_since
-- What verification found of a stream since an instant, the newest fact first. An order whose newer
-- state contradicts the one before has changed.
SELECT CASE WHEN kind IN ('late', 'vanished') THEN kind ELSE 'changed' END, key, happened_at
FROM onetrading_sync.issues
WHERE account_id = %(account_id)s AND stream = %(stream)s
  AND found_by = 'verify' AND noticed_at >= %(since)s AND kind <> 'raw_changed'
UNION ALL
SELECT 'returned', key, happened_at FROM onetrading_sync.issues
WHERE account_id = %(account_id)s AND stream = %(stream)s AND resolved_at >= %(since)s
ORDER BY happened_at DESC;

-- name: findings
-- How many facts verification ever found, by account, stream and kind.
SELECT name, stream, kind, count(*) FROM (
    SELECT account_id, stream,
        CASE WHEN kind IN ('late', 'vanished') THEN kind ELSE 'changed' END AS kind
    FROM onetrading_sync.issues
    WHERE found_by = 'verify' AND kind <> 'raw_changed'
    UNION ALL
    SELECT account_id, stream, 'returned' FROM onetrading_sync.issues
    WHERE kind = 'vanished' AND resolved_at IS NOT NULL
) AS found
JOIN onetrading.accounts USING (account_id)
GROUP BY name, stream, kind;

-- name: verify_progress
-- Per account and stream: when proven history was last read again, and how much of what was proven
-- before `settled` was read since `since`, for the first time or again.
WITH scopes AS (
    SELECT progress.account_id, progress.stream, progress.scope, known.ranges
    FROM onetrading_sync.progress
    CROSS JOIN LATERAL (
        SELECT range_agg(range) * tstzmultirange(tstzrange(NULL, %(settled)s)) AS ranges
        FROM onetrading_sync.coverage
        WHERE coverage.account_id = progress.account_id AND coverage.stream = progress.stream
          AND coverage.scope = progress.scope
    ) AS known
    WHERE retired_because IS NULL AND known.ranges IS NOT NULL AND NOT isempty(known.ranges)
), compared AS (
    SELECT scopes.*, last_at,
        ranges * (coalesce(again, '{}')
            + (coalesce(first, '{}') - coalesce(ever, '{}'))) AS lately
    FROM scopes
    -- Of all scopes at once: a look-up for each takes several times as long.
    LEFT JOIN (
        SELECT account_id, stream, scope, max(verified_at) AS last_at, range_agg(range) AS ever,
            range_agg(range) FILTER (WHERE verified_at > %(since)s) AS again
        FROM onetrading_sync.verified GROUP BY account_id, stream, scope
    ) AS verified USING (account_id, stream, scope)
    LEFT JOIN (
        SELECT account_id, stream, scope, range_agg(tstzrange(
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC')) AS first
        FROM onetrading_sync.proven_days WHERE proven_at > %(since)s
        GROUP BY account_id, stream, scope
    ) AS proven USING (account_id, stream, scope)
)
SELECT name, stream, max(last_at), (sum(read_s) / sum(proven_s))::float8
FROM compared
CROSS JOIN LATERAL (
    SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0) AS proven_s
    FROM unnest(ranges) AS parts (part)
) AS proven
CROSS JOIN LATERAL (
    SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0) AS read_s
    FROM unnest(lately) AS parts (part)
) AS read
JOIN onetrading.accounts USING (account_id)
GROUP BY name, stream HAVING sum(proven_s) > 0;

-- name: scopes_of
-- Every scope of a stream that something is proven of, or that was ever to be read.
SELECT scope FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s AND required_from IS NOT NULL
UNION
SELECT scope FROM onetrading_sync.coverage
WHERE account_id = %(account_id)s AND stream = %(stream)s
ORDER BY scope;

-- name: forget_coverage
-- What is proven of a window is forgotten; the forgotten ranges, oldest first.
WITH taken AS (
    DELETE FROM onetrading_sync.coverage
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
      AND range && tstzrange(%(start)s, %(end)s)
    RETURNING range
), kept AS (
    INSERT INTO onetrading_sync.coverage (account_id, stream, scope, range)
    SELECT %(account_id)s, %(stream)s, %(scope)s, part
    FROM taken CROSS JOIN LATERAL unnest(
        tstzmultirange(range) - tstzmultirange(tstzrange(%(start)s, %(end)s))) AS parts (part)
)
SELECT lower(range * tstzrange(%(start)s, %(end)s)), upper(range * tstzrange(%(start)s, %(end)s))
FROM taken ORDER BY 1;

-- name: forget_verified
-- What is no longer proven was not verified either.
WITH taken AS (
    DELETE FROM onetrading_sync.verified
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
      AND range && tstzrange(%(start)s, %(end)s)
    RETURNING range, verified_at, facts, not_served
)
INSERT INTO onetrading_sync.verified
    (account_id, stream, scope, range, verified_at, facts, not_served)
SELECT %(account_id)s, %(stream)s, %(scope)s, part, verified_at, facts, not_served
FROM taken CROSS JOIN LATERAL unnest(
    tstzmultirange(range) - tstzmultirange(tstzrange(%(start)s, %(end)s))) AS parts (part);

-- name: forget_proven_days
-- The days of a window are noted again when they are proven again.
DELETE FROM onetrading_sync.proven_days
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC')
      && tstzrange(%(start)s, %(end)s);

-- name: open_rejects
-- The open rejects, the oldest first.
SELECT reject_id, stream, coalesce(accounts.name, rejects.account_id::text), rejects.account_id::text,
    scope, rejects.first_seen_at, reason, key, happened_at, record
FROM onetrading_sync.rejects LEFT JOIN onetrading.accounts USING (account_id)
WHERE resolved_at IS NULL
  AND (%(stream)s::text IS NULL OR stream = %(stream)s)
  AND (%(accounts)s::text[] = '{}' OR accounts.name = ANY (%(accounts)s))
ORDER BY rejects.first_seen_at, reject_id;

-- name: still_rejected
-- Why a record cannot be read by this version either.
UPDATE onetrading_sync.rejects SET reason = %(reason)s
WHERE reject_id = %(reject_id)s AND resolved_at IS NULL AND reason <> %(reason)s;

-- name: reach_of_history
-- From when on facts of a stream are kept: the required start, or what is proven before it.
SELECT least(
    (SELECT min(required_from) FROM onetrading_sync.progress
     WHERE account_id = %(account_id)s AND stream = %(stream)s),
    (SELECT min(lower(range)) FROM onetrading_sync.coverage
     WHERE account_id = %(account_id)s AND stream = %(stream)s));

-- name: drift
-- Everything that is not documented, the newest first.
SELECT coalesce(accounts.name, drift.account_id::text) AS account, stream, kind, path, sample,
    hours_seen AS hours, drift.first_seen_at, last_seen_at
FROM onetrading_sync.drift LEFT JOIN onetrading.accounts USING (account_id)
ORDER BY drift.first_seen_at DESC, account, stream, kind, path, sample;

-- name: note_funding_signs
-- Changes of the sign of funding that are not noted yet, for one account.
INSERT INTO onetrading_sync.issues
    (account_id, stream, kind, key, old_record, new_record, happened_at)
SELECT account_id, 'funding_payments', 'funding_sign_changed',
    jsonb_build_object('account_id', account_id, 'known_at', known_at),
    jsonb_build_object('convention', previous), jsonb_build_object('convention', convention), since
FROM onetrading.funding_sign_conventions AS change
WHERE previous IS NOT NULL AND account_id = %(account_id)s AND NOT EXISTS (
    SELECT FROM onetrading_sync.issues
    WHERE issues.account_id = change.account_id AND stream = 'funding_payments'
      AND kind = 'funding_sign_changed' AND happened_at = change.since)
ORDER BY known_at
RETURNING old_record ->> 'convention', new_record ->> 'convention', happened_at;
