"""One request as the routes see it, and what an operator has overridden."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.simulator.endpoints.distortion import Distortion
from exporter.simulator.endpoints.trade_rows import TradeRows
from exporter.simulator.market.market import Market, SimulatedAccount
from exporter.simulator.market.prices import mix


@dataclass(slots=True)
class Overrides:
    """Answers that replace the market's own, by account name: for tests of alerts and of drift."""

    summary: dict[str, dict[str, Any]] = field(default_factory=dict)
    positions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    balances: dict[str, dict[str, dict[str, Any] | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """A request for market data: everything that an answer depends on."""

    market: Market
    params: Mapping[str, str]
    distortion: Distortion
    overrides: Overrides
    tail: str = ""

    @property
    def now(self) -> int:
        """Return the simulated instant, in nanoseconds."""
        return self.market.instant

    def filters(self) -> str:
        """Return a digest of the parameters that every page of a walk must repeat."""
        walk = {"cursor", "max_page_size", "limit"}
        kept = sorted((key, value) for key, value in self.params.items() if key not in walk)
        return f"{zlib.crc32(repr(kept).encode()):08x}"


@dataclass(frozen=True, slots=True)
class AccountQuery(Query):
    """A request with the token of an account."""

    account: SimulatedAccount = field(kw_only=True)
    trade_rows: TradeRows = field(kw_only=True)

    def number(self, stream: str, row: int) -> int:
        """Return a number for a row of this account that no other row shares."""
        return mix(self.account.seed ^ zlib.crc32(stream.encode()), row)
