"""Clocks that advance only when a test, or a wait, moves them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 31, 12, 30, 30, tzinfo=UTC)


class Clock:
    """Wall and monotonic time that advance only when a test says so."""

    def __init__(self) -> None:
        self.at = 0.0

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.at)

    def unix(self) -> float:
        return START.timestamp() + self.at

    def monotonic(self) -> float:
        return 1_000 + self.at


class SimulatedStop(threading.Event):
    """Waiting on it advances a clock, which is all that happens."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.now += timeout
        return self.is_set()


def utc_now() -> datetime:
    """The wall clock of this machine."""
    return datetime.now(UTC)
