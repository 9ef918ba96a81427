"""Who gets a worker next, on random runs: the most urgent, and never all for those who hang."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.scheduler.lateness import Lateness
from exporter.scheduler.urgency import Limits, Run, UrgentQueue

LIMITS = Limits(workers=8, additional=3, slow_s=5.0)
STREAMS = ("balances", "positions", "trades", "orders")


def put(queue: UrgentQueue[int], task: str, due: float, interval_s: float = 15.0) -> None:
    queue.put(task, due, due + interval_s, 0)


def taken(queue: UrgentQueue[int], now: float) -> list[Run[int]]:
    """All that may begin now."""
    found = []
    while (run := queue.next(now)) is not None:
        found.append(run)
    return found


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([15.0, 30.0, 300.0])), min_size=1),
    st.integers(0, 30),
)
def test_the_earliest_deadline_goes_first_and_no_worker_idles(
    waiting: list[tuple[int, float]], ends: int
) -> None:
    queue = UrgentQueue[int](LIMITS)
    for number, (due, interval_s) in enumerate(waiting):
        put(queue, f"a{number}/trades", due, interval_s)
    deadlines = sorted(due + interval_s for due, interval_s in waiting)
    began = taken(queue, 40.0)
    assert len(began) == min(len(waiting), LIMITS.workers)
    order = [run.deadline for run in began]
    for _ in range(min(ends, len(waiting))):
        if began:
            queue.ended(began.pop(), 41.0)
        more = taken(queue, 41.0)
        began += more
        order += [run.deadline for run in more]
    assert order == deadlines[: len(order)]
    assert len(queue) == len(waiting) - len(order)


@given(
    hanging=st.sampled_from([("account", 1), ("account", 2), ("stream", 7), ("stream", 8)]),
    others=st.integers(1, 20),
)
def test_those_that_hang_leave_workers_to_everybody_else(
    hanging: tuple[str, int], others: int
) -> None:
    """Whole accounts, or one endpoint for all accounts; also when they come again, more urgent."""
    queue = UrgentQueue[int](LIMITS)
    part, count = hanging
    streams = STREAMS if part == "account" else STREAMS[:1]
    tasks = [f"bad{n}/{stream}" for n in range(count) for stream in streams]
    for task in tasks:
        put(queue, task, 0.0)
    stuck = taken(queue, 0.0)
    assert len(stuck) == min(len(tasks), LIMITS.workers)
    for n in range(others):
        put(queue, f"good{n}/candlesticks", 1.0)
    began = taken(queue, LIMITS.slow_s)
    good = [run for run in began if run.task.startswith("good")]
    free = LIMITS.additional if len(stuck) == LIMITS.workers else LIMITS.workers - len(stuck)
    assert len(good) >= min(others, free, LIMITS.additional)
    for run in good:
        queue.ended(run, LIMITS.slow_s + 0.1)

    for run in [run for run in (*stuck, *began) if run not in good]:
        queue.ended(run, 20.0)
    for task in tasks:
        put(queue, task, 20.0)
    for n in range(LIMITS.workers):
        put(queue, f"good{n}/candlesticks", 21.0)
    if part == "account":
        put(queue, "bad0/never", 20.0)  # suspected for the others' sake
    again = taken(queue, 21.0)
    at_once = sum(run.task.startswith("good") for run in again)
    assert at_once >= LIMITS.workers - LIMITS.workers // 2


@given(
    tasks=st.lists(st.sampled_from([15.0, 30.0, 300.0, 3_600.0]), min_size=1, max_size=80),
    takes_s=st.sampled_from([1.0, 6.0, 20.0]),
)
def test_nobody_is_forgotten_however_much_there_is_to_do(
    tasks: list[float], takes_s: float
) -> None:
    """All runs take so long, and each task is due again as soon as its interval is over."""
    queue = UrgentQueue[int](LIMITS)
    due = {f"a{n // 4}/{STREAMS[n % 4]}": 0.0 for n in range(len(tasks))}
    intervals = dict(zip(due, tasks, strict=True))
    running: list[Run[int]] = []
    first: dict[str, float] = {}
    waiting = set[str]()
    for now in map(float, range(400)):
        for run in [run for run in running if now - run.began >= takes_s]:
            queue.ended(run, now)
            running.remove(run)
            due[run.task] = max(run.due + intervals[run.task], now)
        for task in due:
            busy = task in waiting or any(run.task == task for run in running)
            if due[task] <= now and not busy:
                within_s = intervals[task] if task in first else min(intervals[task], 15.0)
                queue.put(task, due[task], due[task] + within_s, 0)
                waiting.add(task)
        for run in taken(queue, now):
            running.append(run)
            waiting.remove(run.task)
            first.setdefault(run.task, now)
    assert first.keys() == due.keys()
    assert max(first.values()) <= 3 * takes_s * len(due) / LIMITS.workers + 2 * takes_s


def test_what_responds_again_is_like_everybody_else() -> None:
    queue = UrgentQueue[int](LIMITS)
    for stream in STREAMS:
        put(queue, f"main/{stream}", 0.0)
    for run in taken(queue, 0.0):
        queue.ended(run, 10.0)
    for turn in range(2):
        for n in range(10):
            put(queue, f"main/{STREAMS[n % 4]}", 10.0 + turn)
        began = taken(queue, 20.0)
        assert len(began) == (LIMITS.workers // 2, LIMITS.workers)[turn]
        while began:
            for run in began:
                queue.ended(run, 21.0)
            began = taken(queue, 21.0)
    assert not len(queue)


def test_an_account_that_has_left_is_suspected_of_nothing() -> None:
    """Nor is another one of its name."""
    queue = UrgentQueue[int](LIMITS)
    for n in range(LIMITS.workers):
        put(queue, f"gone{n % 2}/trades{n // 2}", 0.0)
    stuck = taken(queue, 0.0)
    put(queue, "gone0/trades0", 1.0)
    assert queue.next(LIMITS.slow_s) is None  # notices that all of them are slow
    assert [queue.forget(run.task) for run in stuck] == [1, *[0] * (len(stuck) - 1)]
    for run in stuck:
        queue.ended(run, 30.0)
    for n in range(LIMITS.workers):
        put(queue, f"gone0/trades{n}", 30.0)
    assert len(taken(queue, 30.0)) == LIMITS.workers


def test_lateness_is_that_of_the_last_minutes() -> None:
    lateness = Lateness()
    lateness.note("main/trades", 3.0, 1_000.0)
    lateness.note("main/trades", 1.0, 1_001.0)
    lateness.note("rollups", 900.0, 1_001.0)  # a chore: nobody waits for it
    assert lateness.worst({"orders": 7.0}, 1_010.0) == {"trades": 3.0, "orders": 7.0}
    assert lateness.worst({}, 1_065.0) == {"trades": 3.0, "orders": 7.0}
    lateness.note("main/trades", 0.5, 1_066.0)
    assert lateness.worst({}, 1_130.0) == {"trades": 0.5, "orders": 0.0}
    assert lateness.worst({}, 2_000.0) == {"trades": 0.0, "orders": 0.0}
