"""How late a trade may appear and is found: by the overlap, within a day, within a month."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from exporter.app import App
from exporter.simulator import AccountSpec, Simulator
from exporter.store import verified
from tests.support.facts import micros_of, stored, truth, visible
from tests.support.simulator_client import NOW
from tests.support.stored_snapshots import ask
from tests.support.sync_app import DAY, environment, exchange, fill, let_pass, run_passes, running

MINUTE, DAY_S = 60.0, 86_400.0
TRADES = ("trades",)


@contextmanager
def late_by(
    seconds: float, database_url: str, folder: Path, per_day: int = 200
) -> Iterator[tuple[Simulator, App]]:
    """An app that has read the trades of two days, of which a third appears so late."""
    account = AccountSpec("main", trades_per_day=per_day)
    with exchange(accounts=(account,)) as simulator:
        simulator.set_faults(late_rate=0.3, late_seconds=seconds)
        environ = environment(simulator, database_url, folder, ONETRADING_STREAMS="trades")
        with running(environ) as app:
            read(app)
            yield simulator, app


def read(app: App) -> None:
    assert set(run_passes(app).values()) == {"ok"}
    assert fill(app)


def verify(app: App) -> int:
    """Verify as a service that has just started does, until nothing is due; windows verified."""
    verifier, windows = app.verifier(), 0
    while verifier.step():
        windows += 1
    return windows


def missing(simulator: Simulator, database_url: str) -> int:
    """How many trades the exchange shows that are not stored."""
    with psycopg.connect(database_url) as connection:
        shown = {key for key in visible(simulator) if key[1] == "trades"}
        return len(shown - stored(connection, TRADES).keys())


def findings(database_url: str) -> dict[str, int]:
    found = "SELECT kind, count(*)::int FROM onetrading_sync.issues GROUP BY kind"
    return dict(ask(database_url, found))


def test_minutes_late_is_found_by_the_overlap(tmp_path: Path, database_url: str) -> None:
    with late_by(5 * MINUTE, database_url, tmp_path, per_day=3_000) as (simulator, app):
        before = simulator.now
        for _ in range(24):
            let_pass(simulator, app, 30)
            assert set(run_passes(app).values()) == {"ok"}
        assert simulator.now - before == timedelta(minutes=12)
        assert missing(simulator, database_url) == 0
        assert findings(database_url) == {}


def test_three_days_late_is_found_within_a_day(tmp_path: Path, database_url: str) -> None:
    with late_by(3 * DAY_S, database_url, tmp_path) as (simulator, app):
        let_pass(simulator, app, DAY_S)
        read(app)
        assert verify(app) > 0
        let_pass(simulator, app, 2 * DAY_S + 3_600)  # what was late of the first two days appears
        read(app)
        late = missing(simulator, database_url)
        assert late > 20
        assert verify(app) > 0
        assert missing(simulator, database_url) == 0
        assert findings(database_url) == {"late": late}
        shown = ask(
            database_url,
            "SELECT count(*)::int FROM reporting.late_facts WHERE kind = 'late' AND"
            " happened_at < '2026-04-01'",
        )
        assert shown >= [(late,)]
        assert verify(app) == 0
        let_pass(simulator, app, DAY_S - 7_200)
        read(app)
        assert verify(app) == 0, "not more than daily"
        let_pass(simulator, app, 7_200)
        read(app)
        assert verify(app) > 0


def test_what_comes_up_while_it_verifies_waits_for_the_next_day(
    tmp_path: Path, database_url: str
) -> None:
    """History begins within a day, which is not proven as a whole: that part alone is due."""
    with late_by(0, database_url, tmp_path) as (simulator, app):
        # Postgres' clock is not the simulated one.
        ask(
            database_url,
            f"UPDATE onetrading_sync.proven_days SET proven_at = '{simulator.now}'"  # noqa: S608
            " RETURNING 1",
        )
        verifier, windows = app.verifier(), 0
        while windows < 10 and verifier.step():
            windows += 1
            let_pass(simulator, app, 2)
        assert 0 < windows < 10


def test_later_is_found_within_a_month(tmp_path: Path, database_url: str) -> None:
    with late_by(20 * DAY_S, database_url, tmp_path, per_day=60) as (simulator, app):
        assert verify(app) > 0
        missed = first_days(simulator) - ids(database_url)
        assert len(missed) > 10
        let_pass(simulator, app, 20.5 * DAY_S)
        read(app)
        # Postgres' clock is not the simulated one.
        ask(
            database_url,
            f"UPDATE onetrading_sync.proven_days SET proven_at = '{simulator.now}'"  # noqa: S608
            f" WHERE day >= '{NOW}'::date RETURNING 1",
        )
        verify(app)
        assert missed.isdisjoint(ids(database_url)), "verified less than a month ago"
        let_pass(simulator, app, 10 * DAY_S)
        read(app)
        verify(app)
        assert missed <= ids(database_url)
        assert findings(database_url)["late"] >= len(missed)


def first_days(simulator: Simulator) -> set[str]:
    """The trades of the two days before the start, shown or not."""
    facts = truth(simulator, TRADES)
    return {key[3] for key, fact in facts.items() if fact.micros < micros_of(NOW)}


def ids(database_url: str) -> set[str]:
    return {at for (at,) in ask(database_url, "SELECT trade_id::text FROM onetrading.trades")}


def test_a_restart_goes_on_where_the_process_was(tmp_path: Path, database_url: str) -> None:
    with late_by(0, database_url, tmp_path) as (simulator, app):
        assert app.verifier().step()
        assert len(ask(database_url, "SELECT lower(range) FROM onetrading_sync.verified")) == 1
        requests = len(simulator.requests)
        verify(app)
        done = len(simulator.requests) - requests
        assert ask(
            database_url,
            "SELECT count(*)::int FROM onetrading_sync.coverage AS covered WHERE NOT"
            " (SELECT range_agg(range) FROM onetrading_sync.verified) @> tstzrange("
            "lower(covered.range), upper(covered.range) - interval '2 minutes')",
        ) == [(0,)]
        assert verify(app) == 0
        assert done <= 2


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_is_no_evidence_and_is_not_repeated_at_once(
    tmp_path: Path, database_url: str, status: int
) -> None:
    with late_by(0, database_url, tmp_path) as (simulator, app):
        simulator.set_faults(fail_paths={"/account/trades": status})
        verifier = app.verifier()
        verifier.step()
        requests = len(simulator.requests)
        assert not verifier.step()
        assert len(simulator.requests) == requests
        assert findings(database_url) == {}
        assert ask(database_url, "SELECT 1 FROM onetrading_sync.verified") == []


def test_progress_is_told_of_what_is_older_than_a_day(tmp_path: Path, database_url: str) -> None:
    with late_by(0, database_url, tmp_path) as (_, app):
        assert app.database is not None
        since = NOW - 32 * DAY
        ask(database_url, "DELETE FROM onetrading_sync.proven_days RETURNING 1")
        key = ("main", "trades")
        before = app.database.run(verified.progress, NOW - DAY, since)[key]
        assert before == (None, 0.0)
        verify(app)
        after = app.database.run(verified.progress, NOW - DAY, since)[key]
        assert after.ratio == 1.0
        assert after.last_at is not None
        assert abs(after.last_at - NOW) < timedelta(minutes=5)
