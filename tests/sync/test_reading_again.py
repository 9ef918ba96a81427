"""What is proven is read again on request: late and changed rows are found, coverage stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model.window import Window, merge
from exporter.sync import Backfill, Progress
from tests.support.clocks import START
from tests.support.facts import coverage
from tests.support.paged import PRESENT, ScriptedExchange, row_at, syncing
from tests.support.stored_snapshots import ask
from tests.support.sync_app import fill
from tests.support.world import World, world

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TWO_DAYS = Window(START - 2 * DAY, START - HOUR)


def ids(database_url: str) -> set[str]:
    return {key for (key,) in ask(database_url, "SELECT trade_id::text FROM onetrading.trades")}


def again(live: World, window: Window = TWO_DAYS) -> Progress:
    (history,) = (h for h in live.app.histories("main") if h.stream.name == "trades")
    job = Backfill(history, again=True)
    job.complete(window)
    return job.progress


def test_rows_that_appeared_too_late_for_the_overlap_are_found(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        live.simulator.set_faults(hidden_rate=0.3)
        assert live.poll("main", "trades") == "ok"
        assert live.fill("main", "trades")
        live.simulator.set_faults()
        assert live.poll("main", "trades") == "ok"
        assert live.fill("main", "trades")
        missed = {row["trade"]["trade_id"] for row in live.simulator.truth("trades", "main")}
        missed -= ids(database_url)
        assert len(missed) > 10  # nothing else reads proven time again
        with psycopg.connect(database_url) as connection:
            before = coverage(connection)

        done = again(live)
        assert missed <= ids(database_url)
        assert done.late == done.inserted == len(missed)
        with psycopg.connect(database_url) as connection:
            assert coverage(connection) == before
        repeated = again(live)
        assert (repeated.inserted, repeated.late, repeated.updated) == (0, 0, 0)
        assert repeated.pages > 0


def test_changed_rows_are_counted_and_an_issue(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as live:
        assert live.poll("main", "trades") == "ok"
        assert live.fill("main", "trades")
        live.simulator.set_faults(changed_rate=0.2)
        done = again(live)
        assert done.updated > 0
        assert done.late == 0
        ((issues,),) = ask(database_url, "SELECT count(*) FROM onetrading_sync.issues")
        assert issues == done.updated


spans = st.lists(
    st.tuples(st.integers(0, 90), st.integers(1, 40)).map(
        lambda pair: Window(PRESENT - (100 - pair[0]) * DAY, PRESENT - (100 - sum(pair)) * DAY)
    ),
    max_size=4,
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(proven=spans)
def test_all_of_the_window_is_read_whatever_is_proven_of_it(
    proven: list[Window], tmp_path: Path, database_url: str
) -> None:
    """Late are the rows of proven time, and only these."""
    since = PRESENT - 100 * DAY
    rows = [row_at(since + n * 2 * DAY + HOUR, n) for n in range(1, 50)]
    told = ScriptedExchange([])
    for table in ("onetrading.trades", "onetrading_sync.coverage", "onetrading_sync.progress"):
        ask(database_url, f"DELETE FROM {table} RETURNING 1")  # noqa: S608
    with syncing(told, database_url, tmp_path, since) as app:
        (history,) = app.histories("main")
        for window in proven:
            if not (clipped := window.intersect(Window(since, PRESENT - HOUR))).empty:
                Backfill(history).complete(clipped)
        known = merge(proven)
        told.rows = rows
        job = Backfill(history, again=True)
        job.complete(Window(since, PRESENT - HOUR))
        assert len(ids(database_url)) == len(rows)
        instants = [since + n * 2 * DAY + HOUR for n in range(1, 50)]
        assert job.progress.inserted == len(rows)
        assert job.progress.late == sum(any(w.holds(at) for w in known) for at in instants)
        assert fill(app)
