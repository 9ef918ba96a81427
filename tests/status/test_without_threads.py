"""What the status report does where the system starts no thread any more."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from exporter.app import apply_migrations
from exporter.status.coverage_cache import CoverageCache
from exporter.store.database import Database

NOW = datetime(2026, 3, 31, tzinfo=UTC)
TOO_LARGE = 1 << 46
"""A stack that no machine has the addresses for."""


def test_coverage_is_read_again_once_there_are_threads_again(database_url: str) -> None:
    database = Database(lambda: database_url, apply_migrations)
    try:
        assert database.open()
        stored = CoverageCache(database, now=lambda: NOW, monotonic=lambda: 0.0, refresh_s=0.0)
        usual = threading.stack_size(TOO_LARGE)
        try:
            assert stored.get().read_at is None
        finally:
            threading.stack_size(usual)
        waited = threading.Event()
        for _ in range(50):
            if stored.get().read_at is not None:
                break
            waited.wait(0.1)
        assert stored.get().read_at == NOW
    finally:
        database.close()
