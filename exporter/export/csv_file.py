"""CSV (RFC 4180) in UTF-8, which a spreadsheet neither executes nor changes.

A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV
Injection"), and so does one that begins with an apostrophe itself: whoever takes one apostrophe off
each text that begins with one has what was in the view. Numbers, instants and dates are as they
are, negative ones too. ``""`` is an empty text, nothing between commas is null.

A spreadsheet keeps 15 digits of a number, and takes an id of digits for one. For that
``for_spreadsheet`` gives an apostrophe to numbers beyond 15 digits and to texts that look like
numbers; a program then has to take these off, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from exporter.export.columns import Cells, Column

_BOM = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula, also full-width; a line break is taken off by some before they look."""
_SPECIAL = '",\r\n'
_NUMBER_LIKE = re.compile(r"\s*[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?\s*")
_KEPT_DIGITS = 15

Render = Callable[[str], str]


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> int:
        """Append them."""


def quoted(cell: str) -> str:
    """A cell with quotes where RFC 4180 wants them, and around an empty text."""
    if cell and cell == cell.strip() and not any(special in cell for special in _SPECIAL):
        return cell
    return f'"{cell.replace(chr(34), chr(34) * 2)}"'


def _text(cell: str) -> str:
    # With spaces in front as well: they are taken off by some before they look.
    guarded = cell.lstrip(" ").startswith(_FORMULA)
    return quoted(f"'{cell}" if guarded else cell)


def _text_for_spreadsheet(cell: str) -> str:
    return quoted(f"'{cell}") if _NUMBER_LIKE.fullmatch(cell) else _text(cell)


def _number_for_spreadsheet(cell: str) -> str:
    digits = cell.lstrip("-0.").replace(".", "")
    return f"'{cell}" if len(digits) > _KEPT_DIGITS else cell


def _plain(cell: str) -> str:
    return cell


def _render(column: Column, *, for_spreadsheet: bool) -> Render:
    if column.kind in ("text", "json", "other"):
        return _text_for_spreadsheet if for_spreadsheet else _text
    if column.kind in ("number", "integer") and for_spreadsheet:
        return _number_for_spreadsheet
    return _plain


class CsvWriter:
    """Writes CSV with a header; lines end with CR LF."""

    def __init__(
        self,
        columns: Sequence[Column],
        sink: Sink,
        *,
        bom: bool = False,
        for_spreadsheet: bool = False,
    ) -> None:
        self._sink = sink
        self._renders = [_render(column, for_spreadsheet=for_spreadsheet) for column in columns]
        header = ",".join(_text(column.name) for column in columns)
        sink.write((_BOM if bom else b"") + f"{header}\r\n".encode())

    def write(self, rows: Iterable[Cells]) -> None:
        """Write some rows."""
        lines = [
            ",".join(
                "" if cell is None else render(cell)
                for render, cell in zip(self._renders, row, strict=True)
            )
            for row in rows
        ]
        if lines:
            self._sink.write(("\r\n".join(lines) + "\r\n").encode())

    def end(self) -> None:
        """Nothing comes after the last row."""
