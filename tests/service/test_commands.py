"""The command line as a process: exit codes, messages, `migrate`, `check` and `--help`."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner

from exporter.cli import cli
from exporter.settings import SETTINGS
from exporter.simulator import Simulator
from tests.support.process import ROOT, command
from tests.support.world import environment, exchange

PASSWORD = "pass-word-of-the-database"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


BAD = {
    "ONETRADING_BASE_URL": "ftp://example.org",
    "ONETRADING_API_TOKEN": "a secret token",
    "DATABASE_URL": f"mysql://user:{PASSWORD}@localhost/database",
    "ONETRADING_LISTEN": "nowhere",
    "ONETRADING_INTERVAL_BALANCES": "-5s",
    "ONETRADING_STREAMS": "balanes",
    "ONETRADING_REQUESTS_PER_MINUTE": "many",
    "ONETRADING_LOG_LEVEL": "loud",
}


@pytest.mark.parametrize("name", ["run", "migrate"])
def test_bad_settings_are_told_all_at_once(name: str) -> None:
    ended = command(name, env=BAD)
    assert ended.returncode == 2
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert [key for key in BAD if not [line for line in lines if key in line]] == []
    for secret in ("secret token", PASSWORD):
        assert secret not in ended.stderr


def test_a_taken_port_is_told(simulator: Simulator, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        more = {"ONETRADING_LISTEN": f"127.0.0.1:{port}"}
        ended = command("run", env=environment(simulator, tmp_path, more=more))
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    listening = f"ONETRADING_LISTEN: cannot listen on 127.0.0.1:{port} (Address already in use);"
    assert last.startswith(f"error: {listening}")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["nothing"], ["run", "--nothing"], ["backfill"]])
def test_bad_usage_is_2(arguments: list[str]) -> None:
    ended = command(*arguments)
    assert ended.returncode == 2
    assert "Usage:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_migrate(empty_database_url: str) -> None:
    env = {"DATABASE_URL": empty_database_url}
    pending = command("migrate", "--check", env=env)
    assert pending.returncode == 3
    names = re.findall(r"^pending: (.+)$", pending.stdout, re.MULTILINE)
    assert names == sorted(path.stem for path in (ROOT / "migrations").glob("*.sql"))
    printed = command("migrate", "--print", env=env)
    assert printed.returncode == 0
    assert [name for name in names if f"-- {name}\n" not in printed.stdout] == []
    applied = command("migrate", env=env)
    assert applied.returncode == 0
    assert re.findall(r"^applied: (.+)$", applied.stdout, re.MULTILINE) == names
    assert command("migrate", "--check", env=env).returncode == 0
    again = command("migrate", env=env)
    assert (again.returncode, again.stdout) == (0, "the schema is current\n")


def test_looking_at_migrations_makes_no_embedded_postgres(tmp_path: Path) -> None:
    data = tmp_path / "data"
    env = {"DATABASE_URL": "embedded", "ONETRADING_DATA_DIR": str(data)}
    pending = command("migrate", "--check", env=env)
    assert (pending.returncode, pending.stdout[:9]) == (3, "pending: ")
    printed = command("migrate", "--print", env=env)
    assert printed.returncode == 0
    assert "CREATE SCHEMA" in printed.stdout
    assert not data.exists()


def test_what_migrate_prints_does_the_same_by_hand(empty_database_url: str) -> None:
    env = {"DATABASE_URL": empty_database_url}
    printed = command("migrate", "--print", env=env).stdout
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(printed.encode())
    assert command("migrate", "--check", env=env).returncode == 0


def test_a_database_that_is_away_or_none(tmp_path: Path) -> None:
    url = f"postgresql://user:{PASSWORD}@127.0.0.1:1/nothing"
    env = {"DATABASE_URL": url, "ONETRADING_DATA_DIR": str(tmp_path)}
    outputs = []
    for name in ("migrate", "status"):
        away = command(name, env=env)
        assert away.returncode == 1
        assert "error: Postgres " in away.stderr
        none = command(name, env=env | {"DATABASE_URL": "none"})
        assert none.returncode == 2
        assert none.stderr.splitlines()[-1].startswith("error: DATABASE_URL is none")
        outputs += [away.stderr, none.stderr]
    assert not [text for text in outputs if PASSWORD in text or "Traceback" in text]


def test_check(simulator: Simulator, tmp_path: Path, database_url: str) -> None:
    env = environment(simulator, tmp_path, more={"DATABASE_URL": database_url})
    # The simulator stands still in March; its clock cannot agree with ours.
    good = command("check", env=env)
    lines = good.stdout.splitlines()
    assert [line for line in lines if not re.match(r"(OK  |FAIL) .+: .+", line)] == []
    assert [line for line in lines if line.startswith("FAIL")] == [
        line for line in lines if line.startswith("FAIL clock: ")
    ]
    assert good.returncode == 1
    expected = [
        "configuration: 3 accounts",
        f"exchange: {simulator.base_url}",
        "token of main for balances: permitted",
        "token of spot for positions: not permitted, as expected for an account without futures"
        " (account/futures/positions: 403: Permission denied.)",
        "database: schema current",
    ]
    assert [text for text in expected if f"OK   {text}" not in lines] == []
    assert [line for line in lines if line.startswith("OK   budget of main: ")]

    (tmp_path / "main").write_text("an.expired.token")
    bad = command("check", env=env | {"DATABASE_URL": "postgresql://u@127.0.0.1:1/nothing"})
    assert bad.returncode == 1
    lines = bad.stdout.splitlines()
    assert [line for line in lines if not re.match(r"(OK  |FAIL) .+: .+", line)] == []
    failed = [line for line in lines if line.startswith("FAIL")]
    assert [line for line in failed if line.startswith("FAIL token of main for balances: ")]
    assert [line for line in failed if line.startswith("FAIL database: Postgres ")]
    assert not [line for line in failed if "hedge" in line]
    for text in (good.stdout, good.stderr, bad.stdout, bad.stderr):
        assert "Traceback" not in text
        assert "an.expired.token" not in text
        assert not [token for token in simulator.tokens.values() if token in text]


def test_check_with_a_good_clock(tmp_path: Path) -> None:
    with Simulator(history_days=1) as simulator:
        good = command("check", env=environment(simulator, tmp_path))
    assert good.returncode == 0, good.stdout
    assert {line[:5] for line in good.stdout.splitlines()} == {"OK   "}
    assert "OK   database: none: metrics only" in good.stdout


def every_command() -> dict[str, click.Command]:
    """By how it is called; of a group its commands."""
    found: dict[str, click.Command] = {}
    context = click.Context(cli)
    for name in cli.list_commands(context):
        called = cli.get_command(context, name)
        assert called is not None
        if isinstance(called, click.Group):
            found |= {f"{name} {each}": one for each, one in called.commands.items()}
        else:
            found[name] = called
    return found


WITH_STREAMS = ("sync", "backfill", "verify", "reset", "rejects list", "rejects retry")
"""These have `--stream`, and no `--streams` beside it."""


@pytest.mark.parametrize("name", sorted(every_command()))
def test_help_shows_every_option_with_its_environment_twin_and_default(name: str) -> None:
    shown = CliRunner().invoke(cli, [*name.split(), "--help"])
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    options = [o for o in every_command()[name].params if isinstance(o, click.Option)]
    assert options
    described, _, others = text.partition("Other settings, which every command takes too")
    for option in options:
        assert option.help, option.opts[0]
        if option.hidden:
            assert isinstance(option.envvar, str)
            assert f" {option.opts[0]}," in others.replace(".", ",")
            continue
        assert option.opts[0] in described
        if isinstance(option.envvar, str):
            start = text.index(f"[env var: {option.envvar}; default: ")
            assert text[start:].partition("]")[0].partition("default: ")[2]
    if name not in ("demo", "init", "simulate"):
        twins = {option.envvar for option in options}
        shown_twins = {option.envvar for option in options if not option.hidden}
        groups = {setting.group for setting in SETTINGS if setting.name in shown_twins}
        in_environment_only = text.partition("Set in the environment or the file only: ")[2]
        assert groups > {"common"}
        for setting in SETTINGS:
            assert setting.name in twins or not setting.is_option or name in WITH_STREAMS
            if setting.group in groups:
                assert setting.name in twins or setting.name in in_environment_only


def synced(simulator: Simulator, folder: Path, url: str) -> tuple[int, str]:
    """Exit code and output of `sync` of the balances."""
    more = {"DATABASE_URL": url}
    env = environment(simulator, folder, accounts=("main",), more=more)
    ended = command("sync", "--stream", "balances", env=env)
    return ended.returncode, ended.stdout


def test_sync_fails_when_what_it_read_was_not_stored(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """It waits on disk, which the next one stores."""
    assert synced(simulator, tmp_path, database_url) == (0, "ok            main/balances\n")
    simulator.advance(600)
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE onetrading.snapshots IN ACCESS EXCLUSIVE MODE")
        assert synced(simulator, tmp_path, database_url) == (1, "not stored    main/balances\n")
    assert synced(simulator, tmp_path, database_url) == (0, "ok            main/balances\n")


def test_sync_fails_when_postgres_refuses_what_it_read(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE onetrading.balances ADD CHECK (available <> 13)")
    simulator.override_balance("main", "EUR", available="13")
    assert synced(simulator, tmp_path, database_url) == (1, "failed        main/balances\n")
    simulator.override_balance("main", "EUR")
    assert synced(simulator, tmp_path, database_url) == (0, "ok            main/balances\n")
