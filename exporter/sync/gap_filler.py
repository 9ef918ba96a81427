"""Keep the histories complete: fill gaps, start counters, look after what has ended.

Most of the time there is nothing to fill. What a gap would follow from is asked for of all streams
in one statement; only where it has changed since a stream was found complete is more looked at.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from exporter.model.errors import (
    BadRequest,
    Connecting,
    ExchangeError,
    ExporterError,
    NotYet,
    StandingBy,
    Stopping,
)
from exporter.store import bookkeeping
from exporter.store.storage import Storage
from exporter.sync.backfill import DEADLINE_S, WORKERS, Backfill, OnProgress
from exporter.sync.failure_streaks import FailureStreaks
from exporter.sync.history import HistorySync

_log = logging.getLogger(__name__)
_SOON_S = 0.5
_TURN_S = 10.0
"""How long an account may fill gaps while others wait; a window that has begun is read to its
end."""
_ENDED_INTERVAL_S = 3_600.0
_ENDED_DEADLINE_S = 10.0
_REACH_INTERVAL_S = 3_600.0
_FIRST_REREAD_S, _LONGEST_REREAD_S = 3_600.0, 86_400.0
"""How long open rejects wait to be read again: twice as long each time that they remain."""
_REST_S = 600.0
"""How long a stream without a gap is left alone at most, whatever Postgres tells: a pass that does
not succeed leaves the newest part to the backfill."""

Key = tuple[str, str]
"""Account and stream."""


class _Rest(NamedTuple):
    """A stream without a gap."""

    mark: str
    """What that followed from: see `bookkeeping.history_marks`."""
    until: float
    """When it is looked at again, by the steady clock."""


class GapFiller:
    """Keeps histories complete, turn after turn: see `fillers`.

    ``keep_away`` tells, by account and stream, which must not be requested now. ``workers``: how
    many windows are read at once. ``others_wait``: whether somebody else should have a turn.
    """

    def __init__(
        self,
        syncs: Sequence[HistorySync],
        storage: Storage,
        stop: threading.Event,
        keep_away: Callable[[str, str], bool] = lambda _account, _stream: False,
        interval_s: float = 10.0,
        workers: int = WORKERS,
        others_wait: Callable[[], bool] = lambda: False,
    ) -> None:
        self._syncs = syncs
        self._storage = storage
        self._stop = stop
        self._keep_away = keep_away
        self._interval_s = interval_s
        self._workers = workers
        self._others_wait = others_wait
        self._began = 0.0
        """This turn, by the monotonic clock of whoever waits."""
        self._unfinished = False
        """The turn ended since others waited for theirs."""
        self._resting: dict[Key, _Rest] = {}
        self._ended_due: dict[Key, float] = {}
        self._reach_due: dict[Key, float] = {}
        self._rejects_due: dict[Key, tuple[float, float]] = {}
        """When rejects are read again, and the pause after that."""
        self._streaks = FailureStreaks()
        self._connecting = False
        """Postgres is about to answer."""
        self._at_rest = False
        """Nothing was to be done at the last look, so that the next one comes later."""

    def turn(self) -> float | None:
        """Fill gaps if there are some; after how many seconds to look again, None: never."""
        if self._stop.is_set():
            return None
        self._began = time.monotonic()
        try:
            self.look()
        except Stopping:
            return None
        except Exception:  # noqa: BLE001  the next look may succeed
            _log.exception("bug: unhandled exception while looking for gaps")
        if self._unfinished:
            return 0.0
        if self._connecting:
            return _SOON_S
        return self._interval_s * (2 if self._at_rest else 1)

    def _may_go_on(self) -> bool:
        """Whether nobody else waits, or this turn has only begun."""
        if time.monotonic() - self._began < _TURN_S or not self._others_wait():
            return True
        self._unfinished = True
        return False

    def look(self) -> None:
        """Fill what there is to fill of each stream, once. Raises Stopping."""
        self._connecting, self._at_rest, self._unfinished = False, True, False
        syncs = [s for s in self._syncs if s.ready_for_backfill and not self._keep_away(*s.key)]
        marks = self._marks(syncs)
        for sync in syncs:
            mark = marks.get(sync.key, "")
            if self._rests(sync, mark):
                continue
            self._at_rest = False
            try:
                found = self._looked_at(sync)
            except Stopping:
                raise
            except Exception:  # noqa: BLE001  a bug in one stream must not end the others
                _log.exception("bug: unhandled exception in a backfill")
                continue
            if found and mark:
                self._resting[sync.key] = _Rest(mark, sync.monotonic() + _REST_S)

    def _looked_at(self, sync: HistorySync) -> bool:
        """Fill the gaps of a stream; whether there were none, nor anything else to be done."""
        backfill = self._backfill(sync)
        with sync.logged():
            return self._fill(sync, backfill) and not backfill.progress.pages

    def _backfill(
        self, sync: HistorySync, *, deadline_s: float = DEADLINE_S, again: bool = False
    ) -> Backfill:
        return Backfill(
            sync,
            deadline_s=deadline_s,
            again=again,
            workers=self._workers,
            may_go_on=self._may_go_on,
        )

    def _marks(self, syncs: Sequence[HistorySync]) -> Mapping[Key, str]:
        """What the gaps of each stream follow from; nothing of an account that cannot be asked, or
        that no pass has identified yet. Sends no request."""
        found: dict[Key, str] = {}
        for account in {sync.account.name: sync.account for sync in syncs}.values():
            if account.account_id is None:
                continue
            streams = [sync.key[1] for sync in syncs if sync.account is account]
            try:
                account.check_lease()
                database = self._storage.writable()
                marks = database.look(bookkeeping.history_marks, account.account_id, streams)
            except Stopping:
                raise
            except ExporterError as error:
                _log.debug("could not ask whether there is anything to fill: %s", error)
                continue
            found |= {(account.name, stream): mark for stream, mark in marks.items()}
        return found

    def _rests(self, sync: HistorySync, mark: str) -> bool:
        """Whether nothing can have come up since the stream was found complete, and nothing that
        is done from time to time is due."""
        rest, now = self._resting.get(sync.key), sync.monotonic()
        rejects_due, _ = self._rejects_due.get(sync.key, (0.0, 0.0))
        due = min(
            self._ended_due.get(sync.key, 0.0), self._reach_due.get(sync.key, 0.0), rejects_due
        )
        return rest is not None and rest.mark == mark and now < min(rest.until, due)

    def _fill_ended(self, sync: HistorySync) -> None:
        """Read the history of instruments that are closed or gone, once an hour, as far as the
        exchange serves it; a refusal is not a failure."""
        if sync.monotonic() < self._ended_due.get(sync.key, 0.0):
            return
        for partition in sync.retire_ended():
            try:
                backfill = self._backfill(sync, deadline_s=_ENDED_DEADLINE_S)
                backfill.complete(partitions=[partition])
            except ExchangeError as error:
                _log.info("could not read the history of an instrument that ended: %s", error)
        # Last, so that a pass that was interrupted is repeated soon.
        self._ended_due[sync.key] = sync.monotonic() + _ENDED_INTERVAL_S

    def _ask_again_how_far_back(self, sync: HistorySync) -> None:
        """Once an hour, see which of the histories that the exchange does not serve as far back as
        they are asked for are to be asked for again."""
        if sync.monotonic() < self._reach_due.get(sync.key, 0.0):
            return
        for partition in sync.partitions():
            try:
                sync.reach.ask_again(partition)
            except ExchangeError as error:
                _log.info("could not ask how far back a history is served: %s", error)
        self._reach_due[sync.key] = sync.monotonic() + _REACH_INTERVAL_S

    def _read_rejects_again(self, sync: HistorySync) -> None:
        """Read again where open rejects can lie: the exchange may have repaired their records or
        taken them back, and what is proven is read by nobody else."""
        due, pause_s = self._rejects_due.get(sync.key, (0.0, _FIRST_REREAD_S))
        if sync.monotonic() < due:
            return
        windows = sync.rejected_windows()
        for partition, window in windows:
            try:
                self._backfill(sync, again=True).complete(window, [partition])
            except ExchangeError as error:
                _log.info("could not read the records again that were rejected: %s", error)
        longer_s = min(2 * pause_s, _LONGEST_REREAD_S) if windows else _FIRST_REREAD_S
        self._rejects_due[sync.key] = sync.monotonic() + pause_s, longer_s

    def fill(self, sync: HistorySync, on_progress: OnProgress = lambda _progress: None) -> bool:
        """Fill the gaps of one stream; whether all could be filled. Raises Stopping."""
        with sync.logged():
            return self._fill(sync, Backfill(sync, on_progress))

    def _fill(self, sync: HistorySync, backfill: Backfill) -> bool:
        try:
            sync.account.check_lease()
            self._ask_again_how_far_back(sync)
            refusal = self._complete(backfill)
            opened = (refusal is None or backfill.only_refusals) and self._open_counting(sync)
            self._fill_ended(sync)
            self._read_rejects_again(sync)
            if opened or backfill.progress.pages:
                sync.refresh()
        except Stopping:
            raise
        except (NotYet, StandingBy) as error:
            _log.debug("not now: %s", error)
            self._connecting |= isinstance(error, Connecting)
            return False
        except ExporterError as error:
            self._log_failure(sync, logging.INFO, "history is still incomplete: %s", error)
            return False
        if refusal is not None:
            text = "could not read some of the history: %s"
            self._log_failure(sync, logging.WARNING, text, refusal)
            return False
        self._streaks.end(sync.key)
        if backfill.progress.pages:
            _log.info("history is complete", extra=backfill.progress.facts())
        return True

    def _open_counting(self, sync: HistorySync) -> bool:
        """Start the counters, part by part; whether that was still to be done."""
        while (opening := sync.open_counting()) == "unfinished":
            if self._stop.is_set():
                raise Stopping("asked to stop while counters are started")
            sync.account.check_lease()
        return opening == "opened"

    @staticmethod
    def _complete(backfill: Backfill) -> BadRequest | None:
        """Fill all gaps; the refusal that ended it, if one did. Raises as `Backfill.complete`."""
        try:
            backfill.complete()
        except BadRequest as refusal:
            return refusal
        return None

    def _log_failure(self, sync: HistorySync, level: int, text: str, error: ExporterError) -> None:
        """A gap that stays is tried every few seconds, and logged less and less often."""
        count, due = self._streaks.failed(sync.key, text)
        quiet = not due or self._storage.repeats_outage(error)
        _log.log(logging.DEBUG if quiet else level, text, error, extra={"failures": count})
