"""The trades and the funding of a closed position, from Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exporter import open_account
from exporter.model.errors import BadRequest, NotPermitted, UnexpectedPayload
from exporter.notebook import AccountReader
from exporter.simulator import Simulator
from tests.support.loopback import reply, serving

SINCE = datetime.now(UTC) - timedelta(days=3)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator(history_days=4) as simulator:
        yield simulator


def opened(exchange: Simulator, name: str = "main") -> AccountReader:
    return open_account(
        token=exchange.tokens[name],
        base_url=exchange.base_url,
        requests_per_minute=1_000_000,
        patience_s=20.0,
    )


def of(records: list[dict[str, Any]], position_id: str) -> list[dict[str, Any]]:
    return [record for record in records if record["position_id"] == position_id]


def test_details_are_those_of_the_exchange(exchange: Simulator) -> None:
    """Each position is closed, so that neither side changes any more."""
    with opened(exchange) as account:
        closed = account.closed_positions(SINCE, datetime.now(UTC) - timedelta(minutes=10)).all()
        assert len(closed) > 2
        for position in closed[:5]:
            trades = account.position_trades(position.position_id)
            sent = of(exchange.truth("position_trades", "main"), position.position_id)
            assert {trade.trade_id for trade in trades} == {r["trade"]["trade_id"] for r in sent}
            assert len(trades) == len(sent) > 0
            assert {trade.position_id for trade in trades} == {position.position_id}
            assert sum(trade.amount for trade in trades) == sum(
                Decimal(record["trade"]["amount"]) for record in sent
            )
            assert not trades.rejects
            funding = account.position_funding(position.position_id)
            paid = of(exchange.truth("position_funding", "main"), position.position_id)
            assert sorted(row.amount for row in funding) == sorted(
                Decimal(record["funding_payment"]) for record in paid
            )
            assert all(position.opened_at <= row.booked_at for row in funding if position.opened_at)


def test_what_is_no_position_of_the_account(exchange: Simulator) -> None:
    with opened(exchange) as account:
        for wrong in ("", "..", "."):
            with pytest.raises(ValueError, match="is no position_id"):
                account.position_trades(wrong)
        with pytest.raises(BadRequest):
            account.position_funding("no/such?position")
    with opened(exchange, "spot") as account, pytest.raises(NotPermitted, match="403"):
        account.position_trades("1")


TRADE = {
    "trade_id": "11111111-1111-4111-8111-111111111111",
    "instrument_code": "BTC_USD_P",
    "side": "BUY",
    "price": "1",
    "amount": "2",
    "time": "2026-03-01T00:00:00Z",
}
BALANCES = '{"account_id": "00000000-0000-4000-8000-000000000001", "balances": []}'


def page(*trades: dict[str, str], **more: str) -> Any:
    return reply(200, json.dumps({"trades": list(trades)} | more))


def test_all_pages_are_read_and_a_circle_is_an_error() -> None:
    other = TRADE | {"trade_id": "21111111-1111-4111-8111-111111111111"}
    account_id = reply(200, BALANCES)  # asked for once
    pages = (page(TRADE, cursor="a"), account_id, page(TRADE, other, {"side": "BUY"}))
    with serving(*pages) as server:
        account = open_account(token="t", base_url=server.base_url)
        with account:
            found = account.position_trades("7")
    assert sorted(row.trade_id[0] for row in found) == ["1", "2"]
    assert [reject.raw for reject in found.rejects] == ['{"side": "BUY"}']
    assert [seen for seen in server.requests if "cursor=a" in seen.target]
    circle = (page(TRADE, cursor="a"), account_id, page(TRADE, cursor="a"))
    with (
        serving(*circle) as server,
        open_account(token="t", base_url=server.base_url) as account,
        pytest.raises(UnexpectedPayload, match="have no end"),
    ):
        account.position_trades("7")
