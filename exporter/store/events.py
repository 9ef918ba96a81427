"""Keep each state of a changing fact as it was first seen, in the transaction that stores the fact.

A row that says what is stored needs no look: its state was kept together with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from psycopg import sql

from exporter.model.stream import Table
from exporter.store.database import Connection
from exporter.store.table import Comparison


def note(connection: Connection, table: Table, comparison: Comparison) -> None:
    """Keep the states that a batch has shown, in ``table``; each once."""
    left_out = (*comparison.older, *comparison.twins)
    states = [
        *comparison.new,
        *(change.read for change in comparison.changed),
        *(read for _, read in left_out),
    ]
    if states:
        columns = [[getattr(row, name) for row in states] for name in table.columns]
        connection.execute(_insert(table), columns)


@cache
def _insert(table: Table) -> sql.Composed:
    """Of two rows of one key the first counts."""
    names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    arrays: Sequence[Any] = [sql.SQL("%s::" + kind + "[]") for kind in table.columns.values()]
    return sql.SQL("INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT DO NOTHING").format(
        sql.Identifier("onetrading", table.name), names, sql.SQL(", ").join(arrays)
    )
