"""Which endpoint function serves which path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exporter.simulator.endpoints import account as account_routes
from exporter.simulator.endpoints import candlesticks, funding, quotes, reference
from exporter.simulator.endpoints import futures as futures_routes
from exporter.simulator.endpoints.requests import AccountRequest, EndpointRequest

PUBLIC: dict[str, Callable[[EndpointRequest], Any]] = {
    "/time": reference.time,
    "/currencies": reference.currencies,
    "/instruments": reference.instruments,
    "/fees": reference.fees,
    "/market-ticker": quotes.tickers,
    "/market-ticker/{}": quotes.ticker,
    "/order-book/{}": quotes.order_book,
    "/candlesticks/{}": candlesticks.candlesticks,
    "/funding-rate": funding.funding_rates,
    "/funding-rate/history": funding.funding_history,
    "/funding-rate/settings": funding.funding_settings,
}
"""Routes that need no token."""

PRIVATE: dict[str, Callable[[AccountRequest], Any]] = {
    "/account/balances": account_routes.balances,
    "/account/fees": account_routes.fees,
    "/account/trades": account_routes.trades,
    "/account/trade/{}": account_routes.trade,
    "/account/orders": account_routes.orders,
    "/account/orders/{}": account_routes.order,
    "/account/orders/{}/trades": account_routes.order_trades,
    "/account/futures/summary": futures_routes.summary,
    "/account/futures/positions": futures_routes.positions,
    "/account/futures/positions-history": futures_routes.closed_positions,
    "/account/futures/positions/{}/funding-payments": futures_routes.position_funding,
    "/account/futures/funding-payments": futures_routes.funding_payments,
}
"""Routes that need the token of an account."""


def match_route(path: str) -> tuple[str, str]:
    """Return the route of a path and what stands for its `{}`; both empty for an unknown path."""
    if path in PUBLIC or path in PRIVATE:
        return path, ""
    for route in (*PUBLIC, *PRIVATE):
        prefix, brace, suffix = route.partition("{}")
        value = path[len(prefix) : len(path) - len(suffix)]
        if brace and path == prefix + value + suffix and value and "/" not in value:
            return route, value
    return "", ""
