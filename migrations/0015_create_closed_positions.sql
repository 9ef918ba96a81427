-- Closed positions, and as of when they are complete: they are listed by the time at which they were
-- opened, and only once they are closed.
--
-- Creates tables and a view; locks nothing.

CREATE TABLE onetrading.closed_positions (
    position_id text PRIMARY KEY,
    account_id uuid NOT NULL,
    instrument_code text,
    direction text,
    opened_at timestamptz,
    closed_at timestamptz,
    closing_pnl numeric,
    realised_pnl numeric,
    total_funding_payments numeric,
    total_trade_fees numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT closed_positions_amounts CHECK (
        closing_pnl > '-Infinity' AND closing_pnl < 'Infinity'
        AND realised_pnl > '-Infinity' AND realised_pnl < 'Infinity'
        AND total_funding_payments > '-Infinity' AND total_funding_payments < 'Infinity'
        AND total_trade_fees > '-Infinity' AND total_trade_fees < 'Infinity')
);
CREATE INDEX closed_positions_by_closing ON onetrading.closed_positions (account_id, closed_at);
COMMENT ON TABLE onetrading.closed_positions IS 'Closed futures positions (GET account/futures/positions-history). What the exchange does not send is taken from the position''s own trades, else null.';
COMMENT ON COLUMN onetrading.closed_positions.position_id IS 'The exchange''s identity of the position: digits.';
COMMENT ON COLUMN onetrading.closed_positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.closed_positions.instrument_code IS 'The market''s code, as sent or of its own trades; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.direction IS 'LONG or SHORT, as sent or by the side of its first trade; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.opened_at IS 'As sent, or when its first trade happened; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.closed_at IS 'As sent, or when its last trade happened; null while neither is known.';
COMMENT ON COLUMN onetrading.closed_positions.closing_pnl IS 'Result of its trades in the quote currency, before fees and funding.';
COMMENT ON COLUMN onetrading.closed_positions.realised_pnl IS 'In the quote currency: closing_pnl plus total_funding_payments minus total_trade_fees, as the exchange says. One that is not is an issue of kind unbalanced.';
COMMENT ON COLUMN onetrading.closed_positions.total_funding_payments IS 'In the quote currency, as sent: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.closed_positions.total_trade_fees IS 'In the quote currency, as sent: positive when paid, negative for a net rebate.';
COMMENT ON COLUMN onetrading.closed_positions.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.closed_positions.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.closed_positions.first_seen_at IS 'When it was first stored here; never changed afterwards.';

CREATE TABLE onetrading_sync.closings (
    account_id uuid PRIMARY KEY,
    closed_to timestamptz NOT NULL,
    open_read_at timestamptz NOT NULL,
    all_read_at timestamptz NOT NULL
);
COMMENT ON TABLE onetrading_sync.closings IS 'As of when closed positions are complete. A proven range of them says: of what was opened in it, all that had been closed before closed_to is stored.';
COMMENT ON COLUMN onetrading_sync.closings.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.closings.closed_to IS 'Whatever was closed before this instant, and opened in a proven range, is stored. It commits with the rows of the walk that makes it true.';
COMMENT ON COLUMN onetrading_sync.closings.open_read_at IS 'When everything from the oldest position on that was open by then was last read again.';
COMMENT ON COLUMN onetrading_sync.closings.all_read_at IS 'When everything was last read again.';

CREATE TABLE onetrading_sync.counted_positions (
    position_id text PRIMARY KEY,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    realised_pnl numeric
);
COMMENT ON TABLE onetrading_sync.counted_positions IS 'What each closed position added to the counters, so that none is counted twice when its instrument becomes known later.';
COMMENT ON COLUMN onetrading_sync.counted_positions.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading_sync.counted_positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.counted_positions.instrument_code IS 'The label that it was counted under; empty when its instrument could not be found out.';
COMMENT ON COLUMN onetrading_sync.counted_positions.realised_pnl IS 'The result that was counted; null when none was sent.';

CREATE VIEW reporting.closed_positions AS
SELECT position_id,
    coalesce(accounts.name, positions.account_id::text) AS account, positions.account_id,
    positions.instrument_code, base_code, quote_code, direction, opened_at, closed_at,
    closing_pnl AS gross, total_trade_fees AS fees, total_funding_payments AS funding,
    realised_pnl AS net,
    realised_pnl - (closing_pnl + total_funding_payments - total_trade_fees) AS difference,
    (closed_at AT TIME ZONE 'UTC')::date AS closed_on,
    positions.first_seen_at
FROM onetrading.closed_positions AS positions
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = positions.instrument_code
    AND known_from <= coalesce(closed_at, opened_at, positions.first_seen_at)
    AND coalesce(closed_at, opened_at, positions.first_seen_at) < known_to;
COMMENT ON VIEW reporting.closed_positions IS 'One row per closed futures position (GET account/futures/positions-history). Coverage of it counts by opening: of what was opened in a proven range, everything is here that was closed before the end of the newest range. So a month is complete for what was closed in it once month_close is ok for it and for the months before it in which such positions were opened.

Example:
SELECT instrument_code, count(*) AS positions, sum(gross) AS gross, sum(fees) AS fees,
    sum(funding) AS funding, sum(net) AS net, quote_code
FROM reporting.closed_positions
WHERE account = ''main'' AND closed_at >= ''2026-03-01 00:00Z'' AND closed_at < ''2026-04-01 00:00Z''
GROUP BY instrument_code, quote_code ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.closed_positions.position_id IS 'Identity of the position at the exchange (positions[].position_id).';
COMMENT ON COLUMN reporting.closed_positions.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.closed_positions.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.closed_positions.instrument_code IS 'Futures market, as sent or of its own trades; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.base_code IS 'Asset that was traded, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.closed_positions.quote_code IS 'Currency of all money of the row, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.closed_positions.direction IS 'LONG or SHORT, as sent or by the side of its first trade; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.opened_at IS 'When it was opened, as sent or when its first trade happened; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.closed_at IS 'When it was closed, as sent or when its last trade happened; null while neither is known.';
COMMENT ON COLUMN reporting.closed_positions.gross IS 'Result of its trades in quote_code, before fees and funding (positions[].closing_pnl): positive for a gain.';
COMMENT ON COLUMN reporting.closed_positions.fees IS 'Fees of its trades in quote_code (positions[].total_trade_fees): positive when paid, negative for a net rebate.';
COMMENT ON COLUMN reporting.closed_positions.funding IS 'Funding in quote_code (positions[].total_funding_payments): positive when received, negative when paid.';
COMMENT ON COLUMN reporting.closed_positions.net IS 'Result in quote_code as the exchange says (positions[].realised_pnl): gross minus fees plus funding.';
COMMENT ON COLUMN reporting.closed_positions.difference IS 'net minus (gross plus funding minus fees), in quote_code: 0, or what rounding leaves; null when one of them was not sent.';
COMMENT ON COLUMN reporting.closed_positions.closed_on IS 'UTC date of closed_at.';
COMMENT ON COLUMN reporting.closed_positions.first_seen_at IS 'When it was first stored here.';
