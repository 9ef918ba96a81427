"""What moves balances without being a trade: deposits, withdrawals and fees of liquidations.

No endpoint of the exchange tells them. Which days have one, and how much it is, follows from the
seed alone, never from the steps in which time is advanced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from exporter.simulator.market.exact import ZERO, rounded
from exporter.simulator.market.prices import DAY, mix, salt

_MILLISECOND = 1_000_000
_MONTH_DAYS = 30.4375
_YEAR_DAYS = 365.25
_LIQUIDATION_RATE = Decimal("0.03")
_DEPOSITS = {  # the most that one brings, and its decimals
    "EUR": (Decimal(5_000), 2),
    "USDC": (Decimal(8_000), 6),
    "BTC": (Decimal("0.2"), 8),
    "USD": (Decimal(9_000), 2),
}


class SimulatedMovement(NamedTuple):
    """A movement: `amount` is positive when it came in; `reference` is unique in its account."""

    instant: int
    reference: str
    currency: str
    amount: Decimal
    kind: str
    note: str


class MovementPlan:
    """Decides when an account's balances move without a trade. Call under `exact`."""

    def __init__(self, seed: int, *, futures: bool, per_month: float, fees_per_year: float) -> None:
        self._seed = salt(seed, "movements")
        self._currencies = [code for code in _DEPOSITS if futures or code != "USD"]
        self._transfers = int(per_month / _MONTH_DAYS * 2**32)
        self._fees = int(fees_per_year / _YEAR_DAYS * 2**32) if futures else 0
        self._brought: dict[str, Decimal] = {}

    def transfers(self, after: int, until: int) -> Iterator[SimulatedMovement]:
        """Yield the deposits and withdrawals in (after, until], oldest first.

        What is taken out was brought before, so that no balance is lower than without them. To be
        asked for ranges that follow each other.
        """
        for instant, drawn in self._instants("transfer", self._transfers, after, until):
            currency = self._currencies[drawn % len(self._currencies)]
            brought = self._brought.get(currency, ZERO)
            most, places = _DEPOSITS[currency]
            out = drawn // 8 % 5 < 2 and brought > 0
            share = Decimal(drawn // 64 % 1_000_000 + 1).scaleb(-6)
            amount = rounded((brought if out else most) * share, places)
            if not amount:
                continue
            signed = -amount if out else amount
            self._brought[currency] = brought + signed
            kind = "withdrawal" if out else "deposit"
            yield SimulatedMovement(instant, f"{kind}-{instant}", currency, signed, kind, "")

    def liquidations(self, after: int, until: int) -> Sequence[int]:
        """Return when a position is liquidated, if one is open, in (after, until]."""
        return [at for at, _ in self._instants("liquidation", self._fees, after, until)]

    def _instants(
        self, what: str, chance: int, after: int, until: int
    ) -> Iterator[tuple[int, int]]:
        """Yield at most one instant a day, in whole milliseconds, and random bits of it."""
        seed = salt(self._seed, what)
        for day in range(after // DAY, until // DAY + 1) if chance else ():
            drawn = mix(seed, day)
            instant = day * DAY + drawn % DAY // _MILLISECOND * _MILLISECOND
            bits = mix(seed, drawn)
            if bits % 2**32 < chance and after < instant <= until:
                yield instant, bits >> 32


def liquidation_fee(instant: int, code: str, currency: str, notional: Decimal) -> SimulatedMovement:
    """Return the fee of a liquidation: 3 % of the notional, booked at the account alone."""
    amount = -rounded(notional * _LIQUIDATION_RATE, 8)
    reference = f"liquidation-{code}-{instant}"
    return SimulatedMovement(
        instant, reference, currency, amount, "fee", f"liquidation fee of {code}"
    )
