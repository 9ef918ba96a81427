"""Public candles of one instrument."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from exporter.simulator.endpoints.funding import refuse_instrument
from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import EndpointRequest
from exporter.simulator.endpoints.times import iso_millis, parse_instant
from exporter.simulator.endpoints.wire import bad_request
from exporter.simulator.market.candles import STEPS, Candle, candle, next_start, start_of
from exporter.simulator.market.exact import text
from exporter.simulator.market.instruments import INSTRUMENTS, SimulatedInstrument
from exporter.simulator.market.prices import mix

_MOST = 5_000
_MILLI = 1_000_000


def candlesticks(request: EndpointRequest) -> Any:
    """`GET /candlesticks/{code}`: newest first, the running one included, no cursor.

    `from` and `to` are compared with the start of a candle; its `time` is its last millisecond.
    Spans without trades are missing. `countBack`, when sent, wins over `from`.
    """
    instrument = INSTRUMENTS.get(request.path_parameter)
    if instrument is None:
        raise bad_request("INVALID_INSTRUMENT_CODE")
    refuse_instrument(request, instrument)
    unit, period = request.params.get("unit", ""), request.params.get("period", "")
    step = STEPS.get((unit, int(period) if period.isdigit() else 0))
    if step is None:
        raise bad_request("INVALID_CANDLESTICKS_GRANULARITY")
    first, last = _bound(request, "from"), _bound(request, "to")
    most = _count_back(request)
    if "countBack" in request.params:
        first = last - most * step
    if last < first or last - first > _MOST * step:
        raise bad_request("CANDLESTICKS_TIME_RANGE_TOO_BIG")
    found = list(_candles(request, instrument, (unit, step), first, last))
    size = min(most, request.injector.faults.page_size_cap or most)
    rows = [
        _record(request, instrument, (unit, int(period)), one) for one in reversed(found[-size:])
    ]
    return request.injector.add_unknown_fields({"status": "data", "candlesticks": rows})


def _bound(request: EndpointRequest, name: str) -> int:
    sent = request.params.get(name, "")
    if not sent:
        raise bad_request(f"MISSING_{name.upper()}_PARAM")
    try:
        return parse_instant(sent)
    except ValueError:
        raise bad_request("INVALID_TIME") from None


def _count_back(request: EndpointRequest) -> int:
    sent = request.params.get("countBack", str(_MOST))
    if not sent.isdigit() or not 1 <= int(sent) <= _MOST:
        raise bad_request("INVALID_LIMIT")
    return int(sent)


def _candles(
    request: EndpointRequest,
    instrument: SimulatedInstrument,
    length: tuple[str, int],
    first: int,
    last: int,
) -> Iterator[Candle]:
    """Yield what begins in [first, last], oldest first, since the market's start."""
    unit, step = length
    market, now = request.market, request.now
    start = start_of(unit, step, max(first, market.start))
    while start <= min(last, now):
        end = next_start(unit, step, start)
        if start >= first:
            one = candle(market.prices, instrument, start, end, now)
            if one is not None and request.injector.visible(_row(instrument, one), end):
                yield one
        start = end


def _row(instrument: SimulatedInstrument, one: Candle) -> int:
    return mix(zlib.crc32(instrument.code.encode()) ^ (one.end - one.start), one.start)


def _record(
    request: EndpointRequest,
    instrument: SimulatedInstrument,
    granularity: tuple[str, int],
    one: Candle,
) -> Record:
    unit, period = granularity
    record: Record = {
        "last_sequence": one.last,
        "instrument_code": instrument.code,
        "granularity": {"unit": unit, "period": period},
        "open": text(one.prices[0]),
        "high": text(max(one.prices)),
        "low": text(min(one.prices)),
        "close": text(one.prices[-1]),
        "volume": text(one.volume),
        "time": iso_millis(one.end - _MILLI),
        "start_time": iso_millis(one.start),
    }
    row, injector = _row(instrument, one), request.injector
    return injector.alter(
        injector.change_price(record, row, "close"), row, "open", identity="start_time"
    )
