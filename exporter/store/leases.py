"""One writer per account: a lease with an epoch, held over a dedicated connection.

Each writing transaction checks holder and epoch (`loader.check`), so a process that was paused
and wakes up late can no longer write. A lease expires when it is not renewed, and at once when
the connection that took it is gone: a restart after a crash does not have to wait.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import psycopg

from exporter.model.errors import ExporterError
from exporter.store.loader import Lease
from exporter.store.queries import QUERIES

_log = logging.getLogger(__name__)
_TIME_TO_LIVE = timedelta(seconds=30)
_RELEASE_TIMEOUT_S = 1.0
_OPTIONS = "-c lock_timeout=1s -c statement_timeout=5s"


class Leases:
    """Takes and renews the leases of accounts. Safe to use from any thread.

    ``address`` returns a libpq URL and may raise ExporterError. ``holder`` must be unique to this
    process. All leases are renewed every ``renew_every_s`` seconds, and every ``retry_every_s``
    while one is missing: after an outage, and while another process may be about to end.
    """

    def __init__(
        self,
        address: Callable[[], str],
        holder: str,
        *,
        renew_every_s: float = 5.0,
        retry_every_s: float = 1.0,
    ) -> None:
        self._address = address
        self._holder = holder
        self._renew_every_s = renew_every_s
        self._retry_every_s = retry_every_s
        self._wanted: set[str] = set()
        self._tried: set[str] = set()
        self._held: dict[str, Lease] = {}
        self._elsewhere: set[str] = set()
        self._connection: psycopg.Connection | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def start(self) -> None:
        """Start the thread that renews."""
        self._thread.start()

    def get(self, account_id: str) -> Lease | None:
        """The lease of an account; None while another process holds it or Postgres is away.

        The first call for an account tries to take the lease; later ones return what is known.
        """
        if account_id not in self._tried:
            with self._lock:
                if account_id not in self._tried:
                    self._wanted.add(account_id)
                    self._renew()
                    # Last, so that a thread that calls meanwhile waits for the result.
                    self._tried.add(account_id)
        # Without the lock, because a renewal that hangs must not block threads that poll.
        return self._held.get(account_id)

    def held_elsewhere(self, account_id: str) -> bool:
        """Whether another process holds the lease, as of the last successful renewal.

        While Postgres is away the last holder continues and no other process takes over.
        """
        return account_id in self._elsewhere

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease of every account that `get` was called for."""
        return self._held.keys() >= self._wanted

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
            for account_id in self._held:
                self._connection.execute(
                    QUERIES["release_lease"],
                    {"account_id": account_id, "holder": self._holder},
                )
        except psycopg.Error as error:
            _log.debug("could not release the leases, they will expire: %s", error)
        self._forget()

    def _keep(self) -> None:
        while not self._stopped.wait(self._interval_s()):
            with self._lock:
                if not self._stopped.is_set():
                    self._renew()

    def _interval_s(self) -> float:
        return self._renew_every_s if self.leading else self._retry_every_s

    def _renew(self) -> None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._address(), autocommit=True, connect_timeout=5, options=_OPTIONS
                )
            for account_id in sorted(self._wanted):
                # A transaction that checked the lease is still open: the holder stays the same.
                with suppress(psycopg.errors.LockNotAvailable):
                    self._take(self._connection, account_id)
        except (psycopg.Error, ExporterError) as error:
            _log.debug("could not renew the leases: %s", error)
            self._forget()

    def _take(self, connection: psycopg.Connection, account_id: str) -> None:
        row = connection.execute(
            QUERIES["take_lease"],
            {"account_id": account_id, "holder": self._holder, "ttl": _TIME_TO_LIVE},
        ).fetchone()
        if row is not None:
            self._held[account_id] = Lease(self._holder, row[0])
            if account_id in self._elsewhere:
                self._elsewhere.remove(account_id)
                _log.info("took over the lease of an account", extra={"account_id": account_id})
            return
        if self._held.pop(account_id, None) is not None:
            _log.warning(
                "lost the lease of an account to another process", extra={"account_id": account_id}
            )
        self._elsewhere.add(account_id)

    def _forget(self) -> None:
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
