"""`run`: poll, serve and sync until asked to stop."""

from __future__ import annotations

import logging
import resource
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from exporter.app import App, Runtime, enabled
from exporter.config_follower import ConfigFollower
from exporter.housekeeping import Housekeeping
from exporter.model.errors import EmbeddedPostgresError, ExporterError, SchemaError, Stopping
from exporter.roster import AccountUnit, Change
from exporter.scheduler import Scheduler, Task
from exporter.server import Pages, Server, WebConfigWatcher
from exporter.server.security import exposure
from exporter.settings import AccountSettings, Settings
from exporter.signals import catch_signals
from exporter.status import AccountReports, Reporter, StreamReports, page, to_json
from exporter.store.embedded import EmbeddedPostgres
from exporter.store.holder import new_holder
from exporter.streams import STREAMS

_log = logging.getLogger(__name__)
_COUNT_EVERY = timedelta(seconds=30)
_NOTE_ACCOUNTS_EVERY = timedelta(minutes=1)
_SHOW_VERIFIED_EVERY = timedelta(minutes=5)
_SIGN_EVERY = timedelta(hours=1)
_CARRY_EVERY = timedelta(hours=1)
_ROLL_EVERY = timedelta(hours=1)
_JUDGE_EVERY = timedelta(minutes=5)
"""A month is judged hourly; this is how long one that has just begun, or was reopened, waits."""
_PRUNE_EVERY = timedelta(days=1)
_THIN_EVERY = timedelta(days=1)
_MEASURE_EVERY = timedelta(minutes=15)
_MAKE_PARTITIONS_EVERY = timedelta(hours=6)
_MOVE_EVERY = timedelta(seconds=10)
_CHOOSE_EVERY = timedelta(minutes=5)
_DRAIN_EVERY = timedelta(seconds=30)
_FILLER_PACE_S = 0.05
"""How far apart the backfills of accounts begin at the start."""
_MOST_NAMED = 100
"""Streams that a readiness probe is told of."""
_STOP_WITHIN_S = 5.0
"""How long work in progress may take to end; what still waits for Postgres is then cut off."""
SWITCH_INTERVAL_S = 50e-6
"""Python's thread switch interval. At the default of 5 ms a scrape beside a loading thread can
wait for seconds, since it gives up the interpreter often. With hundreds of accounts, switching so
often costs more than it brings."""
_MOST_DESCRIPTORS = 65_536
"""Each of many accounts keeps a connection open, and many systems allow 1,024 files by default."""


class Service:
    """Polls, serves and syncs until it is asked to stop."""

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime | None = None,
        embedded: EmbeddedPostgres | None = None,
    ) -> None:
        self._web_config = WebConfigWatcher(settings.web_config)
        runtime = runtime or Runtime()
        self.app = app = App(
            settings, enabled(settings), holder=new_holder(), runtime=runtime, embedded=embedded
        )
        self.server = Server(
            settings.listen.host,
            settings.listen.port,
            self._pages(),
            web_config=self._web_config,
        )
        self._housekeeping = Housekeeping(
            app.metrics, app.storage, app.spool, app.clock, lambda: app.accounts
        )
        self._scheduler = Scheduler(
            self._chores() if app.database is not None else (),
            heartbeat=self._beat,
            on_event=app.metrics.service.count_scheduler_event,
            steady=runtime.boottime,
        )
        self._writing = threading.Event()
        """Set once leases are taken and backfills run."""
        app.roster.attach(self)
        self.config = self._config(lambda: runtime.wall().timestamp())
        """Follows the accounts in the configuration file."""
        watch = partial(self.config.watch, app.stop)
        self._following = threading.Thread(target=watch, name="config", daemon=True)
        self._reporter = self._status()
        self._verifying = threading.Thread(target=app.verifier().run, name="verify")
        self._opening = threading.Thread(target=self._open_database, name="opening")
        self._schema_checked = app.database is None
        self._all_tried = False
        """Once: an account that is added later takes no process out of service."""
        self._fatal: ExporterError | None = None

    def _config(self, now: Callable[[], float]) -> ConfigFollower:
        metrics = self.app.metrics.service
        return ConfigFollower(
            self.app.settings,
            self._change_accounts,
            on_state=lambda state: metrics.set_config(state.ok, state.succeeded_at),
            now=now,
        )

    def _pages(self) -> Pages:
        return Pages(
            metrics=self.app.metrics.scrape,
            healthy=self._healthy,
            ready=self._ready,
            index=lambda: page.render(self._reporter.report()),
            status=lambda: to_json(self._reporter.report()),
            content_security_policy=page.CONTENT_SECURITY_POLICY,
        )

    def start(self) -> None:
        """Start everything. Raises SettingsError when it cannot listen as configured."""
        _warn_unprotected(self.app.settings, self._web_config)
        if self.app.few_accounts:
            sys.setswitchinterval(SWITCH_INTERVAL_S)
        else:
            _allow_descriptors()
        self.server.start()
        self.app.spool.tidy()
        self._beat()
        self._scheduler.start()
        self._following.start()
        if self.app.database is not None:
            self._opening.start()
        _log.info("serving on %s", self.server.url)

    def run(self) -> None:
        """Start, wait for SIGTERM, SIGINT or `stop`, and stop within ten seconds.

        Raises SchemaError and EmbeddedPostgresError when Postgres cannot be used as it is.
        """
        catch_signals(self.app.stop, reload=self.config.read_soon)
        try:
            self.start()
            self.app.stop.wait()
        finally:
            self.stop()
        if self._fatal is not None:
            raise self._fatal

    def _open_database(self) -> None:
        """Live gauges do not wait for Postgres. One that cannot be used ends the service.

        An embedded Postgres that recovers from a crash may take long. Everything that needs it is
        started meanwhile, as when a server is away, and comes to life once it is there.
        """
        try:
            self._schema_checked |= self.app.open_database(patient=False)
            if self._is_hopeless():
                return
            self._begin_writing()
            if self.app.embedded is not None:
                self.app.embedded.ensure()
        except Stopping:
            return
        except (SchemaError, EmbeddedPostgresError) as error:
            self._fatal = error
            self.app.stop.set()

    def _is_hopeless(self) -> bool:
        """Whether no waiting helps, so that the service ends: a URL that means nothing stays so,
        unless it is in a file.

        A role, a password or a database that is refused may be put right while this waits: in a
        stack that starts as a whole, the server often is up before its roles are.
        """
        database, source = self.app.database, self.app.settings.database.source
        in_file = source is not None and source.path is not None
        if database is None or in_file or not database.away.url_unreadable:
            return False
        self._fatal = database.away.error()
        self.app.stop.set()
        return True

    def _begin_writing(self) -> None:
        if self.app.leases is not None:
            self.app.leases.on_change = self._on_lease_change
            self.app.leases.renew()
            self.app.leases.start()
        self.app.snapshots.drain_if_possible()
        self._writing.set()
        self._backfill(self.app.roster.units)
        self._verifying.start()

    def begin(self, units: Sequence[AccountUnit]) -> None:
        """Poll these accounts at their intervals and keep their histories complete."""
        if self._writing.is_set() and self.app.leases is not None:
            # Before they have their first turn, which another process may have instead.
            self.app.leases.renew()
        # What an account shows must not wait for hundreds that come with it: their first turns are
        # spread over seconds.
        for some in (units[:1], units[1:]):
            self._scheduler.add([task for unit in some for task in unit.tasks(self.app.runner)])
        if self._writing.is_set():
            self._backfill(units)

    def end(self, units: Sequence[AccountUnit]) -> None:
        """Begin no more passes of these accounts."""
        self._scheduler.remove([sync.name for unit in units for sync in unit.syncs])

    def _backfill(self, units: Sequence[AccountUnit]) -> None:
        """Not all accounts begin in the same instant."""
        with_history = [unit for unit in units if unit.histories]
        for place, unit in enumerate(with_history):
            filler = self.app.gap_filler(unit)
            unit.begin_backfill(filler, self.app.fillers, place * _FILLER_PACE_S)

    def _change_accounts(self, accounts: Sequence[AccountSettings]) -> Change:
        """Let these be the accounts. Raises SettingsError, and has changed nothing then."""
        change = self.app.change_accounts(accounts)
        if change != Change():
            self._housekeeping.beat()
            self._housekeeping.note_accounts()
            self._housekeeping.record_choice(self.app.chosen_streams())
        return change

    def _on_lease_change(self, accounts: Collection[str]) -> None:
        """A takeover, or its loss, is acted on at once, not at each stream's next turn."""
        self._housekeeping.show_leader()
        # What another process let go has not left. Not here: leases are renewed by this thread,
        # which must not wait for a busy Postgres.
        self._scheduler.run_soon("accounts")
        lost = {account for account in accounts if self.app.storage.stands_by(account)}
        for sync in self.app.syncs:
            if sync.account.name in lost:
                self.app.runner.stand_by(sync)
        self._scheduler.run_now(set(accounts) - lost)

    def stop(self) -> None:
        """Finish transactions in progress, begin nothing new."""
        self.app.stop.set()
        self.app.fillers.stop()
        for unit in self.app.roster.units:
            unit.end()
        ending = threading.Thread(target=self._finish_work, name="stopping", daemon=True)
        ending.start()
        ending.join(_STOP_WITHIN_S)
        self.server.stop(timeout=1.0)
        self.app.close()
        _log.info("stopped")

    def _finish_work(self) -> None:
        self._scheduler.stop()
        for thread in (self._opening, self._verifying):
            if thread.is_alive():
                thread.join()
        self.app.fillers.join()

    def _chores(self) -> list[Task]:
        keep, app = self._housekeeping, self.app
        return [
            *self._chores_of_tables(),
            Task("data-quality", _COUNT_EVERY, keep.show_data_quality),
            Task(
                "verification",
                _SHOW_VERIFIED_EVERY,
                lambda: keep.show_verification([sync.key for sync in app.histories()]),
            ),
            Task("funding-sign", _SIGN_EVERY, lambda: keep.note_funding_signs(app.account_ids())),
            Task("lots", _CARRY_EVERY, lambda: keep.carry_lots(app.account_ids())),
            Task("rollups", _ROLL_EVERY, lambda: keep.roll_months(app.account_ids())),
            Task("months", _JUDGE_EVERY, keep.judge_months),
            Task("accounts", _NOTE_ACCOUNTS_EVERY, keep.note_accounts),
            Task(
                "chosen-streams",
                _CHOOSE_EVERY,
                lambda: keep.record_choice(app.chosen_streams()),
            ),
            # No poll does it while this process stands by, or for streams that are read rarely.
            Task("drain", _DRAIN_EVERY, app.snapshots.drain_if_possible),
        ]

    def _chores_of_tables(self) -> list[Task]:
        """What keeps the tables small."""
        keep, app = self._housekeeping, self.app
        return [
            Task("prune", _PRUNE_EVERY, lambda: keep.prune(app.streams)),
            Task("sizes", _MEASURE_EVERY, keep.show_sizes),
            Task("partitions", _MAKE_PARTITIONS_EVERY, keep.make_partitions),
            Task(
                "retention",
                _THIN_EVERY,
                lambda: keep.thin(app.settings.retention, STREAMS, app.stop.wait),
            ),
            Task("records", _MOVE_EVERY, keep.move_records),
        ]

    def _status(self) -> Reporter:
        app = self.app
        per_minute = app.settings.requests_per_minute
        return Reporter(
            app.settings,
            app.storage,
            app.spool,
            app.clock,
            app.metrics,
            AccountReports(lambda: app.rate_limiters, app.metrics, per_minute, app.storage.leads),
            StreamReports(
                lambda: app.syncs,
                app.metrics,
                app.refusals,
                self._scheduler.due,
                app.runner.read_before,
            ),
            lambda: self.config.state,
        )

    def _beat(self) -> None:
        self._housekeeping.beat()
        self.app.metrics.service.set_lateness(self._scheduler.lateness())
        self._schema_checked |= self.app.storage.up

    def _healthy(self) -> tuple[bool, str]:
        if not self._housekeeping.alive:
            return False, "the scheduler does not run"
        return True, "healthy"

    def _ready(self) -> tuple[bool, str]:
        if not self._all_tried:
            if untried := self.app.metrics.streams.untried():
                names = ["/".join(key) for key in untried[:_MOST_NAMED]]
                more = len(untried) - len(names)
                names += [f"and {more:,} more"] if more else []
                return False, f"not tried yet: {', '.join(names)}"
            self._all_tried = True
        if not self._schema_checked:
            return False, "the database's schema could not be checked yet"
        return True, "ready"


def _allow_descriptors() -> None:
    """Raise the limit of open files, as far as that is permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _warn_unprotected(settings: Settings, web_config: WebConfigWatcher) -> None:
    """Warn if strangers could read balances or overhear passwords; the user may intend it."""
    listen, config = settings.listen, web_config.active.config
    for warning in exposure.warnings(listen.host, str(listen), config):
        _log.warning("%s", warning)
