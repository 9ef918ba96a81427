"""`sync` and `backfill`: read history from the command line."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import Any

import click

from exporter.app import App, enabled
from exporter.cli.database import app_with_database
from exporter.cli.options import STREAM_NAMES, with_settings
from exporter.cli.progress import ProgressBar
from exporter.model.errors import SettingsError
from exporter.model.window import Window
from exporter.settings import Settings, instant
from exporter.store import bookkeeping
from exporter.streams import STREAMS
from exporter.sync import Backfill, HistorySync, StreamSync

_HISTORY_STREAMS = [stream.name for stream in STREAMS if stream.backfilled]


class InstantOption(click.ParamType[datetime]):
    """An ISO 8601 instant with a zone, or a bare date: midnight UTC."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant, in UTC. Fails with what is wrong and what to write instead."""
        try:
            return instant(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


_accounts_option = click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="Only this account; repeat it for several. Default: all.",
)


def _of_accounts(app: App, names: tuple[str, ...]) -> list[StreamSync]:
    """The streams of the named accounts, or of all. Raises SettingsError for an unknown name."""
    if unknown := sorted(set(names) - set(app.accounts)):
        advice = f"write one of: {', '.join(app.accounts)}"
        raise SettingsError([f"--account {name} is not configured; {advice}" for name in unknown])
    return [sync for sync in app.syncs if not names or sync.account.name in names]


@click.command("sync")
@with_settings
@click.option(
    "--stream",
    "streams",
    multiple=True,
    type=click.Choice(STREAM_NAMES),
    help="Only this stream; repeat it for several. Default: all.",
)
@_accounts_option
def sync_command(settings: Settings, streams: tuple[str, ...], accounts: tuple[str, ...]) -> None:
    """Run one pass of each stream and fill what is missing of its history, then exit.

    Exit code 1 when a stream failed, or what it read could not be stored.
    """
    failed = []
    with app_with_database(settings, enabled(settings, streams)) as app:
        app.storage.writable().run(bookkeeping.note_configured, app.accounts)
        syncs = _of_accounts(app, accounts)
        if unavailable := sorted(set(streams) - {stream.name for stream in app.streams}):
            raise SettingsError(
                [f"--stream {name} needs a token; configure an account" for name in unavailable]
            )
        filler = app.gap_filler()
        for sync in syncs:
            outcome = app.runner.run(sync)
            if outcome == "ok" and isinstance(sync, HistorySync) and not filler.fill(sync):
                outcome = "failed"
            stored = not app.spool.holds(*sync.key)
            click.echo(f"{outcome if stored else 'not stored':<13} {sync.name}")
            if outcome in ("failed", "skipped") or not stored:
                failed.append(sync.name)
            if app.stop.is_set():
                break
    if failed:
        raise click.exceptions.Exit(1)


@click.command()
@with_settings
@click.option(
    "--stream",
    "name",
    required=True,
    type=click.Choice(_HISTORY_STREAMS),
    help="The stream to fill.",
)
@_accounts_option
@click.option(
    "--from",
    "start",
    required=True,
    type=InstantOption(),
    help="Start of the range: ISO 8601; a date is midnight UTC.",
)
@click.option("--to", "end", type=InstantOption(), help="End of the range. Default: now.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only print what is missing and how many requests it takes.",
)
def backfill(
    settings: Settings,
    name: str,
    accounts: tuple[str, ...],
    start: datetime,
    end: datetime | None,
    dry_run: bool,
) -> None:
    """Fill a range of history. What is proven complete already is not requested again."""
    with app_with_database(settings, enabled(settings, [name])) as app:
        for sync in _of_accounts(app, accounts):
            if sync.stream.name != name or not isinstance(sync, HistorySync):
                app.runner.run(sync)  # a stream that this one requires
                continue
            window = Window(start, min(end or sync.now(), sync.settled()))
            if dry_run:
                _describe(sync, window, settings.requests_per_minute)
            else:
                _fill(sync, window)


def _fill(history: HistorySync, window: Window) -> None:
    """Fill a window, with a progress bar."""
    bar = ProgressBar(history.name, sys.stderr)
    job = Backfill(history, bar.show)
    try:
        with history.logged():
            job.complete(window)
    finally:
        bar.end()
    done = job.progress
    click.echo(
        f"{history.name}: {done.pages} pages, {done.inserted} new rows, {done.updated} changed, "
        f"{done.rejected} rejected, {time.monotonic() - done.began:.1f} s"
    )


def _describe(history: HistorySync, window: Window, per_minute: int) -> None:
    """Print what a backfill would read; a window without records still takes one request."""
    windows = Backfill(history).plan(window)
    for partition, missing in windows:
        span = f"{missing.start:%FT%TZ} .. {missing.end:%FT%TZ}"
        click.echo(f"{history.name} {partition.instrument} {span}")
    click.echo(
        f"{history.name}: {len(windows)} windows; at least {len(windows)} requests, "
        f"{len(windows) / per_minute * 60:.0f} s at {per_minute} per minute"
    )
