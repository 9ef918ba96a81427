"""Rows outside of the window that was requested: they neither end a walk nor keep it going."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from exporter.model.stream import History
from exporter.model.window import Window
from exporter.streams.trades import TRADES
from tests.api.test_paginator import CURSORLESS, HOURS, Delivered, Rig, identity
from tests.support.paged import Exchange, PageResponse, Row, instant, numbered, paged

LONG_AGO = -100_000 * HOURS
WINDOW = Window(instant(10 * HOURS), instant(20 * HOURS))


@dataclass
class Careless(Exchange):
    """Ignores ``from``, and can add one record to each page."""

    ignores_from: bool = False
    stray: Row | None = None
    first: bool = False
    """The stray is the first of a page, else the last."""

    def answer(self, query: dict[str, str]) -> PageResponse:
        """Status and body of the next response."""
        if self.ignores_from:
            query = query | {"from": "2020-01-01T00:00:00.000Z" if self.cursors else "0"}
        return super().answer(query)

    def _body(self, page: list[Row], cursor: str | None) -> Any:
        stray = [] if self.stray is None else [self.stray]
        return super()._body([*stray, *page] if self.first else [*page, *stray], cursor)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with paged() as server:
        one = Rig(server)
        yield one
        one.client.close()


def walk(rig: Rig, stream: History, exchange: Careless) -> tuple[Delivered, list[Any]]:
    """A whole walk: what it delivered, and what it met outside."""
    rig.server.exchange = exchange
    delivered = Delivered(exchange)
    outside: list[Any] = []
    for result in rig.walk(stream, WINDOW).pages():
        delivered.take(WINDOW, result)
        outside.extend(map(identity, result.page.outside))
    assert result.complete
    return delivered, outside


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("at", [LONG_AGO, -LONG_AGO], ids=["old", "future"])
@pytest.mark.parametrize("stream", [TRADES, CURSORLESS], ids=["cursors", "cursorless"])
def test_a_stray_row_ends_no_walk(rig: Rig, stream: History, at: int, first: bool) -> None:
    rows = numbered([hour * HOURS for hour in range(30)])
    exchange = Careless(rows, cursors=stream is TRADES, stray=Row(at, 999), first=first, size=3)
    delivered, outside = walk(rig, stream, exchange)
    assert len(delivered.ids) == 10
    assert len(set(outside)) == 1
    assert delivered.proven[-1] == WINDOW or delivered.proven[-1].start == WINDOW.start


@pytest.mark.parametrize("stream", [TRADES, CURSORLESS], ids=["cursors", "cursorless"])
def test_an_endpoint_that_ignores_from_is_not_read_to_its_beginning(
    rig: Rig, stream: History
) -> None:
    rows = numbered([hour * HOURS for hour in range(-200, 30)])
    exchange = Careless(rows, cursors=stream is TRADES, ignores_from=True, size=4)
    delivered, outside = walk(rig, stream, exchange)
    assert len(delivered.ids) == 10
    assert outside
    assert exchange.answered <= 6
