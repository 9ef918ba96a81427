"""The HTTP server: `/metrics`, the two probes, the status page; in a thread of its own.

It is handed callables and knows nothing behind them. uvicorn parses HTTP in one thread with one
event loop, so a client that is slow, or says nothing, occupies a socket and no thread.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import uvicorn

from exporter.errors import SettingsError
from exporter.server.connection import Limits, limited
from exporter.server.pages import App, Pages, landing_page

__all__ = ["Limits", "Pages", "Server", "landing_page"]

_FINISH_S = 1
"""What answers under way get at a stop."""


class Server:
    """Serves ``pages`` on ``host``:``port``. An empty host means all; port 0 takes a free one."""

    def __init__(self, host: str, port: int, pages: Pages, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._host = host
        self._port = port
        self._sockets: list[socket.socket] = []
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="page")
        self._server = uvicorn.Server(
            uvicorn.Config(
                App(pages, self._workers),
                http=limited(limits),
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
        )
        # A daemon: a server that does not end in time must not keep the process alive.
        self._thread = Thread(target=self._run, name="server", daemon=True)

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        return self._port

    @property
    def alive(self) -> bool:
        """Whether the server's thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Listen, and answer from now on. Raises SettingsError when that address cannot be had."""
        listener = _listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        self._sockets = [listener]
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Finish the answers under way, close every connection, end the thread."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        await self._server.serve(sockets=self._sockets)
        # Clients that have not taken their answer in time are still connected.
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Connections queue in it from now on, before anybody accepts them."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(address, family=family, dualstack_ipv6=both, backlog=128)
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
