"""From when on the history of one stream of one account must be complete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from exporter.model.stream import History, Partition
from exporter.model.window import EPOCH
from exporter.store import bookkeeping
from exporter.store.bookkeeping import Progress
from exporter.store.database import Database

_DEFAULT_HISTORY = timedelta(days=30)


class Requirement:
    """What is asked for, and what Postgres has recorded of that. Safe to use from any thread.

    ``configured``: the start that a setting names. ``with_others``: without one, it begins with the
    account's oldest history. ``database`` and ``now`` are asked whenever they are needed, and may
    raise.
    """

    def __init__(
        self,
        stream: History,
        database: Callable[[], Database],
        now: Callable[[], datetime],
        configured: datetime | None,
        *,
        with_others: bool,
    ) -> None:
        self._stream = stream
        self._database = database
        self._now = now
        self._configured = configured
        self._follows = with_others or stream.needs_scopes
        self._others_start: tuple[datetime | None, ...] = ()  # asked for once

    def begin_at(self, floor: datetime) -> None:
        """No earlier start counts, if one is configured."""
        if self._configured is not None:
            self._configured = max(self._configured, floor)

    def of(self, partition: Partition) -> datetime:
        """From when on the history of a partition must be complete, aware UTC."""
        progress = self._database().run_at_once(bookkeeping.ask_progress, partition)
        start = self.wanted_from(partition)
        return self.in_force(partition, progress.get(partition.instrument), start)

    def in_force(self, partition: Partition, known: Progress | None, start: datetime) -> datetime:
        """As `of`, where this is what Postgres has recorded and ``start`` is asked for."""
        explicit = self._configured is not None
        required = known and known.required_as(self._stream, start, explicit=explicit)
        if required is not None:
            return required
        return self._database().run(
            bookkeeping.require, self._stream, partition, start, explicit=explicit
        )

    def wanted_from(self, partition: Partition) -> datetime:
        """From when on it is asked for, unless it was required from elsewhere on before."""
        if self._follows and self._configured is None and not self._others_start:
            found = self._database().look(bookkeeping.oldest_required, partition)
            self._others_start = (found and max(found, self._stream.paging.floor or EPOCH),)
        others = next(iter(self._others_start), None)
        return self._configured or others or self._now() - _DEFAULT_HISTORY
