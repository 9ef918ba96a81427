"""Facts that are read again: the newest version is kept, and only real differences are changes."""

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
from exporter.model.stream import Partition, Table
from exporter.model.window import Window
from exporter.store import bookkeeping, loader, table
from exporter.store.database import Connection
from exporter.store.loader import Batch, Loaded, Run
from exporter.streams.funding_payments import FUNDING_PAYMENTS
from exporter.streams.trades import TRADES, Trade
from tests.support.raw_responses import (
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
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


def version(sequence: int | None, number: int = 1) -> str:
    """A version of a trade, with a price that no other version has."""
    sent = trade(number, f'"{10 + (sequence or 0)}"')
    if sequence is None:
        return sent
    return sent.replace('"matched_as"', f'"sequence":"{sequence}","matched_as"')


def row(scenario: Scripted) -> tuple[object, ...]:
    """The one trade that is stored, and by which transaction."""
    (found,) = scenario.rows("SELECT xmin::text, trades.* FROM onetrading.trades")
    return found


@pytest.mark.parametrize("again", ALIKE.values(), ids=ALIKE)
def test_a_record_that_is_only_written_differently_is_not_a_change(
    again: str, scenario: Scripted
) -> None:
    assert scenario.poll("trades", history(trade())) == "ok"
    before = row(scenario)
    assert again != trade()
    assert scenario.poll("trades", history(again)) == "ok"
    assert scenario.rows(ISSUES) == []
    assert scenario.rows(UPDATED) == [(0,)]
    assert scenario.shown("onetrading_rows_written_total", "trades", operation="updated") == 0
    assert row(scenario) == before


@pytest.mark.parametrize("again", OTHER_RECORD.values(), ids=OTHER_RECORD)
def test_another_record_of_the_same_fact_is_an_issue_of_its_own_kind(
    again: str, scenario: Scripted
) -> None:
    """It replaces the one that was stored; both are kept."""
    assert scenario.poll("trades", history(trade())) == "ok"
    assert scenario.poll("trades", history(again)) == "ok"
    ((kind, key, old, new),) = scenario.rows(ISSUES)
    assert kind == "raw_changed"
    assert key == {"trade_id": trade_id(1)}
    assert (old, new) == (json.loads(trade()), json.loads(again))
    assert old != new or again == OTHER_RECORD["a number that differs in its last digit"]
    assert scenario.rows(UPDATED) == [(1,)]
    ((stored, price),) = scenario.rows(
        "SELECT record, price FROM onetrading.trades, reporting.records WHERE stream = 'trades'"
    )
    assert (stored, price) == (json.loads(again), Decimal("100.50"))
    # It is the stored one now.
    assert scenario.poll("trades", history(again)) == "ok"
    assert len(scenario.rows(ISSUES)) == 1


def test_a_fact_whose_column_differs_is_a_change(scenario: Scripted) -> None:
    again = trade(price='"100.51"')
    assert scenario.poll("trades", history(trade())) == "ok"
    assert scenario.poll("trades", history(again)) == "ok"
    assert scenario.rows(ISSUES) == [
        ("changed", {"trade_id": trade_id(1)}, json.loads(trade()), json.loads(again))
    ]
    assert scenario.rows(UPDATED) == [(1,)]
    assert scenario.shown("onetrading_rows_written_total", "trades", operation="updated") == 1
    assert scenario.rows("SELECT price FROM onetrading.trades") == [(Decimal("100.51"),)]


def test_of_twins_the_last_is_kept_and_then_the_one_that_is_stored(scenario: Scripted) -> None:
    """Two different records of one key, and nothing tells which is newer: an issue, once."""
    first, last = trade(price='"1"'), trade(price='"2"')
    twin = ("twin", {"trade_id": trade_id(1)}, json.loads(last), json.loads(first))
    assert scenario.poll("trades", history(first, trade(2), last)) == "ok"
    found = scenario.rows("SELECT trade_id::text, price FROM onetrading.trades ORDER BY 1")
    assert found == [(trade_id(1), Decimal(2)), (trade_id(2), Decimal("100.50"))]
    assert scenario.rows("SELECT rows_inserted FROM onetrading_sync.runs") == [(2,)]
    assert scenario.rows(ISSUES) == [twin]
    # In whatever order and form they come again: nothing changes, and nothing more is noted.
    formatted = json.dumps(json.loads(last), indent=1)
    for again in ((first, trade(2), last), (last, first), (formatted, first), (first, last, first)):
        assert scenario.poll("trades", history(*again)) == "ok"
        assert scenario.rows("SELECT price FROM onetrading.trades ORDER BY trade_id")[0] == (
            Decimal(2),
        )
        assert scenario.rows(ISSUES) == [twin]
    assert scenario.rows(UPDATED) == [(0,)]
    # Only when the other one comes alone, it is the exchange's word.
    assert scenario.poll("trades", history(first)) == "ok"
    assert scenario.rows(ISSUES)[1:] == [("changed", twin[1], twin[2], twin[3])]


def test_equal_records_of_one_key_are_no_twins(scenario: Scripted) -> None:
    for again in ALIKE.values():
        assert scenario.poll("trades", history(trade(), again, trade())) == "ok"
    assert scenario.rows(ISSUES) == []


def test_every_one_of_several_twins_is_kept_in_an_issue(scenario: Scripted) -> None:
    """A booking has no number, and its amount is no part of its key."""

    def booked(*amounts: str) -> str:
        at = f"{RECENTLY:%Y-%m-%dT%H:%M:%SZ}"
        payments = [{"timestamp": at, "funding_payment": amount} for amount in amounts]
        return json.dumps({"funding_payments": {"BTC_USD_P": payments}})

    assert FUNDING_PAYMENTS.table.version is None
    assert scenario.poll("balances", f'{{"account_id": "{ACCOUNT_ID}", "balances": []}}') == "ok"
    told = (
        "SELECT (old_record->>'funding_payment')::int, (new_record->>'funding_payment')::int"
        " FROM onetrading_sync.issues WHERE kind = %s ORDER BY issue_id"
    ).replace("%s", f"'{FUNDING_PAYMENTS.table.twins}'")
    for amounts in (("1", "2", "3"), ("3", "1", "2"), ("2", "3", "1")):
        assert scenario.poll("funding_payments", booked(*amounts)) == "ok"
        assert scenario.rows("SELECT amount::int FROM onetrading.funding_payments") == [(3,)]
        assert scenario.rows(told) == [(3, 1), (3, 2)]


def test_twins_on_two_pages_of_a_walk_are_twins(database_url: str) -> None:
    """Also when a transaction ends between the pages."""
    partition = Partition("main", ACCOUNT_ID, "trades")
    first, last = trade(price='"1"'), trade(price='"2"')
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(3):
            run = Run("tail", Window(RECENTLY, NOW))
            for records in ([trade(2), first], [last, trade(3)]):
                batch = Batch(rows=trades_of(*records))
                with connection.transaction():
                    loader.load(connection, TRADES, partition, run, batch, None)
                loader.remember(run, TRADES, batch)
        found = connection.execute("SELECT price::int FROM onetrading.trades ORDER BY trade_id")
        assert found.fetchall()[0] == (1,)
        found = connection.execute(ISSUES.encode())
        assert found.fetchall() == [
            ("twin", {"trade_id": trade_id(1)}, json.loads(first), json.loads(last))
        ]


batches = st.lists(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), max_size=12), min_size=1, max_size=5
)
"""Number and price of each trade of each batch."""


@given(batches)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_holds_one_record_of_each_key_and_the_issues_all_others(
    database_url: str, given_batches: list[list[tuple[int, int]]]
) -> None:
    """The stored one while it comes again, else the last; each batch counts each key once."""
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
            sent = {(trade_id(number), Decimal(price)) for number, price in batch}
            last = {trade_id(number): Decimal(price) for number, price in batch}
            last |= {key: price for key, price in expected.items() if (key, price) in sent}
            assert loaded.inserted == len(last.keys() - expected.keys())
            assert loaded.updated == sum(
                expected.get(key, price) != price for key, price in last.items()
            )
            expected |= last
        found = connection.execute("SELECT trade_id::text, price FROM onetrading.trades")
        assert dict(found.fetchall()) == expected
        told = connection.execute(
            "SELECT new_record FROM onetrading_sync.issues UNION ALL"
            " SELECT old_record FROM onetrading_sync.issues UNION ALL"
            " SELECT record FROM reporting.records"
        ).fetchall()
        for number, price in {record for batch in given_batches for record in batch}:
            assert (json.loads(trade(number, f'"{price}"')),) in told


def test_an_older_version_never_overwrites_a_newer_one(
    scenario: Scripted, database_url: str
) -> None:
    """It is an issue, once, and no change."""
    older = version(1)
    assert scenario.poll("trades", history(version(2))) == "ok"
    before = row(scenario)
    for _ in range(2):
        assert scenario.poll("trades", history(older)) == "ok"
        assert row(scenario) == before
        assert scenario.rows(ISSUES) == [
            ("older", {"trade_id": trade_id(1)}, json.loads(version(2)), json.loads(older))
        ]
    assert scenario.rows(UPDATED) == [(0,)]
    assert scenario.shown("onetrading_rows_written_total", "trades", operation="updated") == 0
    with psycopg.connect(database_url) as connection:
        counts = bookkeeping.data_quality_counts(connection)
    assert ("main", "trades") not in counts


@pytest.mark.parametrize(
    "newer", [version(2), version(3), version(None)], ids=["equal", "greater", "unknown"]
)
def test_a_version_that_is_not_smaller_replaces_the_stored_one(
    newer: str, scenario: Scripted
) -> None:
    stored = version(2).replace('"price":"12"', '"price":"7"')
    assert scenario.poll("trades", history(stored)) == "ok"
    assert scenario.poll("trades", history(newer)) == "ok"
    assert scenario.rows(ISSUES) == [
        ("changed", {"trade_id": trade_id(1)}, json.loads(stored), json.loads(newer))
    ]
    assert scenario.rows(UPDATED) == [(1,)]


def test_the_greatest_version_of_a_batch_is_kept_and_the_others_are_noted(
    scenario: Scripted,
) -> None:
    batch = history(version(2), version(3), version(1), version(2))
    for _ in range(2):
        assert scenario.poll("trades", batch) == "ok"
        assert scenario.rows("SELECT sequence FROM onetrading.trades") == [(3,)]
        assert [(kind, old, new) for kind, _, old, new in scenario.rows(ISSUES)] == [
            ("older", json.loads(version(3)), json.loads(version(sequence))) for sequence in (2, 1)
        ]
    # What is stored is named, not what is newer in the batch.
    assert scenario.poll("trades", history(version(2), version(1))) == "ok"
    assert len(scenario.rows(ISSUES)) == 2


def test_a_record_without_a_version_is_neither_older_nor_newer(scenario: Scripted) -> None:
    """The one read last counts, as in a table without versions."""
    stored = version(None)
    for last in (version(2), version(None), version(1)):
        assert scenario.poll("trades", history(stored)) == "ok"
        assert scenario.poll("trades", history(last)) == "ok"
        (*_, (kind, _, old, new)) = scenario.rows(ISSUES)
        assert (kind, old, new) == ("changed", json.loads(stored), json.loads(last))
        stored = last
    batch = history(version(3), version(None), version(2))
    assert scenario.poll("trades", batch) == "ok"
    assert scenario.rows("SELECT sequence FROM onetrading.trades") == [(None,)]
    assert [(kind, old, new) for kind, _, old, new in scenario.rows(ISSUES)[3:]] == [
        ("changed", json.loads(stored), json.loads(version(None))),
        ("older", json.loads(version(None)), json.loads(version(2))),
        ("twin", json.loads(version(None)), json.loads(version(3))),
    ]


def trades_of(*records: str) -> list[Trade]:
    """Rows of trades as sent."""
    return read(TRADES, history(*records).encode(), ACCOUNT_ID).rows


def test_a_comparison_neither_writes_nor_locks(database_url: str) -> None:
    """It works in a read-only transaction, and while another one holds every row."""
    stored = trades_of(version(5, 1), version(5, 2), version(5, 3))
    with psycopg.connect(database_url) as writer, psycopg.connect(database_url) as reader:
        loaded = table.apply(writer, TRADES.table, table.compare(writer, TRADES.table, stored))
        assert (loaded.inserted, loaded.changed) == (stored, [])
        writer.commit()
        writer.execute("SELECT FROM onetrading.trades FOR UPDATE")
        reader.execute("SET TRANSACTION READ ONLY")
        reader.execute("SET LOCAL lock_timeout = '100ms'")
        batch = trades_of(version(7, 4), version(6, 2), version(4, 3), version(5, 1))
        found = table.compare(reader, TRADES.table, batch)
    assert found.new == [batch[0]]
    assert [(change.stored.sequence, change.read) for change in found.changed] == [(5, batch[1])]
    assert [(newer.sequence, read) for newer, read in found.older] == [(5, batch[2])]
    assert found.same == 1


@pytest.mark.parametrize(
    ("stored", "error"),
    [([], psycopg.errors.UniqueViolation), ([version(1)], psycopg.errors.SerializationFailure)],
    ids=["new", "changed"],
)
def test_a_row_that_was_written_since_its_comparison_is_not_overwritten(
    stored: list[str], error: type[psycopg.Error], database_url: str
) -> None:
    """The error has the whole transaction repeated, its comparison included."""
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:

        def write(connection: Connection, *records: str) -> None:
            comparison = table.compare(connection, TRADES.table, trades_of(*records))
            table.apply(connection, TRADES.table, comparison)
            connection.commit()

        write(first, *stored)
        late = table.compare(first, TRADES.table, trades_of(version(2)))
        write(second, version(3))
        with pytest.raises(error):
            table.apply(first, TRADES.table, late)
        first.rollback()
        write(first, version(2))
        assert first.execute("SELECT sequence FROM onetrading.trades").fetchall() == [(3,)]


def test_the_version_of_a_table_is_a_column() -> None:
    with pytest.raises(ValueError, match="trades: the version 'serial' is not a column"):
        Table("trades", Trade, key=("trade_id",), version="serial")


versioned_batches = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), max_size=8),
    min_size=1,
    max_size=5,
)
"""Number and sequence of each trade of each batch."""


@given(versioned_batches)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_versions_in_any_order_and_batches_end_in_the_newest_state(
    database_url: str, given_batches: list[list[tuple[int, int]]]
) -> None:
    """Every other version was stored before or is an issue; running twice changes nothing."""
    partition = Partition("main", ACCOUNT_ID, "trades")
    run = Run("backfill", Window(RECENTLY, NOW))
    sent = {record for batch in given_batches for record in batch}
    newest: dict[str, int] = {}
    for number, sequence in sorted(sent, key=lambda record: record[1]):
        newest[trade_id(number)] = sequence
    state = "SELECT trade_id::text, sequence, xmin::text FROM onetrading.trades ORDER BY 1"
    issues = "SELECT old_record, new_record FROM onetrading_sync.issues ORDER BY issue_id"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE onetrading.trades, onetrading_sync.issues")

        def load_all() -> list[Loaded]:
            results = []
            for batch in given_batches:
                rows = trades_of(*(version(sequence, number) for number, sequence in batch))
                with connection.transaction():
                    done = loader.load(connection, TRADES, partition, run, Batch(rows=rows), None)
                results.append(done)
            return results

        load_all()
        once = connection.execute(state).fetchall()
        assert {key: sequence for key, sequence, _ in once} == newest
        noted = connection.execute(issues).fetchall()
        known = [record for pair in noted for record in pair]
        for number, sequence in sent:
            is_newest = newest[trade_id(number)] == sequence
            assert is_newest or json.loads(version(sequence, number)) in known
        assert [done[:2] for done in load_all()] == [(0, 0)] * len(given_batches)
        assert connection.execute(state).fetchall() == once
        # A version that was stored for a while has become an older one by now; each only once.
        noted = connection.execute(issues).fetchall()
        load_all()
        assert connection.execute(issues).fetchall() == noted
