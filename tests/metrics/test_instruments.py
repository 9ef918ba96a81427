"""What is measured while work is done, against prometheus_client: the same bytes for the same."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
)
from prometheus_client.exposition import choose_encoder

from exporter.metrics import Instrumentation, families
from exporter.metrics.compression import Gzip

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
FORMATS = pytest.mark.parametrize("accept", ["", OPENMETRICS])
STREAMS = ("trades", "balances")
NAMES = ("main", 'a "quoted" one', "back\\slash", "é", "line\nbreak")
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Library:
    """The same families in prometheus_client."""

    def __init__(self) -> None:
        disable: Callable[[], None] = prometheus_client.disable_created_metrics
        disable()
        self.registry = CollectorRegistry(auto_describe=True)
        self.passes = self.histogram(families.SYNC_DURATION)
        self.written = self.counter(families.ROWS_WRITTEN)
        self.rejected = self.counter(families.ROWS_REJECTED)
        self.requests = self.counter(families.API_REQUESTS)
        self.durations = self.histogram(families.API_DURATION)
        self.waits = self.counter(families.API_WAIT)
        info = families.BUILD_INFO
        gauge = Gauge(info.name, info.help, info.labels, registry=self.registry)
        gauge.labels("1", "unknown", "3").set(1)
        self.present: frozenset[str] = frozenset()
        self.left: frozenset[str] = frozenset()

    def counter(self, family: families.Family) -> Counter:
        return Counter(family.name, family.help, family.labels, registry=self.registry)

    def histogram(self, family: families.Family) -> Histogram:
        return Histogram(
            family.name, family.help, family.labels, registry=self.registry, buckets=BUCKETS
        )

    def set_accounts(self, accounts: tuple[str, ...]) -> None:
        for account in accounts:
            for stream in STREAMS:
                self.passes.labels(account, stream)
                self.record_rows(account, stream, 0, 0, 0)
        for account in accounts:
            self.waits.labels(account)
        self.left = (self.left | self.present) - frozenset(accounts)
        for account in self.left:
            for metric in (self.passes, self.written, self.rejected, self.requests, self.waits):
                metric.remove_by_labels({"account": account})
        self.present = frozenset(accounts)

    def record_rows(
        self, account: str, stream: str, inserted: int, updated: int, rejected: int
    ) -> None:
        self.written.labels(account, stream, "inserted").inc(inserted)
        self.written.labels(account, stream, "updated").inc(updated)
        self.rejected.labels(account, stream).inc(rejected)


Event = Callable[[Instrumentation, Library], None]


def rows(account: str, stream: str, counts: tuple[int, int, int]) -> Event:
    def happen(ours: Instrumentation, theirs: Library) -> None:
        inserted, updated, rejected = counts
        ours.record_rows(account, stream, inserted=inserted, updated=updated, rejected=rejected)
        if account not in theirs.left:
            theirs.record_rows(account, stream, *counts)

    return happen


def request(account: str, endpoint: str, code: str, seconds: float) -> Event:
    def happen(ours: Instrumentation, theirs: Library) -> None:
        ours.record_request(account, endpoint, code, seconds)
        if account not in theirs.left:
            theirs.requests.labels(account, endpoint, code).inc()
        theirs.durations.labels(endpoint).observe(seconds)

    return happen


def took(account: str, stream: str, seconds: float) -> Event:
    def happen(ours: Instrumentation, theirs: Library) -> None:
        ours.record_pass(account, stream, seconds)
        ours.record_wait(account, seconds)
        if account not in theirs.left:
            theirs.passes.labels(account, stream).observe(seconds)
            theirs.waits.labels(account).inc(seconds)

    return happen


def accounts(names: tuple[str, ...]) -> Event:
    def happen(ours: Instrumentation, theirs: Library) -> None:
        ours.set_accounts([(name, stream) for name in names for stream in STREAMS], names)
        theirs.set_accounts(names)

    return happen


SECONDS = st.one_of(st.sampled_from(BUCKETS), st.floats(0, 1e9))
ACCOUNT, STREAM = st.sampled_from(NAMES), st.sampled_from(STREAMS)
EVENTS = st.one_of(
    st.builds(rows, ACCOUNT, STREAM, st.tuples(*[st.integers(0, 10**7)] * 3)),
    st.builds(request, ACCOUNT, st.sampled_from(["a", 'b"']), st.sampled_from(["200"]), SECONDS),
    st.builds(took, ACCOUNT, STREAM, SECONDS),
    st.builds(accounts, st.lists(ACCOUNT, unique=True).map(tuple)),
)


def written(ours: Instrumentation, accept: str) -> bytes:
    """The families that count, without those of the process."""
    parts = [
        (header.openmetrics if accept else header.text) + chunk for header, chunk in ours.families()
    ]
    return b"".join(part for part in parts if part.startswith(b"# HELP onetrading_"))


@FORMATS
@given(happened=st.lists(st.lists(EVENTS, max_size=4), max_size=6), start=st.sets(ACCOUNT))
def test_the_lines_are_those_of_prometheus_client(
    accept: str, happened: list[list[Event]], start: set[str]
) -> None:
    """Whatever happens between two scrapes, each shows what the library shows, byte for byte."""
    present = tuple(start)
    ours = Instrumentation(
        [(name, stream) for name in present for stream in STREAMS],
        accounts=present,
        version="1",
        python="3",
    )
    theirs = Library()
    theirs.set_accounts(present)
    for before_a_scrape in [[], *happened]:
        for happen in before_a_scrape:
            happen(ours, theirs)
        expected = choose_encoder(accept)[0](theirs.registry).removesuffix(b"# EOF\n")
        assert written(ours, accept) == expected
        assert written(ours, accept) == expected  # nothing happened in between


PART = st.one_of(
    st.binary(max_size=50),
    st.builds(lambda text, times: text * times, st.binary(min_size=1, max_size=40), st.just(400)),
)


@given(st.lists(st.lists(PART, max_size=6), min_size=1, max_size=4))
def test_one_member_of_gzip_holds_all_parts(bodies: list[list[bytes]]) -> None:
    """Also when the parts of the body before it are there again, in another order."""
    compressor = Gzip()
    for parts in (*bodies, *(body[::-1] + bodies[0] for body in bodies)):
        packed = compressor.compress(parts)
        one = zlib.decompressobj(16 + zlib.MAX_WBITS)  # as clients do that know of one member
        assert one.decompress(packed) == b"".join(parts)
        assert one.eof
        assert one.unused_data == b""
        assert gzip.decompress(packed) == b"".join(parts)
