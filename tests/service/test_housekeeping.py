"""What the service reads from Postgres on its own account, and what it deletes there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from exporter.simulator import Simulator
from tests.support.process import command, running
from tests.support.waiting import wait_until
from tests.support.world import environment, exchange


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def test_what_is_odd_in_postgres_is_shown(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """Rejects, drift and changed facts are Postgres's own: another process wrote these."""
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    only = ("--stream", "trades", "--account", "main")
    command("sync", *only, env=env)
    simulator.set_faults(bad_record_rate=0.2, unknown_fields=True, changed_rate=0.2)
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM onetrading_sync.coverage")
    command("sync", *only, env=env)
    # What a service can read of the rejects ends them, as soon as it has started.
    simulator.set_faults(fail_paths={"/account/trades": 500})
    with psycopg.connect(database_url) as connection:
        stored = {
            table: connection.execute(
                sql.SQL("SELECT count(*) FROM onetrading_sync.{}").format(sql.Identifier(table))
            ).fetchone()
            for table in ("rejects", "drift", "issues")
        }
    assert all(row is not None and row[0] > 0 for row in stored.values()), stored
    shown = {
        "rejects": "onetrading_rejects_open",
        "drift": "onetrading_drift_total",
        "issues": "onetrading_facts_changed_total",
    }
    with running(env | {"ONETRADING_STREAMS": "balances,trades"}, tmp_path / "log") as run:
        for table, metric in shown.items():
            row = stored[table]
            assert row is not None
            run.wait_for(f'{metric}{{account="main",stream="trades"}}', row[0])
            assert run.value(f'{metric}{{account="main",stream="balances"}}') == 0


def test_the_log_of_walks_is_kept_for_90_days(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO onetrading_sync.runs (account_id, stream, scope, lane, started_at)"
            " SELECT gen_random_uuid(), 'trades', '', 'tail', now() - make_interval(days => age)"
            " FROM unnest(ARRAY[89, 91, 400]) age"
        )
        old = "SELECT extract(days FROM now() - started_at)::int FROM onetrading_sync.runs"
        old += " WHERE started_at < now() - interval '1 day'"
        with running(env | {"ONETRADING_STREAMS": "balances"}, tmp_path / "log"):
            wait_until(lambda: connection.execute(old.encode()).fetchall() == [(89,)])


def test_records_of_an_earlier_version_leave_the_rows_of_facts(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO onetrading.funding_rates"
            " (instrument_code, funding_time, funding_rate, raw, row_hash)"
            " SELECT 'X', now() - make_interval(hours => n), 1, '{\"sent\": 1}', 0"
            " FROM generate_series(1, 300) AS n"
        )
        kept = "SELECT DISTINCT as_sent FROM reporting.records WHERE stream = 'funding_history'"
        left = "SELECT count(*) FROM onetrading_sync.record_moves WHERE finished_at IS NULL"
        with running(env | {"ONETRADING_STREAMS": "balances"}, tmp_path / "log"):
            wait_until(lambda: connection.execute(left.encode()).fetchall() == [(0,)])
        assert connection.execute(kept.encode()).fetchall() == [('{"sent": 1}',)]
        pages = connection.execute("SELECT count(*) FROM onetrading.record_pages").fetchall()
        assert pages == [(3,)]
