"""Lots and pools of spot trading: equal to arithmetic in Python, with and without carried state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lots import (
    ACCOUNTS,
    COLUMNS,
    Book,
    Imported,
    Piece,
    Pool,
    Row,
    Trade,
    books,
    histories,
    imports,
    instants,
    less,
    month_of,
    put_imported,
    put_markets,
    put_trades,
    row_of,
    share,
)
from tests.support.reporting import Connection, examples, facts, in_order
from tests.support.reporting_instruments import at_microsecond

ZONES = ["UTC", "Europe/Vienna"]
READER = "onetrading_reader"
fewer = settings(examples, max_examples=40)
Books = dict[tuple[UUID, Pool], Book]


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def read(connection: Connection, query: str) -> list[Row]:
    """As the reader, who has rights on the schema reporting only."""
    connection.execute(f"SET LOCAL ROLE {READER}")
    rows = connection.execute(query.encode()).fetchall()
    connection.execute("RESET ROLE")
    return in_order([tuple(exact(value) for value in row) for row in rows])


def exact(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return Fraction(value) if isinstance(value, Decimal) else value


def gains(piece: Piece) -> tuple[Fraction | None, Fraction | None]:
    gross = less(piece.proceeds, piece.cost)
    return gross, less(gross, piece.fee_in_quote)


def fifo_rows(found: Books, zone: str) -> list[Row]:
    rows = []
    for (account, pool), book in found.items():
        for piece in book.fifo:
            trade, lot = piece.trade, piece.lot
            source = lot.source if lot else "missing"
            row: Row = (ACCOUNTS[account], month_of(trade.at, zone), zone, *pool, trade.trade_id)
            row += (trade.at, lot.identity if lot and source == "trade" else None)
            row += (lot.identity if lot and source == "external" else None, lot and lot.at, source)
            row += (piece.quantity, piece.proceeds, piece.cost, piece.fee_in_base)
            row += (piece.lot_fee_in_base, piece.fee_in_quote, *gains(piece))
            rows.append((*row, (trade.at - lot.at).days if lot else None, "fifo"))
    return in_order(rows)


FIFO = (
    "SELECT account, month, zone, base_code, quote_code, disposal_trade_id, disposed_at,"
    " lot_trade_id, reference, acquired_at, lot_source, quantity, proceeds, cost, fee_in_base,"
    " lot_fee_in_base, fee_in_quote, gain_gross, gain_net, held_days, method"
    " FROM reporting.realised_pnl_fifo('{zone}') WHERE month < '2026-06-01'"
)


def average_rows(found: Books, zone: str) -> list[Row]:
    rows = []
    for (account, pool), book in found.items():
        for piece in book.average:
            trade = piece.trade
            assert piece.pool is not None
            row: Row = (ACCOUNTS[account], month_of(trade.at, zone), zone, *pool, trade.trade_id)
            row += (trade.at, "pool" if piece.lot else "missing", piece.quantity, piece.proceeds)
            row += (piece.cost, piece.fee_in_base, piece.fee_in_quote, *gains(piece))
            rows.append((*row, *piece.pool, "average"))
    return in_order(rows)


AVERAGE = (
    "SELECT account, month, zone, base_code, quote_code, disposal_trade_id, disposed_at,"
    " lot_source, quantity, proceeds, cost, fee_in_base, fee_in_quote, gain_gross, gain_net,"
    " pool_quantity_after, pool_cost_after, method"
    " FROM reporting.realised_pnl_average('{zone}') WHERE month < '2026-06-01'"
)


def lot_rows(found: Books) -> list[Row]:
    rows = []
    for (account, pool), book in found.items():
        for lot in [each for each in book.lots if each.used < each.quantity]:
            row: Row = (ACCOUNTS[account], *pool, lot.source)
            row += (lot.identity if lot.source == "trade" else None,)
            row += (lot.identity if lot.source == "external" else None, lot.at)
            left = less(lot.cost, share(lot.cost, lot.used, lot.quantity))
            rows.append((*row, lot.quantity - lot.used, left, lot.quantity, lot.cost))
    return in_order(rows)


LOTS = (
    "SELECT account, base_code, quote_code, lot_source, lot_trade_id, reference, acquired_at,"
    " quantity_left, cost_left, quantity, cost FROM reporting.open_lots"
)


def check(connection: Connection, trades: list[Trade], lots: list[Imported], zone: str) -> None:
    """Every view says what Python computes from the same facts."""
    traded = {trade.account_id for trade in trades}
    found = books(trades, lots)
    shown = {key: book for key, book in found.items() if key[0] in traded}
    assert read(connection, FIFO.format(zone=zone)) == fifo_rows(shown, zone)
    assert read(connection, AVERAGE.format(zone=zone)) == average_rows(shown, zone)
    assert read(connection, LOTS) == lot_rows(found)


@fewer
@given(histories, imports, st.sampled_from(ZONES))
def test_pieces_and_open_lots(
    reporting: Connection, trades: list[Trade], lots: list[Imported], zone: str
) -> None:
    with facts(reporting, "Asia/Tokyo"):
        put_markets(reporting)
        put_imported(reporting, lots)
        put_trades(reporting, trades)
        check(reporting, trades, lots, zone)


changes = st.lists(
    st.tuples(
        st.sampled_from(["carry", "carry", "insert", "update", "delete", "import", "drop"]),
        instants.map(at_microsecond),
        st.integers(0, 99),
    ),
    min_size=3,
    max_size=8,
)


@fewer
@given(histories, histories, imports, changes, st.sampled_from(ZONES))
def test_carried_state_changes_no_figure(
    reporting: Connection,
    trades: list[Trade],
    later: list[Trade],
    lots: list[Imported],
    steps: list[tuple[str, datetime, int]],
    zone: str,
) -> None:
    """Whatever is carried, and whatever is written afterwards, in whatever order."""
    kept = {trade.trade_id: trade for trade in trades}
    late, lots = [trade for trade in later if trade.trade_id not in kept], list(lots)
    imported: list[Imported] = []
    with facts(reporting, "UTC"):
        put_markets(reporting)
        put_trades(reporting, trades)
        for step, at, number in steps:
            if step == "carry":
                for account in ACCOUNTS:
                    reporting.execute("SELECT onetrading.carry(%s, %s)", [account, at])
            else:
                change(reporting, step, number, kept, late, imported, lots)
        check(reporting, list(kept.values()), imported, zone)


def change(
    connection: Connection,
    step: str,
    number: int,
    kept: dict[UUID, Trade],
    late: list[Trade],
    imported: list[Imported],
    lots: list[Imported],
) -> None:
    """Write to the tables, and do the same to what the test knows of them."""
    identity = sorted(kept)[number % len(kept)] if kept else None
    if step == "insert":
        some, late[:] = late[: 1 + number % 4], late[1 + number % 4 :]
        put_trades(connection, some)
        kept.update({trade.trade_id: trade for trade in some})
    elif step == "import" and lots:
        put_imported(connection, [lots[0]])
        imported.append(lots.pop(0))
    elif step == "drop" and imported:
        gone = imported.pop(number % len(imported))
        connection.execute(
            "DELETE FROM onetrading.external_lots WHERE reference = %s", [gone.reference]
        )
    elif step == "update" and identity and late:
        new = late.pop(0)._replace(trade_id=identity)
        kept[identity] = new
        connection.execute(
            f"UPDATE onetrading.trades SET ({COLUMNS}) = ROW({', '.join(['%s'] * 14)})"  # noqa: S608
            " WHERE trade_id = %s",
            [*row_of(new), identity],
        )
    elif step == "delete" and identity:
        del kept[identity]
        connection.execute("DELETE FROM onetrading.trades WHERE trade_id = %s", [identity])
