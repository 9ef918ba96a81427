"""What an answer is made of: JSON as the exchange writes it, refusals, cursors."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

_MILLI = 1_000_000
_FED = 500  # added to the rank of a cursor whose page came back empty
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    """Write JSON. A Decimal becomes a JSON number with all its digits."""
    return _ENCODER.encode(value)


class Refusal(Exception):
    """An answer other than 200, with the exchange's own body."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = dict(body)


def bad_request(code: str, message: str = "") -> Refusal:
    """Return a 400 with the error code, and a sentence when there is one."""
    body = {"error": code}
    return Refusal(400, body | {"error_message": message} if message else body)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk goes on: below row `row`; `fed` when the page before this one was empty."""

    row: int
    fed: bool = False


class JsonCursor:
    """An opaque cursor: unpadded base64url of a JSON object, bound to the filters of its walk."""

    def __init__(self, filters: str) -> None:
        self._filters = filters

    def write(self, place: Place, instant: int) -> str:
        """Return the cursor of a place in the walk."""
        body = {"epoch": str(instant), "cqo": str(place.row), "f": self._filters, "e": place.fed}
        return base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()

    def read(self, text: str) -> Place:
        """Return the place of a cursor. Raises Refusal (400) for one that we did not write."""
        try:
            body = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if body["f"] == self._filters:
                return Place(int(body["cqo"]), bool(body["e"]))
        except (binascii.Error, KeyError, TypeError, ValueError):
            pass
        raise bad_request("INVALID_CURSOR")


class MicrosCursor:
    """A cursor that reads as a microsecond epoch, as the exchange's funding payments have it.

    A timestamp alone would lose or repeat rows of one instant at the edge of a page: the last three
    digits number the rows of one millisecond instead.
    """

    def __init__(self, instants: Sequence[int]) -> None:
        self._instants = instants

    def write(self, place: Place) -> str:
        """Return the cursor of a place in the walk: 16 digits."""
        if place.row >= len(self._instants):
            return f"{self._instants[-1] // _MILLI + 1}{_FED * place.fed:03}"
        millis = self._instants[place.row] // _MILLI
        rank = place.row - bisect_left(self._instants, millis * _MILLI)
        return f"{millis}{rank + _FED * place.fed:03}"

    def read(self, text: str) -> Place:
        """Return the place of a cursor. Raises Refusal (400) for one of another form."""
        if not (text.isascii() and text.isdigit() and len(text) == 16):
            raise bad_request("INVALID_CURSOR")
        millis, rank = divmod(int(text), 1_000)
        fed, rank = divmod(rank, _FED)
        return Place(bisect_left(self._instants, millis * _MILLI) + rank, bool(fed))
