"""An exchange over real HTTP that holds one account as plain data, which a test changes at will.

Orders rest on a spot instrument, are filled in parts and end; positions of futures are opened,
increased, funded and closed. Any record may be listed late, be hidden for a while, or come back
different. Pages, windows and cursors are as documented, and small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from tests.support.eventful_records import (
    ACCOUNT_ID,
    SPOT,
    Order,
    Payment,
    Position,
    Record,
    Trade,
    funding_of,
    iso,
)

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLOOR = datetime(2024, 1, 1, tzinfo=UTC)
_LONGEST, _BY_ID = timedelta(days=30), timedelta(days=30)
_MICRO, _MILLI = timedelta(microseconds=1), timedelta(milliseconds=1)
_FUNDED_EVERY = timedelta(hours=24)

Response = tuple[int, Any]
AnyRecord = TypeVar("AnyRecord", bound="Record")


@dataclass
class EventfulExchange:
    """The account, and how it is served."""

    now: datetime = BEGAN
    page: int = 4
    """The most rows of a page."""
    windows_show_open: bool = True
    """Whether a window of orders holds those that are open, too."""
    list_odd: bool = False
    """Whether the list of open orders is not as documented."""
    inclusive: bool = False
    """Whether the cursor of orders repeats the instant that it names."""
    only_documented: bool = False
    embed: str = "listed"
    """Which trades an order's record holds: ``all``, those ``listed`` by now, or ``none``."""
    orders: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    cut_after: int | None = None
    """So many more requests are served as they should be; then `cut` decides."""
    cut: Callable[[], Response | None] = lambda: None
    """A response in place of the true one; None: the connection is closed."""
    requests: int = 0
    _numbers: int = 0

    # What happens

    def tick(self, span: timedelta) -> None:
        """Let time pass; open positions are funded meanwhile."""
        end = self.now + span
        slot = self.now.replace(hour=0, minute=0, second=0, microsecond=0) + _FUNDED_EVERY
        while slot + timedelta(seconds=2) <= end:
            for one in self.positions:
                if one.closed_at is None and one.at < slot:
                    self._fund(one, slot + timedelta(seconds=1, milliseconds=21))
            slot += _FUNDED_EVERY
        self.now = end

    def _fund(self, position: Position, at: datetime) -> None:
        amount = Decimal(self._number() % 7 - 3) / 4
        made = Payment(
            number=self._numbers, at=at, listed_from=at, position=position, amount=amount
        )
        position.payments.append(made)
        self.payments.append(made)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def place(
        self, side: str, amount: int, late: timedelta = timedelta(0), code: str = SPOT
    ) -> Order:
        """A new order, at this instant."""
        number, now = self._number(), self.now
        order = Order(
            number=number,
            at=now,
            listed_from=now + late,
            late=bool(late),
            code=code,
            side=side,
            amount=amount,
            sequence=number,
            changed_at=now,
        )
        order.states.add((order.status, 0))
        self.orders.append(order)
        return order

    def fill(self, order: Order, amount: int, late: timedelta = timedelta(0)) -> Trade:
        """A trade of an open order."""
        trade = Trade(
            number=self._number(),
            at=self.now,
            listed_from=self.now + late,
            late=bool(late),
            code=order.code,
            side=order.side,
            amount=amount,
            price=100 + self._numbers % 9,
            order=order,
        )
        order.filled += amount
        order.trades.append(trade)
        self.trades.append(trade)
        self.change(order, "FILLED_FULLY" if order.filled == order.amount else "FILL")
        return trade

    def change(self, order: Order, status: str) -> None:
        """An order gets a new state."""
        order.status, order.sequence, order.changed_at = status, self._number(), self.now
        order.states.add((status, order.filled))

    def open_position(self, code: str, direction: str, amount: int) -> Position:
        """By one order that is filled at once."""
        position = Position(
            number=self._number(), at=self.now, listed_from=self.now, code=code, direction=direction
        )
        self.positions.append(position)
        self._trade(position, amount, opens=True)
        return position

    def increase(self, position: Position, amount: int) -> None:
        """One more order in its direction."""
        self._trade(position, amount, opens=True)

    def close_position(self, position: Position, late: timedelta = timedelta(0)) -> None:
        """By one order against all of it."""
        self._trade(position, position.volume, opens=False)
        position.closed_at, position.listed_from = self.now, self.now + late
        position.late |= bool(late)

    def _trade(self, position: Position, amount: int, *, opens: bool) -> None:
        side = "BUY" if (position.direction == "LONG") is opens else "SELL"
        trade = self.fill(self.place(side, amount, code=position.code), amount)
        trade.position = position
        position.trades.append(trade)

    # How it is served

    def answer(self, path: str, query: dict[str, str]) -> Response | None:
        """Status and body; None: the connection is closed without a response."""
        self.requests += 1
        if self.cut_after is not None:
            self.cut_after -= 1
            if self.cut_after < 0:
                return self.cut()
        if path == "/account/futures/positions":
            return 200, {"positions": [self._open(p) for p in self.positions if not p.closed_at]}
        if path.startswith("/account/orders/"):
            return self._order(path.rpartition("/")[2])
        if path.startswith("/account/futures/positions/"):
            return self._details(*path.split("/")[4:])
        served = {
            "/account/orders": self._orders,
            "/account/trades": self._trades,
            "/account/futures/funding-payments": self._payments,
            "/account/futures/positions-history": self._closed,
        }
        if path in served:
            return served[path](query)
        millis = (self.now - _EPOCH) // _MILLI
        return 200, {"epoch_millis": millis, "account_id": ACCOUNT_ID, "balances": []}

    def _open(self, position: Position) -> dict[str, Any]:
        return {
            "instrument_code": position.code,
            "direction": position.direction,
            "open_volume": str(position.volume),
        }

    def _window(
        self,
        records: Iterable[AnyRecord],
        query: dict[str, str],
        longest: timedelta | None = _LONGEST,
    ) -> list[AnyRecord] | None:
        """The listed records of a window, newest first; None: it is refused."""
        first, last = parsed(query["from"]), parsed(query["to"])
        if first > self.now or last < first or (longest and last - first > longest):
            return None
        found = [one for one in records if first <= one.at <= last and one.shown(self.now)]
        return sorted(found, key=lambda one: (one.at, one.number), reverse=True)

    def _trades(self, query: dict[str, str]) -> Response:
        found = self._window(self.trades, query)
        if found is None or int(query["max_page_size"]) > 100:
            return 400, {"error": "INVALID_TIME_RANGE"}
        page, cursor = self._page(found, query)
        return 200, {"trade_history": [one.json() for one in page]} | cursor

    def _page(
        self, found: list[AnyRecord], query: dict[str, str], size: int | None = None
    ) -> tuple[list[AnyRecord], dict[str, str]]:
        """The rows from the cursor on, and the cursor of the next page."""
        place = int(query.get("cursor", "c0")[1:])
        end = place + (size or self.page)
        return found[place:end], {"cursor": f"c{end}"} if end < len(found) else {}

    def _orders(self, query: dict[str, str]) -> Response:
        if "from" in query:
            found = self._window(self.orders, query)
            if found is None:
                return 400, {"error": "INVALID_TIME_RANGE"}
            if not self.windows_show_open:
                found = [one for one in found if not one.is_open]
        elif self.list_odd:
            return 200, {"something": "else"}
        else:
            found = [one for one in self.orders if one.is_open and one.shown(self.now)]
            found.sort(key=lambda one: (one.at, one.number), reverse=True)
        if "cursor" in query:
            before = int(query["cursor"]) + self.inclusive
            found = [one for one in found if (one.at - _EPOCH) // _MICRO < before]
        body: dict[str, Any] = {"order_history": list(map(self._order_json, found[: self.page]))}
        if len(found) > self.page:
            body["cursor"] = str((found[self.page - 1].at - _EPOCH) // _MICRO)
        return 200, body

    def _order_json(self, order: Order) -> dict[str, Any]:
        if self.embed == "none":
            return order.json([])
        shown = self.embed == "all"
        return order.json(one for one in order.trades if shown or one.shown(self.now))

    def _order(self, key: str) -> Response:
        for order in self.orders:
            if order.key == key and order.shown(self.now) and order.at >= self.now - _BY_ID:
                return 200, self._order_json(order)
        return 404, {"error": "ORDER_NOT_FOUND"}

    def _payments(self, query: dict[str, str]) -> Response:
        found = self._window(self.payments, query)
        if found is None or int(query["max_page_size"]) > 10:
            return 400, {"error": "INVALID_TIME_RANGE"}
        page, cursor = self._page(found, query, 10)
        listed: dict[str, list[dict[str, Any]]] = {}
        for one in page:
            record = {"timestamp": iso(one.at), "funding_payment": float(one.amount)}
            listed.setdefault(one.position.code, []).append(record)
        return 200, {"account_id": ACCOUNT_ID, "funding_payments": listed} | cursor

    def _closed(self, query: dict[str, str]) -> Response:
        found = self._window(self.positions, query, None)
        if found is None or int(query["limit"]) > 10 or parsed(query["from"]) < _FLOOR:
            return 400, {"error": "INVALID_TIME_RANGE"}
        page, cursor = self._page(found, query)
        documented = self.only_documented
        listed = [one.json(only_documented=documented) for one in page]
        return 200, {"positions": listed} | cursor

    def _details(self, key: str, what: str) -> Response:
        found = [one for one in self.positions if one.key == key]
        if not found:
            return 400, {"error": "INVALID_POSITION_ID"}
        (one,) = found
        if what == "trades":
            return 200, {"trades": [trade.json() for trade in one.trades]}
        return 200, {"funding_payments": list(funding_of(one))}


def parsed(text: str) -> datetime:
    """A bound of a window."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
