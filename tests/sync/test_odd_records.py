"""Records that Postgres cannot hold, in every stream: all the others load, and are proven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.raw_responses import Scripted, history, scripted, trade

COUNTS = "SELECT (SELECT count(*) FROM onetrading.trades), (SELECT count(*) FROM {0}.rejects)"


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


def odd(member: str) -> str:
    """A trade with one more member."""
    return trade(7).replace('"side":', f'{member},"side":')


@pytest.mark.parametrize(
    ("member", "loaded"),
    [
        (r'"note":"a\u0000b"', 20),
        (r'"note":{"\ud83d":"x\udc00y"}', 20),
        (r'"order_type":"a\u0000b"', 19),
        (r'"order_type":"x\ud83dy"', 19),
        ('"sequence":"99999999999999999999"', 19),
        ('"note":1e-99999999999999999999', 19),
        ('"note":' + "[" * 200_000 + "]" * 200_000, 19),
        ('"time_nanos":"0001-01-01T00:00:00+14:00"', 19),
    ],
    ids=lambda value: str(value)[:24],
)
def test_one_odd_trade_of_twenty(scenario: Scripted, member: str, loaded: int) -> None:
    records = [odd(member) if number == 7 else trade(number) for number in range(1, 21)]
    for _ in range(2):
        assert scenario.poll("trades", history(*records)) == "ok"
        assert scenario.rows(COUNTS.format("onetrading_sync")) == [(loaded, 20 - loaded)]
    assert scenario.shown("onetrading_rows_rejected_total", "trades") == 20 - loaded
    assert scenario.shown("onetrading_rows_written_total", "trades", operation="updated") == 0
    assert scenario.rows("SELECT count(*) > 0 FROM onetrading_sync.coverage") == [(True,)]
    assert scenario.rows("SELECT count(*) FROM onetrading_sync.issues") == [(0,)]
