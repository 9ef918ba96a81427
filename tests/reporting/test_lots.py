"""Lots and pools of spot trading: equal to arithmetic in Python, with and without carried state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

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
    following,
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
    starts,
)
from tests.support.reporting import MAIN, Connection, examples, facts, in_order
from tests.support.reporting_instruments import at_microsecond

HOUR = timedelta(hours=1)
ZONES = ["UTC", "Europe/Vienna"]
READER = "onetrading_reader"
fewer = settings(examples, max_examples=20)
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


def known(amounts: Iterable[Fraction | None]) -> Fraction | None:
    """Their sum; None without one that is known."""
    found = [amount for amount in amounts if amount is not None]
    return sum(found, Fraction(0)) if found else None


def monthly_rows(found: Books, zone: str) -> list[Row]:
    months: defaultdict[Row, list[Piece]] = defaultdict(list)
    for (account, pool), book in found.items():
        for method, pieces in (("fifo", book.fifo), ("average", book.average)):
            for piece in pieces:
                month = month_of(piece.trade.at, zone)
                months[ACCOUNTS[account], month, zone, *pool, method].append(piece)
    rows = []
    for key, pieces in months.items():
        costed = [piece for piece in pieces if piece.cost is not None]
        missing = [piece.proceeds for piece in pieces if piece.cost is None]
        row: Row = (*key, known(gains(piece)[0] for piece in costed))
        row += (known(piece.fee_in_quote for piece in costed), Fraction(0))
        row += (known(gains(piece)[1] for piece in costed),)
        row += (len({piece.trade.trade_id for piece in pieces}), len(missing))
        row += (sum(missing, Fraction(0)), sum(piece.fee_in_quote is None for piece in costed))
        rows.append(row)
    return in_order(rows)


MONTHLY = (
    "SELECT account, month, zone, asset, currency, method, gain_gross, fees, funding, gain_net,"
    " disposals, missing_cost, missing_proceeds, unknown_fees"
    " FROM reporting.realised_pnl_monthly('{zone}')"
    " WHERE month < '2026-06-01' AND instrument_code IS NULL"
)


def check(connection: Connection, trades: list[Trade], lots: list[Imported], zone: str) -> None:
    """Every view says what Python computes from the same facts."""
    traded = {trade.account_id for trade in trades}
    found = books(trades, lots)
    shown = {key: book for key, book in found.items() if key[0] in traded}
    assert read(connection, FIFO.format(zone=zone)) == fifo_rows(shown, zone)
    assert read(connection, AVERAGE.format(zone=zone)) == average_rows(shown, zone)
    assert read(connection, LOTS) == lot_rows(found)
    assert read(connection, MONTHLY.format(zone=zone)) == monthly_rows(shown, zone)


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


INVENTORY = (
    "SELECT account, month, asset, quote, method, opening_quantity, opening_cost,"
    " acquired_quantity, acquired_cost, disposed_quantity, disposed_cost, closing_quantity,"
    " closing_cost, missing_quantity, difference, cost_difference, unknown_because IS NULL"
    " FROM reporting.inventory_rollforward('{zone}') WHERE month < '2026-06-01'"
)
MONTHS = [date(2026, month, 1) for month in range(2, 6)]


def total(costs: Iterable[Fraction | None]) -> Fraction | None:
    """Their sum; None when one of them is not known."""
    found = list(costs)
    return None if None in found else sum((cost for cost in found if cost), Fraction(0))


def held(book: Book, method: str) -> tuple[Fraction, Fraction | None]:
    """What is left, and its cost."""
    if method == "average":
        return book.held, book.cost
    lots = [lot for lot in book.lots if lot.used < lot.quantity]
    left = [less(lot.cost, share(lot.cost, lot.used, lot.quantity)) for lot in lots]
    return sum((lot.quantity - lot.used for lot in lots), Fraction(0)), total(left)


def inventory_rows(
    trades: list[Trade], lots: list[Imported], account: UUID, first: date, zone: str
) -> list[Row]:
    """The months of an account from its first one on."""
    rows = []
    now = books(trades, lots)
    for month in [month for month in MONTHS if month >= first]:
        opened = books(trades, lots, starts(month, zone))
        closed = books(trades, lots, starts(following(month), zone))
        for key in [key for key in closed if key[0] == account]:
            for method in ("fifo", "average"):
                empty = (Fraction(0), Fraction(0))
                opening = held(opened[key], method) if key in opened else empty
                closing = held(closed[key], method)
                came = [lot for lot in now[key].lots if month_of(lot.at, zone) == month]
                pieces = now[key].fifo if method == "fifo" else now[key].average
                pieces = [p for p in pieces if month_of(p.trade.at, zone) == month]
                gone = [piece for piece in pieces if piece.lot]
                missing = [piece.quantity for piece in pieces if not piece.lot]
                if not (opening[0] or came or pieces):
                    continue
                acquired = total(lot.cost for lot in came)
                disposed = total(piece.cost for piece in gone)
                costs = (opening[1], acquired, disposed, closing[1])
                row: Row = (ACCOUNTS[account], month, *key[1], method, *opening)
                row += (sum((lot.quantity for lot in came), Fraction(0)), acquired)
                row += (sum((piece.quantity for piece in gone), Fraction(0)), disposed, *closing)
                row += (sum(missing, Fraction(0)), Fraction(0))
                rows.append((*row, None if None in costs else Fraction(0), None not in costs))
    return rows


@fewer
@given(histories, imports, st.lists(instants.map(at_microsecond)), st.sampled_from(ZONES))
def test_inventory(
    reporting: Connection,
    trades: list[Trade],
    lots: list[Imported],
    carried: list[datetime],
    zone: str,
) -> None:
    """Opening, acquired, disposed and closing, from whatever state is carried."""
    with facts(reporting, "UTC"):
        put_markets(reporting)
        put_imported(reporting, lots)
        put_trades(reporting, trades)
        for at in carried:
            reporting.execute("SELECT onetrading.carry(%s, %s)", [MAIN, at])
        found = read(reporting, INVENTORY.format(zone=zone))
    expected = []
    for account in ACCOUNTS:
        months = [month_of(t.at, zone) for t in trades if t.account_id == account]
        if months:
            expected += inventory_rows(trades, lots, account, min(months), zone)
    assert found == in_order(expected)


def one(side: str, amount: str, quote: str, at: datetime, **more: Any) -> Trade:
    """A trade of BTC_EUR for an amount of EUR."""
    nanos = int(at.timestamp()) * 10**9
    price = Decimal(quote) / Decimal(amount)
    trade = Trade(uuid4(), MAIN, "BTC_EUR", side, price, Decimal(amount), None, None, 1, nanos)
    return trade._replace(**more)


def test_a_month_is_computed_without_the_others(reporting: Connection) -> None:
    """From the state carried at its beginning: what lies before is read no more."""
    with facts(reporting, "UTC"):
        put_markets(reporting)
        days = [datetime(2026, month, 10, tzinfo=UTC) for month in (2, 3, 4)]
        put_trades(reporting, [one("BUY", "2", "10", day) for day in days])
        put_trades(reporting, [one("SELL", "1", "9", day + HOUR) for day in days])
        reporting.execute("SELECT onetrading.carry(%s, '2026-03-01 00:00Z')", [MAIN])
        # Only a trade that no trigger saw could tell: it is in no figure from March on.
        reporting.execute("ALTER TABLE onetrading.trades DISABLE TRIGGER carried_after_delete")
        reporting.execute("DELETE FROM onetrading.trades WHERE traded_at < '2026-03-01 00:00Z'")
        query = (
            "SELECT acquired_at, cost FROM reporting.realised_pnl_fifo"
            " WHERE account = 'main' AND month = '2026-03-01'"
        )
        assert read(reporting, query) == [(days[0], Fraction(5))]
        plan = reporting.execute(
            "EXPLAIN (ANALYZE, COSTS off, TIMING off) SELECT * FROM reporting.realised_pnl_fifo"
            " WHERE account = 'main' AND month = '2026-03-01'"
        ).fetchall()
        calls = [line for (line,) in plan if "Function Scan on fifo" in line]
        assert len(calls) == 1
        assert "rows=1 loops=1)" in calls[0].replace("1.00", "1")


def test_thirds_add_up(reporting: Connection) -> None:
    """100 / 3 * 3 is not 100 in any decimal type; and a cost of 19 decimals stays whole."""
    day = datetime(2026, 3, 10, tzinfo=UTC)
    price = Decimal("33.3333333333333333333")
    with facts(reporting, "UTC"):
        put_markets(reporting)
        trades = [one("BUY", "3", "100", day, price=price)]
        trades += [one("SELL", "1", "40", day + n * HOUR) for n in (1, 2, 3)]
        put_trades(reporting, trades)
        query = "SELECT sum(cost), min(cost), max(cost) FROM reporting.realised_pnl_{}"
        for method in ("fifo", "average"):
            [(cost, least, most)] = read(reporting, query.format(method))
            assert cost == Fraction(price) * 3
            assert 0 < most - least < Fraction(1, 10**17)


def test_a_sale_of_nothing_has_no_gain(reporting: Connection) -> None:
    """And uses no later lot; its month says so instead of showing a huge profit."""
    day = datetime(2026, 3, 10, tzinfo=UTC)
    with facts(reporting, "UTC"):
        put_markets(reporting)
        put_trades(reporting, [one("SELL", "2", "80", day), one("BUY", "2", "60", day + HOUR)])
        query = "SELECT method, gain_gross, gain_net, missing_cost, missing_proceeds"
        rows = read(reporting, f"{query} FROM reporting.realised_pnl_monthly")
        assert rows == [(m, None, None, 1, Fraction(80)) for m in ("average", "fifo")]
        [(left,)] = read(reporting, "SELECT quantity_left FROM reporting.open_lots")
        assert left == 2
