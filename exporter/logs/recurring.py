"""Events that come by the thousand: one line for the first, then one a minute with their number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY_S = 60.0


class Recurring:
    """Counts events of each kind between two lines about it. Safe to use from any thread.

    Whoever has a timer asks for `summaries`, so that the last ones are told, too.
    """

    def __init__(
        self, every_s: float = EVERY_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._every_s = every_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}
        """By kind: events since the last line, and when that was."""

    def is_first(self, kind: str) -> bool:
        """Count an event; whether it is to be logged, since there was none for a while."""
        with self._lock:
            count, told_at = self._counts.get(kind, (-1, self._monotonic()))
            self._counts[kind] = (count + 1, told_at)
            return count == -1

    def summaries(self) -> list[tuple[str, int]]:
        """Kinds about which a line is due, and the events since the last one."""
        now, due = self._monotonic(), []
        with self._lock:
            for kind, (count, told_at) in list(self._counts.items()):
                if now - told_at < self._every_s:
                    continue
                if count:
                    due.append((kind, count))
                    self._counts[kind] = (0, now)
                else:  # it is over: the next one is a first one again
                    del self._counts[kind]
        return due
