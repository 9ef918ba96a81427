"""Keep records as sent in pages of text, apart from the rows of facts.

Records of one stream are alike, so that many of them compress to a fourth of their size, which none
does alone. Only what a batch inserts or changes is kept: what is read again adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import repeat
from typing import NamedTuple

from psycopg import sql

from exporter.model.stream import Table
from exporter.model.tuples import named
from exporter.store.database import Connection

RAW = "raw"
"""The field of a row that holds its record. Its column is null, except in rows that an earlier
version stored and `moving` has not reached."""
PLACE = ("record_page", "record_ordinal")
"""The columns that tell where the record is: the fields of a `Place`."""
RECORDS_A_PAGE = 100
_LARGEST_PAGE = 64 * 1024
"""In characters; to read one record, Postgres takes all of its page."""
SEPARATOR = "\x1e"
"""RS: a control character, which no JSON text holds (RFC 7464)."""
_PLAIN = 16 * 1024
"""In characters: a record of more, or with an escape, may hold what ``jsonb`` refuses."""

_ADD = sql.SQL(
    "INSERT INTO onetrading.record_pages (records)"
    " SELECT page FROM unnest(%b::text[]) WITH ORDINALITY AS pages (page, number) ORDER BY number"
    " RETURNING page_id"
)
_CHECK = sql.SQL("SELECT count(record::jsonb) FROM unnest(%b::text[]) AS records (record)")


class Place(NamedTuple):
    """Where a record is kept."""

    page: int
    ordinal: int
    """From 1 on."""


def keep(connection: Connection, records: Sequence[str]) -> list[Place]:
    """Store records in as few pages as they need; where each of them is, in their order.

    Raises what Postgres raises for a record that is no ``jsonb``, because views show it as that,
    and ValueError for one that is no JSON at all.
    """
    if not records:
        return []
    pages = list(_pages(records))
    texts = [SEPARATOR.join(page) for page in pages]
    odd: list[str] = []
    for page, text in zip(pages, texts, strict=True):
        if text.count(SEPARATOR) != len(page) - 1:
            raise ValueError("a record holds a control character")
        if len(text) > _PLAIN or "\\u" in text:
            odd += [record for record in page if len(record) > _PLAIN or "\\u" in record]
    if odd:
        connection.execute(_CHECK, [odd])
    found = connection.execute(_ADD, [texts]).fetchall()
    return [
        place
        for (page_id,), page in zip(found, pages, strict=True)
        for place in named(Place, zip(repeat(page_id), range(1, len(page) + 1)))
    ]


def _pages(records: Sequence[str]) -> Iterator[list[str]]:
    page: list[str] = []
    size = 0
    for record in records:
        if page and (len(page) == RECORDS_A_PAGE or size + len(record) > _LARGEST_PAGE):
            yield page
            page, size = [], 0
        page.append(record)
        size += len(record)
    yield page


@cache
def selected(table: Table) -> sql.Composed:
    """The columns of a row of ``table`` as ``stored``, in the order of its fields."""
    return sql.SQL(", ").join(_column(name, kind) for name, kind in table.columns.items())


def _column(name: str, kind: str) -> sql.Composed:
    if name == RAW:
        text = sql.SQL("onetrading.record_text(stored.raw, stored.{}, stored.{})")
        return text.format(*map(sql.Identifier, PLACE))
    column = sql.SQL("stored.{}::text" if kind in ("uuid", "jsonb") else "stored.{}")
    return column.format(sql.Identifier(name))
