"""The net size of positions: shorts are negative, both directions of an instrument add up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.world import world

PATH = "/account/futures/positions"


@pytest.mark.parametrize(
    ("positions", "net"),
    [
        ([("BTC_USD_P", "LONG", "0.25")], {"BTC_USD_P": "0.25"}),
        ([("BTC_USD_P", "SHORT", "0.25")], {"BTC_USD_P": "-0.25"}),
        (
            [("BTC_USD_P", "LONG", "1.5"), ("BTC_USD_P", "SHORT", "4")],
            {"BTC_USD_P": "-2.5"},
        ),
        (
            [("BTC_USD_P", "SHORT", "1.5"), ("BTC_USD_P", "LONG", "4")],
            {"BTC_USD_P": "2.5"},
        ),
        ([("BTC_USD_P", "LONG", "2"), ("BTC_USD_P", "SHORT", "2")], {"BTC_USD_P": "0"}),
        (
            [
                ("BTC_USD_P", "LONG", "1"),
                ("ETH_USD_P", "SHORT", "8"),
                ("BTC_USD_P", "SHORT", "0.5"),
                ("SOL_USD_P", "LONG", "3"),
            ],
            {"BTC_USD_P": "0.5", "ETH_USD_P": "-8", "SOL_USD_P": "3"},
        ),
        ([], {}),
    ],
)
def test_net_volume(
    tmp_path: Path, positions: list[tuple[str, str, str]], net: dict[str, str]
) -> None:
    records = [
        {"instrument_code": code, "direction": direction, "open_volume": volume}
        for code, direction, volume in positions
    ]
    page = json.dumps({"positions": records}).encode()
    with world(tmp_path, pages={PATH: page}, ONETRADING_STREAMS="positions") as live:
        assert live.poll("main", "positions") == "ok"
        shown = {name: Decimal(value) for name, value in live.domain("positions", "main").items()}
    expected = {
        f'onetrading_position_net_volume{{account="main",instrument="{code}"}}': Decimal(volume)
        for code, volume in net.items()
    } | {
        f'onetrading_position_open_volume{{account="main",instrument="{code}"'
        f',direction="{direction}"}}': Decimal(volume)
        for code, direction, volume in positions
    }
    expected['onetrading_positions_open{account="main"}'] = Decimal(len(positions))
    assert shown == expected
