"""What is wrong, what may soon be, and how to say it: from a report's facts to words.

Pure: the same facts give the same words. The alerts in `grafana/alerts` page people, with
thresholds of their own; these words are for whoever looks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from exporter.model.errors import REASON_MEANINGS
from exporter.model.limits import CLOCK_SKEW_LIMIT_S, HEARTBEAT_LIMIT_S
from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.status.report import CoverageReport, Finding, Report, Severity, StreamReport, Verdict
from exporter.status.wording import listed, percent, plural
from exporter.streams import STREAMS

_LAG_INTERVALS = 5
_SHORTEST_LAG_S = 900.0
_SLOW_AFTER = timedelta(seconds=20)
_BACKFILL_FAILED_WITHIN = timedelta(minutes=10)
_NAMES_SHOWN = 4
_LONGEST_NAMES = 120
_FUTURES = frozenset(s.name for s in STREAMS if s.requires_futures)
_REFUSED_TO_ALL = "the exchange refuses us (401 or 403), though this needs no token"
_STATE_NAMES = {
    "fresh": "fresh",
    "held": "held",
    "withdrawn": "withdrawn",
    "empty": "without values",
    "refused": "refused",
    "not_permitted": "not permitted",
}
_ORDER: tuple[Severity, ...] = ("broken", "attention", "note")


class _Trouble(NamedTuple):
    """What is to be said of a stream; those that are alike are said together."""

    severity: Severity
    text: str


def judge(report: Report, *, connecting: bool) -> Report:
    """``report`` with its verdict, headline, summary and findings.

    ``connecting``: the first attempt to reach Postgres is not over.
    """
    found = [*_of_service(report, connecting), *_of_streams(report), *_of_accounts(report)]
    findings = sorted(found, key=lambda finding: _ORDER.index(finding.severity))
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
    """The good and the bad in one line of numbers."""
    accounts = sum(account.account != PUBLIC_ACCOUNT for account in report.accounts)
    shown = [stream.state for stream in report.streams if stream.tried]
    states = {name: shown.count(state) for state, name in _STATE_NAMES.items()}
    states["not asked yet"] = untried
    counts = ", ".join(f"{count} {name}" for name, count in states.items() if count)
    whole = f"{plural(len(report.streams), 'stream')} of {plural(accounts, 'account')}"
    return f"{whole}: {counts or 'none fresh'}. {_history(report)}"


def _history(report: Report) -> str:
    if report.database_up is None:
        return "No database: metrics only."
    histories = [stream for stream in report.streams if stream.coverage is not None]
    barred = [stream for stream in histories if not stream.permitted]
    covered = [s.coverage for s in histories if s.permitted and s.coverage is not None]
    apart = f" (not permitted: {_who(barred)})" if barred else ""
    ratios = [ratio for found in covered if (ratio := proven_ratio(found)) is not None]
    if not ratios:
        return "How much history is proven is not known yet."
    if min(ratios) < 1:
        return f"The least complete history is {percent(min(ratios))} proven{apart}."
    starts = [found.required_from for found in covered if found.required_from is not None]
    since = f" from {max(starts):%Y-%m-%d} on" if starts else ""
    return f"History is proven complete{since}{apart}."


def _of_service(report: Report, connecting: bool) -> Iterator[Finding]:
    now, beat_s = report.generated_at, report.heartbeat_age_seconds
    if beat_s is not None and beat_s > HEARTBEAT_LIMIT_S:
        since = now - timedelta(seconds=beat_s)
        yield Finding("broken", "The scheduler does not run: nothing is asked any more", since)
    if connecting:
        yield Finding("note", "Postgres is being connected")
    elif report.database_up is False:
        text = "Postgres is away: gauges go on, history and counters stand still"
        yield Finding("broken", text, report.database_since)
    elif report.database_up:
        yield from _of_database(report)
    if report.dropped_snapshots:
        dropped = plural(report.dropped_snapshots, "answer")
        yield Finding("attention", f"The spool was full: {dropped} lost since the start")
    skew_s = report.clock_skew_seconds
    if skew_s is not None and abs(skew_s) > CLOCK_SKEW_LIMIT_S:
        text = f"The exchange's clock is {skew_s:+.1f} s from ours"
        yield Finding("attention", text)


def _of_database(report: Report) -> Iterator[Finding]:
    if not report.leader:
        yield Finding("note", "Another process writes to Postgres; this one stands by")
    if report.spooled_snapshots:
        waiting = plural(report.spooled_snapshots, "answer")
        yield Finding("note", f"{waiting} on disk to be stored in Postgres")
    read_at = report.history_read_at
    if read_at is not None and report.generated_at - read_at > _SLOW_AFTER:
        text = "Postgres is slow to answer: timelines are older than usual"
        yield Finding("attention", text, read_at)


def _of_accounts(report: Report) -> Iterator[Finding]:
    for account in report.accounts:
        paused_s = account.requests.paused_seconds
        if paused_s:
            text = f"{account.account}: no request for {paused_s:.0f} s more after a 429"
            yield Finding("attention", text)


def _of_streams(report: Report) -> Iterator[Finding]:
    alike: defaultdict[_Trouble, list[StreamReport]] = defaultdict(list)
    for stream in report.streams:
        for trouble in (_poll(stream, report), _lag(stream, report), _gap(stream, report)):
            if trouble is not None:
                alike[trouble].append(stream)
        if stream.rejects_open:
            text = f"{plural(stream.rejects_open, 'record')} could not be read, in quarantine"
            alike[_Trouble("attention", text)].append(stream)
    for (severity, text), streams in alike.items():
        since = min((s.failing_since for s in streams if s.failing_since is not None), default=None)
        yield Finding(severity, f"{_who(streams)}: {text}", since)


def _poll(stream: StreamReport, report: Report) -> _Trouble | None:
    """Whether its values are as they should be."""
    reason = stream.last_error
    # What a process that stands by does not ask for is another one's to show.
    well = reason is None and (stream.freshness == "fresh" or not report.leader)
    if not stream.tried or well:
        return None
    if reason == "database" and (not report.database_up or not report.leader):
        return None  # said once, of the service
    why = "no answer in time" if reason is None else REASON_MEANINGS[reason]
    if stream.account == PUBLIC_ACCOUNT and reason in ("auth", "permission"):
        why = _REFUSED_TO_ALL
    elif not stream.permitted and _refused(stream, report):
        return _Trouble("broken", REASON_MEANINGS["auth"])
    elif stream.state == "not_permitted":
        return _barred(stream)
    if stream.freshness == "withdrawn":
        return _Trouble("broken", f"values withdrawn, {why}")
    if stream.freshness == "empty":
        return None if reason is None else _Trouble("broken", f"nothing to show yet, {why}")
    return _Trouble("attention", f"{why}, the last good values are held")


def _barred(stream: StreamReport) -> _Trouble:
    """A note where that is as it should be: an account without futures has nothing to read."""
    why = REASON_MEANINGS["permission"]
    if stream.last_success_at is None:
        return _Trouble("note" if stream.stream in _FUTURES else "broken", why)
    if stream.freshness == "withdrawn":
        return _Trouble("broken", f"values withdrawn, {why} any more")
    return _Trouble("attention", f"{why} any more, the last good values are held")


def _refused(stream: StreamReport, report: Report) -> bool:
    """Whether the token itself is, also while the exchange fails in other ways since."""
    reads = {account.account: account.token_scopes.get("read") for account in report.accounts}
    return stream.last_error == "auth" or reads.get(stream.account) is False


def _lag(stream: StreamReport, report: Report) -> _Trouble | None:
    """Whether the newest history is there."""
    lag_s = stream.coverage.lag_seconds if stream.coverage else None
    if lag_s is None or not report.database_up or not stream.permitted:
        return None
    if lag_s <= max(_LAG_INTERVALS * stream.interval_seconds, _SHORTEST_LAG_S):
        return None
    return _Trouble("attention", "the newest history is not proven, and it is late")


def _gap(stream: StreamReport, report: Report) -> _Trouble | None:
    """Whether older history is missing, and whether it is being filled."""
    ratio = proven_ratio(stream.coverage) if stream.coverage else None
    if ratio is None or ratio >= 1 or not stream.permitted:
        return None
    since = report.generated_at - _BACKFILL_FAILED_WITHIN
    if _backfill_failed(report, stream, since):
        return _Trouble("attention", "history has gaps, and filling them fails")
    return _Trouble("note", "history is being filled")


def proven_ratio(found: CoverageReport) -> float | None:
    """What Postgres says now; before that was read, what the last pass found."""
    return found.progress_ratio if found.proven_ratio is None else found.proven_ratio


def _backfill_failed(report: Report, stream: StreamReport, since: datetime) -> bool:
    return any(
        error.lane == "backfill"
        and error.reason not in ("auth", "permission")  # the polls are about to say so
        and (error.account, error.stream) == (stream.account, stream.stream)
        and error.last_at > since
        for error in report.errors
    )


def _who(streams: Sequence[StreamReport]) -> str:
    """``balances of main and hedge; tickers of public``; a number where that would be long."""
    accounts: defaultdict[str, list[str]] = defaultdict(list)
    for stream in streams:
        accounts[stream.stream].append(stream.account)
    names: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, having in accounts.items():
        names[tuple(having)].append(name)
    said = "; ".join(f"{listed(of)} of {listed([*having])}" for having, of in names.items())
    if len(said) <= _LONGEST_NAMES:
        return said
    owners = list(dict.fromkeys(stream.account for stream in streams))
    of_these = listed(owners) if len(owners) <= _NAMES_SHOWN else plural(len(owners), "account")
    return f"{plural(len(streams), 'stream')} of {of_these}"
