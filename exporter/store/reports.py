"""The state of the sync, for the commands and the status page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from exporter.model.retirement import CLOSED
from exporter.model.stream import Stream
from exporter.model.window import Window
from exporter.store import fact_counts
from exporter.store.database import Connection
from exporter.store.queries import QUERIES

Row = dict[str, Any]
"""Values by column name, in the order of the columns."""


def status(connection: Connection, streams: Iterable[Stream]) -> list[Row]:
    """One row for each account and stream that was ever read.

    ``rows`` counts the facts of history and reference streams, and the snapshots of the others.
    ``coverage`` is the proven share of required history, 0 to 1; null without history.
    ``served_from`` is where the history begins that the exchange serves, if it was asked for from
    earlier on. ``unread`` lists what is not read, with the reason: instruments (``scope``), or all
    of it (no scope).
    """
    counts = fact_counts.counts(connection, streams)
    return [
        row | {"rows": counts.get((str(row.pop("account_id")), row["stream"]), 0)}
        for row in _rows(connection, "status")
    ]


def gaps(connection: Connection) -> list[Row]:
    """The ranges of required history that are not proven complete.

    With a reason in ``not_counted_because``: what is missing of instruments that the exchange
    refuses or no longer lists, and what is older than what it serves; neither is waited for.
    """
    return _rows(connection, "gaps")


def drift(connection: Connection) -> list[Row]:
    """What the exchange sends and does not document, the newest first."""
    return _rows(connection, "drift")


class FailingMonth(NamedTuple):
    """A check of `reporting.month_close` that fails: the month is not complete."""

    account: str
    month: date
    """Its first day, in UTC."""
    check: str
    detail: str
    """What is missing, in words."""
    failing_since: datetime


def failing_months(connection: Connection) -> list[FailingMonth]:
    """Oldest month first. `reporting.month_close` alone judges whether a month is complete."""
    return [FailingMonth._make(row) for row in connection.execute(QUERIES["failing_months"])]


class Timeline(NamedTuple):
    """The proven coverage of a history stream, over all its partitions."""

    account: str
    stream: str
    scopes: int
    required_from: datetime
    """The earliest start of any partition."""
    settled_to: datetime
    """Now less the allowed lateness: no later instant can be proven."""
    proven_ratio: float
    """Proven share of all partitions together, 0 to 1. The time after the newest proven instant of
    a partition does not count, unless nothing of it is proven."""
    by_all: list[Window]
    """Proven for every partition, as far as its own start requires it; oldest first."""
    by_any: list[Window]
    """Proven for at least one partition; oldest first."""


def timelines(connection: Connection, *, within_ms: int) -> list[Timeline]:
    """One for each account and history stream. Gives up after ``within_ms`` milliseconds."""
    connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(within_ms)])
    return [
        Timeline._make((*first, _windows(by_all), _windows(by_any)))
        for *first, by_all, by_any in connection.execute(QUERIES["timelines"])
    ]


def _windows(ranges: Iterable[Any]) -> list[Window]:
    return [Window(part.lower, part.upper) for part in ranges]


def _rows(connection: Connection, query: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(QUERIES[query], {"closed": CLOSED}).fetchall()
