-- Queries of what reports begin with: lots and pools of spot trading, and sums of days.

-- name: states_to_carry
-- The ends of finished months of an account, in the business zone, at which its lots are not carried
-- yet, oldest first; as far as the history of its trades is proven without a gap from its start on.
SELECT ends_at FROM onetrading.account_months AS months
WHERE account_id = %(account_id)s AND zone = (SELECT zone FROM onetrading.business_zone)
  AND ends_at <= (
      SELECT min(upper(range)) FROM onetrading_sync.progress
      JOIN onetrading_sync.coverage USING (account_id, stream, scope)
      WHERE progress.account_id = %(account_id)s AND stream = 'trades' AND range @> required_from)
  AND NOT EXISTS (
      SELECT FROM onetrading_sync.carried
      WHERE carried.account_id = months.account_id AND carried.at = ends_at)
ORDER BY ends_at;

-- name: carry
-- Store the open lots and pools of an account at an instant.
SELECT onetrading.carry(%(account_id)s, %(at)s);

-- name: days_to_sum
-- The first and the last day (UTC) of each month of which days of an account are not summed yet, oldest
-- first; from its first trade on, as far as the history of its trades is proven without a gap.
SELECT min(day), max(day)
FROM (
    SELECT day::date AS day
    FROM (
        -- An equality would let the planner walk the index by time alone.
        SELECT traded_at AT TIME ZONE 'UTC' AS first_at FROM onetrading.trades
        WHERE account_id >= %(account_id)s AND account_id <= %(account_id)s
        ORDER BY account_id, traded_at LIMIT 1
    ) AS history
    CROSS JOIN (
        SELECT min(upper(range)) AT TIME ZONE 'UTC' AS proven_to FROM onetrading_sync.progress
        JOIN onetrading_sync.coverage USING (account_id, stream, scope)
        WHERE progress.account_id = %(account_id)s AND stream = 'trades' AND range @> required_from
    ) AS proven
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', first_at), proven_to - interval '1 day', interval '1 day') AS day
    EXCEPT
    SELECT day FROM onetrading_sync.summed_days WHERE account_id = %(account_id)s
) AS days
GROUP BY date_trunc('month', day::timestamp)
ORDER BY 1;

-- name: sum_days
-- Store the sums of an account's days.
SELECT onetrading.sum_days(%(account_id)s, %(first)s, %(last)s);
