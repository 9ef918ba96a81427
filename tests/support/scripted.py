"""An app whose exchange says, to whatever it asks, the one text that a test gives.

Real HTTP, a real pass, a real Postgres: for tests of what becomes of an answer's very bytes.
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
from tests.support.expositions import samples, text_families
from tests.support.facts import Connection
from tests.support.loopback import Loopback, reply, serving
from tests.support.simulator_client import NOW
from tests.support.syncing import running

ACCOUNT_ID = "a0000000-0000-4000-8000-000000000001"
RECENTLY = NOW - timedelta(minutes=2)
"""So recent that each of the first few passes reads it again."""


class Scripted:
    """An app, its exchange and its database."""

    def __init__(self, app: App, server: Loopback, connection: Connection) -> None:
        self._app = app
        self._server = server
        self._connection = connection
        self._now = NOW

    def poll(self, stream: str, body: str) -> str:
        """Half a minute later: one pass that is answered with ``body``; how it went."""
        self._now += timedelta(seconds=30)
        self._server.script[:] = [reply(200, body, Date=format_datetime(self._now, usegmt=True))]
        sync = next(sync for sync in self._app.syncs if sync.stream.name == stream)
        return self._app.runner.run(sync)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query answers."""
        return self._connection.execute(query.encode()).fetchall()

    def shown(self, name: str, stream: str, **labels: str) -> float:
        """The value on /metrics of a series about a stream."""
        body, _ = self._app.metrics.render("", "")
        public = stream in ("instruments", "currencies")
        told = {"account": PUBLIC_ACCOUNT if public else "main", "stream": stream} | labels
        return samples(text_families(body.decode()))[name, tuple(sorted(told.items()))]


@contextmanager
def scripted(database_url: str, folder: Path) -> Iterator[Scripted]:
    """An app that reads account ``main``, and an exchange that waits to be told what to say."""
    token = folder / "main.token"
    token.write_text("token")
    token.chmod(0o600)
    with serving(reply(500)) as server:
        environ = {
            "ONETRADING_BASE_URL": server.base_url,
            "ONETRADING_ACCOUNTS": f"main={token}",
            "ONETRADING_DATA_DIR": str(folder / "data"),
            "ONETRADING_HISTORY_START": (NOW - timedelta(days=1)).isoformat(),
            "ONETRADING_LISTEN": "127.0.0.1:0",
            "DATABASE_URL": database_url,
        }
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
