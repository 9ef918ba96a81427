"""`migrate`: bring a database to this version's schema, or say what that takes."""

from __future__ import annotations

import click

from exporter.app import plain_connection
from exporter.cli.options import with_settings
from exporter.errors import SettingsError
from exporter.settings import Settings
from exporter.store import migrate as migrations

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
    with plain_connection(settings) as connection:
        if show:
            click.echo(migrations.print_pending(connection, known), nl=False)
            return
        if check:
            pending = migrations.pending(connection, known)
            for migration in pending:
                click.echo(f"pending: {migration.name}")
            if pending:
                raise click.exceptions.Exit(EXIT_PENDING)
            click.echo("the schema is current")
            return
        applied = migrations.apply(connection, known)
        for migration in applied:
            click.echo(f"applied: {migration.name}")
        if not applied:
            click.echo("the schema is current")
