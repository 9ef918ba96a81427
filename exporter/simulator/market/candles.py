"""Candles of the simulated market: made of its prices, with spans in which nobody traded."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from exporter.simulator.market.exact import rounded
from exporter.simulator.market.instruments import SimulatedInstrument
from exporter.simulator.market.prices import DAY, HOUR, MINUTE, SECOND, Prices, mix, salt

STEPS: dict[tuple[str, int], int] = {
    **{("MINUTES", n): n * MINUTE for n in (1, 5, 15, 30)},
    **{("HOURS", n): n * HOUR for n in (1, 4)},
    ("DAYS", 1): DAY,
    ("WEEKS", 1): 7 * DAY,
    ("MONTHS", 1): 31 * DAY,
}
"""Unit and period to the longest span of a candle, in nanoseconds."""

_TRADES = 4
_MONDAY = 4 * DAY  # 1970-01-05


class Candle(NamedTuple):
    """Prices of one span; `last` is the instant of its last trade."""

    start: int
    end: int
    prices: tuple[Decimal, ...]
    volume: Decimal
    last: int


def start_of(unit: str, step: int, instant: int) -> int:
    """Return where the candle that holds `instant` begins: weeks on Monday, months on the 1st."""
    if unit == "WEEKS":
        return (instant - _MONDAY) // step * step + _MONDAY
    if unit == "MONTHS":
        at = datetime.fromtimestamp(instant // SECOND, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * SECOND
    return instant // step * step


def next_start(unit: str, step: int, start: int) -> int:
    """Return where the candle after the one from `start` begins."""
    return start_of(unit, step, start + step) if unit == "MONTHS" else start + step


def candle(
    prices: Prices, instrument: SimulatedInstrument, start: int, end: int, now: int
) -> Candle | None:
    """Return the candle of [start, end) as it is at `now`; None when nobody traded.

    One in four minutes is without a trade, and one in sixteen of the longer spans.
    """
    span = end - start
    seed = salt(0, f"{instrument.code}/candle/{span // MINUTE}")
    if mix(seed, start // MINUTE) % (4 if span <= MINUTE else 16) == 0:
        return None
    trades = [start + span * n // _TRADES for n in range(_TRADES)]
    trades = [at for at in trades if at <= now]
    if not trades:
        return None
    places = instrument.price_decimals
    seen = tuple(rounded(prices.mid(instrument, at), places) for at in trades)
    volume = Decimal(mix(seed, start // SECOND) % 1_000_000 * len(trades)).scaleb(-2)
    return Candle(start, end, seen, volume, trades[-1])
