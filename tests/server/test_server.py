"""The server over real HTTP: paths, methods, headers, errors and addresses."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from exporter.model.errors import SettingsError
from exporter.server import Pages, Server
from tests.support.secure import Endpoint, serving

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


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(None, PAGES) as running:
        yield running


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
def test_paths(
    endpoint: Endpoint, method: str, path: str, status: int, kind: str, body: bytes
) -> None:
    response = endpoint.request(path, method=method)
    assert (response.status, response.headers["content-type"]) == (status, kind)
    assert response.headers["content-length"] == str(len(body))
    assert response.body == (body if method == "GET" else b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_only_get_and_head(endpoint: Endpoint, method: str) -> None:
    response = endpoint.request(method=method)
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/ready", "/nowhere"])
def test_security_headers_are_on_every_answer(endpoint: Endpoint, path: str) -> None:
    headers = endpoint.request(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers


def test_what_the_client_accepts_is_handed_on(endpoint: Endpoint) -> None:
    headers = {"Accept": "x/y;q=0.5", "Accept-Encoding": "gzip"}
    assert endpoint.request(headers=headers).body == b"a 1 x/y;q=0.5|gzip\n"
    with endpoint.connect(b"GET /metrics HTTP/1.0\r\nAccept: a/b\r\nAccept: c/d\r\n\r\n") as client:
        assert read_all(client).endswith(b"\r\n\r\na 1 a/b,c/d|\n")


def broken() -> bytes:
    raise RuntimeError(SECRET)


def test_a_page_that_raises_says_nothing_and_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken_metrics(_accept: str, _encoding: str) -> tuple[bytes, list[tuple[str, str]]]:
        raise RuntimeError(SECRET)

    pages = replace(PAGES, metrics=broken_metrics, index=broken, status=broken)
    with serving(None, pages) as endpoint, caplog.at_level(logging.ERROR):
        for path in ("/metrics", "/", "/api/status"):
            response = endpoint.request(path)
            assert (response.status, response.body) == (500, b"500 Internal Server Error\n")
            assert SECRET not in str(response.headers)
        assert endpoint.request("/-/healthy").status == 200
    assert "could not render /api/status" in caplog.text


def test_a_taken_port_is_said_so(endpoint: Endpoint) -> None:
    with pytest.raises(SettingsError) as caught:
        Server("127.0.0.1", endpoint.server.port, PAGES).start()
    assert f"127.0.0.1:{endpoint.server.port}" in str(caught.value)
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
        with socket.create_connection(("::1", server.port), timeout=30) as client:
            client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            assert read_all(client).startswith(b"HTTP/1.1 200")
    finally:
        server.stop()
