-- How far back the exchange serves a history, so that what cannot be had is not asked for for ever.
--
-- Adds columns to a small table; nothing is locked for longer than an instant.

ALTER TABLE onetrading_sync.progress
    ADD COLUMN asked_from timestamptz,
    ADD COLUMN served_from timestamptz,
    ADD COLUMN served_asked_at timestamptz;
UPDATE onetrading_sync.progress SET asked_from = required_from WHERE required_from IS NOT NULL;
COMMENT ON COLUMN onetrading_sync.progress.asked_from IS 'From when on history is asked for, by ONETRADING_HISTORY_START or its default.';
COMMENT ON COLUMN onetrading_sync.progress.served_from IS 'From when on the exchange serves the history; null where it was not found to end. required_from is the later one of this and asked_from.';
COMMENT ON COLUMN onetrading_sync.progress.served_asked_at IS 'When the exchange was asked for that last.';
