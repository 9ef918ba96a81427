"""The journal: double entry, balances that follow from it, and months in any zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.books import (
    ACCOUNTS,
    MARKETS,
    Movement,
    Payment,
    Trade,
    moment,
    movements,
    payments,
    put_markets,
    put_movements,
    put_payments,
    put_trades,
    trades,
)
from tests.support.reporting import Connection, examples, facts, time_zones

Leg = tuple[str, str, str, datetime, str, str | None, Fraction, str]

# Planning takes most of the time of an example.
few = settings(examples, max_examples=25)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def put_all(
    connection: Connection, rows: list[Trade], paid: list[Payment], moved: list[Movement]
) -> None:
    put_markets(connection)
    put_trades(connection, rows)
    put_payments(connection, paid)
    put_movements(connection, moved)


def pair(
    entry: str,
    account_id: UUID,
    at: datetime,
    own: str,
    other: str,
    asset: str | None,
    amount: Decimal,
    counter: str,
) -> list[Leg]:
    """Both legs of what one asset does in an entry; none of nothing."""
    account, kind = ACCOUNTS[account_id], entry.partition(":")[0]
    exact = Fraction(amount)
    sides = [(own, exact), (other, -exact)] if amount else []
    return [(account, entry, kind, at, side, asset, moved, counter) for side, moved in sides]


def legs_of(trade: Trade) -> list[Leg]:
    base, quote, _ = MARKETS.get(trade.code, (None, None, ""))
    futures = trade.code.endswith("_P")
    own, counter = ("position", "position") if futures else ("account", "trading")
    entry, who, at = f"trade:{trade.trade_id}", trade.account_id, trade.moment
    value = trade.value if trade.side == "SELL" else -trade.value
    legs = pair(entry, who, at, own, "trading", base, trade.signed, counter)
    legs += pair(entry, who, at, own, "trading", quote, value, counter)
    if trade.fee:
        fee = f"fee:{trade.trade_id}"
        legs += pair(fee, who, at, "account", "fees", trade.fee_currency, -trade.fee, "fees")
    return legs


def expected(rows: list[Trade], paid: list[Payment], moved: list[Movement]) -> list[Leg]:
    legs = [leg for trade in rows for leg in legs_of(trade)]
    for p in paid:
        entry = f"funding:{p.code}:{p.funding_time:%Y-%m-%dT%H:%M:%SZ}"
        quote = MARKETS[p.code][1]
        legs += pair(
            entry, p.account_id, p.booked_at, "account", "funding", quote, p.amount, "funding"
        )
    for m in moved:
        entry, other = f"movement:{m.reference}", "fees" if m.kind == "fee" else "external"
        at = moment(m.at)
        legs += pair(entry, m.account_id, at, "account", other, m.currency, m.amount, other)
    return legs


def month_of(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date().replace(day=1)


def in_order(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=repr)


def as_fractions(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:6], Fraction(row[6]), *row[7:]) for row in rows]


@few
@given(rows=trades(), paid=payments, moved=movements, time_zone=time_zones)
def test_it_equals_independent_arithmetic(
    reporting: Connection,
    rows: list[Trade],
    paid: list[Payment],
    moved: list[Movement],
    time_zone: str,
) -> None:
    columns = "account, entry_id, entry_kind, booked_at, ledger_account, asset, amount, counter"
    zones = ("UTC", "Europe/Vienna")
    with facts(reporting, time_zone):
        put_all(reporting, rows, paid, moved)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        found = {
            zone: reporting.execute(
                f"SELECT {columns}, month, zone FROM reporting.ledger(%s)".encode(),  # noqa: S608
                [zone],
            ).fetchall()
            for zone in zones
        }
        unbalanced = reporting.execute(
            "SELECT account, entry_id, asset, sum(amount) FROM reporting.ledger"
            " GROUP BY account, entry_id, asset HAVING sum(amount) <> 0"
        ).fetchall()
    legs = expected(rows, paid, moved)
    assert unbalanced == []
    for zone in zones:
        assert in_order(as_fractions(found[zone])) == in_order(
            [(*leg, month_of(leg[3], zone), zone) for leg in legs]
        )


@few
@given(rows=trades(), moved=movements, cut=st.integers(0, 70 * 86_400))
def test_the_legs_of_the_account_are_the_change_of_its_balances(
    reporting: Connection, rows: list[Trade], moved: list[Movement], cut: int
) -> None:
    """Balances that are kept trade by trade, as an exchange keeps them; futures move none."""
    kept: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    known = [t for t in rows if t.code in MARKETS]
    end = moment(cut)
    for trade in known:
        if trade.moment >= end:
            continue
        who = ACCOUNTS[trade.account_id]
        base, quote, kind = MARKETS[trade.code]
        if kind == "SPOT":
            kept[who, base] += Fraction(trade.signed)
            kept[who, quote] -= Fraction(trade.signed) * Fraction(trade.price)
        if trade.fee is not None and trade.fee_currency is not None:
            kept[who, trade.fee_currency] -= Fraction(trade.fee)
    for m in moved:
        if moment(m.at) < end:
            kept[ACCOUNTS[m.account_id], m.currency] += Fraction(m.amount)
    with facts(reporting, "UTC"):
        put_all(reporting, known, [], moved)
        found = reporting.execute(
            "SELECT account, asset, sum(amount) FROM reporting.ledger"
            " WHERE ledger_account = 'account' AND booked_at < %s GROUP BY 1, 2",
            [end],
        ).fetchall()
    sums = {(account, asset): Fraction(amount) for account, asset, amount in found if amount}
    assert sums == {place: amount for place, amount in kept.items() if amount}
