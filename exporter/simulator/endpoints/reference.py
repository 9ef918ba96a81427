"""Public reference data: time, currencies, instruments, fees."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.records import Record
from exporter.simulator.endpoints.requests import Query
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


def time(query: Query) -> Any:
    """`GET /time`."""
    return {"iso": iso_millis(query.now), "epoch_millis": query.now // 1_000_000}


def currencies(query: Query) -> Any:
    """`GET /currencies`."""
    return [
        query.distortion.widen(
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


def instruments(query: Query) -> Any:
    """`GET /instruments`, all or those of one `type`."""
    kind = query.params.get("type", "")
    rows = [_instrument(m) for m in INSTRUMENTS.values() if kind in {"", m.type}]
    return [
        query.distortion.record(row, n, "min_price", "state") for n, row in enumerate(rows, 10_000)
    ]


def _instrument(market: SimulatedInstrument) -> Record:
    tick = Decimal(1).scaleb(-market.price_decimals)
    record: Record = {
        "id": market.code,
        "base": {"code": market.base, "precision": _decimals(market.base)},
        "quote": {"code": market.quote, "precision": _decimals(market.quote)},
        "amount_precision": market.amount_decimals,
        "market_precision": market.price_decimals,
        "min_size": market.min_size,
        "min_price": text(tick),
        "max_price": text(rounded(market.price * 100, market.price_decimals)),
        "type": market.type,
        "state": market.state,
    }
    if market.type == DATED_FUTURE:
        record |= {"contract_expiry_date": "2031-04-20", "contract_duration": "5Y"}
    if market.futures:
        equity = market.type == EQUITY_FUTURE
        schedule = "SESSION" if equity else "FIXED_INTERVAL"
        record |= {
            "funding_schedule": {"type": schedule, "period_minutes": market.period_minutes},
            "funding_period": market.period_minutes,
            "market_offset": market.offset,
            "price_collar_percentage": "10",
        }
    return record


def _decimals(currency: str) -> int:
    return CURRENCIES[currency][1] if currency in CURRENCIES else 2


def fees(query: Query) -> Any:
    """`GET /fees`: two groups; volumes are JSON numbers, fees are percent strings."""
    return [
        query.distortion.widen(
            {
                "fee_group_id": group,
                "display_text": f"{group.title()} fees",
                "volume_currency": "EUR",
                "fee_tiers": [
                    {
                        "volume": volume,
                        "fee_group_id": group,
                        "maker_fee": maker,
                        "taker_fee": taker,
                    }
                    for volume, maker, taker in FEE_TIERS
                ],
            }
        )
        for group in ("SPOT", "FUTURES")
    ]
