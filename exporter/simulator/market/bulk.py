"""A trade history of any length that takes no memory: each trade is a function of its index."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import overload

from exporter.simulator.market.exact import exact
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.prices import mix
from exporter.simulator.market.trades import SimulatedTrade

_MASK = (1 << 64) - 1
_WEYL = 0xD1B54A32D192ED03
_VARIANTS = 1024
_MARKETS = tuple(INSTRUMENTS[code] for code in ("BTC_USD_P", "ETH_USD_P", "SOL_USD_P", "BTC_USDC"))
_MAKER = Decimal("-0.00005")
_TAKER = Decimal("0.00015")


class _Instants(Sequence[int]):
    """The instants of a bulk history, computed when asked for."""

    def __init__(self, start: int, gap: int, count: int) -> None:
        self._start, self._gap, self._count = start, gap, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(self._count))]
        if index % 50 == 1:  # a pair of trades at one instant
            index -= 1
        return self._start + index * self._gap + (index * _WEYL & _MASK) % self._gap


class BulkTrades:
    """`count` trades between two instants (nanoseconds since the epoch).

    For load tests: a million rows in 30 days. What is traded repeats after 1,024 kinds of trade;
    instants, ids and sequences do not. Balances do not follow these trades.
    """

    def __init__(self, count: int, start: int, end: int, seed: int) -> None:
        self._count, self._seed = count, seed
        gap = max(1, (end - start) // max(1, count))
        self.instants: Sequence[int] = _Instants(start, gap, count)
        self.variants = [_variant(seed, number) for number in range(_VARIANTS)]

    def __len__(self) -> int:
        return self._count

    def variant(self, k: int) -> int:
        """Return which of `variants` the k-th trade is."""
        return (self._seed + k * _WEYL & _MASK) >> 40 & (_VARIANTS - 1)

    def sequence(self, k: int) -> int:
        """Return the engine's counter at the k-th trade."""
        return 60_000_000_000 + 3 * k

    def __getitem__(self, k: int, /) -> SimulatedTrade:
        kind = self.variants[self.variant(k)]
        return kind._replace(instant=self.instants[k], order=k, sequence=self.sequence(k))


@exact
def _variant(seed: int, number: int) -> SimulatedTrade:
    bits = mix(seed, number)
    market = _MARKETS[bits & 3]
    ticks = int(market.price.scaleb(market.price_decimals))
    price = Decimal(ticks + (bits >> 8) % (ticks // 50)).scaleb(-market.price_decimals)
    amount = Decimal(1 + (bits >> 24) % 5_000).scaleb(-market.amount_decimals)
    maker = bool(bits & 4)
    fee = price * amount * (_MAKER if maker else _TAKER)
    side = "BUY" if bits & 8 else "SELL"
    currency = market.quote if market.futures or side == "SELL" else market.base
    fee = fee if currency == market.quote else amount * _TAKER
    return SimulatedTrade(0, market.code, side, price, amount, fee, currency, maker, 0, 0)
