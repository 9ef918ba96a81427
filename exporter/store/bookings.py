"""What moved on the accounts, for the formats of bookkeeping: bookings, what was before, rates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from exporter.store.database import Connection
from exporter.store.exports import Selection
from exporter.store.queries import QUERIES

_FETCH_ROWS = 2000


class Opening(NamedTuple):
    """What the bookings of an account before a period come to."""

    account: str
    is_position: bool
    """Of futures positions: ``asset`` is the market, or the currency in which it was paid for."""
    asset: str | None
    amount: Decimal


class Rate(NamedTuple):
    """One unit of ``base`` was worth ``rate`` units of ``quote``."""

    base: str
    quote: str
    day: date
    rate: Decimal
    source: str


def bookings(
    connection: Connection, selection: Selection, zone: str
) -> Iterator[list[dict[str, Any]]]:
    """The bookings in batches, by column of the query; flat memory. ``zone``: of their days."""
    with connection.cursor(name="bookings", row_factory=dict_row) as cursor:
        cursor.execute(QUERIES["bookings"], _parameters(selection) | {"zone": zone})
        while batch := cursor.fetchmany(_FETCH_ROWS):
            yield batch


def booked_before(connection: Connection, selection: Selection) -> list[Opening]:
    """What came before the start of a selection; nothing where it has none."""
    if selection.start is None:
        return []
    found = connection.execute(QUERIES["booked_before"], _parameters(selection))
    return [Opening._make(row) for row in found]


def rates(connection: Connection, first: date | None, last: date | None) -> list[Rate]:
    """The rates of these days, inclusive; of one day and pair, the one to prefer comes last."""
    found = connection.execute(QUERIES["rates_of_period"], {"first": first, "last": last})
    return [Rate._make(row) for row in found]


def business_zone(connection: Connection) -> str:
    """The time zone of days where none is asked for."""
    row = connection.execute("SELECT zone FROM onetrading.business_zone").fetchone()
    return str(row[0]) if row else "UTC"


def day_of(connection: Connection, instant: datetime, zone: str) -> date:
    """The day of an instant in a time zone, as Postgres knows it."""
    row = connection.execute("SELECT (%s AT TIME ZONE %s)::date", [instant, zone]).fetchone()
    assert row is not None  # noqa: S101 -- a SELECT without FROM has one row
    found: date = row[0]
    return found


def _parameters(selection: Selection) -> dict[str, Any]:
    return {"start": selection.start, "end": selection.end, "account": selection.account}
