"""The months of the tables of snapshots: one partition each, made before it is needed.

A snapshot's number tells when it was first observed, so that the bounds of a month follow from the
calendar, and old months can be thinned and dropped as tables. There is no default partition: a
month that nobody has made yet is made in the transaction that stores its first snapshot.
"""

from __future__ import annotations

from datetime import datetime

from exporter.model.window import EPOCH, RESOLUTION
from exporter.store.database import Connection
from exporter.store.queries import QUERIES

MONTHS_AHEAD = 3
"""How many months are made ahead: so long nobody has to run the service."""
_NUMBERS = 1024
"""How many snapshots may begin in one microsecond: the next one takes the next microsecond's."""


def first_id(at: datetime) -> int:
    """The least number of a snapshot that was first observed at an instant."""
    return (at - EPOCH) // RESOLUTION * _NUMBERS


def time_of(number: int) -> datetime:
    """When a snapshot of this number was first observed, at the earliest."""
    return EPOCH + number // _NUMBERS * RESOLUTION


def next_id(at: datetime, last: int | None) -> int:
    """The number of a snapshot that follows the ``last`` one of its account and stream.

    It never goes back: of a time that was set back, or one that another process is ahead of, the
    last number counts.
    """
    return first_id(at) if last is None else max(first_id(at), last + 1)


def name_of(at: datetime, table: str = "snapshots") -> str:
    """The name of the partition that holds what was first observed at an instant.

    What earlier versions stored is in another one, ``TABLE_earlier``.
    """
    return f"{table}_{at:%Y_%m}"


def make(connection: Connection, at: datetime) -> list[str]:
    """Make the partitions of an instant's month that are missing; their names."""
    return _make(connection, at, 0)


def make_ahead(connection: Connection) -> list[str]:
    """Make those of this month, as Postgres has it, and of the next ones; their names."""
    row = connection.execute(QUERIES["server_time"]).fetchone()
    assert row is not None  # noqa: S101  a SELECT without FROM
    return _make(connection, row[0], MONTHS_AHEAD)


def _make(connection: Connection, at: datetime, ahead: int) -> list[str]:
    parameters = {"at": at, "ahead": ahead}
    return [name for (name,) in connection.execute(QUERIES["make_partitions"], parameters)]
