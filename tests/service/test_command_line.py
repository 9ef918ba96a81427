"""The command line as people and unit files type it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from exporter.cli import cli
from tests.support.process import command, process_environment
from tests.support.waiting import wait_until


def test_an_interrupt_while_it_still_imports_is_quiet(tmp_path: Path) -> None:
    """Its imports take half a second, in which Python would tell where it was."""
    env = {"ONETRADING_DATA_DIR": str(tmp_path), "DATABASE_URL": "none"}
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", "run"],
        env=process_environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    maps = Path(f"/proc/{process.pid}/maps")
    try:
        wait_until(
            lambda: process.poll() is not None or "msgspec" in maps.read_text(), every_s=0.002
        )
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "Traceback" not in errors
    assert "KeyboardInterrupt" not in errors
    assert process.returncode in (-signal.SIGINT, 130, 0)


def test_options_as_of_other_exporters(tmp_path: Path) -> None:
    missing = tmp_path / "web.yml"
    ended = command("run", "--web.listen-address=nowhere", f"--web.config.file={missing}")
    assert ended.returncode == 2
    told = ended.stderr.splitlines()
    assert [line for line in told if line.startswith("error: ONETRADING_LISTEN='nowhere' ")]
    assert [line for line in told if line.startswith(f"error: ONETRADING_WEB_CONFIG='{missing}' ")]


def test_a_web_config_that_the_service_would_not_start_with_is_2(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("tls_server_config: {")
    env = {
        "ONETRADING_WEB_CONFIG": str(file),
        "ONETRADING_BASE_URL": "http://127.0.0.1:1",
        "ONETRADING_DATA_DIR": str(tmp_path),
        "DATABASE_URL": "none",
    }
    for name in ("run", "check"):
        ended = command(name, env=env)
        assert ended.returncode == 2, ended.stderr
        assert "Traceback" not in ended.stderr


def test_no_option_is_nearly_another_one() -> None:
    for name in ("sync", "backfill", "verify", "reset"):
        shown = CliRunner().invoke(cli, [name, "--help"]).output
        assert "--stream " in shown
        assert "--streams" not in shown
        assert "ONETRADING_STREAMS" in shown
    assert "--streams" in CliRunner().invoke(cli, ["run", "--help"]).output
