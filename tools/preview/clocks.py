"""Clocks that jump: a day passes in minutes, and every wait is over at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from exporter.stop_event import StopEvent

_BREATH_S = 0.005


class JumpingClock:
    """Wall and monotonic time that pass normally, and jump on `jump`."""

    def __init__(self, start: datetime) -> None:
        self._origin = time.monotonic()
        self._start = start
        self._leapt = 0.0

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() + self._leapt

    def wall(self) -> datetime:
        """The time of day, UTC."""
        return self._start + timedelta(seconds=self.monotonic() - self._origin)

    def unix(self) -> float:
        """The same in Unix seconds."""
        return self.wall().timestamp()

    def jump(self, seconds: float) -> None:
        """Advance by this much at once."""
        self._leapt += seconds


class Patience(StopEvent):
    """Stops what waits on it; until then a wait is over at once, and its time has gone by.

    The request budget paces itself and failed requests wait by this event: a film of a day has no
    time for that, but its clocks must show it.
    """

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_time = pass_time

    def child(self) -> Patience:
        """One of its own, that is as patient."""
        return self.adopt(Patience(self._pass_time))

    def wait(self, timeout: float | None = None) -> bool:
        """Let ``timeout`` seconds go by. Whether to stop."""
        if timeout is not None and timeout > 0 and not self.is_set():
            self._pass_time(timeout)
            # Who waits for another thread in a loop must not let days go by meanwhile.
            super().wait(_BREATH_S)
        return self.is_set()


class Pace(NamedTuple):
    """How often the exporter is scraped: more often in the last hours."""

    recent_s: float
    """Seconds between two scrapes in the last ``hours``; before, ``coarser`` times as many."""
    hours: float
    coarser: int = 5

    def next(self, after: float, now: float) -> float:
        """The first scrape later than Unix time ``after``."""
        step_s = self.step_s(timedelta(seconds=now - after))
        return (after // step_s + 1) * step_s

    def step_s(self, ago: timedelta) -> float:
        """Seconds between two scrapes that long ago."""
        return self.recent_s * (1 if ago <= timedelta(hours=self.hours) else self.coarser)
