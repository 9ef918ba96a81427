"""`init`: files that work, a token that nobody else reads, and nothing overwritten."""

from __future__ import annotations

import os
import pty
import re
import select
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exporter.cli import first_files
from exporter.settings import load
from exporter.simulator import Simulator
from exporter.streams import STREAMS
from tests.support.process import ROOT, command, finished, process_environment
from tests.support.tools import tool

NAMES = ("exporter.toml", "onetrading-exporter.service", "prometheus.yml", "token")


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator(history_days=1) as simulator:
        yield simulator


def given(folder: Path, exchange: Simulator, *more: str) -> list[str]:
    return [
        *("init", "--directory", str(folder / "etc"), "--data-dir", str(folder / "data")),
        *("--base-url", exchange.base_url, "--listen", "127.0.0.1:9977"),
        *("--database-url", "none", *more),
    ]


@pytest.fixture
def token(tmp_path: Path, exchange: Simulator) -> Path:
    file = tmp_path / "given"
    file.write_text(f"{exchange.tokens['main']}\n")
    return file


def test_it_writes_files_that_work_and_checks_them(
    tmp_path: Path, exchange: Simulator, token: Path
) -> None:
    done = command(*given(tmp_path, exchange, "--token-file", str(token), "--account-name", "desk"))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    folder = tmp_path / "etc"
    assert tuple(sorted(path.name for path in folder.iterdir())) == NAMES
    assert "token of desk for balances: permitted" in done.stdout
    assert "FAIL" not in done.stdout
    assert f"onetrading-exporter run --config {folder}/exporter.toml" in done.stdout
    assert exchange.tokens["main"] not in done.stdout
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in NAMES}
    assert modes == {
        **dict.fromkeys(("exporter.toml", "token"), 0o600),
        **dict.fromkeys(("onetrading-exporter.service", "prometheus.yml"), 0o644),
    }
    settings = load(
        {"ONETRADING_CONFIG": str(folder / "exporter.toml")},
        stream_names=[stream.name for stream in STREAMS],
    )
    (account,) = settings.accounts
    assert (account.name, account.token.path) == ("desk", folder / "token")
    assert account.token.get() == exchange.tokens["main"]
    assert (settings.base_url, settings.data_dir) == (exchange.base_url, tmp_path / "data")
    snippet = yaml.safe_load((folder / "prometheus.yml").read_text())
    assert snippet["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:9977"]
    assert list(Path("/").glob(snippet["rule_files"][0].lstrip("/")))
    checked = finished(tool("promtool", "prometheus"), "check", "config", folder / "prometheus.yml")
    assert checked.returncode == 0, checked.stderr


def test_nothing_is_overwritten_without_force(
    tmp_path: Path, exchange: Simulator, token: Path
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "token").write_text("old")
    (folder / "prometheus.yml").symlink_to(tmp_path / "nowhere")
    arguments = given(tmp_path, exchange, "--token-file", str(token), "--no-check")
    refused = command(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        f"error: {folder / name} exists; --force overwrites it"
        for name in ("prometheus.yml", "token")
    ]
    assert (folder / "token").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == ["prometheus.yml", "token"]
    done = command(*arguments, "--force")
    assert done.returncode == 0, done.stderr
    assert (folder / "token").read_text().strip() == exchange.tokens["main"]
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert not (folder / "prometheus.yml").is_symlink()
    assert not (tmp_path / "nowhere").exists()


def test_a_refused_token_is_told_at_the_end(tmp_path: Path, exchange: Simulator) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong-token")
    done = command(*given(tmp_path, exchange, "--token-file", str(wrong)))
    assert done.returncode == 1
    assert "FAIL token of main for balances" in done.stdout
    assert f"check --config {tmp_path}/etc/exporter.toml" in done.stderr
    assert "wrong-token" not in done.stdout + done.stderr
    assert (tmp_path / "etc" / "token").is_file()


def test_faults_name_options_and_leave_nothing_behind(tmp_path: Path, exchange: Simulator) -> None:
    odd = tmp_path / "odd"
    odd.write_text("two words")
    for more, told in (
        (["--token-file", str(odd)], "--token-file .*odd: the token contains a space"),
        (["--token-file", str(tmp_path / "missing")], "No such file"),
        (["--no-token", "--account-name", "a b"], "--account-name"),
        (["--no-token", "--listen", "nowhere"], "--listen"),
        (["--no-token", "--history-start", "soon"], "--history-start"),
        ([], "give --token-file, or --no-token"),
    ):
        done = command(*given(tmp_path, exchange, *more))
        assert done.returncode == 2, more
        assert re.search(told, done.stderr), done.stderr
        assert "two words" not in done.stderr
        assert not (tmp_path / "etc").exists()
        assert not (tmp_path / "data").exists()


def test_without_a_token_it_reads_public_markets(tmp_path: Path, exchange: Simulator) -> None:
    done = command(*given(tmp_path, exchange, "--no-token", "--no-check"))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "etc" / "token").exists()
    assert "api_token" not in (tmp_path / "etc" / "exporter.toml").read_text()


def test_it_asks_for_the_token_and_does_not_show_it(tmp_path: Path, exchange: Simulator) -> None:
    ours, theirs = pty.openpty()
    arguments = given(tmp_path, exchange, "--no-check")
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=ROOT,
        env=process_environment({}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = read_until(ours, b"not shown): ")
        os.write(ours, f"{exchange.tokens['main']}\n".encode())
        shown += read_until(ours, b"For Prometheus")
        assert process.wait(30) == 0
    os.close(ours)
    assert b"futures subaccount" in shown
    assert exchange.tokens["main"].encode() not in shown
    assert (tmp_path / "etc" / "token").read_text().strip() == exchange.tokens["main"]


def read_until(terminal: int, end: bytes) -> bytes:
    shown = b""
    while end not in shown:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, shown.decode()
        shown += os.read(terminal, 4096)
    return shown


@pytest.mark.parametrize("user", ["root", "daemon"])
def test_systemd_takes_the_unit(tmp_path: Path, user: str) -> None:
    folder = tmp_path / "100% mine $HOME"
    folder.mkdir()
    text = first_files.unit(
        user=user,
        command=(sys.executable, "-m", "exporter"),
        files=(folder / "exporter.toml", folder / "token"),
        data_dir=folder,
    )
    unit = tmp_path / "onetrading-exporter.service"
    unit.write_text(text)
    verified = finished(tool("systemd-analyze", "systemd"), "verify", "--man=no", unit)
    ours = [line for line in verified.stderr.splitlines() if unit.name in line]
    assert ours == [], text
    documented = (ROOT / "docs" / "systemd" / unit.name).read_text()
    hardening = documented[documented.index("UMask=") : documented.index("[Install]")]
    hardened = {line for line in hardening.splitlines() if "=" in line and line[0] != "#"}
    assert hardened - set(text.splitlines()) == {"ProtectHome=yes"}
    assert "ProtectHome=read-only" in text.splitlines()
    assert ("LoadCredential=token:" in text) == (user == "root")
    assert ("User=daemon" in text) == (user == "daemon")
