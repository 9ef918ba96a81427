"""Facts that became known after their month was over, or that came back different."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.reporting import (
    DAY,
    MAIN,
    MICROSECOND,
    Connection,
    examples,
    facts,
    put,
    read,
    time_zones,
)

PUBLIC = UUID(int=0)
MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
COLUMNS = "kind, stream, account, happened_at, first_seen_at, month"


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        # As if first_seen_at had been recorded from the beginning.
        connection.execute("UPDATE onetrading_sync.known_since SET since = '2020-01-01 00:00Z'")
        connection.autocommit = False
        yield connection


def put_trade(
    connection: Connection, number: int, at: datetime, seen: datetime, raw: str = "{}"
) -> None:
    put(
        connection,
        "onetrading.trades (trade_id, account_id, instrument_code, side, price, amount,"
        " quote_amount, traded_at, traded_at_nanos, raw, row_hash, first_seen_at)",
        [(UUID(int=number), MAIN, "BTC_EUR", "BUY", 1, 1, 1, at, 0, raw, 0, seen)],
    )


def put_issue(connection: Connection, kind: str, key: dict[str, str], **given: Any) -> None:
    columns = {"account_id": MAIN, "stream": "trades", "kind": kind, "key": json.dumps(key)} | given
    put(connection, f"onetrading_sync.issues ({', '.join(columns)})", [tuple(columns.values())])


instants = st.builds(
    lambda edge, shift: edge + shift,
    st.sampled_from([MARCH, APRIL]),
    st.sampled_from([-MICROSECOND, 0 * DAY, MICROSECOND, 3 * DAY]),
)


@examples
@given(rows=st.lists(st.tuples(instants, instants), max_size=6), time_zone=time_zones)
def test_a_fact_first_seen_after_its_month_is_late(
    reporting: Connection, rows: list[tuple[datetime, datetime]], time_zone: str
) -> None:
    """Of every stream, to the microsecond, in UTC whatever the reader's time zone."""
    with facts(reporting, time_zone):
        for number, (at, seen) in enumerate(rows):
            put_trade(reporting, number, at, seen)
            put(
                reporting,
                "onetrading.funding_payments (account_id, instrument_code, booked_at,"
                " funding_time, amount, raw, row_hash, first_seen_at)",
                [(MAIN, f"I{number}", at, at.replace(second=0, microsecond=0), 1, "{}", 0, seen)],
            )
            put(
                reporting,
                "onetrading.funding_rates"
                " (instrument_code, funding_time, funding_rate, raw, row_hash, first_seen_at)",
                [(f"I{number}", at, 1, "{}", 0, seen)],
            )
        found = read(reporting, COLUMNS, "late_facts")
    streams = (("trades", "main"), ("funding_payments", "main"), ("funding_history", "public"))
    expected = [
        ("late", *of, at, seen, at.date().replace(day=1))
        for at, seen in rows
        for of in streams
        if (seen.year, seen.month) > (at.year, at.month)
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_what_came_before_first_seen_was_recorded_is_not_late(reporting: Connection) -> None:
    with facts(reporting, "UTC"):
        put_trade(reporting, 1, MARCH, APRIL)
        reporting.execute("UPDATE onetrading_sync.known_since SET since = %s", [APRIL])
        assert read(reporting, COLUMNS, "late_facts") == []


def test_a_late_fact_that_contradicts_a_proof_says_so(reporting: Connection) -> None:
    with facts(reporting, "UTC"):
        put_trade(reporting, 1, MARCH + DAY, APRIL + DAY)
        put_trade(reporting, 2, MARCH + 2 * DAY, APRIL + DAY)
        put_trade(reporting, 3, MARCH + 3 * DAY, APRIL + DAY)
        put(
            reporting,
            "onetrading_sync.proven_days (account_id, stream, scope, day, proven_at)",
            [
                (MAIN, "trades", "", (MARCH + DAY).date(), APRIL),
                (MAIN, "trades", "", (MARCH + 2 * DAY).date(), APRIL + 2 * DAY),
            ],
        )
        found = read(reporting, "happened_at, proven_at, after_month, old_record", "late_facts")
    assert found == [
        (MARCH + DAY, APRIL, True, None),
        (MARCH + 2 * DAY, None, True, None),
        (MARCH + 3 * DAY, None, True, None),
    ]


def test_differences_are_listed_with_both_records(reporting: Connection) -> None:
    """Whenever they were noticed; what changes no figure is left out."""
    key = {"trade_id": str(UUID(int=1))}
    slot = {"account_id": str(MAIN), "instrument_code": "A_P", "funding_time": str(MARCH)}
    with facts(reporting, "Asia/Tokyo"):
        put_trade(reporting, 1, MARCH, MARCH + DAY)
        both = {"old_record": '{"n": 1}', "new_record": '{"n": 2}', "happened_at": MARCH}
        put_issue(reporting, "changed", key, **both, noticed_at=APRIL)
        put_issue(reporting, "changed", key, **both, noticed_at=APRIL - MICROSECOND)
        for kind in ("raw_changed", "older"):
            put_issue(reporting, kind, key, **both, noticed_at=APRIL)
        both |= {"stream": "funding_payments"}
        put_issue(reporting, "duplicate_slot", slot, **both, noticed_at=APRIL)
        columns = "kind, noticed_at, first_seen_at, old_record, new_record, after_month, key, month"
        found = read(reporting, columns, "late_facts")
    records = ({"n": 1}, {"n": 2})
    march = MARCH.date()
    assert sorted(found, key=lambda row: row[:2]) == [
        ("changed", APRIL - MICROSECOND, MARCH + DAY, *records, False, key, march),
        ("changed", APRIL, MARCH + DAY, *records, True, key, march),
        # Of a payment that is not stored any more, when this was noticed.
        ("duplicate_slot", APRIL, APRIL, *records, True, slot, march),
    ]


def test_an_issue_of_unknown_time_is_listed_all_the_same(reporting: Connection) -> None:
    with facts(reporting, "UTC"):
        put_issue(reporting, "changed", {"trade_id": str(UUID(int=9))}, noticed_at=APRIL)
        found = read(reporting, "kind, happened_at, month, first_seen_at", "late_facts")
    assert found == [("changed", None, None, APRIL)]


def test_a_month_has_what_was_noticed_since_it_was_reported(reporting: Connection) -> None:
    """The documented way to ask, as the reader."""
    with facts(reporting, "UTC"):
        put_trade(reporting, 1, MARCH, APRIL + timedelta(hours=1))
        put_trade(reporting, 2, MARCH, APRIL + 5 * DAY)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        found = reporting.execute(
            "SELECT key->>'trade_id' FROM reporting.late_facts"
            " WHERE month = '2026-03-01' AND noticed_at >= '2026-04-03 00:00Z'"
        ).fetchall()
    assert found == [(str(UUID(int=2)),)]


def test_a_position_is_late_by_when_it_was_closed(reporting: Connection) -> None:
    """However long ago it was opened; and days are proven by the opening of positions."""
    opened, closed = MARCH - 20 * DAY, MARCH + DAY
    put(
        reporting,
        "onetrading.closed_positions (position_id, account_id, opened_at, closed_at, raw, row_hash,"
        " first_seen_at)",
        [
            ("1", MAIN, opened, closed, "{}", 0, APRIL - MICROSECOND),
            ("2", MAIN, opened, closed, "{}", 0, APRIL),
            ("3", MAIN, None, None, "{}", 0, APRIL),
        ],
    )
    put(
        reporting,
        "onetrading_sync.proven_days (account_id, stream, scope, day, proven_at)",
        [(MAIN, "closed_positions", "", closed.date(), MARCH)],
    )
    put_issue(
        reporting,
        "changed",
        {"position_id": "1"},
        stream="closed_positions",
        happened_at=opened,
        noticed_at=APRIL,
    )
    found = reporting.execute(
        "SELECT kind, key ->> 'position_id', month, happened_at, first_seen_at, proven_at"
        " FROM reporting.late_facts ORDER BY 2"
    ).fetchall()
    assert found == [
        ("changed", "1", MARCH.date(), closed, APRIL - MICROSECOND, None),
        ("late", "2", MARCH.date(), closed, APRIL, None),
    ]
