"""The table of leases as one process uses it: a few statements for all accounts together.

However many accounts there are, a holder renews with one statement, and a standby looks with two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

import psycopg

from exporter.store.holder import has_ended
from exporter.store.loader import Lease
from exporter.store.pool import Connection
from exporter.store.queries import QUERIES
from exporter.store.takeover import EXPIRY_S, Seen

_EXPIRY = timedelta(seconds=EXPIRY_S)


class LeaseTable:
    """What one holder does with its leases. Every method raises psycopg.Error."""

    def __init__(self, holder: str) -> None:
        self._holder = holder

    def ids(self, connection: Connection, names: Collection[str]) -> dict[str, str]:
        """The ids of the accounts of these names that Postgres knows by now."""
        if not names:
            return {}
        return dict(connection.execute(QUERIES["ids_by_name"], {"names": list(names)}).fetchall())

    def name(self, connection: Connection, account_id: str) -> str | None:
        """The name of an account, if Postgres knows it."""
        found = connection.execute(QUERIES["name_by_id"], {"account_id": account_id}).fetchone()
        return None if found is None else str(found[0])

    def renew(self, connection: Connection, account_ids: Iterable[str]) -> dict[str, Lease]:
        """Renew those of these leases that this process holds; the others are left out."""
        found = connection.execute(QUERIES["renew_leases"], self._of(account_ids))
        return {account_id: Lease(self._holder, epoch) for account_id, epoch in found}

    def others(self, connection: Connection, account_ids: Iterable[str]) -> dict[str, Seen]:
        """Those of these leases that belong to other processes, or did last."""
        found = connection.execute(QUERIES["other_leases"], self._of(account_ids))
        return {
            account_id: Seen(version, released or has_ended(holder), gone, age_s)
            for account_id, version, holder, released, gone, age_s in found
        }

    def take(self, connection: Connection, versions: Mapping[str, str | None]) -> dict[str, Lease]:
        """Take leases that still have these versions (None: nobody ever had it); those taken.

        None is when another process takes leases right now, or holds a lock.
        """
        wanted = {"account_ids": list(versions), "versions": list(versions.values())}
        parameters = wanted | {"holder": self._holder, "expiry": _EXPIRY}
        try:
            with connection.transaction():
                connection.execute(QUERIES["lock_takeover"])
                found = connection.execute(QUERIES["take_leases"], parameters).fetchall()
        except psycopg.errors.LockNotAvailable:
            return {}
        return {account_id: Lease(self._holder, epoch) for account_id, epoch in found}

    def drop_claims(
        self, connection: Connection, settled: Collection[str], known: Collection[str]
    ) -> None:
        """Forget claims (see `leases`): ``settled`` of whomever, ``known`` of this process."""
        if settled or known:
            claims = {"settled": list(settled), "known": list(known), "holder": self._holder}
            connection.execute(QUERIES["drop_claims"], claims)

    def release(self, connection: Connection) -> None:
        """Let other processes have every lease at once."""
        connection.execute(QUERIES["release_leases"], {"holder": self._holder})

    def _of(self, account_ids: Iterable[str]) -> dict[str, object]:
        return {"account_ids": list(account_ids), "holder": self._holder, "expiry": _EXPIRY}
