"""Trades: every fill of an account, with its fee."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.fields import EXACT, Shape, Uuid, instant, listed, maybe_money, money
from exporter.stream import History, Json, Metric, Paging, Sample, Source, Table, epoch_seconds

_BY_SIDE = ("instrument", "side", "liquidity")
COUNT = Metric("onetrading_trades_total", "Number of trades (account/trades).", _BY_SIDE, "counter")
BASE = Metric(
    "onetrading_traded_base_total",
    "Traded amount in units of the base asset (account/trades: amount).",
    _BY_SIDE,
    "counter",
)
QUOTE = Metric(
    "onetrading_traded_quote_total",
    "Traded amount in the quote currency (account/trades: price times amount).",
    _BY_SIDE,
    "counter",
)
FEES = Metric(
    "onetrading_trade_fees_paid_total",
    "Fees paid, in units of their own currency (account/trades: fee_amount > 0).",
    ("instrument", "currency"),
    "counter",
)
REBATES = Metric(
    "onetrading_trade_rebates_received_total",
    "Rebates received, in units of their own currency (account/trades: fee_amount < 0).",
    ("instrument", "currency"),
    "counter",
)
LAST = Metric(
    "onetrading_last_trade_timestamp_seconds",
    "When the account's last trade happened (account/trades: time).",
    ("instrument",),
)


class Trade(NamedTuple):
    """One fill. ``fee_amount`` is positive when paid, negative when received as a rebate."""

    trade_id: Uuid
    order_id: Uuid | None
    account_id: Uuid
    instrument_code: str
    side: str
    price: Decimal
    amount: Decimal
    quote_amount: Decimal
    fee_amount: Decimal | None
    fee_currency: str | None
    liquidity: str | None
    order_source: str | None
    sequence: int | None
    traded_at: datetime
    traded_at_nanos: int
    raw: Json


class Fee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``fee``; the last five fields were sent until 2025."""

    fee_amount: Decimal | None = None
    fee_currency: str | None = None
    fee_percentage: Decimal | None = None
    fee_group_id: str | None = None
    fee_type: str | None = None
    running_trading_volume: Decimal | None = None
    collection_type: str | None = None


class Fill(msgspec.Struct, forbid_unknown_fields=True):
    """``trade``."""

    trade_id: Uuid
    instrument_code: str
    side: str
    price: Decimal
    amount: Decimal
    time: str | int | None = None
    time_nanos: str | int | None = None
    order_id: Uuid | None = None
    account_id: Uuid | None = None
    matched_as: str | None = None
    order_type: str | None = None
    filled_amount: Decimal | None = None
    sequence: int | None = None


class TradeRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``trade_history``."""

    trade: Fill
    fee: Fee = Fee()


def row(record: TradeRecord, source: Source) -> Trade:
    """A trade; refuses one without an instant, or with a price that is not a number."""
    fill, fee = record.trade, record.fee
    at = instant(fill.time_nanos or fill.time or "")
    price, amount = money(fill.price, "price"), money(fill.amount, "amount")
    return Trade(
        trade_id=fill.trade_id.lower(),
        order_id=None if fill.order_id is None else fill.order_id.lower(),
        account_id=(fill.account_id or source.account_id).lower(),
        instrument_code=fill.instrument_code,
        side=fill.side,
        price=price,
        amount=amount,
        quote_amount=EXACT.multiply(price, amount),
        fee_amount=maybe_money(fee.fee_amount),
        fee_currency=fee.fee_currency,
        liquidity=fill.matched_as,
        order_source=fill.order_type,
        sequence=fill.sequence,
        traded_at=at.at,
        traded_at_nanos=at.nanos,
        raw=source.raw,
    )


def totals(trade: Trade) -> Iterator[Sample]:
    """What a trade adds. Labels that the exchange did not send are empty."""
    by_side = (trade.instrument_code, trade.side, trade.liquidity or "")
    yield COUNT(1, *by_side)
    yield BASE(trade.amount, *by_side)
    yield QUOTE(trade.quote_amount, *by_side)
    if trade.fee_amount:
        metric = FEES if trade.fee_amount > 0 else REBATES
        yield metric(abs(trade.fee_amount), trade.instrument_code, trade.fee_currency or "")


def latest(trade: Trade) -> Iterator[Sample]:
    """When the instrument was last traded."""
    yield LAST(epoch_seconds(trade.traded_at), trade.instrument_code)


TRADES = History(
    name="trades",
    summary="Every fill with its price, amount, fee and liquidity.",
    path="account/trades",
    interval=timedelta(seconds=30),
    unwrap=listed("trade_history"),
    shape=Shape(TradeRecord),
    row=row,
    table=Table("trades", Trade, key=("trade_id",)),
    enums={"side": frozenset({"BUY", "SELL"}), "liquidity": frozenset({"MAKER", "TAKER"})},
    metrics=(COUNT, BASE, QUOTE, FEES, REBATES, LAST),
    paging=Paging(size_param="max_page_size", size=100),
    instant="traded_at",
    span=timedelta(days=30),
    settle=timedelta(seconds=60),
    overlap=timedelta(minutes=5),
    totals=totals,
    latest=latest,
)
