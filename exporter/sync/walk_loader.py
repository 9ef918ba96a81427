"""Load the pages of one walk through a window of history, batch by batch, as they are read.

What was read before an error is loaded and claimed, then the error is raised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from math import inf

from exporter.api.paginator import PageResult, Paginator, settled_only
from exporter.logs import context
from exporter.metrics import Instrumentation
from exporter.model.errors import DataRefused, TimedOut
from exporter.model.stream import History, Partition
from exporter.model.window import RESOLUTION, Window
from exporter.store import bookkeeping, loader
from exporter.store.loader import Batch, Loaded, Run
from exporter.store.storage import Storage
from exporter.sync.account import Account
from exporter.sync.outside import AHEAD, placed

_log = logging.getLogger(__name__)
BATCH_ROWS = 1_000
BATCH_CHARACTERS = 750_000
BATCH_SECONDS = 1.0
"""A batch is committed when it has so many rows, or so much text of theirs, or is so old."""
_LONGEST_TAIL_WALK_S = 60.0
"""A tail that takes longer ends with what it has proven: the backfill reads the rest."""

OnLoaded = Callable[[Loaded, Batch], None]
"""Called after each commit with what it changed and the pages that it was made of."""


class WalkLoader:
    """Loads the walks through one history stream of one account. Safe to use from any thread.

    ``believed_from``: from when on rows of a partition are facts, whatever was asked for.
    """

    def __init__(
        self,
        account: Account,
        stream: History,
        storage: Storage,
        instrumentation: Instrumentation,
        monotonic: Callable[[], float],
        believed_from: Callable[[Partition], datetime],
    ) -> None:
        self._account = account
        self._stream = stream
        self._storage = storage
        self._instrumentation = instrumentation
        self._monotonic = monotonic
        self._believed_from = believed_from

    def load(
        self,
        partition: Partition,
        paginator: Paginator,
        run: Run,
        settled: datetime,
        loaded: OnLoaded,
    ) -> None:
        """Load all pages; ``run`` is the record of this walk.

        Rows newer than ``settled`` are loaded, but prove nothing yet. Until the walk is complete it
        proves nothing of the overlap at its older end: joined to the range proven before, that
        range would look as if its overlap had been read again.

        Raises ExchangeError, DatabaseError, StandingBy and Stopping.
        """
        run.run_id = self._storage.writable().run(bookkeeping.number_run)
        with context.bind(scope=partition.instrument, run=str(run.run_id or "")):
            self._load(partition, paginator, run, settled, loaded)

    def settled(self, walk_began: float | None = None) -> datetime:
        """Up to when rows can be expected to have appeared, aware UTC.

        ``walk_began``, by the steady clock: in what was read since, which may be older than now.
        Raises ExchangeError.
        """
        now = self._account.now()
        if walk_began is not None:
            now = min(now, self._account.stated(self._stream.path, walk_began) or now)
        return now - self._stream.allowed_lateness

    def _load(
        self,
        partition: Partition,
        paginator: Paginator,
        run: Run,
        settled: datetime,
        loaded: OnLoaded,
    ) -> None:
        overlap = self._stream.of(partition.instrument).overlap
        lowest = run.wanted.start + overlap + RESOLUTION
        batch, began, walk_began = Batch(), self._monotonic(), self._account.clock.steady()
        characters = 0
        ends_at = began + _LONGEST_TAIL_WALK_S if run.lane == "tail" else inf
        try:
            for page in paginator.pages():
                self._account.check_lease()
                # A response may have corrected the exchange's clock, or tell that it is old: so is
                # what the walk has read, whatever later responses tell.
                settled = min(settled, self.settled(walk_began))
                limits = Window(lowest, settled)
                if self._stream.settles:
                    page = settled_only(self._stream, page, settled)
                if page.page.outside:
                    history = Window(self._believed_from(partition), self._account.now() + AHEAD)
                    page = placed(self._stream, page, history)
                _add(batch, page, limits, run.wanted)
                characters += sum(len(row.raw) for row in page.rows)
                large = len(batch.rows) >= BATCH_ROWS or characters >= BATCH_CHARACTERS
                full = large or self._monotonic() - began >= BATCH_SECONDS
                if full and not page.complete:
                    self._commit(partition, run, batch, loaded)
                    batch, began, characters = Batch(), self._monotonic(), 0
                if not page.complete and self._monotonic() >= ends_at:
                    raise TimedOut(
                        f"{self._stream.path}: the newest part was not read to its end within "
                        f"{_LONGEST_TAIL_WALK_S:g} s; the backfill reads what is left of it"
                    )
        finally:
            if batch.pages:
                self._commit(partition, run, batch, loaded)

    def _commit(self, partition: Partition, run: Run, batch: Batch, loaded: OnLoaded) -> None:
        before = len(run.found["returned"])
        done = self._write(partition, run, batch)
        run.run_id = done.run_id
        if len(run.found["returned"]) > before:
            _log.warning("facts that had vanished are shown again: see reporting.late_facts")
        loader.remember(run, self._stream, batch)
        rows = {name: value for name, value in done._asdict().items() if name != "run_id"}
        facts = {"lane": run.lane, "pages": batch.pages, **rows, "complete": batch.complete}
        _log.debug("committed", extra=facts | {"run_id": run.run_id})
        if done.rejected:
            _log.warning("rejected unreadable records: see onetrading_sync.rejects", extra=rows)
        self._instrumentation.record_rows(partition.account, partition.stream, **rows)
        loaded(done, batch)

    def _write(self, partition: Partition, run: Run, batch: Batch) -> Loaded:
        """Load a batch; when Postgres refuses it for a value, all of it but the odd records."""

        def load(*, salvaging: bool) -> Loaded:
            return self._storage.run_leased(
                partition.account_id,
                lambda connection, lease: loader.load(
                    connection, self._stream, partition, run, batch, lease, salvaging=salvaging
                ),
            )

        try:
            return load(salvaging=False)
        except DataRefused as refused:
            _log.debug("looking for the records that cannot be stored: %s", refused)
            return load(salvaging=True)


def _add(batch: Batch, result: PageResult, limits: Window, wanted: Window) -> None:
    """Add a page to a batch of a walk through ``wanted``; what it proves is cut to ``limits``."""
    batch.rows.extend(result.rows)
    batch.rejects.extend(result.page.rejects)
    batch.drift.update(result.drift)
    batch.pages += 1
    batch.complete = result.complete
    if result.proven is None:
        return
    if result.complete:
        # Its older part may have been left to another walk.
        batch.walked = Window(result.proven.start, min(wanted.end, limits.end))
    start = result.proven.start if result.complete else max(result.proven.start, limits.start)
    proven = Window(start, min(result.proven.end, limits.end))
    if batch.proven is not None and proven.end == batch.proven.start:
        # A window that was split proves its newer half first.
        proven = Window(proven.start, batch.proven.end)
    if not proven.empty:
        batch.proven = proven
