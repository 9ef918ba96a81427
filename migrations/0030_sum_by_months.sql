-- Balances and positions that follow from the trades of years add up months where they can.
--
-- The sums by hours of an account that trades each market less than hourly are no fewer than its trades.
-- Those of the months that are over (0028) are few for every account, and hold the same sums. They are
-- made anew, because the first and the last trade of each sum are noted with it from here on: the service does that
-- within an hour of its start. No table of facts is locked.

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

-- As in 0023, but for the months that are summed and of which no instant is: of these neither trades nor
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
    FROM onetrading_sync.hourly_sums
    WHERE account_id = of_account AND day = ANY (days)
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
