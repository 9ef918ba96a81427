"""Closed positions: what each futures position has made from its first trade to its last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.closings import Closings
from exporter.model.envelope import listed
from exporter.model.errors import BadRecord
from exporter.model.fields import Number, RecordDecoder, Uuid, instant, maybe_money, uuid
from exporter.model.members import Member
from exporter.model.stream import Json, Metric, Paging, Source, Sum, Table

COUNT = Metric(
    "onetrading_positions_closed_total",
    "Number of closed positions (polled from account/futures/positions-history).",
    ("instrument",),
    "counter",
)
GAINED = Metric(
    "onetrading_realised_pnl_gained_total",
    "Net result of positions that closed with a gain, in the quote currency "
    "(polled from account/futures/positions-history: realised_pnl > 0).",
    ("instrument",),
    "counter",
)
LOST = Metric(
    "onetrading_realised_pnl_lost_total",
    "Net result of positions that closed with a loss, in the quote currency, without sign "
    "(polled from account/futures/positions-history: realised_pnl < 0).",
    ("instrument",),
    "counter",
)

_DIRECTIONS = {"BUY": "LONG", "SELL": "SHORT"}


class ClosedPosition(NamedTuple):
    """One closed position. What its record lacks is taken from its own trades, else None."""

    position_id: str
    account_id: Uuid
    instrument_code: str | None
    direction: str | None
    """LONG or SHORT, as it was opened."""
    opened_at: datetime | None
    """Of the first trade. Positions are listed by it, whether or not it is sent."""
    closed_at: datetime | None
    """Of the last trade."""
    closing_pnl: Decimal | None
    """Result of the trades in the quote currency, before fees and funding."""
    realised_pnl: Decimal | None
    """``closing_pnl + total_funding_payments - total_trade_fees``."""
    total_funding_payments: Decimal | None
    """In the quote currency: positive when received, negative when paid."""
    total_trade_fees: Decimal | None
    """In the quote currency: positive when paid, negative for a net rebate."""
    raw: Json


class ClosedPositionRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``positions`` of ``GET account/futures/positions-history``.

    Page "positions-history", of which only the first two fields and the four amounts are known.
    The others are names under which the exchange may send what its prose tells of.
    """

    position_id: str
    account_id: str | None = None
    closing_pnl: Number | None = None
    realised_pnl: Number | None = None
    total_funding_payments: Number | None = None
    total_trade_fees: Number | None = None
    instrument_code: str | None = None
    instrument: str | None = None
    direction: str | None = None
    side: str | None = None
    opened_at: str | int | None = None
    open_time: str | int | None = None
    opening_time: str | int | None = None
    time_opened: str | int | None = None
    open_timestamp: str | int | None = None
    closed_at: str | int | None = None
    close_time: str | int | None = None
    closing_time: str | int | None = None
    time_closed: str | int | None = None
    close_timestamp: str | int | None = None


_OPENED = ("opened_at", "open_time", "opening_time", "time_opened", "open_timestamp")
_CLOSED = ("closed_at", "close_time", "closing_time", "time_closed", "close_timestamp")


def _first_instant(record: ClosedPositionRecord, names: Sequence[str]) -> datetime | None:
    """The first that can be read: a field that is not documented costs no record."""
    for name in names:
        sent = getattr(record, name)
        if sent is None:
            continue
        try:
            return instant(sent).at
        except BadRecord:
            continue
    return None


def row(record: ClosedPositionRecord, source: Source) -> ClosedPosition:
    """A closed position. Raises BadRecord for an amount that is not a number."""
    direction = record.direction or record.side
    return ClosedPosition(
        position_id=record.position_id,
        account_id=uuid(record.account_id or source.account_id, "account_id"),
        instrument_code=record.instrument_code or record.instrument,
        direction=_DIRECTIONS.get(direction or "", direction),
        opened_at=_first_instant(record, _OPENED),
        closed_at=_first_instant(record, _CLOSED),
        closing_pnl=maybe_money(record.closing_pnl, "closing_pnl"),
        realised_pnl=maybe_money(record.realised_pnl, "realised_pnl"),
        total_funding_payments=maybe_money(record.total_funding_payments, "total_funding_payments"),
        total_trade_fees=maybe_money(record.total_trade_fees, "total_trade_fees"),
        raw=source.raw,
    )


# Gains and losses are two counters, never netted; `store.counted_positions` sums them.
TOTALS = (
    Sum(COUNT, ("instrument_code",)),
    Sum(GAINED, ("instrument_code",), "realised_pnl", "positive"),
    Sum(LOST, ("instrument_code",), "realised_pnl", "negative"),
)

CLOSED_POSITIONS = Closings(
    name="closed_positions",
    summary="Every closed futures position with its result, fees and funding.",
    path="account/futures/positions-history",
    parameters={"order": "DESC"},
    requires_futures=True,
    interval=timedelta(minutes=15),
    unwrap=listed("positions"),
    decoder=RecordDecoder(ClosedPositionRecord),
    row=row,
    table=Table(
        "closed_positions",
        ClosedPosition,
        key=("position_id",),
        derived=("instrument_code", "direction", "opened_at", "closed_at"),
    ),
    members={"opened_at": Member(_OPENED)},
    enums={"direction": frozenset({"LONG", "SHORT"})},
    metrics=(COUNT, GAINED, LOST),
    # No longest window is documented. Windows are no longer than this so that an interruption
    # costs little, and no shorter because years without a position should cost few requests.
    max_window=timedelta(days=180),
    paging=Paging(size_param="limit", size=10, floor=datetime(2024, 1, 1, tzinfo=UTC)),
    instant="opened_at",
    allowed_lateness=timedelta(minutes=5),
    overlap=timedelta(minutes=15),
    totals=TOTALS,
    seen_open_in="positions",
)
