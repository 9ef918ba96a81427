"""An `App` on a simulated exchange and a real Postgres: start it, sync it, read what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from exporter.app import App, Runtime, enabled
from exporter.metrics.families import SYNC_FAMILIES
from exporter.simulator import AccountSpec, Simulator
from exporter.store.holder import new_holder
from tests.support.configuration import environment_of, settings_from
from tests.support.simulator_client import NOW

DAY = timedelta(days=1)
ACCOUNTS = (AccountSpec("main", trades_per_day=100), AccountSpec("hedge", trades_per_day=40))


def exchange(
    *, days: float = 2, accounts: tuple[AccountSpec, ...] = ACCOUNTS, seed: int = 1, **more: Any
) -> Simulator:
    """A small exchange whose clock stands still until the test advances it."""
    return Simulator(seed=seed, now=NOW, speed=0, history_days=days, accounts=accounts, **more)


def environment(
    simulator: Simulator, database_url: str, folder: Path, **more: str
) -> dict[str, str]:
    """The environment of an exporter that reads every account of the simulator."""
    given = {
        "ONETRADING_HISTORY_START": (NOW - 2 * DAY).isoformat(),
        "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        "DATABASE_URL": database_url,
    }
    return environment_of(simulator.base_url, folder, simulator.tokens, **(given | more))


class Steady:
    """A steady clock that only the test advances, as it does the exchange's."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@contextmanager
def running(
    environ: Mapping[str, str],
    *,
    service: bool = False,
    steady: Callable[[], float] | None = None,
    runtime: Runtime | None = None,
) -> Iterator[App]:
    """An app with its database open; ``service``: one that takes leases, as `run` does.

    ``steady``: what its exchange's time is carried forward with; None: see `let_pass`.
    """
    holder = new_holder() if service else None
    settings = settings_from(environ)
    runtime = replace(runtime or Runtime(), steady=steady or Steady())
    app = App(settings, enabled(settings), holder=holder, runtime=runtime)
    try:
        assert app.open_database()
        if app.leases is not None:
            app.leases.renew()
        yield app
    finally:
        app.close()


def run_passes(app: App) -> dict[tuple[str, str], str]:
    """One pass of every stream, in parallel as in the service; the outcome of each."""
    first = [sync for sync in app.syncs if not sync.stream.requires]
    rest = [sync for sync in app.syncs if sync.stream.requires and sync.stream.stands_alone]
    last = [sync for sync in app.syncs if not sync.stream.stands_alone]
    outcomes: dict[tuple[str, str], str] = {}
    with ThreadPoolExecutor(8) as pool:
        for syncs in (first, rest, last):  # what is required comes first
            found = pool.map(app.runner.run, syncs)
            outcomes |= dict(zip((sync.key for sync in syncs), found, strict=True))
    return outcomes


def fill(app: App) -> bool:
    """Fill every gap of every history; True when none is left."""
    with ThreadPoolExecutor(8) as pool:
        return all(pool.map(app.gap_filler().fill, app.histories()))


def sync(app: App) -> None:
    """Read everything without an error; the pass after the backfill shows the counters."""
    assert set(run_passes(app).values()) <= {"ok", "not permitted"}
    assert fill(app)
    assert set(run_passes(app).values()) <= {"ok", "not permitted"}


def shown(app: App) -> list[bytes]:
    """The domain series on /metrics, one line each, sorted."""
    own = {metric.name for metric in SYNC_FAMILIES}
    chunks = [chunk for name, chunk in app.metrics.streams.chunks() if name not in own]
    return sorted(b"".join(chunks).splitlines())


def let_pass(simulator: Simulator, app: App, seconds: float) -> None:
    """Let time pass for both."""
    simulator.advance(seconds)
    assert isinstance(app.clock.steady, Steady)
    app.clock.steady.at += seconds
