-- Read proven history again and compare: what was verified when, and what that found. And when each
-- thing that is not documented was met last.
--
-- Adds a table and columns, and rewrites what is known of drift, which is little: no table of facts is
-- locked for longer than an instant.

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

COMMENT ON COLUMN onetrading_sync.runs.lane IS 'tail (the newest part), backfill (what is missing), verify (what is proven, again) or retry (rejected records that this version can read).';
