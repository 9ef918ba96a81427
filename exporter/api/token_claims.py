"""What a token says of itself: when it expires, and what it may do.

Tokens of the exchange look like a JWT (RFC 7519), which nobody documents. So it is read, nothing of
it is verified, and whatever is not as expected only means that the token says nothing. Nothing that
stands in a token leaves this module but what `TokenClaims` holds.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.model.window import EPOCH

_LONGEST = 16 * 1024
_EXPIRY = "exp"
_SCOPES = ("scope", "scopes", "permissions")
"""No token was ever seen from the inside: these are what issuers of tokens commonly use."""
_RIGHTS = {
    "trade": frozenset({"trade", "trading"}),
    "withdraw": frozenset({"withdraw", "withdrawal", "withdrawals"}),
}
"""Rights beyond reading, and the words of a scope that give them."""
_WORD = re.compile(r"[a-z]+")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says of itself. None: it does not say."""

    expires_at: datetime | None = None
    """Aware UTC."""
    rights: tuple[str, ...] | None = None
    """What it may do beside reading: ``trade`` and ``withdraw``, or nothing."""


NOTHING = TokenClaims()


def claims_of(token: str | None) -> TokenClaims:
    """The claims of a token that is a JWT, of any other nothing. Raises nothing."""
    payload = _payload(token or "")
    return TokenClaims(_expiry(payload.get(_EXPIRY)), _rights(payload))


def _payload(token: str) -> dict[str, object]:
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _LONGEST or not _BASE64URL.fullmatch(parts[1]):
        return {}
    encoded = parts[1].rstrip("=")
    try:
        decoded = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        payload = json.loads(decoded.decode())
    # ValueError: not UTF-8, not JSON, or a number of too many digits. RecursionError: too deep.
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _expiry(claim: object) -> datetime | None:
    """A NumericDate (RFC 7519, 2): seconds since the epoch."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    try:
        at = EPOCH + timedelta(seconds=claim)
    except (OverflowError, ValueError):  # ValueError: NaN
        return None
    return at if at > EPOCH else None


def _rights(payload: dict[str, object]) -> tuple[str, ...] | None:
    claimed = [payload[name] for name in _SCOPES if name in payload]
    if not any(isinstance(claim, str | list) for claim in claimed):
        return None
    scopes = [scope for claim in claimed for scope in _scopes(claim)]
    return tuple(right for right, words in _RIGHTS.items() if any(words & s for s in scopes))


def _scopes(claim: object) -> Iterator[frozenset[str]]:
    """The words of each scope that gives more than reading: `trade` does, `read:trade` not."""
    texts = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    for text in texts:
        if isinstance(text, str):
            for scope in text.split(","):
                words = frozenset(_WORD.findall(scope.lower()))
                if "read" not in words:
                    yield words
