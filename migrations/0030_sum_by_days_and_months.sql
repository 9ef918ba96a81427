-- Balances and positions that follow from the trades of years add up months and days where they can.
--
-- The sums by hours of an account that trades each market less than hourly are no fewer than its trades.
-- The days that they are of are summed as a whole, too. The sums of the months that are over (0028) are
-- few for every account, and hold the same. They are made anew, because the first and the last trade of
-- each sum are noted with it from here on: the service does that within an hour of its start. No table of
-- facts is locked.

CREATE TABLE onetrading_sync.daily_sums (
    account_id uuid NOT NULL,
    day date NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    fee_currency text,
    first_at timestamptz NOT NULL,
    trades bigint NOT NULL,
    amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fees_paid numeric,
    fees_received numeric,
    FOREIGN KEY (account_id, day) REFERENCES onetrading_sync.summed_days ON DELETE CASCADE
);
COMMENT ON TABLE onetrading_sync.daily_sums IS 'Sums of onetrading_sync.hourly_sums over the hours of a day of onetrading_sync.summed_days. No row: no trade.';
COMMENT ON COLUMN onetrading_sync.daily_sums.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.daily_sums.day IS 'As in onetrading_sync.summed_days.';
COMMENT ON COLUMN onetrading_sync.daily_sums.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.daily_sums.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.daily_sums.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading_sync.daily_sums.first_at IS 'When the first of these trades was.';
COMMENT ON COLUMN onetrading_sync.daily_sums.trades IS 'How many there are.';
COMMENT ON COLUMN onetrading_sync.daily_sums.amount IS 'Sum of amount, in the base currency.';
COMMENT ON COLUMN onetrading_sync.daily_sums.quote_amount IS 'Sum of quote_amount, in the quote currency.';
COMMENT ON COLUMN onetrading_sync.daily_sums.fees_paid IS 'Sum of the fees above 0, in fee_currency; null without any.';
COMMENT ON COLUMN onetrading_sync.daily_sums.fees_received IS 'Sum of the rebates, positive, in fee_currency; null without any.';
INSERT INTO onetrading_sync.daily_sums
SELECT account_id, day, instrument_code, side, fee_currency, min(first_at), sum(trades), sum(amount),
    sum(quote_amount), sum(fees_paid), sum(fees_received)
FROM onetrading_sync.hourly_sums GROUP BY account_id, day, instrument_code, side, fee_currency
ORDER BY account_id, day;
CREATE INDEX daily_sums_by_day ON onetrading_sync.daily_sums (account_id, day);

-- As in 0023, but for the sums of days.
CREATE OR REPLACE FUNCTION onetrading.sum_days(of_account uuid, first_day date, last_day date) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    summed bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'days can only be summed in a transaction that is READ COMMITTED'
            USING HINT = 'Another one may not see the trades that were committed meanwhile.';
    END IF;
    -- As in onetrading.carry: what a writer wrote before is seen from here on, or it will see, and
    -- delete, what is stored here.
    PERFORM pg_advisory_xact_lock(
        hashtextextended('onetrading_sync.carried/' || of_account, 0));
    WITH added AS (
        INSERT INTO onetrading_sync.summed_days (account_id, day)
        SELECT of_account, first_day + step FROM generate_series(0, last_day - first_day) AS step
        ON CONFLICT DO NOTHING
        RETURNING day
    ), sums AS (
        INSERT INTO onetrading_sync.hourly_sums
            (account_id, day, hour, instrument_code, side, fee_currency, first_at, trades, amount,
             quote_amount, fees_paid, fees_received)
        SELECT of_account, (hour AT TIME ZONE 'UTC')::date, hour, instrument_code, side,
            fee_currency, min(traded_at), count(*), sum(amount), sum(quote_amount),
            sum(fee_amount) FILTER (WHERE fee_amount > 0),
            sum(-fee_amount) FILTER (WHERE fee_amount < 0)
        FROM (
            SELECT *, date_trunc('hour', traded_at, 'UTC') AS hour FROM onetrading.trades
            WHERE account_id = of_account
                AND traded_at >= first_day::timestamp AT TIME ZONE 'UTC'
                AND traded_at < (last_day + 1)::timestamp AT TIME ZONE 'UTC'
        ) AS trades
        WHERE (hour AT TIME ZONE 'UTC')::date IN (SELECT day FROM added)
        GROUP BY hour, instrument_code, side, fee_currency
        ORDER BY hour
        RETURNING *
    ), daily AS (
        INSERT INTO onetrading_sync.daily_sums
            (account_id, day, instrument_code, side, fee_currency, first_at, trades, amount,
             quote_amount, fees_paid, fees_received)
        SELECT account_id, day, instrument_code, side, fee_currency, min(first_at), sum(trades),
            sum(amount), sum(quote_amount), sum(fees_paid), sum(fees_received)
        FROM sums GROUP BY account_id, day, instrument_code, side, fee_currency
        ORDER BY day
    )
    SELECT count(*) INTO summed FROM added;
    RETURN summed;
END
$$;
COMMENT ON FUNCTION onetrading.sum_days(uuid, date, date) IS 'Store the sums of the trades of an account by hours and by days, of the days from first_day to last_day (both included, in UTC) that are not summed yet; how many these are. Writers of the account''s trades wait until the transaction ends.';

DELETE FROM onetrading_sync.rolled_months;
ALTER TABLE onetrading_sync.rolled_trades
    ADD COLUMN first_at timestamptz NOT NULL,
    ADD COLUMN last_at timestamptz NOT NULL;
COMMENT ON COLUMN onetrading_sync.rolled_trades.first_at IS 'When the first of these trades was.';
COMMENT ON COLUMN onetrading_sync.rolled_trades.last_at IS 'When the last of these trades was.';

CREATE OR REPLACE VIEW onetrading.summed_trades AS
SELECT account_id, month, instrument_code, side, liquidity, fee_currency, trades, base_amount,
    quote_amount, fees_paid, fees_received, fees_told, fees_at_price, first_at,
    last_at
FROM onetrading_sync.rolled_trades
UNION ALL
SELECT months.account_id, months.month, sums.*
FROM onetrading.unrolled_months AS months
CROSS JOIN LATERAL (
    SELECT instrument_code, side, liquidity, fee_currency,
        count(*) AS trades, sum(amount) AS base_amount, sum(quote_amount) AS quote_amount,
        sum(fee_amount) FILTER (WHERE fee_amount > 0) AS fees_paid,
        sum(-fee_amount) FILTER (WHERE fee_amount < 0) AS fees_received,
        count(fee_amount) AS fees_told, sum(fee_amount * price) AS fees_at_price,
        min(traded_at) AS first_at, max(traded_at) AS last_at
    FROM onetrading.trades
    WHERE trades.account_id = months.account_id
        AND traded_at >= months.starts_at AND traded_at < months.ends_at
    GROUP BY 1, 2, 3, 4
) AS sums;
COMMENT ON COLUMN onetrading.summed_trades.first_at IS 'When the first of these trades was.';
COMMENT ON COLUMN onetrading.summed_trades.last_at IS 'When the last of these trades was.';

CREATE VIEW reporting.last_trades AS
SELECT coalesce(accounts.name, sums.account_id::text) AS account, sums.account_id,
    instrument_code, first_trade, last_trade, trades
FROM (
    SELECT account_id, instrument_code, min(first_at) AS first_trade, max(last_at) AS last_trade,
        sum(trades)::bigint AS trades
    FROM onetrading.summed_trades GROUP BY account_id, instrument_code
) AS sums
LEFT JOIN onetrading.accounts USING (account_id);
COMMENT ON VIEW reporting.last_trades IS 'One row per account and market that it ever traded: when it did first and last. Fast however many trades there are, since months that are over are summed.

Example:
SELECT account, instrument_code, last_trade FROM reporting.last_trades
ORDER BY account, last_trade DESC;';
COMMENT ON COLUMN reporting.last_trades.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.last_trades.account_id IS 'Identity of the account at the exchange (trade.account_id).';
COMMENT ON COLUMN reporting.last_trades.instrument_code IS 'Market (trade.instrument_code).';
COMMENT ON COLUMN reporting.last_trades.first_trade IS 'The traded_at of the first trade that is stored.';
COMMENT ON COLUMN reporting.last_trades.last_trade IS 'The traded_at of the last trade that is stored.';
COMMENT ON COLUMN reporting.last_trades.trades IS 'Number of trades that are stored.';

-- As in 0023, but that of months and days that are summed, and in which no instant is, neither trades nor
-- hours are read.
CREATE OR REPLACE FUNCTION onetrading.trade_sums(of_account uuid, instants timestamptz[])
RETURNS TABLE (
    instrument_code text, side text, fee_currency text, at timestamptz, amount numeric,
    quote_amount numeric, fees_paid numeric, fees_received numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 10000 ROWS 1000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    from_at timestamptz := (SELECT min(instant) FROM unnest(instants) AS instant);
    to_at timestamptz := (SELECT max(instant) FROM unnest(instants) AS instant);
    spans timestamptz[] := ARRAY(SELECT DISTINCT instant FROM unnest(instants) AS instant ORDER BY 1);
    split_hours timestamptz[] := ARRAY(
        SELECT DISTINCT date_trunc('hour', instant, 'UTC') FROM unnest(instants) AS instant
        WHERE date_trunc('hour', instant, 'UTC') < instant);
    whole_months date[] := ARRAY(
        SELECT month FROM onetrading_sync.rolled_months
        CROSS JOIN LATERAL (
            SELECT month::timestamp AT TIME ZONE 'UTC' AS starts_at,
                (month + interval '1 month') AT TIME ZONE 'UTC' AS ends_at
        ) AS bounds
        WHERE account_id = of_account AND starts_at >= from_at AND ends_at <= to_at
            AND NOT EXISTS (
                SELECT FROM unnest(spans) AS instant WHERE instant > starts_at AND instant < ends_at));
    -- Of the other months; all of them, summed or not, in the order of time.
    days date[] := ARRAY(
        SELECT day FROM (
            SELECT (from_at AT TIME ZONE 'UTC')::date + step AS day
            FROM generate_series(0, (to_at AT TIME ZONE 'UTC')::date
                - (from_at AT TIME ZONE 'UTC')::date) AS step
        ) AS days
        WHERE date_trunc('month', day::timestamp)::date <> ALL (whole_months)
        ORDER BY 1);
    split_days date[] := ARRAY(
        SELECT DISTINCT (instant AT TIME ZONE 'UTC')::date FROM unnest(spans) AS instant
        WHERE date_trunc('day', instant, 'UTC') < instant);
    whole_days date[] := ARRAY(SELECT unnest(days) EXCEPT SELECT unnest(split_days) ORDER BY 1);
    piece record;
BEGIN
    RETURN QUERY
    SELECT instrument_code, side, fee_currency, min(first_at), sum(base_amount), sum(quote_amount),
        sum(fees_paid), sum(fees_received)
    FROM onetrading_sync.rolled_trades
    WHERE account_id = of_account AND month = ANY (whole_months)
    GROUP BY instrument_code, side, fee_currency,
        width_bucket(month::timestamp AT TIME ZONE 'UTC', spans);
    RETURN QUERY
    SELECT instrument_code, side, fee_currency, min(first_at), sum(amount), sum(quote_amount),
        sum(fees_paid), sum(fees_received)
    FROM onetrading_sync.daily_sums
    WHERE account_id = of_account AND day = ANY (whole_days)
        AND day::timestamp AT TIME ZONE 'UTC' < to_at
    GROUP BY instrument_code, side, fee_currency,
        width_bucket(day::timestamp AT TIME ZONE 'UTC', spans);
    RETURN QUERY
    SELECT instrument_code, side, fee_currency, min(first_at), sum(amount), sum(quote_amount),
        sum(fees_paid), sum(fees_received)
    FROM onetrading_sync.hourly_sums
    WHERE account_id = of_account AND day = ANY (split_days)
        AND hour >= from_at AND hour < to_at AND hour <> ALL (split_hours)
    GROUP BY instrument_code, side, fee_currency, width_bucket(hour, spans);
    FOR piece IN
        WITH unsummed AS (
            SELECT min(day)::timestamp AT TIME ZONE 'UTC' AS starts,
                (max(day) + 1)::timestamp AT TIME ZONE 'UTC' AS ends
            FROM (
                SELECT day, day - row_number() OVER (ORDER BY day)::integer AS run
                FROM (
                    SELECT unnest(days) AS day
                    EXCEPT
                    SELECT day FROM onetrading_sync.summed_days WHERE account_id = of_account
                ) AS days
            ) AS runs
            GROUP BY run
        ), points AS (
            SELECT unnest(spans) AS at
            UNION SELECT starts FROM unsummed
            UNION SELECT ends FROM unsummed
            UNION SELECT unnest(split_hours)
            UNION SELECT unnest(split_hours) + interval '1 hour'
        )
        SELECT starts, ends
        FROM (
            SELECT at AS starts, lead(at) OVER (ORDER BY at) AS ends
            FROM points WHERE at >= from_at AND at <= to_at
        ) AS pieces
        WHERE ends IS NOT NULL AND (
            date_trunc('hour', starts, 'UTC') = ANY (split_hours)
            OR EXISTS (
                SELECT FROM unsummed
                WHERE unsummed.starts <= pieces.starts AND pieces.starts < unsummed.ends))
    LOOP
        RETURN QUERY
        SELECT instrument_code, side, fee_currency, min(traded_at), sum(amount), sum(quote_amount),
            sum(fee_amount) FILTER (WHERE fee_amount > 0),
            sum(-fee_amount) FILTER (WHERE fee_amount < 0)
        FROM onetrading.trades
        WHERE account_id = of_account AND traded_at >= piece.starts AND traded_at < piece.ends
        GROUP BY instrument_code, side, fee_currency;
    END LOOP;
END
$$;
