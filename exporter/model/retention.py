"""How long observed state is kept at which resolution; facts are kept for ever."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple

Resolution = Literal["minute", "hour", "day"]
RESOLUTIONS: tuple[Resolution, ...] = ("minute", "hour", "day")
"""From fine to coarse."""
Group = Literal["market", "account"]
GROUPS: Mapping[Group, str] = MappingProxyType(
    {"market": "tickers and funding rates", "account": "balances, positions and portfolio"}
)


class Tier(NamedTuple):
    """What is ``older`` than this keeps the last observation of each minute, hour or day."""

    older: timedelta
    resolution: Resolution


Retention = Mapping[Group, tuple[Tier, ...]]
"""By group, from young and fine to old and coarse; none of a group that keeps every change."""

DEFAULT: Retention = MappingProxyType(
    {
        "market": (
            Tier(timedelta(days=7), "minute"),
            Tier(timedelta(days=35), "hour"),
            Tier(timedelta(days=400), "day"),
        ),
        "account": (Tier(timedelta(days=35), "hour"),),
    }
)
FOREVER: Retention = MappingProxyType({"market": (), "account": ()})
"""Keep every change."""
