"""One simulated year of two accounts, in a database, as an exporter that looked daily leaves it.

The records are those that the simulated exchange serves, read and written by the exporter's own
parsers, loader and import. Only the way between is missing (no HTTP, no paging), so that a year
takes seconds. Everything follows from a seed, and the clock of Postgres shows nowhere: what is
told as known first is dated shortly after it happened.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
import pytest

from exporter.importer import LAYOUTS, FaultList, rows_of
from exporter.model.page import read
from exporter.model.stream import (
    PUBLIC_ACCOUNT,
    PUBLIC_ACCOUNT_ID,
    History,
    Partition,
    SnapshotResponse,
    Stream,
)
from exporter.model.window import Window
from exporter.simulator import AccountSpec, Market
from exporter.simulator.endpoints.fault_injection import FaultInjector
from exporter.simulator.endpoints.faults import NO_FAULTS
from exporter.simulator.endpoints.funding import settled_rate, settled_slots
from exporter.simulator.endpoints.records import encoded_trade_rows
from exporter.simulator.endpoints.requests import AccountRequest, EndpointRequest, Overrides
from exporter.simulator.endpoints.routes import PRIVATE, PUBLIC
from exporter.simulator.endpoints.truth import truth
from exporter.simulator.endpoints.wire import encode
from exporter.simulator.market.exact import exact, quotient
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.market import SimulatedAccount, to_nanos
from exporter.simulator.market.prices import SECOND, seeded
from exporter.store import bookkeeping, imports, loader, report_settings, snapshots
from exporter.store.loader import Batch, Run
from exporter.store.snapshots import Observed
from exporter.streams import STREAMS
from tests.support.account_books import first_instant
from tests.support.postgres import database_of, fresh_database
from tests.support.reporting import DAY, Connection

START = datetime(2024, 12, 31, tzinfo=UTC)
"""From when on history is required and complete: before the year begins in any zone of Europe."""
END = datetime(2026, 1, 2, 12, tzinfo=UTC)
"""When the exporter looked last, and the accounts left its configuration."""
MONTHS = [date(2025, month, 1) for month in range(1, 13)]
"""Those that are over and complete, in UTC and in Vienna."""
ZONES = ("UTC", "Europe/Vienna")
ACCOUNTS = (
    AccountSpec("main", trades_per_day=3.0, movements_per_month=4.0, liquidation_fees_per_year=12),
    AccountSpec("spot", futures=False, trades_per_day=2.0, movements_per_month=2.0),
)
_SEED = 2025
_SETTINGS = {"api_maker_ratio_futures": "-0.00005", "api_taker_ratio_futures": "0.00015"}
_BY_NAME: Mapping[str, Any] = {stream.name: stream for stream in STREAMS}
_LIST_OF = {  # the member of a response that has the records
    "trades": "trade_history",
    "orders": "order_history",
    "closed_positions": "positions",
    "funding_history": "funding_rates",
}
_LOTS = """\
account,reference,base_code,quote_code,acquired_at,quantity,cost
main,treasury-1,BTC,USDC,2023-05-02,0.3,8432.10
main,treasury-2,BTC,USDC,2024-10-15,0.2,13105.77
spot,treasury-3,BTC,USDC,2024-02-29T12:00:00Z,0.25,15480
"""


class Year(NamedTuple):
    """The database with the year, which is only to be copied, and the exchange's truth."""

    server: str
    template: str
    market: Market

    @contextmanager
    def copy(self) -> Iterator[str]:
        """A database of its own with the year."""
        with fresh_database(self.server, self.template) as url:
            yield url


@pytest.fixture(scope="session")
def year(postgres_url: str, migrated_template: str) -> Iterator[Year]:
    """The year, made once a run."""
    with fresh_database(postgres_url, migrated_template) as url:
        with psycopg.connect(url) as connection:
            market = fill_year(connection)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")
        yield Year(postgres_url, database_of(url), market)


def fill_year(connection: Connection) -> Market:
    """Fill a migrated database with the year; the market, at its end."""
    market = begin_year(connection)
    for at in _looks():
        market.advance(at)
        observe(connection, market)
    end_year(connection, market)
    _quote(connection, market.accounts["main"])
    date_facts(connection)
    return market


def begin_year(connection: Connection) -> Market:
    """What is known before the first look; the market, at the year's beginning."""
    market = Market(_SEED, START, START, ACCOUNTS)
    report_settings.note(connection, _SETTINGS)
    for name in ("instruments", "currencies"):
        _refer(connection, market, None, name)
    for account in market.accounts.values():
        bookkeeping.remember_account(connection, account.name, account.id)
        _refer(connection, market, account, "account_fees")
    return market


def observe(connection: Connection, market: Market) -> None:
    """Look at the state of each account."""
    for account in market.accounts.values():
        _observe(connection, market, account)


def observe_market(connection: Connection, market: Market) -> None:
    """Look at what is quoted."""
    _save(connection, market, None, _BY_NAME["tickers"])


def load_histories(connection: Connection, market: Market) -> None:
    """Load what there is of every history by now."""
    for account in market.accounts.values():
        _load_history(connection, market, account)
    _load_rates(connection, market)


def end_year(connection: Connection, market: Market) -> None:
    """Load the histories, and what people import."""
    load_histories(connection, market)
    bring(connection, "movements", _movements(market))
    bring(connection, "rates", _exchange_rates(market))
    bring(connection, "lots", _LOTS)


def _looks() -> list[datetime]:
    """When balances and positions are observed: before each day ends, and each month in Vienna."""
    days = (START + number * DAY for number in range((END - START) // DAY + 1))
    in_utc = [day + timedelta(hours=23, minutes=58) for day in days]
    months = [*MONTHS, date(2026, 1, 1)]
    in_vienna = [first_instant(month, "Europe/Vienna") - timedelta(minutes=2) for month in months]
    between = sorted(at for at in (*in_utc, *in_vienna) if at < END)
    return [START + timedelta(minutes=1), *between, END]


def _answer(market: Market, account: SimulatedAccount | None, path: str) -> bytes:
    """What an endpoint responds now."""
    faultless = _faultless(market)
    if account is None:
        return _encoded(PUBLIC[path], EndpointRequest(market, {}, faultless, Overrides()))
    request = AccountRequest(
        market, {}, faultless, Overrides(), account=account, trade_rows=encoded_trade_rows(account)
    )
    return _encoded(PRIVATE[path], request)


def _faultless(market: Market) -> FaultInjector:
    return FaultInjector(NO_FAULTS, seeded(0), 0, market.instant)


@exact
def _encoded(endpoint: Any, request: Any) -> bytes:
    return encode(endpoint(request))


def _partition(account: SimulatedAccount | None, stream: Stream, scope: str = "") -> Partition:
    if account is None:
        return Partition(PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, stream.name, scope)
    return Partition(account.name, account.id, stream.name, scope)


def _response(market: Market, account: SimulatedAccount | None, stream: Stream) -> SnapshotResponse:
    identity = PUBLIC_ACCOUNT_ID if account is None else account.id
    page = read(stream, _answer(market, account, f"/{stream.path}"), identity)
    assert not page.rejects, page.rejects
    return SnapshotResponse(page.rows, page.header)


def _refer(
    connection: Connection, market: Market, account: SimulatedAccount | None, name: str
) -> None:
    stream = _BY_NAME[name]
    response = _response(market, account, stream)
    place = _partition(account, stream)
    snapshots.save_reference(
        connection, stream, place, response, market.now, latest=END, lease=None
    )


def _observe(connection: Connection, market: Market, account: SimulatedAccount) -> None:
    for name in ("balances", "positions", "portfolio"):
        stream = _BY_NAME[name]
        if stream.requires_futures and not account.futures:
            continue
        _save(connection, market, account, stream)


def _save(
    connection: Connection, market: Market, account: SimulatedAccount | None, stream: Any
) -> None:
    snapshots.save(
        connection,
        stream,
        _partition(account, stream),
        _response(market, account, stream),
        Observed(market.now, market.now),
        patience=timedelta(minutes=1),
        latest=END,
        lease=None,
    )


def load(
    connection: Connection,
    market: Market,
    account: SimulatedAccount | None,
    name: str,
    records: Any,
    scope: str = "",
) -> loader.Loaded:
    """Read records as the exchange sends them, and load them: all that there is of a stream."""
    stream: History = _BY_NAME[name]
    place = _partition(account, stream, scope)
    body = encode({_LIST_OF.get(name, name): records})
    page = read(stream, body, place.account_id)
    assert not page.rejects, page.rejects
    everything = Window(START, market.now)
    bookkeeping.require(connection, stream, place, START, explicit=True)
    batch = Batch(page.rows, pages=1, proven=everything, complete=True, walked=everything)
    return loader.load(connection, stream, place, Run("backfill", everything), batch, None)


def _load_history(connection: Connection, market: Market, account: SimulatedAccount) -> None:
    for name in ("trades", "orders"):
        load(connection, market, account, name, truth(market, name, account.name))
    if not account.futures:
        return
    by_instrument: dict[str, list[Any]] = {}
    for record in truth(market, "funding_payments", account.name):
        code = record.pop("instrument_code")
        by_instrument.setdefault(code, []).append(record)
    load(connection, market, account, "funding_payments", by_instrument)
    closed = truth(market, "closed_positions", account.name)
    load(connection, market, account, "closed_positions", closed)


def _quote(connection: Connection, account: SimulatedAccount) -> None:
    """What was quoted some seconds before each trade of December; of the others nothing is known.

    Only of the instrument that is traded: each price takes time.
    """
    stream, quotes = _BY_NAME["tickers"], Market(_SEED, START, START, ())
    trades = (account.trades[number] for number in range(len(account.trades)))
    before = {trade.instant - 20 * SECOND: trade.code for trade in trades}
    for instant, code in sorted(before.items()):
        quotes.advance_nanos(instant)
        if (quotes.now.year, quotes.now.month) != (2025, 12):
            continue
        request = EndpointRequest(quotes, {}, _faultless(quotes), Overrides(), code)
        page = read(stream, b"[" + _encoded(PUBLIC["/market-ticker/{}"], request) + b"]", "")
        snapshots.save(
            connection,
            stream,
            _partition(None, stream),
            SnapshotResponse(page.rows, page.header),
            Observed(quotes.now, quotes.now),
            patience=timedelta(minutes=1),
            latest=END,
            lease=None,
        )


@exact
def _load_rates(connection: Connection, market: Market) -> None:
    """The settled rates of what was traded."""
    request = EndpointRequest(market, {}, _faultless(market), Overrides())
    for code in sorted({code for one in market.accounts.values() for code in one.ledger.books}):
        instrument = INSTRUMENTS[code]
        slots = reversed(settled_slots(request, instrument))
        records = [settled_rate(request, instrument, slot) for slot in slots]
        load(connection, market, None, "funding_history", records, code)


def bring(connection: Connection, what: str, text: str) -> None:
    """What `import` does with a file."""
    layout, faults = LAYOUTS[what], FaultList()
    known = imports.known_accounts(connection) if layout.target.has_account else {}
    rows = rows_of(io.BytesIO(text.encode()), layout, known, faults)
    imports.receive(connection, layout.target, rows)
    assert not faults.count, faults.all()
    imports.load(connection, layout.target)


def _movements(market: Market) -> str:
    records = [row for name in market.accounts for row in truth(market, "movements", name)]
    return _csv(records[0].keys(), (record.values() for record in records))


@exact
def _exchange_rates(market: Market) -> str:
    """EUR in USD on each weekday, as a central bank publishes them, and in USDC by our market."""
    rows = []
    for number in range((END - START) // DAY + 1):
        at = START + number * DAY + timedelta(hours=12)
        if at.weekday() < 5:
            dollars = Decimal("1.08") + Decimal(number * 37 % 101 - 50).scaleb(-4)
            rows.append((at.date(), "EUR", "USD", dollars, "ECB"))
        euro = market.prices.mid(INSTRUMENTS["USDC_EUR"], to_nanos(at))
        rows.append((at.date(), "EUR", "USDC", quotient(Decimal(1), euro, 6), "USDC_EUR"))
    return _csv(("day", "base", "quote", "rate", "source"), rows)


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def date_facts(connection: Connection) -> None:
    """Tell that it became known when it happened, and that the accounts have left since."""
    for table, happened_at in _DATED:
        connection.execute(
            f"UPDATE onetrading.{table} SET first_seen_at = {happened_at} + interval '5 s'".encode()  # noqa: S608
        )
    connection.execute(
        "UPDATE onetrading.accounts SET first_seen_at = %s, left_at = %s", [START, END]
    )


_DATED: Sequence[tuple[str, str]] = (
    ("trades", "traded_at"),
    ("orders", "created_at"),
    ("funding_payments", "booked_at"),
    ("funding_rates", "funding_time"),
    ("closed_positions", "closed_at"),
    ("external_movements", "moved_at"),
)
