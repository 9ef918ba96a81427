-- The SQL of the close of a month, by name, as in reports.sql. A month is one of the business zone.

-- name: business_zone
-- Only a month that has data tells it; without any it does not matter.
SELECT coalesce((SELECT zone FROM reporting.months LIMIT 1), 'UTC') AS zone

-- name: months
-- The choices of variable month: the last one that is over first.
SELECT to_char(month, 'YYYY-MM')
FROM (
-- include: business_zone
) AS business
CROSS JOIN LATERAL (SELECT date_trunc('month', now() AT TIME ZONE zone) AS this_month) AS current
CROSS JOIN LATERAL generate_series(
    (
        SELECT date_trunc('month', least(
            now(), (SELECT min(starts_at) FROM reporting.months), min(required_from)
        ) AT TIME ZONE zone)
        FROM reporting.freshness WHERE account <> 'public'
    ),
    this_month, interval '1 month'
) AS month
ORDER BY month < this_month DESC, month DESC;

-- name: month_at_a_glance
WITH checks AS MATERIALIZED (
    SELECT state FROM reporting.month_close
    WHERE month = to_date(${month:sqlstring}, 'YYYY-MM')
        AND account IN (${account:sqlstring}, 'public')
), months AS (
    SELECT month, zone, is_over FROM reporting.months
    WHERE month = to_date(${month:sqlstring}, 'YYYY-MM')
), locks AS (
    SELECT closed_at, left(checksum, 12) AS checksum
    FROM reporting.closes JOIN months USING (month, zone) WHERE in_force
)
SELECT CASE
        WHEN EXISTS (SELECT FROM locks) THEN 'locked'
        WHEN (SELECT NOT is_over FROM months) THEN 'not over'
        WHEN count(*) FILTER (WHERE state = 'failing') > 0 THEN 'not closable'
        WHEN NOT EXISTS (SELECT FROM months) THEN 'not over'
        WHEN count(*) FILTER (WHERE state = 'open') > 0 OR count(*) = 0 THEN 'waiting'
        ELSE 'closable'
    END AS "the month",
    -- While a month runs, what fails may still come right: nothing is wrong before it is over.
    count(*) FILTER (
        WHERE state = 'failing' AND NOT coalesce((SELECT NOT is_over FROM months), false)
    ) AS "checks failing",
    count(*) FILTER (
        WHERE state = 'open' OR state = 'failing' AND (SELECT NOT is_over FROM months)
    ) AS "checks open",
    (SELECT closed_at FROM locks) AS "locked since",
    (SELECT checksum FROM locks) AS "checksum",
    (SELECT zone FROM months) AS "time zone",
    (
        SELECT extract(epoch FROM max(lag)) FROM reporting.freshness
        WHERE kind = 'history' AND account IN (${account:sqlstring}, 'public')
    ) AS "history behind",
    (
        SELECT extract(epoch FROM max(age)) FROM reporting.freshness
        WHERE kind = 'history' AND account IN (${account:sqlstring}, 'public')
    ) AS age
FROM checks;

-- name: checks_of_month
SELECT account, check_name AS "check",
    CASE WHEN state = 'failing' AND EXISTS (
        SELECT FROM reporting.months WHERE month = month_close.month AND NOT is_over
    ) THEN 'failing so far' ELSE state END AS state,
    difference, currency,
    failing_since AS "failing since", detail, rows_to_look_at AS "rows to look at", now() AS "as of"
FROM reporting.month_close
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring}, 'public')
ORDER BY array_position('{failing,open,acknowledged,ok}', month_close.state), account, check_name,
    currency;

-- name: rollforward_of_month
SELECT account, currency, opening, bought - sold AS trades,
    rebates_received - fees_paid AS fees, funding_received - funding_paid AS funding,
    settlements_inferred AS settlements, external_in - external_out AS external, expected,
    actual AS closing, difference, first_unexplained_from AS "unexplained from",
    first_unexplained_to AS "unexplained to", basis, actual_observed_at AS observed
FROM reporting.balance_rollforward
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring})
ORDER BY coalesce(difference, 0) = 0, account, currency;

-- name: gains_of_month
SELECT account, method, coalesce(asset, instrument_code) AS "asset or market", currency,
    gain_gross AS gross, fees, funding, gain_net AS net, disposals AS closed,
    missing_cost AS "missing cost", missing_proceeds AS "sold without cost",
    unknown_fees AS "unknown fees",
    (
        SELECT min(covered_to) FROM reporting.freshness
        WHERE freshness.account_id = gains.account_id AND stream IN ('trades', 'funding_payments')
    ) AS "complete to"
FROM reporting.realised_pnl_monthly AS gains
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring})
ORDER BY account, array_position('{fifo,average,position}', method), asset, instrument_code,
    currency;

-- name: fees_against_tier
-- What has nothing to be compared with is in a row of its own, so that the sums are of the same trades.
SELECT account, CASE WHEN expected_fee IS NOT NULL THEN schedule END AS schedule,
    fee_group AS "group", liquidity, count(*) AS trades, sum(charged_fee) AS charged,
    sum(expected_fee) AS expected, sum(difference) AS difference, fee_currency AS currency,
    count(*) FILTER (WHERE state = 'different') AS "trades that differ",
    10000 * min(ratio) AS "bps from", 10000 * max(ratio) AS "bps to",
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = fees.account_id AND stream = 'trades'
    ) AS "complete to"
FROM reporting.fee_check AS fees
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring})
GROUP BY account, account_id, 2, fee_group, liquidity, fee_currency
ORDER BY account, schedule, fee_group, liquidity, fee_currency;

-- name: late_facts_of_month
SELECT account, stream, kind, happened_at AS happened, noticed_at AS noticed,
    CASE WHEN locked_at IS NOT NULL THEN 'after the lock' WHEN after_month THEN 'after the month'
        ELSE 'within the month' END AS "came",
    fee_delta AS "fees by", coalesce(new_record, old_record) #>> '{fee,fee_currency}' AS "fee in",
    quote_delta AS "turnover by", funding_delta AS "funding by",
    coalesce(
        coalesce(new_record, old_record) #>> '{trade,instrument_code}',
        coalesce(new_record, old_record) ->> 'instrument_code', key ->> 'instrument_code'
    ) AS instrument,
    locked_at AS "locked", resolved_at AS resolved, key::text AS record, now() AS "as of"
FROM reporting.late_facts
WHERE happened_at >= (
        SELECT to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE zone FROM (
-- include: business_zone
        ) AS business)
    AND happened_at < (
        SELECT (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month') AT TIME ZONE zone FROM (
-- include: business_zone
        ) AS business)
    AND account_id = ANY (ARRAY(
        SELECT account_id FROM reporting.freshness
        WHERE account IN (${account:sqlstring}, 'public')))
ORDER BY locked_at IS NULL, noticed_at DESC, stream
LIMIT 500;

-- name: locks
-- Of all accounts: a month is locked for all of them at once.
SELECT to_char(month, 'YYYY-MM') AS month, zone,
    CASE WHEN in_force THEN 'in force' ELSE 'taken off' END AS state, closed_at AS "locked",
    checksum, row_count AS rows, nullif(acknowledged, '{}')::text AS acknowledged, version,
    reopened_at AS "taken off", reopened_because AS because, now() AS "as of"
FROM reporting.closes
ORDER BY closes.month DESC, closed_at DESC
LIMIT 100;

-- name: daily_balances
SELECT day, account, currency_code AS currency, available, locked, total, source,
    is_final AS final, observed_at AS observed, extract(epoch FROM age) AS age, estimated
FROM reporting.daily_closing_balances
WHERE account IN (${account:sqlstring}) AND day >= to_date(${month:sqlstring}, 'YYYY-MM')
    AND day < to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month'
ORDER BY day DESC, account, currency_code;

-- name: closed_positions_of_month
SELECT account, instrument_code AS instrument, count(*) AS positions, sum(gross) AS gross,
    sum(fees) AS fees, sum(funding) AS funding, sum(net) AS net, quote_code AS currency,
    sum(difference) AS difference,
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = positions.account_id AND stream = 'closed_positions'
    ) AS "complete to"
FROM reporting.closed_positions AS positions
WHERE account IN (${account:sqlstring})
    AND coalesce(closed_at, first_seen_at) >= (
        SELECT to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE zone FROM (
-- include: business_zone
        ) AS business)
    AND coalesce(closed_at, first_seen_at) < (
        SELECT (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month') AT TIME ZONE zone FROM (
-- include: business_zone
        ) AS business)
GROUP BY account, account_id, instrument_code, quote_code
ORDER BY account, instrument_code;

-- name: results_in_range
-- Cumulative from the first day of the range on, in the business zone. By cash, as in
-- realised_pnl_monthly: what was sold (FIFO) and which positions were closed, with fees and funding.
WITH span AS MATERIALIZED (
    SELECT zone, first_day, first_day::timestamp AT TIME ZONE zone AS begins,
        date_trunc('month', first_day::timestamp)::date AS first_month, ends,
        (ends AT TIME ZONE zone)::date AS last_day
    FROM (
        SELECT zone, ($__timeFrom()::timestamptz AT TIME ZONE zone)::date AS first_day,
            least(now(), $__timeTo()::timestamptz) AS ends
        FROM (
-- include: business_zone
        ) AS business
    ) AS asked
), booked AS (
    SELECT account, quote_code AS currency, disposed_at AS at, gain_gross AS gross,
        CASE WHEN gain_gross IS NOT NULL THEN fee_in_quote END AS fees, 0 AS funding
    FROM reporting.realised_pnl_fifo
    WHERE account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
        AND month >= (SELECT first_month FROM span) AND month <= (SELECT last_day FROM span)
    UNION ALL
    SELECT account, quote_code, closed_at, gain_gross, 0, 0
    FROM reporting.realised_pnl_futures
    WHERE account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
        AND month >= (SELECT first_month FROM span) AND month <= (SELECT last_day FROM span)
    UNION ALL
    SELECT account, quote_code, traded_at, 0, fee_in_quote, 0
    FROM reporting.trades
    WHERE account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
        AND instrument_code IN (
            SELECT instrument_code FROM reporting.instruments WHERE kind <> 'SPOT')
        AND traded_at >= (SELECT begins FROM span) AND traded_at <= (SELECT ends FROM span)
    UNION ALL
    SELECT account, quote_code, booked_at, 0, 0, amount
    FROM reporting.funding_payments
    WHERE account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
        AND booked_at >= (SELECT begins FROM span) AND booked_at <= (SELECT ends FROM span)
), sums AS (
    SELECT account, currency, (at AT TIME ZONE zone)::date AS day, sum(gross) AS gross,
        -sum(fees) AS fees, sum(funding) AS funding, sum(gross - fees + funding) AS net
    FROM booked CROSS JOIN span
    WHERE at >= begins AND at <= ends AND currency IN (${currency:sqlstring})
    GROUP BY account, currency, 3
), cumulative AS (
    SELECT account, currency, day, sum(gross) OVER days AS gross, sum(fees) OVER days AS fees,
        sum(funding) OVER days AS funding, sum(net) OVER days AS net
    FROM (SELECT DISTINCT account, currency FROM sums) AS shown
    CROSS JOIN (
        SELECT first_day + generate_series(0, last_day - first_day) AS day FROM span
    ) AS calendar
    LEFT JOIN sums USING (account, currency, day)
    WINDOW days AS (PARTITION BY account, currency ORDER BY day)
)
SELECT least(ends, (day + 1)::timestamp AT TIME ZONE zone) AS time,
    concat_ws(' ', account, currency, what) AS metric, value
FROM cumulative
CROSS JOIN span
CROSS JOIN LATERAL (
    VALUES ('gross', gross), ('fees', fees), ('funding', funding), ('net', net)
) AS parts (what, value)
WHERE value IS NOT NULL
ORDER BY 1, 2;

-- name: quote_currencies
-- Of what was traded and paid since a month before the range: some panels look further back.
SELECT quote_code FROM reporting.monthly_turnover
WHERE quote_code IS NOT NULL AND month >= date_trunc(
    'month', ($__timeFrom()::timestamptz - interval '31 days') AT TIME ZONE 'UTC')
UNION
SELECT quote_code FROM reporting.monthly_funding
WHERE quote_code IS NOT NULL AND month >= date_trunc(
    'month', ($__timeFrom()::timestamptz - interval '31 days') AT TIME ZONE 'UTC')
ORDER BY 1;

-- name: age_of_equity
-- How old the newest answer is, as a point at the end of a time series.
SELECT least(now(), $__timeTo()::timestamptz) AS time,
    extract(epoch FROM max(age)) AS "data age"
FROM (
    SELECT min(age) AS age FROM reporting.freshness
    WHERE stream IN ('portfolio', 'balances') AND account IN (${account:sqlstring})
    GROUP BY account
) AS answers
HAVING max(age) IS NOT NULL;

-- name: drawdown_in_range
SELECT least(now(), (day + 1)::timestamp AT TIME ZONE zone) AS time, account AS metric,
    -drawdown_ratio AS value
FROM reporting.drawdown
WHERE account IN (${account:sqlstring}) AND drawdown_ratio IS NOT NULL
    AND day >= ($__timeFrom()::timestamptz AT TIME ZONE zone)::date
    AND day <= ($__timeTo()::timestamptz AT TIME ZONE zone)::date
ORDER BY 1, 2;

-- name: equity_in_range
SELECT least(now(), (day + 1)::timestamp AT TIME ZONE zone) AS time,
    concat_ws(' ', account, what) AS metric, value
FROM reporting.drawdown
CROSS JOIN LATERAL (VALUES ('equity', equity), ('highest so far', peak)) AS parts (what, value)
WHERE account IN (${account:sqlstring})
    AND day >= ($__timeFrom()::timestamptz AT TIME ZONE zone)::date
    AND day <= ($__timeTo()::timestamptz AT TIME ZONE zone)::date
ORDER BY 1, 2;
