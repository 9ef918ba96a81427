"""The exchange's time formats: how it prints instants, and which formats it accepts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from exporter.simulator.market.prices import MINUTE, SECOND

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.(\d{3}|\d{6}|\d{9}))?Z)?")
_EPOCH = re.compile(r"\d{1,19}")
_NANOS_BY_DIGITS = ((11, SECOND), (14, 1_000_000), (17, 1_000), (19, 1))


@lru_cache(maxsize=4096)
def _to_the_minute(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M")


def iso_seconds(nanos: int) -> str:
    """Print an instant as `2026-11-22T12:00:00Z`, floored."""
    return iso_nanos(nanos)[:19] + "Z"


def iso_millis(nanos: int) -> str:
    """Print an instant as `2026-11-22T12:00:00.123Z`, floored."""
    return iso_nanos(nanos)[:23] + "Z"


def iso_nanos(nanos: int) -> str:
    """Print an instant as `2026-11-22T12:00:00.123456789Z`."""
    minute, rest = divmod(nanos, MINUTE)
    second, fraction = divmod(rest, SECOND)
    return f"{_to_the_minute(minute)}:{second:02}.{fraction:09}Z"


def http_date(nanos: int) -> str:
    """Print an instant for the `Date` header (RFC 9110, section 5.6.7), floored."""
    return _http_date(nanos // SECOND)


@lru_cache(maxsize=64)
def _http_date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def parse_instant(text: str) -> int:
    """Read a time parameter as nanoseconds since the epoch.

    ISO-8601 to the second, ms, us or ns with `Z`; an epoch in s, ms, us or ns, distinguished by
    its length; or a bare date, which is midnight UTC. Raises ValueError for anything else.
    """
    if _EPOCH.fullmatch(text):
        unit = next(unit for digits, unit in _NANOS_BY_DIGITS if len(text) <= digits)
        return int(text) * unit
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"not a time: {text!r}")
    seconds = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    fraction = match[1] or ""
    return int(seconds.timestamp()) * SECOND + int(fraction.ljust(9, "0"))
