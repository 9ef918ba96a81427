"""What an exporter should end up with: every record of a stream, without faults and paging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exporter.simulator.endpoints import account as account_routes
from exporter.simulator.endpoints import funding
from exporter.simulator.endpoints import futures as futures_routes
from exporter.simulator.endpoints.fault_injection import FaultInjector
from exporter.simulator.endpoints.faults import NO_FAULTS
from exporter.simulator.endpoints.records import (
    closed_position_record,
    encoded_trade_rows,
    order_row,
    payment_record,
    position_payment_record,
    position_records,
    trade_row,
    trades_of,
)
from exporter.simulator.endpoints.requests import AccountRequest, EndpointRequest, Overrides
from exporter.simulator.endpoints.times import iso_millis
from exporter.simulator.market.exact import exact, text, trimmed
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.market import Market, SimulatedAccount
from exporter.simulator.market.prices import seeded


def _balances(market: Market, account: SimulatedAccount) -> Any:
    request = AccountRequest(
        market,
        {},
        _no_faults(market),
        Overrides(),
        account=account,
        trade_rows=encoded_trade_rows(account),
    )
    return account_routes.balances(request)


def _no_faults(market: Market) -> FaultInjector:
    return FaultInjector(NO_FAULTS, seeded(0), 0, market.instant)


def _trades(market: Market, account: SimulatedAccount) -> Any:
    series, now = account.trades, market.instant
    newest_first = range(len(series) - 1, -1, -1)
    return [trade_row(account, k) for k in newest_first if series.instants[k] <= now]


def _orders(market: Market, account: SimulatedAccount) -> Any:
    orders, now = account.ledger.orders, market.instant
    newest_first = range(len(orders) - 1, -1, -1)
    return [order_row(account, k, now) for k in newest_first if orders[k].created <= now]


def _funding_payments(_market: Market, account: SimulatedAccount) -> Any:
    rows = reversed(account.ledger.payments)
    return [{"instrument_code": row.code} | payment_record(row) for row in rows]


def _position_funding(_market: Market, account: SimulatedAccount) -> Any:
    return [position_payment_record(account, row) for row in reversed(account.ledger.payments)]


def _position_trades(market: Market, account: SimulatedAccount) -> Any:
    known = [row for row in account.ledger.closed if row.closed <= market.instant]
    return [
        {"position_id": str(row.number)} | trade_row(account, k)
        for row in known
        for k in trades_of(account, row)
    ]


def _closed_positions(market: Market, account: SimulatedAccount) -> Any:
    known = [row for row in account.ledger.closed if row.closed <= market.instant]
    known.sort(key=lambda row: (row.opened, row.number), reverse=True)
    return [
        closed_position_record(account, row, futures_routes.funding_of(account, row.number))
        for row in known
    ]


def _settlements(market: Market, account: SimulatedAccount) -> Any:
    books = account.ledger.books
    return {
        code: trimmed(account.ledger.settled(INSTRUMENTS[code], market.instant)) for code in books
    }


def _movements(_market: Market, account: SimulatedAccount) -> Any:
    return [
        {
            "account": account.name,
            "reference": row.reference,
            "moved_at": iso_millis(row.instant),
            "currency_code": row.currency,
            "amount": text(row.amount),
            "kind": row.kind,
            "note": row.note,
        }
        for row in reversed(account.ledger.movements)
    ]


_STREAMS: dict[str, Callable[[Market, SimulatedAccount], Any]] = {
    "trades": _trades,
    "orders": _orders,
    "funding_payments": _funding_payments,
    "position_funding": _position_funding,
    "position_trades": _position_trades,
    "closed_positions": _closed_positions,
    "settlements": _settlements,
    "movements": _movements,
    "balances": _balances,
    "positions": lambda market, account: position_records(account, market.prices, market.instant),
    "opening": lambda _market, account: {
        code: trimmed(amount) for code, amount in account.ledger.opening.items()
    },
}
_TRUTHS = (*_STREAMS, "funding_history")
"""The streams that `truth` knows."""


@exact
def truth(market: Market, stream: str, account: str | None) -> Any:
    """Return the records of `stream`, newest first where they have a time.

    `trades` are `{fee, trade}`, `orders` `{order, trades}`, `funding_payments` wire records with
    their `instrument_code`, `position_funding` and `closed_positions` wire records,
    `position_trades` trades with their `position_id`, `positions` the list, `balances` the whole
    response, `settlements` what the minute settlements of each instrument have paid, `opening` the
    balances at the start, `movements` rows of the file that `import movements` takes: deposits,
    withdrawals and fees of liquidations, which no endpoint serves. `funding_history` is public: the
    settled rates of every futures instrument since the start. JSON numbers are Decimals. Raises
    ValueError for an unknown stream or account.
    """
    if stream == "funding_history":
        return _funding_history(market)
    if stream not in _STREAMS:
        raise ValueError(f"unknown stream {stream}; valid: {', '.join(_TRUTHS)}")
    if account not in market.accounts:
        raise ValueError(f"unknown account {account}; valid: {', '.join(market.accounts)}")
    return _STREAMS[stream](market, market.accounts[account])


def _funding_history(market: Market) -> Any:
    request = EndpointRequest(market, {}, _no_faults(market), Overrides())
    return [
        funding.settled_rate(request, instrument, slot)
        for instrument in INSTRUMENTS.values()
        if instrument.futures
        for slot in reversed(funding.settled_slots(request, instrument))
    ]
