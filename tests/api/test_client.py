"""The client against real sockets: what it sends, how it reads responses, how long it retries."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import __version__
from exporter.api.body import LARGEST_BODY
from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.api.retry import Policy
from exporter.model.errors import (
    BadRequest,
    ConnectionFailed,
    CursorExpired,
    ExchangeError,
    NotPermitted,
    RateLimited,
    RetryLater,
    ServerFailed,
    Stopping,
    TimedOut,
    TokenRefused,
    UnexpectedPayload,
)
from tests.support.clocks import SimulatedStop
from tests.support.loopback import Loopback, Reply, reply, serving

TOKEN = "eyJhbGciOiJIUzI1NiJ9.very.secret"
QUICK = Policy(base_s=0.02, cap_s=0.05, pause_base_s=0.4, connect_s=1.0, read_s=0.25, attempt_s=0.4)
HTML = "<html>Just a moment...</html>"
GOOD = reply(200, '{"good": true}')


@dataclass
class Notes:
    """An Observer that writes everything down."""

    requests: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        self.requests.append((account, endpoint, code))
        self.seconds.append(seconds)

    def record_wait(self, account: str, seconds: float) -> None:
        assert account == "main"
        self.waits.append(seconds)


@dataclass
class Rig:
    """A client of ``server`` and all that was handed to it."""

    server: Loopback
    client: Client
    rate_limiter: RateLimiter
    clock: ExchangeClock
    notes: Notes
    stop: threading.Event
    failures: list[ExchangeError] = field(default_factory=list)

    def get(
        self,
        path: str = "account/trades",
        params: Mapping[str, str] | None = None,
        *,
        deadline_s: float | None = 5.0,
        endpoint: str | None = None,
    ) -> bytes:
        return self.client.get(
            path,
            params or {},
            priority=Priority.LIVE,
            deadline_s=deadline_s,
            endpoint=endpoint,
            on_error=self.failures.append,
        )


def no_jitter() -> float:
    return 0.999


@contextmanager
def rig(
    *script: Reply,
    token: Callable[[], str | None] = lambda: TOKEN,
    policy: Policy = QUICK,
    stop: threading.Event | None = None,
    limit: int = 1_000_000,
) -> Iterator[Rig]:
    stop = stop or threading.Event()
    monotonic = stop.monotonic if isinstance(stop, SimulatedStop) else time.monotonic
    rate_limiter = RateLimiter(limit, monotonic=monotonic, stop=stop)
    clock = ExchangeClock(wall=lambda: datetime.now(UTC))
    notes = Notes()
    with serving(*script) as server:
        client = Client(
            account="main",
            base_url=server.base_url + "/",
            token=token,
            rate_limiter=rate_limiter,
            clock=clock,
            observer=notes,
            stop=stop,
            policy=policy,
            random=no_jitter,
            monotonic=monotonic,
        )
        try:
            yield Rig(server, client, rate_limiter, clock, notes, stop)
        finally:
            client.close()


def test_a_request_is_a_get_that_says_who_asks() -> None:
    with rig(GOOD) as it:
        assert it.get(params={"cursor": "a+b/=&c"}) == b'{"good": true}'
    (seen,) = it.server.requests
    url = urlsplit(seen.target)
    assert (seen.method, url.path) == ("GET", "/fast/v1/account/trades")
    assert parse_qs(url.query) == {"cursor": ["a+b/=&c"]}
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"] == f"onetrading-exporter/{__version__}"


def test_there_is_no_way_to_send_anything_but_a_get() -> None:
    assert {name for name in vars(Client) if not name.startswith("_")} == {
        "get",
        "learn_time",
        "server_time",
        "interrupt",
        "close",
    }


def test_without_a_token_no_authorization_is_sent() -> None:
    with rig(GOOD, token=lambda: None) as it:
        it.get("instruments")
    assert "authorization" not in it.server.requests[0].headers


def test_the_token_is_read_before_each_attempt() -> None:
    tokens = iter(["old", "new\n"])
    with rig(reply(503), GOOD, token=lambda: next(tokens)) as it:
        it.get()
    sent = [seen.headers["authorization"] for seen in it.server.requests]
    assert sent == ["Bearer old", "Bearer new"]


def test_a_connection_is_used_again() -> None:
    with rig(reply(200, "[]"), reply(404, "{}"), GOOD) as it:
        it.get()
        with pytest.raises(BadRequest):
            it.get()
        for _ in range(5):
            it.get()
    assert len(it.server.requests) == 7
    assert it.server.connections == 1


@pytest.mark.parametrize(
    ("response", "error", "code"),
    [
        (reply(401, ""), TokenRefused, "401"),
        (reply(403, '{"message":"Forbidden"}'), TokenRefused, "403"),
        (reply(403, '{"error":"Permission denied."}'), NotPermitted, "403"),
        (reply(400, '{"error":"INVALID_CURSOR"}'), CursorExpired, "400"),
        (reply(404, '{"error":"Not found."}'), BadRequest, "404"),
        (reply(302, "", Location="http://127.0.0.1:1/"), UnexpectedPayload, "302"),
    ],
)
def test_a_permanent_error_is_not_retried(
    response: Reply, error: type[ExchangeError], code: str
) -> None:
    with rig(response) as it, pytest.raises(error) as caught:
        it.get()
    assert type(caught.value) is error
    assert it.failures == [caught.value]
    assert len(it.server.requests) == 1
    assert it.notes.requests == [("main", "account/trades", code)]


def whole(body: bytes, length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + body


BROKEN: dict[str, tuple[Reply, type[RetryLater], str]] = {
    "server error": (reply(500, '{"error":"oops"}'), ServerFailed, "500"),
    "gateway timeout": (reply(504, HTML), ServerFailed, "504"),
    "truncated": (Reply(whole(b'{"a": 1', 500), "close"), ConnectionFailed, "connection"),
    "reset": (Reply(whole(b'{"a": 1', 500), "reset"), ConnectionFailed, "connection"),
    "chunk missing": (
        Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", "close"),
        ConnectionFailed,
        "connection",
    ),
    "no length, cut": (
        Reply(b'HTTP/1.1 200 OK\r\n\r\n{"a": [1, 2', "close"),
        ConnectionFailed,
        "200",
    ),
    "not HTTP": (Reply(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "close"), ConnectionFailed, "connection"),
    "no response": (Reply(b"", "close"), ConnectionFailed, "connection"),
    "not gzip": (
        Reply(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        ConnectionFailed,
        "connection",
    ),
    "silence": (Reply(b"", "hold"), TimedOut, "timeout"),
    "silence in the middle": (Reply(whole(b"{", 2), "hold"), TimedOut, "timeout"),
    "a dripping response": (
        Reply(whole(b"[" + b" " * 400, 401), pause_s=0.02),
        TimedOut,
        "timeout",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_transient_error_is_retried(fault: str) -> None:
    response, error, code = BROKEN[fault]
    with rig(response, GOOD) as it:
        assert it.get() == b'{"good": true}'
    assert [type(failure) for failure in it.failures] == [error]
    assert [code for _, _, code in it.notes.requests] == [code, "200"]
    assert str(it.failures[0]).startswith("account/trades: ")


def test_an_exchange_that_is_not_there_is_a_failed_connection() -> None:
    with rig(GOOD) as it:
        it.server.stop()
        with pytest.raises(ConnectionFailed, match="account/trades: ConnectError"):
            it.get(deadline_s=0.05)
        assert set(it.notes.requests) == {("main", "account/trades", "connection")}


def test_after_the_deadline_the_last_error_is_raised() -> None:
    with rig(reply(503, '{"error":"first"}'), reply(503, '{"error":"then"}')) as it:
        began = time.monotonic()
        with pytest.raises(ServerFailed, match="then") as caught:
            it.get(deadline_s=1)
        assert time.monotonic() - began < SOON_S
    assert len(it.failures) == len(it.server.requests) >= 2
    assert it.failures[-1] is caught.value


def test_the_default_deadline_is_that_of_the_policy() -> None:
    stop = SimulatedStop()
    patient = Policy(deadline_s=100)
    with rig(reply(503), stop=stop, policy=patient) as it, pytest.raises(ServerFailed):
        it.get(deadline_s=None)
    assert 60 < sum(stop.waits) <= 100
    assert stop.waits[:4] == pytest.approx([0.5, 1, 2, 4], rel=0.01)


def test_retry_after_of_a_failing_server_is_honoured() -> None:
    stop = SimulatedStop()
    with rig(reply(503, Retry_After="17"), GOOD, stop=stop) as it:
        it.get(deadline_s=20)
        assert stop.waits == [17.0]


def test_a_page_in_place_of_json_is_retried_once() -> None:
    with rig(reply(200, HTML), GOOD) as it:
        it.get()
    with rig(reply(200, HTML)) as it, pytest.raises(UnexpectedPayload, match="not JSON"):
        it.get()
    assert len(it.server.requests) == len(it.failures) == 2


def test_a_response_that_unpacks_without_end_is_refused() -> None:
    bomb = gzip.compress(b"[" + b" " * LARGEST_BODY + b"]", 9)
    endless = reply(200, bomb, Content_Encoding="gzip")
    refused = pytest.raises(UnexpectedPayload, match="more than 33554432 bytes")
    with rig(endless, policy=Policy()) as it, refused:
        it.get(deadline_s=0)


def test_a_redirect_is_not_followed_with_the_token() -> None:
    with serving(GOOD) as elsewhere:
        away = reply(307, "", Location=elsewhere.base_url)
        with rig(away) as it, pytest.raises(UnexpectedPayload):
            it.get()
        assert elsewhere.requests == []


@settings(max_examples=25)
@given(st.text(max_size=30) | st.just("//127.0.0.1:1/x") | st.just("http://127.0.0.1:1/x"))
def test_no_path_leads_the_token_to_another_host(path: str) -> None:
    with rig(GOOD) as it:
        try:
            it.get(path, deadline_s=0)
        except ConnectionFailed as error:
            assert "InvalidURL" in str(error)
            assert it.server.requests == []
        else:
            assert len(it.server.requests) == 1


def test_a_stale_connection_is_not_a_failure() -> None:
    with rig(GOOD, Reply(b"", "close"), GOOD) as it:
        it.get()
        assert it.get() == b'{"good": true}'
    assert it.failures == []
    assert (len(it.server.requests), it.server.connections) == (3, 2)
    assert [code for _, _, code in it.notes.requests] == ["200", "connection", "200"]


def test_a_reused_connection_that_breaks_within_a_response_is_a_failure() -> None:
    with rig(GOOD, Reply(whole(b'{"a": 1', 500), "close"), GOOD) as it:
        it.get()
        it.get()
    assert [type(failure) for failure in it.failures] == [ConnectionFailed]


def test_429_makes_every_thread_of_the_token_wait() -> None:
    with rig(reply(429, '{"message":"Too Many Requests"}'), GOOD) as it:
        first = threading.Thread(target=it.get)
        first.start()
        while not it.failures:
            time.sleep(0.001)
        began = time.monotonic()
        others = [threading.Thread(target=it.get) for _ in range(4)]
        for thread in others:
            thread.start()
        time.sleep(0.15)
        assert len(it.server.requests) == 1
        for thread in [first, *others]:
            thread.join(5)
        assert time.monotonic() - began > 0.3
    assert len(it.server.requests) == 6
    assert [type(failure) for failure in it.failures] == [RateLimited]
    assert sum(it.notes.waits) == pytest.approx(it.rate_limiter.waited_seconds)
    assert sum(wait > 0.3 for wait in it.notes.waits) == 5


def test_429_in_a_row_pause_longer_and_longer() -> None:
    stop = SimulatedStop()
    with rig(*[reply(429)] * 4, GOOD, reply(429), GOOD, stop=stop, policy=Policy()) as it:
        it.get(deadline_s=1000)
        assert stop.waits == pytest.approx([4, 8, 16, 32], rel=0.01)
        stop.now += 60
        it.get(deadline_s=1000)
        assert stop.waits[4:] == pytest.approx([4], rel=0.01)


def test_429_of_requests_under_way_at_once_count_as_one() -> None:
    slowly = reply(429, " " * 60)._replace(pause_s=0.003)
    with rig(*[slowly] * 4, GOOD) as it:
        began = time.monotonic()
        threads = [threading.Thread(target=it.get) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert time.monotonic() - began < 1.5
    assert len(it.failures) == 4


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def test_retry_after_of_a_429_is_honoured_in_both_notations() -> None:
    stop = SimulatedStop()
    with rig(reply(429, Retry_After="11"), GOOD, stop=stop) as it:
        it.get(deadline_s=1000)
        assert stop.waits == pytest.approx([11])
    stop = SimulatedStop()
    # By the clock of the exchange, which is an hour ahead of ours.
    limited = reply(429, Date=in_seconds(3600), Retry_After=in_seconds(3640))
    with rig(limited, GOOD, stop=stop) as it:
        it.get(deadline_s=1000)
        assert stop.waits == [pytest.approx(40, abs=2)]


def test_a_pause_beyond_the_deadline_is_raised_and_kept() -> None:
    stop = SimulatedStop()
    with rig(reply(429, Retry_After="60"), GOOD, stop=stop) as it:
        with pytest.raises(RateLimited, match="account/trades: 429"):
            it.get(deadline_s=30)
        stop.now += 10
        with pytest.raises(RateLimited, match="this token is paused for another 50 s") as caught:
            it.get(deadline_s=30)
        assert it.failures[1:] == [caught.value]
        assert len(it.server.requests) == 1
        it.get(deadline_s=51)
        assert stop.waits == pytest.approx([50])


SOON_S = 8.0
"""Much less than what is waited for where nobody stops it: a read of 10 s, pauses of a minute."""


def stops(it: Rig, reached: Callable[[], bool], *, close: bool = False) -> bool:
    """Whether a stop soon ends a get() that had come as far as ``reached``."""
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(Stopping):
            it.get(deadline_s=100)
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    while not reached():
        time.sleep(0.001)
    time.sleep(0.03)
    assert not ended.is_set()
    it.stop.set()
    if close:
        it.client.close()
    return ended.wait(SOON_S)


def test_a_stop_ends_the_wait_between_two_attempts() -> None:
    with rig(reply(503), policy=Policy(base_s=60, cap_s=60)) as it:
        assert stops(it, lambda: bool(it.failures))


def test_a_stop_ends_the_wait_for_the_rate_limiter() -> None:
    with rig(GOOD, limit=1) as it:
        it.get()
        assert stops(it, lambda: True)


def test_a_stop_ends_a_pause_of_the_token() -> None:
    with rig(reply(429, Retry_After="60")) as it:
        assert stops(it, lambda: bool(it.failures))


@pytest.mark.parametrize("silent", [Reply(b"", "hold"), Reply(whole(b"{", 9), "hold")])
def test_a_stop_ends_a_read_that_waits_for_the_exchange(silent: Reply) -> None:
    with rig(silent, policy=Policy()) as it:
        assert stops(it, it.server.arrived.is_set, close=True)
        assert it.failures == []


def test_a_stop_ends_a_response_that_drips() -> None:
    drip = Reply(whole(b"[" + b" " * 5_000, 5_001), pause_s=0.01)
    with rig(drip, policy=Policy()) as it:
        assert stops(it, it.server.arrived.is_set)


def everything_shown(error: BaseException) -> str:
    """All that a log, a debugger or a crash reporter could show of ``error``."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    # Not what this file holds: a test knows its secrets.
    frames = [repr(frame.locals) for frame in report.stack if frame.filename != __file__]
    assert frames
    shown = [*frames, *report.format_exception_only(), repr(error), repr(vars(error))]
    for inner in (error.__cause__, error.__context__):
        shown += [] if inner is None else [everything_shown(inner)]
    return "\n".join(shown)


ECHO = f'{{"error":"bad header: Bearer {TOKEN}"}}'


@pytest.mark.parametrize(
    "response",
    [
        reply(400, ECHO),
        reply(403, f"<html>{TOKEN}</html>"),
        reply(500, ECHO),
        reply(200, f"<html>{TOKEN}</html>"),
        reply(429, ECHO),
        Reply(f"no status line: {TOKEN}\r\n\r\n".encode(), "close"),
        *[response for response, _, _ in BROKEN.values()],
    ],
)
def test_no_log_and_no_error_shows_the_token(
    response: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with rig(response) as it, pytest.raises(ExchangeError) as caught:
        it.get(deadline_s=0)
    assert it.server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "secret" not in everything_shown(caught.value)
    assert "GET account/trades" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("token", ["", "  ", "very secret", "very\r\nX-secret: 1", "secret-€", "é"])
def test_a_token_that_no_header_can_hold_is_refused_unsent_and_unseen(
    token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with rig(GOOD, token=lambda: token) as it, pytest.raises(TokenRefused) as caught:
        it.get()
    assert it.server.requests == []
    assert it.failures == [caught.value]
    assert "secret" not in everything_shown(caught.value) + caplog.text


def test_the_observer_gets_the_label_not_the_id() -> None:
    with rig(GOOD) as it:
        it.get("account/orders/0f3b", endpoint="account/orders/{id}")
    assert it.notes.requests == [("main", "account/orders/{id}", "200")]
    assert it.notes.waits == [pytest.approx(0, abs=0.1)]
    assert 0 < it.notes.seconds[0] < 5


def test_the_clock_learns_from_every_response() -> None:
    with rig(reply(404, Date=in_seconds(4))) as it, pytest.raises(BadRequest):
        it.get()
    assert it.clock.skew_s == pytest.approx(3.5, abs=1)


def test_the_time_of_the_exchange_is_read_and_learned() -> None:
    behind = datetime.now(UTC) - timedelta(hours=2)
    millis = int(behind.timestamp() * 1000)
    with rig(reply(200, f'{{"iso":"ignored","epoch_millis":{millis}}}')) as it:
        server = it.client.server_time()
        assert timedelta(0) <= behind - server < timedelta(milliseconds=1)
        assert not it.clock.known
        it.client.learn_time(deadline_s=5)
        assert len(it.server.requests) == 3
    assert it.clock.skew_s == pytest.approx(-7200, abs=1)
    assert urlsplit(it.server.requests[0].target).path == "/fast/v1/time"


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        '{"epoch_millis":"x"}',
        '{"epoch_millis":1e300}',
        '{"epoch_millis":NaN}',
        '{"epoch_millis":' + "9" * 5_000 + "}",
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_a_time_that_cannot_be_read_is_an_unexpected_payload(body: str) -> None:
    with rig(reply(200, body)) as it, pytest.raises(UnexpectedPayload, match="epoch_millis"):
        it.client.server_time()


def test_many_threads_share_one_client() -> None:
    with rig(GOOD) as it:
        threads = [threading.Thread(target=lambda: [it.get() for _ in range(10)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert len(it.server.requests) == 80
    assert it.server.connections <= 8
    assert it.failures == []


def test_the_loopback_really_resets() -> None:
    """Otherwise the test of a reset would be one more test of a truncated response."""
    with serving(Reply(b"HTTP/1.1 200 OK\r\n", "reset")) as server:
        url = urlsplit(server.base_url)
        with socket.create_connection((url.hostname, url.port)) as caller:
            caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                while caller.recv(100):
                    time.sleep(0.05)
