"""Load the pages of one walk through a window of history, batch by batch, as they are read.

What was read before an error is loaded and claimed, then the error is raised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import NamedTuple

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
_LONGEST_WAIT_S = 5.0
"""How long the last batch of a walk waits for those of others."""
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
        together: Together | None = None,
    ) -> None:
        """Load all pages; ``run`` is the record of this walk. ``together``: its last batch may be
        committed later, with those of others.

        Rows newer than ``settled`` are loaded, but prove nothing yet. Until the walk is complete it
        proves nothing of the overlap at its older end: joined to the range proven before, that
        range would look as if its overlap had been read again.

        Raises ExchangeError, DatabaseError, StandingBy and Stopping.
        """
        if run.run_id is None:
            numbers = self._storage.writable().run_at_once(bookkeeping.number_runs, 1)
            run.run_id = next(iter(numbers), None)
        with context.bind(scope=partition.instrument, run=str(run.run_id or "")):
            walk = _Walk(partition, run, loaded)
            self._load(walk, paginator, settled)
            if together is not None:
                together.add(walk.read())
            else:
                self._commit([walk.read()])

    @contextmanager
    def together(self) -> Iterator[Together]:
        """Commit the last batches of several walks in as few transactions as their size allows,
        the last one at the end of the block, however that ends."""
        gathered = Together(self._commit, self._monotonic)
        try:
            yield gathered
        finally:
            gathered.commit()

    def settled(self, walk_began: float | None = None) -> datetime:
        """Up to when rows can be expected to have appeared, aware UTC.

        ``walk_began``, by the steady clock: in what was read since, which may be older than now.
        Raises ExchangeError.
        """
        now = self._account.now()
        if walk_began is not None:
            now = min(now, self._account.stated(self._stream.path, walk_began) or now)
        return now - self._stream.allowed_lateness

    def _load(self, walk: _Walk, paginator: Paginator, settled: datetime) -> None:
        """Load all pages but those of the last batch, which is left; after an error all."""
        run = walk.run
        overlap = self._stream.of(walk.partition.instrument).overlap
        lowest = run.wanted.start + overlap + RESOLUTION
        began, walk_began, characters = self._monotonic(), self._account.clock.steady(), 0
        ends_at = began + _LONGEST_TAIL_WALK_S if run.lane == "tail" else inf
        with self._committed_after_errors(walk):
            for page in paginator.pages():
                self._account.check_lease()
                # A response may have corrected the exchange's clock, or tell that it is old: so is
                # what the walk has read, whatever later responses tell.
                settled = min(settled, self.settled(walk_began))
                limits = Window(lowest, settled)
                if self._stream.settles:
                    page = settled_only(self._stream, page, settled)
                if page.page.outside:
                    since = self._believed_from(walk.partition)
                    page = placed(self._stream, page, Window(since, self._account.now() + AHEAD))
                _add(walk.batch, page, limits, run.wanted)
                characters += sum(len(row.raw) for row in page.rows)
                large = len(walk.batch.rows) >= BATCH_ROWS or characters >= BATCH_CHARACTERS
                full = large or self._monotonic() - began >= BATCH_SECONDS
                if full and not page.complete:
                    self._commit([walk.read()])
                    walk.batch, began, characters = Batch(), self._monotonic(), 0
                if not page.complete and self._monotonic() >= ends_at:
                    raise TimedOut(
                        f"{self._stream.path}: the newest part was not read to its end within "
                        f"{_LONGEST_TAIL_WALK_S:g} s; the backfill reads what is left of it"
                    )

    @contextmanager
    def _committed_after_errors(self, walk: _Walk) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._commit([walk.read()])
            raise

    def _commit(self, walked: Sequence[Walked]) -> None:
        """Commit batches in one transaction; each in one of its own, without the records that
        Postgres refuses, if it refuses any of them for good."""
        walked = [one for one in walked if one.step.batch.pages]
        if not walked:
            return
        try:
            done = self._write([one.step for one in walked])
        except DataRefused as refused:
            _log.debug("looking for the records that cannot be stored: %s", refused)
            for one in walked:
                self._committed(one, self._salvage(one.step))
            return
        for one, loaded in zip(walked, done, strict=True):
            self._committed(one, loaded)

    def _committed(self, walked: Walked, done: Loaded) -> None:
        scope = walked.step.partition.instrument
        with context.bind(scope=scope, run=str(done.run_id or "")):
            self._tell(walked, done)
        walked.loaded(done, walked.step.batch)

    def _tell(self, walked: Walked, done: Loaded) -> None:
        partition, run, batch = walked.step
        run.run_id = done.run_id
        if len(run.found["returned"]) > walked.returned:
            _log.warning("facts that had vanished are shown again: see reporting.late_facts")
        loader.remember(run, self._stream, batch)
        rows = {name: value for name, value in done._asdict().items() if name != "run_id"}
        facts = {"lane": run.lane, "pages": batch.pages, **rows, "complete": batch.complete}
        _log.debug("committed", extra=facts | {"run_id": run.run_id})
        if done.rejected:
            _log.warning("rejected unreadable records: see onetrading_sync.rejects", extra=rows)
        self._instrumentation.record_rows(partition.account, partition.stream, **rows)

    def _write(self, steps: Sequence[loader.Step]) -> list[Loaded]:
        return self._storage.run_leased(
            steps[0].partition.account_id,
            lambda connection, lease: loader.load_all(connection, self._stream, steps, lease),
            ahead=True,
        )

    def _salvage(self, step: loader.Step) -> Loaded:
        """Load a batch that Postgres refuses for a value, all of it but the odd records."""
        partition, run, batch = step
        return self._storage.run_leased(
            partition.account_id,
            lambda connection, lease: loader.load(
                connection, self._stream, partition, run, batch, lease, salvaging=True
            ),
        )


class Walked(NamedTuple):
    """The last batch of a walk, or one that is large enough."""

    step: loader.Step
    loaded: OnLoaded
    returned: int
    """How many facts that had vanished its walk had shown before."""


@dataclass
class _Walk:
    """A walk, and those of its pages that are not committed yet."""

    partition: Partition
    run: Run
    loaded: OnLoaded
    batch: Batch = field(default_factory=Batch)

    def read(self) -> Walked:
        """The batch as it is now."""
        step = loader.Step(self.partition, self.run, self.batch)
        return Walked(step, self.loaded, len(self.run.found["returned"]))


class Together:
    """Batches that are committed together. Used by one thread."""

    def __init__(
        self, commit: Callable[[Sequence[Walked]], None], monotonic: Callable[[], float]
    ) -> None:
        self._commit = commit
        self._monotonic = monotonic
        self._waiting: list[Walked] = []
        self._rows = 0
        self._since = 0.0

    def add(self, walked: Walked) -> None:
        """Commit it later, or with those that wait when they are many, or have waited for long."""
        partition, _, batch = walked.step
        if any(partition == other.step.partition for other in self._waiting):
            self.commit()  # what it brings is compared with what the other one brought
        if not self._waiting:
            self._since = self._monotonic()
        self._waiting.append(walked)
        self._rows += len(batch.rows)
        if self._rows >= BATCH_ROWS or self._monotonic() - self._since >= _LONGEST_WAIT_S:
            self.commit()

    def commit(self) -> None:
        """Commit what waits. Raises as `WalkLoader.load`."""
        waiting, self._waiting, self._rows = self._waiting, [], 0
        self._commit(waiting)


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
