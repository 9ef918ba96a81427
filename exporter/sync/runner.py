"""One pass of one stream of one account, and what its failure does.

Here is the only place that turns an error into what `/metrics` and Postgres say about a stream.
Nothing that happens to one account or stream reaches another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from exporter.api.client import Failed
from exporter.model.errors import (
    DatabaseError,
    ExchangeError,
    ExporterError,
    NotPermitted,
    NotYet,
    Reason,
    Refused,
    Stopping,
    TokenRefused,
)
from exporter.model.stream import History, Partition, Reference, Snapshot, Stream
from exporter.store import bookkeeping
from exporter.sync.dependencies import Account, Parts
from exporter.sync.failure_streaks import FailureStreaks
from exporter.sync.history import HistorySync
from exporter.sync.snapshots import SnapshotSync

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 600.0

Outcome = Literal["ok", "failed", "not permitted", "skipped"]
"""``skipped``: too early to ask again, something else must come first, or we are stopping."""


@dataclass
class _Refusal:
    """A stream that its token may not read: when to ask again, and with which token it was."""

    again_at: float
    times: int
    token: str | None
    whole: bool
    """Not the stream is refused, but the token: no other stream can be read either."""


class SyncRunner:
    """Runs passes; each (account, stream) must run one at a time, all may run side by side."""

    def __init__(self, parts: Parts, streams: Sequence[Stream]) -> None:
        self.parts = parts
        self.streams = {stream.name: stream for stream in streams}
        self._present = SnapshotSync(parts, self.streams)
        self._refusals: dict[tuple[str, str], _Refusal] = {}
        self._repeats = FailureStreaks()

    def run(self, account: Account, stream: Stream) -> Outcome:
        """One pass, and how it went. Raises nothing."""
        if self._paused(account, stream):
            return "skipped"
        with self.parts.working(account.name, stream.name):
            return self._run(account, stream)

    def _run(self, account: Account, stream: Stream) -> Outcome:
        began = time.monotonic()
        counted: list[ExchangeError] = []

        def failed(error: ExchangeError) -> None:
            counted.append(error)
            self.parts.stream_metrics.record_failure(account.name, stream.name, error.reason)

        error: Exception | None = None
        try:
            self._ask(account, stream, failed)
            self._refusals.pop((account.name, stream.name), None)
            self._granted(account, stream, True)
        except (Stopping, NotYet) as reason:
            _log.debug("not now: %s", reason)
            self.parts.stream_metrics.mark_tried(account.name, stream.name)
            return "skipped"
        except ExporterError as known:
            error = known
            if known not in counted:
                self.parts.stream_metrics.record_failure(account.name, stream.name, known.reason)
        except Exception as bug:  # noqa: BLE001  a bug in one pass must not end the service
            error = bug
            self.parts.stream_metrics.record_failure(account.name, stream.name, "internal")
        took_s = time.monotonic() - began
        self.parts.instrumentation.record_pass(account.name, stream.name, took_s)
        if error is None:
            failures = self._repeats.over((account.name, stream.name))
            level = logging.INFO if failures else logging.DEBUG
            told = {"failures": failures or None, "duration_s": round(took_s, 6)}
            _log.log(level, "succeeds again" if failures else "done", extra=told)
            return "ok"
        self._note(account, stream, error)
        return "not permitted" if isinstance(error, NotPermitted) else "failed"

    def refused(self, account: Account, stream: Stream) -> bool:
        """Whether the token was not allowed to read the stream when it was last asked.

        The backfill, which has no pauses of its own, then leaves the exchange alone; also while the
        token itself is refused and the stream has not had its turn since.
        """
        whole = [key for key, refusal in list(self._refusals.items()) if refusal.whole]
        return (account.name, stream.name) in self._refusals or any(
            of == account.name and self.paused_s(of, name) > 0 for of, name in whole
        )

    def paused_s(self, account: str, stream: str) -> float:
        """Seconds for which the stream is not asked because the token was refused, else 0."""
        refusal = self._refusals.get((account, stream))
        if refusal is None or refusal.token != self.parts.accounts[account].token():
            return 0.0
        return max(0.0, refusal.again_at - self.parts.monotonic())

    def store_spooled(self) -> None:
        """Store the answers that wait on disk, if that is possible now."""
        try:
            self._present.drain()
        except ExporterError as error:
            _log.info("answers wait on disk: %s", error)

    def _ask(self, account: Account, stream: Stream, failed: Failed) -> None:
        if isinstance(stream, Snapshot | Reference):
            self._present.poll(account, stream, failed)
        elif isinstance(stream, History):
            reader = HistorySync(self.parts, account, stream, failed)
            reader.tail()
            self._show(account, stream, reader)

    def _show(self, account: Account, stream: History, reader: HistorySync) -> None:
        """Counters come from Postgres after the pass: they are what it holds, nothing else."""
        samples = reader.samples()
        reader.show_coverage()
        interval = self.parts.interval(stream)
        for partition in reader.partitions():
            self.parts.writable().run(bookkeeping.note_attempt, partition, interval, None)
        self.parts.stream_metrics.record_success(account.name, stream.name, samples)

    def _partitions(self, account: Account, stream: Stream) -> list[Partition]:
        """What is noted of a stream: one row, or one for each instrument that it is asked for."""
        if isinstance(stream, History):
            return HistorySync(self.parts, account, stream, lambda _error: None).partitions()
        return [self.parts.partition(account, stream)]

    def _note(self, account: Account, stream: Stream, error: Exception) -> None:
        """Say what failed: in the log, in Postgres, and in when to ask again."""
        reason: Reason = error.reason if isinstance(error, ExporterError) else "internal"
        self._tell(account, stream, error, reason)
        if isinstance(error, Refused):
            self._pause(account, stream, whole=isinstance(error, TokenRefused))
        if isinstance(error, TokenRefused):
            self._granted(account, stream, False)
        if isinstance(error, DatabaseError) or account.account_id is None:
            return
        try:
            database = self.parts.writable()
            pause = timedelta(seconds=self.paused_s(account.name, stream.name))
            interval = max(self.parts.interval(stream), pause)
            text = f"{reason}: {error}"[:500]
            for partition in self._partitions(account, stream):
                database.run_briefly(bookkeeping.note_attempt, partition, interval, text)
        except ExporterError as unheard:
            _log.debug("not noted: %s", unheard)

    def _tell(self, account: Account, stream: Stream, error: Exception, reason: Reason) -> None:
        """One line for each failure; a traceback where it is our fault."""
        count, due = self._repeats.failed((account.name, stream.name), reason)
        told = {"failures": count}
        if not isinstance(error, ExporterError):
            _log.error("failed (internal), a fault of ours: %s", error, exc_info=error, extra=told)
            return
        known = isinstance(error, NotPermitted) and (account.name, stream.name) in self._refusals
        quiet = known or not due or self.parts.is_away(error)
        level = logging.DEBUG if quiet else logging.WARNING
        _log.log(level, "failed (%s): %s", reason, error, extra=told)

    def _granted(self, account: Account, stream: Stream, granted: bool) -> None:
        """Whether the token may read at all; what else it may do is not for a reader to try."""
        if stream.public:
            return
        self.parts.service_metrics.set_token_scope(account.name, "read", granted)
        for (of, _), refusal in list(self._refusals.items()):
            if granted and of == account.name:
                refusal.whole = False

    def _pause(self, account: Account, stream: Stream, *, whole: bool) -> None:
        """Ask again after a growing pause: a refusal can be a passing one."""
        key = (account.name, stream.name)
        times = 1 + (self._refusals[key].times if key in self._refusals else 0)
        interval_s = self.parts.interval(stream).total_seconds()
        pause_s = min(interval_s * 2 ** min(times, 20), _LONGEST_PAUSE_S)
        again_at = self.parts.monotonic() + pause_s
        self._refusals[key] = _Refusal(again_at, times, account.token(), whole)

    def _paused(self, account: Account, stream: Stream) -> bool:
        return self.paused_s(account.name, stream.name) > 0
