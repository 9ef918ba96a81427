"""Sends one GET and reports its result. The one place that speaks HTTP.

The token is put into the request at the last moment, and is in no message, log line, exception or
local variable of ours afterwards: errors are returned, not raised, so that no frame and no cause
of httpx, which hold the headers, travels with them.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple, Protocol
from weakref import WeakSet

import httpx

from exporter._version import __version__
from exporter.api.clock import ExchangeClock, Source, http_date
from exporter.api.response import error_of, retry_after_s
from exporter.api.retry import Policy
from exporter.logs import context
from exporter.model.errors import (
    ConnectionFailed,
    ExchangeError,
    Stopping,
    TimedOut,
    TokenRefused,
    UnexpectedPayload,
)

_log = logging.getLogger(__name__)

# They log what the exchange sends before the token can be redacted; our own lines suffice.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)

LARGEST_BODY = 64 * 1024 * 1024
"""In bytes, decompressed. The largest response known, 5,000 candles, has about 2 MB."""

_REQUEST_ID_HEADERS = ("CF-Ray", "X-Amzn-RequestId", "Apigw-RequestId", "X-Request-Id")
"""Ids that proxies and gateways give a request, to be quoted to support. The exchange documents
none of them."""
_LONGEST_REQUEST_ID = 100

_LIMITS = httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=60.0)
_WRITE_S, _POOL_S = 5.0, 10.0
_SOCKET_OPENED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Observer(Protocol):
    """Is called for every request sent and every wait for the rate limiter."""

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """``code``: the HTTP status, ``timeout`` or ``connection``. ``seconds``: with the body."""

    def record_wait(self, account: str, seconds: float) -> None:
        """A request waited ``seconds`` for the rate limiter, 0 included."""


class Request(NamedTuple):
    """A GET: ``path`` relative to the base URL, ``endpoint`` its label with ids taken out."""

    path: str
    params: Mapping[str, str]
    endpoint: str


class RequestResult(NamedTuple):
    """The result of one attempt: a good ``body``, or an ``error``."""

    code: str
    """The HTTP status, ``timeout``, ``connection``, or '' when nothing was sent."""
    error: ExchangeError | None
    body: bytes = b""
    """Complete and JSON when ``error`` is None, else empty."""
    sent: float = 0.0
    """When the request was sent, by the steady clock."""
    received: float = 0.0
    """When the response's header arrived, by the steady clock."""
    stale: bool = False
    """The connection was reused and closed before any response: see `_Trace.stale`."""
    size: int | None = None
    """Bytes of the body, decompressed; None without a response."""
    exchange_id: str | None = None
    """The exchange's own id of the request, if it sent one."""


class BearerAuth(httpx.Auth):
    """The ``Authorization: Bearer`` header (RFC 6750, 2.1).

    Holds the token where no traceback and no ``repr`` shows it. None sends no header.
    """

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.strip()

    @property
    def sendable(self) -> bool:
        """Whether a header can hold the token: visible ASCII, a little wider than RFC 6750, 2.1."""
        return self._token is None or (
            bool(self._token) and all("!" <= character <= "~" for character in self._token)
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def redact(self, text: str) -> str:
        """``text`` without the token, in case the exchange echoed it."""
        return text.replace(self._token, "[token]") if self._token else text


class HttpSender:
    """Sends single GETs over one pool of connections. Thread-safe.

    What it guarantees about the token: it is read from ``token`` before each attempt, so that a
    rotated one is used at once; it goes to the host of ``base_url`` and nowhere else, since
    redirects are not followed and a path cannot change the host; it is in no returned error, log
    line or ``repr``, and is replaced by ``[token]`` in whatever the exchange echoes.
    """

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
        self._sockets = _OpenSockets()
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

    def attempt(self, request: Request, request_id: str) -> RequestResult:
        """Send ``request`` once. ``request_id`` tells attempts apart in the log.

        Errors of the exchange are returned in the result. Raises Stopping.
        """
        with context.bind(account=self._account, request=request_id):
            result = self._attempt(request)
            if result.error is not None:
                context.attach(result.error)
            return result

    def _attempt(self, request: Request) -> RequestResult:
        if self._stop.is_set():
            raise Stopping(f"shutting down: {request.path} was not requested")
        bearer = BearerAuth(self._token())
        if not bearer.sendable:
            message = (
                f"{request.path}: the token is empty or contains characters no header can hold"
            )
            return RequestResult("", TokenRefused(message))
        began = self._monotonic()
        result = self._exchange(request, bearer, began + self._attempt_s)
        duration_s = self._monotonic() - began
        self._observer.record_request(self._account, request.endpoint, result.code, duration_s)
        _log.debug(
            "GET %s",
            result.error or f"{request.path}: {result.code}",
            extra={
                "method": "GET",
                "endpoint": request.endpoint,
                "query": dict(request.params) or None,
                "status": result.code,
                "duration_s": round(duration_s, 6),
                "bytes": result.size,
                "exchange_request": result.exchange_id,
            },
        )
        return result

    def interrupt(self) -> None:
        """End the reads under way, and any later one, at once."""
        self._sockets.shut_down()

    def close(self) -> None:
        """Close all connections, once nobody reads any more.

        The descriptor of a socket that is closed under a reader may be given to another socket,
        on which the reader would then wait.
        """
        self._sockets.shut_down()
        self._http.close()

    def _exchange(self, request: Request, bearer: BearerAuth, latest: float) -> RequestResult:
        trace = _Trace(self._sockets)
        try:
            return self._send(request, bearer, trace, latest)
        except httpx.TimeoutException as error:
            message = f"{request.path}: {type(error).__name__}"
            return RequestResult("timeout", TimedOut(message))
        except _TooSlow:
            message = f"{request.path}: not complete after {self._attempt_s:g} s"
            return RequestResult("timeout", TimedOut(message))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = f"{request.path}: {type(error).__name__}: {bearer.redact(str(error))}"
            return RequestResult("connection", ConnectionFailed(message), stale=trace.stale)
        except RuntimeError as error:
            # `close` closed the client between our last look at `stop` and the request.
            if self._stop.is_set():
                raise Stopping(f"shutting down: {request.path} was not requested") from error
            raise

    def _send(
        self, request: Request, bearer: BearerAuth, trace: _Trace, latest: float
    ) -> RequestResult:
        sent = self._clock.steady()
        with self._http.stream(
            "GET",
            # Joined as text: whatever a path holds, the token goes to no other host.
            f"{self._base_url}/{request.path}",
            params=request.params,
            auth=bearer,
            extensions={"trace": trace},
        ) as response:
            received = self._clock.steady()
            self._clock.observe_date(
                response.headers.get("Date", ""),
                sent,
                received,
                Source(self._account, request.endpoint),
                response.headers.get("Age", ""),
            )
            code = str(response.status_code)
            try:
                body = self._read(response, latest)
            except _TooLarge:
                message = f"{request.path}: {code}: more than {LARGEST_BODY} bytes"
                return RequestResult(code, UnexpectedPayload(message))
            # The same clock wrote both headers.
            stated = http_date(response.headers.get("Date", "")) or self._clock.now()
            after_s = retry_after_s(response.headers.get("Retry-After"), lambda: stated)
        error = error_of(
            request.path, response.status_code, body, after_s=after_s, redact=bearer.redact
        )
        exchange_id = _exchange_id(response.headers, bearer.redact)
        good = b"" if error else body
        return RequestResult(
            code, error, good, sent, received, size=len(body), exchange_id=exchange_id
        )

    def _read(self, response: httpx.Response, latest: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if self._stop.is_set():
                raise Stopping("shutting down: a response was not read to its end")
            if len(body) > LARGEST_BODY:
                raise _TooLarge
            if self._monotonic() > latest:
                raise _TooSlow
        return bytes(body)


class _TooSlow(Exception):
    """A response drips so slowly that no single read times out."""


class _TooLarge(Exception):
    """A response is larger than LARGEST_BODY."""


@cache
def _tls() -> ssl.SSLContext:
    """The TLS context of all clients: loading the certificates takes 50 ms, so it is done once."""
    return httpx.create_ssl_context()


def _exchange_id(headers: Mapping[str, str], redact: Callable[[str], str]) -> str | None:
    value = next((headers[name] for name in _REQUEST_ID_HEADERS if headers.get(name)), None)
    return None if value is None else redact(value)[:_LONGEST_REQUEST_ID]


class _OpenSockets:
    """The open sockets below httpx, so that a blocked read can be ended.

    httpx offers no way to do that: closing the client leaves a reader waiting up to its timeout.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._shut_down = False

    def add(self, opened: socket.socket) -> None:
        """Remember a socket for as long as httpx does."""
        with self._lock:
            self._sockets.add(opened)
            if self._shut_down:
                _shut_down(opened)

    def shut_down(self) -> None:
        """End every read that waits on one of them, now or later."""
        with self._lock:
            self._shut_down = True
            for opened in list(self._sockets):
                _shut_down(opened)


def _shut_down(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


class _Trace:
    """The ``trace`` extension of one request (HTTPX documentation, "Extensions")."""

    def __init__(self, sockets: _OpenSockets) -> None:
        self._sockets = sockets
        self._sending = False
        self._opened = False

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx for each event of the request."""
        if event in _SOCKET_OPENED:
            self._opened = True
            opened = info["return_value"].get_extra_info("socket")
            if isinstance(opened, socket.socket):
                self._sockets.add(opened)
        elif event == "http11.send_request_headers.started":
            self._sending = True
        elif event == "http11.receive_response_headers.complete":
            self._sending = False

    @property
    def stale(self) -> bool:
        """Whether a connection left over from an earlier request broke before any response.

        The exchange may close an idle connection at the very moment at which we use it again:
        that says nothing about its health, and a GET may be repeated (RFC 9110, 9.2.2).
        """
        return self._sending and not self._opened
