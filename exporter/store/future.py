"""Take back what a wrong clock wrote into the future: coverage, snapshots, lists over time.

What is proven of the future is never read again, and what was observed in it lets nothing be stored
until then. Each function runs in the caller's transaction, under the stream's lock; the instants as
they were go to `onetrading_sync.issues`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from psycopg import sql
from psycopg.types.json import Jsonb

from exporter.model.stream import Partition, Table
from exporter.model.window import RESOLUTION
from exporter.store import partitions
from exporter.store.database import Connection
from exporter.store.lease import Lease, check
from exporter.store.queries import QUERIES, identity_of, own_rows


class Cut(NamedTuple):
    """Coverage of a scope that was taken back."""

    scope: str
    before: datetime
    after: datetime


def cut_coverage(
    connection: Connection,
    partition: Partition,
    settled: datetime,
    lease: Lease | None,
    *,
    lateness: timedelta,
) -> list[Cut]:
    """Take back what is proven of a stream after ``settled``: now, less the allowed ``lateness``.

    What lies before now was claimed too soon as well, from the first walk on whose clock was ahead:
    it had not happened by then. Raises LeaseLost.
    """
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    check(connection, partition.account_id, lease)
    ahead = connection.execute(QUERIES["scopes_ahead"], identity_of(partition) | {"at": settled})
    return [
        _cut(connection, partition._replace(instrument=scope), covered_to, settled, lateness)
        for scope, covered_to in ahead.fetchall()
    ]


def _cut(
    connection: Connection,
    partition: Partition,
    covered_to: datetime,
    settled: datetime,
    lateness: timedelta,
) -> Cut:
    identity = identity_of(partition)
    now = {"now": settled + lateness}
    row = connection.execute(QUERIES["first_run_ahead"], identity | now).fetchone()
    first = row[0] if row else None
    at = settled if first is None else min(settled, first - lateness)
    connection.execute(QUERIES["drop_coverage_from"], identity | {"at": at})
    connection.execute(QUERIES["cut_coverage_at"], identity | {"at": at})
    connection.execute(QUERIES["drop_proven_days_from"], identity | {"at": at})
    issue = {
        "kind": "future_coverage",
        "key": Jsonb({"scope": partition.instrument}),
        "old": Jsonb({"covered_to": covered_to.isoformat()}),
        "new": Jsonb({"covered_to": at.isoformat()}),
        "happened_at": None,
        "found_by": None,
    }
    connection.execute(QUERIES["note_issue"], identity | issue)
    return Cut(partition.instrument, covered_to, at)


def mend_snapshots(
    connection: Connection, partition: Partition, table: Table, latest: datetime, now: datetime
) -> int:
    """Bring snapshots that were observed after ``latest`` back to ``now`` or before; how many."""
    _renumber(connection, partition, table, now)
    bounds = {"latest": latest, "now": now}
    return connection.execute(QUERIES["mend_snapshots"], identity_of(partition) | bounds).rowcount


def _renumber(connection: Connection, partition: Partition, table: Table, now: datetime) -> None:
    """Let no number of a snapshot tell a time after ``now``: those that follow would follow it."""
    identity = identity_of(partition)
    bound = {"bound": partitions.first_id(now + RESOLUTION)}
    ahead = connection.execute(QUERIES["numbers_ahead"], identity | bound).fetchall()
    if not ahead:
        return
    partitions.make(connection, now)
    rows = sql.SQL("UPDATE {} SET snapshot_id = %(new)s WHERE snapshot_id = %(old)s").format(
        sql.Identifier("onetrading", table.name)
    )
    before = connection.execute(QUERIES["last_number_before"], identity | bound).fetchone()
    # From the middle of the microsecond: what other accounts store begins at its start.
    number = max(partitions.first_id(now) + 511, (before and before[0]) or 0)
    for (old,) in ahead:
        number += 1
        change = {"old": old, "new": number}
        connection.execute(QUERIES["renumber_snapshot"], change)
        connection.execute(rows, change)


def mend_reference(
    connection: Connection, partition: Partition, table: Table, latest: datetime, now: datetime
) -> int:
    """Bring versions that are valid from or to later than ``latest`` back to ``now``; how many.

    Their order stays: each instant becomes one of the last microseconds before ``now``, or of the
    first ones after what was valid before.
    """
    bounds = {"latest": latest, "now": now}
    statement = _mend_reference(table)
    return connection.execute(statement, identity_of(partition) | bounds).rowcount


_MEND = sql.SQL("""
    WITH instants AS (
        SELECT valid_from AS at FROM {table} WHERE valid_from > %(latest)s AND {own}
        UNION SELECT valid_to FROM {table} WHERE valid_to > %(latest)s AND {own}
    ), past AS (
        SELECT max(at) AS at FROM (
            SELECT valid_from AS at FROM {table} WHERE {own}
            UNION SELECT valid_to FROM {table} WHERE {own}
        ) AS found WHERE at <= %(latest)s
    ), placed AS (
        SELECT instants.at, interval '1 microsecond' * row_number() OVER (ORDER BY instants.at)
            + greatest(past.at, %(now)s - interval '1 microsecond' * count(*) OVER ())
            AS placed_at
        FROM instants CROSS JOIN past
    ), ahead AS (
        SELECT {columns}, valid_from, valid_to,
            coalesce(began.placed_at, valid_from) AS from_at,
            coalesce(ended.placed_at, valid_to) AS to_at
        FROM {table} LEFT JOIN placed AS began ON began.at = valid_from
            LEFT JOIN placed AS ended ON ended.at = valid_to
        WHERE (began.at IS NOT NULL OR ended.at IS NOT NULL) AND {own}
    ), mended AS (
        UPDATE {table} AS fact SET valid_from = ahead.from_at, valid_to = ahead.to_at
        FROM ahead WHERE {same} AND fact.valid_from = ahead.valid_from
    )
    INSERT INTO onetrading_sync.issues (account_id, stream, kind, key, old_record, new_record)
    SELECT %(account_id)s, %(stream)s, 'future_version', jsonb_build_object({named}),
        jsonb_build_object('valid_from', valid_from, 'valid_to', valid_to),
        jsonb_build_object('valid_from', from_at, 'valid_to', to_at)
    FROM ahead ORDER BY {columns}, valid_from
""")
"""With the names and conditions of one table filled in; the parameters of `mend_reference`."""


@cache
def _mend_reference(table: Table) -> sql.Composed:
    key = table.key
    columns = sql.SQL(", ").join(map(sql.Identifier, key))
    same = sql.SQL(" AND ").join(
        sql.SQL("fact.{0} = ahead.{0}").format(sql.Identifier(column)) for column in key
    )
    named = sql.SQL(", ").join(
        sql.SQL("{}, ahead.{}").format(sql.Literal(column), sql.Identifier(column))
        for column in key
    )
    return _MEND.format(
        table=sql.Identifier("onetrading", table.name),
        columns=columns,
        same=same,
        named=named,
        own=own_rows(table),
    )
