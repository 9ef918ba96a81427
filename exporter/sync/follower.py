"""Read the details of closed positions: once for each, and again when it came back different.

A pass reads a bounded number of positions, at a lower priority than live polls. What goes wrong
with one of them stops no other: it is noted and tried again later, and what the exchange refuses
for good is not requested for ever.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from exporter.api.client import OnError
from exporter.api.identity import made_up
from exporter.api.rate_limiter import Priority
from exporter.model.closings import Follower
from exporter.model.errors import (
    BadRequest,
    DataRefused,
    ExchangeError,
    ExporterError,
    NoFutures,
    NotYet,
    RateLimited,
    Refused,
    RetryLater,
    Stopping,
    TokenRefused,
    UnexpectedPayload,
)
from exporter.model.page import read
from exporter.model.retirement import NO_FUTURES
from exporter.model.stream import Page, Partition
from exporter.store import bookkeeping, details
from exporter.store.database import Connection
from exporter.store.details import Details, Due
from exporter.store.lease import Lease
from exporter.sync.account import Account
from exporter.sync.stream_sync import StreamSync, SyncContext

_log = logging.getLogger(__name__)
_DEADLINE_S = 20.0
_MOST_PAGES = 1_000
_PATIENCE = 3
"""After so many failures in a row the pass ends: it is the exchange, not a position."""


@dataclass
class _Pass:
    """What one pass has done so far."""

    partition: Partition
    now: datetime
    on_error: OnError
    requests: int = 0
    served: bool = False
    streak: int = 0
    """Failures in a row that may concern all positions."""
    failed: list[tuple[Due, RetryLater | Refused]] = field(default_factory=list)
    """Of which it is not known yet whether it was the position or the exchange."""
    failure: ExporterError | None = None
    attempts: list[ExchangeError] = field(default_factory=list)
    """Failed attempts for the position that is being read."""


class FollowerSync(StreamSync):
    """Reads the details of each closed position of one account."""

    stream: Follower

    def __init__(self, account: Account, stream: Follower, shared: SyncContext) -> None:
        super().__init__(account, stream, shared)
        self.stream = stream
        self._metrics = shared.metrics
        self.storage = shared.storage
        self._stop = shared.stop
        self._follows_read = False
        """The followed stream succeeded once. That stays so, and tells that there are futures."""
        self._failed: dict[str, None] = {}
        """Ids of those that failed and of which nothing was noted, in that order."""

    def pending(self) -> bool:
        """Whether anything is to be read now."""
        partition = self.account.partition(self.stream)
        return bool(self._due(partition, self.account.now(), 1))

    def poll(self, on_error: OnError) -> None:
        """Read the details of some positions, then compare what was read.

        Raises the last error that is none of a position alone.
        """
        partition = self.account.partition(self.stream)
        one = _Pass(partition, self.account.now(), on_error)
        due = self._due(partition, one.now, self.stream.most_requests)
        if not due:
            self._check_followed()
        for position in due:
            if one.requests >= self.stream.most_requests or one.streak >= _PATIENCE:
                break
            if self._stop.is_set():
                raise Stopping("asked to stop between two positions")
            self.account.check_lease()
            self._try(one, position)
        self._settle(one)
        self._compare(one)
        if due:
            self._show_completed()
        if one.failure is not None:
            raise one.failure
        self._metrics.streams.record_success(*self.key, [])

    def _due(self, partition: Partition, now: datetime, most: int) -> list[Due]:
        """Those that failed come last, in turn: they must not hide what is older."""
        turns = {position_id: turn for turn, position_id in enumerate(self._failed)}
        found = self.storage.writable().look(details.due, partition, now, most + len(turns))
        return sorted(found, key=lambda position: turns.get(position.position_id, -1))

    def _followed(self) -> Partition:
        return self.account.partition(self.stream)._replace(stream=self.stream.follows)

    def _check_followed(self) -> None:
        """Whether there is nothing to read because the followed stream has brought in nothing.

        Raises NoFutures where the exchange said that there are none, NotYet before its first pass.
        """
        if self._follows_read:
            return
        database = self.storage.writable()
        self._follows_read = database.look(
            bookkeeping.ever_succeeded, self.account.name, self.stream.follows
        )
        if self._follows_read:
            return
        reason = database.look(bookkeeping.retired, self._followed()).get("")
        if reason == NO_FUTURES:
            raise NoFutures(NO_FUTURES)
        if reason is None:
            raise NotYet(f"{self.stream.follows} has not been read yet")

    def _try(self, one: _Pass, position: Due) -> None:
        """Read and store one position, or keep why not. Raises what concerns all of them."""
        one.attempts.clear()
        try:
            found = self._read(one, position)
            self._store(one, position, found)
        except (RateLimited, TokenRefused):
            raise
        except RetryLater as error:
            one.failure = error
            self._keep_failed(one, position, error)
            self._count(one, error)
        except Refused as error:
            self._keep_failed(one, position, error)
        except (BadRequest, UnexpectedPayload, DataRefused) as error:
            one.streak = 0
            self._note_failed(one, position, error)
        else:
            one.served, one.streak = True, 0
            self._failed.pop(position.position_id, None)

    def _keep_failed(self, one: _Pass, position: Due, error: RetryLater | Refused) -> None:
        one.failed.append((position, error))
        one.streak += 1
        self._failed.pop(position.position_id, None)
        self._failed[position.position_id] = None

    def _settle(self, one: _Pass) -> None:
        """A failure is that of a position if another one is served, or if it was so before; else
        of the stream: an outage must not use up the tries of all positions.

        Raises the last refusal of the stream.
        """
        refused_alone = self._refused_alone(one)
        for position, error in one.failed:
            refused = isinstance(error, Refused)
            if one.served or position.failures or (refused and refused_alone):
                self._note_failed(one, position, error)
            elif refused:
                raise error

    def _refused_alone(self, one: _Pass) -> bool:
        """Whether only a few were due, all of them refused, by an exchange that has served others:
        nothing else would ever tell the refusal of a position from that of the stream."""
        few = 0 < len(one.failed) < _PATIENCE
        if not few or not all(isinstance(error, Refused) for _, error in one.failed):
            return False
        return self.storage.writable().look(bookkeeping.ever_succeeded, *self.key)

    def _count(self, one: _Pass, raised: ExchangeError) -> None:
        """Count the failed attempts; the caller counts the error that ends a pass."""
        for error in one.attempts:
            if error is not raised:
                one.on_error(error)

    def _note_failed(self, one: _Pass, position: Due, error: ExchangeError | DataRefused) -> None:
        """A refusal of one position is noted, and is no failure of the stream."""
        if not isinstance(error, BadRequest | Refused):
            one.failure = error
        again = self.storage.run_leased(
            one.partition.account_id,
            lambda connection, lease: details.note_failed(
                connection, self.stream, one.partition, position, error, one.now, lease
            ),
        )
        self._failed.pop(position.position_id, None)
        text = "could not read the details of a closed position%s: %s"
        _log.warning(text, "" if again else ", and give up until it changes", error)

    def _read(self, one: _Pass, position: Due) -> Details:
        """All pages of one position; paging is not documented, but a cursor is followed."""
        stream = self.stream.of(position.position_id)
        path = stream.path.format(quote(position.position_id, safe=""))
        found, cursor, cursors = Details(), None, set[str]()
        for _ in range(_MOST_PAGES):
            one.requests += 1
            body = self.account.client.get(
                path,
                {**stream.parameters, **({} if cursor is None else {"cursor": cursor})},
                priority=Priority.HISTORY,
                deadline_s=_DEADLINE_S,
                endpoint=stream.path,
                on_error=one.attempts.append,
            )
            page = read(stream, body, one.partition.account_id)
            self._check_account(one.partition, page)
            found.rows += page.rows
            found.rejects += page.rejects
            found.drift.update(page.drift)
            cursor = page.cursor
            if cursor is None:
                return found
            if cursor in cursors:
                raise UnexpectedPayload(f"{stream.path}: cursor {cursor!r} was sent twice")
            cursors.add(cursor)
        raise UnexpectedPayload(f"{stream.path}: {_MOST_PAGES} pages, and no end")

    def _check_account(self, partition: Partition, page: Page) -> None:
        """Raises UnexpectedPayload when a page, or a row of it, belongs to another account."""
        expected = partition.account_id
        if expected == made_up(partition.account):  # no row names a made-up id
            return
        named = {row.account_id for row in page.rows} | {page.account_id or expected}
        if others := sorted(named - {expected}):
            raise UnexpectedPayload(
                f"{self.stream.path}: the response belongs to account {others[0]}, "
                f"but {partition.account!r} is account {expected}"
            )

    def _store(self, one: _Pass, position: Due, found: Details) -> None:
        done = self.storage.run_leased(
            one.partition.account_id,
            lambda connection, lease: details.store(
                connection, self.stream, one.partition, position, found, one.now, lease
            ),
        )
        counts = {name: getattr(done, name) for name in ("inserted", "updated", "rejected")}
        self._metrics.instrumentation.record_rows(*self.key, **counts)
        if done.rejected:
            _log.warning("rejected unreadable records: see onetrading_sync.rejects", extra=counts)
        elif not done.complete:
            _log.warning("the details of a closed position do not add up to its totals")

    def _compare(self, one: _Pass) -> None:
        """And note, in the same transaction, that the pass succeeds, if it does."""

        def work(connection: Connection, lease: Lease | None) -> dict[str, int]:
            differing = details.compare(connection, one.partition, one.now, lease)
            if one.failure is None:
                bookkeeping.note_attempt(connection, one.partition, self.interval, None)
            return differing

        found = self.storage.run_leased(one.partition.account_id, work, ahead=True)
        if found:
            text = "details of closed positions differ from the account's list: see %s"
            _log.warning(text, "onetrading_sync.issues", extra=found)

    def _show_completed(self) -> None:
        """Export the counters of the stream that was completed: its own pass may be far away."""
        followed = self.stream.completes
        if followed is None or (self.account.name, followed.name) not in self._metrics.streams.keys:
            return
        stored = self.storage.writable().look(bookkeeping.totals, self._followed())
        metrics = {metric.name: metric for metric in followed.metrics}
        samples = [metrics[name](value, *labels) for name, labels, value in stored]
        self._metrics.streams.replace_samples(self.account.name, followed.name, samples)
