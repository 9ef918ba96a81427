"""Which function answers which path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exporter.simulator.endpoints import account as account_routes
from exporter.simulator.endpoints import funding, quotes, reference
from exporter.simulator.endpoints import futures as futures_routes
from exporter.simulator.endpoints.requests import AccountQuery, Query

PUBLIC: dict[str, Callable[[Query], Any]] = {
    "/time": reference.time,
    "/currencies": reference.currencies,
    "/instruments": reference.instruments,
    "/fees": reference.fees,
    "/market-ticker": quotes.tickers,
    "/market-ticker/{}": quotes.ticker,
    "/order-book/{}": quotes.order_book,
    "/funding-rate": funding.funding_rates,
    "/funding-rate/history": funding.funding_history,
    "/funding-rate/settings": funding.funding_settings,
}
"""Endpoints without a token."""

PRIVATE: dict[str, Callable[[AccountQuery], Any]] = {
    "/account/balances": account_routes.balances,
    "/account/fees": account_routes.fees,
    "/account/trades": account_routes.trades,
    "/account/trade/{}": account_routes.trade,
    "/account/orders": account_routes.orders,
    "/account/futures/summary": futures_routes.summary,
    "/account/futures/positions": futures_routes.positions,
    "/account/futures/positions-history": futures_routes.closed_positions,
    "/account/futures/positions/{}/funding-payments": futures_routes.position_funding,
    "/account/futures/funding-payments": futures_routes.funding_payments,
}
"""Endpoints that need a token."""


def pattern_of(path: str) -> tuple[str, str]:
    """Return the pattern that a path follows, and what stands for its `{}`."""
    if path in PUBLIC or path in PRIVATE:
        return path, ""
    for pattern in (*PUBLIC, *PRIVATE):
        head, brace, end = pattern.partition("{}")
        tail = path[len(head) : len(path) - len(end)]
        if brace and path == head + tail + end and tail and "/" not in tail:
            return pattern, tail
    return "", ""
