"""The last resort: when Postgres refuses a batch for a value, find the records that it refuses.

Every value is checked where it is decoded. What gets past that fails a whole transaction, which
would fail again for ever. Then the batch is halved until each record that Postgres refuses is
alone; it becomes a reject with Postgres' words, and all others load, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import psycopg

from exporter.model.stream import History, Reject, Table
from exporter.store.database import Connection
from exporter.store.pool import UNWRITABLE, message_of, refuses_data

Result = TypeVar("Result")
Write = Callable[[Sequence[Any]], Result]
"""Writes some rows in the caller's transaction."""


class Salvaged(NamedTuple):
    """What became of the rows of a batch."""

    results: list[Any]
    """What each call of ``write`` returned that Postgres accepted."""
    loaded: list[Any]
    refused: list[tuple[Any, str]]
    """Each row that Postgres refuses, and why."""


def write_all_but_the_refused(
    connection: Connection, table: Table, rows: Sequence[Any], write: Write[Any]
) -> Salvaged:
    """Write the rows in as few calls of ``write`` as Postgres allows, each in a savepoint.

    Rows of one key stay together, so that twins are compared with each other.
    """
    key = attrgetter(*table.key)
    groups = [list(group) for _, group in groupby(sorted(rows, key=key), key)]
    done = Salvaged([], [], [])
    _write(connection, groups, write, done)
    return done


def _write(
    connection: Connection, groups: Sequence[list[Any]], write: Write[Any], done: Salvaged
) -> None:
    rows = [row for group in groups for row in group]
    if not rows:
        return
    refusal = _attempt(connection, rows, write, done)
    if refusal is None:
        return
    if len(rows) == 1:
        done.refused.append((rows[0], refusal))
    elif len(groups) == 1:
        _write_one_key(connection, rows, write, done)
    else:
        middle = len(groups) // 2
        _write(connection, groups[:middle], write, done)
        _write(connection, groups[middle:], write, done)


def _write_one_key(
    connection: Connection, rows: Sequence[Any], write: Write[Any], done: Salvaged
) -> None:
    """Rows of one key: those that Postgres would accept alone are written together."""
    accepted = []
    for row in rows:
        refusal = _attempt(connection, [row], write)
        if refusal is None:
            accepted.append(row)
        else:
            done.refused.append((row, refusal))
    refusal = _attempt(connection, accepted, write, done)
    if refusal is not None:
        done.refused.extend((row, refusal) for row in accepted)


def _attempt(
    connection: Connection, rows: Sequence[Any], write: Write[Any], done: Salvaged | None = None
) -> str | None:
    """Write rows in a savepoint; why Postgres refuses them. Without ``done``: only try."""
    try:
        with connection.transaction(force_rollback=done is None):
            result = write(rows)
    except UNWRITABLE as error:
        return f"cannot be stored: {error}"
    except psycopg.Error as error:
        if not refuses_data(error):
            raise
        return f"Postgres refused: {explained(error)}"
    if done is not None:
        done.results.append(result)
        done.loaded.extend(rows)
    return None


def explained(error: psycopg.Error) -> str:
    """What Postgres says, with its detail unless that quotes a whole row."""
    detail = error.diag.message_detail
    quotes_a_row = isinstance(error, psycopg.IntegrityError)
    return message_of(error) if detail is None or quotes_a_row else f"{message_of(error)}: {detail}"


def reject_of(stream: History, row: Any, reason: str) -> Reject:
    """The reject of a row that was decoded, and that Postgres refuses."""
    return Reject(row.raw, reason, stream.table.key_of(row), getattr(row, stream.instant))
