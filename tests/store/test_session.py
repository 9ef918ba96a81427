"""Sessions: whatever role, database or pooler say, what is stored is the exchange's truth."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from exporter.simulator import Simulator
from exporter.store.leases import Leases
from exporter.store.pool import message_of
from exporter.store.session import SERVICE, connect
from tests.support.facts import broken_claims, count, stored, truth, unproven
from tests.support.pgbouncer import PoolMode, pooler
from tests.support.postgres import database_of, with_options
from tests.support.process import command
from tests.support.simulator_client import NOW
from tests.support.sync_app import DAY, environment, exchange, run_passes, running, sync
from tests.support.waiting import wait_until

MODES: tuple[PoolMode, ...] = ("session", "transaction")

HOSTILE = {
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "America/New_York",
    "search_path": "nowhere",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "array_nulls": "off",
    "standard_conforming_strings": "off",
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1s",
    "idle_session_timeout": "1s",
    "enable_indexscan": "off",
    "jit": "on",
    "transform_null_equals": "on",
}
"""What a session obeys unless it says otherwise."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with exchange(days=1) as found:
        yield found


def test_only_a_connection_string_is_called_one_that_cannot_be_read(database_url: str) -> None:
    """psycopg's other complaints without a SQLSTATE say what they are."""
    with pytest.raises(psycopg.ProgrammingError) as unreadable:
        connect("postgresql://me:hunter2%zz@db/money")
    assert message_of(unreadable.value) == "the Postgres URL cannot be read"
    with connect(database_url) as session, pytest.raises(psycopg.ProgrammingError) as misused:
        session.execute("SELECT %s", [])
    assert misused.value.sqlstate is None
    assert "1 placeholder" in message_of(misused.value)


def set_for_database(url: str, settings: dict[str, str]) -> None:
    """Have every new session of the database begin with these settings."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            statement = sql.SQL("ALTER DATABASE {} SET {} TO {}")
            database = sql.Identifier(database_of(url))
            # A list is written without quotes around the whole.
            values = sql.SQL(", ").join(sql.Literal(part.strip()) for part in value.split(","))
            connection.execute(statement.format(database, sql.Identifier(name), values))


def sync_through(url: str, simulator: Simulator, folder: Path) -> None:
    """Sync everything; a second time everything is as it was."""
    given = environment(simulator, url, folder, ONETRADING_HISTORY_START=(NOW - DAY).isoformat())
    with running(given, service=True) as app:
        sync(app)
        assert set(run_passes(app).values()) <= {"ok", "not permitted"}
        assert len(app.spool) == 0


def assert_true(url: str, simulator: Simulator) -> None:
    """Compare what is stored with the exchange."""
    with psycopg.connect(url) as connection:
        assert broken_claims(connection, truth(simulator), simulator.now) == []
        assert unproven(connection, NOW - DAY, NOW - DAY / 24) == []
        assert len(stored(connection)) > 100
        # The exchange stands still: each account and stream was observed in one state.
        assert count(connection, "SELECT count(*) FROM onetrading.snapshots") == count(
            connection, "SELECT count(DISTINCT (account_id, stream)) FROM onetrading.snapshots"
        )


def test_the_settings_of_a_role_change_nothing(
    empty_database_url: str, simulator: Simulator, tmp_path: Path
) -> None:
    """Not the migrations, and not what is synced."""
    set_for_database(empty_database_url, HOSTILE)
    sync_through(empty_database_url, simulator, tmp_path)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        name = sql.Identifier(database_of(empty_database_url))
        connection.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(name))
    assert_true(empty_database_url, simulator)


def test_a_session_has_every_setting_that_it_is_to_have(empty_database_url: str) -> None:
    set_for_database(empty_database_url, HOSTILE)
    with connect(empty_database_url, SERVICE) as session:
        version = session.info.server_version
        for name, value in SERVICE.items():
            if name != "transaction_timeout" or version >= 170_000:
                seconds = value.removesuffix("s")
                minutes = f"{int(seconds) // 60}min" if seconds.isdecimal() else value
                assert setting(session, name) in (value, minutes), name
        assert setting(session, "transaction_isolation") == "read committed"


@pytest.mark.parametrize("mode", MODES)
def test_a_sync_through_a_pooler_stores_the_same(
    mode: PoolMode, database_url: str, simulator: Simulator, tmp_path: Path
) -> None:
    """By transaction: eight connections and that of the leases share four servers."""
    with pooler(database_url, mode, size=16 if mode == "session" else 4) as through:
        sync_through(through, simulator, tmp_path)
    assert_true(database_url, simulator)


@pytest.mark.parametrize("mode", MODES)
def test_migrations_through_a_pooler_do_not_depend_on_the_role(
    mode: PoolMode, empty_database_url: str, database_url: str
) -> None:
    """As `migrate` applies them; the views are those of any other database."""
    set_for_database(empty_database_url, HOSTILE)
    with pooler(empty_database_url, mode, size=2) as through:
        applied = command("migrate", env={"DATABASE_URL": through})
        assert applied.returncode == 0, applied.stderr
        again = command("migrate", "--check", env={"DATABASE_URL": through})
        assert again.returncode == 0, again.stdout + again.stderr
    views = "SELECT count(*) FROM pg_views WHERE schemaname = 'reporting'"
    with connect(empty_database_url) as migrated, connect(database_url) as other:
        assert count(migrated, views) == count(other, views) > 10


@pytest.mark.parametrize("mode", MODES)
def test_a_pooler_is_recognised(mode: PoolMode, database_url: str) -> None:
    with connect(database_url) as direct, pooler(database_url, mode) as through:
        assert not direct.pooled
        with connect(through) as session:
            assert session.pooled


def test_what_a_transaction_sets_behind_a_pooler_ends_with_it(database_url: str) -> None:
    """A transaction of somebody else may be the next one on the same server."""
    with pooler(database_url, "transaction", size=1) as through:
        other = psycopg.connect(through, autocommit=True, prepare_threshold=None)
        with connect(through, SERVICE) as session, other:
            session.begin()
            assert setting(session, "enable_seqscan") == "off"
            session.commit()
            assert setting(other, "enable_seqscan") == "on"
            session.begin()
            assert setting(session, "enable_seqscan") == "off"


@pytest.mark.parametrize("mode", MODES)
def test_leases_behind_a_pooler_have_one_holder(mode: PoolMode, database_url: str) -> None:
    account = "a0000000-0000-4000-8000-000000000001"
    with pooler(database_url, mode, size=2) as through:
        first, second = (Leases(lambda: through, name, {"main": account}) for name in ("a", "b"))
        for _ in range(3):
            first.renew()
            second.renew()
            assert (first.state("main"), second.state("main")) == ("held", "elsewhere")
        first.stop()
        second.renew()
        assert second.state("main") == "held"
        second.stop()


def setting(connection: psycopg.Connection, name: str) -> str:
    """The value of a setting now."""
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_a_role_in_the_options_of_the_url_stays(database_url: str) -> None:
    with connect(with_options(database_url, "-c role=onetrading_reader"), SERVICE) as session:
        assert setting(session, "role") == "onetrading_reader"
        assert setting(session, "timezone") == "UTC"


def test_a_lease_that_cannot_be_asked_for_is_told_in_the_words_of_postgres(
    database_url: str, simulator: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a warning, and by `check`: nobody else writes this account."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("CREATE ROLE of_no_use LOGIN PASSWORD 'x'")
        owner.execute("GRANT USAGE ON SCHEMA onetrading_sync, onetrading TO of_no_use")
        owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA onetrading_sync TO of_no_use")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA onetrading TO of_no_use")
        try:
            url = with_options(database_url, "-c role=of_no_use")
            given = environment(simulator, url, tmp_path)
            with caplog.at_level(logging.WARNING), running(given, service=True):
                wait_until(lambda: "permission denied for table leases" in caplog.text)
            assert "another process" not in caplog.text
            checked = command("check", env=given)
            assert checked.returncode == 1
            assert "FAIL database: permission denied for onetrading_sync." in checked.stdout
            assert "onetrading_sync.leases" in checked.stdout
        finally:
            owner.execute("DROP OWNED BY of_no_use; DROP ROLE of_no_use")


def test_a_server_that_accepts_no_writes_fails_the_check(
    database_url: str, simulator: Simulator, tmp_path: Path
) -> None:
    set_for_database(database_url, {"default_transaction_read_only": "on"})
    checked = command("check", env=environment(simulator, database_url, tmp_path))
    assert checked.returncode == 1
    assert "accepts no writes" in checked.stdout
