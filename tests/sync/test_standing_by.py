"""A process whose account another one holds: it asks nothing, counts no error, and takes over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from exporter.model.errors import StandingBy
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID
from exporter.model.window import Window
from exporter.service import Service
from exporter.simulator import Simulator
from exporter.store.database import Connection
from exporter.store.leases import Leases
from exporter.sync import Backfill, HistorySync
from tests.support.clocks import START
from tests.support.stored_snapshots import ask, away, balances, poll_balances
from tests.support.waiting import wait_until
from tests.support.world import World, exchange, settings_of, two_writers, wait_for_requests


def requests(simulator: Simulator) -> int:
    """How many requests the exchange has seen, of whomever."""
    return len(simulator.requests)


def outcomes(live: World) -> set[str]:
    """How one pass of every stream went."""
    return set(live.poll_all().values())


def take_over(taker: World, database_url: str) -> None:
    """No lease has been renewed in time, as when its holder was suspended; ``taker`` gets them.

    One that a transaction of the holder's has locked is taken at a later look.
    """
    leases = taker.app.leases
    assert leases is not None
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE onetrading_sync.leases SET expires_at = '-infinity'")

    def leads() -> bool:
        taker.renew_leases()
        return leases.leading

    wait_until(leads, "it never takes over")


def read_at(database_url: str, stream: str, at: datetime) -> None:
    """The last good pass of a stream was then, by the clock of Postgres."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE onetrading_sync.progress SET last_success_at = %s WHERE stream = %s",
            (at, stream),
        )


def trades_of(live: World) -> HistorySync:
    """What reads the trades of `main`."""
    return next(found for found in live.app.histories("main") if found.stream.name == "trades")


@contextmanager
def holder_and_standby(folder: Path, database_url: str) -> Iterator[tuple[World, World]]:
    """Two processes, of which the first holds every account and the second knows it."""
    with two_writers(folder, database_url) as (holder, standby):
        assert outcomes(holder) == {"ok"}
        standby.renew_leases()
        yield holder, standby


def test_a_standby_asks_nothing_and_counts_no_error(tmp_path: Path, database_url: str) -> None:
    with holder_and_standby(tmp_path, database_url) as (holder, standby):
        asked = requests(holder.simulator)
        for _ in range(3):
            standby.tick(15)
            assert outcomes(standby) == {"standing by"}
            assert not standby.fill("main", "trades")
        assert requests(holder.simulator) == asked
        for account, stream in standby.pairs():
            assert standby.errors(account, stream) == {}
            assert standby.domain(stream, account) == {}
            state = standby.state(account, stream)
            assert (state.tried, state.standing_by) == (True, True)
        assert len(standby.app.spool) == 0
        assert not standby.app.storage.leading


def test_the_holder_goes_on_beside_a_standby(tmp_path: Path, database_url: str) -> None:
    with holder_and_standby(tmp_path, database_url) as (holder, standby):
        for _ in range(3):
            holder.tick(15)
            assert outcomes(holder) == {"ok"}
            assert outcomes(standby) == {"standing by"}
        assert holder.fill("main", "trades")
        assert holder.errors("main", "trades") == {}
        assert holder.app.storage.leading


def test_a_standby_takes_over_from_a_holder_that_ends(tmp_path: Path, database_url: str) -> None:
    with holder_and_standby(tmp_path, database_url) as (holder, standby):
        assert outcomes(standby) == {"standing by"}
        changed: list[str] = []
        assert standby.app.leases is not None
        standby.app.leases.on_change = changed.extend
        holder.close()
        standby.renew_leases()
        assert sorted(changed) == ["main", "public"]
        assert outcomes(standby) == {"ok"}
        assert standby.domain("balances", "main")
        assert not standby.state("main", "balances").standing_by
        assert standby.fill("main", "trades")


def test_a_former_holder_exports_nothing_any_more(tmp_path: Path, database_url: str) -> None:
    """The new holder does: a sum over both must not count an account twice."""
    with holder_and_standby(tmp_path, database_url) as (first, second):
        assert first.domain("balances", "main")
        assert first.sync("success", "main", "balances") == "1"
        take_over(second, database_url)
        assert outcomes(second) == {"ok"}
        first.renew_leases()
        asked = requests(first.simulator)
        assert outcomes(first) == {"standing by"}
        assert requests(first.simulator) == asked
        for account, stream in first.pairs():
            assert first.domain(stream, account) == {}
            assert first.errors(account, stream) == {}
            # As in a process that has just started: alerts judge by the holder.
            assert first.sync("success", account, stream) == "0"
            assert first.sync("permitted", account, stream) == "1"
        shown = first.shown()
        assert not [name for name in shown if name.startswith("onetrading_coverage_")]
        assert not [name for name in shown if name.startswith("onetrading_token_scope")]
        assert [name for name in second.shown() if name.startswith("onetrading_token_scope")]


def test_a_former_holder_does_not_go_on_saying_that_a_stream_was_refused(
    tmp_path: Path, database_url: str
) -> None:
    with holder_and_standby(tmp_path, database_url) as (first, second):
        first.simulator.set_faults(forbid=["/account/balances"])
        first.tick(15)
        assert first.poll("main", "balances") == "not permitted"
        assert first.sync("permitted", "main", "balances") == "0"
        take_over(second, database_url)
        first.renew_leases()
        # Before its pause is over.
        assert first.poll("main", "balances") == "standing by"
        assert first.sync("permitted", "main", "balances") == "1"
        # A takeover does not wait for the end of the pause either.
        take_over(first, database_url)
        assert first.poll("main", "balances") == "not permitted"
        assert first.sync("permitted", "main", "balances") == "0"
        assert not first.state("main", "balances").standing_by


def test_a_lease_that_is_lost_during_a_pass_withdraws_what_the_pass_showed(
    tmp_path: Path, database_url: str
) -> None:
    """Also when the response goes to the spool, behind others that wait there."""
    with holder_and_standby(tmp_path, database_url) as (first, second):
        for taker in (second, first, second):
            take_over(taker, database_url)
            first.tick(15)
            if taker is second and not first.app.spool.holds("main", "balances"):
                assert first.poll("main", "balances") == "standing by"
        assert first.app.leases is not None
        assert first.app.leases.state("main") == "held"
        # It finds out while it drains the spool, which concerns an older response.
        assert first.poll("main", "balances") == "standing by"
        assert first.domain("balances", "main") == {}


def test_a_list_of_facts_that_a_standby_has_spooled_goes_once_a_later_one_was_read(
    tmp_path: Path, database_url: str
) -> None:
    """Also when the later one brought nothing new."""
    with holder_and_standby(tmp_path, database_url) as (first, second):
        take_over(second, database_url)
        first.tick(15)
        assert first.poll("public", "instruments") == "standing by"
        assert first.app.spool.holds("public", "instruments")
        observed_at = first.clock.wall()
        for seconds_later, left in ((-60, 1), (30, 1), (90, 0)):
            read_at(database_url, "instruments", observed_at + timedelta(seconds=seconds_later))
            assert first.app.snapshots.drain_if_possible()
            assert len(first.app.spool) == left


def test_a_transaction_that_finds_its_lease_lost_makes_a_standby(
    tmp_path: Path, database_url: str
) -> None:
    """Nobody waits for the next renewal: one response was too many, not a second one."""
    with holder_and_standby(tmp_path, database_url) as (first, second):
        take_over(second, database_url)
        first.tick(15)
        assert first.domain("trades", "main")
        assert first.poll("main", "trades") == "standing by"
        assert first.domain("trades", "main") == {}
        assert first.state("main", "trades").standing_by
        asked = requests(first.simulator)
        assert outcomes(first) == {"standing by"}
        assert first.poll("main", "balances") == "standing by"
        assert first.poll("main", "trades") == "standing by"
        mine = [request.path for request in list(first.simulator.requests)[asked:]]
        assert not [path for path in mine if path.startswith("/account/")]


def test_a_backfill_that_loses_its_lease_requests_no_more(
    tmp_path: Path, database_url: str
) -> None:
    with holder_and_standby(tmp_path, database_url) as (first, second):
        job = Backfill(trades_of(first))
        windows = job.plan(Window(START.replace(year=START.year - 3), START.replace(month=1)))
        assert len(windows) > 30
        take_over(second, database_url)
        asked = requests(first.simulator)
        with pytest.raises(StandingBy):
            job.run(windows)
        assert requests(first.simulator) - asked <= 6  # a few windows at a time


def test_a_backfill_of_a_process_that_knows_of_its_loss_requests_nothing(
    tmp_path: Path, database_url: str
) -> None:
    """As when the loss is noticed between two of its windows."""
    with holder_and_standby(tmp_path, database_url) as (first, second):
        job = Backfill(trades_of(first))
        windows = job.plan(Window(START.replace(year=START.year - 3), START.replace(month=1)))
        take_over(second, database_url)
        first.renew_leases()
        asked = requests(first.simulator)
        with pytest.raises(StandingBy):
            job.run(windows)
        assert requests(first.simulator) == asked


def test_a_walk_that_loses_its_lease_ends_before_its_next_page(
    tmp_path: Path, database_url: str
) -> None:
    """It may hold fewer rows than a transaction, which would find out."""
    with holder_and_standby(tmp_path, database_url) as (first, second):
        first.simulator.set_faults(page_size_cap=1, latency_ms=50)
        ended: list[bool] = []
        walking = threading.Thread(target=lambda: ended.append(first.fill("main", "trades")))
        asked = requests(first.simulator)
        walking.start()
        wait_for_requests(first.simulator, asked + 6)
        take_over(second, database_url)
        first.renew_leases()
        asked = requests(first.simulator)
        walking.join()
        assert ended == [False]
        assert requests(first.simulator) - asked <= 3  # those that its walks had just sent


def test_what_a_standby_has_spooled_goes_once_it_is_outdated(
    tmp_path: Path, database_url: str
) -> None:
    with holder_and_standby(tmp_path, database_url) as (first, second):
        take_over(second, database_url)
        first.tick(15)
        first.simulator.override_balance("main", "BTC", available="7.5")
        # It finds out when it stores the response.
        assert first.poll("main", "balances") == "standing by"
        assert first.domain("balances", "main") == {}
        assert first.app.spool.holds("main", "balances")
        second.clock.at = first.clock.at
        second.tick(15)
        assert second.poll("main", "balances") == "ok"
        assert first.app.snapshots.drain_if_possible()
        assert len(first.app.spool) == 0


def test_an_account_that_is_locked_by_its_holder_is_held_elsewhere(
    tmp_path: Path, database_url: str
) -> None:
    """A long transaction of the holder's keeps its lease row locked: no reason to poll."""
    with two_writers(tmp_path, database_url) as (holder, standby):
        assert outcomes(holder) == {"ok"}
        with psycopg.connect(database_url) as writing:
            writing.execute("SELECT FROM onetrading_sync.leases FOR KEY SHARE")
            standby.renew_leases()
            asked = requests(holder.simulator)
            assert outcomes(standby) == {"standing by"}
            assert requests(holder.simulator) == asked


def test_a_service_that_starts_beside_a_holder_asks_nothing(
    tmp_path: Path, database_url: str
) -> None:
    with two_writers(tmp_path, database_url) as (holder, _):
        assert outcomes(holder) == {"ok"}
        folder = tmp_path / "late"
        folder.mkdir()
        more = {"DATABASE_URL": database_url}
        asked = requests(holder.simulator)
        late = Service(settings_of(holder.simulator, folder, ("main",), more))
        try:
            late.start()
            summaries = late.app.metrics.streams.summaries
            wait_until(lambda: all(state.standing_by for state in summaries()))
            assert requests(holder.simulator) == asked
            assert len(late.app.spool) == 0
            holder.close()  # and it takes over at once, streams that are read once an hour too
            wait_until(lambda: all(state.success for state in summaries()), within_s=20)
        finally:
            late.stop()


def test_a_service_that_loses_its_leases_withdraws_everything_at_once(
    tmp_path: Path, database_url: str
) -> None:
    """Also what is read once an hour, and would not have its turn for long."""
    with two_writers(tmp_path, database_url) as (other, second):
        other.close()
        folder = tmp_path / "service"
        folder.mkdir()
        service = Service(
            settings_of(other.simulator, folder, ("main",), {"DATABASE_URL": database_url})
        )

        def taken() -> bool:
            """Whether the second process is the holder: the service may renew in between."""
            take_over(second, database_url)
            return second.app.storage.leading

        try:
            service.start()
            summaries = service.app.metrics.streams.summaries
            wait_until(lambda: all(state.success for state in summaries()))
            wait_until(taken)
            wait_until(lambda: all(state.standing_by for state in summaries()), within_s=20)
            assert second.app.storage.leading
        finally:
            service.stop()


def test_what_a_service_has_spooled_goes_while_it_stands_by(
    tmp_path: Path, database_url: str, postgres_url: str
) -> None:
    """It was restarted while it could not connect. No poll of its own looks after the spool."""
    poll_balances(tmp_path, away(), balances("2"), 30)
    other = tmp_path / "other"
    other.mkdir()
    poll_balances(other, database_url, balances("1"), 15, 60)
    ids = dict(ask(database_url, "SELECT name, account_id::text FROM onetrading.accounts"))
    holder = Leases(lambda: database_url, "other", ids | {PUBLIC_ACCOUNT: PUBLIC_ACCOUNT_ID})
    holder.renew()
    holder.start()
    more = {"DATABASE_URL": database_url, "ONETRADING_STREAMS": "balances"}
    with exchange() as simulator, psycopg.connect(postgres_url, autocommit=True) as shared:
        service = Service(settings_of(simulator, tmp_path, ("main",), more))

        def waits() -> bool:
            """Whether the response that became outdated is still on disk."""
            return any(
                found.body == balances("2").decode() for _, found in service.app.spool.waiting()
            )

        try:
            let_in(shared, database_url, connections=False)
            service.start()
            database = service.app.database
            wait_until(lambda: database is not None and database.tried)
            assert waits()
            let_in(shared, database_url, connections=True)
            wait_until(lambda: not waits(), "it waits for ever", within_s=60)
            assert service.app.metrics.streams.summaries()[0].standing_by
        finally:
            service.stop()
            holder.stop()


def let_in(shared: Connection, database_url: str, *, connections: bool) -> None:
    """Whether Postgres accepts new connections to a database."""
    name = sql.Identifier(urlsplit(database_url).path.removeprefix("/"))
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    shared.execute(statement.format(name, sql.Literal(connections)))


def test_while_postgres_is_away_a_standby_goes_on_standing_by(
    tmp_path: Path, database_url: str
) -> None:
    with holder_and_standby(tmp_path, database_url) as (holder, standby):
        for live in (holder, standby):
            assert live.database is not None
            live.database.close()
            live.renew_leases()
        holder.tick(15)
        standby.clock.at += 15
        assert holder.poll("main", "balances") == "ok"
        assert standby.poll("main", "balances") == "standing by"


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


def test_every_account_is_asked_for_by_one_thread_alone(tmp_path: Path, database_url: str) -> None:
    """However many streams begin at once, a pass only reads what the thread found."""
    with holder_and_standby(tmp_path, database_url) as (_, standby):
        found: list[set[str]] = []
        threads = [
            threading.Thread(target=lambda: found.append(outcomes(standby))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [{"standing by"}] * 4
