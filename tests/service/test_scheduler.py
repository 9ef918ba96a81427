"""When tasks run: again after a run in progress, and never two runs of one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from exporter.scheduler import Event, Scheduler, Task
from tests.support.waiting import wait_until

SELDOM = timedelta(hours=1)


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
    """A scheduler with each work as `main/name`, and what it reports."""
    events: list[Event] = []
    tasks = [Task(f"main/{name}", SELDOM, work) for name, work in works.items()]
    scheduler = Scheduler(tasks, heartbeat=lambda: None, on_event=events.append)
    scheduler.start()
    try:
        yield scheduler, events
    finally:
        for work in works.values():
            work.go.release(10)
        scheduler.stop()


def test_a_task_that_is_running_runs_again_once() -> None:
    """However often that is asked for, and without a run that the scheduler has to skip."""
    work = Work()
    with running(balances=work) as (scheduler, events):
        wait_until(lambda: work.began == 1)
        for _ in range(3):
            scheduler.run_now("main")
        work.go.release(2)
        wait_until(lambda: work.ended == 2)
        assert "main/balances" in scheduler.due()
        work.go.release(2)
        assert (work.ended, work.most_at_once, events) == (2, 1, [])


def test_a_task_that_waits_for_its_turn_runs_at_once() -> None:
    """Those of other accounts do not."""
    mine, other = Work(), Work()
    with running(balances=mine, trades=other) as (scheduler, _):
        wait_until(lambda: mine.began == other.began == 1)
        mine.go.release(1)
        wait_until(lambda: mine.ended == 1)
        scheduler.run_now("mai")
        scheduler.run_now("hedge")
        mine.go.release(1)
        assert mine.began == 1

        def again() -> bool:
            scheduler.run_now("main")
            return mine.ended == 2

        wait_until(again)


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
        scheduler.run_now("main")
        assert done.wait(30)
    finally:
        scheduler.stop()
