"""Funding of one closed position: each payment with the rate and mark price behind it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.closings import Follower
from exporter.model.envelope import listed
from exporter.model.fields import Number, RecordDecoder, Uuid, instant, maybe_money, money, uuid
from exporter.model.members import Member
from exporter.model.stream import Json, Source, Table
from exporter.streams.funding_payments import funding_time


class PositionFundingPayment(NamedTuple):
    """One payment of one position. The exchange gives it no id."""

    position_id: str
    account_id: Uuid
    instrument_code: str
    booked_at: datetime
    """When it was booked, floored to the microsecond."""
    booked_at_nanos: int
    """The same instant in full, in nanoseconds since 1970."""
    funding_time: datetime
    """The funding time it belongs to, derived by `funding_payments.funding_time`."""
    amount: Decimal
    """In the quote currency, as sent: rounded to 4 decimals; read as positive when received."""
    funding_rate: Decimal | None
    """Fraction per funding period; None when not sent."""
    mark_price: Decimal | None
    """In the quote currency; None when not sent."""
    cash_balance: Decimal | None
    """Cash after the booking, in the quote currency; None when not sent."""
    raw: Json


class PositionFundingRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``funding_payments`` of
    ``GET account/futures/positions/{position_id}/funding-payments``.

    Page "position-funding-payments": its prose says newest first, its example shows oldest first.
    """

    instrument_code: str
    funding_payment: Number
    time: str | int | None = None
    timestamp: str | int | None = None
    account_id: str | None = None
    position_id: str | None = None
    funding_rate: Number | None = None
    mark_price: Number | None = None
    cash_balance: Number | None = None


def row(record: PositionFundingRecord, source: Source) -> PositionFundingPayment:
    """A payment. Raises BadRecord without an instant, or with a bad amount.

    It belongs to the position that was requested, whatever the record says.
    """
    at, nanos = instant(record.time or record.timestamp or "")
    return PositionFundingPayment(
        position_id=source.tag or record.position_id or "",
        account_id=uuid(record.account_id or source.account_id, "account_id"),
        instrument_code=record.instrument_code,
        booked_at=at,
        booked_at_nanos=nanos,
        funding_time=funding_time(at),
        amount=money(record.funding_payment, "funding_payment"),
        funding_rate=maybe_money(record.funding_rate, "funding_rate"),
        mark_price=maybe_money(record.mark_price, "mark_price"),
        cash_balance=maybe_money(record.cash_balance, "cash_balance"),
        raw=source.raw,
    )


POSITION_FUNDING = Follower(
    name="position_funding",
    summary="The funding payments of each closed position, with rate and mark price.",
    path="account/futures/positions/{}/funding-payments",
    follows="closed_positions",
    requires_futures=True,
    interval=timedelta(minutes=1),
    unwrap=listed("funding_payments", also_bare=True),
    decoder=RecordDecoder(PositionFundingRecord),
    row=row,
    table=Table(
        "position_funding_payments", PositionFundingPayment, key=("position_id", "booked_at")
    ),
    members={"booked_at": Member(("time", "timestamp"))},
    instant="booked_at",
)
