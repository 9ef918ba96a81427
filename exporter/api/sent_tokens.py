"""The tokens of an account, taken out of everything that the exchange sends.

A gateway may echo the request in an error, and an exchange may echo the token in a good response:
it would be kept in tables, shown by ``status`` and logged. So it is replaced in the bytes of each
response before anything else sees them.
"""

from __future__ import annotations

import re
import threading
from functools import cached_property
from urllib.parse import quote

SHOWN = "[token]"
_REMEMBERED = 3
"""Tokens: the one in use, and the ones before it, which a slow exchange may still echo."""
_SHORTEST = 6
"""In characters. Even shorter texts are no secrets, and would be found in any response."""
_UNMISTAKABLE = 20
"""A text of so many characters is the token wherever it stands; a shorter one, only by itself."""


class SentTokens:
    """The tokens that were sent lately. Thread-safe. Shows none of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: tuple[_Token, ...] = ()

    def note(self, token: str) -> None:
        """Remember a token that is about to be sent."""
        tokens = self._tokens
        if token and (not tokens or not tokens[0].equals(token)):
            with self._lock:
                others = [other for other in self._tokens if not other.equals(token)]
                self._tokens = (_Token(token), *others)[:_REMEMBERED]

    def redact(self, text: str) -> str:
        """``text`` without the tokens."""
        for token in self._tokens:
            text = token.redact(text)
        return text

    def hide(self, body: bytes) -> bytes:
        """The body of a response without the tokens, in whatever notation of JSON or of a URL."""
        for token in self._tokens:
            body = token.hide(body)
        return body


class _Token:
    """One token. Holds it where no traceback and no ``repr`` shows it."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._encoded = token.encode()

    def equals(self, token: str) -> bool:
        """Whether it is this one."""
        return self._token == token

    def redact(self, text: str) -> str:
        """``text`` without it."""
        return text.replace(self._token, SHOWN).replace(quote(self._token, safe=""), SHOWN)

    def hide(self, body: bytes) -> bytes:
        """``body`` without it."""
        if len(self._token) < _SHORTEST:
            return body
        # Next to no response holds it, and few an escape: the pattern is slow.
        if self._encoded in body or b"\\" in body or b"%" in body:
            return self._pattern.sub(SHOWN.encode(), body)
        return body

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        token = b"".join(_any_notation(character) for character in self._token)
        if len(self._token) < _UNMISTAKABLE:
            token = rb"(?<![0-9A-Za-z])" + token + rb"(?![0-9A-Za-z])"
        return re.compile(token)


def _any_notation(character: str) -> bytes:
    """A pattern for a character as it is, as JSON may escape it, and as a URL may."""
    code = ord(character)
    hexadecimal = "".join(f"[{digit}{digit.upper()}]" for digit in f"{code:02x}")
    itself = re.escape(character)
    short = rf"|\\{itself}" if character in '"\\/' else ""
    return rf"(?:{itself}{short}|\\u00{hexadecimal}|%{hexadecimal})".encode()
