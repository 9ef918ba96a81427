"""Compare the trades inside of orders with the stored trades, and load those that are missing.

An order is compared once the list of trades is proven for its whole life: before that, a trade that
is not stored yet is not missing. What the list has told counts; the record inside of an order may
tell less, and never replaces it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

from exporter.model.envelope import bare_list
from exporter.model.errors import BadRecord, UnexpectedPayload
from exporter.model.live_history import Embedded, LiveHistory
from exporter.model.page import read
from exporter.model.stream import Partition, Reject, Stream
from exporter.model.window import Window
from exporter.store import fact_counts, issues, rejects, totals
from exporter.store import table as tables
from exporter.store.database import Connection
from exporter.store.lease import Lease
from exporter.store.lease import ask as ask_for_lease
from exporter.store.loader import Loaded
from exporter.store.queries import QUERIES, identity_of
from exporter.store.session import catch_up
from exporter.store.table import Comparison

_ORDERS_AT_ONCE = 200
_NO_ID = "00000000-0000-0000-0000-000000000000"


class Place(NamedTuple):
    """An order up to which orders were compared, by creation."""

    created_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    order_id: str = _NO_ID


class Checked(NamedTuple):
    """What one transaction did."""

    loaded: Loaded
    """Of the stream of trades."""
    missed: int
    """How many of those the list of trades had not sent, although it had been read."""
    upto: Place | None
    """Where to go on; None when no order was left."""


class _Proven(NamedTuple):
    """What the list of trades is expected to hold, and what of it was read."""

    required_from: datetime | None
    """None when nothing is expected of it: then every trade is loaded at once."""
    ranges: Any
    """A multirange."""

    def awaits(self, at: datetime) -> bool:
        """Whether the list is still to be read for an instant."""
        if self.required_from is None or at < self.required_from:
            return False
        return not self.holds(at)

    def holds(self, at: datetime) -> bool:
        """Whether the list was read for an instant."""
        return self.ranges is not None and any(at in part for part in self.ranges)


@dataclass
class _Found:
    """The trades inside of some orders."""

    orders: list[tuple[str, int]] = field(default_factory=list)
    """Id and hash of each order that was read."""
    rows: list[Any] = field(default_factory=list)
    rejects: list[tuple[Reject, Window]] = field(default_factory=list)
    """What cannot be read, and the life of its order."""
    owner: dict[Any, str] = field(default_factory=dict)
    """Trade to order."""


def check(
    connection: Connection,
    lease: Lease | None,
    stream: LiveHistory,
    partition: Partition,
    inner: Partition,
    after: Place,
    *,
    awaited: bool,
) -> Checked:
    """Compare the trades inside of the next orders; ``inner`` is what the trades are read as.

    ``awaited``: their list is going to be read, even if nothing is known of that yet. May run ahead
    as long as there is nothing to compare. Raises LeaseLost.
    """
    connection.execute(QUERIES["lock_stream"], identity_of(inner))
    held = ask_for_lease(connection, inner.account_id, lease)
    proven = _proven(connection, inner)
    held()
    if proven.required_from is None and awaited:
        return Checked(Loaded(0, 0, 0, 0), 0, None)
    asked = identity_of(partition) | {
        "after": after.created_at,
        "after_id": after.order_id,
        "required_from": proven.required_from,
        "proven": proven.ranges,
        "most": _ORDERS_AT_ONCE,
    }
    orders = connection.execute(QUERIES["orders_to_check"], asked).fetchall()
    if not orders:
        return Checked(Loaded(0, 0, 0, 0), 0, None)
    catch_up(connection)
    found, reader = _Found(), replace(stream.embedded.stream, unwrap=bare_list)
    for order_id, row_hash, created_at, ended_at, record in orders:
        unread = _take(stream.embedded, reader, inner, found, order_id, record)
        found.rejects += [(reject, Window(created_at, ended_at)) for reject in unread]
        found.orders.append((order_id, row_hash))
        upto = Place(created_at, order_id)
    loaded, missed = _compare(connection, stream.embedded, inner, found, proven)
    return Checked(loaded, missed, upto if len(orders) == _ORDERS_AT_ONCE else None)


def _proven(connection: Connection, inner: Partition) -> _Proven:
    row = connection.execute(QUERIES["proven_of_other"], identity_of(inner)).fetchone()
    return _Proven(None, None) if row is None else _Proven(*row)


def _take(
    embedded: Embedded,
    reader: Stream,
    inner: Partition,
    found: _Found,
    order_id: str,
    record: str,
) -> list[Reject]:
    """Add the trades inside of one order; returns those that cannot be read.

    ``reader`` is their stream, as it reads a bare list of records.
    """
    try:
        body = b"[" + b",".join(embedded.records(record)) + b"]"
        page = read(reader, body, inner.account_id)
    except (BadRecord, UnexpectedPayload) as error:
        return [Reject(record, f"the trades of an order: {error}")]
    unread = list(page.rejects)
    for row in page.rows:
        if row.account_id != inner.account_id or row.order_id not in (None, order_id):
            reason = f"inside of order {order_id}, but of another order or account"
            unread.append(Reject(row.raw, reason))
            continue
        found.rows.append(row._replace(order_id=order_id))
        found.owner[row.trade_id] = order_id
    return unread


def _compare(
    connection: Connection, embedded: Embedded, inner: Partition, found: _Found, proven: _Proven
) -> tuple[Loaded, int]:
    """What was loaded, and how many of it the list should have told."""
    stream = embedded.stream
    comparison = tables.compare(connection, stream.table, found.rows)
    instant = attrgetter(stream.instant)
    waiting = [row for row in comparison.new if proven.awaits(instant(row))]
    missing = [row for row in comparison.new if not proven.awaits(instant(row))]
    written = tables.apply(connection, stream.table, Comparison(missing))
    fact_counts.add(connection, inner, len(written.inserted))
    totals.add(connection, stream, inner, written)
    missed = [row for row in missing if proven.holds(instant(row))]
    for row in missed:
        issue = issues.issue(inner, stream, "missed", row, row) | {"old": None}
        connection.execute(QUERIES["note_once"], issue)
    pairs = [(change.stored, change.read) for change in comparison.changed]
    for stored, read_one in (*pairs, *comparison.older, *comparison.twins):
        if embedded.differ(stored, read_one):
            issue = issues.issue(inner, stream, "order_differs", stored, read_one)
            connection.execute(QUERIES["note_once"], issue)
    rejected = _keep_rejects(connection, embedded, inner, found.rejects)
    late = {found.owner[row.trade_id] for row in waiting}
    done = [(order_id, row_hash) for order_id, row_hash in found.orders if order_id not in late]
    if done:
        ids, hashes = zip(*done, strict=True)
        parameters = {"ids": list(ids), "hashes": list(hashes)}
        connection.execute(QUERIES["trades_checked"], parameters)
    return Loaded(len(missing), 0, rejected, 0), len(missed)


def _keep_rejects(
    connection: Connection,
    embedded: Embedded,
    inner: Partition,
    found: Sequence[tuple[Reject, Window]],
) -> int:
    """Keep the trades that cannot be read, unless the list told of them, too."""
    table, count = embedded.stream.table, 0
    for reject, life in found:
        key = [] if reject.key is None else [SimpleNamespace(**reject.key)]
        if not tables.stored(connection, table, key):
            asked = rejects.Asked(life, embedded.stream.paging.unit)
            count += rejects.keep(connection, inner, [reject], asked)
    return count
