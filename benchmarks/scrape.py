"""The cost of a scrape, idle and during a backfill in the same process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import cycle, islice

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from benchmarks.loading import Loading, loading
from benchmarks.measure import Finding, Say, in_turns, number, plain, quantile, ratio
from benchmarks.pages import trades
from benchmarks.postgres import server
from exporter.metrics import Exposition, Instrumentation, ServiceMetrics, StreamMetrics
from exporter.model.stream import PUBLIC_ACCOUNT, Sample
from exporter.server import Pages, Server
from exporter.service import SWITCH_INTERVAL_S
from exporter.streams.tickers import TICKERS

_SIZES = (1_000, 10_000)
_SCRAPES = 300
_BUSY_SCRAPES = 150
_BUSY_PAUSE_S = 0.05
_TURNS = 5
"""Of scrapes beside a backfill: ours, then those of the library, and so on."""
_ROUNDS = 9


class _Exporter:
    """Everything behind `/metrics`, with ``count`` series."""

    def __init__(self, count: int) -> None:
        def monotonic() -> float:
            return 0.0

        stream_metrics = StreamMetrics(
            [TICKERS], [], intervals={}, now=time.time, monotonic=monotonic
        )
        self._stream_metrics = stream_metrics
        service_metrics = ServiceMetrics(now=time.time, monotonic=monotonic)
        instrumentation = Instrumentation(
            stream_metrics.keys, accounts=[PUBLIC_ACCOUNT], version="0", python=sys.version
        )
        self.exposition = Exposition(stream_metrics, service_metrics, instrumentation)
        self.samples = list(islice(_samples(), count))
        self.poll()

    def poll(self) -> float:
        """Store the samples, as after a poll; milliseconds."""
        return _cpu_ms(
            lambda: self._stream_metrics.record_success(PUBLIC_ACCOUNT, "tickers", self.samples)
        )

    def render(self) -> float:
        """Render a response body; milliseconds."""
        return _cpu_ms(lambda: self.exposition.render("", ""))


def run(say: Say) -> None:
    """Rendering against prometheus_client's, then scrapes over HTTP."""
    for count in _SIZES:
        exporter = _Exporter(count)
        client_library = _ClientLibrary(exporter.samples)
        timings = in_turns(
            {
                "poll": exporter.poll,
                "render": exporter.render,
                "theirs": client_library.render,
            },
            _ROUNDS,
        )
        what = f"{count:,} series"
        say(plain(f"{what}: written once per poll", timings["poll"], "ms CPU"))
        say(plain(f"{what}: body rendered for a scrape", timings["render"], "ms CPU"))
        say(plain(f"{what}: prometheus_client's generate_latest", timings["theirs"], "ms CPU"))
        say(ratio(f"{what}: ours against theirs", timings["render"], timings["theirs"]))
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with server() as url, loading(url, trades(10_000)) as load:
        for count in _SIZES:
            _over_http(say, count, load)
        _against_the_library(say, _SIZES[-1], load)


def _against_the_library(say: Say, count: int, load: Loading) -> None:
    """The same series in the same process, served by the library's own server."""
    exporter = _Exporter(count)
    client_library = _ClientLibrary(exporter.samples)
    library_server, _ = start_http_server(0, "127.0.0.1", client_library.registry)
    with _serving(exporter.exposition) as port, _backfill(load):
        ours_s, theirs_s = list[list[float]](), list[list[float]]()
        for _ in range(_TURNS):
            each = _BUSY_SCRAPES // _TURNS
            ours_s.append(_scrape(port, each, _BUSY_PAUSE_S))
            theirs_s.append(_scrape(library_server.server_port, each, _BUSY_PAUSE_S))
    library_server.shutdown()
    library_server.server_close()
    what = f"{count:,} series over HTTP, gzip, during a backfill"
    ours, library = ([s for turn in turns for s in turn] for turns in (ours_s, theirs_s))
    say(_latency(f"{what}, in turns with it: ours", ours))
    say(_latency(f"{what}: start_http_server", library))
    by_turn = [
        quantile(theirs, 0.99) / quantile(mine, 0.99)
        for mine, theirs in zip(ours_s, theirs_s, strict=True)
    ]
    better = quantile(library, 0.99) / quantile(ours, 0.99)
    spread = f"{number(min(by_turn))} to {number(max(by_turn))} by turn"
    say(Finding(f"{what}: p99 better than it", f"{better:.0f} times", spread, ">= 50"))


def _over_http(say: Say, count: int, load: Loading) -> None:
    with _serving(_Exporter(count).exposition) as port:
        before = time.process_time()
        seconds = _scrape(port, _SCRAPES, 0.0)
        cpu_ms = (time.process_time() - before) / _SCRAPES * 1_000
        say(_latency(f"{count:,} series over HTTP, gzip, idle", seconds))
        say(Finding(f"{count:,} series over HTTP, gzip: CPU", f"{cpu_ms:.2f} ms"))
        with _backfill(load):
            seconds = _scrape(port, _BUSY_SCRAPES, _BUSY_PAUSE_S)
        say(_latency(f"{count:,} series over HTTP, gzip, during a backfill", seconds))


@contextmanager
def _serving(exposition: Exposition) -> Iterator[int]:
    """The exporter's server, with this at `/metrics`; its port."""
    pages = Pages(
        metrics=exposition.scrape,
        healthy=lambda: (True, ""),
        ready=lambda: (True, ""),
        index=lambda: b"",
        status=lambda: b"",
    )
    http = Server("127.0.0.1", 0, pages)
    http.start()
    try:
        yield http.port
    finally:
        http.stop()


def _latency(what: str, seconds: Sequence[float]) -> Finding:
    p50, p99 = (number(quantile(seconds, share) * 1_000) for share in (0.5, 0.99))
    worst = number(max(seconds) * 1_000)
    return Finding(f"{what}: p50 and p99", f"{p50}, {p99} ms", f"worst {worst}")


def _scrape(port: int, count: int, pause_s: float) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.scraper", "127.0.0.1", str(port), str(count)]
    process = subprocess.run([*command, str(pause_s)], check=True, capture_output=True, text=True)
    return [float(line) for line in process.stdout.splitlines()]


@contextmanager
def _backfill(load: Loading) -> Iterator[None]:
    """Decode and load pages in a thread, as fast as possible."""
    ended = threading.Event()

    def fill() -> None:
        while not ended.is_set():
            load.empty()
            load.ours(1_000)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _samples() -> Iterator[Sample]:
    """Yield every gauge of an unlimited number of instruments, with values of twelve digits."""
    for index, metric in enumerate(cycle(TICKERS.metrics)):
        instrument = f"TEST{index // len(TICKERS.metrics)}_USD_P"
        yield metric(Decimal(100_000_000_000 + 7_919 * index).scaleb(-6), instrument)


class _ClientLibrary(Collector):
    """The same families, built and rendered by prometheus_client at each scrape."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def render(self) -> float:
        """Collect and render; milliseconds."""
        return _cpu_ms(lambda: generate_latest(self.registry))

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Build all families."""
        families = {
            metric.name: GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for metric in TICKERS.metrics
        }
        for metric, labels, value in self._samples:
            families[metric.name].add_metric(labels, float(value))
        return families.values()


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1_000
