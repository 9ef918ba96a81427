"""Databases with made-up progress and coverage, for the tests of the views on them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from exporter.model.window import Window
from tests.support.reporting import (
    DAY,
    MICROSECOND,
    Connection,
    account_ids,
    put,
)

Place = tuple[UUID, str, str]
"""Account, stream and scope."""


class State(NamedTuple):
    """A row of progress and its coverage; instants are microseconds from ten days ago."""

    required: int | None
    success: int | None
    attempt: int | None
    allowed_lateness: timedelta
    error: str | None
    retired: str | None
    cuts: list[int]
    proven: list[bool]


instants = st.integers(0, 11 * DAY // MICROSECOND)


states = st.dictionaries(
    st.tuples(account_ids, st.sampled_from(["trades", "rates"]), st.sampled_from(["", "A", "B"])),
    st.builds(
        State,
        st.none() | instants,
        st.none() | instants,
        st.none() | instants,
        st.sampled_from([timedelta(0), timedelta(minutes=5)]),
        st.none() | st.sampled_from(["timeout", "403"]),
        st.none() | st.none() | st.just("closed"),
        st.lists(instants, unique=True, max_size=8).map(sorted),
        st.lists(st.booleans(), min_size=8, max_size=8),
    ),
    max_size=6,
)


def ago(now: datetime, micros: int | None) -> datetime | None:
    return None if micros is None else now - 10 * DAY + micros * MICROSECOND


def windows(now: datetime, state: State) -> list[Window]:
    """The proven pieces between the cuts; neighbours may touch."""
    at = [now - 10 * DAY + cut * MICROSECOND for cut in state.cuts]
    pieces = zip(at, at[1:], state.proven, strict=False)
    return [Window(start, end) for start, end, proven in pieces if proven]


def put_states(connection: Connection, now: datetime, drawn: dict[Place, State]) -> None:
    put(
        connection,
        "onetrading_sync.progress (account_id, stream, scope, required_from,"
        " last_success_at, last_attempt_at, settle, last_error, retired_because)",
        [(*place, *(ago(now, at) for at in s[:3]), *s[3:6]) for place, s in drawn.items()],
    )
    put(
        connection,
        "onetrading_sync.coverage (account_id, stream, scope, range)",
        [
            (*place, f"[{window.start.isoformat()},{window.end.isoformat()})")
            for place, state in drawn.items()
            for window in windows(now, state)
        ],
    )
