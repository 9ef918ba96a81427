"""What is proven is read again and compared: late, changed and vanished facts are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.app import App
from exporter.model.errors import BadRequest
from exporter.model.window import Window
from exporter.sync import Backfill, Compared, HistorySync, Verification
from tests.support.facts import coverage
from tests.support.paged import (
    ACCOUNT_ID,
    PRESENT,
    PageResponse,
    Row,
    ScriptedExchange,
    row_at,
    syncing,
    trade_of,
)
from tests.support.stored_snapshots import ask

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SINCE = PRESENT - 100 * DAY
WHOLE = Window(SINCE, PRESENT - HOUR)
KINDS = "SELECT kind, key->>'trade_id' FROM onetrading_sync.issues ORDER BY issue_id"


def days(*numbers: int) -> list[Row]:
    """A record for each of these days since the start."""
    return [row_at(SINCE + number * DAY + HOUR, number) for number in numbers]


@contextmanager
def proven(
    exchange: ScriptedExchange, database_url: str, folder: Path
) -> Iterator[tuple[App, HistorySync]]:
    """An app that has proven all history but the last hour."""
    with syncing(exchange, database_url, folder, SINCE) as app:
        (history,) = app.histories("main")
        Backfill(history).complete(WHOLE)
        yield app, history


def verify(history: HistorySync, window: Window = WHOLE) -> Compared:
    """Verify what is proven of a window."""
    (partition,) = history.partitions()
    job, found = Verification(history, 0.0), Compared()
    for part in job.windows(partition, history.covered(partition, window)):
        found = found.plus(job.verify(partition, part))
    return found


def ids(url: str) -> list[str]:
    return [at for (at,) in ask(url, "SELECT trade_id::text FROM onetrading.trades ORDER BY 1")]


def test_what_is_as_stored_costs_no_write_for_a_row(tmp_path: Path, database_url: str) -> None:
    told = ScriptedExchange(days(*range(1, 60)), size=100)
    with (
        proven(told, database_url, tmp_path) as (_, history),
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        before = connection.execute(
            "SELECT ctid, xmin::text, trade_id FROM onetrading.trades ORDER BY 3"
        ).fetchall()
        claims = coverage(connection)
        found = verify(history)
        assert found.facts == 59
        assert not found.differs
        assert not found.news
        after = connection.execute(
            "SELECT ctid, xmin::text, trade_id FROM onetrading.trades ORDER BY 3"
        ).fetchall()
        assert after == before, "no row was written, nor locked"
        assert coverage(connection) == claims
    assert ask(database_url, KINDS) == []


def test_late_changed_and_vanished_facts_are_told_once(tmp_path: Path, database_url: str) -> None:
    rows = days(10, 20, 30, 40, 50)
    told = ScriptedExchange([row for row in rows if row.number != 20], size=100)
    with proven(told, database_url, tmp_path) as (_, history):
        changed = row_at(SINCE + 30 * DAY + HOUR, 30)

        def respond(query: dict[str, str]) -> PageResponse | None:
            status, body = ScriptedExchange(told.rows, size=100).answer(query)
            for item in body["trade_history"]:
                if item["trade"]["trade_id"] == changed.trade_id:
                    item["trade"]["price"] = "7777"
            return status, body

        told.rows, told.respond = [row for row in rows if row.number != 40], respond
        found = verify(history)
        assert (found.late, found.changed, found.vanished) == (1, 1, 1)
        expected = {("late", rows[1].trade_id), ("changed", changed.trade_id)}
        expected.add(("vanished", rows[3].trade_id))
        assert set(ask(database_url, KINDS)) == expected
        assert ids(database_url) == [row.trade_id for row in rows], "nothing was deleted"
        assert ask(database_url, "SELECT 1 FROM onetrading.trades WHERE price = 7777") == [(1,)]
        told_of = ask(
            database_url,
            "SELECT DISTINCT kind, old_record IS NULL, new_record IS NULL"
            " FROM reporting.late_facts ORDER BY kind",
        )
        assert told_of == [
            ("changed", False, False),
            ("late", True, False),
            ("vanished", False, True),
        ]
        again = verify(history)
        assert (again.late, again.changed, again.vanished, again.told_before) == (0, 0, 1, 1)
        assert not again.news
        assert len(ask(database_url, KINDS)) == 3


def test_a_fact_that_comes_back_is_told_by_whoever_reads_it(
    tmp_path: Path, database_url: str
) -> None:
    rows = days(10, 20, 30)
    told = ScriptedExchange(rows, size=100)
    with proven(told, database_url, tmp_path) as (_, history):
        for back in ("verification", "another walk"):
            told.rows = [rows[0], rows[2]]
            assert verify(history).vanished == 1
            told.rows = rows
            if back == "verification":
                found = verify(history)
                assert (found.returned, found.differs, found.news) == (1, False, True)
            else:
                Backfill(history, again=True).complete(WHOLE)
    vanished = "SELECT resolved_at IS NOT NULL FROM reporting.late_facts WHERE kind = 'vanished'"
    assert ask(database_url, vanished) == [(True,), (True,)]


def test_a_page_that_is_cut_short_once_makes_nothing_vanish(
    tmp_path: Path, database_url: str
) -> None:
    rows = days(10, 20, 30)
    told = ScriptedExchange(rows, size=100)
    with proven(told, database_url, tmp_path) as (_, history):
        shown = [0]

        def respond(_query: dict[str, str]) -> PageResponse | None:
            shown[0] += 1
            items = [trade_of(row) for row in (rows[2], rows[0])]
            return (200, {"trade_history": items}) if shown[0] == 1 else None

        told.respond = respond
        assert not verify(history, Window(SINCE + 5 * DAY, SINCE + 34 * DAY)).differs
        assert shown[0] > 1


def test_a_record_that_cannot_be_read_may_be_the_fact(tmp_path: Path, database_url: str) -> None:
    rows = days(10, 20, 30)
    told = ScriptedExchange(rows, size=100)
    window = Window(SINCE + 5 * DAY, SINCE + 34 * DAY)
    odd: dict[str, Any] = {}
    with proven(told, database_url, tmp_path) as (_, history):
        told.respond = lambda _query: (
            200,
            {"trade_history": [trade_of(rows[2]), odd, trade_of(rows[0])]},
        )
        for spoilt in ({"trade": {"price": "x"}}, trade_of(rows[1])):
            odd.clear()
            odd.update(spoilt)
            odd["trade"] |= {"price": "x"}
            assert verify(history, window).vanished == 0
        odd["trade"] |= {"trade_id": rows[1].trade_id[:-4] + "9999", "time": "2026-01-01T00:00:00Z"}
        odd["trade"].pop("time_nanos", None)
        assert verify(history, window).vanished == 1


def test_history_that_is_not_served_any_more_has_not_vanished(
    tmp_path: Path, database_url: str
) -> None:
    """Nothing as old is shown, inside of the window and before it."""
    rows = days(*range(1, 99))
    told = ScriptedExchange(rows, size=100)
    with proven(told, database_url, tmp_path) as (_, history):
        told.rows = [row for row in rows if row.number > 50]
        found = verify(history)
        assert (found.vanished, found.not_served, found.facts) == (0, 50, 98)
        assert not found.differs
        noted = ask(
            database_url,
            "SELECT sum(facts)::int, sum(not_served)::int FROM onetrading_sync.verified",
        )
        assert noted == [(98, 50)]
        # What is younger than the oldest that is served has vanished, though.
        told.rows = [row for row in rows if row.number > 50 and row.number != 60]
        assert verify(history).vanished == 1
    assert len(ids(database_url)) == 98


def test_the_last_that_is_left_of_a_served_time_can_vanish(
    tmp_path: Path, database_url: str
) -> None:
    """Of an empty window: something older is served, so that its time is."""
    told = ScriptedExchange(days(10, 20), size=100)
    with proven(told, database_url, tmp_path) as (_, history):
        told.rows = days(10)
        found = verify(history, Window(SINCE + 15 * DAY, SINCE + 25 * DAY))
        assert (found.vanished, found.not_served) == (1, 0)


def test_a_stamp_of_another_precision_at_the_edge_of_a_window_is_no_difference(
    tmp_path: Path, database_url: str
) -> None:
    told = ScriptedExchange(days(10, 20, 30), size=100)
    with proven(told, database_url, tmp_path) as (_, history):
        served = SINCE + 20 * DAY + HOUR
        ask(
            database_url,
            "UPDATE onetrading.trades SET traded_at = traded_at + interval '0.4 s' RETURNING 1",
        )
        found = verify(history, Window(served + timedelta(seconds=0.2), served + DAY))
        assert (found.facts, found.vanished) == (1, 0)


@pytest.mark.parametrize("status", [400, 404])
def test_a_refusal_shows_nothing(tmp_path: Path, database_url: str, status: int) -> None:
    told = ScriptedExchange(days(10, 20), size=100)
    with proven(told, database_url, tmp_path) as (_, history):
        told.respond = lambda _query: (status, {"error": "NO_HISTORY"})
        with pytest.raises(BadRequest):
            verify(history)
    assert ask(database_url, KINDS) == []
    assert ask(database_url, "SELECT 1 FROM onetrading_sync.verified") == []


def test_a_fact_that_came_while_its_page_was_read_has_not_vanished(
    tmp_path: Path, database_url: str
) -> None:
    told = ScriptedExchange(days(10, 30), size=100)
    with proven(told, database_url, tmp_path) as (_, history):

        def respond(_query: dict[str, str]) -> PageResponse | None:
            with psycopg.connect(database_url) as connection:
                connection.execute(
                    "INSERT INTO onetrading.trades (trade_id, account_id, instrument_code, side,"
                    " price, amount, quote_amount, traded_at, traded_at_nanos, raw, row_hash)"
                    " VALUES (gen_random_uuid(), %s, 'BTC_EUR', 'BUY', 1, 1, 1, %s, 0, '{}', 0)",
                    [ACCOUNT_ID, SINCE + 20 * DAY],
                )
            told.respond = lambda _query: None
            return None

        told.respond = respond
        assert not verify(history, Window(SINCE + 5 * DAY, SINCE + 34 * DAY)).differs


@contextmanager
def emptied(database_url: str, history: HistorySync, exchange: ScriptedExchange) -> Iterator[None]:
    """Nothing is stored; then what the exchange has is proven."""
    for table in (
        "onetrading.trades",
        "onetrading_sync.coverage",
        "onetrading_sync.verified",
        "onetrading_sync.issues",
        "onetrading_sync.proven_days",
    ):
        ask(database_url, f"DELETE FROM {table} RETURNING 1")  # noqa: S608
    exchange.answered = 0
    Backfill(history).complete(WHOLE)
    yield


def surely(gone: set[int], served: set[int], windows: list[Window]) -> set[int]:
    """Those with something older beside them in a window that is served."""
    at = {number: SINCE + number * DAY + HOUR for number in gone | served}
    return {
        number
        for number in gone
        for window in windows
        if window.holds(at[number])
        and any(older < number and window.holds(at[older]) for older in served)
    }


def test_what_differs_is_what_is_found(tmp_path: Path, database_url: str) -> None:
    """Whatever the pages: late is what was missing, vanished what is, if its time is served."""
    told = ScriptedExchange(days(1), size=100)
    numbers = st.sets(st.integers(0, 98), min_size=1)
    with proven(told, database_url, tmp_path) as (_, history):
        (partition,), job = history.partitions(), Verification(history, 0.0)

        @settings(max_examples=8, deadline=None)
        @given(before=numbers, after=numbers, size=st.sampled_from([7, 100]))
        def check(before: set[int], after: set[int], size: int) -> None:
            told.rows, told.size = days(*before), size
            with emptied(database_url, history, told):
                told.rows = days(*after)
                windows = list(job.windows(partition, history.covered(partition, WHOLE)))
                found = verify(history)
            gone = before - after
            assert found.late == len(after - before)
            assert len(surely(gone, after, windows)) <= found.vanished
            assert found.vanished <= len({n for n in gone if n > min(after) or n >= 69})
            assert found.vanished + found.not_served == len(before - after)
            assert len(ids(database_url)) == len(before | after)
            again = verify(history)
            assert (again.late, again.changed) == (0, 0)
            assert again.vanished == again.told_before

        check()
