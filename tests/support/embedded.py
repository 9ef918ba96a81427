"""Data directories of the embedded Postgres: other processes that use one, and slow recoveries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from exporter.store.embedded import EmbeddedPostgres
from tests.support.postgres import THROWAWAY, open_directory, postmaster_pid
from tests.support.process import ROOT

# Another process that uses a data directory until it is killed or its input ends.
OTHER_PROCESS = """
import sys
from pathlib import Path
from exporter.store.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), settings={"fsync": "off"}) as server:
    print(server.ensure(), flush=True)
    sys.stdin.read()
"""


def server_in(data_dir: Path) -> EmbeddedPostgres:
    """The server of a data directory; what it stores need not survive a power failure."""
    return EmbeddedPostgres(data_dir, settings=THROWAWAY)


@contextmanager
def kept_cluster() -> Iterator[Path]:
    """A data directory whose cluster has a table ``kept`` with one row; its server is stopped."""
    with open_directory() as parent_directory:
        directory = parent_directory / "data"
        with server_in(directory) as server:
            execute(server.ensure(), "CREATE TABLE kept AS SELECT 42 AS answer")
        yield directory


def other_process(
    data_dir: Path, prefix: tuple[str, ...] = (), env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A process that starts the server, prints its URL, and runs until its input ends."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", OTHER_PROCESS, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def first_line(process: subprocess.Popen[str]) -> str:
    """What a process prints first."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def execute(url: str, statement: str) -> None:
    """Run a statement."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def value(url: str, query: str) -> object:
    """The only value that a query returns."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def user_of(pid: int) -> int:
    """The effective user id of a process."""
    return int(_status(pid)["Uid"].split()[1])


def capabilities_of(pid: int) -> int:
    """The effective capabilities of a process, as a bit set."""
    return int(_status(pid)["CapEff"].strip(), 16)


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


@contextmanager
def held_in_recovery(data_dir: Path) -> Iterator[None]:
    """Crash a server. The next start lasts until the end of the block: it waits for an archive."""
    with server_in(data_dir) as server:
        server.ensure()
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
    cluster = data_dir / "postgres"
    owner = cluster.stat()
    hold, wanted = data_dir.parent / "hold", cluster / "recovery.signal"
    hold.touch()
    wanted.touch()
    os.chown(wanted, owner.st_uid, owner.st_gid)
    with (cluster / "postgresql.auto.conf").open("a") as file:
        file.write(f"restore_command = 'while [ -e {hold} ]; do sleep 0.05; done; false'\n")
    try:
        yield
    finally:
        hold.unlink()
