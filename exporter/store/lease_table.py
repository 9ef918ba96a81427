"""The table of leases as one process uses it: a few statements for all accounts together.

However many accounts there are, a holder renews with one statement, and a standby looks with two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

import psycopg

from exporter.store.holder import has_ended
from exporter.store.lease import Lease
from exporter.store.queries import QUERIES
from exporter.store.session import Session
from exporter.store.takeover import EXPIRY_S, Seen

_EXPIRY = timedelta(seconds=EXPIRY_S)
_ASKING = timedelta(seconds=15)
"""How long a request counts; who goes on asking repeats it."""
_SUSPENDED = timedelta(seconds=15)
"""How long ago a transaction began whose client is taken for suspended."""


class Renewed(NamedTuple):
    """A lease of this process."""

    lease: Lease
    asked_for: bool
    """By another process, which has fewer accounts."""


class Other(NamedTuple):
    """A lease that this process does not hold."""

    seen: Seen
    holder: str
    asked_by: str | None


class LeaseTable:
    """What one holder does with its leases. Every method raises psycopg.Error."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        """The name of this process."""
        self.shared: frozenset[str] = frozenset()
        """Accounts whose request budget a command shared at the last renewal, by name."""

    def ids(self, connection: Session, names: Collection[str]) -> dict[str, str]:
        """The ids of the accounts of these names that Postgres knows by now."""
        if not names:
            return {}
        found = _execute(connection, "ids_by_name", {"names": list(names)})
        return dict(found.fetchall())

    def name(self, connection: Session, account_id: str) -> str | None:
        """The name of an account, if Postgres knows it."""
        found = _execute(connection, "name_by_id", {"account_id": account_id}).fetchone()
        return None if found is None else str(found[0])

    def renew(self, connection: Session, account_ids: Iterable[str]) -> dict[str, Renewed]:
        """Renew those of these leases that this process holds; the others are left out."""
        found = _execute(connection, "renew_leases", self._of(account_ids)).fetchall()
        self.shared = frozenset(found[0][-1]) if found else frozenset()
        return {id_: Renewed(Lease(self.holder, epoch), asked) for id_, epoch, asked, _ in found}

    def others(self, connection: Session, account_ids: Iterable[str]) -> dict[str, Other]:
        """Those of these leases that belong to other processes, or did last, or were given back."""
        found = _execute(connection, "other_leases", self._of(account_ids))
        ended = cache(has_ended)
        return {
            id_: Other(Seen(version, released or ended(holder), gone, age_s), holder, asked_by)
            for id_, version, holder, released, gone, age_s, asked_by in found
        }

    def request(self, connection: Session, account_ids: Collection[str]) -> None:
        """Ask the holders of these leases to give them back; it counts for a while."""
        wanted = {"account_ids": list(account_ids), "holder": self.holder, "lasting": _ASKING}
        _execute(connection, "request_leases", wanted)

    def take(self, connection: Session, versions: Mapping[str, str | None]) -> dict[str, Lease]:
        """Take leases that still have these versions (None: nobody ever had it); those taken.

        None is when another process takes leases right now, or holds a lock. A lock of a suspended
        process, which would hold it until it goes on, is broken for the next call.
        """
        wanted = {"account_ids": list(versions), "versions": list(versions.values())}
        parameters = wanted | {"holder": self.holder, "expiry": _EXPIRY}
        try:
            with connection.transaction():
                connection.begin()
                connection.execute(QUERIES["lock_takeover"])
                found = connection.execute(QUERIES["take_leases"], parameters).fetchall()
        except psycopg.errors.LockNotAvailable:
            found = []
        if len(found) < len(versions):
            _execute(connection, "end_suspended", {"suspended": _SUSPENDED})
        return {account_id: Lease(self.holder, epoch) for account_id, epoch in found}

    def drop_claims(
        self, connection: Session, settled: Collection[str], known: Collection[str]
    ) -> None:
        """Forget claims (see `leases`): ``settled`` of whomever, ``known`` of this process."""
        if settled or known:
            claims = {"settled": list(settled), "known": list(known), "holder": self.holder}
            _execute(connection, "drop_claims", claims)

    def release_some(self, connection: Session, account_ids: Collection[str]) -> None:
        """Let other processes have these leases at once, as far as this process holds them."""
        wanted = {"account_ids": list(account_ids), "holder": self.holder}
        _execute(connection, "release_some_leases", wanted)

    def release(self, connection: Session) -> None:
        """Let other processes have every lease at once."""
        _execute(connection, "release_leases", {"holder": self.holder})

    def _of(self, account_ids: Iterable[str]) -> dict[str, object]:
        return {"account_ids": list(account_ids), "holder": self.holder, "expiry": _EXPIRY}


def _execute(
    connection: Session, name: str, parameters: Mapping[str, object]
) -> psycopg.Cursor[tuple[Any, ...]]:
    """Execute a statement in a transaction of its own."""
    with connection.statement():
        return connection.execute(QUERIES[name], parameters)
