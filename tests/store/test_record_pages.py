"""Records as sent, kept in pages apart from the rows of facts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import starmap
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors, sql

from exporter.model.hashes import hash64
from exporter.model.page import read
from exporter.model.stream import Json, Partition
from exporter.model.window import Window
from exporter.store import loader
from exporter.store.loader import Batch, Loaded, Run
from exporter.store.record_pages import RECORDS_A_PAGE, SEPARATOR, selected
from exporter.streams.trades import TRADES, Trade
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY, history, trade, trade_id
from tests.support.simulator_client import NOW

Connection = psycopg.Connection[tuple[Any, ...]]
PARTITION = Partition("main", ACCOUNT_ID, "trades")
THIRTY_DIGITS = "123456789012345678901234567890.123456789012345678901234567890"
ORDER = "0ade1f00-0000-4000-8000-00000000000a"
ID = re.compile('"trade_id":"([^"]*)"')
SPELLINGS = (
    lambda record: record,
    lambda record: json.dumps(json.loads(record), indent=2),
    lambda record: record.replace('"trade"', '"note": "ü ☃ \\u00fc \\"", "trade"', 1),
    lambda record: record.replace('"matched_as"', f'"more": {THIRTY_DIGITS}, "matched_as"'),
    lambda record: record.replace('"matched_as"', f'"text": "{"long " * 5_000}", "matched_as"'),
    lambda record: record.replace('"matched_as"', f'"order_id": "{ORDER}", "matched_as"'),
    lambda record: record.replace('"matched_as"', f'"order_id": "{ORDER.upper()}", "matched_as"'),
    # One id in place of the other, again in another member, and nothing but ids.
    lambda record: ID.sub(
        lambda found: f'{found[0]}, "order_id": "{found[1]}", "note": "{found[1] * 2}{ORDER}"',
        record,
    ),
)
"""One record in notations that jsonb would not keep, with members that no column has, and with ids
that a page keeps as marks, or does not."""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def load(connection: Connection, rows: list[Trade]) -> Loaded:
    with connection.transaction():
        return loader.load(
            connection, TRADES, PARTITION, Run("tail", Window(RECENTLY, NOW)), Batch(rows), None
        )


def rows_of(*records: str) -> list[Trade]:
    return read(TRADES, history(*records).encode(), ACCOUNT_ID).rows


def as_sent(connection: Connection) -> dict[str, str]:
    """By trade, as an auditor sees it."""
    return dict(
        connection.execute(
            "SELECT key->>'trade_id', as_sent FROM reporting.records WHERE stream = 'trades'"
        ).fetchall()
    )


def kept(connection: Connection) -> list[str]:
    """Every record that is in a page, as it is kept there."""
    pages = connection.execute("SELECT records FROM onetrading.record_pages ORDER BY page_id")
    return [record for (page,) in pages for record in page.split(SEPARATOR)]


def short(key: str, record: str) -> str:
    """How a page keeps the record of a trade."""
    return record.replace(key, "\x1d").replace(f"{RECENTLY:%Y-%m-%dT%H:%M:%S.000Z}", "\x03")


batches = st.lists(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, len(SPELLINGS) - 1)), max_size=8),
    max_size=5,
)


@given(batches=batches)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_record_that_counts_is_kept_byte_for_byte(
    batches: list[list[tuple[int, int]]], connection: Connection
) -> None:
    """However often and in whatever notation a trade is sent, and nothing is kept in vain."""
    connection.execute(
        "TRUNCATE onetrading.trades, onetrading.record_pages, onetrading_sync.issues"
    )
    sent: dict[str, set[str]] = {}
    for batch in batches:
        rows = rows_of(*(SPELLINGS[how](trade(number)) for number, how in batch))
        assert len(rows) == len(batch)
        for row in rows:
            sent.setdefault(row.trade_id, set()).add(str(row.raw))
        before = kept(connection)
        loaded = load(connection, rows)
        assert len(kept(connection)) <= len(before) + loaded.inserted + loaded.updated
        again = load(connection, rows)
        assert (again.inserted, again.updated) == (0, 0)
    found = as_sent(connection)
    assert found.keys() == sent.keys()
    assert all(record in sent[key] for key, record in found.items())
    hashes = connection.execute("SELECT trade_id::text, row_hash FROM onetrading.trades").fetchall()
    assert {key: hash64(record.encode()) for key, record in found.items()} == dict(hashes)


def test_what_is_read_again_is_kept_once(connection: Connection) -> None:
    """Tails overlap: only what is new of a page is added to the pages."""
    for first in range(1, 60, 7):
        load(connection, rows_of(*(trade(number) for number in range(first, first + 20))))
    assert sorted(kept(connection)) == sorted(starmap(short, as_sent(connection).items()))
    assert len(kept(connection)) == 76


def test_a_page_holds_a_hundred_records_and_few_large_ones(connection: Connection) -> None:
    load(connection, rows_of(*(trade(number) for number in range(1, 2 * RECORDS_A_PAGE + 2))))
    large = [SPELLINGS[4](trade(number)) for number in range(500, 506)]
    load(connection, rows_of(*large))
    sizes = connection.execute(
        "SELECT count(*) FROM onetrading.trades GROUP BY record_page ORDER BY record_page"
    ).fetchall()
    assert sizes == [(100,), (100,), (1,), (2,), (2,), (2,)]
    assert {key: value for key, value in as_sent(connection).items() if len(value) > 9_999} == {
        trade_id(number): record for number, record in zip(range(500, 506), large, strict=True)
    }


def test_a_replaced_record_that_was_alone_in_its_page_goes(connection: Connection) -> None:
    """One of a page of many stays in it, unused."""
    load(connection, rows_of(trade(1)))
    load(connection, rows_of(trade(2), trade(3)))
    for number in (1, 2):
        assert load(connection, rows_of(trade(number, '"7"'))).updated == 1
    left = [(1, trade(1, '"7"')), (2, trade(2)), (2, trade(2, '"7"')), (3, trade(3))]
    assert sorted(kept(connection)) == sorted(short(trade_id(key), text) for key, text in left)
    assert as_sent(connection)[trade_id(1)] == trade(1, '"7"')
    assert as_sent(connection)[trade_id(2)] == trade(2, '"7"')


@pytest.mark.parametrize(
    "odd",
    [
        *(trade(1).replace("BUY", f"B{mark}Y") for mark in "\x02\x03\x1c\x1d\x1e\x1f"),
        trade(1).replace("BUY", r"B\u0000Y"),
        trade(1).replace("BUY", "x" * 20_000 + r"\ud800"),
        '{"number": 1e999999}' + " " * 20_000,
    ],
)
def test_what_no_view_could_show_is_refused(odd: str, connection: Connection) -> None:
    """Postgres does not look at text; a record that is no jsonb would break reporting.records."""
    (row,) = rows_of(trade(1))
    with pytest.raises((psycopg.DataError, ValueError)):
        load(connection, [row._replace(raw=Json(odd))])
    assert kept(connection) == []


def test_only_the_auditor_may_read_records(connection: Connection) -> None:
    load(connection, rows_of(trade(1)))
    connection.execute("SET ROLE onetrading_reader")
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT FROM reporting.records")
    connection.execute("SET ROLE onetrading_auditor")
    assert as_sent(connection) == {trade_id(1): trade(1)}
    assert connection.execute("SELECT FROM reporting.trades").rowcount == 1
    for name in ("trades", "record_pages"):
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(f"SELECT FROM onetrading.{name}".encode())


def test_a_page_of_an_earlier_version_is_read_as_it_is(connection: Connection) -> None:
    """It has no marks."""
    load(connection, rows_of(trade(1), SPELLINGS[5](trade(2))))
    connection.execute(
        "UPDATE onetrading.record_pages SET records = %s",
        [SEPARATOR.join([trade(1), SPELLINGS[5](trade(2))])],
    )
    assert as_sent(connection) == {trade_id(1): trade(1), trade_id(2): SPELLINGS[5](trade(2))}


@pytest.mark.parametrize(
    ("time", "nanos", "sequence"),
    [
        ('"2026-03-01T07:08:09.012Z"', '"2026-03-01T07:08:09.012345678Z"', '"60000147003"'),
        ('"2026-03-01T07:08:09.999Z"', '"2026-03-01T07:08:09.999999999Z"', "60000147003"),
        ('"2026-03-01T07:08:09.1Z"', '"2026-03-01T07:08:09.100000Z"', '"7"'),
        ('"2026-03-01T07:08:09.000Z"', '"2026-03-01T09:08:09.000000001+02:00"', '"-123456"'),
        ("1772348889012", "1772348889012345678", "null"),
    ],
)
def test_an_instant_and_a_sequence_are_kept_as_they_were_spelt(
    time: str, nanos: str, sequence: str, connection: Connection
) -> None:
    """Whatever the time zone of who asks."""
    members = f'"time": {time}, "time_nanos": {nanos}, "sequence": {sequence}'
    record = re.sub('"time":"[^"]*"', members, trade(1))
    load(connection, rows_of(record))
    connection.execute("SET TimeZone = 'America/St_Johns'")
    assert as_sent(connection) == {trade_id(1): record}
    query = sql.SQL("SELECT {} FROM onetrading.trades AS stored").format(selected(TRADES.table))
    assert [TRADES.table.row(*values) for values in connection.execute(query)] == rows_of(record)
