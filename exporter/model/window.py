"""Half-open ranges of time: merged, cut, and subtracted from each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RESOLUTION = timedelta(microseconds=1)
"""The finest step of a range: ``timestamptz`` keeps microseconds (PostgreSQL, 8.5)."""


class Window(NamedTuple):
    """``[start, end)`` in aware UTC instants."""

    start: datetime
    end: datetime

    @property
    def empty(self) -> bool:
        """Whether no instant lies in the window."""
        return self.start >= self.end

    @property
    def span(self) -> timedelta:
        """``end - start``."""
        return self.end - self.start

    def holds(self, instant: datetime) -> bool:
        """Whether ``instant`` lies in ``[start, end)``."""
        return self.start <= instant < self.end

    def intersect(self, other: Window) -> Window:
        """The instants in both; empty when there are none."""
        return Window(max(self.start, other.start), min(self.end, other.end))

    def halves(self) -> tuple[Window, Window]:
        """The older and the newer half, cut at a whole microsecond."""
        middle = self.start + self.span / 2
        return Window(self.start, middle), Window(middle, self.end)


def merge(windows: Iterable[Window]) -> list[Window]:
    """The same instants in the fewest windows, oldest first; those that touch become one."""
    merged: list[Window] = []
    for window in sorted(window for window in windows if not window.empty):
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return merged


def subtract(wanted: Window, taken: Iterable[Window]) -> list[Window]:
    """The parts of ``wanted`` that no window of ``taken`` covers, oldest first."""
    left: list[Window] = []
    start = wanted.start
    for window in merge(taken):
        if window.start > start:
            left.append(Window(start, min(window.start, wanted.end)))
        start = max(start, window.end)
        if start >= wanted.end:
            break
    left.append(Window(start, wanted.end))
    return [window for window in left if not window.empty]


def cut_newest_first(window: Window, span: timedelta) -> Iterator[Window]:
    """Pieces of ``window`` of at most ``span``, newest first, without gap or overlap."""
    end = window.end
    while end > window.start:
        start = max(window.start, end - span)
        yield Window(start, end)
        end = start


def seconds(windows: Iterable[Window]) -> float:
    """The length of all windows together."""
    return sum(window.span.total_seconds() for window in windows if not window.empty)
