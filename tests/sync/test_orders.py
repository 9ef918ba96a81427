"""The stream of orders, on the simulated exchange over HTTP and a real Postgres."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from exporter.app import App, enabled
from exporter.model.window import Window
from exporter.simulator import AccountSpec, Simulator
from exporter.store import rejects, verified
from exporter.streams import STREAMS
from exporter.sync import Verification
from exporter.sync.reject_retry import RejectRetry
from tests.support.configuration import settings_from
from tests.support.expositions import series
from tests.support.facts import Connection, count, micros, recounted, totals, unproven
from tests.support.postgres import written
from tests.support.simulator_client import NOW
from tests.support.sync_app import (
    DAY,
    environment,
    exchange,
    fill,
    let_pass,
    run_passes,
    running,
    sync,
)

ONE = (AccountSpec("main", trades_per_day=150),)
BOTH = "orders,trades"


@contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    """A connection that sees what was committed just now."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


State = tuple[Any, ...]


def state_of(order: Any) -> State:
    """What must be stored of an order as sent."""
    fee = order.get("total_fee")
    return (
        order["instrument_code"],
        order["side"],
        Decimal(order["amount"]),
        Decimal(order["filled_amount"]),
        None if fee is None else Decimal(fee),
        order["status"],
        order["status"] == "OPEN",
        micros(order["time"]),
    )


def truth(simulator: Simulator, account: str = "main") -> dict[str, State]:
    """Every order, by id."""
    rows = simulator.truth("orders", account)
    return {row["order"]["order_id"]: state_of(row["order"]) for row in rows}


def stored(connection: Connection) -> dict[str, State]:
    """Every stored order, by id."""
    rows = connection.execute(
        "SELECT order_id::text, instrument_code, side, amount, filled_amount, fee_amount, status,"
        " is_open, (extract(epoch FROM created_at) * 1000000)::bigint FROM onetrading.orders"
    )
    return {order_id: tuple(values) for order_id, *values in rows}


def due(simulator: Simulator) -> dict[str, State]:
    """The orders that must be stored: those of the required time, and open ones of any time."""
    start = micros((NOW - 2 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return {k: s for k, s in truth(simulator).items() if s[-1] >= start or s[-2]}


def events(connection: Connection) -> set[tuple[str, str, Decimal]]:
    """Every state that was seen."""
    rows = connection.execute(
        "SELECT order_id::text, status, filled_amount FROM onetrading.order_events"
    )
    return {(order_id, status, filled) for order_id, status, filled in rows}


def issues(connection: Connection) -> list[tuple[str, str]]:
    """Stream and kind of each issue."""
    found = connection.execute("SELECT stream, kind FROM onetrading_sync.issues ORDER BY issue_id")
    return [(stream, kind) for stream, kind in found]


def gauges(app: App) -> dict[str, str]:
    """The series of open orders."""
    body, _ = app.metrics.render("", "")
    found = series(body.decode()).items()
    return {name: value for name, value in found if name.startswith("onetrading_order")}


def expected_gauges(simulator: Simulator) -> dict[tuple[str, str], tuple[int, Decimal]]:
    """Number and unfilled amount of the open orders, by instrument and side."""
    found: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for state in truth(simulator).values():
        if state[-2]:
            n, left = found.get(state[:2], (0, Decimal()))
            found[state[0], state[1]] = n + 1, left + state[2] - state[3]
    return found


def assert_gauges(app: App, simulator: Simulator) -> None:
    """What is shown is what is open now; what was open before is 0."""
    wanted, shown = expected_gauges(simulator), gauges(app)
    for (code, side), (n, left) in wanted.items():
        labels = f'{{account="main",instrument="{code}",side="{side}"}}'
        assert float(shown[f"onetrading_orders_open{labels}"]) == n
        assert float(shown[f"onetrading_order_open_base{labels}"]) == pytest.approx(float(left))
    others = {
        name: value
        for name, value in shown.items()
        if name.startswith("onetrading_orders_open{")
        and not any(f'"{code}",side="{side}"' in name for code, side in wanted)
    }
    assert {float(value) for value in others.values()} <= {0.0}


def test_every_order_is_stored_once_and_twice_is_once(database_url: str, tmp_path: Path) -> None:
    with exchange(days=3, accounts=ONE) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=BOTH)
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            assert stored(connection) == due(simulator)
            assert {state[5] for state in stored(connection).values()} == {
                *("OPEN", "CANCELLED", "REJECTED", "FILLED_FULLY")
            }
            assert_gauges(app, simulator)
            asked = len(simulator.requests)
            assert run_passes(app)["main", "orders"] == "ok"
            own = [r for r in list(simulator.requests)[asked:] if "orders" in r.path]
            assert len(own) == 2
        first = written(database_url)
        with running(environ) as app:
            sync(app)
        assert written(database_url) == first
        with connected(database_url) as connection:
            assert issues(connection) == []
            unchecked = "SELECT count(*) FROM onetrading.orders WHERE NOT trades_checked"
            assert count(connection, unchecked) == 0


@pytest.mark.parametrize("seed", range(3))
def test_orders_follow_the_exchange_through_faults(
    seed: int, database_url: str, tmp_path: Path
) -> None:
    """Whatever the pages, the cursor's meaning and the interruptions: in the end all is true."""
    random = Random(seed)  # noqa: S311  not for secrets
    with exchange(days=2, seed=seed, accounts=ONE) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=BOTH)
        seen: dict[str, tuple[bool, Decimal]] = {}
        for _ in range(3):
            with running(environ) as app, connected(database_url) as connection:
                for _ in range(2):
                    simulator.set_faults(
                        error_rate=random.choice((0.0, 0.05)),
                        drop_rate=random.choice((0.0, 0.05)),
                        duplicate_rate=random.choice((0.0, 0.5)),
                        cursor_expiry_rate=random.choice((0.0, 0.1)),
                        shuffle_equal_instants=random.random() < 0.5,
                        page_size_cap=random.choice((0, 7)),
                        cursor_inclusive=random.random() < 0.5,
                        unknown_fields=random.random() < 0.3,
                    )
                    run_passes(app)
                    if random.random() < 0.6:
                        fill(app)
                    assert_nothing_went_back(connection, seen)
                    let_pass(simulator, app, random.choice((5, 120, 4_000, 40_000)))
        simulator.set_faults()
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            assert stored(connection) == due(simulator)
            assert_gauges(app, simulator)
            assert_nothing_went_back(connection, seen)
            states = {(key, s[5], s[3]) for key, s in stored(connection).items()}
            assert states <= events(connection)
            assert {kind for _, kind in issues(connection)} <= {"older"}
            assert totals(connection) == recounted(connection)


def assert_nothing_went_back(connection: Connection, seen: dict[str, tuple[bool, Decimal]]) -> None:
    """A closed order stays closed, and what was filled stays filled."""
    for order_id, state in stored(connection).items():
        closed, filled = not state[6], state[3]
        was_closed, was_filled = seen.get(order_id, (False, Decimal()))
        assert filled >= was_filled
        assert closed or not was_closed
        seen[order_id] = closed, filled


LONG = (AccountSpec("main", trades_per_day=40),)


def state_counts(connection: Connection) -> dict[str, int]:
    """How many orders are in each state."""
    found = connection.execute("SELECT state, count(*) FROM reporting.orders GROUP BY state")
    return {state: n for state, n in found}


def asked_by_id(simulator: Simulator, since: int) -> list[str]:
    """The ids that were asked for since so many requests."""
    paths = [request.path for request in list(simulator.requests)[since:]]
    return [path.rsplit("/", 1)[1] for path in paths if path.startswith("/account/orders/")]


def test_a_list_of_trades_that_is_not_read_lacks_none(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where orders are read alone, their trades come from nowhere else."""
    with exchange(days=1, accounts=ONE) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            assert count(connection, "SELECT count(*) FROM onetrading.trades") > 20
            assert issues(connection) == []
        assert "not in the list of trades" not in caplog.text


def test_an_order_older_than_the_history_is_closed_today(database_url: str, tmp_path: Path) -> None:
    """By its id while the exchange responds to that, then where it was created."""
    with exchange(days=40, seed=3, accounts=LONG) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            run_passes(app)
            watched = {k for k, state in truth(simulator).items() if state[-2]}
            assert len(watched) > 2
            assert watched <= stored(connection).keys()
            asked = len(simulator.requests)
            for _ in range(4):
                let_pass(simulator, app, 10 * 86_400)
                run_passes(app)
                run_passes(app)
                now = truth(simulator)
                kept = stored(connection)
                assert {k: kept[k] for k in watched} == {k: now[k] for k in watched}
            assert sum(not now[k][-2] for k in watched) > 1
            assert asked_by_id(simulator, asked)
            assert state_counts(connection).keys() == {"open", "closed"}
            assert issues(connection) == []


def test_what_the_exchange_does_not_tell_of_is_unknown_and_told_once(
    database_url: str, tmp_path: Path
) -> None:
    with exchange(days=1, accounts=ONE) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            before = stored(connection)
            was_open = {k for k, state in before.items() if state[-2]}
            simulator.set_faults(hidden_rate=1.0)
            assert run_passes(app)["main", "orders"] == "ok"
            after = stored(connection)
            assert {k for k, state in after.items() if state[-2] is None} == was_open
            assert {k: s[5] for k, s in after.items()} == {k: s[5] for k, s in before.items()}
            assert issues(connection) == [("orders", "order_unknown")] * len(was_open)
            shown = gauges(app)
            assert float(shown['onetrading_orders_unknown{account="main"}']) == len(was_open)
            current = connection.execute("SELECT state FROM reporting.current_orders").fetchall()
            assert {state for (state,) in current} == {"unknown"}
            asked = len(simulator.requests)
            run_passes(app)
            assert asked_by_id(simulator, asked) == []
            assert len(issues(connection)) == len(was_open)
            simulator.set_faults()
            sync(app)
            assert stored(connection) == before
            assert float(gauges(app)['onetrading_orders_unknown{account="main"}']) == 0


def test_a_list_that_cannot_be_read_concludes_nothing(database_url: str, tmp_path: Path) -> None:
    """Neither does one that breaks in the middle, nor one of which a record is unreadable."""
    with exchange(days=1, accounts=ONE) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            shown, before = gauges(app), stored(connection)
            asked = len(simulator.requests)
            for faults in ({"bad_record_rate": 1.0}, {"fail_paths": {"/account/orders": 400}}):
                simulator.set_faults(**faults)
                assert run_passes(app)["main", "orders"] == "failed"
                assert stored(connection) == before
                assert gauges(app) == shown
            assert asked_by_id(simulator, asked) == []
            open_rejects = "SELECT count(*) FROM onetrading_sync.rejects WHERE resolved_at IS NULL"
            assert count(connection, open_rejects) > 0
            simulator.set_faults()
            sync(app)
            assert count(connection, open_rejects) == 0


def test_a_pass_that_was_cut_short_is_made_up_for(database_url: str, tmp_path: Path) -> None:
    """The list is stored, what left it could not be asked for: the next process asks."""
    with exchange(days=40, seed=3, accounts=LONG) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            run_passes(app)
            let_pass(simulator, app, 20 * 86_400)
            now = truth(simulator)
            closed = {k for k, s in stored(connection).items() if s[-2] and not now[k][-2]}
            assert closed
            paths = {f"/account/orders/{order_id}": 503 for order_id in closed}
            simulator.set_faults(fail_paths=paths)
            run_passes(app)
            assert {k for k, s in stored(connection).items() if s[-2]} >= closed
        simulator.set_faults()
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            kept = stored(connection)
            assert {k: kept[k] for k in closed} == {k: now[k] for k in closed}
            assert issues(connection) == []


def test_trades_that_the_list_missed_are_loaded_from_their_orders(
    database_url: str, tmp_path: Path
) -> None:
    with exchange(days=2, accounts=ONE) as simulator:
        simulator.set_faults(hidden_rate=0.3)
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=BOTH)
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            let_pass(simulator, app, 120)
            run_passes(app)  # proves the last trades, with which orders are compared next
            run_passes(app)
            told = connection.execute(
                "SELECT trade_id::text FROM onetrading.trades WHERE order_id IN"
                " (SELECT order_id FROM onetrading.orders)"
            ).fetchall()
            visible = stored(connection).keys()
            inside = {
                trade["trade"]["trade_id"]
                for row in simulator.truth("orders", "main")
                if row["order"]["order_id"] in visible
                for trade in row["trades"]
            }
            assert {trade_id for (trade_id,) in told} == inside
            missed = issues(connection)
            assert len(missed) > 5
            assert set(missed) == {("trades", "missed")}
            assert totals(connection) == recounted(connection)
            unchecked = connection.execute(
                "SELECT created_at FROM onetrading.orders WHERE NOT trades_checked"
            )
            settled = simulator.now - timedelta(minutes=1)
            assert all(created_at > settled for (created_at,) in unchecked)
            simulator.set_faults()
            sync(app)
            assert issues(connection) == missed
            assert totals(connection) == recounted(connection)


def test_a_trade_that_differs_inside_of_its_order_is_told_and_not_taken(
    database_url: str, tmp_path: Path
) -> None:
    with exchange(days=1, accounts=ONE) as simulator:
        simulator.set_faults(changed_rate=0.3)
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=BOTH)
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            let_pass(simulator, app, 120)
            run_passes(app)
            found = issues(connection)
            assert len(found) > 5
            assert set(found) == {("trades", "order_differs")}
            differing = connection.execute(
                "SELECT count(*) FROM onetrading.trades JOIN onetrading_sync.issues"
                " ON trade_id = (key ->> 'trade_id')::uuid"
                " WHERE price = (old_record -> 'trade' ->> 'price')::numeric"
            ).fetchone()
            assert differing == (len(found),)


def test_without_versions_a_state_does_not_go_back(database_url: str, tmp_path: Path) -> None:
    with exchange(days=2, accounts=ONE) as simulator:
        simulator.set_faults(orders_unversioned=True)
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            seen: dict[str, tuple[bool, Decimal]] = {}
            for seconds in (100, 3_000, 30_000):
                sync(app)
                assert_nothing_went_back(connection, seen)
                let_pass(simulator, app, seconds)
            sync(app)
            assert stored(connection) == due(simulator)
            assert issues(connection) == []


def test_open_orders_are_shown_while_postgres_is_away(tmp_path: Path) -> None:
    with exchange(days=1, accounts=ONE) as simulator:
        for url in ("none", "postgresql://nobody@127.0.0.1:1/nothing"):
            environ = environment(simulator, url, tmp_path, ONETRADING_STREAMS="orders")
            settings = settings_from(environ)
            app = App(settings, enabled(settings))
            try:
                app.open_database()
                outcome = run_passes(app)["main", "orders"]
                assert outcome == ("ok" if url == "none" else "failed")
                assert_gauges(app, simulator)
                assert expected_gauges(simulator)
            finally:
                app.close()


def test_a_new_stream_reaches_back_as_far_as_the_others(database_url: str, tmp_path: Path) -> None:
    """Months that were complete before an upgrade can be so again."""
    with exchange(days=50, accounts=LONG) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="trades")
        environ["ONETRADING_HISTORY_START"] = (NOW - 45 * DAY).isoformat()
        with running(environ) as app:
            sync(app)
        del environ["ONETRADING_HISTORY_START"]
        environ["ONETRADING_STREAMS"] = f"{BOTH},closed_positions"
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            starts = connection.execute(
                "SELECT stream, required_from FROM onetrading_sync.progress"
                " WHERE required_from IS NOT NULL ORDER BY 1"
            ).fetchall()
            names = ("closed_positions", "orders", "trades")
            assert starts == [(name, NOW - 45 * DAY) for name in names]
            assert unproven(connection, NOW - 45 * DAY, NOW - timedelta(minutes=6)) == []


def test_many_that_left_at_once_take_one_window(database_url: str, tmp_path: Path) -> None:
    """Not a request for each, and a pass asks for no more than a few dozen in any case."""
    busy = (AccountSpec("main", trades_per_day=30_000),)
    with exchange(days=0.02, accounts=busy) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            open_before = {k for k, state in stored(connection).items() if state[-2]}
            let_pass(simulator, app, 660)
            now = truth(simulator)
            left = {k for k in open_before if not now[k][-2]}
            assert len(left) > 5
            asked = len(simulator.requests)
            run_passes(app)
            kept = stored(connection)
            assert {k: kept[k] for k in left} == {k: now[k] for k in left}
            assert len(asked_by_id(simulator, asked)) < len(left)


def test_an_order_that_is_too_old_to_be_told_of_is_unknown_and_stops_no_pass(
    database_url: str, tmp_path: Path
) -> None:
    """Neither by its id nor where it was created: the exchange refuses a window of that age."""
    with exchange(days=40, seed=3, accounts=LONG) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            run_passes(app)
            simulator.set_faults(depth_days=20)
            let_pass(simulator, app, 40 * 86_400)
            for _ in range(2):
                assert run_passes(app)["main", "orders"] == "ok"
            now = truth(simulator)
            unknown = [k for k, s in stored(connection).items() if s[-2] is None]
            assert unknown
            assert not any(now[k][-2] for k in unknown)
            assert issues(connection) == [("orders", "order_unknown")] * len(unknown)
            still = {k for k, s in stored(connection).items() if s[-2]}
            assert still == {k for k, s in now.items() if s[-2]}


def test_verification_tells_only_states_that_contradict(database_url: str, tmp_path: Path) -> None:
    """An order that went on is no difference; one of which less is filled than before is one."""
    with exchange(days=2, accounts=ONE) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="orders")
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            (history,) = app.histories()
            (whole,) = history.partitions()
            window = Window(NOW - DAY, NOW - timedelta(hours=1))
            older = (
                "WITH one AS (SELECT order_id FROM onetrading.orders WHERE NOT is_open"
                " AND filled_amount > 0 AND created_at < %s ORDER BY created_at DESC LIMIT 1"
                ") UPDATE onetrading.orders AS o SET sequence = sequence - 1, row_hash = 0,"
                " status = 'OPEN', filled_amount = {} FROM one WHERE o.order_id = one.order_id"
            )
            for filled, contradicts in (("filled_amount / 2", 0), ("filled_amount * 2", 1)):
                connection.execute(older.format(filled).encode(), [window.end])
                found = Verification(history, 0.0).verify(whole, window)
                assert (found.changed, found.late, found.vanished) == (contradicts, 0, 0)
                assert found.differs == bool(contradicts)
            assert issues(connection) == [("orders", "order_shrank")]
            told = verified.findings(connection)
            assert told == {("main", "orders", "changed"): 1}


def test_a_rejected_order_from_before_the_history_is_retried(
    database_url: str, tmp_path: Path
) -> None:
    """The list of open orders tells of it, whatever its age."""
    with exchange(days=1, accounts=ONE) as simulator, connected(database_url) as connection:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=BOTH)
        with running(environ) as app:
            sync(app)
            ((found,),) = connection.execute(
                "SELECT onetrading.record_text(raw, record_page, record_ordinal)::jsonb"
                " FROM onetrading.orders ORDER BY created_at LIMIT 1"
            ).fetchall()
            old = "5" * 8 + found["order"]["order_id"][8:]
            found["order"] |= {"order_id": old, "time": f"{NOW - 50 * DAY:%Y-%m-%dT%H:%M:%S.%fZ}"}
            found["trades"] = []
            connection.execute(
                "INSERT INTO onetrading_sync.rejects"
                " (account_id, stream, scope, record, record_hash, reason)"
                " SELECT account_id, 'orders', '', %s, 1, 'old' FROM onetrading.orders LIMIT 1",
                [json.dumps(found)],
            )
            assert app.database is not None
            (left,) = app.database.run(rejects.open_rejects, None, ())
            assert RejectRetry(STREAMS, app.storage, simulator.now).retry(left).state == "loaded"
            stored = connection.execute(
                "SELECT created_at FROM onetrading.orders WHERE order_id = %s", [old]
            ).fetchall()
            assert stored == [(NOW - 50 * DAY,)]
            assert app.database.run(rejects.open_rejects, None, ()) == []
