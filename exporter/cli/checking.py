"""The commands that check a configuration or a running service."""

from __future__ import annotations

import click

from exporter import checks
from exporter.cli.command import Command
from exporter.cli.options import with_local_settings, with_settings
from exporter.server import probe
from exporter.settings import Settings


@click.command(cls=Command)
@with_settings("exchange", "streams", "database", "server", "reports", "retention", "log")
def check(settings: Settings) -> None:
    """Check configuration, tokens, clock, database and request budget: OK, WARN or FAIL each.

    Exit code 1 when one fails, 2 when `run` would not start with this configuration.
    """
    failed = misconfigured = False
    for outcome in checks.run(settings):
        failed |= not outcome.ok
        misconfigured |= outcome.misconfigured
        finding = " ".join(outcome.finding.split())  # some messages of Postgres have two lines
        verdict = ("WARN" if outcome.warning else "OK") if outcome.ok else "FAIL"
        click.echo(f"{verdict:<4} {outcome.subject}: {finding}")
    if failed:
        raise click.exceptions.Exit(2 if misconfigured else 1)


@click.command(cls=Command)
@with_local_settings("server")
def health(settings: Settings) -> None:
    """Ask the service of this configuration whether it is healthy (for container runtimes)."""
    listen = settings.listen
    found = probe.check(listen.host, listen.port, settings.web_config)
    if not found.ok:
        click.echo(f"not healthy: {found.url}: {found.message}", err=True)
        raise click.exceptions.Exit(1)
    click.echo(found.message)
