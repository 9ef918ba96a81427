"""The facts of an earlier version, brought to this one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from exporter.model.page import read
from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.store import bookkeeping, loader, migrate
from exporter.store.loader import Batch, Run
from exporter.streams.funding_payments import FUNDING_PAYMENTS
from tests.support.raw_responses import ACCOUNT_ID
from tests.support.simulator_client import NOW

BEFORE = 5
"""The last migration before the ones under test."""
KNOWN = migrate.load(migrate.migrations_dir())
SLOT = NOW.replace(hour=8, minute=0, second=0, microsecond=0)
PAID, RECEIVED = "onetrading_funding_paid_total", "onetrading_funding_received_total"

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def earlier(empty_database_url: str) -> Iterator[Connection]:
    """A database of the version before."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        migrate.apply(connection, KNOWN[:BEFORE])
        connection.execute(
            "INSERT INTO onetrading.accounts (account_id, name) VALUES (%s, 'main')", [ACCOUNT_ID]
        )
        yield connection


def raw_of(at: datetime, amount: str) -> dict[str, str]:
    stamp = at.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
    return {"timestamp": stamp, "funding_payment": amount}


def put_payment(connection: Connection, slot: datetime, late_us: int, amount: str) -> None:
    at = slot + timedelta(microseconds=late_us)
    raw = json.dumps(raw_of(at, amount))
    connection.execute(
        "INSERT INTO onetrading.funding_payments (account_id, instrument_code, booked_at,"
        " funding_time, amount, raw, row_hash) VALUES (%s, 'BTC_USD_P', %s, %s, %s, %s, 0)",
        [ACCOUNT_ID, at, slot, amount, raw],
    )


def put_trade(connection: Connection, number: int, amount: str, at: datetime) -> None:
    connection.execute(
        "INSERT INTO onetrading.trades (trade_id, account_id, instrument_code, side, price, amount,"
        " quote_amount, traded_at, traded_at_nanos, raw, row_hash)"
        " VALUES (%s::text::uuid, %s, 'BTC_EUR', 'BUY', 1, %s, 1, %s, 0, '{}', 0)",
        [f"00000000-0000-4000-8000-{number:012d}", ACCOUNT_ID, amount, at],
    )


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


def test_payments_that_were_stored_twice_become_one_and_are_reported(earlier: Connection) -> None:
    older = SLOT - timedelta(hours=4)
    put_payment(earlier, SLOT, 1_021_000, "-1.5")
    put_payment(earlier, SLOT, 1_021_329, "-1.5")  # the same one, in microseconds
    put_payment(earlier, older, 1_000_000, "2")
    put_payment(earlier, older, 16_000_000, "-3")  # another one
    put_payment(earlier, SLOT - timedelta(days=9), 1_021_000, "-7")
    earlier.execute(
        "INSERT INTO onetrading_sync.counting VALUES (%s, 'funding_payments', %s)",
        [ACCOUNT_ID, SLOT - timedelta(days=1)],
    )
    for metric, value in ((PAID, 6), (RECEIVED, 2)):
        for instrument, counted in (("BTC_USD_P", value), ("ETH_USD_P", 50)):
            earlier.execute(
                "INSERT INTO onetrading_sync.totals VALUES (%s, 'funding_payments', %s, %s, %s)",
                [ACCOUNT_ID, metric, [instrument], counted],
            )
    migrate.apply(earlier, KNOWN)
    found = rows(earlier, "SELECT booked_at, amount FROM onetrading.funding_payments ORDER BY 1")
    assert [amount for _, amount in found] == [-7, 2, Decimal("-1.5")]
    assert found[2][0] == SLOT + timedelta(microseconds=1_021_000)
    issues = rows(
        earlier,
        "SELECT kind, key->>'funding_time', old_record->>'funding_payment',"
        " new_record->>'funding_payment', happened_at FROM onetrading_sync.issues ORDER BY 2",
    )
    assert issues == [
        ("duplicate_slot", str(older), "2", "-3", older + timedelta(seconds=16)),
        ("duplicate_slot", str(SLOT), "-1.5", "-1.5", SLOT + timedelta(microseconds=1_021_329)),
    ]
    totals = rows(earlier, "SELECT metric, labels[1], value FROM onetrading_sync.totals")
    assert sorted(totals) == [
        (PAID, "BTC_USD_P", Decimal("1.5")),
        (PAID, "ETH_USD_P", 50),
        (RECEIVED, "BTC_USD_P", 2),
        (RECEIVED, "ETH_USD_P", 50),
    ]
    # What the exchange still sends is known: no second issue, no new row.
    sent = [
        raw_of(slot + timedelta(microseconds=late), amount)
        for slot, late, amount in (
            (SLOT, 1_021_000, "-1.5"),
            (SLOT, 1_021_329, "-1.5"),
            (older, 1_000_000, "2"),
            (older, 16_000_000, "-3"),
        )
    ]
    body = json.dumps({"funding_payments": {"BTC_USD_P": sent}}).encode()
    batch = Batch(rows=read(FUNDING_PAYMENTS, body, ACCOUNT_ID).rows)
    partition = Partition("main", ACCOUNT_ID, "funding_payments")
    with earlier.transaction():
        run = Run("tail", Window(SLOT, NOW))
        loaded = loader.load(earlier, FUNDING_PAYMENTS, partition, run, batch, None)
    assert (loaded.inserted, loaded.updated) == (0, 0)
    assert len(rows(earlier, "SELECT FROM onetrading_sync.issues")) == 2


def test_issues_of_the_earlier_key_are_found_under_the_new_one(earlier: Connection) -> None:
    at = SLOT + timedelta(microseconds=1_021_000)
    put_payment(earlier, SLOT, 1_021_000, "-1.5")
    put_trade(earlier, 1, "1", SLOT)
    for stream, key in (
        (
            "funding_payments",
            {"account_id": ACCOUNT_ID, "instrument_code": "BTC_USD_P", "booked_at": str(at)},
        ),
        ("trades", {"trade_id": "00000000-0000-4000-8000-000000000001"}),
        ("funding_history", {"instrument_code": "BTC_USD_P", "funding_time": str(SLOT)}),
    ):
        earlier.execute(
            "INSERT INTO onetrading_sync.issues"
            " (account_id, stream, kind, key, old_record, new_record)"
            " VALUES (%s, %s, 'changed', %s, '{}', '{}')",
            [ACCOUNT_ID, stream, json.dumps(key)],
        )
    migrate.apply(earlier, KNOWN)
    found = rows(
        earlier, "SELECT stream, happened_at, key FROM onetrading_sync.issues ORDER BY stream"
    )
    assert [(stream, happened_at) for stream, happened_at, _ in found] == [
        ("funding_history", SLOT),
        ("funding_payments", at),
        ("trades", SLOT),
    ]
    assert found[1][2] == {
        "account_id": ACCOUNT_ID,
        "instrument_code": "BTC_USD_P",
        "funding_time": str(SLOT),
    }


def test_facts_of_an_earlier_version_are_not_late(earlier: Connection) -> None:
    """They have the time of the upgrade; only what comes later can be late."""
    put_trade(earlier, 1, "1", NOW - timedelta(days=400))
    put_payment(earlier, SLOT - timedelta(days=400), 1_021_000, "-1.5")
    migrate.apply(earlier, KNOWN)
    put_trade(earlier, 2, "1", NOW - timedelta(days=400))
    found = rows(earlier, "SELECT kind, key FROM reporting.late_facts")
    assert found == [("late", {"trade_id": "00000000-0000-4000-8000-000000000002"})]


def test_days_that_were_proven_before_are_known_as_proven(earlier: Connection) -> None:
    """A day counts when it is proven from midnight to midnight, and is over."""
    day = timedelta(days=1)
    midnight = SLOT.replace(hour=0)
    for start, end in (
        (midnight - 9 * day, midnight - 7 * day),
        (midnight - 6 * day + timedelta(hours=1), midnight - 4 * day - timedelta(hours=1)),
    ):
        earlier.execute(
            "INSERT INTO onetrading_sync.coverage VALUES (%s, 'trades', '', tstzrange(%s, %s))",
            [ACCOUNT_ID, start, end],
        )
    migrate.apply(earlier, KNOWN)
    query = "SELECT day FROM onetrading_sync.proven_days ORDER BY day"
    expected = [(midnight - 9 * day).date(), (midnight - 8 * day).date()]
    assert [found for (found,) in rows(earlier, query)] == expected
    # A claim that completes the days between notes them, and no other.
    partition = Partition("main", ACCOUNT_ID, "trades")
    with earlier.transaction():
        loader.claim(earlier, partition, Window(midnight - 8 * day, midnight - 5 * day))
    expected += [(midnight - n * day).date() for n in (7, 6)]
    assert [found for (found,) in rows(earlier, query)] == expected
    with earlier.transaction():
        loader.claim(earlier, partition, Window(midnight - 5 * day, midnight - 4 * day))
    expected += [(midnight - 5 * day).date()]
    assert [found for (found,) in rows(earlier, query)] == expected
    assert bookkeeping.covered_to(earlier, partition) == midnight - 4 * day


def test_a_row_with_an_impossible_amount_does_not_stop_the_upgrade(
    earlier: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    put_trade(earlier, 1, "0", SLOT)
    put_trade(earlier, 2, "1", SLOT)
    with caplog.at_level(logging.WARNING):
        migrate.apply(earlier, KNOWN)
    [warning] = [r.getMessage() for r in caplog.records if "impossible amounts" in r.getMessage()]
    assert "onetrading.trades" in warning
    look = warning.partition("SELECT")[2].partition(";")[0]
    [bad] = rows(earlier, f"SELECT{look}")
    assert str(bad[0]) == "00000000-0000-4000-8000-000000000001"
    with pytest.raises(psycopg.errors.CheckViolation):
        put_trade(earlier, 3, "0", SLOT)
    put_trade(earlier, 4, "1", SLOT)
    # As the warning says.
    earlier.execute("DELETE FROM onetrading.trades WHERE amount = 0")
    earlier.execute(warning.partition("then run: ")[2].encode())
    [(validated,)] = rows(
        earlier, "SELECT convalidated FROM pg_constraint WHERE conname = 'trades_amounts'"
    )
    assert validated
