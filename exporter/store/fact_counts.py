"""How many facts and snapshots are stored of each stream: counted when they are written.

To count them when somebody asks takes seconds at some million facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import sql

from exporter.model.stream import PUBLIC_ACCOUNT_ID, Partition, Reference, Stream
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of


def add(connection: Connection, partition: Partition, more: int) -> None:
    """Count what the caller's transaction inserts."""
    if more:
        connection.execute(QUERIES["add_facts"], identity_of(partition) | {"more": more})


def counts(connection: Connection, streams: Iterable[Stream]) -> Mapping[tuple[str, str], int]:
    """By account id and stream; of none without any. The lists of rules are short: their versions
    are counted now."""
    found = {(str(one), stream): rows for one, stream, rows in connection.execute(QUERIES["facts"])}
    for stream in streams:
        if isinstance(stream, Reference):
            listed = connection.execute(_counting(stream)).fetchall()
            found |= {(str(account_id), stream.name): rows for account_id, rows in listed}
    return found


def correct(connection: Connection, stream: Stream) -> None:
    """Count what is stored of a stream, and correct what was counted by the difference: rows may
    have been deleted, or written by an earlier version.

    Nobody waits for it: what is written meanwhile is in neither number, and counted as ever.
    """
    if isinstance(stream, Reference):
        return
    # It reads all rows, and the service's sessions would take an index for that.
    connection.execute("SELECT set_config('enable_seqscan', 'on', true)")
    correction = sql.SQL(
        "WITH found (account_id, rows) AS ({found}), counted AS ("
        " SELECT account_id, rows FROM onetrading_sync.fact_counts WHERE stream = %(stream)s"
        ") INSERT INTO onetrading_sync.fact_counts AS kept (account_id, stream, rows)"
        " SELECT account_id, %(stream)s, coalesce(found.rows, 0) - coalesce(counted.rows, 0)"
        " FROM found FULL JOIN counted USING (account_id)"
        " WHERE coalesce(found.rows, 0) <> coalesce(counted.rows, 0)"
        " ON CONFLICT (account_id, stream) DO UPDATE SET rows = kept.rows + excluded.rows"
    ).format(found=_counting(stream))
    connection.execute(correction, {"stream": stream.name})


def correct_snapshots(connection: Connection, streams: Iterable[Stream]) -> None:
    """As `correct`, of the streams whose snapshots are counted: some were thinned."""
    for stream in streams:
        if stream.counted_by == "snapshots":
            correct(connection, stream)


def _counting(stream: Stream) -> sql.Composed:
    """A query for the number of rows of a stream by account."""
    if stream.counted_by == "snapshots":
        return sql.SQL(
            "SELECT account_id, count(*) FROM onetrading.snapshots WHERE stream = {}"
            " GROUP BY account_id"
        ).format(stream.name)
    table = sql.Identifier("onetrading", stream.table.name)
    if "account_id" in stream.table.columns:
        return sql.SQL("SELECT account_id, count(*) FROM {} GROUP BY account_id").format(table)
    return sql.SQL("SELECT {}::uuid, count(*) FROM {}").format(PUBLIC_ACCOUNT_ID, table)
