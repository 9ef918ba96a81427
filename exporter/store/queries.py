"""The fixed queries of the `.sql` files here, by name, and the parameters that most share."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, LiteralString, cast

from psycopg import sql

from exporter.model.stream import Partition

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def _load() -> dict[str, sql.SQL]:
    """Each query starts with ``-- name: its_name`` and ends before the next."""
    names, bodies = list[str](), list[Any]()
    for file in files("exporter.store").iterdir():
        if file.name.endswith(".sql"):
            _, *pairs = _NAME.split(file.read_text("utf-8"))
            names += pairs[::2]
            bodies += pairs[1::2]
    if len(set(names)) != len(names):
        raise ValueError("there are two queries of the same name")
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
