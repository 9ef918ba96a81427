"""One account: its client, and the identity that the exchange gives it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock, Witness
from exporter.api.exchange_time import ExchangeTime
from exporter.api.identity import identify, made_up
from exporter.model.errors import UnexpectedPayload
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, Partition, Stream
from exporter.store import bookkeeping
from exporter.store.storage import Storage

_log = logging.getLogger(__name__)
_DEADLINE_S = 20.0


class Account:
    """One configured account; ``public`` is the one without a token.

    ``token`` returns the current token, None without one. ``account_id`` is what the exchange
    echoes, a UUID in lower case; None until it is learned.
    """

    def __init__(
        self,
        name: str,
        client: Client,
        clock: ExchangeClock,
        token: Callable[[], str | None],
        storage: Storage,
    ) -> None:
        self.name = name
        self.client = client
        self.clock = clock
        self.token = token
        self._storage = storage
        public = name == PUBLIC_ACCOUNT
        self.account_id: str | None = PUBLIC_ACCOUNT_ID if public else None
        self._stored = public
        self._time = ExchangeTime(client, clock)

    @property
    def public(self) -> bool:
        """Whether it stands for the streams that need no token."""
        return self.name == PUBLIC_ACCOUNT

    def now(self) -> datetime:
        """The exchange's time, aware UTC: see `ExchangeTime.now`."""
        return self._time.now()

    def observed_at(self, steady: float) -> datetime:
        """The exchange's time at an instant of the steady clock, whatever is known of it."""
        return self._time.at(steady)

    def stated(self, endpoint: str, since: float) -> datetime | None:
        """The lowest time that responses stated if they were older than now: `ExchangeClock`."""
        return self.clock.stated(Witness(self.name, endpoint), since)

    def check_lease(self) -> None:
        """Raises StandingBy while another process holds the account's lease, and Connecting at the
        start, until that is known: see `Storage.check_lease`. Sends no request and never waits."""
        self._storage.check_lease(self.name)

    def partition(self, stream: Stream, instrument: str = "") -> Partition:
        """What a pass of ``stream`` reads and writes. Raises as `identified`."""
        return Partition(self.name, self.identified(), stream.name, instrument)

    def learn(self, account_id: str) -> None:
        """A response named its account. Raises UnexpectedPayload unless it is the known one."""
        account_id = account_id.lower()
        if self.account_id is None:
            self.account_id = account_id
        elif self.account_id != account_id:
            raise UnexpectedPayload(
                f"account {self.name!r} is {self.account_id}, but its token now reads "
                f"{account_id}: configure the new account under another name"
            )
        if not self._stored and self._storage.up:
            database = self._storage.writable()
            database.run_briefly(bookkeeping.remember_account, self.name, account_id)
            self._stored = True

    def identified(self) -> str:
        """The account's id: known, stored, or requested. Raises ExchangeError, DatabaseError.

        Where no response names the account, the id is made from the configured name.
        """
        if self.account_id is not None and self._stored:
            return self.account_id
        found = self.account_id
        if found is None:
            found = self._storage.writable().look(bookkeeping.account_id, self.name)
        if found is None:
            found = identify(self.client, deadline_s=_DEADLINE_S)
        if found is None:
            found = made_up(self.name)
            _log.warning("no response names the account: using an id made from its name: %s", found)
        self.learn(found)
        return found
