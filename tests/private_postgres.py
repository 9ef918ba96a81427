"""A Postgres server that belongs to one test file, to be stopped, killed and started again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from exporter.store import migrate
from exporter.store.embedded import EmbeddedPostgres

Connection = psycopg.Connection[tuple[Any, ...]]

# Nothing here outlives the test: what a crash of the machine would lose does not matter. Frequent
# checkpoints would only slow down what is measured.
_QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_EMPTY, _MIGRATED = "template1", "migrated"


class PrivatePostgres:
    """One cluster in ``folder``, always on the same port once it was started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: EmbeddedPostgres | None = None
        self._port: int | None = None

    def start(self) -> None:
        """Start it, or start it again; returns once it answers."""
        self._server = EmbeddedPostgres(self._folder, port=self._port, settings=_QUICK)
        with psycopg.connect(self._server.ensure()) as connection:
            self._port = connection.info.port

    def stop(self) -> None:
        """Stop it in an orderly way; its clients lose their connections."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL, as a machine's out-of-memory killer would."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        pid_file = self._folder / "postgres" / "postmaster.pid"
        return int(pid_file.read_text().split("\n", 1)[0])

    def url(self, database: str) -> str:
        """The URL of a database of this server, which must have been started."""
        address = EmbeddedPostgres(self._folder, port=self._port, settings=_QUICK)
        return make_conninfo(self._base or address.ensure(), dbname=database)
