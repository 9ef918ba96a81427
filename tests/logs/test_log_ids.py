"""The log of the real service: the context of each line, and the level from which lines appear."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest

from exporter.simulator import Simulator
from tests.support.postgres import fresh_database
from tests.support.process import Run, process_environment, running
from tests.support.waiting import wait_until
from tests.support.world import ACCOUNTS, environment, exchange

# Work on a stream is done in these packages and nowhere else.
OF_STREAMS = ("exporter.sync", "exporter.api")
FAULTS = {"error_rate": 0.1, "garbage_rate": 0.05, "drop_rate": 0.05, "bad_record_rate": 0.05}

Line = dict[str, Any]


class Recorded(NamedTuple):
    """What a run with faults has logged, and what Postgres has of it."""

    lines: list[Line]
    text: str
    runs: dict[int, tuple[str, str, str, int]]
    secrets: list[str]

    def named(self, message: str) -> list[Line]:
        """The lines of one message."""
        return [line for line in self.lines if line["message"] == message]

    @property
    def requests(self) -> list[Line]:
        """A line for each attempt."""
        return [line for line in self.lines if "method" in line]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Recorded]:
    """A service at debug level that meets every kind of fault while it reads two days of history.

    Each line is parsed by itself: nothing was joined or lost.
    """
    folder = tmp_path_factory.mktemp("logs")
    with exchange() as simulator, fresh_database(postgres_url) as url:
        simulator.set_faults(**FAULTS)
        more = {
            "DATABASE_URL": url,
            "ONETRADING_LOG_LEVEL": "debug",
            "ONETRADING_LOG_FORMAT": "json",
            "ONETRADING_HISTORY_START": "2026-03-30T00:00:00Z",
            "ONETRADING_REQUESTS_PER_MINUTE": "2000",
            "ONETRADING_INTERVAL_BALANCES": "300ms",
            "ONETRADING_INTERVAL_TRADES": "500ms",
        }
        env = environment(simulator, folder, more=more)
        with running(env, folder / "log") as run:
            run.wait_until(lambda: run.log.count('"history is complete"') >= 3, "no history")
            run.wait_until(lambda: run.log.count('"method"') > 100, "too few requests")
            simulator.set_faults(refuse_tokens=["hedge"], error_rate=0.1)
            run.wait_until(lambda: "(auth)" in run.log, "no refusal")
            code, _ = run.terminate()
        assert code == 0
        runs = stored_runs(url)
        secrets = [part for token in simulator.tokens.values() for part in token.split(".")[1:]]
        secrets += [urlsplit(url).password or "no password", *simulator.tokens.values()]
        lines = [json.loads(line) for line in run.log.splitlines()]
        yield Recorded(lines, run.log, runs, secrets)


def stored_runs(url: str) -> dict[int, tuple[str, str, str, int]]:
    """Account, stream, scope and pages of each recorded walk."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT run_id, name, stream, scope, pages FROM onetrading_sync.runs"
            " JOIN onetrading.accounts USING (account_id)"
        ).fetchall()
    return {run_id: (name, stream, scope, pages) for run_id, name, stream, scope, pages in rows}


def test_every_line_about_a_stream_says_which_and_in_which_run(recorded: Recorded) -> None:
    of_streams = [line for line in recorded.lines if line["logger"].startswith(OF_STREAMS)]
    assert len(of_streams) > 100
    for line in of_streams:
        assert {"account", "stream", "run"} <= set(line), line
        assert line["account"] in (*ACCOUNTS, "public")
    others = [line for line in recorded.lines if not line["logger"].startswith(OF_STREAMS)]
    assert {line["logger"] for line in others} >= {"exporter.service", "exporter.store.database"}
    for line in others:
        assert line["logger"].startswith("exporter.scheduler") or "stream" not in line, line
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{6}Z", line["time"]) for line in recorded.lines)


def test_the_lines_of_a_walk_lead_to_its_row_and_back(recorded: Recorded) -> None:
    committed = recorded.named("committed")
    assert {line["lane"] for line in committed} == {"tail", "backfill"}
    pages: Counter[int] = Counter()
    for line in committed:
        run_id = int(line["run"])
        account, stream, scope, _ = recorded.runs[run_id]
        assert (line["account"], line["stream"], line.get("scope", "")) == (account, stream, scope)
        assert line["run_id"] == run_id
        pages[run_id] += line["pages"]
    assert pages == {run_id: row[3] for run_id, row in recorded.runs.items()}
    # Its requests carry the same number, although they were made before the row existed.
    requests = Counter(int(line["run"]) for line in recorded.requests if line["run"].isdecimal())
    assert all(requests[run_id] >= count for run_id, count in pages.items())
    # Only a walk that never got a page has no row.
    for run_id in requests.keys() - recorded.runs.keys():
        outcomes = [line for line in recorded.requests if line["run"] == str(run_id)]
        assert all("error" in line for line in outcomes) or len(outcomes) == 1


def test_a_request_is_named_once_and_a_failure_names_its_last(recorded: Recorded) -> None:
    names = Counter(line["request"] for line in recorded.requests)
    assert len(names) > 100
    assert set(names.values()) == {1}
    by_name = {line["request"]: line for line in recorded.requests}
    begin, *_, end = (datetime.fromisoformat(line["time"]) for line in recorded.lines)
    # The first requests are older than the first line, and none is slower than all of the run.
    most_s = (end - begin).total_seconds()
    for line in recorded.requests:
        assert line["method"] == "GET"
        assert line["endpoint"]
        assert 0 < line["duration_s"] < most_s
        assert line["status"] in {"timeout", "connection"} or line["bytes"] > 0
    failed = [line for line in recorded.lines if line["message"].startswith("failed (")]
    assert {line["error"]["reason"] for line in failed} >= {"auth", "permission"}
    for line in failed:
        if "request" in line:
            request = by_name[line["request"]]
            assert request["error"]["message"] == line["error"]["message"]
            assert (request["account"], request["stream"]) == (line["account"], line["stream"])
    assert any("request" in line for line in failed)


def test_a_failure_is_one_line(recorded: Recorded) -> None:
    loud = [line for line in recorded.lines if line["level"] in ("warning", "error", "critical")]
    assert loud
    repeated = Counter((line["request"], line["message"]) for line in loud if "request" in line)
    assert not {line: times for line, times in repeated.items() if times > 1}
    assert not [line for line in recorded.lines if "traceback" in line]
    assert not [line for line in recorded.lines if not line["logger"].startswith("exporter.")]


def test_nothing_secret_is_in_the_log_at_debug_level(recorded: Recorded) -> None:
    assert all(len(secret) >= 8 for secret in recorded.secrets)
    assert not [secret for secret in recorded.secrets if secret in recorded.text]
    assert not re.search("authorization|bearer ", recorded.text, re.IGNORECASE)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def levels(run: Run) -> list[str]:
    """The changes of level that the process logged, as `before>after`."""
    changes = re.findall(r"log level changed from (\w+) to (\w+)", run.log)
    return [f"{before}>{after}" for before, after in changes]


def test_signals_and_the_file_change_the_level_of_a_running_service(
    simulator: Simulator, tmp_path: Path
) -> None:
    file = tmp_path / "level"
    more = {
        "ONETRADING_LOG_LEVEL_FILE": str(file),
        "ONETRADING_INTERVAL_BALANCES": "200ms",
        "ONETRADING_LOG_FORMAT": "json",
    }
    env = environment(simulator, tmp_path, accounts=("main",), more=more)
    expected: list[str] = []
    with running(env, tmp_path / "log") as run:

        def becomes(change: str) -> None:
            expected.append(change)
            run.wait_until(lambda: levels(run) == expected, f"never {change}")

        run.wait_until_ready()
        assert '"debug"' not in run.log
        run.process.send_signal(signal.SIGUSR1)
        becomes("info>debug")
        run.wait_until(lambda: '"method"' in run.log, "no line at debug")
        run.process.send_signal(signal.SIGUSR1)
        becomes("debug>info")
        file.write_text("loud")
        run.wait_until(lambda: "does not contain one of" in run.log, "the fault is not logged")
        file.write_text("debug")
        becomes("info>debug")
        run.process.send_signal(signal.SIGHUP)
        run.wait_until(lambda: "SIGHUP: nothing to do" in run.log, "SIGHUP is not logged")
        file.write_text("critical")
        becomes("debug>critical")
        quiet = len(run.log)
        simulator.set_faults(error_rate=1)
        time.sleep(0.6)
        assert len(run.log) == quiet
        file.unlink()
        becomes("critical>info")
        assert run.log.count("does not contain one of") == 1
        assert run.get("/-/healthy").status == 200
        assert run.terminate()[0] == 0
    assert json.loads(run.log.splitlines()[-1])["message"] == "stopped"


@pytest.mark.parametrize("closed", [True, False])
def test_sighup_ends_what_runs_in_a_terminal_only_when_that_was_closed(
    closed: bool, tmp_path: Path
) -> None:
    controlling, terminal = pty.openpty()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # A new session, whose terminal this one becomes.
            [sys.executable, "-c", _IN_TERMINAL],
            env=process_environment({}),
            stdin=terminal,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    os.close(terminal)
    try:
        wait_until(lambda: "ready" in log.read_text(), log.read_text)
        if closed:
            os.close(controlling)
        else:
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: "SIGHUP: nothing to do" in log.read_text(), log.read_text)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if not closed:
            os.close(controlling)
    assert ("SIGHUP: stopping" in log.read_text()) == closed


_IN_TERMINAL = """
import fcntl, termios, threading
from exporter import logs
from exporter.signals import catch_signals

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
logs.configure("text", "info")
stop = threading.Event()
catch_signals(stop)
print("ready", flush=True)
stop.wait()
"""
