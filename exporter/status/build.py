"""The report, put together from what the service knows. Nothing here asks the exchange."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import metadata
from urllib.parse import urlsplit

import msgspec

from exporter._version import __version__
from exporter.app import App
from exporter.metrics import ErrorRun, StreamSummary
from exporter.metrics.families import REJECTS_OPEN, TOKEN_SCOPE
from exporter.model.stream import History, Stream
from exporter.model.window import Window
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


class Reporter:
    """Builds reports of one running service.

    ``due`` gives the next turn of each account and stream, named `account/stream`.
    """

    def __init__(
        self,
        app: App,
        due: Callable[[], Mapping[str, datetime]],
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._due = due
        self._now = now
        self._monotonic = monotonic
        self._started_at = instant(now())
        self._started = monotonic()
        self._stored = CoverageCache(app.database, now=lambda: instant(now()), monotonic=monotonic)
        self._streams = {(account.name, stream.name): stream for account, stream in app.pairs()}

    def report(self) -> Report:
        """How the service stands now. Takes a moment longer when Postgres is slow to answer."""
        app, known, now = self._app, self._stored.get(), instant(self._now())
        streams = self._stream_reports(known, now)
        database, spool = app.database, app.parts.spool
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
            heartbeat_age_seconds=_known(app.service_metrics.heartbeat_age_s()),
            documentation_url=_documentation_url(),
            exchange=_host(app.settings.base_url),
            clock_skew_seconds=app.clock.skew_s if app.clock.known else None,
            leader=app.parts.leases is None or app.parts.leases.leading,
            database=app.settings.database.kind,
            database_up=None if database is None else database.up,
            database_since=_instant(app.service_metrics.database_since),
            history_read_at=known.read_at,
            spooled_snapshots=len(spool),
            dropped_snapshots=spool.dropped,
            accounts=tuple(self._account(name) for name in app.parts.accounts),
            streams=streams,
            errors=tuple(_error(run) for run in app.stream_metrics.errors()),
        )
        return judge(report, connecting=database is not None and not database.tried)

    def _account(self, name: str) -> AccountReport:
        rate_limiter = self._app.rate_limiters[name]
        scopes = self._app.service_metrics.readings(TOKEN_SCOPE)
        return AccountReport(
            account=name,
            token_scopes={scope: bool(has) for (of, scope), has in scopes.items() if of == name},
            requests=Requests(
                per_minute=self._app.settings.requests_per_minute,
                burst=rate_limiter.burst,
                remaining=_rounded(rate_limiter.remaining),
                waited_seconds=_rounded(rate_limiter.waited_seconds),
                paused_seconds=_rounded(rate_limiter.paused_s),
            ),
        )

    def _stream_reports(self, known: CachedCoverage, now: datetime) -> tuple[StreamReport, ...]:
        due = self._due()
        lines = {(line.account, line.stream): line for line in known.timelines}
        rejects = self._app.service_metrics.readings(REJECTS_OPEN)
        found = {
            (state.account, state.stream): _stream(
                state,
                self._streams[state.account, state.stream],
                due_at=self._due_at(state, due, now),
                line=lines.get((state.account, state.stream)),
                rejects=rejects.get((state.account, state.stream)),
            )
            for state in self._app.stream_metrics.states()
        }
        # By account, then in the order in which streams are declared.
        order = [(name, s.name) for name in self._app.parts.accounts for s in self._app.streams]
        return tuple(found[key] for key in order if key in found)

    def _due_at(
        self, state: StreamSummary, due: Mapping[str, datetime], now: datetime
    ) -> datetime | None:
        """The next turn; after a refusal a turn passes without asking until the pause is over."""
        turn = due.get(f"{state.account}/{state.stream}")
        paused_s = self._app.runner.paused_s(state.account, state.stream)
        if turn is None or not paused_s:
            return turn
        return max(turn, instant(now.timestamp() + paused_s))


def _stream(
    state: StreamSummary,
    stream: Stream,
    *,
    due_at: datetime | None,
    line: Timeline | None,
    rejects: Decimal | float | None,
) -> StreamReport:
    return StreamReport(
        account=state.account,
        stream=state.stream,
        kind=stream.kind,
        tried=state.tried,
        success=state.success,
        permitted=state.permitted,
        freshness=state.freshness,
        age_seconds=_known(state.age_s),
        interval_seconds=state.interval_s,
        hold_seconds=state.hold_s,
        last_success_at=_instant(state.last_success),
        last_error=state.last_error,
        failing_since=_instant(state.failing_since),
        next_due_at=due_at,
        rejects_open=None if rejects is None else int(rejects),
        coverage=_coverage(state, line) if isinstance(stream, History) else None,
    )


def _coverage(state: StreamSummary, line: Timeline | None) -> CoverageReport:
    lag_s, gap_s = _known(state.lag_s), _known(state.gap_s)
    measured = CoverageReport(
        lag_seconds=lag_s, gap_seconds=gap_s, progress_ratio=state.progress_ratio
    )
    if line is None:
        return measured
    required = Window(line.required_from, line.settled_to)
    return msgspec.structs.replace(
        measured,
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
