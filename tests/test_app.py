"""What an app knows before it has connected to Postgres."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.app import App, enabled
from tests.support.world import exchange, settings_of


@pytest.mark.parametrize(("exists", "outcome"), [(False, "ok"), (True, "skipped")])
def test_only_a_cluster_that_exists_may_know_another_writer(
    exists: bool, outcome: str, tmp_path: Path
) -> None:
    """A first start shows everything at once, while the embedded Postgres is being created."""
    more = {"DATABASE_URL": "embedded", "ONETRADING_STREAMS": "balances,currencies"}
    with exchange() as simulator:
        settings = settings_of(simulator, tmp_path, ("main",), more)
        if exists:
            cluster = settings.data_dir / "postgres"
            cluster.mkdir(parents=True)
            (cluster / "PG_VERSION").write_text("17\n")
        app = App(settings, enabled(settings), holder="first")
        try:
            assert {app.runner.run(sync) for sync in app.syncs} == {outcome}
        finally:
            app.close()


def test_a_stream_brings_along_all_that_it_requires(tmp_path: Path) -> None:
    with exchange() as simulator:
        settings = settings_of(simulator, tmp_path, ("main",), {"DATABASE_URL": "embedded"})
        names = [stream.name for stream in enabled(settings, ["position_trades"])]
    assert names == ["positions", "closed_positions", "position_trades"]


@pytest.mark.parametrize(
    ("chosen", "read"),
    [
        ({"trades", "closed_positions"}, ["positions", "trades", "closed_positions"]),
        ({"position_trades"}, ["positions", "closed_positions", "position_trades"]),
        ({"balances"}, ["balances"]),
    ],
    ids=lambda names: "-".join(sorted(names)),
)
def test_streams_of_one_account_bring_along_what_they_require(
    chosen: set[str], read: list[str], tmp_path: Path
) -> None:
    """Without it they would wait for ever, or read their whole history in each pass."""
    with exchange() as simulator:
        settings = settings_of(simulator, tmp_path, ("main",), {"DATABASE_URL": "embedded"})
        (account,) = settings.accounts
        one = replace(settings, accounts=(replace(account, streams=frozenset(chosen)),))
        app = App(one, enabled(one), holder="first")
        try:
            assert sorted(app.chosen_streams()["main"]) == sorted(read)
            keys = {name for of, name in app.metrics.streams.keys if of == "main"}
            assert keys == set(read)
        finally:
            app.close()
