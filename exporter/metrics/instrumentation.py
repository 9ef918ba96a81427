"""What is measured while work is done: durations, requests, rows.

prometheus_client keeps these in a registry of their own, not in its default one: a library that
registers metrics at import must not add to `/metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from exporter.metrics import families

# The library has no types for this one function.
_disable_created: Callable[[], None] = disable_created_metrics

_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Instrumentation:
    """Counters and histograms of the exporter's own work. Safe to use from any thread.

    ``keys``: every (account, stream); ``accounts``: those that send requests, `public` included.
    All series whose labels are known in advance exist from the start, so that `rate()` sees their
    first increment.
    """

    def __init__(
        self,
        keys: Sequence[tuple[str, str]],
        *,
        accounts: Sequence[str],
        version: str,
        python: str,
    ) -> None:
        # `_created` doubles the series, and is a gauge of its own in the text format.
        _disable_created()
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._passes = self._histogram(families.SYNC_DURATION)
        self._written = self._counter(families.ROWS_WRITTEN)
        self._rejected = self._counter(families.ROWS_REJECTED)
        self._requests = self._counter(families.API_REQUESTS)
        self._durations = self._histogram(families.API_DURATION)
        self._waits = self._counter(families.API_WAIT)
        build = families.BUILD_INFO
        info = Gauge(build.name, build.help, build.labels, registry=self.registry)
        info.labels(version, python).set(1)
        for account, stream in keys:
            self._passes.labels(account, stream)
            self.record_rows(account, stream)
        for account in accounts:
            self._waits.labels(account)

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """A request took ``seconds``; ``code``: its HTTP status, or the error if there is none."""
        self._requests.labels(account, endpoint, code).inc()
        self._durations.labels(endpoint).observe(seconds)

    def record_wait(self, account: str, seconds: float) -> None:
        """A request waited ``seconds`` for the request budget."""
        self._waits.labels(account).inc(seconds)

    def record_pass(self, account: str, stream: str, seconds: float) -> None:
        """A pass ended after ``seconds``, whether it succeeded or not."""
        self._passes.labels(account, stream).observe(seconds)

    def record_rows(
        self, account: str, stream: str, *, inserted: int = 0, updated: int = 0, rejected: int = 0
    ) -> None:
        """A transaction committed: so many rows written, so many records rejected."""
        self._written.labels(account, stream, "inserted").inc(inserted)
        self._written.labels(account, stream, "updated").inc(updated)
        self._rejected.labels(account, stream).inc(rejected)

    def _counter(self, family: families.Family) -> Counter:
        return Counter(family.name, family.help, family.labels, registry=self.registry)

    def _histogram(self, family: families.Family) -> Histogram:
        return Histogram(
            family.name, family.help, family.labels, registry=self.registry, buckets=_BUCKETS_S
        )
