"""The counters are opened in parts, while others write: each fact counts once, whenever it came."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import UniqueViolation

from exporter.model.page import read
from exporter.model.samples import add_up
from exporter.model.stream import Json, Partition
from exporter.model.window import Window
from exporter.store import loader, totals
from exporter.store.database import Connection, Database
from exporter.store.loader import Batch, Run
from exporter.streams.trades import TOTALS, TRADES, Trade
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY, history, trade, trade_id
from tests.support.simulator_client import NOW

PARTITION = Partition("main", ACCOUNT_ID, "trades")
WINDOW = Window(RECENTLY, NOW)
SINCE = RECENTLY
SECOND = timedelta(seconds=1)
Sums = dict[tuple[str, tuple[str, ...]], Decimal]

(TEMPLATE,) = read(TRADES, history(trade(1)).encode(), ACCOUNT_ID).rows
MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-5, max_value=5)
ABOVE_ZERO = MONEY.map(lambda value: abs(value) + Decimal("1e-9"))


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    """One of a few trades, at one of a few instants, in one of several versions."""
    number = draw(st.integers(1, 12))
    at = SINCE + draw(st.integers(-2, 6)) * SECOND
    price, amount = draw(ABOVE_ZERO), draw(ABOVE_ZERO)
    return as_sent(
        TEMPLATE._replace(
            trade_id=trade_id(number),
            traded_at=at,
            traded_at_nanos=int(at.timestamp()) * 10**9,
            instrument_code=draw(st.sampled_from(["BTC_EUR", "ETH_EUR"])),
            side=draw(st.sampled_from(["BUY", "SELL"])),
            liquidity=draw(st.sampled_from(["MAKER", "", None])),
            price=price,
            amount=amount,
            quote_amount=price * amount,
            fee_amount=draw(st.none() | MONEY),
            fee_currency=draw(st.sampled_from(["EUR", None])),
            sequence=draw(st.integers(1, 10**6)),
        )
    )


def as_sent(row: Trade) -> Trade:
    """Its record says what the row says: by that it is known whether a fact has changed."""
    return row._replace(raw=Json(json.dumps([str(value) for value in row[:-1]])))


def expected(connection: Connection, since: Any = SINCE) -> Sums:
    """What is stored, added up by hand."""
    sums: defaultdict[tuple[str, tuple[str, ...]], Decimal] = defaultdict(Decimal)
    for instrument, side, liquidity, currency, amount, quote, fee in connection.execute(
        "SELECT instrument_code, side, coalesce(liquidity, ''), coalesce(fee_currency, ''),"
        " amount, quote_amount, fee_amount FROM onetrading.trades WHERE traded_at >= %s",
        [since],
    ):
        sums["onetrading_trades_total", (instrument, side, liquidity)] += 1
        sums["onetrading_traded_base_total", (instrument, side, liquidity)] += amount
        sums["onetrading_traded_quote_total", (instrument, side, liquidity)] += quote
        if fee is not None and fee > 0:
            sums["onetrading_trade_fees_paid_total", (instrument, currency)] += fee
        if fee is not None and fee < 0:
            sums["onetrading_trade_rebates_received_total", (instrument, currency)] -= fee
    return dict(sums)


def shown(connection: Connection) -> Sums:
    """The counters; one that a change has brought back to 0 stays, and is left out here."""
    found = connection.execute(
        "SELECT metric, labels, value FROM onetrading_sync.totals WHERE value <> 0"
        " AND metric <> 'onetrading_last_trade_timestamp_seconds'"
    )
    return {(metric, tuple(labels)): value for metric, labels, value in found}


def load(connection: Connection, rows: list[Trade], batch: Batch | None = None) -> None:
    run = Run("backfill", WINDOW)
    loader.load(connection, TRADES, PARTITION, run, batch or Batch(rows, pages=1), None)


def commit(connection: Connection, rows: list[Trade]) -> None:
    """In a transaction, repeated as `Database.run` does: a key may have moved in time."""
    batch = Batch(rows, pages=1)
    with suppress(UniqueViolation), connection.transaction():
        load(connection, rows, batch)
        return
    with connection.transaction():
        load(connection, rows, batch)


def step(connection: Connection, at_once: int, since: Any = SINCE) -> totals.Opening:
    with connection.transaction():
        return totals.open_counting(connection, TRADES, PARTITION, since, at_once)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


class Loading(NamedTuple):
    rows: list[Trade]


Event = Loading | Literal["step"]
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Loading, st.lists(trades(), min_size=1, max_size=6)), st.just("step")
)


@given(events=st.lists(EVENTS, max_size=12), at_once=st.integers(0, 5))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_fact_counts_once_whatever_comes_between_the_parts(
    events: list[Event], at_once: int, connection: Connection
) -> None:
    connection.execute(
        "TRUNCATE onetrading.trades, onetrading_sync.issues, onetrading_sync.totals,"
        " onetrading_sync.counting, onetrading_sync.counting_opening, onetrading_sync.counting_sums"
    )
    opened = False
    for event in events:
        if event == "step":
            found = step(connection, at_once)
            assert (found == "known") == opened
            opened = opened or found == "opened"
        else:
            commit(connection, event.rows)
        assert shown(connection) == (expected(connection) if opened else {})
    while step(connection, at_once) == "unfinished":
        pass
    assert shown(connection) == expected(connection)
    left = connection.execute(
        "SELECT (SELECT count(*) FROM onetrading_sync.counting_opening),"
        " (SELECT count(*) FROM onetrading_sync.counting_sums)"
    ).fetchone()
    assert left == (0, 0)


def test_the_history_may_be_asked_for_from_elsewhere_meanwhile(connection: Connection) -> None:
    """Before all is summed: it begins anew, and nothing of the first try is left."""
    rows = [at(number) for number in range(10)]
    with connection.transaction():
        load(connection, rows)
    assert step(connection, 3) == "unfinished"
    later = SINCE + 5 * SECOND
    while step(connection, 3, later) == "unfinished":
        pass
    assert shown(connection) == expected(connection, later) != expected(connection)


def at(number: int) -> Trade:
    """One trade each second."""
    when = SINCE + number * SECOND
    row = TEMPLATE._replace(
        trade_id=trade_id(number + 1),
        traded_at=when,
        traded_at_nanos=int(when.timestamp()) * 10**9,
        fee_amount=Decimal(number - 3),
    )
    return as_sent(row)


def test_writers_beside_it_lose_and_double_nothing(
    connection: Connection, database_url: str
) -> None:
    """Three threads load, all over the time that is summed, while a fourth sums it."""
    with connection.transaction():
        load(connection, [at(number) for number in range(0, 400, 2)])
    database = Database(lambda: database_url, lambda _connection: None)
    assert database.open()
    started = threading.Barrier(4)

    def write(first: int) -> None:
        started.wait()
        for number in range(first, 400, 6):
            database.run(load, [at(number)])

    def sum_up() -> None:
        started.wait()
        while (
            database.run(totals.open_counting, TRADES, PARTITION, SINCE, at_once=9) == "unfinished"
        ):
            pass

    works = [threading.Thread(target=write, args=(first,)) for first in (1, 3, 5)]
    works.append(threading.Thread(target=sum_up))
    try:
        for work in works:
            work.start()
        for work in works:
            work.join()
    finally:
        database.close()
    counted = connection.execute("SELECT count(*) FROM onetrading.trades").fetchone()
    assert counted == (400,)
    assert shown(connection) == expected(connection)


@given(rows=st.lists(trades(), max_size=8))
def test_rows_add_up_as_by_hand(rows: list[Trade]) -> None:
    sums: defaultdict[tuple[str, tuple[str, ...]], Decimal] = defaultdict(Decimal)
    for metric, labels, value in add_up(TOTALS, rows):
        assert value >= 0
        sums[metric.name, labels] += value
    wanted: defaultdict[tuple[str, tuple[str, ...]], Decimal] = defaultdict(Decimal)
    for row in rows:
        by_side = (row.instrument_code, row.side, row.liquidity or "")
        by_fee = (row.instrument_code, row.fee_currency or "")
        wanted["onetrading_trades_total", by_side] += 1
        wanted["onetrading_traded_base_total", by_side] += row.amount
        wanted["onetrading_traded_quote_total", by_side] += row.quote_amount
        fee = row.fee_amount or Decimal(0)
        if fee > 0:
            wanted["onetrading_trade_fees_paid_total", by_fee] += fee
        if fee < 0:
            wanted["onetrading_trade_rebates_received_total", by_fee] -= fee
    assert dict(sums) == dict(wanted)
