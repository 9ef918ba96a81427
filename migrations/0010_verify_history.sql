-- Read proven history again and compare: what was verified when, and what that found. And when each
-- thing that is not documented was met last.
--
-- Adds a table and columns, rewrites what is known of drift, which is little, and replaces a view: no
-- table of facts is locked for longer than an instant.

CREATE TABLE onetrading_sync.verified (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    range tstzrange NOT NULL,
    verified_at timestamptz NOT NULL,
    facts bigint NOT NULL,
    not_served bigint NOT NULL DEFAULT 0,
    CHECK (NOT isempty(range) AND lower_inc(range) AND NOT upper_inc(range)),
    CHECK (NOT lower_inf(range) AND NOT upper_inf(range)),
    CHECK (facts >= 0 AND not_served BETWEEN 0 AND facts),
    EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&)
);
COMMENT ON TABLE onetrading_sync.verified IS 'When proven history was last read again and compared with what is stored. What is not in here was not, since it was proven.';
COMMENT ON COLUMN onetrading_sync.verified.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN onetrading_sync.verified.stream IS 'The stream that was read.';
COMMENT ON COLUMN onetrading_sync.verified.scope IS 'As in onetrading_sync.coverage.';
COMMENT ON COLUMN onetrading_sync.verified.range IS 'The time that a walk read to its explicit end.';
COMMENT ON COLUMN onetrading_sync.verified.verified_at IS 'When that was, by the exchange''s time.';
COMMENT ON COLUMN onetrading_sync.verified.facts IS 'How many facts were stored of the window that was read, which later ranges may have cut.';
COMMENT ON COLUMN onetrading_sync.verified.not_served IS 'How many of them the exchange did not show, nor anything as old: it no longer serves that time, which says nothing about the facts.';

ALTER TABLE onetrading_sync.issues
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN found_by text CHECK (found_by = 'verify');
COMMENT ON COLUMN onetrading_sync.issues.resolved_at IS 'When a fact that had vanished was sent again; null for every other kind, and while it is gone.';
COMMENT ON COLUMN onetrading_sync.issues.found_by IS 'verify: found as proven history was read again to compare it; null: as it was read otherwise.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs) or raw_changed (only the record as sent differs): new_record replaced old_record. older (the exchange sent a version before the stored one), twin (two different records of one key came together) or duplicate_slot (a second, different payment of a funding time): old_record is stored, new_record was left out, and is noted once. late: new_record came in as proven history was read again. vanished: the exchange no longer shows old_record, which stays stored. funding_sign_changed: the convention of the sign of funding, as reporting.funding_sign has it, before and after. future_coverage, future_snapshot or future_version: a wrong clock had dated it into the future; the instants as they were, and as they are now.';
CREATE INDEX issues_vanished ON onetrading_sync.issues (account_id, stream)
    WHERE kind = 'vanished' AND resolved_at IS NULL;

-- Constant defaults: nobody knows how often and how lately the old ones were met.
ALTER TABLE onetrading_sync.drift
    ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN hours_seen bigint NOT NULL DEFAULT 1;
UPDATE onetrading_sync.drift SET last_seen_at = first_seen_at;
COMMENT ON COLUMN onetrading_sync.drift.first_seen_at IS 'When it was met first.';
COMMENT ON COLUMN onetrading_sync.drift.last_seen_at IS 'When it was met last, to the hour; of what was met before this column existed, when it was met first.';
COMMENT ON COLUMN onetrading_sync.drift.hours_seen IS 'In how many hours it was met: it is counted once an hour, so that what every response holds does not cost a write each time.';

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
), found AS (
    SELECT account_id, stream, scope, key, happened_at, first_seen_at, 'late' AS kind,
        NULL::jsonb AS old_record, raw AS new_record, first_seen_at AS noticed_at,
        NULL::timestamptz AS resolved_at
    FROM came_late
    UNION ALL
    SELECT issue.account_id, stream,
        CASE WHEN stream = 'funding_history' THEN key ->> 'instrument_code' ELSE '' END,
        key, happened_at,
        coalesce(
            trade.first_seen_at, payment.first_seen_at, rate.first_seen_at, issue.noticed_at),
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
    AND proven.scope = found.scope AND day = (happened_at AT TIME ZONE 'UTC')::date
    AND proven_at < noticed_at;
COMMENT ON VIEW reporting.late_facts IS 'What a closed month has to know: facts that became known after their month was over, facts that were missing when their time had been proven complete, facts that came back different and facts that the exchange no longer shows, whenever that was noticed. History that is read in for the first time long after it happened is late as well; proven_at tells it from a fact that came after its day had been proven complete.

Example:
SELECT account, stream, kind, happened_at, noticed_at, old_record, new_record
FROM reporting.late_facts
WHERE month = ''2026-03-01'' AND noticed_at >= ''2026-04-03 00:00Z'' ORDER BY noticed_at;';
COMMENT ON COLUMN reporting.late_facts.kind IS 'late (first seen after its month was over, or as proven history was read again), changed (came back different; new_record replaced old_record), vanished (no longer sent by the exchange; it stays in every table and view), duplicate_slot (a second, different payment of a funding time: old_record counts everywhere, new_record nowhere) or twin (two different records of one fact came together: likewise).';
COMMENT ON COLUMN reporting.late_facts.after_month IS 'Whether the month was over when this became known.';
COMMENT ON COLUMN reporting.late_facts.resolved_at IS 'When a fact that had vanished was sent again; null while it is gone, and for every other kind.';
COMMENT ON COLUMN onetrading_sync.runs.lane IS 'tail (the newest part), backfill (what is missing), verify (what is proven, again) or retry (rejected records that this version can read).';
