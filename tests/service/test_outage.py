"""Postgres goes down and comes back: `/metrics` stays current, and no observation is lost.

Most tests move the clock themselves and so know every response; the last ones let the
real service run on real time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import psycopg
import pytest

from exporter.api.rate_limiter import Priority
from exporter.simulator import Simulator
from exporter.store.spool import Spool, Spooled
from tests.support.clocks import START
from tests.support.postgres import (
    PostgresServer,
    database_of,
    fresh_database,
    standing_still,
)
from tests.support.process import running
from tests.support.waiting import wait_until
from tests.support.world import World, environment, exchange, world

EVERY_S = 15
BTC = 'onetrading_balance_available{account="main",currency="BTC"}'

Seen = list[tuple[float, str]]
"""Seconds since the start, and the balance observed then."""


class Watched:
    """A World whose BTC balance is another one at every poll, and what was observed so far."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: Seen = []

    def poll(self, times: int = 1) -> None:
        """Let time pass, and poll; what was polled is shown at once, whatever Postgres does."""
        for _ in range(times):
            self.world.tick(EVERY_S)
            balance = f"{1 + len(self.seen)}.5"
            self.world.simulator.override_balance("main", "BTC", available=balance)
            assert self.world.poll("main", "balances") == "ok"
            assert self.world.shown()[BTC] == balance
            self.seen.append((self.world.clock.at, balance))

    def wait_until_up(self) -> None:
        """Wait until the watcher has found Postgres again."""
        assert self.world.database is not None
        wait_until(lambda: self.world.database is not None and self.world.database.up)


def stored(url: str, account: str = "main") -> Seen:
    """The balances in Postgres, in the order of their observation, every snapshot once."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT extract(epoch FROM first_observed_at - %s)::float, available::text"
            " FROM onetrading.snapshots JOIN onetrading.accounts USING (account_id)"
            " JOIN onetrading.balances USING (snapshot_id)"
            " WHERE stream = 'balances' AND currency_code = 'BTC' AND name = %s"
            " ORDER BY first_observed_at, snapshot_id",
            [START, account],
        )
        return [(at, balance) for at, balance in rows]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


class Server:
    """A database of a test's own on the server of this file, which it may stop, kill and start."""

    def __init__(self, shared: PostgresServer, url: str) -> None:
        self._shared = shared
        self._up = True
        self.url = url

    def start(self) -> None:
        """Start it, unless it runs."""
        if not self._up:
            self._shared.start()
            self._up = True

    def stop(self) -> None:
        """Shut it down in order."""
        self._shared.stop()
        self._up = False

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._shared.kill()
        self._up = False


@pytest.fixture(scope="module")
def shared() -> Iterator[PostgresServer]:
    with TemporaryDirectory(prefix="onetrading-postgres-") as folder:
        found = PostgresServer(Path(folder))
        found.start()
        yield found
        found.stop()


@pytest.fixture
def server(shared: PostgresServer) -> Iterator[Server]:
    with fresh_database(shared.url) as url:
        name = database_of(url)
        with psycopg.connect(url, autocommit=True) as connection:
            # What is committed survives a kill of this server, though not of the machine.
            connection.execute(f"ALTER DATABASE {name} SET synchronous_commit TO on".encode())
        found = Server(shared, url)
        yield found
        found.start()


@pytest.fixture
def outage(simulator: Simulator, tmp_path: Path, server: Server) -> Iterator[Watched]:
    """One account, polled three times while Postgres was up."""
    live = World(simulator, tmp_path, accounts=("main",), database_url=server.url)
    watched = Watched(live)
    try:
        watched.poll(3)
        assert len(live.app.spool) == 0
        yield watched
    finally:
        live.close()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_what_is_observed_during_an_outage_is_stored_afterwards(
    outage: Watched, server: Server, way: str
) -> None:
    getattr(server, way)()
    outage.poll(5)
    assert outage.world.database is not None
    assert not outage.world.database.up
    assert len(outage.world.app.spool) == 5
    assert outage.world.sync("success", "main", "balances") == "1"
    assert outage.world.errors("main", "balances") == {}

    server.start()
    outage.wait_until_up()
    outage.poll(2)
    assert len(outage.world.app.spool) == 0
    assert stored(server.url) == outage.seen


def test_an_unchanged_answer_is_one_snapshot_across_an_outage(
    tmp_path: Path, server: Server
) -> None:
    page = b'{"balances": [{"currency_code": "BTC", "available": "3.5", "locked": "0"}]}'
    with world(tmp_path, server.url, pages={"/account/balances": page}) as live:
        for outage in (False, True, False):
            if outage:
                server.stop()
            for _ in range(4):
                live.tick(EVERY_S)
                assert live.poll("main", "balances") == "ok"
            if outage:
                assert len(live.app.spool) == 1
                server.start()
                wait_until(lambda: live.database is not None and live.database.up)
    with psycopg.connect(server.url) as connection:
        spans = connection.execute(
            "SELECT last_observed_at - first_observed_at FROM onetrading.snapshots"
            " WHERE stream = 'balances'"
        ).fetchall()
    assert spans == [(timedelta(seconds=11 * EVERY_S),)]


def test_a_restart_during_the_outage_keeps_what_waits(
    simulator: Simulator, tmp_path: Path, server: Server
) -> None:
    """A start without Postgres works, twice, and all is stored when it comes."""
    url = server.url
    server.stop()
    seen: Seen = []
    for start in range(3):
        live = World(simulator, tmp_path, accounts=("main",), database_url=url)
        watched = Watched(live)
        watched.seen = seen
        live.clock.at = EVERY_S * len(seen)
        try:
            if start == 2:
                server.start()
                watched.wait_until_up()
            watched.poll(3)
            seen = watched.seen
            assert len(live.app.spool) == (0 if start == 2 else len(seen))
        finally:
            live.close()
    assert stored(url) == seen


def test_sessions_that_are_ended_all_the_time_cost_nothing(outage: Watched, server: Server) -> None:
    done = threading.Event()

    def terminate() -> None:
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'onetrading-exporter'"
        )
        with psycopg.connect(server.url, autocommit=True) as connection:
            while not done.wait(0.05):
                connection.execute(query)

    ender = threading.Thread(target=terminate)
    ender.start()
    try:
        outage.poll(25)
    finally:
        done.set()
        ender.join()
    outage.wait_until_up()
    outage.poll(2)
    assert len(outage.world.app.spool) == 0
    assert stored(server.url) == outage.seen


def test_streams_that_come_back_at_the_same_time_lose_nothing(
    simulator: Simulator, tmp_path: Path, server: Server
) -> None:
    """One thread stores what waits of all; the others must not overtake it with newer responses."""
    live = World(simulator, tmp_path, database_url=server.url)
    accounts = ("main", "hedge", "spot")
    seen: dict[str, Seen] = {account: [] for account in accounts}

    def poll() -> None:
        live.tick(EVERY_S)
        for account in accounts:
            balance = f"{1 + len(seen[account])}.5"
            simulator.override_balance(account, "BTC", available=balance)
            seen[account].append((live.clock.at, balance))
        with ThreadPoolExecutor(len(accounts)) as pool:
            outcomes = pool.map(lambda account: live.poll(account, "balances"), accounts)
            assert list(outcomes) == ["ok"] * len(accounts)

    try:
        poll()
        server.stop()
        for _ in range(30):
            poll()
        server.start()
        wait_until(lambda: live.database is not None and live.database.up)
        for _ in range(5):
            poll()
        live.app.snapshots.drain_if_possible()
        assert len(live.app.spool) == 0
        for account in accounts:
            assert stored(server.url, account) == seen[account]
    finally:
        live.close()


def test_a_full_spool_drops_the_oldest_and_counts(
    outage: Watched, server: Server, tmp_path: Path
) -> None:
    live = outage.world
    server.stop()
    outage.poll()
    size = sum(file.stat().st_size for file in (tmp_path / "data" / "spool").iterdir())
    live.app.spool.limit_bytes = int(4.5 * size)
    outage.poll(9)
    assert len(live.app.spool) == 4
    assert live.app.spool.dropped == 6
    server.start()
    outage.wait_until_up()
    outage.poll()
    assert stored(server.url) == outage.seen[:3] + outage.seen[-5:]


def test_a_spool_file_that_is_of_no_use_is_set_aside_and_holds_up_nothing(
    simulator: Simulator, tmp_path: Path, server: Server
) -> None:
    folder = tmp_path / "data" / "spool"
    folder.mkdir(parents=True)
    useless = {
        "000000000001-main-balances.json": b"",
        "000000000002-main-balances.json": b'{"account": "main"}',
        "000000000003-main-balances.json": b'{"account": "\xff"}',
        "000000000004-main-balances.json": b"\0" * 100,
    }
    for name, content in useless.items():
        (folder / name).write_bytes(content)
    spool = Spool(folder)
    spool.put(spooled("main", "balances", '{"no": "balances"}'))
    spool.put(spooled("gone", "balances", '{"balances": []}'))
    (folder / "notes.json").write_text("somebody's notes")
    (folder / "000000000009-main-balances.part").write_text("a write that was cut")

    url = server.url
    live = World(simulator, tmp_path, accounts=("main",), database_url=url)
    watched = Watched(live)
    try:
        watched.poll(3)
        assert stored(url) == watched.seen
        aside = sorted(file.name for file in folder.glob("*.bad"))
        assert aside == [f"{n:012d}-main-balances.bad" for n in range(1, 6)]
        # An account that is not configured now may be again.
        assert [path.name for path, _ in live.app.spool.waiting()] == [
            "000000000006-gone-balances.json"
        ]
        assert (folder / "notes.json").exists()
    finally:
        live.close()


def test_an_answer_that_waits_while_the_clock_is_put_back_is_stored(
    simulator: Simulator, tmp_path: Path, server: Server
) -> None:
    """Its last instant is then before its first; it would hold up its stream for good."""
    spool = Spool(tmp_path / "data" / "spool")
    with world(tmp_path) as before:
        body = before.accounts["main"].client.get("account/balances", {}, priority=Priority.LIVE)
    waited = spooled("main", "balances", body.decode())
    spool.put(msgspec.structs.replace(waited, last=waited.first - timedelta(seconds=2)))
    live = World(simulator, tmp_path, accounts=("main",), database_url=server.url)
    try:
        assert live.poll("main", "balances") == "ok"
        assert len(live.app.spool) == 0
    finally:
        live.close()


def spooled(account: str, stream: str, body: str) -> Spooled:
    """A response that has waited since before the start."""
    at = START - timedelta(hours=1)
    return Spooled(account, stream, at, at, body)


def test_history_catches_up_by_coverage(
    simulator: Simulator, tmp_path: Path, server: Server
) -> None:
    """Five hours are missing; the tail alone reads one."""
    live = World(simulator, tmp_path, accounts=("main",), database_url=server.url)
    try:
        assert live.fill("main", "trades")
        assert live.poll("main", "trades") == "ok"
        counted = live.domain("trades", "main")
        assert counted
        server.kill()
        for _ in range(5 * 60):
            live.tick(60)
            assert live.poll("main", "trades") == "failed"
        assert live.domain("trades", "main") == counted
        assert set(live.errors("main", "trades")) == {"database"}
        server.start()
        wait_until(lambda: live.database is not None and live.database.up)
        assert live.poll("main", "trades") == "ok"
        assert gap_s(live) > 3600
        assert live.fill("main", "trades")
        assert live.poll("main", "trades") == "ok"
        assert gap_s(live) == 0
        truth = {item["trade"]["trade_id"] for item in simulator.truth("trades", "main")}
        with psycopg.connect(server.url) as connection:
            rows = connection.execute("SELECT trade_id::text FROM onetrading.trades").fetchall()
        assert len(rows) == len(truth)
        assert {trade_id for (trade_id,) in rows} == truth
    finally:
        live.close()


def gap_s(live: World) -> float:
    """Seconds of history not proven, as /metrics shows it."""
    series = 'onetrading_coverage_gap_seconds{account="main",stream="trades"}'
    return float(live.shown()[series])


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_postgres_that_refuses_to_write_is_like_one_that_is_away(
    simulator: Simulator, tmp_path: Path, server: Server, from_the_start: bool
) -> None:
    """As after a failover to a replica: it accepts queries, but no writes.

    Sessions that were opened meanwhile stay read-only when that is over, and nobody ends them.
    """
    url = server.url
    World(simulator, tmp_path, accounts=(), database_url=url).close()  # for the schema
    with writes_refused(url) if from_the_start else nullcontext():
        live = World(simulator, tmp_path, accounts=("main",), database_url=url)
        watched = Watched(live)
        if from_the_start:
            watched.poll(3)
            assert len(live.app.spool) == 3
    try:
        if not from_the_start:
            watched.poll(2)
            with writes_refused(url) as end_sessions:
                end_sessions()
                watched.poll(3)
                assert len(live.app.spool) == 3
                assert live.database is not None
                assert not live.database.up
                assert "accepts no writes" in live.database.away.why
        watched.wait_until_up()
        watched.poll(2)
        assert len(live.app.spool) == 0
        assert stored(url) == watched.seen
    finally:
        live.close()


@contextmanager
def writes_refused(url: str) -> Iterator[Callable[[], object]]:
    """New sessions are read-only in this block; it gets what ends those that are not."""
    name = database_of(url)
    switch = f"ALTER DATABASE {name} SET default_transaction_read_only TO "
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((switch + "on").encode())
        yield lambda: connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'onetrading-exporter'"
        )
        connection.execute((switch + "off").encode())


def test_the_service_goes_on_without_postgres_and_catches_up(
    tmp_path: Path, server: Server
) -> None:
    """Real time, real timers, all streams; a client that scrapes without a pause."""
    up, spool = "onetrading_database_up", "onetrading_spool_snapshots"
    with Simulator(history_days=1) as simulator:
        names = ("BALANCES", "POSITIONS", "PORTFOLIO", "TICKERS", "FUNDING_RATES")
        more = {f"ONETRADING_INTERVAL_{name}": "200ms" for name in names} | {
            "DATABASE_URL": server.url,
            "ONETRADING_REQUESTS_PER_MINUTE": "100000",
            "ONETRADING_HISTORY_START": (simulator.now - timedelta(hours=20)).isoformat(),
        }
        with running(environment(simulator, tmp_path, more=more), tmp_path / "log") as run:
            run.wait_until_ready()
            run.wait_for(up, 1)
            balance = 0

            def moves() -> None:
                nonlocal balance
                for _ in range(5):
                    balance += 1
                    simulator.override_balance("main", "BTC", available=str(balance))
                    run.wait_for(BTC, balance)

            moves()
            server.stop()
            moves()
            run.wait_for(up, 0)
            moves()
            assert (run.value(spool) or 0) > 0
            server.start()
            moves()
            run.wait_for(up, 1)
            run.wait_for(spool, 0)

            with standing_still(server.url):
                moves()
                assert run.status()["database_up"] is False
            run.wait_until(lambda: run.status()["spooled_snapshots"] == 0, "it never catches up")
            assert run.status()["database_up"] is True
            moves()
            code, _ = run.terminate()
            assert code == 0
            run.check_log()
        balances = [int(float(found)) for _, found in stored(server.url)]
        moved = [found for found in balances if found in range(1, balance + 1)]
        assert moved == sorted(moved)
        assert set(moved) == set(range(1, balance + 1))
