"""A primary is killed and its replica promoted under two services, who share the accounts:
`python -m tests.soak.promotion`.

The replica is synchronous: what was acknowledged is there. Tells after how long Postgres is used
again, and exits with 1 when an account is led by two at any time, or by nobody afterwards; what is
stored is not compared. Needs Debian's postgresql.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from exporter.simulator import AccountSpec, Simulator
from tests.soak.__main__ import environment
from tests.support.ports import unused_port
from tests.support.postgres import PostgresServer, open_directory
from tests.support.process import Run, running
from tests.support.waiting import wait_until

ACCOUNTS = (AccountSpec("main", trades_per_day=500), AccountSpec("hedge", trades_per_day=500))
_OUTAGE_S = 5.0
_LEADER = 'onetrading_exporter_leader{{account="{}"}}'
_NAMES = (*(account.name for account in ACCOUNTS), "public")


class Cluster:
    """A server with plain trust on the loopback interface, run by the user `postgres` for root."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.port = folder, unused_port()
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None

    def program(self, name: str, *arguments: object) -> None:
        """Run one of Postgres' own programs."""
        subprocess.run([*self._command(name), *map(str, arguments)], check=True)

    def start(self, *settings: str) -> None:
        """Start it; ``settings``: name=value."""
        given = [f"port={self.port}", "unix_socket_directories=", *settings]
        options = [part for setting in given for part in ("-c", setting)]
        self._process = subprocess.Popen(
            [*self._command("postgres"), "-D", self.folder, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._accepts, "Postgres does not start")

    def kill(self) -> None:
        """Like a power failure."""
        postmaster = int((self.folder / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """End its sessions, and it."""
        if self._process is not None and self._process.poll() is None:
            self.program("pg_ctl", "stop", "-D", self.folder, "-m", "immediate")
            self.wait()

    def wait(self) -> None:
        """Until it has ended."""
        if self._process is not None:
            self._process.wait(30)

    def url(self, database: str = "postgres") -> str:
        """As its superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _command(self, name: str) -> list[str]:
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return [*user, str(self._programs / name)]

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True


@contextmanager
def replicated(folder: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """A primary, and a replica of it that confirms each transaction."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    primary, replica = Cluster(folder / "primary", programs), Cluster(folder / "replica", programs)
    try:
        primary.program(
            "initdb", "-D", primary.folder, "-U", "postgres", "-A", "trust", "-E", "UTF8"
        )
        primary.start()
        source = f"host=127.0.0.1 port={primary.port} user=postgres"
        replica.program("pg_basebackup", "-D", replica.folder, "-d", source, "-R", "-X", "stream")
        primary.stop()
        primary.start("synchronous_standby_names=*")
        replica.start()
        with psycopg.connect(primary.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE onetrading")
        yield primary, replica
    finally:
        replica.stop()
        primary.stop()


def leaders(runs: list[Run]) -> dict[str, list[int]]:
    """Which of the services say that they lead each account."""
    return {
        name: [n for n, run in enumerate(runs) if run.value(_LEADER.format(name)) == 1]
        for name in _NAMES
    }


def main() -> None:
    """Print what happens and how long it takes."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_directory())
        primary, replica = stack.enter_context(replicated(folder))
        simulator = stack.enter_context(Simulator(history_days=1, accounts=ACCOUNTS))
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{replica.port}"
        server = PostgresServer(folder / "unused")
        server.url = f"postgresql://postgres@{hosts}/onetrading?target_session_attrs=read-write"
        runs = []
        services = folder / "services"
        services.mkdir()
        for name in ("first", "second"):
            (services / name).mkdir()
            given = environment(simulator, server, services / name)
            runs.append(stack.enter_context(running(given, services / f"{name}.log")))
        problems = promote(primary, replica, runs)
        for run in runs:
            run.terminate()
    for problem in problems:
        print(f"FAIL {problem}")
    print("PASS" if not problems else f"{len(problems)} problems")
    raise SystemExit(1 if problems else 0)


def promote(primary: Cluster, replica: Cluster, runs: list[Run]) -> list[str]:
    """Kill the one, promote the other; what is wrong with who leads."""
    wait_until(
        lambda: all(len(found) == 1 for found in leaders(runs).values()),
        lambda: f"not every account is led by one: {leaders(runs)}",
    )
    time.sleep(20)
    before = leaders(runs)
    print(f"led by: {before}", flush=True)
    primary.kill()
    time.sleep(_OUTAGE_S)
    during = leaders(runs)
    replica.program("pg_ctl", "promote", "-D", replica.folder)
    with psycopg.connect(replica.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        connection.execute("SELECT pg_reload_conf()")
    promoted = time.monotonic()
    for run in runs:
        run.wait_for("onetrading_database_up", 1)
    print(f"up again {time.monotonic() - promoted:.1f} s after the promotion", flush=True)
    time.sleep(30)
    after = leaders(runs)
    print(f"led by: {during} without Postgres, {after} afterwards", flush=True)
    problems = [f"{name}: led by {found}" for name, found in after.items() if len(found) != 1]
    problems += [f"{name}: led by two" for name, found in during.items() if len(found) > 1]
    return problems


if __name__ == "__main__":
    main()
