"""Keep records as sent in pages of text, apart from the rows of facts.

Records of one stream are alike, so that many of them compress to a fourth of their size, which none
does alone. Only what a batch inserts or changes is kept: what is read again adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import repeat, starmap
from operator import attrgetter
from typing import Any, NamedTuple

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
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "trades": ("trade_id", "order_id", "sequence", "traded_at", "traded_at_nanos")
}
"""Tables to the columns without which a page cannot tell a record: ids, a counter and an instant,
which differ in each record, are most of what it would compress to. In the page a mark stands for
what they say in the usual notation, and `onetrading.whole_record` puts it back. All else is kept
as sent, so that the record bears witness to prices, amounts and fees."""
MARKS = ("\x1d", "\x1c", "\x1f", "\x02", "\x03")
"""What stands for the texts of `known`: control characters, too."""
_SHORTEST = 6
"""In characters: a mark for less may make the text no shorter, and breaks what is alike in two."""
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


def known(table: Table, rows: Sequence[Any]) -> list[tuple[str | None, ...]]:
    """The texts for which a page has `MARKS`, of rows of ``table``; empty where it has none."""
    columns = COLUMNS.get(table.name, ())
    return list(starmap(known_text, map(attrgetter(*columns), rows))) if columns else []


def known_text(
    trade_id: str, order_id: str | None, sequence: int | None, at: datetime, nanos: int
) -> tuple[str | None, ...]:
    """What the `COLUMNS` of a trade say, as records usually spell it."""
    if at.tzinfo is not UTC:  # each record passes here, and it takes a microsecond
        at = at.astimezone(UTC)
    whole = at.isoformat(timespec="microseconds")[:-6]
    return (
        trade_id,
        order_id,
        None if sequence is None else str(sequence),
        f"{whole}{nanos % 1000:03}Z",
        f"{whole[:-3]}Z",
    )


def keep(
    connection: Connection, records: Sequence[str], known: Sequence[Sequence[str | None]] = ()
) -> list[Place]:
    """Store records in as few pages as they need; where each of them is, in their order.

    ``known``: of each record, see `known`. Raises what Postgres raises for a record that is
    no ``jsonb``, because views show it as that, and ValueError for one that is no JSON at all.
    """
    if not records:
        return []
    pages = list(_pages(records))
    odd: list[str] = []
    for page in pages:
        text = "".join(page)
        if any(mark in text for mark in (SEPARATOR, *MARKS)):
            raise ValueError("a record holds a control character")
        if len(text) > _PLAIN or "\\u" in text:
            odd += [record for record in page if len(record) > _PLAIN or "\\u" in record]
    texts = list(_texts(pages, known))
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


def _texts(pages: Sequence[Sequence[str]], known: Sequence[Sequence[str | None]]) -> Iterator[str]:
    """Each page as it is stored."""
    start = 0
    for page in pages:
        own = known[start : start + len(page)]
        start += len(page)
        yield SEPARATOR.join(map(_shortened, page, own) if own else page)


def _shortened(record: str, known: Sequence[str | None]) -> str:
    for mark, text in zip(MARKS, known, strict=True):
        if text and len(text) >= _SHORTEST:
            record = record.replace(text, mark)
    return record


def text_of(table: str, row: str) -> sql.Composed:
    """The record as sent of ``row``, an alias of ``table``."""
    columns = ("raw", *PLACE, *COLUMNS.get(table, ()))
    return sql.SQL("onetrading.record_text({})").format(
        sql.SQL(", ").join(sql.Identifier(row, name) for name in columns)
    )


@cache
def selected(table: Table) -> sql.Composed:
    """The columns of a row of ``table`` as ``stored``, in the order of its fields."""
    return sql.SQL(", ").join(
        text_of(table.name, "stored") if name == RAW else _column(name, kind)
        for name, kind in table.columns.items()
    )


def _column(name: str, kind: str) -> sql.Composed:
    column = sql.SQL("stored.{}::text" if kind in ("uuid", "jsonb") else "stored.{}")
    return column.format(sql.Identifier(name))
