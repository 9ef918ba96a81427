"""What is known of verification: what was read again and when, what it found, what is to be done.

Each function runs in the caller's transaction; those that write, under the stream's lock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, cast

from psycopg import sql

from exporter.model.stream import History, Partition, Table
from exporter.model.window import EPOCH, Window
from exporter.store import issues, record_pages
from exporter.store.database import Connection
from exporter.store.lease import Lease, check
from exporter.store.queries import QUERIES, identity_of

KINDS = ("late", "changed", "vanished", "returned")
"""Of findings. ``returned``: what had vanished is shown again."""
_FUTURE = timedelta(hours=1)
"""What seems to have been verified later than so far ahead was dated by a wrong clock."""


class Round(NamedTuple):
    """How often a part of history is read again."""

    window: Window
    settled: datetime
    """Only what lies before it makes a round due; what follows is read with it."""
    every: timedelta
    now: datetime


class Result(NamedTuple):
    """What a walk through a proven window found."""

    window: Window
    at: datetime
    """When, by the exchange's time."""
    facts: int
    """How many facts are stored of the window."""
    vanished: Collection[Any]
    """The keys of facts that the exchange no longer shows."""
    not_served: int
    """Facts of a time that the exchange no longer serves."""


class Finding(NamedTuple):
    """A fact that verification found different from what was stored."""

    kind: str
    """One of `KINDS`."""
    key: Mapping[str, str]
    happened_at: datetime | None


def server_time(connection: Connection) -> datetime:
    """The time of Postgres, which ``first_seen_at`` has."""
    ((at,),) = connection.execute(QUERIES["server_time"]).fetchall()
    return cast(datetime, at)


def due(connection: Connection, partition: Partition, round_: Round) -> list[Window]:
    """What is to be read again, oldest first; nothing while all of it was read lately.

    Once a part has not been read for ``every``, all that was not read for half as long is due:
    windows that are read together stay together.
    """
    now = round_.now
    parameters = identity_of(partition) | {
        "start": round_.window.start,
        "end": round_.window.end,
        "settled": max(round_.window.start, min(round_.settled, round_.window.end)),
        "due": now - round_.every,
        "again": now - round_.every / 2,
        "latest": now + _FUTURE,
    }
    if round_.window.empty:
        return []
    return [Window(*row) for row in connection.execute(QUERIES["due_to_verify"], parameters)]


def stored_keys(
    connection: Connection,
    stream: History,
    partition: Partition,
    window: Window,
    before: datetime | None = None,
    limit: int | None = None,
) -> dict[Any, datetime]:
    """The keys of stored facts of a window, and when each happened; of those first stored
    ``before`` an instant of Postgres' clock; at most ``limit``."""
    statement = _of(stream, partition, keys_only=True)
    parameters = _of_window(partition, window) | {"before": before, "limit": limit}
    return {
        tuple(key) if len(key) > 1 else key[0]: at
        for at, *key in connection.execute(statement, parameters)
    }


def newest_before(
    connection: Connection, stream: History, partition: Partition, instant: datetime
) -> datetime | None:
    """When the newest stored fact before an instant happened."""
    statement = _newest(stream.table, stream.instant, _scoping(stream, partition))
    parameters = _of_window(partition, Window(EPOCH, instant)) | {"before": None}
    row = connection.execute(statement, parameters).fetchone()
    return row[0] if row else None


def note(
    connection: Connection,
    stream: History,
    partition: Partition,
    result: Result,
    lease: Lease | None,
) -> int:
    """Note that a window was verified, and what has vanished of it; how many of these are new.

    Nothing is deleted. Raises LeaseLost.
    """
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    check(connection, partition.account_id, lease)
    new = 0
    if result.vanished:
        key = attrgetter(*stream.table.key)
        parameters = _of_window(partition, result.window) | {"before": None, "limit": None}
        found = connection.execute(_of(stream, partition, keys_only=False), parameters).fetchall()
        rows = [stream.table.row(*values) for values in found]
        gone = [row for row in rows if key(row) in result.vanished]
        new = issues.note_vanished(connection, partition, stream, gone)
    noted = {
        "start": result.window.start,
        "end": result.window.end,
        "verified_at": result.at,
        "facts": result.facts,
        "not_served": result.not_served,
    }
    connection.execute(QUERIES["note_verified"], identity_of(partition) | noted)
    return new


def found_since(connection: Connection, partition: Partition, since: datetime) -> list[Finding]:
    """What verification found of a stream since an instant of Postgres' clock, newest first."""
    parameters = identity_of(partition) | {"since": since}
    return [Finding(*row) for row in connection.execute(QUERIES["found_since"], parameters)]


def findings(connection: Connection) -> dict[tuple[str, str, str], int]:
    """How many facts verification ever found, by account name, stream and kind."""
    found = connection.execute(QUERIES["findings"])
    return {(name, stream, kind): count for name, stream, kind, count in found}


class Progress(NamedTuple):
    """How far verification of a stream is."""

    last_at: datetime | None
    """When something was last read again; None: nothing was yet."""
    ratio: float
    """The share of what is proven that was read lately, for the first time or again."""


def progress(
    connection: Connection, settled: datetime, since: datetime
) -> dict[tuple[str, str], Progress]:
    """By account name and stream; of what is proven ``before`` ``settled``, and read ``since``."""
    found = connection.execute(QUERIES["verify_progress"], {"settled": settled, "since": since})
    return {(name, stream): Progress(last_at, ratio) for name, stream, last_at, ratio in found}


def scopes_of(connection: Connection, partition: Partition) -> list[str]:
    """Every scope of a stream that something is proven of, or that was ever to be read."""
    found = connection.execute(QUERIES["scopes_of"], identity_of(partition))
    return [scope for (scope,) in found]


def forget(
    connection: Connection, partition: Partition, window: Window, lease: Lease | None
) -> list[Window]:
    """Forget what is proven of a window, so that it is read again; facts stay. What was proven.

    Raises LeaseLost.
    """
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    check(connection, partition.account_id, lease)
    parameters = identity_of(partition) | {"start": window.start, "end": window.end}
    forgotten = connection.execute(QUERIES["forget_coverage"], parameters).fetchall()
    if forgotten:
        connection.execute(QUERIES["forget_verified"], parameters)
        connection.execute(QUERIES["forget_proven_days"], parameters)
    return [Window(*row) for row in forgotten]


def note_funding_signs(connection: Connection, account_id: str) -> list[tuple[str, str, datetime]]:
    """Note changes of the sign of funding of an account, each once: from, to, and since when."""
    found = connection.execute(QUERIES["note_funding_signs"], {"account_id": account_id})
    return [(before, now, since) for before, now, since in found]


def _of_window(partition: Partition, window: Window) -> dict[str, Any]:
    return identity_of(partition) | {"start": window.start, "end": window.end}


def _of(stream: History, partition: Partition, *, keys_only: bool) -> sql.Composed:
    return _select(stream.table, stream.instant, _scoping(stream, partition), keys_only)


def _scoping(stream: History, partition: Partition) -> tuple[tuple[str, str], ...]:
    """The facts that a walk must show: those of the scope that are settled."""
    return (*stream.columns_of(partition.instrument).items(), *stream.settled.items())


@cache
def _select(
    table: Table, instant: str, scoping: tuple[tuple[str, str], ...], keys_only: bool
) -> sql.Composed:
    """The facts of a window of a partition: instant and key, or whole rows."""
    columns = record_pages.selected(table)
    if keys_only:
        columns = sql.SQL(", ").join(
            sql.SQL("{}::text" if table.columns[name] == "uuid" else "{}").format(
                sql.Identifier(name)
            )
            for name in (instant, *table.key)
        )
    return sql.SQL("SELECT {} FROM {} LIMIT %(limit)s").format(
        columns, _facts(table, instant, scoping)
    )


@cache
def _newest(table: Table, instant: str, scoping: tuple[tuple[str, str], ...]) -> sql.Composed:
    return sql.SQL("SELECT max({}) FROM {}").format(
        sql.Identifier(instant), _facts(table, instant, scoping)
    )


def _facts(table: Table, instant: str, scoping: tuple[tuple[str, str], ...]) -> sql.Composed:
    """The facts of a window of a partition that were first stored before an instant, if given."""
    conditions: list[sql.Composable] = [
        sql.SQL("{0} >= %(start)s AND {0} < %(end)s").format(sql.Identifier(instant)),
        sql.SQL("(%(before)s::timestamptz IS NULL OR first_seen_at < %(before)s)"),
    ]
    if "account_id" in table.columns:
        conditions.append(sql.SQL("account_id = %(account_id)s"))
    conditions.extend(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value))
        for column, value in scoping
    )
    return sql.SQL("{} AS stored WHERE {}").format(
        sql.Identifier("onetrading", table.name), sql.SQL(" AND ").join(conditions)
    )
