"""The simulated exchange's wire, over real HTTP: each quirk of the API, and paging."""

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
from tests.support.simulator_client import LAST_30_DAYS, NOW, SimulatorClient, trade_ids

FUNDING = "/account/futures/funding-payments"
CLOSED = "/account/futures/positions-history"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator(seed=5, now=NOW, speed=0, history_days=18) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def main(exchange: Simulator) -> Iterator[SimulatorClient]:
    with SimulatorClient(exchange) as client:
        yield client


@given(size=st.integers(9, 100), code=st.sampled_from(["", "BTC_USD_P", "ETH_USDC,XRP_USD_P"]))
@settings(max_examples=8)
def test_pages_of_trades_are_the_truth(
    exchange: Simulator, main: SimulatorClient, size: int, code: str
) -> None:
    served = main.trades(max_page_size=size, instrument_code=code)
    truth = exchange.truth("trades", "main")
    codes = code.split(",") if code else {row["trade"]["instrument_code"] for row in truth}
    assert served == [row for row in truth if row["trade"]["instrument_code"] in codes]


def test_cursor_is_present_only_while_there_are_more_rows(
    exchange: Simulator, main: SimulatorClient
) -> None:
    count = len(exchange.truth("trades", "main"))
    pages = list(main.pages("/account/trades", **LAST_30_DAYS, max_page_size=100))
    assert ["cursor" in page for page in pages] == [True] * (len(pages) - 1) + [False]
    assert sum(len(page["trade_history"]) for page in pages) == count
    newest = [row["trade"]["time_nanos"] for page in pages for row in page["trade_history"]]
    assert newest == sorted(newest, reverse=True)


def test_new_trades_do_not_shift_pages() -> None:
    with (
        Simulator(seed=6, now=NOW, speed=0, history_days=7) as exchange,
        SimulatorClient(exchange) as main,
    ):
        rows = exchange.truth("trades", "main")
        before = trade_ids([row for row in rows if row["trade"]["time"] >= "2026-03-25"])
        query = {"from": "2026-03-25", "to": "2026-03-31T13:00:00Z", "max_page_size": "20"}
        pages = main.pages("/account/trades", **query)
        first = trade_ids(next(pages)["trade_history"])
        exchange.advance(1_700)
        rest = [row for page in pages for row in page["trade_history"]]
        assert first + trade_ids(rest) == before
        assert len(exchange.truth("trades", "main")) > len(rows)


def test_cursor_belongs_to_its_filters(main: SimulatorClient) -> None:
    page = main.json("/account/trades", **LAST_30_DAYS, max_page_size=1)
    other = main.get("/account/trades", max_page_size=1, cursor=page["cursor"])
    assert (other.status_code, other.json()) == (400, {"error": "INVALID_CURSOR"})
    junk = main.get("/account/trades", cursor="@@@")
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
def test_trades_refuses(main: SimulatorClient, params: dict[str, str | int], error: str) -> None:
    response = main.get("/account/trades", **params)
    assert response.status_code == 400
    assert response.json()["error"] == error


@pytest.mark.parametrize(
    "start",
    [
        *("2026-03-30T00:00:00Z", "2026-03-30T00:00:00.000Z", "2026-03-30T00:00:00.000000Z"),
        *("2026-03-30T00:00:00.000000000Z", "2026-03-30", "1774828800", "1774828800000"),
        *("1774828800000000", "1774828800000000000"),
    ],
)
def test_every_spelling_of_a_time_is_the_same_instant(main: SimulatorClient, start: str) -> None:
    expected = main.trades(**{"from": "2026-03-30T00:00:00Z", "to": "2026-03-30T18:00:00Z"})
    assert expected
    assert main.trades(**{"from": start, "to": "2026-03-30T18:00:00Z"}) == expected


def test_windows_default_to_seven_days_from_midnight(
    exchange: Simulator, main: SimulatorClient
) -> None:
    rows = exchange.truth("trades", "main")
    week = [row for row in rows if row["trade"]["time"] >= "2026-03-24T00:00:00"]
    served = [r for page in main.pages("/account/trades") for r in page["trade_history"]]
    assert served == week
    first = rows[-1]["trade"]["time_nanos"]
    assert len(main.json("/account/trades", **{"from": first, "to": first})["trade_history"]) >= 1
    assert main.json("/account/trades", max_page_size=0)["trade_history"] == []


def test_one_trade_by_its_id(exchange: Simulator, main: SimulatorClient) -> None:
    row = exchange.truth("trades", "main")[3]
    assert main.json(f"/account/trade/{row['trade']['trade_id']}") == row
    other = exchange.truth("trades", "hedge")[3]["trade"]["trade_id"]
    assert main.get(f"/account/trade/{other}").status_code == 404
    assert main.get("/account/trade/1").status_code == 400


@given(size=st.integers(2, 10))
@settings(max_examples=4)
def test_pages_of_funding_payments_are_the_truth(
    exchange: Simulator, main: SimulatorClient, size: int
) -> None:
    by_instrument: dict[str, list[Any]] = {}
    for page in main.pages(FUNDING, **LAST_30_DAYS, max_page_size=size):
        assert page["max_page_size"] == size
        assert sum(map(len, page["funding_payments"].values())) <= size
        for code, rows in page["funding_payments"].items():
            by_instrument.setdefault(code, []).extend(
                {"instrument_code": code} | row for row in rows
            )
    served = [row for rows in by_instrument.values() for row in rows]
    truth = exchange.truth("funding_payments", "main")
    assert Counter(map(str, served)) == Counter(map(str, truth))


def test_funding_payments_are_a_map_of_numbers(main: SimulatorClient) -> None:
    page = main.json(FUNDING)
    rows = [row for payments in page["funding_payments"].values() for row in payments]
    assert len(rows) == page["max_page_size"] == 3
    assert all(isinstance(row["funding_payment"], Decimal) for row in rows)
    assert page["cursor"].isdigit()
    assert len(page["cursor"]) == 16
    assert main.get(FUNDING, max_page_size=11).status_code == 400
    assert main.get(FUNDING, **{"from": "2023-12-31", "to": "2024-01-02"}).status_code == 400
    assert main.get(FUNDING, cursor="12").json() == {"error": "INVALID_CURSOR"}


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
        SimulatorClient(exchange) as main,
    ):
        instants = exchange.market.accounts["main"].trades.instants
        while instants[-1] <= exchange.market.instant:  # until an order has fills yet to come
            exchange.advance(5)
        ahead = {"from": "2026-03-31", "to": "2026-04-05"}
        assert main.trades(**ahead) == exchange.truth("trades", "main") != []


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_pages_of_closed_positions_are_the_truth(
    exchange: Simulator, main: SimulatorClient, order: str
) -> None:
    pages = main.pages(CLOSED, **LAST_30_DAYS, limit=7, order=order)
    served = [row for page in pages for row in page["positions"]]
    truth = exchange.truth("closed_positions", "main")
    assert served == (truth if order == "DESC" else truth[::-1])
    position = served[0]["position_id"]
    funding = main.json(f"/account/futures/positions/{position}/funding-payments")
    expected = [
        row for row in exchange.truth("position_funding", "main") if row["position_id"] == position
    ]
    assert funding["funding_payments"] == expected[::-1]


def test_orders_are_open_ones_unless_a_flag_says_otherwise(
    exchange: Simulator, main: SimulatorClient
) -> None:
    rows = exchange.truth("orders", "main")
    still_open = [row for row in rows if row["order"]["status"] == "OPEN"]
    assert main.json("/account/orders")["order_history"] == still_open != []
    query = {"with_cancelled_and_rejected": "true", "max_page_size": "17"}
    pages = main.pages("/account/orders", **LAST_30_DAYS, **query)
    served = [row for page in pages for row in page["order_history"]]
    # At a page's edge, those that share the cursor's instant are lost: see the next test.
    assert all(row in rows for row in served)
    assert len(served) > 0.95 * len(rows)
    assert {row["order"]["status"] for row in rows} == {
        *("OPEN", "FILLED_FULLY", "CANCELLED", "REJECTED")
    }
    for row in rows:
        filled = sum(Decimal(fill["trade"]["amount"]) for fill in row["trades"])
        assert filled == Decimal(row["order"]["filled_amount"])
        assert (filled == Decimal(row["order"]["amount"])) == (
            row["order"]["status"] == "FILLED_FULLY"
        )
    without_trades = main.json("/account/orders", with_just_orders="true")["order_history"]
    assert all("trades" not in row for row in without_trades)


def test_the_cursor_of_orders_is_a_time(exchange: Simulator, main: SimulatorClient) -> None:
    query = {"with_cancelled_and_rejected": "true", "max_page_size": "5", **LAST_30_DAYS}
    first = main.json("/account/orders", **query)
    oldest = first["order_history"][-1]["order"]["time"]
    assert len(first["cursor"]) == 16
    assert first["cursor"].endswith(oldest[20:26])
    second = main.json("/account/orders", **query, cursor=first["cursor"])["order_history"]
    assert second[0]["order"]["time"] < oldest
    exchange.set_faults(cursor_inclusive=True)
    repeated = main.json("/account/orders", **query, cursor=first["cursor"])["order_history"]
    exchange.set_faults()
    assert repeated[0]["order"]["time"] == oldest
    assert main.get("/account/orders", **query, cursor="abc").status_code == 400


def test_an_order_by_its_id_for_thirty_days(exchange: Simulator, main: SimulatorClient) -> None:
    rows = exchange.truth("orders", "main")
    row = next(row for row in rows if row["trades"])
    path = f"/account/orders/{row['order']['order_id']}"
    assert main.json(path) == row
    assert main.json(f"{path}/trades")["trade_history"] == row["trades"]
    other = exchange.truth("orders", "hedge")[0]["order"]["order_id"]
    assert main.get(f"/account/orders/{other}").status_code == 404
    assert main.get("/account/orders/17").status_code == 400


def test_settled_rates(exchange: Simulator, main: SimulatorClient) -> None:
    query = {"instrument_code": "BTC_USD_P"}
    page = main.json("/funding-rate/history", **query)
    rows = page["funding_rates"]
    assert len(rows) == 100
    truth = [
        row for row in exchange.truth("funding_history") if row["instrument_code"] == "BTC_USD_P"
    ]
    assert rows == truth[:100]
    assert rows[0]["timestamp"] == "2026-03-31T12:00:00Z"
    edge = {"from": str(rows[5]["time"]), "to": str(rows[2]["time"])}
    assert main.json("/funding-rate/history", **query, **edge)["funding_rates"] == rows[2:6]
    response = main.get("/funding-rate/history", **query, limit=5000)
    assert response.status_code == 400
    assert response.json() == {
        "error": "INVALID_PAGE_SIZE",
        "error_message": "page_size must be between 1 and 100, got: 5000",
    }
    assert main.get("/funding-rate/history").status_code == 400


def test_a_rate_is_settled_only_once_it_is_booked() -> None:
    noon = NOW.replace(minute=0, second=0) + timedelta(milliseconds=900)
    with (
        Simulator(now=noon, speed=0, history_days=1) as exchange,
        SimulatorClient(exchange) as main,
    ):
        query = {"instrument_code": "BTC_USD_P", "limit": "1"}
        before = main.json("/funding-rate/history", **query)["funding_rates"][0]["timestamp"]
        exchange.advance(0.2)
        after = main.json("/funding-rate/history", **query)["funding_rates"][0]["timestamp"]
        assert (before[11:16], after[11:16]) == ("08:00", "12:00")
