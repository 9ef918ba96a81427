"""Move records as sent into full pages: those that an earlier version kept in the rows of facts,
and those that came one by one.

It goes through each table of facts once a day, some blocks at a time, in a transaction that also
notes how far it is: a process that is killed goes on where it was. Rows are read as before
meanwhile, and nothing but the place of their record changes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from psycopg import errors as pg
from psycopg import sql

from exporter.store import record_pages
from exporter.store.database import Connection
from exporter.store.queries import QUERIES
from exporter.store.record_pages import COLUMNS, RECORDS_A_PAGE
from exporter.store.storage import Storage

BLOCKS = 128
"""From one thousand trades with their records to four without."""
_SMALL = 8_000
"""A page of fewer characters is merged with others: Postgres compresses none of less than 2 kB."""
_WORTH_IT = RECORDS_A_PAGE // 2
"""So many records of small pages make one that is not."""


class Moved(NamedTuple):
    """What one transaction did, or several."""

    records: int
    left: bool = True
    """Something may be left to move."""
    waited: bool = False
    """Another process moves records just now."""


def move(storage: Storage, for_s: float, monotonic: Callable[[], float] = time.monotonic) -> Moved:
    """Move records for so many seconds, or until none is left. Raises DatabaseError."""
    ends_at, total = monotonic() + for_s, 0
    while True:
        done = storage.writable().run(step)
        total += done.records
        if not done.left or done.waited or monotonic() >= ends_at:
            return done._replace(records=total)


def step(connection: Connection, blocks: int = BLOCKS) -> Moved:
    """Move the records of the next ``blocks`` blocks of a table, in the caller's transaction.

    Does nothing while another process moves records. Raises SerializationFailure when a row was
    changed meanwhile.
    """
    if not connection.execute(QUERIES["lock_moving"]).fetchone():
        return Moved(0, waited=True)
    next_table = connection.execute(QUERIES["next_to_move"]).fetchone()
    if next_table is None:
        return Moved(0, left=False)
    name, block, length = next_table
    end = block + blocks
    moved = _move(connection, name, block, end)
    done = {"table": name, "block": end, "moved": moved, "finished": end >= length}
    connection.execute(QUERIES["note_moved"], done)
    return Moved(moved)


class _Found(NamedTuple):
    """A record that may be moved."""

    place: str
    """Of its row."""
    record: str
    page: int | None
    """Where it is; None: in its row."""
    in_page: int | None
    """How many records are there."""
    columns: Sequence[Any]
    """Those of `record_pages.COLUMNS`."""


def _move(connection: Connection, table: str, start: int, end: int) -> int:
    """Move the records of the blocks from ``start`` to before ``end``; how many."""
    blocks = {"start": f"({start},0)", "end": f"({end},0)"}
    rows = connection.execute(_composed(_FOUND, table), blocks | {"small": _SMALL}).fetchall()
    found = _worth_moving(
        [
            _Found(place, record, page, in_page, columns)
            for place, record, page, in_page, *columns in rows
        ]
    )
    if not found:
        return 0
    known = [record_pages.known_text(*one.columns) for one in found if one.columns]
    places = record_pages.keep(connection, [one.record for one in found], known)
    moved = {
        "rows": [one.place for one in found],
        "pages": [place.page for place in places],
        "ordinals": [place.ordinal for place in places],
    }
    changed = connection.execute(_composed(_MOVED, table), blocks | moved).rowcount
    if changed != len(found):
        raise pg.SerializationFailure(f"a row of {table} was changed by another writer")
    merged = list({one.page for one in found if one.page is not None})
    if merged:
        connection.execute(QUERIES["drop_record_pages"], {"pages": merged})
    return changed


def _worth_moving(found: Sequence[_Found]) -> list[_Found]:
    """Those in rows, and enough of those in small pages that hold nothing but such."""
    in_rows = [one for one in found if one.page is None]
    counts = Counter(one.page for one in found)
    in_pages = [one for one in found if one.in_page == counts[one.page]]
    return [*in_rows, *in_pages] if len(in_pages) >= _WORTH_IT else in_rows


_FOUND = """
SELECT fact.ctid::text, {record}, record_page,
    length(records) - length(replace(records, chr(30), '')) + 1{columns}
FROM {table} AS fact
LEFT JOIN onetrading.record_pages
    ON page_id = record_page AND octet_length(records) < %(small)s
    AND first_seen_at < now() - interval '1 day'
WHERE fact.ctid >= %(start)s::tid AND fact.ctid < %(end)s::tid
  AND (raw IS NOT NULL OR page_id IS NOT NULL)
ORDER BY fact.ctid
"""
"""What came today may be joined by more, and orders still change."""
_MOVED = """
UPDATE {table} AS fact SET raw = NULL, record_page = page, record_ordinal = ordinal
FROM unnest(%(rows)s::tid[], %(pages)s::bigint[], %(ordinals)s::smallint[])
    AS moved (place, page, ordinal)
WHERE fact.ctid = place AND fact.ctid >= %(start)s::tid AND fact.ctid < %(end)s::tid
"""


@cache
def _composed(statement: str, table: str) -> sql.Composed:
    return sql.SQL(statement).format(
        table=sql.Identifier("onetrading", table),
        record=record_pages.text_of(table, "fact"),
        columns=sql.SQL("").join(
            sql.SQL(", {}::text" if name.endswith("_id") else ", {}").format(
                sql.Identifier("fact", name)
            )
            for name in COLUMNS.get(table, ())
        ),
    )
