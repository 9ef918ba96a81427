"""Where there is nothing to fill, looking for gaps costs little; what comes up is filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.simulator import AccountSpec
from exporter.sync import GapFiller
from tests.support.sync_app import (
    environment,
    exchange,
    fill,
    let_pass,
    run_passes,
    running,
    sync,
)
from tests.support.waiting import wait_until

ONE_ACCOUNT = (AccountSpec("main", trades_per_day=100),)
LOOKS = 100


def query(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def commits(database_url: str) -> int:
    """Transactions of the database so far, those of ended sessions included."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    wait_until(lambda: query(database_url, others) == [(0,)])
    statement = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    return int(query(database_url, statement)[0][0])


def versions(database_url: str) -> list[tuple[Any, ...]]:
    """The rows about the sync, as they lie on disk: a lock of a row shows, too."""
    tables = ("progress", "coverage", "runs", "counting", "closings", "leases")
    statement = " UNION ALL ".join(
        f"SELECT '{name}', ctid::text, xmin::text, xmax::text"  # noqa: S608  literals of this test
        f" FROM onetrading_sync.{name}"
        for name in tables
    )
    return sorted(query(database_url, statement))


def look(filler: GapFiller, times: int) -> None:
    for _ in range(times):
        filler.look()


def test_a_look_is_one_transaction_that_writes_nothing(database_url: str, tmp_path: Path) -> None:
    """For each account, however many streams it has."""
    with exchange(accounts=ONE_ACCOUNT) as simulator:
        environ = environment(simulator, database_url, tmp_path)

        def after(looks: int) -> int:
            with running(environ) as app:
                sync(app)
                filler = app.gap_filler()
                look(filler, 2)  # the first finds each stream complete
                before = versions(database_url)
                look(filler, looks)
                assert versions(database_url) == before
                assert len({sync.key for sync in app.histories()}) > 3
            return commits(database_url)

        first, without, with_looks = after(0), after(0), after(LOOKS)
    looked = (with_looks - without) - (without - first)
    # Two for each look. Sessions that measure, and autovacuum, add some; one for each stream would
    # be 700, and what a stream took before they were asked about together, thousands.
    assert 0 < looked < 6 * LOOKS


@pytest.fixture
def resting(database_url: str, tmp_path: Path) -> Any:
    with (
        exchange(accounts=ONE_ACCOUNT) as simulator,
        running(environment(simulator, database_url, tmp_path)) as app,
    ):
        sync(app)
        filler = app.gap_filler()
        look(filler, 2)
        yield simulator, app, filler


GAPS = (
    "SELECT count(*) FROM ("
    "SELECT FROM onetrading_sync.coverage WHERE stream IN ('trades', 'funding_payments')"
    " GROUP BY account_id, stream, scope HAVING count(*) > 1) AS gaps"
)


def test_a_gap_that_passes_leave_is_filled(resting: Any, database_url: str) -> None:
    """Nobody read for longer than a pass looks back."""
    simulator, app, filler = resting
    let_pass(simulator, app, 12 * 3600)
    run_passes(app)
    assert query(database_url, GAPS) != [(0,)]
    read_by_passes = stored(database_url)
    look(filler, 1)
    assert query(database_url, GAPS) == [(0,)]
    assert stored(database_url) > read_by_passes


def test_what_is_forgotten_is_read_again(resting: Any, database_url: str) -> None:
    """By another process, such as `reset`."""
    _, _, filler = resting
    total = stored(database_url)
    query(
        database_url,
        "UPDATE onetrading_sync.coverage SET range = tstzrange(lower(range) + interval '1 day',"
        " upper(range)) WHERE stream = 'trades' RETURNING 1",
    )
    query(database_url, "DELETE FROM onetrading.trades RETURNING 1")
    look(filler, 1)
    assert 0 < stored(database_url) < total
    query(database_url, "DELETE FROM onetrading_sync.coverage WHERE stream = 'trades' RETURNING 1")
    look(filler, 1)
    assert stored(database_url) == total


def test_an_account_whose_requirement_changes_is_looked_at(resting: Any, database_url: str) -> None:
    _, app, filler = resting
    query(
        database_url,
        "UPDATE onetrading_sync.progress SET served_from = required_from + interval '1 hour'"
        " WHERE stream = 'trades' RETURNING 1",
    )
    before = versions(database_url)
    look(filler, 1)  # looks at it, and there is nothing to read
    assert versions(database_url) == before
    assert fill(app)


def stored(database_url: str) -> int:
    return int(query(database_url, "SELECT count(*) FROM onetrading.trades")[0][0])
