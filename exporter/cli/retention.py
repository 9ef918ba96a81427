"""`retention`: thin what was observed long ago, or say what would go."""

from __future__ import annotations

import click

from exporter.cli.command import Command
from exporter.cli.database import app_with_database
from exporter.cli.options import with_settings
from exporter.model.errors import DatabaseError
from exporter.settings import Settings
from exporter.store import fact_counts
from exporter.store import retention as store
from exporter.store.database import Connection
from exporter.store.retention import Rule, Thinned
from exporter.streams import STREAMS


@click.command("retention", cls=Command)
@with_settings("retention", "database")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be thinned.")
def retention(settings: Settings, dry_run: bool) -> None:
    """Thin observed state as ONETRADING_RETENTION says, and say what and how much.

    Snapshots of months that are old enough; facts are never touched. The service does the same
    daily. Printed for each month: bytes of its tables, and snapshots of each stream, before and
    after.
    """
    with app_with_database(settings, STREAMS, only_look=dry_run, must_exist=True) as app:
        database = app.storage.writable()
        wanted = database.run(store.rules, settings.retention, STREAMS)
        suffixes = database.run(store.due, wanted)
        for suffix in suffixes:
            if dry_run:
                done: Thinned | None = database.run_slowly(_look, suffix, wanted)
            else:
                done = database.run_slowly(store.thin, suffix, wanted, app.stop.wait)
            if done is None:
                raise DatabaseError("another process is thinning: try again when it has ended")
            click.echo(str(done))
        if suffixes and not dry_run:
            database.run(fact_counts.correct_snapshots, STREAMS)
        if not suffixes:
            click.echo("nothing to thin")


def _look(connection: Connection, suffix: str, wanted: list[Rule]) -> Thinned:
    connection.execute("SET TRANSACTION READ ONLY")
    return store.look(connection, suffix, wanted)
