"""The command `retention`: what it says, what it keeps, and what a kill of it leaves behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.model.stream import PUBLIC_ACCOUNT_ID
from exporter.settings.retention import retention as parse
from exporter.store import retention as store
from exporter.streams import STREAMS
from tests.support.fork_server import Process, start
from tests.support.process import command, process_environment, running
from tests.support.reporting import MAIN, put
from tests.support.waiting import wait_until
from tests.support.world import environment as environment_of_accounts
from tests.support.world import exchange

START = datetime(2026, 2, 27, tzinfo=UTC)
DAYS = 4
"""Over the end of a month, so that two partitions would be thinned if there were two."""
NEWEST = datetime(2026, 9, 1, tzinfo=UTC)

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def stored(database_url: str) -> Iterator[Connection]:
    """Half a year ago: tickers each minute, balances every ten minutes; and a newest snapshot."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        put(connection, "onetrading.accounts (account_id, name)", [(MAIN, "main")])
        headers: list[tuple[object, ...]] = []
        tickers, balances = [], []
        instants = [START + timedelta(minutes=step) for step in range(DAYS * 1_440)] + [NEWEST]
        for number, at in enumerate(instants, start=1):
            headers.append((number, PUBLIC_ACCOUNT_ID, "tickers", at, at, 2, number, "{}"))
            tickers += [(number, code, number, "{}") for code in ("BTC_EUR", "ETH_EUR")]
            if number % 10 == 0:
                own = 10**6 + number
                headers.append((own, MAIN, "balances", at, at, 1, number, "{}"))
                balances.append((own, MAIN, "EUR", number, 0))
        columns = "snapshot_id, account_id, stream, first_observed_at, last_observed_at, row_count"
        put(connection, f"onetrading.snapshots ({columns}, content_hash, header)", headers)
        put(
            connection,
            "onetrading.tickers (snapshot_id, instrument_code, bid_price, raw)",
            tickers,
        )
        put(
            connection,
            "onetrading.balances (snapshot_id, account_id, currency_code, available, locked)",
            balances,
        )
        yield connection


def environment(database_url: str, folder: Path, **more: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "ONETRADING_DATA_DIR": str(folder), **more}


def content(connection: Connection) -> list[tuple[Any, ...]]:
    """Every row of the tables of snapshots, and every table there is."""
    found = []
    for table in ("snapshots", "tickers", "balances"):
        query = f"SELECT * FROM onetrading.{table} ORDER BY 1, 2, 3"  # noqa: S608
        found += connection.execute(query.encode()).fetchall()
    return found + tables(connection)


def tables(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT relname, pg_relation_filenode(oid) FROM pg_class"
        " WHERE relnamespace = 'onetrading'::regnamespace AND relkind = 'r' ORDER BY 1"
    ).fetchall()


def count(connection: Connection, stream: str) -> int:
    row = connection.execute(
        "SELECT count(*) FROM onetrading.snapshots WHERE stream = %s", [stream]
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_dry_run_says_what_goes_and_changes_nothing(
    stored: Connection, database_url: str, tmp_path: Path
) -> None:
    before = content(stored)
    env = environment(database_url, tmp_path)
    told = command("retention", "--dry-run", env=env)
    assert told.returncode == 0, told.stderr
    assert "would thin earlier (" in told.stdout
    # The last of each hour, and the last of all.
    assert f"tickers {DAYS * 1_440 + 1:,} -> {DAYS * 24 + 1}" in told.stdout
    assert content(stored) == before
    done = command("retention", env=env)
    assert done.returncode == 0, done.stderr
    said = told.stdout.split("): ")[1]
    assert done.stdout.split("): ")[1] == said
    assert count(stored, "tickers") == DAYS * 24 + 1
    counted = stored.execute(
        "SELECT rows FROM onetrading_sync.fact_counts WHERE stream = 'tickers'"
    )
    assert counted.fetchone() == (DAYS * 24 + 1,)  # what `status` shows
    assert command("retention", env=env).stdout == "nothing to thin\n"
    assert command("retention", "--dry-run", env=env).stdout == "nothing to thin\n"


def test_what_is_kept_is_what_was_observed(
    stored: Connection, database_url: str, tmp_path: Path
) -> None:
    """The last ticker of each hour, all of it; and it says how thin it is."""
    query = (
        "SELECT first_observed_at, last_observed_at, instrument_code, bid_price"
        " FROM onetrading.snapshots JOIN onetrading.tickers USING (snapshot_id)"
        " WHERE extract(minute FROM first_observed_at) = 59 OR first_observed_at = %s ORDER BY 1, 3"
    )
    wanted = stored.execute(query, [NEWEST]).fetchall()
    assert command("retention", env=environment(database_url, tmp_path)).returncode == 0
    found = stored.execute(
        "SELECT first_observed_at, last_observed_at, instrument_code, bid_price"
        " FROM onetrading.snapshots JOIN onetrading.tickers USING (snapshot_id) ORDER BY 1, 3"
    ).fetchall()
    assert found == wanted
    resolutions = stored.execute(
        "SELECT DISTINCT first_observed_at = %s, resolution FROM onetrading.snapshots"
        " WHERE stream = 'tickers' ORDER BY 1",
        [NEWEST],
    ).fetchall()
    assert resolutions == [(False, timedelta(hours=1)), (True, None)]


@pytest.mark.parametrize(
    ("setting", "tickers", "thins_balances"),
    [
        ("forever", DAYS * 1_440 + 1, False),
        ("market=forever", DAYS * 1_440 + 1, True),
        ("market=30d/day,account=forever", DAYS + 1, False),
        ("market=30d/hour:300d/day", DAYS * 24 + 1, True),
    ],
)
def test_the_setting_says_what_is_kept(
    stored: Connection,
    database_url: str,
    tmp_path: Path,
    setting: str,
    tickers: int,
    thins_balances: bool,
) -> None:
    env = environment(database_url, tmp_path, ONETRADING_RETENTION=setting)
    balances = count(stored, "balances")
    assert command("retention", env=env).returncode == 0
    assert count(stored, "tickers") == tickers
    assert (count(stored, "balances") < balances) is thins_balances


def test_days_that_are_old_enough_are_thinned_in_the_month_that_runs(
    stored: Connection, database_url: str, tmp_path: Path
) -> None:
    """To the day by the command; by the service once something is a week older."""
    stored.execute("DELETE FROM onetrading.snapshots WHERE first_observed_at = %s", [NEWEST])
    retention = parse("market=1d/hour,account=forever")
    wanted = store.rules(stored, retention, STREAMS)
    assert {rule.before for rule in wanted} == {START + timedelta(days=DAYS - 2)}
    assert store.due(stored, wanted) == ["_earlier"]
    assert store.due(stored, wanted, timedelta(days=DAYS - 2)) == []
    assert store.due(stored, wanted, timedelta(days=DAYS - 2, minutes=-1)) == ["_earlier"]
    env = environment(database_url, tmp_path, ONETRADING_RETENTION="market=1d/hour,account=forever")
    assert command("retention", env=env).returncode == 0
    assert count(stored, "tickers") == (DAYS - 2) * 24 + 2 * 1_440
    assert command("retention", env=env).stdout == "nothing to thin\n"


@contextmanager
def begun(arguments: list[str], environ: Mapping[str, str], log: Path) -> Iterator[Process]:
    """The real program, in a process of its own that does not outlive the test."""
    with log.open("wb") as output:
        process = start(*arguments, env=process_environment(environ), stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def waits(connection: Connection, statement: str) -> bool:
    """Whether a session waits for a lock in such a statement."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE %s AND datname = current_database())",
        [statement],
    ).fetchone()
    return row == (True,)


def gone(connection: Connection) -> bool:
    """Whether no other session is left that has a transaction."""
    row = connection.execute(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND backend_xid IS NOT NULL AND datname = current_database())"
    ).fetchone()
    return row == (True,)


def test_a_kill_while_it_thins_leaves_everything_as_it_was(
    stored: Connection, database_url: str, tmp_path: Path
) -> None:
    """All is copied, and it waits for a reader to end before it replaces the tables."""
    env = environment(database_url, tmp_path)
    assert command("retention", env=env | {"ONETRADING_RETENTION": "forever"}).returncode == 0
    before = content(stored)
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT FROM onetrading.snapshots LIMIT 1")
        with begun(["retention"], env, tmp_path / "log") as process:
            wait_until(lambda: waits(stored, "LOCK TABLE%"))
            process.send_signal(signal.SIGKILL)
            process.wait()
        reader.rollback()
        wait_until(lambda: gone(stored))
    assert content(stored) == before
    assert command("retention", env=env).returncode == 0
    assert count(stored, "tickers") == DAYS * 24 + 1


def test_a_kill_while_it_makes_partitions_leaves_none_of_them(
    stored: Connection, database_url: str, tmp_path: Path
) -> None:
    """Half of the tables of a month would make its snapshots fail."""
    env = environment(database_url, tmp_path)
    before = tables(stored)
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE onetrading.tickers IN SHARE UPDATE EXCLUSIVE MODE")
        with begun(["retention"], env, tmp_path / "log") as process:
            wait_until(lambda: waits(stored, "%make_partitions%"))
            process.send_signal(signal.SIGKILL)
            process.wait()
        holder.rollback()
        wait_until(lambda: gone(stored))
    assert tables(stored) == before
    assert command("retention", env=env).returncode == 0
    assert len(tables(stored)) == len(before) + 6 * 4


def test_a_snapshot_that_comes_late_is_not_lost(
    stored: Connection, database_url: str, tmp_path: Path
) -> None:
    """It comes after all was judged, and before the tables are replaced."""
    env = environment(database_url, tmp_path)
    at = START + timedelta(seconds=30)
    with psycopg.connect(database_url) as writer:
        writer.execute("SELECT FROM onetrading.snapshots LIMIT 1")
        with begun(["retention"], env, tmp_path / "log") as process:
            wait_until(lambda: waits(stored, "LOCK TABLE%"))
            put(
                writer,
                "onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
                " last_observed_at, row_count, content_hash, header)",
                [(2 * 10**6, MAIN, "balances", at, at, 1, 0, "{}")],
            )
            put(
                writer,
                "onetrading.balances (snapshot_id, account_id, currency_code, available, locked)",
                [(2 * 10**6, MAIN, "CHF", 1, 0)],
            )
            writer.commit()
            assert process.wait() == 0, (tmp_path / "log").read_text()
    kept = stored.execute("SELECT FROM onetrading.balances WHERE currency_code = 'CHF'")
    assert kept.rowcount == 1
    resolution = "SELECT resolution FROM onetrading.snapshots WHERE snapshot_id = 2000000"
    assert stored.execute(resolution).fetchall() == [(None,)]
    assert count(stored, "tickers") == DAYS * 24 + 1
    assert command("retention", env=env).returncode == 0
    assert stored.execute(resolution).fetchall() == [(timedelta(hours=1),)]


def test_the_service_thins_makes_months_and_tells_sizes(
    stored: Connection, database_url: str, tmp_path: Path
) -> None:
    """Of two processes the one that reads the public streams; the other tells no size."""
    stored.execute("DELETE FROM onetrading.snapshots WHERE first_observed_at = %s", [NEWEST])
    march = datetime(2026, 3, 1, tzinfo=UTC)
    size = 'onetrading_database_bytes{table="onetrading.tickers"}'
    oldest = 'onetrading_oldest_observation_timestamp_seconds{stream="tickers"}'
    with exchange() as simulator:
        more = {
            "DATABASE_URL": database_url,
            "ONETRADING_STREAMS": "balances,tickers",
            "ONETRADING_RETENTION": "market=1d/hour",
        }
        env = environment_of_accounts(simulator, tmp_path, ("main",), more)
        with running(env, tmp_path / "log") as run:
            query = (
                "SELECT count(*) FROM onetrading.snapshots"
                " WHERE stream = 'tickers' AND first_observed_at < %s"
            )
            wait_until(lambda: stored.execute(query, [march]).fetchone() == (48,), lambda: run.log)
            run.wait_until(lambda: (run.value(size) or 0) > 0, "it tells no size")
            first = stored.execute(
                "SELECT extract(epoch FROM min(first_observed_at)) FROM onetrading.snapshots"
                " WHERE stream = 'tickers'"
            ).fetchone()
            run.wait_until(lambda: run.value(oldest) is not None, "it tells no first observation")
            assert first is not None
            assert run.value(oldest) in (float(first[0]), START.timestamp())
            assert len(tables(stored)) > 6 * 4
            with running(
                env | {"ONETRADING_DATA_DIR": str(tmp_path / "b")}, tmp_path / "b.log"
            ) as b:
                b.wait_until_ready()
                assert b.value(size) is None
        assert "thinned earlier" in run.log
