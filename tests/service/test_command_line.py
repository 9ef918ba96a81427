"""The command line as people and unit files type it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
from click.testing import CliRunner

from exporter.cli import cli
from exporter.cli.command import PROGRAM
from tests.support.process import command, process_environment
from tests.support.waiting import wait_until


def test_an_interrupt_while_it_still_imports_is_quiet(tmp_path: Path) -> None:
    """Its imports take half a second, in which Python would tell where it was."""
    env = {"ONETRADING_DATA_DIR": str(tmp_path), "DATABASE_URL": "none"}
    # A shell that starts something in the background lets it ignore the signal.
    words = ["env", "--default-signal=INT", sys.executable, "-m", "exporter", "run"]
    with subprocess.Popen(
        words,
        env=process_environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
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


def test_help_fits_a_terminal_of_80_columns_and_cuts_nothing_off() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    assert "..." not in shown.partition("Service:")[2]
    assert max(len(line) for line in shown.splitlines()) <= 80
    listed = {
        line.split()[0] for line in shown.partition("Service:")[2].splitlines() if line[:2] == "  "
    }
    assert listed == set(cli.list_commands(click.Context(cli)))


def test_settings_stand_apart_from_what_a_command_has_of_its_own() -> None:
    shown = CliRunner().invoke(cli, ["backfill", "--help"]).output
    own, _, settings = shown.partition("\nSettings:\n")
    assert "--dry-run" in own
    assert "--config FILE" in settings
    assert "--history-start TIME" in settings
    assert "--config" not in own


def test_the_examples_of_the_help_are_understood() -> None:
    context, count = click.Context(cli), 0
    for name in cli.list_commands(context):
        found = cli.get_command(context, name)
        assert found is not None
        for line in (found.epilog or "").splitlines():
            words = shlex.split(line)
            if words[:1] == [PROGRAM]:
                assert words[1] == name
                with found.make_context(name, words[2:]):
                    count += 1
    assert count > 8


def test_completion_is_one_line() -> None:
    ended = command(env={"_ONETRADING_EXPORTER_COMPLETE": "bash_source"})
    assert ended.returncode == 0
    assert "complete -o nosort" in ended.stdout
