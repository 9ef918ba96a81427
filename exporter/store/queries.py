"""The fixed queries of the `.sql` files here, by name, and the parameters that most share."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, LiteralString, cast

from psycopg import sql

from exporter.model.stream import Partition, Table

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def _load() -> dict[str, sql.SQL]:
    """Each query starts with ``-- name: its_name`` and ends before the next."""
    found = [each for each in files("exporter.store").iterdir() if each.name.endswith(".sql")]
    pairs = [part for each in found for part in _NAME.split(each.read_text("utf-8"))[1:]]
    names, bodies = pairs[::2], pairs[1::2]
    if len(set(names)) != len(names):
        raise ValueError("two queries have the same name")
    return {
        name: sql.SQL(cast(LiteralString, body.strip().rstrip(";")))
        for name, body in zip(names, bodies, strict=True)
    }


QUERIES = _load()


def identity_of(partition: Partition) -> dict[str, Any]:
    """The parameters that name a partition."""
    return {
        "account_id": partition.account_id,
        "stream": partition.stream,
        "scope": partition.instrument,
    }


def own_rows(table: Table) -> sql.SQL:
    """A condition for the rows of the account of `identity_of`; true where a table is public.

    The lists of several accounts are in one table, and each must leave the others' rows alone.
    """
    own = "account_id" in table.columns
    return sql.SQL("account_id = %(account_id)s" if own else "true")
