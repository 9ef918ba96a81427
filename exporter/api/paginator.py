"""Walk a window of history page by page, and say at each page what is proven by then.

A walk that breaks has proven what it said so far; `proof` holds the rules.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from exporter.api.client import Client, OnError
from exporter.api.coverage import CoverageTracker
from exporter.api.identity import made_up
from exporter.api.rate_limiter import Priority
from exporter.model.errors import CursorExpired, UnexpectedPayload
from exporter.model.page import read
from exporter.model.stream import Drift, History, Page, Partition
from exporter.model.window import EPOCH, RESOLUTION, Window

_EMPTY_PAGES_IN_A_ROW = 100
_MILLISECOND = timedelta(milliseconds=1)
_WORTH_SHARING = timedelta(minutes=10)


class PageResult(NamedTuple):
    """One page: its rows inside the window, what else it told, and what is proven by now."""

    rows: list[Any]
    page: Page
    drift: list[Drift]
    proven: Window | None
    complete: bool
    """The last step: the whole window is proven."""


class Paginator:
    """One walk through ``window``; `pages` may be taken once.

    ``on_error`` is told each failed attempt, retried or not. Another thread may
    call `steal_older_half`.
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
        self._proof = CoverageTracker(stream, window.end)
        self._given_away = window.start
        """What lies before is another walk's to read."""
        self._split = False
        self._complete = False

    def steal_older_half(self) -> Window | None:
        """Give away the older half of what is left to read, when that is worth another walk."""
        with self._lock:
            left = Window(self._given_away, self._proof.floor)
            if self._split or self._complete or not self._proof.partial:
                return None
            if left.span < _WORTH_SHARING:
                return None
            older, newer = left.halves()
            self._given_away = newer.start
            return older

    def pages(self) -> Iterator[PageResult]:
        """The pages of the window. Raises ExchangeError; what was proven before stays proven.

        A cursor that expired restarts the window, from where it is proven; again only when the
        walk has got further since.
        """
        yield from self._through(self._window)

    def _through(self, window: Window) -> Iterator[PageResult]:
        chain = _Chain(self._stream.path)
        asked, anew = window, False
        restarted_at: datetime | None = None
        while True:
            try:
                page = self._ask(asked, chain.cursor)
            except CursorExpired:
                floor = self._proof.floor
                if chain.cursor is None or (restarted_at is not None and floor >= restarted_at):
                    raise
                restarted_at, chain, anew = floor, _Chain(self._stream.path), True
                asked = self._rest(window) if self._proof.partial else window
                continue
            if self._must_be_halved(page):
                yield from self._halves(window, page)
                return
            step = self._judge(window, page, anew)
            yield step
            if step.complete:
                return
            chain.follow(page)
            anew = page.cursor is None
            asked = self._rest(window) if anew else asked

    def _ask(self, window: Window, cursor: str | None) -> Page:
        body = self._client.get(
            self._stream.path,
            parameters(self._stream, window, self._partition.instrument, cursor),
            priority=self._priority,
            deadline_s=self._deadline_s,
            on_error=self._on_error,
        )
        page = read(self._stream, body, self._partition.account_id)
        self._recognise(page)
        return page

    def _recognise(self, page: Page) -> None:
        """Raises UnexpectedPayload when a page, or a row of it, is of another account."""
        ours = self._partition.account_id
        found = set() if page.account_id is None else {page.account_id.lower()}
        if ours != made_up(self._partition.account):  # else only the rows tell whose they are
            found.update(getattr(row, "account_id", ours) for row in page.rows)
        for other in sorted(found - {ours}):
            raise UnexpectedPayload(
                f"{self._stream.path}: the answer is of account {other}, "
                f"but {self._partition.account!r} is {ours}"
            )

    def _judge(self, window: Window, page: Page, anew: bool) -> PageResult:
        """Hold a page against the laws, and say what is proven."""
        rows = self._proof.inside(window, page)
        with self._lock:
            ends, odd = self._proof.follow(page, anew)
            ours = Window(max(self._given_away, window.start), window.end)
            reached = self._proof.partial and self._proof.floor < ours.start
            self._complete = complete = ends or reached
            proven = self._proof.proven(ours, complete=complete)
        return PageResult(rows, page, [*page.drift, *odd], proven, complete)

    def _rest(self, window: Window) -> Window:
        """What is left to ask: from the floor down, with the floor's own instant once more."""
        return Window(window.start, self._proof.floor + RESOLUTION)

    def _must_be_halved(self, page: Page) -> bool:
        """A full page in no order, without a cursor: it may hide rows anywhere."""
        paging = self._stream.paging
        cut = paging.cursor is None and page.cursor is None and page.records >= paging.size
        return cut and page.order == "mixed"

    def _halves(self, window: Window, page: Page) -> Iterator[PageResult]:
        yield PageResult(self._proof.inside(window, page), page, page.drift, None, False)
        older, newer = window.halves()
        if older.span <= self._stream.paging.unit:
            raise UnexpectedPayload(
                f"{self._stream.path}: more rows at {window.start} than one answer holds"
            )
        self._split = True
        for part in (newer, older):
            with self._lock:
                self._proof.begin(part.end)
            for step in self._through(part):
                yield step._replace(complete=step.complete and part is older)


class _Chain:
    """The cursors of one chain of pages: none may come twice, and the chain must get somewhere."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: set[str] = set()
        self._empty_pages = 0
        self.cursor: str | None = None

    def follow(self, page: Page) -> None:
        """Go on to the next page. Raises UnexpectedPayload when that leads nowhere."""
        self.cursor = page.cursor
        if page.cursor is None:
            return
        if page.cursor in self._seen:
            raise UnexpectedPayload(f"{self._path}: the cursor {page.cursor!r} repeats")
        self._seen.add(page.cursor)
        self._empty_pages = 0 if page.records else self._empty_pages + 1
        if self._empty_pages > _EMPTY_PAGES_IN_A_ROW:
            raise UnexpectedPayload(f"{self._path}: only empty pages, and no end")


def parameters(
    stream: History, window: Window, instrument: str, cursor: str | None
) -> dict[str, str]:
    """The query of one page: the window one unit wider on both sides, and where to go on."""
    paging = stream.paging
    write = _iso_millis if paging.time == "iso_ms" else _epoch_millis
    since = (window.start - EPOCH) // _MILLISECOND
    until = -((EPOCH - window.end) // _MILLISECOND)
    unit = paging.unit // _MILLISECOND
    query = {**stream.parameters, "from": write(since - unit), "to": write(until + unit)}
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
