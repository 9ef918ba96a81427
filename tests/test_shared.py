"""A result that is shared: made seldom enough, never older than it says, and never a wrong one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.shared import LONGEST_S, Shared
from tests.support.clocks import Clock


class Maker:
    """Makes numbered results, each of which takes ``seconds``."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.began: list[float] = []

    def make(self, key: str) -> tuple[str, int]:
        self.began.append(self.clock.at)
        self.clock.at += self.seconds
        return key, len(self.began)


@given(
    st.floats(0.001, 5),
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3)), min_size=1, max_size=40),
)
def test_a_result_is_new_or_as_old_as_it_took_to_make(
    seconds: float, asked: list[tuple[str, float]]
) -> None:
    clock = Clock()
    maker = Maker(clock, seconds)
    shared = Shared(maker.make, clock.monotonic)
    for key, pause in asked:
        clock.at += pause
        at, before = clock.at, len(maker.began)
        found, number = shared.get(key)
        assert found == key
        began = maker.began[number - 1]
        if len(maker.began) > before:
            assert began == at
        else:
            assert at < began + seconds + min(seconds, LONGEST_S) + 1e-6


def test_it_is_made_for_half_of_the_time_however_many_ask() -> None:
    clock = Clock()
    maker = Maker(clock, 0.5)
    shared = Shared(maker.make, clock.monotonic)
    while clock.at < 100:
        shared.get("a")
        clock.at += 0.01
    assert 90 <= len(maker.began) <= 101


def test_who_asks_meanwhile_waits_for_the_same_result() -> None:
    made: list[int] = []

    def make(_key: None) -> int:
        made.append(len(made))
        time.sleep(0.3)
        return made[-1]

    shared = Shared[None, int](make)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(shared.get(None))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 50
    assert len(made) <= 10


def test_an_error_is_raised_and_not_kept() -> None:
    results: Iterator[ValueError | int] = iter([ValueError("once"), 7])

    def make(_key: None) -> int:
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        return result

    shared = Shared[None, int](make)
    with pytest.raises(ValueError, match="once"):
        shared.get(None)
    assert shared.get(None) == 7
