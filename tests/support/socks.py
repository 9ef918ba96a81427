"""A SOCKS 5 proxy on 127.0.0.1 (RFC 1928 and 1929) that serves, or answers, as a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

NO_LOGIN, LOGIN = 0, 2


@dataclass
class Socks:
    """What it was asked for. ``login``: the user and password that it wants; ``answers``: sent in
    place of its own, one after the other."""

    login: tuple[str, str] | None = None
    answers: tuple[bytes, ...] | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Host and port of each connection through it, as its client wrote them."""
    port: int = 0

    def serve(self, client: socket.socket) -> None:
        """Serve one connection to its end."""
        with client, suppress(OSError, IndexError):
            if self.answers is not None:
                for answer in self.answers:
                    client.recv(4096)
                    client.sendall(answer)
                return
            if self._greeted(client):
                self._connect(client)

    def _greeted(self, client: socket.socket) -> bool:
        offered = client.recv(257)[2:]
        wanted = NO_LOGIN if self.login is None else LOGIN
        if wanted not in offered:
            client.sendall(b"\x05\xff")
            return False
        client.sendall(bytes([5, wanted]))
        if self.login is None:
            return True
        said = client.recv(513)
        end = 2 + said[1]
        good = (said[2:end].decode(), said[end + 1 :].decode()) == self.login
        client.sendall(bytes([1, not good]))
        return good

    def _connect(self, client: socket.socket) -> None:
        request = client.recv(262)
        kind, rest = request[3], request[4:-2]
        host = rest[1:].decode() if kind == 3 else str(_address(rest))
        port = int.from_bytes(request[-2:])
        self.asked.append((host, port))
        # Names are the proxy's to resolve: here all of them are this machine.
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)


def _address(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def socks_proxy(
    login: tuple[str, str] | None = None, answers: tuple[bytes, ...] | None = None
) -> Iterator[Socks]:
    """A running proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Socks(login, answers, port=listener.getsockname()[1])

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
