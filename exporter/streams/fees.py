"""Fees: the tiers of the exchange's fee schedule, per group of markets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import Envelope, RawRecord, items, members, taken, text_member
from exporter.model.errors import BadRecord
from exporter.model.fields import Number, RecordDecoder, fraction, money
from exporter.model.members import Member
from exporter.model.stream import Json, Reference, Sample, SnapshotResponse, Source, Table


class FeeTier(NamedTuple):
    """One tier of one group of markets."""

    fee_group: str
    """SPOT or FUTURES, or what is new."""
    min_volume: Decimal
    """The tier applies from this volume of 30 days on, in ``volume_currency``."""
    volume_currency: str | None
    """EUR on the wire; None when not sent."""
    maker_ratio: Decimal
    """Fee of a maker as a fraction of the value of the trade (sent in percent); negative: a
    rebate."""
    taker_ratio: Decimal
    """The same of a taker."""
    raw: Json


class FeeTierRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``fee_tiers`` of a group of ``GET fees`` (page "fees"). Fees are in percent."""

    volume: Number
    maker_fee: Number
    taker_fee: Number
    fee_group_id: str | None = None


def unwrap(body: bytes) -> Envelope:
    """An array of groups, each with its tiers; every tier is a record.

    It is tagged ``GROUP/CURRENCY`` by its group. A group without tiers is not as documented.
    """
    return Envelope([record for group in items(body) for record in _tiers(bytes(group))])


def _tiers(group: bytes) -> Iterator[RawRecord]:
    header = members(group)
    tiers = taken(header, "fee_tiers", group)
    sent = (text_member(header, name) for name in ("fee_group_id", "volume_currency"))
    tag = "/".join(text or "" for text in sent)
    return (RawRecord(bytes(tier), tag) for tier in items(tiers))


def row(record: FeeTierRecord, source: Source) -> FeeTier:
    """A tier. Raises BadRecord without a group, or for a number that is none."""
    group, _, currency = source.tag.partition("/")
    fee_group = record.fee_group_id or group
    if not fee_group:
        raise BadRecord("fee_group_id is missing")
    return FeeTier(
        fee_group=fee_group,
        min_volume=money(record.volume, "volume"),
        volume_currency=currency or None,
        maker_ratio=fraction(record.maker_fee, "maker_fee"),
        taker_ratio=fraction(record.taker_fee, "taker_fee"),
        raw=source.raw,
    )


def samples(_response: SnapshotResponse) -> Iterator[Sample]:
    """None: the schedule is kept in Postgres only; `account_fees` shows the tier in force."""
    yield from ()


FEES = Reference(
    name="fees",
    summary="The fee schedule: every tier with its volume, maker and taker fee.",
    path="fees",
    public=True,
    interval=timedelta(hours=1),
    unwrap=unwrap,
    decoder=RecordDecoder(FeeTierRecord),
    row=row,
    table=Table("fee_tiers", FeeTier, key=("fee_group", "min_volume")),
    members={"fee_group": Member(("fee_group_id",)), "min_volume": Member(("volume",))},
    enums={"fee_group": frozenset({"SPOT", "FUTURES"})},
    samples=samples,
)
