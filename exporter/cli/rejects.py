"""`rejects list` and `rejects retry`: what could not be read, and whether it can be by now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import click

from exporter.api.sent_tokens import SentTokens
from exporter.cli.command import Command
from exporter.cli.database import app_with_database
from exporter.cli.options import STREAM_NAMES, with_settings
from exporter.cli.reports import as_json_option, json_value, print_rows
from exporter.cli.verify import EXIT_DIFFERENT
from exporter.model.errors import DatabaseError, SettingsError
from exporter.model.stream import PUBLIC_ACCOUNT
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
    "--stream", type=click.Choice(STREAM_NAMES), help="Only of this stream. Default: all."
)
_account_option = click.option(
    "--account", metavar="NAME", help="Only of this account. Default: all, also former ones."
)


@rejects.command("list", cls=Command)
@with_settings
@_stream_option
@_account_option
@as_json_option
def list_command(
    settings: Settings, stream: str | None, account: str | None, as_json: bool
) -> None:
    """Show the open rejects, the oldest first, with the beginning of each record."""
    with app_with_database(settings, (), only_look=True) as app:
        if app.database is None:
            raise DatabaseError("there is no database")
        _require_known(settings, app.database.run(known_accounts), account)
        found = app.database.run(store.open_rejects, stream, account)
    hide = _hider(settings)
    print_rows([_row(reject, hide) for reject in found], as_json)


def _require_known(settings: Settings, stored: Iterable[str], account: str | None) -> None:
    """Raises SettingsError for an account that is neither configured nor ``stored``."""
    names = [*(one.name for one in settings.accounts), PUBLIC_ACCOUNT]
    known = list(dict.fromkeys([*names, *stored]))
    if account is not None and account not in known:
        raise SettingsError([f"--account {account} is not known; write one of: {', '.join(known)}"])


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


@rejects.command("retry", cls=Command)
@with_settings
@_stream_option
@_account_option
@as_json_option
def retry_command(
    settings: Settings, stream: str | None, account: str | None, as_json: bool
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
        _require_known(settings, database.run(known_accounts), account)
        for reject in database.run(store.open_rejects, stream, account):
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
    print_rows(told, as_json=False)
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
