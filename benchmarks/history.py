"""Two years of an account, read by the real command: pace, requests, memory, WAL and size.

Each stream is read by a `sync` of its own, one after the other, into one database. The request
budget is set so high that it does not count: what is measured is ours.
"""

from __future__ import annotations

import os
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from benchmarks.bulk_endpoints import bulk_endpoints
from benchmarks.bulk_history import BulkHistory
from benchmarks.measure import Finding, Say, number
from benchmarks.pages import NOW
from benchmarks.postgres import server
from benchmarks.process import exporter, resident_mib
from exporter.model.stream import History
from exporter.model.window import Window, cut_newest_first
from exporter.simulator import AccountSpec, Simulator
from exporter.simulator.market.market import to_nanos
from exporter.streams import STREAMS

_TRADES = 100_000
_FULL = 1_000_000
_SPARSE = 40
_START = NOW - timedelta(days=730)
_FIRST = _START + timedelta(minutes=1)
_SAMPLE_EVERY_S = 0.1
_LISTED = ("trades", "orders", "closed_positions")
_DETAILS = ("position_trades", "position_funding")
_PATHS = {
    "trades": ("/account/trades", ""),
    "orders": ("/account/orders", ""),
    "closed_positions": ("/account/futures/positions-history", ""),
    "position_trades": ("/account/futures/positions/", "/trades"),
    "position_funding": ("/account/futures/positions/", "/funding-payments"),
}
"""Stream to what its requests begin and end with."""
_TABLES = {stream: stream for stream in _PATHS} | {"position_funding": "position_funding_payments"}
_SIZES: LiteralString = """
SELECT table_name, pg_total_relation_size(oid), pg_indexes_size(oid),
    (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || oid::regclass, true, true,
        '')))[1]::text::bigint
FROM pg_class
CROSS JOIN LATERAL (SELECT relnamespace::regnamespace || '.' || relname AS table_name) AS named
WHERE relkind = 'r' AND relnamespace::regnamespace::text LIKE 'onetrading%'
ORDER BY 2 DESC
"""
_FAULTS: LiteralString = """
SELECT (SELECT count(*) FROM onetrading_sync.issues),
    (SELECT count(*) FROM onetrading_sync.rejects),
    (SELECT count(*) FROM onetrading_sync.drift),
    (SELECT count(*) FROM onetrading.orders WHERE NOT trades_checked),
    (SELECT count(*) FROM onetrading_sync.position_details
     WHERE compared_at IS NULL AND stream = 'position_trades')
"""


class _Pass(NamedTuple):
    """What one run of the command took."""

    seconds: float
    cpu_s: float
    """Of the process, without Postgres."""
    peak_mib: float
    wal: int
    """Bytes."""
    requests: Counter[str]
    """By stream."""


class _Account:
    """A simulated account, and the command that reads it."""

    def __init__(self, simulator: Simulator, folder: Path, url: str) -> None:
        self._simulator, self._folder, self._url = simulator, folder, url

    def sync(self, *streams: str, after_s: float = 0) -> _Pass:
        """Run the command for some streams, so much later. Raises RuntimeError when it fails."""
        self._simulator.advance(after_s)
        self._simulator.requests.clear()
        command = ["sync", *(part for stream in streams for part in ("--stream", stream))]
        settings = {
            "DATABASE_URL": self._url,
            "ONETRADING_REQUESTS_PER_MINUTE": "1000000",
            "ONETRADING_HISTORY_START": _START.isoformat(),
        }
        wal, began, peak = self._wal(), time.monotonic(), 0.0
        cpu_s = _cpu_of_children()
        with exporter(self._simulator, self._folder, *command, **settings) as process:
            while process.poll() is None:
                peak = max(peak, resident_mib(process))
                time.sleep(_SAMPLE_EVERY_S)
            seconds = time.monotonic() - began
            if process.returncode:
                raise RuntimeError((self._folder / "log").read_text()[-2_000:])
        cpu_s = _cpu_of_children() - cpu_s
        return _Pass(seconds, cpu_s, peak, self._wal() - wal, self._requests())

    def _requests(self) -> Counter[str]:
        return Counter(
            stream
            for request in self._simulator.requests
            for stream, (begin, end) in _PATHS.items()
            if request.path.startswith(begin)
            and request.path.endswith(end)
            and (request.path == begin or end)
        )

    def _wal(self) -> int:
        return int(self.ask("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")[0][0])

    def ask(self, query: LiteralString) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self._url) as connection:
            return connection.execute(query).fetchall()

    def rows(self, stream: str) -> int:
        """How many rows there are of a stream."""
        table = sql.Identifier("onetrading", _TABLES[stream])
        with psycopg.connect(self._url) as connection:
            found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
        return int(found[0]) if found else 0


def _cpu_of_children() -> float:
    """Seconds of CPU of all processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


@contextmanager
def _served(history: BulkHistory) -> Iterator[_Account]:
    """Serve a history to an exporter with an empty database."""
    spec = AccountSpec("main", trade_history=history, endpoints=bulk_endpoints(history))
    with (
        server() as url,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Simulator(now=NOW, speed=0, history_days=730, accounts=(spec,)) as simulator,
    ):
        yield _Account(simulator, Path(folder), url)


def run(say: Say) -> None:
    """A tenth of the account."""
    _measure(say, _TRADES)


def run_full(say: Say) -> None:
    """A million trades, 300,000 orders and 5,000 closed positions."""
    _measure(say, _FULL)


def _measure(say: Say, trades: int) -> None:
    history = BulkHistory(trades, to_nanos(_FIRST), to_nanos(NOW - timedelta(hours=1)))
    with _served(history) as account:
        _dense(say, history, account)
    ends = to_nanos(_START + timedelta(days=365))
    history = BulkHistory(_SPARSE, to_nanos(_FIRST), ends)
    with _served(history) as account:
        _sparse(say, history, account)


def _dense(say: Say, history: BulkHistory, account: _Account) -> None:
    for stream in (*_LISTED, *_DETAILS):
        one = account.sync(stream)
        _say_stream(say, history, stream, account.rows(stream), one)
    _check(history, account)
    _say_again(say, account, (*_LISTED, *_DETAILS))
    for name, total, indexes, rows in account.ask(_SIZES):
        if rows and total > 2**20:
            each = f"{total / rows:,.0f} bytes a row, {indexes / total:.0%} of it indexes"
            say(Finding(f"{name}: {rows:,} rows on disk", f"{total / 2**20:,.1f} MiB", each))


def _check(history: BulkHistory, account: _Account) -> None:
    """All was read, and fits together. Raises RuntimeError."""
    wanted = [len(history), len(history.order_instants), history.positions]
    found = [account.rows(stream) for stream in _LISTED]
    faults = account.ask(_FAULTS)[0]
    if found != wanted or any(faults):
        raise RuntimeError(f"{found} rows instead of {wanted}; issues and the like: {faults}")


def _say_stream(say: Say, history: BulkHistory, stream: str, rows: int, one: _Pass) -> None:
    what = f"{stream}, {rows:,} rows"
    if stream == "position_funding":  # every position is closed before it is funded
        what = f"{stream}, {history.positions:,} positions"
    pace = f"{number((rows or history.positions) / one.seconds)} {'rows' if rows else 'pos.'}/s"
    say(
        Finding(
            f"{what}: end to end, over HTTP", pace, f"{one.seconds:.1f} s, {one.cpu_s:.1f} s CPU"
        )
    )
    _say_requests(say, history, stream, what, one.requests[stream], "<= 1.1")
    say(Finding(f"{what}: peak memory", f"{one.peak_mib:.0f} MiB", "", "< 100 MB"))
    per_row = f"{one.wal / max(rows, 1):,.0f} bytes a row" if rows else ""
    say(Finding(f"{what}: WAL", f"{one.wal / 2**20:,.1f} MiB", per_row))


def _sparse(say: Say, history: BulkHistory, account: _Account) -> None:
    first = account.sync(*_LISTED)
    for stream in _LISTED:
        what = f"{stream}, {account.rows(stream)} rows in two years"
        _say_requests(say, history, stream, what, first.requests[stream], "<= 1.5")
    _say_again(say, account, _LISTED)


def _say_again(say: Say, account: _Account, streams: Sequence[str]) -> None:
    """Two more passes, an hour apart: only with the second one were open positions seen before."""
    for place in ("second", "third"):
        again = account.sync(*streams, after_s=3_600)
        told = ", ".join(f"{stream} {again.requests[stream]}" for stream in streams)
        what = f"the {place} sync of all of it, an hour later: {told}"
        took = f"{again.seconds:.1f} s, {again.wal / 1024:,.0f} KiB of WAL"
        say(Finding(what, f"{again.requests.total()} requests", took))


def _say_requests(
    say: Say, history: BulkHistory, stream: str, what: str, sent: int, target: str
) -> None:
    least, pages = _least(history, stream)
    ratio = f"{sent / least:.2f} times the least, {least}"
    full = f"rows / page size: {pages:,.1f}" if pages else ""
    say(Finding(f"{what}: {sent:,} requests", ratio, full, target))


def _least(history: BulkHistory, stream: str) -> tuple[int, float]:
    """The fewest requests that can read a stream, and rows divided by the page size.

    One for each window of the documented length, or more where its rows fill more pages; one for
    the details of each position.
    """
    if stream in _DETAILS:
        return history.positions, history.positions
    instants = {
        "trades": history.instants,
        "orders": history.order_instants,
        "closed_positions": history.opened,
    }[stream]
    declared = next(one for one in STREAMS if one.name == stream)
    if not isinstance(declared, History):
        raise TypeError(f"{stream} is no history")
    size = declared.paging.size
    counts = [
        _between(instants, window)
        for window in cut_newest_first(Window(_START, NOW), declared.max_window)
    ]
    return sum(max(1, -(-count // size)) for count in counts), len(instants) / size


def _between(instants: Sequence[int], window: Window) -> int:
    first, end = to_nanos(window.start), to_nanos(window.end)
    return bisect_left(instants, end) - bisect_left(instants, first)
