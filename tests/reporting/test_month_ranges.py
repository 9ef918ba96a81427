"""A month, or a range of time, is read by the index: not the history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.books import put_markets
from tests.support.postgres import fresh_database
from tests.support.reporting import Connection, facts

ROWS = 16_000
"""Of two accounts, over two years: 330 a month and account."""


@pytest.fixture(scope="module")
def reporting(migrated_database: str) -> Iterator[Connection]:
    with psycopg.connect(migrated_database) as connection, facts(connection, "UTC"):
        fill(connection)
        yield connection


@pytest.fixture(scope="module")
def migrated_database(postgres_url: str, migrated_template: str) -> Iterator[str]:
    with fresh_database(postgres_url, migrated_template) as url:
        yield url


def fill(connection: Connection) -> None:
    """One trade, order and payment at a time, two accounts in turns."""
    put_markets(connection)
    connection.execute(
        "CREATE TEMP TABLE made AS SELECT n, md5('trade' || n)::uuid AS id,"
        " (ARRAY['00000000-0000-0000-0000-000000000001',"
        " '00000000-0000-0000-0000-000000000007'])[1 + n %% 2]::uuid AS account_id,"
        " (ARRAY['BTC_EUR', 'BTC_USD_P'])[1 + n / 2 %% 2] AS code,"
        " CASE n / 4 %% 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END AS side,"
        " timestamptz '2024-11-01 00:00Z' + n * interval '3942 seconds' AS at"
        " FROM generate_series(0, %s - 1) AS n",
        [ROWS],
    )
    connection.execute(
        "INSERT INTO onetrading.trades (trade_id, order_id, account_id, instrument_code, side,"
        " price, amount, quote_amount, fee_amount, fee_currency, liquidity, sequence, traded_at,"
        " traded_at_nanos, raw, row_hash) SELECT id, id, account_id, code, side, 100, 1, 100, 0.08,"
        " 'EUR', 'TAKER', n, at, extract(epoch FROM at)::bigint * 1000000000, '{}', 0 FROM made"
    )
    connection.execute(
        "INSERT INTO onetrading.orders (order_id, account_id, instrument_code, side, amount,"
        " filled_amount, status, is_open, created_at, trades_checked, raw, row_hash)"
        " SELECT id, account_id, code, side, 1, 1, 'FILLED', false, at, true, '{}', 0 FROM made"
    )
    connection.execute(
        "INSERT INTO onetrading.funding_payments (account_id, instrument_code, booked_at,"
        " funding_time, amount, raw, row_hash) SELECT account_id, 'BTC_USD_P', at, at, 1, '{}', 0"
        " FROM made"
    )
    # From which the position in March follows.
    connection.execute(
        "INSERT INTO onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
        " last_observed_at, row_count, content_hash, header)"
        " SELECT row_number() OVER (), account_id, 'positions', timestamptz '2026-02-27 00:00Z',"
        " timestamptz '2026-02-28 00:00Z', 0, 0, '{}'::jsonb"
        " FROM (SELECT DISTINCT account_id FROM made) AS accounts"
    )
    connection.execute("ANALYZE")


def rows_read(node: dict[str, Any]) -> dict[str, float]:
    """How many rows the scans of each table produced or dropped, summed over their loops."""
    found: dict[str, float] = {}
    for below in node.get("Plans", ()):
        for table, rows in rows_read(below).items():
            found[table] = found.get(table, 0) + rows
    if name := node.get("Relation Name"):
        rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        found[name] = found.get(name, 0) + rows * node["Actual Loops"]
    return found


RANGES = {
    "ledger": "booked_at",
    "fee_check": "traded_at",
    "trade_slippage": "traded_at",
    "order_fill_check": "created_at",
}
FACTS = ("trades", "orders", "funding_payments")


def time_range(column: str) -> str:
    return f"{column} >= '2026-03-01 00:00Z' AND {column} < '2026-04-01 00:00Z'"


@pytest.mark.parametrize(
    ("view", "condition"),
    [
        *((view, time_range(column)) for view, column in RANGES.items()),
        *((view, "month = '2026-03-01'") for view in (*RANGES, "funding_check")),
    ],
)
def test_a_month_is_read_by_the_index(reporting: Connection, view: str, condition: str) -> None:
    query = f"SELECT * FROM reporting.{view} WHERE account = 'main' AND {condition}"  # noqa: S608
    assert reporting.execute(query.encode()).rowcount > 100
    plan = reporting.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode()).fetchone()
    assert plan is not None
    read = rows_read(plan[0][0]["Plan"])
    for table in FACTS:
        assert read.get(table, 0) < ROWS / 8, (table, read)
