"""Reports of spot trading: a month from carried state, all of history, what loading pays for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import LiteralString

import psycopg

from benchmarks.loading import Loading, loading
from benchmarks.measure import Say, in_turns, plain, ratio
from benchmarks.pages import trades
from benchmarks.postgres import server
from exporter.store import rollups
from exporter.store.database import Connection

_MONTHS = 24
_TRADES, _ALL_TRADES = 240_000, 10_000_000
_ROWS = 10_000
_ACCOUNT = "00000000-0000-4000-8000-000000000001"
_MARKETS: LiteralString = """
INSERT INTO onetrading.instruments
    (instrument_code, base_code, quote_code, kind, state, raw, valid_from)
SELECT code || '_EUR', code, 'EUR', 'SPOT', 'ACTIVE', '{}', '2024-01-01 00:00Z'
FROM unnest('{ADA,BTC,DOGE,ETH,LINK,LTC,SOL,SUI,TAO,XRP}'::text[]) AS code
"""
# Identities grow, so that an index of millions of them is written in order.
_FILL: LiteralString = """
INSERT INTO onetrading.trades
    (trade_id, order_id, account_id, instrument_code, side, price, amount, quote_amount, fee_amount,
     fee_currency, liquidity, order_source, sequence, traded_at, traded_at_nanos, raw, row_hash)
SELECT id, id, %(account)s, base || '_EUR', side, price, amount,
    price * amount, round(CASE side WHEN 'BUY' THEN amount ELSE price * amount END / 1000, 8),
    CASE side WHEN 'BUY' THEN base ELSE 'EUR' END, 'TAKER', 'API', n, at,
    extract(epoch FROM at)::bigint * 1000000000, '{}', n
FROM (
    SELECT n, ('00000000-0000-4000-9000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
        '2024-01-01 00:00Z'::timestamptz + n * (interval '731 d' / %(trades)s) AS at,
        ('{ADA,BTC,DOGE,ETH,LINK,LTC,SOL,SUI,TAO,XRP}'::text[])[1 + n %% 10] AS base,
        CASE WHEN abs(hashint4(n)) %% 1000 < 505 THEN 'BUY' ELSE 'SELL' END AS side,
        round((10000 + n %% 977) / 8.0, 3) AS price, round((1 + n %% 31) / 1000.0, 3) AS amount
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
) AS made_up
"""
_BALANCES: LiteralString = """
WITH seen AS (
    INSERT INTO onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,
        last_observed_at, row_count, content_hash, header)
    SELECT extract(epoch FROM at)::bigint * 1024000000, %s, 'balances', at, at, 1, 0, '{}'
    FROM (VALUES ('2026-01-02 12:30Z'::timestamptz)) AS observed (at)
    RETURNING snapshot_id, account_id
)
INSERT INTO onetrading.balances (snapshot_id, account_id, currency_code, available, locked)
SELECT snapshot_id, account_id, 'EUR', 1000000, 0 FROM seen
"""
_PIECES: LiteralString = (
    "SELECT count(*), sum(gain_gross) FROM reporting.realised_pnl_fifo WHERE account = 'main'"
)
_MONTH: LiteralString = " AND month = '2025-12-01'"
_AVERAGE: LiteralString = (
    "SELECT count(*), sum(gain_gross) FROM reporting.realised_pnl_average WHERE account = 'main'"
)
_PLAIN: LiteralString = """
SELECT instrument_code, side, fee_currency, sum(amount), sum(quote_amount), sum(fee_amount)
FROM onetrading.trades WHERE account_id = '00000000-0000-4000-8000-000000000001'
    AND traded_at >= '{0}-01 00:00Z' AND traded_at < '{1}-01 00:00Z' GROUP BY 1, 2, 3
"""
_LAST: LiteralString = _PLAIN.replace("{0}", "2025-12").replace("{1}", "2026-01")
_ROLLED: LiteralString = "SELECT * FROM reporting.balance_rollforward WHERE account = 'main'"
_CLOSING: LiteralString = (
    "SELECT * FROM reporting.daily_closing_balances WHERE account = 'main' AND day = '2024-01-31'"
)


def run(say: Say) -> None:
    """Two years of 240,000 trades."""
    _run(say, _TRADES)


def run_full(say: Say) -> None:
    """Two years of ten million trades."""
    _run(say, _ALL_TRADES)


def _run(say: Say, count: int) -> None:
    with server() as url:
        with loading(url, trades(_ROWS)) as load:
            _ingest(say, load)
            load.empty()
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection, count)
            _lots(say, connection, count)
            _balances(say, connection, count)


def _ingest(say: Say, load: Loading) -> None:
    """The loader with and without the triggers that drop what is carried."""
    cases: dict[str, Callable[[], float]] = {}
    for size in (10_000, 1_000, 100):
        for state in ("ENABLE", "DISABLE"):
            cases[f"{state} {size}"] = partial(_loaded, load, state, size)
    rates = in_turns(cases)
    for size in (10_000, 1_000, 100):
        what = f"loading batches of {size:,} rows with the triggers, against without"
        say(ratio(what, rates[f"ENABLE {size}"], rates[f"DISABLE {size}"], ">= 0.9"))


def _loaded(load: Loading, state: str, size: int) -> float:
    load.empty()
    load.connection.execute(f"ALTER TABLE onetrading.trades {state} TRIGGER USER".encode())
    load.connection.commit()
    rate = load.ours(size)
    load.connection.execute("ALTER TABLE onetrading.trades ENABLE TRIGGER USER")
    load.connection.commit()
    return rate


def fill(connection: Connection, count: int) -> None:
    """Two years of trades of ten markets; in pieces, since triggers hold what a statement wrote."""
    connection.execute(
        "INSERT INTO onetrading.accounts (account_id, name) VALUES (%s, 'main')", [_ACCOUNT]
    )
    connection.execute(_MARKETS)
    step = -(-count // _MONTHS)
    for first in range(0, count, step):
        values = {"account": _ACCOUNT, "trades": count, "first": first}
        connection.execute(_FILL, values | {"last": min(first + step, count) - 1})
    connection.execute("VACUUM ANALYZE")


def _lots(say: Say, connection: Connection, count: int) -> None:
    month = f"one month of {count / _MONTHS:,.0f} trades"
    if count <= _TRADES:
        seconds = _seconds(connection, _PIECES + _MONTH)
        say(plain(f"{month}, FIFO, from the first trade of {count:,} on", [seconds], "s"))
    began = time.perf_counter()
    for number in range(1, _MONTHS + 1):
        at = datetime(2024 + number // 12, 1 + number % 12, 1, tzinfo=UTC)
        connection.execute("SELECT onetrading.carry(%s, %s)", [_ACCOUNT, at])
    say(plain(f"carrying {_MONTHS} months", [time.perf_counter() - began], "s"))
    rates = in_turns(
        {
            "FIFO": partial(_seconds, connection, _PIECES + _MONTH),
            "average": partial(_seconds, connection, _AVERAGE + _MONTH),
            "plain": partial(_seconds, connection, _LAST),
        },
        rounds=3,
    )
    say(plain(f"{month}, summed over an index without a view", rates["plain"], "s"))
    target = "<= 2" if count == _ALL_TRADES else ""
    say(plain(f"{month}, FIFO, from carried lots", rates["FIFO"], "s", target))
    say(plain(f"{month}, average, from carried pools", rates["average"], "s"))
    before = _memory_mb(connection)
    seconds = _seconds(connection, _PIECES)
    target = "<= 180" if count == _ALL_TRADES else ""
    say(plain(f"FIFO of all {count:,} trades, month by month", [seconds], "s", target))
    say(plain("memory that it adds to the session", [_memory_mb(connection) - before], "MB"))


def _balances(say: Say, connection: Connection, count: int) -> None:
    """Rolled forward and derived, before and after the days are summed."""
    connection.execute(_BALANCES, [_ACCOUNT])
    month = " AND month = '{}-01'"
    cases: dict[str, Callable[[], float]] = {
        "plain": partial(_seconds, connection, _LAST),
        "last": partial(_seconds, connection, _ROLLED + month.replace("{}", "2025-12")),
    }
    unsummed = in_turns(cases, rounds=3)
    began = time.perf_counter()
    connection.execute(
        "SELECT onetrading.sum_days(%s, %s, %s)",
        [_ACCOUNT, date(2024, 1, 1), date(2025, 12, 31)],
    )
    say(plain(f"summing the days of {count:,} trades", [time.perf_counter() - began], "s"))
    cases |= {
        "first": partial(_seconds, connection, _ROLLED + month.replace("{}", "2024-02")),
        "closing": partial(_seconds, connection, _CLOSING),
    }
    daily = in_turns(cases, rounds=3)
    roll(connection)
    rates = in_turns(cases, rounds=3)
    what = "balance_rollforward of the last month, against the plain sums, days not summed"
    say(ratio(what, unsummed["last"], unsummed["plain"]))
    for name, what in (
        ("last", "balance_rollforward of the last month, against the plain sums"),
        ("first", "balance_rollforward 22 months before the first observation, the same"),
        ("closing", "closing balances 23 months before the first observation, the same"),
    ):
        target = "<= 1.3" if count == _ALL_TRADES else ""
        say(ratio(f"{what}, from sums of days", daily[name], daily["plain"]))
        say(ratio(f"{what}, from those of months, too", rates[name], rates["plain"], target))


def roll(connection: Connection) -> None:
    """Sum each month, as the service does."""
    months = "SELECT month FROM onetrading.unrolled_months WHERE account_id = %s"
    for (month,) in connection.execute(months, [_ACCOUNT]).fetchall():
        with connection.transaction():
            rollups.roll(connection, None, _ACCOUNT, month)


def _seconds(connection: Connection, query: LiteralString) -> float:
    began = time.perf_counter()
    connection.execute(query).fetchall()
    return time.perf_counter() - began


def _memory_mb(connection: Connection) -> float:
    """The most that the session's process ever held beside the shared buffers."""
    status = Path(f"/proc/{connection.info.backend_pid}/status").read_text()
    peak, shared = (
        int(re.findall(rf"{name}:\s+(\d+)", status)[0]) for name in ("VmHWM", "RssShmem")
    )
    return (peak - shared) / 1024
