"""Walk a window of history page by page, newest first, and say at each page what is proven.

Coverage rests on this file. A page proves only what its position proves: while the pages run
newest first, everything strictly above the oldest instant reached has been delivered; the whole
window is proven by an explicit end (no cursor), never by a short or an empty page. A page that is
out of order ends all partial proofs of the walk. A walk that breaks has proven what it said so far.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from exporter.api.budget import Priority
from exporter.api.client import Client, Failed
from exporter.errors import CursorExpired, UnexpectedPayload
from exporter.page import read
from exporter.stream import Drift, History, Page, Scope
from exporter.window import EPOCH, RESOLUTION, Window

_EMPTY_PAGES_IN_A_ROW = 100
_MILLISECOND = timedelta(milliseconds=1)
_WORTH_SHARING = timedelta(minutes=10)


class Step(NamedTuple):
    """One page: its rows inside the window, what else it told, and what is proven by now."""

    rows: list[Any]
    page: Page
    drift: list[Drift]
    proven: Window | None
    complete: bool
    """The last step: the whole window is proven."""


class Walk:
    """One walk through ``window``; `steps` may be taken once.

    ``failed`` is told each failed attempt, retried or not. Another thread may call `share`.
    """

    def __init__(
        self,
        client: Client,
        stream: History,
        scope: Scope,
        window: Window,
        *,
        priority: Priority,
        deadline_s: float,
        failed: Failed,
    ) -> None:
        self._client = client
        self._stream = stream
        self._scope = scope
        self._priority = priority
        self._deadline_s = deadline_s
        self._failed = failed
        self._when: Callable[[Any], datetime] = attrgetter(stream.instant)
        self._key: Callable[[Any], Any] = attrgetter(*stream.table.key)
        self._last_page: set[Any] = set()
        self._lock = threading.Lock()
        self._start = window.start
        self._end = window.end
        self._floor = window.end
        """The oldest instant seen."""
        self._ordered = True
        self._shown_descending = False
        self._split = False

    def share(self) -> Window | None:
        """Give away the older half of what is left to read, when that is worth another walk."""
        with self._lock:
            left = Window(self._start, self._floor)
            if self._split or not self._partial_proof or left.span < _WORTH_SHARING:
                return None
            older, newer = left.halves()
            self._start = newer.start
            return older

    def steps(self) -> Iterator[Step]:
        """The pages of the window. Raises ExchangeError; what was proven before stays proven.

        A cursor that expired restarts the window, from where it is proven; again only when the
        walk has got further since.
        """
        yield from self._through(Window(self._start, self._end))

    def _through(self, window: Window) -> Iterator[Step]:
        cursor: str | None = None
        seen: set[str] = set()
        asked = window
        restarted_at: datetime | None = None
        begins_again = False
        empty_pages = 0
        while True:
            try:
                page = self._ask(asked, cursor)
            except CursorExpired:
                if cursor is None or (restarted_at is not None and self._floor >= restarted_at):
                    raise
                restarted_at, cursor, seen, begins_again = self._floor, None, set(), True
                asked = self._rest(window)
                continue
            if self._must_be_halved(page):
                yield from self._halves(window, page)
                return
            step = self._judge(window, page, begins_again)
            begins_again = False
            yield step
            if step.complete:
                return
            if page.cursor is None:
                asked, begins_again = Window(window.start, self._floor + RESOLUTION), True
                continue
            if page.cursor in seen:
                raise UnexpectedPayload(f"{self._stream.path}: the cursor {page.cursor!r} repeats")
            empty_pages = 0 if page.records else empty_pages + 1
            if empty_pages > _EMPTY_PAGES_IN_A_ROW:
                raise UnexpectedPayload(f"{self._stream.path}: only empty pages, and no end")
            cursor = page.cursor
            seen.add(cursor or "")

    def _ask(self, window: Window, cursor: str | None) -> Page:
        body = self._client.get(
            self._stream.path,
            parameters(self._stream, window, self._scope.scope, cursor),
            priority=self._priority,
            deadline_s=self._deadline_s,
            failed=self._failed,
        )
        page = read(self._stream, body, self._scope.account_id)
        if page.account_id is not None and page.account_id.lower() != self._scope.account_id:
            raise UnexpectedPayload(
                f"{self._stream.path}: the answer is of account {page.account_id}, "
                f"but {self._scope.account!r} is {self._scope.account_id}"
            )
        return page

    def _judge(self, window: Window, page: Page, begins_again: bool) -> Step:
        """Check a page by the laws, move the floor, and say what is proven."""
        instants = [self._when(row) for row in page.rows]
        rows = [row for row, at in zip(page.rows, instants, strict=True) if window.holds(at)]
        with self._lock:
            drift = self._disorder(page, instants, begins_again)
            ends = self._ends(page, instants)
            self._floor = min([self._floor, *instants])
            reached_start = self._partial_proof and self._floor < self._start
            complete = ends or reached_start
            start = self._floor + RESOLUTION
            if complete:
                start = max(self._start, window.start)
            elif not self._partial_proof:
                start = window.end
            proven = Window(max(start, self._start), window.end)
        drift.extend(self._oversized(page))
        return Step(rows, page, [*page.drift, *drift], None if proven.empty else proven, complete)

    @property
    def _partial_proof(self) -> bool:
        """Whether the order of the pages so far proves what lies above the floor."""
        return self._ordered and self._shown_descending

    def _disorder(self, page: Page, instants: list[datetime], begins_again: bool) -> list[Drift]:
        repeated, self._last_page = self._last_page, set(map(self._key, page.rows))
        fresh = [
            at
            for row, at in zip(page.rows, instants, strict=True)
            if self._key(row) not in repeated
        ]
        newer_than_before = fresh and not begins_again and max(fresh) > self._floor
        if page.order == "mixed" or (newer_than_before and self._floor < self._end):
            self._ordered = False
            return [Drift("page", "order", page.order)]
        if page.order == "newest_first" or (instants and max(instants) < self._floor < self._end):
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
        nothing_older = min(instants, default=self._floor) >= self._floor
        if nothing_older and page.records >= self._stream.paging.size:
            raise UnexpectedPayload(
                f"{self._stream.path}: more rows at {self._floor} than one answer holds"
            )
        return nothing_older

    def _oversized(self, page: Page) -> list[Drift]:
        size = self._stream.paging.size
        return [Drift("page", "size", f"more than {size}")] if page.records > size else []

    def _rest(self, window: Window) -> Window:
        """What to ask again after a cursor expired: from the floor down, when order proves it."""
        return Window(window.start, self._floor + RESOLUTION) if self._partial_proof else window

    def _must_be_halved(self, page: Page) -> bool:
        """A full page in no order, without a cursor: it may hide rows anywhere."""
        paging = self._stream.paging
        cut = paging.cursor is None and page.cursor is None and page.records >= paging.size
        return cut and page.order == "mixed"

    def _halves(self, window: Window, page: Page) -> Iterator[Step]:
        rows = [row for row in page.rows if window.holds(self._when(row))]
        yield Step(rows, page, page.drift, None, False)
        older, newer = window.halves()
        if older.span <= self._stream.paging.unit:
            raise UnexpectedPayload(
                f"{self._stream.path}: more rows at {window.start} than one answer holds"
            )
        self._split = True
        for part in (newer, older):
            for step in self._through_part(part):
                yield step._replace(complete=step.complete and part is older)

    def _through_part(self, part: Window) -> Iterator[Step]:
        with self._lock:
            self._floor = part.end
            self._end = part.end
        yield from self._through(part)


def parameters(
    stream: History, window: Window, instrument: str, cursor: str | None
) -> dict[str, str]:
    """The query of one page: the window one unit wider on both sides, and where to go on."""
    paging = stream.paging
    write = _iso_millis if paging.time == "iso_ms" else _epoch_millis
    since = (window.start - EPOCH) // _MILLISECOND
    until = -((EPOCH - window.end) // _MILLISECOND)
    unit = paging.unit // _MILLISECOND
    query = {"from": write(since - unit), "to": write(until + unit)}
    query[paging.size_param] = str(paging.size)
    if instrument:
        query["instrument_code"] = instrument
    if cursor is not None:
        query[paging.cursor or "cursor"] = cursor
    return query


def _iso_millis(millis: int) -> str:
    at = EPOCH + timedelta(milliseconds=millis)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _epoch_millis(millis: int) -> str:
    return str(millis)
