"""Reports of an earlier version's facts: the same figures before and after an upgrade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from exporter.store import migrate
from tests.support.account_books import random_books, store, sum_days
from tests.support.reporting import MAIN, Connection, in_order, put

BEFORE = 22
"""The last migration before those that made reports faster."""
KNOWN = migrate.load(migrate.migrations_dir())
DAYS = 70
REPORTS = (
    "realised_pnl_fifo",
    "realised_pnl_average",
    "inventory_rollforward",
    "balance_rollforward",
    "daily_closing_balances",
    "funding_check",
)


def reports(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """What does not depend on the time of asking, of each report."""
    found = {}
    for report in REPORTS:
        past = (
            "day < current_date - 1" if report.startswith("daily") else "month < current_date - 31"
        )
        query = f"SELECT * FROM reporting.{report} WHERE {past}"  # noqa: S608
        found[report] = in_order(connection.execute(query.encode()).fetchall())
    return found


def test_faster_reports_say_the_same(empty_database_url: str) -> None:
    """With lots that the earlier version carried, before and after the sums of days are stored."""
    now = datetime.now(UTC)
    books = random_books(23, now, days=DAYS, observed_days=1, spot=200, episodes=6)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        migrate.apply(connection, KNOWN[:BEFORE])
        put(connection, "onetrading.accounts (account_id, name)", [(MAIN, "main")])
        store(connection, books)
        carried = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        connection.execute("SELECT onetrading.carry(%s, %s)", [MAIN, carried - timedelta(days=30)])
        before = reports(connection)
        migrate.apply(connection, KNOWN)
        assert reports(connection) == before
        sum_days(connection, books.start, days=DAYS)
        assert reports(connection) == before
    assert all(before.values()), {name: len(rows) for name, rows in before.items()}
