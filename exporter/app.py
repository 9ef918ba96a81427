"""The only place where objects are built and joined.

`service` lets them run; commands that end use an `App` directly.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from math import inf

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock, boottime
from exporter.api.rate_limiter import RateLimiter
from exporter.api.retry import Policy
from exporter.api.sender import MOST_CONNECTIONS, Observer, Unobserved
from exporter.known_names import require_free
from exporter.metrics import Metrics
from exporter.model.errors import DatabaseError, SchemaError
from exporter.model.stream import PUBLIC_ACCOUNT, Stream
from exporter.roster import AccountUnit, Change, Roster
from exporter.settings import AccountSettings, Settings
from exporter.stop_event import StopEvent
from exporter.store import migrate, partitions, report_settings
from exporter.store.budgets import Budgets
from exporter.store.database import Connection, Database, connected
from exporter.store.embedded import EmbeddedPostgres, exists
from exporter.store.leases import Leases
from exporter.store.spool import Spool
from exporter.store.spread import Spread
from exporter.store.storage import LEASE_WAIT_S, Storage
from exporter.streams import STREAMS
from exporter.sync import (
    Account,
    Fillers,
    GapFiller,
    HistorySync,
    Refusals,
    SnapshotQueue,
    StreamSync,
    SyncContext,
    SyncRunner,
    Verifier,
    sync_of,
)
from exporter.sync.backfill import WORKERS

_GAPS_EVERY_S = 10.0
"""How often gaps in the history of an account are looked for."""
_GAPS_PACE_S = 0.2
"""The same per account: looking costs Postgres as much for an account without a gap."""
_FEW_ACCOUNTS = 20
"""Of each of so many, several windows of history are read at once, and several connections are kept
open; of more, one."""
_FILLERS = 8
_RECONNECT_WAIT_S = 2.0
"""How long a thread that needs Postgres waits for the embedded server to start; others poll, and
must not be late for that."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What a process takes from the outside world: clocks, randomness, waiting."""

    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Time of day, aware UTC."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that never go back: what waits and pauses are measured with."""
    boottime: Callable[[], float] = boottime
    """The same, with the time that the machine was suspended: what ages are measured with."""
    steady: Callable[[], float] = boottime
    """The same, as the exchange counts seconds: what its time is carried forward with. Only a
    simulated exchange counts other ones."""
    random: Callable[[], float] = random.random
    """Values in [0, 1) for jitter."""
    retry: Policy = field(default_factory=Policy)
    """How patiently one request is made."""
    embedded_wait_s: float = 30.0
    """How long the service waits at its start for an embedded Postgres, which then comes later."""
    stop: StopEvent = field(default_factory=StopEvent)
    """Set to end the process. Every wait is a wait for it: there is no other sleep."""


def _with_required(names: Iterable[str]) -> set[str]:
    """The names of some streams, and of those that they require."""
    chosen = set(names)
    for stream in reversed(STREAMS):  # each comes after those that it requires
        chosen |= set(stream.requires) if stream.name in chosen else set()
    return chosen


def enabled(settings: Settings, names: Sequence[str] = ()) -> tuple[Stream, ...]:
    """The chosen streams and those that they require, without those that the settings rule out."""
    chosen = _with_required(names or settings.streams or {stream.name for stream in STREAMS})
    return tuple(
        stream
        for stream in STREAMS
        if stream.name in chosen
        and (stream.public or settings.accounts or settings.config)  # accounts may come later
        and not (stream.requires_database and settings.database.kind == "none")
        and not (stream.needs_scopes and not settings.scopes.get(stream.name))
    )


def readers(settings: Settings, stream: Stream) -> list[str]:
    """The names of the accounts of which a stream is read, if it is enabled."""
    if stream.public:
        return [PUBLIC_ACCOUNT]
    return [
        account.name
        for account in settings.accounts
        if account.streams is None or stream.name in _with_required(account.streams)
    ]


class App:
    """Everything that one process needs.

    ``holder``: the name under which it holds the leases of its accounts; None for a command, which
    writes beside the service. ``embedded``: the embedded Postgres, where the caller has prepared
    one. ``prepare``: what is done with a fresh connection before anything else.
    """

    def __init__(
        self,
        settings: Settings,
        streams: Sequence[Stream],
        *,
        holder: str | None = None,
        runtime: Runtime | None = None,
        embedded: EmbeddedPostgres | None = None,
        prepare: Callable[[Connection], None] | None = None,
    ) -> None:
        self.settings = settings
        self.streams = streams
        self._runtime = runtime = runtime or Runtime()
        self.stop = runtime.stop
        self.embedded = embedded
        self.metrics = self._metrics()
        self.clock = ExchangeClock(wall=runtime.wall, steady=runtime.steady)
        address = self._address()
        self.database = None if address is None else Database(address, prepare or self._prepare)
        self.budgets = Budgets(
            lambda: self.rate_limiters, holder, lambda: self.storage.writable(), self.stop.wait
        )
        self.leases = self._leases(address, holder) if address and holder else None
        self.storage = Storage(self.database, self.leases, runtime.monotonic, self._lease_wait_s())
        self.spool = Spool(settings.data_dir / "spool")
        self.snapshots = SnapshotQueue(self.storage, self.spool)
        self.refusals = Refusals(runtime.monotonic)
        self.runner = SyncRunner(self.metrics, self.storage, self.refusals, runtime.monotonic)
        self._budgets: list[tuple[AccountSettings, RateLimiter]] = []
        """Of every token that was ever in use."""
        self.fillers = Fillers(_FILLERS)
        self.roster = Roster(
            self._unit,
            metrics=self.metrics,
            storage=self.storage,
            snapshots=self.snapshots,
            runner=self.runner,
            stop=self.stop,
        )
        self.roster.change(settings.accounts)

    @property
    def few_accounts(self) -> bool:
        """Whether threads and connections may be spent on each account."""
        return len(self.settings.accounts) <= _FEW_ACCOUNTS

    @property
    def accounts(self) -> dict[str, Account]:
        """Those that are read now, by name, `public` last."""
        return {unit.name: unit.account for unit in self.roster.units}

    @property
    def rate_limiters(self) -> dict[str, RateLimiter]:
        """By account name, `public` last."""
        return {unit.name: unit.rate_limiter for unit in self.roster.units}

    @property
    def syncs(self) -> list[StreamSync]:
        """Every stream of every account, in the order in which streams are declared."""
        places = {stream.name: place for place, stream in enumerate(self.streams)}
        found = [sync for unit in self.roster.units for sync in unit.syncs]
        return sorted(found, key=lambda sync: places[sync.stream.name])

    def chosen_streams(self) -> dict[str, list[str]]:
        """The streams that are read of each account, `public` last."""
        return self.roster.chosen_streams()

    def account_ids(self) -> dict[str, str | None]:
        """The identity of each account by its name; None until the exchange has told it."""
        return {name: account.account_id for name, account in self.accounts.items()}

    def histories(self, account: str | None = None) -> list[HistorySync]:
        """The history streams of one account, or of all."""
        return [
            sync
            for sync in self.syncs
            if isinstance(sync, HistorySync) and account in (None, sync.account.name)
        ]

    def gap_filler(self, unit: AccountUnit | None = None) -> GapFiller:
        """What keeps the history of one account, or of all, complete."""
        return GapFiller(
            self.histories() if unit is None else unit.histories,
            self.storage,
            self.stop if unit is None else unit.stop,
            self.refusals.keep_backfill_away,
            interval_s=max(_GAPS_EVERY_S, _GAPS_PACE_S * len(self.roster.units)),
            workers=WORKERS if self.few_accounts else 1,
            others_wait=lambda: unit is not None and self.fillers.others_wait,
        )

    def verifier(self) -> Verifier:
        """What reads the proven history of all accounts again."""
        return Verifier(self.histories, self.storage, self.stop, self.refusals.keep_backfill_away)

    def open_database(self, *, patient: bool = True) -> bool:
        """Connect and migrate; whether it is up.

        ``patient``: wait for the embedded Postgres as long as its recovery takes. Otherwise it
        comes up later, like a server that is away.

        Raises EmbeddedPostgresError and SchemaError, and Stopping while it waits.
        """
        if self.database is None:
            return False
        if self.embedded is not None:
            with suppress(*() if patient else (DatabaseError,)):
                self.embedded.ensure(None if patient else self._runtime.embedded_wait_s)
        return self.database.open()

    def close(self) -> None:
        """Stop requests, let transactions finish, release everything. May be called twice."""
        self.stop.set()
        self.fillers.stop()
        for unit in self.roster.units:
            unit.account.client.close()
        self.storage.close()
        if self.embedded is not None:
            self.embedded.stop()

    def _prepare(self, connection: Connection) -> None:
        """Bring the database to this version and these settings. Raises SchemaError."""
        apply_migrations(connection)
        report_settings.note(connection, self.settings.of_reports)
        partitions.make_ahead(connection)

    def _leases(self, address: Callable[[], str], holder: str) -> Leases:
        spread, clock = Spread(self.settings.max_accounts or inf), self._runtime.monotonic
        return Leases(address, holder, spread=spread, budgets=self.budgets, monotonic=clock)

    def _metrics(self) -> Metrics:
        """Of no account yet."""
        return Metrics(
            self.streams,
            (),
            intervals=self.settings.intervals,
            now=lambda: self._runtime.wall().timestamp(),
            monotonic=self._runtime.boottime,
        )

    def _lease_wait_s(self) -> float:
        """A cluster of our own that does not exist yet holds no lease of another process."""
        created = self.settings.database.kind == "embedded" and not exists(self.settings.data_dir)
        return 0.0 if created else LEASE_WAIT_S

    def _unit(self, configured: AccountSettings | None) -> AccountUnit:
        """Everything that one account needs; None: `public`."""
        stop, limiter = self.stop.child(), self._rate_limiter(configured)
        client = self._client(configured, limiter, stop, self.metrics.instrumentation)
        name, token = _name(configured), _token(configured)
        account = Account(name, client, self.clock, token, self.storage)
        shared = SyncContext(
            metrics=self.metrics,
            storage=self.storage,
            snapshots=self.snapshots,
            stop=stop,
            monotonic=self._runtime.monotonic,
            intervals=self.settings.intervals,
            scopes=self.settings.scopes,
            history_start=self.settings.history_start,
        )
        of_account = None if configured is None else configured.streams
        chosen = None if of_account is None else _with_required(of_account)
        syncs = [
            sync_of(account, stream, shared)
            for stream in self.streams
            if stream.public == account.public and (chosen is None or stream.name in chosen)
        ]
        return AccountUnit(configured, account, limiter, syncs, stop)

    def _rate_limiter(self, configured: AccountSettings | None) -> RateLimiter:
        """The budget of the account's token, which may have belonged to another name before."""
        if configured is not None and self.roster.units:  # at the start no token has sent anything
            token = configured.token.get()
            for known, limiter in self._budgets:
                if known.token.get() == token:
                    return limiter
        limiter = RateLimiter(
            self.settings.requests_per_minute, monotonic=self._runtime.monotonic, stop=self.stop
        )
        if configured is not None:
            self._budgets.append((configured, limiter))
        return limiter

    def change_accounts(self, accounts: Sequence[AccountSettings]) -> Change:
        """Let these be the accounts, as `Roster.change` does.

        Raises SettingsError when Postgres knows a new name as another account; nothing has changed
        then.
        """
        change = self.roster.compare(accounts)
        coming = [a for a in accounts if a.name in (*change.added, *change.changed)]
        require_free(
            coming,
            self.storage,
            lambda configured: self._client(
                configured, self._rate_limiter(configured), self.stop, Unobserved()
            ),
        )
        return self.roster.change(accounts)

    def _client(
        self,
        configured: AccountSettings | None,
        rate_limiter: RateLimiter,
        stop: StopEvent,
        observer: Observer,
    ) -> Client:
        """What sends the requests of an account."""
        return Client(
            account=_name(configured),
            base_url=self.settings.base_url,
            token=_token(configured),
            rate_limiter=rate_limiter,
            clock=self.clock,
            observer=observer,
            stop=stop,
            policy=self._runtime.retry,
            random=self._runtime.random,
            monotonic=self._runtime.monotonic,
            route=self.settings.network.route(self.settings.base_url),
            idle_connections=MOST_CONNECTIONS if self.few_accounts else 1,
        )

    def _address(self) -> Callable[[], str] | None:
        """Returns the URL of Postgres; called before each new connection, since it may move."""
        if self.settings.database.kind == "none":
            return None
        if self.settings.database.kind == "embedded":
            if self.embedded is None:
                self.embedded = EmbeddedPostgres(self.settings.data_dir, stop_event=self.stop)
            return partial(self.embedded.ensure, _RECONNECT_WAIT_S)
        return self.settings.database.url


def _name(configured: AccountSettings | None) -> str:
    return PUBLIC_ACCOUNT if configured is None else configured.name


def _token(configured: AccountSettings | None) -> Callable[[], str | None]:
    return (lambda: None) if configured is None else configured.token.get


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


def require_schema(connection: Connection) -> None:
    """Check that a database has the schema of this version, and change nothing.

    Raises SchemaError.
    """
    known = migrate.load(migrate.migrations_dir())
    if pending := migrate.pending(connection, known):
        names = ", ".join(migration.name for migration in pending)
        raise SchemaError(
            f"the database's schema is not that of this version (pending: {names}): `migrate` and"
            " `run` apply the migrations"
        )


def apply_migrations(connection: Connection) -> None:
    """Bring a database to the schema of this version. Raises SchemaError."""
    migrate.apply(connection, migrate.load(migrate.migrations_dir()))
