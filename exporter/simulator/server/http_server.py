"""The sockets of the simulated exchange: HTTP/1.1 with keep-alive, a thread per connection."""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Event, Lock, Thread
from typing import Any

from exporter.simulator.endpoints.times import http_date
from exporter.simulator.server.control import CONTROL, Control
from exporter.simulator.server.exchange import Response, SimulatedExchange

_POLL_S = 0.05
_DRIP_S = 1.0
_BEARER = "Bearer "
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class HttpServer(ThreadingHTTPServer):
    """Serves one exchange and its control endpoints until `stop`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, exchange: SimulatedExchange, control: Control) -> None:
        self.exchange = exchange
        self.control = control
        self.stopping = Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = Lock()
        super().__init__((host, port), _Handler)
        self._thread = Thread(
            target=self.serve_forever, args=(_POLL_S,), name="simulator", daemon=True
        )

    def server_bind(self) -> None:
        """Bind without the reverse DNS look-up of our own address, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def start(self) -> None:
        """Serve in a background thread."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections and close those that are open."""
        self.stopping.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `stop` can close it."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect; report everything else."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if self.path.startswith(CONTROL):
            response = self.server.control.respond(self.command, self.path, body)
        else:
            header = self.headers.get("Authorization", "")
            token = header.removeprefix(_BEARER) if header.startswith(_BEARER) else header
            response = self.server.exchange.respond(self.command, self.path, token)
        if response.delay and self.server.stopping.wait(response.delay):
            self.close_connection = True
            return
        self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _serve

    def _send(self, response: Response) -> None:
        if response.delivery == "dropped":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.close_connection = True
            return
        head = [
            f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
            f"Date: {http_date(response.date)}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
        ]
        if response.encoding:
            head.append(f"Content-Encoding: {response.encoding}")
        if response.retry_after:
            head.append(f"Retry-After: {response.retry_after}")
        body = b"" if self.command == "HEAD" else response.body
        if response.delivery == "truncated":
            body = body[: len(body) // 2]
            self.close_connection = True
        sent = "\r\n".join((*head, "", "")).encode() + body
        if response.delivery == "dripping":
            self._drip(sent)
        else:
            self.wfile.write(sent)

    def _drip(self, sent: bytes) -> None:
        for byte in sent:
            self.wfile.write(bytes([byte]))
            if self.server.stopping.wait(_DRIP_S):
                break
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the console quiet."""
