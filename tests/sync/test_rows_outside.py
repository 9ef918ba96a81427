"""Rows that lie outside of the window asked for: kept or rejected, and they prove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.model.page import confined, read
from exporter.model.window import Window
from exporter.streams.trades import TRADES
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY, Scripted, history, scripted, trade
from tests.support.simulator_client import NOW

REJECTS = (
    "SELECT reason, record LIKE '%000002%' FROM onetrading_sync.rejects WHERE resolved_at IS NULL"
)


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    "at", [datetime(2200, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)], ids=["late", "old"]
)
def test_a_row_that_no_window_reads_is_a_reject(scenario: Scripted, at: datetime) -> None:
    odd = trade(2, at=at)
    for order in ((odd, trade(1)), (trade(1), odd)):
        assert scenario.poll("trades", history(*order)) == "ok"
        assert scenario.rows("SELECT count(*) FROM onetrading.trades") == [(1,)]
        [(reason, odd_one)] = scenario.rows(REJECTS)
        assert odd_one
        assert f"traded_at {at.isoformat()} lies outside" in reason
    assert scenario.shown("onetrading_rows_rejected_total", "trades") == 1
    assert scenario.rows("SELECT count(*) > 0 FROM onetrading_sync.coverage") == [(True,)]


def test_a_fact_of_another_window_is_kept(scenario: Scripted) -> None:
    """As an exchange sends it that ignores ``from``; the history begins a day before."""
    earlier = trade(2, at=NOW - timedelta(hours=20))
    for _ in range(2):
        assert scenario.poll("trades", history(trade(1), earlier)) == "ok"
        assert scenario.rows("SELECT count(*) FROM onetrading.trades") == [(2,)]
        assert scenario.rows(REJECTS) == []


def test_a_row_outside_says_nothing_about_the_order_of_the_others() -> None:
    window = Window(RECENTLY - timedelta(minutes=1), NOW)
    page = read(
        TRADES,
        history(
            trade(1),
            trade(2, at=datetime(2001, 1, 1, tzinfo=UTC)),
            trade(3, at=RECENTLY - timedelta(seconds=5)),
        ).encode(),
        ACCOUNT_ID,
    )
    assert page.order == "mixed"
    inside = confined(TRADES, page, window)
    assert inside.order == "newest_first"
    assert [len(inside.rows), len(inside.tags), len(inside.outside)] == [2, 2, 1]
    assert confined(TRADES, inside, window) is inside
