"""Trades of one closed position: what it was built up and closed with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from exporter.model.closings import Follower
from exporter.model.envelope import Envelope, listed, members
from exporter.model.errors import UnexpectedPayload
from exporter.model.fields import Number, RecordDecoder, Uuid
from exporter.model.members import Member
from exporter.model.stream import Json, Source, Sources, Table
from exporter.streams import trades
from exporter.streams.closed_positions import CLOSED_POSITIONS

_LISTS = ("trades", "trade_history", "position_trades")
"""Under which of these the list is sent was never seen."""


class PositionTrade(NamedTuple):
    """One trade of one position: as in `trades.Trade`."""

    position_id: str
    trade_id: Uuid
    order_id: Uuid | None
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
    """In units of ``fee_currency``: positive when paid, negative when received as a rebate."""
    fee_currency: str | None
    liquidity: str | None
    """MAKER or TAKER; None when not sent."""
    order_source: str | None
    sequence: int | None
    traded_at: datetime
    """Floored to the microsecond."""
    traded_at_nanos: int
    """The same instant in full, in nanoseconds since 1970."""
    raw: Json


class PositionTradeRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``GET account/futures/positions/{position_id}/trades`` (page "position-trades").

    Never seen: ``{fee, trade}`` as in account/trades, or all members in one object.
    """

    trade: trades.Fill
    fee: trades.Fee = trades.Fee()


class FlatTradeRecord(msgspec.Struct, forbid_unknown_fields=True):
    """The same with all members in one object."""

    trade_id: str
    instrument_code: str
    side: str
    price: Number
    amount: Number
    position_id: str | None = None
    time: str | int | None = None
    time_nanos: str | int | None = None
    order_id: str | None = None
    account_id: str | None = None
    matched_as: str | None = None
    order_type: str | None = None
    filled_amount: Number | None = None
    sequence: Number | int | None = None
    fee_amount: Number | None = None
    fee_currency: str | None = None


_OF_FEE = ("fee_amount", "fee_currency")
_OF_FILL = tuple(field.name for field in msgspec.structs.fields(trades.Fill))


class _EitherDecoder(RecordDecoder[PositionTradeRecord]):
    """Reads both forms; a record without a ``trade`` is taken for a flat one."""

    def __init__(self) -> None:
        super().__init__(PositionTradeRecord)
        self._flat = RecordDecoder(FlatTradeRecord)

    def decode(self, json: bytes) -> tuple[PositionTradeRecord, tuple[str, ...]]:
        """As `RecordDecoder.decode`."""
        if b'"trade"' in json or b'"trade_id"' not in json:
            return super().decode(json)
        flat, unknown = self._flat.decode(json)
        fill = trades.Fill(**{name: getattr(flat, name) for name in _OF_FILL})
        fee = trades.Fee(**{name: getattr(flat, name) for name in _OF_FEE})
        return PositionTradeRecord(fill, fee), unknown


def unwrap(body: bytes) -> Envelope:
    """The list is a member, or the whole response. Raises UnexpectedPayload without a list."""
    if body.lstrip()[:1] != b"[":
        found = [name for name in _LISTS if bytes(members(body).get(name, b"null")) != b"null"]
        if len(found) != 1:
            raise UnexpectedPayload(f"one of {', '.join(_LISTS)} is expected: {body[:60]!r}")
        return listed(found[0])(body)
    return listed(_LISTS[0], also_bare=True)(body)


def row(record: PositionTradeRecord, source: Source) -> PositionTrade:
    """A trade of the position that was requested. Raises BadRecord as `trades.row`."""
    trade = trades.row(trades.TradeRecord(record.trade, record.fee), source)
    return PositionTrade(source.tag, *trade)


def columns(records: Sequence[PositionTradeRecord], sources: Sources) -> Sequence[Sequence[Any]]:
    """The columns of `PositionTrade`. Raises Unusual and BadRecord."""
    return (sources.tags, *trades.columns(records, sources))


POSITION_TRADES = Follower(
    name="position_trades",
    summary="The trades of each closed position.",
    path="account/futures/positions/{}/trades",
    follows="closed_positions",
    requires_futures=True,
    interval=timedelta(minutes=1),
    unwrap=unwrap,
    decoder=_EitherDecoder(),
    row=row,
    columns=columns,
    table=Table("position_trades", PositionTrade, key=("position_id", "trade_id")),
    members={
        "trade_id": Member(("trade.trade_id", "trade_id")),
        "traded_at": Member(("trade.time_nanos", "trade.time", "time_nanos", "time")),
    },
    enums={"side": frozenset({"BUY", "SELL"}), "liquidity": frozenset({"MAKER", "TAKER"})},
    instant="traded_at",
    completes=CLOSED_POSITIONS,
)
