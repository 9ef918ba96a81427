"""Pages of trades as the exchange sends them, taken from the simulated exchange over HTTP."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from exporter.simulator import AccountSpec, Simulator

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
PAGE_ROWS = 100


class Pages(NamedTuple):
    """Bodies of consecutive pages, newest first, and whose they are."""

    account_id: str
    bodies: list[bytes]


def trades(rows: int) -> Pages:
    """``rows`` trades of one account, 100 to a page. The prices repeat after 1,024; nothing else."""
    spec = AccountSpec("main", bulk_trades=rows)
    with Simulator(now=NOW, speed=0, history_days=30, accounts=(spec,)) as simulator:
        query = {
            "from": (NOW - timedelta(days=30)).isoformat().replace("+00:00", "Z"),
            "to": NOW.isoformat().replace("+00:00", "Z"),
            "max_page_size": str(PAGE_ROWS),
        }
        bodies: list[bytes] = []
        while True:
            request = urllib.request.Request(
                f"{simulator.base_url}/account/trades?{urllib.parse.urlencode(query)}",
                headers={"Authorization": f"Bearer {simulator.tokens['main']}"},
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                bodies.append(answer.read())
            cursor = json.loads(bodies[-1]).get("cursor")
            if cursor is None:
                return Pages(simulator.account_ids["main"], bodies)
            query["cursor"] = cursor
