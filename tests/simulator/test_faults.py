"""Faults of the simulated exchange that affect whole responses, and their text format."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import Faults, Simulator
from tests.support.simulator_client import NOW, SimulatorClient


def test_errors_at_a_rate(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(error_rate=0.5)
    seen = Counter(main.get("/time").status_code for _ in range(100))
    assert seen.keys() == {200, 500, 502, 503}
    assert 25 < seen[200] < 75


def test_budget_is_counted_for_each_token() -> None:
    with Simulator(now=NOW, speed=0, history_days=0) as own, SimulatorClient(own) as client:
        own.set_faults(budget=3, retry_after=7)
        seen = [client.get("/time") for _ in range(5)]
        assert [response.status_code for response in seen] == [200, 200, 200, 429, 429]
        assert seen[-1].headers["retry-after"] == "7"
        assert "retry-after" not in seen[0].headers
        with SimulatorClient(own, "hedge") as hedge:
            assert hedge.get("/time").status_code == 200
        assert own.state["requests"]["main"] == {
            "requests": 5,
            "rate_limited": 2,
            "most_in_60_seconds": 5,
        }


def test_budget_comes_back_after_a_minute() -> None:
    clock = [0.0]
    with (
        Simulator(now=NOW, speed=0, history_days=0, monotonic=lambda: clock[0]) as own,
        SimulatorClient(own) as client,
    ):
        own.set_faults(budget=1)
        assert [client.get("/time").status_code for _ in range(2)] == [200, 429]
        clock[0] = 60.1
        response = client.get("/time")
        assert response.status_code == 200
        assert "retry-after" not in response.headers


def test_a_wrong_time_is_stated_by_chosen_endpoints_so_many_times(
    exchange: Simulator, main: SimulatorClient
) -> None:
    def stated(path: str) -> datetime:
        return parsedate_to_datetime(main.get(path).headers["date"])

    hour = timedelta(hours=1)
    right = NOW.replace(microsecond=0)
    exchange.set_faults(clock_offset=-3600)
    assert stated("/currencies") == right - hour
    exchange.set_faults(Faults.parse("clock_offset=3600,clock_paths=/time,clock_responses=2"))
    assert stated("/currencies") == right
    assert main.get("/time").json()["epoch_millis"] == (NOW + hour).timestamp() * 1_000
    assert [stated("/time") for _ in range(2)] == [right + hour, right]
    exchange.set_faults()
    assert stated("/time") == right


def test_latency(exchange: Simulator, main: SimulatorClient) -> None:
    main.get("/time")
    exchange.set_faults(latency_ms=60, jitter_ms=10)
    began = time.monotonic()
    main.get("/time")
    assert 0.06 <= time.monotonic() - began < 1


def test_truncated_responses(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(truncate_rate=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        main.get("/instruments")
    exchange.set_faults()
    assert main.get("/instruments").status_code == 200


def test_dripping_responses(exchange: Simulator) -> None:
    exchange.set_faults(drip_rate=1)
    url = urlsplit(exchange.base_url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as client:
        client.sendall(b"GET /fast/v1/instruments HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [client.recv(100) for _ in range(3)] == [b"H", b"T", b"T"]


def test_bombs(exchange: Simulator) -> None:
    exchange.set_faults(bomb_rate=1)
    url = urlsplit(exchange.base_url)
    with closing(http.client.HTTPConnection(url.netloc, timeout=20)) as client:
        client.request("GET", f"{url.path}/instruments")
        response = client.getresponse()
        assert response.headers["Content-Encoding"] == "gzip"
        packed = response.read()
    assert len(packed) < 100_000
    assert len(unpacked := gzip.decompress(packed)) > 64 * 1024 * 1024
    assert json.loads(unpacked) == []


def test_dropped_connections(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(drop_rate=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        main.get("/time")
    assert exchange.requests[-1].status == 0


def test_garbage(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(garbage_rate=1)
    response = main.get("/account/balances")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html"
    assert response.text.startswith("<html>")


def test_refusals_by_path_and_by_token(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(
        forbid=("/account/orders",), fail_paths={"/time": 504}, refuse_tokens=("hedge",)
    )
    response = main.get("/account/orders")
    assert (response.status_code, response.json()) == (403, {"error": "Permission denied."})
    assert main.get("/time").status_code == 504
    assert main.get("/account/balances").status_code == 200
    with SimulatorClient(exchange, "hedge") as hedge:
        response = hedge.get("/account/balances")
        assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})


def test_faults_of_one_account_spare_the_others(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(error_rate=1, account="main")
    assert main.get("/time").status_code >= 500
    for other in ("hedge", ""):
        with SimulatorClient(exchange, other) as client:
            assert client.get("/time").status_code == 200


def test_same_requests_meet_the_same_faults() -> None:
    def statuses() -> list[int]:
        with Simulator(now=NOW, speed=0, history_days=0) as own, SimulatorClient(own) as client:
            own.set_faults(error_rate=0.3, garbage_rate=0.2)
            return [client.get("/account/balances").status_code for _ in range(40)]

    assert statuses() == statuses()


def test_faults_are_read_from_text() -> None:
    text = "error_rate=0.05, budget=240,forbid=/a|/b,fail_paths=/time:503|/x:404,unknown_fields=yes"
    assert Faults.parse(text) == Faults(
        error_rate=0.05,
        budget=240,
        forbid=("/a", "/b"),
        fail_paths={"/time": 503, "/x": 404},
        unknown_fields=True,
    )
    assert Faults.parse("") == Faults()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eror_rate=1", "unknown fault eror_rate; valid: error_rate, budget, retry_after"),
        ("error_rate=2", "error_rate must be from 0 to 1"),
        ("error_rate=x", "cannot read 'x'"),
        ("budget=-1", "cannot be negative"),
        ("unknown_fields=maybe", "cannot read 'maybe'"),
        ("fail_paths=/time", "cannot read '/time'"),
    ],
)
def test_wrong_faults_are_rejected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults.parse(text)


@given(st.floats(0, 1), st.integers(0, 500), st.lists(st.sampled_from(["/time", "/fees"])))
def test_text_and_mapping_are_equivalent(rate: float, budget: int, paths: list[str]) -> None:
    text = f"drop_rate={rate!r},budget={budget},forbid={'|'.join(paths)}"
    expected = Faults.of({"drop_rate": rate, "budget": budget, "forbid": paths})
    assert Faults.parse(text) == expected
