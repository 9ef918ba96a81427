"""Bring a database to this version's schema: each migration once, in order, in one transaction.

A migration is a file `NNNN_verb_object.sql` of plain SQL, never edited once released. What was
applied is recorded with its checksum in `onetrading_sync.schema_migrations`, in the transaction of
the file itself. Any number of processes may migrate at once: a transaction-level advisory lock,
which also works behind a pooler such as PgBouncer, lets one in, and the others see its record.
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from exporter import __version__
from exporter.model.errors import DatabaseError, SchemaError, Stopping
from exporter.store.pool import Connection
from exporter.store.session import begin

LOG = logging.getLogger(__name__)
FILE_NAME = re.compile(r"(\d{4})_[a-z0-9]+(_[a-z0-9]+)+\.sql")
ADVISORY_LOCK = 6_078_931_154_620_417  # arbitrary, but the same in every version
# A session that waits for a table lock blocks those behind it: give up soon, and retry.
LOCK_TIMEOUT = "3s"
LOCK_ATTEMPTS = 8
OTHER_MIGRATOR_TIMEOUT_S = 600.0

TABLE = sql.SQL("onetrading_sync.schema_migrations")
CREATE_TABLE = sql.SQL(
    """\
CREATE SCHEMA IF NOT EXISTS onetrading_sync;
CREATE TABLE IF NOT EXISTS {table} (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    app_version text NOT NULL
);
COMMENT ON TABLE {table} IS 'The migrations applied here, with the checksum of each file.';
COMMENT ON COLUMN {table}.number IS 'First part of the file name; the order.';
COMMENT ON COLUMN {table}.name IS 'The file name without its ending.';
COMMENT ON COLUMN {table}.sha256 IS 'SHA-256 of the file, in hexadecimal; it must not change.';
COMMENT ON COLUMN {table}.applied_at IS 'When the transaction of the file began.';
COMMENT ON COLUMN {table}.app_version IS 'The version of onetrading-exporter that applied it.';
"""
).format(table=TABLE)
LIMITS = sql.SQL("SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0;").format(
    LOCK_TIMEOUT
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name without the ending, its text, and the checksum of the text."""

    number: int
    name: str
    sql: str
    sha256: str


def migrations_dir() -> Path:
    """Return the migrations directory of the installed package, or of the checkout.

    Raises SchemaError when neither exists.
    """
    package = Path(str(resources.files("exporter")))
    for place in (package / "migrations", package.parent / "migrations"):
        if place.is_dir():
            return place
    raise SchemaError(f"{package} is installed without its migrations: reinstall the package")


def load(directory: Path) -> list[Migration]:
    """Read all migrations of a directory, in order.

    Raises SchemaError for a file that is not named `NNNN_verb_object.sql`, for a duplicate number,
    and for a missing number (the first is 0001).
    """
    migrations: list[Migration] = []
    for path in sorted(directory.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise SchemaError(f"{path} is not named NNNN_verb_object.sql: rename it")
        text = path.read_text(encoding="utf-8")  # line ends become \n, whatever git made of them
        checksum = hashlib.sha256(text.encode()).hexdigest()
        migrations.append(Migration(int(match[1]), path.stem, text, checksum))
    for expected, migration in enumerate(migrations, start=1):
        if migration.number < expected:
            raise SchemaError(
                f"two migrations in {directory} have the number {migration.number:04}:"
                " give the newer one the next free number"
            )
        if migration.number > expected:
            raise SchemaError(
                f"migration {expected:04} is missing in {directory}, which has {migration.name}:"
                " restore the file, or renumber"
            )
    return migrations


def pending(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Return the migrations that are not applied yet; changes nothing.

    Raises SchemaError when the applied ones differ from `migrations`.
    """
    with connection.transaction():
        begin(connection)
        return _pending(connection, migrations)


def check(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Raise SchemaError unless exactly these migrations are applied."""
    left = pending(connection, migrations)
    if left:
        names = ", ".join(migration.name for migration in left)
        raise SchemaError(f"pending migrations: {names}: run `onetrading-exporter migrate`")


def apply(
    connection: Connection,
    migrations: Sequence[Migration],
    *,
    log: logging.Logger = LOG,
    stop: threading.Event | None = None,
) -> list[Migration]:
    """Apply the pending migrations and return those that this call applied.

    `connection` must be outside a transaction. Raises SchemaError when a migration fails (it is
    rolled back), when the applied ones differ from `migrations`, or when the record cannot be read;
    DatabaseError when a lock could not be acquired or the connection broke; Stopping when `stop`
    was set during a wait.
    """
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        raise ValueError("migrations need a connection outside a transaction")
    stop = stop or threading.Event()

    def show(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            hint = f": {notice.message_hint}" if notice.message_hint else ""
            log.warning("%s%s", notice.message_primary, hint)

    connection.add_notice_handler(show)
    try:
        applied = []
        for migration in pending(connection, migrations):
            began = time.monotonic()
            if _apply_when_free(connection, migration, migrations, stop):
                log.info("applied %s in %.2f s", migration.name, time.monotonic() - began)
                applied.append(migration)
    except psycopg.OperationalError as error:
        raise DatabaseError(f"the connection broke while migrating: {error}") from error
    except psycopg.Error as error:
        raise SchemaError(f"could not read or write {TABLE.as_string()}: {error}") from error
    finally:
        connection.remove_notice_handler(show)
    return applied


def script(migrations: Sequence[Migration]) -> str:
    """Return a script that does what `apply` would do with these migrations; empty for none.

    To stop at the first error, run it with `psql -v ON_ERROR_STOP=1`.
    """
    parts = []
    for migration in migrations:
        lock = sql.SQL("SELECT pg_advisory_xact_lock({});").format(ADVISORY_LOCK)
        steps = [text.as_string() for text in (lock, LIMITS, CREATE_TABLE)]
        record = _record(migration).as_string()
        text = f"-- {migration.name}\n{migration.sql.rstrip()}\n"
        parts.append("\n".join(["BEGIN;", *steps, text, f"{record};", "COMMIT;\n\n"]))
    return "".join(parts)


def _apply_when_free(
    connection: Connection,
    migration: Migration,
    migrations: Sequence[Migration],
    stop: threading.Event,
) -> bool:
    """Apply one migration, waiting for other migrators and for locks; False if another did it.

    It waits between transactions, so that it can be stopped.
    """
    deadline = time.monotonic() + OTHER_MIGRATOR_TIMEOUT_S
    attempt = 1
    while True:
        try:
            applied = _try(connection, migration, migrations)
        except (pg.LockNotAvailable, pg.DeadlockDetected) as error:
            if attempt == LOCK_ATTEMPTS:
                raise DatabaseError(
                    f"migration {migration.name} could not lock its tables in {attempt} attempts:"
                    f" end long transactions on them ({error})"
                ) from error
            pause = 0.1 * 2**attempt
            attempt += 1
        else:
            if applied is not None:
                return applied
            pause = 0.1
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"gave up waiting for another process to apply {migration.name}"
                )
        if stop.wait(pause):
            raise Stopping("stopped while waiting to migrate")


def _try(
    connection: Connection, migration: Migration, migrations: Sequence[Migration]
) -> bool | None:
    """Apply one file in a transaction; False if it already is applied, None if another migrates."""
    with connection.transaction():
        begin(connection)
        if not _value(
            connection, sql.SQL("SELECT pg_try_advisory_xact_lock({})").format(ADVISORY_LOCK)
        ):
            return None
        if migration not in _pending(connection, migrations):
            return False
        connection.execute(LIMITS, prepare=False)
        if not _table_exists(connection):
            connection.execute(CREATE_TABLE, prepare=False)
        transaction = _value(connection, sql.SQL("SELECT pg_current_xact_id()::text"))
        try:
            # Bytes, because psycopg's types only allow literal text; no parameters, because only
            # the simple query protocol accepts several statements.
            connection.execute(migration.sql.encode(), prepare=False)
            connection.execute(_record(migration), prepare=False)
            kept = _value(connection, sql.SQL("SELECT pg_current_xact_id()::text")) == transaction
        except psycopg.OperationalError:  # a lock or the connection, not the file
            raise
        except psycopg.Error as error:
            raise SchemaError(_explain(migration, error)) from error
    if not kept:
        raise SchemaError(
            f"migration {migration.name} ended its own transaction: remove COMMIT and ROLLBACK from"
            " it, and check by hand what it changed"
        )
    return True


def _pending(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Compare the recorded migrations with the files, and return what is not recorded."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SchemaError(
            f"the database's encoding is {encoding}, which cannot store every character:"
            " create another one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    if not _table_exists(connection):
        return list(migrations)
    rows = connection.execute(
        sql.SQL("SELECT number, name, sha256, app_version FROM {} ORDER BY number").format(TABLE)
    ).fetchall()
    for expected, (number, name, checksum, version) in enumerate(rows, start=1):
        if number > len(migrations):
            raise SchemaError(
                f"the database has the migration {name}, applied by version {version}, which this"
                f" version ({__version__}) does not know: run version {version} or newer, or"
                " restore a backup from before it"
            )
        if number != expected:
            raise SchemaError(
                f"{TABLE.as_string(connection)} lacks the migration {expected:04} but has {name}:"
                " restore its row, or the database from a backup"
            )
        if checksum != migrations[expected - 1].sha256:
            raise SchemaError(
                f"the migration {name} was edited after it had been applied by version {version}:"
                " restore the file, and put the change into a new migration"
            )
    return list(migrations[len(rows) :])


def _table_exists(connection: Connection) -> bool:
    # A catalogue query sees what is committed now. `to_regclass` uses a cache of names that is only
    # refreshed when a relation is locked, and may miss what another process has just committed.
    query = sql.SQL(
        "SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid ="
        " relnamespace WHERE nspname = 'onetrading_sync' AND relname = 'schema_migrations'"
    )
    return connection.execute(query, prepare=False).fetchone() is not None


def _record(migration: Migration) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {} (number, name, sha256, app_version) VALUES ({}, {}, {}, {})"
    ).format(TABLE, migration.number, migration.name, migration.sha256, __version__)


def _value(connection: Connection, query: sql.Composed | sql.SQL) -> Any:
    row = connection.execute(query, prepare=False).fetchone()
    return None if row is None else row[0]


def _explain(migration: Migration, error: psycopg.Error) -> str:
    """Which file failed, at which line, and why."""
    position = error.diag.statement_position
    line = migration.sql.count("\n", 0, int(position) - 1) + 1 if position else None
    place = f" at line {line}" if line else ""
    return f"migration {migration.name} failed{place} and was rolled back: {error}"
