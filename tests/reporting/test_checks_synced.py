"""A simulated history, read by the real sync: every check is ok, and names each fault put in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
import pytest

from exporter.simulator import AccountSpec, Simulator
from tests.support.facts import Connection
from tests.support.postgres import fresh_database
from tests.support.simulator_client import NOW
from tests.support.sync_app import DAY, environment, exchange, running, sync

STREAMS = (
    "balances,positions,instruments,currencies,account_fees,trades,orders,funding_payments,"
    "funding_history,closed_positions,position_funding,position_trades"
)
API = {"maker_futures": "-0.00005", "taker_futures": "0.00015"}


class Synced(NamedTuple):
    """What a sync of two days left in a database, and the exchange's truth."""

    url: str
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def synced(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Synced]:
    accounts = (AccountSpec("main", trades_per_day=300),)
    with (
        fresh_database(postgres_url, migrated_template) as url,
        exchange(accounts=accounts, seed=5) as simulator,
    ):
        environ = environment(
            simulator,
            url,
            tmp_path_factory.mktemp("synced"),
            ONETRADING_HISTORY_START=(NOW - 3 * DAY).isoformat(),
            ONETRADING_STREAMS=STREAMS,
        )
        with running(environ) as app:
            sync(app)
        with psycopg.connect(url) as connection:
            prepare(connection)
        yield Synced(url, true(simulator))


def prepare(connection: Connection) -> None:
    """The fees of API trading, and a tier that held all the time."""
    connection.execute("UPDATE onetrading.account_fee_tiers SET valid_from = '-infinity'")
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO onetrading_sync.settings (name, value) VALUES (%s, %s)",
            [(f"api_{name.replace('_', '_ratio_')}", value) for name, value in API.items()],
        )


def true(simulator: Simulator) -> dict[str, Any]:
    return {
        stream: simulator.truth(stream, "main")
        for stream in ("trades", "opening", "balances", "closed_positions", "positions")
    }


@pytest.fixture
def facts(synced: Synced) -> Iterator[Connection]:
    """The facts, in a transaction that is rolled back."""
    with psycopg.connect(synced.url) as connection:
        connection.execute("SET LOCAL jit = off")
        yield connection
        connection.rollback()


CHECKS = (
    "fee_check",
    "funding_check",
    "order_fill_check",
    "position_check",
    "realised_pnl_futures",
)


def states(connection: Connection, check: str) -> dict[str, int]:
    rows = connection.execute(
        f"SELECT state, count(*) FROM reporting.{check} GROUP BY state".encode()  # noqa: S608
    ).fetchall()
    return dict(rows)


def test_everything_that_was_read_is_ok(facts: Connection) -> None:
    facts.execute("SET LOCAL ROLE onetrading_reader")
    for check in CHECKS:
        found = states(facts, check)
        assert found.pop("ok", 0) > 3, check
        assert check == "order_fill_check" or not found, (check, found)


def test_the_journal_leads_from_the_opening_to_the_balances(
    synced: Synced, facts: Connection
) -> None:
    """Of what the settlements of each minute do not move: all but the currency of futures."""
    rows = facts.execute(
        "SELECT asset, sum(amount) FROM reporting.ledger"
        " WHERE ledger_account = 'account' AND account = 'main' GROUP BY asset"
    ).fetchall()
    opening = {code: Decimal(amount) for code, amount in synced.truth["opening"].items()}
    changes: dict[str, Decimal] = dict(rows)
    now = {
        row["currency_code"]: Decimal(row["available"]) + Decimal(row["locked"])
        for row in synced.truth["balances"]["balances"]
    }
    assert len(now) > 3
    for currency, total in now.items():
        if currency != "USD":
            assert total == opening.get(currency, 0) + changes.get(currency, 0), currency


def test_results_of_positions_are_the_exchanges(synced: Synced, facts: Connection) -> None:
    found = facts.execute(
        "SELECT position_id, basis, gain_gross, fees, funding, gain_net, difference"
        " FROM reporting.realised_pnl_futures"
    ).fetchall()
    expected = [
        (
            row["position_id"],
            "position_trades",
            *(Decimal(row[name]) for name in ("closing_pnl", "total_trade_fees")),
            *(Decimal(row[name]) for name in ("total_funding_payments", "realised_pnl")),
            0,
        )
        for row in synced.truth["closed_positions"]
    ]
    assert sorted(found) == sorted(expected)


def test_results_follow_from_the_trades_of_the_account_as_well(facts: Connection) -> None:
    """Without the lists of the positions; where trades of one instant touch, it is not known."""
    facts.execute("DELETE FROM onetrading.position_trades")
    facts.execute("DELETE FROM onetrading.position_funding_payments")
    rows = facts.execute(
        "SELECT basis, state, count(*) FROM reporting.realised_pnl_futures"
        " WHERE unknown_because IS NULL GROUP BY 1, 2"
    ).fetchall()
    assert [row[:2] for row in rows] == [("trades", "ok")]
    assert rows[0][2] > 3


def sample(connection: Connection, where: str) -> list[tuple[Any, ...]]:
    """Some trades, spread over the history."""
    columns = "trade_id, order_id, instrument_code, amount, side = 'BUY', traded_at"
    query = f"SELECT {columns} FROM onetrading.trades WHERE {where} ORDER BY trade_id LIMIT 12"  # noqa: S608
    return connection.execute(query.encode()).fetchall()


def test_a_missing_trade_is_named_by_its_order(facts: Connection) -> None:
    for trade_id, order_id, _, amount, *_ in sample(facts, "true"):
        with facts.transaction(force_rollback=True):
            facts.execute("DELETE FROM onetrading.trades WHERE trade_id = %s", [trade_id])
            rows = facts.execute(
                "SELECT order_id, difference FROM reporting.order_fill_check"
                " WHERE state = 'different'"
            ).fetchall()
        assert rows == [(order_id, -amount)]


def test_a_missing_trade_of_futures_is_named_by_its_position(facts: Connection) -> None:
    """Where the exchange tells of a closed position since the start, which began flat."""
    closed = "(SELECT instrument_code FROM onetrading.closed_positions)"
    for trade_id, _, code, amount, bought, _ in sample(facts, f"instrument_code IN {closed}"):
        with facts.transaction(force_rollback=True):
            facts.execute("DELETE FROM onetrading.trades WHERE trade_id = %s", [trade_id])
            rows = facts.execute(
                "SELECT instrument_code, difference, basis, since = observed_at"
                " FROM reporting.position_check WHERE state <> 'ok'"
            ).fetchall()
            funding = states(facts, "funding_check")
        assert rows == [(code, -amount if bought else amount, "from_start", True)]
        assert set(funding) <= {"ok", "unknown_position"}


def changed(connection: Connection, statement: str, key: list[Any]) -> list[tuple[Any, ...]]:
    """What funding_check makes of a change of payments."""
    with connection.transaction(force_rollback=True):
        connection.execute(statement.encode(), key)
        return connection.execute(
            "SELECT instrument_code, funding_time, state, difference FROM reporting.funding_check"
            " WHERE state <> 'ok'"
        ).fetchall()


def test_each_fault_of_a_payment_is_named(facts: Connection) -> None:
    payments = facts.execute(
        "SELECT instrument_code, funding_time, amount FROM onetrading.funding_payments"
        " WHERE abs(amount) > 0.001 ORDER BY 1, 2"
    ).fetchall()
    assert len(payments) > 6
    where = "WHERE instrument_code = %s AND funding_time = %s"
    table = "onetrading.funding_payments"
    for *key, amount in payments[::4]:
        update = f"UPDATE {table} SET amount ="  # noqa: S608
        for value, moved in (("2 * amount", amount), ("-amount", -2 * amount)):
            found = changed(facts, f"{update} {value} {where}", key)
            assert [(*row[:3], round(row[3] - moved, 7)) for row in found] == [
                (*key, "different", 0)
            ]
        found = changed(facts, f"DELETE FROM {table} {where}", key)  # noqa: S608
        assert [(*row[:3], round(row[3] + amount, 7)) for row in found] == [(*key, "missing", 0)]


def test_a_payment_without_a_position_is_unexpected(facts: Connection) -> None:
    slot = facts.execute(
        "SELECT min(funding_time) FROM onetrading.funding_rates WHERE instrument_code = 'LTC_USD_P'"
    ).fetchone()
    assert slot is not None
    insert = (
        "INSERT INTO onetrading.funding_payments (account_id, instrument_code, booked_at,"
        " funding_time, amount, raw, row_hash) SELECT account_id, %s, %s, %s, 1.5, '{}', 0"
        " FROM onetrading.accounts WHERE name = 'main'"
    )
    found = changed(facts, insert, ["LTC_USD_P", slot[0] + timedelta(seconds=1), slot[0]])
    assert found == [("LTC_USD_P", slot[0], "unexpected", Decimal("1.5"))]


def test_a_fee_with_the_wrong_sign_is_named(facts: Connection) -> None:
    for trade_id, *_ in sample(facts, "fee_amount <> 0"):
        with facts.transaction(force_rollback=True):
            facts.execute(
                "UPDATE onetrading.trades SET fee_amount = -fee_amount WHERE trade_id = %s",
                [trade_id],
            )
            rows = facts.execute(
                "SELECT trade_id FROM reporting.fee_check WHERE state <> 'ok'"
            ).fetchall()
        assert rows == [(trade_id,)]


def test_without_a_tier_in_force_a_fee_is_unknown(facts: Connection) -> None:
    facts.execute("DELETE FROM onetrading_sync.settings")
    facts.execute("UPDATE onetrading.account_fee_tiers SET valid_from = now()")
    assert set(states(facts, "fee_check")) == {"unknown"}


def test_fees_of_api_trading_differ_from_the_tier(facts: Connection) -> None:
    facts.execute("DELETE FROM onetrading_sync.settings")
    rows = facts.execute(
        "SELECT fee_group, schedule, state, count(*) > 3 FROM reporting.fee_check GROUP BY 1, 2, 3"
    ).fetchall()
    assert sorted(rows) == [
        ("FUTURES", "tier", "different", True),
        ("SPOT", "tier", "ok", True),
    ]
