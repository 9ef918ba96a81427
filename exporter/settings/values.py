"""The notations of the settings: each function reads one text or says what is wrong with it.

Every ValueError raised here says what is wrong and what to write instead. It never quotes the text,
so that only the caller decides whether the text may be shown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from exporter.model.granularity import GRANULARITIES

Word = TypeVar("Word", bound=str)

_DURATION = re.compile(
    r"(?:(?P<d>[0-9]{1,6})d)?(?:(?P<h>[0-9]{1,6})h)?(?:(?P<m>[0-9]{1,6})m)?"
    r"(?:(?P<s>[0-9]{1,9}(?:\.[0-9]{1,6})?)s)?(?:(?P<ms>[0-9]{1,9})ms)?"
)
_INSTRUMENT = re.compile(r"[A-Z0-9]{1,20}(?:_[A-Z0-9]{1,20}){1,3}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_UNIT_MICROSECONDS = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000}
_LONGEST = timedelta(days=366)
_FIRST_RELEASE = datetime(2026, 11, 1, tzinfo=UTC)
"""A clock that shows an earlier time is wrong by an unknown amount."""
_SLOWEST_CLOCK = timedelta(days=31)

# Strict about hosts and ports: `postgresql://user:password`, with the host forgotten, is refused
# rather than shown as a host and its port.
_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^:,@/?#\[\]]*)(?::[0-9]*)?"
_POSTGRES_URL = re.compile(
    r"(?P<scheme>postgres|postgresql)://(?:(?P<user>[^:@/?#]*)(?P<password>:[^@/?#]*)?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<database>/[^@/?#]*)?(?:\?(?P<query>.*))?"
)
_BAD_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})|%00")
# Anything else in the query (password, sslpassword, a client secret of some later libpq) is hidden.
_SHOWN_PARAMETERS = frozenset(
    (
        *("user", "host", "hostaddr", "port", "dbname", "service", "passfile", "options"),
        *("application_name", "connect_timeout", "keepalives", "tcp_user_timeout"),
        *("sslmode", "sslrootcert", "gssencmode", "channel_binding"),
        *("target_session_attrs", "load_balance_hosts"),
    )
)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the HTTP server listens. Port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def duration(text: str) -> timedelta:
    """Read ``1h30m``, ``5s``, ``500ms``, ``0.5s`` or seconds without a unit; more than 0."""
    bare = _SECONDS.fullmatch(text)
    parts = {"s": bare[0]} if bare else _duration_parts(text)
    microseconds = Decimal(parts.get("ms") or 0) * 1000
    for unit, size in _UNIT_MICROSECONDS.items():
        microseconds += Decimal(parts.get(unit) or 0) * size
    value = timedelta(microseconds=int(microseconds))
    if not timedelta(0) < value <= _LONGEST:
        raise ValueError("out of range; write more than 0 and at most 366 days")
    return value


def _duration_parts(text: str) -> dict[str, str | None]:
    match = _DURATION.fullmatch(text) if text else None
    if match is None:
        raise ValueError("is not a duration; write for example 500ms, 5s, 1m or 1h30m")
    return match.groupdict()


def duration_text(value: timedelta) -> str:
    """Write ``value`` the way that ``duration`` reads it."""
    left = value // timedelta(microseconds=1)
    words = []
    for unit in ("d", "h", "m"):
        count, left = divmod(left, _UNIT_MICROSECONDS[unit])
        words += [f"{count}{unit}"] if count else []
    if left or not words:
        words.append(f"{(Decimal(left) / 1_000_000).normalize():f}s")
    return "".join(words)


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant; a bare date is midnight UTC; a time without a zone is refused."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        pass
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        message = "is not an ISO 8601 time; write for example 2026-01-31 or 2026-01-31T12:00:00Z"
        raise ValueError(message) from None
    if value.tzinfo is None:
        raise ValueError("has no time zone; add Z for UTC, or an offset such as +01:00")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range; write a year from 1 to 9999 in UTC") from None


def surely_ahead(at: datetime, now: datetime) -> bool:
    """Whether an instant lies in the future although the clock of this machine, which shows
    ``now``, may be a month slow. False when that clock shows a time before the first release."""
    return now > _FIRST_RELEASE and at > now + _SLOWEST_CLOCK


def whole_number(text: str, most: int = 1_000_000) -> int:
    """Read a whole number from 1 to ``most``."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise ValueError(f"is not a whole number from 1 to {most}; write digits only")
    return int(text)


def base_url(text: str) -> str:
    """Read an absolute http or https URL without user, query and fragment; no slash at the end."""
    advice = "write for example https://api.onetrading.com/fast/v1"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"is not a URL; {advice}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"is not an http or https URL with a host; {advice}")
    if "@" in parts.netloc or parts.query or parts.fragment or not _is_plain(text):
        raise ValueError(f"must not contain a user, query, fragment or space; {advice}")
    return text.rstrip("/")


def listen(text: str) -> Listen:
    """Read ``host:port``, ``[::1]:port`` or ``:port`` (every IPv4 address)."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not colon or (":" in host) != bracketed or not _is_plain(host or "-"):
        raise ValueError("is not host:port; write for example 127.0.0.1:9877 or [::1]:9877")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError("needs a port from 0 to 65535; write for example 127.0.0.1:9877")
    return Listen(host or "0.0.0.0", int(port))  # noqa: S104 - only for whoever writes `:port`


def postgres_url(text: str) -> str:
    """Check the shape of a Postgres URL (PostgreSQL 34.1.1.2); libpq checks the rest itself."""
    if _BAD_PERCENT.search(text):
        raise ValueError(
            "contains a % that begins no percent-encoded character; write %25 for a % in the"
            " password"
        )
    if not _POSTGRES_URL.fullmatch(text) or not _is_plain(text):
        raise ValueError(
            "is neither `embedded` nor `none` nor a Postgres URL; write for example"
            " postgresql://user:password@host:5432/database, with @ / ? # : % in the"
            " password percent-encoded"
        )
    return text


def redacted_postgres_url(text: str) -> str:
    """Return a Postgres URL without its secrets."""
    match = _POSTGRES_URL.fullmatch(text)
    if match is None:
        return "(not shown)"
    user = match["user"] or ""
    login = f"{user}{':***' if match['password'] else ''}@" if match["user"] is not None else ""
    query = "&".join(
        f"{name}={value if name in _SHOWN_PARAMETERS else '***'}"
        for name, value in parse_qsl(match["query"] or "", keep_blank_values=True)
    )
    address = f"{match['scheme']}://{login}{match['hosts']}{match['database'] or ''}"
    return f"{address}?{query}" if query else address


def one_of(text: str, allowed: Collection[Word]) -> Word:
    """Read one of a closed set of lower-case words, in either case."""
    for word in allowed:
        if word == text.lower():
            return word
    raise ValueError(f"is unknown; {did_you_mean(text.lower(), allowed)}")


def stream_names(text: str, allowed: Collection[str]) -> frozenset[str]:
    """Read a comma list of at least one of the ``allowed`` names."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError(f"contains no stream name; write one or more of: {_listed(allowed)}")
    unknown = [name for name in names if name not in allowed]
    if unknown:
        advice = did_you_mean(unknown[0], allowed)
        raise ValueError(f"contains an unknown stream name; {advice}")
    return frozenset(names)


def candle_scopes(text: str) -> tuple[str, ...]:
    """Read ``BTC_EUR:1h,BTC_USD_P:5m``: instruments with the length of their candles.

    Raises ValueError with everything that is wrong.
    """
    scopes = [scope.strip() for scope in text.split(",") if scope.strip()]
    faults = [] if scopes else ["names nothing; write for example BTC_EUR:1h,BTC_USD_P:5m"]
    for number, scope in enumerate(scopes, start=1):
        instrument, _, name = scope.partition(":")
        if not _INSTRUMENT.fullmatch(instrument):
            faults.append(
                f"item {number} is not INSTRUMENT:GRANULARITY; write for example BTC_EUR:1h"
            )
        elif name not in GRANULARITIES:
            faults.append(
                f"item {number} has no granularity that there is; write one of: "
                f"{', '.join(GRANULARITIES)} (m: minutes, M: a month)"
            )
        elif scope in scopes[: number - 1]:
            faults.append(f"item {number} is there twice; remove one of them")
    if faults:
        raise ValueError("; ".join(faults))
    return tuple(scopes)


def did_you_mean(word: str, allowed: Collection[str]) -> str:
    """Suggest the one of ``allowed`` that was probably meant, or list them all."""
    close = difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"write one of: {_listed(allowed)}"


def _listed(words: Collection[str]) -> str:
    return ", ".join(sorted(words))


def _is_plain(text: str) -> bool:
    return text.isprintable() and not any(character.isspace() for character in text)
