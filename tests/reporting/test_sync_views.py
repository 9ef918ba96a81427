"""Coverage gaps, freshness and rejects: what the views say about the sync itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given

from exporter.model.window import Window, subtract
from tests.support.reporting import (
    MAIN,
    NAMES,
    Connection,
    examples,
    facts,
    in_order,
    put,
    read,
    time_zones,
)
from tests.support.reporting_progress import Place, State, ago, put_states, states, windows


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def oldest(instants: list[datetime | None]) -> datetime | None:
    """None counts as the oldest."""
    known = [instant for instant in instants if instant is not None]
    return min(known) if len(known) == len(instants) else None


def folded(now: datetime, scopes: dict[str, State]) -> tuple[Any, ...]:
    """What freshness says of a stream: the worst of its scopes."""
    of = list(scopes.values())
    required = [at for at in (ago(now, s.required) for s in of) if at is not None]
    success = oldest([ago(now, s.success) for s in of])
    ends = [max((window.end for window in windows(now, s)), default=None) for s in of]
    covered = oldest(ends)
    failed = sorted(
        (s.attempt is None, -(s.attempt or 0), scope, s.error)
        for scope, s in scopes.items()
        if s.error is not None
    )
    return (
        "history" if required else "snapshot",
        len(of),
        len(failed),
        success,
        None if success is None else now - success,
        oldest([ago(now, s.attempt) for s in of]),
        failed[0][-1] if failed else None,
        max(required, default=None),
        covered,
        None if covered is None else now - covered,
    )


@examples
@given(drawn=states, time_zone=time_zones)
def test_gaps_and_freshness(
    reporting: Connection, drawn: dict[Place, State], time_zone: str
) -> None:
    with facts(reporting, time_zone) as now:
        put_states(reporting, now, drawn)
        gaps = read(
            reporting,
            "account_id, stream, scope, extract(epoch FROM gap_start), gap_start, gap_end, gap,"
            " is_tail, account",
            "coverage_gaps",
        )
        fresh = read(
            reporting,
            "account_id, stream, account, kind, scopes, failing_scopes, last_success_at, age,"
            " last_attempt_at, last_error, required_from, covered_to, lag",
            "freshness",
        )
    asked = {place: state for place, state in drawn.items() if state.retired is None}
    expected = []
    streams: dict[tuple[UUID, str], dict[str, State]] = defaultdict(dict)
    for (account_id, stream, scope), state in asked.items():
        streams[account_id, stream][scope] = state
        until = now - state.allowed_lateness
        required = Window(ago(now, state.required) or until, until)
        expected += [
            (account_id, stream, scope, *gap, gap.span, gap.end == until, NAMES[account_id])
            for gap in ([] if required.empty else subtract(required, windows(now, state)))
        ]
    assert [(*row[:3], *row[4:]) for row in gaps] == sorted(expected, key=lambda row: row[:4])
    assert fresh == in_order(
        (*key, NAMES[key[0]], *folded(now, scopes)) for key, scopes in streams.items()
    )


HOUR = timedelta(hours=1)


def test_open_rejects(reporting: Connection) -> None:
    with facts(reporting, "UTC") as now:
        put(
            reporting,
            "onetrading_sync.rejects (account_id, stream, scope, record, record_hash, reason,"
            " first_seen_at, resolved_at)",
            [
                (MAIN, "trades", "", '{"a": 1}', 1, "price is missing", now - HOUR, None),
                (MAIN, "trades", "", "{}", 2, "price is missing", now - HOUR, now),
            ],
        )
        result = read(reporting, "account, stream, reason, record, age", "open_rejects")
    assert result == [("main", "trades", "price is missing", '{"a": 1}', HOUR)]
