-- What becomes of futures positions: as of when the closed ones are complete, and their details.

-- name: closings
-- As of when an account's closed positions are complete.
SELECT closed_to, open_read_at, all_read_at FROM onetrading_sync.closings
WHERE account_id = %(account_id)s;

-- name: begin_closings
-- Nothing is proven yet: whatever is read from now on holds what was closed before now.
INSERT INTO onetrading_sync.closings (account_id, closed_to, open_read_at, all_read_at)
VALUES (%(account_id)s, %(closed_to)s, %(now)s, %(now)s)
ON CONFLICT (account_id) DO NOTHING;

-- name: advance_closings
-- A walk has read again whatever may have been closed since.
UPDATE onetrading_sync.closings
SET closed_to = %(closed_to)s,
    open_read_at = CASE WHEN %(open_read)s THEN %(now)s ELSE open_read_at END,
    all_read_at = CASE WHEN %(all_read)s THEN %(now)s ELSE all_read_at END
WHERE account_id = %(account_id)s;

-- name: positions_observed
-- The open positions as observed at an instant, or first: since when and until when, and until when
-- they are known now. `before`: whether they were observed before the instant.
SELECT at.first_observed_at, at.last_observed_at, newest.last_observed_at,
    at.first_observed_at <= %(at)s AS before
FROM (
    (SELECT first_observed_at, last_observed_at, 1 AS choice FROM onetrading.snapshots
     WHERE account_id = %(account_id)s AND stream = %(open)s AND first_observed_at <= %(at)s
     ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1)
    UNION ALL
    (SELECT first_observed_at, last_observed_at, 2 FROM onetrading.snapshots
     WHERE account_id = %(account_id)s AND stream = %(open)s
     ORDER BY first_observed_at, snapshot_id LIMIT 1)
    ORDER BY choice LIMIT 1
) AS at
CROSS JOIN LATERAL (
    SELECT last_observed_at FROM onetrading.snapshots
    WHERE account_id = %(account_id)s AND stream = %(open)s
    ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
) AS newest;

-- name: positions_held
-- Each position that was observed open since an instant: when it was first seen since, whether it
-- was missing later, whether nobody looked for a while, whether trades may have closed it in
-- between, and whether trades tell of the whole time.
WITH seen AS (
    SELECT snapshot_id, first_observed_at,
        row_number() OVER observed AS number,
        first_observed_at - lag(last_observed_at) OVER observed > %(longest_pause)s AS unobserved
    FROM onetrading.snapshots
    WHERE account_id = %(account_id)s AND stream = %(open)s AND first_observed_at >= %(since)s
    WINDOW observed AS (ORDER BY first_observed_at, snapshot_id)
), held AS (
    SELECT instrument_code, direction, min(number) AS first_number, count(*) AS times
    FROM onetrading.positions JOIN seen USING (snapshot_id)
    WHERE open_volume <> 0 GROUP BY instrument_code, direction
)
SELECT instrument_code, direction, first.first_observed_at,
    times < (SELECT max(number) FROM seen) - first_number + 1 AS missing,
    EXISTS (SELECT FROM seen WHERE number > first_number AND unobserved) AS unobserved,
    coalesce(reduced.amount >= abs(volume.open_volume), false) AS reduced,
    EXISTS (
        SELECT FROM onetrading_sync.coverage
        WHERE account_id = %(account_id)s AND stream = 'trades' AND scope = ''
          AND first.first_observed_at < %(until)s
          AND range @> tstzrange(first.first_observed_at, %(until)s)) AS told_by_trades
FROM held
JOIN seen AS first ON first.number = first_number
JOIN onetrading.positions AS volume USING (instrument_code, direction)
LEFT JOIN LATERAL (
    -- Trades of the minute before may be in the volume already: better too many than too few.
    SELECT sum(amount) AS amount FROM onetrading.trades
    WHERE trades.account_id = %(account_id)s AND trades.instrument_code = held.instrument_code
      AND traded_at > first.first_observed_at - %(slack)s
      AND side = CASE WHEN held.direction = 'SHORT' THEN 'BUY' ELSE 'SELL' END
) AS reduced ON true
WHERE volume.snapshot_id = first.snapshot_id
ORDER BY instrument_code, direction;

-- name: last_flat
-- When a position that was observed open at an instant was last observed not to be.
SELECT last_observed_at FROM onetrading.snapshots AS snapshot
WHERE account_id = %(account_id)s AND stream = %(open)s AND first_observed_at < %(appeared_at)s
  AND NOT EXISTS (
      SELECT FROM onetrading.positions AS position
      WHERE position.snapshot_id = snapshot.snapshot_id AND open_volume <> 0
        AND instrument_code = %(instrument)s AND direction = %(direction)s)
ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1;

-- name: opened_by_trades
-- The trade that opened a position which was open whenever somebody looked: going back from a volume
-- that was observed while nothing was traded, the last one before which the net volume was zero, or
-- had the other sign. No row unless trades are proven complete from there on.
WITH anchor AS (
    SELECT first_observed_at AS at, abs(open_volume) AS volume
    FROM onetrading.snapshots JOIN onetrading.positions USING (snapshot_id)
    WHERE snapshots.account_id = %(account_id)s AND stream = %(open)s
      AND first_observed_at <= %(appeared_at)s
      AND instrument_code = %(instrument)s AND direction = %(direction)s
      AND NOT EXISTS (
          SELECT FROM onetrading.trades
          WHERE trades.account_id = %(account_id)s AND trades.instrument_code = %(instrument)s
            AND traded_at BETWEEN first_observed_at - %(slack)s AND first_observed_at + %(slack)s)
    ORDER BY first_observed_at LIMIT 1
), back AS (
    SELECT traded_at, traded_at_nanos, sequence, trade_id, at,
        volume - sum(CASE WHEN (side = 'BUY') = (%(direction)s <> 'SHORT')
                          THEN amount ELSE -amount END) OVER (
            ORDER BY traded_at_nanos DESC, sequence DESC, trade_id DESC) AS before
    FROM onetrading.trades CROSS JOIN anchor
    WHERE account_id = %(account_id)s AND instrument_code = %(instrument)s AND traded_at <= at
), opening AS (
    SELECT traded_at, at FROM back WHERE before <= 0
    ORDER BY traded_at_nanos DESC, sequence DESC, trade_id DESC LIMIT 1
)
SELECT traded_at FROM opening
WHERE EXISTS (
    SELECT FROM onetrading_sync.coverage
    WHERE account_id = %(account_id)s AND stream = 'trades' AND scope = ''
      AND range @> tstzrange(traded_at, at, '[]'));

-- name: first_covered
-- The beginning of the oldest proven range of a partition.
SELECT min(lower(range)) FROM onetrading_sync.coverage
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s;

-- name: count_positions
-- Add closed positions, all (null) or one, to the counters, each once: as soon as its instrument is
-- known and when it was closed, or its details have told what they can, or an hour has passed. It
-- stays under the label that it was counted with; a result that changes counts by the difference.
-- The details are looked up by their whole key, whatever the planner believes of a table that was
-- never analysed.
WITH due AS (
    SELECT position.position_id, position.account_id, position.realised_pnl AS result,
        counted.position_id IS NULL AS is_new, counted.realised_pnl AS before,
        coalesce(counted.instrument_code, position.instrument_code, '') AS label
    FROM onetrading.closed_positions AS position
    JOIN onetrading_sync.counting
        ON counting.account_id = position.account_id AND counting.stream = %(stream)s
    LEFT JOIN onetrading_sync.counted_positions AS counted USING (position_id)
    LEFT JOIN LATERAL (
        SELECT position_id, read_at, next_try_at FROM onetrading_sync.position_details
        WHERE account_id = position.account_id AND stream = 'position_trades'
          AND position_id = position.position_id OFFSET 0
    ) AS detail ON true
    WHERE position.account_id = %(account_id)s
      AND (%(position_id)s::text IS NULL OR position.position_id = %(position_id)s)
      AND CASE WHEN counted.position_id IS NOT NULL
               THEN counted.realised_pnl IS DISTINCT FROM position.realised_pnl
               ELSE coalesce(closed_at, opened_at, position.first_seen_at) >= since
                   AND (position.instrument_code IS NOT NULL AND closed_at IS NOT NULL
                        OR detail.position_id IS NOT NULL
                            AND (detail.read_at IS NOT NULL OR detail.next_try_at IS NULL)
                        OR position.first_seen_at < now() - interval '1 hour') END
), noted AS (
    INSERT INTO onetrading_sync.counted_positions
        (position_id, account_id, instrument_code, realised_pnl)
    SELECT position_id, account_id, label, result FROM due
    ON CONFLICT (position_id) DO UPDATE SET realised_pnl = excluded.realised_pnl
), added AS (
    SELECT %(closed)s AS metric, label, is_new::integer::numeric AS value FROM due WHERE is_new
    UNION ALL
    SELECT %(gained)s, label, greatest(result, 0) - greatest(before, 0) FROM due
    WHERE result > 0 OR before > 0
    UNION ALL
    SELECT %(lost)s, label, greatest(-result, 0) - greatest(-before, 0) FROM due
    WHERE result < 0 OR before < 0
)
INSERT INTO onetrading_sync.totals AS total (account_id, stream, metric, labels, value)
SELECT %(account_id)s, %(stream)s, metric, ARRAY[label], sum(value)
FROM added GROUP BY metric, label
ON CONFLICT (account_id, stream, metric, labels) DO UPDATE SET value = total.value + excluded.value;

-- name: note_finding
-- Something that does not fit together; each once.
INSERT INTO onetrading_sync.issues
    (account_id, stream, kind, key, old_record, new_record, happened_at)
SELECT %(account_id)s::uuid, %(stream)s, %(kind)s, %(key)s::jsonb, %(old)s::jsonb, %(new)s::jsonb,
    %(happened_at)s::timestamptz
WHERE NOT EXISTS (
    SELECT FROM onetrading_sync.issues
    WHERE account_id = %(account_id)s::uuid AND stream = %(stream)s AND kind = %(kind)s
      AND md5(key::text) = md5(%(key)s::jsonb::text)
      AND old_record IS NOT DISTINCT FROM %(old)s::jsonb
      AND new_record IS NOT DISTINCT FROM %(new)s::jsonb);

-- name: due_details
-- Closed positions whose details were not read since they changed, those closed last first. The
-- details are looked up one by one: see count_positions.
SELECT position.position_id, position.row_hash, position.total_funding_payments,
    position.total_trade_fees, coalesce(closed_at, opened_at),
    CASE WHEN record_hash = position.row_hash THEN failures ELSE 0 END
FROM onetrading.closed_positions AS position
LEFT JOIN LATERAL (
    SELECT position_id, record_hash, failures, next_try_at FROM onetrading_sync.position_details
    WHERE account_id = position.account_id AND stream = %(stream)s
      AND position_id = position.position_id OFFSET 0
) AS detail ON true
WHERE position.account_id = %(account_id)s
  AND (detail.position_id IS NULL OR record_hash <> position.row_hash OR next_try_at <= %(now)s)
ORDER BY coalesce(closed_at, position.first_seen_at) DESC, position.position_id LIMIT %(most)s;

-- name: note_details_read
-- The details of a position were read to their end. Those that are not complete are requested again
-- after a while, longer each time, and not any more before the position changes after the last one.
INSERT INTO onetrading_sync.position_details AS detail
    (account_id, stream, position_id, record_hash, read_at, failures, next_try_at)
VALUES (%(account_id)s, %(stream)s, %(position_id)s, %(record_hash)s, %(now)s,
        CASE WHEN %(complete)s THEN 0 ELSE 1 END,
        CASE WHEN NOT %(complete)s THEN %(now)s + (%(pauses)s::interval[])[1] END)
ON CONFLICT (account_id, stream, position_id) DO UPDATE
SET record_hash = excluded.record_hash, read_at = excluded.read_at, compared_at = NULL,
    last_error = NULL,
    failures = CASE WHEN %(complete)s OR detail.record_hash <> excluded.record_hash
                    THEN excluded.failures ELSE detail.failures + 1 END,
    next_try_at = CASE
        WHEN %(complete)s OR detail.record_hash <> excluded.record_hash THEN excluded.next_try_at
        WHEN detail.failures < cardinality(%(pauses)s::interval[])
            THEN %(now)s + (%(pauses)s::interval[])[detail.failures + 1] END;

-- name: note_details_failed
-- The details of a position could not be read: again after a while, longer each time. What the
-- exchange refused often enough is not requested any more before the position changes.
INSERT INTO onetrading_sync.position_details AS detail
    (account_id, stream, position_id, record_hash, failures, last_error, next_try_at)
VALUES (%(account_id)s, %(stream)s, %(position_id)s, %(record_hash)s, 1, %(error)s,
        %(now)s + (%(pauses)s::interval[])[1])
ON CONFLICT (account_id, stream, position_id) DO UPDATE
SET failures = CASE WHEN detail.record_hash = excluded.record_hash THEN detail.failures ELSE 0 END + 1,
    record_hash = excluded.record_hash, last_error = excluded.last_error,
    next_try_at = CASE
        WHEN detail.record_hash <> excluded.record_hash THEN excluded.next_try_at
        WHEN detail.failures < cardinality(%(pauses)s::interval[])
            THEN %(now)s + (%(pauses)s::interval[])[detail.failures + 1]
        WHEN NOT %(refused)s THEN %(now)s + (%(pauses)s::interval[])[cardinality(%(pauses)s::interval[])] END
RETURNING failures, next_try_at;

-- name: request_details_again
-- The details of one position are due now.
UPDATE onetrading_sync.position_details SET next_try_at = least(next_try_at, %(now)s)
WHERE account_id = %(account_id)s AND stream = %(stream)s AND position_id = %(scope)s;

-- name: resolve_position_rejects
-- The details of a position were read as a whole: what they do not hold is not missing any more.
UPDATE onetrading_sync.rejects SET resolved_at = now()
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND resolved_at IS NULL AND record_hash <> ALL(%(shown)s::bigint[]);

-- name: derive_position
-- What the list did not tell of a position, by its own trades. Where some may be missing, only the
-- instrument is certain.
UPDATE onetrading.closed_positions AS position
SET instrument_code = coalesce(position.instrument_code, own.instrument_code),
    direction = coalesce(position.direction, own.direction),
    opened_at = coalesce(position.opened_at, own.opened_at),
    closed_at = coalesce(position.closed_at, own.closed_at)
FROM (
    SELECT first.instrument_code,
        CASE WHEN %(complete)s THEN
            CASE side WHEN 'BUY' THEN 'LONG' WHEN 'SELL' THEN 'SHORT' END END AS direction,
        CASE WHEN %(complete)s THEN traded_at END AS opened_at,
        CASE WHEN %(complete)s THEN (
            SELECT max(traded_at) FROM onetrading.position_trades
            WHERE position_id = %(position_id)s) END AS closed_at
    FROM onetrading.position_trades AS first
    WHERE position_id = %(position_id)s
    ORDER BY traded_at_nanos, sequence, trade_id LIMIT 1
) AS own
WHERE position_id = %(position_id)s AND account_id = %(account_id)s
  AND num_nulls(position.instrument_code, position.direction, position.opened_at, position.closed_at) > 0;

-- name: compare_position_funding
-- Compare the payments of positions with funding_payments, once these are proven complete for the
-- time of the position: what is missing on one side or has another amount is an issue. Amounts of
-- positions are rounded to 4 decimals. Each position is looked up by itself (OFFSET 0 keeps the
-- planner from joining whole tables): a pass has few of them, and the tables are long.
WITH ready AS (
    SELECT position.position_id, position.instrument_code, span.opened_at, span.closed_at
    FROM onetrading_sync.position_details AS detail
    JOIN onetrading.closed_positions AS position
        ON position.position_id = detail.position_id AND position.account_id = detail.account_id
    CROSS JOIN LATERAL (
        -- Either end may be unknown, or sent in a precision in which it lies before the other.
        SELECT least(position.opened_at, position.closed_at, min(booked_at)) AS opened_at,
            greatest(position.closed_at, position.opened_at, max(booked_at)) AS closed_at
        FROM onetrading.position_funding_payments AS own
        WHERE own.position_id = position.position_id
    ) AS span
    WHERE detail.account_id = %(account_id)s AND detail.stream = %(stream)s
      AND read_at IS NOT NULL AND compared_at IS NULL
      AND (span.opened_at IS NULL OR EXISTS (
          SELECT FROM onetrading_sync.coverage
          WHERE account_id = %(account_id)s AND stream = 'funding_payments' AND scope = ''
            AND range @> tstzrange(span.opened_at, span.closed_at, '[]')))
    LIMIT %(most)s
), findings AS (
    SELECT CASE WHEN payment.account_id IS NULL THEN 'missing' ELSE 'different' END AS kind,
        own.position_id, own.instrument_code, own.funding_time, own.booked_at AS happened_at,
        onetrading.record_text(payment.raw, payment.record_page, payment.record_ordinal)::jsonb AS old_record,
        onetrading.record_text(own.raw, own.record_page, own.record_ordinal)::jsonb AS new_record
    FROM ready
    CROSS JOIN LATERAL (
        SELECT * FROM onetrading.position_funding_payments AS listed
        WHERE listed.position_id = ready.position_id OFFSET 0
    ) AS own
    LEFT JOIN LATERAL (
        SELECT * FROM onetrading.funding_payments AS listed
        WHERE listed.account_id = own.account_id AND listed.instrument_code = own.instrument_code
          AND listed.funding_time = own.funding_time OFFSET 0
    ) AS payment ON true
    WHERE payment.account_id IS NULL OR abs(payment.amount - own.amount) > 0.0001
    UNION ALL
    SELECT 'unlisted', ready.position_id, payment.instrument_code, payment.funding_time,
        payment.booked_at,
        onetrading.record_text(payment.raw, payment.record_page, payment.record_ordinal)::jsonb, NULL
    FROM ready
    CROSS JOIN LATERAL (
        SELECT * FROM onetrading.funding_payments AS listed
        WHERE listed.account_id = %(account_id)s AND listed.instrument_code = ready.instrument_code
          AND listed.booked_at > ready.opened_at AND listed.booked_at < ready.closed_at OFFSET 0
    ) AS payment
    WHERE NOT EXISTS (
        SELECT FROM onetrading.position_funding_payments AS own
        WHERE own.account_id = %(account_id)s AND own.instrument_code = payment.instrument_code
          AND own.funding_time = payment.funding_time OFFSET 0)
), noted AS (
    INSERT INTO onetrading_sync.issues
        (account_id, stream, kind, key, old_record, new_record, happened_at)
    SELECT %(account_id)s, %(stream)s, kind, found.key, old_record, new_record, happened_at
    FROM findings
    CROSS JOIN LATERAL (SELECT jsonb_build_object('position_id', position_id,
        'instrument_code', instrument_code, 'funding_time',
        to_char(funding_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS+00:00')) AS key) AS found
    WHERE NOT EXISTS (
        SELECT FROM onetrading_sync.issues AS known
        WHERE known.account_id = %(account_id)s AND known.stream = %(stream)s
          AND known.kind = findings.kind AND md5(known.key::text) = md5(found.key::text)
          AND known.old_record IS NOT DISTINCT FROM findings.old_record
          AND known.new_record IS NOT DISTINCT FROM findings.new_record)
    RETURNING kind
), compared AS (
    UPDATE onetrading_sync.position_details AS detail SET compared_at = %(now)s
    WHERE detail.account_id = %(account_id)s AND detail.stream = %(stream)s
      AND detail.position_id = ANY(ARRAY(SELECT position_id FROM ready))
)
SELECT kind, count(*) FROM noted GROUP BY kind ORDER BY kind;

-- name: compare_position_trades
-- The same for the trades of positions and those of the account.
WITH ready AS (
    SELECT position.position_id, position.instrument_code, span.opened_at, span.closed_at
    FROM onetrading_sync.position_details AS detail
    JOIN onetrading.closed_positions AS position
        ON position.position_id = detail.position_id AND position.account_id = detail.account_id
    CROSS JOIN LATERAL (
        -- Either end may be unknown, or sent in a precision in which it lies before the other.
        SELECT least(position.opened_at, position.closed_at, min(traded_at)) AS opened_at,
            greatest(position.closed_at, position.opened_at, max(traded_at)) AS closed_at
        FROM onetrading.position_trades AS own WHERE own.position_id = position.position_id
    ) AS span
    WHERE detail.account_id = %(account_id)s AND detail.stream = %(stream)s
      AND read_at IS NOT NULL AND compared_at IS NULL
      AND (span.opened_at IS NULL OR EXISTS (
          SELECT FROM onetrading_sync.coverage
          WHERE account_id = %(account_id)s AND stream = 'trades' AND scope = ''
            AND range @> tstzrange(span.opened_at, span.closed_at, '[]')))
    LIMIT %(most)s
), findings AS (
    SELECT CASE WHEN trade.trade_id IS NULL THEN 'missing' ELSE 'different' END AS kind,
        own.position_id, own.trade_id, own.traded_at AS happened_at,
        onetrading.record_text(
            trade.raw, trade.record_page, trade.record_ordinal, trade.trade_id, trade.order_id,
            trade.sequence, trade.traded_at, trade.traded_at_nanos)::jsonb AS old_record,
        onetrading.record_text(own.raw, own.record_page, own.record_ordinal)::jsonb AS new_record
    FROM ready
    CROSS JOIN LATERAL (
        SELECT * FROM onetrading.position_trades AS listed
        WHERE listed.position_id = ready.position_id OFFSET 0
    ) AS own
    LEFT JOIN LATERAL (
        SELECT * FROM onetrading.trades AS listed
        WHERE listed.trade_id = own.trade_id AND listed.account_id = own.account_id OFFSET 0
    ) AS trade ON true
    WHERE trade.trade_id IS NULL
       OR (trade.instrument_code, trade.side, trade.price, trade.amount)
           <> (own.instrument_code, own.side, own.price, own.amount)
       OR trade.fee_amount <> own.fee_amount
    UNION ALL
    SELECT 'unlisted', ready.position_id, trade.trade_id, trade.traded_at,
        onetrading.record_text(
            trade.raw, trade.record_page, trade.record_ordinal, trade.trade_id, trade.order_id,
            trade.sequence, trade.traded_at, trade.traded_at_nanos)::jsonb, NULL
    FROM ready
    CROSS JOIN LATERAL (
        SELECT * FROM onetrading.trades AS listed
        WHERE listed.account_id = %(account_id)s AND listed.instrument_code = ready.instrument_code
          AND listed.traded_at > ready.opened_at AND listed.traded_at < ready.closed_at OFFSET 0
    ) AS trade
    WHERE NOT EXISTS (
        SELECT FROM onetrading.position_trades AS own
        WHERE own.trade_id = trade.trade_id AND own.account_id = %(account_id)s OFFSET 0)
), noted AS (
    INSERT INTO onetrading_sync.issues
        (account_id, stream, kind, key, old_record, new_record, happened_at)
    SELECT %(account_id)s, %(stream)s, kind, found.key, old_record, new_record, happened_at
    FROM findings
    CROSS JOIN LATERAL (SELECT jsonb_build_object(
        'position_id', position_id, 'trade_id', trade_id) AS key) AS found
    WHERE NOT EXISTS (
        SELECT FROM onetrading_sync.issues AS known
        WHERE known.account_id = %(account_id)s AND known.stream = %(stream)s
          AND known.kind = findings.kind AND md5(known.key::text) = md5(found.key::text)
          AND known.old_record IS NOT DISTINCT FROM findings.old_record
          AND known.new_record IS NOT DISTINCT FROM findings.new_record)
    RETURNING kind
), compared AS (
    UPDATE onetrading_sync.position_details AS detail SET compared_at = %(now)s
    WHERE detail.account_id = %(account_id)s AND detail.stream = %(stream)s
      AND detail.position_id = ANY(ARRAY(SELECT position_id FROM ready))
)
SELECT kind, count(*) FROM noted GROUP BY kind ORDER BY kind;
