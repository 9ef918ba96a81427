"""What is wrong, what may soon be, and in which words: the verdict and findings of a report.

Pure: the same report gives the same words. The alerts in `grafana/alerts` page people, with
thresholds of their own; findings are for people who look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from exporter.model.errors import REASON_MEANINGS
from exporter.model.limits import CLOCK_SKEW_LIMIT_S, HEARTBEAT_LIMIT_S, TOKEN_EXPIRY_WARNING
from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.status.humanize import duration, listed, percent, plural
from exporter.status.remedies import REMEDIES, Kind, of_reason
from exporter.status.report import (
    ConfigReport,
    CoverageReport,
    Finding,
    Report,
    Severity,
    StreamReport,
    Verdict,
)
from exporter.streams import STREAMS

_LAG_INTERVALS = 5
_LEAST_LAG_S = 900.0
_TIMELINES_STALE_AFTER = timedelta(seconds=20)
_BACKFILL_ERROR_RECENT = timedelta(minutes=10)
_MAX_ACCOUNTS_NAMED = 4
_MAX_MONTHS_NAMED = 3
_MAX_SCOPES_NAMED = 6
_MAX_NAMES_LENGTH = 120
_FUTURES = frozenset(s.name for s in STREAMS if s.requires_futures)
_PUBLIC_REFUSED = "the exchange refuses the request (401 or 403), although it needs no token"
_NO_LONGER_PERMITTED = "the token may no longer read it"
_HELD = "last good values held"
_WITHDRAWN = "values withdrawn"
_EMPTY = "no values yet"
_STATE_NAMES = {
    "fresh": "fresh",
    "held": "held",
    "withdrawn": "withdrawn",
    "standing_by": "standing by",
    "empty": "without values yet",
    "refused": "refused",
    "not_permitted": "not permitted",
}
_ORDER: tuple[Severity, ...] = ("broken", "attention", "note")


class _Problem(NamedTuple):
    """A finding about a stream; streams with equal ones share a line."""

    severity: Severity
    kind: Kind
    text: str
    consequence: str | None = None
    since: bool = False
    """Whether ``error_since`` of the stream is since when ``text`` has been true."""


class _Found(NamedTuple):
    """A finding before it is told what to do about it."""

    severity: Severity
    kind: Kind
    text: str
    since: datetime | None = None
    consequence: str | None = None

    def finding(self, documentation_url: str | None) -> Finding:
        remedy = REMEDIES[self.kind]
        whole = f"{self.text}; {self.consequence}" if self.consequence else self.text
        root = documentation_url and documentation_url.rstrip("/")
        page = f"{root}/blob/main/docs/{remedy.page}" if root else None
        return Finding(self.severity, whole, self.since, self.consequence, page, remedy.command)


def judge(report: Report, *, connecting: bool) -> Report:
    """``report`` with its verdict, headline, summary and findings.

    ``connecting``: the first attempt to connect to Postgres is still under way.
    """
    unordered = [
        *_of_service(report, connecting),
        *_of_config(report.config),
        *_of_streams(report),
        *_of_accounts(report),
        *_of_tokens(report),
    ]
    told = [found.finding(report.documentation_url) for found in unordered]
    findings = sorted(told, key=lambda finding: _ORDER.index(finding.severity))
    untried = sum(not stream.tried for stream in report.streams)
    verdict: Verdict = "starting" if untried or connecting else "well"
    if findings and findings[0].severity != "note":
        verdict = "broken" if findings[0].severity == "broken" else "attention"
    return msgspec.structs.replace(
        report,
        verdict=verdict,
        headline=_headline(verdict, findings),
        summary=_summary(report, untried),
        findings=tuple(findings),
    )


def _headline(verdict: Verdict, findings: Sequence[Finding]) -> str:
    if verdict == "well":
        return "All is well"
    if verdict == "starting":
        return "Starting"
    count = sum(finding.severity == verdict for finding in findings)
    if verdict == "broken":
        return "1 thing is broken" if count == 1 else f"{count} things are broken"
    return "1 thing needs attention" if count == 1 else f"{count} things need attention"


def _summary(report: Report, untried: int) -> str:
    """One line of numbers: streams by state, and how complete history is."""
    accounts = sum(account.account != PUBLIC_ACCOUNT for account in report.accounts)
    states = [stream.state for stream in report.streams if stream.tried]
    counts = {name: states.count(state) for state, name in _STATE_NAMES.items()}
    counts["not polled yet"] = untried
    by_state = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    total = f"{plural(len(report.streams), 'stream')} of {plural(accounts, 'account')}"
    return f"{total}: {by_state or 'none fresh'}. {_history(report)}{_months(report)}"


def _months(report: Report) -> str:
    """Which months are not complete: `reporting.month_close` judges that, nothing here."""
    months = list(dict.fromkeys(found.month for found in report.failing_months))
    if not months:
        return ""
    names = listed(months) if len(months) <= _MAX_MONTHS_NAMED else plural(len(months), "month")
    return f" Not complete: {names}, see reporting.month_close."


def _history(report: Report) -> str:
    if report.database_up is None:
        return "No database: metrics only."
    histories = [stream for stream in report.streams if stream.coverage is not None]
    refused = [stream for stream in histories if not stream.permitted]
    coverages = [s.coverage for s in histories if s.permitted and s.coverage is not None]
    without = f" (not permitted: {_names(refused)})" if refused else ""
    ratios = [ratio for found in coverages if (ratio := proven_ratio(found)) is not None]
    if not ratios:
        return "History coverage is not known yet."
    if min(ratios) < 1:
        left_s = report.history_left_seconds
        left = "" if left_s is None else f", the rest takes about {duration(left_s)}"
        return f"The least complete history is {percent(min(ratios))} proven{left}{without}."
    starts = [found.required_from for found in coverages if found.required_from is not None]
    since = f" since {max(starts):%Y-%m-%d}" if starts else ""
    return f"History is proven complete{since}{without}."


def _of_service(report: Report, connecting: bool) -> Iterator[_Found]:
    heartbeat_age_s = report.heartbeat_age_seconds
    if heartbeat_age_s is not None and heartbeat_age_s > HEARTBEAT_LIMIT_S:
        since = report.generated_at - timedelta(seconds=heartbeat_age_s)
        yield _Found("broken", "scheduler", "The scheduler has stopped: no stream is polled", since)
    if report.lateness_seconds and (report.lateness_intervals or 0.0) > 1:
        late = duration(report.lateness_seconds)
        text = f"This process has too much to do: passes begin up to {late} after their turn"
        yield _Found("attention", "lateness", text)
    if connecting:
        yield _Found("note", "database", "Connecting to Postgres")
    elif report.database_up is False:
        # Whether gauges go on depends on the exchange, and is told of each stream.
        yield _Found(
            "broken",
            "database",
            "Postgres is down",
            report.database_since,
            "history and counters stand still, snapshots wait on disk",
        )
    elif report.database_up:
        yield from _of_database(report)
    if report.dropped_snapshots:
        dropped = plural(report.dropped_snapshots, "snapshot")
        text = f"The spool or its disk was full: {dropped} lost since the start"
        yield _Found("attention", "spool_lost", text)
    skew_s = report.clock_skew_seconds
    if skew_s is not None and abs(skew_s) > CLOCK_SKEW_LIMIT_S:
        direction = "ahead of" if skew_s > 0 else "behind"
        text = f"The exchange's clock is {abs(skew_s):.1f} s {direction} the local clock"
        yield _Found("attention", "clock", text)


def _of_database(report: Report) -> Iterator[_Found]:
    if report.spooled_snapshots:
        spooled = plural(report.spooled_snapshots, "snapshot")
        yield _Found("note", "spool", f"{spooled} on disk, not yet stored in Postgres")
    read_at = report.history_read_at
    if read_at is not None and report.generated_at - read_at > _TIMELINES_STALE_AFTER:
        text = "Postgres responds slowly: the timelines are out of date"
        yield _Found("attention", "database_slow", text, read_at)


def _of_config(config: ConfigReport | None) -> Iterator[_Found]:
    if config is None:
        return
    if config.faults:
        fault, *more = config.faults
        others = f" (and {plural(len(more), 'other fault')})" if more else ""
        text = "The configuration file changed but is not usable, the accounts stay as they are"
        # Not since it was last usable: it is read when it changes, which was later.
        yield _Found("attention", "config", f"{text}: {fault}{others}")
    if config.needs_restart:
        names = listed(config.needs_restart)
        text = f"The configuration file changed {names}: that needs a restart"
        yield _Found("attention", "restart", text)


def _of_tokens(report: Report) -> Iterator[_Found]:
    for account in report.accounts:
        at = account.token_expires_at
        if at is not None and at <= report.generated_at:
            text = f"{account.account}: the token has expired"
            yield _Found("attention", "token_expiry", text, at)
        elif at is not None and at - report.generated_at < TOKEN_EXPIRY_WARNING:
            left = duration(at - report.generated_at)
            text = f"{account.account}: the token expires in {left}"
            yield _Found("attention", "token_expiry", text)


def _of_accounts(report: Report) -> Iterator[_Found]:
    elsewhere = list(dict.fromkeys(s.account for s in report.streams if s.standing_by))
    if elsewhere:
        names = listed(elsewhere)
        if len(elsewhere) > _MAX_ACCOUNTS_NAMED:
            names = plural(len(elsewhere), "account")
        whom = "it" if len(elsewhere) == 1 else "them"
        text = f"Standing by for {names}: another process reads, writes and exports {whom}"
        yield _Found("note", "standby", text)
    for account in report.accounts:
        paused_s = account.requests.paused_seconds
        if paused_s:
            text = (
                f"{account.account}: rate limited (429), no requests for another {paused_s:.0f} s"
            )
            yield _Found("attention", "rate_limit", text)


def _of_streams(report: Report) -> Iterator[_Found]:
    affected: defaultdict[_Problem, list[StreamReport]] = defaultdict(list)
    for stream in report.streams:
        for problem in (_poll(stream, report), _lag(stream, report), _gap(stream, report)):
            if problem is not None:
                affected[problem].append(stream)
        yield from _unread(stream)
        if stream.rejects_open:
            rejects = plural(stream.rejects_open, "rejected record")
            text = f"{rejects}, listed in reporting.open_rejects"
            affected[_Problem("attention", "rejects", text)].append(stream)
    for problem, streams in affected.items():
        first = min((s.error_since for s in streams if s.error_since is not None), default=None)
        since = first if problem.since else None
        text = f"{_names(streams)}: {problem.text}"
        yield _Found(problem.severity, problem.kind, text, since, problem.consequence)


def _unread(stream: StreamReport) -> Iterator[_Found]:
    """Which instruments are not read, by reason; their history counts neither as lag nor gap."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for unread in stream.unread_scopes:
        by_reason[unread.reason].append(unread.scope)
    for reason, scopes in by_reason.items():
        names = listed(scopes)
        if len(scopes) > _MAX_SCOPES_NAMED:
            names = plural(len(scopes), "instrument")
        text = f"{_names([stream])}: without {names}: {reason}"
        yield _Found("note", "scopes", text, consequence="asked again hourly")


def _poll(stream: StreamReport, report: Report) -> _Problem | None:
    """Whether polls fail or are overdue, and what that does to the exported values."""
    reason = stream.last_error
    well = stream.standing_by or (reason is None and stream.freshness == "fresh")
    if not stream.tried or well:
        return None
    if reason == "database" and not report.database_up:
        return None  # one finding about the service covers all streams
    why = "the next poll is overdue" if reason is None else REASON_MEANINGS[reason]
    if stream.account == PUBLIC_ACCOUNT and reason in ("auth", "permission"):
        why = _PUBLIC_REFUSED
    elif not stream.permitted and _token_refused(stream, report):
        # It is refused since it was, whatever the exchange does now.
        return _Problem("broken", "token", REASON_MEANINGS["auth"], since=reason == "auth")
    elif stream.state == "not_permitted":
        return _not_permitted(stream)
    kind = of_reason(reason)
    if stream.freshness == "withdrawn":
        return _Problem("broken", kind, why, _WITHDRAWN, since=True)
    if stream.freshness == "empty":
        return None if reason is None else _Problem("broken", kind, why, _EMPTY, since=True)
    return _Problem("attention", kind, why, _HELD, since=True)


def _not_permitted(stream: StreamReport) -> _Problem:
    """Only a note where it is normal: an account without futures has no futures to read."""
    refused = stream.last_error == "permission"
    if stream.read_before and stream.freshness == "empty":
        return _Problem("broken", "permission", _NO_LONGER_PERMITTED, _EMPTY, refused)
    if stream.last_success_at is None and not stream.read_before:
        severity: Severity = "note" if stream.stream in _FUTURES else "broken"
        return _Problem(severity, "permission", REASON_MEANINGS["permission"], since=refused)
    if stream.freshness == "withdrawn":
        return _Problem("broken", "permission", _NO_LONGER_PERMITTED, _WITHDRAWN, refused)
    return _Problem("attention", "permission", _NO_LONGER_PERMITTED, _HELD, refused)


def _token_refused(stream: StreamReport, report: Report) -> bool:
    """Whether the token itself is refused, even if the exchange now fails in another way."""
    reads = {account.account: account.token_scopes.get("read") for account in report.accounts}
    return stream.last_error == "auth" or reads.get(stream.account) is False


def _lag(stream: StreamReport, report: Report) -> _Problem | None:
    """Whether the newest history is overdue."""
    lag_s = stream.coverage.lag_seconds if stream.coverage else None
    if lag_s is None or not report.database_up or not stream.permitted:
        return None
    if lag_s <= max(_LAG_INTERVALS * stream.interval_seconds, _LEAST_LAG_S):
        return None
    return _Problem("attention", "lag", "history lags: its newest part is overdue")


def _gap(stream: StreamReport, report: Report) -> _Problem | None:
    """Whether older history is missing, and whether the backfill works."""
    ratio = proven_ratio(stream.coverage) if stream.coverage else None
    if ratio is None or ratio >= 1 or not stream.permitted:
        return None
    if _backfill_failed(report, stream, report.generated_at - _BACKFILL_ERROR_RECENT):
        return _Problem("attention", "gap", "history has gaps, and the backfill fails")
    return _Problem("note", "filling", "history is being backfilled")


def proven_ratio(coverage: CoverageReport) -> float | None:
    """As read from Postgres; before that, as measured by the last pass."""
    return coverage.progress_ratio if coverage.proven_ratio is None else coverage.proven_ratio


def _backfill_failed(report: Report, stream: StreamReport, since: datetime) -> bool:
    return any(
        error.lane == "backfill"
        and error.reason not in ("auth", "permission")  # for the polls to report
        and (error.account, error.stream) == (stream.account, stream.stream)
        and error.last_at > since
        for error in report.errors
    )


def _names(streams: Sequence[StreamReport]) -> str:
    """``balances of main and hedge; tickers of public``; counts where that would be long."""
    accounts_of: defaultdict[str, list[str]] = defaultdict(list)
    for stream in streams:
        accounts_of[stream.stream].append(stream.account)
    streams_of: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, accounts in accounts_of.items():
        streams_of[tuple(accounts)].append(name)
    full = "; ".join(
        f"{listed(names)} of {listed(accounts)}" for accounts, names in streams_of.items()
    )
    if len(full) <= _MAX_NAMES_LENGTH:
        return full
    owners = list(dict.fromkeys(stream.account for stream in streams))
    named = len(owners) <= _MAX_ACCOUNTS_NAMED
    return (
        f"{plural(len(streams), 'stream')} of "
        f"{listed(owners) if named else plural(len(owners), 'account')}"
    )
