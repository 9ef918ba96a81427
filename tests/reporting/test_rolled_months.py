"""Months that are summed once: which, until when, and never beside what the trades say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from exporter.store import rollups
from exporter.store.database import Connection, Database
from tests.support.raw_responses import ACCOUNT_ID

JUNE, JULY, AUGUST = (datetime(2026, month, 1, tzinfo=UTC) for month in (6, 7, 8))
PLAIN = """
    SELECT account_id, date_trunc('month', traded_at AT TIME ZONE 'UTC')::date, instrument_code,
        side, liquidity, fee_currency, count(*), sum(amount), sum(quote_amount),
        sum(fee_amount) FILTER (WHERE fee_amount > 0),
        sum(-fee_amount) FILTER (WHERE fee_amount < 0),
        count(fee_amount), sum(fee_amount * price), min(traded_at),
        max(traded_at)
    FROM onetrading.trades GROUP BY 1, 2, 3, 4, 5, 6"""
LAST = """
    SELECT account_id::text, account_id, instrument_code, min(traded_at), max(traded_at), count(*)
    FROM onetrading.trades GROUP BY 1, 2, 3"""
"""The sums without any of this."""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def put(connection: Connection, at: datetime, first: int, last: int) -> None:
    """Trades by number, a minute apart."""
    connection.execute(
        "INSERT INTO onetrading.trades (trade_id, account_id, instrument_code, side, price, amount,"
        " quote_amount, fee_amount, fee_currency, traded_at, traded_at_nanos, raw, row_hash)"
        " SELECT ('00000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid, %s,"
        " 'BTC_EUR', 'BUY', 3, number, 3 * number, number - 4, 'EUR',"
        " %s::timestamptz + (number - %s) * interval '1 minute', 0, '{}', 0"
        " FROM generate_series(%s::integer, %s) AS numbers (number)",
        [ACCOUNT_ID, at, first, first, last],
    )


def roll(connection: Connection, month: datetime) -> None:
    with connection.transaction():
        rollups.roll(connection, None, ACCOUNT_ID, month.date())


def rolled(connection: Connection) -> list[date]:
    """The months that are summed."""
    found = connection.execute("SELECT month FROM onetrading_sync.rolled_months ORDER BY month")
    return [month for (month,) in found]


def check(connection: Connection) -> None:
    """The view says what the trades say, and each sum belongs to a month that is summed."""
    shown = connection.execute("SELECT * FROM onetrading.summed_trades").fetchall()
    assert sorted(shown, key=repr) == sorted(connection.execute(PLAIN).fetchall(), key=repr)
    last = connection.execute("TABLE reporting.last_trades").fetchall()
    assert sorted(last) == sorted(connection.execute(LAST).fetchall())
    kept = connection.execute("SELECT DISTINCT month FROM onetrading_sync.rolled_trades").fetchall()
    assert {month for (month,) in kept} <= set(rolled(connection))


@pytest.fixture
def summed(connection: Connection) -> Connection:
    """Three months, all summed."""
    for number, month in enumerate((JUNE, JULY, AUGUST)):
        put(connection, month, 10 * number + 1, 10 * number + 5)
        roll(connection, month)
    check(connection)
    assert len(rolled(connection)) == 3
    return connection


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("UPDATE onetrading.trades SET amount = 7 WHERE traded_at = '2026-07-01Z'", [6, 8]),
        ("DELETE FROM onetrading.trades WHERE traded_at < '2026-06-01 00:01Z'", [7, 8]),
        (
            "UPDATE onetrading.trades SET traded_at = '2026-06-30Z'"
            " WHERE traded_at = '2026-08-01Z'",
            [7],
        ),
        ("TRUNCATE onetrading.trades", []),
        ("UPDATE onetrading.trades SET amount = 7 WHERE false", [6, 7, 8]),
    ],
)
def test_a_write_takes_away_the_sums_of_its_months(
    summed: Connection, statement: str, left: list[int]
) -> None:
    summed.execute(statement.encode())
    assert [month.month for month in rolled(summed)] == left
    check(summed)


def test_a_new_trade_takes_away_the_sums_of_its_month_alone(summed: Connection) -> None:
    put(summed, JULY + timedelta(days=30, hours=23, minutes=59), 50, 50)
    assert [month.month for month in rolled(summed)] == [6, 8]
    check(summed)
    roll(summed, JULY)
    roll(summed, JULY)  # a second time changes nothing
    check(summed)
    assert len(rolled(summed)) == 3


def test_months_are_due_once_they_are_over_and_proven(summed: Connection) -> None:
    summed.execute("DELETE FROM onetrading_sync.rolled_months")
    due = rollups.months_to_roll
    assert due(summed, ACCOUNT_ID) == []
    summed.execute(
        "INSERT INTO onetrading_sync.progress (account_id, stream, scope, required_from, settle)"
        " VALUES (%s, 'trades', '', '2026-06-20Z', '1 minute')",
        [ACCOUNT_ID],
    )
    prove(summed, "2026-06-20Z", "2026-07-31 23:59Z")
    assert due(summed, ACCOUNT_ID) == [JUNE.date()]
    prove(summed, "2026-06-20Z", "2026-08-01Z")
    assert due(summed, ACCOUNT_ID) == [JULY.date(), JUNE.date()]
    roll(summed, JULY)
    assert due(summed, ACCOUNT_ID) == [JUNE.date()]
    put(summed, datetime.now(UTC) - timedelta(seconds=30), 60, 60)
    month = datetime.now(UTC).date().replace(day=1)
    assert month not in due(summed, ACCOUNT_ID)


def prove(connection: Connection, start: str, end: str) -> None:
    connection.execute("DELETE FROM onetrading_sync.coverage")
    connection.execute(
        "INSERT INTO onetrading_sync.coverage (account_id, stream, scope, range)"
        " VALUES (%s, 'trades', '', tstzrange(%s, %s))",
        [ACCOUNT_ID, start, end],
    )


def test_nobody_sums_a_month_beside_those_who_write_it(
    summed: Connection, database_url: str
) -> None:
    """Trades come while the month is summed again and again: no sum is kept without them."""
    database = Database(lambda: database_url, lambda _connection: None)
    assert database.open()
    ended = threading.Event()

    def go_on_summing() -> None:
        while not ended.is_set():
            database.run(rollups.roll, None, ACCOUNT_ID, JULY.date())

    def write(first: int) -> None:
        for number in range(first, first + 100):
            database.run(put, JULY, number, number)

    works: list[Any] = [threading.Thread(target=go_on_summing)]
    works += [threading.Thread(target=write, args=(first,)) for first in (1_000, 2_000)]
    try:
        for work in works:
            work.start()
        for work in works[1:]:
            work.join()
    finally:
        ended.set()
        works[0].join()
        database.close()
    roll(summed, JULY)
    assert JULY.date() in rolled(summed)
    check(summed)
