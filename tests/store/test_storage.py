"""Whether an account may be read while it is not known yet who holds its lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.app import apply_migrations
from exporter.model.errors import NotYet, StandingBy
from exporter.store.database import Database
from exporter.store.leases import Leases
from exporter.store.storage import LEASE_WAIT_S, Storage
from tests.support.clocks import Clock
from tests.support.stored_snapshots import away

MAIN = "a0000000-0000-4000-8000-000000000001"


@contextmanager
def starting(url: str, clock: Clock, holder: str = "first") -> Iterator[tuple[Storage, Leases]]:
    """A process that has just been started: it has not connected, and asked for no lease."""
    leases = Leases(lambda: url, holder, {"main": MAIN})
    storage = Storage(Database(lambda: url, apply_migrations), leases, clock.monotonic)
    try:
        yield storage, leases
    finally:
        storage.close()


def opened(storage: Storage) -> bool:
    """Try to connect; whether it succeeded."""
    assert storage.database is not None
    return storage.database.open()


@pytest.mark.parametrize("connected", [False, True], ids=["connecting", "connected"])
def test_an_account_waits_a_little_for_the_answer_to_who_holds_it(
    connected: bool, database_url: str
) -> None:
    clock = Clock()
    with starting(database_url, clock) as (storage, _):
        assert not connected or opened(storage)
        for at in (0, LEASE_WAIT_S - 0.125):
            clock.at = at
            with pytest.raises(NotYet):
                storage.check_lease("main")
        clock.at = LEASE_WAIT_S
        storage.check_lease("main")


def test_an_answer_ends_the_wait(database_url: str) -> None:
    with (
        starting(database_url, Clock()) as (storage, leases),
        starting(database_url, Clock(), "second") as (other, its_leases),
    ):
        assert opened(storage)
        assert opened(other)
        leases.renew()
        storage.check_lease("main")
        its_leases.renew()
        with pytest.raises(StandingBy):
            other.check_lease("main")


def test_an_account_does_not_wait_for_a_postgres_that_is_away() -> None:
    """What is shown does not wait for Postgres."""
    with starting(away(), Clock()) as (storage, leases):
        with pytest.raises(NotYet):
            storage.check_lease("main")
        assert not opened(storage)
        leases.renew()
        assert leases.state("main") == "unknown"
        storage.check_lease("main")
