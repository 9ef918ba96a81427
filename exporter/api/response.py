"""What a response of the exchange means, by its status and its body: one error, or none. Pure.

The codes are those of the exchange's documentation and of the CCXT adapter's list. Two kinds of
error body exist: ``{"error": ...}`` of the application, and ``{"message": ...}`` of the API gateway
in front of it, which refuses unknown tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
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
from exporter.model.limits import MOST_VALUES
from exporter.model.window import EPOCH

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


class _ErrorBody(NamedTuple):
    """An error body: its ``error``, its ``message``, and both as one readable line."""

    error: str
    message: str
    line: str


_NO_ERROR = _ErrorBody("", "", "")


def error_of(
    path: str,
    status: int,
    body: bytes,
    *,
    after_s: float | None = None,
    redact: Callable[[str], str] = str,
) -> ExchangeError | None:
    """The error that a response to a GET of ``path`` stands for; None when it is good JSON.

    ``after_s`` is its ``Retry-After``. ``redact`` removes secrets from what the exchange sent
    before it is quoted: a gateway may echo the request.
    """
    sent = _read(body, redact) if status != 200 or _may_be_error(body) else _NO_ERROR
    error = _meaning(path, status, sent, body, after_s, redact)
    if error is not None:
        error.status, error.code = status, sent.error or sent.message
    return error


def _meaning(
    path: str,
    status: int,
    sent: _ErrorBody,
    body: bytes,
    after_s: float | None,
    redact: Callable[[str], str],
) -> ExchangeError | None:
    message = f"{path}: {status}" + (f": {sent.line}" if sent.line else "")
    if status == 429 or sent.error in _THROTTLED:
        return RateLimited(message, after_s)
    if status >= 500 or sent.error in _UNAVAILABLE:
        return ServerFailed(message, after_s)
    if status in (401, 403) or sent.error in _UNKNOWN_TOKEN | _FORBIDDEN:
        return _refusal(status, sent, message)
    if status == 408:
        return TimedOut(message, after_s)
    if 400 <= status < 500:
        return _bad_request(sent, message)
    if status == 200:
        return _payload_error(message, body, redact)
    return UnexpectedPayload(message)


def stated_time(body: bytes) -> datetime:
    """The instant that a response to ``GET time`` states, aware UTC. Raises UnexpectedPayload."""
    try:
        return EPOCH + timedelta(milliseconds=json.loads(body)["epoch_millis"])
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise UnexpectedPayload(f"time: no usable epoch_millis: {error}") from error


def understood_by_status(status: int) -> bool:
    """Whether the status alone says what to do next, so that a body that breaks off suffices."""
    return status in (408, 429) or status >= 500


def retry_after_s(header: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds that a ``Retry-After`` asks for (RFC 9110, 10.2.3), or None when it names none.

    ``now`` is the clock that wrote the response, which its HTTP dates refer to.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        at = http_date(header)
        return None if at is None else max(0.0, (at - now()).total_seconds())
    return max(0.0, seconds) if isfinite(seconds) else None


def _refusal(status: int, sent: _ErrorBody, message: str) -> ExchangeError:
    gateway = status == 403 and bool(sent.message) and not sent.error
    if status == 401 or gateway or sent.error in _UNKNOWN_TOKEN:
        return TokenRefused(message)
    return NotPermitted(message)


def _bad_request(sent: _ErrorBody, message: str) -> ExchangeError:
    # Covers INVALID_CURSOR and INVALID_PAGE_CURSOR too.
    if "cursor" in f"{sent.error} {sent.message}".lower():
        return CursorExpired(message, sent.error or sent.message)
    return BadRequest(message, sent.error or sent.message)


def _payload_error(message: str, body: bytes, redact: Callable[[str], str]) -> ExchangeError | None:
    text = body.strip(_SPACE)
    if not text.startswith(_JSON_STARTS):
        return UnexpectedPayload(f"{message}: not JSON: {_excerpt(body, redact)!r}")
    if not text.endswith(_JSON_ENDS):
        # A body that ends with its connection has no length: only its text shows that it was cut.
        return ConnectionFailed(f"{message}: the response was cut off after {len(body)} bytes")
    if body.count(b",") >= MOST_VALUES:
        return UnexpectedPayload(f"{message}: more than {MOST_VALUES} values")
    return None


def _may_be_error(body: bytes) -> bool:
    """Whether a 200 may hold an error all the same: good responses are not read twice."""
    return len(body) <= _LONGEST_ERROR_BODY and b'"error"' in body


def _read(body: bytes, redact: Callable[[str], str]) -> _ErrorBody:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        return _ErrorBody("", "", _excerpt(body, redact))
    error, detail, message = (
        _line(redact(value)) if isinstance(value := members.get(name), str) else ""
        for name in ("error", "error_message", "message")
    )
    parts = [part for part in (error, detail, message) if part]
    line = ": ".join(parts) if parts else _excerpt(body, redact)
    return _ErrorBody(error, detail or message, line[:_EXCERPT])


def _excerpt(body: bytes, redact: Callable[[str], str]) -> str:
    return _line(redact(body[: 20 * _EXCERPT].decode("utf-8", "replace")))


def _line(text: str) -> str:
    """``text`` on one short line without control characters: it ends up in logs."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_EXCERPT]
