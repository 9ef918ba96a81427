-- Queries of retention: further QUERIES of exporter.store.queries. Those with names in braces are of
-- one partition, whose tables are filled in.

-- name: observed_to
-- Until when anything was observed; no later than now. Null: nothing was. A clock of Postgres that
-- is ahead must thin nothing.
SELECT least(clock_timestamp(), max(last_observed_at)) FROM onetrading.latest_snapshots;

-- name: snapshot_partitions
-- What follows the tables' names in those of their partitions, oldest first.
SELECT substr(relname, length('snapshots') + 1) FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'onetrading.snapshots'::regclass
ORDER BY relname <> 'snapshots_earlier', relname;

-- name: snapshot_tables
-- The tables of snapshots that have a partition of this name's end, the headers first, and the
-- bytes that it takes with its indexes.
SELECT parent.relname, pg_get_expr(part.relpartbound, part.oid), pg_total_relation_size(part.oid)
FROM pg_partitioned_table
JOIN pg_class AS parent ON parent.oid = partrelid
JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
JOIN pg_class AS part ON part.relname = parent.relname || %(suffix)s
    AND part.relnamespace = parent.relnamespace
JOIN pg_inherits ON inhrelid = part.oid AND inhparent = parent.oid
WHERE parent.relnamespace = 'onetrading'::regnamespace AND attname = 'snapshot_id'
ORDER BY parent.relname <> 'snapshots', parent.relname;

-- name: owns_snapshots
-- Whether the role may replace partitions.
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'onetrading.snapshots'::regclass;

-- name: thin_one_at_a_time
-- Whether nobody else thins; held until the transaction ends.
SELECT pg_try_advisory_xact_lock(6078931154620419);

-- name: is_due
-- Whether a rule has not been applied to some snapshot of the partition.
SELECT EXISTS (
    SELECT FROM unnest(%(streams)s::text[], %(befores)s::timestamptz[], %(units)s::text[])
        AS rules (stream, before, unit)
    WHERE EXISTS (
        SELECT FROM {snapshots} AS header
        WHERE header.stream = rules.stream AND first_observed_at < before
            AND (resolution IS NULL OR resolution < ('1 ' || unit)::interval)));

-- name: partition_spans
-- From when until when the snapshots of a partition began, and the last instant at which they were
-- observed; nulls when there is none.
SELECT min(first_observed_at), max(first_observed_at), max(last_observed_at)
FROM {snapshots};

-- name: table_sizes
-- Bytes of each table with its indexes; of a partitioned one, of all of its partitions.
SELECT relnamespace::regnamespace || '.' || coalesce(parent.relname, own.relname),
    sum(pg_total_relation_size(own.oid))::bigint
FROM pg_class AS own
LEFT JOIN pg_inherits ON inhrelid = own.oid
LEFT JOIN LATERAL (SELECT relname FROM pg_class WHERE oid = inhparent) AS parent ON true
WHERE relkind = 'r'
    AND relnamespace IN (SELECT oid FROM pg_namespace
        WHERE nspname IN ('onetrading', 'onetrading_sync'))
GROUP BY 1;

-- name: oldest_observations
-- When the first snapshot of each stream was first observed, as Unix time.
SELECT latest.stream, extract(epoch FROM min(first.at))::float8
FROM onetrading.latest_snapshots AS latest
CROSS JOIN LATERAL (
    SELECT min(first_observed_at) AS at FROM onetrading.snapshots
    WHERE snapshots.account_id = latest.account_id AND snapshots.stream = latest.stream
) AS first
GROUP BY latest.stream;

-- name: survivors
-- Each snapshot of a partition, and whether it is kept. Of what a rule is for, the last one of each
-- minute, hour or day stays, so that the state at the end of each is known. Of an account also, so
-- that every report says what it said before:
-- the last one before the end of a day in any time zone (daily closings, equity);
-- thirty around the end of a month in any time zone (ends of roll-forward and of funding: the
-- nearest twenty are looked at, and three from the chosen one on);
-- those at the ends of times without a position (where settlements are proven), five each;
-- the ends of each run of the same positions, and all that are empty (which positions there were);
-- the last three at each funding time, and the last one before the end of what is proven of trades;
-- the first listing of each currency.
-- Buckets follow each other in time, so that the last one of a bucket is the last one before its
-- end, and where a bucket has fewer than asked for, those before it have the others.
WITH rules AS (
    SELECT * FROM unnest(%(streams)s::text[], %(befores)s::timestamptz[], %(units)s::text[])
        AS rules (stream, before, unit)
), headers AS MATERIALIZED (
    SELECT snapshot_id, account_id, header.stream, first_observed_at, row_count,
        account_id <> %(public)s AS is_own,
        (SELECT unit FROM rules
         WHERE rules.stream = header.stream AND header.first_observed_at < before
         ORDER BY before LIMIT 1) AS unit
    FROM {snapshots} AS header
), ends AS (
    SELECT array_agg(at ORDER BY at) AS days, array_agg(at ORDER BY at) FILTER (WHERE is_month)
        AS months
    FROM (
        SELECT at, bool_or(is_month) AS is_month
        FROM (
            SELECT (first_day + step)::timestamp AT TIME ZONE zone AS at,
                extract(day FROM first_day + step) = 1 AS is_month
            FROM (SELECT (%(from_at)s::timestamptz AT TIME ZONE 'UTC')::date - 2 AS first_day,
                    (%(to_at)s::timestamptz AT TIME ZONE 'UTC')::date + 2 AS last_day) AS span
            CROSS JOIN LATERAL generate_series(0, last_day - first_day) AS steps (step)
            CROSS JOIN onetrading.zones
        ) AS midnights
        GROUP BY at
    ) AS instants
), fundings AS (
    -- A microsecond later, because what is observed at the funding time counts.
    SELECT array_agg(at + interval '1 microsecond' ORDER BY at) AS instants
    FROM (
        SELECT funding_time AS at FROM onetrading.funding_rates
        WHERE funding_time BETWEEN %(from_at)s AND %(observed_to)s
        UNION
        SELECT funding_time FROM onetrading.funding_payments
        WHERE booked_at BETWEEN %(from_at)s AND %(observed_to)s
    ) AS slots
), flat AS (
    SELECT account_id, array_agg(DISTINCT at ORDER BY at) AS instants
    FROM onetrading.snapshots AS header
    CROSS JOIN LATERAL (
        VALUES (first_observed_at + interval '2 minutes'), (last_observed_at)) AS points (at)
    WHERE stream = 'positions' AND row_count = 0
        AND first_observed_at <= %(to_at)s AND last_observed_at >= %(from_at)s
    GROUP BY account_id
), held AS (
    SELECT snapshot_id, string_agg(instrument_code || ' ' || direction, ','
        ORDER BY instrument_code, direction) AS held
    FROM {positions} GROUP BY snapshot_id
), first_listings AS (
    SELECT min(snapshot_id) AS snapshot_id FROM {balances} GROUP BY account_id, currency_code
), proven AS (
    SELECT last.snapshot_id
    FROM (
        SELECT account_id, max(upper(range)) AS known_to FROM onetrading_sync.coverage
        WHERE stream = 'trades' GROUP BY account_id
    ) AS known
    CROSS JOIN LATERAL (
        SELECT snapshot_id FROM {snapshots} AS header
        WHERE header.account_id = known.account_id AND stream = 'positions'
            AND first_observed_at <= known_to
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
    ) AS last
), placed AS MATERIALIZED (
    -- Else each sort would carry the arrays in each row.
    SELECT headers.*, coalesce(held, '') AS held,
        date_trunc(unit, first_observed_at, 'UTC') AS slot,
        CASE WHEN is_own THEN width_bucket(first_observed_at, days) END AS day_slot,
        CASE WHEN is_own THEN width_bucket(first_observed_at, months) END AS month_slot,
        CASE WHEN stream = 'balances' THEN width_bucket(first_observed_at, flat.instants) END
            AS flat_slot,
        CASE WHEN stream = 'positions' THEN width_bucket(first_observed_at, fundings.instants) END
            AS funding_slot
    FROM headers
    CROSS JOIN ends
    CROSS JOIN fundings
    LEFT JOIN flat USING (account_id)
    LEFT JOIN held USING (snapshot_id)
), judged AS (
    SELECT snapshot_id, stream, unit,
        unit IS NULL
        OR (lead(slot) OVER (PARTITION BY account_id, stream ORDER BY first_observed_at, snapshot_id),
            lead(day_slot)
                OVER (PARTITION BY account_id, stream ORDER BY first_observed_at, snapshot_id))
            IS DISTINCT FROM (slot, day_slot)
        OR is_own AND (
            row_number() OVER (PARTITION BY account_id, stream, month_slot
                ORDER BY first_observed_at, snapshot_id) <= 30
            OR row_number() OVER (PARTITION BY account_id, stream, month_slot
                ORDER BY first_observed_at DESC, snapshot_id DESC) <= 30)
        OR flat_slot IS NOT NULL AND (
            row_number() OVER (PARTITION BY account_id, stream, flat_slot
                ORDER BY first_observed_at, snapshot_id) <= 5
            OR row_number() OVER (PARTITION BY account_id, stream, flat_slot
                ORDER BY first_observed_at DESC, snapshot_id DESC) <= 5)
        OR stream = 'positions' AND (
            row_count = 0
            OR lag(held) OVER (PARTITION BY account_id, stream
                ORDER BY first_observed_at, snapshot_id) IS DISTINCT FROM held
            OR lead(held) OVER (PARTITION BY account_id, stream
                ORDER BY first_observed_at, snapshot_id) IS DISTINCT FROM held
            OR row_number() OVER (PARTITION BY account_id, stream, funding_slot
                ORDER BY first_observed_at DESC, snapshot_id DESC) <= 3)
        OR snapshot_id IN (SELECT snapshot_id FROM first_listings)
        OR snapshot_id IN (SELECT snapshot_id FROM proven) AS keep
    FROM placed
)

-- name: own_quotes
-- The quote next to each own trade, as reporting.trade_slippage finds it: the instrument's, in the
-- snapshot that is kept for it.
SELECT DISTINCT quoted.snapshot_id, trades.instrument_code
FROM onetrading.trades
CROSS JOIN LATERAL (
    SELECT observed.snapshot_id
    FROM (
        SELECT snapshot_id, first_observed_at, least(last_observed_at, traded_at) AS quoted_at
        FROM {snapshots} AS header
        WHERE header.account_id = %(public)s AND stream = 'tickers'
            AND first_observed_at <= traded_at
        ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 20
    ) AS observed
    JOIN {tickers} AS tickers
        ON tickers.snapshot_id = observed.snapshot_id
        AND tickers.instrument_code = trades.instrument_code
    WHERE quoted_at >= traded_at - interval '5 minutes' AND bid_price > 0 AND ask_price > 0
    ORDER BY first_observed_at DESC, observed.snapshot_id DESC LIMIT 1
) AS quoted
WHERE traded_at >= %(from_at)s
    AND traded_at <= %(observed_to)s::timestamptz + interval '5 minutes'

-- name: create_thinned_headers
-- Each snapshot of a partition as it was judged, for as long as the transaction lasts.
CREATE TEMPORARY TABLE thinned_headers (snapshot_id bigint PRIMARY KEY, stream text NOT NULL,
    unit text, keep boolean NOT NULL, quoted boolean NOT NULL DEFAULT false);

-- name: create_thinned_quotes
-- The quotes of `own_quotes`.
CREATE TEMPORARY TABLE thinned_quotes (snapshot_id bigint, instrument_code text,
    PRIMARY KEY (snapshot_id, instrument_code));

-- name: unproven_rules
-- Rules that rows of an earlier version may break: a copy would refuse these.
SELECT conname FROM pg_constraint
JOIN pg_class ON pg_class.oid = conrelid
WHERE relnamespace = 'onetrading'::regnamespace AND relname = %(table)s
    AND contype = 'c' AND NOT convalidated;

-- name: mark_quoted
-- Snapshots that stay for a quote alone.
UPDATE thinned_headers SET quoted = true
FROM (SELECT DISTINCT snapshot_id FROM thinned_quotes) AS quotes
WHERE quotes.snapshot_id = thinned_headers.snapshot_id AND NOT keep;

-- name: copy_headers
-- The snapshots that stay, which now say how thin they are.
INSERT INTO {copy} (snapshot_id, account_id, stream, first_observed_at, last_observed_at, row_count,
    content_hash, header, resolution)
SELECT header.snapshot_id, account_id, header.stream, first_observed_at, last_observed_at, row_count,
    content_hash, header, greatest(resolution, ('1 ' || unit)::interval)
FROM {old} AS header JOIN thinned_headers AS judged USING (snapshot_id)
WHERE keep OR quoted;

-- name: count_headers_kept
-- How many snapshots a partition has of those that stay.
SELECT count(*) FROM {old} WHERE snapshot_id IN (
    SELECT snapshot_id FROM thinned_headers WHERE keep OR quoted);

-- name: copy_rows
-- The rows of the snapshots that stay.
INSERT INTO {copy} SELECT rows.* FROM {old} AS rows
JOIN thinned_headers AS judged ON judged.snapshot_id = rows.snapshot_id AND keep;

-- name: copy_quotes
-- Of a snapshot that stays for a quote alone, the row of the instrument.
INSERT INTO {copy} SELECT rows.* FROM {old} AS rows
JOIN thinned_headers AS judged ON judged.snapshot_id = rows.snapshot_id AND quoted
WHERE (rows.snapshot_id, rows.instrument_code) IN (
    SELECT snapshot_id, instrument_code FROM thinned_quotes);

-- name: count_rows_kept
-- How many rows a partition has of the snapshots that stay as they are.
SELECT count(*) FROM {old} WHERE snapshot_id IN (SELECT snapshot_id FROM thinned_headers WHERE keep);

-- name: count_quotes_kept
-- How many quotes stay of the other snapshots.
SELECT count(*) FROM thinned_quotes JOIN thinned_headers USING (snapshot_id) WHERE quoted;

-- name: late_headers
-- Snapshots that came to a partition since it was judged; they are noted as judged.
INSERT INTO thinned_headers (snapshot_id, stream, keep)
SELECT snapshot_id, stream, true FROM {old} AS header
WHERE NOT EXISTS (
    SELECT FROM thinned_headers AS judged WHERE judged.snapshot_id = header.snapshot_id)
RETURNING snapshot_id;

-- name: copy_late
-- All rows of late snapshots.
INSERT INTO {copy} SELECT * FROM {old} WHERE snapshot_id = ANY(%(ids)s);

-- name: follow_observations
-- What was observed for longer since it was copied.
UPDATE {copy} AS copied SET last_observed_at = header.last_observed_at
FROM {old} AS header
WHERE header.snapshot_id = copied.snapshot_id
    AND header.last_observed_at <> copied.last_observed_at;
