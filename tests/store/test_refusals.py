"""What Postgres refuses for good because of a value is told apart from everything that passes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest

from exporter.app import apply_migrations
from exporter.model.errors import DatabaseError, DataRefused
from exporter.store.database import Connection, Database

VALUES = {
    "NUL in text": ("SELECT %s::text", "a\0b"),
    "a lone surrogate": ("SELECT %s::text", "x\ud83dy"),
    "an integer beyond bigint": ("SELECT %s::bigint", 10**20),
    "a number of 200,000 digits": ("SELECT %s::numeric", "9" * 200_000),
    "NUL in JSON": ("SELECT %s::jsonb", r'"a\u0000b"'),
    "a lone surrogate in JSON": ("SELECT %s::jsonb", r'"x\ud83dy"'),
    "JSON nested too deep": ("SELECT %s::jsonb", "[" * 100_000 + "]" * 100_000),
    "no UUID": ("SELECT %s::uuid", "nobody"),
    "two rows for one": ("SELECT (SELECT n FROM generate_series(1, %s) AS n)", 2),
    "a key that stands twice": (
        "INSERT INTO onetrading.accounts SELECT %s::uuid, n FROM unnest('{a,b}'::text[]) AS n",
        "a0000000-0000-4000-8000-000000000001",
    ),
    "a key that is too long": ("INSERT INTO public.long_keys SELECT string_agg(md5(n::text), %s)"
                               " FROM generate_series(1, 1000) AS n", ""),
    "a check": ("INSERT INTO public.checked VALUES (%s)", -1),
}  # fmt: skip


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE public.long_keys (key text PRIMARY KEY)")
        connection.execute("CREATE TABLE public.checked (number numeric CHECK (number > 0))")
    database = Database(lambda: database_url, apply_migrations)
    assert database.open()
    yield database
    database.close()


def execute(connection: Connection, statement: LiteralString, value: Any) -> None:
    connection.execute(statement, [value])


@pytest.mark.parametrize(("statement", "value"), VALUES.values(), ids=VALUES)
def test_a_value_that_cannot_be_stored_is_no_lost_connection(
    statement: LiteralString, value: Any, database: Database
) -> None:
    """The connection is good, and the next transaction succeeds at once."""
    with pytest.raises(DataRefused):
        database.run(execute, statement, value)
    assert database.up
    database.run(execute, "SELECT %s::numeric", Decimal(1))


@pytest.mark.parametrize(
    "statement",
    ["SELECT %s FROM no_table", "SELECT pg_terminate_backend(pg_backend_pid()), %s"],
    ids=["a missing table", "a broken connection"],
)
def test_what_may_be_mended_is_no_refusal_of_data(
    statement: LiteralString, database: Database
) -> None:
    with pytest.raises(DatabaseError) as refused:
        database.run(execute, statement, 1)
    assert not isinstance(refused.value, DataRefused)
