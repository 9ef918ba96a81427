"""Write snapshot responses of one stream of one account to Postgres, each in one transaction."""

from __future__ import annotations

import logging
from datetime import timedelta

from exporter.api.clock import ExchangeClock
from exporter.metrics import Instrumentation
from exporter.model.errors import DatabaseError, ExchangeError, NotYet, Outdated
from exporter.model.limits import hold
from exporter.model.page import read
from exporter.model.stream import Page, Partition, Reference, Snapshot, SnapshotResponse
from exporter.store import bookkeeping, loader, snapshots
from exporter.store.database import Connection
from exporter.store.snapshots import Observed
from exporter.store.storage import Storage
from exporter.sync.account import Account

_log = logging.getLogger(__name__)
_CLOCKS_APART = timedelta(minutes=1)
"""By how much the clocks of the exchange and of Postgres may differ at most."""


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

    def write(self, page: Page, observed: Observed, *, newest: bool = False) -> bool:
        """Store a good response; ``newest``: rejects of earlier ones are resolved by it.

        Returns whether it is stored: not when Postgres holds a later one. Raises Outdated when the
        newest one is far older than that, DatabaseError, StandingBy and what `Account.identified`
        raises.
        """
        partition = self._account.partition(self._stream)
        try:
            written = self._storage.run_leased(
                partition.account_id,
                lambda connection, lease: self._write(
                    connection, partition, page, observed, lease, newest=newest
                ),
                briefly=True,
            )
        except Outdated as later:
            if newest and later.by > _CLOCKS_APART:
                raise
            # Another process stored a later one in the meantime.
            _log.log(logging.INFO if newest else logging.DEBUG, "not stored: %s", later)
            return False
        self._instrumentation.record_rows(*self.key, inserted=written)
        return True

    def outdated(self, observed: Observed) -> bool:
        """Whether Postgres holds a response that was observed later. Raises as `write`."""
        partition = self._account.partition(self._stream)
        return self._storage.writable().run_briefly(snapshots.outdated, partition, observed)

    def keep_rejects(self, page: Page) -> None:
        """Store the unreadable records of a response, if Postgres is up."""
        try:
            database = self._storage.writable()
            partition = self._account.partition(self._stream)
            new = database.run_briefly(loader.keep_rejects, partition, page.rejects, page.drift)
        except (DatabaseError, ExchangeError, NotYet) as error:
            reason = page.rejects[0].reason
            _log.warning("could not store the rejected records (%s): %s", reason, error)
            return
        self._instrumentation.record_rows(*self.key, rejected=new)

    def _write(
        self,
        connection: Connection,
        partition: Partition,
        page: Page,
        observed: Observed,
        lease: loader.Lease | None,
        *,
        newest: bool,
    ) -> int:
        response = SnapshotResponse(page.rows, page.header)
        written = self._save(connection, partition, response, observed, lease)
        loader.keep_rejects(connection, partition, (), page.drift)
        if newest:
            loader.resolve(connection, partition)
        bookkeeping.note_attempt(connection, partition, self._interval, None)
        return written

    def _save(
        self,
        connection: Connection,
        partition: Partition,
        response: SnapshotResponse,
        observed: Observed,
        lease: loader.Lease | None,
    ) -> int:
        """Write the rows in the caller's transaction; how many were written."""
        return snapshots.save(
            connection,
            self._stream,
            partition,
            response,
            observed,
            patience=self.patience,
            latest=self.clock.latest_possible(),
            lease=lease,
        )


class ReferenceWriter(SnapshotWriter):
    """Stores facts with the time for which they were valid."""

    def outdated(self, observed: Observed) -> bool:
        """Whether a later list was compared with what Postgres holds. Raises as `write`.

        No row may tell: a list that brings nothing new leaves none.
        """
        partition = self._account.partition(self._stream)
        later = observed.last + _CLOCKS_APART
        return self._storage.writable().run_briefly(bookkeeping.succeeded_after, partition, later)

    def _save(
        self,
        connection: Connection,
        partition: Partition,
        response: SnapshotResponse,
        observed: Observed,
        lease: loader.Lease | None,
    ) -> int:
        return snapshots.save_reference(
            connection,
            self._stream,
            partition,
            response,
            observed.first,
            latest=self.clock.latest_possible(),
            lease=lease,
        )
