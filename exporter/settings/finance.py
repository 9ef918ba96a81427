"""What reports of a month depend on: the business time zone, and the fees of trading by API."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from exporter.settings.values import did_you_mean

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_FEE = re.compile(r"(SPOT|FUTURES)=(-?[0-9]{1,2}(?:\.[0-9]{1,8})?)/(-?[0-9]{1,2}(?:\.[0-9]{1,8})?)")

Fees = Mapping[str, Decimal]
"""`api_maker_ratio_spot`, `api_taker_ratio_spot`, ... to a fraction of the trade's value."""


def zone(text: str) -> str:
    """Read the IANA name of a time zone, such as ``Europe/Vienna``, in any case."""
    named = zoneinfo.available_timezones()
    found = {name.lower(): name for name in named}.get(text.lower())
    if found is not None:
        return found
    # Without time zone data on this machine, Postgres alone tells which there are.
    if not named and _ZONE.fullmatch(text):
        return text
    advice = did_you_mean(text, named)
    if not advice.startswith("did you mean"):  # rather than to list all six hundred
        advice = "write for example Europe/Vienna or UTC"
    raise ValueError(f"is not the IANA name of a time zone; {advice}")


def api_fees(text: str) -> Fees:
    """Read ``SPOT=0.0005/0.001,FUTURES=0.0002/0.0005``: maker/taker by group, as fractions.

    Raises ValueError with everything that is wrong.
    """
    found: dict[str, Decimal] = {}
    faults = []
    for number, item in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
        match = _FEE.fullmatch(item)
        if match is None:
            faults.append(
                f"item {number} is not GROUP=MAKER/TAKER; write for example SPOT=0.0005/0.001, with"
                " fractions (0.001 is 0.1 %) and SPOT or FUTURES"
            )
            continue
        group, ratios = match[1].lower(), (Decimal(match[2]), Decimal(match[3]))
        if max(map(abs, ratios)) >= Decimal("0.1"):
            faults.append(
                f"item {number} has a fee of 10 % or more; write fractions: 0.001 is 0.1 %"
            )
        elif f"api_maker_ratio_{group}" in found:
            faults.append(f"item {number} names {match[1]} again; remove one of them")
        else:
            names = (f"api_maker_ratio_{group}", f"api_taker_ratio_{group}")
            found |= zip(names, ratios, strict=True)
    if not found and not faults:
        faults.append("names nothing; write for example SPOT=0.0005/0.001,FUTURES=0.0002/0.0005")
    if faults:
        raise ValueError("; ".join(faults))
    return MappingProxyType(found)


def api_fees_text(fees: Fees) -> str:
    """Write ``fees`` the way that ``api_fees`` reads them."""
    groups = [group for group in ("spot", "futures") if f"api_maker_ratio_{group}" in fees]
    return ",".join(
        f"{group.upper()}={fees[f'api_maker_ratio_{group}']:f}/{fees[f'api_taker_ratio_{group}']:f}"
        for group in groups
    )
