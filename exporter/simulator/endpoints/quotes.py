"""Public quotes: tickers and order books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import EndpointRequest
from exporter.simulator.endpoints.times import iso_millis
from exporter.simulator.endpoints.wire import ErrorResponse, bad_request
from exporter.simulator.market.exact import quotient, rounded, text
from exporter.simulator.market.instruments import INSTRUMENTS, SimulatedInstrument
from exporter.simulator.market.prices import DAY, HOUR, MINUTE, SECOND, mix, salt, slots

_DEPTHS = {"1", "2", "4", "8", "16"}
_NO_QUOTE = "0.00"


def tickers(request: EndpointRequest) -> Any:
    """`GET /market-ticker`: tradable instruments only."""
    tradable = [instrument for instrument in INSTRUMENTS.values() if instrument.tradable]
    return [
        request.injector.alter(_ticker(request, instrument), n, "last_price", "state")
        for n, instrument in enumerate(tradable, 20_000)
    ]


def ticker(request: EndpointRequest) -> Any:
    """`GET /market-ticker/{code}`; 400 for an instrument that is not tradable."""
    code = request.path_parameter
    instrument = INSTRUMENTS.get(code)
    if instrument is None or not instrument.tradable:
        raise bad_request(f"The requested market {code} is not available.")
    return request.injector.add_unknown_fields(_ticker(request, instrument))


def _ticker(request: EndpointRequest, instrument: SimulatedInstrument) -> Record:
    prices, now, places = request.market.prices, request.now, instrument.price_decimals
    hours = [prices.mid(instrument, now - back * HOUR) for back in range(25)]
    last, before = hours[0], hours[-1]
    tick = Decimal(1).scaleb(-places)
    volume = Decimal(mix(salt(0, instrument.code), now // MINUTE) % 1_000_000).scaleb(-2)
    record: Record = {
        "instrument_code": instrument.code,
        "state": instrument.state,
        "type": instrument.type,
        "last_price": text(rounded(last, places)),
        "high": text(rounded(max(hours), places)),
        "low": text(rounded(min(hours), places)),
        "highest_bid": text(rounded(last, places) - tick),
        "lowest_ask": text(rounded(last, places) + tick)
        if instrument.state == "ACTIVE"
        else _NO_QUOTE,
        "base_volume": text(volume),
        "quote_volume": text(rounded(volume * last, places)),
        "price_change": text(rounded(last - before, places)),
        "price_change_percentage": text(quotient((last - before) * 100, before, 2)),
        "sequence": now // MINUTE * MINUTE,
    }
    if instrument.futures:
        record |= {
            "mark_price": text(prices.mark(instrument, now)),
            "funding_rate": text(prices.rate(instrument, now)),
            "next_funding_payment": iso_millis(slots(instrument, now, now + 5 * DAY)[0]),
        }
    return record


def order_book(request: EndpointRequest) -> Any:
    """`GET /order-book/{code}`; 500 for a closed instrument, as on the live exchange."""
    instrument = INSTRUMENTS.get(request.path_parameter)
    if instrument is None:
        raise bad_request("INVALID_INSTRUMENT_CODE")
    if request.params.get("depth", "16") not in _DEPTHS:
        raise bad_request("INVALID_DEPTH")
    if request.params.get("level", "3") not in {"1", "2", "3"}:
        raise bad_request("INVALID_LEVEL")
    if not instrument.tradable:
        message = f"Error fetching order book snapshot for {instrument.code}"
        raise ErrorResponse(500, {"error": message})
    depth = 1 if request.params.get("level") == "1" else int(request.params.get("depth", "16"))
    middle = rounded(request.market.prices.mid(instrument, request.now), instrument.price_decimals)
    tick = Decimal(1).scaleb(-instrument.price_decimals)
    steps = range(1, depth + 1)
    bids = [{"price": text(middle - tick * step), "amount": str(step)} for step in steps]
    asks = [{"price": text(middle + tick * step), "amount": str(step)} for step in steps]
    sequence = request.now // SECOND
    return {
        "instrument_code": instrument.code,
        "time": request.now,
        "bids": bids,
        "asks": asks if instrument.state == "ACTIVE" else [],
        "unum_bids": sequence,
        "unum_asks": sequence,
    }
