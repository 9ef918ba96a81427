"""What is measured while work is done: durations, requests, rows; and the process itself.

What has many series is written as text when it changes. The process and Python, of which there are
few, are left to prometheus_client, in a registry of their own, not in its default one: a library
that registers metrics at import must not add to `/metrics`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

from exporter.metrics import families
from exporter.metrics.instruments import Counter, Histogram
from exporter.metrics.text import FamilyHeader

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
        revision: str = "unknown",
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        """The collectors of the process and of Python's garbage collector."""
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._passes = Histogram(families.SYNC_DURATION, _BUCKETS_S)
        self._written = Counter(families.ROWS_WRITTEN)
        self._rejected = Counter(families.ROWS_REJECTED)
        self._requests = Counter(families.API_REQUESTS)
        self._durations = Histogram(families.API_DURATION, _BUCKETS_S)
        self._waits = Counter(families.API_WAIT)
        info = Counter(families.BUILD_INFO)
        info.add((version, revision, python), 1)
        self._of_accounts = (
            self._passes,
            self._written,
            self._rejected,
            self._requests,
            self._waits,
        )
        self._instruments = [
            measured.instrument
            for measured in (
                *(self._passes, self._written, self._rejected, self._requests),
                *(self._durations, self._waits, info),
            )
        ]
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
            self._passes.instrument.begin((account, stream))
            self.record_rows(account, stream)
        for account in accounts:
            self._waits.instrument.begin((account,))
        if self._left:
            for measured in self._of_accounts:
                measured.instrument.remove("account", self._left)

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """A request took ``seconds``; ``code``: its HTTP status, or the error if there is none."""
        if account not in self._left:
            self._requests.add((account, endpoint, code), 1)
        self._durations.observe((endpoint,), seconds)

    def record_wait(self, account: str, seconds: float) -> None:
        """A request waited ``seconds`` for the request budget."""
        if account not in self._left:
            self._waits.add((account,), seconds)

    def record_pass(self, account: str, stream: str, seconds: float) -> None:
        """A pass ended after ``seconds``, whether it succeeded or not."""
        if account not in self._left:
            self._passes.observe((account, stream), seconds)

    def record_rows(
        self, account: str, stream: str, *, inserted: int = 0, updated: int = 0, rejected: int = 0
    ) -> None:
        """A transaction committed: so many rows written, so many records rejected."""
        if account in self._left:
            return
        self._written.add((account, stream, "inserted"), inserted)
        self._written.add((account, stream, "updated"), updated)
        self._rejected.add((account, stream), rejected)

    def families(self) -> Iterator[tuple[FamilyHeader, bytes]]:
        """The opening of each family and its sample lines, as of now. Not those of `registry`."""
        for instrument in self._instruments:
            yield instrument.header, instrument.chunk()
