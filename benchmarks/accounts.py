"""Many accounts in one process: what a minute costs, and whether it is taken for an outage.

The exchange runs in a process of its own, so that the CPU measured is the exporter's.
"""

from __future__ import annotations

import json
import multiprocessing
import os
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
from benchmarks.process import Process, exporter_with, free_address, resident_mib
from exporter.simulator import Faults, Simulator
from exporter.simulator.market.market import AccountSpec

_ACCOUNTS = 300
_SECONDS = 60.0
_LATENCY_MS = 100
_TICKS = os.sysconf("SC_CLK_TCK")


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
            time.sleep(_SECONDS)
            _report(say, process, address, folder / "log")


def _report(say: Say, process: Process, address: str, log: Path) -> None:
    cpu, memory, threads = _cpu_s(process) / _SECONDS, resident_mib(process), _threads(process)
    began = time.monotonic()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as response:
        lines = response.read().decode().splitlines()
    scrape_s = time.monotonic() - began
    messages = Counter(json.loads(line)["message"].split(":")[0] for line in log.open())
    what = f"{_ACCOUNTS} accounts for {_SECONDS:.0f} s"
    passes = _total(lines, "onetrading_sync_duration_seconds_count")
    say(Finding(f"{what}: passes", number(passes)))
    errors = _total(lines, "onetrading_sync_errors_total")
    say(Finding(f"{what}: errors counted", number(errors), "", "0"))
    lost = messages["lost the connection to Postgres"]
    say(Finding(f"{what}: connections to Postgres taken for lost", str(lost), "", "0"))
    spooled = _total(lines, "onetrading_spool_snapshots")
    say(Finding(f"{what}: snapshots that wait on disk", number(spooled), "", "0"))
    for event in ("missed", "max_instances"):
        count = _total(lines, f'onetrading_scheduler_events_total{{event="{event}"}}')
        say(Finding(f"{what}: scheduled runs {event}", number(count)))
    common = ", ".join(f"{count} x {text}" for text, count in messages.most_common(4))
    say(Finding(f"{what}: log lines", str(messages.total()), common, "< 100"))
    say(Finding(f"{what}: CPU", f"{cpu:.2f} cores", "", "< 1"))
    say(Finding(f"{what}: memory, threads", f"{memory:.0f} MiB, {threads}"))
    say(Finding(f"{what}: one scrape, {len(lines):,} lines", f"{scrape_s * 1_000:.0f} ms"))


def _total(lines: list[str], series: str) -> float:
    """The sum of all samples whose line begins with ``series``."""
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))


def _cpu_s(process: Process) -> float:
    """Seconds of CPU that the process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _threads(process: Process) -> int:
    return len(list(Path(f"/proc/{process.pid}/task").iterdir()))
