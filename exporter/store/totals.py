"""The counters on /metrics, updated in the transaction that writes the rows they count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from exporter.model.fields import EXACT
from exporter.model.stream import History, Partition
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of
from exporter.store.table import WriteResult

_Key = tuple[str, tuple[str, ...]]
"""Metric and label values."""

_ROWS_AT_ONCE = 5_000


def add(
    connection: Connection, stream: History, partition: Partition, written: WriteResult
) -> None:
    """Add what a batch changed to the counters, and raise the gauges of greatest values."""
    if not written.inserted and not written.changed:
        return
    identity = identity_of(partition)
    if stream.latest is not None:
        newest: dict[_Key, Decimal | int] = {}
        for metric, labels, value in stream.latest([*written.inserted, *written.now]):
            key = (metric.name, labels)
            newest[key] = max(value, newest.get(key, value))
        _store(connection, "raise_totals", identity, newest)
    if stream.totals is not None:
        found = connection.execute(QUERIES["counting_since"], identity).fetchone()
        if found is not None:
            _store(connection, "add_to_totals", identity, _added(stream, written, found[0]))


def _added(stream: History, written: WriteResult, since: datetime) -> dict[_Key, Decimal]:
    """What a batch adds: its new rows, and the difference between new and old changed rows."""
    when = attrgetter(stream.instant)
    sums: defaultdict[_Key, Decimal] = defaultdict(Decimal)
    for rows, sign in ((written.inserted, 1), (written.now, 1), (written.before, -1)):
        _sum(stream, [row for row in rows if when(row) >= since], sums, Decimal(sign))
    return sums


def _sum(
    stream: History, rows: Sequence[Any], into: defaultdict[_Key, Decimal], sign: Decimal
) -> None:
    """Add the totals of ``rows``, times ``sign``, to ``into`` without rounding."""
    for metric, labels, value in stream.totals(rows) if stream.totals else ():
        key = (metric.name, labels)
        into[key] = EXACT.fma(sign, value, into[key])


def _store(
    connection: Connection, query: str, identity: dict[str, Any], totals: Mapping[_Key, Any]
) -> None:
    """Write all totals in one statement."""
    if totals:
        rows = [
            {"metric": metric, "labels": labels, "value": str(value)}
            for (metric, labels), value in totals.items()
        ]
        connection.execute(QUERIES[query], identity | {"rows": Jsonb(rows)})


def open_counting(
    connection: Connection, stream: History, partition: Partition, since: datetime
) -> bool:
    """Start the counters of a stream from the stored rows; False when they were started before.

    Called once the history from ``since`` on is complete: the counters begin with the true total,
    and a later backfill of the time before ``since`` never makes them jump.
    """
    if stream.totals is None:
        return False
    identity = identity_of(partition)
    connection.execute(QUERIES["lock_stream"], identity)
    if connection.execute(QUERIES["open_counting"], identity | {"since": since}).fetchone() is None:
        return False
    sums: defaultdict[_Key, Decimal] = defaultdict(Decimal)
    with connection.cursor(name="counting") as cursor:
        cursor.execute(_countable(stream), {"account_id": partition.account_id, "since": since})
        while found := cursor.fetchmany(_ROWS_AT_ONCE):
            _sum(stream, [stream.table.row(*values) for values in found], sums, Decimal(1))
    _store(connection, "add_to_totals", identity, sums)
    return True


def _countable(stream: History) -> sql.Composed:
    """The facts of an account from an instant on, as rows; ``raw`` is not needed and empty."""
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
