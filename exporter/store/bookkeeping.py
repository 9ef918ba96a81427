"""Questions and notes about how the sync stands; each runs in the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from exporter.model.errors import UnexpectedPayload
from exporter.model.stream import History, Partition
from exporter.model.window import Window
from exporter.store.database import Connection
from exporter.store.queries import QUERIES


def _identity(partition: Partition) -> dict[str, Any]:
    return {
        "account_id": partition.account_id,
        "stream": partition.stream,
        "scope": partition.instrument,
    }


def account_id(connection: Connection, name: str) -> str | None:
    """The identity under which a configured name is known, or None."""
    row = connection.execute(QUERIES["account_by_name"], {"name": name}).fetchone()
    return None if row is None else str(row[0])


def remember_account(connection: Connection, name: str, identity: str) -> None:
    """Learn which account a configured name stands for.

    Raises UnexpectedPayload when the name stood for another account before: its rows must not be
    mixed with those of the new one.
    """
    known = account_id(connection, name)
    if known is not None and known != identity.lower():
        raise UnexpectedPayload(
            f"account {name!r} was {known} so far, and its token now reads {identity}: "
            "configure the new account under another name"
        )
    connection.execute(QUERIES["remember_account"], {"account_id": identity, "name": name})


def covered(connection: Connection, partition: Partition, window: Window) -> list[Window]:
    """The proven ranges of a scope that touch ``window``, oldest first."""
    parameters = _identity(partition) | {"start": window.start, "end": window.end}
    return [Window(*row) for row in connection.execute(QUERIES["covered"], parameters)]


def covered_to(connection: Connection, partition: Partition) -> datetime | None:
    """The newest proven instant of a scope."""
    row = connection.execute(QUERIES["covered_to"], _identity(partition)).fetchone()
    return row[0] if row else None


def require(
    connection: Connection,
    stream: History,
    partition: Partition,
    start: datetime,
    *,
    explicit: bool,
) -> datetime:
    """Note from where history must be complete; the start in force.

    The default (not ``explicit``) is only used the first time: it must not move with the clock.
    """
    parameters = _identity(partition) | {
        "required_from": start,
        "settle": stream.allowed_lateness,
        "explicit": explicit,
    }
    connection.execute(QUERIES["require"], parameters)
    row = connection.execute(QUERIES["required_from"], _identity(partition)).fetchone()
    return row[0] if row else start


def retire(connection: Connection, partition: Partition, because: str | None) -> None:
    """Note that a scope is no longer asked, or (None) that it is again."""
    connection.execute(QUERIES["retire"], _identity(partition) | {"because": because})


def note_attempt(
    connection: Connection, partition: Partition, interval: timedelta, error: str | None
) -> None:
    """Note how a pass went and when the next is due."""
    connection.execute(
        QUERIES["note_attempt"], _identity(partition) | {"interval": interval, "error": error}
    )


def futures(connection: Connection) -> list[tuple[str, str]]:
    """Code and state of every instrument that is not SPOT."""
    return [(code, state) for code, state in connection.execute(QUERIES["futures"])]


def totals(
    connection: Connection, partition: Partition
) -> list[tuple[str, tuple[str, ...], Decimal]]:
    """Metric, labels and value of what a stream's counters stand at."""
    rows = connection.execute(QUERIES["totals"], _identity(partition))
    return [(metric, tuple(labels), value) for metric, labels, value in rows]


class DataQualityCounts(NamedTuple):
    """How many records of a stream could not be read, or were not as expected."""

    rejects: int = 0
    """In quarantine now."""
    drift: int = 0
    """Ever seen: fields, values and page shapes that the documentation does not know."""
    changed: int = 0
    """Ever seen: settled facts that came back different."""


def data_quality_counts(connection: Connection) -> dict[tuple[str, str], DataQualityCounts]:
    """By account name and stream; those without any are left out."""
    rows = connection.execute(QUERIES["data_quality_counts"])
    return {(account, stream): DataQualityCounts(*counts) for account, stream, *counts in rows}


def number_run(connection: Connection) -> int | None:
    """The ``run_id`` of a walk that begins; None where our role may not draw one beforehand."""
    row = connection.execute(QUERIES["number_run"]).fetchone()
    return None if row is None else int(row[0])


def prune(connection: Connection) -> None:
    """Forget the log of walks of long ago; what they proved stays."""
    connection.execute(QUERIES["prune_runs"])


def may_write(connection: Connection) -> bool:
    """Whether the role may set up the schema, or use the one that is there."""
    row = connection.execute(QUERIES["may_write"]).fetchone()
    return bool(row and row[0])
