"""The request budget of a token, where several processes send with it: moved, and shared."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import LiteralString, NamedTuple

import psycopg
import pytest

from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.store.budgets import Budgets
from exporter.store.database import Database
from exporter.store.leases import Leases

MAIN = "a0000000-0000-4000-8000-000000000001"
LIMIT = 1_200


class Side(NamedTuple):
    """A process that sends with the token of account `main`."""

    limiter: RateLimiter
    budgets: Budgets
    leases: Leases
    waits: list[float]
    """How long it has waited for a service, each time in seconds."""


@contextmanager
def sides(url: str) -> Iterator[Callable[[str | None], Side]]:
    """Makes services by name, and commands, which have none; all end with the block."""
    known = "INSERT INTO onetrading.accounts (account_id, name) VALUES (%s, 'main')"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(known, [MAIN])
    with ExitStack() as stack:

        def side(holder: str | None) -> Side:
            stop = threading.Event()
            limiter = RateLimiter(LIMIT, monotonic=time.monotonic, stop=stop)
            database = Database(lambda: url, lambda _connection: None)
            database.open()
            stack.callback(database.close)
            waits: list[float] = []

            def wait(seconds: float) -> None:
                waits.append(seconds)
                stop.wait(seconds)

            budgets = Budgets(lambda: {"main": limiter}, holder, lambda: database, wait)
            leases = Leases(lambda: url, holder or "", {"main": MAIN}, budgets=budgets)
            stack.callback(leases.stop)
            return Side(limiter, budgets, leases, waits)

        yield side


def execute(url: str, statement: LiteralString) -> None:
    """Do what no process does by itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def spend(limiter: RateLimiter, requests: int, priority: Priority = Priority.LIVE) -> None:
    for _ in range(requests):
        limiter.acquire(priority)


def test_what_was_spent_moves_with_the_account(database_url: str) -> None:
    """Who takes it over may send what is left, and no more."""
    with sides(database_url) as side:
        one, other = side("one"), side("other")
        one.leases.renew()
        full = one.limiter.remaining
        assert full == one.limiter.burst, "the account is new: nobody has sent anything"
        spend(one.limiter, 20)
        left_s = one.limiter.full_in_s
        one.leases.stop()
        other.leases.renew()
        assert other.leases.state("main") == "held"
        # Some time has passed meanwhile, in which a little was filled again.
        assert left_s - 0.5 < other.limiter.full_in_s <= left_s + 0.05


def test_of_a_process_that_crashed_everything_counts_as_spent(database_url: str) -> None:
    with sides(database_url) as side:
        one, other = side("one"), side("other")
        one.leases.renew()
        execute(database_url, "DELETE FROM onetrading_sync.leases")
        other.leases.renew()
        assert other.leases.state("main") == "held"
        assert other.limiter.full_in_s == pytest.approx(other.limiter.burst_s, abs=0.5)


def test_a_command_and_the_service_stay_within_one_limit(database_url: str) -> None:
    """Whatever each of them sends, from when the command begins to when it has ended."""
    with sides(database_url) as side:
        service, command = side("service"), side(None)
        service.leases.renew()
        service.leases.start()
        sent: list[float] = []

        def send(limiter: RateLimiter, priority: Priority, until: float) -> None:
            while time.monotonic() < until:
                limiter.acquire(priority)
                sent.append(time.monotonic())

        began = time.monotonic()
        threads = [threading.Thread(target=send, args=(service.limiter, 0, began + 8))]
        threads[0].start()
        command.budgets.share(["main"])
        shared_from = time.monotonic()
        threads.append(threading.Thread(target=send, args=(command.limiter, 1, began + 8)))
        threads[1].start()
        for thread in threads:
            thread.join()
        assert shared_from < began + 8, "the service does not acknowledge it"
        sent.sort()
        interval_s = service.limiter.burst_s / service.limiter.burst
        # On a busy machine a thread may note what it sent a little late.
        late_s = 1.0
        for first in range(0, len(sent), 10):
            for last in range(first, len(sent), 10):
                span_s = sent[last] - sent[first] + late_s
                assert last - first <= service.limiter.burst + span_s / interval_s


def test_a_command_without_a_service_waits_for_nobody(database_url: str) -> None:
    with sides(database_url) as side:
        command, other = side(None), side(None)
        for one in (command, other):
            one.budgets.share(["main"])
            assert one.waits == []
        spend(command.limiter, 3, Priority.HISTORY)
        spend(other.limiter, 3, Priority.HISTORY)


def test_a_service_that_gets_the_account_of_a_command_shares_from_its_first_request(
    database_url: str,
) -> None:
    """It starts, or takes the account over, while the command sends."""
    with sides(database_url) as side:
        command, service = side(None), side("service")
        command.budgets.share(["main"])
        service.leases.renew()
        query = "SELECT acknowledged_by, full_at FROM onetrading_sync.budgets"
        with psycopg.connect(database_url, autocommit=True) as connection:
            [(holder, before)] = connection.execute(query).fetchall()
            service.limiter.acquire(Priority.LIVE)
            [(_, after)] = connection.execute(query).fetchall()
        assert holder == "service"
        assert after > before, "its request was not taken there"


def test_a_command_does_not_wait_for_a_service_that_crashed(database_url: str) -> None:
    """Its lease has not expired yet, but no process of its name runs on this machine."""
    with sides(database_url) as side:
        crashed = subprocess.run(
            [sys.executable, "-c", "from exporter.store.holder import *; print(new_holder())"],
            capture_output=True,
            text=True,
            check=True,
        )
        service, command = side(crashed.stdout.strip()), side(None)
        service.leases.renew()
        command.budgets.share(["main"])
        assert command.waits == []


def test_a_pause_of_the_token_pauses_all_who_share_it(database_url: str) -> None:
    with sides(database_url) as side:
        command, other = side(None), side(None)
        for one in (command, other):
            one.budgets.share(["main"])
        command.limiter.pause(2.0)
        began = time.monotonic()
        other.limiter.acquire(Priority.HISTORY)
        assert time.monotonic() - began > 1.0


def test_a_service_keeps_its_budget_by_itself_again(database_url: str) -> None:
    """Once the command has ended for a while; what it spent counts."""
    with sides(database_url) as side:
        service, command = side("service"), side(None)
        service.leases.renew()
        thread = threading.Thread(target=command.budgets.share, args=(["main"],))
        thread.start()
        while thread.is_alive():
            service.leases.renew()
        execute(database_url, "UPDATE onetrading_sync.budgets SET shared_until = now()")
        service.leases.renew()
        assert service.limiter.full_in_s == pytest.approx(service.limiter.burst_s, abs=0.5)
        service.limiter.acquire(Priority.LIVE)
