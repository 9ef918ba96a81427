-- Bookkeeping of the sync: what is proven complete, what ran, what was odd.

CREATE SCHEMA IF NOT EXISTS onetrading_sync;
COMMENT ON SCHEMA onetrading_sync IS 'How the sync stands: coverage, runs, quarantined records, drift, issues.';

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA onetrading_sync;

CREATE TABLE onetrading_sync.coverage (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    range tstzrange NOT NULL,
    CHECK (NOT isempty(range) AND lower_inc(range) AND NOT upper_inc(range)),
    CHECK (NOT lower_inf(range) AND NOT upper_inf(range)),
    EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&)
);
COMMENT ON TABLE onetrading_sync.coverage IS 'Ranges of time for which history is proven complete. Nothing else proves anything.';
COMMENT ON COLUMN onetrading_sync.coverage.scope IS 'An instrument code where the stream is asked per instrument, else empty.';

CREATE TABLE onetrading_sync.progress (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    required_from timestamptz,
    settle interval NOT NULL DEFAULT '0',
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    next_due_at timestamptz,
    last_error text,
    retired_because text,
    PRIMARY KEY (account_id, stream, scope)
);
COMMENT ON TABLE onetrading_sync.progress IS 'How each stream stands; one row per account, stream and scope.';
COMMENT ON COLUMN onetrading_sync.progress.required_from IS 'History must be complete from here; null for streams without history.';
COMMENT ON COLUMN onetrading_sync.progress.settle IS 'How long after an instant its rows may still appear: coverage ends this far before now.';
COMMENT ON COLUMN onetrading_sync.progress.retired_because IS 'Why this scope is no longer asked (a closed instrument); its gaps do not count.';

CREATE TABLE onetrading_sync.runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    lane text NOT NULL,
    wanted tstzrange,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    pages integer NOT NULL DEFAULT 0,
    rows_inserted bigint NOT NULL DEFAULT 0,
    rows_updated bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    complete boolean NOT NULL DEFAULT false
);
CREATE INDEX runs_by_stream ON onetrading_sync.runs (account_id, stream, started_at);
CREATE INDEX runs_by_time ON onetrading_sync.runs (started_at);
COMMENT ON TABLE onetrading_sync.runs IS 'One row per walk through a window of history, written with the rows it brought.';
COMMENT ON COLUMN onetrading_sync.runs.lane IS 'tail (the newest part), backfill (what is missing) or verify.';
COMMENT ON COLUMN onetrading_sync.runs.complete IS 'The walk reached its explicit end.';

CREATE TABLE onetrading_sync.rejects (
    reject_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    record text NOT NULL,
    record_hash bigint NOT NULL,
    reason text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    UNIQUE (account_id, stream, record_hash)
);
COMMENT ON TABLE onetrading_sync.rejects IS 'Records that could not be read, as sent. Nothing is thrown away.';

CREATE TABLE onetrading_sync.drift (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    sample text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, stream, kind, path, sample)
);
COMMENT ON TABLE onetrading_sync.drift IS 'Fields, values and page shapes that the exchange''s documentation does not know.';

CREATE TABLE onetrading_sync.issues (
    issue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    key jsonb NOT NULL,
    old_record jsonb,
    new_record jsonb,
    noticed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX issues_by_stream ON onetrading_sync.issues (account_id, stream, noticed_at);
COMMENT ON TABLE onetrading_sync.issues IS 'Settled facts that came back different: what was stored, and what replaced it.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs) or raw_changed (only the record as sent differs).';

CREATE TABLE onetrading_sync.totals (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    metric text NOT NULL,
    labels text[] NOT NULL,
    value numeric NOT NULL,
    PRIMARY KEY (account_id, stream, metric, labels)
);
COMMENT ON TABLE onetrading_sync.totals IS 'What the counters on /metrics show, kept in the transaction that writes the rows.';

CREATE TABLE onetrading_sync.counting (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (account_id, stream)
);
COMMENT ON TABLE onetrading_sync.counting IS 'From which instant on rows count in totals. It never moves: history filled in before it never makes a counter jump.';

CREATE TABLE onetrading_sync.leases (
    account_id uuid PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamptz,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE onetrading_sync.leases IS 'The service that writes an account. Each of its transactions checks the epoch.';
