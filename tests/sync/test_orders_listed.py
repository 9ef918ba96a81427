"""What becomes of orders that nobody lists: what is claimed of them, and what is told.

A window need not show an order that is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.support.eventful_exchange import BEGAN, EventfulExchange
from tests.support.eventful_rig import Rig, serving

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def rig(database_url: str, tmp_path: Path) -> Iterator[Rig]:
    with serving() as server:
        server.exchange = EventfulExchange(windows_show_open=False)
        one = Rig(server, database_url, tmp_path, BEGAN - 48 * HOUR)
        try:
            read(one)
            one.wait(10 * MINUTE)
            read(one)
            yield one
        finally:
            one.close()


def read(rig: Rig) -> None:
    assert set(rig.poll().values()) == {"ok"}
    assert rig.fill()


def stored(rig: Rig) -> list[tuple[str, str]]:
    query = "SELECT order_id::text, status FROM onetrading.orders"
    with psycopg.connect(rig.database_url) as connection:
        return connection.execute(query).fetchall()


def proven_to(rig: Rig) -> datetime:
    query = "SELECT max(upper(range)) FROM onetrading_sync.coverage WHERE stream = 'orders'"
    with psycopg.connect(rig.database_url) as connection:
        ((at,),) = connection.execute(query).fetchall()
    assert isinstance(at, datetime)
    return at


@pytest.mark.parametrize("passes", ["none", "malformed"])
def test_an_order_that_was_open_while_nobody_listed_it_is_found(rig: Rig, passes: str) -> None:
    """It is created, open while its time is read, and closed before the list is read again."""
    listed_at = rig.exchange.now
    rig.wait(10 * MINUTE)
    order = rig.exchange.place("BUY", 2)
    rig.wait(3 * HOUR)
    if passes == "malformed":
        rig.exchange.list_odd = True
        assert rig.poll("orders") == {"orders": "failed"}
        rig.exchange.list_odd = False
    assert rig.fill()
    assert proven_to(rig) <= listed_at
    rig.exchange.change(order, "CANCELLED")
    rig.wait(MINUTE)
    read(rig)
    assert stored(rig) == [(order.key, "CANCELLED")]
    assert proven_to(rig) > order.at


@pytest.mark.parametrize("passes", ["none", "malformed"])
def test_nothing_is_filled_before_the_first_list(rig: Rig, passes: str) -> None:
    """Of a process that starts after an outage, and whose first list tells nothing."""
    listed_at = rig.exchange.now
    rig.close()
    rig.start_process()
    rig.wait(HOUR)
    order = rig.exchange.place("BUY", 2)
    rig.wait(3 * HOUR)
    if passes == "malformed":
        rig.exchange.list_odd = True
        assert rig.poll("orders") == {"orders": "failed"}
        rig.exchange.list_odd = False
    assert rig.fill()
    assert proven_to(rig) <= listed_at
    read(rig)
    assert stored(rig) == [(order.key, "BOOKED")]


def test_an_order_that_nothing_tells_of_is_unknown_until_it_is_listed(rig: Rig) -> None:
    """The pass goes on, and tells it once."""
    order = rig.exchange.place("BUY", 2)
    rig.wait(MINUTE)
    read(rig)
    order.hidden = True
    for _ in range(2):
        rig.wait(MINUTE)
        read(rig)
    query = "SELECT kind, key->>'order_id' FROM onetrading_sync.issues WHERE stream = 'orders'"
    with psycopg.connect(rig.database_url) as connection:
        assert connection.execute(query).fetchall() == [("order_unknown", order.key)]
        opened = connection.execute("SELECT is_open FROM onetrading.orders").fetchall()
        assert opened == [(None,)]
    order.hidden = False
    rig.wait(MINUTE)
    read(rig)
    with psycopg.connect(rig.database_url) as connection:
        opened = connection.execute("SELECT is_open FROM onetrading.orders").fetchall()
        assert opened == [(True,)]


@pytest.mark.parametrize("embed", ["none", "listed"])
def test_trades_that_appear_inside_of_an_order_later_are_loaded(rig: Rig, embed: str) -> None:
    """Nothing else of its record changes, and the list of trades never tells of one of them."""
    rig.exchange.embed = embed
    order = rig.exchange.place("BUY", 2)
    rig.exchange.fill(order, 1)
    rig.exchange.fill(order, 1).hidden = True
    for _ in range(2):
        rig.wait(2 * MINUTE)
        read(rig)
    with psycopg.connect(rig.database_url) as connection:
        checked = connection.execute("SELECT trades_checked FROM onetrading.orders").fetchall()
        assert checked == [(True,)]
    rig.exchange.embed = "all"
    for _ in range(3):
        rig.wait(MINUTE)
        read(rig)
    trades = "SELECT trade_id::text FROM onetrading.trades ORDER BY 1"
    found = "SELECT stream, kind FROM onetrading_sync.issues"
    with psycopg.connect(rig.database_url) as connection:
        loaded = [key for (key,) in connection.execute(trades).fetchall()]
        assert loaded == sorted(trade.key for trade in order.trades)
        assert connection.execute(found).fetchall() == [("trades", "missed")]
        checked = connection.execute("SELECT trades_checked FROM onetrading.orders").fetchall()
        assert checked == [(True,)]
    assert stored(rig) == [(order.key, "FILLED_FULLY")]
