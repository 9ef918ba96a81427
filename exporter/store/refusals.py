"""What Postgres's errors mean for a transaction, and what may be repeated of them."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

RETRYABLE = (
    pg.SerializationFailure,
    pg.DeadlockDetected,
    pg.UniqueViolation,
    pg.ExclusionViolation,
)
"""Another writer was in the way: the whole transaction is worth another try."""

TIMED_OUT = (pg.LockNotAvailable, pg.QueryCanceled)
"""Somebody holds a lock, or a statement takes too long: the connection is as good as before."""

DISCONNECTED = (psycopg.OperationalError, psycopg.InterfaceError)
"""The connection is."""


def message_of(error: Exception) -> str:
    """What Postgres says, without the lines that quote rows: this goes into logs and pages."""
    diagnosis = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return diagnosis or str(error).strip()
