"""The simulated exchange's reference data: instruments, currencies and fee tiers.

Types, states, market offsets and tiers follow what the live exchange listed in September 2026;
prices only give the order of magnitude at which each random walk starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

SPOT = "SPOT"
PERP = "PERP"
DATED_FUTURE = "DATED_FUTURE"
EQUITY_FUTURE = "EQUITY_FUTURE"


@dataclass(frozen=True, slots=True)
class SimulatedInstrument:
    """Prices are in `quote`, amounts in `base`, and `offset` in seconds past the minute."""

    code: str
    base: str
    quote: str
    type: str
    state: str
    price: Decimal
    price_decimals: int
    amount_decimals: int
    offset: int = 0
    min_size: str = "10"

    @property
    def futures(self) -> bool:
        """Whether positions in it are margined and cash-settled."""
        return self.type != SPOT

    @property
    def tradable(self) -> bool:
        """Whether it has a ticker and an order book."""
        return self.state in {"ACTIVE", "POST_ONLY"}

    @property
    def funded(self) -> bool:
        """Whether a current funding rate is published."""
        return self.futures and self.state == "ACTIVE"

    @property
    def period_minutes(self) -> int:
        """Minutes between two funding payments within a session."""
        return 195 if self.type == EQUITY_FUTURE else 240


def _dated(base: str, price: str, decimals: int, amounts: int, offset: int) -> SimulatedInstrument:
    size = "1" if base in {"DOGE", "ADA"} else "10"
    return SimulatedInstrument(
        f"{base}_USD_P",
        base,
        "USD",
        DATED_FUTURE,
        "ACTIVE",
        Decimal(price),
        decimals,
        amounts,
        offset,
        size,
    )


def _equity(base: str, price: str, state: str) -> SimulatedInstrument:
    return SimulatedInstrument(
        f"{base}_USD_P", base, "USD", EQUITY_FUTURE, state, Decimal(price), 2, 4
    )


def _closed(base: str, quote: str, kind: str) -> SimulatedInstrument:
    suffix = "_P" if kind == PERP else ""
    return SimulatedInstrument(
        f"{base}_{quote}{suffix}", base, quote, kind, "CLOSED", Decimal(100), 2, 5, 0
    )


_DATED = (
    _dated("BTC", "64321", 0, 4, 0),
    _dated("ETH", "2451", 1, 3, 1),
    _dated("XRP", "2.31", 4, 1, 2),
    _dated("SOL", "142.5", 2, 2, 3),
    _dated("LINK", "14.2", 3, 2, 4),
    _dated("SUI", "1.93", 4, 1, 5),
    _dated("LTC", "83.1", 2, 2, 6),
    _dated("TAO", "312", 1, 3, 7),
    _dated("DOGE", "0.1712", 5, 0, 8),
    _dated("ADA", "0.5512", 4, 0, 9),
)
_EQUITY = (
    _equity("SPCX", "412", "ACTIVE"),
    _equity("ONEX100", "1021", "ACTIVE"),
    _equity("ONEX500", "987", "POST_ONLY"),
)
_SPOT = (
    SimulatedInstrument("BTC_USDC", "BTC", "USDC", SPOT, "ACTIVE", Decimal(64310), 2, 5),
    SimulatedInstrument("ETH_USDC", "ETH", "USDC", SPOT, "ACTIVE", Decimal(2450), 2, 4),
    SimulatedInstrument("USDC_EUR", "USDC", "EUR", SPOT, "ACTIVE", Decimal("0.9121"), 4, 2),
)
_CLOSED_COINS = (
    *("BTC", "ETH", "XRP", "ADA", "DOGE", "SOL"),
    *("LTC", "LINK", "DOT", "SHIB", "PEPE", "BEST"),
)
_CLOSED = tuple(_closed(base, "EUR", PERP) for base in ("BTC", "ETH", "SOL", "XRP")) + tuple(
    _closed(base, "EUR", SPOT) for base in _CLOSED_COINS
)

INSTRUMENTS: dict[str, SimulatedInstrument] = {
    i.code: i for i in _DATED + _EQUITY + _SPOT + _CLOSED
}
"""Every instrument that `GET /instruments` lists, by code, in the order served."""

CURRENCIES: dict[str, tuple[str, int, int, int]] = {
    "USD": ("US Dollar", 2, 0, 100),
    "EUR": ("Euro", 2, 0, 99),
    "GBP": ("Pound Sterling", 2, 0, 99),
    "USDC": ("USD Coin", 6, 3408, 0),
    "BTC": ("Bitcoin", 8, 1, 0),
    "ETH": ("Ethereum", 8, 1027, 0),
    "XRP": ("XRP", 6, 52, 0),
    "SOL": ("Solana", 9, 5426, 0),
    "LINK": ("Chainlink", 8, 1975, 0),
    "SUI": ("Sui", 8, 20947, 0),
    "LTC": ("Litecoin", 8, 2, 0),
    "TAO": ("Bittensor", 8, 22974, 0),
    "DOGE": ("Dogecoin", 8, 74, 0),
    "ADA": ("Cardano", 6, 2010, 0),
    "BEST": ("Best Token", 8, 4380, 0),
}
"""Code to (name, decimals, CoinMarketCap id, collateral percentage)."""

FEE_TIERS: tuple[tuple[int, str, str], ...] = (
    (0, "0.1000", "0.2000"),
    (10_000, "0.0400", "0.0800"),
    (100_000, "0.0200", "0.0600"),
    (1_000_000, "0.0200", "0.0500"),
    (5_000_000, "0.0150", "0.0450"),
    (25_000_000, "0.0100", "0.0400"),
    (100_000_000, "0.0030", "0.0350"),
    (500_000_000, "0.0020", "0.0300"),
    (1_000_000_000, "0.0010", "0.0280"),
    (10_000_000_000, "0.0000", "0.0250"),
)
"""Lower bound of 30-day volume in EUR, maker fee and taker fee in percent."""
