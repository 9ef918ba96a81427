"""What is read, how often, and from when on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from exporter.settings import values
from exporter.settings.raw import RawSetting, RawSettings, Setting

INTERVAL = Setting(
    name="ONETRADING_INTERVAL_<STREAM>",
    group="streams",
    help="poll interval of one stream, for example `ONETRADING_INTERVAL_BALANCES=5s`",
    default="the stream's own",
)


def intervals(raw: RawSettings) -> Mapping[str, timedelta]:
    """By stream, where one is set."""
    found = {
        stream: raw.read(INTERVAL.variable(stream), lambda given: values.duration(given.text))
        for stream in sorted(raw.stream_names)
    }
    return MappingProxyType({stream: span for stream, span in found.items() if span is not None})


def redacted_intervals(given: Mapping[str, timedelta]) -> Mapping[str, str]:
    """By environment variable."""
    return {
        INTERVAL.variable(stream): values.duration_text(interval)
        for stream, interval in given.items()
    }


HISTORY_START = Setting(
    name="ONETRADING_HISTORY_START",
    group="streams",
    metavar="TIME",
    help="earliest instant that history streams must cover",
    default="30 days before the first start",
)


def history_start(raw: RawSettings) -> datetime | None:
    """Aware, UTC; it has passed, unless the clock of this machine is wrong."""

    def parsed(given: RawSetting) -> datetime:
        start = values.instant(given.text)
        if values.surely_ahead(start, raw.now):
            raise ValueError("lies in the future; write an instant that has passed")
        return start

    return raw.read(HISTORY_START.name, parsed)


def redacted_history_start(start: datetime | None) -> Mapping[str, str]:
    """By environment variable."""
    return {HISTORY_START.name: start.isoformat() if start else "default"}


STREAMS = Setting(
    name="ONETRADING_STREAMS",
    group="streams",
    metavar="LIST",
    help="comma-separated streams to enable",
    default="all",
)


def streams(raw: RawSettings) -> frozenset[str] | None:
    """None: all that are on by default."""
    return raw.read(STREAMS.name, lambda given: values.stream_names(given.text, raw.stream_names))


def redacted_streams(chosen: frozenset[str] | None) -> Mapping[str, str]:
    """By environment variable."""
    return {STREAMS.name: STREAMS.default if chosen is None else ",".join(sorted(chosen))}


CANDLES = "candlesticks"
CANDLESTICKS = Setting(
    name="ONETRADING_CANDLESTICKS",
    group="streams",
    metavar="LIST",
    help="candles to read: instruments with the length of their candles, for example "
    "`BTC_EUR:1h,BTC_USD_P:5m` (1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w, 1M); "
    "without it the stream `candlesticks` is off",
)


def candlesticks(raw: RawSettings) -> tuple[str, ...]:
    """The scopes of the stream; none: it is off."""
    scopes = raw.read(CANDLESTICKS.name, lambda given: values.candle_scopes(given.text))
    chosen = raw.values.get(STREAMS.name)
    if chosen is not None and CANDLESTICKS.name not in raw.values:
        names = [name.strip() for name in chosen.text.split(",")]
        if CANDLES in names and CANDLES in raw.stream_names:
            raw.faults.append(
                f"{chosen.label} names {CANDLES}, but {CANDLESTICKS.name} does not say of which"
                " instruments; set it, for example to BTC_EUR:1h"
            )
    return scopes or ()


def redacted_candlesticks(scopes: tuple[str, ...]) -> Mapping[str, str]:
    """By environment variable."""
    return {CANDLESTICKS.name: ",".join(scopes) or "none"}
