"""Where a fact becomes a finding, how grave it is, and since when it is said to last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from exporter.status import Report
from tests.support.reports import COMPLETE, DAY, GAPPY, NOW, account, error, failing, report

Said = list[tuple[str, str]]
HOUR = timedelta(hours=1)
MOMENT = timedelta(milliseconds=1)


def said(found: Report) -> Said:
    """Every finding: severity and words."""
    return [(finding.severity, finding.text) for finding in found.findings]


def changed(*changes: tuple[str, str, dict[str, Any]], **more: Any) -> Report:
    """A report that is well but for these streams (account, stream, what differs)."""
    differing = {(of, name): change for of, name, change in changes}
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
            "The scheduler does not run: nothing is asked any more",
        ),
        ({"clock_skew_seconds": None}, None),
        ({"clock_skew_seconds": 2.0}, None),
        ({"clock_skew_seconds": -2.0}, None),
        ({"clock_skew_seconds": 2.1}, "The exchange's clock is +2.1 s from ours"),
        ({"clock_skew_seconds": -2.1}, "The exchange's clock is -2.1 s from ours"),
        ({"history_read_at": None}, None),
        ({"history_read_at": NOW - timedelta(seconds=20)}, None),
        (
            {"history_read_at": NOW - timedelta(seconds=20) - MOMENT},
            "Postgres is slow to answer: timelines are older than usual",
        ),
        ({"dropped_snapshots": 0}, None),
        ({"dropped_snapshots": 2}, "The spool was full: 2 answers lost since the start"),
        ({"spooled_snapshots": 1}, "1 answer on disk to be stored in Postgres"),
    ],
)
def test_a_limit_of_the_service(facts: dict[str, Any], text: str | None) -> None:
    assert [words for _, words in said(report(**facts))] == ([] if text is None else [text])


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"heartbeat_age_seconds": 61.0}, "broken"),
        ({"database_up": False}, "broken"),
        ({"connecting": True, "database_up": False}, "note"),
        ({"leader": False}, "note"),
        ({"spooled_snapshots": 1}, "note"),
        ({"dropped_snapshots": 1}, "attention"),
        ({"clock_skew_seconds": 3.0}, "attention"),
        ({"history_read_at": NOW - HOUR}, "attention"),
    ],
)
def test_how_grave_it_is(facts: dict[str, Any], severity: str) -> None:
    assert [found for found, _ in said(report(**facts))] == [severity]


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
def test_without_postgres_nothing_is_said_of_what_is_in_it(up: bool | None) -> None:
    late = replace(COMPLETE, lag_seconds=9_999.0)
    found = changed(
        ("main", "trades", {"coverage": late}),
        leader=False,
        spooled_snapshots=7,
        history_read_at=NOW - HOUR,
        database_up=up,
    )
    away = "Postgres is away: gauges go on, history and counters stand still"
    assert said(found) == ([] if up is None else [("broken", away)])
    assert found.summary.endswith("No database: metrics only.") is (up is None)


def test_a_paused_token_is_named() -> None:
    paused = replace(account("hedge").requests, paused_seconds=0.6)
    accounts = (account("main"), account("hedge", requests=paused), account("public"))
    assert said(report(accounts=accounts)) == [
        ("attention", "hedge: no request for 1 s more after a 429")
    ]


# Of the streams' polls


def test_one_record_in_quarantine_is_enough() -> None:
    assert said(changed(("hedge", "trades", {"rejects_open": 1}))) == [
        ("attention", "trades of hedge: 1 record could not be read, in quarantine")
    ]
    assert said(changed(("hedge", "trades", {"rejects_open": None}))) == []


def test_what_is_alike_lasts_since_the_first_of_them_failed() -> None:
    found = changed(
        ("main", "balances", failing("timeout", 100)),
        ("hedge", "balances", failing("timeout", 300)),
        ("main", "positions", failing("timeout", 200)),
    )
    (finding,) = found.findings
    assert finding.since == NOW - timedelta(seconds=300)
    assert finding.text.startswith("balances of main and hedge; positions of main: ")


def test_a_stream_that_had_its_turn_without_a_request_is_not_in_trouble() -> None:
    """Something else must come first; no answer is due yet."""
    waits = {"success": False, "freshness": "empty", "age_seconds": None, "last_success_at": None}
    assert said(changed(("public", "funding_history", waits))) == []


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"leader": False}, False),
        ({"database_up": False}, False),
        ({"database_up": None}, False),
        ({}, True),
    ],
)
def test_what_postgres_refuses_is_said_of_the_stream_only_where_it_should_work(
    facts: dict[str, Any], told: bool
) -> None:
    found = changed(("main", "trades", failing("database")), **facts)
    assert any(text.startswith("trades of main") for _, text in said(found)) is told


@pytest.mark.parametrize("reason", ["auth", "permission"])
def test_a_public_stream_that_is_refused_needs_no_token(reason: str) -> None:
    refused = failing(reason, permitted=False, freshness="empty", last_success_at=None)
    assert said(changed(("public", "tickers", refused))) == [
        (
            "broken",
            "tickers of public: nothing to show yet, the exchange refuses us (401 or 403),"
            " though this needs no token",
        )
    ]


def test_a_public_stream_that_fails_otherwise_says_how() -> None:
    assert said(changed(("public", "tickers", failing("timeout")))) == [
        (
            "attention",
            "tickers of public: the exchange does not answer in time, the last good values are"
            " held",
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
            "the exchange does not answer in time, the last good values are held",
        ),
        # What the token may do is not known: that is no refusal of the token.
        (
            {},
            failing("permission", permitted=False),
            "attention",
            "the token may not read it any more, the last good values are held",
        ),
        (
            {"read": True},
            failing("permission", permitted=False),
            "attention",
            "the token may not read it any more, the last good values are held",
        ),
        (
            {"read": True},
            failing("auth", permitted=False),
            "broken",
            "the exchange refuses the token",
        ),
    ],
)
def test_whether_the_token_or_the_stream_is_refused(
    scopes: dict[str, bool], change: dict[str, Any], severity: str, text: str
) -> None:
    accounts = (account("main", token_scopes=scopes), account("hedge"), account("public"))
    found = changed(("main", "balances", change), accounts=accounts)
    assert said(found) == [(severity, f"balances of main: {text}")]


@pytest.mark.parametrize(
    ("name", "severity"), [("positions", "note"), ("balances", "broken"), ("trades", "broken")]
)
def test_only_futures_may_be_barred_from_the_start(name: str, severity: str) -> None:
    barred = failing("permission", permitted=False, last_success_at=None, freshness="empty")
    assert said(changed(("hedge", name, barred))) == [
        (severity, f"{name} of hedge: the token may not read it")
    ]


# Of their history

LATE = ("attention", "trades of main: the newest history is not proven, and it is late")
FILLED = ("note", "trades of main: history is being filled")
STUCK = ("attention", "trades of main: history has gaps, and filling them fails")


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
    assert said(changed(("main", "trades", change))) == ([LATE] if late else [])


def test_history_that_may_not_be_read_is_neither_late_nor_filled() -> None:
    late_and_gappy = replace(GAPPY, lag_seconds=9_999.0)
    barred = failing("permission", permitted=False, coverage=late_and_gappy)
    (only,) = said(changed(("main", "trades", barred)))
    assert only[1].startswith("trades of main: the token may not read it any more")


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
    found = changed(("main", "trades", {"coverage": GAPPY}), errors=(failed,))
    assert said(found) == [expected]


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
    proven: float | None, progress: float | None, expected: Said
) -> None:
    coverage = replace(COMPLETE, proven_ratio=proven, progress_ratio=progress)
    assert said(changed(("main", "trades", {"coverage": coverage}))) == expected
