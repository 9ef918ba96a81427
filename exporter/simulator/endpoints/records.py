"""Wire records of one account, in the documented shape, built from its ledger.

Amounts are decimal strings unless a docstring says JSON number. Call under `exact`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Protocol, runtime_checkable

import msgspec

from exporter.simulator.endpoints.times import iso_millis, iso_nanos
from exporter.simulator.endpoints.wire import encode
from exporter.simulator.market.exact import ZERO, quotient, rounded, text, trimmed
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.ledger import ClosedPosition, SimulatedPayment
from exporter.simulator.market.market import SimulatedAccount
from exporter.simulator.market.prices import Prices
from exporter.simulator.market.trades import SimulatedTrade

Record = dict[str, Any]
EncodedRows = Callable[[int], msgspec.Raw]
"""The trade rows of one account by index, as JSON and without faults."""

_MAINTENANCE = Decimal("0.05")
_INITIAL = Decimal("0.1")
_MARGIN_PLACES = 8


def fee_record(trade: SimulatedTrade) -> Record:
    """Return the `fee` half of a trade row."""
    return {"fee_amount": text(trade.fee), "fee_currency": trade.fee_currency}


def trade_record(account: SimulatedAccount, k: int, trade: SimulatedTrade) -> Record:
    """Return the `trade` half of a trade row."""
    amount = text(trade.amount)
    return {
        "trade_id": account.trade_ids.make(k),
        "order_id": account.order_ids.make(trade.order),
        "account_id": account.id,
        "instrument_code": trade.code,
        "side": trade.side,
        "price": text(trade.price),
        "amount": amount,
        "time": iso_millis(trade.instant),
        "time_nanos": iso_nanos(trade.instant),
        "matched_as": "MAKER" if trade.maker else "TAKER",
        "order_type": "API",
        "filled_amount": amount,
        "sequence": str(trade.sequence),
    }


def trade_row(account: SimulatedAccount, k: int, trade: SimulatedTrade | None = None) -> Record:
    """Return `{fee, trade}` of the k-th trade, or of `trade` under its ids."""
    trade = trade or account.trades[k]
    return {"fee": fee_record(trade), "trade": trade_record(account, k, trade)}


@runtime_checkable
class RowEncoding(Protocol):
    """A trade history that encodes its rows itself, because they are too many to be cached."""

    def row_encoder(self, account: SimulatedAccount) -> EncodedRows:
        """Return a function that gives the k-th `trade_row` as JSON."""
        ...


def encoded_trade_rows(account: SimulatedAccount) -> EncodedRows:
    """Return the account's `{fee, trade}` rows as JSON; each is encoded once and cached."""
    history = account.trades
    if isinstance(history, RowEncoding):
        return history.row_encoder(account)
    return cache(lambda k: msgspec.Raw(encode(trade_row(account, k))))


def order_fills(
    account: SimulatedAccount, index: int, now: int
) -> list[tuple[int, SimulatedTrade]]:
    """Return the trades of an order up to `now`, oldest first, each with its index."""
    order = account.ledger.orders[index]
    indices = range(order.first, order.first + order.fills)
    fills = ((k, account.ledger.trades[k]) for k in indices)
    return [(k, trade) for k, trade in fills if trade.instant <= now]


def order_status(account: SimulatedAccount, index: int, now: int) -> str:
    """Return OPEN until the last fill, then FILLED_FULLY; or until it is CANCELLED; or REJECTED."""
    order = account.ledger.orders[index]
    if order.outcome == "FILLED":
        filled = len(order_fills(account, index, now))
        return "FILLED_FULLY" if filled == order.fills else "OPEN"
    return order.outcome if order.closed <= now else "OPEN"


def order_record(account: SimulatedAccount, index: int, now: int) -> Record:
    """Return the `order` half of an order row, as it stood at `now`."""
    order = account.ledger.orders[index]
    fills = [trade for _, trade in order_fills(account, index, now)]
    filled = sum((trade.amount for trade in fills), ZERO)
    ended = 0 < order.closed <= now
    updated = max(fills[-1].instant if fills else order.created, order.closed if ended else 0)
    record = {
        "order_id": account.order_ids.make(index),
        "account_id": account.id,
        "client_id": account.client_ids.make(index),
        "instrument_code": order.code,
        "side": order.side,
        "amount": text(order.amount),
        "price": text(order.price),
        "filled_amount": trimmed(filled),
        "time": iso_nanos(order.created),
        "time_last_updated": iso_nanos(updated),
        "sequence": str(50_000_000_000 + 10 * index + len(fills) + ended),
        "order_book_sequence": str(fills[-1].sequence if fills else 50_000_000_000 + index),
        "status": order_status(account, index, now),
        "type": "LIMIT",
        "time_in_force": "GOOD_TILL_CANCELLED",
    }
    if fills:
        value = sum((trade.price * trade.amount for trade in fills), ZERO)
        record["average_price"] = trimmed(quotient(value, filled, 18))
        record["total_fee"] = text(sum((trade.fee for trade in fills), ZERO))
        record["fee_currency"] = fills[-1].fee_currency
    return record


def order_row(account: SimulatedAccount, index: int, now: int) -> Record:
    """Return `{order, trades}`."""
    fills = order_fills(account, index, now)
    rows = [{"fee": fee_record(t), "trade": trade_record(account, k, t)} for k, t in fills]
    return {"order": order_record(account, index, now), "trades": rows}


def payment_record(payment: SimulatedPayment) -> Record:
    """Return a funding payment; both amounts are JSON numbers."""
    return {
        "timestamp": iso_millis(payment.instant),
        "funding_payment": payment.amount,
        "cash_balance": payment.cash,
    }


def position_payment_record(account: SimulatedAccount, payment: SimulatedPayment) -> Record:
    """Return a funding payment as the endpoint of one position has it: strings with 4 decimals."""
    return {
        "account_id": account.id,
        "position_id": str(payment.position),
        "instrument_code": payment.code,
        "funding_rate": text(rounded(payment.rate, 10)),
        "mark_price": text(payment.mark),
        "funding_payment": text(rounded(payment.amount, 4)),
        "cash_balance": text(rounded(payment.cash, 4)),
        "time": iso_nanos(payment.instant),
    }


def closed_position_record(
    account: SimulatedAccount, closed: ClosedPosition, funding: Decimal
) -> Record:
    """Return a closed position. Members after `position_id` follow the documentation's prose."""
    return {
        "account_id": account.id,
        "position_id": str(closed.number),
        "instrument_code": closed.code,
        "direction": closed.direction,
        "closing_volume": trimmed(closed.volume),
        "closing_pnl": trimmed(closed.pnl),
        "realised_pnl": trimmed(closed.pnl + funding - closed.fees),
        "total_funding_payments": text(funding),
        "total_trade_fees": trimmed(closed.fees),
        "opened_at": iso_nanos(closed.opened),
        "closed_at": iso_nanos(closed.closed),
    }


def position_records(account: SimulatedAccount, prices: Prices, now: int) -> list[Record]:
    """Return the open positions: notional and margin at the mark of the last settlement."""
    records = []
    for code, book in sorted(account.ledger.books.items()):
        volume = book.volume.at(now)
        if not volume:
            continue
        instrument = INSTRUMENTS[code]
        mark = prices.mark(instrument, now)
        notional = abs(volume) * mark
        records.append(
            {
                "instrument_code": code,
                "direction": "LONG" if volume > 0 else "SHORT",
                "open_volume": trimmed(abs(volume)),
                "open_position": trimmed(notional),
                "maintenance_margin": text(rounded(notional * _MAINTENANCE, _MARGIN_PLACES)),
                "last_settlement": trimmed(account.ledger.last_settlement(instrument, now)),
                "mark_price": text(mark),
            }
        )
    return records


def balance_records(account: SimulatedAccount, now: int, opened: int) -> list[Record]:
    """Return every currency held: `available` is the total less what open orders lock."""
    records = []
    for currency, total, changed in account.ledger.currencies(now):
        locked = account.ledger.locked.get(currency, ZERO)
        records.append(
            {
                "currency_code": currency,
                "available": trimmed(total - locked),
                "locked": trimmed(locked),
                "time": iso_millis(opened if changed is None else changed),
            }
        )
    return records


def margin_record(account: SimulatedAccount, prices: Prices, now: int) -> Record:
    """Return equity, margins and ratio; the currencies USD, USDC and EUR count as collateral."""
    euro = prices.mid(INSTRUMENTS["USDC_EUR"], now)
    equity = ZERO
    for currency, total, _ in account.ledger.currencies(now):
        if currency in {"USD", "USDC"}:
            equity += total
        elif currency == "EUR":
            equity += quotient(total, euro, _MARGIN_PLACES)
    equity = rounded(equity, _MARGIN_PLACES)
    notional = ZERO
    for code, book in account.ledger.books.items():
        notional += abs(book.volume.at(now)) * prices.mark(INSTRUMENTS[code], now)
    used = rounded(notional * _INITIAL, _MARGIN_PLACES)
    return {
        "equity": text(equity),
        "margin_used": text(used),
        "margin_available": text(equity - used),
        "account_ratio": _float32(quotient(equity, used, 12)) if used else None,
        "maintenance_margin": text(rounded(notional * _MAINTENANCE, _MARGIN_PLACES)),
    }


def _float32(value: Decimal) -> str:
    """Print a float32 through float64, as the exchange prints its account ratio."""
    (float32,) = struct.unpack("f", struct.pack("f", float(value)))
    return repr(float32)
