-- name: bookings
-- Trades, funding and movements in the order in which they happened: what moved on an account, one
-- row each. Of a period ([start, end), null: open) and an account (null: all); with the day in a
-- time zone.
SELECT coalesce(accounts.name, booked.account_id::text) AS account, booked.*,
    (booked_at AT TIME ZONE %(zone)s)::date AS day
FROM (
    SELECT account_id, 'trade' AS kind, traded_at AS booked_at, trade_id::text AS entry_id,
        order_id::text AS reference, trades.instrument_code,
        -- Futures of the exchange have codes that end so: of an instrument that is not known (yet).
        coalesce((SELECT kinds.kind <> 'SPOT' FROM onetrading.instruments AS kinds
            WHERE kinds.instrument_code = trades.instrument_code
            ORDER BY valid_from DESC LIMIT 1), trades.instrument_code LIKE '%%\_P') AS is_futures,
        base_code, quote_code,
        CASE side WHEN 'BUY' THEN amount ELSE -amount END AS amount,
        CASE side WHEN 'BUY' THEN -quote_amount ELSE quote_amount END AS quote_amount,
        price, fee_amount, fee_currency, side AS detail, NULL AS note,
        traded_at_nanos AS nanos, sequence
    FROM onetrading.trades
    LEFT JOIN onetrading.instrument_assets AS assets
        ON assets.instrument_code = trades.instrument_code
        AND known_from <= traded_at AND traded_at < known_to
    WHERE traded_at >= coalesce(%(start)s::timestamptz, '-infinity')
      AND traded_at < coalesce(%(end)s::timestamptz, 'infinity')
    UNION ALL
    SELECT account_id, 'funding', booked_at,
        payments.instrument_code || '-'
            || to_char(payments.funding_time AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MI'),
        NULL, payments.instrument_code, true, quote_code, NULL, amount, NULL,
        NULL, NULL, NULL, 'funding', NULL, NULL, NULL
    FROM onetrading.funding_payments AS payments
    LEFT JOIN onetrading.instrument_assets AS assets
        ON assets.instrument_code = payments.instrument_code
        AND known_from <= payments.funding_time AND payments.funding_time < known_to
    WHERE booked_at >= coalesce(%(start)s::timestamptz, '-infinity')
      AND booked_at < coalesce(%(end)s::timestamptz, 'infinity') AND amount <> 0
    UNION ALL
    SELECT account_id, 'movement', moved_at, reference, NULL, NULL, false, currency_code, NULL,
        amount, NULL, NULL, NULL, NULL, kind, note, NULL, NULL
    FROM onetrading.external_movements
    WHERE moved_at >= coalesce(%(start)s::timestamptz, '-infinity')
      AND moved_at < coalesce(%(end)s::timestamptz, 'infinity')
) AS booked
LEFT JOIN onetrading.accounts USING (account_id)
WHERE %(account)s::text IS NULL OR accounts.name = %(account)s::text
ORDER BY booked_at, nanos, sequence, entry_id, account_id;

-- name: booked_before
-- What all bookings of each account before an instant come to, per asset; `futures` in the name of
-- the market is the size of a futures position, and less what was given for it.
SELECT coalesce(accounts.name, account_id::text) AS account, is_position, asset, sum(amount)
FROM (
    SELECT account_id, is_futures AS is_position, leg.asset, leg.amount
    FROM onetrading.trades
    CROSS JOIN LATERAL (
        SELECT coalesce((SELECT kinds.kind <> 'SPOT' FROM onetrading.instruments AS kinds
            WHERE kinds.instrument_code = trades.instrument_code
            ORDER BY valid_from DESC LIMIT 1), trades.instrument_code LIKE '%%\_P') AS is_futures
    ) AS kinds
    LEFT JOIN onetrading.instrument_assets AS assets
        ON assets.instrument_code = trades.instrument_code
        AND known_from <= traded_at AND traded_at < known_to
    CROSS JOIN LATERAL (VALUES
        (CASE WHEN is_futures THEN trades.instrument_code ELSE base_code END,
            CASE side WHEN 'BUY' THEN amount ELSE -amount END),
        (quote_code, CASE side WHEN 'BUY' THEN -quote_amount ELSE quote_amount END)
    ) AS leg (asset, amount)
    WHERE traded_at < %(start)s
    UNION ALL
    SELECT account_id, false, fee_currency, -fee_amount FROM onetrading.trades
    WHERE traded_at < %(start)s AND fee_amount <> 0
    UNION ALL
    SELECT account_id, false, quote_code, amount FROM onetrading.funding_payments AS payments
    LEFT JOIN onetrading.instrument_assets AS assets
        ON assets.instrument_code = payments.instrument_code
        AND known_from <= payments.funding_time AND payments.funding_time < known_to
    WHERE booked_at < %(start)s
    UNION ALL
    SELECT account_id, false, currency_code, amount FROM onetrading.external_movements
    WHERE moved_at < %(start)s
) AS legs
LEFT JOIN onetrading.accounts USING (account_id)
WHERE %(account)s::text IS NULL OR accounts.name = %(account)s::text
GROUP BY 1, 2, 3 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3;

-- name: rates_of_period
-- The exchange rates of a period of days, with those of the days before it that still hold.
SELECT base_code, quote_code, day, rate, source FROM onetrading.exchange_rates
WHERE day >= coalesce(%(first)s::date, '-infinity') AND day <= coalesce(%(last)s::date, 'infinity')
ORDER BY base_code, quote_code, day, source = 'ECB', source DESC;
