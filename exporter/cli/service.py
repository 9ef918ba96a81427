"""`run`: the service."""

from __future__ import annotations

import click

from exporter.cli.command import Command, examples
from exporter.cli.options import with_settings
from exporter.service import Service
from exporter.settings import Settings


@click.command(cls=Command, epilog=examples("run --config exporter.toml"))
@with_settings("exchange", "streams", "database", "server", "reports", "retention", "log")
def run(settings: Settings) -> None:
    """Poll the exchange, serve /metrics, sync history into Postgres, until SIGTERM or SIGINT."""
    Service(settings).run()
