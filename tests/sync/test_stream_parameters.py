"""The query parameters that a stream declares are part of each of its requests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.app import App
from exporter.model.stream import Reference, Snapshot
from exporter.streams.balances import BALANCES
from exporter.streams.currencies import CURRENCIES
from tests.support.world import exchange, settings_of


@pytest.mark.parametrize("stream", [BALANCES, CURRENCIES], ids=lambda stream: stream.kind)
def test_a_poll_sends_the_parameters_of_its_stream(
    stream: Snapshot | Reference, tmp_path: Path
) -> None:
    declared = replace(stream, parameters={"kind": "ALL", "depth": "1"})
    with exchange() as simulator:
        app = App(settings_of(simulator, tmp_path, ("main",)), [declared])
        try:
            (sync,) = app.syncs
            assert app.runner.run(sync) == "ok"
        finally:
            app.close()
        (request,) = (r for r in simulator.requests if r.path == f"/{stream.path}")
    assert request.query == "kind=ALL&depth=1"
