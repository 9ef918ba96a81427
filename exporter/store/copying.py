"""COPY rows as text that is formatted a hundred rows at a time.

psycopg formats and escapes each value by itself, which takes half as long as Postgres needs for a
row. Values of facts hardly ever need an escape: rows among which one does are written value by
value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from psycopg import sql

from exporter.store.database import Connection

_AT_ONCE = 100
"""Postgres works on these rows while the next ones are formatted."""
_ABSENT = "None"
"""How Python writes a value that is absent, and what COPY takes for one where it is not escaped."""
OPTIONS = sql.SQL("WITH (NULL {})").format(sql.Literal(_ABSENT))
"""Of the COPY statement."""


def copy(connection: Connection, statement: sql.Composed, rows: Iterable[tuple[Any, ...]]) -> None:
    """Copy rows of text, int, bool, Decimal, datetime and None by a statement with `OPTIONS`.

    What ``rows`` does to make them is done while Postgres works on those before.
    """
    left = iter(rows)
    with connection.cursor().copy(statement) as copying:
        while some := list(islice(left, _AT_ONCE)):
            copying.write(formatted(some))


def formatted(rows: Sequence[tuple[Any, ...]]) -> str:
    """The lines of some rows, all of as many columns (PostgreSQL, COPY, "Text Format")."""
    line = "\t".join(["%s"] * len(rows[0])) + "\n"
    text = "".join([line % row for row in rows])
    if _says_what_it_means(text, rows):
        return text
    return "".join(["\t".join(map(_escaped, row)) + "\n" for row in rows])


def _says_what_it_means(text: str, rows: Sequence[tuple[Any, ...]]) -> bool:
    """Whether no value holds what COPY takes for something else."""
    if "\\" in text or "\r" in text or text.count("\n") != len(rows):
        return False
    if text.count("\t") != len(rows) * (len(rows[0]) - 1):
        return False
    absent = text.count(_ABSENT)
    return not absent or absent == sum(value is None for row in rows for value in row)


def _escaped(value: Any) -> str:
    if value is None:
        return _ABSENT
    text = str(value).replace("\\", r"\\")
    text = text.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    return text if text != _ABSENT else "\\" + _ABSENT
