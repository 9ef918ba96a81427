"""Take a response apart: its records, its cursor, and its other members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.errors import UnexpectedPayload
from exporter.model.fields import exact_json, maybe_money

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


class RawRecord(NamedTuple):
    """One record as sent, not decoded yet."""

    json: bytes
    """Its JSON text, byte for byte."""
    tag: str = ""
    """What its place in the response adds: the instrument code that its list is under, else ''."""


class Envelope(NamedTuple):
    """A response taken apart, nothing of it decoded yet."""

    records: list[RawRecord]
    """In the order sent."""
    cursor: str | None = None
    """Opaque text that requests the next page; None on the last."""
    header: Mapping[str, msgspec.Raw] = {}
    """The other members of the response's object: ``account_id``, an equity, ..."""


def members(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, values not decoded. Raises UnexpectedPayload."""
    try:
        return _members.decode(body)
    except msgspec.MsgspecError as error:
        raise UnexpectedPayload(f"expected a JSON object: {error}: {_start(body)}") from error


def items(body: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The items of a JSON array, not decoded. Raises UnexpectedPayload."""
    try:
        return _items.decode(body)
    except msgspec.MsgspecError as error:
        start = _start(bytes(body))
        raise UnexpectedPayload(f"expected a JSON array: {error}: {start}") from error


def text_member(header: Mapping[str, msgspec.Raw], name: str) -> str | None:
    """A member of a response as text, or None when it is absent, null or empty."""
    raw = header.get(name)
    value = None if raw is None else exact_json.decode(raw)
    return None if value is None or value == "" else str(value)


def decimal_member(header: Mapping[str, msgspec.Raw], name: str) -> Decimal | None:
    """A member of a response as a finite Decimal, or None. Raises UnexpectedPayload."""
    text = text_member(header, name)
    try:
        return None if text is None else maybe_money(Decimal(text))
    except ArithmeticError as error:
        raise UnexpectedPayload(f"{name} is not a number: {text!r}") from error


def _records(body: bytes | msgspec.Raw) -> list[RawRecord]:
    return list(map(RawRecord, map(bytes, items(body))))


def holds_nothing(body: bytes) -> bool:
    """Whether a response is ``{}`` or ``[]``, or an object of nulls beside its ``account_id``."""
    try:
        if body.lstrip()[:1] == b"[":
            return not _items.decode(body)
        sent = _members.decode(body)
    except msgspec.MsgspecError:
        return False
    return all(bytes(raw) == b"null" for name, raw in sent.items() if name != "account_id")


def bare_list(body: bytes) -> Envelope:
    """The response is an array of records."""
    return Envelope(_records(body))


def single(body: bytes) -> Envelope:
    """The response is one record; its members are the header too, for its ``account_id``."""
    header = members(body)
    return Envelope([RawRecord(body)], None, header)


def listed(name: str) -> Callable[[bytes], Envelope]:
    """The response is an object that holds the array of records as member ``name``.

    A bare array is accepted too: the exchange documents one and sends the other. A missing member
    raises UnexpectedPayload: it is not the same as an empty list.
    """

    def unwrap(body: bytes) -> Envelope:
        if body.lstrip()[:1] == b"[":
            return bare_list(body)
        header = members(body)
        if name not in header:
            raise UnexpectedPayload(f"no {name!r} in the response: {_start(body)}")
        records = _records(header.pop(name))
        return Envelope(records, text_member(header, "cursor"), header)

    return unwrap


def _start(body: bytes) -> str:
    return repr(body[:60])
