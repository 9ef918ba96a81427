"""The history of closed instruments: read once an hour, as far as the exchange still serves it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

from tests.support.stored_snapshots import ask
from tests.support.world import World, world


def requested(live: World, since: int) -> set[str]:
    """The instruments whose funding history was requested, after so many requests."""
    return {
        parse_qs(request.query)["instrument_code"][0]
        for request in list(live.simulator.requests)[since:]
        if request.path == "/funding-rate/history"
    }


def test_closed_instruments_are_read_once_an_hour_whatever_else_is_filled(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        filler = live.app.gap_filler()
        (trades,) = (found for found in live.app.histories() if found.stream.name == "trades")
        (rates,) = live.app.histories("public")
        assert live.poll("public", "instruments") == "ok"
        found = ask(
            database_url,
            "SELECT instrument_code, state FROM onetrading.instruments WHERE kind <> 'SPOT'",
        )
        closed = {code for code, state in found if state == "CLOSED"}
        assert 0 < len(closed) < len(found)

        def fill() -> set[str]:
            asked = len(live.simulator.requests)
            assert filler.fill(trades)
            assert filler.fill(rates)
            return requested(live, asked)

        assert fill() == {code for code, _ in found}
        retired = ask(
            database_url,
            "SELECT scope FROM onetrading_sync.progress WHERE retired_because IS NOT NULL",
        )
        assert {code for (code,) in retired} == closed
        live.tick(3_599)
        assert not fill() & closed
        live.tick(1)
        assert fill() & closed == closed
