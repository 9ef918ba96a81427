-- The close of a month: settings of reports, judgements of months, locks.

-- name: known_zone
SELECT FROM onetrading.zones WHERE zone = %(zone)s;

-- name: business_zone
SELECT zone FROM onetrading.business_zone;

-- name: report_setting
SELECT value FROM onetrading_sync.settings WHERE name = %(name)s;

-- name: set_report_setting
INSERT INTO onetrading_sync.settings (name, value) VALUES (%(name)s, %(value)s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = now()
WHERE settings.value <> excluded.value;

-- name: zone_of_reports
-- The zone that was asked for, as the reports write it; fails for an unknown one.
SELECT reporting.known_zone(coalesce(%(zone)s, (SELECT zone FROM onetrading.business_zone)));

-- name: month_in_zone
-- Its beginning and end, the later of its end and that of the month in UTC, and whether that is over.
SELECT starts_at, ends_at, to_at, to_at <= now()
FROM (
    SELECT %(month)s::timestamp AT TIME ZONE %(zone)s AS starts_at,
        (%(month)s::timestamp + interval '1 month') AT TIME ZONE %(zone)s AS ends_at,
        greatest((%(month)s::timestamp + interval '1 month') AT TIME ZONE %(zone)s,
            (%(month)s::timestamp + interval '1 month') AT TIME ZONE 'UTC') AS to_at
) AS month;

-- name: locks_in_force
-- Newest month first.
SELECT close_id, month, closed_at FROM onetrading.closes
WHERE zone = %(zone)s AND reopened_at IS NULL ORDER BY month DESC;

-- name: one_close_at_a_time
SELECT pg_advisory_xact_lock(hashtext('onetrading.closes'));

-- name: checks_of_month
SELECT account_id, account, month, zone, check_name, state, difference, currency, failing_since,
    detail, rows_to_look_at
FROM reporting.month_close_by_zone
WHERE zone = %(zone)s AND month = %(month)s
ORDER BY account, check_name, currency;

-- name: months_of_checks
-- The months that can be judged, the oldest first.
SELECT DISTINCT month FROM onetrading.judged_months WHERE zone = %(zone)s ORDER BY month;

-- name: carry_month
-- Open lots and pools of every account at the month's end. It holds the locks under which trades
-- are written until the end of the transaction.
SELECT onetrading.carry(account_id, %(ends_at)s)
FROM onetrading.accounts WHERE account_id <> '00000000-0000-0000-0000-000000000000'
ORDER BY account_id;

-- name: unknown_instruments
SELECT DISTINCT unnest(unknown_codes) AS code FROM onetrading_sync.carried
WHERE at = %(ends_at)s ORDER BY code;

-- name: begin_close
-- What another transaction writes that has begun already is not in the figures, and has the time of
-- its beginning as first_seen_at. Of other roles' transactions the beginning may be hidden.
SELECT nextval(pg_get_serial_sequence('onetrading.closes', 'close_id')),
    least(now() - interval '15 minutes', (
        SELECT min(xact_start) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()));

-- name: store_reports
-- One statement, so that all reports are of one state of the database.
INSERT INTO onetrading.closed_rows (close_id, report, number, row)
SELECT %(close_id)s, report,
    row_number() OVER (PARTITION BY report ORDER BY place, row::text), row
FROM (
    SELECT 'monthly_fees' AS report, '' AS place, to_jsonb(report) AS row
    FROM reporting.monthly_fees AS report WHERE month = %(month)s
    UNION ALL
    SELECT 'monthly_funding', '', to_jsonb(report)
    FROM reporting.monthly_funding AS report WHERE month = %(month)s
    UNION ALL
    SELECT 'monthly_turnover', '', to_jsonb(report)
    FROM reporting.monthly_turnover AS report WHERE month = %(month)s
    UNION ALL
    SELECT 'balance_rollforward', '', to_jsonb(report)
    FROM reporting.balance_rollforward_by_zone AS report
    WHERE zone = %(zone)s AND month = %(month)s
    UNION ALL
    SELECT 'realised_pnl_monthly', '', to_jsonb(report)
    FROM reporting.realised_pnl_monthly_by_zone AS report
    WHERE zone = %(zone)s AND month = %(month)s
    UNION ALL
    SELECT 'inventory_rollforward', '', to_jsonb(report)
    FROM reporting.inventory_rollforward_by_zone AS report
    WHERE zone = %(zone)s AND month = %(month)s
    UNION ALL
    SELECT 'month_close', '', to_jsonb(report)
    FROM reporting.month_close_by_zone AS report
    WHERE zone = %(zone)s AND month = %(month)s
    UNION ALL
    SELECT 'open_lots', '', to_jsonb(lots)
    FROM onetrading_sync.carried_lots AS lots WHERE at = %(ends_at)s
    UNION ALL
    SELECT 'pools', '', to_jsonb(pools)
    FROM onetrading_sync.carried_pools AS pools WHERE at = %(ends_at)s
    UNION ALL
    SELECT 'known', '', identity FROM onetrading.facts_since(%(unseen_from)s)
    WHERE happened_at < %(to_at)s
) AS reports;

-- name: finish_close
INSERT INTO onetrading.closes
    (close_id, month, zone, starts_at, ends_at, closed_at, unseen_from, version, settings,
     acknowledged, row_count, checksum)
OVERRIDING SYSTEM VALUE
SELECT %(close_id)s, %(month)s, %(zone)s, %(starts_at)s, %(ends_at)s, clock_timestamp(),
    %(unseen_from)s, %(version)s,
    coalesce((SELECT jsonb_object_agg(name, value) FROM onetrading_sync.settings), '{}'),
    %(acknowledged)s, rows, checksum
FROM (SELECT rows, checksum FROM onetrading.checksums WHERE close_id = %(close_id)s
    UNION ALL SELECT 0, encode(sha256(''), 'hex') ORDER BY rows DESC LIMIT 1) AS stored
RETURNING closed_at, row_count, checksum;

-- name: lock_carried
-- A lock of another zone may end at the same instant.
UPDATE onetrading_sync.carried SET locked_by = %(close_id)s
WHERE at = %(ends_at)s AND locked_by IS NULL;

-- name: reopen
UPDATE onetrading.closes SET reopened_at = now(), reopened_because = %(reason)s
WHERE close_id = %(close_id)s;

-- name: hand_over_carried
-- To a lock of another zone that ends at the same instant.
UPDATE onetrading_sync.carried SET locked_by = other.close_id
FROM onetrading.closes AS other
WHERE locked_by = %(close_id)s AND other.close_id <> %(close_id)s AND other.reopened_at IS NULL
    AND other.ends_at = carried.at;

-- name: unlock_carried
-- What is carried from the lock on stands on the locked figures.
DELETE FROM onetrading_sync.carried
WHERE locked_by = %(close_id)s
    OR locked_by IS NULL AND at > (
        SELECT min(at) FROM onetrading_sync.carried AS locked WHERE locked_by = %(close_id)s);

-- name: unjudge
DELETE FROM onetrading_sync.judgements WHERE zone = %(zone)s AND month = %(month)s;

-- name: months_to_judge
-- The newest two months hourly, the others daily; of locked ones only late facts are looked for.
SELECT month FROM (
    SELECT month, row_number() OVER (ORDER BY month DESC) AS age, EXISTS (
            SELECT FROM onetrading.closes
            WHERE closes.zone = %(zone)s AND closes.month = months.month AND reopened_at IS NULL)
            AS is_locked
    FROM reporting.months_by_zone AS months
    WHERE zone = %(zone)s
) AS months
WHERE NOT EXISTS (
        SELECT FROM onetrading_sync.judgements
        WHERE judgements.zone = %(zone)s AND judgements.month = months.month
            AND judged_at > now() - CASE WHEN age <= 2 OR is_locked
                THEN interval '50 minutes' ELSE interval '23 hours' END)
ORDER BY month DESC;

-- name: judge_month
-- Notes what a check says, and since when it fails.
INSERT INTO onetrading_sync.judgements
    (account_id, zone, month, check_name, currency, state, difference, detail, failing_since,
     judged_at)
VALUES (%(account_id)s, %(zone)s, %(month)s, %(check_name)s, coalesce(%(currency)s, ''), %(state)s,
    %(difference)s, %(detail)s, %(failing_since)s, now())
ON CONFLICT (account_id, zone, month, check_name, currency) DO UPDATE
SET state = excluded.state, difference = excluded.difference, detail = excluded.detail,
    failing_since = excluded.failing_since, judged_at = excluded.judged_at;

-- name: forget_judgements
-- Of what a check no longer says anything, such as of a currency that is gone.
DELETE FROM onetrading_sync.judgements
WHERE zone = %(zone)s AND month = %(month)s AND judged_at < now();

-- name: reconciliation
-- How far each check is off, by account name: of the newest two months, and where it fails.
SELECT coalesce(accounts.name, judged.account_id::text), check_name,
    to_char(judged.month, 'YYYY-MM') || CASE WHEN currency = '' THEN '' ELSE ' ' || currency END,
    difference
FROM onetrading_sync.judgements AS judged
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN (
    SELECT account_id, min(required_from) AS required_from FROM onetrading.required_scopes
    GROUP BY account_id
) AS required USING (account_id)
WHERE zone = (SELECT zone FROM onetrading.business_zone) AND difference IS NOT NULL
    -- Of a month that began before the required history nothing can be expected.
    AND judged.month::timestamp AT TIME ZONE zone >= coalesce(required_from, '-infinity')
    AND (state = 'failing'
        OR judged.month >= date_trunc('month', now() AT TIME ZONE zone) - interval '1 month')
    AND NOT EXISTS (
        SELECT FROM onetrading.closes
        WHERE closes.zone = judged.zone AND closes.month = judged.month AND reopened_at IS NULL);

-- name: unclosed
-- The end of the oldest month of each account that is over and cannot be closed.
SELECT coalesce(accounts.name, judged.account_id::text),
    min((judged.month + interval '1 month') AT TIME ZONE zone)
FROM onetrading_sync.judgements AS judged
LEFT JOIN onetrading.accounts USING (account_id)
JOIN (
    SELECT account_id, min(required_from) AS required_from FROM onetrading.required_scopes
    GROUP BY account_id
) AS required USING (account_id)
WHERE zone = (SELECT zone FROM onetrading.business_zone) AND state IN ('failing', 'open')
    AND (judged.month + interval '1 month') AT TIME ZONE zone <= now()
    AND judged.month::timestamp AT TIME ZONE zone >= required_from
    AND NOT EXISTS (
        SELECT FROM onetrading.closes
        WHERE closes.zone = judged.zone AND closes.month = judged.month AND reopened_at IS NULL)
GROUP BY 1;

-- name: late_in_locked
-- A month may be locked in several zones.
SELECT coalesce(accounts.name, late.account_id::text), max(facts)::bigint
FROM (
    SELECT account_id, zone, sum(facts) AS facts FROM onetrading.late_since_lock
    GROUP BY account_id, zone
) AS late
LEFT JOIN onetrading.accounts USING (account_id)
GROUP BY 1;
