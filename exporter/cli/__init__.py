"""The command line: parse the options, build the app, call it, exit with a code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

import click

from exporter._version import __version__
from exporter.model.errors import ExporterError, SettingsError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_CODES: Mapping[int, str] = {
    0: "done",
    EXIT_FAILED: "failed",
    EXIT_USAGE: "bad usage or configuration; all faults are listed at once",
    3: "`migrate --check`: migrations are pending",
    4: "something differs (`verify`, `reconcile`, `close`) or remains (`rejects retry`)",
    EXIT_INTERRUPTED: "interrupted",
}
"""What each says, in Markdown."""


class _Listed(NamedTuple):
    """A command before it is imported."""

    place: str
    """Module and function."""
    summary: str
    """At most 60 characters, so that it fits beside the names on a terminal of 80 columns."""


GROUPS: Mapping[str, Mapping[str, _Listed]] = {
    "Service": {
        "run": _Listed("service.run", "Poll, serve /metrics and keep history, until stopped"),
        "init": _Listed("init.init", "Set up an exporter: token, settings, unit, Prometheus"),
        "check": _Listed("checking.check", "Check configuration, tokens, database: OK, WARN, FAIL"),
        "health": _Listed("checking.health", "Ask a running service whether it is healthy"),
        "migrate": _Listed("database.migrate", "Bring the database to this version's schema"),
    },
    "History": {
        "sync": _Listed("history.sync_command", "Read everything once, fill gaps, and exit"),
        "backfill": _Listed("history.backfill", "Fill a range of history"),
        "status": _Listed("reports.status", "Show how current and complete each stream is"),
        "gaps": _Listed("reports.gaps", "Show which ranges are not proven complete"),
        "verify": _Listed("verify.verify", "Read a proven range again, and tell what differs"),
        "reset": _Listed("verify.reset", "Forget that a range is proven: it is read again"),
        "rejects": _Listed("rejects.rejects", "List or retry records that could not be read"),
        "retention": _Listed("retention.retention", "Thin what was observed long ago"),
    },
    "Books": {
        "reconcile": _Listed(
            "close.reconcile", "Tell whether months are complete and fit together"
        ),
        "close": _Listed("close.close", "Lock the figures of a month"),
        "reopen": _Listed("close.reopen", "Take the newest lock off"),
        "import": _Listed("imports.import_command", "Import movements, exchange rates or lots"),
        "export": _Listed("exports.export", "Export a view: CSV, Parquet, DATEV, beancount"),
    },
    "Try it": {
        "demo": _Listed("demo.demo", "Run all of it on a simulated exchange, without a token"),
        "simulate": _Listed("demo.simulate", "Serve the simulated exchange alone"),
    },
}
_COMMANDS: Mapping[str, _Listed] = {
    name: listed for group in GROUPS.values() for name, listed in group.items()
}


ABOUT_SETTINGS = (
    "From options, the environment, or a TOML file (--config FILE, ONETRADING_CONFIG): the first of"
    " these wins. Every command takes all settings; its --help describes those that matter to it,"
    " docs/configure.md and the man page all of them. Common to all: ONETRADING_CONFIG,"
    " ONETRADING_LOG_LEVEL, ONETRADING_LOG_FORMAT."
)


class _Commands(click.Group):
    """Imports the module of a command when it is called: the service needs no simulated exchange
    and no file formats, and `health` runs every few seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, function = _COMMANDS[cmd_name].place.partition(".")
        command: click.Command = getattr(import_module(f"exporter.cli.{module}"), function)
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see `exporter.__main__`
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """By what they are for, each with its whole summary; nothing is imported for that."""
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, one.summary) for name, one in commands.items()])
        with formatter.section("Settings"):
            formatter.write_text(ABOUT_SETTINGS)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in EXIT_CODES.items()])


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
    except OSError as error:  # of the output, as a rule: click ends quietly where nobody reads it
        what = f"{error.filename}: " if error.filename else "could not write the output: "
        click.echo(f"error: {what}{error.strerror or error}", err=True)
        sys.exit(EXIT_FAILED)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
