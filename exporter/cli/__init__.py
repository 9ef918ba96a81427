"""The command line: parse the options, build the app, call it, exit with a code.

Exit codes: 0 done; 1 failed; 2 bad usage or configuration; 3 migrations are pending; 4 something
differs (`verify`, `reconcile`, `close`) or remains (`rejects retry`); 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module

import click

from exporter._version import __version__
from exporter.model.errors import ExporterError, SettingsError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


_COMMANDS: Mapping[str, str] = {
    "run": "service.run",
    "demo": "demo.demo",
    "simulate": "demo.simulate",
    "migrate": "database.migrate",
    "sync": "history.sync_command",
    "backfill": "history.backfill",
    "verify": "verify.verify",
    "reset": "verify.reset",
    "rejects": "rejects.rejects",
    "retention": "retention.retention",
    "import": "imports.import_command",
    "export": "exports.export",
    "reconcile": "close.reconcile",
    "close": "close.close",
    "reopen": "close.reopen",
    "status": "reports.status",
    "gaps": "reports.gaps",
    "init": "init.init",
    "check": "checking.check",
    "health": "checking.health",
}
"""Name to module and function."""


class _Commands(click.Group):
    """Imports the module of a command when it is called: the service needs no simulated exchange
    and no file formats, and `health` runs every few seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, function = _COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(import_module(f"exporter.cli.{module}"), function)
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="onetrading-exporter")
def cli() -> None:
    """Export accounts at One Trading to Prometheus, and keep their history in Postgres."""


def main() -> None:
    """Run the command line: the console script ``onetrading-exporter``."""
    try:
        # Outside of click's standalone mode an exit code is returned, not raised.
        sys.exit(cli.main(prog_name="onetrading-exporter", standalone_mode=False))
    except SettingsError as error:
        for fault in error.faults:
            click.echo(f"error: {fault}", err=True)
        sys.exit(EXIT_USAGE)
    except ExporterError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_FAILED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
