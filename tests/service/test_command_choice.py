"""What a command is told to work on is checked before Postgres is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.simulator import Simulator
from tests.support.process import command
from tests.support.terminal import Terminal, lines_of
from tests.support.waiting import wait_until
from tests.support.world import environment, exchange

EMBEDDED = {"DATABASE_URL": "embedded"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


RANGE = ("--from", "2026-03-01", "--to", "2026-03-02")
OF_TRADES = ("--stream", "trades")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sync", "--account", "nope"), "--account nope is not configured; write one of: main"),
        (("backfill", *OF_TRADES, *RANGE, "--account", "nope"), "--account nope is not configured"),
        (("verify", *OF_TRADES, *RANGE, "--account", "nope"), "--account nope is not configured"),
        (("reset", *OF_TRADES, *RANGE, "--account", "nope"), "--account nope is not configured"),
        (
            ("backfill", *OF_TRADES, *RANGE, "--account", "public"),
            "--stream trades is not read of the accounts that --account names, but of: main",
        ),
        (("backfill", "--stream", "candlesticks", *RANGE), "in ONETRADING_CANDLESTICKS"),
        (("backfill", *OF_TRADES, "--from", "2026-03-02", "--to", "2026-03-01"), "is not before"),
        (("backfill", *OF_TRADES, "--from", "2926-03-02"), "lies in the future"),
        (("backfill", *OF_TRADES, "--from", "yesterday"), "'yesterday' is not an ISO 8601 time"),
        (("verify", *OF_TRADES, "--from", "2926-03-02", "--to", "2926-03-03"), "in the future"),
        (("reset", *OF_TRADES, "--from", "2026-03-02", "--to", "2026-03-02"), "is not before"),
        (
            ("export", "trades", "--format=csv", "--out=-", "--from=2026-03-02", "--to=2026-03-01"),
            "--from is not before --to",
        ),
    ],
)
def test_a_wrong_choice_is_refused_before_postgres_starts(
    words: tuple[str, ...], told: str, simulator: Simulator, tmp_path: Path
) -> None:
    env = environment(simulator, tmp_path, ("main",), EMBEDDED)
    ended = command(*words, env=env)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data").exists()
    assert not simulator.requests


@pytest.mark.parametrize("name", ["backfill", "verify", "reset"])
def test_without_a_token_nothing_was_done(name: str, simulator: Simulator, tmp_path: Path) -> None:
    ended = command(name, *OF_TRADES, *RANGE, env=environment(simulator, tmp_path, (), EMBEDDED))
    assert ended.returncode == 2
    assert ended.stderr == "error: --stream trades needs a token; configure an account\n"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["run", "backfill"])
def test_a_history_cannot_start_in_the_future(
    name: str, simulator: Simulator, tmp_path: Path
) -> None:
    more = EMBEDDED | {"ONETRADING_HISTORY_START": "2926-01-01"}
    words = (*OF_TRADES, *RANGE) if name == "backfill" else ()
    ended = command(name, *words, env=environment(simulator, tmp_path, ("main",), more))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(
        "error: ONETRADING_HISTORY_START='2926-01-01' lies in the future"
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("gaps",),
        ("reconcile",),
        ("close", "2026-03"),
        ("rejects", "retry"),
        ("retention",),
        ("verify", *OF_TRADES, *RANGE),
        ("reset", *OF_TRADES, *RANGE),
    ],
)
def test_what_is_of_use_to_a_database_alone_creates_none(
    words: tuple[str, ...], simulator: Simulator, tmp_path: Path
) -> None:
    ended = command(*words, env=environment(simulator, tmp_path, ("main",), EMBEDDED))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "there is no database in" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_a_range_that_the_exchange_has_not_reached(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """Its time is in March; that of this machine is later."""
    env = environment(simulator, tmp_path, ("main",), {"DATABASE_URL": database_url})
    ended = command("backfill", *OF_TRADES, "--from", "2026-06-01", env=env)
    assert ended.returncode == 2
    assert "error: --from 2026-06-01T00:00:00Z is not before 2026-0" in ended.stderr
    assert "range lower bound" not in ended.stderr


def test_progress_before_the_first_page_and_log_lines_above_it(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    more = {"DATABASE_URL": database_url, "ONETRADING_LOG_FORMAT": "text"}
    env = environment(simulator, tmp_path, ("main",), more | {"ONETRADING_LOG_LEVEL": "debug"})
    env |= {"ONETRADING_REQUESTS_PER_MINUTE": "100000"}
    simulator.set_faults(latency_ms=500)
    found = Terminal("backfill", *OF_TRADES, "--from", "2026-03-25", env=env)
    try:
        wait_until(lambda: "main/trades  reading the first page  0:00:0" in found.text)
        simulator.set_faults()
        assert found.end() == 0
    finally:
        found.process.kill()
    lines = lines_of(found.text)
    assert [line for line in lines if "main/trades: " in line and "new rows" in line]
    assert [line for line in lines if line.startswith("[##########] main/trades 100.0%")]
    logged = [line for line in lines if " DEBUG " in line or " INFO " in line]
    assert len(logged) > 5
    assert [line for line in logged if not line.startswith("20")] == []
