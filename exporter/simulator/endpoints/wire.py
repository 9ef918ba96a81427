"""What a response body is made of: JSON as the exchange writes it, and its errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    """Write JSON. A Decimal becomes a JSON number with all its digits."""
    return _ENCODER.encode(value)


class ErrorResponse(Exception):
    """A response in place of what was requested, with the exchange's own body."""

    def __init__(self, status: int, body: Mapping[str, Any] | list[Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def bad_request(code: str, message: str = "") -> ErrorResponse:
    """Return a 400 with an error code, and with a message if there is one."""
    body = {"error": code}
    return ErrorResponse(400, body | {"error_message": message} if message else body)
