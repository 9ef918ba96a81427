"""The service and the commands with an embedded Postgres that is slow, absent or in use."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.app import Runtime
from exporter.service import Service
from exporter.simulator import Simulator
from tests.support.embedded import held_in_recovery, server_in, value
from tests.support.postgres import postmaster_pid
from tests.support.process import Run, command, running
from tests.support.service import get
from tests.support.waiting import wait_until
from tests.support.world import environment, exchange, settings_of

BTC = 'onetrading_balance_available{account="main",currency="BTC"}'
UP = "onetrading_database_up"
EMBEDDED = {"DATABASE_URL": "embedded", "ONETRADING_STREAMS": "balances,trades"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def environment_in(simulator: Simulator, folder: Path) -> dict[str, str]:
    return environment(simulator, folder, accounts=("main",), more=EMBEDDED)


def listed(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a directory, with its size and when it changed."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (entry.st_size, entry.st_mtime_ns) for path, entry in found.items()}


def test_a_recovery_longer_than_the_start_waits_is_no_end(
    simulator: Simulator, open_path: Path
) -> None:
    settings = settings_of(simulator, open_path, ("main",), EMBEDDED)
    with server_in(settings.data_dir) as server:
        server.ensure()
    before = sys.getswitchinterval()
    service = Service(settings, Runtime(embedded_wait_s=0.2))
    app = service.app
    assert app.database is not None
    assert app.leases is not None
    try:
        with held_in_recovery(settings.data_dir):
            service.start()
            wait_until(lambda: app.database is not None and app.database.tried)
            wait_until(lambda: app.database is not None and "recovery" in app.database.away.why)
            # Responses wait on disk, and are shown.
            wait_until(lambda: len(app.spool) > 0)
            wait_until(lambda: BTC in get(f"http://127.0.0.1:{service.server.port}", "/metrics"))
            assert not app.database.up
        wait_until(lambda: app.database is not None and app.database.up)
        wait_until(lambda: app.leases is not None and app.leases.leading)
        assert app.embedded is not None
        url = app.embedded.ensure()
        wait_until(lambda: value(url, "SELECT count(*) FROM onetrading.balances"))
        wait_until(lambda: value(url, "SELECT count(*) FROM onetrading_sync.coverage"))
        wait_until(lambda: len(app.spool) == 0)
    finally:
        service.stop()
        sys.setswitchinterval(before)


def test_sigterm_during_a_recovery(simulator: Simulator, open_path: Path) -> None:
    """It stays healthy, but is not ready, and ends in time; the server is not ended by force."""
    env = environment_in(simulator, open_path)
    with server_in(open_path / "data") as server:
        server.ensure()
    with held_in_recovery(open_path / "data"), running(env, open_path / "log") as run:
        run.wait_until(lambda: run.value(BTC) is not None, "the balance is not shown")
        run.wait_until(lambda: "replays its log" in run.log, "the recovery is not told")
        assert run.value(UP) == 0
        assert run.get("/-/healthy").status == 200
        assert run.get("/-/ready").status == 503
        code, took_s = run.terminate()
        assert code == 0, run.log
        assert took_s < 20
        run.check_log()
    assert "immediate shutdown" not in (open_path / "data" / "postgres.log").read_text()
    with running(env, open_path / "log") as run:
        run.wait_for(UP, 1)
        run.wait_until_ready()


def test_sigterm_while_the_server_is_suspended(simulator: Simulator, open_path: Path) -> None:
    env = environment_in(simulator, open_path)
    with running(env, open_path / "log") as run:
        run.wait_for(UP, 1)
        pid = postmaster_pid(open_path / "data")
        os.kill(pid, signal.SIGSTOP)
        try:
            code, took_s = run.terminate()
        finally:
            os.kill(pid, signal.SIGCONT)
        assert code == 0, run.log
        assert took_s < 24
        run.check_log()


def test_looking_creates_nothing(simulator: Simulator, open_path: Path) -> None:
    """No cluster, no directory; what is missing is said."""
    env = environment_in(simulator, open_path)
    checked = command("check", env=env)
    assert "OK   database: embedded Postgres" in checked.stdout
    assert "none yet" in checked.stdout
    for name in ("status", "gaps"):
        looked = command(name, env=env)
        assert (looked.returncode, looked.stdout) == (1, "")
        assert looked.stderr.startswith(f"error: there is no database in {open_path / 'data'} yet")
    assert not (open_path / "data").exists()


def test_check_starts_no_server(simulator: Simulator, open_path: Path) -> None:
    env = environment_in(simulator, open_path)
    assert command("migrate", env=env).returncode == 0
    before = listed(open_path / "data")
    checked = command("check", env=env)
    assert "not running: `run` starts it" in checked.stdout
    assert listed(open_path / "data") == before
    (open_path / "data" / "postgres" / "PG_VERSION").write_text("9\n")
    assert "FAIL database: " in command("check", env=env).stdout


def test_looking_at_a_database_without_our_schema_makes_none(empty_database_url: str) -> None:
    for name in ("status", "gaps"):
        looked = command(name, env={"DATABASE_URL": empty_database_url})
        assert looked.returncode == 1
        assert "`migrate`" in looked.stderr.splitlines()[-1]
    query = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'onetrading%'"
    assert value(empty_database_url, query) == 0


def test_commands_beside_a_running_service_leave_its_server_alone(
    simulator: Simulator, open_path: Path
) -> None:
    env = environment_in(simulator, open_path)
    with running(env, open_path / "log") as run:
        run.wait_for(UP, 1)
        run.wait_until_ready()
        pid = postmaster_pid(open_path / "data")
        for name in ("check", "status", "gaps", "sync", "migrate"):
            beside = command(name, env=env)
            assert "error: " not in beside.stderr, (name, beside.stderr)
            assert name == "check" or beside.returncode == 0, (name, beside.stderr)
        assert "OK   database: schema current" in command("check", env=env).stdout
        assert postmaster_pid(open_path / "data") == pid
        assert run.value(UP) == 1
        assert "lost the connection" not in run.log
        refuse_a_second_on_the_same_port(env, run, open_path)
        assert run.terminate()[0] == 0


def refuse_a_second_on_the_same_port(env: dict[str, str], run: Run, folder: Path) -> None:
    """It ends before it touches anything."""
    address = run.base.removeprefix("http://")
    before = (folder / "data" / "postgres.lock").read_text()
    began = time.monotonic()
    second = command("run", env=env | {"ONETRADING_LISTEN": address})
    assert second.returncode == 2
    assert f"ONETRADING_LISTEN: cannot listen on {address}" in second.stderr
    assert time.monotonic() - began < 30
    assert (folder / "data" / "postgres.lock").read_text() == before
    assert run.value(UP) == 1
