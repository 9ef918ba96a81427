"""Read many texts at once: one look at all of them takes a fraction of a look at each.

They must be written as the exchange usually writes them. Anything else raises Unusual, and is left
to `fields`, which reads one text at a time, knows every notation and says what is wrong with which.
Where both read something, they read the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

Value = TypeVar("Value")

_FRACTION_AT = len("2026-01-13T15:16:15.")
_NUMBER = r"(?:0|[1-9][0-9]{0,99}+)(?:\.[0-9]{1,99}+)?"


def _all(line: str) -> re.Pattern[str]:
    """Any number of lines like ``line``."""
    return re.compile(rf"(?:{line}\n)*+")


_UUIDS = _all("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBERS = _all(f"-?{_NUMBER}")
_SIZES = _all(rf"(?!0(?:\.0+)?\n){_NUMBER}")
_INTEGERS = _all("[0-9]{1,18}")
_INSTANTS = _all(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.(?:[0-9]{3}){1,3}Z")


class Unusual(Exception):
    """Something is not written in the usual way. It may be right all the same."""


def uuids(texts: Sequence[Any]) -> Sequence[str]:
    """UUIDs in lower case."""
    return _checked(_UUIDS, texts)


def numbers(texts: Sequence[Any]) -> list[Decimal]:
    """Numbers without an exponent, exact; as `fields.money`."""
    return list(map(Decimal, _checked(_NUMBERS, texts)))


def sizes(texts: Sequence[Any]) -> list[Decimal]:
    """Numbers above 0; as `fields.positive`."""
    return list(map(Decimal, _checked(_SIZES, texts)))


def integers(texts: Sequence[Any]) -> list[int]:
    """Whole numbers from 0 on that ``bigint`` holds; as `fields.integer`."""
    return list(map(int, _checked(_INTEGERS, texts)))


def instants(texts: Sequence[Any]) -> tuple[list[datetime], list[int]]:
    """Instants of this century in ISO 8601, UTC, with ms, us or ns: both parts of `fields.Instant`,
    each in a list; ``bigint`` holds the nanoseconds."""
    try:
        at = list(map(datetime.fromisoformat, _checked(_INSTANTS, texts)))
    except ValueError as error:  # there is no such day
        raise Unusual from error
    # In this century a float tells seconds to less than a microsecond.
    seconds = map(int, map(datetime.timestamp, at))
    fractions = map(int, [text[_FRACTION_AT:-1].ljust(9, "0") for text in texts])
    return at, [whole * 10**9 + part for whole, part in zip(seconds, fractions, strict=True)]


def optional(texts: Sequence[Any]) -> Sequence[Any]:
    """Texts of a field that need not be sent, none of them empty: that stands for one not sent."""
    if "" in texts:
        raise Unusual
    return texts


def maybe(read: Callable[[Sequence[Any]], Sequence[Value]], texts: Sequence[Any]) -> Sequence[Any]:
    """What ``read`` makes of texts, or as many times None when none of them was sent."""
    return texts if texts.count(None) == len(texts) else read(texts)


def _checked(pattern: re.Pattern[str], texts: Sequence[Any]) -> Sequence[str]:
    """``texts``, each of which is a text and a line of ``pattern``."""
    try:
        joined = "\n".join(texts) + "\n"
    except TypeError as error:  # one is absent, or a number
        raise Unusual from error
    if joined.count("\n") != len(texts) or pattern.fullmatch(joined) is None:
        raise Unusual
    return texts
