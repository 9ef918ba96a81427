"""Who may see a page, how often, and with which headers: around the pages, as ASGI.

The probes are open: whoever starts and stops the process knows no password, and must not be told
that it is dead because somebody else asks too often.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from exporter.server.pages import Receive, Scope, Send
from exporter.server.security.passwords import Busy, Passwords, login
from exporter.server.security.watcher import WebConfigWatcher
from exporter.server.security.web_config import RateLimit

OPEN_PATHS = frozenset({"/-/healthy", "/-/ready"})
_CHALLENGE = ("WWW-Authenticate", 'Basic realm="onetrading-exporter", charset="UTF-8"')
_ALWAYS = (
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)
_BUSY_S = 1

_App = Callable[[Scope, Receive, Send], Any]


class Bucket:
    """A token bucket that is full at first."""

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


class Access:
    """``app``, for those whom ``protection`` lets in."""

    def __init__(self, app: _App, protection: WebConfigWatcher, passwords: Passwords) -> None:
        self._app = app
        self._protection = protection
        self._passwords = passwords
        self._bucket: Bucket | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        config, context = self._protection.active
        headers = dict(config.headers)
        if scope["state"]["context"] is not context:
            # Who is let in with a certificate is looked at when he connects, so he must do so anew.
            headers["Connection"] = "close"
        send = _with_headers(send, headers.items()) if headers else send
        refusal = None
        if scope["path"] not in OPEN_PATHS:
            refusal = self._too_often(config.rate_limit) or await self._refusal(scope, config.users)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await _refuse(send, *refusal)

    def _too_often(self, limit: RateLimit | None) -> _Refusal | None:
        if limit is None:
            return None
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = Bucket(limit)
        if self._bucket.take():
            return None
        pause_s = math.ceil(limit.interval_s)
        return HTTPStatus.TOO_MANY_REQUESTS, ("Retry-After", str(pause_s))

    async def _refusal(self, scope: Scope, users: Mapping[str, bytes]) -> _Refusal | None:
        if not users:
            return None
        given = login([value for name, value in scope["headers"] if name == b"authorization"])
        address = scope["client"][0] if scope.get("client") else ""
        try:
            if given is not None and await self._passwords.good(users, given, address):
                return None
        except Busy:
            return HTTPStatus.SERVICE_UNAVAILABLE, ("Retry-After", str(_BUSY_S))
        return HTTPStatus.UNAUTHORIZED, _CHALLENGE


_Refusal = tuple[HTTPStatus, tuple[str, str]]


async def _refuse(send: Send, status: HTTPStatus, header: tuple[str, str]) -> None:
    body = f"{status.value} {status.phrase}\n".encode()
    headers = (*_ALWAYS, header, ("Content-Length", str(len(body))))
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send, wanted: Any) -> Send:
    """``send``, with these headers in the place of the pages' own."""
    ours = [(name.lower().encode(), value.encode("ascii")) for name, value in wanted]
    names = {name for name, _ in ours}

    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message["headers"] if header[0] not in names]
            message = message | {"headers": kept + ours}
        await send(message)

    return sending
