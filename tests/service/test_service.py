"""The real process: what it serves, how it ends, what it says, and what it never says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from exporter.cli import cli
from exporter.settings import SETTINGS
from exporter.simulator import Simulator
from tests.support.expositions import openmetrics_families, text_families
from tests.support.ports import unused_port
from tests.support.postgres import wait_for_a_lock
from tests.support.process import ROOT, Run, command, process_environment, running
from tests.support.waiting import wait_until
from tests.support.world import ACCOUNTS, environment, exchange

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
        quick = {f"ONETRADING_INTERVAL_{name}": "500ms" for name in ("BALANCES", "TICKERS")}
        env = environment(simulator, folder, more=quick | {"ONETRADING_LOG_LEVEL": "debug"})
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
    names = {family.name for family in text_families(text.text)}
    openmetrics = run.get("/metrics", Accept=OPENMETRICS)
    assert openmetrics.headers["Content-Type"].startswith(OPENMETRICS)
    assert openmetrics.text.endswith("# EOF\n")
    assert {family.name for family in openmetrics_families(openmetrics.text)} == names
    compressed = run.get("/metrics", Accept_Encoding="gzip")
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert int(compressed.headers["Content-Length"]) < len(text.body) / 4
    assert {family.name for family in text_families(compressed.text)} == names


def test_the_token_appears_nowhere(served: Served) -> None:
    """Nor do its parts: neither header nor payload nor signature of the JWT."""
    run, simulator, _ = served
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
    run.check_log()


def wait_for_requests(simulator: Simulator, count: int) -> None:
    wait_until(lambda: len(simulator.requests) >= count, "it does not ask")


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
        more = {
            "DATABASE_URL": database_url,
            "ONETRADING_REQUESTS_PER_MINUTE": "100000",
            "ONETRADING_STREAMS": "balances,trades",
        }
        with running(environment(simulator, tmp_path, more=more), tmp_path / "log") as run:
            run.wait_until(lambda: 0 < (run.value(progress) or 0) < 1)
            code, took_s = run.terminate()
            assert code == 0, run.log
            assert took_s < STOP_WITHIN_S
            run.check_log()
        simulator.set_faults()
        for name, account_id in simulator.account_ids.items():
            truth = simulator.truth("trades", name)
            assert proven_trades_are_there(database_url, account_id, truth)


def proven_trades_are_there(database_url: str, account_id: str, truth: list[Any]) -> bool:
    """Whether some, not all, is proven of an account, and all that is proven is stored."""
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
    proven, stored = row
    assert proven == stored
    return 0 < int(proven) < len(truth)


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


BAD = {
    "ONETRADING_BASE_URL": "ftp://example.org",
    "ONETRADING_API_TOKEN": "a secret token",
    "DATABASE_URL": f"mysql://user:{PASSWORD}@localhost/database",
    "ONETRADING_LISTEN": "nowhere",
    "ONETRADING_INTERVAL_BALANCES": "-5s",
    "ONETRADING_STREAMS": "balanes",
    "ONETRADING_REQUESTS_PER_MINUTE": "many",
    "ONETRADING_LOG_LEVEL": "loud",
}


@pytest.mark.parametrize("name", ["run", "migrate"])
def test_bad_settings_are_told_all_at_once(name: str) -> None:
    ended = command(name, env=BAD)
    assert ended.returncode == 2
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert [key for key in BAD if not [line for line in lines if key in line]] == []
    for secret in ("secret token", PASSWORD):
        assert secret not in ended.stderr


def test_a_taken_port_is_told(simulator: Simulator, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        more = {"ONETRADING_LISTEN": f"127.0.0.1:{port}"}
        ended = command("run", env=environment(simulator, tmp_path, more=more))
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"error: ONETRADING_LISTEN: cannot listen on 127.0.0.1:{port}")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["nothing"], ["run", "--nothing"], ["backfill"]])
def test_bad_usage_is_2(arguments: list[str]) -> None:
    ended = command(*arguments)
    assert ended.returncode == 2
    assert "Usage:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_migrate(empty_database_url: str) -> None:
    env = {"DATABASE_URL": empty_database_url}
    pending = command("migrate", "--check", env=env)
    assert pending.returncode == 3
    names = re.findall(r"^pending: (.+)$", pending.stdout, re.MULTILINE)
    assert names == sorted(path.stem for path in (ROOT / "migrations").glob("*.sql"))
    printed = command("migrate", "--print", env=env)
    assert printed.returncode == 0
    assert [name for name in names if f"-- {name}\n" not in printed.stdout] == []
    applied = command("migrate", env=env)
    assert applied.returncode == 0
    assert re.findall(r"^applied: (.+)$", applied.stdout, re.MULTILINE) == names
    assert command("migrate", "--check", env=env).returncode == 0
    again = command("migrate", env=env)
    assert (again.returncode, again.stdout) == (0, "the schema is current\n")


def test_looking_at_migrations_makes_no_embedded_postgres(tmp_path: Path) -> None:
    data = tmp_path / "data"
    env = {"DATABASE_URL": "embedded", "ONETRADING_DATA_DIR": str(data)}
    pending = command("migrate", "--check", env=env)
    assert (pending.returncode, pending.stdout[:9]) == (3, "pending: ")
    printed = command("migrate", "--print", env=env)
    assert printed.returncode == 0
    assert "CREATE SCHEMA" in printed.stdout
    assert not data.exists()


def test_what_migrate_prints_does_the_same_by_hand(empty_database_url: str) -> None:
    env = {"DATABASE_URL": empty_database_url}
    printed = command("migrate", "--print", env=env).stdout
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(printed.encode())
    assert command("migrate", "--check", env=env).returncode == 0


def test_a_database_that_is_away_or_none(tmp_path: Path) -> None:
    url = f"postgresql://user:{PASSWORD}@127.0.0.1:1/nothing"
    env = {"DATABASE_URL": url, "ONETRADING_DATA_DIR": str(tmp_path)}
    said = []
    for name in ("migrate", "status"):
        away = command(name, env=env)
        assert away.returncode == 1
        assert "error: Postgres " in away.stderr
        none = command(name, env=env | {"DATABASE_URL": "none"})
        assert none.returncode == 2
        assert none.stderr.splitlines()[-1].startswith("error: DATABASE_URL is none")
        said += [away.stderr, none.stderr]
    assert not [text for text in said if PASSWORD in text or "Traceback" in text]


def test_check(simulator: Simulator, tmp_path: Path, database_url: str) -> None:
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    # The simulator stands still in March; its clock cannot agree with ours.
    good = command("check", env=env)
    lines = good.stdout.splitlines()
    assert [line for line in lines if not re.match(r"(OK  |FAIL) .+: .+", line)] == []
    assert [line for line in lines if line.startswith("FAIL")] == [
        line for line in lines if line.startswith("FAIL clock: ")
    ]
    assert good.returncode == 1
    said = [
        "configuration: 3 accounts",
        f"exchange: {simulator.base_url}",
        "token of main for balances: permitted",
        "token of spot for positions: not permitted, as expected for an account without futures",
        "database: schema current",
    ]
    assert [text for text in said if f"OK   {text}" not in lines] == []
    assert [line for line in lines if line.startswith("OK   budget of main: ")]

    (tmp_path / "main").write_text("an.expired.token")
    bad = command("check", env=env | {"DATABASE_URL": "postgresql://u@127.0.0.1:1/nothing"})
    assert bad.returncode == 1
    lines = bad.stdout.splitlines()
    assert [line for line in lines if not re.match(r"(OK  |FAIL) .+: .+", line)] == []
    failed = [line for line in lines if line.startswith("FAIL")]
    assert [line for line in failed if line.startswith("FAIL token of main for balances: ")]
    assert [line for line in failed if line.startswith("FAIL database: Postgres ")]
    assert not [line for line in failed if "hedge" in line]
    for text in (good.stdout, good.stderr, bad.stdout, bad.stderr):
        assert "Traceback" not in text
        assert "an.expired.token" not in text
        assert not [token for token in simulator.tokens.values() if token in text]


def test_check_with_a_good_clock(tmp_path: Path) -> None:
    with Simulator(history_days=1) as simulator:
        good = command("check", env=environment(simulator, tmp_path))
    assert good.returncode == 0, good.stdout
    assert {line[:5] for line in good.stdout.splitlines()} == {"OK   "}
    assert "OK   database: none: metrics only" in good.stdout


def test_health(served: Served) -> None:
    address = served[0].base.removeprefix("http://")
    good = command("health", env={"ONETRADING_LISTEN": address, "DATABASE_URL": "none"})
    assert (good.returncode, good.stdout) == (0, "healthy\n")
    free = unused_port()
    bad = command("health", env={"ONETRADING_LISTEN": f"127.0.0.1:{free}"})
    assert bad.returncode == 1
    assert bad.stderr.startswith(f"not healthy: http://127.0.0.1:{free}/-/healthy: ")
    assert "Traceback" not in bad.stderr


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_help_shows_every_option_with_its_environment_twin_and_default(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    options = [o for o in cli.commands[name].params if isinstance(o, click.Option)]
    assert options
    for option in options:
        assert option.opts[0] in text
        assert option.help, option.opts[0]
        if isinstance(option.envvar, str):
            start = text.index(f"[env var: {option.envvar}; default: ")
            assert text[start:].partition("]")[0].partition("default: ")[2]
    if name not in ("demo", "simulate"):
        twins = {option.envvar for option in options}
        in_environment_only = text.partition("Set in the environment or the file only: ")[2]
        for setting in SETTINGS:
            assert setting.name in twins or setting.name in in_environment_only


def test_what_is_odd_in_postgres_is_shown(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """Quarantine, drift and changed facts are Postgres's own: another process wrote these."""
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    only = ("--stream", "trades", "--account", "main")
    command("sync", *only, env=env)
    simulator.set_faults(bad_record_rate=0.2, unknown_fields=True, changed_rate=0.2)
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM onetrading_sync.coverage")
    command("sync", *only, env=env)
    simulator.set_faults()
    with psycopg.connect(database_url) as connection:
        stored = {
            table: connection.execute(
                sql.SQL("SELECT count(*) FROM onetrading_sync.{}").format(sql.Identifier(table))
            ).fetchone()
            for table in ("rejects", "drift", "issues")
        }
    assert all(row is not None and row[0] > 0 for row in stored.values()), stored
    shown = {
        "rejects": "onetrading_rejects_open",
        "drift": "onetrading_drift_total",
        "issues": "onetrading_facts_changed_total",
    }
    with running(env | {"ONETRADING_STREAMS": "balances,trades"}, tmp_path / "log") as run:
        for table, metric in shown.items():
            row = stored[table]
            assert row is not None
            run.wait_for(f'{metric}{{account="main",stream="trades"}}', row[0])
            assert run.value(f'{metric}{{account="main",stream="balances"}}') == 0


def test_the_log_of_walks_is_kept_for_90_days(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO onetrading_sync.runs (account_id, stream, scope, lane, started_at)"
            " SELECT gen_random_uuid(), 'trades', '', 'tail', now() - make_interval(days => age)"
            " FROM unnest(ARRAY[89, 91, 400]) age"
        )
        old = "SELECT extract(days FROM now() - started_at)::int FROM onetrading_sync.runs"
        old += " WHERE started_at < now() - interval '1 day'"
        with running(env | {"ONETRADING_STREAMS": "balances"}, tmp_path / "log"):
            wait_until(lambda: connection.execute(old.encode()).fetchall() == [(89,)])
