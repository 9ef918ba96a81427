"""Write rows into a table of facts, in two steps: compare with what is stored, then apply.

`compare` only reads. Unless one look at an index tells enough (`digest`), it looks the keys up
together with a hash of each record as sent: a row that is stored with the same hash costs nothing
more, not even a row lock, and only the few rows whose hash differs are compared column by column.
`apply` copies what is new in one stream and updates what differs. An older version of a record
never overwrites a newer one; where one of the two has no version, the one read last counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from psycopg import errors as pg
from psycopg import sql

from exporter.model.hashes import hash64
from exporter.model.stream import Json, Table
from exporter.store import copying, record_pages, slots
from exporter.store.database import Connection
from exporter.store.digest import Stored
from exporter.store.record_pages import PLACE, RAW
from exporter.store.records import Candidates, candidates, differ, newer_than

_ARRAYS = {
    "uuid": sql.SQL("%s::uuid[]"),
    "text": sql.SQL("%s::text[]"),
    "timestamptz": sql.SQL("%s::timestamptz[]"),
}
"""How the values of a key column are passed; a key of another type needs a line here."""


_UPDATE = """
WITH before AS (
    SELECT record_page FROM {table} WHERE {keys} AND row_hash = %(stored_hash)s
), unused AS (
    DELETE FROM onetrading.record_pages USING before
    WHERE page_id = record_page AND strpos(records, chr(30)) = 0
)
UPDATE {table} SET {columns}, raw = NULL WHERE {keys} AND row_hash = %(stored_hash)s
"""
"""A page that holds nothing but the record that is replaced goes with it: orders change one by one,
again and again. In a page of many, the old record stays until the end."""


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
    twins: Sequence[tuple[Any, Any]] = ()
    """Pairs of the row that counts and another one of its key, of which neither is newer; the other
    one is never written."""
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


def compare(
    connection: Connection,
    table: Table,
    rows: Sequence[Any],
    recent: Mapping[Any, Any] | None = None,
    known: Stored = "some",
) -> Comparison:
    """Compare ``rows`` (any order, duplicates allowed) with the table; neither locks nor writes.

    ``recent``: rows by key that the same walk has read and stored just before; another one of such
    a key is a twin. `records` says which row of a key counts. ``known``: see `digest`.
    """
    if not rows or known == "all":
        return Comparison(same=len(rows))
    recent = recent or {}
    others: list[tuple[Any, Any]] = []
    if table.stamp is not None:
        rows, others, recent = _by_stamp(connection, table, rows, recent)
    found = _met(table, rows, recent)
    # Sorted, so that two writers never wait for each other.
    batch = [found.last[key] for key in sorted(found.last)]
    found_hashes = {} if known == "none" else _stored_hashes(connection, table, batch)
    new = [row for at, row in enumerate(batch) if at not in found_hashes] if found_hashes else batch
    differing = [batch[at] for at, one in found_hashes.items() if one != _hash(batch[at])]
    differences = _differences(connection, table, differing, found)
    same = len(batch) - len(new) - len(differences.changed) - len(differences.older)
    older, twins = _left_out(table, found, differences)
    return Comparison(new, differences.changed, older, [*twins, *others], same)


def apply(connection: Connection, table: Table, comparison: Comparison) -> WriteResult:
    """Insert what is new and update what changed.

    Raises UniqueViolation or SerializationFailure when somebody wrote one of the rows since they
    were compared: the transaction is to be repeated from the comparison on.
    """
    statements = _statements(table)
    rows = [*comparison.new, *(change.read for change in comparison.changed)]
    known = record_pages.known(table, rows)
    places = record_pages.keep(connection, [row.raw for row in rows], known)
    if comparison.new:
        raw = list(table.columns).index(RAW)
        ready = (
            (*row[:raw], *row[raw + 1 :], _hash(row), *place)
            for row, place in zip(comparison.new, places, strict=False)
        )
        copying.copy(connection, statements.copy, ready)
    for change, place in zip(comparison.changed, places[len(comparison.new) :], strict=True):
        parameters = dict(zip(table.columns, change.read, strict=True)) | {
            "row_hash": _hash(change.read),
            "stored_hash": change.stored_hash,
            **dict(zip(PLACE, place, strict=True)),
        }
        if connection.execute(statements.update, parameters).rowcount == 0:
            raise pg.SerializationFailure(f"a row of {table.name} was changed by another writer")
    return WriteResult(comparison.new, comparison.changed)


def _hash(row: Any) -> int:
    """The hash of a row's record; the one that counts may have been stored before (`slots`)."""
    return row.raw.hash64 if isinstance(row.raw, Json) else hash64(row.raw.encode())


def _stored_hashes(connection: Connection, table: Table, rows: Sequence[Any]) -> dict[int, int]:
    """Index of each row whose key is stored, and the stored hash."""
    statement = _statements(table).hashes
    found = connection.execute(statement, _key_arrays(table, rows)).fetchall()
    return {ordinal - 1: stored for ordinal, stored in found}


def stored(connection: Connection, table: Table, keys: Sequence[Any]) -> set[int]:
    """Index of each of ``keys``, objects with the key's columns, that is stored."""
    return set(_stored_hashes(connection, table, keys)) if keys else set()


def _by_stamp(
    connection: Connection, table: Table, rows: Sequence[Any], recent: Mapping[Any, Any]
) -> tuple[list[Any], list[tuple[Any, Any]], Mapping[Any, Any]]:
    """The rows that are the records of their keys, the others, and ``recent`` likewise."""
    key = attrgetter(*table.key)
    stored = {key(row): row for _, row in _stored_rows(connection, table, rows).values()}
    before = [recent[identity] for identity in recent.keys() & set(map(key, rows))]
    kept, others = slots.separate(table, rows, stored)
    again, _ = slots.separate(table, before, stored)
    return kept, others, {key(row): row for row in again}


def _stored_rows(
    connection: Connection, table: Table, rows: Sequence[Any]
) -> dict[int, tuple[int, Any]]:
    """Index of each row whose key is stored, and the hash and the row that are stored."""
    statement = _statements(table).rows
    found = connection.execute(statement, _key_arrays(table, rows)).fetchall()
    return {ordinal - 1: (stored, table.row(*values)) for ordinal, stored, *values in found}


def _met(table: Table, rows: Sequence[Any], recent: Mapping[Any, Any]) -> Candidates:
    """The candidates of a batch, and of what its keys were just before."""
    key = attrgetter(*table.key)
    again = list(map(recent.__getitem__, recent.keys() & map(key, rows))) if recent else []
    found = candidates(table, [*again, *rows] if again else rows)
    # One that was stored just before, and is outdated by now, has not been left out.
    outdated = [row for row in found.outdated if recent.get(key(row)) is not row]
    return found._replace(outdated=outdated)


class _Differences(NamedTuple):
    changed: list[Change]
    older: list[tuple[Any, Any]]
    kept: dict[Any, Any]
    """Key to the row read that says what is stored, where it is not the last one read."""


def _differences(
    connection: Connection, table: Table, rows: Sequence[Any], found: Candidates
) -> _Differences:
    """Changed and older rows; a record that is only written differently is neither."""
    result = _Differences([], [], {})
    if not rows:
        return result
    key, newer = attrgetter(*table.key), newer_than(table)
    rows = sorted(rows, key=key)
    for index, (stored_hash, stored) in sorted(_stored_rows(connection, table, rows).items()):
        read = _filled(table, rows[index], stored)
        group = found.twins.get(key(read), (read,))
        alike = [row for row in group if not differ(table, stored, _filled(table, row, stored))]
        if alike:
            result.kept[key(read)] = alike[0]
            more = None if table.changes is None else table.changes.more(stored, alike[0])
            if more is not None:
                result.changed.append(Change(stored, more, stored_hash))
            continue
        if newer(stored, read):
            result.older.append((stored, read))
        else:
            result.changed.append(Change(stored, read, stored_hash))
    return result


def _filled(table: Table, read: Any, stored: Any) -> Any:
    """A row read, with the derived columns that its record does not hold as they are stored."""
    if not table.derived:
        return read
    known = {name: getattr(stored, name) for name in table.derived if getattr(read, name) is None}
    return read._replace(**known) if known else read


def _left_out(
    table: Table, found: Candidates, differences: _Differences
) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
    """Older rows and twins, each with the row that counts instead."""
    key = attrgetter(*table.key)
    older = list(differences.older)
    newer = {key(read): stored for stored, read in older}
    counts = {**found.last, **differences.kept, **newer} if found.twins or found.outdated else {}
    twins: list[tuple[Any, Any]] = []
    for at, group in found.twins.items():
        others = [
            (counts[at], row)
            for row in group
            if row is not differences.kept.get(at, found.last[at])
        ]
        (older if at in newer else twins).extend(others)
    older += [(counts[key(row)], row) for row in found.outdated]
    return older, twins


def _key_arrays(table: Table, rows: Sequence[Any]) -> list[str]:
    return [_array(map(attrgetter(name), rows)) for name in table.key]


def _array(values: Iterable[Any]) -> str:
    """A Postgres array as text; psycopg needs ten times as long for a list of a thousand."""
    texts = [str(value).replace("\\", r"\\").replace('"', r"\"") for value in values]
    return '{"' + '","'.join(texts) + '"}' if texts else "{}"


@cache
def _statements(table: Table) -> _FactStatements:
    name = sql.Identifier("onetrading", table.name)
    columns = [*(name for name in table.columns if name != RAW), "row_hash", *PLACE]
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    arrays = sql.SQL(", ").join(_ARRAYS[table.columns[column]] for column in table.key)
    wanted = sql.SQL("unnest({}) WITH ORDINALITY AS wanted ({}, ordinal)").format(arrays, key)
    match = sql.SQL(" AND ").join(
        sql.SQL("stored.{0} = wanted.{0}").format(sql.Identifier(column)) for column in table.key
    )
    found = sql.SQL("SELECT wanted.ordinal, stored.row_hash{} FROM {} JOIN {} AS stored ON {}")
    values = sql.SQL(", ") + record_pages.selected(table)
    equal_keys = sql.SQL(" AND ").join(map(_equals, table.key))
    return _FactStatements(
        hashes=found.format(sql.SQL(""), wanted, name, match),
        rows=found.format(values, wanted, name, match),
        copy=sql.SQL("COPY {} ({}) FROM STDIN {}").format(
            name, sql.SQL(", ").join(map(sql.Identifier, columns)), copying.OPTIONS
        ),
        update=sql.SQL(_UPDATE).format(
            table=name,
            columns=sql.SQL(", ").join(_equals(c) for c in columns if c not in table.key),
            keys=equal_keys,
        ),
    )


def _equals(column: str) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column))
