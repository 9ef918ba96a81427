"""Accepts connections, each with the TLS context that is in force at that moment.

asyncio's own servers keep for ever the context that they were made with.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_logger = logging.getLogger(__name__)

_NO_DESCRIPTORS_PAUSE_S = 0.2


class Acceptor:
    """Accepts from ``listener`` and hands each connection, once TLS stands, to a new protocol.

    A client gets ``handshake_s`` for its handshake; beyond ``handshakes`` of them at once the
    oldest one ends. Each is a socket, and no thread.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext | None],
        *,
        handshake_s: float,
        handshakes: int,
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._context = context
        self._handshake_s = handshake_s
        self._handshakes = handshakes
        self._opening: dict[asyncio.Task[None], socket.socket] = {}
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Accept from now on, on the running event loop."""
        self._listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Accept no more, and end the handshakes under way."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        self._listener.close()
        for connection in self._opening.values():
            _interrupt(connection)
        await asyncio.gather(*self._opening, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except ConnectionError:
                continue
            except OSError as error:
                # No file descriptor is left; waiting clients stay in the queue of the system.
                _logger.warning("cannot accept a connection: %s", error.strerror)
                await asyncio.sleep(_NO_DESCRIPTORS_PAUSE_S)
                continue
            task = loop.create_task(self._open(connection))
            self._opening[task] = connection
            task.add_done_callback(lambda done: self._opening.pop(done, None))
            if len(self._opening) > self._handshakes:
                # Out of the list at once: it ends only in the event loop's next rounds.
                _interrupt(self._opening.pop(next(iter(self._opening))))
            # Accepting from a full queue never waits by itself.
            await asyncio.sleep(0)

    async def _open(self, connection: socket.socket) -> None:
        context = self._context()
        options: dict[str, Any] = {}
        if context is not None:
            options = {
                "ssl": context,
                "ssl_handshake_timeout": self._handshake_s,
                "ssl_shutdown_timeout": self._handshake_s,
            }
        try:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(self._protocol, connection, **options)
        except OSError as error:
            # Anybody can cause these as often as he likes.
            reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
            _logger.debug("a TLS handshake failed: %s", reason)


def _interrupt(connection: socket.socket) -> None:
    """End a handshake the way that the client would; asyncio then closes the socket itself."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
