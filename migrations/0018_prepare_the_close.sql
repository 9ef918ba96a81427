-- What every report of a month stands on: months in any time zone, and what the exchange does not
-- tell (deposits and withdrawals, exchange rates, lots that were bought elsewhere).
--
-- Creates tables, views and functions; no table of an earlier version is locked.

CREATE TABLE onetrading_sync.settings (
    name text PRIMARY KEY,
    value text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE onetrading_sync.settings IS 'Settings of the exporter that views depend on, as the process that started last has them.';
COMMENT ON COLUMN onetrading_sync.settings.name IS 'business_zone: ONETRADING_BUSINESS_ZONE.';
COMMENT ON COLUMN onetrading_sync.settings.value IS 'Its value.';
COMMENT ON COLUMN onetrading_sync.settings.changed_at IS 'When it last changed.';

-- A table, because a view of all time zones can only be asked for one of them by an index.
CREATE TABLE onetrading.zones (
    zone text PRIMARY KEY
);
COMMENT ON TABLE onetrading.zones IS 'The time zones that days and months can be asked for in.';
COMMENT ON COLUMN onetrading.zones.zone IS 'Its IANA name, such as Europe/Vienna.';
INSERT INTO onetrading.zones (zone)
SELECT name FROM pg_timezone_names
WHERE name NOT LIKE 'posix%' AND name NOT LIKE 'right/%' AND name NOT IN ('localtime', 'Factory')
UNION SELECT 'UTC';
CREATE UNIQUE INDEX zones_by_lower_name ON onetrading.zones (lower(zone));

CREATE VIEW onetrading.business_zone AS
SELECT coalesce((SELECT value FROM onetrading_sync.settings WHERE name = 'business_zone'), 'UTC')
    AS zone;
COMMENT ON VIEW onetrading.business_zone IS 'One row: the time zone of days and months where none is asked for.';
COMMENT ON COLUMN onetrading.business_zone.zone IS 'As in onetrading.zones.';

-- Runs with the rights of its owner: a reader has none on the table.
CREATE FUNCTION reporting.known_zone(asked text) RETURNS text
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found text;
BEGIN
    SELECT zone INTO found FROM onetrading.zones WHERE lower(zone) = lower(asked);
    IF found IS NULL THEN
        RAISE EXCEPTION 'unknown time zone "%"', asked
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Name it as the IANA does, such as Europe/Vienna or UTC.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION reporting.known_zone(text) IS 'The time zone as it is written in the reports. Fails for an unknown one, so that a mistyped zone is no empty report.';

CREATE TABLE onetrading.external_movements (
    account_id uuid NOT NULL,
    reference text NOT NULL CHECK (reference <> ''),
    moved_at timestamptz NOT NULL,
    currency_code text NOT NULL CHECK (currency_code <> ''),
    amount numeric NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deposit', 'withdrawal', 'transfer', 'fee', 'other')),
    note text,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, reference),
    CONSTRAINT external_movements_amounts CHECK (
        amount > '-Infinity' AND amount < 'Infinity' AND amount <> 0)
);
CREATE INDEX external_movements_by_time ON onetrading.external_movements (account_id, moved_at);
COMMENT ON TABLE onetrading.external_movements IS 'Deposits, withdrawals, transfers and fees that the exchange''s API does not tell, as imported from a file (import movements).';
COMMENT ON COLUMN onetrading.external_movements.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.external_movements.reference IS 'Identity of the movement within the account, chosen by whoever wrote the file.';
COMMENT ON COLUMN onetrading.external_movements.moved_at IS 'When the balance changed.';
COMMENT ON COLUMN onetrading.external_movements.currency_code IS 'What moved.';
COMMENT ON COLUMN onetrading.external_movements.amount IS 'In units of currency_code: positive when it came in, negative when it went out.';
COMMENT ON COLUMN onetrading.external_movements.kind IS 'deposit, withdrawal, transfer (between own accounts), fee or other.';
COMMENT ON COLUMN onetrading.external_movements.note IS 'What the file said beside; null when nothing.';
COMMENT ON COLUMN onetrading.external_movements.first_seen_at IS 'When it was first imported; never changed afterwards.';

CREATE TABLE onetrading.exchange_rates (
    day date NOT NULL,
    base_code text NOT NULL CHECK (base_code <> ''),
    quote_code text NOT NULL CHECK (quote_code <> '' AND quote_code <> base_code),
    source text NOT NULL CHECK (source <> ''),
    rate numeric NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (base_code, quote_code, day, source),
    CONSTRAINT exchange_rates_amounts CHECK (rate > 0 AND rate < 'Infinity')
);
COMMENT ON TABLE onetrading.exchange_rates IS 'Exchange rates as imported from a file (import rates): the exchange has no market for EUR against USD.';
COMMENT ON COLUMN onetrading.exchange_rates.day IS 'The day that the source dates the rate with.';
COMMENT ON COLUMN onetrading.exchange_rates.base_code IS 'One unit of this ...';
COMMENT ON COLUMN onetrading.exchange_rates.quote_code IS '... is worth rate units of this.';
COMMENT ON COLUMN onetrading.exchange_rates.source IS 'Who published it, such as ECB.';
COMMENT ON COLUMN onetrading.exchange_rates.rate IS 'Units of quote_code for one unit of base_code.';
COMMENT ON COLUMN onetrading.exchange_rates.first_seen_at IS 'When it was first imported; never changed afterwards.';

CREATE TABLE onetrading.external_lots (
    account_id uuid NOT NULL,
    reference text NOT NULL CHECK (reference <> ''),
    base_code text NOT NULL CHECK (base_code <> ''),
    quote_code text NOT NULL CHECK (quote_code <> ''),
    acquired_at timestamptz NOT NULL,
    quantity numeric NOT NULL,
    cost numeric,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, reference),
    CONSTRAINT external_lots_amounts CHECK (
        quantity > 0 AND quantity < 'Infinity' AND cost >= 0 AND cost < 'Infinity')
);
CREATE INDEX external_lots_by_time ON onetrading.external_lots (account_id, acquired_at);
COMMENT ON TABLE onetrading.external_lots IS 'Lots that were acquired outside of the history, as imported from a file (import lots): what can be sold beyond what was bought by trades.';
COMMENT ON COLUMN onetrading.external_lots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.external_lots.reference IS 'Identity of the lot within the account, chosen by whoever wrote the file.';
COMMENT ON COLUMN onetrading.external_lots.base_code IS 'The asset.';
COMMENT ON COLUMN onetrading.external_lots.quote_code IS 'Currency of cost: the lot serves sales for this currency.';
COMMENT ON COLUMN onetrading.external_lots.acquired_at IS 'When it was acquired.';
COMMENT ON COLUMN onetrading.external_lots.quantity IS 'In units of base_code.';
COMMENT ON COLUMN onetrading.external_lots.cost IS 'Total cost in quote_code; null when it is not known.';
COMMENT ON COLUMN onetrading.external_lots.first_seen_at IS 'When it was first imported; never changed afterwards.';

-- The first instant that anything is known of, and where an account ends that is not configured
-- any more.
CREATE VIEW onetrading.account_spans AS
SELECT accounts.account_id, accounts.name AS account, first_at, left_at
FROM onetrading.accounts
CROSS JOIN LATERAL (
    SELECT least(
        -- An equality would let the planner walk the index by time alone, for an account without
        -- trades to its end.
        (SELECT traded_at FROM onetrading.trades
            WHERE trades.account_id >= accounts.account_id AND trades.account_id <= accounts.account_id
            ORDER BY trades.account_id, traded_at LIMIT 1),
        (SELECT min(booked_at) FROM onetrading.funding_payments AS payments
            WHERE payments.account_id = accounts.account_id),
        (SELECT min(moved_at) FROM onetrading.external_movements AS movements
            WHERE movements.account_id = accounts.account_id),
        (SELECT min(first_observed_at) FROM onetrading.snapshots
            WHERE snapshots.account_id = accounts.account_id AND stream = 'balances')) AS first_at
) AS facts
WHERE first_at IS NOT NULL;
COMMENT ON VIEW onetrading.account_spans IS 'From when on something is known of each account that has facts.';
COMMENT ON COLUMN onetrading.account_spans.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_spans.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_spans.first_at IS 'The earliest trade, funding payment, movement or observed balance.';
COMMENT ON COLUMN onetrading.account_spans.left_at IS 'As in onetrading.accounts.';

CREATE VIEW onetrading.account_months AS
SELECT account_id, account, zone, starts::date AS month,
    starts AT TIME ZONE zone AS starts_at,
    (starts + interval '1 month') AT TIME ZONE zone AS ends_at
FROM onetrading.account_spans
CROSS JOIN onetrading.zones
CROSS JOIN LATERAL generate_series(
    date_trunc('month', first_at AT TIME ZONE zone),
    date_trunc('month', greatest(first_at, coalesce(left_at, now())) AT TIME ZONE zone),
    interval '1 month') AS series (starts);
COMMENT ON VIEW onetrading.account_months IS 'The months of each account in each time zone: what reports by month are joined to, so that a filter on account, zone and month is applied before anything is computed. Filter by zone always.';
COMMENT ON COLUMN onetrading.account_months.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_months.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_months.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.account_months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.account_months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN onetrading.account_months.ends_at IS 'End of the month (exclusive).';

CREATE VIEW reporting.months_by_zone AS
SELECT starts::date AS month, zone, starts AT TIME ZONE zone AS starts_at,
    (starts + interval '1 month') AT TIME ZONE zone AS ends_at,
    (starts + interval '1 month') AT TIME ZONE zone <= now() AS is_over
FROM (
    SELECT min(first_at) AS first_at,
        max(greatest(first_at, coalesce(left_at, now()))) AS last_at
    FROM onetrading.account_spans
) AS spans
CROSS JOIN onetrading.zones
CROSS JOIN LATERAL generate_series(
    date_trunc('month', first_at AT TIME ZONE zone),
    date_trunc('month', last_at AT TIME ZONE zone),
    interval '1 month') AS series (starts);
COMMENT ON VIEW reporting.months_by_zone IS 'Months that have data, in every time zone: always filter by zone, or call reporting.months(zone).

Example:
SELECT month, starts_at, ends_at FROM reporting.months_by_zone
WHERE zone = ''Europe/Vienna'' AND is_over ORDER BY month;';
COMMENT ON COLUMN reporting.months_by_zone.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.months_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.months_by_zone.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.months_by_zone.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN reporting.months_by_zone.is_over IS 'Whether the month has ended.';

CREATE VIEW reporting.months AS
SELECT * FROM reporting.months_by_zone WHERE zone = (SELECT zone FROM onetrading.business_zone);
COMMENT ON VIEW reporting.months IS 'Months that have data, in the business zone (ONETRADING_BUSINESS_ZONE).

Example:
SELECT month, zone, starts_at, ends_at FROM reporting.months WHERE is_over ORDER BY month;';
COMMENT ON COLUMN reporting.months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.months.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.months.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN reporting.months.is_over IS 'Whether the month has ended.';

-- Plain SQL, which the planner puts into the query around it, so that filters reach the tables.
CREATE FUNCTION reporting.months(zone text) RETURNS SETOF reporting.months
LANGUAGE sql STABLE
AS $$ SELECT * FROM reporting.months_by_zone AS months WHERE months.zone = reporting.known_zone($1) $$;
COMMENT ON FUNCTION reporting.months(text) IS 'The view of this name in any time zone.

Example:
SELECT month, starts_at, ends_at FROM reporting.months(''Europe/Vienna'') WHERE is_over;';
