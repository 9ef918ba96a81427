"""Public reference data: time, currencies, instruments, fees."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import EndpointRequest
from exporter.simulator.endpoints.times import iso_millis
from exporter.simulator.market.exact import rounded, text
from exporter.simulator.market.instruments import (
    CURRENCIES,
    DATED_FUTURE,
    EQUITY_FUTURE,
    FEE_TIERS,
    INSTRUMENTS,
    SimulatedInstrument,
)


def time(request: EndpointRequest) -> Any:
    """`GET /time`."""
    stated = request.now + request.injector.clock_offset
    return {"iso": iso_millis(stated), "epoch_millis": stated // 1_000_000}


def currencies(request: EndpointRequest) -> Any:
    """`GET /currencies`."""
    return [
        request.injector.add_unknown_fields(
            {
                "code": code,
                "precision": decimals,
                "unified_cryptoasset_id": identity,
                "name": name,
                "collateral_percentage": collateral,
            }
        )
        for code, (name, decimals, identity, collateral) in CURRENCIES.items()
    ]


def instruments(request: EndpointRequest) -> Any:
    """`GET /instruments`: all, or those of one `type`."""
    kind = request.params.get("type", "")
    rows = [
        _instrument(instrument)
        for instrument in INSTRUMENTS.values()
        if kind in {"", instrument.type} and instrument.code not in request.injector.faults.unlist
    ]
    return [
        request.injector.alter(row, n, "min_price", "state") for n, row in enumerate(rows, 10_000)
    ]


def _instrument(instrument: SimulatedInstrument) -> Record:
    tick = Decimal(1).scaleb(-instrument.price_decimals)
    record: Record = {
        "id": instrument.code,
        "base": {"code": instrument.base, "precision": _decimals(instrument.base)},
        "quote": {"code": instrument.quote, "precision": _decimals(instrument.quote)},
        "amount_precision": instrument.amount_decimals,
        "market_precision": instrument.price_decimals,
        "min_size": instrument.min_size,
        "min_price": text(tick),
        "max_price": text(rounded(instrument.price * 100, instrument.price_decimals)),
        "type": instrument.type,
        "state": instrument.state,
    }
    if instrument.type == DATED_FUTURE:
        record |= {"contract_expiry_date": "2031-04-20", "contract_duration": "5Y"}
    if instrument.futures:
        equity = instrument.type == EQUITY_FUTURE
        schedule = "SESSION" if equity else "FIXED_INTERVAL"
        record |= {
            "funding_schedule": {"type": schedule, "period_minutes": instrument.period_minutes},
            "funding_period": instrument.period_minutes,
            "market_offset": instrument.offset,
            "price_collar_percentage": "10",
        }
    return record


def _decimals(currency: str) -> int:
    return CURRENCIES[currency][1] if currency in CURRENCIES else 2


def fees(request: EndpointRequest) -> Any:
    """`GET /fees`: two groups; volumes are JSON numbers, fees percentages as strings."""
    return [
        request.injector.add_unknown_fields(
            {
                "fee_group_id": group,
                "display_text": f"{group.title()} fees",
                "volume_currency": "EUR",
                "fee_tiers": [
                    request.injector.alter(
                        {
                            "volume": volume,
                            "fee_group_id": group,
                            "maker_fee": maker,
                            "taker_fee": taker,
                        },
                        first + n,
                        "maker_fee",
                    )
                    for n, (volume, maker, taker) in enumerate(FEE_TIERS)
                ],
            }
        )
        for first, group in ((40_000, "SPOT"), (41_000, "FUTURES"))
    ]
