"""Take a response apart: its records, its cursor, and its other members.

One record that is written oddly costs no other: what JSON, UTF-8 or Postgres cannot hold is found
in the response's own bytes (`mending`), and left to the record that it stands in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import repeat
from typing import Any, NamedTuple

import msgspec

from exporter.model.errors import BadRecord, UnexpectedPayload
from exporter.model.fields import decode_exactly, maybe_money, quoted
from exporter.model.limits import MOST_RECORDS
from exporter.model.mending import LARGEST_MENDED, SHOWN, mend
from exporter.model.tuples import named

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_NEEDLE = 64
_LONGEST_CURSOR = 4_000
"""In characters; a longer one does not fit into the URL that most servers accept."""


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
    except (ValueError, RecursionError) as error:
        raise UnexpectedPayload(f"expected a JSON object: {error}: {start_of(body)}") from error


def members_of_any(body: bytes) -> dict[str, msgspec.Raw]:
    """As `members`, of a response of which a record may be odd."""
    try:
        return members(body)
    except UnexpectedPayload:
        if len(body) > LARGEST_MENDED:
            raise
        mended, faults = mend(body)
        if not faults:
            raise
        return members(mended)


def items(body: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The items of a JSON array, not decoded. Raises UnexpectedPayload."""
    try:
        found = _items.decode(body)
    except (ValueError, RecursionError) as error:
        start = start_of(bytes(body))
        raise UnexpectedPayload(f"expected a JSON array: {error}: {start}") from error
    if len(found) > MOST_RECORDS:
        raise UnexpectedPayload(f"more than {MOST_RECORDS} records in one list")
    return found


def text_member(header: Mapping[str, msgspec.Raw], name: str) -> str | None:
    """A member of a response as text, or None when it is absent, null or empty.

    A number is its text as sent. Raises UnexpectedPayload for anything else, and for a text with
    characters that no text of ours may have.
    """
    value = _scalar(header, name)
    if value is None or value == "":
        return None
    if len(value) > _LONGEST_CURSOR or not value.isprintable() or not SHOWN.isdisjoint(value):
        raise UnexpectedPayload(f"{name} is not a usable text: {quoted(value)}")
    return value


def decimal_member(header: Mapping[str, msgspec.Raw], name: str) -> Decimal | None:
    """A member of a response as a finite Decimal, or None. Raises UnexpectedPayload."""
    try:
        return maybe_money(_scalar(header, name) or None, name)
    except BadRecord as error:
        raise UnexpectedPayload(str(error)) from error


def _scalar(header: Mapping[str, msgspec.Raw], name: str) -> str | None:
    raw = header.get(name)
    value = None if raw is None else _decoded(raw, name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnexpectedPayload(f"{name} is neither a text nor a number: {quoted(value)}")
    return str(value)


def check_header(header: Mapping[str, msgspec.Raw]) -> None:
    """Raises UnexpectedPayload when a member cannot be read, or Postgres could not hold it."""
    for name, raw in header.items():
        _decoded(raw, name)


def _decoded(raw: msgspec.Raw, name: str) -> Any:
    try:
        return decode_exactly(raw)
    except BadRecord as error:
        raise UnexpectedPayload(f"{quoted(name)}: {error}") from error


def _records(body: bytes | msgspec.Raw) -> list[RawRecord]:
    return named(RawRecord, zip(map(bytes, items(body)), repeat("")))


def holds_nothing(body: bytes) -> bool:
    """Whether a response is ``{}`` or ``[]``, or an object of nulls beside its ``account_id``."""
    try:
        if body.lstrip()[:1] == b"[":
            return not _items.decode(body)
        sent = _members.decode(body)
    except (ValueError, RecursionError):
        return False
    return all(bytes(raw) == b"null" for name, raw in sent.items() if name != "account_id")


def bare_list(body: bytes) -> Envelope:
    """The response is an array of records."""
    return Envelope(_records(body))


def single(*documented: str) -> Callable[[bytes], Envelope]:
    """The response is one record; its members are the header too, for its ``account_id``.

    Without its ``documented`` members it is something else, such as the ``{}`` of an account that
    has none of this: UnexpectedPayload.
    """

    def unwrap(body: bytes) -> Envelope:
        header = members(body)
        _require(header, documented, body)
        refuse_repeated(body)
        return Envelope([RawRecord(body)], None, header)

    return unwrap


def listed(name: str, *, also_bare: bool = False) -> Callable[[bytes], Envelope]:
    """The response is an object that holds the array of records as member ``name``.

    A missing member, or null, raises UnexpectedPayload: it is not the same as an empty list.
    ``also_bare``: a bare array is documented, or was seen, as well.
    """

    def unwrap(body: bytes) -> Envelope:
        if also_bare and body.lstrip()[:1] == b"[":
            return bare_list(body)
        header = members(body)
        records = _records(taken(header, name, body))
        return Envelope(records, text_member(header, "cursor"), header)

    return unwrap


def taken(header: dict[str, msgspec.Raw], name: str, body: bytes) -> msgspec.Raw:
    """Take the documented member ``name`` out of the members of ``body``.

    Raises UnexpectedPayload when it is missing or null, or when a member stands there twice: JSON
    does not say which of the two counts (RFC 8259, 4), and the rows of one would be lost.
    """
    _require(header, (name,), body)
    value = header.pop(name)
    refuse_repeated(_without(body, bytes(value)))
    return value


def _without(body: bytes, value: bytes) -> bytes:
    """``body`` with 0 in place of its records, so that it is short; all of it, if it is odd."""
    # A long needle would take long to be prepared for.
    start = body.find(value[:_NEEDLE])
    end = start + len(value)
    return body[:start] + b"0" + body[end:] if body[start:end] == value else body


def refuse_repeated(body: bytes) -> None:
    """Raises UnexpectedPayload when the object ``body`` has a member twice. Slow."""
    names: list[str] = []

    def note(pairs: Sequence[tuple[str, Any]]) -> None:
        names[:] = [name for name, _ in pairs]  # of the outermost object, which ends last

    try:
        # Numbers stay text: Python limits how many digits it converts.
        json.loads(body, object_pairs_hook=note, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise UnexpectedPayload(f"expected a JSON object: {error}: {start_of(body)}") from error
    if len(set(names)) < len(names):
        name, _ = Counter(names).most_common(1)[0]
        raise UnexpectedPayload(f"{quoted(name)} stands twice in the response: {start_of(body)}")


def _require(header: Mapping[str, msgspec.Raw], names: Sequence[str], body: bytes) -> None:
    for name in names:
        if name not in header or bytes(header[name]) == b"null":
            raise UnexpectedPayload(f"no {name!r} in the response: {start_of(body)}")


def start_of(body: bytes) -> str:
    """The beginning of a response, for a message."""
    text = body[:60].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)
