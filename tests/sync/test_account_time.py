"""Windows follow the exchange's clock; ours only when the exchange tells its time nowhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import RateLimiter
from exporter.api.retry import Policy
from exporter.metrics import Instrumentation
from exporter.model.errors import TokenRefused
from exporter.store.storage import Storage
from exporter.sync import Account

OURS = datetime(2026, 3, 1, tzinfo=UTC)


@contextmanager
def exchange(status: int, body: bytes) -> Iterator[str]:
    """Answers everything alike, without a ``Date`` header."""

    class SnapshotResponse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), SnapshotResponse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def account(url: str) -> Iterator[Account]:
    stop = threading.Event()
    clock = ExchangeClock(wall=lambda: OURS, steady=lambda: 0.0)
    client = Client(
        account="main",
        base_url=url,
        token=lambda: None,
        rate_limiter=RateLimiter(10_000, monotonic=time.monotonic, stop=stop),
        clock=clock,
        observer=Instrumentation((), accounts=["public", "main"], version="0", python="3"),
        stop=stop,
        policy=Policy(deadline_s=0.0),
        random=lambda: 0.0,
        monotonic=time.monotonic,
    )
    try:
        yield Account("main", client, clock, lambda: None, Storage(None, None))
    finally:
        stop.set()
        client.close()


def test_the_exchange_is_asked_for_its_time() -> None:
    theirs = OURS - timedelta(hours=3)
    body = b'{"epoch_millis": %d}' % int(theirs.timestamp() * 1_000)
    with exchange(200, body) as url, account(url) as asked:
        assert abs(asked.now() - theirs) < timedelta(seconds=1)


def test_an_exchange_that_tells_no_time_leaves_us_with_ours() -> None:
    with exchange(404, b'{"message":"Not Found"}') as url, account(url) as asked:
        assert asked.now() == OURS


def test_a_refusal_leaves_us_with_nothing() -> None:
    refused = b'{"message":"Forbidden"}'
    with exchange(403, refused) as url, account(url) as asked, pytest.raises(TokenRefused):
        asked.now()
