"""A field that may hold anything: whatever that is, it is as sent, without a float."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import BadRecord, EmptyPayload
from exporter.model.fields import decode_exactly
from exporter.model.page import read
from exporter.streams.orders import ORDERS
from exporter.streams.positions import POSITIONS

DETAILS = {
    "order_id": "0f0f0f0f-0000-4000-8000-000000000001",
    "instrument_code": "BTC_EUR",
    "side": "BUY",
    "amount": "0.25",
    "status": "FILLED_FULLY",
    "time": "2026-03-01T10:00:00.000Z",
}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text("ab1.", min_size=1, max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


def floats_in(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(floats_in, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


@given(ANYTHING, st.booleans())
def test_both_ways_of_reading_agree(trades: Any, tolerantly: bool) -> None:
    """An unknown field makes the record be read in the tolerant way."""
    order = DETAILS | ({"new": 1} if tolerantly else {})
    body = json.dumps({"order": order, "trades": trades}).encode()
    record, unknown = ORDERS.decoder.decode(body)
    assert unknown == (("order.new",) if tolerantly else ())
    assert record.trades == decode_exactly(body)["trades"]
    assert not floats_in(record.trades)
    assert msgspec.structs.asdict(record.order)["amount"] == "0.25"


@pytest.mark.parametrize("odd", ["1e400000", "[" * 200 + "]" * 200, '{"a":1e400000}'])
def test_what_postgres_cannot_hold_is_refused(odd: str) -> None:
    body = b'{"order":%s,"trades":%s}' % (json.dumps(DETAILS).encode(), odd.encode())
    with pytest.raises(BadRecord):
        ORDERS.decoder.decode(body)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"positions":null}'])
def test_a_response_is_quoted_as_text(body: bytes) -> None:
    with pytest.raises(EmptyPayload) as caught:
        read(POSITIONS, body, "5f2b7c8d-9e0a-4b1c-8d2e-3f4a5b6c7d8e")
    assert str(caught.value) == f"{POSITIONS.path}: nothing in the response: {body.decode()}"
