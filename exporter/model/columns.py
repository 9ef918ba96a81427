"""Whether a row fits into the columns of its table: what Postgres would refuse is refused here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from exporter.model.errors import BadRecord
from exporter.model.fields import quoted

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LONGEST_TEXT = 500
"""In characters: an index takes 2,704 bytes at most (PostgreSQL, 67.1)."""
_NUMERIC_AFTER = 16_383
_HARMLESS = 1_500
"""A record of at most so many bytes holds no text that is too long for an index."""


class RowCheck:
    """Checks the rows of one table."""

    def __init__(self, columns: Mapping[str, str], key: Collection[str]) -> None:
        numbered = [(index, name, kind) for index, (name, kind) in enumerate(columns.items())]
        self._bigints = [(index, name) for index, name, kind in numbered if kind == "bigint"]
        self._texts = [(index, name) for index, name, kind in numbered if kind == "text"]
        self._numerics = [(index, name) for index, name, kind in numbered if kind == "numeric"]
        self._keys = [(index, name) for index, name in self._texts if name in key]

    def check(self, row: Sequence[Any], size: int) -> None:
        """Check a row that was read from ``size`` bytes. Raises BadRecord."""
        for index, name in self._bigints:
            value = row[index]
            if value is not None and not _SMALLEST <= value <= _LARGEST:
                raise BadRecord(f"{name} is beyond 64 bits: {quoted(value)}")
        for index, name in self._keys:
            if not row[index]:
                raise BadRecord(f"{name} is missing")
        if size > _HARMLESS:
            self._check_sizes(row)

    def passes(self, columns: Sequence[Sequence[Any]], size: int) -> bool:
        """Whether rows surely fit, of which none was read from more than ``size`` bytes.

        Their integers were read by `texts`, so that they do.
        """
        return size <= _HARMLESS and all(all(columns[index]) for index, _ in self._keys)

    def refuse(self, row: Sequence[Any], characters: frozenset[str]) -> None:
        """Raises BadRecord when a text of the row holds one of ``characters``."""
        for index, name in self._texts:
            text = row[index]
            if text is not None and not characters.isdisjoint(text):
                raise BadRecord(f"{name} holds a character that cannot be stored: {quoted(text)}")

    def _check_sizes(self, row: Sequence[Any]) -> None:
        for index, name in self._texts:
            text = row[index]
            if text is not None and len(text) > _LONGEST_TEXT:
                raise BadRecord(f"{name} is longer than {_LONGEST_TEXT} characters: {quoted(text)}")
        for index, name in self._numerics:
            number = row[index]
            if number is not None and _places(number) > _NUMERIC_AFTER:
                raise BadRecord(f"{name} has more than {_NUMERIC_AFTER} digits after the point")


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
