"""`demo` as a process: what it refuses before it deletes anything, and what it prints."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.store.embedded import running_url
from tests.support.embedded import (
    alive,
    execute,
    first_line,
    other_process,
    server_in,
    value,
)
from tests.support.fork_server import start
from tests.support.ports import unused_port
from tests.support.postgres import postmaster_pid
from tests.support.process import ROOT, command, finished, process_environment
from tests.support.waiting import wait_until

SMALL = ("--history-days", "1")


class Demo:
    """A demo in the background."""

    def __init__(self, folder: Path, listen: str, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = start(
                *("demo", *SMALL, "--listen", listen, "--data-dir", str(folder)),
                env=process_environment(env),
                stdout=output,
                stderr=output,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def url(self) -> str:
        """The URL of its database, once that accepts connections."""
        wait_until(
            lambda: self.process.poll() is not None or running_url(self.folder / "demo"),
            lambda: self.text,
            within_s=90,
        )
        found = running_url(self.folder / "demo")
        assert found, self.text
        return found


@contextmanager
def demo(folder: Path, listen: str, env: Mapping[str, str] | None = None) -> Iterator[Demo]:
    running = Demo(folder, listen, env or {})
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def listen() -> str:
    return f"127.0.0.1:{unused_port()}"


def test_a_second_demo_touches_nothing_of_the_first(open_path: Path, listen: str) -> None:
    with demo(open_path, listen) as first:
        url = first.url()
        execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        pid = postmaster_pid(open_path / "demo")
        again = ("demo", "--data-dir", str(open_path), *SMALL, "--listen")
        taken = command(*again, listen)
        assert taken.returncode == 2
        assert taken.stderr.startswith(f"error: --listen: cannot listen on {listen}")
        in_use = command(*again, "127.0.0.1:0")
        assert in_use.returncode == 2
        assert f"error: {open_path / 'demo'} is in use" in in_use.stderr
        assert "--data-dir" in in_use.stderr
        for refused in (taken, in_use):
            assert "ONETRADING_" not in refused.stderr
            assert refused.stdout == ""
        assert postmaster_pid(open_path / "demo") == pid
        assert value(url, "SELECT answer FROM kept") == 42
        assert first.process.poll() is None


def test_a_killed_demo_leaves_a_lock_that_the_next_one_waits_for(
    open_path: Path, listen: str
) -> None:
    """Its server is about to end, and holds the lock until then."""
    folder = open_path / "demo"
    with other_process(folder) as killed:
        execute(first_line(killed), "CREATE TABLE kept AS SELECT 42 AS answer")
        (folder / ".demo").touch()
        pid = postmaster_pid(folder)
        killed.kill()
    with demo(open_path, listen) as found:
        wait_until(lambda: not alive(pid))
        assert value(found.url(), "SELECT to_regclass('kept') IS NULL") is True
        found.process.send_signal(signal.SIGTERM)
        assert found.process.wait(30) == 0
        assert "Traceback" not in found.text


def test_a_demo_is_not_misled_by_the_environment(open_path: Path, listen: str) -> None:
    """Nor is the reader who copies what it prints into the same shell."""
    env = {"PGSERVICE": "other", "PGSSLMODE": "verify-full", "ONETRADING_LISTEN": "nonsense"}
    env |= {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "ftp://nowhere"}
    env |= {"SSL_CERT_FILE": "/missing", "SSLKEYLOGFILE": "/missing/keys"}
    with demo(open_path, listen, env) as found:
        url = found.url()
        assert value(url, "SELECT 1") == 1
        wait_until(lambda: "psql '" in found.text, lambda: found.text, within_s=90)
        assert f"env -u PGSERVICE -u PGSSLMODE psql '{url}'" in found.text
        wait_until(lambda: "Press Ctrl-C" in found.text, lambda: found.text)
        check_what_it_says(found.text, url)


def check_what_it_says(text: str, url: str) -> None:
    """Warnings are explained before they come, and the queries hold from the first moment."""
    first_warning = text.find("WARNING")
    assert 0 <= text.index("`spot` has no futures") < (first_warning % (len(text) + 1))
    queries = re.findall(r"^  (SELECT .*?;)", text, re.MULTILINE | re.DOTALL)
    assert len(queries) == 3
    for query in queries:
        execute(url, query)


def test_make_hands_options_to_the_demo() -> None:
    made = finished(
        "make", "--dry-run", "--no-print-directory", "demo", "ARGS=--listen h:1", cwd=ROOT
    )
    assert made.stdout.splitlines()[-1].endswith("onetrading-exporter demo --listen h:1")


@pytest.mark.parametrize("theirs", ["letter.txt", "postgres"])
def test_what_no_demo_made_is_not_deleted(open_path: Path, theirs: str) -> None:
    """A directory that happens to be called demo, or the data of a service."""
    folder = open_path / "demo"
    if theirs == "postgres":
        with server_in(folder) as server:
            execute(server.ensure(), "CREATE TABLE kept AS SELECT 42 AS answer")
    else:
        folder.mkdir()
        (folder / theirs).write_text("dear")
    refused = command("demo", "--data-dir", str(open_path), "--listen", "127.0.0.1:0")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {folder / theirs} was not made by a demo")
    assert (folder / theirs).exists()
    if theirs == "postgres":
        with server_in(folder) as server:
            assert value(server.ensure(), "SELECT answer FROM kept") == 42


def test_a_demo_beside_a_service_in_its_directory_is_refused(open_path: Path) -> None:
    with server_in(open_path / "demo") as server:
        url = server.ensure()
        refused = command("demo", "--data-dir", str(open_path), "--listen", "127.0.0.1:0")
        assert refused.returncode == 2
        assert "is in use" in refused.stderr
        assert value(url, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--listen", "nowhere"), "--listen"),
        (("--data-dir", "/dev/null/there"), "--data-dir"),
        (("--faults", "nonsense"), "--faults"),
    ],
)
def test_errors_name_the_options_of_the_demo(arguments: tuple[str, ...], told: str) -> None:
    refused = command("demo", *arguments)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert "ONETRADING_" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_of_the_simulated_exchange_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = command("simulate", *SMALL, "--listen", address, "--tokens", str(tmp_path / "t"))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: --listen {address}: Address already in use")
    assert not (tmp_path / "t").exists()
    nowhere = command("simulate", *SMALL, "--listen", "nowhere")
    assert nowhere.returncode == 2
    assert nowhere.stderr.startswith("error: --listen nowhere is not host:port; write for example")
