"""Deadlines of transactions: a thread that reads from a server that hangs never returns by itself,
so whoever watches cuts its connection off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from exporter.model.errors import DatabaseError
from exporter.store.pool import Connection, shut


@dataclass
class Running:
    """A transaction: its connection, and the monotonic second by which it must end."""

    connection: Connection
    due: float
    overdue: bool = False
    """It was cut off because it did not end in time."""


class Deadlines:
    """The transactions that are running. Safe to use from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._closed = False
        self._running: dict[object, Running] = {}
        """By a key of its own: the next one may get the connection before this one has ended."""

    @contextmanager
    def watched(self) -> Iterator[Callable[[Connection, float], Running]]:
        """Yield a function that has its connection cut off when the block runs past its ``due``.

        The function raises DatabaseError once it is `close`d.
        """
        block = object()

        def watch(connection: Connection, due: float) -> Running:
            with self._guard:
                if self._closed:
                    raise DatabaseError("Postgres is away: closed")
                running = self._running[block] = Running(connection, due)
                return running

        try:
            yield watch
        finally:
            with self._guard:
                self._running.pop(block, None)

    def close(self) -> None:
        """Nothing may begin any more."""
        with self._guard:
            self._closed = True

    def cut(self, due_by: float) -> None:
        """Break the connections that are due by then, in monotonic seconds."""
        now = time.monotonic()
        with self._guard:
            for running in self._running.values():
                if running.due <= due_by:
                    running.overdue = running.due <= now
                    with suppress(psycopg.Error, OSError):
                        shut(running.connection.fileno())
