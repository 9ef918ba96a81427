-- Queries of the sums of months.

-- name: months_to_roll
-- The finished UTC months of an account whose trades are not summed yet, and which are proven complete
-- as far as they are required; the newest first.
SELECT month FROM onetrading.unrolled_months AS months
WHERE account_id = %(account_id)s AND ends_at <= now()
  AND EXISTS (
      SELECT FROM onetrading_sync.progress
      JOIN onetrading_sync.coverage USING (account_id, stream, scope)
      WHERE progress.account_id = %(account_id)s AND stream = 'trades'
        AND (ends_at <= required_from OR range @> tstzrange(greatest(starts_at, required_from), ends_at)))
ORDER BY month DESC;

-- name: lock_rolled
-- Wait for those who write trades of the account, and let them wait.
SELECT pg_advisory_xact_lock(hashtextextended('onetrading_sync.rolled/' || %(account_id)s, 0));

-- name: roll_month
-- Keep the sums of a month, as the view shows them.
WITH rolled AS (
    INSERT INTO onetrading_sync.rolled_months (account_id, month)
    VALUES (%(account_id)s, %(month)s) ON CONFLICT DO NOTHING RETURNING month
)
INSERT INTO onetrading_sync.rolled_trades
SELECT * FROM onetrading.summed_trades
WHERE account_id = %(account_id)s AND month = %(month)s AND EXISTS (SELECT FROM rolled);
