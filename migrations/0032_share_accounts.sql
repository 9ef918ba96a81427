-- Accounts spread over processes, and a token's request budget over all who send with it.

CREATE TABLE onetrading_sync.lease_requests (
    account_id uuid PRIMARY KEY,
    holder text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE onetrading_sync.lease_requests IS 'Accounts that a process with fewer of them has asked their holder for.';
COMMENT ON COLUMN onetrading_sync.lease_requests.account_id IS 'Whose lease is asked for.';
COMMENT ON COLUMN onetrading_sync.lease_requests.holder IS 'The process that asks, as in leases.holder.';
COMMENT ON COLUMN onetrading_sync.lease_requests.expires_at IS 'Until when it counts, unless it is asked again: a process that ended gets nothing.';

CREATE TABLE onetrading_sync.budgets (
    account text PRIMARY KEY,
    full_at timestamptz,
    shared_until timestamptz,
    acknowledged_by text
);
COMMENT ON TABLE onetrading_sync.budgets IS 'What the token of an account has spent of its request budget, as far as one process tells another.';
COMMENT ON COLUMN onetrading_sync.budgets.account IS 'The configured name.';
COMMENT ON COLUMN onetrading_sync.budgets.full_at IS 'When all of a burst may be sent again. Null while the holder of the lease keeps it by itself: once that has crashed, all of the burst counts as spent.';
COMMENT ON COLUMN onetrading_sync.budgets.shared_until IS 'Until when a command sends requests, too: meanwhile each request is taken from full_at.';
COMMENT ON COLUMN onetrading_sync.budgets.acknowledged_by IS 'The process that holds the lease and takes its requests here, too; the command waits for that.';
