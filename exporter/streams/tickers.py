"""Tickers: last price, best bid and ask, and 24-hour volume of each tradable instrument."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from exporter.model.envelope import bare_list
from exporter.model.fields import Number, RecordDecoder, instant, maybe_money
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

LAST = Metric(
    "onetrading_last_price",
    "Price of the last trade in the quote currency (polled from market-ticker: last_price).",
    ("instrument",),
)
BID = Metric(
    "onetrading_bid_price",
    "Highest bid in the quote currency; absent when nobody bids "
    "(polled from market-ticker: highest_bid).",
    ("instrument",),
)
ASK = Metric(
    "onetrading_ask_price",
    "Lowest ask in the quote currency; absent when nobody offers "
    "(polled from market-ticker: lowest_ask).",
    ("instrument",),
)
VOLUME_BASE = Metric(
    "onetrading_volume_24h_base",
    "Volume of the last 24 hours in units of the base asset "
    "(polled from market-ticker: base_volume).",
    ("instrument",),
)
VOLUME_QUOTE = Metric(
    "onetrading_volume_24h_quote",
    "Volume of the last 24 hours in the quote currency (polled from market-ticker: quote_volume).",
    ("instrument",),
)
NEXT_FUNDING = Metric(
    "onetrading_next_funding_timestamp_seconds",
    "When funding is next settled (polled from market-ticker: next_funding_payment).",
    ("instrument",),
)


class Ticker(NamedTuple):
    """One instrument of one response. Prices are in the quote currency.

    A column is None when its field was not sent; the last three are sent for futures only.
    """

    instrument_code: str
    state: str | None
    last_price: Decimal | None
    bid_price: Decimal | None
    """Highest bid; None when nobody bids."""
    ask_price: Decimal | None
    """Lowest ask; None when nobody offers."""
    base_volume: Decimal | None
    """Of the last 24 hours, in units of the base asset."""
    quote_volume: Decimal | None
    """Of the last 24 hours, in the quote currency."""
    mark_price: Decimal | None
    """Computed once a minute."""
    funding_rate: Decimal | None
    """Preliminary, as a fraction (not percent) per funding period; positive: longs pay shorts."""
    next_funding_at: datetime | None
    """When funding is next settled."""
    raw: Json


class TickerRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``GET market-ticker``.

    ``type`` and the last five fields are not documented; futures have the last five.
    """

    instrument_code: str
    state: str | None = None
    type: str | None = None
    last_price: Number | None = None
    high: Number | None = None
    low: Number | None = None
    highest_bid: Number | None = None
    lowest_ask: Number | None = None
    base_volume: Number | None = None
    quote_volume: Number | None = None
    price_change: Number | None = None
    price_change_percentage: Number | None = None
    sequence: int | None = None
    mark_price: Number | None = None
    funding_rate: Number | None = None
    next_funding_payment: str | int | None = None
    open_interest: Number | None = None
    open_interest_usd: Number | None = None


def _quoted(text: str | None, field: str) -> Decimal | None:
    """A price, or None for 0.00, by which the exchange means an empty side of the book."""
    price = maybe_money(text, field)
    return None if price is None or price == 0 else price


def row(record: TickerRecord, source: Source) -> Ticker:
    """A ticker. Raises BadRecord for a number or an instant that is none."""
    next_funding = record.next_funding_payment
    return Ticker(
        instrument_code=record.instrument_code,
        state=record.state,
        last_price=maybe_money(record.last_price, "last_price"),
        bid_price=_quoted(record.highest_bid, "highest_bid"),
        ask_price=_quoted(record.lowest_ask, "lowest_ask"),
        base_volume=maybe_money(record.base_volume, "base_volume"),
        quote_volume=maybe_money(record.quote_volume, "quote_volume"),
        mark_price=maybe_money(record.mark_price, "mark_price"),
        funding_rate=maybe_money(record.funding_rate, "funding_rate"),
        next_funding_at=None if next_funding is None else instant(next_funding).at,
        raw=source.raw,
    )


def samples(response: SnapshotResponse) -> Iterator[Sample]:
    """Closed instruments are not listed, and so not exported."""
    for ticker in response.rows:
        for metric, value in (
            (LAST, ticker.last_price),
            (BID, ticker.bid_price),
            (ASK, ticker.ask_price),
            (VOLUME_BASE, ticker.base_volume),
            (VOLUME_QUOTE, ticker.quote_volume),
        ):
            if value is not None:
                yield metric(value, ticker.instrument_code)
        if ticker.next_funding_at is not None:
            yield NEXT_FUNDING(epoch_seconds(ticker.next_funding_at), ticker.instrument_code)


TICKERS = Snapshot(
    name="tickers",
    summary="Last, bid and ask price and 24-hour volume of each tradable instrument.",
    path="market-ticker",
    public=True,
    interval=timedelta(seconds=15),
    unwrap=bare_list,
    decoder=RecordDecoder(TickerRecord),
    row=row,
    table=Table("tickers", Ticker, key=("instrument_code",)),
    enums={"state": frozenset({"ACTIVE", "SUSPENDED", "POST_ONLY", "CLOSED"})},
    metrics=(LAST, BID, ASK, VOLUME_BASE, VOLUME_QUOTE, NEXT_FUNDING),
    samples=samples,
)
