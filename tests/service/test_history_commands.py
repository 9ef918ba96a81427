"""`sync`, `backfill`, `status` and `gaps` as processes, where not everything is served."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import Simulator
from tests.support.process import command, process_environment
from tests.support.stored_snapshots import ask
from tests.support.waiting import wait_until
from tests.support.world import environment, exchange

BAD = "ETH_USD_P"
REASON = "the exchange refuses it: 400 INVALID_INSTRUMENT_CODE"

ENOUGH = {"ONETRADING_REQUESTS_PER_MINUTE": "100000"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def rows_of(name: str, env: Mapping[str, str]) -> list[dict[str, Any]]:
    ended = command(name, "--json", env=env)
    assert ended.returncode == 0, ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def test_sync_fills_what_is_served_and_tells_the_rest(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, (), ENOUGH | {"DATABASE_URL": database_url})
    simulator.set_faults(refuse_instruments={BAD: 400})
    ended = command("sync", "--stream", "funding_history", env=env)
    assert ended.returncode == 0, ended.stderr
    assert f"public/funding_history (without {BAD}: {REASON})" in ended.stdout
    (stream,) = (row for row in rows_of("status", env) if row["stream"] == "funding_history")
    assert stream["unread"] == [{"scope": BAD, "reason": REASON}]
    assert stream["last_error"] is None
    assert f"{BAD} {REASON}" in command("status", env=env).stdout
    gaps = rows_of("gaps", env)
    assert {gap["scope"] for gap in gaps if gap["not_counted_because"] == REASON} == {BAD}
    assert not [g for g in gaps if not g["is_tail"] and g["not_counted_because"] is None]

    simulator.set_faults()
    ended = command("sync", "--stream", "funding_history", env=env)
    assert ended.returncode == 0
    assert "without" not in ended.stdout
    assert not [gap for gap in rows_of("gaps", env) if gap["not_counted_because"]]
    counts = ask(
        database_url,
        "SELECT count(*) FROM onetrading.funding_rates WHERE instrument_code IN"
        " ('BTC_USD_P', 'ETH_USD_P') GROUP BY instrument_code",
    )
    assert len(counts) == 2
    assert counts[0] == counts[1]


def test_sync_of_an_account_without_futures_succeeds(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, ("spot",), ENOUGH | {"DATABASE_URL": database_url})
    simulator.set_faults(no_futures="404")
    ended = command("sync", "--account", "spot", env=env)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = ended.stdout.splitlines()
    assert {"not permitted spot/positions", "ok            spot/trades"} <= set(told)
    unread = {row["stream"]: row["unread"] for row in rows_of("status", env)}
    assert unread["positions"] == [{"scope": "", "reason": "the account has no futures"}]
    # One account without futures keeps no other from being filled.
    more = environment(
        simulator, tmp_path, ("spot", "main"), {**ENOUGH, "DATABASE_URL": database_url}
    )
    ended = command("backfill", "--stream", "funding_payments", "--from", "2026-03-30", env=more)
    assert ended.returncode == 0, ended.stderr
    assert "spot/funding_payments: the account has no futures" in ended.stdout
    assert ask(database_url, "SELECT 1 FROM onetrading.funding_payments LIMIT 1")


def test_backfill_again_finds_late_rows(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, ("main",), ENOUGH | {"DATABASE_URL": database_url})
    simulator.set_faults(hidden_rate=0.3)
    assert command("sync", "--stream", "trades", env=env).returncode == 0
    simulator.set_faults()
    words = ("backfill", "--stream", "trades", "--from", "2026-03-01")
    plain = command(*words, env=env)
    assert plain.returncode == 0, plain.stderr
    ((before,),) = ask(database_url, "SELECT count(*) FROM onetrading.trades")
    dry = command(*words, "--again", "--dry-run", env=env)
    assert "0 windows" not in dry.stdout
    again = command(*words, "--again", env=env)
    assert again.returncode == 0, again.stderr
    ((after,),) = ask(database_url, "SELECT count(*) FROM onetrading.trades")
    assert after > before
    assert f"{after - before} new rows ({after - before} of them late)" in again.stdout


def test_a_backfill_of_orders_reads_first_what_is_open(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """A window need not show an order that is open: nobody would see it once it is closed."""
    env = environment(simulator, tmp_path, ("main",), ENOUGH | {"DATABASE_URL": database_url})
    words = ("backfill", "--stream", "orders", "--from", "2026-03-25")
    simulator.set_faults(refuse_tokens=["main"])
    refused = command(*words, env=env)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "error: main/orders: what is there now could not be read" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not ask(database_url, "SELECT 1 FROM onetrading_sync.coverage")
    simulator.set_faults()
    ended = command(*words, env=env)
    assert ended.returncode == 0, ended.stderr
    sent = [request for request in simulator.requests if request.path.endswith("account/orders")]
    assert ["from" in request.query for request in sent[:2]] == [False, True]
    truth = simulator.truth("orders", "main")
    expected = {row["order"]["order_id"] for row in truth if row["order"]["status"] == "OPEN"}
    stored = ask(database_url, "SELECT order_id::text FROM onetrading.orders WHERE is_open")
    assert {order_id for (order_id,) in stored} == expected
    assert expected


def test_a_sync_that_is_stopped_exits_1(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, ("main",), ENOUGH | {"DATABASE_URL": database_url})
    simulator.set_faults(latency_ms=1_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", "sync"],
        env=process_environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: len(simulator.requests) > 1, "it requests nothing")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "not all streams were read" in errors
