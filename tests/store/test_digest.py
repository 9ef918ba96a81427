"""One look at an index tells whether a batch is known, or new as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors, sql

from exporter.model.page import read
from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.store import digest, loader
from exporter.store.database import Database
from exporter.store.loader import Batch, Run
from exporter.streams.closed_positions import CLOSED_POSITIONS
from exporter.streams.funding_payments import FUNDING_PAYMENTS
from exporter.streams.trades import TRADES, Trade
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY, history, trade, trade_id
from tests.support.simulator_client import NOW

Connection = psycopg.Connection[tuple[Any, ...]]
PARTITION = Partition("main", ACCOUNT_ID, "trades")
WINDOW = Window(RECENTLY, NOW)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def at(second: int) -> datetime:
    return RECENTLY + timedelta(seconds=second)


def rows_of(sent: Mapping[int, tuple[int, int]]) -> list[Trade]:
    """Trades by number: price and second."""
    records = (trade(n, f'"{price}"', at=at(second)) for n, (price, second) in sent.items())
    return list(read(TRADES, history(*records).encode(), ACCOUNT_ID).rows)


def look(connection: Connection, rows: list[Any], stream: Any = TRADES) -> str:
    partition = PARTITION._replace(stream=stream.name)
    return digest.ask(connection, stream, partition, rows, {})()


def load(connection: Connection, rows: list[Trade]) -> loader.Loaded:
    """Load them, as the service does: once more after a conflict."""
    batch = Batch(rows)
    for _ in range(2):
        with suppress(errors.UniqueViolation), connection.transaction():
            return loader.load(connection, TRADES, PARTITION, run(), batch, None)
    raise AssertionError("the key is looked up when the transaction is repeated")


batches = st.lists(
    st.dictionaries(st.integers(1, 9), st.tuples(st.integers(1, 2), st.integers(0, 4)), max_size=6),
    min_size=1,
    max_size=6,
)


@given(batches=batches)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_agrees_with_counting_by_hand(
    batches: list[dict[int, tuple[int, int]]], connection: Connection
) -> None:
    """And whatever it says, the same is stored: new, changed and known trades of few instants."""
    connection.execute(
        "TRUNCATE onetrading.trades, onetrading.record_pages, onetrading_sync.issues"
    )
    stored: dict[int, tuple[int, int]] = {}
    for batch in batches:
        rows = rows_of(batch)
        seconds = [second for _, second in batch.values()]
        of_its_time = {
            number: (price, second)
            for number, (price, second) in stored.items()
            if seconds and min(seconds) <= second <= max(seconds)
        }
        expected = "all" if of_its_time == batch else "some" if of_its_time else "none"
        assert look(connection, rows) == ("some" if not batch else expected)
        before = dict(stored)
        stored |= batch
        done = load(connection, rows)
        assert done.inserted == len(stored.keys() - before.keys())
        assert done.updated == sum(
            before.get(number, value) != value for number, value in batch.items()
        )
        found = connection.execute("SELECT trade_id::text, price, traded_at FROM onetrading.trades")
        assert sorted(found.fetchall()) == sorted(
            (trade_id(number), Decimal(price), at(second))
            for number, (price, second) in stored.items()
        )


def run() -> Run:
    return Run("tail", WINDOW)


@contextmanager
def retrying(url: str) -> Iterator[Database]:
    """A database that repeats transactions, as the service has it."""
    database = Database(lambda: url, lambda _connection: None)
    assert database.open()
    try:
        yield database
    finally:
        database.close()


def test_a_fact_that_comes_back_with_another_time_is_found_by_its_key(
    connection: Connection, database_url: str
) -> None:
    """Nothing is stored of the time that it has now."""
    load(connection, rows_of({1: (5, 0)}))
    moved = Batch(rows_of({1: (5, 40), 2: (6, 41)}))
    assert look(connection, moved.rows) == "none"
    with retrying(database_url) as database:
        done = database.run(loader.load, TRADES, PARTITION, run(), moved, None)
    assert (done.inserted, done.updated) == (1, 1)
    issues = connection.execute("SELECT kind, key->>'trade_id' FROM onetrading_sync.issues")
    assert issues.fetchall() == [("changed", trade_id(1))]
    assert look(connection, moved.rows) == "all"


def test_what_is_known_of_another_scope_or_account_does_not_count(connection: Connection) -> None:
    rows = rows_of({1: (5, 0), 2: (5, 1)})
    load(connection, rows)
    assert look(connection, rows) == "all"
    account = "b0000000-0000-4000-8000-000000000001"
    other, its = (
        PARTITION._replace(account_id=account),
        [row._replace(account_id=account) for row in rows],
    )
    assert digest.ask(connection, TRADES, other, its, {})() == "none"
    # A record that names another account than the one that was read: by its key.
    assert digest.ask(connection, TRADES, other, rows, {})() == "some"


def test_a_key_that_was_read_just_before_is_looked_at(connection: Connection) -> None:
    rows = rows_of({1: (5, 0), 2: (5, 1)})
    load(connection, rows)
    recent = {rows[1].trade_id: rows[1]}
    assert digest.ask(connection, TRADES, PARTITION, rows, recent)() == "some"


def test_a_record_that_two_pages_show_is_known(connection: Connection) -> None:
    """A page may begin with the record that ended the one before; twins are told by their hash."""
    rows = rows_of({1: (1, 0), 2: (1, 1)})
    load(connection, rows)
    assert look(connection, [*rows, rows[1]]) == "all"
    assert look(connection, [rows[0], rows[0]]) == "all"
    (twin,) = rows_of({2: (2, 1)})
    assert look(connection, [*rows, twin]) == "some"
    assert look(connection, [rows[0], twin, twin]) == "some"


def test_payments_in_another_precision_are_compared_by_their_slot(connection: Connection) -> None:
    """The same stamp, cut to milliseconds, lies beside the stored one."""
    slot = (NOW - timedelta(hours=8)).replace(minute=0, second=1, microsecond=21_329)
    partition = PARTITION._replace(stream="funding_payments")
    for stamp, inserted in ((slot.isoformat(), 1), (slot.isoformat(timespec="milliseconds"), 0)):
        sent = [{"timestamp": stamp, "funding_payment": "1"}]
        body = json.dumps({"funding_payments": {"BTC_USD_P": sent}}).encode()
        rows = list(read(FUNDING_PAYMENTS, body, ACCOUNT_ID).rows)
        assert look(connection, rows, FUNDING_PAYMENTS) == "some"
        with connection.transaction():
            done = loader.load(connection, FUNDING_PAYMENTS, partition, run(), Batch(rows), None)
        assert (done.inserted, done.updated) == (inserted, 0)


def test_what_has_no_order_in_time_is_compared_by_its_keys(connection: Connection) -> None:
    assert not CLOSED_POSITIONS.ordered
    assert look(connection, list(rows_of({1: (5, 0)})), CLOSED_POSITIONS) == "some"


def test_it_reads_an_index_alone_and_no_more_of_it_than_the_batch_is_long(
    connection: Connection,
) -> None:
    load(connection, rows_of({number: (5, number) for number in range(1, 2_001)}))
    others = rows_of({number + 5_000: (5, number) for number in range(1, 2_001)})
    account = "b0000000-0000-4000-8000-000000000001"
    load(connection, [row._replace(account_id=account) for row in others])
    connection.execute("VACUUM ANALYZE onetrading.trades")
    connection.execute("SET enable_seqscan = off")  # as in the service
    statement = digest.statement(TRADES.table, TRADES.instant, ("account_id",))
    parameters = {"account_id": ACCOUNT_ID, "oldest": at(1), "newest": at(2_000), "most": 1_000}
    explained = connection.execute(sql.SQL("EXPLAIN (ANALYZE) ") + statement, parameters)
    plan = "\n".join(line for (line,) in explained)
    assert "Index Only Scan using trades_by_account" in plan, plan
    assert "rows=1000 " in plan.partition("Index Only Scan")[2].partition("actual")[2]
    assert look(connection, rows_of({1: (5, 1), 2_000: (5, 2_000)})) == "some"
