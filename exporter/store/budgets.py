"""What a token has spent of its request budget, where more than one process sends with it.

The holder of an account's lease keeps its budget by itself, so that a request costs no statement.
When the account moves, the budget moves along: who lets it go writes down when all of a burst may
be sent again, and of one that crashed all of it counts as spent. While a command sends with the
same token (`share`), each request of both is taken from one row. The command waits until the
service has acknowledged that, which it does with its next renewal of leases.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from math import inf
from typing import Any, Protocol

import psycopg

from exporter.model.errors import DatabaseError
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID
from exporter.store.database import Connection, Database
from exporter.store.holder import has_ended
from exporter.store.lease_view import claim_of
from exporter.store.queries import QUERIES
from exporter.store.session import Session

_log = logging.getLogger(__name__)
_SHARED = timedelta(seconds=15)
"""How long a budget stays shared after the last request of a command."""
_NOT_LONGER = timedelta(0)
_ACKNOWLEDGED_WITHIN_S = 12.0
_LOOK_EVERY_S = 0.2
_ASK_AGAIN_S = 0.01
"""The shortest wait: another process may just have taken what was left."""


class Common(Protocol):
    """A budget that others take from, too."""

    def take(self, ahead_s: float, interval_s: float) -> float:
        """Take one request that may be sent while the budget is full in ``ahead_s`` at most; 0, or
        the seconds to wait before asking again. One more costs ``interval_s``."""

    def drain(self, full_in_s: float) -> None:
        """Let it be full no earlier than in so many seconds."""


class Bucket(Protocol):
    """The budget of one token in this process."""

    @property
    def full_in_s(self) -> float:
        """Seconds until all of a burst may be sent."""

    @property
    def burst_s(self) -> float:
        """The same when all of it was just sent."""

    def drain(self, full_in_s: float = inf) -> None:
        """Let it be full so late; all of it counts as spent at most."""

    def join(self, common: Common | None) -> None:
        """Take each request from ``common``, too; None: from nowhere else."""


class Budgets:
    """The budgets of the accounts of one process, and what it knows of others who spend them.

    ``buckets`` returns them by account name. ``holder``: see `leases`; None for a command.
    ``database`` returns the database and may raise DatabaseError. ``wait`` waits so many seconds,
    or until the process ends.
    """

    def __init__(
        self,
        buckets: Callable[[], Mapping[str, Bucket]],
        holder: str | None,
        database: Callable[[], Database],
        wait: Callable[[float], object],
    ) -> None:
        self._buckets = buckets
        self._holder = holder
        self._database = database
        self._wait = wait
        self._shared: frozenset[str] = frozenset()

    def taken(self, connection: Session, accounts: Collection[str]) -> None:
        """These accounts have come to this process, which has sent nothing for them yet."""
        found = _execute(connection, "take_budgets", {"accounts": list(accounts)}).fetchall()
        buckets = self._buckets()
        for account, full_in_s, _ in found:
            if account in buckets:
                buckets[account].drain(inf if full_in_s is None else max(full_in_s, 0.0))
        # Not only with the next renewal: a command may be sending right now.
        self.follow(connection, self._shared | {one for one, _, shared in found if shared})

    def given(self, connection: Session, accounts: Collection[str]) -> None:
        """These accounts may go to another process."""
        _execute(connection, "give_budgets", _spent(self._buckets(), accounts))

    def follow(self, connection: Session, shared: Collection[str]) -> None:
        """Take requests where commands take theirs, of these accounts that this process holds, and
        no longer of others."""
        buckets, wanted = self._buckets(), frozenset(shared)
        for account in wanted & buckets.keys():
            buckets[account].join(_Shared(self, account))
        if wanted - self._shared:
            spent = _spent(buckets, wanted) | {"holder": self._holder}
            _execute(connection, "acknowledge_budgets", spent)
        if ended := self._shared - wanted:
            for account in ended & buckets.keys():
                buckets[account].drain()
                buckets[account].join(None)
            _execute(connection, "keep_budgets", {"accounts": list(ended)})
        self._shared = wanted

    def share(self, accounts: Collection[str]) -> None:
        """As a command, take each request of these accounts from Postgres, as the services do that
        hold them, from when this returns. Raises DatabaseError."""
        buckets = self._buckets()
        for account in accounts:
            buckets[account].join(_Shared(self, account))
        self._register(accounts)

    def _register(self, accounts: Collection[str]) -> None:
        burst_s = max((self._buckets()[account].burst_s for account in accounts), default=0.0)
        database = self._database()
        database.run(_share, accounts, timedelta(seconds=burst_s))
        for _ in range(round(_ACKNOWLEDGED_WITHIN_S / _LOOK_EVERY_S)):
            waiting = database.look(_unacknowledged, accounts)
            if not waiting:
                return
            self._wait(_LOOK_EVERY_S)
        _log.warning(
            "the service that reads %s does not share its request budget: it may be of an earlier"
            " version, or hang; together the two may exceed the limit",
            ", ".join(sorted(waiting)),
        )

    def take(self, account: str, ahead_s: float, interval_s: float) -> float:
        """See `Common.take`. Without Postgres, each process keeps to its own budget."""
        lasting = _SHARED if self._holder is None else _NOT_LONGER
        wanted = {
            "account": account,
            "ahead": timedelta(seconds=ahead_s),
            "interval": timedelta(seconds=interval_s),
            "lasting": lasting,
        }
        try:
            found = self._database().run_briefly(_take, wanted)
        except DatabaseError:
            return 0.0
        taken, shared, wait_s = found or (False, False, None)
        if taken or (not shared and self._holder is not None):
            return 0.0
        if not shared:
            # It was silent for so long that the service no longer takes its requests here.
            self._register([account])
            return _ASK_AGAIN_S
        return max(wait_s or 0.0, _ASK_AGAIN_S)

    def drain(self, account: str, full_in_s: float) -> None:
        """See `Common.drain`."""
        drained = {"account": account, "full_in": timedelta(seconds=full_in_s)}
        with suppress(DatabaseError):
            self._database().run_briefly(_drain, drained)


class _Shared:
    """The shared budget of one account."""

    def __init__(self, budgets: Budgets, account: str) -> None:
        self._budgets = budgets
        self._account = account

    def take(self, ahead_s: float, interval_s: float) -> float:
        """See `Common.take`."""
        return self._budgets.take(self._account, ahead_s, interval_s)

    def drain(self, full_in_s: float) -> None:
        """See `Common.drain`."""
        self._budgets.drain(self._account, full_in_s)


def _spent(buckets: Mapping[str, Bucket], accounts: Collection[str]) -> dict[str, object]:
    known = {name: buckets[name].full_in_s for name in accounts if name in buckets}
    return {"accounts": list(known), "full_in_s": list(known.values())}


def _share(connection: Connection, accounts: Collection[str], burst: timedelta) -> None:
    wanted = {"accounts": list(accounts), "burst": burst, "lasting": _SHARED}
    connection.execute(QUERIES["share_budgets"], wanted)


def _unacknowledged(connection: Connection, accounts: Collection[str]) -> set[str]:
    claims = [PUBLIC_ACCOUNT_ID if one == PUBLIC_ACCOUNT else claim_of(one) for one in accounts]
    wanted = {"accounts": list(accounts), "claims": claims}
    found = connection.execute(QUERIES["unacknowledged_budgets"], wanted)
    return {account for account, holder in found.fetchall() if not has_ended(holder)}


def _take(
    connection: Connection, wanted: Mapping[str, object]
) -> tuple[bool, bool, float | None] | None:
    return connection.execute(QUERIES["take_request"], wanted).fetchone()


def _drain(connection: Connection, drained: Mapping[str, object]) -> None:
    connection.execute(QUERIES["drain_budget"], drained)


def _execute(
    connection: Session, name: str, parameters: Mapping[str, object]
) -> psycopg.Cursor[tuple[Any, ...]]:
    """Execute a statement in a transaction of its own."""
    with connection.statement():
        return connection.execute(QUERIES[name], parameters)
