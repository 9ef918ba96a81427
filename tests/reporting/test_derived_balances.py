"""Closing balances before anybody looked, against the truth of random accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.account_books import (
    EXACT,
    MINUTE,
    ZERO,
    Books,
    Change,
    day_of,
    first_instant,
    random_books,
    store,
    sum_days,
)
from tests.support.reporting import DAY, MAIN, Connection, examples, facts

MICROSECOND = timedelta(microseconds=1)
seeds = st.integers(0, 2**32)
zones = st.sampled_from(["UTC", "Europe/Vienna", "Asia/Kathmandu"])
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


@settings(examples, max_examples=8)
@given(
    seed=seeds,
    zone=zones,
    observed_days=st.sampled_from([0.0, 0.3, 9, 100]),
    summed=st.sampled_from([0, 200, 400]),
)
def test_derived_closings_are_the_truth(
    reporting: Connection, seed: int, zone: str, observed_days: float, summed: int
) -> None:
    """To the last digit, over both clock changes; cash of futures wherever nothing was settled.
    Whether sums of days are stored makes no difference.
    """
    with facts(reporting, "Asia/Tokyo") as now:
        books = random_books(seed, now, days=375, observed_days=observed_days, spot=60, episodes=25)
        store(reporting, books)
        sum_days(reporting, books.start, days=summed)
        found = closings(reporting, zone)
    first, seen = day_of(books.changes[0].at, zone), day_of(books.first_poll, zone)
    days = [first + n * DAY for n in range((seen - first).days)]
    ends = [first_instant(day + DAY, zone) for day in days]
    derived = [row for row in found if row[0] < seen]
    assert {row[0] for row in derived} == set(days)
    with localcontext(EXACT):
        truth = list(books.balances([end - MICROSECOND for end in ends]))
    for day, currency, total, *unknown, estimated, source, observed_at in derived:
        place = (day - first).days
        assert unknown == [None, None, None]
        if currency != "USD":
            assert (total, estimated, source) == (
                truth[place].get(str(currency), ZERO),
                False,
                "derived",
            )
        elif not books.settled_between(ends[place], observed_at):
            assert total == truth[place]["USD"]
        elif source == "derived":  # what was closed before the day's end, settled just after it
            assert estimated or not books.settled_between(ends[place] + MINUTE, observed_at)
        elif not estimated:
            assert abs(observed_at - ends[place]) <= timedelta(hours=4, minutes=10)
    later = [row for row in found if row[0] >= seen]
    assert {row[7] for row in later} == {"observed"}


def test_cash_of_futures_before_anybody_looked(reporting: Connection) -> None:
    """From the payment just after midnight, or from balances when no futures were traded since."""
    with facts(reporting, "UTC") as now:
        slot = first_instant(day_of(now, "UTC"), "UTC") - 8 * DAY
        first, last = slot + timedelta(seconds=1.2), slot + timedelta(hours=4, seconds=1.2)
        books = Books(slot - DAY, now, {"USD": Decimal(990)}, polls=[[now - timedelta(minutes=3)]])
        books.settlements = [
            (slot - timedelta(hours=2), Decimal(-30)),
            (slot + timedelta(hours=2), Decimal(7)),
        ]
        at = slot + timedelta(hours=30)
        trade = (UUID(int=77), MAIN, "BTC_USD_P", "SELL", 5, 2, 10, Decimal("0.25"), "USD", at)
        nanos = int(at.timestamp()) * 10**9
        books.changes = [
            movement(slot - DAY, Decimal(10)),
            payment(slot, first, Decimal("2.5")),
            payment(slot + timedelta(hours=4), last, Decimal(-1)),
            Change(at, "trades", (*trade, nanos, 1, "{}"), {"USD": Decimal("-0.25")}),
        ]
        store(reporting, books)
        found = [(row[2], *row[6:]) for row in closings(reporting, "UTC")]
    assert found[:4] == [
        # The payment of midnight belongs to the day that begins.
        (Decimal(970), False, "cash_anchor", first),
        # After this day's end, futures were traded until balances were observed.
        (Decimal("978.5"), False, "cash_anchor", last),
        (Decimal("978.25"), False, "derived", books.first_poll),
        (Decimal("978.25"), False, "derived", books.first_poll),
    ]


def movement(at: datetime, amount: Decimal) -> Change:
    row = (MAIN, "m", at, "USD", amount, "deposit")
    return Change(at, "external_movements", row, {"USD": amount})


def payment(slot: datetime, at: datetime, amount: Decimal) -> Change:
    row = (MAIN, "BTC_USD_P", at, slot, amount)
    return Change(at, "funding_payments", row, {"USD": amount})
