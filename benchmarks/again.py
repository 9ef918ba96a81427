"""The same pages loaded again: they must cost little, and leave nothing behind."""

from __future__ import annotations

from functools import partial
from statistics import median

from benchmarks.loading import Loading, loading
from benchmarks.measure import ROUNDS, Finding, Say, in_turns, plain, ratio
from benchmarks.pages import trades
from benchmarks.postgres import server
from exporter.store.database import Connection

_ROWS = 20_000
_BATCH = 1_000


def run(say: Say) -> None:
    """Rows per second against a raw COPY of new rows; WAL, updated rows and dead rows."""
    with server() as url, loading(url, trades(_ROWS)) as load:
        copied = partial(_copied, load)
        wal: list[float] = []

        def again() -> float:
            before = _wal(load.connection)
            rate = load.ours(_BATCH)
            wal.append((_wal(load.connection) - before) / load.rows)
            return rate

        read = partial(load.ours_without_reading, _BATCH)
        rates = in_turns({"copy": copied, "new": partial(_new, load), "again": again, "read": read})
        updated, dead = _rewritten(load.connection)
    what = f"batches of {_BATCH:,} rows, all known"
    say(plain(f"{what}: rows loaded", rates["again"], "rows/s"))
    say(ratio(f"{what}: against raw COPY of new rows", rates["again"], rates["copy"], ">= 3"))
    what_read = f"{what}: the same without reading JSON"
    say(ratio(what_read, rates["read"], rates["copy"]))
    say(ratio(f"{what}: against loading them the first time", rates["again"], rates["new"]))
    span = f"{min(wal):.1f} to {max(wal):.1f}"
    say(Finding("WAL written per row", f"{median(wal[-ROUNDS:]):.1f} bytes", span, "about 0"))
    say(Finding("rows updated, dead rows", f"{updated}, {dead}", "", "0, 0"))


def _copied(load: Loading) -> float:
    load.empty()
    return load.copied(_BATCH)


def _new(load: Loading) -> float:
    load.empty()
    return load.ours(_BATCH)


def _wal(connection: Connection) -> int:
    """How many bytes of WAL were written since the beginning."""
    row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone()
    connection.commit()
    return int(row[0]) if row else 0


def _rewritten(connection: Connection) -> tuple[int, int]:
    """Updated and dead rows of trades, once Postgres has counted them."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.commit()
    row = connection.execute(
        "SELECT n_tup_upd, n_dead_tup FROM pg_stat_user_tables WHERE relname = 'trades'"
    ).fetchone()
    connection.commit()
    return (int(row[0]), int(row[1])) if row else (-1, -1)
