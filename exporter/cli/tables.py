"""What a command shows as a table, or as JSON.

On a terminal a table has the terminal's width: what is long stands below its row, and what deserves
least attention is left out where there is no room for it. Elsewhere nothing is left out, shortened
or broken: a row is a line, unless COLUMNS says how wide a line may be, as `watch` does.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import click

Row = Mapping[str, Any]


class Room(NamedTuple):
    """How much room there is for a table."""

    width: int | None
    """Of a line; None: as wide as it is."""
    terminal: bool
    """Whether somebody looks at it, who can ask for more: what deserves least attention may be
    missing, and an instant may be short."""


_GAP = "  "
_INDENT = "    "
_LEAST_WIDTH = 40
_SHORT_WITHIN = timedelta(days=300)
"""Of an instant that is further away, the year matters more than the hour."""


def print_rows(
    rows: Sequence[Row],
    as_json: bool,
    *,
    below: Sequence[str] = (),
    least: Sequence[str] = (),
    titles: Mapping[str, str] | None = None,
) -> None:
    """Print rows with the same columns.

    ``below``: columns of long texts. ``least``: columns that a terminal may leave out, the first of
    them last. ``titles``: what stands above a column in place of its name.
    """
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], default=json_value, indent=1))
        return
    if not rows:
        click.echo("none")
        return
    columns = [name for name in rows[0] if name not in below] + list(below)
    columns = [name for name in columns if not all(_is_empty(row[name]) for row in rows)]
    for line in lines(rows, columns, _room(), below=below, least=least, titles=titles or {}):
        click.echo(line)


def lines(
    rows: Sequence[Row],
    columns: Sequence[str],
    room: Room,
    *,
    below: Sequence[str] = (),
    least: Sequence[str] = (),
    titles: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The ``columns`` of rows, as lines of text; the rest as of `print_rows`."""
    return _Table(rows, columns, titles or {}, below).lines(least, room)


class _Table:
    """Rows that are to be laid out."""

    def __init__(
        self,
        rows: Sequence[Row],
        columns: Sequence[str],
        titles: Mapping[str, str],
        below: Sequence[str],
    ) -> None:
        self._rows = rows
        self._columns = columns
        self._titles = {name: titles.get(name, name) for name in columns}
        self._below = [name for name in below if name in columns]

    def lines(self, least: Sequence[str], room: Room) -> Iterator[str]:
        """The table, as wide as there is room."""
        width = room.width
        if width is None:
            yield from self._laid_out(self._columns, [], _cell, None)
            return
        columns, cell = [name for name in self._columns if name not in self._below], _cell
        if room.terminal:
            now = datetime.now(UTC)
            for cell in (_cell, lambda value: _short(value, now)):
                for kept in _fewer(columns, least):
                    if self._widths(kept, cell)[1] <= width:
                        yield from self._laid_out(kept, [], cell, width)
                        return
            columns = kept
        fitting = [
            name
            for place, name in enumerate(columns)
            if place < 2 or self._widths(columns[: place + 1], cell)[1] <= width
        ]
        yield from self._laid_out(fitting, columns[len(fitting) :], cell, width)

    def _widths(
        self, columns: Sequence[str], cell: Callable[[Any], str]
    ) -> tuple[Sequence[int], int]:
        """Of each column, and of a line."""
        widths = [
            max(len(self._titles[name]), *(len(cell(row[name])) for row in self._rows))
            for name in columns
        ]
        return widths, sum(widths) + len(_GAP) * (len(widths) - 1)

    def _laid_out(
        self,
        columns: Sequence[str],
        rest: Sequence[str],
        cell: Callable[[Any], str],
        width: int | None,
    ) -> Iterator[str]:
        widths, _ = self._widths(columns, cell)
        head = [self._titles[name] for name in columns]
        for texts in (head, *([cell(row[name]) for name in columns] for row in self._rows)):
            yield _GAP.join(t.ljust(w) for t, w in zip(texts, widths, strict=True)).rstrip()
            if texts is head:
                rows = iter(self._rows)
                continue
            if width is not None:
                yield from self._under(next(rows), rest, cell, width)

    def _under(
        self, row: Row, rest: Sequence[str], cell: Callable[[Any], str], width: int
    ) -> Iterator[str]:
        """What stands below a row: the ``rest`` of its columns, then each long text."""
        for names in (rest, *([name] for name in self._below)):
            told = (
                f"{self._titles[name]}: {cell(row[name])}"
                for name in names
                if not _is_empty(row[name])
            )
            yield from textwrap.wrap(
                ", ".join(told),
                width,
                initial_indent=_INDENT,
                subsequent_indent=_INDENT + _GAP,
                break_on_hyphens=False,
            )


def _fewer(columns: Sequence[str], least: Sequence[str]) -> Iterator[list[str]]:
    """The columns, and then one less each time."""
    kept = list(columns)
    yield kept
    for name in reversed(least):
        if name in kept:
            kept = [other for other in kept if other != name]
            yield kept


def _room() -> Room:
    terminal = sys.stdout.isatty()
    if not terminal and not os.environ.get("COLUMNS", "").isdecimal():
        return Room(None, terminal)
    return Room(max(shutil.get_terminal_size().columns, _LEAST_WIDTH), terminal)


def json_value(value: Any) -> Any:
    """Instants as ISO 8601, durations in seconds, amounts as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(value)
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


def plain(value: Decimal) -> str:
    """All digits of an amount, without an exponent and without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {}, "")


def _cell(value: Any) -> str:
    """A value in full; its control characters, which came from elsewhere, as escapes."""
    if _is_empty(value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        text = " ".join(f"{name}={text}" for name, text in value.items())
    elif isinstance(value, list):
        text = "; ".join(f"{item['scope']} {item['reason']}".strip() for item in value)
    elif isinstance(value, datetime):
        text = f"{value.astimezone(UTC):%F %T}Z"
    elif isinstance(value, Decimal):
        text = plain(value)
    elif isinstance(value, timedelta):
        text = _span(value)
    else:
        text = str(value)
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def _span(span: timedelta) -> str:
    sign = "-" if span < timedelta(0) else ""
    seconds = abs(round(span.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    clock = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{sign}{days}d {clock}" if days else sign + clock


def _short(value: Any, now: datetime) -> str:
    """A value as it is shown where there is little room: an instant without what goes without
    saying."""
    if not isinstance(value, datetime):
        return _cell(value)
    value = value.astimezone(UTC)
    if value.date() == now.date():
        return f"{value:%T}Z"
    return f"{value:%m-%d %H:%M}Z" if abs(value - now) < _SHORT_WITHIN else f"{value:%F}"
