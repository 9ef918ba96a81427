"""What happens where the system starts no thread any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.app import apply_migrations
from exporter.status.coverage_cache import CoverageCache
from exporter.store.database import Database
from tests.support.world import world

NOW = datetime(2026, 3, 31, tzinfo=UTC)
NOBODY_LISTENS = "postgresql://127.0.0.1:1/onetrading"
TOO_LARGE = 1 << 46
"""A stack that no machine has the addresses for."""


@contextmanager
def no_threads() -> Iterator[None]:
    usual = threading.stack_size(TOO_LARGE)
    try:
        yield
    finally:
        threading.stack_size(usual)


def test_coverage_is_read_again_once_there_are_threads_again(database_url: str) -> None:
    database = Database(lambda: database_url, apply_migrations)
    try:
        assert database.open()
        stored = CoverageCache(database, now=lambda: NOW, monotonic=lambda: 0.0, refresh_s=0.0)
        with no_threads():
            assert stored.get().read_at is None
        waited = threading.Event()
        for _ in range(50):
            if stored.get().read_at is not None:
                break
            waited.wait(0.1)
        assert stored.get().read_at == NOW
    finally:
        database.close()


def test_what_could_not_start_a_thread_can_be_closed() -> None:
    """As when it is closed at the moment at which the thread is about to start."""
    database = Database(lambda: NOBODY_LISTENS, apply_migrations)
    with no_threads(), pytest.raises(RuntimeError, match="start new thread"):
        database.open()
    database.close()
    assert not database.up


def test_an_account_whose_backfill_could_not_start_can_be_left(tmp_path: Path) -> None:
    with world(tmp_path) as exporter:
        unit = next(unit for unit in exporter.app.roster.units if unit.name == "main")
        with no_threads(), pytest.raises(RuntimeError, match="start new thread"):
            unit.begin_backfill(exporter.app.gap_filler(unit), exporter.app.fillers)
        unit.end()
        unit.join()
