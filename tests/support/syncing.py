"""An app on a simulated exchange and a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from exporter.app import App, enabled, process_name
from exporter.metrics.families import SYNC_FAMILIES
from exporter.settings import Settings, load
from exporter.simulator import AccountSpec, Simulator
from exporter.streams import STREAMS
from tests.support.simulator_client import NOW

DAY = timedelta(days=1)
ACCOUNTS = (AccountSpec("main", trades_per_day=100), AccountSpec("hedge", trades_per_day=40))


def exchange(
    *, days: float = 2, accounts: tuple[AccountSpec, ...] = ACCOUNTS, seed: int = 1, **more: Any
) -> Simulator:
    """A small exchange whose clock stands still until it is advanced."""
    return Simulator(seed=seed, now=NOW, speed=0, history_days=days, accounts=accounts, **more)


def environment(
    simulator: Simulator, database_url: str, folder: Path, **more: str
) -> dict[str, str]:
    """The settings of an exporter that reads every account of the simulator."""
    files = []
    for name, token in simulator.tokens.items():
        path = folder / f"{name}.token"
        path.write_text(token)
        path.chmod(0o600)
        files.append(f"{name}={path}")
    return {
        "ONETRADING_BASE_URL": simulator.base_url,
        "ONETRADING_ACCOUNTS": ",".join(files),
        "ONETRADING_DATA_DIR": str(folder / "data"),
        "ONETRADING_HISTORY_START": (NOW - 2 * DAY).isoformat(),
        "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        "ONETRADING_LISTEN": "127.0.0.1:0",
        "DATABASE_URL": database_url,
    } | more


def settings(environ: Mapping[str, str]) -> Settings:
    """Those of `environment`, read."""
    return load(environ, stream_names=[stream.name for stream in STREAMS])


@contextmanager
def running(environ: Mapping[str, str], *, service: bool = False) -> Iterator[App]:
    """An app with its database open."""
    holder = process_name() if service else None
    app = App(settings(environ), enabled(settings(environ)), holder=holder)
    try:
        assert app.open_database()
        yield app
    finally:
        app.close()


def run_passes(app: App) -> dict[tuple[str, str], str]:
    """One pass of every stream, side by side as in the service; what came of each."""
    first = [sync for sync in app.syncs if not sync.stream.backfilled]
    rest = [sync for sync in app.syncs if sync.stream.backfilled]
    outcomes: dict[tuple[str, str], str] = {}
    with ThreadPoolExecutor(8) as pool:
        for syncs in (first, rest):  # histories per instrument need the list of instruments
            found = pool.map(app.runner.run, syncs)
            outcomes |= dict(zip((sync.key for sync in syncs), found, strict=True))
    return outcomes


def fill(app: App) -> bool:
    """Fill every gap of every history; whether all could be filled."""
    with ThreadPoolExecutor(8) as pool:
        return all(pool.map(app.gap_filler().fill, app.histories()))


def sync(app: App) -> None:
    """All there is, without a fault; counters are shown by the pass after the filling."""
    assert set(run_passes(app).values()) <= {"ok", "not permitted"}
    assert fill(app)
    assert set(run_passes(app).values()) <= {"ok", "not permitted"}


def shown(app: App) -> list[bytes]:
    """The lines that /metrics shows of the domain."""
    own = {metric.name for metric in SYNC_FAMILIES}
    chunks = [chunk for name, chunk in app.metrics.streams.chunks() if name not in own]
    return sorted(b"".join(chunks).splitlines())


def let_pass(simulator: Simulator, app: App, seconds: float) -> None:
    """Let simulated time pass, and tell the app's clock."""
    simulator.advance(seconds)
    app.accounts["public"].client.server_time()
