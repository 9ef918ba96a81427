"""Requests that are malformed or try to get around the password; none fills the log."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.logs.level import Level
from tests.support.secure import USER, basic, hashed, serving, write

HEALTHY = b"HEAD /-/healthy HTTP/1.1\r\nHost: x\r\n"
"""A request without its end; the response has no body, which would be a packet of its own."""


@pytest.fixture
def usual_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Records what is logged at the level that a service has by default."""
    names = ("", "exporter", "apscheduler", "psycopg.pool", "uvicorn")
    before = {name: logging.getLogger(name).level for name in names}
    Level().configure("info", None)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def exchange(client: socket.socket, sent: bytes) -> bytes:
    """The first packet of the response; empty when the connection was closed."""
    client.sendall(sent)
    try:
        return client.recv(4096)
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (HEALTHY + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", b"400"),
        (HEALTHY + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (HEALTHY + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"200"),
        (HEALTHY + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"200"),
        (HEALTHY + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", b"200"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"401"),
        (b"CONNECT /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"GET http://x/-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
        (b"GET /%2d/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /-/healthy%2f..%2f..%2fmetrics HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
        (b"GET /%6detrics HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
    ],
)
def test_nothing_that_a_stranger_sends_gets_far_or_into_the_log(
    tmp_path: Path, usual_log: pytest.LogCaptureFixture, sent: bytes, status: bytes
) -> None:
    with serving(write(tmp_path, basic_auth_users={USER: hashed()})) as endpoint:
        with ExitStack() as stack:
            assert exchange(stack.enter_context(endpoint.connect()), sent).split(b" ")[1] == status
        assert endpoint.request(headers=basic()).status == 200
    assert [record.getMessage() for record in usual_log.records] == []


def test_a_body_that_turns_bad_after_its_answer_ends_the_connection(
    tmp_path: Path, usual_log: pytest.LogCaptureFixture
) -> None:
    with serving(write(tmp_path)) as endpoint, ExitStack() as stack:
        client = stack.enter_context(endpoint.connect())
        request = HEALTHY + b"Transfer-Encoding: chunked\r\n\r\n"
        assert exchange(client, request).startswith(b"HTTP/1.1 200")
        assert exchange(client, b"zz\r\n") == b""
        assert endpoint.request().status == 200
    assert usual_log.records == []
