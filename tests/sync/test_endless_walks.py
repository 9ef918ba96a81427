"""Passes over pages that do not end: they end as an error, and keep what was proven."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.api.retry import Policy
from exporter.app import App, Runtime, enabled
from tests.support.clocks import Clock
from tests.support.configuration import environment_of, settings_from
from tests.support.facts import count
from tests.support.loopback import Reply, serving
from tests.support.paged import (
    PRESENT,
    PageResponse,
    Row,
    ScriptedExchange,
    row_at,
    syncing,
    trade_of,
)

MINUTE = timedelta(minutes=1)
MOST_REQUESTS = 60


def page_of(rows: list[Row], cursor: str | None) -> PageResponse:
    body: dict[str, Any] = {"trade_history": [trade_of(row) for row in rows]}
    return 200, body if cursor is None else body | {"cursor": cursor}


def poll(app: App) -> tuple[str, bool, str | None]:
    """One pass of trades: its outcome, and what is shown of it."""
    (sync,) = (sync for sync in app.syncs if sync.stream.name == "trades")
    outcome = app.runner.run(sync)
    (shown,) = (s for s in app.metrics.streams.summaries() if s.stream == "trades")
    return outcome, shown.success, shown.last_error


def test_pages_that_repeat_end_the_pass_as_not_documented(
    database_url: str, tmp_path: Path
) -> None:
    rows = [row_at(PRESENT - n * MINUTE, n) for n in range(10, 16)]
    numbers = itertools.count()

    def again(_query: dict[str, str]) -> PageResponse:
        number = next(numbers)
        return page_of(rows[2 * number % 6 :][:2], f"cursor-{number}")

    told = ScriptedExchange([], respond=again)
    with syncing(told, database_url, tmp_path, PRESENT - 50 * MINUTE) as app:
        assert poll(app) == ("failed", False, "payload")
        assert len(told.asked) < MOST_REQUESTS
        with psycopg.connect(database_url) as connection:
            assert count(connection, "SELECT count(*) FROM onetrading.trades") == len(rows)


@pytest.mark.parametrize("stream", ["balances", "tickers", "instruments"])
def test_a_response_that_never_ends_is_a_failed_pass(stream: str, tmp_path: Path) -> None:
    endless = Reply(b"HTTP/1.1 200 OK\r\nX-Slow: ", pause_s=0.02, forever=b"a")
    patient = Policy(base_s=1e6, cap_s=1e6, connect_s=60.0, read_s=60.0, attempt_s=0.4)
    with serving(endless) as server:
        environ = environment_of(server.base_url, tmp_path, {"main": "token"}, DATABASE_URL="none")
        app = App(
            settings := settings_from(environ), enabled(settings), runtime=Runtime(retry=patient)
        )
        for sync in app.syncs:
            if sync.stream.name == stream:
                assert app.runner.run(sync) == "failed"
        states = [s for s in app.metrics.streams.summaries() if s.stream == stream]
        assert [(s.success, s.last_error) for s in states] == [(False, "timeout")] * len(states)
        app.close()


def test_a_tail_has_a_deadline_and_keeps_what_it_proved(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    pages = [row_at(PRESENT - n * MINUTE, n) for n in range(10, 50)]
    slow = True

    def respond(query: dict[str, str]) -> PageResponse:
        clock.at += 10 if slow else 0
        number = int(query.get("cursor", "0"))
        cursor = str(number + 1) if number + 1 < len(pages) else None
        return page_of([pages[number]], cursor)

    told = ScriptedExchange([], respond=respond)
    runtime = Runtime(monotonic=clock.monotonic, boottime=clock.monotonic)
    with syncing(told, database_url, tmp_path, PRESENT - 55 * MINUTE, runtime) as app:
        assert poll(app) == ("failed", False, "timeout")
        asked = len(told.asked)
        assert 6 <= asked < 10
        with psycopg.connect(database_url) as connection:
            assert count(connection, "SELECT count(*) FROM onetrading.trades") == asked
            proven = "SELECT count(*) FROM onetrading_sync.coverage WHERE lower(range) = %s"
            oldest = PRESENT - (9 + asked) * MINUTE
            found = connection.execute(proven, [oldest + timedelta(microseconds=1)]).fetchone()
            assert found == (1,)
        slow = False
        assert poll(app) == ("ok", True, None)
        (history,) = app.histories("main")
        assert app.gap_filler().fill(history)
        with psycopg.connect(database_url) as connection:
            assert count(connection, "SELECT count(*) FROM onetrading.trades") == len(pages)
