"""Balances from month to month, against the truth of random accounts, and with one record wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from tests.support.account_books import (
    EXACT,
    ZERO,
    Books,
    Change,
    day_of,
    first_instant,
    random_books,
    store,
    sum_days,
)
from tests.support.reporting import MAIN, Connection, examples, facts

MICROSECOND = timedelta(microseconds=1)
SETTLING = timedelta(minutes=2)
seeds = st.integers(0, 2**32)
zones = st.sampled_from(["UTC", "Europe/Vienna"])
COLUMNS = (
    "month, currency, basis, opening, bought, sold, fees_paid, rebates_received, funding_received,"
    " funding_paid, settlements_inferred, external_in, external_out, expected, actual,"
    " actual_observed_at, difference, first_unexplained_from, first_unexplained_to"
)


class Row(NamedTuple):
    """A row of the view."""

    month: date
    currency: str
    basis: str
    opening: Decimal
    bought: Decimal
    sold: Decimal
    fees_paid: Decimal
    rebates_received: Decimal
    funding_received: Decimal
    funding_paid: Decimal
    settlements_inferred: Decimal
    external_in: Decimal
    external_out: Decimal
    expected: Decimal
    actual: Decimal
    actual_observed_at: datetime
    difference: Decimal
    first_unexplained_from: datetime | None
    first_unexplained_to: datetime | None


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def roll(connection: Connection, zone: str) -> list[Row]:
    connection.execute("SET LOCAL ROLE onetrading_reader")
    query = f"SELECT {COLUMNS} FROM reporting.balance_rollforward(%s)"  # noqa: S608
    query += " WHERE account = 'main' AND zone = %s ORDER BY currency, month"
    return [Row(*row) for row in connection.execute(query.encode(), [zone, zone])]


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_of(instant: datetime, zone: str) -> date:
    return day_of(instant, zone).replace(day=1)


@settings(examples, max_examples=6)
@given(
    seed=seeds,
    zone=zones,
    observed_days=st.sampled_from([2, 40, 120]),
    summed=st.sampled_from([0, 60, 130]),
)
def test_complete_records_leave_no_difference(
    reporting: Connection, seed: int, zone: str, observed_days: float, summed: int
) -> None:
    """Each month begins and ends with the true balance, whichever balance was observed, and
    whatever sums of days are stored.
    """
    with facts(reporting, "Asia/Tokyo") as now:
        books = random_books(seed, now, days=125, observed_days=observed_days, spot=60, episodes=25)
        store(reporting, books)
        sum_days(reporting, books.start, days=summed)
        rows = roll(reporting, zone)
    months = sorted({row.month for row in rows})
    assert months[0] == month_of(min(books.changes[0].at, books.first_poll), zone)
    assert months[-1] == month_of(now, zone)
    edges = [first_instant(month, zone) for month in (*months, next_month(months[-1]))]
    with localcontext(EXACT):
        truth = list(books.balances([edge - MICROSECOND for edge in edges]))
    for row in rows:
        place = months.index(row.month)
        start, end = edges[place], min(edges[place + 1], now)
        _check_sums(books, row, start, end)
        assert row.difference == 0
        assert (row.first_unexplained_from, row.first_unexplained_to) == (None, None)
        looks = [at for times in books.polls for at in times if at < end and books.quiet(at)]
        if len(looks) != 1:  # what follows from one observation alone proves nothing
            # Nor does a month that has only begun, and in which nobody has looked yet.
            assert row.basis == ("observed" if any(at >= start for at in looks) else "derived")
        if row.currency != "USD":
            assert row.settlements_inferred == 0
            assert row.opening == truth[place].get(row.currency, ZERO)
            assert row.actual == truth[place + 1].get(row.currency, ZERO)
        elif not books.settled_between(end, row.actual_observed_at):
            assert row.actual == truth[place + 1]["USD"]
    _check_neighbours(books, rows, zone, now)


def _check_neighbours(books: Books, rows: list[Row], zone: str, now: datetime) -> None:
    """A month begins with what the one before ended with; settlements that follow are the truth."""
    for before, after in pairwise(rows):
        if before.currency != after.currency:
            continue
        assert before.actual == after.opening
        assert next_month(before.month) == after.month
        start = first_instant(after.month, zone)
        end = min(first_instant(next_month(after.month), zone), now)
        if after.currency == "USD" and not (
            books.settled_between(start, before.actual_observed_at)
            or books.settled_between(end, after.actual_observed_at)
        ):
            with localcontext(EXACT):
                settled = [amount for at, amount in books.settlements if start <= at < end]
                assert after.settlements_inferred == sum(settled, ZERO)


def _check_sums(books: Books, row: Row, start: datetime, end: datetime) -> None:
    """The sums of the month's records, and that they add up."""
    sums = dict.fromkeys(("fees", "rebates", "in", "out", "paid", "received"), ZERO)
    with localcontext(EXACT):
        for change in books.changes:
            if not start <= change.at < end:
                continue
            if change.table == "trades" and change.values[8] == row.currency:
                fee = change.values[7]
                sums["fees" if fee > 0 else "rebates"] += abs(fee)
            elif change.table == "external_movements" and row.currency in change.moves:
                amount = change.moves[row.currency]
                sums["in" if amount > 0 else "out"] += abs(amount)
            elif change.table == "funding_payments" and row.currency == "USD":
                amount = change.values[4]
                sums["received" if amount > 0 else "paid"] += abs(amount)
        assert (row.fees_paid, row.rebates_received) == (sums["fees"], sums["rebates"])
        assert (row.external_in, row.external_out) == (sums["in"], sums["out"])
        assert (row.funding_received, row.funding_paid) == (sums["received"], sums["paid"])
        expected = row.opening + row.bought - row.sold - row.fees_paid + row.rebates_received
        expected += row.funding_received - row.funding_paid + row.settlements_inferred
        assert row.expected == expected + row.external_in - row.external_out
        assert row.difference == row.actual - row.expected
        moved = sum(
            (c.moves.get(row.currency, ZERO) for c in books.changes if start <= c.at < end), ZERO
        )
        known = row.expected - row.opening - row.settlements_inferred
        assert moved == known
    assert min(row.bought, row.sold) >= 0


def wrong(books: Books, kind: str, number: int) -> tuple[Change, Change | None] | None:
    """The record that is stored wrongly, and as what; None: it is missing."""
    tables = {"payment doubled": "funding_payments", "movement missing": "external_movements"}
    table = tables.get(kind, "trades")
    candidates = [c for c in books.changes if c.table == table and c.at > books.first_poll]
    if kind == "trade missing":
        candidates = [c for c in candidates if c.position is None]
    if not candidates:
        return None
    change = candidates[number % len(candidates)]
    if kind.endswith("missing"):
        return change, None
    values = list(change.values)
    moves = dict(change.moves)
    if kind == "payment doubled":
        values[4] *= 2
        moves = {code: 2 * amount for code, amount in moves.items()}
    else:
        currency, fee = values[8], values[7]
        values[7] = -fee
        moves[currency] += 2 * fee
    return change, change_with(change, values, moves)


def change_with(change: Change, values: list[Any], moves: dict[str, Decimal]) -> Change:
    return Change(change.at, change.table, tuple(values), moves, change.position)


KINDS = ("trade missing", "payment doubled", "fee's sign turned", "movement missing")


@settings(examples, max_examples=16)
@given(seed=seeds, zone=zones, kind=st.sampled_from(KINDS), number=st.integers(0, 1_000))
def test_a_wrong_record_is_found(
    reporting: Connection, seed: int, zone: str, kind: str, number: int
) -> None:
    """The difference is what it is wrong by, in its month, and its time is narrowed down."""
    with facts(reporting, "UTC") as now, localcontext(EXACT):
        books = random_books(seed, now, days=100, observed_days=70, spot=60, episodes=20)
        found = wrong(books, kind, number)
        assume(found is not None)
        assert found is not None
        change, stored = found
        assume(_is_between_observations(books, change, zone, now))
        changes = [stored if c is change else c for c in books.changes]
        store(reporting, books, [c for c in changes if c is not None])
        rows = roll(reporting, zone)
        instead = stored.moves if stored is not None else {}
        wrong_by = {code: amount - instead.get(code, ZERO) for code, amount in change.moves.items()}
    event(kind)
    expected = {
        (month_of(change.at, zone), code): amount for code, amount in wrong_by.items() if amount
    }
    assert {(r.month, r.currency): r.difference for r in rows if r.difference} == expected
    for row in rows:
        if row.difference:
            assert row.basis == "observed"
            assert row.first_unexplained_from is not None
            assert row.first_unexplained_to is not None
            assert row.first_unexplained_from < change.at < row.first_unexplained_to
            _check_narrow(books, row)


def _is_between_observations(books: Books, change: Change, zone: str, now: datetime) -> bool:
    """Whether the account was looked at on either side of a record, all of it within its month."""
    month = month_of(change.at, zone)
    start = max(first_instant(month, zone), books.first_poll)
    end = min(first_instant(next_month(month), zone), now)
    episodes = [e for e in books.episodes if e[0] <= change.at <= e[1] + SETTLING]
    first = min([change.at, *(e[0] for e in episodes)])
    last = max([change.at, *(e[1] + 2 * SETTLING for e in episodes)])
    polls = [at for times in books.polls for at in times if _observed_flat(books, at)]
    polls = [at for at in polls if start <= at < end and books.quiet(at)]
    return any(at < first for at in polls) and any(at > last for at in polls)


def _check_narrow(books: Books, row: Row) -> None:
    """No observation that counts lies between the instants that are told."""
    first, last = row.first_unexplained_from, row.first_unexplained_to
    assert first is not None
    assert last is not None
    between = [at for times in books.polls for at in times if first < at < last]
    assert not [
        at
        for at in between
        if books.quiet(at) and (row.currency != "USD" or _observed_flat(books, at))
    ]


def _observed_flat(books: Books, at: datetime) -> bool:
    """Whether no position had been observed for two minutes, and none traded in between."""
    times = next(times for times in books.polls if times[0] <= at <= times[-1])
    before = [poll for poll in times if poll <= at - SETTLING]
    since = before[-1] if before else at
    return bool(before) and all(
        not first <= at or not since <= last + SETTLING for first, last in books.episodes
    )


def test_balances_that_lag_a_trade_are_no_difference(reporting: Connection) -> None:
    """A trade seconds before the month's end, and an answer that does not have it yet."""
    with facts(reporting, "UTC") as now:
        edge = first_instant(month_of(now, "UTC"), "UTC")
        edge = first_instant(month_of(edge - timedelta(days=1), "UTC"), "UTC")
        second = timedelta(seconds=1)
        at = edge - 3 * second
        moves = {"BTC": Decimal(2), "USDC": Decimal(-10)}
        trade = (UUID(int=5), MAIN, "BTC_USDC", "BUY", 5, 2, 10, 0, "BTC", at, 0, 1, "{}")
        books = Books(edge, now, {"USDC": Decimal(100)}, [Change(at, "trades", trade, moves)])
        times = (edge - 90 * second, edge - 30 * second, at - second, edge + 30 * second)
        books.polls = [[*times, now - second]]
        store(reporting, books)
        lagging = reporting.execute(
            "UPDATE onetrading.snapshots SET last_observed_at = %s"
            " WHERE stream = 'balances' AND last_observed_at = %s",
            [edge - second, at - second],
        )
        assert lagging.rowcount == 1
        rows = {(row.month, row.currency): row for row in roll(reporting, "UTC")}
    assert not [row for row in rows.values() if row.difference]
    assert rows[edge.date(), "BTC"].opening == 2
    assert rows[edge.date(), "USDC"].opening == 90
    assert rows[edge.date(), "USDC"].basis == "observed"


def test_an_open_position_leaves_nothing_to_prove_and_none_proves_all(
    reporting: Connection,
) -> None:
    """Cash that is missing while a position is open is taken for settlements; else it is not."""
    with facts(reporting, "UTC") as now:
        start = first_instant(month_of(now, "UTC"), "UTC") - timedelta(days=20)
        at = start + timedelta(days=8)
        trade = (UUID(int=6), MAIN, "BTC_USD_P", "BUY", 5, 2, 10, Decimal(1), "USD", at, 0, 1, "{}")
        opened = Change(at, "trades", trade, {"USD": Decimal(-1)}, ("BTC_USD_P", Decimal(2)))
        lost = [start + timedelta(days=3), start + timedelta(days=11)]
        books = Books(start, now, {"USD": Decimal(100)}, [opened])
        books.settlements = [(moment, Decimal(-4)) for moment in lost]
        hours = (now - start) // timedelta(hours=1)
        books.polls = [[start + timedelta(hours=n) for n in range(hours)]]
        store(reporting, books)
        found = [row for row in roll(reporting, "UTC") if row.month == start.date().replace(day=1)]
    [row] = found
    assert (row.difference, row.settlements_inferred) == (Decimal(-4), Decimal(-4))
    assert row.first_unexplained_from is not None
    assert row.first_unexplained_to is not None
    assert row.first_unexplained_from < lost[0] <= row.first_unexplained_to
    assert row.first_unexplained_to - row.first_unexplained_from <= timedelta(hours=1, minutes=2)
