"""What Postgres knows of open orders: which left the list, and what became of them.

Nothing is kept in memory between two steps, so that a process that dies in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from exporter.model.live_history import LiveHistory
from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.store import loader
from exporter.store.database import Connection
from exporter.store.lease import Lease, check
from exporter.store.loader import Batch, Loaded
from exporter.store.queries import QUERIES, identity_of


class Left(NamedTuple):
    """An order that is open as far as is known, and is not in the list of open ones."""

    order_id: str
    created_at: datetime


def load_listed(
    connection: Connection,
    stream: LiveHistory,
    partition: Partition,
    batch: Batch,
    lease: Lease | None,
    history: Window,
    *,
    salvaging: bool = False,
) -> Loaded:
    """Write what the list of open orders holds; an order that was judged otherwise is open again.

    As `loader.load_present`.
    """
    done = loader.load_present(
        connection, stream, partition, batch, lease, history, salvaging=salvaging
    )
    listed = [row for row in batch.rows if row.is_open]
    connection.execute(
        QUERIES["reopen_listed"],
        identity_of(partition)
        | {
            "ids": [row.order_id for row in listed],
            "statuses": [row.status for row in listed],
            "filled": [row.filled_amount for row in listed],
        },
    )
    return done


def left(
    connection: Connection, partition: Partition, listed: Collection[str], answers_from: datetime
) -> list[Left]:
    """The open orders that are not among ``listed``, a complete list of ids.

    In the order in which they are best asked for: of those that the exchange tells of one by one,
    which are those created after ``answers_from``, the oldest will soon not be told of any more.
    """
    parameters = identity_of(partition) | {"listed": list(listed), "answers_from": answers_from}
    return [Left(*row) for row in connection.execute(QUERIES["orders_left"], parameters)]


def still_open(connection: Connection, partition: Partition, ids: Sequence[str]) -> set[str]:
    """Those of some orders that are still open as far as is known."""
    parameters = identity_of(partition) | {"ids": list(ids)}
    return {
        order_id for (order_id,) in connection.execute(QUERIES["orders_still_open"], parameters)
    }


def created_in(connection: Connection, partition: Partition, window: Window) -> int:
    """How many orders are known that were created in a window."""
    parameters = identity_of(partition) | {"start": window.start, "end": window.end}
    row = connection.execute(QUERIES["orders_created"], parameters).fetchone()
    return int(row[0]) if row else 0


def judge(
    connection: Connection, partition: Partition, order_id: str, lease: Lease | None, *, known: bool
) -> bool:
    """An open order is closed or, unless ``known``, in an unknown state, which becomes an issue.

    False when it is not open any more. Raises LeaseLost.
    """
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    check(connection, partition.account_id, lease)
    parameters: dict[str, Any] = identity_of(partition) | {
        "order_id": order_id,
        "is_open": False if known else None,
    }
    judged = connection.execute(QUERIES["judge_order"], parameters).fetchone()
    if judged is None:
        return False
    if not known:
        issue = identity_of(partition) | {
            "kind": "order_unknown",
            "found_by": None,
            "key": Jsonb({"order_id": order_id}),
            "happened_at": judged[1],
            "old": judged[0],
            "new": None,
        }
        connection.execute(QUERIES["note_issue"], issue)
    return True


def unknown(connection: Connection, partition: Partition) -> int:
    """How many orders of the account are in an unknown state."""
    row = connection.execute(QUERIES["orders_unknown"], identity_of(partition)).fetchone()
    return int(row[0]) if row else 0
