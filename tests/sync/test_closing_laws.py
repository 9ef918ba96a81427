"""Whatever is opened and closed whenever, and however a pass ends: every closed position is found.

The exchange lists a position by the time at which it was opened, and only once it is closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.api.retry import Policy
from exporter.app import App, Runtime
from tests.support.configuration import environment_of
from tests.support.positions_exchange import (
    BASE,
    HISTORY,
    Position,
    PositionsExchange,
    PositionsServer,
    serving,
)
from tests.support.sync_app import Steady, running

LATENESS = timedelta(minutes=5)
QUARTER = 900.0
ONE_ATTEMPT = Policy(base_s=1e6, cap_s=1e6)


@pytest.fixture(scope="module")
def server() -> Iterator[PositionsServer]:
    with serving() as one:
        yield one


class Rig:
    """An exporter that reads the positions of an exchange, on one clock."""

    def __init__(self, app: App, exchange: PositionsExchange) -> None:
        self.app = app
        self.exchange = exchange
        self.syncs = {sync.stream.name: sync for sync in app.syncs}

    def wait(self, seconds: float, *, looking: bool = False) -> None:
        """Let time pass; ``looking``: with a look at the open positions every four minutes."""
        while seconds > 0:
            step = min(seconds, 240.0) if looking else seconds
            self.exchange.now += timedelta(seconds=step)
            assert isinstance(self.app.clock.steady, Steady)
            self.app.clock.steady.at += step
            seconds -= step
            if looking:
                self.run("positions")

    def run(self, *streams: str) -> list[str]:
        """One pass of each."""
        return [self.app.runner.run(self.syncs[name]) for name in streams]

    def fill(self) -> bool:
        """What is missing of the history of closed positions."""
        (history,) = (one for one in self.app.histories() if one.stream.name == "closed_positions")
        return self.app.gap_filler().fill(history)

    def read(self) -> None:
        """Look, read what is new, fill what is missing."""
        assert self.run("positions", "closed_positions") == ["ok", "ok"]
        assert self.fill()

    def history_requests(self) -> int:
        """How often closed positions were requested."""
        return len(self.exchange.asked(HISTORY))


@contextmanager
def rig(
    server: PositionsServer,
    exchange: PositionsExchange,
    database_url: str,
    folder: Path,
    start: datetime = BASE - timedelta(days=40),
    streams: str = "positions,closed_positions",
) -> Iterator[Rig]:
    """An exporter of an account that no other test has."""
    server.exchange = exchange
    name = f"a{exchange.account_id[:8]}"
    environ = environment_of(
        server.base_url,
        folder,
        {name: "token"},
        ONETRADING_HISTORY_START=start.isoformat(),
        ONETRADING_REQUESTS_PER_MINUTE="1000000",
        ONETRADING_STREAMS=streams,
        DATABASE_URL=database_url,
    )
    with running(environ, runtime=replace(Runtime(), retry=ONE_ATTEMPT)) as app:
        yield Rig(app, exchange)


_numbers = itertools.count(1_000, 1_000)


def new_exchange() -> PositionsExchange:
    return PositionsExchange(str(uuid4()), numbered_from=next(_numbers))


def stored(database_url: str, exchange: PositionsExchange) -> set[str]:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT position_id FROM onetrading.closed_positions WHERE account_id = %s",
            [exchange.account_id],
        ).fetchall()
    return {position_id for (position_id,) in found}


def ids(positions: list[Position]) -> set[str]:
    return {one.position_id for one in positions}


waits = st.sampled_from([20.0, 240.0, 299.0, 301.0, QUARTER, 4_000.0])
steps = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(["BTC_USD_P", "ETH_USD_P"])),
    st.tuples(st.just("close"), st.sampled_from([0.0, 30.0, 240.0])),
    st.tuples(st.just("wait"), waits),
    st.tuples(st.just("pass"), st.none()),
    st.tuples(st.just("cut"), st.integers(0, 2)),
)


def play(one: Rig, script: list[tuple[str, object]], *, looking: bool) -> None:
    """Run a script. ``looking``: somebody looks at the open positions after each step."""
    exchange = one.exchange
    for what, value in script:
        held = exchange.opened()
        if what == "open" and value not in {position.instrument for position in held}:
            exchange.open(str(value), "LONG" if len(exchange.positions) % 2 else "SHORT")
        elif what == "close" and held:
            exchange.close(held[0], float(str(value)))
        elif what == "wait":
            one.wait(float(str(value)), looking=looking)
        elif what == "pass":
            assert one.run("closed_positions") == ["ok"]
        elif what == "cut":
            cut(one, int(str(value)))
        if looking:
            assert one.run("positions") == ["ok"]


def cut(one: Rig, after: int) -> None:
    """A pass and a backfill that are interrupted after so many pages."""
    one.exchange.fail_after = after
    one.run("closed_positions")
    one.fill()
    one.exchange.fail_after = None


def past(exchange: PositionsExchange) -> None:
    """Positions from before the first start: closed ones, and two that are still open."""
    for days in range(1, 38, 5):
        closed = exchange.open("SOL_USD_P", before=days * 86_400.0)
        closed.closed_at = closed.opened_at + timedelta(hours=7)
    exchange.open("XRP_USD_P", before=60 * 86_400.0)
    exchange.open("BTC_USD_P", "SHORT", before=20 * 86_400.0)


@pytest.mark.parametrize("looking", [True, False])
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(steps, min_size=4, max_size=14), st.sampled_from([2, 10]), st.none() | st.integers()
)
def test_every_closed_position_is_found(
    looking: bool,
    server: PositionsServer,
    database_url: str,
    tmp_path: Path,
    script: list[tuple[str, object]],
    page_size: int,
    shuffled: int | None,
) -> None:
    """At once where somebody looked at the open positions all the time, else within a month."""
    exchange = new_exchange()
    exchange.page_size, exchange.shuffled = page_size, shuffled
    past(exchange)
    with rig(server, exchange, database_url, tmp_path) as one:
        one.read()
        play(one, script, looking=looking)
        for held in exchange.opened()[:2]:
            exchange.close(held)
        if not looking:
            one.wait(31 * 86_400.0)
            one.read()
        else:
            one.wait(LATENESS.total_seconds() + 60, looking=True)
            one.read()
        assert stored(database_url, exchange) == ids(exchange.closed())
        # A second time nothing changes, and once what was closed is settled, one request is enough.
        one.wait(QUARTER, looking=True)
        one.read()
        one.wait(QUARTER, looking=True)
        before = one.history_requests()
        one.read()
        pages = 1 + sum(
            held.opened_at > exchange.now - timedelta(hours=1) for held in exchange.positions
        )
        assert one.history_requests() - before <= pages
        assert stored(database_url, exchange) == ids(exchange.closed())
