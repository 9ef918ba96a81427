"""Asks the exchange, patiently and politely: every question has a budget, a deadline, an end.

The only request that can be made is a GET.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import inf

import httpx

from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.api.retry import Policy, delay_s, pause_s
from exporter.api.sender import HttpSender, Observer, Request, RequestResult
from exporter.model.errors import (
    ExchangeError,
    RateLimited,
    RetryLater,
    Stopping,
    UnexpectedPayload,
)
from exporter.model.window import EPOCH

_log = logging.getLogger(__name__)

__all__ = ["Client", "Observer", "OnError"]

OnError = Callable[[ExchangeError], None]
"""Called with the error of each failed attempt."""


def _ignore(_error: ExchangeError) -> None:
    """Nobody wants to know."""


class Client:
    """Reads from the exchange for one account. May be used from several threads at once.

    ``token`` is asked before each attempt; None sends no Authorization header. ``random`` yields
    values in [0, 1), ``monotonic`` seconds. Every wait ends at once when ``stop`` is set, and
    ``close`` ends the reads that are under way.
    """

    def __init__(
        self,
        *,
        account: str,
        base_url: str,
        token: Callable[[], str | None],
        rate_limiter: RateLimiter,
        clock: ExchangeClock,
        observer: Observer,
        stop: threading.Event,
        policy: Policy,
        random: Callable[[], float],
        monotonic: Callable[[], float],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._account = account
        self._budget = rate_limiter
        self._clock = clock
        self._observer = observer
        self._stop = stop
        self._policy = policy
        self._random = random
        self._monotonic = monotonic
        self._numbers = itertools.count(1)
        self._streak = _Streak()
        self._sender = HttpSender(
            account=account,
            base_url=base_url,
            token=token,
            clock=clock,
            observer=observer,
            stop=stop,
            policy=policy,
            monotonic=monotonic,
            transport=transport,
        )

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        priority: Priority,
        deadline_s: float | None = None,
        endpoint: str | None = None,
        on_error: OnError = _ignore,
    ) -> bytes:
        """The body of a good answer: complete, and JSON by its first and last character.

        ``path`` is relative to the base URL; ``endpoint`` is its label, with ids taken out. What
        may pass is tried again unless that would begin later than ``deadline_s`` after the first
        attempt; the wait for the budget before it does not count, and no attempt is cut short.
        ``on_error`` is called with the error of each attempt, the one that is raised included.
        Raises ExchangeError, and Stopping.
        """
        ask = Request(path.lstrip("/"), params, endpoint or path)
        return self._pursue(ask, priority, deadline_s, on_error).body

    def server_time(self, *, deadline_s: float | None = None) -> datetime:
        """The exchange's time, aware UTC, as told by ``time``; the clock learns from it, too.

        Raises as ``get`` does.
        """
        found = self._pursue(Request("time", {}, "time"), Priority.LIVE, deadline_s, _ignore)
        try:
            server = EPOCH + timedelta(milliseconds=json.loads(found.body)["epoch_millis"])
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            raise UnexpectedPayload(f"time: no usable epoch_millis: {error}") from error
        self._clock.observe_instant(server, found.sent, found.received)
        return server

    def interrupt(self) -> None:
        """Cut short what is under way. Set ``stop`` first."""
        self._sender.interrupt()

    def close(self) -> None:
        """Close all connections, once nobody uses them any more. Set ``stop`` first."""
        self._sender.close()

    def _pursue(
        self, ask: Request, priority: Priority, deadline_s: float | None, on_error: OnError
    ) -> RequestResult:
        """Attempt after attempt, to a good answer or to the error that ends it."""
        within_s = self._policy.deadline_s if deadline_s is None else deadline_s
        self._take_turn(priority, within_s, on_error)
        ends_at = self._monotonic() + within_s
        attempt, excused = 0, False
        while True:
            sent_at = self._monotonic()
            outcome = self._sender.attempt(ask, f"{self._account}-{next(self._numbers)}")
            if outcome.error is None:
                self._streak.passed(sent_at)
                return outcome
            if self._stop.is_set():
                raise Stopping(f"asked to stop while reading {ask.path}")
            if outcome.stale and not excused:
                excused = True
            else:
                on_error(outcome.error)
                self._wait_or_raise(outcome, outcome.error, attempt, sent_at, ends_at)
                attempt += 1
            self._take_turn(priority, ends_at - self._monotonic(), on_error)

    def _take_turn(self, priority: Priority, within_s: float, on_error: OnError) -> None:
        try:
            waited_s = self._budget.acquire(priority, within_s=within_s)
        except RateLimited as error:
            on_error(error)
            raise
        self._observer.record_wait(self._account, waited_s)

    def _wait_or_raise(
        self,
        outcome: RequestResult,
        error: ExchangeError,
        attempt: int,
        sent_at: float,
        ends_at: float,
    ) -> None:
        """Return when the question may be asked again; raise ``error`` when it may not."""
        policy = self._policy
        if isinstance(error, RateLimited):
            # The whole token rests; the budget then makes us wait like everybody else.
            now = self._monotonic()
            rest_s = pause_s(
                self._streak.refused(sent_at, now),
                base_s=policy.pause_base_s,
                cap_s=policy.pause_cap_s,
                random=self._random,
                after_s=error.after_s,
            )
            self._budget.pause(rest_s)
            _log.info("the token rests after a 429: %s", error, extra={"rest_s": round(rest_s, 3)})
            if now + rest_s > ends_at:
                raise error
            return
        # A proxy's page in place of JSON is gone the next time, or stays.
        page = outcome.code == "200" and isinstance(error, UnexpectedPayload) and attempt == 0
        if not (page or isinstance(error, RetryLater)):
            raise error
        wait_s = delay_s(
            attempt,
            base_s=policy.base_s,
            cap_s=policy.cap_s,
            random=self._random,
            after_s=error.after_s if isinstance(error, RetryLater) else None,
        )
        if self._monotonic() + wait_s > ends_at:
            raise error
        if self._stop.wait(wait_s):
            raise Stopping("asked to stop while waiting to ask again")


class _Streak:
    """Counts the 429s of a token in a row; those of requests under way at once count as one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._refused_at = -inf

    def refused(self, sent_at: float, now: float) -> int:
        """How many came before this one."""
        with self._lock:
            if sent_at >= self._refused_at:
                self._count += 1
            self._refused_at = now
            return max(0, self._count - 1)

    def passed(self, sent_at: float) -> None:
        """A request was answered: begin anew, unless it was sent before the latest 429."""
        with self._lock:
            if sent_at >= self._refused_at:
                self._count = 0
