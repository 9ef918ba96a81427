"""The simulated exchange's wire, over real HTTP: each quirk of the contract, and paging."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator import AccountSpec, Simulator
from exporter.simulator.endpoints.paging import MicrosCursor, ResumePoint
from tests.support.simulator_client import LAST_30_DAYS, NOW, Reader, trade_ids

FUNDING = "/account/futures/funding-payments"
CLOSED = "/account/futures/positions-history"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator(seed=5, now=NOW, speed=0, history_days=18) as found:
        yield found


@pytest.fixture(scope="module")
def main(exchange: Simulator) -> Iterator[Reader]:
    with Reader(exchange) as reader:
        yield reader


@given(size=st.integers(9, 100), code=st.sampled_from(["", "BTC_USD_P", "ETH_USDC,XRP_USD_P"]))
@settings(max_examples=8)
def test_a_walk_of_trades_is_the_truth(
    exchange: Simulator, main: Reader, size: int, code: str
) -> None:
    walked = main.trades(max_page_size=size, instrument_code=code)
    truth = exchange.truth("trades", "main")
    asked = code.split(",") if code else {row["trade"]["instrument_code"] for row in truth}
    assert walked == [row for row in truth if row["trade"]["instrument_code"] in asked]


def test_cursor_is_present_only_while_there_is_more(exchange: Simulator, main: Reader) -> None:
    count = len(exchange.truth("trades", "main"))
    pages = list(main.pages("/account/trades", **LAST_30_DAYS, max_page_size=100))
    assert ["cursor" in page for page in pages] == [True] * (len(pages) - 1) + [False]
    assert sum(len(page["trade_history"]) for page in pages) == count
    newest = [row["trade"]["time_nanos"] for page in pages for row in page["trade_history"]]
    assert newest == sorted(newest, reverse=True)


def test_new_trades_do_not_move_a_walk() -> None:
    with Simulator(seed=6, now=NOW, speed=0, history_days=7) as exchange, Reader(exchange) as main:
        rows = exchange.truth("trades", "main")
        before = trade_ids([row for row in rows if row["trade"]["time"] >= "2026-03-25"])
        asked = {"from": "2026-03-25", "to": "2026-03-31T13:00:00Z", "max_page_size": "20"}
        walk = main.pages("/account/trades", **asked)
        first = trade_ids(next(walk)["trade_history"])
        exchange.advance(1_700)
        rest = [row for page in walk for row in page["trade_history"]]
        assert first + trade_ids(rest) == before
        assert len(exchange.truth("trades", "main")) > len(rows)


def test_cursor_belongs_to_its_filters(main: Reader) -> None:
    page = main.json("/account/trades", **LAST_30_DAYS, max_page_size=1)
    other = main.ask("/account/trades", max_page_size=1, cursor=page["cursor"])
    assert (other.status_code, other.json()) == (400, {"error": "INVALID_CURSOR"})
    junk = main.ask("/account/trades", cursor="@@@")
    assert (junk.status_code, junk.json()) == (400, {"error": "INVALID_CURSOR"})


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"max_page_size": 101}, "INVALID_LIMIT"),
        ({"max_page_size": -1}, "INVALID_LIMIT"),
        ({"from": "2026-04-01"}, "INVALID_TIME_RANGE"),
        ({"from": "2026-03-30", "to": "2026-03-29"}, "INVALID_TIME_RANGE"),
        ({"from": "2026-02-27", "to": "2026-03-30"}, "ACCOUNT_HISTORY_TIME_RANGE_TOO_BIG"),
        ({"from": "yesterday"}, "INVALID_TIME"),
        ({"from": "2026-02-30"}, "INVALID_TIME"),
        ({"instrument_code": "NOPE"}, "INVALID_INSTRUMENT_CODE"),
    ],
)
def test_trades_refuses(main: Reader, params: dict[str, str | int], error: str) -> None:
    answer = main.ask("/account/trades", **params)
    assert answer.status_code == 400
    assert answer.json()["error"] == error


@pytest.mark.parametrize(
    "start",
    [
        *("2026-03-30T00:00:00Z", "2026-03-30T00:00:00.000Z", "2026-03-30T00:00:00.000000Z"),
        *("2026-03-30T00:00:00.000000000Z", "2026-03-30", "1774828800", "1774828800000"),
        *("1774828800000000", "1774828800000000000"),
    ],
)
def test_every_spelling_of_a_time_is_the_same_instant(main: Reader, start: str) -> None:
    expected = main.trades(**{"from": "2026-03-30T00:00:00Z", "to": "2026-03-30T18:00:00Z"})
    assert expected
    assert main.trades(**{"from": start, "to": "2026-03-30T18:00:00Z"}) == expected


def test_windows_default_to_seven_days_from_midnight(exchange: Simulator, main: Reader) -> None:
    rows = exchange.truth("trades", "main")
    week = [row for row in rows if row["trade"]["time"] >= "2026-03-24T00:00:00"]
    walked = [r for page in main.pages("/account/trades") for r in page["trade_history"]]
    assert walked == week
    first = rows[-1]["trade"]["time_nanos"]
    assert len(main.json("/account/trades", **{"from": first, "to": first})["trade_history"]) >= 1
    assert main.json("/account/trades", max_page_size=0)["trade_history"] == []


def test_one_trade_by_its_id(exchange: Simulator, main: Reader) -> None:
    row = exchange.truth("trades", "main")[3]
    assert main.json(f"/account/trade/{row['trade']['trade_id']}") == row
    other = exchange.truth("trades", "hedge")[3]["trade"]["trade_id"]
    assert main.ask(f"/account/trade/{other}").status_code == 404
    assert main.ask("/account/trade/1").status_code == 400


@given(size=st.integers(2, 10))
@settings(max_examples=4)
def test_a_walk_of_funding_payments_is_the_truth(
    exchange: Simulator, main: Reader, size: int
) -> None:
    found: dict[str, list[Any]] = {}
    for page in main.pages(FUNDING, **LAST_30_DAYS, max_page_size=size):
        assert page["max_page_size"] == size
        assert sum(map(len, page["funding_payments"].values())) <= size
        for code, rows in page["funding_payments"].items():
            found.setdefault(code, []).extend({"instrument_code": code} | row for row in rows)
    walked = [row for rows in found.values() for row in rows]
    truth = exchange.truth("funding_payments", "main")
    assert Counter(map(str, walked)) == Counter(map(str, truth))


def test_funding_payments_are_a_map_of_numbers(main: Reader) -> None:
    page = main.json(FUNDING)
    rows = [row for found in page["funding_payments"].values() for row in found]
    assert len(rows) == page["max_page_size"] == 3
    assert all(isinstance(row["funding_payment"], Decimal) for row in rows)
    assert page["cursor"].isdigit()
    assert len(page["cursor"]) == 16
    assert main.ask(FUNDING, max_page_size=11).status_code == 400
    assert main.ask(FUNDING, **{"from": "2023-12-31", "to": "2024-01-02"}).status_code == 400
    assert main.ask(FUNDING, cursor="12").json() == {"error": "INVALID_CURSOR"}


@given(st.lists(st.integers(0, 5_000_000), min_size=1, max_size=20), st.booleans(), st.data())
def test_a_microsecond_cursor_tells_rows_of_one_instant_apart(
    offsets: list[int], after_empty: bool, data: st.DataObject
) -> None:
    instants = sorted(1_774_828_800_000_000_000 + offset for offset in offsets)
    resume = ResumePoint(data.draw(st.integers(0, len(instants))), after_empty)
    cursor = MicrosCursor(instants)
    assert cursor.read(cursor.write(resume)) == resume
    assert len(cursor.write(resume)) == 16


def test_nothing_of_the_future_is_served() -> None:
    busy = [AccountSpec("main", trades_per_day=8_000)]
    with (
        Simulator(seed=2, now=NOW, speed=0, history_days=0.1, accounts=busy) as exchange,
        Reader(exchange) as main,
    ):
        instants = exchange.market.accounts["main"].trades.instants
        while instants[-1] <= exchange.market.instant:  # until an order has fills yet to come
            exchange.advance(5)
        ahead = {"from": "2026-03-31", "to": "2026-04-05"}
        assert main.trades(**ahead) == exchange.truth("trades", "main") != []


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_a_walk_of_closed_positions_is_the_truth(
    exchange: Simulator, main: Reader, order: str
) -> None:
    pages = main.pages(CLOSED, **LAST_30_DAYS, limit=7, order=order)
    walked = [row for page in pages for row in page["positions"]]
    truth = exchange.truth("closed_positions", "main")
    assert walked == (truth if order == "DESC" else truth[::-1])
    position = walked[0]["position_id"]
    funding = main.json(f"/account/futures/positions/{position}/funding-payments")
    expected = [
        row for row in exchange.truth("position_funding", "main") if row["position_id"] == position
    ]
    assert funding["funding_payments"] == expected[::-1]


def test_orders_are_open_ones_unless_asked_otherwise(exchange: Simulator, main: Reader) -> None:
    rows = exchange.truth("orders", "main")
    still_open = [row for row in rows if row["order"]["status"] == "OPEN"]
    assert main.json("/account/orders")["order_history"] == still_open != []
    asked = {"with_cancelled_and_rejected": "true", "max_page_size": "17"}
    pages = main.pages("/account/orders", **LAST_30_DAYS, **asked)
    walked = [row for page in pages for row in page["order_history"]]
    assert walked == rows
    assert {row["order"]["status"] for row in walked} == {"OPEN", "FILLED_FULLY", "CANCELLED"}
    lean = main.json("/account/orders", with_just_orders="true")["order_history"]
    assert all("trades" not in row for row in lean)


def test_settled_rates(exchange: Simulator, main: Reader) -> None:
    asked = {"instrument_code": "BTC_USD_P"}
    page = main.json("/funding-rate/history", **asked)
    rows = page["funding_rates"]
    assert len(rows) == 100
    truth = [
        row for row in exchange.truth("funding_history") if row["instrument_code"] == "BTC_USD_P"
    ]
    assert rows == truth[:100]
    assert rows[0]["timestamp"] == "2026-03-31T12:00:00Z"
    edge = {"from": str(rows[5]["time"]), "to": str(rows[2]["time"])}
    assert main.json("/funding-rate/history", **asked, **edge)["funding_rates"] == rows[2:6]
    answer = main.ask("/funding-rate/history", **asked, limit=5000)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "INVALID_PAGE_SIZE",
        "error_message": "page_size must be between 1 and 100, got: 5000",
    }
    assert main.ask("/funding-rate/history").status_code == 400


def test_a_rate_is_settled_only_once_it_is_booked() -> None:
    noon = NOW.replace(minute=0, second=0) + timedelta(milliseconds=900)
    with Simulator(now=noon, speed=0, history_days=1) as exchange, Reader(exchange) as main:
        asked = {"instrument_code": "BTC_USD_P", "limit": "1"}
        before = main.json("/funding-rate/history", **asked)["funding_rates"][0]["timestamp"]
        exchange.advance(0.2)
        after = main.json("/funding-rate/history", **asked)["funding_rates"][0]["timestamp"]
        assert (before[11:16], after[11:16]) == ("08:00", "12:00")
