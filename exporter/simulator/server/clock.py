"""The simulated clock and the request budget, both driven by a monotonic clock passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from exporter.simulator.market.prices import SECOND

_WINDOW_S = 60.0


class SimulatedClock:
    """Simulated time: `speed` simulated seconds per second; 0 stands still until `advance`."""

    def __init__(self, start: int, speed: float, monotonic: Callable[[], float]) -> None:
        self._base = start
        self._speed = speed
        self._monotonic = monotonic
        self._origin = monotonic()

    def now(self) -> int:
        """Return the simulated instant in nanoseconds since the epoch."""
        return self._base + int((self._monotonic() - self._origin) * self._speed * SECOND)

    def advance(self, seconds: float) -> None:
        """Advance by `seconds` of simulated time. Raises ValueError when negative."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} seconds")
        self._base += round(seconds * SECOND)


class RequestMeter:
    """Counts one caller's requests and enforces a budget per 60 real seconds."""

    def __init__(self) -> None:
        self.requests = 0
        self.rejected = 0
        self.most_in_a_minute = 0
        self._seen: deque[float] = deque()
        self._admitted: deque[float] = deque()

    def admit(self, at: float, budget: int) -> bool:
        """Count a request at `at`; return False when `budget` (0: no limit) is exhausted.

        Rejected requests do not count against the budget.
        """
        self.requests += 1
        self._seen.append(at)
        for times in (self._seen, self._admitted):
            while times and times[0] <= at - _WINDOW_S:
                times.popleft()
        self.most_in_a_minute = max(self.most_in_a_minute, len(self._seen))
        if budget and len(self._admitted) >= budget:
            self.rejected += 1
            return False
        self._admitted.append(at)
        return True
