"""Account fees: the fee tier that is in force for an account, and the volume that it follows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import Envelope, RawRecord, items, members, taken
from exporter.model.errors import BadRecord, UnexpectedPayload
from exporter.model.fields import Number, RecordDecoder, Uuid, fraction, money, quoted
from exporter.model.members import Member
from exporter.model.stream import (
    Json,
    Metric,
    Reference,
    Sample,
    SnapshotResponse,
    Source,
    Table,
)

MAKER = Metric(
    "onetrading_fee_tier_maker_ratio",
    "Maker fee of the tier in force, as a fraction of the trade's value (polled from account/fees: "
    "active_fee_tiers.maker_fee, which is in percent).",
    ("fee_group",),
)
TAKER = Metric(
    "onetrading_fee_tier_taker_ratio",
    "Taker fee of the tier in force, as a fraction of the trade's value (polled from account/fees: "
    "active_fee_tiers.taker_fee, which is in percent).",
    ("fee_group",),
)
VOLUME = Metric(
    "onetrading_fee_running_volume",
    "Traded volume of the last 30 days that decides the tier, of all subaccounts together, in the "
    "exchange's currency for it, EUR (polled from account/fees: running_volumes.volume).",
    ("fee_group",),
)


class AccountFeeTier(NamedTuple):
    """The tier in force of one account for one group of markets.

    The running volume is not part of it: it changes with every trade, and would begin a new version
    each hour. It is a gauge.
    """

    account_id: Uuid
    fee_group: str
    """SPOT or FUTURES, or what is new."""
    min_volume: Decimal
    """Where the tier begins: volume of 30 days, in the currency of the schedule (`fees`)."""
    maker_ratio: Decimal
    """Fee of a maker as a fraction of the value of the trade (sent in percent); negative: a
    rebate."""
    taker_ratio: Decimal
    """The same of a taker."""
    raw: Json


class AccountFeeTierRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``active_fee_tiers`` of ``GET account/fees``. Fees are in percent."""

    fee_group_id: str
    volume: Number
    maker_fee: Number
    taker_fee: Number


class RunningVolume(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``running_volumes`` of ``GET account/fees``."""

    fee_group_id: str
    volume: Number
    currency: str | None = None


_RUNNING = "running_volumes"
_volumes = RecordDecoder(RunningVolume)


def unwrap(body: bytes) -> Envelope:
    """The active tiers are the records; ``running_volumes``, documented as well, is a member."""
    header = members(body)
    tiers = taken(header, "active_fee_tiers", body)
    if bytes(header.get(_RUNNING, b"null")) == b"null":
        raise UnexpectedPayload(f"no {_RUNNING!r} in the response: {body[:60]!r}")
    return Envelope([RawRecord(bytes(tier)) for tier in items(tiers)], None, header)


def row(record: AccountFeeTierRecord, source: Source) -> AccountFeeTier:
    """A tier. Raises BadRecord for a number that is none."""
    return AccountFeeTier(
        account_id=source.account_id,
        fee_group=record.fee_group_id,
        min_volume=money(record.volume, "volume"),
        maker_ratio=fraction(record.maker_fee, "maker_fee"),
        taker_ratio=fraction(record.taker_fee, "taker_fee"),
        raw=source.raw,
    )


def samples(response: SnapshotResponse) -> Iterator[Sample]:
    """Tier and running volume of each group.

    Raises UnexpectedPayload for a volume that is none, or for two of one group.
    """
    for tier in response.rows:
        yield MAKER(tier.maker_ratio, tier.fee_group)
        yield TAKER(tier.taker_ratio, tier.fee_group)
    groups: set[str] = set()
    for sent in items(response.header[_RUNNING]):
        try:
            running, _ = _volumes.decode(bytes(sent))
            volume = money(running.volume, "volume")
        except BadRecord as error:
            raise UnexpectedPayload(f"{_RUNNING}: {error}") from error
        if running.fee_group_id in groups:
            raise UnexpectedPayload(f"{_RUNNING}: {quoted(running.fee_group_id)} stands twice")
        groups.add(running.fee_group_id)
        yield VOLUME(volume, running.fee_group_id)


ACCOUNT_FEES = Reference(
    name="account_fees",
    summary="The fee tier in force per group of markets, and the running volume.",
    path="account/fees",
    interval=timedelta(hours=1),
    unwrap=unwrap,
    decoder=RecordDecoder(AccountFeeTierRecord),
    row=row,
    table=Table("account_fee_tiers", AccountFeeTier, key=("account_id", "fee_group")),
    members={"fee_group": Member(("fee_group_id",))},
    enums={"fee_group": frozenset({"SPOT", "FUTURES"})},
    metrics=(MAKER, TAKER, VOLUME),
    samples=samples,
)
