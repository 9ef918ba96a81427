"""The database that a command works on, and `migrate`, which brings it to the current schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from exporter.app import App, plain_connection, require_schema
from exporter.cli.command import Command
from exporter.cli.options import with_settings
from exporter.model.errors import DatabaseError, SettingsError
from exporter.model.stream import Stream
from exporter.settings import Settings
from exporter.signals import catch_signals
from exporter.store import migrate as migrations
from exporter.store.embedded import exists
from exporter.store.migrate import Migration

EXIT_PENDING = 3


@contextmanager
def app_with_database(
    settings: Settings,
    streams: tuple[Stream, ...],
    *,
    only_look: bool = False,
    must_exist: bool = False,
    asks: Sequence[str] | None = None,
) -> Iterator[App]:
    """An app with an open database, closed at the end of the command.

    ``only_look``: create no database and no schema, but say that there is none. ``must_exist``:
    create no database, where the command is of use only to one with something in it. ``asks``: the
    accounts of which it asks the exchange, none named: all; it takes its requests from the same
    budget as the service that reads them.

    Raises SettingsError when there is to be none, DatabaseError when Postgres is away, SchemaError
    when the schema is not this version's.
    """
    require_database(settings, only_look=only_look or must_exist)
    app = App(settings, streams, prepare=require_schema if only_look else None)
    catch_signals(app.stop)
    try:
        if not app.open_database() and app.database is not None:
            raise app.database.away.error()
        if asks is not None:
            app.budgets.share([name for name in app.accounts if not asks or name in asks])
        yield app
    finally:
        app.close()


def require_database(settings: Settings, *, only_look: bool = True) -> None:
    """Raises SettingsError when there is to be no database, DatabaseError when there is none yet,
    unless it may be created."""
    if settings.database.kind == "none":
        raise SettingsError(["DATABASE_URL is none, but this command needs a database; set it"])
    if only_look and settings.database.kind == "embedded" and not exists(settings.data_dir):
        raise DatabaseError(
            f"there is no database in {settings.data_dir} yet: `run` creates it, or set"
            " ONETRADING_DATA_DIR or DATABASE_URL to those of the service"
        )


@click.command(cls=Command)
@with_settings("database")
@click.option("--check", is_flag=True, help="Change nothing; exit 3 when migrations are pending.")
@click.option("--print", "show", is_flag=True, help="Change nothing; print the pending SQL.")
def migrate(settings: Settings, check: bool, show: bool) -> None:
    """Apply the pending migrations, each in its own transaction."""
    if settings.database.kind == "none":
        raise SettingsError(["DATABASE_URL is none: there is no database to migrate; set it"])
    available = migrations.load(migrations.migrations_dir())
    if not (show or check):
        with plain_connection(settings) as connection:
            applied = migrations.apply(connection, available)
        _list("applied", applied)
        return
    pending = _pending(settings, available)
    if show:
        click.echo(migrations.script(pending), nl=False)
        return
    _list("pending", pending)
    if pending:
        raise click.exceptions.Exit(EXIT_PENDING)


def _pending(settings: Settings, available: list[Migration]) -> list[Migration]:
    """What is not applied yet. All of it before the embedded Postgres exists: this creates none."""
    if settings.database.kind == "embedded" and not exists(settings.data_dir):
        return available
    with plain_connection(settings) as connection:
        return migrations.pending(connection, available)


def _list(state: str, listed: list[Migration]) -> None:
    for migration in listed:
        click.echo(f"{state}: {migration.name}")
    if not listed:
        click.echo("the schema is current")
