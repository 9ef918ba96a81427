"""An app on a simulated exchange and a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from exporter.app import App, enabled
from exporter.metrics.families import SYNC_FAMILIES
from exporter.model.stream import History
from exporter.settings import Settings, load
from exporter.simulator import AccountSpec, Simulator
from exporter.streams import STREAMS
from exporter.sync import GapFiller
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
    app = App(settings(environ), enabled(settings(environ)), service=service)
    try:
        assert app.open_database()
        yield app
    finally:
        app.close()


def run_passes(app: App) -> dict[tuple[str, str], str]:
    """One pass of every stream, side by side as in the service; what came of each."""
    first = [pair for pair in app.pairs() if not isinstance(pair[1], History)]
    rest = [pair for pair in app.pairs() if isinstance(pair[1], History)]
    outcomes: dict[tuple[str, str], str] = {}
    with ThreadPoolExecutor(8) as pool:
        for pairs in (first, rest):  # histories per instrument need the list of instruments
            found = pool.map(lambda pair: app.runner.run(*pair), pairs)
            names = ((account.name, stream.name) for account, stream in pairs)
            outcomes |= dict(zip(names, found, strict=True))
    return outcomes


def fill(app: App) -> bool:
    """Fill every gap of every history; whether all could be filled."""
    readers = [r for account in app.parts.accounts.values() for r in app.readers(account)]
    with ThreadPoolExecutor(8) as pool:
        return all(pool.map(lambda reader: GapFiller(app.parts, [reader]).fill(reader), readers))


def sync(app: App) -> None:
    """All there is, without a fault; counters are shown by the pass after the filling."""
    assert set(run_passes(app).values()) <= {"ok", "not permitted"}
    assert fill(app)
    assert set(run_passes(app).values()) <= {"ok", "not permitted"}


def shown(app: App) -> list[bytes]:
    """The lines that /metrics shows of the domain."""
    own = {metric.name for metric in SYNC_FAMILIES}
    chunks = [chunk for name, chunk in app.stream_metrics.chunks() if name not in own]
    return sorted(b"".join(chunks).splitlines())


def let_pass(simulator: Simulator, app: App, seconds: float) -> None:
    """Let simulated time pass, and tell the app's clock."""
    simulator.advance(seconds)
    app.parts.accounts["public"].client.server_time()
