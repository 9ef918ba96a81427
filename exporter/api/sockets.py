"""Watches the connections below httpx: which are new, and how a blocked read is cut short.

httpx tells a request's ``trace`` extension each step of it (HTTPX documentation, "Extensions").
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

_OPENED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Sockets:
    """All sockets of a client that are still open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self._interrupted = False

    def add(self, opened: socket.socket) -> None:
        """Remember a socket until nobody else does."""
        with self._lock:
            self._open.add(opened)
            if self._interrupted:
                _shut(opened)

    def interrupt(self) -> None:
        """End every read that waits on one of them, now or later.

        A plain close() would leave it waiting, up to its timeout.
        """
        with self._lock:
            self._interrupted = True
            for opened in list(self._open):
                _shut(opened)


def _shut(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


class Trace:
    """The ``trace`` extension of one request."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._sending = False
        self._opened = False

    def __call__(self, step: str, info: Mapping[str, Any]) -> None:
        """Called by httpx for each step."""
        if step in _OPENED:
            self._opened = True
            opened = info["return_value"].get_extra_info("socket")
            if isinstance(opened, socket.socket):
                self._sockets.add(opened)
        elif step == "http11.send_request_headers.started":
            self._sending = True
        elif step == "http11.receive_response_headers.complete":
            self._sending = False

    @property
    def stale(self) -> bool:
        """Whether the request died unanswered on a connection left over from an earlier one.

        The exchange may close an idle connection at the very moment at which we use it again:
        that says nothing about its health, and a GET may be sent again (RFC 9110, 9.2.2).
        """
        return self._sending and not self._opened
