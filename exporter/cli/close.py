"""`reconcile`, `close` and `reopen`: is a month complete, and are its figures final."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import click

from exporter._version import __version__
from exporter.app import App
from exporter.cli.command import Command, examples
from exporter.cli.database import app_with_database
from exporter.cli.options import with_settings
from exporter.cli.tables import print_rows
from exporter.model.errors import ChecksFailing, DatabaseError, SettingsError
from exporter.settings import Settings
from exporter.store import closes
from exporter.store.database import Database

EXIT_DIFFERENT = 4
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])(?:-01)?")
_SHOWN = ("account", "month", "check_name", "state", "difference", "currency", "failing_since")
"""What is printed in columns; the rest follows below, for what fails."""


class MonthOption(click.ParamType[date]):
    """A calendar month: ``2026-10``."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The month's first day. Fails with what to write instead."""
        match = _MONTH.fullmatch(str(value))
        if match is None or match[1] == "0000":
            self.fail(f"{value!r} is not a month; write for example 2026-10", param, ctx)
        return date(int(match[1]), int(match[2]), 1)


_zone_option = click.option(
    "--zone",
    metavar="ZONE",
    help="Time zone in which the month begins and ends, such as Europe/Vienna."
    " Default: the business zone.",
)


@click.command(cls=Command, epilog=examples("reconcile --month 2026-10"))
@with_settings("database", "reports")
@click.option("--month", type=MonthOption(), metavar="MONTH", help="Only this month: 2026-10.")
@_zone_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the rows to look at.")
def reconcile(settings: Settings, month: date | None, zone: str | None, as_json: bool) -> None:
    """Ask every check of the months: whether what is stored is complete, and fits together.

    What reporting.month_close says, judged anew. Exit code 4 when a check fails.
    """
    with app_with_database(settings, (), must_exist=True) as app:
        database = _database(app)
        named = database.run(closes.zone_of, zone)
        months = database.run(closes.judged_months, named) if month is None else [month]
        # Each in a transaction of its own: with years of trades they take their time.
        found = [check for each in months for check in database.run(closes.judge, named, each)]
    if month is not None and not found:
        raise SettingsError([f"--month {month:%Y-%m}: nothing is known of it ({named})"])
    if as_json:
        print_rows(
            [{k: v for k, v in check.items() if k != "account_id"} for check in found], as_json
        )
    else:
        _print(found)
    if any(check["state"] == "failing" for check in found):
        raise click.exceptions.Exit(EXIT_DIFFERENT)


def _database(app: App) -> Database:
    if app.database is None:
        raise DatabaseError("there is no database")
    return app.database


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        {name: check[name] for name in _SHOWN} | {"month": f"{check['month']:%Y-%m}"}
        for check in found
    ]
    print_rows(rows, as_json=False, least=("failing_since",), titles={"check_name": "check"})
    for check in found:
        if check["state"] == "failing":
            currency = f" {check['currency']}" if check["currency"] else ""
            click.echo(
                f"\n{check['account']} {check['month']:%Y-%m} {check['check_name']}{currency}:"
                f" {check['detail']}\n  look at: {check['rows_to_look_at']}"
            )


@click.command(
    cls=Command,
    epilog=examples("close 2026-10", "close 2026-10 --acknowledge main/rates='booked by hand'"),
)
@with_settings("database", "reports")
@click.argument("month", type=MonthOption())
@_zone_option
@click.option(
    "--acknowledge",
    multiple=True,
    metavar="CHECK=REASON",
    help="Close although this check fails (of one account: ACCOUNT/CHECK), for this reason; repeat"
    " it for several.",
)
def close(settings: Settings, month: date, zone: str | None, acknowledge: tuple[str, ...]) -> None:
    """Lock the figures of MONTH (2026-10): the monthly views keep answering with them.

    Every check of reporting.month_close must be ok first. What becomes known later shows in
    reporting.late_facts alone, until the month is reopened and closed again. Exit code 4 when a
    check fails.
    """
    accepted = _acknowledged(acknowledge)
    with app_with_database(settings, (), must_exist=True) as app:
        database = _database(app)
        named = database.run(closes.zone_of, zone)
        try:
            lock = database.run(
                closes.close, month, named, version=__version__, acknowledged=accepted
            )
        except ChecksFailing as error:
            _print(error.checks)
            click.echo(f"\nerror: {error}", err=True)
            raise click.exceptions.Exit(EXIT_DIFFERENT) from error
        database.run(closes.judge, named, month)
    click.echo(f"closed {month:%Y-%m} ({named}): {lock.rows} rows, SHA-256 {lock.checksum}")
    for name, reason in accepted.items():
        click.echo(f"acknowledged {name}: {reason}")


def _acknowledged(texts: Sequence[str]) -> dict[str, str]:
    """Check name to reason. Raises SettingsError with every fault."""
    found, faults = {}, []
    for text in texts:
        name, equals, reason = text.partition("=")
        if not equals or not name.strip() or not reason.strip():
            faults.append(
                f"--acknowledge {text!r} is not CHECK=REASON; write for example"
                " positions='taken over from the old account'"
            )
        else:
            found[name.strip()] = reason.strip()
    if faults:
        raise SettingsError(faults)
    return found


@click.command(cls=Command)
@with_settings("database", "reports")
@click.argument("month", type=MonthOption())
@_zone_option
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the lock.")
def reopen(settings: Settings, month: date, zone: str | None, reason: str) -> None:
    """Take the newest lock off: MONTH is computed anew, and can be closed again.

    What was locked is kept.
    """
    if not reason.strip():
        raise SettingsError(["--reason is empty; write why the month is opened again"])
    with app_with_database(settings, (), must_exist=True) as app:
        database = _database(app)
        named = database.run(closes.zone_of, zone)
        database.run(closes.reopen, month, named, reason.strip())
    click.echo(f"reopened {month:%Y-%m} ({named}): {reason.strip()}")
