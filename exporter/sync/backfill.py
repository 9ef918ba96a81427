"""Fill the gaps of history, several windows at a time, until there is none.

One chain of cursors waits for the exchange most of the time; a few side by side use the whole
request budget. When fewer windows are left than workers, an idle worker takes over the older half
of what another one still has to read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from exporter.api.paginator import Paginator
from exporter.logs import context
from exporter.model.errors import (
    BadRequest,
    Connecting,
    CursorExpired,
    DatabaseError,
    ExchangeError,
    ExporterError,
    NotYet,
    StandingBy,
    Stopping,
)
from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.store.loader import Batch, Loaded, Run
from exporter.store.storage import Storage
from exporter.sync.failure_streaks import FailureStreaks
from exporter.sync.history import HistorySync

_log = logging.getLogger(__name__)
WORKERS = 3
DEADLINE_S = 300.0
"""How long a page is retried."""
_IDLE_WAIT_S = 0.2
_SOON_S = 0.5
_CLOSED_INTERVAL_S = 3_600.0
_CLOSED_DEADLINE_S = 10.0


@dataclass
class Progress:
    """How far a backfill has got. ``monotonic`` returns seconds that never go back."""

    monotonic: Callable[[], float] = time.monotonic
    wanted_s: float = 0.0
    """Seconds of history that were missing at the start."""
    proven_s: float = 0.0
    """Seconds of it that were proven since."""
    pages: int = 0
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

    ``on_progress`` is called after each commit, from several threads.
    """

    def __init__(
        self,
        sync: HistorySync,
        on_progress: OnProgress = lambda _progress: None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self._sync = sync
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._queue: list[tuple[Partition, Window]] = []
        self._paginators: dict[Paginator, Partition] = {}
        self._errors: list[Exception] = []
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
            for gap in reversed(sync.missing(partition, wanted)):
                pieces.extend((partition, piece) for piece in sync.pieces(partition, gap))
        return pieces

    def _newest(self) -> datetime:
        """Where the tail begins, which its next pass reads."""
        return self._sync.settled() - self._sync.interval

    def complete(
        self, window: Window | None = None, partitions: Iterable[Partition] | None = None
    ) -> None:
        """Read what is missing; after an error again, as long as each try proves more.

        The newest instant is fixed at the start: time that passes between two tries is no progress.
        Raises as `run`.
        """
        wanted = None if partitions is None else list(partitions)
        newest = self._newest()
        while True:
            proven_s = self.progress.proven_s
            try:
                self.run(self.plan(window, wanted, newest))
                return
            except ExchangeError as error:
                if self.progress.proven_s <= proven_s:
                    raise
                _log.info("retrying the backfill, since it made progress: %s", error)

    def run(self, pieces: Iterable[tuple[Partition, Window]]) -> Progress:
        """Read the planned windows. Raises the last error after trying all, or Stopping."""
        self._errors = []
        self._queue = list(pieces)
        if not self._queue:
            return self.progress
        missing_s = sum(window.span.total_seconds() for _, window in self._queue)
        self.progress.wanted_s = self.progress.proven_s + missing_s
        self._report()
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="backfill") as pool:
            for future in [pool.submit(context.copied(self._work)) for _ in range(WORKERS)]:
                future.result()
        if self._sync.stop.is_set():
            raise Stopping("asked to stop during a backfill")
        if self._standing_by is not None:
            raise self._standing_by
        if self._errors:
            raise self._errors[-1]
        return self.progress

    def _work(self) -> None:
        """A worker: read windows from the queue, or half of another's, until none is left."""
        while not self._sync.stop.is_set() and self._standing_by is None:
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
                lambda loaded, batch: self._loaded(proven, loaded, batch),
            )
        finally:
            with self._lock:
                del self._paginators[paginator]
            self._report()

    def _loaded(self, proven: _Proven, loaded: Loaded, batch: Batch) -> None:
        with self._lock:
            progress = self.progress
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


class GapFiller:
    """Keeps histories complete for as long as the service runs.

    ``keep_away`` tells, by account and stream, which must not be requested now.
    """

    def __init__(
        self,
        syncs: Sequence[HistorySync],
        storage: Storage,
        stop: threading.Event,
        keep_away: Callable[[str, str], bool] = lambda _account, _stream: False,
        interval_s: float = 10.0,
    ) -> None:
        self._syncs = syncs
        self._storage = storage
        self._stop = stop
        self._keep_away = keep_away
        self._interval_s = interval_s
        self._closed_due: dict[tuple[str, str], float] = {}
        self._streaks = FailureStreaks()
        self._connecting = False
        """Postgres is about to answer."""

    def run(self) -> None:
        """Fill gaps whenever there are some, until the process stops."""
        while not self._stop.is_set():
            self._connecting = False
            for sync in self._syncs:
                try:
                    if not self._keep_away(*sync.key):
                        self.fill(sync)
                except Stopping:
                    return
                except Exception:  # noqa: BLE001  a bug in one stream must not end the others
                    _log.exception("bug: unhandled exception in a backfill")
            self._stop.wait(_SOON_S if self._connecting else self._interval_s)

    def _fill_closed(self, sync: HistorySync) -> None:
        """Read the history of closed instruments once an hour; a refusal is not a failure."""
        if sync.monotonic() < self._closed_due.get(sync.key, 0.0):
            return
        for partition in sync.closed_partitions():
            backfill = Backfill(sync, deadline_s=_CLOSED_DEADLINE_S)
            try:
                sync.required(partition)
                sync.retire(partition, closed=True)
                backfill.complete(partitions=[partition])
            except ExchangeError as error:
                _log.info("could not read the history of a closed instrument: %s", error)
        for partition in sync.partitions():
            sync.retire(partition, closed=False)
        # Last, so that a pass that was interrupted is repeated soon.
        self._closed_due[sync.key] = sync.monotonic() + _CLOSED_INTERVAL_S

    def fill(self, sync: HistorySync, on_progress: OnProgress = lambda _progress: None) -> bool:
        """Fill the gaps of one stream; whether all could be filled. Raises Stopping."""
        with sync.logged():
            return self._fill(sync, Backfill(sync, on_progress))

    def _fill(self, sync: HistorySync, backfill: Backfill) -> bool:
        try:
            sync.account.check_lease()
            backfill.complete()
            opened = sync.open_counting()
            self._fill_closed(sync)
            if opened or backfill.progress.pages:
                sync.refresh()
        except Stopping:
            raise
        except (NotYet, StandingBy) as error:
            _log.debug("not now: %s", error)
            self._connecting |= isinstance(error, Connecting)
            return False
        except BadRequest as error:
            self._log_failure(
                sync, logging.WARNING, "could not read some of the history: %s", error
            )
            if backfill.only_refusals:
                sync.open_counting()
            return False
        except ExporterError as error:
            self._log_failure(sync, logging.INFO, "history is still incomplete: %s", error)
            return False
        self._streaks.end(sync.key)
        if backfill.progress.pages:
            _log.info("history is complete", extra=backfill.progress.facts())
        return True

    def _log_failure(self, sync: HistorySync, level: int, text: str, error: ExporterError) -> None:
        """A gap that stays is tried every few seconds, and logged less and less often."""
        count, due = self._streaks.failed(sync.key, text)
        quiet = not due or self._storage.repeats_outage(error)
        _log.log(logging.DEBUG if quiet else level, text, error, extra={"failures": count})


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
