"""What a command is to work on: accounts, streams, a range of time. All of it is checked before
Postgres is touched, as far as the settings tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from exporter.app import App, enabled, readers
from exporter.model.errors import SettingsError
from exporter.model.stream import PUBLIC_ACCOUNT, Stream
from exporter.model.window import Window
from exporter.settings import Settings, instant, surely_ahead
from exporter.streams import STREAMS
from exporter.sync import HistorySync, StreamSync

HISTORY_STREAMS = [stream.name for stream in STREAMS if stream.backfilled]
_BY_NAME = {stream.name: stream for stream in STREAMS}


class InstantOption(click.ParamType[datetime]):
    """An ISO 8601 instant with a zone, or a bare date: midnight UTC."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant, in UTC. Fails with what is wrong and what to write instead."""
        if isinstance(value, datetime):
            return value
        try:
            return instant(str(value))
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


accounts_option = click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="Only this account; repeat it for several. Default: all.",
)
history_option = click.option(
    "--stream",
    "name",
    required=True,
    type=click.Choice(HISTORY_STREAMS),
    metavar="NAME",
    help=f"The stream whose history it is, one of: {', '.join(HISTORY_STREAMS)}.",
)
from_option = click.option(
    "--from",
    "start",
    required=True,
    metavar="TIME",
    type=InstantOption(),
    help="Start of the range: ISO 8601; a date is midnight UTC.",
)
to_option = click.option(
    "--to", "end", metavar="TIME", type=InstantOption(), help="End of the range. Default: now."
)
required_to_option = click.option(
    "--to",
    "end",
    required=True,
    metavar="TIME",
    type=InstantOption(),
    help="End of the range, exclusive.",
)


def require_read(settings: Settings, streams: Sequence[str], accounts: Sequence[str]) -> None:
    """Raises SettingsError for an account that is not configured, and for a stream that is read of
    none of the accounts (none given: of none at all): a command that does nothing has failed."""
    configured = [*(account.name for account in settings.accounts), PUBLIC_ACCOUNT]
    advice = f"write one of: {', '.join(configured)}"
    unknown = sorted(set(accounts) - set(configured))
    faults = [f"--account {name} is not configured; {advice}" for name in unknown]
    if not unknown:
        chosen = set(accounts or configured)
        for name in dict.fromkeys(streams):
            found = _why_not_read(settings, _BY_NAME[name], chosen)
            faults += [] if found is None else [f"--stream {name} {found}"]
    if faults:
        raise SettingsError(faults)


def require_known(settings: Settings, stored: Iterable[str], accounts: Sequence[str]) -> None:
    """Raises SettingsError for accounts that are neither configured nor ``stored``."""
    names = [*(account.name for account in settings.accounts), PUBLIC_ACCOUNT]
    known = list(dict.fromkeys([*names, *stored]))
    advice = f"write one of: {', '.join(known)}"
    faults = [f"--account {name} is not known; {advice}" for name in accounts if name not in known]
    if faults:
        raise SettingsError(faults)


def _why_not_read(settings: Settings, stream: Stream, accounts: set[str]) -> str | None:
    """Why a stream is read of none of these accounts; None when it is."""
    if stream not in enabled(settings, [stream.name]) and not _needs_account(settings, stream):
        if stream.needs_scopes:
            return f"is off; name what to read of it in ONETRADING_{stream.name.upper()}"
        return "needs a database; set DATABASE_URL"
    read_of = readers(settings, stream)
    if accounts.intersection(read_of):
        return None
    if not settings.accounts:
        return "needs a token; configure an account"
    if not read_of:
        return "needs an account that reads it"
    return f"is not read of the accounts that --account names, but of: {', '.join(read_of)}"


def _needs_account(settings: Settings, stream: Stream) -> bool:
    return not (stream.public or settings.accounts)


def of_accounts(app: App, names: Sequence[str]) -> list[StreamSync]:
    """The streams of the named accounts, or of all."""
    return [sync for sync in app.syncs if not names or sync.account.name in names]


def require_past(start: datetime, end: datetime | None) -> None:
    """Raises SettingsError for a range that holds no instant of the past, whatever time it is."""
    faults = []
    if end is not None and start >= end:
        faults.append(f"--from {start:%FT%TZ} is not before --to {end:%FT%TZ}; correct one of them")
    if surely_ahead(start, datetime.now(UTC)):
        faults.append(f"--from {start:%FT%TZ} lies in the future; write an instant that has passed")
    if faults:
        raise SettingsError(faults)


def past_window(sync: HistorySync, start: datetime, end: datetime | None) -> Window:
    """The part of a range that lies in the past, by the exchange's clock.

    Raises SettingsError when nothing does, and ExchangeError.
    """
    settled = min(end or sync.now(), sync.settled())
    if start >= settled:
        raise SettingsError(
            [
                f"--from {start:%FT%TZ} is not before {settled:%FT%TZ}, up to which the exchange's"
                " history can be read by now; write an earlier instant"
            ]
        )
    return Window(start, settled)
