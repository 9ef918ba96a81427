"""A booking: what moved on an account by a trade, a funding payment or an imported movement."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

RATE_HOLDS = timedelta(days=7)
"""How long a rate stands in for days without one: banks publish none on weekends and holidays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Amounts are signed: positive when it came in."""

    account: str
    kind: Literal["trade", "funding", "movement"]
    booked_at: datetime
    day: date
    """Of `booked_at`, in the time zone of the books."""
    entry_id: str
    """The trade, market and funding time, or the reference of the movement."""
    reference: str | None
    """The order of a trade."""
    instrument_code: str | None
    is_futures: bool
    base_code: str | None
    """What `amount` is of; of funding and movements the currency."""
    quote_code: str | None
    amount: Decimal
    quote_amount: Decimal | None
    price: Decimal | None
    fee_amount: Decimal | None
    """Positive when paid, negative when received."""
    fee_currency: str | None
    detail: str
    """BUY or SELL; funding; the kind of the movement."""
    note: str | None

    @property
    def name(self) -> str:
        """For a message."""
        return f"{self.kind} {self.entry_id} of {self.account}"


class RateRow(Protocol):
    """One unit of base was worth rate units of quote."""

    @property
    def base(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def rate(self) -> Decimal: ...
    @property
    def source(self) -> str: ...


class Valued(NamedTuple):
    """The rate that values an asset in the domestic currency."""

    per_domestic: Decimal | None
    """Units of the asset for one unit of the domestic currency, where it is published so."""
    domestic_per: Decimal | None
    """The other way round."""
    day: date
    source: str

    def convert(self, amount: Decimal) -> Decimal:
        """An amount of the asset in the domestic currency, to 28 digits."""
        if self.domestic_per is not None:
            return amount * self.domestic_per
        return amount / (self.per_domestic or Decimal(1))


class Rates:
    """The rates of a period, by asset and day. ``rows`` in the order of days."""

    def __init__(self, rows: Iterable[RateRow], domestic: str) -> None:
        self._found: dict[str, dict[date, Valued]] = {}
        for row in rows:
            if row.base == domestic:
                each = Valued(row.rate, None, row.day, row.source)
                self._found.setdefault(row.quote, {})[row.day] = each
            elif row.quote == domestic:
                each = Valued(None, row.rate, row.day, row.source)
                self._found.setdefault(row.base, {}).setdefault(row.day, each)
        self._days = {asset: sorted(found) for asset, found in self._found.items()}

    def at(self, asset: str, day: date) -> Valued | None:
        """The newest rate up to a day that is not too old for it."""
        days = self._days.get(asset, [])
        index = bisect_right(days, day)
        if not index or days[index - 1] < day - RATE_HOLDS:
            return None
        return self._found[asset][days[index - 1]]
