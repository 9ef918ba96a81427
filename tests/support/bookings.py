"""An account with spot and futures trades, funding and movements, for the tests of exports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from exporter.model.fields import EXACT
from tests.support.reporting import MAIN, Connection, put

HEDGE = UUID(int=2)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def put_accounts(connection: Connection) -> None:
    """Accounts main and hedge, and the markets BTC_EUR, BTC_USDC and BTC_USD_P."""
    put(connection, "onetrading.accounts (account_id, name)", [(MAIN, "main"), (HEDGE, "hedge")])
    put(
        connection,
        "onetrading.instruments (instrument_code, base_code, quote_code, valid_from, kind, state,"
        " raw)",
        [
            ("BTC_EUR", "BTC", "EUR", MARCH - timedelta(days=60), "SPOT", "ACTIVE", "{}"),
            ("BTC_USDC", "BTC", "USDC", MARCH - timedelta(days=60), "SPOT", "ACTIVE", "{}"),
            ("BTC_USD_P", "BTC", "USD", MARCH - timedelta(days=60), "PERP", "ACTIVE", "{}"),
        ],
    )


def trade(
    number: int,
    *,
    code: str = "BTC_EUR",
    side: str = "BUY",
    price: str = "100",
    amount: str = "1",
    fee: tuple[str, str] | None = None,
    at: datetime | None = None,
    account: UUID = MAIN,
) -> tuple[Any, ...]:
    """A row for `put_trades`. ``fee``: amount and currency; ``at``: else hours after 1 March."""
    traded_at = at or MARCH + number * _HOUR
    nanos = (traded_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    fee_amount, fee_currency = fee or (None, None)
    return (
        *(UUID(int=number), UUID(int=1000 + number), account, code, side, price, amount),
        *(
            f"{EXACT.multiply(Decimal(price), Decimal(amount)):f}",
            fee_amount,
            fee_currency,
            "TAKER",
            number,
        ),
        *(traded_at, nanos, "{}", 0),
    )


def put_trades(connection: Connection, rows: Iterator[Any] | list[Any]) -> None:
    """Store what `trade` made."""
    put(
        connection,
        "onetrading.trades (trade_id, order_id, account_id, instrument_code, side, price, amount,"
        " quote_amount, fee_amount, fee_currency, liquidity, sequence, traded_at, traded_at_nanos,"
        " raw, row_hash)",
        rows,
    )
