"""Pages that are read at once, by columns, are read as record by record: the same, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.errors import BadRecord, UnexpectedPayload
from exporter.model.page import read
from exporter.model.stream import Source, Stream
from exporter.streams.position_trades import POSITION_TRADES
from exporter.streams.trades import TRADES, Trade
from tests.support.mutations import NAMES, NASTY, Token, mutated, written

ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
POSITION_OF_SOME = POSITION_TRADES.of("2111199765938682")
STREAMS: Mapping[str, Stream] = {"trade_history": TRADES, "trades": POSITION_OF_SOME}


def digits(most: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=1, max_size=most)


numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "", "-", "+"]),
    digits(30),
    st.sampled_from(["", ".", ".0", ".50", ".000000000000000000000000000001"]) | digits(20),
    st.sampled_from(["", "", "", "e5", "E-7", "e400"]),
)
instants = st.builds(
    "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
    st.sampled_from(["2026", "2026", "1969", "2262", "9999", "26"]),
    *(st.integers(low, high) for low, high in ((1, 13), (1, 31), (0, 24), (0, 60), (0, 60))),
    st.sampled_from(["", ".5", ".515", ".515915", ".515915999", ".9999999999", ",123456789"]),
    st.sampled_from(["Z", "Z", "Z", "", "+02:00", "-14:00", "z"]),
)
texts = st.sampled_from(
    ["", "BTC_EUR", "\u00e4\u20ac\U0001f600", 'a"b\\c\n', "None", "x" * 600, "\x7f"]
)
uuids = (
    st.uuids().map(str)
    | st.uuids().map(lambda one: str(one).upper())
    | st.uuids().map("{}\n".format)
)
kinds: Mapping[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("trade_id", "order_id", "account_id"), uuids),
    **dict.fromkeys(("price", "amount", "fee_amount", "filled_amount", "sequence"), numbers),
    **dict.fromkeys(("time", "time_nanos"), instants | st.integers(0, 2 * 10**18).map(str)),
}
"""How a member may be written otherwise, as a text; others as `texts`."""


@st.composite
def usual(draw: st.DrawFn) -> dict[str, Any]:
    """A record as nearly all are."""
    price = draw(st.decimals("0.01", "99999", places=2))
    amount = draw(st.decimals("0.00000001", "9", places=8))
    nanos = draw(st.integers(0, 10**9 - 1))
    trade = {
        "trade_id": str(draw(st.uuids())),
        "order_id": str(draw(st.uuids())),
        "account_id": ACCOUNT,
        "instrument_code": "BTC_EUR",
        "side": draw(st.sampled_from(["BUY", "SELL"])),
        "price": f"{price:f}",
        "amount": f"{amount:f}",
        "time": f"2026-01-13T15:16:15.{nanos // 10**6:03}Z",
        "time_nanos": f"2026-01-13T15:16:15.{nanos:09}Z",
        "matched_as": "TAKER",
        "order_type": "API",
        "sequence": str(draw(st.integers(0, 10**12))),
    }
    return {"fee": {"fee_amount": f"{price - 5:f}", "fee_currency": "EUR"}, "trade": trade}


def change(draw: st.DrawFn, record: dict[str, Any]) -> None:
    """Write a member in another way, leave it out, or add one."""
    part = record[draw(st.sampled_from(["trade", "trade", "trade", "fee"]))]
    name = draw(st.sampled_from([*part, *part, "x_new", *map(Token, NAMES)]))
    how = draw(st.integers(0, 5))
    if how == 0:
        part.pop(name, None)
    elif how == 1:
        part[name] = Token(draw(st.sampled_from(NASTY)))
    elif how == 2:
        first, again = written(part.get(name)), draw(kinds.get(name, texts))
        part[name] = Token(f'{first},"{name}":{written(again)}')  # a member twice
    elif how == 3:
        part[name] = Token(draw(kinds.get(name, texts).map(str)) if name in kinds else "7")
    else:
        part[name] = draw(kinds.get(name, texts))


@st.composite
def pages(draw: st.DrawFn, name: str) -> bytes:
    records = draw(st.lists(usual(), min_size=3, max_size=6))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        change(draw, draw(st.sampled_from(records)))
    if draw(st.booleans()):  # all of them in the same way
        without = draw(st.sampled_from(["order_id", "account_id", "time_nanos", "sequence"]))
        for record in records:
            record["trade"].pop(without, None)
    page = {"account_id": ACCOUNT, name: records, "cursor": "next"}
    return written(page).encode("utf-8", "surrogatepass")


def outcome(stream: Stream, body: bytes) -> Any:
    """All that is read of a body, or why nothing is; equal only when it is written alike."""
    try:
        page = read(stream, body, ACCOUNT)
    except UnexpectedPayload as error:
        return str(error)
    header = {name: bytes(raw) for name, raw in page.header.items()}
    return repr(page._replace(header={})), header, [type(row) for row in page.rows]


def refuse(_record: Any, _source: Source) -> Any:
    raise BadRecord("read by itself")


def is_read_at_once(stream: Stream, body: bytes) -> bool:
    page = read(replace(stream, row=refuse), body, ACCOUNT)
    return bool(page.rows) and not page.rejects


def body_of(name: str, *records: Any) -> bytes:
    return written({name: list(records)}).encode()


@pytest.mark.parametrize("name", STREAMS)
def test_both_readers_read_the_same(name: str) -> None:
    stream = STREAMS[name]

    @given(body=pages(name))
    @settings(max_examples=60)
    def holds(body: bytes) -> None:
        assert outcome(stream, body) == outcome(replace(stream, columns=None), body)

    holds()


@given(seed=st.integers(0, 2**32), records=st.lists(usual(), min_size=4, max_size=5))
@settings(max_examples=40)
def test_both_readers_read_the_same_of_mutated_pages(seed: int, records: list[Any]) -> None:
    chance = random.Random(seed)  # noqa: S311  not for secrets
    body = mutated(body_of("trade_history", *records), chance)
    assert outcome(TRADES, body) == outcome(replace(TRADES, columns=None), body)


@given(records=st.lists(usual(), min_size=4, max_size=6))
@settings(max_examples=20)
@pytest.mark.parametrize("name", STREAMS)
def test_a_usual_page_is_read_at_once(name: str, records: list[Any]) -> None:
    assert is_read_at_once(STREAMS[name], body_of(name, *records))


USUAL = {
    "trade_id": "8a1f6c0e-5d3b-4c7a-9e21-0b7d5e4f3a21",
    "instrument_code": "BTC_EUR",
    "side": "BUY",
    "price": "68350.0",
    "amount": "0.0002",
    "time": "2026-01-13T15:16:15.515Z",
}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("price", Token("68350.0")),
        ("price", "6.835e4"),
        ("price", "0.00"),
        ("price", "068350"),
        ("price", "1\n2"),
        ("time", "2026-02-30T15:16:15.515Z"),
        ("time", "2026-01-13T15:16:15.515+01:00"),
        ("time", Token("1768317375515")),
        ("trade_id", USUAL["trade_id"].upper()),
        ("sequence", "9" * 19),
        ("order_id", ""),
        ("matched_as", ""),
        ("x_new", "1"),
        ("order_type", "x" * 2_000),
    ],
)
def test_a_record_that_is_written_otherwise_is_read_by_itself(member: str, value: str) -> None:
    three, odd = [{"trade": USUAL}] * 3, {"trade": USUAL | {member: value}}
    assert is_read_at_once(TRADES, body_of("trade_history", *three, {"trade": USUAL}))
    assert not is_read_at_once(TRADES, body_of("trade_history", *three, odd))


def test_no_digit_is_lost() -> None:
    price, amount = "123456789012345678901234567890.123456789", "0.000000000000000000000000000001"
    fill = USUAL | {
        "price": price,
        "amount": amount,
        "time_nanos": "2025-12-31T23:59:59.999999999Z",
    }
    body = body_of("trade_history", *[{"trade": fill, "fee": {"fee_amount": "-0.10"}}] * 4)
    assert is_read_at_once(TRADES, body)
    row, *_ = read(TRADES, body, ACCOUNT).rows
    assert isinstance(row, Trade)
    assert str(row.price) == price
    assert str(row.fee_amount) == "-0.10"
    assert row.quote_amount == Decimal("0.123456789012345678901234567890123456789")
    assert row.traded_at.isoformat() == "2025-12-31T23:59:59.999999+00:00"
    assert row.traded_at_nanos == 1_767_225_599_999_999_999
