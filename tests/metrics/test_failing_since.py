"""Since when a stream fails: the first failure in a row, until a pass succeeds or is another's."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import StreamMetrics
from exporter.model.errors import REASONS
from exporter.simulator import Simulator
from exporter.streams.balances import BALANCES
from tests.support.clocks import START, Clock
from tests.support.service import one, serving, status
from tests.support.waiting import wait_until
from tests.support.world import world


def test_it_stays_at_the_first_failure_and_is_gone_after_a_success(tmp_path: Path) -> None:
    with world(tmp_path, ONETRADING_STREAMS="balances") as live:

        def poll(outcome: str, **faults: object) -> float | None:
            live.simulator.set_faults(**{"error_rate": 0, "garbage_rate": 0} | faults)
            live.tick(7)
            assert live.poll("main", "balances") == outcome
            since = live.state("main", "balances").failing_since
            return None if since is None else (since - START).total_seconds()

        assert poll("ok") is None
        assert poll("failed", error_rate=1) == 14
        assert poll("failed", error_rate=1) == 14
        assert poll("failed", garbage_rate=1) == 14  # another reason, the same outage
        assert poll("ok") is None
        assert poll("failed", garbage_rate=1) == 42
        assert poll("failed", error_rate=1) == 42


def test_the_report_names_the_first_failure_while_more_are_counted(tmp_path: Path) -> None:
    more = {"ONETRADING_STREAMS": "balances", "ONETRADING_INTERVAL_BALANCES": "50ms"}
    with Simulator(history_days=0) as simulator:
        simulator.set_faults(forbid=["/account/balances"])
        with serving(simulator, tmp_path, **more) as (_, base):
            wait_until(lambda: one(status(base), "main", "balances")["tried"], "never polled")
            first = one(status(base), "main", "balances")["failing_since"]
            run = next(e for e in status(base)["errors"] if e["stream"] == "balances")
            assert datetime.fromisoformat(first) <= datetime.fromisoformat(run["first_at"])
            simulator.set_faults(forbid=[], error_rate=1)
            wait_until(
                lambda: one(status(base), "main", "balances")["last_error"] == "server",
                "it never fails in another way",
            )
            assert one(status(base), "main", "balances")["failing_since"] == first
            simulator.set_faults(error_rate=0)
            wait_until(
                lambda: one(status(base), "main", "balances")["failing_since"] is None,
                "it never comes back",
            )


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 100), st.sampled_from(["ok", "backfill", "waited", "elsewhere", *REASONS])
    )
)


@given(EVENTS)
def test_only_polls_move_it(events: list[tuple[int, str]]) -> None:
    """Neither a backfill error nor a turn without a request changes it.

    While another process polls, this one has no failure.
    """
    clock = Clock()
    stream_metrics = StreamMetrics(
        [BALANCES], ["main"], intervals={}, now=clock.unix, monotonic=clock.monotonic
    )
    failures: list[datetime] = []
    last_error: str | None = None
    same: datetime | None = None
    for seconds, event in events:
        clock.at += seconds
        if event == "ok":
            stream_metrics.record_success("main", "balances", [])
            failures, last_error = [], None
        elif event == "backfill":
            stream_metrics.record_backfill_error("main", "balances", "timeout")
        elif event == "waited":
            stream_metrics.mark_tried("main", "balances")
        elif event == "elsewhere":
            stream_metrics.mark_standing_by("main", "balances")
            failures, last_error = [], None
        else:
            stream_metrics.record_failure(
                "main", "balances", next(r for r in REASONS if r == event)
            )
            failures.append(START + timedelta(seconds=clock.at))
            same = failures[-1] if last_error != event else same
            last_error = event
        (state,) = stream_metrics.summaries()
        assert state.failing_since == (failures[0] if failures else None)
        assert state.error_since == (same if failures else None)
        assert state.last_error == last_error
