"""How long observed state is kept: ``market=7d/minute:35d/hour:400d/day,account=35d/hour``."""

from __future__ import annotations

import re
from datetime import timedelta
from types import MappingProxyType
from typing import cast

from exporter.model.retention import (
    DEFAULT,
    FOREVER,
    GROUPS,
    RESOLUTIONS,
    Group,
    Resolution,
    Retention,
    Tier,
)
from exporter.settings.values import did_you_mean

_KEEP_ALL = "forever"
_TIER = re.compile(r"(?P<days>[1-9][0-9]{0,4})d/(?P<resolution>[a-z]+)")
_ADVICE = (
    "write `forever`, or groups such as market=7d/minute:35d/hour:400d/day,account=35d/hour:"
    " what is older than 7 days keeps the last observation of each minute, and so on"
)


def retention(text: str) -> Retention:
    """Read ``forever``, or ``GROUP=DAYSd/RESOLUTION:...`` or ``GROUP=forever`` for some groups.

    A group that is not named is kept as by default. Raises ValueError with everything that is
    wrong.
    """
    if text.strip() == _KEEP_ALL:
        return FOREVER
    items = [item.strip() for item in text.split(",") if item.strip()]
    faults = [] if items else [f"names nothing; {_ADVICE}"]
    found: dict[Group, tuple[Tier, ...]] = {}
    for number, item in enumerate(items, start=1):
        name, equals, told = item.partition("=")
        if not equals:
            faults.append(f"item {number} is not GROUP=TIERS; {_ADVICE}")
        elif name not in GROUPS:
            faults.append(f"item {number} names no group; {did_you_mean(name, GROUPS)}")
        elif name in found:
            faults.append(f"item {number} names {name} again; remove one of them")
        else:
            found[cast(Group, name)] = _tiers(told, number, faults)
    if faults:
        raise ValueError("; ".join(faults))
    return MappingProxyType({**DEFAULT, **found})


def _tiers(text: str, number: int, faults: list[str]) -> tuple[Tier, ...]:
    """The tiers of one group; what is wrong with them is added to the faults."""
    if text == _KEEP_ALL:
        return ()
    tiers: list[Tier] = []
    for part in text.split(":"):
        match = _TIER.fullmatch(part.strip())
        if match is None or match["resolution"] not in RESOLUTIONS:
            faults.append(
                f"item {number} has a tier that is not DAYSd/RESOLUTION; write for example"
                f" 35d/hour, with one of: {', '.join(RESOLUTIONS)}"
            )
            return ()
        resolution = cast(Resolution, match["resolution"])
        tiers.append(Tier(timedelta(days=int(match["days"])), resolution))
    ages = [tier.older for tier in tiers]
    places = [RESOLUTIONS.index(tier.resolution) for tier in tiers]
    if sorted(set(ages)) != ages or sorted(set(places)) != places:
        faults.append(
            f"item {number} is not in order; write tiers from young to old, each coarser than the"
            " one before: 7d/minute:35d/hour"
        )
    return tuple(tiers)


def retention_text(value: Retention) -> str:
    """Write ``value`` the way that ``retention`` reads it."""
    if not any(value.values()):
        return _KEEP_ALL
    return ",".join(
        f"{group}="
        + (":".join(f"{tier.older.days}d/{tier.resolution}" for tier in tiers) or _KEEP_ALL)
        for group, tiers in sorted(value.items(), reverse=True)
    )
