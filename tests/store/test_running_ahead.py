"""Transactions that do not wait for each answer: what they write, and what an error undoes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from benchmarks.far_postgres import Trips, far
from exporter.model.errors import DatabaseError, DataRefused
from exporter.store.database import Connection, Database
from exporter.store.session import catch_up, run_ahead


@pytest.fixture
def opened(database_url: str) -> Iterator[tuple[Database, Trips]]:
    """A database with a table of numbers, and what its clients wait for."""
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE public.numbers (n integer PRIMARY KEY CHECK (n < 10))")
    with far(database_url) as (url, trips):
        database = Database(lambda: url, lambda _connection: None)
        assert database.open()
        trips.take()
        yield database, trips
        database.close()


def add(connection: Connection, *numbers: int) -> None:
    for number in numbers:
        connection.execute("INSERT INTO public.numbers VALUES (%s)", (number,))


def stored(connection: Connection) -> list[int]:
    found = connection.execute("SELECT n FROM public.numbers ORDER BY n")
    return [number for (number,) in found]


def test_all_of_it_takes_one_round_trip(opened: tuple[Database, Trips]) -> None:
    """The answers are read after the COMMIT."""
    database, trips = opened

    def ask(connection: Connection) -> Callable[[], list[int]]:
        add(connection, 1, 2)
        found = connection.execute("SELECT n FROM public.numbers ORDER BY n")
        return lambda: [number for (number,) in found]

    assert database.run_at_once(ask) == [1, 2]
    assert len(trips.take()) == 1
    assert database.look(stored) == [1, 2]
    assert len(trips.take()) == 1


def test_what_must_wait_can_do_so_in_between(opened: tuple[Database, Trips]) -> None:
    """COPY, savepoints and row counts work after `catch_up`; the rest goes with the COMMIT."""
    database, trips = opened

    def work(connection: Connection) -> int:
        add(connection, 1)
        catch_up(connection)
        with connection.transaction(force_rollback=True):
            add(connection, 2)
        with connection.cursor().copy("COPY public.numbers FROM STDIN") as copy:
            copy.write_row((3,))
        deleted = connection.execute("DELETE FROM public.numbers WHERE n = 1").rowcount
        assert run_ahead(connection)
        add(connection, 4, 5)
        return deleted

    assert database.run_ahead(work) == 1
    assert trips.take()[-1][-1] == "COMMIT"
    assert database.run(stored) == [3, 4, 5]


def broken(connection: Connection) -> None:
    add(connection, 1)
    raise LookupError


@pytest.mark.parametrize("at", range(4))
def test_an_error_anywhere_undoes_all_of_it(at: int, opened: tuple[Database, Trips]) -> None:
    """Also where nobody waits for the answer; the connection is as good as before."""
    database, _ = opened

    def work(connection: Connection) -> None:
        numbers = [1, 2, 3, 4]
        numbers[at] = 99
        add(connection, *numbers)
        if at == 1:
            catch_up(connection)

    with pytest.raises(DataRefused, match="numbers_n_check"):
        database.run_ahead(work)
    with pytest.raises(DatabaseError, match=r"relation \"nothing\" does not exist"):
        database.run_ahead(lambda connection: connection.execute("SELECT FROM nothing"))
    with pytest.raises(LookupError):
        database.run_ahead(broken)
    assert database.run(stored) == []
    database.run(add, 7)
    assert database.look(stored) == [7]


def test_a_conflict_repeats_all_of_it(opened: tuple[Database, Trips]) -> None:
    """As soon as it is told of, which may be with the COMMIT."""
    database, _ = opened
    database.run(add, 5)
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        add(connection, 4 + len(tries))

    database.run_ahead(work)
    assert (len(tries), database.run(stored)) == (2, [5, 6])


def test_only_a_transaction_that_began_so_runs_ahead(opened: tuple[Database, Trips]) -> None:
    """The others wait, whatever the work was written for."""
    database, _ = opened
    assert database.run(run_ahead) is False
    assert database.run_briefly(run_ahead) is True
    assert database.run_ahead(run_ahead) is True
    assert database.run(run_ahead) is False
