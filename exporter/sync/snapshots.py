"""Poll the present state: one request, shown at once as a whole, and stored as observed.

What is shown does not wait for Postgres: `snapshot_queue` stores the response, now or later.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from exporter.api.client import OnError
from exporter.api.rate_limiter import Priority
from exporter.model.errors import DatabaseError, UnexpectedPayload
from exporter.model.page import read
from exporter.model.stream import PUBLIC_ACCOUNT_ID, Reference, Snapshot, SnapshotResponse
from exporter.sync.account import Account
from exporter.sync.snapshot_writer import ReferenceWriter, SnapshotWriter
from exporter.sync.stream_sync import StreamSync, SyncContext

_log = logging.getLogger(__name__)
_LONGEST_DEADLINE_S = 20.0
_SHARE_OF_INTERVAL = 0.8


class SnapshotSync(StreamSync):
    """A stream whose response is the whole present state."""

    stream: Snapshot | Reference
    writer: ClassVar[type[SnapshotWriter]] = SnapshotWriter
    """How a response becomes rows."""

    def __init__(self, account: Account, stream: Snapshot | Reference, shared: SyncContext) -> None:
        super().__init__(account, stream, shared)
        self.stream = stream
        self._stream_metrics = shared.metrics.streams
        self._snapshots = shared.snapshots
        self._writer = self.writer(
            account, stream, self.interval, shared.storage, shared.metrics.instrumentation
        )
        self._snapshots.add(self._writer)

    def poll(self, on_error: OnError) -> None:
        """One poll. Raises ExchangeError unless there is a good, complete response."""
        interval_s = self.interval.total_seconds()
        body = self.account.client.get(
            self.stream.path,
            self.stream.parameters,
            priority=Priority.LIVE,
            deadline_s=min(interval_s * _SHARE_OF_INTERVAL, _LONGEST_DEADLINE_S),
            on_error=on_error,
        )
        received_at = self.account.clock.steady()
        page = read(self.stream, body, self.account.account_id or PUBLIC_ACCOUNT_ID)
        if page.account_id is not None:
            self._recognise(page.account_id)
        if malformed := self._writer.unusable(page, body):
            self._snapshots.keep_rejects(self._writer, malformed)
            raise UnexpectedPayload(f"{self.stream.path}: {malformed[0].reason}")
        if page.rejects:
            reason = page.rejects[0].reason
            _log.warning("could not read %d records: %s", len(page.rejects), reason)
        samples = self.stream.samples(SnapshotResponse(page.rows, page.header))
        if not self._stream_metrics.record_success(*self.key, list(samples)):
            raise UnexpectedPayload(f"{self.stream.path}: the response cannot be shown")
        if self._snapshots.storing:
            # What is shown does not wait until the exchange's time is known.
            self._snapshots.keep(self._writer, page, self.account.observed_at(received_at), body)

    def _recognise(self, account_id: str) -> None:
        """Raises UnexpectedPayload when an earlier response was of another account."""
        try:
            self.account.learn(account_id)
        except DatabaseError as error:
            # What is shown does not wait for Postgres; storing the response tries again.
            _log.debug("could not note the account in Postgres yet: %s", error)


class ReferenceSync(SnapshotSync):
    """A stream whose response is a list of slowly changing facts."""

    writer = ReferenceWriter
