"""Whatever is opened and closed whenever, and however a pass ends: every closed position is found.

The exchange lists a position by the time at which it was opened, and only once it is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model.window import Window
from exporter.sync import Verification
from tests.support.positions_exchange import (
    BASE,
    FLOOR,
    HISTORY,
    Position,
    PositionsExchange,
    PositionsServer,
    serving,
)
from tests.support.positions_rig import Rig, new_exchange, rig, stored

HISTORY_STREAM = "closed_positions"
LATENESS = timedelta(minutes=5)
QUARTER = 900.0


@pytest.fixture(scope="module")
def server() -> Iterator[PositionsServer]:
    with serving() as one:
        yield one


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


DAY = 86_400.0


def begins_at(exchange: PositionsExchange, at: datetime, request: int = -1) -> bool:
    """Whether the window in which closed positions were requested last begins about there;
    ``request``: another one than the last."""
    sent = datetime.fromisoformat(exchange.asked(HISTORY)[request]["from"])
    return at - timedelta(minutes=30) <= sent <= at


def test_an_opening_is_found_in_trades(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """A position that was open before anybody looked is read again from its first trade on."""
    exchange = new_exchange()
    exchange.close(exchange.open("BTC_USD_P", before=30 * DAY))
    old = exchange.open("BTC_USD_P", before=20 * DAY)
    exchange.positions[0].closed_at = BASE - timedelta(days=25)
    streams = "positions,closed_positions,trades"
    with rig(server, exchange, database_url, tmp_path, streams=streams) as one:
        one.read_trades()
        one.read()
        one.wait(QUARTER, looking=True)
        one.read()
        one.wait(QUARTER, looking=True)
        one.read_trades()
        exchange.close(old)
        one.wait(QUARTER, looking=True)
        one.read()
        assert begins_at(exchange, old.opened_at)
        assert old.position_id in stored(database_url, exchange)


def test_trades_tell_of_a_position_that_nobody_saw_close(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """It was closed between two looks, and another one opened that looks the same."""
    exchange = new_exchange()
    streams = "positions,closed_positions,trades"
    with rig(server, exchange, database_url, tmp_path, streams=streams) as one:
        one.read()
        one.wait(QUARTER, looking=True)
        old = exchange.open("BTC_USD_P")
        for _ in range(8):
            one.wait(QUARTER, looking=True)
            one.read_trades()
            one.read()
        asked = one.history_requests()
        exchange.close(old)
        exchange.open("BTC_USD_P")
        one.wait(QUARTER, looking=True)
        one.read_trades()
        one.read()
        assert one.history_requests() == asked + 1
        assert stored(database_url, exchange) == {old.position_id}


def test_what_cannot_be_known_is_read_from_the_start(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """Nobody knows when a position was opened, or which ones were open; a restart reads nothing."""
    exchange = new_exchange()
    old = exchange.open("BTC_USD_P", before=500 * DAY)
    with rig(server, exchange, database_url, tmp_path) as one:
        one.read()
        one.wait(QUARTER, looking=True)
        one.read()
        one.wait(QUARTER, looking=True)
    with rig(server, exchange, database_url, tmp_path) as one:
        asked = one.history_requests()
        one.read()
        assert one.history_requests() == asked + 1
        assert begins_at(exchange, exchange.now - timedelta(minutes=15))
        exchange.close(old)
        one.wait(QUARTER, looking=True)
        asked = one.history_requests()
        one.read()
        assert begins_at(exchange, FLOOR, asked)  # oldest first, in windows that may be requested
        assert stored(database_url, exchange) == {old.position_id}


@pytest.mark.parametrize("limit", ["reach", "span", "both"])
def test_what_is_refused_by_now_keeps_no_newer_position_from_being_read(
    server: PositionsServer, database_url: str, tmp_path: Path, limit: str
) -> None:
    """A pass that must read far back: what is not served cannot be had, the rest can."""
    exchange = new_exchange()
    oldest, old = (exchange.open(code, before=30 * DAY) for code in ("BTC_USD_P", "ETH_USD_P"))
    old.opened_at += timedelta(days=20)
    with rig(server, exchange, database_url, tmp_path) as one:
        one.read()
        one.wait(QUARTER, looking=True)
        one.read()
        if limit != "span":
            exchange.floor = exchange.now - timedelta(days=15)
        if limit != "reach":
            exchange.longest = timedelta(days=5)
        exchange.close(oldest)
        exchange.close(old)
        new = exchange.open("BTC_USD_P")
        one.wait(QUARTER, looking=True)
        exchange.close(new)
        one.wait(QUARTER, looking=True)
        assert one.run("closed_positions") == ["ok"]
        served = {old.position_id, new.position_id}
        assert stored(database_url, exchange) - {oldest.position_id} == served
        assert (oldest.position_id in stored(database_url, exchange)) is (limit == "span")
        one.wait(QUARTER, looking=True)
        asked = one.history_requests()
        assert one.run("closed_positions") == ["ok"]
        assert one.history_requests() == asked + 1


def test_what_others_observed_is_not_relied_on_for_ever(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """Everything from the oldest open position on is read again each day, everything each month."""
    exchange = new_exchange()
    with rig(server, exchange, database_url, tmp_path) as one:
        one.read()
        one.wait(QUARTER, looking=True)
        exchange.open("BTC_USD_P")
        opened = one.exchange.now
        for _ in range(2):
            one.wait(QUARTER, looking=True)
            one.read()
        one.skip(DAY)
        one.read()
        assert begins_at(exchange, opened)
        one.skip(30 * DAY)
        one.read()
        assert begins_at(exchange, BASE - timedelta(days=40))


def test_positions_that_do_not_tell_when_they_were_opened_are_verified(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """Only two ids and four amounts are documented: the rest is not known at once."""
    exchange = new_exchange()
    with rig(server, exchange, database_url, tmp_path) as one:
        for _ in range(2):
            exchange.close(exchange.open("BTC_USD_P"))
            one.wait(4 * QUARTER)
        one.read()
        (history,) = (sync for sync in one.app.histories() if sync.stream.name == HISTORY_STREAM)
        (partition,) = history.partitions()
        (proven,) = history.covered(partition, Window(BASE, exchange.now))
        found = Verification(history, 0.0).verify(partition, proven)
        assert not found.differs
        assert found.pages
