"""A plain reader of the simulated exchange, for the simulator's own tests."""

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
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading certificates takes longer than a test
LAST_30_DAYS = {"from": "2026-03-01T12:30:30Z", "to": "2026-03-31T12:30:30Z"}


class Reader:
    """Asks one simulator with the token of one account; "" asks without a token."""

    def __init__(self, simulator: Simulator, account: str = "main") -> None:
        token = simulator.tokens.get(account)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            base_url=simulator.base_url, headers=headers, timeout=5, verify=NO_TLS
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

    def ask(self, path: str, **params: str | int) -> httpx.Response:
        """Return the answer, whatever it is."""
        return self._client.get(path, params=params)

    def send(self, method: str, path: str) -> httpx.Response:
        """Ask with another method."""
        return self._client.request(method, path)

    def json(self, path: str, **params: str | int) -> Any:
        """Return a good answer, its numbers exact."""
        answer = self.ask(path, **params)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content, parse_float=Decimal)

    def pages(self, path: str, **params: str | int) -> Iterator[Any]:
        """Yield every page of a walk by cursor, which must end within 10,000 pages."""
        cursor: dict[str, str | int] = {}
        for _ in range(10_000):
            page = self.json(path, **params, **cursor)
            yield page
            if "cursor" not in page:
                return
            cursor = {"cursor": page["cursor"]}
        raise AssertionError("the walk does not end")

    def trades(self, **params: str | int) -> list[Any]:
        """Return the trade rows of a whole walk."""
        walk = self.pages("/account/trades", **(LAST_30_DAYS | params))
        return [row for page in walk for row in page["trade_history"]]


def trade_ids(rows: list[Any]) -> list[str]:
    """Return the ids of trade rows, in their order."""
    return [row["trade"]["trade_id"] for row in rows]
