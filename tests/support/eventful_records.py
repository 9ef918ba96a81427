"""The records of an `EventfulExchange`, and how it sends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

ACCOUNT_ID = "e0000000-0000-4000-8000-000000000001"
SPOT, FUTURES = "BTC_EUR", ("BTC_USD_P", "ETH_USD_P")


@dataclass(kw_only=True)
class Record:
    """What every record has: when it happened, and whether it is listed now."""

    number: int
    at: datetime
    listed_from: datetime
    hidden: bool = False
    late: bool = False
    """Whether it ever was listed later than it happened, or hidden: a walk may have missed it."""

    def shown(self, now: datetime) -> bool:
        """Whether it is listed."""
        return not self.hidden and self.listed_from <= now


@dataclass(kw_only=True)
class Trade(Record):
    """One fill. ``position`` is that of a future, ``order`` what was filled."""

    code: str
    side: str
    amount: int
    price: int
    order: Order
    position: Position | None = None
    fee: str = "0.25"

    @property
    def key(self) -> str:
        """Its id."""
        return str(UUID(int=(4 << 76) + (8 << 60) + self.number))

    def json(self) -> dict[str, Any]:
        """As sent."""
        trade = {
            "trade_id": self.key,
            "order_id": self.order.key,
            "account_id": ACCOUNT_ID,
            "instrument_code": self.code,
            "side": self.side,
            "price": str(self.price),
            "amount": str(self.amount),
            "time": iso(self.at),
            "time_nanos": nanos(self.at),
            "matched_as": "MAKER" if self.code == SPOT else "TAKER",
            "sequence": str(self.number),
        }
        return {"fee": {"fee_amount": self.fee, "fee_currency": "USD"}, "trade": trade}


@dataclass(kw_only=True)
class Order(Record):
    """An order in its present state."""

    code: str
    side: str
    amount: int
    filled: int = 0
    status: str = "BOOKED"
    sequence: int = 0
    changed_at: datetime
    states: set[tuple[str, int]] = field(default_factory=set)
    """Every status and filled amount that it ever had."""
    trades: list[Trade] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Its id."""
        return str(UUID(int=(4 << 76) + (9 << 60) + self.number))

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled."""
        return self.status in ("BOOKED", "FILL")

    def json(self, trades: Iterable[Trade]) -> dict[str, Any]:
        """As sent."""
        order = {
            "order_id": self.key,
            "account_id": ACCOUNT_ID,
            "instrument_code": self.code,
            "side": self.side,
            "amount": str(self.amount),
            "price": "100",
            "filled_amount": str(self.filled),
            "status": self.status,
            "time": iso(self.at),
            "time_last_updated": iso(self.changed_at),
            "sequence": str(self.sequence),
        }
        return {"order": order, "trades": [trade.json() for trade in trades]}


@dataclass(kw_only=True)
class Payment(Record):
    """Funding of one position at one funding time."""

    position: Position
    amount: Decimal

    @property
    def key(self) -> tuple[str, datetime]:
        """Instrument and funding time."""
        return self.position.code, self.at.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(kw_only=True)
class Position(Record):
    """A position; ``at`` is when it was opened. Listed once it is closed, from ``listed_from``."""

    code: str
    direction: str
    trades: list[Trade] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    closed_at: datetime | None = None
    bonus: int = 0
    """What a correction has added to its result."""

    @property
    def key(self) -> str:
        """Its id: digits."""
        return str(2_100_000_000_000_000 + self.number)

    def shown(self, now: datetime) -> bool:
        """Open ones are not listed."""
        return self.closed_at is not None and super().shown(now)

    @property
    def volume(self) -> int:
        """How large it was at most."""
        return sum(trade.amount for trade in self.trades[: -1 if self.closed_at else None])

    def amounts(self) -> dict[str, Decimal]:
        """The four totals."""
        sign = 1 if self.direction == "LONG" else -1
        gross = self.bonus + sign * sum(
            trade.amount * trade.price * (1 if trade is self.trades[-1] else -1)
            for trade in self.trades
        )
        funding = sum((one.amount for one in self.payments), Decimal())
        fees = sum((Decimal(trade.fee) for trade in self.trades), Decimal())
        return {
            "closing_pnl": Decimal(gross),
            "realised_pnl": gross + funding - fees,
            "total_funding_payments": funding,
            "total_trade_fees": fees,
        }

    def json(self, *, only_documented: bool) -> dict[str, Any]:
        """As sent."""
        ids = {"account_id": ACCOUNT_ID, "position_id": self.key}
        amounts = {name: str(value) for name, value in self.amounts().items()}
        if only_documented:
            return ids | amounts
        assert self.closed_at is not None
        more = {"instrument_code": self.code, "direction": self.direction}
        times = {"opened_at": iso(self.at), "closed_at": iso(self.closed_at)}
        return ids | amounts | more | times


def funding_of(position: Position) -> Iterator[dict[str, Any]]:
    for one in position.payments:
        yield {
            "account_id": ACCOUNT_ID,
            "position_id": position.key,
            "instrument_code": position.code,
            "funding_rate": "0.0001",
            "mark_price": "100",
            "funding_payment": str(one.amount),
            "time": nanos(one.at),
        }


def iso(at: datetime) -> str:
    """In milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def nanos(at: datetime) -> str:
    """With nine digits."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z"
