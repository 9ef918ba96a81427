-- Orders: their newest state, each state as first seen, and the views that show them.
--
-- Creates tables and views; locks no table of an earlier version.

CREATE TABLE onetrading.orders (
    order_id uuid PRIMARY KEY,
    client_id text,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    side text NOT NULL,
    order_type text,
    time_in_force text,
    price numeric,
    amount numeric NOT NULL,
    filled_amount numeric NOT NULL,
    average_price numeric,
    fee_amount numeric,
    fee_currency text,
    status text NOT NULL,
    is_open boolean,
    sequence bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    trades_checked boolean NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_amounts CHECK (
        price > 0 AND price < 'Infinity' AND amount > 0 AND amount < 'Infinity'
        AND filled_amount >= 0 AND filled_amount < 'Infinity'
        AND average_price > 0 AND average_price < 'Infinity'
        AND fee_amount > '-Infinity' AND fee_amount < 'Infinity')
);
CREATE INDEX orders_by_account ON onetrading.orders (account_id, created_at);
-- These hold next to nothing: what is open, and what was not compared with the trades yet.
CREATE INDEX orders_open ON onetrading.orders (account_id) WHERE is_open;
CREATE INDEX orders_unknown ON onetrading.orders (account_id) WHERE is_open IS NULL;
CREATE INDEX orders_unchecked ON onetrading.orders (account_id, created_at) WHERE NOT trades_checked;
COMMENT ON TABLE onetrading.orders IS 'Orders in the newest state that was seen (GET account/orders). An older state never overwrites a newer one.';
COMMENT ON COLUMN onetrading.orders.order_id IS 'The exchange''s identity of the order.';
COMMENT ON COLUMN onetrading.orders.client_id IS 'Chosen by the client, else made by the exchange; null when not sent.';
COMMENT ON COLUMN onetrading.orders.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.orders.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.orders.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.orders.order_type IS 'LIMIT, MARKET, ... (type); null when not sent.';
COMMENT ON COLUMN onetrading.orders.time_in_force IS 'How long it is valid; null when not sent.';
COMMENT ON COLUMN onetrading.orders.price IS 'In the quote currency per unit of the base asset; null of a market order.';
COMMENT ON COLUMN onetrading.orders.amount IS 'What is to be traded, in units of the base asset, never negative.';
COMMENT ON COLUMN onetrading.orders.filled_amount IS 'What of it was traded, in units of the base asset; 0 when not sent.';
COMMENT ON COLUMN onetrading.orders.average_price IS 'Of what was traded, in the quote currency; null when nothing was, or when not sent.';
COMMENT ON COLUMN onetrading.orders.fee_amount IS 'In units of fee_currency: positive when paid, negative when received as a rebate (total_fee); null when not sent.';
COMMENT ON COLUMN onetrading.orders.fee_currency IS 'What the fee was paid in.';
COMMENT ON COLUMN onetrading.orders.status IS 'The status as the exchange told it last; is_open says what we make of it.';
COMMENT ON COLUMN onetrading.orders.is_open IS 'Whether it is open: by its status, and by the list of open orders. Null: unknown, because it left that list and the exchange does not tell of it any more; status is then what was told last.';
COMMENT ON COLUMN onetrading.orders.sequence IS 'The exchange''s counter, which tells the newer of two states; null when not sent.';
COMMENT ON COLUMN onetrading.orders.created_at IS 'When it was created, cut to the microsecond (time).';
COMMENT ON COLUMN onetrading.orders.updated_at IS 'When it changed last (time_last_updated); null when not sent.';
COMMENT ON COLUMN onetrading.orders.trades_checked IS 'Whether the trades inside of the record were compared with onetrading.trades: once these are complete for the life of the order.';
COMMENT ON COLUMN onetrading.orders.raw IS 'The record as sent when it last changed.';
COMMENT ON COLUMN onetrading.orders.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.orders.first_seen_at IS 'When it was first stored here; never changed afterwards.';

CREATE TABLE onetrading.order_events (
    order_id uuid NOT NULL,
    status text NOT NULL,
    filled_amount numeric NOT NULL,
    account_id uuid NOT NULL,
    sequence bigint,
    updated_at timestamptz,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, status, filled_amount),
    CONSTRAINT order_events_amounts CHECK (filled_amount >= 0 AND filled_amount < 'Infinity')
);
CREATE INDEX order_events_by_account ON onetrading.order_events (account_id, first_seen_at);
COMMENT ON TABLE onetrading.order_events IS 'Each state of an order that was seen, as first seen. States that came and went between two polls are not in it.';
COMMENT ON COLUMN onetrading.order_events.order_id IS 'The order, as in onetrading.orders.';
COMMENT ON COLUMN onetrading.order_events.status IS 'The status as sent.';
COMMENT ON COLUMN onetrading.order_events.filled_amount IS 'What was traded by then, in units of the base asset.';
COMMENT ON COLUMN onetrading.order_events.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.order_events.sequence IS 'The exchange''s counter; null when not sent.';
COMMENT ON COLUMN onetrading.order_events.updated_at IS 'When the exchange says that the order changed to this state; null when not sent.';
COMMENT ON COLUMN onetrading.order_events.first_seen_at IS 'When the state was first stored here; never changed afterwards.';


CREATE VIEW reporting.orders AS
SELECT order_id, client_id,
    coalesce(accounts.name, orders.account_id::text) AS account, orders.account_id,
    orders.instrument_code, base_code, quote_code,
    side, order_type, time_in_force, price, amount, filled_amount, amount - filled_amount AS unfilled_amount,
    average_price, fee_amount, fee_currency, status, is_open,
    CASE WHEN is_open THEN 'open' WHEN is_open IS NULL THEN 'unknown' ELSE 'closed' END AS state,
    sequence, created_at, updated_at, orders.first_seen_at
FROM onetrading.orders
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN onetrading.instrument_assets AS assets
    ON assets.instrument_code = orders.instrument_code
    AND known_from <= created_at AND created_at < known_to;
COMMENT ON VIEW reporting.orders IS 'One row per order of an account, in the newest state that was seen (GET account/orders).

Example:
SELECT created_at, instrument_code, side, price, amount, filled_amount, status
FROM reporting.orders
WHERE account = ''main'' AND created_at >= ''2026-03-01 00:00Z'' AND created_at < ''2026-04-01 00:00Z''
ORDER BY created_at, order_id;';
COMMENT ON COLUMN reporting.orders.order_id IS 'Identity of the order (order.order_id).';
COMMENT ON COLUMN reporting.orders.client_id IS 'Chosen by the client, else made by the exchange (order.client_id); null when not sent.';
COMMENT ON COLUMN reporting.orders.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.orders.account_id IS 'Identity of the account at the exchange (order.account_id).';
COMMENT ON COLUMN reporting.orders.instrument_code IS 'Market (order.instrument_code).';
COMMENT ON COLUMN reporting.orders.base_code IS 'Asset that amount counts, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.orders.quote_code IS 'Currency of price, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.orders.side IS 'BUY or SELL, of the account (order.side).';
COMMENT ON COLUMN reporting.orders.order_type IS 'LIMIT, MARKET, ... (order.type); null when not sent.';
COMMENT ON COLUMN reporting.orders.time_in_force IS 'How long it is valid (order.time_in_force); null when not sent.';
COMMENT ON COLUMN reporting.orders.price IS 'In quote_code per unit of base_code (order.price); null of a market order.';
COMMENT ON COLUMN reporting.orders.amount IS 'What is to be traded, in base_code; no sign, side carries it (order.amount).';
COMMENT ON COLUMN reporting.orders.filled_amount IS 'What of it was traded, in base_code (order.filled_amount); 0 when not sent.';
COMMENT ON COLUMN reporting.orders.unfilled_amount IS 'amount less filled_amount, in base_code; of an order that is not open, what was never traded.';
COMMENT ON COLUMN reporting.orders.average_price IS 'Of what was traded, in quote_code (order.average_price); null when nothing was, or when not sent.';
COMMENT ON COLUMN reporting.orders.fee_amount IS 'In fee_currency: positive when paid, negative when received as a rebate (order.total_fee); null when not sent. The fees of its trades are what counts.';
COMMENT ON COLUMN reporting.orders.fee_currency IS 'Currency of fee_amount (order.fee_currency).';
COMMENT ON COLUMN reporting.orders.status IS 'The status as the exchange told it last (order.status).';
COMMENT ON COLUMN reporting.orders.is_open IS 'Whether it is open: by its status, and by the list of open orders; null: unknown.';
COMMENT ON COLUMN reporting.orders.state IS 'is_open in words: open, closed, or unknown (it left the list of open orders, and the exchange does not tell of it any more).';
COMMENT ON COLUMN reporting.orders.sequence IS 'The exchange''s own count (order.sequence); null when not sent.';
COMMENT ON COLUMN reporting.orders.created_at IS 'When it was created (order.time).';
COMMENT ON COLUMN reporting.orders.updated_at IS 'When it changed last (order.time_last_updated); null when not sent.';
COMMENT ON COLUMN reporting.orders.first_seen_at IS 'When it was first stored here.';

CREATE VIEW reporting.current_orders AS
SELECT account, account_id, order_id, client_id, instrument_code, base_code, quote_code,
    side, order_type, time_in_force, price, amount, filled_amount, unfilled_amount, average_price,
    status, state, created_at, updated_at, now() - created_at AS age
FROM reporting.orders
WHERE is_open IS NOT FALSE;
COMMENT ON VIEW reporting.current_orders IS 'Orders that are open as of the last poll, and those of which that is unknown. How old the poll is: reporting.freshness.

Example:
SELECT account, instrument_code, side, price, unfilled_amount, age
FROM reporting.current_orders WHERE state = ''open'' ORDER BY age DESC;';
COMMENT ON COLUMN reporting.current_orders.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.current_orders.account_id IS 'Identity of the account at the exchange (order.account_id).';
COMMENT ON COLUMN reporting.current_orders.order_id IS 'Identity of the order (order.order_id).';
COMMENT ON COLUMN reporting.current_orders.client_id IS 'Chosen by the client, else made by the exchange (order.client_id); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.instrument_code IS 'Market (order.instrument_code).';
COMMENT ON COLUMN reporting.current_orders.base_code IS 'Asset that amount counts, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_orders.quote_code IS 'Currency of price, from onetrading.instruments at the time of the order; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_orders.side IS 'BUY or SELL, of the account (order.side).';
COMMENT ON COLUMN reporting.current_orders.order_type IS 'LIMIT, MARKET, ... (order.type); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.time_in_force IS 'How long it is valid (order.time_in_force); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.price IS 'In quote_code per unit of base_code (order.price); null of a market order.';
COMMENT ON COLUMN reporting.current_orders.amount IS 'What is to be traded, in base_code; no sign, side carries it (order.amount).';
COMMENT ON COLUMN reporting.current_orders.filled_amount IS 'What of it was traded, in base_code (order.filled_amount); 0 when not sent.';
COMMENT ON COLUMN reporting.current_orders.unfilled_amount IS 'amount less filled_amount, in base_code: what can still be traded.';
COMMENT ON COLUMN reporting.current_orders.average_price IS 'Of what was traded, in quote_code (order.average_price); null when nothing was, or when not sent.';
COMMENT ON COLUMN reporting.current_orders.status IS 'The status as the exchange told it last (order.status).';
COMMENT ON COLUMN reporting.current_orders.state IS 'open or unknown (it left the list of open orders, and the exchange does not tell of it any more).';
COMMENT ON COLUMN reporting.current_orders.created_at IS 'When it was created (order.time).';
COMMENT ON COLUMN reporting.current_orders.updated_at IS 'When it changed last (order.time_last_updated); null when not sent.';
COMMENT ON COLUMN reporting.current_orders.age IS 'Time since created_at.';
