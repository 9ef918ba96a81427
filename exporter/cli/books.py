"""`export ledger --format datev|beancount`: the bookings of a period for other programs' books."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from exporter.cli.progress import CountLine
from exporter.export.beancount_file import BeancountWriter
from exporter.export.bookings import RATE_HOLDS, Booking, Rates
from exporter.export.datev import DOMESTIC, Batch, DatevWriter
from exporter.export.output import Output
from exporter.model.errors import SettingsError
from exporter.settings import DatevSettings
from exporter.store import bookings as store
from exporter.store import exports
from exporter.store.database import Connection
from exporter.store.exports import Selection

VIEW = "ledger"
FORMATS = ("datev", "beancount")
_MICROSECOND = timedelta(microseconds=1)
_NAMES = [field.name for field in fields(Booking)]


def check(format_name: str, view: str, selection: Selection, datev: DatevSettings) -> Iterator[str]:
    """What is wrong with a request for one of these formats."""
    if view != VIEW:
        yield f"--format {format_name} exports the view {VIEW}, not {view}; write {VIEW}"
    if format_name != "datev":
        return
    for name in ("consultant", "client"):
        if getattr(datev, name) is None:
            variable = f"ONETRADING_DATEV_{name.upper()}"
            yield f"{variable} is not set; DATEV takes no batch without it"
    if not datev.accounts:
        yield "ONETRADING_DATEV_ACCOUNTS is not set; name the ledger accounts"
    if selection.start is None or selection.end is None:
        yield "--format datev needs --from and --to, within one fiscal year: add them"


def write_beancount(
    connection: Connection, selection: Selection, output: Output, told: dict[str, Any]
) -> None:
    """Write a ledger. Raises SettingsError for what cannot be booked."""
    zone = selection.zone or store.business_zone(connection)
    names = exports.account_names(connection)
    about = {"exported": told["created_at"], "by": f"onetrading-exporter {told['version']}"}
    about |= {"filters": told["filters"], "complete": told["period"]["complete"], "zone": zone}
    writer = BeancountWriter(output, names, about)
    first, last = _days(connection, selection, zone)
    if first is not None:
        writer.open_with(first, store.booked_before(connection, selection))
    if rates := store.rates(connection, first, last):
        writer.price_all(rates)
    told["rows"] = _copy(connection, selection, zone, writer)
    if writer.faults:
        raise SettingsError(writer.faults)


def write_datev(
    connection: Connection,
    selection: Selection,
    output: Output,
    told: dict[str, Any],
    datev: DatevSettings,
) -> None:
    """Write a batch. Raises SettingsError for what cannot be booked."""
    zone = selection.zone or store.business_zone(connection)
    first, last = _days(connection, selection, zone)
    batch = _batch(datev, first, last, selection, datetime.fromisoformat(told["created_at"]))
    rates = Rates(store.rates(connection, batch.first - RATE_HOLDS, batch.last), DOMESTIC)
    writer = DatevWriter(batch, output, rates, datev.ledger_account)
    told["bookings"] = _copy(connection, selection, zone, writer)
    if writer.faults.count:
        raise SettingsError(writer.faults.all())
    told |= {"rows": writer.records, "carried": writer.carried, "zone": zone}


def _copy(
    connection: Connection,
    selection: Selection,
    zone: str,
    writer: BeancountWriter | DatevWriter,
) -> int:
    count = 0
    with CountLine(VIEW, sys.stderr) as line:
        for batch in store.bookings(connection, selection, zone):
            writer.write(Booking(**{name: row[name] for name in _NAMES}) for row in batch)
            count += len(batch)
            line.show(count)
        writer.end()
    return count


def _days(
    connection: Connection, selection: Selection, zone: str
) -> tuple[date | None, date | None]:
    """The first and the last day of a selection in a time zone."""
    start, end = selection.start, selection.end
    return (
        None if start is None else store.day_of(connection, start, zone),
        None if end is None else store.day_of(connection, end - _MICROSECOND, zone),
    )


def _batch(
    datev: DatevSettings,
    first: date | None,
    last: date | None,
    selection: Selection,
    created_at: datetime,
) -> Batch:
    """What the header says. Raises SettingsError for a period of two fiscal years."""
    if first is None or last is None or datev.consultant is None or datev.client is None:
        raise SettingsError(["--format datev needs --from and --to, and its settings"])
    year_of_first, year_of_last = (_fiscal_year(datev, day) for day in (first, last))
    if year_of_first != year_of_last:
        raise SettingsError(
            [
                f"--from and --to: {first} and {last} are in different fiscal years, and a booking"
                f" of DATEV has no year; end at {year_of_last}"
            ]
        )
    return Batch(
        consultant=datev.consultant,
        client=datev.client,
        fiscal_year_start=year_of_first,
        account_length=datev.account_length,
        first=first,
        last=last,
        label=f"One Trading {selection.account or ''}".strip(),
        created_at=created_at,
    )


def _fiscal_year(datev: DatevSettings, day: date) -> date:
    """The first day of the fiscal year of a day."""
    begins = date(day.year, *datev.fiscal_year_start)
    return begins if begins <= day else begins.replace(year=day.year - 1)
