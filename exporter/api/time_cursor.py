"""Cursors that are the time of a page's oldest row, and may stand for what is strictly older.

Then other rows of that instant would be lost at a page's edge. So the next page is requested from a
microsecond later on, which repeats that instant whatever the cursor stands for.
"""

from __future__ import annotations

from exporter.api.client import OnError
from exporter.model.errors import BadRequest

_MICROS_DIGITS = 16


def later_cursor(cursor: str) -> str:
    """The cursor of a microsecond later, where it is a time in microseconds; else itself."""
    micros = cursor.isascii() and cursor.isdigit() and len(cursor) == _MICROS_DIGITS
    return str(int(cursor) + 1) if micros else cursor


def unless_refused(on_error: OnError) -> OnError:
    """``on_error`` for a request that may be refused without that being a failure."""
    return lambda error: None if isinstance(error, BadRequest) else on_error(error)
