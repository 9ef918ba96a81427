"""SIGTERM ends the real process in order, whatever it is waiting for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.simulator import Simulator
from tests.support.postgres import wait_for_a_lock
from tests.support.process import process_environment, running
from tests.support.world import environment, exchange, wait_for_requests

STOP_WITHIN_S = 20.0
"""Ten by its own timers; the machine may be busy with other tests."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def test_sigterm_ends_it_in_order(simulator: Simulator, tmp_path: Path) -> None:
    with running(environment(simulator, tmp_path), tmp_path / "log") as run:
        run.wait_until_ready()
        code, took_s = run.terminate()
        assert code == 0, run.log
        assert took_s < STOP_WITHIN_S
        run.check_log()


_WAITS = """
import signal, threading, time
from exporter.signals import catch_signals

stop = threading.Event()
catch_signals(stop)

def elsewhere():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=elsewhere).start()
stop.wait()
"""


def test_a_signal_counts_though_the_main_thread_waits_and_sees_nothing_of_it() -> None:
    """As when it comes in the instant before the main thread begins to wait."""
    program = [sys.executable, "-c", _WAITS]
    subprocess.run(program, env=process_environment({}), timeout=10, check=True)


def test_sigterm_while_the_exchange_hangs(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set_faults(latency_ms=8_000)
    with running(environment(simulator, tmp_path), tmp_path / "log") as run:
        wait_for_requests(simulator, 5)
        code, took_s = run.terminate()
        assert code == 0, run.log
        assert took_s < STOP_WITHIN_S
        run.check_log()


def test_sigterm_during_a_history_sync(tmp_path: Path, database_url: str) -> None:
    """What is claimed as proven is there; nothing of a transaction that was cut is."""
    progress = 'onetrading_backfill_progress_ratio{account="main",stream="trades"}'
    with Simulator(history_days=20) as simulator:
        simulator.set_faults(page_size_cap=2, latency_ms=20)
        main = simulator.account_ids["main"]
        more = {
            "DATABASE_URL": database_url,
            "ONETRADING_REQUESTS_PER_MINUTE": "100000",
            "ONETRADING_STREAMS": "balances,trades",
        }
        with running(environment(simulator, tmp_path, more=more), tmp_path / "log") as run:
            run.wait_until(lambda: (run.value(progress) or 0) > 0)
            so_far = simulator.truth("trades", "main")
            run.wait_until(lambda: proven_trades(database_url, main, so_far)[0] >= 10)
            code, took_s = run.terminate()
            assert code == 0, run.log
            assert took_s < STOP_WITHIN_S
            run.check_log()
        simulator.set_faults()
        for name, account_id in simulator.account_ids.items():
            truth = simulator.truth("trades", name)
            proven, stored = proven_trades(database_url, account_id, truth)
            assert proven == stored
            # Of the other accounts, with fewer trades, none or all may be proven by now.
            assert name != "main" or 10 <= proven < len(truth)


def proven_trades(database_url: str, account_id: str, truth: list[Any]) -> tuple[int, int]:
    """How many trades of an account lie in ranges proven complete; how many of these are stored."""
    with psycopg.connect(database_url) as connection:
        parameters = {
            "account": account_id,
            "ids": [item["trade"]["trade_id"] for item in truth],
            "at": [item["trade"]["time"] for item in truth],
        }
        row = connection.execute(
            "SELECT count(*), count(trade_id) FROM unnest(%(ids)s::uuid[], %(at)s::timestamptz[])"
            " AS truth (id, at) JOIN onetrading_sync.coverage AS proven ON proven.range @> at"
            " AND proven.stream = 'trades' AND proven.account_id = %(account)s"
            " LEFT JOIN onetrading.trades ON trade_id = id",
            parameters,
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


@pytest.mark.parametrize("table", ["onetrading.snapshots", "onetrading_sync.leases"])
def test_sigterm_while_postgres_is_locked(
    simulator: Simulator, tmp_path: Path, database_url: str, table: str
) -> None:
    """Even so the gauges move: `sync_success` would be 0, and values withdrawn, otherwise."""
    more = {"DATABASE_URL": database_url, "ONETRADING_INTERVAL_BALANCES": "1s"}
    env = environment(simulator, tmp_path, more=more)
    with psycopg.connect(database_url) as locker, running(env, tmp_path / "log") as run:
        run.wait_until_ready()
        locker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        simulator.override_balance("main", "BTC", available="7")
        run.wait_for('onetrading_balance_available{account="main",currency="BTC"}', 7)
        wait_for_a_lock(database_url)
        code, took_s = run.terminate()
        assert code == 0, run.log
        assert took_s < STOP_WITHIN_S
        run.check_log()


def test_sigterm_while_a_start_waits_for_the_schema(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """Live gauges do not wait for it, and nor does the end."""
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    with psycopg.connect(database_url) as locker:
        locker.execute("LOCK TABLE onetrading_sync.schema_migrations IN ACCESS EXCLUSIVE MODE")
        with running(env, tmp_path / "log") as run:
            run.wait_for('onetrading_sync_success{account="main",stream="balances"}', 1)
            assert run.get("/-/ready").status == 503
            code, took_s = run.terminate()
            assert code == 0, run.log
            assert took_s < STOP_WITHIN_S
            run.check_log()
