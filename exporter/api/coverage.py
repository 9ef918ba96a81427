"""What the pages of a walk prove. Pure: coverage rests on these rules and nothing else.

A page proves only what its position proves: while the pages run newest first, everything strictly
above the oldest instant reached has been delivered; the whole window is proven by an explicit end,
never by a short or an empty page. A page that is out of order ends all partial proofs of a walk.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any

from exporter.model.errors import UnexpectedPayload
from exporter.model.stream import Drift, History, Page
from exporter.model.window import RESOLUTION, Window


class CoverageTracker:
    """Follows the pages of one walk; tell it each page once, in the order read."""

    def __init__(self, stream: History, end: datetime) -> None:
        self._stream = stream
        self._end = end
        self.floor = end
        """The oldest instant seen."""
        self._ordered = True
        self._shown_descending = False
        self._when: Callable[[Any], datetime] = attrgetter(stream.instant)
        self._key: Callable[[Any], Any] = attrgetter(*stream.table.key)
        self._last_page: set[Any] = set()

    @property
    def partial(self) -> bool:
        """Whether the order of the pages so far proves what lies above the floor."""
        return self._ordered and self._shown_descending

    def begin(self, end: datetime) -> None:
        """Start a part of the walk at its own end."""
        self._end = self.floor = end

    def inside(self, window: Window, page: Page) -> list[Any]:
        """The rows of a page that lie in the window; pages are asked a little wider."""
        return [row for row in page.rows if window.holds(self._when(row))]

    def follow(self, page: Page, begins_again: bool) -> tuple[bool, list[Drift]]:
        """Take a page into account: whether it is the explicit end, and what is odd about it.

        ``begins_again``: the first page after the walk was asked anew from its floor; it repeats
        rows. Raises UnexpectedPayload when one instant has more rows than an answer holds.
        """
        instants = [self._when(row) for row in page.rows]
        drift = self._disorder(page, begins_again)
        ends = self._ends(page, instants)
        self.floor = min([self.floor, *instants])
        if page.records > self._stream.paging.size:
            drift.append(Drift("page", "size", f"more than {self._stream.paging.size}"))
        return ends, drift

    def proven(self, window: Window, *, complete: bool) -> Window | None:
        """The part of ``window`` that is proven by now, if any."""
        if complete:
            return window
        if not self.partial:
            return None
        part = Window(max(self.floor + RESOLUTION, window.start), window.end)
        return None if part.empty else part

    def _disorder(self, page: Page, begins_again: bool) -> list[Drift]:
        """Rows that repeat those of the page before say nothing about the order."""
        keys = [self._key(row) for row in page.rows]
        fresh = [
            self._when(row)
            for row, key in zip(page.rows, keys, strict=True)
            if key not in self._last_page
        ]
        self._last_page = set(keys)
        newest = max(fresh, default=None)
        begun = self.floor < self._end and not begins_again
        if page.order == "mixed" or (newest is not None and begun and newest > self.floor):
            self._ordered = False
            return [Drift("page", "order", page.order)]
        if page.order == "newest_first" or (newest is not None and begun and newest < self.floor):
            self._shown_descending = True
        return []

    def _ends(self, page: Page, instants: list[datetime]) -> bool:
        """Whether a page is the explicit end of its window.

        An endpoint without cursors has no such sign, and may cut its answers anywhere: what lies
        before the oldest row is asked for until nothing older comes.
        """
        if page.cursor is not None:
            return False
        if self._stream.paging.cursor is not None or page.order == "mixed":
            return True
        nothing_older = min(instants, default=self.floor) >= self.floor
        if nothing_older and page.records >= self._stream.paging.size:
            raise UnexpectedPayload(
                f"{self._stream.path}: more rows at {self.floor} than one answer holds"
            )
        return nothing_older
