"""`import movements|rates|lots FILE`: what the exchange does not tell, from a CSV file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from exporter.cli.command import Command
from exporter.cli.database import app_with_database
from exporter.cli.options import with_settings
from exporter.cli.progress import CountLine
from exporter.importer import LAYOUTS, FaultList, Layout, Target, rows_of
from exporter.model.errors import DatabaseError, FileFaults
from exporter.settings import Settings
from exporter.store import imports
from exporter.store.database import Connection
from exporter.store.imports import Differing, Imported, Repeated

_file_argument = click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
_replace_option = click.option(
    "--replace",
    is_flag=True,
    help="Replace what is known with other content; what it was is kept as an issue.",
)


@click.group("import")
def import_command() -> None:
    """Import deposits and withdrawals, exchange rates, or lots from a CSV file.

    UTF-8 with a header; columns in any order; decimal points; times as ISO 8601 with a zone, or a
    date, which is midnight UTC. All that is wrong is listed, and then nothing is imported. What is
    known already changes nothing.
    """


@import_command.command(
    "movements", cls=Command, short_help="Deposits, withdrawals, transfers and fees"
)
@with_settings("database")
@_file_argument
@_replace_option
def movements(settings: Settings, file: Path, replace: bool) -> None:
    """Import deposits, withdrawals, transfers and fees that the exchange's API does not tell.

    Columns: account,reference,moved_at,currency_code,amount,kind,note (may be left out). The amount
    is positive when it came in, negative when it went out. Kinds: deposit, withdrawal, transfer,
    fee, other. An account is named as configured; it must have been read once.
    """
    _import(settings, LAYOUTS["movements"], file, replace=replace)


@import_command.command("rates", cls=Command, short_help="Exchange rates of days")
@with_settings("database")
@_file_argument
@_replace_option
def rates(settings: Settings, file: Path, replace: bool) -> None:
    """Import exchange rates, one a day, pair and source.

    Columns: day,base,quote,rate,source: one unit of base is worth rate units of quote. Or the ECB's
    eurofxref-hist.csv as it is (unpacked): base EUR, source ECB.
    """
    _import(settings, LAYOUTS["rates"], file, replace=replace)


@import_command.command("lots", cls=Command, short_help="Lots of before, or of elsewhere")
@with_settings("database")
@_file_argument
@_replace_option
def lots(settings: Settings, file: Path, replace: bool) -> None:
    """Import lots that were acquired before or outside of the history.

    Columns: account,reference,base_code,quote_code,acquired_at,quantity,cost. The cost is the total
    in quote_code, without fees; leave it empty where it is not known.
    """
    _import(settings, LAYOUTS["lots"], file, replace=replace)


def _import(settings: Settings, layout: Layout, file: Path, *, replace: bool) -> None:
    with app_with_database(settings, (), only_look=True) as app:
        if app.database is None:
            raise DatabaseError("there is no database")
        done = app.database.run(_load, layout, file, replace=replace)
    click.echo(
        f"{layout.target.stream}: {done.inserted} inserted, {done.unchanged} unchanged,"
        f" {done.replaced} replaced"
    )


def _load(connection: Connection, layout: Layout, file: Path, *, replace: bool) -> Imported:
    """All of it, in one transaction. Raises FileFaults with all that is wrong."""
    target, faults = layout.target, FaultList()
    accounts = imports.known_accounts(connection) if target.has_account else {}
    with file.open("rb") as content, CountLine(f"{file.name}", sys.stderr) as line:
        rows = rows_of(content, layout, accounts, faults)
        imports.receive(connection, target, line.counting(rows))
    for found in imports.repeated(connection, target):
        faults.add(found.lines[0], "", _twice(target, found))
    if not replace:
        for other in imports.differing(connection, target):
            faults.add(other.line, "", _contradicts(target, other))
    if faults.count:
        raise FileFaults([f"{file}: {text}" for text in faults.all()])
    return imports.load(connection, target)


def _twice(target: Target, found: Repeated) -> str:
    lines = ", ".join(str(line) for line in found.lines[1:6])
    return f"{_key(target, found.key)} stands in line {lines} as well; remove all but one"


def _contradicts(target: Target, other: Differing) -> str:
    differences = ", ".join(
        f"{name} is {_value(other.stored[name])} and not {_value(other.read[name])}"
        for name in target.columns
        if other.stored.get(name) != other.read.get(name)
    )
    key = _key(target, other.key)
    return (
        f"{key} is known with other content: {differences}; correct the file, or take what it says"
        " with --replace"
    )


def _key(target: Target, key: dict[str, Any]) -> str:
    return " ".join(str(key[name]) for name in target.key if name != "account_id")


def _value(text: str | None) -> str:
    return "empty" if text is None else text
