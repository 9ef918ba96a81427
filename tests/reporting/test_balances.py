"""Closing and current balances, against the same rules written down in Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.fields import EXACT
from tests.support.reporting import (
    DAY,
    MAIN,
    MICROSECOND,
    NAMES,
    Connection,
    account_ids,
    examples,
    facts,
    in_order,
    midnight,
    money,
    put,
    read,
    time_zones,
)


class Seen(NamedTuple):
    """A snapshot of balances: what was listed from ``first`` to ``last``, free and locked."""

    account_id: UUID
    first: datetime
    last: datetime
    listed: dict[str, tuple[Decimal, Decimal]]


NOTHING = (Decimal(0), Decimal(0))
AMOUNTS = "available, locked, total, is_listed, observed_at, age"
LONGEST = timedelta(minutes=10)
"""A closing that was observed longer ago is an estimate."""

# Instants as days from today's midnight and microseconds from there, crowded around midnight.
instants = st.tuples(
    st.integers(-6, 0), st.sampled_from([-1, 0, 1]) | st.integers(0, DAY // MICROSECOND)
)
listings = st.dictionaries(st.sampled_from(["BTC", "EUR", "USD"]), st.tuples(money, money))
histories = st.dictionaries(
    account_ids,
    st.tuples(
        st.lists(instants, unique=True, max_size=12), st.lists(listings, min_size=6, max_size=6)
    ),
)
History = dict[UUID, tuple[list[tuple[int, int]], list[dict[str, tuple[Decimal, Decimal]]]]]


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def snapshots_of(now: datetime, history: History) -> list[Seen]:
    """Disjoint snapshots, oldest first; some last for an instant, some for days, with pauses."""
    today = midnight(now.astimezone(UTC).date())
    seen = []
    for account_id, (points, listed) in history.items():
        drawn = {today + days * DAY + micros * MICROSECOND for days, micros in points}
        ordered = sorted(instant for instant in drawn if instant <= now)
        ends = ordered[1::2] + ordered[-1:]
        spans = zip(ordered[::2], ends, listed, strict=False)
        seen += [Seen(account_id, first, last, content) for first, last, content in spans]
    return sorted(seen, key=lambda snapshot: snapshot.first)


def put_snapshots(connection: Connection, seen: list[Seen]) -> None:
    """The snapshots, and as many of another stream, each a little later, that must not count."""
    put(
        connection,
        "onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
        " last_observed_at, row_count, content_hash, header)",
        [
            (number + shift, s.account_id, stream, s.first + late, s.last + late, 0, 0, "{}")
            for shift, stream, late in ((0, "balances", 0 * DAY), (1000, "portfolio", MICROSECOND))
            for number, s in enumerate(seen)
        ],
    )
    put(
        connection,
        "onetrading.balances (snapshot_id, account_id, currency_code, available, locked)",
        [
            (number, s.account_id, currency, *amounts)
            for number, s in enumerate(seen)
            for currency, amounts in s.listed.items()
        ],
    )


def held(seen: list[Seen], end: datetime, asked: datetime) -> Iterator[tuple[Any, ...]]:
    """Account, currency and amounts as known before ``end``, when seen, and how long ago."""
    for account_id in NAMES:
        before = [s for s in seen if s.account_id == account_id and s.first < end]
        for currency in {currency for s in before for currency in s.listed}:
            last = before[-1]
            free, locked = last.listed.get(currency, NOTHING)
            observed = min(last.last, end)
            yield (
                *(account_id, currency, free, locked, EXACT.add(free, locked)),
                *(currency in last.listed, observed, asked - observed),
            )


@examples
@given(history=histories, time_zone=time_zones, left=st.booleans())
def test_daily_closing_balances(
    reporting: Connection, history: History, time_zone: str, left: bool
) -> None:
    """Until today; of an account that left, until the day on which it was last observed."""
    with facts(reporting, time_zone) as now:
        seen = snapshots_of(now, history)
        put_snapshots(reporting, seen)
        if left:
            reporting.execute("UPDATE onetrading.accounts SET left_at = now() WHERE name = 'main'")
        columns = f"day, account_id, currency_code, {AMOUNTS}, is_final, account, estimated"
        result = read(reporting, columns, "daily_closing_balances")
    today = now.astimezone(UTC).date()
    last_days = {
        account_id: max(s.last for s in seen if s.account_id == account_id).date()
        if left and account_id == MAIN
        else today
        for account_id in {s.account_id for s in seen}
    }
    expected = [
        (day, *row, end <= now, NAMES[row[0]], row[-1] > LONGEST)
        for day in (today - timedelta(days) for days in range(8))
        for end in [midnight(day) + DAY]
        for row in held(seen, end, min(end, now))
        if day <= last_days[row[0]]
    ]
    assert result == in_order(expected)


@examples
@given(history=histories, time_zone=time_zones)
def test_current_balances(reporting: Connection, history: History, time_zone: str) -> None:
    with facts(reporting, time_zone) as now:
        seen = snapshots_of(now, history)
        put_snapshots(reporting, seen)
        result = read(
            reporting, f"account_id, currency_code, {AMOUNTS}, account", "current_balances"
        )
    expected = [(*row, NAMES[row[0]]) for row in held(seen, now + DAY, now)]
    assert result == in_order(expected)


def test_snapshot_at_midnight_belongs_to_the_day_that_begins(reporting: Connection) -> None:
    """What is first seen at 00:00 sharp closes no earlier day; what is last seen then does."""
    with facts(reporting, "UTC") as now:
        today = midnight(now.date())
        put_snapshots(
            reporting,
            [
                Seen(MAIN, today - 2 * DAY, today - DAY, {"EUR": (Decimal(5), Decimal(1))}),
                Seen(MAIN, today, today, {"BTC": (Decimal(7), Decimal(0))}),
            ],
        )
        columns = "day, currency_code, total, is_listed, age"
        result = read(reporting, columns, "daily_closing_balances")
    assert result == [
        ((today - 2 * DAY).date(), "EUR", 6, True, timedelta(0)),
        ((today - DAY).date(), "EUR", 6, True, DAY),
        (today.date(), "BTC", 7, True, now - today),
        (today.date(), "EUR", 0, False, now - today),
    ]
