"""Pages of trades as the exchange sends them, taken from the simulated exchange over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx

from benchmarks.bulk import bulk_account
from exporter.simulator import Simulator

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
PAGE_ROWS = 100


class Pages(NamedTuple):
    """The bodies of consecutive pages, newest first, and the account they belong to."""

    account_id: str
    bodies: list[bytes]


def trades(rows: int) -> Pages:
    """``rows`` trades of one account, 100 to a page.

    Trades repeat after 1,024 variants; ids, instants and sequence numbers do not.
    """
    with (
        Simulator(
            now=NOW, speed=0, history_days=30, accounts=(bulk_account(rows, NOW),)
        ) as simulator,
        httpx.Client(headers={"Authorization": f"Bearer {simulator.tokens['main']}"}) as client,
    ):
        query = {
            "from": _text(NOW - timedelta(days=30)),
            "to": _text(NOW),
            "max_page_size": str(PAGE_ROWS),
        }
        bodies: list[bytes] = []
        while True:
            bodies.append(client.get(f"{simulator.base_url}/account/trades", params=query).content)
            cursor = json.loads(bodies[-1]).get("cursor")
            if cursor is None:
                return Pages(simulator.account_ids["main"], bodies)
            query["cursor"] = cursor


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
