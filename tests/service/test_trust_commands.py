"""`verify`, `reset`, `rejects` and `status --drift` as a user runs them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from exporter.cli import cli
from exporter.simulator import Simulator
from tests.support.facts import broken_claims, recounted, totals, truth
from tests.support.process import command
from tests.support.stored_snapshots import ask
from tests.support.sync_app import running
from tests.support.world import environment, exchange

ENOUGH = {"ONETRADING_REQUESTS_PER_MINUTE": "100000", "ONETRADING_STREAMS": "trades"}
RANGE = ("--stream", "trades", "--from", "2026-03-01", "--to", "2027-01-01")
OPEN = "SELECT count(*)::int FROM reporting.open_rejects"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


@pytest.fixture
def env(simulator: Simulator, tmp_path: Path, database_url: str) -> dict[str, str]:
    more = ENOUGH | {"DATABASE_URL": database_url, "ONETRADING_HISTORY_START": "2026-03-30"}
    return dict(environment(simulator, tmp_path, ("main",), more))


def run(env: Mapping[str, str], *words: str) -> Result:
    """A command in this process, as it parses and exits."""
    return CliRunner().invoke(cli, words, env=env)


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """The signals that a command handles are as before after a test."""
    caught = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1]
    before = {number: signal.getsignal(number) for number in caught}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def count(url: str, query: str) -> int:
    ((found,),) = ask(url, query)
    return int(found)


def test_verify_tells_by_its_exit_code_whether_something_differs(
    simulator: Simulator, env: dict[str, str], database_url: str
) -> None:
    simulator.set_faults(hidden_rate=0.3)
    assert run(env, "sync").exit_code == 0
    before = count(database_url, "SELECT count(*) FROM onetrading.trades")
    same = run(env, "verify", *RANGE)
    assert same.exit_code == 0, same.output
    assert f"{before} facts compared" in same.stdout
    assert "0 late, 0 changed, 0 vanished" in same.stdout
    assert "of the range is proven complete" in same.stdout

    simulator.set_faults(hidden_rate=0.1)
    late = run(env, "verify", *RANGE)
    assert late.exit_code == 4
    after = count(database_url, "SELECT count(*) FROM onetrading.trades")
    assert after > before
    assert f"{after - before} late, 0 changed, 0 vanished" in late.stdout
    assert "  late      2026-" in late.stdout

    simulator.set_faults(hidden_rate=0.3)
    assert "vanished" in (gone := run(env, "verify", *RANGE)).stdout
    assert gone.exit_code == 4
    assert count(database_url, "SELECT count(*) FROM onetrading.trades") == after
    simulator.set_faults(fail_paths={"/account/trades": 404})
    failed = run(env, "verify", *RANGE)
    assert failed.exit_code == 1
    assert "error: main/trades" in failed.stderr
    backwards = run(
        env, "verify", "--stream", "trades", "--from", "2026-03-02", "--to", "2026-03-01"
    )
    assert type(backwards.exception).__name__ == "SettingsError"  # exit 2
    assert run(env, "verify", "--stream", "balances", *RANGE[2:]).exit_code == 2


def test_reset_forgets_what_is_proven_and_keeps_the_facts(
    env: dict[str, str], database_url: str
) -> None:
    assert run(env, "sync").exit_code == 0
    facts = ask(database_url, "SELECT trade_id, first_seen_at FROM onetrading.trades ORDER BY 1")
    assert run(env, "verify", *RANGE).exit_code == 0
    part = ("--stream", "trades", "--from", "2026-03-30T06:00Z", "--to", "2026-03-30T12:00Z")
    done = run(env, "reset", *part)
    assert done.exit_code == 0, done.output
    assert "main/trades: forgot 2026-03-30T06:00:00.000000Z .. 2026-03-30T12:00" in done.stdout
    for table in ("coverage", "verified"):
        part_of = "tstzrange('2026-03-30 06:00Z', '2026-03-30 12:00Z')"
        left = f"SELECT count(*) FROM onetrading_sync.{table} WHERE range && {part_of}"  # noqa: S608
        assert count(database_url, left) == 0
    days = "SELECT count(*) FROM onetrading_sync.proven_days WHERE day = '2026-03-30'"
    assert count(database_url, days) == 0
    gaps = json.loads(run(env, "gaps", "--json").stdout)
    assert [gap["gap_start"][:16] for gap in gaps if not gap["is_tail"]] == ["2026-03-30T06:00"]
    again = run(env, "reset", *part)
    assert (again.exit_code, again.stdout) == (
        0,
        "main/trades: nothing of it was proven complete\n",
    )
    unknown = run(env, "reset", *part, "--scope", "BTC_USD_P")
    assert type(unknown.exception).__name__ == "SettingsError"

    assert run(env, "sync").exit_code == 0
    assert (
        ask(database_url, "SELECT trade_id, first_seen_at FROM onetrading.trades ORDER BY 1")
        == facts
    )
    assert [
        gap for gap in json.loads(run(env, "gaps", "--json").stdout) if not gap["is_tail"]
    ] == []
    assert count(database_url, days) == 1


def test_retry_loads_what_can_be_read_by_now(
    simulator: Simulator, env: dict[str, str], database_url: str
) -> None:
    """As if it had come now: counters, coverage, first_seen_at; what cannot be read stays."""
    assert run(env, "sync").exit_code == 0
    whole = ask(database_url, "SELECT trade_id::text FROM onetrading.trades ORDER BY 1")
    # An earlier version could read some trades less.
    ask(
        database_url,
        "WITH lost AS (DELETE FROM onetrading.trades WHERE left(trade_id::text, 1) < '5'"
        " RETURNING *)"
        " INSERT INTO onetrading_sync.rejects"
        " (account_id, stream, scope, record, record_hash, reason, key, happened_at)"
        " SELECT account_id, 'trades', '',"
        " onetrading.record_text(raw, record_page, record_ordinal, trade_id, order_id, sequence,"
        " traded_at, traded_at_nanos), row_hash,"
        " 'this version knows it not',"
        " jsonb_build_object('trade_id', trade_id), traded_at FROM lost RETURNING 1",
    )
    ask(
        database_url,
        "INSERT INTO onetrading_sync.rejects"
        " (account_id, stream, scope, record, record_hash, reason)"
        " SELECT account_id, stream, '', record, number, 'old reason' FROM onetrading.accounts,"
        ' (VALUES (\'trades\', \'{"trade": {"price": "a lot"}}\', 1),'
        " ('balances', '{\"currency_code\": 7}', 2), ('gone', '{}', 3))"
        " AS odd (stream, record, number) WHERE name = 'main' RETURNING 1",
    )
    ask(
        database_url,
        "DELETE FROM onetrading_sync.totals"
        " WHERE metric <> 'onetrading_last_trade_timestamp_seconds' RETURNING 1",
    )
    ask(database_url, "DELETE FROM onetrading_sync.counting RETURNING 1")
    with running(env) as app:
        (history,) = app.histories("main")
        assert history.open_counting() == "opened"  # without them
    assert count(database_url, "SELECT count(*) FROM onetrading.trades") < len(whole)
    for name in ("list", "retry"):
        refused = run(env, "rejects", name, "--account", "nope")
        assert type(refused.exception).__name__ == "SettingsError"
        assert "--account nope is not known; write one of: main, " in str(refused.exception)
    listed = json.loads(run(env, "rejects", "list", "--json").stdout)
    assert len(listed) == count(database_url, OPEN) > 3
    assert set(listed[0]) == {
        *("id", "stream", "account", "scope", "since", "reason", "key", "happened_at", "sample")
    }

    done = run(env, "rejects", "retry", "--json")
    assert done.exit_code == 4, done.output
    results = {row["id"]: row["result"] for row in json.loads(done.stdout)}
    assert list(results.values()).count("loaded") == len(listed) - 3
    assert ask(database_url, "SELECT trade_id::text FROM onetrading.trades ORDER BY 1") == whole
    left = ask(database_url, "SELECT stream, reason FROM reporting.open_rejects ORDER BY reject_id")
    assert [stream for stream, _ in left] == ["trades", "balances", "gone"]
    assert "trade_id" in left[0][1]
    assert left[1][1] == "old reason"
    with psycopg.connect(database_url) as connection:
        assert totals(connection) == recounted(connection)
        assert broken_claims(connection, truth(simulator, ("trades",)), simulator.now) == []
    ask(database_url, "DELETE FROM onetrading_sync.rejects WHERE resolved_at IS NULL RETURNING 1")
    assert run(env, "rejects", "retry").exit_code == 0


def test_a_token_in_an_old_reject_is_not_shown(
    simulator: Simulator, env: dict[str, str], database_url: str
) -> None:
    token = simulator.tokens["main"]
    assert command("migrate", env=env).returncode == 0
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO onetrading_sync.rejects (account_id, stream, scope, record, record_hash,"
            " reason, key) VALUES ('00000000-0000-0000-0000-000000000001', 'trades', '', %s, 1, %s,"
            " %s)",
            [f'{{"x": "{token}"}}', f"odd {token}", f'{{"trade_id": "{token}"}}'],
        )
    for words in (("list",), ("list", "--json"), ("retry",)):
        shown = run(env, "rejects", *words)
        assert token not in shown.output
        assert "trades" in shown.output


def test_drift_is_listed_with_a_sample_and_when_it_was_met(
    simulator: Simulator, env: dict[str, str], database_url: str
) -> None:
    simulator.set_faults(unknown_fields=True)
    assert run(env, "sync").exit_code == 0
    rows: list[dict[str, Any]] = json.loads(run(env, "status", "--drift", "--json").stdout)
    found = {(row["kind"], row["path"], row["sample"]) for row in rows}
    assert ("unknown_field", "trade.x_new_field", "") in found
    assert {row["hours"] for row in rows} == {1}
    ask(
        database_url,
        "UPDATE onetrading_sync.drift SET last_seen_at = now() - interval '61 minutes' RETURNING 1",
    )
    for _ in range(2):
        assert run(env, "verify", *RANGE).exit_code == 0
    rows = json.loads(run(env, "status", "--drift", "--json").stdout)
    assert {row["hours"] for row in rows} == {2}, "once an hour, however often"
    assert all(row["first_seen_at"] < row["last_seen_at"] for row in rows)


def test_sync_carries_the_lots_of_finished_months(
    simulator: Simulator, env: dict[str, str], database_url: str
) -> None:
    states = "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM onetrading_sync.carried"
    assert run(env, "sync").exit_code == 0
    assert ask(database_url, states) == []
    simulator.advance(86_400)  # into April
    assert run(env, "sync").exit_code == 0
    assert ask(database_url, states) == [("2026-04-01",)]
