"""Leases: who becomes the writer of an account, who stays it, and what a former one can do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import DatabaseError, LeaseLost
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, Partition
from exporter.model.window import Window
from exporter.store import lease_table, loader
from exporter.store.database import Connection, Database
from exporter.store.lease import Lease
from exporter.store.leases import Leases
from exporter.store.loader import Batch, Run
from exporter.store.spread import Spread
from exporter.store.storage import Storage
from exporter.store.takeover import EXPIRY_S, GRACE_S, Seen, Watch
from exporter.streams.trades import TRADES
from tests.support.clocks import START, Clock
from tests.support.facts import count
from tests.support.stored_snapshots import away
from tests.support.waiting import wait_until
from tests.support.world import two_writers

MAIN = "a0000000-0000-4000-8000-000000000001"
HEDGE = "a0000000-0000-4000-8000-000000000002"
WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""
HOUR = Window(START - timedelta(hours=1), START)


@contextmanager
def process(
    database_url: str,
    holder: str,
    accounts: Mapping[str, str | None] | None = None,
    on_change: Callable[[Collection[str]], None] = lambda _accounts: None,
    clock: Clock | None = None,
    spread: Spread | None = None,
) -> Iterator[Leases]:
    """The leases of one process, released at the end. Nobody renews them before `start`.

    It asks others for none of theirs, unless ``spread`` says so.
    """
    leases = Leases(
        lambda: database_url,
        holder,
        accounts,
        on_change=on_change,
        renew_every_s=0.2,
        retry_every_s=0.1,
        spread=spread or Spread(settled_s=inf),
        monotonic=(clock or Clock()).monotonic,
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


def expire(connection: Connection, account_id: str) -> None:
    """Nobody has renewed the lease for a long time."""
    found = connection.execute(
        "UPDATE onetrading_sync.leases SET expires_at = now() - interval '1 minute'"
        " WHERE account_id = %s",
        (account_id,),
    )
    assert found.rowcount == 1


def let_go(connection: Connection, account_id: str) -> None:
    """The lease was given back, and the one who had it does not know."""
    found = connection.execute(
        "UPDATE onetrading_sync.leases SET expires_at = '-infinity' WHERE account_id = %s",
        (account_id,),
    )
    assert found.rowcount == 1


def cut(connection: Connection, holder: str) -> None:
    """End the connection over which a process renewed its leases last."""
    found = connection.execute(
        "SELECT bool_and(pg_terminate_backend(pid, 30000)) FROM ("
        "SELECT DISTINCT backend_pid AS pid FROM onetrading_sync.leases WHERE holder = %s) AS held",
        (holder,),
    ).fetchone()
    assert found == (True,)


def waited(standby: Leases, clock: Clock, at_most_s: int = 60) -> int:
    """How many seconds a process looks, once in each, until it leads; it must not wait longer."""
    for seconds in range(at_most_s + 1):
        standby.renew()
        if standby.leading:
            return seconds
        clock.at += 1
    pytest.fail(f"it does not lead after {at_most_s} s")


def write(connection: Connection, lease: Lease | None, stream: str = "trades") -> None:
    """What a walk without rows writes: a proven range, and the record of its run."""
    partition = Partition("main", MAIN, stream)
    loader.load(
        connection, TRADES, partition, Run("tail", HOUR), Batch(pages=1, proven=HOUR), lease
    )


def test_a_live_holder_is_not_replaced(database_url: str) -> None:
    """However long another process looks."""
    clock = Clock()
    with (
        process(database_url, "first", {"main": MAIN}) as first,
        process(database_url, "second", {"main": MAIN}, clock=clock) as second,
        connected(database_url) as connection,
    ):
        assert first.get(MAIN) == Lease("first", 1)
        assert second.get(MAIN) is None
        for _ in range(20):
            for _ in range(5):
                second.renew()
                clock.at += 1
            first.renew()
        assert (first.leading, second.leading) == (True, False)
        assert holder_of(connection, MAIN) == ("first", 1)
        assert 15 < seconds_left(connection, MAIN) <= EXPIRY_S
        # Each account has its own writer.
        assert second.get(HEDGE) == Lease("second", 1)
        assert first.leading


def test_a_holder_that_hangs_is_replaced(database_url: str) -> None:
    """A process that was suspended, its connection still open, does not stay the writer."""
    clock = Clock()
    with (
        process(database_url, "first", {"main": MAIN}) as first,
        process(database_url, "second", {"main": MAIN}, clock=clock) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        assert waited(second, clock) == EXPIRY_S
        assert second.get(MAIN) == Lease("second", 2)
        assert holder_of(connection, MAIN) == ("second", 2)
        assert 15 < seconds_left(connection, MAIN) <= EXPIRY_S
        first.renew()
        assert (first.get(MAIN), first.state("main")) == (None, "elsewhere")


def test_a_holder_that_died_is_replaced_sooner(database_url: str) -> None:
    """Its connection is gone, and nobody renews over another one."""
    clock = Clock()
    with (
        process(database_url, "first", {"main": MAIN}) as first,
        process(database_url, "second", {"main": MAIN}, clock=clock) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        second.renew()
        cut(connection, "first")
        assert seconds_left(connection, MAIN) > 0
        assert waited(second, clock) == GRACE_S
        assert second.get(MAIN) == Lease("second", 2)


def test_a_holder_keeps_every_account_when_its_connection_is_cut(database_url: str) -> None:
    """By a failover, a proxy that restarts, an administrator: it renews over a new connection."""
    names, clock = ids(10), Clock()
    with (
        process(database_url, "first", names) as first,
        process(database_url, "second", names, clock=clock) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        for _ in range(10):
            cut(connection, "first")
            for _ in range(6):  # as long as a renewal may take to come
                second.renew()
                clock.at += 1
            first.renew()
        assert first.leading
        assert {second.state(name) for name in names} == {"elsewhere"}
        ask = "SELECT count(*) FROM onetrading_sync.leases WHERE (holder, epoch) = ('first', 1)"
        assert count(connection, ask) == 10


def test_a_step_of_the_clock_of_postgres_moves_no_account(database_url: str) -> None:
    clock = Clock()
    with (
        process(database_url, "first", {"main": MAIN}) as first,
        process(database_url, "second", {"main": MAIN}, clock=clock) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        for hours in (-1, 1):
            connection.execute(
                "UPDATE onetrading_sync.leases"
                " SET expires_at = expires_at + make_interval(hours => %s)",
                (hours,),
            )
            second.renew()
            assert second.state("main") == "elsewhere"
        assert waited(second, clock) == EXPIRY_S


def test_after_an_outage_the_holder_has_time_to_come_back(database_url: str) -> None:
    """The lease expired meanwhile, and the other process is the first to connect."""
    clock, urls = Clock(), [database_url]
    with (
        process(database_url, "first", {"main": MAIN}) as first,
        connected(database_url) as connection,
        ExitStack() as stack,
    ):
        accounts = {"main": MAIN}
        second = Leases(lambda: urls[-1], "second", accounts, monotonic=clock.monotonic)
        stack.callback(second.stop)
        first.renew()
        for _ in range(5):
            second.renew()
            clock.at += 1
        connection.execute(
            "UPDATE onetrading_sync.leases SET expires_at = expires_at - interval '1 hour'"
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        urls.append(away())
        for _ in range(60):
            second.renew()
            clock.at += 1
        urls.append(database_url)
        for _ in range(9):
            second.renew()
            clock.at += 1
        assert second.state("main") == "elsewhere"
        first.renew()
        assert waited(second, clock) > GRACE_S


def test_a_process_that_starts_long_after_the_end_of_another_waits_for_nobody(
    database_url: str,
) -> None:
    """Its connection is gone, and it would have renewed long ago."""
    with (
        process(database_url, "first", {"main": MAIN}) as first,
        process(database_url, "second", {"main": MAIN}) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        cut(connection, "first")
        connection.execute(
            "UPDATE onetrading_sync.leases SET expires_at = expires_at - interval '11 s'"
        )
        second.renew()
        assert second.get(MAIN) == Lease("second", 2)


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 5),  # seconds since the look before
            st.booleans(),  # whether it was renewed since
            st.booleans(),  # whether the connection is gone
            st.floats(0, 100),  # its age by the clock of Postgres
            st.booleans(),  # whether Postgres was away since
        ),
        max_size=60,
    )
)
def test_a_lease_that_was_seen_alive_is_only_free_after_a_long_silence(
    looks: list[tuple[float, bool, bool, float, bool]],
) -> None:
    """Whatever the clock of Postgres says."""
    watch, now, version, silent_s = Watch(), 0.0, 0, 0.0
    for alive in (1, 2):  # met, and seen renewed
        watch.is_free(MAIN, Seen(str(-alive), released=False, gone=False, age_s=0.0), now)
    for after_s, renewed, gone, age_s, lost in looks:
        now += after_s
        silent_s += after_s
        if renewed or lost or not version:
            silent_s = 0.0
        version += renewed or not version
        if lost:
            watch.interrupt()
        seen = Seen(str(version), released=False, gone=gone, age_s=age_s)
        if watch.is_free(MAIN, seen, now):
            assert silent_s >= (GRACE_S if gone else EXPIRY_S)


def test_another_connection_with_the_process_id_of_the_holders_is_not_the_holder(
    database_url: str,
) -> None:
    """Process ids are reused; a server process is identified by its start as well."""
    clock = Clock()
    with (
        process(database_url, "first", {"main": MAIN}) as first,
        process(database_url, "second", {"main": MAIN}, clock=clock) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        connection.execute(
            "UPDATE onetrading_sync.leases SET backend_start = backend_start - interval '1 hour'"
        )
        assert waited(second, clock) == GRACE_S


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
        expire(connection, MAIN)
        assert reconnected.get(MAIN) == Lease("first", 1)
        assert 15 < seconds_left(connection, MAIN) <= EXPIRY_S


def test_a_renewal_keeps_what_is_held_and_notices_what_is_lost(database_url: str) -> None:
    """A process that wakes up late learns that it lost the lease, and gets it back afterwards."""
    with ExitStack() as stack:
        connection = stack.enter_context(connected(database_url))
        first = stack.enter_context(process(database_url, "first"))
        assert first.get(MAIN) == first.get(HEDGE) == Lease("first", 1)
        with process(database_url, "second") as second:
            let_go(connection, MAIN)
            assert second.get(MAIN) == Lease("second", 2)
            expire(connection, HEDGE)
            assert first.leading
            first.start()
            wait_until(lambda: not first.leading, "it still believes that it is the writer")
            assert first.get(MAIN) is None
            assert second.get(MAIN) == Lease("second", 2)
            wait_until(lambda: seconds_left(connection, HEDGE) > 15, "nobody renews the lease")
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
        let_go(connection, MAIN)
        stale.append(second.get(MAIN))
        let_go(connection, MAIN)
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
        process(database_url, "first", {"main": MAIN}, changed.extend) as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        lost = first.get(MAIN)
        assert lost == Lease("first", 1)
        let_go(connection, MAIN)
        assert second.get(MAIN) == Lease("second", 2)
        changed.clear()
        first.report_lost(MAIN, lost)
        assert (first.get(MAIN), first.state("main"), first.leading) == (None, "elsewhere", False)
        assert changed == ["main"]

        let_go(connection, MAIN)
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
    """No process takes itself for the writer before, of an account without an id neither."""
    urls = [away()]
    changed: list[str] = []
    leases = Leases(lambda: urls[-1], "first", accounts, on_change=changed.extend)
    try:
        for _ in range(2):
            assert {leases.state(name) for name in accounts} == {"unknown"}
            assert not leases.leading
            assert changed == []
            leases.renew()
        urls.append(database_url)
        leases.renew()
        assert {leases.state(name) for name in accounts} == {"held"}
        assert leases.leading
        assert sorted(changed) == sorted(accounts)
    finally:
        leases.stop()


def holders(connection: Connection) -> list[tuple[Any, ...]]:
    """Every lease: its account's id, and who holds it."""
    return rows_of(connection, "(SELECT account_id::text, holder FROM onetrading_sync.leases) AS l")


def name_account(connection: Connection, name: str, account_id: str) -> None:
    """Postgres learns of an account, as from the first response that names it."""
    connection.execute(
        "INSERT INTO onetrading.accounts (account_id, name) VALUES (%s, %s)", (account_id, name)
    )


@pytest.mark.parametrize("first_to_know", ["holder", "other"])
def test_one_process_alone_reads_an_account_that_is_new(
    first_to_know: str, database_url: str
) -> None:
    """Two start with an empty database: whoever begins stays the reader once the id is known."""
    with (
        process(database_url, "first", NEW) as first,
        process(database_url, "second", NEW) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        second.renew()
        assert (first.state("new"), second.state("new")) == ("held", "elsewhere")
        name_account(connection, "new", MAIN)
        order = (first, second) if first_to_know == "holder" else (second, second, first)
        for one in order:
            one.renew()
            assert (first.state("new"), second.state("new")) == ("held", "elsewhere")
        assert first.get(MAIN) == Lease("first", 1)
        first.renew()
        assert holders(connection) == [(MAIN, "first")]
        assert (first.leading, second.leading) == (True, False)


def test_an_account_that_is_new_moves_with_its_claim(database_url: str) -> None:
    """Its first reader ended before any response named it."""
    with process(database_url, "second", NEW) as second, connected(database_url) as connection:
        with process(database_url, "first", NEW) as first:
            first.renew()
            second.renew()
            assert second.state("new") == "elsewhere"
        second.renew()
        assert second.state("new") == "held"
        name_account(connection, "new", MAIN)
        assert second.get(MAIN) == Lease("second", 1)
        second.renew()
        assert holders(connection) == [(MAIN, "second")]


def test_processes_that_start_together_do_not_divide_the_accounts(database_url: str) -> None:
    """One gets all of them, whichever it is."""
    names: dict[str, str | None] = dict.fromkeys(("new1", "new2"))
    names |= ids(40)
    for _ in range(5):
        with ExitStack() as stack:
            several = [stack.enter_context(process(database_url, f"p{n}", names)) for n in range(4)]
            threads = [threading.Thread(target=leases.renew) for leases in several]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(leases.leading for leases in several) == [False, False, False, True]


def test_what_was_given_back_is_not_renewed_beside_one_who_takes_it(database_url: str) -> None:
    """It is taken, in turn with the others, so that the two do not divide the accounts."""
    with (
        ExitStack() as stack,
        connected(database_url) as connection,
        psycopg.connect(database_url) as locking,
    ):
        first = stack.enter_context(process(database_url, "first", ids(40)))
        second = stack.enter_context(process(database_url, "second", ids(40)))
        first.renew()
        for name, account_id in ids(40).items():
            first.leave(name, account_id)
            first.follow(name, account_id)
        # Somewhere in the middle of all: a renewal would wait there, and have half of them.
        locking.execute(
            "SELECT FROM onetrading_sync.leases WHERE account_id = %s FOR UPDATE",
            (list(ids(40).values())[20],),
        )
        thread = threading.Thread(target=first.renew)
        thread.start()
        wait_until(lambda: not thread.is_alive() or bool(count(connection, WAITING)))
        second.renew()
        locking.rollback()
        thread.join()
        first.renew()
        second.renew()
        assert sorted((first.leading, second.leading)) == [False, True]


def ids(accounts: int) -> dict[str, str | None]:
    """So many accounts that Postgres knows, by name."""
    return {f"a{n}": f"{n:08}-0000-4000-8000-000000000000" for n in range(accounts)}


def test_many_accounts_cost_a_few_statements(database_url: str) -> None:
    """A renewal is one, however many there are, and a new account renews none of the others."""
    with (
        process(database_url, "first", ids(300)) as first,
        process(database_url, "second", ids(300)) as second,
        connected(database_url) as connection,
    ):
        first.renew()
        before = writes(connection)
        for _ in range(10):
            first.renew()
            second.renew()
        assert writes(connection) - before < 100
        for account_id in ids(400).values():
            assert account_id is not None
            assert first.get(account_id) is not None
        assert writes(connection) - before < 500


def writes(connection: Connection) -> int:
    """Grows by one with each transaction of the server that writes."""
    return count(connection, "SELECT pg_current_xact_id()::text::bigint")


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
        let_go(connection, MAIN)
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


def test_a_process_that_is_suspended_within_a_copy_does_not_keep_its_account(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres waits for the data of a COPY without a limit, and the lease stays locked."""
    monkeypatch.setattr(lease_table, "_SUSPENDED", timedelta(seconds=0.5))
    with (
        process(database_url, "first") as first,
        process(database_url, "second", {"main": MAIN}) as second,
        connected(database_url) as connection,
    ):
        lease = first.get(MAIN)
        let_go(connection, MAIN)
        with ExitStack() as stack:
            stack.enter_context(pytest.raises(psycopg.errors.AdminShutdown))
            writing = stack.enter_context(psycopg.connect(database_url))
            write(writing, lease)
            writing.execute("CREATE TEMPORARY TABLE rows (value text)")
            copy = stack.enter_context(writing.cursor().copy("COPY rows FROM STDIN"))
            copy.write_row(("one",))
            second.renew()
            assert not second.leading, "it takes over beside a transaction that may be alive"
            second.start()
            wait_until(lambda: second.leading, "it never takes over")
        assert written(connection) == (0, 0)
        assert holder_of(connection, MAIN) == ("second", 2)


def test_a_long_transaction_of_its_own_does_not_hold_up_a_renewal(database_url: str) -> None:
    """Not even for a moment: with hundreds of accounts one of them is always being written."""
    with (
        process(database_url, "first") as first,
        process(database_url, "second") as second,
        connected(database_url) as connection,
    ):
        lease = first.get(MAIN)
        with psycopg.connect(database_url) as writing:
            write(writing, lease)
            connection.execute("UPDATE onetrading_sync.leases SET expires_at = now()")
            first.start()
            wait_until(lambda: seconds_left(connection, MAIN) > 15, "the renewal waits")
            assert (first.get(MAIN), first.leading) == (lease, True)
            assert second.get(MAIN) is None
        assert holder_of(connection, MAIN) == ("first", 1)


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
        let_go(shared, account_id)
        second.renew_leases()
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
        let_go(shared, ids[account])
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
    leases = Leases(lambda: database_url, "first", {"main": MAIN}, on_change=changed.extend)
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


def test_accounts_that_come_and_go(database_url: str) -> None:
    """One that leaves is free at once, and the others notice nothing."""
    with (
        process(database_url, "first", {"main": MAIN, "hedge": HEDGE}) as first,
        process(database_url, "second", {}) as second,
    ):
        first.renew()
        kept = first.get(HEDGE)
        second.follow("main", MAIN)
        second.renew()
        assert second.state("main") == "elsewhere"
        first.leave("main", MAIN)
        assert first.state("main") == "unknown"
        assert first.get(HEDGE) == kept
        assert first.leading
        second.renew()
        assert second.state("main") == "held"
        first.renew()
        first.follow("main", MAIN)
        first.renew()
        assert [first.state(name) for name in ("main", "hedge")] == ["elsewhere", "held"]
        first.follow("hedge")  # it is followed already: its id stays known
        assert first.state("hedge") == "held"


def test_an_account_that_leaves_takes_no_lease_from_its_new_name(database_url: str) -> None:
    """It is one account of the exchange, whatever it is called."""
    with process(database_url, "first", {"main": MAIN}) as leases:
        leases.renew()
        held = leases.get(MAIN)
        leases.follow("desk", MAIN)
        leases.leave("main", MAIN)
        assert leases.get(MAIN) == held
        assert leases.state("desk") == "held"


def test_an_account_leaves_while_postgres_is_away() -> None:
    leases = Leases(away, "first", {"main": MAIN})
    leases.leave("main", MAIN)
    assert leases.leading
