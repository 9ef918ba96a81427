"""`run`: poll, serve and sync until told to stop."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import timedelta

from exporter.app import App, enabled
from exporter.metrics import Exposition
from exporter.model.errors import (
    DatabaseError,
    EmbeddedPostgresError,
    ExporterError,
    SchemaError,
)
from exporter.model.stream import Stream
from exporter.scheduler import Scheduler, Task
from exporter.server import Pages, Server, WebConfigWatcher
from exporter.server.security import exposure
from exporter.settings import Settings
from exporter.signals import catch_signals
from exporter.status import Reporter, page, to_json
from exporter.store import bookkeeping
from exporter.store.database import Database
from exporter.sync import Account, GapFiller

_log = logging.getLogger(__name__)
_HEARTBEAT_LIMIT_S = 60.0
_ODDITIES = ("oddities", timedelta(seconds=30))
_PRUNE = ("prune", timedelta(days=1))
_STOP_WITHIN_S = 5.0
"""What work under way gets to end by itself; what still waits for Postgres is then cut off."""
SWITCH_INTERVAL_S = 50e-6
"""How long a thread may run before another gets its turn. At Python's default of 5 ms a scrape
beside a loading thread can wait for seconds, since it hands over often."""


class Service:
    """Polls, serves and syncs until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._protection = WebConfigWatcher(settings.web_config)
        self.app = App(settings, enabled(settings), service=True)
        app = self.app
        self.server = Server(
            settings.listen.host,
            settings.listen.port,
            Pages(
                metrics=Exposition(
                    app.stream_metrics, app.service_metrics, app.instrumentation
                ).render,
                healthy=self._healthy,
                ready=self._ready,
                index=lambda: page.render(self._reporter.report()),
                status=lambda: to_json(self._reporter.report()),
                content_security_policy=page.CONTENT_SECURITY_POLICY,
            ),
            protection=self._protection,
        )
        self._scheduler = Scheduler(
            [
                *(self._task(account, stream) for account, stream in app.pairs()),
                *([] if app.database is None else self._housekeeping(app.database)),
            ],
            heartbeat=self._beat,
            noticed=app.service_metrics.count_scheduler_event,
        )
        self._reporter = Reporter(app, self._scheduler.due)
        self._fillers = [
            threading.Thread(
                target=GapFiller(app.parts, readers, app.runner.refused).run,
                name=f"backfill-{name}",
            )
            for name, account in app.parts.accounts.items()
            if app.database is not None and (readers := app.readers(account))
        ]
        self._opening = threading.Thread(target=self._open_database, name="opening")
        self._schema_checked = app.database is None
        self._fatal: ExporterError | None = None

    def start(self) -> None:
        """Start everything. Raises SettingsError when it cannot serve as it is told."""
        _warn_unprotected(self.app.settings, self._protection)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.server.start()
        self.app.service_metrics.set_leader(self.app.database is None)
        self._beat()
        self._scheduler.start()
        if self.app.database is not None:
            self._opening.start()
        _log.info("serving on %s", self.server.url)

    def run(self) -> None:
        """Start, wait for SIGTERM, SIGINT or `stop`, and stop within ten seconds.

        Raises SchemaError and EmbeddedPostgresError when Postgres cannot be used as it is.
        """
        catch_signals(self.app.stop)
        try:
            self.start()
            self.app.stop.wait()
        finally:
            self.stop()
        if self._fatal is not None:
            raise self._fatal

    def _open_database(self) -> None:
        """Live gauges do not wait for Postgres. A schema that is not ours ends the service."""
        try:
            self._schema_checked |= self.app.open_database()
        except (SchemaError, EmbeddedPostgresError) as error:
            self._fatal = error
            self.app.stop.set()
            return
        if self.app.parts.leases is not None:
            self.app.parts.leases.start()
        self.app.runner.store_spooled()
        for filler in self._fillers:
            filler.start()

    def stop(self) -> None:
        """Finish the transactions in flight, begin nothing new."""
        self.app.stop.set()
        for account in self.app.parts.accounts.values():
            account.client.interrupt()
        ending = threading.Thread(target=self._finish_work, name="stopping", daemon=True)
        ending.start()
        ending.join(_STOP_WITHIN_S)
        self.server.stop(timeout=1.0)
        self.app.close()
        _log.info("stopped")

    def _finish_work(self) -> None:
        self._scheduler.stop()
        for thread in (self._opening, *self._fillers):
            if thread.is_alive():
                thread.join()

    def _task(self, account: Account, stream: Stream) -> Task:
        return Task(
            f"{account.name}/{stream.name}",
            self.app.parts.interval(stream),
            lambda: self.app.runner.run(account, stream) == "ok",
        )

    def _housekeeping(self, database: Database) -> list[Task]:
        return [
            Task(*_ODDITIES, lambda: self._show_oddities(database)),
            Task(*_PRUNE, lambda: _prune(database)),
        ]

    def _show_oddities(self, database: Database) -> bool:
        """What Postgres holds in quarantine and of drift: other processes write it, too."""
        if not database.up:
            return False
        try:
            found = database.run_briefly(bookkeeping.data_quality_counts)
        except DatabaseError:
            return False
        for account, stream in self.app.stream_metrics.keys:
            odd = found.get((account, stream), bookkeeping.DataQualityCounts())
            self.app.service_metrics.set_data_quality(account, stream, **odd._asdict())
        return True

    def _beat(self) -> None:
        """Every few seconds: that the scheduler lives, and what has no pass of its own."""
        service_metrics, database = self.app.service_metrics, self.app.database
        service_metrics.record_heartbeat()
        spool = self.app.parts.spool
        service_metrics.set_spool(len(spool), spool.dropped)
        for name in self.app.parts.accounts:
            service_metrics.set_clock_skew(name, self.app.clock.skew_s)
        if database is not None:
            service_metrics.set_database_up(database.up)
            self._schema_checked |= database.up
        if self.app.parts.leases is not None:
            service_metrics.set_leader(self.app.parts.leases.leading)

    def _healthy(self) -> tuple[bool, str]:
        age_s = self.app.service_metrics.heartbeat_age_s()
        if age_s is None or age_s > _HEARTBEAT_LIMIT_S:
            return False, "the scheduler does not run"
        return True, "healthy"

    def _ready(self) -> tuple[bool, str]:
        untried = [
            f"{state.account}/{state.stream}"
            for state in self.app.stream_metrics.states()
            if not state.tried
        ]
        if untried:
            return False, f"not tried yet: {', '.join(untried)}"
        if not self._schema_checked:
            return False, "the database's schema could not be checked yet"
        return True, "ready"


def _prune(database: Database) -> bool:
    """Keep the log of walks from growing for ever."""
    if not database.up:
        return False
    try:
        database.run(bookkeeping.prune)
    except DatabaseError:
        return False
    return True


def _warn_unprotected(settings: Settings, protection: WebConfigWatcher) -> None:
    """Say loudly who could read balances or overhear passwords; it is not ours to refuse."""
    listen, config = settings.listen, protection.active.config
    for warning in exposure.warnings(listen.host, str(listen), config):
        _log.warning("%s", warning)
