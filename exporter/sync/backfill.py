"""Fill what is missing of history, several windows at a time, until nothing is.

One chain of cursors waits for the exchange most of the time; a few side by side use the whole
request budget. When fewer windows are left than walkers, a walker that has nothing to do takes
over the older half of what another still has to read.
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
    CursorExpired,
    DatabaseError,
    ExchangeError,
    ExporterError,
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
WALKERS = 3
DEADLINE_S = 300.0
_IDLE_LOOK_S = 0.2
_CLOSED_EVERY_S = 3_600.0
_CLOSED_DEADLINE_S = 10.0


@dataclass
class Progress:
    """How far a backfill is; read by whoever shows it."""

    monotonic: Callable[[], float] = time.monotonic
    wanted_s: float = 0.0
    """Seconds of history that were missing at the start."""
    proven_s: float = 0.0
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
        """The share of the missing time that is proven now, 0 to 1."""
        return min(self.proven_s / self.wanted_s, 1.0) if self.wanted_s else 1.0

    def rate(self) -> float:
        """Pages a second since the start."""
        return self.pages / max(self.monotonic() - self.began, 0.001)

    def facts(self) -> dict[str, object]:
        """What was done so far, for the log."""
        took_s = round(self.monotonic() - self.began, 3)
        rows = {"inserted": self.inserted, "updated": self.updated, "rejected": self.rejected}
        return {"pages": self.pages, **rows, "duration_s": took_s}

    def left_s(self) -> float | None:
        """Seconds to go: pages still expected, at the rate so far. None before it can be said.

        Pages still expected: as many for each second of history as so far, at least one a window.
        """
        if not self.pages or self.wanted_s == 0:
            return None
        dense = self.pages / self.proven_s * (self.wanted_s - self.proven_s) if self.proven_s else 0
        return max(dense, float(self.windows_left)) / self.rate()


Show = Callable[[Progress], None]


class Backfill:
    """Fills the gaps of one stream of one account."""

    def __init__(
        self,
        sync: HistorySync,
        show: Show = lambda _progress: None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self._sync = sync
        self._show = show
        self._lock = threading.Lock()
        self._todo: list[tuple[Partition, Window]] = []
        self._walking: dict[Paginator, Partition] = {}
        self._errors: list[Exception] = []
        self.progress = Progress(sync.monotonic)

    def plan(
        self,
        window: Window | None = None,
        partitions: Iterable[Partition] | None = None,
        newest: datetime | None = None,
    ) -> list[tuple[Partition, Window]]:
        """What is missing, newest first, in pieces that may be asked for.

        ``window``: only this part of history, wanted even where it lies before the start of what
        is required; None: from there up to ``newest``. ``partitions``: only these.
        ``newest``: None is what the tail reads now.
        """
        sync, pieces = self._sync, list[tuple[Partition, Window]]()
        for partition in sync.partitions() if partitions is None else partitions:
            wanted = window or Window(sync.required(partition), newest or self._newest())
            for gap in reversed(sync.missing(partition, wanted)):
                pieces.extend((partition, piece) for piece in sync.pieces(partition, gap))
        return pieces

    def _newest(self) -> datetime:
        """Where the tail's part begins: its next pass reads it."""
        return self._sync.settled() - self._sync.interval

    def complete(
        self, window: Window | None = None, partitions: Iterable[Partition] | None = None
    ) -> None:
        """Read what is missing, again as long as each try proves more. Raises as `run`.

        Up to where is decided once: the time that passes between two tries is no progress.
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
                _log.info("trying once more, since it got further: %s", error)

    def run(self, pieces: Iterable[tuple[Partition, Window]]) -> Progress:
        """Read the planned pieces. Raises the last error after trying all, or Stopping."""
        self._errors = []
        self._todo = list(pieces)
        if not self._todo:
            return self.progress
        missing_s = sum(window.span.total_seconds() for _, window in self._todo)
        self.progress.wanted_s = self.progress.proven_s + missing_s
        self._report()
        with ThreadPoolExecutor(WALKERS, thread_name_prefix="backfill") as pool:
            for future in [pool.submit(context.copied(self._work)) for _ in range(WALKERS)]:
                future.result()
        if self._sync.stop.is_set():
            raise Stopping("stopped during a backfill")
        if self._errors:
            raise self._errors[-1]
        return self.progress

    def _work(self) -> None:
        """What a walker does: take a window, or half of somebody's, until none is left."""
        while not self._sync.stop.is_set():
            with self._lock:
                task = self._todo.pop(0) if self._todo else self._shared()
                others = bool(self._walking)
            if task is None:
                if not others:
                    return
                self._sync.stop.wait(_IDLE_LOOK_S)
                continue
            try:
                self._read(*task)
            except Stopping:
                return
            except (ExchangeError, DatabaseError, StandingBy) as error:
                # The last one is raised, and logged by whoever catches it.
                _log.debug("a window stays open: %s", error, extra={"window": str(task[1])})
                self._errors.append(error)

    def _shared(self) -> tuple[Partition, Window] | None:
        for paginator, partition in self._walking.items():
            window = paginator.steal_older_half()
            if window is not None:
                return partition, window
        return None

    def _read(self, partition: Partition, window: Window) -> None:
        paginator = self._sync.paginator(partition, window, "backfill", self._deadline_s)
        with self._lock:
            self._walking[paginator] = partition
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
                del self._walking[paginator]
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
        self.progress.windows_left = len(self._todo) + len(self._walking)
        self._show(self.progress)

    @property
    def only_refusals(self) -> bool:
        """Whether all that is missing now is what the exchange will not tell."""
        return all(
            isinstance(error, BadRequest) and not isinstance(error, CursorExpired)
            for error in self._errors
        )


class GapFiller:
    """Keeps the history of one account complete, for as long as the service runs.

    ``keep_away`` says which streams are not to be asked for now.
    """

    def __init__(
        self,
        syncs: Sequence[HistorySync],
        storage: Storage,
        stop: threading.Event,
        keep_away: Callable[[str, str], bool] = lambda _account, _stream: False,
        look_every_s: float = 10.0,
    ) -> None:
        self._syncs = syncs
        self._storage = storage
        self._stop = stop
        self._keep_away = keep_away
        self._look_every_s = look_every_s
        self._closed_due: dict[str, float] = {}
        self._streaks = FailureStreaks()

    def run(self) -> None:
        """Fill gaps whenever there are any, until the process stops."""
        while not self._stop.is_set():
            for sync in self._syncs:
                try:
                    if not self._keep_away(*sync.key):
                        self.fill(sync)
                except Stopping:
                    return
                except Exception:  # noqa: BLE001  a bug in one stream must not end the others
                    _log.exception("bug: unhandled exception in a backfill")
            self._stop.wait(self._look_every_s)

    def _fill_closed(self, sync: HistorySync) -> None:
        """Read the history of closed instruments once in a while; a refusal is no failure."""
        name = sync.stream.name
        if sync.monotonic() < self._closed_due.get(name, 0.0):
            return
        self._closed_due[name] = sync.monotonic() + _CLOSED_EVERY_S
        for partition in sync.closed_partitions():
            backfill = Backfill(sync, deadline_s=_CLOSED_DEADLINE_S)
            try:
                sync.required(partition)
                sync.retire(partition, closed=True)
                backfill.complete(partitions=[partition])
            except ExchangeError as error:
                _log.info("no history of a closed instrument: %s", error)
        for partition in sync.partitions():
            sync.retire(partition, closed=False)

    def fill(self, sync: HistorySync, show: Show = lambda _progress: None) -> bool:
        """Fill the gaps of one stream; whether it was possible. Raises Stopping."""
        if sync.account.standing_by():
            return False
        with sync.logged():
            return self._fill(sync, Backfill(sync, show))

    def _fill(self, sync: HistorySync, backfill: Backfill) -> bool:
        try:
            backfill.complete()
            opened = sync.open_counting()
            self._fill_closed(sync)
            if opened or backfill.progress.pages:
                sync.refresh()
        except Stopping:
            raise
        except StandingBy as error:
            _log.debug("not now: %s", error)
            return False
        except BadRequest as error:
            self._tell(sync, logging.WARNING, "could not read a part of the history: %s", error)
            if backfill.only_refusals:
                sync.open_counting()
            return False
        except ExporterError as error:
            self._tell(sync, logging.INFO, "history is still incomplete: %s", error)
            return False
        self._streaks.over(sync.stream.name)
        if backfill.progress.pages:
            _log.info("history is complete", extra=backfill.progress.facts())
        return True

    def _tell(self, sync: HistorySync, level: int, text: str, error: ExporterError) -> None:
        """A gap that stays is looked at every few seconds: say so less and less often."""
        count, due = self._streaks.failed(sync.stream.name, text)
        quiet = not due or self._storage.repeats_outage(error)
        _log.log(logging.DEBUG if quiet else level, text, error, extra={"failures": count})


@dataclass
class _Proven:
    """How many seconds of its window a walk has proven so far."""

    seconds: float = 0.0

    def grown_to(self, window: Window | None) -> float:
        """How many seconds ``window`` proves more than was known."""
        if window is None or window.empty:
            return 0.0
        grown = max(window.span.total_seconds() - self.seconds, 0.0)
        self.seconds += grown
        return grown
