-- Records that are older than what is stored: noted, never written. The index finds one that was
-- noted before, since each pass that reads the same page meets it again.

CREATE INDEX issues_older ON onetrading_sync.issues (account_id, stream, key) WHERE kind = 'older';

COMMENT ON TABLE onetrading_sync.issues IS 'Settled facts that came back different: what was stored, and what was read. What was read replaced it, unless it was older.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs), raw_changed (only the record as sent differs) or older (the exchange sent a version before the stored one; it was left out, and is noted once).';
