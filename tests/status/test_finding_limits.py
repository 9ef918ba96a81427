"""The limits at which a fact becomes a finding, its severity, and since when it lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from exporter.model.errors import REASON_MEANINGS
from exporter.status import Report
from tests.support.reports import (
    COMPLETE,
    DAY,
    GAPPY,
    NOW,
    account,
    error,
    failing,
    report,
    stream,
)

Findings = list[tuple[str, str]]
TIMEOUT = REASON_MEANINGS["timeout"]
NO_LONGER = "the token may no longer read it"
HELD = "last good values held"
HOUR = timedelta(hours=1)
MOMENT = timedelta(milliseconds=1)


def findings(judged: Report) -> Findings:
    """Severity and text of every finding."""
    return [(finding.severity, finding.text) for finding in judged.findings]


def changed(*changes: tuple[str, str, dict[str, Any]], **more: Any) -> Report:
    """A report without a problem but for these streams (account, stream, changed fields)."""
    differing = {(account, name): change for account, name, change in changes}
    streams = tuple(
        replace(s, **differing.get((s.account, s.stream), {})) for s in report().streams
    )
    return report(streams=streams, **more)


# Of the service


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"heartbeat_age_seconds": None}, None),
        ({"heartbeat_age_seconds": 60.0}, None),
        (
            {"heartbeat_age_seconds": 60.001},
            "The scheduler has stopped: no stream is polled",
        ),
        ({"lateness_seconds": 15.0, "lateness_intervals": 1.0}, None),
        (
            {"lateness_seconds": 16.0, "lateness_intervals": 1.07},
            "This process has too much to do: passes begin up to 16 s after their turn",
        ),
        ({"clock_skew_seconds": None}, None),
        ({"clock_skew_seconds": 2.0}, None),
        ({"clock_skew_seconds": -2.0}, None),
        ({"clock_skew_seconds": 2.1}, "The exchange's clock is 2.1 s ahead of the local clock"),
        ({"clock_skew_seconds": -2.1}, "The exchange's clock is 2.1 s behind the local clock"),
        ({"history_read_at": None}, None),
        ({"history_read_at": NOW - timedelta(seconds=20)}, None),
        (
            {"history_read_at": NOW - timedelta(seconds=20) - MOMENT},
            "Postgres responds slowly: the timelines are out of date",
        ),
        ({"dropped_snapshots": 0}, None),
        (
            {"dropped_snapshots": 2},
            "The spool or its disk was full: 2 snapshots lost since the start",
        ),
        ({"spooled_snapshots": 1}, "1 snapshot on disk, not yet stored in Postgres"),
    ],
)
def test_a_limit_of_the_service(facts: dict[str, Any], text: str | None) -> None:
    assert [words for _, words in findings(report(**facts))] == ([] if text is None else [text])


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"heartbeat_age_seconds": 61.0}, "broken"),
        ({"database_up": False}, "broken"),
        ({"connecting": True, "database_up": False}, "note"),
        ({"lateness_seconds": 31.0, "lateness_intervals": 1.1}, "attention"),
        ({"spooled_snapshots": 1}, "note"),
        ({"dropped_snapshots": 1}, "attention"),
        ({"clock_skew_seconds": 3.0}, "attention"),
        ({"history_read_at": NOW - HOUR}, "attention"),
    ],
)
def test_severity(facts: dict[str, Any], severity: str) -> None:
    assert [level for level, _ in findings(report(**facts))] == [severity]


@pytest.mark.parametrize(
    ("facts", "seconds_ago"),
    [
        ({"heartbeat_age_seconds": 75.0}, 75),
        ({"database_up": False, "database_since": NOW - HOUR}, 3_600),
        ({"history_read_at": NOW - timedelta(seconds=40)}, 40),
    ],
)
def test_since_when_it_lasts(facts: dict[str, Any], seconds_ago: int) -> None:
    (finding,) = report(**facts).findings
    assert finding.since == NOW - timedelta(seconds=seconds_ago)


@pytest.mark.parametrize("up", [None, False])
def test_without_postgres_there_is_no_finding_about_its_contents(up: bool | None) -> None:
    late = replace(COMPLETE, lag_seconds=9_999.0)
    judged = changed(
        ("main", "trades", {"coverage": late}),
        spooled_snapshots=7,
        history_read_at=NOW - HOUR,
        database_up=up,
    )
    down = "Postgres is down; history and counters stand still, snapshots wait on disk"
    assert findings(judged) == ([] if up is None else [("broken", down)])
    assert judged.summary.endswith("No database: metrics only.") is (up is None)


def test_a_paused_token_is_named() -> None:
    paused = replace(account("hedge").requests, paused_seconds=0.6)
    accounts = (account("main"), account("hedge", requests=paused), account("public"))
    assert findings(report(accounts=accounts)) == [
        ("attention", "hedge: rate limited (429), no requests for another 1 s")
    ]


@pytest.mark.parametrize(
    ("accounts", "named"),
    [
        (["main"], "main"),
        (["main", "public"], "main and public"),
        (["main", "hedge", "public"], "main, hedge and public"),
    ],
)
def test_a_standby_names_the_accounts_of_another_process(accounts: list[str], named: str) -> None:
    """Two processes may divide the accounts; the others are judged as ever."""
    idle = {
        "standing_by": True,
        "success": False,
        "freshness": "empty",
        "age_seconds": None,
        "coverage": None,
    }
    streams = tuple(
        replace(found, **idle) if found.account in accounts else found for found in report().streams
    )
    whom = "it" if accounts == ["main"] else "them"
    text = f"Standing by for {named}: another process reads, writes and exports {whom}"
    assert findings(report(streams=streams, leader=False)) == [("note", text)]


def test_a_standby_for_many_accounts_counts_them() -> None:
    streams = tuple(stream(f"a{n}", "balances", standing_by=True) for n in range(5))
    ((_, text),) = findings(report(streams=streams, leader=False))
    assert text.startswith("Standing by for 5 accounts: ")


def test_a_writer_that_postgres_has_not_confirmed_is_no_standby() -> None:
    """It may only be that its lease could not be renewed; the streams say why."""
    assert findings(report(leader=False)) == []


# Of the streams' polls


def test_one_rejected_record_is_enough() -> None:
    assert findings(changed(("hedge", "trades", {"rejects_open": 1}))) == [
        ("attention", "trades of hedge: 1 rejected record, listed in reporting.open_rejects")
    ]
    assert findings(changed(("hedge", "trades", {"rejects_open": None}))) == []


def test_a_shared_problem_lasts_since_the_first_stream_failed() -> None:
    judged = changed(
        ("main", "balances", failing("timeout", 100)),
        ("hedge", "balances", failing("timeout", 300)),
        ("main", "positions", failing("timeout", 200)),
    )
    (finding,) = judged.findings
    assert finding.since == NOW - timedelta(seconds=300)
    assert finding.text.startswith("balances of main and hedge; positions of main: ")


def test_a_stream_that_had_its_turn_without_a_request_has_no_problem() -> None:
    """Something else must come first; no response is due yet."""
    waits = {"success": False, "freshness": "empty", "age_seconds": None, "last_success_at": None}
    assert findings(changed(("public", "funding_history", waits))) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"database_up": False}, False),
        ({"database_up": None}, False),
        ({}, True),
    ],
)
def test_a_database_error_is_a_finding_about_the_stream_only_while_postgres_is_up(
    facts: dict[str, Any], expected: bool
) -> None:
    judged = changed(("main", "trades", failing("database")), **facts)
    assert any(text.startswith("trades of main") for _, text in findings(judged)) is expected


@pytest.mark.parametrize("reason", ["auth", "permission"])
def test_a_public_stream_that_is_refused_needs_no_token(reason: str) -> None:
    refused = failing(reason, permitted=False, freshness="empty", last_success_at=None)
    assert findings(changed(("public", "tickers", refused))) == [
        (
            "broken",
            "tickers of public: the exchange refuses the request (401 or 403), although it needs"
            " no token; no values yet",
        )
    ]


def test_a_public_stream_that_fails_otherwise_says_how() -> None:
    assert findings(changed(("public", "tickers", failing("timeout")))) == [
        (
            "attention",
            f"tickers of public: {TIMEOUT}; {HELD}",
        )
    ]


@pytest.mark.parametrize(
    ("scopes", "change", "severity", "text"),
    [
        # The token is refused elsewhere; this stream may still be read, and fails by itself.
        (
            {"read": False},
            failing("timeout"),
            "attention",
            f"{TIMEOUT}; {HELD}",
        ),
        # What the token may do is not known: that is no refusal of the token.
        (
            {},
            failing("permission", permitted=False),
            "attention",
            f"{NO_LONGER}; {HELD}",
        ),
        (
            {"read": True},
            failing("permission", permitted=False),
            "attention",
            f"{NO_LONGER}; {HELD}",
        ),
        (
            {"read": True},
            failing("auth", permitted=False),
            "broken",
            REASON_MEANINGS["auth"],
        ),
    ],
)
def test_whether_the_token_or_the_stream_is_refused(
    scopes: dict[str, bool], change: dict[str, Any], severity: str, text: str
) -> None:
    accounts = (account("main", token_scopes=scopes), account("hedge"), account("public"))
    judged = changed(("main", "balances", change), accounts=accounts)
    assert findings(judged) == [(severity, f"balances of main: {text}")]


@pytest.mark.parametrize(
    ("name", "severity"), [("positions", "note"), ("balances", "broken"), ("trades", "broken")]
)
def test_only_futures_may_be_barred_from_the_start(name: str, severity: str) -> None:
    barred = failing("permission", permitted=False, last_success_at=None, freshness="empty")
    assert findings(changed(("hedge", name, barred))) == [
        (severity, f"{name} of hedge: {REASON_MEANINGS['permission']}")
    ]


def test_futures_that_were_read_before_the_start_are_no_account_without_futures() -> None:
    barred = failing("permission", permitted=False, last_success_at=None, freshness="empty")
    assert findings(changed(("hedge", "positions", barred | {"read_before": True}))) == [
        ("broken", f"positions of hedge: {NO_LONGER}; no values yet")
    ]


# Of their history

LATE = ("attention", "trades of main: history lags: its newest part is overdue")
FILLED = ("note", "trades of main: history is being backfilled")
STUCK = ("attention", "trades of main: history has gaps, and the backfill fails")


@pytest.mark.parametrize(
    ("interval_s", "lag_s", "late"),
    [
        (15.0, None, False),
        (15.0, 900.0, False),
        (15.0, 900.5, True),
        (180.0, 900.5, True),
        (300.0, 1_500.0, False),
        (300.0, 1_500.5, True),
        (3_600.0, 18_000.0, False),
        (3_600.0, 18_000.5, True),
    ],
)
def test_history_is_late_after_five_intervals_and_a_quarter_of_an_hour(
    interval_s: float, lag_s: float | None, late: bool
) -> None:
    coverage = replace(COMPLETE, lag_seconds=lag_s)
    change = {"coverage": coverage, "interval_seconds": interval_s}
    assert findings(changed(("main", "trades", change))) == ([LATE] if late else [])


def test_history_that_may_not_be_read_is_neither_late_nor_filled() -> None:
    late_and_gappy = replace(GAPPY, lag_seconds=9_999.0)
    barred = failing("permission", permitted=False, coverage=late_and_gappy)
    (only,) = findings(changed(("main", "trades", barred)))
    assert only[1].startswith(f"trades of main: {NO_LONGER}")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"first_at": NOW - HOUR, "last_at": NOW - timedelta(minutes=9)}, STUCK),
        ({"last_at": NOW - timedelta(minutes=10) + MOMENT}, STUCK),
        ({"last_at": NOW - timedelta(minutes=10)}, FILLED),
        ({"last_at": NOW - DAY}, FILLED),
        ({"lane": "poll"}, FILLED),
        ({"reason": "auth"}, FILLED),
        ({"reason": "permission"}, FILLED),
        ({"reason": "server"}, STUCK),
        ({"account": "hedge"}, FILLED),
        ({"stream": "funding_history"}, FILLED),
    ],
)
def test_a_backfill_fails_while_its_own_failures_are_recent(
    more: dict[str, Any], expected: tuple[str, str]
) -> None:
    failed = replace(error("main", "trades", lane="backfill", reason="payload"), **more)
    judged = changed(("main", "trades", {"coverage": GAPPY}), errors=(failed,))
    assert findings(judged) == [expected]


@pytest.mark.parametrize(
    ("proven", "progress", "expected"),
    [
        (0.5, 1.0, [FILLED]),
        (1.0, 0.5, []),
        (0.0, 1.0, [FILLED]),
        (None, 0.5, [FILLED]),
        (None, 1.0, []),
        (None, None, []),
    ],
)
def test_postgres_is_believed_before_the_last_pass(
    proven: float | None, progress: float | None, expected: Findings
) -> None:
    coverage = replace(COMPLETE, proven_ratio=proven, progress_ratio=progress)
    assert findings(changed(("main", "trades", {"coverage": coverage}))) == expected
