-- Reference data over time: fee tiers, the tiers of accounts, funding settings, and all rules of an
-- instrument in columns of their own.
--
-- Locks instruments and currencies while it runs: some thousand rows, milliseconds.

-- What an instrument's record says was kept in raw alone. The stored versions get the columns as well,
-- so that the next list does not look like a change of every instrument.
ALTER TABLE onetrading.instruments
    ADD COLUMN min_price numeric,
    ADD COLUMN max_price numeric,
    ADD COLUMN price_collar_percentage numeric,
    ADD COLUMN contract_expiry_date text,
    ADD COLUMN contract_duration text,
    ADD COLUMN funding_schedule jsonb,
    ADD COLUMN funding_period_minutes bigint,
    ADD COLUMN market_offset bigint,
    ADD COLUMN first_seen_at timestamptz NOT NULL DEFAULT now();
UPDATE onetrading.instruments SET
    min_price = CASE WHEN raw ->> 'min_price' ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$' THEN (raw ->> 'min_price')::numeric END,
    max_price = CASE WHEN raw ->> 'max_price' ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$' THEN (raw ->> 'max_price')::numeric END,
    price_collar_percentage = CASE WHEN raw ->> 'price_collar_percentage' ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$' THEN (raw ->> 'price_collar_percentage')::numeric END,
    contract_expiry_date = nullif(raw ->> 'contract_expiry_date', ''),
    contract_duration = nullif(raw ->> 'contract_duration', ''),
    funding_schedule = nullif(nullif(raw -> 'funding_schedule', 'null'), '""'),
    funding_period_minutes = CASE WHEN raw ->> 'funding_period' ~ '^-?[0-9]{1,18}([.]0+)?$' THEN (raw ->> 'funding_period')::numeric::bigint END,
    market_offset = CASE WHEN raw ->> 'market_offset' ~ '^-?[0-9]{1,18}([.]0+)?$' THEN (raw ->> 'market_offset')::numeric::bigint END;
ALTER TABLE onetrading.instruments ADD CONSTRAINT instruments_amounts CHECK (
    min_price > '-Infinity' AND min_price < 'Infinity'
    AND max_price > '-Infinity' AND max_price < 'Infinity'
    AND price_collar_percentage > '-Infinity' AND price_collar_percentage < 'Infinity');
COMMENT ON COLUMN onetrading.instruments.min_price IS 'Lowest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.max_price IS 'Highest price of an order, in the quote currency; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.price_collar_percentage IS 'How far the price of an order may lie from the market, in percent; null when not sent.';
COMMENT ON COLUMN onetrading.instruments.contract_expiry_date IS 'When a dated future expires, as sent (YYYY-MM-DD); null for others.';
COMMENT ON COLUMN onetrading.instruments.contract_duration IS 'Term of a dated future, as sent (5Y); null for others.';
COMMENT ON COLUMN onetrading.instruments.funding_schedule IS 'When funding is settled, as sent; null for spot markets.';
COMMENT ON COLUMN onetrading.instruments.funding_period_minutes IS 'Minutes of a funding period; null for spot markets.';
COMMENT ON COLUMN onetrading.instruments.market_offset IS 'Seconds after the minute at which the market is computed and settled; it changes over time. Null when not sent.';
COMMENT ON COLUMN onetrading.instruments.first_seen_at IS 'When this version was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';
ALTER TABLE onetrading.currencies ADD COLUMN first_seen_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN onetrading.currencies.first_seen_at IS 'When this version was first stored here; never changed afterwards. Rows from before this column exists have the time of the upgrade that added it.';

CREATE TABLE onetrading.fee_tiers (
    fee_group text NOT NULL,
    min_volume numeric NOT NULL,
    volume_currency text,
    maker_ratio numeric NOT NULL,
    taker_ratio numeric NOT NULL,
    raw jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fee_group, min_volume, valid_from),
    CHECK (valid_to > valid_from),
    CONSTRAINT fee_tiers_amounts CHECK (
        min_volume > '-Infinity' AND min_volume < 'Infinity'
        AND maker_ratio > '-Infinity' AND maker_ratio < 'Infinity'
        AND taker_ratio > '-Infinity' AND taker_ratio < 'Infinity')
);
CREATE UNIQUE INDEX fee_tiers_current ON onetrading.fee_tiers (fee_group, min_volume) WHERE valid_to IS NULL;
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

CREATE TABLE onetrading.account_fee_tiers (
    account_id uuid NOT NULL,
    fee_group text NOT NULL,
    min_volume numeric NOT NULL,
    maker_ratio numeric NOT NULL,
    taker_ratio numeric NOT NULL,
    raw jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, fee_group, valid_from),
    CHECK (valid_to > valid_from),
    CONSTRAINT account_fee_tiers_amounts CHECK (
        min_volume > '-Infinity' AND min_volume < 'Infinity'
        AND maker_ratio > '-Infinity' AND maker_ratio < 'Infinity'
        AND taker_ratio > '-Infinity' AND taker_ratio < 'Infinity')
);
CREATE UNIQUE INDEX account_fee_tiers_current ON onetrading.account_fee_tiers (account_id, fee_group) WHERE valid_to IS NULL;
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

CREATE TABLE onetrading.funding_settings (
    instrument_code text NOT NULL,
    state text,
    market_offset bigint,
    clamp_threshold numeric,
    annual_interest_rate numeric,
    cap numeric,
    period_minutes bigint,
    raw jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_code, valid_from),
    CHECK (valid_to > valid_from),
    CONSTRAINT funding_settings_amounts CHECK (
        clamp_threshold > '-Infinity' AND clamp_threshold < 'Infinity'
        AND annual_interest_rate > '-Infinity' AND annual_interest_rate < 'Infinity'
        AND cap > '-Infinity' AND cap < 'Infinity')
);
CREATE UNIQUE INDEX funding_settings_current ON onetrading.funding_settings (instrument_code) WHERE valid_to IS NULL;
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

CREATE VIEW reporting.fee_tiers AS
SELECT fee_group, min_volume, volume_currency, maker_ratio, taker_ratio, valid_from, valid_to
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

CREATE VIEW reporting.account_fee_tiers AS
SELECT coalesce(accounts.name, tiers.account_id::text) AS account, tiers.account_id, fee_group,
    min_volume, maker_ratio, taker_ratio, valid_from, valid_to
FROM onetrading.account_fee_tiers AS tiers
LEFT JOIN onetrading.accounts USING (account_id);
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

CREATE VIEW reporting.funding_settings AS
SELECT instrument_code, state, market_offset, clamp_threshold, annual_interest_rate, cap, period_minutes,
    valid_from, valid_to
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

CREATE VIEW reporting.instruments AS
SELECT instrument_code, base_code, quote_code, kind, state, amount_precision, market_precision, min_size,
    min_price, max_price, price_collar_percentage, contract_expiry_date, contract_duration,
    funding_period_minutes, market_offset, valid_from, valid_to
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
