-- Queries of the lots and pools of spot trading.

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
