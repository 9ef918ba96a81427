"""Bookings as a batch for DATEV's bookkeeping (`EXTF`, Buchungsstapel).

Each record moves a positive amount between the ledger account of an asset and that of what it was
booked against: the two sides of a spot trade against `trading`, which comes to zero by each trade,
fees, funding, and movements against `external`. Trades of futures move no balance, and book
nothing but their fee.

The amounts have two decimals, so they are rounded: each such that the sum since the beginning of
the file is the rounded sum of the exact amounts. Thousands of payments below a cent are not lost;
the exact amount stands beside in each record.

Euro is what the books are in. USD and other currencies of ISO 4217 are booked in their own
currency, with the rate and the amount in euro; a currency that is none (BTC, USDC), or a rate that
the format has no place for, is booked in euro. Both need a rate of the day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import NamedTuple

from exporter.export import datev_layout as layout
from exporter.export.bookings import Booking, Rates, Valued
from exporter.export.csv_file import Sink

DOMESTIC = "EUR"
FOREIGN = frozenset(("USD", "GBP", "CHF", "JPY", "CAD", "AUD", "PLN", "CZK", "SEK", "NOK", "DKK"))
"""Currencies of ISO 4217 that the exchange may list; what is not in here is an asset."""
_CENT = Decimal("0.01")
_DIGITS = 200
_MOST_FAULTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the header says."""

    consultant: int
    client: int
    fiscal_year_start: date
    account_length: int
    first: date
    last: date
    label: str
    created_at: datetime


class Leg(NamedTuple):
    """What moved in an asset, and against what."""

    asset: str | None
    amount: Decimal
    counter: str
    text: str
    valued_in: str | None
    """What `value` is in, where the exchange says what it was worth."""
    value: Decimal | None


@dataclass(slots=True)
class Faults:
    """Why bookings cannot be exported: each reason once, with the first booking that it is of."""

    texts: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def add(self, reason: str, remedy: str, booking: Booking) -> None:
        """One more booking."""
        self.count += 1
        if len(self.texts) < _MOST_FAULTS:
            self.texts.setdefault(reason, f"{reason} ({booking.name}); {remedy}")

    def all(self) -> list[str]:
        """One sentence for each reason."""
        return list(self.texts.values())


def header(batch: Batch) -> str:
    """The first line, of 31 fields."""
    created = batch.created_at
    fields = [
        *(layout.text("EXTF", 4), "700", "21", layout.text("Buchungsstapel", 30), "13"),
        *(f"{created:%Y%m%d%H%M%S}{created.microsecond // 1000:03}", "", '"OT"'),
        *(layout.text("onetrading-exporter", 25), '""'),
        *(str(batch.consultant), str(batch.client), f"{batch.fiscal_year_start:%Y%m%d}"),
        *(str(batch.account_length), f"{batch.first:%Y%m%d}", f"{batch.last:%Y%m%d}"),
        *(layout.text(re.sub(r"[^\w./ -]", "-", batch.label), 30), '""', "1", "0", "0"),
        *(layout.text(DOMESTIC, 3), "", '""', "", "", '""', "", "", '""', '""'),
    ]
    return ";".join(fields)


class DatevWriter:
    """Writes a batch in CP1252. What cannot be booked goes to `faults`.

    ``ledger_account``: of an account and an asset or counter; None: not configured.
    """

    def __init__(
        self,
        batch: Batch,
        sink: Sink,
        rates: Rates,
        ledger_account: Callable[[str, str], str | None],
    ) -> None:
        self._batch = batch
        self._sink = sink
        self._rates = rates
        self._ledger_account = ledger_account
        self._carried: dict[tuple[str, ...], tuple[Decimal, Decimal]] = {}
        self.faults = Faults()
        self.records = 0
        self.carried = 0
        """Amounts that round to nothing, and are in the next record of their kind."""
        self._put([header(batch), ";".join(layout.COLUMNS)])

    def _put(self, lines: Iterable[str]) -> None:
        content = "".join(f"{line}\r\n" for line in lines)
        self._sink.write(content.encode("cp1252"))

    def write(self, bookings: Iterable[Booking]) -> None:
        """Write some bookings."""
        with localcontext() as exact:
            exact.prec = _DIGITS
            lines = [line for each in bookings for line in self._records(each)]
        self.records += len(lines)
        self._put(lines)
        if self.records > layout.MOST_RECORDS:
            self.faults.texts["too many"] = (
                f"a batch holds {layout.MOST_RECORDS} records at most; export a shorter period"
            )

    def _records(self, booking: Booking) -> Iterator[str]:
        for leg in legs_of(booking):
            if not leg.asset:
                remedy = "`sync` once, so that the instrument is known"
                self.faults.add(
                    f"the assets of {booking.instrument_code} are unknown", remedy, booking
                )
                return
            yield from self._record(booking, leg, leg.asset)

    def _record(self, booking: Booking, leg: Leg, asset: str) -> Iterator[str]:
        accounts = [self._account(booking, name) for name in (asset, leg.counter)]
        currency = leg.valued_in or asset
        amount = leg.amount if leg.value is None else leg.value
        rate = None if currency == DOMESTIC else self._rates.at(currency, booking.day)
        if rate is None and currency != DOMESTIC:
            self.faults.add(
                f"there is no rate of {DOMESTIC} and {currency} for {booking.day}",
                "`import rates` first",
                booking,
            )
            return
        if rate is not None and _kurs(currency, rate) is None:
            currency, amount = DOMESTIC, rate.convert(amount)
        own, counter = accounts
        if own is None or counter is None:
            return
        # With the market, so that the sides of a trade are carried alike and cancel out.
        market = booking.instrument_code or ""
        key = (booking.account, market, asset, leg.counter, currency)
        rounded = self._rounded(key, amount)
        fields = _fields(booking, leg, currency, rounded, rate)
        if fields is None:
            self.carried += 1
            return
        if abs(rounded) > layout.MOST_AMOUNT:
            self.faults.add("an amount has more than 10 digits", "book it by hand", booking)
        yield layout.record(fields | {"Konto": own, "Gegenkonto (ohne BU-Schlüssel)": counter})

    def _account(self, booking: Booking, name: str) -> str | None:
        found = self._ledger_account(booking.account, name)
        if found is None:
            self.faults.add(
                f"there is no ledger account of {name}",
                f"add {name}=ACCOUNT to ONETRADING_DATEV_ACCOUNTS",
                booking,
            )
        return found

    def _rounded(self, key: tuple[str, ...], amount: Decimal) -> Decimal:
        """By how much the rounded sum of the amounts grows."""
        exact, booked = self._carried.get(key, (Decimal(0), Decimal(0)))
        exact += amount
        rounded = exact.quantize(_CENT, ROUND_HALF_EVEN)
        self._carried[key] = exact, rounded
        return rounded - booked

    def end(self) -> None:
        """Nothing comes after the last record."""


def legs_of(booking: Booking) -> Iterator[Leg]:
    """What a booking moves on the account, and against what."""
    if booking.kind == "movement":
        counter = "fees" if booking.detail == "fee" else "external"
        note = booking.note or ""
        text = f"{booking.detail} {booking.amount:f} {booking.base_code} {note}".strip()
        yield Leg(booking.base_code, booking.amount, counter, text, None, None)
    elif booking.kind == "funding":
        text = f"Funding {booking.instrument_code}"
        yield Leg(booking.base_code, booking.amount, "funding", text, None, None)
    else:
        yield from _legs_of_trade(booking)


def _legs_of_trade(booking: Booking) -> Iterator[Leg]:
    quote = booking.quote_amount or Decimal(0)
    traded = f"{booking.detail} {abs(booking.amount):f} {booking.instrument_code}"
    if not booking.is_futures:
        text = f"{traded} @ {booking.price:f}"
        yield Leg(booking.base_code, booking.amount, "trading", text, booking.quote_code, -quote)
        yield Leg(booking.quote_code, quote, "trading", text, None, None)
    if booking.fee_amount:
        fee, currency = -booking.fee_amount, booking.fee_currency
        text = f"{'Fee' if fee < 0 else 'Rebate'} {traded}"
        if currency == booking.base_code and booking.price is not None:
            yield Leg(currency, fee, "fees", text, booking.quote_code, fee * booking.price)
        else:
            yield Leg(currency, fee, "fees", text, None, None)


def _kurs(currency: str, rate: Valued) -> str | None:
    """The rate as the format has it: foreign units for one euro, 1 to 9999 with 2 to 6 decimals."""
    value = rate.per_domestic
    if currency not in FOREIGN or value is None or not 1 <= value < 10_000:
        return None
    if value != value.quantize(Decimal("0.000001")):
        return None
    digits = f"{value.normalize():f}"
    whole, _, decimals = digits.partition(".")
    return f"{whole},{decimals.ljust(2, '0')}"


def _fields(
    booking: Booking, leg: Leg, currency: str, amount: Decimal, rate: Valued | None
) -> dict[str, str] | None:
    """All but the accounts; None for an amount that rounds to nothing."""
    found: dict[str, str] = {}
    if rate is not None and currency != DOMESTIC:
        base = rate.convert(abs(amount)).quantize(_CENT, ROUND_HALF_EVEN)
        found |= {
            "Kurs": _kurs(currency, rate) or "",
            "Basis-Umsatz": layout.money(base),
            "WKZ Basis-Umsatz": layout.text(DOMESTIC, 3),
        }
    if not amount:
        return None
    number, was_cut = _document(booking.entry_id)
    more = [("Zeitpunkt", booking.booked_at.isoformat()), ("Handelskonto", booking.account)]
    more.append(("Betrag", f"{leg.amount:f} {leg.asset}"))
    if leg.value is not None:
        more.append(("Wert", f"{leg.value:f} {leg.valued_in}"))
    if rate is not None:
        pair = rate.per_domestic or rate.domestic_per or Decimal(0)
        more.append(("Kurs", f"{pair:f}, {rate.source}, {rate.day}"))
    if was_cut:
        more.append(("Referenz", booking.entry_id))
    for n, (kind, content) in enumerate(more, start=1):
        found[f"Zusatzinformation - Art {n}"] = layout.text(kind, 20)
        found[f"Zusatzinformation- Inhalt {n}"] = layout.text(content, 210)
    return found | {
        "Umsatz (ohne Soll/Haben-Kz)": layout.money(abs(amount)),
        "Soll/Haben-Kennzeichen": '"S"' if amount > 0 else '"H"',
        "WKZ Umsatz": layout.text(currency, 3),
        "Belegdatum": f"{booking.day:%d%m}",
        "Belegfeld 1": layout.text(number, 36),
        "Buchungstext": layout.text(leg.text, 60),
        "Festschreibung": "0",
    }


def _document(entry_id: str) -> tuple[str, bool]:
    """A document number of the characters that the format allows; whether that changed it."""
    number = re.sub(r"[^A-Za-z0-9_$%/-]", "-", entry_id)[:36]
    return number, number != entry_id
