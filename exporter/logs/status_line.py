"""The line at the bottom of a terminal that a command redraws in place; log lines go above it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_ERASE = "\r\x1b[K"
_USUAL_COLUMNS = 80


class StatusLine:
    """One line, of one command. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._out: TextIO | None = None
        self._text = ""

    def show(self, text: str, out: TextIO) -> None:
        """Draw it, in place of what it showed before."""
        with self._lock:
            # A line that does not fit would wrap, and be erased in parts.
            self._out, self._text = out, text[: _columns(out) - 1]
            self._write(_ERASE + self._text)

    def end(self, *, keep: bool) -> None:
        """Begin a new line below it, or take it away."""
        with self._lock:
            if self._out is not None:
                self._write("\n" if keep else _ERASE)
            self._out = None

    @contextmanager
    def above(self) -> Iterator[None]:
        """Inside, whole lines may be written to the same terminal."""
        with self._lock:
            if self._out is not None:
                self._write(_ERASE)
            try:
                yield
            finally:
                if self._out is not None:
                    self._write(self._text)

    def _write(self, text: str) -> None:
        if self._out is not None:
            self._out.write(text)
            self._out.flush()


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):  # not a terminal, or closed
        return _USUAL_COLUMNS


STATUS_LINE = StatusLine()


class LinesAbove(logging.StreamHandler[TextIO]):
    """Writes log lines above the status line."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        with STATUS_LINE.above():
            super().emit(record)
