"""A Postgres that is far away, or whose round trips are counted: a proxy in front of a real one.

A client waits where it sends a query, or asks for what a pipeline has brought (Sync, Flush), or
ends a COPY; one round trip each (PostgreSQL, "Message Flow").
"""

from __future__ import annotations

import queue
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 1 << 16
_STARTUP, _TYPED = 4, 5
"""Length of the head of a message: the first one of a connection has no type."""
_EXECUTES = b"PBDEFC"
"""Messages that are answered once the client asks for that."""
_ASKS = b"SH"
_WAITS = b"Qcf"


_UnderWay = queue.SimpleQueue[tuple[float, bytes]]
"""When it is due at the other end, and what; nothing is the end."""


class Trips:
    """What clients have waited for. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trips: list[tuple[str, ...]] = []
        self._cut_in = 0

    def add(self, statements: tuple[str, ...]) -> bool:
        """One more round trip, and the statements that it sent; whether to break the connection."""
        with self._lock:
            self._trips.append(statements)
            self._cut_in -= 1
            return self._cut_in == 0

    def cut_in(self, trips: int) -> None:
        """Break the connection of the ``trips``th round trip from now on, counted from 1: Postgres
        gets what is sent, and the client no answer. 0: of none."""
        with self._lock:
            self._cut_in = trips

    def take(self) -> list[tuple[str, ...]]:
        """The round trips since this was called last: what each of them sent."""
        with self._lock:
            found, self._trips = self._trips, []
            return found


class _Messages:
    """The messages of one client, cut out of what it sends."""

    def __init__(self, trips: Trips) -> None:
        self._trips = trips
        self._rest = b""
        self._skip = 0
        """So many bytes of the message that follow are of no interest."""
        self._head = _STARTUP
        self._prepared: dict[bytes, str] = {}
        self._sent: list[str] = []
        self._waiting = False
        """Whether anything was sent that is answered later."""
        self._cut = False

    def feed(self, data: bytes) -> bool:
        """Whether the connection is to be broken once this has been sent."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._rest += data
        while len(self._rest) >= self._head:
            (length,) = struct.unpack_from("!I", self._rest, self._head - 4)
            end = self._head - 4 + length
            kind = self._rest[:1] if self._head == _TYPED else b""
            if kind != b"d" and len(self._rest) < end:
                break
            body, self._skip = self._rest[self._head : end], max(0, end - len(self._rest))
            self._rest, self._head = self._rest[end:], _TYPED
            if kind:
                self._met(kind, body)
        return self._cut

    def _met(self, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._prepared[name] = text.decode()
            if name:
                self._sent.append("PREPARE")
        elif kind == b"B":
            self._sent.append(self._prepared.get(body.split(b"\0", 2)[1], "?"))
        elif kind == b"C":
            self._sent.append("CLOSE")
        elif kind == b"Q":
            self._sent.append(body.rstrip(b"\0").decode())
        self._waiting |= kind in _EXECUTES
        if kind in _WAITS or (kind in _ASKS and self._waiting):
            self._cut |= self._trips.add(tuple(self._sent))
            self._sent, self._waiting = [], False


class _Proxy:
    def __init__(self, url: str, delay_s: float, trips: Trips) -> None:
        parts = urlsplit(url)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._delay_s = delay_s
        self._trips = trips
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        # What is encrypted cannot be counted.
        plain = f"{parts.query}&sslmode=disable&gssencmode=disable".lstrip("&")
        port = self._socket.getsockname()[1]
        self.url = parts._replace(netloc=f"{user}127.0.0.1:{port}", query=plain).geturl()

    def accept(self) -> None:
        """Serve until the listening socket is closed."""
        while True:
            try:
                client, _ = self._socket.accept()
                server = socket.create_connection(self._upstream)
            except OSError:
                return
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(one)
            self._pump(client, server, _Messages(self._trips))
            self._pump(server, client, None)

    def stop(self) -> None:
        """Break all connections."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _pump(self, source: socket.socket, target: socket.socket, seen: _Messages | None) -> None:
        under_way: _UnderWay = queue.SimpleQueue()
        for work, arguments in (
            (self._receive, (source, under_way, seen)),
            (_deliver, (under_way, target)),
        ):
            threading.Thread(target=work, args=arguments, daemon=True).start()

    def _receive(self, source: socket.socket, under_way: _UnderWay, seen: _Messages | None) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(_CHUNK)
            except OSError:
                data = b""
            cut = seen is not None and seen.feed(data)
            under_way.put((time.monotonic() + self._delay_s, data))
            if cut:
                with suppress(OSError):
                    source.shutdown(socket.SHUT_RDWR)


def _deliver(under_way: _UnderWay, target: socket.socket) -> None:
    data = b"-"
    while data:
        due, data = under_way.get()
        time.sleep(max(0.0, due - time.monotonic()))
        with suppress(OSError):
            if data:
                target.sendall(data)
            else:
                target.shutdown(socket.SHUT_WR)


@contextmanager
def far(url: str, delay_s: float = 0.0) -> Iterator[tuple[str, Trips]]:
    """Yield the URL of the same database, so much farther away in each direction, and what clients
    of it wait for."""
    trips = Trips()
    proxy = _Proxy(url, delay_s, trips)
    thread = threading.Thread(target=proxy.accept, daemon=True)
    thread.start()
    try:
        yield proxy.url, trips
    finally:
        proxy.stop()
        thread.join(5)
