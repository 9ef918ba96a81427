"""What a pass works with: the accounts it asks for, and where it keeps and shows what it learns."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.identity import identify, made_up
from exporter.logs import context
from exporter.metrics import Instrumentation, ServiceMetrics, StreamMetrics
from exporter.model.errors import DatabaseError, NotYet, UnexpectedAnswer, UnexpectedPayload
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, Partition, Stream
from exporter.store import bookkeeping
from exporter.store.database import Database
from exporter.store.leases import Leases
from exporter.store.loader import Lease
from exporter.store.spool import Spool

_log = logging.getLogger(__name__)
_DEFAULT_HISTORY = timedelta(days=30)
_TIME_DEADLINE_S = 20.0


@dataclass
class Account:
    """One account that is read; ``public`` is the one without a token.

    ``account_id`` is what the exchange echoes; None until it is learned.
    """

    name: str
    client: Client
    clock: ExchangeClock
    token: Callable[[], str | None]
    account_id: str | None = None
    stored: bool = False
    """Postgres knows the account under this name."""

    def __post_init__(self) -> None:
        if self.name == PUBLIC_ACCOUNT:
            self.account_id, self.stored = PUBLIC_ACCOUNT_ID, True

    def now(self) -> datetime:
        """The exchange's time. Raises ExchangeError when it is not known and cannot be asked.

        Only an exchange that tells its time nowhere leaves us with our own clock.
        """
        if not self.clock.known:
            with suppress(UnexpectedAnswer):
                self.client.server_time(deadline_s=_TIME_DEADLINE_S)
        if not self.clock.known:
            _log.warning("the exchange does not tell its time: ours is taken for it")
            self.clock.known = True
        return self.clock.now()


@dataclass
class Parts:
    """The things that all passes share."""

    accounts: Mapping[str, Account]
    stream_metrics: StreamMetrics
    instrumentation: Instrumentation
    service_metrics: ServiceMetrics
    stop: threading.Event
    database: Database | None
    """None: metrics only."""
    leases: Leases | None
    """None: a command that writes beside the service; only the streams' locks order it."""
    spool: Spool
    intervals: Mapping[str, timedelta] = field(default_factory=dict)
    history_start: datetime | None = None
    monotonic: Callable[[], float] = time.monotonic
    """In seconds; what pauses after a refusal are measured with."""

    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def working(self, account: str, stream: str) -> Iterator[None]:
        """What is logged inside is about this; the work has a number of its own, such as `p17`.

        A walk in it goes by its ``run_id`` instead.
        """
        run = f"p{next(self._numbers)}"
        with context.bind(account=account, stream=stream, run=run):
            yield

    def interval(self, stream: Stream) -> timedelta:
        """How often a stream is asked."""
        return self.intervals.get(stream.name, stream.interval)

    def first_history_start(self, now: datetime) -> datetime:
        """Where history begins when nobody said and nothing is stored yet."""
        return self.history_start or now - _DEFAULT_HISTORY

    def is_away(self, error: Exception) -> bool:
        """Whether ``error`` only repeats that Postgres is away, which the log says already."""
        return isinstance(error, DatabaseError) and not (self.database and self.database.up)

    def writable(self) -> Database:
        """The database, while it is up. Raises DatabaseError, and NotYet before the first try."""
        if self.database is None:
            raise DatabaseError("there is no database: DATABASE_URL is none")
        if not self.database.tried:
            raise NotYet("Postgres is not connected yet")
        if not self.database.up:
            raise DatabaseError(f"Postgres is away: {self.database.why_away}")
        return self.database

    def lease(self, account_id: str) -> Lease | None:
        """The right to write an account. Raises DatabaseError while another process has it."""
        if self.leases is None:
            return None
        lease = self.leases.get(account_id)
        if lease is None:
            raise DatabaseError("another process writes this account; standing by")
        return lease

    def learn(self, account: Account, account_id: str) -> None:
        """An answer named its account. Raises UnexpectedPayload when it is not the known one."""
        account_id = account_id.lower()
        if account.account_id is None:
            account.account_id = account_id
        elif account.account_id != account_id:
            raise UnexpectedPayload(
                f"account {account.name!r} is {account.account_id}, but its token now reads "
                f"{account_id}: configure the new account under another name"
            )
        if not account.stored and self.database is not None and self.database.up:
            self.database.run_briefly(bookkeeping.remember_account, account.name, account_id)
            account.stored = True

    def identified(self, account: Account) -> str:
        """The account's id: known, stored, or asked for. Raises ExchangeError, DatabaseError.

        An exchange that names no account at all gets an id made from the configured name.
        """
        if account.account_id is not None and account.stored:
            return account.account_id
        found = account.account_id
        if found is None:
            found = self.writable().run(bookkeeping.account_id, account.name)
        if found is None:
            found = identify(account.client, deadline_s=20.0)
        if found is None:
            found = made_up(account.name)
            _log.warning("no answer names the account: its id is made up: %s", found)
        self.learn(account, found)
        return found

    def partition(self, account: Account, stream: Stream, partition: str = "") -> Partition:
        """What a pass is about, once the account is identified."""
        return Partition(account.name, self.identified(account), stream.name, partition)
