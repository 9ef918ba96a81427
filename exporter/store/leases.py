"""One writer per account: a lease with an epoch, held over a connection of its own.

Each writing transaction checks holder and epoch (`loader.check`), so a process that was paused
and wakes up late cannot write any more. The lease ends by itself when it is not renewed, and at
once when the connection that took it is gone: a restart after a crash does not wait.
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
_RENEW_EVERY_S = 5.0
_ASK_EVERY_S = 1.0
"""While one is missing: after an outage, and when another process is about to end."""
_STOP_WITHIN_S = 1.0
_OPTIONS = "-c lock_timeout=1s -c statement_timeout=5s"


class Leases:
    """Takes and keeps the leases of accounts; ``holder`` must be unique to this process."""

    def __init__(self, address: Callable[[], str], holder: str) -> None:
        self._address = address
        self._holder = holder
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._held: dict[str, Lease] = {}
        self._elsewhere: set[str] = set()
        self._connection: psycopg.Connection | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to take and renew."""
        self._thread.start()

    def get(self, account_id: str) -> Lease | None:
        """The lease of an account, or None while another process holds it (or Postgres is away)."""
        if account_id not in self._asked:
            with self._lock:
                if account_id not in self._asked:
                    self._wanted.add(account_id)
                    self._renew()
                    # Only now: whoever comes meanwhile waits for the answer.
                    self._asked.add(account_id)
        # Without the lock: a renewal that hangs must hold up nobody who polls.
        return self._held.get(account_id)

    def held_elsewhere(self, account_id: str) -> bool:
        """Whether another process holds the lease, as Postgres said when it last answered.

        While Postgres is away the last holder goes on, and nobody else begins.
        """
        return account_id in self._elsewhere

    @property
    def leading(self) -> bool:
        """Whether every account that was asked for is ours."""
        return self._held.keys() >= self._wanted

    def stop(self) -> None:
        """Give the leases back, if Postgres lets us."""
        self._stopped.set()
        if not self._lock.acquire(timeout=_STOP_WITHIN_S):
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
            _log.debug("leases end by themselves: %s", error)
        self._forget()

    def _keep(self) -> None:
        while not self._stopped.wait(_RENEW_EVERY_S if self.leading else _ASK_EVERY_S):
            with self._lock:
                if not self._stopped.is_set():
                    self._renew()

    def _renew(self) -> None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._address(), autocommit=True, connect_timeout=5, options=_OPTIONS
                )
            for account_id in sorted(self._wanted):
                # A transaction under the lease is under way: it stays whose it is until then.
                with suppress(psycopg.errors.LockNotAvailable):
                    self._take(self._connection, account_id)
        except (psycopg.Error, ExporterError) as error:
            _log.debug("cannot renew leases: %s", error)
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
            told = {"account_id": account_id}
            _log.warning("lost the lease of an account to another process", extra=told)
        self._elsewhere.add(account_id)

    def _forget(self) -> None:
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
