"""Read windows of history into Postgres, with the coverage that they prove.

Two lanes share one coverage table. The tail reads the newest part on every pass and overlaps what
is proven already; the backfill (a module of its own) reads what is missing before it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import ClassVar

from exporter.api.client import OnError
from exporter.api.paginator import Paginator
from exporter.api.rate_limiter import Priority
from exporter.model.errors import ExchangeError
from exporter.model.stream import History, Metric, Partition, Sample
from exporter.model.window import (
    RESOLUTION,
    Window,
    cut_newest_first,
    subtract,
)
from exporter.store import bookkeeping, rejects, totals
from exporter.store.bookkeeping import Begun, Progress
from exporter.store.database import Database
from exporter.store.loader import Batch, Lane, Loaded, Run
from exporter.sync import extent
from exporter.sync.account import Account
from exporter.sync.future_claims import FutureClaims
from exporter.sync.reach import Reach
from exporter.sync.requirement import Requirement
from exporter.sync.scopes import Scopes, Survey
from exporter.sync.stream_sync import StreamSync, SyncContext
from exporter.sync.tail import TailPass
from exporter.sync.walk_loader import OnLoaded, Together, WalkLoader

_log = logging.getLogger(__name__)
_LONGEST_TAIL = timedelta(hours=1)
LONGEST_DEADLINE_S = 60.0
"""How long a live request is retried, unless the interval is shorter."""
_LIST_INTERVAL = timedelta(hours=1)
"""How often the instruments are read, unless that is configured."""
_WINDOW_SLACK = timedelta(seconds=1)
"""Windows are requested a little wider than they are, and the exchange limits what is requested."""
_LANES = Priority.LIVE, Priority.HISTORY, Priority.VERIFY
_PRIORITIES: Mapping[Lane, Priority] = dict(
    zip(("tail", "backfill", "verify"), _LANES, strict=True)
)


class HistorySync(StreamSync):
    """Reads windows of one history stream of one account into Postgres."""

    stream: History
    starts_with_others: ClassVar[bool] = False
    """Whether it begins with the account's oldest history, unless a start is configured. So does
    what a setting names later: no month that was complete may become incomplete by it."""

    def __init__(self, account: Account, stream: History, shared: SyncContext) -> None:
        super().__init__(account, stream, shared)
        self.stream = stream
        self._metrics = shared.metrics
        self.storage = shared.storage
        self.requirement = Requirement(
            stream,
            lambda: self.database,
            self.now,
            shared.history_start,
            with_others=self.starts_with_others,
        )
        self.stop, self.monotonic = shared.stop, shared.monotonic
        self.scopes = Scopes(
            account,
            stream,
            lambda: self.database,
            shared.monotonic,
            account.now,
            shared.intervals.get("instruments", _LIST_INTERVAL),
            shared.scopes.get(stream.name, ()),
        )
        self.reach = Reach(
            account.client, stream, lambda: self.database, account.now, shared.monotonic
        )
        self._loader = WalkLoader(
            account,
            stream,
            shared.storage,
            shared.metrics.instrumentation,
            shared.monotonic,
            self.believed_from,
        )
        self._claims = FutureClaims(account, stream, shared.storage)
        self._tail_tried = self._tail_read = False
        self._failed: list[Partition] = []
        self._failure: ExchangeError | None = None
        self._begun: dict[Partition, Begun] = {}
        """What is known of walks that the pass is about to begin."""
        self._together: Together | None = None

    def poll(self, on_error: OnError) -> None:
        """Read the newest part, then show what Postgres holds: counters come from there alone."""
        self.tail(on_error)
        places = self.scopes.served()
        stored = self._conclude(places, [place for place in places if place not in self._failed])
        if self._failure is not None:
            raise self._failure
        self._metrics.streams.record_success(*self.key, self._shown(stored))

    def _conclude(
        self, places: Sequence[Partition], done: Sequence[Partition]
    ) -> Sequence[bookkeeping.Total]:
        """Export how much is proven of ``places``, all that is read, and note a pass over those
        that it has ``done``; the counters, asked for with it."""
        now, base = self.now(), self.account.partition(self.stream)
        wanted_from = {place: self.requirement.wanted_from(place) for place in places}
        read = [place.instrument for place in done]
        found = self.database.run_at_once(bookkeeping.conclude, base, read, self.interval)
        proven = extent.measure(
            [
                (
                    self.requirement.in_force(place, found.progress.get(place.instrument), start),
                    found.covered.get(place.instrument, ()),
                )
                for place, start in wanted_from.items()
            ],
            now,
        )
        refused = self.scopes.refused_count()
        self._metrics.streams.record_coverage(*self.key, **proven._asdict(), scopes_refused=refused)
        return found.totals

    @property
    def database(self) -> Database:
        """Raises DatabaseError while Postgres is away, NotYet before the first try."""
        return self.storage.writable()

    def declared(self, partition: Partition) -> History:
        """The stream as it is declared for a partition."""
        return self.stream.of(partition.instrument)

    def max_window(self, partition: Partition) -> timedelta:
        """The longest window that may be requested of a partition."""
        return self.reach.longest_window(partition) - _WINDOW_SLACK

    def now(self) -> datetime:
        """The exchange's time, aware UTC: windows do not follow the local clock.

        Raises ExchangeError.
        """
        return self.account.now()

    def paginator(
        self,
        partition: Partition,
        window: Window,
        lane: Lane,
        deadline_s: float,
        on_error: OnError | None = None,
    ) -> Paginator:
        """The pages of ``window``, requested with the priority of ``lane``.

        ``deadline_s`` bounds the retries of one page. ``on_error`` is called for each failed
        attempt; None counts it as an error of the backfill.
        """
        return Paginator(
            self.account.client,
            self.declared(partition),
            partition,
            window,
            priority=_PRIORITIES[lane],
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
        loaded: OnLoaded = lambda _loaded, _batch: None,
    ) -> None:
        """Load all pages of a walk: see `WalkLoader.load`."""
        self._loader.load(partition, paginator, run, settled, loaded)

    def partitions(self) -> list[Partition]:
        """What must be complete: the stream as a whole, or each futures instrument that is served.

        Raises NotYet before the instruments are known.
        """
        return self.scopes.survey().served

    def failed_partitions(self) -> list[Partition]:
        """Those that failed in the last pass, when others did not; else all."""
        return self._failed or self.partitions()

    def retire_ended(self) -> list[Partition]:
        """Instruments that are closed or no longer listed; they are recorded as such.

        The exchange may refuse their history, so nothing waits for it: it is read as far as the
        exchange still serves it.
        """
        survey = self.scopes.survey()
        for partition in survey.wound_up:
            self.required(partition)
        survey = self.scopes.survey()
        self.scopes.reconcile(survey)
        return survey.wound_up

    @property
    def partly_read(self) -> bool:
        """Whether the last pass failed for some of the scopes only."""
        return bool(self._failed)

    @property
    def ready_for_backfill(self) -> bool:
        """Whether it is known which scopes the exchange serves, or that the account has futures.

        A backfill before the first pass would find that out with many more requests.
        """
        tried = self._tail_tried or not self.stream.partitioned
        return tried and (self._tail_read or not self.stream.requires_futures)

    def stand_by(self) -> None:
        """Another process reads the stream now."""
        self.scopes.forget()

    @property
    def requests_per_pass(self) -> int:
        """At least one for each scope."""
        return max(self.stream.requests_per_pass, self.scopes.configured_count)

    @property
    def unread_scopes(self) -> Mapping[str, str]:
        """Instruments that are refused or no longer listed, with the reason."""
        return self.scopes.unread

    def required(self, partition: Partition) -> datetime:
        """From when on the history of a partition must be complete, aware UTC."""
        return self.requirement.of(partition)

    def believed_from(self, partition: Partition) -> datetime:
        """From when on a row is a fact although no window has asked for it, aware UTC."""
        return self.required(partition)

    def settled(self) -> datetime:
        """Up to when rows can be expected to have appeared, aware UTC. Raises ExchangeError."""
        return self._loader.settled()

    def claimable(self, settled: datetime) -> datetime:
        """Up to when a tail may prove anything, where everything until ``settled`` has appeared."""
        return settled

    def covered(self, partition: Partition, window: Window) -> list[Window]:
        """The proven parts of ``window``, oldest first."""
        found = self.database.look(bookkeeping.covered, partition, window)
        return [part.intersect(window) for part in found]

    def missing(self, partition: Partition, window: Window) -> list[Window]:
        """The parts of ``window`` that are not proven, oldest first."""
        return subtract(window, self.covered(partition, window))

    def pieces(self, partition: Partition, gap: Window) -> Iterator[Window]:
        """A gap cut into windows that may be requested, newest first.

        Where it follows a proven range, the overlap at the end of that range is read again: late
        rows may have appeared there meanwhile.
        """
        overlap = self.declared(partition).overlap
        *newer, oldest = cut_newest_first(gap, self.max_window(partition) - overlap)
        yield from newer
        follows = self.covered(partition, Window(gap.start - RESOLUTION, gap.start))
        yield Window(gap.start - overlap, oldest.end) if follows else oldest

    def tail(self, on_error: OnError | None = None) -> None:
        """Read the newest part of every scope. A scope that is refused fails alone.

        Raises the error of a stream of which no scope could be read. What is wrong with some of
        the scopes only, and is no refusal, is kept for `poll` to raise.
        """
        self._failed, self._failure = [], None
        survey = self.scopes.survey()
        self.scopes.reconcile(survey)
        report = on_error or self._count_error
        try:
            if not self.stream.partitioned:
                self._read_tail(survey.served[0], report, retry=True)
            else:
                self._read_scopes(survey, TailPass(self.scopes, self._read_tail, report))
        finally:
            self._tail_tried = True
        self._tail_read = True

    def _read_scopes(self, survey: Survey, tails: TailPass) -> None:
        due = [*survey.served, *self.scopes.due(survey)]
        numbers = self.database.run_at_once(bookkeeping.number_runs, len(due))
        self._begun = {
            place: Begun(survey.progress.get(place.instrument, Progress()), number)
            for place, number in zip_longest(due, numbers)
        }
        try:
            with self._loader.together() as self._together:
                failures = tails.run(survey)
        except ExchangeError:
            # What was read before the whole token was paused, say, did not fail.
            self._failed = [scope for scope in survey.served if scope not in tails.served]
            raise
        finally:
            self._begun, self._together = {}, None
        self._failed = [failure.partition for failure in failures]
        self._failure = failures[-1].error if failures else None

    def _read_tail(self, partition: Partition, on_error: OnError, *, retry: bool) -> bool:
        """Whether anything was requested; ``retry``: transient errors, up to a deadline."""
        begun = self._begun.pop(partition, None)
        if begun is None:
            begun = self.database.run_at_once(bookkeeping.begin_walk, partition)
        wanted_from = self.requirement.wanted_from(partition)
        required = self.requirement.in_force(partition, begun.progress, wanted_from)
        stream, now = self.declared(partition), self.now()
        settled = now - stream.allowed_lateness
        covered_to = self._claims.taken_back(partition, begun.progress.covered_to, settled)
        longest = max(_LONGEST_TAIL, stream.overlap + stream.allowed_lateness)
        start = max(required, now - longest)
        if covered_to is not None and covered_to >= start:
            start = max(required, min(covered_to, now) - stream.overlap)
        window = Window(start, settled if stream.settles else now - stream.paging.unit)
        if window.empty:
            return False
        deadline_s = min(self.interval.total_seconds(), LONGEST_DEADLINE_S) if retry else 0.0
        paginator = self.paginator(partition, window, "tail", deadline_s, on_error)
        self._loader.load(
            partition,
            paginator,
            Run("tail", window, begun.run_id),
            self.claimable(settled),
            self._note_read,
            self._together,
        )
        return True

    def _note_read(self, _loaded: Loaded, _batch: Batch) -> None:
        """A page came: the account has futures, even if the walk does not end in time."""
        self._tail_read = True

    def _covered_to(self, partition: Partition, settled: datetime) -> datetime | None:
        """The end of what is proven, but not of the future: see `FutureClaims`."""
        covered_to = self.database.look(bookkeeping.covered_to, partition)
        return self._claims.taken_back(partition, covered_to, settled)

    def rejected_windows(self) -> list[tuple[Partition, Window]]:
        """What must be read again for open rejects to end, newest first; not what tails read."""
        survey = self.scopes.survey()
        read = {place.instrument: place for place in (*survey.served, *survey.wound_up)}
        base = self.account.partition(self.stream)
        found = self.database.look(rejects.rejected_times, base)
        settled = self.settled()
        windows = list[tuple[Partition, Window]]()
        for place, window in reversed(found):
            if place.instrument in read:
                latest = settled - self.declared(place).overlap
                wanted = window.intersect(Window(self.believed_from(place), latest))
                windows.append((read[place.instrument], wanted))
        return [(place, window) for place, window in windows if not window.empty]

    def open_counting(self) -> totals.Opening:
        """Start the counters, once the required history was read as far as it is served, or a part
        of that: to be called again while it is unfinished."""
        if not self.stream.totals:
            return "known"
        partition = self.account.partition(self.stream)
        since = self.required(partition)
        return self.database.run(totals.open_counting, self.stream, partition, since)

    def refresh(self) -> None:
        """Show what a backfill changed: the counters, and how much is proven."""
        self._metrics.streams.replace_samples(*self.key, self.samples())
        self.show_coverage()

    def show_coverage(self) -> None:
        """Export lag (the worst of all partitions), gaps (their sum) and progress."""
        self._conclude(self.partitions(), ())

    def samples(self) -> list[Sample]:
        """The values of the stream's counters, from Postgres."""
        base = self.account.partition(self.stream)
        return self._shown(self.database.look(bookkeeping.totals, base))

    def _shown(self, stored: Sequence[bookkeeping.Total]) -> list[Sample]:
        metrics: Mapping[str, Metric] = {metric.name: metric for metric in self.stream.metrics}
        return [metrics[name](value, *labels) for name, labels, value in stored if name in metrics]
