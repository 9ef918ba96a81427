"""The pages and their headers: which path is served by what, as a small ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from exporter.server.asgi import Headers, HttpResponse, Receive, Scope, Send, header, status_only
from exporter.shared import Shared

_logger = logging.getLogger(__name__)

_HTML = ("Content-Type", "text/html; charset=utf-8")
_JSON = ("Content-Type", "application/json")

# Balances are private: no cache may keep them, no other site may frame or read them.
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
    """The functions that make the pages.

    ``index`` and ``status`` are shared by all who ask at about the same time (`Shared`).
    ``metrics`` and ``healthy`` are called on the event loop and must not block. The others are
    called in worker threads: one that hangs delays its like, never a scrape.
    """

    metrics: Callable[[str, str], tuple[bytes, Headers]]
    """From the request headers Accept and Accept-Encoding to a body and its headers."""
    healthy: Callable[[], tuple[bool, str]]
    """Whether it is (200 or 503), and the text that says so."""
    ready: Callable[[], tuple[bool, str]]
    """The same shape as ``healthy``."""
    index: Callable[[], bytes]
    """HTML."""
    status: Callable[[], bytes]
    """JSON."""
    content_security_policy: str = "default-src 'none'"
    """What the index page may load; sent with every page."""


class _Route(NamedTuple):
    respond: Callable[[Scope], HttpResponse]
    in_worker: bool
    """In a worker thread; otherwise on the event loop."""


class Application:
    """The ASGI application: GET and HEAD of five paths; 404 and 405 for everything else."""

    def __init__(self, pages: Pages, workers: Executor) -> None:
        self._workers = workers
        self._headers = (*_ALWAYS, ("Content-Security-Policy", pages.content_security_policy))
        index = Shared[None, HttpResponse](lambda _: HttpResponse(pages.index(), [_HTML]))
        status = Shared[None, HttpResponse](lambda _: HttpResponse(pages.status(), [_JSON]))
        self._routes = {
            "/metrics": _Route(lambda scope: _metrics(pages, scope), in_worker=False),
            "/-/healthy": _Route(lambda _: _probe(*pages.healthy()), in_worker=False),
            "/-/ready": _Route(lambda _: _probe(*pages.ready()), in_worker=True),
            "/api/status": _Route(lambda _: status.get(None), in_worker=True),
            "/": _Route(lambda _: index.get(None), in_worker=True),
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request; its body, if any, is not read."""
        response = await self._response(scope)
        await response.send(send, self._headers)

    async def _response(self, scope: Scope) -> HttpResponse:
        if scope["method"] not in ("GET", "HEAD"):
            return status_only(HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))
        route = self._routes.get(scope["path"])
        if route is None:
            return status_only(HTTPStatus.NOT_FOUND)
        try:
            if not route.in_worker:
                return route.respond(scope)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._workers, route.respond, scope)
        except Exception:
            # The traceback goes to the log alone: a stranger learns nothing from the response.
            _logger.exception("could not render %s", scope["path"])
            return status_only(HTTPStatus.INTERNAL_SERVER_ERROR)


def _metrics(pages: Pages, scope: Scope) -> HttpResponse:
    body, headers = pages.metrics(header(scope, b"accept"), header(scope, b"accept-encoding"))
    return HttpResponse(body, headers)


def _probe(good: bool, text: str) -> HttpResponse:
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    return HttpResponse(f"{text}\n".encode(), status=status)
