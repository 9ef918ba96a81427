"""A tiny HTTP server on 127.0.0.1 that sends, and breaks off, exactly what a test specifies."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Reply(NamedTuple):
    """Bytes to send, and what to do with the connection afterwards."""

    raw: bytes
    then: Literal["keep", "close", "reset", "hold"] = "keep"
    pause_s: float = 0.0
    """Seconds between the bytes of the body; 0 sends all at once."""
    forever: bytes = b""
    """Sent after ``raw`` again and again, with pauses of ``pause_s``, until nobody takes it."""


class Seen(NamedTuple):
    """A request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]


def reply(status: int, body: bytes | str = b"{}", **headers: str) -> Reply:
    """A complete reply that keeps the connection open."""
    content = body.encode() if isinstance(body, str) else body
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(content)}\r\n{named}\r\n"
    return Reply(head.encode() + content)


@dataclass
class Loopback:
    """Sends the replies of ``script`` in turn, then repeats the last one."""

    script: list[Reply]
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _socket: socket.socket = field(init=False)
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/fast/v1"

    def accept(self) -> None:
        """Serve until the listening socket is closed."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        """Close everything."""
        if self.ended.is_set():
            return
        self.ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        try:
            while (head := _read_head(reader)) is not None:
                with self._lock:
                    self.requests.append(head)
                    response = self.script[min(len(self.requests), len(self.script)) - 1]
                self.arrived.set()
                if not self._send(connection, response):
                    return
        except OSError:
            return
        finally:
            reader.close()

    def _send(self, connection: socket.socket, response: Reply) -> bool:
        if not self._deliver(connection, response):
            return False
        if response.then == "hold":
            self.ended.wait()
        if response.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif response.then == "close":
            connection.shutdown(socket.SHUT_RDWR)
        if response.then != "keep":
            connection.close()
        return response.then == "keep"

    def _deliver(self, connection: socket.socket, response: Reply) -> bool:
        """Send its bytes; whether that came to an end."""
        if response.forever:
            connection.sendall(response.raw)
            while not self.ended.wait(response.pause_s):
                connection.sendall(response.forever)
            return False
        if not response.pause_s:
            connection.sendall(response.raw)
            return True
        head, gap, body = response.raw.partition(b"\r\n\r\n")
        connection.sendall(head + gap)
        for byte in body:
            connection.sendall(bytes([byte]))
            if self.ended.wait(response.pause_s):
                return False
        return True


def _read_head(reader: Iterator[bytes]) -> Seen | None:
    first = next(reader, b"")
    if not first:
        return None
    method, target, _ = first.decode().split(" ")
    headers: dict[str, str] = {}
    while line := next(reader, b"").strip().decode():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(method, target, headers)


@contextmanager
def serving(*script: Reply) -> Iterator[Loopback]:
    """A running Loopback."""
    server = Loopback(list(script))
    thread = threading.Thread(target=server.accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)
