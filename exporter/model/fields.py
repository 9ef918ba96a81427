"""Read JSON as the exchange really sends it: exact, strict where needed, tolerant of what is new.

Numbers come as strings or as JSON numbers; both become the same ``Decimal``, and no digit ever
passes through a float. Instants come in five notations. Unknown fields are reported, not refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from itertools import takewhile
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, get_args

import msgspec

from exporter.model.errors import BadRecord
from exporter.model.window import EPOCH

_UUID = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Uuid = Annotated[str, msgspec.Meta(pattern=rf"\A{_UUID.pattern}\Z")]
"""A UUID in its usual notation (RFC 9562, 4), kept as text; its column is ``uuid``."""

Record = TypeVar("Record", bound=msgspec.Struct)

EXACT = Context(prec=40_000)
"""Never rounds a product or a sum of amounts; the default context keeps only 28 digits."""

_LARGEST_EXPONENT = 1_000
_MOST_DIGITS = 30
_SECONDS_BELOW = 10**11
_MILLIS_BELOW = 10**14
_MICROS_BELOW = 10**17
_SECONDS_END = len("2026-01-13T15:16:15")
_MICROS_END = len("2026-01-13T15:16:15.123456")
exact_json = msgspec.json.Decoder(float_hook=Decimal)
"""Decodes any JSON; a number with a fraction becomes a Decimal, an integer an int."""


class Instant(NamedTuple):
    """A point in time: ``at``, UTC, floored to the microsecond; ``nanos`` since 1970, exact."""

    at: datetime
    nanos: int


def instant(value: str | int) -> Instant:
    """Read an instant: ISO 8601 with up to nanoseconds, or seconds, ms, us or ns since 1970.

    The unit of a number follows from its size. Digits below the microsecond are cut off ``at``,
    never rounded: 23:59:59.9999995 stays in its day. A text without an offset is UTC: the exchange
    sends nothing else. Raises BadRecord.
    """
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
            return _iso(value)
        value = int(value)
    return _epoch(value)


def _iso(text: str) -> Instant:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRecord(f"not an instant: {text[:40]!r}") from error
    if at.tzinfo is not UTC:
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    since = at - EPOCH
    nanos = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    if text[_SECONDS_END : _SECONDS_END + 1] == ".":
        finer = text[_MICROS_END : _MICROS_END + 3]
        if not finer.isdigit():  # fewer than nine digits, and perhaps the zone
            finer = "".join(takewhile(str.isdigit, finer))
        nanos += int(finer.ljust(3, "0"))
    return Instant(at, nanos)


def _epoch(number: int) -> Instant:
    if number < _SECONDS_BELOW:
        nanos = number * 10**9
    elif number < _MILLIS_BELOW:
        nanos = number * 10**6
    elif number < _MICROS_BELOW:
        nanos = number * 10**3
    else:
        nanos = number
    try:
        return Instant(EPOCH + timedelta(microseconds=nanos // 1_000), nanos)
    except OverflowError as error:
        raise BadRecord(f"not an instant: {number}") from error


def uuid(text: str, field: str) -> str:
    """``text`` in lower case. Raises BadRecord with ``field`` when it is not a UUID.

    For records that come by the million: a pattern on the struct's field takes twice as long.
    """
    if _UUID.fullmatch(text) is None:
        raise BadRecord(f"{field} is not a UUID: {text[:40]!r}")
    return text.lower()


def money(value: Decimal, field: str) -> Decimal:
    """``value`` unless it is NaN, infinite or absurdly large. Raises BadRecord with ``field``."""
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise BadRecord(f"{field} is not a finite number: {value}")
    return value


def positive(value: Decimal, field: str) -> Decimal:
    """``value`` when it is a price or a size: finite and above 0. Raises BadRecord with ``field``.

    The exchange never sends another one; a trade of nothing or for nothing is a broken record.
    """
    if money(value, field) <= 0:
        raise BadRecord(f"{field} is not above 0: {value}")
    return value


def maybe_money(value: Decimal | None) -> Decimal | None:
    """``value``, or None when it is absent or not finite (an account ratio when flat)."""
    if value is None or not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        return None
    return value


def maybe_positive(value: Decimal | None) -> Decimal | None:
    """As `maybe_money`, and None unless it is above 0: the exchange sends 0 for "no price"."""
    value = maybe_money(value)
    return value if value is not None and value > 0 else None


class RecordDecoder(Generic[Record]):
    """Reads one record into ``struct``: fast when it is as documented, tolerant when it is not.

    The struct forbids unknown fields, so that a record with nothing new is read in one pass. When
    that fails, unknown fields are left out and reported, empty texts of optional fields become
    None, numbers where text is expected become text, and the record is read again. A stream
    declares one as its ``decoder``.
    """

    def __init__(self, struct: type[Record]) -> None:
        self.struct = struct
        self._decoder = msgspec.json.Decoder(struct, strict=False)

    def decode(self, json: bytes) -> tuple[Record, tuple[str, ...]]:
        """The record, and the paths of its unknown fields (``fee.rate``). Raises BadRecord."""
        if b'""' in json:  # an empty text stands for an optional field that was not sent
            return self._decode_tolerantly(json)
        try:
            return self._decoder.decode(json), ()
        except (msgspec.ValidationError, msgspec.DecodeError):
            return self._decode_tolerantly(json)

    def _decode_tolerantly(self, json: bytes) -> tuple[Record, tuple[str, ...]]:
        unknown: list[str] = []
        try:
            mended = _mend(exact_json.decode(json), self.struct, "", unknown)
            return msgspec.convert(mended, self.struct, strict=False), tuple(unknown)
        except msgspec.MsgspecError as error:
            raise BadRecord(str(error)) from error


def _mend(value: Any, wanted: Any, path: str, unknown: list[str]) -> Any:
    """``value`` as type ``wanted`` accepts it; the paths left out are added to ``unknown``."""
    if isinstance(value, dict) and isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        known = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
        unknown.extend(f"{path}{name}" for name in value if name not in known)
        return {
            name: _mend(value[name], field.type, f"{path}{name}.", unknown)
            for name, field in known.items()
            if name in value
        }
    if value == "" and type(None) in get_args(wanted):
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and _takes_text(wanted):
        return str(value)
    return value


def _takes_text(wanted: Any) -> bool:
    choices = get_args(wanted) or (wanted,)
    return str in choices and not any(kind in choices for kind in (int, Decimal))
