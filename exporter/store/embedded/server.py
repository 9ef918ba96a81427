"""The embedded Postgres: a server in the data directory, for users who have none.

The data directory holds `postgres/` (the cluster), `postgres.json` (port and password, mode 0600),
`postgres.log` and `postgres.lock`. The process that holds the lock runs the server; the supervisor
inherits the lock, so that it is free only once the server has ended. Other processes find the
server through `postgres.json`, and the next that needs it takes over when its owner has ended.

A thread brings the server up; whoever needs it waits for that thread as long as it likes.
"""

import fcntl
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Self

from exporter.model.errors import DatabaseError, EmbeddedPostgresError, Stopping
from exporter.store.embedded.address import Address, accepts_connections, forget_libpq_variables
from exporter.store.embedded.process import SupervisedProcess
from exporter.store.embedded.startup import DataDirectory, Startup

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
_FAILURES_AT_MOST_EVERY_S = 30.0
_ELSEWHERE = "is run by another process, and accepts no connections yet"
_KILLED_OWNER_S = 20.0  # longer than a supervisor takes to stop its server


class EmbeddedPostgres:
    """A Postgres server whose data are in `data_dir/postgres`. Safe to use from any thread.

    `port` fixes the port; without it the last one is used again when it is free. `settings` are
    Postgres settings that override `cluster.SETTINGS`. Waiting ends when `stop_event` is set.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = NO_SETTINGS,
        stop_event: threading.Event | None = None,
    ) -> None:
        forget_libpq_variables()
        self._directory = DataDirectory(data_dir.resolve())
        self._port = port
        self._settings = settings
        self._stop_event = stop_event or threading.Event()
        self._stopping = threading.Event()
        self._mutex = threading.Lock()
        self._lock: IO[bytes] | None = None
        self._process: SupervisedProcess | None = None
        self._startup: Startup | None = None
        self._attempt: Future[str] | None = None
        self._failures = 0
        self._failed_at = 0.0

    def ensure(self, wait_s: float | None = None) -> str:
        """Return the URL of a running server, and start one if there is none.

        It may be called after each failed connection: it costs nothing while our server runs, and
        one connection while another process runs it. It waits as long as the server needs, or for
        at most `wait_s` seconds; the start goes on meanwhile.

        Raises EmbeddedPostgresError when the server cannot be set up, DatabaseError when it does
        not accept connections in time, Stopping once the process is to stop.
        """
        with self._mutex:
            if self._stopping.is_set():
                raise Stopping("the embedded Postgres is shutting down")
            attempt = self._attempt
            if attempt is None or (attempt.done() and not self._still_good(attempt)):
                attempt = self._attempt = Future()
                threading.Thread(
                    target=self._bring_up, args=[attempt], name="embedded-postgres", daemon=True
                ).start()
        try:
            return attempt.result(wait_s)
        except TimeoutError as error:
            raise DatabaseError(f"the embedded Postgres {self._state}") from error

    def reserve(self) -> bool:
        """Take the lock before the server is needed; whether no other process has it.

        A server whose owner was killed is about to end: it is waited for.
        """
        due = time.monotonic() + _KILLED_OWNER_S
        with self._mutex:
            while self._take_lock() is None:
                if self._owner_lives() or time.monotonic() > due or self._wait(0.1):
                    return False
        return True

    def stop(self) -> None:
        """Stop the server, with a checkpoint, if this object started it. It cannot be restarted."""
        self._stopping.set()
        with self._mutex:
            attempt = self._attempt
        if attempt is not None:
            with suppress(Exception):  # told to whoever waits for it
                attempt.exception(timeout=_KILLED_OWNER_S)
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

    @property
    def _state(self) -> str:
        """What it is doing, without anything that changes from second to second."""
        doing = self._startup.state if self._startup is not None else _ELSEWHERE
        return f"in {self._directory.path} {doing}"

    def _still_good(self, attempt: Future[str]) -> bool:
        """Whether the result of an attempt that has ended still stands, without trying again."""
        if attempt.exception() is None:
            return self._process is not None and self._process.exit_code is None
        # What failed will hardly be different at once, and trying costs the machine something.
        pause = min(2.0 ** (self._failures - 1) - 1, _FAILURES_AT_MOST_EVERY_S)
        return time.monotonic() < self._failed_at + pause

    def _bring_up(self, attempt: Future[str]) -> None:
        try:
            url = self._found_or_started()
        except BaseException as error:  # noqa: BLE001  raised in those that wait for it
            self._failures += 1
            self._failed_at = time.monotonic()
            self._release()
            attempt.set_exception(self._explained(error))
        else:
            self._failures = 0
            attempt.set_result(url)

    def _explained(self, error: BaseException) -> BaseException:
        if not isinstance(error, OSError):
            return error
        found = EmbeddedPostgresError(
            f"could not set up the embedded Postgres in {self._directory.path}: {error}: fix it,"
            " or choose another ONETRADING_DATA_DIR"
        )
        found.__cause__ = error
        return found

    def _found_or_started(self) -> str:
        if self._wait(0):
            raise Stopping("the embedded Postgres is shutting down")
        self._startup, pause = None, 0.05
        while (lock := self._take_lock()) is None:
            address = Address.read(self._directory.address)
            if address is not None and address.port and accepts_connections(address):
                return address.url()
            if self._wait(pause):
                raise Stopping("the embedded Postgres is shutting down")
            pause = min(pause * 1.3, 0.5)
        if self._process is not None:
            self._process.stop()  # it has ended, or else this would not be called
        self._startup = startup = Startup(
            self._directory, lock, port=self._port, settings=self._settings, wait=self._wait
        )
        try:
            return startup.run().url()
        finally:
            self._process = startup.process

    def _wait(self, seconds: float) -> bool:
        """Wait; whether this process is to stop."""
        return self._stop_event.wait(seconds) or self._stopping.is_set()

    def _take_lock(self) -> IO[bytes] | None:
        """Take the lock, and keep it while the server is down; None if another process has it."""
        if self._lock is not None:
            return self._lock
        make_directory(self._directory.path)
        path = self._directory.lock
        path.touch(mode=0o600)
        lock = path.open("r+b")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        lock.truncate()
        lock.write(f"{os.getpid()}\n".encode())
        lock.flush()
        self._lock = lock
        return lock

    def _owner_lives(self) -> bool:
        """Whether the process that took the lock last still runs, as far as can be told."""
        try:
            os.kill(int(self._directory.lock.read_text()), 0)
        except (ValueError, ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            return True
        return True

    def _release(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def make_directory(path: Path) -> None:
    """Create a directory and its parents, whatever the umask.

    Mode 0711 as root: the user that the server runs as must be able to pass, not to list.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    for missing in reversed([path, *path.parents]):
        if not missing.exists():
            with suppress(FileExistsError):
                missing.mkdir()
                missing.chmod(mode)
