"""Trades: every fill of an account, with its fee."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from exporter.model.envelope import listed
from exporter.model.fields import EXACT, RecordDecoder, Uuid, instant, maybe_money, money, uuid
from exporter.model.stream import (
    History,
    Json,
    Metric,
    Paging,
    Sample,
    Source,
    Table,
    epoch_seconds,
)

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


class Fee(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """``fee``; the last five fields were sent until 2025."""

    fee_amount: Decimal | None = None
    fee_currency: str | None = None
    fee_percentage: Decimal | None = None
    fee_group_id: str | None = None
    fee_type: str | None = None
    running_trading_volume: Decimal | None = None
    collection_type: str | None = None


class Fill(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``trade``; `row` looks at what the ids are made of."""

    trade_id: str
    instrument_code: str
    side: str
    price: Decimal
    amount: Decimal
    time: str | int | None = None
    time_nanos: str | int | None = None
    order_id: str | None = None
    account_id: str | None = None
    matched_as: str | None = None
    order_type: str | None = None
    filled_amount: Any = None
    sequence: int | None = None


class TradeRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An item of ``trade_history``."""

    trade: Fill
    fee: Fee = Fee()


def row(record: TradeRecord, source: Source) -> Trade:
    """A trade; refuses one without an instant, with an id or a price that is none.

    Trades come by the million, and naming the 16 fields once more costs as much as reading them.
    """
    fill, fee = record.trade, record.fee
    at, nanos = instant(fill.time_nanos or fill.time or "")
    price, amount = money(fill.price, "price"), money(fill.amount, "amount")
    return Trade(
        uuid(fill.trade_id, "trade_id"),
        uuid(fill.order_id, "order_id") if fill.order_id else None,
        uuid(fill.account_id or source.account_id, "account_id"),
        fill.instrument_code,
        fill.side,
        price,
        amount,
        EXACT.multiply(price, amount),
        maybe_money(fee.fee_amount),
        fee.fee_currency,
        fill.matched_as,
        fill.order_type,
        fill.sequence,
        at,
        nanos,
        source.raw,
    )


def totals(trades: Sequence[Trade]) -> Iterator[Sample]:
    """What trades add. Labels that the exchange did not send are empty."""
    for (instrument, side, liquidity), alike in _by(_SIDE, trades):
        labels = (instrument, side, liquidity or "")
        yield COUNT(len(alike), *labels)
        yield BASE(_sum(trade.amount for trade in alike), *labels)
        yield QUOTE(_sum(trade.quote_amount for trade in alike), *labels)
    for (instrument, currency), alike in _by(_FEE, trades):
        fees = [trade.fee_amount for trade in alike if trade.fee_amount]
        paid = [fee for fee in fees if fee > 0]
        received = [fee.copy_negate() for fee in fees if fee < 0]
        if paid:
            yield FEES(_sum(paid), instrument, currency or "")
        if received:
            yield REBATES(_sum(received), instrument, currency or "")


def latest(trades: Sequence[Trade]) -> Iterator[Sample]:
    """When each instrument was last traded."""
    for instrument, alike in _by(_INSTRUMENT, trades):
        yield LAST(epoch_seconds(max(trade.traded_at for trade in alike)), instrument)


_INSTRUMENT = attrgetter("instrument_code")
_SIDE = attrgetter("instrument_code", "side", "liquidity")
_FEE = attrgetter("instrument_code", "fee_currency")


def _by(
    labels: Callable[[Trade], Any], trades: Iterable[Trade]
) -> Iterable[tuple[Any, list[Trade]]]:
    """Trades that share their labels, together."""
    groups: defaultdict[Any, list[Trade]] = defaultdict(list)
    for trade in trades:
        groups[labels(trade)].append(trade)
    return groups.items()


def _sum(values: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(values, Decimal())


TRADES = History(
    name="trades",
    summary="Every fill with its price, amount, fee and liquidity.",
    path="account/trades",
    interval=timedelta(seconds=30),
    unwrap=listed("trade_history"),
    decoder=RecordDecoder(TradeRecord),
    row=row,
    table=Table("trades", Trade, key=("trade_id",)),
    enums={"side": frozenset({"BUY", "SELL"}), "liquidity": frozenset({"MAKER", "TAKER"})},
    metrics=(COUNT, BASE, QUOTE, FEES, REBATES, LAST),
    paging=Paging(size_param="max_page_size", size=100),
    instant="traded_at",
    max_window=timedelta(days=30),
    allowed_lateness=timedelta(seconds=60),
    overlap=timedelta(minutes=5),
    totals=totals,
    latest=latest,
)
