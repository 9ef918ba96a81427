"""`demo` and `simulate`: the exporter on a simulated exchange, and that exchange alone."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from exporter import logs
from exporter.app import Runtime
from exporter.cli.command import Command
from exporter.cli.options import STREAM_NAMES
from exporter.model.errors import EmbeddedPostgresError, SettingsError
from exporter.server import check_free
from exporter.service import Service
from exporter.settings import load
from exporter.signals import catch_signals
from exporter.simulator import Faults, Simulator, serve, with_movements
from exporter.store.embedded import FORGOTTEN, EmbeddedPostgres, exists, is_ours

_SIMULATION_OPTIONS = (
    click.option("--seed", default=1, show_default=True, help="Seed of the simulated market."),
    click.option("--speed", default=1.0, show_default=True, help="Simulated seconds per second."),
    click.option(
        "--history-days", default=30.0, show_default=True, help="Days of history before now."
    ),
    click.option(
        "--movements",
        type=click.FloatRange(min=0, max=30),
        default=0.0,
        show_default=True,
        help="Deposits and withdrawals of each account a month, and a twelfth as many liquidation"
        " fees. No endpoint tells them, the control URL does: truth/movements?account=main.",
    ),
    click.option(
        "--faults",
        default="",
        metavar="NAME=VALUE,...",
        help="Faults to inject, for example error_rate=0.05,latency_ms=200.",
    ),
)

_SAMPLE_QUERIES = (
    "SELECT * FROM reporting.current_balances ORDER BY account, currency_code;",
    "SELECT month, instrument_code, sum(fees_paid) AS paid FROM reporting.monthly_fees\n"
    "    GROUP BY month, instrument_code ORDER BY 1, 2;",
    "SELECT account, stream, sum(gap) AS still_to_be_read FROM reporting.coverage_gaps\n"
    "    WHERE gap > interval '1 hour' GROUP BY account, stream ORDER BY 1, 2;  -- fewer each time",
)

_BEGINNING = """\
Starting a simulated exchange, an embedded Postgres and the exporter ...
The account `spot` has no futures, so the exchange refuses them (403): the exporter warns
once of each stream of futures, and reads the others, as it does at the real exchange.
"""

_MARKER = ".demo"
"""In each directory that a demo has made, and may delete."""
_KEPT = (_MARKER, "postgres.lock", "postgres-binaries")
_OPTION_OF = {"ONETRADING_LISTEN": "--listen", "ONETRADING_DATA_DIR": "--data-dir"}

_SAMPLE_FAULTS = '{"refuse_tokens": ["hedge"], "error_rate": 0.2}'


def _with_simulation_options(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_SIMULATION_OPTIONS):
        command = option(command)
    return command


def _faults(text: str) -> Faults:
    try:
        return Faults.parse(text) if text else Faults()
    except ValueError as error:
        raise SettingsError([f"--faults: {error}"]) from error


@click.command(cls=Command)
@click.option(
    "--listen",
    default="127.0.0.1:9878",
    show_default=True,
    metavar="HOST:PORT",
    help="Address to listen on.",
)
@click.option(
    "--tokens",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write the token of each account to, in a file named like the account.",
)
@_with_simulation_options
def simulate(
    listen: str,
    tokens: Path | None,
    seed: int,
    speed: float,
    history_days: float,
    movements: float,
    faults: str,
) -> None:
    """Serve a simulated exchange, with the quirks of the real one and the faults you choose."""
    stop = threading.Event()
    catch_signals(stop)

    def ready(exchange: Simulator) -> None:
        if tokens:
            _write_chosen(exchange, tokens)
        click.echo(f"ONETRADING_BASE_URL={exchange.base_url}")
        for name, token in exchange.tokens.items():
            click.echo(f"# token of account {name}:\n{token}")
        click.echo(f"# change faults and time while it runs: {exchange.control_url}/state")

    try:
        serve(
            stop,
            listen=listen,
            seed=seed,
            speed=speed,
            history_days=history_days,
            accounts=with_movements(movements),
            faults=_faults(faults),
            ready=ready,
        )
    except ValueError as error:
        advice = "write for example 127.0.0.1:9878"
        raise SettingsError([f"--listen {listen} is not host:port; {advice}"]) from error
    except OSError as error:
        advice = "stop the program that uses it, or give another host and port"
        raise SettingsError([f"--listen {listen}: {error.strerror or error}; {advice}"]) from error


def _write_chosen(exchange: Simulator, folder: Path) -> None:
    try:
        _write_tokens(exchange, folder)
    except OSError as error:
        raise SettingsError([f"--tokens {folder}: {error}"]) from error


def _write_tokens(exchange: Simulator, folder: Path) -> dict[str, Path]:
    """Write the token of each account to a file with its name; return the files by account."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / name for name in exchange.tokens}
    for name, file in files.items():
        file.touch(0o600)
        file.write_text(exchange.tokens[name])
    return files


@click.command(cls=Command)
@click.option(
    "--listen",
    default="127.0.0.1:9877",
    show_default=True,
    metavar="HOST:PORT",
    help="Address to listen on.",
)
@click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Its subfolder demo is deleted at each start.",
)
@_with_simulation_options
def demo(
    listen: str,
    data_dir: Path | None,
    seed: int,
    speed: float,
    history_days: float,
    movements: float,
    faults: str,
) -> None:
    """Run everything on a simulated exchange and an embedded Postgres: no token, no server."""
    injected, began = _faults(faults), time.monotonic()
    with _named_by_options():
        folder = _folder(data_dir)
        environ = {
            "ONETRADING_DATA_DIR": str(folder),
            "ONETRADING_LISTEN": listen,
            "ONETRADING_LOG_LEVEL": "warning",
            "ONETRADING_LOG_FORMAT": "text",
        }
        checked = load(environ, stream_names=STREAM_NAMES, terminal=sys.stderr.isatty())
        check_free(checked.listen.host, checked.listen.port)
        logs.configure(checked.log_format, checked.log_level)
        boottime = Runtime().boottime
        # The seconds of this exchange are not ours.
        runtime = Runtime(steady=lambda: boottime() * speed)
        with EmbeddedPostgres(folder, stop_event=runtime.stop) as embedded:
            _clear(folder, embedded, named=data_dir is not None)
            click.echo(_BEGINNING)
            with Simulator(
                seed=seed,
                speed=speed,
                history_days=history_days,
                accounts=with_movements(movements),
                faults=injected,
            ) as exchange:
                _serve(exchange, environ, runtime, embedded, began)


def _serve(
    exchange: Simulator,
    environ: dict[str, str],
    runtime: Runtime,
    embedded: EmbeddedPostgres,
    began: float,
) -> None:
    with tempfile.TemporaryDirectory(prefix="onetrading-demo-") as tokens:
        files = _write_tokens(exchange, Path(tokens))
        accounts = ",".join(f"{name}={file}" for name, file in files.items())
        ours = {"ONETRADING_BASE_URL": exchange.base_url, "ONETRADING_ACCOUNTS": accounts}
        settings = load(environ | ours, stream_names=STREAM_NAMES)
        service = Service(settings, runtime, embedded)
        threading.Thread(target=_announce, args=[service, exchange, began], daemon=True).start()
        service.run()


@contextmanager
def _named_by_options() -> Iterator[None]:
    """Have errors name the options of `demo`, which ignores the settings of the environment."""

    def named(text: str) -> str:
        for setting, option in _OPTION_OF.items():
            text = text.replace(setting, option)
        return text

    try:
        yield
    except SettingsError as error:
        raise SettingsError([named(fault) for fault in error.faults]) from error
    except EmbeddedPostgresError as error:
        raise EmbeddedPostgresError(named(str(error))) from error


def _folder(data_dir: Path | None) -> Path:
    given = {} if data_dir is None else {"ONETRADING_DATA_DIR": str(data_dir)}
    return load(given, stream_names=STREAM_NAMES).data_dir / "demo"


def _clear(folder: Path, embedded: EmbeddedPostgres, *, named: bool) -> None:
    """Delete what an earlier demo left, and nothing else: never what another process uses.

    ``named``: the user chose the directory. Raises SettingsError before anything is deleted.
    """
    elsewhere = "stop it first, or choose another directory with --data-dir"
    try:
        if not embedded.reserve():
            raise SettingsError([f"{folder} is in use by a demo that still runs; {elsewhere}"])
        marker, entries = folder / _MARKER, sorted(folder.iterdir())
        foreign = [entry for entry in entries if not is_ours(entry)]
        if not foreign and named and not marker.exists() and exists(folder):
            foreign = [folder / "postgres"]  # of a service with this data directory
        if foreign:
            raise SettingsError(
                [
                    f"{foreign[0]} was not made by a demo, which deletes {folder} when it starts;"
                    " move it away, or choose another directory with --data-dir"
                ]
            )
        for entry in entries:
            if entry.name in _KEPT:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        marker.touch()
    except OSError as error:
        raise SettingsError(
            [f"{folder} cannot be used: {error}; allow it, or choose another with --data-dir"]
        ) from error


def _announce(service: Service, exchange: Simulator, began: float) -> None:
    """Print where to look, once there is something to see."""
    app = service.app
    while not app.stop.wait(0.2):
        if all(state.success or not state.permitted for state in app.metrics.streams.summaries()):
            break
    if app.stop.is_set() or app.embedded is None:
        return
    base = f"http://{app.settings.listen.host}:{service.server.port}"
    # Variables for another server would lead psql away from this one.
    without = "".join(f"-u {name} " for name in FORGOTTEN)
    psql = f"{f'env {without}' if without else ''}psql '{app.embedded.ensure()}'"
    click.echo(
        f"\nAll streams were read after {time.monotonic() - began:.1f} s."
        f"\n\n  metrics    {base}/metrics\n  overview   {base}/"
        f"\n  postgres   {psql}"
        f"\n  faults     curl -d '{_SAMPLE_FAULTS}' {exchange.control_url}/faults"
        "\n             to clear them: -d '{}'\n\nThree queries to try:\n"
    )
    for query in _SAMPLE_QUERIES:
        click.echo(f"  {query}\n")
    click.echo("Press Ctrl-C to stop.")
