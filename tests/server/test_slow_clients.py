"""Clients that are slow, silent or too many: whom they delay, and when they are cut off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from exporter.server import Limits
from tests.support.secure import PAGES, USER, Endpoint, basic, ended, hashed, serving, write
from tests.support.waiting import wait_until

USERS = {"basic_auth_users": {USER: hashed()}}
HEALTHY = b"HEAD /-/healthy HTTP/1.1\r\nHost: x\r\n"
"""A request without its end; the response has no body, which would be a packet of its own."""


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def exchange(client: socket.socket, sent: bytes) -> bytes:
    """The first packet of the response; empty when the connection was closed."""
    client.sendall(sent)
    try:
        return client.recv(4096)
    except ConnectionError:
        return b""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(None) as running:
        yield running


def test_slow_and_silent_clients_do_not_delay_a_scrape(endpoint: Endpoint) -> None:
    with ExitStack() as clients:
        for n in range(220):
            sent = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: " if n % 11 == 0 else b""
            clients.enter_context(endpoint.connect(sent))
        # Each is answered within 5 s; a silent client is cut off after 10 s, and has 220 before it.
        assert {endpoint.request().status for _ in range(200)} == {200}


def test_a_hanging_page_does_not_delay_a_scrape() -> None:
    released = threading.Event()

    hanging: list[bool] = []

    def hangs() -> bytes:
        hanging.append(True)
        released.wait(20)
        return b"{}"

    with serving(None, replace(PAGES, status=hangs)) as endpoint, ExitStack() as clients:
        for _ in range(5):
            clients.enter_context(endpoint.connect(b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n"))
        wait_until(lambda: bool(hanging), "the page is not requested")
        for path in ("/metrics", "/-/healthy") * 10:
            assert endpoint.request(path).status == 200
        assert not released.is_set()
        released.set()


def test_a_client_that_does_not_finish_its_request_is_cut_off() -> None:
    with serving(None, limits=Limits(exchange_s=0.2)) as endpoint:
        for sent in (b"", b"GET /metrics HTTP/1.1\r\nX: ", b"\x16\x03\x01"):
            with endpoint.connect(sent) as client:
                assert ended(client)


def test_a_client_that_does_not_take_its_answer_is_cut_off() -> None:
    large = b"x" * 20_000_000
    pages = replace(PAGES, status=lambda: large)
    with serving(None, pages, Limits(exchange_s=0.2, keep_alive_s=0)) as endpoint:
        with endpoint.connect(b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n") as client:
            time.sleep(0.5)
            received = 0
            try:
                while chunk := client.recv(1 << 20):
                    received += len(chunk)
            except ConnectionResetError:
                pass
        assert received < len(large)


def test_a_resting_connection_is_kept_and_answers_at_once(endpoint: Endpoint) -> None:
    connection = endpoint.connection()
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
    with serving(None, limits=Limits(connections=10)) as endpoint, ExitStack() as clients:
        idle = [clients.enter_context(endpoint.connect()) for _ in range(30)]
        assert endpoint.request().status == 200
        assert all(ended(client) for client in idle[:20])
        idle[-1].sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert idle[-1].recv(100).startswith(b"HTTP/1.1 200")


def test_it_stops_at_once_whatever_clients_do() -> None:
    large = b"x" * 20_000_000
    pages = replace(PAGES, status=lambda: large)
    with serving(None, pages) as endpoint, ExitStack() as clients:
        for sent in (
            b"",
            b"GET /met",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            clients.enter_context(endpoint.connect(sent))
        time.sleep(0.2)
        assert timed(endpoint.server.stop) < 2
        assert not endpoint.server.alive
        with pytest.raises(ConnectionRefusedError):
            endpoint.connect()


def test_connections_that_rest_after_an_answer_keep_no_newcomer_out(tmp_path: Path) -> None:
    """Each got a response, if only a 401, and may stay idle for longer than a request may take."""
    limits = Limits(connections=10)
    with serving(write(tmp_path, basic_auth_users={USER: hashed()}), limits=limits) as endpoint:
        for request in (HEALTHY, b"GET / HTTP/1.1\r\nHost: x\r\n"):
            with ExitStack() as stack:
                resting = [stack.enter_context(endpoint.connect()) for _ in range(10)]
                for client in resting:
                    assert exchange(client, request + b"\r\n").startswith(b"HTTP/1.1 ")
                for _ in range(5):
                    assert endpoint.request(headers=basic()).status == 200


def test_the_one_that_was_answered_last_outlives_those_before(tmp_path: Path) -> None:
    with (
        serving(write(tmp_path), limits=Limits(connections=10)) as endpoint,
        ExitStack() as stack,
    ):
        scraper = stack.enter_context(endpoint.connect())
        for _ in range(5):
            for _ in range(4):  # as many of the round before may be accepted only now
                stack.enter_context(endpoint.connect())
            assert exchange(scraper, HEALTHY + b"\r\n").startswith(b"HTTP/1.1 200")
