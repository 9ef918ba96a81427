"""One account's ledger: trades, positions, funding, movements and the balances that follow.

Every amount is kept as a running sum, so a balance at any past instant is one bisection. Minute
settlements are not booked one by one: between two settlements the profit of a position is volume
times the change of the mark price, and the sum of these telescopes. All settlements up to the last
one, at T, have paid exactly volume(T) x mark(T) - cost(T).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from exporter.simulator.market.exact import ZERO, rounded
from exporter.simulator.market.instruments import INSTRUMENTS, SPOT, SimulatedInstrument
from exporter.simulator.market.movements import MovementPlan, SimulatedMovement, liquidation_fee
from exporter.simulator.market.prices import MINUTE, SECOND, Prices, mix, salt, settled_at, slots
from exporter.simulator.market.trades import RunningSum, SimulatedTrade, TradeLog

_JITTER = SECOND // 10
_MAX_BOOKING_DELAY = 12 * SECOND


class SimulatedOrder(NamedTuple):
    """An order and the consecutive trades that filled it: `fills` of them, from index `first`.

    `closed` is when it was cancelled; 0 when it never is. `outcome` is what it ends as.
    """

    created: int
    code: str
    side: str
    price: Decimal
    amount: Decimal
    first: int
    fills: int
    outcome: str
    closed: int = 0


class SimulatedPayment(NamedTuple):
    """A funding payment, positive when received; `slot` is the funding instant it belongs to."""

    instant: int
    code: str
    amount: Decimal
    cash: Decimal
    slot: int
    rate: Decimal
    mark: Decimal
    position: int


class ClosedPosition(NamedTuple):
    """A position from the trade that opened it to the one that closed it, with its fees.

    Its trades are those of its instrument from index `first` to `last`, both included.
    """

    number: int
    code: str
    direction: str
    opened: int
    closed: int
    pnl: Decimal
    fees: Decimal
    volume: Decimal
    first: int
    last: int


class Book:
    """The position in one futures instrument over time: signed volume and the signed cost of it."""

    def __init__(self) -> None:
        self.volume = RunningSum(ZERO)
        self.cost = RunningSum(ZERO)
        self.fees = RunningSum(ZERO)
        self.opened = 0
        self.number = 0
        self._first = 0
        self._before = (ZERO, ZERO, ZERO)

    def fill(
        self, trade: SimulatedTrade, k: int, signed: Decimal, number: int
    ) -> ClosedPosition | None:
        """Apply the k-th trade, of `signed` volume; return the position that it closed, if any."""
        if not self.volume.last:
            self.opened, self.number, self._first = trade.instant, number, k
            self._before = (self.cost.last, self.fees.last, signed)
        self.volume.add(trade.instant, signed)
        self.cost.add(trade.instant, signed * trade.price)
        self.fees.add(trade.instant, trade.fee)
        if self.volume.last:
            return None
        cost, fees, first = self._before
        return ClosedPosition(
            self.number,
            trade.code,
            "LONG" if first > 0 else "SHORT",
            self.opened,
            trade.instant,
            cost - self.cost.last,
            self.fees.last - fees,
            abs(signed),
            self._first,
            k,
        )


class Ledger:
    """The ledger of one account. Instants are nanoseconds since the epoch; call under `exact`."""

    def __init__(self, seed: int, prices: Prices, opening: Mapping[str, Decimal]) -> None:
        self.opening = dict(opening)
        self.movements: list[SimulatedMovement] = []
        self.locked: dict[str, Decimal] = {}
        self.trades = TradeLog()
        self.orders: list[SimulatedOrder] = []
        self.books: dict[str, Book] = {}
        self.payments: list[SimulatedPayment] = []
        self.closed: list[ClosedPosition] = []
        self.wallets = {code: RunningSum(amount) for code, amount in opening.items()}
        self._seed = seed
        self._prices = prices
        self._funding: dict[str, RunningSum] = {}
        # Apart from the trades, which may be written before a movement that happens earlier.
        self._moved: dict[str, RunningSum] = {}
        self._sequence = 60_000_000_000

    def next_sequence(self) -> int:
        """Return the matching engine's next sequence number; it only grows."""
        self._sequence += 1 + mix(self._seed, self._sequence) % 9
        return self._sequence

    def book(self, code: str) -> Book:
        """Return the position over time in a futures instrument."""
        return self.books.setdefault(code, Book())

    def record(self, trade: SimulatedTrade) -> None:
        """Apply a trade: spot changes both currencies, futures the position; the fee is paid."""
        instrument = INSTRUMENTS[trade.code]
        signed = trade.amount if trade.side == "BUY" else -trade.amount
        if instrument.type == SPOT:
            self._move(instrument.base, trade.instant, signed)
            self._move(instrument.quote, trade.instant, -signed * trade.price)
        else:
            k = len(self.trades)
            number = 2_100_000_000_000_000 + mix(self._seed, k) % 10**14
            closed = self.book(trade.code).fill(trade, k, signed, number)
            if closed is not None:
                self.closed.append(closed)
        self._move(trade.fee_currency, trade.instant, -trade.fee)
        self.trades.append(trade)

    def _move(self, currency: str, instant: int, change: Decimal) -> None:
        self.wallets.setdefault(currency, RunningSum(ZERO)).add(instant, change)

    def transfer(self, plan: MovementPlan, after: int, until: int) -> None:
        """Book what moves in (after, until] without a trade; trades until then must be recorded."""
        fees = [fee for at in plan.liquidations(after, until) for fee in self._liquidation(at)]
        for movement in sorted([*plan.transfers(after, until), *fees]):
            self.movements.append(movement)
            moved = self._moved.setdefault(movement.currency, RunningSum(ZERO))
            moved.add(movement.instant, movement.amount)

    def _liquidation(self, instant: int) -> list[SimulatedMovement]:
        """The fee for the first position that is open then; none when all are closed."""
        for code, book in sorted(self.books.items()):
            volume, instrument = book.volume.at(instant), INSTRUMENTS[code]
            if volume:
                notional = abs(volume) * self._prices.mark(instrument, instant)
                return [liquidation_fee(instant, code, instrument.quote, notional)]
        return []

    def fund(self, after: int, until: int) -> None:
        """Book every funding payment due in (after, until]; trades until then must be recorded."""
        due = sorted(
            (booked, slot, code)
            for code, instrument in INSTRUMENTS.items()
            if code in self.books
            for slot in slots(instrument, after - _MAX_BOOKING_DELAY, until)
            for booked in (self._booked_at(instrument, slot),)
            if after < booked <= until
        )
        for booked, slot, code in due:
            volume = self.books[code].volume.at(booked)
            if volume:
                self._pay(INSTRUMENTS[code], slot, booked, volume)

    def _booked_at(self, instrument: SimulatedInstrument, slot: int) -> int:
        jitter = mix(salt(self._seed, instrument.code), slot) % _JITTER
        return slot + (1 + instrument.offset) * SECOND + jitter

    def _pay(
        self, instrument: SimulatedInstrument, slot: int, booked: int, volume: Decimal
    ) -> None:
        rate = self._prices.rate(instrument, slot + instrument.offset * SECOND)
        mark = self._prices.mark(instrument, slot + instrument.offset * SECOND)
        amount = rounded(-rate * mark * volume, 8) + ZERO
        self._funding.setdefault(instrument.quote, RunningSum(ZERO)).add(booked, amount)
        cash = self.total(instrument.quote, booked)
        number = self._position_number(instrument.code, booked)
        self.payments.append(
            SimulatedPayment(booked, instrument.code, amount, cash, slot, rate, mark, number)
        )

    def _position_number(self, code: str, instant: int) -> int:
        for closed in reversed(self.closed):
            if closed.code == code and closed.opened <= instant < closed.closed:
                return closed.number
        return self.books[code].number

    def total(self, currency: str, instant: int) -> Decimal:
        """Return available plus locked: opening, trades, fees, funding, movements, settlements."""
        sums = [own[currency] for own in self._sums() if currency in own]
        amount = sum((sum_.at(instant) for sum_ in sums), ZERO)
        for code in self.books:
            if INSTRUMENTS[code].quote == currency:
                amount += self.settled(INSTRUMENTS[code], instant)
        return amount

    def _sums(self) -> tuple[dict[str, RunningSum], ...]:
        return self.wallets, self._funding, self._moved

    def settled(self, instrument: SimulatedInstrument, instant: int) -> Decimal:
        """Return what the minute settlements of `instrument` have paid up to the last one."""
        book, at = self.book(instrument.code), settled_at(instrument, instant)
        return book.volume.at(at) * self._prices.mark(instrument, at) - book.cost.at(at)

    def last_settlement(self, instrument: SimulatedInstrument, instant: int) -> Decimal:
        """Return what the last minute settlement has paid."""
        return self.settled(instrument, instant) - self.settled(instrument, instant - MINUTE)

    def currencies(self, instant: int) -> Iterator[tuple[str, Decimal, int | None]]:
        """Yield each currency held, its total and the instant of its last change."""
        held = dict.fromkeys(currency for sums in self._sums() for currency in sums)
        for code in self.books:
            held.setdefault(INSTRUMENTS[code].quote)
        for currency in held:
            yield currency, self.total(currency, instant), self._changed_at(currency, instant)

    def _changed_at(self, currency: str, instant: int) -> int | None:
        sums = [own.get(currency) for own in self._sums()]
        changes = [at for sum_ in sums if sum_ and (at := sum_.changed_at(instant)) is not None]
        for code, book in self.books.items():
            if INSTRUMENTS[code].quote == currency and book.volume.at(instant):
                changes.append(settled_at(INSTRUMENTS[code], instant))
        return max(changes, default=None)
