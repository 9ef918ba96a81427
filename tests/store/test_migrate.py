"""The migration runner, on real databases."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter import __version__
from exporter.model.errors import DatabaseError, SchemaError, Stopping
from exporter.store import migrate
from exporter.store.migrate import Migration
from tests.support.postgres import wait_for_a_lock

Connection = psycopg.Connection[tuple[Any, ...]]

SLOW_AND_SENSITIVE = (
    "CREATE TABLE things (thing text PRIMARY KEY);\n"
    "INSERT INTO things VALUES ('100 %');\n"
    "SELECT pg_sleep(0.3);\n"
)
FILES = {
    "0001_create_things.sql": SLOW_AND_SENSITIVE,
    "0002_add_colour.sql": "ALTER TABLE things ADD colour text;\n",
    "0003_add_size.sql": "ALTER TABLE things ADD size numeric;\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(empty_database_url) as connection:
        yield connection


def names(migrations: list[Migration]) -> list[str]:
    return [migration.name for migration in migrations]


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows, read in a transaction of their own."""
    with connection.transaction():
        return connection.execute(query.encode()).fetchall()


def record(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(
        connection,
        "SELECT number, name, sha256, app_version"
        " FROM onetrading_sync.schema_migrations ORDER BY number",
    )


def run(connection: Connection, statement: str) -> None:
    with connection.transaction():
        connection.execute(statement.encode())


def test_files_are_read_in_order_with_their_checksums(files: Path) -> None:
    loaded = migrate.load(files)
    assert [m.number for m in loaded] == [1, 2, 3]
    assert names(loaded) == ["0001_create_things", "0002_add_colour", "0003_add_size"]
    # The value of `sha256sum` for the second file.
    assert loaded[1].sha256 == "5ef3ef8950aeb79cc0ca9c40b9db313cba7cce2f901687a9f8fc85a799eaa159"


def test_line_ends_do_not_change_the_checksum(files: Path) -> None:
    before = migrate.load(files)
    for name, text in FILES.items():
        (files / name).write_bytes(text.replace("\n", "\r\n").encode())
    assert migrate.load(files) == before


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("0003_drop_size.sql", "two migrations .* number 0003"),
        ("0005_drop_size.sql", "migration 0004 is missing .* has 0005_drop_size"),
        ("4_drop_size.sql", "NNNN_verb_object.sql"),
        ("0004-drop-size.sql", "NNNN_verb_object.sql"),
        ("0000_drop_size.sql", "number 0000|migration 0001 is missing"),
    ],
)
def test_misnumbered_files_are_refused(files: Path, name: str, complaint: str) -> None:
    (files / name).write_text("SELECT 1;")
    with pytest.raises(SchemaError, match=complaint):
        migrate.load(files)


def test_the_projects_own_migrations_are_found_and_current(database_url: str) -> None:
    known = migrate.load(migrate.migrations_dir())
    assert known
    with psycopg.connect(database_url) as connection:
        migrate.check(connection, known)
        assert migrate.apply(connection, known) == []


def test_each_file_is_applied_once_and_recorded(connection: Connection, files: Path) -> None:
    known = migrate.load(files)
    assert migrate.pending(connection, known) == known
    assert migrate.apply(connection, known[:1]) == known[:1]
    assert migrate.pending(connection, known) == known[1:]
    with pytest.raises(SchemaError, match=r"0002_add_colour, 0003_add_size.*migrate"):
        migrate.check(connection, known)
    assert migrate.apply(connection, known) == known[1:]
    migrate.check(connection, known)
    assert migrate.apply(connection, known) == []
    assert record(connection) == [(m.number, m.name, m.sha256, __version__) for m in known]
    assert rows(connection, "SELECT thing, colour, size FROM things") == [("100 %", None, None)]


def test_listing_what_is_pending_changes_nothing(connection: Connection, files: Path) -> None:
    known = migrate.load(files)
    run(connection, "SET default_transaction_read_only = on")
    assert migrate.pending(connection, known) == known


@pytest.mark.parametrize("autocommit", [True, False])
def test_what_is_applied_is_committed(
    empty_database_url: str, files: Path, autocommit: bool
) -> None:
    connection = psycopg.connect(empty_database_url, autocommit=autocommit)
    migrate.apply(connection, migrate.load(files))
    connection.close()
    with psycopg.connect(empty_database_url) as connection:
        assert len(record(connection)) == len(FILES)


def test_a_connection_inside_a_transaction_is_refused(connection: Connection, files: Path) -> None:
    connection.execute("SELECT 1")
    with pytest.raises(ValueError, match="outside a transaction"):
        migrate.apply(connection, migrate.load(files))


def test_processes_that_migrate_at_once_apply_each_file_once(
    empty_database_url: str, files: Path
) -> None:
    known = migrate.load(files)
    together = threading.Barrier(4)

    def migrate_alone() -> list[Migration]:
        with psycopg.connect(empty_database_url) as connection:
            together.wait()
            return migrate.apply(connection, known)

    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(migrate_alone) for _ in range(4)]
        applied = [migration for run in runs for migration in run.result()]
    assert sorted(names(applied)) == names(known)
    with psycopg.connect(empty_database_url) as connection:
        migrate.check(connection, known)


def test_what_another_process_applied_in_this_instant_is_seen(
    connection: Connection, empty_database_url: str, files: Path
) -> None:
    """Also by a session that has just looked, and has locked nothing since."""
    known = migrate.load(files)
    with connection.transaction():
        assert migrate.pending(connection, known) == known
        with psycopg.connect(empty_database_url) as other:
            migrate.apply(other, known)
        assert migrate.pending(connection, known) == []


def test_a_failing_file_leaves_nothing_and_says_where(connection: Connection, files: Path) -> None:
    (files / "0003_add_size.sql").write_text(
        "ALTER TABLE things ADD size numeric;\nINSERT INTO things\nSELECT missing;\n"
    )
    known = migrate.load(files)
    with pytest.raises(SchemaError, match=r"(?s)0003_add_size failed at line 3.*missing"):
        migrate.apply(connection, known)
    assert migrate.pending(connection, known) == known[2:]
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'things'"
    assert rows(connection, columns) == [(2,)]
    (files / "0003_add_size.sql").write_text(FILES["0003_add_size.sql"])
    assert names(migrate.apply(connection, migrate.load(files))) == ["0003_add_size"]


def test_a_file_that_ends_its_own_transaction_is_refused(
    connection: Connection, files: Path
) -> None:
    (files / "0002_add_colour.sql").write_text("COMMIT; BEGIN;")
    with pytest.raises(SchemaError, match="0002_add_colour ended its own transaction"):
        migrate.apply(connection, migrate.load(files))


def test_an_edited_file_stops_everything(connection: Connection, files: Path) -> None:
    migrate.apply(connection, migrate.load(files)[:1])
    (files / "0001_create_things.sql").write_text(SLOW_AND_SENSITIVE + "-- better\n")
    edited = migrate.load(files)
    for refuse in (migrate.pending, migrate.check, migrate.apply):
        with pytest.raises(SchemaError, match="0001_create_things was edited"):
            refuse(connection, edited)
    assert len(record(connection)) == 1


def test_a_newer_database_stops_an_older_version(connection: Connection, files: Path) -> None:
    known = migrate.load(files)
    migrate.apply(connection, known)
    run(connection, "UPDATE onetrading_sync.schema_migrations SET app_version = '9.1.2'")
    with pytest.raises(SchemaError, match=r"0003_add_size.*run version 9\.1\.2 or newer"):
        migrate.apply(connection, known[:2])


def test_a_gap_in_the_record_is_refused(connection: Connection, files: Path) -> None:
    known = migrate.load(files)
    migrate.apply(connection, known)
    run(connection, "DELETE FROM onetrading_sync.schema_migrations WHERE number = 2")
    with pytest.raises(SchemaError, match="lacks the migration 0002 but has 0003_add_size"):
        migrate.apply(connection, known)


def test_a_database_of_another_encoding_is_refused(
    connection: Connection, files: Path, empty_database_url: str
) -> None:
    connection.autocommit = True
    connection.execute("CREATE DATABASE legacy ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    try:
        with (
            psycopg.connect(empty_database_url, dbname="legacy") as legacy,
            pytest.raises(SchemaError, match=r"is SQL_ASCII.*ENCODING 'UTF8'"),
        ):
            migrate.apply(legacy, migrate.load(files))
    finally:
        connection.execute("DROP DATABASE legacy")


def test_a_table_that_is_in_use_is_waited_for(
    connection: Connection, empty_database_url: str, files: Path
) -> None:
    known = migrate.load(files)
    migrate.apply(connection, known[:1])
    with psycopg.connect(empty_database_url) as reader, ThreadPoolExecutor(1) as thread:
        reader.execute("SELECT FROM things")
        migrating = thread.submit(migrate.apply, connection, known)
        wait_for_a_lock(empty_database_url)
        reader.rollback()
        assert migrating.result() == known[1:]


def test_whoever_waits_for_another_migrator_can_be_stopped(
    connection: Connection, empty_database_url: str, files: Path
) -> None:
    stop = threading.Event()
    with other_migrator(empty_database_url), ThreadPoolExecutor(1) as thread:
        migrating = thread.submit(migrate.apply, connection, migrate.load(files), stop=stop)
        with pytest.raises(TimeoutError):
            migrating.result(timeout=0.3)
        stop.set()
        with pytest.raises(Stopping):
            migrating.result(timeout=30)


@contextmanager
def other_migrator(url: str) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [migrate.ADVISORY_LOCK])
        yield


def test_a_lost_connection_is_not_a_schema_error(
    connection: Connection, empty_database_url: str, files: Path
) -> None:
    (files / "0002_add_colour.sql").write_text("SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(DatabaseError):
        migrate.apply(connection, migrate.load(files))
    with psycopg.connect(empty_database_url) as again:
        assert len(record(again)) == 1


def test_a_user_without_rights_is_refused(empty_database_url: str, files: Path) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("SET ROLE pg_monitor")  # exists everywhere, and may create nothing
        connection.commit()
        with pytest.raises(SchemaError, match="permission denied"):
            migrate.apply(connection, migrate.load(files))


def test_the_printed_sql_does_the_same_by_hand(connection: Connection, files: Path) -> None:
    known = migrate.load(files)
    migrate.apply(connection, known[:1])
    script = migrate.script(migrate.pending(connection, known))
    assert "CREATE TABLE things" not in script
    connection.autocommit = True
    connection.execute(script.encode())
    connection.autocommit = False
    migrate.check(connection, known)
    assert record(connection) == [(m.number, m.name, m.sha256, __version__) for m in known]
    assert migrate.script(migrate.pending(connection, known)) == ""


def test_the_printed_sql_starts_from_an_empty_database(connection: Connection, files: Path) -> None:
    known = migrate.load(files)
    connection.autocommit = True
    connection.execute(migrate.script(known).encode())
    connection.autocommit = False
    migrate.check(connection, known)
