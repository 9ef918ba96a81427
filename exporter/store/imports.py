"""Bring what was read from a file into its table: what is new, and what differs when asked to.

The rows go into a temporary table and are compared there, so that a file of any size needs little
memory and a few statements. All of it is one transaction: a fault leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from psycopg import sql

from exporter.model.stream import PUBLIC_ACCOUNT_ID
from exporter.store.database import Connection

_MOST_LISTED = 1000
_INCOMING = sql.Identifier("pg_temp", "incoming")
_STORED = sql.SQL("stored")


class Target(Protocol):
    """The table that the rows are for, in the schema `onetrading`."""

    @property
    def stream(self) -> str:
        """What its issues are noted under."""

    @property
    def table(self) -> str:
        """Its name."""

    @property
    def columns(self) -> tuple[str, ...]:
        """In the order of the values of a row."""

    @property
    def key(self) -> tuple[str, ...]:
        """Those that identify a row."""

    @property
    def happened_at(self) -> str:
        """The one that says when it happened, an instant or a date."""

    @property
    def has_account(self) -> bool:
        """Whether ``account_id`` is one of them."""


class Repeated(NamedTuple):
    """A key that stands in several lines of the file."""

    key: dict[str, Any]
    lines: list[int]


class Differing(NamedTuple):
    """A row whose key is stored with other content: values as text, by column."""

    line: int
    key: dict[str, Any]
    stored: dict[str, Any]
    read: dict[str, Any]


class Imported(NamedTuple):
    """How many rows of a file were what."""

    inserted: int
    unchanged: int
    replaced: int


def known_accounts(connection: Connection) -> dict[str, Any]:
    """The id of each account by its name, without that of the public streams."""
    found = connection.execute(
        "SELECT name, account_id FROM onetrading.accounts WHERE account_id <> %s",
        [PUBLIC_ACCOUNT_ID],
    )
    return dict(found.fetchall())


def receive(
    connection: Connection, target: Target, rows: Iterable[tuple[int, Sequence[Any]]]
) -> None:
    """COPY rows, each with the number of its line, into a temporary table of this transaction."""
    # Joining two large tables needs what the look-ups of the service do without, and a file may
    # take longer to read than any of its statements.
    connection.execute(
        "SELECT set_config('enable_seqscan', 'on', true),"
        " set_config('statement_timeout', '0', true)"
    )
    connection.execute("DROP TABLE IF EXISTS pg_temp.incoming")
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE incoming ON COMMIT DROP AS"
            " SELECT 0::bigint AS line, {} FROM {} WITH NO DATA"
        ).format(_names(target.columns), _table(target))
    )
    copying = sql.SQL("COPY {} (line, {}) FROM STDIN").format(_INCOMING, _names(target.columns))
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for line, values in rows:
            copy.write_row((line, *values))
    connection.execute(sql.SQL("ANALYZE {}").format(_INCOMING))
    # What is found to differ must not change before it is loaded. Readers are not kept waiting.
    connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(_table(target)))


def repeated(connection: Connection, target: Target) -> list[Repeated]:
    """The keys that the file has more than once, in the order of its lines; a thousand at most."""
    query = sql.SQL(
        "SELECT {}, array_agg(line ORDER BY line) FROM {} AS read GROUP BY {}"
        " HAVING count(*) > 1 ORDER BY min(line) LIMIT {}"
    ).format(_record(target.key, "read"), _INCOMING, _names(target.key), _MOST_LISTED)
    return [Repeated._make(row) for row in connection.execute(query)]


def differing(connection: Connection, target: Target) -> list[Differing]:
    """The rows that are stored with other content, in the order of their lines; at most 1000."""
    query = sql.SQL(
        "SELECT line, {}, {}, {} FROM {} AS read JOIN {} AS stored USING ({}) WHERE {}"
        " ORDER BY line LIMIT {}"
    ).format(
        _record(target.key, "read"),
        _record(_rest(target), "stored"),
        _record(_rest(target), "read"),
        _INCOMING,
        _table(target),
        _names(target.key),
        _differs(target),
        _MOST_LISTED,
    )
    return [Differing._make(row) for row in connection.execute(query)]


def load(connection: Connection, target: Target) -> Imported:
    """Insert what is new, and replace what differs, which keeps both records as an issue."""
    connection.execute(_note_changed(target))
    replaced = connection.execute(_replace(target)).rowcount
    inserted = connection.execute(_insert(target)).rowcount
    counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(_INCOMING)).fetchone()
    read = counted[0] if counted else 0
    return Imported(inserted, read - inserted - replaced, replaced)


def _note_changed(target: Target) -> sql.Composed:
    """As `note_issue`, for all rows that differ; with another time, in both months."""
    account = sql.SQL("stored.account_id" if target.has_account else "{}::uuid")
    happened = sql.SQL("at" if target.has_account else "at::timestamp AT TIME ZONE 'UTC'")
    return sql.SQL(
        "INSERT INTO onetrading_sync.issues"
        " (account_id, stream, kind, key, old_record, new_record, happened_at)"
        " SELECT {}, {}, 'changed', {}, {}, {}, {} FROM {} AS read JOIN {} AS stored USING ({})"
        " CROSS JOIN LATERAL (SELECT stored.{happened_at} UNION SELECT read.{happened_at})"
        " AS times (at) WHERE {} ORDER BY line, at"
    ).format(
        account if target.has_account else account.format(PUBLIC_ACCOUNT_ID),
        target.stream,
        _record([name for name in target.key if name != "account_id"], "read"),
        _record(_told(target), "stored"),
        _record(_told(target), "read"),
        happened,
        _INCOMING,
        _table(target),
        _names(target.key),
        _differs(target),
        happened_at=sql.Identifier(target.happened_at),
    )


def _replace(target: Target) -> sql.Composed:
    rest = _rest(target)
    return sql.SQL("UPDATE {} AS stored SET {} FROM {} AS read WHERE {} AND {}").format(
        _table(target),
        sql.SQL(", ").join(sql.SQL("{0} = read.{0}").format(sql.Identifier(c)) for c in rest),
        _INCOMING,
        sql.SQL(" AND ").join(
            sql.SQL("stored.{0} = read.{0}").format(sql.Identifier(c)) for c in target.key
        ),
        _differs(target),
    )


def _insert(target: Target) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {} ({}) SELECT {} FROM {} AS read WHERE NOT EXISTS"
        " (SELECT FROM {} AS stored WHERE ({}) = ({})) ORDER BY {}"
    ).format(
        _table(target),
        _names(target.columns),
        _names(target.columns),
        _INCOMING,
        _table(target),
        _of("stored", target.key),
        _of("read", target.key),
        _names(target.key),
    )


def _differs(target: Target) -> sql.Composed:
    rest = _rest(target)
    return sql.SQL("({}) IS DISTINCT FROM ({})").format(_of("stored", rest), _of("read", rest))


def _rest(target: Target) -> list[str]:
    return [name for name in target.columns if name not in target.key]


def _told(target: Target) -> list[str]:
    """The columns of the records of an issue, which has the account beside."""
    return [name for name in target.columns if name != "account_id"]


def _table(target: Target) -> sql.Identifier:
    return sql.Identifier("onetrading", target.table)


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _of(table: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table, name) for name in columns)


def _record(columns: Iterable[str], table: str) -> sql.Composed:
    """Columns as a JSON object of texts: a number in JSON would be a float to many readers."""
    pairs = [
        sql.SQL("{}, to_jsonb({}) #>> '{{}}'").format(name, sql.Identifier(table, name))
        for name in columns
    ]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))
