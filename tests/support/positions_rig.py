"""An exporter that reads the positions of a `PositionsExchange`, on one clock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg

from exporter.api.retry import Policy
from exporter.app import App, Runtime
from tests.support.configuration import environment_of
from tests.support.positions_exchange import (
    BASE,
    HISTORY,
    PositionsExchange,
    PositionsServer,
)
from tests.support.sync_app import Steady, running

ONE_ATTEMPT = Policy(base_s=1e6, cap_s=1e6)


class Rig:
    """An exporter that reads the positions of an exchange, on one clock."""

    def __init__(self, app: App, exchange: PositionsExchange, database_url: str) -> None:
        self.app = app
        self.database_url = database_url
        self.exchange = exchange
        self.syncs = {sync.stream.name: sync for sync in app.syncs}

    def wait(self, seconds: float, *, looking: bool = False) -> None:
        """Let time pass; ``looking``: with a look at the open positions every four minutes."""
        while seconds > 0:
            step = min(seconds, 240.0) if looking else seconds
            self.exchange.now += timedelta(seconds=step)
            assert isinstance(self.app.clock.steady, Steady)
            self.app.clock.steady.at += step
            seconds -= step
            if looking:
                self.run("positions")

    def run(self, *streams: str) -> list[str]:
        """One pass of each."""
        return [self.app.runner.run(self.syncs[name]) for name in streams]

    def fill(self) -> bool:
        """What is missing of the history of closed positions."""
        (history,) = (one for one in self.app.histories() if one.stream.name == "closed_positions")
        return self.app.gap_filler().fill(history)

    def read(self) -> None:
        """Look, read what is new, fill what is missing."""
        assert self.run("positions", "closed_positions") == ["ok", "ok"]
        assert self.fill()

    def read_trades(self) -> None:
        """The same of trades."""
        assert self.run("trades") == ["ok"]
        (history,) = (one for one in self.app.histories() if one.stream.name == "trades")
        assert self.app.gap_filler().fill(history)

    def skip(self, seconds: float) -> None:
        """Let time pass in which the open positions did not change."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(
                "UPDATE onetrading.snapshots SET last_observed_at = last_observed_at"
                " + make_interval(secs => %s) WHERE snapshot_id = ("
                " SELECT max(snapshot_id) FROM onetrading.snapshots WHERE account_id = %s)",
                [seconds, self.exchange.account_id],
            )
        self.wait(seconds)
        assert self.run("positions") == ["ok"]

    def history_requests(self) -> int:
        """How often closed positions were requested."""
        return len(self.exchange.asked(HISTORY))


@contextmanager
def rig(
    server: PositionsServer,
    exchange: PositionsExchange,
    database_url: str,
    folder: Path,
    start: datetime = BASE - timedelta(days=40),
    streams: str = "positions,closed_positions",
) -> Iterator[Rig]:
    """An exporter of an account that no other test has."""
    server.exchange = exchange
    name = f"a{exchange.account_id[:8]}"
    environ = environment_of(
        server.base_url,
        folder,
        {name: "token"},
        ONETRADING_HISTORY_START=start.isoformat(),
        ONETRADING_REQUESTS_PER_MINUTE="1000000",
        ONETRADING_STREAMS=streams,
        DATABASE_URL=database_url,
    )
    with running(environ, runtime=replace(Runtime(), retry=ONE_ATTEMPT)) as app:
        yield Rig(app, exchange, database_url)


_numbers = itertools.count(1_000, 1_000)


def new_exchange() -> PositionsExchange:
    return PositionsExchange(str(uuid4()), numbered_from=next(_numbers))


def stored(database_url: str, exchange: PositionsExchange) -> set[str]:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT position_id FROM onetrading.closed_positions WHERE account_id = %s",
            [exchange.account_id],
        ).fetchall()
    return {position_id for (position_id,) in found}
