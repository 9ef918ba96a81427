"""How much room a fact takes for good: rows, indexes and the record as sent."""

from __future__ import annotations

from psycopg import sql

from benchmarks.loading import Loading, loading
from benchmarks.measure import Finding, Say
from benchmarks.pages import trades
from benchmarks.postgres import server
from exporter.store import moving

_ROWS = 50_000
_INLINE = sql.SQL(
    "UPDATE onetrading.trades SET raw = onetrading.record_text("
    "raw, record_page, record_ordinal, trade_id, order_id, sequence, traded_at,"
    " traded_at_nanos)::jsonb,"
    " record_page = NULL, record_ordinal = NULL"
)
_SIZES = (
    (
        "in all",
        "pg_total_relation_size('onetrading.trades')"
        " + pg_total_relation_size('onetrading.record_pages')",
    ),
    ("its row", "pg_relation_size('onetrading.trades')"),
    ("its indexes", "pg_indexes_size('onetrading.trades')"),
    ("its record, in a page", "pg_total_relation_size('onetrading.record_pages')"),
)


def run(say: Say) -> None:
    """Bytes a trade: loaded page by page, with records inline as before, and once these moved."""
    with server() as url, loading(url, trades(_ROWS)) as load:
        load.empty()
        load.ours(1_000)
        _say(say, load, "a trade, loaded in batches of 1,000 rows", "<= 420")
        load.connection.execute(_INLINE)
        load.connection.execute("TRUNCATE onetrading.record_pages")
        load.connection.commit()
        _compact(load)
        _say(say, load, "with the record as jsonb in its row, as before")
        moved = _move(load)
        _say(say, load, f"once these records were moved ({moved:,}), before any clean-up")
        _compact(load)
        _say(say, load, "and after VACUUM FULL")


def _move(load: Loading) -> int:
    """Move all records, as the service does."""
    load.connection.execute("UPDATE onetrading_sync.record_moves SET finished_at = NULL")
    load.connection.commit()
    total = 0
    while (done := moving.step(load.connection)).left:
        load.connection.commit()
        total += done.records
    load.connection.commit()
    return total


def _compact(load: Loading) -> None:
    load.connection.autocommit = True
    for table in ("trades", "record_pages"):
        load.connection.execute(
            sql.SQL("VACUUM FULL {}").format(sql.Identifier("onetrading", table))
        )
    load.connection.autocommit = False


def _say(say: Say, load: Loading, what: str, target: str = "") -> None:
    for part, size in _SIZES:
        query = sql.SQL("SELECT ({}) / count(*)::float8 FROM onetrading.trades").format(
            sql.SQL(size)
        )
        ((size_each,),) = load.connection.execute(query).fetchall()
        load.connection.commit()
        say(Finding(f"{what}: {part}", f"{size_each:,.0f} bytes", "", target))
        target = ""
