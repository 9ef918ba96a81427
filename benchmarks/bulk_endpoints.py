"""Orders and closed positions of a bulk history, as the simulated exchange serves its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.bulk_history import BulkHistory
from exporter.simulator.endpoints.paging import (
    JsonCursor,
    ResumePoint,
    TimeCursor,
    TimeRange,
    WindowRules,
    read_page_size,
    read_window,
    select_page,
)
from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import AccountRequest
from exporter.simulator.endpoints.wire import ErrorResponse
from exporter.simulator.market.prices import DAY

_ORDERS = WindowRules(lookback=DAY, default_from_midnight=False)
_CLOSED = WindowRules(longest=None, floor=True)


def bulk_endpoints(history: BulkHistory) -> Mapping[str, Callable[[AccountRequest], Any]]:
    """Return what replaces the endpoints of the market, by route."""
    served = _Endpoints(history)
    return {
        "/account/orders": served.orders,
        "/account/futures/positions-history": served.closed_positions,
        "/account/futures/positions/{}/trades": served.position_trades,
    }


class _Endpoints:
    """The requests that the exporter sends: all states, newest first, without filters."""

    def __init__(self, history: BulkHistory) -> None:
        self._history = history
        self._order_row: Callable[[int], Any] | None = None
        self._position: Callable[[int], Record] | None = None

    def orders(self, request: AccountRequest) -> Any:
        """`GET /account/orders`: none is open."""
        params, history = request.params, self._history
        size = read_page_size(params, "max_page_size", 1, 100, 100)
        flagged = params.get("with_cancelled_and_rejected") == "true"
        if not flagged:
            return {"order_history": [], "max_page_size": size}
        if self._order_row is None:
            self._order_row = history.order_encoder(request.account)
        instants = history.order_instants
        cursor = TimeCursor(instants, inclusive=False)
        window = read_window(params, request.now, _ORDERS)
        resume = cursor.read(request.cursor)
        rows, following = select_page(instants, window, size, resume, request.injector, None)
        response: Record = {"order_history": list(map(self._order_row, rows))}
        response["max_page_size"] = size
        if following is not None:
            response["cursor"] = cursor.write(following)
        return response

    def closed_positions(self, request: AccountRequest) -> Any:
        """`GET /account/futures/positions-history`: all of the history are closed."""
        if self._position is None:
            self._position = self._history.position_records(request.account)
        window: TimeRange = read_window(request.params, request.now, _CLOSED)
        size = read_page_size(request.params, "limit", 1, 10, 5)
        cursor = JsonCursor(request.filters())
        resume: ResumePoint | None = cursor.read(request.cursor)
        rows, following = select_page(
            self._history.opened, window, size, resume, request.injector, None
        )
        response: Record = {"positions": list(map(self._position, rows))}
        if following is not None:
            response["cursor"] = cursor.write(following, self._history.opened[following.row])
        return response

    def position_trades(self, request: AccountRequest) -> Any:
        """`GET /account/futures/positions/{id}/trades`: oldest first, on one page."""
        number = self._history.position_index(request.path_parameter)
        if number is None:
            raise ErrorResponse(404, {"error": "POSITION_NOT_FOUND"})
        return {"trades": list(map(request.trade_rows, self._history.trades_of(number)))}
