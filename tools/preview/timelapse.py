"""Many hours of the real exporter in a few minutes: the exchange's clock is moved on between polls.

The simulated exchange, the client, the passes, Postgres and the exposition are the real ones, wired
as `exporter.app` does it. Only the clock differs: it jumps from one scrape to the next.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import RateLimiter
from exporter.api.retry import Policy
from exporter.app import apply_migrations, enabled
from exporter.metrics import Exposition, Instrumentation, ServiceMetrics, StreamMetrics
from exporter.model.errors import DatabaseError
from exporter.model.stream import PUBLIC_ACCOUNT, History, Stream
from exporter.settings import load
from exporter.simulator import Simulator
from exporter.store import bookkeeping
from exporter.store.database import Database
from exporter.store.embedded import EmbeddedPostgres
from exporter.store.spool import Spool
from exporter.streams import STREAMS
from exporter.sync import Account, GapFiller, HistorySync, Parts, SyncRunner
from tools.preview.clocks import JumpingClock, Pace, Patience

_PHASE_S = 14.0
"""A scrape comes up to this long after the polls, since the two are never in step."""
_UNPACED = 1_000_000
"""Requests a minute while history is filled: what there was before the film costs it no time."""
_PATIENCE = 50
"""How often a backfill is begun again: it gives way to live polling after a while."""
# The film's database is thrown away.
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Incident:
    """Something that happens while the film runs, between two shares (0 to 1) of its length.

    ``during`` is called before each poll with how far into the incident it is, 0 to 1.
    """

    begins: float
    ends: float
    during: Callable[[Simulator, float], None]
    after: Callable[[Simulator], None]


class Timelapse:
    """An exporter and its exchange, ``hours`` before now. Close it to end both."""

    def __init__(self, folder: Path, hours: float, *, seed: int = 1) -> None:
        self.start = datetime.now(UTC) - timedelta(hours=hours)
        self.simulator = Simulator(seed=seed, now=self.start, history_days=30)
        # Only now: to build an exchange takes a moment, in which its own clock stands still.
        self.clock = JumpingClock(self.start)
        self._stop = threading.Event()
        self._patience = Patience(self._pass_time)
        self._chance = random.Random(seed)  # noqa: S311  nothing here is a secret
        environment = {
            "ONETRADING_BASE_URL": self.simulator.base_url,
            "ONETRADING_DATA_DIR": str(folder),
            "ONETRADING_ACCOUNTS": ",".join(self._token_files(folder)),
        }
        self._settings = load(environment, stream_names=[stream.name for stream in STREAMS])
        self._streams = enabled(self._settings)
        names = [account.name for account in self._settings.accounts]
        self._service_metrics = ServiceMetrics(now=self.clock.unix, monotonic=self.clock.monotonic)
        self._stream_metrics = StreamMetrics(
            self._streams,
            names,
            intervals=self._settings.intervals,
            now=self.clock.unix,
            monotonic=self.clock.monotonic,
        )
        self._instruments = Instrumentation(
            self._stream_metrics.keys,
            accounts=[PUBLIC_ACCOUNT, *names],
            version="0.1.0",
            python="3.11",
        )
        self._exposition = Exposition(
            self._stream_metrics, self._service_metrics, self._instruments
        )
        self._postgres = EmbeddedPostgres(folder, settings=_HASTY)
        self._database = Database(self._postgres.ensure, apply_migrations)
        self._exchange_clock = ExchangeClock(wall=self.clock.wall)
        self._parts = self._join(folder)
        self._passes = SyncRunner(self._parts, self._streams)
        self._due: dict[tuple[str, str], float] = {}
        self._database.open()

    @property
    def database_url(self) -> str:
        """Where the rows are."""
        return self._postgres.ensure()

    def _pass_time(self, seconds: float) -> None:
        self.clock.jump(seconds)
        self.simulator.advance(seconds)

    def _token_files(self, folder: Path) -> Iterator[str]:
        folder.mkdir(parents=True, exist_ok=True)
        for name, token in self.simulator.tokens.items():
            file = folder / f"{name}.token"
            file.write_text(token)
            yield f"{name}={file}"

    def _join(self, folder: Path) -> Parts:
        tokens: dict[str, Callable[[], str | None]] = {
            account.name: account.token.get for account in self._settings.accounts
        }
        tokens[PUBLIC_ACCOUNT] = lambda: None
        return Parts(
            accounts={name: self._account(name, token) for name, token in tokens.items()},
            stream_metrics=self._stream_metrics,
            instrumentation=self._instruments,
            service_metrics=self._service_metrics,
            stop=self._stop,
            database=self._database,
            leases=None,
            spool=Spool(folder / "spool"),
            intervals=self._settings.intervals,
            monotonic=self.clock.monotonic,
        )

    def _account(self, name: str, token: Callable[[], str | None]) -> Account:
        rate_limiter = self._budget(self._settings.requests_per_minute)
        self._service_metrics.track_rate_limiter(name, partial(getattr, rate_limiter, "remaining"))
        return self._asking(name, token, rate_limiter)

    def _budget(self, requests_per_minute: int) -> RateLimiter:
        return RateLimiter(requests_per_minute, monotonic=self.clock.monotonic, stop=self._patience)

    def _asking(
        self, name: str, token: Callable[[], str | None], rate_limiter: RateLimiter
    ) -> Account:
        client = Client(
            account=name,
            base_url=self._settings.base_url,
            token=token,
            rate_limiter=rate_limiter,
            clock=self._exchange_clock,
            observer=self._instruments,
            stop=self._patience,
            policy=Policy(),
            random=self._chance.random,
            monotonic=self.clock.monotonic,
        )
        return Account(name, client, self._exchange_clock, token)

    def fill(self) -> None:
        """Read all history that there was before the film begins, at once."""
        self._poll()
        accounts = {
            name: self._asking(name, account.token, self._budget(_UNPACED))
            for name, account in self._parts.accounts.items()
        }
        parts = replace(self._parts, accounts=accounts)
        for account in accounts.values():
            readers = [
                HistorySync(parts, account, stream, lambda _error: None)
                for stream in self._streams
                if isinstance(stream, History) and stream.public == (account.name == PUBLIC_ACCOUNT)
            ]
            filler = GapFiller(parts, readers)
            for reader in readers:
                for _ in range(_PATIENCE):
                    if self._passes.refused(account, reader.stream) or filler.fill(reader):
                        break
            account.client.close()

    def film(self, pace: Pace, incidents: list[Incident]) -> Iterator[tuple[float, str]]:
        """Yield the Unix time and the body of each scrape, until the real present.

        Scrapes are at whole multiples of their interval, as the points of a graph are: a point
        between two of these rare scrapes would show data older than they are.
        """
        length = (datetime.now(UTC) - self.start).total_seconds()
        at = pace.next(self.clock.unix(), time.time())
        while at <= time.time():
            self._pass_time(max(0.0, at - self.clock.unix() - self._chance.uniform(1, _PHASE_S)))
            share = (at - self.start.timestamp()) / length
            for incident in incidents:
                _play(incident, self.simulator, share)
            self._poll()
            self._beat()
            self._pass_time(max(0.0, at - self.clock.unix()))
            body, _ = self._exposition.render("", "")
            yield at, body.decode()
            at = pace.next(at, time.time())

    def _poll(self) -> None:
        """One pass of every stream whose interval has gone by."""
        now = self.clock.monotonic()
        for stream in self._streams:
            for name, account in self._parts.accounts.items():
                if stream.public != (name == PUBLIC_ACCOUNT) or not self._is_due(name, stream, now):
                    continue
                self._passes.run(account, stream)

    def _is_due(self, account: str, stream: Stream, now: float) -> bool:
        if self._due.get((account, stream.name), now) > now:
            return False
        # A second of grace: a pass takes a moment, and must not fall to every other scrape.
        self._due[account, stream.name] = now + self._parts.interval(stream).total_seconds() - 1
        return True

    def _beat(self) -> None:
        """What the service's heartbeat shows."""
        service_metrics = self._service_metrics
        service_metrics.record_heartbeat()
        service_metrics.set_leader(True)
        service_metrics.set_database_up(self._database.up)
        service_metrics.set_spool(len(self._parts.spool), self._parts.spool.dropped)
        for name in self._parts.accounts:
            service_metrics.set_clock_skew(name, self._exchange_clock.skew_s)
        with suppress(DatabaseError):
            found = self._database.run_briefly(bookkeeping.data_quality_counts)
            for account, stream in self._stream_metrics.keys:
                odd = found.get((account, stream), bookkeeping.DataQualityCounts())
                service_metrics.set_data_quality(account, stream, **odd._asdict())

    def close(self) -> None:
        """Give everything back."""
        self._stop.set()
        self._patience.set()
        for account in self._parts.accounts.values():
            account.client.close()
        self._database.close()
        self._postgres.stop()
        self.simulator.stop()


def _play(incident: Incident, simulator: Simulator, share: float) -> None:
    if incident.begins <= share < incident.ends:
        through = (share - incident.begins) / (incident.ends - incident.begins)
        incident.during(simulator, through)
    elif incident.ends <= share:
        incident.after(simulator)
