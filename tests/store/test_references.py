"""Lists of slowly changing facts: which version was valid when."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.clocks import START
from tests.support.stored_snapshots import ask, exporter, poll

Version = tuple[str, str, float, float | None]
"""Code and name of a currency, and from when until when (None: still) it was listed so."""


def listed(folder: Path, url: str, at: float, **names: str) -> None:
    """An exporter that reads this list of currencies, code to name, at an instant."""
    body = json.dumps([{"code": code, "name": name} for code, name in names.items()]).encode()
    with exporter(folder, url, at=at, currencies=body) as live:
        poll(live, "public", "currencies", at)
        assert len(live.app.spool) == 0


def versions(url: str) -> list[Version]:
    """What is stored of currencies."""
    rows = ask(
        url,
        "SELECT currency_code, name, extract(epoch FROM valid_from - %s)::float,"
        " extract(epoch FROM valid_to - %s)::float"
        " FROM onetrading.currencies ORDER BY currency_code, valid_from",
        START,
        START,
    )
    return [(code, name, start, end) for code, name, start, end in rows]


def test_a_fact_that_is_not_listed_any_more_is_closed(tmp_path: Path, database_url: str) -> None:
    listed(tmp_path, database_url, 10, BTC="Bitcoin", EUR="Euro")
    listed(tmp_path, database_url, 20, EUR="Euro")
    assert versions(database_url) == [("BTC", "Bitcoin", 10, 20), ("EUR", "Euro", 10, None)]
    listed(tmp_path, database_url, 30, BTC="Bitcoin", EUR="Euro")
    assert versions(database_url) == [
        ("BTC", "Bitcoin", 10, 20),
        ("BTC", "Bitcoin", 30, None),
        ("EUR", "Euro", 10, None),
    ]


def test_a_fact_that_changed_is_closed_and_begins_anew(tmp_path: Path, database_url: str) -> None:
    listed(tmp_path, database_url, 10, BTC="Bitcoin", EUR="Euro")
    listed(tmp_path, database_url, 20, BTC="bitcoin", EUR="Euro")
    assert versions(database_url) == [
        ("BTC", "Bitcoin", 10, 20),
        ("BTC", "bitcoin", 20, None),
        ("EUR", "Euro", 10, None),
    ]


def test_the_same_list_again_changes_nothing(tmp_path: Path, database_url: str) -> None:
    listed(tmp_path, database_url, 10, BTC="Bitcoin", EUR="Euro")
    listed(tmp_path, database_url, 20, EUR="Euro", BTC="Bitcoin")
    assert versions(database_url) == [("BTC", "Bitcoin", 10, None), ("EUR", "Euro", 10, None)]


def test_a_list_that_was_observed_before_a_change_is_not_applied(
    tmp_path: Path, database_url: str
) -> None:
    """It waited on disk, say, while another process stored what came later."""
    listed(tmp_path, database_url, 10, BTC="Bitcoin", EUR="Euro")
    listed(tmp_path, database_url, 30, BTC="bitcoin", EUR="Euro", ETH="Ether")
    newest = versions(database_url)
    for at in (5, 20, 30):
        listed(tmp_path, database_url, at, BTC="Bitcoin", EUR="Euro")  # without ETH, BTC as it was
        listed(tmp_path, database_url, at, BTC="bitcoin", EUR="Euro")  # without ETH
        listed(tmp_path, database_url, at, BTC="Bitcoin", EUR="Euro", ETH="Ether")  # BTC as it was
        assert versions(database_url) == newest


def test_a_list_that_was_observed_before_a_fact_vanished_does_not_bring_it_back(
    tmp_path: Path, database_url: str
) -> None:
    listed(tmp_path, database_url, 10, BTC="Bitcoin", EUR="Euro")
    listed(tmp_path, database_url, 30, EUR="Euro")
    newest = versions(database_url)
    for at in (5, 20):
        listed(tmp_path, database_url, at, BTC="Bitcoin", EUR="Euro")
        assert versions(database_url) == newest
