"""Fill what is missing of history, several windows at a time, until nothing is.

One chain of cursors waits for the exchange most of the time; a few side by side use the whole
request budget. When fewer windows are left than walkers, a walker that has nothing to do takes
over the older half of what another still has to read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from exporter.api.paginator import Paginator
from exporter.logs import context
from exporter.model.errors import BadRequest, CursorExpired, DatabaseError, ExchangeError, Stopping
from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.store import totals
from exporter.store.loader import Batch, Loaded, Run
from exporter.sync.dependencies import Parts
from exporter.sync.history import HistorySync

_log = logging.getLogger(__name__)
WALKERS = 3
DEADLINE_S = 300.0
_IDLE_LOOK_S = 0.2


@dataclass
class Progress:
    """How far a backfill is; read by whoever shows it."""

    wanted_s: float = 0.0
    """Seconds of history that were missing at the start."""
    proven_s: float = 0.0
    pages: int = 0
    inserted: int = 0
    updated: int = 0
    rejected: int = 0
    windows_left: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def ratio(self) -> float:
        """The share of the missing time that is proven now, 0 to 1."""
        return min(self.proven_s / self.wanted_s, 1.0) if self.wanted_s else 1.0

    def rate(self) -> float:
        """Pages a second since the start."""
        return self.pages / max(time.monotonic() - self.began, 0.001)

    def told(self) -> dict[str, object]:
        """What was done so far, for the log."""
        took_s = round(time.monotonic() - self.began, 3)
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
        parts: Parts,
        reader: HistorySync,
        show: Show = lambda _progress: None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._parts = parts
        self._deadline_s = deadline_s
        self._reader = reader
        self._show = show
        self._lock = threading.Lock()
        self._todo: list[tuple[Partition, Window]] = []
        self._walking: dict[Paginator, Partition] = {}
        self._errors: list[Exception] = []
        self.progress = Progress()

    def plan(
        self,
        window: Window | None = None,
        partitions: Iterable[Partition] | None = None,
        newest: datetime | None = None,
    ) -> list[tuple[Partition, Window]]:
        """What is missing, newest first, in pieces that may be asked for.

        ``window``: only this part of history, wanted even where it lies before the start of what
        is required; None: from there up to ``newest``. ``scopes``: only these.
        ``newest``: None is what the tail reads now.
        """
        pieces: list[tuple[Partition, Window]] = []
        for partition in self._reader.partitions() if partitions is None else partitions:
            wanted = window or Window(self._reader.required(partition), newest or self._newest())
            for gap in reversed(self._reader.missing(partition, wanted)):
                pieces.extend((partition, piece) for piece in self._reader.pieces(partition, gap))
        return pieces

    def _newest(self) -> datetime:
        """Where the tail's part begins: its next pass reads it."""
        return self._reader.settled() - self._parts.interval(self._reader.stream)

    def complete(
        self, window: Window | None = None, partitions: Iterable[Partition] | None = None
    ) -> None:
        """Read what is missing, again as long as each try proves more. Raises as `run`.

        Until where is settled once: the time that passes between two tries is no progress.
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
        if self._parts.stop.is_set():
            raise Stopping("stopped during a backfill")
        if self._errors:
            raise self._errors[-1]
        return self.progress

    def _work(self) -> None:
        """What a walker does: take a window, or half of somebody's, until none is left."""
        while not self._parts.stop.is_set():
            with self._lock:
                task = self._todo.pop(0) if self._todo else self._shared()
                others = bool(self._walking)
            if task is None:
                if not others:
                    return
                self._parts.stop.wait(_IDLE_LOOK_S)
                continue
            try:
                self._read(*task)
            except Stopping:
                return
            except (ExchangeError, DatabaseError) as error:
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
        paginator = self._reader.paginator(partition, window, "backfill", self._deadline_s)
        with self._lock:
            self._walking[paginator] = partition
        try:
            proven = _Proven()
            self._reader.load(
                partition,
                paginator,
                Run("backfill", window),
                self._reader.settled(),
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

    def open_counting(self) -> bool:
        """Let the counters begin, once all of the required history that can be had was read.

        False when they had begun before.
        """
        stream = self._reader.stream
        if stream.totals is None:
            return False
        partition = self._parts.partition(self._reader.account, stream)
        since = self._reader.required(partition)
        return self._parts.writable().run(totals.open_counting, stream, partition, since)


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
