"""The connection to Postgres: one pool while it is up, a quick refusal while it is away.

Postgres may go away and come back at any moment. The first broken connection closes the pool;
from then on `Database.run` refuses at once, so that nobody who polls the exchange waits for it,
and a watcher thread looks once a second whether Postgres is back (it may be on another port: the
address is asked for each time).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg_pool import ConnectionPool, PoolTimeout

from exporter.errors import DatabaseError, ExporterError, SchemaError

Connection = psycopg.Connection[tuple[Any, ...]]
P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 5
_LOOK_EVERY_S = 1.0
_ATTEMPTS = 5
_POOL_SIZE = 8

_AGAIN = (pg.SerializationFailure, pg.DeadlockDetected, pg.UniqueViolation, pg.ExclusionViolation)
"""Another writer was in the way: the whole transaction is worth another try."""

_GONE = (psycopg.OperationalError, psycopg.InterfaceError)


def _prepare(connection: Connection) -> None:
    """Session settings of every connection.

    Look-ups of keys must use the key's index even when the statistics of a young table make the
    planner prefer to read it whole, and compiling them takes longer than running them.
    """
    connection.execute(
        "SELECT set_config('timezone', 'UTC', false), set_config('jit', 'off', false),"
        " set_config('enable_seqscan', 'off', false),"
        " set_config('application_name', 'onetrading-exporter', false),"
        " set_config('lock_timeout', '30s', false),"
        " set_config('statement_timeout', '120s', false),"
        " set_config('idle_in_transaction_session_timeout', '60s', false)"
    )
    connection.commit()


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
        self.why_away = "not connected yet"
        """The last reason why Postgres could not be used, without a password."""

    @property
    def up(self) -> bool:
        """Whether transactions are accepted."""
        return self._pool is not None

    def open(self) -> bool:
        """Connect now if it is possible, and keep watching. Raises SchemaError."""
        came_up = self._connect()
        self._watcher = threading.Thread(target=self._watch, name="database", daemon=True)
        self._watcher.start()
        return came_up

    def close(self) -> None:
        """Wait for nothing; transactions that run finish with their own connection."""
        self._stopped.set()
        self._lost.set()
        if self._watcher is not None:
            self._watcher.join(timeout=_CONNECT_TIMEOUT_S)
        self._drop("closed")

    def run(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``work`` in one transaction; all of it again when another writer was in the way.

        Raises DatabaseError when Postgres is away or refuses; nothing of the work is kept then.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            pool = self._pool
            if pool is None:
                raise DatabaseError(f"Postgres is away: {self.why_away}")
            try:
                with pool.connection(timeout=_CONNECT_TIMEOUT_S) as connection:
                    return work(connection, *args, **kwargs)
            except _AGAIN as error:
                if attempt == _ATTEMPTS:
                    raise DatabaseError(f"gave up after {attempt} attempts: {error}") from error
                self._stopped.wait(0.02 * 2**attempt)
            except _GONE as error:
                self._lose(pool, error)
            except psycopg.Error as error:
                raise DatabaseError(f"Postgres refused: {error}") from error
        raise DatabaseError(f"Postgres is away: {self.why_away}")

    def _lose(self, pool: ConnectionPool[Connection], error: Exception) -> None:
        """A connection broke: try once to connect anew, else let the watcher look for it."""
        _log.warning("lost Postgres: %s", str(error).strip())
        if self._pool is pool:
            self._drop(str(error).strip())
        try:
            self._connect()
        except SchemaError as refused:
            raise DatabaseError(str(refused)) from refused
        self._lost.set()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._lost.wait(None if self.up else _LOOK_EVERY_S)
            self._lost.clear()
            if self._stopped.is_set():
                return
            if not self.up:
                try:
                    self._connect()
                except SchemaError as error:
                    self.why_away = str(error)
                if not self.up:
                    self._stopped.wait(_LOOK_EVERY_S)

    def _connect(self) -> bool:
        with self._changing:
            if self._pool is not None or self._stopped.is_set():
                return self._pool is not None
            try:
                url = self._address()
                with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
                    self._ready(connection)
                self._pool = _pool(url)
            except SchemaError:
                raise
            except (psycopg.Error, PoolTimeout, ExporterError) as error:
                if self.why_away != str(error).strip():
                    self.why_away = str(error).strip()
                    _log.warning("Postgres is away: %s", self.why_away)
                return False
            _log.info("Postgres is up")
            return True

    def _drop(self, why: str) -> None:
        with self._changing:
            pool, self._pool = self._pool, None
            self.why_away = why
        if pool is not None:
            # Its workers may be waiting for a server that is gone; nobody waits for them.
            threading.Thread(target=pool.close, name="closing pool", daemon=True).start()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A single connection, for a command that needs no more. Raises DatabaseError."""
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            yield connection
    except psycopg.Error as error:
        raise DatabaseError(f"Postgres refused: {error}".strip()) from error


def _pool(url: str) -> ConnectionPool[Connection]:
    """A pool that is open and has a working connection."""
    pool: ConnectionPool[Connection] = ConnectionPool(
        url,
        min_size=1,
        max_size=_POOL_SIZE,
        open=False,
        configure=_prepare,
        kwargs={"connect_timeout": _CONNECT_TIMEOUT_S},
        reconnect_timeout=_CONNECT_TIMEOUT_S,
    )
    try:
        pool.open(wait=True, timeout=_CONNECT_TIMEOUT_S)
    except PoolTimeout:
        pool.close(timeout=0)
        raise
    return pool
