"""An exporter that polls fixed responses at given instants, and what Postgres keeps of them.

Instants are seconds since the start of the test's clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from tests.support.clocks import START
from tests.support.ports import unused_port
from tests.support.world import BY_NAME, World, world

Spans = list[tuple[float, float]]
"""From when until when each snapshot was observed."""


def balances(available: str = "3.5", **header: str) -> bytes:
    """A response with one currency; ``header``: its fields beside `balances`."""
    rows = [{"currency_code": "BTC", "available": available, "locked": "0"}]
    return json.dumps({**header, "balances": rows}).encode()


@contextmanager
def exporter(folder: Path, url: str, *, at: float = 0, **pages: bytes) -> Iterator[World]:
    """An exporter that starts at an instant; ``pages``: the fixed response of a stream."""
    fixed = {"/" + BY_NAME[stream].path: body for stream, body in pages.items()}
    with world(folder, url, pages=fixed) as live:
        live.tick(at)
        yield live


def poll(live: World, account: str, stream: str, *instants: float) -> None:
    """Poll at each of these instants, which must not lie in the past."""
    for at in instants:
        live.tick(at - live.clock.at)
        assert live.poll(account, stream) == "ok"


def poll_balances(folder: Path, url: str, body: bytes, *instants: float) -> None:
    """An exporter that gets this response at each of these instants."""
    with exporter(folder, url, at=instants[0], balances=body) as live:
        poll(live, "main", "balances", *instants)


def away() -> str:
    """The URL of a Postgres that is not running."""
    return f"postgresql://nobody@127.0.0.1:{unused_port()}/none"


def ask(url: str, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with psycopg.connect(url) as connection:
        return connection.execute(query, parameters).fetchall()


def retired(url: str) -> dict[str, str]:
    """Why scopes are not read any more, but for closed instruments.

    By scope; a stream without scopes by its name.
    """
    query: LiteralString = (
        "SELECT coalesce(nullif(scope, ''), stream), retired_because FROM onetrading_sync.progress"
        " WHERE retired_because <> 'the instrument is closed'"
    )
    return dict(ask(url, query))


def spans(url: str, stream: str = "balances") -> Spans:
    """The snapshots of a stream in the order in which they were observed."""
    rows = ask(
        url,
        "SELECT extract(epoch FROM first_observed_at - %s)::float,"
        " extract(epoch FROM last_observed_at - %s)::float"
        " FROM onetrading.snapshots WHERE stream = %s ORDER BY first_observed_at, snapshot_id",
        START,
        START,
        stream,
    )
    return [(first, last) for first, last in rows]


def open_rejects(url: str) -> list[tuple[str, str]]:
    """Account and stream of each open reject."""
    rows = ask(url, "SELECT account, stream FROM reporting.open_rejects ORDER BY 1, 2")
    return [(account, stream) for account, stream in rows]
