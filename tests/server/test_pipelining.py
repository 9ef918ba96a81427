"""Clients that send many requests at once, or do not read what they asked for."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from exporter.metrics import Metrics
from exporter.model.stream import Metric
from exporter.server import Limits
from exporter.server.asgi import Headers
from exporter.streams.balances import BALANCES
from tests.support.secure import PAGES, Endpoint, ServerResponse, ended, request_once, serving
from tests.support.waiting import wait_until

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE_S = 120.0
CLIENTS, SCRAPES_EACH, SERIES = 300, 20, 5_000
MEGABYTE = 1024 * 1024


def heavy() -> Metrics:
    """Metrics with so many series that a scrape takes a while."""
    gauge = Metric("onetrading_many", "Many.", ("currency",))
    stream = replace(BALANCES, name="many", metrics=(gauge,))
    metrics = Metrics([stream], ["main"], intervals={}, now=time.time, monotonic=time.monotonic)
    samples = [gauge(n, f"a currency with a name as long as names are {n}") for n in range(SERIES)]
    metrics.streams.record_success("main", "many", samples)
    return metrics


def resident() -> int:
    """The memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_clients_that_pipeline_and_never_read_starve_no_scrape() -> None:
    metrics = heavy()
    size = len(metrics.render("", "")[0])
    asked: list[None] = []

    def scrape(accept: str, encoding: str) -> tuple[bytes, Headers]:
        asked.append(None)
        return metrics.scrape(accept, encoding)

    # A machine that is busy with other tests may take long; it may not close connections for that.
    patient = Limits(exchange_s=PATIENCE_S)
    pages = replace(PAGES, metrics=scrape)
    with serving(None, pages, patient) as endpoint, ExitStack() as hostile:
        before = resident()

        def honest() -> ServerResponse:
            connection = HTTPConnection("127.0.0.1", endpoint.server.port, timeout=PATIENCE_S)
            return request_once(connection, "/metrics", {}, "GET")

        def attack() -> None:
            for _ in range(CLIENTS):
                hostile.enter_context(endpoint.connect(SCRAPE * SCRAPES_EACH, timeout=60))

        attacker = threading.Thread(target=attack)
        attacker.start()
        # While thousands of scrapes are asked for.
        scraped = [honest() for _ in range(20)]
        attacker.join()
        scraped += [honest() for _ in range(20)]
        grown = resident() - before
    assert {found.status for found in scraped} == {200}
    assert {found.body.count(b"onetrading_many{") for found in scraped} == {SERIES}
    assert len(asked) < CLIENTS * (Limits().pipelined + 2)
    assert grown < CLIENTS * size / 2
    assert grown < 100 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"


def responses(client: socket.socket) -> int:
    """How many responses come until the connection is closed."""
    received = b""
    try:
        while data := client.recv(65536):
            received += data
    except ConnectionError:
        pass
    return received.count(b"HTTP/1.1 200")


def test_a_client_that_pipelines_much_is_answered_a_few_times() -> None:
    with (
        serving(None, limits=Limits(pipelined=4)) as endpoint,
        endpoint.connect(SCRAPE * 20, timeout=20) as client,
    ):
        assert responses(client) == 5


def test_a_client_may_pipeline_a_little() -> None:
    with (
        serving(None, limits=Limits(pipelined=4)) as endpoint,
        endpoint.connect(timeout=20) as client,
    ):
        for _ in range(10):
            client.sendall(SCRAPE * 4)
            received = b""
            while received.count(b"HTTP/1.1 200") < 4 or not received.endswith(b"a 1\n"):
                data = client.recv(65536)
                assert data, "closed"
                received += data


LARGE = b"x" * 20_000_000


@pytest.fixture
def impatient() -> Limits:
    return Limits(exchange_s=1.0)


def test_a_client_that_reads_nothing_is_cut_off_although_it_could_stay_idle(
    impatient: Limits,
) -> None:
    made: list[None] = []

    def status() -> bytes:
        made.append(None)
        return LARGE

    large = b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(None, replace(PAGES, status=status), impatient) as endpoint:
        for sent in (large, large + SCRAPE):
            with endpoint.connect(sent) as client:
                wait_until(lambda: made)
                wait_until(lambda: connected(endpoint) == 0)
                made.clear()
                assert ended(client)


def connected(endpoint: Endpoint) -> int:
    return len(endpoint.server._uvicorn.server_state.connections)


def test_a_client_that_read_its_response_may_stay_idle(impatient: Limits) -> None:
    with serving(None, limits=impatient) as endpoint:
        connection = endpoint.connection()
        connection.connect()
        first = connection.sock
        for _ in range(2):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read() == b"a 1\n"
            time.sleep(2 * impatient.exchange_s)
        assert connection.sock is first
        connection.close()


def test_a_request_after_a_rest_may_take_no_longer_than_the_first(impatient: Limits) -> None:
    with serving(None, limits=impatient) as endpoint, endpoint.connect(SCRAPE) as client:
        assert client.recv(100)
        client.sendall(SCRAPE[:20])
        assert ended(client)


def test_a_response_in_parts_is_whole() -> None:
    made = [b""]
    with serving(
        None, replace(PAGES, metrics=lambda _accept, _encoding: (made[0], []))
    ) as endpoint:
        for size in (0, 1, 32_767, 32_768, 32_769, 1_000_000):
            made[0] = bytes(n % 251 for n in range(size))
            found = endpoint.request()
            assert (found.body, found.headers["content-length"]) == (made[0], str(size))
            head = endpoint.request(method="HEAD")
            assert (head.body, head.headers["content-length"]) == (b"", str(size))


def test_clients_that_leave_in_the_middle_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with serving(None, replace(PAGES, status=lambda: LARGE)) as endpoint:
        for _ in range(20):
            with endpoint.connect(b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n") as client:
                client.recv(100)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_until(lambda: connected(endpoint) == 0)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_pages_asked_for_at_once_are_made_once() -> None:
    made: list[None] = []

    def status() -> bytes:
        made.append(None)
        time.sleep(0.2)
        return b"{}"

    with serving(None, replace(PAGES, status=status)) as endpoint:
        found: list[int] = []
        threads = [
            threading.Thread(target=lambda: found.append(endpoint.request("/api/status").status))
            for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [200] * 40
    assert len(made) <= 20
