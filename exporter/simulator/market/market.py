"""A seeded market: accounts that trade, are funded and are settled as time advances.

Pure: no I/O and no clock. Time passes only through `advance`, and the result does not depend on the
steps it is advanced in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from exporter.simulator.market.exact import exact
from exporter.simulator.market.ledger import Ledger
from exporter.simulator.market.movements import MovementPlan
from exporter.simulator.market.prices import Prices, salt, seeded
from exporter.simulator.market.trader import Trader
from exporter.simulator.market.trades import IdSeries, TradeHistory

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPOT_OPENING = {
    "USDC": Decimal(50_000),
    "BTC": Decimal("0.5"),
    "ETH": Decimal(5),
    "EUR": Decimal(10_000),
}
_FUTURES_OPENING = {"USD": Decimal(100_000)} | _SPOT_OPENING


def to_nanos(instant: datetime) -> int:
    """Return an aware datetime as nanoseconds since the epoch."""
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1_000


def from_nanos(nanos: int) -> datetime:
    """Return nanoseconds since the epoch as an aware datetime, floored to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanos // 1_000)


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account to simulate.

    `trades_per_day` is a mean. `trade_history` replaces the trades that the market would make, for
    load tests; the account then does not trade, and its balances do not follow that history.
    `opening` are its balances at the start (default: those of a small account).
    `movements_per_month` (deposits and withdrawals) and `liquidation_fees_per_year` (booked while a
    position is open) are means, too: they move balances, and nothing but `truth` tells them.
    `endpoints` are served instead of those of the same route, where such a history tells more than
    trades; each is given the `AccountRequest`.
    """

    name: str
    futures: bool = True
    trades_per_day: float = 60.0
    trade_history: TradeHistory | None = None
    endpoints: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    opening: Mapping[str, Decimal] | None = None
    movements_per_month: float = 0.0
    liquidation_fees_per_year: float = 0.0


DEFAULT_ACCOUNTS = (
    AccountSpec("main"),
    AccountSpec("hedge", trades_per_day=30.0),
    AccountSpec("spot", futures=False, trades_per_day=20.0),
)

OLD_ACCOUNTS = (
    AccountSpec(
        "main", trades_per_day=3.0, movements_per_month=4.0, liquidation_fees_per_year=12.0
    ),
    AccountSpec("spot", futures=False, trades_per_day=2.0, movements_per_month=2.0),
)
"""Calm accounts with movements, for a history of a year and more: an exporter sees its end only."""


def with_movements(per_month: float) -> tuple[AccountSpec, ...]:
    """Return the default accounts with movements, and a twelfth as many liquidation fees."""
    return tuple(
        replace(spec, movements_per_month=per_month, liquidation_fees_per_year=per_month)
        for spec in DEFAULT_ACCOUNTS
    )


class SimulatedAccount:
    """One account: its ledger, its trade history, and the ids of its trades and orders."""

    def __init__(self, spec: AccountSpec, seed: int, prices: Prices, start: int) -> None:
        self.name = spec.name
        self.futures = spec.futures
        self.endpoints = spec.endpoints
        own = salt(seed, spec.name)
        self.seed = own
        self.id = IdSeries(own).make(0)
        self.trade_ids = IdSeries(salt(own, "trade"))
        self.order_ids = IdSeries(salt(own, "order"))
        self.client_ids = IdSeries(salt(own, "client"))
        usual = _FUTURES_OPENING if spec.futures else _SPOT_OPENING
        self.ledger = Ledger(own, prices, usual if spec.opening is None else spec.opening)
        self._movements = MovementPlan(
            own,
            futures=spec.futures,
            per_month=spec.movements_per_month,
            fees_per_year=spec.liquidation_fees_per_year,
        )
        history = spec.trade_history
        self.trades: TradeHistory = self.ledger.trades if history is None else history
        self._trader = Trader(
            self.ledger,
            prices,
            seeded(f"{seed}/{spec.name}"),
            futures=spec.futures,
            start=start,
            per_day=spec.trades_per_day if history is None else 0,
        )

    def advance(self, after: int, until: int) -> None:
        """Make the account's trades, movements and funding payments in (after, until]."""
        self._trader.trade(until)
        self.ledger.transfer(self._movements, after, until)
        self.ledger.fund(after, until)


class Market:
    """Prices and accounts from `start`, with their history up to `now`.

    Raises ValueError when two accounts share a name, or when `now` is before `start`.
    """

    def __init__(
        self,
        seed: int,
        start: datetime,
        now: datetime,
        accounts: Sequence[AccountSpec] = DEFAULT_ACCOUNTS,
    ) -> None:
        if len({spec.name for spec in accounts}) != len(accounts):
            raise ValueError("two accounts share a name")
        self.seed = seed
        self.prices = Prices(seed)
        self.start = to_nanos(start)
        self.instant = self.start
        self.accounts = self._open(accounts)
        self._advance(to_nanos(now))

    @exact
    def _open(self, specs: Sequence[AccountSpec]) -> dict[str, SimulatedAccount]:
        return {
            spec.name: SimulatedAccount(spec, self.seed, self.prices, self.start) for spec in specs
        }

    @property
    def now(self) -> datetime:
        """Return the instant up to which the market has been advanced."""
        return from_nanos(self.instant)

    def advance(self, to: datetime) -> None:
        """Advance to `to`. Raises ValueError for an earlier instant than the present one."""
        self._advance(to_nanos(to))

    def advance_nanos(self, to: int) -> None:
        """Advance to `to`, in nanoseconds since the epoch; an earlier instant changes nothing."""
        if to > self.instant:
            self._advance(to)

    @exact
    def _advance(self, to: int) -> None:
        if to < self.instant:
            raise ValueError(f"time cannot go back from {self.now} to {from_nanos(to)}")
        for account in self.accounts.values():
            account.advance(self.instant, to)
        self.instant = to
