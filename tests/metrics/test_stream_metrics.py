"""What a failed poll does to the exported values, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import StreamMetrics, StreamSummary
from exporter.model.errors import REASONS, Reason
from exporter.model.stream import Metric, Sample, Stream
from exporter.streams.balances import AVAILABLE, BALANCES, LOCKED
from exporter.streams.instruments import INSTRUMENTS
from exporter.streams.tickers import BID, TICKERS
from exporter.streams.trades import TRADES

STREAMS = (BALANCES, TRADES, TICKERS, INSTRUMENTS)
COUNT = TRADES.metrics[0]
ACCOUNTS = ("main", "desk")
BALANCE = 'onetrading_balance_available{account="main",currency="BTC"}'
BTC = [AVAILABLE(Decimal("1.5"), "BTC"), LOCKED(Decimal(0), "BTC")]


class Clock:
    """Wall and monotonic time that pass only when the test moves them."""

    def __init__(self) -> None:
        self.at = 0.0

    def wall(self) -> float:
        return 1_700_000_000 + self.at

    def monotonic(self) -> float:
        return 50 + self.at


def make(
    clock: Clock, streams: Iterable[Stream] = STREAMS, **intervals: timedelta
) -> StreamMetrics:
    return StreamMetrics(
        tuple(streams), ACCOUNTS, intervals=intervals, now=clock.wall, monotonic=clock.monotonic
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream_metrics(clock: Clock) -> StreamMetrics:
    return make(clock)


def lines(stream_metrics: StreamMetrics) -> dict[str, str]:
    """Series to value; fails on a series shown twice."""
    found: dict[str, str] = {}
    for _, chunk in stream_metrics.chunks():
        for line in chunk.decode().splitlines():
            series, value = line.rsplit(" ", 1)
            assert series not in found
            found[series] = value
    return found


def domain(stream_metrics: StreamMetrics) -> dict[str, str]:
    own = ("onetrading_sync_", "onetrading_exposition_", "onetrading_coverage_")
    return {
        series: value
        for series, value in lines(stream_metrics).items()
        if not series.startswith(own)
    }


def sync(
    stream_metrics: StreamMetrics, metric: str, account: str = "main", stream: str = "balances"
) -> str | None:
    return lines(stream_metrics).get(
        f'onetrading_sync_{metric}{{account="{account}",stream="{stream}"}}'
    )


def state(
    stream_metrics: StreamMetrics, account: str = "main", stream: str = "balances"
) -> StreamSummary:
    return next(s for s in stream_metrics.summaries() if (s.account, s.stream) == (account, stream))


def test_everything_known_in_advance_is_shown_before_the_first_poll(
    stream_metrics: StreamMetrics,
) -> None:
    shown = lines(stream_metrics)
    for account, stream in stream_metrics.keys:
        labels = f'account="{account}",stream="{stream}"'
        assert shown[f"onetrading_sync_success{{{labels}}}"] == "0"
        assert shown[f"onetrading_sync_last_success_timestamp_seconds{{{labels}}}"] == "0"
        assert shown[f"onetrading_sync_permitted{{{labels}}}"] == "1"
        assert shown[f"onetrading_sync_held{{{labels}}}"] == "0"
        assert shown[f"onetrading_exposition_duplicates_total{{{labels}}}"] == "0"
        for reason in REASONS:
            assert shown[f'onetrading_sync_errors_total{{{labels},reason="{reason}"}}'] == "0"
    assert not domain(stream_metrics)
    assert not [series for series in shown if "coverage" in series or "backfill" in series]
    assert {s.freshness for s in stream_metrics.summaries()} == {"empty"}
    assert not any(s.tried for s in stream_metrics.summaries())


def test_private_streams_exist_for_each_account_and_public_ones_once(
    stream_metrics: StreamMetrics,
) -> None:
    assert sorted(stream_metrics.keys) == [
        ("desk", "balances"),
        ("desk", "trades"),
        ("main", "balances"),
        ("main", "trades"),
        ("public", "instruments"),
        ("public", "tickers"),
    ]


def test_the_interval_is_the_configured_one_or_the_streams_own(clock: Clock) -> None:
    stream_metrics = make(clock, balances=timedelta(seconds=5))
    assert sync(stream_metrics, "interval_seconds") == "5"
    assert sync(stream_metrics, "interval_seconds", "public", "instruments") == "3600"


def test_a_good_response_replaces_the_whole_family_at_once(
    stream_metrics: StreamMetrics, clock: Clock
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    assert domain(stream_metrics)[BALANCE] == "1.5"
    clock.at = 15
    stream_metrics.record_success("main", "balances", [AVAILABLE(Decimal(0), "EUR")])
    assert domain(stream_metrics) == {
        'onetrading_balance_available{account="main",currency="EUR"}': "0"
    }
    assert sync(stream_metrics, "success") == "1"
    assert sync(stream_metrics, "last_success_timestamp_seconds") == "1700000015"


def test_an_empty_response_is_a_response(stream_metrics: StreamMetrics) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    stream_metrics.record_success("main", "balances", [])
    assert not domain(stream_metrics)
    assert sync(stream_metrics, "success") == "1"
    assert state(stream_metrics).freshness == "fresh"


def test_public_series_carry_no_account(stream_metrics: StreamMetrics) -> None:
    stream_metrics.record_success("public", "tickers", [BID(Decimal("97000.5"), "BTC_EUR")])
    assert domain(stream_metrics) == {'onetrading_bid_price{instrument="BTC_EUR"}': "97000.5"}
    assert sync(stream_metrics, "success", "public", "tickers") == "1"


@pytest.mark.parametrize("reason", [r for r in REASONS if r != "database"])
def test_a_failure_holds_the_values_until_they_are_too_old(
    stream_metrics: StreamMetrics, clock: Clock, reason: Reason
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    for clock.at in (15, 30, 45, 60):
        stream_metrics.record_failure("main", "balances", reason)
        assert domain(stream_metrics)[BALANCE] == "1.5"
        assert sync(stream_metrics, "success") == "0"
        assert sync(stream_metrics, "held") == "1"
        assert sync(stream_metrics, "last_success_timestamp_seconds") == "1700000000"
        assert state(stream_metrics).freshness == "held"
    clock.at = 60.001
    assert not domain(stream_metrics)
    assert sync(stream_metrics, "held") == "0"
    assert state(stream_metrics).freshness == "withdrawn"
    assert sync(stream_metrics, "success") == "0"


def test_long_intervals_hold_for_three_of_them(clock: Clock) -> None:
    stream_metrics = make(clock)
    info = [INSTRUMENTS.metrics[1](1, "BTC_EUR")]
    stream_metrics.record_success("public", "instruments", info)
    clock.at = 3 * 3600
    assert domain(stream_metrics)
    clock.at += 0.001
    assert not domain(stream_metrics)


def test_a_stream_that_is_not_polled_any_more_is_withdrawn_too(
    stream_metrics: StreamMetrics, clock: Clock
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    clock.at = 31
    assert state(stream_metrics).freshness == "held"
    clock.at = 61
    assert not domain(stream_metrics)
    assert sync(stream_metrics, "success") == "0"  # whatever the next pass does, it is overdue
    assert not state(stream_metrics).success
    assert state(stream_metrics).last_error is None


def test_withdrawn_values_never_come_back_without_a_success(
    stream_metrics: StreamMetrics, clock: Clock
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    clock.at = 61
    for reason in REASONS:
        stream_metrics.record_failure("main", "balances", reason)
        assert not domain(stream_metrics)
    stream_metrics.record_success("main", "balances", BTC)
    assert domain(stream_metrics)[BALANCE] == "1.5"


def test_postgres_being_down_changes_no_domain_series(
    stream_metrics: StreamMetrics, clock: Clock
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    before = domain(stream_metrics)
    for clock.at in range(0, 3600, 15):
        stream_metrics.record_failure("main", "balances", "database")
        assert domain(stream_metrics) == before
    assert sync(stream_metrics, "success") == "0"
    assert sync(stream_metrics, "last_success_timestamp_seconds") == "1700000000"
    clock.at += 61
    assert not domain(stream_metrics)


@pytest.mark.parametrize("reason", ["auth", "permission"])
def test_a_refused_stream_is_not_permitted_until_it_succeeds(
    stream_metrics: StreamMetrics, reason: Reason
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    stream_metrics.record_failure("main", "balances", reason)
    stream_metrics.record_failure("main", "balances", "timeout")
    assert sync(stream_metrics, "permitted") == "0"
    assert domain(stream_metrics)[BALANCE] == "1.5"
    stream_metrics.record_success("main", "balances", BTC)
    assert sync(stream_metrics, "permitted") == "1"


def test_other_failures_say_nothing_about_permission(stream_metrics: StreamMetrics) -> None:
    for reason in REASONS:
        if reason not in ("auth", "permission"):
            stream_metrics.record_failure("main", "balances", reason)
    assert sync(stream_metrics, "permitted") == "1"


def test_a_pass_that_changed_nothing_refreshes_the_values(
    stream_metrics: StreamMetrics, clock: Clock
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    clock.at = 50
    stream_metrics.record_success("main", "balances", None)
    clock.at = 100
    assert domain(stream_metrics)[BALANCE] == "1.5"
    clock.at = 111
    assert not domain(stream_metrics)


def test_errors_are_counted_by_reason(stream_metrics: StreamMetrics) -> None:
    stream_metrics.record_failure("main", "balances", "timeout")
    stream_metrics.record_failure("main", "balances", "timeout")
    stream_metrics.record_failure("main", "balances", "server")
    series = 'onetrading_sync_errors_total{account="main",stream="balances",reason="%s"}'
    shown = lines(stream_metrics)
    assert [shown[series % r] for r in ("timeout", "server", "auth")] == ["2", "1", "0"]
    assert state(stream_metrics).last_error == "server"
    stream_metrics.record_success("main", "balances", BTC)
    assert state(stream_metrics).last_error is None


def test_samples_that_cannot_be_shown_fail_their_stream_only(stream_metrics: StreamMetrics) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    stream_metrics.record_success("desk", "balances", BTC)
    before = domain(stream_metrics)

    def broken() -> Iterator[Sample]:
        yield AVAILABLE(Decimal(7), "BTC")
        raise ArithmeticError("what no test thought of")

    spoilt: list[Iterable[Sample]] = [
        broken(),
        [AVAILABLE(1, "BTC", "one label too many")],
        [AVAILABLE(1)],
        [Metric("onetrading_surprise", "Not declared.")(1)],
        [AVAILABLE._replace(help="Another.")(1, "BTC")],
    ]
    for n, samples in enumerate(spoilt, 1):
        assert not stream_metrics.record_success("main", "balances", samples)
        assert domain(stream_metrics) == before
        series = 'onetrading_sync_errors_total{account="main",stream="balances",reason="internal"}'
        assert lines(stream_metrics)[series] == str(n)
    assert sync(stream_metrics, "success") == "0"
    assert sync(stream_metrics, "success", "desk") == "1"
    assert not stream_metrics.record_success(
        "main", "trades", [COUNT(-1, "BTC_EUR", "BUY", "TAKER")]
    )


def test_what_is_not_a_finite_number_is_not_shown(stream_metrics: StreamMetrics) -> None:
    not_finite: list[Decimal | int] = [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e400"),
        10**400,
    ]
    assert stream_metrics.record_success(
        "main", "balances", [AVAILABLE(v, f"C{n}") for n, v in enumerate(not_finite)]
    )
    assert not domain(stream_metrics)


def test_the_first_of_two_samples_of_one_series_stays(stream_metrics: StreamMetrics) -> None:
    stream_metrics.record_success("main", "balances", [*BTC, AVAILABLE(9, "BTC")])
    assert domain(stream_metrics)[BALANCE] == "1.5"
    series = 'onetrading_exposition_duplicates_total{account="main",stream="balances"}'
    assert lines(stream_metrics)[series] == "1"


def test_two_streams_may_show_one_family_but_not_one_series(clock: Clock) -> None:
    copy = replace(TICKERS, name="copy", interval=timedelta(hours=1))
    stream_metrics = make(clock, (TICKERS, copy))
    stream_metrics.record_success("public", "copy", [BID(1, "BTC_EUR"), BID(2, "ETH_EUR")])
    stream_metrics.record_success("public", "tickers", [BID(3, "BTC_EUR")])
    btc = 'onetrading_bid_price{instrument="BTC_EUR"}'
    eth = 'onetrading_bid_price{instrument="ETH_EUR"}'
    assert domain(stream_metrics) == {btc: "3", eth: "2"}
    counted = 'onetrading_exposition_duplicates_total{account="public",stream="tickers"}'
    assert lines(stream_metrics)[counted] == "1"
    clock.at = 61  # the first is withdrawn, the second is still young
    assert domain(stream_metrics) == {btc: "1", eth: "2"}


def test_declarations_that_cannot_be_shown_together_are_refused(clock: Clock) -> None:
    bad = [
        Metric("onetrading_odd_total", "A gauge named like a counter."),
        Metric("onetrading_odd", "A counter without _total.", (), "counter"),
        Metric("onetrading_odd_count", "Named like a part of a histogram."),
        Metric("onetrading_odd", " "),
        Metric("Onetrading", "Capital."),
        Metric("onetrading_odd", "The account is not the stream's to name.", ("account",)),
        Metric("onetrading_odd", "Twice.", ("currency", "currency")),
        Metric("onetrading_odd", "Reserved.", ("job",)),
        Metric("onetrading_sync_success", "Ours."),
        Metric("onetrading_rows_written", "Ours, without its ending."),
        AVAILABLE._replace(help="Other words for the same name."),
    ]
    for metric in bad:
        with pytest.raises(ValueError, match=metric.name):
            make(clock, (BALANCES, replace(TRADES, metrics=(metric,))))
    with pytest.raises(ValueError, match="with and without"):
        make(clock, (BALANCES, replace(TICKERS, metrics=(AVAILABLE,))))
    with pytest.raises(ValueError, match="public"):
        StreamMetrics(STREAMS, ["public"], intervals={}, now=clock.wall, monotonic=clock.monotonic)


def test_coverage_is_absent_until_known_and_the_lag_grows(
    stream_metrics: StreamMetrics, clock: Clock
) -> None:
    stream_metrics.record_coverage("main", "trades", lag_s=30, gap_s=0, progress_ratio=None)
    clock.at = 100
    labels = '{account="main",stream="trades"}'
    shown = {s: v for s, v in lines(stream_metrics).items() if "coverage" in s or "backfill" in s}
    assert shown == {
        f"onetrading_coverage_lag_seconds{labels}": "130",
        f"onetrading_coverage_gap_seconds{labels}": "0",
    }
    stream_metrics.record_coverage("main", "trades", lag_s=30, gap_s=12.5, progress_ratio=0.25)
    shown = lines(stream_metrics)
    assert shown[f"onetrading_coverage_lag_seconds{labels}"] == "30"
    assert shown[f"onetrading_coverage_gap_seconds{labels}"] == "12.5"
    assert shown[f"onetrading_backfill_progress_ratio{labels}"] == "0.25"
    coverage = state(stream_metrics, stream="trades").coverage
    assert coverage is not None and coverage.lag_seconds == 30


def test_an_unknown_pair_is_an_error(stream_metrics: StreamMetrics) -> None:
    with pytest.raises(KeyError):
        stream_metrics.record_success("main", "tickers", [])
    with pytest.raises(KeyError):
        stream_metrics.record_failure("nobody", "balances", "timeout")


def test_a_pass_of_an_account_that_left_meanwhile_changes_nothing(
    stream_metrics: StreamMetrics,
) -> None:
    stream_metrics.record_success("main", "balances", BTC)
    stream_metrics.set_accounts({"desk": ["balances"]})
    before = lines(stream_metrics)
    stream_metrics.show_samples("main", "balances", BTC)
    stream_metrics.replace_samples("main", "balances", BTC)
    stream_metrics.record_success("main", "balances", BTC)
    stream_metrics.record_failure("main", "balances", "timeout")
    stream_metrics.mark_tried("main", "balances")
    assert lines(stream_metrics) == before
    assert not domain(stream_metrics)


Event = tuple[str, str, str, float]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["balances", "trades"]),
        st.sampled_from(["ok", "same", *REASONS]),
        st.sampled_from([0.0, 1.0, 14.0, 29.0, 59.0, 61.0, 90.0]),
    ),
    max_size=25,
)


def play(
    n: int,
    event: Event,
    clock: Clock,
    stream_metrics: StreamMetrics,
    only: tuple[str, str] | None = None,
) -> None:
    """Let the time pass; do what happened, unless it happened elsewhere than ``only``."""
    account, stream, outcome, seconds = event
    clock.at += seconds
    if only not in (None, (account, stream)):
        return
    if outcome == "ok":
        sample = (
            AVAILABLE(n, "BTC") if stream == "balances" else COUNT(n, "BTC_EUR", "BUY", "TAKER")
        )
        assert stream_metrics.record_success(account, stream, [sample])
    elif outcome == "same":
        stream_metrics.record_success(account, stream, None)
    else:
        stream_metrics.record_failure(account, stream, next(r for r in REASONS if r == outcome))


def of(key: tuple[str, str], shown: dict[str, str]) -> dict[str, str]:
    """What belongs to one stream of one account."""
    account, stream = key
    family = "onetrading_balance" if stream == "balances" else "onetrading_trade"
    return {
        series: value
        for series, value in shown.items()
        if f'account="{account}"' in series
        and (f'stream="{stream}"' in series or series.startswith(family))
    }


@given(EVENTS)
def test_one_account_or_stream_changes_nothing_of_another(events: list[Event]) -> None:
    """Leaving out all that happened elsewhere leaves a stream's series as they are."""
    clock = Clock()
    together = make(clock, (BALANCES, TRADES))
    for n, event in enumerate(events):
        play(n, event, clock, together)
    for key in together.keys:
        clock = Clock()
        alone = make(clock, (BALANCES, TRADES))
        for n, event in enumerate(events):
            play(n, event, clock, alone, only=key)
        assert of(key, lines(alone)) == of(key, lines(together))


@given(EVENTS)
def test_nothing_older_than_its_limit_is_ever_shown(events: list[Event]) -> None:
    """Against a model that knows only the last value and since when its age counts."""
    clock = Clock()
    stream_metrics = make(clock, (BALANCES, TRADES))
    limit = {"balances": 60.0, "trades": 90.0}
    value: dict[tuple[str, str], int] = {}
    since: dict[tuple[str, str], float] = {}
    for n, event in enumerate(events):
        account, stream, outcome, seconds = event
        key = (account, stream)
        young = key in since and clock.at + seconds - since[key] <= limit[stream]
        play(n, event, clock, stream_metrics)
        if outcome == "ok":
            value[key] = n
        if outcome in ("ok", "same") or (outcome == "database" and young):
            since[key] = clock.at
        expected = {k: [str(value[k])] for k in value if clock.at - since[k] <= limit[k[1]]}
        shown = {k: list(of(k, domain(stream_metrics)).values()) for k in stream_metrics.keys}
        assert {k: v for k, v in shown.items() if v} == expected


def test_the_age_of_the_last_success_follows_no_time_of_day(
    clock: Clock, stream_metrics: StreamMetrics
) -> None:
    """Absent before the first, and while another process reads the stream."""
    name = 'onetrading_sync_age_seconds{account="main",stream="balances"}'
    assert name not in lines(stream_metrics)
    stream_metrics.record_success("main", "balances", BTC)
    clock.at += 20
    stream_metrics.record_failure("main", "balances", "server")
    clock.at += 21.5
    assert lines(stream_metrics)[name] == "41.5"
    stream_metrics.record_success("main", "balances", BTC)
    assert lines(stream_metrics)[name] == "0"
    stream_metrics.mark_standing_by("main", "balances")
    assert name not in lines(stream_metrics)
