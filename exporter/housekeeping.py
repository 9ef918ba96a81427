"""What has no pass of its own: signs of life, counts of what was odd, old logs of walks."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.api.clock import ExchangeClock
from exporter.metrics import Metrics
from exporter.model.errors import DatabaseError
from exporter.model.limits import HEARTBEAT_LIMIT_S
from exporter.store import bookkeeping
from exporter.store.spool import Spool
from exporter.store.storage import Storage


class Housekeeping:
    """Shows how the process and its database stand. ``accounts``: their names, `public` too."""

    def __init__(
        self,
        metrics: Metrics,
        storage: Storage,
        spool: Spool,
        clock: ExchangeClock,
        accounts: Iterable[str],
    ) -> None:
        self._metrics = metrics
        self._storage = storage
        self._spool = spool
        self._clock = clock
        self._accounts = tuple(accounts)

    def beat(self) -> None:
        """Say that the scheduler lives, and how everything stands that changes by itself."""
        service = self._metrics.service
        service.record_heartbeat()
        service.set_spool(len(self._spool), self._spool.dropped)
        for name in self._accounts:
            service.set_clock_skew(name, self._clock.skew_s)
        if self._storage.database is not None:
            service.set_database_up(self._storage.up)
        service.set_leader(self._storage.leading)

    @property
    def alive(self) -> bool:
        """Whether the last beat is not too long ago."""
        age_s = self._metrics.service.heartbeat_age_s()
        return age_s is not None and age_s <= HEARTBEAT_LIMIT_S

    def show_data_quality(self) -> bool:
        """Show what Postgres holds of rejects, drift and changed facts: other processes write it,
        too. Whether Postgres answered."""
        if not self._storage.up:
            return False
        try:
            found = self._storage.writable().run_briefly(bookkeeping.data_quality_counts)
        except DatabaseError:
            return False
        for account, stream in self._metrics.streams.keys:
            counts = found.get((account, stream), bookkeeping.DataQualityCounts())
            self._metrics.service.set_data_quality(account, stream, **counts._asdict())
        return True

    def prune(self) -> bool:
        """Keep the log of walks from growing for ever. Whether Postgres answered."""
        if not self._storage.up:
            return False
        try:
            self._storage.writable().run(bookkeeping.prune)
        except DatabaseError:
            return False
        return True
