"""The bulk history of the benchmarks: its trades, orders and positions fit together."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

from benchmarks.bulk_history import BLOCK_ORDERS, BLOCK_TRADES, BulkHistory
from exporter.simulator import AccountSpec, Market
from exporter.simulator.market.market import to_nanos

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 3, tzinfo=UTC)


def test_orders_and_positions_fit_the_trades() -> None:
    history = BulkHistory(13 * BLOCK_TRADES, to_nanos(START), to_nanos(END))
    market = Market(1, START, END, [AccountSpec("main", trade_history=history)])
    account = market.accounts["main"]
    trade, order = history.row_encoder(account), history.order_encoder(account)
    trades = [json.loads(bytes(trade(k))) for k in range(len(history))]
    orders = [json.loads(bytes(order(n))) for n in range(len(history.order_instants))]
    assert len(orders) == 13 * BLOCK_ORDERS
    assert [inner for one in orders for inner in one["trades"]] == trades
    for one in orders:
        amounts = [Decimal(inner["trade"]["amount"]) for inner in one["trades"]]
        assert Decimal(one["order"]["filled_amount"]) == sum(amounts)
        assert {inner["trade"]["order_id"] for inner in one["trades"]} <= {one["order"]["order_id"]}
    for instants in (history.instants, history.order_instants, history.opened):
        listed = [instants[n] for n in range(len(instants))]
        assert all(before <= after for before, after in pairwise(listed))
    position = history.position_records(account)
    for number in range(history.positions):
        own = [trades[k] for k in history.trades_of(number)]
        signed = [
            Decimal(one["trade"]["amount"]) * (1 if one["trade"]["side"] == "BUY" else -1)
            for one in own
        ]
        assert not sum(signed)
        fees = sum(Decimal(one["fee"]["fee_amount"]) for one in own)
        assert Decimal(position(number)["total_trade_fees"]) == fees
        assert {one["trade"]["instrument_code"] for one in own} == {
            position(number)["instrument_code"]
        }
