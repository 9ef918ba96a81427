"""A few threads that keep the histories of all accounts complete, in turn.

Most of the time there is nothing to fill, and asking for that takes one statement: no reason to
hold a thread for each account.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

_log = logging.getLogger(__name__)
_AFTER_BUG_S = 10.0


@dataclass(order=True)
class _Waiting:
    due: float
    number: int
    turn: Callable[[], float | None] = field(compare=False)


class Fillers:
    """Threads that take turns of `GapFiller`s when they are due, the one that is due longest first.

    Each turn returns after how many seconds the next one is, None for never. There are ``most``
    threads at most, and one for each member otherwise. Safe to use from any thread.
    """

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._waiting: list[_Waiting] = []
        self._members = 0
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._last_number = 0
        self._changed = threading.Condition()
        """Guards all of this."""

    def add(self, turn: Callable[[], float | None], after_s: float = 0.0) -> None:
        """Take turns from now on, until one returns None. Raises RuntimeError when no thread can be
        started for it, nor is there another one."""
        with self._changed:
            if self._stopped:
                return
            if self._members >= len(self._threads) < self._most:
                self._start_one()
            self._members += 1
            self._put(turn, after_s)

    @property
    def others_wait(self) -> bool:
        """Whether a turn is due for which no thread is free."""
        with self._changed:
            due = bool(self._waiting) and self._waiting[0].due <= self._monotonic()
            return due and not self._idle

    def stop(self) -> None:
        """Begin no more turns. Returns at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for those in progress, which the caller has asked to stop."""
        self.stop()
        for thread in self._threads:
            thread.join()

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._run, name=f"backfill-{len(self._threads)}")
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
        else:
            self._threads.append(thread)

    def _put(self, turn: Callable[[], float | None], after_s: float) -> None:
        self._last_number += 1
        due = self._monotonic() + after_s
        heappush(self._waiting, _Waiting(due, self._last_number, turn))
        self._changed.notify()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            after_s: float | None = _AFTER_BUG_S
            try:
                after_s = turn()
            except Exception:  # noqa: BLE001  the next turn may succeed
                _log.exception("bug: unhandled exception while looking for gaps")
            with self._changed:
                if after_s is None:
                    self._members -= 1
                else:
                    self._put(turn, after_s)

    def _next(self) -> Callable[[], float | None] | None:
        """The turn that is due; waits for one. None once there will be none any more."""
        with self._changed:
            while not self._stopped:
                wait_s = self._waiting[0].due - self._monotonic() if self._waiting else None
                if wait_s is not None and wait_s <= 0:
                    return heappop(self._waiting).turn
                self._idle += 1
                self._changed.wait(wait_s)
                self._idle -= 1
        return None
