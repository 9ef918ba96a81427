"""One timer for a request, whatever the bytes do; and what is below httpx."""

from __future__ import annotations

import gzip
import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import get_args

import httpcore
import httpx
import pytest

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.network import LARGEST_HEAD, Network, system_addresses
from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.api.retry import Policy
from exporter.model.errors import (
    BadRequest,
    ConnectionFailed,
    ExchangeError,
    RateLimited,
    ServerFailed,
    Stopping,
    TimedOut,
    UnexpectedPayload,
)
from exporter.model.route import Proxy, ProxyScheme, Route
from tests.support.clocks import utc_now
from tests.support.loopback import Loopback, Reply, reply, serving
from tests.support.waiting import wait_until

PATIENT = Policy(connect_s=60.0, read_s=60.0, attempt_s=0.4)
"""Only the timer of the whole request can end one soon."""
UNHURRIED = Policy(connect_s=60.0, read_s=60.0, attempt_s=60.0)
"""Nothing ends before the exchange ends it."""
SOON_S = 20.0
DIRECT = Route()
GOOD = reply(200, '{"good": true}')


class Quiet:
    """An Observer."""

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None: ...

    def record_wait(self, account: str, seconds: float) -> None: ...


@contextmanager
def client_of(
    base_url: str,
    policy: Policy = UNHURRIED,
    look_up: Callable[[str, int], Sequence[str]] = system_addresses,
    stop: threading.Event | None = None,
    route: Route = DIRECT,
) -> Iterator[Client]:
    """A client of an exchange at ``base_url``."""
    stop = stop or threading.Event()
    client = Client(
        account="main",
        base_url=base_url,
        token=lambda: "token",
        rate_limiter=RateLimiter(1_000_000, monotonic=time.monotonic, stop=stop),
        clock=ExchangeClock(wall=utc_now),
        observer=Quiet(),
        stop=stop,
        policy=policy,
        random=lambda: 0.5,
        monotonic=time.monotonic,
        look_up=look_up,
        route=route,
    )
    try:
        yield client
    finally:
        client.close()


def get(client: Client) -> bytes:
    return client.get("account/trades", {}, priority=Priority.LIVE, deadline_s=0)


def failure(client: Client) -> ExchangeError:
    """The error of a request, which ends soon."""
    began = time.monotonic()
    with pytest.raises(ExchangeError) as caught:
        get(client)
    assert time.monotonic() - began < SOON_S
    return caught.value


def head(status: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Reason", *headers, "", ""]).encode()


CHUNKED = "Transfer-Encoding: chunked"
GZIP = "Content-Encoding: gzip"
STARTED = gzip.compress(b"")[:10]
FOREVER = {
    "a header": Reply(b"HTTP/1.1 200 OK\r\nX-Slow: ", pause_s=0.02, forever=b"a"),
    "a status line": Reply(b"", pause_s=0.02, forever=b"H"),
    "headers": Reply(b"HTTP/1.1 200 OK\r\n", pause_s=0.02, forever=b"X: y\r\n"),
    "102": Reply(b"", pause_s=0.02, forever=head(102)),
    "100": Reply(b"", pause_s=0.02, forever=head(100, "X: y")),
    "spaces": Reply(head(200, CHUNKED), pause_s=0.02, forever=b"1\r\n \r\n"),
    "no length": Reply(head(200) + b"[", pause_s=0.02, forever=b" "),
    "HTTP/1.0": Reply(b"HTTP/1.0 200 OK\r\n\r\n[", pause_s=0.02, forever=b" "),
    "a chunk size": Reply(head(200, CHUNKED), pause_s=0.02, forever=b"0"),
    "trailers": Reply(head(200, CHUNKED) + b"1\r\n[\r\n0\r\n", pause_s=0.02, forever=b"X: y\r\n"),
    "gzip of nothing": Reply(head(200, GZIP) + STARTED, pause_s=0.02, forever=b"\0\0\0\xff\xff"),
    "a refusal": Reply(head(404) + b'{"error": "', pause_s=0.02, forever=b"."),
}


@pytest.mark.parametrize("what", FOREVER)
def test_what_never_ends_is_ended_by_the_timer_of_the_request(what: str) -> None:
    with serving(FOREVER[what]) as server, client_of(server.base_url, PATIENT) as client:
        error = failure(client)
    assert type(error) is TimedOut
    assert str(error) == "account/trades: not complete after 0.4 s"


@pytest.mark.parametrize(("status", "kind"), [(503, ServerFailed), (429, RateLimited)])
def test_an_error_whose_text_never_ends_is_known_by_its_status(
    status: int, kind: type[ExchangeError]
) -> None:
    endless = Reply(head(status, "Retry-After: 7") + b"<html>", pause_s=0.02, forever=b".")
    policy = replace(PATIENT, attempt_s=2.0)  # time for the headers, on a busy machine
    with serving(endless) as server, client_of(server.base_url, policy) as client:
        error = failure(client)
    assert type(error) is kind
    assert getattr(error, "after_s", None) == 7


def test_a_flood_of_informational_responses_is_ended_by_its_size() -> None:
    flood = Reply(b"", forever=head(103, f"Link: {'x' * 1_000}") * 10)
    with serving(flood) as server, client_of(server.base_url) as client:
        error = failure(client)
    assert type(error) is ConnectionFailed
    assert f"no response within {LARGEST_HEAD} bytes" in str(error)


def test_a_few_informational_responses_are_read_over() -> None:
    sent = head(102) + head(103, "Link: x") + GOOD.raw
    with serving(Reply(sent)) as server, client_of(server.base_url) as client:
        assert [get(client) for _ in range(3)] == [b'{"good": true}'] * 3


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (head(200, "X: " + "x" * 200_000) + b"{}", ConnectionFailed),
        (head(200, *[f"X-{n}: y" for n in range(20_000)]) + b"{}", ConnectionFailed),
        (head(200, "Content-Length: 5", "Content-Length: 2") + b"{}", ConnectionFailed),
        (head(200, "Content-Length: -1") + b"{}", ConnectionFailed),
        (head(200, "Transfer-Encoding: gzip, chunked") + b"2\r\n{}\r\n0\r\n\r\n", ConnectionFailed),
        (head(200, CHUNKED) + b"zz\r\n{}\r\n", ConnectionFailed),
        (b"HTTP/1.1 999999 Odd\r\n\r\n", ConnectionFailed),
        (head(101, "Upgrade: x", "Connection: upgrade"), ExchangeError),
        (head(204), UnexpectedPayload),
        (head(205, "Content-Length: 2") + b"{}", UnexpectedPayload),
        (head(206, "Content-Length: 2") + b"{}", UnexpectedPayload),
        (head(304), UnexpectedPayload),
        (head(200, "Content-Length: 0"), UnexpectedPayload),
        (head(200, "Content-Encoding: br", "Content-Length: 2") + b"{}", UnexpectedPayload),
        (head(200, GZIP, "Content-Encoding: gzip", "Content-Length: 2") + b"{}", UnexpectedPayload),
        (head(400, "Content-Encoding: br", "Content-Length: 2") + b"{}", BadRequest),
        (head(503, "Content-Encoding: gzip, gzip", "Content-Length: 2") + b"{}", ServerFailed),
        (head(502, GZIP, "Content-Length: 6") + b"<html>", ServerFailed),
    ],
)
def test_an_odd_response_is_one_documented_error(sent: bytes, kind: type[ExchangeError]) -> None:
    with serving(Reply(sent, "close")) as server, client_of(server.base_url) as client:
        assert isinstance(failure(client), kind)


def test_one_encoding_is_requested() -> None:
    with serving(GOOD) as server, client_of(server.base_url) as client:
        get(client)
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_a_response_that_nobody_requested_is_not_taken_for_the_next_one() -> None:
    other = reply(200, '{"of": "another request"}').raw
    chunked = head(200, CHUNKED) + b"2\r\n{}\r\n0\r\n\r\n"
    for first in (GOOD.raw, chunked):
        with (
            serving(Reply(first + other), GOOD) as server,
            client_of(server.base_url) as client,
        ):
            get(client)
            assert get(client) == b'{"good": true}'
            assert server.connections == 2


def test_bytes_beyond_the_length_of_a_response_do_no_harm() -> None:
    with serving(Reply(GOOD.raw + b"more"), GOOD) as server, client_of(server.base_url) as client:
        assert [get(client) for _ in range(3)] == [b'{"good": true}'] * 3


def test_cookies_are_not_kept() -> None:
    many = "".join(f"Set-Cookie: c{n}={'x' * 100}; Path=/\r\n" for n in range(500)).encode()
    crumbs = Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + many + b"\r\n{}")
    with serving(crumbs) as server, client_of(server.base_url) as client:
        get(client)
        get(client)
    assert all("cookie" not in seen.headers for seen in server.requests)


@contextmanager
def dripping(first: bytes) -> Iterator[int]:
    """The port of a server that sends ``first``, then a zero byte now and then."""
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(first)
            try:
                while not ended.wait(0.02):
                    connection.sendall(b"\0")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        thread.join(5)


def test_a_tls_handshake_that_drips_is_ended() -> None:
    with (
        dripping(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03") as port,
        client_of(f"https://127.0.0.1:{port}", PATIENT) as client,
    ):
        assert type(failure(client)) is TimedOut


class Resolver:
    """A resolver that answers when it is let."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []
        self.answer = threading.Event()

    def look_up(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        self.answer.wait(60)
        return self.addresses


def named(server: Loopback) -> str:
    return server.base_url.replace("127.0.0.1", "exchange.test")


def test_a_resolver_that_hangs_is_not_waited_for_and_holds_one_thread() -> None:
    resolver = Resolver("127.0.0.1")
    policy = replace(PATIENT, attempt_s=2.0)
    with serving(GOOD) as server, client_of(named(server), policy, resolver.look_up) as client:
        for _ in range(3):
            assert type(failure(client)) is TimedOut
        assert resolver.asked == ["exchange.test"]
        resolver.answer.set()
        wait_until(lambda: "resolver" not in {thread.name for thread in threading.enumerate()})
        assert get(client) == b'{"good": true}'
        assert len(resolver.asked) == 2


def test_every_address_of_a_host_is_tried() -> None:
    resolver = Resolver("127.0.0.2", "::1", "127.0.0.1")
    resolver.answer.set()
    with serving(GOOD) as server, client_of(named(server), look_up=resolver.look_up) as client:
        assert get(client) == b'{"good": true}'


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64 + ".test"])
def test_a_host_that_cannot_be_resolved_is_a_failed_connection(host: str) -> None:
    with client_of(f"http://{host}/") as client:
        assert type(failure(client)) is ConnectionFailed


def test_a_host_without_an_address_is_a_failed_connection() -> None:
    with client_of("http://exchange.test/", look_up=lambda _host, _port: []) as client:
        assert "exchange.test has no address" in str(failure(client))


def test_an_interrupt_ends_the_wait_for_a_resolver() -> None:
    resolver, stop, ended = Resolver(), threading.Event(), threading.Event()
    with client_of("http://exchange.test", UNHURRIED, resolver.look_up, stop) as client:

        def run() -> None:
            with pytest.raises(Stopping):
                get(client)
            ended.set()

        threading.Thread(target=run, daemon=True).start()
        wait_until(lambda: resolver.asked)
        stop.set()
        client.interrupt()
        assert ended.wait(SOON_S)
    resolver.answer.set()


@contextmanager
def proxy(scheme: ProxyScheme, through: Callable[[socket.socket], None]) -> Iterator[Route]:
    """The way through a proxy that does ``through`` with its one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                through(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Route(Proxy(scheme, "127.0.0.1", listener.getsockname()[1]))
        thread.join(5)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("of_proxy", get_args(ProxyScheme))
def test_a_proxy_has_no_more_time_than_the_exchange(scheme: str, of_proxy: ProxyScheme) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(10_000)
        try:
            if of_proxy == "http":  # of the others the handshake waits
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.02):
                if of_proxy == "http":
                    connection.sendall(b"a")
        except OSError:
            return

    with proxy(of_proxy, drip) as route:
        with client_of(f"{scheme}://exchange.test", PATIENT, route=route) as client:
            assert type(failure(client)) is TimedOut
        over.set()


def test_what_is_relied_on_in_httpx_and_httpcore() -> None:
    """Beyond what they document. After an upgrade: adapt `Network.install`, then this list."""
    version = f"httpx {httpx.__version__}, httpcore {httpcore.__version__}"
    with httpx.Client(proxy="http://127.0.0.1:1") as client:
        transports = [client._transport, *client._mounts.values()]
        assert len(transports) == 2, f"{version}: where is the transport of a proxy?"
        for transport in transports:
            assert isinstance(transport, httpx.HTTPTransport), version
            assert "_network_backend" in vars(transport._pool), version
        Network(time.monotonic).install(client)
    for pool in (httpcore.ConnectionPool, httpcore.HTTPProxy, httpcore.SOCKSProxy):
        source = inspect.getsource(pool.create_connection)
        assert "network_backend=self._network_backend" in source, f"{version}: {pool.__name__}"
    expired = inspect.getsource(httpcore.HTTP11Connection.has_expired)
    assert 'get_extra_info("is_readable")' in expired, version
