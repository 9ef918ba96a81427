"""The verdict, the headline and the line of numbers that stand above the findings."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from exporter.status import Report
from tests.support.reports import COMPLETE, DAY, GAPPY, START, account, failing, report, stream

UNTRIED = {
    "tried": False,
    "success": False,
    "freshness": "empty",
    "age_seconds": None,
    "last_success_at": None,
}
SILENT = failing("timeout", freshness="withdrawn")


def with_histories(*coverages: Any, **more: Any) -> Report:
    """One history stream for each of ``coverages``; None: it may not be read."""
    barred = failing("permission", permitted=False, last_success_at=None, coverage=GAPPY)
    streams = tuple(
        stream(
            f"a{n}", "trades", "history", **(barred if coverage is None else {"coverage": coverage})
        )
        for n, coverage in enumerate(coverages)
    )
    return report(streams=streams, **more)


def test_the_worst_comes_first_and_the_headline_counts_it_alone() -> None:
    """Whatever is found first: here a lost snapshot, which needs attention."""
    broken = tuple(replace(s, **SILENT) if s.stream == "balances" else s for s in report().streams)
    judged = report(
        dropped_snapshots=1, spooled_snapshots=1, streams=broken, heartbeat_age_seconds=99.0
    )
    severities = [finding.severity for finding in judged.findings]
    assert severities == ["broken", "broken", "attention", "note"]
    assert (judged.verdict, judged.headline) == ("broken", "2 things are broken")


@pytest.mark.parametrize(
    ("facts", "verdict", "headline"),
    [
        ({}, "well", "All is well"),
        ({"spooled_snapshots": 1}, "well", "All is well"),
        ({"connecting": True}, "starting", "Starting"),
        ({"dropped_snapshots": 1}, "attention", "1 thing needs attention"),
        ({"dropped_snapshots": 1, "spooled_snapshots": 1}, "attention", "1 thing needs attention"),
        (
            {"dropped_snapshots": 1, "clock_skew_seconds": 9.0},
            "attention",
            "2 things need attention",
        ),
        ({"heartbeat_age_seconds": 99.0}, "broken", "1 thing is broken"),
        (
            {"heartbeat_age_seconds": 99.0, "database_up": False, "dropped_snapshots": 1},
            "broken",
            "2 things are broken",
        ),
        ({"connecting": True, "dropped_snapshots": 1}, "attention", "1 thing needs attention"),
    ],
)
def test_verdict_and_headline(facts: dict[str, Any], verdict: str, headline: str) -> None:
    judged = report(**facts)
    assert (judged.verdict, judged.headline) == (verdict, headline)


def test_streams_that_were_not_polled_yet_are_counted_separately() -> None:
    streams = tuple(
        replace(s, **UNTRIED) if s.stream == "balances" else s for s in report().streams
    )
    judged = report(streams=streams)
    assert (judged.verdict, judged.headline) == ("starting", "Starting")
    assert judged.summary.startswith("8 streams of 2 accounts: 6 fresh, 2 not polled yet. ")


def test_streams_of_another_process_are_counted_separately() -> None:
    streams = tuple(
        replace(s, standing_by=True, freshness="empty") if s.account == "main" else s
        for s in report().streams
    )
    assert " standing by. " in report(streams=streams, leader=False).summary
    assert "without values yet" not in report(streams=streams, leader=False).summary


def test_public_data_is_no_account() -> None:
    one = (account("main"), account("public"))
    assert report(accounts=one, streams=()).summary.startswith("0 streams of 1 account: ")
    assert report(accounts=(account("public"),), streams=()).summary.startswith(
        "0 streams of 0 accounts: none fresh. "
    )


@pytest.mark.parametrize(
    ("coverages", "words"),
    [
        ((), "History coverage is not known yet."),
        (
            (replace(COMPLETE, proven_ratio=None, progress_ratio=None),),
            "History coverage is not known yet.",
        ),
        ((COMPLETE, GAPPY), "The least complete history is 86.6 % proven."),
        ((GAPPY, COMPLETE), "The least complete history is 86.6 % proven."),
        (
            (COMPLETE, replace(COMPLETE, required_from=START + 9 * DAY)),
            "History is proven complete since 2026-03-10.",
        ),
        (
            (replace(COMPLETE, required_from=START + 9 * DAY), COMPLETE),
            "History is proven complete since 2026-03-10.",
        ),
        ((replace(COMPLETE, required_from=None),), "History is proven complete."),
        (
            (COMPLETE, None),
            "History is proven complete since 2026-03-01 (not permitted: trades of a1).",
        ),
        (
            (None, GAPPY),
            "The least complete history is 86.6 % proven (not permitted: trades of a0).",
        ),
        (
            (replace(COMPLETE, proven_ratio=0.9999),),
            "The least complete history is 99.9 % proven.",
        ),
    ],
)
def test_how_much_history_is_proven(coverages: tuple[Any, ...], words: str) -> None:
    assert with_histories(*coverages).summary.partition(". ")[2] == words


def test_without_a_database_no_history_is_promised() -> None:
    assert with_histories(COMPLETE, database_up=None).summary.endswith("No database: metrics only.")


A, B, C, D, E = (letter * 30 for letter in "abcde")


@pytest.mark.parametrize(
    ("accounts", "who"),
    [
        (["main"], "s of main"),
        (["main", "hedge", "spot"], "s of main, hedge and spot"),
        # Up to 120 characters name every stream; more, up to four accounts.
        (["x" * 115], f"s of {'x' * 115}"),
        (["x" * 116], f"1 stream of {'x' * 116}"),
        ([A, B, C, D], f"4 streams of {A}, {B}, {C} and {D}"),
        ([A, B, C, D, E], "5 streams of 5 accounts"),
    ],
)
def test_who_is_named_as_long_as_there_is_room(accounts: list[str], who: str) -> None:
    (finding,) = report(streams=tuple(stream(name, "s", **SILENT) for name in accounts)).findings
    assert finding.text.partition(":")[0] == who
