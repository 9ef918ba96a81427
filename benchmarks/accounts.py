"""Many accounts in one process at the default intervals: lateness, threads, memory, scrapes.

The exchange runs in a process of its own, so that the CPU measured is the exporter's. How late a
poll is follows from what any scrape shows, not from what the exporter says of itself: the age of
the last success of each stream, less its interval.
"""

from __future__ import annotations

import gzip
import http.client
import json
import multiprocessing
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.measure import Finding, Say, number, quantile
from benchmarks.postgres import server
from benchmarks.process import Process, cpu_s, exporter_with, free_address, resident_mib
from exporter.simulator import Faults, Simulator
from exporter.simulator.market.market import AccountSpec

_COUNTS = (1, 10, 100, 600)
_LIMIT_S = 180.0
"""How long is waited until all streams were tried, and again until all history was read."""
_SETTLE_S = 30.0
_SECONDS = 60.0
_SCRAPE_EVERY_S = 5.0
_LATENCY_MS = 100
_ESTABLISHED = "01"
_PROGRESS = re.compile(r"^onetrading_backfill_progress_ratio\{.*\} (.+)$", re.MULTILINE)
_OF_STREAM = re.compile(
    r"^onetrading_sync_(last_success_timestamp|interval)_seconds\{(.*)\} (.+)$", re.MULTILINE
)


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
    """Start, wait until everything was tried, and watch it for a minute. Which numbers of accounts
    can be named in `ACCOUNTS`, separated by commas."""
    chosen = os.environ.get("ACCOUNTS")
    for accounts in map(int, chosen.split(",")) if chosen else _COUNTS:
        _run(say, accounts)


def _run(say: Say, accounts: int) -> None:
    names = [f"account{number:04d}" for number in range(accounts)]
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
        began = time.monotonic()
        with exporter_with(folder, "run", **settings) as process:
            tried_s = _until(lambda: _is_ready(address), began)
            read_s = _until(lambda: _all_read(address), began)
            time.sleep(_SETTLE_S)
            watched = _watch(process, address, (exchange.base_url, url))
            _report(say, f"{accounts} accounts", (tried_s, read_s), watched, folder / "log")


def _until(done: Callable[[], bool], began: float) -> float | None:
    """Seconds since ``began`` when ``done`` is true; None when it did not become true in time."""
    until = time.monotonic() + _LIMIT_S
    while time.monotonic() < until:
        if done():
            return time.monotonic() - began
        time.sleep(0.5)
    return None


def _get(address: str, path: str) -> str:
    """Compressed, as Prometheus asks for it. Raises OSError unless it is there."""
    connection = http.client.HTTPConnection(address, timeout=120)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        body = response.read()
    except http.client.HTTPException as error:
        raise OSError(f"{path}: {error!r}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise OSError(f"{path}: {response.status}")
    packed = response.headers.get("Content-Encoding") == "gzip"
    return (gzip.decompress(body) if packed else body).decode()


def _is_ready(address: str) -> bool:
    try:
        return bool(_get(address, "/-/ready"))
    except OSError:
        return False


def _all_read(address: str) -> bool:
    """Whether all required history is proven."""
    try:
        found = _PROGRESS.findall(_get(address, "/metrics"))
    except OSError:
        return False
    time.sleep(2.0)
    return bool(found) and all(float(value) == 1 for value in found)


class _Watched(NamedTuple):
    """What the process did while it was watched."""

    seconds: float
    cores: float
    mib: float
    threads: int
    connections: tuple[int, int]
    """To the exchange and to Postgres."""
    scrapes_s: list[float]
    failed: int
    """Scrapes that were cut off."""
    series: int
    late: list[float]
    """Of each stream at each look: seconds beyond the interval since its last success."""
    worst: float
    """The largest of these as a share of the stream's interval."""
    grown: Counter[str]
    """By how much the sum of each family has grown."""
    load: float


def _watch(process: Process, address: str, urls: tuple[str, str]) -> _Watched:
    began, cpu = time.monotonic(), cpu_s(process)
    first = last = _get(address, "/metrics")
    scrapes: list[float] = []
    late: list[float] = []
    failed, worst, threads, connections = 0, 0.0, 0, (0, 0)
    while time.monotonic() < began + _SECONDS:
        time.sleep(_SCRAPE_EVERY_S)
        at = time.monotonic()
        try:
            last = _get(address, "/metrics")
        except OSError:
            failed += 1
            continue
        scrapes.append(time.monotonic() - at)
        threads = max(threads, _threads(process))
        connections = max(connections, _connections(process, urls))
        if len(scrapes) % 2 == 0:
            for interval_s, late_s in _lateness(last):
                late.append(late_s)
                worst = max(worst, late_s / interval_s)
    took_s, used_s = time.monotonic() - began, cpu_s(process) - cpu
    sums = _sums(last)
    sums.subtract(_sums(first))
    return _Watched(
        took_s,
        used_s / took_s,
        resident_mib(process),
        threads,
        connections,
        scrapes,
        failed,
        sum(not line.startswith("#") for line in last.splitlines()),
        late,
        worst,
        sums,
        os.getloadavg()[0],
    )


def _lateness(text: str) -> Iterator[tuple[float, float]]:
    """Of each stream its interval, and the seconds beyond it since the last success."""
    now, found = time.time(), dict[str, dict[str, float]]()
    for what, labels, value in _OF_STREAM.findall(text):
        found.setdefault(labels, {})[what] = float(value)
    for stream in found.values():
        if len(stream) == 2:
            interval_s = stream["interval"]
            age_s = now - stream["last_success_timestamp"]
            yield interval_s, max(age_s - interval_s, 0.0)


def _sums(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if line.startswith(("onetrading_sync_", "onetrading_api_requests", "onetrading_sched")):
            series, _, value = line.rpartition(" ")
            found[series.partition("{")[0]] += float(value)  # type: ignore[assignment]
    return found


def _threads(process: Process) -> int:
    return len(list(Path(f"/proc/{process.pid}/task").iterdir()))


def _connections(process: Process, urls: tuple[str, str]) -> tuple[int, int]:
    """How many are open to the exchange, and to Postgres."""
    ports = [urlsplit(url).port for url in urls]
    open_ = Counter[int]()
    inodes = set[str]()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _ESTABLISHED and fields[9] in inodes:
            open_[int(fields[2].rpartition(":")[2], 16)] += 1
    return open_[ports[0] or 0], open_[ports[1] or 0]


def _report(
    say: Say, what: str, times: tuple[float | None, float | None], seen: _Watched, log: Path
) -> None:
    def seconds(value: float | None) -> str:
        return f"not in {_LIMIT_S:.0f} s" if value is None else f"{number(value)} s"

    tried_s, read_s = times
    say(Finding(f"{what}: until all streams were tried", seconds(tried_s), "", "<= 30 s"))
    say(Finding(f"{what}: until a day of history was read", seconds(read_s)))
    passes = seen.grown["onetrading_sync_duration_seconds_count"] / seen.seconds
    of = f"{1_000 * seen.cores / max(passes, 0.001):.1f} ms a pass, load {seen.load:.1f}"
    say(Finding(f"{what}: CPU", f"{seen.cores:.2f} cores", of, "< 1"))
    say(Finding(f"{what}: memory", f"{seen.mib:.0f} MiB", "", "< 191 MiB"))
    say(Finding(f"{what}: threads, at most", str(seen.threads), "", "< 64"))
    exchange, postgres = seen.connections
    say(Finding(f"{what}: connections to the exchange, to Postgres", f"{exchange}, {postgres}"))
    p50, p99 = (quantile(seen.scrapes_s, share) * 1_000 for share in (0.5, 0.99))
    of = f"{seen.series:,} series"
    cut = f"{seen.failed} cut off" if seen.failed else ""
    say(Finding(f"{what}: scrape, p50 and p99, {of}", f"{number(p50)}, {number(p99)} ms", cut))
    late = f"{number(quantile(seen.late, 0.5))}, {number(quantile(seen.late, 0.99))} s"
    say(Finding(f"{what}: seconds beyond the interval, p50 and p99", late))
    say(Finding(f"{what}: the latest poll, by its interval", f"{seen.worst:.2f}", "", "<= 1"))
    requests = seen.grown["onetrading_api_requests_total"] / seen.seconds
    say(Finding(f"{what}: requests, passes a second", f"{number(requests)}, {number(passes)}"))
    errors = number(seen.grown["onetrading_sync_errors_total"])
    events = number(seen.grown["onetrading_scheduler_events_total"])
    say(Finding(f"{what}: errors, runs that were skipped", f"{errors}, {events}", "", "0, 0"))
    messages = Counter(json.loads(line)["message"].split(":")[0] for line in log.open())
    common = ", ".join(f"{count} x {text}" for text, count in messages.most_common(3))
    say(Finding(f"{what}: log lines, in all", str(messages.total()), common, "< 100"))
