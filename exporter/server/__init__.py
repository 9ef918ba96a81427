"""The HTTP server: `/metrics`, the two probes and the status page, in a thread of its own.

It is given functions and knows nothing about what is behind them. uvicorn parses HTTP in one thread
with one event loop, so a slow or silent client occupies a socket but no thread.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

from exporter.model.errors import SettingsError
from exporter.server.pages import Application, Pages
from exporter.server.security.access import AccessControl
from exporter.server.security.passwords import Passwords
from exporter.server.security.tls import has_allowed_san
from exporter.server.security.watcher import WebConfigWatcher
from exporter.server.uvicorn_adapter import LimitedServer, Limits

__all__ = ["Limits", "Pages", "Server", "WebConfigWatcher", "check_free"]

_BACKLOG = 1024
"""Connections that the operating system queues until they are accepted."""

_SEND_BUFFER, _RECEIVE_BUFFER = 128 * 1024, 32 * 1024
"""Bytes that the operating system may hold for one connection; Linux takes twice as many. By
default it holds several megabytes of what a client does not read."""


class Server:
    """Serves ``pages`` on ``host``:``port``. An empty host: all addresses; port 0: a free one."""

    def __init__(
        self,
        host: str,
        port: int,
        pages: Pages,
        limits: Limits | None = None,
        web_config: WebConfigWatcher | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._web_config = web_config or WebConfigWatcher()
        self._passwords = passwords or Passwords()
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="page")
        self._uvicorn = LimitedServer(
            AccessControl(Application(pages, self._workers), self._web_config, self._passwords),
            limits or Limits(),
            tls_context=lambda: self._web_config.active.context,
            accepts_certificate=self._accepts_certificate,
        )
        self._unread_ms = int((limits or Limits()).exchange_s * 1000)
        self._listeners: list[socket.socket] = []
        self._stopping = threading.Event()
        # Daemons: a thread that does not end in time must not keep the process alive.
        self._thread = Thread(target=self._serve, name="server", daemon=True)
        self._watcher = Thread(
            target=self._web_config.watch, args=[self._stopping], name="web-config", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on, once started."""
        return self._port

    @property
    def alive(self) -> bool:
        """Whether the server's thread is running."""
        return self._thread.is_alive()

    @property
    def url(self) -> str:
        """The URL of the index page, once started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._web_config.scheme}://{host}:{self._port}/"

    def start(self) -> None:
        """Listen and serve. Raises SettingsError when it cannot listen on that address."""
        listener = _listen(self._host, self._port)
        _limit(listener, self._unread_ms)
        self._port = listener.getsockname()[1]
        self._listeners = [listener]
        self._thread.start()
        self._watcher.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Finish the responses under way, close every connection, end the threads."""
        self._stopping.set()
        self._uvicorn.end()
        for thread in (self._thread, self._watcher):
            if thread.is_alive():
                thread.join(timeout)
        self._passwords.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _serve(self) -> None:
        asyncio.run(self._uvicorn.serve(sockets=self._listeners))

    def _accepts_certificate(self, certificate: Mapping[str, Any]) -> bool:
        tls = self._web_config.active.config.tls
        allowed = frozenset() if tls is None else tls.allowed_sans
        return not allowed or has_allowed_san(certificate, allowed)


def check_free(host: str, port: int) -> None:
    """Raise SettingsError unless a server could listen on that address now."""
    _listen(host, port).close()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Connections queue in it before anything accepts them."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        dual = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(
            address, family=family, dualstack_ipv6=dual, backlog=_BACKLOG
        )
    except (OSError, OverflowError) as error:
        # Of create_server it has the address in it once more.
        cause = str(getattr(error, "strerror", None) or error).partition(" (while ")[0]
        raise SettingsError(
            [
                f"ONETRADING_LISTEN: cannot listen on {host}:{port} ({cause}); "
                "stop the program that uses it, or set another host and port"
            ]
        ) from error
    # Its connections inherit it. Without it the body waits 40 ms for the headers' acknowledgement:
    # asyncio sets it only on sockets opened with IPPROTO_TCP, which create_server does not pass.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _limit(listener: socket.socket, unread_ms: int) -> None:
    """Set what its connections inherit: how much the operating system holds, and for how long."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: of what was sent and is not acknowledged
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread_ms)
