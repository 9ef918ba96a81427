CREATE SCHEMA onetrading;
COMMENT ON SCHEMA onetrading IS 'Facts as the exchange told them, keyed by its own identities.';
CREATE SCHEMA onetrading_sync;
COMMENT ON SCHEMA onetrading_sync IS 'How the sync stands: coverage, runs, quarantined records, drift, issues.';
CREATE SCHEMA reporting;
COMMENT ON SCHEMA reporting IS 'Views for people who write SQL and close a month with it. Columns only get added.';
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA onetrading_sync;
COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';
CREATE TABLE onetrading.accounts (
    account_id uuid NOT NULL,
    name text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    left_at timestamp with time zone
);
COMMENT ON TABLE onetrading.accounts IS 'Accounts by the name configured here; "public" stands for what is read without a token.';
COMMENT ON COLUMN onetrading.accounts.account_id IS 'The identity that the exchange echoes in its answers; all zeros for public.';
COMMENT ON COLUMN onetrading.accounts.name IS 'The configured name: the label "account" of every metric.';
COMMENT ON COLUMN onetrading.accounts.first_seen_at IS 'When it was first stored here.';
COMMENT ON COLUMN onetrading.accounts.left_at IS 'When it was found that no process has the account configured any more; null while one has it.';
CREATE TABLE onetrading.external_movements (
    account_id uuid NOT NULL,
    reference text NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    currency_code text NOT NULL,
    amount numeric NOT NULL,
    kind text NOT NULL,
    note text,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT external_movements_amounts CHECK (((amount > '-Infinity'::numeric) AND (amount < 'Infinity'::numeric) AND (amount <> (0)::numeric))),
    CONSTRAINT external_movements_currency_code_check CHECK ((currency_code <> ''::text)),
    CONSTRAINT external_movements_kind_check CHECK ((kind = ANY (ARRAY['deposit'::text, 'withdrawal'::text, 'transfer'::text, 'fee'::text, 'other'::text]))),
    CONSTRAINT external_movements_reference_check CHECK ((reference <> ''::text))
);
COMMENT ON TABLE onetrading.external_movements IS 'Deposits, withdrawals, transfers and fees that the exchange''s API does not tell, as imported from a file (import movements).';
COMMENT ON COLUMN onetrading.external_movements.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.external_movements.reference IS 'Identity of the movement within the account, chosen by whoever wrote the file.';
COMMENT ON COLUMN onetrading.external_movements.moved_at IS 'When the balance changed.';
COMMENT ON COLUMN onetrading.external_movements.currency_code IS 'What moved.';
COMMENT ON COLUMN onetrading.external_movements.amount IS 'In units of currency_code: positive when it came in, negative when it went out.';
COMMENT ON COLUMN onetrading.external_movements.kind IS 'deposit, withdrawal, transfer (between own accounts), fee or other.';
COMMENT ON COLUMN onetrading.external_movements.note IS 'What the file said beside; null when nothing.';
COMMENT ON COLUMN onetrading.external_movements.first_seen_at IS 'When it was first imported; never changed afterwards.';
CREATE TABLE onetrading.funding_payments (
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    amount numeric NOT NULL,
    cash_balance numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT funding_payments_amounts CHECK (((amount > '-Infinity'::numeric) AND (amount < 'Infinity'::numeric) AND (cash_balance > '-Infinity'::numeric) AND (cash_balance < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.funding_payments IS 'Funding booked on an account (GET account/futures/funding-payments).';
COMMENT ON COLUMN onetrading.funding_payments.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.funding_payments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_payments.booked_at IS 'When it was booked, as first read: seconds after the funding time.';
COMMENT ON COLUMN onetrading.funding_payments.funding_time IS 'The funding time it belongs to, derived: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN onetrading.funding_payments.amount IS 'As sent, in the quote currency: positive when received, negative when paid.';
COMMENT ON COLUMN onetrading.funding_payments.cash_balance IS 'Cash after the booking, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_payments.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_payments.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.funding_payments.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE TABLE onetrading.snapshots (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    first_observed_at timestamp with time zone NOT NULL,
    last_observed_at timestamp with time zone NOT NULL,
    row_count integer NOT NULL,
    content_hash bigint NOT NULL,
    header jsonb NOT NULL,
    CONSTRAINT snapshots_check CHECK ((last_observed_at >= first_observed_at))
);
COMMENT ON TABLE onetrading.snapshots IS 'One row per complete answer of a snapshot stream; an answer that changed nothing extends it.';
COMMENT ON COLUMN onetrading.snapshots.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.snapshots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.snapshots.stream IS 'The stream that was asked.';
COMMENT ON COLUMN onetrading.snapshots.first_observed_at IS 'When this state was first observed.';
COMMENT ON COLUMN onetrading.snapshots.last_observed_at IS 'When it was last observed unchanged; between both it was asked for without a break.';
COMMENT ON COLUMN onetrading.snapshots.row_count IS 'How many rows the answer had; 0 means empty, not unknown.';
COMMENT ON COLUMN onetrading.snapshots.content_hash IS 'Hash of the whole answer, to tell that nothing changed.';
COMMENT ON COLUMN onetrading.snapshots.header IS 'What the answer said beside its rows, as sent (account_equity of balances).';
CREATE TABLE onetrading.trades (
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
    traded_at timestamp with time zone NOT NULL,
    traded_at_nanos bigint NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT trades_amounts CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric) AND (amount > (0)::numeric) AND (amount < 'Infinity'::numeric) AND (quote_amount > (0)::numeric) AND (quote_amount < 'Infinity'::numeric) AND (fee_amount > '-Infinity'::numeric) AND (fee_amount < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.trades IS 'Fills (GET account/trades). A taker''s row may stand for several fills at their average price.';
COMMENT ON COLUMN onetrading.trades.trade_id IS 'The exchange''s identity of the fill.';
COMMENT ON COLUMN onetrading.trades.order_id IS 'The order that was filled.';
COMMENT ON COLUMN onetrading.trades.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.trades.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.trades.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN onetrading.trades.price IS 'In the quote currency per unit of the base asset.';
COMMENT ON COLUMN onetrading.trades.amount IS 'In units of the base asset, never negative.';
COMMENT ON COLUMN onetrading.trades.quote_amount IS 'price times amount, exactly, in the quote currency.';
COMMENT ON COLUMN onetrading.trades.fee_amount IS 'In units of fee_currency: positive when paid, negative when received as a rebate.';
COMMENT ON COLUMN onetrading.trades.fee_currency IS 'What the fee was paid in.';
COMMENT ON COLUMN onetrading.trades.liquidity IS 'MAKER or TAKER (matched_as).';
COMMENT ON COLUMN onetrading.trades.order_source IS 'Where the order came from, for example API (order_type).';
COMMENT ON COLUMN onetrading.trades.sequence IS 'The matching engine''s counter.';
COMMENT ON COLUMN onetrading.trades.traded_at IS 'When it happened, cut to the microsecond.';
COMMENT ON COLUMN onetrading.trades.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970.';
COMMENT ON COLUMN onetrading.trades.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.trades.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.trades.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE VIEW onetrading.account_spans AS
 SELECT accounts.account_id,
    accounts.name AS account,
    facts.first_at,
    accounts.left_at
   FROM (onetrading.accounts
     CROSS JOIN LATERAL ( SELECT LEAST(( SELECT min(trades.traded_at) AS min
                   FROM onetrading.trades
                  WHERE (trades.account_id = accounts.account_id)), ( SELECT min(payments.booked_at) AS min
                   FROM onetrading.funding_payments payments
                  WHERE (payments.account_id = accounts.account_id)), ( SELECT min(movements.moved_at) AS min
                   FROM onetrading.external_movements movements
                  WHERE (movements.account_id = accounts.account_id)), ( SELECT min(snapshots.first_observed_at) AS min
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = accounts.account_id) AND (snapshots.stream = 'balances'::text)))) AS first_at) facts)
  WHERE (facts.first_at IS NOT NULL);
COMMENT ON VIEW onetrading.account_spans IS 'From when on something is known of each account that has facts.';
COMMENT ON COLUMN onetrading.account_spans.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_spans.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_spans.first_at IS 'The earliest trade, funding payment, movement or observed balance.';
COMMENT ON COLUMN onetrading.account_spans.left_at IS 'As in onetrading.accounts.';
CREATE TABLE onetrading.zones (
    zone text NOT NULL
);
COMMENT ON TABLE onetrading.zones IS 'The time zones that days and months can be asked for in.';
COMMENT ON COLUMN onetrading.zones.zone IS 'Its IANA name, such as Europe/Vienna.';
CREATE VIEW onetrading.account_months AS
 SELECT account_spans.account_id,
    account_spans.account,
    zones.zone,
    (series.starts)::date AS month,
    (series.starts AT TIME ZONE zones.zone) AS starts_at,
    ((series.starts + '1 mon'::interval) AT TIME ZONE zones.zone) AS ends_at
   FROM ((onetrading.account_spans
     CROSS JOIN onetrading.zones)
     CROSS JOIN LATERAL generate_series(date_trunc('month'::text, (account_spans.first_at AT TIME ZONE zones.zone)), date_trunc('month'::text, (GREATEST(account_spans.first_at, COALESCE(account_spans.left_at, now())) AT TIME ZONE zones.zone)), '1 mon'::interval) series(starts));
COMMENT ON VIEW onetrading.account_months IS 'The months of each account in each time zone: what reports by month are joined to, so that a filter on account, zone and month is applied before anything is computed. Filter by zone always.';
COMMENT ON COLUMN onetrading.account_months.account_id IS 'As in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_months.account IS 'Name, as in onetrading.accounts.';
COMMENT ON COLUMN onetrading.account_months.zone IS 'As in onetrading.zones.';
COMMENT ON COLUMN onetrading.account_months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN onetrading.account_months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN onetrading.account_months.ends_at IS 'End of the month (exclusive).';
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
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    min_price numeric,
    max_price numeric,
    price_collar_percentage numeric,
    contract_expiry_date text,
    contract_duration text,
    funding_schedule jsonb,
    funding_period_minutes bigint,
    market_offset bigint,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT instruments_amounts CHECK (((min_price > '-Infinity'::numeric) AND (min_price < 'Infinity'::numeric) AND (max_price > '-Infinity'::numeric) AND (max_price < 'Infinity'::numeric) AND (price_collar_percentage > '-Infinity'::numeric) AND (price_collar_percentage < 'Infinity'::numeric))),
    CONSTRAINT instruments_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.instruments IS 'Markets and their rules over time (GET instruments); the row with valid_to null is in force.';
COMMENT ON COLUMN onetrading.instruments.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.instruments.base_code IS 'The asset that is traded.';
COMMENT ON COLUMN onetrading.instruments.quote_code IS 'The asset that prices are in.';
COMMENT ON COLUMN onetrading.instruments.kind IS 'SPOT, PERP, DATED_FUTURE or EQUITY_FUTURE; all but SPOT are futures.';
COMMENT ON COLUMN onetrading.instruments.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN onetrading.instruments.amount_precision IS 'Decimals of amounts.';
COMMENT ON COLUMN onetrading.instruments.market_precision IS 'Decimals of prices.';
COMMENT ON COLUMN onetrading.instruments.min_size IS 'Least value of an order, in the quote currency.';
COMMENT ON COLUMN onetrading.instruments.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.instruments.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.instruments.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.instruments.min_price IS 'Lowest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.max_price IS 'Highest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.price_collar_percentage IS 'How far the price of an order may lie from the market, in percent; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.contract_expiry_date IS 'When a dated future expires, as sent (YYYY-MM-DD); null for others.';
COMMENT ON COLUMN onetrading.instruments.contract_duration IS 'Term of a dated future, as sent (5Y); null for others.';
COMMENT ON COLUMN onetrading.instruments.funding_schedule IS 'When funding is settled, as sent; null for spot markets.';
COMMENT ON COLUMN onetrading.instruments.funding_period_minutes IS 'Minutes of a funding period; null for spot markets.';
COMMENT ON COLUMN onetrading.instruments.market_offset IS 'Seconds after the minute at which the market is computed and settled; it changes over time. Null when not sent.';
COMMENT ON COLUMN onetrading.instruments.first_seen_at IS 'When this version was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE VIEW onetrading.instrument_assets AS
 WITH changes AS (
         SELECT instruments.instrument_code,
            instruments.base_code,
            instruments.quote_code,
            instruments.valid_from,
            lag(instruments.valid_from) OVER versions AS before,
            (NOT ((lag(instruments.base_code) OVER versions IS DISTINCT FROM instruments.base_code) OR (lag(instruments.quote_code) OVER versions IS DISTINCT FROM instruments.quote_code))) AS same
           FROM onetrading.instruments
          WINDOW versions AS (PARTITION BY instruments.instrument_code ORDER BY instruments.valid_from)
        )
 SELECT instrument_code,
    base_code,
    quote_code,
        CASE
            WHEN (before IS NULL) THEN '-infinity'::timestamp with time zone
            ELSE valid_from
        END AS known_from,
    lead(valid_from, 1, 'infinity'::timestamp with time zone) OVER (PARTITION BY instrument_code ORDER BY valid_from) AS known_to
   FROM changes
  WHERE ((before IS NULL) OR (NOT same));
COMMENT ON VIEW onetrading.instrument_assets IS 'Base and quote of each instrument at any time: of an instrument''s rows exactly one holds at an instant, so that joining by code and time never multiplies rows.';
COMMENT ON COLUMN onetrading.instrument_assets.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.base_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.quote_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_assets.known_from IS 'valid_from of the version; the first one counts for all time before it.';
COMMENT ON COLUMN onetrading.instrument_assets.known_to IS 'known_from of the next row, exclusive; the last one counts for all time after it.';
CREATE VIEW onetrading.instrument_kinds AS
 SELECT DISTINCT ON (instrument_code) instrument_code,
    (kind <> 'SPOT'::text) AS is_futures
   FROM onetrading.instruments
  ORDER BY instrument_code, valid_from DESC;
COMMENT ON VIEW onetrading.instrument_kinds IS 'Whether each known instrument is a futures instrument, by its newest version.';
COMMENT ON COLUMN onetrading.instrument_kinds.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.instrument_kinds.is_futures IS 'Whether its kind is any but SPOT. Of an instrument without a row, the suffix _P tells.';
CREATE VIEW onetrading.balance_changes AS
 SELECT trades.account_id,
    trades.traded_at AS changed_at,
    leg.currency,
    leg.amount,
    leg.gain
   FROM (((onetrading.trades
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))))
     LEFT JOIN onetrading.instrument_kinds kinds ON ((kinds.instrument_code = trades.instrument_code)))
     CROSS JOIN LATERAL ( VALUES (
                CASE
                    WHEN (NOT COALESCE(kinds.is_futures, (trades.instrument_code ~~ '%\_P'::text))) THEN COALESCE(assets.base_code, split_part(trades.instrument_code, '_'::text, 1))
                    ELSE NULL::text
                END,
                CASE trades.side
                    WHEN 'BUY'::text THEN trades.amount
                    ELSE (- trades.amount)
                END,(0)::numeric), (
                CASE
                    WHEN (NOT COALESCE(kinds.is_futures, (trades.instrument_code ~~ '%\_P'::text))) THEN COALESCE(assets.quote_code, split_part(trades.instrument_code, '_'::text, 2))
                    ELSE NULL::text
                END,
                CASE trades.side
                    WHEN 'BUY'::text THEN (- trades.quote_amount)
                    ELSE trades.quote_amount
                END,0), (
                CASE
                    WHEN COALESCE(kinds.is_futures, (trades.instrument_code ~~ '%\_P'::text)) THEN COALESCE(assets.quote_code, split_part(trades.instrument_code, '_'::text, 2))
                    ELSE NULL::text
                END,0,
                CASE trades.side
                    WHEN 'BUY'::text THEN (- trades.quote_amount)
                    ELSE trades.quote_amount
                END), (
                CASE
                    WHEN (trades.fee_amount <> (0)::numeric) THEN trades.fee_currency
                    ELSE NULL::text
                END,(- trades.fee_amount),0)) leg(currency, amount, gain))
  WHERE (leg.currency IS NOT NULL)
UNION ALL
 SELECT payments.account_id,
    payments.booked_at AS changed_at,
    COALESCE(assets.quote_code, split_part(payments.instrument_code, '_'::text, 2)) AS currency,
    payments.amount,
    0 AS gain
   FROM (onetrading.funding_payments payments
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.booked_at) AND (payments.booked_at < assets.known_to))))
UNION ALL
 SELECT external_movements.account_id,
    external_movements.moved_at AS changed_at,
    external_movements.currency_code AS currency,
    external_movements.amount,
    0 AS gain
   FROM onetrading.external_movements;
COMMENT ON VIEW onetrading.balance_changes IS 'What moves balances, as far as the exchange or a file tells it: legs of spot trades, fees, funding payments and movements. The settlements of futures, each minute, are told nowhere; over a time without an open position at its ends they are the sum of gain.';
COMMENT ON COLUMN onetrading.balance_changes.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balance_changes.changed_at IS 'traded_at, booked_at or moved_at.';
COMMENT ON COLUMN onetrading.balance_changes.currency IS 'The asset that moves. Of an instrument that is not known, as its code says.';
COMMENT ON COLUMN onetrading.balance_changes.amount IS 'In units of currency: positive when it came in. Funding counts as sent: positive when received.';
COMMENT ON COLUMN onetrading.balance_changes.gain IS 'Of a futures trade: its value at its price, negative when bought; else 0.';
CREATE TABLE onetrading.balances (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    currency_code text NOT NULL,
    available numeric NOT NULL,
    locked numeric NOT NULL,
    changed_at timestamp with time zone,
    CONSTRAINT balances_amounts CHECK (((available > '-Infinity'::numeric) AND (available < 'Infinity'::numeric) AND (locked > '-Infinity'::numeric) AND (locked < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.balances IS 'Balances per snapshot (GET account/balances). A currency without a row in a snapshot was not listed: its balance was 0.';
COMMENT ON COLUMN onetrading.balances.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.balances.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.balances.currency_code IS 'The asset''s code.';
COMMENT ON COLUMN onetrading.balances.available IS 'Free, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.locked IS 'Held by open orders, in units of the currency.';
COMMENT ON COLUMN onetrading.balances.changed_at IS 'When this balance last changed, as the exchange says.';
CREATE TABLE onetrading_sync.settings (
    name text NOT NULL,
    value text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE onetrading_sync.settings IS 'Settings of the exporter that views depend on, as the process that started last has them.';
COMMENT ON COLUMN onetrading_sync.settings.name IS 'business_zone: ONETRADING_BUSINESS_ZONE.';
COMMENT ON COLUMN onetrading_sync.settings.value IS 'Its value.';
COMMENT ON COLUMN onetrading_sync.settings.changed_at IS 'When it last changed.';
CREATE VIEW onetrading.business_zone AS
 SELECT COALESCE(( SELECT settings.value
           FROM onetrading_sync.settings
          WHERE (settings.name = 'business_zone'::text)), 'UTC'::text) AS zone;
COMMENT ON VIEW onetrading.business_zone IS 'One row: the time zone of days and months where none is asked for.';
COMMENT ON COLUMN onetrading.business_zone.zone IS 'As in onetrading.zones.';
CREATE TABLE onetrading.positions (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    direction text NOT NULL,
    open_volume numeric NOT NULL,
    open_notional numeric,
    maintenance_margin numeric,
    last_settlement numeric,
    mark_price numeric,
    raw jsonb NOT NULL,
    CONSTRAINT positions_amounts CHECK (((open_volume > '-Infinity'::numeric) AND (open_volume < 'Infinity'::numeric) AND (open_notional > '-Infinity'::numeric) AND (open_notional < 'Infinity'::numeric) AND (maintenance_margin > '-Infinity'::numeric) AND (maintenance_margin < 'Infinity'::numeric) AND (last_settlement > '-Infinity'::numeric) AND (last_settlement < 'Infinity'::numeric) AND (mark_price > '-Infinity'::numeric) AND (mark_price < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.positions IS 'Open futures positions per snapshot (GET account/futures/positions).';
COMMENT ON COLUMN onetrading.positions.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.positions.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.positions.direction IS 'LONG or SHORT; sizes have no sign.';
COMMENT ON COLUMN onetrading.positions.open_volume IS 'Size in units of the base asset.';
COMMENT ON COLUMN onetrading.positions.open_notional IS 'Size at the mark price, in the quote currency; not the cost of entry.';
COMMENT ON COLUMN onetrading.positions.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.positions.last_settlement IS 'Cash result of the last minute''s settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.positions.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.positions.raw IS 'The record as sent.';
CREATE VIEW reporting.balance_rollforward_by_zone AS
 SELECT m.account,
    m.account_id,
    m.month,
    m.zone,
    rolled.currency,
        CASE
            WHEN (edges.open_at = edges.close_at) THEN 'derived'::text
            ELSE 'observed'::text
        END AS basis,
    rolled.opening,
    rolled.bought,
    rolled.sold,
    rolled.fees_paid,
    rolled.rebates_received,
    rolled.funding_received,
    rolled.funding_paid,
    rolled.settlements_inferred,
    rolled.external_in,
    rolled.external_out,
    (rolled.actual - rolled.difference) AS expected,
    rolled.actual,
    rolled.actual_observed_at,
    rolled.difference,
    unexplained.first_unexplained_from,
    unexplained.first_unexplained_to
   FROM ((((onetrading.account_months m
     CROSS JOIN LATERAL ( SELECT max(picked.snapshot_id) FILTER (WHERE (ends.edge = 'opening'::text)) AS open_snapshot,
            max(picked.at) FILTER (WHERE (ends.edge = 'opening'::text)) AS open_at,
            max(picked.snapshot_id) FILTER (WHERE (ends.edge = 'actual'::text)) AS close_snapshot,
            max(picked.at) FILTER (WHERE (ends.edge = 'actual'::text)) AS close_at,
            max(ends.edge_at) FILTER (WHERE (ends.edge = 'actual'::text)) AS ends_at
           FROM (( VALUES ('opening'::text,m.starts_at), ('actual'::text,LEAST(m.ends_at, now()))) ends(edge, edge_at)
             CROSS JOIN LATERAL ( SELECT near.snapshot_id,
                    points.at
                   FROM ((( SELECT snapshots.snapshot_id,
                            snapshots.first_observed_at,
                            snapshots.last_observed_at
                           FROM onetrading.snapshots
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at < ends.edge_at))
                          ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                         LIMIT 20)
                        UNION ALL
                        ( SELECT snapshots.snapshot_id,
                            snapshots.first_observed_at,
                            snapshots.last_observed_at
                           FROM onetrading.snapshots
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at >= ends.edge_at))
                          ORDER BY snapshots.first_observed_at, snapshots.snapshot_id
                         LIMIT 20)) near
                     CROSS JOIN LATERAL ( VALUES (near.first_observed_at), (near.last_observed_at), (
                                CASE
                                    WHEN ((near.first_observed_at < ends.edge_at) AND (near.last_observed_at >= ends.edge_at)) THEN (ends.edge_at - '00:00:00.000001'::interval)
                                    ELSE NULL::timestamp with time zone
                                END)) points(at))
                  WHERE (points.at IS NOT NULL)
                  ORDER BY ((EXISTS ( SELECT
                           FROM onetrading.trades
                          WHERE ((trades.account_id = m.account_id) AND ((trades.traded_at >= (points.at - '00:00:05'::interval)) AND (trades.traded_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                           FROM onetrading.funding_payments payments
                          WHERE ((payments.account_id = m.account_id) AND ((payments.booked_at >= (points.at - '00:00:05'::interval)) AND (payments.booked_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                           FROM onetrading.external_movements movements
                          WHERE ((movements.account_id = m.account_id) AND ((movements.moved_at >= (points.at - '00:00:05'::interval)) AND (movements.moved_at <= (points.at + '00:00:05'::interval))))))), GREATEST((points.at - ends.edge_at), (ends.edge_at - points.at)), points.at, near.snapshot_id
                 LIMIT 1) picked)
         HAVING (count(*) = 2)) edges)
     CROSS JOIN LATERAL ( SELECT min(points.at) AS from_at,
            (array_agg(points.snapshot_id ORDER BY points.at, points.snapshot_id))[1] AS from_snapshot,
            max(points.at) AS to_at,
            (array_agg(points.snapshot_id ORDER BY points.at DESC, points.snapshot_id DESC))[1] AS to_snapshot
           FROM (( SELECT GREATEST((snapshots.first_observed_at + '00:02:00'::interval), edges.open_at) AS from_at,
                    LEAST(snapshots.last_observed_at, edges.close_at) AS to_at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.row_count = 0) AND (snapshots.first_observed_at >= COALESCE(( SELECT max(snapshots_1.first_observed_at) AS max
                           FROM onetrading.snapshots snapshots_1
                          WHERE ((snapshots_1.account_id = m.account_id) AND (snapshots_1.stream = 'positions'::text) AND (snapshots_1.first_observed_at <= edges.open_at))), '-infinity'::timestamp with time zone)) AND (snapshots.first_observed_at <= edges.close_at))) flat_1
             CROSS JOIN LATERAL (( SELECT snapshots.snapshot_id,
                    GREATEST(snapshots.first_observed_at, flat_1.from_at) AS at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at <= flat_1.from_at) AND (snapshots.last_observed_at >= flat_1.from_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)
                UNION ALL
                ( SELECT snapshots.snapshot_id,
                    snapshots.first_observed_at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at > flat_1.from_at) AND (snapshots.first_observed_at <= flat_1.to_at))
                  ORDER BY snapshots.first_observed_at, snapshots.snapshot_id
                 LIMIT 3)
                UNION ALL
                ( SELECT snapshots.snapshot_id,
                    LEAST(snapshots.last_observed_at, flat_1.to_at) AS "least"
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at > flat_1.from_at) AND (snapshots.first_observed_at <= flat_1.to_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 3)
                UNION ALL
                ( SELECT snapshots.snapshot_id,
                    LEAST(snapshots.last_observed_at, flat_1.to_at) AS "least"
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at <= flat_1.from_at) AND (snapshots.last_observed_at >= flat_1.from_at))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)) points)
          WHERE ((flat_1.from_at < flat_1.to_at) AND (NOT (EXISTS ( SELECT
                   FROM onetrading.balance_changes changes
                  WHERE ((changes.account_id = m.account_id) AND (changes.changed_at > (points.at - '00:02:00'::interval)) AND (changes.changed_at <= (points.at + '00:00:05'::interval)) AND ((changes.gain <> (0)::numeric) OR (changes.changed_at > (points.at - '00:00:05'::interval))))))))) flat)
     CROSS JOIN LATERAL ( WITH cash AS (
                 SELECT ends.edge,
                    nearest.currency,
                    nearest.at,
                    nearest.total
                   FROM (( VALUES ('opening'::text,m.starts_at,edges.open_at), ('actual'::text,edges.ends_at,edges.close_at)) ends(edge, edge_at, observed_at)
                     CROSS JOIN LATERAL ( SELECT DISTINCT ON (COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2))) COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2)) AS currency,
                            near.at,
                            near.cash_balance AS total
                           FROM (( SELECT payments.at,
                                    payments.instrument_code,
                                    payments.cash_balance,
                                    count(*) OVER (PARTITION BY payments.at) AS together
                                   FROM (( SELECT funding_payments.booked_at AS at,
    funding_payments.instrument_code,
    funding_payments.cash_balance
   FROM onetrading.funding_payments
  WHERE ((funding_payments.account_id = m.account_id) AND (funding_payments.booked_at < ends.edge_at) AND (funding_payments.cash_balance IS NOT NULL))
  ORDER BY funding_payments.booked_at DESC
 LIMIT 20)
UNION ALL
( SELECT funding_payments.booked_at,
    funding_payments.instrument_code,
    funding_payments.cash_balance
   FROM onetrading.funding_payments
  WHERE ((funding_payments.account_id = m.account_id) AND (funding_payments.booked_at >= ends.edge_at) AND (funding_payments.booked_at <= ends.observed_at) AND (funding_payments.cash_balance IS NOT NULL))
  ORDER BY funding_payments.booked_at
 LIMIT 20)) payments) near
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = near.instrument_code) AND (assets.known_from <= near.at) AND (near.at < assets.known_to))))
                          WHERE ((near.together = 1) AND (GREATEST((near.at - ends.edge_at), (ends.edge_at - near.at)) <= (ends.observed_at - ends.edge_at)) AND ((GREATEST((near.at - ends.edge_at), (ends.edge_at - near.at)) <= '04:10:00'::interval) OR (EXISTS ( SELECT
                                   FROM onetrading.balance_changes changes
                                  WHERE ((changes.account_id = m.account_id) AND (changes.gain <> (0)::numeric) AND (changes.changed_at >= ends.edge_at) AND (changes.changed_at <= ends.observed_at))))))
                          ORDER BY COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2)), GREATEST((near.at - ends.edge_at), (ends.edge_at - near.at)), near.at) nearest)
                  WHERE (ends.edge_at <= ( SELECT min(snapshots.first_observed_at) AS min
                           FROM onetrading.snapshots
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text))))
                ), cuts AS (
                 SELECT array_agg(instants.cut ORDER BY instants.cut) AS cuts,
                    min(instants.cut) AS from_at,
                    max(instants.cut) AS to_at
                   FROM ( SELECT m.starts_at AS cut
                        UNION
                         SELECT edges.ends_at
                        UNION
                         SELECT (points.at + '00:00:00.000001'::interval)
                           FROM ( VALUES (edges.open_at), (edges.close_at), (flat.from_at), (flat.to_at)) points(at)
                        UNION
                         SELECT (cash.at + '00:00:00.000001'::interval)
                           FROM cash
                        UNION
                         SELECT instrument_assets.known_from
                           FROM onetrading.instrument_assets
                          WHERE ((instrument_assets.known_from > LEAST(m.starts_at, edges.open_at)) AND (instrument_assets.known_from < GREATEST(edges.ends_at, edges.close_at)))) instants
                  WHERE (instants.cut IS NOT NULL)
                ), sums AS (
                 SELECT trades.instrument_code,
                    trades.side,
                    trades.fee_currency,
                    min(trades.traded_at) AS at,
                    sum(trades.amount) AS amount,
                    sum(trades.quote_amount) AS quote_amount,
                    sum(trades.fee_amount) FILTER (WHERE (trades.fee_amount > (0)::numeric)) AS paid,
                    sum((- trades.fee_amount)) FILTER (WHERE (trades.fee_amount < (0)::numeric)) AS received
                   FROM (cuts
                     CROSS JOIN onetrading.trades)
                  WHERE ((trades.account_id = m.account_id) AND (trades.traded_at >= cuts.from_at) AND (trades.traded_at < cuts.to_at))
                  GROUP BY trades.instrument_code, trades.side, trades.fee_currency, (width_bucket(trades.traded_at, cuts.cuts))
                ), legs AS (
                 SELECT leg.currency,
                    sums.at,
                    leg.kind,
                    leg.amount
                   FROM ((((sums
                     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = sums.instrument_code) AND (assets.known_from <= sums.at) AND (sums.at < assets.known_to))))
                     LEFT JOIN onetrading.instrument_kinds kinds ON ((kinds.instrument_code = sums.instrument_code)))
                     CROSS JOIN LATERAL ( SELECT COALESCE(kinds.is_futures, (sums.instrument_code ~~ '%\_P'::text)) AS is_futures,
                            COALESCE(assets.base_code, split_part(sums.instrument_code, '_'::text, 1)) AS base,
                            COALESCE(assets.quote_code, split_part(sums.instrument_code, '_'::text, 2)) AS quote) known)
                     CROSS JOIN LATERAL ( VALUES (
                                CASE
                                    WHEN (NOT known.is_futures) THEN known.base
                                    ELSE NULL::text
                                END,
                                CASE sums.side
                                    WHEN 'BUY'::text THEN 'bought'::text
                                    ELSE 'sold'::text
                                END,sums.amount), (
                                CASE
                                    WHEN (NOT known.is_futures) THEN known.quote
                                    ELSE NULL::text
                                END,
                                CASE sums.side
                                    WHEN 'BUY'::text THEN 'sold'::text
                                    ELSE 'bought'::text
                                END,sums.quote_amount), (
                                CASE
                                    WHEN known.is_futures THEN known.quote
                                    ELSE NULL::text
                                END,'gain'::text,
                                CASE sums.side
                                    WHEN 'BUY'::text THEN (- sums.quote_amount)
                                    ELSE sums.quote_amount
                                END), (
                                CASE
                                    WHEN (sums.paid IS NOT NULL) THEN sums.fee_currency
                                    ELSE NULL::text
                                END,'fee'::text,sums.paid), (
                                CASE
                                    WHEN (sums.received IS NOT NULL) THEN sums.fee_currency
                                    ELSE NULL::text
                                END,'rebate'::text,sums.received)) leg(currency, kind, amount))
                  WHERE (leg.currency IS NOT NULL)
                UNION ALL
                 SELECT COALESCE(assets.quote_code, split_part(payments.instrument_code, '_'::text, 2)) AS "coalesce",
                    payments.booked_at,
                        CASE
                            WHEN (payments.amount < (0)::numeric) THEN 'paid'::text
                            ELSE 'received'::text
                        END AS "case",
                    abs(payments.amount) AS abs
                   FROM ((cuts
                     CROSS JOIN onetrading.funding_payments payments)
                     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.booked_at) AND (payments.booked_at < assets.known_to))))
                  WHERE ((payments.account_id = m.account_id) AND (payments.booked_at >= cuts.from_at) AND (payments.booked_at < cuts.to_at))
                UNION ALL
                 SELECT external_movements.currency_code,
                    external_movements.moved_at,
                        CASE
                            WHEN (external_movements.amount < (0)::numeric) THEN 'out'::text
                            ELSE 'in'::text
                        END AS "case",
                    abs(external_movements.amount) AS abs
                   FROM (cuts
                     CROSS JOIN onetrading.external_movements)
                  WHERE ((external_movements.account_id = m.account_id) AND (external_movements.moved_at >= cuts.from_at) AND (external_movements.moved_at < cuts.to_at))
                ), held AS (
                 SELECT parts.currency,
                    sum(parts.opening) AS opening,
                    sum(parts.actual) AS actual,
                    sum(parts.flat_from) AS flat_from,
                    sum(parts.flat_to) AS flat_to
                   FROM ( SELECT balances.currency_code AS currency,
                                CASE
                                    WHEN (balances.snapshot_id = edges.open_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS opening,
                                CASE
                                    WHEN (balances.snapshot_id = edges.close_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS actual,
                                CASE
                                    WHEN (balances.snapshot_id = flat.from_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS flat_from,
                                CASE
                                    WHEN (balances.snapshot_id = flat.to_snapshot) THEN (balances.available + balances.locked)
                                    ELSE (0)::numeric
                                END AS flat_to
                           FROM onetrading.balances
                          WHERE (balances.snapshot_id = ANY (ARRAY[edges.open_snapshot, edges.close_snapshot, flat.from_snapshot, flat.to_snapshot]))
                        UNION ALL
                         SELECT DISTINCT legs.currency,
                            (0)::numeric AS "numeric",
                            (0)::numeric AS "numeric",
                            (0)::numeric AS "numeric",
                            (0)::numeric AS "numeric"
                           FROM legs) parts
                  GROUP BY parts.currency
                ), anchored AS (
                 SELECT held.currency,
                    COALESCE(cash_open.total, held.opening) AS opening,
                    COALESCE(cash_open.at, edges.open_at) AS open_at,
                    COALESCE(cash_close.total, held.actual) AS actual,
                    COALESCE(cash_close.at, edges.close_at) AS close_at,
                    held.flat_from,
                    held.flat_to
                   FROM ((held
                     LEFT JOIN cash cash_open ON (((cash_open.edge = 'opening'::text) AND (cash_open.currency = held.currency))))
                     LEFT JOIN cash cash_close ON (((cash_close.edge = 'actual'::text) AND (cash_close.currency = held.currency))))
                ), summed AS (
                 SELECT anchored.currency,
                    anchored.close_at,
                    ((anchored.opening + COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at > anchored.open_at) AND (legs.at < m.starts_at))), (0)::numeric)) - COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at >= m.starts_at) AND (legs.at <= anchored.open_at))), (0)::numeric)) AS opening,
                    ((anchored.actual + COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at > anchored.close_at) AND (legs.at < edges.ends_at))), (0)::numeric)) - COALESCE(sum(legs.signed) FILTER (WHERE ((legs.at >= edges.ends_at) AND (legs.at <= anchored.close_at))), (0)::numeric)) AS actual,
                    COALESCE(sum(legs.signed) FILTER (WHERE legs.in_month), (0)::numeric) AS flow,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'bought'::text))), (0)::numeric) AS bought,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'sold'::text))), (0)::numeric) AS sold,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'fee'::text))), (0)::numeric) AS fees_paid,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'rebate'::text))), (0)::numeric) AS rebates_received,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'received'::text))), (0)::numeric) AS funding_received,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'paid'::text))), (0)::numeric) AS funding_paid,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'in'::text))), (0)::numeric) AS external_in,
                    COALESCE(sum(legs.amount) FILTER (WHERE (legs.in_month AND (legs.kind = 'out'::text))), (0)::numeric) AS external_out,
                        CASE
                            WHEN (flat.from_at < flat.to_at) THEN ((anchored.flat_to - anchored.flat_from) - COALESCE(sum(
                            CASE
                                WHEN (legs.kind = 'gain'::text) THEN legs.amount
                                ELSE legs.signed
                            END) FILTER (WHERE ((legs.at > flat.from_at) AND (legs.at <= flat.to_at))), (0)::numeric))
                            ELSE (0)::numeric
                        END AS proven,
                    COALESCE(bool_or((legs.kind = ANY (ARRAY['gain'::text, 'paid'::text, 'received'::text]))) FILTER (WHERE ((legs.at > LEAST(anchored.open_at, m.starts_at)) AND (legs.at <= GREATEST(anchored.close_at, edges.ends_at)))), false) AS is_settled
                   FROM (anchored
                     LEFT JOIN ( SELECT legs_1.currency,
                            legs_1.at,
                            legs_1.kind,
                            legs_1.amount,
                            ((legs_1.at >= m.starts_at) AND (legs_1.at < edges.ends_at)) AS in_month,
                                CASE
                                    WHEN (legs_1.kind = ANY (ARRAY['bought'::text, 'rebate'::text, 'received'::text, 'in'::text])) THEN legs_1.amount
                                    WHEN (legs_1.kind <> 'gain'::text) THEN (- legs_1.amount)
                                    ELSE (0)::numeric
                                END AS signed
                           FROM legs legs_1) legs ON ((legs.currency = anchored.currency)))
                  GROUP BY anchored.currency, anchored.opening, anchored.open_at, anchored.actual, anchored.close_at, anchored.flat_from, anchored.flat_to
                )
         SELECT summed.currency,
            summed.opening,
            summed.bought,
            summed.sold,
            summed.fees_paid,
            summed.rebates_received,
            summed.funding_received,
            summed.funding_paid,
                CASE
                    WHEN judged.settled THEN (((summed.actual - summed.opening) - summed.flow) - summed.proven)
                    ELSE (0)::numeric
                END AS settlements_inferred,
            summed.external_in,
            summed.external_out,
            summed.actual,
            summed.close_at AS actual_observed_at,
                CASE
                    WHEN judged.settled THEN summed.proven
                    ELSE ((summed.actual - summed.opening) - summed.flow)
                END AS difference,
            judged.settled
           FROM (summed
             CROSS JOIN LATERAL ( SELECT (summed.is_settled OR ((EXISTS ( SELECT
                           FROM (onetrading.instrument_assets assets
                             JOIN onetrading.instrument_kinds kinds USING (instrument_code))
                          WHERE (kinds.is_futures AND (assets.quote_code = summed.currency)))) AND (EXISTS ( SELECT
                           FROM ((onetrading.snapshots
                             JOIN onetrading.positions USING (snapshot_id))
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = positions.instrument_code) AND (assets.known_from <= snapshots.first_observed_at) AND (snapshots.first_observed_at < assets.known_to))))
                          WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'positions'::text) AND (snapshots.row_count > 0) AND (snapshots.first_observed_at >= COALESCE(( SELECT max(snapshots_1.first_observed_at) AS max
                                   FROM onetrading.snapshots snapshots_1
                                  WHERE ((snapshots_1.account_id = m.account_id) AND (snapshots_1.stream = 'positions'::text) AND (snapshots_1.first_observed_at <= edges.open_at))), edges.open_at)) AND (snapshots.first_observed_at <= edges.close_at) AND (COALESCE(assets.quote_code, split_part(positions.instrument_code, '_'::text, 2)) = summed.currency)))))) AS settled) judged)
          WHERE ((EXISTS ( SELECT
                   FROM onetrading.balances
                  WHERE ((balances.snapshot_id = ANY (ARRAY[edges.open_snapshot, edges.close_snapshot])) AND (balances.currency_code = summed.currency)))) OR (summed.opening <> (0)::numeric) OR (summed.actual <> (0)::numeric) OR ((((((((summed.bought + summed.sold) + summed.fees_paid) + summed.rebates_received) + summed.funding_received) + summed.funding_paid) + summed.external_in) + summed.external_out) <> (0)::numeric))) rolled)
     LEFT JOIN LATERAL ( SELECT points.before_at AS first_unexplained_from,
            points.at AS first_unexplained_to
           FROM ( SELECT bounded.at,
                    bounded.unexplained,
                    lag(bounded.at) OVER observed AS before_at,
                    first_value(bounded.unexplained) OVER observed AS at_first
                   FROM ( SELECT timeline.at,
                            timeline.is_point,
                            timeline.unexplained,
                            timeline.last_at,
                            timeline.next_at,
                            timeline.last_gain_at,
                            min(timeline.at) FILTER (WHERE timeline.is_point) OVER () AS first_point,
                            max(timeline.at) FILTER (WHERE timeline.is_point) OVER () AS last_point
                           FROM ( SELECT events.at,
                                    events.is_point,
                                    (
CASE
 WHEN events.is_point THEN events.total
 ELSE NULL::numeric
END - sum(events.amount) OVER forwards) AS unexplained,
                                    max(events.at) FILTER (WHERE (NOT events.is_point)) OVER forwards AS last_at,
                                    min(events.at) FILTER (WHERE (NOT events.is_point)) OVER (ORDER BY events.at DESC, events.is_point DESC ROWS UNBOUNDED PRECEDING) AS next_at,
                                    max(events.at) FILTER (WHERE events.is_gain) OVER forwards AS last_gain_at
                                   FROM ( SELECT points_1.at,
    true AS is_point,
    COALESCE((balances.available + balances.locked), (0)::numeric) AS total,
    (0)::numeric AS amount,
    false AS is_gain
   FROM ((onetrading.snapshots
     CROSS JOIN LATERAL ( SELECT GREATEST(snapshots.first_observed_at, edges.open_at) AS at
  UNION
   SELECT LEAST(snapshots.last_observed_at, edges.close_at) AS "least"
  UNION
   SELECT LEAST((snapshots.first_observed_at + '00:02:00'::interval), snapshots.last_observed_at, edges.close_at) AS "least") points_1)
     LEFT JOIN onetrading.balances ON (((balances.snapshot_id = snapshots.snapshot_id) AND (balances.currency_code = rolled.currency))))
  WHERE ((snapshots.account_id = m.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at >= ( SELECT snapshots_1.first_observed_at
     FROM onetrading.snapshots snapshots_1
    WHERE (snapshots_1.snapshot_id = edges.open_snapshot))) AND (snapshots.first_observed_at <= edges.close_at) AND (points_1.at >= edges.open_at) AND (points_1.at <= edges.close_at) AND ((NOT rolled.settled) OR ( SELECT ((flat_1.row_count = 0) AND (flat_1.last_observed_at >= points_1.at))
     FROM onetrading.snapshots flat_1
    WHERE ((flat_1.account_id = m.account_id) AND (flat_1.stream = 'positions'::text) AND (flat_1.first_observed_at <= (points_1.at - '00:02:00'::interval)))
    ORDER BY flat_1.first_observed_at DESC
   LIMIT 1)))
UNION ALL
 SELECT changes.changed_at,
    false,
    NULL::numeric,
    (changes.amount +
  CASE
   WHEN rolled.settled THEN changes.gain
   ELSE (0)::numeric
  END),
    (changes.gain <> (0)::numeric)
   FROM onetrading.balance_changes changes
  WHERE ((changes.account_id = m.account_id) AND (changes.currency = rolled.currency) AND (changes.changed_at > edges.open_at) AND (changes.changed_at <= edges.close_at))) events
                                  WINDOW forwards AS (ORDER BY events.at, events.is_point ROWS UNBOUNDED PRECEDING)) timeline) bounded
                  WHERE (bounded.is_point AND (((bounded.at = bounded.first_point) OR (bounded.at = bounded.last_point)) OR (((bounded.last_at IS NULL) OR (bounded.last_at < (bounded.at - '00:00:05'::interval))) AND ((bounded.next_at IS NULL) OR (bounded.next_at > (bounded.at + '00:00:05'::interval))) AND ((bounded.last_gain_at IS NULL) OR (bounded.last_gain_at < (bounded.at - '00:02:00'::interval))))))
                  WINDOW observed AS (ORDER BY bounded.at ROWS UNBOUNDED PRECEDING)) points
          WHERE ((rolled.difference <> (0)::numeric) AND (points.unexplained <> points.at_first))
          ORDER BY points.at
         LIMIT 1) unexplained ON (true));
COMMENT ON VIEW reporting.balance_rollforward_by_zone IS 'reporting.balance_rollforward in every time zone: always filter by zone, or call reporting.balance_rollforward(zone).
Example:
SELECT month, currency, opening, expected, actual, difference
FROM reporting.balance_rollforward_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND month = ''2026-03-01'' ORDER BY currency;';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.month IS 'First day of the calendar month of the zone.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.currency IS 'The asset that all amounts of the row are in.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.basis IS 'observed, or derived: both ends follow from one and the same observed balance (the month is from before the first one, or nothing was observed since the month before), so that the month proves nothing about itself and difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.opening IS 'Balance (available plus locked) at the month''s first instant: the observed balance nearest to it that nothing moved within 5 seconds of (else the nearest), moved to that instant by what happened in between. Before balances were observed: derived backwards from the first one, and the cash of futures from the nearest cash_balance of a funding payment.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.bought IS 'What spot trades brought in: amount of bought base, quote_amount of sold base; without fees; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.sold IS 'What spot trades took out: amount of sold base, quote_amount of bought base; without fees; not negative. Futures trades move nothing but their fee.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.fees_paid IS 'Sum of positive fee_amount of spot and futures trades in this currency; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.rebates_received IS 'Sum of negative fee_amount without its sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.funding_received IS 'Sum of positive funding payments; not negative. amount is read as sent, received positive, whatever reporting.funding_sign finds.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.funding_paid IS 'Sum of negative funding payments without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.settlements_inferred IS 'Signed, positive when received: the settlements of futures each minute, which nothing tells; 0 for a currency that no open position, futures trade or funding payment of the time was in. Between the first and the last balance that was observed while positions were observed to be none (for 2 minutes at least), exactly the gain of the futures trades in between; from the month''s beginning to the former, and from the latter to the month''s end, what is left of the change of cash; where a position was open all the time, all of it, and difference then proves nothing.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.external_in IS 'Imported movements that came in (import movements); not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.external_out IS 'Imported movements that went out, without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.expected IS 'opening + bought - sold - fees_paid + rebates_received + funding_received - funding_paid + settlements_inferred + external_in - external_out.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.actual IS 'Balance at the month''s end (now, for the running month), found as opening is: the actual of a month is the opening of the next one.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.actual_observed_at IS 'When the balance was observed that actual was moved from.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.difference IS 'actual minus expected, signed, nothing rounded: positive when there is more than the records explain.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.first_unexplained_from IS 'The last observation up to which everything was explained, as far as no trade, payment or movement was close to it; null when difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward_by_zone.first_unexplained_to IS 'The next such observation: something between both is missing, doubled or wrong. Null when difference is 0.';
CREATE VIEW reporting.balance_rollforward AS
 SELECT account,
    account_id,
    month,
    zone,
    currency,
    basis,
    opening,
    bought,
    sold,
    fees_paid,
    rebates_received,
    funding_received,
    funding_paid,
    settlements_inferred,
    external_in,
    external_out,
    expected,
    actual,
    actual_observed_at,
    difference,
    first_unexplained_from,
    first_unexplained_to
   FROM reporting.balance_rollforward_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.balance_rollforward IS 'Each balance from month to month of the business zone (ONETRADING_BUSINESS_ZONE): opening, everything that is known to have moved it, what should be there then, and what was observed. Half-open months: what happened at the first instant of a month belongs to it. A difference is a missing or a wrong record, a movement that was not imported, or a fee that is in no record (liquidation, custody). Counts what is stored: whether that is complete, coverage_gaps tells.
Example:
SELECT month, currency, opening, expected, actual, difference, first_unexplained_from
FROM reporting.balance_rollforward
WHERE account = ''main'' AND month = ''2026-03-01'' AND difference <> 0 ORDER BY currency;';
COMMENT ON COLUMN reporting.balance_rollforward.account IS 'Configured name of the account.';
COMMENT ON COLUMN reporting.balance_rollforward.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.balance_rollforward.month IS 'First day of the calendar month of the zone.';
COMMENT ON COLUMN reporting.balance_rollforward.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.balance_rollforward.currency IS 'The asset that all amounts of the row are in.';
COMMENT ON COLUMN reporting.balance_rollforward.basis IS 'observed, or derived: both ends follow from one and the same observed balance (the month is from before the first one, or nothing was observed since the month before), so that the month proves nothing about itself and difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward.opening IS 'Balance (available plus locked) at the month''s first instant: the observed balance nearest to it that nothing moved within 5 seconds of (else the nearest), moved to that instant by what happened in between. Before balances were observed: derived backwards from the first one, and the cash of futures from the nearest cash_balance of a funding payment.';
COMMENT ON COLUMN reporting.balance_rollforward.bought IS 'What spot trades brought in: amount of bought base, quote_amount of sold base; without fees; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.sold IS 'What spot trades took out: amount of sold base, quote_amount of bought base; without fees; not negative. Futures trades move nothing but their fee.';
COMMENT ON COLUMN reporting.balance_rollforward.fees_paid IS 'Sum of positive fee_amount of spot and futures trades in this currency; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.rebates_received IS 'Sum of negative fee_amount without its sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.funding_received IS 'Sum of positive funding payments; not negative. amount is read as sent, received positive, whatever reporting.funding_sign finds.';
COMMENT ON COLUMN reporting.balance_rollforward.funding_paid IS 'Sum of negative funding payments without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.settlements_inferred IS 'Signed, positive when received: the settlements of futures each minute, which nothing tells; 0 for a currency that no open position, futures trade or funding payment of the time was in. Between the first and the last balance that was observed while positions were observed to be none (for 2 minutes at least), exactly the gain of the futures trades in between; from the month''s beginning to the former, and from the latter to the month''s end, what is left of the change of cash; where a position was open all the time, all of it, and difference then proves nothing.';
COMMENT ON COLUMN reporting.balance_rollforward.external_in IS 'Imported movements that came in (import movements); not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.external_out IS 'Imported movements that went out, without their sign; not negative.';
COMMENT ON COLUMN reporting.balance_rollforward.expected IS 'opening + bought - sold - fees_paid + rebates_received + funding_received - funding_paid + settlements_inferred + external_in - external_out.';
COMMENT ON COLUMN reporting.balance_rollforward.actual IS 'Balance at the month''s end (now, for the running month), found as opening is: the actual of a month is the opening of the next one.';
COMMENT ON COLUMN reporting.balance_rollforward.actual_observed_at IS 'When the balance was observed that actual was moved from.';
COMMENT ON COLUMN reporting.balance_rollforward.difference IS 'actual minus expected, signed, nothing rounded: positive when there is more than the records explain.';
COMMENT ON COLUMN reporting.balance_rollforward.first_unexplained_from IS 'The last observation up to which everything was explained, as far as no trade, payment or movement was close to it; null when difference is 0.';
COMMENT ON COLUMN reporting.balance_rollforward.first_unexplained_to IS 'The next such observation: something between both is missing, doubled or wrong. Null when difference is 0.';
CREATE FUNCTION reporting.balance_rollforward(zone text) RETURNS SETOF reporting.balance_rollforward
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.balance_rollforward_by_zone AS rolled
    WHERE rolled.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.balance_rollforward(zone text) IS 'The view of this name in any time zone.
Example:
SELECT month, currency, difference FROM reporting.balance_rollforward(''Europe/Vienna'')
WHERE account = ''main'' AND difference <> 0;';
CREATE VIEW onetrading.latest_snapshots AS
 WITH RECURSIVE latest AS (
        ( SELECT snapshots.snapshot_id,
            snapshots.account_id,
            snapshots.stream,
            snapshots.first_observed_at,
            snapshots.last_observed_at,
            snapshots.row_count,
            snapshots.content_hash,
            snapshots.header
           FROM onetrading.snapshots
          ORDER BY snapshots.account_id DESC, snapshots.stream DESC, snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
         LIMIT 1)
        UNION ALL
         SELECT next_group.snapshot_id,
            next_group.account_id,
            next_group.stream,
            next_group.first_observed_at,
            next_group.last_observed_at,
            next_group.row_count,
            next_group.content_hash,
            next_group.header
           FROM (latest latest_1
             CROSS JOIN LATERAL ( SELECT snapshots.snapshot_id,
                    snapshots.account_id,
                    snapshots.stream,
                    snapshots.first_observed_at,
                    snapshots.last_observed_at,
                    snapshots.row_count,
                    snapshots.content_hash,
                    snapshots.header
                   FROM onetrading.snapshots
                  WHERE (ROW(snapshots.account_id, snapshots.stream) < ROW(latest_1.account_id, latest_1.stream))
                  ORDER BY snapshots.account_id DESC, snapshots.stream DESC, snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1) next_group)
        )
 SELECT account_id,
    stream,
    snapshot_id,
    first_observed_at,
    last_observed_at,
    row_count,
    header
   FROM latest;
COMMENT ON VIEW onetrading.latest_snapshots IS 'The newest snapshot of each account and stream.';
COMMENT ON COLUMN onetrading.latest_snapshots.account_id IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.stream IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.snapshot_id IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.first_observed_at IS 'As in onetrading.snapshots; the newest of its account and stream.';
COMMENT ON COLUMN onetrading.latest_snapshots.last_observed_at IS 'As in onetrading.snapshots.';
COMMENT ON COLUMN onetrading.latest_snapshots.row_count IS 'As in onetrading.snapshots; 0 means empty.';
COMMENT ON COLUMN onetrading.latest_snapshots.header IS 'As in onetrading.snapshots.';
CREATE VIEW onetrading.first_balances AS
 SELECT latest.account_id,
    started.first_observed_at,
    picked.snapshot_id,
    picked.at,
    facts.first_at
   FROM (((( SELECT latest_snapshots.account_id
           FROM onetrading.latest_snapshots
          WHERE (latest_snapshots.stream = 'balances'::text)) latest
     CROSS JOIN LATERAL ( SELECT min(snapshots.first_observed_at) AS first_observed_at
           FROM onetrading.snapshots
          WHERE ((snapshots.account_id = latest.account_id) AND (snapshots.stream = 'balances'::text))) started)
     CROSS JOIN LATERAL ( SELECT LEAST(( SELECT min(trades.traded_at) AS min
                   FROM onetrading.trades
                  WHERE (trades.account_id = latest.account_id)), ( SELECT min(payments.booked_at) AS min
                   FROM onetrading.funding_payments payments
                  WHERE (payments.account_id = latest.account_id)), ( SELECT min(movements.moved_at) AS min
                   FROM onetrading.external_movements movements
                  WHERE (movements.account_id = latest.account_id))) AS first_at) facts)
     CROSS JOIN LATERAL ( SELECT near.snapshot_id,
            points.at
           FROM (( SELECT snapshots.snapshot_id,
                    snapshots.first_observed_at,
                    snapshots.last_observed_at
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = latest.account_id) AND (snapshots.stream = 'balances'::text))
                  ORDER BY snapshots.first_observed_at, snapshots.snapshot_id
                 LIMIT 20) near
             CROSS JOIN LATERAL ( VALUES (near.first_observed_at), (near.last_observed_at)) points(at))
          ORDER BY ((EXISTS ( SELECT
                   FROM onetrading.trades
                  WHERE ((trades.account_id = latest.account_id) AND ((trades.traded_at >= (points.at - '00:00:05'::interval)) AND (trades.traded_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                   FROM onetrading.funding_payments payments
                  WHERE ((payments.account_id = latest.account_id) AND ((payments.booked_at >= (points.at - '00:00:05'::interval)) AND (payments.booked_at <= (points.at + '00:00:05'::interval)))))) OR (EXISTS ( SELECT
                   FROM onetrading.external_movements movements
                  WHERE ((movements.account_id = latest.account_id) AND ((movements.moved_at >= (points.at - '00:00:05'::interval)) AND (movements.moved_at <= (points.at + '00:00:05'::interval))))))), points.at, near.snapshot_id
         LIMIT 1) picked);
COMMENT ON VIEW onetrading.first_balances IS 'The observation that earlier balances are derived from: of the first ones the earliest that no trade, payment or movement is close to, since balances may lag what moves them.';
COMMENT ON COLUMN onetrading.first_balances.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.first_balances.first_observed_at IS 'When balances were first observed.';
COMMENT ON COLUMN onetrading.first_balances.snapshot_id IS 'The chosen observation.';
COMMENT ON COLUMN onetrading.first_balances.at IS 'When it was observed: what happened until then, that instant included, is in it.';
COMMENT ON COLUMN onetrading.first_balances.first_at IS 'The earliest trade, funding payment or movement; null when there is none.';
CREATE VIEW onetrading.listed_currencies AS
 WITH RECURSIVE listed AS (
        ( SELECT balances.account_id,
            balances.currency_code,
            balances.snapshot_id
           FROM onetrading.balances
          ORDER BY balances.account_id, balances.currency_code, balances.snapshot_id
         LIMIT 1)
        UNION ALL
         SELECT next_group.account_id,
            next_group.currency_code,
            next_group.snapshot_id
           FROM (listed listed_1
             CROSS JOIN LATERAL ( SELECT balances.account_id,
                    balances.currency_code,
                    balances.snapshot_id
                   FROM onetrading.balances
                  WHERE (ROW(balances.account_id, balances.currency_code) > ROW(listed_1.account_id, listed_1.currency_code))
                  ORDER BY balances.account_id, balances.currency_code, balances.snapshot_id
                 LIMIT 1) next_group)
        )
 SELECT listed.account_id,
    listed.currency_code,
    snapshots.first_observed_at
   FROM (listed
     JOIN onetrading.snapshots USING (snapshot_id));
COMMENT ON VIEW onetrading.listed_currencies IS 'Every currency that an account was ever seen to hold, zero balances included.';
COMMENT ON COLUMN onetrading.listed_currencies.account_id IS 'As in onetrading.balances.';
COMMENT ON COLUMN onetrading.listed_currencies.currency_code IS 'As in onetrading.balances.';
COMMENT ON COLUMN onetrading.listed_currencies.first_observed_at IS 'When it was first listed: the start of the first snapshot that has it (the least snapshot_id).';
CREATE VIEW reporting.daily_closing_balances_by_zone AS
 WITH listed AS (
         SELECT listed_currencies.account_id,
            listed_currencies.currency_code,
            listed_currencies.first_observed_at
           FROM onetrading.listed_currencies
        ), spans AS (
         SELECT started.account_id,
            accounts.name,
            started.first_at,
                CASE
                    WHEN (accounts.left_at IS NULL) THEN now()
                    ELSE COALESCE(latest.last_observed_at, accounts.left_at)
                END AS last_at
           FROM ((( SELECT listed.account_id,
                    min(listed.first_observed_at) AS first_at
                   FROM listed
                  GROUP BY listed.account_id) started
             LEFT JOIN onetrading.accounts USING (account_id))
             LEFT JOIN ( SELECT latest_snapshots.account_id,
                    latest_snapshots.last_observed_at
                   FROM onetrading.latest_snapshots
                  WHERE (latest_snapshots.stream = 'balances'::text)) latest USING (account_id))
        )
 SELECT COALESCE(days.name, (days.account_id)::text) AS account,
    days.account_id,
    days.day,
    listed.currency_code,
    COALESCE(balances.available, (0)::numeric) AS available,
    COALESCE(balances.locked, (0)::numeric) AS locked,
    COALESCE((balances.available + balances.locked), (0)::numeric) AS total,
    (balances.snapshot_id IS NOT NULL) AS is_listed,
    LEAST(closing.last_observed_at, days.day_end) AS observed_at,
    (LEAST(days.day_end, now()) - LEAST(closing.last_observed_at, days.day_end)) AS age,
    (days.day_end <= now()) AS is_final,
    ((LEAST(days.day_end, now()) - LEAST(closing.last_observed_at, days.day_end)) > '00:10:00'::interval) AS estimated,
    days.zone,
    'observed'::text AS source
   FROM (((( SELECT zoned.account_id,
            zoned.name,
            zoned.zone,
            (zoned.first_day + steps.step) AS day,
            ((((zoned.first_day + steps.step) + 1))::timestamp without time zone AT TIME ZONE zoned.zone) AS day_end
           FROM (( SELECT spans.account_id,
                    spans.name,
                    zones.zone,
                    ((spans.first_at AT TIME ZONE zones.zone))::date AS first_day,
                    ((spans.last_at AT TIME ZONE zones.zone))::date AS last_day
                   FROM (spans
                     CROSS JOIN onetrading.zones)) zoned
             CROSS JOIN LATERAL generate_series(0, (zoned.last_day - zoned.first_day)) steps(step))) days
     CROSS JOIN LATERAL ( SELECT snapshots.snapshot_id,
            snapshots.last_observed_at
           FROM onetrading.snapshots
          WHERE ((snapshots.account_id = days.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at < days.day_end))
          ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
         LIMIT 1) closing)
     JOIN listed ON (((listed.account_id = days.account_id) AND (listed.first_observed_at < days.day_end))))
     LEFT JOIN onetrading.balances ON (((balances.snapshot_id = closing.snapshot_id) AND (balances.currency_code = listed.currency_code))))
UNION ALL
 SELECT COALESCE(accounts.name, (firsts.account_id)::text) AS account,
    firsts.account_id,
    derived.day,
    derived.currency AS currency_code,
    NULL::numeric AS available,
    NULL::numeric AS locked,
    derived.total,
    NULL::boolean AS is_listed,
    derived.observed_at,
    (derived.day_end - derived.observed_at) AS age,
    true AS is_final,
    derived.estimated,
    zones.zone,
    derived.source
   FROM (((onetrading.first_balances firsts
     CROSS JOIN onetrading.zones)
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = firsts.account_id)))
     CROSS JOIN LATERAL ( WITH changes AS (
                 SELECT ((balance_changes.changed_at AT TIME ZONE zones.zone))::date AS day,
                    balance_changes.currency,
                    sum(balance_changes.amount) AS amount,
                    bool_or((balance_changes.gain <> (0)::numeric)) AS futures
                   FROM onetrading.balance_changes
                  WHERE ((balance_changes.account_id = firsts.account_id) AND (balance_changes.changed_at <= firsts.at))
                  GROUP BY (((balance_changes.changed_at AT TIME ZONE zones.zone))::date), balance_changes.currency
                ), held AS (
                 SELECT balances.currency_code AS currency,
                    (balances.available + balances.locked) AS total
                   FROM onetrading.balances
                  WHERE (balances.snapshot_id = firsts.snapshot_id)
                UNION ALL
                 SELECT DISTINCT changes.currency,
                    (0)::numeric AS "numeric"
                   FROM changes
                  WHERE (NOT (EXISTS ( SELECT
                           FROM onetrading.balances
                          WHERE ((balances.snapshot_id = firsts.snapshot_id) AND (balances.currency_code = changes.currency)))))
                ), cash_currencies AS (
                 SELECT DISTINCT COALESCE(assets.quote_code, split_part(paid.instrument_code, '_'::text, 2)) AS currency
                   FROM (( SELECT DISTINCT payments.instrument_code
                           FROM onetrading.funding_payments payments
                          WHERE ((payments.account_id = firsts.account_id) AND (payments.cash_balance IS NOT NULL))) paid
                     LEFT JOIN onetrading.instrument_assets assets ON ((assets.instrument_code = paid.instrument_code)))
                ), days AS (
                 SELECT (ends.first_day + steps.step) AS day,
                    ((((ends.first_day + steps.step) + 1))::timestamp without time zone AT TIME ZONE zones.zone) AS day_end
                   FROM (( SELECT ((firsts.first_at AT TIME ZONE zones.zone))::date AS first_day,
                            ((firsts.first_observed_at AT TIME ZONE zones.zone))::date AS last_day) ends
                     CROSS JOIN LATERAL generate_series(0, ((ends.last_day - ends.first_day) - 1)) steps(step))
                ), summed AS MATERIALIZED (
                 SELECT grid.currency,
                    grid.day,
                    max(grid.day_end) AS day_end,
                    sum(sum(grid.amount)) OVER later AS amount,
                    bool_or(bool_or(grid.futures)) OVER later AS futures
                   FROM ( SELECT changes.currency,
                            changes.day,
                            NULL::timestamp with time zone AS day_end,
                            changes.amount,
                            changes.futures
                           FROM changes
                        UNION ALL
                         SELECT held.currency,
                            days_1.day,
                            days_1.day_end,
                            0,
                            false
                           FROM (held
                             CROSS JOIN days days_1)) grid
                  GROUP BY grid.currency, grid.day
                  WINDOW later AS (PARTITION BY grid.currency ORDER BY grid.day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                )
         SELECT days.day,
            days.day_end,
            summed.currency,
            COALESCE(anchored.total, (summed.total - COALESCE(summed.amount, (0)::numeric))) AS total,
            COALESCE(anchored.at, firsts.at) AS observed_at,
            COALESCE(anchored.estimated, summed.futures, false) AS estimated,
                CASE
                    WHEN (anchored.at IS NULL) THEN 'derived'::text
                    ELSE 'cash_anchor'::text
                END AS source
           FROM (((days
             CROSS JOIN LATERAL ( SELECT summed_1.currency,
                    summed_1.day,
                    summed_1.day_end,
                    summed_1.amount,
                    summed_1.futures,
                    held.total
                   FROM (summed summed_1
                     JOIN held USING (currency))
                  WHERE (summed_1.day = days.day)
                 OFFSET 0) summed)
             LEFT JOIN cash_currencies cash_currency ON ((cash_currency.currency = summed.currency)))
             LEFT JOIN LATERAL ( SELECT cash.at,
                    (cash.total + moved.amount) AS total,
                    (moved.futures AND (cash.distance > '04:10:00'::interval)) AS estimated
                   FROM (( SELECT near.at,
                            near.cash_balance AS total,
                            GREATEST((near.at - days.day_end), (days.day_end - near.at)) AS distance
                           FROM (( SELECT payments.at,
                                    payments.instrument_code,
                                    payments.cash_balance,
                                    count(*) OVER (PARTITION BY payments.at) AS together
                                   FROM (( SELECT payments_1.booked_at AS at,
    payments_1.instrument_code,
    payments_1.cash_balance
   FROM onetrading.funding_payments payments_1
  WHERE ((payments_1.account_id = firsts.account_id) AND (payments_1.booked_at < days.day_end) AND (payments_1.cash_balance IS NOT NULL) AND (cash_currency.* IS NOT NULL))
  ORDER BY payments_1.booked_at DESC
 LIMIT 20)
UNION ALL
( SELECT payments_1.booked_at,
    payments_1.instrument_code,
    payments_1.cash_balance
   FROM onetrading.funding_payments payments_1
  WHERE ((payments_1.account_id = firsts.account_id) AND (payments_1.booked_at >= days.day_end) AND (payments_1.booked_at <= firsts.at) AND (payments_1.cash_balance IS NOT NULL) AND (cash_currency.* IS NOT NULL))
  ORDER BY payments_1.booked_at
 LIMIT 20)) payments) near
                             LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = near.instrument_code) AND (assets.known_from <= near.at) AND (near.at < assets.known_to))))
                          WHERE ((near.together = 1) AND (COALESCE(assets.quote_code, split_part(near.instrument_code, '_'::text, 2)) = summed.currency) AND (GREATEST((near.at - days.day_end), (days.day_end - near.at)) <= (firsts.at - days.day_end)) AND (summed.futures OR (GREATEST((near.at - days.day_end), (days.day_end - near.at)) <= '04:10:00'::interval)))
                          ORDER BY GREATEST((near.at - days.day_end), (days.day_end - near.at)), near.at
                         LIMIT 1) cash
                     CROSS JOIN LATERAL ( SELECT COALESCE(sum(
                                CASE
                                    WHEN (cash.at < days.day_end) THEN balance_changes.amount
                                    ELSE (- balance_changes.amount)
                                END), (0)::numeric) AS amount,
                            COALESCE(bool_or((balance_changes.gain <> (0)::numeric)), false) AS futures
                           FROM onetrading.balance_changes
                          WHERE ((balance_changes.account_id = firsts.account_id) AND (balance_changes.currency = summed.currency) AND (((balance_changes.changed_at > cash.at) AND (balance_changes.changed_at < days.day_end)) OR ((balance_changes.changed_at >= days.day_end) AND (balance_changes.changed_at <= cash.at))) AND (balance_changes.changed_at >= LEAST(cash.at, days.day_end)) AND (balance_changes.changed_at <= GREATEST(cash.at, days.day_end)))) moved)) anchored ON (true))
          WHERE (summed.day_end IS NOT NULL)) derived)
  WHERE (((firsts.first_at AT TIME ZONE zones.zone))::date < ((firsts.first_observed_at AT TIME ZONE zones.zone))::date);
COMMENT ON VIEW reporting.daily_closing_balances_by_zone IS 'reporting.daily_closing_balances in every time zone: always filter by zone, or call reporting.daily_closing_balances(zone).
Example:
SELECT day, currency_code, total, source, estimated
FROM reporting.daily_closing_balances_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND day = ''2026-03-31'' ORDER BY currency_code;';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.day IS 'Day that closes, in the time zone: a day of a clock change has 23 or 25 hours.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.currency_code IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.available IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.locked IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.total IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.is_listed IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.observed_at IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.age IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.is_final IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.estimated IS 'As in reporting.daily_closing_balances.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.daily_closing_balances_by_zone.source IS 'As in reporting.daily_closing_balances.';
CREATE VIEW reporting.daily_closing_balances AS
 SELECT account,
    account_id,
    day,
    currency_code,
    available,
    locked,
    total,
    is_listed,
    observed_at,
    age,
    is_final,
    estimated,
    zone,
    source
   FROM reporting.daily_closing_balances_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.daily_closing_balances IS 'Balances at the end of each day of the business zone (ONETRADING_BUSINESS_ZONE): the last complete answer of GET account/balances that was received before the day''s end. One row per account, day and currency, from the day on which the currency was first listed until today; of an account that is no longer configured, until the day on which it was last observed. A day without any answer repeats the state before it: then estimated is true, and age says how old the state is. Days from the first trade, funding payment or movement until the first answer are derived from that answer, backwards, by trades, fees, funding as sent, and movements: to the last digit, as far as these are complete (coverage_gaps) and movements were imported. What was free and what was locked is not known then. The cash of futures is settled each minute, which nothing tells: before the first answer it is taken from the nearest funding payment (cash_balance).
Example:
SELECT currency_code, total, observed_at, age, source, estimated
FROM reporting.daily_closing_balances
WHERE account = ''main'' AND day = ''2026-03-31'' AND is_final ORDER BY currency_code;';
COMMENT ON COLUMN reporting.daily_closing_balances.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_closing_balances.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_closing_balances.day IS 'Day of the zone that closes, from its first instant (inclusive) to that of the next day (exclusive).';
COMMENT ON COLUMN reporting.daily_closing_balances.currency_code IS 'Every currency listed on that day or earlier (balances[].currency_code); while derived, every currency that the first answer lists or that moved before it.';
COMMENT ON COLUMN reporting.daily_closing_balances.available IS 'Free, in units of currency_code (balances[].available); 0 when the closing answer does not list it; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.locked IS 'Held by open orders, in units of currency_code (balances[].locked); 0 when the closing answer does not list it; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.total IS 'available plus locked, in units of currency_code; derived where source says so.';
COMMENT ON COLUMN reporting.daily_closing_balances.is_listed IS 'Whether the closing answer lists the currency; false: the amounts are 0 because it does not; null when derived.';
COMMENT ON COLUMN reporting.daily_closing_balances.observed_at IS 'When this state was last seen at or before the day''s end; the day''s end itself when it was still seen afterwards. When derived: when what it is derived from was seen, which is after the day''s end, or for cash_anchor before or after it.';
COMMENT ON COLUMN reporting.daily_closing_balances.age IS 'Day''s end (now, for the day still running) minus observed_at: how stale the closing state is. Normally seconds; days without any answer show here. Negative when derived from what was seen later.';
COMMENT ON COLUMN reporting.daily_closing_balances.is_final IS 'Whether the day is over; false for the day still running.';
COMMENT ON COLUMN reporting.daily_closing_balances.estimated IS 'Whether the closing state was last seen more than 10 minutes before the day''s end (now, for the day still running): what happened in between is not in it. When derived: whether there were futures trades between the day''s end and a first answer or a cash_balance that is more than 4 hours 10 minutes away, whose settlements are not known.';
COMMENT ON COLUMN reporting.daily_closing_balances.zone IS 'Time zone in which the day ends: the business zone.';
COMMENT ON COLUMN reporting.daily_closing_balances.source IS 'observed (an answer of the exchange), derived (backwards from the first answer) or cash_anchor (from the cash_balance of the nearest funding payment, by trades'' fees, funding and movements in between; what was settled between that payment and the day''s end is not in it).';
CREATE FUNCTION reporting.daily_closing_balances(zone text) RETURNS SETOF reporting.daily_closing_balances
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.daily_closing_balances_by_zone AS balances
    WHERE balances.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.daily_closing_balances(zone text) IS 'The view of this name in any time zone.
Example:
SELECT day, currency_code, total, source FROM reporting.daily_closing_balances(''Europe/Vienna'')
WHERE account = ''main'' AND day = ''2026-03-31'';';
CREATE TABLE onetrading.portfolios (
    snapshot_id bigint NOT NULL,
    account_id uuid NOT NULL,
    equity numeric,
    margin_used numeric,
    margin_available numeric,
    account_ratio numeric,
    maintenance_margin numeric,
    raw jsonb NOT NULL,
    CONSTRAINT portfolios_amounts CHECK (((equity > '-Infinity'::numeric) AND (equity < 'Infinity'::numeric) AND (margin_used > '-Infinity'::numeric) AND (margin_used < 'Infinity'::numeric) AND (margin_available > '-Infinity'::numeric) AND (margin_available < 'Infinity'::numeric) AND (maintenance_margin > '-Infinity'::numeric) AND (maintenance_margin < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.portfolios IS 'The futures account as a whole per snapshot (GET account/futures/summary).';
COMMENT ON COLUMN onetrading.portfolios.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.portfolios.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.portfolios.equity IS 'In the account''s currency, which the exchange does not name.';
COMMENT ON COLUMN onetrading.portfolios.margin_used IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.margin_available IS 'In the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.account_ratio IS 'As the exchange computes it; null when not a number (flat).';
COMMENT ON COLUMN onetrading.portfolios.maintenance_margin IS 'In the quote currency; of a portfolio, in the account''s currency.';
COMMENT ON COLUMN onetrading.portfolios.raw IS 'The record as sent.';
CREATE VIEW reporting.daily_equity_by_zone AS
 SELECT COALESCE(days.name, (days.account_id)::text) AS account,
    days.account_id,
    days.day,
    days.zone,
    closing.equity,
    closing.source,
    closing.observed_at,
    (LEAST(days.day_end, now()) - closing.observed_at) AS age,
    (days.day_end <= now()) AS is_final,
    ((LEAST(days.day_end, now()) - closing.observed_at) > '00:10:00'::interval) AS estimated
   FROM (( SELECT zoned.account_id,
            zoned.name,
            zoned.zone,
            (zoned.first_day + steps.step) AS day,
            ((((zoned.first_day + steps.step) + 1))::timestamp without time zone AT TIME ZONE zoned.zone) AS day_end
           FROM (( SELECT started.account_id,
                    accounts.name,
                    zones.zone,
                    ((started.first_at AT TIME ZONE zones.zone))::date AS first_day,
                    ((
                        CASE
                            WHEN (accounts.left_at IS NULL) THEN now()
                            ELSE started.last_at
                        END AT TIME ZONE zones.zone))::date AS last_day
                   FROM ((( SELECT latest.account_id,
                            max(latest.last_observed_at) AS last_at,
                            min(first.at) AS first_at
                           FROM (onetrading.latest_snapshots latest
                             CROSS JOIN LATERAL ( SELECT min(snapshots.first_observed_at) AS at
                                   FROM onetrading.snapshots
                                  WHERE ((snapshots.account_id = latest.account_id) AND (snapshots.stream = latest.stream))) first)
                          WHERE (latest.stream = ANY (ARRAY['portfolio'::text, 'balances'::text]))
                          GROUP BY latest.account_id) started
                     LEFT JOIN onetrading.accounts USING (account_id))
                     CROSS JOIN onetrading.zones)) zoned
             CROSS JOIN LATERAL generate_series(0, (zoned.last_day - zoned.first_day)) steps(step))) days
     CROSS JOIN LATERAL ( SELECT told.equity,
            told.source,
            told.observed_at
           FROM (( SELECT portfolios.equity,
                    'portfolio'::text AS source,
                    LEAST(snapshots.last_observed_at, days.day_end) AS observed_at
                   FROM (onetrading.snapshots
                     LEFT JOIN onetrading.portfolios USING (snapshot_id))
                  WHERE ((snapshots.account_id = days.account_id) AND (snapshots.stream = 'portfolio'::text) AND (snapshots.first_observed_at < days.day_end))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)
                UNION ALL
                ( SELECT
                        CASE
                            WHEN ((snapshots.header ->> 'account_equity'::text) ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$'::text) THEN ((snapshots.header ->> 'account_equity'::text))::numeric
                            ELSE NULL::numeric
                        END AS "case",
                    'balances'::text,
                    LEAST(snapshots.last_observed_at, days.day_end) AS "least"
                   FROM onetrading.snapshots
                  WHERE ((snapshots.account_id = days.account_id) AND (snapshots.stream = 'balances'::text) AND (snapshots.first_observed_at < days.day_end))
                  ORDER BY snapshots.first_observed_at DESC, snapshots.snapshot_id DESC
                 LIMIT 1)) told
          WHERE (told.equity IS NOT NULL)
          ORDER BY ((LEAST(days.day_end, now()) - told.observed_at) > '00:10:00'::interval), told.source DESC
         LIMIT 1) closing);
COMMENT ON VIEW reporting.daily_equity_by_zone IS 'reporting.daily_equity in every time zone: always filter by zone, or call reporting.daily_equity(zone).
Example:
SELECT day, equity, source FROM reporting.daily_equity_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' AND day >= ''2026-03-01'' ORDER BY day;';
COMMENT ON COLUMN reporting.daily_equity_by_zone.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.equity IS 'As the exchange told it, in the account''s currency, which the exchange does not name; may be negative.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.source IS 'portfolio (GET account/futures/summary: equity) or balances (GET account/balances: account_equity); the latter where the former was not seen within 10 minutes of the day''s end and it was.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.observed_at IS 'When this state was last seen at or before the day''s end.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.age IS 'Day''s end (now, for the day still running) minus observed_at.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.is_final IS 'Whether the day is over.';
COMMENT ON COLUMN reporting.daily_equity_by_zone.estimated IS 'Whether it was last seen more than 10 minutes before the day''s end: equity moves each minute while a position is open.';
CREATE VIEW reporting.daily_equity AS
 SELECT account,
    account_id,
    day,
    zone,
    equity,
    source,
    observed_at,
    age,
    is_final,
    estimated
   FROM reporting.daily_equity_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.daily_equity IS 'Equity of each account at the end of each day of the business zone (ONETRADING_BUSINESS_ZONE), as last told by the exchange before the day''s end. Only what was observed: balances are not valued here, since the exchange names neither the currency of its equity nor a rate of it. A day without any answer repeats the state before it: then estimated is true. Days before the first answer have no row, nor have accounts whose equity the exchange does not send.
Example:
SELECT day, equity, source, estimated FROM reporting.daily_equity
WHERE account = ''main'' AND day >= ''2026-03-01'' AND day < ''2026-04-01'' ORDER BY day;';
COMMENT ON COLUMN reporting.daily_equity.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.daily_equity.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.daily_equity.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.daily_equity.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.daily_equity.equity IS 'As the exchange told it, in the account''s currency, which the exchange does not name; may be negative.';
COMMENT ON COLUMN reporting.daily_equity.source IS 'portfolio (GET account/futures/summary: equity) or balances (GET account/balances: account_equity); the latter where the former was not seen within 10 minutes of the day''s end and it was.';
COMMENT ON COLUMN reporting.daily_equity.observed_at IS 'When this state was last seen at or before the day''s end.';
COMMENT ON COLUMN reporting.daily_equity.age IS 'Day''s end (now, for the day still running) minus observed_at.';
COMMENT ON COLUMN reporting.daily_equity.is_final IS 'Whether the day is over.';
COMMENT ON COLUMN reporting.daily_equity.estimated IS 'Whether it was last seen more than 10 minutes before the day''s end: equity moves each minute while a position is open.';
CREATE FUNCTION reporting.daily_equity(zone text) RETURNS SETOF reporting.daily_equity
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.daily_equity_by_zone AS equities
    WHERE equities.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.daily_equity(zone text) IS 'The view of this name in any time zone.
Example:
SELECT day, equity FROM reporting.daily_equity(''Europe/Vienna'') WHERE account = ''main'';';
CREATE VIEW reporting.drawdown_by_zone AS
 SELECT account,
    account_id,
    day,
    zone,
    equity,
    peak,
    (peak - equity) AS drawdown,
        CASE
            WHEN (peak > (0)::numeric) THEN round(((peak - equity) / peak), 18)
            ELSE NULL::numeric
        END AS drawdown_ratio,
    source,
    is_final,
    estimated
   FROM ( SELECT daily_equity_by_zone.account,
            daily_equity_by_zone.account_id,
            daily_equity_by_zone.day,
            daily_equity_by_zone.zone,
            daily_equity_by_zone.equity,
            daily_equity_by_zone.source,
            daily_equity_by_zone.observed_at,
            daily_equity_by_zone.age,
            daily_equity_by_zone.is_final,
            daily_equity_by_zone.estimated,
            max(daily_equity_by_zone.equity) OVER (PARTITION BY daily_equity_by_zone.account, daily_equity_by_zone.account_id, daily_equity_by_zone.zone ORDER BY daily_equity_by_zone.day ROWS UNBOUNDED PRECEDING) AS peak
           FROM reporting.daily_equity_by_zone) equities;
COMMENT ON VIEW reporting.drawdown_by_zone IS 'reporting.drawdown in every time zone: always filter by zone, or call reporting.drawdown(zone).
Example:
SELECT day, equity, peak, drawdown FROM reporting.drawdown_by_zone
WHERE zone = ''Europe/Vienna'' AND account = ''main'' ORDER BY day;';
COMMENT ON COLUMN reporting.drawdown_by_zone.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.drawdown_by_zone.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.drawdown_by_zone.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.drawdown_by_zone.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.drawdown_by_zone.equity IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown_by_zone.peak IS 'The highest equity of any day until this one, this one included.';
COMMENT ON COLUMN reporting.drawdown_by_zone.drawdown IS 'peak minus equity, never negative, in the account''s currency.';
COMMENT ON COLUMN reporting.drawdown_by_zone.drawdown_ratio IS 'drawdown as a fraction of peak, rounded to 18 decimals; null while peak is not positive.';
COMMENT ON COLUMN reporting.drawdown_by_zone.source IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown_by_zone.is_final IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown_by_zone.estimated IS 'As in reporting.daily_equity.';
CREATE VIEW reporting.drawdown AS
 SELECT account,
    account_id,
    day,
    zone,
    equity,
    peak,
    drawdown,
    drawdown_ratio,
    source,
    is_final,
    estimated
   FROM reporting.drawdown_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.drawdown IS 'How far the equity at each day''s end lies below its highest so far, from reporting.daily_equity. Deposits and withdrawals are not taken out: a withdrawal looks like a loss here; balance_rollforward tells them.
Example:
SELECT day, equity, peak, drawdown, drawdown_ratio FROM reporting.drawdown
WHERE account = ''main'' ORDER BY drawdown_ratio DESC NULLS LAST LIMIT 1;';
COMMENT ON COLUMN reporting.drawdown.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.drawdown.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.drawdown.day IS 'Day of the zone that closes.';
COMMENT ON COLUMN reporting.drawdown.zone IS 'Time zone in which the day ends.';
COMMENT ON COLUMN reporting.drawdown.equity IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown.peak IS 'The highest equity of any day until this one, this one included.';
COMMENT ON COLUMN reporting.drawdown.drawdown IS 'peak minus equity, never negative, in the account''s currency.';
COMMENT ON COLUMN reporting.drawdown.drawdown_ratio IS 'drawdown as a fraction of peak, rounded to 18 decimals; null while peak is not positive.';
COMMENT ON COLUMN reporting.drawdown.source IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown.is_final IS 'As in reporting.daily_equity.';
COMMENT ON COLUMN reporting.drawdown.estimated IS 'As in reporting.daily_equity.';
CREATE FUNCTION reporting.drawdown(zone text) RETURNS SETOF reporting.drawdown
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.drawdown_by_zone AS drawdowns
    WHERE drawdowns.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.drawdown(zone text) IS 'The view of this name in any time zone.
Example:
SELECT day, drawdown, drawdown_ratio FROM reporting.drawdown(''Europe/Vienna'') WHERE account = ''main'';';
CREATE FUNCTION reporting.known_zone(asked text) RETURNS text
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found text;
BEGIN
    SELECT zone INTO found FROM onetrading.zones WHERE lower(zone) = lower(asked);
    IF found IS NULL THEN
        RAISE EXCEPTION 'unknown time zone "%"', asked
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Name it as the IANA does, such as Europe/Vienna or UTC.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION reporting.known_zone(asked text) IS 'The time zone as it is written in the reports. Fails for an unknown one, so that a mistyped zone is no empty report.';
CREATE VIEW reporting.months_by_zone AS
 SELECT (series.starts)::date AS month,
    zones.zone,
    (series.starts AT TIME ZONE zones.zone) AS starts_at,
    ((series.starts + '1 mon'::interval) AT TIME ZONE zones.zone) AS ends_at,
    (((series.starts + '1 mon'::interval) AT TIME ZONE zones.zone) <= now()) AS is_over
   FROM ((( SELECT min(account_spans.first_at) AS first_at,
            max(GREATEST(account_spans.first_at, COALESCE(account_spans.left_at, now()))) AS last_at
           FROM onetrading.account_spans) spans
     CROSS JOIN onetrading.zones)
     CROSS JOIN LATERAL generate_series(date_trunc('month'::text, (spans.first_at AT TIME ZONE zones.zone)), date_trunc('month'::text, (spans.last_at AT TIME ZONE zones.zone)), '1 mon'::interval) series(starts));
COMMENT ON VIEW reporting.months_by_zone IS 'Months that have data, in every time zone: always filter by zone, or call reporting.months(zone).
Example:
SELECT month, starts_at, ends_at FROM reporting.months_by_zone
WHERE zone = ''Europe/Vienna'' AND is_over ORDER BY month;';
COMMENT ON COLUMN reporting.months_by_zone.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.months_by_zone.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.months_by_zone.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.months_by_zone.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN reporting.months_by_zone.is_over IS 'Whether the month has ended.';
CREATE VIEW reporting.months AS
 SELECT month,
    zone,
    starts_at,
    ends_at,
    is_over
   FROM reporting.months_by_zone
  WHERE (zone = ( SELECT business_zone.zone
           FROM onetrading.business_zone));
COMMENT ON VIEW reporting.months IS 'Months that have data, in the business zone (ONETRADING_BUSINESS_ZONE).
Example:
SELECT month, zone, starts_at, ends_at FROM reporting.months WHERE is_over ORDER BY month;';
COMMENT ON COLUMN reporting.months.month IS 'First day of the calendar month.';
COMMENT ON COLUMN reporting.months.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.months.starts_at IS 'First instant of the month (inclusive).';
COMMENT ON COLUMN reporting.months.ends_at IS 'End of the month (exclusive).';
COMMENT ON COLUMN reporting.months.is_over IS 'Whether the month has ended.';
CREATE FUNCTION reporting.months(zone text) RETURNS SETOF reporting.months
    LANGUAGE sql STABLE
    AS $_$ SELECT * FROM reporting.months_by_zone AS months WHERE months.zone = reporting.known_zone($1) $_$;
COMMENT ON FUNCTION reporting.months(zone text) IS 'The view of this name in any time zone.
Example:
SELECT month, starts_at, ends_at FROM reporting.months(''Europe/Vienna'') WHERE is_over;';
CREATE TABLE onetrading.account_fee_tiers (
    account_id uuid NOT NULL,
    fee_group text NOT NULL,
    min_volume numeric NOT NULL,
    maker_ratio numeric NOT NULL,
    taker_ratio numeric NOT NULL,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_fee_tiers_amounts CHECK (((min_volume > '-Infinity'::numeric) AND (min_volume < 'Infinity'::numeric) AND (maker_ratio > '-Infinity'::numeric) AND (maker_ratio < 'Infinity'::numeric) AND (taker_ratio > '-Infinity'::numeric) AND (taker_ratio < 'Infinity'::numeric))),
    CONSTRAINT account_fee_tiers_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.account_fee_tiers IS 'The fee tier in force for an account over time (GET account/fees: active_fee_tiers); rows with valid_to null are in force. The running volume changes with every trade and is a metric only.';
COMMENT ON COLUMN onetrading.account_fee_tiers.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.account_fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN onetrading.account_fee_tiers.min_volume IS 'Where the tier begins: volume of 30 days, in the currency of fee_tiers.';
COMMENT ON COLUMN onetrading.account_fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN onetrading.account_fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN onetrading.account_fee_tiers.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.account_fee_tiers.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.account_fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.account_fee_tiers.first_seen_at IS 'When this version was first stored here; never changed afterwards.';
CREATE VIEW onetrading.asset_changes AS
 SELECT DISTINCT instrument_code,
    (date_trunc('month'::text, (known_from AT TIME ZONE 'UTC'::text)))::date AS month
   FROM onetrading.instrument_assets
  WHERE (known_from > '-infinity'::timestamp with time zone);
COMMENT ON VIEW onetrading.asset_changes IS 'The UTC months in which an instrument began to stand for other assets: normally none.';
COMMENT ON COLUMN onetrading.asset_changes.instrument_code IS 'As in onetrading.instruments.';
COMMENT ON COLUMN onetrading.asset_changes.month IS 'First day of the UTC month of the change.';
CREATE TABLE onetrading.candlesticks (
    instrument_code text NOT NULL,
    granularity text NOT NULL,
    start_time timestamp with time zone NOT NULL,
    end_time timestamp with time zone NOT NULL,
    open_price numeric NOT NULL,
    high_price numeric NOT NULL,
    low_price numeric NOT NULL,
    close_price numeric NOT NULL,
    volume numeric,
    last_sequence bigint,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT candlesticks_amounts CHECK (((open_price > (0)::numeric) AND (open_price < 'Infinity'::numeric) AND (high_price > (0)::numeric) AND (high_price < 'Infinity'::numeric) AND (low_price > (0)::numeric) AND (low_price < 'Infinity'::numeric) AND (close_price > (0)::numeric) AND (close_price < 'Infinity'::numeric) AND (volume > '-Infinity'::numeric) AND (volume < 'Infinity'::numeric)))
);
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
CREATE TABLE onetrading.closed_positions (
    position_id text NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text,
    direction text,
    opened_at timestamp with time zone,
    closed_at timestamp with time zone,
    closing_pnl numeric,
    realised_pnl numeric,
    total_funding_payments numeric,
    total_trade_fees numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT closed_positions_amounts CHECK (((closing_pnl > '-Infinity'::numeric) AND (closing_pnl < 'Infinity'::numeric) AND (realised_pnl > '-Infinity'::numeric) AND (realised_pnl < 'Infinity'::numeric) AND (total_funding_payments > '-Infinity'::numeric) AND (total_funding_payments < 'Infinity'::numeric) AND (total_trade_fees > '-Infinity'::numeric) AND (total_trade_fees < 'Infinity'::numeric)))
);
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
CREATE TABLE onetrading.currencies (
    currency_code text NOT NULL,
    name text,
    "precision" bigint,
    collateral_percentage numeric,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT currencies_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.currencies IS 'Assets over time (GET currencies); the row with valid_to null is in force.';
COMMENT ON COLUMN onetrading.currencies.currency_code IS 'The asset''s code.';
COMMENT ON COLUMN onetrading.currencies.name IS 'Name for display.';
COMMENT ON COLUMN onetrading.currencies."precision" IS 'Decimals of amounts.';
COMMENT ON COLUMN onetrading.currencies.collateral_percentage IS 'Share of its value that counts as futures collateral, 0 to 100.';
COMMENT ON COLUMN onetrading.currencies.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.currencies.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.currencies.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.currencies.first_seen_at IS 'When this version was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE TABLE onetrading.exchange_rates (
    day date NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    source text NOT NULL,
    rate numeric NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT exchange_rates_amounts CHECK (((rate > (0)::numeric) AND (rate < 'Infinity'::numeric))),
    CONSTRAINT exchange_rates_base_code_check CHECK ((base_code <> ''::text)),
    CONSTRAINT exchange_rates_check CHECK (((quote_code <> ''::text) AND (quote_code <> base_code))),
    CONSTRAINT exchange_rates_source_check CHECK ((source <> ''::text))
);
COMMENT ON TABLE onetrading.exchange_rates IS 'Exchange rates as imported from a file (import rates): the exchange has no market for EUR against USD.';
COMMENT ON COLUMN onetrading.exchange_rates.day IS 'The day that the source dates the rate with.';
COMMENT ON COLUMN onetrading.exchange_rates.base_code IS 'One unit of this ...';
COMMENT ON COLUMN onetrading.exchange_rates.quote_code IS '... is worth rate units of this.';
COMMENT ON COLUMN onetrading.exchange_rates.source IS 'Who published it, such as ECB.';
COMMENT ON COLUMN onetrading.exchange_rates.rate IS 'Units of quote_code for one unit of base_code.';
COMMENT ON COLUMN onetrading.exchange_rates.first_seen_at IS 'When it was first imported; never changed afterwards.';
CREATE TABLE onetrading.external_lots (
    account_id uuid NOT NULL,
    reference text NOT NULL,
    base_code text NOT NULL,
    quote_code text NOT NULL,
    acquired_at timestamp with time zone NOT NULL,
    quantity numeric NOT NULL,
    cost numeric,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT external_lots_amounts CHECK (((quantity > (0)::numeric) AND (quantity < 'Infinity'::numeric) AND (cost >= (0)::numeric) AND (cost < 'Infinity'::numeric))),
    CONSTRAINT external_lots_base_code_check CHECK ((base_code <> ''::text)),
    CONSTRAINT external_lots_quote_code_check CHECK ((quote_code <> ''::text)),
    CONSTRAINT external_lots_reference_check CHECK ((reference <> ''::text))
);
COMMENT ON TABLE onetrading.external_lots IS 'Lots that were acquired outside of the history, as imported from a file (import lots): what can be sold beyond what was bought by trades.';
COMMENT ON COLUMN onetrading.external_lots.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.external_lots.reference IS 'Identity of the lot within the account, chosen by whoever wrote the file.';
COMMENT ON COLUMN onetrading.external_lots.base_code IS 'The asset.';
COMMENT ON COLUMN onetrading.external_lots.quote_code IS 'Currency of cost: the lot serves sales for this currency.';
COMMENT ON COLUMN onetrading.external_lots.acquired_at IS 'When it was acquired.';
COMMENT ON COLUMN onetrading.external_lots.quantity IS 'In units of base_code.';
COMMENT ON COLUMN onetrading.external_lots.cost IS 'Total cost in quote_code; null when it is not known.';
COMMENT ON COLUMN onetrading.external_lots.first_seen_at IS 'When it was first imported; never changed afterwards.';
CREATE TABLE onetrading.fee_tiers (
    fee_group text NOT NULL,
    min_volume numeric NOT NULL,
    volume_currency text,
    maker_ratio numeric NOT NULL,
    taker_ratio numeric NOT NULL,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT fee_tiers_amounts CHECK (((min_volume > '-Infinity'::numeric) AND (min_volume < 'Infinity'::numeric) AND (maker_ratio > '-Infinity'::numeric) AND (maker_ratio < 'Infinity'::numeric) AND (taker_ratio > '-Infinity'::numeric) AND (taker_ratio < 'Infinity'::numeric))),
    CONSTRAINT fee_tiers_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.fee_tiers IS 'The fee schedule over time (GET fees); rows with valid_to null are in force. Prices of API trading are not listed by the exchange.';
COMMENT ON COLUMN onetrading.fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN onetrading.fee_tiers.min_volume IS 'The tier applies from this volume of 30 days on, in volume_currency.';
COMMENT ON COLUMN onetrading.fee_tiers.volume_currency IS 'Currency of the volume (EUR); null when not sent.';
COMMENT ON COLUMN onetrading.fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN onetrading.fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN onetrading.fee_tiers.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.fee_tiers.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.fee_tiers.first_seen_at IS 'When this version was first stored here; never changed afterwards.';
CREATE TABLE onetrading.funding_rate_samples (
    snapshot_id bigint NOT NULL,
    instrument_code text NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    computed_at timestamp with time zone,
    raw jsonb NOT NULL
);
COMMENT ON TABLE onetrading.funding_rate_samples IS 'Funding rates while they form (GET funding-rate); settled ones are in funding_rates.';
COMMENT ON COLUMN onetrading.funding_rate_samples.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.funding_rate_samples.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rate_samples.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.funding_rate_samples.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rate_samples.computed_at IS 'When the exchange computed it.';
COMMENT ON COLUMN onetrading.funding_rate_samples.raw IS 'The record as sent.';
CREATE TABLE onetrading.funding_rates (
    instrument_code text NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    funding_rate numeric NOT NULL,
    mark_price numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT funding_rates_amounts CHECK (((funding_rate > '-Infinity'::numeric) AND (funding_rate < 'Infinity'::numeric) AND (mark_price > (0)::numeric) AND (mark_price < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.funding_rates IS 'Settled funding rates (GET funding-rate/history).';
COMMENT ON COLUMN onetrading.funding_rates.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_rates.funding_time IS 'End of the funding period.';
COMMENT ON COLUMN onetrading.funding_rates.funding_rate IS 'Fraction per funding period; positive: longs paid shorts.';
COMMENT ON COLUMN onetrading.funding_rates.mark_price IS 'Mark price at settlement, in the quote currency.';
COMMENT ON COLUMN onetrading.funding_rates.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_rates.row_hash IS 'Hash of the record''s bytes, to tell quickly that nothing changed.';
COMMENT ON COLUMN onetrading.funding_rates.first_seen_at IS 'When it was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
CREATE TABLE onetrading.funding_settings (
    instrument_code text NOT NULL,
    state text,
    market_offset bigint,
    clamp_threshold numeric,
    annual_interest_rate numeric,
    cap numeric,
    period_minutes bigint,
    raw jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT funding_settings_amounts CHECK (((clamp_threshold > '-Infinity'::numeric) AND (clamp_threshold < 'Infinity'::numeric) AND (annual_interest_rate > '-Infinity'::numeric) AND (annual_interest_rate < 'Infinity'::numeric) AND (cap > '-Infinity'::numeric) AND (cap < 'Infinity'::numeric))),
    CONSTRAINT funding_settings_check CHECK ((valid_to > valid_from))
);
COMMENT ON TABLE onetrading.funding_settings IS 'By what the funding rate of a futures instrument is computed, over time (GET funding-rate/settings); rows with valid_to null are in force.';
COMMENT ON COLUMN onetrading.funding_settings.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.funding_settings.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.market_offset IS 'Seconds after the minute at which the market is computed and settled; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.clamp_threshold IS 'Largest difference between interest and premium that is evened out, as a fraction; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.annual_interest_rate IS 'Interest rate, as a fraction per year; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.cap IS 'Largest absolute funding rate of one period, as a fraction; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.period_minutes IS 'Minutes of a funding period; null when not sent.';
COMMENT ON COLUMN onetrading.funding_settings.raw IS 'The record as sent.';
COMMENT ON COLUMN onetrading.funding_settings.valid_from IS 'When this version was first observed.';
COMMENT ON COLUMN onetrading.funding_settings.valid_to IS 'When it was first observed changed or gone; null while in force.';
COMMENT ON COLUMN onetrading.funding_settings.first_seen_at IS 'When this version was first stored here; never changed afterwards.';
CREATE VIEW onetrading.funding_sign_votes AS
 WITH payments AS NOT MATERIALIZED (
         SELECT funding_payments.account_id,
            funding_payments.funding_time,
            funding_payments.instrument_code,
            funding_payments.booked_at,
            funding_payments.amount,
            funding_payments.cash_balance,
            max(funding_payments.booked_at) OVER (PARTITION BY funding_payments.account_id, funding_payments.funding_time ORDER BY funding_payments.booked_at RANGE BETWEEN UNBOUNDED PRECEDING AND '00:00:00.000001'::interval PRECEDING) AS before_at
           FROM onetrading.funding_payments
          WHERE (funding_payments.cash_balance IS NOT NULL)
        ), compared AS (
         SELECT payment.account_id,
            payment.booked_at,
            payment.instrument_code,
            bool_or((abs(((payment.cash_balance - before.cash_balance) - payment.amount)) <= (abs(payment.amount) / (100)::numeric))) AS as_sent,
            bool_or((abs(((payment.cash_balance - before.cash_balance) + payment.amount)) <= (abs(payment.amount) / (100)::numeric))) AS negated
           FROM (payments payment
             JOIN payments before ON (((before.account_id = payment.account_id) AND (before.funding_time = payment.funding_time) AND (before.instrument_code <> payment.instrument_code) AND ((before.booked_at = payment.booked_at) OR ((before.booked_at = payment.before_at) AND ((payment.booked_at - payment.before_at) <= '00:01:00'::interval))))))
          WHERE (payment.amount <> (0)::numeric)
          GROUP BY payment.account_id, payment.booked_at, payment.instrument_code
        )
 SELECT account_id,
    booked_at,
    instrument_code,
    as_sent AS received_positive
   FROM compared
  WHERE (as_sent <> negated);
COMMENT ON VIEW onetrading.funding_sign_votes IS 'What the cash balance after a funding payment, compared with that after the payment just before it, says of the sign of amount. Payments that say nothing are left out.';
COMMENT ON COLUMN onetrading.funding_sign_votes.account_id IS 'As in onetrading.funding_payments.';
COMMENT ON COLUMN onetrading.funding_sign_votes.booked_at IS 'When the payment was booked.';
COMMENT ON COLUMN onetrading.funding_sign_votes.instrument_code IS 'The payment''s instrument.';
COMMENT ON COLUMN onetrading.funding_sign_votes.received_positive IS 'Whether cash moved by amount as sent (received payments are positive), or by its opposite (paid ones are).';
CREATE VIEW onetrading.funding_sign_conventions AS
 WITH judged AS (
         SELECT funding_sign_votes.account_id,
            funding_sign_votes.booked_at,
            funding_sign_votes.instrument_code,
                CASE
                    WHEN (count(*) OVER lately < 3) THEN NULL::text
                    WHEN ((10 * count(*) FILTER (WHERE funding_sign_votes.received_positive) OVER lately) >= (9 * count(*) OVER lately)) THEN 'received_positive'::text
                    WHEN ((10 * count(*) FILTER (WHERE (NOT funding_sign_votes.received_positive)) OVER lately) >= (9 * count(*) OVER lately)) THEN 'paid_positive'::text
                    ELSE NULL::text
                END AS convention,
            min(funding_sign_votes.booked_at) FILTER (WHERE funding_sign_votes.received_positive) OVER lately AS received_since,
            min(funding_sign_votes.booked_at) FILTER (WHERE (NOT funding_sign_votes.received_positive)) OVER lately AS paid_since
           FROM onetrading.funding_sign_votes
          WINDOW lately AS (PARTITION BY funding_sign_votes.account_id ORDER BY funding_sign_votes.booked_at, funding_sign_votes.instrument_code ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
        ), known AS (
         SELECT judged.account_id,
            judged.booked_at,
            judged.instrument_code,
            judged.convention,
            judged.received_since,
            judged.paid_since,
            lag(judged.convention) OVER (PARTITION BY judged.account_id ORDER BY judged.booked_at, judged.instrument_code) AS previous
           FROM judged
          WHERE (judged.convention IS NOT NULL)
        )
 SELECT account_id,
    convention,
    previous,
        CASE convention
            WHEN 'received_positive'::text THEN received_since
            ELSE paid_since
        END AS since,
    booked_at AS known_at
   FROM known
  WHERE (convention IS DISTINCT FROM previous);
COMMENT ON VIEW onetrading.funding_sign_conventions IS 'The conventions of the sign of funding payments that have held, one row per account and change.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.account_id IS 'As in onetrading.funding_payments.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.convention IS 'received_positive or paid_positive.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.previous IS 'The convention before; null for the first one.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.since IS 'The first payment that speaks for it, of those that decided.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.known_at IS 'The payment with which it was decided.';
CREATE VIEW onetrading.monthly_trades AS
 SELECT sums.account_id,
    sums.month,
    sums.instrument_code,
    assets.base_code,
    assets.quote_code,
    sums.side,
    sums.liquidity,
    sums.fee_currency,
    sums.trades,
    sums.base_amount,
    sums.quote_amount,
    sums.fees_paid,
    sums.fees_received,
    sums.fees_told,
    sums.fees_at_price
   FROM (( SELECT trades.account_id,
            (date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date AS month,
            trades.instrument_code,
            trades.side,
            trades.liquidity,
            trades.fee_currency,
            count(*) AS trades,
            sum(trades.amount) AS base_amount,
            sum(trades.quote_amount) AS quote_amount,
            sum(trades.fee_amount) FILTER (WHERE (trades.fee_amount > (0)::numeric)) AS fees_paid,
            sum((- trades.fee_amount)) FILTER (WHERE (trades.fee_amount < (0)::numeric)) AS fees_received,
            count(trades.fee_amount) AS fees_told,
            sum((trades.fee_amount * trades.price)) AS fees_at_price
           FROM onetrading.trades
          GROUP BY trades.account_id, ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date), trades.instrument_code, trades.side, trades.liquidity, trades.fee_currency) sums
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = sums.instrument_code) AND (assets.known_from <= ((sums.month)::timestamp without time zone AT TIME ZONE 'UTC'::text)) AND (((sums.month)::timestamp without time zone AT TIME ZONE 'UTC'::text) < assets.known_to))))
  WHERE (NOT (EXISTS ( SELECT
           FROM onetrading.asset_changes changes
          WHERE ((changes.instrument_code = sums.instrument_code) AND (changes.month = sums.month)))))
UNION ALL
 SELECT trades.account_id,
    (date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date AS month,
    trades.instrument_code,
    assets.base_code,
    assets.quote_code,
    trades.side,
    trades.liquidity,
    trades.fee_currency,
    count(*) AS trades,
    sum(trades.amount) AS base_amount,
    sum(trades.quote_amount) AS quote_amount,
    sum(trades.fee_amount) FILTER (WHERE (trades.fee_amount > (0)::numeric)) AS fees_paid,
    sum((- trades.fee_amount)) FILTER (WHERE (trades.fee_amount < (0)::numeric)) AS fees_received,
    count(trades.fee_amount) AS fees_told,
    sum((trades.fee_amount * trades.price)) AS fees_at_price
   FROM ((onetrading.asset_changes changes
     JOIN onetrading.trades ON (((trades.instrument_code = changes.instrument_code) AND ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date = changes.month))))
     JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))))
  GROUP BY trades.account_id, ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)))::date), trades.instrument_code, assets.base_code, assets.quote_code, trades.side, trades.liquidity, trades.fee_currency;
COMMENT ON VIEW onetrading.monthly_trades IS 'Sums of trades per account, UTC month, instrument with its assets, side, liquidity and fee currency: what the monthly reports of trades are made of.';
COMMENT ON COLUMN onetrading.monthly_trades.account_id IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.month IS 'First day of the UTC month of traded_at.';
COMMENT ON COLUMN onetrading.monthly_trades.instrument_code IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.base_code IS 'As in onetrading.instrument_assets, at the time of the trades; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.monthly_trades.quote_code IS 'As in onetrading.instrument_assets, at the time of the trades; null when the instrument is unknown.';
COMMENT ON COLUMN onetrading.monthly_trades.side IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.liquidity IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.fee_currency IS 'As in onetrading.trades.';
COMMENT ON COLUMN onetrading.monthly_trades.trades IS 'Number of trades.';
COMMENT ON COLUMN onetrading.monthly_trades.base_amount IS 'Sum of amount, in base_code.';
COMMENT ON COLUMN onetrading.monthly_trades.quote_amount IS 'Sum of quote_amount, in quote_code.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_paid IS 'Sum of positive fee_amount, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_received IS 'Sum of negative fee_amount without its sign, in fee_currency; null when there is none.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_told IS 'Number of trades that told their fee.';
COMMENT ON COLUMN onetrading.monthly_trades.fees_at_price IS 'Sum of fee_amount times price: the fees in quote_code where they were in base_code.';
CREATE TABLE onetrading.order_events (
    order_id uuid NOT NULL,
    status text NOT NULL,
    filled_amount numeric NOT NULL,
    account_id uuid NOT NULL,
    sequence bigint,
    updated_at timestamp with time zone,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT order_events_amounts CHECK (((filled_amount >= (0)::numeric) AND (filled_amount < 'Infinity'::numeric)))
);
COMMENT ON TABLE onetrading.order_events IS 'Each state of an order that was seen, as first seen. States that came and went between two polls are not in it.';
COMMENT ON COLUMN onetrading.order_events.order_id IS 'The order, as in onetrading.orders.';
COMMENT ON COLUMN onetrading.order_events.status IS 'The status as sent.';
COMMENT ON COLUMN onetrading.order_events.filled_amount IS 'What was traded by then, in units of the base asset.';
COMMENT ON COLUMN onetrading.order_events.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading.order_events.sequence IS 'The exchange''s counter; null when not sent.';
COMMENT ON COLUMN onetrading.order_events.updated_at IS 'When the exchange says that the order changed to this state; null when not sent.';
COMMENT ON COLUMN onetrading.order_events.first_seen_at IS 'When the state was first stored here; never changed afterwards.';
CREATE TABLE onetrading.orders (
    order_id uuid NOT NULL,
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
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone,
    trades_checked boolean NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT orders_amounts CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric) AND (amount > (0)::numeric) AND (amount < 'Infinity'::numeric) AND (filled_amount >= (0)::numeric) AND (filled_amount < 'Infinity'::numeric) AND (average_price > (0)::numeric) AND (average_price < 'Infinity'::numeric) AND (fee_amount > '-Infinity'::numeric) AND (fee_amount < 'Infinity'::numeric)))
);
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
CREATE TABLE onetrading.position_funding_payments (
    position_id text NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    booked_at timestamp with time zone NOT NULL,
    booked_at_nanos bigint NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    amount numeric NOT NULL,
    funding_rate numeric,
    mark_price numeric,
    cash_balance numeric,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT position_funding_payments_amounts CHECK (((amount > '-Infinity'::numeric) AND (amount < 'Infinity'::numeric) AND (funding_rate > '-Infinity'::numeric) AND (funding_rate < 'Infinity'::numeric) AND (mark_price > '-Infinity'::numeric) AND (mark_price < 'Infinity'::numeric) AND (cash_balance > '-Infinity'::numeric) AND (cash_balance < 'Infinity'::numeric)))
);
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
    traded_at timestamp with time zone NOT NULL,
    traded_at_nanos bigint NOT NULL,
    raw jsonb NOT NULL,
    row_hash bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT position_trades_amounts CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric) AND (amount > (0)::numeric) AND (amount < 'Infinity'::numeric) AND (quote_amount > (0)::numeric) AND (quote_amount < 'Infinity'::numeric) AND (fee_amount > '-Infinity'::numeric) AND (fee_amount < 'Infinity'::numeric)))
);
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
ALTER TABLE onetrading.snapshots ALTER COLUMN snapshot_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading.snapshots_snapshot_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading.tickers (
    snapshot_id bigint NOT NULL,
    instrument_code text NOT NULL,
    state text,
    last_price numeric,
    bid_price numeric,
    ask_price numeric,
    base_volume numeric,
    quote_volume numeric,
    mark_price numeric,
    funding_rate numeric,
    next_funding_at timestamp with time zone,
    raw jsonb NOT NULL
);
COMMENT ON TABLE onetrading.tickers IS 'Tickers per snapshot (GET market-ticker).';
COMMENT ON COLUMN onetrading.tickers.snapshot_id IS 'The answer it was part of.';
COMMENT ON COLUMN onetrading.tickers.instrument_code IS 'The market''s code.';
COMMENT ON COLUMN onetrading.tickers.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN onetrading.tickers.last_price IS 'Price of the last trade in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.bid_price IS 'Highest bid; null when nobody bids.';
COMMENT ON COLUMN onetrading.tickers.ask_price IS 'Lowest ask; null when nobody offers.';
COMMENT ON COLUMN onetrading.tickers.base_volume IS 'Volume of 24 hours in units of the base asset.';
COMMENT ON COLUMN onetrading.tickers.quote_volume IS 'Volume of 24 hours in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.mark_price IS 'Mark price in the quote currency.';
COMMENT ON COLUMN onetrading.tickers.funding_rate IS 'Fraction per funding period; positive: longs pay shorts.';
COMMENT ON COLUMN onetrading.tickers.next_funding_at IS 'When funding is next settled.';
COMMENT ON COLUMN onetrading.tickers.raw IS 'The record as sent.';
CREATE TABLE onetrading_sync.closings (
    account_id uuid NOT NULL,
    closed_to timestamp with time zone NOT NULL,
    open_read_at timestamp with time zone NOT NULL,
    all_read_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.closings IS 'As of when closed positions are complete. A proven range of them says: of what was opened in it, all that had been closed before closed_to is stored.';
COMMENT ON COLUMN onetrading_sync.closings.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.closings.closed_to IS 'Whatever was closed before this instant, and opened in a proven range, is stored. It commits with the rows of the walk that makes it true.';
COMMENT ON COLUMN onetrading_sync.closings.open_read_at IS 'When everything from the oldest position on that was open by then was last read again.';
COMMENT ON COLUMN onetrading_sync.closings.all_read_at IS 'When everything was last read again.';
CREATE TABLE onetrading_sync.counted_positions (
    position_id text NOT NULL,
    account_id uuid NOT NULL,
    instrument_code text NOT NULL,
    realised_pnl numeric
);
COMMENT ON TABLE onetrading_sync.counted_positions IS 'What each closed position added to the counters, so that none is counted twice when its instrument becomes known later.';
COMMENT ON COLUMN onetrading_sync.counted_positions.position_id IS 'As in onetrading.closed_positions.';
COMMENT ON COLUMN onetrading_sync.counted_positions.account_id IS 'The account it is of.';
COMMENT ON COLUMN onetrading_sync.counted_positions.instrument_code IS 'The label that it was counted under; empty when its instrument could not be found out.';
COMMENT ON COLUMN onetrading_sync.counted_positions.realised_pnl IS 'The result that was counted; null when none was sent.';
CREATE TABLE onetrading_sync.counting (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    since timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.counting IS 'From which instant on rows count in totals. It never moves: history filled in before it never makes a counter jump.';
CREATE TABLE onetrading_sync.coverage (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    range tstzrange NOT NULL,
    CONSTRAINT coverage_range_check CHECK (((NOT isempty(range)) AND lower_inc(range) AND (NOT upper_inc(range)))),
    CONSTRAINT coverage_range_check1 CHECK (((NOT lower_inf(range)) AND (NOT upper_inf(range))))
);
COMMENT ON TABLE onetrading_sync.coverage IS 'Ranges of time for which history is proven complete. Nothing else proves anything.';
COMMENT ON COLUMN onetrading_sync.coverage.scope IS 'An instrument code where the stream is asked per instrument; of candlesticks instrument and granularity (BTC_EUR:1h); else empty.';
CREATE TABLE onetrading_sync.drift (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    sample text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    hours_seen bigint DEFAULT 1 NOT NULL
);
COMMENT ON TABLE onetrading_sync.drift IS 'Fields, values and page shapes that the exchange''s documentation does not know.';
COMMENT ON COLUMN onetrading_sync.drift.first_seen_at IS 'When it was met first.';
COMMENT ON COLUMN onetrading_sync.drift.last_seen_at IS 'When it was met last, to the hour; of what was met before this column existed, when it was met first.';
COMMENT ON COLUMN onetrading_sync.drift.hours_seen IS 'In how many hours it was met: it is counted once an hour, so that what every response holds does not cost a write each time.';
CREATE TABLE onetrading_sync.issues (
    issue_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    key jsonb NOT NULL,
    old_record jsonb,
    new_record jsonb,
    noticed_at timestamp with time zone DEFAULT now() NOT NULL,
    happened_at timestamp with time zone,
    resolved_at timestamp with time zone,
    found_by text,
    CONSTRAINT issues_found_by_check CHECK ((found_by = 'verify'::text))
);
COMMENT ON TABLE onetrading_sync.issues IS 'Settled facts that came back different, or that were sent in two ways at once: what is stored or was, and what was read. What was read replaced it where the kind says so.';
COMMENT ON COLUMN onetrading_sync.issues.kind IS 'changed (a column differs) or raw_changed (only the record as sent differs): new_record replaced old_record. older (the exchange sent a version before the stored one), twin (two different records of one key came together) or duplicate_slot (a second, different payment of a funding time): old_record is stored, new_record was left out, and is noted once. late: new_record came in as proven history was read again. vanished: the exchange no longer shows old_record, which stays stored. order_reopened or order_shrank: a newer state of an order contradicts the one before, and replaced it. order_unknown: an order left the list of open ones and cannot be found; new_record is null. missed: a trade inside of an order that the list of trades had not sent, although it had been read; it was loaded. order_differs: a trade inside of an order says something else than the stored one, which stayed. unbalanced: the sums of a closed position do not fit together. incomplete: the details of a closed position do not add up to its totals. missing: a detail that the proven list of trades or funding payments does not have. different: a detail that says something else than that list. unlisted: a trade or payment of that list that the details lack. funding_sign_changed: the convention of the sign of funding, as reporting.funding_sign has it, before and after. future_coverage, future_snapshot or future_version: a wrong clock had dated it into the future; the instants as they were, and as they are now.';
COMMENT ON COLUMN onetrading_sync.issues.happened_at IS 'When the fact happened, as the stored record says; null when that is not known.';
COMMENT ON COLUMN onetrading_sync.issues.resolved_at IS 'When a fact that had vanished was sent again; null for every other kind, and while it is gone.';
COMMENT ON COLUMN onetrading_sync.issues.found_by IS 'verify: found as proven history was read again to compare it; null: as it was read otherwise.';
ALTER TABLE onetrading_sync.issues ALTER COLUMN issue_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading_sync.issues_issue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading_sync.known_since (
    what text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE onetrading_sync.known_since IS 'From when on this database records something that earlier versions did not.';
COMMENT ON COLUMN onetrading_sync.known_since.what IS 'first_seen_at: a fact with this time or an earlier one in it came in at an unknown time before it.';
COMMENT ON COLUMN onetrading_sync.known_since.since IS 'When the version that records it was installed.';
CREATE TABLE onetrading_sync.leases (
    account_id uuid NOT NULL,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamp with time zone,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.leases IS 'The service that writes an account. Each of its transactions checks the epoch.';
CREATE TABLE onetrading_sync.position_details (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    position_id text NOT NULL,
    record_hash bigint NOT NULL,
    read_at timestamp with time zone,
    compared_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    last_error text,
    next_try_at timestamp with time zone
);
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
CREATE TABLE onetrading_sync.progress (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    required_from timestamp with time zone,
    settle interval DEFAULT '00:00:00'::interval NOT NULL,
    last_attempt_at timestamp with time zone,
    last_success_at timestamp with time zone,
    next_due_at timestamp with time zone,
    last_error text,
    retired_because text,
    asked_from timestamp with time zone,
    served_from timestamp with time zone,
    served_asked_at timestamp with time zone
);
COMMENT ON TABLE onetrading_sync.progress IS 'How each stream stands; one row per account, stream and scope.';
COMMENT ON COLUMN onetrading_sync.progress.required_from IS 'History must be complete from here; null for streams without history.';
COMMENT ON COLUMN onetrading_sync.progress.settle IS 'How long after an instant its rows may still appear: coverage ends this far before now.';
COMMENT ON COLUMN onetrading_sync.progress.retired_because IS 'Why nothing is expected of this scope, and its gaps do not count: its instrument is closed, no longer listed or refused by the exchange, the account has no futures, or the stream is not configured. Null: it must be complete.';
COMMENT ON COLUMN onetrading_sync.progress.asked_from IS 'From when on history is asked for, by ONETRADING_HISTORY_START or its default.';
COMMENT ON COLUMN onetrading_sync.progress.served_from IS 'From when on the exchange serves the history; null where it was not found to end. required_from is the later one of this and asked_from.';
COMMENT ON COLUMN onetrading_sync.progress.served_asked_at IS 'When the exchange was asked for that last.';
CREATE TABLE onetrading_sync.proven_days (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    day date NOT NULL,
    proven_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE onetrading_sync.proven_days IS 'When each UTC day was first proven complete. A fact of a day that first came in after that contradicts the proof.';
COMMENT ON COLUMN onetrading_sync.proven_days.scope IS 'As in onetrading_sync.coverage.';
COMMENT ON COLUMN onetrading_sync.proven_days.proven_at IS 'When coverage held the whole day for the first time; of days that were proven before this table existed, the time of the upgrade.';
CREATE TABLE onetrading_sync.rejects (
    reject_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    record text NOT NULL,
    record_hash bigint NOT NULL,
    reason text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    key jsonb,
    happened_at timestamp with time zone,
    possible_times tstzmultirange
);
COMMENT ON TABLE onetrading_sync.rejects IS 'Records that could not be read, as sent. Nothing is thrown away.';
COMMENT ON COLUMN onetrading_sync.rejects.key IS 'The key columns of the table that the record belongs to, as text; null where they cannot be read.';
COMMENT ON COLUMN onetrading_sync.rejects.happened_at IS 'When it happened, as the record says; null where that cannot be read.';
COMMENT ON COLUMN onetrading_sync.rejects.possible_times IS 'Where in time the record can lie: at happened_at, else in the window in which it was met, less what complete walks have read since without meeting it again. Nothing is left: it is resolved. Null for what is not history.';
ALTER TABLE onetrading_sync.rejects ALTER COLUMN reject_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading_sync.rejects_reject_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading_sync.runs (
    run_id bigint NOT NULL,
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    lane text NOT NULL,
    wanted tstzrange,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    pages integer DEFAULT 0 NOT NULL,
    rows_inserted bigint DEFAULT 0 NOT NULL,
    rows_updated bigint DEFAULT 0 NOT NULL,
    rows_rejected bigint DEFAULT 0 NOT NULL,
    complete boolean DEFAULT false NOT NULL
);
COMMENT ON TABLE onetrading_sync.runs IS 'One row per walk through a window of history, written with the rows it brought.';
COMMENT ON COLUMN onetrading_sync.runs.lane IS 'tail (the newest part), backfill (what is missing), verify (what is proven, again) or retry (rejected records that this version can read).';
COMMENT ON COLUMN onetrading_sync.runs.complete IS 'The walk reached its explicit end.';
ALTER TABLE onetrading_sync.runs ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME onetrading_sync.runs_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE onetrading_sync.schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    app_version text NOT NULL
);
COMMENT ON TABLE onetrading_sync.schema_migrations IS 'The migrations applied here, with the checksum of each file.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.number IS 'First part of the file name; the order.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.name IS 'The file name without its ending.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.sha256 IS 'SHA-256 of the file, in hexadecimal; it must not change.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.applied_at IS 'When the transaction of the file began.';
COMMENT ON COLUMN onetrading_sync.schema_migrations.app_version IS 'The version of onetrading-exporter that applied it.';
CREATE TABLE onetrading_sync.totals (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    metric text NOT NULL,
    labels text[] NOT NULL,
    value numeric NOT NULL
);
COMMENT ON TABLE onetrading_sync.totals IS 'What the counters on /metrics show, kept in the transaction that writes the rows.';
CREATE TABLE onetrading_sync.verified (
    account_id uuid NOT NULL,
    stream text NOT NULL,
    scope text NOT NULL,
    range tstzrange NOT NULL,
    verified_at timestamp with time zone NOT NULL,
    facts bigint NOT NULL,
    not_served bigint DEFAULT 0 NOT NULL,
    CONSTRAINT verified_check CHECK (((facts >= 0) AND ((not_served >= 0) AND (not_served <= facts)))),
    CONSTRAINT verified_range_check CHECK (((NOT isempty(range)) AND lower_inc(range) AND (NOT upper_inc(range)))),
    CONSTRAINT verified_range_check1 CHECK (((NOT lower_inf(range)) AND (NOT upper_inf(range))))
);
COMMENT ON TABLE onetrading_sync.verified IS 'When proven history was last read again and compared with what is stored. What is not in here was not, since it was proven.';
COMMENT ON COLUMN onetrading_sync.verified.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN onetrading_sync.verified.stream IS 'The stream that was read.';
COMMENT ON COLUMN onetrading_sync.verified.scope IS 'As in onetrading_sync.coverage.';
COMMENT ON COLUMN onetrading_sync.verified.range IS 'The time that a walk read to its explicit end.';
COMMENT ON COLUMN onetrading_sync.verified.verified_at IS 'When that was, by the exchange''s time.';
COMMENT ON COLUMN onetrading_sync.verified.facts IS 'How many facts were stored of the window that was read, which later ranges may have cut.';
COMMENT ON COLUMN onetrading_sync.verified.not_served IS 'How many of them the exchange did not show, nor anything as old: it no longer serves that time, which says nothing about the facts.';
CREATE VIEW reporting.account_fee_tiers AS
 SELECT COALESCE(accounts.name, (tiers.account_id)::text) AS account,
    tiers.account_id,
    tiers.fee_group,
    tiers.min_volume,
    tiers.maker_ratio,
    tiers.taker_ratio,
    tiers.valid_from,
    tiers.valid_to
   FROM (onetrading.account_fee_tiers tiers
     LEFT JOIN onetrading.accounts USING (account_id));
COMMENT ON VIEW reporting.account_fee_tiers IS 'The fee tier in force for each account over time, one row per group of markets and version (GET account/fees). What was charged is in monthly_fees and trades.
Example:
SELECT account, fee_group, min_volume, maker_ratio, taker_ratio, valid_from
FROM reporting.account_fee_tiers WHERE valid_to IS NULL ORDER BY account, fee_group;';
COMMENT ON COLUMN reporting.account_fee_tiers.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.account_fee_tiers.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.account_fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN reporting.account_fee_tiers.min_volume IS 'Where the tier begins: volume of 30 days, in the currency of fee_tiers.';
COMMENT ON COLUMN reporting.account_fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN reporting.account_fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN reporting.account_fee_tiers.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.account_fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.candlesticks AS
 SELECT candlesticks.instrument_code,
    candlesticks.granularity,
    candlesticks.start_time,
    candlesticks.end_time,
    candlesticks.open_price,
    candlesticks.high_price,
    candlesticks.low_price,
    candlesticks.close_price,
    candlesticks.volume,
    market.base_code,
    market.quote_code
   FROM (onetrading.candlesticks
     LEFT JOIN ( SELECT DISTINCT ON (instruments.instrument_code) instruments.instrument_code,
            instruments.base_code,
            instruments.quote_code
           FROM onetrading.instruments
          ORDER BY instruments.instrument_code, instruments.valid_from DESC) market USING (instrument_code));
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
CREATE VIEW reporting.closed_positions AS
 SELECT positions.position_id,
    COALESCE(accounts.name, (positions.account_id)::text) AS account,
    positions.account_id,
    positions.instrument_code,
    assets.base_code,
    assets.quote_code,
    positions.direction,
    positions.opened_at,
    positions.closed_at,
    positions.closing_pnl AS gross,
    positions.total_trade_fees AS fees,
    positions.total_funding_payments AS funding,
    positions.realised_pnl AS net,
    (positions.realised_pnl - ((positions.closing_pnl + positions.total_funding_payments) - positions.total_trade_fees)) AS difference,
    ((positions.closed_at AT TIME ZONE 'UTC'::text))::date AS closed_on,
    positions.first_seen_at
   FROM ((onetrading.closed_positions positions
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = positions.instrument_code) AND (assets.known_from <= COALESCE(positions.closed_at, positions.opened_at, positions.first_seen_at)) AND (COALESCE(positions.closed_at, positions.opened_at, positions.first_seen_at) < assets.known_to))));
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
CREATE VIEW reporting.coverage_gaps AS
 SELECT COALESCE(accounts.name, (scopes.account_id)::text) AS account,
    scopes.account_id,
    scopes.stream,
    scopes.scope,
    lower(gaps.open) AS gap_start,
    upper(gaps.open) AS gap_end,
    (upper(gaps.open) - lower(gaps.open)) AS gap,
    (upper(gaps.open) = scopes.settled_to) AS is_tail
   FROM (((( SELECT progress.account_id,
            progress.stream,
            progress.scope,
            (now() - progress.settle) AS settled_to,
            tstzrange(LEAST(progress.required_from, (now() - progress.settle)), (now() - progress.settle)) AS required
           FROM onetrading_sync.progress
          WHERE ((progress.required_from IS NOT NULL) AND (progress.retired_because IS NULL))) scopes
     CROSS JOIN LATERAL ( SELECT COALESCE(range_agg(coverage.range), '{}'::tstzmultirange) AS ranges
           FROM onetrading_sync.coverage
          WHERE ((coverage.account_id = scopes.account_id) AND (coverage.stream = scopes.stream) AND (coverage.scope = scopes.scope))) proven)
     CROSS JOIN LATERAL unnest((tstzmultirange(scopes.required) - proven.ranges)) gaps(open))
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = scopes.account_id)));
COMMENT ON VIEW reporting.coverage_gaps IS 'Ranges of time whose history is not proven complete, per account, stream and scope: from the required start to now less the settle time, minus what is proven. Time before the required start is not listed here: freshness.required_from tells it. Whether a month is complete is answered by month_close.
Example:
SELECT account, stream, scope, gap_start, gap_end, gap
FROM reporting.coverage_gaps WHERE NOT is_tail ORDER BY account, stream, gap_start;';
COMMENT ON COLUMN reporting.coverage_gaps.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.coverage_gaps.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.coverage_gaps.stream IS 'What is read, for example trades.';
COMMENT ON COLUMN reporting.coverage_gaps.scope IS 'Instrument code where the stream is asked per instrument, else empty.';
COMMENT ON COLUMN reporting.coverage_gaps.gap_start IS 'First instant that is not proven (inclusive), from onetrading_sync.progress and coverage.';
COMMENT ON COLUMN reporting.coverage_gaps.gap_end IS 'End of the gap (exclusive).';
COMMENT ON COLUMN reporting.coverage_gaps.gap IS 'gap_end minus gap_start.';
COMMENT ON COLUMN reporting.coverage_gaps.is_tail IS 'The gap reaches to now less the settle time. The time since the last pass is always open, so a tail of a poll interval is normal; a longer one means that the sync is behind.';
CREATE VIEW reporting.current_balances AS
 SELECT COALESCE(accounts.name, (latest.account_id)::text) AS account,
    latest.account_id,
    listed.currency_code,
    COALESCE(balances.available, (0)::numeric) AS available,
    COALESCE(balances.locked, (0)::numeric) AS locked,
    COALESCE((balances.available + balances.locked), (0)::numeric) AS total,
    (balances.snapshot_id IS NOT NULL) AS is_listed,
    balances.changed_at,
    latest.last_observed_at AS observed_at,
    (now() - latest.last_observed_at) AS age
   FROM (((onetrading.latest_snapshots latest
     JOIN onetrading.listed_currencies listed USING (account_id))
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.balances ON (((balances.snapshot_id = latest.snapshot_id) AND (balances.currency_code = listed.currency_code))))
  WHERE (latest.stream = 'balances'::text);
COMMENT ON VIEW reporting.current_balances IS 'What each account holds in each currency, from the newest complete answer of GET account/balances. Look at age before you trust it.
Example:
SELECT currency_code, available, locked, total, age
FROM reporting.current_balances WHERE account = ''main'' AND total <> 0 ORDER BY currency_code;';
COMMENT ON COLUMN reporting.current_balances.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.current_balances.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.current_balances.currency_code IS 'Every currency that the account was ever seen to hold (balances[].currency_code).';
COMMENT ON COLUMN reporting.current_balances.available IS 'Free, in units of currency_code (balances[].available); 0 when no longer listed.';
COMMENT ON COLUMN reporting.current_balances.locked IS 'Held by open orders, in units of currency_code (balances[].locked); 0 when no longer listed.';
COMMENT ON COLUMN reporting.current_balances.total IS 'available plus locked, in units of currency_code.';
COMMENT ON COLUMN reporting.current_balances.is_listed IS 'Whether the newest answer lists the currency; false: the amounts are 0 because it does not.';
COMMENT ON COLUMN reporting.current_balances.changed_at IS 'When this balance last changed, as the exchange says (balances[].time); null when not listed.';
COMMENT ON COLUMN reporting.current_balances.observed_at IS 'When the answer was last received.';
COMMENT ON COLUMN reporting.current_balances.age IS 'now() minus observed_at.';
CREATE VIEW reporting.orders AS
 SELECT orders.order_id,
    orders.client_id,
    COALESCE(accounts.name, (orders.account_id)::text) AS account,
    orders.account_id,
    orders.instrument_code,
    assets.base_code,
    assets.quote_code,
    orders.side,
    orders.order_type,
    orders.time_in_force,
    orders.price,
    orders.amount,
    orders.filled_amount,
    (orders.amount - orders.filled_amount) AS unfilled_amount,
    orders.average_price,
    orders.fee_amount,
    orders.fee_currency,
    orders.status,
    orders.is_open,
        CASE
            WHEN orders.is_open THEN 'open'::text
            WHEN (orders.is_open IS NULL) THEN 'unknown'::text
            ELSE 'closed'::text
        END AS state,
    orders.sequence,
    orders.created_at,
    orders.updated_at,
    orders.first_seen_at
   FROM ((onetrading.orders
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = orders.instrument_code) AND (assets.known_from <= orders.created_at) AND (orders.created_at < assets.known_to))));
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
 SELECT account,
    account_id,
    order_id,
    client_id,
    instrument_code,
    base_code,
    quote_code,
    side,
    order_type,
    time_in_force,
    price,
    amount,
    filled_amount,
    unfilled_amount,
    average_price,
    status,
    state,
    created_at,
    updated_at,
    (now() - created_at) AS age
   FROM reporting.orders
  WHERE (is_open IS NOT FALSE);
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
CREATE VIEW reporting.current_positions AS
 SELECT COALESCE(accounts.name, (latest.account_id)::text) AS account,
    latest.account_id,
    positions.instrument_code,
    assets.base_code,
    assets.quote_code,
    positions.direction,
    positions.open_volume,
        CASE positions.direction
            WHEN 'LONG'::text THEN positions.open_volume
            WHEN 'SHORT'::text THEN (- positions.open_volume)
            ELSE NULL::numeric
        END AS net_volume,
    positions.open_notional,
    positions.maintenance_margin,
    positions.last_settlement,
    positions.mark_price,
    latest.last_observed_at AS observed_at,
    (now() - latest.last_observed_at) AS age
   FROM (((onetrading.latest_snapshots latest
     JOIN onetrading.positions USING (snapshot_id))
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = latest.account_id)))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = positions.instrument_code) AND (assets.known_from <= latest.last_observed_at) AND (latest.last_observed_at < assets.known_to))))
  WHERE (latest.stream = 'positions'::text);
COMMENT ON VIEW reporting.current_positions IS 'Open futures positions, from the newest complete answer of GET account/futures/positions. No row: flat, or never asked; freshness tells which.
Example:
SELECT instrument_code, net_volume, open_notional, quote_code, age
FROM reporting.current_positions WHERE account = ''main'' ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.current_positions.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.current_positions.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.current_positions.instrument_code IS 'Futures market (positions[].instrument_code).';
COMMENT ON COLUMN reporting.current_positions.base_code IS 'Asset that volumes count, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_positions.quote_code IS 'Currency of all money of the row, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.current_positions.direction IS 'LONG or SHORT (positions[].direction).';
COMMENT ON COLUMN reporting.current_positions.open_volume IS 'Size in base_code; no sign, direction carries it (positions[].open_volume).';
COMMENT ON COLUMN reporting.current_positions.net_volume IS 'Size in base_code: positive when long, negative when short; null for any other direction.';
COMMENT ON COLUMN reporting.current_positions.open_notional IS 'Size at the mark price, in quote_code; no sign; not the cost of entry (positions[].open_position).';
COMMENT ON COLUMN reporting.current_positions.maintenance_margin IS 'In quote_code (positions[].maintenance_margin).';
COMMENT ON COLUMN reporting.current_positions.last_settlement IS 'Cash result of the last minute''s settlement in quote_code; positive when received (positions[].last_settlement).';
COMMENT ON COLUMN reporting.current_positions.mark_price IS 'Mark price of the last settlement, in quote_code per unit of base_code (positions[].mark_price).';
COMMENT ON COLUMN reporting.current_positions.observed_at IS 'When the answer was last received.';
COMMENT ON COLUMN reporting.current_positions.age IS 'now() minus observed_at.';
CREATE VIEW reporting.fee_tiers AS
 SELECT fee_group,
    min_volume,
    volume_currency,
    maker_ratio,
    taker_ratio,
    valid_from,
    valid_to
   FROM onetrading.fee_tiers;
COMMENT ON VIEW reporting.fee_tiers IS 'The exchange''s fee schedule over time, one row per tier and version (GET fees). The prices of API trading are not listed by the exchange.
Example:
SELECT fee_group, min_volume, volume_currency, maker_ratio, taker_ratio
FROM reporting.fee_tiers WHERE valid_from <= ''2026-03-31'' AND (valid_to > ''2026-03-31'' OR valid_to IS NULL)
ORDER BY fee_group, min_volume;';
COMMENT ON COLUMN reporting.fee_tiers.fee_group IS 'SPOT or FUTURES: the group of markets that the tier is for.';
COMMENT ON COLUMN reporting.fee_tiers.min_volume IS 'The tier applies from this volume of 30 days on, in volume_currency.';
COMMENT ON COLUMN reporting.fee_tiers.volume_currency IS 'Currency of min_volume; null when not sent.';
COMMENT ON COLUMN reporting.fee_tiers.maker_ratio IS 'Fee of a maker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent); negative: a rebate.';
COMMENT ON COLUMN reporting.fee_tiers.taker_ratio IS 'Fee of a taker as a fraction of the trade''s value (0.001 is 0.1 %; sent in percent).';
COMMENT ON COLUMN reporting.fee_tiers.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.fee_tiers.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.freshness AS
 SELECT COALESCE(accounts.name, (streams.account_id)::text) AS account,
    streams.account_id,
    streams.stream,
    streams.kind,
    streams.scopes,
    streams.failing_scopes,
    streams.last_success_at,
    (now() - streams.last_success_at) AS age,
    streams.last_attempt_at,
    streams.last_error,
    streams.required_from,
    streams.covered_to,
    (now() - streams.covered_to) AS lag
   FROM (( SELECT progress.account_id,
            progress.stream,
                CASE
                    WHEN bool_or((progress.required_from IS NOT NULL)) THEN 'history'::text
                    ELSE 'snapshot'::text
                END AS kind,
            count(*) AS scopes,
            count(progress.last_error) AS failing_scopes,
                CASE
                    WHEN bool_and((progress.last_success_at IS NOT NULL)) THEN min(progress.last_success_at)
                    ELSE NULL::timestamp with time zone
                END AS last_success_at,
                CASE
                    WHEN bool_and((progress.last_attempt_at IS NOT NULL)) THEN min(progress.last_attempt_at)
                    ELSE NULL::timestamp with time zone
                END AS last_attempt_at,
            (array_agg(progress.last_error ORDER BY progress.last_attempt_at DESC NULLS LAST, progress.scope) FILTER (WHERE (progress.last_error IS NOT NULL)))[1] AS last_error,
            max(progress.required_from) AS required_from,
                CASE
                    WHEN bool_and((newest.covered_to IS NOT NULL)) THEN min(newest.covered_to)
                    ELSE NULL::timestamp with time zone
                END AS covered_to
           FROM (onetrading_sync.progress
             CROSS JOIN LATERAL ( SELECT max(upper(coverage.range)) AS covered_to
                   FROM onetrading_sync.coverage
                  WHERE ((coverage.account_id = progress.account_id) AND (coverage.stream = progress.stream) AND (coverage.scope = progress.scope))) newest)
          WHERE (progress.retired_because IS NULL)
          GROUP BY progress.account_id, progress.stream) streams
     LEFT JOIN onetrading.accounts USING (account_id));
COMMENT ON VIEW reporting.freshness IS 'How current each account''s streams are. Where a stream is asked per instrument, the worst one counts; instruments that are no longer asked do not.
Example:
SELECT account, stream, age, lag, last_error
FROM reporting.freshness WHERE last_error IS NOT NULL OR age > interval ''10 minutes''
ORDER BY age DESC;';
COMMENT ON COLUMN reporting.freshness.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.freshness.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.freshness.stream IS 'What is read, for example trades.';
COMMENT ON COLUMN reporting.freshness.kind IS 'history (read by ranges of time, with coverage) or snapshot (the present state or list).';
COMMENT ON COLUMN reporting.freshness.scopes IS 'How many scopes the row stands for: instruments where it is asked per instrument, else 1.';
COMMENT ON COLUMN reporting.freshness.failing_scopes IS 'How many of them failed in their last pass.';
COMMENT ON COLUMN reporting.freshness.last_success_at IS 'End of the last pass that succeeded; null when one never did (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.age IS 'now() minus last_success_at.';
COMMENT ON COLUMN reporting.freshness.last_attempt_at IS 'End of the last pass, good or bad; null when there was none (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.last_error IS 'Why the last pass failed, of the scope tried last; null when all succeeded (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.required_from IS 'History must be complete from here, for every scope; null for snapshots (onetrading_sync.progress).';
COMMENT ON COLUMN reporting.freshness.covered_to IS 'Newest instant up to which history is proven (exclusive), of the scope that is furthest behind; null for snapshots and when nothing is proven. Older gaps are possible: see coverage_gaps.';
COMMENT ON COLUMN reporting.freshness.lag IS 'now() minus covered_to; the settle time and one poll interval are normal.';
CREATE VIEW reporting.funding_payments AS
 SELECT COALESCE(accounts.name, (payments.account_id)::text) AS account,
    payments.account_id,
    payments.instrument_code,
    assets.quote_code,
    payments.funding_time,
    payments.booked_at,
    payments.amount,
    GREATEST((- payments.amount), (0)::numeric) AS paid,
    GREATEST(payments.amount, (0)::numeric) AS received,
    payments.cash_balance,
    rates.funding_rate,
    rates.mark_price,
    payments.first_seen_at
   FROM (((onetrading.funding_payments payments
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.funding_rates rates USING (instrument_code, funding_time))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = payments.instrument_code) AND (assets.known_from <= payments.funding_time) AND (payments.funding_time < assets.known_to))));
COMMENT ON VIEW reporting.funding_payments IS 'One row per funding booked on an account (GET account/futures/funding-payments), with the settled rate of its funding time: one per account, instrument and funding time. A second, different payment of a funding time is not in here but in late_facts.
Example:
SELECT funding_time, instrument_code, paid, received, funding_rate, mark_price
FROM reporting.funding_payments
WHERE account = ''main'' AND funding_time >= ''2026-03-01 00:00Z'' AND funding_time < ''2026-04-01 00:00Z''
ORDER BY funding_time, instrument_code;';
COMMENT ON COLUMN reporting.funding_payments.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.funding_payments.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.funding_payments.instrument_code IS 'Futures market (the key of the list that held the payment).';
COMMENT ON COLUMN reporting.funding_payments.quote_code IS 'Currency of all amounts and prices of the row, from onetrading.instruments; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.funding_payments.funding_time IS 'Funding time that it belongs to, derived from booked_at: the four-hour grid in UTC, else the whole minute.';
COMMENT ON COLUMN reporting.funding_payments.booked_at IS 'When it was booked, seconds after the funding time (timestamp), to the precision in which it first came.';
COMMENT ON COLUMN reporting.funding_payments.amount IS 'In quote_code, as sent: positive when received, negative when paid (funding_payment).';
COMMENT ON COLUMN reporting.funding_payments.paid IS 'In quote_code, never negative: -amount when amount is negative, else 0.';
COMMENT ON COLUMN reporting.funding_payments.received IS 'In quote_code, never negative: amount when it is positive, else 0.';
COMMENT ON COLUMN reporting.funding_payments.cash_balance IS 'In quote_code: cash after the booking (cash_balance).';
COMMENT ON COLUMN reporting.funding_payments.funding_rate IS 'Settled rate, a fraction per funding period; positive: longs paid shorts (GET funding-rate/history: funding_rate). Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_payments.mark_price IS 'In quote_code: mark price at settlement (GET funding-rate/history: mark_price). Null when not (yet) read.';
COMMENT ON COLUMN reporting.funding_payments.first_seen_at IS 'When it was first stored here; rows from before an upgrade to a version with this column have the time of that upgrade.';
CREATE VIEW reporting.funding_settings AS
 SELECT instrument_code,
    state,
    market_offset,
    clamp_threshold,
    annual_interest_rate,
    cap,
    period_minutes,
    valid_from,
    valid_to
   FROM onetrading.funding_settings;
COMMENT ON VIEW reporting.funding_settings IS 'By what funding rates are computed, over time, one row per futures instrument and version (GET funding-rate/settings).
Example:
SELECT instrument_code, market_offset, clamp_threshold, annual_interest_rate, cap, period_minutes
FROM reporting.funding_settings WHERE valid_to IS NULL ORDER BY instrument_code;';
COMMENT ON COLUMN reporting.funding_settings.instrument_code IS 'Code of the market.';
COMMENT ON COLUMN reporting.funding_settings.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED; null when not sent.';
COMMENT ON COLUMN reporting.funding_settings.market_offset IS 'Seconds after the minute at which the market is computed and settled.';
COMMENT ON COLUMN reporting.funding_settings.clamp_threshold IS 'Largest difference between interest and premium that is evened out, as a fraction.';
COMMENT ON COLUMN reporting.funding_settings.annual_interest_rate IS 'Interest rate, as a fraction per year.';
COMMENT ON COLUMN reporting.funding_settings.cap IS 'Largest absolute funding rate of one period, as a fraction.';
COMMENT ON COLUMN reporting.funding_settings.period_minutes IS 'Minutes of a funding period.';
COMMENT ON COLUMN reporting.funding_settings.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.funding_settings.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.funding_sign AS
 SELECT COALESCE(accounts.name, (judged.account_id)::text) AS account,
    judged.account_id,
    judged.convention,
    count(vote.booked_at) FILTER (WHERE (vote.received_positive = (judged.convention <> 'paid_positive'::text))) AS votes_for,
    count(vote.booked_at) FILTER (WHERE (vote.received_positive <> (judged.convention <> 'paid_positive'::text))) AS votes_against,
    judged.since,
    max(vote.booked_at) AS last_vote_at
   FROM ((( SELECT paying.account_id,
                CASE
                    WHEN (((10 * GREATEST(lately.received, lately.paid)) >= (9 * (lately.received + lately.paid))) AND ((lately.received + lately.paid) >= 3)) THEN held.convention
                    ELSE 'unknown'::text
                END AS convention,
                CASE
                    WHEN (((10 * GREATEST(lately.received, lately.paid)) >= (9 * (lately.received + lately.paid))) AND ((lately.received + lately.paid) >= 3)) THEN held.since
                    ELSE NULL::timestamp with time zone
                END AS since
           FROM ((( SELECT DISTINCT funding_payments.account_id
                   FROM onetrading.funding_payments) paying
             CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE newest.received_positive) AS received,
                    count(*) FILTER (WHERE (NOT newest.received_positive)) AS paid
                   FROM ( SELECT votes.received_positive
                           FROM onetrading.funding_sign_votes votes
                          WHERE (votes.account_id = paying.account_id)
                          ORDER BY votes.booked_at DESC, votes.instrument_code DESC
                         LIMIT 20) newest) lately)
             LEFT JOIN LATERAL ( SELECT conventions.convention,
                    conventions.since
                   FROM onetrading.funding_sign_conventions conventions
                  WHERE (conventions.account_id = paying.account_id)
                  ORDER BY conventions.known_at DESC
                 LIMIT 1) held ON (true))) judged
     LEFT JOIN onetrading.accounts ON ((accounts.account_id = judged.account_id)))
     LEFT JOIN onetrading.funding_sign_votes vote ON (((vote.account_id = judged.account_id) AND (vote.booked_at >= COALESCE(judged.since, '-infinity'::timestamp with time zone)))))
  GROUP BY COALESCE(accounts.name, (judged.account_id)::text), judged.account_id, judged.convention, judged.since;
COMMENT ON VIEW reporting.funding_sign IS 'Which sign funding payments have, which the exchange does not document for sure: judged from cash_balance. Where several instruments are paid at one funding time, the cash after a payment less the cash after the one before it is that payment, as sent or negated, unless a trade or a settlement moved cash in between. Each payment of that kind is a vote; a convention holds when at least three of the last twenty votes and nine tenths of them are for it. A change is noted in onetrading_sync.issues as funding_sign_changed. reporting.funding_payments and the monthly views read amount as received_positive whatever is found here: amount stays as sent.
Example:
SELECT account, convention, votes_for, votes_against, since FROM reporting.funding_sign ORDER BY account;';
COMMENT ON COLUMN reporting.funding_sign.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.funding_sign.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.funding_sign.convention IS 'received_positive (a positive amount came in), paid_positive (a positive amount was paid) or unknown (too few votes, or they do not agree).';
COMMENT ON COLUMN reporting.funding_sign.votes_for IS 'Payments since then that speak for the convention; while it is unknown, all that speak for received_positive.';
COMMENT ON COLUMN reporting.funding_sign.votes_against IS 'Payments since then that speak against it; while it is unknown, all that speak for paid_positive.';
COMMENT ON COLUMN reporting.funding_sign.since IS 'booked_at of the first payment that speaks for the convention that holds now, of those that decided; null while it is unknown.';
COMMENT ON COLUMN reporting.funding_sign.last_vote_at IS 'booked_at of the newest payment that is counted; null without any.';
CREATE VIEW reporting.instruments AS
 SELECT instrument_code,
    base_code,
    quote_code,
    kind,
    state,
    amount_precision,
    market_precision,
    min_size,
    min_price,
    max_price,
    price_collar_percentage,
    contract_expiry_date,
    contract_duration,
    funding_period_minutes,
    market_offset,
    valid_from,
    valid_to
   FROM onetrading.instruments;
COMMENT ON VIEW reporting.instruments IS 'Markets and their rules over time, one row per market and version (GET instruments).
Example:
SELECT instrument_code, state, market_precision, min_size, market_offset, valid_from, valid_to
FROM reporting.instruments ORDER BY instrument_code, valid_from;';
COMMENT ON COLUMN reporting.instruments.instrument_code IS 'Code of the market.';
COMMENT ON COLUMN reporting.instruments.base_code IS 'The asset that is traded.';
COMMENT ON COLUMN reporting.instruments.quote_code IS 'The asset that prices are in.';
COMMENT ON COLUMN reporting.instruments.kind IS 'SPOT, PERP, DATED_FUTURE or EQUITY_FUTURE; all but SPOT are futures.';
COMMENT ON COLUMN reporting.instruments.state IS 'ACTIVE, SUSPENDED, POST_ONLY or CLOSED.';
COMMENT ON COLUMN reporting.instruments.amount_precision IS 'Decimals of amounts.';
COMMENT ON COLUMN reporting.instruments.market_precision IS 'Decimals of prices: the tick size is 10 to the power of minus this.';
COMMENT ON COLUMN reporting.instruments.min_size IS 'Least value of an order, in the quote currency.';
COMMENT ON COLUMN reporting.instruments.min_price IS 'Lowest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN reporting.instruments.max_price IS 'Highest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN reporting.instruments.price_collar_percentage IS 'How far the price of an order may lie from the market, in percent; null when not sent.';
COMMENT ON COLUMN reporting.instruments.contract_expiry_date IS 'When a dated future expires, as sent; null for others.';
COMMENT ON COLUMN reporting.instruments.contract_duration IS 'Term of a dated future, as sent; null for others.';
COMMENT ON COLUMN reporting.instruments.funding_period_minutes IS 'Minutes of a funding period; null for spot markets.';
COMMENT ON COLUMN reporting.instruments.market_offset IS 'Seconds after the minute at which the market is computed and settled; null when not sent.';
COMMENT ON COLUMN reporting.instruments.valid_from IS 'When this version was first observed; before the first version of all, nothing is known.';
COMMENT ON COLUMN reporting.instruments.valid_to IS 'When it was first observed changed or gone; null while in force.';
CREATE VIEW reporting.late_facts AS
 WITH known AS (
         SELECT known_since.since
           FROM onetrading_sync.known_since
          WHERE (known_since.what = 'first_seen_at'::text)
        ), came_late AS (
         SELECT trades.account_id,
            'trades'::text AS stream,
            ''::text AS scope,
            jsonb_build_object('trade_id', trades.trade_id) AS key,
            trades.traded_at AS happened_at,
            trades.first_seen_at,
            trades.raw
           FROM onetrading.trades
          WHERE ((trades.first_seen_at > ( SELECT known.since
                   FROM known)) AND (trades.first_seen_at >= ((date_trunc('month'::text, (trades.traded_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
        UNION ALL
         SELECT funding_payments.account_id,
            'funding_payments'::text,
            ''::text,
            jsonb_build_object('account_id', funding_payments.account_id, 'instrument_code', funding_payments.instrument_code, 'funding_time', ((to_char((funding_payments.funding_time AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS'::text) ||
                CASE
                    WHEN ((EXTRACT(microseconds FROM funding_payments.funding_time) % (1000000)::numeric) <> (0)::numeric) THEN to_char((funding_payments.funding_time AT TIME ZONE 'UTC'::text), '.US'::text)
                    ELSE ''::text
                END) || '+00:00'::text)) AS jsonb_build_object,
            funding_payments.booked_at,
            funding_payments.first_seen_at,
            funding_payments.raw
           FROM onetrading.funding_payments
          WHERE ((funding_payments.first_seen_at > ( SELECT known.since
                   FROM known)) AND (funding_payments.first_seen_at >= ((date_trunc('month'::text, (funding_payments.booked_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid,
            'funding_history'::text,
            funding_rates.instrument_code,
            jsonb_build_object('instrument_code', funding_rates.instrument_code, 'funding_time', ((to_char((funding_rates.funding_time AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS'::text) ||
                CASE
                    WHEN ((EXTRACT(microseconds FROM funding_rates.funding_time) % (1000000)::numeric) <> (0)::numeric) THEN to_char((funding_rates.funding_time AT TIME ZONE 'UTC'::text), '.US'::text)
                    ELSE ''::text
                END) || '+00:00'::text)) AS jsonb_build_object,
            funding_rates.funding_time,
            funding_rates.first_seen_at,
            funding_rates.raw
           FROM onetrading.funding_rates
          WHERE ((funding_rates.first_seen_at > ( SELECT known.since
                   FROM known)) AND (funding_rates.first_seen_at >= ((date_trunc('month'::text, (funding_rates.funding_time AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
        UNION ALL
         SELECT closed_positions.account_id,
            'closed_positions'::text,
            ''::text,
            jsonb_build_object('position_id', closed_positions.position_id) AS jsonb_build_object,
            closed_positions.closed_at,
            closed_positions.first_seen_at,
            closed_positions.raw
           FROM onetrading.closed_positions
          WHERE (closed_positions.first_seen_at >= ((date_trunc('month'::text, (closed_positions.closed_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text))
        ), found AS (
         SELECT came_late.account_id,
            came_late.stream,
            came_late.scope,
            came_late.key,
            came_late.happened_at,
            came_late.first_seen_at,
            'late'::text AS kind,
            NULL::jsonb AS old_record,
            came_late.raw AS new_record,
            came_late.first_seen_at AS noticed_at,
            NULL::timestamp with time zone AS resolved_at
           FROM came_late
        UNION ALL
         SELECT issue.account_id,
            issue.stream,
                CASE
                    WHEN (issue.stream = 'funding_history'::text) THEN (issue.key ->> 'instrument_code'::text)
                    ELSE ''::text
                END AS "case",
            issue.key,
            COALESCE("position".closed_at, issue.happened_at) AS "coalesce",
            COALESCE(trade.first_seen_at, payment.first_seen_at, rate.first_seen_at, "position".first_seen_at, issue.noticed_at) AS "coalesce",
            issue.kind,
            issue.old_record,
            issue.new_record,
            issue.noticed_at,
            issue.resolved_at
           FROM ((((onetrading_sync.issues issue
             LEFT JOIN onetrading.trades trade ON ((trade.trade_id =
                CASE
                    WHEN (issue.stream = 'trades'::text) THEN ((issue.key ->> 'trade_id'::text))::uuid
                    ELSE NULL::uuid
                END)))
             LEFT JOIN onetrading.funding_payments payment ON (((issue.stream = 'funding_payments'::text) AND (payment.account_id = issue.account_id) AND (payment.instrument_code = (issue.key ->> 'instrument_code'::text)) AND (payment.funding_time =
                CASE
                    WHEN (issue.stream = 'funding_payments'::text) THEN ((issue.key ->> 'funding_time'::text))::timestamp with time zone
                    ELSE NULL::timestamp with time zone
                END))))
             LEFT JOIN onetrading.funding_rates rate ON (((issue.stream = 'funding_history'::text) AND (rate.instrument_code = (issue.key ->> 'instrument_code'::text)) AND (rate.funding_time =
                CASE
                    WHEN (issue.stream = 'funding_history'::text) THEN ((issue.key ->> 'funding_time'::text))::timestamp with time zone
                    ELSE NULL::timestamp with time zone
                END))))
             LEFT JOIN onetrading.closed_positions "position" ON (("position".position_id =
                CASE
                    WHEN (issue.stream = 'closed_positions'::text) THEN (issue.key ->> 'position_id'::text)
                    ELSE NULL::text
                END)))
          WHERE ((issue.kind = ANY (ARRAY['changed'::text, 'vanished'::text, 'duplicate_slot'::text, 'twin'::text])) OR ((issue.kind = 'late'::text) AND (issue.noticed_at < ((date_trunc('month'::text, (issue.happened_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))
        )
 SELECT COALESCE(accounts.name, (found.account_id)::text) AS account,
    found.account_id,
    found.stream,
    found.key,
    found.happened_at,
    (date_trunc('month'::text, (found.happened_at AT TIME ZONE 'UTC'::text)))::date AS month,
    found.first_seen_at,
    found.kind,
    found.old_record,
    found.new_record,
    found.noticed_at,
    (found.noticed_at >= ((date_trunc('month'::text, (found.happened_at AT TIME ZONE 'UTC'::text)) + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) AS after_month,
    proven.proven_at,
    found.resolved_at
   FROM ((found
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading_sync.proven_days proven ON (((proven.account_id = found.account_id) AND (proven.stream = found.stream) AND (proven.stream <> 'closed_positions'::text) AND (proven.scope = found.scope) AND (proven.day = ((found.happened_at AT TIME ZONE 'UTC'::text))::date) AND (proven.proven_at < found.noticed_at))));
COMMENT ON VIEW reporting.late_facts IS 'What a closed month has to know: facts that became known after their month was over, facts that were missing when their time had been proven complete, facts that came back different and facts that the exchange no longer shows, whenever that was noticed. History that is read in for the first time long after it happened is late as well; proven_at tells it from a fact that came after its day had been proven complete.
Example:
SELECT account, stream, kind, happened_at, noticed_at, old_record, new_record
FROM reporting.late_facts
WHERE month = ''2026-03-01'' AND noticed_at >= ''2026-04-03 00:00Z'' ORDER BY noticed_at;';
COMMENT ON COLUMN reporting.late_facts.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.late_facts.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.late_facts.stream IS 'What the fact was read with: trades, funding_payments, funding_history or closed_positions; where kind is not late, any stream of history.';
COMMENT ON COLUMN reporting.late_facts.key IS 'What identifies the fact, by column.';
COMMENT ON COLUMN reporting.late_facts.happened_at IS 'When it happened: traded_at, booked_at, funding_time, or closed_at of a position; of other streams the instant that orders their history. Null in the rare case that it is not known of an issue from an earlier version.';
COMMENT ON COLUMN reporting.late_facts.month IS 'First day of the UTC calendar month of happened_at.';
COMMENT ON COLUMN reporting.late_facts.first_seen_at IS 'When the fact was first stored here. What was stored before an upgrade to a version with this column has the time of that upgrade, and is not listed as late.';
COMMENT ON COLUMN reporting.late_facts.kind IS 'late (first seen after its month was over, or as proven history was read again), changed (came back different; new_record replaced old_record), vanished (no longer sent by the exchange; it stays in every table and view), duplicate_slot (a second, different payment of a funding time: old_record counts everywhere, new_record nowhere) or twin (two different records of one fact came together: likewise).';
COMMENT ON COLUMN reporting.late_facts.old_record IS 'The record as sent before; null for late.';
COMMENT ON COLUMN reporting.late_facts.new_record IS 'The record as sent now; null for vanished.';
COMMENT ON COLUMN reporting.late_facts.noticed_at IS 'When this became known: first_seen_at of a late fact, else when the difference was noticed.';
COMMENT ON COLUMN reporting.late_facts.after_month IS 'Whether the month was over when this became known.';
COMMENT ON COLUMN reporting.late_facts.proven_at IS 'When the UTC day of happened_at had been proven complete, if that was before this became known: a report made since then lacks it. Null when the day was not proven by then (history read in for the first time), and of closed positions, which are proven by their opening.';
COMMENT ON COLUMN reporting.late_facts.resolved_at IS 'When a fact that had vanished was sent again; null while it is gone, and for every other kind.';
CREATE VIEW reporting.open_rejects AS
 SELECT rejects.reject_id,
    COALESCE(accounts.name, (rejects.account_id)::text) AS account,
    rejects.account_id,
    rejects.stream,
    rejects.scope,
    rejects.reason,
    rejects.record,
    rejects.first_seen_at,
    (now() - rejects.first_seen_at) AS age,
    rejects.key,
    rejects.happened_at,
        CASE
            WHEN (date_trunc('month'::text, (possible.earliest AT TIME ZONE 'UTC'::text)) = date_trunc('month'::text, (possible.latest AT TIME ZONE 'UTC'::text))) THEN (date_trunc('month'::text, (possible.earliest AT TIME ZONE 'UTC'::text)))::date
            ELSE NULL::date
        END AS month,
    possible.earliest AS possible_from,
    possible.latest AS possible_to
   FROM ((onetrading_sync.rejects
     LEFT JOIN onetrading.accounts USING (account_id))
     CROSS JOIN LATERAL ( SELECT lower(rejects.possible_times) AS earliest,
                CASE
                    WHEN upper_inc(rejects.possible_times) THEN upper(rejects.possible_times)
                    ELSE (upper(rejects.possible_times) - '00:00:00.000001'::interval)
                END AS latest) possible)
  WHERE (rejects.resolved_at IS NULL);
COMMENT ON VIEW reporting.open_rejects IS 'Records of the exchange that could not be read and are missing in every other view until they are. Close no month while it has rows of it. One is resolved when a record of its key loads, or when its time is read again and it is no longer there.
Example:
SELECT account, stream, month, reason, count(*) FROM reporting.open_rejects
GROUP BY account, stream, month, reason ORDER BY count(*) DESC;';
COMMENT ON COLUMN reporting.open_rejects.reject_id IS 'Number of the record here.';
COMMENT ON COLUMN reporting.open_rejects.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.open_rejects.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.open_rejects.stream IS 'What was read, for example trades.';
COMMENT ON COLUMN reporting.open_rejects.scope IS 'Instrument code where the stream is asked per instrument, else empty.';
COMMENT ON COLUMN reporting.open_rejects.reason IS 'Why the record could not be read.';
COMMENT ON COLUMN reporting.open_rejects.record IS 'The record as sent.';
COMMENT ON COLUMN reporting.open_rejects.first_seen_at IS 'When it first came.';
COMMENT ON COLUMN reporting.open_rejects.age IS 'now() minus first_seen_at.';
COMMENT ON COLUMN reporting.open_rejects.key IS 'What identifies it at the exchange, column to text; null where that cannot be read.';
COMMENT ON COLUMN reporting.open_rejects.happened_at IS 'When it happened, as the record says, even where that cannot be (a trade of the year 9999); null where it cannot be read.';
COMMENT ON COLUMN reporting.open_rejects.month IS 'First day of the month (UTC) in which it happened; null where it can be of several months, and for what is not history (a balance, an instrument).';
COMMENT ON COLUMN reporting.open_rejects.possible_from IS 'Earliest instant at which it can have happened; null for what is not history, and where nothing is known.';
COMMENT ON COLUMN reporting.open_rejects.possible_to IS 'Latest instant at which it can have happened; null as possible_from.';
CREATE VIEW reporting.month_close AS
 WITH possible AS (
         SELECT rejects_1.account_id,
            rejects_1.stream,
            rejects_1.first_seen_at,
            COALESCE(rejects_1.possible_from,
                CASE
                    WHEN ((rejects_1.possible_to IS NOT NULL) OR (EXISTS ( SELECT
                       FROM onetrading_sync.progress history
                      WHERE ((history.account_id = rejects_1.account_id) AND (history.stream = rejects_1.stream) AND (history.required_from IS NOT NULL))))) THEN '-infinity'::timestamp with time zone
                    ELSE rejects_1.first_seen_at
                END) AS possible_from,
            COALESCE(rejects_1.possible_to, rejects_1.first_seen_at) AS possible_to
           FROM reporting.open_rejects rejects_1
        ), scopes AS (
         SELECT progress.account_id,
            progress.stream,
            progress.scope,
            progress.settle,
            progress.required_from,
            proven.ranges,
            progress.stream_from,
            COALESCE((progress.asked_from < progress.served_from), false) AS unserved,
                CASE
                    WHEN ((accounts.left_at IS NOT NULL) OR (((now() - progress.settle) - upper(proven.ranges)) <= GREATEST(((5)::double precision * (progress.next_due_at - progress.last_attempt_at)), '00:15:00'::interval))) THEN LEAST(upper(proven.ranges), (now() - progress.settle))
                    ELSE (now() - progress.settle)
                END AS due_to
           FROM ((( SELECT progress_1.account_id,
                    progress_1.stream,
                    progress_1.scope,
                    progress_1.required_from,
                    progress_1.settle,
                    progress_1.last_attempt_at,
                    progress_1.last_success_at,
                    progress_1.next_due_at,
                    progress_1.last_error,
                    progress_1.retired_because,
                    progress_1.asked_from,
                    progress_1.served_from,
                    progress_1.served_asked_at,
                    min(progress_1.required_from) OVER (PARTITION BY progress_1.account_id, progress_1.stream) AS stream_from
                   FROM onetrading_sync.progress progress_1) progress
             CROSS JOIN LATERAL ( SELECT COALESCE(range_agg(coverage_1.range), '{}'::tstzmultirange) AS ranges
                   FROM onetrading_sync.coverage coverage_1
                  WHERE ((coverage_1.account_id = progress.account_id) AND (coverage_1.stream = progress.stream) AND (coverage_1.scope = progress.scope))) proven)
             LEFT JOIN onetrading.accounts USING (account_id))
          WHERE ((progress.required_from IS NOT NULL) AND (progress.retired_because IS NULL))
        ), spans AS (
         SELECT known.account_id,
            accounts.name,
            accounts.first_seen_at,
            required.required_from,
            date_trunc('month'::text, (LEAST(required.required_from, facts.first_fact) AT TIME ZONE 'UTC'::text)) AS first_month,
            date_trunc('month'::text, (LEAST(now(), accounts.left_at) AT TIME ZONE 'UTC'::text)) AS last_month
           FROM (((( SELECT accounts_1.account_id
                   FROM onetrading.accounts accounts_1
                UNION
                 SELECT progress.account_id
                   FROM onetrading_sync.progress) known
             LEFT JOIN onetrading.accounts USING (account_id))
             LEFT JOIN ( SELECT scopes.account_id,
                    min(scopes.required_from) AS required_from
                   FROM scopes
                  GROUP BY scopes.account_id) required USING (account_id))
             CROSS JOIN LATERAL ( SELECT LEAST(( SELECT min(trades.traded_at) AS min
                           FROM onetrading.trades
                          WHERE (trades.account_id = known.account_id)), ( SELECT min(payments.booked_at) AS min
                           FROM onetrading.funding_payments payments
                          WHERE (payments.account_id = known.account_id)), ( SELECT min(funding_rates.funding_time) AS min
                           FROM onetrading.funding_rates
                          WHERE (known.account_id = '00000000-0000-0000-0000-000000000000'::uuid)), ( SELECT min(possible.possible_from) AS min
                           FROM possible
                          WHERE ((possible.account_id = known.account_id) AND (possible.possible_from > '-infinity'::timestamp with time zone)))) AS first_fact) facts)
        ), months AS (
         SELECT spans.account_id,
            COALESCE(spans.name, (spans.account_id)::text) AS account,
            spans.first_seen_at,
            (series.starts)::date AS month,
            (series.starts AT TIME ZONE 'UTC'::text) AS starts_at,
            ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text) AS ends_at
           FROM (spans
             CROSS JOIN LATERAL generate_series(spans.first_month, spans.last_month, '1 mon'::interval) series(starts))
          WHERE ((((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text) > spans.required_from) OR (EXISTS ( SELECT
                   FROM onetrading.trades
                  WHERE ((trades.account_id = spans.account_id) AND (trades.traded_at >= (series.starts AT TIME ZONE 'UTC'::text)) AND (trades.traded_at < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))) OR (EXISTS ( SELECT
                   FROM onetrading.funding_payments payments
                  WHERE ((payments.account_id = spans.account_id) AND (payments.booked_at >= (series.starts AT TIME ZONE 'UTC'::text)) AND (payments.booked_at < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))) OR (EXISTS ( SELECT
                   FROM onetrading.funding_rates
                  WHERE ((spans.account_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (funding_rates.funding_time >= (series.starts AT TIME ZONE 'UTC'::text)) AND (funding_rates.funding_time < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text))))) OR (EXISTS ( SELECT
                   FROM possible
                  WHERE ((possible.account_id = spans.account_id) AND (possible.possible_from > '-infinity'::timestamp with time zone) AND (possible.possible_from < ((series.starts + '1 mon'::interval) AT TIME ZONE 'UTC'::text)) AND (possible.possible_to >= (series.starts AT TIME ZONE 'UTC'::text))))))
        ), missing AS (
         SELECT months_1.account_id,
            months_1.month,
            scopes.stream,
            min(scopes.due_to) AS due_to,
            (min(scopes.stream_from) > months_1.starts_at) AS begins_late,
            bool_or(scopes.unserved) AS unserved,
            sum(EXTRACT(epoch FROM (upper(gaps.gap) - lower(gaps.gap)))) AS seconds,
            min(lower(gaps.gap)) AS gap_from,
            max(upper(gaps.gap)) AS gap_to,
            min((lower(gaps.gap) + scopes.settle)) AS since
           FROM (((months months_1
             JOIN scopes USING (account_id))
             CROSS JOIN LATERAL ( SELECT
                        CASE
                            WHEN (scopes.required_from > (scopes.stream_from + '1 day'::interval)) THEN GREATEST(months_1.starts_at, scopes.required_from)
                            ELSE months_1.starts_at
                        END AS wanted_from,
                    LEAST(months_1.ends_at, scopes.due_to) AS wanted_to) wanted)
             LEFT JOIN LATERAL unnest((tstzmultirange(tstzrange(LEAST(wanted.wanted_from, wanted.wanted_to), wanted.wanted_to)) - scopes.ranges)) gaps(gap) ON (true))
          GROUP BY months_1.account_id, months_1.month, months_1.starts_at, scopes.stream
        ), coverage AS (
         SELECT missing.account_id,
            missing.month,
            sum(missing.seconds) AS seconds,
            min(missing.due_to) AS due_to,
            min(missing.since) AS since,
            bool_or((missing.begins_late AND (missing.seconds > (0)::numeric))) AS begins_late,
            string_agg(missing.stream, ', '::text ORDER BY missing.stream) AS streams,
            string_agg((format('%s: not proven complete from %s to %s'::text, missing.stream, to_char((missing.gap_from AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((missing.gap_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)) ||
                CASE
                    WHEN (missing.begins_late AND missing.unserved) THEN ', because the exchange does not serve what is that old'::text
                    WHEN missing.begins_late THEN ', because its history is required from later on (ONETRADING_HISTORY_START)'::text
                    ELSE ''::text
                END), '; '::text ORDER BY missing.stream) FILTER (WHERE (missing.seconds > (0)::numeric)) AS gaps
           FROM missing
          GROUP BY missing.account_id, missing.month
        ), rejects AS (
         SELECT months_1.account_id,
            months_1.month,
            count(*) AS records,
            min(rejects_1.first_seen_at) AS since,
            string_agg(DISTINCT rejects_1.stream, ', '::text ORDER BY rejects_1.stream) AS streams
           FROM (months months_1
             JOIN possible rejects_1 ON (((rejects_1.account_id = months_1.account_id) AND (rejects_1.possible_from < months_1.ends_at) AND (rejects_1.possible_to >= months_1.starts_at))))
          GROUP BY months_1.account_id, months_1.month
        )
 SELECT months.account,
    months.account_id,
    months.month,
    'UTC'::text AS zone,
    checks.check_name,
    checks.state,
    checks.difference,
    NULL::text AS currency,
        CASE
            WHEN (checks.state = 'failing'::text) THEN checks.failing_since
            ELSE NULL::timestamp with time zone
        END AS failing_since,
    checks.detail,
    checks.rows_to_look_at
   FROM (((months
     LEFT JOIN coverage USING (account_id, month))
     LEFT JOIN rejects USING (account_id, month))
     CROSS JOIN LATERAL ( SELECT 'coverage'::text AS check_name,
                CASE
                    WHEN (coverage.streams IS NULL) THEN 'not_applicable'::text
                    WHEN (coverage.seconds > (0)::numeric) THEN 'failing'::text
                    WHEN (coverage.due_to < months.ends_at) THEN 'open'::text
                    ELSE 'ok'::text
                END AS state,
                CASE
                    WHEN (coverage.streams IS NOT NULL) THEN COALESCE(coverage.seconds, (0)::numeric)
                    ELSE NULL::numeric
                END AS difference,
            GREATEST(coverage.since, months.first_seen_at) AS failing_since,
                CASE
                    WHEN (coverage.streams IS NULL) THEN 'no history is read of this account'::text
                    WHEN (coverage.seconds > (0)::numeric) THEN coverage.gaps
                    WHEN (coverage.due_to < months.ends_at) THEN format('proven complete until %s: %s'::text, to_char((coverage.due_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), coverage.streams)
                    ELSE format('proven complete: %s'::text, coverage.streams)
                END AS detail,
                CASE
                    WHEN coverage.begins_late THEN format('SELECT account, stream, required_from, covered_to FROM reporting.freshness WHERE account_id = %L AND kind = ''history'' ORDER BY stream'::text, months.account_id)
                    ELSE format('SELECT stream, scope, gap_start, gap_end, gap FROM reporting.coverage_gaps WHERE account_id = %L AND gap_start < %L AND gap_end > %L ORDER BY gap_start, stream, scope'::text, months.account_id, to_char((months.ends_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((months.starts_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text))
                END AS rows_to_look_at
        UNION ALL
         SELECT 'rejects'::text,
                CASE
                    WHEN (rejects.records > 0) THEN 'failing'::text
                    WHEN (months.ends_at > now()) THEN 'open'::text
                    ELSE 'ok'::text
                END AS "case",
            COALESCE(rejects.records, (0)::bigint) AS "coalesce",
            rejects.since,
                CASE
                    WHEN (rejects.records > 0) THEN format('%s records could not be read: %s'::text, rejects.records, rejects.streams)
                    ELSE 'every record that was sent could be read'::text
                END AS "case",
            format('SELECT reject_id, stream, reason, record, happened_at, first_seen_at FROM reporting.open_rejects WHERE account_id = %1$L AND coalesce(possible_to, first_seen_at) >= %2$L AND coalesce(possible_from, CASE WHEN possible_to IS NULL AND stream NOT IN (SELECT stream FROM reporting.freshness WHERE account_id = %1$L AND kind = ''history'') THEN first_seen_at ELSE ''-infinity'' END) < %3$L ORDER BY reject_id'::text, months.account_id, to_char((months.starts_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text), to_char((months.ends_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS"Z"'::text)) AS format) checks);
COMMENT ON VIEW reporting.month_close IS 'Whether a month is complete, per account and check: the only place that judges it. A month is complete when none of its rows is failing or open. Streams that the account cannot have (futures of a spot account) and instruments that are no longer asked are not counted; what is read without a token is judged as account "public".
Example:
SELECT account, check_name, state, difference, detail, rows_to_look_at
FROM reporting.month_close WHERE month = ''2026-03-01'' ORDER BY account, check_name;';
COMMENT ON COLUMN reporting.month_close.account IS 'Configured name of the account; "public" for what is read without a token; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.month_close.account_id IS 'Identity of the account at the exchange; all zeros for public.';
COMMENT ON COLUMN reporting.month_close.month IS 'First day of the calendar month: every month that has facts or must be complete, until the current one; of an account that is no longer configured, until the month in which it left.';
COMMENT ON COLUMN reporting.month_close.zone IS 'Time zone in which the month begins and ends.';
COMMENT ON COLUMN reporting.month_close.check_name IS 'coverage (all history of the month is proven complete) or rejects (no record of it is left that could not be read).';
COMMENT ON COLUMN reporting.month_close.state IS 'ok; open (the month is not over, or its end is not proven yet, and nothing is wrong so far); failing; not_applicable (the account has nothing that could be checked).';
COMMENT ON COLUMN reporting.month_close.difference IS 'How much is wrong: of coverage the seconds that should be proven and are not, summed over streams and scopes; of rejects the number of records. 0 when nothing is; null where the check is not applicable.';
COMMENT ON COLUMN reporting.month_close.currency IS 'Currency of difference; null where it is not an amount of money.';
COMMENT ON COLUMN reporting.month_close.failing_since IS 'Since when the check fails: when the first missing instant should have been proven, or the first record was rejected; null when it does not fail.';
COMMENT ON COLUMN reporting.month_close.detail IS 'The state in words: which streams, from when to when.';
COMMENT ON COLUMN reporting.month_close.rows_to_look_at IS 'A query that shows what is behind the state, as text; onetrading_reader may run it.';
CREATE VIEW reporting.monthly_fees AS
 SELECT account,
    account_id,
    month,
    instrument_code,
    quote_code,
    currency,
    liquidity,
    fees_paid,
    rebates_received,
    net_fees,
    trade_count,
    trades_without_fee,
    quote_volume,
        CASE
            WHEN (quote_volume > (0)::numeric) THEN round((((10000)::numeric * fee_in_quote) / quote_volume), 4)
            ELSE NULL::numeric
        END AS effective_bps,
    fee_in_quote
   FROM ( SELECT COALESCE(accounts.name, (sums.account_id)::text) AS account,
            sums.account_id,
            sums.month,
            sums.instrument_code,
            sums.quote_code,
            sums.fee_currency AS currency,
            sums.liquidity,
                CASE
                    WHEN (sum(sums.fees_told) > (0)::numeric) THEN COALESCE(sum(sums.fees_paid), (0)::numeric)
                    ELSE NULL::numeric
                END AS fees_paid,
                CASE
                    WHEN (sum(sums.fees_told) > (0)::numeric) THEN COALESCE(sum(sums.fees_received), (0)::numeric)
                    ELSE NULL::numeric
                END AS rebates_received,
                CASE
                    WHEN (sum(sums.fees_told) > (0)::numeric) THEN (COALESCE(sum(sums.fees_paid), (0)::numeric) - COALESCE(sum(sums.fees_received), (0)::numeric))
                    ELSE NULL::numeric
                END AS net_fees,
            (sum(sums.trades))::bigint AS trade_count,
            (sum((sums.trades - sums.fees_told)))::bigint AS trades_without_fee,
            sum(sums.quote_amount) AS quote_volume,
                CASE
                    WHEN (sum((sums.trades - sums.fees_told)) > (0)::numeric) THEN NULL::numeric
                    WHEN (sums.fee_currency = sums.quote_code) THEN (COALESCE(sum(sums.fees_paid), (0)::numeric) - COALESCE(sum(sums.fees_received), (0)::numeric))
                    WHEN bool_and((sums.fee_currency = sums.base_code)) THEN sum(sums.fees_at_price)
                    ELSE NULL::numeric
                END AS fee_in_quote
           FROM (onetrading.monthly_trades sums
             LEFT JOIN onetrading.accounts USING (account_id))
          GROUP BY COALESCE(accounts.name, (sums.account_id)::text), sums.account_id, sums.month, sums.instrument_code, sums.quote_code, sums.fee_currency, sums.liquidity) fees;
COMMENT ON VIEW reporting.monthly_fees IS 'Trading fees per UTC month of traded_at, market, fee currency and liquidity, from onetrading.trades. Paid and received are never netted, except in net_fees and fee_in_quote.
Example:
SELECT month, currency, sum(fees_paid) AS fees_paid, sum(rebates_received) AS rebates_received
FROM reporting.monthly_fees WHERE account = ''main''
GROUP BY month, currency ORDER BY month, currency;';
COMMENT ON COLUMN reporting.monthly_fees.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.monthly_fees.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.monthly_fees.month IS 'First day of the UTC calendar month in which the trades happened.';
COMMENT ON COLUMN reporting.monthly_fees.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.monthly_fees.quote_code IS 'Currency of quote_volume; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_fees.currency IS 'Currency of the fees (fee.fee_currency); null when not sent.';
COMMENT ON COLUMN reporting.monthly_fees.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.monthly_fees.fees_paid IS 'Gross, in units of currency, never negative: the sum of positive fee_amount; null when no trade of the row told its fee.';
COMMENT ON COLUMN reporting.monthly_fees.rebates_received IS 'Gross, in units of currency, never negative: the sum of negative fee_amount without its sign; null when no trade of the row told its fee.';
COMMENT ON COLUMN reporting.monthly_fees.net_fees IS 'fees_paid minus rebates_received: positive when more was paid than received.';
COMMENT ON COLUMN reporting.monthly_fees.trade_count IS 'Number of trades.';
COMMENT ON COLUMN reporting.monthly_fees.trades_without_fee IS 'How many of them told no fee; 0 is normal.';
COMMENT ON COLUMN reporting.monthly_fees.quote_volume IS 'Sum of quote_amount, in quote_code, without fees.';
COMMENT ON COLUMN reporting.monthly_fees.effective_bps IS 'fee_in_quote per quote_volume in basis points (0.01 %), rounded to 4 decimals, negative for a net rebate; null where fee_in_quote is null.';
COMMENT ON COLUMN reporting.monthly_fees.fee_in_quote IS 'net_fees in quote_code: itself, or the sum of fee times price, exactly, where the fees were in the base asset (spot buys). Null when a fee was not told or is in another currency, or the instrument is unknown.';
CREATE VIEW reporting.monthly_funding AS
 SELECT account,
    account_id,
    (date_trunc('month'::text, (funding_time AT TIME ZONE 'UTC'::text)))::date AS month,
    instrument_code,
    quote_code,
    count(*) AS payments,
    sum(paid) AS paid,
    sum(received) AS received,
    sum(amount) AS net
   FROM reporting.funding_payments
  GROUP BY account, account_id, ((date_trunc('month'::text, (funding_time AT TIME ZONE 'UTC'::text)))::date), instrument_code, quote_code;
COMMENT ON VIEW reporting.monthly_funding IS 'Funding per UTC month of funding_time and market, from reporting.funding_payments. Paid and received are never netted, except in net.
Example:
SELECT month, instrument_code, payments, paid, received, net, quote_code
FROM reporting.monthly_funding WHERE account = ''main'' ORDER BY month, instrument_code;';
COMMENT ON COLUMN reporting.monthly_funding.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.monthly_funding.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.monthly_funding.month IS 'First day of the UTC calendar month of funding_time. The payment of midnight on the first counts for the month that begins, though it settles the hours before.';
COMMENT ON COLUMN reporting.monthly_funding.instrument_code IS 'Futures market.';
COMMENT ON COLUMN reporting.monthly_funding.quote_code IS 'Currency of paid, received and net; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_funding.payments IS 'Number of payments, paid and received together.';
COMMENT ON COLUMN reporting.monthly_funding.paid IS 'Gross, in quote_code, never negative.';
COMMENT ON COLUMN reporting.monthly_funding.received IS 'Gross, in quote_code, never negative.';
COMMENT ON COLUMN reporting.monthly_funding.net IS 'received minus paid, in quote_code: positive when more was received than paid.';
CREATE VIEW reporting.monthly_turnover AS
 SELECT COALESCE(accounts.name, (sums.account_id)::text) AS account,
    sums.account_id,
    sums.month,
    sums.instrument_code,
    sums.base_code,
    sums.quote_code,
    sums.side,
    sums.liquidity,
    (sum(sums.trades))::bigint AS trades,
    sum(sums.base_amount) AS base_amount,
    sum(sums.quote_amount) AS quote_amount
   FROM (onetrading.monthly_trades sums
     LEFT JOIN onetrading.accounts USING (account_id))
  GROUP BY COALESCE(accounts.name, (sums.account_id)::text), sums.account_id, sums.month, sums.instrument_code, sums.base_code, sums.quote_code, sums.side, sums.liquidity;
COMMENT ON VIEW reporting.monthly_turnover IS 'Traded amounts per UTC month of traded_at, market, side and liquidity, from onetrading.trades.
Example:
SELECT month, quote_code, sum(trades) AS trades, sum(quote_amount) AS turnover
FROM reporting.monthly_turnover WHERE account = ''main''
GROUP BY month, quote_code ORDER BY month, quote_code;';
COMMENT ON COLUMN reporting.monthly_turnover.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.monthly_turnover.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.monthly_turnover.month IS 'First day of the UTC calendar month in which the trades happened.';
COMMENT ON COLUMN reporting.monthly_turnover.instrument_code IS 'Market.';
COMMENT ON COLUMN reporting.monthly_turnover.base_code IS 'Asset of base_amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_turnover.quote_code IS 'Currency of quote_amount; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.monthly_turnover.side IS 'BUY or SELL, of the account.';
COMMENT ON COLUMN reporting.monthly_turnover.liquidity IS 'MAKER or TAKER; null when not sent.';
COMMENT ON COLUMN reporting.monthly_turnover.trades IS 'Number of trades.';
COMMENT ON COLUMN reporting.monthly_turnover.base_amount IS 'Sum of amount, in base_code; no sign, side carries it.';
COMMENT ON COLUMN reporting.monthly_turnover.quote_amount IS 'Sum of quote_amount, in quote_code, without fees; no sign, side carries it.';
CREATE VIEW reporting.trades AS
 SELECT trades.trade_id,
    trades.order_id,
    COALESCE(accounts.name, (trades.account_id)::text) AS account,
    trades.account_id,
    trades.instrument_code,
    assets.base_code,
    assets.quote_code,
    trades.side,
    trades.price,
    trades.amount,
    trades.quote_amount,
    trades.fee_amount,
    trades.fee_currency,
    trades.liquidity,
    trades.order_source,
    trades.sequence,
    trades.traded_at,
    trades.traded_at_nanos,
    ((trades.traded_at AT TIME ZONE 'UTC'::text))::date AS traded_on,
        CASE trades.fee_currency
            WHEN assets.quote_code THEN trades.fee_amount
            WHEN assets.base_code THEN (trades.fee_amount * trades.price)
            ELSE NULL::numeric
        END AS fee_in_quote,
    trades.first_seen_at
   FROM ((onetrading.trades
     LEFT JOIN onetrading.accounts USING (account_id))
     LEFT JOIN onetrading.instrument_assets assets ON (((assets.instrument_code = trades.instrument_code) AND (assets.known_from <= trades.traded_at) AND (trades.traded_at < assets.known_to))));
COMMENT ON VIEW reporting.trades IS 'One row per trade of an account (GET account/trades). A taker''s row may stand for several fills at their average price. Several trades of one instant are common: order by traded_at_nanos, sequence, trade_id.
Example:
SELECT traded_at, instrument_code, side, price, amount, fee_amount, fee_currency
FROM reporting.trades
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
ORDER BY traded_at_nanos, sequence, trade_id;';
COMMENT ON COLUMN reporting.trades.trade_id IS 'Identity of the trade (trade.trade_id).';
COMMENT ON COLUMN reporting.trades.order_id IS 'Order that it filled (trade.order_id); null when not sent.';
COMMENT ON COLUMN reporting.trades.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.trades.account_id IS 'Identity of the account at the exchange (trade.account_id).';
COMMENT ON COLUMN reporting.trades.instrument_code IS 'Market (trade.instrument_code).';
COMMENT ON COLUMN reporting.trades.base_code IS 'Asset that amount counts, from onetrading.instruments at the time of the trade; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trades.quote_code IS 'Currency of price and quote_amount, from onetrading.instruments at the time of the trade; null when the instrument is unknown.';
COMMENT ON COLUMN reporting.trades.side IS 'BUY or SELL, of the account (trade.side).';
COMMENT ON COLUMN reporting.trades.price IS 'In quote_code per unit of base_code (trade.price).';
COMMENT ON COLUMN reporting.trades.amount IS 'In base_code; no sign, side carries it (trade.amount).';
COMMENT ON COLUMN reporting.trades.quote_amount IS 'In quote_code, without fee; no sign. Exactly price times amount.';
COMMENT ON COLUMN reporting.trades.fee_amount IS 'In fee_currency: positive when paid, negative when received as a rebate (fee.fee_amount); null when not sent.';
COMMENT ON COLUMN reporting.trades.fee_currency IS 'Currency of fee_amount (fee.fee_currency).';
COMMENT ON COLUMN reporting.trades.liquidity IS 'MAKER or TAKER (trade.matched_as); null when not sent.';
COMMENT ON COLUMN reporting.trades.order_source IS 'Where the order came from, for example API (trade.order_type).';
COMMENT ON COLUMN reporting.trades.sequence IS 'The exchange''s own count (trade.sequence), which orders the trades of one instant; null when not sent.';
COMMENT ON COLUMN reporting.trades.traded_at IS 'When it happened, cut (never rounded up) to the microsecond (trade.time_nanos, else trade.time).';
COMMENT ON COLUMN reporting.trades.traded_at_nanos IS 'The same instant in full: nanoseconds since 1970-01-01 UTC.';
COMMENT ON COLUMN reporting.trades.traded_on IS 'UTC day of traded_at.';
COMMENT ON COLUMN reporting.trades.fee_in_quote IS 'fee_amount in quote_code: itself, or times price, exactly, where it was in base_code; positive when paid, negative when received. Null when the fee was not sent or is in another currency.';
COMMENT ON COLUMN reporting.trades.first_seen_at IS 'When it was first stored here; rows from before an upgrade to a version with this column have the time of that upgrade.';
ALTER TABLE ONLY onetrading.account_fee_tiers
    ADD CONSTRAINT account_fee_tiers_pkey PRIMARY KEY (account_id, fee_group, valid_from);
ALTER TABLE ONLY onetrading.accounts
    ADD CONSTRAINT accounts_name_key UNIQUE (name);
ALTER TABLE ONLY onetrading.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading.balances
    ADD CONSTRAINT balances_pkey PRIMARY KEY (snapshot_id, currency_code);
ALTER TABLE ONLY onetrading.candlesticks
    ADD CONSTRAINT candlesticks_pkey PRIMARY KEY (instrument_code, granularity, start_time);
ALTER TABLE ONLY onetrading.closed_positions
    ADD CONSTRAINT closed_positions_pkey PRIMARY KEY (position_id);
ALTER TABLE ONLY onetrading.currencies
    ADD CONSTRAINT currencies_pkey PRIMARY KEY (currency_code, valid_from);
ALTER TABLE ONLY onetrading.exchange_rates
    ADD CONSTRAINT exchange_rates_pkey PRIMARY KEY (base_code, quote_code, day, source);
ALTER TABLE ONLY onetrading.external_lots
    ADD CONSTRAINT external_lots_pkey PRIMARY KEY (account_id, reference);
ALTER TABLE ONLY onetrading.external_movements
    ADD CONSTRAINT external_movements_pkey PRIMARY KEY (account_id, reference);
ALTER TABLE ONLY onetrading.fee_tiers
    ADD CONSTRAINT fee_tiers_pkey PRIMARY KEY (fee_group, min_volume, valid_from);
ALTER TABLE ONLY onetrading.funding_payments
    ADD CONSTRAINT funding_payments_pkey PRIMARY KEY (account_id, instrument_code, funding_time);
ALTER TABLE ONLY onetrading.funding_rate_samples
    ADD CONSTRAINT funding_rate_samples_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.funding_rates
    ADD CONSTRAINT funding_rates_pkey PRIMARY KEY (instrument_code, funding_time);
ALTER TABLE ONLY onetrading.funding_settings
    ADD CONSTRAINT funding_settings_pkey PRIMARY KEY (instrument_code, valid_from);
ALTER TABLE ONLY onetrading.instruments
    ADD CONSTRAINT instruments_pkey PRIMARY KEY (instrument_code, valid_from);
ALTER TABLE ONLY onetrading.order_events
    ADD CONSTRAINT order_events_pkey PRIMARY KEY (order_id, status, filled_amount);
ALTER TABLE ONLY onetrading.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (order_id);
ALTER TABLE ONLY onetrading.portfolios
    ADD CONSTRAINT portfolios_pkey PRIMARY KEY (snapshot_id, account_id);
ALTER TABLE ONLY onetrading.position_funding_payments
    ADD CONSTRAINT position_funding_payments_pkey PRIMARY KEY (position_id, booked_at);
ALTER TABLE ONLY onetrading.position_trades
    ADD CONSTRAINT position_trades_pkey PRIMARY KEY (position_id, trade_id);
ALTER TABLE ONLY onetrading.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (snapshot_id, instrument_code, direction);
ALTER TABLE ONLY onetrading.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (snapshot_id);
ALTER TABLE ONLY onetrading.tickers
    ADD CONSTRAINT tickers_pkey PRIMARY KEY (snapshot_id, instrument_code);
ALTER TABLE ONLY onetrading.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (trade_id);
ALTER TABLE ONLY onetrading.zones
    ADD CONSTRAINT zones_pkey PRIMARY KEY (zone);
ALTER TABLE ONLY onetrading_sync.closings
    ADD CONSTRAINT closings_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading_sync.counted_positions
    ADD CONSTRAINT counted_positions_pkey PRIMARY KEY (position_id);
ALTER TABLE ONLY onetrading_sync.counting
    ADD CONSTRAINT counting_pkey PRIMARY KEY (account_id, stream);
ALTER TABLE ONLY onetrading_sync.coverage
    ADD CONSTRAINT coverage_account_id_stream_scope_range_excl EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&);
ALTER TABLE ONLY onetrading_sync.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (account_id, stream, kind, path, sample);
ALTER TABLE ONLY onetrading_sync.issues
    ADD CONSTRAINT issues_pkey PRIMARY KEY (issue_id);
ALTER TABLE ONLY onetrading_sync.known_since
    ADD CONSTRAINT known_since_pkey PRIMARY KEY (what);
ALTER TABLE ONLY onetrading_sync.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY onetrading_sync.position_details
    ADD CONSTRAINT position_details_pkey PRIMARY KEY (account_id, stream, position_id);
ALTER TABLE ONLY onetrading_sync.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (account_id, stream, scope);
ALTER TABLE ONLY onetrading_sync.proven_days
    ADD CONSTRAINT proven_days_pkey PRIMARY KEY (account_id, stream, scope, day);
ALTER TABLE ONLY onetrading_sync.rejects
    ADD CONSTRAINT rejects_account_id_stream_record_hash_key UNIQUE (account_id, stream, record_hash);
ALTER TABLE ONLY onetrading_sync.rejects
    ADD CONSTRAINT rejects_pkey PRIMARY KEY (reject_id);
ALTER TABLE ONLY onetrading_sync.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY onetrading_sync.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY onetrading_sync.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY onetrading_sync.totals
    ADD CONSTRAINT totals_pkey PRIMARY KEY (account_id, stream, metric, labels);
ALTER TABLE ONLY onetrading_sync.verified
    ADD CONSTRAINT verified_account_id_stream_scope_range_excl EXCLUDE USING gist (account_id WITH =, stream WITH =, scope WITH =, range WITH &&);
CREATE UNIQUE INDEX account_fee_tiers_current ON onetrading.account_fee_tiers USING btree (account_id, fee_group) WHERE (valid_to IS NULL);
CREATE INDEX balances_by_currency ON onetrading.balances USING btree (account_id, currency_code, snapshot_id);
CREATE INDEX candlesticks_by_end ON onetrading.candlesticks USING btree (instrument_code, granularity, end_time);
CREATE INDEX closed_positions_by_closing ON onetrading.closed_positions USING btree (account_id, closed_at);
CREATE UNIQUE INDEX currencies_current ON onetrading.currencies USING btree (currency_code) WHERE (valid_to IS NULL);
CREATE INDEX external_lots_by_time ON onetrading.external_lots USING btree (account_id, acquired_at);
CREATE INDEX external_movements_by_time ON onetrading.external_movements USING btree (account_id, moved_at);
CREATE UNIQUE INDEX fee_tiers_current ON onetrading.fee_tiers USING btree (fee_group, min_volume) WHERE (valid_to IS NULL);
CREATE INDEX funding_payments_by_time ON onetrading.funding_payments USING btree (account_id, booked_at);
CREATE INDEX funding_rates_by_time ON onetrading.funding_rates USING btree (funding_time);
CREATE UNIQUE INDEX funding_settings_current ON onetrading.funding_settings USING btree (instrument_code) WHERE (valid_to IS NULL);
CREATE UNIQUE INDEX instruments_current ON onetrading.instruments USING btree (instrument_code) WHERE (valid_to IS NULL);
CREATE INDEX order_events_by_account ON onetrading.order_events USING btree (account_id, first_seen_at);
CREATE INDEX orders_by_account ON onetrading.orders USING btree (account_id, created_at);
CREATE INDEX orders_open ON onetrading.orders USING btree (account_id) WHERE is_open;
CREATE INDEX orders_unchecked ON onetrading.orders USING btree (account_id, created_at) WHERE (NOT trades_checked);
CREATE INDEX orders_unknown ON onetrading.orders USING btree (account_id) WHERE (is_open IS NULL);
CREATE INDEX position_funding_payments_by_slot ON onetrading.position_funding_payments USING btree (account_id, instrument_code, funding_time);
CREATE INDEX position_trades_by_trade ON onetrading.position_trades USING btree (trade_id);
CREATE INDEX snapshots_by_start ON onetrading.snapshots USING btree (account_id, stream, first_observed_at, snapshot_id);
CREATE INDEX trades_by_account ON onetrading.trades USING btree (account_id, traded_at);
CREATE INDEX trades_by_first_seen ON onetrading.trades USING brin (first_seen_at);
CREATE INDEX trades_by_month ON onetrading.trades USING btree (((date_trunc('month'::text, (traded_at AT TIME ZONE 'UTC'::text)))::date));
CREATE INDEX trades_by_order ON onetrading.trades USING btree (order_id);
CREATE INDEX trades_by_time ON onetrading.trades USING btree (traded_at);
CREATE UNIQUE INDEX zones_by_lower_name ON onetrading.zones USING btree (lower(zone));
CREATE INDEX issues_by_key ON onetrading_sync.issues USING btree (account_id, stream, md5((key)::text));
CREATE INDEX issues_by_stream ON onetrading_sync.issues USING btree (account_id, stream, noticed_at);
CREATE INDEX issues_vanished ON onetrading_sync.issues USING btree (account_id, stream) WHERE ((kind = 'vanished'::text) AND (resolved_at IS NULL));
CREATE INDEX position_details_uncompared ON onetrading_sync.position_details USING btree (account_id, stream) WHERE ((read_at IS NOT NULL) AND (compared_at IS NULL));
CREATE INDEX rejects_open ON onetrading_sync.rejects USING btree (account_id, stream) WHERE (resolved_at IS NULL);
CREATE INDEX runs_by_stream ON onetrading_sync.runs USING btree (account_id, stream, started_at);
CREATE INDEX runs_by_time ON onetrading_sync.runs USING btree (started_at);
ALTER TABLE ONLY onetrading.balances
    ADD CONSTRAINT balances_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.funding_rate_samples
    ADD CONSTRAINT funding_rate_samples_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.portfolios
    ADD CONSTRAINT portfolios_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.positions
    ADD CONSTRAINT positions_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
ALTER TABLE ONLY onetrading.tickers
    ADD CONSTRAINT tickers_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES onetrading.snapshots(snapshot_id);
GRANT USAGE ON SCHEMA reporting TO onetrading_reader;
GRANT SELECT ON TABLE reporting.balance_rollforward_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.balance_rollforward TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_closing_balances_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_closing_balances TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_equity_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.daily_equity TO onetrading_reader;
GRANT SELECT ON TABLE reporting.drawdown_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.drawdown TO onetrading_reader;
GRANT SELECT ON TABLE reporting.months_by_zone TO onetrading_reader;
GRANT SELECT ON TABLE reporting.months TO onetrading_reader;
GRANT SELECT ON TABLE reporting.account_fee_tiers TO onetrading_reader;
GRANT SELECT ON TABLE reporting.candlesticks TO onetrading_reader;
GRANT SELECT ON TABLE reporting.closed_positions TO onetrading_reader;
GRANT SELECT ON TABLE reporting.coverage_gaps TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_balances TO onetrading_reader;
GRANT SELECT ON TABLE reporting.orders TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_orders TO onetrading_reader;
GRANT SELECT ON TABLE reporting.current_positions TO onetrading_reader;
GRANT SELECT ON TABLE reporting.fee_tiers TO onetrading_reader;
GRANT SELECT ON TABLE reporting.freshness TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_payments TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_settings TO onetrading_reader;
GRANT SELECT ON TABLE reporting.funding_sign TO onetrading_reader;
GRANT SELECT ON TABLE reporting.instruments TO onetrading_reader;
GRANT SELECT ON TABLE reporting.late_facts TO onetrading_reader;
GRANT SELECT ON TABLE reporting.open_rejects TO onetrading_reader;
GRANT SELECT ON TABLE reporting.month_close TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_fees TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_funding TO onetrading_reader;
GRANT SELECT ON TABLE reporting.monthly_turnover TO onetrading_reader;
GRANT SELECT ON TABLE reporting.trades TO onetrading_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE onetrading IN SCHEMA reporting GRANT SELECT ON TABLES TO onetrading_reader;
