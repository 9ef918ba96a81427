"""FIFO equals that of another program: rp2, a tax calculator, which is run in this process."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid5

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lots import Trade, put_markets, put_trades
from tests.support.reporting import MAIN, Connection, examples, facts

START = datetime(2026, 3, 1, tzinfo=UTC)
DECIMALS = Decimal("1e-13")
"""What rp2 takes for equal."""
Rp2 = Callable[[list[Trade]], list[Any]]


@pytest.fixture(scope="module")
def rp2(tmp_path_factory: pytest.TempPathFactory) -> Rp2:
    """Disposal, lot, quantity and gain of each piece of these trades."""
    folder = tmp_path_factory.mktemp("rp2")
    with contextlib.chdir(folder):
        module = importlib.import_module("tests.support.rp2_fifo")
    return partial(module.pieces, module.configured(folder))


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


@st.composite
def histories(draw: st.DrawFn) -> list[Trade]:
    """Trades a minute or more apart, that never sell what is not there."""
    trades, at, held = [], START, Decimal(0)
    for number in range(draw(st.integers(2, 30))):
        at += timedelta(minutes=draw(st.integers(1, 5000)))
        amount = draw(st.decimals("0.0001", 5, places=4))
        sells = held > 0 and draw(st.booleans())
        amount = min(amount, held) if sells else amount
        held += -amount if sells else amount
        price, side = draw(st.decimals(1, 90_000, places=2)), "SELL" if sells else "BUY"
        nanos, identity = int(at.timestamp()) * 10**9, uuid5(MAIN, str(number))
        trades.append(
            Trade(identity, MAIN, "BTC_EUR", side, price, amount, None, None, number, nanos)
        )
    return trades


@settings(examples, max_examples=25)
@given(histories())
def test_pieces_equal_those_of_rp2(reporting: Connection, rp2: Rp2, trades: list[Trade]) -> None:
    with facts(reporting, "UTC"):
        put_markets(reporting)
        put_trades(reporting, trades)
        found = reporting.execute(
            "SELECT disposal_trade_id, lot_trade_id, quantity, gain_gross"
            " FROM reporting.realised_pnl_fifo ORDER BY disposed_at, acquired_at"
        ).fetchall()
    expected = rp2(trades)
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert all(abs(a - b) < DECIMALS for a, b in zip(ours[2:], theirs[2:], strict=True))
