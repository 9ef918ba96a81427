"""Which instruments count as active: those that the exchange calls ACTIVE, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.world import world

STATES = {"ACTIVE": "1", "SUSPENDED": "0", "POST_ONLY": "0", "CLOSED": "0", "HALTED": "0"}


def page(states: dict[str, str]) -> bytes:
    """A response with one instrument for each code and state."""
    return json.dumps(
        [
            {
                "id": code,
                "base": {"code": "BTC", "precision": 8},
                "quote": {"code": "EUR", "precision": 2},
                "type": "SPOT",
                "state": state,
            }
            for code, state in states.items()
        ]
    ).encode()


@pytest.mark.parametrize("databased", [False, True])
def test_only_the_state_active_is_active(
    tmp_path: Path, databased: bool, request: pytest.FixtureRequest
) -> None:
    """Every documented state, and one that is not documented."""
    url = request.getfixturevalue("database_url") if databased else None
    states = {f"{state}_EUR": state for state in STATES}
    with world(tmp_path, url, pages={"/instruments": page(states)}) as live:
        assert live.poll("public", "instruments") == "ok"
        shown = live.domain("instruments")
    assert {
        name: value for name, value in shown.items() if name.startswith("onetrading_instrument_act")
    } == {
        f'onetrading_instrument_active{{instrument="{code}"}}': STATES[state]
        for code, state in states.items()
    }
    infos = [value for name, value in shown.items() if name.startswith("onetrading_instrument_inf")]
    assert infos == ["1"] * len(states), "closed instruments stay listed"
