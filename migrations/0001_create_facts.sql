-- Facts: what the exchange said, keyed by its own identity. Money, prices and sizes are
-- unconstrained numeric; instants are timestamptz; raw is the record as sent.

CREATE SCHEMA IF NOT EXISTS onetrading;
COMMENT ON SCHEMA onetrading IS 'Facts as the exchange told them, keyed by its own identities.';

CREATE TABLE onetrading.accounts (
    account_id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE onetrading.accounts IS 'Accounts by the name configured here; "public" stands for what is read without a token.';
COMMENT ON COLUMN onetrading.accounts.account_id IS 'The identity that the exchange echoes in its answers; all zeros for public.';
COMMENT ON COLUMN onetrading.accounts.name IS 'The configured name: the label "account" of every metric.';
COMMENT ON COLUMN onetrading.accounts.first_seen_at IS 'When it was first stored here.';

INSERT INTO onetrading.accounts (account_id, name)
VALUES ('00000000-0000-0000-0000-000000000000', 'public');

CREATE TABLE onetrading.instruments (
    instrument_code text NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    amount_precision bigint,
    market_precision bigint,
    min_size numeric,
    raw jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    PRIMARY KEY (instrument_code, valid_from),
    CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX instruments_current ON onetrading.instruments (instrument_code) WHERE valid_to IS NULL;
COMMENT ON TABLE onetrading.instruments IS 'Markets and their rules over time (GET instruments); the row with valid_to null is in force.';
COMMENT ON COLUMN onetrading.instruments.kind IS 'SPOT, PERP, DATED_FUTURE or EQUITY_FUTURE; all but SPOT are futures.';
COMMENT ON COLUMN onetrading.instruments.min_size IS 'Least value of an order, in the quote currency.';
COMMENT ON COLUMN onetrading.instruments.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.instruments.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.instruments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.instruments.base_code IS 'The asset that is traded.';
COMMENT ON COLUMN onetrading.instruments.quote_code IS 'The asset that prices are in.';
COMMENT ON COLUMN onetrading.instruments.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN onetrading.instruments.amount_precision IS 'Decimals of amounts.';
COMMENT ON COLUMN onetrading.instruments.market_precision IS 'Decimals of prices.';
COMMENT ON COLUMN onetrading.instruments.raw IS 'The record as sent.';

CREATE TABLE onetrading.currencies (
    currency_code text NOT NULL,
    name text,
    precision bigint,
    collateral_percentage numeric,
    raw jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    PRIMARY KEY (currency_code, valid_from),
    CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX currencies_current ON onetrading.currencies (currency_code) WHERE valid_to IS NULL;
COMMENT ON TABLE onetrading.currencies IS 'Assets over time (GET currencies); the row with valid_to null is in force.';
COMMENT ON COLUMN onetrading.currencies.collateral_percentage IS 'Share of its value that counts as futures collateral, 0 to 100.';
COMMENT ON COLUMN onetrading.currencies.currency_code IS 'The asset''s code.';
COMMENT ON COLUMN onetrading.currencies.name IS 'Name for display.';
COMMENT ON COLUMN onetrading.currencies.precision IS 'Decimals of amounts.';
COMMENT ON COLUMN onetrading.currencies.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.currencies.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.currencies.valid_to IS 'When it was first observed changed or gone; null while in force.';

CREATE TABLE onetrading.trades (
    trade_id uuid PRIMARY KEY,
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
    row_hash bigint NOT NULL
);
CREATE INDEX trades_by_time ON onetrading.trades (traded_at);
COMMENT ON TABLE onetrading.trades IS 'Fills (GET account/trades). A taker''s row may stand for several fills at their average price.';
COMMENT ON COLUMN onetrading.trades.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.trades.price IS 'In the quote currency per unit of the base asset.';
COMMENT ON COLUMN onetrading.trades.amount IS 'In units of the base asset, never negative.';
COMMENT ON COLUMN onetrading.trades.quote_amount IS 'price times amount, exactly, in the quote currency.';
COMMENT ON COLUMN onetrading.trades.fee_amount IS 'In units of fee_currency: positive when paid, negative when received as a rebate.';
COMMENT ON COLUMN onetrading.trades.liquidity IS 'MAKER or TAKER (matched_as).';
COMMENT ON COLUMN onetrading.trades.order_source IS 'Where the order came from, for example API (order_type).';
COMMENT ON COLUMN onetrading.trades.traded_at IS 'When it happened, cut to the microsecond.';
COMMENT ON COLUMN onetrading.trades.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970.';
COMMENT ON COLUMN onetrading.trades.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.trades.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.trades.trade_id IS 'The exchange''s identity of the fill.';
COMMENT ON COLUMN onetrading.trades.order_id IS 'The order that was filled.';
COMMENT ON COLUMN onetrading.trades.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.trades.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.trades.fee_currency IS 'What the fee was paid in.';
COMMENT ON COLUMN onetrading.trades.sequence IS 'The matching engine''s counter.';

CREATE TABLE onetrading.funding_payments (
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    booked_at timestamptz NOT NULL,
    funding_time timestamptz NOT NULL,
    amount numeric NOT NULL,
    cash_balance numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    PRIMARY KEY (account_id, instrument_code, booked_at)
);
CREATE INDEX funding_payments_by_time ON onetrading.funding_payments (account_id, booked_at);
COMMENT ON TABLE onetrading.funding_payments IS 'Funding booked on an account (GET account/futures/funding-payments).';
COMMENT ON COLUMN onetrading.funding_payments.booked_at IS 'When it was booked: seconds after the funding time.';
COMMENT ON COLUMN onetrading.funding_payments.funding_time IS 'The funding time it belongs to, derived: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN onetrading.funding_payments.amount IS 'As sent, in the quote currency: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.funding_payments.cash_balance IS 'Cash after the booking, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_payments.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.funding_payments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_payments.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_payments.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';

CREATE TABLE onetrading.funding_rates (
    instrument_code text NOT NULL,
    funding_time timestamptz NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    PRIMARY KEY (instrument_code, funding_time)
);
CREATE INDEX funding_rates_by_time ON onetrading.funding_rates (funding_time);
COMMENT ON TABLE onetrading.funding_rates IS 'Settled funding rates (GET funding-rate/history).';
COMMENT ON COLUMN onetrading.funding_rates.funding_time IS 'End of the funding period.';
COMMENT ON COLUMN onetrading.funding_rates.funding_rate IS 'Fraction per funding period; positive: longs paid shorts.';
COMMENT ON COLUMN onetrading.funding_rates.mark_price IS 'Mark price at settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rates.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rates.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_rates.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';

CREATE TABLE onetrading.snapshots (
    snapshot_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    first_observed_at timestamptz NOT NULL,
    last_observed_at timestamptz NOT NULL,
    row_count integer NOT NULL,
    content_hash bigint NOT NULL,
    header jsonb NOT NULL,
    CHECK (last_observed_at >= first_observed_at)
);
-- Not on last_observed_at: every poll moves it, and an indexed column makes each move cost twice.
CREATE INDEX snapshots_by_start ON onetrading.snapshots
    (account_id, stream, first_observed_at, snapshot_id);
COMMENT ON TABLE onetrading.snapshots IS 'One row per complete answer of a snapshot stream; an answer that changed nothing extends it.';
COMMENT ON COLUMN onetrading.snapshots.first_observed_at IS 'When this state was first observed.';
COMMENT ON COLUMN onetrading.snapshots.last_observed_at IS 'When it was last observed unchanged; between both it was asked for without a break.';
COMMENT ON COLUMN onetrading.snapshots.row_count IS 'How many rows the answer had; 0 means empty, not unknown.';
COMMENT ON COLUMN onetrading.snapshots.header IS 'What the answer said beside its rows, as sent (account_equity of balances).';
COMMENT ON COLUMN onetrading.snapshots.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.snapshots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.snapshots.stream IS 'The stream that was asked.';
COMMENT ON COLUMN onetrading.snapshots.content_hash IS 'Hash of the whole answer, to tell that nothing changed.';

CREATE TABLE onetrading.balances (
    snapshot_id bigint NOT NULL REFERENCES onetrading.snapshots,
    account_id uuid NOT NULL,
    currency_code text NOT NULL,
    available numeric NOT NULL,
    locked numeric NOT NULL,
    changed_at timestamptz,
    PRIMARY KEY (snapshot_id, currency_code)
);
COMMENT ON TABLE onetrading.balances IS 'Balances per snapshot (GET account/balances). A currency without a row in a snapshot was not listed: its balance was 0.';
COMMENT ON COLUMN onetrading.balances.available IS 'Free, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.locked IS 'Held by open orders, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.changed_at IS 'When this balance last changed, as the exchange says.';
COMMENT ON COLUMN onetrading.balances.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.balances.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balances.currency_code IS 'The asset''s code.';

CREATE TABLE onetrading.positions (
    snapshot_id bigint NOT NULL REFERENCES onetrading.snapshots,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    direction text NOT NULL,
    open_volume numeric NOT NULL,
    open_notional numeric,
    maintenance_margin numeric,
    last_settlement numeric,
    mark_price numeric,
    raw jsonb NOT NULL,
    PRIMARY KEY (snapshot_id, instrument_code, direction)
);
COMMENT ON TABLE onetrading.positions IS 'Open futures positions per snapshot (GET account/futures/positions).';
COMMENT ON COLUMN onetrading.positions.direction IS 'LONG or SHORT; sizes have no sign.';
COMMENT ON COLUMN onetrading.positions.open_volume IS 'Size in units of the base asset.';
COMMENT ON COLUMN onetrading.positions.open_notional IS 'Size at the mark price, in the quote currency; not the cost of entry.';
COMMENT ON COLUMN onetrading.positions.last_settlement IS 'Cash result of the last minute''s settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.positions.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.positions.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.positions.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.positions.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.positions.raw IS 'The record as sent.';

CREATE TABLE onetrading.portfolios (
    snapshot_id bigint NOT NULL REFERENCES onetrading.snapshots,
    account_id uuid NOT NULL,
    equity numeric,
    margin_used numeric,
    margin_available numeric,
    account_ratio numeric,
    maintenance_margin numeric,
    raw jsonb NOT NULL,
    PRIMARY KEY (snapshot_id, account_id)
);
COMMENT ON TABLE onetrading.portfolios IS 'The futures account as a whole per snapshot (GET account/futures/summary).';
COMMENT ON COLUMN onetrading.portfolios.account_ratio IS 'As the exchange computes it; null when not a number (flat).';
COMMENT ON COLUMN onetrading.portfolios.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.portfolios.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.portfolios.equity IS 'In the account''s currency, which the exchange does not name.';
COMMENT ON COLUMN onetrading.portfolios.margin_used IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.margin_available IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.raw IS 'The record as sent.';

CREATE TABLE onetrading.funding_rate_samples (
    snapshot_id bigint NOT NULL REFERENCES onetrading.snapshots,
    instrument_code text NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    computed_at timestamptz,
    raw jsonb NOT NULL,
    PRIMARY KEY (snapshot_id, instrument_code)
);
COMMENT ON TABLE onetrading.funding_rate_samples IS 'Funding rates while they form (GET funding-rate); settled ones are in funding_rates.';
COMMENT ON COLUMN onetrading.funding_rate_samples.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.funding_rate_samples.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rate_samples.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.funding_rate_samples.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rate_samples.computed_at IS 'When the exchange computed it.';
COMMENT ON COLUMN onetrading.funding_rate_samples.raw IS 'The record as sent.';

CREATE TABLE onetrading.tickers (
    snapshot_id bigint NOT NULL REFERENCES onetrading.snapshots,
    instrument_code text NOT NULL,
    state text,
    last_price numeric,
    bid_price numeric,
    ask_price numeric,
    base_volume numeric,
    quote_volume numeric,
    mark_price numeric,
    funding_rate numeric,
    next_funding_at timestamptz,
    raw jsonb NOT NULL,
    PRIMARY KEY (snapshot_id, instrument_code)
);
COMMENT ON TABLE onetrading.tickers IS 'Tickers per snapshot (GET market-ticker).';
COMMENT ON COLUMN onetrading.tickers.bid_price IS 'Highest bid; null when nobody bids.';
COMMENT ON COLUMN onetrading.tickers.ask_price IS 'Lowest ask; null when nobody offers.';
COMMENT ON COLUMN onetrading.tickers.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.tickers.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.tickers.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN onetrading.tickers.last_price IS 'Price of the last trade in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.base_volume IS 'Volume of 24 hours in units of the base asset.';
COMMENT ON COLUMN onetrading.tickers.quote_volume IS 'Volume of 24 hours in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.tickers.next_funding_at IS 'When funding is next settled.';
COMMENT ON COLUMN onetrading.tickers.raw IS 'The record as sent.';
