"""Tables of snapshots of an earlier version become partitions as they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from exporter.model.page import read
from exporter.model.stream import PUBLIC_ACCOUNT_ID, Partition, SnapshotResponse
from exporter.store import migrate, snapshots
from exporter.store.snapshots import Observed
from exporter.streams.balances import BALANCES
from tests.support.raw_responses import ACCOUNT_ID
from tests.support.reporting import put
from tests.support.stored_snapshots import balances

BEFORE = 22
"""The last migration before the ones under test."""
KNOWN = migrate.load(migrate.migrations_dir())
START = datetime(2026, 3, 1, tzinfo=UTC)
TABLES = {
    "balances": (ACCOUNT_ID, "account_id, currency_code, available, locked", ("EUR", "5.5", "1")),
    "positions": (
        ACCOUNT_ID,
        "account_id, instrument_code, direction, open_volume, raw",
        ("BTC_USD_P", "LONG", "2", '{"a": 1}'),
    ),
    "portfolios": (ACCOUNT_ID, "account_id, equity, raw", ("100.25", "{}")),
    "funding_rate_samples": (
        PUBLIC_ACCOUNT_ID,
        "instrument_code, funding_rate, raw",
        ("BTC_USD_P", "0.0001", "{}"),
    ),
    "tickers": (
        PUBLIC_ACCOUNT_ID,
        "instrument_code, bid_price, ask_price, raw",
        ("BTC_EUR", "10", "11", "{}"),
    ),
}
STREAMS = {"portfolios": "portfolio", "funding_rate_samples": "funding_rates"}
ROWS = 500

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def earlier(empty_database_url: str) -> Iterator[Connection]:
    """A database of the version before, with snapshots of every stream."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        migrate.apply(connection, KNOWN[:BEFORE])
        put(connection, "onetrading.accounts (account_id, name)", [(ACCOUNT_ID, "main")])
        number = 0
        for table, (account, columns, values) in TABLES.items():
            headers, rows = [], []
            for step in range(ROWS):
                number += 1
                at = START + step * timedelta(hours=3)
                stream = STREAMS.get(table, table)
                headers.append((account, stream, at, at + timedelta(minutes=5), 1, step, "{}"))
                own = (account,) if columns.startswith("account_id") else ()
                rows.append((number, *own, *values))
            # Without a number, which the table gives.
            put(
                connection,
                "onetrading.snapshots (account_id, stream, first_observed_at, last_observed_at,"
                " row_count, content_hash, header)",
                headers,
            )
            put(connection, f"onetrading.{table} (snapshot_id, {columns})", rows)
        yield connection


def content(connection: Connection, suffix: str = "") -> dict[str, tuple[Any, ...] | None]:
    """How many rows each table has, and a hash of all columns that it had before."""
    found = {}
    for table in ("snapshots", *TABLES):
        columns = connection.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND attname <> 'resolution'",
            [f"onetrading.{table}"],
        ).fetchone()
        assert columns is not None
        query = (
            "SELECT count(*), md5(string_agg(kept::text, ';' ORDER BY kept::text))"  # noqa: S608
            f" FROM (SELECT {columns[0]} FROM onetrading.{table}{suffix}) AS kept"
        )
        found[table] = connection.execute(query.encode()).fetchone()
    return found


def files(connection: Connection, suffix: str = "") -> list[Any]:
    names = [f"onetrading.{table}{suffix}" for table in ("snapshots", *TABLES)]
    query = "SELECT pg_relation_filenode(%s::regclass)"
    return [connection.execute(query, [name]).fetchone() for name in names]


VIEWS = (
    "SELECT * FROM reporting.daily_closing_balances('Asia/Kathmandu')",
    "SELECT account, day, equity, observed_at FROM reporting.daily_equity",
    "SELECT account, currency_code, total, observed_at FROM reporting.current_balances",
    "SELECT account, instrument_code, net_volume, observed_at FROM reporting.current_positions",
    "SELECT * FROM reporting.balance_rollforward('UTC') WHERE month < '2026-05-01'",
    "SELECT * FROM public.own_view",
)


def answers(connection: Connection) -> list[list[Any]]:
    with connection.transaction():
        connection.execute("SET LOCAL timezone = 'UTC'")
        found = [connection.execute(query.encode()).fetchall() for query in VIEWS]
    columns_of_age = {0: 9}  # which grows meanwhile for the day that runs
    for place, column in columns_of_age.items():
        found[place] = [row[:column] + row[column + 1 :] for row in found[place]]
    return [sorted(rows, key=repr) for rows in found]


def test_an_upgrade_keeps_every_row_where_it_is(earlier: Connection) -> None:
    earlier.execute(
        "CREATE VIEW public.own_view WITH (security_barrier) AS"
        " SELECT stream, count(*) AS snapshots, max(last_observed_at) AS until"
        " FROM onetrading.snapshots GROUP BY stream"
    )
    earlier.execute("COMMENT ON VIEW public.own_view IS 'Made by a user.'")
    earlier.execute("GRANT SELECT ON public.own_view, onetrading.tickers TO onetrading_reader")
    kept, on_disk, said = content(earlier), files(earlier), answers(earlier)
    assert kept["snapshots"] is not None
    assert kept["snapshots"][0] == ROWS * len(TABLES)
    migrate.apply(earlier, KNOWN)
    assert content(earlier) == kept
    assert content(earlier, "_earlier") == kept
    assert files(earlier, "_earlier") == on_disk
    assert answers(earlier) == said
    view = earlier.execute(
        "SELECT obj_description(oid, 'pg_class'), reloptions,"
        " has_table_privilege('onetrading_reader', oid, 'SELECT'),"
        " has_table_privilege('onetrading_reader', 'onetrading.tickers', 'SELECT')"
        " FROM pg_class WHERE oid = 'public.own_view'::regclass"
    ).fetchone()
    assert view == ("Made by a user.", ["security_barrier=true"], True, True)


def test_what_is_stored_after_an_upgrade_follows_what_was_there(earlier: Connection) -> None:
    """The last snapshot is extended where it is; the next one has a number of the new kind."""
    migrate.apply(earlier, KNOWN)
    at = START + (ROWS - 1) * timedelta(hours=3) + timedelta(minutes=6)
    for amount, seconds in (("7", 0), ("7", 15), ("8", 30)):
        instant = at + timedelta(seconds=seconds)
        with earlier.transaction():
            snapshots.save(
                earlier,
                BALANCES,
                Partition("main", ACCOUNT_ID, "balances"),
                SnapshotResponse(read(BALANCES, balances(amount), ACCOUNT_ID).rows, {}),
                Observed(instant, instant),
                patience=timedelta(minutes=1),
                latest=instant,
                lease=None,
            )
    found = earlier.execute(
        "SELECT currency_code, total, observed_at FROM reporting.current_balances ORDER BY 1"
    ).fetchall()
    assert found == [("BTC", 8, at + timedelta(seconds=30)), ("EUR", 0, at + timedelta(seconds=30))]
    spans = earlier.execute(
        "SELECT extract(epoch FROM last_observed_at - first_observed_at)::int, snapshot_id > 10000"
        " FROM onetrading.snapshots WHERE stream = 'balances' ORDER BY snapshot_id DESC LIMIT 3"
    ).fetchall()
    assert spans == [(0, True), (15, True), (300, False)]
