"""How much memory a response can cost, measured in a process of its own."""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.api.retry import Policy
from exporter.model.errors import ExchangeError
from exporter.model.limits import MOST_RECORDS
from exporter.model.page import read
from exporter.streams import STREAMS
from tests.support.clocks import utc_now
from tests.support.loopback import Reply, reply, serving

ACCOUNT_ID = "a0000000-0000-4000-8000-000000000001"
MEGABYTE = 1024 * 1024
MOST = 150 * MEGABYTE


class _Quiet:
    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None: ...

    def record_wait(self, account: str, seconds: float) -> None: ...


def peak() -> int:
    """The most memory that this process has used so far, in bytes."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


def cost_of_reading(base_url: str, name: str) -> tuple[str, int]:
    """How a request of a stream ends, and by how many bytes the peak of this process grew."""
    stream = next(stream for stream in STREAMS if stream.name == name)
    stop = threading.Event()
    client = Client(
        account="main",
        base_url=base_url,
        token=lambda: "token",
        rate_limiter=RateLimiter(1_000_000, monotonic=time.monotonic, stop=stop),
        clock=ExchangeClock(wall=utc_now),
        observer=_Quiet(),
        stop=stop,
        policy=Policy(),
        random=lambda: 0.5,
        monotonic=time.monotonic,
    )
    client.get("time", {}, priority=Priority.LIVE)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = peak()
    try:
        body = client.get(stream.path, {}, priority=Priority.LIVE, deadline_s=0)
        page = read(stream, body, ACCOUNT_ID)
        outcome = f"{len(page.rows)} rows, {len(page.rejects)} rejects"
    except ExchangeError as error:
        outcome = f"{type(error).__name__}: {error}"
    client.close()
    return outcome, peak() - before


@pytest.fixture(scope="module")
def child() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def list_of(member: str, record: str, count: int) -> str:
    return f'{{"account_id":"{ACCOUNT_ID}","{member}":[' + ",".join([record] * count) + "]}"


def packed(body: bytes, layers: int = 1) -> Reply:
    for _ in range(layers):
        body = gzip.compress(body, 1)
    return reply(200, body, Content_Encoding=", ".join(["gzip"] * layers))


def endless(status: int) -> Reply:
    head = f"HTTP/1.1 {status} Reason\r\nContent-Length: 900000000\r\n\r\n"
    return Reply(head.encode() + b'{"error":"', forever=b"x" * MEGABYTE)


def spaces() -> bytes:
    return b"[" + b" " * (200 * MEGABYTE) + b"]"


# Made when they are sent: every worker and the child import this file.
BOMBS: dict[str, tuple[str, Callable[[], Reply], str]] = {
    "gzip": ("trades", lambda: packed(spaces()), "more than 33554432 bytes"),
    "gzip twice": (
        "trades",
        lambda: packed(spaces(), 2),
        "encoded as 'gzip, gzip', not as requested",
    ),
    "good without end": ("balances", lambda: endless(200), "more than 33554432 bytes"),
    "400 without end": ("balances", lambda: endless(400), "BadRequest: account/balances: 400"),
    "500 without end": ("balances", lambda: endless(500), "ServerFailed: account/balances: 500"),
    "tiny records": (
        "trades",
        lambda: reply(200, list_of("trade_history", "{}", 5_000_000)),
        "UnexpectedPayload: account/trades: 200: more than 500000 values",
    ),
    "tiny records, packed": (
        "tickers",
        lambda: packed(f"[{','.join(['1'] * 5_000_000)}]".encode()),
        "UnexpectedPayload: market-ticker: 200: more than 500000 values",
    ),
    "too many records": (
        "trades",
        lambda: reply(200, list_of("trade_history", "{}", MOST_RECORDS + 1)),
        "UnexpectedPayload: more than 50000 records in one list",
    ),
    "as many records as there may be": (
        "trades",
        lambda: reply(200, list_of("trade_history", "{}", MOST_RECORDS)),
        "0 rows, 50000 rejects",
    ),
}


@pytest.mark.parametrize("what", BOMBS)
def test_no_response_costs_much_memory(what: str, child: ProcessPoolExecutor) -> None:
    name, bomb, expected = BOMBS[what]
    with serving(reply(200), bomb()) as server:
        outcome, grown = child.submit(cost_of_reading, server.base_url, name).result(120)
    assert expected in outcome
    assert grown < MOST, f"{grown / MEGABYTE:.0f} MB"
