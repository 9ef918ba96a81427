"""What a pass looks at does not grow with the history that is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import LiteralString

import psycopg
import pytest

from exporter.model.stream import Partition
from exporter.store import details
from exporter.store.database import Connection

ACCOUNT = "00000000-0000-4000-8000-000000000001"
PARTITION = Partition("main", ACCOUNT, "position_trades")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
POSITIONS, TRADES_EACH = 1_500, 10
# Positions of two hours every three hours, each of 10 trades. All were compared but two; the trades
# of one of them lack one, which the account's list has.
FILL: tuple[LiteralString, ...] = (
    "INSERT INTO onetrading.accounts (account_id, name) VALUES (%(account)s, 'main')",
    """
    INSERT INTO onetrading.closed_positions
        (position_id, account_id, instrument_code, direction, opened_at, closed_at, closing_pnl,
         realised_pnl, total_funding_payments, total_trade_fees, raw, row_hash)
    SELECT n::text, %(account)s, 'BTC_USD_P', 'LONG', at, at + interval '2 hours', 1, 1, 0, 0,
        '{}', n
    FROM generate_series(1, %(positions)s) AS n
    CROSS JOIN LATERAL (SELECT '2025-01-01 00:00Z'::timestamptz + n * interval '3 hours') AS t (at)
    """,
    """
    INSERT INTO onetrading.trades
        (trade_id, order_id, account_id, instrument_code, side, price, amount, quote_amount,
         fee_amount, fee_currency, liquidity, order_source, sequence, traded_at, traded_at_nanos,
         raw, row_hash)
    SELECT gen_random_uuid(), gen_random_uuid(), %(account)s, 'BTC_USD_P', 'BUY', 1, 1, 1, 0, 'USD',
        'MAKER', 'API', p * 100 + n, at, extract(epoch FROM at)::bigint * 1000000000, '{}', p
    FROM generate_series(1, %(positions)s) AS p, generate_series(0, %(each)s - 1) AS n
    CROSS JOIN LATERAL (
        SELECT '2025-01-01 00:00Z'::timestamptz + p * interval '3 hours' + n * interval '5 minutes'
    ) AS t (at)
    """,
    """
    INSERT INTO onetrading.position_trades
    SELECT (sequence / 100)::text, trades.* FROM onetrading.trades WHERE sequence <> 105
    """,
    """
    INSERT INTO onetrading_sync.coverage (account_id, stream, scope, range)
    VALUES (%(account)s, 'trades', '', '[2025-01-01 00:00Z, 2026-01-01 00:00Z)')
    """,
    """
    INSERT INTO onetrading_sync.position_details
        (account_id, stream, position_id, record_hash, read_at, compared_at)
    SELECT account_id, 'position_trades', position_id, row_hash, now(),
        CASE WHEN row_hash > 2 THEN now() END
    FROM onetrading.closed_positions
    """,
)
READ = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"


@pytest.fixture(params=["never analysed", "analysed"])
def connection(database_url: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        sizes = {"account": ACCOUNT, "positions": POSITIONS, "each": TRADES_EACH}
        for statement in FILL:
            connection.execute(statement, sizes)
        if request.param == "analysed":
            connection.execute("ANALYZE")
        yield connection


def read(connection: Connection) -> int:
    """How many rows this transaction has read of all tables."""
    row = connection.execute(READ).fetchone()
    return int(row[0]) if row else 0


def test_few_positions_are_compared_without_reading_the_others(connection: Connection) -> None:
    with connection.transaction():
        before = read(connection)
        assert details.compare(connection, PARTITION, NOW, None) == {"unlisted": 1}
        # Their trades a few times each, and perhaps all positions.
        assert read(connection) - before < 2 * POSITIONS
    with connection.transaction():
        before = read(connection)
        assert details.compare(connection, PARTITION, NOW, None) == {}
        assert read(connection) - before < 100  # nothing is left to compare
