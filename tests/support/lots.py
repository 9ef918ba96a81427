"""Made-up spot trading; its lots, pools and gains by arithmetic that shares nothing with SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from exporter.model.window import EPOCH
from tests.support.reporting import MAIN, MICROSECOND, Connection, put
from tests.support.reporting_instruments import at_microsecond

SECOND = UUID(int=7)
ACCOUNTS = {MAIN: "main", SECOND: "second"}
CHANGED_AT = datetime(2026, 3, 15, tzinfo=UTC)
Pool = tuple[str, str]
Row = tuple[Any, ...]


class Trade(NamedTuple):
    """A row of onetrading.trades, in the order of its columns below."""

    trade_id: UUID
    account_id: UUID
    instrument_code: str
    side: str
    price: Decimal
    amount: Decimal
    fee_amount: Decimal | None
    fee_currency: str | None
    sequence: int | None
    nanos: int

    @property
    def at(self) -> datetime:
        return at_microsecond(self.nanos)

    @property
    def quote_amount(self) -> Decimal:
        return self.price * self.amount

    @property
    def pool(self) -> Pool | None:
        """Base and quote at that time; none for futures and unknown markets."""
        if self.instrument_code == "MOVED_EUR":
            return ("OLD", "EUR") if self.at < CHANGED_AT else ("BTC", "EUR")
        pools = {"BTC_EUR": ("BTC", "EUR"), "ETH_EUR": ("ETH", "EUR"), "BTC_USDC": ("BTC", "USDC")}
        return pools.get(self.instrument_code)

    def fee_in(self, code: str) -> Fraction | None:
        """The part of the fee that is in a currency; none when it was not told."""
        if self.fee_amount == 0:
            return Fraction(0)
        if self.fee_amount is None or self.fee_currency is None:
            return None
        return Fraction(self.fee_amount if self.fee_currency == code else 0)

    @property
    def fee_in_quote(self) -> Fraction | None:
        """All of the fee in the quote currency, but for what a BUY paid in what it bought."""
        assert self.pool
        base, quote = self.pool
        if self.fee_amount and self.fee_currency == base:
            bought = self.side == "BUY"
            return Fraction(0) if bought else Fraction(self.fee_amount) * Fraction(self.price)
        return None if self.fee_amount and self.fee_currency != quote else self.fee_in(quote)


class Imported(NamedTuple):
    """A row of onetrading.external_lots."""

    account_id: UUID
    reference: str
    base_code: str
    quote_code: str
    at: datetime
    quantity: Decimal
    cost: Decimal | None


COLUMNS = (
    "trade_id, account_id, instrument_code, side, price, amount, quote_amount, fee_amount,"
    " fee_currency, sequence, traded_at_nanos, traded_at, raw, row_hash"
)


def row_of(trade: Trade) -> Row:
    """The values of COLUMNS."""
    *first, fee, currency, sequence, nanos = trade
    return (*first, trade.quote_amount, fee, currency, sequence, nanos, trade.at, "{}", 0)


def put_trades(connection: Connection, trades: Iterable[Trade]) -> None:
    put(connection, f"onetrading.trades ({COLUMNS})", map(row_of, trades))


def put_imported(connection: Connection, lots: Iterable[Imported]) -> None:
    columns = "account_id, reference, base_code, quote_code, acquired_at, quantity, cost"
    put(connection, f"onetrading.external_lots ({columns})", lots)


def put_markets(connection: Connection) -> None:
    """A second account, and spot markets, one of which changes its base; and futures."""
    put(connection, "onetrading.accounts (account_id, name)", [(SECOND, "second")])
    rows = [
        (code, *code.split("_")[:2], kind, EPOCH, None)
        for code, kind in [("BTC_EUR", "SPOT"), ("ETH_EUR", "SPOT"), ("BTC_USDC", "SPOT")]
    ]
    rows += [
        ("MOVED_EUR", "OLD", "EUR", "SPOT", EPOCH, CHANGED_AT),
        ("MOVED_EUR", "BTC", "EUR", "SPOT", CHANGED_AT, None),
        ("BTC_EUR_P", "BTC", "EUR", "PERP", EPOCH, None),
    ]
    columns = "instrument_code, base_code, quote_code, kind, valid_from, valid_to, state, raw"
    put(connection, f"onetrading.instruments ({columns})", [(*r, "ACTIVE", "{}") for r in rows])


_EDGES = [
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2026, 3, 1, tzinfo=ZoneInfo("Europe/Vienna")),
    CHANGED_AT,
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # the clocks of Vienna go forward
    datetime(2026, 4, 1, tzinfo=UTC),
    datetime(2026, 4, 1, tzinfo=ZoneInfo("Europe/Vienna")),
]
instants = st.builds(
    lambda edge, shift: (edge - EPOCH) // MICROSECOND * 1000 + shift,
    st.sampled_from(_EDGES),
    st.sampled_from([-1000, -1, 0, 1, 999]) | st.integers(-(10**15), 10**15),
)
_amounts = st.integers(1, 6).map(lambda n: Decimal(n) / 4) | st.decimals("0.001", 3, places=3)
trades = st.builds(
    Trade,
    st.uuids(),
    st.sampled_from([MAIN, MAIN, SECOND]),
    st.sampled_from(["BTC_EUR", "BTC_EUR", "BTC_EUR", "ETH_EUR", "BTC_USDC", "MOVED_EUR"])
    | st.sampled_from(["BTC_EUR_P", "UNKNOWN"]),
    st.sampled_from(["BUY", "SELL"]),
    st.decimals("0.01", 900, places=2),
    _amounts,
    st.none() | st.just(Decimal(0)) | st.decimals("-0.2", 2, places=7),
    st.sampled_from(["EUR", "EUR", "BTC", "BTC", "BEST", None]),
    st.none() | st.integers(1, 5),
    instants,
)
histories = st.lists(trades, max_size=25, unique_by=lambda trade: trade.trade_id)
imports = st.lists(
    st.builds(
        Imported,
        st.sampled_from(list(ACCOUNTS)),
        st.uuids().map(str),
        st.sampled_from(["BTC", "ETH", "DOT"]),
        st.sampled_from(["EUR", "USDC"]),
        instants.map(at_microsecond),
        _amounts,
        st.none() | st.decimals(0, 900, places=3),
    ),
    max_size=4,
    unique_by=lambda lot: lot.reference,
)


def share(total: Fraction | None, part: Fraction, whole: Fraction) -> Fraction | None:
    """Rounded half away from zero at 18 decimals; all of it for all of the whole."""
    if total is None or part == whole:
        return total
    exact = abs(total) * part / whole * 10**18
    rounded = Fraction((2 * exact.numerator + exact.denominator) // (2 * exact.denominator), 10**18)
    return rounded if total >= 0 else -rounded


@dataclass
class Lot:
    """What was acquired at once."""

    source: str
    identity: UUID | str
    at: datetime
    quantity: Fraction
    cost: Fraction | None
    base_fee: Fraction | None
    quote_fee: Fraction | None
    used: Fraction = Fraction(0)


class Piece(NamedTuple):
    """What one lot gave to one SELL; for the average, what the pool gave."""

    trade: Trade
    lot: Lot | None
    quantity: Fraction
    proceeds: Fraction
    cost: Fraction | None
    fee_in_base: Fraction | None
    lot_fee_in_base: Fraction | None
    fee_in_quote: Fraction | None
    pool: tuple[Fraction, Fraction | None] | None = None


def less(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a - b


def plus(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a + b


@dataclass
class Book:
    """One pool: lots by FIFO, and the moving average beside."""

    lots: list[Lot] = field(default_factory=list)
    fifo: list[Piece] = field(default_factory=list)
    average: list[Piece] = field(default_factory=list)
    held: Fraction = Fraction(0)
    cost: Fraction | None = Fraction(0)
    fee: Fraction | None = Fraction(0)

    def add(self, lot: Lot) -> None:
        self.lots.append(lot)
        self.held += lot.quantity
        self.cost, self.fee = plus(self.cost, lot.cost), plus(self.fee, lot.quote_fee)

    def sell(self, trade: Trade) -> None:
        assert trade.pool
        left, whole = Fraction(trade.amount), Fraction(trade.amount)
        totals = (Fraction(trade.quote_amount), trade.fee_in(trade.pool[0]), trade.fee_in_quote)

        def of_sale(start: Fraction, end: Fraction) -> list[Fraction | None]:
            return [less(share(t, end, whole), share(t, start, whole)) for t in totals]

        while left:
            lot = next((lot for lot in self.lots if lot.used < lot.quantity), None)
            size = left if lot is None else min(left, lot.quantity - lot.used)
            proceeds, base, quote = of_sale(whole - left, whole - left + size)
            taken: list[Fraction | None] = [None, Fraction(0), Fraction(0)]
            if lot is not None:
                after = lot.used + size
                taken = [
                    less(share(t, after, lot.quantity), share(t, lot.used, lot.quantity))
                    for t in (lot.cost, lot.base_fee, lot.quote_fee)
                ]
                lot.used = after
            assert proceeds is not None
            self.fifo.append(
                Piece(trade, lot, size, proceeds, taken[0], base, taken[1], plus(quote, taken[2]))
            )
            left -= size
        self._sell_from_pool(trade, whole, of_sale)

    def _sell_from_pool(self, trade: Trade, whole: Fraction, of_sale: Any) -> None:
        known = min(whole, self.held)
        if known:
            cost, fee = (share(total, known, self.held) for total in (self.cost, self.fee))
            self.held -= known
            self.cost = less(self.cost, cost) if self.held else Fraction(0)
            self.fee = less(self.fee, fee) if self.held else Fraction(0)
            proceeds, base, quote = of_sale(Fraction(0), known)
            pool = (self.held, self.cost)
            lot = Lot("pool", "", EPOCH, known, None, None, None)
            self.average.append(
                Piece(trade, lot, known, proceeds, cost, base, None, plus(quote, fee), pool)
            )
        if known < whole:
            proceeds, base, quote = of_sale(known, whole)
            self.average.append(
                Piece(
                    trade,
                    None,
                    whole - known,
                    proceeds,
                    None,
                    base,
                    None,
                    quote,
                    (self.held, self.cost),
                )
            )


def books(
    trades: Sequence[Trade], lots: Sequence[Imported], before: datetime | None = None
) -> dict[tuple[UUID, Pool], Book]:
    """Every pool after all events, or after those before an instant."""
    events: list[tuple[Any, Trade | Imported]] = [
        ((lot.at, 0, lot.reference, 0, 0, 0), lot) for lot in lots
    ]
    events += [
        ((t.at, 1, "", t.nanos, t.sequence is None, t.sequence or 0, t.trade_id.int), t)
        for t in trades
    ]
    found: defaultdict[tuple[UUID, Pool], Book] = defaultdict(Book)
    for _, event in sorted(events, key=lambda pair: pair[0]):
        if before is not None and event.at >= before:
            continue
        if isinstance(event, Imported):
            cost = None if event.cost is None else Fraction(event.cost)
            quantity, none = Fraction(event.quantity), Fraction(0)
            lot = Lot("external", event.reference, event.at, quantity, cost, none, none)
            found[event.account_id, (event.base_code, event.quote_code)].add(lot)
        elif event.pool is not None:
            book, base = found[event.account_id, event.pool], event.pool[0]
            if event.side == "SELL":
                book.sell(event)
                continue
            fee = event.fee_in(base)
            quantity = Fraction(event.amount) - (fee or 0)
            cost = Fraction(event.quote_amount)
            if quantity > 0:
                identity = event.trade_id
                book.add(Lot("trade", identity, event.at, quantity, cost, fee, event.fee_in_quote))
    return dict(found)


def month_of(at: datetime, zone: str) -> date:
    """The first day of its month in a time zone."""
    return at.astimezone(ZoneInfo(zone)).date().replace(day=1)


def starts(month: date, zone: str) -> datetime:
    """The first instant of a month."""
    return datetime(month.year, month.month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def following(month: date) -> date:
    """The month after it."""
    return (month + timedelta(days=31)).replace(day=1)
