"""The counters on /metrics, updated in the transaction that writes the rows they count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Literal, LiteralString, NamedTuple

from psycopg import sql
from psycopg.types.json import Jsonb

from exporter.model.fields import EXACT
from exporter.model.samples import Sum, add_up
from exporter.model.stream import History, Partition
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of
from exporter.store.table import WriteResult

_Key = tuple[str, tuple[str, ...]]
"""Metric and label values."""

_ROWS_AT_ONCE = 50_000
"""How many stored rows are summed in one transaction: a fraction of a second, in which nobody else
writes the stream."""


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
    counting = _counting(connection, identity) if stream.totals else None
    if counting is not None:
        query = "add_to_totals" if counting.until is None else "add_to_opening"
        _store(connection, query, identity, _added(stream, written, counting))


class _Counting(NamedTuple):
    """Which rows of a stream are counted by now, by their instant."""

    since: datetime
    until: datetime | None
    """While the counters are being opened: those from then on are counted later; else None."""

    def holds(self, at: datetime) -> bool:
        """Whether a row of an instant is counted."""
        return at >= self.since and (self.until is None or at < self.until)


def _counting(connection: Connection, identity: dict[str, Any]) -> _Counting | None:
    found = connection.execute(QUERIES["counting_since"], identity).fetchone()
    return None if found is None else _Counting(*found)


def _added(stream: History, written: WriteResult, counting: _Counting) -> dict[_Key, Decimal]:
    """What a batch adds: its new rows, and the difference between new and old changed rows."""
    when = attrgetter(stream.instant)
    sums: defaultdict[_Key, Decimal] = defaultdict(Decimal)
    for rows, sign in ((written.inserted, 1), (written.now, 1), (written.before, -1)):
        counted = [row for row in rows if counting.holds(when(row))]
        for metric, labels, value in add_up(stream.totals, counted):
            key = (metric.name, labels)
            sums[key] = EXACT.fma(Decimal(sign), value, sums[key])
    return sums


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


Opening = Literal["opened", "unfinished", "known"]
"""``known``: the counters were started before."""


def open_counting(
    connection: Connection,
    stream: History,
    partition: Partition,
    since: datetime,
    at_once: int = _ROWS_AT_ONCE,
) -> Opening:
    """Start the counters of a stream from the stored rows, one part of them in each transaction.

    Called once the history from ``since`` on is complete, until it is not ``unfinished``: the
    counters begin with the true total, and a later backfill of the time before ``since`` never
    makes them jump. Each part, of about ``at_once`` rows, is summed under the stream's lock, and
    from then on `add` counts what is written in its time: each row counts once, whenever it comes.
    Between two parts others have the lock, and who is killed goes on with the next.
    """
    identity = identity_of(partition)
    if is_counting(connection, identity):  # without the lock: the usual answer
        return "known"
    connection.execute(QUERIES["lock_stream"], identity)
    if is_counting(connection, identity):
        return "known"
    found = connection.execute(QUERIES["begin_opening"], identity | {"since": since}).fetchone()
    begin = found[0] if found else since
    bounds = {"account_id": partition.account_id, "begin": begin, "at_once": at_once}
    ends = connection.execute(_end_of_part(stream), bounds).fetchone()
    end = ends[0] if ends else None
    _store(connection, "add_to_opening", identity, _stored(connection, stream, bounds, end))
    if end is not None:
        connection.execute(QUERIES["advance_opening"], identity | {"end": end})
        return "unfinished"
    for query in ("open_counting", "show_opened", "end_opening"):
        connection.execute(QUERIES[query], identity | {"since": since})
    return "opened"


def is_counting(connection: Connection, identity: dict[str, Any]) -> bool:
    """Whether the counters of a stream were started."""
    return connection.execute(QUERIES["is_counting"], identity).fetchone() is not None


def _end_of_part(stream: History) -> sql.Composed:
    """Where the part from ``begin`` on ends, after about ``at_once`` rows; no row: it is the last.

    Rows of one instant are in one part.
    """
    return sql.SQL(
        "SELECT {at} FROM {table} WHERE account_id = %(account_id)s AND {at} > %(begin)s"
        " ORDER BY {at} OFFSET %(at_once)s LIMIT 1"
    ).format(at=sql.Identifier(stream.instant), table=_table(stream))


def _stored(
    connection: Connection, stream: History, bounds: dict[str, Any], end: datetime | None
) -> dict[_Key, Decimal]:
    """The sums of the stored rows from ``begin`` to ``end`` (None: all that follow)."""
    columns = list(dict.fromkeys(name for declared in stream.totals for name in declared.labels))
    names = [sql.Identifier(name) for name in columns]
    query = sql.SQL(
        "SELECT {what} FROM {table} WHERE account_id = %(account_id)s AND {at} >= %(begin)s"
        " AND {at} < coalesce(%(end)s, 'infinity'::timestamptz) GROUP BY {groups}"
    ).format(
        what=sql.SQL(", ").join([*names, *map(_aggregate, stream.totals)]),
        table=_table(stream),
        at=sql.Identifier(stream.instant),
        groups=sql.SQL(", ").join(names),
    )
    sums: defaultdict[_Key, Decimal] = defaultdict(Decimal)
    for row in connection.execute(query, bounds | {"end": end}):
        labels = dict(zip(columns, row, strict=False))
        for declared, value in zip(stream.totals, row[len(columns) :], strict=True):
            if value is not None:
                key = (declared.metric.name, tuple(labels[name] or "" for name in declared.labels))
                sums[key] = EXACT.add(sums[key], value)
    return sums


def _aggregate(declared: Sum) -> sql.Composable:
    """What Postgres sums as `add_up` does; null where nothing counts."""
    if declared.column is None:
        return sql.SQL("count(*)")
    sign, condition = _CONDITIONS[declared.of]
    return sql.SQL("{sign}sum({column}) FILTER (WHERE {column} {condition})").format(
        sign=sql.SQL(sign), column=sql.Identifier(declared.column), condition=sql.SQL(condition)
    )


_CONDITIONS: Mapping[str, tuple[LiteralString, LiteralString]] = {
    "all": ("", "IS NOT NULL"),
    "positive": ("", "> 0"),
    "not_negative": ("", ">= 0"),
    "negative": ("-", "< 0"),
}


def _table(stream: History) -> sql.Identifier:
    return sql.Identifier("onetrading", stream.table.name)
