"""Funding payments and their months, against the same sums in exact fractions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.reporting import (
    NAMES,
    Connection,
    account_ids,
    examples,
    facts,
    in_order,
    money,
    put,
    read,
    time_zones,
)
from tests.support.reporting_instruments import (
    Version,
    codes,
    exactly,
    pair_at,
    put_versions,
    versions,
)


class Payment(NamedTuple):
    """A booking ``late`` seconds after its funding time, ``slot`` minutes around New Year."""

    account_id: UUID
    code: str
    slot: int
    late: int
    amount: Decimal


payments = st.builds(Payment, account_ids, codes, st.integers(-60, 60), st.integers(0, 59), money)
rates = st.dictionaries(st.tuples(codes, st.integers(-60, 60)), money)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


@examples
@given(
    rows=st.lists(payments, max_size=20, unique_by=lambda p: (p[0], p[1], p.slot)),
    settled=rates,
    known=versions,
    time_zone=time_zones,
)
def test_funding_and_its_months(
    reporting: Connection,
    rows: list[Payment],
    settled: dict[tuple[str, int], Decimal],
    known: list[Version],
    time_zone: str,
) -> None:
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    with facts(reporting, time_zone):
        put_versions(reporting, known)
        put(
            reporting,
            "onetrading.funding_payments (account_id, instrument_code, funding_time, booked_at,"
            " amount, raw, row_hash)",
            [
                (p.account_id, p.code, at, at + timedelta(seconds=p.late), p.amount, "{}", 0)
                for p in rows
                for at in [new_year + timedelta(minutes=p.slot)]
            ],
        )
        put(
            reporting,
            "onetrading.funding_rates (instrument_code, funding_time, funding_rate, raw, row_hash)",
            [
                (code, new_year + timedelta(minutes=slot), rate, "{}", 0)
                for (code, slot), rate in settled.items()
            ],
        )
        columns = "account_id, instrument_code, booked_at AT TIME ZONE 'UTC', quote_code"
        money_columns = "amount, paid, received, funding_rate"
        listed = read(reporting, f"{columns}, {money_columns}", "funding_payments")
        months = read(reporting, "*", "monthly_funding")
    expected = []
    by_month: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)
    for p in rows:
        at = new_year + timedelta(minutes=p.slot)
        quote = pair_at(known, p.code, at)[1]
        booked = (at + timedelta(seconds=p.late)).replace(tzinfo=None)
        gross = (max(-Fraction(p.amount), 0), max(Fraction(p.amount), 0))
        rate = settled.get((p.code, p.slot))
        expected.append((p.account_id, p.code, booked, quote, p.amount, *gross, rate))
        month = date(2025, 12, 1) if p.slot < 0 else date(2026, 1, 1)
        by_month[NAMES[p.account_id], p.account_id, month, p.code, quote].append(p.amount)
    assert listed == in_order(expected)
    assert months == in_order(
        (*key, len(group), paid, received, received - paid)
        for key, group in by_month.items()
        for paid, received in [
            (-exactly(a for a in group if a < 0), exactly(a for a in group if a > 0))
        ]
    )
