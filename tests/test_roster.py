"""Accounts that come and go: what is polled, exported and held follows from the edits alone."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.service import Service
from exporter.simulator import AccountSpec, Simulator
from exporter.streams import STREAMS
from tests.support.clocks import START
from tests.support.config_file import ConfigFile
from tests.support.expositions import samples, text_families
from tests.support.waiting import wait_until

NAMES = ("main", "hedge", "desk", "old-desk")
OF_EXCHANGE = ("main", "hedge", "spot")
PRIVATE = [s.name for s in STREAMS if not s.public and not s.requires_database]
PUBLIC = [s.name for s in STREAMS if s.public and not s.requires_database]
CHOICES = [None, ("balances",), ("balances", "positions")]
_ACCOUNT = re.compile(r'account="([^"]*)"')


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def exchange() -> Simulator:
    """Three accounts that hardly trade, on a clock that stands still."""
    specs = [AccountSpec(name, futures=name != "spot", trades_per_day=1) for name in OF_EXCHANGE]
    return Simulator(now=START, speed=0, history_days=1, accounts=specs)


def text_of(service: Service) -> str:
    return service.app.metrics.render("", "")[0].decode()


def exported(service: Service) -> set[str]:
    """The accounts of which there is any series at all."""
    return set(_ACCOUNT.findall(text_of(service)))


def settle(service: Service) -> None:
    """What happens within two seconds of an edit."""
    service.config.look()
    service.config.look()


class Edits(RuleBasedStateMachine):
    """Edits of the file, and what a service that follows it must be like after each."""

    def __init__(self) -> None:
        super().__init__()
        self.simulator = exchange()
        self._folder = tempfile.TemporaryDirectory()
        self.file = ConfigFile(Path(self._folder.name), self.simulator)
        self.accounts: dict[str, str] = {}
        """Name to the account of the exchange whose token it has."""
        self.streams: dict[str, tuple[str, ...]] = {}
        self.ok = True
        self.polled: set[str] = set()
        """Names whose balances were read since they came, or changed."""
        self.file.write({})
        self.service = Service(self.file.settings())
        settle(self.service)

    def teardown(self) -> None:
        self.service.app.close()
        self.simulator.stop()
        self._folder.cleanup()

    def edit(self, accounts: dict[str, str], streams: dict[str, tuple[str, ...]]) -> None:
        for name in self.accounts.keys() | accounts.keys():
            before = self.accounts.get(name), self.streams.get(name)
            if before != (accounts.get(name), streams.get(name)):
                self.polled.discard(name)
        self.accounts, self.streams, self.ok = accounts, streams, True
        self.file.write(accounts, streams)
        settle(self.service)

    def left(self) -> list[str]:
        return [name for name in OF_EXCHANGE if name not in self.accounts.values()]

    @precondition(lambda self: self.left() and len(self.accounts) < len(NAMES))
    @rule(data=st.data(), streams=st.sampled_from(CHOICES))
    def add(self, data: st.DataObject, streams: tuple[str, ...] | None) -> None:
        name = data.draw(st.sampled_from([n for n in NAMES if n not in self.accounts]))
        token_of = data.draw(st.sampled_from(self.left()))
        chosen = {} if streams is None else {name: streams}
        self.edit({**self.accounts, name: token_of}, self.streams | chosen)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.accounts)))
        accounts = {n: of for n, of in self.accounts.items() if n != name}
        self.edit(accounts, {n: s for n, s in self.streams.items() if n != name})

    @precondition(lambda self: self.accounts)
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        """Also to the name of another account, which then has its old one."""
        one = data.draw(st.sampled_from(sorted(self.accounts)))
        other = data.draw(st.sampled_from(NAMES))
        swap = {one: other, other: one}
        accounts = {swap.get(name, name): of for name, of in self.accounts.items()}
        streams = {swap.get(name, name): found for name, found in self.streams.items()}
        self.edit(accounts, streams)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), streams=st.sampled_from(CHOICES))
    def choose(self, data: st.DataObject, streams: tuple[str, ...] | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.accounts)))
        others = {n: s for n, s in self.streams.items() if n != name}
        self.edit(dict(self.accounts), others | ({} if streams is None else {name: streams}))

    @rule(text=st.sampled_from(["", "[[accounts]", 'nonsense = "x"\n', '[[accounts]]\nname = "a"']))
    def spoil(self, text: str) -> None:
        self.file.path.write_text(text)
        self.ok = False
        settle(self.service)

    @rule()
    def poll(self) -> None:
        """Values of accounts that leave are to be withdrawn."""
        for sync in self.service.app.syncs:
            if sync.stream.name == "balances":
                assert self.service.app.runner.run(sync) == "ok"
                self.polled.add(sync.account.name)

    @invariant()
    def everything_fits(self) -> None:
        service, everybody = self.service, {*self.accounts, PUBLIC_ACCOUNT}
        keys = {(PUBLIC_ACCOUNT, stream) for stream in PUBLIC} | {
            (name, stream) for name in self.accounts for stream in self.streams.get(name, PRIVATE)
        }
        assert list(service.app.accounts) == [*self.accounts, PUBLIC_ACCOUNT]
        assert {sync.key for sync in service.app.syncs} == keys
        assert {f"{account}/{stream}" for account, stream in keys} | {"heartbeat"} == set(
            service._scheduler.due()
        )
        found = samples(text_families(text_of(service)))  # fails on a duplicate
        labels = {name: [dict(of) for n, of in found if n == name] for name, _ in found}
        series = labels["onetrading_sync_success"]
        assert {(one["account"], one["stream"]) for one in series} == keys
        assert exported(service) == everybody
        shown = {one["account"] for one in labels.get("onetrading_balance_available", [])}
        assert shown == self.polled
        ids = self.simulator.account_ids
        for name in self.polled:
            assert service.app.accounts[name].account_id == ids[self.accounts[name]]
        state = service.config.state
        assert state is not None and state.ok == self.ok
        assert found["onetrading_config_last_reload_successful", ()] == self.ok
        report = service._reporter.report()
        assert [account.account for account in report.accounts] == list(service.app.accounts)
        assert {(s.account, s.stream) for s in report.streams} == keys


Edits.TestCase.settings = hypothesis_settings(
    max_examples=12, stateful_step_count=10, deadline=None, derandomize=True
)
test_edits = Edits.TestCase


@pytest.fixture
def file(tmp_path: Path, simulator: Simulator) -> ConfigFile:
    simulator.set_faults()
    return ConfigFile(tmp_path, simulator)


@pytest.fixture
def service(file: ConfigFile) -> Iterator[Service]:
    """One that follows `main` and `hedge`, and that nobody has started."""
    file.write({"main": "main", "hedge": "hedge"})
    found = Service(file.settings())
    yield found
    found.app.close()


def test_a_request_in_flight_is_ended_and_leaves_no_trace(
    service: Service, file: ConfigFile, simulator: Simulator
) -> None:
    """It would take longer than anybody waits, and its end must not bring a series back."""
    simulator.set_faults(latency_ms=20_000)
    syncs = [sync for sync in service.app.syncs if sync.account.name == "hedge"]
    unit = next(unit for unit in service.app.roster.units if unit.name == "hedge")
    (task, *_) = unit.tasks(service.app.runner)
    asked = len(simulator.requests)
    ended: list[bool] = []
    running = threading.Thread(target=lambda: ended.append(task.work()))
    running.start()
    wait_until(lambda: len(simulator.requests) > asked)
    file.write({"main": "main"})
    service.config.read()
    running.join(5)
    assert ended
    assert "hedge" not in exported(service)
    # Nor does one that begins only now, or what was measured by then.
    assert task.work()
    service.app.metrics.streams.record_failure(*syncs[0].key, "timeout")
    service.app.metrics.instrumentation.record_request("hedge", "account/balances", "200", 0.1)
    service.app.metrics.service.set_token_scope("hedge", "read", True)
    assert "hedge" not in exported(service)
    assert service.app.metrics.streams.errors() == []


def test_the_request_budget_belongs_to_the_token(service: Service, file: ConfigFile) -> None:
    """An edit, or a new name, does not let the token send more than before."""
    before = service.app.rate_limiters
    file.write({"desk": "main", "hedge": "hedge", "spot": "spot"}, {"hedge": ("balances",)})
    service.config.read()
    after = service.app.rate_limiters
    assert after["desk"] is before["main"]
    assert after["hedge"] is before["hedge"]
    assert after["spot"] not in before.values()


def test_a_name_that_comes_back_begins_anew(service: Service, file: ConfigFile) -> None:
    for sync in service.app.syncs:
        if sync.key == ("hedge", "balances"):
            assert service.app.runner.run(sync) == "ok"
    counted = 'onetrading_sync_duration_seconds_count{account="hedge",stream="balances"}'
    assert f"{counted} 1.0" in text_of(service)
    for accounts in ({"main": "main"}, {"main": "main", "hedge": "spot"}):
        file.write(accounts)
        service.config.read()
    assert f"{counted} 0.0" in text_of(service)
    assert service.app.accounts["hedge"].account_id is None


def test_an_account_that_stays_notices_nothing(service: Service, file: ConfigFile) -> None:
    (unit,) = (unit for unit in service.app.roster.units if unit.name == "main")
    file.write({"hedge": "spot", "desk": "hedge", "main": "main"})
    service.config.read()
    assert unit in service.app.roster.units
    assert not unit.stop.is_set()
