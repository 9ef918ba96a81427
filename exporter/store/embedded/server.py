"""A Postgres of our own in the data directory, for people who have no server at hand.

The data directory holds `postgres/` (the cluster), `postgres.json` (port and password, mode 0600),
`postgres.log` and `postgres.lock`. Whoever holds the lock runs the server; the supervisor holds it
with us, so that it is free only once the server has ended. Other processes find the server through
`postgres.json`, and the next to need it takes over when its owner has gone.
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
from exporter.store.embedded import cluster
from exporter.store.embedded import os_user as unprivileged
from exporter.store.embedded.address import Address, answers, create_database, free_port
from exporter.store.embedded.process import Supervised

LOG = logging.getLogger(__name__)
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


def exists(data_dir: Path) -> bool:
    """Whether a server was ever set up in this data directory."""
    return (data_dir / "postgres" / "PG_VERSION").exists()


class EmbeddedPostgres:
    """A Postgres server whose data are in `data_dir/postgres`; one object is used until `stop`.

    `port` fixes the port; else the last one is used again when it is free. `settings` are Postgres
    settings that win over `cluster.SETTINGS`. `start_timeout_s` bounds each wait in `ensure`.
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
        self._supervised: Supervised | None = None
        self._url = ""

    def ensure(self) -> str:
        """Return the URL of a running server, which it starts when there is none.

        Any thread may call it, also after each failed connection: while our server runs it costs
        nothing, and another process's server costs one connection.

        Raises EmbeddedPostgresError when the server cannot be set up, DatabaseError when it does
        not answer in time, Stopping once `stop` was called.
        """
        with self._mutex:
            try:
                return self._ensure()
            except OSError as error:
                raise EmbeddedPostgresError(
                    f"the embedded Postgres in {self._data_dir}: {error}: allow it, or choose"
                    " another ONETRADING_DATA_DIR"
                ) from error

    def stop(self) -> None:
        """Stop the server if this object started it, with a checkpoint; for good."""
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
            raise Stopping("the embedded Postgres was told to stop")
        if self._supervised is not None and self._supervised.exit_code is None:
            return self._url
        deadline = time.monotonic() + self._start_timeout_s
        while (lock := self._take_lock()) is None:
            address = Address.read(self._address_file)
            if address is not None and answers(address):
                return address.url()
            self._pause(0.05, deadline, "is run by another process, and does not answer")
        try:
            self._url = self._start(lock, deadline)
        except BaseException:
            self._release()
            raise
        return self._url

    def _take_lock(self) -> IO[bytes] | None:
        """Take the lock, to keep it even while the server is down; None if another has it."""
        if self._lock is not None:
            return self._lock
        # Others may pass but not look: the server's user needs the way to its directory.
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
        if self._supervised is not None:
            self._supervised.end()
            self._supervised = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _start(self, lock: IO[bytes], deadline: float) -> str:
        began = time.monotonic()
        binaries = cluster.find_binaries()
        exists = cluster.check_version(self._cluster, binaries)
        identity = self._choose_identity(binaries)
        cluster.bound_log(self._log_file)

        def supervise(command: list[str]) -> Supervised:
            if self._supervised is not None:
                self._supervised.end()
            self._supervised = Supervised(
                command, identity, cluster.environment(binaries), self._log_file, lock
            )
            return self._supervised

        if not exists:
            cluster.create(
                self._cluster,
                self._address_file,
                binaries,
                identity,
                self._settings,
                lambda command: self._finish(supervise(command), deadline),
            )
        elif identity.uid is not None and self._cluster.stat().st_uid != identity.uid:
            unprivileged.hand_over(self._cluster, identity)
        address = self._run(binaries, supervise, deadline)
        self._log.info(
            "embedded Postgres %s runs on 127.0.0.1:%s, data in %s, ready after %.2f s",
            binaries.major,
            address.port,
            self._cluster,
            time.monotonic() - began,
        )
        return address.url()

    def _choose_identity(self, binaries: cluster.Binaries) -> unprivileged.Identity:
        programs = [binaries.program("initdb"), binaries.program("postgres")]
        identity = unprivileged.choose(self._cluster, [self._data_dir], programs)
        if identity.capability is not None:
            self._log.warning(
                "user id %s may not pass %s: the embedded Postgres keeps the capability %s for it",
                identity.uid,
                identity.obstacle,
                unprivileged.CAPABILITY_NAMES[identity.capability],
            )
        return identity

    def _finish(self, program: Supervised, deadline: float) -> None:
        while program.exit_code is None:
            self._pause(0.01, deadline, "is still being created")
        if program.exit_code != 0:
            raise EmbeddedPostgresError(f"initdb failed in {self._data_dir}: {program.told()}")

    def _run(
        self,
        binaries: cluster.Binaries,
        supervise: Callable[[list[str]], Supervised],
        deadline: float,
    ) -> Address:
        """Start the server until it answers; waits out a taken port and a server still ending."""
        known = Address.read(self._address_file)
        if known is None:
            raise EmbeddedPostgresError(
                f"{self._address_file}, which holds the password of {self._cluster}, is missing:"
                " restore it, or choose another ONETRADING_DATA_DIR"
            )
        while True:
            address = Address(self._port or free_port(known.port), known.password)
            if address != known:
                address.write(self._address_file)
            server = supervise(
                cluster.server_command(binaries, self._cluster, address.port, self._settings)
            )
            if self._becomes_ready(server, address, deadline):
                return address
            told = server.told()
            ending = "postmaster.pid" in told or "shared memory block" in told
            if not ending and (self._port is not None or "Address already in use" not in told):
                raise EmbeddedPostgresError(
                    f"the server did not start in {self._data_dir}: {told or self._log_file}"
                )
            self._pause(0.1, deadline, f"cannot start: {told}")

    def _becomes_ready(self, server: Supervised, address: Address, deadline: float) -> bool:
        """Wait until the server lets us in and our database exists; False when it has ended."""
        pause = 0.01
        while server.exit_code is None:
            try:
                create_database(address)
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise EmbeddedPostgresError(
                        f"the password in {self._address_file} is not that of {self._cluster}:"
                        " restore the file that belongs to it"
                    ) from error
            else:
                return True
            self._pause(pause, deadline, "is still starting (recovery after a crash may take long)")
            pause = min(pause * 1.3, 0.25)  # each refusal is a line in the server's log
        return False

    def _pause(self, seconds: float, deadline: float, state: str) -> None:
        if self._stopping.wait(seconds):
            raise Stopping("the embedded Postgres was told to stop")
        if time.monotonic() > deadline:
            raise DatabaseError(f"the embedded Postgres in {self._data_dir} {state}")
