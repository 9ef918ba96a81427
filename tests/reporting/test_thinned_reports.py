"""What reports say before and after old observations are thinned: the same, in any time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from exporter.model.stream import PUBLIC_ACCOUNT_ID
from exporter.store import retention
from exporter.store.retention import Rule
from tests.support.account_books import Books, random_books, store
from tests.support.facts import count
from tests.support.reporting import MAIN, Connection, examples, facts, put

ZONES = [
    *("UTC", "Europe/Vienna", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns"),
    *("Pacific/Kiritimati", "Etc/GMT+12", "Australia/Lord_Howe"),
]
REPORTS = {
    "daily_closing_balances": "*",
    "daily_equity": "*",
    "balance_rollforward": (
        "account, month, zone, currency, basis, opening, bought, sold, fees_paid, rebates_received,"
        " funding_received, funding_paid, settlements_inferred, external_in, external_out,"
        " expected, actual, actual_observed_at, difference"
    ),
    "funding_check": "*",
    "trade_slippage": "*",
}
"""Of the roll-forward without where a difference began: that is told as finely as is observed."""
WITHOUT_ZONE = {
    "current_balances": "*",
    "current_positions": "*",
    "position_check": "account, instrument_code, net_by_trades, net_observed, observed_at,"
    " difference, basis, opening, state",
}


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def answers(connection: Connection, zones: list[str]) -> dict[tuple[str, str], list[Any]]:
    """The rows of each report in each zone, in an order of their own."""
    found = {}
    for zone in zones:
        for view, columns in REPORTS.items():
            query = f"SELECT {columns} FROM reporting.{view}(%s)"  # noqa: S608  literals
            found[view, zone] = connection.execute(query.encode(), [zone]).fetchall()
    for view, columns in WITHOUT_ZONE.items():
        query = f"SELECT {columns} FROM reporting.{view}"  # noqa: S608  literals
        found[view, ""] = connection.execute(query.encode()).fetchall()
    return {key: sorted(rows, key=repr) for key, rows in found.items()}


def look_often(books: Books, random: Random) -> None:
    """Look every half minute for a while: while a position is open, and around some instants."""
    around = [first for first, _ in books.episodes] + [
        books.start + random.random() * (books.now - books.start) for _ in range(10)
    ]
    month = books.now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    around += [month, (month - timedelta(days=1)).replace(day=1)]
    extra = {
        at - timedelta(minutes=10) + timedelta(seconds=30 * step + random.randint(0, 20))
        for at in around
        for step in range(120)
    }
    for run in books.polls:
        run[:] = sorted({*run, *(at for at in extra if run[0] < at < run[-1])})


def put_portfolios_and_quotes(connection: Connection, books: Books, random: Random) -> None:
    """A portfolio at each look, and tickers around some trades; not of every instrument."""
    number = 10**6
    headers: list[tuple[object, ...]] = []
    portfolios, tickers = [], []
    for at in (at for run in books.polls for at in run):
        number += 1
        headers.append((number, MAIN, "portfolio", at, at, 1, number, "{}"))
        portfolios.append((number, MAIN, random.randint(1, 99), "{}"))
    trades = [change for change in books.changes if change.table == "trades"]
    quoted = sorted(
        trade.at + timedelta(seconds=random.randint(-400, 60)) for trade in trades for _ in range(5)
    )
    for at in sorted(set(quoted)):
        number += 1
        until = at + timedelta(seconds=random.choice((0, 0, 5)))
        headers.append((number, PUBLIC_ACCOUNT_ID, "tickers", at, until, 3, number, "{}"))
        for code in ("BTC_USDC", "XRP_EUR", "BTC_USD_P"):
            bid = random.choice((None, random.randint(1, 9)))
            tickers.append((number, code, bid, 10, "{}"))
    columns = "snapshot_id, account_id, stream, first_observed_at, last_observed_at, row_count"
    put(connection, f"onetrading.snapshots ({columns}, content_hash, header)", headers)
    put(connection, "onetrading.portfolios (snapshot_id, account_id, equity, raw)", portfolios)
    columns = "snapshot_id, instrument_code, bid_price, ask_price, raw"
    put(connection, f"onetrading.tickers ({columns})", tickers)


def rules(now: datetime, cuts: tuple[int, int, int]) -> list[Rule]:
    """Months that are over so many days; some of account state by day, too."""
    before = [now - timedelta(days=days) for days in cuts]
    return [
        *(Rule(stream, before[0], "hour") for stream in ("balances", "positions", "portfolio")),
        *(Rule(stream, before[2], "day") for stream in ("balances", "positions", "portfolio")),
        *(
            Rule("tickers", at, unit)
            for at, unit in zip(before, ("minute", "hour", "day"), strict=True)
        ),
    ]


@settings(examples, max_examples=3)
@given(
    seed=st.integers(0, 2**32),
    zones=st.lists(st.sampled_from(ZONES), min_size=2, max_size=2, unique=True),
    cuts=st.sampled_from([(1, 20, 40), (0, 1, 2), (30, 31, 90)]),
)
def test_reports_are_the_same_after_thinning(
    reporting: Connection, seed: int, zones: list[str], cuts: tuple[int, int, int]
) -> None:
    random = Random(seed)  # noqa: S311  made-up observations
    with facts(reporting, "UTC") as now:
        books = random_books(seed, now, days=50, observed_days=45, spot=30, episodes=8)
        look_often(books, random)
        store(reporting, books)
        put_portfolios_and_quotes(reporting, books, random)
        reporting.execute("ANALYZE")
        before = answers(reporting, zones)
        there = count(reporting, "SELECT count(*) FROM onetrading.snapshots")
        # As days pass: a part of a month is thinned, and later more of it.
        for days in (9, 5):
            some = rules(now - timedelta(days=days), cuts)
            assert retention.thin(reporting, "_earlier", some, lambda _: None) is not None
        wanted = rules(now, cuts)
        would = retention.look(reporting, "_earlier", wanted)
        done = retention.thin(reporting, "_earlier", wanted, lambda _: None)
        assert done is not None
        assert done.streams == would.streams
        dropped = there - sum(each.kept for each in done.streams)
        event(f"dropped {dropped // 500 * 500} of {there}")
        assert dropped > 100
        assert answers(reporting, zones) == before
        # A second time nothing goes.
        again = retention.thin(reporting, "_earlier", wanted, lambda _: None)
        assert again is not None
        assert [each.snapshots for each in again.streams] == [each.kept for each in done.streams]
        assert all(each.snapshots == each.kept for each in again.streams)
