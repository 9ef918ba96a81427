"""When a fact was first seen: set once, changed by nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from exporter.model.page import read
from exporter.model.stream import History, Partition
from exporter.model.window import Window
from exporter.store import loader
from exporter.store.loader import Batch, Run
from exporter.streams import STREAMS
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY
from tests.support.simulator_client import NOW

PAGES = Path(__file__).parents[1] / "pages"
HISTORIES = [stream for stream in STREAMS if isinstance(stream, History)]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.mark.parametrize("stream", HISTORIES, ids=lambda stream: stream.name)
def test_no_later_pass_changes_when_a_fact_was_first_seen(
    stream: History, connection: psycopg.Connection[tuple[Any, ...]]
) -> None:
    """Not the same record, not one that differs in every column: both come in transactions of
    their own."""
    partition = Partition("main", ACCOUNT_ID, stream.name)
    rows = read(stream, (PAGES / f"{stream.name}.json").read_bytes(), ACCOUNT_ID).rows
    seen = sql.SQL("SELECT first_seen_at, xmin::text FROM {} ORDER BY 1, ctid").format(
        sql.Identifier("onetrading", stream.table.name)
    )

    def load(batch: list[Any]) -> loader.Loaded:
        run = Run("tail", Window(RECENTLY, NOW))
        with connection.transaction():
            return loader.load(connection, stream, partition, run, Batch(rows=batch), None)

    started = connection.execute("SELECT clock_timestamp()").fetchone()
    assert load(rows).inserted == len(rows)
    before = connection.execute(seen).fetchall()
    assert started is not None
    assert all(at >= started[0] for at, _ in before)
    assert load(rows).updated == 0
    assert connection.execute(seen).fetchall() == before
    amount = next(name for name, kind in stream.table.columns.items() if kind == "numeric")
    changed = [
        row._replace(**{amount: getattr(row, amount) + 1, "raw": type(row.raw)(again(row.raw))})
        for row in rows
    ]
    assert load(changed).updated == len(rows)
    after = connection.execute(seen).fetchall()
    assert sorted(at for at, _ in after) == sorted(at for at, _ in before)
    assert {xid for _, xid in after}.isdisjoint(xid for _, xid in before)


def again(raw: str) -> str:
    """The same record with one more member."""
    return json.dumps(json.loads(raw) | {"more": 1})
