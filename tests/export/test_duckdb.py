"""Beyond one Postgres: DuckDB reads what `export --format parquet` wrote, to the last digit.

A year of trades with every kind of number that an exchange could send; each value and the sums by
month are those of Postgres, so that neither a digit nor a nanosecond is lost on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import psycopg
import pytest
from click.testing import CliRunner

from exporter.cli import cli
from tests.support.bookings import HEDGE, MARCH, put_accounts, put_trades, trade
from tests.support.reporting import MAIN

DAYS = 366
A_DAY = 6
MARKETS = {"BTC_EUR": "EUR", "BTC_USDC": "USDC", "BTC_USD_P": "USD"}
NUMBERS = ("price", "amount", "quote_amount", "fee_amount")
VALUES = """
    SELECT trade_id::text, price, amount, quote_amount, fee_amount, traded_at_nanos
    FROM %s ORDER BY 1
"""
SUMS = """
    SELECT account, quote_code, date_trunc('month', traded_on)::date, count(*)::bigint,
        count(fee_amount)::bigint, sum(price), sum(amount), sum(quote_amount), sum(fee_amount),
        sum(traded_at_nanos)
    FROM %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
Rows = list[tuple[Any, ...]]


def year() -> Iterator[tuple[Any, ...]]:
    """Trades of two accounts; tiny prices, large ones, rebates, fees unknown, odd nanoseconds."""
    chance = Random(366)  # noqa: S311  nothing here is a secret
    for number in range(DAYS * A_DAY):
        code = chance.choice(list(MARKETS))
        price = Decimal(chance.randrange(1, 10 ** chance.randint(1, 14))).scaleb(-8)
        amount = Decimal(chance.randrange(1, 10 ** chance.randint(1, 10))).scaleb(-8)
        fee = Decimal(chance.randrange(-(10**9), 10**10)).scaleb(-18)
        at = MARCH + timedelta(microseconds=chance.randrange(DAYS * 86_400 * 10**6))
        row = list(
            trade(
                number,
                code=code,
                side=chance.choice(("BUY", "SELL")),
                price=f"{price:f}",
                amount=f"{amount:f}",
                fee=(f"{fee:f}", MARKETS[code]) if chance.random() < 0.9 else None,
                at=at,
                account=chance.choice((MAIN, HEDGE)),
            )
        )
        row[13] += chance.randrange(1_000)
        yield tuple(row)


@pytest.fixture
def url(database_url: str) -> str:
    """A database with that year."""
    with psycopg.connect(database_url) as connection:
        put_accounts(connection)
        put_trades(connection, list(year()))
    return database_url


def in_postgres(url: str, question: str) -> Rows:
    """What the view answers."""
    with psycopg.connect(url) as connection:
        return connection.execute((question % "reporting.trades").encode()).fetchall()


def in_duckdb(file: Path, question: str) -> Rows:
    """What the file alone answers."""
    with duckdb.connect() as database:
        database.from_parquet(str(file)).create_view("exported")
        return database.execute(question % "exported").fetchall()


def kinds(file: Path) -> dict[str, str]:
    """The type that DuckDB gives each column."""
    with duckdb.connect() as database:
        relation = database.from_parquet(str(file))
        return dict(zip(relation.columns, map(str, relation.types), strict=True))


def test_duckdb_reads_a_year_exactly_as_postgres_has_it(url: str, tmp_path: Path) -> None:
    file = tmp_path / "trades.parquet"
    words = ["export", "trades", "--format", "parquet", "--out", str(file)]
    environ = {"DATABASE_URL": url, "ONETRADING_DATA_DIR": str(tmp_path / "data")}
    done = CliRunner().invoke(cli, words, env=environ)
    assert done.exit_code == 0, done.output

    found = kinds(file)
    assert not set(found.values()) & {"DOUBLE", "FLOAT"}
    assert {found[name] for name in NUMBERS} == {"DECIMAL(38,18)"}

    values = in_postgres(url, VALUES)
    assert len(values) == DAYS * A_DAY
    assert {row[-1] % 1_000 for row in values} > {0, 1, 999}, "no instant needs nanoseconds"
    assert in_duckdb(file, VALUES) == values

    sums = in_postgres(url, SUMS)
    assert len({row[2] for row in sums}) >= 12, "it is no year"
    assert in_duckdb(file, SUMS) == sums
