"""The last resort: what Postgres refuses is found record by record, and all others load.

These rows are built to get past decoding, which rejects most of what Postgres cannot hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model.errors import DataRefused
from exporter.model.page import read
from exporter.model.stream import Json, Partition
from exporter.model.window import Window
from exporter.store import loader
from exporter.store.database import Connection, Database
from exporter.store.loader import Batch, Loaded, Run
from exporter.streams.trades import TRADES, Trade
from tests.support.raw_responses import (
    ACCOUNT_ID,
    RECENTLY,
    Scripted,
    history,
    scripted,
    trade,
    trade_id,
)
from tests.support.simulator_client import NOW

CLAIMED = (
    "SELECT range @> (SELECT max(traded_at) FROM onetrading.trades) FROM onetrading_sync.coverage"
)
PARTITION = Partition("main", ACCOUNT_ID, "trades")
WINDOW = Window(RECENTLY, NOW)
OPEN = "SELECT key->>'trade_id', reason, happened_at FROM reporting.open_rejects ORDER BY reject_id"
ODD: dict[str, Callable[[Trade], Trade]] = {
    "NUL in text": lambda row: row._replace(side="BUY\0"),
    "a lone surrogate": lambda row: row._replace(order_source="x\ud83dy"),
    "a sequence beyond bigint": lambda row: row._replace(sequence=10**20),
    "200,000 digits": lambda row: row._replace(price=Decimal((0, (1,), 200_000))),
    "NUL in the record": lambda row: row._replace(raw=Json(row.raw.replace("BUY", r"a\u0000b"))),
    "a control character in the record": lambda row: row._replace(
        raw=Json(row.raw.replace("BUY", "B\x1eY"))
    ),
    "a lone surrogate in the record": lambda row: row._replace(
        raw=Json(row.raw.replace("BUY", r"x\ud83dy"))
    ),
    "a label that is no index entry": lambda row: row._replace(
        instrument_code=" ".join(str(number**9) for number in range(1_000))
    ),
}


def rows(*numbers: int) -> list[Trade]:
    """Trades as they are decoded."""
    body = history(*(trade(number) for number in numbers))
    return read(TRADES, body.encode(), ACCOUNT_ID).rows


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def load(connection: Connection, batch: Batch, *, salvaging: bool = True) -> Loaded:
    """One transaction."""
    run = Run("backfill", WINDOW)
    with connection.transaction():
        return loader.load(connection, TRADES, PARTITION, run, batch, None, salvaging=salvaging)


def count_from(connection: Connection) -> None:
    """Let the counters start, so that labels are stored, too."""
    connection.execute(
        "INSERT INTO onetrading_sync.counting VALUES (%s, 'trades', '2020-01-01Z')"
        " ON CONFLICT DO NOTHING",
        [ACCOUNT_ID],
    )


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_one_odd_record_of_twenty_is_rejected_and_the_range_is_claimed(
    odd: Callable[[Trade], Trade], connection: Connection, database_url: str
) -> None:
    count_from(connection)
    batch = Batch(rows(*range(1, 21)), pages=1, proven=WINDOW, complete=True, walked=WINDOW)
    batch.rows[7] = odd(batch.rows[7])
    database = Database(lambda: database_url, lambda _connection: None)
    assert database.open()
    try:
        with pytest.raises(DataRefused):
            database.run(loader.load, TRADES, PARTITION, Run("tail", WINDOW), batch, None)
    finally:
        database.close()
    assert load(connection, batch)[:3] == (19, 0, 1)
    stored = connection.execute("SELECT count(*) FROM onetrading.trades").fetchone()
    assert stored == (19,)
    ((key, reason, happened_at),) = connection.execute(OPEN).fetchall()
    assert (key, happened_at) == (trade_id(8), RECENTLY)
    assert reason.startswith(("Postgres refused: ", "cannot be stored: "))
    claimed = connection.execute("SELECT lower(range), upper(range) FROM onetrading_sync.coverage")
    assert claimed.fetchall() == [(WINDOW.start, WINDOW.end)]
    # Each pass that reads the page again meets it again, and counts it once.
    assert load(connection, batch)[:3] == (0, 0, 0)
    assert len(connection.execute(OPEN).fetchall()) == 1


@given(odd=st.dictionaries(st.integers(1, 12), st.sampled_from(sorted(ODD)), max_size=12))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exactly_the_odd_records_are_rejected(odd: dict[int, str], connection: Connection) -> None:
    """However many there are, and wherever they stand; the counters count the others."""
    connection.execute(
        "TRUNCATE onetrading.trades, onetrading_sync.rejects, onetrading_sync.totals"
    )
    count_from(connection)
    batch = Batch(
        [
            ODD[odd[number]](row) if number in odd else row
            for number, row in enumerate(rows(*range(1, 13)), 1)
        ]
    )
    assert load(connection, batch)[:3] == (12 - len(odd), 0, len(odd))
    found = connection.execute("SELECT trade_id::text FROM onetrading.trades")
    assert {key for (key,) in found} == {trade_id(n) for n in range(1, 13) if n not in odd}
    found = connection.execute(OPEN)
    assert {key for key, *_ in found} == {trade_id(number) for number in odd}
    found = connection.execute(
        "SELECT coalesce(sum(value), 0)::int FROM onetrading_sync.totals"
        " WHERE metric = 'onetrading_trades_total'"
    )
    assert found.fetchall() == [(12 - len(odd),)]


@pytest.mark.parametrize("stored", [[], [1, 2]], ids=["new", "stored"])
def test_of_twins_only_the_odd_one_is_rejected(stored: list[int], connection: Connection) -> None:
    """The good ones are compared with each other as always."""
    if stored:
        load(connection, Batch(rows(*stored)), salvaging=False)
    one, two = rows(1, 2)
    sold = one._replace(side="SELL", raw=Json(one.raw.replace("BUY", "SELL")))
    batch = Batch([ODD["NUL in the record"](two), one, two, sold, one])
    assert load(connection, batch).rejected == 1
    found = connection.execute("SELECT trade_id::text, side FROM onetrading.trades ORDER BY 1")
    assert found.fetchall() == [(trade_id(1), "BUY"), (trade_id(2), "BUY")]
    found = connection.execute("SELECT kind, key->>'trade_id' FROM onetrading_sync.issues")
    assert found.fetchall() == [("twin", trade_id(1))]


def test_a_stored_fact_stays_as_it_is_when_its_new_record_is_refused(
    connection: Connection,
) -> None:
    load(connection, Batch(rows(1, 2)), salvaging=False)
    changed = [
        row._replace(sequence=5, raw=Json(row.raw.replace("BUY", "SELL"))) for row in rows(1, 2)
    ]
    changed[0] = ODD["a lone surrogate in the record"](rows(1)[0])
    assert load(connection, Batch(changed))[:3] == (0, 1, 1)
    found = connection.execute("SELECT sequence FROM onetrading.trades ORDER BY trade_id")
    assert found.fetchall() == [(None,), (5,)]
    found = connection.execute("SELECT key->>'trade_id' FROM onetrading_sync.issues")
    assert found.fetchall() == [(trade_id(2),)]


def test_a_record_of_the_batch_before_that_was_refused_refuses_no_other(
    connection: Connection,
) -> None:
    run = Run("backfill", WINDOW)
    (row,) = rows(1)
    for batch in (Batch([ODD["NUL in the record"](row)]), Batch([row])):
        with connection.transaction():
            loader.load(connection, TRADES, PARTITION, run, batch, None, salvaging=True)
        loader.remember(run, TRADES, batch)
    assert connection.execute("SELECT trade_id::text FROM onetrading.trades").fetchall() == [
        (trade_id(1),)
    ]


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


def payment(amount: int, seconds: int) -> dict[str, Any]:
    """A payment as sent."""
    at = RECENTLY - timedelta(hours=4) * seconds
    return {"timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", "funding_payment": str(amount)}


def test_a_pass_goes_on_where_postgres_refuses_a_record(scenario: Scripted) -> None:
    """Here by a check, which stands for all that it may refuse. It is resolved when it loads."""
    scenario.run("ALTER TABLE onetrading.trades ADD CHECK (price <> 13)")
    page = history(*(trade(number, f'"{number}"') for number in range(1, 21)))
    for _ in range(2):
        assert scenario.poll("trades", page) == "ok"
        assert scenario.rows("SELECT count(*) FROM onetrading.trades") == [(19,)]
        assert scenario.shown("onetrading_rows_rejected_total", "trades") == 1
        ((key, reason, _),) = scenario.rows(OPEN)
        assert key == trade_id(13)
        assert "trades_price_check" in reason
        assert scenario.rows(CLAIMED) == [(True,)]
    scenario.run("ALTER TABLE onetrading.trades DROP CONSTRAINT trades_price_check")
    assert scenario.poll("trades", page) == "ok"
    assert scenario.rows("SELECT count(*) FROM onetrading.trades") == [(20,)]
    assert scenario.rows(OPEN) == []


def test_other_histories_do_the_same(scenario: Scripted) -> None:
    assert scenario.poll("balances", f'{{"account_id": "{ACCOUNT_ID}", "balances": []}}') == "ok"
    scenario.run("ALTER TABLE onetrading.funding_payments ADD CHECK (amount <> 2)")
    booked = [payment(1, 0), payment(2, 1), payment(3, 2)]
    body = json.dumps({"funding_payments": {"BTC_USD_P": booked}})
    assert scenario.poll("funding_payments", body) == "ok"
    found = scenario.rows("SELECT amount::int FROM onetrading.funding_payments ORDER BY 1")
    assert found == [(1,), (3,)]
    assert len(scenario.rows("SELECT reason FROM reporting.open_rejects")) == 1
