"""The recent errors that the status report lists: bounded, and the latest first."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.recent_errors import RecentErrors
from tests.support.clocks import START


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60))
def test_recent_errors_are_bounded_and_in_order(events: list[tuple[int, bool]]) -> None:
    recent, limit, at = RecentErrors(limit=4), 4, START
    runs: dict[int, list[list[datetime]]] = defaultdict(list)
    for key, fails in events:
        at += timedelta(seconds=1)
        if not fails:
            recent.end_runs("main", str(key))
            runs[key].append([])
            continue
        recent.add("main", str(key), "poll", "timeout", at)
        if not runs[key]:
            runs[key].append([])
        runs[key][-1].append(at)
    found = recent.latest()
    assert len(found) <= limit
    assert [run.last_at for run in found] == sorted((r.last_at for r in found), reverse=True)
    ended = sorted((run[-1] for of in runs.values() for run in of if run), reverse=True)
    assert [run.last_at for run in found] == ended[: len(found)]
    assert len(found) == min(limit, len(ended))
    for run in found:
        mine = next(r for r in runs[int(run.stream)] if r and r[-1] == run.last_at)
        assert run.times <= len(mine)
        if run.first_at == mine[0]:
            assert run.times == len(mine)
