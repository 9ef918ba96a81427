"""Read a CSV file (RFC 4180) line by line, and collect all that is wrong with it.

Flat memory, however large the file is: rows are handed on one by one, and only the first thousand
faults are kept.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from exporter.importer import values
from exporter.importer.layouts import ECB_BASE, ECB_SOURCE, Column, Layout, is_ecb, with_accounts

_MOST_KEPT = 1000
_LONGEST_SHOWN = 60


class Row(NamedTuple):
    """A line of the file that is right by itself."""

    line: int
    """Where it begins; the header is in line 1."""
    values: tuple[Any, ...]
    """In the order of the target's columns."""


@dataclass(slots=True)
class FaultList:
    """All that is wrong with a file: one sentence each."""

    kept: list[tuple[int, str]] = field(default_factory=list)
    """The first of them, with their lines."""
    count: int = 0

    def add(self, line: int, column: str, what: str) -> None:
        """``column``: '' when it is about the whole line."""
        self.count += 1
        if len(self.kept) < _MOST_KEPT:
            place = f"line {line}, {column}: " if column else f"line {line}: "
            self.kept.append((line, place + what))

    def all(self) -> list[str]:
        """The sentences in the order of the lines; the last one says how many more there are."""
        texts = [text for _, text in sorted(self.kept, key=lambda kept: kept[0])]
        more = self.count - len(texts)
        return [*texts, f"and {more} more; correct these first"] if more else texts


def rows_of(
    content: Iterable[bytes], layout: Layout, accounts: Mapping[str, Any], faults: FaultList
) -> Iterator[Row]:
    """The rows of a file; what is wrong goes to ``faults``. ``accounts``: id by name."""
    reader = csv.reader(_text(content, faults), strict=True)
    begins, header = 1, None
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            faults.add(begins, "", f"is not CSV: {error}; correct the quotes")
            return
        if cells is None:
            break
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = _Header.of(begins, cells, layout, accounts, faults)
            if header is None:
                return
        else:
            yield from header.rows(begins, cells)
    if header is None and not faults.count:
        faults.add(1, "", f"there is no header; begin with {_example(layout)}")


def _text(content: Iterable[bytes], faults: FaultList) -> Iterator[str]:
    """The file's lines with their ends; it ends where they are not UTF-8."""
    for number, line in enumerate(content, start=1):
        if number == 1:
            if line.startswith(b"PK\x03\x04"):
                faults.add(1, "", "is a zip archive; unpack it, and import the file in it")
                return
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            faults.add(number, "", "is not UTF-8; save the file as CSV in UTF-8")
            return
        if "\0" in text:
            faults.add(number, "", "contains a NUL character; save the file as CSV in UTF-8")
            return
        yield text


def _example(layout: Layout) -> str:
    return ",".join(column.name for column in layout.columns)


def _wrong_header(
    names: Sequence[str], known: Mapping[str, Column], layout: Layout
) -> Iterator[str]:
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        yield "is not separated by commas; save the file with commas"
        return
    for name in dict.fromkeys(names):
        if name not in known:
            yield f"the column {_shown(name)} is unknown; the columns are {_example(layout)}"
        elif names.count(name) > 1:
            yield f"the column {name} is there twice; remove one of them"
    for name, column in known.items():
        if name not in names and not column.may_be_missing:
            yield f"the column {name} is missing; add it"


class _Header:
    """Where the columns of a layout stand in this file."""

    def __init__(
        self,
        columns: Sequence[tuple[int, Column]],
        width: int,
        layout: Layout,
        faults: FaultList,
    ) -> None:
        self._columns = columns
        self._width = width
        self._layout = layout
        self._faults = faults

    @staticmethod
    def of(
        line: int,
        cells: list[str],
        layout: Layout,
        accounts: Mapping[str, Any],
        faults: FaultList,
    ) -> _Header | _EcbHeader | None:
        """None when it is wrong, which is a fault: the cells below it mean nothing then."""
        names = [cell.strip() for cell in cells]
        if is_ecb(layout, names):
            return _EcbHeader(names, faults)
        known = {column.name: column for column in with_accounts(layout, accounts)}
        wrong = list(_wrong_header(names, known, layout))
        for what in wrong:
            faults.add(line, "", what)
        if wrong:
            return None
        placed = [(names.index(name) if name in names else -1, c) for name, c in known.items()]
        return _Header(placed, len(names), layout, faults)

    def rows(self, line: int, cells: list[str]) -> Iterator[Row]:
        """The row of a line, unless something is wrong with it."""
        if len(cells) != self._width:
            what = f"has {len(cells)} cells, the header {self._width}; correct commas and quotes"
            self._faults.add(line, "", what)
            return
        before = self._faults.count
        found = {column.name: self._value(line, column, cells, i) for i, column in self._columns}
        if self._faults.count > before:
            return
        for name, what in self._layout.check(found):
            self._faults.add(line, name, what)
        if self._faults.count == before:
            yield Row(line, tuple(found.values()))

    def _value(self, line: int, column: Column, cells: list[str], index: int) -> Any:
        cell = "" if index < 0 else cells[index]
        text = cell if column.verbatim else cell.strip()
        if not text:
            if not column.may_be_empty:
                self._faults.add(line, column.name, "is empty; fill it in")
            return None
        try:
            return column.parse(text)
        except ValueError as error:
            self._faults.add(line, column.name, f"{_shown(text)} {error}")
            return None


class _EcbHeader:
    """The header of ``eurofxref-hist.csv``: a day in each line, a currency in each column.

    A rate that was not published is ``N/A``; each line ends with a comma.
    """

    def __init__(self, names: list[str], faults: FaultList) -> None:
        self._codes = names[1:]
        self._faults = faults

    def rows(self, line: int, cells: list[str]) -> Iterator[Row]:
        """One row for each rate of the day."""
        if len(cells) != len(self._codes) + 1:
            what = f"has {len(cells)} cells, the header {len(self._codes) + 1}; download it again"
            self._faults.add(line, "", what)
            return
        try:
            day = values.day(cells[0].strip())
        except ValueError as error:
            self._faults.add(line, "Date", f"{_shown(cells[0])} {error}")
            return
        for code, cell in zip(self._codes, cells[1:], strict=True):
            text = cell.strip()
            if text in ("", "N/A"):
                continue
            try:
                rate = values.positive(text)
            except ValueError as error:
                self._faults.add(line, code or "the unnamed column", f"{_shown(text)} {error}")
                continue
            if not code:
                self._faults.add(line, "", f"{_shown(text)} stands below no currency; correct it")
                continue
            yield Row(line, (day, ECB_BASE, code, rate, ECB_SOURCE))


def _shown(text: str) -> str:
    """A cell as it is quoted in a sentence."""
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return ascii(short) if not short.isprintable() else f"'{short}'"
