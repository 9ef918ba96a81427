"""The only place where objects are built and joined.

`service` lets them run; commands that end use an `App` directly.
"""

from __future__ import annotations

import os
import platform
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from exporter._version import __version__
from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import RateLimiter
from exporter.api.retry import Policy
from exporter.metrics import Instrumentation, ServiceMetrics, StreamMetrics
from exporter.model.errors import ExchangeError
from exporter.model.stream import PUBLIC_ACCOUNT, History, Stream
from exporter.settings import Settings
from exporter.store import migrate
from exporter.store.database import Connection, Database, connected
from exporter.store.embedded import EmbeddedPostgres
from exporter.store.leases import Leases
from exporter.store.spool import Spool
from exporter.streams import STREAMS
from exporter.sync import Account, HistorySync, Parts, SyncRunner


def enabled(settings: Settings, names: Sequence[str] = ()) -> tuple[Stream, ...]:
    """The streams to run: those chosen, less what the settings cannot serve.

    A stream that is asked per instrument brings the stream that lists them.
    """
    chosen = set(names or settings.streams or {stream.name for stream in STREAMS})
    if any(isinstance(s, History) and s.partition_by and s.name in chosen for s in STREAMS):
        chosen.add("instruments")
    return tuple(
        stream
        for stream in STREAMS
        if stream.name in chosen
        and (stream.public or settings.accounts)
        and not (isinstance(stream, History) and settings.database.kind == "none")
    )


class App:
    """Everything that one process needs. ``service``: it holds the leases of its accounts."""

    def __init__(self, settings: Settings, streams: Sequence[Stream], *, service: bool) -> None:
        self.settings = settings
        self.streams = streams
        self.stop = threading.Event()
        self.embedded: EmbeddedPostgres | None = None
        self.service_metrics = ServiceMetrics(now=time.time, monotonic=_monotonic)
        names = [account.name for account in settings.accounts]
        self.stream_metrics = StreamMetrics(
            streams, names, intervals=settings.intervals, now=time.time, monotonic=_monotonic
        )
        self.instrumentation = Instrumentation(
            self.stream_metrics.keys,
            accounts=[PUBLIC_ACCOUNT, *names],
            version=__version__,
            python=platform.python_version(),
        )
        self.clock = ExchangeClock(wall=lambda: datetime.now(UTC))
        self.rate_limiters: dict[str, RateLimiter] = {}
        """By account name."""
        self.database = self._database()
        leases = None
        if service and self.database is not None:
            holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
            leases = Leases(self._address(), holder)
        self.parts = Parts(
            accounts=self._accounts(),
            stream_metrics=self.stream_metrics,
            instrumentation=self.instrumentation,
            service_metrics=self.service_metrics,
            stop=self.stop,
            database=self.database,
            leases=leases,
            spool=Spool(settings.data_dir / "spool"),
            intervals=settings.intervals,
            history_start=settings.history_start,
        )
        self.runner = SyncRunner(self.parts, streams)

    def _accounts(self) -> dict[str, Account]:
        tokens: dict[str, Callable[[], str | None]] = {
            account.name: account.token.get for account in self.settings.accounts
        }
        tokens[PUBLIC_ACCOUNT] = lambda: None
        accounts = {}
        for name, token in tokens.items():
            rate_limiter = RateLimiter(
                self.settings.requests_per_minute, monotonic=time.monotonic, stop=self.stop
            )
            self.rate_limiters[name] = rate_limiter
            self.service_metrics.track_rate_limiter(
                name, partial(getattr, rate_limiter, "remaining")
            )
            client = Client(
                account=name,
                base_url=self.settings.base_url,
                token=token,
                rate_limiter=rate_limiter,
                clock=self.clock,
                observer=self.instrumentation,
                stop=self.stop,
                policy=Policy(),
                random=random.random,
                monotonic=time.monotonic,
            )
            accounts[name] = Account(name, client, self.clock, token)
        return accounts

    def _address(self) -> Callable[[], str]:
        """How to find Postgres: asked before each new connection, since it may move."""
        if self.settings.database.kind == "embedded":
            self.embedded = self.embedded or EmbeddedPostgres(self.settings.data_dir)
            return self.embedded.ensure
        return self.settings.database.url

    def _database(self) -> Database | None:
        if self.settings.database.kind == "none":
            return None
        return Database(self._address(), apply_migrations)

    def open_database(self) -> bool:
        """Connect, migrate. Raises EmbeddedPostgresError and SchemaError; away is no error."""
        if self.database is None:
            return False
        if self.embedded is not None:
            self.embedded.ensure()
        return self.database.open()

    def pairs(self) -> list[tuple[Account, Stream]]:
        """Every account with every stream that is read for it."""
        accounts = self.parts.accounts
        return [
            (account, stream)
            for stream in self.streams
            for account in accounts.values()
            if stream.public == (account.name == PUBLIC_ACCOUNT)
        ]

    def readers(self, account: Account) -> list[HistorySync]:
        """A reader of each history stream of an account, for the backfill lane."""

        def failed(stream: Stream) -> Callable[[ExchangeError], None]:
            return lambda error: self.stream_metrics.record_backfill_error(
                account.name, stream.name, error.reason
            )

        return [
            HistorySync(self.parts, account, stream, failed(stream))
            for of, stream in self.pairs()
            if of is account and isinstance(stream, History)
        ]

    def close(self) -> None:
        """Stop asking, let transactions finish, give everything back. May be called twice."""
        self.stop.set()
        for account in self.parts.accounts.values():
            account.client.close()
        if self.parts.leases is not None:
            self.parts.leases.stop()
        if self.database is not None:
            self.database.close()
        if self.embedded is not None:
            self.embedded.stop()


@contextmanager
def plain_connection(settings: Settings) -> Iterator[Connection]:
    """One connection to the configured database, whatever its schema. Raises DatabaseError."""
    embedded = EmbeddedPostgres(settings.data_dir) if settings.database.kind == "embedded" else None
    try:
        with connected(embedded.ensure() if embedded else settings.database.url()) as connection:
            yield connection
    finally:
        if embedded is not None:
            embedded.stop()


def apply_migrations(connection: Connection) -> None:
    """Bring a database to the schema of this version. Raises SchemaError."""
    migrate.apply(connection, migrate.load(migrate.migrations_dir()))


def _monotonic() -> float:
    """Seconds that never go back and count the time that a machine sleeps, where there are such."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
