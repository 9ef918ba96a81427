"""How long the backfill still takes, by what was missing a while ago."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.status.filling import Filling, missing_history_s
from tests.support.reports import COMPLETE, GAPPY, report, stream

DAY_S = 86_400.0


@given(rate=st.floats(0.01, 10_000), left_s=st.floats(1, 10 * DAY_S), looks=st.integers(3, 40))
def test_a_steady_backfill_ends_when_its_rate_says(rate: float, left_s: float, looks: int) -> None:
    filling = Filling()
    told = None
    for n in range(looks):
        told = filling.left_s({"main": rate * (left_s + 5.0 * (looks - 1 - n))}, 5.0 * n)
    assert told is not None
    assert abs(told - left_s) <= 1e-6 * left_s + 1e-3


def test_it_is_not_known_at_first_nor_while_it_stands_still() -> None:
    filling = Filling()
    assert filling.left_s({"main": 100.0}, 0.0) is None
    assert filling.left_s({"main": 90.0}, 5.0) is None, "too soon to tell"
    assert filling.left_s({"main": 80.0}, 10.0) == 40.0
    assert filling.left_s({"main": 200.0}, 15.0) is None, "more is missing than before"
    assert filling.left_s({"main": 0.0}, 20.0) is None, "nothing is missing"


def test_the_account_that_takes_longest_counts() -> None:
    filling = Filling()
    filling.left_s({"main": 100.0, "hedge": 1000.0, "spot": 0.0}, 0.0)
    assert filling.left_s({"main": 90.0, "hedge": 990.0, "spot": 0.0}, 10.0) == 990.0
    assert filling.left_s({"main": 80.0, "hedge": 1000.0, "spot": 0.0}, 20.0) is None


def test_what_lies_further_back_does_not_count() -> None:
    filling = Filling()
    filling.left_s({"main": 100_000.0}, 0.0)
    filling.left_s({"main": 1_000.0}, 700.0)
    assert filling.left_s({"main": 900.0}, 800.0) == 900.0


def test_what_is_missing_is_what_may_be_read() -> None:
    streams = (
        stream("main", "trades", "history", coverage=GAPPY),
        stream("main", "orders", "history", coverage=COMPLETE),
        stream("hedge", "trades", "history", coverage=GAPPY, permitted=False),
        stream("main", "balances"),
    )
    missing = missing_history_s(report(streams=streams).streams)
    assert missing.keys() == {"main"}
    assert abs(missing["main"] - 4 * DAY_S) < 120
