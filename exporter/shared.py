"""A result that takes a while to make, given to all who ask for it at about the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")

LONGEST_S = 1.0


class _Made(NamedTuple, Generic[Result]):
    result: Result
    until: float
    """On the monotonic clock."""


class Shared(Generic[Key, Result]):
    """Calls ``make`` for those who ask, but for no more than half of the time.

    A result is given out again for as long as it took to make, and at most for LONGEST_S: however
    many ask, making it leaves as much time for everything else. So a result may be that much older
    than the question, which is nothing where it is quick to make. There is one result for each
    key, so keys must be few. Thread-safe: who asks while a result is being made waits for it.
    Whatever ``make`` raises is raised, and not kept. ``monotonic`` yields seconds.
    """

    def __init__(
        self, make: Callable[[Key], Result], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._monotonic = monotonic
        self._lock = Lock()
        self._made: dict[Key, _Made[Result]] = {}

    def get(self, key: Key) -> Result:
        """The result for ``key``, made now or a moment ago."""
        with self._lock:
            began = self._monotonic()
            made = self._made.get(key)
            if made is not None and began < made.until:
                return made.result
            result = self._make(key)
            ended = self._monotonic()
            self._made[key] = _Made(result, ended + min(ended - began, LONGEST_S))
            return result
