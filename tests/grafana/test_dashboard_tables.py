"""What the statements of some tables of the dashboards list, from facts that are made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from grafana.source.queries import STATEMENTS
from tests.support.dashboards import sql
from tests.support.reporting import MAIN, UNNAMED, Connection, facts, put

MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
MICROSECOND, DAY = timedelta(microseconds=1), timedelta(days=1)
CHOSEN = {"account": ["main"], "instrument": ["BTC_USD_P"], "month": ["2026-03"]}
POSITIONS = (
    "onetrading.closed_positions (position_id, account_id, instrument_code, direction, opened_at,"
    " closed_at, closing_pnl, realised_pnl, total_funding_payments, total_trade_fees, raw,"
    " row_hash, first_seen_at)"
)
ORDERS = (
    "onetrading.orders (order_id, account_id, instrument_code, side, amount, filled_amount, status,"
    " is_open, created_at, trades_checked, raw, row_hash)"
)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def rows(connection: Connection, statement: str) -> list[dict[str, Any]]:
    """Of a dashboard whose range is March."""
    text = sql(STATEMENTS[statement], CHOSEN, MARCH, APRIL - MICROSECOND)
    found = connection.execute(text.encode())
    assert found.description
    names = [column.name for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def position(
    name: str,
    closed: datetime | None,
    *,
    code: str | None = "BTC_USD_P",
    account: UUID = MAIN,
    seen: datetime = MARCH + DAY,
) -> tuple[Any, ...]:
    """Gross 10, fees 1, funding -2, so net 7."""
    figures = map(Decimal, ("10", "7", "-2", "1"))
    return (name, account, code, "LONG", MARCH - DAY, closed, *figures, "{}", 0, seen)


def put_positions(connection: Connection) -> None:
    """Closed in March are 1, 2, 3 and 4; of 3 it is unknown when, and of 4 in which market."""
    put(
        connection,
        POSITIONS,
        [
            position("0", MARCH - MICROSECOND),
            position("1", MARCH),
            position("2", APRIL - MICROSECOND),
            position("3", None),
            position("4", MARCH + DAY, code=None),
            position("5", APRIL),
            position("6", MARCH, account=UNNAMED),
            position("7", None, seen=APRIL),
        ],
    )


def test_closed_positions_of_a_range_are_listed_newest_first(reporting: Connection) -> None:
    with facts(reporting, "Asia/Tokyo"):
        put_positions(reporting)
        found = rows(reporting, "latest_closed_positions")
        assert [row["position"] for row in found] == ["2", "3", "4", "1"]
        assert [row["closed"] is None for row in found] == [False, True, False, False]
        assert found[3]["held for"] == DAY.total_seconds()
        assert all(row["net"] == row["gross"] - row["fees"] + row["funding"] for row in found)


def test_closed_positions_add_up_by_instrument(reporting: Connection) -> None:
    with facts(reporting, "America/New_York"):
        put_positions(reporting)
        for statement in ("closed_positions_by_instrument", "closed_positions_of_month"):
            known, unknown = rows(reporting, statement)
            assert (known["instrument"], unknown["instrument"]) == ("BTC_USD_P", None)
            assert (known["positions"], unknown["positions"]) == (3, 1)
            sums = [known[name] for name in ("gross", "fees", "funding", "net")]
            assert sums == [30, 3, -6, 21]
        assert known["difference"] == 0


def test_unknown_orders_come_first_whatever_is_chosen(reporting: Connection) -> None:
    with facts(reporting, "UTC") as now:
        order = (Decimal(4), Decimal(1), "BOOKED")
        put(
            reporting,
            ORDERS,
            [
                (UUID(int=n), MAIN, code, "BUY", *order, is_open, now - n * DAY, True, "{}", 0)
                for n, code, is_open in (
                    (1, "BTC_USD_P", True),
                    (2, "BTC_USD_P", False),
                    (3, "BTC_USD_P", True),
                    (4, "GONE_USD_P", None),
                    (5, "ETH_USD_P", True),
                )
            ],
        )
        found = rows(reporting, "open_orders")
        assert [row["order"].int for row in found] == [4, 3, 1]
        assert [row["state"] for row in found] == ["unknown", "open", "open"]
        assert {(row["filled"], row["unfilled"]) for row in found} == {(Decimal("0.25"), 3)}
        assert found[2]["open for"] == DAY.total_seconds()
