"""Durations, instants, shares and lists, written for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_UNITS = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"))


def duration(span: timedelta | float) -> str:
    """One unit, of which there are at least two: `119 s`, `90 min`, `47 h`, `12 d`.

    ``span``: a number is in seconds.
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    whole = round(max(0.0, seconds))
    for least, size, unit in _UNITS:
        if whole >= least:
            return f"{whole // size:,} {unit}"
    return f"{whole} s"


def interval(seconds: float) -> str:
    """An interval, exactly, in the largest unit that divides it: `1 h`, `90 s`, `0.5 s`."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,g} s"


def percent(ratio: float | None) -> str:
    """Rounded down: `100 %` means that nothing at all is missing. A dash when it is not known."""
    if ratio is None:
        return "\N{EN DASH}"
    return "100 %" if ratio >= 1 else f"{int(ratio * 1000) / 10:.1f} %"


def second(at: datetime) -> str:
    """`2026-03-31 12:30:30`, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def minute(at: datetime) -> str:
    """`2026-03-31 12:30`, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC, as in JSON and in the `datetime` attribute of HTML."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plural(count: int, noun: str) -> str:
    """`1 stream`, `1,200 streams`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """`main`, `main and hedge`, `main, hedge and spot`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
