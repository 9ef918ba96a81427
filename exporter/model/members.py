"""Read single members of a record that as a whole cannot be read, for its key and its time.

A record is rejected for one bad member. What identifies it can mostly be read all the same, and
tells later whether the record arrived after all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from exporter.model.errors import BadRecord
from exporter.model.fields import instant, money, uuid
from exporter.model.mending import SHOWN

_lenient = msgspec.json.Decoder(float_hook=str)
Converter = Callable[[Any], Any]


class Member(NamedTuple):
    """Where a column's value stands in a record."""

    paths: tuple[str, ...]
    """``trade.time_nanos``: of these, the first that is neither absent, null nor empty counts."""
    then: Converter | None = None
    """What is made of the value, once it is of the column's type."""
    read: Converter | None = None
    """Makes the value of the whole record, where no single member holds it; None: it cannot."""


def decoded(json: bytes) -> Any:
    """A record as Python objects, or None when it is not JSON."""
    try:
        return _lenient.decode(json.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def value_of(record: Any, member: Member, kind: str, default: str = "") -> Any:
    """The value of a column of the Postgres type ``kind``; None when it cannot be read.

    ``default`` counts where the record does not hold the value itself.
    """
    sent = [_at(record, path) for path in member.paths]
    sent += [member.read(record)] if member.read else []
    found = next((v for v in sent if v or (v == 0 and kind == "numeric")), default)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    try:
        value = _CONVERTERS[kind](found)
        return member.then(value) if member.then else value
    except (BadRecord, ArithmeticError, ValueError):
        return None


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _text(value: str | int) -> str:
    text = str(value)
    if not text or "\0" in text or not SHOWN.isdisjoint(text):
        raise BadRecord("no text that could be stored")
    return text


def _instant(value: str | int) -> datetime:
    return instant(value).at


def _uuid(value: str | int) -> str:
    return uuid(str(value), "")


def _number(value: str | int) -> Decimal:
    return money(str(value), "")


_CONVERTERS: Mapping[str, Converter] = {
    "text": _text,
    "uuid": _uuid,
    "timestamptz": _instant,
    "numeric": _number,
}
"""By the type of the column; a key column of another type needs a line here."""
