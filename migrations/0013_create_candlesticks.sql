-- Candlesticks, of the instruments and granularities that a setting names. Creates only.

CREATE TABLE onetrading.candlesticks (
    instrument_code text NOT NULL,
    granularity text NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    open_price numeric NOT NULL,
    high_price numeric NOT NULL,
    low_price numeric NOT NULL,
    close_price numeric NOT NULL,
    volume numeric,
    last_sequence bigint,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_code, granularity, start_time),
    CONSTRAINT candlesticks_amounts CHECK (
        open_price > 0 AND open_price < 'Infinity'
        AND high_price > 0 AND high_price < 'Infinity'
        AND low_price > 0 AND low_price < 'Infinity'
        AND close_price > 0 AND close_price < 'Infinity'
        AND volume > '-Infinity' AND volume < 'Infinity')
);
-- A window counts by the end; a scope may have a million rows.
CREATE INDEX candlesticks_by_end ON onetrading.candlesticks (instrument_code, granularity, end_time);
COMMENT ON TABLE onetrading.candlesticks IS 'Prices and volume by minutes, hours or days, of the instruments that ONETRADING_CANDLESTICKS names (GET candlesticks). A span without a trade has no row. Only candles that are over are kept.';
COMMENT ON COLUMN onetrading.candlesticks.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.candlesticks.granularity IS 'Length of the candle: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w or 1M (a month).';
COMMENT ON COLUMN onetrading.candlesticks.start_time IS 'When the candle begins.';
COMMENT ON COLUMN onetrading.candlesticks.end_time IS 'The last millisecond of the candle, as sent.';
COMMENT ON COLUMN onetrading.candlesticks.open_price IS 'Price of the first trade, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.high_price IS 'Highest price, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.low_price IS 'Lowest price, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.close_price IS 'Price of the last trade, in the quote currency.';
COMMENT ON COLUMN onetrading.candlesticks.volume IS 'As sent: by the exchange''s examples in the quote currency, which is not documented; null when not sent.';
COMMENT ON COLUMN onetrading.candlesticks.last_sequence IS 'The exchange''s counter of the last trade; null when not sent.';
COMMENT ON COLUMN onetrading.candlesticks.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.candlesticks.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.candlesticks.first_seen_at IS 'When it was first stored here; never changed afterwards.';
COMMENT ON COLUMN onetrading_sync.coverage.scope IS 'An instrument code where the stream is asked per instrument; of candlesticks instrument and granularity (BTC_EUR:1h); else empty.';

CREATE VIEW reporting.candlesticks AS
SELECT instrument_code, granularity, start_time, end_time, open_price, high_price, low_price,
    close_price, volume, base_code, quote_code
FROM onetrading.candlesticks
LEFT JOIN (
    SELECT DISTINCT ON (instrument_code) instrument_code, base_code, quote_code
    FROM onetrading.instruments ORDER BY instrument_code, valid_from DESC
) AS market USING (instrument_code);
COMMENT ON VIEW reporting.candlesticks IS 'Candles of the instruments that ONETRADING_CANDLESTICKS names, once they are over (GET candlesticks). A span without a trade has no row; whether a time was read at all is told by coverage_gaps (stream candlesticks, scope BTC_EUR:1h).

Example:
SELECT start_time, open_price, high_price, low_price, close_price, volume
FROM reporting.candlesticks
WHERE instrument_code = ''BTC_EUR'' AND granularity = ''1h'' AND start_time >= ''2026-03-01''
ORDER BY start_time;';
COMMENT ON COLUMN reporting.candlesticks.instrument_code IS 'Code of the market.';
COMMENT ON COLUMN reporting.candlesticks.granularity IS 'Length of the candle: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w or 1M (a month).';
COMMENT ON COLUMN reporting.candlesticks.start_time IS 'When the candle begins.';
COMMENT ON COLUMN reporting.candlesticks.end_time IS 'The last millisecond of the candle, as sent.';
COMMENT ON COLUMN reporting.candlesticks.open_price IS 'Price of the first trade, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.high_price IS 'Highest price, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.low_price IS 'Lowest price, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.close_price IS 'Price of the last trade, in quote_code.';
COMMENT ON COLUMN reporting.candlesticks.volume IS 'As sent: by the exchange''s examples in quote_code, which is not documented; null when not sent.';
COMMENT ON COLUMN reporting.candlesticks.base_code IS 'The asset that is traded; null when the market is not known.';
COMMENT ON COLUMN reporting.candlesticks.quote_code IS 'The asset that prices are in; null when the market is not known.';
