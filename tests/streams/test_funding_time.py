"""The funding time that a booking belongs to: the four-hour grid, in UTC."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.page import read
from exporter.streams.funding_payments import FUNDING_PAYMENTS

DAY = datetime(2026, 3, 1, tzinfo=UTC)
SLOT_S, LATEST_S = 4 * 3_600, 600
MICROS = 1_000_000


def slot_of(booked_at: datetime) -> datetime:
    """The funding time of a booking, as read from a response of the exchange."""
    payment = {
        "timestamp": booked_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "funding_payment": "1",
    }
    body = json.dumps({"funding_payments": {"BTC_USD_P": [payment]}}).encode()
    (row,) = read(FUNDING_PAYMENTS, body, "a0000000-0000-4000-8000-000000000001").rows
    assert row.booked_at == booked_at
    slot = row.funding_time
    assert isinstance(slot, datetime)
    return slot


@pytest.mark.parametrize(
    ("booked", "slot"),
    [
        ("2026-03-01 00:00:00", "2026-03-01 00:00:00"),
        ("2026-03-01 04:00:00", "2026-03-01 04:00:00"),
        ("2026-03-01 04:00:00.000001", "2026-03-01 04:00:00"),
        ("2026-03-01 12:09:59.999999", "2026-03-01 12:00:00"),
        # Up to ten minutes belong to the slot; a later booking settles at its own minute.
        ("2026-03-01 12:10:00", "2026-03-01 12:00:00"),
        ("2026-03-01 12:10:00.000001", "2026-03-01 12:10:00"),
        ("2026-03-01 03:59:59.999999", "2026-03-01 03:59:00"),
        ("2026-03-01 20:00:00", "2026-03-01 20:00:00"),
        ("2026-03-01 23:59:59.999999", "2026-03-01 23:59:00"),
        ("2026-02-28 23:59:59.999999", "2026-02-28 23:59:00"),
        ("2026-03-02 00:10:00", "2026-03-02 00:00:00"),
    ],
)
def test_the_slot_at_its_edges(booked: str, slot: str) -> None:
    zone = "+00:00"
    assert slot_of(datetime.fromisoformat(booked + zone)) == datetime.fromisoformat(slot + zone)


offsets = st.integers(0, 2 * 24 * 3_600 * MICROS - 1)
edges = st.builds(
    lambda slot, late, micros: (slot * SLOT_S + late) * MICROS + micros,
    st.integers(1, 11),
    st.sampled_from((0, LATEST_S)),
    st.integers(-2, 2),
)


@given(offsets | edges)
def test_a_booking_belongs_to_the_slot_before_it_for_ten_minutes(micros: int) -> None:
    late = micros % (SLOT_S * MICROS)
    minute = 60 * MICROS
    slot = micros - late if late <= LATEST_S * MICROS else micros - micros % minute
    assert slot_of(DAY + timedelta(microseconds=micros)) == DAY + timedelta(microseconds=slot)
