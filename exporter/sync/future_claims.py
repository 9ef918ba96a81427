"""Take back what a wrong clock has claimed of the future: nobody would ever read it again."""

from __future__ import annotations

import logging
from datetime import datetime

from exporter.api.clock_votes import TOLERANCE
from exporter.model.stream import History, Partition
from exporter.store import bookkeeping, future
from exporter.store.storage import Storage
from exporter.sync.account import Account

_log = logging.getLogger(__name__)


class FutureClaims:
    """Looks after the coverage of one history stream of one account."""

    def __init__(self, account: Account, stream: History, storage: Storage) -> None:
        self._account = account
        self._stream = stream
        self._storage = storage

    def taken_back(
        self, partition: Partition, covered_to: datetime | None, settled: datetime
    ) -> datetime | None:
        """Where what is proven of a partition ends, which is ``covered_to`` unless that lies beyond
        ``settled``, up to when rows can have appeared. Raises DatabaseError and StandingBy."""
        ahead = covered_to is not None and covered_to > settled + TOLERANCE
        if not ahead or not self._account.clock.known:
            return covered_to
        cuts = self._storage.run_leased(
            partition.account_id,
            lambda connection, lease: future.cut_coverage(
                connection, partition, settled, lease, lateness=self._stream.allowed_lateness
            ),
        )
        for cut in cuts:
            _log.warning(
                "coverage ended at %s, which is in the future: took it back to %s, to read what "
                "follows again",
                cut.before,
                cut.after,
                extra={"scope": cut.scope},
            )
        return self._storage.writable().look(bookkeeping.covered_to, partition)
