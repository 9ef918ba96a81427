"""A funding payment is identified by its funding time, whatever the precision of its stamp."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model.page import read
from exporter.model.stream import Partition, Table
from exporter.model.window import Window
from exporter.store import loader
from exporter.store.loader import Batch, Run
from exporter.streams.funding_payments import FUNDING_PAYMENTS, FundingPayment
from tests.support.raw_responses import ACCOUNT_ID, Scripted, scripted
from tests.support.simulator_client import NOW

SLOT = NOW.replace(hour=NOW.hour // 4 * 4, minute=0, second=0, microsecond=0) - timedelta(hours=4)
BOOKED = SLOT + timedelta(seconds=1, microseconds=21_329)
ISSUES = (
    "SELECT kind, key->>'funding_time', old_record, new_record, happened_at"
    " FROM onetrading_sync.issues ORDER BY issue_id"
)
STORED = (
    "SELECT xmin::text, booked_at, amount, cash_balance,"
    " onetrading.record_text(raw, record_page, record_ordinal)::jsonb, first_seen_at"
    " FROM onetrading.funding_payments ORDER BY instrument_code"
)
PAID, RECEIVED = "onetrading_funding_paid_total", "onetrading_funding_received_total"


def stamped(at: datetime, precision: str) -> str:
    """An instant in ISO 8601, cut to a precision."""
    return at.isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def payment(stamp: str | int, amount: str = "-1.5", cash: str = "100") -> dict[str, Any]:
    """A payment as sent."""
    return {"timestamp": stamp, "funding_payment": amount, "cash_balance": cash}


def page(*payments: dict[str, Any]) -> str:
    """The last page of payments of one instrument."""
    return page_of({"BTC_USD_P": list(payments)})


def page_of(listed: dict[str, list[dict[str, Any]]]) -> str:
    """The last page of payments, by instrument."""
    return json.dumps({"account_id": ACCOUNT_ID, "funding_payments": listed})


MILLIS = payment(stamped(BOOKED, "milliseconds"))
SAME_PAYMENT = {
    "microseconds": payment(stamped(BOOKED, "microseconds")),
    "nanoseconds": payment(stamped(BOOKED, "microseconds").replace("Z", "712Z")),
    "rounded up": payment(stamped(BOOKED + timedelta(microseconds=800), "milliseconds")),
    "seconds": payment(stamped(BOOKED, "seconds")),
    "zeros": payment(stamped(BOOKED, "milliseconds").replace("Z", "000Z")),
    "an offset": payment(stamped(BOOKED, "milliseconds").replace("Z", "+00:00")),
    "milliseconds since 1970": payment(int(BOOKED.timestamp() * 1_000)),
    "microseconds since 1970": payment(int(BOOKED.timestamp() * 1_000_000)),
}
FIRST = {"us first": payment(stamped(BOOKED, "microseconds")), "ms first": MILLIS}


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        assert opened.poll("balances", f'{{"account_id": "{ACCOUNT_ID}", "balances": []}}') == "ok"
        yield opened


def poll(scenario: Scripted, *payments: dict[str, Any]) -> None:
    assert scenario.poll("funding_payments", page(*payments)) == "ok"


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_the_same_payment_in_another_precision_is_the_same_row(
    first: dict[str, Any], scenario: Scripted
) -> None:
    """It is no change either: nothing is written, nothing is reported, however often it flips."""

    def send(*sent: str) -> None:
        """All notations at once, each of an instrument of its own."""
        body = page_of(
            {
                name: [again if which == "again" else first for which in sent]
                for name, again in SAME_PAYMENT.items()
            }
        )
        assert scenario.poll("funding_payments", body) == "ok"

    send("first")
    before = scenario.rows(STORED)
    assert len(before) == len(SAME_PAYMENT)
    for sent in (["again"], ["first"], ["again", "first"], ["first", "again"]):
        send(*sent)
        assert scenario.rows(STORED) == before
    assert scenario.rows(ISSUES) == []
    assert scenario.rows("SELECT sum(rows_updated) FROM onetrading_sync.runs") == [(0,)]


def test_both_precisions_in_the_first_response_are_one_row(scenario: Scripted) -> None:
    poll(scenario, payment(stamped(BOOKED, "microseconds")), MILLIS)
    assert len(scenario.rows(STORED)) == 1
    assert scenario.rows(ISSUES) == []


def test_a_corrected_payment_replaces_the_stored_one(scenario: Scripted) -> None:
    """The same stamp with another amount, in whatever precision: a change with both records."""
    corrected = payment(stamped(BOOKED, "microseconds"), "-2.5")
    poll(scenario, MILLIS)
    for _ in range(2):
        poll(scenario, corrected)
        [(kind, slot, old, new, happened_at)] = scenario.rows(ISSUES)
        assert (kind, slot, old, new) == ("changed", str(SLOT), MILLIS, corrected)
        assert happened_at == BOOKED.replace(microsecond=21_000)
    [(_, _, amount, *_)] = scenario.rows(STORED)
    assert amount == Decimal("-2.5")


def test_a_raw_difference_is_still_told(scenario: Scripted) -> None:
    poll(scenario, MILLIS)
    poll(scenario, MILLIS | {"note": "new"})
    assert [kind for kind, *_ in scenario.rows(ISSUES)] == ["raw_changed"]


@pytest.mark.parametrize("late_s", [0.3, 2, 15])
def test_a_second_payment_of_a_funding_time_is_an_issue_and_changes_nothing(
    late_s: float, scenario: Scripted
) -> None:
    second = payment(stamped(BOOKED + timedelta(seconds=late_s), "microseconds"), "2.25", "102")
    poll(scenario, MILLIS)
    before = scenario.rows(STORED)
    for sent in ([second], [second, MILLIS], [MILLIS, second], [second]):
        poll(scenario, *sent)
        assert scenario.rows(STORED) == before
        [(kind, slot, old, new, _)] = scenario.rows(ISSUES)
        assert (kind, slot, old, new) == ("duplicate_slot", str(SLOT), MILLIS, second)


def test_of_two_new_payments_of_a_funding_time_the_earlier_one_is_stored(
    scenario: Scripted,
) -> None:
    second = payment(stamped(BOOKED + timedelta(seconds=15), "milliseconds"), "2.25", "102")
    for sent in ([second, MILLIS], [MILLIS, second]):
        poll(scenario, *sent)
        [(_, _, amount, *_)] = scenario.rows(STORED)
        assert amount == Decimal("-1.5")
        [(kind, _, old, new, _)] = scenario.rows(ISSUES)
        assert (kind, old, new) == ("duplicate_slot", MILLIS, second)


class Booking(NamedTuple):
    """What differs between made-up bookings; ``offset`` in microseconds from the funding time."""

    slot: int
    offset: int
    amount: int
    precision: str


bookings = st.builds(
    Booking,
    st.integers(0, 1),
    st.sampled_from([1_021_329, 16_011_000]),
    st.integers(-2, 2).filter(bool),
    st.sampled_from(["milliseconds", "microseconds"]),
)


@given(st.lists(st.lists(bookings, max_size=6), min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_funding_time_has_one_payment_and_its_counters_say_what_is_stored(
    database_url: str, batches: list[list[Booking]]
) -> None:
    """Every other payment is in an issue, and what was sent last changes nothing again."""
    partition = Partition("main", ACCOUNT_ID, "funding_payments")
    run = Run("backfill", Window(SLOT - timedelta(days=1), NOW))

    def rows_of(batch: list[Booking]) -> list[FundingPayment]:
        sent = [
            payment(
                stamped(SLOT - timedelta(hours=4 * b.slot, microseconds=-b.offset), b.precision),
                str(b.amount),
            )
            for b in batch
        ]
        return read(FUNDING_PAYMENTS, page(*sent).encode(), ACCOUNT_ID).rows

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE onetrading.funding_payments, onetrading_sync.issues, onetrading_sync.totals,"
            " onetrading_sync.counting"
        )
        connection.execute(
            "INSERT INTO onetrading_sync.counting VALUES (%s, 'funding_payments', %s)",
            [ACCOUNT_ID, SLOT - timedelta(days=2)],
        )
        for batch in [*batches, batches[-1]]:
            with connection.transaction():
                loaded = loader.load(
                    connection, FUNDING_PAYMENTS, partition, run, Batch(rows=rows_of(batch)), None
                )
        assert (loaded.inserted, loaded.updated) == (0, 0)
        told = {
            (raw["timestamp"][:19], raw["funding_payment"])
            for (raw,) in connection.execute(
                "SELECT new_record FROM onetrading_sync.issues"
                " UNION ALL SELECT old_record FROM onetrading_sync.issues"
                " UNION ALL SELECT record FROM reporting.records"
            )
        }
        sums = connection.execute(
            "SELECT coalesce(sum(-amount) FILTER (WHERE amount < 0), 0),"
            " coalesce(sum(amount) FILTER (WHERE amount > 0), 0) FROM onetrading.funding_payments"
        ).fetchone()
        totals: dict[str, Decimal] = dict(
            connection.execute("SELECT metric, value FROM onetrading_sync.totals").fetchall()
        )
    assert (totals.get(PAID, 0), totals.get(RECEIVED, 0)) == sums
    for batch in batches:
        for row in rows_of(batch):
            sent = json.loads(row.raw)
            assert (sent["timestamp"][:19], sent["funding_payment"]) in told


def test_a_stamp_must_be_an_instant_of_the_table() -> None:
    with pytest.raises(ValueError, match="the stamp 'amount' is not an instant"):
        Table("funding_payments", FundingPayment, key=("instrument_code",), stamp="amount")
