"""Funding settings: by what the funding rate of each futures instrument is computed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import bare_list
from exporter.model.fields import Number, RecordDecoder, maybe_money
from exporter.model.stream import Json, Reference, Sample, SnapshotResponse, Source, Table


class FundingSetting(NamedTuple):
    """The settings of one futures instrument. A column is None when its field was not sent."""

    instrument_code: str
    state: str | None
    """ACTIVE, SUSPENDED, POST_ONLY or CLOSED, or what is new."""
    market_offset: int | None
    """Seconds after the whole minute at which this market is computed and settled; it differs
    between instruments, and changes over time."""
    clamp_threshold: Decimal | None
    """Largest difference between interest and premium that is evened out, as a fraction; the page
    says that it is wider from Friday 20:00 to Monday 00:00 UTC."""
    annual_interest_rate: Decimal | None
    """Fraction per year (0.04 is 4 %)."""
    cap: Decimal | None
    """Largest absolute funding rate of one period, as a fraction."""
    period_minutes: int | None
    """Length of a funding period."""
    raw: Json


class FundingSettingRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``GET funding-rate/settings`` (page "funding-rate-settings")."""

    instrument_code: str
    state: str | None = None
    market_offset: int | None = None
    clamp_threshold: Number | None = None
    annual_interest_rate: Number | None = None
    cap: Number | None = None
    period: int | None = None


def row(record: FundingSettingRecord, source: Source) -> FundingSetting:
    """The settings of an instrument. Raises BadRecord for a number that is none."""
    return FundingSetting(
        instrument_code=record.instrument_code,
        state=record.state,
        market_offset=record.market_offset,
        clamp_threshold=maybe_money(record.clamp_threshold, "clamp_threshold"),
        annual_interest_rate=maybe_money(record.annual_interest_rate, "annual_interest_rate"),
        cap=maybe_money(record.cap, "cap"),
        period_minutes=record.period,
        raw=source.raw,
    )


def samples(_response: SnapshotResponse) -> Iterator[Sample]:
    """None: settings are kept in Postgres only."""
    yield from ()


FUNDING_SETTINGS = Reference(
    name="funding_settings",
    summary="Offset, clamp, interest rate, cap and period of each futures instrument's funding.",
    path="funding-rate/settings",
    public=True,
    interval=timedelta(hours=1),
    unwrap=bare_list,
    decoder=RecordDecoder(FundingSettingRecord),
    row=row,
    table=Table("funding_settings", FundingSetting, key=("instrument_code",)),
    enums={"state": frozenset({"ACTIVE", "SUSPENDED", "POST_ONLY", "CLOSED"})},
    samples=samples,
)
