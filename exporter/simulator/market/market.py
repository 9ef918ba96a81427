"""A seeded market: accounts that trade, are funded and are settled as time advances.

Pure: no I/O and no clock. Time passes only through `advance`, and how it is cut into steps makes
no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from exporter.simulator.market.bulk import BulkTrades
from exporter.simulator.market.exact import exact
from exporter.simulator.market.ledger import Ledger
from exporter.simulator.market.prices import DAY, Prices, salt, seeded
from exporter.simulator.market.trader import Trader
from exporter.simulator.market.trades import Ids, TradeSeries

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

    `trades_per_day` is a mean. `bulk_trades` replaces the trade history by that many synthesized
    trades in the 30 days before `now`; the account's balances do not follow those.
    """

    name: str
    futures: bool = True
    trades_per_day: float = 60.0
    bulk_trades: int = 0


DEFAULT_ACCOUNTS = (
    AccountSpec("main"),
    AccountSpec("hedge", trades_per_day=30.0),
    AccountSpec("spot", futures=False, trades_per_day=20.0),
)


class SimulatedAccount:
    """One account: its ledger, its trades and the ids that the exchange gives to its things."""

    def __init__(self, spec: AccountSpec, seed: int, prices: Prices, start: int, now: int) -> None:
        self.name = spec.name
        self.futures = spec.futures
        own = salt(seed, spec.name)
        self.seed = own
        self.id = Ids(own).make(0)
        self.trade_ids = Ids(salt(own, "trade"))
        self.order_ids = Ids(salt(own, "order"))
        self.client_ids = Ids(salt(own, "client"))
        opening = _FUTURES_OPENING if spec.futures else _SPOT_OPENING
        self.ledger = Ledger(own, prices, opening)
        self.trades: TradeSeries = self.ledger.trades
        if spec.bulk_trades:
            self.trades = BulkTrades(spec.bulk_trades, now - 30 * DAY, now, own)
        self._trader = Trader(
            self.ledger,
            prices,
            seeded(f"{seed}/{spec.name}"),
            futures=spec.futures,
            start=start,
            per_day=0 if spec.bulk_trades else spec.trades_per_day,
        )

    def advance(self, after: int, until: int) -> None:
        """Let the account trade and be funded in (after, until]."""
        self._trader.trade(until)
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
        end = to_nanos(now)
        self.accounts = self._open(accounts, end)
        self._advance(end)

    @exact
    def _open(self, specs: Sequence[AccountSpec], end: int) -> dict[str, SimulatedAccount]:
        return {
            spec.name: SimulatedAccount(spec, self.seed, self.prices, self.start, end)
            for spec in specs
        }

    @property
    def now(self) -> datetime:
        """Return how far the market has been advanced."""
        return from_nanos(self.instant)

    def advance(self, to: datetime) -> None:
        """Let time pass until `to`. Raises ValueError for an instant already passed."""
        self._advance(to_nanos(to))

    def advance_nanos(self, to: int) -> None:
        """Let time pass until `to`, in nanoseconds; an earlier instant changes nothing."""
        if to > self.instant:
            self._advance(to)

    @exact
    def _advance(self, to: int) -> None:
        if to < self.instant:
            raise ValueError(f"time cannot go back from {self.now} to {from_nanos(to)}")
        for account in self.accounts.values():
            account.advance(self.instant, to)
        self.instant = to
