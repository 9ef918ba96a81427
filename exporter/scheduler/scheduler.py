"""When streams are read: one job per account and stream, never two runs at a time, none dropped.

The job store is in memory: what is due after a restart follows from Postgres, not from a file of
jobs. A run that is late runs late instead of being dropped, and several that were missed run once.
A run that failed long before its next turn is retried soon.

Runs are made by a bounded number of workers, the most urgent one first: `workers`, `urgency`.
Chores have a few of their own, since some of them go through whole tables.

Tasks do not begin in the same instant: each has an offset of its own, which is the same at every
start (`offset_of`), and keeps it since its interval counts from its run before.

Turns follow a steady clock, but APScheduler plans by the time of day. So each turn's place on the
steady clock is kept by its trigger, and a watchdog plans all turns again when the two drift apart:
our clock was set, or the machine was suspended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Literal

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from exporter.logs.recurring import Recurring
from exporter.model.window import EPOCH
from exporter.scheduler.job_store import SortedJobStore
from exporter.scheduler.lateness import Lateness
from exporter.scheduler.trigger import SteadyInterval
from exporter.scheduler.urgency import Limits
from exporter.scheduler.workers import Task, Turn, Workers

_log = logging.getLogger(__name__)

Event = Literal["missed", "error", "max_instances"]
_EVENTS: dict[int, Event] = {
    EVENT_JOB_MISSED: "missed",
    EVENT_JOB_ERROR: "error",
    EVENT_JOB_MAX_INSTANCES: "max_instances",
}
_MESSAGES: dict[Event, str] = {
    "missed": "missed a run: the process was suspended or is overloaded",
    "error": "a run raised an exception",
    "max_instances": "skipped a run: the previous one has not ended",
}
_HEARTBEAT = timedelta(seconds=5)
PASSES = Limits(workers=32, additional=6)
"""Workers for passes. They wait for responses most of the time: so many make some 250 requests a
second of 100 ms each, about what one core can handle."""
_CHORES = Limits(workers=3, additional=0)
_WATCH_EVERY_S = 0.5
_JUMP_S = 1.0
"""A clock that is slewed, as NTP does, moves by less in the meantime."""
_FIRST_RETRY = timedelta(seconds=1)
_LAST_RETRY = timedelta(minutes=1)
_PACE = timedelta(milliseconds=10)
"""How far apart tasks begin on average, where their interval leaves room for it."""
_LONGEST_SPREAD = timedelta(seconds=20)
"""Within so much every task begins for the first time, however seldom it is run."""


def offset_of(task: Task, tasks: int) -> timedelta:
    """How long after the start a task begins, as one of so many: less than its interval.

    It depends on the task's name alone. A few tasks begin almost at once, many are spread out.
    """
    share = int.from_bytes(blake2b(task.name.encode(), digest_size=4).digest()) / 2**32
    return min(task.interval, tasks * _PACE, _LONGEST_SPREAD) * share


class Scheduler:
    """Runs tasks at their intervals, the first time soon (`offset_of`).

    ``heartbeat`` is called every few seconds through the same machinery; ``on_event`` for each
    missed, failed or overlapping run.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        heartbeat: Callable[[], None],
        on_event: Callable[[Event], None],
        steady: Callable[[], float] = time.monotonic,
        limits: Limits = PASSES,
    ) -> None:
        self._on_event = on_event
        self._heartbeat = heartbeat
        self._recurring = Recurring()
        self._tasks = 0
        self._steady = steady
        self._stopping = threading.Event()
        self._planned_apart = self._apart()
        """The time of day less the steady clock's when the first turns were planned."""
        self._watchdog = threading.Thread(target=self._watch, name="scheduler-watchdog")
        self._lock = threading.Lock()
        """Guards `waiting`, `running` and `again` of the turns."""
        self._lateness = Lateness()
        self._workers = self._pool("worker", limits)
        self._chores = self._pool("chore", _CHORES)
        self._scheduler = self._background()
        self._scheduler.add_listener(self._notice, sum(_EVENTS))
        self._scheduler.add_job(
            self._beat,
            SteadyInterval(_HEARTBEAT, steady),
            executor="heartbeat",
            id="heartbeat",
            next_run_time=_wall(),
        )
        self.add(tasks)

    def _background(self) -> BackgroundScheduler:
        return BackgroundScheduler(
            timezone=UTC,
            jobstores={"default": SortedJobStore()},
            executors={
                "default": self._workers,
                "chores": self._chores,
                "heartbeat": ThreadPoolExecutor(1),
            },
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def _pool(self, name: str, limits: Limits) -> Workers:
        return Workers(
            name,
            limits,
            steady=self._steady,
            on_begin=lambda task, late_s: self._lateness.note(task, late_s, self._steady()),
        )

    def add(self, tasks: Sequence[Task]) -> None:
        """Run these tasks, too; none may have the name of another one."""
        self._tasks += len(tasks)
        for task in tasks:
            self._add(task)

    def remove(self, names: Collection[str]) -> None:
        """Begin no more runs of the tasks of these names. One in progress goes on to its end."""
        for name in names:
            with suppress(JobLookupError):
                self._scheduler.remove_job(name)
                self._tasks -= 1
            self._workers.forget(name)

    def _add(self, task: Task) -> None:
        first = self._offset(task)
        self._scheduler.add_job(
            self._run,
            SteadyInterval(task.interval, self._steady, first),
            args=[Turn(task)],
            id=task.name,
            executor="default" if "/" in task.name else "chores",
            next_run_time=_wall() + first,
        )

    def _offset(self, task: Task) -> timedelta:
        return offset_of(task, self._tasks)

    def start(self) -> None:
        """Begin; every task runs soon."""
        self._scheduler.start()
        self._watchdog.start()

    def due(self) -> dict[str, datetime]:
        """When each task runs next, by name."""
        now = _wall()
        return {job.id: job.trigger.at(now) for job in self._scheduler.get_jobs()}

    def lateness(self) -> dict[str, float]:
        """By stream, how many seconds after its turn a pass began, or still waits for a worker: the
        longest of the last one to two minutes."""
        return self._lateness.worst(self._workers.lateness(), self._steady())

    def run_now(self, accounts: Collection[str]) -> None:
        """Run every task of these accounts, named `account/...`, soon, at their usual offsets.

        One that is running runs again afterwards.
        """
        for job in self._scheduler.get_jobs():
            account, slash, _ = job.id.partition("/")
            if slash and account in accounts:
                self._bring_forward(job)

    def run_soon(self, name: str) -> None:
        """Run one task soon; nothing when there is none of this name."""
        job = self._scheduler.get_job(name)
        if job is not None:
            self._bring_forward(job)

    def _bring_forward(self, job: Job) -> None:
        (turn,) = job.args
        with self._lock:
            turn.again = turn.running
            soon = turn.running or turn.waiting
        if not soon:
            self._advance(job, self._offset(turn.task))

    def stop(self) -> None:
        """Start no new runs and wait for those in progress, which the caller has asked to stop."""
        self._stopping.set()
        # Two steps: `shutdown(wait=True)` waits while it holds a lock that an ending run needs.
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for workers in (self._workers, self._chores):
            workers.shutdown(wait=True)
        if self._watchdog.is_alive():
            self._watchdog.join()

    def _run(self, turn: Turn) -> None:
        if self._work(turn):
            turn.failures = 0
            return
        turn.failures += 1
        delay = min(_FIRST_RETRY * 2 ** min(turn.failures - 1, 10), _LAST_RETRY)
        job = self._scheduler.get_job(turn.task.name)
        if job is not None:
            self._advance(job, delay)

    def _work(self, turn: Turn) -> bool:
        """Run the task, once more for as long as `run_now` asked for that meanwhile."""
        try:
            while True:
                with self._lock:
                    turn.waiting, turn.running, turn.again = False, True, False
                    turn.began += 1
                succeeded = turn.task.work()
                with self._lock:
                    turn.running = turn.again
                    if not turn.again:
                        return succeeded
        finally:
            turn.running = False

    def _advance(self, job: Job, delay: timedelta) -> None:
        """Let the next run be after ``delay``, unless it is earlier anyway."""
        if job.trigger.advance(delay):
            self._plan(job)

    def _plan(self, job: Job) -> None:
        """Let the next run be when the steady clock says that it is due."""
        with suppress(JobLookupError):  # stopped just now
            job.modify(next_run_time=job.trigger.at(_wall()))

    def _watch(self) -> None:
        """Plan all turns again whenever the time of day jumps away from the steady clock."""
        apart = self._planned_apart
        while not self._stopping.wait(_WATCH_EVERY_S):
            jumped_s = (self._apart() - apart).total_seconds()
            if abs(jumped_s) < _JUMP_S:
                continue
            apart = self._apart()
            for job in self._scheduler.get_jobs():
                self._plan(job)
            _log.warning(
                "the local clock was set %s by %.1f s: planned all polls again",
                "forward" if jumped_s > 0 else "back",
                abs(jumped_s),
            )

    def _apart(self) -> timedelta:
        return _wall() - EPOCH - timedelta(seconds=self._steady())

    def _make_up_for(self, name: str) -> None:
        """A run was skipped because of one that has ended by now: do not wait an interval."""
        job = self._scheduler.get_job(name)
        if job is not None and not any(turn.running or turn.waiting for turn in job.args):
            self._advance(job, _FIRST_RETRY)

    def _beat(self) -> None:
        for kind, count in self._recurring.summaries():
            _log.warning("scheduler: %d times again in the last minute: %s", count, kind)
        self._heartbeat()

    def _notice(self, event: JobEvent) -> None:
        self._on_event(_EVENTS[event.code])
        if event.code == EVENT_JOB_MAX_INSTANCES:
            self._make_up_for(event.job_id)
        message = _MESSAGES[_EVENTS[event.code]]
        if event.code != EVENT_JOB_ERROR and self._recurring.is_first(message):
            # The task of a stream is named `account/stream`.
            account, _, stream = event.job_id.partition("/")
            facts = {"account": account, "stream": stream} if stream else {}
            level = logging.INFO if event.code == EVENT_JOB_MAX_INSTANCES else logging.WARNING
            _log.log(level, "scheduler: %s", message, extra=facts)


def _wall() -> datetime:
    """The time of day as APScheduler sees it."""
    return datetime.now(UTC)
