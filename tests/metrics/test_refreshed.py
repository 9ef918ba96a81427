"""A backfill replaces counters only after a poll has exported some, and keeps their age."""

from __future__ import annotations

from pathlib import Path

from exporter.metrics import StreamMetrics
from exporter.model.stream import Sample
from exporter.streams.trades import TRADES
from tests.support.clocks import Clock
from tests.support.expositions import series
from tests.support.world import World, exchange, world

COUNT = next(metric for metric in TRADES.metrics if metric.kind == "counter")


def sample(value: int) -> list[Sample]:
    return [COUNT(value, *("x" for _ in COUNT.labels))]


def counters(stream_metrics: StreamMetrics) -> list[str]:
    """The domain samples of the stream, without those about its sync."""
    text = b"".join(chunk for _, chunk in stream_metrics.chunks()).decode()
    return [value for name, value in series(text).items() if name.startswith(COUNT.name)]


def make(clock: Clock) -> StreamMetrics:
    return StreamMetrics(
        [TRADES], ["main"], intervals={}, now=clock.unix, monotonic=clock.monotonic
    )


def test_a_backfill_before_the_first_poll_shows_nothing(tmp_path: Path, database_url: str) -> None:
    with exchange() as simulator:
        before = World(simulator, tmp_path, database_url=database_url, accounts=("main",))
        before.poll_all()
        before.close()
        live = World(simulator, tmp_path, database_url=database_url, accounts=("main",))
        try:
            live.poll("main", "balances")
            live.fill("main", "trades")
            assert live.state("main", "trades").freshness == "empty"
            assert live.domain("trades", "main") == {}
            assert live.poll("main", "trades") == "ok"
            assert live.domain("trades", "main")
        finally:
            live.close()


def test_a_backfill_does_not_bring_withdrawn_counters_back(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        live.poll_all()
        shown = live.domain("trades", "main")
        hold_s = live.state("main", "trades").hold_seconds
        live.tick(hold_s - 1)
        live.fill("main", "trades")
        filled = live.domain("trades", "main")
        assert filled.keys() >= shown.keys()
        assert filled != shown, "two days of history change no counter"
        assert live.state("main", "trades").age_seconds == hold_s - 1
        live.tick(2)
        live.fill("main", "trades")
        assert live.state("main", "trades").freshness == "withdrawn"
        assert live.domain("trades", "main") == {}
        live.poll("main", "trades")
        assert live.domain("trades", "main").keys() >= filled.keys()


def test_a_refresh_replaces_what_is_shown_and_keeps_its_age() -> None:
    clock = Clock()
    stream_metrics = make(clock)
    stream_metrics.record_success("main", "trades", sample(1))
    clock.at = 50
    stream_metrics.replace_samples("main", "trades", sample(2))
    assert counters(stream_metrics) == ["2"]
    (state,) = stream_metrics.summaries()
    assert state.last_success_at is not None
    age_s = clock.unix() - state.last_success_at.timestamp()
    assert (state.age_seconds, state.success, age_s) == (50, True, 50)
    clock.at = state.hold_seconds + 1
    stream_metrics.replace_samples("main", "trades", sample(3))
    assert counters(stream_metrics) == []
    (state,) = stream_metrics.summaries()
    assert state.freshness == "withdrawn"


def test_a_refresh_of_an_empty_stream_leaves_nothing_behind() -> None:
    """A later pass that changed nothing then has no values to refresh."""
    stream_metrics = make(Clock())
    stream_metrics.replace_samples("main", "trades", sample(1))
    (state,) = stream_metrics.summaries()
    assert (state.freshness, state.tried, counters(stream_metrics)) == ("empty", False, [])
    stream_metrics.record_success("main", "trades", None)
    assert counters(stream_metrics) == []


def test_a_success_after_the_moment_of_a_scrape_is_no_negative_age() -> None:
    """A pass that ends while the scrape is made, which has taken the time before."""
    clock = Clock()
    stream_metrics = make(clock)
    clock.at = 50
    stream_metrics.record_success("main", "trades", sample(1))
    clock.at = 49.9
    text = b"".join(chunk for _, chunk in stream_metrics.chunks()).decode()
    ages = [v for name, v in series(text).items() if name.startswith("onetrading_sync_age_seconds")]
    assert ages == ["0"]
    (state,) = stream_metrics.summaries()
    assert state.age_seconds == 0
