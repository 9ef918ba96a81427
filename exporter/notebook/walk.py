"""Walk through a range of history, page by page, and know what that proves.

The rules are those of the exporter (`exporter.api.coverage`): only the explicit end of a window
proves that there is nothing more in it. Memory holds one page, and the keys of the window that is
being read: pages may repeat rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Generic, TypeVar

from exporter.api.paginator import PageResult, Paginator, settled_only
from exporter.api.rate_limiter import Priority
from exporter.model.errors import ExchangeError, ExporterError, HistoryIncomplete
from exporter.model.stream import Drift, History, Partition, Reject
from exporter.model.window import Window, merge, subtract
from exporter.notebook.access import Access
from exporter.notebook.advice import advise

RowT = TypeVar("RowT")

_MOST_KEPT = 1_000
"""Of what is odd: a walk through broken records must not fill the memory."""
ROWS_PER_WINDOW = 20_000
"""What a window should hold: it bounds the keys that are kept, not what is read."""
_FIRST_SHARE = 16
"""The first window is so much shorter than what the exchange accepts: how many rows come is not
known yet. Windows grow while they hold few."""
_SHORTEST = timedelta(minutes=1)
_SLACK = timedelta(seconds=1)
"""Windows are requested a little wider than they are, and the exchange limits what is requested."""


class IncompleteWarning(UserWarning):
    """A walk has ended, and has not proven all of the range that was asked for."""


class HistoryWalk(Generic[RowT]):
    """The rows of a stream from ``window.start`` up to, not including, ``window.end``, newest
    first. May be iterated once.

    What it has proven is known at any time, also after an error; when it ends without having
    proven all of ``window``, it raises the error of the exchange, or warns (`IncompleteWarning`).
    """

    def __init__(self, access: Access, stream: History, window: Window, scope: str = "") -> None:
        self._access = access
        self._scope = scope
        self._stream = stream.of(scope)
        floor = stream.paging.floor
        self.window = window if floor is None else window._replace(start=max(floor, window.start))
        """What was asked for, in aware UTC, as far as the exchange accepts it."""
        self.row_count = 0
        """How many rows came so far."""
        self.page_count = 0
        """How many responses they were read from."""
        self.reject_count = 0
        """How many records of the range could not be read."""
        self.rejects: list[Reject] = []
        """The first thousand of these, as sent, with the reason."""
        self.outside_count = 0
        """How many records came that were not asked for; they are not among the rows."""
        self.drift: set[Drift] = set()
        """What is not as the exchange documents: fields, values, the order of pages."""
        self._proven: list[Window] = []
        self._begun = self._quiet = False
        self._refused: set[str] = set()
        self._key: Callable[[Any], Any] = attrgetter(*stream.table.key)
        self._instant: Callable[[Any], datetime | None] = attrgetter(stream.instant)

    @property
    def proven(self) -> tuple[Window, ...]:
        """The ranges of which every row was yielded, oldest first, without gap or overlap.

        What happened within the last minute or two is in none of them: its rows may appear late.
        """
        return tuple(self._proven)

    @property
    def missing(self) -> tuple[Window, ...]:
        """What of ``window`` is not proven, oldest first."""
        return tuple(subtract(self.window, self._proven))

    @property
    def complete(self) -> bool:
        """Whether every record of ``window`` was yielded: all of it is proven, and each could be
        read."""
        return not self.missing and self.reject_count == 0

    def all(self) -> list[RowT]:
        """Every row, newest first. Raises HistoryIncomplete unless the walk is complete, and
        ExchangeError: never returns a part."""
        self._quiet = True
        rows = list(self)
        if not self.complete:
            raise HistoryIncomplete(self._told())
        return rows

    def __iter__(self) -> Iterator[RowT]:
        if self._begun:
            raise ValueError(
                f"this walk through {self._stream.name} was read already: call the method again, "
                "or keep its rows in a list"
            )
        self._begun = True
        return self._read()

    def __repr__(self) -> str:
        state = "complete" if self.complete else "not complete"
        return f"<{self._range(self.window)}: {self.row_count} rows, {state}>"

    def _read(self) -> Iterator[RowT]:
        try:
            yield from self._windows(self._access.partition(self._stream, self._scope))
        except GeneratorExit:
            self._warn("the walk was left before its end: ")
            raise
        except ExporterError as error:
            if isinstance(error, ExchangeError):
                advise(error)
            error.add_note(self._told())
            raise
        self._warn("")

    def _windows(self, partition: Partition) -> Iterator[RowT]:
        """Windows from the newest to the oldest, as long as the density of rows suggests."""
        longest = self._stream.max_window - _SLACK
        span = longest / _FIRST_SHARE
        end = min(self.window.end, self._access.time.now())
        keys = set[Any]()
        while end > self.window.start:
            window = Window(max(self.window.start, end - span), end)
            before = self.row_count
            # What need not tell its instant may be in two windows.
            keys = set() if self._stream.ordered else keys
            yield from self._pages(partition, window, keys)
            span = following_span(span, self.row_count - before, longest)
            end = window.start

    def _pages(self, partition: Partition, window: Window, keys: set[Any]) -> Iterator[RowT]:
        began = self._access.clock.steady()
        settled = self.window.end
        paginator = Paginator(
            self._access.client,
            self._stream,
            partition,
            window,
            priority=Priority.HISTORY,
            deadline_s=self._access.patience_s,
            on_error=lambda _error: None,
        )
        for result in paginator.pages():
            # What is read may be as old as the responses say.
            settled = min(settled, self._settled(began))
            if self._stream.settles:
                result = settled_only(self._stream, result, settled)
            self._note(result)
            for row in result.rows:
                key = self._key(row)
                if key in keys or not self._belongs(row):
                    continue
                keys.add(key)
                self.row_count += 1
                yield row
            self._claim(result, settled)

    def _settled(self, began: float) -> datetime:
        """Up to when rows can be expected to have appeared in what was read since then."""
        now, clock = self._access.time.now(), self._access.clock
        endpoint = self._stream.endpoint or self._stream.path
        stated = clock.stated(self._access.witness(endpoint), began)
        return min(now, stated or now) - self._stream.allowed_lateness

    def _belongs(self, row: Any) -> bool:
        at = self._instant(row)
        return at is None or self.window.holds(at)

    def _note(self, result: PageResult) -> None:
        """Count what is odd about a page."""
        self.page_count += 1
        self.outside_count += len(result.page.outside)
        for reject in result.page.rejects:
            at = reject.happened_at
            if reject.raw in self._refused or not (at is None or self.window.holds(at)):
                continue
            self.reject_count += 1
            if len(self.rejects) < _MOST_KEPT:
                self._refused.add(reject.raw)
                self.rejects.append(reject)
        if len(self.drift) < _MOST_KEPT:
            self.drift.update(result.drift)

    def _claim(self, result: PageResult, settled: datetime) -> None:
        """The rows of a page were yielded: so is what it proves."""
        if result.proven is not None:
            proven = Window(result.proven.start, min(result.proven.end, settled))
            self._proven = merge([*self._proven, proven])

    def _warn(self, why: str) -> None:
        odd = not self.complete or self.outside_count
        if odd and not self._quiet:
            warnings.warn(why + self._told(), IncompleteWarning, stacklevel=3)

    def _told(self) -> str:
        """What the walk has found and proven, as a sentence."""
        facts = [f"{self.row_count} rows"]
        if self._proven:
            facts.append("proven complete " + ", ".join(map(_span, self._proven)))
        if self.missing:
            facts.append("not proven " + ", ".join(map(_span, self.missing)))
        if self.reject_count:
            facts.append(f"{self.reject_count} records could not be read, see `rejects`")
        if self.outside_count:
            facts.append(f"{self.outside_count} records lie outside of what was asked for")
        return f"{self._range(self.window)}: {'; '.join(facts)}"

    def _range(self, window: Window) -> str:
        scope = f" of {self._scope}" if self._scope else ""
        return f"{self._stream.name}{scope} {_span(window)}"


def following_span(span: timedelta, rows: int, longest: timedelta) -> timedelta:
    """How long the next window is, where one of ``span`` held ``rows``: at most twice as long."""
    return min(longest, max(_SHORTEST, span * min(2.0, ROWS_PER_WINDOW / max(rows, 1))))


def _span(window: Window) -> str:
    return f"from {_text(window.start)} to {_text(window.end)}"


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
