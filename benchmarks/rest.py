"""What an account costs while nothing happens: transactions, WAL and CPU, as if for an hour."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks.measure import Finding, Say, number
from benchmarks.postgres import server
from benchmarks.process import Process, cpu_s, exporter, free_address
from exporter.simulator import AccountSpec, Simulator

_WARM_UP_S = 150.0
"""Covers the first passes, the backfill, and verifying the day with which history begins."""
_SECONDS = 180.0
_HOUR_S = 3_600.0
_QUIET = AccountSpec("main", trades_per_day=2)


class _Used(NamedTuple):
    at: float
    commits: int
    wal: int
    cpu_s: float


def run(say: Say) -> None:
    """One account with the intervals of a service that nobody has configured."""
    with (
        server() as url,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Simulator(accounts=(_QUIET,), history_days=36) as simulator,
    ):
        # Whole months, so that nothing is due to be verified yet.
        start = (simulator.now - timedelta(days=35)).isoformat()
        settings = {
            "DATABASE_URL": url,
            "ONETRADING_LISTEN": free_address(),
            "ONETRADING_HISTORY_START": start,
        }
        with exporter(simulator, Path(folder), "run", **settings) as process:
            time.sleep(_WARM_UP_S)
            before = _used(url, process)
            time.sleep(_SECONDS)
            after = _used(url, process)
    hours = (after.at - before.at) / _HOUR_S
    what = "an account at rest, and what is public, an hour"
    commits = number((after.commits - before.commits) / hours)
    say(Finding(f"{what}: transactions", commits, "", "<= 4,930"))
    say(Finding(f"{what}: WAL", f"{number((after.wal - before.wal) / hours / 2**20)} MiB"))
    say(Finding(f"{what}: CPU", f"{number((after.cpu_s - before.cpu_s) / hours)} s", "", "<= 10"))


def _used(url: str, process: Process) -> _Used:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
            " FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    commits, wal = row or (0, 0)
    return _Used(time.monotonic(), int(commits), int(wal), cpu_s(process))
