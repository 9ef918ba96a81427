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
