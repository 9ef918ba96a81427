"""The time of day is set under the real process: it goes on polling, and says what happened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from exporter.simulator import AccountSpec, Simulator
from tests.support.clock_steps import TimeOfDay
from tests.support.configuration import environment_of
from tests.support.process import Run, running

HOUR = 3_600


@pytest.fixture
def exchange() -> Iterator[Simulator]:
    """An exchange whose clock is right."""
    accounts = (AccountSpec("main", trades_per_day=2_000),)
    with Simulator(history_days=0.1, accounts=accounts) as simulator:
        yield simulator


@pytest.mark.parametrize("step", [-HOUR, HOUR, -40 * 24 * HOUR])
def test_polls_go_on_when_the_time_of_day_is_set(
    step: int, exchange: Simulator, database_url: str, tmp_path: Path
) -> None:
    time_of_day = TimeOfDay(tmp_path)
    environ = environment_of(
        exchange.base_url,
        tmp_path,
        exchange.tokens,
        DATABASE_URL=database_url,
        ONETRADING_STREAMS="trades,balances,tickers",
        ONETRADING_INTERVAL_TRADES="1s",
        ONETRADING_INTERVAL_BALANCES="1s",
        ONETRADING_INTERVAL_TICKERS="1s",
        ONETRADING_HISTORY_START=(datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    )
    with running(environ | time_of_day.environment, tmp_path / "log") as run:
        run.wait_until_ready()
        wait_for_polls(run, exchange, 2)
        time_of_day.set(step)
        wait_for_polls(run, exchange, 3)
        way = "back" if step < 0 else "forward"
        run.wait_until(lambda: f"the local clock was set {way}" in run.log, "nothing is logged")
        assert run.get("/-/healthy").status == 200
        assert told_skew_s(run) == pytest.approx(-step, abs=5)
        for stream, account in (("balances", "main"), ("tickers", "public"), ("trades", "main")):
            labels = f'{{account="{account}",stream="{stream}"}}'
            run.wait_for(f"onetrading_sync_success{labels}", 1)
            age_s = run.value(f"onetrading_sync_age_seconds{labels}")
            assert age_s is not None
            assert 0 <= age_s < 30
        (due,) = [s["next_due_at"] for s in run.status()["streams"] if s["stream"] == "balances"]
        due_in_s = datetime.fromisoformat(due).timestamp() - time_of_day.now()
        assert abs(due_in_s) < 30
        run.check_log()
    now = datetime.now(UTC)
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT max(upper(range)) > %(now)s - interval '3 minutes', max(upper(range)) < %(now)s"
            " FROM onetrading_sync.coverage",
            {"now": now},
        ).fetchone()
        assert found == (True, True)
        observed = connection.execute(
            "SELECT min(first_observed_at) > %(now)s - interval '10 minutes',"
            " max(last_observed_at) < %(now)s + interval '5 seconds' FROM onetrading.snapshots",
            {"now": now},
        ).fetchone()
        assert observed == (True, True)


def wait_for_polls(run: Run, exchange: Simulator, count: int) -> None:
    """Wait for so many more polls of each stream."""
    paths = ("/account/balances", "/market-ticker", "/account/trades")

    def seen(path: str) -> int:
        return sum(request.path == path for request in list(exchange.requests))

    before = {path: seen(path) for path in paths}
    run.wait_until(
        lambda: all(seen(path) >= before[path] + count for path in paths), "it does not poll"
    )


def told_skew_s(run: Run) -> float:
    """The skew that the status tells."""
    skew_s = json.loads(run.get("/api/status").body)["clock_skew_seconds"]
    assert isinstance(skew_s, float)
    return skew_s
