"""Sends one GET and says what came of it. The one place that speaks HTTP.

The token is put into the request at the last moment, and is in no message, log line, exception or
local variable of ours afterwards: errors are returned, not raised, so that no frame and no cause
of httpx, which hold the headers, travels with them.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import NamedTuple, Protocol

import httpx

from exporter._version import __version__
from exporter.api.bearer import BearerAuth
from exporter.api.clock import ExchangeClock
from exporter.api.response import judge, retry_after_s
from exporter.api.retry import Policy
from exporter.api.sockets import Sockets, Trace
from exporter.logs import context
from exporter.model.errors import (
    ConnectionFailed,
    ExchangeError,
    Stopping,
    TimedOut,
    TokenRefused,
    UnexpectedPayload,
)
from exporter.model.window import EPOCH

log = logging.getLogger(__name__)

# They log what the exchange sends before we can take the token out of it; our own lines suffice.
for _chatty in ("httpx", "httpcore"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

LARGEST_BODY = 64 * 1024 * 1024
"""In bytes, decompressed. The largest answer known, 5,000 candles, has about 2 MB."""

_REQUEST_IDS = ("CF-Ray", "X-Amzn-RequestId", "Apigw-RequestId", "X-Request-Id")
"""How proxies and gateways name a request to whoever asks about it; none is documented here."""
_LONGEST_ID = 100

_LIMITS = httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=60.0)
_WRITE_S, _POOL_S = 5.0, 10.0


class Observer(Protocol):
    """Told about every request that was sent and every wait for the budget."""

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """``code``: the HTTP status, ``timeout`` or ``connection``. ``seconds``: with the body."""

    def record_wait(self, account: str, seconds: float) -> None:
        """A request waited for its turn."""


class Request(NamedTuple):
    """A question: ``path`` relative to the base URL, ``endpoint`` the label that stands for it."""

    path: str
    params: Mapping[str, str]
    endpoint: str


class RequestResult(NamedTuple):
    """What an attempt came to: a good ``body``, or an ``error``.

    ``code`` is the HTTP status, ``timeout``, ``connection`` or '' when nothing was sent.
    ``sent`` and ``received`` (the header) are of our clock. ``stale``: see Trace. ``size``: of the
    body, in bytes, decompressed. ``named``: the exchange's own id of the request, if it sent one.
    """

    code: str
    error: ExchangeError | None
    body: bytes = b""
    sent: datetime = EPOCH
    received: datetime = EPOCH
    stale: bool = False
    size: int | None = None
    named: str | None = None


class _TooSlow(Exception):
    """An answer drips so slowly that no single read times out."""


class _TooLarge(Exception):
    """An answer is larger than LARGEST_BODY."""


@cache
def _tls() -> ssl.SSLContext:
    """What all clients check certificates with; loading them takes 50 ms, so it is done once."""
    return httpx.create_ssl_context()


class HttpSender:
    """One pool of connections. May be used from several threads at once."""

    def __init__(
        self,
        *,
        account: str,
        base_url: str,
        token: Callable[[], str | None],
        clock: ExchangeClock,
        observer: Observer,
        stop: threading.Event,
        policy: Policy,
        monotonic: Callable[[], float],
        transport: httpx.BaseTransport | None,
    ) -> None:
        self._account = account
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._clock = clock
        self._observer = observer
        self._stop = stop
        self._attempt_s = policy.attempt_s
        self._monotonic = monotonic
        self._sockets = Sockets()
        self._http = httpx.Client(
            headers={
                "Accept": "application/json",
                "User-Agent": f"onetrading-exporter/{__version__}",
            },
            timeout=httpx.Timeout(
                connect=policy.connect_s, read=policy.read_s, write=_WRITE_S, pool=_POOL_S
            ),
            limits=_LIMITS,
            follow_redirects=False,
            verify=_tls(),
            transport=transport,
        )

    def attempt(self, ask: Request, name: str) -> RequestResult:
        """Send ``ask`` once. ``name`` tells the attempts apart in the log. Raises Stopping."""
        with context.bind(account=self._account, request=name):
            outcome = self._attempt(ask)
            if outcome.error is not None:
                context.attach(outcome.error)
            return outcome

    def _attempt(self, ask: Request) -> RequestResult:
        if self._stop.is_set():
            raise Stopping(f"asked to stop before reading {ask.path}")
        bearer = BearerAuth(self._token())
        if not bearer.sendable:
            return RequestResult(
                "", TokenRefused(f"{ask.path}: the token is empty or no header text")
            )
        began = self._monotonic()
        outcome = self._exchange(ask, bearer, began + self._attempt_s)
        took = self._monotonic() - began
        self._observer.record_request(self._account, ask.endpoint, outcome.code, took)
        log.debug(
            "GET %s",
            outcome.error or f"{ask.path}: {outcome.code}",
            extra={
                "method": "GET",
                "endpoint": ask.endpoint,
                "query": dict(ask.params) or None,
                "status": outcome.code,
                "duration_s": round(took, 6),
                "bytes": outcome.size,
                "exchange_request": outcome.named,
            },
        )
        return outcome

    def interrupt(self) -> None:
        """Cut reads under way short; later ones end at once, too."""
        self._sockets.interrupt()

    def close(self) -> None:
        """Close all connections.

        Nobody should be reading any more: the number of a socket that is closed under a reader may
        be given to another one, on which it then waits.
        """
        self._sockets.interrupt()
        self._http.close()

    def _exchange(self, ask: Request, bearer: BearerAuth, latest: float) -> RequestResult:
        trace = Trace(self._sockets)
        try:
            return self._converse(ask, bearer, trace, latest)
        except httpx.TimeoutException as error:
            told = f"{ask.path}: {type(error).__name__}"
            return RequestResult("timeout", TimedOut(told))
        except _TooSlow:
            told = f"{ask.path}: not complete after {self._attempt_s:g} s"
            return RequestResult("timeout", TimedOut(told))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            told = f"{ask.path}: {type(error).__name__}: {bearer.redact(str(error))}"
            return RequestResult("connection", ConnectionFailed(told), stale=trace.stale)
        except RuntimeError as error:
            # Between our last look at `stop` and the request, `close` closed the client.
            if self._stop.is_set():
                raise Stopping("asked to stop before a request") from error
            raise

    def _converse(
        self, ask: Request, bearer: BearerAuth, trace: Trace, latest: float
    ) -> RequestResult:
        sent = self._clock.wall()
        with self._http.stream(
            "GET",
            # Joined as text: whatever a path holds, the token goes to no other host.
            f"{self._base_url}/{ask.path}",
            params=ask.params,
            auth=bearer,
            extensions={"trace": trace},
        ) as response:
            received = self._clock.wall()
            self._clock.observe_date(response.headers.get("Date", ""), sent, received)
            code = str(response.status_code)
            try:
                body = self._read(response, latest)
            except _TooLarge:
                told = f"{ask.path}: {code}: more than {LARGEST_BODY} bytes"
                return RequestResult(code, UnexpectedPayload(told))
            after_s = retry_after_s(response.headers.get("Retry-After"), self._clock.now)
        error = judge(ask.path, response.status_code, body, after_s=after_s, redact=bearer.redact)
        named = _request_id(response.headers, bearer.redact)
        good = b"" if error else body
        return RequestResult(code, error, good, sent, received, size=len(body), named=named)

    def _read(self, response: httpx.Response, latest: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if self._stop.is_set():
                raise Stopping("asked to stop while reading an answer")
            if len(body) > LARGEST_BODY:
                raise _TooLarge
            if self._monotonic() > latest:
                raise _TooSlow
        return bytes(body)


def _request_id(headers: Mapping[str, str], redact: Callable[[str], str]) -> str | None:
    """How the exchange's side names the request, to be quoted when asking for help."""
    found = next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None)
    return None if found is None else redact(found)[:_LONGEST_ID]
