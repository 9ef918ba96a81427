"""An HTTP server around an exchange that a test scripts."""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit


class Answer(NamedTuple):
    """A response; ``now``: the exchange's time, aware UTC, if it tells it."""

    status: int
    body: Any
    now: datetime | None = None


class ExchangeServer(ThreadingHTTPServer):
    """Answers each GET with what `respond` returns, on a port of its own."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self.server_port}"

    @abstractmethod
    def respond(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """What a request gets; None closes the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ExchangeServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        answer = self.server.respond(parts.path, dict(parse_qsl(parts.query)))
        if answer is None:
            self.close_connection = True
            return
        raw = json.dumps(answer.body).encode()
        date = "" if answer.now is None else f"Date: {format_datetime(answer.now, usegmt=True)}\r\n"
        head = f"HTTP/1.1 {answer.status} Reason\r\n{date}Content-Length: {len(raw)}\r\n\r\n"
        self.wfile.write(head.encode() + raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the console quiet."""


S = TypeVar("S", bound=ExchangeServer)


@contextmanager
def served(server: S) -> Iterator[S]:
    """The server, answering until the end."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
