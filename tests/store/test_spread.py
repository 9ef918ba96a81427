"""How accounts spread over processes: evenly, all of them, and then nothing moves any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from exporter.store.leases import Leases
from exporter.store.spread import PATIENCE_S, SETTLED_S, Spread
from tests.support.clocks import Clock

QUIET_S = 30
"""After the last change everything has found its place."""


@dataclass
class Shared:
    """What Postgres knows: who holds which lease, and who has asked for it."""

    keys: list[str]
    holder: dict[str, str] = field(default_factory=dict)
    asked_by: dict[str, str] = field(default_factory=dict)


@dataclass
class Process:
    """A process that looks once a second, and gives up what it was asked for a second before."""

    name: str
    knows: list[str]
    spread: Spread
    leaving: set[str] = field(default_factory=set)

    def look(self, shared: Shared, now: float) -> None:
        for key in self.leaving:
            shared.holder.pop(key, None)
        ours = {key for key in self.knows if shared.holder.get(key) == self.name}
        self.leaving = {key for key in ours if shared.asked_by.get(key, self.name) != self.name}
        rest = [key for key in self.knows if key not in ours]
        free = [key for key in rest if key not in shared.holder]
        held = {key: shared.holder[key] for key in rest if key in shared.holder}
        asked = {key for key in rest if shared.asked_by.get(key) == self.name}
        reserved = {key for key in free if shared.asked_by.get(key, self.name) != self.name}
        first, mine = sorted(asked & set(free)), len(ours - self.leaving)
        taken = self.spread.to_take(free, first, reserved, held, mine, now)
        for key in taken:
            shared.holder[key] = self.name
            shared.asked_by.pop(key, None)
        meant = {key: shared.asked_by.get(key, holder) for key, holder in held.items()}
        others = {key: holder for key, holder in meant.items() if holder != self.name}
        coming = len(taken) + len(asked & held.keys())
        for key in self.spread.to_request(others, mine + coming, now):
            shared.asked_by[key] = self.name


def settle(shared: Shared, processes: list[Process], began: int, seconds: int) -> int:
    """Let all look, once in each second."""
    for now in range(began, began + seconds):
        for process in processes:
            process.look(shared, now)
    return began + seconds


def let_go(shared: Shared, process: Process) -> None:
    """It has ended, and its leases are free; its requests count no more."""
    for known in (shared.holder, shared.asked_by):
        for key in [key for key, name in known.items() if name == process.name]:
            del known[key]


@given(
    accounts=st.integers(1, 40),
    changes=st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 5)), max_size=8),
    most=st.one_of(st.just(inf), st.integers(1, 20)),
)
def test_they_spread_evenly_and_stay(
    accounts: int, changes: list[tuple[bool, int, int]], most: float
) -> None:
    """Whatever came and went before; ``most`` may leave some to nobody, and no more than needed."""
    shared = Shared([f"a{n}" for n in range(accounts)])
    processes = [Process("p0", shared.keys, Spread(most))]
    now = settle(shared, processes, 0, 1)
    for number, (comes, which, seconds) in enumerate(changes, 1):
        if comes or len(processes) == 1:
            processes.append(Process(f"p{number}", shared.keys, Spread(most)))
        else:
            let_go(shared, processes.pop(which % len(processes)))
        now = settle(shared, processes, now, seconds)
    now = settle(shared, processes, now, QUIET_S)
    counts = Counter({process.name: 0 for process in processes}) + Counter()
    counts.update(dict.fromkeys((process.name for process in processes), 0))
    counts.update(shared.holder.values())
    assert sum(counts.values()) == min(accounts, most * len(processes))
    assert max(counts.values()) - min(counts.values()) <= 1
    before = dict(shared.holder)
    settle(shared, processes, now, QUIET_S)
    assert shared.holder == before


def test_processes_spread_what_they_have_in_common() -> None:
    """One that knows some accounts alone keeps these."""
    shared = Shared([f"a{n}" for n in range(12)])
    one = Process("one", shared.keys[:8], Spread())
    other = Process("other", shared.keys[4:], Spread())
    settle(shared, [one, other], 0, QUIET_S)
    assert set(shared.holder) == set(shared.keys)
    assert {shared.holder[key] for key in shared.keys[:4]} == {"one"}
    assert {shared.holder[key] for key in shared.keys[8:]} == {"other"}


def test_who_has_just_started_asks_for_nothing() -> None:
    spread, held = Spread(), {f"a{n}": "other" for n in range(6)}
    assert spread.to_request(held, 0, 100.0) == []
    assert spread.to_request(held, 0, 100.0 + SETTLED_S - 1) == []
    assert len(spread.to_request(held, 0, 100.0 + SETTLED_S)) == 3


def test_what_another_one_has_asked_for_is_left_to_it_for_a_while() -> None:
    spread = Spread()
    assert spread.to_take(["a"], (), {"a"}, {}, 0, 100.0) == []
    assert spread.to_take(["a"], (), {"a"}, {}, 0, 100.0 + PATIENCE_S) == ["a"]


@contextmanager
def processes(url: str, clock: Clock, accounts: int, number: int) -> Iterator[list[Leases]]:
    """The leases of some processes, on one database and with one clock."""
    ids = {f"a{n}": f"{n:08}-0000-4000-8000-000000000000" for n in range(accounts)}
    with ExitStack() as stack:
        several = []
        for n in range(number):
            leases = Leases(lambda: url, f"p{n}", ids, monotonic=clock.monotonic)
            stack.callback(leases.stop)
            several.append(leases)
        yield several


def held_by(leases: Leases, accounts: int) -> set[str]:
    """The accounts that a process may read."""
    return {name for n in range(accounts) if leases.state(name := f"a{n}") == "held"}


def test_a_process_that_comes_gets_its_share_and_gives_it_back(database_url: str) -> None:
    """No account is read by two at any time, and none by nobody for longer than two looks."""
    clock, unread = Clock(), Counter[str]()
    with processes(database_url, clock, 10, 3) as (first, second, third):
        running = [first]

        def look(seconds: int) -> list[int]:
            for _ in range(seconds):
                clock.at += 1
                for leases in running:
                    leases.renew()
                held = [held_by(leases, 10) for leases in running]
                assert sum(map(len, held)) == len(set().union(*held))
                for name in {f"a{n}" for n in range(10)}.difference(*held):
                    unread[name] += 1
            return [len(held_by(leases, 10)) for leases in running]

        assert look(1) == [10]
        running.append(second)
        assert look(10) == [5, 5]
        running.append(third)
        assert sorted(look(10)) == [3, 3, 4]
        first.stop()
        running.remove(first)
        assert look(5) == [5, 5]
        assert max(unread.values()) <= 4
        moved = held_by(second, 10)
        assert look(20) == [5, 5]
        assert held_by(second, 10) == moved
