"""`sync` and `backfill`: read history from the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import click

from exporter.app import App, enabled
from exporter.cli.choice import (
    accounts_option,
    from_option,
    history_option,
    of_accounts,
    past_window,
    require_past,
    require_read,
    to_option,
)
from exporter.cli.command import Command, examples
from exporter.cli.database import app_with_database
from exporter.cli.options import STREAM_NAMES, with_settings
from exporter.cli.progress import ProgressBar
from exporter.model.errors import ExchangeError, NoFutures, Stopping
from exporter.model.window import Window
from exporter.settings import Settings
from exporter.store import bookkeeping, lots, rollups
from exporter.store.database import Connection
from exporter.sync import Backfill, FollowerSync, GapFiller, HistorySync, Outcome, StreamSync


@click.command(
    "sync",
    cls=Command,
    epilog=examples("sync", "sync --stream trades --stream balances --account main"),
)
@with_settings("exchange", "streams", "database", "reports", "log")
@click.option(
    "--stream",
    "streams",
    multiple=True,
    type=click.Choice(STREAM_NAMES),
    metavar="NAME",
    help="Only this stream; repeat it for several. Default: all."
    f" One of: {', '.join(STREAM_NAMES)}.",
)
@accounts_option
def sync_command(settings: Settings, streams: tuple[str, ...], accounts: tuple[str, ...]) -> None:
    """Run one pass of each stream and fill what is missing of its history, then exit.

    Exit code 1 when a stream failed, or what it read could not be stored.
    """
    failed = []
    require_read(settings, streams, accounts)
    with app_with_database(settings, enabled(settings, streams), asks=accounts) as app:
        app.storage.writable().run(bookkeeping.note_configured, app.accounts)
        syncs = of_accounts(app, accounts)
        if not streams and app.database is not None:
            app.database.run(_record_choice, app.chosen_streams())
        filler = app.gap_filler()
        for sync in syncs:
            with ProgressBar(sync.name, sys.stderr, announce=False) as bar:
                outcome = _sync(app, filler, sync, bar)
            stored = not app.spool.holds(*sync.key)
            click.echo(f"{outcome if stored else 'not stored':<13} {sync.name}{unread(sync)}")
            if outcome in ("failed", "skipped") or not stored:
                failed.append(sync.name)
            if app.stop.is_set():
                raise Stopping("asked to stop: not all streams were read to their end")
        if app.storage.up:
            for account_id in {
                sync.account.account_id for sync in syncs if sync.account.account_id
            }:
                lots.sum_finished_days(app.storage, account_id)
                lots.carry_finished_months(app.storage, account_id)
                rollups.roll_finished_months(app.storage, account_id)
    if failed:
        raise click.exceptions.Exit(1)


def _record_choice(connection: Connection, chosen: Mapping[str, Sequence[str]]) -> None:
    for account, names in chosen.items():
        if names:
            bookkeeping.choose_streams(connection, account, names)


def _sync(app: App, filler: GapFiller, sync: StreamSync, bar: ProgressBar) -> Outcome:
    """One pass, and what is missing; also where only some of the instruments could be read."""
    outcome = app.runner.run(sync)
    if isinstance(sync, HistorySync) and (outcome == "ok" or sync.partly_read):
        with suppress(Stopping):
            if filler.fill(sync, bar.show):
                return outcome
        return "failed"
    while outcome == "ok" and isinstance(sync, FollowerSync) and sync.pending():
        outcome = app.runner.run(sync)
    return outcome


def unread(sync: StreamSync) -> str:
    """What the exchange does not serve of a stream, which is no failure."""
    told = "; ".join(f"{scope}: {reason}" for scope, reason in sync.unread_scopes.items())
    return f" (without {told})" if told else ""


@click.command(
    cls=Command,
    epilog=examples(
        "backfill --stream trades --from 2025-01-01 --to 2026-01-01 --dry-run",
        "backfill --stream trades --from 2025-01-01",
    ),
)
@with_settings("exchange", "streams", "database", "reports", "log")
@history_option
@accounts_option
@from_option
@to_option
@click.option(
    "--again",
    is_flag=True,
    help="Read what is proven complete once more, for records that appeared late or changed.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only print what would be read and how many requests it takes.",
)
def backfill(
    settings: Settings,
    name: str,
    accounts: tuple[str, ...],
    start: datetime,
    end: datetime | None,
    again: bool,
    dry_run: bool,
) -> None:
    """Fill a range of history. What is proven complete is not requested again, unless --again.

    A range that ends in the future is read up to now.
    """
    failed = False
    require_read(settings, (name,), accounts)
    require_past(start, end)
    asks = None if dry_run else accounts
    with app_with_database(settings, enabled(settings, [name]), asks=asks) as app:
        for sync in of_accounts(app, accounts):
            if sync.stream.name != name or not isinstance(sync, HistorySync):
                app.runner.run(sync)  # a stream that this one requires
                continue
            window = past_window(sync, start, end)
            if dry_run:
                _describe(sync, window, settings.requests_per_minute, again=again)
                continue
            if _prepared(app, sync):
                failed |= not _fill(app, sync, window, again=again)
            else:
                failed = True
    if failed:
        raise click.exceptions.Exit(1)


def _prepared(app: App, sync: HistorySync) -> bool:
    """Have a pass find out what the service knows before it fills: which instruments are served,
    and which orders are open. Whether it may be filled; what stands in the way was told."""
    outcome = "ok" if sync.ready_for_backfill else app.runner.run(sync)
    # What an account without futures has of them is told, and is no failure.
    if sync.ready_for_backfill or (outcome == "not permitted" and sync.stream.requires_futures):
        return True
    why = "what is there now could not be read, which has to be known first: see above"
    click.echo(f"error: {sync.name}: {why}", err=True)
    return False


def _fill(app: App, history: HistorySync, window: Window, *, again: bool) -> bool:
    """Fill a window, with a progress bar; whether it succeeded, or there is nothing to read."""
    error: ExchangeError | None = None
    with ProgressBar(history.name, sys.stderr) as bar:
        job = Backfill(history, bar.show, again=again)
        try:
            with history.logged():
                job.complete(window)
        except ExchangeError as failure:
            error = app.runner.explain(history, failure)
    if isinstance(error, NoFutures):
        click.echo(f"{history.name}: {error}")
        return True
    done = job.progress
    late = f" ({done.late} of them late)" if again else ""
    click.echo(
        f"{history.name}: {done.pages} pages, {done.inserted} new rows{late}, "
        f"{done.updated} changed, {done.rejected} rejected, "
        f"{time.monotonic() - done.began:.1f} s{unread(history)}"
    )
    if error is not None:
        click.echo(f"error: {history.name}: {error}", err=True)
    return error is None


def _describe(history: HistorySync, window: Window, per_minute: int, *, again: bool) -> None:
    """Print what a backfill would read; a window without records still takes one request."""
    windows = Backfill(history, again=again).plan(window)
    for partition, missing in windows:
        span = f"{missing.start:%FT%TZ} .. {missing.end:%FT%TZ}"
        click.echo(f"{history.name} {partition.instrument} {span}")
    click.echo(
        f"{history.name}: {len(windows)} windows; at least {len(windows)} requests, "
        f"{len(windows) / per_minute * 60:.0f} s at {per_minute} per minute"
    )
