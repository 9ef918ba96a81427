"""Whatever `read` makes of a body, Postgres can store: rows, rejects, drift and headers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.model.closings import Follower
from exporter.model.errors import UnexpectedPayload
from exporter.model.page import read
from exporter.model.stream import (
    History,
    Page,
    Partition,
    Reference,
    Snapshot,
    SnapshotResponse,
    Stream,
)
from exporter.model.window import Window
from exporter.store import details, loader, rejects, snapshots
from exporter.store.details import Details, Due
from exporter.store.loader import Batch, Run
from exporter.store.snapshots import Observed
from exporter.streams import STREAMS
from tests.support.mutations import mutated

PAGES = Path(__file__).parents[1] / "pages"
ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
BODIES = 60


POSITION = "2111199765938682"


def store(connection: psycopg.Connection[Any], stream: Stream, page: Page, at: datetime) -> None:
    """Store a page as the sync does; each key once, since twins are another matter."""
    partition = Partition("main", ACCOUNT, stream.name)
    rows = list(
        {tuple(getattr(r, name) for name in stream.table.key): r for r in page.rows}.values()
    )
    if isinstance(stream, History):
        batch = Batch(rows, page.rejects, set(page.drift), 1)
        loader.load(connection, stream, partition, Run("tail", Window(NOW, NOW)), batch, None)
        return
    if isinstance(stream, Follower):
        position = Due(POSITION, 0, None, None, at, 0)
        read_now = Details(rows, page.rejects, set(page.drift))
        details.store(connection, stream, partition, position, read_now, at, None)
        return
    assert isinstance(stream, Snapshot | Reference)
    rejects.keep(connection, partition, page.rejects)
    response = SnapshotResponse(rows, page.header)
    if isinstance(stream, Reference):
        snapshots.save_reference(connection, stream, partition, response, at, latest=at, lease=None)
        return
    observed = Observed(at, at)
    snapshots.save(
        connection,
        stream,
        partition,
        response,
        observed,
        patience=timedelta(0),
        latest=at,
        lease=None,
    )


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_what_was_read_can_be_stored(stream: Stream, database_url: str) -> None:
    sample = (PAGES / f"{stream.name}.json").read_bytes()
    if isinstance(stream, Follower):
        stream = stream.of(POSITION)
    chance = random.Random(f"stored {stream.name}")  # noqa: S311  not for secrets
    stored = 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        while stored < BODIES:
            try:
                page = read(stream, mutated(sample, chance), ACCOUNT)
            except UnexpectedPayload:
                continue
            # Twice, since the second time what is stored is compared with what was read.
            with connection.transaction(force_rollback=True):
                store(connection, stream, page, NOW)
                store(connection, stream, page, NOW + timedelta(seconds=1))
            stored += 1
