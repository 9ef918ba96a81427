"""Funding payments: what an account received or paid for each futures instrument."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import (
    Envelope,
    RawRecord,
    items,
    members,
    refuse_repeated,
    taken,
    text_member,
)
from exporter.model.errors import BadRecord
from exporter.model.fields import Number, RecordDecoder, Uuid, instant, maybe_money, money, uuid
from exporter.model.members import Member
from exporter.model.stream import History, Json, Metric, Paging, Source, Sum, Table

PAID = Metric(
    "onetrading_funding_paid_total",
    "Funding paid, in the quote currency "
    "(polled from account/futures/funding-payments: funding_payment < 0).",
    ("instrument",),
    "counter",
)
RECEIVED = Metric(
    "onetrading_funding_received_total",
    "Funding received, in the quote currency (polled from account/futures/funding-payments: "
    "funding_payment > 0).",
    ("instrument",),
    "counter",
)
# Two counters, never netted.
TOTALS = (
    Sum(RECEIVED, ("instrument_code",), "amount", "not_negative"),
    Sum(PAID, ("instrument_code",), "amount", "negative"),
)

_GRID = timedelta(hours=4)
_BOOKED_WITHIN = timedelta(minutes=10)


class FundingPayment(NamedTuple):
    """One booking. The exchange gives it no id: account, instrument and funding time are its key.

    Not the instant of the booking, which the exchange sends in varying precision.
    """

    account_id: Uuid
    instrument_code: str
    booked_at: datetime
    """When it was booked: seconds after the funding time, at an offset of its market."""
    funding_time: datetime
    """The funding time it belongs to, derived by `funding_time`."""
    amount: Decimal
    """In the quote currency, as sent: read as positive when received, negative when paid. (The
    formula of page "positions-history" has this sign; examples of the WebSocket pages have the
    opposite one.)"""
    cash_balance: Decimal | None
    """Cash after the booking, in the quote currency; None when not sent."""
    raw: Json


class FundingPaymentRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``funding_payments`` of ``GET account/futures/funding-payments``.

    Page "funding-payments": its example shows a map from instrument to list, its schema items that
    name their instrument.
    """

    funding_payment: Number
    timestamp: str | int | None = None
    time: str | int | None = None
    cash_balance: Number | None = None
    instrument_code: str | None = None
    account_id: str | None = None


def unwrap(body: bytes) -> Envelope:
    """Payments come as a map from instrument to list; a flat list is accepted too.

    A page may hold several instruments, and their lists are not merged in time: each record is
    tagged with its instrument, within which the order is judged.
    """
    header = members(body)
    payments = bytes(taken(header, "funding_payments", body))
    cursor = text_member(header, "cursor")
    if payments.lstrip()[:1] == b"[":
        return Envelope([RawRecord(bytes(item)) for item in items(payments)], cursor, header)
    refuse_repeated(payments)
    records = [
        RawRecord(bytes(item), code)
        for code, booked in members(payments).items()
        if bytes(booked) != b"null"
        for item in items(booked)
    ]
    return Envelope(records, cursor, header)


def funding_time(booked_at: datetime) -> datetime:
    """The funding time that a booking belongs to, in UTC.

    Crypto futures settle on the four-hour grid and are booked seconds later, each market at its
    own offset. Equity futures settle at times of the US session, on whole minutes: a booking more
    than ten minutes after the grid is one of those.
    """
    midnight = booked_at.replace(hour=0, minute=0, second=0, microsecond=0)
    slot = midnight + (booked_at - midnight) // _GRID * _GRID
    if booked_at - slot <= _BOOKED_WITHIN:
        return slot
    return booked_at.replace(second=0, microsecond=0)


def row(record: FundingPaymentRecord, source: Source) -> FundingPayment:
    """A payment. Raises BadRecord without an instrument or an instant, or with a bad amount."""
    instrument_code = record.instrument_code or source.tag
    if not instrument_code:
        raise BadRecord("instrument_code is missing")
    booked_at = instant(record.timestamp or record.time or "").at
    return FundingPayment(
        account_id=uuid(record.account_id or source.account_id, "account_id"),
        instrument_code=instrument_code,
        booked_at=booked_at,
        funding_time=funding_time(booked_at),
        amount=money(record.funding_payment, "funding_payment"),
        cash_balance=maybe_money(record.cash_balance, "cash_balance"),
        raw=source.raw,
    )


FUNDING_PAYMENTS = History(
    name="funding_payments",
    summary="Funding booked on the account, per instrument and funding time.",
    path="account/futures/funding-payments",
    requires_futures=True,
    interval=timedelta(minutes=5),
    unwrap=unwrap,
    decoder=RecordDecoder(FundingPaymentRecord),
    row=row,
    table=Table(
        "funding_payments",
        FundingPayment,
        key=("account_id", "instrument_code", "funding_time"),
        stamp="booked_at",
        twins="duplicate_slot",
    ),
    members={
        "booked_at": Member(("timestamp", "time")),
        "funding_time": Member(("timestamp", "time"), funding_time),
    },
    metrics=(PAID, RECEIVED),
    paging=Paging(size_param="max_page_size", size=10),
    instant="booked_at",
    max_window=timedelta(days=30),
    allowed_lateness=timedelta(minutes=2),
    overlap=timedelta(hours=9),
    totals=TOTALS,
)
