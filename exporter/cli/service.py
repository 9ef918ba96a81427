"""`run`, and the commands that look at a configuration or a running service."""

from __future__ import annotations

import urllib.error
import urllib.request

import click

from exporter import checks
from exporter.cli.options import with_settings
from exporter.service import Service
from exporter.settings import Settings


@click.command()
@with_settings
def run(settings: Settings) -> None:
    """Poll the exchange, serve /metrics, sync history into Postgres, until SIGTERM or SIGINT."""
    Service(settings).run()


@click.command()
@with_settings
def check(settings: Settings) -> None:
    """Look at the configuration, tokens, clock, database and budget: a line OK or FAIL each."""
    failed = False
    for outcome in checks.run(settings):
        failed |= not outcome.ok
        click.echo(f"{'OK  ' if outcome.ok else 'FAIL'} {outcome.subject}: {outcome.finding}")
    if failed:
        raise click.exceptions.Exit(1)


@click.command()
@with_settings
def health(settings: Settings) -> None:
    """Ask the service of this configuration whether it is healthy (for container runtimes)."""
    host = settings.listen.host
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  compared, not bound
    url = f"http://{host}:{settings.listen.port}/-/healthy"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            click.echo(answer.read().decode().strip())
    except (urllib.error.URLError, TimeoutError) as error:
        click.echo(f"not healthy: {url}: {error}", err=True)
        raise click.exceptions.Exit(1) from error
