"""Which run is next when there are more than workers, as arithmetic: no threads, no clock.

Earliest deadline first: a run should begin before its next turn, so one of a stream that is read
every 15 s goes before one that is read hourly and was due earlier.

A bounded number of workers must not be filled by those who wait for an exchange that does not
respond. A task whose run lasts for long is *slow* until a run of it ends in time. Where half of the
latest runs of an account were slow, or of a stream, all of it is suspected. What is slow or
suspected gets half of the workers at most, and what holds more when that is noticed is replaced by
additional workers: so many hanging accounts, or an endpoint that hangs for all, leave half of the
workers to everybody else. Nothing is different while there are fewer runs than workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Generic, NamedTuple, TypeVar

Work = TypeVar("Work")

_RUNS_OF_ACCOUNT, _RUNS_OF_STREAM = 4, 16
"""So many of the latest runs tell whether an account, or a stream, is suspected. Of a stream more,
since a few accounts that hang say nothing about it."""


class Limits(NamedTuple):
    """How many may run at once."""

    workers: int
    additional: int
    """How many more while slow ones hold more than their half."""
    slow_s: float = 5.0
    """A run that lasts longer is taken for one that waits for a response."""


@dataclass(order=True)
class Run(Generic[Work]):
    """A turn of a task that waits for a worker, or has one. Times are seconds of one clock."""

    deadline: float
    number: int
    task: str = field(compare=False)
    """`account/stream`, or the name of a chore."""
    due: float = field(compare=False)
    work: Work = field(compare=False)
    began: float = field(default=0.0, compare=False)
    was_held: bool = field(default=False, compare=False)
    """It was slow or suspected when it began."""
    forgotten: bool = field(default=False, compare=False)


class UrgentQueue(Generic[Work]):
    """Runs that wait, and those that have a worker. ``now`` is always given."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most_slow = limits.workers // 2
        self._ready: list[Run[Work]] = []
        self._held: list[Run[Work]] = []
        """Those that were slow or suspected when it was their turn."""
        self._running: dict[int, Run[Work]] = {}
        self._slow: set[str] = set()
        self._noticed: set[int] = set()
        """Numbers of runs that have been counted as slow."""
        self._latest: dict[str, deque[bool]] = {}
        """Whether the latest runs of an account (`main/`) or of a stream (`/trades`) were slow."""
        self._last_number = 0

    def __len__(self) -> int:
        return len(self._ready) + len(self._held)

    def waiting(self) -> Iterator[Run[Work]]:
        """Those that have no worker yet, in no order."""
        yield from self._ready
        yield from self._held

    def put(self, task: str, due: float, deadline: float, work: Work) -> None:
        """A turn that is due; whoever has waited longer goes first of two with one deadline."""
        self._last_number += 1
        heappush(self._ready, Run(deadline, self._last_number, task, due, work))

    def next(self, now: float) -> Run[Work] | None:
        """The run that begins now; None when there is none, or no worker for it."""
        self._notice_slow(now)
        held = sum(run.was_held for run in self._running.values())
        slow = held + sum(
            run.number in self._noticed and not run.was_held for run in self._running.values()
        )
        excess = min(max(slow - self._most_slow, 0), self._limits.additional)
        if len(self._running) >= self._limits.workers + excess:
            return None
        while self._ready and self._suspected(self._ready[0].task):
            heappush(self._held, heappop(self._ready))
        chosen = self._ready
        # A few are always let through: where all is slow, since there is too much to do, those that
        # were slow first would never have another turn.
        few = held < max(self._most_slow // 4, 1) and len(self._running) < self._limits.workers
        may_be_held = self._held and (slow < self._most_slow or few)
        if may_be_held and not (self._ready and self._ready[0] < self._held[0]):
            chosen = self._held
        if not chosen:
            return None
        run = heappop(chosen)
        run.began, run.was_held = now, chosen is self._held
        self._running[run.number] = run
        return run

    def ended(self, run: Run[Work], now: float) -> None:
        """A run has given its worker back."""
        del self._running[run.number]
        if not run.forgotten:
            if now - run.began >= self._limits.slow_s:
                self._note_slow(run)
            else:
                self._note_in_time(run)
        self._noticed.discard(run.number)

    def forget(self, task: str) -> int:
        """The task has no more turns: what waits of it is dropped; returns how many did."""
        before = len(self)
        self._ready = [run for run in self._ready if run.task != task]
        self._held = [run for run in self._held if run.task != task]
        heapify(self._ready)
        heapify(self._held)
        for run in self._running.values():
            run.forgotten |= run.task == task
        self._slow.discard(task)
        self._latest.pop(f"{task.partition('/')[0]}/", None)
        return before - len(self)

    def _notice_slow(self, now: float) -> None:
        for run in self._running.values():
            if now - run.began >= self._limits.slow_s and not run.forgotten:
                self._note_slow(run)

    def _note_slow(self, run: Run[Work]) -> None:
        if run.number not in self._noticed:
            self._noticed.add(run.number)
            self._slow.add(run.task)
            self._count(run.task, slow=True)

    def _note_in_time(self, run: Run[Work]) -> None:
        before = self._suspected_parts(run.task)
        self._slow.discard(run.task)
        self._count(run.task, slow=False)
        if before > self._suspected_parts(run.task) and self._held:
            # Whoever was suspected for its sake must not wait behind those who still are.
            self._ready += self._held
            self._held = []
            heapify(self._ready)

    def _count(self, task: str, *, slow: bool) -> None:
        for part, runs in _parts(task):
            self._latest.setdefault(part, deque(maxlen=runs)).append(slow)

    def _suspected(self, task: str) -> bool:
        return task in self._slow or self._suspected_parts(task) > 0

    def _suspected_parts(self, task: str) -> int:
        return sum(2 * sum(self._latest.get(part, ())) >= runs for part, runs in _parts(task))


def _parts(task: str) -> tuple[tuple[str, int], ...]:
    """What a task has in common with others, and how many runs tell; a chore has nothing."""
    account, slash, stream = task.partition("/")
    if not slash:
        return ()
    return (f"{account}/", _RUNS_OF_ACCOUNT), (f"/{stream}", _RUNS_OF_STREAM)
