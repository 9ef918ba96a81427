"""The progress of a command: a line that is redrawn on a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TextIO, TypeVar

from exporter.logs import STATUS_LINE
from exporter.sync import Progress

_log = logging.getLogger(__name__)
_BAR_WIDTH = 10
_DRAW_EVERY_S = 0.2
_LOG_EVERY_S = 5.0
_COUNT_EVERY = 1000

Item = TypeVar("Item")


class ProgressBar:
    """Shows progress on ``out`` from the start to the end of a ``with`` block.

    It draws by itself, since the first page may take long: then it shows how long so far.
    ``announce``: log a line at the beginning, too, where there is no terminal.
    """

    def __init__(self, title: str, out: TextIO, *, announce: bool = True) -> None:
        self._title = title
        self._announce = announce
        self._out = out
        self._terminal = out.isatty()
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._ended = threading.Event()
        self._drawing = threading.Thread(target=self._draw_on, name="progress", daemon=True)

    def show(self, progress: Progress) -> None:
        """Let this be shown from now on; it may go on changing."""
        self._progress = progress

    def __enter__(self) -> ProgressBar:
        if self._terminal or self._announce:
            self._draw()
        self._drawing.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._drawing.join()
        if self._terminal:
            if self._progress is not None:
                self._draw()
            STATUS_LINE.end(keep=self._progress is not None)

    def _draw_on(self) -> None:
        while not self._ended.wait(_DRAW_EVERY_S if self._terminal else _LOG_EVERY_S):
            self._draw()

    def _draw(self) -> None:
        progress = self._progress
        if progress is None or not progress.pages:
            waited = timedelta(seconds=round(time.monotonic() - self._began))
            line, ratio = f"{self._title}  reading the first page  {waited}", 0.0
        else:
            line, ratio = describe(self._title, progress), progress.ratio
        if not self._terminal:
            _log.info("%s", line)
            return
        filled = round(ratio * _BAR_WIDTH)
        STATUS_LINE.show(f"[{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] {line}", self._out)


def describe(title: str, progress: Progress) -> str:
    """Share proven, pages, rows, rate and the time left at the rate so far."""
    left_s = progress.left_s()
    left = "unknown" if left_s is None else str(timedelta(seconds=round(left_s)))
    return (
        f"{title} {progress.ratio:6.1%}  {left} left  {progress.pages} pages  "
        f"{progress.inserted} new rows  {progress.rate():.1f} pages/s"
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
            STATUS_LINE.end(keep=True)

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
            STATUS_LINE.show(line, self._out)
            self._drawn = True
        else:
            _log.info("%s", line)
