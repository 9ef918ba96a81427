"""`migrate`: bring a database to this version's schema, or say what that takes."""

from __future__ import annotations

import click

from exporter.app import plain_connection
from exporter.cli.options import with_settings
from exporter.model.errors import SettingsError
from exporter.settings import Settings
from exporter.store import migrate as migrations
from exporter.store.embedded import exists
from exporter.store.migrate import Migration

EXIT_PENDING = 3


@click.command()
@with_settings
@click.option("--check", is_flag=True, help="Change nothing; exit 3 when migrations are pending.")
@click.option(
    "--print", "show", is_flag=True, help="Change nothing; print the SQL that is pending."
)
def migrate(settings: Settings, check: bool, show: bool) -> None:
    """Apply the migrations that are pending, each in a transaction of its own."""
    if settings.database.kind == "none":
        raise SettingsError(["DATABASE_URL is none: there is no database to migrate"])
    known = migrations.load(migrations.migrations_dir())
    if not (show or check):
        with plain_connection(settings) as connection:
            applied = migrations.apply(connection, known)
        _list("applied", applied)
        return
    pending = _pending(settings, known)
    if show:
        click.echo(migrations.script(pending), nl=False)
        return
    _list("pending", pending)
    if pending:
        raise click.exceptions.Exit(EXIT_PENDING)


def _pending(settings: Settings, known: list[Migration]) -> list[Migration]:
    """What is not applied yet: all of it where there is no embedded Postgres yet, nor made one."""
    if settings.database.kind == "embedded" and not exists(settings.data_dir):
        return known
    with plain_connection(settings) as connection:
        return migrations.pending(connection, known)


def _list(what: str, found: list[Migration]) -> None:
    for migration in found:
        click.echo(f"{what}: {migration.name}")
    if not found:
        click.echo("the schema is current")
