"""Many hours of the real exporter in a few minutes: the exchange's clock advances between polls.

Everything is real and built by `exporter.app`. Only the clock differs: it jumps from one scrape to
the next.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.app import App, Runtime, enabled
from exporter.housekeeping import Housekeeping
from exporter.settings import load
from exporter.simulator import Simulator
from exporter.store.embedded import EmbeddedPostgres
from exporter.streams import STREAMS
from tools.preview.clocks import JumpingClock, Pace, Patience

_PHASE_S = 14.0
"""A scrape follows the polls by up to this long, since the two are not synchronized."""
_UNPACED = "1000000"
"""Requests a minute during the backfill: history before the recording takes no recorded time."""
_BEFORE_S = 21_600
"""Seconds between two polls before the recording: what is told by day has days to tell of."""
_PATIENCE = 50
"""How often a backfill is restarted: it yields to live polling after a while."""
# The database of a recording is thrown away.
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Incident:
    """Something that happens during the recording, between two fractions (0 to 1) of its length.

    ``during`` is called before each poll with the fraction of the incident that is over.
    """

    begins: float
    ends: float
    during: Callable[[Simulator, float], None]
    after: Callable[[Simulator], None]


class Timelapse:
    """An exporter and its exchange, which began ``days`` ago. Close it to end both.

    The last ``hours`` are recorded; before them there are only polls, four times a day.
    """

    def __init__(self, folder: Path, hours: float, days: float, *, seed: int = 1) -> None:
        self.recorded = datetime.now(UTC) - timedelta(hours=hours)
        self.start = min(self.recorded, datetime.now(UTC) - timedelta(days=days))
        self.simulator = Simulator(seed=seed, now=self.start, history_days=30)
        # Only now: building an exchange takes a moment, in which its clock does not move.
        self.clock = JumpingClock(self.start)
        self._chance = random.Random(seed)  # noqa: S311  nothing here is a secret
        self._postgres = EmbeddedPostgres(folder, settings=_HASTY)
        self._environment = {
            "ONETRADING_BASE_URL": self.simulator.base_url,
            "ONETRADING_DATA_DIR": str(folder),
            "ONETRADING_ACCOUNTS": ",".join(self._token_files(folder)),
            "DATABASE_URL": self.database_url,
        }
        self._app = self._opened()
        self._due: dict[str, float] = {}

    def _opened(self, **more: str) -> App:
        """An exporter whose waits end at once, and advance the clocks."""
        names = [stream.name for stream in STREAMS]
        settings = load(self._environment | more, stream_names=names)
        runtime = Runtime(
            wall=self.clock.wall,
            monotonic=self.clock.monotonic,
            boottime=self.clock.monotonic,
            steady=self.clock.monotonic,
            random=self._chance.random,
            stop=Patience(self._pass_time),
        )
        app = App(settings, enabled(settings), runtime=runtime)
        app.open_database()
        return app

    @property
    def database_url(self) -> str:
        """The URL of the database."""
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

    def fill(self) -> None:
        """Read all history from before the recording, at once."""
        app = self._opened(ONETRADING_REQUESTS_PER_MINUTE=_UNPACED)
        try:
            for sync in app.syncs:
                app.runner.run(sync)
            filler = app.gap_filler()
            for history in app.histories():
                for _ in range(_PATIENCE):
                    if app.refusals.keep_backfill_away(*history.key) or filler.fill(history):
                        break
        finally:
            app.close()

    def approach(self) -> None:
        """Go through the time before the recording."""
        at = (self.clock.unix() // _BEFORE_S + 1) * _BEFORE_S
        while at < self.recorded.timestamp():
            # Before the full hour: the last answer of a day is of its end.
            self._pass_time(max(0.0, at - self.clock.unix() - self._chance.uniform(1, _PHASE_S)))
            self._poll()
            self._pass_time(max(0.0, at - self.clock.unix()))
            at += _BEFORE_S
        self._pass_time(max(0.0, self.recorded.timestamp() - self.clock.unix()))

    def film(self, pace: Pace, incidents: list[Incident]) -> Iterator[tuple[float, str]]:
        """Yield the Unix time and the body of each scrape, until the real present.

        Scrapes are at whole multiples of their interval, as the points of a graph are: a point
        between two of these rare scrapes would show data as older than it is.
        """
        app = self._app
        housekeeping = Housekeeping(
            app.metrics, app.storage, app.spool, app.clock, lambda: app.accounts
        )
        verifier = app.verifier()
        length = (datetime.now(UTC) - self.recorded).total_seconds()
        at = pace.next(self.clock.unix(), time.time())
        while at <= time.time():
            self._pass_time(max(0.0, at - self.clock.unix() - self._chance.uniform(1, _PHASE_S)))
            share = (at - self.recorded.timestamp()) / length
            for incident in incidents:
                _play(incident, self.simulator, share)
            self._poll()
            verifier.step()
            housekeeping.beat()
            housekeeping.show_data_quality()
            housekeeping.judge_months()
            housekeeping.show_verification([sync.key for sync in app.histories()])
            self._pass_time(max(0.0, at - self.clock.unix()))
            body, _ = self._app.metrics.render("", "")
            yield at, body.decode()
            at = pace.next(at, time.time())

    def _poll(self) -> None:
        """One pass of every stream whose interval has passed."""
        now = self.clock.monotonic()
        for sync in self._app.syncs:
            if self._due.get(sync.name, now) <= now:
                # A second of grace: a pass takes a moment, and must not slip to every other scrape.
                self._due[sync.name] = now + sync.interval.total_seconds() - 1
                self._app.runner.run(sync)

    def close(self) -> None:
        """Stop the exporter, Postgres and the exchange."""
        self._app.close()
        self._postgres.stop()
        self.simulator.stop()


def _play(incident: Incident, simulator: Simulator, share: float) -> None:
    if incident.begins <= share < incident.ends:
        through = (share - incident.begins) / (incident.ends - incident.begins)
        incident.during(simulator, through)
    elif incident.ends <= share:
        incident.after(simulator)
