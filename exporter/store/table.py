"""Write rows into a table of facts, in two steps: compare with what is stored, then apply.

`compare` only reads. It looks the keys up together with a hash of each record as sent: a row that
is stored with the same hash costs nothing more, not even a row lock, and only the few rows whose
hash differs are compared column by column. `apply` copies what is new in one stream and updates
what differs. An older version of a record never overwrites a newer one; where one of the two has no
version, the one read last counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from psycopg import errors as pg
from psycopg import sql

from exporter.model.stream import Json, Table
from exporter.store.database import Connection

_exact = msgspec.json.Decoder(float_hook=Decimal)

_ARRAYS = {
    "uuid": sql.SQL("%s::uuid[]"),
    "text": sql.SQL("%s::text[]"),
    "timestamptz": sql.SQL("%s::timestamptz[]"),
}
"""How the values of a key column are passed; a key of another type needs a line here."""


class Change(NamedTuple):
    """A stored row, and the row read with the same key that replaces it."""

    stored: Any
    read: Any
    stored_hash: int
    """What `apply` expects to find: the hash of the stored record as sent."""


class Comparison(NamedTuple):
    """How a batch differs from its table; each key once, in the order of the keys."""

    new: Sequence[Any] = ()
    changed: Sequence[Change] = ()
    older: Sequence[tuple[Any, Any]] = ()
    """Pairs of a newer row, stored or of the same batch, and the older one read; never written."""
    same: int = 0
    """Rows that say what is stored."""


class WriteResult(NamedTuple):
    """What a batch did to its table."""

    inserted: Sequence[Any]
    changed: Sequence[Change]

    @property
    def before(self) -> list[Any]:
        """The changed rows as they were."""
        return [change.stored for change in self.changed]

    @property
    def now(self) -> list[Any]:
        """The changed rows as they are."""
        return [change.read for change in self.changed]


class _FactStatements(NamedTuple):
    hashes: sql.Composed
    rows: sql.Composed
    copy: sql.Composed
    update: sql.Composed


def hash_of(record: str) -> int:
    """A 64-bit hash of a record as sent, as Postgres' bigint."""
    return int.from_bytes(sha256(record.encode()).digest()[:8], "big", signed=True)


def compare(connection: Connection, table: Table, rows: Sequence[Any]) -> Comparison:
    """Compare ``rows`` (any order, duplicates allowed) with the table; neither locks nor writes.

    Of several rows with one key the last one read counts, unless it is of an older version.
    """
    if not rows:
        return Comparison()
    key = attrgetter(*table.key)
    unique = {key(row): row for row in rows}
    outdated: list[Any] = []
    if table.version is not None and len(unique) < len(rows):
        current, outdated = _by_version(table, rows)
        unique = {key(row): row for row in current}
    # Sorted, so that two writers never wait for each other.
    batch = [unique[identity] for identity in sorted(unique)]
    hashes = _stored_hashes(connection, table, batch)
    new = [row for index, row in enumerate(batch) if index not in hashes] if hashes else batch
    differing = [index for index, stored in hashes.items() if stored != hash_of(batch[index].raw)]
    changed, older = _differences(connection, table, [batch[index] for index in sorted(differing)])
    same = len(batch) - len(new) - len(changed) - len(older)
    stored = {key(read): newer for newer, read in older}
    older += [(stored.get(key(row), unique[key(row)]), row) for row in outdated]
    return Comparison(new, changed, older, same)


def apply(connection: Connection, table: Table, comparison: Comparison) -> WriteResult:
    """Insert what is new and update what changed.

    Raises UniqueViolation or SerializationFailure when somebody wrote one of the rows since they
    were compared: the transaction is to be repeated from the comparison on.
    """
    statements = _statements(table)
    if comparison.new:
        # Postgres works on the first rows while the last ones are hashed.
        with connection.cursor().copy(statements.copy) as copy:
            for row in comparison.new:
                copy.write_row((*row, hash_of(row.raw)))
    for change in comparison.changed:
        parameters = dict(zip(table.columns, change.read, strict=True)) | {
            "row_hash": hash_of(change.read.raw),
            "stored_hash": change.stored_hash,
        }
        if connection.execute(statements.update, parameters).rowcount == 0:
            raise pg.SerializationFailure(f"a row of {table.name} was changed by another writer")
    return WriteResult(comparison.new, comparison.changed)


def _version_of(table: Table) -> Callable[[Any], Any]:
    """Returns the version of a row, None where the exchange sent none."""
    return (lambda _row: None) if table.version is None else attrgetter(table.version)


def _by_version(table: Table, rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Rows that no other row with their key is newer than, and the older ones; order is kept."""
    key, version = attrgetter(*table.key), _version_of(table)
    greatest: dict[Any, Any] = {}
    for row in rows:
        if version(row) is not None:
            greatest[key(row)] = max(greatest.get(key(row), version(row)), version(row))
    current: list[Any] = []
    outdated: list[Any] = []
    for row in rows:
        newest = version(row) in (None, greatest.get(key(row)))
        (current if newest else outdated).append(row)
    return current, outdated


def _stored_hashes(connection: Connection, table: Table, rows: Sequence[Any]) -> dict[int, int]:
    """Index of each row whose key is stored, and the stored hash."""
    statement = _statements(table).hashes
    found = connection.execute(statement, _key_arrays(table, rows)).fetchall()
    return {ordinal - 1: stored for ordinal, stored in found}


def _differences(
    connection: Connection, table: Table, rows: Sequence[Any]
) -> tuple[list[Change], list[tuple[Any, Any]]]:
    """Changed and older rows; a record that is only written differently is neither."""
    changed: list[Change] = []
    older: list[tuple[Any, Any]] = []
    if not rows:
        return changed, older
    version = _version_of(table)
    found = connection.execute(_statements(table).rows, _key_arrays(table, rows)).fetchall()
    for ordinal, stored_hash, *values in sorted(found):
        stored, read = table.row(*values), rows[ordinal - 1]
        if not differ(stored, read):
            continue
        versions = version(read), version(stored)
        if None not in versions and versions[0] < versions[1]:
            older.append((stored, read))
        else:
            changed.append(Change(stored, read, stored_hash))
    return changed, older


def _key_arrays(table: Table, rows: Sequence[Any]) -> list[str]:
    return [_array(map(attrgetter(name), rows)) for name in table.key]


def _array(values: Iterable[Any]) -> str:
    """A Postgres array as text; psycopg needs ten times as long for a list of a thousand."""
    texts = [str(value).replace("\\", r"\\").replace('"', r"\"") for value in values]
    return '{"' + '","'.join(texts) + '"}'


def differ(stored: Sequence[Any], read: Sequence[Any]) -> bool:
    """Whether two rows say something else. In JSON 0.10 and 0.1 are the same, "0.1" is not."""
    return any(map(_values_differ, stored, read))


def _values_differ(stored: Any, read: Any) -> bool:
    if isinstance(read, Json) and stored is not None:
        return bool(_exact.decode(stored.encode()) != _exact.decode(read.encode()))
    return bool(stored != read)


@cache
def _statements(table: Table) -> _FactStatements:
    name = sql.Identifier("onetrading", table.name)
    columns = [*table.columns, "row_hash"]
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    arrays = sql.SQL(", ").join(_ARRAYS[table.columns[column]] for column in table.key)
    wanted = sql.SQL("unnest({}) WITH ORDINALITY AS wanted ({}, ordinal)").format(arrays, key)
    match = sql.SQL(" AND ").join(
        sql.SQL("stored.{0} = wanted.{0}").format(sql.Identifier(column)) for column in table.key
    )
    found = sql.SQL("SELECT wanted.ordinal, stored.row_hash{} FROM {} JOIN {} AS stored ON {}")
    values = sql.SQL("").join(
        sql.SQL(", stored.{}::text" if kind in ("uuid", "jsonb") else ", stored.{}").format(
            sql.Identifier(column)
        )
        for column, kind in table.columns.items()
    )
    return _FactStatements(
        hashes=found.format(sql.SQL(""), wanted, name, match),
        rows=found.format(values, wanted, name, match),
        copy=sql.SQL("COPY {} ({}) FROM STDIN").format(
            name, sql.SQL(", ").join(map(sql.Identifier, columns))
        ),
        update=sql.SQL("UPDATE {} SET {} WHERE {} AND row_hash = {}").format(
            name,
            sql.SQL(", ").join(_equals(column) for column in columns if column not in table.key),
            sql.SQL(" AND ").join(map(_equals, table.key)),
            sql.Placeholder("stored_hash"),
        ),
    )


def _equals(column: str) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column))
