"""Clients that want to do harm: to keep others out, to fill the log, to outlive their certificate.

They know no password.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.logs.level import Level
from exporter.server import Limits
from exporter.server.security.passwords import Busy, Login, Passwords
from tests.support.secure import (
    DEMANDS,
    USER,
    Certificates,
    Endpoint,
    basic,
    hashed,
    serving,
    tls,
    write,
)

HEALTHY = b"HEAD /-/healthy HTTP/1.1\r\nHost: x\r\n"
"""A request, but for its end; the answer has no body, which would come as a packet of its own."""


@pytest.fixture
def usual_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged at the level that a service has by default."""
    names = ("", "exporter", "apscheduler", "psycopg.pool", "uvicorn")
    before = {name: logging.getLogger(name).level for name in names}
    Level().configure("info", None)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def connect(stack: ExitStack, endpoint: Endpoint) -> socket.socket:
    address = ("127.0.0.1", endpoint.server.port)
    return stack.enter_context(socket.create_connection(address, timeout=5))


def exchange(client: socket.socket, sent: bytes) -> bytes:
    """The first packet of the answer; empty at the end of the connection."""
    client.sendall(sent)
    try:
        return client.recv(4096)
    except ConnectionError:
        return b""


def test_connections_that_rest_after_an_answer_keep_no_newcomer_out(tmp_path: Path) -> None:
    """Each had an answer, if only a refusal, and may rest longer than a request may take."""
    limits = Limits(connections=10)
    with serving(write(tmp_path, basic_auth_users={USER: hashed()}), limits=limits) as endpoint:
        for request in (HEALTHY, b"GET / HTTP/1.1\r\nHost: x\r\n"):
            with ExitStack() as stack:
                resting = [connect(stack, endpoint) for _ in range(10)]
                for client in resting:
                    assert exchange(client, request + b"\r\n").startswith(b"HTTP/1.1 ")
                for _ in range(5):
                    assert endpoint.ask(headers=basic()).status == 200


def test_the_one_that_was_answered_last_outlives_those_before(tmp_path: Path) -> None:
    with (
        serving(write(tmp_path), limits=Limits(connections=10)) as endpoint,
        ExitStack() as stack,
    ):
        scraper = connect(stack, endpoint)
        for _ in range(5):
            for _ in range(4):  # as many of the round before may be accepted only now
                connect(stack, endpoint)
            assert exchange(scraper, HEALTHY + b"\r\n").startswith(b"HTTP/1.1 200")


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
            assert exchange(connect(stack, endpoint), sent).split(b" ")[1] == status
        assert endpoint.ask(headers=basic()).status == 200
    assert [record.getMessage() for record in usual_log.records] == []


def test_a_body_that_turns_bad_after_its_answer_ends_the_connection(
    tmp_path: Path, usual_log: pytest.LogCaptureFixture
) -> None:
    with serving(write(tmp_path)) as endpoint, ExitStack() as stack:
        client = connect(stack, endpoint)
        request = HEALTHY + b"Transfer-Encoding: chunked\r\n\r\n"
        assert exchange(client, request).startswith(b"HTTP/1.1 200")
        assert exchange(client, b"zz\r\n") == b""
        assert endpoint.ask().status == 200
    assert usual_log.records == []


# Passwords


def test_guesses_that_come_all_at_once_find_no_more_room_than_others() -> None:
    """In one round of the event loop, in which none of the checks has begun."""
    may = threading.Event()

    def wrong(_password: bytes, _hashed: bytes) -> bool:
        return not may.wait(20)

    async def flood(clients: int) -> list[bool | BaseException]:
        passwords = Passwords(wrong)
        guesses = (
            passwords.good({"a": b"hash"}, Login("a", b"%d" % n), f"10.0.0.{n % clients}")
            for n in range(200)
        )
        tasks = [asyncio.ensure_future(guess) for guess in guesses]
        await asyncio.sleep(0.05)
        may.set()
        try:
            return await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            passwords.close()

    for clients, places in ((1, 4), (50, 32)):
        may.clear()
        found = asyncio.run(flood(clients))
        assert sum(isinstance(outcome, Busy) for outcome in found) == 200 - places
        assert found.count(False) == places


def test_a_stranger_who_becomes_a_user_is_let_in() -> None:
    """With the hash of another user, which was looked at for him before."""

    async def asked(*rounds: Mapping[str, bytes]) -> list[bool]:
        passwords = Passwords(lambda password, hashed: (password, hashed) == (b"x", b"hash of x"))
        try:
            return [await passwords.good(users, Login("new", b"x"), "") for users in rounds]
        finally:
            passwords.close()

    before = {"old": b"hash of x"}
    after = before | {"new": b"hash of x"}
    assert asyncio.run(asked(before, before, after, before)) == [False, False, True, False]


# Client certificates


def test_a_client_who_is_believed_no_more_cannot_stay_connected(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    file = write(tmp_path, tls_server_config=tls(**DEMANDS))
    with serving(file) as endpoint:
        kept = endpoint.connection(certificates.client_context("client"))
        kept.request("GET", "/metrics")
        first = kept.getresponse()
        assert (first.read(), first.will_close) == (b"a 1\n", False)
        write(
            tmp_path, tls_server_config=tls(**DEMANDS | {"client_allowed_sans": ["other.example"]})
        )
        endpoint.look()
        kept.request("GET", "/metrics")
        last = kept.getresponse()
        assert (last.read(), last.will_close) == (b"a 1\n", True)
        with pytest.raises((OSError, http.client.HTTPException)):
            endpoint.ask(context=certificates.client_context("client"))
        kept.close()
