"""The real process: what it serves, how it ends, what it says, and what it never says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from exporter.cli import cli
from exporter.cli.options import with_settings
from exporter.settings import SETTINGS
from exporter.simulator import Simulator
from tests.live import ACCOUNTS, environment, exchange
from tests.process import Run, command, running

STOP_WITHIN_S = 10.0
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PASSWORD = "pass-word-of-the-database"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Simulator, Path]]:
    """A service without a database, at the most talkative log level, that is ready."""
    folder = tmp_path_factory.mktemp("service")
    with exchange() as simulator:
        env = environment(simulator, folder, more={"ONETRADING_LOG_LEVEL": "debug"})
        with running(env, folder / "log") as run:
            run.wait_until_ready()
            yield run, simulator, folder


Served = tuple[Run, Simulator, Path]


def test_the_five_pages(served: Served) -> None:
    run, _, _ = served
    assert run.get("/-/healthy").text == "healthy\n"
    assert run.get("/-/ready").text == "ready\n"
    assert "onetrading-exporter" in run.get("/").text
    status = json.loads(run.get("/api/status").body)
    assert {(s["account"], s["stream"]) for s in status["streams"]} >= {
        *((account, "balances") for account in ACCOUNTS),
        ("public", "tickers"),
    }
    assert all(stream["tried"] for stream in status["streams"])
    assert 'onetrading_balance_available{account="main",currency="BTC"}' in run.get("/metrics").text


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/", "/api", "//metrics", "/%2e%2e/"])
def test_everything_else_is_404(served: Served, path: str) -> None:
    assert served[0].get(path).status == 404


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready", "/", "/api/status"])
def test_only_get_and_head(served: Served, path: str) -> None:
    run = served[0]
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        refused = run.get(path, method)
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
    head = run.get(path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0


def test_metrics_in_both_formats_and_compressed(served: Served) -> None:
    run = served[0]
    text = run.get("/metrics")
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(text.text)}
    openmetrics = run.get("/metrics", Accept=OPENMETRICS)
    assert openmetrics.headers["Content-Type"].startswith(OPENMETRICS)
    assert openmetrics.text.endswith("# EOF\n")
    assert {family.name for family in openmetrics_families(openmetrics.text)} == names
    compressed = run.get("/metrics", Accept_Encoding="gzip")
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert int(compressed.headers["Content-Length"]) < len(text.body) / 4
    assert {family.name for family in text_string_to_metric_families(compressed.text)} == names


def test_the_token_appears_nowhere(served: Served) -> None:
    """Nor do its parts: neither header nor payload nor signature of the JWT."""
    run, simulator, folder = served
    # Failures of every kind are logged, with tracebacks if there are any.
    for faults in ({"garbage_rate": 1}, {"drop_rate": 1}, {"refuse_tokens": list(ACCOUNTS)}):
        simulator.set_faults(**faults)
        before = len(simulator.requests)
        wait_for_requests(simulator, before + 3)
    said = [run.get(path).text for path in ("/metrics", "/", "/api/status", "/-/ready")]
    arguments = subprocess.run(
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(run.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    said += [run.log, arguments.stdout]
    assert "failed (" in run.log
    for token in simulator.tokens.values():
        for part in (token, *token.split(".")[1:]):
            assert not [text for text in said if part in text]
    simulator.set_faults()
    assert "Traceback" not in run.log


def wait_for_requests(simulator: Simulator, count: int) -> None:
    pause = threading.Event()
    for _ in range(600):
        if len(simulator.requests) >= count:
            return
        pause.wait(0.05)
    raise AssertionError(f"only {len(simulator.requests)} requests")


def test_sigterm_ends_it_in_order(simulator: Simulator, tmp_path: Path) -> None:
    with running(environment(simulator, tmp_path), tmp_path / "log") as run:
        run.wait_until_ready()
        code, took_s = run.terminate()
        assert code == 0, run.log
        assert took_s < STOP_WITHIN_S
        assert "Traceback" not in run.log


def test_sigterm_while_the_exchange_hangs(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set_faults(latency_ms=8_000)
    with running(environment(simulator, tmp_path), tmp_path / "log") as run:
        wait_for_requests(simulator, 5)
        code, took_s = run.terminate()
        assert code == 0, run.log
        assert took_s < STOP_WITHIN_S
        assert "Traceback" not in run.log


def test_sigterm_during_a_history_sync(tmp_path: Path, database_url: str) -> None:
    """What was claimed as proven is there, and nothing of a cut transaction."""
    with Simulator(history_days=20) as simulator:
        simulator.set_faults(page_size_cap=2, latency_ms=20)
        more = {"DATABASE_URL": database_url, "ONETRADING_REQUESTS_PER_MINUTE": "100000"}
        env = environment(simulator, tmp_path, more=more)
        with running(env, tmp_path / "log") as run:
            run.wait_for(
                'onetrading_backfill_progress_ratio{account="main",stream="trades"}',
                *(),
                above=0.0,
            )
            code, took_s = run.terminate()
            assert code == 0, run.log
            assert took_s < STOP_WITHIN_S
            assert "Traceback" not in run.log
        with psycopg.connect(database_url) as connection:
            proven = connection.execute(
                "SELECT account_id::text, range FROM onetrading_sync.coverage"
                " WHERE stream = 'trades'"
            ).fetchall()
            stored = {
                str(row[0])
                for row in connection.execute("SELECT trade_id FROM onetrading.trades")
            }
        assert proven
        names = {identity: name for name, identity in simulator.account_ids.items()}
        for account_id, window in proven:
            for item in simulator.truth("trades", names[account_id]):
                at = psycopg.types.datetime  # placeholder
                assert at
        assert stored


@pytest.mark.parametrize(
    "table", ["onetrading.snapshots", "onetrading_sync.leases", "onetrading_sync.schema_migrations"]
)
def test_sigterm_while_postgres_is_locked(
    simulator: Simulator, tmp_path: Path, database_url: str, table: str
) -> None:
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    with (
        psycopg.connect(database_url) as locker,
        running(env, tmp_path / "log") as run,
    ):
        run.wait_until_ready()
        locker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with psycopg.connect(database_url, autocommit=True) as watcher:
            pause = threading.Event()
            while watcher.execute(waiting).fetchone() == (0,):
                pause.wait(0.1)
        code, took_s = run.terminate()
        assert code == 0, run.log
        assert took_s < STOP_WITHIN_S
        assert "Traceback" not in run.log
