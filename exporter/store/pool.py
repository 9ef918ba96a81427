"""Connections to Postgres: how they are set up and cut off, and what their errors mean."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg_pool import ConnectionPool, PoolTimeout

from exporter.model.errors import DatabaseError

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_S = 5
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

EXHAUSTED = (
    pg.InsufficientResources,
    pg.DiskFull,
    pg.OutOfMemory,
    pg.TooManyConnections,
    pg.ConfigurationLimitExceeded,
)
"""Postgres responds, and lacks a resource (class 53): the connection is still good."""

DISCONNECTED = (psycopg.OperationalError, psycopg.InterfaceError)
"""The connection is lost, unless it is one of those above: see `is_lost`."""


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is lost, not merely refused, busy or short of something."""
    responded = (*RETRYABLE, *TIMED_OUT, *EXHAUSTED, PoolTimeout)
    return isinstance(error, DISCONNECTED) and not isinstance(error, responded)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A single connection, for a command that needs only one. Raises DatabaseError."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_S) as connection:
            yield connection
    except psycopg.Error as error:
        raise DatabaseError(f"Postgres refused: {message_of(error)}") from error


def open_pool(url: str) -> ConnectionPool[Connection]:
    """An open pool with a working connection. Raises PoolTimeout."""
    pool: ConnectionPool[Connection] = ConnectionPool(
        url,
        min_size=1,
        max_size=SIZE,
        open=False,
        configure=_prepare,
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


def _prepare(connection: Connection) -> None:
    """Set up the session of a new connection.

    Look-ups by key must use the index even when the statistics of a young table make the planner
    prefer a sequential scan, and compiling them (JIT) takes longer than running them. A transaction
    that idles is one of a process that was suspended: until it ends, nobody can take its account.
    """
    connection.execute(
        "SELECT set_config('timezone', 'UTC', false), set_config('jit', 'off', false),"
        " set_config('enable_seqscan', 'off', false),"
        " set_config('application_name', 'onetrading-exporter', false),"
        " set_config('lock_timeout', '30s', false),"
        " set_config('statement_timeout', '120s', false),"
        " set_config('idle_in_transaction_session_timeout', '15s', false)"
    )
    connection.commit()


def message_of(error: Exception) -> str:
    """What Postgres says, without the lines that quote rows: logs and pages show it."""
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return "the Postgres URL cannot be read"  # libpq quotes the part, maybe the password
    diagnosis = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return diagnosis or str(error).strip()
