"""Sends one GET and reports its result. The one place that speaks HTTP.

The token is put into the request at the last moment, and is in no message, log line, exception or
local variable of ours afterwards: errors are returned, not raised, so that no frame and no cause
of httpx, which hold the headers, travels with them.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NamedTuple, Protocol

import httpx
import socksio

from exporter._version import __version__
from exporter.api.body import (
    ACCEPT_ENCODING,
    LARGEST_BODY,
    LARGEST_ERROR_BODY,
    Body,
    Damaged,
    TooLarge,
    UnknownEncoding,
)
from exporter.api.clock import ExchangeClock, Witness, http_date
from exporter.api.network import Attempt, LookUp, Network, system_addresses
from exporter.api.response import error_of, retry_after_s, understood_by_status
from exporter.api.retry import Policy
from exporter.api.sent_tokens import SentTokens
from exporter.logs import context
from exporter.model.errors import (
    ConnectionFailed,
    ExchangeError,
    Stopping,
    TimedOut,
    TokenRefused,
    UnexpectedPayload,
)
from exporter.model.route import Proxy, Route, bracketed
from exporter.trust import trusting

_log = logging.getLogger(__name__)

# They log what the exchange sends before the token can be redacted; our own lines suffice.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)

_REQUEST_ID_HEADERS = ("CF-Ray", "X-Amzn-RequestId", "Apigw-RequestId", "X-Request-Id")
"""Ids that proxies and gateways give a request, to be quoted to support. The exchange documents
none of them."""
_LONGEST_REQUEST_ID = 100
_LONGEST_CAUSE = 200

MOST_CONNECTIONS = 16
_EXPIRY_S = 60.0
_WRITE_S, _POOL_S = 5.0, 10.0
_DIRECT = Route()


class Observer(Protocol):
    """Is called for every request sent and every wait for the rate limiter."""

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """``code``: the HTTP status, ``timeout`` or ``connection``. ``seconds``: with the body."""

    def record_wait(self, account: str, seconds: float) -> None:
        """A request waited ``seconds`` for the rate limiter, 0 included."""


class Unobserved:
    """For requests that no series counts: of an account that is not one of ours, or not yet."""

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """Nothing is counted."""

    def record_wait(self, account: str, seconds: float) -> None:
        """Nothing is counted."""


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
    """A connection left over from an earlier request broke before the status of a response.

    The exchange may close an idle connection at the very moment at which we use it again: that says
    nothing about its health, and a GET may be repeated (RFC 9110, 9.2.2)."""
    size: int | None = None
    """Bytes of the body, decompressed; None without a response."""
    exchange_id: str | None = None
    """The exchange's own id of the request, if it sent one."""


class BearerAuth(httpx.Auth):
    """The ``Authorization: Bearer`` header (RFC 6750, 2.1).

    Holds the token where no traceback and no ``repr`` shows it. None sends no header.
    """

    def __init__(self, token: str | None, sent: SentTokens) -> None:
        self._token = None if token is None else token.strip()
        self._sent_tokens = sent
        sent.note(self._token or "")

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
        return self._sent_tokens.redact(text)

    def hide(self, body: bytes) -> bytes:
        """The body of a response without the token."""
        return self._sent_tokens.hide(body)


class HttpSender:
    """Sends single GETs over one pool of connections. Thread-safe.

    What it guarantees about the token: it is read from ``token`` before each attempt, so that a
    rotated one is used at once; it goes to the host of ``base_url`` and nowhere else, since
    redirects are not followed and a path cannot change the host; it is in no returned error, log
    line or ``repr``, and is replaced by ``[token]`` in whatever the exchange echoes, good responses
    included, as are the tokens before it (`sent_tokens`).

    An attempt is over after ``Policy.attempt_s``, whatever the exchange sends or does not send, and
    what it may send is limited (`body`, `network`). Cookies are not kept: no request needs them,
    and there is no limit to how many are sent.
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
        look_up: LookUp = system_addresses,
        route: Route = _DIRECT,
        idle_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._account = account
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._sent_tokens = SentTokens()
        self._clock = clock
        self._observer = observer
        self._stop = stop
        self._attempt_s = policy.attempt_s
        self._monotonic = monotonic
        self._network = Network(monotonic, look_up)
        self._http = _client(policy, route, idle_connections)
        self._network.install(self._http)

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
        bearer = BearerAuth(self._token(), self._sent_tokens)
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
        self._network.interrupt()

    def close(self) -> None:
        """Close all connections, once nobody reads any more.

        The descriptor of a socket that is closed under a reader may be given to another socket,
        on which the reader would then wait.
        """
        self._network.interrupt()
        self._http.close()

    def _exchange(self, request: Request, bearer: BearerAuth, latest: float) -> RequestResult:
        with self._network.attempt(latest) as attempt:
            try:
                return self._send(request, bearer, attempt)
            except httpx.TimeoutException as error:
                attempt.give_up()
                over = self._monotonic() >= latest
                why = f"not complete after {self._attempt_s:g} s" if over else type(error).__name__
                return RequestResult("timeout", TimedOut(f"{request.path}: {why}"))
            except (httpx.HTTPError, httpx.InvalidURL, socksio.SOCKSError, Damaged) as error:
                attempt.give_up()
                message = f"{request.path}: {type(error).__name__}: {bearer.redact(str(error))}"
                stale = attempt.connection is None and not attempt.head_complete
                return RequestResult("connection", ConnectionFailed(message), stale=stale)
            except RuntimeError as error:
                # `close` closed the client between our last look at `stop` and the request.
                if self._stop.is_set():
                    raise Stopping(f"shutting down: {request.path} was not requested") from error
                raise

    def _send(self, request: Request, bearer: BearerAuth, attempt: Attempt) -> RequestResult:
        sent = self._clock.steady()
        with self._http.stream(
            "GET",
            # Joined as text: whatever a path holds, the token goes to no other host.
            f"{self._base_url}/{request.path}",
            params=request.params,
            auth=bearer,
        ) as response:
            attempt.head_complete = True
            received = self._clock.steady()
            self._clock.observe_date(
                response.headers.get("Date", ""),
                sent,
                received,
                Witness(self._account, request.endpoint),
                response.headers.get("Age", ""),
            )
            status = response.status_code
            error: ExchangeError | None = None
            try:
                body = bearer.hide(self._read(response, attempt))
            except _Unusable as unusable:
                cause = bearer.redact(str(unusable))[:_LONGEST_CAUSE]
                message = f"{request.path}: {status}: {cause}"
                body, error = b"", UnexpectedPayload(message)
            # The same clock wrote both headers.
            stated = http_date(response.headers.get("Date", "")) or self._clock.now()
            after_s = retry_after_s(response.headers.get("Retry-After"), lambda: stated)
        error = error or error_of(request.path, status, body, after_s=after_s, redact=bearer.redact)
        exchange_id = _exchange_id(response.headers, bearer.redact)
        good = b"" if error else body
        return RequestResult(
            str(status), error, good, sent, received, size=len(body), exchange_id=exchange_id
        )

    def _read(self, response: httpx.Response, attempt: Attempt) -> bytes:
        """The body of a good response, all of it. Of any other, what there is within a limit."""
        good = response.status_code == httpx.codes.OK
        encodings = response.headers.get_list("Content-Encoding", split_commas=True)
        limit = LARGEST_BODY if good else LARGEST_ERROR_BODY
        try:
            body = Body(encodings, limit)
        except UnknownEncoding as error:
            if not good:
                return b""
            raise _Unusable(f"encoded as {', '.join(encodings)!r}, not as requested") from error
        try:
            for sent in response.iter_raw():
                body.add(sent)
                self._check_time(response, attempt)
            return body.end()
        except TooLarge as error:
            if good:
                raise _Unusable(f"more than {limit} bytes") from error
        except (Damaged, httpx.HTTPError):
            if not understood_by_status(response.status_code):
                raise
        return body.content

    def _check_time(self, response: httpx.Response, attempt: Attempt) -> None:
        """Between two reads: what is there already is read without a wait."""
        if self._stop.is_set():
            raise Stopping("shutting down: a response was not read to its end")
        if self._monotonic() >= attempt.ends_at:
            raise httpx.ReadTimeout("", request=response.request)


class _Unusable(Exception):
    """A body that is not read, or not to its end; says why."""


def _client(policy: Policy, route: Route, idle_connections: int) -> httpx.Client:
    tls = trusting(route.certificate_file, route.certificate_dir)
    return httpx.Client(
        headers={
            "Accept": "application/json",
            "Accept-Encoding": ACCEPT_ENCODING,
            "User-Agent": f"onetrading-exporter/{__version__}",
        },
        timeout=httpx.Timeout(
            connect=policy.connect_s, read=policy.read_s, write=_WRITE_S, pool=_POOL_S
        ),
        limits=httpx.Limits(
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=idle_connections,
            keepalive_expiry=_EXPIRY_S,
        ),
        follow_redirects=False,
        verify=tls,
        proxy=None if route.proxy is None else _proxy(route.proxy, tls),
        # What the environment says was read and checked with the settings. httpx fails for what it
        # cannot read, with the password of a proxy in its message.
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def _proxy(proxy: Proxy, tls: ssl.SSLContext) -> httpx.Proxy:
    return httpx.Proxy(
        f"{proxy.scheme}://{bracketed(proxy.host)}:{proxy.port}",
        ssl_context=tls if proxy.scheme == "https" else None,
        auth=None if proxy.user is None else (proxy.user, proxy.password),
    )


def _exchange_id(headers: Mapping[str, str], redact: Callable[[str], str]) -> str | None:
    value = next((headers[name] for name in _REQUEST_ID_HEADERS if headers.get(name)), None)
    return None if value is None else redact(value)[:_LONGEST_REQUEST_ID]
