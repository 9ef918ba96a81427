"""Laws of a walk: what it reports as proven was delivered, whatever the exchange does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.paginator import PageResult, Paginator
from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.api.retry import Policy
from exporter.model.errors import CursorExpired, ExchangeError, UnexpectedPayload
from exporter.model.stream import History, Partition
from exporter.model.window import RESOLUTION, Window
from exporter.streams.funding_history import FUNDING_HISTORY
from exporter.streams.trades import TRADES
from tests.support.facts import micros_of
from tests.support.interval_oracle import union, within
from tests.support.paged import (
    ACCOUNT_ID,
    BASE,
    Exchange,
    PagedServer,
    PageResponse,
    Row,
    instant,
    millis_of,
    numbered,
    paged,
)

HOURS = 3_600_000
CURSORLESS = replace(FUNDING_HISTORY, paging=replace(FUNDING_HISTORY.paging, size=4))
"""Its pages are small, so that a few rows fill one."""

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Silent:
    """An observer that records nothing."""

    def record_request(self, account: str, endpoint: str, code: str, seconds: float) -> None:
        """Nothing."""

    def record_wait(self, account: str, seconds: float) -> None:
        """Nothing."""


class Rig:
    """A client of one server, whose exchange each example chooses."""

    def __init__(self, server: PagedServer) -> None:
        self.server = server
        stop = threading.Event()
        self.client = Client(
            account="main",
            base_url=server.base_url,
            token=lambda: "token",
            rate_limiter=RateLimiter(10**7, monotonic=time.monotonic, stop=stop),
            clock=ExchangeClock(wall=lambda: datetime.now(UTC)),
            observer=Silent(),
            stop=stop,
            policy=Policy(),
            random=lambda: 0.0,
            monotonic=time.monotonic,
        )

    def walk(self, stream: History, window: Window) -> Paginator:
        """A walk through a window of the exchange."""
        return Paginator(
            self.client,
            stream,
            Partition("main", ACCOUNT_ID, stream.name, ""),
            window,
            priority=Priority.HISTORY,
            deadline_s=5.0,
            on_error=lambda _error: None,
        )


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with paged() as server:
        one = Rig(server)
        yield one
        one.client.close()


# Few instants, so that many rows share one; the window's own ends among them.
rows = st.lists(st.integers(-1, 7).map(lambda n: n * HOURS), max_size=30).map(numbered)
windows = st.tuples(st.integers(0, 6), st.integers(1, 7)).map(
    lambda ends: Window(
        instant(min(ends) * HOURS), instant((max(ends) + (ends[0] == ends[1])) * HOURS)
    )
)
page_numbers = st.frozensets(st.integers(0, 12), max_size=4)
exchanges = st.builds(
    Exchange,
    rows,
    size=st.integers(1, 7),
    shuffled=st.none() | st.integers(0, 9),
    repeated=st.integers(0, 2),
    empty=page_numbers,
    expired=page_numbers,
)


class Delivered:
    """The rows that walks delivered, and the windows that they reported as proven."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.ids: set[Any] = set()
        self.proven: list[Window] = []

    def take(self, window: Window, result: PageResult) -> None:
        """Record a page, and check it against the truth."""
        for row in result.rows:
            self.ids.add(identity(row))
        for row in result.rows:
            at = row.traded_at if hasattr(row, "traded_at") else row.funding_time
            assert window.start <= at < window.end
        if result.proven is not None:
            assert window.start <= result.proven.start < result.proven.end <= window.end
            self.proven.append(result.proven)
        assert self.missing() == set()

    def missing(self) -> set[Any]:
        """Rows of the exchange in proven windows that were not delivered."""
        due = {
            row.trade_id if self.exchange.cursors else f"N{row.number}_USD_P"
            for row in self.exchange.rows
            if within(instant(row.at), self.proven)
        }
        return due - self.ids


def identity(row: Any) -> Any:
    return row.trade_id if hasattr(row, "trade_id") else row.instrument_code


def walk_all(
    rig: Rig, stream: History, exchange: Exchange, window: Window, steal_at: frozenset[int]
) -> tuple[Delivered, list[ExchangeError]]:
    """Walk the window, and what is stolen of it; a walk that breaks is not resumed."""
    rig.server.exchange = exchange
    delivered, errors = Delivered(exchange), []
    todo, taken = [window], 0
    while todo:
        part = todo.pop()
        walk = rig.walk(stream, part)
        try:
            for result in walk.pages():
                delivered.take(part, result)
                taken += 1
                if taken in steal_at and (stolen := walk.steal_older_half()) is not None:
                    assert stolen.start < stolen.end
                    todo.append(stolen)
            assert result.complete
        except ExchangeError as error:
            errors.append(error)
        assert taken < 500
    return delivered, errors


TIMED = replace(TRADES, paging=replace(TRADES.paging, cursor_is_time=True))


@dataclass
class TimedExchange(Exchange):
    """Its cursor is the instant of the page's oldest row; what it stands for is not documented."""

    inclusive: bool = False

    def answer(self, query: dict[str, str]) -> PageResponse:
        """The next page: of what is older than the cursor, or (``inclusive``) as old as it."""
        self.answered += 1
        first, last = (millis_of(query[name]) for name in ("from", "to"))
        found = sorted((row for row in self.rows if first <= row.at <= last), reverse=True)
        if "cursor" in query:
            before = int(query["cursor"]) - micros_of(BASE) + self.inclusive
            found = [row for row in found if row.at * 1_000 < before]
        page = found[: self.size]
        more = len(found) > len(page)
        oldest = str(micros_of(instant(page[-1].at))) if more else None
        return 200, self._body(self._mixed(page, self.answered), oldest)


# Of one instant there are fewer rows than fit on a page, but they may lie at its edge; some
# instants are closer together than windows can be requested.
tied = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 10, 1_000, HOURS, HOURS + 1, 3 * HOURS]), st.integers(0, 3)
    ),
    max_size=8,
    unique_by=lambda group: group[0],
).map(lambda groups: numbered([at for at, n in groups for _ in range(n)]))


@shared
@given(tied, st.integers(4, 6), st.booleans(), st.none() | st.integers(0, 9))
@example(numbered([0, 0, 1, 1, 1, 2, 2]), 4, False, None)
def test_a_cursor_that_is_a_time_loses_no_row_of_its_instant(
    rig: Rig, rows: list[Row], size: int, inclusive: bool, shuffled: int | None
) -> None:
    exchange = TimedExchange(rows, size=size, inclusive=inclusive, shuffled=shuffled)
    delivered, errors = walk_all(
        rig, TIMED, exchange, Window(instant(0), instant(4 * HOURS)), frozenset()
    )
    assert errors == []
    assert delivered.ids == {row.trade_id for row in rows}
    assert exchange.answered <= 1 + 2 * len(rows) // (size - 3)


def test_a_page_of_one_instant_is_followed_by_its_cursor(rig: Rig) -> None:
    """Nothing else leads on; that rows of the instant may have been lost is reported."""
    rig.server.exchange = TimedExchange(numbered([2 * HOURS] * 6 + [HOURS] * 2), size=3)
    results = list(rig.walk(TIMED, Window(instant(0), instant(4 * HOURS))).pages())
    assert results[-1].complete
    assert {row.trade_id[-1] for result in results for row in result.rows} >= {"7", "8"}
    drift = {(item.kind, item.path) for result in results for item in result.drift}
    assert drift == {("page", "cursor")}


@shared
@given(exchanges, windows, page_numbers)
def test_what_is_proven_was_delivered(
    rig: Rig, exchange: Exchange, window: Window, steal_at: frozenset[int]
) -> None:
    delivered, errors = walk_all(rig, TRADES, exchange, window, steal_at)
    assert all(isinstance(error, CursorExpired) for error in errors)
    if not errors:
        assert union(delivered.proven) == [window]
    if not exchange.expired:
        assert not errors


@shared
@given(exchanges, windows, st.integers(0, 15), page_numbers)
def test_a_walk_cut_short_has_proven_no_more_than_it_delivered(
    rig: Rig, exchange: Exchange, window: Window, end: int, steal_at: frozenset[int]
) -> None:
    exchange.broken = frozenset({end})
    delivered, errors = walk_all(rig, TRADES, exchange, window, steal_at)
    if errors and not steal_at:
        assert union(delivered.proven) != [window]


@shared
@given(exchanges, windows, st.integers(0, 15))
def test_an_exchange_that_begins_with_the_oldest_gets_no_partial_proof(
    rig: Rig, exchange: Exchange, window: Window, end: int
) -> None:
    exchange.oldest_first, exchange.broken = True, frozenset({end})
    rig.server.exchange = exchange
    delivered, walk = Delivered(exchange), rig.walk(TRADES, window)
    try:
        for result in walk.pages():
            delivered.take(window, result)
            assert result.complete or result.proven is None
            assert result.complete or walk.steal_older_half() is None
    except ExchangeError:
        assert delivered.proven == []
    else:
        assert delivered.proven == [window]


@shared
@given(exchanges, windows, st.booleans(), st.frozensets(st.integers(0, 9), max_size=1))
def test_an_endpoint_without_cursors_is_read_to_its_end(
    rig: Rig, exchange: Exchange, window: Window, oldest_first: bool, broken: frozenset[int]
) -> None:
    """Its pages may be cut anywhere, and nothing shows it."""
    exchange.cursors, exchange.repeated, exchange.empty = False, 0, frozenset()
    exchange.size = max(exchange.size, CURSORLESS.paging.size)
    exchange.oldest_first, exchange.broken = oldest_first, broken
    delivered, errors = walk_all(rig, CURSORLESS, exchange, window, frozenset())
    at_once = max((at_one_instant(exchange, row.at) for row in exchange.rows), default=0)
    if not errors:
        assert union(delivered.proven) == [window]
    elif not broken:
        assert at_once >= CURSORLESS.paging.size
        assert isinstance(errors[0], UnexpectedPayload)


def at_one_instant(exchange: Exchange, at: int) -> int:
    return sum(row.at == at for row in exchange.rows)


@shared
@given(rows, windows, st.integers(2, 3))
def test_an_endpoint_without_cursors_may_serve_less_than_a_page(
    rig: Rig, sent: list[Row], window: Window, size: int
) -> None:
    """A short page proves nothing of what lies before it."""
    distinct = numbered(sorted({row.at for row in sent}))
    exchange = Exchange(distinct, size=size, cursors=False)
    delivered, errors = walk_all(rig, CURSORLESS, exchange, window, frozenset())
    assert not errors
    assert union(delivered.proven) == [window]


def test_more_rows_at_one_instant_than_a_page_holds_is_an_error(rig: Rig) -> None:
    window = Window(instant(0), instant(8 * HOURS))
    for oldest_first in (False, True):
        rig.server.exchange = Exchange(
            numbered([HOURS] + [3 * HOURS] * 5 + [5 * HOURS]),
            size=4,
            cursors=False,
            oldest_first=oldest_first,
        )
        delivered = Delivered(rig.server.exchange)
        with pytest.raises(UnexpectedPayload, match="than one page holds"):
            for result in rig.walk(CURSORLESS, window).pages():
                delivered.take(window, result)
        assert union(delivered.proven) != [window]


def test_rows_at_the_start_of_the_window_are_read_to_the_last(rig: Rig) -> None:
    """A page that ends among rows of the window's first instant is not its end."""
    rig.server.exchange = Exchange(numbered([3 * HOURS, *[2 * HOURS] * 4, HOURS]), size=2)
    window = Window(instant(2 * HOURS), instant(4 * HOURS))
    delivered = Delivered(rig.server.exchange)
    results = list(rig.walk(TRADES, window).pages())
    for result in results:
        delivered.take(window, result)
    assert len(delivered.ids) == 5
    assert [result.complete for result in results] == [False, False, True]


def test_a_page_out_of_order_ends_partial_proof(rig: Rig) -> None:
    hours = [8, 7, 6, 5, 7, 4, 3, 2, 1, 0]
    rig.server.exchange = Exchange(numbered([n * HOURS for n in hours]), size=2, as_given=True)
    window = Window(instant(0), instant(9 * HOURS))
    walk = rig.walk(TRADES, window)
    proven, reported = [], []
    for result in walk.pages():
        proven.append(result.proven)
        reported += [(drift.kind, drift.path) for drift in result.drift]
        if len(proven) > 2:
            assert walk.steal_older_half() is None
    assert [window and window.start > instant(0) for window in proven[:2]] == [True, True]
    assert proven[2:] == [None, None, window]
    assert reported == [("page", "order")]


def test_a_cursor_that_repeats_is_an_error(rig: Rig) -> None:
    rig.server.exchange = Exchange(numbered([n * HOURS for n in range(7)]), same_cursor=True)
    window = Window(instant(0), instant(8 * HOURS))
    delivered = Delivered(rig.server.exchange)
    with pytest.raises(UnexpectedPayload, match="was sent twice"):
        for result in rig.walk(TRADES, window).pages():
            delivered.take(window, result)
    assert len(delivered.ids) == 6
    assert rig.server.exchange.answered == 2


def test_empty_pages_without_an_end_are_an_error(rig: Rig) -> None:
    rig.server.exchange = Exchange(numbered([HOURS] * 4), empty=frozenset(range(1, 1_000)))
    window = Window(instant(0), instant(8 * HOURS))
    with pytest.raises(UnexpectedPayload, match="empty pages in a row, and no end"):
        list(rig.walk(TRADES, window).pages())
    assert rig.server.exchange.answered < 200


def test_the_older_half_of_what_is_left_may_be_stolen(rig: Rig) -> None:
    rig.server.exchange = Exchange(numbered([n * HOURS for n in range(8)]), size=2)
    window = Window(instant(0), instant(8 * HOURS))
    walk = rig.walk(TRADES, window)
    results = walk.pages()
    assert walk.steal_older_half() is None  # nothing is proven yet
    next(results)
    assert walk.steal_older_half() == Window(instant(0), instant(3 * HOURS))
    rest = list(results)
    assert rest[-1].complete
    assert rest[-1].proven == Window(instant(3 * HOURS), window.end)
    assert rig.server.exchange.answered == 3  # what was stolen is not read


def test_nothing_is_stolen_of_a_walk_at_its_end(rig: Rig) -> None:
    """Nothing is older than its oldest row: that is proven, and must not be read again."""
    rig.server.exchange = Exchange(numbered([n * HOURS for n in (5, 6, 7, 8)]), size=2)
    window = Window(instant(0), instant(9 * HOURS))
    walk = rig.walk(TRADES, window)
    results = []
    for result in walk.pages():
        results.append(result)
        if result.complete:
            assert walk.steal_older_half() is None
    assert len(results) == 2
    assert results[-1].proven == window


def test_pages_are_requested_one_unit_wider(rig: Rig) -> None:
    rig.server.exchange = Exchange(numbered([HOURS]))
    list(rig.walk(TRADES, Window(instant(HOURS), instant(2 * HOURS))).pages())
    (query,) = rig.server.exchange.asked
    assert query == {
        "from": "2026-03-01T00:59:59.999Z",
        "to": "2026-03-01T02:00:00.001Z",
        "max_page_size": "100",
    }


def test_every_page_carries_the_parameters_of_its_stream(rig: Rig) -> None:
    rig.server.exchange = Exchange(numbered([n * HOURS for n in range(1, 6)]), size=2)
    stream = replace(TRADES, parameters={"type": "FILL", "max_page_size": "7"})
    list(rig.walk(stream, Window(instant(HOURS), instant(7 * HOURS))).pages())
    asked = rig.server.exchange.asked
    assert [query["type"] for query in asked] == ["FILL"] * 3
    assert {query["max_page_size"] for query in asked} == {"100"}, "paging has the last word"


@pytest.mark.parametrize("size", [1, 2])
def test_a_walk_that_has_proven_nothing_restarts_at_the_end_of_its_window(
    rig: Rig, size: int
) -> None:
    """Oldest first, what was read so far lies at the start: the rest may not be given up."""
    rig.server.exchange = Exchange(
        numbered([n * HOURS for n in range(6)]),
        size=size,
        oldest_first=True,
        expired=frozenset({1}),
    )
    window = Window(instant(0), instant(6 * HOURS))
    delivered = Delivered(rig.server.exchange)
    for result in rig.walk(TRADES, window).pages():
        delivered.take(window, result)
    assert len(delivered.ids) == 6
    assert delivered.proven == [window]
    first, _, again = rig.server.exchange.asked[:3]
    assert again == first


def test_a_walk_whose_cursor_expired_goes_on_where_it_was(rig: Rig) -> None:
    """Else a cursor that lives for a few pages would never let it reach its end."""
    rig.server.exchange = Exchange(
        numbered([n * HOURS for n in range(8)]), size=2, expired=frozenset({2, 4})
    )
    window = Window(instant(0), instant(8 * HOURS))
    delivered = Delivered(rig.server.exchange)
    for result in rig.walk(TRADES, window).pages():
        delivered.take(window, result)
    assert len(delivered.ids) == 8
    restarted = [query["to"] for query in rig.server.exchange.asked if "cursor" not in query]
    # The oldest instant reached, 4:00 and then 3:00, is requested once more.
    assert restarted == [
        "2026-03-01T08:00:00.001Z",
        "2026-03-01T04:00:00.002Z",
        "2026-03-01T03:00:00.002Z",
    ]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_rows_that_share_their_instant_are_in_order(rig: Rig, size: int) -> None:
    """Whatever their pages: what lies above the oldest instant reached is proven all the same."""
    hours = [8, 7, 7, 7, 7, 5, 5, 5, 4, 3, 3]
    rig.server.exchange = Exchange(numbered([n * HOURS for n in hours]), size=size)
    window = Window(instant(0), instant(9 * HOURS))
    delivered, starts, read = Delivered(rig.server.exchange), [], []
    for result in rig.walk(TRADES, window).pages():
        delivered.take(window, result)
        assert result.drift == []
        read += [row.traded_at for row in result.rows]
        # One instant alone shows no order yet.
        shown = len(set(read)) > 1
        if not result.complete:
            assert result.proven == (Window(min(read) + RESOLUTION, window.end) if shown else None)
        starts.append(result.proven)
    assert starts[-1] == window
    assert len(delivered.ids) == len(hours)


@pytest.mark.parametrize("size", [1, 2])
def test_one_instant_over_several_pages_shows_no_order(rig: Rig, size: int) -> None:
    """The exchange begins with the oldest, and its first two pages do not show it."""
    hours = [4] * 2 * size + [5, 6]
    rig.server.exchange = Exchange(
        numbered([n * HOURS for n in hours]), size=size, oldest_first=True, broken=frozenset({2})
    )
    results: list[PageResult] = []
    with pytest.raises(ExchangeError):
        results.extend(rig.walk(TRADES, Window(instant(0), instant(9 * HOURS))).pages())
    assert [result.proven for result in results] == [None, None]
