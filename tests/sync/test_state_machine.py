"""Whatever happens at the exchange and to the exporter, in any order: the end is the truth.

Events of the exchange (orders placed, filled, ended; positions opened, increased, closed; records
listed late, hidden, restored, corrected) alternate with passes, fills of gaps, verifications,
resets and backfills, any of which may be cut short at any request. After each of these nothing
stored has gone backwards, and what is claimed as proven is stored. Whenever things settle, the
tables are the exchange's truth, and the next round changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from time import process_time
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from exporter.model.window import Window
from tests.support.eventful_exchange import BEGAN, EventfulExchange
from tests.support.eventful_records import FUTURES, Position, Record, Trade
from tests.support.eventful_rig import CUTS, STREAMS, EventfulServer, Rig, serving
from tests.support.facts import Connection, recounted, totals, unproven
from tests.support.positions import counters, stored_positions
from tests.support.positions import recounted as recounted_positions
from tests.support.postgres import fresh_database

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "6"))
"""More of them, and other ones each time, where the variable says so."""
SEARCHING = "STATE_MACHINE_EXAMPLES" in os.environ
SHRINKING = "STATE_MACHINE_SHRINK" in os.environ
STEPS = 25

MILLI, DAY = timedelta(milliseconds=1), timedelta(days=1)
START = BEGAN + 20 * DAY
"""From when on history is required; the exchange has older records."""
HISTORIES = ("trades", "orders", "funding_payments", "closed_positions")
SPANS = [timedelta(seconds=s) for s in (2, 90, 600, 4_000, 30_000)] + [
    d * DAY for d in (1, 4, 9, 33)
]
LATENESS = [timedelta(seconds=s) for s in (0, 0, 0, 40, 600, 20_000)] + [3 * DAY, 12 * DAY]
TABLES = (
    "trades",
    "orders",
    "order_events",
    "funding_payments",
    "closed_positions",
    "position_trades",
    "position_funding_payments",
)

spans, lateness = st.sampled_from(SPANS), st.sampled_from(LATENESS)
picks, sides = st.integers(0, 99), st.sampled_from(["BUY", "SELL"])
histories = st.sampled_from(HISTORIES)
ends = st.integers(0, 60)
"""Half days before now, or before the one that comes later."""
cuts = st.tuples(st.sampled_from(CUTS), st.integers(0, 9))


class Events(RuleBasedStateMachine):
    """One account, one database, one exporter after the other."""

    server: EventfulServer
    server_url: str
    template: str
    folder: Path
    numbers = count()
    ran = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.exchange = self.server.exchange = EventfulExchange()
        self.filled: dict[str, tuple[bool, Decimal]] = {}
        self.kept: dict[str, set[Any]] = {table: set() for table in TABLES}
        self.sent: dict[str, set[tuple[str, ...]]] = {}
        """Every version of every trade and closed position, by id."""

    @initialize(
        windows_show_open=st.booleans(),
        inclusive=st.booleans(),
        only_documented=st.booleans(),
        embed=st.sampled_from(["all", "listed", "none"]),
        page=st.sampled_from([4, 7, 100]),
    )
    def start(self, **quirks: Any) -> None:
        """An exporter that comes to an account with a history."""
        for name, value in quirks.items():
            setattr(self.exchange, name, value)
        for day in range(8):
            self.pass_time(DAY * 5)
            self.pass_time()
            self.exchange.place("BUY", 3)
            order = self.exchange.place("SELL", 2)
            self.exchange.fill(order, 1 + day % 2)
            if day % 3 == 1:
                self.exchange.open_position(FUTURES[0], "SHORT", 1)
            if day % 3 == 0:
                self._close(FUTURES[0])
        url = self.stack.enter_context(fresh_database(self.server_url, self.template))
        self.connection = self.stack.enter_context(
            psycopg.connect(url, autocommit=True, application_name="the test")
        )
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        self.rig = Rig(self.server, url, folder, START)
        self.stack.callback(lambda: self.rig.close())

    def teardown(self) -> None:
        """Settle, whatever was before."""
        try:
            if hasattr(self, "rig"):
                self.settle()
                if SEARCHING:
                    print(next(self.ran), f"{process_time():.0f} s", flush=True)
        finally:
            self.stack.close()

    # What happens at the exchange

    def pass_time(self, span: timedelta = 10 * MILLI) -> None:
        """For both, if there is an exporter."""
        if hasattr(self, "rig"):
            self.rig.wait(span)
        else:
            self.exchange.tick(span)

    @rule(span=spans)
    def wait(self, span: timedelta) -> None:
        self.pass_time(span)

    @rule(side=sides, number=st.integers(1, 3), amount=st.integers(1, 4), late=lateness)
    def place(self, side: str, number: int, amount: int, late: timedelta) -> None:
        """Some orders at one instant."""
        self.pass_time()
        for _ in range(number):
            self.exchange.place(side, amount, late)

    def opened(self) -> Any:
        return [order for order in self.exchange.orders if order.is_open]

    @precondition(opened)
    @rule(pick=picks, whole=st.booleans(), late=lateness)
    def fill_order(self, pick: int, whole: bool, late: timedelta) -> None:
        self.pass_time()
        order = chosen(self.opened(), pick)
        self.exchange.fill(order, order.amount - order.filled if whole else 1, late)

    @precondition(opened)
    @rule(pick=picks, status=st.sampled_from(["CANCELLED", "REJECTED", "DONE"]))
    def end_order(self, pick: int, status: str) -> None:
        self.pass_time()
        self.exchange.change(chosen(self.opened(), pick), status)

    @rule(code=st.sampled_from(FUTURES), amount=st.integers(1, 3), late=lateness)
    def trade_position(self, code: str, amount: int, late: timedelta) -> None:
        """Open one, increase it or close it."""
        self.pass_time()
        found = self._position(code)
        if found is None:
            direction = "LONG" if amount % 2 else "SHORT"
            self.exchange.open_position(code, direction, amount)
        elif amount == 1:
            self.exchange.increase(found, amount)
        else:
            self._close(code, late)

    def _position(self, code: str) -> Position | None:
        opened = [p for p in self.exchange.positions if p.code == code and p.closed_at is None]
        return opened[0] if opened else None

    def _close(self, code: str, late: timedelta = timedelta(0)) -> None:
        found = self._position(code)
        if found is not None:
            self.exchange.close_position(found, late)

    def records(self) -> list[Record]:
        exchange = self.exchange
        closed = [one for one in exchange.positions if one.closed_at]
        return [*exchange.trades, *exchange.orders, *exchange.payments, *closed]

    @rule(pick=picks, newest=st.booleans())
    def hide(self, pick: int, newest: bool) -> None:
        """A record is not listed for a while."""
        found = sorted(self.records(), key=lambda one: one.number)
        one = chosen(found[-6:] if newest else found, pick)
        one.hidden = one.late = True

    def hidden(self) -> Any:
        return [one for one in self.records() if one.hidden]

    @precondition(hidden)
    @rule(pick=picks)
    def restore(self, pick: int) -> None:
        chosen(self.hidden(), pick).hidden = False

    @rule(pick=picks, newest=st.booleans())
    def correct(self, pick: int, newest: bool) -> None:
        """A settled record changes: the fee of a trade, the result of a position."""
        spot = [one for one in self.exchange.trades if one.position is None]
        settled = [*spot, *(one for one in self.exchange.positions if one.closed_at)]
        settled.sort(key=lambda one: one.number)
        one = chosen(settled[-4:] if newest else settled, pick)
        self.note_sent()
        if isinstance(one, Trade):
            one.fee = str(Decimal(one.fee) + 1)
        elif isinstance(one, Position):
            one.bonus += 1
        one.late = True

    # What happens to the exporter

    @rule(cut=st.none() | cuts)
    def poll(self, cut: tuple[str, int] | None) -> None:
        """A pass of each stream."""
        with self.working(cut):
            self.rig.poll()

    @rule(stream=st.sampled_from(STREAMS.split(",")), cut=st.none() | cuts)
    def poll_one(self, stream: str, cut: tuple[str, int] | None) -> None:
        with self.working(cut):
            self.rig.poll(stream)

    @rule(cut=st.none() | cuts)
    def fill(self, cut: tuple[str, int] | None) -> None:
        with self.working(cut):
            self.rig.fill()

    @rule(stream=histories, early=ends, later=ends, cut=st.none() | cuts)
    def verify(self, stream: str, early: int, later: int, cut: tuple[str, int] | None) -> None:
        with self.working(cut or ("500", 10**9)):
            self.rig.verify(stream, self.window(early, later))

    @rule(cut=st.none() | cuts)
    def verify_in_background(self, cut: tuple[str, int] | None) -> None:
        with self.working(cut):
            while self.rig.step():
                pass

    @rule(stream=histories, early=ends, later=ends, again=st.booleans(), cut=st.none() | cuts)
    def backfill(
        self, stream: str, early: int, later: int, again: bool, cut: tuple[str, int] | None
    ) -> None:
        with self.working(cut or ("500", 10**9)):
            self.rig.backfill(stream, self.window(early, later), again=again)

    @rule(stream=histories, early=ends, later=ends)
    def reset(self, stream: str, early: int, later: int) -> None:
        with self.working(("500", 10**9)):
            self.rig.reset(stream, self.window(early, later))

    @rule()
    def restart(self) -> None:
        with self.working(("kill", 10**9)):
            pass

    def window(self, early: int, later: int) -> Window:
        end = self.exchange.now - later * DAY / 2 - timedelta(minutes=10)
        return Window(end - (early + 1) * DAY / 2, end)

    @contextmanager
    def working(self, cut: tuple[str, int] | None) -> Iterator[None]:
        """Something that may be cut short; then nothing has gone backwards."""
        self.note_sent()
        if cut is None:
            yield
        else:
            with self.rig.failing(cut[1], cut[0]):
                yield
        self.check_progress()

    def note_sent(self) -> None:
        """What can be stored from now on."""
        for one in self.exchange.trades:
            self.sent.setdefault(one.key, set()).add((one.fee,))
        for two in self.exchange.positions:
            if two.closed_at:
                amounts = tuple(map(str, two.amounts().values()))
                self.sent.setdefault(two.key, set()).add(amounts)

    # What must be true at any time

    def check_progress(self) -> None:
        """Nothing is lost, no order goes back, and what is claimed is stored."""
        for table in TABLES:
            found = keys(self.connection, table)
            lost = self.kept[table] - found
            assert not lost, f"deleted from {table}: {lost}"
            self.kept[table] = found
        for order_id, is_open, filled in self.connection.execute(
            "SELECT order_id::text, is_open, filled_amount FROM onetrading.orders"
        ):
            was_closed, was_filled = self.filled.get(order_id, (False, Decimal()))
            assert filled >= was_filled, order_id
            assert is_open is False or not was_closed, order_id
            self.filled[order_id] = is_open is False, filled
        self.check_claims()

    def check_claims(self) -> None:
        exchange = self.exchange
        facts: dict[str, list[tuple[Any, Record]]] = {
            "trades": [((one.key,), one) for one in exchange.trades],
            "orders": [((one.key,), one) for one in exchange.orders],
            "funding_payments": [(one.key, one) for one in exchange.payments],
        }
        for stream, start, end in self.connection.execute(
            "SELECT stream, lower(range), upper(range) FROM onetrading_sync.coverage"
        ):
            assert end <= exchange.now
            for key, one in facts.get(stream, []):
                if start <= one.at < end and not one.late:
                    assert key in self.kept[stream], f"{stream}: {one.at} is claimed, but missing"

    # What must be true in the end

    @rule()
    def settle(self) -> None:
        """Enough passes without a fault: the tables are the truth."""
        rig = self.rig
        self.note_sent()
        rig.wait(timedelta(seconds=4_000))
        self.read_all()
        for stream in HISTORIES:
            rig.verify(stream, Window(BEGAN, self.exchange.now))
        self.read_all()
        self.note_sent()
        self.check_progress()
        self.check_truth()
        before = versions(self.connection)
        assert set(rig.poll().values()) == {"ok"}
        assert rig.fill()
        after = versions(self.connection)
        assert after == before, after ^ before

    def read_all(self) -> None:
        """Passes until nothing is due."""
        assert set(self.rig.poll().values()) == {"ok"}
        assert self.rig.fill()
        assert set(self.rig.poll().values()) == {"ok"}
        for follower in self.rig.followers():
            while follower.pending():
                assert self.rig.poll(follower.stream.name)[follower.stream.name] == "ok"

    def check_truth(self) -> None:
        assert unproven(self.connection, START, self.exchange.now - timedelta(minutes=10)) == []
        self.check_trades()
        self.check_orders()
        self.check_positions()
        self.check_payments()
        assert totals_of(self.connection) == recounted(self.connection)
        since = {
            row[0]
            for row in self.connection.execute(
                "SELECT since FROM onetrading_sync.counting WHERE stream = 'closed_positions'"
            )
        }
        assert since == {START}
        assert counters(self.connection) == recounted_positions(
            stored_positions(self.connection), START
        )
        rejects = self.connection.execute("SELECT * FROM onetrading_sync.rejects").fetchall()
        assert rejects == []

    def due(self, records: list[Any]) -> set[Any]:
        """The keys of what must be stored: what is listed, of the required time."""
        now = self.exchange.now
        return {one.key for one in records if one.shown(now) and one.at >= START}

    def check_trades(self) -> None:
        now, trades = self.exchange.now, {one.key: one for one in self.exchange.trades}
        stored = {
            key: values
            for key, *values in self.connection.execute(
                "SELECT trade_id::text, order_id::text, instrument_code, side, price, amount,"
                " traded_at, fee_amount FROM onetrading.trades"
            )
        }
        assert self.due(self.exchange.trades) <= stored.keys() <= trades.keys()
        for key, (*values, fee) in stored.items():
            one = trades[key]
            told = [one.order.key, one.code, one.side, one.price, one.amount, one.at]
            assert values == told
            covered = one.shown(now) and one.at >= START
            assert fee == Decimal(one.fee) if covered else (str(fee),) in self.sent[key]

    def check_orders(self) -> None:
        now, orders = self.exchange.now, {one.key: one for one in self.exchange.orders}
        stored = {
            key: values
            for key, *values in self.connection.execute(
                "SELECT order_id::text, status, filled_amount, is_open FROM onetrading.orders"
            )
        }
        still = {one.key for one in self.opened() if one.shown(now)}
        assert self.due(self.exchange.orders) | still <= stored.keys() <= orders.keys()
        events: dict[str, set[tuple[str, int]]] = {}
        for key, status, filled in self.connection.execute(
            "SELECT order_id::text, status, filled_amount FROM onetrading.order_events"
        ):
            events.setdefault(key, set()).add((status, int(filled)))
        for key, (status, filled, is_open) in stored.items():
            one = orders[key]
            assert (status, filled) in one.states
            assert (status, int(filled)) in events[key]
            assert events[key] <= one.states
            if one.shown(now):
                assert (status, filled, is_open) == (one.status, one.filled, one.is_open), key

    def check_positions(self) -> None:
        now = self.exchange.now
        closed = {one.key: one for one in self.exchange.positions if one.closed_at}
        stored = {row[0]: row[2:] for row in stored_positions(self.connection)}
        assert self.due(list(closed.values())) <= stored.keys() <= closed.keys()
        trades, payments = details(self.connection)
        for key, values in stored.items():
            one = closed[key]
            assert values[:4] == (one.code, one.direction, one.at, one.closed_at)
            if one.shown(now) and one.at >= START:
                assert values[4:] == tuple(one.amounts().values())
            assert trades[key] == sorted(trade.key for trade in one.trades)
            told = sorted((made.at, made.amount) for made in one.payments)
            assert payments.get(key, []) == told

    def check_payments(self) -> None:
        payments = {one.key: one for one in self.exchange.payments}
        stored = {
            (code, slot): amount
            for code, slot, amount in self.connection.execute(
                "SELECT instrument_code, funding_time, amount FROM onetrading.funding_payments"
            )
        }
        assert self.due(self.exchange.payments) <= stored.keys() <= payments.keys()
        for key, amount in stored.items():
            assert amount == payments[key].amount


def chosen(found: list[Any], pick: int) -> Any:
    return found[pick % len(found)]


_KEYS = {
    "trades": "trade_id::text",
    "orders": "order_id::text",
    "order_events": "order_id::text, status, filled_amount",
    "funding_payments": "instrument_code, funding_time",
    "closed_positions": "position_id",
    "position_trades": "position_id, trade_id::text",
    "position_funding_payments": "position_id, booked_at",
}


def keys(connection: Connection, table: str) -> set[Any]:
    return set(connection.execute(f"SELECT {_KEYS[table]} FROM onetrading.{table}".encode()))  # noqa: S608


def versions(connection: Connection) -> set[tuple[str, str]]:
    """Every row with the transaction that wrote it last."""
    found: set[tuple[str, str]] = set()
    for table in TABLES:
        query = f"SELECT xmin::text, {table}::text FROM onetrading.{table}"  # noqa: S608
        found |= set(connection.execute(query.encode()).fetchall())
    return found


def totals_of(connection: Connection) -> dict[Any, Decimal]:
    """The counters and latest instants of trades and payments."""
    return {
        key: value
        for key, value in totals(connection).items()
        if "position" not in key[1] and "realised" not in key[1]
    }


def details(
    connection: Connection,
) -> tuple[dict[str, list[str]], dict[str, list[tuple[datetime, Decimal]]]]:
    """The trades and the payments of each closed position."""
    trades: dict[str, list[str]] = {}
    payments: dict[str, list[tuple[datetime, Decimal]]] = {}
    for position_id, trade_id in connection.execute(
        "SELECT position_id, trade_id::text FROM onetrading.position_trades ORDER BY 2"
    ):
        trades.setdefault(position_id, []).append(trade_id)
    for position_id, booked_at, amount in connection.execute(
        "SELECT position_id, booked_at, amount FROM onetrading.position_funding_payments ORDER BY 2"
    ):
        payments.setdefault(position_id, []).append((booked_at, amount))
    return trades, payments


@pytest.mark.timeout(0 if SEARCHING else 600)
def test_whatever_happens_the_end_is_the_truth(
    postgres_url: str, migrated_template: str, tmp_path: Path
) -> None:
    with serving() as server:
        Events.server, Events.server_url = server, postgres_url
        Events.template, Events.folder = migrated_template, tmp_path
        run_state_machine_as_test(
            Events,
            settings=hypothesis_settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not SEARCHING,
                database=None,
                # To shorten what was found takes many runs: only when somebody looks for it.
                phases=[Phase.generate, *([Phase.shrink] if SHRINKING else [])],
                suppress_health_check=list(HealthCheck),
            ),
        )
