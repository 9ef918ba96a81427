"""How times and shares are written for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"))


def duration(span: timedelta | float) -> str:
    """One unit, never coarser than half of what is said: `119 s`, `90 min`, `47 h`, `12 d`."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    whole = round(max(0.0, seconds))
    for least, size, unit in _UNITS:
        if whole >= least:
            return f"{whole // size:,} {unit}"
    return f"{whole} s"


def every(seconds: float) -> str:
    """A configured span, exactly, in the largest unit that fits: `1 h`, `90 s`, `0.5 s`."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,g} s"


def percent(ratio: float | None) -> str:
    """Rounded down: `100 %` means that nothing at all is missing."""
    if ratio is None:
        return "\N{EN DASH}"
    return "100 %" if ratio >= 1 else f"{int(ratio * 1000) / 10:.1f} %"


def stamp(at: datetime) -> str:
    """`2026-03-31 12:30:30`, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def minute(at: datetime) -> str:
    """`2026-03-31 12:30`, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def rfc3339(at: datetime) -> str:
    """As JSON and HTML want it, in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plural(count: int, thing: str) -> str:
    """`1 stream`, `1,200 streams`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def listed(names: list[str]) -> str:
    """`main`, `main and hedge`, `main, hedge and spot`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
