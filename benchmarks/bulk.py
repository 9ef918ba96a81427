"""A trade history of any length that takes no memory: each trade is a function of its index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import overload

import msgspec

from exporter.simulator import AccountSpec
from exporter.simulator.endpoints.records import trade_row
from exporter.simulator.endpoints.times import iso_nanos
from exporter.simulator.endpoints.wire import encode
from exporter.simulator.market.exact import exact
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.market import SimulatedAccount, to_nanos
from exporter.simulator.market.prices import DAY, mix
from exporter.simulator.market.trades import SimulatedTrade

_MASK = (1 << 64) - 1
_WEYL = 0xD1B54A32D192ED03
_VARIANTS = 1024
_INSTRUMENTS = tuple(
    INSTRUMENTS[code] for code in ("BTC_USD_P", "ETH_USD_P", "SOL_USD_P", "BTC_USDC")
)
_MAKER = Decimal("-0.00005")
_TAKER = Decimal("0.00015")
_PLACEHOLDER = "%s"


def bulk_account(count: int, now: datetime) -> AccountSpec:
    """The account `main`, futures included, with `count` trades in the 30 days before `now`."""
    end = to_nanos(now)
    return AccountSpec("main", trade_history=BulkTrades(count, end - 30 * DAY, end, seed=1))


class EvenInstants(Sequence[int]):
    """The instants of a bulk history, computed on access."""

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
        if index % 50 == 1:  # two trades at one instant
            index -= 1
        return self._start + index * self._gap + (index * _WEYL & _MASK) % self._gap


class BulkTrades:
    """`count` trades between two instants (nanoseconds since the epoch), as a trade history.

    A million rows in 30 days fit into memory because instrument, side, price, amount and fee repeat
    after 1,024 variants; instants, ids and sequence numbers do not.
    """

    def __init__(self, count: int, start: int, end: int, seed: int) -> None:
        self._count, self._seed = count, seed
        gap = max(1, (end - start) // max(1, count))
        self.instants: Sequence[int] = EvenInstants(start, gap, count)
        self._variants = [_variant(seed, number) for number in range(_VARIANTS)]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, k: int, /) -> SimulatedTrade:
        variant = self._variants[self._variant_of(k)]
        return variant._replace(instant=self.instants[k], order=k, sequence=_sequence(k))

    def row_encoder(self, account: SimulatedAccount) -> Callable[[int], msgspec.Raw]:
        """Return the rows by index, composed from one JSON template for each variant.

        The rows are too many to be cached, and encoding each afresh would take as long as what the
        benchmarks measure.
        """
        templates = [_template(account, variant) for variant in self._variants]

        def row(k: int) -> msgspec.Raw:
            instant = iso_nanos(self.instants[k])
            composed = templates[self._variant_of(k)] % (
                account.trade_ids.make(k),
                account.order_ids.make(k),
                instant[:23] + "Z",
                instant,
                _sequence(k),
            )
            return msgspec.Raw(composed.encode())

        return row

    def _variant_of(self, k: int) -> int:
        return (self._seed + k * _WEYL & _MASK) >> 40 & (_VARIANTS - 1)


def _sequence(k: int) -> int:
    return 60_000_000_000 + 3 * k


@exact
def _variant(seed: int, number: int) -> SimulatedTrade:
    bits = mix(seed, number)
    instrument = _INSTRUMENTS[bits & 3]
    ticks = int(instrument.price.scaleb(instrument.price_decimals))
    price = Decimal(ticks + (bits >> 8) % (ticks // 50)).scaleb(-instrument.price_decimals)
    amount = Decimal(1 + (bits >> 24) % 5_000).scaleb(-instrument.amount_decimals)
    maker = bool(bits & 4)
    fee = price * amount * (_MAKER if maker else _TAKER)
    side = "BUY" if bits & 8 else "SELL"
    in_quote = instrument.futures or side == "SELL"
    currency = instrument.quote if in_quote else instrument.base
    fee = fee if currency == instrument.quote else amount * _TAKER
    return SimulatedTrade(0, instrument.code, side, price, amount, fee, currency, maker, 0, 0)


@exact
def _template(account: SimulatedAccount, variant: SimulatedTrade) -> str:
    """The row of a variant, with placeholders in the order of the wire's members."""
    row = trade_row(account, 0, variant)
    varying = ("trade_id", "order_id", "time", "time_nanos", "sequence")
    row["trade"] |= dict.fromkeys(varying, _PLACEHOLDER)
    return encode(row).decode()
