"""Prices, marks and funding rates as pure functions of seed, instrument and minute.

A price is a fractal random walk: noise at periods of 1, 4, 16 ... minutes whose amplitude grows
with the square root of the period, as a random walk's does. No state is carried from one minute
to the next, so any minute of any year can be computed, in any order, and always gives the same.
All arithmetic is on integers, so the walk is the same on every machine.
"""

from __future__ import annotations

import zlib
from decimal import Decimal
from random import Random

from exporter.simulator.market.instruments import EQUITY_FUTURE, SimulatedInstrument

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_MASK = (1 << 64) - 1
_PERIODS = tuple((4**level, 2**level) for level in range(9))
_INTEREST = 17_909_200_000_000_000  # 4 % a year for four hours, in units of 1e-21
_CAP = 1_000_000_000_000_000_000  # 0.001, in units of 1e-21
_EQUITY_SLOTS = (16 * HOUR + 45 * MINUTE, 20 * HOUR)
_CACHE_LIMIT = 200_000


def mix(seed: int, number: int) -> int:
    """Return 64 well-mixed bits that depend on both arguments only (splitmix64)."""
    bits = (seed + number * 0x9E3779B97F4A7C15) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def salt(seed: int, text: str) -> int:
    """Return a 64-bit seed derived from `seed` and `text`."""
    return mix(mix(seed, zlib.crc32(text.encode())), len(text))


def noise(seed: int, minute: int) -> int:
    """Return smooth noise around 0: within about 500,000, changing by about 1,000 a minute."""
    total = 0
    for period, amplitude in _PERIODS:
        cell, step = divmod(minute, period)
        before = (mix(seed + period, cell) >> 44) - 524_288
        after = (mix(seed + period, cell + 1) >> 44) - 524_288
        total += (before * (period - step) + after * step) * amplitude // period
    return total // 512


def seeded(seed: int | str) -> Random:
    """Return a seeded random number generator for trades and faults."""
    return Random(seed)  # noqa: S311 - simulated trades and faults; nothing here is a secret


class Prices:
    """The seeded prices of all instruments. Instants are nanoseconds since the epoch, UTC."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._mids: dict[tuple[str, int], Decimal] = {}

    def mid(self, instrument: SimulatedInstrument, instant: int) -> Decimal:
        """Return the mid price of the minute, two decimals finer than the tick."""
        key = (instrument.code, instant // MINUTE)
        price = self._mids.get(key)
        if price is None:
            if len(self._mids) > _CACHE_LIMIT:
                self._mids.clear()
            walk = 10_000_000 + noise(salt(self._seed, instrument.code), key[1])
            ticks = (
                int(instrument.price * 10 ** (instrument.price_decimals + 2)) * walk // 10_000_000
            )
            price = self._mids[key] = Decimal(ticks).scaleb(-instrument.price_decimals - 2)
        return price

    def mark(self, instrument: SimulatedInstrument, instant: int) -> Decimal:
        """Return the current mark price: it changes once a minute, `offset` seconds past it."""
        return self.mid(instrument, settled_at(instrument, instant))

    def rate(self, instrument: SimulatedInstrument, instant: int) -> Decimal:
        """Return the current funding rate, a fraction per period with 21 decimals."""
        minute = settled_at(instrument, instant) // MINUTE
        seed = salt(self._seed, instrument.code + "/rate")
        raw = (
            _INTEREST + noise(seed, minute) * 1_234_567_891_011 + mix(seed, minute) % 1_000_000_007
        )
        return Decimal(max(-_CAP, min(_CAP, raw))).scaleb(-21)


def settled_at(instrument: SimulatedInstrument, instant: int) -> int:
    """Return the last minute settlement of `instrument` at or before `instant`."""
    offset = instrument.offset * SECOND
    return (instant - offset) // MINUTE * MINUTE + offset


def slots(instrument: SimulatedInstrument, after: int, until: int) -> list[int]:
    """Return the funding instants of `instrument` in (after, until], oldest first.

    Crypto futures are funded on the four-hour grid from 00:00 UTC; equity futures twice on each
    weekday, at 16:45 and 20:00 UTC (daylight saving time is ignored).
    """
    if instrument.type != EQUITY_FUTURE:
        step = 4 * HOUR
        return list(range((after // step + 1) * step, until + 1, step))
    days = range(after // DAY, until // DAY + 1)
    weekdays = (day for day in days if (day + 3) % 7 < 5)
    found = (day * DAY + slot for day in weekdays for slot in _EQUITY_SLOTS)
    return [slot for slot in found if after < slot <= until]
