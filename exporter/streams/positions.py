"""Open futures positions: size, notional, margin and the result of the last minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import listed
from exporter.model.fields import Number, RecordDecoder, Uuid, maybe_money, money
from exporter.model.stream import Json, Metric, Sample, Snapshot, SnapshotResponse, Source, Table

OPEN = Metric(
    "onetrading_positions_open",
    "Number of open positions; 0 when flat (polled from account/futures/positions).",
)
VOLUME = Metric(
    "onetrading_position_open_volume",
    "Size in units of the base asset, without sign "
    "(polled from account/futures/positions: open_volume).",
    ("instrument", "direction"),
)
NOTIONAL = Metric(
    "onetrading_position_open_notional",
    "Size at the mark price in the quote currency; not the cost of entry "
    "(polled from account/futures/positions: open_position).",
    ("instrument", "direction"),
)
MAINTENANCE = Metric(
    "onetrading_position_maintenance_margin",
    "Maintenance margin in the quote currency "
    "(polled from account/futures/positions: maintenance_margin).",
    ("instrument", "direction"),
)
SETTLEMENT = Metric(
    "onetrading_position_last_settlement",
    "Cash result of the last minute's settlement in the quote currency "
    "(polled from account/futures/positions: last_settlement).",
    ("instrument", "direction"),
)
MARK = Metric(
    "onetrading_position_mark_price",
    "Mark price of the last settlement in the quote currency "
    "(polled from account/futures/positions: "
    "mark_price).",
    ("instrument", "direction"),
)
NET = Metric(
    "onetrading_position_net_volume",
    "Size in units of the base asset, negative when short (polled from account/futures/positions: "
    "open_volume, direction).",
    ("instrument",),
)


class Position(NamedTuple):
    """One open position of one response. A column is None when its field was not sent."""

    account_id: Uuid
    instrument_code: str
    direction: str
    """LONG or SHORT: the sign of the position."""
    open_volume: Decimal
    """Size in units of the base asset, without sign."""
    open_notional: Decimal | None
    """Size at the mark price of the last settlement, in the quote currency, without sign: the
    field ``open_position``. Not the cost of entry."""
    maintenance_margin: Decimal | None
    """In the quote currency."""
    last_settlement: Decimal | None
    """Cash result of the last minute's settlement, in the quote currency; negative for a loss."""
    mark_price: Decimal | None
    """Of the last settlement, in the quote currency."""
    raw: Json


class PositionRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``positions`` of ``GET account/futures/positions``.

    Page "futures/positions", labelled "Developing": its prose promises more fields without their
    names.
    """

    instrument_code: str
    direction: str
    open_volume: Number
    open_position: Number | None = None
    maintenance_margin: Number | None = None
    last_settlement: Number | None = None
    mark_price: Number | None = None
    account_id: str | None = None
    position_id: str | int | None = None


def row(record: PositionRecord, source: Source) -> Position:
    """A position. Raises BadRecord for a size that is not finite."""
    return Position(
        account_id=source.account_id,
        instrument_code=record.instrument_code,
        direction=record.direction,
        open_volume=money(record.open_volume, "open_volume"),
        open_notional=maybe_money(record.open_position, "open_position"),
        maintenance_margin=maybe_money(record.maintenance_margin, "maintenance_margin"),
        last_settlement=maybe_money(record.last_settlement, "last_settlement"),
        mark_price=maybe_money(record.mark_price, "mark_price"),
        raw=source.raw,
    )


def samples(response: SnapshotResponse) -> Iterator[Sample]:
    """A closed position disappears; the number of open ones becomes 0."""
    yield OPEN(len(response.rows))
    net: dict[str, Decimal] = {}
    for position in response.rows:
        labels = (position.instrument_code, position.direction)
        yield VOLUME(position.open_volume, *labels)
        for metric, value in (
            (NOTIONAL, position.open_notional),
            (MAINTENANCE, position.maintenance_margin),
            (SETTLEMENT, position.last_settlement),
            (MARK, position.mark_price),
        ):
            if value is not None:
                yield metric(value, *labels)
        signed = -position.open_volume if position.direction == "SHORT" else position.open_volume
        net[position.instrument_code] = net.get(position.instrument_code, Decimal(0)) + signed
    for instrument, volume in net.items():
        yield NET(volume, instrument)


POSITIONS = Snapshot(
    name="positions",
    summary="Open futures positions with size, notional, margin and last settlement.",
    path="account/futures/positions",
    requires_futures=True,
    interval=timedelta(seconds=15),
    unwrap=listed("positions"),
    decoder=RecordDecoder(PositionRecord),
    row=row,
    table=Table("positions", Position, key=("instrument_code", "direction")),
    enums={"direction": frozenset({"LONG", "SHORT"})},
    metrics=(OPEN, VOLUME, NOTIONAL, MAINTENANCE, SETTLEMENT, MARK, NET),
    samples=samples,
)
