"""Trades and their months, against the same sums in exact fractions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.fields import EXACT
from exporter.model.window import EPOCH
from exporter.store import rollups
from tests.support.reporting import (
    MAIN,
    NAMES,
    Connection,
    account_ids,
    example_of,
    examples,
    facts,
    in_order,
    money,
    put,
    read,
    time_zones,
)
from tests.support.reporting_instruments import (
    Version,
    at_microsecond,
    codes,
    edges,
    exactly,
    pair_at,
    put_versions,
    versions,
)

Group = dict[tuple[Any, ...], list[Any]]


class Trade(NamedTuple):
    """What differs between made-up trades."""

    account_id: UUID
    code: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal | None
    fee_currency: str | None
    liquidity: str | None
    nanos: int


def at_second(nanos: int) -> datetime:
    """Cut, not rounded; days and months are taken from here."""
    return datetime.fromtimestamp(nanos // 10**9, UTC)


trades = st.builds(
    Trade,
    account_ids,
    codes,
    st.sampled_from(["BUY", "SELL"]),
    st.decimals("0.00000001", 10**6, places=8),
    st.decimals("0.00000001", 10**9, places=8),
    money | st.none(),
    st.sampled_from(["EUR", "BTC", "XBT", "BEST", None]),
    st.sampled_from(["MAKER", "TAKER", None]),
    edges,
)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def put_trades(connection: Connection, rows: list[Trade], first: int = 0) -> None:
    put(
        connection,
        "onetrading.trades (trade_id, account_id, instrument_code, side, price, amount, fee_amount,"
        " fee_currency, liquidity, traded_at_nanos, quote_amount, traded_at, raw, row_hash)",
        [
            (UUID(int=n), *t, EXACT.multiply(t.price, t.amount), at_microsecond(t.nanos), "{}", 0)
            for n, t in enumerate(rows, first)
        ],
    )


def roll_some(connection: Connection, chosen: list[bool]) -> None:
    """Sum those of the months that are chosen, in their order."""
    months = connection.execute(
        "SELECT account_id::text, month FROM onetrading.unrolled_months ORDER BY account_id, month"
    ).fetchall()
    for (account_id, month), roll in zip(months, chosen, strict=False):
        if roll:
            rollups.roll(connection, None, account_id, month)


def volume(group: list[Trade]) -> Fraction:
    return sum((Fraction(t.price) * Fraction(t.amount) for t in group), Fraction(0))


def fee_sums(group: list[Trade]) -> tuple[Any, ...]:
    """Paid, received and net (null when no fee was sent), trades, trades without fee, volume."""
    fees = [t.fee for t in group if t.fee is not None]
    counts = (len(group), len(group) - len(fees), volume(group))
    if not fees:
        return (None, None, None, *counts)
    paid, received = exactly(f for f in fees if f > 0), -exactly(f for f in fees if f < 0)
    return (paid, received, paid - received, *counts)


@examples
@given(
    rows=st.lists(trades, max_size=20),
    known=versions,
    time_zone=time_zones,
    before=st.integers(0, 20),
    rolled=st.lists(st.booleans(), max_size=40),
)
def test_trades_and_their_months(
    reporting: Connection,
    rows: list[Trade],
    known: list[Version],
    time_zone: str,
    before: int,
    rolled: list[bool],
) -> None:
    """Whatever months were summed beforehand, and whatever came after that."""
    with facts(reporting, time_zone):
        put_versions(reporting, known)
        put_trades(reporting, rows[:before])
        roll_some(reporting, rolled)
        put_trades(reporting, rows[before:], before)
        columns = "trade_id, account, base_code, quote_code, traded_on, fee_in_quote"
        listed = read(reporting, columns, "trades")
        turnover = read(reporting, "*", "monthly_turnover")
        fees = read(reporting, "*", "monthly_fees")
    expected = []
    by_side: Group = defaultdict(list)
    by_fee: Group = defaultdict(list)
    for n, t in enumerate(rows):
        base, quote = pair_at(known, t.code, at_microsecond(t.nanos))
        day = at_second(t.nanos).date()
        fee = in_quote(t, base, quote)
        expected.append((UUID(int=n), NAMES[t.account_id], base, quote, day, fee))
        place = (NAMES[t.account_id], t.account_id, day.replace(day=1), t.code)
        by_side[*place, base, quote, t.side, t.liquidity].append(t)
        by_fee[*place, quote, t.fee_currency, t.liquidity].append((t, fee))
    assert listed == in_order(expected)
    assert turnover == in_order(
        (*key, len(group), exactly(t.amount for t in group), volume(group))
        for key, group in by_side.items()
    )
    assert [(*row[:13], row[14]) for row in fees] == in_order(
        (*key, *fee_sums([t for t, _ in group]), None if None in fees else sum(fees))
        for key, group in by_fee.items()
        for fees in [[fee for _, fee in group]]
    )
    for row in fees:
        check_bps(*row[12:])


def in_quote(trade: Trade, base: str | None, quote: str | None) -> Fraction | None:
    """The fee in the quote currency; None where it is in a third one, or not known."""
    if trade.fee is None or trade.fee_currency is None:
        return None
    factors = {base: Fraction(trade.price), quote: Fraction(1)}
    factor = factors.get(trade.fee_currency)
    return None if factor is None else factor * Fraction(trade.fee)


def check_bps(traded: Decimal, bps: Decimal | None, fee: Decimal | None) -> None:
    """Basis points are given, to 4 decimals, wherever the fee is known in the quote currency."""
    if fee is None:
        assert bps is None
    else:
        assert bps is not None
        exact = 10_000 * Fraction(fee) / Fraction(traded)
        assert abs(Fraction(bps) - exact) < Fraction(1, 19_999)


@pytest.mark.parametrize(
    ("fees", "currency", "bps"),
    [
        (["1"], "EUR", "10"),
        (["1", "-3"], "EUR", "-10"),
        (["0.0001234567"], "EUR", "0.0012"),
        (["1", None], "EUR", None),
        (["1"], "BEST", None),
        (["0.001", "-0.0005"], "BTC", "2.5"),
        (["0.001", None], "BTC", None),
    ],
)
def test_effective_basis_points(
    reporting: Connection, fees: list[str | None], currency: str, bps: str | None
) -> None:
    """Per 1000 EUR of volume each."""
    thousand = Decimal(1000)
    with facts(reporting, "UTC"):
        put_versions(reporting, [Version("BTC_EUR", "BTC", "EUR", EPOCH)])
        put_trades(
            reporting,
            [
                Trade(MAIN, "BTC_EUR", "BUY", thousand, Decimal(1), fee, currency, "MAKER", 0)
                for fee in (None if text is None else Decimal(text) for text in fees)
            ],
        )
        result = read(reporting, "effective_bps", "monthly_fees")
    assert result == [(None if bps is None else Decimal(bps),)]


@pytest.mark.parametrize(
    ("nanos", "month"),
    [
        (1_767_225_599_999_999_500, date(2025, 12, 1)),
        (1_767_225_600_000_000_000, date(2026, 1, 1)),
    ],
)
def test_a_trade_half_a_microsecond_before_new_year(
    reporting: Connection, nanos: int, month: date
) -> None:
    trade = Trade(MAIN, "BTC_EUR", "BUY", Decimal(1), Decimal(1), None, None, None, nanos)
    with facts(reporting, "Asia/Tokyo"):
        put_trades(reporting, [trade])
        assert read(reporting, "month", "monthly_fees") == [(month,)]
        assert read(reporting, "month", "monthly_turnover") == [(month,)]


@pytest.mark.parametrize(
    ("asked", "found_by"),
    [
        ("traded_on = '2026-03-01'", "Bitmap Index Scan on trades_by_day"),
        ("traded_on >= '2026-03-01' AND traded_on < '2026-04-01'", "trades_by_day"),
        ("instrument_code = 'A' ORDER BY traded_at DESC LIMIT 9", "Index Cond: (instrument_code"),
        ("traded_at >= '2026-03-01Z'", "Index Cond: (traded_at"),
    ],
)
def test_days_times_and_instruments_are_found_without_reading_all_trades(
    reporting: Connection, asked: str, found_by: str
) -> None:
    reporting.execute("SET enable_seqscan = off")  # which is faster of a few trades
    query = f"EXPLAIN SELECT * FROM reporting.trades WHERE {asked}"  # noqa: S608
    plan = "\n".join(line for (line,) in reporting.execute(query.encode()))
    assert found_by in plan, plan
    assert "Seq Scan on trades" not in plan


def test_the_last_trades_of_a_market_are_bounded_by_what_is_known_of_it(
    reporting: Connection,
) -> None:
    """The query that its comment shows: the same rows as without the bound, by an index that is
    entered at the last trade instead of at the newest of all markets."""
    trades = [
        Trade(MAIN, instrument, "BUY", Decimal(1), Decimal(1), None, None, None, nanos)
        for instrument, first, count in (("BTC_USD", 0, 80), ("ETH_USD", 50, 400))
        for nanos in range(first * 10**15, (first + count) * 10**15, 10**15)
    ]
    query = example_of(reporting, "last_trades")
    with facts(reporting, "UTC"):
        put_trades(reporting, trades)
        found = reporting.execute(query).fetchall()
        unbounded = reporting.execute(
            "SELECT traded_at, account, side, price, amount FROM reporting.trades"
            " WHERE instrument_code = 'BTC_USD' ORDER BY traded_at DESC LIMIT 50"
        ).fetchall()
        reporting.execute("SET LOCAL enable_seqscan = off")
        reporting.execute("SET LOCAL enable_bitmapscan = off")
        plan = "\n".join(line for (line,) in reporting.execute(b"EXPLAIN " + query))
    assert found == unbounded
    assert len(found) == 50
    assert re.search(r"Index Cond: \(\(traded_at <= .*instrument_code = 'BTC_USD'", plan), plan
