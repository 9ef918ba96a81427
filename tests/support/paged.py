"""An exchange with one history, over real HTTP, that can misbehave on purpose.

`syncing` runs an app that reads its trades into a real Postgres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from exporter.app import App, Runtime
from tests.support.configuration import environment_of
from tests.support.exchange_server import Answer, ExchangeServer, served
from tests.support.sync_app import running

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BASE = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT_ID = "a0000000-0000-4000-8000-000000000001"
PRESENT = BASE + timedelta(days=120)
"""The time that a `ScriptedExchange` reports."""
SECOND = 1_000
_MILLISECOND = timedelta(milliseconds=1)
_MOST_RESPONSES = 1_000

PageResponse = tuple[int, Any]
"""Status and body."""


class Row(NamedTuple):
    """A record: when it happened, in milliseconds since BASE, and its number."""

    at: int
    number: int

    @property
    def trade_id(self) -> str:
        """Its identity."""
        return f"00000000-0000-4000-8000-{self.number:012d}"


def row_at(at: datetime, number: int) -> Row:
    """The record of an instant."""
    return Row((at - BASE) // _MILLISECOND, number)


def numbered(instants: list[int]) -> list[Row]:
    """A record for each instant, in milliseconds since BASE."""
    return [Row(at, number) for number, at in enumerate(instants, 1)]


def instant(millis: int) -> datetime:
    """The instant so many milliseconds after BASE."""
    return BASE + timedelta(milliseconds=millis)


@dataclass
class Exchange:
    """How the rows are served. Pages are numbered from 0 over all requests of a test."""

    rows: list[Row]
    size: int = 3
    """The most rows of a page, whatever size is requested."""
    oldest_first: bool = False
    cursors: bool = True
    shuffled: int | None = None
    """Seed of a random order among the rows of one instant, which changes with each page."""
    repeated: int = 0
    """How many rows of the previous page each page starts with."""
    empty: frozenset[int] = frozenset()
    """Pages that are empty and have a cursor."""
    expired: frozenset[int] = frozenset()
    """Pages that reject the cursor as unknown, if one was sent."""
    broken: frozenset[int] = frozenset()
    """Pages that are a 400, whatever was sent."""
    same_cursor: bool = False
    as_given: bool = False
    """The rows are served in the order given, whatever that is."""
    answered: int = 0
    """How many requests it has responded to."""
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, query: dict[str, str]) -> PageResponse:
        """Status and body of the next response."""
        number, self.answered = self.answered, self.answered + 1
        self.asked.append(query)
        if number in self.broken or number > _MOST_RESPONSES:
            return 400, {"error": "INVALID_QUERY"}
        if number in self.expired and "cursor" in query:
            return 400, {"error": "INVALID_CURSOR"}
        first, last = (millis_of(query[name]) for name in ("from", "to"))
        found = [row for row in self.rows if first <= row.at <= last]
        if not self.as_given:
            found.sort(reverse=not self.oldest_first)
        place = int(query.get("cursor", "0").split("-")[0])
        if number in self.empty and place < len(found):
            return 200, self._body([], f"{place}-{number}")
        begin = max(place - self.repeated, 0)
        # A page that only repeats would never end.
        end = max(begin + min(self.size, int(_page_size(query))), place + 1)
        page = self._mixed(found[begin:end], number)
        following = f"{end}" if end < len(found) else None
        if self.same_cursor and "cursor" in query and following:
            following = query["cursor"]
        return 200, self._body(page, following if self.cursors else None)

    def _mixed(self, page: list[Row], number: int) -> list[Row]:
        if self.shuffled is None:
            return page
        random = Random(self.shuffled + number)  # noqa: S311  not for secrets
        sign = 1 if self.oldest_first else -1
        return sorted(page, key=lambda row: (sign * row.at, random.random()))

    def _body(self, page: list[Row], cursor: str | None) -> Any:
        if self.cursors:
            body: dict[str, Any] = {"trade_history": [trade_of(row) for row in page]}
        else:
            body = {"funding_rates": [_rate(row) for row in page]}
        return body if cursor is None else body | {"cursor": cursor}


@dataclass
class ScriptedExchange(Exchange):
    """Responds to a window of trades as ``respond`` says; None: with the rows."""

    respond: Callable[[dict[str, str]], PageResponse | None] = lambda _query: None

    def answer(self, query: dict[str, str]) -> PageResponse:
        """The next response; a request without a window is for the time, or for the account."""
        if "from" not in query:
            millis = (PRESENT - EPOCH) // _MILLISECOND
            return 200, {"epoch_millis": millis, "account_id": ACCOUNT_ID}
        response = self.respond(query)
        if response is None:
            return super().answer(query)
        self.asked.append(query)
        return response


def _page_size(query: dict[str, str]) -> str:
    return query.get("max_page_size") or query["limit"]


def millis_of(text: str) -> int:
    """A bound of a window as sent, in milliseconds since BASE."""
    at = EPOCH + timedelta(milliseconds=int(text)) if text.isdigit() else _parsed(text)
    return (at - BASE) // _MILLISECOND


def _parsed(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def trade_of(row: Row) -> dict[str, Any]:
    """A record as one of trades."""
    return {
        "fee": {"fee_amount": "0.1", "fee_currency": "USD"},
        "trade": {
            "trade_id": row.trade_id,
            "account_id": ACCOUNT_ID,
            "instrument_code": "BTC_USD_P",
            "side": "BUY",
            "price": "1",
            "amount": "1",
            "time": f"{instant(row.at):%Y-%m-%dT%H:%M:%S}.{row.at % SECOND:03d}Z",
            "sequence": str(row.number),
        },
    }


def _rate(row: Row) -> dict[str, Any]:
    at = (instant(row.at) - EPOCH) // _MILLISECOND
    code = f"N{row.number}_USD_P"
    return {"instrument_code": code, "funding_rate": "0.1", "mark_price": "1", "time": at}


class PagedServer(ExchangeServer):
    """Serves one exchange at a time; another may be put in its place between two walks."""

    exchange = Exchange([])

    def respond(self, path: str, query: Mapping[str, str]) -> Answer:  # noqa: ARG002
        return Answer(*self.exchange.answer(dict(query)))


def paged() -> AbstractContextManager[PagedServer]:
    """A server on a port of its own."""
    return served(PagedServer())


@contextmanager
def syncing(
    exchange: Exchange,
    database_url: str,
    folder: Path,
    start: datetime,
    runtime: Runtime | None = None,
) -> Iterator[App]:
    """An app that reads the trades of ``exchange`` from ``start`` on."""
    with paged() as server:
        server.exchange = exchange
        environ = environment_of(
            server.base_url,
            folder,
            {"main": "token"},
            ONETRADING_HISTORY_START=start.isoformat(),
            ONETRADING_REQUESTS_PER_MINUTE="100000",
            ONETRADING_STREAMS="trades",
            DATABASE_URL=database_url,
        )
        with running(environ, runtime=runtime) as app:
            yield app
