"""An exporter that reads an `EventfulExchange` into Postgres, on one clock, and may be killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from exporter.api.retry import Policy
from exporter.app import App, Runtime, enabled
from exporter.model.errors import ExporterError
from exporter.model.window import Window
from exporter.store import verified
from exporter.sync import Backfill, FollowerSync, HistorySync, Verification
from tests.support.configuration import environment_of, settings_from
from tests.support.eventful_exchange import EventfulExchange
from tests.support.exchange_server import Answer, ExchangeServer, served

STREAMS = (
    "positions,trades,orders,funding_payments,closed_positions,position_funding,position_trades"
)
_ONE_ATTEMPT = Policy(base_s=1e6, cap_s=1e6, read_s=5.0)
_CUTS = {"500": (500, {"error": "Server error."}), "malformed": (200, "something else")}
CUTS = ("drop", "500", "malformed", "kill", "database")
"""How requests fail from some request on. ``kill``: the process ends, and ``database``: loses its
connections to Postgres, while it waits for the response, which is lost."""


class Rig:
    """One exporter after the other, of the same account in the same database."""

    def __init__(
        self, server: EventfulServer, database_url: str, folder: Path, start: datetime
    ) -> None:
        self.exchange = server.exchange
        self.database_url = database_url
        self._steady = 1_000.0
        self._environ = environment_of(
            server.base_url,
            folder,
            {"main": "token"},
            ONETRADING_HISTORY_START=start.isoformat(),
            ONETRADING_REQUESTS_PER_MINUTE="1000000",
            ONETRADING_STREAMS=STREAMS,
            DATABASE_URL=database_url,
        )
        self.start_process()

    def start_process(self) -> None:
        """A new exporter; the one before is closed."""
        runtime = Runtime(
            wall=lambda: self.exchange.now,
            monotonic=lambda: self._steady,
            boottime=lambda: self._steady,
            steady=lambda: self._steady,
            random=lambda: 0.999,
            retry=_ONE_ATTEMPT,
        )
        settings = settings_from(self._environ)
        self.app = App(settings, enabled(settings), runtime=runtime)
        assert self.app.open_database()
        self.syncs = {sync.stream.name: sync for sync in self.app.syncs}
        self._filler, self._verifier = self.app.gap_filler(), self.app.verifier()

    def close(self) -> None:
        """End the exporter."""
        self.app.close()

    def wait(self, span: timedelta) -> None:
        """Let time pass for both."""
        self._steady += span.total_seconds()
        self.exchange.tick(span)

    # What a service or a command does

    def poll(self, *streams: str) -> dict[str, str]:
        """One pass of each stream; none given: of all."""
        return {name: self.app.runner.run(self.syncs[name]) for name in streams or self.syncs}

    @property
    def histories(self) -> list[HistorySync]:
        """What has coverage."""
        return self.app.histories()

    def fill(self) -> bool:
        """What is missing, as the thread of the backfill does."""
        ready = [sync for sync in self.histories if sync.ready_for_backfill]
        return all([self._filler.fill(sync) for sync in ready])

    def verify(self, stream: str, window: Window) -> None:
        """What is proven of a window, as the command does."""
        sync = self._history(stream)
        job = Verification(sync, 0.0)
        for partition in sync.partitions():
            for part in job.windows(partition, sync.covered(partition, window)):
                job.verify(partition, part)

    def step(self) -> bool:
        """A step of the verifier in the background."""
        return self._verifier.step()

    def backfill(self, stream: str, window: Window, *, again: bool) -> None:
        """As the command does."""
        sync = self._history(stream)
        if sync.ready_for_backfill:
            Backfill(sync, deadline_s=0.0, again=again).complete(window)

    def reset(self, stream: str, window: Window) -> None:
        """As the command does."""
        sync = self._history(stream)
        partition = sync.account.partition(sync.stream)
        sync.storage.run_leased(
            partition.account_id,
            lambda connection, lease: verified.forget(connection, partition, window, lease),
        )

    def _history(self, stream: str) -> HistorySync:
        return next(sync for sync in self.histories if sync.stream.name == stream)

    def followers(self) -> list[FollowerSync]:
        """What reads details."""
        return [sync for sync in self.app.syncs if isinstance(sync, FollowerSync)]

    @contextmanager
    def failing(self, after: int, how: str) -> Iterator[None]:
        """From the request after so many on, all fail; what that raises is expected."""

        def cut() -> tuple[int, Any] | None:
            if how == "kill":
                self.app.stop.set()
            if how == "database":
                self._cut_sessions()
            return _CUTS.get(how)

        self.exchange.cut_after, self.exchange.cut = after, cut
        try:
            yield
        except ExporterError:
            pass
        finally:
            self.exchange.cut_after = None
        if how == "kill":
            self.close()
            self.start_process()

    def _cut_sessions(self) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <>"
                " pg_backend_pid() AND datname = current_database()"
                " AND application_name <> 'the test'"
            )


class EventfulServer(ExchangeServer):
    """Serves one exchange at a time."""

    exchange: EventfulExchange
    turn = threading.Lock()

    def respond(self, path: str, query: Mapping[str, str]) -> Answer | None:
        with self.turn:
            found = self.exchange.answer(path, dict(query))
            return None if found is None else Answer(*found, self.exchange.now)


def serving() -> AbstractContextManager[EventfulServer]:
    """A server on a port of its own."""
    return served(EventfulServer())
