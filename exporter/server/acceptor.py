"""Accepts connections, each with the TLS context that is active at that moment.

asyncio's own servers keep the context that they were created with.
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
_AT_ONCE = 64
"""Connections accepted in one round of the event loop. One a round would let those in the queue
wait for as many rounds as there are connections before them."""


class Acceptor:
    """Accepts connections and, after the TLS handshake, gives each a protocol of its own.

    ``context`` is called for each connection; None: no TLS. A handshake may take ``handshake_s``
    seconds; beyond ``handshakes`` of them at once the oldest is ended. None occupies a thread.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext | None],
        *,
        handshake_s: float,
        handshakes: int,
    ) -> None:
        self._protocol = protocol
        self._context = context
        self._handshake_s = handshake_s
        self._handshakes = handshakes
        self._opening: dict[asyncio.Task[None], socket.socket] = {}
        self._accepting: asyncio.Task[None] | None = None

    def start(self, listener: socket.socket) -> None:
        """Accept from ``listener`` on the running event loop, until `close`."""
        listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(listener))

    async def close(self) -> None:
        """Close the listener and end the handshakes under way."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        for connection in self._opening.values():
            _interrupt(connection)
        await asyncio.gather(*self._opening, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except ConnectionError:
                    continue
                except OSError as error:
                    # No file descriptor is free; clients wait in the operating system's queue.
                    _logger.warning("could not accept a connection: %s", error.strerror)
                    await asyncio.sleep(_NO_DESCRIPTORS_PAUSE_S)
                    continue
                self._begin(connection)
                self._begin_waiting(listener)
                # Accepting from a full queue never yields to the event loop by itself.
                await asyncio.sleep(0)

    def _begin_waiting(self, listener: socket.socket) -> None:
        """Accept those that wait already; what fails here is met again in the next round."""
        with suppress(OSError):
            for _ in range(_AT_ONCE - 1):
                connection, _ = listener.accept()
                connection.setblocking(False)
                self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        task = asyncio.create_task(self._open(connection))
        self._opening[task] = connection
        task.add_done_callback(lambda done: self._opening.pop(done, None))
        if len(self._opening) > self._handshakes:
            # Removed at once: its task ends only in one of the event loop's next rounds.
            _interrupt(self._opening.pop(next(iter(self._opening))))

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
            # At debug level: anybody can cause these, as often as they like.
            reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
            _logger.debug("a TLS handshake failed: %s", reason)


def _interrupt(connection: socket.socket) -> None:
    """End a handshake the way that the client would; asyncio then closes the socket itself."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
