"""The same pages loaded again: they must cost little, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.loading import ONE_BY_ONE, Loading, loading
from benchmarks.measure import Finding, Say, in_turns, plain, ratio
from benchmarks.pages import trades
from benchmarks.postgres import server
from exporter.store.database import Connection

_ROWS = 20_000
_BATCH = 1_000
_TARGETS = {10_000: ">= 10", _BATCH: ">= 7", 100: ">= 2.2"}
"""By the rows of a batch."""


def run(say: Say) -> None:
    """Rows per second against a raw COPY of new rows; WAL, updated rows and dead rows."""
    with server() as url, loading(url, trades(_ROWS)) as load:
        wal: list[float] = []
        cases: dict[str, Callable[[], float]] = {}
        for size in _TARGETS:
            cases[f"copy {size}"] = partial(_fresh, load, partial(load.copied, size))
            cases[f"new {size}"] = partial(_fresh, load, partial(load.ours, size))
            cases[f"again {size}"] = partial(_again, load, size, wal)
            cases[f"one by one {size}"] = partial(load.ours, size, stream=ONE_BY_ONE)
            cases[f"read {size}"] = partial(load.ours_without_reading, size)
        rates = in_turns(cases)
        updated, dead = _rewritten(load.connection)
    for size, target in _TARGETS.items():
        what, again = f"batches of {size:,} rows, all known", rates[f"again {size}"]
        copy, one_by_one = rates[f"copy {size}"], rates[f"one by one {size}"]
        say(plain(f"{what}: rows loaded", again, "rows/s"))
        say(ratio(f"{what}: against raw COPY of new rows", again, copy, target))
        say(ratio(f"{what}: the same, each record by itself", one_by_one, copy))
        say(ratio(f"{what}: the same without reading JSON", rates[f"read {size}"], copy))
        say(ratio(f"{what}: against loading them the first time", again, rates[f"new {size}"]))
    span = f"{min(wal):.1f} to {max(wal):.1f}"
    say(Finding("WAL written per row", f"{median(wal):.1f} bytes", span, "about 0"))
    say(Finding("rows updated, dead rows", f"{updated}, {dead}", "", "0, 0"))


def _fresh(load: Loading, case: Callable[[], float]) -> float:
    load.empty()
    return case()


def _again(load: Loading, size: int, wal: list[float]) -> float:
    before = _wal(load.connection)
    rate = load.ours(size)
    wal.append((_wal(load.connection) - before) / load.rows)
    return rate


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
