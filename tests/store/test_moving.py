"""A database of an earlier version: its records are moved out of the rows of facts, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from exporter.model.closings import Follower
from exporter.model.page import read
from exporter.model.stream import History, Partition, Stream
from exporter.model.window import Window
from exporter.store import loader, migrate, moving
from exporter.store.database import Database
from exporter.store.loader import Batch, Run
from exporter.store.storage import Storage
from exporter.streams import STREAMS
from exporter.streams.trades import TRADES
from tests.support.postgres import database_of, fresh_database
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY, history, trade
from tests.support.simulator_client import NOW

BEFORE = 25
"""The last migration before the one that moves records."""
KNOWN = migrate.load(migrate.migrations_dir())
PAGES = Path(__file__).parents[1] / "pages"
POSITION = "2111199765938682"
FACTS = [stream for stream in STREAMS if isinstance(stream, History | Follower)]
TRADES_STORED = 300
RECORDS = "SELECT account, stream, key, record, first_seen_at FROM reporting.records"
LATE = "SELECT * FROM reporting.late_facts"
MOVES = "onetrading_sync.record_moves"
CARRIED = "SELECT at FROM onetrading_sync.carried"

Connection = psycopg.Connection[tuple[Any, ...]]


def rows_of(stream: Stream) -> list[Any]:
    """Its sample page; of trades, many more."""
    if stream is TRADES:
        body = history(*(trade(number) for number in range(1, TRADES_STORED + 1))).encode()
        return list(read(stream, body, ACCOUNT_ID).rows)
    body = (PAGES / f"{stream.name}.json").read_bytes()
    return list(read(_of(stream), body, ACCOUNT_ID).rows)


def _of(stream: Stream) -> Stream:
    return stream.of(POSITION) if isinstance(stream, Follower) else stream


@pytest.fixture(scope="module")
def upgraded_once(postgres_url: str) -> Iterator[str]:
    """The name of a database that was filled as the version before did, then brought to this
    version's schema."""
    with fresh_database(postgres_url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            migrate.apply(connection, KNOWN[:BEFORE])
            _fill(connection)
            before = rows(connection, LATE)
            migrate.apply(connection, KNOWN)
            assert rows(connection, LATE) == before
            assert len(before) > TRADES_STORED
        yield database_of(url)


def _fill(connection: Connection) -> None:
    """Facts of all streams as the version before stored them: with their records."""
    connection.execute(
        "INSERT INTO onetrading.accounts (account_id, name) VALUES (%s, 'main')", [ACCOUNT_ID]
    )
    # So that every fact is late, and has its record in a report.
    connection.execute("UPDATE onetrading_sync.known_since SET since = '2000-01-01Z'")
    for stream in FACTS:
        columns = [*stream.table.columns, "row_hash", "first_seen_at"]
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier("onetrading", stream.table.name),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
        )
        with connection.cursor().copy(into) as copy:
            for number, row in enumerate(rows_of(stream)):
                at = NOW + timedelta(days=90, seconds=number)
                copy.write_row((*row, row.raw.hash64, at))
    connection.execute(
        "INSERT INTO onetrading_sync.carried (account_id, at) VALUES (%s, %s)", [ACCOUNT_ID, NOW]
    )


@pytest.fixture
def upgraded_url(postgres_url: str, upgraded_once: str) -> Iterator[str]:
    with fresh_database(postgres_url, upgraded_once) as url:
        yield url


@pytest.fixture
def upgraded(upgraded_url: str) -> Iterator[Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        yield connection


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(query.encode()).fetchall(), key=repr)


def facts(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """All facts, but for where their records are."""
    found = []
    for stream in FACTS:
        columns = [*(name for name in stream.table.columns if name != "raw"), "row_hash"]
        query = sql.SQL("SELECT {}, first_seen_at FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier("onetrading", stream.table.name),
        )
        found.append(sorted(connection.execute(query).fetchall(), key=repr))
    return found


def in_rows(connection: Connection) -> int:
    """How many records are still in rows of facts."""
    names = sorted({stream.table.name for stream in FACTS})
    counts = [
        connection.execute(
            sql.SQL("SELECT count(*) FROM {} WHERE raw IS NOT NULL").format(
                sql.Identifier("onetrading", name)
            )
        ).fetchall()[0][0]
        for name in names
    ]
    return sum(counts)


def load(connection: Connection, stream: History, batch: list[Any]) -> tuple[int, int]:
    partition = Partition("main", ACCOUNT_ID, stream.name)
    run = Run("tail", Window(RECENTLY, NOW))
    with connection.transaction():
        done = loader.load(connection, stream, partition, run, Batch(batch), None)
    return done.inserted, done.updated


def test_moving_changes_nothing_but_where_records_are(upgraded: Connection) -> None:
    """Killed in between, it goes on where it was; everything can be read and written meanwhile."""
    expected = facts(upgraded), rows(upgraded, RECORDS), rows(upgraded, LATE)
    assert len(expected[1]) == in_rows(upgraded) > TRADES_STORED
    histories = [stream for stream in FACTS if isinstance(stream, History)]
    steps = moved = 0
    while True:
        with pytest.raises(ZeroDivisionError), upgraded.transaction():  # killed before the commit
            moving.step(upgraded, blocks=8)
            raise ZeroDivisionError
        with upgraded.transaction():
            done = moving.step(upgraded, blocks=8)
        steps, moved = steps + 1, moved + done.records
        assert (facts(upgraded), rows(upgraded, RECORDS), rows(upgraded, LATE)) == expected
        if steps % 4 == 0:  # known wherever its record is
            assert [load(upgraded, one, rows_of(one)) for one in histories] == [(0, 0)] * len(
                histories
            )
        if not done.left:
            break
    assert (moved, in_rows(upgraded)) == (len(expected[1]), 0)
    assert rows(upgraded, CARRIED) == [(NOW,)]  # what is derived of trades is not stale
    assert (
        rows(upgraded, "SELECT FROM onetrading_sync.record_moves WHERE finished_at IS NULL") == []
    )
    pages = rows(upgraded, "SELECT records FROM onetrading.record_pages")
    assert sum(len(page.split("\x1e")) for (page,) in pages) == moved
    assert len(pages) < moved / 5
    upgraded.execute("UPDATE onetrading.trades SET sequence = 1")
    assert rows(upgraded, CARRIED) == []  # a change is told as ever


def test_no_trigger_on_facts_takes_a_move_for_a_change(upgraded: Connection) -> None:
    """One that a later migration adds needs the same condition, or moves make stale what it guards:
    WHEN (coalesce(current_setting('onetrading.moving_records', true), '') <> 'on')"""
    found = upgraded.execute(
        "SELECT tgname, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger"
        " WHERE tgrelid = ANY(%s::regclass[]) AND NOT tgisinternal AND tgtype & 16 <> 0",
        [[f"onetrading.{stream.table.name}" for stream in FACTS]],
    ).fetchall()
    assert [name for name, definition in found if "moving_records" not in definition] == []
    assert "carried_after_update" in {name for name, _ in found}


def test_a_fact_that_changes_before_it_is_moved_tells_both_records(upgraded: Connection) -> None:
    old, again = trade(7), trade(7, '"7"')
    changed = read(TRADES, history(again).encode(), ACCOUNT_ID).rows
    assert load(upgraded, TRADES, list(changed)) == (0, 1)
    ((kind, same),) = upgraded.execute(
        "SELECT kind, old_record = %s::jsonb AND new_record = %s::jsonb"
        " FROM onetrading_sync.issues",
        [old, again],
    ).fetchall()
    assert (kind, same) == ("changed", True)
    records = len(rows(upgraded, RECORDS))
    assert in_rows(upgraded) == records - 1


def test_the_service_moves_in_short_steps_until_nothing_is_left(
    upgraded: Connection, upgraded_url: str
) -> None:
    """What an earlier version that still runs has written meanwhile is found in the end."""
    database = Database(lambda: upgraded_url, lambda _connection: None)
    assert database.open()
    storage = Storage(database, None)
    try:
        total = len(rows(upgraded, RECORDS))
        with upgraded.transaction():
            upgraded.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [MOVES])
            busy = moving.move(storage, for_s=60.0)
        assert (busy.records, busy.left) == (0, True)  # another process is at it
        assert 0 < moving.move(storage, for_s=0.0).records < total
        upgraded.execute(
            "INSERT INTO onetrading.candlesticks (instrument_code, granularity, start_time,"
            " end_time, open_price, high_price, low_price, close_price, raw, row_hash)"
            " SELECT 'X', granularity, start_time, end_time, 1, 1, 1, 1, '{\"late\": 1}', 0"
            " FROM onetrading.candlesticks LIMIT 1"
        )
        assert not moving.move(storage, for_s=60.0).left
        assert in_rows(upgraded) == 1  # of a table that was gone through: on the next day
        upgraded.execute(
            "UPDATE onetrading_sync.record_moves SET finished_at = finished_at - interval '1 day'"
        )
        assert moving.move(storage, for_s=60.0) == moving.Moved(1, left=False)
    finally:
        database.close()
    assert in_rows(upgraded) == 0
    assert len(rows(upgraded, RECORDS)) == total + 1


def test_small_pages_are_merged_once_they_are_a_day_old(upgraded: Connection) -> None:
    """A trade that comes alone is alone in its page, which no compression makes small."""
    _move_all(upgraded)
    for number in range(1_001, 1_061):
        load(upgraded, TRADES, list(read(TRADES, history(trade(number)).encode(), ACCOUNT_ID).rows))
    before = pages(upgraded)
    assert _move_all(upgraded) == 0  # all of them came just now
    aged = "UPDATE onetrading.trades SET first_seen_at = first_seen_at - interval '2 days'"
    upgraded.execute(aged)
    expected = [facts(upgraded), rows(upgraded, RECORDS)]
    assert _move_all(upgraded) >= 60
    assert [facts(upgraded), rows(upgraded, RECORDS)] == expected
    assert pages(upgraded) < before - 55
    assert pages(upgraded, unused=True) == 0
    assert _move_all(upgraded) == 0  # what is full stays


def test_a_page_with_a_record_that_is_elsewhere_stays(upgraded: Connection) -> None:
    """One that was replaced, or whose row lies in blocks that are not looked at."""
    _move_all(upgraded)
    for first in range(1_001, 1_301, 3):
        three = (trade(number) for number in range(first, first + 3))
        load(upgraded, TRADES, list(read(TRADES, history(*three).encode(), ACCOUNT_ID).rows))
    again = history(*(trade(number, '"7"') for number in range(1_001, 1_301, 30)))
    assert load(upgraded, TRADES, list(read(TRADES, again.encode(), ACCOUNT_ID).rows)) == (0, 10)
    upgraded.execute("UPDATE onetrading.trades SET first_seen_at = now() - interval '2 days'")
    expected = rows(upgraded, RECORDS)
    assert 0 < _move_all(upgraded, blocks=3) <= 300
    assert rows(upgraded, RECORDS) == expected


def pages(connection: Connection, *, unused: bool = False) -> int:
    """How many pages there are, or how many that no fact names."""
    tables = sorted({stream.table.name for stream in FACTS})
    named = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT record_page FROM {} WHERE record_page IS NOT NULL").format(
            sql.Identifier("onetrading", name)
        )
        for name in tables
    )
    query = sql.SQL("SELECT count(*) FROM onetrading.record_pages WHERE {} OR page_id NOT IN ({})")
    ((found,),) = connection.execute(query.format(not unused, named)).fetchall()
    return int(found)


def _move_all(connection: Connection, blocks: int = moving.BLOCKS) -> int:
    """As the service on a new day; how many records were moved."""
    connection.execute("UPDATE onetrading_sync.record_moves SET finished_at = NULL, next_block = 0")
    total = 0
    while True:
        with connection.transaction():
            done = moving.step(connection, blocks)
        total += done.records
        if not done.left:
            return total
