"""A process whose account another one holds: it asks nothing, counts no error, and takes over."""

from __future__ import annotations

from pathlib import Path

import psycopg

from exporter.simulator import Simulator
from tests.support.live import World, two_writers
from tests.support.waiting import wait_until


def requests(simulator: Simulator) -> int:
    """How many requests the exchange has seen, of whomever."""
    return len(simulator.requests)


def outcomes(live: World) -> set[str]:
    """How one pass of every stream went."""
    return set(live.poll_all().values())


def test_a_standby_asks_nothing_and_counts_no_error(tmp_path: Path, database_url: str) -> None:
    with two_writers(tmp_path, database_url) as (holder, standby):
        assert outcomes(holder) == {"ok"}
        asked = requests(holder.simulator)
        for _ in range(3):
            standby.tick(15)
            assert outcomes(standby) == {"standing by"}
            assert not standby.fill("main", "trades")
        assert requests(holder.simulator) == asked
        for account, stream in standby.pairs():
            assert standby.errors(account, stream) == {}
            assert standby.domain(stream, account) == {}
            assert standby.state(account, stream).tried
        assert len(standby.app.spool) == 0


def test_the_holder_goes_on_beside_a_standby(tmp_path: Path, database_url: str) -> None:
    with two_writers(tmp_path, database_url) as (holder, standby):
        for _ in range(3):
            holder.tick(15)
            assert outcomes(holder) == {"ok"}
            assert outcomes(standby) == {"standing by"}
        assert holder.fill("main", "trades")
        assert holder.errors("main", "trades") == {}


def test_a_standby_takes_over_from_a_holder_that_ends(tmp_path: Path, database_url: str) -> None:
    with two_writers(tmp_path, database_url) as (holder, standby):
        assert outcomes(holder) == {"ok"}
        assert outcomes(standby) == {"standing by"}
        assert standby.app.leases is not None
        standby.app.leases.start()
        holder.close()
        wait_until(lambda: standby.poll("main", "balances") == "ok")
        wait_until(lambda: outcomes(standby) == {"ok"})
        assert standby.domain("balances", "main")
        assert standby.fill("main", "trades")


def test_a_holder_that_lost_its_lease_stands_by(tmp_path: Path, database_url: str) -> None:
    """What it showed grows old and goes, as with any response that is not renewed."""
    with two_writers(tmp_path, database_url) as (first, second):
        assert outcomes(first) == {"ok"}
        with psycopg.connect(database_url) as connection:  # as if it had been suspended
            connection.execute("UPDATE onetrading_sync.leases SET expires_at = '-infinity'")
        assert outcomes(second) == {"ok"}
        shown = first.domain("balances", "main")
        assert first.app.leases is not None
        first.app.leases.start()
        wait_until(first.accounts["main"].standing_by)
        asked = requests(first.simulator)
        assert first.poll("main", "balances") == "standing by"
        assert requests(first.simulator) == asked
        assert first.domain("balances", "main") == shown != {}
        first.tick(61)
        assert first.domain("balances", "main") == {}
        assert first.errors("main", "balances") == {}


def test_without_postgres_nobody_stands_by(tmp_path: Path, database_url: str) -> None:
    """Metrics only: there are no leases, and every process polls for itself."""
    with two_writers(tmp_path, database_url) as (holder, _):
        folder = tmp_path / "third"
        folder.mkdir()
        alone = World(holder.simulator, folder, accounts=("main",), holder="third")
        try:
            assert outcomes(holder) == {"ok"}
            assert outcomes(alone) == {"ok"}
        finally:
            alone.close()
