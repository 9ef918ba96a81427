"""`init`: the first files of an exporter, then `check`."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import click
import platformdirs

from exporter.cli import first_files
from exporter.cli.command import Command
from exporter.cli.options import PUBLIC_STREAM_NAMES, STREAM_NAMES
from exporter.model.errors import SettingsError
from exporter.settings import Secret, Settings, load

_PRIVATE, _PUBLIC = 0o600, 0o644
_ROOT = "root"
_OPTION_OF = {
    "ONETRADING_ACCOUNT": "--account-name",
    "ONETRADING_BASE_URL": "--base-url",
    "DATABASE_URL": "--database-url",
    "ONETRADING_HISTORY_START": "--history-start",
    "ONETRADING_LISTEN": "--listen",
    "ONETRADING_DATA_DIR": "--data-dir",
}
_ABOUT_TOKENS = """\
A token is made at the exchange, under Profile, Accounts, API: with the scope Read only,
confirmed by e-mail, and shown once. Futures need the token of a futures subaccount. If
you give the token a list of IP addresses, the one of this machine must be in it."""


@click.command("init", cls=Command)
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the files go.  [default: /etc/onetrading for root, else the user's configuration"
    " directory]",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to take the token from instead of asking for it; - is standard input.",
)
@click.option("--no-token", is_flag=True, help="Set up an exporter of public markets only.")
@click.option(
    "--account-name",
    "account",
    default="main",
    show_default=True,
    metavar="NAME",
    help="Name of the account, a metric label.",
)
@click.option("--base-url", metavar="URL", help="REST base of the exchange, if not the usual one.")
@click.option(
    "--database-url",
    metavar="URL",
    help="URL of a Postgres server.  [default: a Postgres of its own]",
)
@click.option(
    "--history-start",
    metavar="TIME",
    help="Earliest instant of the history, such as 2026-01-01.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Address of the HTTP server.  [default: 127.0.0.1:9877]",
)
@click.option(
    "--data-dir",
    metavar="DIR",
    help="Directory of the embedded Postgres and the spool.",
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option("--no-check", is_flag=True, help="Do not run `check` at the end.")
def init(
    directory: Path | None,
    token_file: Path | None,
    no_token: bool,
    force: bool,
    no_check: bool,
    **given: str | None,
) -> None:
    """Ask for a token, write the files of an exporter, and check that they work.

    The files are the token and the settings, which only this user may read, a systemd unit and a
    snippet for Prometheus. Existing files are left alone.
    """
    folder = (directory or _default_directory()).absolute()
    targets = (first_files.CONFIG, first_files.UNIT, first_files.PROMETHEUS)
    _refuse_existing(folder, (*targets, *(() if no_token else (first_files.TOKEN,))), force=force)
    texts = {name: text for name, text in given.items() if text is not None}
    settings = _settings(texts)
    token = None if no_token else _token(token_file)
    _write_all(folder, settings.data_dir, _files(folder, settings, texts, token))
    config = folder / first_files.CONFIG
    if not no_check:
        click.echo("\nChecking them:")
        code = _check(config)
        if code:
            click.echo(f"\nNot everything is right yet. Then again: {_again(config)}", err=True)
            raise click.exceptions.Exit(code)
    _tell_next(folder)


def _default_directory() -> Path:
    if _user() == _ROOT:
        return Path("/etc/onetrading")
    return Path(platformdirs.user_config_dir("onetrading-exporter"))


def _refuse_existing(folder: Path, names: tuple[str, ...], *, force: bool) -> None:
    """Raises SettingsError, naming each file that is there, before anything is asked or written."""
    there = [folder / name for name in names if os.path.lexists(folder / name)]
    if there and not force:
        raise SettingsError([f"{path} exists; --force overwrites it" for path in there])


def _settings(given: Mapping[str, str]) -> Settings:
    """What the options mean together, checked. Raises SettingsError, naming the options."""
    variables = {name.removeprefix("ONETRADING_").lower(): name for name in _OPTION_OF}
    environ = {variables[key]: text for key, text in given.items()}
    try:
        return load(environ, stream_names=STREAM_NAMES, public_streams=PUBLIC_STREAM_NAMES)
    except SettingsError as error:
        raise SettingsError([_named(fault) for fault in error.faults]) from error


def _named(fault: str) -> str:
    for name, option in _OPTION_OF.items():
        fault = fault.replace(name, option)
    return fault


def _token(file: Path | None) -> Secret:
    """The token, asked for without an echo, or from a file. Raises SettingsError, without it."""
    try:
        if file is None:
            return Secret(_asked())
        if str(file) == "-":
            return Secret(sys.stdin.read())
        return Secret(path=file.absolute())
    except OSError as error:
        raise SettingsError([f"--token-file {file}: {error.strerror}; correct its path"]) from error
    except ValueError as error:
        label = "the token (not shown)" if file is None else f"--token-file {file}: the token"
        raise SettingsError([f"{label} {error}"]) from None


def _asked() -> str:
    if not sys.stdin.isatty():
        raise SettingsError(
            ["there is no terminal to ask for the token: give --token-file, or --no-token"]
        )
    click.echo(_ABOUT_TOKENS)
    return str(click.prompt("Token (not shown)", hide_input=True, err=True))


def _files(
    folder: Path, settings: Settings, given: Mapping[str, str], token: Secret | None
) -> dict[str, tuple[str, int]]:
    """By name: what is in a file, and who may read it."""
    of_token = {} if token is None else {"api_token_file": first_files.TOKEN}
    values = {**of_token, **given} | {
        "listen": str(settings.listen),
        "data_dir": str(settings.data_dir),
    }
    unit = first_files.unit(
        user=_user(),
        command=_command(),
        files=tuple(folder / name for name in (first_files.CONFIG, *of_token.values())),
        data_dir=settings.data_dir,
    )
    snippet = first_files.prometheus(target=str(settings.listen), alerts=_alerts())
    files = {
        # A database URL may hold a password.
        first_files.CONFIG: (first_files.config(values), _PRIVATE),
        first_files.UNIT: (unit, _PUBLIC),
        first_files.PROMETHEUS: (snippet, _PUBLIC),
    }
    return files if token is None else {first_files.TOKEN: (f"{token.get()}\n", _PRIVATE), **files}


def _alerts() -> Path:
    """Of the installed package, or of the checkout."""
    package = Path(str(resources.files("exporter")))
    carried = package / "grafana" / "alerts"
    return carried if carried.is_dir() else package.parent / "grafana" / "alerts"


def _user() -> str:
    """Who runs this: by name, or by number where there is none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _command() -> tuple[str, ...]:
    """How this program was started, for a unit file."""
    called = shutil.which(sys.argv[0])
    if called is not None and Path(called).name == "onetrading-exporter":
        return (str(Path(called).absolute()),)
    return (sys.executable, "-m", "exporter")


def _write_all(folder: Path, data_dir: Path, files: Mapping[str, tuple[str, int]]) -> None:
    try:
        if _user() != _ROOT:
            data_dir.mkdir(parents=True, exist_ok=True)  # the unit names it, so it must be there
        folder.mkdir(parents=True, exist_ok=True)
        for name, (text, mode) in files.items():
            _write(folder / name, text, mode)
            click.echo(f"wrote {folder / name}")
    except OSError as error:
        raise SettingsError(
            [
                f"{error.filename or folder} cannot be written: {error.strerror}; choose other"
                " places with --directory and --data-dir"
            ]
        ) from error


def _write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all, and at no time readable by more users than ``mode`` says."""
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def _check(config: Path) -> int:
    """Run `check` with these files alone, as the service will; returns its exit code."""
    environ = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("ONETRADING_", "DATABASE_URL"))
    }
    sys.stdout.flush()
    command = [sys.executable, "-m", "exporter", "check", "--config", str(config)]
    return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603  our own


def _again(config: Path) -> str:
    return f"onetrading-exporter check --config {config}"


def _tell_next(folder: Path) -> None:
    unit = folder / first_files.UNIT
    click.echo(
        f"\nStart it:         onetrading-exporter run --config {folder / first_files.CONFIG}"
        f"\nAs a service:     sudo install -m 0644 {unit} /etc/systemd/system/"
        "\n                  sudo systemctl enable --now onetrading-exporter"
        f"\nFor Prometheus:   {folder / first_files.PROMETHEUS}"
    )
