-- What a reject is of, and when it happened: it is resolved when its key loads, or when complete
-- walks of all the time in which it can lie no longer show it. It blocks no month for ever.
--
-- Locks onetrading_sync.rejects, which is small, and onetrading_sync.issues against writing while
-- the index is built: seconds for a million issues.

ALTER TABLE onetrading_sync.rejects
    ADD COLUMN key jsonb,
    ADD COLUMN happened_at timestamptz,
    ADD COLUMN possible_times tstzmultirange;
COMMENT ON COLUMN onetrading_sync.rejects.key IS 'The key columns of the table that the record belongs to, as text; null where they cannot be read.';
COMMENT ON COLUMN onetrading_sync.rejects.happened_at IS 'When it happened, as the record says; null where that cannot be read.';
COMMENT ON COLUMN onetrading_sync.rejects.possible_times IS 'Where in time the record can lie: at happened_at, else in the window in which it was met, less what complete walks have read since without meeting it again. Nothing is left: it is resolved. Null for what is not history.';

CREATE INDEX rejects_open ON onetrading_sync.rejects (account_id, stream) WHERE resolved_at IS NULL;
-- An issue that each pass meets again is noted once. Hashed: a key can be longer than an index entry.
CREATE INDEX issues_by_key ON onetrading_sync.issues (account_id, stream, md5(key::text));
DROP INDEX onetrading_sync.issues_older;

COMMENT ON TABLE onetrading_sync.issues IS 'Settled facts that came back different, or that were sent in two ways at once: what is stored or was, and what was read. What was read replaced it where the kind says so.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs) or raw_changed (only the record as sent differs): new_record replaced old_record. older (the exchange sent a version before the stored one) or twin (two different records of one key came together): old_record is stored, new_record was left out, and is noted once.';

-- What was rejected before: its instant and its key are read from the text where they are written
-- as documented. The pattern admits only dates that exist or that run over into the next month.
WITH history AS (
    SELECT reject_id, record,
        regexp_match(record, '"(?:time|timestamp)"\s*:\s*"(20\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):([0-5]\d):([0-5]\d(?:\.\d{1,6})?)\d*Z?"') AS iso,
        substring(record FROM '"(?:time|timestamp)"\s*:\s*"?(1\d{12})(?:\d{3}|\d{6})?"?\s*[,}]') AS millis,
        lower(substring(record FROM '"trade_id"\s*:\s*"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"')) AS trade_id
    FROM onetrading_sync.rejects
    WHERE resolved_at IS NULL AND stream IN ('trades', 'funding_payments', 'funding_history')
), found AS (
    SELECT reject_id,
        CASE WHEN trade_id IS NOT NULL THEN jsonb_build_object('trade_id', trade_id) END AS key,
        coalesce(
            make_timestamptz(iso[1]::integer, iso[2]::integer, 1, iso[4]::integer, iso[5]::integer,
                             iso[6]::double precision, 'UTC') + (iso[3]::integer - 1) * interval '1 day',
            to_timestamp(millis::numeric / 1000)) AS happened_at
    FROM history
)
UPDATE onetrading_sync.rejects AS reject
SET key = found.key, happened_at = found.happened_at
FROM found WHERE found.reject_id = reject.reject_id;

-- Where in time it can lie: at that instant; else in the windows of the walks that may have met it;
-- else, their records are gone after 90 days, anywhere before it came.
UPDATE onetrading_sync.rejects AS reject
SET possible_times = coalesce(
    CASE WHEN happened_at IS NOT NULL
         THEN tstzmultirange(tstzrange(happened_at, happened_at, '[]')) END,
    (SELECT range_agg(run.wanted) FROM onetrading_sync.runs AS run
     WHERE run.account_id = reject.account_id AND run.stream = reject.stream
       AND run.scope = reject.scope AND run.rows_rejected > 0
       AND reject.first_seen_at BETWEEN run.started_at AND run.finished_at),
    tstzmultirange(tstzrange(
        (SELECT progress.required_from FROM onetrading_sync.progress
         WHERE progress.account_id = reject.account_id AND progress.stream = reject.stream
           AND progress.scope = reject.scope AND progress.required_from < reject.first_seen_at),
        first_seen_at)))
WHERE resolved_at IS NULL AND stream IN ('trades', 'funding_payments', 'funding_history');

CREATE OR REPLACE VIEW reporting.open_rejects AS
SELECT reject_id, coalesce(accounts.name, rejects.account_id::text) AS account, rejects.account_id,
    stream, scope, reason, record, rejects.first_seen_at, now() - rejects.first_seen_at AS age,
    key, happened_at,
    CASE WHEN date_trunc('month', earliest AT TIME ZONE 'UTC') = date_trunc('month', latest AT TIME ZONE 'UTC')
         THEN date_trunc('month', earliest AT TIME ZONE 'UTC')::date END AS month,
    earliest AS possible_from, latest AS possible_to
FROM onetrading_sync.rejects
LEFT JOIN onetrading.accounts USING (account_id)
CROSS JOIN LATERAL (
    SELECT lower(possible_times) AS earliest,
        CASE WHEN upper_inc(possible_times) THEN upper(possible_times)
             ELSE upper(possible_times) - interval '1 microsecond' END AS latest
) AS possible
WHERE resolved_at IS NULL;
COMMENT ON VIEW reporting.open_rejects IS 'Records of the exchange that could not be read and are missing in every other view until they are. Close no month while it has rows of it. One is resolved when a record of its key loads, or when its time is read again and it is no longer there.

Example:
SELECT account, stream, month, reason, count(*) FROM reporting.open_rejects
GROUP BY account, stream, month, reason ORDER BY count(*) DESC;';
COMMENT ON COLUMN reporting.open_rejects.key IS 'What identifies it at the exchange, column to text; null where that cannot be read.';
COMMENT ON COLUMN reporting.open_rejects.happened_at IS 'When it happened, as the record says, even where that cannot be (a trade of the year 9999); null where it cannot be read.';
COMMENT ON COLUMN reporting.open_rejects.month IS 'First day of the month (UTC) in which it happened; null where it can be of several months, and for what is not history (a balance, an instrument).';
COMMENT ON COLUMN reporting.open_rejects.possible_from IS 'Earliest instant at which it can have happened; null for what is not history, and where nothing is known.';
COMMENT ON COLUMN reporting.open_rejects.possible_to IS 'Latest instant at which it can have happened; null as possible_from.';
