"""The rate limiter: the limit holds in every window, LIVE goes first, nobody polls."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.rate_limiter import JITTER_S, Priority, RateLimiter, TokenBucket, Waiter
from exporter.model.errors import RateLimited, Stopping
from tests.support.clocks import SimulatedStop
from tests.support.waiting import wait_until

limits = st.sampled_from([1, 2, 3, 5, 10, 39, 40, 41, 60, 100, 240, 241, 600]) | st.integers(1, 900)
gaps = st.sampled_from([0.0, 0.0, 0.001, 0.25]) | st.floats(0, 90)
arrivals = st.lists(st.tuples(gaps, st.sampled_from(Priority)), min_size=1, max_size=300)


@dataclass
class Crowd:
    """Threads that wait for a bucket, as events on a simulated clock, up to 50 ms late."""

    bucket: TokenBucket
    late: list[float] = field(default_factory=lambda: [0.0])
    starts: list[tuple[float, Waiter]] = field(default_factory=list)
    checks: dict[int, int] = field(default_factory=dict)
    overtaken: dict[int, int] = field(default_factory=dict)
    _events: list[tuple[float, int, Priority | Waiter]] = field(default_factory=list)
    _waiting: list[Waiter] = field(default_factory=list)
    _count: int = 0

    def at(self, when: float, what: Priority | Waiter) -> None:
        self._count += 1
        heappush(self._events, (when, self._count, what))

    def run(self, until: float = inf) -> None:
        while self._events and self._events[0][0] < until:
            now, _, what = heappop(self._events)
            waiter = self._join(what) if isinstance(what, Priority) else what
            self.checks[waiter.number] += 1
            wait_s = self.bucket.wait_s(waiter, now)
            self._check_order(now)
            if waiter.served:
                self.starts.append((now, waiter))
            else:
                assert wait_s > 0
                late = self.late[self._count % len(self.late)]
                self.at(now + wait_s + late, waiter)

    def _join(self, priority: Priority) -> Waiter:
        waiter = self.bucket.join(priority)
        self.checks[waiter.number] = self.overtaken[waiter.number] = 0
        for other in self._waiting:
            if waiter < other:
                self.overtaken[other.number] += 1
        self._waiting.append(waiter)
        return waiter

    def _check_order(self, now: float) -> None:
        served = [waiter for waiter in self._waiting if waiter.served]
        self._waiting = [waiter for waiter in self._waiting if not waiter.served]
        if served and self._waiting:
            best = min(self._waiting, key=lambda waiter: (waiter.priority, waiter.number))
            worst = max(served, key=lambda waiter: (waiter.priority, waiter.number))
            assert (worst.priority, worst.number) < (best.priority, best.number), now


def most_within(seconds: float, starts: list[float]) -> int:
    """The most starts in any closed window of so many seconds."""
    ordered = sorted(starts)
    return max(bisect_right(ordered, at + seconds) - n for n, at in enumerate(ordered))


@settings(max_examples=300)
@given(
    limits,
    arrivals,
    st.lists(st.floats(0, 0.05), min_size=1, max_size=7),
    st.lists(st.floats(0, JITTER_S), min_size=1, max_size=11),
)
def test_no_minute_at_the_exchange_exceeds_the_limit(
    limit: int, plan: list[tuple[float, Priority]], late: list[float], jitter: list[float]
) -> None:
    crowd = Crowd(TokenBucket(limit), late)
    now = 0.0
    for gap, priority in plan:
        now += gap
        crowd.at(now, priority)
    crowd.run()
    assert len(crowd.starts) == len(plan)
    seen = [at + jitter[n % len(jitter)] for n, (at, _) in enumerate(crowd.starts)]
    assert most_within(60.0, seen) <= limit


@pytest.mark.parametrize("limit", [1, 10, 60, 240, 400])
def test_the_limit_holds_from_a_full_bucket_at_full_load_against_the_worst_jitter(
    limit: int,
) -> None:
    crowd = Crowd(TokenBucket(limit))
    for _ in range(2 * limit + 20):
        crowd.at(0.0, Priority.HISTORY)
    crowd.run(100.0)
    # The first of a minute is held up in the network, the last is not.
    assert most_within(60.0 + JITTER_S, [at for at, _ in crowd.starts]) <= limit


@pytest.mark.parametrize("limit", [60, 61, 119, 240, 1_000, 6_000])
def test_at_saturation_hardly_anything_of_the_limit_is_wasted(limit: int) -> None:
    crowd = Crowd(TokenBucket(limit), late=[0.0, 0.002, 0.01])
    minutes = 3
    for _ in range(8):
        crowd.at(0.0, Priority.HISTORY)
    for _ in range(minutes * limit):
        # Eight threads: each comes back as soon as it was served.
        done = len(crowd.starts)
        while len(crowd.starts) == done:
            crowd.run(crowd._events[0][0] + 1e-9)
        for at, _ in crowd.starts[done:]:
            crowd.at(at, Priority.HISTORY)
    steady = [at for at, _ in crowd.starts if at >= 60.0]
    assert len(steady) / (steady[-1] - 60.0) * 60.0 >= 0.95 * limit


@given(st.sampled_from([60, 240, 600]), st.lists(st.floats(0, 30), min_size=1, max_size=20))
def test_live_requests_are_not_starved_by_a_flood_of_history(
    limit: int, times: list[float]
) -> None:
    bucket = TokenBucket(limit)
    crowd = Crowd(bucket)
    for _ in range(80):
        crowd.at(0.0, Priority.HISTORY)
    for when in times:
        crowd.at(when, Priority.LIVE)
    crowd.run(90.0)
    live = [at for at, waiter in crowd.starts if waiter.priority is Priority.LIVE]
    for arrived, started in zip(sorted(times), live, strict=True):
        assert started - arrived <= len(times) * bucket.interval_s + 1e-3


@given(limits, arrivals)
def test_nobody_polls(limit: int, plan: list[tuple[float, Priority]]) -> None:
    crowd = Crowd(TokenBucket(limit))
    now = 0.0
    for gap, priority in plan:
        now += gap
        crowd.at(now, priority)
    crowd.run()
    for number, checks in crowd.checks.items():
        # Once on arrival, once when due, and once more for each that went ahead in between.
        assert checks <= 2 + crowd.overtaken[number]


def simulated(limit: int) -> tuple[RateLimiter, SimulatedStop]:
    stop = SimulatedStop()
    return RateLimiter(limit, monotonic=stop.monotonic, stop=stop), stop


@pytest.mark.parametrize("limit", [60, 100, 240, 600])
def test_verification_leaves_half_of_a_burst_to_whoever_comes(limit: int) -> None:
    """However many of its requests wait: a poll of several requests starts all of them at once."""
    crowd = Crowd(TokenBucket(limit))
    for _ in range(3 * limit):
        crowd.at(0.0, Priority.VERIFY)
    crowd.run(until=30.0)
    spared = crowd.bucket.burst // 2
    assert spared >= 1
    for _ in range(spared):
        crowd.at(30.0, Priority.LIVE)
    crowd.run(until=30.001)
    live = [when for when, waiter in crowd.starts if waiter.priority is Priority.LIVE]
    assert live == [30.0] * spared
    crowd.run()
    assert len(crowd.starts) == 3 * limit + spared  # all the same, each has its turn


def test_a_burst_passes_and_the_next_waits_as_long_as_it_says() -> None:
    rate_limiter, stop = simulated(240)
    assert rate_limiter.remaining == 7
    assert [rate_limiter.acquire(Priority.LIVE) for _ in range(7)] == [0.0] * 7
    assert rate_limiter.remaining == 0
    waited = rate_limiter.acquire(Priority.HISTORY)
    assert stop.waits == [pytest.approx(waited)]
    assert waited == rate_limiter.waited_seconds == pytest.approx(60.6 / 234)


def test_a_large_limit_slows_nothing_down() -> None:
    rate_limiter, stop = simulated(1_000_000)
    for _ in range(20_000):
        rate_limiter.acquire(Priority.HISTORY)
    assert stop.waits == []


def test_one_request_a_minute_is_possible() -> None:
    rate_limiter, _ = simulated(1)
    assert rate_limiter.acquire(Priority.LIVE) == 0
    assert 60 < rate_limiter.acquire(Priority.LIVE) < 61


def test_a_limit_of_no_requests_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        simulated(0)


def test_a_pause_is_extended_but_never_shortened() -> None:
    rate_limiter, stop = simulated(240)
    rate_limiter.pause(10)
    rate_limiter.pause(3)
    assert rate_limiter.remaining == 0
    with pytest.raises(RateLimited, match="10 s"):
        rate_limiter.acquire(Priority.LIVE, within_s=5)
    assert rate_limiter.acquire(Priority.LIVE) == pytest.approx(10)
    rate_limiter.pause(5)
    stop.now += 4
    rate_limiter.pause(5)
    assert rate_limiter.acquire(Priority.LIVE) == pytest.approx(5)


def test_after_a_pause_requests_come_one_by_one() -> None:
    rate_limiter, _ = simulated(240)
    rate_limiter.pause(10)
    waits = [rate_limiter.acquire(Priority.LIVE) for _ in range(3)]
    assert waits == pytest.approx([10, 60.6 / 234, 60.6 / 234])


def test_a_pause_that_outlasts_the_caller_is_an_error_at_once() -> None:
    rate_limiter, stop = simulated(240)
    rate_limiter.pause(10)
    with pytest.raises(RateLimited) as caught:
        rate_limiter.acquire(Priority.LIVE, within_s=9)
    assert caught.value.after_s == pytest.approx(10)
    assert stop.waits == []
    assert rate_limiter.acquire(Priority.LIVE, within_s=10) == pytest.approx(10)


def test_a_waiter_that_gave_up_leaves_its_place() -> None:
    rate_limiter, _ = simulated(240)
    rate_limiter.pause(10)
    for _ in range(50):
        with pytest.raises(RateLimited):
            rate_limiter.acquire(Priority.LIVE, within_s=1)
    assert rate_limiter.acquire(Priority.HISTORY) == pytest.approx(10)


def test_after_a_stop_nothing_is_sent_even_if_it_could() -> None:
    rate_limiter, stop = simulated(240)
    stop.set()
    with pytest.raises(Stopping):
        rate_limiter.acquire(Priority.LIVE)


def test_in_real_time_a_late_live_request_overtakes_waiting_history() -> None:
    rate_limiter = RateLimiter(600, monotonic=time.monotonic, stop=threading.Event())
    while rate_limiter.remaining >= 1:
        rate_limiter.acquire(Priority.LIVE)
    order: list[Priority] = []

    def send(priority: Priority) -> None:
        rate_limiter.acquire(priority)
        order.append(priority)

    waiting = [*[Priority.HISTORY] * 5, Priority.LIVE]
    threads = [threading.Thread(target=send, args=(priority,)) for priority in waiting]
    rate_limiter.pause(0.2)
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join(5)
    assert order == sorted(waiting)


def test_in_real_time_a_stop_wakes_everybody_at_once() -> None:
    stop = threading.Event()
    rate_limiter = RateLimiter(1, monotonic=time.monotonic, stop=stop)
    rate_limiter.acquire(Priority.LIVE)
    ended: list[int] = []

    def send(number: int) -> None:
        with pytest.raises(Stopping):
            rate_limiter.acquire(Priority.HISTORY)
        ended.append(number)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert ended == []
    stop.set()
    # Without a stop, the first would wait for a minute, the last for eight.
    wait_until(lambda: sorted(ended) == list(range(8)), "somebody waits on", within_s=5)
    for thread in threads:
        thread.join()
