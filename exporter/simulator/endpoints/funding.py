"""Public funding data: current rates, settings and settled history."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.paging import codes
from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import Query
from exporter.simulator.endpoints.times import iso_millis, iso_seconds
from exporter.simulator.endpoints.wire import bad_request
from exporter.simulator.market.exact import text
from exporter.simulator.market.instruments import INSTRUMENTS, SimulatedInstrument
from exporter.simulator.market.prices import SECOND, mix, settled_at, slots


def funding_rates(query: Query) -> Any:
    """`GET /funding-rate`: the preliminary rate of every ACTIVE futures market."""
    rows = []
    for n, market in enumerate(_funded(query), 30_000):
        computed = settled_at(market, query.now)
        record = {
            "instrument_code": market.code,
            "funding_rate": text(query.market.prices.rate(market, computed)),
            "mark_price": text(query.market.prices.mark(market, computed)),
            "time": computed // 1_000_000,
            "timestamp": iso_millis(computed),
        }
        rows.append(query.distortion.record(record, n, "funding_rate"))
    return rows


def _funded(query: Query) -> list[SimulatedInstrument]:
    asked = codes(query.params)
    found = (market for market in INSTRUMENTS.values() if market.funded)
    return [market for market in found if not asked or market.code in asked]


def funding_settings(query: Query) -> Any:
    """`GET /funding-rate/settings`: settings and factors as JSON numbers."""
    return [
        query.distortion.widen(
            {
                "instrument_code": market.code,
                "state": market.state,
                "market_offset": market.offset,
                "clamp_threshold": Decimal("0.0005"),
                "annual_interest_rate": Decimal("0.04"),
                "cap": Decimal("0.001"),
                "period": market.period_minutes,
            }
        )
        for market in _funded(query)
    ]


def funding_history(query: Query) -> Any:
    """`GET /funding-rate/history`: settled rates of one market, newest first, no cursor."""
    asked = codes(query.params)
    if len(asked) != 1:
        raise bad_request("MISSING_INSTRUMENT_CODE" if not asked else "INVALID_INSTRUMENT_CODE")
    size = _history_size(query.params.get("limit", ""))
    market = INSTRUMENTS[next(iter(asked))]
    size = min(size, query.distortion.faults.page_size_cap or size)
    rows = []
    for slot in reversed(settled_slots(query, market)):
        row = mix(zlib.crc32(market.code.encode()), slot)
        if query.distortion.visible(row, slot):
            record = settled_rate(query, market, slot)
            rows.append(query.distortion.record(record, row, "funding_rate"))
        if len(rows) == size:
            break
    return query.distortion.widen({"funding_rates": rows})


def _history_size(asked: str) -> int:
    size = int(asked or 100) if asked.isdigit() or not asked else -1
    if not 1 <= size <= 100:
        message = f"page_size must be between 1 and 100, got: {asked}"
        raise bad_request("INVALID_PAGE_SIZE", message)
    return size


def settled_slots(query: Query, market: SimulatedInstrument) -> list[int]:
    """Return the slots settled since the market began, in the window asked for, oldest first."""
    try:
        first = int(query.params.get("from") or 0) * 1_000_000
        last = int(query.params.get("to") or query.now // 1_000_000) * 1_000_000
    except ValueError:
        raise bad_request("INVALID_TIME") from None
    settled = query.now - (1 + market.offset) * SECOND
    return slots(market, max(first, query.market.start) - 1, min(last, settled))


def settled_rate(query: Query, market: SimulatedInstrument, slot: int) -> Record:
    """Return one row of the settled history, computed at the slot plus the market's offset."""
    computed = slot + market.offset * SECOND
    return {
        "instrument_code": market.code,
        "funding_rate": text(query.market.prices.rate(market, computed)),
        "mark_price": text(query.market.prices.mark(market, computed)),
        "time": slot // 1_000_000,
        "timestamp": iso_seconds(slot),
    }
