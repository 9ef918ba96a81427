"""Two real processes with one Postgres: who leads which account, and when that changes."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from exporter.simulator import Simulator
from tests.support.process import Run
from tests.support.waiting import wait_until
from tests.support.world import ACCOUNTS, environment, exchange

NAMES = {*ACCOUNTS, "public"}
MOVES_WITHIN_S = 30.0
"""After a crash, or a suspension."""
_BALANCES = re.compile(r'^onetrading_balance_available\{account="(\w+)"', re.MULTILINE)
_LEADER = re.compile(r'^onetrading_exporter_leader\{account="(\w+)"\} (\d)$', re.MULTILINE)


class Pair(NamedTuple):
    """Two processes that were started in the same moment."""

    runs: tuple[Run, Run]
    simulator: Simulator

    def leads(self) -> list[set[str]]:
        """The accounts that each process says it leads; none for one that has ended."""
        return [led(run) for run in self.runs]

    def wait_until_spread(self) -> None:
        """Until each account is led by one of them, and no process leads more than one more."""
        wait_until(self._spread, self.why)

    def _spread(self) -> bool:
        first, second = self.leads()
        return first | second == NAMES and not first & second and abs(len(first) - len(second)) <= 1

    def why(self) -> str:
        """What they say and have logged."""
        return f"{self.leads()}\n" + "\n\n".join(run.log[-3000:] for run in self.runs)


def led(run: Run) -> set[str]:
    """The accounts that a process says it leads."""
    if not run.base or run.process.poll() is not None:
        return set()
    found = _LEADER.findall(run.get("/metrics").text)
    assert {account for account, _ in found} == NAMES
    return {account for account, value in found if value == "1"}


@contextmanager
def pair(folder: Path, database_url: str) -> Iterator[Pair]:
    """Two processes on a database that neither has used before."""
    with exchange() as simulator, ExitStack() as stack:
        runs = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            env = environment(simulator, folder / name, more={"DATABASE_URL": database_url})
            runs.append(Run(env, folder / name / "log"))
            stack.callback(runs[-1].process.wait)
            stack.callback(runs[-1].process.kill)
        for run in runs:
            run.wait_until_serving()
        yield Pair((runs[0], runs[1]), simulator)


def test_the_accounts_spread_from_the_first_second_on(
    tmp_path: Path, empty_database_url: str
) -> None:
    """Also those that Postgres does not know yet: each is read by one, each process has some."""
    with pair(tmp_path, empty_database_url) as two:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            first, second = two.leads()
            assert not first & second
        two.wait_until_spread()
        for run in two.runs:
            run.wait_until_ready()
        first, second = two.leads()
        for run, own in zip(two.runs, (first, second), strict=True):
            wait_until(partial(shows, run, own - {"public"}), two.why)
            assert "lost to another process" not in run.log
            body = run.status()
            assert {a["account"] for a in body["accounts"] if a["leader"]} == own

        leaving, staying = two.runs
        leaving.terminate()
        wait_until(lambda: led(staying) == NAMES, two.why, within_s=10)


def cut_leases(url: str, stop: threading.Event) -> Counter[str]:
    """Cut the connection over which leases were renewed last, once a second; by holder."""
    found: Counter[str] = Counter()
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.wait(1.0):
            found.update(
                holder
                for holder, _ in connection.execute(
                    "SELECT holder, pg_terminate_backend(backend_pid, 5000)"
                    " FROM (SELECT DISTINCT holder, backend_pid FROM onetrading_sync.leases) AS l"
                )
            )
    return found


def shows(run: Run, accounts: set[str]) -> bool:
    """Whether a process exports balances of these accounts, and of no others."""
    return set(_BALANCES.findall(run.get("/metrics").text)) == accounts


def test_a_cut_connection_moves_nothing(tmp_path: Path, database_url: str) -> None:
    with pair(tmp_path, database_url) as two:
        two.wait_until_spread()
        before = two.leads()
        stop, cuts = threading.Event(), list[Counter[str]]()
        cutter = threading.Thread(target=lambda: cuts.append(cut_leases(database_url, stop)))
        cutter.start()
        try:
            until = time.monotonic() + 15
            while time.monotonic() < until:
                assert two.leads() == before, two.why()
        finally:
            stop.set()
            cutter.join()
        assert len(cuts[0]) == 2
        assert min(cuts[0].values()) >= 5
        assert not any("lost to another process" in run.log for run in two.runs)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["crash", "suspension"])
def test_every_account_moves_from_a_process_that_is_gone(
    how: signal.Signals, tmp_path: Path, database_url: str
) -> None:
    with pair(tmp_path, database_url) as two:
        two.wait_until_spread()
        gone, other = two.runs
        gone.process.send_signal(how)
        wait_until(lambda: led(other) == NAMES, lambda: other.log, within_s=MOVES_WITHIN_S)
        if how == signal.SIGSTOP:
            gone.process.send_signal(signal.SIGCONT)
            two.wait_until_spread()
