"""An exchange over real HTTP whose positions a test opens and closes, on a clock that it moves.

It lists closed positions as documented: by opening time, a few on a page, in any order that the
test asks for, and only the documented fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.support.exchange_server import Answer, ExchangeServer, served

HISTORY = "/account/futures/positions-history"
BASE = datetime(2026, 3, 1, tzinfo=UTC)
FLOOR = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class Position:
    """A position; it is closed when ``closed_at`` is set, and listed ``late`` after that."""

    number: int
    instrument: str
    direction: str
    opened_at: datetime
    closed_at: datetime | None = None
    late: timedelta = timedelta(0)
    fees: str = "0.5"
    more: dict[str, Any] = field(default_factory=dict)
    """Further members of its record."""

    @property
    def position_id(self) -> str:
        """Digits."""
        return str(2_100_000_000_000_000 + self.number)

    def record(self, account_id: str) -> dict[str, Any]:
        """As listed once it is closed."""
        return {
            "account_id": account_id,
            "position_id": self.position_id,
            "closing_pnl": str(self.number),
            "realised_pnl": f"{self.number - 1 + 0.5:g}",
            "total_funding_payments": "0",
            "total_trade_fees": self.fees,
            **self.more,
        }

    def trades(self, account_id: str, until: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """The trade that opened it, and the one that closed it."""
        sides = ("BUY", "SELL") if self.direction == "LONG" else ("SELL", "BUY")
        for part, (at, side) in enumerate(
            zip((self.opened_at, self.closed_at), sides, strict=True)
        ):
            if at is None or at > until:
                continue
            trade_id = UUID(int=(4 << 76) + (8 << 60) + 2 * self.number + part)
            trade = {
                "trade_id": str(trade_id),
                "account_id": account_id,
                "instrument_code": self.instrument,
                "side": side,
                "price": "100",
                "amount": "1",
                "time_nanos": f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z",
                "matched_as": "TAKER",
                "sequence": str(2 * self.number + part),
            }
            fee = {"fee_amount": "0.25", "fee_currency": "USD"}
            yield at, {"fee": fee, "trade": trade}


@dataclass
class PositionsExchange:
    """What is served. ``now`` only moves when the test moves it."""

    account_id: str
    now: datetime = BASE
    positions: list[Position] = field(default_factory=list)
    numbered_from: int = 1
    """Positions of all accounts have numbers of their own."""
    page_size: int = 10
    shuffled: int | None = None
    """Seed of the order of the rows of a page; None: newest first."""
    fail_after: int | None = None
    """So many more requests for closed positions are served before all of them fail."""
    floor: datetime = FLOOR
    """No older window is served."""
    longest: timedelta | None = None
    """Of a window."""
    missing_details: set[str] = field(default_factory=set)
    """Positions whose details are a 404."""
    broken_details: set[str] = field(default_factory=set)
    """Positions whose details are not as documented."""
    short_details: set[str] = field(default_factory=set)
    """Positions whose last trade is not listed among their details."""
    failing_details: dict[str, int] = field(default_factory=dict)
    """Positions whose details are an error, and its status."""
    payments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the positions were funded with, by id."""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def open(self, instrument: str, direction: str = "LONG", before: float = 0) -> Position:
        """Open a position, so many seconds before now."""
        opened_at = self.now - timedelta(seconds=before)
        number = self.numbered_from + len(self.positions)
        position = Position(number, instrument, direction, opened_at)
        self.positions.append(position)
        return position

    def close(self, position: Position, late: float = 0) -> None:
        """Close a position now; it is listed so many seconds later."""
        position.closed_at, position.late = self.now, timedelta(seconds=late)

    def opened(self) -> list[Position]:
        """What is open now."""
        return [one for one in self.positions if one.closed_at is None]

    def closed(self) -> list[Position]:
        """What is listed as closed now."""
        return [
            one for one in self.positions if one.closed_at and one.closed_at + one.late <= self.now
        ]

    def asked(self, path: str = HISTORY) -> list[dict[str, str]]:
        """The queries for a path so far."""
        return [query for asked, query in self.requests if asked == path]

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """Status and body."""
        self.requests.append((path, query))
        if path == HISTORY:
            return self._history(query)
        if path == "/account/futures/positions":
            return 200, {"positions": [self._open_record(one) for one in self.opened()]}
        if path == "/account/trades":
            return 200, {"trade_history": self._trades(query)}
        if path == "/account/futures/funding-payments":
            return 200, {"account_id": self.account_id, "funding_payments": {}}
        if path.startswith("/account/futures/positions/"):
            return self._details(*path.split("/")[4:])
        millis = (self.now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        return 200, {"epoch_millis": millis, "account_id": self.account_id, "balances": []}

    def _open_record(self, position: Position) -> dict[str, Any]:
        return {
            "instrument_code": position.instrument,
            "direction": position.direction,
            "open_volume": "1",
        }

    def _history(self, query: dict[str, str]) -> tuple[int, Any]:
        if self.fail_after is not None:
            if self.fail_after == 0:
                return 500, {"error": "Server error."}
            self.fail_after -= 1
        first, last = (_instant(query[name]) for name in ("from", "to"))
        refused = self.longest is not None and last - first > self.longest
        refused = refused or first < self.floor
        if refused or int(query["limit"]) > 10 or query["order"] != "DESC":
            return 400, {"error": "INVALID_QUERY"}
        found = [one for one in self.closed() if first <= one.opened_at <= last]
        found.sort(key=lambda one: (one.opened_at, one.number), reverse=True)
        if self.shuffled is not None:
            Random(self.shuffled).shuffle(found)  # noqa: S311  not for secrets
        place = int(query.get("cursor", "0"))
        following = place + min(self.page_size, int(query["limit"]))
        body: dict[str, Any] = {
            "positions": [one.record(self.account_id) for one in found[place:following]]
        }
        if following < len(found):
            body["cursor"] = str(following)
        return 200, body

    def _trades(self, query: dict[str, str]) -> list[dict[str, Any]]:
        first, last = (_instant(query[name]) for name in ("from", "to"))
        rows = [
            row
            for one in self.positions
            for row in one.trades(self.account_id, self.now)
            if first <= row[0] <= last
        ]
        return [record for _, record in sorted(rows, key=lambda row: row[0], reverse=True)]

    def _details(self, position_id: str, what: str) -> tuple[int, Any]:
        if position_id in self.missing_details:
            return 404, {"error": "POSITION_NOT_FOUND"}
        if position_id in self.failing_details:
            return self.failing_details[position_id], {"error": "Odd."}
        if position_id in self.broken_details:
            return 200, {"something": "else"}
        if what == "funding-payments":
            return 200, {"funding_payments": self.payments.get(position_id, [])}
        (one,) = (one for one in self.positions if one.position_id == position_id)
        rows = [row for _, row in one.trades(self.account_id, self.now)]
        return 200, {"trades": rows[:-1] if position_id in self.short_details else rows}


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


class PositionsServer(ExchangeServer):
    """Serves one exchange at a time; a test may put another one in its place."""

    exchange: PositionsExchange

    def respond(self, path: str, query: Mapping[str, str]) -> Answer:
        return Answer(*self.exchange.answer(path, dict(query)), self.exchange.now)


def serving() -> AbstractContextManager[PositionsServer]:
    """A server on a port of its own."""
    return served(PositionsServer())
