"""The simulated exchange's wire: public data, snapshots, error responses and controls."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import httpx
import pytest

from exporter.simulator import AccountSpec, Simulator, serve
from tests.support.simulator_client import NO_TLS, NOW, SimulatorClient


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    pages = {"/account/extra": b'{"fixed": true}'}
    with Simulator(seed=5, now=NOW, speed=0, history_days=5, pages=pages) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def main(exchange: Simulator) -> Iterator[SimulatorClient]:
    with SimulatorClient(exchange) as client:
        yield client


def test_census_of_instruments(main: SimulatorClient) -> None:
    rows = main.json("/instruments")
    kinds = Counter((row["type"], row["state"]) for row in rows)
    assert kinds == {
        ("DATED_FUTURE", "ACTIVE"): 10,
        ("EQUITY_FUTURE", "ACTIVE"): 2,
        ("EQUITY_FUTURE", "POST_ONLY"): 1,
        ("PERP", "CLOSED"): 4,
        ("SPOT", "ACTIVE"): 3,
        ("SPOT", "CLOSED"): 12,
    }
    dated = main.json("/instruments", type="DATED_FUTURE")
    assert [row["market_offset"] for row in dated] == list(range(10))
    assert {row["contract_expiry_date"] for row in dated} == {"2031-04-20"}


def test_tickers_leave_out_what_is_not_tradable(main: SimulatorClient) -> None:
    rows = {row["instrument_code"]: row for row in main.json("/market-ticker")}
    assert len(rows) == 16
    assert rows["ONEX500_USD_P"]["lowest_ask"] == "0.00"
    assert rows["BTC_USD_P"]["next_funding_payment"] == "2026-03-31T16:00:00.000Z"
    assert "mark_price" not in rows["BTC_USDC"]
    assert main.json("/market-ticker/BTC_USD_P") == rows["BTC_USD_P"]
    response = main.get("/market-ticker/BTC_EUR_P")
    assert response.status_code == 400
    assert response.json() == {"error": "The requested market BTC_EUR_P is not available."}


def test_funding_rates_leave_out_post_only_and_closed(main: SimulatorClient) -> None:
    rows = {row["instrument_code"]: row for row in main.json("/funding-rate")}
    assert len(rows) == 12
    assert "ONEX500_USD_P" not in rows
    minute = int(NOW.replace(second=0).timestamp() * 1_000)
    assert rows["BTC_USD_P"]["time"] == minute
    assert rows["ADA_USD_P"]["time"] == minute + 9_000
    assert len(main.json("/funding-rate/settings")) == 12
    assert len(main.json("/funding-rate", instrument_code="BTC_USD_P,ETH_USD_P")) == 2
    response = main.get("/funding-rate", instrument_code="X")
    assert response.json()["error_message"].startswith("Invalid instrument codes: X. Valid codes: ")


def test_order_books(main: SimulatorClient) -> None:
    book = main.json("/order-book/BTC_USDC", depth=4)
    assert len(book["bids"]) == len(book["asks"]) == 4
    assert book["time"] == int(NOW.timestamp()) * 10**9
    closed = main.get("/order-book/BTC_EUR_P")
    assert closed.status_code == 500
    assert closed.json() == {"error": "Error fetching order book snapshot for BTC_EUR_P"}
    assert main.get("/order-book/BTC_USDC", depth=3).json() == {"error": "INVALID_DEPTH"}


def test_reference_data(main: SimulatorClient) -> None:
    assert main.json("/time") == {"iso": "2026-03-31T12:30:30.000Z", "epoch_millis": 1774960230000}
    assert {"code", "precision", "name"} <= main.json("/currencies")[0].keys()
    fees = main.json("/fees")
    assert [group["fee_group_id"] for group in fees] == ["SPOT", "FUTURES"]
    assert fees[0]["fee_tiers"][1]["volume"] == 10_000
    tiers = main.json("/account/fees")
    assert isinstance(tiers["running_volumes"][0]["volume"], Decimal)


def test_responses_carry_the_simulated_date(main: SimulatorClient) -> None:
    assert main.get("/time").headers["date"] == "Tue, 31 Mar 2026 12:30:30 GMT"


def test_snapshots_agree_with_each_other(exchange: Simulator, main: SimulatorClient) -> None:
    balances = main.json("/account/balances")
    summary = main.json("/account/futures/summary")
    assert balances["account_id"] == summary["account_id"] == exchange.account_ids["main"]
    assert balances["account_equity"] == summary["equity"]
    equity, used = Decimal(summary["equity"]), Decimal(summary["margin_used"])
    assert Decimal(summary["margin_available"]) == equity - used
    ratio = float(summary["account_ratio"])
    assert struct.unpack("f", struct.pack("f", ratio)) == (ratio,)
    assert ratio == pytest.approx(float(equity / used))
    rows = main.json("/account/futures/positions")["positions"]
    assert rows == summary["positions"] != []
    for row in rows:
        notional = Decimal(row["open_volume"]) * Decimal(row["mark_price"])
        assert Decimal(row["open_position"]) == notional
        assert row["direction"] in {"LONG", "SHORT"}


def test_last_settlement_is_the_change_of_the_settled_total() -> None:
    with Simulator(seed=8, now=NOW, speed=0, history_days=3) as exchange:
        before = exchange.truth("settlements", "main")
        exchange.advance(60)
        after = exchange.truth("settlements", "main")
        for row in exchange.truth("positions", "main"):
            code = row["instrument_code"]
            change = Decimal(after[code]) - Decimal(before[code])
            assert Decimal(row["last_settlement"]) == pytest.approx(change, abs=Decimal("1e-20"))


def test_an_account_without_positions_is_flat() -> None:
    with (
        Simulator(now=NOW, speed=0, accounts=[AccountSpec("idle", True, 0)]) as exchange,
        SimulatorClient(exchange, "idle") as idle,
    ):
        assert idle.json("/account/futures/positions") == {"positions": []}
        assert idle.json("/account/futures/summary")["account_ratio"] is None
        assert idle.json("/account/trades")["trade_history"] == []


@pytest.mark.parametrize(
    ("account", "path", "status", "body"),
    [
        ("", "/account/balances", 403, {"message": "Forbidden"}),
        ("", "/account/extra", 403, {"message": "Forbidden"}),
        ("spot", "/account/futures/summary", 403, {"error": "Permission denied."}),
        ("spot", "/account/futures/positions", 403, {"error": "Permission denied."}),
        ("spot", "/account/futures/funding-payments", 403, {"error": "Permission denied."}),
        ("main", "/nope", 404, {"message": "Not Found"}),
        ("main", "/account/extra", 200, {"fixed": True}),
        ("", "/time/", 404, {"message": "Not Found"}),
    ],
)
def test_who_may_read_what(
    exchange: Simulator, account: str, path: str, status: int, body: Any
) -> None:
    with SimulatorClient(exchange, account) as client:
        response = client.get(path)
        assert (response.status_code, response.json()) == (status, body)


def test_a_wrong_token_is_forbidden(exchange: Simulator) -> None:
    headers = {"Authorization": f"Bearer {exchange.tokens['main']}x"}
    response = httpx.get(f"{exchange.base_url}/account/balances", headers=headers, verify=NO_TLS)
    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})
    assert exchange.requests[-1].account == "unknown"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_nothing_but_get(main: SimulatorClient, method: str) -> None:
    assert main.send(method, "/account/balances").status_code == 405


def test_tokens_look_like_jwts_and_never_change() -> None:
    with (
        Simulator(now=NOW, history_days=0.1) as one,
        Simulator(now=NOW, history_days=0.2) as other,
    ):
        assert one.tokens == other.tokens
        assert one.account_ids == other.account_ids
        assert all(token.startswith("eyJ") and len(token) > 100 for token in one.tokens.values())


def test_control_over_http() -> None:
    with Simulator(now=NOW, speed=0, history_days=2) as exchange, SimulatorClient(exchange) as main:
        control = httpx.Client(base_url=exchange.control_url, verify=NO_TLS)
        with control:
            assert control.post("/advance", json={"seconds": 3600}).status_code == 200
            assert control.get("/state").json()["now"] == "2026-03-31T13:30:30.000000000Z"
            truth = control.get("/truth/trades", params={"account": "main"}).json()
            assert truth == exchange.truth("trades", "main")
            control.post("/faults", json={"forbid": ["/account/balances"]})
            assert main.get("/account/balances").status_code == 403
            bad = control.post("/faults", json={"nope": 1})
            assert bad.status_code == 400
            assert "valid: error_rate, budget" in bad.json()["error"]
            assert control.get("/nope").status_code == 404
            assert control.post("/advance", json={"seconds": -1}).status_code == 400
        assert exchange.state["requests"]["main"]["requests"] == 1


def test_overrides() -> None:
    with Simulator(now=NOW, speed=0, history_days=2) as exchange, SimulatorClient(exchange) as main:
        url = f"{exchange.control_url}/positions"
        override = {"account": "main", "account_ratio": "0.9", "positions": []}
        httpx.post(url, json=override, verify=NO_TLS)
        summary = main.json("/account/futures/summary")
        assert (summary["account_ratio"], summary["positions"]) == ("0.9", [])
        exchange.override_position("main")
        assert main.json("/account/futures/summary")["positions"]
        exchange.override_balance("main", "USD", available="1")
        exchange.override_balance("main", "EUR", remove=True)
        exchange.override_balance("main", "DOGE", available="7")
        rows = {r["currency_code"]: r for r in main.json("/account/balances")["balances"]}
        assert (rows["USD"]["available"], rows["DOGE"]["available"]) == ("1", "7")
        assert "EUR" not in rows


def test_time_runs_at_its_speed() -> None:
    seconds = [100.0]
    with Simulator(now=NOW, speed=60, history_days=0, monotonic=lambda: seconds[0]) as exchange:
        seconds[0] += 10
        assert (exchange.now - NOW).total_seconds() == 600
        exchange.advance(5)
        assert (exchange.now - NOW).total_seconds() == 605


def test_serve_until_stopped() -> None:
    stop = Event()
    seen: list[Any] = []

    def ready(simulator: Simulator) -> None:
        seen.append(httpx.get(f"{simulator.base_url}/time", verify=NO_TLS).json())
        stop.set()

    serve(stop, history_days=1, ready=ready)
    now = datetime.fromtimestamp(seen[0]["epoch_millis"] / 1_000, UTC)
    assert abs((now - datetime.now(UTC)).total_seconds()) < 60
    with pytest.raises(ValueError, match="not host:port"):
        serve(stop, listen="nonsense")


def test_stopping_closes_open_connections() -> None:
    exchange = Simulator(now=NOW, speed=0, history_days=0.1)
    with SimulatorClient(exchange) as main:
        main.json("/time")
        exchange.stop()
        with pytest.raises(httpx.TransportError):
            main.json("/time")


def test_numbers_are_exact_on_the_wire(exchange: Simulator, main: SimulatorClient) -> None:
    page = main.get("/account/futures/funding-payments").text
    rows = json.loads(page, parse_float=str)["funding_payments"]
    truth = exchange.truth("funding_payments", "main")
    cash = {str(row["cash_balance"]) for row in truth}
    assert {row["cash_balance"] for payments in rows.values() for row in payments} <= cash


def test_orders_are_listed_by_their_creation() -> None:
    """All of a window, the newest first, whatever the order in which they were placed."""
    query = {"with_cancelled_and_rejected": "true", "from": "2026-03-20", "to": "2026-04-05"}
    accounts = (AccountSpec("main", trades_per_day=150),)
    with (
        Simulator(seed=1, now=NOW, speed=0, history_days=10, accounts=accounts) as one,
        SimulatorClient(one) as client,
    ):
        pages = client.pages("/account/orders", **query)
        listed = [row["order"] for page in pages for row in page["order_history"]]
        placed = [row["order"] for row in one.truth("orders", "main")]
    times, shown = ([order["time"] for order in orders] for orders in (placed, listed))
    assert times != sorted(times), "none was placed out of order"
    assert shown == sorted(shown, reverse=True)
    assert set(shown) == set(times)  # of several of one instant, some are lost at a page's edge
