"""Which responses of a snapshot stream become a snapshot, and which extend the last one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.stored_snapshots import ask, balances, exporter, poll, poll_balances, spans
from tests.support.world import world


@pytest.mark.parametrize(
    ("interval", "gap", "extended"),
    [
        ("15s", 60, True),
        ("15s", 60.125, False),
        ("5s", 60, True),
        ("5s", 60.125, False),
        ("30s", 90, True),
        ("30s", 90.125, False),
    ],
)
def test_the_same_response_extends_a_snapshot_within_three_intervals_or_a_minute(
    tmp_path: Path, database_url: str, interval: str, gap: float, extended: bool
) -> None:
    """Nobody knows what happened in a longer gap."""
    page = {"/account/balances": balances()}
    with world(tmp_path, database_url, pages=page, ONETRADING_INTERVAL_BALANCES=interval) as live:
        poll(live, "main", "balances", 15, 15 + gap)
    one, two = [(15, 15 + gap)], [(15, 15), (15 + gap, 15 + gap)]
    assert spans(database_url) == (one if extended else two)


def test_patience_counts_from_the_last_observation(tmp_path: Path, database_url: str) -> None:
    instants = [15 + 60 * n for n in range(5)]
    poll_balances(tmp_path, database_url, balances(), *instants)
    assert spans(database_url) == [(15, 255)]


def test_another_response_is_another_snapshot(tmp_path: Path, database_url: str) -> None:
    """Also when the one before the last said the same."""
    for at, available in ((15, "3.5"), (30, "3.6"), (45, "3.5")):
        poll_balances(tmp_path, database_url, balances(available), at)
    assert spans(database_url) == [(15, 15), (30, 30), (45, 45)]


@pytest.mark.parametrize("late", [30, 59.5, 60])
def test_a_response_that_was_observed_before_the_last_one_is_not_stored(
    tmp_path: Path, database_url: str, late: float
) -> None:
    poll_balances(tmp_path, database_url, balances("1"), 15)
    poll_balances(tmp_path, database_url, balances("2"), 60)
    poll_balances(tmp_path, database_url, balances("3"), late)
    poll_balances(tmp_path, database_url, balances("2"), late)
    assert spans(database_url) == [(15, 15), (60, 60)]
    rows = ask(database_url, "SELECT available::int FROM onetrading.balances ORDER BY 1")
    assert rows == [(1,), (2,)]


@pytest.mark.parametrize("member", ["account_equity", "margin_used", "not_documented"])
def test_what_a_response_says_beside_its_rows_makes_a_snapshot(
    tmp_path: Path, database_url: str, member: str
) -> None:
    """The equity moves with prices while no balance changes."""
    poll_balances(tmp_path, database_url, balances(**{member: "10.5"}), 15, 30)
    poll_balances(tmp_path, database_url, balances(**{member: "11.5"}), 45, 60)
    poll_balances(tmp_path, database_url, balances(), 75)
    assert spans(database_url) == [(15, 30), (45, 60), (75, 75)]
    headers = ask(
        database_url, "SELECT header FROM onetrading.snapshots ORDER BY first_observed_at"
    )
    assert [header for (header,) in headers] == [{member: "10.5"}, {member: "11.5"}, {}]


def test_the_same_value_under_another_name_makes_a_snapshot(
    tmp_path: Path, database_url: str
) -> None:
    poll_balances(tmp_path, database_url, balances(account_equity="10.5"), 15)
    poll_balances(tmp_path, database_url, balances(margin_used="10.5"), 30)
    assert spans(database_url) == [(15, 15), (30, 30)]


def test_the_order_of_rows_does_not_make_a_snapshot(tmp_path: Path, database_url: str) -> None:
    rows = [
        {"currency_code": code, "available": "1", "locked": "0"} for code in ("BTC", "ETH", "EUR")
    ]
    for at, listed in ((15, rows), (30, rows[::-1])):
        poll_balances(tmp_path, database_url, json.dumps({"balances": listed}).encode(), at)
    assert spans(database_url) == [(15, 30)]


def test_an_empty_response_is_a_snapshot_without_rows(tmp_path: Path, database_url: str) -> None:
    with exporter(tmp_path, database_url, positions=b'{"positions": []}') as live:
        poll(live, "main", "positions", 15, 30)
    assert spans(database_url, "positions") == [(15, 30)]
    assert ask(database_url, "SELECT row_count FROM onetrading.snapshots") == [(0,)]
