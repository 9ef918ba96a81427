"""Funding rates as they form: the preliminary rate and mark price of each futures instrument."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import bare_list
from exporter.model.fields import Number, RecordDecoder, instant, maybe_money, money
from exporter.model.stream import (
    Json,
    Metric,
    Sample,
    Snapshot,
    SnapshotResponse,
    Source,
    Table,
    epoch_seconds,
)

RATE = Metric(
    "onetrading_funding_rate",
    "Rate that forms for the coming funding, as a fraction per funding period; positive: longs "
    "pay shorts (polled from funding-rate: funding_rate).",
    ("instrument",),
)
MARK = Metric(
    "onetrading_mark_price",
    "Mark price in the quote currency, computed once a minute "
    "(polled from funding-rate: mark_price).",
    ("instrument",),
)
COMPUTED = Metric(
    "onetrading_funding_rate_timestamp_seconds",
    "When rate and mark price were computed by the exchange (polled from funding-rate: time).",
    ("instrument",),
)


class FundingRateSample(NamedTuple):
    """One futures instrument of one response."""

    instrument_code: str
    funding_rate: Decimal
    """Preliminary, as a fraction (not percent) per funding period; positive: longs pay shorts."""
    mark_price: Decimal | None
    """In the quote currency; None when not sent."""
    computed_at: datetime | None
    """When the exchange computed both, once a minute; None when not sent."""
    raw: Json


class FundingRateSampleRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``GET funding-rate`` (page "current-funding-rate").

    ``timestamp`` is the announced successor of ``time``.
    """

    instrument_code: str
    funding_rate: Number
    mark_price: Number | None = None
    time: str | int | None = None
    timestamp: str | int | None = None


def row(record: FundingRateSampleRecord, source: Source) -> FundingRateSample:
    """A sample. Raises BadRecord for a rate that is not finite."""
    computed = record.time if record.time is not None else record.timestamp
    return FundingRateSample(
        instrument_code=record.instrument_code,
        funding_rate=money(record.funding_rate, "funding_rate"),
        mark_price=maybe_money(record.mark_price, "mark_price"),
        computed_at=None if computed is None else instant(computed).at,
        raw=source.raw,
    )


def samples(response: SnapshotResponse) -> Iterator[Sample]:
    """Closed and post-only instruments are not listed, and so not exported."""
    for sample in response.rows:
        yield RATE(sample.funding_rate, sample.instrument_code)
        if sample.mark_price is not None:
            yield MARK(sample.mark_price, sample.instrument_code)
        if sample.computed_at is not None:
            yield COMPUTED(epoch_seconds(sample.computed_at), sample.instrument_code)


FUNDING_RATES = Snapshot(
    name="funding_rates",
    summary="Preliminary funding rate and mark price of each futures instrument.",
    path="funding-rate",
    public=True,
    interval=timedelta(seconds=30),
    unwrap=bare_list,
    decoder=RecordDecoder(FundingRateSampleRecord),
    row=row,
    table=Table("funding_rate_samples", FundingRateSample, key=("instrument_code",)),
    metrics=(RATE, MARK, COMPUTED),
    samples=samples,
)
