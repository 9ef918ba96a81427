"""Jobs in memory, for thousands of them: a turn costs microseconds here.

APScheduler's own store looks places up in a sorted list by a loop in Python, twice for each turn.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from datetime import datetime
from math import inf

from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore, ConflictingIdError, JobLookupError


class SortedJobStore(BaseJobStore):  # type: ignore[misc]  # the library has no types
    """Jobs by id, and their places by the time of their next run. APScheduler holds a lock."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, Job] = {}
        self._times: dict[str, float] = {}
        self._order: list[tuple[float, str]] = []

    def lookup_job(self, job_id: str) -> Job | None:
        """The job of an id; None if there is none."""
        return self._jobs.get(job_id)

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """What is due, in order."""
        at = now.timestamp()
        due = []
        for time, job_id in self._order:
            if time > at:
                break
            due.append(self._jobs[job_id])
        return due

    def get_next_run_time(self) -> datetime | None:
        """When the next job is due."""
        return self._jobs[self._order[0][1]].next_run_time if self._order else None

    def get_all_jobs(self) -> list[Job]:
        """All of them, in the order of their next runs."""
        return [self._jobs[job_id] for _, job_id in self._order]

    def add_job(self, job: Job) -> None:
        """Raises ConflictingIdError."""
        if job.id in self._jobs:
            raise ConflictingIdError(job.id)
        self._put(job)

    def update_job(self, job: Job) -> None:
        """The job has another next run. Raises JobLookupError."""
        self._take(job.id)
        self._put(job)

    def remove_job(self, job_id: str) -> None:
        """Raises JobLookupError."""
        self._take(job_id)

    def remove_all_jobs(self) -> None:
        """Forget all of them."""
        self._jobs, self._times, self._order = {}, {}, []

    def shutdown(self) -> None:
        """The scheduler has ended."""
        self.remove_all_jobs()

    def _put(self, job: Job) -> None:
        at = inf if job.next_run_time is None else job.next_run_time.timestamp()
        self._jobs[job.id], self._times[job.id] = job, at
        insort(self._order, (at, job.id))

    def _take(self, job_id: str) -> None:
        if job_id not in self._jobs:
            raise JobLookupError(job_id)
        del self._jobs[job_id]
        del self._order[bisect_left(self._order, (self._times.pop(job_id), job_id))]
