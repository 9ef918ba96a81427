"""A request as an endpoint sees it, and what an operator has overridden."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.simulator.endpoints.fault_injection import FaultInjector
from exporter.simulator.endpoints.records import EncodedRows
from exporter.simulator.market.market import Market, SimulatedAccount
from exporter.simulator.market.prices import mix


@dataclass(slots=True)
class Overrides:
    """Values served instead of the market's own, by account name: to test alerts and drift."""

    summary: dict[str, dict[str, Any]] = field(default_factory=dict)
    positions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    balances: dict[str, dict[str, dict[str, Any] | None]] = field(default_factory=dict)
    fee_tiers: dict[str, int] = field(default_factory=dict)
    """Number of the tier of `FEE_TIERS` that is in force."""


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """A request for public data: everything that the response depends on.

    `path_parameter` is what stands for the `{}` of the route.
    """

    market: Market
    params: Mapping[str, str]
    injector: FaultInjector
    overrides: Overrides
    path_parameter: str = ""

    @property
    def now(self) -> int:
        """Return the simulated present, in nanoseconds since the epoch."""
        return self.market.instant

    @property
    def cursor(self) -> str:
        """Return the cursor as sent, empty on the first page."""
        return self.params.get("cursor", "")

    def filters(self) -> str:
        """Return a digest of the parameters that every page of one history must repeat."""
        paging = {"cursor", "max_page_size", "limit"}
        kept = sorted((key, value) for key, value in self.params.items() if key not in paging)
        return f"{zlib.crc32(repr(kept).encode()):08x}"


@dataclass(frozen=True, slots=True)
class AccountRequest(EndpointRequest):
    """A request with the token of an account."""

    account: SimulatedAccount = field(kw_only=True)
    trade_rows: EncodedRows = field(kw_only=True)

    def row_key(self, stream: str, row: int) -> int:
        """Return a number for a row that no other row of any stream or account shares."""
        return mix(self.account.seed ^ zlib.crc32(stream.encode()), row)
