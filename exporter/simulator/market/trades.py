"""Trades, their ids, the history that the market appends to, and running sums."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

_LOW = (1 << 48) - 1
_HEAD = (1 << 32) - 1
_WEYL = 0x9E3779B1  # odd, so its multiples run through all 32-bit numbers


class SimulatedTrade(NamedTuple):
    """One fill. `instant` is in nanoseconds since the epoch; a rebate is a negative fee."""

    instant: int
    code: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    order: int
    sequence: int


class IdSeries:
    """UUIDs that contain their own index, so that an id is resolved without a map in memory."""

    def __init__(self, seed: int) -> None:
        self._low = seed & _LOW
        self._middle = f"-{seed >> 48:04x}-4{seed >> 36 & 0xFFF:03x}-a{seed >> 24 & 0xFFF:03x}-"

    def make(self, index: int) -> str:
        """Return the UUID of an index, in the form of version 4 (RFC 9562, section 5.4)."""
        head = (index * _WEYL + self._low) & _HEAD
        return "%08x%s%012x" % (head, self._middle, index ^ self._low)  # noqa: UP031 - twice as fast

    def find(self, identity: str) -> int | None:
        """Return the index of a UUID of this series; None for any other text."""
        try:
            index = int(identity[-12:], 16) ^ self._low
        except ValueError:
            return None
        return index if self.make(index) == identity.lower() else None


class TradeHistory(Protocol):
    """A trade history, oldest first: `k` counts from the oldest.

    A history that is too long to be cached may also implement `endpoints.records.RowEncoding`.
    """

    @property
    def instants(self) -> Sequence[int]:
        """Return the instants of the trades, never decreasing."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, k: int, /) -> SimulatedTrade: ...


class TradeLog:
    """The trades that the market made, oldest first."""

    def __init__(self) -> None:
        self.instants: list[int] = []
        self._trades: list[SimulatedTrade] = []

    def append(self, trade: SimulatedTrade) -> None:
        """Add the newest trade."""
        self.instants.append(trade.instant)
        self._trades.append(trade)

    def __len__(self) -> int:
        return len(self._trades)

    def __getitem__(self, k: int, /) -> SimulatedTrade:
        return self._trades[k]


class RunningSum:
    """A sum that changes over time and can be read at any past instant, exactly."""

    def __init__(self, opening: Decimal) -> None:
        self._instants: list[int] = []
        self._values: list[Decimal] = []
        self.opening = opening

    @property
    def last(self) -> Decimal:
        """Return the newest value."""
        return self._values[-1] if self._values else self.opening

    def add(self, instant: int, change: Decimal) -> None:
        """Add `change` at `instant`, which is not before any earlier one."""
        self._values.append(self.last + change)
        self._instants.append(instant)

    def at(self, instant: int) -> Decimal:
        """Return the value after every change at or before `instant`."""
        count = bisect_right(self._instants, instant)
        return self._values[count - 1] if count else self.opening

    def changed_at(self, instant: int) -> int | None:
        """Return the last change at or before `instant`; None when there was none."""
        count = bisect_right(self._instants, instant)
        return self._instants[count - 1] if count else None
