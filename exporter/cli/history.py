"""`sync` and `backfill`: read history from the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from exporter.app import App, enabled
from exporter.cli.options import STREAM_NAMES, with_settings
from exporter.cli.progress import ProgressBar
from exporter.model.errors import DatabaseError, SettingsError
from exporter.model.stream import Partition, Stream
from exporter.model.window import Window
from exporter.settings import Settings, instant
from exporter.signals import catch_signals
from exporter.streams import STREAMS
from exporter.sync import Backfill, HistorySync, StreamSync

_HISTORIES = [stream.name for stream in STREAMS if stream.backfilled]


class InstantOption(click.ParamType[datetime]):
    """An ISO 8601 instant with a zone, or a bare date: midnight UTC."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant. Fails with what is wrong and what to write."""
        try:
            return instant(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@contextmanager
def opened(settings: Settings, streams: tuple[Stream, ...]) -> Iterator[App]:
    """An app with its database, for a command that ends. Raises DatabaseError when it is away."""
    if settings.database.kind == "none":
        raise SettingsError(["DATABASE_URL is none: this command needs a database"])
    app = App(settings, streams)
    catch_signals(app.stop)
    try:
        if not app.open_database():
            away = app.database.why_away if app.database else ""
            raise DatabaseError(f"Postgres is away: {away}")
        yield app
    finally:
        app.close()


def _chosen(app: App, names: tuple[str, ...]) -> list[StreamSync]:
    """The streams of the chosen accounts. Raises SettingsError for an unknown name."""
    unknown = sorted(set(names) - set(app.accounts))
    if unknown:
        known = ", ".join(app.accounts)
        raise SettingsError(
            [f"--account {name}: not configured; known: {known}" for name in unknown]
        )
    return [sync for sync in app.syncs if not names or sync.account.name in names]


@click.command("sync")
@with_settings
@click.option(
    "--stream", "streams", multiple=True, type=click.Choice(STREAM_NAMES), help="Default: all."
)
@click.option("--account", "accounts", multiple=True, metavar="NAME", help="Default: all.")
def sync_command(settings: Settings, streams: tuple[str, ...], accounts: tuple[str, ...]) -> None:
    """Run one pass of each stream, with all history that is missing, then exit."""
    failed = []
    with opened(settings, enabled(settings, streams)) as app:
        chosen = _chosen(app, accounts)
        if streams:
            needed = {stream.name for stream in app.streams}
            if missing := sorted(set(streams) - needed):
                raise SettingsError([f"--stream {name}: needs a token" for name in missing])
        filler, histories = app.gap_filler(), app.histories()
        for sync in chosen:
            outcome: str = app.runner.run(sync)
            if outcome == "ok":
                filled = [filler.fill(history) for history in histories if history is sync]
                outcome = "ok" if all(filled) else "failed"
            click.echo(f"{outcome:<13} {sync.name}")
            if outcome in ("failed", "skipped"):
                failed.append(sync.name)
            if app.stop.is_set():
                break
    if failed:
        raise click.exceptions.Exit(1)


@click.command()
@with_settings
@click.option(
    "--stream", "name", required=True, type=click.Choice(_HISTORIES), help="What to fill."
)
@click.option("--account", "accounts", multiple=True, metavar="NAME", help="Default: all.")
@click.option("--from", "start", required=True, type=InstantOption(), help="ISO 8601 or a date.")
@click.option("--to", "end", type=InstantOption(), help="Default: now.")
@click.option("--dry-run", is_flag=True, help="Only say what is missing and what it would cost.")
def backfill(
    settings: Settings,
    name: str,
    accounts: tuple[str, ...],
    start: datetime,
    end: datetime | None,
    dry_run: bool,
) -> None:
    """Fill a stretch of history. What is proven complete already is not asked for again."""
    with opened(settings, enabled(settings, [name])) as app:
        histories = {
            history.key: history for history in app.histories() if history.stream.name == name
        }
        for sync in _chosen(app, accounts):
            history = histories.get(sync.key)
            if history is None:  # what it requires
                app.runner.run(sync)
                continue
            until = min(end or history.now(), history.settled())
            if dry_run:
                pieces = Backfill(history).plan(Window(start, until))
                _describe(history, pieces, settings.requests_per_minute)
            else:
                _fill(history, Window(start, until))


def _fill(history: HistorySync, wanted: Window) -> None:
    """Fill a window, with a progress bar."""
    bar = ProgressBar(history.name, sys.stderr)
    job = Backfill(history, bar.show)
    try:
        with history.logged():
            job.complete(wanted)
    finally:
        bar.end()
    done = job.progress
    click.echo(
        f"{history.name}: {done.pages} pages, {done.inserted} new rows, {done.updated} changed, "
        f"{done.rejected} rejected, {time.monotonic() - done.began:.1f} s"
    )


def _describe(
    history: HistorySync, pieces: list[tuple[Partition, Window]], per_minute: int
) -> None:
    """What a backfill would read; an empty window still costs one request."""
    for partition, window in pieces:
        span = f"{window.start:%FT%TZ} .. {window.end:%FT%TZ}"
        click.echo(f"{history.name} {partition.instrument} {span}")
    click.echo(
        f"{history.name}: {len(pieces)} windows; at least {len(pieces)} requests, "
        f"{len(pieces) / per_minute * 60:.0f} s at {per_minute} a minute"
    )
