"""`status` and `gaps`: the state of the sync, as recorded in Postgres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import click

from exporter.cli.choice import accounts_option, require_known
from exporter.cli.command import Command, examples
from exporter.cli.database import app_with_database
from exporter.cli.options import with_settings
from exporter.cli.tables import Row, plain, print_rows
from exporter.model.errors import DatabaseError
from exporter.settings import Settings
from exporter.store import reports
from exporter.store.database import Connection
from exporter.store.imports import known_accounts
from exporter.streams import STREAMS

Found = TypeVar("Found")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

_TITLES = {
    "last_success_at": "success",
    "coverage": "proven",
    "next_due_at": "due",
    "is_tail": "newest",
    "not_counted_because": "not counted",
}
"""What stands above a column of which the name is wider than its values."""
_STATUS_ORDER = ("account", "stream", "last_success_at", "lag", "coverage", "rows", "next_due_at")
"""These come first in the table."""
_STATUS_LEAST = ("kind", "covered_to", "required_from", "served_from")


@click.command(cls=Command, epilog=examples("status", "status --account main", "status --json"))
@with_settings("database")
@accounts_option
@as_json_option
@click.option(
    "--drift",
    "only_drift",
    is_flag=True,
    help="Show what the exchange sends and does not document instead: fields, values, page shapes.",
)
def status(settings: Settings, accounts: tuple[str, ...], as_json: bool, only_drift: bool) -> None:
    """Show last success, lag, rows, coverage and next due time per account and stream.

    Then the months that are not complete, which JSON leaves to reporting.month_close. A terminal
    shows what it has room for; a pipe and JSON have all of it. Times are UTC.
    """
    if only_drift:
        drift = _query(settings, accounts, reports.drift)
        print_rows(_of(accounts, drift), as_json, below=("path", "sample"))
        return
    found, months = _query(settings, accounts, _status)
    rows = _of(accounts, found)
    if as_json:
        print_rows(rows, as_json)
        return
    ordered = [
        {name: row[name] for name in (*_STATUS_ORDER, *row)}
        | {"coverage": _percent(row["coverage"])}
        for row in rows
    ]
    print_rows(ordered, False, below=("last_error", "unread"), least=_STATUS_LEAST, titles=_TITLES)
    if failing := _of(accounts, [month._asdict() for month in months]):
        click.echo("\nMonths that are not complete:")
        print_rows(failing, False, below=("detail",))


def _percent(share: Decimal | None) -> str | None:
    """With all digits: what is not complete must not look as if it were."""
    return None if share is None else f"{plain(share * 100)}%"


def _status(connection: Connection) -> tuple[list[dict[str, Any]], list[reports.FailingMonth]]:
    return reports.status(connection, STREAMS), reports.failing_months(connection)


@click.command(cls=Command, epilog=examples("gaps", "gaps --account main --json"))
@with_settings("database")
@accounts_option
@as_json_option
def gaps(settings: Settings, accounts: tuple[str, ...], as_json: bool) -> None:
    """Show the time ranges of history that are not proven complete.

    The newest range of a stream is always among them: what has just happened may still appear.
    """
    found = _of(accounts, _query(settings, accounts, reports.gaps))
    print_rows(found, as_json, below=("not_counted_because",), titles=_TITLES)


def _of(accounts: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """The rows of these accounts, or of all."""
    return [row for row in rows if not accounts or row["account"] in accounts]


def _query(
    settings: Settings, accounts: Sequence[str], query: Callable[[Connection], Found]
) -> Found:
    with app_with_database(settings, (), only_look=True) as app:
        if app.database is None:
            raise DatabaseError("there is no database")
        if accounts:
            require_known(settings, app.database.run(known_accounts), accounts)
        return app.database.run(query)
