"""The reporting schema as a contract: names, comments, dictionary, rights, and open positions."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql

from exporter.store.migrate import Migration, load, migrations_dir
from tests.support.postgres import fresh_database
from tests.support.process import ROOT
from tests.support.reporting import (
    DAY,
    MAIN,
    Connection,
    example_of,
    facts,
    put,
    read,
)

READER, AUDITOR = "onetrading_reader", "onetrading_auditor"
MIGRATIONS = load(migrations_dir())


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def views(connection: Connection, *schemas: str) -> list[tuple[str, str]]:
    """Schema and name of what can be selected from."""
    query = (
        "SELECT relnamespace::regnamespace::text, relname FROM pg_class"
        " WHERE relnamespace::regnamespace::text = ANY(%s) AND relkind IN ('r', 'v') ORDER BY 1, 2"
    )
    rows = connection.execute(query, [list(schemas)]).fetchall()
    return [(schema, name) for schema, name in rows]


def test_the_views_of_the_contract_are_there(reporting: Connection) -> None:
    names = {name for _, name in views(reporting, "reporting")}
    assert names >= {
        *("trades", "funding_payments", "current_balances", "current_positions"),
        *("daily_closing_balances", "monthly_fees", "monthly_funding", "monthly_turnover"),
        *("coverage_gaps", "freshness", "open_rejects"),
    }


def test_every_view_and_column_has_a_comment(reporting: Connection) -> None:
    bare = reporting.execute(
        "SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE relnamespace = 'reporting'::regnamespace AND relkind IN ('r', 'v', 'm')"
        " AND attnum > 0 AND (coalesce(col_description(attrelid, attnum), '') = ''"
        " OR coalesce(obj_description(attrelid, 'pg_class'), '') = '')"
    ).fetchall()
    assert bare == []


def test_data_dictionary_is_up_to_date(reporting: Connection, database_url: str) -> None:
    """Write it again with: scripts/data_dictionary DATABASE_URL > docs/data-dictionary.md"""
    assert reporting.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts" / "data_dictionary", database_url],
        check=True,
        capture_output=True,
        text=True,
    )
    assert (ROOT / "docs" / "data-dictionary.md").read_text("utf-8") == printed.stdout


def test_reader_may_run_every_example_and_read_every_view(reporting: Connection) -> None:
    names = [name for _, name in views(reporting, "reporting")]
    for role, hidden in ((READER, {"records"}), (AUDITOR, set())):
        shown = [name for name in names if name not in hidden]
        queries = [example_of(reporting, name) for name in shown]
        queries += [f"SELECT * FROM reporting.{name}".encode() for name in shown]  # noqa: S608
        reporting.execute(f"SET ROLE {role}")
        for query in queries:
            assert reporting.execute(query).description
        reporting.execute("RESET ROLE")


def test_reader_may_read_nothing_else(reporting: Connection) -> None:
    refused = [*views(reporting, "onetrading", "onetrading_sync"), ("reporting", "records")]
    assert len(refused) > 20
    reporting.execute(f"SET ROLE {READER}")
    for name in refused:
        query = sql.SQL("SELECT FROM {}").format(sql.Identifier(*name))
        with pytest.raises(errors.InsufficientPrivilege), reporting.transaction():
            reporting.execute(query)
    for statement in ("CREATE TABLE reporting.mine ()", "DELETE FROM reporting.trades"):
        with pytest.raises(psycopg.Error, match=r"denied|cannot"), reporting.transaction():
            reporting.execute(statement.encode())


def test_reader_may_read_views_of_later_migrations(reporting: Connection) -> None:
    reporting.execute("CREATE VIEW reporting.later AS SELECT 1 AS one")
    reporting.execute(f"SET ROLE {READER}")
    assert reporting.execute("TABLE reporting.later").fetchall() == [(1,)]


# Roles are shared by all databases of a server: tests that make one use another name.


def script(migration: Migration, reader: str, auditor: str = AUDITOR) -> bytes:
    return migration.sql.replace(READER, reader).replace(AUDITOR, auditor).encode()


@contextmanager
def temporary_role(connection: Connection, name: str) -> Iterator[str]:
    """A name for a role; dropped afterwards with all that it owns in this database."""
    try:
        yield name
    finally:
        connection.rollback()
        connection.execute("RESET ROLE")
        connection.execute(f"DROP OWNED BY {name} CASCADE")
        connection.execute(f"DROP ROLE {name}")
        connection.commit()


def test_two_databases_may_create_the_role_at_once(
    empty_database_url: str, postgres_url: str
) -> None:
    reader = f"reader_{uuid4().hex}"
    *before, last = [script(migration, reader) for migration in MIGRATIONS[:3]]

    def migrate(connection: Connection) -> None:
        connection.execute(last)
        connection.commit()

    with (
        psycopg.connect(empty_database_url) as first,
        temporary_role(first, reader),
        fresh_database(postgres_url) as other_url,
        psycopg.connect(other_url) as second,
        psycopg.connect(empty_database_url, autocommit=True) as watcher,
    ):
        for earlier in before:
            first.execute(earlier)
            second.execute(earlier)
        first.execute(last)
        thread = threading.Thread(target=migrate, args=(second,))
        thread.start()
        waiting = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
        while (
            thread.is_alive() and not watcher.execute(waiting, [second.info.backend_pid]).rowcount
        ):
            thread.join(0.01)
        assert thread.is_alive()
        first.commit()
        thread.join(30)
        granted = f"SELECT has_table_privilege('{reader}', 'reporting.trades', 'SELECT')"
        assert first.execute(granted.encode()).fetchall() == [(True,)]
        assert second.execute(granted.encode()).fetchall() == [(True,)]


def test_a_user_who_may_not_create_roles_can_migrate(empty_database_url: str) -> None:
    """The views are there, and warnings name what an administrator must run; it works."""
    reader, owner = f"reader_{uuid4().hex}", f"owner_{uuid4().hex}"
    auditor = f"auditor_{uuid4().hex}"
    warnings: list[tuple[str | None, str | None]] = []
    with psycopg.connect(empty_database_url) as connection, temporary_role(connection, owner):
        connection.execute(f"CREATE ROLE {owner}")
        connection.execute(f"GRANT CREATE ON DATABASE {connection.info.dbname} TO {owner}")
        connection.add_notice_handler(
            lambda notice: warnings.append((notice.severity_nonlocalized, notice.message_hint))
        )
        connection.execute(f"SET ROLE {owner}")
        for migration in MIGRATIONS:
            connection.execute(script(migration, reader, auditor))
        connection.commit()
        assert [severity for severity, _ in warnings] == ["WARNING"] * 3
        connection.execute("RESET ROLE")
        with temporary_role(connection, reader), temporary_role(connection, auditor):
            for _, hint in warnings:
                assert hint is not None
                for statement in hint.partition(": ")[2].rstrip(";").split(";"):
                    connection.execute(statement.encode())
            connection.execute(f"SET ROLE {owner}")
            connection.execute("CREATE VIEW reporting.later AS SELECT 1 AS one")
            connection.commit()
            connection.execute(f"SET ROLE {reader}")
            assert connection.execute("TABLE reporting.later").fetchall() == [(1,)]
            assert connection.execute("TABLE reporting.trades").fetchall() == []
            with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                connection.execute("TABLE reporting.records")
            connection.execute(f"SET ROLE {auditor}")
            assert connection.execute("TABLE reporting.records").fetchall() == []


def test_current_positions(reporting: Connection) -> None:
    """Only the newest snapshot counts; the direction gives the sign, an unknown one none."""
    rows = [("A_EUR_P", "LONG"), ("A_EUR_P", "SHORT"), ("B_USD_P", "SHORT"), ("C_USD_P", "FLAT")]
    with facts(reporting, "UTC") as now:
        put(
            reporting,
            "onetrading.instruments (instrument_code, base_code, quote_code, kind, state, raw,"
            " valid_from)",
            [("A_EUR_P", "A", "EUR", "PERP", "ACTIVE", "{}", now)],
        )
        columns = "account_id, stream, first_observed_at, last_observed_at, row_count"
        put(
            reporting,
            f"onetrading.snapshots (snapshot_id, {columns}, content_hash, header)",
            [
                (1, MAIN, "positions", now - 3 * DAY, now - 2 * DAY, 1, 0, "{}"),
                (2, MAIN, "positions", now - DAY, now, 4, 0, "{}"),
            ],
        )
        columns = "snapshot_id, account_id, instrument_code, direction, open_volume, raw"
        stale = (1, MAIN, "B_USD_P", "LONG", Decimal(9), "{}")
        put(
            reporting,
            f"onetrading.positions ({columns})",
            [stale, *((2, MAIN, *row, Decimal("1.5"), "{}") for row in rows)],
        )
        columns = "instrument_code, direction, account, quote_code, open_volume, net_volume"
        result = read(reporting, columns, "current_positions")
        put(
            reporting,
            "onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
            " last_observed_at, row_count, content_hash, header)",
            [(3, MAIN, "positions", now, now, 0, 0, "{}")],
        )
        flat = read(reporting, columns, "current_positions")
    size = Decimal("1.5")
    assert result == [
        ("A_EUR_P", "LONG", "main", "EUR", size, size),
        ("A_EUR_P", "SHORT", "main", "EUR", size, -size),
        ("B_USD_P", "SHORT", "main", None, size, -size),
        ("C_USD_P", "FLAT", "main", None, size, None),
    ]
    assert flat == []
