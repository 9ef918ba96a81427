"""The details of closed positions: which are to be read, what they say, and what they prove.

What is to be read follows from Postgres alone: positions that were never read, or that came back
different since. Details are read as a whole, and stored with the record that they were read, in one
transaction. Each function runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.json import Jsonb

from exporter.model.closings import Closings, Follower
from exporter.model.errors import (
    BadRequest,
    CursorExpired,
    DataRefused,
    ExchangeError,
    Refused,
)
from exporter.model.fields import EXACT
from exporter.model.storable import storable
from exporter.model.stream import Drift, Partition, Reject, Table
from exporter.store import (
    counted_positions,
    fact_counts,
    issues,
    record_pages,
    rejects,
    slots,
)
from exporter.store import table as tables
from exporter.store.database import Connection
from exporter.store.lease import Lease, ask, check
from exporter.store.queries import QUERIES, identity_of

PAUSES = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1))
"""How long details that could not be read, or are not complete, wait to be requested again. The
last one, once refused, or once not complete, is the last attempt."""
_COMPARED_AT_ONCE = 500
_LONGEST_ERROR = 500


class Due(NamedTuple):
    """A closed position whose details are to be read."""

    position_id: str
    record_hash: int
    """Of the position's record, as stored."""
    total_funding_payments: Decimal | None
    total_trade_fees: Decimal | None
    happened_at: datetime | None
    failures: int
    """How often they could not be read, or not as a whole, since the record changed."""


@dataclass
class Details:
    """All pages of one position's details."""

    rows: list[Any] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    drift: set[Drift] = field(default_factory=set)


class Stored(NamedTuple):
    """What storing the details of a position did."""

    inserted: int
    updated: int
    rejected: int
    complete: bool
    """They add up to what the position says of them, or it does not say."""


def due(connection: Connection, partition: Partition, now: datetime, most: int) -> list[Due]:
    """At most so many positions to read, those closed last first."""
    parameters = identity_of(partition) | {"now": now, "most": most}
    return [Due(*row) for row in connection.execute(QUERIES["due_details"], parameters)]


def store(
    connection: Connection,
    stream: Follower,
    partition: Partition,
    position: Due,
    details: Details,
    now: datetime,
    lease: Lease | None,
) -> Stored:
    """Store the details of a position, what they tell of it, and that they were read.

    Raises LeaseLost.
    """
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    check(connection, partition.account_id, lease)
    scope = partition._replace(instrument=position.position_id)
    rows = _as_stored(connection, stream, position.position_id, details.rows)
    comparison = tables.compare(connection, stream.table, rows)
    written = tables.apply(connection, stream.table, comparison)
    fact_counts.add(connection, partition, len(written.inserted))
    issues.note(connection, scope, stream, comparison)
    rejected = rejects.keep(connection, scope, details.rejects)
    shown = [rejects.identity(reject) for reject in details.rejects]
    connection.execute(QUERIES["resolve_position_rejects"], identity_of(scope) | {"shown": shown})
    rejects.note_drift(connection, partition, details.drift)
    complete = not details.rejects and _adds_up(stream, position, details.rows)
    if not complete and not details.rejects:
        _note_incomplete(connection, stream, partition, position, details.rows)
    attempt = _attempt(partition, position, now) | {"complete": complete}
    connection.execute(QUERIES["note_details_read"], attempt)
    if stream.completes is not None:
        complete_position(
            connection, stream.completes, partition, position.position_id, complete=complete
        )
    return Stored(len(written.inserted), len(written.changed), rejected, complete)


def complete_position(
    connection: Connection,
    followed: Closings,
    partition: Partition,
    position_id: str,
    *,
    complete: bool,
) -> None:
    """Fill in what the list of positions did not tell, by the position's trades, and count it.

    ``partition`` is any of the account. In the transaction that stores the trades, after that.
    """
    identity = identity_of(partition._replace(stream=followed.name, instrument=""))
    connection.execute(QUERIES["lock_stream"], identity)
    parameters = identity | {"position_id": position_id, "complete": complete}
    connection.execute(QUERIES["derive_position"], parameters)
    counted_positions.count(connection, followed, partition, position_id)


def note_failed(
    connection: Connection,
    stream: Follower,
    partition: Partition,
    position: Due,
    error: ExchangeError | DataRefused,
    now: datetime,
    lease: Lease | None,
) -> bool:
    """Record that details could not be read; whether they will be requested again by themselves.

    If not, what is known of the position by now is all that there will be. Raises LeaseLost.
    """
    check(connection, partition.account_id, lease)
    refused = isinstance(error, BadRequest | Refused) and not isinstance(error, CursorExpired)
    parameters = _attempt(partition, position, now) | {
        "error": storable(str(error))[:_LONGEST_ERROR],
        "refused": refused,
    }
    row = connection.execute(QUERIES["note_details_failed"], parameters).fetchone()
    again = row is None or row[1] is not None
    if not again and stream.completes is not None:
        complete_position(
            connection, stream.completes, partition, position.position_id, complete=False
        )
    return again


def request_again(connection: Connection, partition: Partition, now: datetime) -> None:
    """Let the details of one position be due; the partition's instrument is the position's id.

    Those that were never read, or given up before the position changed, are due anyway.
    """
    connection.execute(QUERIES["request_details_again"], identity_of(partition) | {"now": now})


def compare(
    connection: Connection, partition: Partition, now: datetime, lease: Lease | None
) -> dict[str, int]:
    """Compare what was read with the account's own lists, where these are proven complete.

    Returns how many new issues there are, by kind: ``missing`` there, ``different``, ``unlisted``
    among the details of any position. Raises LeaseLost.
    """
    held = ask(connection, partition.account_id, lease)
    parameters = identity_of(partition) | {"now": now, "most": _COMPARED_AT_ONCE}
    found = connection.execute(QUERIES[f"compare_{partition.stream}"], parameters)
    held()
    return dict(found.fetchall())


def _attempt(partition: Partition, position: Due, now: datetime) -> dict[str, Any]:
    return identity_of(partition) | {
        "position_id": position.position_id,
        "record_hash": position.record_hash,
        "now": now,
        "pauses": list(PAUSES),
    }


def _as_stored(
    connection: Connection, stream: Follower, position_id: str, rows: Sequence[Any]
) -> list[Any]:
    """The rows, each with the stamp under which it is stored already, where the stamp is its key.

    The exchange may send an instant in seconds, milliseconds or nanoseconds: that makes no other
    payment of it.
    """
    if stream.instant not in stream.table.key:
        return list(rows)
    statement = _all_of(stream.table)
    found = connection.execute(statement, {"position_id": position_id}).fetchall()
    known = [stream.table.row(*values) for values in found]
    return [_in_precision(stream.instant, row, known) for row in rows]


def _in_precision(instant: str, row: Any, known: Sequence[Any]) -> Any:
    at = getattr(row, instant)
    for stored in known:
        if getattr(stored, instant) != at and slots.same_instant(getattr(stored, instant), at):
            if slots.same_json(stored.raw, row.raw):
                return stored
            stamps = (instant, f"{instant}_nanos")
            return row._replace(**{name: getattr(stored, name) for name in stamps})
    return row


@cache
def _all_of(table: Table) -> sql.Composed:
    return sql.SQL("SELECT {} FROM {} AS stored WHERE position_id = %(position_id)s").format(
        record_pages.selected(table), sql.Identifier("onetrading", table.name)
    )


_SUMMED: Mapping[str, tuple[str, str]] = {
    "position_funding": ("amount", "total_funding_payments"),
    "position_trades": ("fee_amount", "total_trade_fees"),
}
"""The column of the details, and of the position, that must agree."""


def _adds_up(stream: Follower, position: Due, rows: Sequence[Any]) -> bool:
    """Whether the details are all of the position's: no paging is documented, but what they must
    sum up to is. Each may be rounded in its last digit."""
    column, total_name = _SUMMED[stream.name]
    total: Decimal | None = getattr(position, total_name)
    amounts = [getattr(row, column) for row in rows]
    if total is None or None in amounts:
        return True
    found = Decimal()
    for amount in amounts:
        found = EXACT.add(found, amount)
    allowed = len(rows) * counted_positions.half_of_last_digit(amounts)
    allowed += counted_positions.half_of_last_digit([total])
    return abs(EXACT.subtract(found, total)) <= allowed


def _note_incomplete(
    connection: Connection,
    stream: Follower,
    partition: Partition,
    position: Due,
    rows: Sequence[Any],
) -> None:
    column, total_name = _SUMMED[stream.name]
    found = Decimal()
    for row in rows:
        found = EXACT.add(found, getattr(row, column))
    total = getattr(position, total_name)
    issue = {
        "kind": "incomplete",
        "key": Jsonb({"position_id": position.position_id}),
        "old": Jsonb({total_name: str(total)}),
        "new": Jsonb({"records": len(rows), "sum": str(found)}),
        "happened_at": position.happened_at,
    }
    connection.execute(QUERIES["note_finding"], identity_of(partition) | issue)
