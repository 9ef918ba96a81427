"""What a sync pass needs to know of Postgres: whether it is up, and which accounts it may write."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from exporter.model.errors import Connecting, DatabaseBusy, DatabaseError, LeaseLost, StandingBy
from exporter.store.database import Connection, Database
from exporter.store.lease import Lease
from exporter.store.leases import Leases

T = TypeVar("T")

LEASE_WAIT_S = 10.0
"""How long a service that starts waits for Postgres to say who holds an account: less when the
first attempt to connect fails, which one to a Postgres that hangs does after 5 s."""


class Storage:
    """The database and the leases of one process. Safe to use from any thread.

    ``database`` is None when the process only exports metrics. ``leases`` is None for a command,
    which writes beside the service: only the stream locks serialize the two. ``monotonic`` returns
    seconds that never go back. ``lease_wait_s``: how long, from now on, an account is not read
    while it is not known yet whether another process holds its lease.
    """

    def __init__(
        self,
        database: Database | None,
        leases: Leases | None,
        monotonic: Callable[[], float] = time.monotonic,
        lease_wait_s: float = LEASE_WAIT_S,
    ) -> None:
        self.database = database
        self._leases = leases
        self._monotonic = monotonic
        self._lease_wait_s = lease_wait_s
        self._lease_deadline = monotonic() + lease_wait_s

    @property
    def up(self) -> bool:
        """Whether transactions are accepted."""
        return self.database is not None and self.database.up

    def writable(self) -> Database:
        """The database. Raises DatabaseError while it is away, Connecting before the first try."""
        if self.database is None:
            raise DatabaseError("there is no database: DATABASE_URL is `none`")
        if self.database.up:
            return self.database
        if not self.database.tried:
            raise Connecting("Postgres is not connected yet")
        raise self.database.away.error()

    def check_lease(self, account: str) -> None:
        """Whether an account may be read, by its name: asked before each request or window.

        Raises StandingBy while another process holds its lease, and Connecting while the answer to
        that is under way at the start. When Postgres cannot tell, the account is read: what is
        shown does not wait for Postgres. Never waits.
        """
        state = "held" if self._leases is None else self._leases.state(account)
        if state == "elsewhere":
            raise StandingBy("another process holds the lease of this account")
        if state == "unknown" and self._answer_expected():
            raise Connecting("the lease of this account is being requested")

    def follow(self, account: str, account_id: str | None = None) -> None:
        """One more account is read and written, by its name: its lease is needed."""
        if self._leases is not None:
            self._lease_deadline = self._monotonic() + self._lease_wait_s
            self._leases.follow(account, account_id)

    def leave(self, account: str, account_id: str | None = None) -> None:
        """An account is read and written no more, and another process may have it at once."""
        if self._leases is not None:
            self._leases.leave(account, account_id)

    def _answer_expected(self) -> bool:
        database = self.database
        reachable = database is not None and (database.up or not database.tried)
        return reachable and self._monotonic() < self._lease_deadline

    def run_leased(
        self,
        account_id: str,
        work: Callable[[Connection, Lease | None], T],
        *,
        briefly: bool = False,
        ahead: bool = False,
    ) -> T:
        """Run ``work`` in one transaction, under the lease of the account; a command has None.

        ``briefly``, ``ahead``: see `Database.run_briefly` and `Database.run_ahead`. Raises
        StandingBy while another process holds the lease (LeaseLost if the transaction found that
        out), DatabaseError while that is not known or Postgres is away.
        """
        database = self.writable()
        usual, run_ahead = database.run, database.run_ahead
        if briefly:
            usual, run_ahead = database.run_briefly, database.run_ahead_briefly
        run = run_ahead if ahead else usual
        if self._leases is None:
            return run(work, None)
        lease = self._leases.get(account_id)
        if lease is None:
            if self._leases.held_elsewhere(account_id):
                raise StandingBy("another process holds the lease of this account")
            why = self._leases.why_unknown or "a transaction holds it"
            raise DatabaseError(f"could not renew the lease of this account: {why}")
        try:
            return run(work, lease)
        except LeaseLost:
            self._leases.report_lost(account_id, lease)
            raise

    @property
    def leading(self) -> bool:
        """Whether this process holds the leases of all its accounts, or needs none."""
        return self._leases is None or self._leases.leading

    def leads(self, account: str) -> bool:
        """Whether this process holds the lease of an account, by its name, or needs none.

        False until Postgres has said so: several processes may start in the same moment.
        """
        return self._leases is None or self._leases.state(account) == "held"

    def stands_by(self, account: str) -> bool:
        """Whether another process holds the lease of an account, by its name."""
        return self._leases is not None and self._leases.state(account) == "elsewhere"

    def repeats_outage(self, error: Exception) -> bool:
        """Whether ``error`` only repeats that Postgres is away or busy, which is logged already."""
        return isinstance(error, DatabaseBusy) or (isinstance(error, DatabaseError) and not self.up)

    def close(self) -> None:
        """Release the leases and close every connection."""
        if self._leases is not None:
            self._leases.stop()
        if self.database is not None:
            self.database.close()
