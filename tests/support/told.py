"""An app on an exchange that answers each window of trades as a test says, and a real Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from exporter.app import App
from tests.support.paged import ACCOUNT_ID, BASE, EPOCH, Exchange, Row, paged
from tests.support.syncing import running

PRESENT = BASE + timedelta(days=120)
"""What the exchange says when it is asked for its time."""
_MILLISECOND = timedelta(milliseconds=1)

SnapshotResponse = tuple[int, Any]
"""Status and body."""


def row_at(instant: datetime, number: int) -> Row:
    """A trade at an instant."""
    return Row((instant - BASE) // _MILLISECOND, number)


@dataclass
class Told(Exchange):
    """Trades are served as `tell` says; None: the rows that there are."""

    tell: Callable[[dict[str, str]], SnapshotResponse | None] = lambda _query: None

    def answer(self, query: dict[str, str]) -> SnapshotResponse:
        """The next answer; what asks for no window asks for the time, or for the account."""
        if "from" not in query:
            millis = (PRESENT - EPOCH) // _MILLISECOND
            return 200, {"epoch_millis": millis, "account_id": ACCOUNT_ID}
        told = self.tell(query)
        if told is None:
            return super().answer(query)
        self.asked.append(query)
        return told


@contextmanager
def syncing(exchange: Exchange, database_url: str, folder: Path, start: datetime) -> Iterator[App]:
    """An app that reads the trades of ``exchange`` from ``start`` on."""
    token = folder / "main.token"
    token.write_text("token")
    token.chmod(0o600)
    with paged() as server:
        server.exchange = exchange
        environ = {
            "ONETRADING_BASE_URL": server.base_url,
            "ONETRADING_ACCOUNTS": f"main={token}",
            "ONETRADING_DATA_DIR": str(folder / "data"),
            "ONETRADING_HISTORY_START": start.isoformat(),
            "ONETRADING_REQUESTS_PER_MINUTE": "100000",
            "ONETRADING_LISTEN": "127.0.0.1:0",
            "ONETRADING_STREAMS": "trades",
            "DATABASE_URL": database_url,
        }
        with running(environ) as app:
            yield app
