"""The threads that run tasks: few, however many tasks there are; plugged into APScheduler.

Its own executor starts a thread for each run that is due at the same time, or, if it is limited,
lets runs wait in the order in which they came. `urgency` says who is next here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job

from exporter.scheduler.urgency import Limits, Run, UrgentQueue

_FIRST_WITHIN_S = 15.0
"""The first turn of a task, or another one after a failure, should not wait longer, however seldom
the task is run: else it waits behind all that is run often, as long as there is too much to do."""
_LOOK_AGAIN_S = 1.0
"""A run that waits begins without another event when others turn out to be slow."""


class Task(NamedTuple):
    """Something to do at an interval. ``work`` returns whether it succeeded."""

    name: str
    interval: timedelta
    work: Callable[[], bool]


@dataclass
class Turn:
    """A task, and how its runs go: the only argument of its job."""

    task: Task
    began: int = 0
    """So many runs."""
    failures: int = 0
    """In a row."""
    waiting: bool = False
    """A run is due and has no worker yet."""
    running: bool = False
    again: bool = False
    """To be run once more when the run in progress ends."""


class _Due(NamedTuple):
    """What APScheduler submits."""

    job: Job
    run_times: Sequence[datetime]


class Workers(BaseExecutor):  # type: ignore[misc]  # the library has no types
    """Runs the jobs of turns in threads that are started when they are needed.

    ``steady`` returns seconds; ``on_begin`` is called with the name of a task and how many seconds
    late its run begins.
    """

    def __init__(
        self,
        name: str,
        limits: Limits,
        *,
        steady: Callable[[], float],
        on_begin: Callable[[str, float], None],
    ) -> None:
        super().__init__()
        self._name = name
        self._most = limits.workers + limits.additional
        self._steady = steady
        self._on_begin = on_begin
        self._queue = UrgentQueue[_Due](limits)
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False
        self._changed = threading.Condition()
        """Guards all of this."""

    def lateness(self) -> dict[str, float]:
        """Of the tasks of each stream, how many seconds one has waited for a worker at most."""
        with self._changed:
            now, due = self._steady(), dict[str, float]()
            for run in self._queue.waiting():
                stream = run.task.partition("/")[2]
                due[stream] = min(due.get(stream, run.due), run.due)
        return {stream: now - at for stream, at in due.items()}

    def forget(self, name: str) -> None:
        """Drop the turn of a task that waits: it has been removed."""
        with self._changed:
            dropped = self._queue.forget(name)
        if dropped:
            self._run_job_success(name, ())

    def shutdown(self, wait: bool = True) -> None:
        """Begin nothing that waits. ``wait``: until what has begun has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if wait:
            for thread in self._threads:
                thread.join()

    def _do_submit_job(self, job: Job, run_times: Sequence[datetime]) -> None:
        (turn,) = job.args
        due, interval_s = job.trigger.was_due_at, turn.task.interval.total_seconds()
        first = turn.failures or not turn.began
        within_s = min(interval_s, _FIRST_WITHIN_S) if first else interval_s
        with self._changed:
            if not self._closed:
                self._start_one()
                turn.waiting = True
                self._queue.put(turn.task.name, due, due + within_s, _Due(job, run_times))
                self._changed.notify()

    def _start_one(self) -> None:
        """Start a thread unless one is free for what comes. Raises RuntimeError if there is none
        at all, and none can be started."""
        if self._idle > len(self._queue) or len(self._threads) >= self._most:
            return
        thread = threading.Thread(
            target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        """A worker, until the end."""
        while (run := self._wait()) is not None:
            try:
                self._perform(run.work)
            finally:
                with self._changed:
                    self._queue.ended(run, self._steady())

    def _wait(self) -> Run[_Due] | None:
        """The next run; None once there will be none any more."""
        with self._changed:
            while not self._closed:
                run = self._queue.next(self._steady())
                if run is not None:
                    self._on_begin(run.task, self._steady() - run.due)
                    return run
                self._idle += 1
                self._changed.wait(_LOOK_AGAIN_S if len(self._queue) else None)
                self._idle -= 1
        return None

    def _perform(self, due: _Due) -> None:
        job = due.job
        events = run_job(job, job._jobstore_alias, due.run_times, self._logger.name)
        self._run_job_success(job.id, events)
