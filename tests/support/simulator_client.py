"""A plain client of the simulated exchange, for the simulator's own tests."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from exporter.simulator import Simulator

NOW = datetime(2026, 3, 31, 12, 30, 30, tzinfo=UTC)
WEEK = {"from": "2026-03-26T00:00:00Z", "to": "2026-03-31T12:30:30Z"}
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading CA certificates takes longer than a test
LAST_30_DAYS = {"from": "2026-03-01T12:30:30Z", "to": "2026-03-31T12:30:30Z"}


class SimulatorClient:
    """Sends requests to one simulator with the token of one account; without one for ""."""

    def __init__(self, simulator: Simulator, account: str = "main") -> None:
        token = simulator.tokens.get(account)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            base_url=simulator.base_url, headers=headers, timeout=30, verify=NO_TLS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, **params: str | int) -> httpx.Response:
        """Return the response, whatever its status."""
        return self._client.get(path, params=params)

    def send(self, method: str, path: str) -> httpx.Response:
        """Send a request with another method."""
        return self._client.request(method, path)

    def json(self, path: str, **params: str | int) -> Any:
        """Return the body of a 200, with numbers as Decimal."""
        response = self.get(path, **params)
        assert response.status_code == 200, response.text
        return json.loads(response.content, parse_float=Decimal)

    def pages(self, path: str, **params: str | int) -> Iterator[Any]:
        """Yield every page, by cursor; there must be at most 10,000."""
        cursor: dict[str, str | int] = {}
        for _ in range(10_000):
            page = self.json(path, **params, **cursor)
            yield page
            if "cursor" not in page:
                return
            cursor = {"cursor": page["cursor"]}
        raise AssertionError("the pages do not end")

    def trades(self, **params: str | int) -> list[Any]:
        """Return the trade rows of all pages."""
        pages = self.pages("/account/trades", **(LAST_30_DAYS | params))
        return [row for page in pages for row in page["trade_history"]]


def trade_ids(rows: list[Any]) -> list[str]:
    """Return the ids of trade rows, in order."""
    return [row["trade"]["trade_id"] for row in rows]


def trades_of_week(client: SimulatorClient, **params: str | int) -> list[Any]:
    """The trades of the week before `NOW`; ``params`` as the exchange reads them."""
    return client.trades(**(WEEK | params))
