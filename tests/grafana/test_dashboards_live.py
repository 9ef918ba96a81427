"""The dashboards against the real thing: every PromQL returns data, every SQL runs.

A real Prometheus scrapes the real service, which polls a simulated exchange; the exchange is half a
day behind at first and catches up, so that counters grow, and fails in all the ways that some panel
is there to show.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from exporter.metrics.service_metrics import ServiceMetrics
from exporter.metrics.text import sample_lines, series_name
from exporter.simulator import Simulator
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.streams.closed_positions import GAINED, LOST
from tests.support.configuration import NAMES
from tests.support.dashboards import ANNOTATION, POSTGRES, PROMETHEUS, Query, promql, queries, sql
from tests.support.loopback import Loopback, reply
from tests.support.process import ROOT, Run, running
from tests.support.prometheus import Prometheus, prometheus
from tests.support.world import ACCOUNTS, environment

BEHIND = timedelta(hours=12)
KNOWN = timedelta(days=3)
SCRAPE_S = 0.5
WAIT_S = 45.0
"""Open rejects are counted every 30 seconds."""
ASKING = '{replica="a", stream!~"position_.+"}'
"""Streams that have something to ask for in each pass; the others only when a position closed."""
CHOSEN: Mapping[str, Sequence[str]] = {
    "account": ACCOUNTS,
    "instrument": sorted(INSTRUMENTS),
    "currency": ("USDC", "USD", "EUR", "BTC"),
}


class Screen:
    """What the dashboards show since it was switched on."""

    def __init__(self, server: Prometheus) -> None:
        self._server = server
        self._began = time.time()
        self.dark = queries(PROMETHEUS)
        """What has never shown anything yet."""

    def left_dark(self, *, but: str = "nothing") -> list[str]:
        """Ask until everything has shown something; what has not in time is returned.

        ``but``: beginning of the places that need not.
        """
        until = time.monotonic() + WAIT_S
        while True:
            self.dark = [query for query in self.dark if not self._shows(query)]
            left = [query for query in self.dark if not query.place.startswith(but)]
            if not left or time.monotonic() > until:
                return [f"{query.board}: {query.place}" for query in left]
            time.sleep(SCRAPE_S)

    def seen(self, board: str, place: str) -> dict[str, float]:
        """What a stat shows now, by label `state`."""
        (query,) = (q for q in queries(PROMETHEUS) if (q.board, q.place) == (board, place))
        found = self._server.query(promql(query.text, CHOSEN, every="4s", span="60s"))
        return {one["metric"].get("state", ""): float(one["value"][1]) for one in found}

    def _shows(self, query: Query) -> bool:
        now = time.time()
        span = f"{now - self._began:.0f}s"
        text = promql(query.text, CHOSEN, every="4s", span=span)
        if query.instant:
            return bool(self._server.query(text))
        return bool(self._server.query_range(text, self._began, now, 1.0))


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    start = datetime.now(UTC) - BEHIND
    with Simulator(now=start, history_days=KNOWN.days) as found:
        yield found


@pytest.fixture
def service(simulator: Simulator, tmp_path: Path, database_url: str) -> Iterator[Run]:
    """The exporter, with everything polled each second."""
    quick = {f"ONETRADING_INTERVAL_{name.upper()}": "1s" for name in NAMES}
    more = {
        "DATABASE_URL": database_url,
        "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        "ONETRADING_HISTORY_START": (simulator.now - KNOWN).isoformat(),
    }
    with running(environment(simulator, tmp_path, more=quick | more), tmp_path / "log") as run:
        run.wait_until_ready()
        yield run
        run.check_log()


def exposed(count: int) -> str:
    """Metrics of an exporter in which that much has happened that no test waits for.

    Positions seldom close, the first verification is a minute after the start, the accounts of the
    service are not in a file, and no month is over or locked.
    """
    metrics = ServiceMetrics(now=time.time, monotonic=time.monotonic)
    key = ("main", "trades")
    kinds = ("late", "changed", "vanished", "returned")
    found = {(*key, kind): count for kind in kinds}
    metrics.set_verification(findings=found, last={key: time.time()}, progress={key: 0.5})
    metrics.set_config(True, time.time())
    metrics.set_months(
        {("main", "roll_forward", "2026-10 EUR"): count}, {"main": time.time()}, {"main": count}
    )
    closed = {
        series_name(metric.name, ("account", "instrument"), ("main", "BTC_USD_P")): str(count)
        for metric in (GAINED, LOST)
    }
    lines = [*(lines for _, lines in metrics.chunks()), sample_lines(closed)]
    return b"".join(lines).decode()


@pytest.fixture
def eventful() -> Iterator[str]:
    """The address of that exporter: another one of the same accounts."""
    none, some = (reply(200, exposed(count), Content_Type="text/plain") for count in (0, 3))
    exporter = Loopback([none] * 8 + [some])
    threading.Thread(target=exporter.accept, daemon=True).start()
    yield exporter.base_url.removeprefix("http://").removesuffix("/fast/v1")
    exporter.stop()


@pytest.fixture
def server(service: Run, eventful: str, tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus, which scrapes it and computes the recording rules; twice, as of two replicas."""
    address = service.base.removeprefix("http://")
    exporters = (("a", address), ("b", address), ("eventful", eventful))
    replicas = [{"targets": [target], "labels": {"replica": name}} for name, target in exporters]
    config = {
        "global": {"scrape_interval": f"{SCRAPE_S * 1000:.0f}ms", "evaluation_interval": "1s"},
        "rule_files": [str(ROOT / "grafana/alerts/recording.yaml")],
        "scrape_configs": [{"job_name": "onetrading", "static_configs": replicas}],
    }
    with prometheus(tmp_path / "prometheus", config) as found:
        yield found


@pytest.mark.timeout(180)
def test_every_query_returns_data(
    simulator: Simulator, service: Run, server: Prometheus, database_url: str
) -> None:
    screen = Screen(server)
    counting = 'onetrading_trades_total{account="main"}'
    service.wait_until(lambda: bool(server.query(counting)), "it never counts")
    time.sleep(3 * SCRAPE_S)
    # One account meets what some panels are there to show; the others go on well.
    simulator.advance(BEHIND.total_seconds())
    time.sleep(6 * SCRAPE_S)
    simulator.set_faults(account="hedge", bad_record_rate=0.3, unknown_fields=True)
    assert screen.left_dark(but=ANNOTATION) == []
    service.wait_until(
        lambda: set(screen.seen("account-overview", "Lowest account ratio AGE")) == {"age"}
    )
    simulator.set_faults(error_rate=1)
    gone = f"{ANNOTATION} No exporter"
    assert screen.left_dark(but=gone) == []
    service.wait_until(lambda: bool(server.query(f"sum(onetrading_sync_success{ASKING}) == 0")))

    def all_that_ask_are_in_trouble() -> bool:
        (failing,) = screen.seen("exporter-health", "Streams in trouble A").values()
        return permitted(server, ASKING) <= failing <= permitted(server)

    service.wait_until(all_that_ask_are_in_trouble)  # a scrape may lie between the two
    assert set(screen.seen("account-overview", "Lowest account ratio AGE")) == {"stale"}
    assert without_rows(database_url) == []
    service.terminate()
    assert screen.left_dark() == []


def permitted(server: Prometheus, which: str = '{replica="a"}') -> float:
    """How many streams may be read, as one process reports."""
    (found,) = server.query(f"sum(onetrading_sync_permitted{which})")
    return float(found["value"][1])


def put_late_fact(connection: psycopg.Connection[TupleRow], now: datetime) -> None:
    """A trade that came back different, and a lock of a month of long ago."""
    connection.execute(
        "INSERT INTO onetrading_sync.issues (account_id, stream, kind, key, happened_at)"
        " SELECT account_id, 'trades', 'changed', jsonb_build_object('trade_id', trade_id),"
        " traded_at FROM onetrading.trades WHERE traded_at < %s ORDER BY traded_at DESC LIMIT 1",
        [now - timedelta(days=1)],
    )
    connection.execute(
        "INSERT INTO onetrading.closes (month, zone, starts_at, ends_at, closed_at, unseen_from,"
        " version, settings, acknowledged, row_count, checksum) VALUES ('2020-01-01', 'UTC',"
        " '2020-01-01 00:00Z', '2020-02-01 00:00Z', now(), now(), '1.0.0', '{}', '{}', 0, 'none')"
    )


def without_rows(database_url: str) -> list[str]:
    """Every SQL runs, as a reader may run it; those without a row are returned."""
    now = datetime.now(UTC)
    # A day ago, so that there is something in the month even in its first hour.
    chosen = {**CHOSEN, "month": [f"{now - timedelta(days=1):%Y-%m}"]}
    empty = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        # As if we had looked for 40 days: closing balances are of days that are over.
        connection.execute(
            "UPDATE onetrading.snapshots"
            " SET first_observed_at = first_observed_at - interval '40 days'"
        )
        put_late_fact(connection, now)
        connection.execute("SET ROLE onetrading_reader")
        for query in queries(POSTGRES):
            text = sql(query.text, chosen, now - KNOWN, now)
            found = connection.execute(text.encode(), prepare=False)
            assert found.description, query
            if not found.fetchall():
                empty.append(f"{query.board}: {query.place}")
    return empty
