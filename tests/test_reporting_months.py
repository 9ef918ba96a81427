"""Trades, funding and their months, against the same sums in exact fractions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.fields import EXACT
from exporter.window import EPOCH
from tests.reporting import (
    MAIN,
    MICROSECOND,
    NAMES,
    Connection,
    account_ids,
    examples,
    facts,
    in_order,
    migrated,
    money,
    put,
    read,
    time_zones,
)

Group = dict[tuple[Any, ...], list[Any]]

# Nanoseconds since 1970, crowded around the ends of two months.
edges = st.builds(
    lambda month, shift: int(month.timestamp()) * 10**9 + shift,
    st.sampled_from([datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]),
    st.sampled_from([-1000, -500, -1, 0, 1, 999]) | st.integers(-(10**15), 10**15),
)
codes = st.sampled_from(["BTC_EUR", "ETH_EUR", "UNKNOWN_P"])


class Version(NamedTuple):
    """A row of onetrading.instruments."""

    code: str
    base: str
    quote: str
    start: datetime


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


class Payment(NamedTuple):
    """A booking ``late`` seconds after its funding time, ``slot`` minutes around New Year."""

    account_id: UUID
    code: str
    slot: int
    late: int
    amount: Decimal


def at_microsecond(nanos: int) -> datetime:
    return EPOCH + nanos // 1000 * MICROSECOND


def at_second(nanos: int) -> datetime:
    """Cut, not rounded; days and months are taken from here."""
    return datetime.fromtimestamp(nanos // 10**9, UTC)


versions = st.lists(
    st.builds(
        Version,
        st.sampled_from(["BTC_EUR", "ETH_EUR"]),
        st.sampled_from(["BTC", "XBT"]),
        st.sampled_from(["EUR", "USD"]),
        edges.map(at_microsecond),
    ),
    max_size=6,
    unique_by=lambda version: (version.code, version.start),
).map(lambda drawn: sorted(drawn, key=lambda version: (version.code, version.start)))
trades = st.builds(
    Trade,
    account_ids,
    codes,
    st.sampled_from(["BUY", "SELL"]),
    st.decimals("0.00000001", 10**6, places=8),
    st.decimals(0, 10**9, places=8),
    money | st.none(),
    st.sampled_from(["EUR", "BEST", None]),
    st.sampled_from(["MAKER", "TAKER", None]),
    edges,
)
payments = st.builds(Payment, account_ids, codes, st.integers(-60, 60), st.integers(0, 59), money)
rates = st.dictionaries(st.tuples(codes, st.integers(-60, 60)), money)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with migrated(database_url) as connection:
        yield connection


def put_versions(connection: Connection, rows: list[Version]) -> None:
    """Versions of instruments; each but the last of an instrument ends where the next begins."""
    put(
        connection,
        "onetrading.instruments (instrument_code, base_code, quote_code, valid_from, valid_to,"
        " kind, state, raw)",
        [
            (
                *row,
                after.start if after and after.code == row.code else None,
                "PERP",
                "ACTIVE",
                "{}",
            )
            for row, after in zip_longest(rows, rows[1:])
        ],
    )


def pair_at(rows: list[Version], code: str, at: datetime) -> tuple[str | None, str | None]:
    """Base and quote: of the last version that began by then, else of the first, else unknown."""
    known = [row for row in rows if row.code == code]
    begun = [row for row in known if row.start <= at]
    for version in [*begun[-1:], *known[:1]]:
        return version.base, version.quote
    return None, None


def put_trades(connection: Connection, rows: list[Trade]) -> None:
    put(
        connection,
        "onetrading.trades (trade_id, account_id, instrument_code, side, price, amount, fee_amount,"
        " fee_currency, liquidity, traded_at_nanos, quote_amount, traded_at, raw, row_hash)",
        [
            (UUID(int=n), *t, EXACT.multiply(t.price, t.amount), at_microsecond(t.nanos), "{}", 0)
            for n, t in enumerate(rows)
        ],
    )


def exactly(amounts: Iterable[Decimal]) -> Fraction:
    """A sum without rounding; compares equal to the same number as a Decimal."""
    return sum((Fraction(amount) for amount in amounts), Fraction(0))


def volume(group: list[Trade]) -> Fraction:
    return sum((Fraction(t.price) * Fraction(t.amount) for t in group), Fraction(0))


def fee_sums(group: list[Trade]) -> tuple[Any, ...]:
    """Paid, received and net (null when no fee was told), trades, trades without fee, volume."""
    fees = [t.fee for t in group if t.fee is not None]
    counts = (len(group), len(group) - len(fees), volume(group))
    if not fees:
        return (None, None, None, *counts)
    paid, received = exactly(f for f in fees if f > 0), -exactly(f for f in fees if f < 0)
    return (paid, received, paid - received, *counts)


@examples
@given(rows=st.lists(trades, max_size=20), known=versions, time_zone=time_zones)
def test_trades_and_their_months(
    reporting: Connection, rows: list[Trade], known: list[Version], time_zone: str
) -> None:
    with facts(reporting, time_zone):
        put_versions(reporting, known)
        put_trades(reporting, rows)
        listed = read(reporting, "trade_id, account, base_code, quote_code, traded_on", "trades")
        turnover = read(reporting, "*", "monthly_turnover")
        fees = read(reporting, "*", "monthly_fees")
    expected = []
    by_side: Group = defaultdict(list)
    by_fee: Group = defaultdict(list)
    for n, t in enumerate(rows):
        base, quote = pair_at(known, t.code, at_microsecond(t.nanos))
        day = at_second(t.nanos).date()
        expected.append((UUID(int=n), NAMES[t.account_id], base, quote, day))
        place = (NAMES[t.account_id], t.account_id, day.replace(day=1), t.code)
        by_side[*place, base, quote, t.side, t.liquidity].append(t)
        by_fee[*place, quote, t.fee_currency, t.liquidity].append(t)
    assert listed == in_order(expected)
    assert turnover == in_order(
        (*key, len(group), exactly(t.amount for t in group), volume(group))
        for key, group in by_side.items()
    )
    assert [row[:13] for row in fees] == in_order(
        (*key, *fee_sums(group)) for key, group in by_fee.items()
    )
    for row in fees:
        check_bps(*row[4:6], *row[9:])


def check_bps(
    quote: str | None,
    currency: str | None,
    net: Decimal,
    _count: int,
    unknown: int,
    traded: Decimal,
    bps: Decimal | None,
) -> None:
    """Basis points are told, to 4 decimals, only where fee and volume are of one currency."""
    if currency is None or currency != quote or unknown or not traded:
        assert bps is None
    else:
        assert bps is not None
        exact = 10_000 * Fraction(net) / Fraction(traded)
        assert abs(Fraction(bps) - exact) < Fraction(1, 19_999)


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


@examples
@given(
    rows=st.lists(payments, max_size=20, unique_by=lambda p: (p[0], p[1], p.slot, p.late)),
    settled=rates,
    known=versions,
    time_zone=time_zones,
)
def test_funding_and_its_months(
    reporting: Connection,
    rows: list[Payment],
    settled: dict[tuple[str, int], Decimal],
    known: list[Version],
    time_zone: str,
) -> None:
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    with facts(reporting, time_zone):
        put_versions(reporting, known)
        put(
            reporting,
            "onetrading.funding_payments (account_id, instrument_code, funding_time, booked_at,"
            " amount, raw, row_hash)",
            [
                (p.account_id, p.code, at, at + timedelta(seconds=p.late), p.amount, "{}", 0)
                for p in rows
                for at in [new_year + timedelta(minutes=p.slot)]
            ],
        )
        put(
            reporting,
            "onetrading.funding_rates (instrument_code, funding_time, funding_rate, raw, row_hash)",
            [
                (code, new_year + timedelta(minutes=slot), rate, "{}", 0)
                for (code, slot), rate in settled.items()
            ],
        )
        columns = "account_id, instrument_code, booked_at AT TIME ZONE 'UTC', quote_code"
        money_columns = "amount, paid, received, funding_rate"
        listed = read(reporting, f"{columns}, {money_columns}", "funding_payments")
        months = read(reporting, "*", "monthly_funding")
    expected = []
    by_month: Group = defaultdict(list)
    for p in rows:
        at = new_year + timedelta(minutes=p.slot)
        quote = pair_at(known, p.code, at)[1]
        booked = (at + timedelta(seconds=p.late)).replace(tzinfo=None)
        gross = (max(-Fraction(p.amount), 0), max(Fraction(p.amount), 0))
        rate = settled.get((p.code, p.slot))
        expected.append((p.account_id, p.code, booked, quote, p.amount, *gross, rate))
        month = date(2025, 12, 1) if p.slot < 0 else date(2026, 1, 1)
        by_month[NAMES[p.account_id], p.account_id, month, p.code, quote].append(p.amount)
    assert listed == in_order(expected)
    assert months == in_order(
        (*key, len(group), paid, received, received - paid)
        for key, group in by_month.items()
        for paid, received in [
            (-exactly(a for a in group if a < 0), exactly(a for a in group if a > 0))
        ]
    )
