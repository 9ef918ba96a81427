"""What closed positions add to the counters, and whether their amounts fit together.

A position is counted once, under the instrument that is known then. The generic counters
(`totals`) would move it from one label to another when its instrument becomes known, and a counter
that falls looks like a restart to Prometheus.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from exporter.model.closings import Closings
from exporter.model.fields import EXACT
from exporter.model.stream import Partition
from exporter.store import totals
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of
from exporter.store.table import WriteResult

_LEAST_PLACES = 2
"""Decimals: amounts of fewer are not rounded but short."""


def note_written(
    connection: Connection, stream: Closings, partition: Partition, written: WriteResult
) -> None:
    """Count what a batch brought in, and note what does not add up."""
    for row in (*written.inserted, *written.now):
        if not balanced(row):
            issue = {
                "kind": "unbalanced",
                "key": Jsonb(stream.table.key_of(row)),
                "old": None,
                "new": row.raw,
                "happened_at": row.closed_at or row.opened_at,
            }
            connection.execute(QUERIES["note_finding"], identity_of(partition) | issue)
    count(connection, stream, partition)


def balanced(position: Any) -> bool:
    """Whether the result is gross plus funding less fees, as far as the amounts are exact.

    True where one of them was not sent. Each may be rounded in its last digit.
    """
    amounts = (
        position.realised_pnl,
        position.closing_pnl,
        position.total_funding_payments,
        position.total_trade_fees,
    )
    if None in amounts:
        return True
    net, gross, funding, fees = amounts
    difference = EXACT.subtract(net, EXACT.subtract(EXACT.add(gross, funding), fees))
    return abs(difference) <= 4 * half_of_last_digit(amounts)


def half_of_last_digit(amounts: Sequence[Decimal]) -> Decimal:
    """By how much one of the amounts can differ from what it was before it was rounded."""
    places = max((-_exponent(amount) for amount in amounts), default=0)
    return Decimal(5).scaleb(-max(places, _LEAST_PLACES) - 1)


def _exponent(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def count(
    connection: Connection,
    stream: Closings,
    partition: Partition,
    position_id: str | None = None,
) -> None:
    """Add to the counters what is to be counted by now; ``partition`` is any of the account.

    ``position_id``: look at this one alone; looking at all takes the longer the more there are.

    The metrics of the stream are the number of positions, their gains and their losses.
    """
    identity = identity_of(partition._replace(stream=stream.name, instrument=""))
    names = [metric.name for metric in stream.metrics]
    counters = dict(zip(("closed", "gained", "lost"), names, strict=True))
    one = {"position_id": position_id}
    connection.execute(QUERIES["count_positions"], identity | counters | one)


def open_counting(
    connection: Connection, stream: Closings, partition: Partition, since: datetime
) -> totals.Opening:
    """Start the counters with what was closed from ``since`` on, unless they were before."""
    identity = identity_of(partition)
    if totals.is_counting(connection, identity):  # without the lock: the usual answer
        return "known"
    connection.execute(QUERIES["lock_stream"], identity)
    if connection.execute(QUERIES["open_counting"], identity | {"since": since}).fetchone() is None:
        return "known"
    count(connection, stream, partition)
    return "opened"
