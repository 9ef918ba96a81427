"""Write snapshot responses of one stream of one account to Postgres, each in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from exporter.api.clock import ExchangeClock
from exporter.metrics import Instrumentation
from exporter.model.errors import DataRefused, Outdated
from exporter.model.limits import CLOCKS_APART, hold
from exporter.model.page import read
from exporter.model.stream import (
    Page,
    Partition,
    Reference,
    Reject,
    Snapshot,
    SnapshotResponse,
)
from exporter.model.whole import unusable
from exporter.store import bookkeeping, rejects, snapshots
from exporter.store.database import Connection
from exporter.store.lease import Lease
from exporter.store.session import run_ahead
from exporter.store.snapshots import Observed
from exporter.store.storage import Storage
from exporter.sync.account import Account

_log = logging.getLogger(__name__)


class _Saving(NamedTuple):
    """One transaction that stores a response."""

    connection: Connection
    partition: Partition
    lease: Lease | None
    salvaging: bool
    """Postgres has refused the response: leave out the records that it refuses."""


class SnapshotWriter:
    """Stores snapshots: a header row, and the rows that hang on it."""

    def __init__(
        self,
        account: Account,
        stream: Snapshot | Reference,
        interval: timedelta,
        storage: Storage,
        instrumentation: Instrumentation,
    ) -> None:
        self.key = (account.name, stream.name)
        self._account = account
        self._stream = stream
        self._interval = interval
        self._storage = storage
        self._instrumentation = instrumentation

    @property
    def account_id(self) -> str | None:
        """The account's id, once it is known."""
        return self._account.account_id

    @property
    def patience(self) -> timedelta:
        """The longest break between two equal responses that still means nothing changed."""
        return hold(self._interval)

    def identified(self) -> str:
        """The account's id. Raises as `Account.identified`."""
        return self._account.identified()

    def read(self, body: bytes, account_id: str) -> Page:
        """Read a response again. Raises UnexpectedPayload."""
        return read(self._stream, body, account_id)

    @property
    def clock(self) -> ExchangeClock:
        """By which responses are observed."""
        return self._account.clock

    def unusable(self, page: Page, body: bytes) -> list[Reject]:
        """What makes a response as a whole malformed; nothing: it may be shown and stored."""
        return unusable(self._stream, page, body)

    def write(self, page: Page, observed: Observed, *, newest: bool = False) -> bool:
        """Store a good response; ``newest``: rejects of earlier ones are resolved by it.

        Returns whether it is stored: not when Postgres holds a later one. Raises Outdated when the
        newest one is far older than that, DatabaseError, DataRefused when Postgres refuses it for
        good, StandingBy and what `Account.identified` raises.
        """
        try:
            written, rejected = self._stored(page, observed, newest=newest)
        except Outdated as later:
            if newest and later.by > CLOCKS_APART:
                raise
            # Another process stored a later one in the meantime.
            _log.log(logging.INFO if newest else logging.DEBUG, "not stored: %s", later)
            return False
        self._instrumentation.record_rows(*self.key, inserted=written, rejected=rejected)
        if rejected:
            _log.warning("rejected unreadable records: see onetrading_sync.rejects")
        return True

    def _stored(self, page: Page, observed: Observed, *, newest: bool) -> tuple[int, int]:
        """As `_write`, in a transaction; what Postgres refuses of a list is left out."""
        partition = self._account.partition(self._stream)

        def write(*, salvaging: bool) -> tuple[int, int]:
            def work(connection: Connection, lease: Lease | None) -> tuple[int, int]:
                saving = _Saving(connection, partition, lease, salvaging)
                return self._write(saving, page, observed, newest=newest)

            return self._storage.run_leased(partition.account_id, work, briefly=True, ahead=True)

        try:
            return write(salvaging=False)
        except DataRefused:
            if not self._stream.tolerates_rejects:
                raise
            return write(salvaging=True)

    def outdated(self, observed: Observed) -> bool:
        """Whether Postgres holds a response that was observed later. Raises as `write`."""
        partition = self._account.partition(self._stream)
        return self._storage.writable().run_briefly(snapshots.outdated, partition, observed)

    def keep_rejects(self, found: Sequence[Reject]) -> None:
        """Store what made a response malformed. Raises DatabaseError and as `identified`."""
        partition = self._account.partition(self._stream)
        database = self._storage.writable()
        new = database.run_briefly(rejects.keep, partition, found)
        self._instrumentation.record_rows(*self.key, rejected=new)

    def keep_response(self, body: bytes, reason: str) -> bool:
        """Store a response that Postgres refuses among the rejects; whether it is the first one.

        Raises as `keep_rejects`.
        """
        partition = self._account.partition(self._stream)
        database = self._storage.writable()
        text = body.decode("utf-8", "replace")
        new = database.run_briefly(rejects.keep_response, partition, text, reason)
        self._instrumentation.record_rows(*self.key, rejected=int(new))
        return new

    def _write(
        self, saving: _Saving, page: Page, observed: Observed, *, newest: bool
    ) -> tuple[int, int]:
        """Rows written, and records rejected for the first time."""
        connection, partition = saving.connection, saving.partition
        written, refused = self._save(saving, page, observed)
        run_ahead(connection)
        left_out = [*page.rejects, *refused]
        rejected = rejects.keep(connection, partition, left_out)
        rejects.note_drift(connection, partition, page.drift)
        if newest:
            rejects.resolve_unseen(connection, partition, left_out)
        bookkeeping.note_attempt(connection, partition, self._interval, None)
        return written, rejected

    def _save(
        self, saving: _Saving, page: Page, observed: Observed
    ) -> tuple[int, Sequence[Reject]]:
        """Write the rows in the caller's transaction; how many, and which Postgres refuses."""
        written = snapshots.save(
            saving.connection,
            self._stream,
            saving.partition,
            SnapshotResponse(page.rows, page.header),
            observed,
            patience=self.patience,
            latest=self.clock.latest_possible(),
            lease=saving.lease,
        )
        return written, ()


class ReferenceWriter(SnapshotWriter):
    """Stores facts with the time for which they were valid."""

    def outdated(self, observed: Observed) -> bool:
        """Whether a later list was compared with what Postgres holds. Raises as `write`.

        No row may tell: a list that brings nothing new leaves none.
        """
        partition = self._account.partition(self._stream)
        later = observed.last + CLOCKS_APART
        return self._storage.writable().run_briefly(bookkeeping.succeeded_after, partition, later)

    def _save(
        self, saving: _Saving, page: Page, observed: Observed
    ) -> tuple[int, Sequence[Reject]]:
        return snapshots.save_reference(
            saving.connection,
            self._stream,
            saving.partition,
            SnapshotResponse(page.rows, page.header),
            observed.first,
            latest=self.clock.latest_possible(),
            lease=saving.lease,
            unreadable=page.rejects,
            salvaging=saving.salvaging,
        )
