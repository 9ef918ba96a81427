"""Poll what is: ask once, show the whole answer at once, keep it as observed.

What is shown does not wait for Postgres. An answer that cannot be stored now waits in the spool,
and is read again from its own bytes when Postgres is back.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from pathlib import Path

from exporter.api.client import Failed
from exporter.api.rate_limiter import Priority
from exporter.model.errors import DatabaseError, ExchangeError, NotYet, UnexpectedPayload
from exporter.model.page import read
from exporter.model.stream import (
    PUBLIC_ACCOUNT_ID,
    Page,
    Partition,
    Reference,
    Snapshot,
    SnapshotResponse,
    Stream,
)
from exporter.store import bookkeeping, loader, snapshots
from exporter.store.database import Connection
from exporter.store.spool import Spooled
from exporter.sync.dependencies import Account, Parts

_log = logging.getLogger(__name__)
_LEAST_PATIENCE = timedelta(seconds=60)


class SnapshotSync:
    """Polls snapshot and reference streams. ``streams``: those that may be found in the spool."""

    def __init__(self, parts: Parts, streams: dict[str, Stream]) -> None:
        self._parts = parts
        self._streams = streams
        self._draining = threading.Lock()

    def poll(self, account: Account, stream: Snapshot | Reference, failed: Failed) -> None:
        """One poll. Raises ExchangeError when there is no good, complete answer."""
        interval = self._parts.interval(stream)
        body = account.client.get(
            stream.path,
            {},
            priority=Priority.LIVE,
            deadline_s=min(interval.total_seconds() * 0.8, 20.0),
            failed=failed,
        )
        observed_at = account.clock.now()
        page = read(stream, body, account.account_id or PUBLIC_ACCOUNT_ID)
        if page.account_id is not None:
            self._recognise(account, page.account_id)
        if page.rejects:
            self._keep_rejects(account, stream, page)
            raise UnexpectedPayload(f"{stream.path}: {page.rejects[0].reason}")
        answer = SnapshotResponse(page.rows, page.header)
        if not self._parts.stream_metrics.record_success(
            account.name, stream.name, list(stream.samples(answer))
        ):
            raise UnexpectedPayload(f"{stream.path}: the answer cannot be shown")
        if self._parts.database is not None:
            self._keep(account, stream, page, observed_at, body)

    def _recognise(self, account: Account, account_id: str) -> None:
        """Raises UnexpectedPayload when the answer is of another account than those before."""
        try:
            self._parts.learn(account, account_id)
        except DatabaseError as error:
            # What is shown does not wait for Postgres; it is told again when the answer is kept.
            _log.debug("the account is not noted yet: %s", error)

    def _keep(
        self,
        account: Account,
        stream: Snapshot | Reference,
        page: Page,
        observed_at: datetime,
        body: bytes,
    ) -> None:
        """Store the answer, or let it wait on disk; never both, never neither."""
        known = account.account_id is not None
        try:
            self.drain()
            if self._parts.spool.holds(account.name, stream.name):
                raise DatabaseError("older answers wait before it")
            if not known:
                page = read(stream, body, self._parts.identified(account))
            observed = snapshots.Observed(observed_at, observed_at)
            self._store(account, stream, page, observed, newest=True)
        except (DatabaseError, ExchangeError, NotYet) as error:
            _log.debug("the answer waits on disk: %s", error)
            waiting = Spooled(
                account.name,
                stream.name,
                observed_at,
                observed_at,
                body.decode(),
                account.account_id,
            )
            try:
                self._parts.spool.put(waiting, self._patience(stream))
            except OSError as refused:
                raise DatabaseError(f"cannot keep the answer on disk: {refused}") from refused

    def _patience(self, stream: Stream) -> timedelta:
        """Within what time the same answer again means that nothing changed in between."""
        return max(3 * self._parts.interval(stream), _LEAST_PATIENCE)

    def drain(self) -> None:
        """Store what waits, oldest first. Raises DatabaseError when Postgres is away (again).

        What cannot be stored now holds up its own account and stream, and no other.
        """
        self._parts.writable()
        spool = self._parts.spool
        if not len(spool) or not self._draining.acquire(blocking=False):
            return
        held: set[tuple[str, str]] = set()
        try:
            for path, waiting in spool.waiting(held):
                with self._parts.working(waiting.account, waiting.stream):
                    stored = self._stored(path, waiting)
                if stored:
                    spool.done(path, waiting)
                else:
                    held.add((waiting.account, waiting.stream))
        finally:
            self._draining.release()

    def _stored(self, path: Path, waiting: Spooled) -> bool:
        """Whether it could be stored now. Raises DatabaseError when Postgres is away (again)."""
        try:
            return self._store_waiting(path, waiting)
        except (DatabaseError, ExchangeError) as error:
            self._parts.writable()
            _log.debug("%s still waits: %s", path.name, error)
            return False

    def _store_waiting(self, path: Path, waiting: Spooled) -> bool:
        """Store an answer that waited; whether it is stored. Raises as ``_store`` does."""
        account = self._parts.accounts.get(waiting.account)
        stream = self._streams.get(waiting.stream)
        if account is None or not isinstance(stream, Snapshot | Reference):
            return False
        account_id = waiting.account_id or self._parts.identified(account)
        try:
            page = read(stream, waiting.body.encode(), account_id)
        except UnexpectedPayload as error:
            self._parts.spool.set_aside(path, str(error))
            return True
        # Its clock may have been put back while it waited.
        observed = snapshots.Observed(waiting.first, max(waiting.first, waiting.last))
        try:
            self._store(account, stream, page, observed)
        except DatabaseError as error:
            _log.debug("%s cannot be stored: %s", path.name, error)
            # Another process may be the account's writer, and have seen what came later.
            partition = self._parts.partition(account, stream)
            return self._parts.writable().run_briefly(snapshots.outdated, partition, observed)
        return True

    def _store(
        self,
        account: Account,
        stream: Snapshot | Reference,
        page: Page,
        observed: snapshots.Observed,
        *,
        newest: bool = False,
    ) -> None:
        database = self._parts.writable()
        partition = self._parts.partition(account, stream)
        lease = self._parts.lease(partition.account_id)
        written = database.run_briefly(
            self._write, stream, partition, page, observed, lease, newest=newest
        )
        self._parts.instrumentation.record_rows(account.name, stream.name, inserted=written)

    def _write(
        self,
        connection: Connection,
        stream: Snapshot | Reference,
        partition: Partition,
        page: Page,
        observed: snapshots.Observed,
        lease: loader.Lease | None,
        *,
        newest: bool,
    ) -> int:
        answer = SnapshotResponse(page.rows, page.header)
        interval = self._parts.interval(stream)
        if isinstance(stream, Snapshot):
            patience = self._patience(stream)
            written = snapshots.save(
                connection, stream, partition, answer, observed, patience=patience, lease=lease
            )
        else:
            written = snapshots.save_reference(
                connection, stream, partition, answer, observed.first, lease=lease
            )
        loader.keep_rejects(connection, partition, (), page.drift)
        if newest:
            loader.resolve(connection, partition)
        bookkeeping.note_attempt(connection, partition, interval, None)
        return written

    def _keep_rejects(self, account: Account, stream: Stream, page: Page) -> None:
        """Keep the records that spoilt an answer, when Postgres is there to keep them."""
        try:
            database = self._parts.writable()
            partition = self._parts.partition(account, stream)
            new = database.run_briefly(loader.keep_rejects, partition, page.rejects, page.drift)
        except (DatabaseError, ExchangeError, NotYet) as error:
            reason = page.rejects[0].reason
            _log.warning("what spoilt the answer is not kept (%s): %s", reason, error)
            return
        self._parts.instrumentation.record_rows(account.name, stream.name, rejected=new)
