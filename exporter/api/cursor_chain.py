"""The cursors of one chain of pages: whether following them leads anywhere. Pure.

An endpoint can go on sending cursors for ever: pages that repeat, that are empty, that lie outside
of the window, or whose rows never get any older. Each would use up a token's requests without an
error, so each has a limit. Many rows of one instant, spread over pages, are none of these: every
page of them holds a new row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from operator import attrgetter
from typing import Any

from exporter.model.errors import UnexpectedPayload
from exporter.model.stream import History, Page
from exporter.model.window import Window

MOST_REPEATED_PAGES = 5
"""Pages in a row with known records only."""
MOST_EMPTY_PAGES = 100
"""Pages in a row without a record inside the window."""
MOST_STANDING_PAGES = 1_000
"""Pages in a row with new records, but none beyond the oldest and the newest instant so far: as
many rows of one instant, or in no order, as no account has."""


class CursorChain:
    """Follows the pages of ``stream`` through ``window``, each by the cursor of the one before.

    It remembers the records of as few pages as it can. Pages that go steadily into the past, or
    steadily out of it, can only repeat those of the page before; all others are remembered. So a
    chain that starts over is noticed in its third round at the latest.
    """

    def __init__(self, stream: History, window: Window) -> None:
        self._path = stream.path
        self._window = window
        self._instant: Callable[[Any], datetime] = attrgetter(stream.instant)
        self._key: Callable[[Any], Hashable] = attrgetter(*stream.table.key)
        self._cursors: set[str] = set()
        self._known: set[int] = set()
        """Hashes of the records that a page may repeat."""
        self._oldest, self._newest = window.end, window.start
        self._empty = self._repeated = self._standing = 0
        self.cursor: str | None = None
        """Requests the next page; None before the first, and after the last."""

    def restart(self) -> None:
        """What is left is requested as a window of its own: its cursors may be those of before."""
        self._cursors.clear()
        self.cursor = None

    def follow(self, page: Page) -> None:
        """Go on to the page after ``page``. Raises UnexpectedPayload when there is no end to it."""
        self.cursor = cursor = page.cursor
        if cursor is None:
            return
        if cursor in self._cursors:
            raise UnexpectedPayload(f"{self._path}: cursor {cursor!r} was sent twice")
        self._cursors.add(cursor)
        self._count(page)
        for count, most, what in (
            (self._empty, MOST_EMPTY_PAGES, "empty pages"),
            (self._repeated, MOST_REPEATED_PAGES, "pages that repeat earlier ones"),
            (self._standing, MOST_STANDING_PAGES, "pages that get no older"),
        ):
            if count > most:
                raise UnexpectedPayload(f"{self._path}: {count} {what} in a row, and no end")

    def _count(self, page: Page) -> None:
        start, end = self._window
        rows = {
            hash(self._key(row)): at
            for row in page.rows
            if start <= (at := self._instant(row)) < end
        }
        # A record that cannot be read has no key; it is itself when it comes again.
        records = {*rows, *(hash(reject.raw) for reject in page.rejects)}
        if not records:
            self._empty += 1
        elif records <= self._known:
            self._repeated += 1
        else:
            self._empty = self._repeated = 0
            self._standing += 1
        self._remember(records, [at for key, at in rows.items() if key not in self._known])

    def _remember(self, records: set[int], fresh: list[datetime]) -> None:
        """``fresh``: the instants of the page's new rows."""
        oldest, newest = min(fresh, default=self._oldest), max(fresh, default=self._newest)
        if oldest < self._oldest or newest > self._newest:
            self._standing = 0
            if newest <= self._oldest or oldest >= self._newest:
                self._known = set()
        self._known |= records
        self._oldest, self._newest = min(oldest, self._oldest), max(newest, self._newest)
