"""A month of the reporting views, against the same sums without names over an index."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import LiteralString

import psycopg

from benchmarks import lots
from benchmarks.measure import Say, in_turns, plain, ratio
from benchmarks.postgres import server
from exporter.store import reports
from exporter.store.database import Connection
from exporter.streams import STREAMS

_TRADES = 2_000_000
_TARGET = "<= 1.3"
_ACCOUNT = "00000000-0000-4000-8000-000000000001"
_INSTRUMENTS: LiteralString = """
INSERT INTO onetrading.instruments
    (instrument_code, base_code, quote_code, kind, state, raw, valid_from)
SELECT code || '_EUR', code, 'EUR', 'SPOT', 'ACTIVE', '{}', '2025-01-01 00:00Z'
FROM unnest('{ADA,BTC,DOGE,ETH,LINK,LTC,SOL,SUI,TAO,XRP}'::text[]) AS code
"""
_FILL: LiteralString = """
INSERT INTO onetrading.trades
    (trade_id, order_id, account_id, instrument_code, side, price, amount, quote_amount, fee_amount,
     fee_currency, liquidity, order_source, sequence, traded_at, traded_at_nanos, raw, row_hash)
SELECT gen_random_uuid(), gen_random_uuid(), %(account)s, base || '_EUR', side, price, amount,
    price * amount, amount / 1000, CASE side WHEN 'BUY' THEN base ELSE 'EUR' END,
    CASE WHEN n %% 3 = 0 THEN 'MAKER' ELSE 'TAKER' END, 'API', n, at,
    extract(epoch FROM at)::bigint * 1000000000,
    jsonb_build_object('fee', amount, 'as long as a record', repeat(md5(n::text), 14)), n
FROM (
    SELECT n, '2025-01-01 00:00Z'::timestamptz + n * interval '15.7 s' AS at,
        ('{ADA,BTC,DOGE,ETH,LINK,LTC,SOL,SUI,TAO,XRP}'::text[])[1 + n %% 10] AS base,
        CASE WHEN n %% 2 = 0 THEN 'BUY' ELSE 'SELL' END AS side,
        (10000 + n %% 977)::numeric / 8 AS price, (1 + n %% 31)::numeric / 1000 AS amount
    FROM generate_series(0, %(trades)s - 1) AS n
) AS made_up
"""
_PLAIN_FEES: LiteralString = """
SELECT account_id, instrument_code, fee_currency, liquidity, sum(greatest(fee_amount, 0)),
    sum(greatest(-fee_amount, 0)), sum(fee_amount), count(*), sum(quote_amount)
FROM onetrading.trades
WHERE traded_at >= '2025-03-01 00:00Z' AND traded_at < '2025-04-01 00:00Z'
GROUP BY 1, 2, 3, 4
"""
_PLAIN_TURNOVER: LiteralString = """
SELECT account_id, instrument_code, side, liquidity, count(*), sum(amount), sum(quote_amount)
FROM onetrading.trades
WHERE traded_at >= '2025-03-01 00:00Z' AND traded_at < '2025-04-01 00:00Z'
GROUP BY 1, 2, 3, 4
"""
_PLAIN_LIST: LiteralString = """
SELECT count(*), sum(price), sum(quote_amount) FROM onetrading.trades
WHERE account_id = '00000000-0000-4000-8000-000000000001'
    AND traded_at >= '2025-03-01 00:00Z' AND traded_at < '2025-04-01 00:00Z'
"""
_FEES: LiteralString = "SELECT * FROM reporting.monthly_fees WHERE month = '2025-03-01'"
_TURNOVER: LiteralString = "SELECT * FROM reporting.monthly_turnover WHERE month = '2025-03-01'"
_LIST: LiteralString = """
SELECT count(*), sum(price), sum(quote_amount) FROM reporting.trades
WHERE account = 'main'
    AND traded_at >= '2025-03-01 00:00Z' AND traded_at < '2025-04-01 00:00Z'
"""
_OF_ACCOUNT: LiteralString = " AND account = 'main'"
_ALL_TRADES = 10_000_000
_MONTH, _WHOLE = "<= 0.3", "<= 1"
_DELISTED: LiteralString = """
UPDATE onetrading.trades SET instrument_code = 'OLD_EUR'
WHERE instrument_code = 'TAO_EUR' AND traded_at < '2024-01-15 00:00Z'
"""
_TABLE: LiteralString = "SELECT traded_at, instrument_code, price, amount FROM reporting.trades"
_BOUNDED: LiteralString = """traded_at <= (
    SELECT max(last_trade) FROM reporting.last_trades WHERE instrument_code = 'OLD_EUR')"""
_ASKED: Mapping[str, tuple[LiteralString, str]] = {
    "monthly_fees, a month": (_FEES, _MONTH),
    "monthly_fees, all": ("SELECT * FROM reporting.monthly_fees", _WHOLE),
    "monthly_turnover, a month": (_TURNOVER, _MONTH),
    "monthly_turnover, all": ("SELECT * FROM reporting.monthly_turnover", _WHOLE),
    "monthly_funding, all": ("SELECT * FROM reporting.monthly_funding", _WHOLE),
    "months, all": ("SELECT * FROM reporting.months", _WHOLE),
    "trades of a day, by traded_on": (f"{_TABLE} WHERE traded_on = '2025-03-05'", _WHOLE),
    "the last 20 trades": (f"{_TABLE} ORDER BY traded_at DESC LIMIT 20", _WHOLE),
    "the last 20 trades of an instrument": (
        f"{_TABLE} WHERE instrument_code = 'BTC_EUR' ORDER BY traded_at DESC LIMIT 20",
        _WHOLE,
    ),
    "the last 20 trades of an instrument that is traded no more": (
        f"{_TABLE} WHERE instrument_code = 'OLD_EUR' ORDER BY traded_at DESC LIMIT 20",
        _WHOLE,
    ),
    "the same, bounded by its last trade": (
        f"{_TABLE} WHERE instrument_code = 'OLD_EUR' AND {_BOUNDED}"
        " ORDER BY traded_at DESC LIMIT 20",
        _WHOLE,
    ),
    "the last trade of each instrument": (
        "SELECT account, instrument_code, last_trade FROM reporting.last_trades",
        _WHOLE,
    ),
}
"""What is asked of ten million trades, and within how many seconds."""
_SUMMED = ("monthly_fees, a month", "monthly_fees, all", "monthly_turnover, all")


def run(say: Say) -> None:
    """Milliseconds of one month out of two million trades."""
    with server() as url, psycopg.connect(url, autocommit=True) as connection:
        _fill(connection)
        rates = in_turns(
            {
                name: partial(_milliseconds, connection, query)
                for name, query in {
                    "plain fees": _PLAIN_FEES,
                    "fees": _FEES,
                    "fees of an account": _FEES + _OF_ACCOUNT,
                    "plain turnover": _PLAIN_TURNOVER,
                    "turnover": _TURNOVER,
                    "plain trades": _PLAIN_LIST,
                    "trades": _LIST,
                }.items()
            }
        )
        close: Callable[[], float] = partial(
            _milliseconds, connection, "SELECT * FROM reporting.month_close"
        )
        judged = in_turns({"close": close})
    say(plain(f"a month of {_TRADES:,} trades: plain sums by identity", rates["plain fees"], "ms"))
    say(ratio("monthly_fees of that month", rates["fees"], rates["plain fees"], _TARGET))
    what = "monthly_fees of that month and one account"
    say(ratio(what, rates["fees of an account"], rates["plain fees"], _TARGET))
    what = "monthly_turnover of that month"
    say(ratio(what, rates["turnover"], rates["plain turnover"], _TARGET))
    say(ratio("trades of that month, summed", rates["trades"], rates["plain trades"], _TARGET))
    say(plain("month_close of all months", judged["close"], "ms"))


def run_full(say: Say) -> None:
    """Ten million trades of two years, the months that are over summed."""
    with server() as url, psycopg.connect(url, autocommit=True) as connection:
        lots.fill(connection, _ALL_TRADES)
        connection.execute(_DELISTED)
        connection.execute("VACUUM ANALYZE")
        ask(say, connection)


def ask(say: Say, connection: Connection) -> None:
    """What is asked of all of it, once its months are summed; and a part of it before."""
    cases: dict[str, Callable[[], float]] = {
        name: partial(_seconds, connection, query) for name, (query, _) in _ASKED.items()
    }
    cases |= {
        "what `status` asks": partial(_took, lambda: reports.status(connection, STREAMS)),
        "what `gaps` asks": partial(_took, lambda: reports.gaps(connection)),
    }
    for name in _SUMMED:
        say(plain(f"{name}, before months are summed", [cases[name]()], "s"))
    say(plain("summing 24 months", [_took(lambda: lots.roll(connection))], "s"))
    for name, seconds in in_turns(cases, rounds=3).items():
        target = _ASKED[name][1] if name in _ASKED else _WHOLE
        say(plain(name, seconds, "s", target))


def _took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _seconds(connection: Connection, query: LiteralString) -> float:
    return _took(lambda: connection.execute(query).fetchall())


def _fill(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO onetrading.accounts (account_id, name) VALUES (%s, 'main')", [_ACCOUNT]
    )
    connection.execute(_INSTRUMENTS)
    connection.execute(_FILL, {"account": _ACCOUNT, "trades": _TRADES})
    connection.execute("VACUUM ANALYZE")


def _milliseconds(connection: Connection, query: LiteralString) -> float:
    return _seconds(connection, query) * 1_000
