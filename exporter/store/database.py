"""The connection to Postgres: one pool while it is up, a quick refusal while it is away.

Postgres may go away and come back at any moment. The first broken connection closes the pool;
from then on `Database.run` refuses at once, so that nobody who polls the exchange waits for it,
and a watcher thread looks once a second whether Postgres is back (it may be on another port: the
address is asked for each time).
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
from exporter.model.errors import DatabaseError, ExporterError, SchemaError
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

_LOOK_EVERY_S = 1.0
_SOON_S = 0.2
_PATIENCE_S = 600.0
_SHORT_PATIENCE_S = 5.0
_ATTEMPTS = 5


class Database:
    """Transactions on Postgres, or DatabaseError at once while it is away.

    ``address`` returns a libpq URL and may raise ExporterError. ``ready`` is run on a fresh
    connection before the pool opens (migrations); it raises SchemaError when we must not write.
    """

    def __init__(self, address: Callable[[], str], ready: Callable[[Connection], None]) -> None:
        self._address = address
        self._ready = ready
        self._pool: ConnectionPool[Connection] | None = None
        self._changing = threading.Lock()
        self._stopped = threading.Event()
        self._lost = threading.Event()
        self._watcher: threading.Thread | None = None
        self._tries = 0
        self._using = threading.Lock()
        self._due: dict[object, tuple[Connection, float]] = {}
        """When each transaction under way has to be over, on the monotonic clock."""
        self.tried = False
        """Whether the first attempt to connect is over."""
        self.why_away = "not connected yet"
        """The last reason why Postgres could not be used, without a password."""

    @property
    def up(self) -> bool:
        """Whether transactions are accepted."""
        return self._pool is not None

    def open(self) -> bool:
        """Connect now if it is possible, and keep watching. Raises SchemaError."""
        try:
            came_up = self._connect()
        finally:
            self.tried = True
        self._watcher = threading.Thread(target=self._watch, name="database", daemon=True)
        self._watcher.start()
        return came_up

    def close(self) -> None:
        """End what runs, too: a transaction that still waits now may wait for ever."""
        self._stopped.set()
        self._lost.set()
        self._drop("closed")
        self._cut(due_by=inf)
        if self._watcher is not None:
            self._watcher.join(timeout=_LOOK_EVERY_S)

    def run(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``work`` in one transaction; all of it again when another writer was in the way.

        Raises DatabaseError when Postgres is away or refuses; nothing of the work is kept then.
        """
        return self._run(_PATIENCE_S, lambda connection: work(connection, *args, **kwargs))

    def run_briefly(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `run`, for those who poll the exchange: a Postgres that hangs counts as away."""

        def briefly(connection: Connection) -> T:
            connection.execute("SELECT set_config('lock_timeout', '3s', true)")
            return work(connection, *args, **kwargs)

        return self._run(_SHORT_PATIENCE_S, briefly)

    def _run(self, patience_s: float, work: Callable[[Connection], T]) -> T:
        due = time.monotonic() + patience_s
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
                with context.clear():  # whichever stream it is that found out
                    self._lose(pool, error, due)
            except psycopg.Error as error:
                raise DatabaseError(f"Postgres refused: {message_of(error)}") from error
        raise DatabaseError(f"Postgres is away: {self.why_away}")

    @contextmanager
    def _connection(self, pool: ConnectionPool[Connection], due: float) -> Iterator[Connection]:
        """A connection with a transaction, which has to be over by ``due``, its commit included."""
        with (
            self._watched(due) as watch,
            pool.connection(timeout=CONNECT_S) as connection,
        ):
            watch(connection)
            yield connection

    @contextmanager
    def _watched(self, due: float) -> Iterator[Callable[[Connection], None]]:
        """Yield what has a connection cut off when the block is not over by ``due``."""
        block = object()  # the next block may have the connection before this one has ended

        def watch(connection: Connection) -> None:
            with self._using:
                if self._stopped.is_set():
                    raise DatabaseError("Postgres is away: closed")
                self._due[block] = connection, due

        try:
            yield watch
        finally:
            with self._using:
                self._due.pop(block, None)

    def _cut(self, due_by: float) -> None:
        """End the transactions that were due: reading from a server that hangs has no end."""
        with self._using:
            for connection, due in self._due.values():
                if due <= due_by:
                    with suppress(psycopg.Error, OSError):
                        shut(connection.fileno())

    def _lose(self, pool: ConnectionPool[Connection], error: Exception, due: float) -> None:
        """A connection broke: try once to connect anew, else let the watcher look for it.

        Raises DatabaseError when there is no time left for another attempt.
        """
        if self._drop(message_of(error), pool):
            _log.warning("lost Postgres: %s", error)
            try:
                came_up = self._connect()
            except SchemaError as refused:
                raise DatabaseError(str(refused)) from refused
            if not came_up:
                self._cut(due_by=inf)  # they would only find out later
            self._lost.set()
        else:
            self._stopped.wait(_SOON_S)  # whoever was first looks whether it is back
        if time.monotonic() > due:
            raise DatabaseError(f"Postgres hangs: {message_of(error)}") from error

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._lost.wait(_LOOK_EVERY_S)
            self._lost.clear()
            if self._stopped.is_set():
                return
            self._cut(due_by=time.monotonic())
            if not self.up:
                try:
                    self._connect()
                except SchemaError as error:
                    self._tell(error)

    def _connect(self) -> bool:
        seen = self._tries
        with self._changing:
            # Whoever waited here for another's attempt has its result.
            if self._pool is not None or self._stopped.is_set() or self._tries != seen:
                return self._pool is not None
            self._tries += 1
            try:
                url = self._address()
                with (
                    self._watched(inf) as watch,
                    psycopg.connect(url, connect_timeout=CONNECT_S) as connection,
                ):
                    watch(connection)
                    self._ready(connection)
                self._pool = open_pool(url)
            except SchemaError:
                raise
            except (psycopg.Error, PoolTimeout, ExporterError) as error:
                self._tell(error)
                return False
        if self._stopped.is_set():
            self._drop("closed")
            return False
        _log.info("Postgres is up")
        return True

    def _tell(self, error: Exception) -> None:
        if self.why_away != message_of(error):
            self.why_away = message_of(error)
            _log.warning("Postgres is away: %s", error)

    def _drop(self, why: str, lost: ConnectionPool[Connection] | None = None) -> bool:
        """Give up the pool (only if it is ``lost``, when given); whether it was done."""
        with self._using:
            if lost not in (None, self._pool):
                return False
            pool, self._pool = self._pool, None
            self.why_away = why
        if pool is not None:
            # Its workers may be waiting for a server that is gone; nobody waits for them.
            threading.Thread(target=pool.close, name="closing pool", daemon=True).start()
        return True
