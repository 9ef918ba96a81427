-- Prepare the tables of snapshots for partitions by month.
--
-- Their foreign keys make dropping a partition fail; what they held is a law of the tests now
-- (tests/store/test_snapshot_ids.py). Numbers that tell the time begin with those of November 2026,
-- which no number of a mere count reaches. The rule is checked by the next migration, which then
-- locks nothing that reads: here every lock is held for an instant.
DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['snapshots', 'balances', 'positions', 'portfolios',
        'funding_rate_samples', 'tickers']
    LOOP
        IF relation <> 'snapshots' THEN
            EXECUTE format('ALTER TABLE onetrading.%I DROP CONSTRAINT %I',
                relation, relation || '_snapshot_id_fkey');
        END IF;
        -- Microseconds from 1970 to 2026-11-01 00:00 UTC, times 1024.
        EXECUTE format('ALTER TABLE onetrading.%I ADD CONSTRAINT in_partition'
            ' CHECK (snapshot_id < 1836534988800000000) NOT VALID', relation);
    END LOOP;
END
$$;
