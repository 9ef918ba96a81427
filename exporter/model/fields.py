"""Read JSON as the exchange really sends it: exact, strict where needed, tolerant of what is new.

Numbers come as strings or as JSON numbers; both become the same ``Decimal``, and no digit ever
passes through a float. Instants come in five notations. Unknown fields are reported, not refused.
What Postgres could not hold is refused here, record by record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from functools import cache
from itertools import takewhile
from types import UnionType
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from exporter.model.errors import BadRecord
from exporter.model.limits import DEEPEST
from exporter.model.window import EPOCH

_UUID = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Uuid = Annotated[str, msgspec.Meta(pattern=rf"\A{_UUID.pattern}\Z")]
"""A UUID in its usual notation (RFC 9562, 4), kept as text; its column is ``uuid``."""

Number = Annotated[str, msgspec.Meta(title="number")]
"""A number, kept as the text that was sent until `money` reads it: that alone tells 1_000, which
Python reads as a number, from 1000. A JSON number is turned into its own text."""

Record = TypeVar("Record", bound=msgspec.Struct)

EXACT = Context(prec=40_000)
"""Never rounds a product or a sum of amounts; the default context keeps only 28 digits."""

_LARGEST_EXPONENT = 300
"""About what a float on /metrics can hold. Within it every product fits into ``numeric``."""
_LONGEST_NUMBER = 7_000
_BIGINT_DIGITS = 19
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:s?nan|inf(?:inity)?)", re.IGNORECASE)
_NUMERIC_BEFORE, _NUMERIC_AFTER = 131_072, 16_383
_LONGEST_QUOTE = 40
_MOST_DIGITS = 30
_SECONDS_BELOW = 10**11
_MILLIS_BELOW = 10**14
_MICROS_BELOW = 10**17
_SECONDS_END = len("2026-01-13T15:16:15")
_MICROS_END = len("2026-01-13T15:16:15.123456")
_DATE_END = len("2026-01-13")
_BEFORE_TIME = ("T", " ", "t", "")


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
        if at.tzinfo is not UTC:
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"not an instant: {quoted(text)}") from error
    if text[_DATE_END : _DATE_END + 1] not in _BEFORE_TIME:
        raise BadRecord(f"not an instant: {quoted(text)}")
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
        raise BadRecord("not an instant: a number beyond the year 9999") from error


def uuid(text: str, field: str) -> str:
    """``text`` in lower case. Raises BadRecord with ``field`` when it is not a UUID.

    For records that come by the million: a pattern on the struct's field takes twice as long.
    """
    if _UUID.fullmatch(text) is None:
        raise BadRecord(f"{field} is not a UUID: {quoted(text)}")
    return text.lower()


def quoted(text: object) -> str:
    """What was sent, as a message may quote it: its beginning, in quotes."""
    return repr(str(text)[:_LONGEST_QUOTE])


def money(text: str, field: str) -> Decimal:
    """A finite number, exact. Raises BadRecord with ``field`` for anything else.

    Its notation is that of JSON (RFC 8259, 6), within quotes or not.
    """
    # Nearly every number is plain digits, which is found out in a third of the pattern's time.
    if (
        text.strip("0123456789.")
        or len(text) > _LARGEST_EXPONENT
        or text[-1:] == "."
        or (text[:1] < "1" and text[:2] != "0.")
    ):
        return _unusual_money(text, field)
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise BadRecord(f"{field} is not a finite number: {quoted(text)}") from error


def _unusual_money(text: str, field: str) -> Decimal:
    try:
        value = Decimal(text) if _NUMBER.fullmatch(text) else Decimal("NaN")
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite():
        raise BadRecord(f"{field} is not a finite number: {quoted(text)}")
    if abs(value.adjusted()) > _LARGEST_EXPONENT or len(text) > _LONGEST_NUMBER:
        raise BadRecord(f"{field} is too large or too long: {quoted(text)}")
    return value


def maybe_money(text: str | None, field: str = "a number") -> Decimal | None:
    """As `money`; None when it is absent, NaN or infinite (an account ratio when flat)."""
    if text is None or _NOT_FINITE.fullmatch(text):
        return None
    return money(text, field)


def fraction(percent: str, field: str) -> Decimal:
    """A number that is sent in percent, as a fraction; exact. Raises BadRecord with ``field``."""
    return money(percent, field).scaleb(-2, EXACT)


def positive(text: str, field: str) -> Decimal:
    """A price or a size: finite and above 0. Raises BadRecord with ``field``.

    The exchange never sends another one; a trade of nothing or for nothing is a broken record.
    """
    value = money(text, field)
    if value <= 0:
        raise BadRecord(f"{field} is not above 0: {quoted(text)}")
    return value


def maybe_positive(text: str | None, field: str = "a number") -> Decimal | None:
    """As `maybe_money`, and None unless it is above 0: the exchange sends 0 for "no price"."""
    value = maybe_money(text, field)
    return value if value is not None and value > 0 else None


def integer(value: str | int, field: str) -> int:
    """A whole number. Raises BadRecord with ``field`` for anything else."""
    if isinstance(value, int):
        return value
    if value.isdigit() and value.isascii() and len(value) <= _BIGINT_DIGITS:
        return int(value)
    number = money(value, field)
    if number != number.to_integral_value():
        raise BadRecord(f"{field} is not a whole number: {quoted(value)}")
    return int(number)


def _number_as_sent(text: str) -> str:
    """A JSON number with a fraction or an exponent, as text. Raises BadRecord beyond ``numeric``.

    PostgreSQL, 8.1.2: up to 131072 digits before the point and 16383 after it; the numbers within
    ``jsonb`` have the same limits.
    """
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except ArithmeticError as error:
        raise BadRecord(f"a number is beyond all limits: {quoted(text)}") from error
    del sign
    assert isinstance(exponent, int)  # noqa: S101  JSON has no NaN
    if exponent < -_NUMERIC_AFTER or len(digits) + exponent > _NUMERIC_BEFORE:
        raise BadRecord(f"a number is beyond what Postgres can hold: {quoted(text)}")
    return text


_exact = msgspec.json.Decoder(float_hook=_number_as_sent)


def decode_exactly(json: bytes | msgspec.Raw) -> Any:
    """Any JSON; a number with a fraction becomes the text that was sent, an integer an int.

    Raises BadRecord when it is not JSON, or holds what ``jsonb`` cannot: a number beyond
    ``numeric``, or values nested deeper than 100, which is also more than anything here expects.
    """
    try:
        value = _exact.decode(json)
    except UnicodeDecodeError as error:
        raise BadRecord(f"not UTF-8: {error.reason}") from error
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"not JSON: {str(error)[:200]}") from error
    if _depth_exceeds(value, DEEPEST):
        raise BadRecord(f"nested deeper than {DEEPEST}")
    return value


def _depth_exceeds(value: Any, limit: int) -> bool:
    """Level by level, since what is nested too deeply must not be followed by recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            item
            for inner in level
            if isinstance(inner, dict | list)
            for item in (inner.values() if isinstance(inner, dict) else inner)
        ]
        if not level:
            return False
    return True


class RecordDecoder(Generic[Record]):
    """Reads one record into ``struct``: fast when it is as documented, tolerant when it is not.

    The struct forbids unknown fields, so that a record with nothing new is read in one pass. When
    that fails, unknown fields are left out and reported, null and empty texts of optional fields
    count as absent, numbers where text is expected become text, and the record is read again. A
    stream declares one as its ``decoder``.
    """

    def __init__(self, struct: type[Record]) -> None:
        self.struct = struct
        # Strict: a JSON number for an int would pass through a float.
        self._decoder = msgspec.json.Decoder(struct)
        # A type that is known only now is one to msgspec, not to a type checker.
        self._list_decoder = msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]
        # Nothing is known of what such a field holds, so it is looked at.
        self._anything = [f for f in msgspec.structs.fields(struct) if f.type is Any]

    def decode(self, json: bytes) -> tuple[Record, tuple[str, ...]]:
        """The record, and the paths of its unknown fields (``fee.rate``). Raises BadRecord."""
        # An empty text stands for an optional field that was not sent.
        # `rfind` takes half the time of `in`.
        if json.rfind(b'""') >= 0:
            return self._decode_tolerantly(json)
        try:
            record = self._decoder.decode(json)
        except (ValueError, RecursionError):
            return self._decode_tolerantly(json)
        return (self._exact(record, json) if self._anything else record), ()

    def decode_all(self, records: Sequence[bytes]) -> list[Record] | None:
        """As `decode` of each, in one pass; None unless all of them are as documented.

        But an empty text is one, also where it stands for a field that was not sent: to look for
        these takes as long as a fourth of this.
        """
        if self._anything:
            return None
        try:
            return self._list_decoder.decode(b"[%b]" % b",".join(records))
        except (ValueError, RecursionError):
            return None

    def _exact(self, record: Record, json: bytes) -> Record:
        """A record whose fields that may hold anything are as sent. Raises BadRecord."""
        sent = decode_exactly(json)
        named = {f.name: sent[f.encode_name] for f in self._anything if f.encode_name in sent}
        return msgspec.structs.replace(record, **named)

    def _decode_tolerantly(self, json: bytes) -> tuple[Record, tuple[str, ...]]:
        unknown: list[str] = []
        mended = _mend(decode_exactly(json), self.struct, "", unknown)
        try:
            return msgspec.convert(mended, self.struct), tuple(unknown)
        except ValueError as error:
            raise BadRecord(str(error)) from error


@cache
def _fields_of(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The fields of a struct, by the names under which they are sent."""
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def _mend(value: Any, wanted: Any, path: str, unknown: list[str]) -> Any:
    """``value`` as type ``wanted`` accepts it; the paths left out are added to ``unknown``."""
    if isinstance(value, dict) and isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        known = _fields_of(wanted)
        unknown.extend(f"{path}{name}" for name in value if name not in known)
        return {
            name: _mend(value[name], field.type, f"{path}{name}.", unknown)
            for name, field in known.items()
            if name in value and (field.required or value[name] not in (None, ""))
        }
    choices = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    takes_text = str in choices or Number in choices
    if isinstance(value, int) and not isinstance(value, bool) and int not in choices:
        return str(value) if takes_text else value
    if isinstance(value, str) and int in choices and not takes_text:
        return integer(value, path.rstrip("."))
    return value
