"""The embedded Postgres: a server in the data directory, for users who have none.

The data directory holds `postgres/` (the cluster), `postgres.json` (port and password, mode 0600),
`postgres.log` and `postgres.lock`. The process that holds the lock runs the server; the supervisor
inherits the lock, so that it is free only once the server has ended. Other processes find the
server through `postgres.json`, and the next that needs it takes over when its owner has ended.
"""

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Self

import psycopg

from exporter.model.errors import DatabaseError, EmbeddedPostgresError, Stopping
from exporter.store.embedded import cluster, os_user
from exporter.store.embedded.address import Address, accepts_connections, create_database, free_port
from exporter.store.embedded.process import SupervisedProcess

LOG = logging.getLogger(__name__)
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


def exists(data_dir: Path) -> bool:
    """Whether this data directory has a cluster."""
    return (data_dir / "postgres" / "PG_VERSION").exists()


class EmbeddedPostgres:
    """A Postgres server whose data are in `data_dir/postgres`. Safe to use from any thread.

    `port` fixes the port; without it the last one is used again when it is free. `settings` are
    Postgres settings that override `cluster.SETTINGS`. `start_timeout_s` bounds a call of `ensure`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = NO_SETTINGS,
        start_timeout_s: float = 60.0,
        log: logging.Logger = LOG,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._port = port
        self._settings = settings
        self._start_timeout_s = start_timeout_s
        self._log = log
        self._cluster = self._data_dir / "postgres"
        self._address_file = self._data_dir / "postgres.json"
        self._log_file = self._data_dir / "postgres.log"
        self._mutex = threading.Lock()
        self._stopping = threading.Event()
        self._lock: IO[bytes] | None = None
        self._process: SupervisedProcess | None = None
        self._url = ""

    def ensure(self) -> str:
        """Return the URL of a running server, and start one if there is none.

        It may be called after each failed connection: it costs nothing while our server runs, and
        one connection while another process runs it.

        Raises EmbeddedPostgresError when the server cannot be set up, DatabaseError when it does
        not accept connections in time, Stopping once `stop` was called.
        """
        with self._mutex:
            try:
                return self._ensure()
            except OSError as error:
                raise EmbeddedPostgresError(
                    f"could not set up the embedded Postgres in {self._data_dir}: {error}: fix it,"
                    " or choose another ONETRADING_DATA_DIR"
                ) from error

    def stop(self) -> None:
        """Stop the server, with a checkpoint, if this object started it. It cannot be restarted."""
        self._stopping.set()
        with self._mutex:
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _ensure(self) -> str:
        if self._stopping.is_set():
            raise Stopping("the embedded Postgres is shutting down")
        if self._process is not None and self._process.exit_code is None:
            return self._url
        deadline = time.monotonic() + self._start_timeout_s
        while (lock := self._take_lock()) is None:
            address = Address.read(self._address_file)
            if address is not None and accepts_connections(address):
                return address.url()
            self._pause(
                0.05, deadline, "is run by another process, and does not accept connections"
            )
        try:
            self._url = self._start(lock, deadline)
        except BaseException:
            self._release()
            raise
        return self._url

    def _take_lock(self) -> IO[bytes] | None:
        """Take the lock, and keep it while the server is down; None if another process has it."""
        if self._lock is not None:
            return self._lock
        # Mode 0711: the user that the server runs as must be able to pass, not to list.
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        path = self._data_dir / "postgres.lock"
        path.touch(mode=0o600)
        lock = path.open("rb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        self._lock = lock
        return lock

    def _release(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _start(self, lock: IO[bytes], deadline: float) -> str:
        began = time.monotonic()
        binaries = cluster.find_binaries()
        exists = cluster.check_version(self._cluster, binaries)
        identity = self._choose_identity(binaries)
        cluster.rotate_log(self._log_file)

        def start(command: list[str]) -> SupervisedProcess:
            if self._process is not None:
                self._process.stop()
            self._process = SupervisedProcess(
                command, identity, cluster.environment(binaries), self._log_file, lock
            )
            return self._process

        if not exists:
            cluster.create(
                self._cluster,
                self._address_file,
                binaries,
                identity,
                self._settings,
                lambda command: self._finish(start(command), deadline),
            )
        elif identity.uid is not None and self._cluster.stat().st_uid != identity.uid:
            os_user.hand_over(self._cluster, identity)
        address = self._run(binaries, start, deadline)
        self._log.info(
            "embedded Postgres %s runs on 127.0.0.1:%s, data in %s, ready after %.2f s",
            binaries.major,
            address.port,
            self._cluster,
            time.monotonic() - began,
        )
        return address.url()

    def _choose_identity(self, binaries: cluster.Binaries) -> os_user.Identity:
        programs = [binaries.program("initdb"), binaries.program("postgres")]
        identity = os_user.choose(self._cluster, [self._data_dir], programs)
        if identity.capability is not None:
            self._log.warning(
                "user id %s may not pass %s: the embedded Postgres keeps the capability %s",
                identity.uid,
                identity.obstacle,
                os_user.CAPABILITY_NAMES[identity.capability],
            )
        return identity

    def _finish(self, program: SupervisedProcess, deadline: float) -> None:
        while program.exit_code is None:
            self._pause(0.01, deadline, "is still being created")
        if program.exit_code != 0:
            raise EmbeddedPostgresError(f"initdb failed in {self._data_dir}: {program.output()}")

    def _run(
        self,
        binaries: cluster.Binaries,
        start: Callable[[list[str]], SupervisedProcess],
        deadline: float,
    ) -> Address:
        """Start the server; retry while its port is taken or the previous server still ends."""
        known = Address.read(self._address_file)
        if known is None:
            raise EmbeddedPostgresError(
                f"{self._address_file}, which has the password of {self._cluster}, is missing:"
                " restore it, or choose another ONETRADING_DATA_DIR"
            )
        while True:
            address = Address(self._port or free_port(known.port), known.password)
            if address != known:
                address.write(self._address_file)
            server = start(
                cluster.server_command(binaries, self._cluster, address.port, self._settings)
            )
            if self._becomes_ready(server, address, deadline):
                return address
            output = server.output()
            ending = "postmaster.pid" in output or "shared memory block" in output
            if not ending and (self._port is not None or "Address already in use" not in output):
                raise EmbeddedPostgresError(
                    f"the server did not start in {self._data_dir}: {output or self._log_file}"
                )
            self._pause(0.1, deadline, f"could not start: {output}")

    def _becomes_ready(self, server: SupervisedProcess, address: Address, deadline: float) -> bool:
        """Wait until the server accepts connections, and create the database; False if it ended."""
        pause = 0.01
        while server.exit_code is None:
            try:
                create_database(address)
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise EmbeddedPostgresError(
                        f"the password in {self._address_file} is not that of {self._cluster}:"
                        " restore the file that belongs to the cluster"
                    ) from error
            else:
                return True
            self._pause(pause, deadline, "is still starting (recovery after a crash may take long)")
            pause = min(pause * 1.3, 0.25)  # each refusal is a line in the server's log
        return False

    def _pause(self, seconds: float, deadline: float, state: str) -> None:
        if self._stopping.wait(seconds):
            raise Stopping("the embedded Postgres is shutting down")
        if time.monotonic() > deadline:
            raise DatabaseError(f"the embedded Postgres in {self._data_dir} {state}")
