"""The account endpoints, which need a token: balances, fees, trades, orders.

Orders are simple on purpose: windows look at their creation, their status follows from their
fills, and without a history flag only open orders are listed.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from exporter.simulator.endpoints.paging import (
    RequestWindow,
    WindowRules,
    codes,
    page,
    page_size,
    window,
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
from exporter.simulator.endpoints.requests import AccountQuery
from exporter.simulator.endpoints.times import iso_millis
from exporter.simulator.endpoints.wire import JsonCursor, Refusal, bad_request
from exporter.simulator.market.instruments import FEE_TIERS
from exporter.simulator.market.prices import DAY

_TRADES = WindowRules()
_ORDERS = WindowRules(lookback=DAY, default_from_midnight=False)
_TIER = FEE_TIERS[1]


def balances(query: AccountQuery) -> Any:
    """`GET /account/balances`."""
    account, market, distortion = query.account, query.market, query.distortion
    margins = margin_record(account, market.prices, query.now)
    rows = {row["currency_code"]: row for row in balance_records(account, query.now, market.start)}
    for currency, replaced in query.overrides.balances.get(account.name, {}).items():
        if replaced is None:
            rows.pop(currency, None)
        else:
            rows[currency] = rows.get(currency, _empty(currency, query.now)) | replaced
    served = [
        distortion.record(row, query.number("balances", n), "available")
        for n, row in enumerate(rows.values())
    ]
    return distortion.widen(
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


def fees(query: AccountQuery) -> Any:
    """`GET /account/fees`: the same tier for everybody; volumes are JSON numbers."""
    volume, maker, taker = _TIER
    groups = ("SPOT", "FUTURES") if query.account.futures else ("SPOT",)
    return query.distortion.widen(
        {
            "account_id": query.account.id,
            "running_volumes": [
                {"fee_group_id": group, "volume": Decimal("12349.68"), "currency": "EUR"}
                for group in groups
            ],
            "active_fee_tiers": [
                {"fee_group_id": group, "volume": volume, "maker_fee": maker, "taker_fee": taker}
                for group in groups
            ],
        }
    )


def trades(query: AccountQuery) -> Any:
    """`GET /account/trades`: newest first, `cursor` only while there is more."""
    asked = codes(query.params)
    within = window(query.params, query.now, _TRADES)
    size = page_size(query.params, "max_page_size", 0, 100, 100)
    series, distortion = query.account.trades, query.distortion

    def keep(k: int) -> bool:
        if asked and series[k].code not in asked:
            return False
        return distortion.visible(query.number("trades", k), series.instants[k])

    cursor = JsonCursor(query.filters())
    place = cursor.read(query.params["cursor"]) if query.params.get("cursor") else None
    chosen = keep if asked or distortion.hides else None
    rows, following = page(series.instants, within, size, place, distortion, chosen)
    row = partial(_trade, query) if distortion.rewrites else query.trade_rows.__getitem__
    answer: Record = {
        "trade_history": [row(k) for k in rows],
        "max_page_size": size,
    }
    if following is not None:
        answer["cursor"] = cursor.write(following, series.instants[max(following.row - 1, 0)])
    return distortion.widen(answer)


def _trade(query: AccountQuery, k: int) -> Record:
    trade = query.account.trades[k]
    record = trade_record(query.account, k, trade)
    number, distortion = query.number("trades", k), query.distortion
    distortion.record(distortion.changed(record, number, "price"), number, "price", "order_type")
    return distortion.widen({"fee": distortion.widen(fee_record(trade)), "trade": record})


def trade(query: AccountQuery) -> Any:
    """`GET /account/trade/{trade_id}`: of the last 30 days."""
    if len(query.tail) != 36:
        raise bad_request("INVALID_TRADE_ID")
    account = query.account
    k = account.trade_ids.find(query.tail)
    if k is None or k >= len(account.trades):
        raise Refusal(404, {"error": "NOT_FOUND"})
    if not query.now - 30 * DAY <= account.trades.instants[k] <= query.now:
        raise Refusal(404, {"error": "NOT_FOUND"})
    return _trade(query, k)


def orders(query: AccountQuery) -> Any:
    """`GET /account/orders`: open ones, or with a history flag those of the last day or window."""
    asked = codes(query.params)
    size = page_size(query.params, "max_page_size", 1, 100, 100)
    account, distortion, now = query.account, query.distortion, query.now
    everything = _flag(query, "with_cancelled_and_rejected")
    filled = everything or _flag(query, "with_just_filled_inactive")
    shown = {"OPEN", *(["FILLED_FULLY"] if filled else []), *(["CANCELLED"] if everything else [])}
    windowed = filled or query.params.get("from") or query.params.get("to")
    within = window(query.params, now, _ORDERS) if windowed else RequestWindow(0, now)
    book = account.ledger.orders

    def keep(index: int) -> bool:
        if asked and book[index].code not in asked:
            return False
        if order_status(account, index, now) not in shown:
            return False
        return distortion.visible(query.number("orders", index), book[index].created)

    cursor = JsonCursor(query.filters())
    place = cursor.read(query.params["cursor"]) if query.params.get("cursor") else None
    instants = [order.created for order in book]
    rows, following = page(instants, within, size, place, distortion, keep)
    answer: Record = {
        "order_history": [_order(query, index) for index in rows],
        "max_page_size": size,
    }
    if following is not None:
        answer["cursor"] = cursor.write(following, instants[max(following.row - 1, 0)])
    return distortion.widen(answer)


def _flag(query: AccountQuery, name: str) -> bool:
    return query.params.get(name, "").lower() == "true"


def _order(query: AccountQuery, index: int) -> Record:
    row = order_row(query.account, index, query.now)
    number = query.number("orders", index)
    query.distortion.record(row["order"], number, "price", "status")
    if _flag(query, "with_just_orders"):
        del row["trades"]
    return query.distortion.widen(row)
