"""An account that is taken out of the configuration, by the service and by a command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.simulator import Simulator
from tests.support.process import command, running
from tests.support.waiting import wait_until
from tests.support.world import environment, exchange

LEFT = "SELECT name FROM onetrading.accounts WHERE left_at IS NOT NULL ORDER BY name"
CLOSING_DAYS = (
    "SELECT account, count(DISTINCT day), min(age) FILTER (WHERE estimated) > interval '10 minutes'"
    " FROM reporting.daily_closing_balances GROUP BY account ORDER BY account"
)
ONLY_MAIN = {"ONETRADING_STREAMS": "balances"}

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


def accounts_of(env: dict[str, str], *names: str) -> dict[str, str]:
    """The same environment with some of its accounts."""
    pairs = env["ONETRADING_ACCOUNTS"].split(",")
    chosen = [pair for pair in pairs if pair.partition("=")[0] in names]
    return env | {"ONETRADING_ACCOUNTS": ",".join(chosen)}


def test_closing_balances_end_with_the_account(
    simulator: Simulator, tmp_path: Path, database_url: str, connection: Connection
) -> None:
    """They end where it was last observed, and go on when it is back."""
    both = environment(simulator, tmp_path, more={"DATABASE_URL": database_url} | ONLY_MAIN)
    first, second, *_ = [pair.partition("=")[0] for pair in both["ONETRADING_ACCOUNTS"].split(",")]
    command("sync", env=accounts_of(both, first, second))
    assert rows(connection, LEFT) == []
    # At noon three days ago: long before the end of its day, whatever time it is now.
    connection.execute(
        "UPDATE onetrading.snapshots SET (first_observed_at, last_observed_at) = (noon, noon)"
        " FROM (SELECT date_trunc('day', now(), 'UTC') - interval '60 hours' AS noon) AS past"
    )
    days = sorted([(first, 4, True), (second, 4, True)])
    assert rows(connection, CLOSING_DAYS) == days
    command("sync", env=accounts_of(both, first))
    assert rows(connection, LEFT) == [(second,)]
    [ended] = [row for row in rows(connection, CLOSING_DAYS) if row[0] == second]
    assert ended == (second, 1, True)
    with running(accounts_of(both, first, second), tmp_path / "log"):
        wait_until(lambda: rows(connection, LEFT) == [], "the account is not back")


def test_what_another_process_reads_has_not_left(
    simulator: Simulator, tmp_path: Path, database_url: str, connection: Connection
) -> None:
    """Processes with different accounts may share a database."""
    both = environment(simulator, tmp_path, more={"DATABASE_URL": database_url} | ONLY_MAIN)
    first, second, *_ = [pair.partition("=")[0] for pair in both["ONETRADING_ACCOUNTS"].split(",")]
    held = "SELECT name FROM onetrading_sync.leases JOIN onetrading.accounts USING (account_id)"
    held += " WHERE expires_at > now()"
    with running(accounts_of(both, second), tmp_path / "log"):
        wait_until(lambda: rows(connection, held) == [(second,)], "no lease")
        command("sync", env=accounts_of(both, first))
        assert (second,) not in rows(connection, LEFT)
    connection.execute("UPDATE onetrading_sync.leases SET expires_at = now()")
    command("sync", env=accounts_of(both, first))
    assert rows(connection, LEFT) == [(second,)]
