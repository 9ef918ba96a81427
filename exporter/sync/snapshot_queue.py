"""Every good snapshot response is stored or waits on disk: never both, never neither.

The exchange does not repeat the past. While Postgres is away responses wait in the spool, and are
read again from their own bytes when it is back, oldest first. Only what may pass makes one wait: a
response that Postgres refuses for good goes to the rejects, and the next one is stored.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from exporter.api.clock import ExchangeClock
from exporter.logs import context
from exporter.logs.recurring import Recurring
from exporter.model.errors import (
    DatabaseError,
    DataRefused,
    ExchangeError,
    ExporterError,
    NotYet,
    StandingBy,
    Stopping,
    UnexpectedPayload,
)
from exporter.model.stream import Page, Reject
from exporter.model.window import RESOLUTION
from exporter.store.snapshots import Observed
from exporter.store.spool import Spool, Spooled
from exporter.store.storage import Storage
from exporter.sync.snapshot_writer import SnapshotWriter

_log = logging.getLogger(__name__)
_LATER = (DatabaseError, ExchangeError, NotYet, StandingBy)
"""Why a response cannot be stored now, but may be later."""


class SnapshotQueue:
    """Stores the snapshot responses of a process, in order. Safe to use from any thread."""

    def __init__(self, storage: Storage, spool: Spool) -> None:
        self._storage = storage
        self._spool = spool
        self._writers: dict[tuple[str, str], SnapshotWriter] = {}
        self._draining = threading.Lock()
        self._storing = threading.Lock()
        """Held while a response from the spool is stored."""
        self._outdated = 0
        """Of the responses that are being drained: Postgres holds later ones."""
        self._recurring = Recurring()

    def add(self, writer: SnapshotWriter) -> None:
        """Register the writer of a stream; spooled responses without one stay where they are."""
        self._writers[writer.key] = writer

    def remove(self, account: str) -> None:
        """Forget the writers of an account. What is spooled of it stays, and is stored once the
        account is read again, under whatever name. Waits while one response of it is stored."""
        with self._storing:
            kept = {key: writer for key, writer in self._writers.items() if key[0] != account}
            self._writers = kept

    @property
    def storing(self) -> bool:
        """Whether there is a database, or else nothing is kept."""
        return self._storage.database is not None

    def keep(self, writer: SnapshotWriter, page: Page, observed_at: datetime, body: bytes) -> None:
        """Store a response, or spool it.

        Raises DatabaseError when it cannot be spooled either, DataRefused when Postgres refuses it
        for good, Outdated when Postgres holds what was observed long after it, and once it is
        spooled Stopping, and StandingBy when another process holds the account: what was shown of
        it is to be withdrawn.
        """
        known = writer.account_id is not None
        try:
            self.drain()
            if self._spool.holds(*writer.key):
                raise DatabaseError("older responses are spooled")
            if not known:
                page = writer.read(body, writer.identified())
            self._write_newest(writer, page, observed_at, body)
        except DataRefused:
            raise
        except (*_LATER, Stopping) as error:
            _log.debug("spooled the response: %s", error)
            self._put(writer, observed_at, body)
            if isinstance(error, (StandingBy, Stopping)):
                raise
        else:
            self._spool.end_outage()

    def keep_rejects(self, writer: SnapshotWriter, found: Sequence[Reject]) -> None:
        """Store what made a response malformed, if Postgres is up."""
        try:
            writer.keep_rejects(found)
        except (DatabaseError, ExchangeError, NotYet) as error:
            # At every poll, while Postgres is away.
            first = self._recurring.is_first("/".join(writer.key))
            level = logging.WARNING if first else logging.DEBUG
            text = "could not store the rejected records (%s): %s"
            _log.log(level, text, found[0].reason, error)

    def tell_recurring(self) -> None:
        """Log how often rejected records could not be stored since the last line about it."""
        for stream, count in self._recurring.summaries():
            _log.warning(
                "could not store the rejected records of %s %d times more in the last minute",
                stream,
                count,
            )

    def _write_newest(
        self, writer: SnapshotWriter, page: Page, observed_at: datetime, body: bytes
    ) -> None:
        try:
            writer.write(page, Observed(observed_at, observed_at), newest=True)
        except DataRefused as refused:
            self._reject(writer, body, refused)
            raise

    def _reject(self, writer: SnapshotWriter, body: bytes, refused: DataRefused) -> None:
        """Store a response that Postgres refuses for good among the rejects.

        Raises DatabaseError, and nothing is lost: it is refused again later.
        """
        try:
            new = writer.keep_response(body, str(refused))
        except DataRefused as error:
            _log.error("could not keep a response that Postgres refuses: %s", error)
            return
        level = logging.ERROR if new else logging.DEBUG
        _log.log(level, "rejected a response that cannot be stored: %s", refused)

    def drain(self) -> None:
        """Store what is spooled, oldest first. Raises DatabaseError when Postgres is away (again).

        A response that cannot be stored now holds up its own account and stream, and no other.
        """
        self._storage.writable()
        if not len(self._spool) or not self._draining.acquire(blocking=False):
            return
        held: set[tuple[str, str]] = set()
        self._outdated = 0
        try:
            for path, waiting in self._spool.waiting(held):
                with (
                    context.bind(account=waiting.account, stream=waiting.stream),
                    self._storing,
                ):
                    stored = self._stored(path, waiting)
                if stored:
                    self._spool.done(path, waiting)
                else:
                    held.add((waiting.account, waiting.stream))
        finally:
            self._draining.release()
        if self._outdated:
            _log.info(
                "did not store %d spooled responses, since Postgres holds later ones",
                self._outdated,
            )

    def drain_if_possible(self) -> bool:
        """As `drain`; returns whether it was possible. Raises nothing."""
        self.tell_recurring()
        if not len(self._spool):
            return True
        try:
            self.drain()
        except ExporterError as error:
            _log.debug("could not drain the spool: %s", error)
            return False
        return True

    def _put(self, writer: SnapshotWriter, observed_at: datetime, body: bytes) -> None:
        account, stream = writer.key
        waiting = Spooled(
            account,
            stream,
            observed_at,
            observed_at,
            body.decode("utf-8", "replace"),
            writer.account_id,
        )
        try:
            self._spool.put(waiting, writer.patience)
        except OSError as refused:
            raise DatabaseError(f"could not spool the response: {refused}") from refused

    def _stored(self, path: Path, waiting: Spooled) -> bool:
        """Whether it is dealt with. Raises DatabaseError when Postgres is away (again)."""
        writer = self._writer_of(waiting)
        if writer is None:
            return False
        try:
            return self._store(writer, path, waiting)
        except DataRefused as refused:
            self._spool.set_aside(path, str(refused))
            return True
        except _LATER as error:
            self._storage.writable()
            _log.debug("%s still waits: %s", path.name, error)
            return False

    def _writer_of(self, waiting: Spooled) -> SnapshotWriter | None:
        """By the account's id where its name is not read any more: it may have been renamed."""
        writer = self._writers.get((waiting.account, waiting.stream))
        if writer is not None or waiting.account_id is None:
            return writer
        return next(
            (
                writer
                for (_, stream), writer in list(self._writers.items())
                if stream == waiting.stream and writer.account_id == waiting.account_id
            ),
            None,
        )

    def _store(self, writer: SnapshotWriter, path: Path, waiting: Spooled) -> bool:
        """Store a spooled response; whether it is dealt with. Raises as `SnapshotWriter.write`."""
        account_id = waiting.account_id or writer.identified()
        if writer.account_id not in (None, account_id):
            self._spool.set_aside(path, f"it is of account {account_id}, not {writer.account_id}")
            return True
        body = waiting.body.encode("utf-8", "replace")
        try:
            page = writer.read(body, account_id)
        except UnexpectedPayload as error:
            self._spool.set_aside(path, str(error))
            return True
        if malformed := writer.unusable(page, body):
            writer.keep_rejects(malformed)
            self._spool.set_aside(path, malformed[0].reason)
            return True
        observed = _credible(path, waiting, writer.clock)
        try:
            self._outdated += not writer.write(page, observed)
        except DataRefused as refused:
            self._reject(writer, body, refused)
            self._spool.set_aside(path, str(refused))
        except (DatabaseError, StandingBy) as error:
            _log.debug("could not store %s: %s", path.name, error)
            # Another process may hold the lease, and have stored a later one.
            outdated = writer.outdated(observed)
            self._outdated += outdated
            return outdated
        return True


def _credible(path: Path, waiting: Spooled, clock: ExchangeClock) -> Observed:
    """When a response was observed. A clock that was ahead dated it into the future: then it was
    when its file was written."""
    # The clock may have been set back while it waited.
    first, last = waiting.first, max(waiting.first, waiting.last)
    if last <= clock.latest_possible():
        return Observed(first, last)
    at = clock.now() - RESOLUTION  # before what is observed now
    with suppress(OSError):  # dropped just now, to make room
        at = min(at, datetime.fromtimestamp(path.stat().st_mtime, UTC))
    _log.warning(
        "spool: %s was observed in the future, at %s, by a wrong clock: storing it as of %s",
        path.name,
        last,
        at,
    )
    return Observed(min(first, at), at)
