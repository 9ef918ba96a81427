"""The progress of a command: a line that is redrawn on a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TextIO, TypeVar

from exporter.sync import Progress

_log = logging.getLogger(__name__)
_BAR_WIDTH = 24
_DRAW_EVERY_S = 0.2
_LOG_EVERY_S = 5.0
_COUNT_EVERY = 1000

Item = TypeVar("Item")


class ProgressBar:
    """Shows progress on ``out``; `show` may be called more often than it draws."""

    def __init__(self, title: str, out: TextIO) -> None:
        self._title = title
        self._out = out
        self._terminal = out.isatty()
        self._last = 0.0
        self._drawn = False

    def show(self, progress: Progress) -> None:
        """Draw, unless it drew a moment ago."""
        every_s = _DRAW_EVERY_S if self._terminal else _LOG_EVERY_S
        if time.monotonic() - self._last < every_s:
            return
        self._last = time.monotonic()
        line = describe(self._title, progress)
        if self._terminal:
            filled = round(progress.ratio * _BAR_WIDTH)
            bar = "#" * filled + "." * (_BAR_WIDTH - filled)
            self._out.write(f"\r\x1b[K[{bar}] {line}")
            self._out.flush()
            self._drawn = True
        else:
            _log.info("%s", line)

    def end(self) -> None:
        """End the line that was drawn."""
        if self._drawn:
            self._out.write("\n")


def describe(title: str, progress: Progress) -> str:
    """Share proven, pages, rows, rate and the time left at the rate so far."""
    left_s = progress.left_s()
    left = "unknown" if left_s is None else str(timedelta(seconds=round(left_s)))
    return (
        f"{title} {progress.ratio:6.1%}  {progress.pages} pages  {progress.inserted} new rows  "
        f"{progress.rate():.1f} pages/s  {left} left"
    )


class CountLine:
    """How many rows have been read or written so far: a line on a terminal, log lines elsewhere."""

    def __init__(self, title: str, out: TextIO) -> None:
        self._title = title
        self._out = out
        self._terminal = out.isatty()
        self._last = self._began = time.monotonic()
        self._drawn = False

    def __enter__(self) -> CountLine:
        return self

    def __exit__(self, *_: object) -> None:
        """End the line that was drawn."""
        if self._drawn:
            self._out.write("\n")

    def counting(self, rows: Iterable[Item]) -> Iterator[Item]:
        """The rows, counted as they pass."""
        for count, row in enumerate(rows, start=1):
            yield row
            if count % _COUNT_EVERY == 0:
                self.show(count)

    def show(self, count: int) -> None:
        """Draw, unless it drew a moment ago."""
        now = time.monotonic()
        if now - self._last < (_DRAW_EVERY_S if self._terminal else _LOG_EVERY_S):
            return
        self._last = now
        line = f"{self._title}  {count} rows  {count / (now - self._began):.0f} rows/s"
        if self._terminal:
            self._out.write(f"\r\x1b[K{line}")
            self._out.flush()
            self._drawn = True
        else:
            _log.info("%s", line)
