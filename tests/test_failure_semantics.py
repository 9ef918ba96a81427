"""What a failed poll does: the contract's five rules, from the exchange's socket to `/metrics`.

Real passes over real HTTP against the simulated exchange, on a clock that the test moves; without
a database, and with Postgres.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

from exporter.errors import REASONS
from exporter.service import Service
from exporter.settings import load
from exporter.simulator import Faults
from tests.live import ACCOUNTS, BY_NAME, NAMES, World, environment, exchange, world

EPSILON = 0.125
"""Seconds; exact in binary, so that ages are exact, too."""

SNAPSHOTS = (
    ("main", "balances"),
    ("main", "positions"),
    ("main", "portfolio"),
    ("public", "funding_rates"),
    ("public", "tickers"),
    ("public", "instruments"),
)
COUNTERS = (("main", "trades"), ("main", "funding_payments"))


class Breakage(NamedTuple):
    """A way to fail, and the reason that it must be counted under."""

    faults: dict[str, Any]
    reason: str


BREAKAGES = {
    "500s": Breakage({"error_rate": 1}, "server"),
    "timeout": Breakage({"latency_ms": 400}, "timeout"),
    "truncated body": Breakage({"truncate_rate": 1}, "connection"),
    "dropped connection": Breakage({"drop_rate": 1}, "connection"),
    "garbage HTML": Breakage({"garbage_rate": 1}, "payload"),
    "malformed record": Breakage({"bad_record_rate": 1}, "payload"),
    "429": Breakage({"budget": 1, "retry_after": 100}, "rate_limited"),
}
REFUSALS = {
    "403 message": Breakage({"refuse_tokens": ACCOUNTS}, "auth"),
    "403 error": Breakage(
        {"forbid": [f"/{stream.path}" for stream in BY_NAME.values()]}, "permission"
    ),
}


@pytest.fixture(params=["no database", "Postgres"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = None if request.param == "no database" else request.getfixturevalue("database_url")
    with world(tmp_path, url) as found:
        yield found


def hold_s(live: World, stream: str) -> float:
    """How long values are held after the last good answer."""
    return max(3 * live.parts.interval(BY_NAME[stream]).total_seconds(), 60)


def prepare(live: World, account: str, stream: str) -> dict[str, str]:
    """A first good pass (with all history, for counters); what it shows."""
    if stream in dict(COUNTERS).values():
        live.poll("public", "instruments")
        assert live.fill(account, stream)
    assert live.poll(account, stream) == "ok"
    good = live.domain(stream, account)
    assert good
    return good


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
@pytest.mark.parametrize(("account", "stream"), SNAPSHOTS)
def test_a_failed_poll_holds_the_values_then_withdraws_them(
    live: World, account: str, stream: str, breakage: Breakage
) -> None:
    good = prepare(live, account, stream)
    interval_s = live.parts.interval(BY_NAME[stream]).total_seconds()
    assert live.sync("success", account, stream) == "1"
    assert live.errors(account, stream) == {}

    live.simulator.set_faults(**breakage.faults)
    live.tick(interval_s)
    assert live.poll(account, stream) == "failed"
    assert live.domain(stream, account) == good
    assert live.sync("success", account, stream) == "0"
    assert live.sync("held", account, stream) == "1"
    assert live.sync("permitted", account, stream) == "1"
    assert live.errors(account, stream) == {breakage.reason: "1"}

    live.tick(hold_s(live, stream) - interval_s)
    assert live.domain(stream, account) == good
    live.tick(EPSILON)
    assert live.domain(stream, account) == {}
    assert live.sync("held", account, stream) == "0"
    assert live.sync("success", account, stream) == "0"

    live.simulator.set_faults()
    live.tick(200 - EPSILON)  # past the pause that a 429 asked for
    assert live.poll(account, stream) == "ok"
    again = live.domain(stream, account)
    assert again.keys() == good.keys()
    if stream not in ("instruments",):
        assert again != good
    assert live.sync("success", account, stream) == "1"
    assert live.errors(account, stream) == {breakage.reason: "1"}
