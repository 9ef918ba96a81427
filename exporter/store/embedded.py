"""A Postgres of our own in the data directory, for people who have no server at hand.

The data directory holds `postgres/` (the cluster), `postgres.json` (port and password, mode 0600),
`postgres.log` and `postgres.lock`. Whoever holds the lock runs the server; the supervisor holds it with
us, so that it is free only once the server has ended. Other processes find the server through
`postgres.json`, and the next to need it takes over when its owner has gone.
"""

import fcntl
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Self

import psycopg

from exporter.errors import DatabaseError, EmbeddedPostgresError, Stopping
from exporter.store import cluster, postmaster, unprivileged

LOG = logging.getLogger(__name__)
SUPERVISOR = Path(postmaster.__file__)
# Longer than the supervisor's own patience with the server.
STOP_TIMEOUT_S = 30.0
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


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
        self._connection_file = self._data_dir / "postgres.json"
        self._log_file = self._data_dir / "postgres.log"
        self._mutex = threading.Lock()
        self._stopping = threading.Event()
        self._lock: IO[bytes] | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._url = ""

    def ensure(self) -> str:
        """Returns the URL of a running server, which it starts when there is none.

        Any thread may call it, also after each failed connection: while our server runs it costs
        nothing, and another process's server costs one connection.

        Raises EmbeddedPostgresError when the server cannot be set up, DatabaseError when it does not
        answer in time, Stopping once `stop` was called.
        """
        with self._mutex:
            try:
                return self._ensure()
            except OSError as error:
                raise EmbeddedPostgresError(
                    f"the embedded Postgres in {self._data_dir}: {error}: allow it, or choose another"
                    " ONETRADING_DATA_DIR"
                ) from error

    def stop(self) -> None:
        """Stops the server if this object started it, with a checkpoint; for good."""
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
        if self._supervisor is not None and self._supervisor.poll() is None:
            return self._url
        deadline = time.monotonic() + self._start_timeout_s
        while not self._take_lock():
            connection = cluster.Connection.read(self._connection_file)
            if connection is not None and _answers(connection):
                return connection.url()
            self._pause(0.05, deadline, "is run by another process, and does not answer")
        try:
            self._url = self._start(deadline)
        except BaseException:
            self._release()
            raise
        return self._url

    def _take_lock(self) -> bool:
        """Takes the lock unless another process has it; we keep it until we end, even without a server."""
        if self._lock is not None:
            return True
        # Anybody may pass through, nobody may look: the server's user needs the way to its directory.
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        path = self._data_dir / "postgres.lock"
        path.touch(mode=0o600)
        lock = path.open("rb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _release(self) -> None:
        if self._supervisor is not None:
            _end(self._supervisor)
            self._supervisor = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _start(self, deadline: float) -> str:
        began = time.monotonic()
        binaries = cluster.find_binaries()
        exists = cluster.check_version(self._cluster, binaries)
        identity = unprivileged.choose(
            self._cluster,
            [self._data_dir],
            [binaries.program("initdb"), binaries.program("postgres")],
        )
        if identity.obstacle is not None:
            self._log.warning(
                "user id %s may not pass %s: the embedded Postgres keeps the capability %s for it",
                identity.uid,
                identity.obstacle,
                "CAP_DAC_READ_SEARCH"
                if identity.capability == unprivileged.CAP_DAC_READ_SEARCH
                else "CAP_DAC_OVERRIDE",
            )
        cluster.bound_log(self._log_file)
        if not exists:
            self._create(binaries, identity, deadline)
        elif identity.uid is not None and self._cluster.stat().st_uid != identity.uid:
            unprivileged.hand_over(self._cluster, identity)
        connection = self._run(binaries, identity, deadline)
        self._log.info(
            "embedded Postgres %s runs on 127.0.0.1:%s, data in %s, ready after %.2f s",
            binaries.major,
            connection.port,
            self._cluster,
            time.monotonic() - began,
        )
        return connection.url()

    def _create(
        self, binaries: cluster.Binaries, identity: unprivileged.Identity, deadline: float
    ) -> None:
        """Makes the cluster beside its place and moves it there whole: a cut-off attempt leaves nothing."""
        staging = self._data_dir / "postgres.new"
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        password_file = staging / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        unprivileged.hand_over(staging, identity)
        command = cluster.initdb_command(binaries, staging / "cluster", password_file)
        log_start = self._log_size()
        self._supervise(binaries, identity, command)
        while (code := self._exit_code()) is None:
            self._pause(0.01, deadline, "is still being created")
        if code != 0:
            raise self._failure("initdb failed", log_start)
        cluster.Connection(port=0, password=password).write(self._connection_file)
        (staging / "cluster").rename(self._cluster)
        _sync_directory(self._data_dir)
        shutil.rmtree(staging)

    def _run(
        self, binaries: cluster.Binaries, identity: unprivileged.Identity, deadline: float
    ) -> cluster.Connection:
        """Starts the server until it answers; a taken port or a server that is still ending is waited out."""
        known = cluster.Connection.read(self._connection_file)
        if known is None:
            raise EmbeddedPostgresError(
                f"{self._connection_file}, which holds the password of {self._cluster}, is missing:"
                " restore it, or choose another ONETRADING_DATA_DIR"
            )
        while True:
            connection = cluster.Connection(self._port or _free_port(known.port), known.password)
            if connection != known:
                connection.write(self._connection_file)
            log_start = self._log_size()
            command = cluster.server_command(
                binaries, self._cluster, connection.port, self._settings
            )
            self._supervise(binaries, identity, command)
            if self._becomes_ready(connection, deadline):
                return connection
            told = self._log_since(log_start)
            ending = "postmaster.pid" in told or "shared memory block" in told
            if not ending and (self._port is not None or "Address already in use" not in told):
                raise self._failure("the server did not start", log_start)
            self._pause(0.1, deadline, "cannot start: " + told)

    def _supervise(
        self, binaries: cluster.Binaries, identity: unprivileged.Identity, command: list[str]
    ) -> None:
        if self._supervisor is not None:
            _end(self._supervisor)
        order: postmaster.Order = {
            "argv": command,
            "uid": identity.uid,
            "gid": identity.gid,
            "capability": identity.capability,
        }
        self._log_file.touch(mode=0o600)
        with self._log_file.open("ab") as output:
            self._supervisor = subprocess.Popen(  # noqa: S603 -- our own program and binaries
                [sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",
                env=cluster.environment(binaries),
                start_new_session=True,
                pass_fds=[] if self._lock is None else [self._lock.fileno()],
            )

    def _becomes_ready(self, connection: cluster.Connection, deadline: float) -> bool:
        """Waits until the server lets us in and our database exists; False when it has ended."""
        pause = 0.01
        while self._exit_code() is None:
            try:
                _create_database(connection)
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise EmbeddedPostgresError(
                        f"the password in {self._connection_file} is not that of {self._cluster}:"
                        " restore the file that belongs to it"
                    ) from error
            else:
                return True
            self._pause(pause, deadline, "is still starting (recovery after a crash may take long)")
            pause = min(pause * 1.3, 0.25)  # each refusal is a line in the server's log
        return False

    def _exit_code(self) -> int | None:
        return None if self._supervisor is None else self._supervisor.poll()

    def _pause(self, seconds: float, deadline: float, state: str) -> None:
        if self._stopping.wait(seconds):
            raise Stopping("the embedded Postgres was told to stop")
        if time.monotonic() > deadline:
            raise DatabaseError(f"the embedded Postgres in {self._data_dir} {state}")

    def _log_size(self) -> int:
        return self._log_file.stat().st_size if self._log_file.exists() else 0

    def _log_since(self, position: int) -> str:
        with self._log_file.open("rb") as file:
            file.seek(position)
            return file.read()[-2000:].decode(errors="replace").strip()

    def _failure(self, what: str, log_start: int) -> EmbeddedPostgresError:
        told = self._log_since(log_start)
        return EmbeddedPostgresError(f"{what} in {self._data_dir}: {told or self._log_file}")


def _end(supervisor: subprocess.Popen[bytes]) -> None:
    """Closes the pipe, which is the order to stop, and waits for the end."""
    if supervisor.stdin is not None:
        supervisor.stdin.close()
    try:
        supervisor.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()


def _answers(connection: cluster.Connection) -> bool:
    """Tells whether our server answers: both sides prove that they know the password."""
    try:
        psycopg.connect(connection.url(), connect_timeout=2, require_auth="scram-sha-256").close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(connection: cluster.Connection) -> None:
    """Connects, and creates our database when it is missing."""
    with psycopg.connect(
        connection.url("postgres"), autocommit=True, connect_timeout=5, require_auth="scram-sha-256"
    ) as session:
        found = session.execute(
            "SELECT FROM pg_database WHERE datname = %s", [cluster.DATABASE]
        ).fetchone()
        if found is None:
            session.execute(
                psycopg.sql.SQL("CREATE DATABASE {}").format(
                    psycopg.sql.Identifier(cluster.DATABASE)
                )
            )


def _free_port(preferred: int) -> int:
    """Returns `preferred` when nobody listens there, else any free port of the loopback interface."""
    for port in (preferred, 0):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise EmbeddedPostgresError("there is no free port on 127.0.0.1")


def _sync_directory(path: Path) -> None:
    """Makes a rename durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
