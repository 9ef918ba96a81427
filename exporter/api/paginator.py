"""Reads a window of history page by page, and reports with each page what is proven by then.

A walk that breaks off has proven what it reported so far; `coverage` holds the rules.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from exporter.api.client import Client, OnError
from exporter.api.coverage import CoverageTracker
from exporter.api.cursor_chain import CursorChain
from exporter.api.identity import made_up
from exporter.api.rate_limiter import Priority
from exporter.api.time_cursor import later_cursor, unless_refused
from exporter.model.errors import BadRequest, CursorExpired, UnexpectedPayload
from exporter.model.page import confined, read
from exporter.model.stream import Drift, History, Page, Partition
from exporter.model.window import EPOCH, RESOLUTION, Window

_MILLISECOND = timedelta(milliseconds=1)
_WORTH_STEALING = timedelta(minutes=10)


_CROWDED = Drift("page", "cursor", "a page of one instant, and more")


class PageResult(NamedTuple):
    """One page of a walk, and what is proven by it and the pages before it."""

    rows: list[Any]
    """The page's rows that lie inside the window."""
    page: Page
    drift: list[Drift]
    """The page's own, and that of its place in the walk (order, size)."""
    proven: Window | None
    """The part of the window that is proven by now; None for nothing yet."""
    complete: bool
    """Whether this is the last page: the whole window is proven."""


class Paginator:
    """One walk through ``window``, newest rows first; `pages` may be iterated once.

    ``deadline_s`` and ``on_error`` are those of `Client.get`, for each page. Another thread may
    call `steal_older_half` meanwhile.
    """

    def __init__(
        self,
        client: Client,
        stream: History,
        partition: Partition,
        window: Window,
        *,
        priority: Priority,
        deadline_s: float,
        on_error: OnError,
    ) -> None:
        self._client = client
        self._stream = stream
        self._partition = partition
        self._window = window
        self._priority = priority
        self._deadline_s = deadline_s
        self._on_error = on_error
        self._lock = threading.Lock()
        self._coverage = CoverageTracker(stream, window.end)
        self._own_start = window.start
        """What lies before it was stolen: another walk reads it."""
        margin = 2 * stream.paging.unit
        lead = stream.paging.lead
        self._asked = Window(window.start - margin - lead, window.end + margin)
        """What is really requested: one unit more on both sides, in whole milliseconds."""
        self._was_split = False
        self._complete = False

    def steal_older_half(self) -> Window | None:
        """Leave the older half of what is left to another walk; None when it is not worth one.

        Only a walk that has shown its order can be shortened: else its rest lies anywhere.
        """
        with self._lock:
            left = Window(self._own_start, self._coverage.reached)
            if self._was_split or self._complete or not self._coverage.newest_first:
                return None
            if left.span < _WORTH_STEALING:
                return None
            older, newer = left.halves()
            self._own_start = newer.start
            return older

    def pages(self) -> Iterator[PageResult]:
        """The pages of the window. Raises ExchangeError; what was proven before stays proven.

        An expired cursor restarts the window from where it is proven; a second time only when the
        walk has got further since.
        """
        yield from self._walk(self._window)

    def _walk(self, window: Window) -> Iterator[PageResult]:
        chain = CursorChain(self._stream, window)
        requested, resumed, later = window, False, ""
        restarted_at: datetime | None = None
        while True:
            try:
                page = self._following(requested, chain.cursor, later)
            except CursorExpired:
                reached = self._coverage.reached
                if chain.cursor is None or (restarted_at is not None and reached >= restarted_at):
                    raise
                restarted_at, chain, resumed = reached, CursorChain(self._stream, window), True
                later = ""
                requested = self._remaining(window) if self._coverage.newest_first else window
                continue
            if self._must_be_split(page):
                yield from self._split(window, page)
                return
            result = self._result(window, page, resumed)
            advanced = self._advanced(window, requested, page)
            if self._crowded(page) and not advanced:
                result.drift.append(_CROWDED)
            yield result
            if result.complete:
                return
            requested, resumed, later = self._next(window, requested, chain, page, advanced)

    def _next(
        self, window: Window, requested: Window, chain: CursorChain, page: Page, advanced: bool
    ) -> tuple[Window, bool, str]:
        """What is requested after ``page``, whether that repeats rows, and by what later cursor."""
        chain.follow(page)
        later = "" if advanced else self._later(page)
        if advanced or later:
            chain.restart()
        if later:
            chain.cursor = page.cursor
        anew = advanced or page.cursor is None
        return self._remaining(window) if anew else requested, anew or bool(later), later

    def _following(self, window: Window, cursor: str | None, later: str) -> Page:
        """The page of ``later``, if there is one and it is not refused, else of ``cursor``."""
        if later:
            try:
                return self._fetch(window, later, unless_refused(self._on_error))
            except BadRequest:
                pass
        return self._fetch(window, cursor, self._on_error)

    def _later(self, page: Page) -> str:
        """In place of the cursor of a page that several instants are on, too close together to go
        on by a window: one that repeats the oldest of them. Empty where none is known."""
        timed = self._stream.paging.cursor_is_time and page.cursor is not None
        if not timed or self._crowded(page) or not self._coverage.newest_first:
            return ""
        following = later_cursor(page.cursor or "")
        return "" if following == page.cursor else following

    def _fetch(self, window: Window, cursor: str | None, on_error: OnError) -> Page:
        body = self._client.get(
            self._stream.path,
            parameters(self._stream, window, self._partition.instrument, cursor),
            priority=self._priority,
            deadline_s=self._deadline_s,
            endpoint=self._stream.endpoint or None,
            on_error=on_error,
        )
        page = read(self._stream, body, self._partition.account_id)
        check_account(self._stream, self._partition, page)
        return confined(self._stream, page, self._asked)

    def _result(self, window: Window, page: Page, resumed: bool) -> PageResult:
        rows = self._coverage.rows_inside(window, page)
        with self._lock:
            is_end, drift = self._coverage.add(page, resumed=resumed)
            own = Window(max(self._own_start, window.start), window.end)
            passed = self._coverage.passed(own.start) or self._ran_past(page)
            self._complete = complete = is_end or passed
            proven = own if complete else self._coverage.proven(own)
        return PageResult(rows, page, [*page.drift, *drift], proven, complete)

    def _ran_past(self, page: Page) -> bool:
        """Whether a page has nothing but older rows than were requested, the newest of them first.

        An endpoint that ignores ``from`` would otherwise be read to the beginning of all history.
        A single row may be one with a wrong date.
        """
        older = [self._coverage.instant(row) for row in page.outside]
        return (
            not page.rows
            and not page.rejects
            and self._coverage.in_order
            and self._stream.order(page.outside, [""] * len(older)) == "newest_first"
            and max(older) < self._asked.start
        )

    def _remaining(self, window: Window) -> Window:
        """What is left to request: the oldest instant reached once more, and all before it."""
        return Window(window.start, self._coverage.reached + RESOLUTION)

    def _advanced(self, window: Window, requested: Window, page: Page) -> bool:
        """Whether what is left can be requested as a window, in place of the page's cursor.

        Not while all rows of a page share one instant, as far as a request can tell instants apart:
        then only the cursor leads on. Nor out of order.
        """
        if not self._stream.paging.cursor_is_time or page.cursor is None:
            return False
        left = self._remaining(window)
        return self._coverage.newest_first and _last_millis(left) < _last_millis(requested)

    def _crowded(self, page: Page) -> bool:
        """Whether the cursor of a page may lose rows: those of the only instant on it."""
        full = self._stream.paging.cursor_is_time and page.cursor is not None
        return full and len(set(map(self._coverage.instant, page.rows))) == 1

    def _must_be_split(self, page: Page) -> bool:
        """Whether a page is full, out of order and without a cursor: it may hide rows anywhere."""
        paging = self._stream.paging
        full = paging.cursor is None and page.cursor is None and page.records >= paging.size
        return full and page.order == "mixed"

    def _split(self, window: Window, page: Page) -> Iterator[PageResult]:
        yield PageResult(self._coverage.rows_inside(window, page), page, page.drift, None, False)
        older, newer = window.halves()
        if older.span <= self._stream.paging.unit:
            raise UnexpectedPayload(
                f"{self._stream.path}: more rows at {window.start} than one page holds"
            )
        self._was_split = True
        for part in (newer, older):
            with self._lock:
                self._coverage.restart(part.end)
            for result in self._walk(part):
                yield result._replace(complete=result.complete and part is older)


def parameters(
    stream: History, window: Window, instrument: str, cursor: str | None
) -> dict[str, str]:
    """The query of one page: the window, one unit wider on both sides, and the cursor."""
    paging = stream.paging
    write = _iso_millis if paging.time == "iso_ms" else _epoch_millis
    since = (window.start - paging.lead - EPOCH) // _MILLISECOND
    until = _last_millis(window)
    unit = paging.unit // _MILLISECOND
    since -= unit
    if paging.floor is not None:
        since = max(since, (paging.floor - EPOCH) // _MILLISECOND)
    query = {**stream.parameters, "from": write(since), "to": write(until + unit)}
    if paging.size_param:
        query[paging.size_param] = str(paging.size)
    if stream.partition_by == "instrument":
        query["instrument_code"] = instrument
    if cursor is not None:
        query[paging.cursor or "cursor"] = cursor
    return query


def settled_only(stream: History, result: PageResult, settled: datetime) -> PageResult:
    """``result`` without the rows that may still change, of a stream whose rows settle.

    They are no facts yet, and come again: nothing is claimed beyond ``settled`` either.
    """
    instant = attrgetter(stream.instant)
    rows = [row for row in result.rows if instant(row) < settled]
    outside = [row for row in result.page.outside if instant(row) < settled]
    return result._replace(rows=rows, page=result.page._replace(outside=outside))


def check_account(stream: History, partition: Partition, page: Page) -> None:
    """Raises UnexpectedPayload when a page, or a row of it, belongs to another account."""
    expected = partition.account_id
    account_ids = set() if page.account_id is None else {page.account_id.lower()}
    if expected != made_up(partition.account):  # no row names a made-up id
        account_ids.update(getattr(row, "account_id", expected) for row in page.rows)
    for other in sorted(account_ids - {expected}):
        raise UnexpectedPayload(
            f"{stream.path}: the response belongs to account {other}, "
            f"but {partition.account!r} is account {expected}"
        )


def _last_millis(window: Window) -> int:
    """The end of a window in whole milliseconds since 1970, rounded up."""
    return -((EPOCH - window.end) // _MILLISECOND)


def _iso_millis(millis: int) -> str:
    at = EPOCH + timedelta(milliseconds=millis)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _epoch_millis(millis: int) -> str:
    return str(millis)
