"""What a failed poll does to what is shown, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import Board, StreamState
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
    """Wall and monotonic time that pass only when told to."""

    def __init__(self) -> None:
        self.at = 0.0

    def wall(self) -> float:
        return 1_700_000_000 + self.at

    def monotonic(self) -> float:
        return 50 + self.at


def make(clock: Clock, streams: Iterable[Stream] = STREAMS, **intervals: timedelta) -> Board:
    return Board(
        tuple(streams), ACCOUNTS, intervals=intervals, now=clock.wall, monotonic=clock.monotonic
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return make(clock)


def lines(board: Board) -> dict[str, str]:
    """Series to value; fails on a series shown twice."""
    found: dict[str, str] = {}
    for _, chunk in board.chunks():
        for line in chunk.decode().splitlines():
            series, value = line.rsplit(" ", 1)
            assert series not in found
            found[series] = value
    return found


def domain(board: Board) -> dict[str, str]:
    own = ("onetrading_sync_", "onetrading_exposition_", "onetrading_coverage_")
    return {series: value for series, value in lines(board).items() if not series.startswith(own)}


def sync(board: Board, metric: str, account: str = "main", stream: str = "balances") -> str | None:
    return lines(board).get(f'onetrading_sync_{metric}{{account="{account}",stream="{stream}"}}')


def state(board: Board, account: str = "main", stream: str = "balances") -> StreamState:
    return next(s for s in board.states() if (s.account, s.stream) == (account, stream))


def test_everything_known_in_advance_is_shown_before_the_first_poll(board: Board) -> None:
    shown = lines(board)
    for account, stream in board.keys:
        labels = f'account="{account}",stream="{stream}"'
        assert shown[f"onetrading_sync_success{{{labels}}}"] == "0"
        assert shown[f"onetrading_sync_last_success_timestamp_seconds{{{labels}}}"] == "0"
        assert shown[f"onetrading_sync_permitted{{{labels}}}"] == "1"
        assert shown[f"onetrading_sync_held{{{labels}}}"] == "0"
        assert shown[f"onetrading_exposition_duplicates_total{{{labels}}}"] == "0"
        for reason in REASONS:
            assert shown[f'onetrading_sync_errors_total{{{labels},reason="{reason}"}}'] == "0"
    assert not domain(board)
    assert not [series for series in shown if "coverage" in series or "backfill" in series]
    assert {s.freshness for s in board.states()} == {"empty"}
    assert not any(s.tried for s in board.states())


def test_private_streams_exist_for_each_account_and_public_ones_once(board: Board) -> None:
    assert sorted(board.keys) == [
        ("desk", "balances"),
        ("desk", "trades"),
        ("main", "balances"),
        ("main", "trades"),
        ("public", "instruments"),
        ("public", "tickers"),
    ]


def test_the_interval_is_the_configured_one_or_the_streams_own(clock: Clock) -> None:
    board = make(clock, balances=timedelta(seconds=5))
    assert sync(board, "interval_seconds") == "5"
    assert sync(board, "interval_seconds", "public", "instruments") == "3600"


def test_a_good_answer_replaces_the_whole_family_at_once(board: Board, clock: Clock) -> None:
    board.succeeded("main", "balances", BTC)
    assert domain(board)[BALANCE] == "1.5"
    clock.at = 15
    board.succeeded("main", "balances", [AVAILABLE(Decimal(0), "EUR")])
    assert domain(board) == {'onetrading_balance_available{account="main",currency="EUR"}': "0"}
    assert sync(board, "success") == "1"
    assert sync(board, "last_success_timestamp_seconds") == "1700000015"


def test_an_empty_answer_is_an_answer(board: Board) -> None:
    board.succeeded("main", "balances", BTC)
    board.succeeded("main", "balances", [])
    assert not domain(board)
    assert sync(board, "success") == "1"
    assert state(board).freshness == "fresh"


def test_public_series_carry_no_account(board: Board) -> None:
    board.succeeded("public", "tickers", [BID(Decimal("97000.5"), "BTC_EUR")])
    assert domain(board) == {'onetrading_bid_price{instrument="BTC_EUR"}': "97000.5"}
    assert sync(board, "success", "public", "tickers") == "1"


@pytest.mark.parametrize("reason", [r for r in REASONS if r != "database"])
def test_a_failure_holds_the_values_until_they_are_too_old(
    board: Board, clock: Clock, reason: Reason
) -> None:
    board.succeeded("main", "balances", BTC)
    for clock.at in (15, 30, 45, 60):
        board.failed("main", "balances", reason)
        assert domain(board)[BALANCE] == "1.5"
        assert sync(board, "success") == "0"
        assert sync(board, "held") == "1"
        assert sync(board, "last_success_timestamp_seconds") == "1700000000"
        assert state(board).freshness == "held"
    clock.at = 60.001
    assert not domain(board)
    assert sync(board, "held") == "0"
    assert state(board).freshness == "withdrawn"
    assert sync(board, "success") == "0"


def test_long_intervals_hold_for_three_of_them(clock: Clock) -> None:
    board = make(clock)
    info = [INSTRUMENTS.metrics[1](1, "BTC_EUR")]
    board.succeeded("public", "instruments", info)
    clock.at = 3 * 3600
    assert domain(board)
    clock.at += 0.001
    assert not domain(board)


def test_a_stream_that_nobody_asks_any_more_is_withdrawn_too(board: Board, clock: Clock) -> None:
    board.succeeded("main", "balances", BTC)
    clock.at = 31
    assert state(board).freshness == "held"
    clock.at = 61
    assert not domain(board)
    assert sync(board, "success") == "1"  # no pass has failed; last_success and held tell


def test_withdrawn_values_never_come_back_without_a_success(board: Board, clock: Clock) -> None:
    board.succeeded("main", "balances", BTC)
    clock.at = 61
    for reason in REASONS:
        board.failed("main", "balances", reason)
        assert not domain(board)
    board.succeeded("main", "balances", BTC)
    assert domain(board)[BALANCE] == "1.5"


def test_postgres_being_down_changes_no_domain_series(board: Board, clock: Clock) -> None:
    board.succeeded("main", "balances", BTC)
    before = domain(board)
    for clock.at in range(0, 3600, 15):
        board.failed("main", "balances", "database")
        assert domain(board) == before
    assert sync(board, "success") == "0"
    assert sync(board, "last_success_timestamp_seconds") == "1700000000"
    clock.at += 61
    assert not domain(board)


@pytest.mark.parametrize("reason", ["auth", "permission"])
def test_a_refused_stream_is_not_permitted_until_it_succeeds(board: Board, reason: Reason) -> None:
    board.succeeded("main", "balances", BTC)
    board.failed("main", "balances", reason)
    board.failed("main", "balances", "timeout")
    assert sync(board, "permitted") == "0"
    assert domain(board)[BALANCE] == "1.5"
    board.succeeded("main", "balances", BTC)
    assert sync(board, "permitted") == "1"


def test_other_failures_say_nothing_about_permission(board: Board) -> None:
    for reason in REASONS:
        if reason not in ("auth", "permission"):
            board.failed("main", "balances", reason)
    assert sync(board, "permitted") == "1"


def test_a_pass_that_changed_nothing_makes_the_values_young_again(
    board: Board, clock: Clock
) -> None:
    board.succeeded("main", "balances", BTC)
    clock.at = 50
    board.succeeded("main", "balances", None)
    clock.at = 100
    assert domain(board)[BALANCE] == "1.5"
    clock.at = 111
    assert not domain(board)


def test_errors_are_counted_by_reason(board: Board) -> None:
    board.failed("main", "balances", "timeout")
    board.failed("main", "balances", "timeout")
    board.failed("main", "balances", "server")
    series = 'onetrading_sync_errors_total{account="main",stream="balances",reason="%s"}'
    shown = lines(board)
    assert [shown[series % r] for r in ("timeout", "server", "auth")] == ["2", "1", "0"]
    assert state(board).last_error == "server"
    board.succeeded("main", "balances", BTC)
    assert state(board).last_error is None


def test_samples_that_cannot_be_shown_fail_their_stream_only(board: Board) -> None:
    board.succeeded("main", "balances", BTC)
    board.succeeded("desk", "balances", BTC)
    before = domain(board)

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
        assert not board.succeeded("main", "balances", samples)
        assert domain(board) == before
        series = 'onetrading_sync_errors_total{account="main",stream="balances",reason="internal"}'
        assert lines(board)[series] == str(n)
    assert sync(board, "success") == "0"
    assert sync(board, "success", "desk") == "1"
    assert not board.succeeded("main", "trades", [COUNT(-1, "BTC_EUR", "BUY", "TAKER")])


def test_what_is_not_a_finite_number_is_not_shown(board: Board) -> None:
    odd: list[Decimal | int] = [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e400"),
        10**400,
    ]
    assert board.succeeded("main", "balances", [AVAILABLE(v, f"C{n}") for n, v in enumerate(odd)])
    assert not domain(board)


def test_the_first_of_two_samples_of_one_series_stays(board: Board) -> None:
    board.succeeded("main", "balances", [*BTC, AVAILABLE(9, "BTC")])
    assert domain(board)[BALANCE] == "1.5"
    series = 'onetrading_exposition_duplicates_total{account="main",stream="balances"}'
    assert lines(board)[series] == "1"


def test_two_streams_may_show_one_family_but_not_one_series(clock: Clock) -> None:
    copy = replace(TICKERS, name="copy", interval=timedelta(hours=1))
    board = make(clock, (TICKERS, copy))
    board.succeeded("public", "copy", [BID(1, "BTC_EUR"), BID(2, "ETH_EUR")])
    board.succeeded("public", "tickers", [BID(3, "BTC_EUR")])
    btc = 'onetrading_bid_price{instrument="BTC_EUR"}'
    eth = 'onetrading_bid_price{instrument="ETH_EUR"}'
    assert domain(board) == {btc: "3", eth: "2"}
    counted = 'onetrading_exposition_duplicates_total{account="public",stream="tickers"}'
    assert lines(board)[counted] == "1"
    clock.at = 61  # the first is withdrawn, the second is still young
    assert domain(board) == {btc: "1", eth: "2"}


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
        Board(STREAMS, ["public"], intervals={}, now=clock.wall, monotonic=clock.monotonic)


def test_coverage_is_absent_until_known_and_the_lag_grows(board: Board, clock: Clock) -> None:
    board.coverage("main", "trades", lag_s=30, gap_s=0, progress_ratio=None)
    clock.at = 100
    labels = '{account="main",stream="trades"}'
    shown = {s: v for s, v in lines(board).items() if "coverage" in s or "backfill" in s}
    assert shown == {
        f"onetrading_coverage_lag_seconds{labels}": "130",
        f"onetrading_coverage_gap_seconds{labels}": "0",
    }
    board.coverage("main", "trades", lag_s=30, gap_s=12.5, progress_ratio=0.25)
    shown = lines(board)
    assert shown[f"onetrading_coverage_lag_seconds{labels}"] == "30"
    assert shown[f"onetrading_coverage_gap_seconds{labels}"] == "12.5"
    assert shown[f"onetrading_backfill_progress_ratio{labels}"] == "0.25"
    assert state(board, stream="trades").lag_s == 30


def test_an_unknown_pair_is_an_error(board: Board) -> None:
    with pytest.raises(KeyError):
        board.succeeded("main", "tickers", [])
    with pytest.raises(KeyError):
        board.failed("nobody", "balances", "timeout")


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
    n: int, event: Event, clock: Clock, board: Board, only: tuple[str, str] | None = None
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
        assert board.succeeded(account, stream, [sample])
    elif outcome == "same":
        board.succeeded(account, stream, None)
    else:
        board.failed(account, stream, next(r for r in REASONS if r == outcome))


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
    board = make(clock, (BALANCES, TRADES))
    limit = {"balances": 60.0, "trades": 90.0}
    value: dict[tuple[str, str], int] = {}
    since: dict[tuple[str, str], float] = {}
    for n, event in enumerate(events):
        account, stream, outcome, seconds = event
        key = (account, stream)
        young = key in since and clock.at + seconds - since[key] <= limit[stream]
        play(n, event, clock, board)
        if outcome == "ok":
            value[key] = n
        if outcome in ("ok", "same") or (outcome == "database" and young):
            since[key] = clock.at
        expected = {k: [str(value[k])] for k in value if clock.at - since[k] <= limit[k[1]]}
        shown = {k: list(of(k, domain(board)).values()) for k in board.keys}
        assert {k: v for k, v in shown.items() if v} == expected
