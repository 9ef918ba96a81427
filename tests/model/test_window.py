"""Laws of half-open windows, against sets of whole microseconds and against plain comparisons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import islice, pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.model.window import Window, cut_newest_first, merge, seconds, subtract
from tests.support.interval_oracle import lacking, union

# A whole second passes within the range, so that windows cross it.
ORIGIN = datetime(2026, 2, 28, 23, 59, 59, 999_990, UTC)
LAST = 24


def at(micros: int) -> datetime:
    return ORIGIN + timedelta(microseconds=micros)


def instants(window: Window) -> set[int]:
    """The microseconds of a window, from its two ends alone."""
    first, end = ((edge - ORIGIN) // timedelta(microseconds=1) for edge in window)
    return set(range(first, end))


def all_of(result: list[Window]) -> set[int]:
    return reduce(set.union, map(instants, result), set())


ticks = st.integers(0, LAST) | st.integers(0, LAST // 2)
"""Few, so that windows touch, meet in one instant and hold each other."""
anything = st.builds(Window, ticks.map(at), ticks.map(at))
"""Its end may lie before its start: then it is empty."""
windows = anything.filter(lambda window: window.start < window.end)
several = st.lists(anything, max_size=6)
many = settings(max_examples=250)


def assert_apart_and_in_order(result: list[Window]) -> None:
    """No window is empty, and between two neighbours there is at least one microsecond."""
    assert all(window.start < window.end for window in result)
    assert all(one.end < other.start for one, other in pairwise(result))


def test_the_start_is_inside_and_the_end_is_not() -> None:
    window = Window(at(3), at(5))
    assert [window.holds(at(n)) for n in range(2, 7)] == [False, True, True, False, False]


@many
@given(anything)
def test_a_window_holds_its_microseconds(window: Window) -> None:
    assert {n for n in range(-1, LAST + 2) if window.holds(at(n))} == instants(window)
    assert window.empty == (not instants(window))
    for instant in map(at, range(-1, LAST + 2)):
        assert window.holds(instant) is (instant >= window.start and instant < window.end)


@many
@given(anything, anything)
def test_an_intersection_holds_what_both_hold(one: Window, other: Window) -> None:
    assert instants(one.intersect(other)) == instants(one) & instants(other)
    assert one.intersect(other) == other.intersect(one)


@given(windows)
def test_halves_are_the_older_and_the_newer_half(window: Window) -> None:
    older, newer = window.halves()
    assert (older.start, older.end, newer.end) == (window.start, newer.start, window.end)
    assert instants(older) | instants(newer) == instants(window)
    assert abs(len(instants(older)) - len(instants(newer))) <= 1


@many
@given(several)
def test_merging_keeps_every_instant_in_the_fewest_windows(given_windows: list[Window]) -> None:
    merged = merge(given_windows)
    assert all_of(merged) == all_of(given_windows)
    assert_apart_and_in_order(merged)
    assert merged == union(given_windows)


def test_windows_that_touch_become_one() -> None:
    assert merge([Window(at(5), at(7)), Window(at(1), at(5))]) == [Window(at(1), at(7))]
    apart = [Window(at(1), at(4)), Window(at(5), at(7))]
    assert merge(reversed(apart)) == apart


@many
@given(anything, several)
@example(Window(at(2), at(5)), [Window(at(8), at(9))])
@example(Window(at(2), at(5)), [Window(at(0), at(1))])
@example(Window(at(2), at(5)), [Window(at(0), at(9))])
@example(Window(at(5), at(2)), [Window(at(3), at(4))])
def test_subtracting_leaves_what_nothing_covers(wanted: Window, taken: list[Window]) -> None:
    left = subtract(wanted, taken)
    assert all_of(left) == instants(wanted) - all_of(taken)
    assert_apart_and_in_order(left)
    assert left == lacking(wanted, taken)


@many
@given(anything, st.integers(1, LAST))
def test_pieces_run_from_the_newest_without_gap_or_overlap(window: Window, span: int) -> None:
    result = cut_newest_first(window, timedelta(microseconds=span))
    pieces = list(islice(result, LAST + 1))  # however long it goes on
    sizes = [len(instants(piece)) for piece in pieces]
    assert all_of(pieces) == instants(window)
    assert sum(sizes) == len(instants(window))
    assert all(newer.start == older.end for newer, older in pairwise(pieces))
    # Only the oldest may be shorter.
    assert all(size == span for size in sizes[:-1])
    assert all(0 < size <= span for size in sizes)


@many
@given(several)
def test_seconds_are_the_lengths_together(result: list[Window]) -> None:
    assert round(seconds(result) * 1_000_000) == sum(len(instants(window)) for window in result)
