-- The funding payments and trades of closed positions, and which of them are still to be read.
--
-- Creates tables; locks nothing.

CREATE TABLE onetrading.position_funding_payments (
    position_id text NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    booked_at timestamptz NOT NULL,
    booked_at_nanos bigint NOT NULL,
    funding_time timestamptz NOT NULL,
    amount numeric NOT NULL,
    funding_rate numeric,
    mark_price numeric,
    cash_balance numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (position_id, booked_at),
    CONSTRAINT position_funding_payments_amounts CHECK (
        amount > '-Infinity' AND amount < 'Infinity'
        AND funding_rate > '-Infinity' AND funding_rate < 'Infinity'
        AND mark_price > '-Infinity' AND mark_price < 'Infinity'
        AND cash_balance > '-Infinity' AND cash_balance < 'Infinity')
);
CREATE INDEX position_funding_payments_by_slot ON onetrading.position_funding_payments
    (account_id, instrument_code, funding_time);
COMMENT ON TABLE onetrading.position_funding_payments IS 'Funding of closed positions (GET account/futures/positions/{position_id}/funding-payments): the payments of funding_payments once more, each with its position, rate and mark price.';
COMMENT ON COLUMN onetrading.position_funding_payments.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading.position_funding_payments.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.position_funding_payments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.position_funding_payments.booked_at IS 'When it was booked, floored to the microsecond.';
COMMENT ON COLUMN onetrading.position_funding_payments.booked_at_nanos IS 'The same instant in full, in nanoseconds since 1970.';
COMMENT ON COLUMN onetrading.position_funding_payments.funding_time IS 'The funding time it belongs to, derived: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN onetrading.position_funding_payments.amount IS 'As sent, in the quote currency, rounded to 4 decimals: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.position_funding_payments.funding_rate IS 'Fraction per funding period; positive: longs paid shorts.';
COMMENT ON COLUMN onetrading.position_funding_payments.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.position_funding_payments.cash_balance IS 'Cash after the booking, in the quote currency.';
COMMENT ON COLUMN onetrading.position_funding_payments.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.position_funding_payments.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.position_funding_payments.first_seen_at IS 'When it was first stored here; never changed afterwards.';

CREATE TABLE onetrading.position_trades (
    position_id text NOT NULL,
    trade_id uuid NOT NULL,
    order_id uuid,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    price numeric NOT NULL,
    amount numeric NOT NULL,
    quote_amount numeric NOT NULL,
    fee_amount numeric,
    fee_currency text,
    liquidity text,
    order_source text,
    sequence bigint,
    traded_at timestamptz NOT NULL,
    traded_at_nanos bigint NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (position_id, trade_id),
    CONSTRAINT position_trades_amounts CHECK (
        price > 0 AND price < 'Infinity' AND amount > 0 AND amount < 'Infinity'
        AND quote_amount > 0 AND quote_amount < 'Infinity'
        AND fee_amount > '-Infinity' AND fee_amount < 'Infinity')
);
CREATE INDEX position_trades_by_trade ON onetrading.position_trades (trade_id);
COMMENT ON TABLE onetrading.position_trades IS 'Trades of closed positions (GET account/futures/positions/{position_id}/trades): those of trades once more, each with its position.';
COMMENT ON COLUMN onetrading.position_trades.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading.position_trades.trade_id IS 'The exchange''s identity of the fill.';
COMMENT ON COLUMN onetrading.position_trades.order_id IS 'The order that was filled.';
COMMENT ON COLUMN onetrading.position_trades.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.position_trades.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.position_trades.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.position_trades.price IS 'Quote currency per unit of the base asset.';
COMMENT ON COLUMN onetrading.position_trades.amount IS 'In units of the base asset; no sign, side carries it.';
COMMENT ON COLUMN onetrading.position_trades.quote_amount IS 'price times amount, exact, in the quote currency.';
COMMENT ON COLUMN onetrading.position_trades.fee_amount IS 'In units of fee_currency: positive when paid, negative when received; null when not sent.';
COMMENT ON COLUMN onetrading.position_trades.fee_currency IS 'What the fee was paid in.';
COMMENT ON COLUMN onetrading.position_trades.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN onetrading.position_trades.order_source IS 'Where the order came from (order_type): API for example.';
COMMENT ON COLUMN onetrading.position_trades.sequence IS 'The matching engine''s counter.';
COMMENT ON COLUMN onetrading.position_trades.traded_at IS 'When it happened, floored to the microsecond.';
COMMENT ON COLUMN onetrading.position_trades.traded_at_nanos IS 'The same instant in full, in nanoseconds since 1970.';
COMMENT ON COLUMN onetrading.position_trades.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.position_trades.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.position_trades.first_seen_at IS 'When it was first stored here; never changed afterwards.';

CREATE TABLE onetrading_sync.position_details (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    position_id text NOT NULL,
    record_hash bigint NOT NULL,
    read_at timestamptz,
    compared_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    next_try_at timestamptz,
    PRIMARY KEY (account_id, stream, position_id)
);
CREATE INDEX position_details_uncompared ON onetrading_sync.position_details (account_id, stream)
    WHERE read_at IS NOT NULL AND compared_at IS NULL;
COMMENT ON TABLE onetrading_sync.position_details IS 'Which details of closed positions were read, in which version of the position. One without a row, or with another record_hash than the position''s, is to be read.';
COMMENT ON COLUMN onetrading_sync.position_details.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.position_details.stream IS 'position_funding or position_trades.';
COMMENT ON COLUMN onetrading_sync.position_details.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading_sync.position_details.record_hash IS 'row_hash of the closed position when its details were requested.';
COMMENT ON COLUMN onetrading_sync.position_details.read_at IS 'When they were read to their end; null when the exchange refused them.';
COMMENT ON COLUMN onetrading_sync.position_details.compared_at IS 'When they were compared with funding_payments or trades; null until those are proven complete for the time of the position.';
COMMENT ON COLUMN onetrading_sync.position_details.failures IS 'How often in a row they could not be read.';
COMMENT ON COLUMN onetrading_sync.position_details.last_error IS 'Why they could not be read; null when they were.';
COMMENT ON COLUMN onetrading_sync.position_details.next_try_at IS 'When they are requested again; null: not before the position changes.';
