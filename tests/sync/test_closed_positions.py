"""Closed positions and their details on a simulated exchange: all of them, for few requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg

from exporter.app import App
from exporter.simulator import AccountSpec, Simulator
from exporter.sync import FollowerSync
from tests.support.facts import Connection
from tests.support.positions import (
    STREAMS,
    counters,
    issues,
    recounted,
    stored_funding,
    stored_positions,
    stored_trades,
    true_funding,
    true_positions,
    true_trades,
)
from tests.support.simulator_client import NOW
from tests.support.sync_app import environment, exchange, let_pass, run_passes, running, sync

HISTORY = "/account/futures/positions-history"
OF_ONE = [f"/account/futures/positions/{{}}/{name}" for name in ("trades", "funding-payments")]
START = NOW - timedelta(days=6)
QUARTER = 900.0


@contextmanager
def set_up(
    database_url: str, folder: Path, *, streams: str = STREAMS, per_day: float = 60, **more: str
) -> Iterator[tuple[Simulator, App, Connection]]:
    """An account that trades futures, its exporter and a connection to its database."""
    account = AccountSpec("main", trades_per_day=per_day)
    with exchange(days=5, accounts=(account,), seed=3) as simulator:
        given = {
            "ONETRADING_HISTORY_START": START.isoformat(),
            "ONETRADING_STREAMS": streams,
            **more,
        }
        environ = environment(simulator, database_url, folder, **given)
        with (
            running(environ) as app,
            psycopg.connect(database_url, autocommit=True) as connection,
        ):
            yield simulator, app, connection


def requested(simulator: Simulator) -> Counter[str]:
    """How often each endpoint was requested; ids are taken out."""
    paths = [request.path for request in simulator.requests]
    return Counter(
        "/".join("{}" if part.isdigit() else part for part in path.split("/")) for path in paths
    )


def read_all(app: App) -> None:
    """Passes until nothing is due any more."""
    sync(app)
    for follower in app.syncs:
        if isinstance(follower, FollowerSync):
            assert app.runner.run(follower) == "ok"
            while follower.pending():
                assert app.runner.run(follower) == "ok"


def assert_equal(simulator: Simulator, connection: Connection) -> None:
    """What is stored is the exchange's truth."""
    assert stored_positions(connection) == true_positions(simulator)
    assert stored_funding(connection) == true_funding(simulator)
    assert stored_trades(connection) == true_trades(simulator)
    assert counters(connection) == recounted(true_positions(simulator), START)


def test_everything_is_read_once_and_proves_the_other_lists(
    database_url: str, tmp_path: Path
) -> None:
    with set_up(database_url, tmp_path) as (simulator, app, connection):
        read_all(app)
        assert len(true_positions(simulator)) > 20
        assert true_funding(simulator)
        assert_equal(simulator, connection)
        assert issues(connection) == []
        compared = connection.execute(
            "SELECT stream, count(*), count(compared_at) FROM onetrading_sync.position_details"
            " GROUP BY stream ORDER BY stream"
        ).fetchall()
        closed = len(true_positions(simulator))
        assert [(name, number) for name, number, _ in compared] == [
            ("position_funding", closed),
            ("position_trades", closed),
        ]
        assert all(done > closed / 2 for _, _, done in compared)
        before, asked = versions(connection), requested(simulator)
        read_all(app)
        again = requested(simulator)
        assert {path: again[path] for path in OF_ONE} == {path: asked[path] for path in OF_ONE}
        assert versions(connection) == before


def versions(connection: Connection) -> list[tuple[str, str]]:
    """Every row with the transaction that wrote it last."""
    return [
        row
        for table in ("closed_positions", "position_funding_payments", "position_trades")
        for row in connection.execute(
            f"SELECT xmin::text, {table}::text FROM onetrading.{table} ORDER BY 2".encode()  # noqa: S608
        ).fetchall()
    ]


def test_only_what_is_documented_is_enough(database_url: str, tmp_path: Path) -> None:
    """The rest comes from the position's own trades, and no position is counted twice."""
    with set_up(database_url, tmp_path, per_day=8) as (simulator, app, connection):
        simulator.set_faults(only_documented=True, trades_member="", flat_trades=True)
        sync(app)
        read_all(app)
        assert_equal(simulator, connection)
        assert issues(connection) == []
        # The records come again, with other bytes: what was found out stays.
        simulator.set_faults(only_documented=True, unknown_fields=True)
        let_pass(simulator, app, 31 * 86_400)
        read_all(app)
        assert_equal(simulator, connection)
        assert {kind for _, kind, _ in issues(connection)} <= {"raw_changed"}


def test_quiet_passes_take_one_request(database_url: str, tmp_path: Path) -> None:
    """Whether or not positions are open; a day later those from the oldest open one on again."""
    with set_up(database_url, tmp_path, per_day=0) as (simulator, app, connection):
        opened = {
            "instrument_code": "BTC_USD_P",
            "direction": "LONG",
            "open_volume": "1",
            "mark_price": "100",
        }
        simulator.override_position("main", positions=[opened])
        sync(app)
        for _ in range(2):  # the first pass after the start cannot know what was open before it
            for _ in range(60):
                let_pass(simulator, app, QUARTER / 60)
                position_pass(app)
            run_passes(app)
        for _ in range(3):
            for _ in range(60):
                let_pass(simulator, app, QUARTER / 60)
                position_pass(app)
            before = requested(simulator)[HISTORY]
            assert set(run_passes(app).values()) == {"ok"}
            assert requested(simulator)[HISTORY] == before + 1
            query = [one.query for one in simulator.requests if one.path == HISTORY][-1]
            assert f"{simulator.now - timedelta(hours=1):%Y-%m-%d}" in query
            assert connection.execute("SELECT 1 FROM onetrading_sync.rejects").fetchall() == []


def position_pass(app: App) -> None:
    """Look at the open positions."""
    (one,) = (one for one in app.syncs if one.stream.name == "positions")
    assert app.runner.run(one) == "ok"
