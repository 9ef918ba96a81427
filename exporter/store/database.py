"""The connection to Postgres: a pool while it is up, an immediate error while it is away.

Postgres may go away and come back at any moment. The first broken connection closes the pool;
from then on `Database.run` fails at once, so that threads that poll the exchange never wait for it,
and a watcher thread tries once a second to reconnect (possibly to another port: the address is
read each time).

Overload is no outage: a thread that gets no connection in time, or whose transaction takes too long
while others end, gets DatabaseBusy, and the pool stays. Only when nothing ends at all is Postgres
asked whether it still responds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import inf
from typing import Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from exporter.logs import context
from exporter.logs.recurring import Recurring
from exporter.model.errors import (
    DatabaseBusy,
    DatabaseError,
    EmbeddedPostgresError,
    ExporterError,
    SchemaError,
    Stopping,
)
from exporter.store.deadlines import Deadlines
from exporter.store.login import Away, remedy_of, unreadable_url
from exporter.store.pool import (
    EXHAUSTED,
    RETRYABLE,
    SIZE,
    TIMED_OUT,
    Connection,
    connected,
    data_refusals,
    gave_up,
    is_lost,
    message_of,
    open_pool,
    refusal,
)
from exporter.store.session import CONNECT_S, MEANING, READ_ONLY, Session, accepts_writes, catch_up

__all__ = ["Connection", "Database", "connected"]

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_WATCH_INTERVAL_S = 1.0
_RECONNECT_WAIT_S = 0.2
_TIMEOUT_S = 600.0
_SLOW_TIMEOUT_S = 6 * 3_600.0
_BRIEF_TIMEOUT_S = 5.0
_WAIT_S = 30.0
_BRIEF_WAIT_S = 5.0
"""How long a thread waits for a connection while all are in use."""
_SILENT_S = 5.0
"""When no transaction has ended for so long, a pool without a free connection may be a dead one."""
_ATTEMPTS = 5
_BRIEFLY = (
    "SELECT set_config('lock_timeout', '3s', true), set_config('statement_timeout', '4s', true)"
)
_Begin = Callable[[Session], AbstractContextManager[None]]
"""The transaction of some work: `Session.plain`, `Session.ahead` or `Session.alone`."""
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
        self._pool: ConnectionPool[Session] | None = None
        self._connecting = threading.Lock()
        self._stopped = threading.Event()
        self._lost = threading.Event()
        self._watcher: threading.Thread | None = None
        self._attempts = 0
        self._guard = threading.Lock()
        self._deadlines = Deadlines()
        self._ended_at = -inf
        """When a transaction ended well last, in monotonic seconds."""
        self._doubted = False
        """Whether the watcher is to find out if Postgres still responds."""
        self._recurring = Recurring()
        self.tried = False
        """Whether the first attempt to connect has ended."""
        self.away = Away("not connected yet")
        """Why Postgres could not be used last."""

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
        watcher = threading.Thread(target=self._watch, name="database", daemon=True)
        watcher.start()
        self._watcher = watcher  # last: another thread may close meanwhile, and would join it
        return is_up

    def close(self) -> None:
        """Close all connections and cancel running transactions, which might wait for ever."""
        self._stopped.set()
        self._deadlines.close()
        self._lost.set()
        self._drop("closed")
        self._deadlines.cut(due_by=inf)
        if self._watcher is not None:
            self._watcher.join(timeout=_WATCH_INTERVAL_S)

    def run(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``work`` in one transaction; repeat all of it after a conflict with another writer.

        Raises DatabaseError when Postgres is away or refuses, DataRefused when it refuses for good
        because of a value; the transaction is rolled back then.
        """
        return self._run(_TIMEOUT_S, _WAIT_S, lambda connection: work(connection, *args, **kwargs))

    def run_slowly(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for work on whole tables: it may take hours."""
        return self._run(_SLOW_TIMEOUT_S, _WAIT_S, lambda found: work(found, *args, **kwargs))

    def run_ahead(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for work that can do without the answers to most of its statements, or calls
        `session.catch_up` where it cannot: it runs ahead (`Session.ahead`)."""
        return self._run(
            _TIMEOUT_S, _WAIT_S, lambda found: work(found, *args, **kwargs), Session.ahead
        )

    def run_at_once(
        self,
        ask: Callable[Concatenate[Connection, P], Callable[[], T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `run_ahead`, in one round trip: ``ask`` executes statements, and the function that it
        returns reads the answers, after the COMMIT."""
        return self.run_ahead(ask, *args, **kwargs)()

    def look(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for work that only reads, with one statement: without BEGIN and COMMIT, it
        takes one round trip."""
        return self._run(
            _TIMEOUT_S, _WAIT_S, lambda found: work(found, *args, **kwargs), Session.alone
        )

    def run_briefly(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for threads that poll the exchange: a Postgres that hangs counts as away.

        A transaction gets 5 seconds, 4 for each statement and 3 for each lock.
        """

        def waiting(connection: Connection) -> T:
            catch_up(connection)
            return work(connection, *args, **kwargs)

        return self.run_ahead_briefly(waiting)

    def run_ahead_briefly(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run_briefly` and `run_ahead`."""

        def briefly(connection: Connection) -> T:
            connection.execute(_BRIEFLY)
            return work(connection, *args, **kwargs)

        return self._run(_BRIEF_TIMEOUT_S, _BRIEF_WAIT_S, briefly, Session.ahead)

    def _run(
        self,
        timeout_s: float,
        wait_s: float,
        work: Callable[[Connection], T],
        begin: _Begin = Session.plain,
    ) -> T:
        began = time.monotonic()
        for attempt in range(1, _ATTEMPTS + 1):
            pool = self._pool
            if pool is None:
                raise self.away.error()
            try:
                with (
                    data_refusals(),
                    self._transaction(pool, timeout_s, wait_s, begin) as connection,
                ):
                    return work(connection)
            except RETRYABLE as error:
                if attempt == _ATTEMPTS:
                    raise gave_up(error, attempt) from error
                self._stopped.wait(0.02 * 2**attempt)
            except psycopg.Error as error:
                if not is_lost(error):
                    raise self._refused(error) from error
                with context.clear():  # the outage is not about the stream that noticed it
                    self._lose(pool, error, began + wait_s + timeout_s)
        raise self.away.error()

    def _refused(self, error: psycopg.Error) -> DatabaseError:
        """What an error means that leaves the connection as good as it was."""
        if isinstance(error, TIMED_OUT):
            return DatabaseError(f"Postgres is busy: {message_of(error)}")
        if isinstance(error, PoolTimeout):
            self._doubt()
            return self._busy(f"none of {SIZE} connections was free in time")
        if isinstance(error, EXHAUSTED):
            return self._busy(message_of(error))
        return refusal(error)

    @contextmanager
    def _transaction(
        self, pool: ConnectionPool[Session], timeout_s: float, wait_s: float, begin: _Begin
    ) -> Iterator[Connection]:
        """A connection with a transaction that must end within ``timeout_s``, commit included."""
        with self._deadlines.watched() as watch:
            began = inf
            try:
                with pool.connection(timeout=wait_s) as connection:
                    began = time.monotonic()
                    running = watch(connection, began + timeout_s)
                    with begin(connection):
                        yield connection
            except psycopg.Error as error:
                if self._ended_at > began and running.overdue:
                    raise self._busy(f"a transaction took longer than {timeout_s:.0f} s") from error
                raise
        self._ended_at = time.monotonic()

    def _busy(self, why: str) -> DatabaseBusy:
        """The error of a transaction that overload prevented; one line for many of them."""
        with context.clear():
            if self._recurring.is_first(why):
                _log.warning("Postgres is busy: %s", why)
        return DatabaseBusy(f"Postgres is busy: {why}")

    def _doubt(self) -> None:
        """Let the watcher find out whether Postgres still responds, if no transaction shows it."""
        if time.monotonic() - self._ended_at > _SILENT_S:
            self._doubted = True
            self._lost.set()

    def _settle_doubt(self) -> None:
        self._doubted, pool = False, self._pool
        if pool is None:
            return
        try:
            with psycopg.connect(self._address(), connect_timeout=CONNECT_S):
                self._ended_at = time.monotonic()
        except psycopg.errors.ConnectionTimeout as error:
            if self._drop(message_of(error), pool):
                self._tell_lost(message_of(error))
                self._deadlines.cut(due_by=inf)
        except (psycopg.Error, ExporterError) as error:
            # It responds, or is gone: then the connections in use say so themselves.
            _log.debug("could not ask whether Postgres responds: %s", message_of(error))

    def _lose(self, pool: ConnectionPool[Session], error: Exception, due: float) -> None:
        """A connection broke: reconnect once, else leave it to the watcher.

        Raises DatabaseError when there is no time left for another attempt.
        """
        if self._drop(message_of(error), pool):
            self._tell_lost(message_of(error))
            try:
                is_up = self._connect()
            except _UNUSABLE as refused:
                raise DatabaseError(str(refused)) from refused
            if not is_up:
                self._deadlines.cut(due_by=inf)  # the others would notice only later
            self._lost.set()
        else:
            self._stopped.wait(_RECONNECT_WAIT_S)  # the first thread to notice reconnects
        if time.monotonic() > due:
            raise DatabaseError(f"Postgres does not respond: {message_of(error)}") from error

    def _tell_lost(self, why: str) -> None:
        text = f"lost the connection to Postgres: {why}"
        if self._recurring.is_first(text):
            _log.warning("%s", text)

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._lost.wait(_WATCH_INTERVAL_S)
            self._lost.clear()
            if self._stopped.is_set():
                return
            self._deadlines.cut(due_by=time.monotonic())
            for text, count in self._recurring.summaries():
                _log.warning("%d times again in the last minute: %s", count, text)
            if self._doubted:
                self._settle_doubt()
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
                    self._deadlines.watched() as watch,
                    Session.connect(url, connect_timeout=CONNECT_S) as session,
                ):
                    watch(session, inf)
                    session.set_up(MEANING)
                    _check_writable(session)
                    self._ready(session)
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
        if self._recurring.is_first("Postgres is up"):
            _log.info("Postgres is up")
        return True

    def _report(self, error: Exception) -> None:
        away = Away(message_of(error), remedy_of(error), unreadable_url(error))
        if self.away.why != away.why:
            _log.warning("%s", away.error())
        self.away = away

    def _drop(self, why: str, lost: ConnectionPool[Session] | None = None) -> bool:
        """Close the pool, if given only when it still is ``lost``; whether this call closed it."""
        with self._guard:
            if lost not in (None, self._pool):
                return False
            pool, self._pool = self._pool, None
            self.away = Away(why)
        if pool is not None:
            # In a thread, because its workers may be waiting for a server that is gone.
            threading.Thread(target=pool.close, name="closing pool", daemon=True).start()
        return True


def _check_writable(session: Session) -> None:
    """Raises DatabaseError unless the server accepts writes."""
    if not accepts_writes(session):
        raise DatabaseError(READ_ONLY)
    session.commit()
