"""A simulated history, read by real passes: balances close to the last digit in each month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.app import App
from exporter.simulator import OLD_ACCOUNTS, Simulator
from exporter.simulator.market.exact import exact
from exporter.simulator.market.market import to_nanos
from tests.support.account_books import first_instant
from tests.support.reporting import DAY, put
from tests.support.simulator_client import NOW
from tests.support.sync_app import environment, exchange, fill, let_pass, run_passes, running

HISTORY = 40 * DAY
STREAMS = "balances,positions,portfolio,instruments,trades,funding_payments"
SNAPSHOTS = ("balances", "positions", "portfolio")
GAPS = "SELECT * FROM reporting.coverage_gaps WHERE NOT is_tail"
ZONES = ("UTC", "Europe/Vienna")

Connection = psycopg.Connection[tuple[Any, ...]]


@exact
def true_total(simulator: Simulator, account: str, currency: str, before: datetime) -> Decimal:
    """What an account held of a currency just before an instant."""
    ledger = simulator.market.accounts[account].ledger
    return ledger.total(currency, to_nanos(before) - 1)


def import_movements(connection: Connection, simulator: Simulator) -> None:
    """What `import movements` makes of the simulator's file."""
    put(
        connection,
        "onetrading.external_movements (account_id, reference, moved_at, currency_code, amount,"
        " kind, note)",
        [
            (simulator.account_ids[name], *list(row.values())[1:])
            for name in simulator.account_ids
            for row in simulator.truth("movements", name)
        ],
    )
    connection.commit()


def look_often(simulator: Simulator, app: App) -> None:
    """Look at balances and positions over the end of March, at uneven times."""
    snapshots = [one for one in app.syncs if one.stream.name in SNAPSHOTS]
    for step in range(24):
        let_pass(simulator, app, 9_000 + 930.7 * step)
        for one in snapshots:
            assert app.runner.run(one) in {"ok", "not permitted", "skipped"}


@pytest.fixture
def read(
    database_url: str, tmp_path: Path
) -> Iterator[tuple[Simulator, psycopg.Connection[tuple[Any, ...]]]]:
    more = {
        "ONETRADING_HISTORY_START": (NOW - HISTORY).isoformat(),
        "ONETRADING_STREAMS": STREAMS,
    }
    with (
        exchange(days=HISTORY / DAY, accounts=OLD_ACCOUNTS, seed=5) as simulator,
        running(environment(simulator, database_url, tmp_path, **more)) as app,
        psycopg.connect(database_url) as connection,
    ):
        run_passes(app)
        look_often(simulator, app)
        run_passes(app)
        fill(app)
        assert connection.execute(GAPS).fetchall() == []
        import_movements(connection, simulator)
        yield simulator, connection


def test_a_simulated_history_closes_to_the_last_digit(
    read: tuple[Simulator, Connection],
) -> None:
    """Also where nobody had looked yet; and a movement that is missing is the difference."""
    simulator, connection = read
    connection.execute("SET ROLE onetrading_reader")
    for zone in ZONES:
        check_closings(simulator, connection, zone)
        check_months(simulator, connection, zone)
    connection.execute("RESET ROLE")
    deleted = connection.execute(
        "DELETE FROM onetrading.external_movements WHERE (account_id, reference) = ("
        " SELECT account_id, reference FROM onetrading.external_movements"
        " WHERE moved_at > %s AND currency_code <> 'USD' ORDER BY moved_at LIMIT 1)"
        " RETURNING currency_code, amount, moved_at",
        [NOW],
    ).fetchall()
    [(currency, amount, moved_at)] = deleted
    found = connection.execute(
        "SELECT currency, difference, first_unexplained_from < %s, first_unexplained_to > %s"
        " FROM reporting.balance_rollforward WHERE difference <> 0",
        [moved_at, moved_at],
    ).fetchall()
    assert found == [(currency, amount, True, True)]


def check_closings(simulator: Simulator, connection: Connection, zone: str) -> None:
    rows = connection.execute(
        "SELECT account, day, currency_code, total FROM reporting.daily_closing_balances(%s)"
        " WHERE source = 'derived' AND NOT estimated",
        [zone],
    ).fetchall()
    assert len({row[1] for row in rows}) >= HISTORY // DAY
    for account, day, currency, total in rows:
        truth = true_total(simulator, account, currency, first_instant(day + DAY, zone))
        assert (account, day, currency, total) == (account, day, currency, truth)


def check_months(simulator: Simulator, connection: Connection, zone: str) -> None:
    rows = connection.execute(
        "SELECT account, month, currency, basis, opening, actual, difference, settlements_inferred"
        " FROM reporting.balance_rollforward(%s) WHERE month <= '2026-04-01'",
        [zone],
    ).fetchall()
    bases = {month: basis for _, month, _, basis, *_ in rows}
    assert [bases[month] for month in sorted(bases)] == ["derived", "observed", "observed"]
    for account, month, currency, _, opening, actual, difference, settled in rows:
        assert difference == 0
        ends = (month + timedelta(days=31)).replace(day=1)
        if currency != "USD":
            assert settled == 0
            start = first_instant(month, zone)
            assert opening == true_total(simulator, account, currency, start)
            end = min(first_instant(ends, zone), simulator.now.astimezone(UTC))
            assert actual == true_total(simulator, account, currency, end)
