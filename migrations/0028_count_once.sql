-- The counters of /metrics are opened in parts: before, all facts of a stream were summed in one
-- transaction, which kept everybody else from writing it for a minute at some million trades.
-- How many facts are stored is counted when they are written: `status` took seconds for it.
--
-- Writers of trades wait until it has ended; counting ten million facts once takes some seconds.

CREATE TABLE onetrading_sync.counting_opening (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    since timestamptz NOT NULL,
    counted_to timestamptz NOT NULL,
    PRIMARY KEY (account_id, stream)
);
COMMENT ON TABLE onetrading_sync.counting_opening IS 'Streams whose stored facts are being summed, part by part, before their counters are shown for the first time.';
COMMENT ON COLUMN onetrading_sync.counting_opening.since IS 'From which instant on facts count, as in counting later.';
COMMENT ON COLUMN onetrading_sync.counting_opening.counted_to IS 'Facts from since up to here are in counting_sums, those that are written from now on included. What follows is summed later.';

CREATE TABLE onetrading_sync.counting_sums (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    metric text NOT NULL,
    labels text[] NOT NULL,
    value numeric NOT NULL,
    PRIMARY KEY (account_id, stream, metric, labels),
    FOREIGN KEY (account_id, stream) REFERENCES onetrading_sync.counting_opening ON DELETE CASCADE
);
COMMENT ON TABLE onetrading_sync.counting_sums IS 'The sums of counting_opening, which become totals once all is summed.';

CREATE TABLE onetrading_sync.fact_counts (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    rows bigint NOT NULL,
    PRIMARY KEY (account_id, stream)
);
COMMENT ON TABLE onetrading_sync.fact_counts IS 'How many facts of a history, or snapshots of a present state, are stored. Kept in the transaction that inserts them, compared with the tables once a day.';
COMMENT ON COLUMN onetrading_sync.fact_counts.rows IS 'A number of rows; no row of this table means none.';

INSERT INTO onetrading_sync.fact_counts (account_id, stream, rows)
SELECT account_id, stream, count(*) FROM onetrading.snapshots GROUP BY account_id, stream
UNION ALL SELECT account_id, 'trades', count(*) FROM onetrading.trades GROUP BY account_id
UNION ALL SELECT account_id, 'orders', count(*) FROM onetrading.orders GROUP BY account_id
UNION ALL SELECT account_id, 'funding_payments', count(*)
    FROM onetrading.funding_payments GROUP BY account_id
UNION ALL SELECT account_id, 'closed_positions', count(*)
    FROM onetrading.closed_positions GROUP BY account_id
UNION ALL SELECT account_id, 'position_funding', count(*)
    FROM onetrading.position_funding_payments GROUP BY account_id
UNION ALL SELECT account_id, 'position_trades', count(*)
    FROM onetrading.position_trades GROUP BY account_id
UNION ALL SELECT '00000000-0000-0000-0000-000000000000', 'funding_history', count(*)
    FROM onetrading.funding_rates HAVING count(*) > 0
UNION ALL SELECT '00000000-0000-0000-0000-000000000000', 'candlesticks', count(*)
    FROM onetrading.candlesticks HAVING count(*) > 0;

-- The months of `monthly_fees` and `monthly_turnover` that are over are summed once. A later write
-- to a month takes its sums away, whoever writes, so that views always show what the trades say;
-- they sum what is not rolled up themselves. The index by month is not needed any more: what it
-- found, the one by account and time finds, too.

CREATE TABLE onetrading_sync.rolled_months (
    account_id uuid NOT NULL,
    month date NOT NULL,
    PRIMARY KEY (account_id, month)
);
COMMENT ON TABLE onetrading_sync.rolled_months IS 'Months whose trades are summed in rolled_trades. A write to a trade of the month deletes its row.';
COMMENT ON COLUMN onetrading_sync.rolled_months.month IS 'First day of the UTC month of traded_at.';

CREATE TABLE onetrading_sync.rolled_trades (
    account_id uuid NOT NULL,
    month date NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    liquidity text,
    fee_currency text,
    trades bigint NOT NULL,
    base_amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fees_paid numeric,
    fees_received numeric,
    fees_told bigint NOT NULL,
    fees_at_price numeric,
    FOREIGN KEY (account_id, month) REFERENCES onetrading_sync.rolled_months ON DELETE CASCADE
);
CREATE INDEX rolled_trades_by_month ON onetrading_sync.rolled_trades (account_id, month);
COMMENT ON TABLE onetrading_sync.rolled_trades IS 'Sums of the trades of rolled_months, as onetrading.monthly_trades shows them.';

CREATE FUNCTION onetrading_sync.on_trades_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    touched record;
BEGIN
    FOR touched IN EXECUTE format(
        'SELECT account_id, array_agg(DISTINCT
             date_trunc(''month'', traded_at AT TIME ZONE ''UTC'')::date) AS months
         FROM (%s) AS touched GROUP BY account_id ORDER BY 1',
        CASE TG_OP
            WHEN 'INSERT' THEN 'TABLE new_rows'
            WHEN 'DELETE' THEN 'TABLE old_rows'
            ELSE 'TABLE old_rows UNION ALL TABLE new_rows' END)
    LOOP
        -- Whoever sums a month waits for those who write, and they for him.
        PERFORM pg_advisory_xact_lock_shared(
            hashtextextended('onetrading_sync.rolled/' || touched.account_id, 0));
        DELETE FROM onetrading_sync.rolled_months AS rolled
        WHERE rolled.account_id = touched.account_id AND rolled.month = ANY (touched.months);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_trades_changed() IS 'Deletes the sums of the months to which the changed trades belong.';

CREATE FUNCTION onetrading_sync.on_trades_emptied() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM onetrading_sync.rolled_months;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION onetrading_sync.on_trades_emptied() IS 'Deletes all sums of months.';

CREATE TRIGGER rolled_after_insert AFTER INSERT ON onetrading.trades
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_trades_changed();
-- Not when records as sent are moved (0026): no trade changes by that.
CREATE TRIGGER rolled_after_update AFTER UPDATE ON onetrading.trades
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
WHEN (coalesce(current_setting('onetrading.moving_records', true), '') <> 'on')
EXECUTE FUNCTION onetrading_sync.on_trades_changed();
CREATE TRIGGER rolled_after_delete AFTER DELETE ON onetrading.trades
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
EXECUTE FUNCTION onetrading_sync.on_trades_changed();
CREATE TRIGGER rolled_after_truncate AFTER TRUNCATE ON onetrading.trades
FOR EACH STATEMENT EXECUTE FUNCTION onetrading_sync.on_trades_emptied();

CREATE VIEW onetrading.unrolled_months AS
WITH RECURSIVE traded AS (
    (SELECT account_id FROM onetrading.trades ORDER BY account_id LIMIT 1)
    UNION ALL
    SELECT (SELECT account_id FROM onetrading.trades
            WHERE trades.account_id > traded.account_id ORDER BY account_id LIMIT 1)
    FROM traded WHERE traded.account_id IS NOT NULL
)
SELECT traded.account_id, month, month::timestamp AT TIME ZONE 'UTC' AS starts_at,
    (month + interval '1 month') AT TIME ZONE 'UTC' AS ends_at
FROM traded
CROSS JOIN LATERAL (
    SELECT min(traded_at) AT TIME ZONE 'UTC' AS first_at, max(traded_at) AT TIME ZONE 'UTC' AS last_at
    FROM onetrading.trades WHERE trades.account_id = traded.account_id
) AS life
CROSS JOIN LATERAL (
    SELECT at::date AS month
    FROM generate_series(date_trunc('month', first_at), last_at, interval '1 month') AS months (at)
) AS months
WHERE traded.account_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM onetrading_sync.rolled_months AS rolled
    WHERE rolled.account_id = traded.account_id AND rolled.month = months.month);
COMMENT ON VIEW onetrading.unrolled_months IS 'The UTC months from the first trade of an account to its last whose trades are not summed in onetrading_sync.rolled_trades.';
COMMENT ON COLUMN onetrading.unrolled_months.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.unrolled_months.month IS 'First day of the month.';
COMMENT ON COLUMN onetrading.unrolled_months.starts_at IS 'Its first instant.';
COMMENT ON COLUMN onetrading.unrolled_months.ends_at IS 'The first instant after it.';

-- Each month is looked up by itself: joined as a whole, every trade would meet every month.
CREATE VIEW onetrading.summed_trades AS
SELECT account_id, month, instrument_code, side, liquidity, fee_currency, trades, base_amount,
    quote_amount, fees_paid, fees_received, fees_told, fees_at_price
FROM onetrading_sync.rolled_trades
UNION ALL
SELECT months.account_id, months.month, sums.*
FROM onetrading.unrolled_months AS months
CROSS JOIN LATERAL (
    SELECT instrument_code, side, liquidity, fee_currency,
        count(*) AS trades, sum(amount) AS base_amount, sum(quote_amount) AS quote_amount,
        sum(fee_amount) FILTER (WHERE fee_amount > 0) AS fees_paid,
        sum(-fee_amount) FILTER (WHERE fee_amount < 0) AS fees_received,
        count(fee_amount) AS fees_told, sum(fee_amount * price) AS fees_at_price
    FROM onetrading.trades
    WHERE trades.account_id = months.account_id
        AND traded_at >= months.starts_at AND traded_at < months.ends_at
    GROUP BY 1, 2, 3, 4
) AS sums;
COMMENT ON VIEW onetrading.summed_trades IS 'Sums of trades per account, UTC month, instrument, side, liquidity and fee currency: rolled up, or of the trades themselves.';
COMMENT ON COLUMN onetrading.summed_trades.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.month IS 'First day of the UTC month of traded_at.';
COMMENT ON COLUMN onetrading.summed_trades.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.liquidity IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.summed_trades.trades IS 'Number of trades.';
COMMENT ON COLUMN onetrading.summed_trades.base_amount IS 'Sum of amount.';
COMMENT ON COLUMN onetrading.summed_trades.quote_amount IS 'Sum of quote_amount.';
COMMENT ON COLUMN onetrading.summed_trades.fees_paid IS 'Sum of positive fee_amount, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.summed_trades.fees_received IS 'Sum of negative fee_amount without its sign, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.summed_trades.fees_told IS 'Number of trades that told their fee.';
COMMENT ON COLUMN onetrading.summed_trades.fees_at_price IS 'Sum of fee_amount times price.';

CREATE OR REPLACE VIEW onetrading.monthly_trades AS
SELECT account_id, sums.month, sums.instrument_code, base_code, quote_code, side, liquidity,
    fee_currency, trades, base_amount, quote_amount, fees_paid, fees_received, fees_told,
    fees_at_price
FROM onetrading.summed_trades AS sums
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = sums.instrument_code
    AND known_from <= sums.month::timestamp AT TIME ZONE 'UTC'
    AND sums.month::timestamp AT TIME ZONE 'UTC' < known_to
WHERE NOT EXISTS (
    SELECT FROM onetrading.asset_changes AS changes
    WHERE changes.instrument_code = sums.instrument_code AND changes.month = sums.month)
UNION ALL
SELECT account_id, changes.month,
    trades.instrument_code, base_code, quote_code, side, liquidity, fee_currency,
    count(*), sum(amount), sum(quote_amount),
    sum(fee_amount) FILTER (WHERE fee_amount > 0),
    sum(-fee_amount) FILTER (WHERE fee_amount < 0),
    count(fee_amount), sum(fee_amount * price)
FROM onetrading.asset_changes AS changes
JOIN onetrading.trades
    ON trades.instrument_code = changes.instrument_code
    AND traded_at >= changes.month::timestamp AT TIME ZONE 'UTC'
    AND traded_at < (changes.month + interval '1 month') AT TIME ZONE 'UTC'
JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = trades.instrument_code
    AND known_from <= traded_at AND traded_at < known_to
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

DROP INDEX IF EXISTS onetrading.trades_by_month;
