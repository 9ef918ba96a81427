"""Sum the trades of finished months, so that reports on all of history are fast.

Nothing depends on it but their speed: Postgres deletes what a later write makes stale.
"""

from __future__ import annotations

from datetime import date
from functools import partial

from exporter.store.database import Connection
from exporter.store.lease import Lease, check
from exporter.store.queries import QUERIES
from exporter.store.storage import Storage


def roll_finished_months(storage: Storage, account_id: str) -> int:
    """Sum each finished month whose trades are proven complete; how many.

    Each in a transaction of its own. Writers of the account's trades wait meanwhile. Raises
    StandingBy and DatabaseError.
    """
    due = storage.writable().run(months_to_roll, account_id)
    for month in due:
        storage.run_leased(account_id, partial(roll, account_id=account_id, month=month))
    return len(due)


def months_to_roll(connection: Connection, account_id: str) -> list[date]:
    """The months that are due, newest first.

    None that a backfill is still to read: what it brings would take the sums away.
    """
    found = connection.execute(QUERIES["months_to_roll"], {"account_id": account_id})
    return [month for (month,) in found]


def roll(connection: Connection, lease: Lease | None, account_id: str, month: date) -> None:
    """Sum one month, by its first day in UTC, in the caller's transaction. Raises LeaseLost."""
    check(connection, account_id, lease)
    connection.execute(QUERIES["lock_rolled"], {"account_id": account_id})
    connection.execute(QUERIES["roll_month"], {"account_id": account_id, "month": month})
