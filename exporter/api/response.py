"""What an HTTP answer of the exchange means, by its status and its body: one error, or none.

The codes are those of the exchange's documentation and of the CCXT adapter's list. Two kinds of
error body exist: ``{"error": ...}`` of the application, ``{"message": ...}`` of the API gateway
in front of it, which knows no such token. Everything here is pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import NamedTuple

from exporter.api.clock import http_date
from exporter.model.errors import (
    BadRequest,
    ConnectionFailed,
    CursorExpired,
    ExchangeError,
    NotPermitted,
    RateLimited,
    ServerFailed,
    TimedOut,
    TokenRefused,
    UnexpectedPayload,
)

_THROTTLED = frozenset({"RATELIMIT", "CF_RATELIMIT"})
_UNAVAILABLE = frozenset({"SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT", "INTERNAL_ERROR"})
_UNKNOWN_TOKEN = frozenset({
    "INVALID_CREDENTIALS",
    "MISSING_CREDENTIALS",
    "INVALID_APIKEY",
    "APIKEY_REVOKED",
    "APIKEY_EXPIRED",
    "SESSION_EXPIRED",
})  # fmt: skip
_FORBIDDEN = frozenset({
    "MISSING_PERMISSION",
    "INVALID_SCOPES",
    "CLIENT_IP_BLOCKED",
    "INVALID_IP_RESTRICTION",
})  # fmt: skip
_EXCERPT = 200
_LONGEST_ERROR_BODY = 2_000
_JSON_STARTS = (b"{", b"[")
_JSON_ENDS = (b"}", b"]")
_SPACE = b" \t\r\n"


class _Said(NamedTuple):
    """What an error body says: its ``error``, its ``message``, and both as one readable line."""

    error: str
    message: str
    line: str


_NOTHING = _Said("", "", "")


def judge(
    path: str,
    status: int,
    body: bytes,
    *,
    after_s: float | None = None,
    redact: Callable[[str], str] = str,
) -> ExchangeError | None:
    """The error that an answer to a GET of ``path`` stands for; None when it is good JSON.

    ``after_s`` is its ``Retry-After``. ``redact`` takes secrets out of what the exchange says
    before it is quoted: a gateway may echo the request.
    """
    said = _read(body, redact) if status != 200 or _may_be_error(body) else _NOTHING
    told = f"{path}: {status}" + (f": {said.line}" if said.line else "")
    if status == 429 or said.error in _THROTTLED:
        return RateLimited(told, after_s)
    if status >= 500 or said.error in _UNAVAILABLE:
        return ServerFailed(told, after_s)
    if status in (401, 403) or said.error in _UNKNOWN_TOKEN | _FORBIDDEN:
        return _refusal(status, said, told)
    if status == 408:
        return TimedOut(told, after_s)
    if 400 <= status < 500:
        return _disagreement(said, told)
    if status == 200:
        return _payload_fault(told, body, redact)
    return UnexpectedPayload(told)


def retry_after_s(header: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds that a ``Retry-After`` asks for (RFC 9110, 10.2.3), or None when it says nothing.

    ``now`` is the exchange's clock, against which its HTTP dates are to be read.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        at = http_date(header)
        return None if at is None else max(0.0, (at - now()).total_seconds())
    return max(0.0, seconds) if isfinite(seconds) else None


def _refusal(status: int, said: _Said, told: str) -> ExchangeError:
    gateway = status == 403 and bool(said.message) and not said.error
    if status == 401 or gateway or said.error in _UNKNOWN_TOKEN:
        return TokenRefused(told)
    return NotPermitted(told)


def _disagreement(said: _Said, told: str) -> ExchangeError:
    # Covers INVALID_CURSOR and INVALID_PAGE_CURSOR too.
    if "cursor" in f"{said.error} {said.message}".lower():
        return CursorExpired(told, said.error or said.message)
    return BadRequest(told, said.error or said.message)


def _payload_fault(told: str, body: bytes, redact: Callable[[str], str]) -> ExchangeError | None:
    text = body.strip(_SPACE)
    if not text.startswith(_JSON_STARTS):
        return UnexpectedPayload(f"{told}: not JSON: {_excerpt(body, redact)!r}")
    if not text.endswith(_JSON_ENDS):
        # An answer that ends with its connection carries no length: only its text can tell.
        return ConnectionFailed(f"{told}: the answer breaks off after {len(body)} bytes")
    return None


def _may_be_error(body: bytes) -> bool:
    """Whether a 200 may hold an error all the same: good answers are not read twice."""
    return len(body) <= _LONGEST_ERROR_BODY and b'"error"' in body


def _read(body: bytes, redact: Callable[[str], str]) -> _Said:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return _Said("", "", _excerpt(body, redact))
    error, detail, message = (
        _line(redact(value)) if isinstance(value := found.get(name), str) else ""
        for name in ("error", "error_message", "message")
    )
    parts = [part for part in (error, detail, message) if part]
    line = ": ".join(parts) if parts else _excerpt(body, redact)
    return _Said(error, detail or message, line[:_EXCERPT])


def _excerpt(body: bytes, redact: Callable[[str], str]) -> str:
    return _line(redact(body[: 20 * _EXCERPT].decode("utf-8", "replace")))


def _line(text: str) -> str:
    """``text`` on one short line without control characters: it ends up in logs."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_EXCERPT]
