"""`export VIEW`: a view of `reporting` as a file."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from exporter.app import plain_connection, require_schema
from exporter.cli import books
from exporter.cli.choice import InstantOption
from exporter.cli.command import Command, examples
from exporter.cli.database import require_database
from exporter.cli.options import with_settings
from exporter.cli.progress import CountLine
from exporter.export import metadata, parquet_file
from exporter.export.columns import Column, Extent, Writer
from exporter.export.csv_file import CsvWriter
from exporter.export.output import Output
from exporter.export.parquet_file import ParquetWriter
from exporter.model.errors import ExporterError, SettingsError
from exporter.settings import Settings
from exporter.store import exports as store
from exporter.store.database import Connection
from exporter.store.exports import Selection, View

FORMATS = ("csv", "parquet", *books.FORMATS)
_ALL_ZONES = "_by_zone"
"""How the name of a view ends that has the rows of every time zone, and is not exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be exported, as asked for."""

    view: str
    format_name: str
    out: Path | None
    """None: standard output."""
    selection: Selection
    bom: bool
    for_spreadsheet: bool


@click.command(
    "export",
    cls=Command,
    epilog=examples(
        "export trades --format csv --out trades.csv --from 2026-01-01 --to 2026-02-01",
        "export monthly_fees --format parquet --out fees.parquet --account main",
    ),
)
@with_settings("database", "reports", "datev")
@click.argument("view")
@click.option("--format", "format_name", required=True, type=click.Choice(FORMATS), help="Format.")
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The file to write; - is standard output.",
)
@click.option(
    "--from",
    "start",
    metavar="TIME",
    type=InstantOption(),
    help="Start of the period: ISO 8601; a date is midnight UTC. Default: from the beginning.",
)
@click.option(
    "--to", "end", metavar="TIME", type=InstantOption(), help="End of the period, exclusive."
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="Only this account; one at a time. Default: all.",
)
@click.option(
    "--zone",
    metavar="ZONE",
    help="Time zone of days and months, such as Europe/Vienna. Default: the business zone.",
)
@click.option("--bom", is_flag=True, help="Begin a CSV file with a byte order mark, for Excel.")
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Write a CSV file of which a spreadsheet loses no digit: numbers beyond 15 digits, and"
    " texts that look like numbers, with an apostrophe in front. Implies --bom.",
)
def export(
    settings: Settings,
    view: str,
    format_name: str,
    out: str,
    start: datetime | None,
    end: datetime | None,
    accounts: tuple[str, ...],
    zone: str | None,
    bom: bool,
    spreadsheet: bool,
) -> None:
    """Export a view of the schema reporting as a file, exactly as it is in the database.

    The period is compared with the first of these columns that the view has: booked_at, traded_at,
    disposed_at, closed_at, happened_at, moved_at, funding_time, created_at, start_time, day, month,
    year; days, months and years count by their beginning. FILE.meta.json says what the file
    contains, its SHA-256, and whether reporting.month_close has its months complete. datev and
    beancount export the view ledger.
    """
    request = Request(
        view=view,
        format_name=format_name,
        out=None if out == "-" else Path(out),
        selection=Selection(start, end, _one(accounts), zone),
        bom=bom or spreadsheet,
        for_spreadsheet=spreadsheet,
    )
    _check_usage(request, settings)
    # As Ctrl+C: what is half written is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    require_database(settings)
    with plain_connection(settings) as connection:
        require_schema(connection)
        with store.snapshot(connection) as created_at:
            if format_name in books.FORMATS:
                _export_books(connection, request, created_at, settings)
            else:
                _export(connection, request, created_at)


def _one(accounts: Sequence[str]) -> str | None:
    """The account that was chosen; None: all. Raises SettingsError for several."""
    if len(accounts) > 1:
        raise SettingsError(
            ["--account is there more than once; export one at a time, or all without it"]
        )
    return accounts[0] if accounts else None


def _check_usage(request: Request, settings: Settings) -> None:
    """Raises SettingsError with everything that is wrong without a look at the database."""
    faults = []
    start, end = request.selection.start, request.selection.end
    if start is not None and end is not None and start >= end:
        faults.append("--from is not before --to; correct one of them")
    if request.bom and request.format_name != "csv":
        faults.append("--bom and --spreadsheet are for --format csv; leave them out")
    if request.out is not None and not request.out.parent.is_dir():
        faults.append(f"--out: the directory {request.out.parent} does not exist; create it")
    if request.format_name == "parquet":
        try:
            parquet_file.check_installed()
        except parquet_file.PyarrowMissing as error:
            faults.append(str(error))
    if request.format_name in books.FORMATS:
        wanted = (request.format_name, request.view, request.selection, settings.datev)
        faults += books.check(*wanted)
    if faults:
        raise SettingsError(faults)


def _export(connection: Connection, request: Request, created_at: datetime) -> None:
    view = _found(connection, request)
    selection = request.selection
    filters = _filters(selection, view.time_column)
    told = metadata.describe(view.name, request.format_name, created_at, filters)
    told["columns"] = {column.name: column.type_name for column in view.columns}
    judged = [metadata.Check._make(row) for row in store.checks(connection, selection)]
    told["period"] = metadata.period_of(judged)
    with _written(request, told) as output, CountLine(view.name, sys.stderr) as line:
        writer = _writer(connection, request, view, output, told)
        count = 0
        for batch in store.rows(connection, view, selection):
            writer.write(batch)
            count += len(batch)
            line.show(count)
        writer.end()
        told["rows"] = count
        if isinstance(writer, ParquetWriter):
            told["sha256_as_csv"] = writer.content_sha256


def _export_books(
    connection: Connection, request: Request, created_at: datetime, settings: Settings
) -> None:
    selection = request.selection
    if faults := list(_unknown(connection, selection)):
        raise SettingsError(faults)
    told = metadata.describe(books.VIEW, request.format_name, created_at, _filters(selection))
    judged = [metadata.Check._make(row) for row in store.checks(connection, selection)]
    told["period"] = metadata.period_of(judged)
    with _written(request, told) as output:
        if request.format_name == "datev":
            if request.out and not re.fullmatch(r"EXTF_.*\.csv", request.out.name, re.IGNORECASE):
                click.echo("DATEV takes only files whose name is EXTF_....csv: rename it", err=True)
            books.write_datev(connection, selection, output, told, settings.datev)
        else:
            books.write_beancount(connection, selection, output, told)


def _writer(
    connection: Connection, request: Request, view: View, output: Output, told: dict[str, Any]
) -> Writer:
    columns = [Column(*column) for column in view.columns]
    if request.format_name == "csv":
        return CsvWriter(columns, output, bom=request.bom, for_spreadsheet=request.for_spreadsheet)
    found = store.digits(connection, view, request.selection)
    extents = {name: Extent(*each) for name, each in found.items()}
    return ParquetWriter(columns, output, extents, told)


@contextmanager
def _written(request: Request, told: dict[str, Any]) -> Iterator[Output]:
    """The file, and after it the sidecar: both as a whole. Raises ExporterError."""
    out = request.out
    try:
        with Output(out, sys.stdout.buffer if out is None else None) as output:
            yield output
        told |= {"bytes": output.size, "sha256": output.sha256}
        if out is None:
            click.echo(metadata.as_json(told).decode(), nl=False, err=True)
            return
        if out.is_file():
            with Output(metadata.sidecar(out)) as beside:
                beside.write(metadata.as_json(told))
        click.echo(_summary(out, told), err=True)
    except OSError as error:
        raise ExporterError(f"could not write {out or 'standard output'}: {error}") from error


def _summary(out: Path, told: dict[str, Any]) -> str:
    complete = {True: "the period is complete", False: "the period is not complete"}.get(
        told["period"]["complete"], "no month of it is judged"
    )
    return f"{out}: {told['rows']} rows, {told['bytes']} bytes; {complete}"


def _filters(selection: Selection, time_column: str | None = "booked_at") -> dict[str, Any]:
    bounded = selection.start is not None or selection.end is not None
    return {
        "from": selection.start,
        "to": selection.end,
        "time_column": time_column if bounded else None,
        "account": selection.account,
        "zone": selection.zone,
    }


def _found(connection: Connection, request: Request) -> View:
    """The view, checked against what is asked of it. Raises SettingsError."""
    view = store.find_view(connection, request.view)
    if view is None:
        names = ", ".join(
            name for name in store.view_names(connection) if not name.endswith(_ALL_ZONES)
        )
        raise SettingsError(
            [f"there is no view {request.view!r} in reporting; write one of: {names}"]
        )
    if faults := list(_misfits(connection, view, request.selection)):
        raise SettingsError(faults)
    return view


def _misfits(connection: Connection, view: View, selection: Selection) -> Iterator[str]:
    if view.name.endswith(_ALL_ZONES):
        yield f"{view.name} has the rows of every time zone; export the view without {_ALL_ZONES}"
    if selection.zone is not None and not view.takes_zone:
        yield f"--zone: {view.name} is the same in every time zone; leave it out"
    if (selection.start or selection.end) and view.time_column is None:
        yield f"--from, --to: {view.name} has no column of time to compare with; leave them out"
    if selection.account is not None and not view.has("account"):
        yield f"--account: {view.name} is of no account; leave it out"
    yield from _unknown(connection, selection)


def _unknown(connection: Connection, selection: Selection) -> Iterator[str]:
    names = store.account_names(connection)
    if selection.account is not None and selection.account not in names:
        yield f"--account {selection.account} is not known; write one of: {', '.join(names)}"
    if selection.zone is not None and not store.is_zone(connection, selection.zone):
        yield f"--zone {selection.zone} is not known; name it as the IANA does: Europe/Vienna"
