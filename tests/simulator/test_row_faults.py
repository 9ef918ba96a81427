"""Faults of the simulated exchange that affect rows and pages, over real HTTP."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from benchmarks.bulk import bulk_account
from exporter.simulator import AccountSpec, Faults, Simulator
from tests.support.simulator_client import NOW, WEEK, SimulatorClient, trade_ids, trades_of_week


def test_expired_cursors(exchange: Simulator, main: SimulatorClient) -> None:
    query = {**WEEK, "max_page_size": "5"}
    cursor = main.json("/account/trades", **query)["cursor"]
    exchange.set_faults(cursor_expiry_rate=1)
    response = main.get("/account/trades", **query, cursor=cursor)
    assert (response.status_code, response.json()) == (400, {"error": "INVALID_CURSOR"})
    assert main.get("/account/trades", **query).status_code == 200


def test_late_rows_appear_when_their_time_comes() -> None:
    busy = [AccountSpec("main", trades_per_day=400)]
    with (
        Simulator(now=NOW, speed=0, history_days=1, accounts=busy) as exchange,
        SimulatorClient(exchange) as main,
    ):
        exchange.set_faults(late_rate=0.4, late_seconds=7_200)
        window = {"from": "2026-03-31T06:00:00Z", "to": "2026-03-31T12:30:30Z"}
        truth = [row["trade"] for row in exchange.truth("trades", "main")]
        everything = {row["trade_id"] for row in truth if row["time"] >= "2026-03-31T06"}
        old = {r["trade_id"] for r in truth if "2026-03-31T06" <= r["time"] < "2026-03-31T10:30:30"}
        recent = everything - old
        shown = set(trade_ids(main.trades(**window)))
        assert old <= shown
        assert 0 < len(recent & shown) < len(recent)
        exchange.advance(7_200)
        assert set(trade_ids(main.trades(**window))) == everything


@pytest.mark.parametrize("stream", ["trades", "funding", "history"])
def test_hidden_rows_come_back(exchange: Simulator, main: SimulatorClient, stream: str) -> None:
    def count() -> int:
        if stream == "trades":
            return len(trades_of_week(main))
        if stream == "history":
            page = main.json("/funding-rate/history", instrument_code="BTC_USD_P")
            return len(page["funding_rates"])
        pages = main.pages("/account/futures/funding-payments", **WEEK, max_page_size=10)
        return sum(len(rows) for page in pages for rows in page["funding_payments"].values())

    unaltered = count()
    exchange.set_faults(hidden_rate=0.5, page_size_cap=50)
    first, second = count(), count()
    assert first == second < unaltered
    exchange.restore()
    assert exchange.faults == Faults(page_size_cap=50)
    exchange.set_faults()
    assert count() == unaltered


def test_pages_that_repeat_rows(exchange: Simulator, main: SimulatorClient) -> None:
    unaltered = trade_ids(trades_of_week(main))
    exchange.set_faults(duplicate_rate=1)
    pages = list(main.pages("/account/trades", **WEEK, max_page_size=10))
    repeated = trade_ids([row for page in pages for row in page["trade_history"]])
    assert max(len(page["trade_history"]) for page in pages) == 10
    assert len(repeated) > len(unaltered)
    assert list(dict.fromkeys(repeated)) == unaltered


def test_changedtrades_of_week(exchange: Simulator, main: SimulatorClient) -> None:
    unaltered = trades_of_week(main)
    exchange.set_faults(changed_rate=0.3)
    changed = trades_of_week(main)
    assert trade_ids(changed) == trade_ids(unaltered)
    different = [n for n, row in enumerate(changed) if row != unaltered[n]]
    assert 0.1 < len(different) / len(unaltered) < 0.5
    assert trades_of_week(main) == changed
    assert all(
        Decimal(changed[n]["trade"]["price"])
        == Decimal(unaltered[n]["trade"]["price"]) * Decimal("1.01")
        for n in different
    )
    exchange.restore()
    assert trades_of_week(main) == unaltered


def test_unknown_fields(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(unknown_fields=True)
    page = main.json("/account/trades", **WEEK)
    row = page["trade_history"][0]
    assert all("x_new_field" in record for record in (page, row, row["fee"], row["trade"]))
    for path in ("/instruments", "/currencies", "/market-ticker", "/funding-rate", "/fees"):
        assert all("x_new_object" in record for record in main.json(path))
    assert "x_new_field" in main.json("/account/balances")["balances"][0]
    assert "x_new_field" in main.json("/account/futures/positions")["positions"][0]


def test_unknown_enums(exchange: Simulator, main: SimulatorClient) -> None:
    exchange.set_faults(unknown_enums=0.5)
    kinds = Counter(row["trade"]["order_type"] for row in trades_of_week(main))
    assert kinds.keys() == {"API", "SOMETHING_NEW"}
    assert "SOMETHING_NEW" in {row["state"] for row in main.json("/instruments")}


def test_bad_records(exchange: Simulator, main: SimulatorClient) -> None:
    unaltered = trade_ids(trades_of_week(main))
    exchange.set_faults(bad_record_rate=0.3)
    rows = [row["trade"] for row in trades_of_week(main)]
    assert len(rows) == len(unaltered)
    priced = [row for row in rows if row["price"] == "abc"]
    nameless = [row for row in rows if "trade_id" not in row]
    assert priced
    assert nameless
    assert 0.15 < (len(priced) + len(nameless)) / len(rows) < 0.45


def test_equal_instants_in_any_order() -> None:
    bulk = [bulk_account(1_000, NOW)]
    with (
        Simulator(now=NOW, speed=0, history_days=0, accounts=bulk) as exchange,
        SimulatorClient(exchange) as main,
    ):
        window = {"from": "2026-03-30", "to": "2026-03-31"}
        plain = main.json("/account/trades", **window)["trade_history"]
        exchange.set_faults(shuffle_equal_instants=True)
        orders = {
            tuple(trade_ids(main.json("/account/trades", **window)["trade_history"]))
            for _ in range(20)
        }
        assert len(orders) > 1
        for order in orders:
            assert sorted(order) == sorted(trade_ids(plain))
        shuffled = main.json("/account/trades", **window)["trade_history"]
        instants = [row["trade"]["time_nanos"] for row in shuffled]
        assert instants == sorted(instants, reverse=True)


def test_short_pages_keep_their_cursor(exchange: Simulator, main: SimulatorClient) -> None:
    unaltered = trade_ids(trades_of_week(main))
    exchange.set_faults(page_size_cap=7)
    pages = list(main.pages("/account/trades", **WEEK, max_page_size=100))
    assert {len(page["trade_history"]) for page in pages[:-1]} == {7}
    assert trade_ids([row for page in pages for row in page["trade_history"]]) == unaltered


@pytest.mark.parametrize(
    ("path", "rows"),
    [("/account/trades", "trade_history"), ("/account/futures/funding-payments", "")],
)
def test_empty_pages_have_a_cursor(
    exchange: Simulator, main: SimulatorClient, path: str, rows: str
) -> None:
    def page_sizes() -> list[int]:
        pages = main.pages(path, **WEEK, max_page_size=8)
        if rows:
            return [len(page[rows]) for page in pages]
        return [sum(map(len, page["funding_payments"].values())) for page in pages]

    unaltered = page_sizes()
    exchange.set_faults(empty_pages=1)
    with_gaps = page_sizes()
    assert with_gaps[0] == unaltered[0]
    assert with_gaps[1::2] == [0] * (len(unaltered) - 1)
    assert with_gaps[0::2] == unaltered


def test_odd_records(exchange: Simulator, main: SimulatorClient) -> None:
    number = len(trades_of_week(main))
    exchange.set_faults(odd_record_rate=0.4)
    rows = [row["trade"] for row in trades_of_week(main)]
    noted = [row for row in rows if row.get("x_note") == "a\0b"]
    numbered = [row for row in rows if "x_number" in row]
    priced = [row for row in rows if "\0" in row["price"]]
    assert len(rows) == number
    assert min(map(len, (noted, numbered, priced))) > 0
    assert 0.2 < (len(noted) + len(numbered) + len(priced)) / number < 0.6
