"""Tell by one look at an index whether a batch is stored as a whole, or nothing of its time is.

A tail reads what it has read before again and again, and a backfill brings what nobody has seen.
Both are told by how many facts of the scope are stored between the oldest and the newest instant of
the batch, and by their hashes, combined by XOR. As many, with the same XOR: the batch says what is
stored. None: no key needs to be looked up. Anything else is compared row by row: a part is new or
changed, or something is stored that this batch does not show, which may as well be a row of the
same instant as the last one here, on the next page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from operator import attrgetter, xor
from typing import Any, Literal

from psycopg import sql

from exporter.model.stream import History, Partition, Table
from exporter.store.database import Connection

Stored = Literal["all", "none", "some"]
"""How much of a batch is stored; ``some`` if that is not known. ``none``: no fact is stored of its
time, which a key that has changed its time may belie."""


def ask(
    connection: Connection,
    stream: History,
    partition: Partition,
    rows: Sequence[Any],
    recent: Mapping[Any, Any],
) -> Callable[[], Stored]:
    """How much of ``rows`` is stored, in one statement that looks at no more rows than these.

    ``recent``: see `table.compare`; a row of a key that was read just before is no row that is
    simply known. The function returned reads the answer.
    """
    if not rows or not stream.ordered or (stream.partitioned and not partition.instrument):
        return _unknown
    if recent and not recent.keys().isdisjoint(map(attrgetter(*stream.table.key), rows)):
        return _unknown
    scope = _scope(stream, partition)
    if any({getattr(row, name) for row in rows} != {value} for name, value in scope.items()):
        return _unknown  # a record names another account than the one that was read
    instants = list(map(attrgetter(stream.instant), rows))
    found = connection.execute(
        statement(stream.table, stream.instant, tuple(scope)),
        {**scope, "oldest": min(instants), "newest": max(instants), "most": len(rows) + 1},
    )

    def read() -> Stored:
        count, combined = found.fetchone() or (len(rows) + 1, 0)
        if count == 0:
            # Of a payment in another precision, the key may be stored: it has a coarser instant.
            return "none" if stream.table.stamp is None else "some"
        sent = [row.raw.hash64 for row in rows]
        if count < len(rows):  # the same record may stand at the end of one page and begin the next
            key = attrgetter(*stream.table.key)
            sent = [one for _, one in set(zip(map(key, rows), sent, strict=True))]
        return "all" if count == len(sent) and combined == reduce(xor, sent) else "some"

    return read


def _unknown() -> Stored:
    return "some"


def _scope(stream: History, partition: Partition) -> dict[str, str]:
    """Columns that all facts of a partition have in common, with their values."""
    own = "account_id" in stream.table.columns
    account = {"account_id": partition.account_id} if own else {}
    return {**account, **stream.columns_of(partition.instrument)}


@cache
def statement(table: Table, instant: str, scope: tuple[str, ...]) -> sql.Composed:
    """Count the facts of a time, and combine their hashes; ``most`` of them at most.

    ``scope``: columns that have one value.
    """
    conditions: list[sql.Composable] = [
        sql.SQL("{0} >= %(oldest)s AND {0} <= %(newest)s").format(sql.Identifier(instant)),
        *(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in scope),
    ]
    return sql.SQL(
        "SELECT count(*), bit_xor(row_hash) FROM ("
        "SELECT row_hash FROM {} WHERE {} LIMIT %(most)s) AS stored"
    ).format(sql.Identifier("onetrading", table.name), sql.SQL(" AND ").join(conditions))
