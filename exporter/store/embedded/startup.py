"""One start of the embedded server: from the files to a server that accepts connections.

It takes as long as it takes. A server that recovers from a crash replays its log, which may last
for minutes: it is waited for, and told about, and never ended. One that ends while it starts is
started again where the cause may pass by itself.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg

from exporter.model.errors import EmbeddedPostgresError, Stopping
from exporter.store.embedded import binaries, cluster, os_user
from exporter.store.embedded.address import Address, create_database, free_port
from exporter.store.embedded.binaries import Binaries
from exporter.store.embedded.process import SupervisedProcess

_log = logging.getLogger(__name__)

TELL_AFTER_S, TELL_AT_MOST_EVERY_S = 5.0, 60.0
RETRY_AFTER_S, IN_THE_WAY_RETRY_AFTER_S, RETRY_AT_MOST_AFTER_S = 0.1, 1.0, 30.0
# What ends a server that would start another time: the system was short of something, or somebody
# ended it. Exit codes below 0 are signals; 0 is a shutdown that somebody asked for.
PASSING = (
    "terminated by signal 9",
    "terminated by signal 15",
    "No space left on device",
    "Cannot allocate memory",
    "Resource temporarily unavailable",
    "Too many open files",
    "out of memory",
    "shutdown request",
)
# The previous server is still ending.
ENDING = ("postmaster.pid", "shared memory block")

RECOVERING = ("database system was interrupted", "recovery")


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Where everything is, below the data directory."""

    path: Path

    @property
    def cluster(self) -> Path:
        return self.path / "postgres"

    @property
    def address(self) -> Path:
        return self.path / "postgres.json"

    @property
    def log(self) -> Path:
        return self.path / "postgres.log"

    @property
    def lock(self) -> Path:
        return self.path / "postgres.lock"

    @property
    def secrets(self) -> list[Path]:
        """Files that hold the password, or may quote it."""
        return [self.address, self.log, self.log.with_name("postgres.log.1"), self.lock]


class Startup:
    """Starts the server of a data directory whose lock is held. Used by one thread.

    `wait` waits for some seconds; true: give up, the process is to stop.
    """

    def __init__(
        self,
        directory: DataDirectory,
        lock: IO[bytes],
        *,
        port: int | None,
        settings: Mapping[str, str],
        wait: Callable[[float], bool],
    ) -> None:
        self._directory = directory
        self._lock = lock
        self._port = port
        self._settings = settings
        self._wait = wait
        self.process: SupervisedProcess | None = None
        """What was started last."""
        self.state = "is being set up"
        """What it is doing, as the end of a sentence."""

    def run(self) -> Address:
        """Create the cluster unless it exists, start the server, wait until it accepts connections.

        Raises EmbeddedPostgresError when that cannot be, Stopping, and OSError.
        """
        began = time.monotonic()
        where = self._directory
        found = binaries.find_binaries()
        exists = cluster.check_version(where.cluster, found)
        identity = os_user.choose(where.cluster)
        for changed in self._put_right(identity):
            _log.warning("embedded Postgres: %s", changed)
        usable = binaries.usable(found, where.path, identity)
        cluster.rotate_log(where.log)
        if not exists:
            self.state = "is being created"
            cluster.create(
                where.cluster,
                where.address,
                usable,
                identity,
                self._settings,
                lambda command, more: self._initialise(usable, identity, command, more),
            )
        address = self._serve(usable, identity)
        _log.info(
            "embedded Postgres %s runs on 127.0.0.1:%s, data in %s, ready after %.2f s",
            usable.major,
            address.port,
            where.cluster,
            time.monotonic() - began,
        )
        return address

    def _put_right(self, identity: os_user.Identity) -> list[str]:
        where = self._directory
        admitted = os_user.admit(where.path, identity)
        return [
            *([admitted] if admitted else []),
            *os_user.set_right(where.cluster, where.secrets, identity),
        ]

    def _initialise(
        self,
        usable: Binaries,
        identity: os_user.Identity,
        command: list[str],
        more: Mapping[str, str],
    ) -> None:
        environment = cluster.environment(usable) | dict(more)
        program = self._start(command, identity, environment)
        while program.exit_code is None:
            self._pause(0.01)
        if program.exit_code != 0:
            raise EmbeddedPostgresError(
                f"initdb failed in {self._directory.path}: {program.output()}"
            )

    def _serve(self, usable: Binaries, identity: os_user.Identity) -> Address:
        """Start the server; again while its port is taken, or for another cause that may pass."""
        where = self._directory
        known = Address.read(where.address)
        if known is None:
            raise EmbeddedPostgresError(
                f"{where.address}, which has the password of {where.cluster}, is missing:"
                " restore it, or choose another ONETRADING_DATA_DIR"
            )
        told, pause = Told(TELL_AFTER_S), RETRY_AFTER_S
        while True:
            address = Address(self._port or free_port(known.port), known.password)
            if address != known:
                address.write(where.address)
            command = cluster.server_command(usable, where.cluster, address.port, self._settings)
            server = self._start(command, identity, cluster.environment(usable), serving=True)
            if self._becomes_ready(server, address):
                return address
            lacked = self._ended_for_lack_of_something(server)
            if lacked or told.due():
                _log.warning("the embedded Postgres in %s %s; trying again", where.path, self.state)
            self._pause(pause)
            pause = min(pause * 2, RETRY_AT_MOST_AFTER_S if lacked else IN_THE_WAY_RETRY_AFTER_S)

    def _start(
        self,
        command: list[str],
        identity: os_user.Identity,
        environment: Mapping[str, str],
        *,
        serving: bool = False,
    ) -> SupervisedProcess:
        where = self._directory
        if self.process is not None:
            self.process.stop()
        self.process = SupervisedProcess(
            command,
            identity,
            environment,
            where.log,
            self._lock,
            cluster.status_file(where.cluster) if serving else None,
        )
        return self.process

    def _ended_for_lack_of_something(self, server: SupervisedProcess) -> bool:
        """Whether it ended so, or was killed; False: another program, which ends, was in its way.

        Raises EmbeddedPostgresError when the cause does not pass by itself.
        """
        lines, code = server.output().splitlines(), server.exit_code or 0
        lacking = [line for line in lines if any(sign in line for sign in PASSING)]
        signs = [*ENDING, *(["Address already in use"] if self._port is None else [])]
        in_the_way = [line for line in lines if any(sign in line for sign in signs)]
        if code > 0 and not (lacking or in_the_way):
            raise EmbeddedPostgresError(
                f"the server did not start in {self._directory.path}:"
                f" {server.output() or self._directory.log}"
            )
        told = [*in_the_way, *lacking, *lines[-1:], "without a word"]
        self.state = f"ended while it started (exit code {code}): {told[0]}"
        if in_the_way and cluster.remove_stale_status(self._directory.cluster):
            _log.warning("removed postmaster.pid, which a killed server left behind")
        return not in_the_way

    def _becomes_ready(self, server: SupervisedProcess, address: Address) -> bool:
        """Wait until the server accepts connections, and create the database; False if it ended.

        It is asked only once it says that it is ready: each refusal is a line in its log.
        """
        told, pause = Told(TELL_AFTER_S), 0.01
        self.state = "is starting"
        while server.exit_code is None:
            if server.status == "ready":
                try:
                    create_database(address)
                except psycopg.Error as error:
                    self._check_password(error)
                    self.state = f"accepts no connections yet: {error}"
                else:
                    return True
            elif any(sign in server.output() for sign in RECOVERING):
                self.state = "is in recovery after a crash: it replays its log"
            if told.due():
                _log.warning(
                    "the embedded Postgres in %s %s (after %.0f s; see %s); waiting",
                    self._directory.path,
                    self.state,
                    told.elapsed_s,
                    self._directory.log,
                )
            self._pause(pause)
            pause = min(pause * 1.3, 0.25)
        return False

    def _check_password(self, error: psycopg.Error) -> None:
        if "password authentication failed" in str(error):
            raise EmbeddedPostgresError(
                f"the password in {self._directory.address} is not that of"
                f" {self._directory.cluster}: restore the file that belongs to the cluster"
            ) from error

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise Stopping("the embedded Postgres is shutting down")


class Told:
    """When to say something again: after `after_s`, then after pauses that grow to a minute."""

    def __init__(self, after_s: float = 0.0) -> None:
        self._began = time.monotonic()
        self._next = self._began + after_s
        self._pause = TELL_AFTER_S

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def due(self) -> bool:
        """Whether it is time; then the next time is later."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._pause
        self._pause = min(self._pause * 2, TELL_AT_MOST_EVERY_S)
        return True
