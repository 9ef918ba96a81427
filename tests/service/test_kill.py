"""The process is killed with SIGKILL at any moment, again and again; Postgres never lies."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest

from exporter.simulator import AccountSpec, Simulator
from tests.support.facts import (
    Connection,
    broken_claims,
    count,
    coverage,
    recounted,
    stored,
    totals,
    truth,
    unproven,
)
from tests.support.fork_server import Process, start
from tests.support.process import process_environment
from tests.support.simulator_client import NOW
from tests.support.sync_app import environment, exchange
from tests.support.waiting import wait_until

KILLS = 30
STEP = timedelta(hours=5)
STREAMS = ("trades", "funding_payments")


@contextmanager
def started(command: str, environ: Mapping[str, str], log: Path) -> Iterator[Process]:
    """The real program, in a process of its own that does not outlive the test."""
    with log.open("wb") as output:
        process = start(command, env=process_environment(environ), stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def killed_at(process: Process, simulator: Simulator, random: Random) -> bool:
    """Kill the process after some of its requests, or while it starts; False: it was done."""
    first = len(simulator.requests)
    wanted = random.choice((0, 1, 2, *range(3, 27)))
    until = time.monotonic() + random.uniform(0, 0.5) + (30 if wanted else 0)
    while process.poll() is None and time.monotonic() < until:
        if wanted and len(simulator.requests) - first >= wanted:
            time.sleep(random.uniform(0, 0.02))
            break
        time.sleep(0.001)
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    process.wait()
    return process.returncode == -signal.SIGKILL


def assert_true(connection: Connection, simulator: Simulator) -> None:
    """No claim without its rows, no row that the exchange does not know, counters that fit."""
    facts = truth(simulator, STREAMS)
    assert broken_claims(connection, facts, simulator.now) == []
    kept = stored(connection, STREAMS)
    assert {key: fact for key, fact in kept.items() if facts.get(key) != fact} == {}
    assert count(connection, "SELECT count(*) FROM onetrading.trades") == sum(
        key[1] == "trades" for key in kept
    )
    assert totals(connection) == recounted(connection)


@pytest.mark.timeout(400)
def test_thirty_kills_lose_and_double_nothing(database_url: str, tmp_path: Path) -> None:
    random = Random(9)  # noqa: S311  not for secrets
    log = tmp_path / "log"
    accounts = (AccountSpec("main", trades_per_day=900),)
    with (
        exchange(days=8, accounts=accounts, seed=3) as simulator,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        simulator.set_faults(page_size_cap=20, latency_ms=4, jitter_ms=4)
        environ = environment(
            simulator, database_url, tmp_path, ONETRADING_STREAMS=",".join(STREAMS)
        )
        start, kills, at_work = NOW - STEP, 0, 0
        while kills < KILLS:
            environ["ONETRADING_HISTORY_START"] = start.isoformat()
            asked = len(simulator.requests)
            with started("sync", environ, log) as process:
                if killed_at(process, simulator, random):
                    kills += 1
                    at_work += len(simulator.requests) > asked
                else:
                    assert process.returncode == 0, log.read_text()
            assert_true(connection, simulator)
            # Older history is wanted each time, and new rows have come.
            start -= STEP
            simulator.advance(random.choice((0, 60, 1_800, 7_200)))
            assert start > NOW - timedelta(days=8)
        assert at_work > KILLS // 2
        simulator.set_faults()
        with started("sync", environ, log) as process:
            assert process.wait(60) == 0
        assert_true(connection, simulator)
        first = int((start + STEP).timestamp() * 1_000_000)
        expected = {k: f for k, f in truth(simulator, STREAMS).items() if f.micros >= first}
        kept = stored(connection, STREAMS)
        settled = simulator.now - timedelta(minutes=4)
        assert unproven(connection, start + STEP, settled) == []
        assert kept == expected
        assert len(coverage(connection)) == len(STREAMS)


@pytest.mark.parametrize("kills", [3])
def test_a_killed_service_is_the_writer_again_at_once(
    kills: int, database_url: str, tmp_path: Path
) -> None:
    """Its lease would last for 30 s more, but its connection is gone."""
    with (
        exchange(days=1, accounts=(AccountSpec("main"),)) as simulator,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        environ = environment(
            simulator, database_url, tmp_path, ONETRADING_STREAMS="trades,balances"
        )
        epochs = []
        for _ in range(kills + 1):
            # Something that only a writer can store.
            simulator.advance(3_600)
            with started("run", environ, tmp_path / "log") as process:
                wait_until(lambda: _stored_all(connection, simulator), "it stores nothing")
                holder, epoch = _lease(connection)
                assert f":{process.pid}:" in holder
                epochs.append(epoch)
        assert epochs == list(range(1, kills + 2))
        assert totals(connection) == recounted(connection)


def _stored_all(connection: Connection, simulator: Simulator) -> bool:
    newest = max(fact.micros for fact in truth(simulator, ("trades",)).values())
    stand = [end for _, stream, _, _, end in coverage(connection) if stream == "trades"]
    kept = stored(connection, ("trades",))
    return bool(kept and stand) and max(fact.micros for fact in kept.values()) == newest


def _lease(connection: Connection) -> tuple[str, int]:
    row = connection.execute("SELECT holder, epoch FROM onetrading_sync.leases").fetchone()
    assert row is not None
    return str(row[0]), int(row[1])
