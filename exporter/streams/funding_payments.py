"""Funding payments: what each futures instrument paid or cost an account, every four hours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import Envelope, RawRecord, items, members, text_member
from exporter.model.errors import UnexpectedPayload
from exporter.model.fields import RecordDecoder, Uuid, instant, maybe_money, money, uuid
from exporter.model.stream import History, Json, Metric, Paging, Sample, Source, Table

PAID = Metric(
    "onetrading_funding_paid_total",
    "Funding paid, in the quote currency (account/futures/funding-payments: funding_payment < 0).",
    ("instrument",),
    "counter",
)
RECEIVED = Metric(
    "onetrading_funding_received_total",
    "Funding received, in the quote currency (account/futures/funding-payments: "
    "funding_payment > 0).",
    ("instrument",),
    "counter",
)

_GRID = timedelta(hours=4)
_BOOKED_WITHIN = timedelta(minutes=10)


class FundingPayment(NamedTuple):
    """One booking. ``amount`` as sent: positive when received, negative when paid."""

    account_id: Uuid
    instrument_code: str
    booked_at: datetime
    funding_time: datetime
    amount: Decimal
    cash_balance: Decimal | None
    raw: Json


class FundingPaymentRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``funding_payments[instrument]``, or of a flat list that names it."""

    funding_payment: Decimal
    timestamp: str | int | None = None
    time: str | int | None = None
    cash_balance: Decimal | None = None
    instrument_code: str | None = None
    account_id: str | None = None


def unwrap(body: bytes) -> Envelope:
    """Payments come as a map from instrument to list; a flat list is documented and accepted.

    A page may hold any instruments, and their lists are not merged in time: records are told
    newest first over all of them.
    """
    header = members(body)
    if "funding_payments" not in header:
        raise UnexpectedPayload("no 'funding_payments' in the answer")
    payments = bytes(header.pop("funding_payments"))
    cursor = text_member(header, "cursor")
    if payments.lstrip()[:1] == b"[":
        return Envelope([RawRecord(bytes(item)) for item in items(payments)], cursor, header)
    records = [
        RawRecord(bytes(item), code)
        for code, of_code in members(payments).items()
        for item in items(of_code)
    ]
    return Envelope(records, cursor, header)


def funding_time(booked_at: datetime) -> datetime:
    """The funding slot that a booking belongs to, in UTC.

    Crypto futures settle on the four-hour grid and are booked seconds later, each market at its
    own offset. Equity futures settle at times of the US session, on whole minutes.
    """
    midnight = booked_at.replace(hour=0, minute=0, second=0, microsecond=0)
    slot = midnight + (booked_at - midnight) // _GRID * _GRID
    if booked_at - slot <= _BOOKED_WITHIN:
        return slot
    return booked_at.replace(second=0, microsecond=0)


def row(record: FundingPaymentRecord, source: Source) -> FundingPayment:
    """A payment; refuses one without an instant or an instrument."""
    booked_at = instant(record.timestamp or record.time or "").at
    return FundingPayment(
        account_id=uuid(record.account_id or source.account_id, "account_id"),
        instrument_code=record.instrument_code or source.tag,
        booked_at=booked_at,
        funding_time=funding_time(booked_at),
        amount=money(record.funding_payment, "funding_payment"),
        cash_balance=maybe_money(record.cash_balance),
        raw=source.raw,
    )


def totals(payments: Sequence[FundingPayment]) -> Iterator[Sample]:
    """Paid and received are counted apart, never netted."""
    for payment in payments:
        metric = RECEIVED if payment.amount >= 0 else PAID
        yield metric(payment.amount.copy_abs(), payment.instrument_code)


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
        "funding_payments", FundingPayment, key=("account_id", "instrument_code", "booked_at")
    ),
    metrics=(PAID, RECEIVED),
    paging=Paging(size_param="max_page_size", size=10),
    instant="booked_at",
    max_window=timedelta(days=30),
    allowed_lateness=timedelta(minutes=2),
    overlap=timedelta(hours=9),
    totals=totals,
)
