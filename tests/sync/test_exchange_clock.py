"""An exchange whose clock is wrong for a while: what is claimed, what is stored, and what is told.

The exporter's own clock is right, and so is the exchange's in the end.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.clocks import START
from tests.support.facts import broken_claims, stored, truth
from tests.support.stored_snapshots import ask, away, balances, exporter, poll, spans
from tests.support.world import World, world

HOUR, DAY = 3_600.0, 86_400.0
EVERY_S = 20.0
STREAMS = ("trades", "balances", "tickers")


def started(folder: Path, url: str) -> AbstractContextManager[World]:
    """An exporter with an hour of history to keep."""
    return world(
        folder,
        url,
        ONETRADING_HISTORY_START=(START - timedelta(hours=1)).isoformat(),
        ONETRADING_STREAMS="trades,balances,tickers,currencies",
    )


@contextmanager
def trading(folder: Path, url: str) -> Iterator[World]:
    """The same, and all of it is proven."""
    with started(folder, url) as live:
        live.poll_all()
        live.fill("main", "trades")
        run(live, 60)
        yield live


def run(live: World, seconds: float) -> None:
    """Poll as the service does, for so long."""
    for _ in range(int(seconds / EVERY_S)):
        live.tick(EVERY_S)
        for account, stream in live.pairs():
            if stream in STREAMS:
                live.poll(account, stream)


def now(live: World) -> datetime:
    """What time it is."""
    return START + timedelta(seconds=live.clock.at)


def claimed_to(url: str) -> datetime:
    """The end of what is proven of the trades."""
    ((at,),) = ask(
        url, "SELECT max(upper(range)) FROM onetrading_sync.coverage WHERE stream = 'trades'"
    )
    assert isinstance(at, datetime)
    return at


def issues(url: str) -> list[str]:
    """The kinds of what was noted."""
    return [kind for (kind,) in ask(url, "SELECT DISTINCT kind FROM onetrading_sync.issues")]


def observed_in_the_future(live: World, url: str) -> list[Any]:
    return ask(
        url,
        "SELECT * FROM onetrading.snapshots WHERE last_observed_at > %s",
        now(live) + timedelta(seconds=5),
    )


def assert_no_trade_is_missing(live: World, url: str) -> None:
    with psycopg.connect(url) as connection:
        due = truth(live.simulator, ("trades",))
        assert broken_claims(connection, due, live.simulator.now) == []
        kept = stored(connection, ("trades",))
        since = START - timedelta(hours=1)
        main = live.simulator.account_ids["main"]
        missing = {
            key
            for key, fact in due.items()
            if key[0] == main and fact.micros >= since.timestamp() * 1e6 and key not in kept
        }
    assert missing == set()


@pytest.mark.parametrize(
    ("offset", "paths"),
    [
        (HOUR, ()),
        (-HOUR, ()),
        (DAY, ()),
        (HOUR, ("/account/trades",)),
        (-HOUR, ("/account/trades",)),
        (DAY, ("/account/balances",)),
        (HOUR, ("/time",)),
    ],
)
def test_a_clock_that_is_wrong_for_some_seconds_costs_nothing(
    tmp_path: Path, database_url: str, offset: float, paths: tuple[str, ...]
) -> None:
    """Afterwards the exporter is down for half an hour: what happens then must be read later."""
    with trading(tmp_path, database_url) as live:
        live.simulator.set_faults(clock_offset=offset, clock_paths=paths)
        run(live, EVERY_S)
        assert claimed_to(database_url) <= now(live)
        assert observed_in_the_future(live, database_url) == []
        live.simulator.set_faults()
        run(live, EVERY_S)
        before = live.state("main", "balances").last_success_at
        assert before is not None
        assert abs(before - now(live)) < timedelta(seconds=1)
        live.tick(HOUR / 2)
        run(live, 4 * EVERY_S)
        live.fill("main", "trades")
        run(live, EVERY_S)
        assert abs(claimed_to(database_url) - now(live)) <= timedelta(seconds=61 + EVERY_S)
        assert_no_trade_is_missing(live, database_url)
        assert observed_in_the_future(live, database_url) == []
        assert all(live.state("main", s).success for s in ("trades", "balances"))
        assert issues(database_url) == []


@pytest.mark.parametrize("responses", [1, 3])
def test_a_few_wrong_responses_leave_every_snapshot_at_its_instant(
    tmp_path: Path, database_url: str, responses: int
) -> None:
    with exporter(tmp_path, database_url, balances=balances()) as live:
        poll(live, "main", "balances", 15, 30)
        live.simulator.set_faults(clock_offset=DAY, clock_responses=responses)
        poll(live, "main", "balances", 45, 60, 75, 90)
    assert spans(database_url) == [(15, 90)]


@pytest.mark.parametrize(
    ("offset", "paths"),
    [(HOUR, ("/account/trades",)), (-HOUR, ("/time",)), (-HOUR, ("/account/balances",))],
)
def test_one_endpoint_that_is_always_wrong_moves_nothing(
    tmp_path: Path, database_url: str, offset: float, paths: tuple[str, ...]
) -> None:
    with trading(tmp_path, database_url) as live:
        live.simulator.set_faults(clock_offset=offset, clock_paths=paths)
        run(live, 160)
        assert (
            timedelta(seconds=59) <= now(live) - claimed_to(database_url) <= timedelta(seconds=61)
        )
        assert abs(live.app.clock.skew_s) <= 1
        assert observed_in_the_future(live, database_url) == []


def test_what_responses_of_an_hour_ago_tell_is_not_claimed_beyond_it(
    tmp_path: Path, database_url: str
) -> None:
    """A cache, or a replica that lags: later rows may be missing."""
    with trading(tmp_path, database_url) as live:
        before = claimed_to(database_url)
        live.simulator.set_faults(clock_offset=-HOUR, clock_paths=("/account/trades",))
        run(live, 160)
        assert claimed_to(database_url) == before
        live.simulator.set_faults()
        run(live, 30)
        assert now(live) - claimed_to(database_url) <= timedelta(seconds=61)


def test_what_was_written_into_the_future_is_taken_back_and_told(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """All endpoints insist on a wrong time for minutes: they are believed, until they do not."""
    with trading(tmp_path, database_url) as live:
        honest = now(live)
        live.simulator.set_faults(clock_offset=HOUR)
        run(live, 160)
        live.simulator.override_balance("main", "EUR", available="77")
        run(live, 60)
        assert claimed_to(database_url) > now(live) + timedelta(minutes=30)
        assert observed_in_the_future(live, database_url) != []
        live.simulator.set_faults()
        with caplog.at_level(logging.WARNING):
            run(live, 80)
        assert claimed_to(database_url) <= now(live)
        assert observed_in_the_future(live, database_url) == []
        assert set(issues(database_url)) == {"future_coverage", "future_snapshot"}
        told = "\n".join(record.getMessage() for record in caplog.records)
        assert "coverage ended at" in told
        assert "observed in the future" in told
        live.tick(HOUR / 2)
        run(live, 60)
        live.fill("main", "trades")
        assert_no_trade_is_missing(live, database_url)
        ((first, last),) = ask(
            database_url,
            "SELECT min(first_observed_at), min(last_observed_at) FROM onetrading.snapshots"
            " JOIN onetrading.balances USING (snapshot_id)"
            " WHERE currency_code = 'EUR' AND available = 77",
        )
        assert honest - timedelta(seconds=EVERY_S) <= first <= last <= now(live)
        shown = live.shown()
        assert shown.get('onetrading_facts_changed_total{account="main",stream="trades"}') in (
            None,
            "0",
        )


def test_what_an_earlier_process_wrote_into_the_future_is_taken_back_at_the_start(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with trading(tmp_path, database_url) as live:
        was = claimed_to(database_url)
    ahead = timedelta(hours=1)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE onetrading_sync.coverage"
            " SET range = tstzrange(lower(range), upper(range) + %s)",
            [ahead],
        )
        connection.execute(
            "UPDATE onetrading.snapshots SET last_observed_at = last_observed_at + %s,"
            " first_observed_at = first_observed_at + %s WHERE snapshot_id IN"
            " (SELECT max(snapshot_id) FROM onetrading.snapshots GROUP BY stream)",
            [ahead, ahead],
        )
        connection.execute("UPDATE onetrading.currencies SET valid_from = valid_from + %s", [ahead])
    (tmp_path / "later").mkdir()
    with started(tmp_path / "later", database_url) as live:
        live.tick(300)
        with caplog.at_level(logging.WARNING):
            assert set(live.poll_all().values()) <= {"ok", "not permitted"}
        assert was <= claimed_to(database_url) <= now(live)
        assert observed_in_the_future(live, database_url) == []
        kept = {"future_coverage", "future_snapshot", "future_version"}
        assert set(issues(database_url)) == kept
        assert "see onetrading_sync.issues" in caplog.text
        versions = ask(
            database_url,
            "SELECT count(*), max(valid_from), count(valid_to) FROM onetrading.currencies",
        )
        ((count, latest, ended),) = versions
        assert count > 0
        assert latest <= now(live)
        assert ended == 0
        live.tick(15)
        live.poll_all()
        assert versions == ask(
            database_url,
            "SELECT count(*), max(valid_from), count(valid_to) FROM onetrading.currencies",
        )


def test_versions_that_lie_in_the_future_keep_their_order(
    tmp_path: Path, database_url: str
) -> None:
    with exporter(tmp_path, database_url, currencies=b'[{"code": "BTC", "precision": 8}]') as live:
        poll(live, "public", "currencies", 15)
    with psycopg.connect(database_url) as connection:
        for hours, precision in ((1, 7), (2, 6)):
            at = START + timedelta(hours=hours)
            connection.execute(
                "UPDATE onetrading.currencies SET valid_to = %s WHERE valid_to IS NULL", [at]
            )
            connection.execute(
                "INSERT INTO onetrading.currencies (currency_code, precision, raw, valid_from)"
                " VALUES ('BTC', %s, '{}', %s)",
                [precision, at],
            )
    page = b'[{"code": "BTC", "precision": 5}]'
    with exporter(tmp_path, database_url, at=30, currencies=page) as live:
        poll(live, "public", "currencies", 30)
    found = ask(
        database_url,
        "SELECT precision, valid_from, valid_to FROM onetrading.currencies ORDER BY valid_from",
    )
    assert [precision for precision, _, _ in found] == [8, 7, 6, 5]
    assert [start for _, start, _ in found[1:]] == [end for _, _, end in found[:-1]]
    assert found[-1][1] == START + timedelta(seconds=30)


def test_a_response_that_is_not_stored_is_never_a_success(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """All endpoints insist on a time that has passed, while our clock confirms what is stored."""
    with trading(tmp_path, database_url) as live:
        live.simulator.set_faults(clock_offset=-HOUR)
        with caplog.at_level(logging.WARNING):
            run(live, 160)
        assert live.poll("main", "balances") == "failed"
        assert live.state("main", "balances").last_error == "database"
        assert "Postgres holds a response that was observed at" in caplog.text
        live.simulator.set_faults()
        run(live, 80)
        assert live.poll("main", "balances") == "ok"
        assert observed_in_the_future(live, database_url) == []


def test_what_was_spooled_in_the_future_is_stored_as_of_its_file(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with exporter(tmp_path, away(), balances=balances("1")) as live:
        poll(live, "main", "balances", 15)
        (waiting,) = (tmp_path / "data" / "spool").iterdir()
    late = START + timedelta(days=1)
    text = waiting.read_text()
    stamp = (START + timedelta(seconds=15)).isoformat().replace("+00:00", "Z")
    assert stamp in text
    waiting.write_text(text.replace(stamp, late.isoformat().replace("+00:00", "Z")))
    os.utime(waiting, (START.timestamp() + 15, START.timestamp() + 15))
    with exporter(tmp_path, database_url, at=30, balances=balances("2")) as live:
        with caplog.at_level(logging.WARNING):
            poll(live, "main", "balances", 30, 45)
        assert len(live.app.spool) == 0
    assert "observed in the future" in caplog.text
    assert spans(database_url) == [(15, 15), (30, 45)]
