"""What the counters on /metrics show, kept in the transaction that writes the rows they count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from psycopg import sql

from exporter.fields import EXACT
from exporter.store.database import Connection
from exporter.store.queries import QUERIES
from exporter.store.table import Written
from exporter.stream import History, Sample, Scope

_Key = tuple[str, tuple[str, ...]]
"""Metric and label values."""


def add(connection: Connection, stream: History, scope: Scope, written: Written) -> None:
    """Add what the batch changed to the totals that /metrics shows."""
    identity = {"account_id": scope.account_id, "stream": scope.stream}
    if stream.latest is not None and (written.inserted or written.changed):
        newest: dict[_Key, Decimal | int] = {}
        for row in (*written.inserted, *(new for _, new in written.changed)):
            for metric, labels, value in stream.latest(row):
                key = (metric.name, labels)
                newest[key] = max(value, newest.get(key, value))
        _store_totals(connection, "raise_total", identity, newest)
    if stream.totals is not None and (written.inserted or written.changed):
        found = connection.execute(QUERIES["counting_since"], identity).fetchone()
        if found is not None:
            _store_totals(connection, "add_to_total", identity, _added(stream, written, found[0]))


def _added(stream: History, written: Written, since: datetime) -> dict[_Key, Decimal | int]:
    totals = stream.totals or (lambda _row: ())
    when = attrgetter(stream.instant)
    added = summed(totals, (row for row in written.inserted if when(row) >= since))
    for sign, rows in (
        (Decimal(-1), (old for old, _ in written.changed if when(old) >= since)),
        (Decimal(1), (new for _, new in written.changed if when(new) >= since)),
    ):
        for key, value in summed(totals, rows).items():
            added[key] = EXACT.add(Decimal(added.get(key, 0)), EXACT.multiply(sign, Decimal(value)))
    return added


def summed(
    totals: Callable[[Any], Iterable[Sample]], rows: Iterable[Any]
) -> dict[_Key, Decimal | int]:
    """The exact sum of what ``rows`` add, by metric and labels."""
    sums: defaultdict[_Key, Decimal] = defaultdict(Decimal)
    add = EXACT.add
    for row in rows:
        for metric, labels, value in totals(row):
            sums[metric.name, labels] = add(sums[metric.name, labels], value)
    return dict(sums)


def _store_totals(
    connection: Connection,
    query: str,
    identity: dict[str, str],
    totals: dict[_Key, Decimal | int],
) -> None:
    for (metric, labels), value in sorted(totals.items()):
        connection.execute(
            QUERIES[query],
            identity | {"metric": metric, "labels": list(labels), "value": value},
        )


def open_counting(connection: Connection, stream: History, scope: Scope, since: datetime) -> bool:
    """Start the counters of a stream from the rows that are there; False when they run already.

    Called once the history from ``since`` on was read: the counters begin with the true total,
    and what is filled in before ``since`` later never makes them jump.
    """
    if stream.totals is None:
        return False
    identity = {"account_id": scope.account_id, "stream": scope.stream}
    connection.execute(QUERIES["lock_stream"], identity)
    if connection.execute(QUERIES["open_counting"], identity | {"since": since}).fetchone() is None:
        return False
    with connection.cursor(name="counting") as cursor:
        cursor.itersize = 5_000
        cursor.execute(_countable(stream), {"account_id": scope.account_id, "since": since})
        totals = summed(stream.totals, (stream.table.row(*values) for values in cursor))
    _store_totals(connection, "add_to_total", identity, totals)
    return True


def _countable(stream: History) -> sql.Composed:
    """The facts of an account from an instant on, as rows; ``raw`` is not needed and left out."""
    columns: Sequence[sql.Composable] = [
        sql.SQL("''")
        if kind == "jsonb"
        else sql.SQL("{}::text" if kind == "uuid" else "{}").format(sql.Identifier(name))
        for name, kind in stream.table.columns.items()
    ]
    return sql.SQL("SELECT {} FROM {} WHERE account_id = {} AND {} >= {}").format(
        sql.SQL(", ").join(columns),
        sql.Identifier("onetrading", stream.table.name),
        sql.Placeholder("account_id"),
        sql.Identifier(stream.instant),
        sql.Placeholder("since"),
    )
