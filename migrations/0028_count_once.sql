-- The counters of /metrics are opened in parts: before, all facts of a stream were summed in one
-- transaction, which kept everybody else from writing it for a minute at some million trades.
-- New tables only: nothing is locked.

CREATE TABLE onetrading_sync.counting_opening (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    since timestamptz NOT NULL,
    counted_to timestamptz NOT NULL,
    PRIMARY KEY (account_id, stream)
);
COMMENT ON TABLE onetrading_sync.counting_opening IS 'Streams whose stored facts are being summed, part by part, before their counters are shown for the first time.';
COMMENT ON COLUMN onetrading_sync.counting_opening.since IS 'From which instant on facts count, as in counting later.';
COMMENT ON COLUMN onetrading_sync.counting_opening.counted_to IS 'Facts from since up to here are in counting_sums, those that are written from now on included. What follows is summed later.';

CREATE TABLE onetrading_sync.counting_sums (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    metric text NOT NULL,
    labels text[] NOT NULL,
    value numeric NOT NULL,
    PRIMARY KEY (account_id, stream, metric, labels),
    FOREIGN KEY (account_id, stream) REFERENCES onetrading_sync.counting_opening ON DELETE CASCADE
);
COMMENT ON TABLE onetrading_sync.counting_sums IS 'The sums of counting_opening, which become totals once all is summed.';
