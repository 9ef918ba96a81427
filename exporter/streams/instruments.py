"""Instruments: every market, closed ones included, with its rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from exporter.model.envelope import bare_list, members
from exporter.model.fields import Number, RecordDecoder, maybe_money
from exporter.model.members import Member
from exporter.model.stream import Json, Metric, Reference, Sample, SnapshotResponse, Source, Table

INFO = Metric(
    "onetrading_instrument_info",
    "Always 1; base and quote asset and kind of market "
    "(polled from instruments: base, quote, type).",
    ("instrument", "base", "quote", "kind"),
)
ACTIVE = Metric(
    "onetrading_instrument_active",
    "1 when the instrument can be traded, else 0 (polled from instruments: state = ACTIVE).",
    ("instrument",),
)


class Instrument(NamedTuple):
    """One market. A column is None when its field was not sent."""

    instrument_code: str
    """``BTC_EUR``; futures end in ``_P``. One contract is one unit of the base asset."""
    base_code: str
    quote_code: str
    kind: str
    """SPOT, PERP, DATED_FUTURE or EQUITY_FUTURE, or what is new."""
    state: str
    """ACTIVE, SUSPENDED, POST_ONLY or CLOSED, or what is new."""
    amount_precision: int | None
    """Decimals of amounts."""
    market_precision: int | None
    """Decimals of prices."""
    min_size: Decimal | None
    """Least value of an order (price times amount), in the quote currency."""
    min_price: Decimal | None
    max_price: Decimal | None
    """Bounds of the price of an order, in the quote currency."""
    price_collar_percentage: Decimal | None
    """How far the price of an order may lie from the market, in percent."""
    contract_expiry_date: str | None
    """``2031-04-20``, of dated futures."""
    contract_duration: str | None
    """``5Y``, of dated futures."""
    funding_schedule: Json | None
    """When funding is settled, as sent; equity futures have another shape, never seen yet."""
    funding_period_minutes: int | None
    market_offset: int | None
    """Seconds after the minute at which the market is computed and settled; changes over time."""
    raw: Json


class Asset(msgspec.Struct, forbid_unknown_fields=True):
    """``base`` or ``quote`` of an instrument; ``precision`` in decimals."""

    code: str
    precision: int | None = None


class InstrumentRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``GET instruments``.

    The last six fields are sent for futures only, and not documented.
    """

    id: str
    base: Asset
    quote: Asset
    type: str
    state: str
    amount_precision: int | None = None
    market_precision: int | None = None
    min_size: Number | None = None
    min_price: Number | None = None
    max_price: Number | None = None
    contract_expiry_date: str | None = None
    contract_duration: str | None = None
    funding_schedule: Any = None
    funding_period: int | None = None
    market_offset: int | None = None
    price_collar_percentage: Number | None = None


def _schedule(raw: Json) -> Json:
    """``funding_schedule`` as sent, every digit of it."""
    return Json(bytes(members(raw.encode())["funding_schedule"]), "utf-8")


def row(record: InstrumentRecord, source: Source) -> Instrument:
    """An instrument. Raises BadRecord for a number that is none."""
    collar = maybe_money(record.price_collar_percentage, "price_collar_percentage")
    return Instrument(
        instrument_code=record.id,
        base_code=record.base.code,
        quote_code=record.quote.code,
        kind=record.type,
        state=record.state,
        amount_precision=record.amount_precision,
        market_precision=record.market_precision,
        min_size=maybe_money(record.min_size, "min_size"),
        min_price=maybe_money(record.min_price, "min_price"),
        max_price=maybe_money(record.max_price, "max_price"),
        price_collar_percentage=collar,
        contract_expiry_date=record.contract_expiry_date,
        contract_duration=record.contract_duration,
        funding_schedule=None if record.funding_schedule is None else _schedule(source.raw),
        funding_period_minutes=record.funding_period,
        market_offset=record.market_offset,
        raw=source.raw,
    )


def samples(response: SnapshotResponse) -> Iterator[Sample]:
    """Closed instruments stay listed, as inactive."""
    for instrument in response.rows:
        yield INFO(
            1,
            instrument.instrument_code,
            instrument.base_code,
            instrument.quote_code,
            instrument.kind,
        )
        yield ACTIVE(int(instrument.state == "ACTIVE"), instrument.instrument_code)


INSTRUMENTS = Reference(
    name="instruments",
    summary="Every market with its assets, kind, state and rules.",
    path="instruments",
    public=True,
    interval=timedelta(hours=1),
    unwrap=bare_list,
    decoder=RecordDecoder(InstrumentRecord),
    row=row,
    table=Table("instruments", Instrument, key=("instrument_code",)),
    members={"instrument_code": Member(("id",))},
    enums={
        "kind": frozenset({"SPOT", "PERP", "DATED_FUTURE", "EQUITY_FUTURE"}),
        "state": frozenset({"ACTIVE", "SUSPENDED", "POST_ONLY", "CLOSED"}),
    },
    metrics=(INFO, ACTIVE),
    samples=samples,
)
