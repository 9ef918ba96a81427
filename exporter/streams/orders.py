"""Orders: what an account wanted to trade, what became of it, and what is still open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

import msgspec

from exporter.model.changes import Changes
from exporter.model.envelope import listed, single
from exporter.model.errors import BadRecord
from exporter.model.fields import (
    EXACT,
    Number,
    RecordDecoder,
    Uuid,
    instant,
    integer,
    maybe_money,
    maybe_positive,
    money,
    positive,
    uuid,
)
from exporter.model.live_history import Embedded, LiveHistory
from exporter.model.members import Member
from exporter.model.stream import Json, Metric, Paging, Sample, Source, Table, epoch_seconds
from exporter.streams.trades import TRADES, Trade

_LABELS = ("instrument", "side")
OPEN = Metric(
    "onetrading_orders_open", "Number of open orders (polled from account/orders).", _LABELS
)
UNFILLED = Metric(
    "onetrading_order_open_base",
    "Unfilled amount of open orders, in units of the base asset "
    "(polled from account/orders: amount less "
    "filled_amount).",
    _LABELS,
)
OLDEST = Metric(
    "onetrading_order_oldest_open_timestamp_seconds",
    "When the oldest open order was created (polled from account/orders: time).",
    _LABELS,
)
UNKNOWN = Metric(
    "onetrading_orders_unknown",
    "Number of orders that left the list of open ones, and that the exchange does not tell of any "
    "more (polled from account/orders).",
)

OPEN_STATUSES = frozenset({"BOOKED", "OPEN", "FILL", "FILLED", "STOP_TRIGGERED"})
"""FILL and FILLED: partly. BOOKED is the documented one, FILL that of the WebSocket, the others
are legacy."""
CLOSED_STATUSES = frozenset(
    {
        *("FILLED_FULLY", "FILLED_CLOSED", "FILLED_REJECTED", "REJECTED", "CLOSED", "FAILED"),
        *("DONE", "CANCELLED", "MOVED", "INSUFFICIENT_FUNDS", "INSUFFICIENT_LIQUIDITY"),
        *("SELF_TRADE", "MOVE_SELF_TRADE", "MATCHING_POST_ONLY_RESULTS_IN_MATCH"),
        *("MATCHING_MOVE_FAILED_PRICE_OVER_RISK_LIMIT", "RISK_MARGIN_TRADING_DISABLED"),
        *("RISK_INVALID_RESERVE_BID_PRICE", "RISK_FAILED_OVER_MAX_POSITION"),
    }
)
"""What the WebSocket pages and the legacy API name beside those."""


class Order(NamedTuple):
    """The newest state of an order."""

    order_id: Uuid
    client_id: str | None
    """Chosen by the client, else made by the exchange; None when not sent."""
    account_id: Uuid
    instrument_code: str
    side: str
    """BUY or SELL."""
    order_type: str | None
    """The field ``type``; None when not sent."""
    time_in_force: str | None
    price: Decimal | None
    """Quote currency per unit of the base asset; None of a market order."""
    amount: Decimal
    """What is to be traded, in units of the base asset, without sign: ``side`` carries it."""
    filled_amount: Decimal
    """What of it was traded; 0 when not sent."""
    average_price: Decimal | None
    """Of what was traded; None when nothing was, or when not sent."""
    fee_amount: Decimal | None
    """The field ``total_fee``, in units of ``fee_currency``: positive when paid."""
    fee_currency: str | None
    status: str
    """As sent."""
    is_open: bool | None
    """By the status; the sync judges again what left the list of open orders. None (only in the
    table): not known."""
    sequence: int | None
    """The exchange's counter; None when not sent."""
    created_at: datetime
    """Floored to the microsecond."""
    updated_at: datetime | None
    """The field ``time_last_updated``; None when not sent."""
    trades_checked: bool
    """Whether the trades inside of the record were compared with those of the list of trades."""
    raw: Json


class OrderEvent(NamedTuple):
    """A state of an order as first seen."""

    order_id: Uuid
    status: str
    filled_amount: Decimal
    account_id: Uuid
    sequence: int | None
    updated_at: datetime | None


class Details(msgspec.Struct, forbid_unknown_fields=True):
    """``order`` of an item (pages "get-orders" and "order by id"); the last fields are legacy."""

    order_id: str
    instrument_code: str
    side: str
    amount: Number
    status: str
    time: str | int
    account_id: str | None = None
    client_id: str | None = None
    price: Number | None = None
    filled_amount: Number | None = None
    average_price: Number | None = None
    total_fee: Number | None = None
    fee_currency: str | None = None
    time_last_updated: str | int | None = None
    sequence: Number | int | None = None
    order_book_sequence: Number | int | None = None
    type: str | None = None
    time_in_force: str | None = None
    reason: str | None = None
    is_post_only: Any = None
    trigger_price: Number | None = None
    expire_after: str | int | None = None


class OrderRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``order_history`` of ``GET account/orders``; also ``GET account/orders/{id}``.

    Its ``trades`` are read by `trades_of`: a bad one of them makes no bad order.
    """

    order: Details
    trades: Any = None


def row(record: OrderRecord, source: Source) -> Order:
    """An order. Raises BadRecord without an instant, with a bad id or a bad amount."""
    sent = record.order
    amount = positive(sent.amount, "amount")
    filled = money(sent.filled_amount or "0", "filled_amount")
    if filled < 0:
        raise BadRecord("filled_amount is below 0")
    if not sent.status:
        raise BadRecord("status is missing")
    return Order(
        order_id=uuid(sent.order_id, "order_id"),
        client_id=sent.client_id,
        account_id=uuid(sent.account_id or source.account_id, "account_id"),
        instrument_code=sent.instrument_code,
        side=sent.side,
        order_type=sent.type,
        time_in_force=sent.time_in_force,
        price=maybe_positive(sent.price, "price"),
        amount=amount,
        filled_amount=filled,
        average_price=maybe_positive(sent.average_price, "average_price"),
        fee_amount=maybe_money(sent.total_fee, "total_fee"),
        fee_currency=sent.fee_currency,
        status=sent.status,
        is_open=_is_open(sent.status, amount, filled),
        sequence=None if sent.sequence is None else integer(sent.sequence, "sequence"),
        created_at=instant(sent.time).at,
        updated_at=instant(sent.time_last_updated).at if sent.time_last_updated else None,
        trades_checked=not record.trades,
        raw=source.raw,
    )


def _is_open(status: str, amount: Decimal, filled: Decimal) -> bool:
    """By a status that is not documented, an order is open until it is filled, or until the sync
    finds that it is not among the open ones."""
    if status in CLOSED_STATUSES:
        return False
    return status in OPEN_STATUSES or filled < amount


_AGES: Sequence[Callable[[Order], Any]] = (
    lambda order: order.sequence,
    lambda order: order.updated_at,
    lambda order: order.filled_amount,
)


def newer(one: Order, other: Order) -> bool:
    """Whether ``one`` is a newer state than ``other``.

    The sequence tells, where both have one and they differ; then the update time, then the filled
    amount. Of two that none of these tells apart, the closed one is newer.
    """
    for tells in _AGES:
        mine, its = tells(one), tells(other)
        if mine is not None and its is not None and mine != its:
            return bool(mine > its)
    return one.is_open is False and other.is_open is True


def contradiction(older: Order, newer: Order) -> str:
    """An order that is closed stays closed, and what was traded stays traded."""
    if newer.filled_amount < older.filled_amount:
        return "order_shrank"
    return "order_reopened" if older.is_open is False and newer.is_open else ""


def open_samples(orders: Sequence[Order]) -> Iterator[Sample]:
    """The gauges of open orders, by instrument and side."""
    groups: defaultdict[tuple[str, str], list[Order]] = defaultdict(list)
    for order in orders:
        if order.is_open:
            groups[order.instrument_code, order.side].append(order)
    for labels, group in groups.items():
        with localcontext(EXACT):
            left = sum((order.amount - order.filled_amount for order in group), Decimal())
        yield OPEN(len(group), *labels)
        yield UNFILLED(left, *labels)
        yield OLDEST(epoch_seconds(min(order.created_at for order in group)), *labels)


_parts = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_exact = msgspec.json.Decoder(float_hook=Decimal)


def trades_of(record: str) -> list[bytes]:
    """The records of the trades, ``{fee, trade}``, inside of an order's. Raises BadRecord."""
    trades = _parts.decode(record.encode()).get("trades", msgspec.Raw(b"null"))
    if bytes(trades) == b"null":
        return []
    try:
        return list(map(bytes, _items.decode(trades)))
    except ValueError as error:
        raise BadRecord(f"trades is not a list: {error}") from error


def with_more_trades(stored: Order, read: Order) -> Order | None:
    """``read``, if trades are inside of its record that were not inside of ``stored``, those of
    which were compared already; else None. What was judged of the state stays."""
    if not stored.trades_checked or read.trades_checked:
        return None
    try:
        known = list(map(_exact.decode, trades_of(stored.raw)))
        more = any(_exact.decode(trade) not in known for trade in trades_of(read.raw))
    except BadRecord:
        more = True
    return read._replace(is_open=stored.is_open) if more else None


_COMPARED: Sequence[Callable[[Trade], Any]] = (
    lambda trade: trade.order_id,
    lambda trade: trade.instrument_code,
    lambda trade: trade.side,
    lambda trade: trade.price,
    lambda trade: trade.amount,
    lambda trade: trade.fee_amount,
    lambda trade: trade.fee_currency,
    lambda trade: trade.liquidity,
    lambda trade: trade.traded_at_nanos // 1_000_000,
)
"""The order's record may tell the instant in milliseconds only, and lack members."""


def trades_differ(stored: Trade, embedded: Trade) -> bool:
    """Whether two records of a trade contradict each other."""
    pairs = [(value(stored), value(embedded)) for value in _COMPARED]
    return any(one != other for one, other in pairs if one is not None and other is not None)


ORDERS = LiveHistory(
    name="orders",
    summary="Open orders, and every order with each state that was seen of it.",
    path="account/orders",
    parameters={"with_cancelled_and_rejected": "true", "with_just_filled_inactive": "true"},
    interval=timedelta(seconds=30),
    unwrap=listed("order_history"),
    one=single("order"),
    answers_for=timedelta(days=30),
    decoder=RecordDecoder(OrderRecord),
    row=row,
    table=Table(
        "orders",
        Order,
        key=("order_id",),
        changes=Changes(
            newer,
            contradiction,
            frozenset({"is_open", "trades_checked", "raw"}),
            with_more_trades,
        ),
    ),
    events=Table("order_events", OrderEvent, key=("order_id", "status", "filled_amount")),
    members={"order_id": Member(("order.order_id",)), "created_at": Member(("order.time",))},
    enums={"side": frozenset({"BUY", "SELL"}), "status": OPEN_STATUSES | CLOSED_STATUSES},
    metrics=(OPEN, UNFILLED, OLDEST, UNKNOWN),
    open_statuses=OPEN_STATUSES,
    open_samples=open_samples,
    zeroed=frozenset({OPEN.name, UNFILLED.name}),
    unknown=UNKNOWN,
    embedded=Embedded(TRADES, trades_of, trades_differ),
    paging=Paging(size_param="max_page_size", size=100, cursor_is_time=True),
    instant="created_at",
    max_window=timedelta(days=30),
    allowed_lateness=timedelta(seconds=60),
    overlap=timedelta(minutes=5),
)
