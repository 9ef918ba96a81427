"""Incidents during the recording, so that the dashboards have something to show."""

from __future__ import annotations

from decimal import Decimal
from math import exp
from typing import Any

from exporter.simulator import Simulator
from exporter.simulator.endpoints.records import margin_record, position_records
from tools.preview.timelapse import Incident

_RATIOS = {"main": 6.5, "hedge": 9.0}
"""The simulated accounts hardly use their equity: positions are enlarged until the account ratio is
about this."""
_LOWEST, _AT, _WIDTH = 1.25, 0.945, 0.016
_SCALED = ("open_volume", "open_position", "maintenance_margin", "last_settlement")


def _leverage(simulator: Simulator, through: float) -> None:
    """Larger positions, which for a while bring the account named main below a ratio of 1.5."""
    market = simulator.market
    for name, usual in _RATIOS.items():
        account = market.accounts[name]
        margin = margin_record(account, market.prices, market.instant)
        equity, used = Decimal(margin["equity"]), Decimal(margin["margin_used"])
        if not used:
            simulator.override_position(name)
            continue
        dip = exp(-(((through - _AT) / _WIDTH) ** 2)) if name == "main" else 0.0
        ratio = Decimal(usual * (_LOWEST / usual) ** dip) * _wobble(equity)
        size = (equity / used / ratio).quantize(Decimal("0.0001"))
        rows = position_records(account, market.prices, market.instant)
        simulator.override_position(
            name,
            positions=[_times(row, size) for row in rows],
            margin_used=str(used * size),
            margin_available=str(equity - used * size),
            account_ratio=f"{equity / used / size:.9f}",
            maintenance_margin=str(Decimal(margin["maintenance_margin"]) * size),
        )


def _wobble(equity: Decimal) -> Decimal:
    """A little more or less, as equity does."""
    return 1 + (equity % 1_000 - 500) / 10_000


def _times(row: dict[str, Any], size: Decimal) -> dict[str, Any]:
    return row | {key: str(Decimal(row[key]) * size) for key in _SCALED}


def _errors(simulator: Simulator, _through: float) -> None:
    """The exchange responds slowly, and to some requests with errors."""
    simulator.set_faults(error_rate=0.4, latency_ms=20, jitter_ms=60)


def _silence(simulator: Simulator, _through: float) -> None:
    """The balances of one account cannot be read: values are held, then withdrawn."""
    simulator.set_faults(fail_paths={"/account/balances": 503}, account="hedge")


def _well(simulator: Simulator) -> None:
    simulator.set_faults()


def _nothing(_simulator: Simulator) -> None:
    """It lasts until the end."""


INCIDENTS = [
    Incident(0.0, 1.0, _leverage, _nothing),
    Incident(0.968, 0.970, _errors, _well),
    Incident(0.982, 0.985, _silence, _well),
]
