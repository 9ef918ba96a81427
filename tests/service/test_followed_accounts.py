"""Accounts that are edited under a running service, on a real Postgres."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.app import App, enabled
from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.service import Service
from exporter.simulator import Simulator
from exporter.store.lease_view import claim_of
from tests.support.config_file import ConfigFile
from tests.support.process import running
from tests.support.service import get, status
from tests.support.stored_snapshots import ask
from tests.support.waiting import wait_until
from tests.support.world import exchange

STREAMS = "balances,trades"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path, simulator: Simulator, database_url: str) -> ConfigFile:
    return ConfigFile(tmp_path, simulator, DATABASE_URL=database_url, ONETRADING_STREAMS=STREAMS)


@contextmanager
def serving(file: ConfigFile) -> Iterator[tuple[Service, str]]:
    """A service that follows the file, and its address."""
    service, before = Service(file.settings()), sys.getswitchinterval()
    try:
        service.start()
        yield service, f"http://127.0.0.1:{service.server.port}"
    finally:
        service.stop()
        sys.setswitchinterval(before)


def wait_until_read(base: str, *accounts: str) -> None:
    """Wait until these accounts are all that there are, and have been read completely."""

    def complete() -> bool:
        streams = status(base)["streams"]
        ready = all(
            s["success"] and (not s["coverage"] or s["coverage"]["proven_ratio"] == 1)
            for s in streams
        )
        return ready and [s["account"] for s in streams[::2]] == list(accounts)

    wait_until(complete, f"not all of {accounts} are read")


def names(database_url: str) -> dict[str, tuple[str, bool]]:
    """The name that Postgres knows each account by: its id, and whether it has left."""
    rows = ask(
        database_url,
        "SELECT name, account_id::text, left_at IS NOT NULL FROM onetrading.accounts"
        " WHERE name <> 'public'",
    )
    return {name: (account_id, left) for name, account_id, left in rows}


def held(database_url: str) -> set[str]:
    """The accounts whose lease somebody holds, by id; claims are not among them."""
    rows = ask(
        database_url,
        "SELECT account_id::text FROM onetrading_sync.leases"
        " JOIN onetrading.accounts USING (account_id) WHERE expires_at > now()",
    )
    return {account_id for (account_id,) in rows}


def facts(database_url: str) -> list[tuple[str, int]]:
    """How many trades there are of each account, by id."""
    return ask(
        database_url,
        "SELECT account_id::text, count(*) FROM onetrading.trades GROUP BY 1 ORDER BY 1",
    )


def test_accounts_come_and_go_under_a_running_service(
    simulator: Simulator, file: ConfigFile, database_url: str
) -> None:
    ids = simulator.account_ids
    file.write({"main": "main", "hedge": "hedge"})
    with serving(file) as (service, base):
        wait_until_read(base, "main", "hedge")
        known = facts(database_url)
        assert {account_id for account_id, _ in known} == {ids["main"], ids["hedge"]}
        assert held(database_url) == {ids["main"], ids["hedge"]}

        # Gone, of its own accord.
        file.write({"main": "main"})
        wait_until(lambda: service.app.roster.chosen_streams().keys() == {"main", PUBLIC_ACCOUNT})
        assert 'account="hedge"' not in get(base, "/metrics")
        wait_until(lambda: names(database_url)["hedge"] == (ids["hedge"], True))
        assert held(database_url) == {ids["main"]}
        assert not [t for t in threading.enumerate() if t.name == "backfill-hedge"]
        assert facts(database_url) == known

        # Renamed: the history stays with the account.
        file.write({"desk": "main"})
        service.config.read()
        wait_until_read(base, "desk")
        assert names(database_url) == {"desk": (ids["main"], False), "hedge": (ids["hedge"], True)}
        assert held(database_url) == {ids["main"]}
        assert facts(database_url) == known
        assert 'account="main"' not in get(base, "/metrics")
        trades = 'onetrading_sync_success{account="desk",stream="trades"} 1'
        assert trades in get(base, "/metrics")

        # Back, and another one with fewer streams.
        file.write({"desk": "main", "hedge": "hedge", "spot": "spot"}, {"spot": ("balances",)})
        service.config.read()
        wait_until(lambda: names(database_url)["hedge"] == (ids["hedge"], False))
        wait_until(lambda: {ids["spot"]} < held(database_url))
        assert service.app.chosen_streams() == {
            "desk": ["balances", "trades"],
            "hedge": ["balances", "trades"],
            "spot": ["balances"],
            PUBLIC_ACCOUNT: [],
        }
        wait_until(lambda: all(s["success"] for s in status(base)["streams"]))
        assert facts(database_url) == known


def test_a_bad_edit_is_told_everywhere_and_changes_nothing(
    simulator: Simulator, file: ConfigFile, database_url: str
) -> None:
    """Here it names an account by what Postgres knows as the name of another one."""
    ids = simulator.account_ids
    file.write({"main": "main", "hedge": "hedge"})
    with serving(file) as (service, base):
        wait_until_read(base, "main", "hedge")
        before = names(database_url)
        file.write({"main": "hedge", "hedge": "main"}, head='log_level = "debug"')
        service.config.read()
        assert "onetrading_config_last_reload_successful 0" in get(base, "/metrics")
        found = status(base)
        assert found["config"]["last_reload_successful"] is False
        one, other = found["config"]["faults"]
        assert (
            f"knows the name main as account {ids['main']}, but its token reads {ids['hedge']}"
            in one
        )
        assert f"knows the name hedge as account {ids['hedge']}" in other
        text = "The configuration file changed but is not usable, the accounts stay as they are"
        assert [text in finding["text"] for finding in found["findings"]].count(True) == 1
        assert text in get(base, "/")
        assert names(database_url) == before
        assert all(
            unit.configured is None or not unit.stop.is_set() for unit in service.app.roster.units
        )

        # As the message says.
        for accounts in ({"main": "main"}, {"tmp": "main"}, {"tmp": "main", "main": "hedge"}):
            file.write(accounts, head='log_level = "debug"')
            service.config.read()
            wait_until_read(base, *accounts)
        assert {name: account_id for name, (account_id, _) in names(database_url).items()} == {
            "tmp": ids["main"],
            "main": ids["hedge"],
        }
        assert "onetrading_config_last_reload_successful 1" in get(base, "/metrics")
        found = status(base)
        assert found["config"]["needs_restart"] == ["ONETRADING_LOG_LEVEL"]
        assert "changed ONETRADING_LOG_LEVEL: that needs a restart" in get(base, "/")


def test_what_leaves_here_may_stay_elsewhere(
    simulator: Simulator, file: ConfigFile, database_url: str, tmp_path: Path
) -> None:
    """Two services, of which one is told first: the other one takes the account over at once."""
    (tmp_path / "other").mkdir()
    other = ConfigFile(
        tmp_path / "other", simulator, DATABASE_URL=database_url, ONETRADING_STREAMS=STREAMS
    )
    for one in (file, other):
        one.write({"main": "main"})
    with serving(file) as (first, base):
        wait_until_read(base, "main")
        with serving(other) as (second, _):
            wait_until(lambda: second.app.storage.stands_by("main"))
            file.write({})
            first.config.read()
            wait_until(lambda: second.app.storage.leads("main"), within_s=10)
            assert "main" not in first.app.accounts
            here = (simulator.account_ids["main"], False)
            wait_until(lambda: names(database_url)["main"] == here)
            # Both again: one of them stands by.
            file.write({"main": "main"})
            first.config.read()
            wait_until(lambda: first.app.storage.stands_by("main"))
            asked = len(simulator.requests)
            assert [first.app.runner.run(sync) for sync in first.app.syncs] == ["standing by"] * 2
            mine = [r for r in list(simulator.requests)[asked:] if r.account == "main"]
            assert len(mine) <= 4  # of the other one


def test_a_pass_in_flight_ends_before_the_lease_is_released(
    simulator: Simulator, file: ConfigFile, database_url: str
) -> None:
    """And nothing is written by this process from then on, until it has the account again."""
    file.write({"main": "main"})
    settings = file.settings()
    app = App(settings, enabled(settings), holder="first")
    try:
        assert app.open_database()
        assert app.leases is not None
        app.leases.renew()
        unit, _ = app.roster.units
        tasks = unit.tasks(app.runner)
        assert all(task.work() for task in tasks)
        account_id = simulator.account_ids["main"]
        assert held(database_url) == {account_id}
        simulator.set_faults(latency_ms=10_000)
        threads = [threading.Thread(target=task.work) for task in tasks]
        asked = len(simulator.requests)
        for thread in threads:
            thread.start()
        wait_until(lambda: len(simulator.requests) >= asked + 2)
        app.roster.change(())
        assert not any(thread.is_alive() for thread in threads)
        assert held(database_url) == set()
        assert app.leases.state("main") == "unknown"
        before = ask(database_url, "SELECT count(*), max(xmin::text) FROM onetrading_sync.progress")
        assert all(task.work() for task in tasks)  # too late: it does nothing
        assert before == ask(
            database_url, "SELECT count(*), max(xmin::text) FROM onetrading_sync.progress"
        )
        app.leases.renew()
        assert held(database_url) == set()
    finally:
        app.close()


def test_what_waits_on_disk_is_stored_under_a_new_name(
    simulator: Simulator, file: ConfigFile, database_url: str
) -> None:
    file.write({"main": "main"})
    settings = file.settings()
    app = App(settings, enabled(settings), holder="first")
    try:
        assert app.open_database()
        assert app.database is not None and app.leases is not None
        app.leases.renew()
        (sync,) = (sync for sync in app.syncs if sync.stream.name == "balances")
        assert app.runner.run(sync) == "ok"
        simulator.advance(60)
        app.database.close()
        assert app.runner.run(sync) == "ok"
        assert app.spool.holds("main", "balances")
    finally:
        app.close()
    file.write({"desk": "main"})
    settings = file.settings()
    app = App(settings, enabled(settings))
    try:
        assert app.open_database()
        simulator.advance(60)
        (sync,) = (sync for sync in app.syncs if sync.stream.name == "balances")
        assert app.runner.run(sync) == "ok"
        assert len(app.spool) == 0
        assert list(names(database_url)) == ["desk"]
    finally:
        app.close()


def test_a_claim_goes_with_its_name(file: ConfigFile, database_url: str) -> None:
    """Nobody has read the account yet, so that it has no id."""
    file.write({"main": "main"})
    settings = file.settings()
    app = App(settings, enabled(settings), holder="first")
    try:
        assert app.open_database()
        assert app.leases is not None
        app.leases.renew()
        released = "SELECT expires_at < now() FROM onetrading_sync.leases WHERE account_id = %s"
        assert ask(database_url, released, claim_of("main")) == [(False,)]
        app.roster.change(())
        assert ask(database_url, released, claim_of("main")) == [(True,)]
    finally:
        app.close()


def test_sighup_has_the_file_read_at_once(tmp_path: Path, simulator: Simulator) -> None:
    """By the real command, which stays ready meanwhile."""
    file = ConfigFile(tmp_path, simulator, ONETRADING_STREAMS="balances")
    file.write({})
    with running(file.environ, tmp_path / "log") as run:
        run.wait_until_ready()
        assert "onetrading_balance_available" not in run.get("/metrics").text
        simulator.set_faults(latency_ms=2_000)
        file.write({"main": "main"})
        run.process.send_signal(signal.SIGHUP)
        run.wait_until(lambda: "the configuration file changed: accounts added: main" in run.log)
        assert "SIGHUP: reading the configuration file" in run.log
        assert run.get("/-/ready").status == 200
        run.wait_for('onetrading_sync_success{account="main",stream="balances"}', 1)
        file.path.write_text("[[accounts]")
        run.wait_for("onetrading_config_last_reload_successful", 0)
        assert "is not valid TOML" in run.log
        assert run.terminate()[0] == 0


def test_an_account_that_is_added_takes_no_service_out_of_service(
    tmp_path: Path, simulator: Simulator
) -> None:
    file = ConfigFile(tmp_path, simulator, ONETRADING_STREAMS="balances,tickers")
    file.write({})
    with serving(file) as (service, base):
        tried = service.app.metrics.streams.summaries
        wait_until(lambda: all(state.tried for state in tried()))
        assert get(base, "/-/ready") == "ready\n"
        simulator.set_faults(latency_ms=10_000)
        file.write({"main": "main"})
        service.config.read()
        untried = [s for s in service.app.metrics.streams.summaries() if not s.tried]
        assert [(s.account, s.stream) for s in untried] == [("main", "balances")]
        assert get(base, "/-/ready") == "ready\n"
