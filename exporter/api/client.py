"""A client of the exchange: rate limited, retried within a deadline, stopped at once.

The only request that it can send is a GET.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from math import inf

from exporter.api.clock import ExchangeClock, Witness
from exporter.api.clock_votes import LEAST_RESPONSES
from exporter.api.network import LookUp, system_addresses
from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.api.response import stated_time
from exporter.api.retry import Policy, delay_s, pause_s
from exporter.api.sender import MOST_CONNECTIONS, HttpSender, Observer, Request, RequestResult
from exporter.model.errors import (
    ExchangeError,
    RateLimited,
    RetryLater,
    Stopping,
    UnexpectedPayload,
    UnexpectedResponse,
)
from exporter.model.route import Route

_log = logging.getLogger(__name__)
_MOST_TIME_REQUESTS = 16
_TIME_PAUSE_S = 1.0
_DIRECT = Route()

OnError = Callable[[ExchangeError], object]
"""Called with the error of each failed attempt."""


def _ignore(_error: ExchangeError) -> None:
    """The default: errors are only raised."""


class Client:
    """Reads from the exchange for one account. Thread-safe.

    ``token`` is called before each attempt; None sends no Authorization header. ``random`` yields
    values in [0, 1), ``monotonic`` seconds; ``look_up`` resolves host names, and may block.
    ``idle_connections``: how many are kept open between requests, at most. Every wait ends at once
    when ``stop`` is set, and ``interrupt`` ends the reads that are under way.
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
        look_up: LookUp = system_addresses,
        route: Route = _DIRECT,
        idle_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._account = account
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._observer = observer
        self._stop = stop
        self._policy = policy
        self._random = random
        self._monotonic = monotonic
        self._attempts = itertools.count(1)
        self._streak = _RateLimitStreak()
        self._sender = HttpSender(
            account=account,
            base_url=base_url,
            token=token,
            clock=clock,
            observer=observer,
            stop=stop,
            policy=policy,
            monotonic=monotonic,
            look_up=look_up,
            route=route,
            idle_connections=idle_connections,
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
        """The body of a good response: complete, and JSON by its first and last character.

        ``path`` is relative to the base URL; ``endpoint`` is its label, with ids taken out.
        ``on_error`` is called with the error of each failed attempt, the raised one included.

        ``deadline_s`` bounds when the last attempt may start: transient errors are retried unless
        the retry would start later than that many seconds after the first attempt did. It does not
        bound the wait for the rate limiter before the first attempt, unless the token is paused
        for longer (RateLimited at once), and cuts no attempt short: each may take
        ``Policy.attempt_s``. None: ``Policy.deadline_s``.

        Raises ExchangeError, and Stopping.
        """
        request = Request(path.lstrip("/"), params, endpoint or path)
        return self._request(request, priority, deadline_s, on_error).body

    def server_time(self, *, deadline_s: float | None = None) -> datetime:
        """The exchange's time (``GET time``), aware UTC; the clock learns from it, too.

        Raises as ``get`` does.
        """
        result = self._request(Request("time", {}, "time"), Priority.LIVE, deadline_s, _ignore)
        server = stated_time(result.body)
        witness = Witness(self._account, "time")
        self._clock.observe_instant(server, result.sent, result.received, witness)
        return server

    def learn_time(self, *, deadline_s: float) -> None:
        """Ask for the exchange's time until it is known: see `ExchangeClock`.

        For some seconds where its clock and ours differ; what they agree on is not known then.
        Raises as ``server_time``.
        """
        for number in range(_MOST_TIME_REQUESTS):
            if number >= LEAST_RESPONSES and self._stop.wait(_TIME_PAUSE_S):
                raise Stopping("shutting down: the exchange's time was not confirmed")
            try:
                self.server_time(deadline_s=deadline_s)
            except UnexpectedResponse:
                if not self._clock.heard:
                    raise  # else its header told a time
            if self._clock.known:
                return

    def interrupt(self) -> None:
        """End the reads under way, and any later one, at once. Set ``stop`` first."""
        self._sender.interrupt()

    def close(self) -> None:
        """Close all connections, once no thread reads any more. Set ``stop`` first."""
        self._sender.close()

    def _request(
        self, request: Request, priority: Priority, deadline_s: float | None, on_error: OnError
    ) -> RequestResult:
        """Attempt after attempt, until a good response or an error that is not retried."""
        within_s = self._policy.deadline_s if deadline_s is None else deadline_s
        self._acquire(priority, within_s, on_error)
        ends_at = self._monotonic() + within_s
        attempt, reconnected = 0, False
        while True:
            sent_at = self._monotonic()
            result = self._sender.attempt(request, f"{self._account}-{next(self._attempts)}")
            if result.error is None:
                self._streak.record_success(sent_at)
                return result
            if self._stop.is_set():
                raise Stopping(f"shutting down: {request.path} was not read to its end")
            if result.stale and not reconnected:
                reconnected = True
            else:
                on_error(result.error)
                self._wait_or_raise(result, result.error, attempt, sent_at, ends_at)
                attempt += 1
            self._acquire(priority, ends_at - self._monotonic(), on_error)

    def _acquire(self, priority: Priority, within_s: float, on_error: OnError) -> None:
        try:
            waited_s = self._rate_limiter.acquire(priority, within_s=within_s, stop=self._stop)
        except RateLimited as error:
            on_error(error)
            raise
        self._observer.record_wait(self._account, waited_s)

    def _wait_or_raise(
        self,
        result: RequestResult,
        error: ExchangeError,
        attempt: int,
        sent_at: float,
        ends_at: float,
    ) -> None:
        """Return when the request may be retried; raise ``error`` when it may not."""
        policy = self._policy
        if isinstance(error, RateLimited):
            if self._pause_token(error, sent_at) > ends_at:
                raise error
            return  # we wait in the rate limiter like everybody else
        # A proxy's HTML page in place of JSON is gone at the first retry, or stays.
        html = result.code == "200" and isinstance(error, UnexpectedPayload) and attempt == 0
        if not (html or isinstance(error, RetryLater)):
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
            raise Stopping("shutting down: a request was not retried")

    def _pause_token(self, error: RateLimited, sent_at: float) -> float:
        """Let nobody send with this token for a while; returns when that ends."""
        now = self._monotonic()
        paused_s = pause_s(
            self._streak.record_429(sent_at, now),
            base_s=self._policy.pause_base_s,
            cap_s=self._policy.pause_cap_s,
            random=self._random,
            after_s=error.after_s,
        )
        self._rate_limiter.pause(paused_s)
        _log.info(
            "rate limited (429): pausing this token for %.1f s: %s",
            paused_s,
            error,
            extra={"rest_s": round(paused_s, 3)},
        )
        return now + paused_s


class _RateLimitStreak:
    """Counts the 429s of a token in a row; those of requests under way at once count as one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._latest_at = -inf

    def record_429(self, sent_at: float, now: float) -> int:
        """Count one; returns how many came before it."""
        with self._lock:
            if sent_at >= self._latest_at:
                self._count += 1
            self._latest_at = now
            return max(0, self._count - 1)

    def record_success(self, sent_at: float) -> None:
        """Start over, unless the request was sent before the latest 429."""
        with self._lock:
            if sent_at >= self._latest_at:
                self._count = 0
