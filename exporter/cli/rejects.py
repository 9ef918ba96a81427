"""`rejects list` and `rejects retry`: what could not be read, and whether it can be by now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from exporter.api.sent_tokens import SentTokens
from exporter.cli.choice import accounts_option, require_known
from exporter.cli.command import Command
from exporter.cli.database import app_with_database
from exporter.cli.options import STREAM_NAMES, with_settings
from exporter.cli.reports import as_json_option
from exporter.cli.tables import json_value, print_rows
from exporter.cli.verify import EXIT_DIFFERENT
from exporter.model.errors import DatabaseError, SettingsError
from exporter.settings import Settings
from exporter.store import rejects as store
from exporter.store.imports import known_accounts
from exporter.store.rejects import OpenReject
from exporter.streams import STREAMS
from exporter.sync.reject_retry import RejectRetry

_SAMPLE = 120
"""Characters that are shown of a record; `reporting.open_rejects` has all of it."""

Hide = Callable[[str], str]


@click.group()
def rejects() -> None:
    """Records that could not be read or stored."""


_stream_option = click.option(
    "--stream",
    type=click.Choice(STREAM_NAMES),
    metavar="NAME",
    help=f"Only of this stream. Default: all. One of: {', '.join(STREAM_NAMES)}.",
)


@rejects.command("list", cls=Command, short_help="Show the open rejects")
@with_settings("database")
@_stream_option
@accounts_option
@as_json_option
def list_command(
    settings: Settings, stream: str | None, accounts: tuple[str, ...], as_json: bool
) -> None:
    """Show the open rejects, the oldest first, with the beginning of each record."""
    with app_with_database(settings, (), only_look=True) as app:
        if app.database is None:
            raise DatabaseError("there is no database")
        require_known(settings, app.database.run(known_accounts), accounts)
        found = app.database.run(store.open_rejects, stream, accounts)
    hide = _hider(settings)
    print_rows([_row(reject, hide) for reject in found], as_json, below=("reason", "key", "sample"))


def _row(reject: OpenReject, hide: Hide) -> dict[str, Any]:
    """One reject as it is shown."""
    shown = hide(reject.record)
    key = None if reject.key is None else {name: hide(text) for name, text in reject.key.items()}
    return {
        "id": reject.reject_id,
        "stream": reject.stream,
        "account": reject.account,
        "scope": reject.scope,
        "since": reject.since,
        "reason": hide(reject.reason),
        "key": key,
        "happened_at": reject.happened_at,
        "sample": shown if len(shown) <= _SAMPLE else f"{shown[:_SAMPLE]}...",
    }


@rejects.command("retry", cls=Command, short_help="Read them again with this version")
@with_settings("database")
@_stream_option
@accounts_option
@as_json_option
def retry_command(
    settings: Settings, stream: str | None, accounts: tuple[str, ...], as_json: bool
) -> None:
    """Read the open rejects again with this version, and load what can be read now.

    Exit code 0 when none is left, 4 when some remain. Makes no request. Records of a present state
    (balances, instruments) cannot be read into the past: the next response ends them. Details of a
    closed position are requested again by the service.
    """
    hide, told = _hider(settings), list[dict[str, Any]]()
    with app_with_database(settings, (), must_exist=True) as app:
        retry = RejectRetry(STREAMS, app.storage, datetime.now(UTC))
        database = app.storage.writable()
        require_known(settings, database.run(known_accounts), accounts)
        for reject in database.run(store.open_rejects, stream, accounts):
            result = retry.retry(reject)
            row = _row(reject, hide) | {"result": result.state, "reason": hide(result.why)}
            told.append({name: row[name] for name in _TOLD})
    if as_json:
        click.echo(json.dumps(told, default=json_value, indent=1))
    else:
        _summarise(told)
    if any(row["result"] != "loaded" for row in told):
        raise click.exceptions.Exit(EXIT_DIFFERENT)


_TOLD = ("id", "stream", "account", "happened_at", "result", "reason")


def _summarise(told: list[dict[str, Any]]) -> None:
    print_rows(told, as_json=False, below=("reason",))
    if told:
        counts = Counter(row["result"] for row in told)
        click.echo(", ".join(f"{count} {result}" for result, count in sorted(counts.items())))


def _hider(settings: Settings) -> Hide:
    """Takes the configured tokens out of a text: an earlier version may have stored one."""
    tokens = SentTokens()
    for account in settings.accounts:
        try:
            tokens.note(account.token.get() or "")
        except (OSError, SettingsError):
            continue  # a token that cannot be read is not looked for either
    return tokens.redact
