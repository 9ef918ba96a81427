-- The SQL of the dashboards by name; that of the close of a month is in close.sql. What Grafana fills
-- in: ${account:sqlstring} and its like are the reader's choices as a list of quoted strings,
-- $__timeFilter and its like the range of time.

-- name: accounts
SELECT DISTINCT account FROM reporting.freshness WHERE account <> 'public' ORDER BY account;

-- name: currencies
SELECT currency FROM reporting.monthly_fees
WHERE currency IS NOT NULL
    AND month >= date_trunc('month', $__timeFrom()::timestamptz AT TIME ZONE 'UTC')
UNION
SELECT quote_code FROM reporting.monthly_funding
WHERE quote_code IS NOT NULL
    AND month >= date_trunc('month', $__timeFrom()::timestamptz AT TIME ZONE 'UTC')
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
SELECT account, instrument_code AS instrument, side, state, price, quote_code AS quote,
    amount, filled_amount / nullif(amount, 0) AS filled, unfilled_amount AS unfilled,
    base_code AS base, extract(epoch FROM age) AS "open for", created_at AS created,
    order_id AS "order",
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
    AND month >= date_trunc('month', $__timeFrom()::timestamptz AT TIME ZONE 'UTC')
    AND month <= $__timeTo()::timestamptz AT TIME ZONE 'UTC'
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
