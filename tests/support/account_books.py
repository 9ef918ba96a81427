"""Random accounts as plain arithmetic: what moved their balances, and what is stored of it.

Nothing here shares code with the views that are tested with it, nor with the simulated exchange.
Amounts are exact Decimals; instants are whole microseconds, since that is what is stored.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, Inexact, localcontext
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.support.reporting import MAIN, Connection, put

EXACT = Context(prec=200, traps=[Inexact])
ZERO = Decimal(0)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
INSTRUMENTS = {  # base, quote, kind; None: not listed by the exchange any more, so not stored
    "BTC_USDC": ("BTC", "USDC", "SPOT"),
    "USDC_EUR": ("USDC", "EUR", "SPOT"),
    "XRP_EUR": ("XRP", "EUR", None),
    "BTC_USD_P": ("BTC", "USD", "PERP"),
    "SOL_USD_P": ("SOL", "USD", None),
}
SPOT = ("BTC_USDC", "USDC_EUR", "XRP_EUR")
FUTURES = ("BTC_USD_P", "SOL_USD_P")


@dataclass
class Change:
    """One record that moves balances, and by how much: the truth, whatever is stored of it."""

    at: datetime
    table: str
    values: tuple[Any, ...]
    moves: dict[str, Decimal]
    position: tuple[str, Decimal] | None = None
    """A futures trade: its instrument and signed volume."""


@dataclass
class Books:
    """An account: its records, its settlements, and when it was looked at."""

    start: datetime
    now: datetime
    opening: dict[str, Decimal]
    changes: list[Change] = field(default_factory=list)
    settlements: list[tuple[datetime, Decimal]] = field(default_factory=list)
    episodes: list[tuple[datetime, datetime]] = field(default_factory=list)
    polls: list[list[datetime]] = field(default_factory=list)
    """Times without a break, one list each; oldest first."""

    def balances(self, instants: Sequence[datetime]) -> Iterator[dict[str, Decimal]]:
        """All balances at each of the instants, which must be in order; changes then included."""
        moves = [(change.at, change.moves) for change in self.changes]
        moves += [(at, {"USD": amount}) for at, amount in self.settlements]
        moves.sort(key=lambda move: move[0])
        held, done = dict(self.opening), 0
        for instant in instants:
            while done < len(moves) and moves[done][0] <= instant:
                for currency, amount in moves[done][1].items():
                    held[currency] = held.get(currency, ZERO) + amount
                done += 1
            yield dict(held)

    def positions(self, instant: datetime) -> dict[str, Decimal]:
        """The open position of each futures instrument that has one, signed."""
        held: dict[str, Decimal] = {}
        for change in self.changes:
            if change.position is not None and change.at <= instant:
                code, volume = change.position
                held[code] = held.get(code, ZERO) + volume
        return {code: volume for code, volume in held.items() if volume}

    def settled_between(self, first: datetime, last: datetime) -> bool:
        """Whether anything was settled between two instants, in either order."""
        early, late = sorted((first, last))
        place = bisect_left(self.settlements, (early, Decimal("-Infinity")))
        return place < len(self.settlements) and self.settlements[place][0] <= late

    def quiet(self, at: datetime) -> bool:
        """Whether no record is within five seconds of an instant."""
        place = bisect_left(self.changes, at - timedelta(seconds=5), key=lambda c: c.at)
        return place == len(self.changes) or self.changes[place].at > at + timedelta(seconds=5)

    @property
    def first_poll(self) -> datetime:
        """When the account was first looked at."""
        return self.polls[0][0]


class _Maker:
    """Writes the books of one random account."""

    def __init__(self, random: Random, start: datetime, now: datetime) -> None:
        self.random = random
        opening = {code: self.amount(1_000, 18) for code in ("BTC", "USDC", "EUR", "USD")}
        self.books = Books(start, now, opening)
        self.number = 0

    def amount(self, most: int, places: int) -> Decimal:
        """More than 0, at most ``most``, with this many decimals at most."""
        places = self.random.choice((0, 2, places))
        return Decimal(self.random.randint(1, most * 10**places)).scaleb(-places)

    def between(self, first: datetime, last: datetime) -> datetime:
        """A random whole microsecond."""
        span = (last - first) // timedelta(microseconds=1)
        return first + timedelta(microseconds=self.random.randint(0, span))

    def trade(self, at: datetime, code: str, side: str, price: Decimal, amount: Decimal) -> None:
        """A fill, with a fee in its base, its quote or a third currency, or with a rebate."""
        base, quote, _ = INSTRUMENTS[code]
        futures = code in FUTURES
        currency = quote if futures else self.random.choice((base, quote, "BEST"))
        fee = self.amount(2, 18) * self.random.choice((1, 1, 1, -1))
        sign = 1 if side == "BUY" else -1
        moves = {} if futures else {base: sign * amount, quote: -sign * amount * price}
        moves[currency] = moves.get(currency, ZERO) - fee
        nanos = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
        self.number += 1
        identity = UUID(int=10**6 + self.number)
        row = (identity, MAIN, code, side, price, amount, price * amount, fee, currency, at, nanos)
        position = (code, sign * amount) if futures else None
        self.books.changes.append(Change(at, "trades", (*row, 1, "{}"), moves, position))

    def movement(self, at: datetime) -> None:
        """A deposit or a withdrawal."""
        currency = self.random.choice(("BTC", "EUR", "USD", "GBP"))
        amount = self.amount(500, 18) * self.random.choice((1, -1))
        self.number += 1
        kind = "deposit" if amount > 0 else "withdrawal"
        row = (MAIN, f"m{self.number}", at, currency, amount, kind)
        self.books.changes.append(Change(at, "external_movements", row, {currency: amount}))

    def episode(self, first: datetime, last: datetime) -> None:
        """A position from ``first`` to ``last``: settled each minute, funded every four hours."""
        code, side = self.random.choice(FUTURES), self.random.choice(("BUY", "SELL"))
        sign = 1 if side == "BUY" else -1
        other = "SELL" if side == "BUY" else "BUY"
        amount, price = self.amount(3, 8), self.amount(900, 2)
        middle = self.between(first, last)
        more = self.amount(2, 8)
        marks = [price + self.amount(3, 6) for _ in range(2)]
        self.trade(first, code, side, price, amount)
        self.trade(middle, code, side, marks[0], more)
        self.trade(last, code, other, marks[1], amount + more)
        fills = [(first, sign * amount, price), (middle, sign * more, marks[0])]
        fills.append((last, -sign * (amount + more), marks[1]))
        self._settle(fills)
        self._fund(code, fills)
        self.books.episodes.append((first, last))

    def _settle(self, fills: list[tuple[datetime, Decimal, Decimal]]) -> None:
        """What each minute pays: the value at the mark, less the cost, less what was paid."""
        minute = fills[0][0].replace(second=0, microsecond=0) + MINUTE
        final = fills[-1][0].replace(second=0, microsecond=0) + MINUTE
        paid, mark = ZERO, fills[0][2]
        while minute <= final:
            mark = abs(mark + self.amount(2, 4) - self.amount(2, 4))
            before = [fill for fill in fills if fill[0] <= minute]
            volume = sum((volume for _, volume, _ in before), ZERO)
            cost = sum((volume * price for _, volume, price in before), ZERO)
            due = volume * mark - cost - paid
            if due:
                self.books.settlements.append((minute, due))
                paid += due
            # The price does not move in every minute.
            quiet = self.random.choice((1, 1, 29))
            minute = max(minute + MINUTE, min(minute + quiet * MINUTE, final))

    def _fund(self, code: str, fills: list[tuple[datetime, Decimal, Decimal]]) -> None:
        first, last = fills[0][0], fills[-1][0]
        slot = first.replace(hour=first.hour // 4 * 4, minute=0, second=0, microsecond=0)
        while slot <= last:
            booked = slot + timedelta(seconds=1, milliseconds=self.random.randint(50, 150))
            if first < booked < last:
                amount = self.amount(5, 8) * self.random.choice((1, -1))
                row = (MAIN, code, booked, slot, amount)
                change = Change(booked, "funding_payments", row, {"USD": amount})
                self.books.changes.append(change)
            slot += 4 * HOUR

    def poll(self, first: datetime) -> None:
        """Looks at irregular intervals from ``first`` until now, with some pauses of days."""
        at, running = first, [first]
        while at < self.books.now:
            at += timedelta(seconds=self.random.randint(60, 12 * 3_600))
            if self.random.random() < 0.02:
                self.books.polls.append(running)
                at += timedelta(hours=self.random.randint(20, 90))
                running = []
            if at < self.books.now:
                running.append(at)
        self.books.polls = [times for times in (*self.books.polls, running) if times]


def random_books(
    seed: int, now: datetime, *, days: int, observed_days: float, spot: int, episodes: int
) -> Books:
    """The books of ``days`` until ``now``, looked at in the last ``observed_days``.

    Episodes do not overlap, and leave some hours between them.
    """
    random = Random(seed)  # noqa: S311 - made-up trades
    start = (now - timedelta(days=days)).replace(microsecond=0)
    with localcontext(EXACT):
        maker = _Maker(random, start, now)
        for _ in range(spot):
            at = maker.between(start, now)
            code, side = random.choice(SPOT), random.choice(("BUY", "SELL"))
            maker.trade(at, code, side, maker.amount(90, 18), maker.amount(9, 18))
        for _ in range(spot // 5):
            maker.movement(maker.between(start, now))
        slice_ = (now - start) / max(1, episodes)
        for number in range(episodes):
            first = maker.between(start + number * slice_, start + (number + 0.5) * slice_)
            last = first + min(slice_ / 4, timedelta(minutes=random.randint(1, 1_500)))
            maker.episode(first, last - timedelta(microseconds=last.microsecond % 7))
        maker.poll(now - timedelta(days=observed_days))
        books = maker.books
        books.changes.sort(key=lambda change: change.at)
        books.settlements.sort()
    return books


_COLUMNS = {
    "trades": "trade_id, account_id, instrument_code, side, price, amount, quote_amount,"
    " fee_amount, fee_currency, traded_at, traded_at_nanos, row_hash, raw",
    "external_movements": "account_id, reference, moved_at, currency_code, amount, kind",
    "funding_payments": "account_id, instrument_code, booked_at, funding_time, amount,"
    " cash_balance, row_hash, raw",
}


def store(connection: Connection, books: Books, changes: Sequence[Change] | None = None) -> None:
    """Put an account's records and observations into the tables, as an exporter would have.

    ``changes``: the records that are stored; those of the books, unless told otherwise.
    """
    put(
        connection,
        "onetrading.instruments (instrument_code, base_code, quote_code, kind, state, raw,"
        " valid_from)",
        [
            (code, base, quote, kind, "ACTIVE", "{}", books.now)
            for code, (base, quote, kind) in INSTRUMENTS.items()
            if kind is not None
        ],
    )
    with localcontext(EXACT):
        at = sorted({c.at for c in books.changes if c.table == "funding_payments"})
        cash = dict(zip(at, books.balances(at), strict=True))
        for table, columns in _COLUMNS.items():
            rows = [c.values for c in (changes or books.changes) if c.table == table]
            if table == "funding_payments":
                rows = [(*row, cash[row[2]]["USD"], 1, "{}") for row in rows]
            put(connection, f"onetrading.{table} ({columns})", rows)
        _store_observations(connection, books)


def sum_days(connection: Connection, start: datetime, *, days: int) -> None:
    """Have the trades of so many days summed, from that of ``start`` on."""
    first = start.date()
    last = first + timedelta(days=days - 1)
    connection.execute("SELECT onetrading.sum_days(%s, %s, %s)", [MAIN, first, last])


def _store_observations(connection: Connection, books: Books) -> None:
    snapshots: list[list[Any]] = []
    rows: dict[str, list[tuple[Any, ...]]] = {"balances": [], "positions": []}
    for polls in books.polls:
        newest: dict[str, tuple[dict[str, Decimal], list[Any]]] = {}
        for at, held in zip(polls, books.balances(polls), strict=True):
            listed = {code: total for code, total in held.items() if total}
            for stream, content in (("balances", listed), ("positions", books.positions(at))):
                if stream in newest and newest[stream][0] == content:
                    newest[stream][1][4] = at  # the same state is seen for longer
                    continue
                number = len(snapshots) + 1
                snapshots.append([number, MAIN, stream, at, at, len(content), 0, "{}"])
                newest[stream] = (content, snapshots[-1])
                rows[stream] += [(number, MAIN, *row) for row in _SHOWN[stream](content)]
    columns = "snapshot_id, account_id, stream, first_observed_at, last_observed_at, row_count"
    put(connection, f"onetrading.snapshots ({columns}, content_hash, header)", snapshots)
    columns = "snapshot_id, account_id, currency_code, available, locked"
    put(connection, f"onetrading.balances ({columns})", rows["balances"])
    columns = "snapshot_id, account_id, instrument_code, direction, open_volume, raw"
    put(connection, f"onetrading.positions ({columns})", rows["positions"])


def _balances_shown(content: dict[str, Decimal]) -> list[tuple[Any, ...]]:
    return [(code, total / 2, total / 2) for code, total in content.items()]


def _positions_shown(content: dict[str, Decimal]) -> list[tuple[Any, ...]]:
    return [
        (code, "LONG" if volume > 0 else "SHORT", abs(volume), "{}")
        for code, volume in content.items()
    ]


_SHOWN = {"balances": _balances_shown, "positions": _positions_shown}


def first_instant(day: date, zone: str) -> datetime:
    """The instant at which a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def day_of(instant: datetime, zone: str) -> date:
    """The day of an instant in a time zone."""
    return instant.astimezone(ZoneInfo(zone)).date()
