"""The lengths of candles that the exchange knows, and the scopes that a setting names of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple


class Granularity(NamedTuple):
    """The length of a candle, as a reader writes it and as the exchange does."""

    name: str
    """``5m``, ``1h``, ``1M``: a month is M, a minute is m."""
    unit: str
    """Query parameter and member ``unit``."""
    period: int
    """Query parameter and member ``period``: so many units."""
    span: timedelta
    """The longest that one candle takes."""


GRANULARITIES: Mapping[str, Granularity] = {
    granularity.name: granularity
    for granularity in (
        *(Granularity(f"{n}m", "MINUTES", n, timedelta(minutes=n)) for n in (1, 5, 15, 30)),
        *(Granularity(f"{n}h", "HOURS", n, timedelta(hours=n)) for n in (1, 4)),
        Granularity("1d", "DAYS", 1, timedelta(days=1)),
        Granularity("1w", "WEEKS", 1, timedelta(days=7)),
        Granularity("1M", "MONTHS", 1, timedelta(days=31)),
    )
}
"""By name: every pair of unit and period that the page "candlesticks" lists."""

BY_UNIT: Mapping[tuple[str, int], Granularity] = {
    (granularity.unit, granularity.period): granularity for granularity in GRANULARITIES.values()
}


class CandleScope(NamedTuple):
    """The candles of one length of one instrument; as text ``BTC_EUR:1h``."""

    instrument: str
    granularity: Granularity

    def __str__(self) -> str:
        return f"{self.instrument}:{self.granularity.name}"


def candle_scope(text: str) -> CandleScope:
    """The scope that a text names. Raises KeyError for a granularity that there is not."""
    instrument, _, name = text.partition(":")
    return CandleScope(instrument, GRANULARITIES[name])
