"""What a sync pass needs to know of Postgres: whether it is up, and which accounts it may write."""

from __future__ import annotations

from exporter.model.errors import DatabaseError, NotYet, StandingBy
from exporter.store.database import Database
from exporter.store.leases import Leases
from exporter.store.loader import Lease


class Storage:
    """The database and the leases of one process. Safe to use from any thread.

    ``database`` is None when the process only exports metrics. ``leases`` is None for a command,
    which writes beside the service: only the stream locks serialize the two.
    """

    def __init__(self, database: Database | None, leases: Leases | None) -> None:
        self.database = database
        self._leases = leases

    @property
    def up(self) -> bool:
        """Whether transactions are accepted."""
        return self.database is not None and self.database.up

    def writable(self) -> Database:
        """The database. Raises DatabaseError while it is away, NotYet before the first attempt."""
        if self.database is None:
            raise DatabaseError("there is no database: DATABASE_URL is `none`")
        if not self.database.tried:
            raise NotYet("Postgres is not connected yet")
        if not self.database.up:
            raise DatabaseError(f"Postgres is away: {self.database.why_away}")
        return self.database

    def lease(self, account_id: str) -> Lease | None:
        """The lease of an account; None for a command, which needs none.

        Raises StandingBy while another process holds it, DatabaseError while that is not known.
        """
        if self._leases is None:
            return None
        lease = self._leases.get(account_id)
        if lease is not None:
            return lease
        if self._leases.held_elsewhere(account_id):
            raise StandingBy("another process holds the lease of this account")
        raise DatabaseError("could not renew the lease of this account")

    def held_elsewhere(self, account_id: str) -> bool:
        """Whether another process holds the lease of an account, as far as is known."""
        if self._leases is None:
            return False
        if self.up:
            self._leases.get(account_id)  # the first call tries to take it
        return self._leases.held_elsewhere(account_id)

    @property
    def leased(self) -> bool:
        """Whether this process needs a lease to write an account."""
        return self._leases is not None

    @property
    def leading(self) -> bool:
        """Whether this process holds every lease that it wants; a command wants none."""
        return self._leases is None or self._leases.leading

    def repeats_outage(self, error: Exception) -> bool:
        """Whether ``error`` only repeats that Postgres is away, which was logged already."""
        return isinstance(error, DatabaseError) and not self.up

    def close(self) -> None:
        """Release the leases and close every connection."""
        if self._leases is not None:
            self._leases.stop()
        if self.database is not None:
            self.database.close()
