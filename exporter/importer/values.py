"""How one cell of an imported file is read.

Each function takes the text without spaces around it, never empty, and returns the value. It raises
ValueError with what is wrong and what to write instead, for a sentence that begins with the text.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE](?P<exponent>[+-]?[0-9]+))?")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:[0-9]{1,3}(?:[. '\u00a0\u202f][0-9]{3})+|[0-9]+),[0-9]+")
_THOUSANDS = re.compile(
    r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?"
    r"|[+-]?[0-9]{1,3}(?:[ '_\u2019\u00a0\u202f][0-9]{3})+(?:[.,][0-9]+)?"
    r"|[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}"
    r"(?P<seconds>:[0-9]{2}(?:\.(?P<fraction>[0-9]+))?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_CODE = re.compile(r"[A-Z0-9]{1,20}")
_MOST_DIGITS = 100
_LOWEST_EXPONENT = -40


def number(text: str) -> Decimal:
    """Read a decimal exactly as it is written. A spreadsheet's 1E-08 is one; its 1.2E+11 is not."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(_why_no_number(text))
    exponent = int(match["exponent"] or 0) if len(match["exponent"] or "") < 6 else 1
    if exponent > 0 or exponent < _LOWEST_EXPONENT:
        raise ValueError(
            "has an exponent, behind which digits may have been lost; write the number out"
        )
    value = Decimal(text)
    if len(value.as_tuple().digits) > _MOST_DIGITS:
        raise ValueError(f"has more than {_MOST_DIGITS} digits; correct it")
    return value


def _why_no_number(text: str) -> str:
    # `1,234` may be either, and one of the two readings is wrong by a factor of a thousand.
    if re.fullmatch(r"[+-]?[0-9]{1,3},[0-9]{3}", text):
        return (
            "contains a comma, a thousands separator or a decimal comma; write decimals with a"
            " point, and no separators, such as 1234.5"
        )
    if _THOUSANDS.fullmatch(text):
        return "contains a thousands separator; write the number without, such as 1234567.5"
    if _DECIMAL_COMMA.fullmatch(text):
        return "has a decimal comma; write a decimal point, such as 1234.5"
    return "is not a number; write digits with a decimal point, such as -1234.5"


def positive(text: str) -> Decimal:
    """Read a number above 0."""
    value = number(text)
    if value <= 0:
        raise ValueError("is not above 0; correct it")
    return value


def not_negative(text: str) -> Decimal:
    """Read a number of at least 0."""
    value = number(text)
    if value < 0:
        raise ValueError("is negative; correct it, or leave it empty where it is not known")
    return value


def not_zero(text: str) -> Decimal:
    """Read a number that is not 0."""
    value = number(text)
    if value == 0:
        raise ValueError("moves nothing; remove the line, or correct the amount")
    return value


def day(text: str) -> date:
    """Read a date as ISO 8601 writes it."""
    if not _DATE.fullmatch(text):
        raise ValueError("is not a date; write it as 2026-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is a day that does not exist; correct it") from None


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant with a zone, or a date, which is midnight UTC; in UTC."""
    if _DATE.fullmatch(text):
        return datetime.combine(day(text), datetime.min.time(), UTC)
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError(
            "is not an ISO 8601 time; write for example 2026-01-31T12:00:00Z, or only the date"
        )
    if match["zone"] is None:
        raise ValueError("has no time zone; add Z for UTC, or an offset such as +01:00")
    if len((match["fraction"] or "").rstrip("0")) > 6:
        raise ValueError("has more than 6 digits after the second; write at most microseconds")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is a time that does not exist; correct it") from None


def code(text: str) -> str:
    """Read the code of a currency or asset."""
    if _CODE.fullmatch(text):
        return text
    if _CODE.fullmatch(text.upper()):
        raise ValueError(f"is not written in capitals; write {text.upper()}")
    raise ValueError("is not the code of a currency; write for example EUR")


def short_text(text: str) -> str:
    """Read a reference or a name: printable, at most 200 characters."""
    if not text.isprintable():
        raise ValueError("contains a line break or a control character; remove it")
    if len(text) > 200:
        raise ValueError("is longer than 200 characters; shorten it")
    return text


def long_text(text: str) -> str:
    """Read any text that Postgres can store."""
    if "\0" in text:
        raise ValueError("contains a NUL character; remove it")
    return text
