"""Chains of pages that lead nowhere: each ends as an error, soon; those that lead on do not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.cursor_chain import (
    MOST_EMPTY_PAGES,
    MOST_REPEATED_PAGES,
    MOST_STANDING_PAGES,
    CursorChain,
)
from exporter.model.errors import UnexpectedPayload
from exporter.model.stream import Page, Reject
from exporter.model.window import Window
from exporter.streams.trades import TRADES
from tests.support.paged import SECOND, Row, instant, numbered

HOUR = 3_600 * SECOND
WINDOW = Window(instant(0), instant(24 * HOUR))
ROUNDS = 3
"""A chain that starts over is noticed in its third round at the latest."""


class Trade:
    """As much of a row of trades as a chain looks at."""

    def __init__(self, row: Row) -> None:
        self.trade_id, self.traded_at = row.trade_id, instant(row.at)


def page(rows: Sequence[Row], cursor: str | None = "", rejects: Sequence[str] = ()) -> Page:
    found = [Trade(row) for row in rows]
    bad = [Reject(raw, "odd") for raw in rejects]
    return Page(found, bad, [], cursor, {}, None, len(rows) + len(rejects), "unknown")


def followed(page_of: Callable[[int], Page], most: int) -> int:
    """How many pages are read until the chain is given up; ``most`` when it is not."""
    chain = CursorChain(TRADES, WINDOW)
    for number in range(most):
        try:
            chain.follow(page_of(number)._replace(cursor=f"c{number}"))
        except UnexpectedPayload:
            return number + 1
    return most


PAGES = st.lists(st.integers(0, 23), min_size=1, max_size=24)
SIZES = st.integers(1, 5)


def cut(rows: Sequence[Row], size: int) -> list[list[Row]]:
    return [list(rows[at : at + size]) for at in range(0, len(rows), size)]


@given(PAGES, SIZES, st.sampled_from(["newest first", "oldest first", "as they are"]))
def test_pages_that_come_again_under_fresh_cursors_are_an_error(
    hours: list[int], size: int, order: str
) -> None:
    if order != "as they are":
        hours = sorted(hours, reverse=order == "newest first")
    pages = cut(numbered([hour * HOUR for hour in hours]), size)
    most = ROUNDS * len(pages) + MOST_REPEATED_PAGES + 1
    assert followed(lambda n: page(pages[n % len(pages)]), most + 1) <= most


@given(PAGES, SIZES, st.randoms())
def test_known_rows_in_any_order_are_an_error(hours: list[int], size: int, random: Random) -> None:
    rows = numbered([hour * HOUR for hour in hours])
    first = cut(rows, size)

    def page_of(n: int) -> Page:
        return page(first[n] if n < len(first) else random.choices(rows, k=size))

    # Each row may be new once more, where it was not remembered.
    assert followed(page_of, 2_000) < 2_000


@given(PAGES, SIZES, st.integers(0, 2), st.sampled_from(["newest first", "oldest first", "mixed"]))
def test_a_chain_with_new_rows_is_followed(
    hours: list[int], size: int, repeated: int, order: str
) -> None:
    """Whatever its order; its pages may begin with rows of the page before."""
    if order != "mixed":
        hours = sorted(hours, reverse=order == "newest first")
    rows = numbered([hour * HOUR for hour in hours])
    pages = [rows[max(at - repeated, 0) : at + size] for at in range(0, len(rows), size)]
    assert followed(lambda n: page(pages[n]), len(pages)) == len(pages)


def test_many_rows_of_one_instant_are_followed() -> None:
    assert followed(lambda n: page([Row(HOUR, n)]), MOST_STANDING_PAGES) == MOST_STANDING_PAGES


def test_rows_of_one_instant_without_end_are_an_error() -> None:
    endless = followed(lambda n: page([Row(HOUR, n)]), 10 * MOST_STANDING_PAGES)
    assert endless == MOST_STANDING_PAGES + 2


@pytest.mark.parametrize("outside", [-HOUR, 24 * HOUR, 30 * HOUR])
def test_rows_outside_of_the_window_without_end_are_an_error(outside: int) -> None:
    assert followed(lambda n: page([Row(outside, n)]), 10_000) == MOST_EMPTY_PAGES + 1


def test_empty_pages_between_repeated_ones_do_not_count_as_new() -> None:
    row = Row(HOUR, 1)
    pages = itertools.cycle([page([row]), page([])])
    assert followed(lambda _: next(pages), 10_000) <= 2 * MOST_REPEATED_PAGES + 3


def test_a_record_that_cannot_be_read_is_known_when_it_comes_again() -> None:
    bad = ['{"odd": 1}']
    assert followed(lambda _: page([], rejects=bad), 10_000) == MOST_REPEATED_PAGES + 2
    assert followed(lambda n: page([], rejects=[f'{{"odd": {n}}}']), 500) == 500


@given(st.integers(1, 6), st.integers(1, 40))
def test_little_is_remembered_of_a_walk_in_order(size: int, count: int) -> None:
    rows = numbered([n * SECOND for n in reversed(range(count * size))])
    chain = CursorChain(TRADES, WINDOW)
    for number, part in enumerate(cut(rows, size)):
        chain.follow(page(part, cursor=f"c{number}"))
        assert len(chain._known) <= size
