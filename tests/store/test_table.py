"""Facts that come again: the last one read is kept, and only what really differs is a change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model.page import read
from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.store import loader
from exporter.store.loader import Batch, Run
from exporter.streams.trades import TRADES
from tests.support.scripted import (
    ACCOUNT_ID,
    RECENTLY,
    Scripted,
    history,
    scripted,
    trade,
    trade_id,
)
from tests.support.simulator_client import NOW

UPDATED = "SELECT sum(rows_updated) FROM onetrading_sync.runs"
ISSUES = (
    "SELECT kind, key, old_record, new_record FROM onetrading_sync.issues"
    " WHERE stream = 'trades' ORDER BY issue_id"
)

# The same record: other spaces, other order, other notations of a number and of a text.
ALIKE = {
    "spaces": json.dumps(json.loads(trade()), indent=3),
    "order": json.dumps({name: json.loads(trade())[name] for name in ("trade", "fee")}),
    "zero at the end": trade(fee="0.100"),
    "no zero at the end": trade(fee="0.1"),
    "exponent": trade(fee="1e-1"),
    "escape": trade().replace("USD_P", r"\u0055SD_P"),
}
# Another record: each of its columns is as before, but what was sent is not.
OTHER_RECORD = {
    "number as text": trade(fee='"0.10"'),
    "another number": trade(fee="0.2"),
    "a number that differs in its last digit": trade(fee="0.10000000000000000001"),
    "text as number": trade(price="100.50"),
    "a text of the same value": trade(price='"100.5"'),
    "null": trade().replace('"matched_as"', '"order_type":null,"matched_as"'),
    "a member that is gone": trade().replace(',"fee_percentage":0.10', ""),
}


@pytest.fixture
def told(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as found:
        yield found


def row(told: Scripted) -> tuple[object, ...]:
    """The one trade that is stored, and by which transaction."""
    (found,) = told.rows("SELECT xmin::text, trades.* FROM onetrading.trades")
    return found


@pytest.mark.parametrize("again", ALIKE.values(), ids=ALIKE)
def test_a_record_that_is_only_written_differently_is_no_change(again: str, told: Scripted) -> None:
    assert told.poll("trades", history(trade())) == "ok"
    before = row(told)
    assert again != trade()
    assert told.poll("trades", history(again)) == "ok"
    assert told.rows(ISSUES) == []
    assert told.rows(UPDATED) == [(0,)]
    assert told.shown("onetrading_rows_written_total", "trades", operation="updated") == 0
    assert row(told) == before


@pytest.mark.parametrize("again", OTHER_RECORD.values(), ids=OTHER_RECORD)
def test_another_record_of_the_same_fact_is_an_issue_of_its_own_kind(
    again: str, told: Scripted
) -> None:
    """It replaces the one that was stored; both are kept."""
    assert told.poll("trades", history(trade())) == "ok"
    assert told.poll("trades", history(again)) == "ok"
    ((kind, key, old, new),) = told.rows(ISSUES)
    assert kind == "raw_changed"
    assert key == {"trade_id": trade_id(1)}
    assert (old, new) == (json.loads(trade()), json.loads(again))
    assert old != new or again == OTHER_RECORD["a number that differs in its last digit"]
    assert told.rows(UPDATED) == [(1,)]
    ((stored, price),) = told.rows("SELECT raw, price FROM onetrading.trades")
    assert (stored, price) == (json.loads(again), Decimal("100.50"))
    # It is the stored one now.
    assert told.poll("trades", history(again)) == "ok"
    assert len(told.rows(ISSUES)) == 1


def test_a_fact_whose_column_differs_is_a_change(told: Scripted) -> None:
    again = trade(price='"100.51"')
    assert told.poll("trades", history(trade())) == "ok"
    assert told.poll("trades", history(again)) == "ok"
    assert told.rows(ISSUES) == [
        ("changed", {"trade_id": trade_id(1)}, json.loads(trade()), json.loads(again))
    ]
    assert told.rows(UPDATED) == [(1,)]
    assert told.shown("onetrading_rows_written_total", "trades", operation="updated") == 1
    assert told.rows("SELECT price FROM onetrading.trades") == [(Decimal("100.51"),)]


def test_the_last_of_two_records_with_one_key_is_kept(told: Scripted) -> None:
    first, last = trade(price='"1"'), trade(price='"2"')
    assert told.poll("trades", history(first, trade(2), last)) == "ok"
    found = told.rows("SELECT trade_id::text, price FROM onetrading.trades ORDER BY 1")
    assert found == [(trade_id(1), Decimal(2)), (trade_id(2), Decimal("100.50"))]
    assert told.rows("SELECT rows_inserted FROM onetrading_sync.runs") == [(2,)]
    assert told.rows(ISSUES) == []
    # The same answer again is no change; the other way round it is one.
    assert told.poll("trades", history(first, trade(2), last)) == "ok"
    assert told.rows(ISSUES) == []
    assert told.poll("trades", history(last, first)) == "ok"
    assert told.rows("SELECT price FROM onetrading.trades ORDER BY trade_id")[0] == (Decimal(1),)
    assert [kind for kind, *_ in told.rows(ISSUES)] == ["changed"]


batches = st.lists(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), max_size=12), min_size=1, max_size=5
)
"""Number and price of each trade of each batch."""


@given(batches)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_holds_the_last_record_of_each_key(
    database_url: str, given_batches: list[list[tuple[int, int]]]
) -> None:
    """And each batch counts what is new and what differs, each key once."""
    partition = Partition("main", ACCOUNT_ID, "trades")
    run = Run("backfill", Window(RECENTLY, NOW))
    expected: dict[str, Decimal] = {}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE onetrading.trades, onetrading_sync.issues")
        for batch in given_batches:
            body = history(*(trade(number, f'"{price}"') for number, price in batch))
            rows = read(TRADES, body.encode(), ACCOUNT_ID).rows
            with connection.transaction():
                loaded = loader.load(connection, TRADES, partition, run, Batch(rows=rows), None)
            last = {trade_id(number): Decimal(price) for number, price in batch}
            assert loaded.inserted == len(last.keys() - expected.keys())
            assert loaded.updated == sum(
                expected.get(key, price) != price for key, price in last.items()
            )
            expected |= last
        found = connection.execute("SELECT trade_id::text, price FROM onetrading.trades")
        assert dict(found.fetchall()) == expected
