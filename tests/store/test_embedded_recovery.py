"""An embedded Postgres that takes long to start, or dies while it starts."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.model.errors import DatabaseError, Stopping
from exporter.store.embedded import EmbeddedPostgres
from tests.support.embedded import alive, held_in_recovery, kept_cluster, server_in, value
from tests.support.postgres import postmaster_pid
from tests.support.process import finished
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """A data directory whose cluster has a table with one row; no server was ever killed in it."""
    with kept_cluster() as directory:
        yield directory


@pytest.fixture
def data_dir(prepared: Path, open_path: Path) -> Iterator[Path]:
    """A copy of it."""
    directory = open_path / "data"
    assert finished("cp", "-a", prepared, directory).returncode == 0
    yield directory
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(postmaster_pid(directory), signal.SIGKILL)


def wait_until_in_recovery(server: EmbeddedPostgres) -> None:
    """Callers are told so while the server starts."""
    wait_until(lambda: "in recovery" in why_not(server), lambda: why_not(server))


def why_not(server: EmbeddedPostgres) -> str:
    with pytest.raises(DatabaseError) as error:
        server.ensure(0.05)
    return str(error.value)


def log_of(data_dir: Path) -> str:
    return (data_dir / "postgres.log").read_text()


def test_a_recovery_is_waited_for_and_told(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with server_in(data_dir) as server:
        with held_in_recovery(data_dir), caplog.at_level(logging.WARNING):
            wait_until_in_recovery(server)
            pid = postmaster_pid(data_dir)
            wait_until(lambda: "in recovery after a crash" in caplog.text)
            assert str(data_dir / "postgres.log") in caplog.text
            assert why_not(server) == why_not(server)
            assert postmaster_pid(data_dir) == pid
        assert value(server.ensure(), "SELECT answer FROM kept") == 42
        assert postmaster_pid(data_dir) == pid
    # Asking it while it recovers would have been a line for each try.
    assert "the database system is starting up" not in log_of(data_dir)


def test_stopping_ends_the_waiting_and_no_recovery_by_force(data_dir: Path) -> None:
    server = server_in(data_dir)
    with held_in_recovery(data_dir):
        wait_until_in_recovery(server)
        pid = postmaster_pid(data_dir)
        server.stop()
        assert not alive(pid)
    assert "received fast shutdown request" in log_of(data_dir)
    assert "immediate shutdown" not in log_of(data_dir)
    with pytest.raises(Stopping):
        server.ensure()
    with server_in(data_dir) as again:
        assert value(again.ensure(), "SELECT answer FROM kept") == 42


def test_a_suspended_server_is_left_to_end_by_itself(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It keeps the lock, and the next start waits for it."""
    server = server_in(data_dir)
    with held_in_recovery(data_dir):
        wait_until_in_recovery(server)
        pid = postmaster_pid(data_dir)
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        assert alive(pid)
        assert "left to end by itself" in caplog.text
    with server_in(data_dir) as after:
        assert "another process" in why_not(after)
        assert alive(pid)
        os.kill(pid, signal.SIGCONT)
        assert value(after.ensure(), "SELECT answer FROM kept") == 42
        assert postmaster_pid(data_dir) != pid
    assert "immediate shutdown" not in log_of(data_dir)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_dies_while_it_starts_is_started_again(
    data_dir: Path, number: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    with server_in(data_dir) as server:
        with held_in_recovery(data_dir), caplog.at_level(logging.WARNING):
            wait_until_in_recovery(server)
            os.kill(postmaster_pid(data_dir), number)
            wait_until(lambda: "ended while it started" in caplog.text)
            assert "trying again" in caplog.text
        assert value(server.ensure(), "SELECT answer FROM kept") == 42


def test_what_a_killed_server_left_does_not_stop_the_next_one(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its process id is that of another program of the same user by now."""
    owner = (data_dir / "postgres").stat()
    stale = data_dir / "postgres" / "postmaster.pid"
    sleeper = os.posix_spawn(
        "/usr/bin/setpriv",
        ["setpriv", f"--reuid={owner.st_uid}", "--clear-groups", "sleep", "600"]
        if os.geteuid() == 0
        else ["setpriv", "sleep", "600"],
        os.environ,
    )
    try:
        wait_until(lambda: Path(f"/proc/{sleeper}/comm").read_text() == "sleep\n")
        stale.write_text(f"{sleeper}\n{data_dir / 'postgres'}\n1\n5432\n\n\n  1 1\nready   \n")
        os.chown(stale, owner.st_uid, owner.st_gid)
        with server_in(data_dir) as server:
            assert value(server.ensure(), "SELECT answer FROM kept") == 42
    finally:
        os.kill(sleeper, signal.SIGKILL)
        os.waitpid(sleeper, 0)
    assert "removed postmaster.pid" in caplog.text
