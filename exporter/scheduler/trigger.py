"""Turns at an interval of a steady clock, for a scheduler that plans by the time of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

_ROUNDING_S = 0.05
"""A turn that begins by so much too early, as two clocks see it, is the one that was due."""


class SteadyInterval(BaseTrigger):  # type: ignore[misc]  # the library has no types
    """Turns at an interval of a steady clock, in seconds; translated into the time of day.

    ``first``: from now until the first turn.
    """

    def __init__(
        self, interval: timedelta, steady: Callable[[], float], first: timedelta = timedelta(0)
    ) -> None:
        self._interval_s = interval.total_seconds()
        self._steady = steady
        self._due_at = steady() + first.total_seconds()
        """When the next turn is, by the steady clock."""
        self.was_due_at = self._due_at
        """When the turn was due that began last, by the steady clock."""

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """The next turn after one that begins ``now``; those that were missed are left out."""
        steady = self._steady()
        if self._due_at <= steady + min(_ROUNDING_S, self._interval_s / 2):
            # From the turn that was due, so that late starts do not add up.
            self.was_due_at = self._due_at
            missed = max(steady - self._due_at, 0.0) // self._interval_s
            self._due_at += (missed + 1) * self._interval_s
        return self.at(now)

    def at(self, now: datetime) -> datetime:
        """The next turn by a clock that shows ``now``."""
        return now + timedelta(seconds=self._due_at - self._steady())

    def advance(self, delay: timedelta) -> bool:
        """Let the next turn be after ``delay``; False when it is earlier anyway."""
        at = self._steady() + delay.total_seconds()
        if at >= self._due_at:
            return False
        self._due_at = at
        return True
