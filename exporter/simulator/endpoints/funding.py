"""Public funding data: current rates, settings and settled history."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.paging import read_instruments
from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import EndpointRequest
from exporter.simulator.endpoints.times import iso_millis, iso_seconds
from exporter.simulator.endpoints.wire import ErrorResponse, bad_request
from exporter.simulator.market.exact import text
from exporter.simulator.market.instruments import INSTRUMENTS, SimulatedInstrument
from exporter.simulator.market.prices import DAY, HOUR, SECOND, mix, settled_at, slots

_CLAMP, _WEEKEND_CLAMP = Decimal("0.0005"), Decimal("0.015")
_REFUSALS = {
    400: "INVALID_INSTRUMENT_CODE",
    403: "Permission denied.",
    404: "INSTRUMENT_NOT_FOUND",
}


def funding_rates(request: EndpointRequest) -> Any:
    """`GET /funding-rate`: the preliminary rate of every ACTIVE futures instrument."""
    rows = []
    for n, instrument in enumerate(_funded(request), 30_000):
        computed = settled_at(instrument, request.now)
        record = {
            "instrument_code": instrument.code,
            "funding_rate": text(request.market.prices.rate(instrument, computed)),
            "mark_price": text(request.market.prices.mark(instrument, computed)),
            "time": computed // 1_000_000,
            "timestamp": iso_millis(computed),
        }
        rows.append(request.injector.alter(record, n, "funding_rate"))
    return rows


def _funded(request: EndpointRequest) -> list[SimulatedInstrument]:
    codes = read_instruments(request.params)
    funded = (instrument for instrument in INSTRUMENTS.values() if instrument.funded)
    return [instrument for instrument in funded if not codes or instrument.code in codes]


def funding_settings(request: EndpointRequest) -> Any:
    """`GET /funding-rate/settings`: numbers are JSON numbers; the clamp is wider at weekends."""
    clamp = _WEEKEND_CLAMP if _is_weekend(request.now) else _CLAMP
    return [
        request.injector.alter(
            {
                "instrument_code": instrument.code,
                "state": instrument.state,
                "market_offset": instrument.offset,
                "clamp_threshold": clamp,
                "annual_interest_rate": Decimal("0.04"),
                "cap": Decimal("0.001"),
                "period": instrument.period_minutes,
            },
            n,
            "cap",
            "state",
        )
        for n, instrument in enumerate(_funded(request), 50_000)
    ]


def _is_weekend(now: int) -> bool:
    """Whether it is between Friday 20:00 and Monday 00:00 UTC."""
    since_monday = (now + 3 * DAY) % (7 * DAY)
    return since_monday >= 4 * DAY + 20 * HOUR


def funding_history(request: EndpointRequest) -> Any:
    """`GET /funding-rate/history`: settled rates of one instrument, newest first, no cursor."""
    codes = read_instruments(request.params)
    if len(codes) != 1:
        raise bad_request("MISSING_INSTRUMENT_CODE" if not codes else "INVALID_INSTRUMENT_CODE")
    size = _history_size(request.params.get("limit", ""))
    instrument = INSTRUMENTS[next(iter(codes))]
    refuse_instrument(request, instrument)
    size = min(size, request.injector.faults.page_size_cap or size)
    rows = []
    for slot in reversed(settled_slots(request, instrument)):
        row = mix(zlib.crc32(instrument.code.encode()), slot)
        if request.injector.visible(row, slot):
            record = settled_rate(request, instrument, slot)
            rows.append(request.injector.alter(record, row, "funding_rate"))
        if len(rows) == size:
            break
    return request.injector.add_unknown_fields({"funding_rates": rows})


def refuse_instrument(request: EndpointRequest, instrument: SimulatedInstrument) -> None:
    """Raise ErrorResponse for an instrument whose history a fault refuses."""
    refused = request.injector.faults.refuse_instruments.get(instrument.code)
    if refused is not None:
        raise ErrorResponse(refused, {"error": _REFUSALS.get(refused, "Server error.")})


def _history_size(limit: str) -> int:
    size = int(limit or 100) if limit.isdigit() or not limit else -1
    if not 1 <= size <= 100:
        message = f"page_size must be between 1 and 100, got: {limit}"
        raise bad_request("INVALID_PAGE_SIZE", message)
    return size


def settled_slots(request: EndpointRequest, instrument: SimulatedInstrument) -> list[int]:
    """Return the slots settled since the market's start, in the requested window, oldest first."""
    try:
        first = int(request.params.get("from") or 0) * 1_000_000
        last = int(request.params.get("to") or request.now // 1_000_000) * 1_000_000
    except ValueError:
        raise bad_request("INVALID_TIME") from None
    settled = request.now - (1 + instrument.offset) * SECOND
    return slots(instrument, max(first, request.market.start) - 1, min(last, settled))


def settled_rate(request: EndpointRequest, instrument: SimulatedInstrument, slot: int) -> Record:
    """Return one row of the settled history, computed at the slot plus the instrument's offset."""
    computed = slot + instrument.offset * SECOND
    return {
        "instrument_code": instrument.code,
        "funding_rate": text(request.market.prices.rate(instrument, computed)),
        "mark_price": text(request.market.prices.mark(instrument, computed)),
        "time": slot // 1_000_000,
        "timestamp": iso_seconds(slot),
    }
