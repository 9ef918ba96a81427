"""Made-up histories of accounts for the journal and the checks: trades, payments, movements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from exporter.model.fields import EXACT
from tests.support.reporting import MAIN, MICROSECOND, Connection, put

HEDGE = UUID(int=7)
ACCOUNTS = {MAIN: "main", HEDGE: "hedge"}
START = datetime(2026, 2, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MARKETS = {
    "BTC_EUR": ("BTC", "EUR", "SPOT"),
    "BTC_USDC": ("BTC", "USDC", "SPOT"),
    "USDC_EUR": ("USDC", "EUR", "SPOT"),
    "BTC_USD_P": ("BTC", "USD", "PERP"),
    "ETH_USD_P": ("ETH", "USD", "DATED_FUTURE"),
}
FUTURES = [code for code, (_, _, kind) in MARKETS.items() if kind != "SPOT"]
PRECISIONS = {"BTC": 8, "ETH": 8, "USDC": 6, "EUR": 2, "USD": 2}


class Trade(NamedTuple):
    """A trade ``at`` seconds after the start."""

    number: int
    account_id: UUID
    code: str
    side: str
    price: Decimal
    amount: Decimal
    at: Decimal
    fee: Decimal | None = None
    fee_currency: str | None = None
    liquidity: str | None = "TAKER"
    source: str | None = "API"
    order: int | None = None

    @property
    def trade_id(self) -> UUID:
        return UUID(int=10**6 + self.number)

    @property
    def order_id(self) -> UUID | None:
        return None if self.order is None else UUID(int=10**9 + self.order)

    @property
    def moment(self) -> datetime:
        return moment(self.at)

    @property
    def value(self) -> Decimal:
        return EXACT.multiply(self.price, self.amount)

    @property
    def signed(self) -> Decimal:
        return self.amount if self.side == "BUY" else -self.amount


def moment(seconds: Decimal | int) -> datetime:
    """The instant so many seconds after the start, cut to the microsecond."""
    return START + int(seconds * 10**6) * MICROSECOND


# Two months and a bit, with the ends of months on both sides of midnight in UTC and Vienna.
instants = st.one_of(
    st.decimals(0, 70 * 86_400, places=6),
    st.sampled_from(
        [Decimal(86_400 * day + hour * 3_600) for day in (28, 59) for hour in (-2, -1)]
    ),
    st.sampled_from([Decimal(86_400 * 28), Decimal(86_400 * 28) - Decimal("0.000001")]),
)
prices = st.decimals("0.01", 10**5, places=5)
amounts = st.decimals("0.00000001", 10**4, places=8)


@st.composite
def trades(draw: st.DrawFn, max_size: int = 12) -> list[Trade]:
    """Trades with fees in the quote currency, the base asset, a third one, or none."""
    rows = []
    for number in range(draw(st.integers(0, max_size))):
        code = draw(st.sampled_from([*MARKETS, "NEW_USD_P", "NEW_EUR"]))
        base, quote, _ = MARKETS.get(code, ("BTC", "EUR", ""))
        fee = draw(st.none() | st.just(Decimal(0)) | st.decimals(-9, 99, places=8))
        rows.append(
            Trade(
                number,
                draw(st.sampled_from([MAIN, HEDGE])),
                code,
                draw(st.sampled_from(["BUY", "SELL"])),
                draw(prices),
                draw(amounts),
                draw(instants),
                fee,
                None if fee is None else draw(st.sampled_from([base, quote, quote, "BEST"])),
                draw(st.sampled_from(["MAKER", "TAKER", "TAKER", None])),
                draw(st.sampled_from(["API", "UI", None])),
                draw(st.none() | st.integers(0, 3)),
            )
        )
    return rows


def put_markets(connection: Connection) -> None:
    """The second account, the instruments and the currencies."""
    put(connection, "onetrading.accounts (account_id, name)", [(HEDGE, "hedge")])
    put(
        connection,
        "onetrading.instruments (instrument_code, base_code, quote_code, kind, state, raw,"
        " valid_from)",
        [(code, *market, "ACTIVE", "{}", START) for code, market in MARKETS.items()],
    )
    put(
        connection,
        "onetrading.currencies (currency_code, precision, raw, valid_from)",
        [(code, precision, "{}", START) for code, precision in PRECISIONS.items()],
    )


def put_trades(connection: Connection, rows: Iterable[Trade]) -> None:
    """Store trades."""
    put(
        connection,
        "onetrading.trades (trade_id, order_id, account_id, instrument_code, side, price, amount,"
        " quote_amount, fee_amount, fee_currency, liquidity, order_source, sequence, traded_at,"
        " traded_at_nanos, raw, row_hash)",
        [
            (
                *(t.trade_id, t.order_id, t.account_id, t.code, t.side, t.price, t.amount),
                *(t.value, t.fee, t.fee_currency, t.liquidity, t.source, t.number, t.moment),
                *((t.moment - EPOCH) // MICROSECOND * 1000, "{}", 0),
            )
            for t in rows
        ],
    )


class Payment(NamedTuple):
    """Funding booked ``late`` seconds after the slot-th four hours."""

    account_id: UUID
    code: str
    slot: int
    amount: Decimal
    late: int = 1

    @property
    def funding_time(self) -> datetime:
        return START + timedelta(hours=4 * self.slot)

    @property
    def booked_at(self) -> datetime:
        return self.funding_time + timedelta(seconds=self.late)


def put_payments(connection: Connection, rows: Iterable[Payment]) -> None:
    """Store funding payments."""
    put(
        connection,
        "onetrading.funding_payments (account_id, instrument_code, booked_at, funding_time, amount,"
        " raw, row_hash)",
        [(p.account_id, p.code, p.booked_at, p.funding_time, p.amount, "{}", 0) for p in rows],
    )


class Movement(NamedTuple):
    """A deposit, a withdrawal or a fee that was imported."""

    account_id: UUID
    reference: str
    at: Decimal
    currency: str
    amount: Decimal
    kind: str


def put_movements(connection: Connection, rows: Iterable[Movement]) -> None:
    """Store imported movements."""
    put(
        connection,
        "onetrading.external_movements (account_id, reference, moved_at, currency_code, amount,"
        " kind)",
        [(m.account_id, m.reference, moment(m.at), *m[3:]) for m in rows],
    )


payments = st.lists(
    st.builds(
        Payment,
        st.sampled_from([MAIN, HEDGE]),
        st.sampled_from(FUTURES),
        st.integers(0, 200),
        st.decimals(-100, 100, places=8),
        st.integers(0, 20),
    ),
    max_size=6,
    unique_by=lambda payment: payment[:3],
)
movements = st.lists(
    st.builds(
        Movement,
        st.sampled_from([MAIN, HEDGE]),
        st.text("abc", min_size=1, max_size=2),
        instants,
        st.sampled_from([*PRECISIONS]),
        st.decimals(-100, 100, places=8).filter(bool),
        st.sampled_from(["deposit", "withdrawal", "transfer", "fee", "other"]),
    ),
    max_size=6,
    unique_by=lambda movement: movement[:2],
)
