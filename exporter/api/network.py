"""The network below httpx: one timer for all that a request does, and an end to every wait.

httpx bounds each wait by itself. Bytes that drip, informational responses without end or a slow TLS
handshake therefore keep a request alive for ever, and looking up a host name has no timeout at all.
Here each wait of a request, whatever it is for, is cut to what is left of the request's time. httpx
cannot be given a backend, so it is put into its connection pools:
tests/api/test_network.py lists what that relies on.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import httpcore
import httpx

LARGEST_HEAD = 256 * 1024
"""Bytes of a response before its body, informational responses (RFC 9110, 15.2) included. A single
head of more than 100 KiB is refused by httpcore."""

_STATUS_LINE = b"HTTP/1."

LookUp = Callable[[str, int], Sequence[str]]
"""The addresses of a host, best first. Raises OSError or UnicodeError."""


def system_addresses(host: str, port: int) -> list[str]:
    """As the operating system resolves them; this may take as long as its resolver likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _, _, _, _, address in found]


class Attempt:
    """One request under way: when it must be over, and what it has seen of the network."""

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        """On the monotonic clock."""
        self.connection: httpcore.NetworkStream | None = None
        """What was opened for it; None: it uses a connection of an earlier request."""
        self.head_complete = False
        """The status and headers of its response have been read."""
        self.received = 0
        """Bytes read before that."""

    def give_up(self) -> None:
        """Close what was opened for it: httpcore leaves that open where a SOCKS proxy fails."""
        if self.connection is not None:
            self.connection.close()


class _Current(threading.local):
    attempt: Attempt | None = None


class Network(httpcore.NetworkBackend):
    """Opens the connections of one `httpx.Client`. Thread-safe.

    ``monotonic`` yields seconds; ``look_up`` may block.
    """

    def __init__(self, monotonic: Callable[[], float], look_up: LookUp = system_addresses) -> None:
        self._monotonic = monotonic
        self._names = _Names(look_up)
        self._sockets = _OpenSockets()
        self._backend = httpcore.SyncBackend()
        self._current = _Current()

    def install(self, client: httpx.Client) -> None:
        """Let ``client`` open its connections, to proxies too, through this network."""
        for transport in (client._transport, *client._mounts.values()):
            if isinstance(transport, httpx.HTTPTransport):
                transport._pool._network_backend = self

    @contextmanager
    def attempt(self, ends_at: float) -> Iterator[Attempt]:
        """Inside, no wait of this thread lasts longer than until ``ends_at``."""
        self._current.attempt = attempt = Attempt(ends_at)
        try:
            yield attempt
        finally:
            self._current.attempt = None

    def interrupt(self) -> None:
        """End every wait under way, and any later one, at once."""
        self._names.interrupt()
        self._sockets.shut_down()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` that accepts, each within ``timeout``."""
        addresses = self._names.addresses(
            host, port, self.time_left(timeout, httpcore.ConnectTimeout)
        )
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            left = self.time_left(timeout, httpcore.ConnectTimeout)
            try:
                opened = self._backend.connect_tcp(
                    address, port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return self.follow(opened)
        raise failed

    def follow(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """A stream that was just opened, or encrypted, with the limits of this network."""
        opened = stream.get_extra_info("socket")
        if isinstance(opened, socket.socket):
            self._sockets.add(opened)
        if self._current.attempt is not None:
            self._current.attempt.connection = stream
        return _Stream(stream, self)

    def time_left(self, timeout: float | None, expired: type[Exception]) -> float | None:
        """``timeout``, cut to what is left of the current attempt. Raises ``expired``."""
        attempt = self._current.attempt
        if attempt is None:
            return timeout
        left = attempt.ends_at - self._monotonic()
        if left <= 0:
            raise expired("the time for the whole request is over")
        return left if timeout is None else min(timeout, left)

    def received(self, data: bytes) -> int:
        """Count what was read; returns how many status lines ``data`` may hold.

        Raises RemoteProtocolError when a response does not get as far as its body.
        """
        attempt = self._current.attempt
        if attempt is None or attempt.head_complete:
            return 0
        attempt.received += len(data)
        if attempt.received > LARGEST_HEAD:
            raise httpcore.RemoteProtocolError(f"no response within {LARGEST_HEAD} bytes")
        return 1


class _Stream(httpcore.NetworkStream):
    """A connection whose waits are cut by the attempt that uses it."""

    def __init__(self, inner: httpcore.NetworkStream, network: Network) -> None:
        self._inner = inner
        self._network = network
        self._surplus = False
        """What was read last may hold the beginning of a response that nobody requested."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._network.time_left(timeout, httpcore.ReadTimeout)
        data = self._inner.read(max_bytes, left)
        expected = self._network.received(data)
        self._surplus = data.count(_STATUS_LINE) > expected
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._network.time_left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._network.time_left(timeout, httpcore.ConnectTimeout)
        return self._network.follow(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        # httpcore drops an idle connection that is readable. What follows a response may have been
        # read with it, and would be taken for the response to the next request.
        if info == "is_readable" and self._surplus:
            return True
        return self._inner.get_extra_info(info)


class _Pending:
    """A name that is being looked up, for all that wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.addresses: Sequence[str] = ()
        self.error: Exception | None = None


class _Names:
    """Looks up host names, each in a thread of its own while it lasts: no call of it can be ended.

    Who asks for a name that is being looked up waits for the same result, so a resolver that hangs
    holds one thread. Nothing is kept: the operating system does that, as long as is right.
    """

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, int], _Pending] = {}
        self._interrupted = False

    def addresses(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        """Raises ConnectError, or ConnectTimeout after ``timeout`` seconds."""
        with self._lock:
            pending = self._pending.get((host, port))
            if pending is None:
                pending = _Pending()
                arguments = (host, port, pending)
                threading.Thread(
                    target=self._run, args=arguments, name="resolver", daemon=True
                ).start()
                self._pending[host, port] = pending
            if self._interrupted:
                pending.done.set()
        if not pending.done.wait(timeout):
            raise httpcore.ConnectTimeout(f"{host} was not resolved in time")
        if pending.error is not None:
            raise httpcore.ConnectError(str(pending.error)) from pending.error
        return pending.addresses

    def interrupt(self) -> None:
        """Let nobody wait any longer."""
        with self._lock:
            self._interrupted = True
            for pending in self._pending.values():
                pending.done.set()

    def _run(self, host: str, port: int, pending: _Pending) -> None:
        try:
            pending.addresses = self._look_up(host, port)
        except (OSError, UnicodeError) as error:
            pending.error = error
        finally:
            with self._lock:
                del self._pending[host, port]
            pending.done.set()


class _OpenSockets:
    """The open sockets below httpx, so that a blocked read can be ended.

    httpx offers no way to do that: closing the client leaves a reader waiting up to its timeout.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._shut_down = False

    def add(self, opened: socket.socket) -> None:
        """Remember a socket for as long as httpx does."""
        with self._lock:
            self._sockets.add(opened)
            if self._shut_down:
                _shut_down(opened)

    def shut_down(self) -> None:
        """End every read that waits on one of them, now or later."""
        with self._lock:
            self._shut_down = True
            for opened in list(self._sockets):
                _shut_down(opened)


def _shut_down(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
