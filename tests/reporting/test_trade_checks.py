"""What is checked trade by trade and order by order, against independent arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.books import (
    ACCOUNTS,
    HEDGE,
    MARKETS,
    PRECISIONS,
    START,
    Trade,
    moment,
    put_markets,
    put_trades,
    trades,
)
from tests.support.reporting import MAIN, Connection, examples, facts, put, time_zones

PUBLIC = UUID(int=0)
MINUTE = timedelta(minutes=1)

# Planning takes most of the time of an example.
few = settings(examples, max_examples=25)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


# Fees


class Tier(NamedTuple):
    """A fee tier in force from ``start`` until ``end``, in seconds; None: until now."""

    account_id: UUID
    group: str
    start: int
    end: int | None
    maker: Decimal
    taker: Decimal


ratios = st.decimals("-0.001", "0.003", places=6)
SETTINGS = [
    f"api_{side}_ratio_{group}" for side in ("maker", "taker") for group in ("spot", "futures")
]


@st.composite
def tier_histories(draw: st.DrawFn) -> list[Tier]:
    tiers = []
    for account_id in (MAIN, HEDGE):
        for group in ("SPOT", "FUTURES"):
            starts = draw(st.lists(st.integers(-10, 70), max_size=3, unique=True).map(sorted))
            ends = [*starts[1:], None]
            for start, end in zip(starts, ends, strict=False):
                until = None if end is None else end * 86_400 - draw(st.sampled_from([0, 3_600]))
                tiers.append(
                    Tier(account_id, group, start * 86_400, until, draw(ratios), draw(ratios))
                )
    return tiers


def put_tiers(connection: Connection, tiers: list[Tier], configured: dict[str, Decimal]) -> None:
    put(
        connection,
        "onetrading.account_fee_tiers (account_id, fee_group, min_volume, maker_ratio, taker_ratio,"
        " raw, valid_from, valid_to)",
        [
            (
                *(t.account_id, t.group, 0, t.maker, t.taker, "{}", moment(t.start)),
                None if t.end is None else moment(t.end),
            )
            for t in tiers
        ],
    )
    put(
        connection,
        "onetrading_sync.settings (name, value)",
        [(name, f"{value:f}") for name, value in configured.items()],
    )


def fee_ratio(
    trade: Trade, tiers: list[Tier], configured: dict[str, Decimal]
) -> tuple[str | None, Decimal | None]:
    group = "FUTURES" if trade.code.endswith("_P") else "SPOT"
    if trade.source == "API" and trade.liquidity is not None:
        name = f"api_{trade.liquidity.lower()}_ratio_{group.lower()}"
        if name in configured:
            return "api", configured[name]
    for t in tiers:
        ended = t.end is not None and trade.at >= t.end
        if (
            (t.account_id, t.group) == (trade.account_id, group)
            and t.start <= trade.at
            and not ended
        ):
            ratio = {"MAKER": t.maker, "TAKER": t.taker}.get(trade.liquidity or "")
            return (None, None) if ratio is None else ("tier", ratio)
    return None, None


def decimals(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    zeros = len(text) - len(text.rstrip("0")) if value else len(text)
    return max(0, -exponent - zeros)


def judged_fee(
    trade: Trade, tiers: list[Tier], configured: dict[str, Decimal]
) -> tuple[UUID, str | None, Fraction | None, str]:
    assert trade.fee is not None
    schedule, ratio = fee_ratio(trade, tiers, configured)
    base, quote, _ = MARKETS.get(trade.code, (None, None, ""))
    size = {quote: trade.value, base: trade.amount}.get(trade.fee_currency)
    if ratio is None or size is None or trade.fee_currency is None:
        return trade.trade_id, schedule, None, "unknown"
    expected = Fraction(size) * Fraction(ratio)
    places = max(decimals(trade.fee), PRECISIONS[trade.fee_currency])
    near = abs(Fraction(trade.fee) - expected) <= Fraction(1, 10**places)
    return trade.trade_id, schedule, expected, "ok" if near else "different"


def charged(trade: Trade, tiers: list[Tier], configured: dict[str, Decimal], off: int) -> Trade:
    """The trade with the fee it should have, at the decimals of its currency, ``off`` units off."""
    judged = judged_fee(trade, tiers, configured)[2] if trade.fee is not None else None
    if judged is None or trade.fee_currency is None:
        return trade
    places = PRECISIONS[trade.fee_currency]
    units = round(judged * 10**places) + off
    return trade._replace(fee=Decimal(units).scaleb(-places))


@few
@given(
    rows=trades(),
    tiers=tier_histories(),
    configured=st.dictionaries(st.sampled_from(SETTINGS), ratios),
    offs=st.lists(st.sampled_from([None, 0, 0, 1, -1, 2]), min_size=12, max_size=12),
    time_zone=time_zones,
)
def test_fees_against_the_tier(
    reporting: Connection,
    rows: list[Trade],
    tiers: list[Tier],
    configured: dict[str, Decimal],
    offs: list[int | None],
    time_zone: str,
) -> None:
    rows = [
        trade if off is None else charged(trade, tiers, configured, off)
        for trade, off in zip(rows, offs, strict=False)
    ]
    with facts(reporting, time_zone):
        put_markets(reporting)
        put_trades(reporting, rows)
        put_tiers(reporting, tiers, configured)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        found = reporting.execute(
            "SELECT trade_id, schedule, expected_fee, state, charged_fee, difference"
            " FROM reporting.fee_check ORDER BY trade_id"
        ).fetchall()
    expected = [judged_fee(t, tiers, configured) for t in rows if t.fee is not None]
    assert [row[:4] for row in found] == expected
    for row, trade in zip(found, [t for t in rows if t.fee is not None], strict=True):
        assert row[4] == trade.fee
        assert row[5] == (None if row[2] is None else row[4] - row[2])


# Quotes


class Quote(NamedTuple):
    """What a ticker said from ``start`` until ``end``, both in seconds."""

    start: Decimal
    end: Decimal
    code: str
    bid: Decimal | None
    ask: Decimal | None


@st.composite
def quoted(draw: st.DrawFn) -> tuple[list[Trade], list[Quote]]:
    """Trades, and tickers observed around them."""
    rows = draw(trades(max_size=6))
    quotes = []
    for trade in rows:
        for _ in range(draw(st.integers(0, 4))):
            start = trade.at + draw(st.sampled_from([-400, -301, -300, -290, -60, -1, 0, 1]))
            end = start + draw(st.sampled_from([0, 0, 5, 99, 200]))
            code = draw(st.sampled_from([trade.code, trade.code, "BTC_EUR"]))
            sides = st.none() | st.decimals("0.01", 99, places=2)
            quotes.append(Quote(start, end, code, draw(sides), draw(sides)))
    return rows, sorted(quotes, key=lambda quote: quote.start)


def put_quotes(connection: Connection, quotes: list[Quote]) -> None:
    put(
        connection,
        "onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
        " last_observed_at, row_count, content_hash, header)",
        [
            (n, PUBLIC, "tickers", moment(q.start), moment(q.end), 1, 0, "{}")
            for n, q in enumerate(quotes, 1)
        ],
    )
    put(
        connection,
        "onetrading.tickers (snapshot_id, instrument_code, bid_price, ask_price, raw)",
        [(n, q.code, q.bid, q.ask, "{}") for n, q in enumerate(quotes, 1)],
    )


def slippage(trade: Trade, quotes: list[Quote]) -> tuple[Any, ...]:
    for quote in reversed(quotes):
        at = min(quote.end, trade.at)
        known = quote.code == trade.code and quote.bid is not None and quote.ask is not None
        if quote.start <= trade.at and known and trade.at - at <= 300:
            assert quote.bid is not None
            assert quote.ask is not None
            mid = (Fraction(quote.bid) + Fraction(quote.ask)) / 2
            worse = (
                Fraction(trade.price) - mid if trade.side == "BUY" else mid - Fraction(trade.price)
            )
            return mid, moment(at), worse * Fraction(trade.amount), worse / mid * 10_000
    return None, None, None, None


@few
@given(drawn=quoted(), time_zone=time_zones)
def test_prices_against_the_quotes_before_them(
    reporting: Connection, drawn: tuple[list[Trade], list[Quote]], time_zone: str
) -> None:
    rows, quotes = drawn
    with facts(reporting, time_zone):
        put_markets(reporting)
        put_trades(reporting, rows)
        put_quotes(reporting, quotes)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        found = reporting.execute(
            "SELECT trade_id, mid_price, quoted_at, slippage_quote, slippage_bps, quote_age"
            " FROM reporting.trade_slippage ORDER BY trade_id"
        ).fetchall()
    assert len(found) == len(rows)
    for trade, row in zip(rows, found, strict=True):
        mid, at, lost, bps = slippage(trade, quotes)
        assert row[:4] == (trade.trade_id, mid, at, lost)
        assert row[5] == (None if at is None else trade.moment - at)
        assert (row[4] is None) == (bps is None)
        if bps is not None:
            assert abs(Fraction(row[4]) - bps) <= Fraction(1, 20_000) + abs(bps) / 10**14


# Totals of a year


@few
@given(rows=trades(), zone=st.sampled_from(["UTC", "Europe/Vienna", "Asia/Tokyo"]))
def test_totals_of_a_year(reporting: Connection, rows: list[Trade], zone: str) -> None:
    """Trades around a New Year; USDC is an asset and a currency."""
    turn = (datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")) - START).days * 86_400
    rows = [t._replace(at=(t.at % (2 * 86_400)) + turn - 86_400) for t in rows]
    sums: dict[tuple[Any, ...], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 6)
    for trade in rows:
        base, quote, kind = MARKETS.get(trade.code, (None, None, "SPOT"))
        if kind != "SPOT" or trade.code.endswith("_P"):
            continue
        year = trade.moment.astimezone(ZoneInfo(zone)).year
        sides = [(base, quote, trade.amount, trade.value, trade.side == "BUY")]
        if quote in {"BTC", "USDC"}:
            sides.append((quote, base, trade.value, trade.amount, trade.side != "BUY"))
        for asset, other, quantity, gross, acquires in sides:
            total = sums[ACCOUNTS[trade.account_id], year, asset, other]
            n = 0 if acquires else 1
            total[n] += Fraction(quantity)
            total[n + 2] += 1
            total[n + 4] += Fraction(gross)
    with facts(reporting, "UTC"):
        put_markets(reporting)
        put_trades(reporting, rows)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        found = reporting.execute(
            "SELECT account, year, asset, quote_code, acquired, disposed, acquisitions, disposals,"
            " acquired_gross, disposed_gross, trades FROM reporting.dac8_totals(%s)",
            [zone],
        ).fetchall()
    assert {row[:4]: [*map(Fraction, row[4:10])] for row in found} == sums
    assert all(row[10] == row[6] + row[7] for row in found)


# Orders


class Order(NamedTuple):
    """An order, and how much of it is told to be filled beyond what its trades say."""

    number: int
    account_id: UUID
    code: str
    side: str
    created: int
    is_open: bool | None
    beyond: Decimal
    unfilled: Decimal


orders = st.lists(
    st.builds(
        Order,
        st.integers(0, 3),
        st.sampled_from([MAIN, HEDGE]),
        st.sampled_from(["BTC_EUR", "BTC_USD_P", "NEW_EUR"]),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(0, 60 * 86_400),
        st.sampled_from([True, False, False, None]),
        st.sampled_from([Decimal(0), Decimal(0), Decimal(1), Decimal("-0.5")]),
        st.sampled_from([Decimal(0), Decimal("0.25"), Decimal(3)]),
    ),
    max_size=4,
    unique_by=lambda order: order.number,
)


@few
@given(
    rows=trades(),
    drawn=orders,
    strays=st.lists(st.booleans(), min_size=12, max_size=12),
    required=st.none() | st.integers(0, 60 * 86_400),
)
def test_orders_against_their_trades(
    reporting: Connection,
    rows: list[Trade],
    drawn: list[Order],
    strays: list[bool],
    required: int | None,
) -> None:
    """A stray names the order, and is of another account, instrument or side."""
    known = {order.number: order for order in drawn}
    filled: dict[int, Fraction] = defaultdict(Fraction)
    for n, (trade, stray) in enumerate(zip(rows, strays, strict=False)):
        order = known.get(-1 if trade.order is None else trade.order)
        if order is not None and not stray:
            rows[n] = trade._replace(account_id=order.account_id, code=order.code, side=order.side)
        place = order and (order.account_id, order.code, order.side)
        if place == (rows[n].account_id, rows[n].code, rows[n].side) and order is not None:
            filled[order.number] += Fraction(trade.amount)
    expected, stored = [], []
    for order in drawn:
        by_trades = filled[order.number]
        told = max(by_trades + Fraction(order.beyond), Fraction(0))
        ordered = told + Fraction(order.unfilled) or Fraction(1)
        early = required is not None and order.created < required and order.account_id == MAIN
        state = (
            "ok"
            if by_trades == told
            else "different"
            if by_trades > ordered
            else "open"
            if order.is_open
            else "unknown"
            if order.is_open is None or early
            else "different"
        )
        expected.append((order.number, told, by_trades, by_trades - told, state))
        stored.append((order, told, ordered))
    with facts(reporting, "UTC"):
        put_markets(reporting)
        put_trades(reporting, rows)
        put_orders(reporting, stored)
        if required is not None:
            put(
                reporting,
                "onetrading_sync.progress (account_id, stream, scope, required_from)",
                [(MAIN, "trades", "", moment(required))],
            )
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        found = reporting.execute(
            "SELECT order_id, filled_as_told, filled_by_trades, difference, state"
            " FROM reporting.order_fill_check"
        ).fetchall()
    listed = [(row[0].int - 10**9, *map(Fraction, row[1:4]), row[4]) for row in found]
    # Months begin with the first fact that is known of an account.
    first = {
        who: min((t.moment for t in rows if t.account_id == who), default=None)
        for who in (MAIN, HEDGE)
    }
    shown = {
        order.number
        for order in drawn
        if (at := first[order.account_id]) is not None
        and moment(order.created) >= at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    }
    assert sorted(listed) == sorted(row for row in expected if row[0] in shown)


def put_orders(connection: Connection, rows: list[tuple[Order, Fraction, Fraction]]) -> None:
    put(
        connection,
        "onetrading.orders (order_id, account_id, instrument_code, side, amount, filled_amount,"
        " status, is_open, created_at, trades_checked, raw, row_hash)",
        [
            (
                *(UUID(int=10**9 + o.number), o.account_id, o.code, o.side),
                *(exact(ordered), exact(told), "BOOKED", o.is_open, moment(o.created)),
                *(True, "{}", 0),
            )
            for o, told, ordered in rows
        ],
    )


def exact(value: Fraction) -> Decimal:
    """A number of at most 8 decimals."""
    units = value * 10**8
    assert units.denominator == 1
    return Decimal(units.numerator).scaleb(-8)
