"""`demo` and `simulate`: the exporter on a simulated exchange, and that exchange alone."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import click

from exporter import logs
from exporter.app import Runtime
from exporter.cli.options import STREAM_NAMES
from exporter.model.errors import SettingsError
from exporter.service import Service
from exporter.settings import load
from exporter.signals import catch_signals
from exporter.simulator import Faults, Simulator, serve

_SIMULATION_OPTIONS = (
    click.option("--seed", default=1, show_default=True, help="Seed of the simulated market."),
    click.option("--speed", default=1.0, show_default=True, help="Simulated seconds per second."),
    click.option(
        "--history-days", default=30.0, show_default=True, help="Days of history before now."
    ),
    click.option(
        "--faults", default="", help="Faults to inject, for example error_rate=0.05,latency_ms=200."
    ),
)

_SAMPLE_QUERIES = (
    "SELECT * FROM reporting.current_balances ORDER BY account, currency_code;",
    "SELECT month, instrument_code, sum(fees_paid) AS paid FROM reporting.monthly_fees\n"
    "    GROUP BY month, instrument_code ORDER BY 1, 2;",
    "SELECT account, stream, scope, gap_start, gap_end FROM reporting.coverage_gaps\n"
    "    WHERE gap > interval '1 hour';  -- in the end: what the token of spot may not read",
)

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


@click.command()
@click.option(
    "--listen", default="127.0.0.1:9878", show_default=True, help="host:port to listen on."
)
@click.option(
    "--tokens",
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
    faults: str,
) -> None:
    """Serve a simulated exchange, with the quirks of the real one and the faults you choose."""
    stop = threading.Event()
    catch_signals(stop)

    def ready(exchange: Simulator) -> None:
        if tokens:
            try:
                _write_tokens(exchange, tokens)
            except OSError as error:
                raise SettingsError([f"--tokens {tokens}: {error}"]) from error
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
            faults=_faults(faults),
            ready=ready,
        )
    except (ValueError, OSError) as error:
        raise SettingsError([f"--listen {listen}: {error}"]) from error


def _write_tokens(exchange: Simulator, folder: Path) -> dict[str, Path]:
    """Write the token of each account to a file with its name; return the files by account."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / name for name in exchange.tokens}
    for name, file in files.items():
        file.write_text(exchange.tokens[name])
    return files


@click.command()
@click.option(
    "--listen", default="127.0.0.1:9877", show_default=True, help="host:port to listen on."
)
@click.option(
    "--data-dir",
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
    faults: str,
) -> None:
    """Run everything on a simulated exchange and an embedded Postgres: no token, no server."""
    folder = (data_dir or load({}, stream_names=STREAM_NAMES).data_dir) / "demo"
    click.echo("Starting a simulated exchange, an embedded Postgres and the exporter ...")
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix="onetrading-demo-") as tokens,
        Simulator(seed=seed, speed=speed, history_days=history_days, faults=_faults(faults)) as sim,
    ):
        files = _write_tokens(sim, Path(tokens))
        environ = {
            "ONETRADING_BASE_URL": sim.base_url,
            "ONETRADING_ACCOUNTS": ",".join(f"{name}={file}" for name, file in files.items()),
            "ONETRADING_DATA_DIR": str(folder),
            "ONETRADING_LISTEN": listen,
            "ONETRADING_LOG_LEVEL": "warning",
            "ONETRADING_LOG_FORMAT": "text",
        }
        settings = load(environ, stream_names=STREAM_NAMES, terminal=sys.stderr.isatty())
        logs.configure(settings.log_format, settings.log_level)
        boottime = Runtime().boottime
        # The seconds of this exchange are not ours.
        service = Service(settings, Runtime(steady=lambda: boottime() * speed))
        threading.Thread(target=_announce, args=[service, sim, began], daemon=True).start()
        service.run()


def _announce(service: Service, exchange: Simulator, began: float) -> None:
    """Print where to look, once there is something to see."""
    app = service.app
    while not app.stop.wait(0.2):
        if all(state.success or not state.permitted for state in app.metrics.streams.summaries()):
            break
    if app.stop.is_set() or app.embedded is None:
        return
    base = f"http://{app.settings.listen.host}:{service.server.port}"
    url = app.embedded.ensure()
    click.echo(
        f"\nAll streams were read after {time.monotonic() - began:.1f} s."
        f"\n\n  metrics    {base}/metrics\n  overview   {base}/"
        f"\n  postgres   psql '{url}'"
        f"\n  faults     curl -d '{_SAMPLE_FAULTS}' {exchange.control_url}/faults"
        "\n             to clear them: -d '{}'\n\nThree queries to try:\n"
    )
    for query in _SAMPLE_QUERIES:
        click.echo(f"  {query}\n")
    click.echo("Press Ctrl-C to stop.")
