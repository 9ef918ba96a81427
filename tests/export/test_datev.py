"""Batches for DATEV: whatever is booked, sums are right to the cent, and every field is valid."""

from __future__ import annotations

import io
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.export.bookings import Booking, Rates
from exporter.export.datev import Batch, DatevWriter
from tests.support import extf

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
BATCH = Batch(
    consultant=29098,
    client=55003,
    fiscal_year_start=date(2026, 1, 1),
    account_length=5,
    first=FIRST,
    last=LAST,
    label="One Trading: main, März; at most thirty characters",
    created_at=datetime(2026, 4, 2, 3, 4, 5, 678_901, tzinfo=UTC),
)
_NAMES = ("EUR", "USD", "USDC", "BTC", "trading", "fees", "funding", "external")
_NUMBERS = ("18000", "18100", "18200", "15100", "15900", "68550", "71100", "14600")
ACCOUNTS = dict(zip(_NAMES, _NUMBERS, strict=True))
USD, USDC = Fraction("1.0823"), Fraction("0.91234567891")


class Rate(NamedTuple):
    base: str
    quote: str
    day: date
    rate: Decimal
    source: str


RATES = [
    Rate("EUR", "USD", FIRST, Decimal("1.0823"), "ECB"),
    Rate("USDC", "EUR", FIRST, Decimal("0.91234567891"), "house"),
]
EVERY_DAY = [rate._replace(day=FIRST + timedelta(days=n)) for n in range(31) for rate in RATES]


def booking(**values: Any) -> Booking:
    """A funding payment of one USD, but for ``values``."""
    usual: dict[str, Any] = {
        "account": "main",
        "kind": "funding",
        "booked_at": datetime(2026, 3, 2, 4, tzinfo=UTC),
        "day": date(2026, 3, 2),
        "entry_id": "BTC_USD_P-20260302T0400",
        "reference": None,
        "instrument_code": "BTC_USD_P",
        "is_futures": True,
        "base_code": "USD",
        "quote_code": None,
        "amount": Decimal(1),
        "quote_amount": None,
        "price": None,
        "fee_amount": None,
        "fee_currency": None,
        "detail": "funding",
        "note": None,
    }
    return Booking(**(usual | values))


def writing(out: io.BytesIO, rates: list[Rate] = EVERY_DAY) -> DatevWriter:
    return DatevWriter(BATCH, out, Rates(rates, "EUR"), lambda _, name: ACCOUNTS.get(name))


def written(
    bookings: list[Booking], rates: list[Rate] = EVERY_DAY
) -> tuple[extf.Batch, DatevWriter]:
    out = io.BytesIO()
    writer = writing(out, rates)
    writer.write(bookings[:2])
    writer.write(bookings[2:])
    writer.end()
    return extf.read(out.getvalue()), writer


amounts = st.decimals("0.000000000000000001", 10**7, places=18)
days = st.dates(FIRST, LAST)


@st.composite
def trade(draw: st.DrawFn) -> Booking:
    quote = draw(st.sampled_from(["EUR", "USDC"]))
    buy = draw(st.booleans())
    amount, price = draw(st.decimals("0.00001", 100, places=5)), draw(st.decimals(1, 999, places=5))
    return booking(
        kind="trade",
        instrument_code=f"BTC_{quote}",
        is_futures=False,
        base_code="BTC",
        quote_code=quote,
        amount=amount if buy else -amount,
        quote_amount=-amount * price if buy else amount * price,
        price=price,
        detail="BUY" if buy else "SELL",
        fee_amount=draw(st.none() | st.decimals(-1, 1, places=10)),
        fee_currency=draw(st.sampled_from(["BTC", quote])),
        day=draw(days),
        entry_id=str(draw(st.uuids())),
    )


payments = st.builds(
    lambda amount, sign, day: booking(amount=amount * sign, day=day),
    amounts,
    st.sampled_from([-1, 1]),
    days,
)
movements = st.builds(
    lambda amount, code, detail, reference, note: booking(
        kind="movement",
        instrument_code=None,
        is_futures=False,
        base_code=code,
        amount=amount if detail == "deposit" else -amount,
        detail=detail,
        entry_id=reference,
        note=note,
    ),
    amounts,
    st.sampled_from(["EUR", "USD", "USDC"]),
    st.sampled_from(["deposit", "withdrawal", "fee"]),
    st.text(min_size=1, max_size=50),
    st.text(max_size=80),
)


def expected(bookings: list[Booking]) -> dict[tuple[str, str, str, str], Fraction]:
    """What is booked in which currency between an asset and a counterpart, of each market."""
    sums: defaultdict[tuple[str, str, str, str], Fraction] = defaultdict(Fraction)
    for each in bookings:
        market, base, quote = (
            each.instrument_code or "",
            each.base_code or "",
            each.quote_code or "",
        )
        if each.kind == "funding":
            sums[market, base, "funding", "USD"] += Fraction(each.amount)
        elif each.kind == "movement":
            counter = "fees" if each.detail == "fee" else "external"
            euro = USDC if base == "USDC" else 1
            sums[market, base, counter, "USD" if base == "USD" else "EUR"] += (
                Fraction(each.amount) * euro
            )
        else:
            euro = USDC if quote == "USDC" else 1
            paid = Fraction(each.quote_amount or 0) * euro
            sums[market, base, "trading", "EUR"] -= paid
            sums[market, quote, "trading", "EUR"] += paid
            fee = -Fraction(each.fee_amount or 0) * euro
            if each.fee_currency == "BTC":
                fee *= Fraction(each.price or 0)
            sums[market, each.fee_currency or "", "fees", "EUR"] += fee
    return sums


@given(st.lists(trade() | payments | movements, max_size=12))
def test_sums_are_those_of_the_exact_amounts_to_the_cent(bookings: list[Booking]) -> None:
    batch, writer = written(bookings)
    assert writer.faults.all() == []
    assert writer.records == len(batch.records)
    wanted: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for (_, asset, counter, currency), amount in expected(bookings).items():
        cents = Decimal(round(amount * 100)) / 100  # half a cent to even
        wanted[ACCOUNTS[asset], ACCOUNTS[counter], currency] += cents
    found: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for record in batch.records:
        found[record.account, record.counter, record.currency] += record.amount
        if record.currency == "USD":
            assert Fraction(record.rate or 0) == USD
    assert {key: n for key, n in found.items() if n} == {k: n for k, n in wanted.items() if n}
    assert sum(record.amount for record in batch.records if record.counter == "15900") == 0


def test_the_header_is_that_of_the_batch() -> None:
    batch, _ = written([])
    assert batch.header == [
        *('"EXTF"', "700", "21", '"Buchungsstapel"', "13", "20260402030405678", "", '"OT"'),
        *('"onetrading-exporter"', '""', "29098", "55003", "20260101", "5", "20260301"),
        *("20260331", '"One Trading- main- März- at mo"', '""', "1", "0", "0", '"EUR"', ""),
        *('""', "", "", '""', "", "", '""', '""'),
    ]
    assert batch.names[0] == "Umsatz (ohne Soll/Haben-Kz)"
    assert batch.names[-1] == "Abw. Skontokonto"


@pytest.mark.parametrize("value", ["0.85", "12345.5", "1.12345678"])
def test_a_rate_that_the_format_cannot_hold_books_euro(value: str) -> None:
    batch, _ = written([booking(amount=Decimal(100))], [RATES[0]._replace(rate=Decimal(value))])
    (record,) = batch.records
    assert (record.currency, record.rate) == ("EUR", None)
    assert abs(Fraction(record.amount) - 100 / Fraction(value)) <= Fraction(1, 200)
    assert record.more["Kurs"] == f"{value}, ECB, 2026-03-01"


def test_a_rate_holds_for_a_week_and_that_of_the_ecb_is_preferred() -> None:
    def at(day: date, rates: list[Rate]) -> tuple[list[extf.Record], list[str]]:
        batch, writer = written([booking(day=day)], rates)
        return batch.records, writer.faults.all()

    # In the order in which the database gives them: of one day the preferred one comes last.
    both = [Rate("EUR", "USD", FIRST, Decimal(2), "other"), RATES[0]]
    (record,), faults = at(date(2026, 3, 8), both)
    assert (record.rate, faults) == (Decimal("1.0823"), [])
    records, (fault,) = at(date(2026, 3, 9), both)
    assert records == []
    assert fault == (
        "there is no rate of EUR and USD for 2026-03-09 (funding BTC_USD_P-20260302T0400 of main);"
        " `import rates` first"
    )


def test_what_cannot_be_booked_is_told() -> None:
    unknown = booking(base_code=None)
    huge = booking(kind="movement", base_code="EUR", amount=Decimal(10**10), detail="deposit")
    nameless = booking(kind="movement", base_code="SHIB", amount=Decimal(1), detail="deposit")
    writer = writing(io.BytesIO())
    writer.write([unknown, huge, nameless])
    assert [fault.partition(" (")[0] for fault in writer.faults.all()] == [
        "the assets of BTC_USD_P are unknown",
        "an amount has more than 10 digits",
        "there is no ledger account of SHIB",
        "there is no rate of EUR and SHIB for 2026-03-02",
    ]
    writer.records = 99_999
    writer.write([booking()])
    assert writer.faults.all()[-1].startswith("a batch holds 99999 records at most")
