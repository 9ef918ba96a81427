"""Ways to bring the same trades into the same table: ours, raw COPY, and a plain upsert."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.pages import PAGE_ROWS, Pages
from exporter.model.page import read
from exporter.model.stream import History, Page, Partition
from exporter.model.window import RESOLUTION, Window
from exporter.store import loader
from exporter.store.database import Connection, Database
from exporter.store.leases import Leases
from exporter.store.loader import Batch, Run
from exporter.store.record_pages import PLACE, RAW, RECORDS_A_PAGE, SEPARATOR
from exporter.streams.trades import TRADES

ONE_BY_ONE = replace(TRADES, columns=None)
"""As trades, but each record is read by itself, as one that is not as nearly all are."""
_COLUMNS = (*(name for name in TRADES.table.columns if name != RAW), "row_hash", *PLACE)
_NAMES = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
_COPY = sql.SQL("COPY onetrading.trades ({}) FROM STDIN").format(_NAMES)
_COPY_PAGES = sql.SQL("COPY onetrading.record_pages (page_id, records) FROM STDIN")
_UPSERT = sql.SQL(
    "INSERT INTO onetrading.trades ({}) VALUES ({}) ON CONFLICT (trade_id) {}"
).format(
    _NAMES,
    sql.SQL(", ").join(sql.Placeholder() for _ in _COLUMNS),
    sql.SQL("DO UPDATE SET {}").format(
        sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
            for name in _COLUMNS
            if name != "trade_id"
        )
    ),
)
_TABLES = sql.SQL(
    "TRUNCATE onetrading.trades, onetrading.record_pages, onetrading_sync.coverage,"
    " onetrading_sync.runs, onetrading_sync.totals, onetrading_sync.counting"
)


class Loading:
    """One database and one set of pages; each method returns rows per second, commits included."""

    def __init__(self, url: str, pages: Pages) -> None:
        self.connection: Connection = psycopg.connect(url)
        self._pages = pages
        self._partition = Partition("main", pages.account_id, "trades")
        self._database = Database(lambda: url, lambda _connection: None)
        self._database.open()
        self._leases = Leases(lambda: url, "benchmark")
        self._pages_read = list(self._read(pages.bodies))
        rows = [row for page in self._pages_read for row in page.rows]
        self._ready = [_ready(number, row) for number, row in enumerate(rows)]
        self._texts = [_text(row) for row in self._ready]
        self._records = [
            (
                start // RECORDS_A_PAGE,
                SEPARATOR.join(row.raw for row in rows[start : start + RECORDS_A_PAGE]),
            )
            for start in range(0, len(rows), RECORDS_A_PAGE)
        ]
        self._records_texts = [_text(row) for row in self._records]
        # What only a benchmark holds must not be looked through by the garbage collector.
        gc.freeze()

    @property
    def rows(self) -> int:
        """How many rows a load brings."""
        return len(self._ready)

    def close(self) -> None:
        """Give the connections back."""
        self._leases.stop()
        self._database.close()
        self.connection.close()

    def empty(self, *, counting: bool = False) -> None:
        """No rows, no coverage; ``counting``: as after the first full history."""
        self.connection.execute(_TABLES)
        if counting:
            self.connection.execute(
                "INSERT INTO onetrading_sync.counting VALUES (%s, 'trades', to_timestamp(0))",
                [self._partition.account_id],
            )
        self.connection.commit()

    def ours(self, batch_rows: int, workers: int = 1, stream: History = TRADES) -> float:
        """From the bytes of pages to committed rows, by the path of a backfill.

        Each walker has a part of the pages, as in a backfill; one is the plainest comparison.
        ``stream``: how pages are read.
        """
        bodies, count = self._pages.bodies, len(self._pages.bodies)
        parts = [bodies[count * n // workers : count * (n + 1) // workers] for n in range(workers)]
        began = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            for future in [
                pool.submit(self._walk, self._read(p, stream), batch_rows) for p in parts
            ]:
                future.result()
        return self.rows / (time.perf_counter() - began)

    def ours_without_reading(self, batch_rows: int) -> float:
        """The same from pages that were read beforehand: what the loader itself costs."""
        began = time.perf_counter()
        self._walk(iter(self._pages_read), batch_rows)
        return self.rows / (time.perf_counter() - began)

    def _read(self, bodies: Iterable[bytes], stream: History = TRADES) -> Iterator[Page]:
        for body in bodies:
            yield read(stream, body, self._partition.account_id)

    def _walk(self, pages: Iterator[Page], batch_rows: int) -> None:
        """Check the lease, look the keys up, copy, raise the totals, claim, write the run."""
        run: Run | None = None
        while some := list(islice(pages, batch_rows // PAGE_ROWS)):
            batch = Batch()
            for page in some:
                batch.rows.extend(page.rows)
                batch.pages += 1
                batch.complete = page.cursor is None
            newest, oldest = batch.rows[0].traded_at, batch.rows[-1].traded_at
            run = run or Run("backfill", Window(oldest, newest + RESOLUTION))
            batch.proven = Window(oldest + RESOLUTION, run.wanted.end)
            lease = self._leases.get(self._partition.account_id)
            done = self._database.run(loader.load, TRADES, self._partition, run, batch, lease)
            run.run_id = done.run_id

    def copied(self, batch_rows: int) -> float:
        """Raw COPY of tuples that are ready, with psycopg's ``write_row``; of their records, too.

        Both in one transaction a batch, as ours.
        """

        def write(start: int) -> None:
            for copy, rows in (
                (_COPY_PAGES, _part(self._records, start, batch_rows, RECORDS_A_PAGE)),
                (_COPY, _part(self._ready, start, batch_rows)),
            ):
                with self.connection.cursor().copy(copy) as copying:
                    for row in rows:
                        copying.write_row(row)

        return self._in_batches(write, batch_rows)

    def copied_as_text(self, batch_rows: int) -> float:
        """Raw COPY of text that is formatted beforehand: Postgres' own time and the network's."""
        joined = {
            start: (
                "".join(_part(self._records_texts, start, batch_rows, RECORDS_A_PAGE)),
                "".join(_part(self._texts, start, batch_rows)),
            )
            for start in range(0, self.rows, batch_rows)
        }

        def write(start: int) -> None:
            pages, texts = joined[start]
            with self.connection.cursor().copy(_COPY_PAGES) as copying:
                copying.write(pages)
            with self.connection.cursor().copy(_COPY) as copying:
                copying.write(texts)

        return self._in_batches(write, batch_rows)

    def upserted(self, batch_rows: int, share: int = 1) -> float:
        """``executemany`` of a plain upsert without the records, of one in ``share`` rows."""

        def write(start: int) -> None:
            self.connection.cursor().executemany(_UPSERT, _part(self._ready, start, batch_rows))

        return self._in_batches(write, batch_rows, share)

    def _in_batches(self, write: Callable[[int], None], size: int, share: int = 1) -> float:
        """A transaction for each batch, given its first row; of one in ``share`` rows."""
        rows = self.rows // share
        began = time.perf_counter()
        for start in range(0, rows, size):
            write(start)
            self.connection.commit()
        return rows / (time.perf_counter() - began)


def _part(items: Sequence[Any], start: int, size: int, rows_each: int = 1) -> Sequence[Any]:
    """The items of the rows from ``start`` on, where each item stands for so many rows."""
    return items[start // rows_each : (start + size) // rows_each]


def _ready(number: int, row: Any) -> tuple[Any, ...]:
    """The tuple of a row: its record is in a page, all pages are full."""
    values = (value for name, value in row._asdict().items() if name != RAW)
    place = (number // RECORDS_A_PAGE, number % RECORDS_A_PAGE + 1)
    return (*values, row.raw.hash64, *place)


def _text(row: Sequence[Any]) -> str:
    """A line of COPY's text format; only a backslash of the JSON needs an escape."""
    texts = ["\\N" if value is None else str(value).replace("\\", r"\\") for value in row]
    return "\t".join(texts) + "\n"


@contextmanager
def loading(url: str, pages: Pages) -> Iterator[Loading]:
    """A Loading that is closed at the end."""
    found = Loading(url, pages)
    try:
        yield found
    finally:
        found.close()
