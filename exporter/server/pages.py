"""What is served under which path, and with which headers: a small ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

_logger = logging.getLogger(__name__)

Headers = Iterable[tuple[str, str]]

# As in the ASGI specification, HTTP part.
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_HTML = ("Content-Type", "text/html; charset=utf-8")
_JSON = ("Content-Type", "application/json")

# Balances are nobody else's business: not of a cache, not of another site's frame or script.
_ALWAYS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


@dataclass(frozen=True, kw_only=True)
class Pages:
    """What is served.

    ``metrics`` (of Accept and Accept-Encoding; gives body and headers) and ``healthy`` are called
    on the event loop: they must not block. The others are called in worker threads: one that
    hangs delays its like, never a scrape.
    """

    metrics: Callable[[str, str], tuple[bytes, Headers]]
    healthy: Callable[[], tuple[bool, str]]
    ready: Callable[[], tuple[bool, str]]
    index: Callable[[], bytes]
    """HTML."""
    status: Callable[[], bytes]
    """JSON."""
    content_security_policy: str = "default-src 'none'"
    """Of every response: what the index page may load."""


class _Reply(NamedTuple):
    body: bytes
    headers: Headers = (_TEXT,)
    status: HTTPStatus = HTTPStatus.OK


class Application:
    """The ASGI application: GET and HEAD of five paths."""

    def __init__(self, pages: Pages, workers: Executor) -> None:
        self._pages = pages
        self._workers = workers
        self._slow: dict[str, Callable[[], _Reply]] = {
            "/-/ready": lambda: _probe(pages.ready()),
            "/": lambda: _Reply(pages.index(), (_HTML,)),
            "/api/status": lambda: _Reply(pages.status(), (_JSON,)),
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request; its body, if any, is not looked at."""
        if scope["method"] not in ("GET", "HEAD"):
            reply = _short(HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))
        else:
            reply = await self._reply(scope)
        policy = ("Content-Security-Policy", self._pages.content_security_policy)
        headers = [*reply.headers, *_ALWAYS, policy, ("Content-Length", str(len(reply.body)))]
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers],
            }
        )
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope) -> _Reply:
        path = scope["path"]
        try:
            if path == "/metrics":
                accept, encoding = _header(scope, b"accept"), _header(scope, b"accept-encoding")
                return _Reply(*self._pages.metrics(accept, encoding))
            if path == "/-/healthy":
                return _probe(self._pages.healthy())
            if path in self._slow:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._workers, self._slow[path])
        except Exception:
            # The log has the traceback; a stranger learns nothing from the answer.
            _logger.exception("%s cannot be answered", path)
            return _short(HTTPStatus.INTERNAL_SERVER_ERROR)
        return _short(HTTPStatus.NOT_FOUND)


def _header(scope: Scope, wanted: bytes) -> str:
    """The header's value; repeated headers are one list."""
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == wanted)


def _probe(outcome: tuple[bool, str]) -> _Reply:
    good, text = outcome
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    return _Reply(f"{text}\n".encode(), status=status)


def _short(status: HTTPStatus, *headers: tuple[str, str]) -> _Reply:
    return _Reply(f"{status.value} {status.phrase}\n".encode(), (_TEXT, *headers), status)
