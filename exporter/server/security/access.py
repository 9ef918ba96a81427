"""Who may read a page, how often and with which headers: an ASGI application around the pages.

The probes are open to all: what starts and stops the process has no password, and must not take it
for dead because somebody else sends too many requests.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from exporter.server.asgi import App, HttpResponse, Receive, Scope, Send, encoded, status_only
from exporter.server.security.passwords import Passwords, TooManyChecks, parse_authorization
from exporter.server.security.watcher import WebConfigWatcher
from exporter.server.security.web_config import RateLimit

OPEN_PATHS = frozenset({"/-/healthy", "/-/ready"})
_CHALLENGE = ("WWW-Authenticate", 'Basic realm="onetrading-exporter", charset="UTF-8"')
_ALWAYS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_BUSY_S = 1


class Bucket:
    """A token bucket that starts full."""

    def __init__(self, limit: RateLimit, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._tokens = float(limit.burst)
        self._at = monotonic()

    def take(self) -> bool:
        """Whether one more request may pass now."""
        now = self._monotonic()
        gained = (now - self._at) / self.limit.interval_s
        self._tokens = min(self.limit.burst, self._tokens + gained)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class AccessControl:
    """Passes on to ``app`` the requests that the active web config allows, and refuses the rest."""

    def __init__(self, app: App, web_config: WebConfigWatcher, passwords: Passwords) -> None:
        self._app = app
        self._web_config = web_config
        self._passwords = passwords
        self._bucket: Bucket | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        config, context = self._web_config.active
        headers = dict(config.headers)
        if scope["state"]["context"] is not context:
            # Client certificates are verified when a client connects, so it must connect again.
            headers["Connection"] = "close"
        send = _with_headers(send, headers) if headers else send
        refusal = None
        if scope["path"] not in OPEN_PATHS:
            refusal = self._rate_limited(config.rate_limit) or await self._unauthorized(
                scope, config.users
            )
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.send(send, _ALWAYS)

    def _rate_limited(self, limit: RateLimit | None) -> HttpResponse | None:
        if limit is None:
            return None
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = Bucket(limit)
        if self._bucket.take():
            return None
        pause_s = math.ceil(limit.interval_s)
        return status_only(HTTPStatus.TOO_MANY_REQUESTS, ("Retry-After", str(pause_s)))

    async def _unauthorized(self, scope: Scope, users: Mapping[str, bytes]) -> HttpResponse | None:
        if not users:
            return None
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        credentials = parse_authorization(values)
        address = scope["client"][0] if scope.get("client") else ""
        try:
            if credentials and await self._passwords.accept(users, credentials, address):
                return None
        except TooManyChecks:
            return status_only(HTTPStatus.SERVICE_UNAVAILABLE, ("Retry-After", str(_BUSY_S)))
        return status_only(HTTPStatus.UNAUTHORIZED, _CHALLENGE)


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """``send``, with these response headers in place of those with the same names."""
    replacements = encoded(headers.items())
    names = {name for name, _ in replacements}

    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message["headers"] if header[0] not in names]
            message = message | {"headers": kept + replacements}
        await send(message)

    return sending
