"""Answers that wait on disk for Postgres: what becomes of them when they are stored."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest

from exporter.store.spool import Spool, Spooled
from tests.support.clocks import START
from tests.support.postgres import PostgresServer, wait_for_a_lock
from tests.support.stored_snapshots import (
    Spans,
    ask,
    away,
    balances,
    exporter,
    open_rejects,
    poll,
    poll_balances,
    spans,
)
from tests.support.waiting import wait_until
from tests.support.world import World, world


@pytest.mark.parametrize(
    ("before", "during", "after", "observed"),
    [
        # Asked without a break, for longer than a break may be.
        ([15], [30, 90, 150, 210], [225], [(15, 225)]),
        ([15], [75], [135], [(15, 135)]),
        # A break before, during, and after what waits.
        ([15], [75.125, 90], [105], [(15, 15), (75.125, 105)]),
        ([15], [30, 90.125, 105], [120], [(15, 30), (90.125, 120)]),
        ([15], [30], [90.125], [(15, 30), (90.125, 90.125)]),
    ],
)
def test_an_unchanged_answer_is_extended_through_the_spool_as_without_it(
    tmp_path: Path,
    database_url: str,
    before: list[float],
    during: list[float],
    after: list[float],
    observed: Spans,
) -> None:
    poll_balances(tmp_path, database_url, balances(), *before)
    poll_balances(tmp_path, away(), balances(), *during)
    assert spans(database_url) == [(15, 15)]
    poll_balances(tmp_path, database_url, balances(), *after)
    assert spans(database_url) == observed


def test_three_long_intervals_are_no_break_for_what_waits(
    tmp_path: Path, database_url: str
) -> None:
    page = {"/account/balances": balances()}
    with world(tmp_path, away(), pages=page, ONETRADING_INTERVAL_BALANCES="30s") as live:
        poll(live, "main", "balances", 30, 120, 210.125)
    with world(tmp_path, database_url, pages=page, ONETRADING_INTERVAL_BALANCES="30s") as live:
        live.tick(300)
        poll(live, "main", "balances", 300)
    assert spans(database_url) == [(30, 120), (210.125, 300)]


def test_what_waited_while_later_answers_were_stored_is_not_stored(
    tmp_path: Path, database_url: str
) -> None:
    """The other process that stored them saw all that came since."""
    poll_balances(tmp_path, away(), balances("2"), 30)
    other = tmp_path / "other"
    other.mkdir()
    poll_balances(other, database_url, balances("1"), 15, 60)
    with exporter(tmp_path, database_url, at=75, balances=balances("3")) as live:
        assert len(live.app.spool) == 1
        poll(live, "main", "balances", 75)
        assert len(live.app.spool) == 0
    assert spans(database_url) == [(15, 60), (75, 75)]


def test_a_list_that_waited_while_later_ones_were_stored_is_not_applied(
    tmp_path: Path, database_url: str
) -> None:
    """A currency that vanished meanwhile does not come back."""
    both, one = b'[{"code": "BTC"}, {"code": "EUR"}]', b'[{"code": "EUR"}]'
    with exporter(tmp_path, away(), currencies=both) as live:
        poll(live, "public", "currencies", 20)
    other = tmp_path / "other"
    other.mkdir()
    for at, listed in ((10, both), (30, one)):
        with exporter(other, database_url, currencies=listed) as live:
            poll(live, "public", "currencies", at)
    with exporter(tmp_path, database_url, at=40) as live:
        live.app.snapshots.drain_if_possible()
        assert len(live.app.spool) == 0
    listed_now = ask(
        database_url,
        "SELECT currency_code, extract(epoch FROM valid_from - %s)::int FROM onetrading.currencies"
        " WHERE valid_to IS NULL",
        START,
    )
    assert listed_now == [("EUR", 10)]


def test_a_good_answer_that_waited_resolves_nothing_that_was_malformed_after_it(
    tmp_path: Path, database_url: str
) -> None:
    """Only the newest answer tells that nothing is missing."""
    with exporter(tmp_path, away()) as live:
        poll(live, "main", "balances", 15)
    with exporter(tmp_path, database_url, at=30) as live:
        live.simulator.override_balance("main", "EUR", available="abc")
        assert live.poll("main", "balances") == "failed"
        assert open_rejects(database_url) == [("main", "balances")]
        assert len(live.app.spool) == 1
        live.app.snapshots.drain_if_possible()
        assert len(live.app.spool) == 0
        assert spans(database_url) == [(15, 15)]
        assert open_rejects(database_url) == [("main", "balances")]
        live.simulator.override_balance("main", "EUR", available="1.5")
        poll(live, "main", "balances", 45)
        assert open_rejects(database_url) == []


def test_an_answer_that_is_extended_while_it_is_stored_goes_on_waiting(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url = postgres_server.url
    with exporter(tmp_path, url, balances=balances()) as live:
        poll(live, "main", "balances", 15)
        postgres_server.stop()
        poll(live, "main", "balances", 30)
        postgres_server.start()
        wait_until(lambda: live.database is not None and live.database.up)
        storing = threading.Thread(target=live.app.snapshots.drain_if_possible)
        with psycopg.connect(url) as locking:
            locking.execute("LOCK TABLE onetrading.snapshots IN ACCESS EXCLUSIVE MODE")
            storing.start()
            wait_for_a_lock(url)
            poll(live, "main", "balances", 45)
        storing.join()
        assert spans(url) == [(15, 30)]
        assert waiting(live) == [(30, 45)]
        live.app.snapshots.drain_if_possible()
        assert spans(url) == [(15, 45)]
        assert waiting(live) == []


def waiting(live: World) -> Spans:
    """From when until when the answers that wait on disk were observed."""
    return [
        ((found.first - START).total_seconds(), (found.last - START).total_seconds())
        for _, found in live.app.spool.waiting()
    ]


def test_what_is_done_goes_unless_it_was_extended(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    answer = Spooled("main", "balances", START, START, "{}", "some-id")
    longer = msgspec.structs.replace(answer, last=START + timedelta(seconds=15))
    spool.put(answer)
    ((path, first),) = spool.waiting()
    spool.put(longer)
    spool.done(path, first)
    ((path, second),) = spool.waiting()
    assert second == longer
    spool.done(path, second)
    assert len(spool) == 0
    assert list(spool.waiting()) == []
    assert list(tmp_path.iterdir()) == []
