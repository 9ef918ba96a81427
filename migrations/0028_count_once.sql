-- The counters of /metrics are opened in parts: before, all facts of a stream were summed in one
-- transaction, which kept everybody else from writing it for a minute at some million trades.
-- How many facts are stored is counted when they are written: `status` took seconds for it.
--
-- New tables only: no other table is locked. Counting ten million facts once takes some seconds.

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

CREATE TABLE onetrading_sync.fact_counts (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    rows bigint NOT NULL,
    PRIMARY KEY (account_id, stream)
);
COMMENT ON TABLE onetrading_sync.fact_counts IS 'How many facts of a history, or snapshots of a present state, are stored. Kept in the transaction that inserts them, compared with the tables once a day.';
COMMENT ON COLUMN onetrading_sync.fact_counts.rows IS 'A number of rows; no row of this table means none.';

INSERT INTO onetrading_sync.fact_counts (account_id, stream, rows)
SELECT account_id, stream, count(*) FROM onetrading.snapshots GROUP BY account_id, stream
UNION ALL SELECT account_id, 'trades', count(*) FROM onetrading.trades GROUP BY account_id
UNION ALL SELECT account_id, 'orders', count(*) FROM onetrading.orders GROUP BY account_id
UNION ALL SELECT account_id, 'funding_payments', count(*)
    FROM onetrading.funding_payments GROUP BY account_id
UNION ALL SELECT account_id, 'closed_positions', count(*)
    FROM onetrading.closed_positions GROUP BY account_id
UNION ALL SELECT account_id, 'position_funding', count(*)
    FROM onetrading.position_funding_payments GROUP BY account_id
UNION ALL SELECT account_id, 'position_trades', count(*)
    FROM onetrading.position_trades GROUP BY account_id
UNION ALL SELECT '00000000-0000-0000-0000-000000000000', 'funding_history', count(*)
    FROM onetrading.funding_rates HAVING count(*) > 0
UNION ALL SELECT '00000000-0000-0000-0000-000000000000', 'candlesticks', count(*)
    FROM onetrading.candlesticks HAVING count(*) > 0;
