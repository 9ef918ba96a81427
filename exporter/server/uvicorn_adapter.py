"""uvicorn, with the limits and the replaceable TLS context that it lacks.

The only module that subclasses uvicorn's classes. It relies on more than uvicorn documents: on
attributes and methods of `H11Protocol` and `Server`, which tests/server/test_uvicorn_adapter.py
lists. When an upgrade of uvicorn changes one of them, that test says which.

What uvicorn lacks: it waits for ever for the first request of a connection, and for a client that
does not read its response; it answers as many requests as a client sends ahead of their responses;
its limit of connections counts silent ones as well and then refuses every scrape; it raises where a
request turns out to be malformed after its response has begun; it keeps the TLS context that it
was started with; and it wakes all the time, to see whether it is to stop.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.server.acceptor import Acceptor
from exporter.server.asgi import App

_logger = logging.getLogger(__name__)

_WRITE_BUFFER = 32 * 1024
"""Bytes for one client, beyond which the rest of its response waits until it reads."""
_TICK_S = 1.0
"""How often the `Date` header is renewed. uvicorn wakes ten times as often, to see whether it is to
stop: of a process at rest that was a third of all its work."""
_GRACE_S = 1
"""How long responses under way may take once the server stops."""

AcceptsCertificate = Callable[[Mapping[str, Any]], bool]
"""Of a client's verified certificate, as `SSLSocket.getpeercert` gives it; empty without one."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a client may take, and how many may be connected."""

    exchange_s: float = 10.0
    """To send a request and read its response; before that, to finish the TLS handshake."""
    pipelined: int = 4
    """Requests that a client may send ahead of their responses; then its connection is closed.
    No scraper does that."""
    keep_alive_s: int = 75
    """To stay idle between requests. Longer than the usual scrape interval of a minute."""
    connections: int = 500
    """Half the usual limit of open files. Beyond it, the one idle for longest is closed."""
    handshakes: int = 250
    """TLS handshakes under way, in addition. Beyond it, the oldest one is closed."""


class LimitedServer(uvicorn.Server):
    """Serves ``app`` on the one socket given to `serve`, which an `Acceptor` accepts from.

    ``tls_context`` is called for each new connection; None: plain HTTP.
    """

    def __init__(
        self,
        app: App,
        limits: Limits,
        tls_context: Callable[[], ssl.SSLContext | None],
        accepts_certificate: AcceptsCertificate,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                cast(Any, app),
                http=H11Protocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=limits.keep_alive_s,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._acceptor = Acceptor(
            lambda: LimitedConnection(self.config, self.server_state, limits, accepts_certificate),
            tls_context,
            handshake_s=limits.exchange_s,
            handshakes=limits.handshakes,
        )
        self._serving: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Let `serve` return soon. From any thread; also before it was called."""
        self.should_exit = True
        if self._serving is not None:
            with suppress(RuntimeError):  # closed: it has ended by itself
                self._serving.call_soon_threadsafe(self._ending.set)

    async def main_loop(self) -> None:
        # Known before it is asked whether to stop: otherwise an `end` in between would not wake it.
        self._serving = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _TICK_S)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn gets no socket: its own servers would keep one TLS context.
        await super().startup([])
        [listener] = sockets or []
        self._acceptor.start(listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._acceptor.close()
        await super().shutdown(sockets)
        # Clients that have not read their response in time are still connected.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


class LimitedConnection(H11Protocol):
    """A connection with a deadline for each exchange, whether it sends, reads or does neither.

    Each request finds in its scope's state, under ``context``, the TLS context of its connection.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        limits: Limits,
        accepts_certificate: AcceptsCertificate,
    ) -> None:
        super().__init__(config, server_state, app_state={})
        self.active_at = 0.0
        """When it was accepted or last answered, on the event loop's clock."""
        self._idle = False
        """It was answered and has sent nothing since; some of the answer may still be unread."""
        self._ahead = 0
        """Requests in a row that were there before the response to the one before."""
        self._limits = limits
        self._accepts_certificate = accepts_certificate
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.transport.set_write_buffer_limits(high=_WRITE_BUFFER)
        self.app_state["context"] = transport.get_extra_info("sslcontext")
        self._begin_exchange()
        if not self._accepts_certificate(transport.get_extra_info("peercert") or {}):
            # Only clients with a verified certificate get here: nobody else can fill the log.
            _logger.warning(
                "closed a connection: its client certificate has no name of client_allowed_sans"
            )
            self.transport.abort()
        if len(self.connections) > self._limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._idle:
            self._idle = False
            self._set_deadline(self._limits.exchange_s)
        super().data_received(data)

    def on_response_complete(self) -> None:
        more = self.conn.their_state is h11.DONE and bool(self.conn.trailing_data[0])
        self._ahead = self._ahead + 1 if more else 0
        if self._ahead > self._limits.pipelined:
            self.transport.close()
        self._begin_exchange()
        self._idle = not more
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        _logger.debug("a client sent a malformed request")
        if self.cycle is not None:
            # The response, if it is still being made, cannot be sent any more.
            self.cycle.disconnected = True
        with suppress(h11.LocalProtocolError):  # a response has begun, or HEAD forbids the body
            super().send_400_response(msg)
        self.transport.close()

    def _begin_exchange(self) -> None:
        self.active_at = self.loop.time()
        self._set_deadline(self._limits.exchange_s)

    def _set_deadline(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        """The time of an exchange is over: only an idle client that has read all may stay."""
        unread = self.transport.get_write_buffer_size() > 0
        if self._idle and not unread and not self.transport.is_closing():
            return  # uvicorn closes it after `keep_alive_s`
        # abort, not close: closing waits for the client to read what is still unsent.
        self.transport.abort()

    def _make_room(self) -> None:
        # Not by deadline: an idle connection has a late one, so each newcomer would go first.
        # An aborted connection stays in the set until the event loop's next round.
        connected = [
            connection
            for connection in self.connections
            if isinstance(connection, LimitedConnection) and not connection.transport.is_closing()
        ]
        if len(connected) > self._limits.connections:
            min(connected, key=lambda connection: connection.active_at).transport.abort()
