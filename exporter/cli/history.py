"""`sync` and `backfill`: read history from the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from exporter.app import App, enabled
from exporter.cli.options import STREAM_NAMES, with_settings
from exporter.cli.progress import ProgressBar
from exporter.model.errors import DatabaseError, SettingsError
from exporter.model.stream import History, Stream
from exporter.model.window import Window
from exporter.settings import Settings, instant
from exporter.signals import catch_signals
from exporter.streams import STREAMS
from exporter.sync import Account, Backfill, GapFiller

_HISTORIES = [stream.name for stream in STREAMS if isinstance(stream, History)]


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
    app = App(settings, streams, service=False)
    catch_signals(app.stop)
    try:
        if not app.open_database():
            away = app.database.why_away if app.database else ""
            raise DatabaseError(f"Postgres is away: {away}")
        yield app
    finally:
        app.close()


def _accounts(app: App, names: tuple[str, ...]) -> list[tuple[Account, Stream]]:
    """The chosen accounts with their streams. Raises SettingsError for an unknown name."""
    unknown = sorted(set(names) - set(app.parts.accounts))
    if unknown:
        known = ", ".join(app.parts.accounts)
        raise SettingsError(
            [f"--account {name}: not configured; known: {known}" for name in unknown]
        )
    return [(a, s) for a, s in app.pairs() if not names or a.name in names]


@click.command()
@with_settings
@click.option(
    "--stream", "streams", multiple=True, type=click.Choice(STREAM_NAMES), help="Default: all."
)
@click.option("--account", "accounts", multiple=True, metavar="NAME", help="Default: all.")
def sync(settings: Settings, streams: tuple[str, ...], accounts: tuple[str, ...]) -> None:
    """Run one pass of each stream, with all history that is missing, then exit."""
    failed = []
    with opened(settings, enabled(settings, streams)) as app:
        chosen = _accounts(app, accounts)
        if streams:
            needed = {stream.name for stream in app.streams}
            if missing := sorted(set(streams) - needed):
                raise SettingsError([f"--stream {name}: needs a token" for name in missing])
        for account, stream in chosen:
            outcome = app.runner.run(account, stream)
            if outcome == "ok" and isinstance(stream, History):
                reader = next(r for r in app.readers(account) if r.stream is stream)
                outcome = "ok" if GapFiller(app.parts, [reader]).fill(reader) else "failed"
            click.echo(f"{outcome:<13} {account.name}/{stream.name}")
            if outcome in ("failed", "skipped"):
                failed.append(stream.name)
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
        for account, stream in _accounts(app, accounts):
            if stream.name != name:
                app.runner.run(account, stream)
                continue
            reader = next(r for r in app.readers(account) if r.stream.name == name)
            reader.now()
            bar = ProgressBar(f"{account.name}/{name}", sys.stderr)
            job = Backfill(app.parts, reader, bar.show)
            until = min(end or datetime.now(UTC), reader.settled())
            wanted = Window(start, until)
            if dry_run:
                _describe(account.name, name, job.plan(wanted), settings.requests_per_minute)
                continue
            try:
                with app.parts.working(account.name, name):
                    job.complete(wanted)
            finally:
                bar.end()
            done = job.progress
            click.echo(
                f"{account.name}/{name}: {done.pages} pages, {done.inserted} new rows, "
                f"{done.updated} changed, {done.rejected} quarantined, "
                f"{time.monotonic() - done.began:.1f} s"
            )


def _describe(account: str, name: str, pieces: list[Any], per_minute: int) -> None:
    """What a backfill would read; an empty window still costs one request."""
    for partition, window in pieces:
        click.echo(
            f"{account}/{name} {partition.instrument} {window.start:%FT%TZ} .. {window.end:%FT%TZ}"
        )
    click.echo(
        f"{account}/{name}: {len(pieces)} windows; at least {len(pieces)} requests, "
        f"{len(pieces) / per_minute * 60:.0f} s at {per_minute} a minute"
    )
