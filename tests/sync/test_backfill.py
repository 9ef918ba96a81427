"""A backfill tries all windows, raises what failed, and tries again while it gets further."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.app import App
from exporter.model.errors import BadRequest, CursorExpired
from exporter.model.window import Window
from exporter.simulator import AccountSpec
from exporter.sync import Backfill, HistorySync, Progress
from tests.support.facts import count
from tests.support.paged import PRESENT, PageResponse, ScriptedExchange, row_at, syncing
from tests.support.sync_app import environment, exchange, fill, running

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REFUSED: PageResponse = (400, {"error": "INVALID_QUERY"})
EXPIRED: PageResponse = (400, {"error": "INVALID_CURSOR"})
NOT_AS_DOCUMENTED: PageResponse = (200, {})
FOUR_WINDOWS = PRESENT - 115 * DAY
"""From here to the present are four windows of at most 30 days."""


def window_number(query: dict[str, str]) -> int:
    """Which of the four windows is asked for, 0 the newest."""
    return (PRESENT - datetime.fromisoformat(query["to"])) // (29 * DAY)


def reader_of(app: App) -> HistorySync:
    (history,) = app.histories("main")
    return history


def counted(database_url: str) -> list[tuple[Any, ...]]:
    """From when on trades are counted, and how many are; empty while they are not."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "SELECT since, (SELECT sum(value)::int FROM onetrading_sync.totals"
            " WHERE metric = 'onetrading_trades_total') FROM onetrading_sync.counting"
        ).fetchall()


def stored(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        return count(connection, "SELECT count(*) FROM onetrading.trades")


def test_counters_begin_when_all_that_is_missing_is_refused(
    database_url: str, tmp_path: Path
) -> None:
    told = ScriptedExchange([], respond=lambda _query: REFUSED)
    with syncing(told, database_url, tmp_path, FOUR_WINDOWS) as app:
        with pytest.raises(BadRequest):
            Backfill(reader_of(app)).complete()
        # Nothing was proven, so that each window was asked for once, and then whether the exchange
        # serves anything: one row of the newest and one of the oldest hour.
        windows = [query for query in told.asked if query["max_page_size"] == "100"]
        assert sorted(map(window_number, windows)) == [0, 1, 2, 3]
        assert len(told.asked) - len(windows) == 2
        assert counted(database_url) == []
        assert not fill(app)
        assert counted(database_url) == [(FOUR_WINDOWS, None)]


def test_one_window_that_is_refused_costs_no_other(database_url: str, tmp_path: Path) -> None:
    """It is asked for twice: the time that passed since the first try is no progress."""
    rows = [row_at(FOUR_WINDOWS + n * 10 * DAY, n) for n in range(1, 11)]

    def respond(query: dict[str, str]) -> PageResponse | None:
        # So many requests are too many; the test then ends, since nothing fails any more.
        return REFUSED if window_number(query) == 1 and len(told.asked) < 100 else None

    told = ScriptedExchange(rows, respond=respond)
    with syncing(told, database_url, tmp_path, FOUR_WINDOWS) as app:
        with pytest.raises(BadRequest):
            Backfill(reader_of(app)).complete()
        refused = {row for row in rows if 30 <= (PRESENT - row_instant(row)) / DAY < 60}
        assert len(refused) == 3
        assert stored(database_url) == len(rows) - len(refused)


def row_instant(row: Any) -> datetime:
    return PRESENT - 120 * DAY + timedelta(milliseconds=row.at)


def test_counters_wait_while_one_window_failed_otherwise(database_url: str, tmp_path: Path) -> None:
    """The last error is a refusal, but an earlier one was not: that window may still be read."""
    failed_before = threading.Event()

    def respond(query: dict[str, str]) -> PageResponse:
        if window_number(query) == 0:
            return NOT_AS_DOCUMENTED
        if window_number(query) == 3:
            # Three walkers: the one that failed goes on to this window, the others wait below.
            failed_before.set()
        assert failed_before.wait(30)
        return REFUSED

    with syncing(
        ScriptedExchange([], respond=respond), database_url, tmp_path, FOUR_WINDOWS
    ) as app:
        assert not fill(app)
        assert counted(database_url) == []


def test_counters_wait_while_a_cursor_expires(database_url: str, tmp_path: Path) -> None:
    """The exchange refuses the cursor, not the history."""
    since = PRESENT - DAY
    rows = [row_at(PRESENT - 2 * HOUR, number) for number in (1, 2)]
    told = ScriptedExchange(
        rows, size=1, respond=lambda query: EXPIRED if "cursor" in query else None
    )
    with syncing(told, database_url, tmp_path, since) as app:
        with pytest.raises(CursorExpired):
            Backfill(reader_of(app)).complete()
        assert not fill(app)
        assert counted(database_url) == []
        told.respond = lambda _query: None
        assert fill(app)
        assert counted(database_url) == [(since, 2)]


def test_it_is_tried_again_as_long_as_it_gets_further(database_url: str, tmp_path: Path) -> None:
    """Only first pages are answered: each try proves down to the oldest row of one."""
    since = PRESENT - DAY
    rows = [row_at(since + n * HOUR, n) for n in range(1, 21)]
    told = ScriptedExchange(
        rows, size=2, respond=lambda query: REFUSED if "cursor" in query else None
    )
    with syncing(told, database_url, tmp_path, since) as app:
        Backfill(reader_of(app)).complete()
        assert stored(database_url) == len(rows)
        assert fill(app)
        assert counted(database_url) == [(since, len(rows))]


def test_progress_never_passes_what_is_proven(database_url: str, tmp_path: Path) -> None:
    """Several transactions for each window, each of which proves more of it."""
    accounts = (AccountSpec("main", trades_per_day=8_000),)
    with exchange(days=0.5, accounts=accounts) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="trades")
        with running(environ) as app, psycopg.connect(database_url, autocommit=True) as connection:
            seen: list[tuple[float, float, float]] = []

            def show(progress: Progress) -> None:
                proven_s = progress.proven_s  # read before: others go on meanwhile
                seen.append((proven_s, progress.ratio, covered_s(connection)))

            job = Backfill(reader_of(app), show)
            planned = job.plan()
            missing_s = sum((end - start).total_seconds() for _, (start, end) in planned)
            done = job.run(planned)
            assert len(seen) > 4
            assert all(proven <= covered + 0.001 for proven, _, covered in seen)
            assert all(ratio <= covered / missing_s + 1e-6 for _, ratio, covered in seen)
            assert done.inserted > 3_000
            assert done.wanted_s == pytest.approx(missing_s)
            assert done.proven_s == pytest.approx(missing_s)
            assert done.ratio == pytest.approx(1.0)
            assert done.windows_left == 0
            assert covered_s(connection) == pytest.approx(missing_s)


def covered_s(connection: psycopg.Connection[Any]) -> float:
    """Seconds of history that Postgres holds as proven."""
    row = connection.execute(
        "SELECT coalesce(sum(extract(epoch FROM upper(range) - lower(range))), 0)::float8"
        " FROM onetrading_sync.coverage"
    ).fetchone()
    assert row is not None
    return float(row[0])


def test_a_row_at_the_very_instant_that_counting_begins_counts(
    database_url: str, tmp_path: Path
) -> None:
    """Whether it is there before the counters begin, or comes late."""
    since = PRESENT - timedelta(minutes=4)
    millisecond = timedelta(milliseconds=1)
    told = ScriptedExchange(
        [row_at(since - millisecond, 1), row_at(since, 2), row_at(since + millisecond, 3)]
    )
    with syncing(told, database_url, tmp_path, since) as app:
        assert fill(app)
        assert counted(database_url) == [(since, 2)]
        reader = reader_of(app)
        Backfill(reader).complete(Window(since - HOUR, since))
        assert stored(database_url) == 3
        assert counted(database_url) == [(since, 2)]
        told.rows += [row_at(since, 4), row_at(since + millisecond, 5)]
        assert app.runner.run(reader) == "ok"
        assert stored(database_url) == 5
        assert counted(database_url) == [(since, 4)]
