"""The number of a snapshot: in order of time, of nobody else, in the partition of its month."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model.errors import Outdated
from exporter.model.page import read
from exporter.model.stream import Partition, SnapshotResponse
from exporter.store import partitions, snapshots
from exporter.store.snapshots import Observed
from exporter.streams.balances import BALANCES
from tests.support.stored_snapshots import balances

Connection = psycopg.Connection[tuple[Any, ...]]
MONTH = datetime(2026, 12, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACCOUNTS = [f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3)]


@pytest.fixture
def stored(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def save(
    connection: Connection,
    account: str,
    first: datetime,
    last: datetime | None = None,
    amount: int = 1,
    latest: datetime | None = None,
) -> int:
    """Store balances that were observed from ``first`` to ``last``."""
    rows = read(BALANCES, balances(str(amount)), account).rows
    return snapshots.save(
        connection,
        BALANCES,
        Partition("main", account, "balances"),
        SnapshotResponse(rows, {}),
        Observed(first, last or first),
        patience=timedelta(minutes=1),
        latest=latest or datetime(2040, 1, 1, tzinfo=UTC),
        lease=None,
    )


def headers(connection: Connection) -> list[tuple[Any, ...]]:
    """Account, number, and first and last instant of each snapshot, as they were observed."""
    return connection.execute(
        "SELECT account_id::text, snapshot_id, first_observed_at, last_observed_at"
        " FROM onetrading.snapshots ORDER BY account_id, first_observed_at, snapshot_id"
    ).fetchall()


def assert_lawful(connection: Connection) -> None:
    """Numbers are in order of time, rows have a header, and headers have their rows."""
    found = headers(connection)
    for before, after in pairwise(found):
        if before[0] == after[0]:
            assert before[1] < after[1]
    for _, number, first, _ in found:
        assert partitions.first_id(first) <= number
    # What foreign keys would hold, and more.
    assert (
        connection.execute(
            "SELECT snapshot_id, row_count, count(balances.snapshot_id)"
            " FROM (SELECT * FROM onetrading.snapshots WHERE stream = 'balances') AS headers"
            " FULL JOIN onetrading.balances USING (snapshot_id)"
            " GROUP BY 1, 2 HAVING row_count IS DISTINCT FROM count(balances.snapshot_id)"
        ).fetchall()
        == []
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(ACCOUNTS),
            st.one_of(
                st.sampled_from([0, 1, -1, 10**6, -(10**6)]),
                st.integers(-40 * 86_400 * 10**6, 40 * 86_400 * 10**6),
            ),
            st.integers(0, 10**7),
            st.integers(1, 3),
        ),
        max_size=12,
    )
)
def test_numbers_are_in_order_of_time_whatever_the_clocks_say(
    stored: Connection, drawn: list[tuple[str, int, int, int]]
) -> None:
    """Responses of several accounts, late ones too, in three months that nobody has made."""
    try:
        for account, at, span, amount in drawn:
            first = MONTH + timedelta(microseconds=at)
            with suppress(Outdated):
                save(stored, account, first, first + timedelta(microseconds=span), amount)
        assert_lawful(stored)
    finally:
        stored.rollback()


def test_accounts_that_are_observed_in_one_instant_have_numbers_of_their_own(
    stored: Connection,
) -> None:
    for account in ACCOUNTS:
        save(stored, account, MONTH)
    first = partitions.first_id(MONTH)
    assert sorted(number for _, number, _, _ in headers(stored)) == [first, first + 1, first + 2]
    assert_lawful(stored)


def test_two_processes_of_one_account_never_share_a_number_nor_go_back(database_url: str) -> None:
    """Each thread has a clock that is a bit behind the other's."""

    def write(behind: timedelta, start: threading.Barrier) -> None:
        with psycopg.connect(database_url) as connection:
            start.wait()
            for step in range(40):
                at = MONTH + step * SECOND - behind
                with suppress(Outdated), connection.transaction():
                    save(connection, ACCOUNTS[0], at, at + SECOND / 2, amount=step + 1)

    barrier = threading.Barrier(2)
    threads = [
        threading.Thread(target=write, args=(behind, barrier))
        for behind in (timedelta(0), SECOND / 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(database_url) as connection:
        assert len(headers(connection)) >= 40
        assert_lawful(connection)


def test_a_month_that_nobody_made_is_made_with_its_first_snapshot(stored: Connection) -> None:
    """And goes with it when the transaction fails."""
    at = datetime(2031, 5, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    save(stored, ACCOUNTS[0], at)
    save(stored, ACCOUNTS[0], at + timedelta(microseconds=1), amount=2)
    tables = stored.execute(
        "SELECT relname FROM onetrading.snapshots"
        " JOIN pg_class ON pg_class.oid = snapshots.tableoid ORDER BY snapshot_id"
    ).fetchall()
    assert tables == [("snapshots_2031_05",), ("snapshots_2031_06",)]
    stored.rollback()
    assert stored.execute("SELECT to_regclass('onetrading.snapshots_2031_05')").fetchone() == (
        None,
    )


def test_months_are_made_ahead_once(stored: Connection) -> None:
    made = partitions.make_ahead(stored)
    assert len(made) == 6 * (partitions.MONTHS_AHEAD + 1)
    assert partitions.make_ahead(stored) == []


def test_months_are_made_while_others_read_and_write(stored: Connection, database_url: str) -> None:
    """A report that runs for an hour must not stop what is polled first in a month."""
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM onetrading.snapshots")
        save(other, ACCOUNTS[1], datetime(2026, 10, 1, tzinfo=UTC))
        stored.execute("SET LOCAL lock_timeout = '3s'")
        save(stored, ACCOUNTS[0], MONTH)
        stored.commit()
        other.commit()
    assert_lawful(stored)


def test_a_role_that_owns_nothing_may_have_months_made(stored: Connection) -> None:
    """A service may run with less rights than the role that migrates."""
    stored.execute("CREATE ROLE only_writes")
    schemas = "onetrading, onetrading_sync"
    stored.execute(f"GRANT USAGE ON SCHEMA {schemas} TO only_writes")
    stored.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schemas} TO only_writes")
    stored.execute("SET LOCAL ROLE only_writes")
    assert len(partitions.make(stored, datetime(2031, 5, 1, tzinfo=UTC))) == 6
    save(stored, ACCOUNTS[0], datetime(2031, 5, 1, tzinfo=UTC))
    stored.rollback()


def test_numbers_of_a_wrong_clock_come_back_with_their_snapshots(stored: Connection) -> None:
    """Else all that follows would lie in the month that the wrong clock told."""
    for step in range(3):
        save(stored, ACCOUNTS[0], MONTH + step * 2 * SECOND, amount=step)
        save(stored, ACCOUNTS[1], MONTH + timedelta(days=400) + step * 2 * SECOND, amount=step)
    now = MONTH + timedelta(hours=1)
    save(stored, ACCOUNTS[1], now, amount=9, latest=now + timedelta(minutes=1))
    assert {first for account, _, first, _ in headers(stored) if account == ACCOUNTS[1]} == {
        now - timedelta(microseconds=1),
        now,
    }
    assert max(number for _, number, _, _ in headers(stored)) < partitions.first_id(
        now + timedelta(seconds=1)
    )
    assert_lawful(stored)
