"""The connection to Postgres: a pool while it is up, an immediate error while it is away.

Postgres may go away and come back at any moment. The first broken connection closes the pool;
from then on `Database.run` fails at once, so that threads that poll the exchange never wait for it,
and a watcher thread tries once a second to reconnect (possibly to another port: the address is
read each time).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from typing import Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from exporter.logs import context
from exporter.model.errors import (
    DatabaseError,
    EmbeddedPostgresError,
    ExporterError,
    SchemaError,
    Stopping,
)
from exporter.store.pool import (
    CONNECT_S,
    DISCONNECTED,
    RETRYABLE,
    TIMED_OUT,
    Connection,
    connected,
    message_of,
    open_pool,
    shut,
)

__all__ = ["Connection", "Database", "connected"]

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_WATCH_INTERVAL_S = 1.0
_RECONNECT_WAIT_S = 0.2
_TIMEOUT_S = 600.0
_BRIEF_TIMEOUT_S = 5.0
_ATTEMPTS = 5
_UNUSABLE = (SchemaError, EmbeddedPostgresError)
"""What ends the process when it starts, and is waited for later."""


class Database:
    """Runs transactions on Postgres; raises DatabaseError at once while it is away.

    ``address`` returns a libpq URL and may raise ExporterError. ``ready`` runs on a fresh
    connection before the pool opens (migrations); it raises SchemaError when the schema is not the
    one that this version may write. Safe to use from any thread.
    """

    def __init__(self, address: Callable[[], str], ready: Callable[[Connection], None]) -> None:
        self._address = address
        self._ready = ready
        self._pool: ConnectionPool[Connection] | None = None
        self._connecting = threading.Lock()
        self._stopped = threading.Event()
        self._lost = threading.Event()
        self._watcher: threading.Thread | None = None
        self._attempts = 0
        self._guard = threading.Lock()
        self._deadlines: dict[object, tuple[Connection, float]] = {}
        """Connection and deadline (monotonic seconds) of each transaction that is running."""
        self.tried = False
        """Whether the first attempt to connect has ended."""
        self.why_away = "not connected yet"
        """Why Postgres could not be used last; never contains a password."""

    @property
    def up(self) -> bool:
        """Whether transactions are accepted."""
        return self._pool is not None

    def open(self) -> bool:
        """Connect if possible and start the watcher; whether it connected.

        Raises SchemaError and EmbeddedPostgresError: it cannot be used as it is.
        """
        try:
            is_up = self._connect()
        finally:
            self.tried = True
        self._watcher = threading.Thread(target=self._watch, name="database", daemon=True)
        self._watcher.start()
        return is_up

    def close(self) -> None:
        """Close all connections and cancel running transactions, which might wait for ever."""
        self._stopped.set()
        self._lost.set()
        self._drop("closed")
        self._cut(due_by=inf)
        if self._watcher is not None:
            self._watcher.join(timeout=_WATCH_INTERVAL_S)

    def run(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``work`` in one transaction; repeat all of it after a conflict with another writer.

        Raises DatabaseError when Postgres is away or refuses; the transaction is rolled back then.
        """
        return self._run(_TIMEOUT_S, lambda connection: work(connection, *args, **kwargs))

    def run_briefly(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `run`, for threads that poll the exchange: a Postgres that hangs counts as away.

        A transaction gets 5 seconds, and 3 seconds for each lock.
        """

        def briefly(connection: Connection) -> T:
            connection.execute("SELECT set_config('lock_timeout', '3s', true)")
            return work(connection, *args, **kwargs)

        return self._run(_BRIEF_TIMEOUT_S, briefly)

    def _run(self, timeout_s: float, work: Callable[[Connection], T]) -> T:
        due = time.monotonic() + timeout_s
        for attempt in range(1, _ATTEMPTS + 1):
            pool = self._pool
            if pool is None:
                raise DatabaseError(f"Postgres is away: {self.why_away}")
            try:
                with self._connection(pool, due) as connection:
                    return work(connection)
            except RETRYABLE as error:
                if attempt == _ATTEMPTS:
                    raise DatabaseError(
                        f"gave up after {attempt} attempts: {message_of(error)}"
                    ) from error
                self._stopped.wait(0.02 * 2**attempt)
            except TIMED_OUT as error:
                raise DatabaseError(f"Postgres is busy: {message_of(error)}") from error
            except DISCONNECTED as error:
                with context.clear():  # the outage is not about the stream that noticed it
                    self._lose(pool, error, due)
            except psycopg.Error as error:
                raise DatabaseError(f"Postgres refused: {message_of(error)}") from error
        raise DatabaseError(f"Postgres is away: {self.why_away}")

    @contextmanager
    def _connection(self, pool: ConnectionPool[Connection], due: float) -> Iterator[Connection]:
        """A connection with a transaction that must end by ``due``, commit included."""
        with (
            self._watched(due) as watch,
            pool.connection(timeout=CONNECT_S) as connection,
        ):
            watch(connection)
            yield connection

    @contextmanager
    def _watched(self, due: float) -> Iterator[Callable[[Connection], None]]:
        """Yield a function that has its connection cut off when the block runs past ``due``."""
        block = object()  # the next block may get the connection before this one has ended

        def watch(connection: Connection) -> None:
            with self._guard:
                if self._stopped.is_set():
                    raise DatabaseError("Postgres is away: closed")
                self._deadlines[block] = connection, due

        try:
            yield watch
        finally:
            with self._guard:
                self._deadlines.pop(block, None)

    def _cut(self, due_by: float) -> None:
        """Break the connections past their deadline: reading from a hung server never returns."""
        with self._guard:
            for connection, due in self._deadlines.values():
                if due <= due_by:
                    with suppress(psycopg.Error, OSError):
                        shut(connection.fileno())

    def _lose(self, pool: ConnectionPool[Connection], error: Exception, due: float) -> None:
        """A connection broke: reconnect once, else leave it to the watcher.

        Raises DatabaseError when there is no time left for another attempt.
        """
        if self._drop(message_of(error), pool):
            _log.warning("lost the connection to Postgres: %s", message_of(error))
            try:
                is_up = self._connect()
            except _UNUSABLE as refused:
                raise DatabaseError(str(refused)) from refused
            if not is_up:
                self._cut(due_by=inf)  # the others would notice only later
            self._lost.set()
        else:
            self._stopped.wait(_RECONNECT_WAIT_S)  # the first thread to notice reconnects
        if time.monotonic() > due:
            raise DatabaseError(f"Postgres does not respond: {message_of(error)}") from error

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._lost.wait(_WATCH_INTERVAL_S)
            self._lost.clear()
            if self._stopped.is_set():
                return
            self._cut(due_by=time.monotonic())
            if not self.up:
                try:
                    self._connect()
                except _UNUSABLE as error:
                    self._report(error)

    def _connect(self) -> bool:
        attempts_before = self._attempts
        with self._connecting:
            # A thread that waited here for another's attempt uses its result.
            if (
                self._pool is not None
                or self._stopped.is_set()
                or self._attempts != attempts_before
            ):
                return self._pool is not None
            self._attempts += 1
            try:
                url = self._address()
                with (
                    self._watched(inf) as watch,
                    psycopg.connect(url, connect_timeout=CONNECT_S) as connection,
                ):
                    watch(connection)
                    self._ready(connection)
                self._pool = open_pool(url)
            except _UNUSABLE:
                raise
            except Stopping:
                return False
            except (psycopg.Error, PoolTimeout, ExporterError) as error:
                self._report(error)
                return False
        if self._stopped.is_set():
            self._drop("closed")
            return False
        _log.info("Postgres is up")
        return True

    def _report(self, error: Exception) -> None:
        why = message_of(error)
        if self.why_away != why:
            self.why_away = why
            _log.warning("Postgres is away: %s", why)

    def _drop(self, why: str, lost: ConnectionPool[Connection] | None = None) -> bool:
        """Close the pool, if given only when it still is ``lost``; whether this call closed it."""
        with self._guard:
            if lost not in (None, self._pool):
                return False
            pool, self._pool = self._pool, None
            self.why_away = why
        if pool is not None:
            # In a thread, because its workers may be waiting for a server that is gone.
            threading.Thread(target=pool.close, name="closing pool", daemon=True).start()
        return True
