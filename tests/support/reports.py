"""Made-up status reports, for the tests of their findings and of the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from msgspec.structs import replace

from exporter.metrics import ErrorRun
from exporter.status.findings import judge
from exporter.status.report import (
    AccountReport,
    CoverageReport,
    Report,
    RequestBudget,
    Segment,
    StreamReport,
)

HOSTILE = "<img src=x onerror=alert(1)>\"'`{{7*7}}</script>"
NOW = datetime(2026, 3, 31, 12, 30, 30, tzinfo=UTC)
DAY = timedelta(days=1)
START = NOW - 30 * DAY
REQUESTS = RequestBudget(
    per_minute=240, burst=7, remaining=6.5, waited_seconds=12.0, paused_seconds=0.0
)
COMPLETE = CoverageReport(
    lag_seconds=62.0,
    gap_seconds=0.0,
    progress_ratio=1.0,
    scopes=1,
    proven_ratio=1.0,
    required_from=START,
    settled_to=NOW - timedelta(seconds=60),
    segments=(
        Segment(START, NOW - timedelta(seconds=80), "all"),
        Segment(NOW - timedelta(seconds=80), NOW - timedelta(seconds=60), "none"),
    ),
)
GAPPY = replace(
    COMPLETE,
    gap_seconds=4 * 86_400.0,
    progress_ratio=26 / 30,
    proven_ratio=26 / 30,
    segments=(
        Segment(START, START + 6 * DAY, "all"),
        Segment(START + 6 * DAY, START + 9 * DAY, "none"),
        Segment(START + 9 * DAY, START + 20 * DAY, "all"),
        Segment(START + 20 * DAY, START + 21 * DAY, "some"),
        Segment(START + 21 * DAY, NOW - timedelta(seconds=60), "all"),
    ),
)


Kind = Literal["snapshot", "reference", "history"]


def stream(account: str, name: str, kind: Kind = "snapshot", **more: Any) -> StreamReport:
    """A stream without a problem; ``more`` replaces fields."""
    well = StreamReport(
        account=account,
        stream=name,
        kind=kind,
        tried=True,
        success=True,
        permitted=True,
        standing_by=False,
        freshness="fresh",
        age_seconds=4.0,
        interval_seconds=15.0,
        hold_seconds=60.0,
        last_success_at=NOW - timedelta(seconds=4),
        last_error=None,
        failing_since=None,
        next_due_at=NOW + timedelta(seconds=11),
        rejects_open=0,
        coverage=COMPLETE if kind == "history" else None,
    )
    return replace(well, **more)


def account(name: str, **more: Any) -> AccountReport:
    """An account without a problem; ``more`` replaces fields."""
    scopes = {} if name == "public" else {"read": True}
    return replace(
        AccountReport(account=name, leader=True, token_scopes=scopes, requests=REQUESTS), **more
    )


def error(account: str, name: str, **more: Any) -> ErrorRun:
    """A failure half a minute ago; ``more`` replaces fields."""
    at = NOW - timedelta(seconds=30)
    run = ErrorRun(
        account=account,
        stream=name,
        lane="poll",
        reason="timeout",
        times=1,
        first_at=at,
        last_at=at,
    )
    return replace(run, **more)


def report(*, connecting: bool = False, **more: Any) -> Report:
    """Two accounts without a problem, judged; ``more`` replaces fields first."""
    names = ("main", "hedge", "public")
    facts = Report(
        verdict="well",
        headline="",
        summary="",
        findings=(),
        version="1.2.3",
        python="3.11.7",
        generated_at=NOW,
        started_at=NOW - timedelta(hours=50),
        uptime_seconds=180_000.0,
        heartbeat_age_seconds=2.0,
        documentation_url="https://docs.example/",
        exchange="api.example.com",
        clock_skew_seconds=0.012,
        leader=True,
        database="url",
        database_up=True,
        database_since=NOW - timedelta(hours=50),
        history_read_at=NOW - timedelta(seconds=1),
        spooled_snapshots=0,
        dropped_snapshots=0,
        accounts=tuple(account(name) for name in names),
        streams=(
            *(stream(name, of) for name in ("main", "hedge") for of in ("balances", "positions")),
            *(stream(name, "trades", "history") for name in ("main", "hedge")),
            stream("public", "tickers"),
            stream("public", "funding_history", "history"),
        ),
        errors=(),
    )
    return judge(replace(facts, **more), connecting=connecting)


def with_stream(before: Report, account: str, name: str, **more: Any) -> Report:
    """``before``, judged again, with one stream changed."""
    return report(
        **{field: getattr(before, field) for field in ("accounts", "errors", "database_up")},
        streams=tuple(
            replace(s, **more) if (s.account, s.stream) == (account, name) else s
            for s in before.streams
        ),
    )


def failing(reason: str, seconds: float = 240.0, **more: Any) -> dict[str, Any]:
    """The fields of a stream that fails; ``more`` adds others."""
    return {
        "success": False,
        "last_error": reason,
        "failing_since": NOW - timedelta(seconds=seconds),
        "error_since": NOW - timedelta(seconds=seconds),
        "freshness": "held",
        "age_seconds": 40.0,
    } | more


def hostile() -> Report:
    """Every text that could come from outside is an attack."""
    return report(
        accounts=(account(HOSTILE, token_scopes={HOSTILE: True}), account("public")),
        streams=(
            stream(HOSTILE, HOSTILE, **failing("timeout")),
            stream(HOSTILE, "trades", "history", coverage=GAPPY),
        ),
        errors=(error(HOSTILE, HOSTILE),),
        exchange=HOSTILE,
        version=HOSTILE,
        python=HOSTILE,
    )
