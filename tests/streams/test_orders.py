"""Which of two states of an order counts, and what is told of it: laws on random states."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.model.page import read
from exporter.store.records import candidates
from exporter.streams.orders import (
    CLOSED_STATUSES,
    OPEN,
    OPEN_STATUSES,
    ORDERS,
    UNFILLED,
    Order,
    contradiction,
    newer,
    trades_of,
)

ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
CREATED = datetime(2026, 3, 1, tzinfo=UTC)


def record(number: int = 1, **more: Any) -> dict[str, Any]:
    """An order as sent."""
    order = {
        "order_id": f"33333333-0000-4000-8000-{number:012d}",
        "account_id": ACCOUNT,
        "instrument_code": "BTC_USD_P",
        "side": "BUY",
        "amount": "10",
        "price": "64000",
        "status": "BOOKED",
        "time": "2026-03-01T00:00:00Z",
    }
    return {"order": order | more, "trades": []}


def orders(*records: dict[str, Any]) -> list[Order]:
    """The rows of some records."""
    page = read(ORDERS, json.dumps({"order_history": records}).encode(), ACCOUNT)
    assert page.rejects == []
    return page.rows


def life(steps: list[int], versions: str) -> list[dict[str, Any]]:
    """The states of one order, oldest first: it is filled by steps, then closed."""
    states, filled = [], 0
    for step in [0, *steps]:
        filled = min(filled + step, 10)
        states.append({"filled_amount": str(filled), "status": "BOOKED"})
        if filled == 10:
            break
    states.append({"filled_amount": str(filled), "status": "CANCELLED"})
    for number, state in enumerate(states):
        at = CREATED + timedelta(seconds=number)
        if versions in ("sequence", "both"):
            state["sequence"] = str(100 + number)
        if versions in ("updated", "both"):
            state["time_last_updated"] = at.isoformat()
    return states


lives = st.builds(
    life,
    st.lists(st.integers(1, 6), max_size=5),
    st.sampled_from(["sequence", "updated", "both", "none"]),
)


@given(lives, st.data())
def test_the_newest_state_counts_in_any_order(
    states: list[dict[str, Any]], data: st.DataObject
) -> None:
    """By the sequence, by the update time, or by what was filled."""
    drawn = data.draw(st.lists(st.sampled_from(range(len(states))), min_size=1, max_size=8))
    rows = orders(*(record(**states[number]) for number in drawn))
    found = candidates(ORDERS.table, rows)
    [(_, kept)] = found.last.items()
    newest = states[max(drawn)]
    assert (kept.status, kept.filled_amount) == (
        newest["status"],
        Decimal(newest["filled_amount"]),
    )
    assert found.twins == {}


@given(lives)
def test_a_life_has_no_contradiction_and_backwards_nothing_else(
    states: list[dict[str, Any]],
) -> None:
    rows = orders(*(record(**state) for state in states))
    for number, older in enumerate(rows):
        for later in rows[number + 1 :]:
            assert newer(later, older)
            assert not newer(older, later)
            assert contradiction(older, later) == ""
            same = older.filled_amount == later.filled_amount
            reopened = "order_reopened" if later.is_open is False else ""
            assert contradiction(later, older) == (reopened if same else "order_shrank")


def test_the_sequence_tells_before_the_time() -> None:
    one, other = orders(
        record(sequence="2", time_last_updated="2026-03-01T00:00:01Z"),
        record(sequence="1", time_last_updated="2026-03-01T00:00:02Z"),
    )
    assert newer(one, other)
    assert not newer(other, one)


def test_an_order_is_open_by_its_status() -> None:
    for status in OPEN_STATUSES | CLOSED_STATUSES:
        (row,) = orders(record(status=status, filled_amount="10"))
        assert row.is_open is (status in OPEN_STATUSES)
    for filled, is_open in (("9", True), ("10", False)):
        (row,) = orders(record(status="SOMETHING_NEW", filled_amount=filled))
        assert row.is_open is is_open


def test_a_market_order_has_no_price_and_what_was_not_sent_is_not_known() -> None:
    for price in ({"price": "0"}, {"price": ""}, {"price": None}):
        (row,) = orders(record(**price))
        assert row.price is None
        assert row.filled_amount == 0
        assert (row.average_price, row.sequence, row.updated_at, row.order_type) == (None,) * 4


def test_gauges_count_what_is_open_and_sum_what_is_left() -> None:
    rows = orders(
        record(1, filled_amount="2.5"),
        record(2),
        record(3, side="SELL"),
        record(4, status="CANCELLED"),
    )
    shown = {(s.metric, s.labels): s.value for s in ORDERS.open_samples(rows)}
    assert shown[OPEN, ("BTC_USD_P", "BUY")] == 2
    assert shown[UNFILLED, ("BTC_USD_P", "BUY")] == Decimal("17.5")
    assert shown[OPEN, ("BTC_USD_P", "SELL")] == 1


def test_bad_trades_inside_make_no_bad_order() -> None:
    for trades, n in ((None, 0), ([], 0), ([{"a": 1}, 5], 2)):
        (row,) = orders(record() | {"trades": trades})
        assert len(trades_of(row.raw)) == n
        assert row.trades_checked is (n == 0)
    (row,) = orders({"order": record()["order"]})
    assert trades_of(row.raw) == []
