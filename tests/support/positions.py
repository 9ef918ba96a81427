"""Closed positions and their details: the exchange's truth, read without the exporter's parsing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from exporter.model.fields import EXACT
from exporter.simulator import Simulator
from tests.support.facts import Connection, nanos

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STREAMS = "positions,trades,funding_payments,closed_positions,position_funding,position_trades"

Rows = set[tuple[Any, ...]]


def at(text: str) -> datetime:
    """An instant as the tables keep it."""
    return EPOCH + timedelta(microseconds=nanos(text) // 1_000)


def true_positions(simulator: Simulator, account: str = "main") -> Rows:
    """Every closed position."""
    return {
        (
            row["position_id"],
            row["account_id"],
            row["instrument_code"],
            row["direction"],
            at(row["opened_at"]),
            at(row["closed_at"]),
            *(
                Decimal(row[name])
                for name in (
                    "closing_pnl",
                    "realised_pnl",
                    "total_funding_payments",
                    "total_trade_fees",
                )
            ),
        )
        for row in simulator.truth("closed_positions", account)
    }


def stored_positions(connection: Connection) -> Rows:
    """Every stored closed position."""
    return set(
        connection.execute(
            "SELECT position_id, account_id::text, instrument_code, direction, opened_at,"
            " closed_at, closing_pnl, realised_pnl, total_funding_payments, total_trade_fees"
            " FROM onetrading.closed_positions"
        ).fetchall()
    )


def true_funding(simulator: Simulator, account: str = "main") -> Rows:
    """Every payment of every closed position."""
    closed = {row["position_id"] for row in simulator.truth("closed_positions", account)}
    return {
        (
            row["position_id"],
            row["instrument_code"],
            nanos(row["time"]),
            at(row["time"]),
            Decimal(row["funding_payment"]),
            Decimal(row["funding_rate"]),
            Decimal(row["mark_price"]),
            Decimal(row["cash_balance"]),
        )
        for row in simulator.truth("position_funding", account)
        if row["position_id"] in closed
    }


def stored_funding(connection: Connection) -> Rows:
    """Every stored payment of a position."""
    return set(
        connection.execute(
            "SELECT position_id, instrument_code, booked_at_nanos, booked_at, amount,"
            " funding_rate, mark_price, cash_balance FROM onetrading.position_funding_payments"
        ).fetchall()
    )


def true_trades(simulator: Simulator, account: str = "main") -> Rows:
    """Every trade of every closed position."""
    return {
        (
            row["position_id"],
            row["trade"]["trade_id"],
            row["trade"]["side"],
            Decimal(row["trade"]["price"]),
            Decimal(row["trade"]["amount"]),
            Decimal(row["fee"]["fee_amount"]),
            nanos(row["trade"]["time_nanos"]),
        )
        for row in simulator.truth("position_trades", account)
    }


def stored_trades(connection: Connection) -> Rows:
    """Every stored trade of a position."""
    return set(
        connection.execute(
            "SELECT position_id, trade_id::text, side, price, amount, fee_amount, traded_at_nanos"
            " FROM onetrading.position_trades"
        ).fetchall()
    )


def issues(connection: Connection) -> list[tuple[str, str, int]]:
    """Stream, kind and number of the issues."""
    return connection.execute(
        "SELECT stream, kind, count(*) FROM onetrading_sync.issues GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()


def counters(connection: Connection) -> dict[tuple[str, str], Decimal]:
    """The counters of closed positions, by metric and instrument; those at 0 are left out."""
    found = connection.execute(
        "SELECT metric, labels[1], value FROM onetrading_sync.totals"
        " WHERE stream = 'closed_positions' AND value <> 0"
    ).fetchall()
    return {(metric, instrument): value for metric, instrument, value in found}


def recounted(positions: Rows, since: datetime) -> dict[tuple[str, str], Decimal]:
    """What the counters must be of positions that were closed from an instant on."""
    sums: dict[tuple[str, str], Decimal] = {}

    def add(metric: str, instrument: str, value: Decimal) -> None:
        if value:
            key = (f"onetrading_{metric}_total", instrument)
            sums[key] = EXACT.add(sums.get(key, Decimal()), value)

    for _, _, instrument, _, _, closed_at, _, realised, *_ in positions:
        if closed_at >= since:
            add("positions_closed", instrument, Decimal(1))
            add("realised_pnl_gained", instrument, max(realised, Decimal()))
            add("realised_pnl_lost", instrument, max(realised.copy_negate(), Decimal()))
    return sums
