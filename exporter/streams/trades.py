"""Trades: every fill of an account, with its fee."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import msgspec

from exporter.model import texts
from exporter.model.envelope import listed
from exporter.model.fields import (
    EXACT,
    Number,
    RecordDecoder,
    Uuid,
    instant,
    integer,
    money,
    positive,
    uuid,
)
from exporter.model.members import Member
from exporter.model.stream import (
    History,
    Json,
    Metric,
    Paging,
    Sample,
    Source,
    Sources,
    Sum,
    Table,
    epoch_seconds,
)

_BY_SIDE = ("instrument", "side", "liquidity")
COUNT = Metric(
    "onetrading_trades_total", "Number of trades (polled from account/trades).", _BY_SIDE, "counter"
)
BASE = Metric(
    "onetrading_traded_base_total",
    "Traded amount in units of the base asset (polled from account/trades: amount).",
    _BY_SIDE,
    "counter",
)
QUOTE = Metric(
    "onetrading_traded_quote_total",
    "Traded amount in the quote currency (polled from account/trades: price times amount).",
    _BY_SIDE,
    "counter",
)
FEES = Metric(
    "onetrading_trade_fees_paid_total",
    "Fees paid, in units of their own currency (polled from account/trades: fee_amount > 0).",
    ("instrument", "currency"),
    "counter",
)
REBATES = Metric(
    "onetrading_trade_rebates_received_total",
    "Rebates received, in units of their own currency "
    "(polled from account/trades: fee_amount < 0).",
    ("instrument", "currency"),
    "counter",
)
_SIDE_COLUMNS = ("instrument_code", "side", "liquidity")
_FEE_COLUMNS = ("instrument_code", "fee_currency")
TOTALS = (
    Sum(COUNT, _SIDE_COLUMNS),
    Sum(BASE, _SIDE_COLUMNS, "amount"),
    Sum(QUOTE, _SIDE_COLUMNS, "quote_amount"),
    Sum(FEES, _FEE_COLUMNS, "fee_amount", "positive"),
    Sum(REBATES, _FEE_COLUMNS, "fee_amount", "negative"),
)
LAST = Metric(
    "onetrading_last_trade_timestamp_seconds",
    "When the account's last trade happened (polled from account/trades: time).",
    ("instrument",),
)


class Trade(NamedTuple):
    """One fill, or several fills of one taker order, which the exchange may send as one trade."""

    trade_id: Uuid
    order_id: Uuid | None
    """None when not sent."""
    account_id: Uuid
    instrument_code: str
    side: str
    """BUY or SELL, as seen by the account."""
    price: Decimal
    """Quote currency per unit of the base asset; an average when several fills were aggregated."""
    amount: Decimal
    """In units of the base asset, without sign: ``side`` carries it."""
    quote_amount: Decimal
    """``price`` times ``amount``, exact, in the quote currency."""
    fee_amount: Decimal | None
    """In units of ``fee_currency``: positive when paid, negative when received as a rebate; None
    when not sent."""
    fee_currency: str | None
    """Futures: the quote currency. Spot: the base asset of a BUY, the quote currency of a SELL."""
    liquidity: str | None
    """MAKER or TAKER; None when not sent."""
    order_source: str | None
    """The field ``order_type``: where the order came from, ``API`` for example."""
    sequence: int | None
    """The exchange's counter."""
    traded_at: datetime
    """Floored to the microsecond."""
    traded_at_nanos: int
    """The same instant in full, in nanoseconds since 1970."""
    raw: Json


class Fee(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """``fee`` of an item: positive when paid. The last five fields were sent until 2025."""

    fee_amount: Number | None = None
    fee_currency: str | None = None
    fee_percentage: Number | None = None
    fee_group_id: str | None = None
    fee_type: str | None = None
    running_trading_volume: Number | None = None
    collection_type: str | None = None


class Fill(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``trade`` of an item; `row` checks its ids, which is cheaper than a pattern here."""

    trade_id: str
    instrument_code: str
    side: str
    price: Number
    amount: Number
    time: str | int | None = None
    time_nanos: str | int | None = None
    order_id: str | None = None
    account_id: str | None = None
    matched_as: str | None = None
    order_type: str | None = None
    filled_amount: Number | None = None
    sequence: Number | int | None = None


class Filled(Protocol):
    """A record with a trade and its fee."""

    trade: Fill
    fee: Fee


class TradeRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An item of ``trade_history`` of ``GET account/trades`` (page "get-trades")."""

    trade: Fill
    fee: Fee = Fee()


def row(record: TradeRecord, source: Source) -> Trade:
    """A trade. Raises BadRecord without an instant, with a bad id, or unless price and amount are
    above 0.

    The fields are passed by position: trades come by the million, and keyword arguments would cost
    as much as reading them.
    """
    fill, fee = record.trade, record.fee
    at, nanos = instant(fill.time_nanos or fill.time or "")
    price, amount = positive(fill.price, "price"), positive(fill.amount, "amount")
    return Trade(
        uuid(fill.trade_id, "trade_id"),
        uuid(fill.order_id, "order_id") if fill.order_id else None,
        uuid(fill.account_id or source.account_id, "account_id"),
        fill.instrument_code,
        fill.side,
        price,
        amount,
        EXACT.multiply(price, amount),
        None if fee.fee_amount is None else money(fee.fee_amount, "fee_amount"),
        fee.fee_currency,
        fill.matched_as,
        fill.order_type,
        None if fill.sequence is None else integer(fill.sequence, "sequence"),
        at,
        nanos,
        source.raw,
    )


def columns(records: Sequence[Filled], sources: Sources) -> Sequence[Sequence[Any]]:
    """The columns of `Trade`, each as `row` makes it. Raises Unusual and BadRecord."""
    fills, fees = [record.trade for record in records], [record.fee for record in records]
    at, nanos = texts.instants([fill.time_nanos or fill.time for fill in fills])
    price = texts.sizes([fill.price for fill in fills])
    amount = texts.sizes([fill.amount for fill in fills])
    account_id, *others = {fill.account_id or sources.account_id for fill in fills}
    if others:
        raise texts.Unusual
    return (
        texts.uuids([fill.trade_id for fill in fills]),
        texts.maybe(texts.uuids, [fill.order_id for fill in fills]),
        [uuid(account_id, "account_id")] * len(fills),
        [fill.instrument_code for fill in fills],
        [fill.side for fill in fills],
        price,
        amount,
        list(map(EXACT.multiply, price, amount)),
        texts.maybe(texts.numbers, [fee.fee_amount for fee in fees]),
        texts.optional([fee.fee_currency for fee in fees]),
        texts.optional([fill.matched_as for fill in fills]),
        texts.optional([fill.order_type for fill in fills]),
        texts.maybe(texts.integers, [fill.sequence for fill in fills]),
        at,
        nanos,
        sources.raws,
    )


def latest(trades: Sequence[Trade]) -> Iterator[Sample]:
    """When the account last traded each instrument."""
    newest: dict[str, datetime] = {}
    for trade in trades:
        instrument, at = trade.instrument_code, trade.traded_at
        newest[instrument] = max(at, newest.get(instrument, at))
    for instrument, at in newest.items():
        yield LAST(epoch_seconds(at), instrument)


TRADES = History(
    name="trades",
    summary="Every fill with its price, amount, fee and liquidity.",
    path="account/trades",
    interval=timedelta(seconds=30),
    unwrap=listed("trade_history"),
    decoder=RecordDecoder(TradeRecord),
    row=row,
    columns=columns,
    table=Table("trades", Trade, key=("trade_id",), version="sequence"),
    members={
        "trade_id": Member(("trade.trade_id",)),
        "traded_at": Member(("trade.time_nanos", "trade.time")),
    },
    enums={"side": frozenset({"BUY", "SELL"}), "liquidity": frozenset({"MAKER", "TAKER"})},
    metrics=(COUNT, BASE, QUOTE, FEES, REBATES, LAST),
    paging=Paging(size_param="max_page_size", size=100),
    instant="traded_at",
    max_window=timedelta(days=30),
    allowed_lateness=timedelta(seconds=60),
    overlap=timedelta(minutes=5),
    totals=TOTALS,
    latest=latest,
)
