"""The exchange without its sockets: a request goes in, an answer comes out.

One lock serves one request at a time; the market is brought up to the simulated present first.
All random choices come from the exchange's own seeded generator, so the same requests in the same
order meet the same faults.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from exporter.simulator.endpoints.distortion import Distortion
from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.endpoints.requests import AccountQuery, Overrides, Query
from exporter.simulator.endpoints.routes import PRIVATE, PUBLIC, pattern_of
from exporter.simulator.endpoints.trade_rows import TradeRows
from exporter.simulator.endpoints.wire import Refusal, encode
from exporter.simulator.market.exact import exact
from exporter.simulator.market.market import Market, SimulatedAccount
from exporter.simulator.market.prices import seeded
from exporter.simulator.server.clock import Clock, Meter

PREFIX = "/fast/v1"
_REMEMBERED = 1_000_000
_FORBIDDEN = Refusal(403, {"message": "Forbidden"})
_NOT_FOUND = Refusal(404, {"message": "Not Found"})


class Request(NamedTuple):
    """A request as it was seen. `account` is `public` without a token; `status` 0 was dropped.

    `at` is in seconds of the monotonic clock.
    """

    account: str
    path: str
    query: str
    method: str
    status: int
    at: float


@dataclass(frozen=True, slots=True)
class Response:
    """What goes onto the wire. `fate` is `whole`, `truncated` or `dropped`; `delay` in seconds."""

    status: int
    body: bytes
    date: int
    delay: float = 0.0
    fate: str = "whole"
    retry_after: int = 0
    content_type: str = "application/json"


def make_token(seed: int, name: str) -> str:
    """Return the bearer token of an account: shaped like a JWT, the same for a seed and a name."""
    header = _unpadded(b'{"alg":"HS256","typ":"JWT"}')
    payload = _unpadded(json.dumps({"sub": name, "iss": "simulator", "seed": seed}).encode())
    signature = _unpadded(hashlib.sha256(f"{seed}/{name}".encode()).digest())
    return f"{header}.{payload}.{signature}"


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Exchange:
    """A market behind the exchange's REST interface, with faults."""

    def __init__(
        self,
        market: Market,
        clock: Clock,
        monotonic: Callable[[], float],
        faults: Faults,
        pages: Mapping[str, bytes],
    ) -> None:
        self.market = market
        self.clock = clock
        self.faults = faults
        self.overrides = Overrides()
        self.requests: deque[Request] = deque(maxlen=_REMEMBERED)
        self.meters: dict[str, Meter] = {}
        self.lock = Lock()
        self.tokens = {name: make_token(market.seed, name) for name in market.accounts}
        self._names = {token: name for name, token in self.tokens.items()}
        self._rows = {name: TradeRows(account) for name, account in market.accounts.items()}
        self._monotonic = monotonic
        self._random = seeded(market.seed)
        self._pages = {path.removeprefix(PREFIX): body for path, body in pages.items()}

    def bring_up_to_date(self) -> None:
        """Advance the market to the simulated present. Call with the lock held."""
        self.market.advance_nanos(self.clock.now())

    def answer(self, method: str, target: str, token: str) -> Response:
        """Answer one request; `target` is the request line's path and query."""
        parts = urlsplit(target)
        with self.lock:
            self.bring_up_to_date()
            account = self._names.get(token)
            answer = self._answer(method, parts.path, parts.query, account)
            caller = account or ("unknown" if token else "public")
            seen = Request(
                caller,
                parts.path.removeprefix(PREFIX),
                parts.query,
                method,
                0 if answer.fate == "dropped" else answer.status,
                self._monotonic(),
            )
            self.requests.append(seen)
        return answer

    def _answer(self, method: str, path: str, query: str, account: str | None) -> Response:
        faults = self.faults.for_account(account)
        distortion = Distortion(faults, self._random, self.market.seed, self.market.instant)
        delay = (faults.latency_ms + self._random.random() * faults.jitter_ms) / 1_000
        now = self.market.instant
        if method != "GET":
            return Response(405, encode({"message": "Method Not Allowed"}), now, delay)
        if not self._admit(account, faults):
            body = encode({"error": "RATELIMIT"})
            return Response(429, body, now, delay, retry_after=faults.retry_after)
        if distortion.chance(faults.drop_rate):
            return Response(0, b"", now, delay, "dropped")
        if distortion.chance(faults.garbage_rate):
            page = b"<html><body><h1>Just a moment...</h1></body></html>"
            return Response(200, page, now, delay, content_type="text/html")
        try:
            body = self._served(path.removeprefix(PREFIX), path, query, account, distortion)
        except Refusal as refusal:
            return Response(refusal.status, encode(refusal.body), now, delay)
        fate = "truncated" if distortion.chance(faults.truncate_rate) else "whole"
        return Response(200, body, now, delay, fate)

    def _admit(self, account: str | None, faults: Faults) -> bool:
        meter = self.meters.setdefault(account or "public", Meter())
        return meter.admit(self._monotonic(), faults.budget)

    def _served(
        self, path: str, full: str, query: str, account: str | None, distortion: Distortion
    ) -> bytes:
        faults = distortion.faults
        if distortion.chance(faults.error_rate):
            status = self._random.choice((500, 502, 503))
            raise Refusal(status, {"error": "Server error."})
        if path in faults.fail_paths:
            raise Refusal(faults.fail_paths[path], {"error": "Server error."})
        pattern, tail = pattern_of(path)
        if not full.startswith(PREFIX + "/") or not (pattern or path in self._pages):
            raise _NOT_FOUND
        if pattern not in PUBLIC and (account is None or account in faults.refuse_tokens):
            raise _FORBIDDEN
        if path in faults.forbid or pattern in faults.forbid:
            raise Refusal(403, {"error": "Permission denied."})
        if path in self._pages:
            return self._pages[path]
        params = dict(parse_qsl(query, keep_blank_values=True))
        return encode(self._asked(pattern, tail, params, account, distortion))

    @exact
    def _asked(
        self,
        pattern: str,
        tail: str,
        params: dict[str, str],
        account: str | None,
        distortion: Distortion,
    ) -> Any:
        if pattern in PUBLIC:
            return PUBLIC[pattern](Query(self.market, params, distortion, self.overrides, tail))
        found: SimulatedAccount = self.market.accounts[account or ""]
        query = AccountQuery(
            self.market,
            params,
            distortion,
            self.overrides,
            tail,
            account=found,
            trade_rows=self._rows[found.name],
        )
        return PRIVATE[pattern](query)
