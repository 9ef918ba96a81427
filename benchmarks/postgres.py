"""A temporary Postgres with the settings of the embedded one, fsync included."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from exporter.app import apply_migrations
from exporter.store.embedded import EmbeddedPostgres


@contextmanager
def server() -> Iterator[str]:
    """Start a server; yield the URL of an empty, migrated database."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory,
        EmbeddedPostgres(Path(directory)) as embedded,
    ):
        url = embedded.ensure()
        with psycopg.connect(url) as connection:
            apply_migrations(connection)
        yield url
