"""Read a view of `reporting` for an export: found in the catalog, streamed, in one snapshot.

Every value comes as text, as Postgres prints it: nothing is rounded, and nothing becomes a float.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal, NamedTuple

from psycopg import IsolationLevel, sql

from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.store.database import Connection
from exporter.store.session import begin

Kind = Literal["number", "integer", "instant", "date", "boolean", "text", "json", "other"]

_KINDS: Mapping[str, Kind] = {
    "numeric": "number",
    "bigint": "integer",
    "integer": "integer",
    "smallint": "integer",
    "timestamp with time zone": "instant",
    "date": "date",
    "boolean": "boolean",
    "text": "text",
    "uuid": "text",
    "name": "text",
    "character varying": "text",
    "json": "json",
    "jsonb": "json",
}
"""By what Postgres calls the type."""
TIME_COLUMNS = (
    *("booked_at", "traded_at", "disposed_at", "closed_at", "happened_at", "moved_at"),
    *("funding_time", "created_at", "start_time", "day", "month", "year"),
)
"""What a period is compared with: the first of these that the view has."""
_ORDER_OF_TIES = ("traded_at_nanos", "sequence", "trade_id")
_FETCH_ROWS = 2000


class ViewColumn(NamedTuple):
    """A column of a view."""

    name: str
    kind: Kind
    type_name: str


@dataclass(frozen=True, slots=True)
class View:
    """A view, as the catalog has it."""

    name: str
    columns: tuple[ViewColumn, ...]
    takes_zone: bool
    """Whether a function of the same name answers in any time zone."""

    def has(self, name: str) -> bool:
        """Whether it has a column."""
        return any(column.name == name for column in self.columns)

    @property
    def time_column(self) -> str | None:
        """What a period is compared with."""
        return next((name for name in TIME_COLUMNS if self.has(name)), None)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a view; None: all."""

    start: datetime | None = None
    """From when on, inclusive."""
    end: datetime | None = None
    """Until when, exclusive."""
    account: str | None = None
    zone: str | None = None
    """The time zone of days and months; None: the business zone."""


class Digits(NamedTuple):
    """How many digits the numbers of a column take, at most, and whether all are finite."""

    whole: int
    scale: int
    finite: bool


@contextmanager
def snapshot(connection: Connection) -> Iterator[datetime]:
    """One read-only transaction that sees one state throughout; yields its time."""
    connection.rollback()
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction():
        begin(connection)
        # A role's limits are for queries that somebody waits for; a cursor's plan is by default
        # one that has its first rows soon.
        connection.execute(
            "SELECT set_config('statement_timeout', '0', true),"
            " set_config('idle_in_transaction_session_timeout', '0', true),"
            " set_config('cursor_tuple_fraction', '1', true)"
        )
        row = connection.execute("SELECT now()").fetchone()
        assert row is not None  # noqa: S101 -- a SELECT without FROM has one row
        yield row[0]


def view_names(connection: Connection) -> list[str]:
    """The views of `reporting`, by name."""
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'reporting'::regnamespace"
        " AND relkind IN ('v', 'm') ORDER BY relname"
    )
    return [name for (name,) in found]


def find_view(connection: Connection, name: str) -> View | None:
    """A view of `reporting`; None when there is none of this name."""
    found = connection.execute(
        "SELECT attname, format_type(atttypid, NULL), EXISTS ("
        "  SELECT FROM pg_proc WHERE proname = relname AND pronamespace = relnamespace"
        "  AND oidvectortypes(proargtypes) = 'text')"
        " FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE relnamespace = 'reporting'::regnamespace AND relkind IN ('v', 'm')"
        " AND relname = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [name],
    ).fetchall()
    if not found:
        return None
    columns = [ViewColumn(column, _KINDS.get(kind, "other"), kind) for column, kind, _ in found]
    return View(name, tuple(columns), takes_zone=found[0][2])


def account_names(connection: Connection) -> list[str]:
    """Every account that views name."""
    found = connection.execute("SELECT name FROM onetrading.accounts ORDER BY name")
    return [name for (name,) in found]


def is_zone(connection: Connection, name: str) -> bool:
    """Whether days and months can be asked for in a time zone of this name."""
    found = connection.execute("SELECT FROM onetrading.zones WHERE lower(zone) = lower(%s)", [name])
    return found.rowcount == 1


def digits(connection: Connection, view: View, selection: Selection) -> dict[str, Digits]:
    """What the numbers of each column take: read before the rows, in the same snapshot."""
    numbers = [column.name for column in view.columns if column.kind == "number"]
    if not numbers:
        return {}
    each = sql.SQL(
        "coalesce(max(length(trunc(abs({0}))::text)) FILTER (WHERE {0} > '-Infinity'"
        " AND {0} < 'Infinity'), 0),"
        " coalesce(max(min_scale({0})), 0),"
        " coalesce(bool_and({0} > '-Infinity' AND {0} < 'Infinity'), true)"
    )
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(each.format(sql.Identifier(name)) for name in numbers),
        _source(view, selection),
    )
    row = connection.execute(query).fetchone() or ()
    return {name: Digits(*row[3 * i : 3 * i + 3]) for i, name in enumerate(numbers)}


def rows(
    connection: Connection, view: View, selection: Selection
) -> Iterator[list[tuple[str | None, ...]]]:
    """The rows in batches, values as text, oldest first; flat memory."""
    query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
        sql.SQL(", ").join(_as_text(column) for column in view.columns),
        _source(view, selection),
        sql.SQL(", ").join(map(sql.Identifier, _order(view))),
    )
    with connection.cursor(name="export") as cursor:
        cursor.execute(query)
        while batch := cursor.fetchmany(_FETCH_ROWS):
            yield batch


def checks(connection: Connection, selection: Selection) -> list[tuple[Any, ...]]:
    """Account, month, check, state and detail of the months that a selection touches.

    With those of the public streams, which reports of an account depend on. Without a period, what
    the checks said when they were last asked: to ask them of all history may take long.
    """
    zone = _zone_of(selection)
    whole = selection.start is None and selection.end is None
    conditions: list[sql.Composable] = [sql.SQL("zone = {}").format(zone)]
    if selection.account is not None:
        conditions.append(sql.SQL("account IN ({}, {})").format(selection.account, PUBLIC_ACCOUNT))
    if selection.start is not None:
        day = _day_of(selection.start, zone)
        conditions.append(sql.SQL("month >= date_trunc('month', {})").format(day))
    if selection.end is not None:
        conditions.append(sql.SQL("month < {}").format(_first_day_from(selection.end, zone)))
    judged = sql.SQL(
        "(SELECT coalesce(name, judged.account_id::text) AS account, month, zone, check_name,"
        " state, detail FROM onetrading_sync.judgements AS judged"
        " LEFT JOIN onetrading.accounts USING (account_id))"
    )
    query = sql.SQL(
        "SELECT account, month, check_name, state, detail FROM {} AS checks WHERE {}"
        " ORDER BY month, account, check_name"
    ).format(
        judged if whole else sql.SQL("reporting.month_close_by_zone"),
        sql.SQL(" AND ").join(conditions),
    )
    return connection.execute(query).fetchall()


def _zone_of(selection: Selection) -> sql.Composable:
    """The time zone of the days and months of a selection."""
    if selection.zone is None:
        return sql.SQL("(SELECT zone FROM onetrading.business_zone)")
    return sql.SQL("reporting.known_zone({})").format(selection.zone)


def _source(view: View, selection: Selection) -> sql.Composed:
    """FROM and WHERE: the view, or the function of its name, with the rows selected."""
    name = sql.Identifier("reporting", view.name)
    source = name if selection.zone is None else sql.SQL("{}({})").format(name, selection.zone)
    conditions: list[sql.Composable] = [sql.SQL("true")]
    if selection.account is not None:
        conditions.append(sql.SQL("account = {}").format(selection.account))
    for operator, instant in ((">=", selection.start), ("<", selection.end)):
        if instant is not None and view.time_column is not None:
            bound = _bound(view, view.time_column, instant, _zone_of(selection))
            column = sql.Identifier(view.time_column)
            conditions.append(sql.SQL("{} {} {}").format(column, sql.SQL(operator), bound))
    return sql.SQL("{} AS source WHERE {}").format(source, sql.SQL(" AND ").join(conditions))


def _bound(
    view: View, name: str, instant: datetime, zone: sql.Composable
) -> sql.Literal | sql.Composed:
    """An instant as the column measures time: a day, month or year counts by its first instant."""
    kind = next(column.kind for column in view.columns if column.name == name)
    if kind == "instant":
        return sql.Literal(instant)
    # Views without a zone have the days and months of UTC.
    first = _first_day_from(instant, zone if view.takes_zone else sql.Literal("UTC"))
    if kind == "date":
        return first
    return sql.SQL("extract(year FROM {} + interval '1 year' - interval '1 day')").format(first)


def _day_of(instant: datetime, zone: sql.Composable) -> sql.Composed:
    """The day of a zone that holds an instant; midnight UTC, as bare dates are, is that date."""
    if _is_bare(instant):
        return sql.SQL("{}::date").format(instant.date())
    return sql.SQL("({}::timestamptz AT TIME ZONE {})::date").format(instant, zone)


def _first_day_from(instant: datetime, zone: sql.Composable) -> sql.Composed:
    """The first day of a zone that begins at an instant or later; midnight UTC is that date."""
    if _is_bare(instant):
        return sql.SQL("{}::date").format(instant.date())
    return sql.SQL(
        "(({}::timestamptz AT TIME ZONE {}) + interval '1 day' - interval '1 microsecond')::date"
    ).format(instant, zone)


def _is_bare(instant: datetime) -> bool:
    return instant.timetz().replace(tzinfo=None) == time()


def _order(view: View) -> Sequence[str]:
    """Time first, then what tells ties apart, so that two exports of one state are the same."""
    first = [name for name in (view.time_column, *_ORDER_OF_TIES) if name and view.has(name)]
    sortable = [column.name for column in view.columns if column.type_name != "json"]
    return list(dict.fromkeys([*first, *sortable]))


def _as_text(column: ViewColumn) -> sql.Composed:
    name = sql.Identifier("source", column.name)
    if column.kind != "instant":
        return sql.SQL("{}::text").format(name)
    return sql.SQL(
        "CASE WHEN isfinite({0}) THEN to_char({0} AT TIME ZONE 'UTC',"
        ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') ELSE {0}::text END'
    ).format(name)
