"""`reconcile`, `close` and `reopen`: what they print, do, and exit with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from exporter.cli import cli
from exporter.model.errors import CloseRefused, SettingsError
from tests.support.closing import START, put_late_trade, put_months
from tests.support.reporting import Connection


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> Mapping[str, str]:
    return {"DATABASE_URL": database_url, "ONETRADING_DATA_DIR": str(tmp_path)}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        put_months(connection)
        yield connection


def run(env: Mapping[str, str], *words: str) -> Result:
    return CliRunner().invoke(cli, words, env=env)


def test_a_month_is_reconciled_closed_and_reopened(
    connection: Connection, env: Mapping[str, str]
) -> None:
    told = run(env, "reconcile", "--month", "2026-01")
    assert told.exit_code == 0, told.output
    assert "main" in told.stdout and "coverage" in told.stdout and " failing " not in told.stdout

    closed = run(env, "close", "2026-01")
    assert closed.exit_code == 0, closed.output
    row = connection.execute("SELECT checksum, version FROM reporting.closes").fetchone()
    assert row is not None and row[0] in closed.stdout

    put_late_trade(connection, 9, START + timedelta(days=15))
    told = run(env, "reconcile", "--month", "2026-01", "--json")
    assert told.exit_code == 4
    (late,) = (each for each in json.loads(told.stdout) if each["check_name"] == "late_facts")
    assert (late["state"], late["difference"]) == ("failing", "1")
    assert connection.execute(late["rows_to_look_at"]).fetchall()
    judged = connection.execute(
        "SELECT state FROM onetrading_sync.judgements WHERE check_name = 'late_facts'"
    ).fetchall()
    assert judged == [("failing",)]

    opened = run(env, "reopen", "2026-01", "--reason", "a late trade")
    assert opened.exit_code == 0 and "a late trade" in opened.stdout


def test_a_failing_check_is_shown_with_its_rows_and_can_be_acknowledged(
    connection: Connection, env: Mapping[str, str]
) -> None:
    connection.execute(
        "UPDATE onetrading_sync.coverage SET range = tstzrange(lower(range), '2026-01-20')"
    )
    connection.commit()
    for words in (["reconcile", "--month", "2026-01"], ["close", "2026-01"]):
        told = run(env, *words)
        assert told.exit_code == 4
        assert "not proven complete from 2026-01-20 00:00:00Z" in told.stdout
        query = told.stdout.partition("look at: ")[2].splitlines()[0]
        assert connection.execute(query.encode()).fetchall()
    assert not connection.execute("SELECT FROM onetrading.closes").fetchall()
    closed = run(env, "close", "2026-01", "--acknowledge", "coverage=served no more")
    assert closed.exit_code == 0, closed.output
    assert "acknowledged coverage: served no more" in closed.stdout


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["reconcile", "--month", "2026-13"], "is not a month"),
        (["close", "october"], "is not a month"),
        (["close", "2026-01-15"], "is not a month"),
        (["reopen", "2026-01"], "Missing option '--reason'"),
    ],
)
def test_what_is_mistyped_is_bad_usage(
    env: Mapping[str, str], words: list[str], fault: str
) -> None:
    told = run(env, *words)
    assert told.exit_code == 2 and fault in told.output


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["reconcile", "--zone", "Europe/Viena"], 'unknown time zone "Europe/Viena"'),
        (["reconcile", "--month", "2019-01"], "nothing is known of it"),
        (["close", "2026-01", "--acknowledge", "coverage"], "is not CHECK=REASON"),
        (["close", "2026-01", "--acknowledge", "covered=why"], "covered is no check"),
        (["reopen", "2026-01", "--reason", " "], "--reason is empty"),
    ],
)
def test_what_does_not_fit_the_database_says_so(
    connection: Connection, env: Mapping[str, str], words: list[str], fault: str
) -> None:
    connection.commit()
    error = run(env, *words).exception
    assert isinstance(error, SettingsError)
    assert fault in error.faults[0]


def test_a_month_that_is_not_locked_cannot_be_reopened(
    connection: Connection, env: Mapping[str, str]
) -> None:
    connection.commit()
    error = run(env, "reopen", "2026-02", "--reason", "why not").exception
    assert isinstance(error, CloseRefused) and "not locked" in str(error)
