"""Scrapes of the real exposition while streams publish."""

from __future__ import annotations

import gzip
import json
import threading
import time
from dataclasses import replace

import msgspec

from exporter.metrics import Exposition, Instrumentation, ServiceMetrics, StreamMetrics
from exporter.model.stream import Metric
from exporter.streams.balances import BALANCES
from tests.support.secure import PAGES, serving


def test_a_scrape_sees_all_of_an_answer_or_nothing() -> None:
    """Two threads publish samples A and B of 300 series each; every scrape is one of them."""
    gauge = Metric("onetrading_law", "Alternates.", ("currency",))
    other = Metric("onetrading_law_too", "Alternates as well.", ("currency",))
    stream = replace(BALANCES, name="law", metrics=(gauge, other))
    stream_metrics = StreamMetrics(
        [stream], ["main"], intervals={}, now=time.time, monotonic=time.monotonic
    )
    instrumentation = Instrumentation(
        stream_metrics.keys, accounts=["main"], version="0", python="3"
    )
    exposition = Exposition(
        stream_metrics, ServiceMetrics(now=time.time, monotonic=time.monotonic), instrumentation
    )
    samples = {
        name: [m(value, f"{name}{n}") for m in (gauge, other) for n in range(150)]
        for name, value in (("A", 1), ("B", 2))
    }
    expositions = {
        frozenset(
            f'onetrading_law{m}{{account="main",currency="{name}{n}"}} {value}'
            for m in ("", "_too")
            for n in range(150)
        )
        for name, value in (("A", 1), ("B", 2))
    }
    stream_metrics.record_success("main", "law", samples["A"])
    stopped = threading.Event()

    def publish(name: str) -> None:
        while not stopped.wait(0.001):
            stream_metrics.record_success("main", "law", samples[name])

    publishers = [threading.Thread(target=publish, args=(name,)) for name in samples]
    with serving(None, replace(PAGES, metrics=exposition.render)) as endpoint:
        for thread in publishers:
            thread.start()
        seen: list[frozenset[str]] = []
        enough, deadline = time.monotonic() + 2, time.monotonic() + 60
        connection = endpoint.connection()
        while time.monotonic() < (enough if len(seen) > 100 else deadline) and len(seen) < 3_000:
            connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
            body = gzip.decompress(connection.getresponse().read()).decode()
            seen.append(frozenset(x for x in body.splitlines() if x.startswith("onetrading_law")))
        connection.close()
        stopped.set()
        for thread in publishers:
            thread.join()
    assert len(seen) > 100
    assert set(seen) == expositions


def test_the_board_is_served_as_prometheus_wants_it() -> None:
    stream_metrics = StreamMetrics(
        [BALANCES], ["main"], intervals={}, now=time.time, monotonic=time.monotonic
    )
    instrumentation = Instrumentation(
        stream_metrics.keys, accounts=["main"], version="0", python="3"
    )
    exposition = Exposition(
        stream_metrics, ServiceMetrics(now=time.time, monotonic=time.monotonic), instrumentation
    )
    pages = replace(
        PAGES,
        metrics=exposition.render,
        status=lambda: msgspec.json.encode(stream_metrics.summaries()),
    )
    with serving(None, pages) as endpoint:
        accept = "application/openmetrics-text;version=1.0.0,*/*;q=0.1"
        response = endpoint.request(headers={"Accept": accept})
        assert response.headers["content-type"].startswith("application/openmetrics-text")
        assert response.body.endswith(b"# EOF\n")
        status = json.loads(endpoint.request("/api/status").body)
        assert status[0]["freshness"] == "empty"
