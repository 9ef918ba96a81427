"""Sums of trades between any instants equal arithmetic in Python, whatever is stored of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.store.queries import QUERIES
from tests.support.lots import (
    ACCOUNTS,
    COLUMNS,
    Trade,
    histories,
    instants,
    put_trades,
    row_of,
)
from tests.support.reporting import MAIN, Connection, examples, facts
from tests.support.reporting_instruments import at_microsecond

Sums = dict[tuple[Any, ...], list[Any]]
SUMS = (
    "SELECT instrument_code, side, fee_currency, at, amount, quote_amount, fees_paid, fees_received"
    " FROM onetrading.trade_sums(%s, %s)"
)
HOUR = timedelta(hours=1)
fewer = settings(examples, max_examples=25)
days = st.dates(date(2026, 2, 15), date(2026, 4, 15))
cuts = st.lists(
    instants.map(at_microsecond)
    | st.builds(lambda day, n: midnight(day) + n * HOUR / 4, days, st.integers(0, 95)),
    min_size=1,
    max_size=5,
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["sum", "sum", "roll", "roll", "insert", "update", "delete"]),
        days,
        st.integers(0, 60),
    ),
    max_size=8,
)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def add(sums: Sums, key: tuple[Any, ...], amounts: list[Any]) -> None:
    """Null is what nothing was added to."""
    found = sums.setdefault(key, [None] * 4)
    for place, amount in enumerate(amounts):
        if amount is not None:
            found[place] = (found[place] or 0) + Fraction(amount)


def stored_sums(connection: Connection, account: UUID, spans: list[datetime]) -> Sums:
    found: Sums = {}
    for *key, at, amount, quote, paid, received in connection.execute(SUMS, [account, spans]):
        assert spans[0] <= at < spans[-1]
        add(found, (*key, bisect_right(spans, at)), [amount, quote, paid, received])
    return found


def sums_of(trades: list[Trade], account: UUID, spans: list[datetime]) -> Sums:
    found: Sums = {}
    for trade in trades:
        if trade.account_id == account and spans[0] <= trade.at < spans[-1]:
            key = (trade.instrument_code, trade.side, trade.fee_currency)
            fee = trade.fee_amount or Decimal(0)
            fees = [fee if fee > 0 else None, -fee if fee < 0 else None]
            add(
                found,
                (*key, bisect_right(spans, trade.at)),
                [trade.amount, trade.quote_amount, *fees],
            )
    return found


def roll(connection: Connection, account: UUID, day: date) -> None:
    """Sum the month of a day."""
    month = {"account_id": str(account), "month": day.replace(day=1)}
    connection.execute(QUERIES["roll_month"], month)


def change(
    connection: Connection, step: str, number: int, kept: dict[UUID, Trade], late: list[Trade]
) -> None:
    """Write to the trades, and do the same to what the test knows of them."""
    identity = sorted(kept)[number % len(kept)] if kept else None
    if step == "insert":
        some, late[:] = late[: 1 + number % 3], late[1 + number % 3 :]
        put_trades(connection, some)
        kept.update({trade.trade_id: trade for trade in some})
    elif step == "update" and identity and late:
        new = late.pop(0)._replace(trade_id=identity)
        kept[identity] = new
        connection.execute(
            f"UPDATE onetrading.trades SET ({COLUMNS}) = ROW({', '.join(['%s'] * 14)})"  # noqa: S608
            " WHERE trade_id = %s",
            [*row_of(new), identity],
        )
    elif step == "delete" and identity:
        del kept[identity]
        connection.execute("DELETE FROM onetrading.trades WHERE trade_id = %s", [identity])


@fewer
@given(histories, histories, steps, cuts)
def test_sums_are_those_of_the_trades(
    reporting: Connection,
    trades: list[Trade],
    later: list[Trade],
    changes: list[tuple[str, date, int]],
    instants: list[datetime],
) -> None:
    """Whatever days and months are summed, and whatever is written before or afterwards."""
    kept = {trade.trade_id: trade for trade in trades}
    late = [trade for trade in later if trade.trade_id not in kept]
    with facts(reporting, "Asia/Tokyo"):
        put_trades(reporting, trades)
        for step, day, number in changes:
            if step == "sum":
                last = day + timedelta(days=number)
                for account in ACCOUNTS:
                    reporting.execute(
                        "SELECT onetrading.sum_days(%s, %s, %s)", [account, day, last]
                    )
            elif step == "roll":
                for account in ACCOUNTS:
                    roll(reporting, account, day)
            else:
                change(reporting, step, number, kept, late)
        spans = sorted(set(instants))
        for account in ACCOUNTS:
            found = stored_sums(reporting, account, spans)
            assert found == sums_of(list(kept.values()), account, spans)


def a_trade(at: datetime) -> Trade:
    nanos = int(at.timestamp()) * 10**9
    return Trade(uuid4(), MAIN, "BTC_EUR", "BUY", Decimal(7), Decimal(2), None, None, 1, nanos)


def test_summed_days_are_read_no_more_until_a_trade_of_theirs_changes(
    reporting: Connection,
) -> None:
    """In any time zone of whole hours; an hour with an instant in it is read."""
    noon = datetime(2026, 3, 3, 12, 30, tzinfo=UTC)
    with facts(reporting, "UTC"):
        put_trades(reporting, [a_trade(noon + number * timedelta(days=1)) for number in range(3)])
        summed = "SELECT onetrading.sum_days(%s, '2026-03-02', '2026-03-05')"
        assert reporting.execute(summed, [MAIN]).fetchall() == [(4,)]
        assert reporting.execute(summed, [MAIN]).fetchall() == [(0,)]
        # Only trades that no trigger saw could tell: they are still in the sums.
        reporting.execute("ALTER TABLE onetrading.trades DISABLE TRIGGER carried_after_delete")
        reporting.execute("DELETE FROM onetrading.trades")
        begin, end = (datetime(2026, 3, day, 23, tzinfo=UTC) for day in (1, 5))
        assert total(reporting, [begin, end]) == 6
        assert total(reporting, [begin, noon - HOUR, end]) == 6
        assert total(reporting, [begin, noon, end]) == 4
        reporting.execute("DELETE FROM onetrading_sync.hourly_sums")  # read at both ends alone
        assert total(reporting, [midnight(date(2026, 3, day)) for day in (1, 3, 5)]) == 4
        assert total(reporting, [begin, end]) == 4
        put_trades(reporting, [a_trade(noon + timedelta(days=1, hours=9))])
        assert total(reporting, [begin, end]) == 4
        days = "SELECT day FROM onetrading_sync.summed_days ORDER BY day"
        assert reporting.execute(days).fetchall() == [(date(2026, 3, day),) for day in (2, 3, 5)]


def test_summed_months_are_read_no_more_unless_an_instant_is_in_them(
    reporting: Connection,
) -> None:
    """Neither their trades nor their hours are."""
    first, noon = (datetime(2026, month, 10, 12, tzinfo=UTC) for month in (2, 3))
    with facts(reporting, "UTC"):
        put_trades(reporting, [a_trade(first), a_trade(noon), a_trade(noon + 2 * HOUR)])
        reporting.execute("SELECT onetrading.sum_days(%s, '2026-03-01', '2026-03-31')", [MAIN])
        roll(reporting, MAIN, date(2026, 3, 1))
        reporting.execute("ALTER TABLE onetrading.trades DISABLE TRIGGER rolled_after_delete")
        reporting.execute("DELETE FROM onetrading.trades WHERE traded_at >= '2026-03-01Z'")
        assert reporting.execute("SELECT FROM onetrading_sync.hourly_sums").fetchall() == []
        begin, end = midnight(date(2026, 2, 5)), midnight(date(2026, 4, 1))
        assert total(reporting, [begin, end]) == 6
        assert total(reporting, [begin, midnight(date(2026, 3, 1)), end + HOUR]) == 6
        assert total(reporting, [begin, end - HOUR]) == 2
        assert total(reporting, [begin, noon, end]) == 2
        put_trades(reporting, [a_trade(noon)])
        assert total(reporting, [begin, end]) == 4


def total(connection: Connection, spans: list[datetime]) -> int:
    return int(sum(row[4] for row in connection.execute(SUMS, [MAIN, spans])))
