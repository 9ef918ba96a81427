"""Public quotes: tickers and order books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import Query
from exporter.simulator.endpoints.times import iso_millis
from exporter.simulator.endpoints.wire import Refusal, bad_request
from exporter.simulator.market.exact import quotient, rounded, text
from exporter.simulator.market.instruments import INSTRUMENTS, SimulatedInstrument
from exporter.simulator.market.prices import DAY, HOUR, MINUTE, SECOND, mix, salt, slots

_DEPTHS = {"1", "2", "4", "8", "16"}
_NO_QUOTE = "0.00"


def tickers(query: Query) -> Any:
    """`GET /market-ticker`: tradable markets only."""
    found = [market for market in INSTRUMENTS.values() if market.tradable]
    return [
        query.distortion.record(_ticker(query, market), n, "last_price", "state")
        for n, market in enumerate(found, 20_000)
    ]


def ticker(query: Query) -> Any:
    """`GET /market-ticker/{code}`; 400 for a market that is not tradable."""
    market = INSTRUMENTS.get(query.tail)
    if market is None or not market.tradable:
        raise bad_request(f"The requested market {query.tail} is not available.")
    return query.distortion.widen(_ticker(query, market))


def _ticker(query: Query, market: SimulatedInstrument) -> Record:
    prices, now, places = query.market.prices, query.now, market.price_decimals
    hours = [prices.mid(market, now - back * HOUR) for back in range(25)]
    last, before = hours[0], hours[-1]
    tick = Decimal(1).scaleb(-places)
    volume = Decimal(mix(salt(0, market.code), now // MINUTE) % 1_000_000).scaleb(-2)
    record: Record = {
        "instrument_code": market.code,
        "state": market.state,
        "type": market.type,
        "last_price": text(rounded(last, places)),
        "high": text(rounded(max(hours), places)),
        "low": text(rounded(min(hours), places)),
        "highest_bid": text(rounded(last, places) - tick),
        "lowest_ask": text(rounded(last, places) + tick) if market.state == "ACTIVE" else _NO_QUOTE,
        "base_volume": text(volume),
        "quote_volume": text(rounded(volume * last, places)),
        "price_change": text(rounded(last - before, places)),
        "price_change_percentage": text(quotient((last - before) * 100, before, 2)),
        "sequence": now // MINUTE * MINUTE,
    }
    if market.futures:
        record |= {
            "mark_price": text(prices.mark(market, now)),
            "funding_rate": text(prices.rate(market, now)),
            "next_funding_payment": iso_millis(slots(market, now, now + 5 * DAY)[0]),
        }
    return record


def order_book(query: Query) -> Any:
    """`GET /order-book/{code}`; a closed market is a 500, as on the live exchange."""
    market = INSTRUMENTS.get(query.tail)
    if market is None:
        raise bad_request("INVALID_INSTRUMENT_CODE")
    if query.params.get("depth", "16") not in _DEPTHS:
        raise bad_request("INVALID_DEPTH")
    if query.params.get("level", "3") not in {"1", "2", "3"}:
        raise bad_request("INVALID_LEVEL")
    if not market.tradable:
        sentence = f"Error fetching order book snapshot for {market.code}"
        raise Refusal(500, {"error": sentence})
    depth = 1 if query.params.get("level") == "1" else int(query.params.get("depth", "16"))
    middle = rounded(query.market.prices.mid(market, query.now), market.price_decimals)
    tick = Decimal(1).scaleb(-market.price_decimals)
    steps = range(1, depth + 1)
    bids = [{"price": text(middle - tick * step), "amount": str(step)} for step in steps]
    asks = [{"price": text(middle + tick * step), "amount": str(step)} for step in steps]
    counter = query.now // SECOND
    return {
        "instrument_code": market.code,
        "time": query.now,
        "bids": bids,
        "asks": asks if market.state == "ACTIVE" else [],
        "unum_bids": counter,
        "unum_asks": counter,
    }
