"""Read closed positions, which are listed by their opening, and only once they are closed.

What is proven says "of what was opened in it, all that had been closed by then", and gets old with
each position that closes. A pass reads the newest part, and everything again from the opening of
the oldest position that may have been closed since the last one. Nothing else is requested: while
no position closes, a pass takes one request. Whoever relies on what somebody else has observed
looks for himself from time to time: from the oldest open position on each day, everything each
month.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from exporter.api.client import OnError
from exporter.model.closings import Closings
from exporter.model.errors import BadRequest
from exporter.model.stream import Partition
from exporter.model.window import Window, cut_newest_first
from exporter.store import closings, counted_positions, totals
from exporter.store.closings import State
from exporter.store.database import Connection
from exporter.store.loader import Batch, Lane, Run
from exporter.sync.account import Account
from exporter.sync.history import HistorySync
from exporter.sync.stream_sync import SyncContext

_log = logging.getLogger(__name__)
_NEWEST = timedelta(hours=1)
"""What the first pass reads; the backfill reads the rest."""
_OPEN_AGAIN = timedelta(days=1)
_ALL_AGAIN = timedelta(days=30)
_DEADLINE_S = 60.0
_LESSONS = 8
"""How often a pass finds out why a window is refused: windows of half a year end at a day."""


class _Plan(NamedTuple):
    """What a pass reads, and what it has proven once it has read all of it."""

    window: Window
    lane: Lane
    now: datetime
    settled: datetime
    open_read: bool = False
    all_read: bool = False


class ClosingsSync(HistorySync):
    """Reads what is listed by its beginning once it has ended."""

    stream: Closings
    starts_with_others = True

    def __init__(self, account: Account, stream: Closings, shared: SyncContext) -> None:
        super().__init__(account, stream, shared)
        self.stream = stream
        floor = stream.paging.floor
        if floor is not None:
            self.requirement.begin_at(floor)

    def missing(self, partition: Partition, window: Window) -> list[Window]:
        """As of every history, up to what passes have read: only they know what may have closed."""
        known = Window(window.start, min(window.end, self._state(partition).closed_to))
        return [] if known.empty else super().missing(partition, known)

    def pieces(self, partition: Partition, gap: Window) -> Iterator[Window]:
        """Oldest first: a month is complete only when those before it are."""
        yield from reversed(list(super().pieces(partition, gap)))

    def open_counting(self) -> totals.Opening:
        """As of every history; what is counted is when a position was closed."""
        partition = self.account.partition(self.stream)
        return self.database.run(
            counted_positions.open_counting, self.stream, partition, self.required(partition)
        )

    def _state(self, partition: Partition) -> State:
        """As of when what is proven is complete; before the first walk, as of now."""
        found = self.database.look(closings.state, partition)
        if found is not None:
            return found
        now = self.now()
        closed_to = now - self.stream.allowed_lateness
        self.storage.run_leased(
            partition.account_id,
            lambda connection, lease: closings.begin(connection, partition, lease, closed_to, now),
        )
        return State(closed_to, now, now)

    def _read_tail(self, partition: Partition, on_error: OnError, *, retry: bool) -> bool:
        """As of every history; a window that is refused may teach what the exchange serves."""
        deadline_s = min(self.interval.total_seconds(), _DEADLINE_S) if retry else 0.0
        for lessons_left in reversed(range(_LESSONS + 1)):
            required = self.required(partition)
            plan = self._plan(partition, required, self.now())
            if plan.window.empty:
                return False
            refused = self._read_planned(partition, plan, deadline_s, on_error)
            if refused is None:
                return True
            window, error = refused
            if not lessons_left or not self.reach.learn(partition, required, window, error):
                raise error
        raise AssertionError("the last lesson returns or raises")

    def _read_planned(
        self, partition: Partition, plan: _Plan, deadline_s: float, on_error: OnError
    ) -> tuple[Window, BadRequest] | None:
        """Read a plan, oldest first: its end proves all of it. Returns a window that was refused,
        which ends it."""

        def advance(connection: Connection, batch: Batch) -> None:
            if batch.walked is None:
                return
            closings.advance(
                connection,
                partition,
                min(batch.walked.end, plan.settled),
                plan.now,
                open_read=plan.open_read,
                all_read=plan.all_read,
            )

        newest, *older = cut_newest_first(plan.window, self.max_window(partition))
        for window in (*reversed(older), newest):
            run = Run(plan.lane, window, at_end=advance if window is newest else None)
            paginator = self.paginator(partition, window, plan.lane, deadline_s, on_error)
            try:
                self.load(partition, paginator, run, plan.settled, self._note_read)
            except BadRequest as error:
                return window, error
        return None

    def _plan(self, partition: Partition, required: datetime, now: datetime) -> _Plan:
        """What to read, as far back as the exchange serves it."""
        settled = now - self.stream.allowed_lateness
        plan = self._wanted(partition, required, now, settled)
        reach = self.reach.of(partition)
        if reach is None or reach <= plan.window.start:
            return plan
        return plan._replace(window=Window(reach, plan.window.end))

    def _wanted(
        self, partition: Partition, required: datetime, now: datetime, settled: datetime
    ) -> _Plan:
        """The newest part, and whatever may have been closed since the last pass."""
        end = now - self.stream.paging.unit
        covered_to = self._covered_to(partition, settled)
        state = self._state(partition)
        if covered_to is None:
            return _Plan(Window(max(required, now - _NEWEST), end), "tail", now, settled)
        newest = min(covered_to, now) - self.stream.overlap
        open_due = now - state.open_read_at >= _OPEN_AGAIN
        since = self.database.run_ahead(
            closings.since,
            self.stream,
            partition,
            min(state.closed_to, covered_to, settled),
            settled,
            self.stream.paging.floor or required,
            all_open=open_due,
        )
        starts = [newest, since.suspects or newest]
        if open_due and since.still_open is not None:
            starts.append(since.still_open)
        all_due = not since.observed or now - state.all_read_at >= _ALL_AGAIN
        if all_due:
            first = self.database.look(closings.first_covered, partition)
            starts.append(min(required, first or required))
        start = min(starts)
        if start >= newest:
            # Before the required start, there is nothing to be read without a reason.
            window = Window(max(newest, required), end)
            return _Plan(window, "tail", now, settled, open_due, all_due)
        _log.debug("reading closed positions again from %s on", start)
        return _Plan(Window(start, end), "backfill", now, settled, open_due, all_due)
