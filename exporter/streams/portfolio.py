"""The futures account as a whole: equity, margin, and how far it is from liquidation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from exporter.model.envelope import single
from exporter.model.fields import Number, RecordDecoder, Uuid, maybe_money
from exporter.model.stream import Json, Metric, Sample, Snapshot, SnapshotResponse, Source, Table

EQUITY = Metric(
    "onetrading_futures_equity",
    "Equity of the futures account, in a currency that the exchange does not name "
    "(polled from account/futures/summary: equity).",
)
MARGIN_USED = Metric(
    "onetrading_futures_margin_used",
    "Margin in use (polled from account/futures/summary: margin_used).",
)
MARGIN_AVAILABLE = Metric(
    "onetrading_futures_margin_available",
    "Margin still free (polled from account/futures/summary: margin_available).",
)
MAINTENANCE = Metric(
    "onetrading_futures_maintenance_margin",
    "Maintenance margin of all positions "
    "(polled from account/futures/summary: maintenance_margin).",
)
RATIO = Metric(
    "onetrading_futures_account_ratio",
    "Account ratio as the exchange computes it: at 1.5 it reduces positions, at 1.0 it "
    "liquidates; absent when not a number (polled from account/futures/summary: account_ratio).",
)


class Portfolio(NamedTuple):
    """The only row of a response. Amounts are in a currency that the exchange does not name.

    A column is None when its field was not sent or is not a finite number.
    """

    account_id: Uuid
    equity: Decimal | None
    margin_used: Decimal | None
    margin_available: Decimal | None
    """Documented examples have equity minus ``margin_used`` here."""
    account_ratio: Decimal | None
    """As computed by the exchange, a float32: at 1.5 it reduces positions, at 1.0 it liquidates.
    None when flat (null, NaN or infinity is sent)."""
    maintenance_margin: Decimal | None
    """Of all positions."""
    raw: Json


class PortfolioRecord(msgspec.Struct, forbid_unknown_fields=True):
    """The response to ``GET account/futures/summary`` (page "futures/summary", "Developing").

    ``positions`` have their own stream.
    """

    equity: Number
    account_id: str | None = None
    margin_used: Number | None = None
    margin_available: Number | None = None
    account_ratio: Number | None = None
    maintenance_margin: Number | None = None
    positions: Any = None


def row(record: PortfolioRecord, source: Source) -> Portfolio:
    """A portfolio. Raises BadRecord for a number that is none."""
    return Portfolio(
        account_id=source.account_id,
        equity=maybe_money(record.equity, "equity"),
        margin_used=maybe_money(record.margin_used, "margin_used"),
        margin_available=maybe_money(record.margin_available, "margin_available"),
        account_ratio=maybe_money(record.account_ratio, "account_ratio"),
        maintenance_margin=maybe_money(record.maintenance_margin, "maintenance_margin"),
        raw=source.raw,
    )


def samples(response: SnapshotResponse) -> Iterator[Sample]:
    """A number that was not sent is not exported."""
    for portfolio in response.rows:
        for metric, value in (
            (EQUITY, portfolio.equity),
            (MARGIN_USED, portfolio.margin_used),
            (MARGIN_AVAILABLE, portfolio.margin_available),
            (RATIO, portfolio.account_ratio),
            (MAINTENANCE, portfolio.maintenance_margin),
        ):
            if value is not None:
                yield metric(value)


PORTFOLIO = Snapshot(
    name="portfolio",
    summary="Equity, margin and account ratio of the futures account.",
    path="account/futures/summary",
    requires_futures=True,
    interval=timedelta(seconds=15),
    unwrap=single("equity"),
    decoder=RecordDecoder(PortfolioRecord),
    row=row,
    table=Table("portfolios", Portfolio, key=("account_id",)),
    metrics=(EQUITY, MARGIN_USED, MARGIN_AVAILABLE, MAINTENANCE, RATIO),
    samples=samples,
)
