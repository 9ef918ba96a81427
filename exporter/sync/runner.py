"""One pass of one stream of one account, and what its failure does.

This is the only place that turns an error into what `/metrics` and Postgres say about a stream.
Nothing that happens to one account or stream affects another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Literal

from exporter.metrics import Metrics
from exporter.model.errors import (
    DatabaseError,
    DataRefused,
    ExchangeError,
    ExporterError,
    NoFutures,
    NotPermitted,
    NotYet,
    Reason,
    Refused,
    StandingBy,
    Stopping,
    TokenRefused,
)
from exporter.model.retirement import NO_FUTURES
from exporter.store import bookkeeping
from exporter.store.storage import Storage
from exporter.sync.failure_streaks import FailureStreaks
from exporter.sync.futures_access import FuturesAccess
from exporter.sync.refusals import Refusals
from exporter.sync.stream_sync import StreamSync

_log = logging.getLogger(__name__)
_LONGEST_ERROR = 500

Outcome = Literal["ok", "failed", "not permitted", "skipped", "standing by"]
"""``skipped``: too early to retry, something else must come first, or the process is stopping.
``standing by``: another process reads and writes the account; no request was sent."""


class _PassErrors:
    """The errors of one pass: each is explained and counted once, whoever meets it first."""

    def __init__(self, sync: StreamSync, metrics: Metrics, futures: FuturesAccess) -> None:
        self._sync = sync
        self._metrics = metrics
        self._futures = futures
        self._explained: list[tuple[ExporterError, ExporterError]] = []

    def count(self, error: ExporterError) -> ExporterError:
        """What ``error`` means for the stream."""
        for known, meaning in self._explained:
            if known is error:
                return meaning
        meaning = error
        if isinstance(error, ExchangeError):
            meaning = self._futures.explain(self._sync, error)
        self._explained.append((error, meaning))
        self._metrics.streams.record_failure(*self._sync.key, meaning.reason)
        return meaning


class SyncRunner:
    """Runs passes: one at a time for each stream of an account, all of these side by side."""

    def __init__(
        self,
        metrics: Metrics,
        storage: Storage,
        refusals: Refusals,
        monotonic: Callable[[], float],
    ) -> None:
        self._metrics = metrics
        self._storage = storage
        self._refusals = refusals
        self._monotonic = monotonic
        self._streaks = FailureStreaks()
        self._futures = FuturesAccess(storage)

    def run(self, sync: StreamSync) -> Outcome:
        """One pass, and how it went. Raises nothing."""
        with sync.logged():
            try:
                # First, so that a stream that the exchange refused does not go on saying so.
                sync.account.check_lease()
            except NotYet as reason:
                _log.debug("not now: %s", reason)
                return "skipped"
            except StandingBy as reason:
                _log.debug("not now: %s", reason)
                return self.stand_by(sync)
            if self._refusals.state(*sync.key) == "paused":
                return "skipped"
            return self._run(sync)

    def explain(self, sync: StreamSync, error: ExchangeError) -> ExchangeError:
        """What ``error`` means for the stream: see `FuturesAccess.explain`."""
        return self._futures.explain(sync, error)

    def read_before(self, key: tuple[str, str]) -> bool:
        """Whether a futures stream is known to have been read at some time."""
        return self._futures.read_before(key)

    def forget(self, account: str, streams: Iterable[str]) -> None:
        """The account is not read any more: what is known of it may not fit one that comes."""
        self._refusals.forget(account)
        self._futures.forget(account)
        for stream in streams:
            self._streaks.end((account, stream))

    def _run(self, sync: StreamSync) -> Outcome:
        began = self._monotonic()
        errors = _PassErrors(sync, self._metrics, self._futures)
        error: Exception | None = None
        try:
            sync.poll(errors.count)
            # The lease may be lost meanwhile: then another process exports the account.
            sync.account.check_lease()
        except (Stopping, NotYet) as reason:
            _log.debug("not now: %s", reason)
            self._metrics.streams.mark_tried(*sync.key)
            return "skipped"
        except StandingBy as reason:
            _log.debug("not now: %s", reason)
            return self.stand_by(sync)
        except ExporterError as known:
            error = errors.count(known)
        except Exception as bug:  # noqa: BLE001  a bug in one pass must not end the service
            error = bug
            self._metrics.streams.record_failure(*sync.key, "internal")
        took_s = self._monotonic() - began
        self._metrics.instrumentation.record_pass(*sync.key, took_s)
        if error is None:
            self._succeeded(sync, took_s)
            return "ok"
        self._failed(sync, error)
        return "not permitted" if isinstance(error, NotPermitted) else "failed"

    def stand_by(self, sync: StreamSync) -> Outcome:
        """Withdraw what this process exported of the stream: the holder of the lease does now."""
        self._metrics.streams.mark_standing_by(*sync.key)
        self._metrics.service.forget_token(sync.account.name)
        self._refusals.record_standing_by(sync)
        sync.stand_by()
        return "standing by"

    def _succeeded(self, sync: StreamSync, took_s: float) -> None:
        self._refusals.record_read(sync)
        self._futures.record_read(sync)
        # A stream that follows another passes while it has nothing to ask for: no token was shown.
        if sync.stream.stands_alone:
            self._show_token(sync, granted=True)
        failures = self._streaks.end(sync.key)
        level = logging.INFO if failures else logging.DEBUG
        facts = {"failures": failures or None, "duration_s": round(took_s, 6)}
        _log.log(level, "succeeded again" if failures else "done", extra=facts)

    def _failed(self, sync: StreamSync, error: Exception) -> None:
        """Log it, note it in Postgres, and decide when to retry."""
        reason: Reason = error.reason if isinstance(error, ExporterError) else "internal"
        self._log_failure(sync, error, reason)
        if isinstance(error, Refused):
            self._refusals.record_refusal(sync, whole=isinstance(error, TokenRefused))
        if isinstance(error, TokenRefused):
            self._futures.record_token_refused(sync)
            self._show_token(sync, granted=False)
        away = isinstance(error, DatabaseError) and not isinstance(error, DataRefused)
        if not away and sync.account.account_id is not None:
            because = NO_FUTURES if isinstance(error, NoFutures) else None
            self._note(sync, f"{reason}: {error}"[:_LONGEST_ERROR], because)

    def _note(self, sync: StreamSync, text: str, because: str | None) -> None:
        """``because``: why nothing is expected of the stream, which is no failure then."""
        try:
            database = self._storage.writable()
            pause = timedelta(seconds=self._refusals.paused_s(*sync.key))
            interval = max(sync.interval, pause)
            for partition in sync.failed_partitions():
                database.run_briefly(bookkeeping.note_attempt, partition, interval, text)
                if because is not None:
                    database.run_briefly(bookkeeping.retire, partition, because)
        except ExporterError as unnoted:
            _log.debug("could not note the failure in Postgres: %s", unnoted)

    def _log_failure(self, sync: StreamSync, error: Exception, reason: Reason) -> None:
        """One line for each failure; a traceback where it is a bug."""
        count, due = self._streaks.failed(sync.key, reason)
        facts = {"failures": count}
        if not isinstance(error, ExporterError):
            _log.error("bug: unhandled exception: %s", error, exc_info=error, extra=facts)
            return
        refused_before = self._refusals.state(*sync.key) != "permitted"
        quiet = (isinstance(error, NotPermitted) and refused_before) or not due
        quiet = quiet or self._storage.repeats_outage(error)
        level = logging.INFO if isinstance(error, NoFutures) else logging.WARNING
        text = "failed (%s): %s"
        _log.log(logging.DEBUG if quiet else level, text, reason, error, extra=facts)

    def _show_token(self, sync: StreamSync, *, granted: bool) -> None:
        """Export whether the token may read at all; its other scopes cannot be seen by reading."""
        if not sync.stream.public:
            self._metrics.service.set_token_scope(sync.account.name, "read", granted)
