"""What the status report finds, and in which words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from exporter.model.errors import REASON_MEANINGS
from exporter.status import Report
from tests.support.reports import COMPLETE, GAPPY, NOW, account, error, failing, report, with_stream

TIMEOUT = REASON_MEANINGS["timeout"]
AUTH = REASON_MEANINGS["auth"]
PERMISSION = REASON_MEANINGS["permission"]
NO_LONGER = "the token may no longer read it"
HELD = "last good values held"


def texts(judged: Report, severity: str) -> list[str]:
    return [finding.text for finding in judged.findings if finding.severity == severity]


def test_all_is_well() -> None:
    judged = report()
    assert (judged.verdict, judged.headline, judged.findings) == ("well", "All is well", ())
    assert judged.summary == (
        "8 streams of 2 accounts: 8 fresh. History is proven complete since 2026-03-01."
    )


@pytest.mark.parametrize(
    ("change", "verdict", "text"),
    [
        (failing("timeout"), "attention", f"{TIMEOUT}; {HELD}"),
        (
            failing("server", freshness="withdrawn"),
            "broken",
            f"{REASON_MEANINGS['server']}; values withdrawn",
        ),
        (
            failing("payload", freshness="empty", age_seconds=None),
            "broken",
            f"{REASON_MEANINGS['payload']}; no values yet",
        ),
        (failing("auth", permitted=False), "broken", AUTH),
        (failing("permission", permitted=False), "attention", f"{NO_LONGER}; {HELD}"),
        (
            failing("permission", permitted=False, last_success_at=None),
            "broken",
            PERMISSION,
        ),
        (
            failing("timeout", permitted=False, last_success_at=None),
            "broken",
            PERMISSION,
        ),
        (
            failing("permission", permitted=False, freshness="withdrawn"),
            "broken",
            f"{NO_LONGER}; values withdrawn",
        ),
        (
            failing("timeout", permitted=False, freshness="withdrawn"),
            "broken",
            f"{TIMEOUT}; values withdrawn",
        ),
        ({"freshness": "held"}, "attention", f"the next poll is overdue; {HELD}"),
        ({"freshness": "withdrawn"}, "broken", "the next poll is overdue; values withdrawn"),
        ({"rejects_open": 3}, "attention", "3 rejected records, listed in reporting.open_rejects"),
        ({"tried": False, "freshness": "empty", "success": False}, "starting", ""),
        (failing("internal"), "attention", f"{REASON_MEANINGS['internal']}; {HELD}"),
        (failing("database"), "attention", f"{REASON_MEANINGS['database']}; {HELD}"),
    ],
)
def test_findings_about_a_stream(change: dict[str, Any], verdict: str, text: str) -> None:
    judged = with_stream(report(), "main", "balances", **change)
    assert judged.verdict == verdict
    if text:
        (finding,) = judged.findings
        assert finding.text.startswith(f"balances of main: {text}")
        named = PERMISSION not in text or change["last_error"] == "permission"
        assert finding.since == (change.get("error_since") if named else None)


@pytest.mark.parametrize(
    ("change", "verdict", "text"),
    [
        ({"database_up": False}, "broken", "Postgres is down"),
        ({"spooled_snapshots": 2}, "well", "2 snapshots on disk"),
        ({"dropped_snapshots": 1}, "attention", "The spool or its disk was full: 1 snapshot lost"),
        (
            {"clock_skew_seconds": -3.0},
            "attention",
            "The exchange's clock is 3.0 s behind the local clock",
        ),
        ({"heartbeat_age_seconds": 61.0}, "broken", "The scheduler has stopped"),
        ({"history_read_at": NOW - timedelta(seconds=30)}, "attention", "Postgres responds slowly"),
        ({"connecting": True, "database_up": False}, "starting", "Connecting to Postgres"),
    ],
)
def test_findings_about_the_service(change: dict[str, Any], verdict: str, text: str) -> None:
    judged = report(**change)
    assert judged.verdict == verdict
    assert judged.findings[0].text.startswith(text)


def test_a_duration_is_that_of_the_cause_that_is_named() -> None:
    """It failed for an hour: of that for four minutes for the reason that is named."""
    hour = NOW - timedelta(hours=1)
    polls = failing("timeout", failing_since=hour)
    (found,) = with_stream(report(), "main", "balances", **polls).findings
    assert (found.cause, found.consequence) == (f"balances of main: {TIMEOUT}", HELD)
    assert found.text == f"{found.cause}; {found.consequence}"
    assert found.since == NOW - timedelta(seconds=240)


@pytest.mark.parametrize(
    "problem",
    [{"rejects_open": 3}, {"coverage": GAPPY}, {"coverage": replace(COMPLETE, lag_seconds=9999.0)}],
)
def test_what_has_no_known_start_shows_none(problem: dict[str, Any]) -> None:
    """The failing polls of the same stream are another finding, with a duration of its own."""
    judged = with_stream(report(), "main", "trades", **failing("timeout"), **problem)
    polls = [finding for finding in judged.findings if TIMEOUT in finding.text]
    others = [finding for finding in judged.findings if TIMEOUT not in finding.text]
    assert [finding.since for finding in polls] == [NOW - timedelta(seconds=240)]
    assert [finding.since for finding in others] == [None]


def test_a_refused_token_stays_refused_while_the_exchange_does_not_answer() -> None:
    refused = (account("main", token_scopes={"read": False}), account("public"))
    silent = failing("timeout", permitted=False, freshness="withdrawn")
    judged = with_stream(report(accounts=refused), "main", "balances", **silent)
    assert texts(judged, "broken") == [f"balances of main: {AUTH}"]


def test_an_account_without_futures_is_well() -> None:
    barred = failing("permission", permitted=False, last_success_at=None)
    judged = with_stream(report(), "hedge", "positions", **barred)
    assert judged.verdict == "well"
    assert texts(judged, "note") == [f"positions of hedge: {PERMISSION}"]


@pytest.mark.parametrize("before", [{}, failing("timeout"), failing("auth", permitted=False)])
@pytest.mark.parametrize("freshness", ["empty", "held", "withdrawn"])
def test_a_stream_that_another_process_reads_has_no_problem(
    before: dict[str, Any], freshness: str
) -> None:
    """Whatever its last pass of this process was like."""
    change = before | {"standing_by": True, "freshness": freshness}
    judged = with_stream(report(), "main", "balances", **change)
    assert judged.verdict == "well"
    assert [finding.text.partition(":")[0] for finding in judged.findings] == [
        "Standing by for main"
    ]


def test_a_public_stream_has_no_token_to_refuse() -> None:
    refused = failing("auth", permitted=False, freshness="withdrawn")
    judged = with_stream(report(), "public", "tickers", **refused)
    assert texts(judged, "broken") == [
        "tickers of public: the exchange refuses the request (401 or 403), although it needs no"
        " token; values withdrawn"
    ]


def test_the_summary_counts_what_the_page_shows() -> None:
    judged = with_stream(report(), "main", "balances", **failing("auth", permitted=False))
    judged = with_stream(judged, "main", "positions", **failing("permission", permitted=False))
    silent = failing("timeout", permitted=False, freshness="withdrawn")
    judged = with_stream(judged, "hedge", "balances", **silent)
    assert ": 5 fresh, 1 withdrawn, 1 refused, 1 not permitted." in judged.summary


def test_history_that_may_not_be_read_is_not_called_complete() -> None:
    barred = failing("permission", permitted=False, last_success_at=None)
    judged = with_stream(report(), "hedge", "trades", **barred)
    assert judged.summary.endswith(
        "History is proven complete since 2026-03-01 (not permitted: trades of hedge)."
    )


def test_what_postgres_causes_is_one_finding() -> None:
    streams = tuple(
        msgspec.structs.replace(s, **failing("database")) if s.kind == "history" else s
        for s in report().streams
    )
    judged = report(streams=streams, database_up=False)
    assert [finding.cause for finding in judged.findings] == ["Postgres is down"]


def test_streams_with_the_same_problem_share_a_finding() -> None:
    down = failing("connection", freshness="withdrawn")
    streams = tuple(msgspec.structs.replace(s, **down) for s in report().streams)
    judged = report(streams=streams)
    assert judged.headline == "1 thing is broken"
    assert judged.findings[0].text == (
        "balances, positions and trades of main and hedge; tickers and funding_history of public:"
        f" {REASON_MEANINGS['connection']}; values withdrawn"
    )


def test_history_that_is_missing() -> None:
    filled = with_stream(report(), "main", "trades", coverage=GAPPY)
    assert (filled.verdict, texts(filled, "note")) == (
        "well",
        ["trades of main: history is being backfilled"],
    )
    assert filled.summary.endswith("The least complete history is 86.6 % proven.")
    fails = error("main", "trades", lane="backfill", reason="payload")
    stuck = with_stream(report(errors=(fails,)), "main", "trades", coverage=GAPPY)
    assert texts(stuck, "attention") == ["trades of main: history has gaps, and the backfill fails"]
    late = msgspec.structs.replace(COMPLETE, lag_seconds=2_000.0)
    judged = with_stream(report(), "main", "trades", coverage=late)
    assert texts(judged, "attention") == [
        "trades of main: history lags: its newest part is overdue"
    ]


def test_a_paused_token() -> None:
    requests = msgspec.structs.replace(account("main").requests, paused_seconds=30.0)
    judged = report(accounts=(account("main", requests=requests), account("public")))
    assert texts(judged, "attention") == ["main: rate limited (429), no requests for another 30 s"]


def test_the_summary_says_how_long_filling_takes() -> None:
    filling = with_stream(report(), "main", "trades", coverage=GAPPY).streams
    known = report(streams=filling, history_left_seconds=3 * 3600.0)
    assert known.headline == "All is well"
    assert "The least complete history is 86.6 % proven, the rest takes about 3 h." in known.summary
    unknown = report(streams=filling)
    assert "The least complete history is 86.6 % proven." in unknown.summary
