"""Read rejected records of history again with this version, and load what can be read by now.

What loads is as if it had come now: with its issues and counters, and seen first now. Its time was
proven with the reject, which ends. What is still not readable stays, with its newest reason. A
record of a snapshot or a list cannot be read into the past: a later response has told by now what
became of it, or nothing will. Details of a closed position are proven as a whole, so they are due
again: the service requests them, and ends the reject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from exporter.model.closings import Follower
from exporter.model.envelope import Envelope, RawRecord
from exporter.model.errors import DataRefused, UnexpectedPayload
from exporter.model.live_history import LiveHistory
from exporter.model.page import read
from exporter.model.stream import History, Partition, Stream
from exporter.model.window import RESOLUTION, Window
from exporter.store import details, loader, rejects
from exporter.store.lease import Lease
from exporter.store.loader import Batch, Run
from exporter.store.rejects import OpenReject
from exporter.store.storage import Storage

_AHEAD = timedelta(minutes=1)

State = Literal["loaded", "requested again", "rejected", "not possible"]


class Retried(NamedTuple):
    """What became of a reject."""

    state: State
    why: str = ""


class RejectRetry:
    """Retries open rejects. ``streams``: what this version knows; ``now``: aware UTC."""

    def __init__(self, streams: Sequence[Stream], storage: Storage, now: datetime) -> None:
        self._streams = {stream.name: stream for stream in streams}
        self._storage = storage
        self._now = now

    def retry(self, reject: OpenReject) -> Retried:
        """Load the record of a reject, or say why not. Raises DatabaseError and StandingBy."""
        stream = self._streams.get(reject.stream)
        if stream is None:
            return Retried("not possible", "this version has no such stream")
        if isinstance(stream, Follower):
            self._storage.writable().run(details.request_again, _partition(reject), self._now)
            text = "the details of the position are due: the service reads them next"
            return Retried("requested again", text)
        if not isinstance(stream, History):
            text = "a record of a present state: the next response has what became of it"
            return Retried("not possible", text)
        if len(reject.record) >= rejects.LONGEST_RECORD:
            return Retried("not possible", "the record was too long to be kept whole")
        row, why = self._read(stream, reject)
        if row is None:
            return self._keep(reject, why)
        try:
            self._load(stream, reject, row)
        except DataRefused as refused:
            return self._keep(reject, str(refused))
        return Retried("loaded")

    def _read(self, stream: History, reject: OpenReject) -> tuple[Any, str]:
        """The row of a record, or None and why it cannot be read."""
        tag = reject.scope or (reject.key or {}).get("instrument_code", "")
        body = reject.record.encode()
        alone = replace(stream, unwrap=lambda sent: Envelope([RawRecord(sent, tag)]))
        try:
            page = read(alone, body, reject.account_id)
        except UnexpectedPayload as error:
            return None, str(error)
        if page.rejects:
            return None, page.rejects[0].reason
        (row,) = page.rows
        owner = getattr(row, "account_id", reject.account_id)
        if owner != reject.account_id:
            return None, f"the record belongs to account {owner}"
        at: datetime | None = getattr(row, stream.instant)
        if at is None:  # it lies where it was listed
            return row, ""
        since = None
        if not isinstance(stream, LiveHistory):  # an order is told of that is older than that
            since = self._storage.writable().run(rejects.reach_of_history, _partition(reject))
        if at >= self._now + _AHEAD or (since is not None and at < since):
            return (
                None,
                f"{stream.instant} {at.isoformat()} lies outside of the history that is kept",
            )
        return row, ""

    def _load(self, stream: History, reject: OpenReject, row: Any) -> None:
        at = getattr(row, stream.instant) or self._now  # not sent with every position
        partition, run = _partition(reject), Run("retry", Window(at, at + RESOLUTION))

        def work(connection: Any, lease: Lease | None) -> None:
            loader.load(connection, stream, partition, run, Batch([row]), lease)
            rejects.resolve(connection, reject.reject_id)

        self._storage.run_leased(reject.account_id, work)

    def _keep(self, reject: OpenReject, why: str) -> Retried:
        self._storage.writable().run(rejects.still_rejected, reject.reject_id, why)
        return Retried("rejected", why)


def _partition(reject: OpenReject) -> Partition:
    return Partition(reject.account, reject.account_id, reject.stream, reject.scope)
