"""What an account does: a seeded sequence of orders and the trades that fill them.

The sequence depends only on the account's own past, never on when it is generated: advancing a
month in one step or in a thousand gives the same orders.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from random import Random

from exporter.simulator.market.exact import ZERO, rounded
from exporter.simulator.market.instruments import INSTRUMENTS, SPOT, SimulatedInstrument
from exporter.simulator.market.ledger import Ledger, SimulatedOrder
from exporter.simulator.market.prices import DAY, SECOND, Prices, mix
from exporter.simulator.market.trades import SimulatedTrade

FUTURES_INSTRUMENTS = ("BTC_USD_P", "ETH_USD_P", "XRP_USD_P", "SOL_USD_P", "DOGE_USD_P")
SPOT_INSTRUMENTS = ("BTC_USDC", "ETH_USDC", "USDC_EUR")

_MAX_POSITION = Decimal(15_000)
_FILLS = (1, 1, 1, 2, 3)
_FILLS_PER_ORDER = 1.6
_FEES = {  # (futures, maker): rate; a negative rate is a rebate
    (True, True): Decimal("-0.00005"),
    (True, False): Decimal("0.00015"),
    (False, True): Decimal("0.0004"),
    (False, False): Decimal("0.0008"),
}
_DOWN = Context(prec=60, rounding=ROUND_HALF_EVEN)


class Trader:
    """Writes one account's orders and trades into its ledger. Call under `exact`."""

    def __init__(
        self,
        ledger: Ledger,
        prices: Prices,
        random: Random,
        *,
        futures: bool,
        start: int,
        per_day: float,
    ) -> None:
        self._ledger, self._prices, self._random = ledger, prices, random
        self._instruments = tuple(
            INSTRUMENTS[code]
            for code in SPOT_INSTRUMENTS + (FUTURES_INSTRUMENTS if futures else ())
        )
        self._gap = int(DAY * _FILLS_PER_ORDER / per_day) if per_day > 0 else 0
        self._next = start
        self._salt = start ^ int(per_day)
        self._last_fill = start
        self._rest(INSTRUMENTS["BTC_USDC"], start)

    def trade(self, until: int) -> None:
        """Write every order created at or before `until`; fills may be later."""
        while self._gap and self._next <= until:
            self._order(self._next)
            self._next += int(self._random.expovariate(1.0) * self._gap) + 1
            if self._random.random() < 0.05:
                self._next = self._last_fill
            self._next = max(self._next, self._last_fill)

    def _rest(self, instrument: SimulatedInstrument, created: int) -> None:
        """Leave one order open forever: it locks part of the quote balance."""
        price = rounded(
            self._prices.mid(instrument, created) * Decimal("0.8"), instrument.price_decimals
        )
        amount = Decimal("0.01")
        self._ledger.locked[instrument.quote] = price * amount
        order = SimulatedOrder(created, instrument.code, "BUY", price, amount, 0, 0, "OPEN")
        self._ledger.orders.append(order)

    def _order(self, created: int) -> None:
        random = self._random
        instrument = random.choice(self._instruments)
        mid = self._prices.mid(instrument, created)
        precise = random.random() < 0.02
        price = self._price(instrument, mid, precise)
        wanted = Decimal(random.randint(15, 2_000))
        amount = self._amount(instrument, wanted, price, precise)
        side, amount = self._side(instrument, price, amount)
        outcome = "CANCELLED" if not amount or random.random() < 0.08 else "FILLED"
        fills = 0 if outcome == "CANCELLED" else random.choice(_FILLS)
        shown = amount or self._amount(instrument, wanted, price, False)
        parts = self._split(instrument, amount, fills)
        order = SimulatedOrder(
            created,
            instrument.code,
            side,
            price,
            shown,
            len(self._ledger.trades),
            len(parts),
            outcome,
        )
        self._ledger.orders.append(order)
        maker = random.random() < 0.5
        for part in parts:
            self._fill(instrument, order, part, maker)
        self._ledger.orders[-1] = self._ended(order, affordable=bool(amount))

    def _ended(self, order: SimulatedOrder, *, affordable: bool) -> SimulatedOrder:
        """How an order ends: drawn by its number, so that the trades do not depend on it.

        Some are cancelled when a part of them is filled. Most cancelled ones are so within minutes,
        a few stay open for weeks; what cannot be afforded is rejected.
        """
        drawn = mix(self._salt, len(self._ledger.orders))
        if order.outcome == "CANCELLED":
            if not affordable or drawn % 4 == 0:
                return order._replace(outcome="REJECTED", closed=order.created)
            longest = (600, 600, 600, 7_200, 40 * 86_400)[drawn % 5]
            return order._replace(closed=order.created + drawn // 64 % (longest * SECOND))
        if drawn % 8 == 0:
            closed = self._last_fill + drawn // 64 % (7_200 * SECOND)
            return order._replace(outcome="CANCELLED", amount=2 * order.amount, closed=closed)
        return order

    def _price(self, instrument: SimulatedInstrument, mid: Decimal, precise: bool) -> Decimal:
        if precise:  # a volume-weighted average over several fills
            return rounded(mid, 18) + Decimal(self._random.randrange(10**15)).scaleb(-18)
        tick = Decimal(self._random.randint(-3, 3)).scaleb(-instrument.price_decimals)
        return rounded(mid, instrument.price_decimals) + tick

    def _amount(
        self, instrument: SimulatedInstrument, notional: Decimal, price: Decimal, precise: bool
    ) -> Decimal:
        places = 18 if precise else instrument.amount_decimals
        smallest = Decimal(1).scaleb(-instrument.amount_decimals)
        return max(smallest, rounded(_DOWN.divide(notional, price), places))

    def _side(
        self, instrument: SimulatedInstrument, price: Decimal, amount: Decimal
    ) -> tuple[str, Decimal]:
        """Choose a side that the account can afford, and limit a closing order to the position."""
        side = self._random.choice(("BUY", "SELL"))
        closing = self._random.random() < 0.15
        if instrument.type == SPOT:
            return self._affordable(instrument, side, price, amount)
        held = self._ledger.book(instrument.code).volume.last
        if not held:
            return side, amount
        reducing = "SELL" if held > 0 else "BUY"
        if closing or abs(held) * price > _MAX_POSITION:
            side = reducing
        if side == reducing and (closing or amount > abs(held)):
            amount = abs(held)
        return side, amount

    def _affordable(
        self, instrument: SimulatedInstrument, side: str, price: Decimal, amount: Decimal
    ) -> tuple[str, Decimal]:
        for choice in (side, "SELL" if side == "BUY" else "BUY"):
            currency = instrument.quote if choice == "BUY" else instrument.base
            needed = amount * price if choice == "BUY" else amount
            if self._free(currency) > needed * Decimal("1.1"):
                return choice, amount
        return side, ZERO

    def _free(self, currency: str) -> Decimal:
        wallet = self._ledger.wallets.get(currency)
        held = wallet.last if wallet else ZERO
        return held - self._ledger.locked.get(currency, ZERO)

    def _split(self, instrument: SimulatedInstrument, amount: Decimal, fills: int) -> list[Decimal]:
        if fills < 2:
            return [amount] * fills
        part = rounded(_DOWN.divide(amount, Decimal(fills + 1)), instrument.amount_decimals)
        if not part:
            return [amount]
        return [part] * (fills - 1) + [amount - part * (fills - 1)]

    def _fill(
        self, instrument: SimulatedInstrument, order: SimulatedOrder, amount: Decimal, maker: bool
    ) -> None:
        random, ledger = self._random, self._ledger
        together = random.random() < 0.3
        earliest = max(order.created, self._last_fill)
        longest = min((60 if maker else 1) * SECOND, self._gap // 4)
        wait = 0 if together else random.randrange(longest + 1)
        self._last_fill = earliest + wait
        rate = _FEES[(instrument.futures, maker)]
        in_base = instrument.type == SPOT and order.side == "BUY"
        fee = rounded(amount * rate * (1 if in_base else order.price), 20).normalize()
        trade = SimulatedTrade(
            self._last_fill,
            instrument.code,
            order.side,
            order.price,
            amount,
            fee + ZERO,
            instrument.base if in_base else instrument.quote,
            maker,
            len(ledger.orders) - 1,
            ledger.next_sequence(),
        )
        ledger.record(trade)
