"""How many facts are stored is known without counting them, whatever writes and deletes them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.model.stream import Partition
from exporter.simulator import AccountSpec
from exporter.store import fact_counts, migrate
from exporter.store.database import Connection, Database
from exporter.streams import STREAMS
from exporter.streams.candlesticks import CANDLESTICKS
from exporter.streams.trades import TRADES
from tests.support.raw_responses import ACCOUNT_ID
from tests.support.sync_app import environment, exchange, let_pass, run_passes, running, sync

PARTITION = Partition("main", ACCOUNT_ID, "trades")
BEFORE = 22
KNOWN = migrate.load(migrate.migrations_dir())
Counts = dict[tuple[str, str], int]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def counted(connection: Connection) -> Counts:
    """What is kept, of streams that have any."""
    found = connection.execute(
        "SELECT account_id::text, stream, rows FROM onetrading_sync.fact_counts WHERE rows <> 0"
    )
    return {(account, stream): rows for account, stream, rows in found}


def stored(connection: Connection) -> Counts:
    """What there is, table by table."""
    found: Counts = {}
    for stream in STREAMS:
        if stream.kind == "reference":
            continue
        table = "snapshots" if stream.counted_by == "snapshots" else stream.table.name
        own = "account_id" if table == "snapshots" or "account_id" in stream.table.columns else ""
        account = own or "'00000000-0000-0000-0000-000000000000'"
        where = f"WHERE stream = '{stream.name}'" if table == "snapshots" else ""
        statement = (
            f"SELECT {account}::text, count(*)"  # noqa: S608  names that streams declare
            f" FROM onetrading.{table} {where} GROUP BY 1"
        )
        for account_id, rows in connection.execute(statement.encode()).fetchall():
            found[account_id, stream.name] = rows
    return found


def test_all_that_is_read_is_counted(
    database_url: str, tmp_path: Path, connection: Connection
) -> None:
    accounts = (AccountSpec("main", trades_per_day=100), AccountSpec("hedge", trades_per_day=40))
    with exchange(accounts=accounts) as simulator:
        scopes = {"ONETRADING_CANDLESTICKS": "BTC_EUR:1h"}
        environ = environment(simulator, database_url, tmp_path, **scopes)
        with running(environ) as app:
            sync(app)
            assert counted(connection) == stored(connection)
            let_pass(simulator, app, 3600)
            run_passes(app)
            sync(app)
    found = counted(connection)
    assert found == stored(connection)
    assert {stream for _, stream in found} >= {
        *("trades", "orders", "funding_payments", "funding_history", "candlesticks"),
        *("closed_positions", "position_trades", "position_funding"),
        *("balances", "positions", "portfolio", "tickers", "funding_rates"),
    }


def put(connection: Connection, first: int, last: int, *, counting: bool = True) -> None:
    """Trades by number, as whoever writes them: counted in the same transaction."""
    with connection.transaction():
        connection.execute(
            "INSERT INTO onetrading.trades (trade_id, account_id, instrument_code, side, price,"
            " amount, quote_amount, traded_at, traded_at_nanos, raw, row_hash)"
            " SELECT ('00000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid, %s,"
            " 'BTC_EUR', 'BUY', 1, 1, 1, now(), 0, '{}', 0"
            " FROM generate_series(%s::integer, %s) AS numbers (number)",
            [ACCOUNT_ID, first, last],
        )
        if counting:
            fact_counts.add(connection, PARTITION, last - first + 1)


def correct(connection: Connection) -> None:
    for stream in STREAMS:
        with connection.transaction():
            fact_counts.correct(connection, stream)


def test_what_was_deleted_or_written_by_another_version_is_corrected(
    connection: Connection,
) -> None:
    put(connection, 1, 50)
    put(connection, 51, 70, counting=False)
    connection.execute("DELETE FROM onetrading.trades WHERE trade_id::text LIKE '%%1'")
    assert counted(connection) != stored(connection)
    correct(connection)
    assert counted(connection) == stored(connection) == {(ACCOUNT_ID, "trades"): 63}
    connection.execute("TRUNCATE onetrading.trades")
    correct(connection)
    assert counted(connection) == stored(connection) == {}


def test_a_correction_that_finds_nothing_writes_nothing(connection: Connection) -> None:
    put(connection, 1, 5)
    before = connection.execute("SELECT xmin, xmax, ctid FROM onetrading_sync.fact_counts")
    versions = before.fetchall()
    correct(connection)
    after = connection.execute("SELECT xmin, xmax, ctid FROM onetrading_sync.fact_counts")
    assert after.fetchall() == versions


def test_what_is_written_meanwhile_is_counted_once(
    connection: Connection, database_url: str
) -> None:
    put(connection, 1, 100, counting=False)
    database = Database(lambda: database_url, lambda _connection: None)
    assert database.open()
    ended = threading.Event()

    def write(first: int) -> None:
        for number in range(first, first + 150):
            database.run(put, number, number)

    def go_on_correcting() -> None:
        database.run(fact_counts.correct, TRADES)
        while not ended.is_set():
            database.run(fact_counts.correct, TRADES)

    correcting = threading.Thread(target=go_on_correcting)
    writing = [threading.Thread(target=write, args=(first,)) for first in (1_000, 2_000)]
    try:
        for thread in (correcting, *writing):
            thread.start()
        for thread in writing:
            thread.join()
    finally:
        ended.set()
        correcting.join()
        database.close()
    assert counted(connection) == stored(connection) == {(ACCOUNT_ID, "trades"): 400}


def test_an_earlier_database_is_counted_once(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        migrate.apply(connection, KNOWN[:BEFORE])
        connection.execute(
            "INSERT INTO onetrading.accounts (account_id, name) VALUES (%s, 'main')", [ACCOUNT_ID]
        )
        put(connection, 1, 30, counting=False)
        connection.execute(
            "INSERT INTO onetrading.funding_rates"
            " (instrument_code, funding_time, funding_rate, raw, row_hash)"
            " VALUES ('BTC_USD_P', now(), 0.1, '{}', 0)"
        )
        migrate.apply(connection, KNOWN)
        assert counted(connection) == stored(connection)
        assert len(counted(connection)) == 2
        assert fact_counts.counts(connection, STREAMS)[ACCOUNT_ID, "trades"] == 30


def test_the_settings_of_the_session_are_back_after_a_correction(database_url: str) -> None:
    database = Database(lambda: database_url, lambda _connection: None)
    assert database.open()

    def scans(connection: Connection) -> Any:
        return connection.execute("SHOW enable_seqscan").fetchone()

    try:
        before = database.run(scans)
        database.run(fact_counts.correct, CANDLESTICKS)
        assert database.run(scans) == before
    finally:
        database.close()
