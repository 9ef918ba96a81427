"""The back-off: bounded, jittered over its whole range, and never shorter than requested."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from exporter.api.retry import AFTER_CAP_S, delay_s, pause_s

attempts = st.integers(0, 10_000)
seconds = st.floats(0.001, 1_000)
fractions = st.floats(0, 1, exclude_max=True)
after = st.none() | st.floats(0, 1e9)


def always(fraction: float) -> Callable[[], float]:
    return lambda: fraction


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    ceilings = [delay_s(n, base_s=0.5, cap_s=5, random=always(1.0)) for n in range(6)]
    assert ceilings == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_jitter_reaches_down_to_nothing() -> None:
    assert delay_s(3, base_s=0.5, cap_s=5, random=always(0.0)) == 0
    assert delay_s(3, base_s=0.5, cap_s=5, random=always(0.5)) == 2.0


@given(attempts, seconds, seconds, fractions, after)
def test_a_delay_is_within_its_ceiling_or_what_the_exchange_asked_for(
    attempt: int, base_s: float, cap_s: float, fraction: float, after_s: float | None
) -> None:
    delay = delay_s(attempt, base_s=base_s, cap_s=cap_s, random=always(fraction), after_s=after_s)
    requested = min(after_s or 0.0, AFTER_CAP_S)
    assert requested <= delay <= max(requested, min(cap_s, base_s * 2.0 ** min(attempt, 100)))


@given(attempts, seconds, seconds, fractions)
def test_a_pause_of_the_token_is_never_next_to_nothing(
    streak: int, base_s: float, cap_s: float, fraction: float
) -> None:
    pause = pause_s(streak, base_s=base_s, cap_s=cap_s, random=always(fraction))
    ceiling = min(cap_s, base_s * 2.0 ** min(streak, 100))
    assert ceiling / 2 <= pause <= ceiling


@given(attempts, fractions, st.floats(0.001, 1e9))
def test_a_pause_is_as_long_as_asked_for_but_not_a_day(
    streak: int, fraction: float, after_s: float
) -> None:
    pause = pause_s(streak, base_s=4, cap_s=60, random=always(fraction), after_s=after_s)
    assert pause == min(after_s, AFTER_CAP_S)


def test_retry_after_zero_says_nothing() -> None:
    assert pause_s(0, base_s=4, cap_s=60, random=always(0.0), after_s=0.0) == 2.0
