"""The account endpoints, which need a token: balances, fees, trades and orders.

Windows of orders apply to the creation time, the status follows from the fills, and without a
history flag only open orders are listed.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from exporter.simulator.endpoints.paging import (
    JsonCursor,
    TimeCursor,
    TimeRange,
    WindowRules,
    read_instruments,
    read_page_size,
    read_window,
    select_page,
)
from exporter.simulator.endpoints.records import (
    Record,
    balance_records,
    fee_record,
    margin_record,
    order_row,
    order_status,
    trade_record,
)
from exporter.simulator.endpoints.requests import AccountRequest
from exporter.simulator.endpoints.times import iso_millis
from exporter.simulator.endpoints.wire import ErrorResponse, bad_request
from exporter.simulator.market.instruments import FEE_TIERS
from exporter.simulator.market.prices import DAY, MINUTE

_TRADES = WindowRules()
_ORDERS = WindowRules(lookback=DAY, default_from_midnight=False)
_TIER = 1
_VOLUME = Decimal("10349.68")


def balances(request: AccountRequest) -> Any:
    """`GET /account/balances`."""
    account, market, injector = request.account, request.market, request.injector
    margins = margin_record(account, market.prices, request.now)
    rows = {
        row["currency_code"]: row for row in balance_records(account, request.now, market.start)
    }
    for currency, override in request.overrides.balances.get(account.name, {}).items():
        if override is None:
            rows.pop(currency, None)
        else:
            rows[currency] = rows.get(currency, _empty(currency, request.now)) | override
    served = [
        injector.alter(row, request.row_key("balances", n), "available")
        for n, row in enumerate(rows.values())
    ]
    return injector.add_unknown_fields(
        {
            "account_id": account.id,
            "account_equity": margins["equity"],
            "margin_available": margins["margin_available"],
            "margin_used": margins["margin_used"],
            "balances": served,
        }
    )


def _empty(currency: str, now: int) -> Record:
    return {
        "currency_code": currency,
        "available": "0",
        "locked": "0",
        "time": iso_millis(now),
    }


def fees(request: AccountRequest) -> Any:
    """`GET /account/fees`: volumes are JSON numbers; the running volume grows within each day."""
    volume, maker, taker = FEE_TIERS[request.overrides.fee_tiers.get(request.account.name, _TIER)]
    running = volume - FEE_TIERS[_TIER][0] + _VOLUME + request.now % DAY // MINUTE
    groups = ("SPOT", "FUTURES") if request.account.futures else ("SPOT",)
    return request.injector.add_unknown_fields(
        {
            "account_id": request.account.id,
            "running_volumes": [
                {"fee_group_id": group, "volume": running, "currency": "EUR"} for group in groups
            ],
            "active_fee_tiers": [
                request.injector.alter(
                    {
                        "fee_group_id": group,
                        "volume": volume,
                        "maker_fee": maker,
                        "taker_fee": taker,
                    },
                    request.row_key("fees", n),
                    "maker_fee",
                )
                for n, group in enumerate(groups)
            ],
        }
    )


def trades(request: AccountRequest) -> Any:
    """`GET /account/trades`: newest first, `cursor` only while there are more."""
    codes = read_instruments(request.params)
    window = read_window(request.params, request.now, _TRADES)
    size = read_page_size(request.params, "max_page_size", 0, 100, 100)
    history, injector = request.account.trades, request.injector

    def keep(k: int) -> bool:
        if codes and history[k].code not in codes:
            return False
        return injector.visible(request.row_key("trades", k), history.instants[k])

    cursor = JsonCursor(request.filters())
    resume = cursor.read(request.cursor)
    filtered = keep if codes or injector.hides else None
    rows, following = select_page(history.instants, window, size, resume, injector, filtered)
    row = partial(_trade, request) if injector.rewrites else request.trade_rows
    response: Record = {
        "trade_history": [row(k) for k in rows],
        "max_page_size": size,
    }
    if following is not None:
        response["cursor"] = cursor.write(following, history.instants[max(following.row - 1, 0)])
    return injector.add_unknown_fields(response)


def _trade(request: AccountRequest, k: int) -> Record:
    trade = request.account.trades[k]
    record = trade_record(request.account, k, trade)
    row_key, injector = request.row_key("trades", k), request.injector
    injector.alter(injector.change_price(record, row_key, "price"), row_key, "price", "order_type")
    return injector.add_unknown_fields(
        {"fee": injector.add_unknown_fields(fee_record(trade)), "trade": record}
    )


def trade(request: AccountRequest) -> Any:
    """`GET /account/trade/{trade_id}`: within the last 30 days."""
    if len(request.path_parameter) != 36:
        raise bad_request("INVALID_TRADE_ID")
    account = request.account
    k = account.trade_ids.find(request.path_parameter)
    if k is None or k >= len(account.trades):
        raise ErrorResponse(404, {"error": "NOT_FOUND"})
    if not request.now - 30 * DAY <= account.trades.instants[k] <= request.now:
        raise ErrorResponse(404, {"error": "NOT_FOUND"})
    return _trade(request, k)


def orders(request: AccountRequest) -> Any:
    """`GET /account/orders`: open orders; with a history flag those of a window or the last day."""
    codes = read_instruments(request.params)
    size = read_page_size(request.params, "max_page_size", 1, 100, 100)
    account, injector, now = request.account, request.injector, request.now
    all_states = _flag(request, "with_cancelled_and_rejected")
    filled = all_states or _flag(request, "with_just_filled_inactive")
    shown = {"OPEN", *(["FILLED_FULLY"] if filled else [])}
    shown |= {"CANCELLED", "REJECTED"} if all_states else set()
    windowed = filled or request.params.get("from") or request.params.get("to")
    window = read_window(request.params, now, _ORDERS) if windowed else TimeRange(0, now)
    ledger_orders = account.ledger.orders

    # One that follows an order without a fill may have been created before it.
    by_creation = sorted(range(len(ledger_orders)), key=lambda index: ledger_orders[index].created)

    def keep(place: int) -> bool:
        index = by_creation[place]
        if codes and ledger_orders[index].code not in codes:
            return False
        if order_status(account, index, now) not in shown:
            return False
        return injector.visible(request.row_key("orders", index), ledger_orders[index].created)

    instants = [ledger_orders[index].created for index in by_creation]
    cursor = TimeCursor(instants, inclusive=injector.faults.cursor_inclusive)
    resume = cursor.read(request.cursor)
    rows, following = select_page(instants, window, size, resume, injector, keep)
    response: Record = {
        "order_history": [_order(request, by_creation[place]) for place in rows],
        "max_page_size": size,
    }
    if following is not None:
        response["cursor"] = cursor.write(following)
    return injector.add_unknown_fields(response)


def _flag(request: AccountRequest, name: str) -> bool:
    return request.params.get(name, "").lower() == "true"


def _order(request: AccountRequest, index: int) -> Record:
    row = order_row(request.account, index, request.now)
    row_key, injector = request.row_key("orders", index), request.injector
    injector.alter(row["order"], row_key, "price", "status")
    if injector.faults.orders_unversioned:
        for name in ("sequence", "time_last_updated"):
            row["order"].pop(name, None)
    if _flag(request, "with_just_orders"):
        del row["trades"]
    return injector.add_unknown_fields(row)


def _order_index(request: AccountRequest) -> int:
    """The number of the order that a path names: of the last 30 days. Raises ErrorResponse."""
    if len(request.path_parameter) != 36:
        raise bad_request("INVALID_ORDER_ID")
    account, now = request.account, request.now
    index = account.order_ids.find(request.path_parameter)
    if index is None or index >= len(account.ledger.orders):
        raise ErrorResponse(404, {"error": "ORDER_NOT_FOUND"})
    created = account.ledger.orders[index].created
    served = request.injector.visible(request.row_key("orders", index), created)
    if not served or not now - 30 * DAY <= created <= now:
        raise ErrorResponse(404, {"error": "ORDER_NOT_FOUND"})
    return index


def order(request: AccountRequest) -> Any:
    """`GET /account/orders/{order_id}`: within the last 30 days."""
    return _order(request, _order_index(request))


def order_trades(request: AccountRequest) -> Any:
    """`GET /account/orders/{order_id}/trades`: all of them on one page."""
    rows = order_row(request.account, _order_index(request), request.now)["trades"]
    return request.injector.add_unknown_fields({"trade_history": rows, "max_page_size": 100})
