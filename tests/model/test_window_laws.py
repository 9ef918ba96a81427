"""What windows hold, merged and taken from each other, against plain comparisons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.model.window import Window, merge, subtract
from tests.support.spans import lacking, union

BASE = datetime(2026, 3, 1, tzinfo=UTC)
instants = st.integers(0, 12).map(lambda n: BASE + n * timedelta(microseconds=1))
"""Few, so that windows touch, meet in one instant and hold each other."""
windows = st.builds(Window, instants, instants)


@given(st.lists(windows, max_size=6))
def test_merged_windows_are_as_few_as_possible(given_: list[Window]) -> None:
    assert merge(given_) == union(given_)


@given(windows, st.lists(windows, max_size=6))
def test_what_is_left_is_what_no_other_holds(wanted: Window, taken: list[Window]) -> None:
    assert subtract(wanted, taken) == lacking(wanted, taken)


@given(windows, instants)
def test_a_window_holds_its_start_and_not_its_end(window: Window, instant: datetime) -> None:
    assert window.holds(instant) is (instant >= window.start and instant < window.end)
