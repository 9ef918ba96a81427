"""The timelines of history: read once for all viewers, and never claiming too much."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.app import apply_migrations
from exporter.model.window import Window
from exporter.status.coverage_cache import CoverageCache
from exporter.status.segments import segments
from exporter.store.database import Database
from exporter.store.reports import timelines
from tests.support.interval_oracle import lacking, overlap, union
from tests.support.reporting import NAMES as ACCOUNT_NAMES
from tests.support.reporting import Connection, examples, facts
from tests.support.reporting_progress import Place, State, put_states, states, windows
from tests.support.reports import NOW
from tests.support.waiting import wait_until


def test_many_viewers_cost_one_query(database_url: str) -> None:
    at = [0.0]
    count = iter(range(1_000_000))
    database = Database(lambda: database_url, apply_migrations)
    stored = CoverageCache(
        database,
        now=lambda: NOW + timedelta(seconds=next(count)),
        monotonic=lambda: at[0],
        refresh_s=3.0,
    )
    assert stored.get().read_at is None  # not connected: nothing is waited for
    try:
        database.open()
        threads = [threading.Thread(target=stored.get) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: stored.get().read_at is not None, "it is never read")
        assert {stored.get().read_at for _ in range(50)} == {NOW}
        at[0] += 3.0
        wait_until(
            lambda: stored.get().read_at == NOW + timedelta(seconds=1), "it is not read again"
        )
    finally:
        database.close()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as found:
        yield found


@examples
@given(drawn=states)
def test_timelines_agree_with_the_coverage_gaps_view(
    connection: Connection, drawn: dict[Place, State]
) -> None:
    """Not proven for all scopes is exactly where the view has a gap of any scope."""
    # The time in which rows may still appear is the stream's, whatever the scope.
    drawn = {
        place: state._replace(allowed_lateness=timedelta(minutes=5 * (place[1] == "rates")))
        for place, state in drawn.items()
    }
    with facts(connection, "UTC") as now:
        put_states(connection, now, drawn)
        gaps: defaultdict[tuple[str, str], list[Window]] = defaultdict(list)
        for of, name, start, end in connection.execute(
            "SELECT account, stream, gap_start, gap_end FROM reporting.coverage_gaps"
        ):
            gaps[of, name].append(Window(start, end))
        found = {
            (line.account, line.stream): line for line in timelines(connection, within_ms=9000)
        }
    for key, line in found.items():
        required = Window(line.required_from, line.settled_to)
        parts = segments(required, line.by_all, line.by_any)
        assert union([(p.start, p.end) for p in parts if p.proven != "all"]) == union(gaps[key])
        proven = [
            window
            for place, state in drawn.items()
            if (ACCOUNT_NAMES[place[0]], place[1]) == key
            and state.required is not None
            and state.retired is None
            for window in windows(now, state)
        ]
        assert all(lacking((p.start, p.end), proven) == [] for p in parts if p.proven == "some")
        assert 0 <= line.proven_ratio <= 1
        if not [gap for gap in gaps[key] if gap.end < line.settled_to] and line.scopes == 1:
            assert line.proven_ratio == (0 if gaps[key] and gaps[key][0] == required else 1)
    assert {key for key, windows_ in gaps.items() if windows_} <= found.keys()


cuts = st.lists(st.integers(0, 10_000), unique=True, min_size=2, max_size=60).map(sorted)


@given(cuts, cuts, st.integers(1, 30))
def test_a_coarser_timeline_never_claims_more(
    of_all: list[int], of_any: list[int], most: int
) -> None:
    def pieces(at: list[int]) -> list[Window]:
        instants = [NOW + timedelta(seconds=n) for n in at]
        return [Window(*pair) for pair in zip(instants[::2], instants[1::2], strict=False)]

    required = Window(NOW, NOW + timedelta(seconds=10_000))
    by_all = pieces(of_all)
    by_any = [Window(*span) for span in union([*by_all, *pieces(of_any)])]
    exact = segments(required, by_all, by_any)
    coarse = segments(required, by_all, by_any, most)
    assert len(coarse) <= max(most, 0) or coarse == exact
    for found in (exact, coarse):
        assert (found[0].start, found[-1].end) == required
        assert all(a.end == b.start for a, b in pairwise(found))
        for part in found:
            if part.proven == "all":
                assert lacking((part.start, part.end), by_all) == []
            elif part.proven == "some":
                assert lacking((part.start, part.end), by_any) == []
    for part in exact:  # which claims no less than there is, either
        more = {"all": [], "some": by_all, "none": by_any}[part.proven]
        assert not overlap((part.start, part.end), more)
    assert segments(Window(NOW, NOW), [], []) == ()
