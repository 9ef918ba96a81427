"""Records of slowly changing facts that are only written differently, and that differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.raw_responses import Scripted, scripted

ASSETS = '"base":{"code":"BTC","precision":8},"quote":{"code":"USD","precision":2}'
MARKET = f'{{"id":"BTC_USD_P",{ASSETS},"type":"PERP","state":"ACTIVE","min_price":0.10}}'
"""``min_price`` has no column of its own."""

# The same record: other spaces, other order, other notations of a number and of a text.
ALIKE = {
    "spaces": json.dumps(json.loads(MARKET), indent=3),
    "order": json.dumps(dict(reversed(json.loads(MARKET).items()))),
    "zero at the end": MARKET.replace("0.10", "0.100"),
    "no zero at the end": MARKET.replace("0.10", "0.1"),
    "exponent": MARKET.replace("0.10", "1e-1"),
    "escape": MARKET.replace("BTC_USD_P", r"\u0042TC_USD_P"),
}
OTHER = {
    "number as text": MARKET.replace("0.10", '"0.10"'),
    "another number": MARKET.replace("0.10", "0.2"),
    "a number that differs in its last digit": MARKET.replace("0.10", "0.10000000000000000001"),
    "null": MARKET.replace('"min_price"', '"funding_period":null,"min_price"'),
    "a column": MARKET.replace("ACTIVE", "CLOSED"),
}
VERSIONS = (
    "SELECT raw::text, valid_to IS NULL FROM onetrading.instruments"
    " WHERE instrument_code = 'BTC_USD_P' ORDER BY valid_from"
)


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("again", ALIKE.values(), ids=ALIKE)
def test_a_reference_that_is_only_written_differently_is_the_same_version(
    again: str, scenario: Scripted
) -> None:
    assert scenario.poll("instruments", f"[{MARKET}]") == "ok"
    before = scenario.rows("SELECT xmin::text, instruments.* FROM onetrading.instruments")
    assert again != MARKET
    assert scenario.poll("instruments", f"[{again}]") == "ok"
    assert scenario.rows("SELECT xmin::text, instruments.* FROM onetrading.instruments") == before


@pytest.mark.parametrize("again", OTHER.values(), ids=OTHER)
def test_a_reference_that_says_something_else_is_a_new_version(
    again: str, scenario: Scripted
) -> None:
    assert scenario.poll("instruments", f"[{MARKET}]") == "ok"
    assert scenario.poll("instruments", f"[{again}]") == "ok"
    (old, old_is_open), (new, new_is_open) = scenario.rows(VERSIONS)
    assert (old_is_open, new_is_open) == (False, True)
    assert (json.loads(old), json.loads(new)) == (json.loads(MARKET), json.loads(again))
    assert scenario.poll("instruments", f"[{again}]") == "ok"
    assert len(scenario.rows(VERSIONS)) == 2
