"""Databases with made-up facts, for the tests of the reporting views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Connection = psycopg.Connection[tuple[Any, ...]]

MAIN, UNNAMED = UUID(int=1), UUID(int=2)
NAMES = {MAIN: "main", UNNAMED: str(UNNAMED)}
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

# Each example runs in a transaction that is rolled back, so that they may share a database.
examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
account_ids = st.sampled_from([MAIN, UNNAMED])
money = st.decimals(-(10**12), 10**12, places=18)
time_zones = st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"])


@contextmanager
def facts(connection: Connection, time_zone: str) -> Iterator[datetime]:
    """A transaction to put facts in, in a session of that time zone; yields its ``now()``."""
    try:
        connection.execute(
            "SELECT set_config('timezone', %s, true), set_config('jit', 'off', true)", [time_zone]
        )
        put(connection, "onetrading.accounts (account_id, name)", [(MAIN, "main")])
        row = connection.execute("SELECT now()").fetchone()
        assert row is not None
        yield row[0]
    finally:
        connection.rollback()


def put(connection: Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into ``table (columns)``."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def read(connection: Connection, columns: str, view: str) -> list[tuple[Any, ...]]:
    """All rows of a view; ``columns`` must begin with those that identify a row."""
    query = f"SELECT {columns} FROM reporting.{view}"  # noqa: S608 -- literals of the tests
    return in_order(connection.execute(query.encode()).fetchall())


def in_order(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows in an order that does not depend on where they come from, nulls included."""
    return sorted(rows, key=repr)


def midnight(day: date) -> datetime:
    """The UTC instant at which the day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def example_of(connection: Connection, view: str) -> bytes:
    """The query in the comment of a reporting view."""
    row = connection.execute(
        "SELECT obj_description(%s::regclass, 'pg_class')", [f"reporting.{view}"]
    ).fetchone()
    assert row is not None
    query = row[0].partition("\n\nExample:\n")[2]
    assert query
    return str(query).encode()
