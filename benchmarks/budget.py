"""How much of the request budget a backfill uses, and whether live polls stay on schedule."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import psycopg

from benchmarks.bulk import bulk_account
from benchmarks.measure import Finding, Say
from benchmarks.pages import PAGE_ROWS
from benchmarks.postgres import server
from benchmarks.process import exporter, free_address
from exporter.simulator import Faults, ReceivedRequest, Simulator

_LIMIT = 240
_LATENCY_MS = 390
_WARM_UP_S = 45
"""Covers the first live polls, the delay before the backfill starts, and its first burst."""
_MEASURE_S = 120
_INTERVAL_S = 15.0
_LIVE = ("/account/balances", "/account/futures/positions", "/account/futures/summary")
_TRADES = 200_000


def run(say: Say) -> None:
    """The service with its default budget against an exchange that enforces it."""
    faults = Faults(latency_ms=_LATENCY_MS, budget=_LIMIT)
    account = bulk_account(_TRADES, datetime.now(UTC))
    with (
        server() as url,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Simulator(accounts=(account,), faults=faults) as simulator,
    ):
        settings = {"DATABASE_URL": url, "ONETRADING_LISTEN": free_address()}
        with exporter(simulator, Path(folder), "run", **settings):
            time.sleep(_WARM_UP_S)
            began = time.monotonic()
            time.sleep(_MEASURE_S)
            ended = time.monotonic()
        received = [request for request in simulator.requests if request.account == "main"]
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM onetrading.trades").fetchone()
    rows = int(row[0]) if row else 0
    measured = [request for request in received if began <= request.at < ended]
    share = len(measured) / (_LIMIT * _MEASURE_S / 60)
    rate_limited = sum(request.status == 429 for request in received)
    pages = [request for request in received if request.path == "/account/trades"]
    limit = f"{_LIMIT} requests a minute, {_LATENCY_MS} ms each"
    say(Finding(f"{limit}: share of the budget used", f"{share:.1%}", "", ">= 95 %"))
    say(
        Finding(
            f"{limit}: 429 responses in {_WARM_UP_S + _MEASURE_S} s", str(rate_limited), "", "0"
        )
    )
    say(
        Finding(
            "requests for trades, against rows loaded divided by page size",
            f"{len(pages)} / {rows / PAGE_ROWS:.0f}",
            "includes the requests of live polling",
        )
    )
    delays = [_largest_delay(path, measured) for path in _LIVE]
    what = f"balances, positions, portfolio every {_INTERVAL_S:.0f} s: largest delay of a poll"
    say(Finding(what, f"{max(delays):.2f} s late", ", ".join(f"{s:.2f}" for s in delays)))


def _largest_delay(path: str, requests: list[ReceivedRequest]) -> float:
    """The seconds by which the longest pause between two polls exceeded their interval."""
    times = [request.at for request in requests if request.path == path]
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0) - _INTERVAL_S
