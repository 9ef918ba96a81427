-- Partition the tables of snapshots by month, by a number that tells the time.
--
-- What there is becomes the first partition of each table as it is: nothing is written again. Its
-- rows are read once (a second or two for ten million), while others read and write; the tables
-- themselves are locked for milliseconds. Views would follow the tables that are renamed, so each
-- view of one is defined again, by the definition that it has: it stays the same view, with its
-- comments, rights and whatever depends on it.
--
-- There is no default partition: a row in it would keep the partition of its month from being
-- made. exporter/store/partitions.py makes the others, some months ahead and whenever one is
-- missing.

DO $$
DECLARE
    relations CONSTANT text[] := ARRAY['snapshots', 'balances', 'positions', 'portfolios',
        'funding_rate_samples', 'tickers'];
    relation text;
    earlier text;
    views text[];
    statement text;
    told record;
BEGIN
    FOREACH relation IN ARRAY relations LOOP
        EXECUTE format('ALTER TABLE onetrading.%I VALIDATE CONSTRAINT in_partition', relation);
    END LOOP;

    SELECT array_agg(format('CREATE OR REPLACE VIEW %s %s AS %s', oid::regclass,
            'WITH (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(oid)))
    INTO views
    FROM pg_catalog.pg_class
    WHERE relkind = 'v' AND oid IN (
        SELECT ev_class FROM pg_catalog.pg_depend
        JOIN pg_catalog.pg_rewrite ON pg_rewrite.oid = objid
        WHERE classid = 'pg_catalog.pg_rewrite'::regclass
            AND refclassid = 'pg_catalog.pg_class'::regclass
            AND refobjid IN (
                SELECT ('onetrading.' || name)::regclass FROM unnest(relations) AS name));

    ALTER TABLE onetrading.snapshots ALTER COLUMN snapshot_id DROP IDENTITY;
    ALTER TABLE onetrading.snapshots ADD COLUMN resolution interval;

    FOREACH relation IN ARRAY relations LOOP
        earlier := relation || '_earlier';
        EXECUTE format('ALTER TABLE onetrading.%I RENAME TO %I', relation, earlier);
        FOR told IN
            SELECT relname FROM pg_catalog.pg_index
            JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid
            WHERE indrelid = ('onetrading.' || earlier)::regclass
        LOOP
            EXECUTE format('ALTER INDEX onetrading.%I RENAME TO %I', told.relname,
                earlier || substr(told.relname, length(relation) + 1));
        END LOOP;

        EXECUTE format('CREATE TABLE onetrading.%I (LIKE onetrading.%I INCLUDING DEFAULTS'
            ' INCLUDING CONSTRAINTS INCLUDING COMMENTS INCLUDING STORAGE)'
            ' PARTITION BY RANGE (snapshot_id)', relation, earlier);
        EXECUTE format('ALTER TABLE onetrading.%I DROP CONSTRAINT in_partition', relation);
        EXECUTE format('COMMENT ON TABLE onetrading.%I IS %L', relation,
            obj_description(('onetrading.' || earlier)::regclass, 'pg_class'));
        EXECUTE format('COMMENT ON TABLE onetrading.%I IS %L', earlier,
            format('Partition of onetrading.%s: what was stored before the numbers of snapshots'
                ' told the time.', relation));
        FOR told IN
            SELECT conname, contype, convalidated, pg_get_constraintdef(oid) AS definition
            FROM pg_catalog.pg_constraint WHERE conrelid = ('onetrading.' || earlier)::regclass
        LOOP
            IF told.contype = 'p' THEN
                EXECUTE format('ALTER TABLE onetrading.%I ADD CONSTRAINT %I %s',
                    relation, relation || '_pkey', told.definition);
            ELSIF told.contype = 'c' AND NOT told.convalidated THEN
                -- Rows of an earlier version break it (0006 warned of them): a partition must
                -- not break a rule of its table.
                EXECUTE format('ALTER TABLE onetrading.%I DROP CONSTRAINT %I', relation,
                    told.conname);
            END IF;
        END LOOP;
        FOR told IN
            SELECT format('GRANT %s ON onetrading.%I TO %s', privilege_type, relation,
                CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) AS statement
            FROM pg_catalog.pg_class, LATERAL aclexplode(relacl)
            WHERE pg_class.oid = ('onetrading.' || earlier)::regclass AND grantee <> relowner
        LOOP
            EXECUTE told.statement;
        END LOOP;
    END LOOP;

    -- Not on last_observed_at: every poll moves it, and an indexed column makes each move cost twice.
    CREATE INDEX snapshots_by_start ON onetrading.snapshots
        (account_id, stream, first_observed_at, snapshot_id);
    CREATE INDEX balances_by_currency ON onetrading.balances
        (account_id, currency_code, snapshot_id);

    -- Indexes of the same definition are attached as they are.
    FOREACH relation IN ARRAY relations LOOP
        EXECUTE format('ALTER TABLE onetrading.%I ATTACH PARTITION onetrading.%I'
            ' FOR VALUES FROM (MINVALUE) TO (1836534988800000000)',
            relation, relation || '_earlier');
    END LOOP;

    FOREACH statement IN ARRAY views LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

COMMENT ON COLUMN onetrading.snapshots.snapshot_id IS 'Number of the answer, in the order in which the answers of an account and stream were observed first. It tells when that was: microseconds since 1970-01-01 UTC times 1024, and up to 1023 more to keep numbers apart. Smaller ones than 1836534988800000000 may be a mere count, of earlier versions.';
COMMENT ON COLUMN onetrading.snapshots_earlier.snapshot_id IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.snapshots.resolution IS 'Null: every change is kept around it, so that nothing is known to have changed between last_observed_at and the first_observed_at of the next snapshot. Otherwise it was thinned (ONETRADING_RETENTION): of each minute, hour or day, as this says, the last state is kept, so that a state that lasted from last_observed_at to the next snapshot for less than that may be missing.';
COMMENT ON COLUMN onetrading.snapshots_earlier.resolution IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.snapshots.row_count IS 'How many rows the answer had; 0 means empty, not unknown. Of an answer that was thinned and is kept for the quotes next to own trades alone, only the rows of the traded instruments are left.';

-- Run with the rights of the tables' owner: a service may run as a role that owns nothing.
CREATE FUNCTION onetrading.make_partitions(from_at timestamptz, months_ahead integer)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    starts timestamp;
    first_id bigint;
    end_id bigint;
    relation text;
    partition text;
BEGIN
    FOR step IN 0..months_ahead LOOP
        starts := date_trunc('month', from_at AT TIME ZONE 'UTC') + make_interval(months => step);
        first_id := extract(epoch FROM starts)::bigint * 1024000000;
        end_id := extract(epoch FROM starts + interval '1 month')::bigint * 1024000000;
        CONTINUE WHEN end_id <= 1836534988800000000;  -- in the first partition
        FOR relation IN
            SELECT relname FROM pg_partitioned_table
            JOIN pg_class ON pg_class.oid = partrelid
            JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
            WHERE relnamespace = 'onetrading'::regnamespace AND attname = 'snapshot_id'
            ORDER BY relname
        LOOP
            partition := relation || to_char(starts, '_YYYY_MM');
            CONTINUE WHEN EXISTS (SELECT FROM pg_class
                WHERE relnamespace = 'onetrading'::regnamespace AND relname = partition);
            -- Two that make the same table at once would fail.
            PERFORM pg_advisory_xact_lock(6078931154620418);
            CONTINUE WHEN EXISTS (SELECT FROM pg_class
                WHERE relnamespace = 'onetrading'::regnamespace AND relname = partition);
            -- Attached, since PARTITION OF would wait for every reader of the table. The rule tells
            -- of a copy, too, that it fits, so that attaching that reads nothing.
            EXECUTE format('CREATE TABLE onetrading.%I (LIKE onetrading.%I INCLUDING ALL,'
                ' CONSTRAINT in_partition CHECK (snapshot_id >= %s AND snapshot_id < %s))',
                partition, relation, first_id, end_id);
            EXECUTE format('ALTER TABLE onetrading.%I ATTACH PARTITION onetrading.%I'
                ' FOR VALUES FROM (%s) TO (%s)', relation, partition, first_id, end_id);
            EXECUTE format('COMMENT ON TABLE onetrading.%I IS %L', partition, format(
                'Partition of onetrading.%s: %s.', relation, to_char(starts, 'YYYY-MM')));
            RETURN NEXT partition;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION onetrading.make_partitions(timestamptz, integer) IS 'Makes the partitions of the tables of snapshots for the UTC month of an instant, and for so many months after it, as far as they are missing; returns the names of those that it made.';
