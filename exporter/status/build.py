"""The report, put together from what the service knows. Nothing here asks the exchange."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import metadata
from urllib.parse import urlsplit

import msgspec

from exporter._version import __version__
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import RateLimiter
from exporter.metrics import CoverageSummary, ErrorRun, Metrics, ServiceMetrics, StreamSummary
from exporter.metrics.families import REJECTS_OPEN, TOKEN_SCOPE
from exporter.model.stream import PUBLIC_ACCOUNT, Stream
from exporter.model.window import Window
from exporter.settings import Settings
from exporter.status.coverage_cache import CachedCoverage, CoverageCache
from exporter.status.findings import judge
from exporter.status.report import (
    AccountReport,
    CoverageReport,
    Error,
    Report,
    Requests,
    StreamReport,
)
from exporter.status.segments import segments
from exporter.store.reports import Timeline
from exporter.store.spool import Spool
from exporter.store.storage import Storage
from exporter.sync import Refusals, StreamSync

Due = Callable[[], Mapping[str, datetime]]
"""When each stream of each account has its next turn, by `account/stream`."""


class StreamReports:
    """What is said of every stream of every account."""

    def __init__(
        self, syncs: Sequence[StreamSync], metrics: Metrics, refusals: Refusals, due: Due
    ) -> None:
        self._syncs = {sync.key: sync for sync in syncs}
        self._metrics = metrics
        self._refusals = refusals
        self._due = due

    def build(self, cached: CachedCoverage, now: datetime) -> tuple[StreamReport, ...]:
        """By account, then in the order in which streams are declared."""
        due = self._due()
        lines = {(line.account, line.stream): line for line in cached.timelines}
        rejects = self._metrics.service.readings(REJECTS_OPEN)
        summaries = {(s.account, s.stream): s for s in self._metrics.streams.summaries()}
        accounts = dict.fromkeys(sync.account.name for sync in self._syncs.values())
        accounts |= {PUBLIC_ACCOUNT: accounts.pop(PUBLIC_ACCOUNT, None)}
        order = sorted(self._syncs, key=lambda key: [*accounts].index(key[0]))
        return tuple(
            _stream(
                summaries[key],
                self._syncs[key].stream,
                due_at=self._due_at(key, due, now),
                line=lines.get(key),
                rejects=rejects.get(key),
            )
            for key in order
        )

    def _due_at(
        self, key: tuple[str, str], due: Mapping[str, datetime], now: datetime
    ) -> datetime | None:
        """The next turn; after a refusal a turn passes without asking until the pause is over."""
        turn = due.get(self._syncs[key].name)
        paused_s = self._refusals.paused_s(*key)
        if turn is None or not paused_s:
            return turn
        return max(turn, instant(now.timestamp() + paused_s))


class AccountReports:
    """What is said of every account: what its token may do, and how fast it is used."""

    def __init__(
        self,
        rate_limiters: Mapping[str, RateLimiter],
        metrics: Metrics,
        requests_per_minute: int,
    ) -> None:
        self._rate_limiters = rate_limiters
        self._metrics = metrics
        self._per_minute = requests_per_minute

    def build(self) -> tuple[AccountReport, ...]:
        """In the order configured, `public` last."""
        scopes = self._metrics.service.readings(TOKEN_SCOPE)
        return tuple(
            AccountReport(
                account=name,
                token_scopes={
                    scope: bool(has) for (of, scope), has in scopes.items() if of == name
                },
                requests=Requests(
                    per_minute=self._per_minute,
                    burst=limiter.burst,
                    remaining=_rounded(limiter.remaining),
                    waited_seconds=_rounded(limiter.waited_seconds),
                    paused_seconds=_rounded(limiter.paused_s),
                ),
            )
            for name, limiter in self._rate_limiters.items()
        )


class Reporter:
    """Builds reports of one running service.

    ``now``: wall clock in Unix seconds; ``monotonic``: seconds that never go back.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        spool: Spool,
        clock: ExchangeClock,
        service: ServiceMetrics,
        errors: Callable[[], Sequence[ErrorRun]],
        accounts: AccountReports,
        streams: StreamReports,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._spool = spool
        self._clock = clock
        self._service = service
        self._errors = errors
        self._accounts = accounts
        self._streams = streams
        self._now = now
        self._monotonic = monotonic
        self._started_at = instant(now())
        self._started = monotonic()
        self._cache = CoverageCache(
            storage.database, now=lambda: instant(now()), monotonic=monotonic
        )

    def report(self) -> Report:
        """How the service stands now. Takes a moment longer when Postgres is slow to answer."""
        cached, now = self._cache.get(), instant(self._now())
        database = self._storage.database
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
            heartbeat_age_seconds=_known(self._service.heartbeat_age_s()),
            documentation_url=_documentation_url(),
            exchange=_host(self._settings.base_url),
            clock_skew_seconds=self._clock.skew_s if self._clock.known else None,
            leader=self._storage.leading,
            database=self._settings.database.kind,
            database_up=None if database is None else database.up,
            database_since=_instant(self._service.database_since),
            history_read_at=cached.read_at,
            spooled_snapshots=len(self._spool),
            dropped_snapshots=self._spool.dropped,
            accounts=self._accounts.build(),
            streams=self._streams.build(cached, now),
            errors=tuple(_error(run) for run in self._errors()),
        )
        return judge(report, connecting=database is not None and not database.tried)


def _stream(
    summary: StreamSummary,
    stream: Stream,
    *,
    due_at: datetime | None,
    line: Timeline | None,
    rejects: Decimal | float | None,
) -> StreamReport:
    facts = msgspec.structs.asdict(summary) | {
        "coverage": None if summary.coverage is None else _coverage(summary.coverage, line)
    }
    return StreamReport(
        **facts,
        kind=stream.kind,
        next_due_at=due_at,
        rejects_open=None if rejects is None else int(rejects),
    )


def _coverage(measured: CoverageSummary, line: Timeline | None) -> CoverageReport:
    facts = msgspec.structs.asdict(measured)
    if line is None:
        return CoverageReport(**facts)
    required = Window(line.required_from, line.settled_to)
    return CoverageReport(
        **facts,
        scopes=line.scopes,
        proven_ratio=line.proven_ratio,
        required_from=line.required_from,
        settled_to=line.settled_to,
        segments=segments(required, line.by_all, line.by_any),
    )


def _error(run: ErrorRun) -> Error:
    return Error(
        account=run.account,
        stream=run.stream,
        lane=run.lane,
        reason=run.reason,
        times=run.times,
        first_at=instant(run.first_at),
        last_at=instant(run.last_at),
    )


def instant(unix: float) -> datetime:
    """Aware UTC, to the millisecond."""
    return datetime.fromtimestamp(round(unix, 3), UTC)


def _instant(unix: float | None) -> datetime | None:
    return None if unix is None else instant(unix)


def _rounded(seconds: float) -> float:
    return round(seconds, 3)


def _known(seconds: float | None) -> float | None:
    return None if seconds is None else _rounded(seconds)


@cache
def _documentation_url() -> str | None:
    """The project's address, as its package says it."""
    try:
        addresses = metadata.metadata("onetrading-exporter").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    named = dict(address.split(", ", 1) for address in addresses)
    return named.get("Repository")


def _host(url: str) -> str:
    """Host and port alone: whatever else an address holds is nobody's business."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"
