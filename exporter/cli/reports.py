"""`status` and `gaps`: the state of the sync, as recorded in Postgres."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import click

from exporter.cli.command import Command, examples
from exporter.cli.database import app_with_database
from exporter.cli.options import with_settings
from exporter.model.errors import DatabaseError
from exporter.settings import Settings
from exporter.store import reports
from exporter.store.database import Connection
from exporter.streams import STREAMS

Found = TypeVar("Found")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(cls=Command, epilog=examples("status", "status --json"))
@with_settings
@as_json_option
@click.option(
    "--drift",
    "only_drift",
    is_flag=True,
    help="Show what the exchange sends and does not document instead: fields, values, page shapes.",
)
def status(settings: Settings, as_json: bool, only_drift: bool) -> None:
    """Show last success, lag, rows, coverage and next due time per account and stream.

    Then the months that are not complete, which JSON leaves to reporting.month_close.
    """
    if only_drift:
        print_rows(_query(settings, reports.drift), as_json)
        return
    rows, months = _query(settings, _status)
    print_rows(rows, as_json)
    if months and not as_json:
        click.echo()
        print_rows([month._asdict() for month in months], as_json)


def _status(connection: Connection) -> tuple[list[dict[str, Any]], list[reports.FailingMonth]]:
    return reports.status(connection, STREAMS), reports.failing_months(connection)


@click.command(cls=Command)
@with_settings
@as_json_option
def gaps(settings: Settings, as_json: bool) -> None:
    """Show the time ranges of history that are not proven complete."""
    print_rows(_query(settings, reports.gaps), as_json)


def _query(settings: Settings, query: Callable[[Connection], Found]) -> Found:
    with app_with_database(settings, (), only_look=True) as app:
        if app.database is None:
            raise DatabaseError("there is no database")
        return app.database.run(query)


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, default=json_value, indent=1))
        return
    if not rows:
        click.echo("none")
        return
    cells = [list(rows[0])] + [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        click.echo("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip())


def json_value(value: Any) -> Any:
    """Instants as ISO 8601, durations in seconds, amounts as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(value)
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


def plain(value: Decimal) -> str:
    """All digits of an amount, without an exponent and without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _cell(value: Any) -> str:
    if value is None or value in ([], ""):
        return "-"
    if isinstance(value, dict):
        return " ".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(f"{item['scope']} {item['reason']}".strip() for item in value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, timedelta):
        return str(timedelta(seconds=round(value.total_seconds())))
    return str(value)
