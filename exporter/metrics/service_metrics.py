"""The process and what it depends on: Postgres, the scheduler, the request budget, clocks.

A series is absent until its value is first known: nothing is 0 that was never measured.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from threading import Lock
from typing import Literal

from exporter.metrics.families import (
    BUDGET_REMAINING,
    CLOCK_DISPUTED,
    CLOCK_SKEW,
    CONFIG_RELOAD_SUCCESS_TIME,
    CONFIG_RELOAD_SUCCESSFUL,
    DATABASE_BYTES,
    DATABASE_UP,
    DRIFT,
    DRIFT_NEWEST,
    FACTS_CHANGED,
    HEARTBEAT,
    HEARTBEAT_AGE,
    LATE_IN_LOCKED,
    LEADER,
    MONTH_UNCLOSED,
    OLDEST_OBSERVATION,
    RECONCILIATION,
    REJECTS_OPEN,
    SCHEDULER_EVENTS,
    SERVICE_FAMILIES,
    SPOOL_DROPPED,
    SPOOL_SNAPSHOTS,
    SYNC_LATENESS,
    TOKEN_EXPIRY,
    TOKEN_SCOPE,
    VERIFY_FINDINGS,
    VERIFY_LAST,
    VERIFY_PROGRESS,
)
from exporter.metrics.text import format_value, sample_lines, series_name
from exporter.model.stream import Metric

_logger = logging.getLogger(__name__)

SchedulerEvent = Literal["missed", "error", "max_instances"]
_SCHEDULER_EVENTS: tuple[SchedulerEvent, ...] = ("missed", "error", "max_instances")

_Values = Mapping[tuple[str, ...], Decimal | float]


class ServiceMetrics:
    """Gauges and counters of the process as a whole. Safe to use from any thread.

    ``now``: wall clock in Unix seconds; ``monotonic``: seconds of a clock that never goes back.
    """

    families: tuple[Metric, ...] = SERVICE_FAMILIES

    def __init__(self, *, now: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._lock = Lock()
        # Replaced as a whole, never mutated: a concurrent scrape goes on reading the old one.
        self._values: Mapping[Metric, _Values] = {
            SCHEDULER_EVENTS: {(event,): 0 for event in _SCHEDULER_EVENTS}
        }
        self._written: dict[Metric, tuple[_Values, bytes]] = {}
        """Lines, and the values that they show: those are replaced, so the same object is the same
        text."""
        self._budgets: Mapping[str, Callable[[], float]] = {}
        self._accounts: Collection[str] | None = None
        """Of no other account is anything exported; None: of every one that is reported."""
        self._heartbeat_at: float | None = None
        self.database_since: float | None = None
        """Unix time of the last change of `onetrading_database_up`; None before it is known."""

    def set_accounts(self, accounts: Collection[str]) -> None:
        """Withdraw whatever is known of other accounts, now and as long as they are not back."""
        with self._lock:
            self._accounts = accounts
            self._budgets = {name: b for name, b in self._budgets.items() if name in accounts}
            self._values = {
                metric: self._of_accounts(metric, values) for metric, values in self._values.items()
            }

    def set_database_up(self, up: bool) -> None:
        """Whether Postgres can be reached."""
        if self.readings(DATABASE_UP) != {(): int(up)}:
            self.database_since = self._now()
        self._merge(DATABASE_UP, {(): int(up)})

    def set_leader(self, leads: Mapping[str, bool]) -> None:
        """Whether this process holds the lease of each account, by its name."""
        self._merge(LEADER, {(account,): int(held) for account, held in leads.items()})

    def set_spool(self, waiting: int, dropped: int) -> None:
        """Snapshots in the spool, and snapshots lost since the start: it was full, or its disk."""
        self._merge(SPOOL_SNAPSHOTS, {(): waiting})
        self._merge(SPOOL_DROPPED, {(): dropped})

    def set_clock_skew(self, accounts: Iterable[str], seconds: float) -> None:
        """The exchange's clock minus the local one, in seconds."""
        self._merge(CLOCK_SKEW, {(account,): seconds for account in accounts})

    def set_clock_disputed(self, disputed: bool) -> None:
        """Whether responses state a time that a steady clock contradicts."""
        self._merge(CLOCK_DISPUTED, {(): int(disputed)})

    def set_token_scope(self, account: str, scope: str, granted: bool) -> None:
        """Whether the account's token has the scope."""
        self._merge(TOKEN_SCOPE, {(account, scope): int(granted)})

    def set_token_expiries(self, expiries: Mapping[str, float | None]) -> None:
        """Unix time at which the token of each account expires; None: it does not say."""
        known: _Values = {(name,): at for name, at in expiries.items() if at is not None}
        with self._lock:
            self._values = {**self._values, TOKEN_EXPIRY: self._of_accounts(TOKEN_EXPIRY, known)}

    def set_config(self, ok: bool, succeeded_at: float) -> None:
        """Whether the configuration file is usable, and when it last was, in Unix time."""
        self._merge(CONFIG_RELOAD_SUCCESSFUL, {(): int(ok)})
        self._merge(CONFIG_RELOAD_SUCCESS_TIME, {(): succeeded_at})

    def forget_token(self, account: str) -> None:
        """Another process uses the account's token now, and says what it may do."""
        with self._lock:
            known = self._values.get(TOKEN_SCOPE, {})
            kept = {labels: value for labels, value in known.items() if labels[0] != account}
            self._values = {**self._values, TOKEN_SCOPE: kept}

    def track_rate_limiter(self, account: str, remaining: Callable[[], float]) -> None:
        """``remaining`` is called at each scrape and must not block; no series while it raises."""
        with self._lock:
            self._budgets = {**self._budgets, account: remaining}

    def set_data_quality(
        self,
        *,
        rejects: Mapping[tuple[str, str], int],
        drift: Mapping[tuple[str, str], int],
        changed: Mapping[tuple[str, str], int],
        newest_drift: Mapping[tuple[str, str], float],
    ) -> None:
        """What Postgres holds: open rejects, undocumented contents, changed facts.

        By account and stream; of all of them at once, since each call copies what is known.
        ``newest_drift``: when it was met first, in Unix seconds, of those that have any.
        """
        self._merge(DRIFT_NEWEST, {(*key,): at for key, at in newest_drift.items()})
        for metric, counts in ((REJECTS_OPEN, rejects), (DRIFT, drift), (FACTS_CHANGED, changed)):
            self._merge(metric, {key: float(count) for key, count in counts.items()})

    def set_verification(
        self,
        *,
        findings: Mapping[tuple[str, str, str], int],
        last: Mapping[tuple[str, str], float],
        progress: Mapping[tuple[str, str], float],
    ) -> None:
        """How far verification is, and what it ever found, by account, stream and kind.

        ``last``: when it last compared anything, in Unix seconds; ``progress``: from 0 to 1.
        """
        self._merge(VERIFY_FINDINGS, {key: float(count) for key, count in findings.items()})
        self._merge(VERIFY_LAST, {(*key,): at for key, at in last.items()})
        self._merge(VERIFY_PROGRESS, {(*key,): ratio for key, ratio in progress.items()})

    def set_months(
        self,
        differences: Mapping[tuple[str, str, str], float],
        unclosed: Mapping[str, float],
        late: Mapping[str, int],
    ) -> None:
        """What the checks of months said, by account: nothing else is exported of them any more.

        ``differences``: by account, check and key; ``unclosed``: the end of the oldest month that
        cannot be closed, in Unix seconds; ``late``: facts of locked months.
        """
        values: dict[Metric, _Values] = {
            RECONCILIATION: {(*key,): off for key, off in differences.items()},
            MONTH_UNCLOSED: {(account,): at for account, at in unclosed.items()},
            LATE_IN_LOCKED: {(account,): float(count) for account, count in late.items()},
        }
        with self._lock:
            own = {metric: self._of_accounts(metric, each) for metric, each in values.items()}
            self._values = {**self._values, **own}

    def set_sizes(self, tables: Mapping[str, int], oldest: Mapping[str, float]) -> None:
        """Bytes by table, and since when each stream was observed, in Unix seconds.

        Nothing else is exported of them any more: another process tells of the database, too.
        """
        values: dict[Metric, _Values] = {
            DATABASE_BYTES: {(table,): float(size) for table, size in tables.items()},
            OLDEST_OBSERVATION: {(stream,): at for stream, at in oldest.items()},
        }
        with self._lock:
            self._values = {**self._values, **values}

    def record_heartbeat(self) -> None:
        """The scheduler is running."""
        self._heartbeat_at = self._monotonic()
        self._merge(HEARTBEAT, {(): self._now()})

    def set_lateness(self, late_s: Mapping[str, float]) -> None:
        """How late passes begin, by stream, in seconds."""
        self._merge(SYNC_LATENESS, {(stream,): round(s, 3) for stream, s in late_s.items()})

    def lateness_s(self) -> dict[str, float]:
        """As it was set last, by stream."""
        return {stream: float(s) for (stream,), s in self.readings(SYNC_LATENESS).items()}

    def heartbeat_age_s(self) -> float | None:
        """Seconds since the last heartbeat; None before the first."""
        return None if self._heartbeat_at is None else self._monotonic() - self._heartbeat_at

    def count_scheduler_event(self, event: SchedulerEvent) -> None:
        """Count a run that was missed, raised, or found the run before it still going."""
        with self._lock:
            counts = self._values[SCHEDULER_EVENTS]
            counts = {**counts, (event,): counts[(event,)] + 1}
            self._values = {**self._values, SCHEDULER_EVENTS: counts}

    def readings(self, metric: Metric) -> _Values:
        """The values of a family, by label values; empty when none is known."""
        return self._values.get(metric, {})

    def chunks(self) -> Iterator[tuple[str, bytes]]:
        """Pairs of family name and sample lines, as of now."""
        values = dict(self._values)
        values[BUDGET_REMAINING] = self._remaining()
        heartbeat_age_s = self.heartbeat_age_s()
        if heartbeat_age_s is not None:
            values[HEARTBEAT_AGE] = {(): round(heartbeat_age_s, 3)}
        for metric, readings in values.items():
            shown, lines = self._written.get(metric, (None, b""))
            if shown is not readings:
                lines = _lines(metric, readings)
                self._written[metric] = (readings, lines)
            if lines:
                yield metric.name, lines

    def _merge(self, metric: Metric, readings: _Values) -> None:
        with self._lock:
            known, new = self._values.get(metric, {}), self._of_accounts(metric, readings)
            if all(known.get(labels) == value for labels, value in new.items()):
                return  # each pass of each account comes by here
            merged = {**known, **new}
            self._values = {**self._values, metric: merged}

    def _of_accounts(self, metric: Metric, readings: _Values) -> _Values:
        """``readings`` without those of accounts that are not read."""
        accounts = self._accounts
        if accounts is None or "account" not in metric.labels:
            return readings
        at = metric.labels.index("account")
        return {labels: value for labels, value in readings.items() if labels[at] in accounts}

    def _remaining(self) -> _Values:
        readings: dict[tuple[str, ...], float] = {}
        for account, remaining in self._budgets.items():
            try:
                readings[(account,)] = remaining()
            except Exception:
                context = {"account": account}
                _logger.exception("bug: could not read the request budget", extra=context)
        return readings


def _lines(metric: Metric, readings: _Values) -> bytes:
    """The sample lines of a family; a value that is not finite is left out."""
    return sample_lines(
        {
            series_name(metric.name, metric.labels, labels): text
            for labels, value in readings.items()
            if (text := format_value(value)) is not None
        }
    )
