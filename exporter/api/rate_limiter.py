"""One request budget per token: who may send next, and when.

The exchange sends 429 above its limit per minute, without documenting how it counts. We hold the
limit in every window of 60 seconds, wherever it begins.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from typing import Protocol

from exporter.model.errors import RateLimited, Stopping

JITTER_S = 0.5
"""Requests may arrive at the exchange this much closer together than they were sent."""
_WINDOW_S = 60.0
_MARGIN_S = 0.1
"""Covers threads that wake late, rounding, and a window that counts both of its ends."""
_ROUNDING_S = 1e-6
_LIMIT_PER_BURST = 40
"""A burst of one request in 40 costs 2.5 % of the limit, and lets short passes start at once."""


_NOT_SENT = "shutting down: a request waiting for the rate limiter was not sent"


class Common(Protocol):
    """A budget that other processes take from, too: see `exporter.store.budgets`."""

    def take(self, ahead_s: float, interval_s: float) -> float:
        """Take one request that may be sent while the budget is full in ``ahead_s`` at most; 0, or
        the seconds to wait before asking again. One more costs ``interval_s``."""

    def drain(self, full_in_s: float) -> None:
        """Let it be full no earlier than in so many seconds."""


class Priority(IntEnum):
    """Who goes first when several wait; within one, first come first served."""

    LIVE = 0
    HISTORY = 1
    VERIFY = 2
    """Only what nobody else needs: half of a burst is left to whoever comes next."""


@dataclass(order=True)
class Waiter:
    """A place in the queue of a `TokenBucket`."""

    priority: Priority
    number: int
    served: bool = field(default=False, compare=False)


class TokenBucket:
    """The arithmetic of the request budget, without threads or a clock: ``now`` is an argument.

    A token bucket of ``burst`` requests, one more every ``interval_s`` seconds. Any half-open
    window of W seconds then holds at most burst - 1 + ceil(W / interval_s) requests;
    ``interval_s`` is chosen to keep that within the limit. The bucket is kept as the instant at
    which it is full again (the theoretical arrival time of the generic cell rate algorithm, ITU-T
    I.371). All times are seconds of one monotonic clock.
    """

    def __init__(self, requests_per_minute: int) -> None:
        if requests_per_minute < 1:
            raise ValueError("requests_per_minute must be at least one")
        self.burst = 1 + requests_per_minute // _LIMIT_PER_BURST
        horizon_s = _WINDOW_S + JITTER_S + _MARGIN_S
        self.interval_s = horizon_s / (requests_per_minute - self.burst + 1)
        self._reserve = self.burst // 2
        """Requests that stay free to start at once while `Priority.VERIFY` sends."""
        self.paused_until = -inf
        self._full_at = -inf
        self._queue: list[Waiter] = []
        self._last_number = 0

    def join(self, priority: Priority) -> Waiter:
        """A new place, behind all of the same or a higher priority."""
        self._last_number += 1
        waiter = Waiter(priority, self._last_number)
        insort(self._queue, waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Give the place up; does nothing once it was served."""
        if not waiter.served:
            self._queue.remove(waiter)

    def wait_s(self, waiter: Waiter, now: float) -> float:
        """0 when ``waiter`` is served, else the seconds after which to call again.

        Each call serves everybody who is due, so that a slow thread holds nobody up.
        """
        while self._queue and self._next_at(self._queue[0]) <= now + _ROUNDING_S:
            self._queue.pop(0).served = True
            self._full_at = max(self._full_at, now) + self.interval_s
        if waiter.served:
            return 0.0
        return self._next_at(waiter) + self._queue.index(waiter) * self.interval_s - now

    def pause(self, seconds: float, now: float) -> None:
        """Serve nobody for ``seconds``; then one at once and the others at the usual pace."""
        self.paused_until = max(self.paused_until, now + seconds)
        self._full_at = max(self._full_at, self.paused_until + (self.burst - 1) * self.interval_s)

    def remaining(self, now: float) -> float:
        """How many requests may start at once."""
        return max(0.0, self.burst - self.full_in_s(now) / self.interval_s)

    def full_in_s(self, now: float) -> float:
        """Seconds until all of a burst may be sent."""
        return max(0.0, self._full_at - now)

    def drain(self, full_in_s: float, now: float) -> None:
        """Others have spent: it is full in so many seconds, or in those of a whole burst."""
        self._full_at = max(self._full_at, now + min(full_in_s, self.burst * self.interval_s))

    def ahead_s(self, priority: Priority) -> float:
        """How late the bucket that all share may be full, for a request to be sent now.

        What is not live leaves one to the live polls of other processes.
        """
        reserve = {Priority.LIVE: 0, Priority.HISTORY: min(1, self.burst - 1)}
        kept = reserve.get(priority, self._reserve)
        return (self.burst - 1 - kept) * self.interval_s + _ROUNDING_S

    def _next_at(self, waiter: Waiter) -> float:
        """When a waiter is served that nobody is in front of."""
        reserve = self._reserve if waiter.priority is Priority.VERIFY else 0
        return self._full_at - (self.burst - 1 - reserve) * self.interval_s


class RateLimiter:
    """A `TokenBucket` that threads wait for. One for each token, shared by all who send with it.

    Nobody polls: each thread sleeps until the earliest instant at which its turn can come. It
    sleeps on ``stop``, or on an event of its own that ends it earlier, so that a shutdown wakes all
    of them. ``monotonic`` is a clock in seconds.
    """

    def __init__(
        self, requests_per_minute: int, *, monotonic: Callable[[], float], stop: threading.Event
    ) -> None:
        self._bucket = TokenBucket(requests_per_minute)
        self._monotonic = monotonic
        self._stop = stop
        self._lock = threading.Lock()
        self._waited_s = 0.0
        self._common: Common | None = None

    def acquire(
        self,
        priority: Priority,
        *,
        within_s: float = inf,
        stop: threading.Event | None = None,
    ) -> float:
        """Wait until one request may be sent, or until ``stop``; return the seconds waited.

        Raises Stopping, and RateLimited when the token is paused for longer than ``within_s``.
        """
        stop = stop or self._stop
        with self._lock:
            joined_at = self._monotonic()
            waiter = self._bucket.join(priority)
        try:
            while True:
                wait_s = self._check(waiter, joined_at, joined_at + within_s, stop)
                if waiter.served:
                    break
                stop.wait(wait_s)
        finally:
            with self._lock:
                self._bucket.leave(waiter)
        return wait_s + self._acquire_common(priority, stop)

    def _acquire_common(self, priority: Priority, stop: threading.Event) -> float:
        """Wait for a request of the budget that others share, if they do; the seconds waited."""
        began = self._monotonic()
        while (common := self._common) is not None:
            wait_s = common.take(self._bucket.ahead_s(priority), self._bucket.interval_s)
            if wait_s <= 0:
                break
            if stop.wait(wait_s):
                raise Stopping(_NOT_SENT)
        waited_s = self._monotonic() - began
        with self._lock:
            self._waited_s += waited_s
        return waited_s

    def _check(
        self, waiter: Waiter, joined_at: float, deadline: float, stop: threading.Event
    ) -> float:
        """Seconds waited when ``waiter`` is served, else the seconds still to wait."""
        if stop.is_set():
            raise Stopping(_NOT_SENT)
        with self._lock:
            now = self._monotonic()
            wait_s = self._bucket.wait_s(waiter, now)
            if waiter.served:
                self._waited_s += now - joined_at
                return now - joined_at
            paused_s = self._bucket.paused_until - now
        if now + paused_s > deadline:
            raise RateLimited(
                f"rate limited (429): this token is paused for another {paused_s:.0f} s", paused_s
            )
        return wait_s

    def pause(self, seconds: float) -> None:
        """Let nobody send for ``seconds`` from now; never shortens a pause."""
        with self._lock:
            self._bucket.pause(seconds, self._monotonic())
        common = self._common
        if common is not None:
            common.drain(seconds + self._bucket.ahead_s(Priority.LIVE))

    def drain(self, full_in_s: float = inf) -> None:
        """Another process has sent with the token: the bucket is full in so many seconds, or in as
        many as a whole burst takes."""
        with self._lock:
            self._bucket.drain(full_in_s, self._monotonic())

    def join(self, common: Common | None) -> None:
        """Take each request from ``common``, too: others send with the token. None: no more."""
        self._common = common

    @property
    def full_in_s(self) -> float:
        """Seconds until all of a burst may be sent."""
        with self._lock:
            return self._bucket.full_in_s(self._monotonic())

    @property
    def burst_s(self) -> float:
        """Seconds that a whole burst takes to be allowed again."""
        return self._bucket.burst * self._bucket.interval_s

    @property
    def remaining(self) -> float:
        """How many requests may start now without waiting."""
        with self._lock:
            return self._bucket.remaining(self._monotonic())

    @property
    def burst(self) -> int:
        """How many requests may start at once when none was sent for a while."""
        return self._bucket.burst

    @property
    def paused_s(self) -> float:
        """Seconds until a token that was paused (429) may be used again, else 0."""
        with self._lock:
            return max(0.0, self._bucket.paused_until - self._monotonic())

    @property
    def waited_seconds(self) -> float:
        """Seconds that all threads together have waited for their turn."""
        with self._lock:
            return self._waited_s
