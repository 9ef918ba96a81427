"""An app whose exchange responds to every request with the bytes that a test gives.

HTTP, pass and Postgres are real. For tests of how the exact bytes of a response are handled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import psycopg

from exporter.app import App
from exporter.model.stream import PUBLIC_ACCOUNT
from tests.support.configuration import environment_of
from tests.support.expositions import samples, text_families
from tests.support.facts import Connection
from tests.support.loopback import Loopback, reply, serving
from tests.support.simulator_client import NOW
from tests.support.sync_app import Steady, running

ACCOUNT_ID = "a0000000-0000-4000-8000-000000000001"
RECENTLY = NOW - timedelta(minutes=2)
"""Recent enough for each of the first few passes to read it again."""


class Scripted:
    """An app, its exchange and its database."""

    def __init__(self, app: App, server: Loopback, connection: Connection) -> None:
        self._app = app
        self._server = server
        self._connection = connection
        self._now = NOW

    def poll(self, stream: str, body: str) -> str:
        """One pass, half a minute later, that gets ``body``; its outcome."""
        self._now += timedelta(seconds=30)
        assert isinstance(self._app.clock.steady, Steady)
        self._app.clock.steady.at += 30
        self._server.script[:] = [reply(200, body, Date=format_datetime(self._now, usegmt=True))]
        sync = next(sync for sync in self._app.syncs if sync.stream.name == stream)
        return self._app.runner.run(sync)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._connection.execute(query.encode()).fetchall()

    def run(self, statement: str) -> None:
        """Run a statement without a result."""
        self._connection.execute(statement.encode())

    def shown(self, name: str, stream: str, **labels: str) -> float:
        """The value on /metrics of a series of a stream."""
        body, _ = self._app.metrics.render("", "")
        public = stream in ("instruments", "currencies")
        all_labels = {"account": PUBLIC_ACCOUNT if public else "main", "stream": stream} | labels
        return samples(text_families(body.decode()))[name, tuple(sorted(all_labels.items()))]


@contextmanager
def scripted(database_url: str, folder: Path) -> Iterator[Scripted]:
    """An app that reads account ``main``, and an exchange without a response yet."""
    with serving(reply(500)) as server:
        environ = environment_of(
            server.base_url,
            folder,
            {"main": "token"},
            ONETRADING_HISTORY_START=(NOW - timedelta(days=1)).isoformat(),
            DATABASE_URL=database_url,
        )
        with (
            running(environ) as app,
            psycopg.connect(database_url, autocommit=True) as connection,
        ):
            yield Scripted(app, server, connection)


def history(*records: str) -> str:
    """The last page of trades."""
    return f'{{"account_id": "{ACCOUNT_ID}", "trade_history": [{",".join(records)}]}}'


def trade_id(number: int) -> str:
    """The identity of a trade."""
    return f"00000000-0000-4000-8000-{number:012d}"


def trade(
    number: int = 1, price: str = '"100.50"', fee: str = "0.10", at: datetime = RECENTLY
) -> str:
    """A trade as sent; ``price`` and ``fee`` (a percentage that has no column) are JSON."""
    return (
        f'{{"fee":{{"fee_amount":"0.5","fee_currency":"USD","fee_percentage":{fee}}},'
        f'"trade":{{"trade_id":"{trade_id(number)}","account_id":"{ACCOUNT_ID}",'
        f'"instrument_code":"BTC_USD_P","side":"BUY","price":{price},"amount":"2",'
        f'"time":"{at:%Y-%m-%dT%H:%M:%S.000Z}","matched_as":"TAKER"}}}}'
    )
