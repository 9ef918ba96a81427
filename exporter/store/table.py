"""Write rows into a table of facts: copy what is new, change what differs, leave the rest alone.

Keys are looked up first, together with a hash of each record as sent. What is not there is copied
in one stream; what is there with the same hash costs nothing more, not even a row lock. Only the
few rows whose hash differs are compared column by column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from exporter.model.stream import Json, Table
from exporter.store.database import Connection
from exporter.store.queries import QUERIES

_exact = msgspec.json.Decoder(float_hook=Decimal)

_ARRAYS = {
    "uuid": sql.SQL("%s::uuid[]"),
    "text": sql.SQL("%s::text[]"),
    "timestamptz": sql.SQL("%s::timestamptz[]"),
}
"""How the values of a key column are handed over; a key of another type needs a line here."""


class WriteResult(NamedTuple):
    """What a batch did to its table."""

    inserted: Sequence[Any]
    changed: Sequence[tuple[Any, Any]]
    """Old and new row of each fact that came back different."""

    @property
    def before(self) -> list[Any]:
        """The changed rows as they were."""
        return [old for old, _ in self.changed]

    @property
    def now(self) -> list[Any]:
        """The changed rows as they are."""
        return [new for _, new in self.changed]


class _FactStatements(NamedTuple):
    known: sql.Composed
    copy: sql.Composed
    stored: sql.Composed
    update: sql.Composed


def hash_of(record: str) -> int:
    """A 64-bit hash of a record as sent, as Postgres' bigint."""
    return int.from_bytes(sha256(record.encode()).digest()[:8], "big", signed=True)


def in_order(table: Table, rows: Sequence[Any]) -> list[Any]:
    """Each key once, the last one read; sorted, so that two writers never wait for each other."""
    key = attrgetter(*table.key)
    unique = {key(row): row for row in rows}
    return [unique[identity] for identity in sorted(unique)]


def write(connection: Connection, table: Table, rows: Sequence[Any]) -> WriteResult:
    """Write ``rows`` (any order, duplicates allowed) and say what they changed."""
    rows = in_order(table, rows)
    if not rows:
        return WriteResult((), ())
    statements = _statements(table)
    known = _known(connection, table, statements, rows)
    fresh = [row for index, row in enumerate(rows) if index not in known] if known else rows
    if fresh:
        # Postgres works on the first rows while the last ones are hashed.
        with connection.cursor().copy(statements.copy) as copy:
            for row in fresh:
                copy.write_row((*row, hash_of(row.raw)))
    suspects = [
        rows[index] for index, stored in known.items() if stored != hash_of(rows[index].raw)
    ]
    changed = _change(connection, table, statements, suspects) if suspects else ()
    return WriteResult(fresh, changed)


def _known(
    connection: Connection, table: Table, statements: _FactStatements, rows: Sequence[Any]
) -> dict[int, int]:
    """Index of each row that is stored already, and the stored hash."""
    found = connection.execute(statements.known, _key_arrays(table, rows)).fetchall()
    return {ordinal - 1: stored for ordinal, stored in found}


def _key_arrays(table: Table, rows: Sequence[Any]) -> list[str]:
    return [_array(map(attrgetter(name), rows)) for name in table.key]


def _array(values: Iterable[Any]) -> str:
    """A Postgres array as text; psycopg needs ten times as long for a list of a thousand."""
    texts = [str(value).replace("\\", r"\\").replace('"', r"\"") for value in values]
    return '{"' + '","'.join(texts) + '"}'


def _change(
    connection: Connection, table: Table, statements: _FactStatements, suspects: Sequence[Any]
) -> list[tuple[Any, Any]]:
    """Update the rows that really differ; a record that is only written differently is left."""
    names = list(table.columns)
    changed = []
    stored = connection.execute(statements.stored, _key_arrays(table, suspects)).fetchall()
    for ordinal, *values in stored:
        new, old = suspects[ordinal - 1], table.row(*values)
        differing = {
            name for name, was, is_now in zip(names, old, new, strict=True) if _differ(was, is_now)
        }
        if not differing:
            continue
        parameters = dict(zip(names, new, strict=True)) | {"row_hash": hash_of(new.raw)}
        connection.execute(statements.update, parameters)
        changed.append((old, new))
    return changed


def _differ(stored: Any, read: Any) -> bool:
    return not same_json(stored, read) if isinstance(read, Json) else bool(stored != read)


def same_json(one: str, other: str) -> bool:
    """Whether two JSON texts say the same; 0.10 and 0.1 do, "0.1" and 0.1 do not."""
    return bool(_exact.decode(one.encode()) == _exact.decode(other.encode()))


def note_changes(
    connection: Connection,
    account_id: str,
    stream: str,
    table: Table,
    changed: Sequence[tuple[Any, Any]],
) -> None:
    """Keep the old and the new record of each changed fact."""
    for old, new in changed:
        same_facts = all(
            was == is_now
            for name, was, is_now in zip(table.columns, old, new, strict=True)
            if name != "raw"
        )
        parameters: Mapping[str, Any] = {
            "account_id": account_id,
            "stream": stream,
            "kind": "raw_changed" if same_facts else "changed",
            "key": Jsonb({name: str(getattr(new, name)) for name in table.key}),
            "old": old.raw,
            "new": new.raw,
        }
        connection.execute(QUERIES["note_issue"], parameters)


@cache
def _statements(table: Table) -> _FactStatements:
    name = sql.Identifier("onetrading", table.name)
    columns = list(table.columns)
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    arrays = sql.SQL(", ").join(_ARRAYS[table.columns[column]] for column in table.key)
    asked = sql.SQL("unnest({}) WITH ORDINALITY AS asked ({}, ordinal)").format(arrays, key)
    match = sql.SQL(" AND ").join(
        sql.SQL("stored.{0} = asked.{0}").format(sql.Identifier(column)) for column in table.key
    )
    found = sql.SQL("SELECT asked.ordinal, {} FROM {} JOIN {} AS stored ON {}")
    values = sql.SQL(", ").join(
        sql.SQL("stored.{}::text" if kind in ("uuid", "jsonb") else "stored.{}").format(
            sql.Identifier(column)
        )
        for column, kind in table.columns.items()
    )
    setting = [column for column in (*columns, "row_hash") if column not in table.key]
    return _FactStatements(
        known=found.format(sql.SQL("stored.row_hash"), asked, name, match),
        copy=sql.SQL("COPY {} ({}) FROM STDIN").format(
            name, sql.SQL(", ").join(map(sql.Identifier, (*columns, "row_hash")))
        ),
        stored=found.format(values, asked, name, match) + sql.SQL(" FOR UPDATE OF stored"),
        update=sql.SQL("UPDATE {} SET {} WHERE {}").format(
            name,
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column))
                for column in setting
            ),
            sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column))
                for column in table.key
            ),
        ),
    )
