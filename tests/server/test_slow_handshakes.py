"""Clients that are slow or silent in or after a TLS handshake."""

from __future__ import annotations

import ssl
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from exporter.server import Limits
from tests.support.secure import (
    PAGES,
    USER,
    Certificates,
    basic,
    ended,
    hashed,
    serving,
    tls,
    write,
)

USERS = {"basic_auth_users": {USER: hashed()}}


def client_hello(context: ssl.SSLContext) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_two_hundred_odd_clients_delay_no_scrape(certificates: Certificates) -> None:
    """Silent ones, unfinished handshakes, unfinished headers, responses that are never read."""
    large = b"x" * 4_000_000
    write(certificates.folder, tls_server_config=tls(), **USERS)
    pages = replace(PAGES, status=lambda: large)
    with serving(certificates.folder / "web.yml", pages) as endpoint, ExitStack() as stack:
        context = certificates.client_context()
        hello = client_hello(context)
        for n in range(200):
            client = stack.enter_context(endpoint.connect(timeout=30))
            if n % 4 == 1:
                client.sendall(hello[: 1 + n % len(hello)])
            elif n % 4 == 2:
                client.sendall(hello)
            elif n % 4 == 3:
                wrapped = stack.enter_context(
                    context.wrap_socket(client, server_hostname="localhost")
                )
                path = "/api/status" if n % 8 == 3 else "/metrics"
                end = "\r\n\r\n" if n % 8 == 3 else "\r\nX-Slow: "
                auth = f"Authorization: {basic()['Authorization']}"
                wrapped.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{auth}{end}".encode())
        took = []
        for _ in range(60):
            began = time.perf_counter()
            assert endpoint.request(context=context, headers=basic()).status == 200
            took.append(time.perf_counter() - began)
        kept = endpoint.connection(context)
        for _ in range(60):
            began = time.perf_counter()
            kept.request("GET", "/metrics", headers=basic())
            assert kept.getresponse().read() == b"a 1\n"
            took.append(time.perf_counter() - began)
        kept.close()
    assert sorted(took)[-6] < 8


def test_a_handshake_has_a_deadline(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    hello = client_hello(certificates.client_context())
    with serving(file, limits=Limits(exchange_s=0.3)) as endpoint:
        for sent in (b"", hello[:20], hello, b"GET / HTTP/1.1\r\n\r\n"):
            with endpoint.connect(sent) as client:
                assert ended(client)


def test_too_many_handshakes_cost_the_oldest(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    with serving(file, limits=Limits(handshakes=10)) as endpoint, ExitStack() as stack:
        idle = [stack.enter_context(endpoint.connect()) for _ in range(30)]
        assert endpoint.request(context=certificates.client_context()).status == 200
        assert all(ended(client) for client in idle[:20])
        idle[-1].settimeout(0.2)
        assert not ended(idle[-1])


def test_it_stops_at_once_whatever_tls_clients_do(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    pages = replace(PAGES, status=lambda: b"x" * 20_000_000)
    context = certificates.client_context()
    with ExitStack() as stack:
        with serving(file, pages) as endpoint:
            for sent in (b"", client_hello(context)):
                stack.enter_context(endpoint.connect(sent))
            for path in ("/metrics", "/api/status"):
                client = stack.enter_context(endpoint.connect())
                wrapped = stack.enter_context(
                    context.wrap_socket(client, server_hostname="localhost")
                )
                wrapped.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            time.sleep(0.2)
            began = time.perf_counter()
        assert time.perf_counter() - began < 4
