"""Memory and throughput of a long backfill by the real command."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psycopg

from benchmarks.bulk import bulk_account
from benchmarks.measure import Finding, Say, number
from benchmarks.pages import NOW
from benchmarks.postgres import server
from benchmarks.process import exporter, resident_mib
from exporter.simulator import Simulator

_ROWS = 150_000
_MILLION = 1_000_000
_SAMPLE_EVERY_S = 0.2


def run(say: Say) -> None:
    """A number of trades that fits a short run."""
    _backfill(say, _ROWS)


def run_full(say: Say) -> None:
    """A million trades."""
    _backfill(say, _MILLION)


def _backfill(say: Say, rows: int) -> None:
    account = bulk_account(rows, NOW)
    with (
        server() as url,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Simulator(now=NOW, speed=0, accounts=(account,)) as simulator,
    ):
        start = (NOW - timedelta(days=30)).isoformat()
        command = ("backfill", "--stream", "trades", "--from", start)
        settings = {"DATABASE_URL": url, "ONETRADING_REQUESTS_PER_MINUTE": "1000000"}
        began = time.monotonic()
        sizes: list[float] = []
        with exporter(simulator, Path(folder), *command, **settings) as process:
            while process.poll() is None:
                sizes.append(resident_mib(process))
                time.sleep(_SAMPLE_EVERY_S)
            if process.returncode:
                raise RuntimeError((Path(folder) / "log").read_text()[-2_000:])
        seconds = time.monotonic() - began
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM onetrading.trades").fetchone()
    loaded = int(row[0]) if row else 0
    half = len(sizes) // 2
    halves = f"{max(sizes[:half]):.0f} in the first half, {max(sizes[half:]):.0f} in the second"
    what = f"backfill of {loaded:,} trades"
    say(Finding(f"{what}: peak memory", f"{max(sizes):.0f} MiB", halves, "flat, < 100 MB"))
    pace = f"{number(loaded / seconds)} rows/s"
    say(Finding(f"{what}: end to end, over HTTP", pace, f"{seconds:.0f} s"))
