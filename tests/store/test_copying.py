"""Rows that are copied as text arrive as they are, whatever their texts hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from exporter.store import copying

TEXTS = st.one_of(
    st.sampled_from(["BTC_EUR", "None", "\\None", "\\N", "", "\\", "\t", "\n", "a\r", r"\.", "%s"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
)
ROWS = st.lists(
    st.tuples(
        st.none() | TEXTS,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=30),
        st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
        st.none() | st.booleans(),
        TEXTS,
    ),
    max_size=8,
)


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(
            "CREATE TABLE things (number serial, a text, b bigint, c numeric, d timestamptz,"
            " e boolean, f text NOT NULL)"
        )
        yield connection


@given(rows=ROWS, plain=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_arrive_as_they_are(
    rows: list[tuple[Any, ...]], plain: bool, connection: psycopg.Connection[tuple[Any, ...]]
) -> None:
    if plain:  # as the rows of facts are
        rows = [(*row[:1], *row[1:5], "BUY") for row in rows]
    connection.execute("TRUNCATE things")
    statement = sql.SQL("COPY things (a, b, c, d, e, f) FROM STDIN ") + copying.OPTIONS
    copying.copy(connection, statement, rows)
    found = connection.execute("SELECT a, b, c, d, e, f FROM things ORDER BY number")
    assert found.fetchall() == rows


def test_numbers_keep_their_last_digit(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    numbers = ["1E+40", "1E-40", "0.10", "-0", "123456789012345678901234567890.1234567890"]
    rows = [(None, None, Decimal(number), None, None, "") for number in numbers]
    statement = sql.SQL("COPY things (a, b, c, d, e, f) FROM STDIN ") + copying.OPTIONS
    copying.copy(connection, statement, rows)
    found = connection.execute("SELECT c::text FROM things ORDER BY number").fetchall()
    expected = ["1" + "0" * 40, "0." + "0" * 39 + "1", "0.10", "0", numbers[-1]]
    assert [text for (text,) in found] == expected
