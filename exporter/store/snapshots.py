"""Store the responses of snapshot and reference streams, as observed over time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache, partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from psycopg import sql

from exporter.model.errors import Outdated
from exporter.model.stream import (
    Partition,
    Reference,
    Reject,
    Snapshot,
    SnapshotResponse,
    Table,
    key_text,
)
from exporter.model.window import RESOLUTION
from exporter.store import fact_counts, future, partitions
from exporter.store.database import Connection
from exporter.store.lease import Lease, ask
from exporter.store.queries import QUERIES, identity_of, own_rows
from exporter.store.records import differ
from exporter.store.salvage import write_all_but_the_refused
from exporter.store.session import Answer, catch_up, run_ahead

_log = logging.getLogger(__name__)


class Observed(NamedTuple):
    """The first and last instant at which a response was observed, by the exchange's clock."""

    first: datetime
    last: datetime


def save(
    connection: Connection,
    stream: Snapshot | Reference,
    partition: Partition,
    response: SnapshotResponse,
    observed: Observed,
    *,
    patience: timedelta,
    latest: datetime,
    lease: Lease | None,
) -> int:
    """Store a response; the number of rows written, 0 when it only extends the last snapshot.

    The last snapshot is extended when nothing changed and no more than ``patience`` passed since:
    that time counts as observed. Snapshots that were observed after ``latest``, in the future, are
    mended first. Raises LeaseLost, and Outdated for a response from before the last one's end.
    """
    identity, content = identity_of(partition), _content(response)
    with _locked(connection, partition, lease):
        newest = _ask_newest(connection, partition, observed)
    last = _last(connection, stream, partition, observed, latest, newest())
    run_ahead(connection)
    first = observed.first
    if last.number is not None:
        if last.content == content and observed.first - last.observed_at <= patience:
            extended = {"snapshot_id": last.number, "last": observed.last}
            connection.execute(QUERIES["extend_snapshot"], extended)
            return 0
        # What another process has stored of the time counts: snapshots follow each other.
        first = max(first, last.observed_at)
    header = identity | {
        "first": first,
        "last": observed.last,
        "row_count": len(response.rows),
        "content_hash": content,
        "header": _header(stream, response),
    }
    fact_counts.add(connection, partition, 1)
    _copy(connection, stream.table, "snapshot_id", _add(connection, header, last), response.rows)
    return len(response.rows)


@contextmanager
def _locked(connection: Connection, partition: Partition, lease: Lease | None) -> Iterator[None]:
    """Lock a stream and check the lease; what is asked inside can be read afterwards. Raises
    LeaseLost."""
    run_ahead(connection)
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    held = ask(connection, partition.account_id, lease)
    yield
    catch_up(connection)
    held()


def _add(connection: Connection, header: Mapping[str, Any], last: _Last) -> int:
    """Store the header of a snapshot under the first number that is free for it; which."""
    first: datetime = header["first"]
    number = partitions.next_id(first, last.number)
    if not last.has_partition or partitions.first_id(first) < number:
        partitions.make(connection, partitions.time_of(number))
    while True:
        parameters = {**header, "snapshot_id": number}
        added = connection.execute(QUERIES["add_snapshot"], parameters)
        catch_up(connection)
        if added.fetchone() is not None:
            return number
        number += 1


class _Last(NamedTuple):
    """The newest snapshot of a stream, if there is one; a row of ``last_snapshot``."""

    number: int | None
    content: int
    observed_at: datetime
    has_partition: bool
    """Whether there is one for what is observed first at the time that was asked for."""


def _newest(connection: Connection, partition: Partition, observed: Observed) -> _Last:
    return _ask_newest(connection, partition, observed)()


def _ask_newest(
    connection: Connection, partition: Partition, observed: Observed
) -> Callable[[], _Last]:
    """Ask for the newest snapshot; the function returned reads the answer."""
    parameters = identity_of(partition) | {
        "table": f"onetrading.{partitions.name_of(observed.first)}"
    }
    found = connection.execute(QUERIES["last_snapshot"], parameters)

    def read() -> _Last:
        row = found.fetchone()
        assert row is not None  # noqa: S101  it always has one
        return _Last(*row)

    return read


def _last(
    connection: Connection,
    stream: Snapshot | Reference,
    partition: Partition,
    observed: Observed,
    latest: datetime,
    last: _Last,
) -> _Last:
    """The newest snapshot, ``last`` unless that is mended; older than this. Raises Outdated."""
    if last.number is not None and last.observed_at > latest:
        before = observed.last - RESOLUTION
        _warn(future.mend_snapshots(connection, partition, stream.table, latest, before))
        last = _newest(connection, partition, observed)
    if last.number is not None and last.observed_at >= observed.last:
        raise Outdated(last.observed_at, observed.last)
    return last


def outdated(connection: Connection, partition: Partition, observed: Observed) -> bool:
    """Whether a snapshot observed later is stored, so that ``save`` would not store this one."""
    last = _newest(connection, partition, observed)
    return last.number is not None and last.observed_at >= observed.last


def _content(response: SnapshotResponse) -> int:
    """A 64-bit hash of all that a response says, whatever the order of its rows."""
    digest = blake2b(digest_size=8)
    for row in sorted(repr(tuple(row)) for row in response.rows):
        digest.update(row.encode())
    for name in sorted(response.header):
        digest.update(name.encode() + b"=" + bytes(response.header[name]))
    return int.from_bytes(digest.digest(), "big", signed=True)


def _header(stream: Snapshot | Reference, response: SnapshotResponse) -> str:
    """The response beside its rows, as JSON; '{}' where each row keeps its raw record."""
    keeps_raw = "raw" in stream.table.columns
    kept = {} if keeps_raw else response.header
    return msgspec.json.encode(kept).decode()


def _copy(
    connection: Connection, table: Table, extra: str, value: Any, rows: Sequence[Any]
) -> None:
    if not rows:
        return
    names = sql.SQL(", ").join(map(sql.Identifier, (extra, *table.columns)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier("onetrading", table.name), names
    )
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row((value, *row))


def save_reference(
    connection: Connection,
    stream: Snapshot | Reference,
    partition: Partition,
    response: SnapshotResponse,
    observed_at: datetime,
    *,
    latest: datetime,
    lease: Lease | None,
    unreadable: Sequence[Reject] = (),
    salvaging: bool = False,
) -> tuple[int, list[Reject]]:
    """Bring a list of slowly changing facts up to date; the number of versions written.

    A fact that changed or is no longer listed is closed at ``observed_at``; its new version, if
    there is one, begins there. Changes after ``latest``, in the future, are mended first. Records
    that are ``unreadable`` are not among the rows. ``salvaging``: after DataRefused, leave out the
    facts that Postgres refuses, which are returned, too. Raises LeaseLost, and Outdated for a list
    observed before the last change, because what only it contains may have been removed since.
    """
    table, identity = stream.table, identity_of(partition)
    statements = _statements(table)
    with _locked(connection, partition, lease):
        changed_at = connection.execute(statements.changed_at, identity)
        stored = connection.execute(statements.current, identity)
    if _mended(connection, partition, table, observed_at, latest, changed_at):
        stored = connection.execute(statements.current, identity)
    current = {_key(table, values): values for values in stored}
    listed = {_key(table, row): row for row in response.rows}
    for key in sorted(_gone(table, current, listed, unreadable)):
        _close(connection, table, key, observed_at)
    changed = [
        row
        for key, row in sorted(listed.items())
        if key not in current or differ(table, current[key], row)
    ]
    replace = partial(_replace, connection, table, current, observed_at)
    if salvaging:
        return _salvaged(connection, table, changed, replace)
    return replace(changed), []


def _replace(
    connection: Connection,
    table: Table,
    current: Mapping[tuple[Any, ...], Any],
    at: datetime,
    rows: Sequence[Any],
) -> int:
    """Let new versions of facts begin where their ``current`` ones end; how many there are."""
    for key in sorted(current.keys() & {_key(table, row) for row in rows}):
        _close(connection, table, key, at)
    _copy(connection, table, "valid_from", at, rows)
    return len(rows)


def _salvaged(
    connection: Connection, table: Table, rows: Sequence[Any], write: Callable[[Sequence[Any]], int]
) -> tuple[int, list[Reject]]:
    """Write all rows but those that Postgres refuses; how many were written, and the others."""
    done = write_all_but_the_refused(connection, table, rows, write)
    refused = [
        Reject(str(getattr(row, "raw", row)), reason, table.key_of(row))
        for row, reason in done.refused
    ]
    return sum(done.results), refused


def _gone(
    table: Table,
    current: Mapping[tuple[Any, ...], Any],
    listed: Mapping[tuple[Any, ...], Any],
    unreadable: Sequence[Reject],
) -> set[tuple[Any, ...]]:
    """The keys of facts that are no longer listed, as far as that can be told.

    A fact whose record is ``unreadable`` stays as it was; where its key cannot be read either, that
    may be any fact.
    """
    listed_unreadably = {
        None if reject.key is None else tuple(reject.key.get(name) for name in table.key)
        for reject in unreadable
    }
    if None in listed_unreadably:
        return set()
    missing = current.keys() - listed.keys()
    return {key for key in missing if tuple(map(key_text, key)) not in listed_unreadably}


def _close(connection: Connection, table: Table, key: tuple[Any, ...], at: datetime) -> None:
    parameters = dict(zip(table.key, key, strict=True)) | {"valid_to": at}
    connection.execute(_statements(table).close, parameters)


def _mended(
    connection: Connection,
    partition: Partition,
    table: Table,
    observed_at: datetime,
    latest: datetime,
    changed_at: Answer,
) -> bool:
    """Mend changes after ``latest``; whether there were any.

    Raises Outdated unless a list changed last, as ``changed_at`` says, before it was observed now.
    """
    at, mended = _instant(changed_at), 0
    if at is not None and at > latest:
        before = observed_at - RESOLUTION
        mended = future.mend_reference(connection, partition, table, latest, before)
        _warn(mended)
        statement = _statements(table).changed_at
        at = _instant(connection.execute(statement, identity_of(partition)))
    if at is not None and at >= observed_at:
        raise Outdated(at, observed_at)
    return mended > 0


def _instant(found: Answer) -> datetime | None:
    row = found.fetchone()
    return row[0] if row else None


def _warn(mended: int) -> None:
    _log.warning(
        "Postgres held what was observed in the future, by a wrong clock: dated %d rows back, see "
        "onetrading_sync.issues",
        mended,
    )


class _ReferenceStatements(NamedTuple):
    """Each takes the parameters of `identity_of`; ``close`` takes the key instead."""

    changed_at: sql.Composed
    current: sql.Composed
    close: sql.Composed


@cache
def _statements(table: Table) -> _ReferenceStatements:
    name = sql.Identifier("onetrading", table.name)
    columns = sql.SQL(", ").join(
        sql.SQL("{}::text" if kind in ("jsonb", "uuid") else "{}").format(sql.Identifier(column))
        for column, kind in table.columns.items()
    )
    match = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column))
        for column in table.key
    )
    return _ReferenceStatements(
        changed_at=sql.SQL("SELECT max(greatest(valid_from, valid_to)) FROM {} WHERE {}").format(
            name, own_rows(table)
        ),
        current=sql.SQL("SELECT {} FROM {} WHERE valid_to IS NULL AND {}").format(
            columns, name, own_rows(table)
        ),
        close=sql.SQL("UPDATE {} SET valid_to = {} WHERE {} AND valid_to IS NULL").format(
            name, sql.Placeholder("valid_to"), match
        ),
    )


def _key(table: Table, row: Sequence[Any]) -> tuple[Any, ...]:
    names = list(table.columns)
    return tuple(row[names.index(name)] for name in table.key)
