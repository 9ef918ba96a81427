-- Facts: when each was first seen, one funding payment per funding time, amounts that are numbers,
-- and the indexes that reports need.
--
-- Locks the tables of facts while it runs. On ten million trades that is about a minute, nearly all
-- of it for the two new indexes and the check of every row.

-- A constant default: no row is rewritten. Nobody knows when the rows that are there came in, so
-- they get the time of this migration, which known_since tells.
ALTER TABLE onetrading.trades ADD COLUMN first_seen_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE onetrading.funding_payments ADD COLUMN first_seen_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE onetrading.funding_rates ADD COLUMN first_seen_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN onetrading.trades.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
COMMENT ON COLUMN onetrading.funding_payments.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
COMMENT ON COLUMN onetrading.funding_rates.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';

CREATE TABLE onetrading_sync.known_since (
    what text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE onetrading_sync.known_since IS 'From when on this database records something that earlier versions did not.';
COMMENT ON COLUMN onetrading_sync.known_since.what IS 'first_seen_at: a fact with this time or an earlier one in it came in at an unknown time before it.';
COMMENT ON COLUMN onetrading_sync.known_since.since IS 'When the version that records it was installed.';
INSERT INTO onetrading_sync.known_since (what) VALUES ('first_seen_at');

-- An issue belongs to the month of its fact.
ALTER TABLE onetrading_sync.issues ADD COLUMN happened_at timestamptz;
COMMENT ON COLUMN onetrading_sync.issues.happened_at IS 'When the fact happened, as the stored record says; null when that is not known.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs) or raw_changed (only the record as sent differs): new_record replaced old_record. older (the exchange sent a version before the stored one), twin (two different records of one key came together) or duplicate_slot (a second, different payment of a funding time): old_record is stored, new_record was left out, and is noted once. future_coverage, future_snapshot or future_version: a wrong clock had dated it into the future; the instants as they were, and as they are now.';
UPDATE onetrading_sync.issues SET happened_at = traded_at
FROM onetrading.trades WHERE stream = 'trades' AND trade_id = (key ->> 'trade_id')::uuid;
UPDATE onetrading_sync.issues SET happened_at = (key ->> 'funding_time')::timestamptz
WHERE stream = 'funding_history';
UPDATE onetrading_sync.issues AS issue
SET happened_at = booked_at,
    key = jsonb_build_object(
        'account_id', payment.account_id::text, 'instrument_code', instrument_code,
        'funding_time', to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS+00:00'))
FROM onetrading.funding_payments AS payment
WHERE stream = 'funding_payments'
    AND payment.account_id = (key ->> 'account_id')::uuid
    AND payment.instrument_code = key ->> 'instrument_code'
    AND payment.booked_at = (key ->> 'booked_at')::timestamptz;

-- A payment is identified by its funding time. The instant of its booking was the key before: a
-- payment that came once in milliseconds and once in microseconds was stored, summed and counted
-- twice. The earlier booking of a funding time stays, the others become issues.
WITH payments AS (
    SELECT account_id, instrument_code, booked_at,
        row_number() OVER bookings AS number, first_value(raw) OVER bookings AS first_record
    FROM onetrading.funding_payments
    WINDOW bookings AS (PARTITION BY account_id, instrument_code, funding_time ORDER BY booked_at)
), doubles AS (
    DELETE FROM onetrading.funding_payments AS payment USING payments
    WHERE number > 1 AND payment.account_id = payments.account_id
        AND payment.instrument_code = payments.instrument_code
        AND payment.booked_at = payments.booked_at
    RETURNING payment.*, first_record
)
INSERT INTO onetrading_sync.issues
    (account_id, stream, kind, key, old_record, new_record, happened_at)
SELECT account_id, 'funding_payments', 'duplicate_slot',
    jsonb_build_object(
        'account_id', account_id::text, 'instrument_code', instrument_code,
        'funding_time', to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS+00:00')),
    first_record, raw, booked_at
FROM doubles ORDER BY account_id, booked_at, instrument_code;

ALTER TABLE onetrading.funding_payments
    DROP CONSTRAINT funding_payments_pkey,
    ADD PRIMARY KEY (account_id, instrument_code, funding_time);
COMMENT ON COLUMN onetrading.funding_payments.booked_at IS 'When it was booked, as first read: seconds after the funding time.';

-- Counters are the truth of the database: those that had counted a double fall to what is stored.
UPDATE onetrading_sync.totals AS total
SET value = (
    SELECT coalesce(sum(abs(amount)), 0)
    FROM onetrading.funding_payments AS payment
    JOIN onetrading_sync.counting AS counting USING (account_id)
    WHERE payment.account_id = total.account_id AND counting.stream = total.stream
        AND instrument_code = labels[1] AND booked_at >= since
        AND (amount < 0) = (metric = 'onetrading_funding_paid_total'))
WHERE stream = 'funding_payments'
    AND metric IN ('onetrading_funding_paid_total', 'onetrading_funding_received_total')
    AND EXISTS (
        SELECT FROM onetrading_sync.issues AS issue
        WHERE issue.account_id = total.account_id AND issue.stream = total.stream
            AND kind = 'duplicate_slot' AND key ->> 'instrument_code' = labels[1]);

-- The last line of defence behind the decoder: amounts are numbers, and prices and sizes positive.
-- Postgres sorts NaN above Infinity. A row of an earlier version that breaks a rule does not stop
-- the upgrade: the rule then holds for new rows only.
DO $$
DECLARE
    rule record;
BEGIN
    FOR rule IN SELECT * FROM (VALUES
        ('trades', 'price > 0 AND price < ''Infinity'' AND amount > 0 AND amount < ''Infinity'''
            ' AND quote_amount > 0 AND quote_amount < ''Infinity'''
            ' AND fee_amount > ''-Infinity'' AND fee_amount < ''Infinity'''),
        ('funding_payments', 'amount > ''-Infinity'' AND amount < ''Infinity'''
            ' AND cash_balance > ''-Infinity'' AND cash_balance < ''Infinity'''),
        ('funding_rates', 'funding_rate > ''-Infinity'' AND funding_rate < ''Infinity'''
            ' AND mark_price > 0 AND mark_price < ''Infinity'''),
        ('balances', 'available > ''-Infinity'' AND available < ''Infinity'''
            ' AND locked > ''-Infinity'' AND locked < ''Infinity'''),
        ('positions', 'open_volume > ''-Infinity'' AND open_volume < ''Infinity'''
            ' AND open_notional > ''-Infinity'' AND open_notional < ''Infinity'''
            ' AND maintenance_margin > ''-Infinity'' AND maintenance_margin < ''Infinity'''
            ' AND last_settlement > ''-Infinity'' AND last_settlement < ''Infinity'''
            ' AND mark_price > ''-Infinity'' AND mark_price < ''Infinity'''),
        ('portfolios', 'equity > ''-Infinity'' AND equity < ''Infinity'''
            ' AND margin_used > ''-Infinity'' AND margin_used < ''Infinity'''
            ' AND margin_available > ''-Infinity'' AND margin_available < ''Infinity'''
            ' AND maintenance_margin > ''-Infinity'' AND maintenance_margin < ''Infinity''')
    ) AS rules (relation, condition)
    LOOP
        EXECUTE format('ALTER TABLE onetrading.%I ADD CONSTRAINT %I CHECK (%s) NOT VALID',
            rule.relation, rule.relation || '_amounts', rule.condition);
        BEGIN
            EXECUTE format('ALTER TABLE onetrading.%I VALIDATE CONSTRAINT %I',
                rule.relation, rule.relation || '_amounts');
        EXCEPTION WHEN check_violation THEN
            RAISE WARNING 'onetrading.% has rows with impossible amounts: its rule %_amounts holds for new rows only',
                rule.relation, rule.relation
                USING HINT = format(
                    'Look at them: SELECT * FROM onetrading.%1$I WHERE NOT (%2$s);'
                    ' correct or delete them, then run:'
                    ' ALTER TABLE onetrading.%1$I VALIDATE CONSTRAINT %3$I;',
                    rule.relation, rule.condition, rule.relation || '_amounts');
        END;
    END LOOP;
END
$$;

CREATE INDEX trades_by_account ON onetrading.trades (account_id, traded_at);
CREATE INDEX trades_by_order ON onetrading.trades (order_id);
-- Rows are stored in the order in which they are first seen, which this kind of index needs; it
-- takes kilobytes.
CREATE INDEX trades_by_first_seen ON onetrading.trades USING brin (first_seen_at);

COMMENT ON COLUMN onetrading_sync.progress.retired_because IS 'Why nothing is expected of this scope, and its gaps do not count: its instrument is closed, no longer listed or refused by the exchange, the account has no futures, or the stream is not configured. Null: it must be complete.';

ALTER TABLE onetrading.accounts ADD COLUMN left_at timestamptz;
COMMENT ON COLUMN onetrading.accounts.left_at IS 'When it was found that no process has the account configured any more; null while one has it.';
