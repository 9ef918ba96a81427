"""Read windows of history and load what they hold, page by page, with what they prove.

Two lanes share one coverage table. The tail reads the newest part on every pass, with an overlap
over what is proven already; backfill (its own module) reads what is missing before it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from exporter.api.client import Failed
from exporter.api.paginator import Step, Walk
from exporter.api.rate_limiter import Priority
from exporter.logs import context
from exporter.model.errors import BadRequest, NotYet
from exporter.model.stream import History, Metric, Sample, Scope
from exporter.model.window import RESOLUTION, Window, cut_newest_first, merge, seconds, subtract
from exporter.store import bookkeeping, loader
from exporter.store.loader import Batch, Lane, Loaded, Run
from exporter.sync.dependencies import Account, Parts

_log = logging.getLogger(__name__)
BATCH_ROWS = 1_000
BATCH_SECONDS = 1.0
_LONGEST_TAIL = timedelta(hours=1)
_SPAN_SLACK = timedelta(seconds=1)
"""Windows are asked a little wider than they are; the exchange counts what is asked."""

Loading = Callable[[Loaded, Batch], None]


class Reader:
    """Reads windows of one stream of one account into Postgres."""

    def __init__(self, parts: Parts, account: Account, stream: History, failed: Failed) -> None:
        self._parts = parts
        self.account = account
        self.stream = stream
        self._failed = failed

    @property
    def longest_window(self) -> timedelta:
        """The longest window that may be asked for."""
        return self.stream.span - _SPAN_SLACK

    def now(self) -> datetime:
        """The exchange's time: windows do not follow our own clock. Raises ExchangeError."""
        return self.account.now()

    def walk(self, scope: Scope, window: Window, lane: Lane, deadline_s: float) -> Walk:
        """A walk in the lane's priority."""
        return Walk(
            self.account.client,
            self.stream,
            scope,
            window,
            priority=Priority.LIVE if lane == "tail" else Priority.HISTORY,
            deadline_s=deadline_s,
            failed=self._failed,
        )

    def load(
        self,
        scope: Scope,
        walk: Walk,
        run: Run,
        settled: datetime,
        loaded: Loading = lambda _loaded, _batch: None,
    ) -> None:
        """Load a walk to its end. Rows newer than ``settled`` load, and prove nothing yet.

        What came before an error is loaded and claimed; then the error is raised. Until the walk
        is complete it proves nothing of the overlap it begins with: joined to what was proven
        before, the range would look as if its overlap had been read again.
        """
        run.run_id = self._parts.writable().run(bookkeeping.number_run)
        with context.about(scope=scope.scope, run=str(run.run_id or "")):
            self._load(scope, walk, run, settled, loaded)

    def _load(self, scope: Scope, walk: Walk, run: Run, settled: datetime, loaded: Loading) -> None:
        lowest = run.wanted.start + self.stream.overlap + RESOLUTION
        batch, began = Batch(), time.monotonic()
        try:
            for step in walk.steps():
                # An answer may have corrected our idea of the exchange's clock.
                limits = Window(lowest, min(settled, self.settled()))
                _take(batch, step, limits)
                full = len(batch.rows) >= BATCH_ROWS or time.monotonic() - began >= BATCH_SECONDS
                if full and not step.complete:
                    self._commit(scope, run, batch, loaded)
                    batch, began = Batch(), time.monotonic()
        finally:
            if batch.pages:
                self._commit(scope, run, batch, loaded)

    def _commit(self, scope: Scope, run: Run, batch: Batch, loaded: Loading) -> None:
        database = self._parts.writable()
        lease = self._parts.lease(scope.account_id)
        done = database.run(loader.load, self.stream, scope, run, batch, lease)
        run.run_id = done.run_id
        rows = {name: value for name, value in done._asdict().items() if name != "run_id"}
        told = {"lane": run.lane, "pages": batch.pages, **rows, "complete": batch.complete}
        _log.debug("committed", extra=told | {"run_id": run.run_id})
        if done.rejected:
            _log.warning("records cannot be read; onetrading_sync.rejects has them", extra=rows)
        self._parts.instruments.rows(scope.account, scope.stream, **rows)
        loaded(done, batch)

    def scopes(self) -> list[Scope]:
        """What must be walked: the stream as a whole, or each futures instrument that is open."""
        base = self._parts.scope(self.account, self.stream)
        if not self.stream.scope:
            return [base]
        return [base._replace(scope=code) for code, state in self._futures() if state != "CLOSED"]

    def closed_scopes(self) -> list[Scope]:
        """Instruments that settle no more. The exchange may refuse them, so nothing waits for them:
        they are retired, and their history is read where it can be had.
        """
        if not self.stream.scope:
            return []
        base = self._parts.scope(self.account, self.stream)
        return [base._replace(scope=code) for code, state in self._futures() if state == "CLOSED"]

    def _futures(self) -> list[tuple[str, str]]:
        """Code and state of each futures instrument. Raises NotYet before they were read."""
        states = self._parts.writable().run(bookkeeping.futures)
        if not states:
            raise NotYet("no futures instrument is known yet")
        return states

    def retire(self, scope: Scope, closed: bool) -> None:
        """Note whether a scope is closed, so that its gaps count or do not."""
        because = "the instrument is closed" if closed else None
        self._parts.writable().run(bookkeeping.retire, scope, because)

    def required(self, scope: Scope) -> datetime:
        """From where the scope's history must be complete."""
        start = self._parts.first_history_start(self.now())
        return self._parts.writable().run(
            bookkeeping.require,
            self.stream,
            scope,
            start,
            explicit=self._parts.history_start is not None,
        )

    def settled(self) -> datetime:
        """Up to where rows can be expected to have appeared."""
        return self.now() - self.stream.settle

    def covered(self, scope: Scope, window: Window) -> list[Window]:
        """The proven parts of ``window``, oldest first."""
        found = self._parts.writable().run(bookkeeping.covered, scope, window)
        return [part.intersect(window) for part in found]

    def missing(self, scope: Scope, window: Window) -> list[Window]:
        """The parts of ``window`` that are not proven, oldest first."""
        return subtract(window, self.covered(scope, window))

    def pieces(self, scope: Scope, gap: Window) -> Iterator[Window]:
        """A gap in windows that may be asked for, newest first.

        Where it follows a proven range, that range's overlap is read again: its late rows may
        have appeared while nobody looked.
        """
        *newer, oldest = cut_newest_first(gap, self.longest_window - self.stream.overlap)
        yield from newer
        follows = self.covered(scope, Window(gap.start - RESOLUTION, gap.start))
        yield Window(gap.start - self.stream.overlap, oldest.end) if follows else oldest

    def tail(self) -> None:
        """Read the newest part of every scope. Raises the last error after trying them all."""
        scopes = self.scopes()
        errors: list[BadRequest] = []
        for scope in scopes:
            try:
                self._tail_of(scope)
            except BadRequest as error:
                errors.append(error)
        for earlier in errors[:-1]:
            _log.warning("a part cannot be had: %s", earlier)
        if errors:
            raise errors[-1]  # whoever catches it logs it

    def _tail_of(self, scope: Scope) -> None:
        required = self.required(scope)
        now = self.now()
        covered_to = self._parts.writable().run(bookkeeping.covered_to, scope)
        longest = max(_LONGEST_TAIL, self.stream.overlap + self.stream.settle)
        start = max(required, now - longest)
        if covered_to is not None and covered_to >= start:
            start = max(required, min(covered_to, now) - self.stream.overlap)
        window = Window(start, now - self.stream.paging.unit)
        if window.empty:
            return
        deadline_s = min(self._parts.interval(self.stream).total_seconds(), 60.0)
        walk = self.walk(scope, window, "tail", deadline_s)
        self.load(scope, walk, Run("tail", window), now - self.stream.settle)

    def refresh(self) -> None:
        """Show what a backfill changed: the counters, and how much is proven."""
        self._parts.board.refreshed(self.account.name, self.stream.name, self.samples())
        self.show_coverage()

    def show_coverage(self) -> None:
        """Put lag, gaps and progress of the stream on the board; worst and sum over its scopes."""
        now, lag_s, gap_s, covered_s = self.now(), 0.0, 0.0, 0.0
        for scope in self.scopes():
            wanted = Window(self.required(scope), now)
            covered = merge(self.covered(scope, wanted))
            newest = covered[-1].end if covered else wanted.start
            gaps = subtract(Window(wanted.start, newest), covered)
            lag_s = max(lag_s, (now - newest).total_seconds())
            gap_s += seconds(gaps)
            covered_s += seconds(covered)
        self._parts.board.coverage(
            self.account.name,
            self.stream.name,
            lag_s=lag_s,
            gap_s=gap_s,
            progress_ratio=covered_s / (covered_s + gap_s) if covered_s else 0.0,
        )

    def samples(self) -> list[Sample]:
        """What the stream's counters stand at, from Postgres."""
        scope = self._parts.scope(self.account, self.stream)
        stored = self._parts.writable().run(bookkeeping.totals, scope)
        metrics: Mapping[str, Metric] = {metric.name: metric for metric in self.stream.metrics}
        return [metrics[name](value, *labels) for name, labels, value in stored if name in metrics]


def _take(batch: Batch, step: Step, limits: Window) -> None:
    batch.rows.extend(step.rows)
    batch.rejects.extend(step.page.rejects)
    batch.drift.update(step.drift)
    batch.pages += 1
    batch.complete = step.complete
    if step.proven is None:
        return
    start = step.proven.start if step.complete else max(step.proven.start, limits.start)
    proven = Window(start, min(step.proven.end, limits.end))
    if batch.proven is not None and proven.end == batch.proven.start:
        # A walk that was cut in halves proves the newer one first.
        proven = Window(proven.start, batch.proven.end)
    if not proven.empty:
        batch.proven = proven
