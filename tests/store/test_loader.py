"""What a transaction counts: each reject once, and the record of a walk as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from exporter.app import App
from exporter.model.page import read
from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.simulator import AccountSpec, Simulator
from exporter.store import bookkeeping, loader
from exporter.store.loader import Batch, Run
from exporter.streams.trades import TRADES
from tests.support.facts import Connection, count
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY, Scripted, history, scripted, trade
from tests.support.simulator_client import NOW
from tests.support.sync_app import environment, exchange, running

BAD = trade().replace("00000000-0000-4000-8000-000000000001", "no id")
OTHER_BAD = trade().replace("00000000-0000-4000-8000-000000000001", "neither")
RUNS = (
    "SELECT pages, rows_inserted, rows_updated, rows_rejected, complete"
    " FROM onetrading_sync.runs ORDER BY run_id"
)
REJECTED = "onetrading_rows_rejected_total"


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


def test_a_record_that_is_rejected_again_counts_once(scenario: Scripted) -> None:
    """Each pass reads the newest part again, and with it what it could not read before."""
    assert scenario.poll("trades", history(BAD, trade(2))) == "ok"
    assert scenario.rows(RUNS) == [(1, 1, 0, 1, True)]
    assert scenario.shown(REJECTED, "trades") == 1
    assert scenario.poll("trades", history(BAD, trade(2))) == "ok"
    assert scenario.rows(RUNS)[1:] == [(1, 0, 0, 0, True)]
    assert scenario.shown(REJECTED, "trades") == 1
    assert scenario.poll("trades", history(OTHER_BAD, BAD, OTHER_BAD)) == "ok"
    assert scenario.rows(RUNS)[2:] == [(1, 0, 0, 1, True)]
    assert scenario.shown(REJECTED, "trades") == 2
    found = scenario.rows("SELECT record FROM onetrading_sync.rejects ORDER BY reject_id")
    assert found == [(BAD,), (OTHER_BAD,)]


def test_a_record_that_is_rejected_after_it_was_resolved_counts_again(scenario: Scripted) -> None:
    """The next good response of a snapshot stream resolves it."""
    bad, good = (
        f'{{"account_id":"{ACCOUNT_ID}","balances":[{{"currency_code":"EUR","available":{available}}}]}}'
        for available in ('"abc"', '"1"')
    )
    counted = []
    for body, outcome in ((bad, "failed"), (bad, "failed"), (good, "ok"), (bad, "failed")):
        assert scenario.poll("balances", body) == outcome
        counted.append(scenario.shown(REJECTED, "balances"))
    assert counted == [1, 1, 1, 2]
    assert scenario.rows("SELECT count(*) FROM onetrading_sync.rejects") == [(1,)]


@contextmanager
def busy(database_url: str, folder: Path) -> Iterator[tuple[Simulator, App, Connection]]:
    """An account whose last hour of trades fills several transactions."""
    accounts = (AccountSpec("main", trades_per_day=60_000),)
    with exchange(days=0.05, accounts=accounts) as simulator:
        environ = environment(simulator, database_url, folder, ONETRADING_STREAMS="trades")
        with (
            running(environ) as app,
            psycopg.connect(database_url, autocommit=True) as connection,
        ):
            yield simulator, app, connection


def pages_requested(simulator: Simulator) -> int:
    """How many pages of trades were requested so far."""
    return sum(request.path.endswith("/account/trades") for request in simulator.requests)


def test_the_record_of_a_walk_sums_its_transactions(database_url: str, tmp_path: Path) -> None:
    with busy(database_url, tmp_path) as (simulator, app, connection):
        (trades,) = (sync for sync in app.syncs if sync.stream.name == "trades")
        simulator.set_faults(bad_record_rate=0.2)
        assert app.runner.run(trades) == "ok"
        kept = count(connection, "SELECT count(*) FROM onetrading.trades")
        bad = count(connection, "SELECT count(*) FROM onetrading_sync.rejects")
        pages = pages_requested(simulator)
        assert kept + bad > 2_000
        assert connection.execute(RUNS.encode()).fetchall() == [(pages, kept, 0, bad, True)]
        # Nothing is proven any more: the next pass reads the whole hour again.
        connection.execute("DELETE FROM onetrading_sync.coverage")
        simulator.set_faults(changed_rate=1.0)
        assert app.runner.run(trades) == "ok"
        changed = count(connection, "SELECT count(*) FROM onetrading_sync.issues")
        new = count(connection, "SELECT count(*) FROM onetrading.trades") - kept
        assert changed > 1_000
        assert connection.execute(RUNS.encode()).fetchall()[1:] == [
            (pages_requested(simulator) - pages, new, changed, 0, True)
        ]


@pytest.mark.parametrize("numbered", [True, False], ids=["numbered beforehand", "by its insert"])
@pytest.mark.parametrize("completes", [(False, True), (False, False), (True, False)])
def test_the_last_batch_of_a_walk_says_whether_it_is_complete(
    completes: tuple[bool, ...], numbered: bool, database_url: str
) -> None:
    partition = Partition("main", ACCOUNT_ID, "trades")
    run = Run("backfill", Window(RECENTLY, NOW))
    bodies = [history(trade(1), trade(2), BAD), history(trade(2, '"7"'), trade(3), OTHER_BAD, BAD)]
    with psycopg.connect(database_url, autocommit=True) as connection:
        if numbered:
            (run.run_id,) = bookkeeping.number_runs(connection, 1)()
            assert run.run_id is not None
        for number, (body, complete) in enumerate(zip(bodies, completes, strict=True), 1):
            page = read(TRADES, body.encode(), ACCOUNT_ID)
            batch = Batch(page.rows, page.rejects, pages=3 * number, complete=complete)
            with connection.transaction():
                done = loader.load(connection, TRADES, partition, run, batch, None)
            assert done[:3] == ((2, 0, 1), (1, 1, 1))[number - 1]
            run.run_id = done.run_id
        found = connection.execute(RUNS.encode()).fetchall()
    assert found == [(9, 3, 1, 2, completes[-1])]
