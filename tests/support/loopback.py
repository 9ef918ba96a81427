"""A tiny HTTP server on 127.0.0.1 that says, and breaks, exactly what a test tells it to."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Reply(NamedTuple):
    """Bytes to send, and what then becomes of the connection."""

    raw: bytes
    then: Literal["keep", "close", "reset", "hold"] = "keep"
    pause_s: float = 0.0
    """Seconds between the single bytes of the body; 0 sends all at once."""


class Seen(NamedTuple):
    """A request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]


def reply(status: int, body: bytes | str = b"{}", **headers: str) -> Reply:
    """A complete reply that keeps the connection."""
    content = body.encode() if isinstance(body, str) else body
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(content)}\r\n{named}\r\n"
    return Reply(head.encode() + content)


@dataclass
class Loopback:
    """Gives the replies of ``script`` in turn, the last one for ever."""

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
        """What a client is to be pointed at."""
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
                    answer = self.script[min(len(self.requests), len(self.script)) - 1]
                self.arrived.set()
                if not self._send(connection, answer):
                    return
        except OSError:
            return
        finally:
            reader.close()

    def _send(self, connection: socket.socket, answer: Reply) -> bool:
        if answer.pause_s:
            head, gap, body = answer.raw.partition(b"\r\n\r\n")
            connection.sendall(head + gap)
            for byte in body:
                connection.sendall(bytes([byte]))
                if self.ended.wait(answer.pause_s):
                    return False
        else:
            connection.sendall(answer.raw)
        if answer.then == "hold":
            self.ended.wait()
        if answer.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer.then == "close":
            connection.shutdown(socket.SHUT_RDWR)
        if answer.then != "keep":
            connection.close()
        return answer.then == "keep"


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
