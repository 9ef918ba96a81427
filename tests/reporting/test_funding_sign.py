"""Which sign funding has, judged from the cash beside it: equal to arithmetic in Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.reporting import MAIN, Connection, examples, facts, put, read, time_zones

SLOT = datetime(2026, 3, 1, tzinfo=UTC)
FOUR_HOURS, SECOND = timedelta(hours=4), timedelta(seconds=1)
SHOWN = "convention, votes_for, votes_against, since, last_vote_at"


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


class Booking(NamedTuple):
    """A payment of one funding time: when after it, how much, and what cash was told after it."""

    slot: int
    number: int
    seconds: int
    amount: Decimal
    cash: Decimal | None

    @property
    def at(self) -> datetime:
        return SLOT + self.slot * FOUR_HOURS + self.seconds * SECOND

    @property
    def order(self) -> tuple[datetime, str]:
        return self.at, f"I{self.number}_P"


def store(connection: Connection, bookings: list[Booking]) -> None:
    columns = "account_id, instrument_code, booked_at, funding_time, amount, cash_balance"
    put(
        connection,
        f"onetrading.funding_payments ({columns}, raw, row_hash)",
        [
            (MAIN, b.order[1], b.at, SLOT + b.slot * FOUR_HOURS, b.amount, b.cash, "{}", 0)
            for b in bookings
        ],
    )


def vote(booking: Booking, others: list[Booking]) -> int:
    """1: the cash before it and the amount add up to the cash after it; -1: less the amount."""
    assert booking.cash is not None
    earlier = [other.at for other in others if other.at < booking.at]
    near = {booking.at} | {at for at in earlier[-1:] if booking.at - at <= 60 * SECOND}
    moved = [
        booking.cash - other.cash for other in others if other.at in near and other.cash is not None
    ]
    signs = {
        sign
        for sign in (1, -1)
        if any(abs(by - sign * booking.amount) <= abs(booking.amount) / 100 for by in moved)
    }
    return signs.pop() if len(signs) == 1 else 0


def votes_of(bookings: list[Booking]) -> list[tuple[datetime, int]]:
    told = sorted((b for b in bookings if b.cash is not None), key=lambda b: b.order)
    found = []
    for booking in told:
        others = [b for b in told if b.slot == booking.slot and b is not booking]
        if booking.amount and (sign := vote(booking, others)):
            found.append((booking.at, sign))
    return found


def judged(votes: list[tuple[datetime, int]]) -> int:
    signs = [sign for _, sign in votes[-20:]]
    for sign in (1, -1):
        if len(signs) >= 3 and 10 * signs.count(sign) >= 9 * len(signs):
            return sign
    return 0


def expected(bookings: list[Booking]) -> tuple[object, ...]:
    votes = votes_of(bookings)
    last = votes[-1][0] if votes else None
    now = judged(votes)
    if not now:
        signs = [sign for _, sign in votes]
        return ("unknown", signs.count(1), signs.count(-1), None, last)
    known = [(end, sign) for end in range(1, len(votes) + 1) if (sign := judged(votes[:end])) != 0]
    changes = [known[0]] + [after for before, after in pairwise(known) if before[1] != after[1]]
    end, sign = changes[-1]
    since = next(at for at, voted in votes[max(0, end - 20) : end] if voted == sign)
    signs = [voted for at, voted in votes if at >= since]
    name = "received_positive" if sign > 0 else "paid_positive"
    return (name, signs.count(sign), signs.count(-sign), since, last)


amounts = st.decimals(-100, 100, places=2)


@st.composite
def histories(draw: st.DrawFn) -> list[Booking]:
    """Payments of a few instruments; the sign may change, and cash moves in between at times."""
    bookings = []
    cash, changes_at = Decimal(1000), draw(st.integers(0, 12))
    first = draw(st.sampled_from([1, -1]))
    for slot in range(draw(st.integers(1, 12))):
        sign = first if slot < changes_at else -first
        seconds = 1
        for number in range(draw(st.integers(1, 4))):
            amount = draw(amounts)
            moved = draw(st.sampled_from([0, 0, 0, 0, 7]))
            cash += sign * amount + moved
            told = draw(st.sampled_from([cash, cash, cash, None]))
            bookings.append(Booking(slot, number, seconds, amount, told))
            seconds += draw(st.sampled_from([0, 1, 1, 5, 60, 61]))
    return bookings


@examples
@given(bookings=histories(), time_zone=time_zones)
def test_it_equals_independent_arithmetic(
    reporting: Connection, bookings: list[Booking], time_zone: str
) -> None:
    with facts(reporting, time_zone):
        store(reporting, bookings)
        assert read(reporting, SHOWN, "funding_sign") == [expected(bookings)]


def chain(sign: int, slots: range) -> list[Booking]:
    """Two payments of each funding time, 5 s apart, with cash to match."""
    return [
        Booking(slot, number, 5 * number, amount, Decimal(1000) + sign * number * amount)
        for slot in slots
        for number, amount in enumerate((Decimal("2.50"), Decimal("-1.75")))
    ]


@pytest.mark.parametrize(("sign", "name"), [(1, "received_positive"), (-1, "paid_positive")])
def test_three_payments_that_agree_tell_the_convention(
    reporting: Connection, sign: int, name: str
) -> None:
    for slots, told in ((2, ("unknown", 2 * (sign > 0), 2 * (sign < 0))), (3, (name, 3, 0))):
        with facts(reporting, "UTC"):
            store(reporting, chain(sign, range(slots)))
            reporting.execute("SET LOCAL ROLE onetrading_reader")
            assert read(reporting, SHOWN, "funding_sign")[0][:3] == told


def test_an_account_with_one_instrument_stays_unknown(reporting: Connection) -> None:
    """Hours lie between two payments: whatever happened to cash meanwhile."""
    with facts(reporting, "UTC"):
        store(reporting, [b for b in chain(1, range(30)) if b.number == 0])
        assert read(reporting, SHOWN, "funding_sign") == [("unknown", 0, 0, None, None)]


def test_a_change_is_told_with_what_held_before(reporting: Connection) -> None:
    with facts(reporting, "UTC"):
        store(reporting, chain(1, range(40)) + chain(-1, range(40, 80)))
        found = reporting.execute(
            "SELECT previous, convention, since FROM onetrading.funding_sign_conventions"
            " ORDER BY known_at"
        ).fetchall()
        assert [row[:2] for row in found] == [
            (None, "received_positive"),
            ("received_positive", "paid_positive"),
        ]
        assert found[1][2] == SLOT + 40 * FOUR_HOURS + 5 * SECOND
        (now,) = read(reporting, "convention, votes_for, votes_against", "funding_sign")
        assert now == ("paid_positive", 40, 0)


def test_an_account_is_judged_by_its_own_payments_alone(reporting: Connection) -> None:
    """Those of all others would be read for each account otherwise."""
    for number in range(50):
        other = f"00000000-0000-4000-8000-{number:012}"
        reporting.execute(
            "INSERT INTO onetrading.funding_payments (account_id, instrument_code, booked_at,"
            " funding_time, amount, cash_balance, raw, row_hash)"
            " SELECT %s, 'BTC_USD_P', at, at, 1, 1, '{}', 0"
            " FROM generate_series(%s::timestamptz, %s, '4 hours') AS at",
            [other, SLOT, SLOT + 50 * FOUR_HOURS],
        )
    reporting.execute("ANALYZE onetrading.funding_payments")
    plan = reporting.execute(
        "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM onetrading.funding_sign_conventions"
        " WHERE account_id = '00000000-0000-4000-8000-000000000007'"
    ).fetchone()
    assert plan is not None
    assert read_rows(plan[0][0]["Plan"]) == {51}


def read_rows(node: dict[str, Any]) -> set[int]:
    """How many payments were read, of each scan of them."""
    found = {node["Actual Rows"]} if node.get("Relation Name") == "funding_payments" else set()
    return found.union(*map(read_rows, node.get("Plans", ())))
