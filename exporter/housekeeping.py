"""Regular work that belongs to no stream: heartbeat, data-quality counts, pruning of old runs."""

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
    """Exports the state of the process and its database; ``accounts``: names, `public` included."""

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
        """Export the heartbeat, and every state that changes without a pass."""
        service = self._metrics.service
        service.record_heartbeat()
        service.set_spool(len(self._spool), self._spool.dropped)
        for name in self._accounts:
            service.set_clock_skew(name, self._clock.skew_s)
        service.set_clock_disputed(self._clock.disputed)
        if self._storage.database is not None:
            service.set_database_up(self._storage.up)
        self.show_leader()

    def show_leader(self) -> None:
        """Export whether this process holds the leases of all its accounts."""
        self._metrics.service.set_leader(self._storage.leading)

    @property
    def alive(self) -> bool:
        """Whether the last heartbeat is recent enough."""
        age_s = self._metrics.service.heartbeat_age_s()
        return age_s is not None and age_s <= HEARTBEAT_LIMIT_S

    def show_data_quality(self) -> bool:
        """Export how many rejects, drifts and changed facts Postgres holds, by whatever process.

        Returns whether Postgres answered.
        """
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
        """Delete old records of walks. Returns whether Postgres answered."""
        if not self._storage.up:
            return False
        try:
            self._storage.writable().run(bookkeeping.prune)
        except DatabaseError:
            return False
        return True
