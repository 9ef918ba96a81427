"""Three months of trades of one account, proven complete: what can be closed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.support.reporting import MAIN, Connection, put

START = datetime(2026, 1, 1, tzinfo=UTC)
TRADE_COLUMNS = (
    "onetrading.trades (trade_id, account_id, instrument_code, side, price, amount, quote_amount,"
    " fee_amount, fee_currency, liquidity, sequence, traded_at, traded_at_nanos, raw, row_hash)"
)


def instrument(code: str, base: str, quote: str, kind: str) -> tuple[Any, ...]:
    return code, base, quote, kind, "ACTIVE", "{}", START


def trade(
    number: int, at: datetime, side: str, price: str, amount: str, fee: str
) -> tuple[Any, ...]:
    quote = Decimal(price) * Decimal(amount)
    record = {"fee": {"fee_amount": fee}, "trade": {"price": price, "amount": amount}}
    nanos = int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000
    return (
        *(UUID(int=number), MAIN, "BTC_EUR", side, price, amount, quote, fee, "EUR", "TAKER"),
        *(number, at, nanos, json.dumps(record), number),
    )


def put_months(connection: Connection) -> None:
    """January to March 2026, with everything before ``now()`` proven."""
    put(connection, "onetrading.accounts (account_id, name)", [(MAIN, "main")])
    put(
        connection,
        "onetrading.instruments (instrument_code, base_code, quote_code, kind, state, raw,"
        " valid_from)",
        [
            instrument("BTC_EUR", "BTC", "EUR", "SPOT"),
            instrument("ETH_USD_P", "ETH", "USD", "PERP"),
        ],
    )
    put(
        connection,
        TRADE_COLUMNS,
        [
            trade(1, START + timedelta(days=2), "BUY", "100", "2", "0.5"),
            trade(2, START + timedelta(days=9), "BUY", "130", "1", "0.4"),
            trade(3, START + timedelta(days=20), "SELL", "150", "1.5", "0.3"),
            trade(4, START + timedelta(days=40), "SELL", "160", "1", "0.2"),
            trade(5, START + timedelta(days=65), "BUY", "170", "1", "-0.1"),
        ],
    )
    put(
        connection,
        "onetrading_sync.progress (account_id, stream, scope, required_from)",
        [(MAIN, "trades", "", START - timedelta(days=1))],
    )
    connection.execute(
        "INSERT INTO onetrading_sync.coverage (account_id, stream, scope, range)"
        " VALUES (%s, 'trades', '', tstzrange(%s, now()))",
        [MAIN, START - timedelta(days=1)],
    )
    connection.commit()


def put_late_trade(connection: Connection, number: int, at: datetime) -> None:
    """A trade that nobody had seen until now."""
    put(connection, TRADE_COLUMNS, [trade(number, at, "BUY", "120", "3", "0.7")])
    connection.commit()
