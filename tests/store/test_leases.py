"""Leases: who becomes the writer of an account, who stays it, and what a former one can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.model.errors import DatabaseError, LeaseLost
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, Partition
from exporter.model.window import Window
from exporter.store import loader
from exporter.store.database import Connection, Database
from exporter.store.leases import Leases
from exporter.store.loader import Batch, Lease, Run
from exporter.store.storage import Storage
from exporter.streams.trades import TRADES
from tests.support.clocks import START
from tests.support.facts import count
from tests.support.postgres import wait_for_a_lock
from tests.support.stored_snapshots import away
from tests.support.waiting import wait_until
from tests.support.world import two_writers

MAIN = "a0000000-0000-4000-8000-000000000001"
HEDGE = "a0000000-0000-4000-8000-000000000002"
HOUR = Window(START - timedelta(hours=1), START)


@contextmanager
def process(
    database_url: str,
    holder: str,
    accounts: Mapping[str, str | None] | None = None,
    on_change: Callable[[str], None] = lambda _account: None,
) -> Iterator[Leases]:
    """The leases of one process, released at the end. Nobody renews them before `start`."""
    leases = Leases(
        lambda: database_url,
        holder,
        accounts,
        on_change=on_change,
        renew_every_s=0.2,
        retry_every_s=0.1,
    )
    try:
        yield leases
    finally:
        leases.stop()


@contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    """A connection that commits each statement."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def holder_of(connection: Connection, account_id: str) -> tuple[str, int]:
    """Holder and epoch that Postgres knows for an account."""
    row = connection.execute(
        "SELECT holder, epoch FROM onetrading_sync.leases WHERE account_id = %s", (account_id,)
    ).fetchone()
    assert row is not None
    return str(row[0]), int(row[1])


def seconds_left(connection: Connection, account_id: str) -> float:
    """Seconds until an account's lease expires, by the clock of Postgres."""
    row = connection.execute(
        "SELECT extract(epoch FROM expires_at - clock_timestamp())::float8"
        " FROM onetrading_sync.leases WHERE account_id = %s",
        (account_id,),
    ).fetchone()
    assert row is not None
    return float(row[0])


def let_expire(connection: Connection, account_id: str, in_s: float = -1.0) -> None:
    """The lease has not been renewed in time; its holder's connection stays open."""
    found = connection.execute(
        "UPDATE onetrading_sync.leases"
        " SET expires_at = clock_timestamp() + make_interval(secs => %s) WHERE account_id = %s",
        (in_s, account_id),
    )
    assert found.rowcount == 1


def write(connection: Connection, lease: Lease | None, stream: str = "trades") -> None:
    """What a walk without rows writes: a proven range, and the record of its run."""
    partition = Partition("main", MAIN, stream)
    loader.load(
        connection, TRADES, partition, Run("tail", HOUR), Batch(pages=1, proven=HOUR), lease
    )


def test_a_live_holder_is_not_replaced_before_its_lease_expires(database_url: str) -> None:
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        assert first.get(MAIN) == Lease("first", 1)
        assert second.get(MAIN) is None
        assert (first.leading, second.leading) == (True, False)
        assert holder_of(connection, MAIN) == ("first", 1)
        assert 20 < seconds_left(connection, MAIN) <= 30
        # Each account has its own writer.
        assert second.get(HEDGE) == Lease("second", 1)
        assert (first.leading, second.leading) == (True, False)


def test_a_live_holder_that_has_not_renewed_yet_is_not_replaced(database_url: str) -> None:
    """Its lease counts to its last second."""
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        assert first.get(MAIN) == Lease("first", 1)
        let_expire(connection, MAIN, in_s=5)
        assert second.get(MAIN) is None
        assert holder_of(connection, MAIN) == ("first", 1)


def test_a_lease_that_expired_is_taken_over_from_a_live_holder(database_url: str) -> None:
    """A process that hangs, its connection still open, does not stay the writer."""
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        assert first.get(MAIN) == Lease("first", 1)
        let_expire(connection, MAIN)
        assert second.get(MAIN) == Lease("second", 2)
        assert second.leading
        assert holder_of(connection, MAIN) == ("second", 2)
        assert 20 < seconds_left(connection, MAIN) <= 30


def test_the_lease_of_a_connection_that_is_gone_is_taken_over_at_once(database_url: str) -> None:
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        assert first.get(MAIN) == Lease("first", 1)
        assert count(
            connection,
            "SELECT pg_terminate_backend(backend_pid, 30000)::int FROM onetrading_sync.leases",
        )
        assert seconds_left(connection, MAIN) > 0
        assert second.get(MAIN) == Lease("second", 2)


def test_another_connection_with_the_process_id_of_the_holders_is_not_the_holder(
    database_url: str,
) -> None:
    """Process ids are reused; a server process is identified by its start as well."""
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        assert first.get(MAIN) == Lease("first", 1)
        connection.execute(
            "UPDATE onetrading_sync.leases SET backend_start = backend_start - interval '1 hour'"
        )
        assert second.get(MAIN) == Lease("second", 2)


def test_a_released_lease_is_free_at_once(database_url: str) -> None:
    with connected(database_url) as connection, process(database_url, "second") as second:
        with process(database_url, "first") as first:
            assert first.get(MAIN) == Lease("first", 1)
        assert first.get(MAIN) is None
        assert seconds_left(connection, MAIN) < 0
        assert second.get(MAIN) == Lease("second", 2)


def test_the_same_holder_renews_without_a_new_epoch(database_url: str) -> None:
    """As after an outage, over another connection: its open transactions stay valid."""
    with (
        process(database_url, "first") as first,
        process(database_url, "first") as reconnected,
        connected(database_url) as connection,
    ):
        assert first.get(MAIN) == Lease("first", 1)
        let_expire(connection, MAIN)
        assert reconnected.get(MAIN) == Lease("first", 1)
        assert 20 < seconds_left(connection, MAIN) <= 30


def test_a_renewal_keeps_what_is_held_and_notices_what_is_lost(database_url: str) -> None:
    """A process that wakes up late learns that it lost the lease, and gets it back afterwards."""
    with ExitStack() as stack:
        connection = stack.enter_context(connected(database_url))
        first = stack.enter_context(process(database_url, "first"))
        assert first.get(MAIN) == first.get(HEDGE) == Lease("first", 1)
        with process(database_url, "second") as second:
            let_expire(connection, MAIN)
            assert second.get(MAIN) == Lease("second", 2)
            let_expire(connection, HEDGE)
            assert first.leading
            first.start()
            wait_until(lambda: not first.leading, "it still believes that it is the writer")
            assert first.get(MAIN) is None
            assert second.get(MAIN) == Lease("second", 2)
            wait_until(lambda: seconds_left(connection, HEDGE) > 20, "nobody renews the lease")
            assert first.get(HEDGE) == Lease("first", 1)
        wait_until(lambda: first.leading, "it does not take the lease that was released")
        assert first.get(MAIN) == Lease("first", 3)
        assert first.get(HEDGE) == Lease("first", 1)


def test_a_transaction_of_an_earlier_epoch_or_of_another_holder_is_refused(
    database_url: str,
) -> None:
    """It is rolled back. A holder that lost the lease and took it again needs the new epoch."""
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        process(database_url, "first") as again,
        connected(database_url) as connection,
    ):
        stale = [first.get(MAIN)]
        let_expire(connection, MAIN)
        stale.append(second.get(MAIN))
        let_expire(connection, MAIN)
        current = again.get(MAIN)
        assert [*stale, current] == [Lease("first", 1), Lease("second", 2), Lease("first", 3)]
        for lease in (*stale, Lease("second", 3), Lease("first", 4)):
            with pytest.raises(LeaseLost), connection.transaction():
                write(connection, lease)
        assert written(connection) == (0, 0)
        with connection.transaction():
            write(connection, current)
        assert written(connection) == (1, 1)


def test_a_lease_that_was_reported_lost_is_not_used_again(database_url: str) -> None:
    """Whoever listens is told at once. A report about an earlier lease says nothing of this one."""
    changed: list[str] = []
    with (
        process(database_url, "first", {"main": MAIN}, changed.append) as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        lost = first.get(MAIN)
        assert lost == Lease("first", 1)
        let_expire(connection, MAIN)
        assert second.get(MAIN) == Lease("second", 2)
        changed.clear()
        first.report_lost(MAIN, lost)
        assert (first.get(MAIN), first.state("main"), first.leading) == (None, "elsewhere", False)
        assert changed == ["main"]

        let_expire(connection, MAIN)
        first.renew()
        changed.clear()
        first.report_lost(MAIN, lost)
        assert (first.get(MAIN), first.state("main")) == (Lease("first", 3), "held")
        assert changed == []


NEW: dict[str, str | None] = {"new": None}
"""An account that Postgres does not know yet."""


@pytest.mark.parametrize("accounts", [{"main": MAIN}, NEW, {"main": MAIN, **NEW}])
def test_nothing_is_known_until_postgres_answers(
    accounts: dict[str, str | None], database_url: str
) -> None:
    """A process does not take itself for the writer before; an unknown account has no other."""
    urls = [away()]
    changed: list[str] = []
    leases = Leases(lambda: urls[-1], "first", accounts, on_change=changed.append)
    try:
        for _ in range(2):
            assert {leases.state(name) for name in accounts} == {"unknown"}
            assert not leases.leading
            assert changed == []
            leases.renew()
        urls.append(database_url)
        leases.renew()
        states = {name: leases.state(name) for name in accounts}
        assert states == {name: "held" if accounts[name] else "unclaimed" for name in accounts}
        assert leases.leading
        assert sorted(changed) == sorted(accounts)
    finally:
        leases.stop()


def written(connection: Connection) -> tuple[int, int]:
    """How many runs and how many proven ranges there are."""
    runs = count(connection, "SELECT count(*) FROM onetrading_sync.runs")
    return runs, count(connection, "SELECT count(*) FROM onetrading_sync.coverage")


def test_nobody_takes_over_during_a_transaction_of_the_holder(database_url: str) -> None:
    """Its rows commit under its lease: the next writer begins after them, not among them."""
    with ExitStack() as stack:
        connection = stack.enter_context(connected(database_url))
        first = stack.enter_context(process(database_url, "first"))
        lease = first.get(MAIN)
        let_expire(connection, MAIN)
        with psycopg.connect(database_url) as writing:
            write(writing, lease)
            # It waits for the transaction, and gives up before it ends.
            assert stack.enter_context(process(database_url, "second")).get(MAIN) is None
            assert holder_of(connection, MAIN) == ("first", 1)
            # Other streams of the account are written meanwhile.
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '10s'")
                write(connection, lease, "funding_payments")
        assert written(connection) == (2, 2)
        third = stack.enter_context(process(database_url, "third"))
        assert third.get(MAIN) == Lease("third", 2)


def test_a_long_transaction_of_its_own_does_not_cost_the_lease(database_url: str) -> None:
    """A renewal that waits for it times out; the holder keeps the lease and its connection."""
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        lease = first.get(MAIN)
        backend = "SELECT backend_pid FROM onetrading_sync.leases"
        before = count(connection, backend)
        first.start()
        with psycopg.connect(database_url) as writing:
            write(writing, lease)
            wait_for_a_lock(database_url)
            waiting = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            wait_until(lambda: count(connection, waiting) == 0, "the renewal waits for ever")
            connections = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {before}"  # noqa: S608
            assert (first.get(MAIN), first.leading) == (lease, True)
            assert count(connection, connections) == 1
        assert second.get(MAIN) is None
        assert count(connection, backend) == before


def rows_of(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table."""
    return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2".encode()).fetchall()  # noqa: S608


def test_a_paused_writer_of_history_writes_nothing_when_it_wakes_up(
    tmp_path: Path, database_url: str
) -> None:
    tables = ("onetrading.trades", "onetrading_sync.coverage", "onetrading_sync.runs")
    with two_writers(tmp_path, database_url) as (first, second), connected(database_url) as shared:
        account_id = first.simulator.account_ids["main"]
        assert first.poll("main", "balances") == "ok"
        let_expire(shared, account_id)
        assert second.poll("main", "balances") == "ok"
        assert holder_of(shared, account_id) == ("second", 2)
        assert first.poll("main", "trades") == "standing by"
        assert first.errors("main", "trades") == {}
        assert [rows_of(shared, table) for table in tables] == [[], [], []]
        assert second.poll("main", "trades") == "ok"
        assert all(rows_of(shared, table) for table in tables)


@pytest.mark.parametrize(
    ("account", "taken", "stream", "table"),
    [
        ("main", "positions", "balances", "onetrading.snapshots"),
        (PUBLIC_ACCOUNT, "currencies", "instruments", "onetrading.instruments"),
    ],
)
def test_a_paused_writer_of_snapshots_keeps_them_on_its_own_disk(
    account: str, taken: str, stream: str, table: str, tmp_path: Path, database_url: str
) -> None:
    """It exports nothing of it, and what it cannot store waits; the writer stores its own."""
    with two_writers(tmp_path, database_url) as (first, second), connected(database_url) as shared:
        ids = first.simulator.account_ids | {PUBLIC_ACCOUNT: PUBLIC_ACCOUNT_ID}
        assert first.poll(account, taken) == "ok"
        let_expire(shared, ids[account])
        second.renew_leases()
        assert second.poll(account, taken) == "ok"
        assert holder_of(shared, ids[account]) == ("second", 2)
        before = rows_of(shared, table)
        assert first.poll(account, stream) == "standing by"
        assert rows_of(shared, table) == before
        assert first.app.spool.holds(account, stream)
        assert first.domain(stream, account) == {}
        assert second.poll(account, stream) == "ok"
        assert not second.app.spool.holds(account, stream)
        assert len(rows_of(shared, table)) > len(before)


def test_a_lease_that_a_transaction_takes_is_announced(database_url: str) -> None:
    """Postgres learns of a new account from a pass, whose other streams wait for the lease."""
    changed: list[str] = []
    leases = Leases(lambda: database_url, "first", {"main": MAIN}, on_change=changed.append)
    try:
        assert leases.state("main") == "unknown"
        assert leases.get(MAIN) is not None
        assert (changed, leases.state("main")) == (["main"], "held")
    finally:
        leases.stop()


def test_the_options_of_a_url_are_kept_beside_the_timeouts(database_url: str) -> None:
    """Its connection is as the URL says, and still gives up on a lock."""
    separator = "&" if "?" in database_url else "?"
    url = f"{database_url}{separator}options=-c%20application_name%3Dmine%20-c%20lock_timeout%3D0"
    with process(url, "first") as first, connected(database_url) as connection:
        assert first.get(MAIN) is not None
        with psycopg.connect(database_url) as writing:
            writing.execute("SELECT FROM onetrading_sync.leases FOR SHARE")
            first.renew()
            assert first.get(MAIN) is not None
        name = (
            "SELECT count(*) FROM pg_stat_activity AS activity JOIN onetrading_sync.leases AS lease"
            " ON lease.backend_pid = activity.pid WHERE application_name = 'mine'"
        )
        assert count(connection, name) == 1


def test_why_no_lease_can_be_taken_is_told_once(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By the error of a write that needs it, too: Postgres may be up for everybody else."""
    _, _, server = database_url.rpartition("@")
    address = [f"postgresql://nobody_known:hunter2@{server}"]
    leases = Leases(lambda: address[0], "first", {"main": MAIN})
    database = Database(lambda: database_url, lambda _connection: None)
    storage = Storage(database, leases)
    try:
        database.open()
        with caplog.at_level("INFO", "exporter.store.leases"):
            leases.renew()
            leases.renew()
            (record,) = caplog.records
            assert "nobody_known" in leases.why_unknown
            assert leases.why_unknown in record.getMessage()
            with pytest.raises(DatabaseError, match=r"lease of this account: .*nobody_known"):
                storage.run_leased(MAIN, lambda _connection, _lease: None)
        assert "hunter2" not in caplog.text
        address[0] = database_url
        leases.renew()
        assert (leases.why_unknown, leases.state("main")) == ("", "held")
    finally:
        storage.close()
