"""One request budget per token: who may send next, and when.

The exchange answers 429 above its limit a minute, without saying how it counts. We hold the limit
in every window of 60 seconds, wherever it begins.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf

from exporter.model.errors import RateLimited, Stopping

JITTER_S = 0.5
"""Requests may be this much closer together at the exchange than they were here."""
_WINDOW_S = 60.0
_MARGIN_S = 0.1
"""Covers threads that wake late, rounding, and a window that counts both of its ends."""
_ROUNDING_S = 1e-6
_LIMIT_PER_BURST = 40
"""A burst of one request in 40 costs 2.5 % of the limit, and lets small ones start at once."""


class Priority(IntEnum):
    """Who goes first when several wait; within one, whoever came first."""

    LIVE = 0
    HISTORY = 1
    VERIFY = 2


@dataclass(order=True)
class Waiter:
    """A place in the line."""

    priority: Priority
    number: int
    served: bool = field(default=False, compare=False)


class TokenBucket:
    """The arithmetic of the budget, without threads and without a clock: every call is told now.

    A token bucket of ``burst`` requests, one more each ``interval_s`` seconds. Any window of W
    seconds, half-open, then holds at most burst - 1 + ceil(W / interval_s) requests, which
    ``interval_s`` is chosen to keep within the limit. The bucket is kept as the instant at which
    it is full again (the theoretical arrival time of the generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, requests_per_minute: int) -> None:
        if requests_per_minute < 1:
            raise ValueError("a budget needs at least one request a minute")
        self.burst = 1 + requests_per_minute // _LIMIT_PER_BURST
        horizon_s = _WINDOW_S + JITTER_S + _MARGIN_S
        self.interval_s = horizon_s / (requests_per_minute - self.burst + 1)
        self.paused_until = -inf
        self._full_at = -inf
        self._waiting: list[Waiter] = []
        self._numbers = 0

    def join(self, priority: Priority) -> Waiter:
        """A new place, behind all of the same or a higher priority."""
        self._numbers += 1
        ticket = Waiter(priority, self._numbers)
        insort(self._waiting, ticket)
        return ticket

    def leave(self, ticket: Waiter) -> None:
        """Give the place up; nothing happens when it was served."""
        if not ticket.served:
            self._waiting.remove(ticket)

    def wait_s(self, ticket: Waiter, now: float) -> float:
        """0 when ``ticket`` is served, else the seconds after which to ask again.

        Whoever asks serves everybody who is due, so that a slow thread holds nobody up.
        """
        while self._waiting and self._next_at() <= now + _ROUNDING_S:
            self._waiting.pop(0).served = True
            self._full_at = max(self._full_at, now) + self.interval_s
        if ticket.served:
            return 0.0
        return self._next_at() + self._waiting.index(ticket) * self.interval_s - now

    def pause(self, seconds: float, now: float) -> None:
        """Serve nobody for ``seconds``; then one at once and the others at the usual pace."""
        self.paused_until = max(self.paused_until, now + seconds)
        self._full_at = max(self._full_at, self.paused_until + (self.burst - 1) * self.interval_s)

    def remaining(self, now: float) -> float:
        """How many requests may start at once."""
        return max(0.0, self.burst - max(0.0, self._full_at - now) / self.interval_s)

    def _next_at(self) -> float:
        return self._full_at - (self.burst - 1) * self.interval_s


class RateLimiter:
    """A Line that threads wait in. One for each token, shared by all who send with it.

    Nobody polls: each thread sleeps until the earliest instant at which its turn can come, on
    ``stop``, so that a shutdown wakes all of them. ``monotonic`` is a clock in seconds.
    """

    def __init__(
        self, requests_per_minute: int, *, monotonic: Callable[[], float], stop: threading.Event
    ) -> None:
        self._line = TokenBucket(requests_per_minute)
        self._monotonic = monotonic
        self._stop = stop
        self._lock = threading.Lock()
        self._waited_s = 0.0

    def acquire(self, priority: Priority, *, within_s: float = inf) -> float:
        """Wait for the turn of one request; return the seconds waited.

        Raises Stopping, and RateLimited when the token is paused for longer than ``within_s``.
        """
        with self._lock:
            joined = self._monotonic()
            ticket = self._line.join(priority)
        try:
            while True:
                wait_s = self._ask(ticket, joined, joined + within_s)
                if ticket.served:
                    break
                self._stop.wait(wait_s)
        finally:
            with self._lock:
                self._line.leave(ticket)
        return wait_s

    def _ask(self, ticket: Waiter, joined: float, deadline: float) -> float:
        """Seconds waited when ``ticket`` is served, else the seconds still to wait."""
        if self._stop.is_set():
            raise Stopping("asked to stop while waiting for the request budget")
        with self._lock:
            now = self._monotonic()
            wait_s = self._line.wait_s(ticket, now)
            if ticket.served:
                self._waited_s += now - joined
                return now - joined
            paused_s = self._line.paused_until - now
        if now + paused_s > deadline:
            raise RateLimited(f"the token rests for {paused_s:.0f} s after a 429", paused_s)
        return wait_s

    def pause(self, seconds: float) -> None:
        """Let nobody send for ``seconds`` from now; never shortens a pause."""
        with self._lock:
            self._line.pause(seconds, self._monotonic())

    @property
    def remaining(self) -> float:
        """How many requests may start now without waiting."""
        with self._lock:
            return self._line.remaining(self._monotonic())

    @property
    def burst(self) -> int:
        """How many requests may start at once after a rest."""
        return self._line.burst

    @property
    def paused_s(self) -> float:
        """Seconds until a token that was paused (429) may be used again, else 0."""
        with self._lock:
            return max(0.0, self._line.paused_until - self._monotonic())

    @property
    def waited_seconds(self) -> float:
        """Seconds that all threads together have waited for their turn."""
        with self._lock:
            return self._waited_s
