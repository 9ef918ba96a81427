"""The limits of a connection that uvicorn does not have.

uvicorn waits for ever for the first request of a connection and for a client to take its answer;
its own limit of connections counts silent ones, and then refuses every scrape.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

_logger = logging.getLogger(__name__)

Admits = Callable[[Mapping[str, Any]], bool]
"""Of a client's verified certificate, as `SSLSocket.getpeercert` gives it; empty without one."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a client may take, and how many may be connected."""

    exchange_s: float = 10.0
    """To send a request and take its answer; before that, to finish the TLS handshake."""
    keep_alive_s: int = 75
    """To rest between them. Longer than the usual scrape interval of a minute."""
    connections: int = 500
    """Half the usual limit of open files. Beyond it, the one that is due to end first ends now."""
    handshakes: int = 250
    """TLS handshakes under way, on top. Beyond it, the oldest one ends now."""


class _Connection(H11Protocol):
    """A connection with a deadline, which starts again with each answer."""

    limits: ClassVar[Limits]
    admits: ClassVar[list[Admits]]
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._allow(self.limits.exchange_s)
        certificate = transport.get_extra_info("peercert") or {}
        if not all(admits(certificate) for admits in self.admits):
            # Only who has a good certificate comes so far: nobody can fill the log with this.
            _logger.warning("refused a client certificate: it has none of client_allowed_sans")
            self.transport.abort()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        rest_s = 0 if self.transport.is_closing() else self.limits.keep_alive_s
        self._allow(rest_s + self.limits.exchange_s)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def due(self) -> float:
        """When the deadline is, on the event loop's clock."""
        return 0.0 if self._deadline is None else self._deadline.when()

    def _allow(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        # abort, not close: closing waits for the client to take what is still unsent.
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _make_room(self) -> None:
        # An aborted connection stays in the set until the event loop's next round.
        open_ones = [
            connection
            for connection in self.connections
            if isinstance(connection, _Connection) and not connection.transport.is_closing()
        ]
        if len(open_ones) > self.limits.connections:
            min(open_ones, key=_Connection.due).transport.abort()


def limited(limits: Limits, *admits: Admits) -> type[H11Protocol]:
    """The class of connections that keep to ``limits``, and end at once if one of ``admits`` says
    no."""
    return type("LimitedConnection", (_Connection,), {"limits": limits, "admits": list(admits)})
