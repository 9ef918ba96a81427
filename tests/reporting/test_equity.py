"""Equity at each day's end and how far it lies below its peak, against the rules in Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.account_books import day_of, first_instant
from tests.support.reporting import DAY, MAIN, Connection, examples, facts, money, put

LONGEST = timedelta(minutes=10)
zones = st.sampled_from(["UTC", "Europe/Vienna", "Pacific/Auckland"])
told = st.none() | money | st.just(Decimal(0))
polls = st.lists(
    st.tuples(st.sampled_from(["portfolio", "balances"]), st.integers(0, 12 * 24 * 60), told),
    min_size=1,
    max_size=20,
)
Poll = tuple[str, datetime, Decimal | None]


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def put_polls(connection: Connection, seen: list[Poll]) -> None:
    """One snapshot each; portfolios tell equity in a column, balances in their header."""
    put(
        connection,
        "onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
        " last_observed_at, row_count, content_hash, header)",
        [
            (number, MAIN, stream, at, at, 1, 0, header(stream, equity))
            for number, (stream, at, equity) in enumerate(seen)
        ],
    )
    put(
        connection,
        "onetrading.portfolios (snapshot_id, account_id, equity, raw)",
        [
            (number, MAIN, equity, "{}")
            for number, (stream, _, equity) in enumerate(seen)
            if stream == "portfolio"
        ],
    )


def header(stream: str, equity: Decimal | None) -> str:
    if stream == "portfolio" or equity is None:
        return "{}"
    return f'{{"account_equity": "{equity:f}"}}'


def closing(seen: list[Poll], end: datetime, asked: datetime) -> Poll | None:
    """The last of each stream; a portfolio, unless only the balances are fresh."""
    last = {stream: (stream, at, equity) for stream, at, equity in seen if at < end}
    known = [poll for poll in last.values() if poll[2] is not None]
    known.sort(key=lambda poll: (asked - poll[1] > LONGEST, poll[0] == "balances"))
    return known[0] if known else None


@settings(examples, max_examples=40)
@given(drawn=polls, zone=zones)
def test_equity_and_drawdown(
    reporting: Connection, drawn: list[tuple[str, int, Decimal | None]], zone: str
) -> None:
    with facts(reporting, "Asia/Tokyo") as now:
        seen = [(s, now - timedelta(minutes=minutes), equity) for s, minutes, equity in drawn]
        seen = list({(s, at): (s, at, equity) for s, at, equity in seen}.values())
        seen.sort(key=lambda poll: poll[1])
        put_polls(reporting, seen)
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        query = (
            "SELECT day, equity, source, observed_at, age, is_final, estimated, peak, drawdown,"
            " drawdown_ratio FROM reporting.daily_equity(%s)"
            " JOIN reporting.drawdown(%s) USING (account, account_id, zone, day, equity, source,"
            " is_final, estimated) WHERE account = 'main' AND zone = %s ORDER BY day"
        )
        found = reporting.execute(query, [zone, zone, zone]).fetchall()
    expected, peak = [], None
    day = day_of(seen[0][1], zone)
    while day <= day_of(now, zone):
        end = first_instant(day + DAY, zone)
        asked = min(end, now)
        last = closing(seen, end, asked)
        if last is not None:
            stream, at, equity = last
            assert equity is not None
            peak = equity if peak is None else max(peak, equity)
            row = (day, equity, stream, at, asked - at, end <= now, asked - at > LONGEST, peak)
            expected.append((*row, *drawdown(equity, peak)))
        day += DAY
    assert found == expected


def drawdown(equity: Decimal, peak: Decimal) -> tuple[Any, ...]:
    below = Fraction(peak) - Fraction(equity)
    if peak <= 0:
        return (below, None)
    scaled = below / Fraction(peak) * 10**18
    # Half away from zero, as Postgres rounds a numeric.
    return (below, Fraction(int(scaled + Fraction(1, 2)), 10**18))


def test_an_equity_that_is_no_number_is_left_out(reporting: Connection) -> None:
    with facts(reporting, "UTC") as now:
        put_polls(reporting, [("balances", now - DAY, Decimal(7))])
        reporting.execute('UPDATE onetrading.snapshots SET header = \'{"account_equity": "n/a"}\'')
        assert reporting.execute("SELECT * FROM reporting.drawdown").fetchall() == []
