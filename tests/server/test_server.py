"""The server over real HTTP: paths, headers, odd clients, and scrapes while everything changes."""

from __future__ import annotations

import gzip
import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import msgspec
import pytest

from exporter.metrics import Exposition, Instrumentation, ServiceMetrics, StreamMetrics
from exporter.model.errors import SettingsError
from exporter.model.stream import Metric
from exporter.server import Limits, Pages, Server
from exporter.streams.balances import BALANCES
from tests.support.secure import ended
from tests.support.waiting import wait_until

SECRET = "s3cr3t-token"


def metrics(accept: str, encoding: str) -> tuple[bytes, list[tuple[str, str]]]:
    return f"a 1 {accept}|{encoding}\n".encode(), [("Content-Type", "text/plain; version=0.0.4")]


PAGES = Pages(
    metrics=metrics,
    healthy=lambda: (True, "healthy"),
    ready=lambda: (False, "balances of main was not tried yet"),
    index=lambda: b"<p>A page.</p>",
    status=lambda: b'{"streams":[]}',
)


@contextmanager
def serving(pages: Pages = PAGES, limits: Limits | None = None) -> Iterator[Server]:
    server = Server("127.0.0.1", 0, pages, limits)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        assert not server.alive


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def ask(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(
            method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def connect(server: Server, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    client.sendall(sent)
    return client


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/metrics", 200, "text/plain; version=0.0.4", b"a 1 |identity\n"),
        ("/metrics?name=x", 200, "text/plain; version=0.0.4", b"a 1 |identity\n"),
        ("/-/healthy", 200, "text/plain; charset=utf-8", b"healthy\n"),
        ("/-/ready", 503, "text/plain; charset=utf-8", b"balances of main was not tried yet\n"),
        ("/api/status", 200, "application/json", b'{"streams":[]}'),
        ("/", 200, "text/html; charset=utf-8", b"<p>A page.</p>"),
        ("/favicon.ico", 404, "text/plain; charset=utf-8", b"404 Not Found\n"),
        ("/metrics/", 404, "text/plain; charset=utf-8", b"404 Not Found\n"),
        ("//metrics", 404, "text/plain; charset=utf-8", b"404 Not Found\n"),
        ("/%2e%2e/etc/passwd", 404, "text/plain; charset=utf-8", b"404 Not Found\n"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_paths(server: Server, method: str, path: str, status: int, kind: str, body: bytes) -> None:
    response, got = ask(server, path, method)
    assert (response.status, response.headers["Content-Type"]) == (status, kind)
    assert response.headers["Content-Length"] == str(len(body))
    assert got == (body if method == "GET" else b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_only_get_and_head(server: Server, method: str) -> None:
    response, _ = ask(server, "/metrics", method)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/ready", "/nowhere"])
def test_security_headers_are_on_every_answer(server: Server, path: str) -> None:
    headers = ask(server, path)[0].headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in headers


def test_what_the_client_accepts_is_handed_on(server: Server) -> None:
    assert (
        ask(server, "/metrics", Accept="x/y;q=0.5", Accept_Encoding="gzip")[1]
        == b"a 1 x/y;q=0.5|gzip\n"
    )
    with connect(server, b"GET /metrics HTTP/1.0\r\nAccept: a/b\r\nAccept: c/d\r\n\r\n") as client:
        assert read_all(client).endswith(b"\r\n\r\na 1 a/b,c/d|\n")


def broken() -> bytes:
    raise RuntimeError(SECRET)


def test_a_page_that_raises_says_nothing_and_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken_metrics(_accept: str, _encoding: str) -> tuple[bytes, list[tuple[str, str]]]:
        raise RuntimeError(SECRET)

    pages = replace(PAGES, metrics=broken_metrics, index=broken, status=broken)
    with serving(pages) as server, caplog.at_level(logging.ERROR):
        for path in ("/metrics", "/", "/api/status"):
            response, body = ask(server, path)
            assert (response.status, body) == (500, b"500 Internal Server Error\n")
            assert SECRET not in str(response.headers)
        assert ask(server, "/-/healthy")[0].status == 200
    assert "/api/status cannot be answered" in caplog.text


def test_a_taken_port_is_said_so(server: Server) -> None:
    with pytest.raises(SettingsError) as caught:
        Server("127.0.0.1", server.port, PAGES).start()
    assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert "in use" in str(caught.value)
    assert "ONETRADING_LISTEN" in str(caught.value)


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_said_so(host: str) -> None:
    with pytest.raises(SettingsError, match=host):
        Server(host, 0, PAGES).start()


def test_stopping_what_was_never_started_is_harmless() -> None:
    Server("127.0.0.1", 0, PAGES).stop()


def test_ipv6() -> None:
    server = Server("::1", 0, PAGES)
    try:
        server.start()
    except SettingsError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        with socket.create_connection(("::1", server.port), timeout=5) as client:
            client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            assert read_all(client).startswith(b"HTTP/1.1 200")
    finally:
        server.stop()


def test_slow_and_silent_clients_do_not_delay_a_scrape(server: Server) -> None:
    with ExitStack() as clients:
        for n in range(220):
            sent = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: " if n % 11 == 0 else b""
            clients.enter_context(connect(server, sent))
        # Each is answered within 5 s; a silent client is cut off after 10 s, and has 220 before it.
        assert {ask(server, "/metrics")[0].status for _ in range(200)} == {200}


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def test_a_hanging_page_does_not_delay_a_scrape() -> None:
    released = threading.Event()

    hanging: list[bool] = []

    def hangs() -> bytes:
        hanging.append(True)
        released.wait(20)
        return b"{}"

    with serving(replace(PAGES, status=hangs)) as server, ExitStack() as clients:
        for _ in range(5):
            clients.enter_context(connect(server, b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n"))
        wait_until(lambda: bool(hanging), "no page hangs")
        for path in ("/metrics", "/-/healthy") * 10:
            assert ask(server, path)[0].status == 200
        assert not released.is_set()
        released.set()


def test_a_client_that_does_not_finish_its_request_is_cut_off() -> None:
    with serving(limits=Limits(exchange_s=0.2)) as server:
        for sent in (b"", b"GET /metrics HTTP/1.1\r\nX: ", b"\x16\x03\x01"):
            with connect(server, sent) as client:
                assert ended(client)


def test_a_client_that_does_not_take_its_answer_is_cut_off() -> None:
    large = b"x" * 20_000_000
    pages = replace(PAGES, status=lambda: large)
    with serving(pages, Limits(exchange_s=0.2, keep_alive_s=0)) as server:
        with connect(server, b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n") as client:
            time.sleep(0.5)
            received = 0
            try:
                while chunk := client.recv(1 << 20):
                    received += len(chunk)
            except ConnectionResetError:
                pass
        assert received < len(large)


def test_a_resting_connection_is_kept_and_answers_at_once(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.connect()
    first = connection.sock

    def scrape(method: str) -> None:
        connection.request(method, "/metrics")
        connection.getresponse().read()
        assert connection.sock is first

    # In turn, so that both find the machine as busy. The kernel acknowledges the first ones sooner.
    took = [(timed(partial(scrape, "HEAD")), timed(partial(scrape, "GET"))) for _ in range(60)]
    connection.close()
    without_body, with_body = zip(*took[30:], strict=True)
    # A body held back for the headers' acknowledgement costs 0.04 s more than headers alone.
    assert min(with_body) - min(without_body) < 0.02


def test_too_many_connections_cost_the_oldest_silent_one() -> None:
    with serving(limits=Limits(connections=10)) as server, ExitStack() as clients:
        idle = [clients.enter_context(connect(server)) for _ in range(30)]
        assert ask(server, "/metrics")[0].status == 200
        assert all(ended(client) for client in idle[:20])
        idle[-1].sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert read_all(idle[-1]).startswith(b"HTTP/1.1 200")


def test_it_stops_at_once_whatever_clients_do() -> None:
    large = b"x" * 20_000_000
    server = Server("127.0.0.1", 0, replace(PAGES, status=lambda: large))
    server.start()
    with ExitStack() as clients:
        for sent in (
            b"",
            b"GET /met",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            clients.enter_context(connect(server, sent))
        time.sleep(0.2)
        assert timed(server.stop) < 2
        assert not server.alive
        with pytest.raises(ConnectionRefusedError):
            connect(server)


def test_a_scrape_sees_all_of_an_answer_or_nothing() -> None:
    """Two threads publish answers A and B of 300 series each; every scrape is one of them."""
    gauge = Metric("onetrading_law", "Alternates.", ("currency",))
    other = Metric("onetrading_law_too", "Alternates as well.", ("currency",))
    stream = replace(BALANCES, name="law", metrics=(gauge, other))
    stream_metrics = StreamMetrics(
        [stream], ["main"], intervals={}, now=time.time, monotonic=time.monotonic
    )
    instruments = Instrumentation(stream_metrics.keys, accounts=["main"], version="0", python="3")
    exposition = Exposition(
        stream_metrics, ServiceMetrics(now=time.time, monotonic=time.monotonic), instruments
    )
    answers = {
        name: [m(value, f"{name}{n}") for m in (gauge, other) for n in range(150)]
        for name, value in (("A", 1), ("B", 2))
    }
    wholes = {
        frozenset(
            f'onetrading_law{m}{{account="main",currency="{name}{n}"}} {value}'
            for m in ("", "_too")
            for n in range(150)
        )
        for name, value in (("A", 1), ("B", 2))
    }
    stream_metrics.record_success("main", "law", answers["A"])
    stopped = threading.Event()

    def publish(name: str) -> None:
        while not stopped.wait(0.001):
            stream_metrics.record_success("main", "law", answers[name])

    publishers = [threading.Thread(target=publish, args=(name,)) for name in answers]
    with serving(replace(PAGES, metrics=exposition.render)) as server:
        for thread in publishers:
            thread.start()
        seen: list[frozenset[str]] = []
        deadline = time.monotonic() + 2
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        while time.monotonic() < deadline and len(seen) < 3_000:
            connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
            body = gzip.decompress(connection.getresponse().read()).decode()
            seen.append(frozenset(x for x in body.splitlines() if x.startswith("onetrading_law")))
        connection.close()
        stopped.set()
        for thread in publishers:
            thread.join()
    assert len(seen) > 100
    assert set(seen) == wholes


def test_the_board_is_served_as_prometheus_wants_it() -> None:
    stream_metrics = StreamMetrics(
        [BALANCES], ["main"], intervals={}, now=time.time, monotonic=time.monotonic
    )
    instruments = Instrumentation(stream_metrics.keys, accounts=["main"], version="0", python="3")
    exposition = Exposition(
        stream_metrics, ServiceMetrics(now=time.time, monotonic=time.monotonic), instruments
    )
    pages = replace(
        PAGES,
        metrics=exposition.render,
        status=lambda: msgspec.json.encode(stream_metrics.summaries()),
    )
    with serving(pages) as server:
        response, body = ask(
            server, "/metrics", Accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1"
        )
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        assert body.endswith(b"# EOF\n")
        status = json.loads(ask(server, "/api/status")[1])
        assert status[0]["freshness"] == "empty"
