"""Connections to Postgres: how they are set up and cut off, and what their errors mean."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg_pool import ConnectionPool, PoolTimeout

from exporter.model.errors import DatabaseError, DataRefused, LoginRefused
from exporter.store.login import remedy_of
from exporter.store.session import CONNECT_S, SERVICE, Session, connect

Connection = psycopg.Connection[tuple[Any, ...]]

SIZE = 8
"""Connections of a process, however many accounts it has: more would only queue for the CPU and the
disk of Postgres. Threads wait for one."""

RETRYABLE = (
    pg.SerializationFailure,
    pg.DeadlockDetected,
    pg.UniqueViolation,
    pg.ExclusionViolation,
)
"""Another writer was in the way: the whole transaction may be repeated (Postgres,
"Serialization Failure Handling")."""

TIMED_OUT = (pg.LockNotAvailable, pg.QueryCanceled)
"""Somebody holds a lock, or a statement takes too long; the connection is still good."""

UNWRITABLE = (ValueError, ArithmeticError, RecursionError)
"""A value could not even be written down for Postgres, as a lone surrogate (UnicodeEncodeError).
What Postgres itself refuses: see `refuses_data`."""

_DATA_CLASSES = ("21", "22", "23", "54")
"""Classes of SQLSTATE that say that a value can never be stored: cardinality, data exceptions,
integrity constraints, program limits (PostgreSQL, Appendix A). The last one counts as an
OperationalError in psycopg, but the connection is good."""

EXHAUSTED = (
    pg.InsufficientResources,
    pg.DiskFull,
    pg.OutOfMemory,
    pg.TooManyConnections,
    pg.ConfigurationLimitExceeded,
)
"""Postgres responds, and lacks a resource (class 53): the connection is still good."""

DISCONNECTED = (psycopg.OperationalError, psycopg.InterfaceError, pg.ReadOnlySqlTransaction)
"""The connection is lost, unless it is one of those above (`is_lost`). One that may only read is of
no use either, and stays so when the server accepts writes again: whether it may write was decided
when it was opened."""


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is lost, not merely refused, busy or short of something."""
    responded = (*RETRYABLE, *TIMED_OUT, *EXHAUSTED, PoolTimeout)
    return isinstance(error, DISCONNECTED) and not isinstance(error, responded)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A single connection, for a command that needs only one, outside a transaction: each begins
    with `session.begin`. Raises DatabaseError.
    """
    try:
        with connect(url) as session:
            yield session
    except psycopg.Error as error:
        raise refusal(error) from error


def refusal(error: psycopg.Error) -> DatabaseError:
    """What an error means that is no lost connection, with the remedy where one is known."""
    remedy = remedy_of(error)
    if remedy is None:
        return DatabaseError(f"Postgres refused: {message_of(error)}")
    return LoginRefused(f"Postgres refused: {message_of(error)}; {remedy}")


def open_pool(url: str) -> ConnectionPool[Session]:
    """An open pool with a working connection. Raises PoolTimeout."""
    pool = ConnectionPool(
        url,
        connection_class=Session,
        min_size=1,
        max_size=SIZE,
        open=False,
        configure=_set_up,
        kwargs={"connect_timeout": CONNECT_S},
        reconnect_timeout=CONNECT_S,
    )
    try:
        pool.open(wait=True, timeout=CONNECT_S)
    except PoolTimeout:
        pool.close(timeout=0)
        raise
    return pool


def shut(descriptor: int) -> None:
    """Shut a connection's socket down, which wakes up a thread that reads; closing does not."""
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def _set_up(session: Session) -> None:
    session.set_up(SERVICE)


def refuses_data(error: psycopg.Error) -> bool:
    """Whether it was the data: a retry on a good connection would bring the same.

    psycopg itself refuses NUL in text, without a SQLSTATE.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)
    return error.sqlstate.startswith(_DATA_CLASSES)


@contextmanager
def data_refusals() -> Iterator[None]:
    """Raise DataRefused for a value that cannot be stored; every other error passes."""
    try:
        yield
    except RETRYABLE:
        raise
    except UNWRITABLE as error:
        raise DataRefused(f"cannot be stored: {error}") from error
    except psycopg.Error as error:
        if not refuses_data(error):
            raise
        raise DataRefused(f"Postgres refused: {message_of(error)}") from error


def gave_up(error: psycopg.Error, attempts: int) -> DatabaseError:
    """What to raise when another writer seems to be in the way for ever.

    A key that stands twice in the data looks the same.
    """
    kind = DataRefused if refuses_data(error) else DatabaseError
    return kind(f"gave up after {attempts} attempts: {message_of(error)}")


def message_of(error: Exception) -> str:
    """What Postgres says, without the lines that quote rows: logs and pages show it."""
    if isinstance(error, psycopg.ProgrammingError) and _of_conninfo(error):
        return "the Postgres URL cannot be read"  # libpq quotes the part, maybe the password
    diagnosis = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return diagnosis or str(error).strip()


def _of_conninfo(error: psycopg.ProgrammingError) -> bool:
    """Whether it was raised where connection strings are taken apart; psycopg has no class for it,
    and no SQLSTATE either, as for a query with too few parameters."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") == "psycopg.conninfo" for frame, _ in frames)
