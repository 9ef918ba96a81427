"""What `status` says of histories whose scopes begin at different instants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.store import reports
from exporter.streams import STREAMS

PUBLIC = UUID(int=0)
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def status_of(url: str, scopes: Sequence[tuple[int, int, int]]) -> dict[str, object]:
    """The row of a history; of each scope the days since `DAY` from which on it is required, and
    from which and to which it is proven (no range when they are the same)."""
    with psycopg.connect(url) as connection:
        for number, (required, start, end) in enumerate(scopes):
            scope = f"S{number}"
            connection.execute(
                "INSERT INTO onetrading_sync.progress"
                " (account_id, stream, scope, required_from, last_success_at)"
                " VALUES (%s, 'funding_history', %s, %s, now())",
                [PUBLIC, scope, DAY + timedelta(days=required)],
            )
            if start < end:
                connection.execute(
                    "INSERT INTO onetrading_sync.coverage (account_id, stream, scope, range)"
                    " VALUES (%s, 'funding_history', %s, tstzrange(%s, %s))",
                    [PUBLIC, scope, DAY + timedelta(days=start), DAY + timedelta(days=end)],
                )
        (row,) = (
            row for row in reports.status(connection, STREAMS) if row["stream"] == "funding_history"
        )
        connection.rollback()
        return row


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    scopes=st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(21, 40)),
        min_size=1,
        max_size=4,
    )
)
def test_the_share_that_is_proven(scopes: list[tuple[int, int, int]], database_url: str) -> None:
    """By plain arithmetic: days that are proven up to the scope that is furthest behind."""
    row = status_of(database_url, scopes)
    until = min(end for _, _, end in scopes)
    wanted = sum(until - required for required, _, _ in scopes)
    proven = sum(until - max(required, start) for required, start, _ in scopes)
    coverage = row["coverage"]
    assert isinstance(coverage, Decimal)
    assert coverage <= 1
    assert abs(Fraction(coverage) - Fraction(proven, wanted)) <= Fraction(1, 1_000_000)
    assert row["covered_to"] == DAY + timedelta(days=until)
    assert row["lag"] is not None


def test_of_what_was_read_and_begins_only_now_nothing_is_unknown(database_url: str) -> None:
    row = status_of(database_url, [(10, 0, 0)])
    assert row["covered_to"] == row["required_from"] == DAY + timedelta(days=10)
    assert row["lag"] is not None
    assert row["coverage"] == 0
