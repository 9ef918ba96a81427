"""Verify proven history in the background, in requests that nobody else needs.

The last week is read again daily, everything monthly, so that a record which appears late is found:
minutes late by the overlap of each pass, days late within a day, later within a month. What is due
follows from Postgres alone: a restart goes on where the process was, and so does another process
that takes the account over. One thread does it, one window at a time, at the lowest priority.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from exporter.model.errors import (
    BadRequest,
    DatabaseError,
    ExporterError,
    NotYet,
    StandingBy,
    Stopping,
)
from exporter.model.stream import Partition
from exporter.model.window import EPOCH, Window
from exporter.store import verified
from exporter.store.storage import Storage
from exporter.store.verified import Round
from exporter.sync.failure_streaks import FailureStreaks
from exporter.sync.history import HistorySync
from exporter.sync.verification import Verification

_log = logging.getLogger(__name__)
WEEK, DAILY, MONTHLY = timedelta(days=7), timedelta(days=1), timedelta(days=30)
_INTERVAL_S = 60.0
"""How often is looked for what is due, once nothing is; of one stream every `_LOOK_AGAIN_S`."""
_LOOK_AGAIN_S = 300.0
_AFTER_FAILURE_S = 600.0
_AFTER_REFUSAL_S = 3_600.0
_DEADLINE_S = 60.0


class Verifier:
    """Verifies the histories of a process for as long as the service runs.

    ``syncs`` are those of the accounts as they are now. ``keep_away`` tells, by account and stream,
    which must not be requested now.
    """

    def __init__(
        self,
        syncs: Callable[[], Sequence[HistorySync]],
        storage: Storage,
        stop: threading.Event,
        keep_away: Callable[[str, str], bool] = lambda _account, _stream: False,
    ) -> None:
        self._syncs = syncs
        self._storage = storage
        self._stop = stop
        self._keep_away = keep_away
        self._pauses: dict[tuple[str, str] | Partition, float] = {}
        """Until when a stream or a scope of it is left alone, by the steady clock."""
        self._streaks = FailureStreaks()

    def run(self) -> None:
        """Verify whatever is due, until the process stops; not at once, since more is to be done
        after a start."""
        busy = False
        while not self._stop.wait(0.0 if busy else _INTERVAL_S):
            try:
                busy = self.step()
            except Stopping:
                return

    def step(self) -> bool:
        """Verify one window of each stream that has one due; whether any had. Raises Stopping."""
        verified_some = False
        for sync in self._syncs():
            if self._stop.is_set():
                raise Stopping("asked to stop: what is due is verified after the next start")
            try:
                verified_some |= self._may_verify(sync) and self._verify_one(sync)
            except Stopping:
                if self._stop.is_set():
                    raise  # else only the account has ended
            except Exception:  # noqa: BLE001  a bug in one stream must not end the others
                _log.exception("bug: unhandled exception in a verification")
                self._pause(sync, sync.key, _AFTER_FAILURE_S)
        return verified_some

    def _may_verify(self, sync: HistorySync) -> bool:
        return (
            self._storage.up
            and sync.ready_for_backfill
            and not self._keep_away(*sync.key)
            and not self._paused(sync, sync.key)
        )

    def _verify_one(self, sync: HistorySync) -> bool:
        with sync.logged():
            try:
                sync.account.check_lease()
                task = self._next(sync)
                if task is None:
                    self._pause(sync, sync.key, _LOOK_AGAIN_S)
                    return False
                self._verify(sync, *task)
            except Stopping:
                raise
            except (NotYet, StandingBy) as error:
                _log.debug("not now: %s", error)
                self._pause(sync, sync.key, _LOOK_AGAIN_S)
                return False
            except ExporterError as error:
                self._failed(sync, error)
                return False
        self._streaks.end(sync.key)
        return True

    def _next(self, sync: HistorySync) -> tuple[Partition, Window] | None:
        """The next window that is due: of the last week first, and of the longest part of it."""
        now, job = sync.now(), Verification(sync, _DEADLINE_S)
        recent = Window(now - WEEK, sync.settled() - sync.interval)
        rounds = (
            Round(recent, now - DAILY, DAILY, now),
            Round(Window(EPOCH, now - WEEK), now, MONTHLY, now),
        )
        for partition in sync.partitions():
            if self._paused(sync, partition):
                continue
            for each in rounds:
                parts = sync.database.run(verified.due, partition, each)
                # Not the newest: at its end there is more to verify each second, for ever.
                for window in job.windows(partition, sorted(parts, key=_span)[-1:]):
                    return partition, window
        return None

    def _verify(self, sync: HistorySync, partition: Partition, window: Window) -> None:
        try:
            compared = Verification(sync, _DEADLINE_S).verify(partition, window)
        except BadRequest as refusal:
            # No evidence of anything: whoever reads this scope tells that it is refused.
            _log.info("could not verify %s: %s", partition.instrument or window, refusal)
            self._pause(sync, partition, _AFTER_REFUSAL_S)
            return
        if compared.late or compared.changed:
            sync.refresh()

    def _failed(self, sync: HistorySync, error: ExporterError) -> None:
        count, due = self._streaks.failed(sync.key, type(error).__name__)
        quiet = not due or self._storage.repeats_outage(error)
        level = logging.DEBUG if quiet else logging.INFO
        _log.log(level, "could not verify history: %s", error, extra={"failures": count})
        away = isinstance(error, DatabaseError)
        self._pause(sync, sync.key, _INTERVAL_S if away else _AFTER_FAILURE_S)

    def _pause(self, sync: HistorySync, what: tuple[str, str] | Partition, seconds: float) -> None:
        self._pauses[what] = sync.monotonic() + seconds

    def _paused(self, sync: HistorySync, what: tuple[str, str] | Partition) -> bool:
        return sync.monotonic() < self._pauses.get(what, 0.0)


def _span(window: Window) -> timedelta:
    return window.span
