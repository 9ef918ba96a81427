"""Read windows of history and load what they hold, page by page, with what they prove.

Two lanes share one coverage table. The tail reads the newest part on every pass, with an overlap
over what is proven already; backfill (its own module) reads what is missing before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from exporter.api.client import OnError
from exporter.api.paginator import PageResult, Paginator
from exporter.api.rate_limiter import Priority
from exporter.logs import context
from exporter.model.errors import BadRequest, ExchangeError, NotYet
from exporter.model.stream import History, Metric, Partition, Sample
from exporter.model.window import RESOLUTION, Window, cut_newest_first, merge, seconds, subtract
from exporter.store import bookkeeping, loader, totals
from exporter.store.database import Database
from exporter.store.loader import Batch, Lane, Loaded, Run
from exporter.sync.account import Account
from exporter.sync.stream_sync import StreamSync, SyncContext

_log = logging.getLogger(__name__)
BATCH_ROWS = 1_000
BATCH_SECONDS = 1.0
_LONGEST_TAIL = timedelta(hours=1)
_DEFAULT_HISTORY = timedelta(days=30)
_SPAN_SLACK = timedelta(seconds=1)
"""Windows are asked a little wider than they are; the exchange counts what is asked."""

Loading = Callable[[Loaded, Batch], None]


class HistorySync(StreamSync):
    """Reads windows of one history stream of one account into Postgres."""

    stream: History

    def __init__(self, account: Account, stream: History, shared: SyncContext) -> None:
        super().__init__(account, stream, shared)
        self.stream = stream
        self._metrics = shared.metrics
        self._storage = shared.storage
        self._history_start = shared.history_start
        self.stop = shared.stop
        self.monotonic = shared.monotonic

    def poll(self, on_error: OnError) -> None:
        """Read the newest part, then show what Postgres holds: the counters are nothing else."""
        self.tail(on_error)
        samples = self.samples()
        self.show_coverage()
        for partition in self.partitions():
            self._database.run(bookkeeping.note_attempt, partition, self.interval, None)
        self._metrics.streams.record_success(*self.key, samples)

    @property
    def _database(self) -> Database:
        """Raises DatabaseError while Postgres is away, NotYet before the first try."""
        return self._storage.writable()

    @property
    def max_window(self) -> timedelta:
        """The longest window that may be asked for."""
        return self.stream.max_window - _SPAN_SLACK

    def now(self) -> datetime:
        """The exchange's time: windows do not follow our own clock. Raises ExchangeError."""
        return self.account.now()

    def paginator(
        self,
        partition: Partition,
        window: Window,
        lane: Lane,
        deadline_s: float,
        on_error: OnError | None = None,
    ) -> Paginator:
        """The pages of a window, in the lane's priority.

        ``on_error``: None counts a failed attempt as one of the backfill.
        """
        return Paginator(
            self.account.client,
            self.stream,
            partition,
            window,
            priority=Priority.LIVE if lane == "tail" else Priority.HISTORY,
            deadline_s=deadline_s,
            on_error=on_error or self._count_error,
        )

    def _count_error(self, error: ExchangeError) -> None:
        self._metrics.streams.record_backfill_error(*self.key, error.reason)

    def load(
        self,
        partition: Partition,
        paginator: Paginator,
        run: Run,
        settled: datetime,
        loaded: Loading = lambda _loaded, _batch: None,
    ) -> None:
        """Load a walk to its end. Rows newer than ``settled`` load, and prove nothing yet.

        What came before an error is loaded and claimed; then the error is raised. Until the walk
        is complete it proves nothing of the overlap it begins with: joined to what was proven
        before, the range would look as if its overlap had been read again.
        """
        run.run_id = self._database.run(bookkeeping.number_run)
        with context.bind(scope=partition.instrument, run=str(run.run_id or "")):
            self._load(partition, paginator, run, settled, loaded)

    def _load(
        self,
        partition: Partition,
        paginator: Paginator,
        run: Run,
        settled: datetime,
        loaded: Loading,
    ) -> None:
        lowest = run.wanted.start + self.stream.overlap + RESOLUTION
        batch, began = Batch(), self.monotonic()
        try:
            for step in paginator.pages():
                # An answer may have corrected our idea of the exchange's clock.
                limits = Window(lowest, min(settled, self.settled()))
                _take(batch, step, limits)
                full = len(batch.rows) >= BATCH_ROWS or self.monotonic() - began >= BATCH_SECONDS
                if full and not step.complete:
                    self._commit(partition, run, batch, loaded)
                    batch, began = Batch(), self.monotonic()
        finally:
            if batch.pages:
                self._commit(partition, run, batch, loaded)

    def _commit(self, partition: Partition, run: Run, batch: Batch, loaded: Loading) -> None:
        database = self._database
        lease = self._storage.lease(partition.account_id)
        done = database.run(loader.load, self.stream, partition, run, batch, lease)
        run.run_id = done.run_id
        rows = {name: value for name, value in done._asdict().items() if name != "run_id"}
        told = {"lane": run.lane, "pages": batch.pages, **rows, "complete": batch.complete}
        _log.debug("committed", extra=told | {"run_id": run.run_id})
        if done.rejected:
            _log.warning("records cannot be read; onetrading_sync.rejects has them", extra=rows)
        self._metrics.instrumentation.record_rows(partition.account, partition.stream, **rows)
        loaded(done, batch)

    def partitions(self) -> list[Partition]:
        """What must be walked: the stream as a whole, or each futures instrument that is open."""
        base = self.account.partition(self.stream)
        if not self.stream.partition_by:
            return [base]
        return [
            base._replace(instrument=code) for code, state in self._futures() if state != "CLOSED"
        ]

    def closed_partitions(self) -> list[Partition]:
        """Instruments that settle no more. The exchange may refuse them, so nothing waits for them:
        they are retired, and their history is read where it can be had.
        """
        if not self.stream.partition_by:
            return []
        base = self.account.partition(self.stream)
        return [
            base._replace(instrument=code) for code, state in self._futures() if state == "CLOSED"
        ]

    def _futures(self) -> list[tuple[str, str]]:
        """Code and state of each futures instrument. Raises NotYet before they were read."""
        states = self._database.run(bookkeeping.futures)
        if not states:
            raise NotYet("no futures instrument is known yet")
        return states

    def retire(self, partition: Partition, closed: bool) -> None:
        """Note whether a scope is closed, so that its gaps count or do not."""
        because = "the instrument is closed" if closed else None
        self._database.run(bookkeeping.retire, partition, because)

    def required(self, partition: Partition) -> datetime:
        """From where the scope's history must be complete."""
        start = self._history_start or self.now() - _DEFAULT_HISTORY
        return self._database.run(
            bookkeeping.require,
            self.stream,
            partition,
            start,
            explicit=self._history_start is not None,
        )

    def settled(self) -> datetime:
        """Up to where rows can be expected to have appeared."""
        return self.now() - self.stream.allowed_lateness

    def covered(self, partition: Partition, window: Window) -> list[Window]:
        """The proven parts of ``window``, oldest first."""
        found = self._database.run(bookkeeping.covered, partition, window)
        return [part.intersect(window) for part in found]

    def missing(self, partition: Partition, window: Window) -> list[Window]:
        """The parts of ``window`` that are not proven, oldest first."""
        return subtract(window, self.covered(partition, window))

    def pieces(self, partition: Partition, gap: Window) -> Iterator[Window]:
        """A gap in windows that may be asked for, newest first.

        Where it follows a proven range, that range's overlap is read again: its late rows may
        have appeared while nobody looked.
        """
        *newer, oldest = cut_newest_first(gap, self.max_window - self.stream.overlap)
        yield from newer
        follows = self.covered(partition, Window(gap.start - RESOLUTION, gap.start))
        yield Window(gap.start - self.stream.overlap, oldest.end) if follows else oldest

    def tail(self, on_error: OnError | None = None) -> None:
        """Read the newest part of every scope. Raises the last error after trying them all."""
        partitions = self.partitions()
        errors: list[BadRequest] = []
        for partition in partitions:
            try:
                self._read_tail(partition, on_error)
            except BadRequest as error:
                errors.append(error)
        for earlier in errors[:-1]:
            _log.warning("a part cannot be had: %s", earlier)
        if errors:
            raise errors[-1]  # whoever catches it logs it

    def _read_tail(self, partition: Partition, on_error: OnError | None) -> None:
        required = self.required(partition)
        now = self.now()
        covered_to = self._database.run(bookkeeping.covered_to, partition)
        longest = max(_LONGEST_TAIL, self.stream.overlap + self.stream.allowed_lateness)
        start = max(required, now - longest)
        if covered_to is not None and covered_to >= start:
            start = max(required, min(covered_to, now) - self.stream.overlap)
        window = Window(start, now - self.stream.paging.unit)
        if window.empty:
            return
        deadline_s = min(self.interval.total_seconds(), 60.0)
        paginator = self.paginator(partition, window, "tail", deadline_s, on_error)
        self.load(partition, paginator, Run("tail", window), now - self.stream.allowed_lateness)

    def open_counting(self) -> bool:
        """Let the counters begin, once all of the required history that can be had was read.

        False when they had begun before.
        """
        if self.stream.totals is None:
            return False
        partition = self.account.partition(self.stream)
        since = self.required(partition)
        return self._database.run(totals.open_counting, self.stream, partition, since)

    def refresh(self) -> None:
        """Show what a backfill changed: the counters, and how much is proven."""
        self._metrics.streams.replace_samples(*self.key, self.samples())
        self.show_coverage()

    def show_coverage(self) -> None:
        """Put lag, gaps and progress of the stream on the board; worst and sum over its scopes."""
        now, lag_s, gap_s, covered_s = self.now(), 0.0, 0.0, 0.0
        for partition in self.partitions():
            wanted = Window(self.required(partition), now)
            covered = merge(self.covered(partition, wanted))
            newest = covered[-1].end if covered else wanted.start
            gaps = subtract(Window(wanted.start, newest), covered)
            lag_s = max(lag_s, (now - newest).total_seconds())
            gap_s += seconds(gaps)
            covered_s += seconds(covered)
        self._metrics.streams.record_coverage(
            self.account.name,
            self.stream.name,
            lag_s=lag_s,
            gap_s=gap_s,
            progress_ratio=covered_s / (covered_s + gap_s) if covered_s else 0.0,
        )

    def samples(self) -> list[Sample]:
        """What the stream's counters stand at, from Postgres."""
        partition = self.account.partition(self.stream)
        stored = self._database.run(bookkeeping.totals, partition)
        metrics: Mapping[str, Metric] = {metric.name: metric for metric in self.stream.metrics}
        return [metrics[name](value, *labels) for name, labels, value in stored if name in metrics]


def _take(batch: Batch, step: PageResult, limits: Window) -> None:
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
