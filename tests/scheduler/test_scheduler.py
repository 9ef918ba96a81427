"""When tasks run: again after a run in progress, and never two runs of one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.scheduler import Event, Limits, Scheduler, SteadyInterval, Task, offset_of
from tests.support.waiting import wait_until

SELDOM = timedelta(hours=1)
NAMES = ("main/trades", "main/balances", "main2/trades", "hedge/trades", "prune")


class Work:
    """A task that lasts until it is let go, and counts its runs."""

    def __init__(self) -> None:
        self.began = 0
        self.ended = 0
        self.most_at_once = 0
        self.go = threading.Semaphore(0)

    def __call__(self) -> bool:
        self.began += 1
        self.most_at_once = max(self.most_at_once, self.began - self.ended)
        assert self.go.acquire(timeout=30)
        self.ended += 1
        return True


@contextmanager
def running(**works: Work) -> Iterator[tuple[Scheduler, list[Event]]]:
    """A scheduler with the balances of each account, all of which run, and what it reports."""
    events: list[Event] = []
    tasks = [Task(f"{account}/balances", SELDOM, work) for account, work in works.items()]
    scheduler = Scheduler(tasks, heartbeat=lambda: None, on_event=events.append)
    scheduler.start()
    try:
        wait_until(lambda: all(work.began == 1 for work in works.values()))
        yield scheduler, events
    finally:
        for work in works.values():
            work.go.release(10)
        scheduler.stop()


def is_due(scheduler: Scheduler, account: str) -> bool:
    """Whether the account's balances are to run soon."""
    return scheduler.due()[f"{account}/balances"] - datetime.now(UTC) < timedelta(minutes=30)


def test_a_task_that_is_running_runs_again_once() -> None:
    """However often that is asked for, and without a run that the scheduler has to skip."""
    work = Work()
    with running(main=work) as (scheduler, events):
        for _ in range(3):
            scheduler.run_now({"main"})
        assert not is_due(scheduler, "main")
        work.go.release(5)
        wait_until(lambda: work.ended == 2)
    # It has stopped: no run is in progress.
    assert (work.ended, work.most_at_once, events) == (2, 1, [])


def test_a_task_that_waits_for_its_turn_runs_at_once() -> None:
    """Those of other accounts do not."""
    mine, other = Work(), Work()
    with running(main=mine, hedge=other) as (scheduler, _):
        mine.go.release()
        other.go.release()
        wait_until(lambda: mine.ended == other.ended == 1)
        scheduler.run_now({"mai"})
        assert not is_due(scheduler, "main")
        scheduler.run_now({"main"})
        assert not is_due(scheduler, "hedge")
        mine.go.release()
        wait_until(lambda: mine.ended == 2)
        assert other.began == 1


class SlowLog(logging.Handler):
    """Delays APScheduler between the end of a run and the moment from which another may begin."""

    def emit(self, record: logging.LogRecord) -> None:
        if "executed successfully" in record.getMessage():
            time.sleep(0.3)


@pytest.fixture
def slow_log() -> Iterator[None]:
    logger, handler = logging.getLogger("apscheduler.executors.default"), SlowLog()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.usefixtures("slow_log")
def test_a_run_that_was_skipped_for_one_that_has_ended_is_made_up_for() -> None:
    work = Work()
    with running(main=work) as (scheduler, events):
        work.go.release(2)
        wait_until(lambda: work.ended == 1)
        scheduler.run_now({"main"})
        wait_until(lambda: work.ended == 2)
        assert set(events) <= {"max_instances"}


def test_a_run_that_raises_leaves_its_task_ready_to_run() -> None:
    failures = iter([True, False])
    done = threading.Event()

    def fail_once() -> bool:
        if next(failures):
            raise RuntimeError("a bug")
        done.set()
        return True

    events: list[Event] = []
    task = Task("main/balances", SELDOM, fail_once)
    scheduler = Scheduler([task], heartbeat=lambda: None, on_event=events.append)
    scheduler.start()
    try:
        wait_until(lambda: events == ["error"])
        scheduler.run_now({"main"})
        assert done.wait(30)
    finally:
        scheduler.stop()


def test_every_task_of_an_account_runs_at_once_and_no_other() -> None:
    runs: Counter[str] = Counter()

    def task(name: str) -> Task:
        def work() -> bool:
            runs[name] += 1
            return True

        return Task(name, SELDOM, work)

    scheduler = Scheduler(
        [task(name) for name in NAMES], heartbeat=lambda: None, on_event=lambda _event: None
    )
    scheduler.start()
    try:
        wait_until(lambda: len(runs) == len(NAMES), "not every task runs at the start")
        scheduler.run_now({"main"})
        wait_until(lambda: runs["main/trades"] > 1 and runs["main/balances"] > 1)
    finally:
        scheduler.stop()
    assert runs == dict.fromkeys(NAMES, 1) | {"main/trades": 2, "main/balances": 2}


@given(
    name=st.text(min_size=1),
    interval_s=st.floats(1, 86_400),
    tasks=st.integers(1, 10_000),
)
def test_a_task_begins_within_its_interval_and_soon_where_there_are_few(
    name: str, interval_s: float, tasks: int
) -> None:
    """Always at the same offset, which no other task changes but by their number."""
    task = Task(name, timedelta(seconds=interval_s), lambda: True)
    offset = offset_of(task, tasks)
    assert timedelta(0) <= offset < task.interval
    assert offset == offset_of(task._replace(work=lambda: False), tasks)
    assert offset_of(task, 20) <= timedelta(seconds=0.2)


@pytest.mark.parametrize("prefix", ["account", "a", "main-"])
def test_many_tasks_do_not_begin_in_the_same_instant(prefix: str) -> None:
    """Names that differ in a digit only are spread as evenly as any others."""
    streams = ("balances", "positions", "portfolio", "trades", "funding_payments")
    tasks = [
        Task(f"{prefix}{n}/{stream}", timedelta(seconds=15), lambda: True)
        for n in range(300)
        for stream in streams
    ]
    begin = Counter(int(offset_of(task, len(tasks)).total_seconds()) for task in tasks)
    assert set(begin) == set(range(15))
    assert max(begin.values()) < 150


def test_skipped_runs_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """However many there are; each is counted."""
    works = {f"a{n}": Work() for n in range(20)}
    tasks = [
        Task(f"{account}/balances", timedelta(seconds=0.2), work) for account, work in works.items()
    ]
    events: list[Event] = []
    scheduler = Scheduler(tasks, heartbeat=lambda: None, on_event=events.append)
    with caplog.at_level(logging.INFO, "exporter"):
        scheduler.start()
        try:
            wait_until(lambda: events.count("max_instances") > 60)
        finally:
            for work in works.values():
                work.go.release(100)
            scheduler.stop()
    assert sum("skipped a run" in text for text in caplog.messages) == 1


def test_a_turn_that_was_due_while_the_machine_was_suspended_begins_at_once() -> None:
    """Its steady clock went on; no time of day tells that the turn is due.

    The same with a time of day that is set: tests/service/test_clock_steps.py.
    """
    runs: list[float] = []
    suspended_s = 0.0

    def work() -> bool:
        runs.append(time.monotonic())
        return True

    scheduler = Scheduler(
        [Task("main/balances", SELDOM, work)],
        heartbeat=lambda: None,
        on_event=lambda _event: None,
        steady=lambda: time.monotonic() + suspended_s,
    )
    scheduler.start()
    try:
        wait_until(lambda: len(runs) == 1)
        suspended_s = 2.5 * SELDOM.total_seconds()
        wait_until(lambda: len(runs) == 2, "no turn after the suspension")
        left = scheduler.due()["main/balances"] - datetime.now(UTC)
        assert SELDOM / 3 < left < SELDOM
    finally:
        scheduler.stop()


@given(
    interval_s=st.integers(1, 3_600),
    waits=st.lists(st.tuples(st.floats(0, 10_000), st.floats(-0.04, 2), st.floats(0, 4_000))),
)
def test_turns_keep_their_places_on_the_steady_clock(
    interval_s: int, waits: list[tuple[float, float, float]]
) -> None:
    """Missed ones are left out, late starts do not add up, and an advanced one moves the rest."""
    at = 1_000.0
    wall = datetime(2026, 3, 1, tzinfo=UTC)
    trigger = SteadyInterval(timedelta(seconds=interval_s), lambda: at)
    place = at  # of a turn that was due
    for idle, late, delay in waits:
        if trigger.advance(timedelta(seconds=delay)):
            place = at + delay
        due = at + (trigger.at(wall) - wall).total_seconds()
        at = max(at, due + late + (idle if late > 1 else 0))
        following = trigger.get_next_fire_time(wall, wall)
        assert following == trigger.get_next_fire_time(following, wall)
        left_s = (following - wall).total_seconds()
        assert 0 < left_s <= interval_s + 0.06
        turns = (at + left_s - place) / interval_s
        assert abs(turns - round(turns)) * interval_s < 0.001


def test_accounts_that_hang_hold_up_nobody_else() -> None:
    """Although their runs would fill all workers; there are no threads beyond the limit."""
    limits = Limits(workers=8, additional=4, slow_s=0.2)
    stuck = [Work() for _ in range(12)]
    tasks = [
        Task(f"bad{n // 3}/{'abc'[n % 3]}", timedelta(seconds=1), work)
        for n, work in enumerate(stuck)
    ]
    runs: list[float] = []

    def respond() -> bool:
        runs.append(time.monotonic())
        return True

    good = Task("good/d", timedelta(seconds=0.3), respond)
    scheduler = Scheduler(
        [*tasks, good], heartbeat=lambda: None, on_event=lambda _event: None, limits=limits
    )
    before = threading.active_count()
    scheduler.start()
    try:
        wait_until(lambda: sum(work.began for work in stuck) >= limits.workers)
        some = len(runs)
        wait_until(lambda: len(runs) >= some + 3, "the account that responds is held up")
        workers = [t for t in threading.enumerate() if t.name.startswith("worker-")]
        assert len(workers) <= limits.workers + limits.additional
        wait_until(lambda: max(scheduler.lateness().values()) > 1)
        assert scheduler.lateness()["d"] < max(scheduler.lateness().values())
    finally:
        for work in stuck:
            work.go.release(100)
        scheduler.stop()
    assert threading.active_count() <= before


def test_a_turn_that_waits_is_dropped_with_its_task() -> None:
    limits = Limits(workers=1, additional=0)
    first, second = Work(), Work()
    tasks = [Task("a/x", SELDOM, first), Task("b/x", SELDOM, second)]
    scheduler = Scheduler(
        tasks[:1], heartbeat=lambda: None, on_event=lambda _event: None, limits=limits
    )
    scheduler.start()
    try:
        wait_until(lambda: first.began == 1)
        scheduler.add(tasks[1:])
        wait_until(lambda: scheduler.lateness().get("x", 0) > 0.1)
        scheduler.remove(["b/x"])
        scheduler.add([Task("b/x", SELDOM, second)])  # as when an account has changed
        second.go.release(5)
        first.go.release(5)
        wait_until(lambda: second.ended == 1)
    finally:
        scheduler.stop()
    assert second.ended == 1


def test_what_is_run_seldom_is_tried_again_before_what_is_run_often() -> None:
    """After a failure: at the start a pass may come before it is known who reads an account."""
    results, order = iter([False]), list[str]()
    first = threading.Event()
    blocked = Work()

    def seldom() -> bool:
        order.append("seldom")
        first.set()
        return next(results, True)

    def often() -> bool:
        order.append("often")
        return True

    tasks = [Task("a/seldom", SELDOM, seldom)]
    limits = Limits(workers=1, additional=0)
    scheduler = Scheduler(
        tasks, heartbeat=lambda: None, on_event=lambda _event: None, limits=limits
    )
    scheduler.start()
    try:
        assert first.wait(30)
        scheduler.add([Task("b/blocked", SELDOM, blocked)])
        wait_until(lambda: blocked.began == 1)
        wait_until(lambda: scheduler.lateness().get("seldom", 0) > 0.2)
        scheduler.add([Task("c/often", timedelta(minutes=10), often)])
        wait_until(lambda: scheduler.lateness().get("often", 0) > 0.1)
        blocked.go.release(5)
        wait_until(lambda: "often" in order and order.count("seldom") == 2)
    finally:
        blocked.go.release(5)
        scheduler.stop()
    assert order[:2] == ["seldom", "seldom"]
