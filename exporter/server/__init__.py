"""The HTTP server: `/metrics`, the two probes, the status page; in a thread of its own.

It is handed callables and knows nothing behind them. uvicorn parses HTTP in one thread with one
event loop, so a client that is slow, or says nothing, occupies a socket and no thread.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from exporter.model.errors import SettingsError
from exporter.server.acceptor import Acceptor
from exporter.server.connection import Limits, limited
from exporter.server.pages import Application, Pages
from exporter.server.security.access import Access
from exporter.server.security.passwords import Passwords
from exporter.server.security.tls import has_allowed_san
from exporter.server.security.watcher import WebConfigWatcher

__all__ = ["Limits", "Pages", "Server", "WebConfigWatcher"]

_FINISH_S = 1
"""What answers under way get at a stop."""


_QUEUE = 1024
"""Connections that the system keeps for us until they are accepted."""


class Server:
    """Serves ``pages`` on ``host``:``port``. An empty host means all; port 0 takes a free one."""

    def __init__(
        self,
        host: str,
        port: int,
        pages: Pages,
        limits: Limits | None = None,
        protection: WebConfigWatcher | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        limits = limits or Limits()
        self._limits = limits
        self._protection = protection or WebConfigWatcher()
        self._host = host
        self._port = port
        self._stopping = threading.Event()
        self._kind = limited(limits, self._admits)
        self._passwords = passwords or Passwords()
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="page")
        self._config = uvicorn.Config(
            Access(Application(pages, self._workers), self._protection, self._passwords),
            http=self._kind,
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=limits.keep_alive_s,
            timeout_graceful_shutdown=_FINISH_S,
        )
        self._server: _Accepting | None = None
        # Daemons: a server that does not end in time must not keep the process alive.
        self._thread = Thread(target=self._run, name="server", daemon=True)
        self._watching = Thread(
            target=self._protection.watch, args=[self._stopping], name="web-config", daemon=True
        )

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        return self._port

    @property
    def alive(self) -> bool:
        """Whether the server's thread runs."""
        return self._thread.is_alive()

    @property
    def url(self) -> str:
        """Where it serves, once started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._protection.scheme}://{host}:{self._port}/"

    def start(self) -> None:
        """Listen, and answer from now on. Raises SettingsError when that address cannot be had."""
        listener = _listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        self._server = _Accepting(
            self._config, self._kind, listener, self._protection, self._limits
        )
        self._thread.start()
        self._watching.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Finish the answers under way, close every connection, end the threads."""
        self._stopping.set()
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(timeout)
            self._watching.join(timeout)
        self._passwords.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _admits(self, certificate: Mapping[str, Any]) -> bool:
        tls = self._protection.active.config.tls
        allowed = frozenset() if tls is None else tls.allowed_sans
        return not allowed or has_allowed_san(certificate, allowed)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = self._server
        if server is None:
            return
        await server.serve(sockets=[])
        # Clients that have not taken their answer in time are still connected.
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


class _Accepting(uvicorn.Server):
    """uvicorn, with connections from an Acceptor: it has no sockets of its own."""

    def __init__(
        self,
        config: uvicorn.Config,
        kind: type[H11Protocol],
        listener: socket.socket,
        protection: WebConfigWatcher,
        limits: Limits,
    ) -> None:
        super().__init__(config)
        self._kind = kind
        self._acceptor = Acceptor(
            listener,
            self._connection,
            lambda: protection.active.context,
            handshake_s=limits.exchange_s,
            handshakes=limits.handshakes,
        )

    def _connection(self) -> asyncio.Protocol:
        return self._kind(config=self.config, server_state=self.server_state, app_state={})

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._acceptor.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._acceptor.close()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Connections queue in it from now on, before anybody accepts them."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(address, family=family, dualstack_ipv6=both, backlog=_QUEUE)
    except (OSError, OverflowError) as error:
        cause = getattr(error, "strerror", None) or error
        raise SettingsError(
            [
                f"ONETRADING_LISTEN: cannot listen on {host}:{port} ({cause}); "
                "stop the program that uses it, or name another host and port"
            ]
        ) from error
    # Its connections inherit it. Without it the body waits 40 ms for the headers' acknowledgement:
    # asyncio sets it only on sockets that were opened naming TCP, which create_server does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
