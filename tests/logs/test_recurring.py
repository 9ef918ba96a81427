"""Events that recur: the first is told, then their number, and none is left out."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.logs.recurring import EVERY_S, Recurring
from tests.support.clocks import Clock

STEPS = st.lists(st.one_of(st.sampled_from(["full", "busy"]), st.floats(0, 200)), max_size=60)


@given(STEPS)
def test_every_event_is_told_once_and_no_kind_more_than_once_a_minute(
    steps: list[str | float],
) -> None:
    clock = Clock()
    recurring = Recurring(monotonic=clock.monotonic)
    events, told, lines = Counter[str](), Counter[str](), list[tuple[str, float]]()
    for step in [*steps, EVERY_S, EVERY_S]:
        if isinstance(step, str):
            events[step] += 1
            if recurring.is_first(step):
                told[step] += 1
                lines.append((step, clock.at))
        else:
            clock.at += step
            for kind, count in recurring.summaries():
                assert count > 0
                told[kind] += count
                lines.append((kind, clock.at))
    assert told == events
    for kind in events:
        at = [when for name, when in lines if name == kind]
        assert all(after - before >= EVERY_S for before, after in pairwise(at))


def test_what_is_over_is_told_at_once_when_it_happens_again() -> None:
    clock = Clock()
    recurring = Recurring(monotonic=clock.monotonic)
    assert [recurring.is_first("full") for _ in range(3)] == [True, False, False]
    for due in ([("full", 2)], []):
        clock.at += EVERY_S
        assert recurring.summaries() == due
    assert recurring.is_first("full")
