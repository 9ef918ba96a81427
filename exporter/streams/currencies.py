"""Currencies: every asset that can be held, with its decimals and its worth as collateral."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import bare_list
from exporter.model.fields import Number, RecordDecoder, maybe_money
from exporter.model.members import Member
from exporter.model.stream import Json, Reference, Sample, SnapshotResponse, Source, Table


class Currency(NamedTuple):
    """One asset. A column is None when its field was not sent."""

    currency_code: str
    name: str | None
    """Name for display."""
    precision: int | None
    """Decimals of amounts."""
    collateral_percentage: Decimal | None
    """Share of its value that counts as futures collateral, in percent: 0 to 100."""
    raw: Json


class CurrencyRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``GET currencies``."""

    code: str
    name: str | None = None
    precision: int | None = None
    unified_cryptoasset_id: int | None = None
    collateral_percentage: Number | None = None


def row(record: CurrencyRecord, source: Source) -> Currency:
    """A currency. Raises BadRecord for a percentage that is no number."""
    return Currency(
        currency_code=record.code,
        name=record.name,
        precision=record.precision,
        collateral_percentage=maybe_money(record.collateral_percentage, "collateral_percentage"),
        raw=source.raw,
    )


def samples(_response: SnapshotResponse) -> Iterator[Sample]:
    """None: currencies are kept in Postgres only."""
    yield from ()


CURRENCIES = Reference(
    name="currencies",
    summary="Every asset with its decimals and its worth as collateral.",
    path="currencies",
    public=True,
    interval=timedelta(hours=1),
    unwrap=bare_list,
    decoder=RecordDecoder(CurrencyRecord),
    row=row,
    table=Table("currencies", Currency, key=("currency_code",)),
    members={"currency_code": Member(("code",))},
    samples=samples,
)
