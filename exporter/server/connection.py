"""The limits of a connection that uvicorn does not have.

uvicorn waits for ever for the first request of a connection and for a client to take its answer;
its own limit of connections counts silent ones, and then refuses every scrape. And it raises where
a request turns out to be no HTTP only after its answer has begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import h11
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
    """Half the usual limit of open files. Beyond it, the one that has rested longest ends now."""
    handshakes: int = 250
    """TLS handshakes under way, on top. Beyond it, the oldest one ends now."""


class _Connection(H11Protocol):
    """A connection with a deadline, which starts again with each answer.

    Its requests find in their state the TLS ``context`` that it was made with.
    """

    limits: ClassVar[Limits]
    admits: ClassVar[list[Admits]]
    _deadline: asyncio.TimerHandle | None = None
    _active_at: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.app_state["context"] = transport.get_extra_info("sslcontext")
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

    def send_400_response(self, msg: str) -> None:
        _logger.debug("a client sent what is no HTTP")
        if self.cycle is not None:
            # Its answer, if it is still being made, has nowhere to go.
            self.cycle.disconnected = True
        with suppress(h11.LocalProtocolError):  # it is too late for one, or HEAD forbids its body
            super().send_400_response(msg)
        self.transport.close()

    def active_at(self) -> float:
        """When it came or was answered last, on the event loop's clock."""
        return self._active_at

    def _allow(self, seconds: float) -> None:
        self._active_at = self.loop.time()
        if self._deadline is not None:
            self._deadline.cancel()
        # abort, not close: closing waits for the client to take what is still unsent.
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _make_room(self) -> None:
        # Not by deadline: who rests may rest long, so that each newcomer would be the first to go.
        # An aborted connection stays in the set until the event loop's next round.
        open_ones = [
            connection
            for connection in self.connections
            if isinstance(connection, _Connection) and not connection.transport.is_closing()
        ]
        if len(open_ones) > self.limits.connections:
            min(open_ones, key=_Connection.active_at).transport.abort()


def limited(limits: Limits, *admits: Admits) -> type[H11Protocol]:
    """The class of connections that keep to ``limits``, and end at once if one of ``admits`` says
    no."""
    return type("LimitedConnection", (_Connection,), {"limits": limits, "admits": list(admits)})
