"""Builds the report from what the service knows. Nothing here sends a request to the exchange."""

from __future__ import annotations

import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import metadata
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from exporter._version import __version__
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import RateLimiter
from exporter.config_follower import ConfigState
from exporter.metrics import CoverageSummary, Metrics, StreamSummary, instant
from exporter.metrics.families import (
    REJECTS_OPEN,
    TOKEN_EXPIRY,
    TOKEN_SCOPE,
    VERIFY_FINDINGS,
    VERIFY_LAST,
    VERIFY_PROGRESS,
)
from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.model.window import Window
from exporter.settings import Settings
from exporter.status.coverage_cache import CachedCoverage, CoverageCache
from exporter.status.filling import Filling, missing_history_s
from exporter.status.findings import judge
from exporter.status.report import (
    AccountReport,
    ConfigReport,
    CoverageReport,
    FailingMonthReport,
    Report,
    RequestBudget,
    StreamReport,
    UnreadScope,
    VerificationReport,
)
from exporter.status.segments import segments
from exporter.store.reports import FailingMonth, Timeline
from exporter.store.spool import Spool
from exporter.store.storage import Storage
from exporter.store.verified import KINDS
from exporter.sync import Refusals, StreamSync

Due = Callable[[], Mapping[str, datetime]]
"""The next scheduled run of each stream of each account, by `account/stream`."""


class StreamReports:
    """Reports on every stream of every account. ``syncs`` returns those that are read now."""

    def __init__(
        self,
        syncs: Callable[[], Sequence[StreamSync]],
        metrics: Metrics,
        refusals: Refusals,
        due: Due,
        read_before: Callable[[tuple[str, str]], bool] = lambda _key: False,
    ) -> None:
        self._syncs = syncs
        self._metrics = metrics
        self._refusals = refusals
        self._due = due
        self._read_before = read_before

    def build(self, cached: CachedCoverage, now: datetime) -> tuple[StreamReport, ...]:
        """By account, `public` last, then in the order in which streams are declared."""
        due = self._due()
        timelines = {(line.account, line.stream): line for line in cached.timelines}
        rejects = self._metrics.service.readings(REJECTS_OPEN)
        summaries = {(s.account, s.stream): s for s in self._metrics.streams.summaries()}
        # An account may come or go in between: it is reported once all know of it.
        syncs = {sync.key: sync for sync in self._syncs() if sync.key in summaries}
        accounts = dict.fromkeys(sync.account.name for sync in syncs.values())
        accounts |= {PUBLIC_ACCOUNT: accounts.pop(PUBLIC_ACCOUNT, None)}
        ranks = {account: rank for rank, account in enumerate(accounts)}
        order = sorted(syncs, key=lambda key: ranks[key[0]])
        return tuple(
            _stream_report(
                summaries[key],
                syncs[key],
                due_at=self._due_at(key, due.get(syncs[key].name), now),
                timeline=timelines.get(key),
                rejects=rejects.get(key),
                read_before=self._read_before(key),
                verification=_verification(self._metrics, key),
            )
            for key in order
        )

    def _due_at(
        self, key: tuple[str, str], scheduled_at: datetime | None, now: datetime
    ) -> datetime | None:
        """The next request: after a refusal, runs are skipped until the pause is over."""
        paused_s = self._refusals.paused_s(*key)
        if scheduled_at is None or not paused_s:
            return scheduled_at
        return max(scheduled_at, instant(now.timestamp() + paused_s))


class AccountReports:
    """Reports on every account: the scopes of its token, and its request budget.

    ``rate_limiters`` returns those of the accounts that are read now.
    """

    def __init__(
        self,
        rate_limiters: Callable[[], Mapping[str, RateLimiter]],
        metrics: Metrics,
        requests_per_minute: int,
        leads: Callable[[str], bool],
    ) -> None:
        self._rate_limiters = rate_limiters
        self._metrics = metrics
        self._per_minute = requests_per_minute
        self._leads = leads

    def build(self) -> tuple[AccountReport, ...]:
        """In the order configured, `public` last."""
        scopes: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        for (account, scope), granted in self._metrics.service.readings(TOKEN_SCOPE).items():
            scopes[account][scope] = bool(granted)
        expiries = self._metrics.service.readings(TOKEN_EXPIRY)
        return tuple(
            AccountReport(
                account=name,
                leader=self._leads(name),
                token_scopes=scopes.get(name, {}),
                token_expires_at=_instant(expiries.get((name,))),
                requests=RequestBudget(
                    per_minute=self._per_minute,
                    burst=limiter.burst,
                    remaining=_rounded(limiter.remaining),
                    waited_seconds=_rounded(limiter.waited_seconds),
                    paused_seconds=_rounded(limiter.paused_s),
                ),
            )
            for name, limiter in self._rate_limiters().items()
        )


class Reporter:
    """Builds the reports of one running service.

    ``now``: wall clock in Unix seconds; ``monotonic``: seconds that never go back.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        spool: Spool,
        clock: ExchangeClock,
        metrics: Metrics,
        accounts: AccountReports,
        streams: StreamReports,
        config: Callable[[], ConfigState | None] = lambda: None,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._spool = spool
        self._clock = clock
        self._metrics = metrics
        self._accounts = accounts
        self._streams = streams
        self._config = config
        self._now = now
        self._monotonic = monotonic
        self._started_at = instant(now())
        self._started = monotonic()
        self._filling = Filling()
        self._cache = CoverageCache(
            storage.database, now=lambda: instant(now()), monotonic=monotonic
        )

    def report(self) -> Report:
        """The state of the service now. Waits for Postgres, but only for a moment."""
        cached = self._cache.get()
        database, service = self._storage.database, self._metrics.service
        heartbeat_age_s, database_since = service.heartbeat_age_s(), service.database_since
        streams = self._streams.build(cached, instant(self._now()))
        late = latest(service.lateness_s(), streams)
        now = instant(self._now())  # afterwards: nothing in the report may be later than it
        left_s = self._filling.left_s(missing_history_s(streams), self._monotonic())
        report = Report(
            verdict="well",
            headline="",
            summary="",
            findings=(),
            version=__version__,
            python=platform.python_version(),
            generated_at=now,
            started_at=self._started_at,
            uptime_seconds=_rounded(self._monotonic() - self._started),
            heartbeat_age_seconds=None if heartbeat_age_s is None else _rounded(heartbeat_age_s),
            lateness_seconds=late and late.seconds,
            lateness_intervals=late and late.intervals,
            documentation_url=_documentation_url(),
            exchange=_host(self._settings.base_url),
            clock_skew_seconds=self._clock.skew_s if self._clock.known else None,
            leader=self._storage.leading,
            database=self._settings.database.kind,
            database_up=None if database is None else database.up,
            database_since=None if database_since is None else instant(database_since),
            history_read_at=cached.read_at,
            history_left_seconds=None if left_s is None else round(left_s),
            spooled_snapshots=len(self._spool),
            dropped_snapshots=self._spool.dropped,
            failing_months=tuple(map(_failing_month, cached.failing_months)),
            accounts=self._accounts.build(),
            streams=streams,
            errors=tuple(self._metrics.streams.errors()),
            config=_config_report(self._config()),
        )
        return judge(report, connecting=database is not None and not database.tried)


class Late(NamedTuple):
    """How late passes begin."""

    intervals: float
    seconds: float


def latest(late_s: Mapping[str, float], streams: Iterable[StreamReport]) -> Late | None:
    """Of the stream whose passes begin latest by its interval; None: nothing is known."""
    intervals = {report.stream: report.interval_seconds for report in streams}
    found = [
        Late(round(seconds / intervals[stream], 2), seconds)
        for stream, seconds in late_s.items()
        if stream in intervals
    ]
    return max(found, default=None)


def _stream_report(
    summary: StreamSummary,
    sync: StreamSync,
    *,
    due_at: datetime | None,
    timeline: Timeline | None,
    rejects: Decimal | float | None,
    read_before: bool,
    verification: VerificationReport | None,
) -> StreamReport:
    coverage = None if summary.coverage is None else _coverage_report(summary.coverage, timeline)
    return StreamReport(
        **(msgspec.structs.asdict(summary) | {"coverage": coverage}),
        kind=sync.stream.kind,
        next_due_at=due_at,
        rejects_open=None if rejects is None else int(rejects),
        read_before=read_before,
        verification=verification,
        unread_scopes=tuple(UnreadScope(*one) for one in sync.unread_scopes.items()),
    )


def _verification(metrics: Metrics, key: tuple[str, str]) -> VerificationReport | None:
    """As exported; None until that is known."""
    readings = metrics.service.readings
    counts = readings(VERIFY_FINDINGS)  # of all accounts: looked up, since they may be many
    found = {kind: int(counts[*key, kind]) for kind in KINDS if (*key, kind) in counts}
    if not found:
        return None
    last, ratio = readings(VERIFY_LAST).get(key), readings(VERIFY_PROGRESS).get(key)
    return VerificationReport(
        last_at=None if last is None else instant(float(last)),
        progress_ratio=None if ratio is None else round(float(ratio), 6),
        **found,
    )


def _coverage_report(summary: CoverageSummary, timeline: Timeline | None) -> CoverageReport:
    measured = msgspec.structs.asdict(summary)
    if timeline is None:
        return CoverageReport(**measured)
    required = Window(timeline.required_from, timeline.settled_to)
    return CoverageReport(
        **measured,
        scopes=timeline.scopes,
        proven_ratio=timeline.proven_ratio,
        required_from=timeline.required_from,
        settled_to=timeline.settled_to,
        segments=segments(required, timeline.by_all, timeline.by_any),
    )


def _instant(unix: Decimal | float | None) -> datetime | None:
    return None if unix is None else instant(float(unix))


def _config_report(state: ConfigState | None) -> ConfigReport | None:
    if state is None:
        return None
    return ConfigReport(
        file=str(state.file),
        last_reload_successful=state.ok,
        last_reload_success_at=instant(state.succeeded_at),
        faults=state.faults,
        needs_restart=state.needs_restart,
    )


def _failing_month(found: FailingMonth) -> FailingMonthReport:
    return FailingMonthReport(**found._asdict() | {"month": f"{found.month:%Y-%m}"})


def _rounded(value: float) -> float:
    """Seconds to the millisecond."""
    return round(value, 3)


@cache
def _documentation_url() -> str | None:
    """The project's address, from the metadata of its package."""
    try:
        urls = metadata.metadata("onetrading-exporter").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    return dict(url.split(", ", 1) for url in urls).get("Repository")


def _host(url: str) -> str:
    """Host and port alone: the rest of the address may hold credentials."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"
