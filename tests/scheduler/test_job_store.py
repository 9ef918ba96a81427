"""The store of jobs agrees with the one that comes with APScheduler, whatever is done to both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from hypothesis import given
from hypothesis import strategies as st

from exporter.scheduler.job_store import SortedJobStore
from exporter.scheduler.trigger import SteadyInterval

START = datetime(2026, 3, 1, tzinfo=UTC)
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "modify", "remove", "pause"]),
        st.sampled_from("abcdef"),
        st.floats(0, 100),
    )
)


def outcome(scheduler: Any, step: tuple[str, str, float]) -> str | None:
    """The error that a step ends with, if it does."""
    what, job_id, after_s = step
    at = START + timedelta(seconds=after_s)
    try:
        if what == "add":
            trigger = SteadyInterval(timedelta(hours=1), lambda: 0.0)
            scheduler.add_job(print, trigger, id=job_id, next_run_time=at)
        elif what == "modify":
            scheduler.modify_job(job_id, next_run_time=at)
        elif what == "pause":
            scheduler.modify_job(job_id, next_run_time=None)
        else:
            scheduler.remove_job(job_id)
    except Exception as error:  # noqa: BLE001  of whatever kind, it must be the same
        return type(error).__name__
    return None


@given(steps, st.floats(0, 100))
def test_it_agrees_with_the_one_of_the_library(
    done: list[tuple[str, str, float]], after_s: float
) -> None:
    stores = [SortedJobStore(), MemoryJobStore()]
    schedulers = [BackgroundScheduler(timezone=UTC, jobstores={"default": s}) for s in stores]
    for scheduler in schedulers:
        scheduler.start(paused=True)
    try:
        for step in done:
            ours, theirs = (outcome(scheduler, step) for scheduler in schedulers)
            assert ours == theirs
        now = START + timedelta(seconds=after_s)
        due, every, first = zip(
            *(
                (
                    [job.id for job in store.get_due_jobs(now)],
                    [job.id for job in store.get_all_jobs()],
                    store.get_next_run_time(),
                )
                for store in stores
            ),
            strict=True,
        )
        assert due[0] == due[1]
        assert every[0] == every[1]
        assert first[0] == first[1]
    finally:
        for scheduler in schedulers:
            scheduler.shutdown()
