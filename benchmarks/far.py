"""Postgres 20 ms away, in each direction: the pace of a backfill, and how often a pass waits."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.bulk import bulk_account
from benchmarks.far_postgres import Trips, far
from benchmarks.measure import Finding, Say, number, ratio
from benchmarks.pages import PAGE_ROWS
from benchmarks.postgres import server
from benchmarks.process import exporter
from exporter.app import App, enabled
from exporter.settings import load
from exporter.simulator import AccountSpec, Faults, Simulator
from exporter.store.holder import new_holder
from exporter.streams import STREAMS

_AWAY_S = 0.02
_LIMIT = 240
_LATENCY_MS = 390
_TRADES = 20_000
_ROUNDS = 3
_PASSES = 5
_AIMS = {
    ("main", "trades"): "<= 3",
    ("main", "balances"): "<= 2",
    ("public", "funding_history"): "<= 5",
}


def run(say: Say) -> None:
    """Each database is new; near and far take turns."""
    for what, faults, limit, aim in (
        (
            f"{_LIMIT} requests a minute, {_LATENCY_MS} ms each",
            Faults(latency_ms=_LATENCY_MS, budget=_LIMIT),
            _LIMIT,
            ">= 0.8",
        ),
        ("no limit", Faults(), 1_000_000, ""),
    ):
        near, away = _backfills(faults, limit)
        pace = f"backfill of {_TRADES:,} trades, {what}"
        say(Finding(f"{pace}: Postgres near", f"{number(statistics.median(near))} rows/s"))
        say(ratio(f"{pace}: Postgres {_AWAY_S * 1_000:.0f} ms away", away, near, aim))
    with _idle() as (app, trips):
        for key in _AIMS:
            _say_passes(say, app, trips, key)


def _backfills(faults: Faults, limit: int) -> tuple[list[float], list[float]]:
    """Trades a second of each round, near and far."""
    near, away = list[float](), list[float]()
    for _ in range(_ROUNDS):
        for delay_s, rates in ((0.0, near), (_AWAY_S, away)):
            with server() as url, far(url, delay_s) as (proxied, _trips):
                rates.append(_backfilled(proxied, faults, limit))
                _check(url)
    return near, away


def _backfilled(url: str, faults: Faults, limit: int) -> float:
    """Trades a second, from the first request for them to the end of the command."""
    account = bulk_account(_TRADES, datetime.now(UTC))
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Simulator(accounts=(account,), faults=faults) as simulator,
    ):
        settings = {"DATABASE_URL": url, "ONETRADING_REQUESTS_PER_MINUTE": str(limit)}
        with exporter(simulator, Path(folder), "sync", "--stream", "trades", **settings) as process:
            process.wait()
            ended = time.monotonic()
        if process.returncode:
            raise RuntimeError((Path(folder) / "log").read_text()[-2_000:])
        began = min(one.at for one in simulator.requests if one.path == "/account/trades")
    return _TRADES / (ended - began)


def _check(url: str) -> None:
    """All was read. Raises RuntimeError."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM onetrading.trades").fetchone()
    if row is None or row[0] < _TRADES - PAGE_ROWS:
        raise RuntimeError(f"{row} trades were stored of {_TRADES}")


@contextmanager
def _idle() -> Iterator[tuple[App, Trips]]:
    """An app that has read all of an account at rest, with Postgres far away."""
    names = [stream.name for stream in STREAMS]
    public = [stream.name for stream in STREAMS if stream.public]
    account = AccountSpec("main", trades_per_day=0)
    with (
        server() as url,
        far(url, _AWAY_S) as (proxied, trips),
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Simulator(accounts=(account,), history_days=2) as simulator,
    ):
        token = Path(folder) / "token"
        token.write_text(simulator.tokens["main"])
        environment = {
            "ONETRADING_BASE_URL": simulator.base_url,
            "ONETRADING_API_TOKEN_FILE": str(token),
            "ONETRADING_DATA_DIR": str(Path(folder) / "data"),
            "ONETRADING_REQUESTS_PER_MINUTE": "100000",
            "ONETRADING_HISTORY_START": (simulator.now - timedelta(days=1)).isoformat(),
            "DATABASE_URL": proxied,
        }
        settings = load(environment, stream_names=names, public_streams=public)
        app = App(settings, enabled(settings), holder=new_holder())
        try:
            if not app.open_database() or app.leases is None:
                raise RuntimeError("Postgres is away")
            app.leases.renew()
            for sync in app.syncs:
                app.runner.run(sync)
            for history in app.histories():
                app.gap_filler().fill(history)
            yield app, trips
        finally:
            app.close()


def _say_passes(say: Say, app: App, trips: Trips, key: tuple[str, str]) -> None:
    (sync,) = [one for one in app.syncs if one.key == key]
    counts, seconds = list[int](), list[float]()
    for _ in range(_PASSES):
        time.sleep(1)  # an observation of the same second is none
        trips.take()
        began = time.monotonic()
        if app.runner.run(sync) != "ok":
            raise RuntimeError(f"a pass of {sync.name} failed")
        seconds.append(time.monotonic() - began)
        counts.append(len(trips.take()))
    took = f"{min(counts)} to {max(counts)}; {statistics.median(seconds):.2f} s"
    what = f"a pass of {key[1]} that finds nothing: round trips"
    say(Finding(what, f"{statistics.median(counts):.0f}", took, _AIMS[key]))
