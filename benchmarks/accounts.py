"""Many accounts in one process: what a minute costs, and whether it is taken for an outage.

The exchange runs in a process of its own, so that the CPU measured is the exporter's.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Finding, Say, number
from benchmarks.postgres import server
from benchmarks.process import Process, cpu_s, exporter_with, free_address, resident_mib
from exporter.simulator import Faults, Simulator
from exporter.simulator.market.market import AccountSpec

_ACCOUNTS = 300
_WARM_UP_S = 90.0
"""Covers the first polls and the backfill of every account."""
_SECONDS = 60.0
_LATENCY_MS = 100


class _Exchange(NamedTuple):
    """An exchange in another process."""

    base_url: str
    tokens: dict[str, str]


def _serve(names: list[str], pipe: Connection) -> None:
    accounts = [AccountSpec(name, trades_per_day=5.0) for name in names]
    faults = Faults(latency_ms=_LATENCY_MS)
    with Simulator(accounts=accounts, history_days=2, faults=faults) as simulator:
        pipe.send((simulator.base_url, simulator.tokens))
        pipe.recv()


@contextmanager
def _exchange(names: list[str]) -> Iterator[_Exchange]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(names, theirs))
    process.start()
    try:
        yield _Exchange(*ours.recv())
    finally:
        ours.send("stop")
        process.join()


def run(say: Say) -> None:
    """Start, let it poll for a minute, and read its log and its metrics."""
    names = [f"account{number:03d}" for number in range(_ACCOUNTS)]
    with (
        server() as url,
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        _exchange(names) as exchange,
    ):
        folder, address = Path(directory), free_address()
        for name in names:
            (folder / name).write_text(exchange.tokens[name])
        settings = {
            "ONETRADING_BASE_URL": exchange.base_url,
            "ONETRADING_ACCOUNTS": ",".join(f"{name}={folder / name}" for name in names),
            "ONETRADING_HISTORY_START": time.strftime("%F", time.gmtime(time.time() - 86_400)),
            "ONETRADING_LOG_FORMAT": "json",
            "ONETRADING_LISTEN": address,
            "DATABASE_URL": url,
        }
        with exporter_with(folder, "run", **settings) as process:
            time.sleep(_WARM_UP_S)
            before = _measured(process, address)
            time.sleep(_SECONDS)
            _report(say, before, _measured(process, address), folder / "log")


class _Measured(NamedTuple):
    """What the process says and has used so far."""

    at: float
    cpu_s: float
    mib: float
    threads: int
    lines: list[str]
    scrape_s: float

    def total(self, series: str) -> float:
        """The sum of all samples whose line begins with ``series``."""
        found = [line for line in self.lines if line.startswith(series)]
        return sum(float(line.rpartition(" ")[2]) for line in found)


def _measured(process: Process, address: str) -> _Measured:
    began = time.monotonic()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=120) as response:
        lines = response.read().decode().splitlines()
    scraped = time.monotonic()
    return _Measured(
        scraped, cpu_s(process), resident_mib(process), _threads(process), lines, scraped - began
    )


def _report(say: Say, before: _Measured, after: _Measured, log: Path) -> None:
    took_s = after.at - before.at
    what = f"{_ACCOUNTS} accounts"

    def grown(series: str) -> str:
        return number(after.total(series) - before.total(series))

    passes = grown("onetrading_sync_duration_seconds_count")
    say(Finding(f"{what}: passes in {took_s:.0f} s", passes))
    say(Finding(f"{what}: errors counted", grown("onetrading_sync_errors_total"), "", "0"))
    for event in ("missed", "max_instances"):
        series = f'onetrading_scheduler_events_total{{event="{event}"}}'
        say(Finding(f"{what}: scheduled runs {event}", grown(series), "", "0"))
    spooled = number(after.total("onetrading_spool_snapshots"))
    say(Finding(f"{what}: snapshots that wait on disk", spooled, "", "0"))
    cores = (after.cpu_s - before.cpu_s) / took_s
    say(Finding(f"{what}: CPU", f"{cores:.2f} cores", f"{before.cpu_s:.0f} s before", "< 1"))
    say(Finding(f"{what}: memory, threads", f"{after.mib:.0f} MiB, {after.threads}"))
    scrape_ms = number(after.scrape_s * 1_000)
    say(Finding(f"{what}: one scrape, {len(after.lines):,} lines", f"{scrape_ms} ms"))
    messages = Counter(json.loads(line)["message"].split(":")[0] for line in log.open())
    lost = str(messages["lost the connection to Postgres"])
    say(Finding(f"{what}: connections to Postgres taken for lost, in all", lost, "", "0"))
    common = ", ".join(f"{count} x {text}" for text, count in messages.most_common(4))
    say(Finding(f"{what}: log lines, in all", str(messages.total()), common, "< 100"))


def _threads(process: Process) -> int:
    return len(list(Path(f"/proc/{process.pid}/task").iterdir()))
