"""One writer per account: a lease with an epoch, held over a dedicated connection.

Each writing transaction checks holder and epoch (`loader.check`), so a process that was paused
and wakes up late can no longer write. A lease expires when it is not renewed, and at once when
the connection that took it is gone: a restart after a crash does not have to wait.

A thread does the asking; everybody else reads what it found. While Postgres is away the last holder
continues and no other process takes over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal

import psycopg

from exporter.model.errors import ExporterError
from exporter.store.loader import Lease
from exporter.store.pool import message_of
from exporter.store.queries import QUERIES
from exporter.store.session import MEANING, Session, connect

_log = logging.getLogger(__name__)
_TIME_TO_LIVE = timedelta(seconds=30)
_RELEASE_TIMEOUT_S = 1.0
_LIBPQ: Mapping[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}
"""A server that hangs or vanished is noticed before a lease expires."""
_SETTINGS = {
    **MEANING,
    "lock_timeout": "1s",
    "statement_timeout": "5s",
    "idle_session_timeout": "0",
}

LeaseState = Literal["unknown", "unclaimed", "held", "elsewhere"]
"""``unknown``: Postgres has not answered yet. ``unclaimed``: Postgres does not know the account, so
no process can hold its lease. ``held``: by this process. ``elsewhere``: by another one."""


def _ignore(_account: str) -> None:
    """Nobody listens."""


class Leases:
    """Takes and renews the leases of accounts. Safe to use from any thread.

    ``address`` returns a libpq URL and may raise ExporterError. ``holder`` must be unique to this
    process. ``accounts`` maps the names of the accounts to their ids; an id that is None is looked
    up in Postgres. ``on_change`` is called with the name of an account whose state has changed.
    All leases are renewed every ``renew_every_s`` seconds, and every ``retry_every_s`` while one is
    missing: after an outage, and while another process may be about to end.
    """

    def __init__(
        self,
        address: Callable[[], str],
        holder: str,
        accounts: Mapping[str, str | None] | None = None,
        *,
        on_change: Callable[[str], None] = _ignore,
        renew_every_s: float = 5.0,
        retry_every_s: float = 1.0,
    ) -> None:
        self._address = address
        self._holder = holder
        self.on_change = on_change
        self._renew_every_s = renew_every_s
        self._retry_every_s = retry_every_s
        self._ids = dict(accounts or {})
        self._wanted = {account_id for account_id in self._ids.values() if account_id is not None}
        self._tried: set[str] = set()
        self._answered = False
        self._held: dict[str, Lease] = {}
        """What may be used to write now."""
        self._ours: set[str] = set()
        """Whose lease this process held when Postgres last answered."""
        self._elsewhere: set[str] = set()
        self.why_unknown = "Postgres was not asked yet"
        """Why no lease can be taken or renewed; empty while they can."""
        self._connection: Session | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def start(self) -> None:
        """Start the thread that takes and renews, at once."""
        self._thread.start()

    def state(self, account: str) -> LeaseState:
        """Who holds the lease of an account, by its name, as Postgres said last. Never waits."""
        account_id = self._ids.get(account)
        if account_id is None:
            return "unclaimed" if self._answered else "unknown"
        if account_id in self._elsewhere:
            return "elsewhere"
        return "held" if account_id in self._ours else "unknown"

    def get(self, account_id: str) -> Lease | None:
        """The lease of an account; None while another process holds it or Postgres is away.

        The first call for an account that was not named before tries to take its lease.
        """
        if account_id not in self._tried:
            before = self._states()
            with self._lock:
                if account_id not in self._tried:
                    self._wanted.add(account_id)
                    self._renew()
                    # Last, so that a thread that calls meanwhile waits for the result.
                    self._tried.add(account_id)
            self._announce(before)
        # Without the lock, because a renewal that hangs must not block threads that poll.
        return self._held.get(account_id)

    def report_lost(self, account_id: str, lease: Lease) -> None:
        """A transaction found ``lease`` invalid: another process has taken it over."""
        if self._held.get(account_id) != lease:
            return
        before = self._states()
        self._held.pop(account_id, None)
        self._move_elsewhere(account_id)
        self._announce(before)

    def held_elsewhere(self, account_id: str) -> bool:
        """Whether another process holds the lease of an account, by its id."""
        return account_id in self._elsewhere

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease of every account, as far as Postgres knows them."""
        return self._ours >= self._wanted and "unknown" not in self._states().values()

    def renew(self) -> None:
        """Take or renew every lease once: what the thread does at intervals."""
        before = self._states()
        with self._lock:
            if not self._stopped.is_set():
                self._renew()
        self._announce(before)

    def stop(self) -> None:
        """Release the leases, unless Postgres does not respond within a second."""
        self._stopped.set()
        if not self._lock.acquire(timeout=_RELEASE_TIMEOUT_S):
            return
        try:
            self._release()
        finally:
            self._lock.release()

    def _release(self) -> None:
        if self._connection is None:
            return
        try:
            for account_id in list(self._held):
                self._connection.execute(
                    QUERIES["release_lease"],
                    {"account_id": account_id, "holder": self._holder},
                )
        except psycopg.Error as error:
            _log.debug("could not release the leases, they will expire: %s", error)
        self._disconnect()

    def _keep(self) -> None:
        while not self._stopped.is_set():
            try:
                self.renew()
            except Exception:  # noqa: BLE001  without renewals every lease would be lost
                _log.exception("bug: unhandled exception while renewing the leases")
            self._stopped.wait(self._interval_s())

    def _interval_s(self) -> float:
        complete = self._held.keys() >= self._wanted and None not in self._ids.values()
        return self._renew_every_s if complete else self._retry_every_s

    def _renew(self) -> None:
        if self._stopped.is_set():
            return
        try:
            if self._connection is None:
                self._connection = connect(self._address(), _SETTINGS, autocommit=True, **_LIBPQ)
            self._look_up(self._connection)
            for account_id in sorted(self._wanted):
                self._take(self._connection, account_id)
                self._tried.add(account_id)
            self._answered, self.why_unknown = True, ""
        except (psycopg.Error, ExporterError) as error:
            self._explain(message_of(error))
            self._disconnect()

    def _explain(self, why: str) -> None:
        """Log a cause once."""
        level = logging.DEBUG if why == self.why_unknown else logging.WARNING
        self.why_unknown = why
        _log.log(level, "could not take or renew the leases: %s", why)

    def _look_up(self, connection: Session) -> None:
        """Learn the ids of accounts that Postgres knows by now."""
        names = [name for name, account_id in self._ids.items() if account_id is None]
        if names:
            for name, account_id in connection.execute(QUERIES["ids_by_name"], {"names": names}):
                self._ids[name] = account_id
                self._wanted.add(account_id)

    def _take(self, connection: Session, account_id: str) -> None:
        try:
            with connection.statement():
                row = connection.execute(
                    QUERIES["take_lease"],
                    {"account_id": account_id, "holder": self._holder, "ttl": _TIME_TO_LIVE},
                ).fetchone()
        except psycopg.errors.LockNotAvailable:
            # A transaction of the holder's is open: the holder stays the same.
            if account_id not in self._ours:
                self._move_elsewhere(account_id)
            return
        if row is None:
            self._held.pop(account_id, None)
            self._move_elsewhere(account_id)
            return
        self._held[account_id] = Lease(self._holder, row[0])
        self._ours.add(account_id)
        if account_id in self._elsewhere:
            self._elsewhere.remove(account_id)
            _log.info("took over the lease of an account", extra={"account_id": account_id})

    def _move_elsewhere(self, account_id: str) -> None:
        facts = {"account_id": account_id}
        if account_id in self._ours:
            self._ours.discard(account_id)
            _log.warning("lost the lease of an account to another process", extra=facts)
        elif account_id not in self._elsewhere:
            _log.info("standing by: another process holds the lease of an account", extra=facts)
        self._elsewhere.add(account_id)

    def _states(self) -> dict[str, LeaseState]:
        return {account: self.state(account) for account in list(self._ids)}

    def _announce(self, before: Mapping[str, LeaseState]) -> None:
        """Outside of the lock: whoever listens may ask for a lease."""
        for account, state in self._states().items():
            if state != before.get(account):
                self.on_change(account)

    def _disconnect(self) -> None:
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
