"""Fill the gaps of history, several windows at a time, until there is none.

One chain of cursors waits for the exchange most of the time; a few side by side use the whole
request budget. When fewer windows are left than workers, an idle worker takes over the older half
of what another one still has to read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from exporter.api.paginator import Paginator
from exporter.logs import context
from exporter.model.errors import (
    BadRequest,
    CursorExpired,
    DatabaseError,
    ExchangeError,
    NotYet,
    StandingBy,
    Stopping,
)
from exporter.model.stream import Partition
from exporter.model.window import Window, cut_newest_first, merge, subtract
from exporter.store.loader import Batch, Loaded, Run
from exporter.sync.history import HistorySync

_log = logging.getLogger(__name__)
WORKERS = 3
DEADLINE_S = 300.0
"""How long a page is retried."""
_IDLE_WAIT_S = 0.2


@dataclass
class Progress:
    """How far a backfill has got. ``monotonic`` returns seconds that never go back."""

    monotonic: Callable[[], float] = time.monotonic
    wanted_s: float = 0.0
    """Seconds of history that were missing at the start."""
    proven_s: float = 0.0
    """Seconds of it that were proven since."""
    pages: int = 0
    late: int = 0
    """New rows of time that had been proven complete: they appeared after it was read."""
    inserted: int = 0
    updated: int = 0
    rejected: int = 0
    windows_left: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.monotonic()

    @property
    def ratio(self) -> float:
        """The share of the missing time that has been proven, 0 to 1."""
        return min(self.proven_s / self.wanted_s, 1.0) if self.wanted_s else 1.0

    def rate(self) -> float:
        """Pages per second since the start."""
        return self.pages / max(self.monotonic() - self.began, 0.001)

    def facts(self) -> dict[str, object]:
        """What has been done so far, for a log line."""
        took_s = round(self.monotonic() - self.began, 3)
        rows = {"inserted": self.inserted, "updated": self.updated, "rejected": self.rejected}
        return {"pages": self.pages, **rows, "duration_s": took_s}

    def left_s(self) -> float | None:
        """Seconds to go at the rate so far; None before the first page.

        Expected are as many pages per second of history as so far, and at least one per window.
        """
        if not self.pages or self.wanted_s == 0:
            return None
        pages = self.pages / self.proven_s * (self.wanted_s - self.proven_s) if self.proven_s else 0
        return max(pages, float(self.windows_left)) / self.rate()


OnProgress = Callable[[Progress], None]


class Backfill:
    """Fills the gaps of one stream of one account.

    ``on_progress`` is called after each commit, from several threads. ``again``: what is proven is
    read once more, for rows that appeared late or changed; it stays proven meanwhile.
    ``workers``: how many windows are read at once; one is read by the caller's thread.
    ``may_go_on`` is asked before each window but the first.
    """

    def __init__(
        self,
        sync: HistorySync,
        on_progress: OnProgress = lambda _progress: None,
        deadline_s: float = DEADLINE_S,
        *,
        again: bool = False,
        workers: int = WORKERS,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._deadline_s = deadline_s
        self._workers = workers
        self._may_go_on = may_go_on
        self._turned_over = False
        """Somebody else has a turn: nothing more is begun."""
        self._again = again
        self._read_again: dict[Partition, list[Window]] = {}
        """What was proven once more by this backfill."""
        self._proven_before: dict[Partition, list[Window]] = {}
        self._sync = sync
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._queue: list[tuple[Partition, Window]] = []
        self._paginators: dict[Paginator, Partition] = {}
        self._errors: list[Exception] = []
        self._refused: list[tuple[Partition, Window, BadRequest]] = []
        self._left_out: dict[Partition, BadRequest] = {}
        self._standing_by: StandingBy | None = None
        """Another process took the account over: nothing more is requested."""
        self.progress = Progress(sync.monotonic)

    def plan(
        self,
        window: Window | None = None,
        partitions: Iterable[Partition] | None = None,
        newest: datetime | None = None,
    ) -> list[tuple[Partition, Window]]:
        """What is missing, newest first, in windows that may be requested.

        ``window``: only this part of history, even where it lies before the required start; None:
        from the required start up to ``newest``. ``partitions``: only these; None: all.
        ``newest``: None is where the tail begins now.
        """
        sync, pieces = self._sync, list[tuple[Partition, Window]]()
        for partition in sync.partitions() if partitions is None else partitions:
            wanted = window or Window(sync.required(partition), newest or self._newest())
            reach = sync.reach.of(partition)
            if reach is not None:
                wanted = Window(max(wanted.start, reach), max(wanted.end, reach))
            if self._again:
                pieces.extend(
                    (partition, piece) for piece in self._to_read_again(partition, wanted)
                )
                continue
            missing = [
                (partition, piece)
                for gap in reversed(sync.missing(partition, wanted))
                for piece in sync.pieces(partition, gap)
            ]
            if reach is not None:  # what is about to age out comes first
                missing = [*missing[-1:], *missing[:-1]]
            pieces.extend(missing)
        return pieces

    def _to_read_again(self, partition: Partition, wanted: Window) -> Iterator[Window]:
        """All of ``wanted`` that this backfill has not read, newest first: what was proven before
        and what was not in windows of their own, so that late rows can be told from others."""
        before = self._proven_before.setdefault(partition, self._sync.covered(partition, wanted))
        left = subtract(wanted, merge(self._read_again.get(partition, [])))
        parts = [
            part
            for window in left
            for part in (
                *(known.intersect(window) for known in before),
                *subtract(window, before),
            )
            if not part.empty
        ]
        for part in sorted(parts, reverse=True):
            yield from cut_newest_first(part, self._sync.max_window(partition))

    def _newest(self) -> datetime:
        """Where the tail begins, which its next pass reads."""
        return self._sync.settled() - self._sync.interval

    def complete(
        self, window: Window | None = None, partitions: Iterable[Partition] | None = None
    ) -> None:
        """Read what is missing; after an error again, as long as each try proves more.

        The newest instant is fixed at the start: time that passes between two tries is no progress.
        A window that is refused may teach what the exchange serves: see `reach`. Raises as `run`.
        """
        wanted = None if partitions is None else list(partitions)
        newest = self._newest()
        while True:
            proven_s = self.progress.proven_s
            planned = self.plan(window, wanted, newest)
            try:
                self.run(task for task in planned if task[0] not in self._left_out)
            except ExchangeError as error:
                if self.progress.proven_s > proven_s:
                    _log.info("retrying the backfill, since it made progress: %s", error)
                elif not self._learn():
                    raise
                continue
            for refusal in self._left_out.values():
                raise refusal
            return

    def _learn(self) -> bool:
        """Whether what was refused has taught anything, so that another plan may succeed."""
        newest: dict[Partition, tuple[Window, BadRequest]] = {}
        for partition, window, error in sorted(self._refused, key=lambda task: task[1]):
            newest[partition] = window, error
        learned = [
            self._sync.reach.learn(partition, self._sync.required(partition), window, error)
            for partition, (window, error) in newest.items()
        ]
        return any(learned)

    def run(self, pieces: Iterable[tuple[Partition, Window]]) -> Progress:
        """Read the planned windows. Raises the last error after trying all, or Stopping."""
        self._errors, self._refused = [], []
        self._queue = list(pieces)
        if not self._queue:
            return self.progress
        missing_s = sum(window.span.total_seconds() for _, window in self._queue)
        self.progress.wanted_s = self.progress.proven_s + missing_s
        self._report()
        self._work_in_parallel()
        if self._sync.stop.is_set():
            raise Stopping("asked to stop during a backfill")
        if self._standing_by is not None:
            raise self._standing_by
        if self._errors:
            raise self._errors[-1]
        if self._turned_over:
            raise NotYet("the rest of the gaps is filled when it is its turn again")
        return self.progress

    def _work_in_parallel(self) -> None:
        if self._workers == 1:
            self._work()
            return
        with ThreadPoolExecutor(self._workers, thread_name_prefix="backfill") as pool:
            for future in [pool.submit(context.copied(self._work)) for _ in range(self._workers)]:
                future.result()

    def _work(self) -> None:
        """A worker: read windows from the queue, or half of another's, until none is left."""
        windows = 0
        while self._goes_on(windows):
            windows += 1
            with self._lock:
                task = self._queue.pop(0) if self._queue else self._steal()
                others = bool(self._paginators)
            if task is None:
                if not others:
                    return
                self._sync.stop.wait(_IDLE_WAIT_S)
                continue
            try:
                self._read(*task)
            except Stopping:
                return
            except StandingBy as error:
                self._standing_by = error  # which ends the other workers, too
                return
            except (ExchangeError, DatabaseError) as error:
                # The last one is raised, and logged by whoever catches it.
                _log.debug("could not read a window: %s", error, extra={"window": str(task[1])})
                self._errors.append(error)
                if isinstance(error, BadRequest):
                    self._note_refused(*task, error)

    def _goes_on(self, windows: int) -> bool:
        """Whether a worker that has had so many ``windows`` may have another one."""
        if self._sync.stop.is_set() or self._standing_by is not None:
            return False
        self._turned_over |= windows > 0 and not self._may_go_on()
        return not self._turned_over

    def _note_refused(self, partition: Partition, window: Window, refusal: BadRequest) -> None:
        self._refused.append((partition, window, refusal))
        if refusal.about_instrument:
            self._leave_out(partition, refusal)

    def _leave_out(self, partition: Partition, refusal: BadRequest) -> None:
        """The exchange does not know the instrument: its other windows would be refused, too."""
        with self._lock:
            self._left_out[partition] = refusal
            self._queue = [task for task in self._queue if task[0] != partition]

    def _steal(self) -> tuple[Partition, Window] | None:
        for paginator, partition in self._paginators.items():
            window = paginator.steal_older_half()
            if window is not None:
                return partition, window
        return None

    def _read(self, partition: Partition, window: Window) -> None:
        self._sync.account.check_lease()
        paginator = self._sync.paginator(partition, window, "backfill", self._deadline_s)
        with self._lock:
            self._paginators[paginator] = partition
        try:
            proven = _Proven()
            self._sync.load(
                partition,
                paginator,
                Run("backfill", window),
                self._sync.settled(),
                lambda loaded, batch: self._loaded((partition, window), proven, loaded, batch),
            )
        finally:
            with self._lock:
                del self._paginators[paginator]
            self._report()

    def _loaded(
        self, task: tuple[Partition, Window], proven: _Proven, loaded: Loaded, batch: Batch
    ) -> None:
        partition, window = task
        with self._lock:
            progress = self.progress
            if self._again and batch.proven is not None:
                self._read_again.setdefault(partition, []).append(batch.proven)
            if not subtract(window, self._proven_before.get(partition, [])):
                progress.late += loaded.inserted
            progress.pages += batch.pages
            progress.inserted += loaded.inserted
            progress.updated += loaded.updated
            progress.rejected += loaded.rejected
            progress.proven_s += proven.grown_to(batch.proven)
        self._report()

    def _report(self) -> None:
        self.progress.windows_left = len(self._queue) + len(self._paginators)
        self._on_progress(self.progress)

    @property
    def only_refusals(self) -> bool:
        """Whether the exchange refuses to serve all that is missing now."""
        return all(
            isinstance(error, BadRequest) and not isinstance(error, CursorExpired)
            for error in self._errors
        )


@dataclass
class _Proven:
    """How many seconds of a window have been proven so far."""

    seconds: float = 0.0

    def grown_to(self, window: Window | None) -> float:
        """By how many seconds ``window`` exceeds what was proven before."""
        if window is None or window.empty:
            return 0.0
        grown = max(window.span.total_seconds() - self.seconds, 0.0)
        self.seconds += grown
        return grown
