"""The command line as people and unit files type it."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from exporter.cli import cli
from exporter.cli.command import PROGRAM
from exporter.settings import SETTINGS
from tests.support.process import command, finished, process_environment
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


def test_faults_of_the_web_config_stand_beside_all_others(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("basic_auth_users: {me: secret}\nnonsense: 1\n")
    env = {"ONETRADING_WEB_CONFIG": str(file), "ONETRADING_LISTEN": "nowhere", "ONETRADING_X": "1"}
    for name in ("run", "check"):
        ended = command(name, env=env)
        assert (ended.returncode, ended.stdout) == (2, "")
        told = ended.stderr.splitlines()
        assert [line.partition(": ")[0] for line in told] == ["error"] * 4, told
        assert [line for line in told if "ONETRADING_LISTEN='nowhere'" in line]
        assert [line for line in told if "ONETRADING_X is not a setting" in line]
        assert len([line for line in told if "error: ONETRADING_WEB_CONFIG: " in line]) == 2
        assert "secret" not in ended.stderr
    # These serve nothing, and may not even be able to read it.
    assert "ONETRADING_WEB_CONFIG" not in command("status", env=env).stderr


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
    commands = shown.partition("Service:")[2].partition("Settings:")[0]
    listed = {line.split()[0] for line in commands.splitlines() if line[:2] == "  "}
    assert listed == set(cli.list_commands(click.Context(cli)))
    for words, command_found in leaves():
        shown = CliRunner().invoke(cli, [*words, "--help"], terminal_width=80).output
        assert max(len(line) for line in shown.splitlines()) <= 80, words
        listed_options = shown.partition("\nOptions:\n")[2]
        for option in command_found.params:
            if isinstance(option, click.Option):
                assert option.opts[0] in listed_options, (words, option)


def leaves() -> Iterator[tuple[list[str], click.Command]]:
    """Every command that does something, with the words that call it."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        found = cli.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from (([name, each], sub) for each, sub in found.commands.items())
        else:
            yield [name], found


MATTERING: dict[str, set[str]] = {
    "health": {"common", "server"},
    "status": {"common", "database"},
    "gaps": {"common", "database"},
    "migrate": {"common", "database"},
    "retention": {"common", "database", "retention"},
    "run": {str(setting.group) for setting in SETTINGS} - {"datev"},
    "export": {"common", "database", "reports", "datev"},
}


@pytest.mark.parametrize("name", MATTERING)
def test_a_command_describes_the_settings_that_matter_to_it(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"], terminal_width=100).output
    described, _, others = shown.partition("Other settings, which every command takes")
    others = others.partition("Examples:")[0]
    for setting in SETTINGS:
        if setting.group not in MATTERING[name]:
            assert f"env var: {setting.name};" not in re.sub(r"\s+", " ", described)
            assert not setting.is_option or f"{setting.flag}" in others
        else:
            assert setting.name.partition("<")[0] in described
            if setting.is_option:
                assert f"\n  {setting.flag}" in described
                assert f"default: {setting.default[:4]}" in re.sub(r"\s+", " ", described)


def test_account_chooses_an_account_and_nothing_else() -> None:
    for words, found in leaves():
        options = [option for option in found.params if "--account" in option.opts]
        if options:
            (option,) = options
            assert (option.name, option.multiple, option.envvar) == ("accounts", True, None), words
            continue
        refused = CliRunner().invoke(cli, [*words, "--account", "desk"])
        assert refused.exit_code == 2
        assert "No such option: --account. It chooses among the accounts" in refused.output
        assert "--account-name, or ONETRADING_ACCOUNT" in refused.output
    for words, told in (
        (["run", "--stream", "x"], "--streams,"),
        (["sync", "--streams", "x"], "--stream NAME"),
    ):
        assert told in CliRunner().invoke(cli, words).output


def test_the_name_of_the_single_account_is_an_option(tmp_path: Path) -> None:
    env = {"ONETRADING_API_TOKEN": "token", "ONETRADING_DATA_DIR": str(tmp_path)}
    env |= {"DATABASE_URL": "none", "ONETRADING_BASE_URL": "http://127.0.0.1:1"}
    told = command("check", "--account-name", "desk", env=env).stdout
    assert "FAIL token of desk" in told
    refused = command(
        "export", "trades", "--format=csv", "--out=-", *2 * ("--account", "a"), env=env
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "error: --account is there more than once; export one at a time, or all without it\n"
    )


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
        for line in (found.epilog or "").replace("\\\n", " ").splitlines():
            words = shlex.split(line)
            if words[:1] == [PROGRAM]:
                assert words[1] == name
                with found.make_context(name, words[2:]):
                    count += 1
    assert count > 8


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("--help > /dev/full", 1, "error: could not write the output: No space left on device\n"),
        ("--help | true; exit ${PIPESTATUS[0]}", 1, ""),
        ("--help >&-", 0, ""),
    ],
)
def test_an_output_that_nobody_can_take(words: str, code: int, told: str) -> None:
    program = shlex.join([sys.executable, "-m", "exporter"])
    ended = finished("bash", "-c", f"{program} {words}", env=process_environment({}))
    assert (ended.returncode, ended.stderr) == (code, told)


def test_completion_is_one_line() -> None:
    ended = command(env={"_ONETRADING_EXPORTER_COMPLETE": "bash_source"})
    assert ended.returncode == 0
    assert "complete -o nosort" in ended.stdout
