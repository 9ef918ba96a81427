"""Bookings as a ledger of beancount (version 3), which `bean-check` accepts.

A spot trade is a posting of the asset at its total price (`@@`) and one of the currency: exact,
where a cost per unit would have to be rounded. Beancount computes with 28 digits; a trade that
takes more is booked without a price, asset and currency against `Equity:...:Trading`. There are no
lots: the gains are in `reporting.realised_pnl_fifo` and `realised_pnl_average`. A futures trade
moves no balance: it changes the position, counted in a commodity of the market's name, and what was
given for it. Fees and rebates, and funding paid and received, have accounts of their own.

What was booked before the period is one opening transaction. At the end stands what each account
comes to, as balance assertions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Context, Decimal, localcontext
from typing import NamedTuple, Protocol

from exporter.export.bookings import Booking, RateRow
from exporter.export.csv_file import Sink

_EXACT = Context(prec=1000)
_HEAD = """\
option "title" "One Trading"
option "operating_currency" "EUR"
"""
_MOST_DIGITS = 28
_TOLERANCE = "0.0000000001"
"""Of the sums at the end: beancount rounds each step of an addition to 28 digits."""


class OpeningRow(Protocol):
    """What the bookings of an account before the period come to."""

    @property
    def account(self) -> str: ...
    @property
    def is_position(self) -> bool: ...
    @property
    def asset(self) -> str | None: ...
    @property
    def amount(self) -> Decimal: ...


class Posting(NamedTuple):
    """A line of a transaction."""

    account: str
    amount: Decimal
    asset: str
    price: str = ""


class BeancountWriter:
    """Writes a ledger in UTF-8. What cannot be booked goes to `faults`.

    ``names``: every account; ``about``: comment lines for the beginning of the file.
    """

    def __init__(self, sink: Sink, names: Iterable[str], about: Mapping[str, object]) -> None:
        self._sink = sink
        self._names = _components(names)
        self._open: set[str] = set()
        self._sums: dict[tuple[str, str], Decimal] = {}
        self._last: date | None = None
        self.faults: list[str] = []
        head = [f"; {_line(name)}: {_line(value)}" for name, value in about.items()]
        self._put([*head, _HEAD])

    def _put(self, lines: Iterable[str]) -> None:
        self._sink.write("".join(f"{line}\n" for line in lines).encode())

    def open_with(self, day: date, rows: Iterable[OpeningRow]) -> None:
        """What was booked before ``day``."""
        with localcontext(_EXACT):
            self._open_with(day, rows)

    def _open_with(self, day: date, rows: Iterable[OpeningRow]) -> None:
        for row in rows:
            if row.asset is None:
                self.faults.append(f"{row.account}: an asset before {day} is unknown; `sync` once")
                continue
            part = "Positions" if row.is_position else row.asset
            own = self._account("Assets", row.account, part)
            equity = self._account("Equity", row.account, "Opening")
            postings = [
                Posting(own, row.amount, row.asset),
                Posting(equity, -row.amount, row.asset),
            ]
            self._transaction(day, f"Opening balance of {row.asset}", postings, {})

    def price_all(self, rates: Iterable[RateRow]) -> None:
        """The exchange rates as prices."""
        self._put(
            f"{rate.day} price {_commodity(rate.base)} {rate.rate:f} {_commodity(rate.quote)}"
            f"\n  source: {_quoted(rate.source)}"
            for rate in rates
        )

    def write(self, bookings: Iterable[Booking]) -> None:
        """Write some bookings."""
        with localcontext(_EXACT):  # the usual context rounds, even by a minus sign
            for booking in bookings:
                self._book(booking)

    def _book(self, booking: Booking) -> None:
        if booking.base_code is None or (booking.kind == "trade" and not booking.quote_code):
            text = f"{booking.name}: the assets of {booking.instrument_code} are unknown"
            self.faults.append(f"{text}; `sync` once")
            return
        facts = {
            "time": booking.booked_at.isoformat(),
            "id": booking.entry_id,
            "order": booking.reference,
            "market": booking.instrument_code,
            "note": booking.note,
        }
        if postings := list(self._postings(booking)):
            self._transaction(booking.day, _narration(booking), postings, facts)

    def _postings(self, booking: Booking) -> Iterator[Posting]:
        base, quote = booking.base_code or "", booking.quote_code or ""
        if booking.kind == "movement":
            yield from self._moved(booking, base, booking.amount, self._other_side(booking))
        elif booking.kind == "funding":
            kind = "Income" if booking.amount > 0 else "Expenses"
            other = self._account(kind, booking.account, "Funding")
            yield from self._moved(booking, base, booking.amount, other)
        else:
            yield from self._trade(booking, base, quote)
            yield from self._fee(booking)

    def _trade(self, booking: Booking, base: str, quote: str) -> Iterator[Posting]:
        paid = booking.quote_amount or Decimal(0)
        if booking.is_futures:
            own = other = self._account("Assets", booking.account, "Positions")
            asset = booking.instrument_code or ""
        else:
            own, other = (self._account("Assets", booking.account, part) for part in (base, quote))
            asset = base
        if _computes_with(booking.amount, paid, booking.price):
            yield Posting(own, booking.amount, asset, f" @@ {abs(paid):f} {_commodity(quote)}")
            yield Posting(other, paid, quote)
            return
        trading = self._account("Equity", booking.account, "Trading")
        yield from (Posting(own, booking.amount, asset), Posting(trading, -booking.amount, asset))
        yield from (Posting(other, paid, quote), Posting(trading, -paid, quote))

    def _fee(self, booking: Booking) -> Iterator[Posting]:
        fee, currency = booking.fee_amount, booking.fee_currency
        if fee and currency:
            kind, name = ("Expenses", "Fees") if fee > 0 else ("Income", "Rebates")
            other = self._account(kind, booking.account, name)
            yield from self._moved(booking, currency, -fee, other)

    def _other_side(self, booking: Booking) -> str:
        if booking.detail == "fee":
            return self._account("Expenses", booking.account, "Fees")
        return self._account("Equity", booking.account, "External")

    def _moved(
        self, booking: Booking, asset: str, amount: Decimal, other: str
    ) -> Iterator[Posting]:
        yield Posting(self._account("Assets", booking.account, asset), amount, asset)
        yield Posting(other, -amount, asset)

    def _account(self, kind: str, account: str, part: str) -> str:
        name = self._names.setdefault(account, _component(account))
        return f"{kind}:OneTrading:{name}:{_component(part)}"

    def _transaction(
        self,
        day: date,
        narration: str,
        postings: Iterable[Posting],
        facts: Mapping[str, str | None],
    ) -> None:
        lines = [f"{day} * {_quoted(narration)}"]
        lines += [f"  {name}: {_quoted(value)}" for name, value in facts.items() if value]
        for posting in postings:
            if posting.account not in self._open:
                self._open.add(posting.account)
                self._put([f"{day} open {posting.account}"])
            key = posting.account, posting.asset
            self._sums[key] = self._sums.get(key, Decimal(0)) + posting.amount
            amount = f"{posting.amount:f} {_commodity(posting.asset)}{posting.price}"
            lines.append(f"  {posting.account}  {amount}")
        self._last = max(day, self._last or day)
        self._put([*lines, ""])

    def end(self) -> None:
        """Write what each account comes to, asserted at the beginning of the day after."""
        if self._last is not None:
            day = self._last + timedelta(days=1)
            self._put(
                f"{day} balance {account}  {amount:f} ~ {_TOLERANCE} {_commodity(asset)}"
                for (account, asset), amount in sorted(self._sums.items())
                if account.startswith("Assets:")
            )


def _computes_with(amount: Decimal, paid: Decimal, price: Decimal | None) -> bool:
    """Whether beancount divides a total price by the amount, and multiplies it again, exactly."""
    numbers = (amount, paid, price or Decimal(0))
    return abs(amount) * (price or Decimal(0)) == abs(paid) and all(
        len(number.as_tuple().digits) <= _MOST_DIGITS for number in numbers
    )


def _narration(booking: Booking) -> str:
    if booking.kind == "trade":
        traded = f"{booking.detail} {abs(booking.amount):f} {booking.instrument_code}"
        return f"{traded} @ {booking.price:f}"
    return f"Funding of {booking.instrument_code}" if booking.kind == "funding" else booking.detail


def _components(names: Iterable[str]) -> dict[str, str]:
    """What stands for each account in the name of a ledger account; no two alike."""
    found: dict[str, str] = {}
    for name in sorted(names):
        plain = _component(name)
        taken = set(found.values())
        number = 2
        unique = plain
        while unique in taken:
            unique, number = f"{plain}-{number}", number + 1
        found[name] = unique
    return found


def _component(name: str) -> str:
    """A part of an account's name: letters, digits and dashes, with a capital or digit first."""
    plain = re.sub(r"[^A-Za-z0-9-]", "-", name)
    return plain[0].upper() + plain[1:] if plain[:1].isalnum() else f"X{plain}"


def _commodity(code: str) -> str:
    """A code as the language wants it: one that begins with a digit needs a slash in front."""
    return code if code[:1].isalpha() else f"/{code}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _line(value: object) -> str:
    return " ".join(str(value).split())
