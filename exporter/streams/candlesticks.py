"""Candlesticks: prices and volume of an instrument by minutes, hours or days. Off by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from exporter.model.envelope import Envelope, listed, text_member
from exporter.model.errors import BadRecord, UnexpectedPayload
from exporter.model.fields import (
    Number,
    RecordDecoder,
    instant,
    integer,
    maybe_money,
    positive,
    quoted,
)
from exporter.model.granularity import BY_UNIT, candle_scope
from exporter.model.members import Member
from exporter.model.stream import History, Json, Paging, Source, Table

_CANDLES = 5_000
"""The most that one response holds."""
_LEAD = 2
_SPARE = 4
"""In candles: how much earlier than its window a request begins, and by how many a window is
shorter than a response, for that and for windows that begin within a candle."""
_LEAST_OVERLAP = timedelta(hours=1)


class Candlestick(NamedTuple):
    """The trades of one instrument from ``start_time`` to ``end_time``; without a trade there is no
    candle. Prices are in the quote currency."""

    instrument_code: str
    granularity: str
    """1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w or 1M."""
    start_time: datetime
    end_time: datetime
    """The last millisecond of the candle, as sent (12:59:59.999)."""
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    close_price: Decimal
    volume: Decimal | None
    """As sent: by the examples in the quote currency, the page does not say; None when not sent."""
    last_sequence: int | None
    """The exchange's counter of the last trade; a later one is a newer version of the candle."""
    raw: Json


class Length(msgspec.Struct, forbid_unknown_fields=True):
    """``granularity`` of an item."""

    unit: str
    period: int


class CandlestickRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``candlesticks`` of ``GET candlesticks/{instrument}``.

    ``time`` is the end of the candle, not its start.
    """

    instrument_code: str
    granularity: Length
    start_time: str | int
    time: str | int
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None = None
    last_sequence: Number | int | None = None


_unwrap = listed("candlesticks")
_WITH_NOTHING = (None, "data", "no_data")


def unwrap(body: bytes) -> Envelope:
    """``{"status": "data", "candlesticks": [...]}``.

    Other values of ``status`` were never seen. With candles they do not matter; an empty list under
    such a value may be an error, and must not prove that nobody traded: UnexpectedPayload.
    """
    envelope = _unwrap(body)
    status = text_member(envelope.header, "status")
    if not envelope.records and status not in _WITH_NOTHING:
        raise UnexpectedPayload(f"no candle, and status {quoted(status)} in place of data")
    return envelope


def _name(unit: object, period: object) -> str:
    """The name of a granularity. Raises KeyError for one that is not documented."""
    return BY_UNIT[str(unit), int(str(period))].name


def _granularity(record: Any) -> Any:
    """The granularity of a record that as a whole cannot be read; None when that cannot either."""
    sent = record.get("granularity") if isinstance(record, Mapping) else None
    try:
        return _name(sent["unit"], sent["period"]) if isinstance(sent, Mapping) else None
    except (KeyError, ValueError):
        return None


def row(record: CandlestickRecord, source: Source) -> Candlestick:
    """A candle. Raises BadRecord for prices that are not above 0, or a length that is not known."""
    length = record.granularity
    try:
        granularity = _name(length.unit, length.period)
    except KeyError as error:
        sent = quoted(f"{length.period} {length.unit}")
        raise BadRecord(f"granularity is not documented: {sent}") from error
    return Candlestick(
        instrument_code=record.instrument_code,
        granularity=granularity,
        start_time=instant(record.start_time).at,
        end_time=instant(record.time).at,
        open_price=positive(record.open, "open"),
        high_price=positive(record.high, "high"),
        low_price=positive(record.low, "low"),
        close_price=positive(record.close, "close"),
        volume=maybe_money(record.volume, "volume"),
        last_sequence=(
            None if record.last_sequence is None else integer(record.last_sequence, "last_sequence")
        ),
        raw=source.raw,
    )


def of_scope(stream: History, scope: str) -> History:
    """How the candles of one scope (``BTC_EUR:1h``) are requested.

    A request begins earlier than its window, since it is not documented whether ``from`` is
    compared with the start or the end of a candle.
    """
    instrument, granularity = candle_scope(scope)
    return replace(
        stream,
        path=f"candlesticks/{instrument}",
        endpoint=stream.path,
        common={"instrument_code": instrument, "granularity": granularity.name},
        parameters={"unit": granularity.unit, "period": str(granularity.period)},
        paging=replace(stream.paging, lead=_LEAD * granularity.span),
        max_window=(_CANDLES - _SPARE) * granularity.span,
        overlap=max(_LEAST_OVERLAP, 2 * granularity.span),
    )


CANDLESTICKS = History(
    name="candlesticks",
    summary="Open, high, low, close and volume of the instruments that "
    "`ONETRADING_CANDLESTICKS` names; off without it.",
    path="candlesticks/{instrument}",
    public=True,
    interval=timedelta(minutes=5),
    unwrap=unwrap,
    decoder=RecordDecoder(CandlestickRecord),
    row=row,
    table=Table(
        "candlesticks",
        Candlestick,
        key=("instrument_code", "granularity", "start_time"),
        version="last_sequence",
    ),
    members={
        "granularity": Member((), read=_granularity),
        "end_time": Member(("time",)),
    },
    # countBack is not sent: it would win over `from`.
    paging=Paging(size_param="", size=_CANDLES, cursor=None),
    instant="end_time",
    max_window=(_CANDLES - _SPARE) * timedelta(minutes=1),
    allowed_lateness=timedelta(minutes=1),
    overlap=_LEAST_OVERLAP,
    settles=True,
    partition_by="setting",
    scoped=of_scope,
)
