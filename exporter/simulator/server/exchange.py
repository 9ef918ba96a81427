"""The exchange without its sockets: a request goes in, a response comes out.

One lock lets one request through at a time, and the market is first advanced to the simulated
present. All random choices come from one seeded generator, so the same requests in the same order
meet the same faults.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from exporter.simulator.endpoints.fault_injection import FaultInjector
from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.endpoints.paging import check_reach
from exporter.simulator.endpoints.records import encoded_trade_rows
from exporter.simulator.endpoints.requests import AccountRequest, EndpointRequest, Overrides
from exporter.simulator.endpoints.routes import PRIVATE, PUBLIC, match_route
from exporter.simulator.endpoints.wire import ErrorResponse, encode
from exporter.simulator.market.exact import exact
from exporter.simulator.market.market import Market
from exporter.simulator.market.prices import SECOND, seeded
from exporter.simulator.server.clock import RequestMeter, SimulatedClock

PREFIX = "/fast/v1"
_LOGGED_REQUESTS = 1_000_000
_BOMB_MIB = 64
_EXPIRES_AT = 2_080_000_000  # in November 2035
_FORBIDDEN = ErrorResponse(403, {"message": "Forbidden"})
_NOT_FOUND = ErrorResponse(404, {"message": "Not Found"})


class ReceivedRequest(NamedTuple):
    """One entry of the request log.

    `account` is a name, `public` without a token, or `unknown` with a token that is not valid;
    `status` is 0 when the connection was dropped; `at` is in seconds of the monotonic clock.
    """

    account: str
    path: str
    query: str
    method: str
    status: int
    at: float


@dataclass(frozen=True, slots=True)
class Response:
    """What goes onto the wire.

    `date` is in nanoseconds since the epoch, `delay` in seconds, and `delivery` is `complete`,
    `truncated`, `dripping` or `dropped`. `encoding` is its Content-Encoding, if it has one.
    """

    status: int
    body: bytes
    date: int
    delay: float = 0.0
    delivery: str = "complete"
    retry_after: int = 0
    content_type: str = "application/json"
    encoding: str = ""


def make_token(seed: int, name: str) -> str:
    """Return the bearer token of an account: shaped like a JWT, fixed by seed and name."""
    header = _base64url(b'{"alg":"HS256","typ":"JWT"}')
    claims = {"sub": name, "iss": "simulator", "seed": seed, "exp": _EXPIRES_AT}
    payload = _base64url(json.dumps(claims).encode())
    signature = _base64url(hashlib.sha256(f"{seed}/{name}".encode()).digest())
    return f"{header}.{payload}.{signature}"


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def _bomb() -> bytes:
    """A JSON array with nothing but spaces in it, compressed."""
    parts = gzip.compress(b"["), gzip.compress(b" " * 1024 * 1024) * _BOMB_MIB, gzip.compress(b"]")
    return b"".join(parts)


class SimulatedExchange:
    """A market behind the exchange's REST API, with faults."""

    def __init__(
        self,
        market: Market,
        clock: SimulatedClock,
        monotonic: Callable[[], float],
        faults: Faults,
        pages: Mapping[str, bytes],
    ) -> None:
        self.market = market
        self.clock = clock
        self.faults = faults
        self.wrong_times = 0
        """Responses that stated a wrong time since the faults were set."""
        self.overrides = Overrides()
        self.requests: deque[ReceivedRequest] = deque(maxlen=_LOGGED_REQUESTS)
        self.meters: dict[str, RequestMeter] = {}
        self.lock = Lock()
        self.tokens = {name: make_token(market.seed, name) for name in market.accounts}
        self._accounts_by_token = {token: name for name, token in self.tokens.items()}
        self._trade_rows = {
            name: encoded_trade_rows(account) for name, account in market.accounts.items()
        }
        self._monotonic = monotonic
        self._random = seeded(market.seed)
        self._pages = {path.removeprefix(PREFIX): body for path, body in pages.items()}

    def bring_up_to_date(self) -> None:
        """Advance the market to the simulated present. Call with the lock held."""
        self.market.advance_nanos(self.clock.now())

    def respond(self, method: str, target: str, token: str) -> Response:
        """Answer one request and log it; `target` is the request line's path and query."""
        parts = urlsplit(target)
        with self.lock:
            self.bring_up_to_date()
            account = self._accounts_by_token.get(token)
            response = self._response(method, parts.path, parts.query, account)
            received = ReceivedRequest(
                account or ("unknown" if token else "public"),
                parts.path.removeprefix(PREFIX),
                parts.query,
                method,
                0 if response.delivery == "dropped" else response.status,
                self._monotonic(),
            )
            self.requests.append(received)
        return response

    def _response(self, method: str, path: str, query: str, account: str | None) -> Response:
        faults = self.faults.for_account(account)
        injector = FaultInjector(faults, self._random, self.market.seed, self.market.instant)
        injector.clock_offset = self._clock_offset(faults, path.removeprefix(PREFIX))
        delay = (faults.latency_ms + self._random.random() * faults.jitter_ms) / 1_000
        now = self.market.instant + injector.clock_offset
        if method != "GET":
            return Response(405, encode({"message": "Method Not Allowed"}), now, delay)
        meter = self.meters.setdefault(account or "public", RequestMeter())
        if not meter.admit(self._monotonic(), faults.budget):
            body = encode({"error": "RATELIMIT"})
            return Response(429, body, now, delay, retry_after=faults.retry_after)
        if injector.draw(faults.drop_rate):
            return Response(0, b"", now, delay, "dropped")
        if injector.draw(faults.garbage_rate):
            page = b"<html><body><h1>Just a moment...</h1></body></html>"
            return Response(200, page, now, delay, content_type="text/html")
        if injector.draw(faults.bomb_rate):
            return Response(200, _bomb(), now, delay, encoding="gzip")
        try:
            body = self._body(path, query, account, injector)
        except ErrorResponse as error:
            return Response(error.status, encode(error.body), now, delay)
        delivery = "truncated" if injector.draw(faults.truncate_rate) else "complete"
        if injector.draw(faults.drip_rate):
            delivery = "dripping"
        return Response(200, body, now, delay, delivery)

    def _clock_offset(self, faults: Faults, path: str) -> int:
        """Nanoseconds by which the time in a response is wrong."""
        affected = not faults.clock_paths or path in faults.clock_paths
        if not (faults.clock_offset and affected):
            return 0
        if faults.clock_responses and self.wrong_times >= faults.clock_responses:
            return 0
        self.wrong_times += 1
        return int(faults.clock_offset * SECOND)

    def _body(
        self, full_path: str, query: str, account: str | None, injector: FaultInjector
    ) -> bytes:
        path, faults = full_path.removeprefix(PREFIX), injector.faults
        if injector.draw(faults.error_rate):
            status = self._random.choice((500, 502, 503))
            raise ErrorResponse(status, {"error": "Server error."})
        if path in faults.fail_paths:
            raise ErrorResponse(faults.fail_paths[path], {"error": "Server error."})
        route, parameter = match_route(path)
        if not full_path.startswith(PREFIX + "/") or not (route or path in self._pages):
            raise _NOT_FOUND
        if route not in PUBLIC and (account is None or account in faults.refuse_tokens):
            raise _FORBIDDEN
        if path in faults.forbid or route in faults.forbid:
            raise ErrorResponse(403, {"error": "Permission denied."})
        if path in self._pages:
            return self._pages[path]
        params = dict(parse_qsl(query, keep_blank_values=True))
        check_reach(params, self.market.instant, faults)
        request = EndpointRequest(self.market, params, injector, self.overrides, parameter)
        return encode(self._call(route, request, account))

    @exact
    def _call(self, route: str, request: EndpointRequest, account: str | None) -> Any:
        if route in PUBLIC:
            return PUBLIC[route](request)
        own = self.market.accounts[account or ""].endpoints
        endpoint: Callable[[AccountRequest], Any] = own.get(route) or PRIVATE[route]
        return endpoint(
            AccountRequest(
                request.market,
                request.params,
                request.injector,
                request.overrides,
                request.path_parameter,
                account=self.market.accounts[account or ""],
                trade_rows=self._trade_rows[account or ""],
            )
        )
