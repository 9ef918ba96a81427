"""Reading history from Python: every row once, and told what that proves."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import open_account
from exporter.model.errors import HistoryIncomplete, NotPermitted, ServerFailed
from exporter.notebook import AccountReader, IncompleteWarning
from exporter.notebook.walk import ROWS_PER_WINDOW, following_span
from exporter.simulator import Simulator
from exporter.streams.trades import Trade

NOW = datetime.now(UTC).replace(microsecond=0)
"""When the tests began: what happened before is settled."""
START, END = NOW - timedelta(days=4), NOW - timedelta(minutes=2)
DAY = (NOW - timedelta(days=2)).date()
FAST = 1_000_000


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator(history_days=5) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def without_faults(exchange: Simulator) -> Iterator[None]:
    yield
    exchange.set_faults()
    exchange.restore()


@pytest.fixture
def account(exchange: Simulator) -> Iterator[AccountReader]:
    with opened(exchange) as reader:
        yield reader


def opened(exchange: Simulator, patience_s: float = 20.0) -> AccountReader:
    return open_account(
        token=exchange.tokens["main"],
        base_url=exchange.base_url,
        requests_per_minute=FAST,
        patience_s=patience_s,
    )


def instant(sent: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(sent["time_nanos"][:26]).replace(tzinfo=UTC)


def truth(
    exchange: Simulator, start: datetime = START, end: datetime = END
) -> list[dict[str, Any]]:
    """The trades of a range as the exchange knows them, newest first."""
    sent = [record["trade"] for record in exchange.truth("trades", "main")]
    found = [trade for trade in sent if start <= instant(trade) < end]
    return sorted(found, key=instant, reverse=True)


def test_a_range_is_read_as_the_exchange_has_it(
    exchange: Simulator, account: AccountReader
) -> None:
    walk = account.trades(START, END)
    assert "0 rows, not complete" in repr(walk)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trades = list(walk)
    expected = truth(exchange)
    assert len(expected) > 150
    assert {trade.trade_id for trade in trades} == {sent["trade_id"] for sent in expected}
    assert len(trades) == len(expected) == walk.row_count
    assert [t.traded_at for t in trades] == sorted((t.traded_at for t in trades), reverse=True)
    by_id = {sent["trade_id"]: sent for sent in expected}
    for trade in trades:
        sent = by_id[trade.trade_id]
        assert (trade.price, trade.amount) == (Decimal(sent["price"]), Decimal(sent["amount"]))
        assert trade.traded_at == instant(sent)
        assert f"{trade.traded_at_nanos % 10**9:09d}" == sent["time_nanos"][20:29]
        assert sent["time_nanos"][:19] == f"{trade.traded_at:%Y-%m-%dT%H:%M:%S}"
    assert any(trade.traded_at_nanos % 1_000 for trade in trades)
    assert walk.complete
    assert walk.proven == (walk.window,) == ((START, END),)
    assert walk.missing == ()
    assert "complete" in repr(walk)


def test_bounds_are_instants_texts_or_days(account: AccountReader) -> None:
    following = DAY + timedelta(days=1)
    day = account.trades(DAY, str(following))
    assert day.window == account.trades(f"{DAY}T01:00+01:00", following).window
    assert day.window == (
        datetime.combine(DAY, time(), UTC),
        datetime.combine(following, time(), UTC),
    )
    assert len(day.all()) == len(list(account.trades(str(DAY), f"{following}T00:00:00Z"))) > 0
    for wrong in ("yesterday", f"{DAY}T12:00", datetime.combine(DAY, time())):
        with pytest.raises(ValueError, match=r"start .*(time zone|ISO 8601)"):
            account.trades(wrong)
    with pytest.raises(ValueError, match="end lies before start"):
        account.trades(following, DAY)
    with pytest.raises(ValueError, match="1d"):
        account.candlesticks("BTC_EUR", "2h", DAY)


def test_without_an_end_a_range_ends_where_rows_can_have_appeared(account: AccountReader) -> None:
    walk = account.trades(START)
    assert NOW - timedelta(minutes=2) <= walk.window.end < datetime.now(UTC)
    assert walk.all()
    assert walk.complete


def test_what_has_not_happened_yet_is_not_proven(
    exchange: Simulator, account: AccountReader
) -> None:
    walk = account.trades(NOW - timedelta(hours=6), NOW + timedelta(days=1))
    with pytest.warns(IncompleteWarning, match="not proven from"):
        trades = list(walk)
    assert not walk.complete
    assert len(trades) >= len(truth(exchange, walk.window.start, NOW))
    (proven,) = walk.proven
    assert proven.start == walk.window.start
    assert END < proven.end < datetime.now(UTC) - timedelta(seconds=50)
    with pytest.raises(HistoryIncomplete, match="not proven"):
        account.trades(NOW - timedelta(hours=6), NOW + timedelta(days=1)).all()


def test_a_walk_that_is_left_says_so(exchange: Simulator, account: AccountReader) -> None:
    walk = account.trades(START, END)
    with pytest.warns(IncompleteWarning, match="left before its end.*101 rows.*not proven"):
        rows = take(walk, 101)
    assert len(rows) == 101
    assert not walk.complete
    check_proven(exchange, rows, walk.proven)
    assert walk.proven
    with pytest.raises(ValueError, match="read already"):
        list(walk)
    rest = [row for window in walk.missing for row in account.trades(*window).all()]
    assert {t.trade_id for t in [*rows, *rest]} == {t["trade_id"] for t in truth(exchange)}


def take(walk: Any, count: int) -> list[Trade]:
    rows = iter(walk)
    found = list(itertools.islice(rows, count))
    rows.close()
    return found


def check_proven(exchange: Simulator, rows: list[Trade], proven: Any) -> None:
    """Every trade of a range that is said to be proven was yielded, and none twice."""
    ids = [row.trade_id for row in rows]
    assert len(set(ids)) == len(ids)
    for window in proven:
        assert {t["trade_id"] for t in truth(exchange, *window)} <= set(ids)


def test_an_error_says_what_to_do_and_leaves_what_was_proven(
    exchange: Simulator, account: AccountReader
) -> None:
    walk, rows = account.trades(START, END), list[Trade]()
    with pytest.raises(NotPermitted) as raised:
        for trade in walk:
            rows.append(trade)
            exchange.set_faults(forbid=["/account/trades"])
    notes = "\n".join(raised.value.__notes__)
    assert "scope Read" in notes
    assert "not proven from" in notes
    assert 0 < len(rows) < len(truth(exchange))
    assert not walk.complete
    assert walk.proven
    check_proven(exchange, rows, walk.proven)


def test_what_cannot_be_read_is_told(exchange: Simulator, account: AccountReader) -> None:
    exchange.set_faults(bad_record_rate=0.05)
    walk = account.trades(START, END)
    with pytest.warns(IncompleteWarning, match="could not be read"):
        rows = list(walk)
    bad = len(truth(exchange)) - len(rows)
    assert bad == walk.reject_count == len(walk.rejects) > 0
    assert walk.rejects[0].reason
    assert walk.missing == ()
    assert not walk.complete
    with pytest.raises(HistoryIncomplete, match=f"{bad} records could not be read"):
        account.trades(START, END).all()


ODD_PAGES: tuple[dict[str, Any], ...] = (
    {"duplicate_rate": 0.5, "page_size_cap": 15},
    {"empty_pages": 0.3, "shuffle_equal_instants": True, "page_size_cap": 20},
    {"cursor_expiry_rate": 0.1, "page_size_cap": 30},
    {"error_rate": 0.2, "page_size_cap": 40},
)


@pytest.mark.parametrize("faults", ODD_PAGES, ids=lambda faults: next(iter(faults)))
def test_every_row_comes_once_whatever_the_pages_are(
    exchange: Simulator, faults: dict[str, Any]
) -> None:
    """Or the error is raised, and what was said to be proven was yielded."""
    exchange.set_faults(**faults)
    expected = {sent["trade_id"] for sent in truth(exchange)}
    completed = 0
    for patience_s in (20.0, 0.0):
        rows = list[Trade]()
        with opened(exchange, patience_s) as account:
            try:
                walk = account.trades(START, END)
            except ServerFailed:
                continue  # the exchange did not tell its time
            try:
                rows.extend(walk)
            except ServerFailed:
                assert not walk.complete
        check_proven(exchange, rows, walk.proven)
        if walk.complete:
            completed += 1
            assert {row.trade_id for row in rows} == expected
    assert completed


@settings(max_examples=30)
@given(
    rows_per_minute=st.floats(0, 5_000),
    longest=st.timedeltas(timedelta(hours=1), timedelta(days=180)),
    days=st.integers(1, 60),
)
def test_windows_hold_about_as_many_rows_however_long_the_history(
    rows_per_minute: float, longest: timedelta, days: int
) -> None:
    """The keys that a walk remembers are those of one window: memory does not grow with rows."""
    span, left = longest / 16, timedelta(days=days)
    for number in range(200):
        rows = int(rows_per_minute * (span / timedelta(minutes=1)))
        if number:
            assert rows <= max(2 * ROWS_PER_WINDOW, rows_per_minute) + 1
        assert span <= longest
        span, left = following_span(span, rows, longest), left - span
        if left <= timedelta(0):
            return
    assert rows_per_minute > 0  # few rows: windows grow until they are as long as they may be
