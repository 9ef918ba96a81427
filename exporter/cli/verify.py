"""`verify` and `reset`: compare proven history with the exchange, or have it read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import click

from exporter.app import App, enabled
from exporter.cli.choice import (
    accounts_option,
    from_option,
    history_option,
    of_accounts,
    require_past,
    require_read,
    required_to_option,
)
from exporter.cli.command import Command, examples
from exporter.cli.database import app_with_database
from exporter.cli.history import unread
from exporter.cli.options import with_settings
from exporter.model.errors import (
    ExchangeError,
    ExporterError,
    NoFutures,
    NotYet,
    SettingsError,
    Stopping,
)
from exporter.model.stream import PUBLIC_ACCOUNT_ID, Partition
from exporter.model.window import Window, seconds
from exporter.settings import Settings
from exporter.store import bookkeeping, verified
from exporter.sync import Compared, HistorySync, Verification

EXIT_DIFFERENT = 4
_DEADLINE_S = 60.0
_MOST_SHOWN = 20
"""Findings that are printed of a stream; `reporting.late_facts` has them all."""


@click.command(
    cls=Command, epilog=examples("verify --stream trades --from 2026-03-01 --to 2026-04-01")
)
@with_settings("exchange", "streams", "database", "log")
@history_option
@from_option
@required_to_option
@accounts_option
def verify(
    settings: Settings, name: str, start: datetime, end: datetime, accounts: tuple[str, ...]
) -> None:
    """Read a range again, as far as it is proven complete, and report what differs.

    Late records are loaded, changed ones replace what was stored, vanished ones are told; nothing
    is deleted. Exit code 4 when something differs, 1 when it could not be read.
    """
    window, failed, differs = Window(start, end), False, False
    require_read(settings, (name,), accounts)
    require_past(start, end)
    with app_with_database(
        settings, enabled(settings, [name]), must_exist=True, asks=accounts
    ) as app:
        for sync in of_accounts(app, accounts):
            if sync.stream.name != name or not isinstance(sync, HistorySync):
                app.runner.run(sync)  # a stream that this one requires
                continue
            if sync.stream.partitioned:
                app.runner.run(sync)  # finds out which instruments the exchange serves
            found = _verify(app, sync, window)
            failed |= found is None
            differs |= found is not None and found.differs
    if failed:
        raise click.exceptions.Exit(1)
    if differs:
        raise click.exceptions.Exit(EXIT_DIFFERENT)


def _verify(app: App, sync: HistorySync, window: Window) -> Compared | None:
    """Verify what is proven of a window, and print what was found; None: it could not be read."""
    began = sync.database.run(verified.server_time)
    done = _Done()
    error: ExporterError | None = None
    try:
        with sync.logged():
            _read(app, sync, window, done)
    except ExchangeError as failure:
        error = app.runner.explain(sync, failure)
    except NotYet as failure:
        error = failure
    if isinstance(error, NoFutures):
        click.echo(f"{sync.name}: {error}")
        return done.found
    _print(sync, done.found, began)
    if done.proven_s < done.wanted_s:
        share = f"{done.proven_s / done.wanted_s:.1%}"
        click.echo(f"{sync.name}: {share} of the range is proven complete; the rest was not read")
    if error is not None:
        click.echo(f"error: {sync.name}: {error}", err=True)
        return None
    return done.found


@dataclass
class _Done:
    """What was verified so far."""

    found: Compared = field(default_factory=Compared)
    proven_s: float = 0.0
    wanted_s: float = 0.0


def _read(app: App, sync: HistorySync, window: Window, done: _Done) -> None:
    job = Verification(sync, _DEADLINE_S)
    for partition in sync.partitions():
        parts = sync.covered(partition, window)
        done.proven_s += seconds(parts)
        done.wanted_s += window.span.total_seconds()
        for part in job.windows(partition, parts):
            if app.stop.is_set():
                raise Stopping("asked to stop: not all of the range was verified")
            done.found = done.found.plus(job.verify(partition, part))


def _print(sync: HistorySync, found: Compared, since: datetime) -> None:
    told = f", {found.told_before} of them told before" if found.told_before else ""
    returned = f", {found.returned} returned" if found.returned else ""
    unserved = f", {found.not_served} of a time no longer served" if found.not_served else ""
    click.echo(
        f"{sync.name}: {found.facts} facts compared, {found.pages} pages: {found.late} late, "
        f"{found.changed} changed, {found.vanished} vanished{told}{returned}{unserved}"
        f"{unread(sync)}"
    )
    base = sync.account.partition(sync.stream)
    listed = sync.database.run(verified.found_since, base, since)
    for finding in listed[:_MOST_SHOWN]:
        key = " ".join(finding.key.values())
        at = "" if finding.happened_at is None else f"{finding.happened_at:%FT%T.%fZ} "
        click.echo(f"  {finding.kind:<9} {at}{key}")
    if len(listed) > _MOST_SHOWN:
        click.echo(f"  and {len(listed) - _MOST_SHOWN} more: see reporting.late_facts")


@click.command(
    cls=Command,
    epilog=examples("reset --stream funding_history --from 2026-03-01 --to 2026-04-01"),
)
@with_settings("exchange", "streams", "database")
@history_option
@from_option
@required_to_option
@click.option(
    "--scope",
    metavar="INSTRUMENT",
    help="Only this instrument, of a stream that is read by instrument. Default: all.",
)
@accounts_option
def reset(
    settings: Settings,
    name: str,
    start: datetime,
    end: datetime,
    scope: str | None,
    accounts: tuple[str, ...],
) -> None:
    """Forget that a range is proven complete, so that it is read again. Facts stay.

    The service, or the next `sync`, reads what is forgotten of the required history; what lies
    before that, `backfill` does. Makes no request.
    """
    window = Window(start, end)
    require_read(settings, (name,), accounts)
    require_past(start, end)
    with app_with_database(settings, enabled(settings, [name]), must_exist=True) as app:
        syncs = [sync for sync in of_accounts(app, accounts) if sync.stream.name == name]
        for sync in syncs:
            if isinstance(sync, HistorySync):
                _reset(sync, window, scope)


def _reset(sync: HistorySync, window: Window, scope: str | None) -> None:
    base = known_partition(sync)
    scopes = [] if base is None else sync.database.run(verified.scopes_of, base)
    if scope is not None and scope not in scopes:
        listed = ", ".join(filter(None, scopes))
        advice = f"write one of: {listed}" if listed else "leave it out"
        raise SettingsError([f"--scope {scope} was never read of {sync.name}; {advice}"])
    forgotten = 0
    for code in scopes if scope is None else [scope]:
        forgotten += 0 if base is None else _forget(sync, base._replace(instrument=code), window)
    if not forgotten:
        click.echo(f"{sync.name}: nothing of it was proven complete")


def _forget(sync: HistorySync, partition: Partition, window: Window) -> int:
    """How many ranges were forgotten."""
    ranges = sync.storage.run_leased(
        partition.account_id,
        lambda connection, lease: verified.forget(connection, partition, window, lease),
    )
    where = f"{sync.name} {partition.instrument}".rstrip()
    for one in ranges:
        click.echo(f"{where}: forgot {one.start:%FT%T.%fZ} .. {one.end:%FT%T.%fZ}")
    required = sync.database.run(bookkeeping.required_from, partition)
    if ranges and required is not None and ranges[0].start < required:
        click.echo(
            f"{where}: what lies before {required:%FT%TZ} is not required: it is read again only by"
            " `backfill`"
        )
    return len(ranges)


def known_partition(sync: HistorySync) -> Partition | None:
    """What is stored of a stream, if its account is known; without a request."""
    account_id = sync.database.run(bookkeeping.account_id, sync.account.name)
    found = PUBLIC_ACCOUNT_ID if sync.account.public else account_id
    return None if found is None else Partition(sync.account.name, found, sync.stream.name)
