"""A reject of history ends: its key loads, or its time is read again and it is not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model.stream import Partition, Reject
from exporter.model.window import Window
from exporter.store import loader, migrate
from exporter.store.database import Connection
from exporter.store.loader import Batch, Run
from exporter.streams.trades import TRADES
from tests.support.raw_responses import (
    ACCOUNT_ID,
    RECENTLY,
    Scripted,
    history,
    scripted,
    trade,
    trade_id,
)

PARTITION = Partition("main", ACCOUNT_ID, "trades")
BASE = datetime(2026, 3, 1, tzinfo=UTC)
OPEN = "SELECT reason, month, happened_at FROM reporting.open_rejects ORDER BY reject_id"
BAD = trade(1, '"a lot"')


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_a_record_that_is_read_well_later_is_resolved_as_it_loads(scenario: Scripted) -> None:
    assert scenario.poll("trades", history(BAD, trade(2))) == "ok"
    ((reason, month, happened_at),) = scenario.rows(OPEN)
    assert "price" in reason
    assert (month, happened_at) == (date(2026, 3, 1), RECENTLY)
    key = scenario.rows("SELECT key FROM reporting.open_rejects")
    assert key == [({"trade_id": trade_id(1)},)]
    assert scenario.poll("trades", history(trade(1), trade(2))) == "ok"
    assert scenario.rows(OPEN) == []
    assert scenario.poll("trades", history(BAD, trade(2))) == "ok"
    assert len(scenario.rows(OPEN)) == 1, "it came back"


def test_a_record_that_a_complete_walk_no_longer_shows_is_resolved(scenario: Scripted) -> None:
    assert scenario.poll("trades", history(BAD, trade(2))) == "ok"
    assert scenario.poll("trades", history(BAD, trade(2))) == "ok"
    assert len(scenario.rows(OPEN)) == 1
    assert scenario.poll("trades", history(trade(2))) == "ok"
    assert scenario.rows(OPEN) == []


def walk(
    connection: Connection,
    start: float,
    end: float,
    *shown: Reject,
    complete: bool = True,
) -> None:
    """A walk through a window, in minutes since BASE, that shows these rejects."""
    window = Window(minute(start), minute(end))
    batch = Batch([], list(shown), complete=complete, walked=window if complete else None)
    with connection.transaction():
        loader.load(connection, TRADES, PARTITION, Run("tail", window), batch, None)


def minute(number: float) -> datetime:
    """So many minutes after BASE."""
    return BASE + timedelta(minutes=number)


def still_open(connection: Connection) -> int:
    """How many rejects are open."""
    return len(connection.execute(OPEN.encode()).fetchall())


KNOWN = Reject("{}", "odd", {"trade_id": trade_id(1)}, minute(30))
UNKNOWN = Reject("7", "no record")


def test_only_a_complete_walk_of_its_time_tells_that_it_is_gone(connection: Connection) -> None:
    walk(connection, 0, 60, KNOWN)
    for start, end, complete in ((0, 30, True), (31, 90, True), (0, 60, False)):
        walk(connection, start, end, complete=complete)
        assert still_open(connection) == 1
    walk(connection, 30, 31)
    assert still_open(connection) == 0


def test_a_record_without_a_time_is_gone_when_all_its_window_was_read(
    connection: Connection,
) -> None:
    walk(connection, 0, 60, UNKNOWN)
    walk(connection, 0, 40)
    assert still_open(connection) == 1
    walk(connection, 50, 90)
    assert still_open(connection) == 1
    walk(connection, 30, 50)
    assert still_open(connection) == 0


def test_the_same_window_again_is_enough(connection: Connection) -> None:
    walk(connection, 0, 60, UNKNOWN)
    walk(connection, 0, 60)
    assert still_open(connection) == 0


def test_a_record_at_the_very_edge_belongs_to_the_window_before(connection: Connection) -> None:
    """Windows are requested a little wider than they are."""
    edge = KNOWN._replace(happened_at=minute(0) - timedelta(milliseconds=1))
    walk(connection, 0, 60, edge)
    walk(connection, 0, 60, edge)
    walk(connection, 0, 60)
    assert still_open(connection) == 1
    walk(connection, -60, 0)
    assert still_open(connection) == 0


def test_each_walk_that_shows_it_again_narrows_where_it_can_lie(connection: Connection) -> None:
    walk(connection, 0, 60, UNKNOWN)
    walk(connection, 20, 80, UNKNOWN)
    walk(connection, 40, 100)
    walk(connection, 20, 40)
    assert still_open(connection) == 0


def test_a_time_that_cannot_be_is_not_believed(connection: Connection) -> None:
    """A trade of the year 9999 blocks the months of the window in which it came, and ends."""
    walk(connection, 0, 60, KNOWN._replace(happened_at=datetime(9999, 12, 31, tzinfo=UTC)))
    ((_, month, happened_at),) = connection.execute(OPEN.encode()).fetchall()
    assert (month, happened_at.year) == (date(2026, 3, 1), 9999)
    found = connection.execute("SELECT possible_from, possible_to FROM reporting.open_rejects")
    assert found.fetchall() == [(minute(0), minute(60) - timedelta(microseconds=1))]
    walk(connection, 0, 60)
    assert still_open(connection) == 0


@pytest.mark.parametrize(
    ("at", "month"),
    [(0, date(2026, 3, 1)), (-1e-4, date(2026, 2, 1)), (31 * 24 * 60, date(2026, 4, 1))],
)
def test_the_month_of_a_reject_is_that_of_its_instant_in_utc(
    at: float, month: date, connection: Connection
) -> None:
    walk(connection, -60, 60 * 24 * 40, KNOWN._replace(happened_at=minute(at)))
    assert connection.execute(OPEN.encode()).fetchall() == [("odd", month, minute(at))]


def test_equal_records_of_two_instruments_are_two_rejects(connection: Connection) -> None:
    one, two = (KNOWN._replace(key={"instrument_code": code}) for code in ("BTC", "ETH"))
    walk(connection, 0, 60, one, two, one)
    assert still_open(connection) == 2


class Walk(NamedTuple):
    """A window in minutes, and whether the walk reached its end."""

    start: int
    length: int
    complete: bool


@given(
    at=st.integers(0, 59),
    known=st.booleans(),
    gone_after=st.integers(0, 5),
    walks=st.lists(
        st.builds(Walk, st.integers(0, 50), st.integers(5, 60), st.booleans()), max_size=8
    ),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_exchange_still_has_is_never_resolved(
    at: int, known: bool, gone_after: int, walks: list[Walk], connection: Connection
) -> None:
    """And once it is gone, a complete walk of all the time in which it was met resolves it."""
    connection.execute("TRUNCATE onetrading_sync.rejects")
    reject = Reject("?", "odd", None, minute(at) if known else None)
    walk(connection, 0, 60, reject)
    for number, (start, length, complete) in enumerate(walks):
        exists = number < gone_after
        shows = exists and complete and start <= at < start + length
        walk(connection, start, start + length, *([reject] if shows else []), complete=complete)
        assert still_open(connection) or not exists
    walk(connection, 0, 111)
    assert not still_open(connection)


OLD: dict[str, tuple[str, str, dict[str, Any] | None, datetime | None]] = {
    "a trade": ("trades", BAD, {"trade_id": trade_id(1)}, RECENTLY),
    "milliseconds": (
        "funding_payments",
        '{"funding_payment": "x", "timestamp": 1772323200123}',
        None,
        datetime(2026, 3, 1, 0, 0, 0, 123000, tzinfo=UTC),
    ),
    "microseconds as text": (
        "funding_history",
        '{"funding_rate": "x", "time": "1772323200123456"}',
        None,
        datetime(2026, 3, 1, 0, 0, 0, 123000, tzinfo=UTC),
    ),
    "the last day of February": (
        "funding_history",
        '{"time": "2026-02-28T23:59:59.9999999Z"}',
        None,
        datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC),
    ),
    "no day at all": ("trades", '{"time": "2026-02-31T00:00:00Z"}', None, minute(2 * 24 * 60)),
    "no time": ("trades", '{"time": "2026-13-01T00:00:00Z", "trade_id": "7"}', None, None),
    "no record": ("trades", "null", None, None),
    "a balance": ("balances", '{"time": "2026-03-01T00:00:00Z"}', None, None),
}


@pytest.mark.parametrize(("stream", "record", "key", "happened_at"), OLD.values(), ids=OLD)
def test_rejects_of_earlier_versions_are_read_as_far_as_possible(
    stream: str,
    record: str,
    key: dict[str, Any] | None,
    happened_at: datetime | None,
    empty_database_url: str,
) -> None:
    """And what cannot be read is bounded by the walk that met it, so that it ends as well."""
    known = migrate.load(migrate.migrations_dir())
    first_seen = minute(60 * 24 * 90)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        migrate.apply(connection, known[:4])
        connection.execute(
            "INSERT INTO onetrading_sync.rejects"
            " (account_id, stream, scope, record, record_hash, reason, first_seen_at)"
            " VALUES (%s, %s, '', %s, 1, 'odd', %s)",
            [ACCOUNT_ID, stream, record, first_seen],
        )
        connection.execute(
            "INSERT INTO onetrading_sync.runs (account_id, stream, scope, lane, wanted,"
            " started_at, finished_at, rows_rejected)"
            " VALUES (%s, %s, '', 'tail', tstzrange(%s, %s), %s, %s, 1)",
            [ACCOUNT_ID, stream, minute(0), minute(60), first_seen, first_seen],
        )
        migrate.apply(connection, known)
        found = connection.execute("SELECT key, happened_at, stream FROM reporting.open_rejects")
        assert found.fetchall() == [(key, happened_at, stream)]
        if stream == "trades":
            middle = happened_at or minute(30)
            since = (middle - BASE) / timedelta(minutes=1)
            walk(connection, since - 30, since + 30)
            assert still_open(connection) == 0
