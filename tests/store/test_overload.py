"""A Postgres that is busy, slow or short of something is no Postgres that is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from exporter.app import apply_migrations
from exporter.model.errors import DatabaseBusy, DatabaseError
from exporter.store.database import Connection, Database
from exporter.store.pool import SIZE
from tests.support.facts import count
from tests.support.postgres import PostgresServer, standing_still
from tests.support.waiting import wait_until
from tests.support.world import world


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database that is up."""
    found = Database(lambda: database_url, apply_migrations)
    assert found.open()
    yield found
    found.close()


@contextmanager
def all_in_use(database: Database) -> Iterator[list[Future[int]]]:
    """Every connection is in a transaction, which ends with the block."""
    release, begun = threading.Event(), threading.Semaphore(0)

    def hold(connection: Connection) -> int:
        found = count(connection, "SELECT 1")
        begun.release()
        release.wait(60)
        return found

    with ThreadPoolExecutor(SIZE) as threads:
        holding = [threads.submit(database.run, hold) for _ in range(SIZE)]
        try:
            for _ in range(SIZE):
                assert begun.acquire(timeout=30)
            yield holding
        finally:
            release.set()


def one(connection: Connection) -> int:
    """The shortest transaction."""
    return count(connection, "SELECT 1")


def lost(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Log lines that call it an outage."""
    texts = [record.getMessage() for record in caplog.records]
    return [text for text in texts if "lost" in text or "away" in text]


def test_a_pool_without_a_free_connection_is_busy(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Threads that wait in vain are told so, in one line; those that work are not disturbed."""
    with caplog.at_level(logging.INFO, "exporter"):
        with all_in_use(database) as holding, ThreadPoolExecutor(20) as threads:
            waiting = [threads.submit(database.run_briefly, one) for _ in range(20)]
            for future in waiting:
                with pytest.raises(DatabaseBusy, match="Postgres is busy"):
                    future.result()
            time.sleep(1.5)  # the watcher has a look meanwhile
            assert database.up
        assert [future.result() for future in holding] == [1] * SIZE
        assert database.run_briefly(one) == 1
    assert not lost(caplog)
    assert len(caplog.records) == 1


def test_a_response_that_finds_no_connection_waits_on_disk_and_is_stored_later(
    tmp_path: Path, database_url: str
) -> None:
    """It is shown, no error is counted, and what waits blocks nothing."""
    with world(tmp_path, database_url, accounts=("main",)) as live:
        assert live.poll("main", "balances") == "ok"
        assert live.database is not None
        live.tick(15)
        with all_in_use(live.database):
            assert live.poll("main", "balances") == "ok"
            assert len(live.app.spool) == 1
        assert live.errors("main", "balances") == {}
        assert live.sync("success", "main", "balances") == "1"
        live.tick(15)
        assert live.poll("main", "balances") == "ok"
        assert len(live.app.spool) == 0


def test_a_slow_transaction_beside_others_that_end_is_no_outage(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def slow(connection: Connection) -> None:
        for _ in range(4):
            connection.execute("SELECT pg_sleep(2)")

    with caplog.at_level(logging.WARNING, "exporter"), ThreadPoolExecutor(1) as threads:
        ending = threads.submit(database.run_briefly, slow)
        while not ending.done():
            assert database.run_briefly(one) == 1
            time.sleep(0.1)
        assert isinstance(ending.exception(), DatabaseBusy)
    assert database.up
    assert not lost(caplog)


def test_a_slow_statement_is_ended_by_postgres_itself(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Alone, too: that it says so shows that it responds."""
    with caplog.at_level(logging.WARNING, "exporter"), pytest.raises(DatabaseError, match="busy"):
        database.run_briefly(lambda connection: connection.execute("SELECT pg_sleep(20)"))
    assert database.up
    assert not caplog.records


@pytest.mark.parametrize("code", ["53000", "53100", "53200", "53400"])
def test_a_full_disk_is_no_outage_and_one_line(
    code: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is any other resource that Postgres lacks."""
    text = "could not extend file: No space left on device"
    raising = f"DO $$ BEGIN RAISE EXCEPTION '{text}' USING ERRCODE = '{code}'; END $$"
    with caplog.at_level(logging.INFO, "exporter"):
        for _ in range(50):
            with pytest.raises(DatabaseBusy, match="No space left"):
                database.run_briefly(lambda connection: connection.execute(raising.encode()))
            assert database.up
    (record,) = caplog.records
    assert text in record.getMessage()


def test_a_postgres_that_hangs_with_every_connection_in_use_is_away(
    postgres_server: PostgresServer,
) -> None:
    """Nothing ends, and a new connection gets no answer: that is what tells it from overload."""
    database = Database(lambda: postgres_server.url, lambda _connection: None)
    assert database.open()
    try:
        with all_in_use(database), standing_still(postgres_server.url):
            with suppress(DatabaseError):
                database.run_briefly(one)
            wait_until(lambda: not database.up, within_s=60)
        wait_until(lambda: database.up, within_s=60)
    finally:
        database.close()
