"""Take an answer apart: its records, its cursor, and what it says beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.errors import UnexpectedPayload
from exporter.model.fields import maybe_money

_exact = msgspec.json.Decoder(float_hook=Decimal)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


class RawRecord(NamedTuple):
    """One record as sent: its JSON text, and what its place in the answer says (an instrument)."""

    json: bytes
    tag: str = ""


class Envelope(NamedTuple):
    """An answer taken apart: its records in the order sent, where it goes on, and the rest."""

    records: list[RawRecord]
    cursor: str | None = None
    header: Mapping[str, msgspec.Raw] = {}


def members(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, values unread. Raises UnexpectedPayload."""
    try:
        return _members.decode(body)
    except msgspec.MsgspecError as error:
        raise UnexpectedPayload(f"expected a JSON object: {error}: {_start(body)}") from error


def items(body: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The items of a JSON array, unread. Raises UnexpectedPayload."""
    try:
        return _items.decode(body)
    except msgspec.MsgspecError as error:
        start = _start(bytes(body))
        raise UnexpectedPayload(f"expected a JSON array: {error}: {start}") from error


def text_member(header: Mapping[str, msgspec.Raw], name: str) -> str | None:
    """A member of an answer as text, or None when it is absent, null or empty."""
    raw = header.get(name)
    value = None if raw is None else _exact.decode(raw)
    return None if value is None or value == "" else str(value)


def decimal_member(header: Mapping[str, msgspec.Raw], name: str) -> Decimal | None:
    """A member of an answer as a finite Decimal, or None. Raises UnexpectedPayload."""
    text = text_member(header, name)
    try:
        return None if text is None else maybe_money(Decimal(text))
    except ArithmeticError as error:
        raise UnexpectedPayload(f"{name} is not a number: {text!r}") from error


def _records(body: bytes | msgspec.Raw) -> list[RawRecord]:
    return list(map(RawRecord, map(bytes, items(body))))


def bare_list(body: bytes) -> Envelope:
    """The answer is an array of records."""
    return Envelope(_records(body))


def single(body: bytes) -> Envelope:
    """The answer is one record; what it says of its account is told as header."""
    header = members(body)
    return Envelope([RawRecord(body)], None, header)


def listed(name: str) -> Callable[[bytes], Envelope]:
    """The answer is an object that holds the array of records as member ``name``.

    A bare array is accepted too: the exchange documents one and sends the other. A missing member
    is an UnexpectedPayload: no answer is not an empty answer.
    """

    def unwrap(body: bytes) -> Envelope:
        if body.lstrip()[:1] == b"[":
            return bare_list(body)
        header = members(body)
        if name not in header:
            raise UnexpectedPayload(f"no {name!r} in the answer: {_start(body)}")
        records = _records(header.pop(name))
        return Envelope(records, text_member(header, "cursor"), header)

    return unwrap


def _start(body: bytes) -> str:
    return repr(body[:60])
