"""Failures in a row are counted, and logged, for each stream of each account by itself."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.support.world import world

Line = tuple[str, int]
"""The level of a log line, and the failures in a row that it tells."""


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[Line]:
    """The lines of a logger that count failures, since the last call."""
    found = [
        (record.levelname, getattr(record, "failures", None) or 0)
        for record in caplog.records
        if record.name == logger
    ]
    caplog.clear()
    return [(level, failures) for level, failures in found if failures]


def test_a_poll_counts_those_of_its_own_stream_and_account(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "exporter")
    with world(tmp_path, accounts=("main", "hedge")) as live:

        def poll(account: str, stream: str, outcome: str) -> list[Line]:
            assert live.poll(account, stream) == outcome
            return lines(caplog, "exporter.sync.runner")

        live.simulator.set_faults(error_rate=1)
        assert poll("main", "balances", "failed") == [("WARNING", 1)]
        assert poll("main", "balances", "failed") == [("WARNING", 2)]
        assert poll("main", "balances", "failed") == [("DEBUG", 3)]
        assert poll("hedge", "balances", "failed") == [("WARNING", 1)]
        assert poll("main", "positions", "failed") == [("WARNING", 1)]
        live.simulator.set_faults()
        assert poll("main", "balances", "ok") == [("INFO", 3)]
        assert poll("main", "balances", "ok") == []
        assert poll("hedge", "balances", "ok") == [("INFO", 1)]
        assert poll("main", "positions", "ok") == [("INFO", 1)]


def test_a_backfill_counts_those_of_its_own_stream_and_account(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Though one filler fills all of them, as in the command `sync`."""
    caplog.set_level(logging.DEBUG, "exporter")
    with world(tmp_path, database_url, accounts=("main", "hedge")) as live:
        filler = live.app.gap_filler()
        for account in ("main", "hedge"):
            assert live.poll(account, "balances") == "ok"

        def fill(account: str, stream: str) -> list[Line]:
            histories = live.app.histories(account)
            (history,) = (found for found in histories if found.stream.name == stream)
            assert not filler.fill(history)
            return lines(caplog, "exporter.sync.gap_filler")

        live.simulator.set_faults(error_rate=1)
        assert fill("main", "trades") == [("INFO", 1)]
        assert fill("main", "trades") == [("INFO", 2)]
        assert fill("main", "trades") == [("DEBUG", 3)]
        assert fill("hedge", "trades") == [("INFO", 1)]
        assert fill("main", "funding_payments") == [("INFO", 1)]
        assert fill("main", "trades") == [("INFO", 4)]
