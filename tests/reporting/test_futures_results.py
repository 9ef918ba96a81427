"""Results of closed positions and of months, against independent sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.books import (
    FUTURES,
    Payment,
    Trade,
    moment,
    put_markets,
    put_payments,
    put_trades,
)
from tests.support.reporting import MAIN, Connection, examples, facts, put

few = settings(examples, max_examples=25)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


class Position(NamedTuple):
    """A closed position: its trades, its payments, and how far the exchange's results are off."""

    number: int
    trades: list[Trade]
    payments: list[Payment]
    listed: bool
    """Whether its own lists of trades and payments were read."""
    lost: bool
    """Whether one of its trades is in no list."""
    off: Decimal

    @property
    def code(self) -> str:
        return self.trades[0].code

    @property
    def gross(self) -> Fraction:
        return -sum((Fraction(t.signed) * Fraction(t.price) for t in self.trades), Fraction(0))

    @property
    def fees(self) -> Fraction:
        return sum((in_quote(t) for t in self.trades), Fraction(0))

    @property
    def funding(self) -> Fraction:
        return sum((Fraction(p.amount) for p in self.payments), Fraction(0))


def in_quote(trade: Trade) -> Fraction:
    assert trade.fee is not None
    return Fraction(trade.fee) * (1 if trade.fee_currency == "USD" else Fraction(trade.price))


fees = st.decimals("-0.5", 9, places=6)
prices = st.decimals("0.01", 10**4, places=2)


@st.composite
def position_lists(draw: st.DrawFn) -> list[Position]:
    """Positions of one instrument after another, over two months."""
    cuts = draw(
        st.lists(st.integers(1, 59 * 86_400), min_size=2, max_size=10, unique=True).map(sorted)
    )
    found: list[Position] = []
    code = draw(st.sampled_from(FUTURES))
    for number, (start, end) in enumerate(list(pairwise(cuts))[::2]):
        sizes = [Decimal(draw(st.integers(1, 99))) / 8 for _ in range(draw(st.integers(1, 3)))]
        sign = draw(st.sampled_from([1, -1]))
        signed = [sign * size for size in sizes] + [-sign * sum(sizes, Decimal(0))]
        span = end - start
        trades = [
            Trade(
                10 * number + n,
                MAIN,
                code,
                "BUY" if size > 0 else "SELL",
                draw(prices),
                abs(size),
                Decimal(start) + Decimal(span * n) / (4 * len(sizes))
                if size != signed[-1]
                else Decimal(end),
                draw(fees),
                draw(st.sampled_from(["USD", "USD", code[:3]])),
            )
            for n, size in enumerate(signed)
        ]
        slots = [
            slot for slot in range(start // 14_400 + 1, min(end // 14_400, start // 14_400 + 3))
        ]
        payments = [Payment(MAIN, code, slot, draw(st.decimals(-9, 9, places=8))) for slot in slots]
        lost = draw(st.sampled_from([False, False, False, True]))
        off = draw(st.sampled_from([Decimal(0), Decimal("0.000001"), Decimal(3)]))
        found.append(Position(number, trades, payments, draw(st.booleans()), lost, off))
    return found


def store(connection: Connection, positions: list[Position]) -> None:
    put_markets(connection)
    put_trades(connection, [t for p in positions for t in p.trades[p.lost :]])
    put_payments(connection, [payment for p in positions for payment in p.payments])
    put(
        connection,
        "onetrading.closed_positions (position_id, account_id, instrument_code, direction,"
        " opened_at, closed_at, closing_pnl, realised_pnl, total_funding_payments,"
        " total_trade_fees, raw, row_hash)",
        [
            (
                *(str(p.number), MAIN, p.code, "LONG", p.trades[0].moment, p.trades[-1].moment),
                *map(exact, (p.gross, p.gross - p.fees + p.funding + Fraction(p.off))),
                *map(exact, (p.funding, p.fees)),
                *("{}", 0),
            )
            for p in positions
        ],
    )
    connection.execute(
        "INSERT INTO onetrading.position_trades SELECT position.position_id, trade_id, order_id,"
        " trades.account_id, trades.instrument_code, side, price, amount, quote_amount, fee_amount,"
        " fee_currency, liquidity, order_source, sequence, traded_at, traded_at_nanos, '{}', 0"
        " FROM onetrading.trades JOIN onetrading.closed_positions AS position"
        " ON traded_at BETWEEN opened_at AND closed_at WHERE position_id = ANY(%s)",
        [[str(p.number) for p in positions if p.listed]],
    )
    put(
        connection,
        "onetrading.position_funding_payments (position_id, account_id, instrument_code, booked_at,"
        " booked_at_nanos, funding_time, amount, raw, row_hash)",
        [
            (
                *(str(p.number), MAIN, p.code, payment.booked_at, 0, payment.funding_time),
                *(round(payment.amount, 4), "{}", 0),
            )
            for p in positions
            if p.listed
            for payment in p.payments
        ],
    )


def exact(value: Fraction) -> Decimal:
    units = value * 10**14
    assert units.denominator == 1
    return Decimal(units.numerator).scaleb(-14).normalize()


def month_of(trade: Trade, zone: str) -> date:
    return trade.moment.astimezone(ZoneInfo(zone)).date().replace(day=1)


def expected(p: Position, zone: str) -> tuple[Any, ...]:
    basis = "position_trades" if p.listed else "trades"
    month = month_of(p.trades[-1], zone)
    if p.lost:
        return str(p.number), month, basis, None, None, "unknown"
    # A unit of the last decimal of the exchange's result, of two decimals at least.
    state = "different" if p.off == 3 else "ok" if p.off == 0 else None
    net = p.gross - p.fees + p.funding
    return str(p.number), month, basis, p.gross, net, state


@few
@given(positions=position_lists(), zone=st.sampled_from(["UTC", "Europe/Vienna"]))
def test_results_equal_independent_sums(
    reporting: Connection, positions: list[Position], zone: str
) -> None:
    with facts(reporting, "Asia/Tokyo"):
        store(reporting, positions)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        found = reporting.execute(
            "SELECT position_id, month, basis, gain_gross, gain_net, state, difference,"
            " unknown_because FROM reporting.realised_pnl_futures(%s) ORDER BY position_id",
            [zone],
        ).fetchall()
    assert len(found) == len(positions)
    for row, p in zip(found, positions, strict=True):
        *values, state = expected(p, zone)
        assert list(row[:5]) == values
        assert state in (row[5], None)
        assert row[6] == (None if p.lost else -Fraction(p.off))
        assert (row[7] is None) != p.lost


@few
@given(positions=position_lists(), zone=st.sampled_from(["UTC", "Europe/Vienna"]))
def test_months_have_what_was_booked_in_them(
    reporting: Connection, positions: list[Position], zone: str
) -> None:
    """Results by closing; fees and funding by their own booking, whatever position they are of."""
    sums: dict[date, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 5)
    for p in positions:
        closed = sums[month_of(p.trades[-1], zone)]
        closed[3] += 1
        closed[4] += p.lost
        closed[0] += 0 if p.lost else p.gross
        for trade in p.trades[p.lost :]:
            sums[month_of(trade, zone)][1] += in_quote(trade)
        for payment in p.payments:
            at = payment.booked_at.astimezone(ZoneInfo(zone)).date()
            sums[at.replace(day=1)][2] += Fraction(payment.amount)
    with facts(reporting, "UTC"):
        store(reporting, positions)
        found = reporting.execute(
            "SELECT month, instrument_code, quote_code, gain_gross, fees, funding, disposals,"
            " missing_cost, gain_net FROM onetrading.futures_pnl_months WHERE zone = %s",
            [zone],
        ).fetchall()
    assert {row[0] for row in found} == set(sums)
    for month, code, quote, gross, paid, funding, disposals, missing, net in found:
        total = sums[month]
        assert (code, quote) == (positions[0].code, "USD")
        assert [paid, funding, disposals, missing] == total[1:]
        known = disposals == 0 or disposals > missing
        assert gross == (total[0] if known else None)
        assert net == (total[0] - total[1] + total[2] if known else None)


def test_a_position_without_trades_says_so(reporting: Connection) -> None:
    with facts(reporting, "UTC"):
        put_markets(reporting)
        put_payments(reporting, [Payment(MAIN, FUTURES[0], 0, Decimal(1))])
        put(
            reporting,
            "onetrading.closed_positions (position_id, account_id, instrument_code, opened_at,"
            " closed_at, closing_pnl, realised_pnl, raw, row_hash)",
            [("1", MAIN, FUTURES[0], moment(5), moment(9), 1, 1, "{}", 0)],
        )
        rows = reporting.execute(
            "SELECT basis, gain_gross, state, unknown_because FROM reporting.realised_pnl_futures"
        ).fetchall()
    assert rows == [(None, None, "unknown", "no trade of the position is stored")]
