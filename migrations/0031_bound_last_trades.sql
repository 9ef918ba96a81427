-- Comments alone: how the last trades of one market are found at once.
--
-- The index by time is read from its newest end until enough trades of the market were met. Of a market
-- that is traded no more that is nearly all of it, unless traded_at is bounded by the last trade.

COMMENT ON VIEW reporting.trades IS 'One row per trade of an account (GET account/trades). A taker''s row may stand for several fills at their average price. Several trades of one instant are common: order by traded_at_nanos, sequence, trade_id. For the last trades of one market bound traded_at by its last_trade in reporting.last_trades: of a market that is traded no more, all later trades of others would be read otherwise.

Example:
SELECT traded_at, instrument_code, side, price, amount, fee_amount, fee_currency
FROM reporting.trades
WHERE account = ''main'' AND traded_at >= ''2026-03-01 00:00Z'' AND traded_at < ''2026-04-01 00:00Z''
ORDER BY traded_at_nanos, sequence, trade_id;';
COMMENT ON VIEW reporting.last_trades IS 'One row per account and market that it ever traded: when it did first and last. Fast however many trades there are, since months that are over are summed. Bounds the search for the last trades of a market, as in the example.

Example:
SELECT traded_at, account, side, price, amount FROM reporting.trades
WHERE instrument_code = ''BTC_USD'' AND traded_at <= (
    SELECT max(last_trade) FROM reporting.last_trades WHERE instrument_code = ''BTC_USD'')
ORDER BY traded_at DESC LIMIT 50;';
