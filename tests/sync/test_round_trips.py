"""How often a pass waits for Postgres, which may be far away; and what a cut connection does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from benchmarks.far_postgres import Trips, far
from exporter.app import App
from exporter.simulator import AccountSpec, Simulator
from exporter.sync.history import HistorySync
from tests.support.facts import broken_claims, recounted, totals, truth, unproven
from tests.support.simulator_client import NOW
from tests.support.sync_app import (
    DAY,
    environment,
    exchange,
    let_pass,
    run_passes,
    running,
    sync,
)

QUIET = AccountSpec("main", trades_per_day=0)
MOMENT_S = 2.0
"""Between two passes."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange(days=2, accounts=(QUIET,)) as found:
        yield found


def trips_of(
    simulator: Simulator, app: App, trips: Trips, account: str, stream: str
) -> list[tuple[str, ...]]:
    """The round trips of one more pass, which succeeds, while nothing happens."""
    (found,) = [one for one in app.syncs if one.key == (account, stream)]
    let_pass(simulator, app, MOMENT_S)
    trips.take()
    assert app.runner.run(found) == "ok"
    return trips.take()


def test_a_pass_that_finds_nothing_waits_for_postgres_a_few_times(
    simulator: Simulator, database_url: str, tmp_path: Path
) -> None:
    """However many instruments there are. The counts are those of an account at rest: trades that
    the overlap shows again take one more."""
    with (
        far(database_url) as (url, trips),
        running(environment(simulator, url, tmp_path), service=True) as app,
    ):
        sync(app)
        let_pass(simulator, app, 1)
        run_passes(app)
        for stream, account, most in (
            ("trades", "main", 3),
            ("funding_payments", "main", 4),
            ("funding_history", "public", 5),
            ("balances", "main", 2),
            ("instruments", "public", 2),
            ("orders", "main", 12),
            ("closed_positions", "main", 11),
            ("position_trades", "main", 3),
        ):
            found = trips_of(simulator, app, trips, account, stream)
            assert len(found) <= most, (stream, found)
            assert "COMMIT" in found[-1]


@pytest.mark.parametrize(
    ("account", "stream", "pause_s", "cuts"),
    [("main", "trades", 1_200, 8), ("public", "funding_history", 4 * 3_600, 6)],
)
def test_a_connection_that_is_cut_anywhere_loses_and_doubles_nothing(
    account: str,
    stream: str,
    pause_s: float,
    cuts: int,
    database_url: str,
    tmp_path: Path,
) -> None:
    """Postgres gets what was sent, a COMMIT among it, and the answer is lost: all is repeated."""
    busy = AccountSpec("main", trades_per_day=1_000)
    with (
        exchange(days=1, accounts=(busy,)) as simulator,
        far(database_url) as (url, trips),
        running(environment(simulator, url, tmp_path), service=True) as app,
    ):
        listed, found = (
            next(sync for sync in app.syncs if sync.key == key)
            for key in (("public", "instruments"), (account, stream))
        )
        assert app.runner.run(listed) == app.runner.run(found) == "ok"
        assert isinstance(found, HistorySync)
        assert app.gap_filler().fill(found)
        for cut in range(1, cuts + 1):
            let_pass(simulator, app, pause_s)
            trips.cut_in(cut)
            assert app.runner.run(found) == "ok"
            trips.cut_in(0)
        with psycopg.connect(database_url) as connection:
            assert broken_claims(connection, truth(simulator, (stream,)), simulator.now) == []
            read_to = simulator.now - found.stream.allowed_lateness - timedelta(seconds=1)
            assert unproven(connection, NOW - DAY, read_to) == []
            assert totals(connection) == recounted(connection)


def test_a_pass_that_finds_nothing_claims_nothing_once_the_lease_is_lost(
    simulator: Simulator, database_url: str, tmp_path: Path
) -> None:
    """Although it sends the claim and the COMMIT before it knows."""
    kept = (
        "SELECT (SELECT array_agg(coverage ORDER BY coverage) FROM onetrading_sync.coverage),"
        " (SELECT count(*) FROM onetrading_sync.runs)"
    )
    with (
        running(environment(simulator, database_url, tmp_path), service=True) as app,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        (trades,) = [one for one in app.syncs if one.key == ("main", "trades")]
        assert app.runner.run(trades) == "ok"
        before = connection.execute(kept).fetchone()
        connection.execute("UPDATE onetrading_sync.leases SET holder = 'other', epoch = epoch + 1")
        let_pass(simulator, app, 60)
        assert app.runner.run(trades) == "standing by"
        assert connection.execute(kept).fetchone() == before


def test_what_postgres_refuses_of_one_instrument_costs_the_others_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """Although what several instruments brought is committed together."""
    odd = "BTC_USD_P"
    with (
        exchange(days=1, accounts=(QUIET,)) as simulator,
        running(environment(simulator, database_url, tmp_path), service=True) as app,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        listed, rates = (
            next(sync for sync in app.syncs if sync.key == ("public", name))
            for name in ("instruments", "funding_history")
        )
        assert app.runner.run(listed) == app.runner.run(rates) == "ok"
        assert isinstance(rates, HistorySync)
        assert app.gap_filler().fill(rates)
        connection.execute(
            "ALTER TABLE onetrading.funding_rates ADD CONSTRAINT odd"
            f" CHECK (instrument_code <> '{odd}') NOT VALID"
        )
        let_pass(simulator, app, 4 * 3_600)
        assert app.runner.run(rates) == "ok"
        found = connection.execute("SELECT DISTINCT scope FROM onetrading_sync.rejects")
        assert found.fetchall() == [(odd,)]
        facts = truth(simulator, ("funding_history",))
        others = {key: fact for key, fact in facts.items() if key[2] != odd}
        assert broken_claims(connection, others, simulator.now) == []
        read_to = simulator.now - rates.stream.allowed_lateness - timedelta(seconds=1)
        assert unproven(connection, NOW - DAY, read_to) == []
