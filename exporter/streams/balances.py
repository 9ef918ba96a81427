"""Balances: what an account holds of each currency, free and locked by open orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import decimal_member, listed
from exporter.model.fields import Number, RecordDecoder, Uuid, instant, money
from exporter.model.stream import (
    Metric,
    Sample,
    Snapshot,
    SnapshotResponse,
    Source,
    Table,
    epoch_seconds,
)

AVAILABLE = Metric(
    "onetrading_balance_available",
    "Free amount, in units of the currency (polled from account/balances: available).",
    ("currency",),
)
LOCKED = Metric(
    "onetrading_balance_locked",
    "Amount held by open orders, in units of the currency (polled from account/balances: locked).",
    ("currency",),
)
CHANGED = Metric(
    "onetrading_balance_changed_timestamp_seconds",
    "When this balance last changed, not when it was read (polled from account/balances: time).",
    ("currency",),
)
EQUITY = Metric(
    "onetrading_account_equity",
    "Equity of the whole account in the exchange's currency of account, which it does not name "
    "(polled from account/balances: account_equity).",
)
MARGIN_AVAILABLE = Metric(
    "onetrading_account_margin_available",
    "Margin still free, in the exchange's currency of account (polled from account/balances: "
    "margin_available).",
)
MARGIN_USED = Metric(
    "onetrading_account_margin_used",
    "Margin in use, in the exchange's currency of account "
    "(polled from account/balances: margin_used).",
)


class Balance(NamedTuple):
    """One currency of one response. Amounts are in units of the currency."""

    account_id: Uuid
    currency_code: str
    available: Decimal
    """Free amount; may be 0, and loads with the sign that was sent."""
    locked: Decimal
    """Held by open orders; 0 when not sent."""
    changed_at: datetime | None
    """When this balance last changed, which may be months ago; None when not sent."""


class BalanceRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``balances`` of ``GET account/balances`` (page "balances").

    The last four fields were sent until 2024.
    """

    currency_code: str
    available: Number
    locked: Number = "0"
    time: str | int | None = None
    account_id: str | None = None
    account_holder: str | None = None
    change: Number | None = None
    sequence: str | int | None = None


def row(record: BalanceRecord, source: Source) -> Balance:
    """A balance. Raises BadRecord for an amount that is not finite."""
    return Balance(
        account_id=source.account_id,
        currency_code=record.currency_code,
        available=money(record.available, "available"),
        locked=money(record.locked, "locked"),
        changed_at=None if record.time is None else instant(record.time).at,
    )


def samples(response: SnapshotResponse) -> Iterator[Sample]:
    """A zero balance is exported as 0; a currency that is not listed is not exported."""
    for balance in response.rows:
        yield AVAILABLE(balance.available, balance.currency_code)
        yield LOCKED(balance.locked, balance.currency_code)
        if balance.changed_at is not None:
            yield CHANGED(epoch_seconds(balance.changed_at), balance.currency_code)
    for metric, name in (
        (EQUITY, "account_equity"),
        (MARGIN_AVAILABLE, "margin_available"),
        (MARGIN_USED, "margin_used"),
    ):
        value = decimal_member(response.header, name)
        if value is not None:
            yield metric(value)


BALANCES = Snapshot(
    name="balances",
    summary="Free and locked amount of each currency, and the account's equity and margin.",
    path="account/balances",
    interval=timedelta(seconds=15),
    unwrap=listed("balances"),
    decoder=RecordDecoder(BalanceRecord),
    row=row,
    table=Table("balances", Balance, key=("currency_code",)),
    metrics=(AVAILABLE, LOCKED, CHANGED, EQUITY, MARGIN_AVAILABLE, MARGIN_USED),
    samples=samples,
)
