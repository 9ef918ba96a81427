-- Every SQL of the dashboards, by name. What Grafana fills in: ${account:sqlstring} and its like are
-- the reader's choices as a list of quoted strings, $__timeFilter and its like the range of time.

-- name: accounts
SELECT DISTINCT account FROM reporting.freshness WHERE account <> 'public' ORDER BY account;

-- name: months
-- The choices of variable month: the last one that is over first.
SELECT to_char(month, 'YYYY-MM')
FROM generate_series(
    (
        SELECT date_trunc('month', coalesce(min(required_from), now()) AT TIME ZONE 'UTC')
        FROM reporting.freshness WHERE account <> 'public'
    ),
    date_trunc('month', now() AT TIME ZONE 'UTC'), interval '1 month'
) AS month
ORDER BY month < date_trunc('month', now() AT TIME ZONE 'UTC') DESC, month DESC;

-- name: currencies
SELECT currency FROM reporting.monthly_fees WHERE currency IS NOT NULL
UNION
SELECT quote_code FROM reporting.monthly_funding WHERE quote_code IS NOT NULL
ORDER BY 1;

-- name: age_of_trades
-- How far behind the history is, as a point at the end of a time series.
SELECT least(now(), $__timeTo()::timestamptz) AS time,
    extract(epoch FROM max(now() - covered_to)) AS "data age"
FROM reporting.freshness
WHERE stream = 'trades' AND account IN (${account:sqlstring})
HAVING max(now() - covered_to) IS NOT NULL;

-- name: age_of_funding_payments
-- How far behind the history is, as a point at the end of a time series.
SELECT least(now(), $__timeTo()::timestamptz) AS time,
    extract(epoch FROM max(now() - covered_to)) AS "data age"
FROM reporting.freshness
WHERE stream = 'funding_payments' AND account IN (${account:sqlstring})
HAVING max(now() - covered_to) IS NOT NULL;

-- name: last_close
SELECT account, currency_code AS currency, available, locked, total, day, observed_at AS observed
FROM reporting.daily_closing_balances
WHERE day = (now() AT TIME ZONE 'UTC')::date - 1 AND is_final
    AND account IN (${account:sqlstring}) AND currency_code IN (${currency:sqlstring})
ORDER BY account, currency_code;

-- name: stored_positions
SELECT account, instrument_code AS instrument, net_volume AS "net volume",
    base_code AS "of", open_notional AS notional, maintenance_margin AS "maintenance margin",
    quote_code AS currency, observed_at AS observed, extract(epoch FROM age) AS age
FROM reporting.current_positions
WHERE account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
ORDER BY account, open_notional DESC;

-- name: settled_rates
SELECT DISTINCT funding_time AS time, instrument_code AS metric, funding_rate AS value
FROM reporting.funding_payments
WHERE $__timeFilter(funding_time) AND funding_rate IS NOT NULL
    AND account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
ORDER BY 1, 2;

-- name: booked_payments
SELECT funding_time AS time,
    concat_ws(' ', account, instrument_code, quote_code) AS metric, amount AS value
FROM reporting.funding_payments
WHERE $__timeFilter(funding_time) AND account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
ORDER BY 1, 2;

-- name: sums_of_payments
SELECT account, instrument_code AS instrument, quote_code AS currency, count(*) AS payments,
    sum(paid) AS paid, sum(received) AS received, sum(amount) AS net,
    (SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = payments.account_id AND stream = 'funding_payments')
        AS "complete to"
FROM reporting.funding_payments AS payments
WHERE $__timeFilter(funding_time) AND account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
GROUP BY account, account_id, instrument_code, quote_code
ORDER BY account, instrument_code;

-- name: latest_payments
SELECT funding_time AS "funding time", account, instrument_code AS instrument,
    funding_rate AS rate, mark_price AS "mark price", paid, received,
    cash_balance AS "cash after", quote_code AS currency, booked_at AS booked,
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = payments.account_id AND stream = 'funding_payments'
    ) AS "complete to"
FROM reporting.funding_payments AS payments
WHERE $__timeFilter(funding_time) AND account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
ORDER BY funding_time DESC, account, instrument_code
LIMIT 500;

-- name: trades_by_instrument
SELECT account, instrument_code AS instrument, count(*) AS fills,
    sum(amount) AS "base amount", base_code AS base,
    sum(quote_amount) AS turnover, quote_code AS quote,
    sum(quote_amount) FILTER (WHERE liquidity = 'MAKER') / nullif(sum(quote_amount), 0)
        AS "maker share",
    sum(fee_amount) AS "net fees", fee_currency AS "fee currency",
    CASE WHEN count(*) = count(fee_in_quote)
        THEN 10000 * sum(fee_in_quote) / nullif(sum(quote_amount), 0) END AS "effective bps",
    (SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = trades.account_id AND stream = 'trades') AS "complete to"
FROM reporting.trades
WHERE $__timeFilter(traded_at) AND account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
GROUP BY account, account_id, instrument_code, base_code, quote_code, fee_currency
ORDER BY account, fills DESC;

-- name: turnover_by_hour
SELECT date_trunc('hour', traded_at) AS time,
    concat_ws(' ', account, 'in', quote_code) AS metric, sum(quote_amount) AS value
FROM reporting.trades
WHERE $__timeFilter(traded_at) AND account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: latest_trades
SELECT traded_at AS time, account, instrument_code AS instrument, side, liquidity, amount,
    price, quote_amount AS total, quote_code AS currency, fee_amount AS fee,
    fee_currency AS "fee currency", order_id AS "order", trade_id AS trade,
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = trades.account_id AND stream = 'trades'
    ) AS "complete to"
FROM reporting.trades
WHERE $__timeFilter(traded_at) AND account IN (${account:sqlstring}) AND instrument_code IN (${instrument:sqlstring})
ORDER BY traded_at_nanos DESC, sequence DESC, trade_id DESC
LIMIT 500;

-- name: open_orders
SELECT account, instrument_code AS instrument, side, state, status, order_type AS type, price,
    quote_code AS quote, amount, filled_amount / nullif(amount, 0) AS filled,
    unfilled_amount AS unfilled, base_code AS base, extract(epoch FROM age) AS "open for",
    created_at AS created, client_id AS client, order_id AS "order",
    (
        SELECT last_success_at FROM reporting.freshness
        WHERE freshness.account_id = orders.account_id AND stream = 'orders'
    ) AS "as of"
FROM reporting.current_orders AS orders
WHERE account IN (${account:sqlstring})
    AND (instrument_code IN (${instrument:sqlstring}) OR state = 'unknown')
ORDER BY state DESC, age DESC, order_id
LIMIT 500;

-- name: closed_positions_by_instrument
-- A position of unknown market is of any, one of unknown end counts when it was first seen here.
SELECT account, instrument_code AS instrument, count(*) AS positions,
    count(*) FILTER (WHERE net > 0) AS "with a gain", sum(gross) AS gross, sum(fees) AS fees,
    sum(funding) AS funding, sum(net) AS net, quote_code AS currency,
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = positions.account_id AND stream = 'closed_positions'
    ) AS "complete to"
FROM (
    SELECT *, coalesce(closed_at, first_seen_at) AS ended FROM reporting.closed_positions
) AS positions
WHERE $__timeFilter(ended) AND account IN (${account:sqlstring})
    AND (instrument_code IN (${instrument:sqlstring}) OR instrument_code IS NULL)
GROUP BY account, account_id, instrument_code, quote_code
ORDER BY account, instrument_code;

-- name: latest_closed_positions
SELECT closed_at AS closed, account, instrument_code AS instrument, direction, gross, fees, funding,
    net, quote_code AS currency, extract(epoch FROM closed_at - opened_at) AS "held for",
    opened_at AS opened, position_id AS position,
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = positions.account_id AND stream = 'closed_positions'
    ) AS "complete to"
FROM (
    SELECT *, coalesce(closed_at, first_seen_at) AS ended FROM reporting.closed_positions
) AS positions
WHERE $__timeFilter(ended) AND account IN (${account:sqlstring})
    AND (instrument_code IN (${instrument:sqlstring}) OR instrument_code IS NULL)
ORDER BY ended DESC, position_id
LIMIT 500;

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
    AND coalesce(closed_at, first_seen_at)
        >= to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE 'UTC'
    AND coalesce(closed_at, first_seen_at)
        < (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month') AT TIME ZONE 'UTC'
GROUP BY account, account_id, instrument_code, quote_code
ORDER BY account, instrument_code;

-- name: month_at_a_glance
SELECT CASE WHEN count(*) > 0 AND bool_and(state IN ('ok', 'not_applicable')) THEN 1 ELSE 0 END
        AS "the month",
    count(*) FILTER (WHERE state = 'failing') AS "checks failing",
    count(*) FILTER (WHERE state = 'open') AS "checks open",
    coalesce(sum(difference) FILTER (WHERE check_name = 'rejects'), 0) AS "rejected records",
    (
        SELECT extract(epoch FROM max(lag)) FROM reporting.freshness
        WHERE kind = 'history' AND account IN (${account:sqlstring}, 'public')
    ) AS "history behind",
    (
        SELECT extract(epoch FROM max(age)) FROM reporting.freshness
        WHERE kind = 'history' AND account IN (${account:sqlstring}, 'public')
    ) AS age
FROM reporting.month_close
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring}, 'public');

-- name: completeness
SELECT account, check_name AS "check", state, difference, detail,
    failing_since AS "failing since", rows_to_look_at AS "rows to look at", now() AS "as of"
FROM reporting.month_close
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring}, 'public')
ORDER BY state IN ('ok', 'not_applicable'), account, check_name;

-- name: closing_balances
SELECT account, currency_code AS currency, available, locked, total, day, is_final AS final,
    observed_at AS observed, extract(epoch FROM age) AS age, estimated
FROM reporting.daily_closing_balances
WHERE account IN (${account:sqlstring}) AND day = least(
    to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month' - interval '1 day',
    (now() AT TIME ZONE 'UTC')::date)
ORDER BY account, currency_code;

-- name: daily_balances
SELECT day, account, currency_code AS currency, total, is_final AS final, observed_at AS observed,
    extract(epoch FROM age) AS age, estimated
FROM reporting.daily_closing_balances
WHERE account IN (${account:sqlstring}) AND day >= to_date(${month:sqlstring}, 'YYYY-MM')
    AND day < to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month'
ORDER BY day DESC, account, currency_code;

-- name: fees_of_month
SELECT account, instrument_code AS instrument, liquidity, currency, fees_paid AS "fees paid",
    rebates_received AS "rebates received", net_fees AS net, trade_count AS trades,
    quote_volume AS turnover, quote_code AS "turnover in", fee_in_quote AS "net in quote",
    effective_bps AS "effective bps",
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = sums.account_id AND stream = 'trades'
    ) AS "complete to"
FROM reporting.monthly_fees AS sums
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring})
ORDER BY account, currency, instrument_code, liquidity;

-- name: tier_and_charge
-- What was charged in a month, and the lowest and highest fee of the tiers in force in it.
WITH charged AS (
    SELECT account, account_id, CASE kind WHEN 'SPOT' THEN kind ELSE 'FUTURES' END AS fee_group,
        liquidity, quote_code, sum(fee_in_quote) AS fees, sum(quote_volume) AS turnover
    FROM reporting.monthly_fees
    JOIN (
        SELECT DISTINCT ON (instrument_code) instrument_code, kind
        FROM reporting.instruments ORDER BY instrument_code, valid_from DESC
    ) AS market USING (instrument_code)
    WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring})
    GROUP BY account, account_id, fee_group, liquidity, quote_code
)
SELECT account, fee_group AS "group", liquidity, turnover, quote_code AS currency,
    round(10000 * fees / nullif(turnover, 0), 4) AS "charged bps",
    round(10000 * lowest, 4) AS "tier bps from", round(10000 * highest, 4) AS "tier bps to",
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = charged.account_id AND stream = 'trades'
    ) AS "complete to"
FROM charged
CROSS JOIN LATERAL (
    SELECT min(ratio) AS lowest, max(ratio) AS highest
    FROM (
        SELECT CASE charged.liquidity WHEN 'MAKER' THEN maker_ratio WHEN 'TAKER' THEN taker_ratio
            END AS ratio
        FROM reporting.account_fee_tiers AS tiers
        WHERE tiers.account_id = charged.account_id AND tiers.fee_group = charged.fee_group
            AND valid_from < (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month')
                AT TIME ZONE 'UTC'
            AND (valid_to IS NULL
                OR valid_to > to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE 'UTC')
    ) AS ratios
) AS tier
ORDER BY account, fee_group, liquidity, quote_code;

-- name: funding_of_month
SELECT account, instrument_code AS instrument, payments, paid, received, net, quote_code AS currency,
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = sums.account_id AND stream = 'funding_payments'
    ) AS "complete to"
FROM reporting.monthly_funding AS sums
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring})
ORDER BY account, instrument_code;

-- name: turnover_of_month
SELECT account, instrument_code AS instrument, side, liquidity, trades,
    base_amount AS "base amount", base_code AS base, quote_amount AS turnover, quote_code AS quote,
    (
        SELECT covered_to FROM reporting.freshness
        WHERE freshness.account_id = sums.account_id AND stream = 'trades'
    ) AS "complete to"
FROM reporting.monthly_turnover AS sums
WHERE month = to_date(${month:sqlstring}, 'YYYY-MM') AND account IN (${account:sqlstring})
ORDER BY account, instrument_code, side, liquidity;

-- name: results_by_month
SELECT month::timestamp AT TIME ZONE 'UTC' AS time, concat_ws(' ', account, what) AS metric,
    sum(amount) AS value
FROM (
    SELECT month, account, currency, 'fees' AS what, -net_fees AS amount
    FROM reporting.monthly_fees
    UNION ALL
    SELECT month, account, quote_code, 'funding', net FROM reporting.monthly_funding
) AS results
WHERE currency IN (${currency:sqlstring}) AND account IN (${account:sqlstring})
    AND month >= date_trunc('month', $__timeFrom()::timestamptz AT TIME ZONE 'UTC')
    AND month <= $__timeTo()::timestamptz AT TIME ZONE 'UTC'
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: all_months
SELECT month, account, currency, sum(net_fees) AS "net fees", sum(net_funding) AS "net funding",
    (SELECT min(covered_to) FROM reporting.freshness WHERE freshness.account = sums.account
        AND stream IN ('trades', 'funding_payments')) AS "complete to"
FROM (
    SELECT month, account, currency, net_fees, NULL::numeric AS net_funding
    FROM reporting.monthly_fees
    UNION ALL
    SELECT month, account, quote_code, NULL, net FROM reporting.monthly_funding
) AS sums
WHERE account IN (${account:sqlstring})
GROUP BY month, account, currency
ORDER BY month DESC, account, currency;

-- name: gaps
SELECT account, stream, scope, gap_start AS "from", gap_end AS "to",
    extract(epoch FROM gap) AS gap, is_tail AS "reaches to now", now() AS "as of"
FROM reporting.coverage_gaps
WHERE account IN (${account:sqlstring}, 'public')
ORDER BY is_tail, gap_start, account, stream, scope;

-- name: rejects
SELECT account, stream, scope, reason, count(*) AS records, min(first_seen_at) AS "first seen",
    max(first_seen_at) AS "last new", now() AS "as of"
FROM reporting.open_rejects
WHERE account IN (${account:sqlstring}, 'public')
GROUP BY account, stream, scope, reason
ORDER BY records DESC, account, stream, scope;

-- name: freshness
SELECT account, stream, kind, last_success_at AS "last success", extract(epoch FROM age) AS age,
    covered_to AS "complete to", extract(epoch FROM lag) AS behind,
    failing_scopes AS "failing", last_error AS "last error"
FROM reporting.freshness
WHERE account IN (${account:sqlstring}, 'public')
ORDER BY last_error IS NULL, age DESC;

-- name: last_errors
SELECT account, stream, last_error AS "last error", failing_scopes AS "failing scopes", scopes,
    last_attempt_at AS "tried", last_success_at AS "last success",
    extract(epoch FROM age) AS age
FROM reporting.freshness
WHERE last_error IS NOT NULL AND account IN (${account:sqlstring}, 'public')
ORDER BY last_attempt_at DESC;
