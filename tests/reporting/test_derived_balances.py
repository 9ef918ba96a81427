"""Closing balances before anybody looked, against the truth of random accounts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.account_books import (
    EXACT,
    ZERO,
    Books,
    day_of,
    first_instant,
    random_books,
    store,
)
from tests.support.reporting import DAY, Connection, examples, facts

MICROSECOND = timedelta(microseconds=1)
seeds = st.integers(0, 2**32)
zones = st.sampled_from(["UTC", "Europe/Vienna"])
CLOSINGS = (
    "SELECT day, currency_code, total, available, locked, is_listed, estimated, source, observed_at"
    " FROM reporting.daily_closing_balances(%s) ORDER BY day, currency_code"
)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def closings(connection: Connection, zone: str) -> list[tuple[Any, ...]]:
    connection.execute("SET LOCAL ROLE onetrading_reader")
    return connection.execute(CLOSINGS, [zone]).fetchall()


def settled_between(books: Books, first: datetime, last: datetime) -> bool:
    early, late = sorted((first, last))
    place = bisect_left(books.settlements, (early, Decimal("-Infinity")))
    return place < len(books.settlements) and books.settlements[place][0] <= late


@settings(examples, max_examples=15)
@given(seed=seeds, zone=zones, observed_days=st.sampled_from([0.0, 0.3, 9, 100]))
def test_derived_closings_are_the_truth(
    reporting: Connection, seed: int, zone: str, observed_days: float
) -> None:
    """To the last digit, over both clock changes; cash of futures wherever nothing was settled."""
    with facts(reporting, "Asia/Tokyo") as now:
        books = random_books(seed, now, days=375, observed_days=observed_days, spot=60, episodes=25)
        store(reporting, books)
        found = closings(reporting, zone)
    first, seen = day_of(books.changes[0].at, zone), day_of(books.first_poll, zone)
    days = [first + n * DAY for n in range((seen - first).days)]
    ends = [first_instant(day + DAY, zone) for day in days]
    derived = [row for row in found if row[0] < seen]
    assert {row[0] for row in derived} == set(days)
    with localcontext(EXACT):
        truth = list(books.balances([end - MICROSECOND for end in ends]))
    exact_cash = 0
    for day, currency, total, *unknown, estimated, source, observed_at in derived:
        place = (day - first).days
        assert unknown == [None, None, None]
        if currency != "USD":
            assert (total, estimated, source) == (
                truth[place].get(str(currency), ZERO),
                False,
                "derived",
            )
        elif not settled_between(books, ends[place], observed_at):
            assert total == truth[place]["USD"]
            exact_cash += 1
        elif not estimated:
            assert abs(observed_at - ends[place]) <= timedelta(hours=4, minutes=10)
    assert exact_cash or not days
    later = [row for row in found if row[0] >= seen]
    assert {row[7] for row in later} == {"observed"}
