"""Funding history: the settled rate of each futures instrument at each funding time."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import listed
from exporter.model.errors import BadRecord
from exporter.model.fields import Number, RecordDecoder, instant, maybe_positive, money
from exporter.model.members import Member
from exporter.model.stream import History, Json, Paging, Source, Table


class FundingRate(NamedTuple):
    """The settled rate of one futures instrument at one funding time."""

    instrument_code: str
    funding_time: datetime
    """End of the funding period, to the precision sent; four hours apart for crypto futures."""
    funding_rate: Decimal
    """Fraction (not percent) per funding period; positive: longs paid shorts."""
    mark_price: Decimal | None
    """Mark price at settlement, in the quote currency; None when not sent, or sent as 0."""
    raw: Json


class FundingRateRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``GET funding-rate/history`` (page "funding-rate-history").

    The page shows a bare array; the exchange sends an object with ``funding_rates``. ``timestamp``
    replaces ``time``, which is deprecated and still sent.
    """

    funding_rate: Number
    instrument_code: str | None = None
    mark_price: Number | None = None
    timestamp: str | int | None = None
    time: str | int | None = None


def row(record: FundingRateRecord, source: Source) -> FundingRate:
    """A settled rate. Raises BadRecord without an instant or an instrument."""
    if not record.instrument_code:
        raise BadRecord("instrument_code is missing")
    return FundingRate(
        instrument_code=record.instrument_code,
        funding_time=instant(record.timestamp or record.time or "").at,
        funding_rate=money(record.funding_rate, "funding_rate"),
        mark_price=maybe_positive(record.mark_price, "mark_price"),
        raw=source.raw,
    )


FUNDING_HISTORY = History(
    name="funding_history",
    summary="Settled funding rate and mark price of each futures instrument.",
    path="funding-rate/history",
    public=True,
    interval=timedelta(minutes=5),
    unwrap=listed("funding_rates", also_bare=True),
    decoder=RecordDecoder(FundingRateRecord),
    row=row,
    table=Table("funding_rates", FundingRate, key=("instrument_code", "funding_time")),
    members={"funding_time": Member(("timestamp", "time"))},
    paging=Paging(size_param="limit", size=100, cursor=None, time="epoch_ms"),
    instant="funding_time",
    max_window=timedelta(days=366),
    allowed_lateness=timedelta(minutes=5),
    overlap=timedelta(hours=9),
    partition_by="instrument",
)
