-- The close of a month: locks, what became known after one, and one place that judges a month by
-- every check.
--
-- Creates tables, replaces views; no table of an earlier version is locked for longer than an instant.

CREATE TABLE onetrading.closes (
    close_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    zone text NOT NULL REFERENCES onetrading.zones,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    closed_at timestamptz NOT NULL,
    unseen_from timestamptz NOT NULL CHECK (unseen_from <= closed_at),
    version text NOT NULL,
    settings jsonb NOT NULL,
    acknowledged jsonb NOT NULL,
    row_count bigint NOT NULL,
    checksum text NOT NULL,
    reopened_at timestamptz,
    reopened_because text,
    CHECK ((reopened_at IS NULL) = (reopened_because IS NULL))
);
CREATE UNIQUE INDEX closes_in_force ON onetrading.closes (zone, month) WHERE reopened_at IS NULL;
COMMENT ON TABLE onetrading.closes IS 'Months whose figures are locked (close MONTH), and those that were and are not any more (reopen). Rows are only added, and marked once as reopened.';
COMMENT ON COLUMN onetrading.closes.close_id IS 'Number of the lock.';
COMMENT ON COLUMN onetrading.closes.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.closes.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN onetrading.closes.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN onetrading.closes.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN onetrading.closes.closed_at IS 'When it was locked: what became known later is in reporting.late_facts alone.';
COMMENT ON COLUMN onetrading.closes.unseen_from IS 'What was first seen from here on is not in the figures, but for what the rows of the report known list: transactions that had begun by then were not over.';
COMMENT ON COLUMN onetrading.closes.version IS 'Version of the exporter that locked it.';
COMMENT ON COLUMN onetrading.closes.settings IS 'The settings that reports depend on, as they were in force.';
COMMENT ON COLUMN onetrading.closes.acknowledged IS 'Checks that differed when it was locked (of all accounts, or main/positions: of one), with the reason why that was accepted.';
COMMENT ON COLUMN onetrading.closes.row_count IS 'How many rows were stored.';
COMMENT ON COLUMN onetrading.closes.checksum IS 'SHA-256 of the stored rows, in the order of view and number, as hexadecimal digits.';
COMMENT ON COLUMN onetrading.closes.reopened_at IS 'When the lock was taken off; null while it is in force.';
COMMENT ON COLUMN onetrading.closes.reopened_because IS 'Why the lock was taken off.';

CREATE TABLE onetrading.closed_rows (
    close_id bigint NOT NULL REFERENCES onetrading.closes DEFERRABLE INITIALLY DEFERRED,
    report text NOT NULL,
    number bigint NOT NULL,
    row jsonb NOT NULL,
    PRIMARY KEY (close_id, report, number)
);
COMMENT ON TABLE onetrading.closed_rows IS 'The rows of every monthly report as they were when a month was locked.';
COMMENT ON COLUMN onetrading.closed_rows.close_id IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.closed_rows.report IS 'Name of the view; open_lots and pools: the carried state; known: facts that were first seen since unseen_from and are in the figures.';
COMMENT ON COLUMN onetrading.closed_rows.number IS 'Number of the row within the report, from 1.';
COMMENT ON COLUMN onetrading.closed_rows.row IS 'The row, by column; amounts with all their digits.';

-- A correction of a locked figure is a reopened month, never an edited row.
CREATE FUNCTION onetrading.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'closes' THEN
        IF OLD.reopened_at IS NULL AND NEW.reopened_at IS NOT NULL
            AND to_jsonb(OLD) - '{reopened_at,reopened_because}'::text[]
                = to_jsonb(NEW) - '{reopened_at,reopened_because}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what was locked with a month is never changed: onetrading.%', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
            HINT = 'Take the lock off with the command reopen, and close the month again.';
END
$$;
COMMENT ON FUNCTION onetrading.refuse_change() IS 'Keeps what was locked with a month as it was.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON onetrading.closes
    FOR EACH ROW EXECUTE FUNCTION onetrading.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON onetrading.closed_rows
    FOR EACH ROW EXECUTE FUNCTION onetrading.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON onetrading.closes
    FOR EACH STATEMENT EXECUTE FUNCTION onetrading.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON onetrading.closed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION onetrading.refuse_change();

CREATE VIEW onetrading.locked_rows AS
SELECT closes.zone, closes.month, report, row,
    NOT EXISTS (
        SELECT FROM onetrading.closes AS earlier
        WHERE earlier.month = closes.month AND earlier.reopened_at IS NULL
            AND earlier.close_id < closes.close_id) AS is_first
FROM onetrading.closes
JOIN onetrading.closed_rows USING (close_id)
WHERE reopened_at IS NULL;
COMMENT ON VIEW onetrading.locked_rows IS 'The stored rows of the months that are locked now.';
COMMENT ON COLUMN onetrading.locked_rows.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.locked_rows.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.locked_rows.report IS 'As in onetrading.closed_rows.';
COMMENT ON COLUMN onetrading.locked_rows.row IS 'As in onetrading.closed_rows.';
COMMENT ON COLUMN onetrading.locked_rows.is_first IS 'Whether no lock of the month, in another zone, is older.';

CREATE VIEW reporting.closes AS
SELECT month, zone, closed_at, version, settings, acknowledged, row_count, checksum, reopened_at,
    reopened_because, reopened_at IS NULL AS in_force, starts_at, ends_at
FROM onetrading.closes;
COMMENT ON VIEW reporting.closes IS 'Months whose figures were locked (close MONTH). While a lock is in force, the monthly views answer from the rows that were stored with it, and what became known later is in late_facts alone.

Example:
SELECT month, zone, closed_at, checksum FROM reporting.closes WHERE in_force ORDER BY month;';
COMMENT ON COLUMN reporting.closes.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.closes.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.closes.closed_at IS 'When it was locked.';
COMMENT ON COLUMN reporting.closes.version IS 'Version of the exporter that locked it.';
COMMENT ON COLUMN reporting.closes.settings IS 'The settings that reports depend on, as they were in force.';
COMMENT ON COLUMN reporting.closes.acknowledged IS 'Checks that differed when it was locked (of all accounts, or main/positions: of one), with the reason why that was accepted.';
COMMENT ON COLUMN reporting.closes.row_count IS 'How many rows were stored.';
COMMENT ON COLUMN reporting.closes.checksum IS 'SHA-256 of the stored rows, as hexadecimal digits.';
COMMENT ON COLUMN reporting.closes.reopened_at IS 'When the lock was taken off; null while it is in force.';
COMMENT ON COLUMN reporting.closes.reopened_because IS 'Why the lock was taken off.';
COMMENT ON COLUMN reporting.closes.in_force IS 'Whether the figures are locked now.';
COMMENT ON COLUMN reporting.closes.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.closes.ends_at IS 'End of the month (exclusive).';

CREATE VIEW onetrading.checksums AS
SELECT close_id, count(*) AS rows,
    encode(sha256(convert_to(string_agg(
        report || E'\t' || number || E'\t' || row::text, E'\n' ORDER BY report, number), 'UTF8')),
        'hex') AS checksum
FROM onetrading.closed_rows GROUP BY close_id;
COMMENT ON VIEW onetrading.checksums IS 'SHA-256 of what is stored of each lock: equal to onetrading.closes.checksum, unless somebody changed it.';
COMMENT ON COLUMN onetrading.checksums.close_id IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.checksums.rows IS 'How many rows are stored.';
COMMENT ON COLUMN onetrading.checksums.checksum IS 'Lines of report, number and row, separated by tabs, in the order of report and number; as hexadecimal digits.';

CREATE TABLE onetrading_sync.judgements (
    account_id uuid NOT NULL,
    zone text NOT NULL,
    month date NOT NULL,
    check_name text NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    difference numeric,
    detail text NOT NULL,
    failing_since timestamptz,
    judged_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, zone, month, check_name, currency)
);
COMMENT ON TABLE onetrading_sync.judgements IS 'What each check of reporting.month_close said when it was last asked: hourly of the newest months, daily of older ones.';
COMMENT ON COLUMN onetrading_sync.judgements.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading_sync.judgements.zone IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.month IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.check_name IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.currency IS 'As in reporting.month_close; empty where it has none.';
COMMENT ON COLUMN onetrading_sync.judgements.state IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.difference IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.detail IS 'As in reporting.month_close.';
COMMENT ON COLUMN onetrading_sync.judgements.failing_since IS 'When it was first found failing; null while it is not.';
COMMENT ON COLUMN onetrading_sync.judgements.judged_at IS 'When it was last asked.';

CREATE VIEW reporting.external_movements AS
SELECT accounts.name AS account, account_id, reference, moved_at, currency_code, amount, kind, note,
    movements.first_seen_at
FROM onetrading.external_movements AS movements
JOIN onetrading.accounts USING (account_id);
COMMENT ON VIEW reporting.external_movements IS 'Deposits, withdrawals, transfers and fees that the exchange''s API does not tell, as imported (import movements).

Example:
SELECT moved_at, currency_code, amount, kind, reference FROM reporting.external_movements
WHERE account = ''main'' AND moved_at >= ''2026-03-01 00:00Z'' AND moved_at < ''2026-04-01 00:00Z''
ORDER BY moved_at;';
COMMENT ON COLUMN reporting.external_movements.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.external_movements.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.external_movements.reference IS 'Identity of the movement within the account, as in the file.';
COMMENT ON COLUMN reporting.external_movements.moved_at IS 'When the balance changed.';
COMMENT ON COLUMN reporting.external_movements.currency_code IS 'What moved.';
COMMENT ON COLUMN reporting.external_movements.amount IS 'In units of currency_code: positive when it came in, negative when it went out.';
COMMENT ON COLUMN reporting.external_movements.kind IS 'deposit, withdrawal, transfer (between own accounts), fee or other.';
COMMENT ON COLUMN reporting.external_movements.note IS 'What the file said beside; null when nothing.';
COMMENT ON COLUMN reporting.external_movements.first_seen_at IS 'When it was first imported.';

CREATE VIEW reporting.exchange_rates AS
SELECT day, base_code, quote_code, source, rate, first_seen_at FROM onetrading.exchange_rates;
COMMENT ON VIEW reporting.exchange_rates IS 'Exchange rates as imported (import rates). Weekends and holidays have none: take the newest one before.

Example:
SELECT day, rate, source FROM reporting.exchange_rates
WHERE base_code = ''EUR'' AND quote_code = ''USD'' ORDER BY day DESC LIMIT 5;';
COMMENT ON COLUMN reporting.exchange_rates.day IS 'The day that the source dates the rate with.';
COMMENT ON COLUMN reporting.exchange_rates.base_code IS 'One unit of this ...';
COMMENT ON COLUMN reporting.exchange_rates.quote_code IS '... is worth rate units of this.';
COMMENT ON COLUMN reporting.exchange_rates.source IS 'Who published it, such as ECB.';
COMMENT ON COLUMN reporting.exchange_rates.rate IS 'Units of quote_code for one unit of base_code.';
COMMENT ON COLUMN reporting.exchange_rates.first_seen_at IS 'When it was first imported.';

CREATE FUNCTION onetrading.number_of(told text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN told ~ '^-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][-+]?[0-9]{1,2})?$' THEN told::numeric END $$;
COMMENT ON FUNCTION onetrading.number_of(text) IS 'The number that a record as sent has in a member; null when it is none.';

-- What a lock holds. The monthly views of UTC are locked with a month of any zone, and lots and
-- pools stand on everything before them, however old.
CREATE VIEW onetrading.lock_ranges AS
SELECT close_id, zone, month, closed_at, unseen_from, from_at, to_at,
    CASE WHEN month = min(month) OVER (PARTITION BY zone) THEN '-infinity' ELSE from_at END
        AS lots_from
FROM (
    SELECT *, least(starts_at, month::timestamp AT TIME ZONE 'UTC') AS from_at,
        greatest(ends_at, (month + interval '1 month') AT TIME ZONE 'UTC') AS to_at
    FROM onetrading.closes WHERE reopened_at IS NULL
) AS locks;
COMMENT ON VIEW onetrading.lock_ranges IS 'Of which time facts are in the figures of each lock that is in force.';
COMMENT ON COLUMN onetrading.lock_ranges.close_id IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.closed_at IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.unseen_from IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.lock_ranges.from_at IS 'Beginning of the month, in its zone or in UTC, whichever is earlier.';
COMMENT ON COLUMN onetrading.lock_ranges.to_at IS 'End of the month, in its zone or in UTC, whichever is later; exclusive.';
COMMENT ON COLUMN onetrading.lock_ranges.lots_from IS 'The same as from_at for trades and lots: -infinity for the oldest lock of a zone.';

-- With the rights of its owner, since views of a reader call it.
CREATE FUNCTION onetrading.facts_since(since timestamptz)
RETURNS TABLE (identity jsonb, account_id uuid, stream text, kind text, key jsonb,
    happened_at timestamptz, noticed_at timestamptz, moves_lots boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('stream', facts.stream, 'account_id', facts.account_id, 'key', facts.key),
        facts.account_id, facts.stream, 'late', facts.key, facts.happened_at, facts.first_seen_at,
        facts.stream IN ('trades', 'lots')
    FROM (
        SELECT account_id, 'trades' AS stream, jsonb_build_object('trade_id', trade_id) AS key,
            traded_at AS happened_at, first_seen_at
        FROM onetrading.trades WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'funding_payments',
            jsonb_build_object(
                'account_id', account_id, 'instrument_code', instrument_code, 'funding_time',
                to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                    || CASE WHEN extract(microseconds FROM funding_time) % 1000000 <> 0
                            THEN to_char(funding_time AT TIME ZONE 'UTC', '.US') ELSE '' END
                    || '+00:00'),
            booked_at, first_seen_at
        FROM onetrading.funding_payments WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'closed_positions', jsonb_build_object('position_id', position_id),
            closed_at, first_seen_at
        FROM onetrading.closed_positions WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'movements', jsonb_build_object('reference', reference),
            moved_at, first_seen_at
        FROM onetrading.external_movements WHERE first_seen_at >= since
        UNION ALL
        SELECT account_id, 'lots', jsonb_build_object('reference', reference),
            acquired_at, first_seen_at
        FROM onetrading.external_lots WHERE first_seen_at >= since
    ) AS facts
    UNION ALL
    SELECT jsonb_build_object('issue_id', issue_id), issues.account_id, issues.stream, issues.kind,
        issues.key, coalesce(positions.closed_at, issues.happened_at), issues.noticed_at,
        issues.stream IN ('trades', 'lots')
    FROM onetrading_sync.issues AS issues
    LEFT JOIN onetrading.closed_positions AS positions
        ON positions.position_id = CASE WHEN issues.stream = 'closed_positions'
            THEN issues.key ->> 'position_id' END
    WHERE issues.noticed_at >= since AND resolved_at IS NULL
        AND issues.kind IN ('changed', 'vanished', 'duplicate_slot', 'twin')
        AND issues.account_id <> '00000000-0000-0000-0000-000000000000'
$$;
COMMENT ON FUNCTION onetrading.facts_since(timestamptz) IS 'The facts of accounts that were first seen since an instant (kind late), and what was noticed of others since then.';

CREATE VIEW onetrading.facts_since_lock AS
SELECT ranges.zone, ranges.month, ranges.closed_at, facts.account_id, facts.stream, facts.kind,
    facts.key, facts.noticed_at
FROM onetrading.facts_since((SELECT min(unseen_from) FROM onetrading.lock_ranges)) AS facts
JOIN onetrading.lock_ranges AS ranges
    ON facts.noticed_at >= ranges.unseen_from AND facts.happened_at < ranges.to_at
    AND facts.happened_at >= CASE WHEN facts.moves_lots THEN ranges.lots_from ELSE ranges.from_at END
WHERE NOT EXISTS (
    SELECT FROM onetrading.closed_rows AS known
    WHERE known.close_id = ranges.close_id AND known.report = 'known' AND known.row = facts.identity);
COMMENT ON VIEW onetrading.facts_since_lock IS 'Facts that are not in the figures of a lock although they are of its time: they became known, changed or vanished later.';
COMMENT ON COLUMN onetrading.facts_since_lock.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.facts_since_lock.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.facts_since_lock.closed_at IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.facts_since_lock.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.facts_since_lock.stream IS 'As in reporting.late_facts.';
COMMENT ON COLUMN onetrading.facts_since_lock.kind IS 'As in reporting.late_facts.';
COMMENT ON COLUMN onetrading.facts_since_lock.key IS 'As in reporting.late_facts.';
COMMENT ON COLUMN onetrading.facts_since_lock.noticed_at IS 'As in reporting.late_facts.';

CREATE VIEW onetrading.late_since_lock AS
SELECT zone, month, account_id, count(*) AS facts
FROM onetrading.facts_since_lock GROUP BY zone, month, account_id;
COMMENT ON VIEW onetrading.late_since_lock IS 'How many facts are not in the figures of each lock although they are of its time.';
COMMENT ON COLUMN onetrading.late_since_lock.zone IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.late_since_lock.month IS 'As in onetrading.closes.';
COMMENT ON COLUMN onetrading.late_since_lock.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.late_since_lock.facts IS 'How many.';

CREATE OR REPLACE VIEW reporting.late_facts AS
WITH known AS (
    -- Facts that were there before first_seen_at was recorded have that time in it.
    SELECT since FROM onetrading_sync.known_since WHERE what = 'first_seen_at'
), since_lock AS MATERIALIZED (
    SELECT account_id, stream, kind, key, noticed_at, min(closed_at) AS locked_at
    FROM onetrading.facts_since_lock GROUP BY account_id, stream, kind, key, noticed_at
), came_late AS (
    SELECT account_id, 'trades' AS stream, '' AS scope,
        jsonb_build_object('trade_id', trade_id) AS key,
        traded_at AS happened_at, first_seen_at, raw
    FROM onetrading.trades
    WHERE first_seen_at > (SELECT since FROM known)
        AND (first_seen_at >= (date_trunc('month', traded_at AT TIME ZONE 'UTC')
                + interval '1 month') AT TIME ZONE 'UTC'
            OR trade_id IN (
                SELECT (key ->> 'trade_id')::uuid FROM since_lock
                WHERE stream = 'trades' AND kind = 'late'))
    UNION ALL
    SELECT account_id, 'funding_payments', '',
        jsonb_build_object(
            'account_id', account_id, 'instrument_code', instrument_code, 'funding_time',
            to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                || CASE WHEN extract(microseconds FROM funding_time) % 1000000 <> 0
                        THEN to_char(funding_time AT TIME ZONE 'UTC', '.US') ELSE '' END
                || '+00:00'),
        booked_at, first_seen_at, raw
    FROM onetrading.funding_payments
    WHERE first_seen_at > (SELECT since FROM known)
        AND (first_seen_at >= (date_trunc('month', booked_at AT TIME ZONE 'UTC')
                + interval '1 month') AT TIME ZONE 'UTC'
            OR (account_id, instrument_code, funding_time) IN (
                SELECT since_lock.account_id, key ->> 'instrument_code',
                    (key ->> 'funding_time')::timestamptz
                FROM since_lock WHERE stream = 'funding_payments' AND kind = 'late'))
    UNION ALL
    SELECT '00000000-0000-0000-0000-000000000000', 'funding_history', instrument_code,
        jsonb_build_object(
            'instrument_code', instrument_code, 'funding_time',
            to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                || CASE WHEN extract(microseconds FROM funding_time) % 1000000 <> 0
                        THEN to_char(funding_time AT TIME ZONE 'UTC', '.US') ELSE '' END
                || '+00:00'),
        funding_time, first_seen_at, raw
    FROM onetrading.funding_rates
    WHERE first_seen_at > (SELECT since FROM known)
        AND first_seen_at >= (date_trunc('month', funding_time AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
    UNION ALL
    SELECT account_id, 'closed_positions', '',
        jsonb_build_object('position_id', position_id), closed_at, first_seen_at, raw
    FROM onetrading.closed_positions AS positions
    WHERE first_seen_at >= (date_trunc('month', closed_at AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
        OR position_id IN (
            SELECT key ->> 'position_id' FROM since_lock
            WHERE stream = 'closed_positions' AND kind = 'late')
    UNION ALL
    -- What people import is late only where a month was locked without it.
    SELECT movements.account_id, 'movements', '', key, moved_at, first_seen_at, to_jsonb(movements)
    FROM since_lock
    JOIN onetrading.external_movements AS movements
        ON movements.account_id = since_lock.account_id AND reference = key ->> 'reference'
    WHERE stream = 'movements' AND since_lock.kind = 'late'
    UNION ALL
    SELECT lots.account_id, 'lots', '', key, acquired_at, first_seen_at, to_jsonb(lots)
    FROM since_lock
    JOIN onetrading.external_lots AS lots
        ON lots.account_id = since_lock.account_id AND reference = key ->> 'reference'
    WHERE stream = 'lots' AND since_lock.kind = 'late'
), found AS (
    SELECT account_id, stream, scope, key, happened_at, first_seen_at, 'late' AS kind,
        NULL::jsonb AS old_record, raw AS new_record, first_seen_at AS noticed_at,
        NULL::timestamptz AS resolved_at
    FROM came_late
    UNION ALL
    SELECT issue.account_id, stream,
        CASE WHEN stream = 'funding_history' THEN key ->> 'instrument_code' ELSE '' END,
        key, coalesce(position.closed_at, happened_at),
        coalesce(
            trade.first_seen_at, payment.first_seen_at, rate.first_seen_at,
            position.first_seen_at, issue.noticed_at),
        kind, old_record, new_record, noticed_at, resolved_at
    FROM onetrading_sync.issues AS issue
    LEFT JOIN onetrading.trades AS trade
        ON trade.trade_id = CASE WHEN stream = 'trades' THEN (key ->> 'trade_id')::uuid END
    LEFT JOIN onetrading.funding_payments AS payment
        ON stream = 'funding_payments' AND payment.account_id = issue.account_id
        AND payment.instrument_code = key ->> 'instrument_code'
        AND payment.funding_time = CASE WHEN stream = 'funding_payments'
            THEN (key ->> 'funding_time')::timestamptz END
    LEFT JOIN onetrading.funding_rates AS rate
        ON stream = 'funding_history' AND rate.instrument_code = key ->> 'instrument_code'
        AND rate.funding_time = CASE WHEN stream = 'funding_history'
            THEN (key ->> 'funding_time')::timestamptz END
    LEFT JOIN onetrading.closed_positions AS position
        ON position.position_id = CASE WHEN stream = 'closed_positions'
            THEN key ->> 'position_id' END
    WHERE kind IN ('changed', 'vanished', 'duplicate_slot', 'twin')
        -- What came in after its month is listed above, by whatever it was found.
        OR kind = 'late' AND noticed_at < (date_trunc('month', happened_at AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC'
)
SELECT coalesce(accounts.name, found.account_id::text) AS account, found.account_id,
    found.stream, found.key, happened_at,
    date_trunc('month', happened_at AT TIME ZONE 'UTC')::date AS month,
    found.first_seen_at, found.kind, old_record, new_record, found.noticed_at,
    found.noticed_at >= (date_trunc('month', happened_at AT TIME ZONE 'UTC') + interval '1 month')
        AT TIME ZONE 'UTC' AS after_month,
    proven_at, resolved_at,
    CASE found.kind WHEN 'late' THEN new_fee WHEN 'vanished' THEN -old_fee ELSE new_fee - old_fee END
        AS fee_delta,
    CASE found.kind WHEN 'late' THEN new_quote WHEN 'vanished' THEN -old_quote
        ELSE new_quote - old_quote END AS quote_delta,
    CASE WHEN found.kind IN ('late', 'duplicate_slot') THEN new_funding
        WHEN found.kind = 'vanished' THEN -old_funding ELSE new_funding - old_funding END AS funding_delta,
    locked_at
FROM found
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading_sync.proven_days AS proven
    ON proven.account_id = found.account_id AND proven.stream = found.stream
    -- Of closed positions, days are proven by their opening, and as of a time.
    AND proven.stream <> 'closed_positions'
    AND proven.scope = found.scope AND day = (happened_at AT TIME ZONE 'UTC')::date
    AND proven_at < found.noticed_at
-- What a record adds to the figures of its month: the members as sent.
LEFT JOIN LATERAL (
    SELECT onetrading.number_of(old_record #>> '{fee,fee_amount}') AS old_fee,
        onetrading.number_of(new_record #>> '{fee,fee_amount}') AS new_fee,
        onetrading.number_of(old_record #>> '{trade,price}')
            * onetrading.number_of(old_record #>> '{trade,amount}') AS old_quote,
        onetrading.number_of(new_record #>> '{trade,price}')
            * onetrading.number_of(new_record #>> '{trade,amount}') AS new_quote
) AS traded ON found.stream = 'trades'
LEFT JOIN LATERAL (
    SELECT onetrading.number_of(old_record ->> 'funding_payment') AS old_funding,
        onetrading.number_of(new_record ->> 'funding_payment') AS new_funding
) AS paid ON found.stream = 'funding_payments'
LEFT JOIN since_lock
    ON since_lock.account_id = found.account_id AND since_lock.stream = found.stream
    AND since_lock.kind = found.kind AND since_lock.key = found.key
    AND since_lock.noticed_at = found.noticed_at;
COMMENT ON COLUMN reporting.late_facts.fee_delta IS 'What the exchange shows now less what it showed before: the fee of a trade, in its own currency. Null where it is of something else.';
COMMENT ON COLUMN reporting.late_facts.quote_delta IS 'What the exchange shows now less what it showed before: price times amount of a trade, in the quote currency. Null where it is of something else.';
COMMENT ON COLUMN reporting.late_facts.funding_delta IS 'What the exchange shows now less what it showed before: the amount of a funding payment, as sent. Null where it is of something else.';
COMMENT ON COLUMN reporting.late_facts.locked_at IS 'When the month was locked, if that was before this became known: the locked figures lack it. Null when no lock in force is older than it.';
COMMENT ON COLUMN reporting.late_facts.stream IS 'What the fact was read with: trades, funding_payments, funding_history, closed_positions, or movements or lots (imported after a month was locked without it); where kind is not late, any stream of history.';

-- The rule of what a month is complete by, in parts: per account, zone and month.

CREATE VIEW onetrading.possible_rejects AS
SELECT account_id, stream, first_seen_at,
    coalesce(possible_from, CASE WHEN possible_to IS NOT NULL OR EXISTS (
            SELECT FROM onetrading_sync.progress AS history
            WHERE history.account_id = rejects.account_id
                AND history.stream = rejects.stream AND required_from IS NOT NULL)
        THEN '-infinity' ELSE first_seen_at END) AS possible_from,
    coalesce(possible_to, first_seen_at) AS possible_to
FROM reporting.open_rejects AS rejects;
COMMENT ON VIEW onetrading.possible_rejects IS 'When each record that could not be read can have happened. One of no history (a balance, an instrument) is missing in the state of the time at which it came.';
COMMENT ON COLUMN onetrading.possible_rejects.account_id IS 'As in reporting.open_rejects.';
COMMENT ON COLUMN onetrading.possible_rejects.stream IS 'As in reporting.open_rejects.';
COMMENT ON COLUMN onetrading.possible_rejects.first_seen_at IS 'As in reporting.open_rejects.';
COMMENT ON COLUMN onetrading.possible_rejects.possible_from IS 'Earliest instant; -infinity when nothing is known.';
COMMENT ON COLUMN onetrading.possible_rejects.possible_to IS 'Latest instant.';

CREATE VIEW onetrading.required_scopes AS
SELECT account_id, stream, scope, settle, required_from, ranges, stream_from,
    coalesce(asked_from < served_from, false) AS unserved,
    -- The time since the last pass is always open; that is a fault once passes are overdue.
    CASE WHEN left_at IS NOT NULL OR now() - settle - upper(ranges)
            <= greatest(5 * (next_due_at - last_attempt_at), interval '15 minutes')
        THEN least(upper(ranges), now() - settle) ELSE now() - settle END AS due_to
FROM (
    SELECT *, min(required_from) OVER (PARTITION BY account_id, stream) AS stream_from
    FROM onetrading_sync.progress
) AS progress
CROSS JOIN LATERAL (
    SELECT coalesce(range_agg(range), '{}') AS ranges FROM onetrading_sync.coverage
    WHERE coverage.account_id = progress.account_id AND coverage.stream = progress.stream
      AND coverage.scope = progress.scope
) AS proven
LEFT JOIN onetrading.accounts USING (account_id)
WHERE required_from IS NOT NULL AND retired_because IS NULL;
COMMENT ON VIEW onetrading.required_scopes IS 'What must be proven. A scope that is no longer asked or is refused proves and lacks nothing.';
COMMENT ON COLUMN onetrading.required_scopes.account_id IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.stream IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.scope IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.settle IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.required_from IS 'As in onetrading_sync.progress.';
COMMENT ON COLUMN onetrading.required_scopes.ranges IS 'What is proven.';
COMMENT ON COLUMN onetrading.required_scopes.stream_from IS 'The earliest required_from of the stream.';
COMMENT ON COLUMN onetrading.required_scopes.unserved IS 'Whether the exchange does not serve all that was asked for.';
COMMENT ON COLUMN onetrading.required_scopes.due_to IS 'Up to where it should be proven by now.';

-- Calendar months from the first that has facts or must be complete, in every zone.
CREATE VIEW onetrading.calendar_months AS
SELECT account_id, coalesce(name, account_id::text) AS account, first_seen_at, required_from, zone,
    starts::date AS month,
    starts AT TIME ZONE zone AS starts_at,
    (starts + interval '1 month') AT TIME ZONE zone AS ends_at
FROM (
    SELECT account_id FROM onetrading.accounts
    UNION SELECT account_id FROM onetrading_sync.progress
) AS known
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN (
    SELECT account_id, min(required_from) AS required_from FROM onetrading.required_scopes
    GROUP BY account_id
) AS required USING (account_id)
LEFT JOIN LATERAL (
    SELECT first_at FROM onetrading.account_spans
    WHERE account_spans.account_id = known.account_id
) AS spans ON true
CROSS JOIN LATERAL (
    SELECT least(
        required_from, spans.first_at,
        (SELECT min(funding_time) FROM onetrading.funding_rates
            WHERE known.account_id = '00000000-0000-0000-0000-000000000000'),
        (SELECT min(possible_from) FROM onetrading.possible_rejects AS possible
            WHERE possible.account_id = known.account_id
                AND possible_from > '-infinity')) AS first_at
) AS first
CROSS JOIN onetrading.zones
CROSS JOIN LATERAL generate_series(
    date_trunc('month', first.first_at AT TIME ZONE zone),
    date_trunc('month', least(now(), left_at) AT TIME ZONE zone),
    interval '1 month') AS series (starts);
COMMENT ON VIEW onetrading.calendar_months IS 'Calendar months of each account, public included, from the first that has facts or must be complete until the current one, or the one in which the account left. Filter by zone always.';
COMMENT ON COLUMN onetrading.calendar_months.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.calendar_months.account IS 'Name; the account_id as text when it has none.';
COMMENT ON COLUMN onetrading.calendar_months.first_seen_at IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.calendar_months.required_from IS 'From when on any history of it must be complete.';
COMMENT ON COLUMN onetrading.calendar_months.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.calendar_months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.calendar_months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN onetrading.calendar_months.ends_at IS 'End of the month (exclusive).';

CREATE VIEW onetrading.judged_months AS
SELECT * FROM onetrading.calendar_months AS months
WHERE ends_at > required_from
    OR EXISTS (
        SELECT FROM onetrading.trades
        WHERE trades.account_id = months.account_id
            AND traded_at >= starts_at AND traded_at < ends_at)
    OR EXISTS (
        SELECT FROM onetrading.funding_payments AS payments
        WHERE payments.account_id = months.account_id
            AND booked_at >= starts_at AND booked_at < ends_at)
    OR EXISTS (
        SELECT FROM onetrading.external_movements AS movements
        WHERE movements.account_id = months.account_id
            AND moved_at >= starts_at AND moved_at < ends_at)
    OR EXISTS (
        SELECT FROM onetrading.funding_rates
        WHERE months.account_id = '00000000-0000-0000-0000-000000000000'
            AND funding_time >= starts_at AND funding_time < ends_at)
    OR EXISTS (
        SELECT FROM onetrading.possible_rejects AS possible
        WHERE possible.account_id = months.account_id AND possible_from > '-infinity'
            AND possible_from < ends_at AND possible_to >= starts_at);
COMMENT ON VIEW onetrading.judged_months IS 'The months of onetrading.calendar_months that have facts or must be complete.';
COMMENT ON COLUMN onetrading.judged_months.account_id IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.account IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.first_seen_at IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.required_from IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.zone IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.month IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.starts_at IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.judged_months.ends_at IS 'As in onetrading.calendar_months.';

-- Per month and stream: what should be proven by now and is not. The stream's first scopes must
-- prove the whole month, a scope that came later (a new instrument) only from its own start.
CREATE VIEW onetrading.months_missing AS
SELECT account_id, zone, month, sum(seconds) AS seconds, min(due_to) AS due_to, min(since) AS since,
    bool_or(begins_late AND seconds > 0) AS begins_late,
    string_agg(stream, ', ' ORDER BY stream) AS streams,
    string_agg(
        format('%s: not proven complete from %s to %s', stream,
            to_char(gap_from AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
            to_char(gap_to AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'))
        || CASE
            WHEN begins_late AND unserved
            THEN ', because the exchange does not serve what is that old'
            WHEN begins_late
            THEN ', because its history is required from later on (ONETRADING_HISTORY_START)'
            ELSE '' END,
        '; ' ORDER BY stream) FILTER (WHERE seconds > 0) AS gaps
FROM (
    SELECT account_id, zone, month, stream, min(due_to) AS due_to,
        min(stream_from) > starts_at AS begins_late, bool_or(unserved) AS unserved,
        sum(extract(epoch FROM upper(gap) - lower(gap))) AS seconds,
        min(lower(gap)) AS gap_from, max(upper(gap)) AS gap_to,
        min(lower(gap) + settle) AS since
    FROM onetrading.calendar_months AS months
    JOIN onetrading.required_scopes AS scopes USING (account_id)
    CROSS JOIN LATERAL (
        -- Scopes that a service finds at its start are not later, though some seconds apart.
        SELECT CASE WHEN scopes.required_from > stream_from + interval '1 day'
            THEN greatest(starts_at, scopes.required_from)
            ELSE starts_at END AS wanted_from, least(ends_at, due_to) AS wanted_to
    ) AS wanted
    LEFT JOIN LATERAL unnest(
        tstzmultirange(tstzrange(least(wanted_from, wanted_to), wanted_to)) - ranges
    ) AS gaps (gap) ON true
    GROUP BY account_id, zone, month, starts_at, stream
) AS missing
GROUP BY account_id, zone, month;
COMMENT ON VIEW onetrading.months_missing IS 'What of each month should be proven by now and is not. Filter by zone always.';
COMMENT ON COLUMN onetrading.months_missing.account_id IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.months_missing.zone IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.months_missing.month IS 'As in onetrading.calendar_months.';
COMMENT ON COLUMN onetrading.months_missing.seconds IS 'How much is missing, over all streams; null when nothing is.';
COMMENT ON COLUMN onetrading.months_missing.due_to IS 'Up to where all streams should be proven by now.';
COMMENT ON COLUMN onetrading.months_missing.since IS 'When the first missing instant should have been proven.';
COMMENT ON COLUMN onetrading.months_missing.begins_late IS 'Whether something is missing because history is required from later on.';
COMMENT ON COLUMN onetrading.months_missing.streams IS 'The streams that must be complete.';
COMMENT ON COLUMN onetrading.months_missing.gaps IS 'What is missing, in words.';

CREATE VIEW onetrading.coverage_checks AS
SELECT account_id, account, months.zone, months.month, check_name, state, difference,
    CASE WHEN state = 'failing' THEN failing_since END AS failing_since, detail, rows_to_look_at
FROM onetrading.judged_months AS months
LEFT JOIN onetrading.months_missing AS coverage USING (account_id, zone, month)
LEFT JOIN LATERAL (
    SELECT count(*) AS records, min(possible.first_seen_at) AS since,
        string_agg(DISTINCT possible.stream, ', ' ORDER BY possible.stream) AS streams
    FROM onetrading.possible_rejects AS possible
    WHERE possible.account_id = months.account_id
        AND possible_from < ends_at AND possible_to >= starts_at
) AS rejects ON true
CROSS JOIN LATERAL (
    SELECT 'coverage' AS check_name,
        CASE
            WHEN coverage.streams IS NULL THEN 'not_applicable'
            WHEN coverage.seconds > 0 THEN 'failing'
            WHEN coverage.due_to < ends_at THEN 'open'
            ELSE 'ok'
        END AS state,
        CASE WHEN coverage.streams IS NOT NULL THEN coalesce(coverage.seconds, 0) END AS difference,
        greatest(coverage.since, months.first_seen_at) AS failing_since,
        CASE
            WHEN coverage.streams IS NULL THEN 'no history is read of this account'
            WHEN coverage.seconds > 0 THEN coverage.gaps
            WHEN coverage.due_to < ends_at THEN format('proven complete until %s: %s',
                to_char(coverage.due_to AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
                coverage.streams)
            ELSE format('proven complete: %s', coverage.streams)
        END AS detail,
        CASE WHEN coverage.begins_late
            THEN format(
                'SELECT account, stream, required_from, covered_to FROM reporting.freshness'
                ' WHERE account_id = %L AND kind = ''history'' ORDER BY stream',
                months.account_id)
            ELSE format(
                'SELECT stream, scope, gap_start, gap_end, gap FROM reporting.coverage_gaps'
                ' WHERE account_id = %L AND gap_start < %L AND gap_end > %L'
                ' ORDER BY gap_start, stream, scope',
                months.account_id,
                to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
                to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'))
        END AS rows_to_look_at
    UNION ALL
    SELECT 'rejects',
        CASE
            WHEN rejects.records > 0 THEN 'failing'
            WHEN ends_at > now() THEN 'open'
            ELSE 'ok'
        END,
        rejects.records, rejects.since,
        CASE
            WHEN rejects.records > 0
                THEN format('%s records could not be read: %s', rejects.records, rejects.streams)
            ELSE 'every record that was sent could be read'
        END,
        format(
            'SELECT reject_id, stream, reason, record, happened_at, first_seen_at'
            ' FROM reporting.open_rejects'
            ' WHERE account_id = %1$L AND coalesce(possible_to, first_seen_at) >= %2$L'
            ' AND coalesce(possible_from, CASE WHEN possible_to IS NULL AND stream NOT IN'
            ' (SELECT stream FROM reporting.freshness WHERE account_id = %1$L AND kind = ''history'')'
            ' THEN first_seen_at ELSE ''-infinity'' END) < %3$L ORDER BY reject_id',
            months.account_id,
            to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
            to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'))
) AS checks;
COMMENT ON VIEW onetrading.coverage_checks IS 'The checks coverage and rejects of reporting.month_close, which cost little.';

-- The checks that compare facts with each other. Each asks the report of the same subject for the
-- account, zone and month alone. OFFSET 0 keeps the planner from copying a report's expressions to
-- every place where they are used.

-- What the settlements of futures come to is told by no endpoint, but follows from marks: what a
-- position has been paid is worth its value at the last one. At each funding time the marks, the
-- positions and the cash are known. Whether the exchange does just that is not documented: so this
-- judges nothing unless it holds of nearly all intervals of the month.
CREATE VIEW onetrading.settled_by_marks AS
SELECT months.account_id, months.zone, months.month, judged.*
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    WITH held AS (
        SELECT quote_code, instrument_code, funding_time, position, mark_price,
            position_is_known AND mark_price IS NOT NULL AS is_known
        FROM reporting.funding_check_by_zone AS checked
        WHERE checked.account_id = months.account_id AND checked.zone = months.zone
            AND checked.month = months.month
        OFFSET 0
    ), last_slots AS (
        -- The interval after the month's last slot ends with the first one of the next month.
        SELECT quote_code, last_time, (
                SELECT min(funding_time) FROM onetrading.funding_payments AS payments
                WHERE payments.account_id = months.account_id AND booked_at > last_time
                    AND funding_time > last_time
                    AND booked_at < last_time + interval '1 day') AS next_time
        FROM (SELECT quote_code, max(funding_time) AS last_time FROM held GROUP BY quote_code) AS ends
    ), next_held AS (
        SELECT quote_code, instrument_code, next_time, sum(position) AS position, bool_and(is_known) AS is_known
        FROM (
            SELECT quote_code, instrument_code, next_time, position, is_known
            FROM last_slots JOIN held USING (quote_code)
            WHERE funding_time = last_time
            UNION ALL
            SELECT quote_code, instrument_code, next_time, signed, true
            FROM last_slots
            JOIN onetrading.futures_trades AS trades
                ON trades.account_id = months.account_id
                AND traded_at > last_time AND traded_at <= next_time
        ) AS moved
        WHERE next_time IS NOT NULL
        GROUP BY quote_code, instrument_code, next_time
    ), slots AS (
        SELECT quote_code, funding_time, sum(position * mark_price) AS value
        FROM (
            SELECT quote_code, funding_time, position, mark_price, is_known FROM held
            UNION ALL
            SELECT quote_code, next_time, position, mark_price,
                next_held.is_known AND (position = 0 OR mark_price IS NOT NULL)
            FROM next_held
            LEFT JOIN onetrading.funding_rates AS rates
                ON rates.instrument_code = next_held.instrument_code
                AND rates.funding_time = next_time
        ) AS positions
        GROUP BY quote_code, funding_time
        HAVING bool_and(is_known)
    ), anchors AS (
        SELECT quote_code, funding_time, value, booked_at, cash_balance
        FROM slots
        CROSS JOIN LATERAL (
            SELECT booked_at, cash_balance FROM onetrading.funding_payments AS payments
            WHERE payments.account_id = months.account_id
                AND booked_at >= slots.funding_time
                AND booked_at < slots.funding_time + interval '10 minutes'
                AND payments.funding_time = slots.funding_time
            ORDER BY booked_at DESC LIMIT 1
        ) AS last_payment
        WHERE cash_balance IS NOT NULL AND NOT EXISTS (
            SELECT FROM onetrading.futures_trades AS trades
            WHERE trades.account_id = months.account_id
                AND traded_at >= slots.funding_time AND traded_at <= booked_at)
    ), intervals AS (
        SELECT *, lead(booked_at) OVER next AS next_at, lead(value) OVER next AS next_value,
            lead(cash_balance) OVER next AS next_cash
        FROM anchors WINDOW next AS (PARTITION BY quote_code ORDER BY funding_time)
    ), compared AS (
        SELECT quote_code, booked_at, next_at,
            next_cash - cash_balance - (next_value - value) - (
                SELECT coalesce(sum(amount + gain), 0)
                FROM onetrading.balance_changes AS changes
                WHERE changes.account_id = months.account_id AND changes.currency = quote_code
                    AND changed_at > intervals.booked_at AND changed_at <= next_at) AS difference
        FROM intervals
        WHERE next_at IS NOT NULL
    )
    SELECT quote_code AS currency, count(*) AS intervals,
        count(*) FILTER (WHERE abs(difference) < 0.01) AS agreeing,
        sum(difference) FILTER (WHERE abs(difference) >= 0.01) AS difference,
        min(booked_at) FILTER (WHERE abs(difference) >= 0.01) AS first_from,
        min(next_at) FILTER (WHERE abs(difference) >= 0.01) AS first_to
    FROM compared
    GROUP BY quote_code
) AS judged;
COMMENT ON VIEW onetrading.settled_by_marks IS 'Whether cash moved between funding times by what is known and by the change of the value of positions at their marks. Filter by account, zone and month.';
COMMENT ON COLUMN onetrading.settled_by_marks.account_id IS 'As in onetrading.account_months.';
COMMENT ON COLUMN onetrading.settled_by_marks.zone IS 'As in onetrading.account_months.';
COMMENT ON COLUMN onetrading.settled_by_marks.month IS 'As in onetrading.account_months.';
COMMENT ON COLUMN onetrading.settled_by_marks.currency IS 'In which the futures are settled.';
COMMENT ON COLUMN onetrading.settled_by_marks.intervals IS 'Pairs of funding times with known cash, positions and marks.';
COMMENT ON COLUMN onetrading.settled_by_marks.agreeing IS 'Intervals that differ by less than 0.01 units of currency.';
COMMENT ON COLUMN onetrading.settled_by_marks.difference IS 'What moved cash in the others and is not known; null when there are none.';
COMMENT ON COLUMN onetrading.settled_by_marks.first_from IS 'Beginning of the first interval that differs.';
COMMENT ON COLUMN onetrading.settled_by_marks.first_to IS 'Its end.';

CREATE VIEW onetrading.roll_forward_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'roll_forward' AS check_name,
    CASE
        WHEN report.difference IS NULL THEN 'open'
        WHEN abs(report.difference) > report.tolerance OR marks.difference <> 0 THEN 'failing'
        WHEN report.basis = 'derived' THEN 'not_applicable'
        WHEN months.ends_at > now() THEN 'open'
        ELSE 'ok'
    END AS state,
    CASE WHEN abs(report.difference) <= report.tolerance AND marks.difference <> 0
        THEN marks.difference ELSE report.difference END AS difference,
    report.currency,
    CASE
        WHEN report.difference IS NULL THEN 'no balance is known at an end of the month'
        WHEN abs(report.difference) > report.tolerance THEN format(
            'observed %s, expected %s; the first difference came between %s and %s',
            report.actual, report.expected,
            coalesce(to_char(report.first_unexplained_from AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), '?'),
            coalesce(to_char(report.first_unexplained_to AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), '?'))
        WHEN marks.difference <> 0 THEN format(
            'cash moved by %s that is neither known nor settled at the marks; first between %s and %s',
            marks.difference,
            to_char(marks.first_from AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
            to_char(marks.first_to AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'))
        WHEN report.basis = 'derived' THEN 'both ends of the month are derived: they prove nothing'
        ELSE format('opening balance and movements give what was observed: %s', report.actual)
            || CASE WHEN report.difference <> 0
                THEN format(', but for %s of rounded settlements', report.difference) ELSE '' END
    END AS detail,
    format(
        'SELECT booked_at, entry_kind, asset, amount, counter, reference FROM reporting.ledger(%L)'
        ' WHERE account_id = %L AND month = %L AND asset = %L AND ledger_account = ''account'''
        ' AND booked_at >= %L AND booked_at <= %L ORDER BY booked_at, entry_id',
        months.zone, months.account_id, months.month, report.currency,
        to_char(coalesce(report.first_unexplained_from, marks.first_from, months.starts_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"Z"'),
        to_char(coalesce(report.first_unexplained_to, marks.first_to, months.ends_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"Z"'))
        AS rows_to_look_at
FROM onetrading.account_months AS months
JOIN LATERAL (
    -- The exchange settles futures each minute and may round each time.
    SELECT *, CASE WHEN settlements_inferred <> 0 THEN 0.01 ELSE 0 END AS tolerance
    FROM reporting.balance_rollforward_by_zone AS report
    WHERE report.account_id = months.account_id AND report.zone = months.zone
        AND report.month = months.month
    OFFSET 0
) AS report ON true
LEFT JOIN LATERAL (
    SELECT settled.difference, first_from, first_to FROM onetrading.settled_by_marks AS settled
    WHERE report.settlements_inferred <> 0
        AND settled.account_id = months.account_id AND settled.zone = months.zone
        AND settled.month = months.month AND settled.currency = report.currency
        -- Else the exchange settles otherwise, and this tells nothing.
        AND intervals >= 20 AND agreeing >= 0.9 * intervals
    OFFSET 0
) AS marks ON true;

CREATE VIEW onetrading.order_fill_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'order_fills' AS check_name,
    CASE
        WHEN report.orders = 0 THEN 'not_applicable'
        WHEN report.different > 0 THEN 'failing'
        -- An order that stays open for months keeps no month open: it is compared once it closes.
        WHEN months.ends_at > now() THEN 'open'
        ELSE 'ok'
    END AS state,
    report.different::numeric AS difference, NULL::text AS currency,
    CASE
        WHEN report.orders = 0 THEN 'no order was created in the month'
        WHEN report.different > 0 THEN format(
            '%s of %s orders were filled otherwise than their trades say', report.different, report.orders)
        ELSE format('the trades of %s orders are what they were filled with', report.orders - report.unknown - report.open)
            || CASE WHEN report.unknown > 0 THEN format('; of %s that is not known', report.unknown) ELSE '' END
            || CASE WHEN report.open > 0 THEN format('; %s are open', report.open) ELSE '' END
    END AS detail,
    format(
        'SELECT order_id, created_at, instrument_code, status, filled_as_told, filled_by_trades, difference'
        ' FROM reporting.order_fill_check(%L) WHERE account_id = %L AND month = %L'
        ' AND state = ''different'' ORDER BY created_at, order_id',
        months.zone, months.account_id, months.month) AS rows_to_look_at
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    SELECT count(*) AS orders, count(*) FILTER (WHERE state = 'different') AS different,
        count(*) FILTER (WHERE state = 'unknown') AS unknown,
        count(*) FILTER (WHERE state = 'open') AS open
    FROM (
        SELECT * FROM reporting.order_fill_check_by_zone AS report
        WHERE report.account_id = months.account_id AND report.zone = months.zone
            AND report.month = months.month
        OFFSET 0
    ) AS report
) AS report;

CREATE VIEW onetrading.position_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'positions' AS check_name,
    CASE
        WHEN report.different > 0 THEN 'failing'
        WHEN report.instruments = report.unknown THEN 'not_applicable'
        WHEN months.ends_at > now() THEN 'open'
        ELSE 'ok'
    END AS state,
    report.different::numeric AS difference, NULL::text AS currency,
    CASE
        WHEN report.instruments = 0 THEN 'no futures were traded'
        WHEN report.different > 0 THEN format(
            'trades and observed positions differ: %s', report.names)
        ELSE format('positions of %s instruments are what their trades add up to', report.instruments - report.unknown)
            || CASE WHEN report.unknown > 0
                THEN format('; of %s no position was observed', report.unknown) ELSE '' END
    END AS detail,
    format(
        'SELECT instrument_code, net_by_trades, net_observed, difference, since'
        ' FROM reporting.position_check WHERE account_id = %L AND difference <> 0'
        ' ORDER BY instrument_code', months.account_id) AS rows_to_look_at
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    SELECT count(*) AS instruments, count(*) FILTER (WHERE difference <> 0) AS different,
        count(*) FILTER (WHERE difference IS NULL) AS unknown,
        string_agg(
            instrument_code || coalesce(' since ' || to_char(since AT TIME ZONE 'UTC',
                'YYYY-MM-DD HH24:MI:SS"Z"'), ''),
            ', ' ORDER BY instrument_code) FILTER (WHERE difference <> 0) AS names
    FROM (
        -- What differs since a later month says nothing of this one.
        SELECT * FROM reporting.position_check AS report
        WHERE report.account_id = months.account_id
            AND (difference IS NOT DISTINCT FROM 0 OR coalesce(since, '-infinity') < months.ends_at)
        OFFSET 0
    ) AS report
) AS report;

CREATE VIEW onetrading.funding_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'funding' AS check_name,
    CASE
        WHEN report.slots = 0 THEN 'not_applicable'
        WHEN report.wrong > 0 THEN 'failing'
        WHEN months.ends_at > now() OR report.open > 0 THEN 'open'
        ELSE 'ok'
    END AS state,
    report.wrong::numeric AS difference, NULL::text AS currency,
    CASE
        WHEN report.slots = 0 THEN 'no position was open at a funding time'
        WHEN report.wrong > 0 THEN format(
            '%s of %s payments: %s missing, %s unexpected, %s of another amount',
            report.wrong, report.slots, report.missing, report.unexpected, report.different)
        ELSE format('%s payments are the settled rate times the position', report.slots - report.unknown - report.open)
            || CASE WHEN report.unknown > 0 THEN format('; of %s the position or the rate is not known', report.unknown) ELSE '' END
    END AS detail,
    format(
        'SELECT funding_time, instrument_code, state, expected, booked, difference'
        ' FROM reporting.funding_check(%L) WHERE account_id = %L AND month = %L'
        ' AND state IN (''missing'', ''unexpected'', ''different'')'
        ' ORDER BY funding_time, instrument_code',
        months.zone, months.account_id, months.month) AS rows_to_look_at
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    SELECT count(*) AS slots,
        count(*) FILTER (WHERE state IN ('missing', 'unexpected', 'different')) AS wrong,
        count(*) FILTER (WHERE state = 'missing') AS missing,
        count(*) FILTER (WHERE state = 'unexpected') AS unexpected,
        count(*) FILTER (WHERE state = 'different') AS different,
        count(*) FILTER (WHERE state LIKE 'unknown\_%') AS unknown,
        count(*) FILTER (WHERE state = 'open') AS open
    FROM (
        SELECT * FROM reporting.funding_check_by_zone AS report
        WHERE report.account_id = months.account_id AND report.zone = months.zone
            AND report.month = months.month
        OFFSET 0
    ) AS report
) AS report;

CREATE VIEW onetrading.futures_pnl_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'futures_pnl' AS check_name,
    CASE
        WHEN report.different > 0 THEN 'failing'
        WHEN report.positions = report.unknown THEN 'not_applicable'
        WHEN months.ends_at > now() THEN 'open'
        ELSE 'ok'
    END AS state,
    report.difference, NULL::text AS currency,
    CASE
        WHEN report.positions = 0 THEN 'no position was closed in the month'
        WHEN report.different > 0 THEN format(
            '%s of %s closed positions: the exchange tells another result than their trades',
            report.different, report.positions)
        ELSE format('the results of %s closed positions are those of their trades', report.positions - report.unknown)
            || CASE WHEN report.unknown > 0
                THEN format('; of %s the result cannot be compared', report.unknown) ELSE '' END
    END AS detail,
    format(
        'SELECT position_id, instrument_code, closed_at, gain_gross, exchange_closing_pnl, difference'
        ' FROM reporting.realised_pnl_futures(%L) WHERE account_id = %L AND month = %L'
        ' AND state = ''different'' ORDER BY closed_at, position_id',
        months.zone, months.account_id, months.month) AS rows_to_look_at
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    SELECT count(*) AS positions, count(*) FILTER (WHERE state = 'different') AS different,
        count(*) FILTER (WHERE state = 'unknown') AS unknown,
        coalesce(sum(abs(difference)) FILTER (WHERE state = 'different'), 0) AS difference
    FROM (
        SELECT * FROM reporting.realised_pnl_futures_by_zone AS report
        WHERE report.account_id = months.account_id AND report.zone = months.zone
            AND report.month = months.month
        OFFSET 0
    ) AS report
) AS report;

-- A month is closed in one currency: where rates are imported at all, each day on which another one
-- moved needs a rate of that day or of the week before (weekends and holidays have none).
CREATE VIEW onetrading.rate_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'rates' AS check_name,
    CASE
        WHEN report.days IS NULL THEN 'not_applicable'
        WHEN report.missing > 0 THEN 'failing'
        WHEN months.ends_at > now() THEN 'open'
        ELSE 'ok'
    END AS state,
    report.missing::numeric AS difference, NULL::text AS currency,
    CASE
        WHEN report.days IS NULL THEN 'no exchange rate was ever imported, or none is needed'
        WHEN report.missing > 0 THEN format(
            'no rate for %s days with movements, the first is %s (%s)',
            report.missing, report.first_day, report.codes)
        ELSE format('rates are known for all %s days with movements', report.days)
    END AS detail,
    format(
        'SELECT DISTINCT (booked_at AT TIME ZONE ''UTC'')::date AS day, asset'
        ' FROM reporting.ledger(%L) WHERE account_id = %L AND month = %L'
        ' AND asset IN (SELECT quote_code FROM reporting.exchange_rates) ORDER BY day, asset',
        months.zone, months.account_id, months.month) AS rows_to_look_at
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    SELECT nullif(count(*), 0) AS days, count(*) FILTER (WHERE NOT has_rate) AS missing,
        min(day) FILTER (WHERE NOT has_rate) AS first_day,
        string_agg(DISTINCT code, ', ') FILTER (WHERE NOT has_rate) AS codes
    FROM (
        SELECT day, code, EXISTS (
            SELECT FROM onetrading.exchange_rates AS rates
            WHERE rates.quote_code = moved.code AND rates.day BETWEEN moved.day - 7 AND moved.day
        ) AS has_rate
        FROM (
            SELECT DISTINCT (traded_at AT TIME ZONE 'UTC')::date AS day, quote_code AS code
            FROM onetrading.trades
            JOIN onetrading.instrument_assets AS assets
                ON assets.instrument_code = trades.instrument_code
                AND known_from <= traded_at AND traded_at < known_to
            WHERE trades.account_id = months.account_id
                AND traded_at >= months.starts_at AND traded_at < months.ends_at
            UNION
            SELECT (booked_at AT TIME ZONE 'UTC')::date, quote_code
            FROM onetrading.funding_payments AS payments
            JOIN onetrading.instrument_assets AS assets
                ON assets.instrument_code = payments.instrument_code
                AND known_from <= booked_at AND booked_at < known_to
            WHERE payments.account_id = months.account_id
                AND booked_at >= months.starts_at AND booked_at < months.ends_at
        ) AS moved
        WHERE code IN (SELECT quote_code FROM onetrading.exchange_rates)
    ) AS needed
) AS report;

-- A trade of an unknown instrument is in no pool, and in no currency.
CREATE VIEW onetrading.instrument_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'instruments' AS check_name,
    CASE
        WHEN report.trades > 0 THEN 'failing'
        WHEN months.ends_at > now() THEN 'open'
        ELSE 'ok'
    END AS state,
    coalesce(report.trades, 0)::numeric AS difference, NULL::text AS currency,
    CASE
        WHEN report.trades > 0 THEN format(
            '%s trades are of instruments that are not known, and in no result: %s',
            report.trades, report.codes)
        ELSE 'the instrument of every trade is known'
    END AS detail,
    format(
        'SELECT traded_at, trade_id, instrument_code, side, price, amount FROM reporting.trades'
        ' WHERE account_id = %L AND traded_at >= %L AND traded_at < %L AND base_code IS NULL'
        ' ORDER BY traded_at_nanos, sequence, trade_id',
        months.account_id,
        to_char(months.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
        to_char(months.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')) AS rows_to_look_at
FROM onetrading.account_months AS months
CROSS JOIN LATERAL (
    WITH apart AS (SELECT)
    SELECT sum(trades) AS trades, string_agg(instrument_code, ', ' ORDER BY instrument_code) AS codes
    FROM (
        SELECT instrument_code, count(*) AS trades FROM onetrading.trades
        WHERE trades.account_id = months.account_id
            AND traded_at >= months.starts_at AND traded_at < months.ends_at
        GROUP BY instrument_code
    ) AS traded
    WHERE NOT EXISTS (
        SELECT FROM onetrading.instruments AS known
        WHERE known.instrument_code = traded.instrument_code)
) AS report;

CREATE VIEW onetrading.late_checks AS
SELECT months.account_id, months.account, months.zone, months.month, 'late_facts' AS check_name,
    CASE
        WHEN locks.close_id IS NULL THEN 'not_applicable'
        WHEN late.facts > 0 THEN 'failing'
        ELSE 'ok'
    END AS state,
    CASE WHEN locks.close_id IS NOT NULL THEN coalesce(late.facts, 0)::numeric END AS difference,
    NULL::text AS currency,
    CASE
        WHEN locks.close_id IS NULL THEN 'the month is not locked'
        WHEN late.facts > 0 THEN format('%s facts became known, changed or vanished since the lock', late.facts)
        ELSE 'nothing became known since the lock'
    END AS detail,
    format(
        'SELECT stream, kind, happened_at, noticed_at, fee_delta, quote_delta, funding_delta, key'
        ' FROM reporting.late_facts WHERE account_id = %L AND happened_at >= %L AND happened_at < %L'
        ' AND locked_at IS NOT NULL AND resolved_at IS NULL ORDER BY noticed_at',
        months.account_id, lots_from::text, to_at::text) AS rows_to_look_at
FROM onetrading.account_months AS months
LEFT JOIN onetrading.lock_ranges AS locks
    ON locks.zone = months.zone AND locks.month = months.month
LEFT JOIN onetrading.late_since_lock AS late
    ON late.zone = months.zone AND late.month = months.month AND late.account_id = months.account_id;

-- What is judged anew each time that it is asked for: the months without a lock.
CREATE VIEW onetrading.live_checks AS
SELECT account_id, account, zone, month, check_name, state, difference, NULL::text AS currency,
    failing_since, detail, rows_to_look_at
FROM onetrading.coverage_checks
UNION ALL
SELECT account_id, account, zone, month, check_name, state, difference, currency,
    CASE WHEN state = 'failing' THEN coalesce(
        (SELECT judged.failing_since FROM onetrading_sync.judgements AS judged
            WHERE judged.account_id = checks.account_id AND judged.zone = checks.zone
                AND judged.month = checks.month AND judged.check_name = checks.check_name
                AND judged.currency = coalesce(checks.currency, '')),
        now()) END,
    detail, rows_to_look_at
FROM (
    SELECT * FROM onetrading.roll_forward_checks
    UNION ALL SELECT * FROM onetrading.order_fill_checks
    UNION ALL SELECT * FROM onetrading.position_checks
    UNION ALL SELECT * FROM onetrading.funding_checks
    UNION ALL SELECT * FROM onetrading.futures_pnl_checks
    UNION ALL SELECT * FROM onetrading.rate_checks
    UNION ALL SELECT * FROM onetrading.instrument_checks
    UNION ALL SELECT * FROM onetrading.late_checks
) AS checks;

-- Futures beside spot: the result of the positions closed in the month, and what was booked in it.
CREATE OR REPLACE VIEW reporting.realised_pnl_monthly_by_zone AS
SELECT * FROM onetrading.spot_pnl_months
UNION ALL
SELECT account, account_id, month, zone, NULL, instrument_code, quote_code, 'position',
    gain_gross, fees, funding, gain_net, disposals, missing_cost, NULL, NULL
FROM onetrading.futures_pnl_months;
COMMENT ON VIEW reporting.realised_pnl_monthly_by_zone IS 'Realised profit and loss by month: of spot trading from reporting.realised_pnl_fifo and reporting.realised_pnl_average, of futures the positions that were closed in the month, with the fees and funding that were booked in it. In every time zone: always filter by zone, or call reporting.realised_pnl_monthly(zone).

Example:
SELECT asset, instrument_code, currency, method, gain_gross, fees, funding, gain_net, missing_cost
FROM reporting.realised_pnl_monthly_by_zone
WHERE account = ''main'' AND month = ''2026-10-01''
    AND zone = ''Europe/Vienna''
ORDER BY asset, instrument_code, currency, method;';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.method IS 'fifo or average: two answers to one question of spot trading, never to be added up; position: futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.disposals IS 'How many SELLs of spot trading, or closed positions of futures, the sums are of, including those without a known cost.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.missing_cost IS 'How many pieces (of the average: SELLs; of futures: positions) have no known cost or result, and are in no gain.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.missing_proceeds IS 'What these were sold for, in currency; null for futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly_by_zone.unknown_fees IS 'How many pieces have a known cost, but a fee that was not told or is in a third currency: in gain_gross, not in gain_net. Null for futures.';
COMMENT ON VIEW reporting.realised_pnl_monthly IS 'Realised profit and loss by month: of spot trading from reporting.realised_pnl_fifo and reporting.realised_pnl_average, of futures the positions that were closed in the month, with the fees and funding that were booked in it. In the business zone (ONETRADING_BUSINESS_ZONE).

Example:
SELECT asset, instrument_code, currency, method, gain_gross, fees, funding, gain_net, missing_cost
FROM reporting.realised_pnl_monthly
WHERE account = ''main'' AND month = ''2026-10-01''
ORDER BY asset, instrument_code, currency, method;';
COMMENT ON COLUMN reporting.realised_pnl_monthly.method IS 'fifo or average: two answers to one question of spot trading, never to be added up; position: futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.disposals IS 'How many SELLs of spot trading, or closed positions of futures, the sums are of, including those without a known cost.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.missing_cost IS 'How many pieces (of the average: SELLs; of futures: positions) have no known cost or result, and are in no gain.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.missing_proceeds IS 'What these were sold for, in currency; null for futures.';
COMMENT ON COLUMN reporting.realised_pnl_monthly.unknown_fees IS 'How many pieces have a known cost, but a fee that was not told or is in a third currency: in gain_gross, not in gain_net. Null for futures.';

CREATE VIEW reporting.month_close_by_zone AS
SELECT account, account_id, month, zone, check_name, state, difference, currency, failing_since,
    detail, rows_to_look_at
FROM onetrading.live_checks AS live
WHERE NOT EXISTS (
    SELECT FROM onetrading.closes
    WHERE closes.zone = live.zone AND closes.month = live.month AND reopened_at IS NULL)
UNION ALL
SELECT account, account_id, closes.month, closes.zone, check_name,
    CASE WHEN reason IS NOT NULL THEN 'acknowledged' ELSE state END,
    difference, currency,
    CASE WHEN reason IS NULL THEN failing_since END,
    CASE WHEN reason IS NOT NULL THEN detail || '; acknowledged: ' || reason ELSE detail END,
    rows_to_look_at
FROM onetrading.closes
JOIN onetrading.closed_rows USING (close_id)
CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.live_checks, row) AS stored
CROSS JOIN LATERAL (
    SELECT CASE WHEN state IN ('failing', 'open') THEN coalesce(
        closes.acknowledged ->> (account || '/' || check_name), closes.acknowledged ->> check_name)
    END AS reason
) AS accepted
WHERE reopened_at IS NULL AND report = 'month_close' AND check_name <> 'late_facts'
UNION ALL
SELECT account, account_id, month, zone, check_name, state, difference, currency,
    CASE WHEN state = 'failing' THEN coalesce(
        (SELECT judged.failing_since FROM onetrading_sync.judgements AS judged
            WHERE judged.account_id = late.account_id AND judged.zone = late.zone
                AND judged.month = late.month AND judged.check_name = late.check_name),
        now()) END,
    detail, rows_to_look_at
FROM onetrading.late_checks AS late
WHERE state <> 'not_applicable';

CREATE OR REPLACE VIEW reporting.month_close AS
SELECT * FROM reporting.month_close_by_zone
WHERE zone = (SELECT zone FROM onetrading.business_zone);

CREATE FUNCTION reporting.month_close(zone text) RETURNS SETOF reporting.month_close
LANGUAGE sql STABLE
AS $$ SELECT * FROM reporting.month_close_by_zone AS checks WHERE checks.zone = reporting.known_zone($1) $$;

-- The monthly reports answer from the stored rows where a month is locked, else from the facts. What
-- computes from the facts moves aside, under the name live_...; the columns keep their comments.
DO $$
DECLARE
    report text;
    by_zone text;
    zoned boolean;
    line text;
BEGIN
    FOREACH report IN ARRAY '{monthly_fees,monthly_funding,monthly_turnover,balance_rollforward,realised_pnl_monthly,inventory_rollforward}'::text[]
    LOOP
        zoned := report NOT LIKE 'monthly\_%';
        by_zone := report || CASE WHEN zoned THEN '_by_zone' ELSE '' END;
        EXECUTE format('ALTER VIEW reporting.%I SET SCHEMA onetrading', by_zone);
        EXECUTE format('ALTER VIEW onetrading.%I RENAME TO %I', by_zone, 'live_' || report);
        EXECUTE format(
            'CREATE VIEW reporting.%1$I AS'
            ' SELECT live.* FROM onetrading.%2$I AS live'
            ' WHERE NOT EXISTS (SELECT FROM onetrading.closes'
            '   WHERE closes.month = live.month AND reopened_at IS NULL %3$s)'
            ' UNION ALL'
            ' SELECT stored.* FROM onetrading.locked_rows AS locked'
            ' CROSS JOIN LATERAL jsonb_populate_record(NULL::onetrading.%2$I, locked.row) AS stored'
            ' WHERE locked.report = %4$L AND stored.month = locked.month %5$s',
            by_zone, 'live_' || report,
            CASE WHEN zoned THEN 'AND closes.zone = live.zone'
                -- Of a month that is locked in two zones, the rows of the first one count.
                ELSE '' END,
            report,
            CASE WHEN zoned THEN 'AND stored.zone = locked.zone'
                ELSE 'AND locked.is_first' END);
        IF zoned THEN
            EXECUTE format(
                'CREATE OR REPLACE VIEW reporting.%1$I AS SELECT * FROM reporting.%2$I'
                ' WHERE zone = (SELECT zone FROM onetrading.business_zone)', report, by_zone);
        END IF;
        FOR line IN
            SELECT format('COMMENT ON COLUMN reporting.%I.%I IS %L', by_zone, attname,
                col_description(attrelid, attnum))
            FROM pg_attribute
            WHERE attrelid = format('onetrading.%I', 'live_' || report)::regclass AND attnum > 0
            UNION ALL
            SELECT format('COMMENT ON VIEW reporting.%I IS %L', by_zone,
                obj_description(format('onetrading.%I', 'live_' || report)::regclass))
            UNION ALL
            SELECT format('COMMENT ON VIEW onetrading.%I IS %L', 'live_' || report,
                'reporting.' || by_zone || ' as computed from the facts, whether a month is locked or not.')
        LOOP
            EXECUTE line;
        END LOOP;
    END LOOP;
END
$$;

COMMENT ON VIEW reporting.month_close_by_zone IS 'reporting.month_close in every time zone: always filter by zone, or call reporting.month_close(zone).

Example:
SELECT account, check_name, state, difference, currency, detail FROM reporting.month_close_by_zone
WHERE zone = ''Europe/Vienna'' AND month = ''2026-03-01'' ORDER BY account, check_name;';
COMMENT ON VIEW reporting.month_close IS 'Whether a month is complete and fits together, per account and check, in the business zone: the only place that judges it. A month can be closed when none of its rows is failing or open. Streams that the account cannot have (futures of a spot account) and instruments that are no longer asked are not counted; what is read without a token is judged as account "public". Of a locked month it says what was said when it was locked, and whether anything became known since.

Example:
SELECT account, check_name, state, difference, currency, detail, rows_to_look_at
FROM reporting.month_close WHERE month = ''2026-03-01'' ORDER BY account, check_name;';
COMMENT ON FUNCTION reporting.month_close(text) IS 'The view of this name in any time zone.

Example:
SELECT account, check_name, state FROM reporting.month_close(''Europe/Vienna'')
WHERE month = ''2026-03-01'' AND state <> ''ok'';';
COMMENT ON COLUMN reporting.month_close.check_name IS 'coverage (all history of the month is proven complete), rejects (no record of it is left that could not be read), roll_forward (opening balance and movements give the closing one; of futures, also cash from one funding time to the next, by the marks, where the exchange settles at them), order_fills (orders were filled as their trades say), positions (futures positions are what trades add up to), funding (payments are rate times position), futures_pnl (closed positions earned what their trades say), instruments (the instrument of every trade is known), late_facts (nothing became known since the lock) or rates (exchange rates are there, if any are imported).';
COMMENT ON COLUMN reporting.month_close.state IS 'ok; open: the month or what it needs is not over; failing; not_applicable: the account has nothing of the kind; acknowledged: it failed when the month was locked, and somebody said why that is accepted.';
COMMENT ON COLUMN reporting.month_close.difference IS 'How far it is off: seconds of history (coverage), an amount in currency (roll_forward), the sum of the differences (futures_pnl), days (rates), else a number of records; null where nothing can be compared.';
COMMENT ON COLUMN reporting.month_close.currency IS 'The asset that difference is in; null where it is in none.';
COMMENT ON COLUMN reporting.month_close.failing_since IS 'Since when it fails, as far as known: months are judged hourly (older ones daily); null when it does not.';
COMMENT ON COLUMN reporting.month_close.detail IS 'What was found, in words.';
COMMENT ON COLUMN reporting.month_close.rows_to_look_at IS 'A query that shows the rows.';
COMMENT ON COLUMN reporting.month_close.month IS 'First day of the calendar month: every month that has facts or must be complete, until the current one; of an account that is no longer configured, until the month in which it left.';
COMMENT ON COLUMN reporting.month_close.zone IS 'Time zone in which the month begins and ends.';

-- Parts of month_close and the views by zone have its columns, and so their comments.
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN
        SELECT format('COMMENT ON COLUMN reporting.month_close_by_zone.%I IS %L', attname,
            col_description(attrelid, attnum))
        FROM pg_attribute WHERE attrelid = 'reporting.month_close'::regclass AND attnum > 0
        UNION ALL
        SELECT format('COMMENT ON COLUMN onetrading.%I.%I IS %L', relname, attname,
            'As in reporting.month_close.')
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'onetrading'::regnamespace AND relkind = 'v' AND attnum > 0
            AND relname LIKE '%\_checks'
    LOOP
        EXECUTE line;
    END LOOP;
END
$$;
COMMENT ON VIEW onetrading.roll_forward_checks IS 'The check roll_forward of reporting.month_close, a row for each currency.';
COMMENT ON VIEW onetrading.order_fill_checks IS 'The check order_fills of reporting.month_close.';
COMMENT ON VIEW onetrading.position_checks IS 'The check positions of reporting.month_close.';
COMMENT ON VIEW onetrading.funding_checks IS 'The check funding of reporting.month_close.';
COMMENT ON VIEW onetrading.futures_pnl_checks IS 'The check futures_pnl of reporting.month_close.';
COMMENT ON VIEW onetrading.rate_checks IS 'The check rates of reporting.month_close.';
COMMENT ON VIEW onetrading.instrument_checks IS 'The check instruments of reporting.month_close.';
COMMENT ON VIEW onetrading.late_checks IS 'The check late_facts of reporting.month_close.';
COMMENT ON VIEW onetrading.live_checks IS 'Every check of every month, judged from the facts, whether the month is locked or not. Filter by zone always.';
