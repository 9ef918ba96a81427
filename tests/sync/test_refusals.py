"""Refusals: when a stream that its token may not read is asked again, and what waits meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from exporter.sync import StreamSync
from exporter.sync.refusals import TRANSITIONS, Event, Refusals, State
from tests.support.world import World, exchange

PAUSES = [30, 60, 120, 240, 480, 600, 600]
"""Seconds after the first, second, ... refusal in a row of a stream that is read each 15 s."""


@contextmanager
def refusals() -> Iterator[tuple[Refusals, World, Path]]:
    """The refusals of two accounts on a clock that stands still; the file of the first's token."""
    with TemporaryDirectory() as name, exchange() as simulator:
        live = World(simulator, Path(name), accounts=("main", "hedge"))
        try:
            yield Refusals(live.clock.monotonic), live, Path(name) / "main"
        finally:
            live.close()


def balances(live: World, account: str = "main") -> StreamSync:
    """What reads an account's balances."""
    return live.syncs[account, "balances"]


def test_the_pause_doubles_up_to_ten_minutes_and_ends_with_a_success() -> None:
    with refusals() as (found, live, _):
        sync = balances(live)
        for pause_s in PAUSES:
            found.record_refusal(sync, whole=False)
            assert (found.state(*sync.key), found.paused_s(*sync.key)) == ("paused", pause_s)
            live.clock.at += pause_s
            assert (found.state(*sync.key), found.paused_s(*sync.key)) == ("refused", 0)
        found.record_read(sync)
        assert found.state(*sync.key) == "permitted"
        found.record_refusal(sync, whole=False)
        assert found.paused_s(*sync.key) == PAUSES[0]


def test_another_token_is_tried_at_once() -> None:
    with refusals() as (found, live, file):
        sync = balances(live)
        found.record_refusal(sync, whole=True)
        assert found.state(*sync.key) == "paused"
        file.write_text("another-token")
        assert (found.state(*sync.key), found.paused_s(*sync.key)) == ("refused", 0)
        assert found.keep_backfill_away("main", "balances")


def test_a_refused_token_keeps_every_backfill_of_its_account_away() -> None:
    with refusals() as (found, live, _):
        found.record_refusal(balances(live), whole=True)
        assert found.keep_backfill_away("main", "trades")
        assert not found.keep_backfill_away("hedge", "trades")
        assert found.state("main", "trades") == "permitted"
        found.record_read(live.syncs["main", "positions"])
        assert not found.keep_backfill_away("main", "trades")
        assert found.keep_backfill_away("main", "balances")


def test_a_refused_stream_keeps_its_own_backfill_away_alone() -> None:
    with refusals() as (found, live, _):
        found.record_refusal(balances(live), whole=False)
        assert found.keep_backfill_away("main", "balances")
        assert not found.keep_backfill_away("main", "trades")


def test_a_standby_keeps_no_backfill_away_after_a_takeover() -> None:
    with refusals() as (found, live, _):
        sync = balances(live)
        found.record_refusal(sync, whole=True)
        assert found.keep_backfill_away("main", "trades")
        found.record_standing_by(sync)
        assert not found.keep_backfill_away("main", "trades")


def test_the_table_of_transitions_knows_every_state_and_event() -> None:
    assert set(TRANSITIONS) == set(get_args(State))
    for events in TRANSITIONS.values():
        assert set(events) <= set(get_args(Event))
        assert {"read", "refused", "standing by"} <= set(events)
        assert set(events.values()) <= set(get_args(State))


STEPS = ["read", "refused", "standing by", "wait", "wait long", "another token"]


@given(st.lists(st.sampled_from(STEPS)))
def test_it_keeps_to_its_table(steps: list[str]) -> None:
    """Against a model that counts refusals and knows when the last pause ends."""
    with refusals() as (found, live, file):
        sync, times, ends_at, changes = balances(live), 0, 0.0, 0
        for step in steps:
            if step == "read":
                found.record_read(sync)
                times = 0
            elif step == "standing by":
                found.record_standing_by(sync)
                times = 0
            elif step == "refused":
                found.record_refusal(sync, whole=False)
                times += 1
                ends_at = live.clock.at + min(15 * 2**times, 600)
            elif step == "another token":
                changes += 1
                file.write_text(f"token-{changes}")
                ends_at = live.clock.at
            else:
                live.clock.at += 20 if step == "wait" else 700
            paused = times > 0 and live.clock.at < ends_at
            assert found.state(*sync.key) == (
                "paused" if paused else "refused" if times else "permitted"
            )
