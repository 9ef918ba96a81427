"""What the pages of a window prove. Pure: coverage rests on these rules and nothing else.

1. Only rows inside the half-open window count. Pages are requested one unit wider on both sides,
   since it is not documented whether both bounds are inclusive: otherwise a row at an edge would
   be missing from both neighbouring windows, and nobody would request it again. Rows further away
   were not requested at all: they prove nothing (`exporter.model.page.confined`), and are judged
   by themselves (`exporter.sync.outside`).
2. The whole window is proven by an explicit end, a page without a cursor, and never by a short or
   an empty page: otherwise one short page in the middle would turn all older rows into a gap that
   counts as complete.
3. Before the end, pages that run newest first prove what is strictly newer than the oldest instant
   reached, but not that instant: its remaining rows may be on the next page, and would be lost if
   the walk broke off here.
4. The order must have been shown by two different instants: a page with one instant, or one row,
   shows none. Otherwise an endpoint that begins with the oldest rows would be believed to have
   delivered the newest ones.
5. Rows that repeat those of the page before, or that a resumed request repeats, say nothing about
   the order. Otherwise each repetition would look like a step back and end the proofs of a walk.
6. A page out of order, by itself or against the page before, ends the proofs of rule 3 for the rest
   of the walk, and is reported as drift: the next row may be of any instant.
7. An endpoint without cursors sends no explicit end, and may cut a page short anywhere. What is
   older than the oldest row is requested until nothing older comes. A full page with one instant
   only is an error: more rows may share that instant, and no request would return them. (One that
   goes on before the window has shown that none do.)
8. A page of such an endpoint that is out of order and not full is the end: its last row is no
   place to go on from. (When it is full, the paginator splits the window.)
9. A page with more records than requested loads, and is reported as drift: paging is not as
   documented, and the fullness that rules 7 and 8 rely on may not be either.
10. Where rows need not tell the instant by which they are listed (`Closings`), pages prove nothing:
   only the explicit end does, whatever instants the rows tell.

An account's trades of one day, page by page:

>>> from datetime import UTC
>>> from types import SimpleNamespace
>>> from exporter.streams.trades import TRADES
>>> day = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
>>> def page(*hours, cursor, order="newest_first"):
...     rows = [SimpleNamespace(trade_id=n, traded_at=day.start.replace(hour=n)) for n in hours]
...     return Page(rows, [], [], cursor, {}, None, len(rows), order)
>>> tracker = CoverageTracker(TRADES, day.end)
>>> tracker.add(page(20, cursor="a", order="unknown")), tracker.proven(day)  # rule 4
((False, []), None)
>>> tracker.add(page(18, 15, cursor="b"))
(False, [])
>>> tracker.proven(day).start.isoformat()  # rule 3
'2026-03-01T15:00:00.000001+00:00'
>>> tracker.add(page(cursor="c", order="unknown"))  # rule 2: an empty page is not the end
(False, [])
>>> tracker.add(page(17, 12, cursor="d")), tracker.proven(day)  # rule 6: 17:00 after 15:00
((False, [Drift(kind='page', path='order', sample='newest_first')]), None)
>>> tracker.add(page(9, 2, cursor=None))  # rule 2: the end
(True, [])
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
    """Follows the pages of one walk through a window that ends at ``end``. Not thread-safe."""

    def __init__(self, stream: History, end: datetime) -> None:
        self._stream = stream
        self._end = end
        self.reached = end
        """The oldest instant seen."""
        self.in_order = True
        """Whether no page was out of order (rule 6)."""
        self._order_shown = False
        self.instant: Callable[[Any], datetime] = attrgetter(stream.instant)
        """When a row happened."""
        self._key: Callable[[Any], Any] = attrgetter(*stream.table.key)
        self._previous_keys: set[Any] = set()

    @property
    def newest_first(self) -> bool:
        """Whether the pages so far have shown that order, and nothing else (rules 4 to 6)."""
        return self.in_order and self._order_shown

    def restart(self, end: datetime) -> None:
        """Go on with a part of the window that has its own end."""
        self._end = self.reached = end

    def rows_inside(self, window: Window, page: Page) -> list[Any]:
        """The rows of a page that count for the window (rule 1)."""
        if not self._stream.ordered:
            return list(page.rows)
        return [row for row in page.rows if window.holds(self.instant(row))]

    def add(self, page: Page, *, resumed: bool = False) -> tuple[bool, list[Drift]]:
        """Take the next page into account: whether it is the end, and what is not as documented.

        ``resumed``: the page is the first after the rest of the window was requested again, and
        repeats rows (rule 5). Raises UnexpectedPayload by rule 7.
        """
        ordered = self._stream.ordered
        instants = [self.instant(row) for row in page.rows] if ordered else []
        drift = self._check_order(page, resumed) if ordered else []
        is_end = self._is_end(page, instants)
        self.reached = min([self.reached, *instants])
        if page.records > self._stream.paging.size:
            drift.append(Drift("page", "size", f"more than {self._stream.paging.size}"))
        return is_end, drift

    def passed(self, instant: datetime) -> bool:
        """Whether the pages prove everything from ``instant`` on (rule 3)."""
        return self.newest_first and self.reached < instant

    def proven(self, window: Window) -> Window | None:
        """The part of ``window`` that is proven before its end was reached (rule 3), if any."""
        if not self.newest_first:
            return None
        part = Window(max(self.reached + RESOLUTION, window.start), window.end)
        return None if part.empty else part

    def _check_order(self, page: Page, resumed: bool) -> list[Drift]:
        keys = [self._key(row) for row in page.rows]
        fresh = [
            self.instant(row)
            for row, key in zip(page.rows, keys, strict=True)
            if key not in self._previous_keys
        ]
        self._previous_keys = set(keys)
        newest = max(fresh, default=self.reached)
        comparable = self.reached < self._end and not resumed
        if page.order == "mixed" or (comparable and newest > self.reached):
            self.in_order = False
            return [Drift("page", "order", page.order)]
        if page.order == "newest_first" or (comparable and newest < self.reached):
            self._order_shown = True
        return []

    def _is_end(self, page: Page, instants: list[datetime]) -> bool:
        if page.cursor is not None:
            return False
        if self._stream.paging.cursor is not None or page.order == "mixed":
            return True
        nothing_older = min(instants, default=self.reached) >= self.reached
        ran_past = any(self.instant(row) < self.reached for row in page.outside)
        if nothing_older and page.records >= self._stream.paging.size and not ran_past:
            raise UnexpectedPayload(
                f"{self._stream.path}: more rows at {self.reached} than one page holds"
            )
        return nothing_older
