"""Positions, funding and results of futures, against a true history written in Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.account_books import sum_days
from tests.support.books import (
    FUTURES,
    START,
    Payment,
    Trade,
    moment,
    put_markets,
    put_payments,
    put_trades,
)
from tests.support.reporting import MAIN, Connection, examples, facts, put

HOUR = 3_600
SLOT = 4 * HOUR
SLOTS = range(13)
"""Two days."""
END = SLOTS[-1] * SLOT
RATE, MARK = Decimal("0.000123456789"), Decimal("1234.5")

# Planning takes most of the time of an example.
few = settings(examples, max_examples=25)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


class Observation(NamedTuple):
    """All positions, from ``start`` until ``end`` in seconds; ``stale``: as of that instant."""

    start: Decimal
    end: Decimal
    stale: Decimal


class Closed(NamedTuple):
    """A position that the exchange tells of: from one flat instant to the next."""

    code: str
    opened: Decimal
    closed: Decimal


class History(NamedTuple):
    """What happened, and what was observed of it."""

    before: dict[str, Decimal]
    """The positions before the first trade."""
    trades: list[Trade]
    observations: list[Observation]

    def net(self, code: str, at: Decimal | int) -> Decimal:
        moved = [t.signed for t in self.trades if t.code == code and t.at <= at]
        return self.before.get(code, Decimal(0)) + sum(moved, Decimal(0))

    def slot_position(self, code: str, slot: int) -> Decimal:
        return self.net(code, slot * SLOT + 1)

    def closed(self) -> list[Closed]:
        """Positions that were opened from flat, and closed."""
        found = []
        for code in FUTURES:
            opened: Decimal | None = None
            for trade in [t for t in self.trades if t.code == code]:
                was = self.net(code, trade.at) - trade.signed
                if was == 0:
                    opened = trade.at
                if self.net(code, trade.at) == 0 and opened is not None:
                    found.append(Closed(code, opened, trade.at))
        return found


seconds = st.decimals(1, END, places=3)


@st.composite
def histories(draw: st.DrawFn, *, opens: bool = True) -> History:
    """Trades at different instants; some near funding times, some near observations."""
    near = st.sampled_from(SLOTS[1:]).flatmap(
        lambda slot: st.sampled_from([slot * SLOT + shift for shift in (-1, 0, 1, 3, 30)])
    )
    instants = draw(st.lists(near.map(Decimal) | seconds, max_size=14, unique=True).map(sorted))
    before = {}
    if opens:
        size = st.sampled_from([Decimal(0), Decimal(0), Decimal("1.5"), Decimal(-2)])
        before = {code: draw(size) for code in FUTURES}
    trades: list[Trade] = []
    held = dict.fromkeys(FUTURES, Decimal(0)) | before
    for number, at in enumerate(instants):
        code = draw(st.sampled_from(FUTURES))
        closes = draw(st.booleans()) and held[code] != 0
        signed = -held[code] if closes else draw(st.sampled_from(SIZES)) * (1 + number)
        held[code] += signed
        side = "BUY" if signed > 0 else "SELL"
        trades.append(Trade(number, MAIN, code, side, draw(prices), abs(signed), at))
    times = [t.at for t in trades]
    seen = draw(st.lists(seconds, max_size=6, unique=True))
    if trades:
        beside = draw(st.sets(st.sampled_from(trades), max_size=2))
        seen += [trade.at + draw(st.sampled_from([-1, 1])) for trade in beside]
    # Before everything, when something was open by then; and after everything.
    if any(before.values()):
        seen.append(Decimal("0.5"))
    return History(before, trades, observed(draw, sorted({*seen, Decimal(END + HOUR)}), times))


SIZES = [Decimal("0.1"), Decimal("-0.1"), Decimal("0.37"), Decimal("-0.37")]
prices = st.decimals("0.01", 10**4, places=2)


def observed(draw: st.DrawFn, seen: list[Decimal], trades: list[Decimal]) -> list[Observation]:
    """One a given instant: some are held on to until shortly before the next change, some late."""
    found = []
    for at, following in zip(seen, [*seen[1:], Decimal(END + HOUR)], strict=True):
        until = min([t for t in trades if t > at] + [following])
        end = draw(st.sampled_from([at, at, max(at, until - Decimal("0.001"))]))
        stale = draw(st.sampled_from([at, at, at - 2]))
        found.append(Observation(at, at if stale < at else end, stale))
    return found


def store(connection: Connection, history: History) -> None:
    put_markets(connection)
    put_trades(connection, history.trades)
    put(
        connection,
        "onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
        " last_observed_at, row_count, content_hash, header)",
        [
            (n, MAIN, "positions", moment(seen.start), moment(seen.end), 1, 0, "{}")
            for n, seen in enumerate(history.observations, 1)
        ],
    )
    put(
        connection,
        "onetrading.positions (snapshot_id, account_id, instrument_code, direction, open_volume,"
        " raw)",
        [
            (n, MAIN, code, "LONG" if net > 0 else "SHORT", abs(net), "{}")
            for n, seen in enumerate(history.observations, 1)
            for code in FUTURES
            if (net := history.net(code, seen.stale))
        ],
    )
    put(
        connection,
        "onetrading.closed_positions (position_id, account_id, instrument_code, opened_at,"
        " closed_at, raw, row_hash)",
        [
            (str(n), MAIN, row.code, moment(row.opened), moment(row.closed), "{}", 0)
            for n, row in enumerate(history.closed())
        ],
    )
    put(
        connection,
        "onetrading.funding_rates (instrument_code, funding_time, funding_rate, mark_price, raw,"
        " row_hash)",
        [(code, moment(s * SLOT), rate(code), MARK, "{}", 0) for code in FUTURES for s in SLOTS],
    )


def rate(code: str) -> Decimal:
    return RATE if code == FUTURES[0] else -RATE


def due(history: History, code: str, slot: int) -> Decimal:
    """The payment, to 8 decimals: what a long pays while the rate is positive."""
    return round(-rate(code) * MARK * history.slot_position(code, slot), 8)


def payments_of(history: History) -> list[Payment]:
    return [
        Payment(MAIN, code, slot, due(history, code, slot))
        for code in FUTURES
        for slot in SLOTS
        if history.slot_position(code, slot)
    ]


Slots = dict[tuple[str, datetime], tuple[str, Decimal | None]]


zones = st.sampled_from(["UTC", "America/Los_Angeles"])
"""The month ends eight hours after the start in one of them, at a funding time."""


def judged(connection: Connection, zone: str) -> Slots:
    rows = connection.execute(
        "SELECT instrument_code, funding_time, state, difference FROM reporting.funding_check(%s)",
        [zone],
    ).fetchall()
    assert len({row[:2] for row in rows}) == len(rows)
    return {(code, at): (state, difference) for code, at, state, difference in rows}


@few
@given(history=histories(), zone=zones)
def test_all_is_ok_when_nothing_is_missing(
    reporting: Connection, history: History, zone: str
) -> None:
    """Also where an observation lags behind a trade by some seconds."""
    payments = payments_of(history)
    with facts(reporting, "UTC"):
        store(reporting, history)
        put_payments(reporting, payments)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        slots = judged(reporting, zone)
        rows = reporting.execute(
            "SELECT instrument_code, net_by_trades, net_observed, difference, since, state"
            " FROM reporting.position_check"
        ).fetchall()
    # A month that ends after eight hours may have no observation to derive an early position from.
    unsure = {code for code, size in history.before.items() if size and zone != "UTC"}
    for p in payments:
        state = slots[p.code, p.funding_time][0]
        assert state == "ok" or (state == "unknown_position" and p.code in unsure)
    # A position at the slot that is gone when the payment is due pays nothing; see the next test.
    # Nor does anything tell the position of before the first observation, which the first slot is.
    early = {(code, START) for code, size in history.before.items() if size}
    told = {state for key, (state, _) in slots.items() if key not in early and key[0] not in unsure}
    assert told <= {"ok", "missing"}
    for code, net, seen, difference, since, state in rows:
        assert (net, difference, since, state) == (history.net(code, END + HOUR), 0, None, "ok")
        assert abs(seen - net) <= sum(t.amount for t in history.trades)


@few
@given(
    history=histories(opens=False),
    fault=st.sampled_from(["missing", "doubled", "negated", "unexpected"]),
    which=st.integers(0, 99),
    zone=zones,
)
def test_each_fault_of_a_payment_is_named(
    reporting: Connection, history: History, fault: str, which: int, zone: str
) -> None:
    """A fault of one payment, away from any trade, changes this slot and no other."""
    payments = payments_of(history)
    quiet = [
        (code, slot)
        for code in FUTURES
        for slot in SLOTS[1:]
        if not any(t.code == code and abs(t.at - slot * SLOT) <= 30 for t in history.trades)
        and bool(history.slot_position(code, slot)) == (fault != "unexpected")
    ]
    if not quiet:
        return
    code, slot = quiet[which % len(quiet)]
    amount = due(history, code, slot)
    wrong = {
        "missing": [],
        "doubled": [2 * amount],
        "negated": [-amount],
        "unexpected": [Decimal("0.75")],
    }[fault]
    others = [p for p in payments if (p.code, p.slot) != (code, slot)]
    with facts(reporting, "UTC"):
        store(reporting, history)
        put_payments(reporting, payments)
        before = judged(reporting, zone)
        reporting.execute("DELETE FROM onetrading.funding_payments")
        put_payments(reporting, [*others, *(Payment(MAIN, code, slot, a) for a in wrong)])
        after = judged(reporting, zone)
    key = (code, moment(slot * SLOT))
    state, difference = after.pop(key)
    before.pop(key, None)
    assert before == after
    assert state == {"missing": "missing", "unexpected": "unexpected"}.get(fault, "different")
    expected = Fraction(rate(code)) * Fraction(MARK) * Fraction(history.slot_position(code, slot))
    assert difference is not None
    assert Fraction(difference) == Fraction(sum(wrong, Decimal(0))) + expected


@few
@given(history=histories(), which=st.integers(0, 99), zone=zones)
def test_a_missing_trade_makes_no_payment_wrong(
    reporting: Connection, history: History, which: int, zone: str
) -> None:
    """What was booked was right: it is ok, or its position is not known. No other is in doubt.

    Or it is unexpected, where nothing tells of the position: the only trade of its market is lost,
    and what was observed later was in another month of the zone.
    """
    if not history.trades:
        return
    lost = history.trades[which % len(history.trades)]
    payments = payments_of(history)
    with facts(reporting, "UTC"):
        store(reporting, history)
        put_payments(reporting, payments)
        before = judged(reporting, zone)
        reporting.execute("DELETE FROM onetrading.trades WHERE trade_id = %s", [lost.trade_id])
        after = judged(reporting, zone)
    doubtful = {"ok", "missing", "unknown_position", "unexpected"}
    assert {state for state, _ in after.values()} <= doubtful
    other = {key: value for key, value in before.items() if key[0] != lost.code}
    assert {key: value for key, value in after.items() if key[0] != lost.code} == other
    for key, (state, _) in before.items():
        assert state != "ok" or after[key][0] in doubtful - {"missing"}


@few
@given(history=histories(), which=st.integers(0, 99))
def test_a_missing_trade_shows_in_the_position(
    reporting: Connection, history: History, which: int
) -> None:
    """From the observation after it on, where the position before it is known."""
    history = history._replace(
        observations=[seen._replace(stale=seen.start) for seen in history.observations]
    )
    if not history.trades:
        return
    lost = history.trades[which % len(history.trades)]
    first = history.observations[0].start
    flat = any(row.code == lost.code for row in history.closed()) and not history.before.get(
        lost.code
    )
    if not flat and first + 5 >= lost.at:
        return
    with facts(reporting, "UTC"):
        store(reporting, history)
        reporting.execute("DELETE FROM onetrading.trades WHERE trade_id = %s", [lost.trade_id])
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        rows = reporting.execute(
            "SELECT instrument_code, difference, since, state FROM reporting.position_check"
            " WHERE state <> 'ok'"
        ).fetchall()
    since = min(seen.start for seen in history.observations if seen.start >= lost.at)
    assert rows == [(lost.code, -lost.signed, moment(since), "different")]


@settings(few, max_examples=15)
@given(history=histories(), zone=zones)
def test_stored_sums_change_no_position(reporting: Connection, history: History, zone: str) -> None:
    """Positions of months before which nothing was observed follow from sums of trades."""
    with facts(reporting, "UTC"):
        store(reporting, history)
        put_payments(reporting, payments_of(history))
        before = judged(reporting, zone)
        sum_days(reporting, START, days=40)
        assert judged(reporting, zone) == before
