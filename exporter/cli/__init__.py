"""The command line: parse the options, build the app, call it, exit with a code.

Exit codes: 0 done; 1 failed; 2 bad usage or configuration; 3 migrations are pending; 4 something
differs (`verify`, `reconcile`, `close`) or remains (`rejects retry`); 130 interrupted.
"""

from __future__ import annotations

import sys

import click

from exporter._version import __version__
from exporter.cli import (
    close,
    database,
    demo,
    exports,
    history,
    imports,
    rejects,
    reports,
    retention,
    service,
    verify,
)
from exporter.model.errors import ExporterError, SettingsError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="onetrading-exporter")
def cli() -> None:
    """Export accounts at One Trading to Prometheus, and keep their history in Postgres."""


for command in (
    service.run,
    demo.demo,
    demo.simulate,
    database.migrate,
    history.sync_command,
    history.backfill,
    verify.verify,
    verify.reset,
    rejects.rejects,
    retention.retention,
    imports.import_command,
    exports.export,
    close.reconcile,
    close.close,
    close.reopen,
    reports.status,
    reports.gaps,
    service.check,
    service.health,
):
    cli.add_command(command)


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
