"""The part of ASGI that is used here: its types, and a response made whole before it is sent.

Specification: https://asgi.readthedocs.io/en/latest/specs/www.html, HTTP connection scope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = Iterable[tuple[str, str]]

_PART = 32 * 1024
"""Bytes of a body that are sent at once. The server waits between two parts while the client takes
none: it never holds more than a few of them for one client."""

TEXT = ("Content-Type", "text/plain; charset=utf-8")


class HttpResponse(NamedTuple):
    """A response with its whole body; `Content-Length` is added when it is sent."""

    body: bytes
    headers: Headers = (TEXT,)
    status: HTTPStatus = HTTPStatus.OK

    async def send(self, send: Send, more: Headers = ()) -> None:
        """Send it with ``more`` headers. The server leaves the body out of a response to HEAD."""
        headers = [*self.headers, *more, ("Content-Length", str(len(self.body)))]
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": encoded(headers),
            }
        )
        for start in range(0, max(len(self.body), 1), _PART):
            if start:
                await asyncio.sleep(0)  # others, and the news that this client is gone
            part = self.body[start : start + _PART]
            left = start + _PART < len(self.body)
            await send({"type": "http.response.body", "body": part, "more_body": left})


def status_only(status: HTTPStatus, *headers: tuple[str, str]) -> HttpResponse:
    """A response whose body is the status line, such as `404 Not Found`."""
    body = f"{status.value} {status.phrase}\n".encode()
    return HttpResponse(body, (TEXT, *headers), status)


def encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them: names in lower case, both in bytes."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


def header(scope: Scope, name: bytes) -> str:
    """The value of a request header (``name`` in lower case).

    A header that is repeated is one list (RFC 9110, section 5.3); one that is missing is empty.
    """
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
