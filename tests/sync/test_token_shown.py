"""`onetrading_token_scope`: whether a token may read is what a response said, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.support.sync_app import environment, exchange, run_passes, running, sync

FEW = "balances,trades,closed_positions,position_trades"


def test_a_pass_that_asks_for_nothing_shows_no_token(tmp_path: Path, database_url: str) -> None:
    """The details of positions are looked for each minute, mostly in vain."""
    with exchange() as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=FEW)
        with running(environ) as app:
            sync(app)
            simulator.set_faults(refuse_tokens=("main",))
            outcomes = run_passes(app)
            assert outcomes["main", "balances"] != "ok"
            assert outcomes["main", "position_trades"] == "ok"
            text, _ = app.metrics.render("", "")
            shown = dict(line.rsplit(b" ", 1) for line in text.splitlines())
            assert shown[b'onetrading_token_scope{account="main",scope="read"}'] == b"0"
            assert shown[b'onetrading_token_scope{account="hedge",scope="read"}'] == b"1"
