"""What is measured while work is done: durations, requests, rows.

prometheus_client keeps these in a registry of their own, not in its default one: a library that
registers metrics at import must not add to `/metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

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
    All series whose labels are known in advance exist from the start, or since `set_accounts`, so
    that `rate()` sees their first increment.
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
        self._present: frozenset[str] = frozenset()
        self._left: frozenset[str] = frozenset()
        """Accounts that are not read any more; a pass in flight may still report on them."""
        self.set_accounts(keys, accounts)

    def set_accounts(self, keys: Sequence[tuple[str, str]], accounts: Collection[str]) -> None:
        """As in the constructor, instead of what was said before: the series of other accounts are
        withdrawn, and begin at 0 when they are back."""
        self._left = (self._left | self._present) - frozenset(accounts)
        self._present = frozenset(accounts)
        for account, stream in keys:
            self._passes.labels(account, stream)
            self.record_rows(account, stream)
        for account in accounts:
            self._waits.labels(account)
        for metric, family in (
            (self._passes, families.SYNC_DURATION),
            (self._written, families.ROWS_WRITTEN),
            (self._rejected, families.ROWS_REJECTED),
            (self._requests, families.API_REQUESTS),
            (self._waits, families.API_WAIT),
        ):
            _remove(metric, family.labels, self._left)

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """A request took ``seconds``; ``code``: its HTTP status, or the error if there is none."""
        if account not in self._left:
            self._requests.labels(account, endpoint, code).inc()
        self._durations.labels(endpoint).observe(seconds)

    def record_wait(self, account: str, seconds: float) -> None:
        """A request waited ``seconds`` for the request budget."""
        if account not in self._left:
            self._waits.labels(account).inc(seconds)

    def record_pass(self, account: str, stream: str, seconds: float) -> None:
        """A pass ended after ``seconds``, whether it succeeded or not."""
        if account not in self._left:
            self._passes.labels(account, stream).observe(seconds)

    def record_rows(
        self, account: str, stream: str, *, inserted: int = 0, updated: int = 0, rejected: int = 0
    ) -> None:
        """A transaction committed: so many rows written, so many records rejected."""
        if account in self._left:
            return
        self._written.labels(account, stream, "inserted").inc(inserted)
        self._written.labels(account, stream, "updated").inc(updated)
        self._rejected.labels(account, stream).inc(rejected)

    def _counter(self, family: families.Family) -> Counter:
        return Counter(family.name, family.help, family.labels, registry=self.registry)

    def _histogram(self, family: families.Family) -> Histogram:
        return Histogram(
            family.name, family.help, family.labels, registry=self.registry, buckets=_BUCKETS_S
        )


def _remove(metric: Counter | Histogram, names: Sequence[str], accounts: Collection[str]) -> None:
    """Remove every series of these accounts; ``names``: of the metric's labels."""
    if not accounts:
        return
    gone = {
        tuple(sample.labels[name] for name in names)
        for family in metric.collect()
        for sample in family.samples
        if sample.labels["account"] in accounts
    }
    for labels in gone:
        with suppress(KeyError):
            metric.remove(*labels)
